// Limits and failure, in the interpreter and in machine code: instantiation that fails at each of its steps leaves
// nothing behind, what is used again is zero, and whatever a guest asks for has a cap.
#include "help.h"
#include "runtime/abi/compile.h"
#include "runtime/base/asan.h"
#include "runtime/os/os.h"
#include <stdio.h>
#include <unistd.h>

// ---- the two ways to run ----
typedef enum Way { INTERP, JIT, WAYS } Way;
static const char *const way_names[] = { "interpreter", "machine code" };

// NULL when machine code lacks something that the module uses: then the interpreter alone is tested, and says so.
static Image *image_in(Way e, const char *text)
{
  if (e == INTERP)
    return image_of(text);
  static uint8_t bytes[1 << 16];
  char err[300];
  size_t n = bytes_of(text, bytes, sizeof bytes);
  CompileOptions o = { .engine = ENGINE_JIT, .features = zw_features_default(), .cpu_bits = zw_os_cpu_bits(), .threads = 1 };
  Image *im = zw_compile(bytes, n, &o, err, sizeof err);
  if (!im && !strstr(err, "not in compiled code yet"))
    fail_msg("%s", err);
  if (!im)
    print_message("machine code: %s\n", err);
  return im;
}
static void drop(Way e, Image *im) { (e == INTERP ? zw_interp_image_free : zw_image_free)(im); }

// Pages of address space, and those in memory.  A sanitizer's own are not ours to judge.
static void pages(long *space, long *resident)
{
  *space = *resident = 0;
#ifndef __SANITIZE_ADDRESS__
  FILE *f = fopen("/proc/self/statm", "r");
  if (!f || fscanf(f, "%ld %ld", space, resident) != 2)
    fail_msg("no /proc/self/statm");
  fclose(f);
#endif
}

// ---- instantiation ----

static const char giver[] =
    "(module (memory (export \"m\") 1 2) (table (export \"t\") 4 8 funcref) (global (export \"g\") (mut i32) (i32.const 7))"
    "  (global (export \"k\") i32 (i32.const 3)) (tag (export \"e\") (param i32)) (func (export \"f\") (param i32) (result i32) (local.get 0)))";

// What each module imports comes first in it, so that every later step is still to fail.
#define IMPORTS                                                                                                                            \
  "(import \"x\" \"f\" (func $f (param i32) (result i32))) (import \"x\" \"t\" (table $t 4 8 funcref))"                                    \
  "(import \"x\" \"m\" (memory $m 1 2)) (import \"x\" \"g\" (global $g (mut i32)))"
#define MINE "(memory $own 3) (table $mine 5 funcref) (global $gl (mut i64) (i64.const 5)) (func $h (result i32) (i32.const 9)) (elem declare func $h $f)"

static const struct Step {
  const char *text, *err;  // how the sentence begins
  TrapKind trap;
  bool stays;              // it has written into what it imported, so it lives as long as the store
} steps[] = {
  { "(module (import \"x\" \"f\" (func (param i32))) " MINE " (func $f))", "incompatible import type", TRAP_none, false },
  { "(module (import \"x\" \"f\" (func $f (param i32) (result i32))) (import \"x\" \"t\" (table 5 8 funcref)) " MINE ")", "incompatible import type", TRAP_none, false },
  { "(module (import \"x\" \"f\" (func $f (param i32) (result i32))) (import \"x\" \"t\" (table 4 8 externref)) " MINE ")", "incompatible import type", TRAP_none, false },
  { "(module (import \"x\" \"f\" (func $f (param i32) (result i32))) (import \"x\" \"t\" (table 4 8 funcref)) (import \"x\" \"m\" (memory 2 2)) " MINE ")", "incompatible import type", TRAP_none, false },
  { "(module (import \"x\" \"f\" (func $f (param i32) (result i32))) (import \"x\" \"g\" (global i32)) " MINE ")", "incompatible import type", TRAP_none, false },
  { "(module (import \"x\" \"f\" (func $f (param i32) (result i32))) (import \"x\" \"e\" (tag (param i64))) " MINE ")", "incompatible import type", TRAP_none, false },
  { "(module " IMPORTS " (import \"x\" \"nothing\" (func)) " MINE ")", "unknown import", TRAP_none, false },
  { "(module " IMPORTS MINE " (memory 100))", "memory of 100 pages is larger than allowed", TRAP_none, false },
  { "(module " IMPORTS MINE " (table 50000 funcref))", "table of 50000 elements is larger than allowed", TRAP_none, false },
  { "(module " IMPORTS MINE " (type $a (array i64)) (global (ref $a) (array.new_default $a (i32.const 1000000))))", "allocation of a GC object failed", TRAP_none, false },
  { "(module " IMPORTS MINE " (type $a (array i64)) (table 3 (ref $a) (array.new_default $a (i32.const 1000000))))", "allocation of a GC object failed", TRAP_none, false },
  { "(module " IMPORTS MINE " (type $a (array i64)) (elem (ref $a) (array.new_default $a (i32.const 2)) (array.new_default $a (i32.const 1000000))))", "allocation of a GC object failed", TRAP_none, false },
  { "(module " IMPORTS MINE " (elem (table $mine) (i32.const 4) func $h $f))", "out of bounds table access", TRAP_table_oob, true },
  { "(module " IMPORTS MINE " (elem (table $t) (i32.const 0) func $h $f) (elem (table $t) (i32.const 4) func $h))", "out of bounds table access", TRAP_table_oob, true },
  { "(module " IMPORTS MINE " (elem (table $t) (i32.const 0) func $h $f) (data (memory $own) (i32.const 196605) \"four\"))", "out of bounds memory access", TRAP_oob, true },
  { "(module " IMPORTS MINE " (elem (table $t) (i32.const 0) func $h $f) (data (memory $m) (i32.const 8) \"abc\") (func $s unreachable) (start $s))", "unreachable", TRAP_unreachable, true },
};

