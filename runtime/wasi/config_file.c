// Standard streams from files.
#include "runtime/wasi/wasi_int.h"

int zw_wasi_stdio_file(Wasi *w, uint32_t guest_fd, const char *path)
{
  int fd = zw_os_open_dir_path(path, guest_fd == 0 ? OS_READ : OS_WRITE | OS_CREATE | OS_TRUNC);
  if (fd < 0)
    return fd;
  int r = zw_wasi_give_stdio(w, guest_fd, fd, true);
  if (r < 0)
    zw_os_close(fd);
  return r;
}
int zwasm_wasi_stdio_file(zwasm_wasi_t *w, int guest_fd, const char *path)
{
  return guest_fd >= 0 && guest_fd <= 2 && zw_wasi_stdio_file(w, (uint32_t)guest_fd, path) == 0;
}
