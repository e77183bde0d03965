// Bad input through the whole compiler: every truncation of a module, and changed bytes, end in a diagnosis with an
// offset or in an object.  With files as arguments (the corpus): every truncation of each.
#include "compiler/driver/compile.h"
#include "compiler/driver/options.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Job { Source source; bool compile; } Job;

static void compile(Ctx *ctx, void *arg)
{
  Job *j = arg;
  Settings s = zw_settings(false);
  CodeOptions o = zw_settings_code(&s);
  PassTimes times = { 0 };
  Module *m = zw_read_module(ctx, &j->source, s.features, &times);
  if (!j->compile)
    return;
  Compilation out = { 0 };
  zw_compile_checked(ctx, m, s.target, &o, 1, &out);
  zw_sink_cwasm(m, out.blob, &ctx->module);
  ObjOptions obj = { .prefix = "x", .wasi = true, .exact = true };
  zw_sink_elf(m, out.blob, s.target, &obj, &ctx->module);
}

static unsigned accepted, refused, wrong;

// The bytes lie at the end of their own block, so that a read past them is seen.
static void try_bytes(const uint8_t *p, size_t n, bool whole)
{
  uint8_t *copy = malloc(n ? n : 1);
  memcpy(copy, p, n);
  Ctx ctx;
  zw_ctx_init(&ctx);
  Job j = { .source = { .bytes = copy, .len = n }, .compile = whole };
  if (zw_guard(&ctx, compile, &j)) {
    accepted++;
  } else {
    refused++;
    bool placed = ctx.diag.at != ZW_NO_POS || ctx.diag.line || ctx.diag.kind == DIAG_UNSUPPORTED || ctx.diag.kind == DIAG_LIMIT;
    if (!placed || !ctx.diag.text[0] || (ctx.diag.at != ZW_NO_POS && ctx.diag.at > n)) {
      wrong++;
      printf("%zu bytes: '%s' at %llu\n", n, ctx.diag.text, (unsigned long long)ctx.diag.at);
    }
  }
  zw_ctx_free(&ctx);
  free(copy);
}

static uint8_t *read_file(const char *path, size_t *n)
{
  FILE *f = fopen(path, "rb");
  if (!f || fseek(f, 0, SEEK_END) != 0)
    return NULL;
  *n = (size_t)ftell(f);
  rewind(f);
  uint8_t *p = malloc(*n + 1);
  *n = fread(p, 1, *n, f);
  fclose(f);
  return p;
}

static void every_truncation(const uint8_t *p, size_t n)
{
  for (size_t k = 0; k < n; k++)
    try_bytes(p, k, true);
}

static void changed_bytes(uint8_t *p, size_t n)
{
  static const uint8_t with[] = { 0x01, 0x40, 0x80, 0xff };
  for (size_t k = 8; k < n; k++) {
    for (size_t i = 0; i < sizeof with; i++) {
      p[k] ^= with[i];
      try_bytes(p, n, true);
      p[k] ^= with[i];
    }
  }
}

static void assemble(Ctx *ctx, void *arg)
{
  Source *s = arg;
  WatModule w;
  zw_wat_assemble(ctx, (Str){ (const char *)s->bytes, s->len }, &w);
  s->bytes = memcpy(malloc(w.len), w.bytes, w.len);
  s->len = w.len;
}

int main(int argc, char **argv)
{
  for (int k = 1; k < argc; k++) {
    size_t n;
    uint8_t *p = read_file(argv[k], &n);
    if (!p) {
      printf("cannot read %s\n", argv[k]);
      return 1;
    }
    Ctx ctx;
    Source text = { .bytes = p, .len = n };
    zw_ctx_init(&ctx);
    if (strstr(argv[k], ".wat")) {
      if (!zw_guard(&ctx, assemble, &text)) {
        printf("%s: %s\n", argv[k], ctx.diag.text);
        return 1;
      }
      free(p);
      p = (uint8_t *)(uintptr_t)text.bytes, n = text.len;
      changed_bytes(p, n);
    }
    every_truncation(p, n);
    zw_ctx_free(&ctx);
    free(p);
  }
  printf("bad input: %u accepted, %u refused, %u without a place\n", accepted, refused, wrong);
  return wrong != 0;
}
