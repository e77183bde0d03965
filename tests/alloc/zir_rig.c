#include "zir_rig.h"
#include <sys/mman.h>

typedef struct Job { ZirRig *g; const char *text; CodeOptions o; } Job;

static void verify(ZirRig *g, const ZirFunc *z, const LirFunc *l)
{
  const char *bad = zw_ra_check(l, &zw_x64_target, &g->r->ctx.scratch);
  if (!bad)
    return;
  Text t;
  zw_text_init(&t, &g->r->keep);
  zw_zir_print(z, &t);
  zw_x64_print_lir(l, &t);
  fprintf(stderr, "%s\n", t.p);
  fail_msg("%s", bad);
}

static void compile(Ctx *c, void *arg)
{
  Job *job = arg;
  ZirRig *g = job->g;
  const char *first = strstr(job->text, "\nfunc");
  size_t head = job->text[0] == 'f' ? 0 : (size_t)(first + 1 - job->text);
  for (const char *p = job->text + head; p;) {
    const char *next = strstr(p + 1, "\nfunc");
    size_t len = next ? (size_t)(next + 1 - p) : strlen(p);
    char *one = zw_arena_alloc(&g->r->keep, head + len + 1, 1);
    memcpy(one, job->text, head), memcpy(one + head, p, len);
    ZirFunc *z = zw_zir_parse(c, (Str){ one, head + len }, &g->r->keep);
    const char *bad = zw_zir_verify(z, &c->scratch);
    if (bad)
      fail_msg("%s", bad);
    g->z[g->n++] = z;
    p = next ? next + 1 : NULL;
  }
  uint32_t nimports = g->z[0]->m->nimported_funcs;
  g->r->m = *g->z[0]->m;
  g->r->m.ctx = &g->r->ctx;
  for (uint32_t k = 0; k < g->r->m.nfuncs; k++) { // all of them callable from C
    g->r->m.funcs[k].declared_ref = true;
    g->r->m.funcs[k].import = k < nimports ? k : UINT32_MAX;
    g->r->funcs[k] = g->r->m.funcs[k];
  }
  for (uint32_t k = 0; k < g->n; k++) {
    g->l[k] = zw_x64_select(c, g->z[k], &job->o, &g->r->keep);
    if (getenv("ZW_DUMP")) {
      Text t;
      zw_text_init(&t, &g->r->keep);
      zw_zir_print(g->z[k], &t);
      zw_x64_print_lir(g->l[k], &t);
      puts(t.p);
    }
    verify(g, g->z[k], g->l[k]);
    rig_take(g->r, g->z[k]->func - nimports, zw_x64_encode(c, g->l[k], &job->o, &g->r->keep));
  }
}

ZirRig *zir_rig(const char *text, const CodeOptions *o)
{
  ZirRig *g = calloc(1, sizeof *g);
  g->r = rig_new();
  Job job = { g, text, o ? *o : g->r->o };
  if (!job.o.cpu_bits)
    job.o.cpu_bits = CPU_X86_64_V2;
  g->r->o = job.o;
  if (!zw_guard(&g->r->ctx, compile, &job))
    fail_msg("%s", g->r->ctx.diag.text);
  rig_build(g->r);
  g->memory = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  g->r->vmctx->mem0_base = g->memory;
  return g;
}
void zir_rig_free(ZirRig *g)
{
  munmap(g->memory, 1 << 16);
  rig_free(g->r);
  free(g);
}
const char *zir_rig_lir(ZirRig *g, uint32_t k)
{
  Text t;
  zw_text_init(&t, &g->r->keep);
  zw_x64_print_lir(g->l[k], &t);
  return t.p;
}
uint64_t zir_call(ZirRig *g, uint32_t func, const uint64_t *args, uint32_t n)
{
  Value v[64] = { 0 };
  for (uint32_t k = 0; k < n; k++)
    v[k].u64 = args[k];
  Outcome o = rig_call(g->r, func, v);
  return o.trap ? TRAPPED | o.trap : v[0].u64;
}
