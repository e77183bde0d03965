// The pipeline.  Each line says what holds from there on; the next stage asserts it.
#include "compiler/driver/compile.h"
#include "compiler/driver/jobs.h"
#include <string.h>

void zw_verify_zir(Ctx *ctx, const ZirFunc *z, const CodeOptions *o)
{
#ifdef ZW_ASSERTS
  bool wanted = true;
#else
  bool wanted = o->verify;
#endif
  (void)o;
  if (!wanted)
    return;
  ArenaMark mark = zw_arena_mark(&ctx->scratch);
  const char *wrong = zw_zir_verify(z, &ctx->scratch);
  if (wrong)
    BUG("function %u after build: %s", z->func, wrong);
  zw_arena_release(&ctx->scratch, mark);
}

void zw_verify_lir(Ctx *ctx, const LirFunc *l, const Target *t, const CodeOptions *o)
{
  (void)o;
  if (!l->notes) // written in builds with assertions, and with --verify
    return;
  ArenaMark mark = zw_arena_mark(&ctx->scratch);
  const char *wrong = zw_ra_check(l, t, &ctx->scratch);
  if (wrong)
    BUG("function %u after select: %s", l->z->func, wrong);
  zw_arena_release(&ctx->scratch, mark);
}

// Text begins with white space, a comment or a parenthesis; a binary with \0.
bool zw_looks_like_text(const uint8_t *p, size_t n)
{
  size_t k = 0;
  while (k < n && (p[k] == ' ' || p[k] == '\t' || p[k] == '\n' || p[k] == '\r'))
    k++;
  return k < n && (p[k] == '(' || p[k] == ';');
}

Module *zw_read_module(Ctx *ctx, Source *s, uint64_t features, PassTimes *times)
{
  uint64_t t0 = zw_now();
  const uint8_t *bytes = s->bytes;
  size_t len = s->len;
  if (zw_looks_like_text(bytes, len)) {
    zw_wat_assemble(ctx, (Str){ (const char *)bytes, len }, &s->wat);
    s->is_text = true;
    bytes = s->wat.bytes, len = s->wat.len;
  }
  Module *m = zw_decode_module(ctx, bytes, len, features); // index spaces have their sizes, bodies are byte spans
  s->m = m;
  m->no_side = s->to_compile;
  uint64_t t1 = zw_now();
  zw_check_on_threads(ctx, m, s->threads);                 // valid: from here on nobody reports an input error
  zw_number_funcrefs(m);
  times->decode += t1 - t0;
  times->check += zw_now() - t1;
  times->code_bytes_in = m->code_len;
  for (uint32_t k = 0; k < m->nfuncs - m->nimported_funcs; k++)
    times->nops += m->facts[k].nops;
  return m;
}

void zw_source_place(const Source *s, Diag *d)
{
  if (s->m && d->func < s->m->nfuncs) {
    Str name = s->m->funcs[d->func].name;
    zw_format(d->func_name, sizeof d->func_name, "%.*s", (int)name.n, name.p ? name.p : "");
  }
  if (s->is_text && !d->line)
    zw_wat_place(&s->wat, (Str){ (const char *)s->bytes, s->len }, d);
}

void zw_compile_checked(Ctx *ctx, Module *m, const Target *t, const CodeOptions *o, uint32_t threads, Compilation *out)
{
  ASSERT(m->checked);
  out->m = m;
  out->target = t;
  out->code = *o;
  out->code.no_rows = out->no_object;
  Jobs *jobs;
  const PackedCode **codes = zw_jobs_run(ctx, m, t, &out->code, threads, out->timed, &out->times, &jobs); // P2, P3, P4 per function
  zw_arena_drop(&ctx->module, m->facts);
  m->facts = NULL;
  uint64_t t0 = zw_now();
  BlobSource from = { .funcs = codes, .placed = zw_jobs_placed, .done = zw_jobs_free, .arg = jobs, .no_rows = out->no_object };
  out->blob = zw_blob_build_from(m, t, &out->code, &from, &ctx->module); // everything has its place in one text; the sink says where that lies
  out->times.blob += zw_now() - t0;
  out->times.text_bytes = out->blob->text_bytes;
}

void zw_compile_module(Ctx *ctx, const uint8_t *bytes, size_t len, uint64_t features, const Target *t, const CodeOptions *o, uint32_t threads, Compilation *out)
{
  Source s = { .bytes = bytes, .len = len, .threads = threads, .to_compile = true };
  Module *m = zw_read_module(ctx, &s, features, &out->times);
  zw_compile_checked(ctx, m, t, o, threads, out);
}
