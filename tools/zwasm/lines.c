// Source lines of a backtrace, for modules that were compiled or interpreted here: their DWARF is read when there is a
// trap to tell about, and not before.
#include "compiler/wasm/lines.h"
#include "tools/zwasm/lines.h"

typedef struct Job { TrapInfo *t; const Image *image; const uint8_t *bytes; size_t len; uint64_t features; Arena *keep; } Job;

static void fill(Ctx *ctx, void *arg)
{
  Job *j = arg;
  Module *m = zw_decode_module(ctx, j->bytes, j->len, j->features);
  SourceLines lines = zw_read_lines(m, &ctx->module);
  for (uint32_t k = 0; k < j->t->nframes; k++) {
    TrapFrame *f = &j->t->frames[k];
    const LineRow *row = f->image == j->image && f->wasm_at ? zw_find_line(&lines, f->wasm_at) : NULL;
    if (row)
      f->file = zw_arena_str(j->keep, lines.files[row->file].p, lines.files[row->file].n), f->line = row->line;
  }
}

void zw_fill_lines(TrapInfo *t, const Image *image, const uint8_t *bytes, size_t len, uint64_t features, Arena *keep)
{
  Ctx ctx;
  zw_ctx_init(&ctx);
  Job j = { t, image, bytes, len, features, keep };
  bool filled = zw_guard(&ctx, fill, &j);
  (void)filled; // lines are advice: without memory for them there are none
  zw_ctx_free(&ctx);
}
