#include "zir_rig.h"

static void sum_loop(void **state)
{
  (void)state;
  ZirRig *g = zir_rig("module memories 1\n"
                      "func f0 (i32, i32) -> (i32)\n"
                      "b0:\n v0:i32 = param 0\n v1:i32 = param 1\n jmp b1(i32 0, i32 0)\n"
                      "b1(v2:i32, v3:i32):\n"
                      " v4:i32 = i32.shl v3, i32 2\n v5:i32 = i32.add v0, v4\n v6:i32 = i32.load v5 +16 @77\n"
                      " v7:i32 = i32.add v2, v6\n v8:i32 = i32.add v3, i32 1\n v9:i32 = i32.lt_u v8, v1\n"
                      " br v9, b1(v7, v8), b2\n"
                      "b2:\n ret (v7)\n", NULL);
  for (uint32_t k = 0; k < 10; k++)
    ((uint32_t *)g->memory)[4 + 2 + k] = k * k;
  assert_int_equal(CALL(g, 0, 8, 10), 285);
  zir_rig_free(g);
}


// Every text is run as it comes, with registers picked at random, and with four integer registers.
typedef void (*Body)(ZirRig *g);
static void each_way(const char *text, Body body)
{
  for (unsigned k = 0; k < 12; k++) {
    CodeOptions o = { .cpu_bits = k & 1 ? CPU_X86_64_V3 : CPU_X86_64_V2, .small_file = k & 2 ? 4 : 0, .random_ra = k < 4 ? 0 : k * 77 };
    ZirRig *g = zir_rig(text, &o);
    body(g);
    zir_rig_free(g);
  }
}

static void fib_body(ZirRig *g)
{
  assert_int_equal(CALL(g, 0, 10), 55);
  assert_int_equal(CALL(g, 0, 1), 1);
}
static void recursion(void **state)
{
  (void)state;
  each_way("func f0 (i32) -> (i32)\n"
           "b0:\n v0:i32 = param 0\n v1:i32 = i32.lt_s v0, i32 2\n br v1, b1, b2\n"
           "b1:\n ret (v0)\n"
           "b2:\n v2:i32 = i32.sub v0, i32 1\n v3:i32 = call f0(v2)\n v4:i32 = i32.sub v0, i32 2\n v5:i32 = call f0(v4)\n"
           " v6:i32 = i32.add v3, v5\n ret (v6)\n", fib_body);
}

static void diamond_body(ZirRig *g)
{
  assert_int_equal(CALL(g, 0, 5, 7, 1), 15 + 5 + 1);
  assert_int_equal(CALL(g, 0, 5, 7, 0), 8 + 5 + 0);
}
static void diamond(void **state)
{
  (void)state;
  each_way("func f0 (i32, i32, i32) -> (i32)\n"
           "b0:\n v0:i32 = param 0\n v1:i32 = param 1\n v2:i32 = param 2\n br v2, b1, b2\n"
           "b1:\n v3:i32 = i32.mul v0, i32 3\n jmp b3(v3)\n"
           "b2:\n v4:i32 = i32.add v1, i32 1\n jmp b3(v4)\n"
           "b3(v5:i32):\n v6:i32 = i32.add v5, v0\n v7:i32 = i32.add v6, v2\n ret (v7)\n", diamond_body);
}

static void divide_body(ZirRig *g)
{
  assert_int_equal(CALL(g, 0, 100, 7), (uint32_t)(100 / 7 + 100 % 7 * 1000));
  assert_int_equal(CALL(g, 0, (uint32_t)-100, 7), (uint32_t)(-100 / 7 + -100 % 7 * 1000));
  assert_int_equal(CALL(g, 0, (uint32_t)-100, (uint32_t)-1), 100);
  assert_int_equal(CALL(g, 0, 1, 0), TRAPPED | TRAP_div_zero);
  assert_int_equal(CALL(g, 0, 0x80000000u, 0xffffffffu), TRAPPED | TRAP_int_overflow);
}
static void divide(void **state)
{
  (void)state;
  each_way("func f0 (i32, i32) -> (i32)\n"
           "b0:\n v0:i32 = param 0\n v1:i32 = param 1\n v2:i32 = i32.div_s v0, v1\n v3:i32 = i32.rem_s v0, v1\n"
           " v4:i32 = i32.mul v3, i32 1000\n v5:i32 = i32.add v2, v4\n ret (v5)\n", divide_body);
}

static void switch_body(ZirRig *g)
{
  static const unsigned want[] = { 20, 16, 21, 13, 20, 25, 26 };
  for (unsigned k = 0; k < 7; k++)
    assert_int_equal(CALL(g, 0, k, 10), want[k]);
}
static void switches(void **state)
{
  (void)state;
  each_way("func f0 (i32, i32) -> (i32)\n"
           "b0:\n v0:i32 = param 0\n v1:i32 = param 1\n v9:i32 = i32.mul v0, i32 5\n switch v0 [0 1 1 2 0] b1(v1, v1), b1(v9, i32 11), b2, b3\n"
           "b1(v2:i32, v3:i32):\n v4:i32 = i32.add v2, v3\n ret (v4)\n"
           "b2:\n v5:i32 = i32.add v0, v1\n ret (v5)\n"
           "b3:\n v6:i32 = i32.add v1, v1\n v7:i32 = i32.add v6, v0\n ret (v7)\n", switch_body);
}

