// The runtime with a guest written by hand: calls, traps, faults, stack limit, host functions, longjmp, signals.
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "guest.h"
#include "runtime/base/alloc.h"
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct World { Store *s; Instance *in; HostFn host_v; } World;
static World world; // the host functions look here

static void host_i_i(void *env, VmCtx *caller, Value *args)
{
  (void)env;
  assert_true(caller->is_host || caller->instance == world.in);
  args[0].i32 *= 10;
}
static void host_v(void *env, VmCtx *caller, Value *args) { world.host_v(env, caller, args); }

// The test library takes SIGSEGV for itself before each test; ours is installed once per process.
static struct sigaction our_action;
static void take_signals_back(void)
{
  if (our_action.sa_sigaction)
    sigaction(SIGSEGV, &our_action, NULL);
}

static void open_with(uint64_t min, uint64_t max, bool has_max, uint32_t flags, const StoreOptions *o)
{
  char err[200];
  TrapKind trap;
  ValType i32 = VT_I32;
  Store *s = zw_store_new(o);
  Extern imports[] = { { .kind = EXT_FUNC, .u.func = zw_host_func_new(s, &i32, 1, &i32, 1, host_i_i, NULL) },
                       { .kind = EXT_FUNC, .u.func = zw_host_func_new(s, NULL, 0, NULL, 0, host_v, NULL) } };
  Instance *in = zw_instance_new(s, guest_image(min, max, has_max, flags), imports, 2, &trap, err, sizeof err);
  if (!in)
    fail_msg("%s", err);
  world = (World){ .s = s, .in = in };
  take_signals_back();
}
static void open_world(void) { open_with(1, 2, true, IMAGE_GUARD, NULL); }
static void close_world(void) { zw_store_delete(world.s); }

static TrapKind call2(uint32_t func, uint32_t a, uint32_t b, int32_t *result)
{
  Value v[2] = { { .u32 = a }, { .u32 = b } };
  TrapKind k = zw_call(zw_instance_func(world.in, func), v);
  *result = v[0].i32;
  return k;
}
static int32_t ok(uint32_t func, uint32_t a, uint32_t b)
{
  int32_t r;
  assert_int_equal(call2(func, a, b, &r), TRAP_none);
  return r;
}
static TrapKind trap(uint32_t func, uint32_t a)
{
  int32_t r;
  return call2(func, a, 0, &r);
}
static const TrapInfo *info(void) { return zw_store_trap(world.s); }

static void calls_and_host_calls(void **state)
{
  (void)state;
  open_world();
  assert_int_equal(ok(G_ADD, 3, 4), 7);
  assert_int_equal(ok(G_CALL_HOST, 5, 0), 55);
  Value v = { .i32 = 6 };
  assert_int_equal(zw_call(zw_instance_func(world.in, G_HOST_I_I), &v), TRAP_none);
  assert_int_equal(v.i32, 60);
  close_world();
}

static void explicit_trap_has_kind_site_and_frame(void **state)
{
  (void)state;
  open_world();
  assert_int_equal(trap(G_UNREACHABLE, 0), TRAP_unreachable);
  assert_int_equal(info()->nframes, 1);
  assert_int_equal(info()->frames[0].func, G_UNREACHABLE);
  assert_int_equal(info()->frames[0].wasm_at, 20);
  char text[200];
  zw_trap_format(info(), text, sizeof text);
  assert_string_equal(text, "wasm trap: unreachable\n    0: unreachable    [guest.wasm+0x14]\n");
  close_world();
}

static void guard_fault_tells_the_address(void **state)
{
  (void)state;
  open_world();
  assert_int_equal(ok(G_LOAD, 65532, 0), 0);
  assert_int_equal(trap(G_LOAD, 65536), TRAP_oob);
  assert_true(info()->has_address);
  assert_int_equal(info()->address, 65536);
  assert_int_equal(info()->memory_bytes, 65536);
  assert_int_equal(info()->frames[0].wasm_at, 30);
  assert_int_equal(trap(G_LOAD, 0xffffffff), TRAP_oob);
  assert_int_equal(info()->address, 0xffffffff);
  for (int i = 0; i < 100000; i++)
    if (trap(G_LOAD, 65533) != TRAP_oob)
      fail();
  stack_t ss;
  sigset_t mask;
  sigaltstack(NULL, &ss);
  assert_false(ss.ss_flags & SS_ONSTACK);
  sigprocmask(SIG_SETMASK, NULL, &mask);
  assert_false(sigismember(&mask, SIGSEGV));
  close_world();
}

