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

// ---- shapes: what cannot be retrofitted goes through P3 and P4 by hand-written ZIR ----

// Eighteen vectors live at once: more than there are registers.  Each has a slot of 16 bytes.
static const char *vectors_text(void)
{
  static char text[6000];
  char *p = text;
  p += sprintf(p, "module memories 1\nfunc f0 (i32) -> (i64)\nb0:\n v0:i32 = param 0\n");
  for (unsigned k = 0; k < 18; k++)
    p += sprintf(p, " v%u:v128 = v128.load v0 +%u @%u\n", 10 + k, 16 * k, k + 1);
  for (unsigned k = 0; k < 18; k++) // backward, so that all of them live here
    p += sprintf(p, " v%u:v128 = i64x2.add v%u, v%u\n", 40 + k, k ? 39 + k : 10, 27 - k);
  p += sprintf(p, " v1:i64 = i64x2.extract_lane v57 #0\n v2:i64 = i64x2.extract_lane v57 #1\n v3:i64 = i64.xor v1, v2\n ret (v3)\n");
  return text;
}
static void vectors_body(ZirRig *g)
{
  uint64_t lo = 0, hi = 0, first[2];
  for (unsigned k = 0; k < 36; k++)
    ((uint64_t *)g->memory)[8 + k] = 0x123456789abcdefull * (k + 1);
  memcpy(first, g->memory + 64, 16);
  for (unsigned k = 0; k < 18; k++)
    lo += ((uint64_t *)g->memory)[8 + 2 * k], hi += ((uint64_t *)g->memory)[9 + 2 * k];
  assert_int_equal(CALL(g, 0, 64), (lo + first[0]) ^ (hi + first[1]));
  bool wide = false;
  for (uint32_t k = 0; k < g->l[0]->nslots; k++)
    wide |= g->l[0]->slot_bytes[k] == 16;
  assert_true(wide);
}
static void spilled_vectors(void **state)
{
  (void)state;
  each_way(vectors_text(), vectors_body);
}

// A million tail calls between two functions, one of which takes stack arguments, need no stack.
static void tail_body(ZirRig *g) { assert_int_equal(CALL(g, 0, 1000000, 5), 5 + 3ull * 1000000); }
static void tail_calls(void **state)
{
  (void)state;
  each_way("decl f0 (i64, i64) -> (i64)\ndecl f1 (i64, i64, i64, i64, i64, i64, i64, i64) -> (i64)\nfunc f0 (i64, i64) -> (i64)\n"
           "b0:\n v0:i64 = param 0\n v1:i64 = param 1\n v2:i32 = i64.eqz v0\n br v2, b1, b2\nb1:\n ret (v1)\n"
           "b2:\n v3:i64 = i64.add v1, i64 1\n tcall f1(v0, v3, v1, i64 1, i64 2, i64 3, v0, i64 2)\n"
           "\nfunc f1 (i64, i64, i64, i64, i64, i64, i64, i64) -> (i64)\nb0:\n v0:i64 = param 0\n v1:i64 = param 1\n v2:i64 = param 6\n v3:i64 = param 7\n"
           " v4:i64 = i64.sub v2, i64 1\n v5:i64 = i64.add v1, v3\n tcall f0(v4, v5)\n", tail_body);
}

// What a handler uses is in memory at the call, and the handler's head reads it from there.
static void handler_live_ins(void **state)
{
  (void)state;
  ZirRig *g = zir_rig("tag 0 (i32)\ndecl f0 (i32, i32) -> (i32)\ndecl f1 (i32) -> (i32)\nfunc f0 (i32, i32) -> (i32)\n  try 0 catch 0 b2\n"
                      "b0 try 0:\n v0:i32 = param 0\n v1:i32 = param 1\n v2:i32 = i32.mul v0, v1\n v3:i32 = call f1(v2) @5\n jmp b1\n"
                      "b1:\n v7:i32 = i32.add v3, v2\n ret (v7)\n"
                      "b2 cold handler:\n v4:i32 = catch_value #0\n v5:i32 = i32.add v4, v2\n v6:i32 = i32.sub v5, v1\n ret (v6)\n"
                      "\nfunc f1 (i32) -> (i32)\nb0:\n v0:i32 = param 0\n ret (v0)\n", NULL);
  const LirFunc *l = g->l[0];
  unsigned stores = 0, loads = 0;
  for (uint32_t k = 0; k < l->nchunks; k++)
    for (uint32_t i = l->chunks[k].first; i < l->chunks[k].end; i++) {
      stores += l->chunks[k].block == 0 && l->lir[i].op == X_mov_mr && l->lir[i].rn == REG_SLOT;
      loads += l->chunks[k].block == 2 && l->lir[i].rn == REG_SLOT;
    }
  assert_int_equal(stores, 2); // v1 and v2
  assert_int_equal(loads, 2);
  assert_int_equal(g->r->codes[0]->nhandlers, 1);
  assert_int_equal(CALL(g, 0, 6, 7), 84); // the register copy of v2 survives on the path without an exception
  zir_rig_free(g);
}

