// What every program does with images: open the one that was linked into it, find functions and sites in it.  The linker
// has checked nothing, but whoever could change these bytes could change this code as well, so the header must fit and
// the rest is believed; the proofs for other images are in image.c, which a linked program does not contain.
#include "runtime/vm/vm_int.h"

static bool refuse(char *err, size_t err_bytes, const char *why) { return zw_format(err, err_bytes, "damaged image: %s", why), false; }

bool zw_image_head(Image *im, const uint8_t *meta, size_t meta_bytes, const uint8_t *text, size_t text_bytes,
                   const uint8_t *data, size_t data_bytes, char *err, size_t err_bytes)
{
  const ImageHeader *h = (const ImageHeader *)(const void *)meta;
  *im = (Image){ .h = h, .meta = meta, .text = text, .data = data };
  if (meta_bytes < sizeof *h || (uintptr_t)meta % 8 || h->magic != IMAGE_MAGIC)
    return refuse(err, err_bytes, "it does not begin as an image does");
  if (h->format != IMAGE_FORMAT || h->abi != IMAGE_ABI) {
    zw_format(err, err_bytes, "it was compiled as format %u for runtime ABI %u, this runtime reads format %u of ABI %u: compile the module again", h->format, h->abi,
              (unsigned)IMAGE_FORMAT, (unsigned)IMAGE_ABI);
    return false;
  }
  if (h->meta_bytes != meta_bytes || h->text_bytes != text_bytes || h->data_bytes != data_bytes)
    return refuse(err, err_bytes, "its sizes differ from what the header says");
  return true;
}

void zw_image_count(Image *im)
{
  im->counts = (VmCounts){ .memories = IMAGE_COUNT(im, IMG_MEMORIES), .tables = IMAGE_COUNT(im, IMG_TABLES),
                           .imported_funcs = im->h->nimported_funcs, .types = IMAGE_COUNT(im, IMG_TYPE_INDEX),
                           .globals = IMAGE_COUNT(im, IMG_GLOBALS), .funcrefs = IMAGE_COUNT(im, IMG_FUNCREFS) };
  im->layout = zw_vm_layout(&im->counts);
  im->funcs = IMAGE_ARRAY(im, ImageFunc, IMG_FUNCS);
  im->nfuncs = IMAGE_COUNT(im, IMG_FUNCS);
}

bool zw_image_open_own(Image *im, const uint8_t *meta, size_t meta_bytes, const uint8_t *text, size_t text_bytes,
                       const uint8_t *data, size_t data_bytes, char *err, size_t err_bytes)
{
  if (!zw_image_head(im, meta, meta_bytes, text, text_bytes, data, data_bytes, err, err_bytes))
    return false;
  zw_image_count(im);
  return true;
}

// ---- at trap time: no bounds here, the tables were checked or are our own ----

const ImageFunc *zw_image_func_at(const Image *im, uint32_t pc)
{
  uint32_t lo = 0, hi = __atomic_load_n(&im->nfuncs, __ATOMIC_ACQUIRE); // the answer is below hi; all below lo begin at or before pc
  while (lo < hi) {
    uint32_t mid = lo + (hi - lo) / 2;
    if (im->funcs[mid].code_off <= pc)
      lo = mid + 1;
    else
      hi = mid;
  }
  if (lo == 0)
    return NULL;
  const ImageFunc *f = &im->funcs[lo - 1];
  return pc - f->code_off < f->code_bytes ? f : NULL;
}

static uint32_t next_uleb(const uint8_t **p)
{
  uint32_t v = 0;
  for (unsigned shift = 0;; shift += 7) {
    uint8_t b = *(*p)++;
    v |= (uint32_t)(b & 0x7f) << (shift & 31);
    if (!(b & 0x80))
      return v;
  }
}
static int32_t next_sleb(const uint8_t **p)
{
  uint32_t v = 0;
  for (unsigned shift = 0;;) {
    uint8_t b = *(*p)++;
    v |= (uint32_t)(b & 0x7f) << (shift & 31);
    shift += 7;
    if (!(b & 0x80))
      return (int32_t)(shift < 32 && b & 0x40 ? v | ~0u << shift : v);
  }
}

bool zw_image_site(const Image *im, const ImageFunc *f, uint32_t pc, bool fault, SiteInfo *out)
{
  const uint8_t *p = im->meta + im->h->span[IMG_SITES].off + f->sites;
  uint32_t at = f->code_off, wasm_at = 0;
  for (uint32_t i = 0; i < f->nsites && at <= pc; i++) {
    at += next_uleb(&p);
    uint8_t kind = *p++;
    wasm_at += (uint32_t)next_sleb(&p);
    if (at == pc && ((kind & ~SITE_TRAP_MASK) == SITE_FAULT) == fault) {
      *out = (SiteInfo){ kind, wasm_at };
      return true;
    }
  }
  return false;
}
