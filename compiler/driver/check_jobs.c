// P1 on several threads: bodies in ranges of about equal bytes.  Ranges are taken in ascending order, and who has taken
// one finishes it or fails in it; so when somebody has failed, every body below has been looked at, and the lowest
// failure of all workers is the one that a single thread would have found.
#include "compiler/driver/jobs.h"
#include "compiler/wasm/check.h"
#include <pthread.h>
#include <stdatomic.h>

enum { RANGE_BYTES = 64 << 10, WORTH_IT = 256 << 10 }; // of code; below, starting threads costs more than it saves

typedef struct CheckJobs {
  const Module *m;
  uint32_t *starts;        // range k: functions [starts[k], starts[k + 1])
  uint32_t nranges;
  _Atomic uint32_t next;
  _Atomic bool failed;
  struct CheckWorker *workers;
  uint32_t nworkers;
  CleanUp clean_up;
} CheckJobs;

typedef struct CheckWorker {
  CheckJobs *jobs;
  Ctx ctx;
  Module m;                // failing through ctx
  bool failed;
  pthread_t thread;
  bool started;
} CheckWorker;

static void check_ranges(Ctx *ctx, void *arg)
{
  CheckWorker *w = arg;
  CheckJobs *j = w->jobs;
  (void)ctx;
  FuncCheck *f = zw_check_begin(&w->m, j->nworkers);
  while (!atomic_load(&j->failed)) {
    uint32_t k = atomic_fetch_add(&j->next, 1);
    if (k >= j->nranges) {
      zw_check_done(f);
      return;
    }
    for (uint32_t i = j->starts[k]; i < j->starts[k + 1]; i++)
      zw_check_body(f, i);
  }
}

static void *work(void *arg)
{
  CheckWorker *w = arg;
  if (!zw_guard(&w->ctx, check_ranges, w)) {
    w->failed = true;
    atomic_store(&w->jobs->failed, true);
  }
  return NULL;
}

static void free_jobs(void *arg)
{
  CheckJobs *j = arg;
  for (uint32_t k = 0; k < j->nworkers; k++)
    zw_ctx_free(&j->workers[k].ctx);
}

static void split(CheckJobs *j, Arena *a)
{
  const Module *m = j->m;
  j->starts = zw_new_array(a, uint32_t, m->code_len / RANGE_BYTES + 3);
  uint64_t bytes = 0;
  for (uint32_t i = m->nimported_funcs; i < m->nfuncs; i++) {
    if (bytes == 0)
      j->starts[j->nranges++] = i;
    bytes += m->funcs[i].body_len;
    if (bytes >= RANGE_BYTES)
      bytes = 0;
  }
  j->starts[j->nranges] = m->nfuncs;
}

static void start(CheckJobs *j, Ctx *ctx, uint32_t threads)
{
  j->workers = zw_new_array(&ctx->module, CheckWorker, threads);
  zw_on_fail(ctx, &j->clean_up, free_jobs, j);
  for (; j->nworkers < threads; j->nworkers++) {
    CheckWorker *w = &j->workers[j->nworkers];
    w->jobs = j;
    zw_ctx_init(&w->ctx);
    w->m = *j->m;
    w->m.ctx = &w->ctx;
  }
  for (uint32_t k = 1; k < threads; k++) // one that cannot be started is only slower
    j->workers[k].started = pthread_create(&j->workers[k].thread, NULL, work, &j->workers[k]) == 0;
}

void zw_check_on_threads(Ctx *ctx, Module *m, uint32_t threads)
{
  if (threads <= 1 || m->code_len < WORTH_IT) {
    zw_check_module(m);
    return;
  }
  zw_check_around(m);
  CheckJobs *j = zw_new(&ctx->module, CheckJobs);
  j->m = m;
  split(j, &ctx->module);
  start(j, ctx, threads < j->nranges ? threads : j->nranges);
  work(&j->workers[0]);
  const Diag *first = NULL;
  for (uint32_t k = 0; k < j->nworkers; k++) {
    CheckWorker *w = &j->workers[k];
    if (w->started)
      pthread_join(w->thread, NULL);
    m->features_used |= w->m.features_used;
    if (w->failed && (!first || w->ctx.diag.func < first->func))
      first = &w->ctx.diag;
  }
  if (first) {
    Diag d = *first; // the workers are freed on the way out
    zw_fail_again(ctx, &d);
  }
  for (uint32_t k = 0; k < j->nworkers; k++)
    zw_arena_adopt(&ctx->module, &j->workers[k].ctx.module);
  zw_off_fail(ctx, &j->clean_up);
  free_jobs(j);
  zw_check_end(m);
}
