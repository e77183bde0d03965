// Workers take functions from a shared counter.  Each has its own Ctx: its arenas and its door.  A worker that fails
// notes the function; functions above the lowest failed one are skipped, those below still run, so that the error that
// comes out does not depend on who was faster.  ZW_SHUFFLE=seed takes the functions in random order: a test that the
// order does not reach the output.
#include "compiler/driver/jobs.h"
#include "runtime/base/alloc.h"
#include "runtime/base/bits.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// Code of functions up to `last` (of those its worker took), in memory that goes when all of them have been placed.
typedef struct Pool { Arena arena; uint32_t last; struct Pool *next; } Pool;
enum { POOL_BYTES = 1 << 20, POOL_REST = 32 << 10, WORK_BYTES = (1 << 20) - 32 /* a function rarely wants more: all use the same pages */,
       SPARE_FACTS = 2, LEND_LEAST = 64 << 10,
       SPARE_BYTES = 4 << 20 /* of the large arrays of large functions, for the next one */ };

typedef struct Worker {
  Jobs *jobs;
  Ctx ctx;
  Module m;             // as the shared one, but failing through ctx
  uint32_t at;          // the defined function it is at
  uint32_t last;        // the highest one in ctx.module
  void *spare[SPARE_FACTS]; // memory of facts that nobody asks for any more, for code
  size_t spare_bytes[SPARE_FACTS];
  uint32_t nspare;
  Pool *pools, **pools_end; // oldest first; the newest code is in ctx.module
  PassTimes times;
  Diag diag;            // of its lowest failed function
  uint32_t failed;      // that function, or UINT32_MAX
  pthread_t thread;
  bool started;
} Worker;

struct Jobs {
  const Module *m;
  const Target *t;
  const CodeOptions *o;
  bool timed;
  const PackedCode **codes;
  uint32_t *order;      // defined functions in the order to take them; NULL = ascending
  uint32_t n;
  _Atomic uint32_t next, lowest_failed;
  Worker *workers;
  uint32_t nworkers;
  CleanUp clean_up;
};

