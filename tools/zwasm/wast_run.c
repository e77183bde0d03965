// What each directive means.  Modules are assembled, decoded and checked here, in a context of their own; everything
// that runs goes through wast_engine.h.
#include "tools/zwasm/wast.h"
#include "runtime/base/bits.h"
#include <stdio.h>

void zw_wast_report(WastFile *f, uint32_t pos, const char *what, const char *fmt, ...)
{
  char text[6000];
  va_list ap;
  va_start(ap, fmt);
  zw_vformat(text, sizeof text, fmt, ap);
  va_end(ap);
  uint32_t line, column;
  zw_wat_line_column(f->src.text, pos, &line, &column);
  if (!f->quiet)
    printf("%s:%u: %s: %s\n", f->shown, line, what, text);
}

// ---- modules ----
typedef struct Prepare {
  WastFile *f;
  const ModuleSpec *spec;
  WatModule wat;
  Module *m;
} Prepare;

// Text, binary or quote to bytes, under the door of ctx.
static void to_bytes(Ctx *ctx, Prepare *p)
{
  WatSource *src = &p->f->src;
  uint32_t next;
  if (p->spec->form == FORM_TEXT) {
    src->ctx = ctx;
    if (p->f->save) { // the fields as they stand in the script
      uint32_t from = src->tok[p->spec->first].pos, to = src->tok[p->spec->end].pos;
      zw_wast_save(p->f, true, src->text.p + from, to - from);
    }
    zw_wat_fields(src, p->spec->first, p->spec->end, p->spec->id, &p->wat);
    return;
  }
  Str s = zw_wat_strings(src, &ctx->module, p->spec->first, &next);
  if (p->f->save)
    zw_wast_save(p->f, p->spec->form == FORM_QUOTE, s.p, s.n);
  if (p->spec->form == FORM_BINARY)
    p->wat = (WatModule){ .bytes = (const uint8_t *)s.p, .len = s.n };
  else
    zw_wat_assemble(ctx, s, &p->wat);
}

static void prepare(Ctx *ctx, void *arg)
{
  Prepare *p = arg;
  to_bytes(ctx, p);
  if (p->f->save && p->spec->form != FORM_BINARY)
    zw_wast_save(p->f, false, p->wat.bytes, p->wat.len);
  p->m = zw_decode_module(ctx, p->wat.bytes, p->wat.len, p->f->features);
  zw_check_module(p->m);
}

bool zw_wast_load(WastFile *f, const ModuleSpec *spec, Ctx *ctx, Module **m)
{
  Prepare p = { .f = f, .spec = spec };
  zw_ctx_init(ctx);
  bool ok = zw_guard(ctx, prepare, &p);
  f->src.ctx = &f->ctx;
  *m = p.m;
  return ok;
}

// ---- the roundtrip lane: print, read back, and compare ----
typedef struct RoundTrip { Module *m; const WatPrintOptions *o; Text text; WatModule wat; Bytes want, got; } RoundTrip;

static void round_trip(Ctx *ctx, void *arg)
{
  RoundTrip *r = arg;
  zw_encode_module(r->m, &r->want, true, NULL);
  zw_wat_print(r->m, r->o, &r->text);
  zw_wat_assemble(ctx, (Str){ r->text.p, r->text.n }, &r->wat);
  Module *back = zw_decode_module(ctx, r->wat.bytes, r->wat.len, r->m->features_on);
  zw_complete_module(back);
  zw_encode_module(back, &r->got, true, NULL);
}