static void call_loop_body(ZirRig *g)
{
  assert_int_equal(CALL(g, 0, 3, 10), 3 * 45 + 10 * 7);
}
static void call_in_loop(void **state)
{
  (void)state;
  each_way("decl f1 (i32, i32) -> (i32)\nfunc f0 (i32, i32) -> (i32)\n"
           "b0:\n v0:i32 = param 0\n v1:i32 = param 1\n jmp b1(i32 0, i32 0)\n"
           "b1(v2:i32, v3:i32):\n v4:i32 = call f1(v0, v3)\n v5:i32 = i32.add v2, v4\n v6:i32 = i32.add v3, i32 1\n"
           " v7:i32 = i32.lt_u v6, v1\n br v7, b1(v5, v6), b2\nb2:\n ret (v5)\n"
           "\nfunc f1 (i32, i32) -> (i32)\nb0:\n v0:i32 = param 0\n v1:i32 = param 1\n v2:i32 = i32.mul v0, v1\n v3:i32 = i32.add v2, i32 7\n ret (v3)\n",
           call_loop_body);
}

static void float_body(ZirRig *g)
{
  union { double d; uint64_t u; } a = { 3.5 }, b = { -2.25 }, nan = { __builtin_nan("") }, r;
  r.u = CALL(g, 0, a.u, b.u);
  assert_true(r.d == (3.5 * -2.25 + 2.25) - 2.0);
  r.u = CALL(g, 0, nan.u, b.u);
  assert_true(r.d != r.d);
  r.u = CALL(g, 1, a.u, 0);
  assert_int_equal(r.u, 3);
  assert_int_equal(CALL(g, 1, nan.u, 0), TRAPPED | TRAP_bad_conversion);
  a.d = -2147483648.9;
  assert_int_equal(CALL(g, 1, a.u, 0), 0x80000000u);
  a.d = -2147483649.0;
  assert_int_equal(CALL(g, 1, a.u, 0), TRAPPED | TRAP_int_overflow);
  a.d = 1e300;
  assert_int_equal(CALL(g, 1, a.u, 0), TRAPPED | TRAP_int_overflow);
}
static void floats(void **state)
{
  (void)state;
  each_way("decl f1 (f64) -> (i32)\nfunc f0 (f64, f64) -> (f64)\n"
           "b0:\n v0:f64 = param 0\n v1:f64 = param 1\n v2:f64 = f64.mul v0, v1\n v3:f64 = f64.abs v1\n v4:f64 = f64.add v2, v3\n"
           " v5:f64 = f64.floor v0\n v6:f64 = f64.min v5, f64 0x4000000000000000\n v7:f64 = f64.sub v4, v6\n ret (v7)\n"
           "\nfunc f1 (f64) -> (i32)\nb0:\n v0:f64 = param 0\n v1:i32 = i32.trunc_f64_s v0\n ret (v1)\n", float_body);
}

static void many_body(ZirRig *g)
{
  uint32_t s[20], n = 50;
  for (unsigned k = 0; k < 20; k++)
    s[k] = k;
  for (unsigned i = 0; i < n; i++)
    for (unsigned k = 0; k < 20; k++)
      s[k] = s[k] * 3 + s[(k + 1) % 20]; // uses the new value of k + 1 only for the last: all in order
  uint32_t sum = 0;
  for (unsigned k = 0; k < 20; k++)
    sum += s[k];
  assert_int_equal(CALL(g, 0, n), sum);
}
static char *many_text(void)
{
  static char text[20000];
  char *p = text;
  p += sprintf(p, "func f0 (i32) -> (i32)\nb0:\n v0:i32 = param 0\n jmp b1(i32 0");
  for (unsigned k = 0; k < 20; k++)
    p += sprintf(p, ", i32 %u", k);
  p += sprintf(p, ")\nb1(v1:i32");
  for (unsigned k = 0; k < 20; k++)
    p += sprintf(p, ", v%u:i32", 10 + k);
  p += sprintf(p, "):\n");
  for (unsigned k = 0; k < 20; k++)
    p += sprintf(p, " v%u:i32 = i32.mul v%u, i32 3\n v%u:i32 = i32.add v%u, v%u\n", 40 + k, 10 + k, 70 + k, 40 + k, k == 19 ? 70 : 11 + k);
  p += sprintf(p, " v2:i32 = i32.add v1, i32 1\n v3:i32 = i32.lt_u v2, v0\n br v3, b1(v2");
  for (unsigned k = 0; k < 20; k++)
    p += sprintf(p, ", v%u", 70 + k);
  p += sprintf(p, "), b2\nb2:\n");
  for (unsigned k = 0; k < 20; k++)
    p += sprintf(p, " v%u:i32 = i32.add %s%u, v%u\n", 100 + k, k ? "v" : "i32 ", k ? 99 + k : 0, 70 + k);
  sprintf(p, " ret (v119)\n");
  return text;
}
static void more_loop_variables_than_registers(void **state)
{
  (void)state;
  each_way(many_text(), many_body);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(sum_loop), cmocka_unit_test(recursion), cmocka_unit_test(diamond), cmocka_unit_test(divide),
    cmocka_unit_test(switches), cmocka_unit_test(call_in_loop), cmocka_unit_test(floats),
    cmocka_unit_test(more_loop_variables_than_registers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
