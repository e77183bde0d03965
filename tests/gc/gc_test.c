// The heap against a model graph, its limits, deep and wide graphs, collection without memory, and casts.
#include "runtime/gc/gc.h"
#include "runtime/base/alloc.h"
#include "runtime/base/bits.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static uint64_t seed = 1;
static uint32_t rnd(uint32_t n)
{
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(seed >> 33) % n;
}

// 0: node { i64, left, right, i8 }  1: below 0, with a v128  2: array of eqref  3: array of i8  4: empty struct  5: func
static const uint32_t stream[] = {
  1, COMP_STRUCT, TYPE_NO_SUPER, 4, 0, VT_I64, 1, VT_REF | VT_NULL | HEAP_EQ, 1, VT_REF | VT_NULL | HEAP_EQ, 1, VT_I8, 1,
  1, COMP_STRUCT, 0, 5, 0, VT_I64, 1, VT_REF | VT_NULL | HEAP_EQ, 1, VT_REF | VT_NULL | HEAP_EQ, 1, VT_I8, 1, VT_V128, 1,
  1, COMP_ARRAY, TYPE_NO_SUPER, 1, 0, VT_REF | VT_NULL | HEAP_EQ, 1,
  1, COMP_ARRAY, TYPE_NO_SUPER, 1, 0, VT_I8, 1,
  1, COMP_STRUCT, TYPE_NO_SUPER, 0, 0,
  1, COMP_FUNC, TYPE_NO_SUPER, 2, 0, VT_I32, VT_REF | VT_NULL | HEAP_EQ,
};
static const uint32_t type_index[] = { 1, 14, 29, 36, 43, 48 };
enum { NODE, NODE2, REFS, BYTES, EMPTY, FUNC, NTYPES };
static uint32_t ids[NTYPES];

static int set_up(void **state)
{
  (void)state;
  assert_true(zw_types_ok(stream, ARRAY_COUNT(stream), type_index, NTYPES));
  assert_true(zw_types_intern(stream, ARRAY_COUNT(stream), type_index, NTYPES, ids));
  return 0;
}

static void verify(GcHeap *h)
{
  char err[160];
  if (!zw_gc_verify(h, err, sizeof err))
    fail_msg("%s", err);
}
static uint8_t *at(GcHeap *h, GcRef r, uint32_t offset) { return zw_gc_base(h) + r + offset; }

// ---- the model: a copy of the graph, whose nodes know what their object must hold ----
enum { SLOTS = 200, KIDS = 6 };
typedef struct Model { GcRef ref; uint32_t type, nkids; int kid[KIDS]; /* slot, or -1 null, or -2 - i31 */ uint64_t stamp; bool reachable; } Model;
typedef struct Graph { GcHeap *h; Model m[SLOTS]; uint32_t handle[SLOTS]; /* of root slots */ GcRoots roots; } Graph;

static uint32_t kid_offset(const Model *m, uint32_t k) { return m->type == REFS ? GC_ARRAY_DATA + 4 * k : 16 + 4 * k; }
static GcRef kid_ref(Graph *g, int kid) { return kid >= 0 ? g->m[kid].ref : kid == -1 ? 0 : zw_i31_new((uint32_t)-kid); }

