// The sinks with machine code written by hand: the same image by the JIT and through a .cwasm file, every damage to
// such a file refused, and an object that a C program links and calls.
#include "compiler/sink/sink.h"
#include "compiler/wasm/wat.h"
#include "runtime/abi/compile.h"
#include "runtime/abi/cwasm.h"
#include "runtime/base/alloc.h"
#include "runtime/base/bits.h"
#include "runtime/vm/vm.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char text[] =
    "(module $hand (memory (export \"memory\") 1) (data (i32.const 8) \"\\2a\\00\\00\\00\")"
    "  (func $add (export \"add\") (param $a i32) (param $b i32) (result i32) (i32.add (local.get 0) (local.get 1)))"
    "  (func $load (export \"load\") (param $at i32) (result i32) (i32.load (local.get 0)))"
    "  (func $boom (export \"boom\") (unreachable)))";

typedef struct Rig { Ctx ctx; Module *m; Blob *b; FuncCode code[3]; } Rig;

// Arguments in rdi, rsi; result in rax; the memory's base in r14 (runtime/abi/vmctx.h).
static const uint8_t add_code[] = { 0x8d, 0x04, 0x37, 0xc3 };                   // lea eax, [rdi + rsi]; ret
static const uint8_t load_code[] = { 0x41, 0x8b, 0x04, 0x3e, 0xc3 };            // mov eax, [r14 + rdi]; ret
static const uint8_t load_sites[] = { 0, SITE_FAULT | TRAP_oob, 0x11 };         // pc 0, the trap, wasm offset 17
static const uint8_t boom_code[] = { 0x50, 0xe8, 0, 0, 0, 0 };                  // push rax; call the trap thunk
static const uint8_t boom_sites[] = { 6, TRAP_unreachable, 0x11 };
static const Fixup boom_fixup = { .at = 2, .kind = FX_CALL, .target = FX_THUNK(THUNK_TRAP, TRAP_unreachable) };

static void build(Ctx *ctx, void *arg)
{
  Rig *r = arg;
  WatModule w;
  zw_wat_assemble(ctx, (Str){ text, strlen(text) }, &w);
  r->m = zw_decode_module(ctx, w.bytes, w.len, zw_features_default());
  zw_check_module(r->m);
  zw_number_funcrefs(r->m);
  r->code[0] = (FuncCode){ .func = 0, .bytes = add_code, .nbytes = 4, .code_bytes = 4, .align = 16 };
  r->code[1] = (FuncCode){ .func = 1, .bytes = load_code, .nbytes = 5, .code_bytes = 5, .align = 16, .sites = load_sites, .sites_bytes = 3, .nsites = 1 };
  r->code[2] = (FuncCode){ .func = 2, .bytes = boom_code, .nbytes = 6, .code_bytes = 6, .align = 16, .frame_bytes = 8, .prologue_bytes = 1,
                           .sites = boom_sites, .sites_bytes = 3, .nsites = 1, .fixups = &boom_fixup, .nfixups = 1 };
  const PackedCode *codes[ARRAY_COUNT(r->code)];
  for (size_t k = 0; k < ARRAY_COUNT(r->code); k++)
    codes[k] = zw_code_pack(&r->code[k], &ctx->module);
  CodeOptions o = { .image_flags = IMAGE_GUARD, .cpu_bits = CPU_X86_64_V2, .guard_bytes = 64 << 10 };
  r->b = zw_blob_build(r->m, &zw_x64_target, &o, codes, &ctx->module);
}

static Rig *rig_new(void)
{
  Rig *r = calloc(1, sizeof *r);
  zw_ctx_init(&r->ctx);
  if (!zw_guard(&r->ctx, build, r))
    fail_msg("%s", r->ctx.diag.text);
  return r;
}
static void rig_free(Rig *r)
{
  zw_ctx_free(&r->ctx);
  free(r);
}

