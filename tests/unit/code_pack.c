// compiler/emit/blob.h: a FuncCode comes out of its packed form as it went in, whatever its numbers are, and costs little when they are 0.
#include "compiler/emit/blob.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static uint64_t rng = 0x9e3779b97f4a7c15;
static uint32_t any(void)
{
  rng ^= rng << 13, rng ^= rng >> 7, rng ^= rng << 17;
  return (uint32_t)(rng >> 20);
}

enum { MOST = 300 };
static uint8_t bytes[4][MOST];
static Fixup fixups[MOST];
static ImageInline inlines[MOST];
static ImageHandler handlers[MOST];
static uint32_t count(void) { return any() % 3 ? any() % MOST : 0; }
static uint32_t number(void) { return any() % 3 ? any() >> any() % 32 : 0; }

static FuncCode some_code(void)
{
  FuncCode c = { .func = number(), .bytes = bytes[0], .nbytes = count(), .align = 16u << any() % 3, .frame_bytes = number(), .prologue_bytes = number(),
                 .pop_bytes = number(), .saved = (uint16_t)number(), .flags = (uint8_t)number(), .fixups = fixups, .nfixups = count(),
                 .sites = bytes[1], .sites_bytes = count(), .nsites = number(), .maps = bytes[2], .maps_bytes = count(), .nmaps = number(),
                 .handlers = handlers, .nhandlers = count(), .cfi = bytes[3], .cfi_bytes = count(),
                 .libcalls = (uint64_t)number() << 32 | number(), .inlines = inlines, .ninlines = count() };
  c.code_bytes = c.nbytes - (c.nbytes ? any() % c.nbytes : 0);
  return c;
}

static void part_is(const void *got, const void *wanted, size_t n, size_t align)
{
  assert_int_equal((uintptr_t)got % align, 0);
  if (n)
    assert_memory_equal(got, wanted, n);
}

static void numbers_are(const FuncCode *o, const FuncCode *c)
{
  const uint64_t of[2][18] = {
#define NUMBERS(f) { f->func, f->nbytes, f->align, f->code_bytes, f->frame_bytes, f->prologue_bytes, f->pop_bytes, f->saved, f->flags, f->nfixups, \
                     f->sites_bytes, f->nsites, f->maps_bytes, f->nmaps, f->nhandlers, f->cfi_bytes, f->libcalls, f->ninlines }
    NUMBERS(o), NUMBERS(c),
  };
  assert_memory_equal(of[0], of[1], sizeof of[0]);
}

static void comes_out_as_it_went_in(void **state)
{
  (void)state;
  Arena a;
  zw_arena_init(&a, NULL, NULL);
  for (size_t k = 0; k < sizeof bytes; k++)
    bytes[k / MOST][k % MOST] = (uint8_t)any();
  for (uint32_t k = 0; k < MOST; k++) {
    fixups[k] = (Fixup){ any() >> 1, FX_CALL, any() };
    inlines[k] = (ImageInline){ any(), any(), any() };
    handlers[k] = (ImageHandler){ any(), any(), any(), any(), any() };
  }
  for (uint32_t round = 0; round < 2000; round++) {
    FuncCode c = some_code(), o;
    zw_code_open(zw_code_pack(&c, &a), &o);
    part_is(o.bytes, c.bytes, c.nbytes, 1);
    part_is(o.fixups, c.fixups, c.nfixups * sizeof *fixups, _Alignof(Fixup));
    part_is(o.inlines, c.inlines, c.ninlines * sizeof *inlines, _Alignof(ImageInline));
    part_is(o.handlers, c.handlers, c.nhandlers * sizeof *handlers, _Alignof(ImageHandler));
    part_is(o.sites, c.sites, c.sites_bytes, 1);
    part_is(o.maps, c.maps, c.maps_bytes, 1);
    part_is(o.cfi, c.cfi, c.cfi_bytes, 1);
    numbers_are(&o, &c);
    zw_arena_reset(&a);
  }
  zw_arena_free(&a);
}

static void a_tiny_one_is_small(void **state)
{
  (void)state;
  Arena a;
  zw_arena_init(&a, NULL, NULL);
  FuncCode c = { .func = 20000, .bytes = bytes[0], .nbytes = 4, .code_bytes = 4, .align = 16 };
  zw_code_pack(&c, &a);
  const char *before = a.next;
  zw_code_pack(&c, &a);
  assert_true(a.next - before <= 28 + ZW_REDZONE);
  zw_arena_free(&a);
}

int main(void)
{
  const struct CMUnitTest tests[] = { cmocka_unit_test(comes_out_as_it_went_in), cmocka_unit_test(a_tiny_one_is_small) };
  return cmocka_run_group_tests_name("code_pack", tests, NULL, NULL);
}
