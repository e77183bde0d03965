// The C side of objects, called from C and calling C: this compiler's own convention is the judge.
#include "x64_run.h"
#include <sys/mman.h>

typedef struct V128 { uint8_t bytes[16]; } V128;
typedef union CValue { int32_t i32; int64_t i64; float f32; double f64; V128 v128; uint64_t u64[2]; } CValue;

static void *inst = &inst;
static unsigned calls, want_func;
static int status;
static CValue seen[40], give[40];
static uint32_t nseen, ngive;

static void rt_call(void *i, uint32_t func, CValue *args)
{
  assert_ptr_equal(i, inst);
  assert_int_equal(func, want_func);
  assert_int_equal((uintptr_t)args % 16, 0);
  memcpy(seen, args, nseen * sizeof *seen);
  memset(args, 0x5a, (nseen > ngive ? nseen : ngive) * sizeof *args);
  memcpy(args, give, ngive * sizeof *args);
  calls++;
}
static int rt_call_try(void *i, uint32_t func, CValue *args) { return rt_call(i, func, args), status; }

static uint8_t *page;
static size_t used;

// The glue's code with its fixups: [0] goes to `target` through a stub (it may be far), [1] to `data`.
static void *make(Rig *r, uint32_t kind, uint32_t func, const void *target, const void *data)
{
  FuncCode *c = zw_x64_target.glue(&r->ctx, &r->m, kind, func, &r->keep);
  if (!c)
    return NULL;
  if (!page) {
    page = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(page, MAP_FAILED);
  }
  used = (used + 63) & ~(size_t)63;
  uint8_t *p = page + used, *stub = p + ((c->nbytes + 15) & ~15u);
  memcpy(p, c->bytes, c->nbytes);
  static const uint8_t jmp_rip[6] = { 0xff, 0x25, 0, 0, 0, 0 };
  memcpy(stub, jmp_rip, 6);
  memcpy(stub + 6, &target, 8);
  zw_put32(p + c->fixups[0].at, (uint32_t)(stub - (p + c->fixups[0].at + 4)));
  if (c->nfixups > 1) {
    memcpy(stub + 16, data, 8);
    zw_put32(p + c->fixups[1].at, (uint32_t)(stub + 16 - (p + c->fixups[1].at + 4)));
  }
  used = (size_t)(stub + 32 - page);
  return p;
}

static V128 vec(uint8_t k)
{
  V128 v;
  for (unsigned b = 0; b < 16; b++)
    v.bytes[b] = (uint8_t)(k + b * 7);
  return v;
}

// The array's slots must be whole: value, then zeros.
static void want_slot(uint32_t k, const void *value, size_t n)
{
  CValue w = { .u64 = { 0, 0 } };
  memcpy(&w, value, n);
  assert_memory_equal(&seen[k], &w, sizeof w);
}
#define WANT(k, T, v) do { T w_ = (v); want_slot(k, &w_, sizeof w_); } while (0)

static void exports_with_one_result(void **state)
{
  (void)state;
  Rig *r = rig_new();
  rig_func(r, rig_type(r, "ifldil", "i")), rig_func(r, rig_type(r, "", "v")), rig_func(r, rig_type(r, "f", "f")), rig_func(r, rig_type(r, "d", ""));
  rig_func(r, rig_type(r, "r", "r"));
  int32_t (*f)(void *, int32_t, float, int64_t, double, int32_t, int64_t);
  f = make(r, GLUE_CALL, want_func = 0, (void *)rt_call, NULL);
  nseen = 6, ngive = 1, give[0].u64[0] = 0xffffffff80000001u;
  assert_int_equal(f(inst, -3, 1.5f, -1ll << 40, -2.25, 9, 11), (int32_t)0x80000001);
  WANT(0, int32_t, -3);
  WANT(1, float, 1.5f);
  WANT(2, int64_t, -1ll << 40);
  WANT(3, double, -2.25);
  WANT(4, int32_t, 9);
  WANT(5, int64_t, 11);
  V128 (*g)(void *) = make(r, GLUE_CALL, want_func = 1, (void *)rt_call, NULL);
  nseen = 0, give[0].v128 = vec(3);
  V128 got = g(inst), want = vec(3);
  assert_memory_equal(&got, &want, 16);
  float (*h)(void *, float) = make(r, GLUE_CALL, want_func = 2, (void *)rt_call, NULL);
  nseen = 1, give[0].f32 = 4.5f;
  assert_true(h(inst, 0.5f) == 4.5f);
  WANT(0, float, 0.5f);
  void (*k)(void *, double) = make(r, GLUE_CALL, want_func = 3, (void *)rt_call, NULL);
  k(inst, 8.0);
  WANT(0, double, 8.0);
  void *(*ref)(void *, void *) = make(r, GLUE_CALL, want_func = 4, (void *)rt_call, NULL);
  give[0].u64[0] = (uint64_t)(uintptr_t)&give;
  assert_ptr_equal(ref(inst, page), give); // references are words
  WANT(0, void *, page);
  rig_free(r);
}

