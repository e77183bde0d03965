// Growable arrays in an arena: VEC(T) v = {0};  *zw_push(arena, &v) = x;  v.p[i], v.n.
// Growth doubles, in place when nothing was allocated since; else it copies, and the old block stays in the arena, unless it is
// large (arena.h).
#pragma once
#include "runtime/base/arena.h"

#define VEC(T) struct { T *p; uint32_t n, cap; }
void *zw_vec_grow(Arena *a, void *p, uint32_t n, uint32_t *cap, uint32_t want, size_t size);
#define zw_reserve(a, v, want)                                                                     \
  ((v)->cap >= (want) ? (void)0                                                                    \
                      : (void)((v)->p = zw_vec_grow((a), (v)->p, (v)->n, &(v)->cap, (want), sizeof *(v)->p)))
// Pointer to one new zeroed-or-stale element at the end (the caller assigns it whole).
#define zw_push(a, v) (zw_reserve((a), (v), (v)->n + 1), &(v)->p[(v)->n++])
