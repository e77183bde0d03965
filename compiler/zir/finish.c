// From a function's skeleton and instructions to everything that is derived from them: exact use counts, dead
// phis, loop live-ins, layout positions.  One walk backward over the code in layout order.
//
// Going backward, uses come before definitions, so "has no use yet" means dead and a dead instruction does not
// count its operands.  Phis are the exception: a back edge is met before the phis it feeds.  So the argument of a
// back edge is counted when its header is reached, and a value that comes alive late (it was passed as dead
// already) goes through a worklist.  Every (edge, live phi) and every operand of a live instruction is counted once.
#include "compiler/zir/zir_int.h"
#include "runtime/base/bits.h"
#include "runtime/base/vec.h"
#include <string.h>

typedef struct LoopUse { uint32_t loop, value; } LoopUse;
typedef struct LoopPair { uint32_t outer, inner; } LoopPair; // loop + 1; 0 = none
typedef struct Finish {
  ZirFunc *f;
  Arena *scratch;
  uint32_t *in_edge, *next_in;     // edges into a block with phis from those walked: a chain from in_edge[b] by next_in[]
  uint8_t *phis_done;              // per block
  LoopPair *last;                  // per value with ZV_IN_LOOPS: its latest live-in records
  uint32_t *loop_at;               // loops around the current block by depth, 1 = outermost
  uint32_t *jump;                  // per loop: an ancestor far up, for level_ancestor
  uint32_t here;                   // the loop that loop_at was filled for
  VEC(uint32_t) work;
  VEC(LoopUse) loop_uses;
  VEC(uint32_t) positions[4];      // by ZH_CALL ..., descending
} Finish;

// ---- which loop a use is in, seen from its definition ----

// Jump pointers (skew-binary): ancestors at any depth in O(log depth).  Loops are numbered outside in.
static void link_loops(Finish *s)
{
  const ZirFunc *f = s->f;
  s->jump = zw_new_array(s->scratch, uint32_t, f->nloops + 1);
  for (uint32_t l = 0; l < f->nloops; l++) {
    uint32_t p = f->loops[l].parent;
    ASSERT(p == NO_LOOP || p < l);
    if (p == NO_LOOP) {
      s->jump[l] = l;
      continue;
    }
    uint32_t j = s->jump[p], jj = s->jump[j];
    s->jump[l] = f->loops[p].depth - f->loops[j].depth == f->loops[j].depth - f->loops[jj].depth ? jj : p;
  }
}

static uint32_t ancestor(const Finish *s, uint32_t l, uint32_t depth)
{
  if (l == s->here)
    return s->loop_at[depth];
  const ZLoop *loops = s->f->loops;
  while (loops[l].depth > depth)
    l = loops[s->jump[l]].depth >= depth && s->jump[l] != l ? s->jump[l] : loops[l].parent;
  return l;
}

// The outermost loop around `inner` that does not contain a definition in loop `def`; NO_LOOP = none.
static uint32_t outermost_without(const Finish *s, uint32_t inner, uint32_t def)
{
  const ZLoop *loops = s->f->loops;
  if (def == NO_LOOP)
    return ancestor(s, inner, 1);
  uint32_t depth = loops[inner].depth, def_depth = loops[def].depth;
  if (depth > def_depth && ancestor(s, inner, def_depth) == def)
    return ancestor(s, inner, def_depth + 1);
  uint32_t a = inner, d = def; // the definition is in a loop that was left: climb to where the two part
  if (depth > def_depth)
    a = ancestor(s, inner, def_depth);
  else if (def_depth > depth)
    d = ancestor(s, def, depth);
  if (a == d)
    return NO_LOOP;
  for (;;) {
    if (loops[a].parent == loops[d].parent)
      return a;
    if (s->jump[a] != s->jump[d])
      a = s->jump[a], d = s->jump[d];
    else
      a = loops[a].parent, d = loops[d].parent;
  }
}

static void record_loop_use(Finish *s, uint32_t v, uint32_t loop)
{
  ZirFunc *f = s->f;
  uint32_t def = f->blocks[zw_zir_block(f, v)].loop;
  if (def == loop)
    return;
  uint32_t outer = outermost_without(s, loop, def);
  if (outer == NO_LOOP)
    return;
  LoopPair *last = &s->last[v];
  if (!zw_zir_is(f, v, ZV_IN_LOOPS)) {
    f->val[v].blk |= ZV_IN_LOOPS;
    *last = (LoopPair){ 0, 0 };
  }
  if (last->outer != outer + 1) {
    last->outer = outer + 1;
    *zw_push(s->scratch, &s->loop_uses) = (LoopUse){ outer, v };
  }
  if (loop != outer && last->inner != loop + 1) {
    last->inner = loop + 1;
    *zw_push(s->scratch, &s->loop_uses) = (LoopUse){ loop, v };
  }
}