static bool import_from(Instance *in, const Image *im, uint32_t i, Extern *out)
{
  const ImageImport *want = IMAGE_ARRAY(im, ImageImport, IMG_IMPORTS) + i;
  Str name = zw_image_name(im, want->name);
  return zw_instance_export(in, name.p, name.n, out);
}

// One attempt; whether an instance came out.
static bool attempt(Store *s, const Image *im, Instance *from, const struct Step *step, uint32_t nimports)
{
  Extern x[8] = { 0 };
  TrapKind trap;
  char err[300];
  for (uint32_t i = 0; i < nimports; i++)
    if (!import_from(from, im, i, &x[i]))
      x[i] = (Extern){ 0 };
  Instance *in = zw_instance_new(s, im, x, nimports, &trap, err, sizeof err);
  if (in)
    return true;
  assert_int_equal(trap, step->trap);
  if (strncmp(err, step->err, strlen(step->err)) != 0)
    fail_msg("'%s', not '%s'", err, step->err);
  return false;
}

static void fails_and_leaves_nothing(Way e, const struct Step *step)
{
  StoreOptions o = { .max_memory = 4 << 20, .max_table_elements = 40000, .max_gc_heap = 1 << 20 };
  Image *give = image_in(e, giver), *im = image_in(e, step->text);
  if (give && im) {
    Store *s = zw_store_new(&o);
    Instance *from = instance_of(s, give, NULL, 0);
    uint32_t n = IMAGE_COUNT(im, IMG_IMPORTS);
    (void)zw_store_gc(s); // made once, kept
    Extern t = export_of(from, "t");
    assert_false(attempt(s, im, from, step, n)); // what is made on demand is there after this
    uint64_t bytes = zw_alloc_bytes();
    long space, then, resident;
    pages(&space, &resident);
    for (int i = 0; i < 50; i++)
      assert_false(attempt(s, im, from, step, n));
    pages(&then, &resident);
    if (!step->stays)
      assert_true(zw_alloc_bytes() == bytes && then == space);
    // What it wrote before it failed is there and works, though its maker is no instance for anybody.
    FuncRef *f = (FuncRef *)(uintptr_t)zw_table_get(t.u.table, 0);
    Value v[1] = { { .u32 = 5 } };
    if (f)
      assert_true(step->stays && zw_call(f, v) == TRAP_none && v[0].u32 == 9);
    v[0].u32 = 5; // and the store goes on
    assert_int_equal(call_of(from, "f", v), TRAP_none);
    assert_int_equal(v[0].u32, 5);
    zw_store_delete(s);
  }
  drop(e, give);
  drop(e, im);
}

