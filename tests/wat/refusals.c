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

// Each writes a text of about n bytes.
typedef void Family(Buf *b, unsigned n);
static void parentheses(Buf *b, unsigned n) { put(b, "(module"); repeat(b, "(", n / 2); repeat(b, ")", n / 2); put(b, ")"); }
static void opened(Buf *b, unsigned n) { put(b, "(module"); repeat(b, "(", n); }
static void closed(Buf *b, unsigned n) { put(b, "(module"); repeat(b, ")", n); }
static void digits(Buf *b, unsigned n) { put(b, "(module (func "); repeat(b, "0 ", n / 2); put(b, "))"); }
static void folded(Buf *b, unsigned n)
{
  put(b, "(module (func (result i32) ");
  repeat(b, "(i32.eqz", n / 9);
  repeat(b, ")", n / 9);
  put(b, "))");
}
static void folded_blocks(Buf *b, unsigned n)
{
  put(b, "(module (func ");
  repeat(b, "(block", n / 7);
  repeat(b, ")", n / 7);
  put(b, " drop))");
}
static void flat_blocks(Buf *b, unsigned n)
{
  put(b, "(module (func ");
  repeat(b, "loop ", n / 9);
  repeat(b, "end ", n / 9);
  put(b, "drop))");
}
static void names(Buf *b, unsigned n)
{
  put(b, "(module");
  for (unsigned k = 0; k < n / 14; k++)
    put(b, "(func $%x)", k);
  put(b, "(func $0))");
}
static void uses(Buf *b, unsigned n)
{
  put(b, "(module (func (local $x i32)");
  repeat(b, "local.get $x drop ", n / 18);
  put(b, "drop))");
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
static void locals(Buf *b, unsigned n) { put(b, "(module (func (local "); repeat(b, "i32 ", n / 4); put(b, ") drop))"); }
static void params(Buf *b, unsigned n) { put(b, "(module (type (func (param "); repeat(b, "i32 ", n / 4); put(b, "))) (func drop))"); }
static void types(Buf *b, unsigned n) { put(b, "(module "); repeat(b, "(type(func))", n / 12); put(b, "(func drop))"); }
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
static void functions(Buf *b, unsigned n) { put(b, "(module "); repeat(b, "(func)", n / 6); put(b, "(func drop))"); }
static void globals(Buf *b, unsigned n) { put(b, "(module "); repeat(b, "(global i32(i32.const 0))", n / 25); put(b, "(func drop))"); }
static void memories(Buf *b, unsigned n) { put(b, "(module "); repeat(b, "(memory 0)", n / 10); put(b, "(func drop))"); }
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
static void imports(Buf *b, unsigned n) { put(b, "(module "); repeat(b, "(import\"\"\"\"(func))", n / 19); put(b, "(func drop))"); }
static void elements(Buf *b, unsigned n) { put(b, "(module (func)(table 1 funcref)(elem(i32.const 0)"); repeat(b, " 0", n / 2); put(b, ")(func drop))"); }
static void element_exprs(Buf *b, unsigned n) { put(b, "(module (func)(elem funcref "); repeat(b, "(ref.func 0)", n / 12); put(b, ")(func drop))"); }
static void segments(Buf *b, unsigned n) { put(b, "(module "); repeat(b, "(data)", n / 6); put(b, "(func drop))"); }
static void long_string(Buf *b, unsigned n) { put(b, "(module (data \""); repeat(b, "abcdefgh", n / 8); put(b, "\")(func drop))"); }
static void escapes(Buf *b, unsigned n) { put(b, "(module (data \""); repeat(b, "\\00", n / 3); put(b, "\")(func drop))"); }
static void strings(Buf *b, unsigned n) { put(b, "(module (data "); repeat(b, "\"\"", n / 2); put(b, ")(func drop))"); }
static void annotations(Buf *b, unsigned n) { put(b, "(module "); repeat(b, "(@a)", n / 4); put(b, "(func drop))"); }
static void nested_annotations(Buf *b, unsigned n) { put(b, "(module "); repeat(b, "(@a", n / 4); repeat(b, ")", n / 4); put(b, "(func drop))"); }
static void customs(Buf *b, unsigned n) { put(b, "(module "); repeat(b, "(@custom \"\")", n / 12); put(b, "(func drop))"); }
static void hints(Buf *b, unsigned n)
{
  put(b, "(module (func (param i32) ");
  repeat(b, "local.get 0 (@metadata.code.branch_hint \"\\00\")if end ", n / 54);
  put(b, "drop))");
}
static void comments(Buf *b, unsigned n) { put(b, "(module "); repeat(b, "(;", n / 4); repeat(b, ";)", n / 4); put(b, "(func drop))"); }
static void quoted(Buf *b, unsigned n) { put(b, "(module quote \"(func "); repeat(b, "nop ", n / 4); put(b, "drop)\")"); }
static void quoted_strings(Buf *b, unsigned n) { put(b, "(module quote \"(func \""); repeat(b, "\"\"", n / 2); put(b, "\"drop)\")"); }
static void quoted_parentheses(Buf *b, unsigned n) { put(b, "(module quote \""); repeat(b, "(", n); put(b, "\")"); }
static void binary(Buf *b, unsigned n) { put(b, "(module binary \"\\00asm\\01\\00\\00\\00\" \""); repeat(b, "abcdefgh", n / 8); put(b, "\")"); }
static void floats(Buf *b, unsigned n) { put(b, "(module (func "); repeat(b, "f64.const 1.5 drop ", n / 19); put(b, "drop))"); }
static void long_float(Buf *b, unsigned n) { put(b, "(module (func f64.const 1."); repeat(b, "3", n); put(b, "))"); }
static void table_labels(Buf *b, unsigned n) { put(b, "(module (func i32.const 0 br_table"); repeat(b, " 0", n / 2); put(b, " local.get 9))"); }
static void recursive_types(Buf *b, unsigned n) { put(b, "(module (rec "); repeat(b, "(type(struct))", n / 14); put(b, ")(func drop))"); }
static void fields(Buf *b, unsigned n) { put(b, "(module (type(struct"); repeat(b, "(field i8)", n / 10); put(b, "))(func drop))"); }
static void results(Buf *b, unsigned n) { put(b, "(module (func (result"); repeat(b, " i32", n / 4); put(b, ")))"); }
static void long_word(Buf *b, unsigned n) { put(b, "(module (func "); repeat(b, "x", n); put(b, "))"); }
static void spaces(Buf *b, unsigned n) { put(b, "(module "); repeat(b, "\n", n); put(b, "(func drop))"); }

#define FAMILY(f) { #f, f }
static const struct { const char *name; Family *make; } families[] = {
  FAMILY(parentheses), FAMILY(opened), FAMILY(closed), FAMILY(digits), FAMILY(folded), FAMILY(folded_blocks), FAMILY(flat_blocks),
  FAMILY(names), FAMILY(uses), FAMILY(symbols), FAMILY(labels), FAMILY(locals), FAMILY(params), FAMILY(types), FAMILY(type_uses),
  FAMILY(functions), FAMILY(globals), FAMILY(memories), FAMILY(exports), FAMILY(inline_exports), FAMILY(imports), FAMILY(elements),
  FAMILY(element_exprs), FAMILY(segments), FAMILY(long_string), FAMILY(escapes), FAMILY(strings), FAMILY(annotations),
  FAMILY(nested_annotations), FAMILY(customs), FAMILY(hints), FAMILY(comments), FAMILY(quoted), FAMILY(quoted_strings),
  FAMILY(quoted_parentheses), FAMILY(binary), FAMILY(floats), FAMILY(long_float), FAMILY(table_labels), FAMILY(recursive_types),
  FAMILY(fields), FAMILY(results), FAMILY(long_word), FAMILY(spaces),
};

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
      families[k].make(&b, sizes[i]);
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
