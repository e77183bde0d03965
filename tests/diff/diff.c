#define _GNU_SOURCE
// Generated modules through our lanes: each lane writes the same lines per module (results, trap kinds, hashes of
// memories, values of globals), and the lanes' lines have to be equal.
//
//   difftest gen FIRST COUNT [FEATURES]   modules as { u32 length, bytes } on standard output, for v8.mjs
//   difftest run FIRST COUNT [FEATURES]   the interpreter's lines on standard output
//   difftest jit FIRST COUNT [FEATURES]   machine code's; a module with a feature it lacks says so
//   difftest both FIRST COUNT [FEATURES]  the two compared; prints what differs and a count, fails when something does
#include "compiler/interp/interp.h"
#include "gen.h"
#include "runtime/abi/compile.h"
#include "runtime/base/alloc.h"
#include "runtime/os/os.h"
#include "runtime/gc/gc.h"
#include "runtime/type/type.h"
#include <stdio.h>
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

static void run_module(FILE *out, const Image *im, uint32_t nexports)
{
  char err[256];
  TrapKind trap;
  Store *s = zw_store_new(NULL);
  Instance *in = zw_instance_new(s, im, NULL, 0, &trap, err, sizeof err);
  if (!in)
    fprintf(out, "instantiation: %s %s\n", kind_name(trap), err);
  for (uint32_t i = 0; in && i < nexports; i++) {
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

// The lines of one module in one lane; own: free.
static char *lines(const GenModule *g, bool jit)
{
  char err[512], *text;
  size_t n;
  FILE *out = open_memstream(&text, &n);
  CompileOptions o = { .engine = ENGINE_JIT, .features = zw_features_default(), .cpu_bits = zw_os_cpu_bits(), .threads = 1 };
  Image *im = jit ? zw_compile(g->bytes, g->len, &o, err, sizeof err) : zw_interp_image_new(g->bytes, g->len, o.features, err, sizeof err);
  if (im)
    run_module(out, im, g->nexports);
  else
    fprintf(out, "%s: %s\n\n", strstr(err, "not in compiled code yet") ? "lacking" : "invalid", err);
  fclose(out);
  jit ? zw_image_free(im) : zw_interp_image_free(im);
  return text;
}

static int compare(uint64_t first, uint64_t count, uint32_t allowed, Arena *a)
{
  uint64_t same = 0, lacking = 0, different = 0;
  for (uint64_t seed = first; seed < first + count; seed++) {
    GenModule g = gen_module(seed, allowed, 0, a);
    char *jit = lines(&g, true);
    if (strncmp(jit, "lacking", 7) == 0) {
      lacking++;
    } else {
      char *interp = lines(&g, false);
      bool equal = strcmp(jit, interp) == 0;
      same += equal, different += !equal;
      if (!equal && different <= 10)
        printf("seed %llu\n-- interp\n%s-- jit\n%s", (unsigned long long)seed, interp, jit);
      free(interp);
    }
    free(jit);
    zw_arena_reset(a);
  }
  printf("difftest: %llu modules = %llu equal + %llu different + %llu with features that machine code lacks\n", (unsigned long long)count,
         (unsigned long long)same, (unsigned long long)different, (unsigned long long)lacking);
  return different || !same;
}

int main(int argc, char **argv)
{
  uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 0) : 0, count = argc > 3 ? strtoull(argv[3], NULL, 0) : 1;
  uint32_t allowed = argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 0) : UINT32_MAX;
  bool gen = argc > 1 && strcmp(argv[1], "gen") == 0, jit = argc > 1 && strcmp(argv[1], "jit") == 0;
  bool both = argc > 1 && strcmp(argv[1], "both") == 0;
  if (argc < 4 || (!gen && !jit && !both && strcmp(argv[1], "run") != 0)) {
    fprintf(stderr, "usage: difftest gen|run|jit|both FIRST COUNT [FEATURES]\n");
    return 2;
  }
  if (getenv("ZW_GC_ZEAL"))
    zw_gc_set_zeal_default(true);
  Arena a;
  zw_arena_init(&a, NULL, NULL);
  if (both) {
    int code = compare(first, count, allowed, &a);
    zw_arena_free(&a);
    return code;
  }
  for (uint64_t seed = first; seed < first + count; seed++) {
    GenModule g = gen_module(seed, allowed, 0, &a);
    uint32_t len = (uint32_t)g.len;
    if (gen) {
      fwrite(&len, 4, 1, stdout);
      fwrite(g.bytes, 1, g.len, stdout);
    } else {
      char *text = lines(&g, jit);
      fputs(text, stdout);
      free(text);
    }
    zw_arena_reset(&a);
  }
  zw_arena_free(&a);
  return 0;
}