static void stack_overflow_ten_thousand_times(void **state)
{
  (void)state;
  open_world();
  for (int i = 0; i < 10000; i++)
    if (trap(G_RECURSE, 0x7fffffff) != TRAP_stack_overflow)
      fail();
  assert_int_equal(info()->nframes, 64);
  assert_true(info()->total_frames > 10000);
  assert_int_equal(info()->frames[0].wasm_at, 41);
  assert_int_equal(info()->frames[1].wasm_at, 40);
  assert_int_equal(ok(G_RECURSE, 1001, 0), 1001);
  close_world();
}

static void *overflow_in_thread(void *arg)
{
  (void)arg;
  return (void *)(uintptr_t)trap(G_RECURSE, 0x7fffffff);
}
static void stack_overflow_on_small_thread_stacks(void **state)
{
  (void)state;
  for (size_t kib = 64; kib <= 1024; kib *= 2) {
    pthread_attr_t a;
    pthread_t t;
    void *r;
    open_world();
    pthread_attr_init(&a);
    pthread_attr_setstacksize(&a, kib << 10);
    assert_int_equal(pthread_create(&t, &a, overflow_in_thread, NULL), 0);
    pthread_join(t, &r);
    assert_int_equal((uintptr_t)r, TRAP_stack_overflow);
    close_world();
  }
}

static void bulk_and_grow_keep_registers(void **state)
{
  (void)state;
  open_world();
  assert_int_equal(ok(G_FILL, 100, 5000), 1 + 2 + 4 + 8 + 16 + 7 + 0 + 2 + 16);
  const uint8_t *p = zw_memory_at(world.in->memories[0], 0, 65536);
  assert_int_equal(p[99], 0);
  assert_int_equal(p[100], 7);
  assert_int_equal(p[5099], 7);
  assert_int_equal(p[5100], 0);
  int32_t r;
  assert_int_equal(call2(G_FILL, 65530, 7, &r), TRAP_oob);
  assert_int_equal(info()->frames[0].func, G_FILL);
  assert_int_equal(info()->frames[0].wasm_at, 60);
  assert_int_equal(ok(G_GROW, 1, 0), 1);
  assert_int_equal(ok(G_GROW, 1, 0), -1);
  assert_int_equal(ok(G_LOAD, 131068, 0), 0);
  assert_int_equal(trap(G_LOAD, 131069), TRAP_oob);
  assert_int_equal(info()->memory_bytes, 131072);
  close_world();
}

static void tables_globals_and_segments(void **state)
{
  (void)state;
  open_world();
  Extern e;
  assert_true(zw_instance_export(world.in, "global", 6, &e));
  assert_int_equal(e.kind, EXT_GLOBAL);
  assert_int_equal(e.u.global->at->i32, 42);
  assert_memory_equal(zw_memory_at(world.in->memories[0], 42, 4), "data", 4);
  Table *t = world.in->tables[0];
  assert_int_equal(zw_table_get(t, 0), 0);
  FuncRef *add = (FuncRef *)(uintptr_t)zw_table_get(t, 1), *host = (FuncRef *)(uintptr_t)zw_table_get(t, 3);
  assert_ptr_equal(add->code, zw_instance_func(world.in, G_ADD)->code);
  Value v[2] = { { .i32 = 20 }, { .i32 = 3 } };
  assert_int_equal(zw_call(add, v), TRAP_none);
  assert_int_equal(v[0].i32, 23);
  assert_int_equal(zw_call(host, v), TRAP_none);
  assert_int_equal(v[0].i32, 230);
  assert_true(zw_table_init(world.in, 0, 1, 8, 0, 2));
  assert_int_equal(((FuncRef *)(uintptr_t)zw_table_get(t, 8))->func, G_ADD);
  assert_false(zw_table_init(world.in, 0, 1, 9, 0, 2));
  assert_false(zw_table_init(world.in, 0, 0, 0, 0, 1)); // active: dropped
  assert_true(zw_table_init(world.in, 0, 0, 10, 0, 0));
  assert_true(zw_memory_init(world.in, 0, 1, 100, 1, 5));
  assert_memory_equal(zw_memory_at(world.in->memories[0], 100, 5), "arest", 5);
  assert_false(zw_memory_init(world.in, 0, 1, 100, 1, 6));
  assert_false(zw_memory_init(world.in, 0, 0, 100, 0, 1));
  assert_int_equal(zw_table_grow(t, 10, (uintptr_t)add), 10);
  assert_int_equal(zw_table_grow(t, 1, 0), ZW_GROW_FAILED);
  assert_int_equal(zw_table_get(t, 19), (uintptr_t)add);
  assert_true(zw_table_copy(t, t, 0, 1, 19));
  assert_ptr_equal(zw_table_get(t, 0), add);
  assert_false(zw_table_copy(t, t, 1, 1, 20));
  assert_true(zw_table_fill(t, 20, 0, 0));
  assert_false(zw_table_fill(t, 20, 0, 1));
  close_world();
}

