// What scripts cannot ask: depth, memory, re-entry, references in every place under zeal, failing allocations.
#include "help.h"

// ---- depth ----

static const char even_odd[] =
    "(module (import \"o\" \"odd\" (func $odd (param i32 i64 f64) (result i32)))"
    "  (func (export \"even\") (param i32 i64 f64) (result i32)"
    "    (if (i32.eqz (local.get 0)) (then (return (i32.const 1))))"
    "    (return_call $odd (i32.sub (local.get 0) (i32.const 1)) (local.get 1) (local.get 2))))";
static const char table_of_even[] =
    "(module (type $t (func (param i32 i64 f64) (result i32)))"
    "  (table (export \"t\") 1 funcref)"
    "  (func (export \"odd\") (param i32 i64 f64) (result i32) (local v128)" // another frame size on purpose
    "    (if (i32.eqz (local.get 0)) (then (return (i32.const 0))))"
    "    (return_call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (local.get 1) (local.get 2) (i32.const 0)))"
    "  (func (export \"set\") (param funcref) (table.set (i32.const 0) (local.get 0))))";

static void tail_calls_across_instances_need_no_stack(void **state)
{
  (void)state;
  Store *s = zw_store_new(NULL);
  Image *odd = image_of(table_of_even), *even = image_of(even_odd);
  Instance *o = instance_of(s, odd, NULL, 0);
  Extern import = export_of(o, "odd");
  Instance *e = instance_of(s, even, &import, 1);
  Value args[3] = { { .ptr = export_of(e, "even").u.func } };
  assert_int_equal(call_of(o, "set", args), TRAP_none);
  for (uint32_t n = 10000000; n < 10000002; n++) {
    Value v[3] = { { .u32 = n }, { .u64 = 7 }, { .f64 = 1.5 } };
    assert_int_equal(call_of(e, "even", v), TRAP_none);
    assert_int_equal(v[0].u32, n % 2 == 0);
  }
  zw_store_delete(s);
  zw_interp_image_free(odd);
  zw_interp_image_free(even);
}

static void recursion_ends_at_the_limit_again_and_again(void **state)
{
  (void)state;
  Image *im = image_of("(module (global $depth (export \"depth\") (mut i32) (i32.const 0))"
                       "  (func $f (export \"f\") (param i64 i64) (global.set $depth (i32.add (global.get $depth) (i32.const 1)))"
                       "    (call $f (local.get 1) (local.get 0)))"
                       "  (func $wide (export \"wide\") (local v128 v128 v128 v128 v128 v128 v128 v128) (call $wide))"
                       "  (func (export \"one\") (result i32) (i32.const 1)))");
  StoreOptions o = { .max_stack = 16384 };
  Store *s = zw_store_new(&o);
  Instance *in = instance_of(s, im, NULL, 0);
  Value v[2] = { { .u64 = 1 }, { .u64 = 2 } };
  uint32_t depth = 0;
  for (int i = 0; i < 1000; i++) {
    export_of(in, "depth").u.global->at->u32 = 0;
    assert_int_equal(call_of(in, "f", v), TRAP_stack_overflow);
    uint32_t d = export_of(in, "depth").u.global->at->u32;
    assert_true(d > 500 && (depth == 0 || d == depth));
    depth = d;
    assert_int_equal(call_of(in, "wide", v), TRAP_stack_overflow);
    assert_int_equal(call_of(in, "one", v), TRAP_none);
  }
  zw_store_delete(s);
  zw_interp_image_free(im);
}

static void an_exception_finds_its_handler_through_many_frames(void **state)
{
  (void)state;
  Image *im = image_of("(module (tag $t (param i32 v128))"
                       "  (func $down (param i32) (if (i32.eqz (local.get 0)) (then (throw $t (i32.const 42) (v128.const i64x2 5 6))))"
                       "    (call $down (i32.sub (local.get 0) (i32.const 1))))"
                       "  (func (export \"f\") (param i32) (result i32 v128)"
                       "    (block $h (result i32 v128) (try_table (catch $t $h) (call $down (local.get 0))) (unreachable))))");
  StoreOptions o = { .max_stack = 8 << 20 };
  Store *s = zw_store_new(&o);
  Instance *in = instance_of(s, im, NULL, 0);
  for (int i = 0; i < 20; i++) {
    Value v[2] = { { .u32 = 200000 } };
    assert_int_equal(call_of(in, "f", v), TRAP_none);
    assert_true(v[0].u32 == 42 && v[1].u64x2[0] == 5 && v[1].u64x2[1] == 6);
  }
  zw_store_delete(s);
  zw_interp_image_free(im);
}

