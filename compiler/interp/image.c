// An image for the interpreter: the module's declarations as any image has them, no text, and behind it the module
// itself with its facts.  The module lives in the arena of a Ctx that the image owns.
#include "compiler/interp/run.h"
#include "compiler/sink/sink.h"
#include "runtime/base/alloc.h"

typedef struct Job { InterpCode *code; const uint8_t *bytes; size_t len; uint64_t features; Str name; MetaImage meta; uint8_t *data; } Job;

static void make_func(const Module *m, IFunc *f, uint32_t k)
{
  uint32_t index = m->nimported_funcs + k;
  const Func *src = &m->funcs[index];
  const FuncFacts *facts = &m->facts[k];
  const FuncType *type = zw_func_type(m, index);
  f->func = index, f->type = src->type;
  f->body = src->body, f->code = src->body + facts->code_at, f->end = src->body + src->body_len - 1;
  f->side = facts->side, f->facts = facts;
  f->nparams = type->nparams, f->nresults = type->nresults;
  f->nlocals = facts->nlocals + facts->nexn_slots;
  uint32_t most = facts->max_height > f->nresults ? facts->max_height : f->nresults;
  f->nslots = f->nlocals + most + 1;
  f->refs = zw_interp_refmap(m, f);
}

static void make(Ctx *c, void *arg)
{
  Job *j = arg;
  InterpCode *code = j->code;
  uint8_t *copy = zw_new_array(&c->module, uint8_t, j->len + 1);
  if (j->len)
    memcpy(copy, j->bytes, j->len);
  Module *m = zw_decode_module(c, copy, j->len, j->features);
  zw_check_module(m);
  if (m->names.module.n == 0)
    m->names.module = j->name;
  uint32_t n = m->nfuncs - m->nimported_funcs;
  code->m = m;
  code->vectors = m->features_used >> FEAT_SIMD & 1 || m->features_used >> FEAT_RELAXED & 1;
  code->funcs = zw_new_array(&c->module, IFunc, n + 1);
  for (uint32_t k = 0; k < n; k++)
    make_func(m, &code->funcs[k], k);
  j->meta = zw_meta_build(m, NULL, IMAGE_CHECKED, &c->module);
  j->data = zw_meta_joined(m, &j->meta, &c->module);
}

Image *zw_interp_image_named(const uint8_t *bytes, size_t len, uint64_t features, Str name, char *err, size_t err_bytes)
{
  InterpCode *code = zw_alloc(sizeof *code);
  if (!code) {
    zw_format(err, err_bytes, "out of memory");
    return NULL;
  }
  zw_ctx_init(&code->ctx);
  Job j = { .code = code, .bytes = bytes, .len = len, .features = features, .name = name };
  Image *im = &code->image;
  bool ok = zw_guard(&code->ctx, make, &j);
  if (!ok)
    zw_format(err, err_bytes, "%s", code->ctx.diag.text);
  else
    ok = zw_image_open(im, j.meta.meta, j.meta.meta_bytes, NULL, 0, j.data, j.meta.data_bytes, false, err, err_bytes);
  if (!ok) {
    zw_interp_image_free(im);
    return NULL;
  }
  im->interp = zw_interp_door;
  im->interp_code = code;
  return im;
}

Image *zw_interp_image_new(const uint8_t *bytes, size_t len, uint64_t features, char *err, size_t err_bytes)
{
  return zw_interp_image_named(bytes, len, features, (Str){ 0 }, err, err_bytes);
}

void zw_interp_image_free(Image *im)
{
  if (!im)
    return;
  InterpCode *code = (InterpCode *)(void *)im; // its first member
  zw_ctx_free(&code->ctx);
  zw_free(code);
}
