// Linux by raw system calls: pages, process, clocks, random, locks and waiting.  No libc symbol is needed and the
// host's errno is never touched, so the same code runs in a glibc program, a musl program and one without libc.
// Faults are in linux_fault.c, the stack's bounds in linux_stack.c, files in linux_file.c and linux_path.c.
#include "runtime/os/linux.h"
#include "runtime/base/alloc.h"
#include "runtime/base/bits.h"
#include "runtime/base/str.h"

enum { PROT_R = 1, PROT_W = 2, PROT_X = 4 };
enum { MAP_PRIVATE_ = 2, MAP_ANON_ = 0x20, MAP_NORESERVE_ = 0x4000, MAP_FIXED_ = 0x10, MAP_SHARED_ = 1 };
enum { MADV_DONTNEED_ = 4, MADV_DONTDUMP_ = 16, MADV_HUGEPAGE_ = 14, MADV_DODUMP_ = 17 };

long zw_os_syscall(long n, long a, long b, long c, long d, long e, long f) { return zw_sys6(n, a, b, c, d, e, f); }

// ---- pages ----

size_t zw_os_page_size(void) { return 4096; }

// ThreadSanitizer has to see that pages come and go, or a thread's new page looks like another's old one.
#ifdef __SANITIZE_THREAD__
void *mmap(void *at, size_t bytes, int prot, int flags, int fd, long offset);
int munmap(void *at, size_t bytes);
static void *map(void *at, size_t bytes, int prot, int flags)
{
  void *p = mmap(at, bytes, prot, flags, -1, 0);
  return p == (void *)-1 ? NULL : p;
}
void zw_os_unmap(void *p, size_t bytes) { munmap(p, bytes); }
#else
static void *map(void *at, size_t bytes, int prot, int flags)
{
  long p = zw_sys6(SYS_mmap, (long)at, (long)bytes, prot, flags, -1, 0);
  return p < 0 && p > -4096 ? NULL : (void *)p;
}
void zw_os_unmap(void *p, size_t bytes) { zw_sys2(SYS_munmap, (long)p, (long)bytes); }
#endif
bool zw_os_mapped(const void *p, size_t bytes)
{
  unsigned char in_core[64]; // a byte per page: not what we want to know
  size_t page = zw_os_page_size(), step = sizeof in_core * page;
  for (uintptr_t at = (uintptr_t)p & ~(page - 1), end = (uintptr_t)p + bytes; at < end; at += step)
    if (zw_sys3(SYS_mincore, (long)at, (long)(end - at < step ? end - at : step), (long)in_core) < 0)
      return false;
  return true;
}
void *zw_os_map(size_t bytes)
{
  if (zw_alloc_should_fail())
    return NULL;
  enum { HUGE_PAGE = 2 << 20 };
  void *p = map(NULL, bytes, PROT_R | PROT_W, MAP_PRIVATE_ | MAP_ANON_);
  if (p && bytes >= HUGE_PAGE) // a fault for 2 MiB instead of 512: a tenth of compiling a large module
    zw_sys3(SYS_madvise, (long)p, (long)bytes, MADV_HUGEPAGE_);
  return p;
}
#ifdef __SANITIZE_THREAD__
void *zw_os_remap(void *p, size_t bytes, size_t new_bytes)
{
  void *q = zw_os_map(new_bytes);
  if (!q)
    return NULL;
  memcpy(q, p, bytes < new_bytes ? bytes : new_bytes);
  zw_os_unmap(p, bytes);
  return q;
}
#else
void *zw_os_remap(void *p, size_t bytes, size_t new_bytes)
{
  enum { MAYMOVE = 1 };
  if (zw_alloc_should_fail())
    return NULL;
  long q = zw_sys6(SYS_mremap, (long)p, (long)bytes, (long)new_bytes, MAYMOVE, 0, 0);
  return q < 0 && q > -4096 ? NULL : (void *)q;
}
#endif
void *zw_os_reserve(size_t bytes)
{
  if (zw_alloc_should_fail())
    return NULL;
  void *p = map(NULL, bytes, 0, MAP_PRIVATE_ | MAP_ANON_ | MAP_NORESERVE_);
  if (!p)
    return NULL;
  zw_sys3(SYS_madvise, (long)p, (long)bytes, MADV_DONTDUMP_);
  zw_sys3(SYS_madvise, (long)p, (long)bytes, MADV_HUGEPAGE_); // for the whole 2 MiB pieces of what is committed later
  return p;
}
bool zw_os_commit(void *p, size_t bytes)
{
  if (bytes == 0)
    return true;
  if (zw_alloc_should_fail())
    return false;
  return zw_sys3(SYS_mprotect, (long)p, (long)bytes, PROT_R | PROT_W) == 0;
}
bool zw_os_decommit(void *p, size_t bytes)
{
  // A new mapping in place: the only way that surely drops contents, accounting and permissions together.
  if (bytes == 0)
    return true;
  if (!map(p, bytes, 0, MAP_PRIVATE_ | MAP_ANON_ | MAP_NORESERVE_ | MAP_FIXED_))
    return false;
  zw_sys3(SYS_madvise, (long)p, (long)bytes, MADV_DONTDUMP_);
  return true;
}

void zw_os_discard(void *p, size_t bytes) { zw_sys3(SYS_madvise, (long)p, (long)bytes, MADV_DONTNEED_); }

void *zw_os_code_map(size_t bytes) { return zw_os_map(bytes); }
bool zw_os_code_seal(void *p, size_t bytes) { return zw_sys3(SYS_mprotect, (long)p, (long)bytes, PROT_R | PROT_X) == 0; }
bool zw_os_protect_read(void *p, size_t bytes) { return zw_sys3(SYS_mprotect, (long)p, (long)bytes, PROT_R) == 0; }