// ---- counting ----

// Where uses are, while a block is walked.  What is constant and what is not, which operands there are, first use or
// not: no two instructions are alike in that, so nothing here branches on it.  What is no value counts for f->nins.
typedef struct Place {
  ZVal *val;                       // the function's
  uint32_t nobody, weight /* as ZVal.use adds it */, loop;
  uint32_t inside;                 // values below were made before the loop; 0 without one
} Place;
static inline Place place_of(const ZirFunc *f, const ZBlock *b)
{
  return (Place){ f->val, f->nins, b->cold ? 0 : zw_depth_weight(b->depth) << ZU_BITS, b->loop,
                  b->loop == NO_LOOP ? 0 : f->blocks[f->loops[b->loop].header].first };
}

static __attribute__((noinline)) void special_use(Finish *s, uint32_t v, uint32_t loop)
{
  if (zw_zir_is(s->f, v, ZV_PASSED)) { // it had no use yet
    s->f->val[v].blk &= ~(uint32_t)(ZV_PASSED | ZV_DEAD);
    *zw_push(s->scratch, &s->work) = v;
  }
  if (loop != NO_LOOP)
    record_loop_use(s, v, loop);
}

static __attribute__((noinline, cold)) uint32_t most_use(uint32_t old) { return old | ~(uint32_t)(ZU_SOME | ZU_MORE); }

static inline __attribute__((always_inline)) void use(Finish *s, Ref r, const Place *at)
{
  uint32_t v = r < at->nobody ? r : at->nobody, sum;
  ZVal *p = &at->val[v];
  uint32_t old = p->use;
  if (__builtin_expect(__builtin_add_overflow(old, at->weight, &sum), 0))
    sum = most_use(old);
  p->use = sum | ZU_SOME | (old << 1 & ZU_MORE);
  if (__builtin_expect(v < at->inside, 0) || __builtin_expect((p->blk & (ZV_PASSED | ZV_HOISTED)) != 0, 0))
    special_use(s, v, at->loop);
}
STATIC_ASSERT(ZU_MORE == ZU_SOME << 1, "a second use shifts the first");

// What has more than a and b to count.
static __attribute__((noinline)) void use_more(Finish *s, const ZIns *ins, const ZShape *shape, Place at)
{
  if (!shape->xa) {
    use(s, ins->c, &at);
    return;
  }
  uint32_t n = shape->xa == ZX_RANGE ? ins->b : shape->xa;
  const Ref *xa = s->f->xa + ins->a;
  for (uint32_t k = 0; k < n; k++)
    use(s, xa[k], &at);
}

static inline const ZShape *shape_of(const ZIns *ins) { return &zw_zir_shape[ins->op]; }
static inline __attribute__((always_inline)) void use_terminator(Finish *s, const ZIns *ins, const Place *at)
{
  const ZShape *shape = shape_of(ins);
  use(s, ins->a | (uint32_t)shape->no_a, at);
  if (__builtin_expect(shape->how & ZH_XA, 0))
    use_more(s, ins, shape, *at);
}
static inline __attribute__((always_inline)) void use_operands(Finish *s, const ZIns *ins, const ZShape *shape, const Place *at)
{
  use(s, ins->a | (uint32_t)shape->no_a, at);
  use(s, ins->b | (uint32_t)shape->no_b, at);
  if (__builtin_expect(shape->how & (ZH_C | ZH_XA), 0))
    use_more(s, ins, shape, *at);
}

// A live phi of block b: its arguments on those incoming edges whose blocks have been walked, in layout order.
static void use_phi_args(Finish *s, uint32_t b, uint32_t phi)
{
  const ZirFunc *f = s->f;
  uint32_t k = phi - f->blocks[b].first;
  for (uint32_t e = s->in_edge[b]; e != UINT32_MAX; e = s->next_in[e]) {
    const ZEdge *edge = &f->edges[e];
    Place at = place_of(f, &f->blocks[edge->from]);
    use(s, f->edge_args[edge->args + k], &at);
  }
}

static void drain(Finish *s)
{
  const ZirFunc *f = s->f;
  while (s->work.n) {
    uint32_t v = s->work.p[--s->work.n];
    const ZIns *ins = &f->ins[v];
    if (ins->op == OP_phi) {
      use_phi_args(s, zw_zir_block(f, v), v);
    } else {
      Place at = place_of(f, &f->blocks[zw_zir_block(f, v)]);
      use_operands(s, ins, shape_of(ins), &at);
    }
  }
}