static void run_image(const Image *im)
{
  StoreOptions so = { 0 };
  TrapKind trap;
  char err[200] = "";
  Store *s = zw_store_new(&so);
  Instance *in = zw_instance_new(s, im, NULL, 0, &trap, err, sizeof err);
  if (!in)
    fail_msg("%s", err);
  Extern e;
  Value v[2] = { { .i32 = 40 }, { .i32 = 2 } };
  assert_true(zw_instance_export(in, "add", 3, &e));
  assert_int_equal(zw_call(e.u.func, v), TRAP_none);
  assert_int_equal(v[0].i32, 42);
  assert_true(zw_instance_export(in, "load", 4, &e));
  v[0] = (Value){ .i32 = 8 };
  assert_int_equal(zw_call(e.u.func, v), TRAP_none);
  assert_int_equal(v[0].i32, 42);
  v[0] = (Value){ .u64 = 0xfffffffe };
  assert_int_equal(zw_call(e.u.func, v), TRAP_oob);
  assert_true(zw_instance_export(in, "boom", 4, &e));
  assert_int_equal(zw_call(e.u.func, v), TRAP_unreachable);
  char trace[400];
  zw_trap_format(zw_store_trap(s), trace, sizeof trace);
  assert_non_null(strstr(trace, "unreachable"));
  assert_non_null(strstr(trace, "boom"));
  zw_store_delete(s);
}

static void meta_passes_the_checks_for_untrusted_images(void **state)
{
  (void)state;
  Rig *r = rig_new();
  char err[200] = "";
  MetaImage meta = zw_meta_build(r->m, r->b, r->b->image_flags, &r->ctx.module);
  Image im;
  if (!zw_image_open(&im, meta.meta, meta.meta_bytes, r->b->text, r->b->text_bytes, zw_meta_joined(r->m, &meta, &r->ctx.module), meta.data_bytes, true, err, sizeof err))
    fail_msg("%s", err);
  assert_string_equal(zw_image_str(&im, im.h->name), "hand");
  MetaImage bare = zw_meta_build(r->m, NULL, IMAGE_CHECKED, &r->ctx.module); // as for the interpreter
  if (!zw_image_open(&im, bare.meta, bare.meta_bytes, NULL, 0, zw_meta_joined(r->m, &bare, &r->ctx.module), bare.data_bytes, true, err, sizeof err))
    fail_msg("%s", err);
  rig_free(r);
}

// In one test: cmocka puts its own SIGSEGV handler over ours between tests.
static void the_jit_and_a_cwasm_file_run_it(void **state)
{
  (void)state;
  Rig *r = rig_new();
  char err[200] = "";
  Image *jit = zw_sink_jit(r->m, r->b, err, sizeof err);
  if (!jit)
    fail_msg("%s", err);
  OutBytes file = zw_sink_cwasm(r->m, r->b, &r->ctx.module), again = zw_sink_cwasm(r->m, r->b, &r->ctx.module);
  assert_int_equal(file.n, again.n);
  assert_memory_equal(file.p, again.p, file.n);
  Image *loaded = zw_cwasm_load(file.p, file.n, err, sizeof err);
  if (!loaded)
    fail_msg("%s", err);
  rig_free(r); // images stand on their own
  run_image(jit);
  run_image(loaded);
  zw_image_free(jit);
  zw_image_free(loaded);
}

static void want_refused(const uint8_t *p, size_t n, const char *sentence)
{
  char err[300] = "";
  assert_null(zw_cwasm_load(p, n, err, sizeof err));
  if (sentence)
    assert_string_equal(err, sentence);
  assert_true(err[0] != 0);
}

static void every_truncation_and_every_changed_byte_is_refused(void **state)
{
  (void)state;
  Rig *r = rig_new();
  OutBytes file = zw_sink_cwasm(r->m, r->b, &r->ctx.module);
  for (size_t n = 0; n < file.n; n += n < 200 || n % 4096 == 0 ? 1 : 61)
    want_refused(file.p, n, NULL);
  for (size_t k = 0; k < file.n; k += k < 400 ? 1 : 37) {
    file.p[k] ^= 0x10;
    want_refused(file.p, file.n, NULL);
    file.p[k] ^= 0x10;
  }
  rig_free(r);
}

