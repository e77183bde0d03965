// Decimal and hexadecimal floats, exactly.  Everything goes through one pair: a 64-bit mantissa with its top bit
// set plus a sticky bit (round_pack makes a float of it), and small big-integers for the decimal side.
// Reading: value = D * 10^e as a quotient of integers, 64 quotient bits by shift and subtract; typical literals
// need two or three limbs, so this is a fraction of a microsecond, and the common short ones never get there.
// Printing: digit generation by Steele and White, in the integer form of Burger and Dybvig (1996): the shortest
// digits inside the interval that rounds to the value.
#include "runtime/base/fp.h"
#include "runtime/base/bits.h"

typedef struct Format { int mant_bits, min_exp, exp_bias; } Format; // explicit mantissa bits; exponent of the least normal
static const Format format32 = { 23, -126, 127 }, format64 = { 52, -1022, 1023 };
static const Format *format_of(unsigned width) { return width == 32 ? &format32 : &format64; }
static uint64_t infinity(const Format *f) { return (uint64_t)(2 * f->exp_bias + 1) << f->mant_bits; }
static uint64_t sign_bit(const Format *f) { return f == &format32 ? 1ull << 31 : 1ull << 63; }

// mant * 2^exp with mant's bit 63 set, plus something below when sticky.  Rounds to nearest even.
static FpStatus round_pack(const Format *f, uint64_t mant, int64_t exp, bool sticky, uint64_t *out)
{
  int64_t e = exp + 63; // of the leading bit
  if (e > f->exp_bias)
    return FP_RANGE;
  int drop = 63 - f->mant_bits;
  bool subnormal = e < f->min_exp;
  if (subnormal) {
    if (f->min_exp - e > 63)
      drop = 65;
    else
      drop += (int)(f->min_exp - e);
  }
  uint64_t kept = drop > 63 ? 0 : mant >> drop;
  uint64_t half, rest; // the first bit dropped; whatever follows it
  if (drop > 64) {
    half = 0, rest = 1;
  } else {
    half = mant >> (drop - 1) & 1;
    rest = (drop > 1 && (mant << (65 - drop)) != 0) || sticky;
  }
  if (half && (rest || (kept & 1)))
    kept++;
  // A carry into the hidden bit, or out of it, lands in the exponent by itself.
  uint64_t bits = subnormal ? kept : kept + ((uint64_t)(e + f->exp_bias - 1) << f->mant_bits);
  if (bits >= infinity(f))
    return FP_RANGE;
  *out = bits;
  return FP_OK;
}

// ---- big natural numbers, just enough: little-endian 32-bit limbs, no leading zero limb ----
// The largest is 10^1120 shifted by a few limbs (reading), 2^1074 * 10^17 (printing).
enum { BIG_LIMBS = 160 };
typedef struct Big { int n; uint32_t p[BIG_LIMBS]; } Big;

static void big_set(Big *b, uint64_t v)
{
  b->n = 0;
  for (; v; v >>= 32)
    b->p[b->n++] = (uint32_t)v;
}

static void big_mul_add(Big *b, uint32_t mul, uint32_t add)
{
  uint64_t carry = add;
  for (int i = 0; i < b->n; i++) {
    carry += (uint64_t)b->p[i] * mul;
    b->p[i] = (uint32_t)carry;
    carry >>= 32;
  }
  if (carry) {
    CHECK(b->n < BIG_LIMBS);
    b->p[b->n++] = (uint32_t)carry;
  }
}

static void big_mul_pow10(Big *b, unsigned e)
{
  for (; e >= 9; e -= 9)
    big_mul_add(b, 1000000000, 0);
  static const uint32_t small[9] = { 1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000 };
  if (e)
    big_mul_add(b, small[e], 0);
}

static void big_shl(Big *b, unsigned k)
{
  unsigned limbs = k / 32, bits = k % 32;
  if (b->n == 0)
    return;
  CHECK(b->n + (int)limbs < BIG_LIMBS);
  b->p[b->n] = 0;
  for (int i = b->n; i >= 0; i--) {
    uint32_t low = i && bits ? b->p[i - 1] >> (32 - bits) : 0;
    b->p[i + (int)limbs] = b->p[i] << bits | low;
  }
  for (unsigned i = 0; i < limbs; i++)
    b->p[i] = 0;
  b->n += (int)limbs + 1;
  while (b->n && b->p[b->n - 1] == 0)
    b->n--;
}

