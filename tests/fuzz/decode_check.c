// Bytes to a verdict: no crash, no leak; a valid module's canonical form is valid, and canonical again.
#include "tests/fuzz/fuzz.h"
#include <string.h>

typedef struct Job { const uint8_t *data; size_t size; Bytes first, second; Module *m; } Job;

static void read(Ctx *ctx, void *arg)
{
  Job *j = arg;
  j->m = zw_decode_module(ctx, j->data, j->size, zw_features_default());
  zw_check_module(j->m);
}

static void canonical(Ctx *ctx, void *arg)
{
  Job *j = arg;
  j->first.a = j->second.a = &ctx->module;
  zw_encode_module(j->m, &j->first, true, NULL);
  Module *m = zw_decode_module(ctx, j->first.p, j->first.n, zw_features_default());
  zw_check_module(m);
  zw_encode_module(m, &j->second, true, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  Ctx ctx;
  zw_ctx_init(&ctx);
  Job j = { .data = data, .size = size };
  if (zw_guard(&ctx, read, &j)) {
    if (!zw_guard(&ctx, canonical, &j))
      BUG("the canonical form is not valid: %s", ctx.diag.text);
    if (j.first.n != j.second.n || memcmp(j.first.p, j.second.p, j.first.n) != 0)
      BUG("the canonical form is not canonical");
  } else if (ctx.diag.text[0] == 0) {
    BUG("refused without a sentence");
  }
  zw_ctx_free(&ctx);
  return 0;
}
