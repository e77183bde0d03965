// Functions that are compiled when they are called first: the same code, traps and frames as of a whole image, from several threads,
// with little stack left and without memory.
#include "help.h"
#include "compiler/sink/sink.h"
#include "runtime/abi/compile.h"
#include "runtime/vm/vm_int.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static Image *compiled(const char *text, bool lazy)
{
  static uint8_t bytes[1 << 20];
  char err[400];
  size_t n = bytes_of(text, bytes, sizeof bytes);
  CompileOptions o = { .engine = ENGINE_JIT, .lazy = lazy };
  Image *im = zw_compile(bytes, n, &o, err, sizeof err);
  memset(bytes, 0xee, n); // who needs them later has copied them
  if (!im)
    fail_msg("%s", err);
  return im;
}

static const char shapes[] =
    "(module (type $t (func (param i32) (result i32))) (tag $e (param i32)) (memory 1)"
    "  (table $tab funcref (elem $fac $pick $trap $throws)) (global $g (mut i32) (i32.const 0))"
    "  (func $fac (export \"fac\") (type $t) (if (result i32) (i32.lt_s (local.get 0) (i32.const 2)) (then (i32.const 1))"
    "    (else (i32.mul (local.get 0) (call $fac (i32.sub (local.get 0) (i32.const 1)))))))"
    "  (func $pick (export \"pick\") (type $t) (block $c (block $b (block $a (br_table $a $b $c $a $b (local.get 0)))"
    "    (return (call $fac (i32.const 5)))) (return (call $trap (i32.const 3)))) (i32.load offset=60000 (local.get 0)))"
    "  (func $trap (export \"trap\") (type $t) (i32.div_s (i32.const 100) (local.get 0)))"
    "  (func $deep (export \"deep\") (type $t) (if (result i32) (local.get 0) (then (i32.add (i32.const 1) (call $deep (i32.sub (local.get 0) (i32.const 1)))))"
    "    (else (call $leaf (i32.const 7)))))"
    "  (func $leaf (type $t) (global.set $g (i32.add (global.get $g) (local.get 0))) (call_indirect $tab (type $t) (local.get 0) (i32.const 2)))"
    "  (func $throws (export \"throws\") (type $t) (throw $e (local.get 0)))"
    "  (func (export \"catches\") (type $t) (block $h (result i32) (drop (try_table (result i32) (catch $e $h) (call $throws (local.get 0)))) (i32.const 1)))"
    "  (func (export \"tail\") (type $t) (return_call_indirect $tab (type $t) (local.get 0) (i32.const 0)))"
    "  (func $wide (param i32 i64 f32 f64 v128 i32 i32 i32 i32 i32 f32 f32 f32 f32 f32 f32 f32 f32 i64) (result i64 f64 i32 i32 i32 i32 i32 i32 i32)"
    "    (i64.add (local.get 1) (local.get 18)) (f64.add (local.get 3) (f64.promote_f32 (local.get 17))) (local.get 0) (local.get 5) (local.get 6) (local.get 7)"
    "    (local.get 8) (local.get 9) (i32x4.extract_lane 3 (local.get 4)))"
    "  (func (export \"wide\") (type $t) (i32.const 0) (i32.const 1) (i64.const 2) (f32.const 3) (f64.const 4) (v128.const i32x4 1 2 3 40) (i32.const 5)"
    "    (i32.const 6) (i32.const 7) (i32.const 8) (i32.const 9) (f32.const 1) (f32.const 2) (f32.const 3) (f32.const 4) (f32.const 5) (f32.const 6)"
    "    (f32.const 7) (f32.const 8) (i64.const 1000) (call $wide) (i32.add) (i32.add) (i32.add) (i32.add) (i32.add) (i32.add) (local.set 0) (i32.trunc_f64_s)"
    "    (i32.add (local.get 0)) (local.set 0) (i32.wrap_i64) (i32.add (local.get 0)) (i32.add))"
    "  (func (export \"never\") (type $t) (i32.const 1)))";
static const char *const ways[] = { "pick", "fac", "trap", "deep", "throws", "catches", "tail", "wide" };

// What a call ends with, in words.
static void outcome(Instance *in, const char *name, uint32_t arg, char *out, size_t bytes)
{
  Value v[2] = { { .u32 = arg } };
  TrapKind k = call_of(in, name, v);
  if (k == TRAP_none)
    snprintf(out, bytes, "%u", v[0].u32);
  else
    zw_trap_format(zw_store_trap(in->store), out, bytes);
}

static void the_outcomes_and_frames_are_those_of_a_whole_image(void **state)
{
  (void)state;
  Store *s = zw_store_new(NULL);
  Image *whole = compiled(shapes, false), *lazy = compiled(shapes, true);
  assert_int_equal(zw_lazy_compiled(lazy), 0);
  Instance *a = instance_of(s, whole, NULL, 0), *b = instance_of(s, lazy, NULL, 0);
  for (uint32_t round = 0; round < 2; round++)
    for (size_t w = 0; w < ARRAY_COUNT(ways); w++)
      for (uint32_t arg = 0; arg < 12; arg++) {
        char want[4096], got[4096];
        outcome(a, ways[w], arg, want, sizeof want);
        outcome(b, ways[w], arg, got, sizeof got);
        assert_string_equal(want, got);
      }
  assert_int_equal(zw_lazy_compiled(lazy), 9); // all but the one that nobody calls and $leaf, which is part of $deep
  zw_store_delete(s);
  zw_image_free(whole);
  zw_image_free(lazy);
}