bool zw_os_code_pair(size_t text, size_t bytes, uint8_t **write, uint8_t **run)
{
  enum { MAYMOVE = 1 };
  if (zw_alloc_should_fail())
    return false;
  uint8_t *p = map(NULL, bytes, PROT_R | PROT_W, MAP_SHARED_ | MAP_ANON_ | MAP_NORESERVE_);
  if (!p)
    return false;
  long q = zw_sys6(SYS_mremap, (long)p, 0, (long)text, MAYMOVE, 0, 0); // of shared memory, "from nothing": once more
  if (q > -4096 && q < 0) {
    zw_os_unmap(p, bytes);
    return false;
  }
  *write = p, *run = (uint8_t *)q;
  if (zw_os_code_seal(*run, text))
    return true;
  zw_os_unmap(*run, text);
  zw_os_unmap(p, bytes);
  return false;
}

// ---- process ----

_Noreturn void zw_os_exit(int code)
{
  for (;;)
    zw_sys1(SYS_exit_group, code);
}

// The host's own abort where there is one: it flushes nothing, but runs the host's SIGABRT handler as users expect.
extern void abort(void) __attribute__((weak));
_Noreturn void zw_os_abort(void)
{
  if (abort)
    abort();
  KernelSigaction dfl = { 0 };
  uint64_t mask = 1ull << (SIGABRT_ - 1);
  zw_sys4(SYS_rt_sigaction, SIGABRT_, (long)&dfl, 0, sizeof mask);
  zw_sys4(SYS_rt_sigprocmask, SIG_UNBLOCK_, (long)&mask, 0, sizeof mask);
  zw_sys3(SYS_tgkill, zw_sys0(SYS_getpid), zw_sys0(SYS_gettid), SIGABRT_);
  zw_os_exit(128 + SIGABRT_);
}

void zw_os_write_err(const char *s, size_t n)
{
  while (n > 0) {
    long r = zw_sys3(SYS_write, 2, (long)s, (long)n);
    if (r == -EINTR_)
      continue;
    if (r <= 0)
      return;
    s += r, n -= (size_t)r;
  }
}

_Noreturn void zw_bug(const char *file, int line, const char *fmt, ...)
{
  char buf[1024];
  size_t n = zw_format(buf, sizeof buf, "zwasm: internal error: %s:%d: ", file, line);
  va_list ap;
  va_start(ap, fmt);
  if (n < sizeof buf - 1)
    n += zw_vformat(buf + n, sizeof buf - 1 - n, fmt, ap);
  va_end(ap);
  if (n > sizeof buf - 2)
    n = sizeof buf - 2;
  buf[n++] = '\n';
  zw_os_write_err(buf, n);
  zw_os_abort();
}

// ---- descriptors for the tools ----

int zw_os_open_read(const char *path)
{
  long r;
  do
    r = zw_sys4(SYS_openat, AT_FDCWD_, (long)path, O_CLOEXEC_ | O_NOCTTY_, 0);
  while (r == -EINTR_);
  return (int)r;
}
long zw_os_read(int fd, void *p, size_t n)
{
  long r;
  do
    r = zw_sys3(SYS_read, fd, (long)p, (long)n);
  while (r == -EINTR_);
  return r;
}
long zw_os_write(int fd, const void *p, size_t n)
{
  long r;
  do
    r = zw_sys3(SYS_write, fd, (long)p, (long)n);
  while (r == -EINTR_);
  return r;
}
int zw_os_close(int fd) { return (int)zw_sys1(SYS_close, fd); } // EINTR: the descriptor is gone all the same
int64_t zw_os_file_size(int fd)
{
  KernelStatx st;
  long r = zw_sys6(SYS_statx, fd, (long)"", AT_EMPTY_PATH_, STATX_BASIC_, (long)&st, 0);
  return r < 0 ? r : (int64_t)st.size;
}

// ---- clocks and random ----

int zw_os_random(void *p, size_t n)
{
  uint8_t *at = p;
  while (n > 0) {
    long r = zw_sys3(SYS_getrandom, (long)at, (long)(n < 1 << 20 ? n : 1 << 20), 0);
    if (r == -EINTR_)
      continue;
    if (r < 0)
      return (int)r;
    at += r, n -= (size_t)r;
  }
  return 0;
}

// ---- waiting and locks ----

enum { FUTEX_WAIT_PRIVATE_ = 128, FUTEX_WAKE_PRIVATE_ = 129 };

bool zw_os_wait32(const uint32_t *p, uint32_t expected, int64_t timeout_ns)
{
  KernelTime t = { timeout_ns / 1000000000, timeout_ns % 1000000000 };
  long r = zw_sys6(SYS_futex, (long)p, FUTEX_WAIT_PRIVATE_, expected, timeout_ns < 0 ? 0 : (long)&t, 0, 0);
  return r != -ETIMEDOUT_;
}
void zw_os_wake(const uint32_t *p, uint32_t count)
{
  zw_sys3(SYS_futex, (long)p, FUTEX_WAKE_PRIVATE_, count > 0x7fffffff ? 0x7fffffff : count);
}

// 0 free, 1 held, 2 held and somebody may wait.
void zw_os_lock(OsMutex *m)
{
  uint32_t was = 0;
  if (__atomic_compare_exchange_n(&m->state, &was, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
    return;
  while (__atomic_exchange_n(&m->state, 2, __ATOMIC_ACQUIRE) != 0)
    (void)zw_os_wait32(&m->state, 2, -1);
}
void zw_os_unlock(OsMutex *m)
{
  if (__atomic_exchange_n(&m->state, 0, __ATOMIC_RELEASE) == 2)
    zw_os_wake(&m->state, 1);
}
