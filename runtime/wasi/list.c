// Arguments and variables: an array of pointers and the strings behind each other.
#include "runtime/wasi/wasi_int.h"

uint32_t zw_wasi_list_sizes(GuestMem m, const StringList *l, const Value *a)
{
  if (!guest_at(m, a[0].u32, 4) || !guest_at(m, a[1].u32, 4)) // both before either is written
    return E_fault;
  (void)put_u32(m, a[0].u32, l->n);
  (void)put_u32(m, a[1].u32, (uint32_t)l->bytes);
  return E_success;
}
uint32_t zw_wasi_list_get(GuestMem m, const StringList *l, const Value *a)
{
  uint8_t *pointers = guest_at(m, a[0].u32, 4ull * l->n), *buf = guest_at(m, a[1].u32, l->bytes);
  uint32_t at = a[1].u32;
  if (!pointers || !buf)
    return E_fault;
  for (uint32_t i = 0; i < l->n; i++) {
    size_t n = strlen(l->p[i]) + 1;
    memcpy(buf, l->p[i], n);
    zw_put32(pointers + 4 * i, at);
    buf += n, at += (uint32_t)n;
  }
  return E_success;
}
