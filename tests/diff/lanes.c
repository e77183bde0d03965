#define _GNU_SOURCE
// See lanes.h.
#include "lanes.h"
#include "compiler/driver/compile.h"
#include "compiler/driver/options.h"
#include "compiler/interp/interp.h"
#include "reduce.h"
#include "runtime/abi/compile.h"
#include "runtime/os/os.h"
#include "runtime/type/type.h"
#include <stdlib.h>
#include <string.h>

uint64_t zw_features_default(void);

static const char *kind_name(TrapKind k)
{
  switch (k) {
  case TRAP_unreachable: return "unreachable";
  case TRAP_oob: return "oob";
  case TRAP_unaligned_atomic: return "unaligned";
  case TRAP_div_zero: return "div_zero";
  case TRAP_int_overflow: case TRAP_bad_conversion: return "overflow"; // V8 has one for both truncations
  case TRAP_table_oob: case TRAP_undefined_element: return "table";
  case TRAP_indirect_type: case TRAP_uninitialized: return "indirect";
  case TRAP_null_func: case TRAP_null_ref: case TRAP_null_struct: case TRAP_null_array: case TRAP_null_i31: case TRAP_null_exn: return "null";
  case TRAP_cast_failure: return "cast";
  case TRAP_array_oob: return "array";
  case TRAP_alloc_failure: return "alloc";
  case TRAP_stack_overflow: return "stack";
  case TRAP_uncaught_exception: return "exception";
  default: return "other";
  }
}

// JavaScript has only one NaN.
static uint32_t canon32(const Value *v) { return v->f32 != v->f32 ? 0x7fc00000 : v->u32; }
static uint64_t canon64(double d)
{
  Value v = { .f64 = d };
  return d != d ? 0x7ff8000000000000 : v.u64;
}
static void print_value(FILE *out, ValType t, const Value *v)
{
  switch (t) {
  case VT_I32: fprintf(out, " i32:%x", v->u32); return;
  case VT_I64: fprintf(out, " i64:%llx", (unsigned long long)v->u64); return;
  case VT_F32: fprintf(out, " f32:%x", canon32(v)); return;
  case VT_F64: fprintf(out, " f64:%llx", (unsigned long long)canon64(v->f64)); return;
  }
}

static uint32_t hash(const uint8_t *p, uint64_t n)
{
  uint32_t h = 0x811c9dc5, w;
  for (uint64_t i = 0; i + 4 <= n; i += 4) {
    memcpy(&w, p + i, 4);
    h = (h ^ w) * 0x01000193u;
  }
  return h;
}

static void print_state(FILE *out, Instance *in)
{
  for (uint32_t i = 0; i < IMAGE_COUNT(in->image, IMG_EXPORTS); i++) {
    Extern e;
    zw_instance_export_at(in, i, &e);
    const char *name = zw_image_str(in->image, IMAGE_ARRAY(in->image, ImageExport, IMG_EXPORTS)[i].name);
    if (e.kind == EXT_MEMORY)
      fprintf(out, "%s: %llu %x\n", name, (unsigned long long)e.u.memory->def.bytes, hash(e.u.memory->def.base, e.u.memory->def.bytes));
    if (e.kind == EXT_GLOBAL) {
      const Value *v = e.u.global->at;
      ValType t = e.u.global->type; // as JavaScript sees it: a number, or a BigInt for an i64
      uint64_t bits = t == VT_I64 ? v->u64 : canon64(t == VT_I32 ? v->i32 : t == VT_F32 ? (double)v->f32 : v->f64);
      fprintf(out, "%s: %llx\n", name, (unsigned long long)bits);
    }
  }
}

static void run_module(FILE *out, const Image *im)
{
  char err[256];
  TrapKind trap;
  Store *s = zw_store_new(NULL);
  Instance *in = zw_instance_new(s, im, NULL, 0, &trap, err, sizeof err);
  if (!in)
    fprintf(out, "instantiation: %s %s\n", kind_name(trap), err);
  for (uint32_t i = 0; in; i++) {
    char name[16];
    Extern e;
    Value args[8];
    int n = snprintf(name, sizeof name, "f%u", i);
    if (!zw_instance_export(in, name, (size_t)n, &e))
      break;
    const TypeInfo *t = zw_type_info(e.u.func->type_id);
    TrapKind k = zw_call(e.u.func, args);
    fprintf(out, "%s:", name);
    if (k != TRAP_none)
      fprintf(out, " trap %s", kind_name(k));
    for (uint32_t r = 0; r < t->m && k == TRAP_none; r++)
      print_value(out, t->types[t->n + r], &args[r]);
    fputc('\n', out);
  }
  if (in)
    print_state(out, in);
  fputc('\n', out);
  zw_store_delete(s);
}

// ---- lanes ----

static Image *load(const uint8_t *bytes, size_t len, DiffLane lane, char *err, size_t err_bytes)
{
  CompileOptions o = { .engine = ENGINE_JIT, .features = zw_features_default(), .cpu_bits = zw_os_cpu_bits(), .threads = 1 };
  switch (lane) {
  case LANE_INTERP: return zw_interp_image_new(bytes, len, o.features, err, err_bytes);
  case LANE_JIT_CHECK: o.image_flags = IMAGE_CHECKED; return zw_compile(bytes, len, &o, err, err_bytes);
  case LANE_JIT: return zw_compile(bytes, len, &o, err, err_bytes);
  case LANE_JIT_LAZY: o.lazy = true; return zw_compile(bytes, len, &o, err, err_bytes);
  case LANE_CWASM: return zw_compile_by_cwasm(bytes, len, zw_settings(true).features, err, err_bytes);
  case LANE_COUNT: break;
  }
  return NULL;
}

