// Canonical ids against a slow model that compares types structurally, on random type sections; the display
// against the chain of supertypes; hostile streams.
#include "runtime/type/type.h"
#include "runtime/abi/gcobj.h"
#include "runtime/base/bits.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>

enum { MAX_TYPES = 40, MAX_WORDS = 4096 };
typedef struct Section { // a module's types
  uint32_t stream[MAX_WORDS], index[MAX_TYPES], words, ntypes;
  uint32_t group_first[MAX_TYPES], group_count[MAX_TYPES]; // by type
  uint32_t ids[MAX_TYPES];
} Section;

static uint64_t seed;
static uint32_t rnd(uint32_t n)
{
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(seed >> 33) % n;
}

static ValType random_type(uint32_t limit, bool field)
{
  switch (rnd(field ? 6 : 5)) {
  case 0: case 1: return rnd(2);
  case 2: return VT_REF | (rnd(2) ? VT_NULL : 0) | (HEAP_FUNC + rnd(12));
  case 3: case 4: return VT_REF | (rnd(2) ? VT_NULL : 0) | rnd(limit);
  }
  return VT_I8;
}

static void put_type(Section *s, uint32_t limit)
{
  uint32_t kind = rnd(3), super = TYPE_NO_SUPER, *h = s->stream + s->words;
  s->index[s->ntypes] = s->words;
  h[TYPE_HEAD_KIND] = kind;
  h[TYPE_HEAD_N] = kind == COMP_ARRAY ? 1 : rnd(3), h[TYPE_HEAD_M] = kind == COMP_FUNC ? rnd(2) : 0;
  uint32_t n = kind == COMP_FUNC ? h[TYPE_HEAD_N] + h[TYPE_HEAD_M] : 2 * h[TYPE_HEAD_N];
  for (uint32_t i = 0; i < n; i++)
    h[TYPE_HEAD_WORDS + i] = kind == COMP_FUNC ? random_type(limit, false) : i % 2 ? rnd(2) : random_type(limit, true);
  if (s->ntypes && rnd(2)) { // a subtype: copies its supertype's body
    super = rnd(s->ntypes);
    const uint32_t *p = s->stream + s->index[super];
    uint32_t pn = (p[0] & 0xff) == COMP_FUNC ? p[2] + p[3] : 2 * p[2];
    if (!(p[TYPE_HEAD_KIND] & TYPE_FINAL)) {
      memcpy(h, p, (TYPE_HEAD_WORDS + pn) * 4);
      h[TYPE_HEAD_SUPER] = super;
      s->words += TYPE_HEAD_WORDS + pn;
      s->ntypes++;
      return;
    }
  }
  h[TYPE_HEAD_SUPER] = TYPE_NO_SUPER;
  h[TYPE_HEAD_KIND] |= rnd(4) ? 0 : TYPE_FINAL;
  s->words += TYPE_HEAD_WORDS + n;
  s->ntypes++;
}

static void make_section(Section *s, uint32_t groups)
{
  s->words = s->ntypes = 0;
  while (groups--) {
    uint32_t count = 1 + rnd(3), first = s->ntypes;
    if (first + count > MAX_TYPES)
      break;
    s->stream[s->words++] = count;
    for (uint32_t i = 0; i < count; i++) {
      s->group_first[s->ntypes] = first, s->group_count[s->ntypes] = count;
      put_type(s, first + count);
    }
  }
}

