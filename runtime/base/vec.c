#include "runtime/base/vec.h"
#include "runtime/base/bits.h"

void *zw_vec_grow(Arena *a, void *p, uint32_t n, uint32_t *cap, uint32_t want, size_t size)
{
  uint32_t to = *cap ? *cap : want > 8 ? want : 8; // the first room is what is asked for
  while (to < want && (size_t)to * size < zw_arena_large(a)) // from there a quarter more will do: it costs pages, not copies
    to = to > UINT32_MAX / 2 ? UINT32_MAX : to * 2;
  if (to < want) {
    to = *cap > UINT32_MAX - *cap / 4 ? UINT32_MAX : *cap + *cap / 4;
    to = to < want ? want : to;
  }
  size_t bytes;
  if (!zw_mul_size(to, size, &bytes))
    bytes = SIZE_MAX; // fails below like any size that is too large
  void *q = zw_arena_grow(a, p, (size_t)n * size, (size_t)*cap * size, bytes);
  if (q)
    *cap = to;
  return q;
}
