// --dump=STAGE: what one stage made, as stable text.  Tests are made of it.
#include "compiler/driver/compile.h"
#include "compiler/emit/lir_pack.h"
#include "compiler/wasm/lines.h"
#include "runtime/base/leb.h"
#include <string.h>

typedef struct Dump {
  Ctx *ctx;
  const Module *m;
  const Target *t;
  const CodeOptions *o;
  Text *out;
} Dump;

static const char *func_label(const Module *m, uint32_t func, char *buf, size_t bytes)
{
  Str name = m->funcs[func].name;
  zw_format(buf, bytes, name.n ? "%u '%.*s'" : "%u", func, (int)name.n, name.p);
  return buf;
}

// ---- module ----

static void put_counts(const Dump *d)
{
  const Module *m = d->m;
  const struct { const char *name; uint32_t n, imported; } rows[] = {
    { "types", m->ntypes, 0 }, { "functions", m->nfuncs, m->nimported_funcs }, { "tables", m->ntables, m->nimported_tables },
    { "memories", m->nmemories, m->nimported_memories }, { "globals", m->nglobals, m->nimported_globals },
    { "tags", m->ntags, m->nimported_tags }, { "elements", m->nelems, 0 }, { "data", m->ndatas, 0 },
    { "exports", m->nexports, 0 }, { "custom", m->ncustoms, 0 },
  };
  for (size_t k = 0; k < ARRAY_COUNT(rows); k++) {
    if (!rows[k].n)
      continue;
    zw_text_printf(d->out, "%-10s %u", rows[k].name, rows[k].n);
    if (rows[k].imported)
      zw_text_printf(d->out, " (%u imported)", rows[k].imported);
    zw_text_put(d->out, "\n", 1);
  }
}

static void dump_module(const Dump *d)
{
  const Module *m = d->m;
  zw_text_printf(d->out, "module %.*s: %llu bytes, %llu of code\n", (int)m->names.module.n, m->names.module.n ? m->names.module.p : "",
                 (unsigned long long)m->len, (unsigned long long)m->code_len);
  put_counts(d);
  for (uint32_t k = m->nimported_funcs; k < m->nfuncs; k++) {
    char label[160];
    const FuncFacts *f = &m->facts[k - m->nimported_funcs];
    zw_text_printf(d->out, "func %s at 0x%llx: type %u, %u bytes, %u instructions, %u locals\n", func_label(m, k, label, sizeof label),
                   (unsigned long long)m->funcs[k].at, m->funcs[k].type, m->funcs[k].body_len, f->nops, f->nlocals);
  }
}

// ---- the streams of an encoded function (abi/image.h) ----

static uint64_t stream_u(const uint8_t **p, const uint8_t *end)
{
  uint64_t v = 0;
  LebStatus s = zw_leb_read_u(p, end, 32, &v);
  CHECK(s == LEB_OK);
  return v;
}

static void dump_traps(const Dump *d, const FuncCode *f)
{
  static const char *const names[] = {
#define TRAP(id, text) text,
#include "runtime/abi/trap.def"
  };
  const uint8_t *p = f->sites, *end = p + f->sites_bytes;
  uint64_t pc = 0;
  int64_t at = 0, delta = 0;
  for (uint32_t k = 0; k < f->nsites; k++) {
    pc += stream_u(&p, end);
    uint8_t kind = *p++;
    LebStatus s = zw_leb_read_s(&p, end, 64, &delta);
    CHECK(s == LEB_OK);
    at += delta;
    unsigned trap = kind & SITE_TRAP_MASK;
    const char *what = kind == SITE_CALL ? "call" : trap < TRAP_COUNT ? names[trap] : "?";
    zw_text_printf(d->out, "  +0x%llx  wasm 0x%llx  %s%s\n", (unsigned long long)pc, (unsigned long long)at, what,
                   kind & SITE_FAULT && kind < SITE_CALL ? " (fault)" : "");
  }
}

static void dump_maps(const Dump *d, const FuncCode *f)
{
  const uint8_t *p = f->maps, *end = p + f->maps_bytes;
  uint64_t pc = 0;
  for (uint32_t k = 0; k < f->nmaps; k++) {
    pc += stream_u(&p, end);
    uint64_t n = stream_u(&p, end), slot = 0;
    zw_text_printf(d->out, "  +0x%llx %s", (unsigned long long)pc, n ? "" : " as before");
    for (uint64_t i = 0; i < n; i++) {
      slot += stream_u(&p, end);
      zw_text_printf(d->out, " [rsp+%llu]", 8 * (unsigned long long)slot);
    }
    zw_text_put(d->out, "\n", 1);
  }
}

static void dump_lines(const Dump *d)
{
  SourceLines l = zw_read_lines(d->m, &d->ctx->module);
  for (uint32_t k = 0; k < l.n; k++) {
    const LineRow *r = &l.rows[k];
    if (r->line)
      zw_text_printf(d->out, "0x%x %.*s:%u\n", r->at, (int)l.files[r->file].n, l.files[r->file].p, r->line);
    else
      zw_text_printf(d->out, "0x%x ?\n", r->at);
  }
}

// ---- one function through the pipeline, as far as the stage wants ----

