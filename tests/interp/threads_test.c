// Real threads on a shared memory: a store per thread, one memory, atomics and waiting.
#include "help.h"
#include <pthread.h>

static const char worker[] =
    "(module (memory (import \"m\" \"m\") 1 1 shared)"
    "  (func (export \"add\") (param $n i32)"
    "    (loop $l (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1))) (drop (i64.atomic.rmw8.add_u (i32.const 9) (i64.const 1)))"
    "      (drop (i32.atomic.rmw16.cmpxchg_u (i32.const 12) (i32.const 0) (i32.const 1)))"
    "      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))"
    // Hand a turn to and fro: wait until [64] is mine, make it the other's, wake him.
    "  (func (export \"turns\") (param $me i32) (param $n i32) (local $v i32)"
    "    (loop $l"
    "      (loop $w (local.set $v (i32.atomic.load (i32.const 64)))"
    "        (if (i32.ne (local.get $v) (local.get $me)) (then"
    "          (drop (memory.atomic.wait32 (i32.const 64) (local.get $v) (i64.const -1))) (br $w))))"
    "      (i32.atomic.store (i32.const 64) (i32.xor (local.get $me) (i32.const 1)))"
    "      (drop (memory.atomic.notify (i32.const 64) (i32.const 1)))"
    "      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))"
    "  (func (export \"wait\") (param i64) (result i32) (memory.atomic.wait64 (i32.const 128) (i64.const 0) (local.get 0)))"
    "  (func (export \"grow\") (result i32) (memory.grow (i32.const 1)))"
    "  (func (export \"notify\") (param i32) (result i32) (memory.atomic.notify (i32.const 128) (local.get 0))))";

typedef struct Thread { pthread_t t; const Image *im; Memory *m; const char *name; Value args[2]; TrapKind trap; } Thread;

static void *run(void *p)
{
  Thread *t = p;
  Store *s = zw_store_new(NULL);
  Extern m = { .kind = EXT_MEMORY, .u.memory = t->m };
  char err[200];
  Instance *in = zw_instance_new(s, t->im, &m, 1, &t->trap, err, sizeof err);
  Extern e;
  t->trap = in && zw_instance_export(in, t->name, strlen(t->name), &e) ? zw_call(e.u.func, t->args) : TRAP_host;
  zw_store_delete(s);
  return NULL;
}
static void start(Thread *t, const Image *im, Memory *m, const char *name, uint64_t a, uint64_t b)
{
  *t = (Thread){ .im = im, .m = m, .name = name, .args = { { .u64 = a }, { .u64 = b } } };
  assert_int_equal(pthread_create(&t->t, NULL, run, t), 0);
}
static void finish(Thread *t)
{
  pthread_join(t->t, NULL);
  assert_int_equal(t->trap, TRAP_none);
}

static void atomics_lose_nothing(void **state)
{
  (void)state;
  enum { N = 100000 };
  Store *s = zw_store_new(NULL);
  Image *im = image_of(worker);
  Memory *m = zw_memory_new(s, 1, 1, true, false, true, 16);
  Thread t[4];
  for (int i = 0; i < 4; i++)
    start(&t[i], im, m, "add", N, 0);
  for (int i = 0; i < 4; i++)
    finish(&t[i]);
  assert_int_equal(zw_get32(m->def.base), 4 * N);
  assert_int_equal(m->def.base[9], 4 * N % 256);
  assert_int_equal(m->def.base[8] | m->def.base[10] | m->def.base[11], 0);
  assert_int_equal(zw_get32(m->def.base + 12), 1);
  zw_store_delete(s);
  zw_interp_image_free(im);
}

static void no_wake_up_is_lost(void **state)
{
  (void)state;
  Store *s = zw_store_new(NULL);
  Image *im = image_of(worker);
  Memory *m = zw_memory_new(s, 1, 1, true, false, true, 16);
  Thread t[2];
  start(&t[0], im, m, "turns", 0, 20000);
  start(&t[1], im, m, "turns", 1, 20000);
  finish(&t[0]);
  finish(&t[1]);
  zw_store_delete(s);
  zw_interp_image_free(im);
}

static void waiting_ends_by_time_or_by_a_call(void **state)
{
  (void)state;
  Store *s = zw_store_new(NULL);
  Image *im = image_of(worker);
  Memory *m = zw_memory_new(s, 1, 1, true, false, true, 16);
  Extern import = { .kind = EXT_MEMORY, .u.memory = m };
  Instance *in = instance_of(s, im, &import, 1);
  Value v[1] = { { .i64 = 0 } };
  assert_int_equal(call_of(in, "wait", v), TRAP_none);
  assert_int_equal(v[0].u32, 2);
  v[0].i64 = 1000000;
  assert_int_equal(call_of(in, "wait", v), TRAP_none);
  assert_int_equal(v[0].u32, 2);
  Thread t[3];
  for (int i = 0; i < 3; i++)
    start(&t[i], im, m, "wait", UINT64_MAX, 0);
  for (uint32_t woken = 0; woken < 3;) {
    v[0].u32 = 1;
    assert_int_equal(call_of(in, "notify", v), TRAP_none);
    assert_true(v[0].u32 <= 1);
    woken += v[0].u32;
  }
  for (int i = 0; i < 3; i++) {
    finish(&t[i]);
    assert_int_equal(t[i].args[0].u32, 0);
  }
  zw_store_delete(s);
  zw_interp_image_free(im);
}

// Equal types are found equal by threads that make them at the same time, and instances come and go.
static void *make_and_drop(void *p)
{
  const char *text = "(module (type $a (struct (field i32))) (type $f (func (param (ref $a)) (result i64)))"
                     " (func (export \"f\") (result i32) (ref.test (ref $a) (struct.new $a (i32.const 1)))))";
  for (int i = 0; i < 200; i++) {
    Image *im = image_of(text);
    Store *s = zw_store_new(NULL);
    Instance *in = instance_of(s, im, NULL, 0);
    Value v[1];
    if (call_of(in, "f", v) != TRAP_none || v[0].u32 != 1)
      *(int *)p = 1;
    zw_store_delete(s);
    zw_interp_image_free(im);
  }
  return NULL;
}
static void threads_compile_and_run_apart(void **state)
{
  (void)state;
  pthread_t t[4];
  int failed[4] = { 0 };
  for (int i = 0; i < 4; i++)
    assert_int_equal(pthread_create(&t[i], NULL, make_and_drop, &failed[i]), 0);
  for (int i = 0; i < 4; i++) {
    pthread_join(t[i], NULL);
    assert_int_equal(failed[i], 0);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(atomics_lose_nothing), cmocka_unit_test(no_wake_up_is_lost),
    cmocka_unit_test(waiting_ends_by_time_or_by_a_call), cmocka_unit_test(threads_compile_and_run_apart),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
