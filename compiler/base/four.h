// Four 32-bit numbers at once, by the compiler's vectors: what P2 and P3 compare for every block.
#pragma once
#include <stdbool.h>
#include <stdint.h>

typedef uint32_t Four __attribute__((vector_size(16))); // comparisons: all ones for true
static inline Four four(const uint32_t *p) { Four v; __builtin_memcpy(&v, p, sizeof v); return v; }
static inline void put_four(uint32_t *p, Four v) { __builtin_memcpy(p, &v, sizeof v); }
static inline Four interleave_low(Four a, Four b) { return __builtin_shufflevector(a, b, 0, 4, 1, 5); }  // a0 b0 a1 b1
static inline Four interleave_high(Four a, Four b) { return __builtin_shufflevector(a, b, 2, 6, 3, 7); } // a2 b2 a3 b3
static inline Four pairs_low(Four a, Four b) { return __builtin_shufflevector(a, b, 0, 1, 4, 5); }       // a0 a1 b0 b1
static inline Four pairs_high(Four a, Four b) { return __builtin_shufflevector(a, b, 2, 3, 6, 7); }      // a2 a3 b2 b3
static inline Four evens(Four a, Four b) { return __builtin_shufflevector(a, b, 0, 2, 4, 6); }             // a0 a2 b0 b2
static inline uint32_t or_of(Four v)
{
  uint64_t half[2];
  __builtin_memcpy(half, &v, sizeof v);
  half[0] |= half[1];
  return (uint32_t)(half[0] | half[0] >> 32);
}