static void each_step_of_instantiation_fails_and_leaves_nothing(void **state)
{
  (void)state;
  for (Way e = 0; e < WAYS; e++) {
    uint64_t bytes[3];
    long space[3], resident;
    for (int round = 0; round < 3; round++) { // after the first two what is kept for ever is there
      for (size_t i = 0; i < ARRAY_COUNT(steps); i++)
        fails_and_leaves_nothing(e, &steps[i]);
      bytes[round] = zw_alloc_bytes();
      pages(&space[round], &resident);
    }
    assert_true(bytes[2] == bytes[1] && space[2] <= space[1] + 64);
    print_message("%s: %zu steps failed\n", way_names[e], ARRAY_COUNT(steps));
  }
}

static void too_few_imports_are_a_sentence(void **state)
{
  (void)state;
  static const struct Step step = { "(module " IMPORTS ")", "3 imports were given, the module has 4", TRAP_none, false };
  for (Way e = 0; e < WAYS; e++) {
    Image *give = image_in(e, giver), *im = image_in(e, step.text);
    Store *s = zw_store_new(NULL);
    Instance *from = instance_of(s, give, NULL, 0);
    assert_false(attempt(s, im, from, &step, 3));
    assert_true(attempt(s, im, from, &step, 4));
    zw_store_delete(s);
    drop(e, give);
    drop(e, im);
  }
}

// ---- what is used again ----

static const char dirt[] =
    "(module (memory (export \"m\") 1 300) (table $t 10 1000 funcref) (elem declare func $dirty)"
    "  (func $dirty (export \"dirty\") (result i64) (local $i i32)"
    "    (drop (memory.grow (i32.sub (i32.const 256) (memory.size))))"
    "    (memory.fill (i32.const 0) (i32.const 255) (i32.const 16777216))"
    "    (drop (table.grow $t (ref.func $dirty) (i32.sub (i32.const 1000) (table.size $t))))"
    "    (table.fill $t (i32.const 0) (ref.func $dirty) (i32.const 1000))"
    "    (call $locals (i64.const -1) (i32.const 30)))"
    // the stack, deep down, full of ones
    "  (func $locals (param i64 i32) (result i64) (local i64 i64 i64 i64 i64 i64)"
    "    (local.set 2 (local.get 0)) (local.set 3 (local.get 0)) (local.set 4 (local.get 0)) (local.set 5 (local.get 0)) (local.set 6 (local.get 0))"
    "    (if (local.get 1) (then (drop (call $locals (local.get 0) (i32.sub (local.get 1) (i32.const 1))))))"
    "    (i64.or (i64.or (local.get 2) (local.get 3)) (i64.or (local.get 4) (i64.or (local.get 5) (local.get 6)))))"
    "  (func $clean (export \"clean_locals\") (param $n i32) (result i64) (local i64 i64 i64 i64 i64 i64 i64 i64)"
    "    (local.set 1 (i64.or (i64.or (local.get 1) (local.get 2)) (i64.or (i64.or (local.get 3) (local.get 4)) (i64.or (local.get 5) (i64.or (local.get 6) (i64.or (local.get 7) (local.get 8)))))))"
    "    (if (result i64) (local.get $n) (then (i64.or (local.get 1) (call $clean (i32.sub (local.get $n) (i32.const 1))))) (else (local.get 1))))"
    "  (func (export \"clean\") (result i64) (local $i i32) (local $v i64)"
    "    (drop (memory.grow (i32.sub (i32.const 256) (memory.size))))"
    "    (loop $l (local.set $v (i64.or (local.get $v) (i64.load (local.get $i))))"
    "      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 8))) (i32.const 16777216))))"
    "    (drop (table.grow $t (ref.null func) (i32.sub (i32.const 1000) (table.size $t))))"
    "    (local.set $i (i32.const 0))"
    "    (loop $l (if (i32.eqz (ref.is_null (table.get $t (local.get $i)))) (then (local.set $v (i64.const 1))))"
    "      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1000))))"
    "    (local.get $v)))";

static void memories_tables_and_locals_are_zero_again(void **state)
{
  (void)state;
  for (Way e = 0; e < WAYS; e++) {
    Image *im = image_in(e, dirt);
    for (int i = 0; i < 4; i++) {
      Store *s = zw_store_new(NULL);
      Instance *clean = instance_of(s, im, NULL, 0), *dirty = instance_of(s, im, NULL, 0);
      Value v[1];
      assert_int_equal(call_of(clean, "clean", v), TRAP_none);
      assert_true(v[0].u64 == 0);
      assert_int_equal(call_of(dirty, "dirty", v), TRAP_none);
      v[0] = (Value){ .u32 = 40 };
      assert_int_equal(call_of(dirty, "clean_locals", v), TRAP_none);
      assert_true(v[0].u64 == 0);
      zw_store_delete(s);
    }
    drop(e, im);
  }
}

