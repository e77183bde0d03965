// The source line of a wasm offset, from the image's own table.  Damaged tables give wrong lines, and nothing worse: every
// read is bounded here, so an image from a file needs no proof of them.
#include "runtime/base/leb.h"
#include "runtime/vm/vm_int.h"

// The block that wasm_at falls in, or -1.
static int64_t find_block(const ImageLineBlock *b, uint32_t n, uint32_t wasm_at)
{
  uint32_t lo = 0, hi = n;
  while (lo < hi) {
    uint32_t mid = lo + (hi - lo) / 2;
    if (b[mid].at <= wasm_at)
      lo = mid + 1;
    else
      hi = mid;
  }
  return (int64_t)lo - 1;
}

static const char *file_name(const Image *im, uint32_t file)
{
  if (file >= IMAGE_COUNT(im, IMG_FILES))
    return NULL;
  uint32_t off = IMAGE_ARRAY(im, uint32_t, IMG_FILES)[file], bytes = IMAGE_COUNT(im, IMG_STRINGS);
  const char *s = off < bytes ? zw_image_str(im, off) : NULL;
  for (uint32_t k = off; s && k < bytes; k++)
    if (s[k - off] == 0)
      return s;
  return NULL;
}

const char *zw_image_line(const Image *im, uint32_t wasm_at, uint32_t *line)
{
  const ImageLineBlock *blocks = IMAGE_ARRAY(im, ImageLineBlock, IMG_LINE_BLOCKS);
  uint32_t nblocks = IMAGE_COUNT(im, IMG_LINE_BLOCKS), bytes = IMAGE_COUNT(im, IMG_LINES);
  int64_t k = find_block(blocks, nblocks, wasm_at);
  if (k < 0 || blocks[k].off > bytes)
    return NULL;
  const uint8_t *rows = IMAGE_ARRAY(im, uint8_t, IMG_LINES), *p = rows + blocks[k].off, *end = rows + bytes;
  if (k + 1 < nblocks && blocks[k + 1].off < bytes)
    end = rows + blocks[k + 1].off;
  uint64_t at = blocks[k].at, d;
  int64_t file = 0, n = 0, df = 0, dn, found = 0, found_file = 0;
  while (p < end && zw_leb_read_u(&p, end, 32, &d) == LEB_OK && (at += d) <= wasm_at) {
    if (zw_leb_read_s(&p, end, 34, &dn) != LEB_OK || (dn & 1 && zw_leb_read_s(&p, end, 32, &df) != LEB_OK))
      return NULL;
    found_file = file += dn & 1 ? df : 0, found = n += dn >> 1;
  }
  if (found <= 0 || found > UINT32_MAX || found_file < 0 || found_file > UINT32_MAX)
    return NULL;
  *line = (uint32_t)found;
  return file_name(im, (uint32_t)found_file);
}
