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
typedef struct Finish {
  ZirFunc *f;
  Arena *scratch;
  uint32_t *in_first, *in_edge;    // incoming edges of block b: in_edge[in_first[b] .. in_first[b+1])
  uint8_t *edges_done, *phis_done; // per block
  uint8_t *passed;                 // per value: walked over while it had no use
  uint32_t *last_outer, *last_inner; // per value: loop + 1 of its latest live-in records
  uint32_t *loop_at;               // loops around the current block by depth, 1 = outermost
  uint32_t *jump;                  // per loop: an ancestor far up, for level_ancestor
  uint32_t here;                   // the loop that loop_at was filled for
  VEC(uint32_t) work;
  VEC(LoopUse) loop_uses;
  VEC(uint32_t) positions[4];      // by POS_*, descending
} Finish;

enum { POS_NONE, POS_CALL, POS_DIV, POS_SHIFT };
static const uint8_t pos_class[OP_COUNT] = {
  [OP_call] = POS_CALL, [OP_call_elem] = POS_CALL,
  [OP_i32_div_s] = POS_DIV, [OP_i32_div_u] = POS_DIV, [OP_i32_rem_s] = POS_DIV, [OP_i32_rem_u] = POS_DIV,
  [OP_i64_div_s] = POS_DIV, [OP_i64_div_u] = POS_DIV, [OP_i64_rem_s] = POS_DIV, [OP_i64_rem_u] = POS_DIV,
  [OP_mulh_s] = POS_DIV, [OP_mulh_u] = POS_DIV,
  [OP_i32_shl] = POS_SHIFT, [OP_i32_shr_s] = POS_SHIFT, [OP_i32_shr_u] = POS_SHIFT, [OP_i32_rotl] = POS_SHIFT, [OP_i32_rotr] = POS_SHIFT,
  [OP_i64_shl] = POS_SHIFT, [OP_i64_shr_s] = POS_SHIFT, [OP_i64_shr_u] = POS_SHIFT, [OP_i64_rotl] = POS_SHIFT, [OP_i64_rotr] = POS_SHIFT,
};

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
  uint32_t def = s->f->blocks[s->f->blk[v]].loop;
  if (def == loop)
    return;
  uint32_t outer = outermost_without(s, loop, def);
  if (outer == NO_LOOP)
    return;
  if (s->last_outer[v] != outer + 1) {
    s->last_outer[v] = outer + 1;
    *zw_push(s->scratch, &s->loop_uses) = (LoopUse){ outer, v };
  }
  if (loop != outer && s->last_inner[v] != loop + 1) {
    s->last_inner[v] = loop + 1;
    *zw_push(s->scratch, &s->loop_uses) = (LoopUse){ loop, v };
  }
}

// ---- counting ----

static void use_in(Finish *s, Ref r, const ZBlock *block, uint32_t w)
{
  ZirFunc *f = s->f;
  if (f->uses[r] != UINT16_MAX)
    f->uses[r]++;
  f->wuse[r] = f->wuse[r] > UINT32_MAX - w ? UINT32_MAX : f->wuse[r] + w;
  if (block->loop != NO_LOOP && (r < block->first || r >= block->end || f->vflags[r] & ZV_HOISTED))
    record_loop_use(s, r, block->loop);
  if (s->passed[r]) {
    s->passed[r] = 0;
    *zw_push(s->scratch, &s->work) = r;
  }
}

static void use(Finish *s, Ref r, uint32_t b)
{
  if (!zw_ref_is_value(r))
    return;
  const ZBlock *block = &s->f->blocks[b];
  use_in(s, r, block, block->cold ? 0 : zw_depth_weight(block->depth));
}

static void use_operands(Finish *s, uint32_t i, uint32_t b)
{
  const ZirFunc *f = s->f;
  const ZIns *ins = &f->ins[i];
  const ZShape *shape = &zw_zir_shape[ins->op];
  if (shape->xa) {
    uint32_t n = shape->xa == ZX_RANGE ? ins->b : shape->xa;
    for (uint32_t k = 0; k < n; k++)
      use(s, f->xa[ins->a + k], b);
    return;
  }
  if (shape->refs & 1)
    use(s, ins->a, b);
  if (shape->refs & 2)
    use(s, ins->b, b);
  if (shape->refs & 4)
    use(s, ins->c, b);
}