static int big_cmp(const Big *a, const Big *b)
{
  if (a->n != b->n)
    return a->n < b->n ? -1 : 1;
  for (int i = a->n - 1; i >= 0; i--)
    if (a->p[i] != b->p[i])
      return a->p[i] < b->p[i] ? -1 : 1;
  return 0;
}

static void big_sub(Big *a, const Big *b) // a >= b
{
  int64_t borrow = 0;
  for (int i = 0; i < a->n; i++) {
    int64_t d = (int64_t)a->p[i] - (i < b->n ? b->p[i] : 0) + borrow;
    a->p[i] = (uint32_t)d;
    borrow = d >> 32;
  }
  while (a->n && a->p[a->n - 1] == 0)
    a->n--;
}

static void big_add(Big *out, const Big *a, const Big *b)
{
  uint64_t carry = 0;
  int n = a->n > b->n ? a->n : b->n;
  CHECK(n < BIG_LIMBS);
  for (int i = 0; i < n; i++) {
    carry += (i < a->n ? a->p[i] : 0ull) + (i < b->n ? b->p[i] : 0ull);
    out->p[i] = (uint32_t)carry;
    carry >>= 32;
  }
  if (carry)
    out->p[n++] = (uint32_t)carry;
  out->n = n;
}

static int big_bits(const Big *b) { return b->n ? 32 * b->n - (int)zw_clz32(b->p[b->n - 1]) : 0; }

// ---- reading ----
typedef struct Scan { const char *p, *end; } Scan;

static int digit_of(char c, unsigned base)
{
  int v = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
  return v < (int)base ? v : -1;
}

// One digit of a run; single underscores may stand between two digits.  -1 at the run's end.
static int next_digit(Scan *s, unsigned base, bool first)
{
  const char *p = s->p;
  if (!first && p < s->end && *p == '_')
    p++;
  int d = p < s->end ? digit_of(*p, base) : -1;
  if (d >= 0)
    s->p = p + 1;
  return d;
}

FpStatus zw_int_parse(const char *p, size_t n, uint64_t *out)
{
  Scan s = { p, p + n };
  unsigned base = 10;
  if (n > 2 && p[0] == '0' && p[1] == 'x')
    base = 16, s.p += 2;
  uint64_t v = 0;
  bool fits = true, first = true;
  for (int d; (d = next_digit(&s, base, first)) >= 0; first = false)
    fits = fits && !__builtin_mul_overflow(v, base, &v) && !__builtin_add_overflow(v, (uint64_t)d, &v);
  if (first || s.p != s.end)
    return FP_SYNTAX;
  *out = v;
  return fits ? FP_OK : FP_RANGE;
}

// What the digits of a literal say: the first significant ones, the rest as a scale and a sticky bit.
enum { MAX_DIGITS = 780 }; // no double needs more than 767 to be told from its neighbour; what follows is sticky
typedef struct Digits { uint8_t d[MAX_DIGITS]; int n; int64_t scale; bool sticky; } Digits; // 0.d0d1d2.. * base^scale

static void put_digit(Digits *g, int d, bool after_point)
{
  if (g->n == 0 && d == 0) { // a leading zero
    g->scale -= after_point;
    return;
  }
  g->scale += !after_point;
  if (g->n < MAX_DIGITS)
    g->d[g->n++] = (uint8_t)d;
  else
    g->sticky |= d != 0;
}

static bool scan_digits(Scan *s, unsigned base, Digits *g)
{
  g->n = 0, g->scale = 0, g->sticky = false;
  bool first = true;
  for (int d; (d = next_digit(s, base, first)) >= 0; first = false)
    put_digit(g, d, false);
  if (first)
    return false;
  if (s->p < s->end && *s->p == '.') {
    s->p++;
    first = true;
    for (int d; (d = next_digit(s, base, first)) >= 0; first = false)
      put_digit(g, d, true);
  }
  return true;
}

