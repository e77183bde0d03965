// Copy and fill for bulk instructions, without the host's libc.
//
// Small sizes are a few loads before a few stores that may overlap each other, so the direction does not matter; the loops
// in the middle load the far end first for the same reason; large sizes go by the string instructions, which recent
// processors run at the width of the cache.  Vector registers are free to use: the library call has saved them.
#include "runtime/vm/vm_int.h"

enum { STRING_FROM = 1024 }; // bytes; below, the start-up of rep movsb costs more than it saves
typedef uint64_t V16 __attribute__((vector_size(16), aligned(1), may_alias));
typedef uint64_t U8 __attribute__((aligned(1), may_alias));
typedef uint32_t U4 __attribute__((aligned(1), may_alias));
typedef uint16_t U2 __attribute__((aligned(1), may_alias));
#define AT(T, p) (*(T *)(p))
#define LOAD(T, p) (*(const T *)(p))

// First and last part, which overlap when n is not twice their size.
static void move_small(char *d, const char *s, size_t n) // n < 64
{
  if (n >= 32) {
    V16 a = LOAD(V16, s), b = LOAD(V16, s + 16), c = LOAD(V16, s + n - 32), e = LOAD(V16, s + n - 16);
    AT(V16, d) = a, AT(V16, d + 16) = b, AT(V16, d + n - 32) = c, AT(V16, d + n - 16) = e;
  } else if (n >= 16) {
    V16 a = LOAD(V16, s), b = LOAD(V16, s + n - 16);
    AT(V16, d) = a, AT(V16, d + n - 16) = b;
  } else if (n >= 8) {
    uint64_t a = LOAD(U8, s), b = LOAD(U8, s + n - 8);
    AT(U8, d) = a, AT(U8, d + n - 8) = b;
  } else if (n >= 4) {
    uint32_t a = LOAD(U4, s), b = LOAD(U4, s + n - 4);
    AT(U4, d) = a, AT(U4, d + n - 4) = b;
  } else if (n >= 2) {
    uint16_t a = LOAD(U2, s), b = LOAD(U2, s + n - 2);
    AT(U2, d) = a, AT(U2, d + n - 2) = b;
  } else if (n == 1) {
    *d = *s;
  }
}

typedef struct Line { V16 v[4]; } Line;
static inline Line load_line(const char *p) { return (Line){ { LOAD(V16, p), LOAD(V16, p + 16), LOAD(V16, p + 32), LOAD(V16, p + 48) } }; }
static inline void store_line(char *p, Line l)
{
  AT(V16, p) = l.v[0], AT(V16, p + 16) = l.v[1], AT(V16, p + 32) = l.v[2], AT(V16, p + 48) = l.v[3];
}
#define OPAQUE(p) __asm__ volatile("" : "+r"(p)) /* or the loop becomes a call to memmove */

static void move_up(char *d, const char *s, size_t n) // n >= 64; d below s or apart
{
  Line last = load_line(s + n - 64);
  char *end = d + n - 64;
  for (; d < end; d += 64, s += 64) {
    store_line(d, load_line(s));
    OPAQUE(s);
  }
  store_line(end, last);
}
static void move_down(char *d, const char *s, size_t n) // n >= 64; d inside s
{
  Line first = load_line(s);
  char *at = d + n;
  for (s += n; at - d > 64;) {
    at -= 64, s -= 64;
    store_line(at, load_line(s));
    OPAQUE(s);
  }
  store_line(d, first);
}

void zw_bulk_move(void *dst, const void *src, size_t n)
{
  char *d = dst;
  const char *s = src;
  if (n < 64)
    move_small(d, s, n);
  else if (d == s)
    return;
  else if ((uintptr_t)d - (uintptr_t)s < n) // dst inside src: from the end
    move_down(d, s, n);
  else if (n >= STRING_FROM && (uintptr_t)s - (uintptr_t)d >= 64) // close behind each other, rep movsb goes by bytes
    __asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(n) : : "memory");
  else
    move_up(d, s, n);
}

void zw_bulk_fill(void *dst, uint8_t byte, size_t n)
{
  char *d = dst;
  uint64_t v = byte * 0x0101010101010101ull;
  Line l = { { { v, v }, { v, v }, { v, v }, { v, v } } };
  if (n >= STRING_FROM) {
    __asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(byte) : "memory");
  } else if (n >= 64) {
    for (char *end = d + n - 64; d < end; d += 64)
      store_line(d, l);
    store_line((char *)dst + n - 64, l);
  } else {
    move_small(d, (const char *)&l, n);
  }
}
