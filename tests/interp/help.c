#define Table ModuleTable
#include "compiler/wasm/wat.h"
#undef Table
#include "help.h"

typedef struct Assemble { Str text; WatModule out; } Assemble;
static void assemble(Ctx *c, void *arg)
{
  Assemble *a = arg;
  zw_wat_assemble(c, a->text, &a->out);
}

Image *image_of(const char *text)
{
  Ctx c;
  char err[300] = "";
  Image *im = NULL;
  zw_ctx_init(&c);
  Assemble a = { .text = { text, strlen(text) } };
  if (zw_guard(&c, assemble, &a))
    im = zw_interp_image_new(a.out.bytes, a.out.len, zw_features_default(), err, sizeof err);
  if (!im)
    fail_msg("%s%s", err, c.diag.text);
  zw_ctx_free(&c);
  return im;
}

size_t bytes_of(const char *text, uint8_t *out, size_t room)
{
  Ctx c;
  zw_ctx_init(&c);
  Assemble a = { .text = { text, strlen(text) } };
  if (!zw_guard(&c, assemble, &a) || a.out.len > room)
    fail_msg("%s", c.diag.text);
  memcpy(out, a.out.bytes, a.out.len);
  zw_ctx_free(&c);
  return a.out.len;
}

Instance *instance_of(Store *s, const Image *im, const Extern *imports, uint32_t n)
{
  char err[300];
  TrapKind trap;
  Instance *in = zw_instance_new(s, im, imports, n, &trap, err, sizeof err);
  if (!in)
    fail_msg("%s", err);
  return in;
}

Extern export_of(Instance *in, const char *name)
{
  Extern e;
  if (!zw_instance_export(in, name, strlen(name), &e))
    fail_msg("no export %s", name);
  return e;
}

TrapKind call_of(Instance *in, const char *name, Value *args) { return zw_call(export_of(in, name).u.func, args); }

Extern host_of(Store *s, const ValType *p, uint32_t np, const ValType *r, uint32_t nr, HostFn fn, void *env)
{
  return (Extern){ .kind = EXT_FUNC, .u.func = zw_host_func_new(s, p, np, r, nr, fn, env) };
}