// Overlapping and not, all small sizes and some large, against memmove.
static void bulk_moves_and_fills_are_exact(void **state)
{
  (void)state;
  enum { N = 9000 };
  open_world();
  Memory *m = world.in->memories[0];
  uint8_t *p = m->def.base, *model = malloc(N);
  for (int i = 0; i < 3000; i++) {
    uint64_t dst = (uint64_t)rand() % 4000, src = (uint64_t)rand() % 4000, len = i % 2 ? (uint64_t)rand() % 100 : (uint64_t)rand() % 5000;
    if (i % 7 == 0)
      src = dst + (uint64_t)(rand() % 80) - 40 * (dst > 40);
    for (int k = 0; k < N; k++)
      p[k] = (uint8_t)(k * 31 + i);
    memcpy(model, p, N);
    if (i % 3) {
      assert_true(zw_memory_copy(m, m, dst, src, len));
      memmove(model + dst, model + src, len);
    } else {
      assert_true(zw_memory_fill(m, dst, (uint8_t)i, len));
      memset(model + dst, i, len);
    }
    assert_memory_equal(p, model, N);
  }
  static const uint64_t edge[] = { 0, 1, 65535, 65536, 65537, 1ull << 31, UINT32_MAX, 1ull << 32, 1ull << 63, UINT64_MAX - 1, UINT64_MAX };
  for (size_t a = 0; a < ARRAY_COUNT(edge); a++)
    for (size_t b = 0; b < ARRAY_COUNT(edge); b++)
      for (size_t c = 0; c < ARRAY_COUNT(edge); c++) {
        bool ok_dst = (unsigned __int128)edge[a] + edge[c] <= 65536, ok_src = (unsigned __int128)edge[b] + edge[c] <= 65536;
        assert_int_equal(zw_memory_copy(m, m, edge[a], edge[b], edge[c]), ok_dst && ok_src);
        assert_int_equal(zw_memory_fill(m, edge[a], 1, edge[c]), ok_dst);
      }
  free(model);
  close_world();
}

// ---- traps and host frames ----

static void raise_now(void *env, VmCtx *caller, Value *args)
{
  (void)env, (void)args;
  zw_raise(caller, TRAP_host, "no such thing");
}
static void set_trap(void *env, VmCtx *caller, Value *args)
{
  (void)env, (void)args;
  zw_set_trap(caller, TRAP_host, "later");
}
static void exit_7(void *env, VmCtx *caller, Value *args)
{
  (void)env, (void)args;
  zw_raise_exit(caller, 7);
}
static void host_functions_end_the_call(void **state)
{
  (void)state;
  open_world();
  world.host_v = raise_now;
  assert_int_equal(trap(G_CALL_V, 0), TRAP_host);
  assert_string_equal(info()->text, "no such thing");
  assert_int_equal(info()->nframes, 1);
  assert_int_equal(info()->frames[0].func, G_CALL_V);
  assert_int_equal(info()->frames[0].wasm_at, 33);
  world.host_v = set_trap;
  assert_int_equal(trap(G_CALL_V, 0), TRAP_host);
  assert_string_equal(info()->text, "later");
  assert_int_equal(info()->frames[0].wasm_at, 33);
  world.host_v = exit_7;
  assert_int_equal(trap(G_CALL_V, 0), TRAP_exit);
  assert_int_equal(info()->exit_code, 7);
  close_world();
}

static int depth;
static void nested(void *env, VmCtx *caller, Value *args)
{
  (void)env, (void)caller, (void)args;
  if (--depth == 0) {
    assert_int_equal(trap(G_LOAD, 1 << 20), TRAP_oob);
    assert_int_equal(info()->nframes, 4);
    for (uint32_t i = 1; i < 4; i++)
      assert_int_equal(info()->frames[i].func, G_CALL_V);
    return;
  }
  (void)ok(G_CALL_V, 0, 0);
}
static void nested_trap_is_caught_by_the_inner_call(void **state)
{
  (void)state;
  open_world();
  world.host_v = nested;
  depth = 3;
  (void)ok(G_CALL_V, 0, 0);
  close_world();
}