typedef enum Stage { ST_MODULE, ST_WAT, ST_FACTS, ST_ZIR, ST_LIR, ST_ASM, ST_MAPS, ST_TRAPS, ST_LINES, ST_COUNT } Stage;
static const char *const stages[ST_COUNT] = { "module", "wat", "facts", "zir", "lir", "asm", "stackmaps", "traps", "lines" };

static void dump_function(const Dump *d, Stage stage, uint32_t func)
{
  Ctx *ctx = d->ctx;
  ctx->at_func = func;
  if (stage == ST_FACTS) {
    zw_facts_dump(d->m, func, d->out);
    return;
  }
  ZirFunc *z = zw_zir_build(d->m, func, d->o, &ctx->func);
  zw_verify_zir(ctx, z, d->o);
  if (stage == ST_ZIR) {
    zw_zir_print(z, d->out);
    return;
  }
  LirFunc *l = d->t->select(ctx, z, d->o, &ctx->func);
  if (stage == ST_LIR) { // unverified: what the checker complains of can be looked at
    zw_lir_unpack_all(l, &ctx->func);
    d->t->print_lir(l, d->out);
    return;
  }
  zw_verify_lir(ctx, l, d->t, d->o);
  FuncCode code, *f = &code;
  zw_code_open(d->t->encode(ctx, l, d->o, &ctx->func), f);
  char label[160];
  zw_text_printf(d->out, "func %s: %u bytes, %u of code, frame %u\n", func_label(d->m, func, label, sizeof label), f->nbytes,
                 f->code_bytes, f->frame_bytes);
  if (stage == ST_TRAPS)
    dump_traps(d, f);
  else if (stage == ST_MAPS)
    dump_maps(d, f);
  else if (!d->t->disassemble(f->bytes, f->code_bytes, 0, d->out))
    zw_fail(ctx, ERR_unsupported, ZW_NO_POS, "there is no disassembler here (capstone)");
}

void zw_dump(Ctx *ctx, const Module *m, const Target *t, const CodeOptions *o, const char *stage, uint32_t func, Text *out)
{
  Stage s = 0;
  while (s < ST_COUNT && strcmp(stage, stages[s]) != 0)
    s++;
  if (s == ST_COUNT)
    zw_fail(ctx, ERR_unsupported, ZW_NO_POS, "no dump of '%s': there are module, wat, facts, zir, lir, asm, stackmaps, traps and lines", stage);
  Dump d = { ctx, m, t, o, out };
  if (s == ST_MODULE) {
    dump_module(&d);
    return;
  }
  if (s == ST_LINES) {
    dump_lines(&d);
    return;
  }
  if (s == ST_WAT) {
    zw_wat_print(m, &(WatPrintOptions){ 0 }, out);
    return;
  }
  for (uint32_t k = m->nimported_funcs; k < m->nfuncs; k++) {
    if (func != UINT32_MAX && k != func)
      continue;
    dump_function(&d, s, k);
    zw_arena_reset(&ctx->func);
    zw_arena_reset(&ctx->scratch);
  }
}

void zw_print_times(const PassTimes *t, Text *out)
{
  const struct { const char *name; uint64_t ns; } rows[] = {
    { "decode", t->decode }, { "check (P1)", t->check }, { "build (P2)", t->build }, { "select (P3)", t->select },
    { "encode (P4)", t->encode }, { "blob", t->blob }, { "sink", t->sink },
  };
  uint64_t total = 0, nops = t->nops ? t->nops : 1;
  zw_text_printf(out, "%-12s %10s %12s\n", "pass", "ms", "ns/instr");
  for (size_t k = 0; k < ARRAY_COUNT(rows); k++) {
    total += rows[k].ns;
    zw_text_printf(out, "%-12s %6llu.%03llu %9llu.%02llu\n", rows[k].name, (unsigned long long)(rows[k].ns / 1000000),
                   (unsigned long long)(rows[k].ns / 1000 % 1000), (unsigned long long)(rows[k].ns / nops),
                   (unsigned long long)(rows[k].ns * 100 / nops % 100));
  }
  uint64_t rate = total ? t->code_bytes_in * 1000 * 100 / (total ? total : 1) : 0; // bytes/ns = GB/s; x 1000 = MB/s; x 100
  zw_text_printf(out, "%-12s %6llu.%03llu %9llu.%02llu   %llu instructions, %llu bytes of wasm code -> %llu of text, %llu.%02llu MB/s\n", "total",
                 (unsigned long long)(total / 1000000), (unsigned long long)(total / 1000 % 1000), (unsigned long long)(total / nops),
                 (unsigned long long)(total * 100 / nops % 100), (unsigned long long)t->nops, (unsigned long long)t->code_bytes_in,
                 (unsigned long long)t->text_bytes, (unsigned long long)(rate / 100), (unsigned long long)(rate % 100));
  zw_text_printf(out, "traffic      reload %llu store %llu move %llu   in %llu instructions of the machine, weighed by 8^loop depth\n",
                 (unsigned long long)t->w_reload, (unsigned long long)t->w_store, (unsigned long long)t->w_move, (unsigned long long)t->lirs);
}
