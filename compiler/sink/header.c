// The typed C header of a module: C99 to C23 and C++11, clean under -Wall -Wextra -Wpedantic.
// include/zwasm_rt.h has what it stands on; sink/elf.c defines what it declares.
#include "compiler/sink/header_int.h"
#include <string.h>

const char *zw_c_type(ValType t)
{
  switch (t) {
  case VT_I32: return "int32_t";
  case VT_I64: return "int64_t";
  case VT_F32: return "float";
  case VT_F64: return "double";
  case VT_V128: return "zwasm_v128_t";
  default: ASSERT(zw_is_ref(t)); return "zwasm_ref_t";
  }
}

static const char *global_type(const Module *m, uint32_t index, char buf[64])
{
  const GlobalType *g = &m->globals[index].type;
  zw_format(buf, 64, "%s%s", g->mutable_ || zw_is_ref(g->type) ? "" : "const ", zw_is_ref(g->type) ? "zwasm_global_t" : zw_c_type(g->type));
  return buf;
}

// A wasm name inside a comment: nothing that ends it, starts a trigraph or cannot be seen.
static void put_name(Text *out, Str s)
{
  zw_text_put(out, "\"", 1);
  for (size_t k = 0; k < s.n; k++) {
    unsigned char c = (unsigned char)s.p[k];
    if (c > 0x20 && c < 0x7f && !strchr("*/\\\"?", c))
      zw_text_put(out, (const char *)&c, 1);
    else
      zw_text_printf(out, c == ' ' ? " " : "\\%02x", c);
  }
  zw_text_put(out, "\"", 1);
}

// /* (import "env" "log" (func (param i32 i32))) */
void zw_put_c_comment(const Header *h, const char *what, const Str *module, Str name, uint32_t kind, uint32_t index)
{
  zw_text_printf(h->out, "/* (%s ", what);
  if (module) {
    put_name(h->out, *module);
    zw_text_printf(h->out, " ");
  }
  put_name(h->out, name);
  zw_text_printf(h->out, " ");
  zw_put_extern_type(h->out, h->m, kind, index);
  zw_text_printf(h->out, ") */\n");
}

// ---- parameters ----

// The name section's name of parameter k of a function, or empty.
static Str local_name(const Module *m, uint32_t func, uint32_t k)
{
  const NameMap *l = &m->names.locals;
  uint32_t lo = 0, hi = l->n;
  while (lo < hi) {
    uint32_t mid = lo + (hi - lo) / 2;
    bool below = m->names.local_func[mid] < func || (m->names.local_func[mid] == func && l->index[mid] < k);
    if (below)
      lo = mid + 1;
    else
      hi = mid;
  }
  bool found = lo < l->n && m->names.local_func[lo] == func && l->index[lo] == k;
  return found ? l->name[lo] : (Str){ 0 };
}

// Names that the header gives things of its own where parameters stand, and what may be a macro or a type.
static bool is_taken(const Header *h, const char *name)
{
  size_t n = strlen(name);
  bool lower = false;
  for (const char *p = name; *p; p++)
    lower |= *p >= 'a' && *p <= 'z';
  return !lower || strcmp(name, "r0") == 0 || strcmp(name, "self") == 0 || strcmp(name, "results") == 0 || strcmp(name, "zero") == 0 || strcmp(name, h->p) == 0 ||
         strncmp(name, "zwasm", 5) == 0 || (n > 2 && strcmp(name + n - 2, "_t") == 0) || (n > 7 && strcmp(name + n - 7, "_result") == 0);
}

static bool use_names(const Header *h, uint32_t func, uint32_t n)
{
  enum { MANY = 16 }; // functions with more parameters than a reader would follow
  char names[MANY][64];
  if (n > MANY)
    return false;
  for (uint32_t k = 0; k < n; k++) {
    Str s = local_name(h->m, func, k);
    if (!s.n || is_taken(h, zw_c_identifier(s, names[k])))
      return false;
    for (uint32_t i = 0; i < k; i++)
      if (strcmp(names[i], names[k]) == 0)
        return false;
  }
  return true;
}

const char *zw_c_param(const Header *h, uint32_t func, uint32_t k, char buf[64])
{
  if (use_names(h, func, zw_func_type(h->m, func)->nparams))
    return zw_c_identifier(local_name(h->m, func, k), buf);
  zw_format(buf, 64, "a%u", k);
  return buf;
}