static const ImageFunc *record_of(const Image *im, uint32_t func)
{
  for (uint32_t k = 0; k < im->nfuncs; k++)
    if (im->funcs[k].func == func && !(im->funcs[k].flags & IMAGE_FUNC_THUNK))
      return &im->funcs[k];
  return NULL;
}

// Byte for byte, but for where calls go.
static void same_code(const Image *a, const ImageFunc *f, const Image *b, const ImageFunc *g)
{
  assert_int_equal(f->code_bytes, g->code_bytes);
  assert_true(f->frame_bytes == g->frame_bytes && f->saved == g->saved && f->flags == g->flags && f->nsites == g->nsites &&
              f->nhandlers == g->nhandlers && f->prologue_bytes == g->prologue_bytes && f->nmaps == g->nmaps);
  const uint8_t *p = a->text + f->code_off, *q = b->text + g->code_off;
  for (uint32_t i = 0; i < f->code_bytes; i++) {
    bool target = false; // of a call or jump a few bytes before
    for (uint32_t d = 1; d <= 4 && d <= i; d++)
      target |= p[i - d] == 0xe8 || p[i - d] == 0xe9 || ((p[i - d] & 0xf0) == 0x80 && i > d && p[i - d - 1] == 0x0f);
    if (!target)
      assert_int_equal(p[i], q[i]);
  }
}

static void a_function_has_the_code_that_it_has_in_a_whole_image(void **state)
{
  (void)state;
  Store *s = zw_store_new(NULL);
  Image *whole = compiled(shapes, false), *lazy = compiled(shapes, true);
  Instance *in = instance_of(s, lazy, NULL, 0);
  char out[4096];
  uint32_t found = 0;
  for (size_t w = 0; w < ARRAY_COUNT(ways); w++)
    for (uint32_t arg = 0; arg < 4; arg++)
      outcome(in, ways[w], arg, out, sizeof out);
  for (uint32_t func = 0; func < IMAGE_COUNT(lazy, IMG_FUNC_TYPES); func++) {
    const ImageFunc *f = record_of(whole, func), *g = record_of(lazy, func);
    assert_non_null(f);
    if (g)
      same_code(whole, f, lazy, g), found++;
  }
  assert_int_equal(found, zw_lazy_compiled(lazy));
  for (uint32_t k = 1; k < lazy->nfuncs; k++) // what the unwinder's search relies on
    assert_true(lazy->funcs[k].code_off >= lazy->funcs[k - 1].code_off + lazy->funcs[k - 1].code_bytes);
  zw_store_delete(s);
  zw_image_free(whole);
  zw_image_free(lazy);
}

// The function at the end of a recursion is compiled with as little stack left as there can be.
static void a_first_call_deep_in_the_stack_ends_as_any_call(void **state)
{
  (void)state;
  char want[8192], got[8192];
  uint32_t low = 1000, high = 1 << 20; // deep(low) returns, deep(high) does not
  Image *whole = compiled(shapes, false);
  StoreOptions small = { .max_stack = 256 << 10 };
  Store *s = zw_store_new(&small);
  Instance *in = instance_of(s, whole, NULL, 0);
  while (high - low > 1) {
    uint32_t mid = low + (high - low) / 2;
    outcome(in, "deep", mid, want, sizeof want);
    *(want[0] == 'w' ? &high : &low) = mid;
  }
  for (uint32_t n = low - 6; n < low + 6; n++) {
    Store *fresh = zw_store_new(&small);
    Image *lazy = compiled(shapes, true);
    Instance *b = instance_of(fresh, lazy, NULL, 0);
    outcome(in, "deep", n, want, sizeof want);
    outcome(b, "deep", n, got, sizeof got);
    assert_string_equal(want, got);
    zw_store_delete(fresh);
    zw_image_free(lazy);
  }
  zw_store_delete(s);
  zw_image_free(whole);
}

