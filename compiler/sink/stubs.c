// --stubs: a C file to begin with.  Each import traps and says its name, so a program of stubs tells what it misses first.
#include "compiler/sink/header_int.h"
#include <string.h>

static void put_body(const Header *h, const Import *i, const CName *c)
{
  const FuncType *f = zw_func_type(h->m, i->index);
  char buf[64];
  zw_text_printf(h->out, ")\n{\n");
  for (uint32_t k = 0; k < f->nparams; k++)
    zw_text_printf(h->out, "  (void)%s;\n", zw_c_param(h, i->index, k, buf));
  if (f->nresults == 1 && f->results[0] == VT_V128)
    zw_text_printf(h->out, "  static const zwasm_v128_t zero;\n");
  if (c->result)
    zw_text_printf(h->out, "  static const %s zero;\n  *results = zero;\n", c->result);
  zw_text_printf(h->out, "  zwasm_set_trap(%s_instance(self), \"%s is not written yet\");\n", h->p, c->name);
  if (f->nresults == 1)
    zw_text_printf(h->out, f->results[0] == VT_V128 ? "  return zero;\n" : "  return 0;\n");
  zw_text_printf(h->out, "}\n");
}

static void put_function(const Header *h, const Import *i, const CName *c)
{
  zw_text_printf(h->out, "\n");
  zw_put_c_comment(h, "import", &i->module, i->name, i->kind, i->index);
  zw_text_printf(h->out, "%s%s %s", c->kind == CALL_FIELD ? "static " : "", zw_c_return(zw_func_type(h->m, i->index)), c->name);
  zw_put_c_params(h, i->index, "self", c->result, "results");
  put_body(h, i, c);
}

static void put_struct(const Header *h)
{
  const Module *m = h->m;
  zw_text_printf(h->out, "\n/* For options.imports. */\nextern const %s_imports %s_stubs;\n", h->p, h->p);
  zw_text_printf(h->out, "const %s_imports %s_stubs = {\n", h->p, h->p);
  for (uint32_t k = 0; k < m->nimports; k++) {
    const CName *c = &h->names->imports[k];
    if (c->kind == CALL_FIELD && c->first == k)
      zw_text_printf(h->out, m->imports[k].kind == EXT_FUNC ? "  %s,\n" : "  0, /* %s */\n", c->name);
    zw_header_drain(h);
  }
  zw_text_printf(h->out, "};\n");
}

void zw_stubs_write(const Module *m, const ObjOptions *o, const char *header, OutStream *to)
{
  Text text;
  Header h = zw_header_begin(m, o, &text, to);
  const char *base = strrchr(header, '/');
  zw_text_printf(h.out, "/* The imports of %s, to be filled in. */\n#include \"%s\"\n", h.p, base ? base + 1 : header);
  for (uint32_t k = 0; k < m->nimports; k++) {
    const CName *c = &h.names->imports[k];
    if (m->imports[k].kind == EXT_FUNC && (c->kind == CALL_C || c->kind == CALL_FIELD) && c->first == k)
      put_function(&h, &m->imports[k], c);
    zw_header_drain(&h);
  }
  if (h.names->has_fields)
    put_struct(&h);
  zw_header_drain(&h);
}
