// Compiles a module several times in one process, as the peers' engines do it: "cpu_ns N wall_ns N out N" a round, then the
// passes of the fastest round.  usage: bench-compile jit|cwasm|obj THREADS ROUNDS MODULE
#include "compiler/driver/compile.h"
#include "compiler/driver/options.h"
#include "runtime/abi/compile.h"
#include "runtime/vm/vm.h"
#include "tools/cli/file.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

typedef struct Round {
  const char *kind;
  uint32_t threads;
  FileBytes in;
  Compilation out;
  size_t out_bytes;
  Image *image;
} Round;

static uint64_t cpu_now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void compile(Ctx *ctx, void *arg)
{
  Round *r = arg;
  Settings s = zw_settings(true);
  CodeOptions o = zw_settings_code(&s);
  Source source = { .bytes = r->in.p, .len = r->in.n, .threads = r->threads, .to_compile = true };
  Module *m = zw_read_module(ctx, &source, s.features, &r->out.times);
  zw_compile_checked(ctx, m, s.target, &o, r->threads, &r->out);
  uint64_t t = zw_now();
  r->out.blob->last = true;
  if (r->kind[0] == 'j') {
    char err[512];
    r->image = zw_sink_jit(m, r->out.blob, err, sizeof err);
    r->out_bytes = r->out.times.text_bytes;
  } else if (r->kind[0] == 'c') {
    r->out_bytes = zw_sink_cwasm(m, r->out.blob, &ctx->module).n;
  } else {
    ObjOptions obj = { .prefix = "bench", .exact = true, .debug_level = 1, .wasi = true };
    r->out_bytes = zw_sink_elf(m, r->out.blob, s.target, &obj, &ctx->module).n;
  }
  r->out.times.sink = zw_now() - t;
}

int main(int argc, char **argv)
{
  if (argc != 5)
    return 2;
  Arena a;
  zw_arena_init(&a, NULL, NULL);
  char err[512];
  Round r = { .kind = argv[1], .threads = (uint32_t)atoi(argv[2]) };
  r.in = zw_file_read(argv[4], &a, err, sizeof err);
  uint64_t least = UINT64_MAX;
  PassTimes best = { 0 };
  for (int k = atoi(argv[3]); k > 0; k--) {
    Ctx ctx;
    zw_ctx_init(&ctx);
    r.out = (Compilation){ .timed = r.threads == 1, .no_object = r.kind[0] != 'o' };
    r.image = NULL;
    uint64_t cpu = cpu_now(), wall = zw_now();
    bool ok = zw_guard(&ctx, compile, &r);
    if (ok && r.image)
      zw_image_free(r.image);
    zw_ctx_free(&ctx);
    cpu = cpu_now() - cpu, wall = zw_now() - wall;
    if (!ok) {
      fprintf(stderr, "%s: %s\n", argv[4], ctx.diag.text);
      return 1;
    }
    printf("cpu_ns %llu wall_ns %llu out %zu\n", (unsigned long long)cpu, (unsigned long long)wall, r.out_bytes);
    if (cpu < least)
      least = cpu, best = r.out.times;
  }
  struct rusage use;
  getrusage(RUSAGE_SELF, &use);
  printf("peak_kb %ld nops %llu code %llu text %llu\n", use.ru_maxrss, (unsigned long long)best.nops, (unsigned long long)best.code_bytes_in, (unsigned long long)best.text_bytes);
  printf("decode %llu check %llu build %llu select %llu encode %llu blob %llu sink %llu\n", (unsigned long long)best.decode, (unsigned long long)best.check,
         (unsigned long long)best.build, (unsigned long long)best.select, (unsigned long long)best.encode, (unsigned long long)best.blob, (unsigned long long)best.sink);
  return 0;
}