static void objects_are_zero_again(void **state)
{
  (void)state;
  static const char text[] =
      "(module (type $b (array (mut i8))) (type $r (array (mut anyref))) (type $s (struct (field (mut i64)) (field (mut anyref)) (field (mut i32))))"
      "  (func (export \"go\") (param $n i32) (result i32) (local $b (ref null $b)) (local $r (ref null $r)) (local $s (ref null $s)) (local $k i32) (local $bad i32)"
      "    (loop $l (local.set $k (i32.and (local.get $n) (i32.const 127)))"
      "      (local.set $b (array.new_default $b (i32.add (local.get $k) (i32.const 1))))"
      "      (local.set $r (array.new_default $r (i32.add (local.get $k) (i32.const 1)))) (local.set $s (struct.new_default $s))"
      "      (local.set $bad (i32.or (local.get $bad) (array.get_u $b (local.get $b) (local.get $k))))"
      "      (local.set $bad (i32.or (local.get $bad) (i32.eqz (ref.is_null (array.get $r (local.get $r) (local.get $k))))))"
      "      (local.set $bad (i32.or (local.get $bad) (i64.ne (i64.const 0) (struct.get $s 0 (local.get $s)))))"
      "      (local.set $bad (i32.or (local.get $bad) (i32.eqz (ref.is_null (struct.get $s 1 (local.get $s))))))"
      "      (local.set $bad (i32.or (local.get $bad) (struct.get $s 2 (local.get $s))))"
      "      (array.fill $b (local.get $b) (i32.const 0) (i32.const 255) (i32.add (local.get $k) (i32.const 1)))"
      "      (array.fill $r (local.get $r) (i32.const 0) (local.get $s) (i32.add (local.get $k) (i32.const 1)))"
      "      (struct.set $s 0 (local.get $s) (i64.const -1)) (struct.set $s 1 (local.get $s) (local.get $b)) (struct.set $s 2 (local.get $s) (i32.const -1))"
      "      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))) (local.get $bad)))";
  for (Way e = 0; e < WAYS; e++) {
    StoreOptions o = { .max_gc_heap = 1 << 20 };
    Image *im = image_in(e, text);
    Store *s = im ? zw_store_new(&o) : NULL;
    if (s) {
      Value v[1] = { { .u32 = 100000 } };
      assert_int_equal(call_of(instance_of(s, im, NULL, 0), "go", v), TRAP_none);
      assert_int_equal(v[0].u32, 0);
      assert_true(zw_gc_stats(zw_store_gc(s)).collections > 20);
    }
    zw_store_delete(s);
    drop(e, im);
  }
}

// ---- caps ----

