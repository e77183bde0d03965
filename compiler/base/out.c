#include "compiler/base/out.h"
#include "runtime/base/bits.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { BUFFER = 32 << 10 /* of a file; larger pieces are not copied */ };

void zw_out_init(OutStream *o, Arena *a, int fd) { *o = (OutStream){ .a = a, .fd = fd }; }

void zw_out_expect(OutStream *o, uint64_t bytes)
{
  if (o->fd >= 0 || o->cap || bytes > SIZE_MAX)
    return;
  o->p = zw_arena_stale(o->a, bytes, 1, 16);
  o->cap = bytes;
}

static void write_file(OutStream *o, const uint8_t *p, size_t n)
{
  o->before += n;
  while (n && !o->bad) {
    ssize_t put = write(o->fd, p, n);
    if (put >= 0)
      p += put, n -= (size_t)put;
    else if (errno != EINTR)
      o->bad = errno;
  }
}

static void flush(OutStream *o)
{
  size_t n = o->n;
  o->n = 0;
  write_file(o, o->p, n);
}

static void make_room(OutStream *o, size_t n)
{
  if (o->fd >= 0 && o->cap) {
    flush(o);
    return;
  }
  size_t cap = o->fd >= 0 ? BUFFER : o->cap ? o->cap * 2 : ARENA_OWN_BYTES; // a block of its own grows without a copy
  while (cap < o->n + n)
    cap *= 2;
  o->p = zw_arena_grow(o->a, o->p, o->n, o->cap, cap);
  o->cap = cap;
}

void zw_out_put(OutStream *o, const void *p, size_t n)
{
  if (o->fd >= 0 && n >= BUFFER) {
    flush(o);
    write_file(o, p, n);
    return;
  }
  if (n > o->cap - o->n)
    make_room(o, n);
  if (n)
    memcpy(o->p + o->n, p, n);
  o->n += n;
}

void zw_out_fill(OutStream *o, uint8_t byte, uint64_t n)
{
  uint8_t some[64];
  memset(some, byte, sizeof some);
  for (; n > sizeof some; n -= sizeof some)
    zw_out_put(o, some, sizeof some);
  zw_out_put(o, some, n);
}

void zw_out_text(OutStream *o, Text *t)
{
  zw_out_put(o, t->p, t->n);
  t->n = 0;
}

void zw_out_again(OutStream *o, uint64_t at, const void *p, size_t n)
{
  CHECK(at + n <= zw_out_at(o));
  if (at >= o->before) {
    memcpy(o->p + (at - o->before), p, n);
    return;
  }
  flush(o);
  for (const uint8_t *from = p; n && !o->bad;) {
    ssize_t put = pwrite(o->fd, from, n, (off_t)at);
    if (put >= 0)
      from += put, n -= (size_t)put, at += (uint64_t)put;
    else if (errno != EINTR)
      o->bad = errno;
  }
}

const void *zw_out_look(OutStream *o, uint64_t at, void *buf, size_t n)
{
  CHECK(at + n <= zw_out_at(o));
  if (at >= o->before)
    return o->p + (at - o->before);
  flush(o);
  for (uint8_t *to = buf; n && !o->bad;) {
    ssize_t got = pread(o->fd, to, n, (off_t)at);
    if (got > 0)
      to += got, n -= (size_t)got, at += (uint64_t)got;
    else if (got == 0 || errno != EINTR)
      o->bad = got ? errno : EIO;
  }
  return o->bad ? NULL : buf;
}

bool zw_out_end(OutStream *o)
{
  if (o->fd >= 0)
    flush(o);
  return !o->bad;
}