// A live phi of block b: its arguments on those incoming edges whose blocks have been walked.
static void use_phi_args(Finish *s, uint32_t b, uint32_t phi)
{
  const ZirFunc *f = s->f;
  uint32_t k = phi - f->blocks[b].first;
  for (uint32_t e = s->in_first[b]; e < s->in_first[b + 1]; e++) {
    const ZEdge *edge = &f->edges[s->in_edge[e]];
    if (s->edges_done[edge->from])
      use(s, f->edge_args[edge->args + k], edge->from);
  }
}

static void drain(Finish *s)
{
  while (s->work.n) {
    uint32_t v = s->work.p[--s->work.n];
    if (s->f->ins[v].op == OP_phi)
      use_phi_args(s, s->f->blk[v], v);
    else
      use_operands(s, v, s->f->blk[v]);
  }
}

static void walk_ins(Finish *s, uint32_t i, uint32_t b)
{
  if (s->f->uses[i] || zw_zir_must_run(s->f, i))
    use_operands(s, i, b);
  else
    s->passed[i] = 1;
  const ZIns *ins = &s->f->ins[i];
  unsigned class = pos_class[ins->op];
  if (class != POS_NONE && !s->f->blocks[b].cold && (class != POS_SHIFT || zw_ref_is_value(ins->b)))
    *zw_push(s->scratch, &s->positions[class]) = zw_zir_pos(s->f, i); // also of dead shifts: they are few
}

static void walk_edges(Finish *s, uint32_t b)
{
  const ZirFunc *f = s->f;
  const ZBlock *block = &f->blocks[b];
  for (uint32_t e = block->edges; e < block->edges + block->nedges; e++) {
    const ZEdge *edge = &f->edges[e];
    const ZBlock *to = &f->blocks[edge->to];
    if (s->phis_done[edge->to])
      for (uint32_t k = 0; k < to->nphi; k++)
        if (f->uses[to->first + k])
          use(s, f->edge_args[edge->args + k], b);
  }
  s->edges_done[b] = 1;
}

// Values hoisted to the end of b, last to first.  The chain runs forward, so it is turned round on the way.
static void walk_hoisted(Finish *s, uint32_t loop, uint32_t b)
{
  const ZirFunc *f = s->f;
  VEC(uint32_t) chain = { 0 };
  for (uint32_t v = f->loops[loop].hoist_first; v != REF_NONE; v = f->hoist_next[v])
    *zw_push(s->scratch, &chain) = v;
  while (chain.n)
    walk_ins(s, chain.p[--chain.n], b);
}

static void walk_block(Finish *s, uint32_t b, uint32_t hoist_loop)
{
  const ZirFunc *f = s->f;
  const ZBlock *block = &f->blocks[b];
  for (uint32_t l = block->loop; l != NO_LOOP && s->loop_at[f->loops[l].depth] != l; l = f->loops[l].parent)
    s->loop_at[f->loops[l].depth] = l;
  s->here = block->loop;
  walk_edges(s, b);
  uint32_t i = block->end - 1;
  use_operands(s, i, b); // the terminator
  if (hoist_loop != NO_LOOP)
    walk_hoisted(s, hoist_loop, b);
  while (i-- > block->first + block->nphi)
    if (!(f->vflags[i] & ZV_HOISTED))
      walk_ins(s, i, b);
  s->phis_done[b] = 1;
  for (i = block->first; i < block->first + block->nphi; i++)
    if (f->uses[i])
      use_phi_args(s, b, i);
    else
      s->passed[i] = 1;
  drain(s);
}

// ---- positions, live-ins ----

static void index_edges(Finish *s)
{
  ZirFunc *f = s->f;
  s->in_first = zw_new_array(s->scratch, uint32_t, f->nblocks + 2);
  s->in_edge = zw_new_array(s->scratch, uint32_t, f->nedges + 1);
  for (uint32_t k = 0; k < f->norder; k++) {
    const ZBlock *b = &f->blocks[f->order[k]];
    for (uint32_t e = b->edges; e < b->edges + b->nedges; e++)
      s->in_first[f->edges[e].to + 2]++;
  }
  for (uint32_t b = 0; b < f->nblocks; b++) {
    uint32_t n = s->in_first[b + 2];
    f->blocks[b].npreds = (uint16_t)(n > UINT16_MAX ? UINT16_MAX : n);
    s->in_first[b + 2] += s->in_first[b + 1];
  }
  for (uint32_t k = 0; k < f->norder; k++) { // in_first[b + 1] runs through b's range and ends at its end
    const ZBlock *b = &f->blocks[f->order[k]];
    for (uint32_t e = b->edges; e < b->edges + b->nedges; e++)
      s->in_edge[s->in_first[f->edges[e].to + 1]++] = e;
  }
}

