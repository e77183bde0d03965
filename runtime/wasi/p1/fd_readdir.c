// Entries of a directory, as many as fit, the last one cut.
#include "runtime/wasi/wasi_int.h"

typedef struct DirOut { uint8_t *p; uint32_t n, bytes; int dir; } DirOut;

// Cut where the buffer ends: a full buffer tells the guest to come again.
static void put(DirOut *o, const void *p, size_t n)
{
  size_t room = o->bytes - o->n;
  n = n < room ? n : room;
  memcpy(o->p + o->n, p, n);
  o->n += (uint32_t)n;
}
static bool put_entry(void *arg, uint64_t next, uint64_t ino, uint8_t type, const char *name, size_t len)
{
  DirOut *o = arg;
  uint8_t head[24] = { 0 }; // next u64, inode u64, length u32, type u8
  OsStat st;
  if (type == OS_UNKNOWN && zw_os_stat_at(o->dir, name, &st) == 0)
    type = st.type;
  zw_put64(head, next);
  zw_put64(head + 8, ino);
  zw_put32(head + 16, (uint32_t)len);
  head[20] = zw_wasi_filetype(type, false);
  put(o, head, sizeof head);
  put(o, name, len);
  return o->n < o->bytes;
}

WASI(fd_readdir) // fd, buffer, bytes, cookie, result
{
  WasiFd *f;
  uint32_t e = zw_wasi_fd(w, a[0].u32, RIGHT(R_FD_READDIR), &f);
  if (e)
    return e;
  DirOut o = { guest_at(m, a[1].u32, a[2].u32), 0, a[2].u32, f->host };
  if (!o.p || !guest_at(m, a[4].u32, 4))
    return E_fault;
  if (a[3].i64 < 0)
    return E_inval;
  if (o.bytes > 0 && (e = zw_wasi_errno(zw_os_read_dir(f->host, a[3].u64, put_entry, &o))))
    return e;
  (void)put_u32(m, a[4].u32, o.n);
  return E_success;
}
