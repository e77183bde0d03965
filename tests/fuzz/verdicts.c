// Verdicts in bulk: modules from standard input, each behind its length (4 bytes, little-endian), a line out for each:
// "valid FEATURES" (bits in hex) or "KIND: message".  What compares us with another engine feeds this.
#include "tests/fuzz/fuzz.h"
#include <stdio.h>
#include <stdlib.h>

typedef struct Job { const uint8_t *data; size_t size; Module *m; } Job;

static void check(Ctx *ctx, void *arg)
{
  Job *j = arg;
  j->m = zw_decode_module(ctx, j->data, j->size, zw_features_default());
  zw_check_module(j->m);
}

int main(void)
{
  uint8_t head[4];
  while (fread(head, 1, 4, stdin) == 4) {
    size_t n = (size_t)head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24;
    uint8_t *p = malloc(n ? n : 1);
    if (!p || fread(p, 1, n, stdin) != n)
      return 1;
    Ctx ctx;
    zw_ctx_init(&ctx);
    Job j = { .data = p, .size = n };
    if (zw_guard(&ctx, check, &j))
      printf("valid %llx\n", (unsigned long long)j.m->features_used);
    else
      printf("%s: %s\n", zw_diag_kind_name(ctx.diag.kind), ctx.diag.text);
    fflush(stdout); // the other side waits for the line
    zw_ctx_free(&ctx);
    free(p);
  }
  return 0;
}
