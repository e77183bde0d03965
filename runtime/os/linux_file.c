// Descriptors by system calls.
#include "runtime/os/file.h"
#include "runtime/os/linux.h"

enum { O_APPEND_ = 02000, O_NONBLOCK_ = 04000, O_DSYNC_ = 010000, O_SYNC_ = 04010000 };
enum { F_GETFL_ = 3, F_SETFL_ = 4, F_DUPFD_CLOEXEC_ = 1030 };
enum { SIGPIPE_ = 13 };

long zw_os_readv(int fd, const OsIov *v, int n) { return zw_sys3(__NR_readv, fd, (long)v, n); }
long zw_os_writev(int fd, const OsIov *v, int n) { return zw_sys3(__NR_writev, fd, (long)v, n); }
// The offset is in two halves in the kernel's interface; on 64-bit machines the low one is whole.
long zw_os_preadv(int fd, const OsIov *v, int n, uint64_t at) { return zw_sys6(__NR_preadv, fd, (long)v, n, (long)at, 0, 0); }
long zw_os_pwritev(int fd, const OsIov *v, int n, uint64_t at) { return zw_sys6(__NR_pwritev, fd, (long)v, n, (long)at, 0, 0); }

// Block the signal, write, take the one we caused away again.
long zw_os_writev_quiet(int fd, const OsIov *v, int n)
{
  uint64_t pipe = 1ull << (SIGPIPE_ - 1), before, pending;
  zw_sys4(__NR_rt_sigprocmask, SIG_BLOCK_, (long)&pipe, (long)&before, sizeof pipe);
  zw_sys2(__NR_rt_sigpending, (long)&pending, sizeof pending);
  long r = zw_os_writev(fd, v, n);
  size_t wanted = 0;
  for (int i = 0; i < n; i++)
    wanted += v[i].n;
  // A count that is short may have the signal too: the reader went away in the middle.
  if ((r == -OS_EPIPE || (r >= 0 && (size_t)r < wanted)) && !(pending & pipe)) {
    KernelTime none = { 0, 0 };
    zw_sys4(__NR_rt_sigtimedwait, (long)&pipe, 0, (long)&none, sizeof pipe);
  }
  if (!(before & pipe))
    zw_sys4(__NR_rt_sigprocmask, SIG_UNBLOCK_, (long)&pipe, 0, sizeof pipe);
  return r;
}

int64_t zw_os_seek(int fd, int64_t off, int whence) { return zw_sys3(__NR_lseek, fd, off, whence); }

void zw_os_stat_from(const KernelStatx *s, OsStat *out)
{
  static const uint8_t types[16] = { [1] = OS_FIFO, [2] = OS_CHAR, [4] = OS_DIR, [6] = OS_BLOCK, [8] = OS_FILE, [10] = OS_LINK, [12] = OS_SOCKET };
  *out = (OsStat){ .dev = (uint64_t)s->dev_major << 32 | s->dev_minor, .ino = s->ino, .nlink = s->nlink, .size = s->size,
                   .type = types[s->mode >> 12] };
  out->atime = (uint64_t)s->atime.sec * 1000000000u + s->atime.nsec;
  out->mtime = (uint64_t)s->mtime.sec * 1000000000u + s->mtime.nsec;
  out->ctime = (uint64_t)s->ctime.sec * 1000000000u + s->ctime.nsec;
}
int zw_os_stat(int fd, OsStat *out)
{
  KernelStatx s;
  long r = zw_sys6(SYS_statx, fd, (long)"", AT_EMPTY_PATH_, STATX_BASIC_, (long)&s, 0);
  if (r < 0)
    return (int)r;
  zw_os_stat_from(&s, out);
  if (out->type == OS_SOCKET) {
    enum { SOL_SOCKET_ = 1, SO_TYPE_ = 3, STREAM = 1 };
    int type = 0, len = sizeof type;
    zw_sys6(__NR_getsockopt, fd, SOL_SOCKET_, SO_TYPE_, (long)&type, (long)&len, 0);
    out->stream_socket = type == STREAM;
  }
  return 0;
}

int zw_os_sync(int fd, bool data_only) { return (int)zw_sys1(data_only ? __NR_fdatasync : __NR_fsync, fd); }
int zw_os_truncate(int fd, uint64_t bytes) { return (int)zw_sys2(__NR_ftruncate, fd, (long)bytes); }
int zw_os_allocate(int fd, uint64_t at, uint64_t bytes) { return (int)zw_sys4(__NR_fallocate, fd, 0, (long)at, (long)bytes); }
int zw_os_advise(int fd, uint64_t at, uint64_t bytes, int advice)
{
  static const uint8_t kernel[] = { 0, 2, 1, 3, 4, 5 }; // normal sequential random willneed dontneed noreuse
  return (int)zw_sys4(__NR_fadvise64, fd, (long)at, (long)bytes, kernel[advice]);
}

