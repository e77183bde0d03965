// Wait for the first of some clocks and descriptors.  The subscriptions are read once into memory of ours; their number is
// bounded before anything is allocated for them.
//
// Time: a clock's end is kept as monotonic or real time of the host, and the wait is never shorter than to the earliest
// one; all that have passed when it is over are reported.
#include "runtime/wasi/wasi_int.h"

enum { EVENT_BYTES = 32, MAX_SUBSCRIPTIONS = 1 << 14 };
enum { EVENT_CLOCK, EVENT_READ, EVENT_WRITE };
enum { ABSTIME = 1, HANGUP = 1 };
enum { REALTIME, MONOTONIC };

typedef struct Sub {
  uint64_t userdata, timeout; // timeout: ns from the beginning of the wait, clocks only
  uint32_t fd;
  uint8_t type, error;        // error: the event is ready with it
} Sub;

static void read_clock(const uint8_t *p, const WasiPollLayout *l, Sub *s)
{
  uint64_t now;
  uint32_t clock = zw_get32(p + l->clock), flags = zw_get16(p + l->flags);
  s->timeout = zw_get64(p + l->timeout);
  if (clock > 3 || flags > 1)
    s->error = E_inval;
  else if (clock > MONOTONIC) // nothing sleeps by the processor's time
    s->error = E_notsup;
  else if (flags & ABSTIME && zw_os_clock((int)clock, &now) == 0)
    s->timeout = s->timeout > now ? s->timeout - now : 0;
}

static void read_sub(Wasi *w, const uint8_t *p, const WasiPollLayout *l, Sub *s)
{
  WasiFd *f;
  *s = (Sub){ .userdata = zw_get64(p), .type = p[8] };
  if (s->type == EVENT_CLOCK) {
    read_clock(p, l, s);
  } else if (s->type <= EVENT_WRITE) {
    s->fd = zw_get32(p + 16);
    s->error = (uint8_t)zw_wasi_fd(w, s->fd, RIGHT(R_POLL_FD_READWRITE), &f);
  } else {
    s->error = E_inval;
  }
}

static void put_event(uint8_t *p, const Sub *s, uint32_t error, uint64_t bytes, bool hangup)
{
  zw_put64(p, s->userdata);
  zw_put64(p + 8, 0);
  zw_put16(p + 8, (uint16_t)error);
  p[10] = s->type;
  zw_put64(p + 16, bytes);
  zw_put64(p + 24, hangup ? HANGUP : 0);
}

static uint8_t *put_fd_event(Wasi *w, uint8_t *p, const Sub *s, const OsPoll *k)
{
  const WasiFd *f = &w->fds[s->fd];
  int64_t bytes = s->type == EVENT_READ && f->host >= 0 ? zw_os_readable_bytes(f->host) : 1; // of writing nobody knows
  uint32_t error = k->revents & OS_POLL_BAD ? E_badf : k->revents & OS_POLL_ERR && !(k->revents & k->events) ? E_pipe : E_success;
  put_event(p, s, error, bytes > 0 ? (uint64_t)bytes : 0, k->revents & OS_POLL_HUP);
  return p + EVENT_BYTES;
}

// The earliest clock; -1 = none.  0 when something is ready already.
static int64_t earliest(const Wasi *w, const Sub *s, uint32_t n)
{
  uint64_t least = UINT64_MAX;
  bool any = false;
  for (uint32_t i = 0; i < n; i++) {
    if (s[i].error || (s[i].type != EVENT_CLOCK && w->fds[s[i].fd].host < 0))
      return 0;
    if (s[i].type == EVENT_CLOCK)
      any = true, least = s[i].timeout < least ? s[i].timeout : least;
  }
  return !any ? -1 : least > INT64_MAX ? INT64_MAX : (int64_t)least;
}

// Descriptors that only exist on our side (a stream of the host's functions) are always ready.
static OsPoll poll_of(const Wasi *w, const Sub *s)
{
  short events = s->type == EVENT_READ ? OS_POLL_IN : OS_POLL_OUT;
  return (OsPoll){ .fd = w->fds[s->fd].host, .events = events };
}

static uint32_t wait(Wasi *w, const Sub *s, OsPoll *k, uint32_t n, uint8_t *out, uint32_t *nout)
{
  uint32_t nk = 0;
  uint64_t start = 0, now = 0;
  for (uint32_t i = 0; i < n; i++)
    if (!s[i].error && s[i].type != EVENT_CLOCK)
      k[nk++] = poll_of(w, &s[i]);
  int64_t timeout = earliest(w, s, n);
  (void)zw_os_clock(MONOTONIC, &start);
  int ready = zw_os_poll(k, nk, timeout);
  if (ready < 0)
    return zw_wasi_errno(ready);
  (void)zw_os_clock(MONOTONIC, &now);
  uint64_t passed = now - start;
  if (ready == 0 && timeout >= 0 && passed < (uint64_t)timeout)
    passed = (uint64_t)timeout; // the wait is over, whatever the two clocks' readings say
  uint8_t *p = out;
  for (uint32_t i = 0, at = 0; i < n; i++) {
    if (s[i].error) {
      put_event(p, &s[i], s[i].error, 0, false), p += EVENT_BYTES;
    } else if (s[i].type == EVENT_CLOCK) {
      if (s[i].timeout <= passed)
        put_event(p, &s[i], E_success, 0, false), p += EVENT_BYTES;
    } else {
      if (k[at].revents || k[at].fd < 0)
        p = put_fd_event(w, p, &s[i], &k[at]);
      at++;
    }
  }
  *nout = (uint32_t)(p - out) / EVENT_BYTES;
  return E_success;
}

uint32_t zw_wasi_poll(Wasi *w, GuestMem m, const Value *a, const WasiPollLayout *l)
{
  uint32_t n = a[2].u32, nout = 0, e = E_nomem;
  if (n == 0 || n > MAX_SUBSCRIPTIONS)
    return E_inval;
  const uint8_t *in = guest_at(m, a[0].u32, (uint64_t)n * l->bytes);
  uint8_t *out = guest_at(m, a[1].u32, (uint64_t)n * EVENT_BYTES);
  if (!in || !out || !guest_at(m, a[3].u32, 4))
    return E_fault;
  Sub *s = zw_alloc(n * sizeof *s);
  OsPoll *k = zw_alloc(n * sizeof *k);
  if (s && k) {
    for (uint32_t i = 0; i < n; i++)
      read_sub(w, in + (size_t)i * l->bytes, l, &s[i]);
    e = wait(w, s, k, n, out, &nout);
  }
  zw_free(s);
  zw_free(k);
  if (!e)
    (void)put_u32(m, a[3].u32, nout);
  return e;
}