typedef struct Result { int32_t r0; V128 r1; double r2; float r3; int64_t r4; } Result;

static void exports_with_many_parameters_and_results(void **state)
{
  (void)state;
  Rig *r = rig_new();
  rig_func(r, rig_type(r, "lllvilffffffffffvdi", "ivdfl"));
  typedef void Call(void *, int64_t, int64_t, int64_t, V128, int32_t, int64_t, float, float, float, float, float, float, float, float,
                    float, float, V128, double, int32_t, Result *);
  typedef int Try(void *, int64_t, int64_t, int64_t, V128, int32_t, int64_t, float, float, float, float, float, float, float, float,
                  float, float, V128, double, int32_t, Result *);
  want_func = 0, nseen = 19, ngive = 5;
  give[0].i32 = 77, give[1].v128 = vec(9), give[2].f64 = 2.5, give[3].f32 = -1, give[4].i64 = INT64_MIN;
  for (int try = 0; try < 3; try++) {
    Result out;
    memset(&out, 0x11, sizeof out);
    if (try == 0)
      ((Call *)make(r, GLUE_CALL, 0, (void *)rt_call, NULL))(inst, 1, 2, 3, vec(1), -4, 5, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, vec(2), 0.5, -7, &out);
    else {
      status = try == 1 ? 0 : 3;
      int s = ((Try *)make(r, GLUE_TRY, 0, (void *)rt_call_try, NULL))(inst, 1, 2, 3, vec(1), -4, 5, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, vec(2), 0.5, -7, &out);
      assert_int_equal(s, status);
    }
    WANT(2, int64_t, 3);
    WANT(3, V128, vec(1));
    WANT(4, int32_t, -4);
    WANT(5, int64_t, 5);
    for (unsigned k = 0; k < 10; k++)
      WANT(6 + k, float, (float)k);
    WANT(16, V128, vec(2));
    WANT(17, double, 0.5);
    WANT(18, int32_t, -7);
    Result want = { 77, vec(9), 2.5, -1, INT64_MIN };
    if (try == 2) // a trap leaves the results alone
      memset(&want, 0x11, sizeof want);
    assert_int_equal(out.r0, want.r0);
    assert_memory_equal(&out.r1, &want.r1, 16);
    assert_memory_equal(&out.r2, &want.r2, 8);
    assert_memory_equal(&out.r3, &want.r3, 4);
    assert_int_equal(out.r4, want.r4);
  }
  rig_free(r);
}

// More slots than the stack check of compiled code would let pass: C code has no vmctx to ask.
static void exports_with_a_large_frame(void **state)
{
  (void)state;
  Rig *r = rig_new();
  char params[101];
  memset(params, 'l', 100), params[100] = 0;
  rig_func(r, rig_type(r, params, ""));
  void (*f)(void *, ...) = make(r, GLUE_CALL, want_func = 0, (void *)rt_call, NULL);
  nseen = ngive = 0;
  f(inst, 1ll, 2ll);
  rig_free(r);
}

