// Names below a directory descriptor, by system calls.  Apart from linux_file.c so that a program that opens no path
// does not contain what opens paths.
#include "runtime/os/file.h"
#include "runtime/os/linux.h"

enum {
  O_RDONLY_ = 0, O_WRONLY_ = 1, O_RDWR_ = 2, O_CREAT_ = 0100, O_EXCL_ = 0200, O_TRUNC_ = 01000, O_APPEND_ = 02000,
  O_NONBLOCK_ = 04000, O_DSYNC_ = 010000, O_DIRECTORY_ = 0200000, O_NOFOLLOW_ = 0400000, O_SYNC_ = 04010000, O_PATH_ = 010000000,
};
enum { AT_SYMLINK_NOFOLLOW_ = 0x100, AT_REMOVEDIR_ = 0x200 };
enum { NEW_FILE_MODE = 0666, NEW_DIR_MODE = 0777 };

// Always NONBLOCK while opening: a FIFO must not hang us.  The caller looks at what it got and clears it.
static long kernel_flags(int flags)
{
  long f = O_CLOEXEC_;
  if (flags & OS_PATH)
    return f | O_PATH_ | (flags & OS_DIRECTORY ? O_DIRECTORY_ : 0);
  f |= O_NOCTTY_ | O_NONBLOCK_;
  f |= (flags & (OS_READ | OS_WRITE)) == (OS_READ | OS_WRITE) ? O_RDWR_ : flags & OS_WRITE ? O_WRONLY_ : O_RDONLY_;
  f |= (flags & OS_CREATE ? O_CREAT_ : 0) | (flags & OS_EXCL ? O_EXCL_ : 0) | (flags & OS_TRUNC ? O_TRUNC_ : 0);
  f |= (flags & OS_DIRECTORY ? O_DIRECTORY_ : 0) | (flags & OS_APPEND ? O_APPEND_ : 0);
  f |= (flags & OS_DSYNC ? O_DSYNC_ : 0) | (flags & OS_SYNC ? O_SYNC_ : 0);
  return f;
}

int zw_os_open_dir_path(const char *host_path, int flags)
{
  return (int)zw_sys4(SYS_openat, AT_FDCWD_, (long)host_path, kernel_flags(flags) & ~O_NONBLOCK_, NEW_FILE_MODE);
}
int zw_os_open_at(int dir, const char *name, int flags)
{
  return (int)zw_sys4(SYS_openat, dir, (long)name, kernel_flags(flags) | O_NOFOLLOW_, NEW_FILE_MODE);
}

int zw_os_open_beneath(int dir, const char *path, int flags)
{
  enum { RESOLVE_NO_MAGICLINKS_ = 2, RESOLVE_BENEATH_ = 8, ATTEMPTS = 16 };
  uint64_t how[3] = { (uint64_t)(kernel_flags(flags) | (flags & OS_FOLLOW ? 0 : O_NOFOLLOW_)), flags & OS_CREATE ? NEW_FILE_MODE : 0,
                      RESOLVE_NO_MAGICLINKS_ | RESOLVE_BENEATH_ };
  long r = -OS_EAGAIN; // when something is renamed under the kernel's feet
  for (int i = 0; i < ATTEMPTS && r == -OS_EAGAIN; i++)
    r = zw_sys4(__NR_openat2, dir, (long)path, (long)how, sizeof how);
  return (int)r;
}

int zw_os_stat_at(int dir, const char *name, OsStat *out)
{
  KernelStatx s;
  long r = zw_sys6(SYS_statx, dir, (long)name, AT_SYMLINK_NOFOLLOW_, STATX_BASIC_, (long)&s, 0);
  if (r == 0)
    zw_os_stat_from(&s, out);
  return (int)r;
}
long zw_os_readlink_at(int dir, const char *name, char *buf, size_t bytes)
{
  return zw_sys4(__NR_readlinkat, dir, (long)name, (long)buf, (long)bytes);
}
int zw_os_mkdir_at(int dir, const char *name) { return (int)zw_sys3(__NR_mkdirat, dir, (long)name, NEW_DIR_MODE); }
int zw_os_unlink_at(int dir, const char *name, bool directory)
{
  return (int)zw_sys3(__NR_unlinkat, dir, (long)name, directory ? AT_REMOVEDIR_ : 0);
}
int zw_os_rename_at(int dir, const char *name, int new_dir, const char *new_name)
{
  return (int)zw_sys4(__NR_renameat, dir, (long)name, new_dir, (long)new_name);
}
int zw_os_link_at(int dir, const char *name, int new_dir, const char *new_name)
{
  return (int)zw_sys6(__NR_linkat, dir, (long)name, new_dir, (long)new_name, 0, 0);
}
int zw_os_symlink_at(const char *target, int dir, const char *name) { return (int)zw_sys3(__NR_symlinkat, (long)target, dir, (long)name); }
int zw_os_set_times_at(int dir, const char *name, int64_t atime, int64_t mtime) { return zw_os_set_times_by(dir, name, atime, mtime); }

typedef struct KernelDirent { uint64_t ino; int64_t next; uint16_t bytes; uint8_t type; char name[]; } KernelDirent;

int zw_os_read_dir(int fd, uint64_t cookie, OsDirEntry each, void *arg)
{
  _Alignas(8) char buf[8192];
  static const uint8_t types[16] = { [1] = OS_FIFO, [2] = OS_CHAR, [4] = OS_DIR, [6] = OS_BLOCK, [8] = OS_FILE, [10] = OS_LINK, [12] = OS_SOCKET };
  int64_t at = zw_os_seek(fd, (int64_t)cookie, 0);
  if (at < 0)
    return (int)at;
  for (;;) {
    long n = zw_sys3(__NR_getdents64, fd, (long)buf, sizeof buf);
    if (n <= 0)
      return (int)n;
    for (long k = 0; k < n;) {
      const KernelDirent *d = (const KernelDirent *)(const void *)(buf + k);
      if (!each(arg, (uint64_t)d->next, d->ino, types[d->type & 15], d->name, __builtin_strlen(d->name)))
        return 0;
      k += d->bytes;
    }
  }
}
