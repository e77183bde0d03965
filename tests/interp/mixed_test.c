// Machine code and the interpreter in one store: each calls the other through imports, tables and references.
#include "help.h"
#include "runtime/abi/compile.h"

static const char lender[] =
    "(module (type $big (func (param i32 i64 f32 f64 i32 i32 i32 i32 i32 i64 f64) (result i64 f64 i32 i32 i32 i32 i32 i32 i32 f32)))"
    "  (func $big (export \"big\") (type $big)"
    "    (i64.add (local.get 1) (local.get 9)) (f64.add (local.get 3) (local.get 10)) (local.get 0) (local.get 4) (local.get 5)"
    "    (local.get 6) (local.get 7) (local.get 8) (i32.const -1) (local.get 2))"
    "  (func $div (export \"div\") (param i32 i32) (result i32) (i32.div_u (local.get 0) (local.get 1)))"
    "  (type $binary (func (param i32 i32) (result i32))) (func (export \"ref\") (result (ref $binary)) (ref.func $div)) (elem declare func $div)"
    "  (table (export \"table\") funcref (elem $div)))";

static const char borrower[] =
    "(module (type $big (func (param i32 i64 f32 f64 i32 i32 i32 i32 i32 i64 f64) (result i64 f64 i32 i32 i32 i32 i32 i32 i32 f32)))"
    "  (type $binary (func (param i32 i32) (result i32)))"
    "  (import \"m\" \"big\" (func $big (type $big))) (import \"m\" \"div\" (func $div (type $binary)))"
    "  (import \"m\" \"ref\" (func $ref (result (ref $binary)))) (import \"m\" \"table\" (table $t 1 funcref))"
    "  (func (export \"big\") (type $big)"
    "    (call $big (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4) (local.get 5) (local.get 6) (local.get 7)"
    "      (local.get 8) (local.get 9) (local.get 10)))"
    "  (func (export \"div\") (param i32 i32) (result i32) (i32.add (i32.const 100) (call $div (local.get 0) (local.get 1))))"
    "  (func (export \"tail\") (param i32 i32) (result i32) (return_call $div (local.get 0) (local.get 1)))"
    "  (func (export \"indirect\") (param i32 i32) (result i32)"
    "    (call_indirect $t (type $binary) (local.get 0) (local.get 1) (i32.const 0)))"
    "  (func (export \"by-ref\") (param i32 i32) (result i32)"
    "    (call_ref $binary (local.get 0) (local.get 1) (call $ref))))";

static Image *image_by(const char *text, Engine engine)
{
  static uint8_t bytes[4096];
  char err[400];
  size_t n = bytes_of(text, bytes, sizeof bytes);
  CompileOptions o = { .engine = engine };
  Image *im = zw_compile(bytes, n, &o, err, sizeof err);
  if (!im)
    fail_msg("%s", err);
  return im;
}

static void calls(Instance *in)
{
  static const char *const ways[] = { "div", "tail", "indirect", "by-ref" };
  for (size_t k = 0; k < ARRAY_COUNT(ways); k++) {
    Value v[2] = { { .u32 = 90 }, { .u32 = 7 } };
    Extern e;
    if (!zw_instance_export(in, ways[k], strlen(ways[k]), &e)) // the one without references
      continue;
    for (int i = 0; i < 3; i++) {
      v[0].u32 = 90, v[1].u32 = 7;
      assert_int_equal(call_of(in, ways[k], v), TRAP_none);
      assert_int_equal(v[0].u32, k == 0 ? 112 : 12);
      v[0].u32 = 1, v[1].u32 = 0;
      assert_int_equal(call_of(in, ways[k], v), TRAP_div_zero);
      const TrapInfo *t = zw_store_trap(in->store);
      assert_int_equal(t->total_frames, k == 1 ? t->total_frames : 2); // a tail call's frame may be gone
      assert_ptr_not_equal(t->frames[0].image, in->image);
    }
  }
}