static bool scan_exponent(Scan *s, char letter, int64_t *exp)
{
  *exp = 0;
  if (s->p == s->end)
    return true;
  if ((*s->p | 0x20) != letter)
    return false;
  s->p++;
  bool negative = s->p < s->end && *s->p == '-';
  if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
    s->p++;
  bool first = true;
  for (int d; (d = next_digit(s, 10, first)) >= 0; first = false)
    *exp = *exp > 100000000000 ? *exp : *exp * 10 + d; // far beyond any number of digits a text can have
  if (negative)
    *exp = -*exp;
  return !first && s->p == s->end;
}

static FpStatus from_hex(const Format *f, const Digits *g, int64_t exp, uint64_t *out)
{
  uint64_t mant = 0;
  bool sticky = g->sticky;
  int used = 0;
  for (; used < g->n && used < 16; used++)
    mant = mant << 4 | g->d[used];
  for (int i = used; i < g->n; i++)
    sticky |= g->d[i] != 0;
  int64_t e = exp + 4 * (g->scale - used);
  unsigned up = zw_clz64(mant);
  return round_pack(f, mant << up, e - up, sticky, out);
}

// Short literals: an exact integer times or by an exact power of ten is one correctly rounded operation.
static bool from_short_decimal(const Format *f, const Digits *g, int64_t e10, uint64_t *out)
{
  static const double pow10[23] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
  bool is32 = f == &format32;
  if (g->n > (is32 ? 7 : 15) || g->sticky || e10 > (is32 ? 10 : 22) || e10 < (is32 ? -10 : -22))
    return false;
  uint64_t v = 0;
  for (int i = 0; i < g->n; i++)
    v = v * 10 + g->d[i];
  if (is32) {
    float p = (float)pow10[e10 < 0 ? -e10 : e10], x = (float)v; // exact: 10^10 = 5^10 * 2^10, 5^10 < 2^24
    x = e10 < 0 ? x / p : x * p;
    uint32_t bits;
    memcpy(&bits, &x, 4);
    *out = bits;
    return v < 1u << 24;
  }
  double p = pow10[e10 < 0 ? -e10 : e10], x = (double)v;
  x = e10 < 0 ? x / p : x * p;
  memcpy(out, &x, 8);
  return true;
}

static FpStatus from_decimal(const Format *f, Digits *g, int64_t exp, uint64_t *out)
{
  int64_t e10 = exp + g->scale - g->n; // value = D * 10^e10, D the digits as an integer
  if (from_short_decimal(f, g, e10, out))
    return FP_OK;
  if (exp + g->scale > 310)
    return FP_RANGE;
  if (exp + g->scale < -330) {
    *out = 0;
    return FP_OK;
  }
  Big num, den, shifted;
  big_set(&num, 0), big_set(&den, 1);
  for (int i = 0; i < g->n; i++) {
    if (num.n == 0)
      big_set(&num, g->d[i]);
    else
      big_mul_add(&num, 10, g->d[i]);
  }
  if (e10 >= 0)
    big_mul_pow10(&num, (unsigned)e10);
  else
    big_mul_pow10(&den, (unsigned)-e10);
  // Scale so that 1 <= num/den < 4, then take 64 bits of the quotient, the first of which is at once or next.
  int shift = big_bits(&den) - big_bits(&num) + 1;
  if (shift > 0)
    big_shl(&num, (unsigned)shift);
  else
    big_shl(&den, (unsigned)-shift);
  shifted = den;
  big_shl(&shifted, 1);
  if (big_cmp(&num, &shifted) >= 0)
    den = shifted, shift--;
  uint64_t q = 0;
  for (int i = 0; i < 64; i++) {
    q <<= 1;
    if (big_cmp(&num, &den) >= 0)
      big_sub(&num, &den), q |= 1;
    big_shl(&num, 1);
  }
  return round_pack(f, q, -63 - shift, num.n != 0 || g->sticky, out);
}

static bool starts(const Scan *s, const char *word, size_t n) { return (size_t)(s->end - s->p) >= n && memcmp(s->p, word, n) == 0; }