static void plain_inside(void *env, VmCtx *caller, Value *args)
{
  (void)env, (void)caller;
  zw_call_plain(zw_instance_func(world.in, G_UNREACHABLE), args);
  fail();
}
static void plain_call_of_unreachable(void *arg)
{
  Value v[2];
  (void)arg;
  zw_call_plain(zw_instance_func(world.in, G_UNREACHABLE), v);
  fail();
}
static void plain_calls_pass_traps_on(void **state)
{
  (void)state;
  open_world();
  world.host_v = plain_inside;
  assert_int_equal(trap(G_CALL_V, 0), TRAP_unreachable);
  assert_int_equal(info()->nframes, 2);
  assert_int_equal(zw_try(world.in, plain_call_of_unreachable, NULL), TRAP_unreachable);
  assert_int_equal(ok(G_ADD, 1, 2), 3);
  close_world();
}

static jmp_buf sideways;
static void jump_out(void *env, VmCtx *caller, Value *args)
{
  (void)env, (void)caller, (void)args;
  longjmp(sideways, 1);
}
static void jump_over_inner_call(void *env, VmCtx *caller, Value *args)
{
  (void)env, (void)caller, (void)args;
  world.host_v = jump_out;
  if (setjmp(sideways) == 0)
    (void)trap(G_CALL_V, 0);
}
static void deep_trap(int n)
{
  char room[300];
  memset(room, n, sizeof room);
  __asm__ volatile("" ::"r"(room) : "memory");
  if (n > 0)
    deep_trap(n - 1);
  else
    assert_int_equal(trap(G_UNREACHABLE, 0), TRAP_unreachable);
  __asm__ volatile("" ::"r"(room) : "memory"); // no tail call
}
static void longjmp_across_wasm_frames(void **state)
{
  (void)state;
  open_world();
  for (int i = 0; i < 1000; i++) {
    world.host_v = jump_out;
    if (setjmp(sideways) == 0) {
      (void)trap(G_CALL_V, 0);
      fail();
    }
    deep_trap(i % 20);
    assert_int_equal(info()->nframes, 1);
    world.host_v = jump_over_inner_call; // and back into the outer wasm call, which goes on
    (void)ok(G_CALL_V, 0, 0);
    assert_int_equal(trap(G_UNREACHABLE, 0), TRAP_unreachable);
  }
  assert_null(zw_activation());
  close_world();
}

// ---- the host's own signals ----

