// What a guest may say to a terminal: text, colours and movements of the cursor.  Sequences that do more (titles, the
// clipboard, questions that the terminal answers into our input, printing) are shown instead of sent: U+241B stands for
// their escape character, and the rest follows as text.  Other control characters become their pictures, too.
//
// A sequence may come in pieces: what is not decided yet is held and counts as written.
#include "runtime/wasi/wasi_int.h"

enum { ESC = 0x1b, HELD_MAX = 32, OUT_BYTES = 1024 };
typedef struct Tty {
  WasiStream stream;
  int fd;
  uint32_t n;                 // held: an escape sequence's beginning, or the first byte of a two-byte character
  uint8_t held[HELD_MAX];
  uint32_t nout;
  uint8_t out[OUT_BYTES];
} Tty;

static bool one_of(const char *set, uint8_t c)
{
  while (*set && (uint8_t)*set != c)
    set++;
  return *set != 0;
}

typedef enum Verdict { MORE, GOOD, BAD } Verdict;
static Verdict judge(const uint8_t *p, uint32_t n)
{
  uint8_t last = p[n - 1];
  if (n == 1)
    return MORE;
  if (p[1] == '[') { // parameters, then what is to be done
    if (n == 2 || (last >= '0' && last <= '?'))
      return n < HELD_MAX ? MORE : BAD;
    return one_of("@ABCDEFGHIJKLMPSTXZ`abdefghlmrsu", last) ? GOOD : BAD;
  }
  if (p[1] == '(' || p[1] == ')') // character sets
    return n == 2 ? MORE : one_of("0AB", last) ? GOOD : BAD;
  return one_of("78DEM=>", p[1]) ? GOOD : BAD;
}

static long flush(Tty *t)
{
  OsIov v = { t->out, t->nout };
  while (v.n) {
    long r = zw_os_writev(t->fd, &v, 1);
    if (r == -OS_EAGAIN) {
      OsPoll p = { .fd = t->fd, .events = OS_POLL_OUT };
      (void)zw_os_poll(&p, 1, -1);
    } else if (r < 0 && r != -OS_EINTR) {
      t->nout = 0;
      return r;
    } else if (r > 0) {
      v.p = (uint8_t *)v.p + r, v.n -= (size_t)r;
    }
  }
  t->nout = 0;
  return 0;
}
static void put(Tty *t, uint8_t c) { t->out[t->nout++] = c; }
static void picture(Tty *t, uint8_t control) { put(t, 0xe2), put(t, 0x90), put(t, 0x80 + control); }

// A byte of the guest's.  What a refused sequence leaves goes to `back`, to be looked at again, last first.
static void feed(Tty *t, uint8_t c, uint8_t *back, uint32_t *nback)
{
  if (t->n == 0) {
    if (c == ESC || c == 0xc2)
      t->held[t->n++] = c;
    else if (c < 0x20 && !one_of("\a\b\t\n\v\f\r", c))
      picture(t, c);
    else
      put(t, c);
  } else if (t->held[0] == 0xc2) { // U+0080 ... U+009F are control characters as well
    t->n = 0;
    if (c >= 0x80 && c < 0xa0) {
      picture(t, ESC);
    } else {
      put(t, 0xc2);
      back[(*nback)++] = c;
    }
  } else {
    t->held[t->n++] = c;
    Verdict v = judge(t->held, t->n);
    for (uint32_t i = 0; v == GOOD && i < t->n; i++)
      put(t, t->held[i]);
    if (v == BAD) {
      picture(t, ESC);
      for (uint32_t i = t->n; i-- > 1;)
        back[(*nback)++] = t->held[i];
    }
    if (v != MORE)
      t->n = 0;
  }
}

static long feed_all(Tty *t, const uint8_t *p, size_t n)
{
  uint8_t back[2 * HELD_MAX]; // one refused sequence, while the next is held
  uint32_t nback = 0;
  for (size_t i = 0; i < n || nback;) {
    if (t->nout > OUT_BYTES - HELD_MAX - 4) {
      long r = flush(t);
      if (r < 0)
        return r;
    }
    uint8_t c = nback ? back[--nback] : p[i++];
    feed(t, c, back, &nback);
    ASSERT(nback < ARRAY_COUNT(back));
  }
  return 0;
}

static long tty_write(WasiStream *s, const OsIov *v, int n)
{
  Tty *t = (Tty *)(void *)s;
  long total = 0;
  for (int i = 0; i < n; i++) {
    long r = feed_all(t, v[i].p, v[i].n);
    if (r < 0)
      return r;
    total += (long)v[i].n;
  }
  long r = flush(t);
  return r < 0 ? r : total;
}
static void tty_end(WasiStream *s) { zw_free(s); }

int zwasm_wasi_tty_safe(zwasm_wasi_t *w, int guest_fd)
{
  if (guest_fd < 1 || (uint32_t)guest_fd >= w->nfds || !w->fds[guest_fd].open || w->fds[guest_fd].stream)
    return 0;
  WasiFd *f = &w->fds[guest_fd];
  if (!zw_os_is_tty(f->host))
    return 1; // nothing to keep safe
  Tty *t = zw_alloc(sizeof *t);
  if (!t)
    return 0;
  t->stream = (WasiStream){ .write = tty_write, .end = tty_end };
  t->fd = f->host;
  f->stream = &t->stream;
  return 1;
}
