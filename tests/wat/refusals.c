// A text that is refused takes memory in proportion to it, whatever it consists of: families at two sizes, each with its mistake at
// the very end, where everything before has been read.  Counted as the allocator's blocks, like tests/obj/bad_input does for binaries.
//
//   refusals       prints what each takes, fails above the bound
#include "compiler/driver/compile.h"
#include "compiler/driver/options.h"
#include "runtime/base/alloc.h"
#include "runtime/base/asan.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Buf { char *p; size_t n, cap; } Buf;
static void put(Buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(Buf *b, const char *fmt, ...)
{
  va_list ap;
  if (b->cap - b->n < 256)
    b->p = realloc(b->p, b->cap = 2 * b->cap + 4096);
  va_start(ap, fmt);
  b->n += (size_t)vsnprintf(b->p + b->n, 256, fmt, ap);
  va_end(ap);
}
static void repeat(Buf *b, const char *s, unsigned n)
{
  while (n--)
    put(b, "%s", s);
}

static void names(Buf *b, unsigned n)
{
  put(b, "(module");
  for (unsigned k = 0; k < n / 14; k++)
    put(b, "(func $%x)", k);
  put(b, "(func $0))");
}
static void symbols(Buf *b, unsigned n)
{
  put(b, "(module (func ");
  for (unsigned k = 0; k < n / 6; k++)
    put(b, "$%x ", k);
  put(b, "))");
}
static void labels(Buf *b, unsigned n)
{
  put(b, "(module (func ");
  for (unsigned k = 0; k < n / 16; k++)
    put(b, "block $%x ", k);
  repeat(b, "end ", n / 16);
  put(b, "drop))");
}
static void type_uses(Buf *b, unsigned n)
{
  put(b, "(module ");
  for (unsigned k = 0; k < n / 40; k++) {
    put(b, "(func(param");
    for (unsigned j = 0; j < 7; j++)
      put(b, " %s", k >> j & 1 ? "i32" : k >> (j + 7) & 1 ? "i64" : "f32");
    put(b, "))");
  }
  put(b, "(func drop))");
}
static void exports(Buf *b, unsigned n)
{
  put(b, "(module (func) ");
  for (unsigned k = 0; k < n / 22; k++)
    put(b, "(export \"%x\"(func 0))", k);
  put(b, "(func drop))");
}
static void inline_exports(Buf *b, unsigned n)
{
  put(b, "(module (func ");
  for (unsigned k = 0; k < n / 14; k++)
    put(b, "(export\"%x\")", k);
  put(b, "drop))");
}

// Most are a head, a run of the same words, for some a run of others that is as long, and a tail.
typedef struct Family {
  const char *name, *head, *run[2];
  unsigned bytes; // of a word of each run
  const char *tail;
  void (*make)(Buf *b, unsigned n); // instead of all these
} Family;
static const Family families[] = {
  { "parentheses", "(module", { "(", ")" }, 2, ")", NULL },
  { "opened", "(module", { "(" }, 1, "", NULL },
  { "closed", "(module", { ")" }, 1, "", NULL },
  { "digits", "(module (func ", { "0 " }, 2, "))", NULL },
  { "folded", "(module (func (result i32) ", { "(i32.eqz", ")" }, 9, "))", NULL },
  { "folded_blocks", "(module (func ", { "(block", ")" }, 7, " drop))", NULL },
  { "flat_blocks", "(module (func ", { "loop ", "end " }, 9, "drop))", NULL },
  { .name = "names", .make = names },
  { "uses", "(module (func (local $x i32)", { "local.get $x drop " }, 18, "drop))", NULL },
  { .name = "symbols", .make = symbols },
  { .name = "labels", .make = labels },
  { "locals", "(module (func (local ", { "i32 " }, 4, ") drop))", NULL },
  { "params", "(module (type (func (param ", { "i32 " }, 4, "))) (func drop))", NULL },
  { "types", "(module ", { "(type(func))" }, 12, "(func drop))", NULL },
  { .name = "type_uses", .make = type_uses },
  { "functions", "(module ", { "(func)" }, 6, "(func drop))", NULL },
  { "globals", "(module ", { "(global i32(i32.const 0))" }, 25, "(func drop))", NULL },
  { "memories", "(module ", { "(memory 0)" }, 10, "(func drop))", NULL },
  { .name = "exports", .make = exports },
  { .name = "inline_exports", .make = inline_exports },
  { "imports", "(module ", { "(import\"\"\"\"(func))" }, 19, "(func drop))", NULL },
  { "elements", "(module (func)(table 1 funcref)(elem(i32.const 0)", { " 0" }, 2, ")(func drop))", NULL },
  { "element_exprs", "(module (func)(elem funcref ", { "(ref.func 0)" }, 12, ")(func drop))", NULL },
  { "segments", "(module ", { "(data)" }, 6, "(func drop))", NULL },
  { "long_string", "(module (data \"", { "abcdefgh" }, 8, "\")(func drop))", NULL },
  { "escapes", "(module (data \"", { "\\00" }, 3, "\")(func drop))", NULL },
  { "strings", "(module (data ", { "\"\"" }, 2, ")(func drop))", NULL },
  { "annotations", "(module ", { "(@a)" }, 4, "(func drop))", NULL },
  { "nested_annotations", "(module ", { "(@a", ")" }, 4, "(func drop))", NULL },
  { "customs", "(module ", { "(@custom \"\")" }, 12, "(func drop))", NULL },
  { "hints", "(module (func (param i32) ", { "local.get 0 (@metadata.code.branch_hint \"\\00\")if end " }, 54, "drop))", NULL },
  { "comments", "(module ", { "(;", ";)" }, 4, "(func drop))", NULL },
  { "quoted", "(module quote \"(func ", { "nop " }, 4, "drop)\")", NULL },
  { "quoted_strings", "(module quote \"(func \"", { "\"\"" }, 2, "\"drop)\")", NULL },
  { "quoted_parentheses", "(module quote \"", { "(" }, 1, "\")", NULL },
  { "binary", "(module binary \"\\00asm\\01\\00\\00\\00\" \"", { "abcdefgh" }, 8, "\")", NULL },
  { "floats", "(module (func ", { "f64.const 1.5 drop " }, 19, "drop))", NULL },
  { "long_float", "(module (func f64.const 1.", { "3" }, 1, "))", NULL },
  { "table_labels", "(module (func i32.const 0 br_table", { " 0" }, 2, " local.get 9))", NULL },
  { "recursive_types", "(module (rec ", { "(type(struct))" }, 14, ")(func drop))", NULL },
  { "fields", "(module (type(struct", { "(field i8)" }, 10, "))(func drop))", NULL },
  { "results", "(module (func (result", { " i32" }, 4, ")))", NULL },
  { "long_word", "(module (func ", { "x" }, 1, "))", NULL },
  { "spaces", "(module ", { "\n" }, 1, "(func drop))", NULL },
};

static void write_family(Buf *b, const Family *f, unsigned n)
{
  if (f->make) {
    f->make(b, n);
    return;
  }
  put(b, "%s", f->head);
  repeat(b, f->run[0], n / f->bytes);
  if (f->run[1])
    repeat(b, f->run[1], n / f->bytes);
  put(b, "%s", f->tail);
}

static void read_it(Ctx *ctx, void *arg)
{
  Settings s = zw_settings(false);
  PassTimes times = { 0 };
  zw_read_module(ctx, arg, s.features, &times);
}

enum { AT_ONCE = 256 << 10, PER_BYTE = ZW_REDZONE > 0 ? 400 : 80 }; // under ASan the redzones of an arena's objects count, too

// Bytes that refusing it takes beyond AT_ONCE, per byte; negative when it is not refused.
static double refusal(const Buf *b, const char **why)
{
  static Diag diag;
  Ctx ctx;
  zw_alloc_peak_reset();
  uint64_t before = zw_alloc_bytes();
  zw_ctx_init(&ctx);
  Source source = { .bytes = (const uint8_t *)b->p, .len = b->n, .to_compile = true };
  bool ok = zw_guard(&ctx, read_it, &source);
  diag = ctx.diag;
  *why = diag.text;
  uint64_t memory = zw_alloc_peak() - before;
  zw_ctx_free(&ctx);
  if (ok)
    return -1;
  return memory > AT_ONCE ? (double)(memory - AT_ONCE) / (double)b->n : 0;
}

int main(void)
{
  static const unsigned sizes[] = { 4000, 100000, 1000000 };
  double most = 0;
  unsigned wrong = 0, n = 0;
  for (size_t k = 0; k < ARRAY_COUNT(families); k++)
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
      Buf b = { 0 };
      const char *why;
      write_family(&b, &families[k], sizes[i]);
      double x = refusal(&b, &why);
      bool bad = x < 0 || x > PER_BYTE;
      printf("%-20s %8zu bytes  %6.1f  %.70s%s\n", families[k].name, b.n, x, why, x < 0 ? "NOT REFUSED" : bad ? "  TOO MUCH" : "");
      most = x > most ? x : most;
      wrong += bad, n++;
      free(b.p);
    }
  printf("%u texts refused, at most %d KiB + %.1f x input; %u wrong\n", n, AT_ONCE >> 10, most, wrong);
  return wrong != 0;
}
