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

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(and_either_itself),
    cmocka_unit_test(the_interpreter_calls_machine_code),
    cmocka_unit_test(machine_code_calls_interpreted_functions),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
