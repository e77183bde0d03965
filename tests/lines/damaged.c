// .debug_line that no compiler wrote: every cut and every changed byte of a good one, counts that lie, one long name for
// many files.  Nothing may be read outside, rows stay inside the code section and in order, and memory stays linear.
#include "compiler/wasm/lines.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct Buf { uint8_t p[1 << 20]; size_t n; } Buf;
static void put(Buf *b, unsigned v) { b->p[b->n++] = (uint8_t)v; }
static void put_uleb(Buf *b, size_t v)
{
  do {
    put(b, (unsigned)(v & 0x7f) | (v > 0x7f ? 0x80 : 0));
    v >>= 7;
  } while (v);
}
static void put32(Buf *b, size_t v) { put(b, v & 255), put(b, v >> 8 & 255), put(b, v >> 16 & 255), put(b, v >> 24 & 255); }
static void put_bytes(Buf *b, const void *p, size_t n)
{
  memcpy(b->p + b->n, p, n);
  b->n += n;
}
static void put_section(Buf *m, unsigned id, const char *name, const void *p, size_t n)
{
  size_t name_bytes = name ? strlen(name) + 1 : 0;
  put(m, id);
  put_uleb(m, n + name_bytes);
  if (name)
    put_uleb(m, strlen(name)), put_bytes(m, name, strlen(name));
  put_bytes(m, p, n);
}

// A module with one function of 40 nops, and the section.
static Buf *make(const Buf *lines, const Buf *strings)
{
  Buf *m = calloc(1, sizeof *m);
  put_bytes(m, "\0asm\1\0\0\0", 8);
  put_section(m, 1, NULL, "\1\x60\0\0", 4);
  put_section(m, 3, NULL, "\1\0", 2);
  uint8_t code[44] = { 1, 42, 0 };
  memset(code + 3, 1, 40);
  code[43] = 0x0b;
  put_section(m, 10, NULL, code, sizeof code);
  put_section(m, 0, ".debug_line", lines->p, lines->n);
  if (strings)
    put_section(m, 0, ".debug_line_str", strings->p, strings->n);
  return m;
}

static const uint8_t header_tail[] = { 1, 1, 1, 0xfb /* line_base -5 */, 14, 10, 0, 1, 1, 1, 1, 0, 0, 0, 1 };
static const uint8_t program[] = {
  0, 5, 2, 3, 0, 0, 0,  // set_address 3
  1,                    // copy: line 1
  2, 4, 3, 9, 1,        // advance_pc 4, advance_line 9, copy: line 10
  4, 2, 10 + 5 + 14,    // file 2, special: line +0, address +1
  8, 9, 4, 0, 1,        // const_add_pc, fixed_advance_pc 4, copy
  2, 2, 0, 1, 1,        // end_sequence
};

static void unit4(Buf *b)
{
  Buf *h = calloc(1, sizeof *h);
  put_bytes(h, header_tail, sizeof header_tail);
  put_bytes(h, "inc\0\0a.c\0\0\0\0b.h\0\1\0\0\0", 21);
  put32(b, 2 + 4 + h->n + sizeof program);
  put(b, 4), put(b, 0);
  put32(b, h->n);
  put_bytes(b, h->p, h->n);
  put_bytes(b, program, sizeof program);
  free(h);
}

static void read_module(Ctx *ctx, void *arg)
{
  const Buf *b = ((void **)arg)[0];
  Module *m = zw_decode_module(ctx, b->p, b->n, UINT64_MAX);
  *(SourceLines *)((void **)arg)[1] = zw_read_lines(m, &ctx->module);
  *(const Module **)((void **)arg)[2] = m;
}

// Reads, and checks what must hold of any module; the bytes that the rows and files took.
static size_t read_any(const Buf *lines, const Buf *strings, SourceLines *kept, char *names, size_t bytes)
{
  Ctx ctx;
  zw_ctx_init(&ctx);
  Buf *m = make(lines, strings), *exact = malloc(offsetof(Buf, p) + sizeof(Buf));
  memcpy(exact, m, sizeof *m);
  SourceLines l = { 0 };
  const Module *module = NULL;
  void *args[] = { exact, &l, &module };
  assert_true(zw_guard(&ctx, read_module, args));
  names[0] = 0;
  for (uint32_t k = 0; k < l.n; k++) {
    assert_true(k == 0 || l.rows[k - 1].at < l.rows[k].at);
    assert_true(l.rows[k].at >= module->code_at && l.rows[k].at <= module->code_at + module->code_len);
    assert_true(l.rows[k].line == 0 || l.rows[k].file < l.nfiles);
  }
  for (uint32_t k = 0; k < l.nfiles && l.files[k].n + 2 < bytes - strlen(names); k++) {
    strncat(names, l.files[k].p, l.files[k].n);
    strcat(names, " ");
  }
  size_t used = ctx.module.bytes;
  if (kept) {
    static LineRow rows[64];
    assert_true(l.n <= 64);
    memcpy(rows, l.rows, l.n * sizeof *rows);
    *kept = (SourceLines){ .rows = rows, .n = l.n };
  }
  zw_ctx_free(&ctx);
  free(m);
  free(exact);
  return used;
}

