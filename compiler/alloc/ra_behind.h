// What the walk leaves behind of a giant function goes back to the system: ZIR and what P3 knows of its values, so that they are never
// there together with all the LIR.  Part of ra_core.h.
//
// Values lie in windows.  One is wanted until all blocks that have values in it are passed, and all that have an edge to one of its
// phis or a value hoisted from it; the last window goes first and none before it, since what is asked of a value may lead to those made
// before it.  A call's results follow it, so the window behind the one where the walk is stays too.
#pragma once
#include "ra_edges.h"
#include "runtime/base/alloc.h"

enum { BEHIND_WINDOW = 1024 };
STATIC_ASSERT(BEHIND_WINDOW > 1000, "no call has so many results");

// One more or less who wants the values [first, end).
static void want_values(Ra *ra, uint32_t first, uint32_t end, int32_t more)
{
  for (uint32_t w = first / BEHIND_WINDOW; first < end && w <= (end - 1) / BEHIND_WINDOW; w++)
    ra->wanted_in[w] += (uint32_t)more;
}
// What b's edges and the values hoisted to its end want.
static void want_for_block(Ra *ra, uint32_t b, int32_t more)
{
  const ZirFunc *z = ra->z;
  const ZBlock *k = &z->blocks[b];
  for (uint32_t e = k->edges; e < k->edges + k->nedges; e++) {
    const ZBlock *t = &z->blocks[z->edges[e].to];
    want_values(ra, t->first, t->first + t->nphi, more);
    if (ra->is_switch[z->edges[e].to]) // say_case looks at it
      want_values(ra, t->end - 1, t->end, more);
  }
  uint32_t l = enters_loop(ra, b);
  for (uint32_t h = l == NO_LOOP ? REF_NONE : z->loops[l].hoist_first; h != REF_NONE; h = z->hoisted[h].next)
    want_values(ra, z->hoisted[h].value, z->hoisted[h].value + 1, more);
}
// Of n values; all behind `end` are gone, so a page that reaches into those can go too.
static void give_back(const void *p, size_t size, uint32_t first, uint32_t end, uint32_t n)
{
  enum { PAGE = 4096 };
  uint64_t to = end * (uint64_t)size + PAGE, all = n * (uint64_t)size;
  if (p)
    zw_alloc_discard((char *)(uintptr_t)p + first * size, (to < all ? to : all) - first * size);
}
static void give_back_behind(Ra *ra)
{
  const ZirFunc *z = ra->z;
  for (; ra->nwindows && !ra->wanted_in[ra->nwindows - 1]; ra->nwindows--) {
    uint32_t first = (ra->nwindows - 1) * BEHIND_WINDOW, end = first + BEHIND_WINDOW < z->nins ? first + BEHIND_WINDOW : z->nins;
    give_back(z->ins, sizeof *z->ins, first, end, z->nins);
    give_back(z->val, sizeof *z->val, first, end, z->nins);
    give_back(z->at, sizeof *z->at, first, end, z->nins);
    give_back(ra->val, sizeof *ra->val, first, end, z->nins);
    give_back(ra->up, sizeof *ra->up, first, end, z->nins);
    give_back(ra->dslot, sizeof *ra->dslot, first, end, z->nins);
    give_back(ra->family_slot, sizeof *ra->family_slot, first, end, z->nins);
  }
}
static void start_behind(Ra *ra)
{
  const ZirFunc *z = ra->z;
  if (!is_giant(z) || notes(ra) || ra->o->no_pack)
    return;
  ra->nwindows = (z->nins + BEHIND_WINDOW - 1) / BEHIND_WINDOW;
  ra->wanted_in = zw_new_array(ra->a, uint32_t, ra->nwindows);
  ra->is_switch = zw_stale_array(ra->a, uint8_t, z->nblocks);
  for (uint32_t k = 0; k < z->norder; k++) {
    const ZBlock *b = &z->blocks[z->order[k]];
    ra->is_switch[z->order[k]] = z->ins[b->end - 1].op == OP_switch;
    want_values(ra, b->first, b->end, 1);
  }
  for (uint32_t k = 0; k < z->norder; k++)
    want_for_block(ra, z->order[k], 1);
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
static __attribute__((noinline)) void behind_block(Ra *ra, uint32_t b)
{
  const ZBlock *k = &ra->z->blocks[b];
  want_values(ra, k->first, ra->behind_end, -1);
  want_for_block(ra, b, -1);
  give_back_behind(ra);
}