int zw_os_set_times_by(int dir, const char *name, int64_t atime, int64_t mtime)
{
  enum { NOW = 0x3fffffff, OMIT = 0x3ffffffe, AT_SYMLINK_NOFOLLOW_ = 0x100 };
  int64_t in[2] = { atime, mtime };
  KernelTime t[2];
  for (int i = 0; i < 2; i++) {
    int64_t sec = in[i] / 1000000000, nsec = in[i] % 1000000000;
    t[i] = (KernelTime){ sec, nsec };
    if (in[i] < 0)
      t[i] = (KernelTime){ 0, in[i] == OS_TIME_NOW ? NOW : OMIT };
  }
  return (int)zw_sys4(__NR_utimensat, dir, (long)name, (long)t, name ? AT_SYMLINK_NOFOLLOW_ : 0);
}
int zw_os_set_times(int fd, int64_t atime, int64_t mtime) { return zw_os_set_times_by(fd, NULL, atime, mtime); }

int zw_os_get_flags(int fd)
{
  long f = zw_sys3(__NR_fcntl, fd, F_GETFL_, 0);
  if (f < 0)
    return (int)f;
  return (f & O_APPEND_ ? OS_APPEND : 0) | (f & O_NONBLOCK_ ? OS_NONBLOCK : 0) | (f & O_DSYNC_ ? OS_DSYNC : 0) |
         ((f & O_SYNC_) == O_SYNC_ ? OS_SYNC : 0);
}
int zw_os_set_flags(int fd, int flags)
{
  long was = zw_sys3(__NR_fcntl, fd, F_GETFL_, 0);
  if (was < 0)
    return (int)was;
  long want = (was & ~(O_APPEND_ | O_NONBLOCK_)) | (flags & OS_APPEND ? O_APPEND_ : 0) | (flags & OS_NONBLOCK ? O_NONBLOCK_ : 0);
  return (int)zw_sys3(__NR_fcntl, fd, F_SETFL_, want);
}
int zw_os_dup(int fd) { return (int)zw_sys3(__NR_fcntl, fd, F_DUPFD_CLOEXEC_, 0); }

// The time left is kept by the kernel's clock, so that signals do not make it longer.
int zw_os_poll(OsPoll *p, uint32_t n, int64_t timeout_ns)
{
  uint64_t start = 0, now;
  int64_t left = timeout_ns;
  if (timeout_ns > 0)
    (void)zw_os_clock(1, &start);
  for (;;) {
    KernelTime t = { left / 1000000000, left % 1000000000 };
    long r = zw_sys6(__NR_ppoll, (long)p, n, timeout_ns < 0 ? 0 : (long)&t, 0, 8, 0);
    if (r != -EINTR_)
      return (int)r;
    if (timeout_ns > 0) {
      (void)zw_os_clock(1, &now);
      left = now - start >= (uint64_t)timeout_ns ? 0 : timeout_ns - (int64_t)(now - start);
    }
  }
}
bool zw_os_ready(int fd, short events)
{
  OsPoll p = { .fd = fd, .events = events };
  KernelTime none = { 0, 0 };
  return zw_sys6(__NR_ppoll, (long)&p, 1, (long)&none, 0, 8, 0) != 0;
}
int64_t zw_os_readable_bytes(int fd)
{
  enum { FIONREAD_ = 0x541b };
  int n = 0;
  long r = zw_sys3(__NR_ioctl, fd, FIONREAD_, (long)&n);
  return r < 0 ? r : n;
}
bool zw_os_is_tty(int fd)
{
  enum { TCGETS_ = 0x5401 };
  uint8_t termios[64];
  return zw_sys3(__NR_ioctl, fd, TCGETS_, (long)termios) == 0;
}
void zw_os_yield(void) { zw_sys0(__NR_sched_yield); }
int zw_os_sleep_until(int clock, uint64_t ns)
{
  enum { ABSTIME = 1 };
  KernelTime t = { (int64_t)(ns / 1000000000), (int64_t)(ns % 1000000000) };
  long r;
  do
    r = zw_sys4(__NR_clock_nanosleep, clock, ABSTIME, (long)&t, 0);
  while (r == -EINTR_);
  return (int)r;
}

// ---- sockets ----

typedef struct KernelMsg { void *name; int name_len, pad; const OsIov *iov; size_t niov; void *control; size_t control_len; int flags; } KernelMsg;

int zw_os_accept(int fd, bool nonblock) { return (int)zw_sys4(__NR_accept4, fd, 0, 0, O_CLOEXEC_ | (nonblock ? O_NONBLOCK_ : 0)); }
long zw_os_recv(int fd, const OsIov *v, int n, bool peek, bool waitall, bool *truncated)
{
  enum { PEEK = 2, TRUNC = 0x20, WAITALL = 0x100 };
  KernelMsg m = { .iov = v, .niov = (size_t)n };
  long r = zw_sys3(__NR_recvmsg, fd, (long)&m, (peek ? PEEK : 0) | (waitall ? WAITALL : 0));
  *truncated = m.flags & TRUNC;
  return r;
}
long zw_os_send(int fd, const OsIov *v, int n)
{
  enum { NOSIGNAL = 0x4000 };
  KernelMsg m = { .iov = v, .niov = (size_t)n };
  return zw_sys3(__NR_sendmsg, fd, (long)&m, NOSIGNAL);
}
int zw_os_shutdown(int fd, int how) { return (int)zw_sys2(__NR_shutdown, fd, how); }
