// Any bytes as text: a binary or a message with a place, and the binary is never malformed.
#include "tests/fuzz/fuzz.h"
#include <string.h>

typedef struct Job { Str text; WatModule out; bool assembled; } Job;
static void assemble(Ctx *ctx, void *arg)
{
  Job *j = arg;
  zw_wat_assemble(ctx, j->text, &j->out);
  j->assembled = true;
  zw_check_module(zw_decode_module(ctx, j->out.bytes, j->out.len, zw_features_default()));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  Ctx ctx;
  zw_ctx_init(&ctx);
  Job j = { .text = { (const char *)data, size } };
  if (!zw_guard(&ctx, assemble, &j)) {
    const Diag *d = &ctx.diag;
    if (d->text[0] == 0 || (!j.assembled && d->line == 0))
      BUG("refused without a sentence or a place: %s", d->text);
    // (module binary ..) says what it likes, and a million locals are malformed by definition.
    if (j.assembled && d->kind == DIAG_MALFORMED && j.out.map.n && strncmp(d->text, "too many locals", 15) != 0)
      BUG("the reader wrote a malformed module: %s", d->text);
    if (j.assembled)
      zw_wat_place(&j.out, j.text, &ctx.diag);
    Text t;
    zw_text_init(&t, &ctx.module);
    zw_wat_caret(j.text, ctx.diag.line, ctx.diag.column, &t);
  }
  zw_ctx_free(&ctx);
  return 0;
}
