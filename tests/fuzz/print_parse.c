// A valid module, printed flat or folded, reads back to the same module.
#include "tests/fuzz/fuzz.h"
#include <string.h>

typedef struct Job { const uint8_t *data; size_t size; Module *m; WatPrintOptions o; Text text; Bytes want, got; } Job;

static void read(Ctx *ctx, void *arg)
{
  Job *j = arg;
  j->m = zw_decode_module(ctx, j->data, j->size, zw_features_default());
  zw_check_module(j->m);
}

static void round_trip(Ctx *ctx, void *arg)
{
  Job *j = arg;
  WatModule w;
  j->want.a = j->got.a = &ctx->module;
  zw_text_init(&j->text, &ctx->module);
  zw_encode_module(j->m, &j->want, true, NULL);
  zw_wat_print(j->m, &j->o, &j->text);
  zw_wat_assemble(ctx, (Str){ j->text.p, j->text.n }, &w);
  Module *back = zw_decode_module(ctx, w.bytes, w.len, zw_features_default());
  zw_check_module(back);
  zw_encode_module(back, &j->got, true, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  Ctx ctx;
  zw_ctx_init(&ctx);
  for (int folded = 0; folded < 2; folded++) {
    Job j = { .data = data, .size = size, .o = { .folded = folded, .hex_floats = folded } };
    if (!zw_guard(&ctx, read, &j))
      break;
    bool ok = zw_guard(&ctx, round_trip, &j);
    if (!ok || j.want.n != j.got.n || memcmp(j.want.p, j.got.p, j.got.n) != 0)
      BUG("%s\n%s", ok ? "reads back to something else" : ctx.diag.text, j.text.p ? j.text.p : "");
  }
  zw_ctx_free(&ctx);
  return 0;
}
