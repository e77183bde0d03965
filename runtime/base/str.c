// A printf of our own: no locale, no floating point, no allocation.
#include "runtime/base/str.h"
#include "runtime/base/bits.h"

typedef struct Out { char *buf; size_t cap, n; } Out;

static void put(Out *o, const char *s, size_t n)
{
  if (o->n < o->cap) {
    size_t room = o->cap - o->n;
    memcpy(o->buf + o->n, s, n < room ? n : room);
  }
  o->n += n;
}

static void pad(Out *o, char c, size_t width, size_t used)
{
  for (; used < width; used++)
    put(o, &c, 1);
}

typedef struct Spec { bool left, zero; size_t width; bool has_prec; size_t prec; unsigned longs; bool size; } Spec;

static void put_number(Out *o, const Spec *s, uint64_t v, bool negative, unsigned base, const char *digits,
                       const char *prefix)
{
  char tmp[24];
  size_t n = 0;
  do
    tmp[sizeof tmp - ++n] = digits[v % base];
  while (v /= base);
  size_t signs = (negative ? 1 : 0) + strlen(prefix);
  if (!s->left && !s->zero)
    pad(o, ' ', s->width, n + signs);
  if (negative)
    put(o, "-", 1);
  put(o, prefix, strlen(prefix));
  if (!s->left && s->zero)
    pad(o, '0', s->width, n + signs);
  put(o, tmp + sizeof tmp - n, n);
  if (s->left)
    pad(o, ' ', s->width, n + signs);
}

static void put_text(Out *o, const Spec *s, const char *t)
{
  size_t n = 0;
  if (!t)
    t = "(null)";
  while ((!s->has_prec || n < s->prec) && t[n])
    n++;
  if (!s->left)
    pad(o, ' ', s->width, n);
  put(o, t, n);
  if (s->left)
    pad(o, ' ', s->width, n);
}

static size_t read_count(const char **f)
{
  size_t v = 0;
  while (**f >= '0' && **f <= '9')
    v = v * 10 + (size_t)(*(*f)++ - '0');
  return v;
}

static const char *read_spec(const char *f, Spec *s, va_list *ap)
{
  for (;; f++)
    if (*f == '-')
      s->left = true;
    else if (*f == '0')
      s->zero = true;
    else
      break;
  if (*f == '*') {
    f++;
    int w = va_arg(*ap, int);
    s->width = w > 0 ? (size_t)w : 0;
  } else {
    s->width = read_count(&f);
  }
  if (*f == '.') {
    f++;
    s->has_prec = true;
    if (*f == '*') {
      f++;
      int n = va_arg(*ap, int);
      s->prec = n > 0 ? (size_t)n : 0;
    } else {
      s->prec = read_count(&f);
    }
  }
  for (; *f == 'l' || *f == 'z'; f++)
    if (*f == 'l')
      s->longs++;
    else
      s->size = true;
  return f;
}

size_t zw_vformat(char *buf, size_t bytes, const char *f, va_list ap_in)
{
  static const char lower[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";
  Out o = { buf, bytes ? bytes - 1 : 0, 0 };
  va_list ap;
  va_copy(ap, ap_in);
  while (*f) {
    const char *start = f;
    while (*f && *f != '%')
      f++;
    put(&o, start, (size_t)(f - start));
    if (!*f)
      break;
    Spec s = { 0 };
    f = read_spec(f + 1, &s, &ap);
    char c = *f ? *f++ : '%';
    switch (c) {
    case 's': put_text(&o, &s, va_arg(ap, const char *)); break;
    case 'c': {
      char ch = (char)va_arg(ap, int);
      put(&o, &ch, 1);
      break;
    }
    case 'd': case 'i': {
      int64_t v = s.longs > 1 ? va_arg(ap, long long) : s.longs || s.size ? va_arg(ap, long) : va_arg(ap, int);
      put_number(&o, &s, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, v < 0, 10, lower, "");
      break;
    }
    case 'u': case 'x': case 'X': {
      uint64_t v = s.size ? va_arg(ap, size_t)
                   : s.longs > 1 ? va_arg(ap, unsigned long long)
                   : s.longs ? va_arg(ap, unsigned long) : va_arg(ap, unsigned);
      put_number(&o, &s, v, false, c == 'u' ? 10 : 16, c == 'X' ? upper : lower, "");
      break;
    }
    case 'p': put_number(&o, &s, (uintptr_t)va_arg(ap, void *), false, 16, lower, "0x"); break;
    case '%': put(&o, "%", 1); break;
    default: BUG("zw_format does not know %%%c", c);
    }
  }
  va_end(ap);
  if (bytes)
    buf[o.n < o.cap ? o.n : o.cap] = 0;
  return o.n;
}

size_t zw_format(char *buf, size_t bytes, const char *fmt, ...)
{
  va_list ap;
  va_start(ap, fmt);
  size_t n = zw_vformat(buf, bytes, fmt, ap);
  va_end(ap);
  return n;
}

void zw_text_init(Text *t, Arena *a)
{
  *t = (Text){ .a = a, .cap = 256 };
  t->p = zw_arena_alloc(a, t->cap, 1);
}

static void text_reserve(Text *t, size_t more)
{
  if (more < t->cap - t->n) // room for the NUL as well
    return;
  size_t cap = t->cap;
  while (cap <= t->n + more)
    cap *= 2;
  t->p = zw_arena_grow(t->a, t->p, t->n, t->cap, cap);
  t->cap = cap;
}

void zw_text_put(Text *t, const char *s, size_t n)
{
  if (!n)
    return;
  text_reserve(t, n);
  memcpy(t->p + t->n, s, n);
  t->n += n;
  t->p[t->n] = 0;
}

void zw_text_printf(Text *t, const char *fmt, ...)
{
  va_list ap;
  va_start(ap, fmt);
  size_t n = zw_vformat(t->p + t->n, t->cap - t->n, fmt, ap);
  va_end(ap);
  if (n >= t->cap - t->n) {
    text_reserve(t, n);
    va_start(ap, fmt);
    zw_vformat(t->p + t->n, t->cap - t->n, fmt, ap);
    va_end(ap);
  }
  t->n += n;
}

uint64_t zw_hash_bytes(const void *data, size_t n, uint64_t seed)
{
  // Multiply and fold, eight bytes at a time.
  const uint8_t *p = data;
  uint64_t h = seed ^ 0x9e3779b97f4a7c15u ^ n;
  for (; n >= 8; n -= 8, p += 8) {
    h = (h ^ zw_get64(p)) * 0xff51afd7ed558ccdu;
    h ^= h >> 32;
  }
  uint64_t tail = 0;
  for (size_t i = 0; i < n; i++)
    tail |= (uint64_t)p[i] << (8 * i);
  h = (h ^ tail) * 0xc4ceb9fe1a85ec53u;
  return h ^ h >> 29;
}
