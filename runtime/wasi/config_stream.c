// Standard streams from bytes and from functions of the host.
#include "runtime/wasi/wasi_int.h"

typedef struct HostStream {
  WasiStream stream;
  zwasm_wasi_read_fn read;
  zwasm_wasi_write_fn write;
  void (*done)(void *arg);
  void *arg;
} HostStream;

// The host's answer as a count: more than was asked for must not reach the guest.
static long count(ptrdiff_t r, size_t asked)
{
  if (r < 0)
    return -OS_EIO;
  return (size_t)r < asked ? (long)r : (long)asked;
}
// Buffer after buffer until one is not filled, or not taken whole.
static long each(HostStream *h, const OsIov *v, int n)
{
  long total = 0;
  for (int i = 0; i < n; i++) {
    if (v[i].n == 0)
      continue;
    long r = count(h->read ? h->read(h->arg, v[i].p, v[i].n) : h->write(h->arg, v[i].p, v[i].n), v[i].n);
    if (r < 0)
      return total ? total : r;
    total += r;
    if ((size_t)r < v[i].n)
      break;
  }
  return total;
}
static long host_call(WasiStream *s, const OsIov *v, int n) { return each((HostStream *)(void *)s, v, n); }
static void host_end(WasiStream *s)
{
  HostStream *h = (HostStream *)(void *)s;
  if (h->done)
    h->done(h->arg);
  zw_free(h);
}

static int give(Wasi *w, uint32_t guest_fd, zwasm_wasi_read_fn read, zwasm_wasi_write_fn write, void *arg,
                void (*done)(void *arg))
{
  HostStream *h = zw_alloc(sizeof *h);
  if (!h)
    return 0;
  h->stream = (WasiStream){ .read = read ? host_call : NULL, .write = write ? host_call : NULL, .end = host_end };
  h->read = read, h->write = write, h->done = done, h->arg = arg;
  if (zw_wasi_give_stream(w, guest_fd, &h->stream))
    return 1;
  zw_free(h);
  return 0;
}
int zwasm_wasi_stdin_fn(zwasm_wasi_t *w, zwasm_wasi_read_fn read, void *arg, void (*done)(void *arg))
{
  return give(w, 0, read, NULL, arg, done);
}
int zwasm_wasi_stdout_fn(zwasm_wasi_t *w, int guest_fd, zwasm_wasi_write_fn write, void *arg, void (*done)(void *arg))
{
  return (guest_fd == 1 || guest_fd == 2) && give(w, (uint32_t)guest_fd, NULL, write, arg, done);
}

typedef struct Bytes { size_t n, at; uint8_t p[]; } Bytes;
static ptrdiff_t read_bytes(void *arg, void *p, size_t n)
{
  Bytes *b = arg;
  size_t left = b->n - b->at;
  n = n < left ? n : left;
  memcpy(p, b->p + b->at, n);
  b->at += n;
  return (ptrdiff_t)n;
}
int zwasm_wasi_stdin_bytes(zwasm_wasi_t *w, const void *p, size_t n)
{
  Bytes *b = n < PTRDIFF_MAX - sizeof *b ? zw_alloc(sizeof *b + n) : NULL;
  if (!b)
    return 0;
  b->n = n;
  if (n)
    memcpy(b->p, p, n);
  if (zwasm_wasi_stdin_fn(w, read_bytes, b, zw_free))
    return 1;
  zw_free(b);
  return 0;
}