// ---- hosts ----

static void raise_in_host(void *env, VmCtx *caller, Value *args)
{
  (void)env, (void)args;
  zw_raise(caller, TRAP_host, "the host has had enough");
}
static void trap_after_host(void *env, VmCtx *caller, Value *args)
{
  (void)env, (void)args;
  zw_set_trap(caller, TRAP_host, "later");
}
// Calls the guest again; a trap in there is the host's affair.
static void enter_again(void *env, VmCtx *caller, Value *args)
{
  (void)caller;
  FuncRef **again = env;
  Value v[2] = { { .u32 = args[0].u32 } };
  TrapKind k = zw_call(*again, v);
  args[0] = (Value){ .u32 = k == TRAP_none ? v[0].u32 : 1000 + (uint32_t)k };
}

static const char bouncing[] =
    "(module (import \"h\" \"raise\" (func $raise)) (import \"h\" \"pending\" (func $pending)) (import \"h\" \"again\" (func $again (param i32) (result i32)))"
    "  (func (export \"raise\") (param i32) (result i32) (call $raise) (i32.const 1))"
    "  (func (export \"pending\") (param i32) (result i32) (call $pending) (i32.const 1))"
    "  (func $down (export \"down\") (param i32) (result i32) (local i64 i64 i64)"
    "    (if (i32.eqz (local.get 0)) (then (unreachable)))"
    "    (i32.add (i32.const 1) (call $again (i32.sub (local.get 0) (i32.const 1)))))"
    "  (func $up (export \"up\") (param i32) (result i32) (local i64 i64 i64)"
    "    (if (i32.eqz (local.get 0)) (then (return (i32.const 0))))"
    "    (i32.add (i32.const 1) (call $again (i32.sub (local.get 0) (i32.const 1))))))";

static void hosts_may_leave_sideways_and_enter_again(void **state)
{
  (void)state;
  Image *im = image_of(bouncing);
  Store *s = zw_store_new(NULL);
  FuncRef *again = NULL;
  Extern imports[3] = { host_of(s, NULL, 0, NULL, 0, raise_in_host, NULL), host_of(s, NULL, 0, NULL, 0, trap_after_host, NULL),
                        host_of(s, (ValType[]){ VT_I32 }, 1, (ValType[]){ VT_I32 }, 1, enter_again, &again) };
  Instance *in = instance_of(s, im, imports, 3);
  for (int i = 0; i < 20000; i++) { // more than the stack has room for, if anything leaked
    Value v[2] = { { .u32 = 3 } };
    assert_int_equal(call_of(in, "raise", v), TRAP_host);
    assert_string_equal(zw_store_trap(s)->text, "the host has had enough");
    assert_int_equal(call_of(in, "pending", v), TRAP_host);
    assert_string_equal(zw_store_trap(s)->text, "later");
    again = export_of(in, "raise").u.func;
    v[0].u32 = 3;
    assert_int_equal(call_of(in, "up", v), TRAP_none);
    assert_int_equal(v[0].u32, 1 + 1000 + TRAP_host);
  }
  again = export_of(in, "up").u.func;
  Value v[2] = { { .u32 = 100 } };
  assert_int_equal(call_of(in, "up", v), TRAP_none);
  assert_int_equal(v[0].u32, 100);
  v[0].u32 = 1000000; // until the C stack's limit, which the innermost host hears of
  assert_int_equal(call_of(in, "up", v), TRAP_none);
  assert_true(v[0].u32 > 1000 + TRAP_stack_overflow + 100);
  again = export_of(in, "down").u.func;
  v[0].u32 = 50;
  assert_int_equal(call_of(in, "down", v), TRAP_none);
  assert_int_equal(v[0].u32, 50 + 1000 + TRAP_unreachable);
  zw_store_delete(s);
  zw_interp_image_free(im);
}