static FpStatus parse_special(const Format *f, Scan *s, uint64_t *out)
{
  size_t left = (size_t)(s->end - s->p);
  if (starts(s, "inf", 3) && left == 3) {
    *out = infinity(f);
    return FP_OK;
  }
  if (!starts(s, "nan", 3))
    return FP_SYNTAX;
  if (left == 3) {
    *out = infinity(f) | 1ull << (f->mant_bits - 1);
    return FP_OK;
  }
  uint64_t payload;
  if (!starts(s, "nan:0x", 6))
    return FP_SYNTAX;
  FpStatus st = zw_int_parse(s->p + 4, left - 4, &payload);
  if (st == FP_OK && (payload == 0 || payload >> f->mant_bits))
    st = FP_RANGE;
  if (st == FP_OK)
    *out = infinity(f) | payload;
  return st;
}

FpStatus zw_fp_parse(const char *p, size_t n, unsigned width, uint64_t *bits)
{
  const Format *f = format_of(width);
  Scan s = { p, p + n };
  uint64_t sign = 0, v = 0;
  if (n && (*p == '+' || *p == '-')) {
    sign = *p == '-' ? sign_bit(f) : 0;
    s.p++;
  }
  FpStatus st;
  if (s.p < s.end && (*s.p == 'i' || *s.p == 'n')) {
    st = parse_special(f, &s, &v);
  } else {
    bool hex = starts(&s, "0x", 2);
    s.p += hex ? 2 : 0;
    Digits g;
    int64_t exp;
    if (!scan_digits(&s, hex ? 16 : 10, &g) || !scan_exponent(&s, hex ? 'p' : 'e', &exp))
      return FP_SYNTAX;
    if (g.n == 0)
      st = FP_OK;
    else
      st = hex ? from_hex(f, &g, exp, &v) : from_decimal(f, &g, exp, &v);
  }
  *bits = v | sign;
  return st;
}

// ---- printing ----
// Shortest digits of mant * 2^exp (positive): digits in d (at most 17), returns their number; 0.d0d1.. * 10^*point.
static int shortest_digits(uint64_t mant, int exp, bool lower_is_closer, uint8_t d[20], int *point)
{
  Big r, s, up, down, t; // value = r/s; half the distance to the next float above and below = up/s, down/s
  unsigned extra = lower_is_closer ? 2 : 1;
  big_set(&r, mant), big_set(&s, 1), big_set(&up, 1), big_set(&down, 1);
  big_shl(&r, extra), big_shl(&s, extra);
  if (lower_is_closer)
    big_shl(&up, 1);
  if (exp >= 0)
    big_shl(&r, (unsigned)exp), big_shl(&up, (unsigned)exp), big_shl(&down, (unsigned)exp);
  else
    big_shl(&s, (unsigned)-exp);
  bool even = (mant & 1) == 0; // then the ends of the interval read back as this value, too
  int top = exp + 63 - (int)zw_clz64(mant);
  int k = top * 1233 / 4096 - (top < 0); // at most floor(log10(value)), and close
  if (k >= 0)
    big_mul_pow10(&s, (unsigned)k);
  else
    big_mul_pow10(&r, (unsigned)-k), big_mul_pow10(&up, (unsigned)-k), big_mul_pow10(&down, (unsigned)-k);
  for (;;) { // raise k until value + up < 10^k (or <=, when the end belongs to the interval)
    big_add(&t, &r, &up);
    int c = big_cmp(&t, &s);
    if (even ? c < 0 : c <= 0)
      break;
    big_mul_add(&s, 10, 0);
    k++;
  }
  *point = k;
  for (int n = 0;;) {
    big_mul_add(&r, 10, 0), big_mul_add(&up, 10, 0), big_mul_add(&down, 10, 0);
    unsigned digit = 0;
    while (big_cmp(&r, &s) >= 0)
      big_sub(&r, &s), digit++;
    int low = big_cmp(&r, &down);
    big_add(&t, &r, &up);
    int high = big_cmp(&t, &s);
    bool stop_low = even ? low <= 0 : low < 0, stop_high = even ? high >= 0 : high > 0;
    if (!stop_low && !stop_high) {
      d[n++] = (uint8_t)digit;
      continue;
    }
    if (stop_low && stop_high) {
      big_shl(&r, 1);
      digit += big_cmp(&r, &s) >= 0;
    } else {
      digit += stop_high;
    }
    d[n++] = (uint8_t)digit; // never 10: value + up < 10^k holds for every prefix
    return n;
  }
}