static bool round_trips(WastFile *f, const Directive *d, Ctx *ctx, Module *m)
{
  static const WatPrintOptions styles[] = { { .folded = false }, { .folded = true }, { .hex_floats = true } };
  for (size_t k = 0; k < ARRAY_COUNT(styles); k++) {
    RoundTrip r = { .m = m, .o = &styles[k], .want.a = &ctx->module, .got.a = &ctx->module };
    zw_text_init(&r.text, &ctx->module);
    bool ok = zw_guard(ctx, round_trip, &r);
    if (ok && r.want.n == r.got.n && memcmp(r.want.p, r.got.p, r.got.n) == 0)
      continue;
    size_t at = 0;
    while (ok && at < r.want.n && at < r.got.n && r.want.p[at] == r.got.p[at])
      at++;
    zw_wast_report(f, d->pos, styles[k].folded ? "round trip, folded" : "round trip", "%s (byte %zu of %zu and %zu)\n%s",
                   ok ? "the text reads back to something else" : ctx->diag.text, at, r.want.n, r.got.n, f->quiet ? "" : r.text.p);
    return false;
  }
  return true;
}

// ---- directives that validation decides ----
static Outcome expect_valid(WastFile *f, const Directive *d)
{
  Ctx ctx;
  Module *m;
  bool ok = zw_wast_load(f, &d->module, &ctx, &m);
  if (!ok)
    zw_wast_report(f, d->pos, zw_wast_directive_names[d->kind], "%s: %s", zw_diag_kind_name(ctx.diag.kind), ctx.diag.text);
  if (ok && f->lane->roundtrip)
    ok = round_trips(f, d, &ctx, m);
  zw_ctx_free(&ctx);
  return ok ? OUT_PASS : OUT_FAIL;
}

static Outcome expect_refused(WastFile *f, const Directive *d, DiagKind kind)
{
  Ctx ctx;
  Module *m;
  Outcome out = OUT_FAIL;
  const char *what = zw_wast_directive_names[d->kind];
  int n = (int)d->message.n;
  if (zw_wast_load(f, &d->module, &ctx, &m))
    zw_wast_report(f, d->pos, what, "accepted, expected '%.*s'", n, d->message.p);
  else if (zw_wast_is_message_exception(f->shown, d->message, ctx.diag.text))
    out = OUT_PASS;
  else if (ctx.diag.kind != kind)
    zw_wast_report(f, d->pos, what, "expected '%.*s', got %s: %s", n, d->message.p, zw_diag_kind_name(ctx.diag.kind), ctx.diag.text);
  else if (!zw_wast_message_ok(d->message, ctx.diag.text))
    zw_wast_report(f, d->pos, what, "expected '%.*s', got '%s'", n, d->message.p, ctx.diag.text);
  else
    out = OUT_PASS;
  zw_ctx_free(&ctx);
  return out;
}

static Outcome run_validation(WastFile *f, const Directive *d)
{
  switch (d->kind) {
  case DIR_MODULE: case DIR_DEFINITION: case DIR_ASSERT_TRAP_MODULE: case DIR_ASSERT_UNLINKABLE:
    return expect_valid(f, d);
  case DIR_ASSERT_INVALID: case DIR_ASSERT_INVALID_CUSTOM:
    return expect_refused(f, d, DIAG_INVALID);
  case DIR_ASSERT_MALFORMED: case DIR_ASSERT_MALFORMED_CUSTOM:
    return expect_refused(f, d, DIAG_MALFORMED);
  case DIR_INSTANCE: case DIR_REGISTER: case DIR_ACTION: case DIR_ASSERT_RETURN: case DIR_ASSERT_TRAP: case DIR_ASSERT_EXCEPTION:
  case DIR_ASSERT_EXHAUSTION: case DIR_THREAD: case DIR_WAIT: case DIR_KIND_COUNT:
    break;
  }
  BUG("no validation directive");
}

// ---- directives that run something ----
static Outcome fail_run(WastFile *f, const Directive *d, const char *wanted, const RunResult *r)
{
  static const char *const words[] = { "it returned", "trap", "link error", "error" };
  zw_wast_report(f, d->pos, zw_wast_directive_names[d->kind], "%sgot %s: %s", wanted, words[r->status], r->status == RUN_OK ? "" : r->text);
  return OUT_FAIL;
}

