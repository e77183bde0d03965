// Copy and fill for bulk instructions, which may be large and run beside live wasm registers: integer registers only, so
// that the library call need not save the vector ones for them.  Medium sizes go by words, large ones by the string
// instructions, which recent processors run at the width of the cache.
#include "runtime/vm/vm_int.h"

enum { STRING_FROM = 512 }; // bytes; below, the start-up of rep movsb costs more than it saves
#define INTEGER_ONLY __attribute__((target("general-regs-only")))

INTEGER_ONLY static uint64_t get(const uint8_t *p) { uint64_t v; __builtin_memcpy(&v, p, 8); return v; }
INTEGER_ONLY static void put(uint8_t *p, uint64_t v) { __builtin_memcpy(p, &v, 8); }
// Keeps the compiler from seeing a memcpy in the loops below, which it would call.
#define OPAQUE(p) __asm__ volatile("" : "+r"(p))

INTEGER_ONLY static void move_up(uint8_t *d, const uint8_t *s, size_t n)
{
  for (; n >= 8; d += 8, s += 8, n -= 8) {
    put(d, get(s));
    OPAQUE(d);
  }
  for (; n; d++, s++, n--) {
    *d = *s;
    OPAQUE(d);
  }
}
INTEGER_ONLY static void move_down(uint8_t *d, const uint8_t *s, size_t n)
{
  for (; n >= 32; n -= 32) {
    uint64_t a = get(s + n - 8), b = get(s + n - 16), c = get(s + n - 24), e = get(s + n - 32);
    put(d + n - 8, a), put(d + n - 16, b), put(d + n - 24, c), put(d + n - 32, e);
    OPAQUE(d);
  }
  for (; n >= 8; n -= 8) {
    put(d + n - 8, get(s + n - 8));
    OPAQUE(d);
  }
  while (n--) {
    d[n] = s[n];
    OPAQUE(d);
  }
}

INTEGER_ONLY void zw_bulk_move(void *dst, const void *src, size_t n)
{
  uint8_t *d = dst;
  const uint8_t *s = src;
  if (d == s)
    return;
  if ((uintptr_t)d - (uintptr_t)s < n) { // dst inside src: from the end
    move_down(d, s, n);
    return;
  }
  // rep movsb falls back to bytes when the source is close behind the destination
  if (n >= STRING_FROM && (uintptr_t)s - (uintptr_t)d >= 64) {
    __asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(n) : : "memory");
    return;
  }
  move_up(d, s, n);
}

INTEGER_ONLY void zw_bulk_fill(void *dst, uint8_t byte, size_t n)
{
  uint8_t *d = dst;
  if (n >= STRING_FROM) {
    __asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(byte) : "memory");
    return;
  }
  uint64_t v = byte * 0x0101010101010101ull;
  for (; n >= 8; d += 8, n -= 8) {
    put(d, v);
    OPAQUE(d);
  }
  for (; n; d++, n--) {
    *d = byte;
    OPAQUE(d);
  }
}
