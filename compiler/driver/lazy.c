// Functions compiled when they are called first (sink/lazy.c asks): the checked module stays, with the bytes of its bodies and what
// the checker has found out about them, and each function goes through P2, P3 and P4 alone, as in jobs.c.
#include "compiler/base/region.h"
#include "compiler/driver/compile.h"
#include "compiler/wasm/check.h"
#include "runtime/base/alloc.h"
#include "runtime/base/bits.h"

enum { STACK_BYTES = ZW_REDZONE ? 1 << 20 : 256 << 10, // the passes recur on nothing: yosys took 4 KiB of it
       WORK_BYTES = 256 << 10 };

typedef struct Lazy {
  Ctx *ctx;
  Module *m;
  const Target *t;
  CodeOptions o;
  Arena code;               // of the function at hand
  Image *im;
  uint32_t func;
} Lazy;

static void compile_function(Ctx *ctx, void *arg)
{
  Lazy *z = arg;
  const FuncFacts *facts = &z->m->facts[z->func - z->m->nimported_funcs];
  ctx->at_func = z->func;
  ZirFunc *f = zw_zir_build(z->m, z->func, &z->o, &ctx->func);
  zw_region_done(facts->region);
  zw_verify_zir(ctx, f, &z->o);
  LirFunc *l = z->t->select(ctx, f, &z->o, &ctx->func);
  zw_verify_lir(ctx, l, z->t, &z->o);
  zw_zir_drop_code(f);
  FuncCode c;
  zw_code_open(z->t->encode(ctx, l, &z->o, &z->code), &c);
  zw_lazy_place(z->im, &c, &z->code);
}

static bool compile(void *owner, Image *im, uint32_t func, char *err, size_t err_bytes)
{
  Lazy *z = owner;
  z->im = im, z->func = func;
  z->ctx->diag = (Diag){ 0 };
  bool ok = zw_guard(z->ctx, compile_function, z);
  if (!ok) {
    zw_lazy_jumped(im);
    zw_format(err, err_bytes, "function %u could not be compiled: %s", func, z->ctx->diag.text);
  }
  zw_arena_reset(&z->code);
  zw_arena_reset(&z->ctx->func);
  zw_arena_reset(&z->ctx->scratch);
  return ok;
}

static void free_lazy(void *owner)
{
  Lazy *z = owner;
  Ctx *ctx = z->ctx;
  zw_arena_free(&z->code);
  zw_ctx_free(ctx);
  zw_free(ctx);
}

Image *zw_compile_lazily(Ctx *ctx, Module *m, const Target *t, const CodeOptions *o, char *err, size_t err_bytes)
{
  ASSERT(m->checked);
  Lazy *z = zw_new(&ctx->module, Lazy);
  *z = (Lazy){ .ctx = ctx, .m = m, .t = t, .o = *o };
  z->o.no_rows = true;
  zw_arena_init(&z->code, ctx->module.nomem, ctx->module.nomem_arg);
  zw_arena_free(&ctx->func);
  zw_arena_free(&ctx->scratch);
  ctx->func.first_bytes = ctx->scratch.first_bytes = WORK_BYTES;
  const LazyCompiler from = { .function = compile, .done = free_lazy, .owner = z, .stack_bytes = STACK_BYTES };
  return zw_sink_lazy(m, t, o, &from, err, err_bytes);
}
