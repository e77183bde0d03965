// C++ exceptions as a compiler makes them of wasm's: destructors, handlers that throw again, throws in handlers.  Natively it
// is an ordinary program.  For wasm it brings the few functions of the C++ library that throwing needs; all handlers are
// catch (...), so no types are compared.
#ifdef __wasm__
typedef unsigned long size_t;
extern "C" {
static char heap[1 << 16];
static size_t used;
static void *current;
void *__cxa_allocate_exception(size_t n) { return heap + (used = (used + n + 15) % sizeof heap / 2 & ~15ul); }
void __cxa_free_exception(void *) {}
__attribute__((noinline, noreturn)) void __cxa_throw(void *p, void *, void *) { __builtin_wasm_throw(0, p); }
__attribute__((noinline, noreturn)) void __cxa_rethrow() { __builtin_wasm_throw(0, current); }
__attribute__((noinline)) void *__cxa_begin_catch(void *p) { return p; }
__attribute__((noinline)) void __cxa_end_catch() {}
int __gxx_wasm_personality_v0() { return 0; }
struct { size_t index; const char *lsda; size_t selector; } __wasm_lpad_context;
int _Unwind_CallPersonality(void *p) { return current = p, __wasm_lpad_context.selector = 1, 0; }
void _ZSt9terminatev() { __builtin_trap(); }
void *_ZTIi[4];
}
#define EXPORT extern "C" __attribute__((export_name("run")))
#else
#include <cstdio>
#define EXPORT
#endif
#define OUT __attribute__((noinline))

static volatile int alive, order;
struct Guard {
  int k;
  OUT Guard(int n) : k(n) { alive = alive + k; }
  OUT ~Guard() { alive = alive - k, order = (int)((unsigned)order * 7u + (unsigned)k); }
};

OUT static int leaf(int n)
{
  Guard g(1);
  if (n % 3 == 0)
    throw n;
  return n * 2;
}
OUT static int middle(int n, int m)
{
  Guard a(2), b(3);
  int x = n * m;
  for (int i = 0; i < 3; i++) {
    Guard c(4 + i);
    x += leaf(n + i * m);
  }
  return x + a.k + b.k;
}
OUT static int again(int n)
{
  int s = n;
  try {
    Guard g(9);
    s += middle(n, 2);
    s++;
  } catch (...) {
    s += 1000;
    Guard h(10);
    if (n % 5 == 0)
      throw;
  }
  return s;
}
EXPORT int run(int n)
{
  unsigned sum = 0;
  for (int i = 0; i < n; i++) {
    unsigned before = sum;
    try {
      Guard g(11);
      sum += (unsigned)again(i);
      sum += (unsigned)middle(i, 3) & 0xff;
    } catch (...) {
      sum = sum * 3 + before + (unsigned)i;
      try {
        sum += (unsigned)again(i + 1);
      } catch (...) {
        sum ^= 0x55;
      }
    }
    if (alive)
      return -alive;
  }
  return (int)(sum * 31 + (unsigned)order);
}
#ifndef __wasm__
int main() { std::printf("%d\n", run(20000)); }
#endif