// Executable mappings of this process.
static int mapped_code(void)
{
  FILE *f = fopen("/proc/self/maps", "r");
  assert_non_null(f);
  char line[600];
  int n = 0;
  while (fgets(line, sizeof line, f))
    n += strstr(line, "r-x") != NULL || strstr(line, "rwx") != NULL;
  fclose(f);
  return n;
}

// With the checksum made right again the structure has to stand by itself.
static void damage_behind_a_good_checksum_never_gets_out_of_bounds(void **state)
{
  (void)state;
  Rig *r = rig_new();
  OutBytes file = zw_sink_cwasm(r->m, r->b, &r->ctx.module);
  CwasmHeader *h = (CwasmHeader *)(void *)file.p;
  uint8_t *copy = malloc(file.n);
  char err[300];
  uint64_t end_of_meta = h->section[0].off + h->section[0].bytes, x = 88172645463325252u, bytes = zw_alloc_bytes(), most = 0;
  int opened = 0, maps = mapped_code();
  for (int round = 0; round < 20000; round++) {
    memcpy(copy, file.p, file.n);
    for (int k = 0; k < 1 + round % 3; k++) {
      x ^= x << 13, x ^= x >> 7, x ^= x << 17;
      copy[offsetof(CwasmHeader, format) + x % (end_of_meta - offsetof(CwasmHeader, format))] = (uint8_t)(x >> 40);
    }
    zw_put64(copy + 8, zw_cwasm_checksum(copy, file.n));
    zw_alloc_peak_reset();
    Image *im = zw_cwasm_load(copy, file.n, err, sizeof err); // opened or refused, never out of bounds
    if (!im) { // with a sentence, no page of it mapped, nothing kept, and never much taken
      uint64_t taken = zw_alloc_peak() - bytes;
      assert_true(err[0] && mapped_code() == maps && zw_alloc_bytes() == bytes);
      most = taken > most ? taken : most;
    }
    opened += im != NULL;
    zw_image_free(im);
  }
  assert_true(most <= (64 << 10) + 16 * file.n);
  print_message("20000 damaged files: %d opened, %d refused; a refusal takes at most %llu bytes, the file has %zu\n", opened, 20000 - opened,
                (unsigned long long)most, file.n);
  free(copy);
  rig_free(r);
}

static void each_field_has_its_sentence(void **state)
{
  (void)state;
  Rig *r = rig_new();
  OutBytes file = zw_sink_cwasm(r->m, r->b, &r->ctx.module);
  CwasmHeader *h = (CwasmHeader *)(void *)file.p, good = *h;
#define BROKEN(change, sentence)                         \
  do {                                                   \
    change;                                              \
    h->checksum = zw_cwasm_checksum(file.p, file.n);     \
    want_refused(file.p, file.n, sentence);              \
    memcpy(h, &good, sizeof good);                       \
  } while (0)
  BROKEN(h->format = 2, "its format version is 2, this zwasm reads version 1: compile the .wasm again");
  BROKEN(h->abi = 9, "its runtime ABI is 9, this zwasm has 1: compile the .wasm again");
  BROKEN(h->arch = ARCH_AARCH64, "it was compiled for aarch64, this machine is x86_64");
  BROKEN(h->cpu_bits |= 1ull << 50, "it was compiled for a CPU with an unknown feature, which this one lacks");
  BROKEN(h->nsections = 99, "it has 99 sections, more than fit");
  BROKEN(h->nsections = 2, "one of its text, meta and data sections is missing");
  BROKEN(h->flags = 0, "its header and its image disagree about the machine or the options");
  BROKEN(h->magic[0] = 'x', "it is not a .cwasm file");
  h->checksum++;
  want_refused(file.p, file.n, NULL);
  want_refused((const uint8_t *)"\177ELF and so on", 15,
               "it is not a .cwasm file of zwasmc but made by wasmtime, or an object file (it is ELF): compile the .wasm with zwasmc");
  want_refused((const uint8_t *)"CWAS1234", 8, "it is not a .cwasm file of zwasmc but made by the Zig runtime of the same name: compile the .wasm with zwasmc");
  want_refused((const uint8_t *)"\0asm\1\0\0\0", 8,
               "it is not a .cwasm file of zwasmc but a WebAssembly module, not a compiled one: run it as it is, or compile it with zwasmc");
  rig_free(r);
}