typedef enum End { INSTANTIATES, REFUSED, TRAPS } End;
static const struct Demand { const char *text; End end; TrapKind trap; uint32_t result; } demands[] = {
  // declared sizes
  { "(module (memory 65536))", REFUSED, 0, 0 },
  { "(module (memory i64 0x1000000000000))", REFUSED, 0, 0 },
  { "(module (table 0xffffffff funcref))", REFUSED, 0, 0 },
  { "(module (table i64 0xffffffffffffffff funcref))", REFUSED, 0, 0 },
  { "(module (func $f) (table 0xfffffff (ref func) (ref.func $f)))", REFUSED, 0, 0 },
  { "(module (type $a (array i64)) (global (ref $a) (array.new_default $a (i32.const -1))))", REFUSED, 0, 0 },
  { "(module (type $a (array i64)) (global (ref $a) (array.new $a (i64.const 1) (i32.const 0x10000000))))", REFUSED, 0, 0 },
  // growth
  { "(module (memory 1) (func (export \"go\") (result i32) (memory.grow (i32.const 60000))))", INSTANTIATES, 0, UINT32_MAX },
  { "(module (memory 1) (func (export \"go\") (result i32) (memory.grow (i32.const -1))))", INSTANTIATES, 0, UINT32_MAX },
  { "(module (memory i64 1) (func (export \"go\") (result i32) (i32.wrap_i64 (memory.grow (i64.const 0x7fffffffffffffff)))))", INSTANTIATES, 0, UINT32_MAX },
  { "(module (table $t 1 funcref) (func $f (export \"go\") (result i32) (table.grow $t (ref.null func) (i32.const 0x7fffffff))))", INSTANTIATES, 0, UINT32_MAX },
  { "(module (table $t 1 externref) (func (export \"go\") (result i32) (table.grow $t (ref.null extern) (i32.const -1))))", INSTANTIATES, 0, UINT32_MAX },
  { "(module (table $t i64 1 funcref) (func (export \"go\") (result i32) (i32.wrap_i64 (table.grow $t (ref.null func) (i64.const -1)))))", INSTANTIATES, 0, UINT32_MAX },
  { "(module (memory 1) (func (export \"go\") (result i32) (loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) (memory.size)))", INSTANTIATES, 0, 64 },
  // objects
  { "(module (type $a (array (mut i8))) (func (export \"go\") (result i32) (array.len (array.new_default $a (i32.const -1)))))", TRAPS, TRAP_alloc_failure, 0 },
  { "(module (type $a (array (mut v128))) (func (export \"go\") (result i32) (array.len (array.new_default $a (i32.const 0x10000001)))))", TRAPS, TRAP_alloc_failure, 0 },
  { "(module (type $a (array (mut i64))) (func (export \"go\") (result i32) (array.len (array.new $a (i64.const 1) (i32.const 0x20000000)))))", TRAPS, TRAP_alloc_failure, 0 },
  { "(module (type $n (struct (field (ref null $n)))) (func (export \"go\") (result i32) (local (ref null $n)) (loop $l (local.set 0 (struct.new $n (local.get 0))) (br $l)) (unreachable)))", TRAPS, TRAP_alloc_failure, 0 },
  { "(module (type $a (array (mut anyref))) (func (export \"go\") (result i32) (local (ref null $a)) (loop $l (local.set 0 (array.new $a (local.get 0) (i32.const 100))) (br $l)) (unreachable)))", TRAPS, TRAP_alloc_failure, 0 },
  // exceptions that are all kept
  { "(module (tag $e (param exnref)) (func (export \"go\") (result i32) (local exnref) (loop $l"
    " (local.set 0 (block $h2 (result exnref) (try_table (catch_all_ref $h2) (throw $e (local.get 0))) (unreachable))) (br $l)) (unreachable)))", TRAPS, TRAP_alloc_failure, 0 },
  // the stack
  { "(module (func $f (export \"go\") (result i32) (call $f)))", TRAPS, TRAP_stack_overflow, 0 },
  { "(module (type $t (func (result i32))) (table funcref (elem $f)) (func $f (export \"go\") (type $t) (i32.add (i32.const 1) (call_indirect (type $t) (i32.const 0)))))", TRAPS, TRAP_stack_overflow, 0 },
  { "(module (func $f (param i64 i64 v128) (result i32) (i32.add (call $f (local.get 1) (local.get 0) (local.get 2)) (i32.const 1)))"
    " (func (export \"go\") (result i32) (call $f (i64.const 1) (i64.const 2) (v128.const i64x2 1 2))))", TRAPS, TRAP_stack_overflow, 0 },
  { "(module (func $f (export \"go\") (result i32) (block $h (result exnref) (try_table (catch_all_ref $h) (drop (call $f))) (unreachable)) (throw_ref)))", TRAPS, TRAP_stack_overflow, 0 },
};

static void demand(Way e, const struct Demand *d)
{
  StoreOptions o = { .max_memory = 4 << 20, .max_table_elements = 40000, .max_gc_heap = 2 << 20 };
  Image *im = image_in(e, d->text);
  if (!im)
    return;
  char err[300] = "";
  TrapKind trap;
  long space, before, after;
  pages(&space, &before);
  Store *s = zw_store_new(&o);
  Instance *in = zw_instance_new(s, im, NULL, 0, &trap, err, sizeof err);
  if (d->end == REFUSED) {
    if (in || !err[0])
      fail_msg("%s: instantiated", d->text);
  } else if (!in) {
    fail_msg("%s: %s", d->text, err);
  }
  for (int i = 0; in && i < 3; i++) { // the limit stays where it is
    Value v[1];
    TrapKind k = call_of(in, "go", v);
    if (k != d->trap || (k == TRAP_none && v[0].u32 != d->result && i == 0))
      fail_msg("%s: %s, %u", d->text, zw_trap_text(k), v[0].u32);
    assert_true(zw_gc_verify(zw_store_gc(s), err, sizeof err));
  }
  pages(&space, &after);
  zw_store_delete(s);
  drop(e, im);
  if ((after - before) * 4 > 40 << 10)
    fail_msg("%s: %ld KiB", d->text, (after - before) * 4);
}

