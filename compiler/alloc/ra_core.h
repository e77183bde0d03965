// The core of P3: one backward walk that is dead code elimination, liveness, register allocation, spill placement and
// edge moves at once.  Included by a target's selection after its cfg.h: everything here is static, so constants fold.
//
// In: ZIR in layout order.  Out: LIR with physical registers, written downward.  The walk meets a value's last use
// first and its definition last, so the state is always "who must be where just below this point".
//   I1  a value with a slot is stored exactly once, right after its definition; its memory copy is valid from there on
//   I2  loc and slot describe the point just below the next instruction to process
//   I3  entry[b] lists what b requires in registers; whatever else lives into b is in its slot or can be made again
// compiler/alloc/README.md explains promises, weak values and the rule for sharing slots.
//
// A target compiles it twice: where RA_LATE is 1 the values are set up when they are met, not before the walk begins.  Of a giant function
// what is known of all values and its ZIR are never there together then (ra_behind.h); that costs a question each time.
//
// The target defines before including: RA_LATE, RegSet, RA_NREG, RA_GPR, RA_FPR (allocatable), RA_CALLEE (callee-saved), RA_LOW
// (cheaper to encode), RA_AVOID_DIV, RA_AVOID_SHIFT; and after: the emit_* functions declared below.
#pragma once
#include "ra_behind.h"
#include "ra_edges.h"
#include "ra_loops.h"
#include "ra_moves.h"
#include "ra_operands.h"
#include "ra_refs.h"
#include "ra_state.h"

