// Inside runtime/os on Linux: the system call instruction and the kernel's own structures, which are not libc's.
#pragma once
#include "runtime/os/os.h"
#include <asm/unistd.h>

enum {
  SYS_mmap = __NR_mmap, SYS_munmap = __NR_munmap, SYS_mremap = __NR_mremap, SYS_mprotect = __NR_mprotect, SYS_madvise = __NR_madvise,
  SYS_mincore = __NR_mincore,
  SYS_read = __NR_read, SYS_write = __NR_write, SYS_openat = __NR_openat, SYS_close = __NR_close, SYS_statx = __NR_statx,
  SYS_exit_group = __NR_exit_group, SYS_getpid = __NR_getpid, SYS_gettid = __NR_gettid, SYS_tgkill = __NR_tgkill,
  SYS_rt_sigaction = __NR_rt_sigaction, SYS_rt_sigprocmask = __NR_rt_sigprocmask, SYS_prlimit64 = __NR_prlimit64,
  SYS_clock_gettime = __NR_clock_gettime, SYS_clock_getres = __NR_clock_getres, SYS_getrandom = __NR_getrandom,
  SYS_futex = __NR_futex,
};
enum {
  EPERM_ = 1, ENOENT_ = 2, EINTR_ = 4, EBADF_ = 9, EAGAIN_ = 11, ENOMEM_ = 12, EACCES_ = 13, EEXIST_ = 17, ENOTDIR_ = 20,
  EISDIR_ = 21, EINVAL_ = 22, EMFILE_ = 24, ENAMETOOLONG_ = 36, ENOSYS_ = 38, ELOOP_ = 40, ETIMEDOUT_ = 110,
};
enum { AT_FDCWD_ = -100, AT_EMPTY_PATH_ = 0x1000, O_NOCTTY_ = 0400, O_CLOEXEC_ = 02000000, STATX_BASIC_ = 0x7ff };
enum { SIGABRT_ = 6, SIGSEGV_ = 11, SIG_BLOCK_ = 0, SIG_UNBLOCK_ = 1, SIG_SETMASK_ = 2 };

typedef struct KernelTime { int64_t sec, nsec; } KernelTime;
typedef struct KernelSigaction { void *handler; uint64_t flags; void *restorer; uint64_t mask; } KernelSigaction;
typedef struct KernelStatxTime { int64_t sec; uint32_t nsec; int32_t pad; } KernelStatxTime;
typedef struct KernelStatx {
  uint32_t mask, blksize; uint64_t attributes; uint32_t nlink, uid, gid; uint16_t mode, pad0;
  uint64_t ino, size, blocks, attributes_mask;
  KernelStatxTime atime, btime, ctime, mtime;
  uint32_t rdev_major, rdev_minor, dev_major, dev_minor; uint64_t mnt_id, spare[13];
} KernelStatx;
STATIC_ASSERT(sizeof(KernelStatx) == 256, "struct statx");

#ifdef __x86_64__
static inline long zw_sys6(long n, long a, long b, long c, long d, long e, long f)
{
  register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
  long r;
  __asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
  return r;
}
#endif
#define zw_sys0(n) zw_sys6((n), 0, 0, 0, 0, 0, 0)
#define zw_sys1(n, a) zw_sys6((n), (a), 0, 0, 0, 0, 0)
#define zw_sys2(n, a, b) zw_sys6((n), (a), (b), 0, 0, 0, 0)
#define zw_sys3(n, a, b, c) zw_sys6((n), (a), (b), (c), 0, 0, 0)
#define zw_sys4(n, a, b, c, d) zw_sys6((n), (a), (b), (c), (d), 0, 0)

// linux_file.c, for linux_path.c
struct OsStat;
void zw_os_stat_from(const KernelStatx *s, struct OsStat *out);
int zw_os_set_times_by(int dir, const char *name, int64_t atime, int64_t mtime);
