// A plain C host of a linked module.  Every line it prints is compared by run.py; a wrong step exits non-zero.
#define _GNU_SOURCE
#include "guest.h"
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>

#define EXPECT(c) ((c) ? (void)0 : (printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #c), exit(1)))

static _Thread_local int mode; // what the callback does
static _Thread_local jmp_buf jump;
static _Thread_local int depth;

int32_t guest_env_callback(guest *g, int32_t n)
{
  int32_t r = 0;
  switch (mode) {
  case 0: return n * 2;
  case 1: zwasm_raise(guest_instance(g), "the callback says no");
  case 2: zwasm_set_trap(guest_instance(g), "the callback says no, later"); return 0;
  case 3: longjmp(jump, 1);
  case 4: // a trap inside a nested _try call stays there
    mode = 0;
    EXPECT(guest_div_try(g, 1, 0, &r) == ZWASM_DIVIDE_BY_ZERO);
    EXPECT(guest_load_try(g, -4, &r) == ZWASM_OUT_OF_BOUNDS);
    return n;
  case 5: // a trap in a nested plain call goes to the outer _try
    mode = 0;
    return guest_div(g, 1, 0);
  case 6: // ping-pong between host and guest: the limit is carried along
    depth++;
    return (int32_t)guest_around(g, n, 1.0);
  case 8: // no exception leaves an entry; in a nested _try call it is a status
    EXPECT(guest_refuse_try(g, 1, &r) == ZWASM_UNCAUGHT_EXCEPTION);
    EXPECT(zwasm_trap(guest_instance(g))->total_frames == 2); // refuse, and what called back
    return n;
  case 9: return guest_refuse(g, 1); // in a nested plain call it goes to the outer _try, whatever wasm catches in between
  case 7: return (int32_t)(__builtin_ia32_stmxcsr() & 0x6000) - n; // 0: the rounding mode that is wanted
  }
  return r;
}

double guest_env_mix(guest *g, int32_t a, int64_t b, float c, double d, int32_t e, int64_t f, double h, int32_t i, int64_t j)
{
  (void)g;
  return a + (double)b * 10 + c * 100 + d * 1000 + e * 1e4 + (double)f * 1e5 + h * 1e6 + i * 1e7 + (double)j * 1e8;
}

static guest *fresh(void)
{
  zwasm_options_t o = ZWASM_OPTIONS_INIT;
  guest *g = guest_new(&o);
  if (g == NULL) {
    printf("guest_new: %s\n", zwasm_last_error());
    exit(1);
  }
  return g;
}

static void calls(void)
{
  guest *a = fresh(), *b = fresh();
  int32_t r;
  guest_div_mod_result dm;
  EXPECT(guest_fac(a, 20) == 2432902008176640000);
  EXPECT(guest_div(a, -7, 2) == -3);
  guest_store(a, 100, 4711);
  EXPECT(guest_load(a, 100) == 4711 && guest_load(b, 100) == 0);
  EXPECT(*guest_counter(a) == 7);
  guest_count(a);
  EXPECT(*guest_counter(a) == 8 && *guest_counter(b) == 7);
  guest_div_mod(a, 17, 5, &dm);
  EXPECT(dm.r0 == 3 && dm.r1 == 2);
  EXPECT(guest_div_mod_try(a, 17, 0, &dm) == ZWASM_DIVIDE_BY_ZERO);
  EXPECT(guest_call_mix(a, 1) == 1 - 20 + 350 + 4250 - 5e4 + 6e5 + 7.125e6 + 8e7 - 9e8);
  EXPECT(guest_many(a, 1, 2, 3.5f, 4.5, 5, 6, 7.25, 8, 9, -10) == 36.25);
  EXPECT(guest_around(a, 5, 9.0) == 10 + 15 + 105 + 4.5);
  EXPECT(guest_recurse(a, 1000) == 1000);
  EXPECT(zwasm_mem_at(guest_memory(a), 65535, 1) != NULL && zwasm_mem_at(guest_memory(a), 65535, 2) == NULL);
  EXPECT(zwasm_mem_at(guest_memory(a), UINT64_MAX, 2) == NULL);
  EXPECT(zwasm_memory_grow(guest_memory(a), 1) == 1 && guest_load_try(a, 131068, &r) == ZWASM_OK);
  EXPECT(zwasm_memory_grow(guest_memory(a), 9) == UINT64_MAX);
  guest_delete(a);
  EXPECT(guest_fac(b, 5) == 120);
  guest_delete(b);
  guest_delete(NULL);
  puts("calls: ok");
}

