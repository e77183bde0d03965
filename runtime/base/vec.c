#include "runtime/base/vec.h"
#include "runtime/base/bits.h"

void *zw_vec_grow(Arena *a, void *p, uint32_t n, uint32_t *cap, uint32_t want, size_t size)
{
  uint32_t to = *cap ? *cap : 8;
  while (to < want)
    to = to > UINT32_MAX / 2 ? UINT32_MAX : to * 2;
  size_t bytes;
  if (n && zw_mul_size(to, size, &bytes) && zw_arena_extend(a, p, (size_t)*cap * size, bytes)) {
    *cap = to;
    return p;
  }
  void *q = zw_arena_stale(a, to, size, 16);
  if (!q)
    return NULL; // only an arena without nomem; such callers use their own growth
  if (n)
    memcpy(q, p, (size_t)n * size);
  *cap = to;
  return q;
}