static void reach(Graph *g, int i)
{
  if (g->m[i].reachable || !g->m[i].ref)
    return;
  g->m[i].reachable = true;
  for (uint32_t k = 0; k < g->m[i].nkids; k++)
    if (g->m[i].kid[k] >= 0)
      reach(g, g->m[i].kid[k]); // shallow: the graph has 200 nodes
}
// Forget what the collector may free; unreachable slots become empty.
static void prune(Graph *g)
{
  for (int i = 0; i < SLOTS; i++)
    g->m[i].reachable = false;
  for (int i = 0; i < SLOTS; i++)
    if (g->handle[i])
      reach(g, i);
  for (int i = 0; i < SLOTS; i++)
    if (!g->m[i].reachable)
      g->m[i].ref = 0;
}
static void check(Graph *g)
{
  for (int i = 0; i < SLOTS; i++) {
    Model *m = &g->m[i];
    if (!m->ref)
      continue;
    assert_int_equal(zw_gc_head(g->h, m->ref)->type_id, ids[m->type]);
    if (m->type == NODE || m->type == NODE2)
      assert_true(zw_get64(at(g->h, m->ref, 8)) == m->stamp);
    if (m->type == BYTES)
      for (uint32_t k = 0; k < zw_gc_length(g->h, m->ref); k++)
        assert_int_equal(*at(g->h, m->ref, GC_ARRAY_DATA + k), m->stamp & 0xff);
    for (uint32_t k = 0; k < m->nkids; k++)
      assert_int_equal(zw_get32(at(g->h, m->ref, kid_offset(m, k))), kid_ref(g, m->kid[k]));
    if (g->handle[i])
      assert_int_equal(zw_gc_handle_get(g->h, g->handle[i]), m->ref);
  }
}
static void allocate(Graph *g, int i)
{
  Model m = { .type = rnd(5), .stamp = seed };
  uint32_t length = m.type == BYTES ? rnd(rnd(20) ? 100 : 100000) : rnd(KIDS + 1);
  prune(g);
  m.ref = m.type == REFS || m.type == BYTES ? zw_gc_array_new(g->h, ids[m.type], length) : zw_gc_struct_new(g->h, ids[m.type]);
  assert_int_not_equal(m.ref, 0);
  m.nkids = m.type == REFS ? length : m.type <= NODE2 ? 2 : 0;
  for (uint32_t k = 0; k < m.nkids; k++)
    m.kid[k] = -1;
  if (m.type == BYTES)
    assert_true(zw_gc_array_fill(g->h, m.ref, 0, (Value){ .u64 = m.stamp }, length));
  if (m.type <= NODE2)
    zw_put64(at(g->h, m.ref, 8), m.stamp);
  for (int k = 0; k < SLOTS; k++) // nobody may refer to the slot's old object by the slot's number
    for (uint32_t j = 0; j < g->m[k].nkids && g->m[k].ref; j++)
      if (g->m[k].kid[j] == i) {
        g->m[k].kid[j] = -1;
        zw_put32(at(g->h, g->m[k].ref, kid_offset(&g->m[k], j)), 0);
      }
  zw_gc_handle_delete(g->h, g->handle[i]);
  g->m[i] = m;
  g->handle[i] = zw_gc_handle_new(g->h, m.ref);
}
static void mutate(Graph *g)
{
  int i = (int)rnd(SLOTS), j = (int)rnd(SLOTS);
  Model *m = &g->m[i];
  if (m->ref && m->nkids && (rnd(4) == 0 || g->m[j].ref)) {
    uint32_t k = rnd(m->nkids);
    m->kid[k] = rnd(4) == 0 ? -1 - (int)rnd(5) : g->m[j].ref && g->m[j].type != 9 ? j : -1;
    zw_put32(at(g->h, m->ref, kid_offset(m, k)), kid_ref(g, m->kid[k]));
  }
  if (g->handle[i] && rnd(3) == 0) {
    zw_gc_handle_delete(g->h, g->handle[i]);
    g->handle[i] = 0;
    prune(g); // an unreachable slot must not be used again
  }
}
static void run_model(uint32_t steps, bool zeal)
{
  static Graph g;
  g = (Graph){ .h = zw_gc_new(8 << 20) };
  assert_non_null(g.h);
  zw_gc_set_zeal(g.h, zeal);
  for (uint32_t s = 0; s < steps; s++) {
    if (rnd(3) == 0)
      allocate(&g, (int)rnd(SLOTS));
    else
      mutate(&g);
    if (s % 500 == 0) {
      prune(&g);
      zw_gc_collect(g.h);
      check(&g);
      verify(g.h);
    }
  }
  prune(&g);
  check(&g);
  zw_gc_delete(g.h);
}
static void graph_survives_as_the_model_says(void **state)
{
  (void)state;
  for (seed = 1; seed < 5; seed++) {
    uint64_t keep = seed;
    run_model(30000, false);
    seed = keep;
  }
}
static void graph_survives_zeal(void **state)
{
  (void)state;
  seed = 77;
  run_model(1500, true);
}