static void placed(void)
{
  size_t size = guest_sizeof();
  void *where = aligned_alloc(64, (size + 63) & ~(size_t)63);
  zwasm_options_t o = ZWASM_OPTIONS_INIT;
  EXPECT(guest_init_at(where, 16, &o) == NULL && strlen(zwasm_last_error()) > 10);
  guest *g = guest_init_at(where, size, &o);
  EXPECT(g != NULL && guest_fac(g, 6) == 720);
  guest_delete(g);
  free(where);
  puts("placed: ok");
}

static void traps(void)
{
  guest *g = fresh();
  int32_t r;
  double d;
  char text[600], later[600];
  EXPECT(guest_div_try(g, 1, 0, &r) == ZWASM_DIVIDE_BY_ZERO);
  EXPECT(guest_div_try(g, INT32_MIN, -1, &r) == ZWASM_INTEGER_OVERFLOW);
  EXPECT(guest_unreachable_try(g) == ZWASM_UNREACHABLE);
  EXPECT(guest_load_try(g, 65533, &r) == ZWASM_OUT_OF_BOUNDS);
  EXPECT(zwasm_trap(guest_instance(g))->has_address && zwasm_trap(guest_instance(g))->memory_bytes == 65536);
  EXPECT(guest_load_try(g, -1, &r) == ZWASM_OUT_OF_BOUNDS);
  EXPECT(guest_forever_try(g, &r) == ZWASM_STACK_OVERFLOW);
  mode = 1;
  EXPECT(guest_outer_try(g, 3, &r) == ZWASM_HOST_TRAP);
  EXPECT(strcmp(zwasm_trap(guest_instance(g))->message, "the callback says no") == 0);
  zwasm_trap_text(guest_instance(g), text, sizeof text);
  fputs(text, stdout); // run.py compares: inner, middle, outer with their wasm offsets
  mode = 2; // the same frames as for a raise
  EXPECT(guest_around_try(g, 1, 1, &d) == ZWASM_HOST_TRAP);
  uint32_t around = zwasm_trap(guest_instance(g))->total_frames;
  EXPECT(guest_outer_try(g, 3, &r) == ZWASM_HOST_TRAP && around > 0);
  EXPECT(strcmp(zwasm_trap(guest_instance(g))->message, "the callback says no, later") == 0);
  zwasm_trap_text(guest_instance(g), later, sizeof later);
  EXPECT(strcmp(strchr(later, '\n'), strchr(text, '\n')) == 0 && zwasm_trap(guest_instance(g))->total_frames == 3);
  mode = 4;
  EXPECT(guest_outer(g, 3) == 5);
  mode = 5;
  EXPECT(guest_outer_try(g, 3, &r) == ZWASM_DIVIDE_BY_ZERO);
  mode = 0;
  int overflows = 0, faulted = 0;
  for (; overflows < 10000; overflows++)
    EXPECT(guest_forever_try(g, &r) == ZWASM_STACK_OVERFLOW);
  for (; faulted < 100000; faulted++)
    EXPECT(guest_load_try(g, 70000 + faulted, &r) == ZWASM_OUT_OF_BOUNDS);
  mode = 6;
  EXPECT(guest_around_try(g, 1, 1, &d) == ZWASM_STACK_OVERFLOW && depth > 10);
  mode = 0;
  EXPECT(guest_recurse(g, 100) == 100);
  guest_delete(g);
  printf("traps: ok; in a row %d stack overflows, %d guard faults\n", overflows, faulted);
}

