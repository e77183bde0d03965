// zwasm inspect: what a module needs, offers and holds, for people or (--json) for programs.
#include "tools/zwasm/commands.h"
#include "tools/zwasm/module.h"
#include "compiler/wasm/check.h"
#include "runtime/abi/cwasm.h"
#include <stdio.h>
#include <string.h>

typedef struct Inspect { const Module *m; Text out; bool json; const char *file; } Inspect;
static const char *const kind_words[] = { [EXT_FUNC] = "func", [EXT_TABLE] = "table", [EXT_MEMORY] = "memory",
                                          [EXT_GLOBAL] = "global", [EXT_TAG] = "tag" };

// ---- types as text ----
static void put_types(Text *t, const Module *m, const ValType *types, uint32_t n)
{
  char buf[64];
  for (uint32_t i = 0; i < n; i++)
    zw_text_printf(t, "%s%s", i ? " " : "", zw_type_text(m, types[i], buf));
}

static void put_func_type(Text *t, const Module *m, uint32_t type)
{
  const FuncType *f = m->types[type].func;
  zw_text_put(t, "[", 1);
  put_types(t, m, f->params, f->nparams);
  zw_text_put(t, "] -> [", 6);
  put_types(t, m, f->results, f->nresults);
  zw_text_put(t, "]", 1);
}

static void put_limits(Text *t, const Limits *l, const char *unit)
{
  zw_text_printf(t, "%s%llu", l->is64 ? "i64 " : "", (unsigned long long)l->min);
  if (l->has_max)
    zw_text_printf(t, "..%llu", (unsigned long long)l->max);
  else
    zw_text_put(t, "..", 2);
  zw_text_printf(t, " %s%s", unit, l->shared ? " shared" : "");
}

static void put_extern_type(Text *t, const Module *m, uint8_t kind, uint32_t index)
{
  char buf[64];
  switch ((ExternKind)kind) {
  case EXT_FUNC: put_func_type(t, m, m->funcs[index].type); break;
  case EXT_TAG: put_func_type(t, m, m->tags[index].type); break;
  case EXT_TABLE:
    zw_text_printf(t, "%s ", zw_type_text(m, m->tables[index].type.elem, buf));
    put_limits(t, &m->tables[index].type.limits, "elements");
    break;
  case EXT_MEMORY: {
    const Limits *l = &m->memories[index].type.limits;
    put_limits(t, l, l->page_log2 == 16 ? "pages" : "bytes");
    break;
  }
  case EXT_GLOBAL:
    zw_text_printf(t, "%s%s", m->globals[index].type.mutable_ ? "mut " : "", zw_type_text(m, m->globals[index].type.type, buf));
    break;
  }
}

// ---- sizes ----
static uint64_t data_bytes(const Module *m)
{
  uint64_t n = 0;
  for (uint32_t i = 0; i < m->ndatas; i++)
    n += m->datas[i].len;
  return n;
}

static uint64_t custom_bytes(const Module *m)
{
  uint64_t n = 0;
  for (uint32_t i = 0; i < m->ncustoms; i++)
    n += m->customs[i].len;
  return n;
}

typedef struct Count { const char *name; uint64_t n; } Count;
enum { COUNTS = 15 };
static void fill_counts(const Module *m, Count c[COUNTS])
{
  const Count all[COUNTS] = {
    { "bytes", m->len }, { "code_bytes", m->code_len }, { "data_bytes", data_bytes(m) }, { "custom_bytes", custom_bytes(m) },
    { "types", m->ntypes }, { "functions", m->nfuncs }, { "imported_functions", m->nimported_funcs }, { "tables", m->ntables },
    { "memories", m->nmemories }, { "globals", m->nglobals }, { "tags", m->ntags }, { "element_segments", m->nelems },
    { "data_segments", m->ndatas }, { "imports", m->nimports }, { "exports", m->nexports },
  };
  memcpy(c, all, sizeof all);
}

// ---- for people ----
static void put_features(Text *t, const Module *m, const char *quote, const char *sep)
{
  const char *s = "";
  for (int i = 0; i < FEAT_COUNT; i++)
    if (m->features_used >> i & 1) {
      zw_text_printf(t, "%s%s%s%s", s, quote, zw_feature_info[i].name, quote);
      s = sep;
    }
}

static void put_quoted(Text *t, Str s) { zw_put_json_string(t, s.p, s.n); }

static void put_text(Inspect *in)
{
  const Module *m = in->m;
  Text *t = &in->out;
  Count c[COUNTS];
  fill_counts(m, c);
  zw_text_printf(t, "%s: WebAssembly module", in->file);
  if (m->names.module.n)
    zw_text_printf(t, " '%.*s'", (int)m->names.module.n, m->names.module.p);
  zw_text_put(t, "\nfeatures: ", 11);
  put_features(t, m, "", " ");
  zw_text_put(t, "\n", 1);
  for (int i = 0; i < COUNTS; i++)
    if (c[i].n)
      zw_text_printf(t, "%-18s %llu\n", c[i].name, (unsigned long long)c[i].n);
  if (m->start != UINT32_MAX)
    zw_text_printf(t, "%-18s function %u\n", "start", m->start);
  for (uint32_t i = m->nimported_memories; i < m->nmemories; i++) {
    zw_text_printf(t, "memory %u: ", i);
    put_extern_type(t, m, EXT_MEMORY, i);
    zw_text_put(t, "\n", 1);
  }
  for (uint32_t i = 0; i < m->nimports; i++) {
    const Import *im = &m->imports[i];
    zw_text_put(t, "import ", 7);
    put_quoted(t, im->module);
    zw_text_put(t, " ", 1);
    put_quoted(t, im->name);
    zw_text_printf(t, ": %s ", kind_words[im->kind]);
    put_extern_type(t, m, im->kind, im->index);
    zw_text_put(t, "\n", 1);
  }
  for (uint32_t i = 0; i < m->nexports; i++) {
    zw_text_put(t, "export ", 7);
    put_quoted(t, m->exports[i].name);
    zw_text_printf(t, ": %s ", kind_words[m->exports[i].kind]);
    put_extern_type(t, m, m->exports[i].kind, m->exports[i].index);
    zw_text_put(t, "\n", 1);
  }
  for (uint32_t i = 0; i < m->ncustoms; i++) {
    zw_text_put(t, "custom ", 7);
    put_quoted(t, m->customs[i].name);
    zw_text_printf(t, ": %llu bytes\n", (unsigned long long)m->customs[i].len);
  }
}

