// Room for values: the arrays parallel to the instructions, and what is packed of them while a giant function grows.
#include "compiler/zir/zir_int.h"
#include "runtime/base/alloc.h"
#include "runtime/base/vec.h"
#include <string.h>

// Each array by itself, of a function where growing moves pages and copies nothing.
enum { MANY_VALUES = 16 << 10 };
typedef struct Room { char *at; uint32_t cap; } Room; // at: in the one piece where the arrays of all others lie, the widest first
static void *move(const ZirFunc *f, Room *r, void *old, size_t size)
{
  if (f->room > MANY_VALUES)
    return zw_arena_grow(f->arena, old, f->nins * size, f->room * size, r->cap * size);
  void *p = r->at;
  if (r->cap > MANY_VALUES)
    p = zw_arena_stale(f->arena, r->cap, size, 16);
  else
    r->at += r->cap * size;
  if (f->nins)
    memcpy(p, old, f->nins * size);
  return p;
}
static void grow(ZirFunc *f, uint32_t want)
{
  Room r = { .cap = f->room ? f->room : want };
  while (r.cap < want)
    r.cap += r.cap > MANY_VALUES ? r.cap / 4 : r.cap;
  size_t bytes = sizeof *f->ins + sizeof *f->val + sizeof *f->at;
  ZIns *piece = f->room <= MANY_VALUES ? f->ins : NULL;
  if (r.cap <= MANY_VALUES)
    r.at = zw_arena_stale(f->arena, r.cap, bytes, 16);
  f->ins = move(f, &r, f->ins, sizeof *f->ins);
  f->val = move(f, &r, f->val, sizeof *f->val);
  f->at = move(f, &r, f->at, sizeof *f->at);
  if (piece && r.cap > MANY_VALUES)
    zw_alloc_discard(piece, f->room * bytes);
  if (piece)
    zw_arena_drop(f->arena, piece);
  f->room = r.cap;
}

// ---- offsets, packed ----
// A byte says how much an offset is more than the one before in its page, or that so many in a row are the same, or FAR: then all of it follows.
enum { SAME = 0xe0, FAR = 0xff, SAME_LEAST = 2, SAME_MOST = FAR - 1 - SAME + SAME_LEAST, FAR_BYTES = 5,
       LOOK_AGAIN = 8 << 10, NEWEST = AT_PAGE /* are left: P2 may look at the last few */ };
static void pack_page(ZirFunc *f, const uint32_t *at)
{
  uint8_t bytes[AT_PAGE * FAR_BYTES], *q = bytes;
  for (uint32_t k = 0, last = 0, n; k < AT_PAGE; last = at[k - 1]) {
    for (n = 0; n < SAME_MOST && k + n < AT_PAGE && at[k + n] == last;)
      n++;
    if (n >= SAME_LEAST) {
      *q++ = (uint8_t)(SAME + n - SAME_LEAST);
      k += n;
    } else if (at[k] - last < SAME) {
      *q++ = (uint8_t)(at[k++] - last);
    } else {
      *q = FAR;
      memcpy(q + 1, &at[k++], sizeof *at);
      q += FAR_BYTES;
    }
  }
  size_t n = (size_t)(q - bytes);
  if (f->nat_packed == f->at_packed_cap)
    f->at_packed = zw_vec_grow(f->arena, f->at_packed, f->nat_packed, &f->at_packed_cap, f->nat_packed + 1, sizeof *f->at_packed);
  f->at_packed[f->nat_packed++] = memcpy(zw_arena_stale(f->arena, n, 1, 1), bytes, n);
}
static void pack_at(ZirFunc *f)
{
  uint32_t first = f->nat_packed;
  while ((f->nat_packed + 1) * AT_PAGE + NEWEST <= f->nins)
    pack_page(f, f->at + f->nat_packed * AT_PAGE);
  first -= first > 0; // its end lay in a page of the system that was still wanted
  zw_alloc_discard(f->at + first * AT_PAGE, (f->nat_packed - first) * AT_PAGE * sizeof *f->at);
}

void zw_zir_unpack_at(const ZirFunc *f, uint32_t v)
{
  uint32_t page = v / AT_PAGE;
  const uint8_t *p = page < f->nat_packed ? f->at_packed[page] : NULL;
  if (!p)
    return;
  f->at_packed[page] = NULL;
  uint32_t *at = f->at + page * AT_PAGE, *end = at + AT_PAGE, last = 0;
  while (at < end) {
    if (*p >= SAME && *p < FAR) {
      for (uint32_t n = *p++ - SAME + SAME_LEAST; n--;)
        *at++ = last;
      continue;
    }
    last += *p;
    if (*p++ == FAR)
      memcpy(&last, p, sizeof last), p += sizeof last;
    *at++ = last;
  }
}

void zw_zir_unpack_all_at(const ZirFunc *f)
{
  for (uint32_t page = 0; page < f->nat_packed; page++)
    zw_zir_unpack_at(f, page * AT_PAGE);
}

// Of a giant function offsets are packed as it grows: nobody reads them before P3, which comes to them one after the other.
void zw_zir_reserve(ZirFunc *f, uint32_t want)
{
  if (want <= f->cap)
    return;
  if (want > f->room)
    grow(f, want);
  f->cap = f->room;
  if (f->room < ARENA_OWN_BYTES / sizeof *f->at || !zw_zir_is_giant(f)) // where growing copies there is nothing to give back
    return;
  pack_at(f);
  if (f->nins + LOOK_AGAIN < f->room && f->nins + LOOK_AGAIN >= want)
    f->cap = f->nins + LOOK_AGAIN;
}
