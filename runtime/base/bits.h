// Bit tricks and checked sizes.  Everything is inline; nothing here knows about wasm.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// Counts of 0 are defined: clz(0) == ctz(0) == width.
static inline unsigned zw_clz32(uint32_t x) { return x ? (unsigned)__builtin_clz(x) : 32; }
static inline unsigned zw_clz64(uint64_t x) { return x ? (unsigned)__builtin_clzll(x) : 64; }
static inline unsigned zw_ctz32(uint32_t x) { return x ? (unsigned)__builtin_ctz(x) : 32; }
static inline unsigned zw_ctz64(uint64_t x) { return x ? (unsigned)__builtin_ctzll(x) : 64; }
// By hand: the builtin is a call into the compiler's library where the instruction is not assumed.
static inline unsigned zw_popcnt64(uint64_t x)
{
  x -= x >> 1 & 0x5555555555555555ull;
  x = (x & 0x3333333333333333ull) + (x >> 2 & 0x3333333333333333ull);
  return (unsigned)(((x + (x >> 4)) & 0x0f0f0f0f0f0f0f0full) * 0x0101010101010101ull >> 56);
}
static inline unsigned zw_popcnt32(uint32_t x) { return zw_popcnt64(x); }

// `to` is a power of two.
static inline uint64_t zw_align_up(uint64_t x, uint64_t to) { return (x + to - 1) & ~(to - 1); }

// *out = a + b, a * b; false when it does not fit.
static inline bool zw_add_size(size_t a, size_t b, size_t *out) { return !__builtin_add_overflow(a, b, out); }
static inline bool zw_mul_size(size_t a, size_t b, size_t *out) { return !__builtin_mul_overflow(a, b, out); }

// Do n things from `at` on lie within the first `length`?
static inline bool zw_in_range(uint64_t at, uint64_t n, uint64_t length) { return at <= length && n <= length - at; }

// Unaligned little-endian access.
static inline uint16_t zw_get16(const void *p) { uint16_t v; __builtin_memcpy(&v, p, 2); return v; }
static inline uint32_t zw_get32(const void *p) { uint32_t v; __builtin_memcpy(&v, p, 4); return v; }
static inline uint64_t zw_get64(const void *p) { uint64_t v; __builtin_memcpy(&v, p, 8); return v; }
static inline void zw_put16(void *p, uint16_t v) { __builtin_memcpy(p, &v, 2); }
static inline void zw_put32(void *p, uint32_t v) { __builtin_memcpy(p, &v, 4); }
static inline void zw_put64(void *p, uint64_t v) { __builtin_memcpy(p, &v, 8); }