// ---- for programs ----
static void put_json_type(Text *t, const Module *m, uint8_t kind, uint32_t index)
{
  Text tmp;
  zw_text_init(&tmp, t->a);
  put_extern_type(&tmp, m, kind, index);
  zw_text_printf(t, "\"kind\":\"%s\",\"type\":", kind_words[kind]);
  zw_put_json_string(t, tmp.p, tmp.n);
}

static void put_json(Inspect *in)
{
  const Module *m = in->m;
  Text *t = &in->out;
  Count c[COUNTS];
  fill_counts(m, c);
  zw_text_printf(t, "{\"kind\":\"module\",\"file\":");
  zw_put_json_string(t, in->file, strlen(in->file));
  zw_text_printf(t, ",\"name\":");
  zw_put_json_string(t, m->names.module.n ? m->names.module.p : "", m->names.module.n);
  zw_text_printf(t, ",\n \"features\":[");
  put_features(t, m, "\"", ",");
  zw_text_printf(t, "],\n \"counts\":{");
  for (int i = 0; i < COUNTS; i++)
    zw_text_printf(t, "%s\"%s\":%llu", i ? "," : "", c[i].name, (unsigned long long)c[i].n);
  zw_text_printf(t, "},\n \"start\":");
  zw_text_printf(t, m->start == UINT32_MAX ? "null" : "%u", m->start);
  zw_text_printf(t, ",\n \"imports\":[");
  for (uint32_t i = 0; i < m->nimports; i++) {
    zw_text_printf(t, "%s\n  {\"module\":", i ? "," : "");
    put_quoted(t, m->imports[i].module);
    zw_text_printf(t, ",\"name\":");
    put_quoted(t, m->imports[i].name);
    zw_text_printf(t, ",");
    put_json_type(t, m, m->imports[i].kind, m->imports[i].index);
    zw_text_printf(t, "}");
  }
  zw_text_printf(t, "],\n \"exports\":[");
  for (uint32_t i = 0; i < m->nexports; i++) {
    zw_text_printf(t, "%s\n  {\"name\":", i ? "," : "");
    put_quoted(t, m->exports[i].name);
    zw_text_printf(t, ",");
    put_json_type(t, m, m->exports[i].kind, m->exports[i].index);
    zw_text_printf(t, "}");
  }
  zw_text_printf(t, "],\n \"memories\":[");
  for (uint32_t i = 0; i < m->nmemories; i++) {
    const Limits *l = &m->memories[i].type.limits;
    zw_text_printf(t, "%s{\"imported\":%s,\"min\":%llu,", i ? "," : "", i < m->nimported_memories ? "true" : "false", (unsigned long long)l->min);
    if (l->has_max)
      zw_text_printf(t, "\"max\":%llu,", (unsigned long long)l->max);
    zw_text_printf(t, "\"page_size\":%llu,\"shared\":%s,\"address\":\"%s\"}", 1ull << l->page_log2, l->shared ? "true" : "false", l->is64 ? "i64" : "i32");
  }
  zw_text_printf(t, "],\n \"custom_sections\":[");
  for (uint32_t i = 0; i < m->ncustoms; i++) {
    zw_text_printf(t, "%s{\"name\":", i ? "," : "");
    put_quoted(t, m->customs[i].name);
    zw_text_printf(t, ",\"bytes\":%llu}", (unsigned long long)m->customs[i].len);
  }
  zw_text_printf(t, "]}\n");
}

static void inspect(Ctx *ctx, void *arg)
{
  Inspect *in = arg;
  zw_text_init(&in->out, &ctx->module);
  if (in->json)
    put_json(in);
  else
    put_text(in);
}

int zw_cmd_inspect(int argc, char **argv)
{
  Look l = { .nfiles = 0 };
  zw_look_args(&l, argc, argv, "[--json] [--wasm=FEATURES] FILE", "j");
  if (l.nfiles != 1)
    zw_usage_error(&l.c, "%s; usage: %s %s", l.nfiles ? "more than one file" : "no file", argv[0], l.usage);
  FileBytes f;
  if (!zw_look_read(&l, l.files[0], &f))
    return 1;
  if (zw_cwasm_looks(f.p, f.n))
    return zw_inspect_cwasm(&l, l.files[0], f.p, f.n);
  Loaded m;
  int rc = 1;
  if (zw_look_bytes(&l, l.files[0], f, true, &m)) {
    Inspect in = { .m = m.m, .json = l.json, .file = m.file };
    if (zw_look_guard(&l, &m, inspect, &in)) {
      fwrite(in.out.p, 1, in.out.n, stdout);
      rc = 0;
    }
  }
  zw_look_free(&m);
  return rc;
}
