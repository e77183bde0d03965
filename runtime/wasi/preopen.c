// Opening the directories that are granted.
#include "runtime/wasi/wasi_int.h"

static int preopen(Wasi *w, const char *host_dir, const char *guest_name, unsigned allow)
{
  int fd = zw_os_open_dir_path(host_dir, OS_READ | OS_DIRECTORY);
  if (fd < 0)
    return fd;
  int r = zw_wasi_preopen_fd(w, fd, guest_name, allow);
  if (r < 0)
    zw_os_close(fd);
  return r;
}
int zw_wasi_preopen(Wasi *w, const char *host_dir, const char *guest_name, bool writable)
{
  return preopen(w, host_dir, guest_name, writable ? ZWASM_DIR_ALL : ZWASM_DIR_READ | ZWASM_FILE_READ);
}
int zwasm_wasi_preopen(zwasm_wasi_t *w, const char *host_dir, const char *guest_name, int writable)
{
  return zw_wasi_preopen(w, host_dir, guest_name, writable != 0) == 0;
}
int zwasm_wasi_preopen_dir(zwasm_wasi_t *w, const char *host_dir, const char *guest_name, unsigned allow)
{
  return preopen(w, host_dir, guest_name, allow) == 0;
}
