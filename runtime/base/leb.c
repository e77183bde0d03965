#include "runtime/base/leb.h"

unsigned zw_leb_write_u64(uint8_t *p, uint64_t v)
{
  unsigned n = 0;
  for (; v >= 0x80; v >>= 7)
    p[n++] = (uint8_t)(v | 0x80);
  p[n++] = (uint8_t)v;
  return n;
}

unsigned zw_leb_write_s64(uint8_t *p, int64_t v)
{
  unsigned n = 0;
  for (; v < -64 || v > 63; v >>= 7)
    p[n++] = (uint8_t)((uint64_t)v | 0x80);
  p[n++] = (uint8_t)((uint64_t)v & 0x7f);
  return n;
}

unsigned zw_leb_write_u32(uint8_t *p, uint32_t v) { return zw_leb_write_u64(p, v); }
unsigned zw_leb_write_s32(uint8_t *p, int32_t v) { return zw_leb_write_s64(p, v); }

// The last byte allowed holds bits % 7 bits of the value; a set continuation bit there means "too long",
// any other unused bit that is not a copy of the sign (or zero) means "too large".
static LebStatus read_bits(const uint8_t **p, const uint8_t *end, unsigned bits, bool is_signed, uint64_t *out)
{
  uint64_t v = 0;
  for (unsigned shift = 0;; shift += 7) {
    if (*p >= end)
      return LEB_TRUNCATED;
    uint8_t b = **p;
    unsigned left = bits - shift;
    if (left <= 7) {
      if (b & 0x80)
        return LEB_TOO_LONG;
      uint8_t unused = (uint8_t)(0x7f & ~((1u << left) - 1));
      bool negative = is_signed && (b >> (left - 1) & 1);
      if ((b & unused) != (negative ? unused : 0))
        return LEB_TOO_LARGE;
    }
    (*p)++;
    v |= (uint64_t)(b & 0x7f) << shift;
    if (b & 0x80)
      continue;
    if (is_signed && shift + 7 < 64 && (b & 0x40))
      v |= ~(uint64_t)0 << (shift + 7);
    *out = v;
    return LEB_OK;
  }
}

LebStatus zw_leb_read_u(const uint8_t **p, const uint8_t *end, unsigned bits, uint64_t *out)
{
  return read_bits(p, end, bits, false, out);
}

LebStatus zw_leb_read_s(const uint8_t **p, const uint8_t *end, unsigned bits, int64_t *out)
{
  uint64_t v = 0;
  LebStatus s = read_bits(p, end, bits, true, &v);
  *out = (int64_t)v;
  return s;
}