static void every_demand_of_a_guest_has_a_cap(void **state)
{
  (void)state;
  for (Way e = 0; e < WAYS; e++)
    for (size_t i = 0; i < ARRAY_COUNT(demands); i++)
      demand(e, &demands[i]);
  print_message("%zu demands\n", ARRAY_COUNT(demands));
}

// ---- every allocation ----

static const char everything[] =
    "(module (import \"h\" \"f\" (func $host (param i32) (result i32))) (memory (export \"m\") 1 4) (memory $n 0 2) (table $t 3 funcref) (table $x 2 externref)"
    "  (global $g (mut funcref) (ref.func $f)) (global $k i64 (i64.const 5)) (tag (param i32)) (data (i32.const 8) \"abc\") (data $p \"passive\")"
    "  (elem (i32.const 0) $f $h) (elem $e func $f $h $host) (elem externref (ref.null extern))"
    "  (func $f (result i32) (i32.const 1)) (func $h (param i32) (result i32) (call $host (local.get 0)))"
    "  (func (export \"go\") (result i32) (drop (memory.grow (i32.const 1))) (drop (table.grow $t (ref.func $f) (i32.const 4)))"
    "    (table.init $t $e (i32.const 0) (i32.const 0) (i32.const 3)) (memory.init $p (i32.const 0) (i32.const 0) (i32.const 7))"
    "    (i32.add (call_indirect (param i32) (result i32) (i32.const 41) (i32.const 2)) (call_indirect (result i32) (i32.const 0))))"
    "  (func $s (drop (table.size $x))) (start $s))";

static void same(void *env, VmCtx *caller, Value *args) { (void)env, (void)caller, (void)args; }

// 1 = all went well; 0 = something was refused, with a sentence or a trap.
static bool build_and_run(Way e, const uint8_t *bytes, size_t n)
{
  char err[300] = "";
  TrapKind trap = TRAP_none;
  CompileOptions o = { .engine = ENGINE_JIT, .features = zw_features_default(), .cpu_bits = zw_os_cpu_bits(), .threads = 1 };
  Image *im = e == INTERP ? zw_interp_image_new(bytes, n, o.features, err, sizeof err) : zw_compile(bytes, n, &o, err, sizeof err);
  assert_true(im || err[0]);
  Store *s = im ? zw_store_new(NULL) : NULL;
  Extern host = { .kind = EXT_FUNC, .u.func = s ? zw_host_func_new(s, (ValType[]){ VT_I32 }, 1, (ValType[]){ VT_I32 }, 1, same, NULL) : NULL };
  Instance *in = host.u.func ? zw_instance_new(s, im, &host, 1, &trap, err, sizeof err) : NULL;
  assert_true(in || !host.u.func || err[0]);
  Extern x;
  bool ok = in && zw_instance_export(in, "go", 2, &x) && x.u.func;
  if (ok) {
    Value v[1];
    TrapKind k = zw_call(x.u.func, v);
    ok = k == TRAP_none;
    assert_true(ok ? v[0].u32 == 42 : k == TRAP_alloc_failure || k == TRAP_stack_overflow || k == TRAP_table_oob);
  }
  zw_store_delete(s);
  drop(e, im);
  return ok;
}

static void each_allocation_of_compiling_and_instantiating_may_fail(void **state)
{
  (void)state;
  static uint8_t bytes[4096];
  size_t n = bytes_of(everything, bytes, sizeof bytes);
  for (Way e = 0; e < WAYS; e++) {
    assert_true(build_and_run(e, bytes, n));
    uint64_t before = zw_alloc_bytes(), nth = 1;
    for (int fine = 0; fine < 20; nth++) { // a refused memory.grow is fine too; twenty in a row mean the end
      zw_alloc_fail_at(nth);
      fine = build_and_run(e, bytes, n) ? fine + 1 : 0;
      zw_alloc_fail_at(0);
      assert_true(zw_alloc_bytes() == before);
    }
    print_message("%s: %llu allocations failed in turn\n", way_names[e], (unsigned long long)nth - 21);
    assert_true(nth > 40);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_step_of_instantiation_fails_and_leaves_nothing), cmocka_unit_test(too_few_imports_are_a_sentence),
    cmocka_unit_test(memories_tables_and_locals_are_zero_again), cmocka_unit_test(objects_are_zero_again),
    cmocka_unit_test(every_demand_of_a_guest_has_a_cap), cmocka_unit_test(each_allocation_of_compiling_and_instantiating_may_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
