// Bad input through the whole compiler ends in a diagnosis with an offset, or in an object: never in a crash.  A refusal
// takes at most 64 KiB and 16 bytes per byte of the input, counted as blocks of the allocator with their rounding.
//
//   bad_input [--edits N] [--seed N] FILE-or-FOLDER..
//   bad_input --whole N FILE..       nothing but these, all to be refused, with N bytes per byte
//
// Of modules up to 64 KiB every prefix; of larger ones cuts near the sections' borders and 10,000 others in all, which
// are decoded and checked.  Of the small ones also N edits in all: bytes changed, removed, doubled, or taken from another
// module.  A .wat is assembled first, and each of its bytes is changed in four ways.
#include "compiler/driver/compile.h"
#include "compiler/driver/options.h"
#include "runtime/base/alloc.h"
#include "runtime/base/asan.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SMALL = 64 << 10, CUTS = 10000, NEAR = 16 };
static unsigned per_byte = 16; // under ASan the redzones of an arena's objects count, too

typedef struct Job { Source source; bool valid; } Job; // valid: what is refused later is no bad input
static void compile(Ctx *ctx, void *arg)
{
  Job *j = arg;
  Settings s = zw_settings(false);
  CodeOptions o = zw_settings_code(&s);
  PassTimes times = { 0 };
  Module *m = zw_read_module(ctx, &j->source, s.features, &times);
  j->valid = true;
  if (j->source.len > SMALL) // compiled whole elsewhere
    return;
  Compilation out = { 0 };
  zw_compile_checked(ctx, m, s.target, &o, 1, &out);
  zw_sink_cwasm(m, out.blob, &ctx->module);
  ObjOptions obj = { .prefix = "x", .wasi = true, .exact = true };
  zw_sink_elf(m, out.blob, s.target, &obj, &ctx->module);
}

// ---- one input ----

static unsigned accepted, refused, wrong;
static double most_memory; // of a refusal, beyond 64 KiB, per byte of input

static void look_at_refusal(const Ctx *ctx, size_t n, bool valid, uint64_t memory)
{
  const Diag *d = &ctx->diag;
  // What we cannot do yet, or what is too large, is not bad input.
  bool bad = !valid && d->kind != DIAG_UNSUPPORTED && d->kind != DIAG_LIMIT;
  bool placed = d->at != ZW_NO_POS || d->line || !bad;
  if ((!placed || !d->text[0] || (d->at != ZW_NO_POS && d->at > n)) && ++wrong <= 20)
    printf("%zu bytes: '%s' at %llu\n", n, d->text, (unsigned long long)d->at);
  if (!bad || memory <= 64 << 10 || !n)
    return;
  double x = (double)(memory - (64 << 10)) / (double)n;
  most_memory = x > most_memory ? x : most_memory;
  if (x > (ZW_REDZONE > 0 ? 2 : 1) * per_byte && ++wrong <= 200)
    printf("%zu bytes: %llu KiB: '%s'\n", n, (unsigned long long)memory >> 10, d->text);
}
// Small inputs lie at the end of their own block, so that a read past them is seen.
static void try_bytes(const uint8_t *p, size_t n)
{
  uint8_t *copy = n <= SMALL ? malloc(n ? n : 1) : NULL;
  if (copy)
    p = memcpy(copy, p, n);
  Ctx ctx;
  zw_alloc_peak_reset();
  uint64_t before = zw_alloc_bytes();
  zw_ctx_init(&ctx);
  Job j = { .source = { .bytes = p, .len = n, .to_compile = true } };
  bool ok = zw_guard(&ctx, compile, &j);
  accepted += ok, refused += !ok;
  if (!ok)
    look_at_refusal(&ctx, n, j.valid, zw_alloc_peak() - before);
  zw_ctx_free(&ctx);
  free(copy);
}

// ---- the modules ----

typedef struct Input { uint8_t *p; size_t n; } Input;
static Input *inputs;
static size_t ninputs, nsmall; // small ones first

static Input read_file(const char *path)
{
  FILE *f = fopen(path, "rb");
  struct stat st;
  if (!f || fstat(fileno(f), &st) != 0) {
    printf("cannot read %s\n", path);
    exit(1);
  }
  Input in = { malloc((size_t)st.st_size + 1), 0 };
  in.n = fread(in.p, 1, (size_t)st.st_size, f);
  fclose(f);
  return in;
}

static void assemble(Ctx *ctx, void *arg)
{
  Input *in = arg;
  WatModule w;
  zw_wat_assemble(ctx, (Str){ (const char *)in->p, in->n }, &w);
  free(in->p);
  in->p = memcpy(malloc(w.len), w.bytes, w.len), in->n = w.len;
}
static void changed_bytes(uint8_t *p, size_t n)
{
  static const uint8_t with[] = { 0x01, 0x40, 0x80, 0xff };
  for (size_t k = 8; k < n; k++) {
    for (size_t i = 0; i < sizeof with; i++) {
      p[k] ^= with[i];
      try_bytes(p, n);
      p[k] ^= with[i];
    }
  }
}