// Each reference that lives across a call has a slot in that call's map, and only those.
static void references_in_maps(void **state)
{
  (void)state;
  ZirRig *g = zir_rig("decl f0 (ref, ref, i32) -> (ref)\ndecl f1 (ref) -> (ref)\nfunc f0 (ref, ref, i32) -> (ref)\n"
                      "b0:\n v0:ref = param 0\n v1:ref = param 1\n v2:i32 = param 2\n v3:ref = call f1(v0) @5\n jmp b1(v3, v2)\n"
                      "b1(v4:ref, v5:i32):\n v6:ref = call f1(v4) @6\n v7:i32 = i32.sub v5, i32 1\n br v7, b1(v6, v7), b2\n"
                      "b2:\n v8:ref = call f1(v6) @7\n v9:i32 = i32.eq v2, i32 3\n br v9, b3, b4\nb3:\n ret (v1)\nb4:\n ret (v8)\n"
                      "\nfunc f1 (ref) -> (ref)\nb0:\n v0:ref = param 0\n ret (v0)\n", NULL);
  const LirFunc *l = g->l[0];
  assert_int_equal(l->nmaps, 3);
  for (uint32_t k = 0; k < 3; k++)
    assert_int_equal(l->maps[k].n, 1); // v1 alone: v0, v4 and v6 die at their calls
  assert_int_equal(CALL(g, 0, 10, 20, 3), 20);
  assert_int_equal(CALL(g, 0, 10, 20, 2), 10);
  zir_rig_free(g);
}

// Where references times calls are too many, one map serves all calls: it names the slots of what crosses any of them, and the code is linear.
static void one_map_for_very_many(void **state)
{
  (void)state;
  enum { REFS = 400 }; // 400 * 400 / 2 slots if each call had its own
  char *text = malloc(200 * REFS), *p = text;
  p += sprintf(p, "decl f0 (ref) -> (ref)\ndecl f1 (ref) -> (ref)\nfunc f0 (ref) -> (ref)\nb0:\n v0:ref = param 0\n");
  for (unsigned k = 1; k <= REFS; k++)
    p += sprintf(p, " v%u:ref = call f1(v%u) @5\n", k, k - 1);
  for (unsigned k = 1; k < REFS; k++)
    p += sprintf(p, " v%u:ref = sel v%u, v%u, i32 1\n v%u:ref = call f1(v%u) @6\n", REFS + 2 * k, k, k == 1 ? k : REFS + 2 * k - 1,
                 REFS + 2 * k + 1, REFS + 2 * k);
  sprintf(p, " ret (v%u)\n\nfunc f1 (ref) -> (ref)\nb0:\n v0:ref = param 0\n ret (v0)\n", REFS + 2 * (REFS - 1) + 1);
  ZirRig *g = zir_rig(text, NULL);
  const LirFunc *l = g->l[0];
  assert_true(l->any_maps);
  assert_int_equal(l->nmaps, 2 * REFS - 1);
  for (uint32_t k = 0; k < l->nmaps; k++)
    assert_true(l->maps[k].first == 0 && l->maps[k].n >= REFS - 1 && l->maps[k].n <= REFS + 1);
  assert_true(g->r->codes[0]->maps_bytes < 4 * l->nmaps + 2 * REFS);
  assert_int_equal(CALL(g, 0, 1000), 1000);
  zir_rig_free(g);
  free(text);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(sum_loop), cmocka_unit_test(recursion), cmocka_unit_test(diamond), cmocka_unit_test(divide),
    cmocka_unit_test(switches), cmocka_unit_test(call_in_loop), cmocka_unit_test(floats),
    cmocka_unit_test(more_loop_variables_than_registers), cmocka_unit_test(spilled_vectors), cmocka_unit_test(tail_calls),
    cmocka_unit_test(handler_live_ins), cmocka_unit_test(references_in_maps), cmocka_unit_test(one_map_for_very_many),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
