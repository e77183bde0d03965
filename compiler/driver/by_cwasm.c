// zw_compile_by_cwasm: from a module through the bytes of a .cwasm file to an image.
#include "compiler/driver/compile.h"
#include "compiler/driver/options.h"
#include "runtime/abi/cwasm.h"

typedef struct ToCwasm { Source source; uint64_t features; OutBytes out; } ToCwasm;

static void to_cwasm(Ctx *ctx, void *arg)
{
  ToCwasm *j = arg;
  Settings s = zw_settings(true);
  CodeOptions code = zw_settings_code(&s);
  Compilation c = { .no_object = true };
  j->source.to_compile = true;
  Module *m = zw_read_module(ctx, &j->source, j->features, &c.times);
  zw_compile_checked(ctx, m, s.target, &code, 1, &c);
  c.blob->last = true;
  j->out = zw_sink_cwasm(m, c.blob, &ctx->module);
}

Image *zw_compile_by_cwasm(const uint8_t *bytes, size_t len, uint64_t features, char *err, size_t err_bytes)
{
  ToCwasm j = { .source = { .bytes = bytes, .len = len }, .features = features };
  Ctx ctx;
  Image *im = NULL;
  zw_ctx_init(&ctx);
  if (zw_guard(&ctx, to_cwasm, &j))
    im = zw_cwasm_load(j.out.p, j.out.n, err, err_bytes);
  else
    zw_format(err, err_bytes, "%s", ctx.diag.text);
  zw_ctx_free(&ctx);
  return im;
}