typedef struct ObjectJob { Rig *r; OutBytes out; OutStream header; } ObjectJob;
static void make_object(Ctx *ctx, void *arg)
{
  ObjectJob *j = arg;
  ObjOptions o = { .prefix = "hand", .wasi = true, .debug_level = 1 };
  zw_out_init(&j->header, &ctx->module, -1);
  zw_header_write(j->r->m, &o, "dir/hand.wasm", &j->header);
  j->out = zw_sink_elf(j->r->m, j->r->b, &zw_x64_target, &o, &ctx->module);
}

static void put_file(const char *path, const void *p, size_t n)
{
  FILE *f = fopen(path, "wb");
  assert_non_null(f);
  assert_int_equal(fwrite(p, 1, n, f), n);
  assert_int_equal(fclose(f), 0);
}

static const char program[] =
    "#include \"hand.h\"\n#include <stdio.h>\n"
    "int main(void)\n{\n  int32_t r = 0;\n  hand *a = hand_new(NULL), *b = hand_new(NULL);\n"
    "  if (!a || !b) { puts(zwasm_last_error()); return 1; }\n"
    "  printf(\"%d\\n\", (int)hand_add(a, 40, 2));\n"
    "  printf(\"%d\\n\", (int)hand_load_try(a, 8, &r));\n  printf(\"%d\\n\", (int)r);\n"
    "  printf(\"%d\\n\", (int)hand_load_try(b, -2, &r));\n"
    "  printf(\"%d\\n\", (int)hand_boom_try(b));\n"
    "  printf(\"%d\\n\", (int)zwasm_memory_bytes(hand_memory(a)));\n"
    "  hand_delete(a);\n  hand_delete(b);\n  return 0;\n}\n";

static void a_c_program_links_the_object(void **state)
{
  (void)state;
  Rig *r = rig_new();
  ObjectJob j = { .r = r };
  if (!zw_guard(&r->ctx, make_object, &j))
    fail_msg("%s", r->ctx.diag.text);
  put_file("hand.o", j.out.p, j.out.n);
  put_file("hand.h", j.header.p, j.header.n);
  put_file("hand_main.c", program, strlen(program));
  rig_free(r);
  assert_int_equal(system("cc -std=c99 -Wall -Wextra -Wpedantic -Werror -I. -I" ZW_SOURCE "/include hand_main.c hand.o " ZW_LIBRARY " -o hand_main"), 0);
  FILE *f = popen("./hand_main", "r");
  char out[200] = "";
  assert_non_null(f);
  size_t n = fread(out, 1, sizeof out - 1, f);
  assert_int_equal(pclose(f), 0);
  out[n] = 0;
  assert_string_equal(out, "42\n0\n42\n2\n1\n65536\n");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(meta_passes_the_checks_for_untrusted_images),
    cmocka_unit_test(the_jit_and_a_cwasm_file_run_it),
    cmocka_unit_test(every_truncation_and_every_changed_byte_is_refused),
    cmocka_unit_test(damage_behind_a_good_checksum_never_gets_out_of_bounds),
    cmocka_unit_test(each_field_has_its_sentence),
    cmocka_unit_test(a_c_program_links_the_object),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