static void backtraces_name_functions_and_offsets(void **state)
{
  (void)state;
  Image *im = image_of(bouncing);
  Store *s = zw_store_new(NULL);
  FuncRef *again = NULL;
  Extern imports[3] = { host_of(s, NULL, 0, NULL, 0, raise_in_host, NULL), host_of(s, NULL, 0, NULL, 0, trap_after_host, NULL),
                        host_of(s, (ValType[]){ VT_I32 }, 1, (ValType[]){ VT_I32 }, 1, enter_again, &again) };
  Instance *in = instance_of(s, im, imports, 3);
  again = export_of(in, "down").u.func;
  Value v[2] = { { .u32 = 2 } };
  assert_int_equal(call_of(in, "down", v), TRAP_none);
  const TrapInfo *t = zw_store_trap(s); // of the innermost
  assert_int_equal(t->kind, TRAP_unreachable);
  assert_int_equal(t->total_frames, 3);
  assert_int_equal(t->frames[0].func, 5);
  assert_int_equal(t->frames[2].func, 5);
  assert_true(t->frames[1].wasm_at == t->frames[2].wasm_at && t->frames[0].wasm_at < t->frames[1].wasm_at && t->frames[0].wasm_at > 8);
  zw_store_delete(s);
  zw_interp_image_free(im);
}

// ---- references ----

static void collect_in_host(void *env, VmCtx *caller, Value *args)
{
  (void)env, (void)args;
  zw_gc_collect(zw_store_gc(caller->store));
}

// In each function a struct whose field is the argument lies where only the interpreter knows, something else
// allocates or the host collects, and the field is read again.
static const char keepers[] =
    "(module (type $s (struct (field (mut i32)))) (type $a (array (mut anyref)))"
    "  (import \"h\" \"collect\" (func $collect))"
    "  (tag $t (param (ref null $s))) (tag $e)"
    "  (global $g (mut anyref) (ref.null any)) (table $tab 4 anyref)"
    "  (func $new (param i32) (result (ref $s)) (struct.new $s (local.get 0)))"
    "  (func $junk (drop (array.new_default $a (i32.const 3))) (call $collect))"
    "  (func (export \"operand\") (param i32) (result i32) (call $new (local.get 0)) (call $junk) (struct.get $s 0))"
    "  (func (export \"local\") (param i32) (result i32) (local $x (ref null $s))"
    "    (local.set $x (call $new (local.get 0))) (call $junk) (struct.get $s 0 (local.get $x)))"
    "  (func $arg (param (ref $s)) (result i32) (call $junk) (struct.get $s 0 (local.get 0)))"
    "  (func (export \"argument\") (param i32) (result i32) (call $arg (call $new (local.get 0))))"
    "  (func (export \"tail\") (param i32) (result i32) (return_call $arg (call $new (local.get 0))))"
    "  (func (export \"fields\") (param i32) (result i32) (local $x (ref null $a))" // operands of an allocation
    "    (local.set $x (array.new_fixed $a 3 (call $new (local.get 0)) (ref.i31 (i32.const 1)) (call $new (i32.const 9)))) (call $junk)"
    "    (struct.get $s 0 (ref.cast (ref $s) (array.get $a (local.get $x) (i32.const 0)))))"
    "  (func (export \"global\") (param i32) (result i32) (global.set $g (call $new (local.get 0))) (call $junk)"
    "    (struct.get $s 0 (ref.cast (ref $s) (global.get $g))))"
    "  (func (export \"table\") (param i32) (result i32) (table.set $tab (i32.const 2) (call $new (local.get 0))) (call $junk)"
    "    (struct.get $s 0 (ref.cast (ref $s) (table.get $tab (i32.const 2)))))"
    "  (func (export \"payload\") (param i32) (result i32)"
    "    (block $h (result (ref null $s) exnref) (try_table (catch_ref $t $h) (throw $t (call $new (local.get 0)))) (unreachable))"
    "    (call $junk) (drop) (struct.get $s 0))"
    "  (func $rethrown (param i32)"
    "    (block $h (result exnref) (try_table (catch_all_ref $h) (throw $t (call $new (local.get 0)))) (unreachable))"
    "    (call $junk) (throw_ref))"
    "  (func (export \"exception\") (param i32) (result i32)"
    "    (block $h (result (ref null $s)) (try_table (catch $t $h) (call $rethrown (local.get 0))) (unreachable))"
    "    (call $junk) (struct.get $s 0))"
    "  (func (export \"block\") (param i32) (result i32) (local $n i32)" // a reference carried around a loop
    "    (call $new (local.get 0))"
    "    (loop $l (param (ref $s)) (result (ref $s)) (call $junk) (local.tee $n (i32.add (local.get $n) (i32.const 1)))"
    "      (br_if $l (i32.lt_u (i32.const 3)))) (struct.get $s 0))"
    "  (func (export \"deep\") (param i32) (result i32) (local $x (ref null $s))"
    "    (local.set $x (call $new (local.get 0)))"
    "    (if (result i32) (i32.eqz (local.get 0)) (then (call $junk) (i32.const 0))"
    "      (else (i32.add (i32.const 1) (i32.add (i32.mul (i32.const 0) (struct.get $s 0 (local.get $x)))"
    "        (call $deep2 (i32.sub (local.get 0) (i32.const 1)) (local.get $x)))))))"
    "  (func $deep2 (param i32 anyref) (result i32) (local $x (ref null $s))"
    "    (call $junk) (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 0))"
    "      (else (i32.add (i32.const 1) (call $deep2 (i32.sub (local.get 0) (i32.const 1)) (call $new (local.get 0))))))))";
