// poll_oneoff: wait for the first of some clocks and descriptors.  The subscriptions are read once into memory of ours;
// their number is bounded before anything is allocated for them.
#include "runtime/wasi/wasi_int.h"

enum { SUBSCRIPTION_BYTES = 48, EVENT_BYTES = 32, MAX_SUBSCRIPTIONS = 1 << 14 };
enum { EVENT_CLOCK, EVENT_READ, EVENT_WRITE };
enum { ABSTIME = 1, HANGUP = 1 };

typedef struct Sub {
  uint64_t userdata, timeout; // timeout: ns from now, clocks only
  uint32_t clock, fd;
  uint8_t type, error;        // error: the event is ready with it
  uint16_t flags;
} Sub;

static void read_sub(Wasi *w, const uint8_t *p, Sub *s)
{
  WasiFd *f;
  *s = (Sub){ .userdata = zw_get64(p), .type = p[8] };
  if (s->type == EVENT_CLOCK) {
    uint64_t now;
    s->clock = zw_get32(p + 16), s->timeout = zw_get64(p + 24), s->flags = zw_get16(p + 40);
    if (s->clock > 3 || s->flags > 1 || zw_os_clock((int)s->clock, &now) < 0)
      s->error = E_inval;
    else if (s->flags & ABSTIME)
      s->timeout = s->timeout > now ? s->timeout - now : 0;
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
  int64_t bytes = s->type == EVENT_READ ? zw_os_readable_bytes(f->host) : 1; // of writing nobody knows
  uint32_t error = k->revents & OS_POLL_BAD ? E_badf : k->revents & OS_POLL_ERR && !(k->revents & k->events) ? E_pipe : E_success;
  put_event(p, s, error, bytes > 0 ? (uint64_t)bytes : 0, k->revents & OS_POLL_HUP);
  return p + EVENT_BYTES;
}

// The earliest clock; -1 = none.  0 when something is ready already.
static int64_t earliest(const Sub *s, uint32_t n)
{
  uint64_t least = UINT64_MAX;
  bool any = false;
  for (uint32_t i = 0; i < n; i++) {
    if (s[i].error)
      return 0;
    if (s[i].type == EVENT_CLOCK)
      any = true, least = s[i].timeout < least ? s[i].timeout : least;
  }
  return !any ? -1 : least > INT64_MAX ? INT64_MAX : (int64_t)least;
}

static uint32_t wait(Wasi *w, const Sub *s, OsPoll *k, uint32_t n, uint8_t *out, uint32_t *nout)
{
  uint32_t nk = 0;
  for (uint32_t i = 0; i < n; i++)
    if (!s[i].error && s[i].type != EVENT_CLOCK)
      k[nk++] = (OsPoll){ .fd = w->fds[s[i].fd].host, .events = s[i].type == EVENT_READ ? OS_POLL_IN : OS_POLL_OUT };
  int64_t timeout = earliest(s, n);
  int ready = zw_os_poll(k, nk, timeout);
  if (ready < 0)
    return zw_wasi_errno(ready);
  uint8_t *p = out;
  for (uint32_t i = 0, at = 0; i < n; i++) {
    if (s[i].error)
      put_event(p, &s[i], s[i].error, 0, false), p += EVENT_BYTES;
    else if (s[i].type != EVENT_CLOCK && k[at++].revents)
      p = put_fd_event(w, p, &s[i], &k[at - 1]);
    else if (s[i].type == EVENT_CLOCK && ready == 0 && (int64_t)s[i].timeout == timeout)
      put_event(p, &s[i], E_success, 0, false), p += EVENT_BYTES;
  }
  *nout = (uint32_t)(p - out) / EVENT_BYTES;
  return E_success;
}

WASI(poll_oneoff) // subscriptions, events, number, result
{
  uint32_t n = a[2].u32, nout = 0, e = E_nomem;
  if (n == 0 || n > MAX_SUBSCRIPTIONS)
    return E_inval;
  const uint8_t *in = guest_at(m, a[0].u32, (uint64_t)n * SUBSCRIPTION_BYTES);
  uint8_t *out = guest_at(m, a[1].u32, (uint64_t)n * EVENT_BYTES);
  if (!in || !out || !guest_at(m, a[3].u32, 4))
    return E_fault;
  Sub *s = zw_alloc(n * sizeof *s);
  OsPoll *k = zw_alloc(n * sizeof *k);
  if (s && k) {
    for (uint32_t i = 0; i < n; i++)
      read_sub(w, in + (size_t)i * SUBSCRIPTION_BYTES, &s[i]);
    e = wait(w, s, k, n, out, &nout);
  }
  zw_free(s);
  zw_free(k);
  if (!e)
    (void)put_u32(m, a[3].u32, nout);
  return e;
}