static void add_file(const char *path)
{
  Input in = read_file(path);
  if (strstr(path, ".wat")) {
    Ctx ctx;
    zw_ctx_init(&ctx);
    if (!zw_guard(&ctx, assemble, &in)) {
      printf("%s: %s\n", path, ctx.diag.text);
      exit(1);
    }
    zw_ctx_free(&ctx);
    changed_bytes(in.p, in.n);
  }
  inputs = realloc(inputs, (ninputs + 1) * sizeof *inputs);
  inputs[ninputs++] = in;
  if (in.n <= SMALL) {
    inputs[ninputs - 1] = inputs[nsmall];
    inputs[nsmall++] = in;
  }
}
static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }
static void add_path(const char *path)
{
  struct stat st;
  struct dirent **e = NULL;
  if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
    add_file(path);
    return;
  }
  for (int i = 0, n = scandir(path, &e, NULL, by_name); i < n; i++) {
    char file[4096];
    snprintf(file, sizeof file, "%s/%s", path, e[i]->d_name);
    if (e[i]->d_name[0] != '.')
      add_file(file);
    free(e[i]);
  }
  free(e);
}

// ---- cuts and edits ----

static uint64_t state = 88172645463325252u;
static size_t below(size_t n)
{
  state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  return n ? state % n : 0;
}

static void every_prefix(const Input *in)
{
  for (size_t k = 0; k < in->n; k++)
    try_bytes(in->p, k);
}
static void cuts_near(const Input *in, size_t at)
{
  for (size_t k = at < NEAR ? 0 : at - NEAR; k <= at + NEAR && k < in->n; k++)
    try_bytes(in->p, k);
}
static void cuts_at_sections(const Input *in)
{
  for (size_t at = 8; at < in->n;) { // the sections of a valid module
    cuts_near(in, at);
    uint64_t size = 0;
    unsigned shift = 0;
    uint8_t b;
    at++;
    do {
      b = in->p[at++];
      size |= (uint64_t)(b & 0x7f) << shift, shift += 7;
    } while (b & 0x80 && at < in->n);
    at += size;
  }
}
static void sampled_cuts(const Input *in)
{
  size_t large = ninputs - nsmall;
  for (size_t k = 0; k < (CUTS + large - 1) / large; k++)
    try_bytes(in->p, below(in->n));
}

static void edit(void)
{
  const Input *in = &inputs[below(nsmall)], *other = &inputs[below(nsmall)];
  uint8_t *p = malloc(in->n + 64);
  size_t n = in->n;
  memcpy(p, in->p, n);
  for (size_t changes = 1 + below(3); changes && n > 9; changes--) {
    size_t at = 8 + below(n - 8), len = 1 + below(8);
    len = len > n - at ? n - at : len;
    switch (below(6)) {
    case 0: p[at] = (uint8_t)below(256); break;
    case 1: p[at] ^= (uint8_t)(1u << below(8)); break;
    case 2: p[at] = "\x00\x01\x7f\x80\xff\x0b\x40\x60\x6f\x70\xfb\xfc\xfd"[below(13)]; break;
    case 3: memmove(p + at, p + at + len, n - at - len), n -= len; break;
    case 4:
      if (n + len <= in->n + 64)
        memmove(p + at + len, p + at, n - at), n += len;
      break;
    default:
      for (size_t k = 0; k < len && other->n; k++)
        p[at + k] = other->p[(at + k) % other->n];
    }
  }
  try_bytes(p, n);
  free(p);
}

static void say(const char *what, size_t count)
{
  printf("%s of %zu modules: %u accepted, %u refused\n", what, count, accepted, refused);
  fflush(stdout);
  accepted = refused = 0;
}

static int whole_files(char **files)
{
  unsigned n = 0;
  for (; *files; files++, n++) {
    Input in = read_file(*files);
    unsigned before = wrong, taken = accepted;
    double most = most_memory;
    most_memory = 0;
    try_bytes(in.p, in.n);
    wrong += accepted != taken;
    if (wrong != before)
      printf("%s: %s\n", strrchr(*files, '/') ? strrchr(*files, '/') + 1 : *files, accepted != taken ? "not refused" : "too much");
    most_memory = most > most_memory ? most : most_memory;
    free(in.p);
  }
  printf("%u whole files: %u wrong; a refusal takes at most 64 KiB and %.1f x input\n", n, wrong, most_memory);
  return wrong || !n;
}

int main(int argc, char **argv)
{
  if (argc > 3 && strcmp(argv[1], "--whole") == 0) {
    per_byte = (unsigned)strtoul(argv[2], NULL, 10);
    return whole_files(argv + 3);
  }
  unsigned long edits = 0;
  for (int k = 1; k < argc; k++) {
    if (strcmp(argv[k], "--edits") == 0 && k + 1 < argc)
      edits = strtoul(argv[++k], NULL, 10);
    else if (strcmp(argv[k], "--seed") == 0 && k + 1 < argc)
      state += strtoul(argv[++k], NULL, 10) * 0x9e3779b97f4a7c15u;
    else
      add_path(argv[k]);
  }
  if (ninputs == 0) {
    printf("usage: bad_input [--edits N] [--seed N] FILE-or-FOLDER..\n");
    return 1;
  }
  if (accepted + refused)
    say("changed bytes", 1);
  for (size_t i = 0; i < nsmall; i++)
    every_prefix(&inputs[i]);
  say("every prefix", nsmall);
  for (size_t i = nsmall; i < ninputs; i++)
    cuts_at_sections(&inputs[i]);
  if (nsmall < ninputs)
    say("cuts at sections", ninputs - nsmall);
  for (size_t i = nsmall; i < ninputs; i++)
    sampled_cuts(&inputs[i]);
  if (nsmall < ninputs)
    say("cuts anywhere", ninputs - nsmall);
  for (unsigned long i = 0; i < edits && nsmall; i++)
    edit();
  if (edits)
    say("random edits", nsmall);
  printf("bad input: %u wrong; a refusal takes at most 64 KiB and %.1f x input\n", wrong, most_memory);
  return wrong != 0;
}