static void try_with_one_result_or_none(void **state)
{
  (void)state;
  Rig *r = rig_new();
  rig_func(r, rig_type(r, "i", "i")), rig_func(r, rig_type(r, "", ""));
  int (*f)(void *, int32_t, int32_t *) = make(r, GLUE_TRY, want_func = 0, (void *)rt_call_try, NULL);
  nseen = 1, ngive = 1, give[0].u64[0] = 5, status = 0;
  int32_t out[2] = { 1, 2 };
  assert_int_equal(f(inst, 4, out), 0);
  assert_int_equal(out[0], 5);
  assert_int_equal(out[1], 2);
  status = 8;
  out[0] = 1;
  assert_int_equal(f(inst, 4, out), 8);
  assert_int_equal(out[0], 1);
  int (*g)(void *) = make(r, GLUE_TRY, want_func = 1, (void *)rt_call_try, NULL);
  nseen = ngive = 0;
  assert_int_equal(g(inst), 8);
  rig_free(r);
}

static int32_t c_small(void *env, int32_t a, double b, V128 c)
{
  assert_ptr_equal(env, inst);
  assert_true(b == 6.5);
  V128 want = vec(4);
  assert_memory_equal(&c, &want, 16);
  return a - 1;
}
static void c_large(void *env, int64_t a, V128 b, V128 c, V128 d, int32_t e, double f, Result *out)
{
  assert_ptr_equal(env, inst);
  V128 w2 = vec(2), w3 = vec(3), w4 = vec(4);
  assert_memory_equal(&b, &w2, 16);
  assert_memory_equal(&c, &w3, 16);
  assert_memory_equal(&d, &w4, 16);
  assert_true(a == 1 && e == -5 && f == 0.25);
  *out = (Result){ -1, vec(5), 1.5, 2.5f, 1ll << 50 };
}
static float c_float(void *env) { return env == inst ? 3.5f : 0; }

static void imports_call_c(void **state)
{
  (void)state;
  Rig *r = rig_new();
  rig_func(r, rig_type(r, "idv", "i")), rig_func(r, rig_type(r, "lvvvid", "ivdfl")), rig_func(r, rig_type(r, "", "f"));
  typedef void Host(void *, void *, CValue *);
  CValue v[8] = { { .u64 = { 0 } } };
  Host *h = make(r, GLUE_IMPORT, 0, (void *)c_small, NULL);
  v[0].i32 = 0, v[1].f64 = 6.5, v[2].v128 = vec(4);
  h(inst, NULL, v);
  assert_int_equal(v[0].u64[0], 0xffffffff); // zeros above an int32_t
  assert_int_equal(v[0].u64[1], 0);
  h = make(r, GLUE_IMPORT, 1, (void *)c_large, NULL);
  v[0].i64 = 1, v[1].v128 = vec(2), v[2].v128 = vec(3), v[3].v128 = vec(4), v[4].i32 = -5, v[5].f64 = 0.25;
  h(inst, NULL, v);
  memcpy(seen, v, sizeof v);
  WANT(0, int32_t, -1);
  WANT(1, V128, vec(5));
  WANT(2, double, 1.5);
  WANT(3, float, 2.5f);
  WANT(4, int64_t, 1ll << 50);
  h = make(r, GLUE_IMPORT, 2, (void *)c_float, NULL);
  memset(v, 0xff, sizeof v);
  h(inst, NULL, v);
  memcpy(seen, v, sizeof v);
  WANT(0, float, 3.5f);
  rig_free(r);
}

static uint64_t four(uint64_t *a, uint64_t b, uint64_t c, uint64_t d) { return *a * 1000 + b * 100 + c * 10 + d; }

static void constructors_and_accessors_jump_on(void **state)
{
  (void)state;
  Rig *r = rig_new();
  uint64_t descriptor = 7;
  uint64_t (*f)(uint64_t, uint64_t, uint64_t) = make(r, GLUE_MODULE, 0, (void *)four, &descriptor);
  assert_int_equal(f(1, 2, 3), 7123);
  uint64_t (*g)(uint64_t *, uint64_t, uint64_t, uint64_t) = make(r, GLUE_INDEX, 5, (void *)four, NULL);
  assert_int_equal(g(&descriptor, 0, 2, 3), 7523);
  rig_free(r);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(exports_with_one_result),     cmocka_unit_test(exports_with_many_parameters_and_results),
    cmocka_unit_test(exports_with_a_large_frame),
    cmocka_unit_test(try_with_one_result_or_none), cmocka_unit_test(imports_call_c),
    cmocka_unit_test(constructors_and_accessors_jump_on),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