// An instruction that is not a terminator.
static inline __attribute__((always_inline)) void walk_ins(Finish *s, uint32_t i, const ZIns *ins, uint32_t pos, bool cold, const Place *at)
{
  const ZShape *shape = shape_of(ins);
  unsigned how = shape->how;
  ZVal *v = &at->val[i];
  if (__builtin_expect(how & ~v->use * ZH_DROPS, 0) && !zw_zir_must_run(s->f, i))
    v->blk |= ZV_PASSED;
  else
    use_operands(s, ins, shape, at);
  // Also of dead shifts, which are few.
  if (__builtin_expect(how & ZH_POS, 0) && !cold && ((how & ZH_POS) != ZH_SHIFT || zw_ref_is_value(ins->b)))
    *zw_push(s->scratch, &s->positions[how & ZH_POS]) = pos;
}

// Arguments to phis that have been walked.  The edge goes into the chain of those that use_phi_args may be asked about: when its
// block has not been walked, or has a phi that may yet come alive.
static inline void walk_edges(Finish *s, const ZBlock *block, const Place *at)
{
  const ZirFunc *f = s->f;
  uint32_t end = block->edges + block->nedges;
  for (uint32_t e = block->edges; e < end; e++) {
    const ZEdge *edge = &f->edges[e];
    const ZBlock *to = &f->blocks[edge->to];
    if (!to->nphi)
      continue;
    uint32_t all = s->phis_done[edge->to];
    if (all) {
      const Ref *args = f->edge_args + edge->args;
      const ZVal *phi = at->val + to->first;
      for (uint32_t k = 0; k < to->nphi; k++) { // those of a dead one count for nobody
        uint32_t used = phi[k].use & ZU_SOME;
        all &= used;
        use(s, args[k] | (used - 1u), at);
      }
    }
    if (!all) {
      s->next_in[e] = s->in_edge[edge->to];
      s->in_edge[edge->to] = e;
    }
  }
}

// Values hoisted to the end of b, last to first.  The chain runs forward, so it is turned round on the way.
static __attribute__((noinline)) void walk_hoisted(Finish *s, uint32_t loop, const ZBlock *b, const Place *at)
{
  const ZirFunc *f = s->f;
  VEC(uint32_t) chain = { 0 };
  for (uint32_t h = f->loops[loop].hoist_first; h != REF_NONE; h = f->hoisted[h].next)
    *zw_push(s->scratch, &chain) = f->hoisted[h].value;
  while (chain.n) {
    uint32_t v = chain.p[--chain.n];
    walk_ins(s, v, &f->ins[v], zw_zir_pos(f, v), b->cold, at);
  }
}

static void walk_block(Finish *s, uint32_t b, uint32_t hoist_loop)
{
  ZirFunc *f = s->f;
  const ZBlock *block = &f->blocks[b];
  const Place at = place_of(f, block);
  for (uint32_t l = block->loop; l != NO_LOOP && s->loop_at[f->loops[l].depth] != l; l = f->loops[l].parent)
    s->loop_at[f->loops[l].depth] = l;
  s->here = block->loop;
  walk_edges(s, block, &at);
  uint32_t i = block->end - 1, first = block->first, behind_phis = first + block->nphi, pos = block->pos - first;
  bool cold = block->cold;
  const ZIns *ins = &f->ins[i];
  use_terminator(s, ins, &at);
  if (__builtin_expect(hoist_loop != NO_LOOP, 0))
    walk_hoisted(s, hoist_loop, block, &at);
  while (i-- > behind_phis) {
    ins--;
    if (__builtin_expect(!zw_zir_is(f, i, ZV_HOISTED), 1))
      walk_ins(s, i, ins, pos + i, cold, &at);
  }
  s->phis_done[b] = 1;
  for (i = first; i < behind_phis; i++)
    if (zw_zir_is_used(f, i))
      use_phi_args(s, b, i);
    else
      f->val[i].blk |= ZV_PASSED | ZV_DEAD;
  drain(s);
}

// ---- positions, live-ins ----

