// The functions that compilers call on their own, for programs without a libc.  They are in start.o and nowhere else: in
// libzwasm-rt.a they would take the place of a host program's own.
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
int bcmp(const void *a, const void *b, size_t n);
void *memchr(const void *p, int c, size_t n);
size_t strlen(const char *s);

void *memcpy(void *restrict dst, const void *restrict src, size_t n)
{
  void *d = dst;
  __asm__ volatile("rep movsb" : "+D"(d), "+S"(src), "+c"(n) : : "memory");
  return dst;
}
void *memmove(void *dst, const void *src, size_t n)
{
  unsigned char *d = dst;
  const unsigned char *s = src;
  if ((uintptr_t)d - (uintptr_t)s >= n)
    return memcpy(dst, src, n);
  while (n--) {
    d[n] = s[n];
    __asm__ volatile("" ::: "memory"); // or it becomes a call to memmove
  }
  return dst;
}
void *memset(void *dst, int c, size_t n)
{
  void *d = dst;
  __asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(c) : "memory");
  return dst;
}
int memcmp(const void *a, const void *b, size_t n)
{
  const unsigned char *x = a, *y = b;
  for (; n; n--, x++, y++)
    if (*x != *y)
      return *x - *y;
  return 0;
}
int bcmp(const void *a, const void *b, size_t n) { return memcmp(a, b, n); }
void *memchr(const void *p, int c, size_t n)
{
  for (const unsigned char *s = p; n; n--, s++)
    if (*s == (unsigned char)c)
      return (void *)(uintptr_t)s;
  return NULL;
}
size_t strlen(const char *s)
{
  const char *p = s;
  while (*p) {
    p++;
    __asm__ volatile("" : "+r"(p)); // or it becomes a call to strlen
  }
  return (size_t)(p - s);
}