static void exceptions(void)
{
  guest *g = fresh();
  int32_t r;
  for (volatile int i = 0; i < 1000; i++) {
    mode = 0;
    EXPECT(guest_guarded(g, 7) == 1007);
    EXPECT(guest_refuse_try(g, 1, &r) == ZWASM_UNCAUGHT_EXCEPTION);
    mode = 8;
    EXPECT(guest_guarded(g, 8) == 1008);
    mode = 9;
    EXPECT(guest_guarded_try(g, 9, &r) == ZWASM_UNCAUGHT_EXCEPTION);
    mode = 2;
    EXPECT(guest_guarded_try(g, 9, &r) == ZWASM_HOST_TRAP);
    mode = 3;
    if (setjmp(jump) == 0) {
      guest_guarded(g, 1);
      EXPECT(!"longjmp came back");
    }
    mode = 6;
    if (i % 100 == 0)
      EXPECT(guest_guarded_try(g, 1, &r) == ZWASM_STACK_OVERFLOW);
    mode = 0;
    EXPECT(guest_guarded(g, 3) == 1003);
  }
  guest_delete(g);
  puts("wasm exceptions: ok");
}

static void sideways(void)
{
  guest *g = fresh();
  for (volatile int i = 0; i < 1000; i++) {
    mode = 3;
    if (setjmp(jump) == 0) {
      guest_outer(g, 1);
      EXPECT(!"longjmp came back");
    }
    int32_t r;
    mode = 0;
    EXPECT(guest_outer(g, 4) == 10);
    EXPECT(guest_div_try(g, 1, 0, &r) == ZWASM_DIVIDE_BY_ZERO);
  }
  guest_delete(g);
  puts("longjmp: ok");
}

// How many frames a trap has that happens deep below, with `gap` bytes between that nobody writes.
static __attribute__((noinline)) uint32_t frames_deep_below(guest *g, size_t gap)
{
  volatile char *room = __builtin_alloca(gap);
  int32_t r;
  room[0] = 0;
  mode = 1;
  EXPECT(guest_outer_try(g, 3, &r) == ZWASM_HOST_TRAP);
  return zwasm_trap(guest_instance(g))->total_frames;
}

// A skipped call is over at once when its landing place says so, however much of its stack survives.
static void skipped_calls_are_over(void)
{
  guest *volatile g = fresh();
  for (volatile size_t gap = 512; gap <= 65536; gap *= 2) {
    mode = 3;
    if (setjmp(jump) == 0)
      guest_outer(g, 1);
    zwasm_after_longjmp();
    EXPECT(frames_deep_below(g, gap) == 3);
  }
  mode = 3;
  if (setjmp(jump) == 0)
    guest_outer(g, 1);
  EXPECT(guest_div(g, 6, 3) == 2); // says so as well
  EXPECT(frames_deep_below(g, 8192) == 3);
  guest_delete(g);
}

// The host's rounding mode is the host's: wasm rounds to nearest, imports see the host's, a trap puts it back.
static void rounding(void)
{
  enum { DOWN = 0x2000, MODES = 0x6000 };
  guest *g = fresh();
  unsigned was = __builtin_ia32_stmxcsr();
  double d;
  int32_t r;
  EXPECT(guest_fac(g, 3) == 6); // from now on the quick way is taken
  __builtin_ia32_ldmxcsr(was | DOWN);
  volatile double a = 0.1, b = 0.2, sum = a + b;
  EXPECT(guest_many_try(g, 0, 0, 0, 0.1, 0, 0, 0.2, 0, 0, 0, &d) == ZWASM_OK && d > sum);
  EXPECT((__builtin_ia32_stmxcsr() & MODES) == DOWN);
  EXPECT(guest_div_try(g, 1, 0, &r) == ZWASM_DIVIDE_BY_ZERO && (__builtin_ia32_stmxcsr() & MODES) == DOWN);
  mode = 7;
  EXPECT(guest_outer(g, DOWN) == 2 && (__builtin_ia32_stmxcsr() & MODES) == DOWN);
  __builtin_ia32_ldmxcsr(was);
  EXPECT(guest_outer(g, 0) == 2 && guest_many(g, 0, 0, 0, 0.1, 0, 0, 0.2, 0, 0, 0) == d);
  guest_delete(g);
}