// In a process of its own, with the signals as the system gives them.
static int in_process(const char *name)
{
  fflush(NULL);
  pid_t pid = fork();
  if (pid == 0) {
    struct rlimit none = { 0, 0 };
    setrlimit(RLIMIT_CORE, &none);
    execl("/proc/self/exe", "rt_vm", name, (char *)NULL);
    _exit(99);
  }
  int status;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
static void on_segv(int sig) { _exit(sig == SIGSEGV ? 42 : 1); }
static void on_segv_info(int sig, siginfo_t *si, void *context)
{
  (void)sig, (void)context;
  _exit(si->si_addr == (void *)16 ? 43 : 1);
}
static volatile int *volatile nowhere = (volatile int *)16;
static void with_old_handler(void)
{
  struct sigaction a = { .sa_handler = on_segv };
  sigaction(SIGSEGV, &a, NULL);
  open_world();
  if (trap(G_LOAD, 70000) != TRAP_oob)
    _exit(2);
  *nowhere = 1;
}
static void with_siginfo_handler(void)
{
  struct sigaction a = { .sa_sigaction = on_segv_info, .sa_flags = SA_SIGINFO };
  sigaction(SIGSEGV, &a, NULL);
  open_world();
  if (trap(G_LOAD, 70000) != TRAP_oob)
    _exit(2);
  *nowhere = 1;
}
static void null_in_host(void *env, VmCtx *caller, Value *args)
{
  (void)env, (void)caller, (void)args;
  *nowhere = 1;
}
static void without_handler(void)
{
  open_world();
  if (trap(G_LOAD, 70000) != TRAP_oob)
    _exit(2);
  world.host_v = null_in_host;
  (void)trap(G_CALL_V, 0);
}
static void in_memory_but_not_in_wasm(void)
{
  struct sigaction a = { .sa_handler = on_segv };
  sigaction(SIGSEGV, &a, NULL);
  open_world();
  *(volatile char *)(world.in->memories[0]->def.base + 70000) = 1;
}
static void sent_by_kill(void)
{
  struct sigaction a = { .sa_handler = on_segv };
  sigaction(SIGSEGV, &a, NULL);
  open_world();
  raise(SIGSEGV);
}
static void uncaught_plain_call(void)
{
  Value v[2];
  close(2);
  open_world();
  zw_call_plain(zw_instance_func(world.in, G_UNREACHABLE), v);
}
static void host_faults_reach_the_host(void **state)
{
  (void)state;
  assert_int_equal(in_process("with_old_handler"), 42);
  assert_int_equal(in_process("with_siginfo_handler"), 43);
  assert_int_equal(in_process("in_memory_but_not_in_wasm"), 42);
  assert_int_equal(in_process("sent_by_kill"), 42);
#ifndef __SANITIZE_ADDRESS__
  assert_int_equal(in_process("without_handler"), 128 + SIGSEGV);
#endif
  assert_int_equal(in_process("uncaught_plain_call"), 128 + SIGABRT);
}

static volatile int profs;
static void on_prof(int sig) { (void)sig, profs++; }
static void traps_under_sigprof(void **state)
{
  (void)state;
  struct sigaction a = { .sa_handler = on_prof, .sa_flags = SA_RESTART };
  struct itimerval t = { { 0, 1000 }, { 0, 1000 } }, off = { { 0, 0 }, { 0, 0 } };
  sigaction(SIGPROF, &a, NULL);
  setitimer(ITIMER_PROF, &t, NULL);
  open_world();
  for (int i = 0; profs < 100 && i < 10000000; i++)
    if (trap(G_LOAD, 70000 + (uint32_t)i) != TRAP_oob || trap(G_RECURSE, 2001) != TRAP_none)
      fail();
  setitimer(ITIMER_PROF, &off, NULL);
  assert_true(profs >= 100);
  close_world();
}

// ---- limits and errors ----

static void cannot_reserve(void)
{
  struct rlimit small = { 1ull << 30, 1ull << 30 };
  setrlimit(RLIMIT_AS, &small);
  char err[200];
  TrapKind k;
  ValType i32 = VT_I32;
  Store *s = zw_store_new(NULL);
  Extern imports[] = { { .kind = EXT_FUNC, .u.func = zw_host_func_new(s, &i32, 1, &i32, 1, host_i_i, NULL) },
                       { .kind = EXT_FUNC, .u.func = zw_host_func_new(s, NULL, 0, NULL, 0, host_v, NULL) } };
  Instance *in = zw_instance_new(s, guest_image(1, 2, true, IMAGE_GUARD), imports, 2, &k, err, sizeof err);
  if (in || !strstr(err, "--bounds=check"))
    _exit(1);
  in = zw_instance_new(s, guest_image(1, 2, true, IMAGE_CHECKED), imports, 2, &k, err, sizeof err);
  _exit(in ? 0 : 2);
}
static void short_address_space_is_a_sentence(void **state)
{
  (void)state;
#ifndef __SANITIZE_ADDRESS__
  assert_int_equal(in_process("cannot_reserve"), 0);
#endif
}

static void wrong_imports_are_sentences(void **state)
{
  (void)state;
  char err[200];
  TrapKind k;
  ValType i32 = VT_I32, i64 = VT_I64;
  Store *s = zw_store_new(NULL);
  FuncRef *good = zw_host_func_new(s, &i32, 1, &i32, 1, host_i_i, NULL), *bad = zw_host_func_new(s, &i64, 1, &i32, 1, host_i_i, NULL);
  FuncRef *v = zw_host_func_new(s, NULL, 0, NULL, 0, host_v, NULL);
  Extern imports[] = { { .kind = EXT_FUNC, .u.func = bad }, { .kind = EXT_FUNC, .u.func = v } };
  assert_null(zw_instance_new(s, guest_image(1, 2, true, IMAGE_GUARD), imports, 2, &k, err, sizeof err));
  assert_int_equal(k, TRAP_none);
  assert_string_equal(err, "incompatible import type: \"env\" \"host\": the function types differ");
  imports[0].u.func = NULL;
  assert_null(zw_instance_new(s, guest_image(1, 2, true, IMAGE_GUARD), imports, 2, &k, err, sizeof err));
  assert_string_equal(err, "unknown import: \"env\" \"host\"");
  imports[0].u.func = good;
  assert_null(zw_instance_new(s, guest_image(1, 2, true, IMAGE_GUARD), imports, 1, &k, err, sizeof err));
  assert_non_null(zw_instance_new(s, guest_image(1, 2, true, IMAGE_GUARD), imports, 2, &k, err, sizeof err));
  zw_store_delete(s);
}

// Every allocation fails once, until none is left to fail.
static void instantiation_survives_each_failed_allocation(void **state)
{
  (void)state;
  char err[200];
  TrapKind k;
  ValType i32 = VT_I32;
  const Image *im = guest_image(1, 2, true, IMAGE_GUARD);
  open_world(), close_world(); // what is kept for ever is there after this
  uint64_t before = zw_alloc_bytes();
  int failures = 0;
  for (uint64_t n = 1;; n++) {
    zw_alloc_fail_at(n);
    Store *s = zw_store_new(NULL);
    FuncRef *f = s ? zw_host_func_new(s, &i32, 1, &i32, 1, host_i_i, NULL) : NULL;
    FuncRef *v = s ? zw_host_func_new(s, NULL, 0, NULL, 0, host_v, NULL) : NULL;
    Extern imports[] = { { .kind = EXT_FUNC, .u.func = f }, { .kind = EXT_FUNC, .u.func = v } };
    Instance *in = f && v ? zw_instance_new(s, im, imports, 2, &k, err, sizeof err) : NULL;
    zw_alloc_fail_at(0);
    failures += !in;
    zw_store_delete(s);
    assert_int_equal(zw_alloc_bytes(), before);
    if (in)
      break;
  }
  assert_true(failures >= 8);
}

static void no_signals_refuses_guard_code(void **state)
{
  (void)state;
  char err[200];
  TrapKind k;
  ValType i32 = VT_I32;
  StoreOptions o = { .no_signals = true };
  Store *s = zw_store_new(&o);
  Extern imports[] = { { .kind = EXT_FUNC, .u.func = zw_host_func_new(s, &i32, 1, &i32, 1, host_i_i, NULL) },
                       { .kind = EXT_FUNC, .u.func = zw_host_func_new(s, NULL, 0, NULL, 0, host_v, NULL) } };
  assert_null(zw_instance_new(s, guest_image(1, 2, true, IMAGE_GUARD), imports, 2, &k, err, sizeof err));
  assert_non_null(strstr(err, "--no-signals"));
  assert_non_null(zw_instance_new(s, guest_image(1, 2, true, IMAGE_CHECKED | IMAGE_NO_SIGNALS), imports, 2, &k, err, sizeof err));
  zw_store_delete(s);
}

static const struct { const char *name; void (*fn)(void); } processes[] = {
  { "with_old_handler", with_old_handler }, { "with_siginfo_handler", with_siginfo_handler },
  { "in_memory_but_not_in_wasm", in_memory_but_not_in_wasm }, { "sent_by_kill", sent_by_kill }, { "without_handler", without_handler },
  { "uncaught_plain_call", uncaught_plain_call }, { "cannot_reserve", cannot_reserve },
};

int main(int argc, char **argv)
{
  for (size_t i = 0; argc > 1 && i < ARRAY_COUNT(processes); i++)
    if (strcmp(argv[1], processes[i].name) == 0) {
      processes[i].fn();
      return 0;
    }
  open_world();
  sigaction(SIGSEGV, NULL, &our_action);
  close_world();
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(calls_and_host_calls),
    cmocka_unit_test(explicit_trap_has_kind_site_and_frame),
    cmocka_unit_test(guard_fault_tells_the_address),
    cmocka_unit_test(stack_overflow_ten_thousand_times),
    cmocka_unit_test(stack_overflow_on_small_thread_stacks),
    cmocka_unit_test(bulk_and_grow_keep_registers),
    cmocka_unit_test(tables_globals_and_segments),
    cmocka_unit_test(bulk_moves_and_fills_are_exact),
    cmocka_unit_test(host_functions_end_the_call),
    cmocka_unit_test(nested_trap_is_caught_by_the_inner_call),
    cmocka_unit_test(plain_calls_pass_traps_on),
    cmocka_unit_test(longjmp_across_wasm_frames),
    cmocka_unit_test(host_faults_reach_the_host),
    cmocka_unit_test(traps_under_sigprof),
    cmocka_unit_test(short_address_space_is_a_sentence),
    cmocka_unit_test(wrong_imports_are_sentences),
    cmocka_unit_test(instantiation_survives_each_failed_allocation),
    cmocka_unit_test(no_signals_refuses_guard_code),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
