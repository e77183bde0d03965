// The second fence: what the resolver should never do, the kernel does not do either.
#include "runtime/wasi/wasi_int.h"

int zw_wasi_fence(const Wasi *w)
{
  uint32_t n = 0;
  OsFence *list = zw_alloc((w->nfds + 1) * sizeof *list);
  if (!list)
    return -OS_ENOMEM;
  for (uint32_t i = 0; i < w->nfds; i++)
    if (w->fds[i].open && w->fds[i].type == OS_DIR)
      list[n++] = (OsFence){ .dir = w->fds[i].host, .write = (w->fds[i].inheriting & RIGHTS_WRITE) != 0 };
  int r = zw_os_fence(list, n);
  zw_free(list);
  return r;
}