static void sort_liveins(Finish *s)
{
  ZirFunc *f = s->f;
  if (!f->nloops)
    return;
  uint32_t *first = zw_new_array(s->scratch, uint32_t, f->nloops + 2);
  uint32_t *seen = s->last_outer; // both stamp arrays have done their work
  memset(seen, 0, f->nins * sizeof *seen);
  for (uint32_t k = 0; k < s->loop_uses.n; k++)
    first[s->loop_uses.p[k].loop + 2]++;
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
      if (seen[sorted[k]] != l + 1) {
        seen[sorted[k]] = l + 1;
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

void zw_zir_finish(ZirFunc *f, Arena *scratch)
{
  ArenaMark mark = zw_arena_mark(scratch);
  Finish s = { .f = f, .scratch = scratch, .here = NO_LOOP };
  s.edges_done = zw_new_array(scratch, uint8_t, f->nblocks);
  s.phis_done = zw_new_array(scratch, uint8_t, f->nblocks);
  s.passed = zw_new_array(scratch, uint8_t, f->nins + 1);
  s.last_outer = zw_new_array(scratch, uint32_t, f->nloops ? f->nins : 0);
  s.last_inner = zw_new_array(scratch, uint32_t, f->nloops ? f->nins : 0);
  s.loop_at = zw_new_array(scratch, uint32_t, f->nloops + 1);
  memset(s.loop_at, 0xff, (f->nloops + 1) * sizeof *s.loop_at);
  index_edges(&s);
  link_loops(&s);

  for (uint32_t l = 0; l < f->nloops; l++)
    f->loops[l].last_block = f->loops[l].header;
  uint32_t pos = 0;
  for (uint32_t k = 0; k < f->norder; k++) {
    ZBlock *b = &f->blocks[f->order[k]];
    b->pos = pos;
    pos += b->end - b->first;
    if (b->loop != NO_LOOP)
      f->loops[b->loop].last_block = f->order[k];
    memset(f->ldep + b->first, b->depth, b->end - b->first);
  }
  memset(f->uses, 0, f->nins * sizeof *f->uses);
  memset(f->wuse, 0, f->nins * sizeof *f->wuse);
  if (f->flags & FN_REFS)
    for (uint32_t i = 0; i < f->nins; i++)
      f->has_refs |= f->ins[i].ty == VK_REF;
  for (uint32_t l = f->nloops; l-- > 0;) { // inner loops first: they lie in their parents
    uint32_t p = f->loops[l].parent;
    if (p != NO_LOOP && f->blocks[f->loops[l].last_block].pos > f->blocks[f->loops[p].last_block].pos)
      f->loops[p].last_block = f->loops[l].last_block;
  }
  uint32_t *hoist_loop = zw_new_array(scratch, uint32_t, f->nblocks);
  memset(hoist_loop, 0xff, f->nblocks * sizeof *hoist_loop);
  for (uint32_t l = 0; l < f->nloops; l++)
    if (f->loops[l].hoist_first != REF_NONE) {
      hoist_loop[f->loops[l].entry] = l;
      for (uint32_t v = f->loops[l].hoist_first; v != REF_NONE; v = f->hoist_next[v])
        f->ldep[v] = f->blocks[f->loops[l].entry].depth;
    }

  for (uint32_t k = f->norder; k-- > 0;)
    walk_block(&s, f->order[k], hoist_loop[f->order[k]]);
  for (uint32_t k = 0; k < f->norder; k++) {
    const ZBlock *b = &f->blocks[f->order[k]];
    for (uint32_t i = b->first; i < b->first + b->nphi; i++)
      f->vflags[i] = f->uses[i] ? f->vflags[i] & (uint8_t)~ZV_DEAD : f->vflags[i] | ZV_DEAD;
  }
  sort_liveins(&s);

  f->call_pos = ascending(&s, POS_CALL, &f->ncall_pos);
  f->div_pos = ascending(&s, POS_DIV, &f->ndiv_pos);
  f->shift_pos = ascending(&s, POS_SHIFT, &f->nshift_pos);
  zw_arena_release(scratch, mark);
}
