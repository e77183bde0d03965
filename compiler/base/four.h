// Four 32-bit numbers at once, by the compiler's vectors: what P2 and P3 compare for every block.
#pragma once
#include <stdbool.h>
#include <stdint.h>

typedef uint32_t Four __attribute__((vector_size(16))); // comparisons: all ones for true
static inline Four four(const uint32_t *p) { Four v; __builtin_memcpy(&v, p, sizeof v); return v; }
static inline void put_four(uint32_t *p, Four v) { __builtin_memcpy(p, &v, sizeof v); }
static inline uint32_t or_of(Four v)
{
  uint64_t half[2];
  __builtin_memcpy(half, &v, sizeof v);
  half[0] |= half[1];
  return (uint32_t)(half[0] | half[0] >> 32);
}