static const char legacy_keeper[] =
    "(module (type $s (struct (field (mut i32)))) (import \"h\" \"collect\" (func $collect)) (tag $t (param (ref null $s)))"
    "  (func $f (param i32) (try (do (throw $t (struct.new $s (local.get 0))))"
    "     (catch $t (drop) (drop (struct.new $s (i32.const 1))) (call $collect)"
    "       (try (do (throw $t (struct.new $s (i32.const 77)))) (catch $t (drop) (call $collect) (rethrow 1)))))) "
    "  (func (export \"held\") (param i32) (result i32) (try (result i32) (do (call $f (local.get 0)) (i32.const 0))"
    "     (catch $t (call $collect) (struct.get $s 0)))))";

static void references_survive_wherever_they_lie(void **state)
{
  (void)state;
  static const char *const names[] = { "operand", "local", "argument", "tail", "fields", "global", "table", "payload", "exception", "block", "deep" };
  for (int zeal = 0; zeal < 2; zeal++) {
    Image *im = image_of(keepers), *old = image_of(legacy_keeper);
    Store *s = zw_store_new(NULL);
    zw_gc_set_zeal(zw_store_gc(s), zeal);
    Extern collect = host_of(s, NULL, 0, NULL, 0, collect_in_host, NULL);
    Instance *in = instance_of(s, im, &collect, 1), *legacy = instance_of(s, old, &collect, 1);
    for (uint32_t n = 0; n < ARRAY_COUNT(names); n++)
      for (uint32_t i = 0; i < 20; i++) {
        Value v[1] = { { .u32 = i } };
        assert_int_equal(call_of(in, names[n], v), TRAP_none);
        if (v[0].u32 != i)
          fail_msg("%s(%u) = %u", names[n], i, v[0].u32);
      }
    for (uint32_t i = 0; i < 20; i++) {
      Value v[1] = { { .u32 = i } };
      assert_int_equal(call_of(legacy, "held", v), TRAP_none);
      assert_int_equal(v[0].u32, i);
    }
    char err[160];
    assert_true(zw_gc_verify(zw_store_gc(s), err, sizeof err));
    zw_store_delete(s);
    zw_interp_image_free(im);
    zw_interp_image_free(old);
  }
}

