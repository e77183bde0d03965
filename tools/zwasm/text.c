// zwasm wat: a module as text.  zwasm wasm: a text (or another binary) as a canonical binary.
#include "tools/zwasm/commands.h"
#include "tools/zwasm/module.h"

typedef struct Print { const Module *m; WatPrintOptions o; Text text; } Print;
static void print(Ctx *ctx, void *arg)
{
  Print *p = arg;
  zw_text_init(&p->text, &ctx->module);
  zw_wat_print(p->m, &p->o, &p->text);
}

static void need_one_file(Look *l, const char *name)
{
  if (l->nfiles != 1)
    zw_usage_error(&l->c, "%s; usage: %s %s", l->nfiles ? "more than one file" : "no file", name, l->usage);
}

int zw_cmd_wat(int argc, char **argv)
{
  Look l = { .nfiles = 0 };
  zw_look_args(&l, argc, argv, "[--folded] [--no-names] [--hex-floats] [--wasm=FEATURES] FILE [-o FILE]", "fnho");
  need_one_file(&l, argv[0]);
  Loaded m;
  Print p = { .o = { .folded = l.folded, .no_names = l.no_names, .hex_floats = l.hex_floats } };
  int rc = 1;
  if (zw_look_load(&l, l.files[0], true, &m)) {
    p.m = m.m;
    if (zw_look_guard(&l, &m, print, &p))
      rc = zw_look_write(&l, p.text.p, p.text.n, true);
  }
  zw_look_free(&m);
  return rc;
}

typedef struct Canon { const Module *m; Bytes out; } Canon;
static void canonicalise(Ctx *ctx, void *arg)
{
  Canon *c = arg;
  c->out = (Bytes){ .a = &ctx->module };
  zw_encode_module(c->m, &c->out, true, NULL);
}

static void drop_names(Module *m)
{
  m->names = (Names){ 0 };
  for (uint32_t i = 0; i < m->nfuncs; i++)
    m->funcs[i].name = (Str){ NULL, 0 };
}

int zw_cmd_wasm(int argc, char **argv)
{
  Look l = { .nfiles = 0 };
  zw_look_args(&l, argc, argv, "[--no-names] [--no-check] [--wasm=FEATURES] FILE -o FILE", "nko");
  need_one_file(&l, argv[0]);
  Loaded m;
  int rc = 1;
  if (zw_look_load(&l, l.files[0], !l.no_check, &m)) {
    Canon c = { .m = m.m };
    if (l.no_names)
      drop_names(m.m);
    if (l.no_check) // unchecked bodies are not walked: what the reader made is what is written
      rc = zw_look_write(&l, m.m->bytes, m.m->len, false);
    else if (zw_look_guard(&l, &m, canonicalise, &c))
      rc = zw_look_write(&l, c.out.p, c.out.n, false);
  }
  zw_look_free(&m);
  return rc;
}