// The model: types are equal when their groups are, position by position.
typedef struct Pair { const Section *a, *b; int8_t memo[MAX_TYPES][MAX_TYPES]; } Pair;
static bool model_equal(Pair *p, uint32_t x, uint32_t y);
static bool model_index(Pair *p, uint32_t gx, uint32_t gy, uint32_t count, uint32_t x, uint32_t y)
{
  bool inside_x = x >= gx && x < gx + count, inside_y = y >= gy && y < gy + count;
  if (inside_x || inside_y)
    return inside_x && inside_y && x - gx == y - gy;
  return model_equal(p, x, y);
}
static bool model_type(Pair *p, uint32_t gx, uint32_t gy, uint32_t count, ValType x, ValType y)
{
  bool cx = zw_is_ref(x) && zw_heap_type(x) < HEAP_ABSTRACT, cy = zw_is_ref(y) && zw_heap_type(y) < HEAP_ABSTRACT;
  if (!cx || !cy)
    return x == y;
  return zw_is_nullable(x) == zw_is_nullable(y) && model_index(p, gx, gy, count, zw_heap_type(x), zw_heap_type(y));
}
static bool model_equal(Pair *p, uint32_t x, uint32_t y)
{
  if (p->memo[x][y])
    return p->memo[x][y] > 0;
  uint32_t gx = p->a->group_first[x], gy = p->b->group_first[y], count = p->a->group_count[x];
  bool same = count == p->b->group_count[y] && x - gx == y - gy;
  for (uint32_t k = 0; same && k < count; k++) {
    const uint32_t *h = p->a->stream + p->a->index[gx + k], *g = p->b->stream + p->b->index[gy + k];
    same = h[0] == g[0] && h[2] == g[2] && h[3] == g[3] && (h[1] == TYPE_NO_SUPER) == (g[1] == TYPE_NO_SUPER) &&
           (h[1] == TYPE_NO_SUPER || model_index(p, gx, gy, count, h[1], g[1]));
    bool func = (h[0] & 0xff) == COMP_FUNC;
    uint32_t n = func ? h[2] + h[3] : 2 * h[2];
    for (uint32_t j = 0; same && j < n; j++)
      same = func || j % 2 == 0 ? model_type(p, gx, gy, count, h[4 + j], g[4 + j]) : h[4 + j] == g[4 + j];
  }
  p->memo[x][y] = same ? 1 : -1;
  return same;
}

static bool model_sub(const Section *s, uint32_t x, uint32_t y_id)
{
  for (;; x = s->stream[s->index[x] + TYPE_HEAD_SUPER]) {
    if (s->ids[x] == y_id)
      return true;
    if (s->stream[s->index[x] + TYPE_HEAD_SUPER] == TYPE_NO_SUPER)
      return false;
  }
}

static void ids_are_equal_iff_types_are(void **state)
{
  (void)state;
  static Section s[2];
  static Pair p;
  uint32_t equal = 0;
  for (seed = 1; seed < 400; seed++) {
    uint64_t keep = seed;
    make_section(&s[0], 1 + rnd(10));
    if (keep % 4 == 0)
      seed = keep; // the same section again, then other groups
    make_section(&s[1], 1 + rnd(14));
    for (int i = 0; i < 2; i++) {
      assert_true(zw_types_ok(s[i].stream, s[i].words, s[i].index, s[i].ntypes));
      assert_true(zw_types_intern(s[i].stream, s[i].words, s[i].index, s[i].ntypes, s[i].ids));
    }
    for (int i = 0; i < 2; i++) {
      p = (Pair){ .a = &s[0], .b = &s[i] };
      for (uint32_t x = 0; x < s[0].ntypes; x++)
        for (uint32_t y = 0; y < s[i].ntypes; y++) {
          bool same = model_equal(&p, x, y);
          assert_int_equal(s[0].ids[x] == s[i].ids[y], same);
          assert_int_equal(zw_type_sub(s[0].ids[x], s[i].ids[y]), model_sub(&s[0], x, s[i].ids[y]));
          equal += same && i == 1;
        }
    }
    seed = keep;
  }
  assert_true(equal > 500);
}

static const uint32_t two_groups[] = {
  2, COMP_STRUCT, TYPE_NO_SUPER, 3, 0, VT_I8, 1, VT_I64, 0, VT_REF | VT_NULL | 1, 1, COMP_FUNC | TYPE_FINAL, TYPE_NO_SUPER, 1, 1, VT_REF | 0, VT_V128,
  1, COMP_STRUCT, 0, 5, 0, VT_I8, 1, VT_I64, 0, VT_REF | VT_NULL | 1, 1, VT_V128, 0, VT_REF | HEAP_ANY, 0,
};
static const uint32_t two_groups_index[] = { 1, 11, 18 };

