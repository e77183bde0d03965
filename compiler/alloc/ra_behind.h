// What the walk leaves behind of a giant function goes back to the system: ZIR and what P3 knows of its values, so that they are never
// there together with all the LIR.  Part of ra_core.h.
//
// Values lie in windows.  The ZIR of one is wanted until all blocks that have values in it are passed, and those a value is hoisted to; the
// last window goes first and none before it, since what is asked of a value may lead to those made before it.  What P3 knows of them is
// wanted also by those that have an edge to one of its phis, and goes in any order: the end of a nest of ifs is wanted by its beginning.
// With references the ZIR is wanted by them too.  A call's results follow it, so the window behind the one where the walk is stays too.
#pragma once
#include "ra_edges.h"
#include "runtime/base/alloc.h"

enum { BEHIND_WINDOW = 1024 };
STATIC_ASSERT(BEHIND_WINDOW % SET_UP == 0, "they are set up again together");
STATIC_ASSERT(BEHIND_WINDOW > 1000, "no call has so many results");

// [first, end) of n; what stands around them is gone as well, where those flags say so, and then a page that reaches into it can go too.
enum { GONE_BELOW = 1, GONE_BEHIND = 2 };
static void give_back(const void *p, size_t size, uint32_t first, uint32_t end, uint32_t n, unsigned gone)
{
  enum { PAGE = 4096 };
  uint64_t from = first * (uint64_t)size, to = end * (uint64_t)size, all = n * (uint64_t)size;
  if (gone & GONE_BELOW)
    from -= from < PAGE ? from : PAGE;
  if (gone & GONE_BEHIND)
    to = to + PAGE < all ? to + PAGE : all;
  if (p)
    zw_alloc_discard((char *)(uintptr_t)p + from, to - from);
}
// One more or less who wants what is known of the values [first, end).
static void want_known(Ra *ra, uint32_t first, uint32_t end, int32_t more)
{
  const uint32_t n = ra->z->nins, *wanted = ra->wanted_known;
  for (uint32_t w = first / BEHIND_WINDOW; first < end && w <= (end - 1) / BEHIND_WINDOW; w++) {
    ra->wanted_known[w] += (uint32_t)more;
    if (wanted[w])
      continue;
    uint32_t from = w * BEHIND_WINDOW, to = from + BEHIND_WINDOW < n ? from + BEHIND_WINDOW : n;
    unsigned gone = (w && !wanted[w - 1] ? GONE_BELOW : 0) | (to < n && !wanted[w + 1] ? GONE_BEHIND : 0);
    give_back(ra->val, sizeof *ra->val, from, to, n, gone);
    give_back(ra->dslot, sizeof *ra->dslot, from, to, n, gone);
    if (RA_LATE) // nobody should ask; but who does must not find zeros.  The page with the one behind all is never set up again
      memset(ra->is_set_up + from / SET_UP, 0, to / SET_UP - from / SET_UP);
  }
}
// The same of them and of their ZIR.
static void want_values(Ra *ra, uint32_t first, uint32_t end, int32_t more)
{
  for (uint32_t w = first / BEHIND_WINDOW; first < end && w <= (end - 1) / BEHIND_WINDOW; w++)
    ra->wanted_in[w] += (uint32_t)more;
  want_known(ra, first, end, more);
}
// What b's edges and the values hoisted to its end want.
static void want_for_block(Ra *ra, uint32_t b, int32_t more)
{
  const ZirFunc *z = ra->z;
  const ZBlock *k = &z->blocks[b];
  for (uint32_t e = k->edges; e < k->edges + k->nedges; e++) {
    const ZBlock *t = &z->blocks[z->edges[e].to];
    if (z->has_refs) // stack maps ask which of them are references
      want_values(ra, t->first, t->first + t->nphi, more);
    else
      want_known(ra, t->first, t->first + t->nphi, more);
    if (ra->is_switch[z->edges[e].to]) // say_case looks at it
      want_values(ra, t->end - 1, t->end, more);
  }
  uint32_t l = enters_loop(ra, b);
  for (uint32_t h = l == NO_LOOP ? REF_NONE : z->loops[l].hoist_first; h != REF_NONE; h = z->hoisted[h].next)
    want_values(ra, z->hoisted[h].value, z->hoisted[h].value + 1, more);
}
static void give_back_behind(Ra *ra)
{
  const ZirFunc *z = ra->z;
  for (; ra->nwindows && !ra->wanted_in[ra->nwindows - 1]; ra->nwindows--) {
    uint32_t first = (ra->nwindows - 1) * BEHIND_WINDOW, end = first + BEHIND_WINDOW < z->nins ? first + BEHIND_WINDOW : z->nins;
    give_back(z->ins, sizeof *z->ins, first, end, z->nins, GONE_BEHIND);
    give_back(z->val, sizeof *z->val, first, end, z->nins, GONE_BEHIND);
    give_back(z->at, sizeof *z->at, first, end, z->nins, GONE_BEHIND);
    give_back(ra->up, sizeof *ra->up, first, end, z->nins, GONE_BEHIND);
    give_back(ra->family_slot, sizeof *ra->family_slot, first, end, z->nins, GONE_BEHIND);
  }
}
// The walk is over.
static void give_back_edges(const Ra *ra)
{
  const ZirFunc *z = ra->z;
  give_back(z->edges, sizeof *z->edges, 0, z->nedges, z->nedges, 0);
  give_back(z->edge_args, sizeof *z->edge_args, 0, z->nedge_args, z->nedge_args, 0);
  give_back(z->xa, sizeof *z->xa, 0, z->nxa, z->nxa, 0);
  give_back(z->order, sizeof *z->order, 0, z->norder, z->norder, 0);
  if (!z->nloops)
    give_back(z->blocks, sizeof *z->blocks, 0, z->nblocks, z->nblocks, 0);
}
// Edges lie as their blocks were made.  Where those also lie in that order, nobody asks for the ones behind.
static bool edges_ascend(const ZirFunc *z)
{
  uint32_t last = 0;
  for (uint32_t k = 0; k < z->norder; k++) {
    const ZBlock *b = &z->blocks[z->order[k]];
    if (b->nedges && b->edges < last)
      return false;
    last = b->nedges ? b->edges : last;
  }
  return true;
}
static void start_behind(Ra *ra)
{
  const ZirFunc *z = ra->z;
  if (!is_giant(z) || notes(ra) || ra->o->no_pack)
    return;
  ra->nwindows = (z->nins + BEHIND_WINDOW - 1) / BEHIND_WINDOW;
  ra->wanted_in = zw_new_array(ra->a, uint32_t, ra->nwindows);
  ra->wanted_known = zw_new_array(ra->a, uint32_t, ra->nwindows);
  ra->is_switch = zw_stale_array(ra->a, uint8_t, z->nblocks);
  for (uint32_t k = 0; k < z->norder; k++) {
    const ZBlock *b = &z->blocks[z->order[k]];
    ra->is_switch[z->order[k]] = z->ins[b->end - 1].op == OP_switch;
    want_values(ra, b->first, b->end, 1);
  }
  for (uint32_t k = 0; k < z->norder; k++)
    want_for_block(ra, z->order[k], 1);
  ra->edges_there = edges_ascend(z) ? z->nedges : 0;
}
// Of the instructions [first, end) of the current block, where to pause.  What is behind `end` is passed.
static __attribute__((noinline)) uint32_t behind_pause(Ra *ra, uint32_t first, uint32_t end)
{
  if (ra->hoisting || end == first)
    return first;
  uint32_t window = (end - 1) / BEHIND_WINDOW * BEHIND_WINDOW, keep = window + 2 * BEHIND_WINDOW;
  if (keep < ra->behind_end) {
    want_values(ra, keep, ra->behind_end, -1);
    ra->behind_end = keep;
    give_back_behind(ra);
  }
  return window < first ? first : window;
}
static void edges_behind(Ra *ra, const ZBlock *k)
{
  enum { MANY = 1024 };
  if (!k->nedges || k->edges + MANY > ra->edges_there)
    return;
  give_back(ra->z->edges, sizeof *ra->z->edges, k->edges, ra->edges_there, ra->z->nedges, GONE_BEHIND);
  ra->edges_there = k->edges;
}
static __attribute__((noinline)) void behind_block(Ra *ra, uint32_t b)
{
  const ZBlock *k = &ra->z->blocks[b];
  want_values(ra, k->first, ra->behind_end, -1);
  want_for_block(ra, b, -1);
  give_back_behind(ra);
  edges_behind(ra, k);
}