static void ten_million_objects_fit_a_small_heap(void **state)
{
  (void)state;
  Image *im = image_of("(module (type $n (struct (field (mut (ref null $n))) (field i64)))"
                       "  (global $keep (mut (ref null $n)) (ref.null $n))"
                       "  (func (export \"churn\") (param $n i32) (result i32) (local $i i32)"
                       "    (loop $l (local.set $i (i32.add (local.get $i) (i32.const 1)))"
                       "      (if (i32.eqz (i32.and (local.get $i) (i32.const 1023))) (then (global.set $keep (ref.null $n))))"
                       "      (global.set $keep (struct.new $n (global.get $keep) (i64.extend_i32_u (local.get $i))))"
                       "      (br_if $l (i32.lt_u (local.get $i) (local.get $n)))) (local.get $i))"
                       "  (func (export \"fill\") (result i32) (local $i i32)"
                       "    (loop $l (global.set $keep (struct.new $n (global.get $keep) (i64.const 1))) (br $l)) (unreachable)))");
  StoreOptions o = { .max_gc_heap = 8 << 20 };
  Store *s = zw_store_new(&o);
  Instance *in = instance_of(s, im, NULL, 0);
  Value v[1] = { { .u32 = 10000000 } };
  assert_int_equal(call_of(in, "churn", v), TRAP_none);
  GcStats st = zw_gc_stats(zw_store_gc(s));
  assert_true(st.allocated_objects == 10000000 && st.collections >= 40 && st.heap_bytes <= 8 << 20);
  assert_int_equal(call_of(in, "fill", v), TRAP_alloc_failure);
  char err[160];
  assert_true(zw_gc_verify(zw_store_gc(s), err, sizeof err));
  v[0].u32 = 1024; // drops what fills the heap
  assert_int_equal(call_of(in, "churn", v), TRAP_alloc_failure); // 1023 more do not fit before it does
  zw_store_delete(s);
  zw_interp_image_free(im);
}

// ---- failing allocations ----

static const char everything[] =
    "(module (type $s (struct (field (mut i32)))) (rec (type $r (sub (struct (field (ref null $r))))))"
    "  (memory (export \"m\") 1 4) (table $t 3 funcref) (table $x 2 externref) (global $g (mut anyref) (struct.new $s (i32.const 5)))"
    "  (tag $e (param i32)) (data (i32.const 8) \"abc\") (elem (i32.const 0) $f $g) (elem anyref (item (ref.i31 (i32.const 1))) (item (struct.new $s (i32.const 2))))"
    "  (func $f (result i32) (i32.const 1)) (func $g (param i32) (result i32) (local.get 0))"
    "  (func (export \"go\") (result i32)"
    "    (drop (memory.grow (i32.const 1))) (drop (table.grow $t (ref.func $f) (i32.const 4)))"
    "    (block $h (result i32) (try_table (catch $e $h) (throw $e (struct.get $s 0 (struct.new $s (i32.const 3))))) (unreachable))))";

// 1 = all went well; 0 = something was refused, and said so.
static int build_and_run(void)
{
  char err[300];
  TrapKind trap;
  static uint8_t bytes[4096];
  static size_t len;
  if (!len) // once, with all the memory there is
    len = bytes_of(everything, bytes, sizeof bytes);
  Image *im = zw_interp_image_new(bytes, len, zw_features_default(), err, sizeof err);
  Store *s = im ? zw_store_new(NULL) : NULL;
  Instance *in = s ? zw_instance_new(s, im, NULL, 0, &trap, err, sizeof err) : NULL;
  int ok = 0;
  if (in) {
    Extern e;
    Value v[1];
    if (zw_instance_export(in, "go", 2, &e) && e.u.func) {
      TrapKind k = zw_call(e.u.func, v);
      ok = k == TRAP_none;
      assert_true(ok ? v[0].u32 == 3 : k == TRAP_alloc_failure || k == TRAP_stack_overflow);
    }
  }
  zw_store_delete(s);
  zw_interp_image_free(im);
  return ok;
}

static void every_allocation_may_fail(void **state)
{
  (void)state;
  assert_int_equal(build_and_run(), 1);
  uint64_t before = zw_alloc_bytes(), n = 1;
  for (int fine = 0; fine < 40; n++) { // a refused memory.grow is fine too; forty in a row mean the end
    zw_alloc_fail_at(n);
    fine = build_and_run() ? fine + 1 : 0;
    zw_alloc_fail_at(0);
    assert_true(zw_alloc_bytes() <= before);
    assert_int_equal(build_and_run(), 1);
  }
  print_message("%llu allocations failed in turn\n", (unsigned long long)n);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(tail_calls_across_instances_need_no_stack), cmocka_unit_test(recursion_ends_at_the_limit_again_and_again),
    cmocka_unit_test(an_exception_finds_its_handler_through_many_frames), cmocka_unit_test(hosts_may_leave_sideways_and_enter_again),
    cmocka_unit_test(backtraces_name_functions_and_offsets), cmocka_unit_test(references_survive_wherever_they_lie),
    cmocka_unit_test(ten_million_objects_fit_a_small_heap), cmocka_unit_test(every_allocation_may_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