static void layout_follows_the_rules(void **state)
{
  (void)state;
  uint32_t ids[3];
  assert_true(zw_types_intern(two_groups, ARRAY_COUNT(two_groups), two_groups_index, 3, ids));
  const TypeInfo *t = zw_type_info(ids[2]), *super = zw_type_info(ids[0]);
  const uint32_t want[] = { 8, 16, 24, 32, 48, 56 };
  for (int i = 0; i < 6; i++)
    assert_int_equal(t->offsets[i], want[i]);
  assert_int_equal(super->offsets[3], 32);
  assert_int_equal(t->nrefs, 1); // a function reference is not a GC reference
  assert_int_equal(t->refs[0], 48);
  assert_int_equal(t->depth, 1);
  assert_int_equal(t->display[0], ids[0]);
  assert_int_equal(t->types[2], VT_REF | VT_NULL | ids[1]);
  assert_true(zw_valtype_sub(VT_REF | ids[2], VT_REF | VT_NULL | ids[0]));
  assert_false(zw_valtype_sub(VT_REF | VT_NULL | ids[2], VT_REF | ids[0]));
  assert_true(zw_valtype_sub(VT_REF | ids[2], VT_REF | HEAP_EQ));
  assert_false(zw_valtype_sub(VT_REF | ids[1], VT_REF | HEAP_EQ));
  assert_true(zw_valtype_sub(VT_REF | VT_NULL | HEAP_NONE, VT_REF | VT_NULL | ids[2]));
  assert_false(zw_valtype_sub(VT_REF | VT_NULL | HEAP_NONE, VT_REF | VT_NULL | ids[1]));
}

static void host_function_types_meet_module_types(void **state)
{
  (void)state;
  static const uint32_t stream[] = { 1, COMP_FUNC | TYPE_FINAL, TYPE_NO_SUPER, 2, 1, VT_I32, VT_EXTERNREF, VT_F64 }, index[] = { 1 };
  uint32_t id;
  assert_true(zw_types_intern(stream, ARRAY_COUNT(stream), index, 1, &id));
  assert_int_equal(zw_type_func((ValType[]){ VT_I32, VT_EXTERNREF }, 2, (ValType[]){ VT_F64 }, 1), id);
  assert_int_not_equal(zw_type_func((ValType[]){ VT_I32 }, 1, (ValType[]){ VT_F64 }, 1), id);
}

// Every word of a good stream replaced by bad ones: refused, or still something that interns without harm.
static void hostile_streams_do_no_harm(void **state)
{
  (void)state;
  static const uint32_t bad[] = { 0, 1, 2, 3, 4, 255, 257, 0x7fffffff, 0x80000000, 0x80000003, 0x9fffffff, 0xa000000c, 0xe0000000, 0xffffffff };
  uint32_t s[ARRAY_COUNT(two_groups)], ids[3], refused = 0;
  for (uint32_t i = 0; i < ARRAY_COUNT(s); i++)
    for (uint32_t b = 0; b < ARRAY_COUNT(bad); b++) {
      memcpy(s, two_groups, sizeof s);
      s[i] = bad[b];
      if (zw_types_ok(s, ARRAY_COUNT(s), two_groups_index, 3))
        assert_true(zw_types_intern(s, ARRAY_COUNT(s), two_groups_index, 3, ids));
      else
        refused++;
    }
  for (uint32_t n = 0; n < ARRAY_COUNT(s); n++)
    assert_false(zw_types_ok(two_groups, n, two_groups_index, 3));
  assert_true(refused > 200);
}

static void *intern_many(void *arg)
{
  uint32_t *sum = arg;
  for (uint32_t i = 0; i < 3000; i++) {
    ValType params[3] = { i % 5, (i / 5) % 5, VT_REF | (HEAP_FUNC + (i / 25) % 12) };
    uint32_t id = zw_type_func(params, 3, NULL, 0);
    const TypeInfo *t = zw_type_info(id);
    if (t->n != 3 || t->types[2] != params[2])
      return arg;
    *sum = *sum * 31 + id;
  }
  return NULL;
}

static void threads_agree_on_ids(void **state)
{
  (void)state;
  pthread_t t[4];
  uint32_t sum[4] = { 0 };
  for (int i = 0; i < 4; i++)
    assert_int_equal(pthread_create(&t[i], NULL, intern_many, &sum[i]), 0);
  for (int i = 0; i < 4; i++) {
    void *failed;
    pthread_join(t[i], &failed);
    assert_null(failed);
    assert_int_equal(sum[i], sum[0]);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(ids_are_equal_iff_types_are), cmocka_unit_test(layout_follows_the_rules),
    cmocka_unit_test(host_function_types_meet_module_types), cmocka_unit_test(hostile_streams_do_no_harm),
    cmocka_unit_test(threads_agree_on_ids),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