static void what_cannot_be_compiled_traps_and_the_rest_runs(void **state)
{
  (void)state;
  char want[4096], want_wide[4096], got[4096];
  bool failed = true;
  uint32_t failures = 0;
  Image *whole = compiled(shapes, false);
  Store *ws = zw_store_new(NULL);
  Instance *a = instance_of(ws, whole, NULL, 0);
  outcome(a, "pick", 0, want, sizeof want);
  outcome(a, "wide", 0, want_wide, sizeof want_wide);
  for (uint64_t n = 1; failed; n++) {
    Store *s = zw_store_new(NULL);
    Image *lazy = compiled(shapes, true);
    Instance *in = instance_of(s, lazy, NULL, 0);
    for (size_t w = 0; w < ARRAY_COUNT(ways); w++)
      (void)export_of(in, ways[w]); // what a call needs beside code
    zw_alloc_fail_at(n);
    outcome(in, "pick", 0, got, sizeof got);
    zw_alloc_fail_at(0);
    failed = strcmp(got, want) != 0;
    if (failed) {
      failures++;
      assert_non_null(strstr(got, "could not be compiled: out of memory"));
      outcome(in, "pick", 0, got, sizeof got);
      assert_non_null(strstr(got, "could not be compiled when it was called before"));
      outcome(in, "wide", 0, got, sizeof got);
      assert_string_equal(got, want_wide);
    }
    zw_store_delete(s);
    zw_image_free(lazy);
  }
  assert_true(failures > 0);
  zw_store_delete(ws);
  zw_image_free(whole);
}

static void errors_are_found_before_anything_runs(void **state)
{
  (void)state;
  static const uint8_t bad[] = { 0, 'a', 's', 'm', 1, 0, 0, 0, 1, 5, 1, 0x60, 0, 1, 0x7f, 3, 2, 1, 0, 10, 4, 1, 2, 0, 0x0b }; // no result
  CompileOptions o = { .engine = ENGINE_JIT, .lazy = true };
  char err[400] = "";
  assert_null(zw_compile(bad, sizeof bad, &o, err, sizeof err));
  assert_non_null(strstr(err, "type mismatch"));
}

// ---- threads: each with instances of its own, of one image ----

enum { CHAIN = 120, THREADS = 4 };
typedef struct Runner { pthread_t thread; const Image *im; uint32_t step; bool ok; } Runner;

static void *run_all(void *arg)
{
  Runner *r = arg;
  Store *s = zw_store_new(NULL);
  Instance *in = instance_of(s, r->im, NULL, 0);
  r->ok = true;
  for (uint32_t k = 0, f = r->step; k < CHAIN; k++, f = (f + r->step) % CHAIN) {
    char name[16];
    Value v[1] = { { .u32 = k } };
    snprintf(name, sizeof name, "f%u", f);
    r->ok &= call_of(in, name, v) == TRAP_none && v[0].u32 == k + (CHAIN - f) * (CHAIN - f + 1) / 2;
    r->ok &= call_of(in, "traps", v) == TRAP_unreachable && zw_store_trap(s)->total_frames == 2;
  }
  zw_store_delete(s);
  return NULL;
}

// f_k(x) = f_{k+1}(x) + (CHAIN - k), by a call or through the table.
static char *chain(void)
{
  char *text;
  size_t n;
  FILE *f = open_memstream(&text, &n);
  fputs("(module (type $t (func (param i32) (result i32))) (table funcref (elem", f);
  for (int k = 0; k <= CHAIN; k++)
    fprintf(f, " $f%d", k);
  fputs("))\n", f);
  for (int k = 0; k < CHAIN; k++)
    fprintf(f, k % 3 ? "(func $f%d (export \"f%d\") (type $t) (loop (br_if 0 (i32.const 0))) (i32.add (i32.const %d) (call $f%d (local.get 0))))\n"
                     : "(func $f%d (export \"f%d\") (type $t) (i32.add (i32.const %d) (call_indirect (type $t) (local.get 0) (i32.const %d))))\n",
            k, k, CHAIN - k, k + 1);
  fprintf(f, "(func $f%d (type $t) (local.get 0)) (func (export \"traps\") (type $t) (loop (br_if 0 (i32.const 0))) (call $dies (local.get 0)))"
             "(func $dies (type $t) (loop (br_if 0 (i32.const 0))) (unreachable)))", CHAIN);
  fclose(f);
  return text;
}

static void threads_compile_what_they_share(void **state)
{
  (void)state;
  static const uint32_t steps[THREADS] = { 1, 7, 11, 119 };
  char *text = chain();
  for (int round = 0; round < 12; round++) {
    Image *im = compiled(text, true);
    Runner r[THREADS];
    for (int k = 0; k < THREADS; k++) {
      r[k] = (Runner){ .im = im, .step = steps[k] };
      assert_int_equal(pthread_create(&r[k].thread, NULL, run_all, &r[k]), 0);
    }
    for (int k = 0; k < THREADS; k++) {
      pthread_join(r[k].thread, NULL);
      assert_true(r[k].ok);
    }
    assert_int_equal(zw_lazy_compiled(im), CHAIN + 2); // the last of the chain is part of its caller
    zw_image_free(im);
  }
  free(text);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_outcomes_and_frames_are_those_of_a_whole_image),
    cmocka_unit_test(a_function_has_the_code_that_it_has_in_a_whole_image),
    cmocka_unit_test(a_first_call_deep_in_the_stack_ends_as_any_call),
    cmocka_unit_test(what_cannot_be_compiled_traps_and_the_rest_runs),
    cmocka_unit_test(errors_are_found_before_anything_runs),
    cmocka_unit_test(threads_compile_what_they_share),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