static char *put_text(char *o, const char *s)
{
  while (*s)
    *o++ = *s++;
  return o;
}

static char *put_signed(char *o, int v)
{
  *o++ = v < 0 ? '-' : '+';
  unsigned u = (unsigned)(v < 0 ? -v : v);
  char rev[12];
  int n = 0;
  do
    rev[n++] = (char)('0' + u % 10);
  while (u /= 10);
  while (n)
    *o++ = rev[--n];
  return o;
}

static char *put_hex(char *o, uint64_t v)
{
  int digits = (int)(64 - zw_clz64(v) + 3) / 4;
  for (int i = digits ? digits - 1 : 0; i >= 0; i--)
    *o++ = "0123456789abcdef"[v >> (4 * i) & 15];
  return o;
}

// Sign, infinities, NaN and zero.  NULL when the value has digits.
static char *put_special(char **o, const Format *f, uint64_t bits)
{
  if (bits & sign_bit(f))
    *(*o)++ = '-';
  uint64_t mag = bits & ~sign_bit(f), inf = infinity(f);
  if (mag == inf)
    return put_text(*o, "inf");
  if (mag == 0)
    return put_text(*o, "0");
  if (mag < inf)
    return NULL;
  char *p = put_text(*o, "nan");
  if ((mag ^ inf) == 1ull << (f->mant_bits - 1))
    return p;
  return put_hex(put_text(p, ":0x"), mag ^ inf);
}

static char *put_decimal(char *o, const uint8_t *d, int n, int point)
{
  if (point > 21 || point < -5) { // d.ddde+xx
    *o++ = (char)('0' + d[0]);
    if (n > 1)
      *o++ = '.';
    for (int i = 1; i < n; i++)
      *o++ = (char)('0' + d[i]);
    *o++ = 'e';
    return put_signed(o, point - 1);
  }
  if (point <= 0) {
    o = put_text(o, "0.");
    for (int i = point; i < 0; i++)
      *o++ = '0';
  }
  for (int i = 0; i < n || i < point; i++) {
    if (i == point && i > 0)
      *o++ = '.';
    *o++ = i < n ? (char)('0' + d[i]) : '0';
  }
  return o;
}

size_t zw_fp_print(char buf[FP_TEXT_MAX], uint64_t bits, unsigned width)
{
  const Format *f = format_of(width);
  char *o = buf, *end = put_special(&o, f, bits);
  if (!end) {
    uint64_t frac = bits & ((1ull << f->mant_bits) - 1);
    int e = (int)((bits & ~sign_bit(f)) >> f->mant_bits);
    uint64_t mant = e ? frac | 1ull << f->mant_bits : frac;
    int exp = (e ? e : 1) - f->exp_bias - f->mant_bits;
    uint8_t d[20];
    int point, n = shortest_digits(mant, exp, frac == 0 && e > 1, d, &point);
    end = put_decimal(o, d, n, point);
  }
  *end = 0;
  return (size_t)(end - buf);
}

size_t zw_fp_print_hex(char buf[FP_TEXT_MAX], uint64_t bits, unsigned width)
{
  const Format *f = format_of(width);
  char *o = buf, *end = put_special(&o, f, bits);
  if (!end) {
    uint64_t frac = bits & ((1ull << f->mant_bits) - 1);
    int e = (int)((bits & ~sign_bit(f)) >> f->mant_bits);
    int exp = (e ? e : 1) - f->exp_bias;
    if (e == 0) { // normalise a subnormal
      int up = (int)zw_clz64(frac) - (63 - f->mant_bits);
      frac = frac << up & ((1ull << f->mant_bits) - 1);
      exp -= up;
    }
    frac <<= 64 - f->mant_bits; // left aligned, then whole nibbles until nothing is left
    end = put_text(o, frac ? "0x1." : "0x1");
    for (; frac; frac <<= 4)
      *end++ = "0123456789abcdef"[frac >> 60];
    *end++ = 'p';
    end = put_signed(end, exp);
  }
  *end = 0;
  return (size_t)(end - buf);
}
