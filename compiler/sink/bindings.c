// --emit=meta: what the header says, as JSON, for programs that make bindings for other languages.
//
// One object: "module" (the prefix), "abi", "imports", "exports".  Each of those has "kind", "name", "type" (as in the
// header's comments) and, by kind: params and results of functions, limits of memories and tables, value of globals.
// "c" is the name in C; an import also says where it comes from: symbol, field (of MODULE_imports) or wasi.
#include "compiler/base/json.h"
#include "compiler/sink/header_int.h"
#include <string.h>

static const char *const kind_words[] = { [EXT_FUNC] = "func", [EXT_TABLE] = "table", [EXT_MEMORY] = "memory",
                                          [EXT_GLOBAL] = "global", [EXT_TAG] = "tag" };

static void put_str(const Header *h, const char *key, Str s)
{
  zw_text_printf(h->out, "\"%s\": ", key);
  zw_put_json_string(h->out, s.p, s.n);
}
static void put_c_str(const Header *h, const char *key, const char *s)
{
  zw_text_printf(h->out, ", ");
  put_str(h, key, (Str){ s, strlen(s) });
}

static void put_type(const Header *h, uint32_t kind, uint32_t index)
{
  Arena *scratch = &h->m->ctx->scratch;
  ArenaMark mark = zw_arena_mark(scratch);
  Text t;
  zw_text_init(&t, scratch);
  zw_put_extern_type(&t, h->m, kind, index);
  zw_text_printf(h->out, ", ");
  put_str(h, "type", (Str){ t.p, t.n });
  zw_arena_release(scratch, mark);
}

static void put_func(const Header *h, uint32_t func)
{
  const FuncType *f = zw_func_type(h->m, func);
  char buf[64];
  zw_text_printf(h->out, ", \"params\": [");
  for (uint32_t k = 0; k < f->nparams; k++) {
    zw_text_printf(h->out, "%s{\"type\": \"%s\"", k ? ", " : "", zw_type_text(h->m, f->params[k], buf));
    put_c_str(h, "name", zw_c_param(h, func, k, buf));
    zw_text_printf(h->out, "}");
  }
  zw_text_printf(h->out, "], \"results\": [");
  for (uint32_t k = 0; k < f->nresults; k++)
    zw_text_printf(h->out, "%s\"%s\"", k ? ", " : "", zw_type_text(h->m, f->results[k], buf));
  zw_text_printf(h->out, "]");
}

static void put_limits(const Header *h, const Limits *l)
{
  zw_text_printf(h->out, ", \"address\": \"%s\", \"min\": %llu", l->is64 ? "i64" : "i32", (unsigned long long)l->min);
  if (l->has_max)
    zw_text_printf(h->out, ", \"max\": %llu", (unsigned long long)l->max);
}

static void put_thing(const Header *h, uint32_t kind, uint32_t index, const CName *c)
{
  const Module *m = h->m;
  char buf[64];
  put_c_str(h, "kind", kind_words[kind]);
  put_type(h, kind, index);
  switch ((ExternKind)kind) {
  case EXT_FUNC: put_func(h, index); break;
  case EXT_MEMORY:
    put_limits(h, &m->memories[index].type.limits);
    zw_text_printf(h->out, ", \"page_size\": %llu, \"shared\": %s", 1ull << m->memories[index].type.limits.page_log2,
                   m->memories[index].type.limits.shared ? "true" : "false");
    break;
  case EXT_TABLE:
    put_limits(h, &m->tables[index].type.limits);
    put_c_str(h, "element", zw_type_text(m, m->tables[index].type.elem, buf));
    break;
  case EXT_GLOBAL:
    put_c_str(h, "value", zw_type_text(m, m->globals[index].type.type, buf));
    zw_text_printf(h->out, ", \"mutable\": %s", m->globals[index].type.mutable_ ? "true" : "false");
    break;
  case EXT_TAG: break;
  }
  if (c->name)
    put_c_str(h, "c", c->name);
  if (c->result)
    put_c_str(h, "result_struct", c->result);
}

static void put_imports(const Header *h)
{
  static const char *const from[] = { [CALL_C] = "symbol", [CALL_WASI] = "wasi", [CALL_FIELD] = "field" };
  for (uint32_t k = 0; k < h->m->nimports; k++) {
    const Import *i = &h->m->imports[k];
    zw_text_printf(h->out, k ? ",\n    {" : "\n    {");
    put_str(h, "module", i->module);
    zw_text_printf(h->out, ", ");
    put_str(h, "name", i->name);
    put_thing(h, i->kind, i->index, &h->names->imports[k]);
    put_c_str(h, "from", from[h->names->imports[k].kind]);
    zw_text_printf(h->out, "}");
    zw_header_drain(h);
  }
}

static void put_exports(const Header *h)
{
  for (uint32_t k = 0; k < h->m->nexports; k++) {
    const Export *e = &h->m->exports[k];
    zw_text_printf(h->out, k ? ",\n    {" : "\n    {");
    put_str(h, "name", e->name);
    put_thing(h, e->kind, e->index, &h->names->exports[k]);
    zw_text_printf(h->out, "}");
    zw_header_drain(h);
  }
}

void zw_bindings_write(const Module *m, const ObjOptions *o, const char *source_name, OutStream *to)
{
  Text text;
  Header h = zw_header_begin(m, o, &text, to);
  const char *base = strrchr(source_name, '/');
  zw_text_printf(h.out, "{\n  \"module\": \"%s\", \"abi\": %u", h.p, (unsigned)IMAGE_ABI);
  put_c_str(&h, "source", base ? base + 1 : source_name);
  zw_text_printf(h.out, ",\n  \"imports\": [");
  put_imports(&h);
  zw_text_printf(h.out, "%s],\n  \"exports\": [", m->nimports ? "\n  " : "");
  put_exports(&h);
  zw_text_printf(h.out, "%s]\n}\n", m->nexports ? "\n  " : "");
  zw_header_drain(&h);
}