// Load a module and give it to the engine.  False: reported.
static bool define(WastFile *f, const Directive *d, bool trial, RunResult *r)
{
  Ctx ctx;
  Module *m;
  bool ok = zw_wast_load(f, &d->module, &ctx, &m);
  if (ok) {
    zw_wast_define(f->engine, &(Candidate){ d->module.id, m->bytes, m->len, f->features, trial }, r);
  } else {
    zw_wast_report(f, d->pos, zw_wast_directive_names[d->kind], "%s: %s", zw_diag_kind_name(ctx.diag.kind), ctx.diag.text);
  }
  zw_ctx_free(&ctx);
  return ok;
}

static Outcome run_module(WastFile *f, const Directive *d)
{
  RunResult r;
  Str none = { NULL, 0 };
  if (!define(f, d, false, &r)) {
    zw_wast_instantiate(f->engine, STR("\xff"), d->module.id, &r); // no module has that name: what follows finds nothing
    return OUT_FAIL;
  }
  if (r.status == RUN_OK && d->kind == DIR_MODULE)
    zw_wast_instantiate(f->engine, none, d->module.id, &r);
  return r.status == RUN_OK ? OUT_PASS : fail_run(f, d, "", &r);
}

static bool text_begins(Str a, const char *b) // one of them is a prefix of the other, and b says something
{
  size_t n = strlen(b), k = a.n < n ? a.n : n;
  return n && (k == 0 || memcmp(a.p, b, k) == 0);
}

// A module that must not come to life: by a trap or by its imports.
static Outcome run_bad_module(WastFile *f, const Directive *d, RunStatus wanted)
{
  RunResult r;
  char text[200];
  if (!define(f, d, true, &r))
    return OUT_FAIL;
  if (r.status != RUN_ERROR)
    zw_wast_try(f->engine, &r);
  if (r.status == wanted && text_begins(d->message, r.text))
    return OUT_PASS;
  zw_format(text, sizeof text, "expected '%.*s', ", (int)d->message.n, d->message.p);
  return fail_run(f, d, text, &r);
}

static Outcome run_assert_return(WastFile *f, const Directive *d)
{
  RunResult r;
  char why[400];
  zw_wast_act(f->engine, &d->action, &r);
  if (r.status != RUN_OK)
    return fail_run(f, d, "", &r);
  if (d->kind != DIR_ASSERT_RETURN || zw_wast_results_are(f->engine, d->results, d->nresults, why, sizeof why))
    return OUT_PASS;
  zw_wast_report(f, d->pos, "assert_return", "%.*s: %s", (int)d->action.name.n, d->action.name.p, why);
  return OUT_FAIL;
}

static Outcome run_assert_trap(WastFile *f, const Directive *d)
{
  RunResult r;
  char text[200];
  zw_wast_act(f->engine, &d->action, &r);
  bool ok = r.status == RUN_TRAP;
  if (d->kind == DIR_ASSERT_EXCEPTION)
    ok = ok && zw_wast_is_exception(r.trap);
  else if (d->kind == DIR_ASSERT_EXHAUSTION)
    ok = ok && zw_wast_is_exhaustion(r.trap) && text_begins(d->message, r.text);
  else
    ok = ok && text_begins(d->message, r.text);
  if (ok)
    return OUT_PASS;
  zw_format(text, sizeof text, "expected '%.*s', ", (int)d->message.n, d->message.p ? d->message.p : "");
  return fail_run(f, d, text, &r);
}

static Outcome run_simple(WastFile *f, const Directive *d)
{
  RunResult r;
  if (d->kind == DIR_REGISTER)
    zw_wast_register(f->engine, d->name, d->id, &r);
  else
    zw_wast_instantiate(f->engine, d->name, d->id, &r);
  return r.status == RUN_OK ? OUT_PASS : fail_run(f, d, "", &r);
}