static void sort_liveins(Finish *s)
{
  ZirFunc *f = s->f;
  if (!f->nloops)
    return;
  uint32_t *first = zw_new_array(s->scratch, uint32_t, f->nloops + 2);
  LoopPair *seen = s->last; // has done its work
  for (uint32_t k = 0; k < s->loop_uses.n; k++) {
    first[s->loop_uses.p[k].loop + 2]++;
    seen[s->loop_uses.p[k].value].outer = 0;
  }
  for (uint32_t l = 0; l < f->nloops; l++)
    first[l + 2] += first[l + 1];
  uint32_t *sorted = zw_new_array(s->scratch, uint32_t, s->loop_uses.n + 1);
  for (uint32_t k = 0; k < s->loop_uses.n; k++)
    sorted[first[s->loop_uses.p[k].loop + 1]++] = s->loop_uses.p[k].value;
  f->livein = zw_new_array(f->arena, uint32_t, s->loop_uses.n + 1);
  f->nlivein = 0;
  for (uint32_t l = 0; l < f->nloops; l++) {
    f->loops[l].liveins = f->nlivein;
    for (uint32_t k = first[l]; k < first[l + 1]; k++)
      if (seen[sorted[k]].outer != l + 1) {
        seen[sorted[k]].outer = l + 1;
        f->livein[f->nlivein++] = sorted[k];
      }
    f->loops[l].nliveins = f->nlivein - f->loops[l].liveins;
  }
}

// Into the function, ascending.
static uint32_t *ascending(const Finish *s, unsigned class, uint32_t *n)
{
  uint32_t count = *n = s->positions[class].n, *out = zw_stale_array(s->f->arena, uint32_t, count + 1);
  for (uint32_t k = 0; k < count; k++)
    out[k] = s->positions[class].p[count - 1 - k];
  return out;
}

// Where each block lies, and which is each loop's last.
static void lay_out(ZirFunc *f)
{
  for (uint32_t l = 0; l < f->nloops; l++)
    f->loops[l].last_block = f->loops[l].header;
  uint32_t pos = 0;
  for (uint32_t k = 0; k < f->norder; k++) {
    ZBlock *b = &f->blocks[f->order[k]];
    b->pos = pos;
    pos += b->end - b->first;
    if (b->loop != NO_LOOP)
      f->loops[b->loop].last_block = f->order[k];
  }
  for (uint32_t l = f->nloops; l-- > 0;) { // inner loops first: they lie in their parents
    uint32_t p = f->loops[l].parent;
    if (p != NO_LOOP && f->blocks[f->loops[l].last_block].pos > f->blocks[f->loops[p].last_block].pos)
      f->loops[p].last_block = f->loops[l].last_block;
  }
}

// Per block, the loop whose hoisted values are at its end; NULL when there are none.
static uint32_t *index_hoisted(const ZirFunc *f, Arena *scratch)
{
  uint32_t *at = NULL;
  for (uint32_t l = 0; l < f->nloops; l++) {
    if (f->loops[l].hoist_first == REF_NONE)
      continue;
    if (!at) {
      at = zw_stale_array(scratch, uint32_t, f->nblocks);
      memset(at, 0xff, f->nblocks * sizeof *at);
    }
    at[f->loops[l].entry] = l;
  }
  return at;
}

void zw_zir_finish(ZirFunc *f, Arena *scratch)
{
  ArenaMark mark = zw_arena_mark(scratch);
  Finish s = { .f = f, .scratch = scratch, .here = NO_LOOP };
  s.phis_done = zw_new_array(scratch, uint8_t, f->nblocks);
  s.in_edge = zw_stale_array(scratch, uint32_t, f->nblocks);
  s.next_in = zw_stale_array(scratch, uint32_t, f->nedges);
  memset(s.in_edge, 0xff, f->nblocks * sizeof *s.in_edge);
  s.last = zw_stale_array(scratch, LoopPair, f->nloops ? f->nins : 0);
  s.loop_at = zw_stale_array(scratch, uint32_t, f->nloops + 1);
  memset(s.loop_at, 0xff, (f->nloops + 1) * sizeof *s.loop_at);
  lay_out(f);
  link_loops(&s);
  zw_zir_reserve(f, f->nins + 1); // the last is nobody's
  f->val[f->nins] = zw_val(0, 0);
  if (f->flags & FN_REFS)
    for (uint32_t i = 0; i < f->nins; i++)
      f->has_refs |= f->ins[i].ty == VK_REF;
  const uint32_t *hoist_loop = index_hoisted(f, scratch);
  for (uint32_t k = f->norder; k-- > 0;)
    walk_block(&s, f->order[k], hoist_loop ? hoist_loop[f->order[k]] : NO_LOOP);
  sort_liveins(&s);

  f->call_pos = ascending(&s, ZH_CALL, &f->ncall_pos);
  f->div_pos = ascending(&s, ZH_DIV, &f->ndiv_pos);
  f->shift_pos = ascending(&s, ZH_SHIFT, &f->nshift_pos);
  zw_arena_release(scratch, mark);
}
