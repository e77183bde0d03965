// zw_compile: the door through which the runtime's API gets a compiler (runtime/abi/compile.h).
#include "compiler/driver/compile.h"
#include "compiler/driver/options.h"
#include "compiler/interp/interp.h"
#include "runtime/abi/compile.h"
#include "runtime/abi/cwasm.h"
#include "runtime/base/alloc.h"
#include "runtime/os/os.h"
#include <string.h>

typedef struct Request {
  Source source;
  const CompileOptions *o;
  Image *image, *lazy;        // lazy: the same, and has the ctx
  char *err;
  size_t err_bytes;
} Request;

static void compile(Ctx *ctx, void *arg)
{
  Request *r = arg;
  if (r->o->lazy) // its bodies are read until the image goes
    r->source.bytes = (const uint8_t *)zw_arena_str(&ctx->module, (const char *)r->source.bytes, r->source.len);
  Settings s = zw_settings(true);
  s.no_signals = r->o->image_flags & IMAGE_NO_SIGNALS;
  s.deterministic = r->o->image_flags & IMAGE_DETERMINISTIC;
  s.bounds = r->o->image_flags & IMAGE_CHECKED ? BOUNDS_CHECK : BOUNDS_AUTO;
  if (r->o->cpu_bits)
    s.cpu_bits = r->o->cpu_bits, s.native_cpu = false;
  CodeOptions code = zw_settings_code(&s);
  Compilation out = { .no_object = true };
  r->source.to_compile = true;
  Module *m = zw_read_module(ctx, &r->source, r->o->features ? r->o->features : s.features, &out.times);
  if (m->names.module.n == 0 && r->o->name)
    m->names.module = (Str){ r->o->name, strlen(r->o->name) };
  if (r->o->lazy && (r->image = r->lazy = zw_compile_lazily(ctx, m, s.target, &code, r->err, r->err_bytes)))
    return;
  zw_compile_checked(ctx, m, s.target, &code, r->o->threads, &out);
  out.blob->last = true;
  r->image = zw_sink_jit(m, out.blob, r->err, r->err_bytes);
}

Image *zw_compile(const uint8_t *bytes, size_t len, const CompileOptions *o, char *err, size_t err_bytes)
{
  if (zw_cwasm_looks(bytes, len)) { // machine code from who knows where: loading it is another call
    zw_format(err, err_bytes, "this is compiled code, not a WebAssembly module");
    return NULL;
  }
  if (o->engine == ENGINE_INTERP) {
    Str name = { o->name, o->name ? strlen(o->name) : 0 };
    Image *im = zw_interp_image_named(bytes, len, o->features ? o->features : zw_features_default(), name, err, err_bytes);
    if (im)
      im->free = zw_interp_image_free;
    return im;
  }
  Request r = { .source = { .bytes = bytes, .len = len, .threads = o->threads }, .o = o, .err = err, .err_bytes = err_bytes };
  Ctx *ctx = zw_alloc(sizeof *ctx);
  if (!ctx) {
    zw_format(err, err_bytes, "out of memory");
    return NULL;
  }
  zw_ctx_init(ctx);
  if (!zw_guard(ctx, compile, &r)) {
    Text t;
    zw_source_place(&r.source, &ctx->diag);
    Arena a;
    zw_arena_init(&a, NULL, NULL);
    zw_text_init(&t, &a);
    zw_diag_print(&ctx->diag, "wasm", &t);
    zw_format(err, err_bytes, "%s", t.p);
    zw_arena_free(&a);
  }
  if (!r.lazy) {
    zw_ctx_free(ctx);
    zw_free(ctx);
  }
  return r.image;
}
