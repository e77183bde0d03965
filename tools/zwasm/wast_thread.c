// `thread` and `wait`: a part of the script on a thread of its own, with its own store, instances and names; it shares the
// memories of one instance and nothing else.  Its failures and passes are added to the file's when it has been waited for.
#include "tools/zwasm/wast.h"
#include <pthread.h>
#include <stdio.h>

typedef struct WastThread {
  struct WastThread *next;
  pthread_t handle;
  Str id;
  WastFile file;             // its own view of the script
  uint32_t end;
  bool ok;
} WastThread;

static void run(Ctx *ctx, void *arg)
{
  (void)ctx;
  WastThread *t = arg;
  zw_wast_run_tokens(&t->file, t->end);
}

static void *start(void *arg)
{
  WastThread *t = arg;
  t->ok = zw_guard(&t->file.ctx, run, t);
  return NULL;
}

Outcome zw_wast_run_thread(WastFile *f, const Directive *d)
{
  WastThread *t = zw_new(&f->ctx.module, WastThread);
  t->id = d->id, t->end = d->end;
  WastFile *w = &t->file;
  *w = (WastFile){ .path = f->path, .shown = f->shown, .src = f->src, .at = d->first, .lane = f->lane, .features = f->features, .quiet = f->quiet };
  zw_ctx_init(&w->ctx);
  w->src.ctx = &w->ctx, w->src.a = &w->ctx.module;
  zw_arena_init(&w->values, w->ctx.module.nomem, w->ctx.module.nomem_arg);
  w->engine = zw_wast_engine_for_thread(f->engine, d->shared);
  if (!w->engine || pthread_create(&t->handle, NULL, start, t) != 0) {
    zw_wast_report(f, d->pos, "thread", "cannot be started");
    zw_wast_engine_delete(w->engine);
    return OUT_FAIL;
  }
  t->next = f->threads;
  f->threads = t;
  return OUT_PASS;
}

static void join(WastFile *f, WastThread *t)
{
  pthread_join(t->handle, NULL);
  WastTotals *a = &f->totals, *b = &t->file.totals;
  a->pass += b->pass, a->fail += b->fail, a->skip += b->skip;
  if (!t->ok) {
    printf("%s:%u:%u: %s\n", f->shown, t->file.ctx.diag.line, t->file.ctx.diag.column, t->file.ctx.diag.text);
    a->fail++;
  }
  zw_wast_engine_delete(t->file.engine);
  zw_arena_free(&t->file.values);
  zw_ctx_free(&t->file.ctx);
}

Outcome zw_wast_wait_thread(WastFile *f, const Directive *d)
{
  for (WastThread **at = &f->threads; *at; at = &(*at)->next)
    if (zw_str_eq((*at)->id, d->id)) {
      WastThread *t = *at;
      *at = t->next;
      join(f, t);
      return OUT_PASS;
    }
  zw_wast_report(f, d->pos, "wait", "no thread $%.*s", (int)d->id.n, d->id.p);
  return OUT_FAIL;
}

void zw_wast_join_threads(WastFile *f)
{
  while (f->threads) {
    WastThread *t = f->threads;
    f->threads = t->next;
    join(f, t);
  }
}