static void *worker(void *arg)
{
  guest *g = fresh();
  int32_t r;
  for (int i = 0; i < 2000; i++) {
    EXPECT(guest_fac(g, 10) == 3628800);
    EXPECT(guest_load_try(g, 1 << 20, &r) == ZWASM_OUT_OF_BOUNDS);
    if (i % 50 == 0)
      EXPECT(guest_forever_try(g, &r) == ZWASM_STACK_OVERFLOW);
  }
  guest_delete(g);
  return arg;
}

static void threads(void)
{
  pthread_t t[4];
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 256 * 1024);
  for (int i = 0; i < 4; i++)
    EXPECT(pthread_create(&t[i], i == 3 ? &small : NULL, worker, NULL) == 0);
  for (int i = 0; i < 4; i++)
    pthread_join(t[i], NULL);
  puts("threads: ok");
}

static volatile sig_atomic_t profs, faults;
static void on_prof(int sig) { (void)sig; profs++; }
static sigjmp_buf out_of_fault;
static void on_segv(int sig, siginfo_t *info, void *context)
{
  (void)sig, (void)info, (void)context;
  faults++;
  siglongjmp(out_of_fault, 1);
}

static void signals_before(void)
{
  struct sigaction a;
  memset(&a, 0, sizeof a);
  a.sa_sigaction = on_segv, a.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigaction(SIGSEGV, &a, NULL); // ours stands first; the runtime's comes on top of it
}

static void signals(void)
{
  guest *g = fresh();
  int32_t r;
  char *none = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int i = 0; i < 100; i++) {
    if (sigsetjmp(out_of_fault, 1) == 0) {
      *(volatile char *)none = 1; // the host's own fault reaches the host's own handler
      EXPECT(!"no fault");
    }
    EXPECT(guest_load_try(g, 1 << 20, &r) == ZWASM_OUT_OF_BOUNDS); // a wasm trap never does
  }
  EXPECT(faults == 100);
  struct sigaction p;
  memset(&p, 0, sizeof p);
  p.sa_handler = on_prof, p.sa_flags = SA_RESTART;
  sigaction(SIGPROF, &p, NULL);
  struct itimerval every = { { 0, 1000 }, { 0, 1000 } };
  setitimer(ITIMER_PROF, &every, NULL);
  for (int i = 0; i < 200000 || profs < 100; i++) {
    EXPECT(guest_fac(g, 15) == 1307674368000);
    EXPECT(i % 16 || guest_load_try(g, 1 << 20, &r) == ZWASM_OUT_OF_BOUNDS);
  }
  memset(&every, 0, sizeof every);
  setitimer(ITIMER_PROF, &every, NULL);
  sigset_t set;
  sigprocmask(SIG_BLOCK, NULL, &set);
  EXPECT(!sigismember(&set, SIGSEGV));
  guest_delete(g);
  puts("signals: ok");
}

static void call_div(void *arg) { guest_div(arg, 1, 0); }

int main(void)
{
  signals_before();
  calls();
  placed();
  traps();
  exceptions();
  sideways();
  skipped_calls_are_over();
  rounding();
  threads();
  signals();
  guest *g = fresh();
  EXPECT(zwasm_try(guest_instance(g), call_div, g) == ZWASM_DIVIDE_BY_ZERO);
  guest_delete(g);
  puts("done");
  return 0;
}