// A list a million long and an array of a hundred thousand lists of one.
static void deep_and_wide_graphs_are_marked(void **state)
{
  (void)state;
  GcHeap *h = zw_gc_new(0);
  uint32_t root = zw_gc_handle_new(h, 0);
  for (uint32_t i = 0; i < 1000000; i++) {
    GcRef r = zw_gc_struct_new(h, ids[NODE]);
    assert_int_not_equal(r, 0);
    zw_put32(at(h, r, 16), zw_gc_handle_get(h, root));
    zw_gc_handle_delete(h, root);
    root = zw_gc_handle_new(h, r);
  }
  uint32_t array = zw_gc_handle_new(h, zw_gc_array_new(h, ids[REFS], 100000));
  for (uint32_t i = 0; i < 100000; i++)
    zw_put32(at(h, zw_gc_handle_get(h, array), GC_ARRAY_DATA + 4 * i), zw_gc_struct_new(h, ids[EMPTY]));
  zw_gc_collect(h);
  uint64_t want = 1000000 * 32 + 100000 * 8 + 16 + 400000;
  assert_int_equal(zw_gc_stats(h).live_bytes, want);
  verify(h);
  zw_gc_delete(h);
}

// The first page of the mark stack is refused, so that the first object stays pending and the heap is walked for it.
static void collection_needs_no_memory(void **state)
{
  (void)state;
  GcHeap *h = zw_gc_new(1 << 20);
  GcRef array = zw_gc_array_new(h, ids[REFS], 1000);
  zw_gc_handle_new(h, array);
  for (uint32_t i = 0; i < 1000; i++) {
    GcRef r = zw_gc_struct_new(h, ids[NODE]);
    zw_put32(at(h, r, 16), zw_gc_struct_new(h, ids[EMPTY]));
    zw_put32(at(h, array, GC_ARRAY_DATA + 4 * i), r);
  }
  for (uint64_t n = 1; n < 4; n++) {
    zw_alloc_fail_at(n);
    zw_gc_collect(h);
    zw_alloc_fail_at(0);
    assert_int_equal(zw_gc_stats(h).live_bytes, 4016 + 1000 * 32 + 1000 * 8);
    verify(h);
  }
  zw_gc_delete(h);
}

static void memory_reaches_a_plateau(void **state)
{
  (void)state;
  GcHeap *h = zw_gc_new(0);
  uint32_t keep[64] = { 0 };
  uint64_t first = 0;
  for (uint32_t i = 0; i < 10000000; i++) {
    GcRef r = i % 100 == 0 ? zw_gc_array_new(h, ids[BYTES], i % 5000) : zw_gc_struct_new(h, ids[NODE]);
    assert_int_not_equal(r, 0);
    if (i % 1000 == 0) {
      zw_gc_handle_delete(h, keep[i / 1000 % 64]);
      keep[i / 1000 % 64] = zw_gc_handle_new(h, r);
    }
    if (i == 1000000)
      first = zw_gc_stats(h).heap_bytes;
  }
  GcStats s = zw_gc_stats(h);
  assert_int_equal(s.allocated_objects, 10000000);
  assert_true(s.collections > 50 && s.heap_bytes <= first + first / 8 && s.heap_bytes < 16 << 20);
  verify(h);
  zw_gc_delete(h);
}

static void allocation_to_the_cap_fails_and_leaves_a_sound_heap(void **state)
{
  (void)state;
  static const uint64_t caps[] = { 1, 4096, 100000, 1 << 20, 5 << 20 };
  for (uint32_t c = 0; c < ARRAY_COUNT(caps); c++) {
    GcHeap *h = zw_gc_new(caps[c]);
    uint32_t n = 0, last = 0;
    for (GcRef r; (r = zw_gc_struct_new(h, ids[NODE])) != 0; n++) {
      zw_put32(at(h, r, 16), last ? zw_gc_handle_get(h, last) : 0);
      zw_gc_handle_delete(h, last);
      last = zw_gc_handle_new(h, r);
    }
    assert_true(n * 32ull >= caps[c] / 32 * 32 && n * 32ull <= caps[c] + 4096);
    assert_int_equal(zw_gc_struct_new(h, ids[NODE]), 0);
    assert_int_equal(zw_gc_array_new(h, ids[BYTES], UINT32_MAX), 0);
    assert_int_equal(zw_gc_array_new(h, ids[REFS], UINT32_MAX), 0);
    verify(h);
    zw_gc_handle_delete(h, last);
    zw_gc_collect(h);
    assert_int_equal(zw_gc_stats(h).live_bytes, 0);
    for (uint32_t i = 0; i < n; i++)
      assert_int_not_equal(zw_gc_struct_new(h, ids[NODE]), 0);
    zw_gc_delete(h);
  }
}