const char *const diff_lane_names[LANE_COUNT] = { "interp", "jit", "jit-check", "jit-lazy", "cwasm" };

char *diff_lines(const uint8_t *bytes, size_t len, DiffLane lane)
{
  char err[512], *text;
  size_t n;
  FILE *out = open_memstream(&text, &n);
  Image *im = load(bytes, len, lane, err, sizeof err);
  if (im)
    run_module(out, im);
  else
    fprintf(out, "invalid: %s\n\n", err);
  fclose(out);
  (lane == LANE_INTERP ? zw_interp_image_free : zw_image_free)(im);
  return text;
}

// ---- scripts ----

static void print_const(FILE *out, ValType t, const Value *v)
{
  switch (t) {
  case VT_I32: fprintf(out, " (i32.const %d)", v->i32); return;
  case VT_I64: fprintf(out, " (i64.const %lld)", (long long)v->i64); return;
  case VT_F32:
    if (v->f32 != v->f32)
      fprintf(out, " (f32.const %snan:0x%x)", v->u32 >> 31 ? "-" : "", v->u32 & 0x7fffff);
    else
      fprintf(out, " (f32.const %a)", (double)v->f32);
    return;
  case VT_F64:
    if (v->f64 != v->f64)
      fprintf(out, " (f64.const %snan:0x%llx)", v->u64 >> 63 ? "-" : "", (unsigned long long)(v->u64 & 0xfffffffffffff));
    else
      fprintf(out, " (f64.const %a)", v->f64);
    return;
  }
  fputs(" (ref.null)", out); // no such results
}

static void print_claim(FILE *out, const char *name, FuncRef *f)
{
  Value args[8];
  const TypeInfo *t = zw_type_info(f->type_id);
  TrapKind k = zw_call(f, args);
  if (k == TRAP_uncaught_exception) {
    fprintf(out, "(assert_exception (invoke \"%s\"))\n", name);
  } else if (k != TRAP_none) {
    fprintf(out, "(%s (invoke \"%s\") \"%s\")\n", k == TRAP_stack_overflow ? "assert_exhaustion" : "assert_trap", name, zw_trap_text(k));
  } else {
    fprintf(out, "(assert_return (invoke \"%s\")", name);
    for (uint32_t r = 0; r < t->m; r++)
      print_const(out, t->types[t->n + r], &args[r]);
    fputs(")\n", out);
  }
}

// A module that computes the hash of the memory, for scripts have no other way to look at one.
static void print_memory_claim(FILE *out, const char *name, const Memory *m)
{
  const char *t = m->is64 ? "i64" : "i32", *shared = m->shared ? " 65536 shared" : "";
  fprintf(out, "(module (import \"it\" \"%s\" (memory %s 0%s)) (func (export \"hash\") (result i32) (local $i %s) (local $h i32)\n"
               "  (local.set $h (i32.const 0x811c9dc5))\n"
               "  (block $done (loop $next (br_if $done (%s.ge_u (local.get $i) (%s.mul (memory.size) (%s.const 65536))))\n"
               "    (local.set $h (i32.mul (i32.xor (local.get $h) (i32.load (local.get $i))) (i32.const 0x01000193)))\n"
               "    (local.set $i (%s.add (local.get $i) (%s.const 4))) (br $next)))\n"
               "  (local.get $h)))\n(assert_return (invoke \"hash\") (i32.const 0x%x))\n",
          name, m->is64 ? "i64" : "", shared, t, t, t, t, t, t, hash(m->def.base, m->def.bytes));
}

static void print_claims(FILE *out, Instance *in)
{
  const Image *im = in->image;
  const ImageExport *x = IMAGE_ARRAY(im, ImageExport, IMG_EXPORTS);
  uint32_t n = IMAGE_COUNT(im, IMG_EXPORTS);
  Extern e;
  for (uint32_t i = 0; i < n; i++) { // functions come first
    zw_instance_export_at(in, i, &e);
    if (e.kind == EXT_FUNC)
      print_claim(out, zw_image_str(im, x[i].name), e.u.func);
  }
  for (uint32_t i = 0; i < n; i++) {
    zw_instance_export_at(in, i, &e);
    if (e.kind != EXT_GLOBAL)
      continue;
    fprintf(out, "(assert_return (get \"%s\")", zw_image_str(im, x[i].name));
    print_const(out, e.u.global->type, e.u.global->at);
    fputs(")\n", out);
  }
  bool registered = false;
  for (uint32_t i = 0; i < n; i++) {
    zw_instance_export_at(in, i, &e);
    if (e.kind == EXT_MEMORY && !registered)
      fputs("(register \"it\")\n", out), registered = true;
    if (e.kind == EXT_MEMORY)
      print_memory_claim(out, zw_image_str(im, x[i].name), e.u.memory);
  }
}

static void print_binary(FILE *out, const uint8_t *bytes, size_t len)
{
  fputs("(module binary \"", out);
  for (size_t i = 0; i < len; i++)
    fprintf(out, "\\%02x", bytes[i]);
  fputs("\")\n", out);
}

void diff_script(FILE *out, const uint8_t *bytes, size_t len, bool binary)
{
  char err[300];
  TrapKind trap = TRAP_none;
  Image *im = load(bytes, len, LANE_INTERP, err, sizeof err);
  Store *s = zw_store_new(NULL);
  Instance *in = im ? zw_instance_new(s, im, NULL, 0, &trap, err, sizeof err) : NULL;
  if (!in)
    fputs("(assert_trap ", out);
  if (binary)
    print_binary(out, bytes, len);
  else
    print_module(out, bytes, len);
  if (in)
    print_claims(out, in);
  else
    fprintf(out, " \"%s\")\n", zw_trap_text(trap));
  zw_store_delete(s);
  zw_interp_image_free(im);
}