static void big(Instance *in)
{
  Value v[11] = { { .u32 = 1 }, { .u64 = 2 }, { .f32 = 3.5f }, { .f64 = 4.25 }, { .u32 = 5 }, { .u32 = 6 },
                  { .u32 = 7 }, { .u32 = 8 }, { .u32 = 9 }, { .u64 = 1ull << 40 }, { .f64 = -8 } };
  assert_int_equal(call_of(in, "big", v), TRAP_none);
  assert_true(v[0].u64 == (1ull << 40) + 2 && v[1].f64 == -3.75 && v[9].f32 == 3.5f && v[8].u32 == UINT32_MAX);
  static const uint32_t want[] = { 1, 5, 6, 7, 8, 9 };
  for (int k = 0; k < 6; k++)
    assert_int_equal(v[2 + k].u32, want[k]);
}

static void mixed(Engine below, Engine above)
{
  Store *s = zw_store_new(NULL);
  Image *lends = image_by(lender, below), *borrows = image_by(borrower, above);
  Instance *l = instance_of(s, lends, NULL, 0);
  Extern imports[] = { export_of(l, "big"), export_of(l, "div"), export_of(l, "ref"), export_of(l, "table") };
  Instance *b = instance_of(s, borrows, imports, ARRAY_COUNT(imports));
  calls(b);
  big(b);
  zw_store_delete(s);
  zw_image_free(lends);
  zw_image_free(borrows);
}

static void machine_code_calls_interpreted_functions(void **state)
{
  (void)state;
  mixed(ENGINE_INTERP, ENGINE_JIT);
}
static void the_interpreter_calls_machine_code(void **state)
{
  (void)state;
  mixed(ENGINE_JIT, ENGINE_INTERP);
}
static void and_either_itself(void **state)
{
  (void)state;
  mixed(ENGINE_INTERP, ENGINE_INTERP);
  mixed(ENGINE_JIT, ENGINE_JIT);
}

// ---- tail calls from instance to instance ----

// Each step changes instance, through an import, a table and a reference in turn, with arguments in registers and on the
// stack; what is kept of each instance (memory, global) must be its own afterwards.
static const char ping[] =
    "(module (type $few (func (param i32 i32) (result i32)))"
    "  (type $many (func (param i32 i32 i32 i32 i32 i32 i32 i32 i64 f64 i32) (result i32)))"
    "  (memory (export \"memory\") 1) (global $mine (export \"mine\") (mut i32) (i32.const 0))"
    "  (table $t (export \"t\") 4 funcref) (elem declare func $few $many)"
    "  (func (export \"few\") (type $few) (return_call $few (local.get 0) (local.get 1)))"
    "  (func $few (type $few)"
    "    (global.set $mine (i32.add (global.get $mine) (i32.const 1)))"
    "    (i32.store (i32.const 8) (global.get $mine))"
    "    (if (i32.eqz (local.get 0)) (then (return (i32.load (i32.const 8)))))"
    "    (return_call_indirect $t (type $few) (i32.sub (local.get 0) (i32.const 1)) (local.get 1) (i32.const 1)))"
    "  (func $many (export \"many\") (type $many)"
    "    (global.set $mine (i32.add (global.get $mine) (i32.const 1)))"
    "    (if (i32.eqz (local.get 0)) (then (return (i32.add (local.get 7) (local.get 10)))))"
    "    (return_call_indirect $t (type $few) (i32.sub (local.get 0) (i32.const 1)) (local.get 10) (i32.const 2)))"
    "  (func (export \"trap\") (type $few) (i32.div_u (local.get 0) (local.get 1))))";