uint64_t zw_now(void)
{
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static uint64_t lap(const Jobs *j, uint64_t *since, uint64_t *into)
{
  if (!j->timed)
    return 0;
  uint64_t now = zw_now();
  *into += now - *since;
  return *since = now;
}

// ctx.module is large enough to be given back by itself: begin another one.
static void close_pool(Worker *w)
{
  Pool *p = zw_new(&w->ctx.module, Pool); // in the arena that it describes
  *p = (Pool){ .arena = w->ctx.module, .last = w->last };
  zw_arena_init(&w->ctx.module, p->arena.nomem, p->arena.nomem_arg);
  w->last = 0;
  *w->pools_end = p;
  w->pools_end = &p->next;
}

static void free_oldest_pool(Worker *w)
{
  Pool *p = w->pools;
  w->pools = p->next;
  if (!w->pools)
    w->pools_end = &w->pools;
  Arena arena = p->arena;
  zw_arena_free(&arena);
}

void zw_jobs_placed(void *jobs, uint32_t k)
{
  Jobs *j = jobs;
  for (uint32_t i = 0; i < j->nworkers; i++)
    while (j->workers[i].pools && j->workers[i].pools->last <= k)
      free_oldest_pool(&j->workers[i]);
}

// The facts of a function are wanted no more.  Where they were goes to code, which is as large: pages that are there cost nothing.
static void leave_facts(Worker *w, Region *in, bool giant)
{
  void *p;
  size_t bytes = zw_region_leave(in, &p);
  if (bytes < LEND_LEAST) // nor is it worth giving back
    return;
  if (giant || w->nspare == SPARE_FACTS) {
    zw_alloc_discard(p, bytes);
    return;
  }
  w->spare[w->nspare] = p;
  w->spare_bytes[w->nspare++] = bytes;
}

static void use_spare(Worker *w)
{
  if (w->nspare && !w->ctx.module.spare) {
    w->nspare--;
    zw_arena_lend(&w->ctx.module, w->spare[w->nspare], w->spare_bytes[w->nspare]);
  }
}

// An arena for a giant function: what is large in it can go by itself, and nothing is kept for the next one.
static void make_thrifty(Arena *a, size_t large)
{
  if (a->large || large)
    zw_arena_free(a);
  a->sparse = large > 0;
  a->large = large;
}

// Large arrays are kept for the next function, but not while one that is larger than any compiler makes is compiled: one that is a large part
// of its module too.
enum { GIANT = 8 << 10, PART_OF_CODE = 16, LEAST_LARGE = 32 << 10 /* from there on memory goes back to the system at once */ };
static bool keep_spare(Ctx *ctx, const Module *m, const FuncFacts *f)
{
  const uint64_t part = m->code_len / PART_OF_CODE, most = part > GIANT ? part : GIANT;
  const bool giant = f->nops > most || f->nblocks > most / 2;
  size_t some = f->nops / 4, large = some < LEAST_LARGE ? LEAST_LARGE : some < ARENA_OWN_BYTES ? some : ARENA_OWN_BYTES;
  ctx->func.spare_own_most = ctx->scratch.spare_own_most = giant ? 0 : m->code_len > SPARE_BYTES ? m->code_len : SPARE_BYTES;
  make_thrifty(&ctx->func, giant ? large : 0);
  make_thrifty(&ctx->scratch, giant ? large : 0);
  return giant;
}

// A pass has left its scratch.  Of a giant function no page of it waits for the next pass.
static void give_back_scratch(Ctx *ctx, bool giant)
{
  if (giant)
    zw_arena_give_back(&ctx->scratch);
}

// One function from its bytes to machine code; the milestones hold from their line on.
static void compile_function(Ctx *ctx, void *arg)
{
  Worker *w = arg;
  Jobs *j = w->jobs;
  uint32_t func = j->m->nimported_funcs + w->at;
  ctx->at_func = func;
  uint64_t t = j->timed ? zw_now() : 0;
  if (ctx->module.bytes >= POOL_BYTES && ctx->module.end - ctx->module.next < POOL_REST)
    close_pool(w);
  w->last = w->at > w->last ? w->at : w->last;

  bool giant = keep_spare(ctx, j->m, &j->m->facts[w->at]);
  ZirFunc *z = zw_zir_build(&w->m, func, j->o, &ctx->func);
  leave_facts(w, j->m->facts[w->at].region, giant);
  give_back_scratch(ctx, giant);
  zw_verify_zir(ctx, z, j->o);                 // SSA that keeps the V-rules
  lap(j, &t, &w->times.build);

  LirFunc *l = j->t->select(ctx, z, j->o, &ctx->func);
  give_back_scratch(ctx, giant);
  zw_verify_lir(ctx, l, j->t, j->o);           // every use reads the right value
  lap(j, &t, &w->times.select);
  zw_zir_drop_code(z);                         // encode asks about tries only
  w->times.w_reload += l->w_reload, w->times.w_store += l->w_store, w->times.w_move += l->w_move, w->times.lirs += l->nlir;

  use_spare(w);
  j->codes[w->at] = j->t->encode(ctx, l, j->o, &ctx->module);
  lap(j, &t, &w->times.encode);                // bytes and tables, calls still to be bound
}

static void note_failure(Worker *w)
{
  Jobs *j = w->jobs;
  if (w->at < w->failed) {
    w->failed = w->at;
    w->diag = w->ctx.diag;
  }
  uint32_t lowest = atomic_load(&j->lowest_failed);
  while (w->at < lowest && !atomic_compare_exchange_weak(&j->lowest_failed, &lowest, w->at))
    ;
}

static void *work(void *arg)
{
  Worker *w = arg;
  Jobs *j = w->jobs;
  for (;;) {
    uint32_t k = atomic_fetch_add(&j->next, 1);
    if (k >= j->n)
      return NULL;
    w->at = j->order ? j->order[k] : k;
    if (w->at >= atomic_load(&j->lowest_failed))
      continue;
    if (!zw_guard(&w->ctx, compile_function, w))
      note_failure(w);
    zw_arena_reset(&w->ctx.func);
    zw_arena_reset(&w->ctx.scratch);
  }
}

// Fisher-Yates with a generator of its own, so that a seed means the same order everywhere.
static uint32_t *shuffled(uint32_t n, Arena *a)
{
  const char *seed = getenv("ZW_SHUFFLE");
  if (!seed || !seed[0])
    return NULL;
  uint64_t x = zw_hash_bytes(seed, strlen(seed), 1) | 1;
  uint32_t *order = zw_new_array(a, uint32_t, n);
  for (uint32_t k = 0; k < n; k++) {
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    uint32_t at = (uint32_t)(x % (k + 1));
    order[k] = order[at];
    order[at] = k;
  }
  return order;
}

// Largest bodies first (by powers of two, then ascending), so that the last one to be taken is not the one all wait for.  In
// large modules that is a small part of the whole, and code must come in the order in which it is placed.
static uint32_t *largest_first(const Module *m, uint32_t n, uint32_t threads, Arena *a)
{
  enum { SMALL = 256 << 10, SIZES = 33 };
  uint32_t starts[SIZES + 1] = { 0 };
  if (threads == 1 || m->code_len > SMALL)
    return NULL;
  for (uint32_t k = 0; k < n; k++)
    starts[zw_clz32((uint32_t)m->funcs[m->nimported_funcs + k].body_len) + 1]++;
  for (uint32_t i = 0; i < SIZES; i++)
    starts[i + 1] += starts[i];
  uint32_t *order = zw_new_array(a, uint32_t, n);
  for (uint32_t k = 0; k < n; k++)
    order[starts[zw_clz32((uint32_t)m->funcs[m->nimported_funcs + k].body_len)]++] = k;
  return order;
}

static void free_jobs(void *arg)
{
  Jobs *j = arg;
  for (uint32_t k = 0; k < j->nworkers; k++) {
    while (j->workers[k].pools)
      free_oldest_pool(&j->workers[k]);
    zw_ctx_free(&j->workers[k].ctx);
  }
  j->nworkers = 0;
}

void zw_jobs_free(void *jobs)
{
  Jobs *j = jobs;
  zw_off_fail(j->m->ctx, &j->clean_up);
  free_jobs(j);
}

static void add_times(PassTimes *to, const PassTimes *from)
{
  to->build += from->build;
  to->select += from->select;
  to->encode += from->encode;
  to->w_reload += from->w_reload, to->w_store += from->w_store, to->w_move += from->w_move, to->lirs += from->lirs;
}

const PackedCode **zw_jobs_run(Ctx *ctx, const Module *m, const Target *t, const CodeOptions *o, uint32_t threads, bool timed, PassTimes *times, Jobs **out)
{
  Arena *a = &ctx->module;
  uint32_t n = m->nfuncs - m->nimported_funcs;
  if (threads > n)
    threads = n;
  if (threads == 0)
    threads = 1;
  Jobs *j = zw_new(a, Jobs);
  *j = (Jobs){ .m = m, .t = t, .o = o, .timed = timed, .n = n, .lowest_failed = UINT32_MAX };
  j->codes = zw_new_array(a, const PackedCode *, n);
  j->order = shuffled(n, a);
  if (!j->order)
    j->order = largest_first(m, n, threads, a);
  j->workers = zw_new_array(a, Worker, threads);
  zw_on_fail(ctx, &j->clean_up, free_jobs, j);
  zw_arena_trim(&ctx->func); // check is done with them, and workers have their own
  zw_arena_trim(&ctx->scratch);
  for (; j->nworkers < threads; j->nworkers++) {
    Worker *w = &j->workers[j->nworkers];
    w->jobs = j;
    w->failed = UINT32_MAX;
    w->pools_end = &w->pools;
    zw_ctx_init(&w->ctx);
    w->m = *m;
    w->m.ctx = &w->ctx;
    w->ctx.func.first_bytes = w->ctx.scratch.first_bytes = WORK_BYTES;
  }
  for (uint32_t k = 1; k < threads; k++) // one that cannot be started is only slower
    j->workers[k].started = pthread_create(&j->workers[k].thread, NULL, work, &j->workers[k]) == 0;
  work(&j->workers[0]);
  const Worker *first = NULL;
  for (uint32_t k = 0; k < threads; k++) {
    Worker *w = &j->workers[k];
    if (w->started)
      pthread_join(w->thread, NULL);
    add_times(times, &w->times);
    zw_arena_free(&w->ctx.func); // only the code is still wanted
    zw_arena_free(&w->ctx.scratch);
    if (w->failed != UINT32_MAX && (!first || w->failed < first->failed))
      first = w;
  }
  if (first)
    zw_fail_again(ctx, &first->diag);
  *out = j;
  return j->codes;
}