void zw_put_c_params(const Header *h, uint32_t func, const char *self, const char *result_type, const char *results)
{
  const FuncType *f = zw_func_type(h->m, func);
  char buf[64];
  zw_text_printf(h->out, "(%s *%s", h->p, self);
  for (uint32_t k = 0; k < f->nparams; k++)
    zw_text_printf(h->out, ", %s %s", zw_c_type(f->params[k]), zw_c_param(h, func, k, buf));
  if (result_type)
    zw_text_printf(h->out, ", %s *%s", result_type, results);
}

// typedef struct calc_div_mod_result { int32_t r0; int32_t r1; } ...: one field each, types may differ.
static void put_result_struct(const Header *h, const CName *c, const FuncType *f)
{
  if (!c->result)
    return;
  zw_text_printf(h->out, "typedef struct %s {", c->result);
  for (uint32_t k = 0; k < f->nresults; k++)
    zw_text_printf(h->out, " %s r%u;", zw_c_type(f->results[k]), k);
  zw_text_printf(h->out, " } %s;\n", c->result);
}

const char *zw_c_return(const FuncType *f) { return f->nresults == 1 ? zw_c_type(f->results[0]) : "void"; }

// R f(calc *, ...): the plain form, of exports and of imports, or as a pointer to such a function.
static void put_plain(const Header *h, const CName *c, uint32_t func, bool field)
{
  zw_text_printf(h->out, field ? "  %s (*%s)" : "%s %s", zw_c_return(zw_func_type(h->m, func)), c->name);
  zw_put_c_params(h, func, "", c->result, "");
  zw_text_printf(h->out, "); ");
}

static void put_try(const Header *h, const CName *c, uint32_t func)
{
  const FuncType *f = zw_func_type(h->m, func);
  zw_text_printf(h->out, "zwasm_status_t %s_try", c->name);
  zw_put_c_params(h, func, "", f->nresults == 1 ? zw_c_type(f->results[0]) : c->result, f->nresults == 1 ? "r0" : "");
  zw_text_printf(h->out, ");\n");
}

// ---- the parts ----

static void put_head(const Header *h, const char *source)
{
  const char *base = strrchr(source, '/');
  base = base ? base + 1 : source;
  zw_text_printf(h->out, "/* Generated by zwasmc from ");
  put_name(h->out, (Str){ base, strlen(base) });
  zw_text_printf(h->out, "; do not edit. */\n#ifndef ZWASM_MODULE_%s_H\n#define ZWASM_MODULE_%s_H\n", h->p, h->p);
  zw_text_printf(h->out, "#include \"zwasm_rt.h\"\n#if ZWASM_ABI != %u\n", IMAGE_ABI);
  zw_text_printf(h->out, "#error \"%s.h needs zwasm runtime ABI %u: compile the module again with the zwasmc of this runtime\"\n#endif\n", h->p, IMAGE_ABI);
  zw_text_printf(h->out, "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n");
  zw_text_printf(h->out, "typedef struct %s %s; /* one instance of the module */\nextern const zwasm_module_t %s_module;\n\n", h->p, h->p, h->p);
  zw_text_printf(h->out, "%s *%s_new(const zwasm_options_t *); /* NULL: see zwasm_last_error() */\nvoid %s_delete(%s *);\n", h->p, h->p, h->p, h->p);
  zw_text_printf(h->out, "size_t %s_sizeof(void); /* without malloc: */\n%s *%s_init_at(void *where, size_t size, const zwasm_options_t *);\n", h->p, h->p, h->p);
  zw_text_printf(h->out, "static inline zwasm_instance_t *%s_instance(%s *c) { return (zwasm_instance_t *)(void *)c; }\n", h->p, h->p);
}

static void put_import_functions(const Header *h)
{
  const Module *m = h->m;
  bool any = false;
  for (uint32_t k = 0; k < m->nimports; k++) {
    const Import *i = &m->imports[k];
    const CName *c = &h->names->imports[k];
    if (c->kind != CALL_C || c->first != k)
      continue;
    if (!any)
      zw_text_printf(h->out, "\n/* Imports: you define these. */\n");
    any = true;
    put_result_struct(h, c, zw_func_type(m, i->index));
    put_plain(h, c, i->index, false);
    zw_put_c_comment(h, "import", &i->module, i->name, i->kind, i->index);
    zw_header_drain(h);
  }
}