static const char pong[] =
    "(module (type $few (func (param i32 i32) (result i32)))"
    "  (type $many (func (param i32 i32 i32 i32 i32 i32 i32 i32 i64 f64 i32) (result i32)))"
    "  (import \"m\" \"few\" (func $few (type $few))) (import \"m\" \"many\" (func $many (type $many)))"
    "  (import \"m\" \"trap\" (func $trap (type $few))) (import \"m\" \"t\" (table $t 4 funcref)) (import \"m\" \"host\" (func $host (type $few)))"
    "  (memory 1) (global $mine (export \"mine\") (mut i32) (i32.const 0))"
    "  (elem (table $t) (i32.const 1) func $back $wide)"
    "  (func $back (type $few)"
    "    (global.set $mine (i32.add (global.get $mine) (i32.const 1)))"
    "    (i32.store (i32.const 8) (i32.const -1))"
    "    (return_call $few (local.get 0) (local.get 1)))"
    "  (func $wide (type $few)"
    "    (global.set $mine (i32.add (global.get $mine) (i32.const 1)))"
    "    (return_call $many (local.get 0) (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5) (i32.const 6) (i32.const 7)"
    "      (i64.const 8) (f64.const 9) (local.get 1)))"
    "  (func (export \"go\") (param $n i32) (result i32)"
    "    (i32.add (i32.const 100) (call $few (local.get $n) (i32.const 5))))"
    "  (func (export \"wide\") (param $n i32) (result i32)"
    "    (i32.add (i32.const 100) (call $wide (local.get $n) (i32.const 5))))"
    "  (func $to_trap (type $few) (return_call $trap (local.get 0) (local.get 1)))"
    "  (func (export \"trap\") (param $n i32) (result i32) (i32.add (call $to_trap (local.get $n) (i32.const 0)) (i32.load (i32.const 8))))"
    "  (func $to_host (type $few) (return_call $host (local.get 0) (local.get 1)))"
    "  (func (export \"host\") (param $n i32) (result i32)"
    "    (i32.store (i32.const 8) (i32.const 3)) (i32.add (call $to_host (local.get $n) (i32.const 1)) (i32.load (i32.const 8)))))";

static void host_add(void *env, VmCtx *caller, Value *args)
{
  assert_ptr_equal(((VmCtx **)env)[0], caller);
  args[0].u32 += args[1].u32;
}

static void bounce(Engine a, Engine b, uint32_t times)
{
  static VmCtx *caller;
  Store *s = zw_store_new(NULL);
  Image *im[2] = { image_by(ping, a), image_by(pong, b) };
  Instance *in = instance_of(s, im[0], NULL, 0);
  ValType i32s[] = { VT_I32, VT_I32 };
  Extern imports[] = { export_of(in, "few"), export_of(in, "many"), export_of(in, "trap"), export_of(in, "t"),
                       host_of(s, i32s, 2, i32s, 1, host_add, &caller) };
  Instance *out = instance_of(s, im[1], imports, ARRAY_COUNT(imports));
  caller = out->vmctx;
  Value v[1] = { { .u32 = times } };
  assert_int_equal(call_of(out, "go", v), TRAP_none);
  assert_int_equal(v[0].u32, 100 + times + 1); // what ping counted in its own memory
  assert_int_equal(export_of(out, "mine").u.global->at->u32, times);
  v[0].u32 = times;
  assert_int_equal(call_of(out, "wide", v), TRAP_none);
  assert_int_equal(v[0].u32, 112);
  assert_int_equal(export_of(out, "mine").u.global->at->u32, 2 * times + 1);
  assert_int_equal(*(uint32_t *)(void *)(in->memories[0]->def.base + 8), times + 1); // nobody wrote there since
  v[0].u32 = 1;
  assert_int_equal(call_of(out, "trap", v), TRAP_div_zero);
  v[0].u32 = 20;
  assert_int_equal(call_of(out, "host", v), TRAP_none);
  assert_int_equal(v[0].u32, 24);
  zw_store_delete(s);
  zw_image_free(im[0]);
  zw_image_free(im[1]);
}

static void ten_million_tail_calls_between_instances_need_no_stack(void **state)
{
  (void)state;
  bounce(ENGINE_JIT, ENGINE_JIT, 10000000);
  bounce(ENGINE_INTERP, ENGINE_INTERP, 100000);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(and_either_itself),
    cmocka_unit_test(the_interpreter_calls_machine_code),
    cmocka_unit_test(machine_code_calls_interpreted_functions),
    cmocka_unit_test(ten_million_tail_calls_between_instances_need_no_stack),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
