// The table of exception handlers.  Part of encode.c.
#pragma once
#include "encode_int.h"

// A run of code that a try guards.  From one chunk to the next only those tries begin and end that are not around both.
typedef struct TryRun { uint32_t in, begin, end; } TryRun;
typedef struct TryRuns { VEC(TryRun) of; uint64_t handlers; } TryRuns;

// What nothing throws in belongs to the run before it.
static uint32_t try_of(const Enc *e, uint32_t k, uint32_t before)
{
  uint32_t t = e->l->z->try_of[e->l->chunks[k].block];
  return t == TRY_QUIET ? before : t;
}

// Runs and clauses may be out of proportion to the code when deeply nested tries are left and entered again by turns.
static void end_run(Enc *e, TryRuns *runs, TryRun r)
{
  enum { FREE = 1 << 16, PER_INS = 8 };
  runs->handlers += 1 + e->l->z->tries[r.in].ncatches;
  if (runs->handlers > FREE + (uint64_t)PER_INS * e->l->nlir)
    zw_fail(e->ctx, ERR_limit, ZW_NO_POS, "function %u has too many exception handlers for its code", e->l->z->func);
  *zw_push(e->s, &runs->of) = r;
}

static TryRuns find_runs(Enc *e)
{
  const ZirFunc *z = e->l->z;
  TryRuns runs = { 0 };
  uint32_t *began = zw_stale_array(e->s, uint32_t, z->ntries), now = UINT32_MAX;
  for (uint32_t k = 0; k <= e->l->nchunks; k++) {
    uint32_t from = now, to = now = k < e->l->nchunks ? try_of(e, k, now) : UINT32_MAX;
    while (from != to) // a try has a higher number than those around it
      if (to == UINT32_MAX || (from != UINT32_MAX && from > to)) {
        end_run(e, &runs, (TryRun){ from, began[from], e->chunk_off[k] });
        from = z->tries[from].parent;
      } else {
        CHECK(to < z->ntries && (z->tries[to].parent == UINT32_MAX || z->tries[to].parent < to));
        began[to] = e->chunk_off[k];
        to = z->tries[to].parent;
      }
  }
  return runs;
}

// Innermost tries first; one entry per run and clause.
static ImageHandler *put_handlers(Enc *e, uint32_t *count)
{
  const ZirFunc *z = e->l->z;
  *count = 0;
  if (z->ntries == 0)
    return NULL;
  TryRuns runs = find_runs(e);
  uint32_t *at = zw_new_array(e->s, uint32_t, z->ntries + 1), n = runs.of.n;
  TryRun *sorted = zw_stale_array(e->s, TryRun, n);
  for (uint32_t k = 0; k < n; k++)
    at[z->ntries - 1 - runs.of.p[k].in + 1]++;
  for (uint32_t t = 0; t < z->ntries; t++)
    at[t + 1] += at[t];
  for (uint32_t k = 0; k < n; k++)
    sorted[at[z->ntries - 1 - runs.of.p[k].in]++] = runs.of.p[k];
  ImageHandler *h = zw_new_array(e->s, ImageHandler, runs.handlers + 1);
  for (uint32_t k = 0; k < n; k++) {
    const TryRun *r = &sorted[k];
    const ZTry *t = &z->tries[r->in];
    for (uint32_t c = t->catches; c < t->catches + t->ncatches; c++) {
      const ZCatch *zc = &z->catches[c];
      h[(*count)++] = (ImageHandler){ .pc_begin = r->begin, .pc_end = r->end, .tag = zc->tag, .flags = zc->with_ref,
                                      .handler_pc = e->chunk_off[target_place(e, zc->block)] };
    }
  }
  return h;
}