static void good(void **state)
{
  (void)state;
  Buf *b = calloc(1, sizeof *b);
  unit4(b);
  SourceLines l;
  char names[256];
  read_any(b, NULL, &l, names, sizeof names);
  assert_string_equal(names, "a.c inc/b.h ");
  uint32_t base = l.rows[0].at - 3;
  static const uint32_t want[][3] = { { 3, 0, 1 }, { 7, 0, 10 }, { 8, 1, 10 }, { 31, UINT32_MAX, 0 } };
  assert_int_equal(l.n, 4);
  for (uint32_t k = 0; k < 4; k++) {
    assert_int_equal(l.rows[k].at - base, want[k][0]);
    assert_int_equal(l.rows[k].file, want[k][1]);
    assert_int_equal(l.rows[k].line, want[k][2]);
  }
  assert_null(zw_find_line(&l, base + 2));
  assert_int_equal(zw_find_line(&l, base + 6)->line, 1);
  assert_int_equal(zw_find_line(&l, base + 30)->line, 10);
  assert_null(zw_find_line(&l, base + 31));
  free(b);
}

static void every_cut_and_byte(void **state)
{
  (void)state;
  Buf *b = calloc(1, sizeof *b), *c = calloc(1, sizeof *c);
  char names[256];
  unit4(b), unit4(b);
  unsigned done = 0;
  for (size_t n = 0; n <= b->n; n++, done++) {
    memcpy(c->p, b->p, n);
    c->n = n;
    read_any(c, NULL, NULL, names, sizeof names);
  }
  static const uint8_t values[] = { 0, 1, 2, 5, 9, 0x7f, 0x80, 0xff };
  for (size_t k = 0; k < b->n; k++)
    for (size_t v = 0; v < sizeof values; v++, done++) {
      memcpy(c->p, b->p, b->n);
      c->n = b->n;
      c->p[k] = values[v];
      read_any(c, NULL, NULL, names, sizeof names);
    }
  print_message("%u damaged sections\n", done);
  assert_true(done > 1000);
  free(b), free(c);
}

// A version 5 table of n files that all have one name of 60,000 bytes, in one directory as long; each has a row.
static void one_long_name(void **state)
{
  (void)state;
  enum { FILES = 20000, LONG = 60000 };
  Buf *b = calloc(1, sizeof *b), *h = calloc(1, sizeof *h), *s = calloc(1, sizeof *s), *p = calloc(1, sizeof *p);
  memset(s->p, 'x', LONG);
  s->n = LONG + 1;
  put_bytes(h, header_tail, sizeof header_tail);
  put(h, 1), put(h, 1), put(h, 0x1f), put(h, 2), put32(h, 0), put32(h, 0);
  put(h, 2), put(h, 1), put(h, 0x1f), put(h, 2), put(h, 0x0b), put_uleb(h, FILES);
  for (unsigned k = 0; k < FILES; k++)
    put32(h, 0), put(h, 1);
  put_bytes(p, program, 7);
  for (unsigned k = 0; k < FILES; k++)
    put(p, 4), put_uleb(p, k), put(p, k % 1000 == 999 ? 10 + 5 + 14 : 1);
  put32(b, 2 + 2 + 4 + h->n + p->n);
  put(b, 5), put(b, 0), put(b, 4), put(b, 0);
  put32(b, h->n);
  put_bytes(b, h->p, h->n);
  put_bytes(b, p->p, p->n);
  char names[256];
  size_t used = read_any(b, s, NULL, names, sizeof names);
  assert_true(used <= 40 * (b->n + s->n));
  free(b), free(h), free(s), free(p);
}

int main(void)
{
  const struct CMUnitTest tests[] = { cmocka_unit_test(good), cmocka_unit_test(every_cut_and_byte), cmocka_unit_test(one_long_name) };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