static void put_field(const Header *h, const Import *i, const CName *c)
{
  char buf[64];
  switch ((ExternKind)i->kind) {
  case EXT_FUNC: put_plain(h, c, i->index, true); break;
  case EXT_MEMORY: zw_text_printf(h->out, "  zwasm_memory_t *%s; ", c->name); break;
  case EXT_TABLE: zw_text_printf(h->out, "  zwasm_table_t *%s; ", c->name); break;
  case EXT_GLOBAL: zw_text_printf(h->out, "  %s *%s; ", global_type(h->m, i->index, buf), c->name); break;
  case EXT_TAG: zw_text_printf(h->out, "  zwasm_tag_t *%s; ", c->name); break;
  }
  zw_put_c_comment(h, "import", &i->module, i->name, i->kind, i->index);
  zw_header_drain(h);
}

static void put_import_fields(const Header *h)
{
  const Module *m = h->m;
  if (!h->names->has_fields)
    return;
  zw_text_printf(h->out, "\n/* Imports: options.imports points to one of these when an instance is made; it is not needed afterwards,\n"
                         "   what it points to is. */\n");
  for (uint32_t k = 0; k < m->nimports; k++)
    if (h->names->imports[k].kind == CALL_FIELD && h->names->imports[k].first == k && m->imports[k].kind == EXT_FUNC)
      put_result_struct(h, &h->names->imports[k], zw_func_type(m, m->imports[k].index));
  zw_text_printf(h->out, "typedef struct %s_imports {\n", h->p);
  for (uint32_t k = 0; k < m->nimports; k++)
    if (h->names->imports[k].kind == CALL_FIELD && h->names->imports[k].first == k)
      put_field(h, &m->imports[k], &h->names->imports[k]);
  zw_text_printf(h->out, "} %s_imports;\n", h->p);
}

static void put_export(const Header *h, const Export *e, const CName *c)
{
  char buf[64];
  switch ((ExternKind)e->kind) {
  case EXT_FUNC:
    put_result_struct(h, c, zw_func_type(h->m, e->index));
    put_plain(h, c, e->index, false);
    break;
  case EXT_MEMORY: zw_text_printf(h->out, "zwasm_memory_t *%s(%s *); ", c->name, h->p); break;
  case EXT_TABLE: zw_text_printf(h->out, "zwasm_table_t *%s(%s *); ", c->name, h->p); break;
  case EXT_GLOBAL: zw_text_printf(h->out, "%s *%s(%s *); ", global_type(h->m, e->index, buf), c->name, h->p); break;
  case EXT_TAG: zw_text_printf(h->out, "zwasm_tag_t *%s(%s *); ", c->name, h->p); break;
  }
  zw_put_c_comment(h, "export", NULL, e->name, e->kind, e->index);
  if (e->kind == EXT_FUNC)
    put_try(h, c, e->index);
}

Header zw_header_begin(const Module *m, const ObjOptions *o, Text *text, OutStream *to)
{
  const CNames *names = zw_cnames(m, o, &m->ctx->module);
  zw_text_init(text, &m->ctx->module);
  return (Header){ .m = m, .o = o, .names = names, .p = names->prefix, .out = text, .to = to };
}

void zw_header_write(const Module *m, const ObjOptions *o, const char *source_name, OutStream *to)
{
  Text text;
  Header h = zw_header_begin(m, o, &text, to);
  put_head(&h, source_name);
  put_import_functions(&h);
  put_import_fields(&h);
  zw_text_printf(h.out, "\n/* Exports.  f: a trap goes to the nearest zwasm_try(), else prints a backtrace and aborts.\n"
                      "   f_try: a trap is the return value. */\n");
  for (uint32_t k = 0; k < m->nexports; k++) {
    put_export(&h, &m->exports[k], &h.names->exports[k]);
    zw_header_drain(&h);
  }
  zw_text_printf(h.out, "\n#ifdef __cplusplus\n}\n#endif\n#endif\n");
  zw_header_drain(&h);
}