static void payloads_and_boxes_are_traced(void **state)
{
  (void)state;
  GcHeap *h = zw_gc_new(1 << 20);
  int tag;
  GcRef node = zw_gc_struct_new(h, ids[NODE]);
  uint32_t n = zw_gc_handle_new(h, node);
  GcRef exn = zw_gc_exn_new(h, &tag, ids[FUNC]);
  Value v[2] = { { .u32 = 7 }, { .u64 = node } };
  memcpy(zw_gc_exn_values(h, exn), v, sizeof v);
  uint32_t e = zw_gc_handle_new(h, exn), b = zw_gc_handle_new(h, zw_gc_box(h, &tag));
  zw_gc_handle_delete(h, n);
  zw_gc_set_zeal(h, true);
  assert_int_not_equal(zw_gc_struct_new(h, ids[EMPTY]), 0);
  assert_int_equal(zw_gc_head(h, node)->type_id, ids[NODE]);
  assert_ptr_equal(zw_gc_exn_tag(h, exn), &tag);
  assert_ptr_equal(zw_gc_unbox(h, zw_gc_handle_get(h, b)), &tag);
  zw_gc_handle_delete(h, e);
  assert_int_not_equal(zw_gc_struct_new(h, ids[EMPTY]), 0);
  assert_int_not_equal(zw_gc_head(h, node)->type_id, ids[NODE]);
  zw_gc_delete(h);
}

static void casts_follow_the_hierarchy(void **state)
{
  (void)state;
  GcHeap *h = zw_gc_new(1 << 20);
  GcRef refs[] = { 0, zw_i31_new(5), zw_gc_struct_new(h, ids[NODE]), zw_gc_struct_new(h, ids[NODE2]), zw_gc_array_new(h, ids[BYTES], 3), zw_gc_box(h, h) };
  static const struct { uint32_t heap; const char *yes; } want[] = { // for each of refs but null
    { HEAP_ANY, "11111" }, { HEAP_EQ, "11110" }, { HEAP_I31, "10000" }, { HEAP_STRUCT, "01100" }, { HEAP_ARRAY, "00010" },
    { HEAP_NONE, "00000" }, { NODE, "01100" }, { NODE2, "00100" }, { BYTES, "00010" }, { REFS, "00000" },
  };
  for (uint32_t w = 0; w < ARRAY_COUNT(want); w++) {
    ValType t = zw_valtype_with_ids(VT_REF | want[w].heap, ids);
    assert_false(zw_gc_is(h, 0, t));
    assert_true(zw_gc_is(h, 0, t | VT_NULL));
    for (uint32_t r = 1; r < ARRAY_COUNT(refs); r++)
      assert_int_equal(zw_gc_is(h, refs[r], t), want[w].yes[r - 1] == '1');
  }
  assert_int_equal(zw_i31_get_s(zw_i31_new(0x7fffffff)), UINT32_MAX);
  assert_int_equal(zw_i31_get_u(zw_i31_new(0xffffffff)), 0x7fffffff);
  zw_gc_delete(h);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(graph_survives_as_the_model_says), cmocka_unit_test(graph_survives_zeal), cmocka_unit_test(deep_and_wide_graphs_are_marked),
    cmocka_unit_test(collection_needs_no_memory), cmocka_unit_test(memory_reaches_a_plateau), cmocka_unit_test(allocation_to_the_cap_fails_and_leaves_a_sound_heap),
    cmocka_unit_test(payloads_and_boxes_are_traced), cmocka_unit_test(casts_follow_the_hierarchy),
  };
  return cmocka_run_group_tests(tests, set_up, NULL);
}
