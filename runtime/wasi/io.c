// What reading and writing share.
#include "runtime/wasi/wasi_int.h"

bool zw_wasi_would_block(const WasiFd *f, short events)
{
  // The flag of a descriptor shared with the host is ours alone: ask first, then call.
  return f->shared && f->flags & FDFLAG_NONBLOCK && !zw_os_ready(f->host, events);
}

int zw_wasi_cut(OsIov *v, int n, size_t most)
{
  for (int i = 0; i < n; i++) {
    if (v[i].n >= most) {
      v[i].n = most;
      return i + 1;
    }
    most -= v[i].n;
  }
  return n;
}

uint32_t zw_wasi_count(GuestMem m, uint32_t at, long r)
{
  if (r < 0)
    return zw_wasi_errno(r);
  return put_u32(m, at, (uint32_t)r) ? E_success : E_fault;
}

uint32_t zw_wasi_iovs(GuestMem m, uint32_t at, uint32_t n, OsIov *out, int *nout)
{
  uint64_t total = 0;
  if (n > WASI_IOVS)
    n = WASI_IOVS; // a short count is allowed
  const uint8_t *p = guest_at(m, at, 8ull * n);
  if (!p)
    return E_fault;
  *nout = 0;
  for (uint32_t i = 0; i < n; i++, p += 8) {
    uint32_t ptr = zw_get32(p), len = zw_get32(p + 4);
    if (len > 0x7fffffff - total)
      len = (uint32_t)(0x7fffffff - total);
    uint8_t *buf = guest_at(m, ptr, len);
    if (!buf)
      return E_fault;
    out[(*nout)++] = (OsIov){ buf, len };
    total += len;
  }
  return E_success;
}
