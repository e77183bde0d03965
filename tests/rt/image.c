// Images that somebody else wrote: every damage is refused with a sentence or harmless to the readers.
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "guest.h"
#include "runtime/base/bits.h"
#include <stdlib.h>
#include <string.h>

static uint64_t seed = 88172645463325252ull;
static uint32_t rnd(uint32_t n)
{
  seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
  return (uint32_t)(seed >> 11) % n;
}

static void nothing(void *env, VmCtx *caller, Value *args) { (void)env, (void)caller, (void)args; }

// Everything that reads meta after the opening.
static void read_all(const Image *im)
{
  char text[300];
  SiteInfo site;
  TrapInfo t = { .kind = TRAP_oob, .nframes = 64, .total_frames = 64 };
  for (uint32_t pc = 0; pc < im->h->text_bytes; pc += 1 + rnd(3)) {
    const ImageFunc *f = zw_image_func_at(im, pc);
    if (f)
      (void)zw_image_site(im, f, pc, rnd(2), &site);
  }
  for (uint32_t i = 0; i < 64; i++)
    t.frames[i] = (TrapFrame){ .image = im, .func = rnd(20), .wasm_at = rnd(5) };
  (void)zw_trap_format(&t, text, sizeof text);
}

static bool instantiate(const Image *im)
{
  char err[200];
  TrapKind k;
  ValType i32 = VT_I32;
  StoreOptions so = { .max_memory = 1 << 20, .max_table_elements = 1000 };
  Store *s = zw_store_new(&so);
  Extern imports[] = { { .kind = EXT_FUNC, .u.func = zw_host_func_new(s, &i32, 1, &i32, 1, nothing, NULL) },
                       { .kind = EXT_FUNC, .u.func = zw_host_func_new(s, NULL, 0, NULL, 0, nothing, NULL) } };
  Instance *in = im->h->start_func == UINT32_MAX ? zw_instance_new(s, im, imports, 2, &k, err, sizeof err) : NULL;
  Extern e;
  if (in)
    (void)zw_instance_export(in, "nothing of that name", 20, &e);
  if (in)
    for (uint32_t i = 0; i < IMAGE_COUNT(im, IMG_EXPORTS); i++)
      zw_instance_export_at(in, i, &e);
  zw_store_delete(s);
  return in != NULL;
}

static void damage(uint8_t *p, size_t n)
{
  static const uint32_t nasty[] = { 0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff };
  for (uint32_t k = 1 + rnd(3); k > 0; k--) {
    size_t at = rnd((uint32_t)n - 8);
    if (rnd(4) == 0)
      at = rnd(sizeof(ImageHeader)); // the header decides most
    switch (rnd(4)) {
    case 0: p[at] ^= (uint8_t)(1 << rnd(8)); break;
    case 1: zw_put32(p + (at & ~3ull), nasty[rnd(ARRAY_COUNT(nasty))]); break;
    case 2: zw_put32(p + (at & ~3ull), zw_get32(p + (at & ~3ull)) + rnd(9) - 4); break;
    default: zw_put32(p + (at & ~3ull), zw_get32(p + (rnd((uint32_t)n - 8) & ~3u))); break;
    }
  }
}

static void damaged_meta_leads_nowhere(void **state)
{
  (void)state;
  enum { ROUNDS = 40000 };
  size_t n, text_bytes;
  uint8_t *good = guest_meta_copy(&n), *bad = malloc(n);
  const uint8_t *text = guest_text(&text_bytes);
  int accepted = 0, ran = 0, refused = 0, tried = 0;
  if (getenv("SEED"))
    seed += strtoull(getenv("SEED"), NULL, 0) * 0x9e3779b97f4a7c15u;
  for (int i = 0; i < ROUNDS; i++) {
    char err[200] = "";
    Image im;
    memcpy(bad, good, n);
    damage(bad, n);
    if (zw_image_open(&im, bad, n, text, text_bytes, (const uint8_t *)guest_data, 8, true, err, sizeof err)) {
      accepted++;
      read_all(&im);
      if (i % 4 == 0)
        tried++, ran += instantiate(&im);
    } else {
      refused++;
      assert_true(strlen(err) > 10);
    }
  }
  print_message("%d damaged: %d refused, %d opened, %d of %d instantiated\n", ROUNDS, refused, accepted, ran, tried);
  assert_true(accepted > ROUNDS / 50 && ran > ROUNDS / 400 && refused > ROUNDS / 3);
  free(good);
  free(bad);
}

static void every_prefix_is_refused(void **state)
{
  (void)state;
  size_t n, text_bytes;
  uint8_t *good = guest_meta_copy(&n);
  const uint8_t *text = guest_text(&text_bytes);
  for (size_t k = 0; k < n; k++) {
    char err[200];
    Image im;
    uint8_t *copy = malloc(k + 1); // a buffer of just that size, so that reading on is seen
    memcpy(copy, good, k);
    assert_false(zw_image_open(&im, copy, k, text, text_bytes, (const uint8_t *)guest_data, 8, true, err, sizeof err));
    free(copy);
  }
  free(good);
}

static void the_undamaged_image_opens(void **state)
{
  (void)state;
  assert_true(instantiate(guest_image(1, 2, true, IMAGE_GUARD)));
}

int main(void)
{
  const struct CMUnitTest tests[] = { cmocka_unit_test(the_undamaged_image_opens), cmocka_unit_test(every_prefix_is_refused),
                                      cmocka_unit_test(damaged_meta_leads_nowhere) };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