static Outcome run_with_engine(WastFile *f, const Directive *d)
{
  switch (d->kind) {
  case DIR_MODULE: case DIR_DEFINITION: return run_module(f, d);
  case DIR_INSTANCE: case DIR_REGISTER: return run_simple(f, d);
  case DIR_ACTION: case DIR_ASSERT_RETURN: return run_assert_return(f, d);
  case DIR_ASSERT_TRAP: case DIR_ASSERT_EXCEPTION: case DIR_ASSERT_EXHAUSTION: return run_assert_trap(f, d);
  case DIR_ASSERT_TRAP_MODULE: return run_bad_module(f, d, RUN_TRAP);
  case DIR_ASSERT_UNLINKABLE: return run_bad_module(f, d, RUN_LINK);
  case DIR_ASSERT_INVALID: case DIR_ASSERT_INVALID_CUSTOM: case DIR_ASSERT_MALFORMED: case DIR_ASSERT_MALFORMED_CUSTOM:
    return run_validation(f, d);
  case DIR_THREAD: return zw_wast_run_thread(f, d);
  case DIR_WAIT: return zw_wast_wait_thread(f, d);
  case DIR_KIND_COUNT: break;
  }
  BUG("no such directive");
}

// ---- a file ----
static void count_outcome(WastTotals *t, Outcome o)
{
  switch (o) {
  case OUT_PASS: t->pass++; break;
  case OUT_FAIL: t->fail++; break;
  case OUT_SKIP: t->skip++; break;
  }
}

static void run_directive(WastFile *f, const Directive *d)
{
  if (!f->lane->validate_only)
    count_outcome(&f->totals, run_with_engine(f, d));
  else if (zw_wast_is_validation(d->kind))
    count_outcome(&f->totals, run_validation(f, d));
}

static void run_directives(Ctx *ctx, void *arg)
{
  (void)ctx;
  WastFile *f = arg;
  if (zw_wast_is_bare_module(f)) {
    Directive d = { .kind = DIR_MODULE, .module = { .first = 0, .end = f->src.ntok - 1 } };
    run_directive(f, &d);
    return;
  }
  zw_wast_run_tokens(f, f->src.ntok - 1);
}

void zw_wast_run_tokens(WastFile *f, uint32_t end)
{
  while (f->at < end) {
    Directive d;
    zw_wast_read(f, &d);
    run_directive(f, &d);
    zw_arena_reset(&f->values);
  }
}

static void lex(Ctx *ctx, void *arg)
{
  WastFile *f = arg;
  zw_wat_lex(&f->src, ctx, &ctx->module, f->src.text);
}

// needs: path, shown, lane, features, src.text, ctx initialised.  leaves: totals.
void zw_wast_run_file(WastFile *f)
{
  zw_arena_init(&f->values, f->ctx.module.nomem, f->ctx.module.nomem_arg);
  f->totals = (WastTotals){ .files = 1 };
  bool ok = zw_guard(&f->ctx, lex, f);
  if (ok) {
    f->totals.directives = zw_wast_is_bare_module(f) ? 1
        : zw_wast_count(f, 0, f->src.ntok - 1, f->lane->validate_only, &f->totals.assertions);
    f->engine = f->lane->validate_only ? NULL : zw_wast_engine_new(f->lane);
    if (f->engine && f->lane->begin && !f->lane->begin(f))
      f->totals.fail++;
    else if (f->engine || f->lane->validate_only)
      ok = zw_guard(&f->ctx, run_directives, f);
    else
      printf("%s: no engine: out of memory\n", f->shown), f->totals.fail++;
    zw_wast_join_threads(f);
    zw_wast_engine_delete(f->engine);
    if (f->lane->end)
      f->lane->end(f);
  }
  if (!ok) {
    printf("%s:%u:%u: %s\n", f->shown, f->ctx.diag.line, f->ctx.diag.column, f->ctx.diag.text);
    f->totals.fail++;
  }
  zw_arena_free(&f->values);
}