// ---- a function ----
// Is there a way from the entry to a return that makes no call (but in cold blocks)?  One pass down the layout.
static bool has_short_way(Ra *ra)
{
  const ZirFunc *z = ra->z;
  if (!z->ncall_pos)
    return false;
  uint8_t *reached = zw_new_array(ra->a, uint8_t, z->nblocks + 1);
  reached[z->order[0]] = 1;
  uint32_t waiting = 1; // reached, and still to come
  for (uint32_t k = 0, c = 0; k < z->norder && waiting; k++) {
    const ZBlock *b = &z->blocks[z->order[k]];
    uint32_t end = b->pos + (b->end - b->first), calls = c;
    while (c < z->ncall_pos && z->call_pos[c] < end)
      c++;
    if (!reached[z->order[k]])
      continue;
    waiting--;
    if (c != calls)
      continue;
    if (!b->cold && z->ins[b->end - 1].op == OP_ret)
      return true;
    for (uint32_t e = 0; e < b->nedges; e++) {
      uint8_t *to = &reached[z->edges[b->edges + e].to];
      waiting += !*to;
      *to = 1;
    }
  }
  return false;
}
enum { FEW_MOVES = 32, MANY_BLOCKS = 4096 };
static const RaValue nowhere = { .loc = REG_NONE, .hint = REG_NONE, .ploc = REG_NONE };
static inline void init_special(RaValue *p, const ZIns *ins)
{
  if (value_special[ins->op])
    p->hint = value_hint(ins), p->vstate = value_state(ins);
}
// The values [first, end), whose layout positions ascend from pos.
static inline void init_values(Ra *ra, uint32_t first, uint32_t end, uint32_t pos)
{
  const ZIns *ins = ra->z->ins;
  const ZVal *from = ra->z->val;
  RaValue *val = ra->val;
  uint32_t v = first, behind;
  memcpy(&behind, &nowhere.loc, sizeof behind); // loc, hint, ploc, vstate
  Four at = { pos, pos + 1, pos + 2, pos + 3 }, none = { behind, behind, behind, behind };
  for (; v + 4 <= end; v += 4, at += 4) {
    Four left = evens(four(&from[v].use), four(&from[v + 2].use)) >> ZU_BITS, a = interleave_low((Four){ 0 }, left), b = interleave_high((Four){ 0 }, left);
    Four c = interleave_low(at, none), d = interleave_high(at, none);
    put_four(&val[v].slot, pairs_low(a, c)), put_four(&val[v + 1].slot, pairs_high(a, c));
    put_four(&val[v + 2].slot, pairs_low(b, d)), put_four(&val[v + 3].slot, pairs_high(b, d));
    if (value_special[ins[v].op] | value_special[ins[v + 1].op] | value_special[ins[v + 2].op] | value_special[ins[v + 3].op])
      for (uint32_t k = v; k < v + 4; k++)
        init_special(&val[k], &ins[k]);
  }
  for (; v < end; v++) {
    val[v] = nowhere, val[v].left = zw_val_weight(from[v]), val[v].pos = pos + (v - first);
    init_special(&val[v], &ins[v]);
  }
}
// Blocks mostly stand as they were made, and then their values are one run.
static void init_all_values(Ra *ra)
{
  const ZirFunc *z = ra->z;
  uint32_t first = 0, end = 0, pos = 0;
  for (uint32_t k = 0; k < z->norder; k++) {
    const ZBlock *b = &z->blocks[z->order[k]];
    if (b->first != end || b->pos != pos + (end - first)) {
      init_values(ra, first, end, pos);
      first = b->first, pos = b->pos;
    }
    end = b->end;
  }
  init_values(ra, first, end, pos);
}
// The values of a page, in late code.
static __attribute__((noinline, cold)) void set_up(const Ra *ra, uint32_t page)
{
  const ZirFunc *z = ra->z;
  uint32_t v = page * SET_UP, end = v + SET_UP < z->nins ? v + SET_UP : z->nins;
  ra->is_set_up[page] = 1;
  if (end == z->nins)
    ra->val[end] = nowhere;
  for (; v < end; v++) {
    ra->val[v] = nowhere, ra->val[v].left = zw_zir_weight(z, v), ra->val[v].pos = zw_zir_pos(z, v);
    init_special(&ra->val[v], &z->ins[v]);
    ra->val[v].vstate |= (uint8_t)(z->ins[v].ty << VS_KIND_AT);
  }
}
static void init_all(Ra *ra)
{
  const ZirFunc *z = ra->z;
  ra->val = zw_stale_array(ra->a, RaValue, z->nins + 1);
  if (RA_LATE) {
    ra->is_set_up = zw_new_array(ra->a, uint8_t, z->nins / SET_UP + 1);
    return;
  }
  init_all_values(ra);
  for (uint32_t l = 0; l < z->nloops; l++) // hoisted values stand just before the terminator of the entry block
    for (uint32_t h = z->loops[l].hoist_first; h != REF_NONE; h = z->hoisted[h].next)
      ra->val[z->hoisted[h].value].pos = zw_zir_pos(z, z->hoisted[h].value);
  ra->val[z->nins] = nowhere;
}
static void find_cases(Ra *ra)
{
  const ZirFunc *z = ra->z;
  uint32_t first = 0;
  while (first < z->norder && !ends_in_large_switch(ra, &z->blocks[z->order[first]]))
    first++;
  if (first == z->norder)
    return;
  ra->cases = zw_new_array(ra->a, uint8_t, z->nblocks + 1);
  for (uint32_t k = 0; k < z->norder; k++) {
    const ZBlock *b = &z->blocks[z->order[k]];
    bool large = ends_in_large_switch(ra, b);
    for (uint32_t e = 0; e < b->nedges; e++) {
      uint8_t *to = &ra->cases[z->edges[b->edges + e].to];
      *to = !*to && large ? ONLY_CASE : ONLY_CASE + 1;
    }
  }
}
static void init_ra(Ra *ra)
{
  const ZirFunc *z = ra->z;
  ra->l = zw_new(ra->a, LirFunc);
  ra->l->z = z;
  init_all(ra);
  ra->entry = zw_new_array(ra->a, Entry, z->nblocks + 1);
  ra->next[0] = ra->next[1] = NO_BLOCK;
  ra->ncall = z->ncall_pos, ra->ndiv = z->ndiv_pos, ra->nshift = z->nshift_pos, ra->event = UINT32_MAX;
  ra->file = RA_GPR | RA_FPR;
  ra->thrifty = has_short_way(ra);
  ra->large = ra->o->random_ra || ra->o->small_file ? 2 : LARGE_SWITCH; // what shakes the allocator shakes this too
  find_cases(ra);
  find_switches(ra);
  if (ra->o->small_file) {
    RegSet keep = 0;
    for (RegSet m = RA_GPR; m && zw_popcnt64(keep) < ra->o->small_file; m &= m - 1)
      keep |= m & -m;
    ra->file = keep | RA_FPR;
  }
  uint32_t cap = 2 * z->nins + 64;
  ra->pack_from = pack_from(z);
#ifndef ZW_ASSERTS
  if (cap > ra->pack_from && !ra->o->no_pack)
    cap = ra->pack_from;
#endif
  ra->buf = zw_stale_array(ra->a, Lir, cap);
  ra->top = ra->end = ra->buf + cap;
#ifdef ZW_ASSERTS
  ra->notes = zw_new_array(ra->a, LirNote, cap);
  ra->l->gone = zw_new_array(ra->a, LirNote, z->nblocks);
#endif
  ra->consts.p = z->consts, ra->consts.n = ra->consts.cap = z->nconsts; // copied when one is added
  zw_reserve(ra->a, &ra->chunks, z->nblocks + z->nblocks / 2 + 8);
  if (z->nblocks > MANY_BLOCKS)
    ra->unpacked = zw_new_array(ra->a, Ref, RA_NREG);
  zw_reserve(ra->a, &ra->evals, (z->nblocks > MANY_BLOCKS ? 0 : z->nblocks * HALF_FILE) + RA_NREG);
  Moves *lists[] = { &ra->pre, &ra->tmp, &ra->order, &ra->edge_moves[0], &ra->edge_moves[1], &ra->hoisted };
  Move *move = zw_stale_array(ra->a, Move, FEW_MOVES * ARRAY_COUNT(lists)); // most functions need no more
  for (uint32_t k = 0; k < ARRAY_COUNT(lists); k++)
    lists[k]->p = move + FEW_MOVES * k, lists[k]->cap = FEW_MOVES;
  zw_reserve(ra->a, &ra->work, 32);
  ra->l->area_bytes = (8 * z->frame_locals + 15) & ~15u;
}
// Loops that end with b, the innermost one and more around it, open, outermost first; the state is empty then.
static __attribute__((noinline)) void open_loops(Ra *ra, uint32_t b, uint32_t innermost)
{
  const ZirFunc *z = ra->z;
  ra->work.n = 0;
  for (uint32_t l = innermost; l != NO_LOOP && z->loops[l].last_block == b; l = z->loops[l].parent)
    *zw_push(ra->a, &ra->work) = l;
  clear_registers(ra);
  for (uint32_t n = ra->work.n; n--;)
    open_loop(ra, ra->work.p[n]);
}
static void start_block(Ra *ra, uint32_t b)
{
  const ZirFunc *z = ra->z;
  const ZBlock *k = &z->blocks[b];
  ra->b = b, ra->cold = k->cold, ra->split = false, ra->behind_end = k->end, ra->watched = ra->nrefs != 0;
  ra->weight = k->cold ? 0 : zw_depth_weight(k->depth);
  set_pos(ra, k->pos + (k->end - k->first) - 1);
  if (k->loop != NO_LOOP && z->loops[k->loop].last_block == b)
    open_loops(ra, b, k->loop);
  ASSERT(!ra->busy || ra->rest);
  if (ra->nrefs)
    ref_block_out(ra, b, ra->ref_live);
  if (ra->one_map)
    one_map_slots(ra, b);
}
// b's chunk is complete.  A block that is nothing but a jump disappears: whoever goes there goes on.
static void finish_block(Ra *ra, uint32_t b)
{
  if (NEVER(ra->sink != NULL))
    finish_needs(ra, b);
  end_chunk(ra);
  const ZBlock *k = &ra->z->blocks[b];
  Chunk *c = &ra->chunks.p[ra->chunks.n - 1];
  if (!ra->split && c->from_end == c->to_end + 1 && k->nedges == 1 && !k->is_header && !k->is_handler && b != ra->z->order[0]) {
    ra->entry[b].alias = block_label(ra, ra->z->edges[k->edges].to) + 1;
    if (notes(ra))
      ra->l->gone[b] = *newest_note(ra);
    ra->ngroup[c->group]--, ra->chunks.n--;
    ra->top++;
    return;
  }
  c->align = k->is_header && k->loop != NO_LOOP && !ra->z->loops[k->loop].has_call;
  ra->next[k->cold != 0] = b;
}
enum { GIVE_BACK_CHUNKS = 4096 };
// Hot blocks in order, their stubs, cold blocks, their stubs: chunks were made last to first.
static void copy_chunks(Ra *ra, LirFunc *l)
{
  LirChunk *at[CHUNK_GROUPS], *next = l->chunks;
  for (unsigned g = 0; g < CHUNK_GROUPS; g++)
    at[g] = next, next += ra->ngroup[g];
  uint32_t n = l->nlir, gone = ra->chunks.n;
  for (uint32_t k = ra->chunks.n; k--;) {
    const Chunk *c = &ra->chunks.p[k];
    *at[c->group]++ = (LirChunk){ c->label, n - c->from_end, n - c->to_end, c->block, c->group >= COLD_BLOCK, c->align };
    if (NEVER(gone - k >= GIVE_BACK_CHUNKS)) { // those that are copied are not there twice
      give_back(ra->chunks.p, sizeof *c, k, gone, ra->chunks.n, GONE_BEHIND);
      gone = k;
    }
  }
  l->nchunks = ra->chunks.n, l->nstubs = ra->nstubs;
}
// The ends of loops whose headers are aligned: of a giant function P4 has no blocks and loops to look at.
static void copy_loops(Ra *ra, LirFunc *l)
{
  const ZirFunc *z = ra->z;
  uint32_t n = 0;
  for (uint32_t c = 0; c < l->nchunks && z->nloops; c++)
    n += l->chunks[c].align;
  l->loops = zw_stale_array(ra->a, LirLoop, n);
  for (uint32_t c = 0; l->nloops < n; c++)
    if (l->chunks[c].align)
      l->loops[l->nloops++] = (LirLoop){ c, z->loops[z->blocks[l->chunks[c].block].loop].last_block };
}
static void copy_heads(Ra *ra, LirFunc *l)
{
  LirHead *at[CHUNK_GROUPS], *next = l->heads = zw_stale_array(ra->a, LirHead, ra->chunks.n);
  for (unsigned g = 0; g < CHUNK_GROUPS; g++)
    at[g] = next, next += ra->ngroup[g];
  for (uint32_t k = ra->chunks.n; k--;)
    *at[ra->chunks.p[k].group]++ = ra->chunks.p[k].head;
}
// What only the walk needed; of a large function it is more than the code.
static void drop_all(Ra *ra, const void *const *none_wanted, uint32_t n)
{
  for (uint32_t k = 0; k < n && ra->a->own; k++)
    zw_arena_drop(ra->a, none_wanted[k]);
}
static void drop_states(Ra *ra)
{
  const void *none_wanted[] = { ra->val, ra->entry, ra->dslot, ra->first_edge, ra->family_slot, ra->up, ra->evals.p, ra->links.p, ra->link_at.p,
                                ra->readers.p, ra->writer.p, ra->work.p, ra->hoist.p, ra->open.p, ra->promises.p };
  drop_all(ra, none_wanted, ARRAY_COUNT(none_wanted));
  if (ra->wanted_in)
    give_back_edges(ra);
}
static void drop_lists(Ra *ra)
{
  const void *none_wanted[] = { ra->ref_index, ra->ref_value, ra->ref_last, ra->ref_in, ra->ref_caught, ra->chunks.p, ra->maps.p };
  drop_all(ra, none_wanted, ARRAY_COUNT(none_wanted));
}
static void pack_rest(Ra *ra)
{
  LirFunc *l = ra->l;
  pack_lir(ra, 0);
  l->rest = (uint32_t)(ra->end - ra->top);
  pack_part(ra, ra->top, l->rest);
  l->parts = zw_stale_array(ra->a, uint8_t *, ra->parts.n);
  for (uint32_t k = 0; k < ra->parts.n; k++)
    l->parts[k] = ra->parts.p[ra->parts.n - 1 - k];
  l->lir = NULL;
  copy_heads(ra, l);
  zw_arena_drop(ra->a, ra->buf);
}
static void finish_function(Ra *ra)
{
  LirFunc *l = ra->l;
  l->lir = ra->top, l->nlir = emitted(ra);
  if (ra->packed)
    pack_rest(ra);
  if (notes(ra))
    l->notes = newest_note(ra), l->fix = ra->fix.p, l->nfix = ra->fix.n;
  if (ra->one_map)
    make_one_map(ra);
  drop_states(ra);
  l->chunks = zw_new_array(ra->a, LirChunk, ra->chunks.n);
  copy_chunks(ra, l);
  copy_loops(ra, l);
  l->tables = ra->tables.p, l->ntables = ra->tables.n, l->table_labels = ra->table_labels.p;
  l->any_maps = ra->one_map != 0;
  l->maps = zw_new_array(ra->a, LirMap, ra->maps.n + 1);
  for (uint32_t k = ra->maps.n; k--;) { // met last to first
    LirMap m = ra->maps.p[k];
    m.lir = l->nlir - m.lir;
    l->maps[l->nmaps++] = m;
  }
  l->map_slots = ra->map_slots.p;
  l->consts = ra->consts.p, l->nconsts = ra->consts.n;
  l->nslots = ra->slot_bytes.n, l->slot_bytes = ra->slot_bytes.p, l->slot_weight = ra->slot_weight.p;
  l->used_saved = (uint32_t)(ra->dirty & RA_CALLEE);
  drop_lists(ra);
}
