#include "runtime/base/utf8.h"
#include "runtime/base/bits.h"

bool zw_utf8_ok(const uint8_t *p, size_t n)
{
  for (size_t i = 0; i < n;) {
    if (n - i >= 8 && !(zw_get64(p + i) & 0x8080808080808080u)) { // ASCII, eight at a time
      i += 8;
      continue;
    }
    uint32_t b = p[i++];
    if (b < 0x80)
      continue;
    unsigned more = b >= 0xf0 ? 3 : b >= 0xe0 ? 2 : 1;
    if (b < 0xc2 || b > 0xf4 || n - i < more)
      return false;
    uint32_t c = b & (0x3f >> more);
    for (unsigned k = 0; k < more; k++, i++) {
      if ((p[i] & 0xc0) != 0x80)
        return false;
      c = c << 6 | (p[i] & 0x3f);
    }
    static const uint32_t least[4] = { 0, 0x80, 0x800, 0x10000 };
    if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
      return false;
  }
  return true;
}
