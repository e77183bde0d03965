// The k-th system call of every call fails, for every k and every way to fail, and transfers come back short.
//   the guest hears the error that the kernel gave, or the call has done all it should
//   after an error nothing has happened; the tree is as it was
//   no descriptor of the host is left open, none of the guest's lost
//   every error of the host is WASI's of that name
//   counts are true: a guest that goes on where the count says ends up with the right bytes
// Twice: with openat2 and without.
#include "scenarios.h"
#include "runtime/os/linux.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

// ---- the fault ----

// fault: -errno at the at_call-th; fired_at: the system call's number, -1 = not yet
static long at_call, fault, seen, fired_at;
static bool without_openat2;

// What cannot fail with these arguments, or only in a way that has nothing to do with the guest.
static bool never_fails(long n, long e)
{
  if (n == SYS_mmap)
    return e != -ENOMEM;
  if (n == SYS_close) // a descriptor is gone whatever close says
    return e != -EINTR && e != -EIO;
  return n == SYS_munmap || n == SYS_rt_sigprocmask || n == __NR_rt_sigpending || n == __NR_rt_sigtimedwait ||
         n == SYS_clock_gettime || n == __NR_sched_yield || n == SYS_mprotect || n == SYS_madvise;
}
static long fail_one(long n, long a[6], bool *answered)
{
  long r = rig_no_openat2(n, a, answered);
  if (without_openat2 && *answered)
    return r;
  *answered = false;
  if (never_fails(n, fault) || ++seen != at_call)
    return 0;
  fired_at = n, *answered = true;
  if (n == SYS_close)
    rig_kernel(n, a);
  return fault;
}

// ---- the k-th fails ----

static unsigned long tries, refused, recovered;

// After an open that made or emptied a file, looking at it can still fail: that has happened then.
static bool may_have_happened(const Scenario *s)
{
  return fired_at == SYS_statx && s->kind & MAKES;
}

static bool one(const Scenario *s, long e, long k)
{
  static Snapshot before, after;
  make_world();
  before.n = after.n = 0;
  rig_snapshot(&before, "box", false);
  int host_before = rig_open_fds();
  at_call = k, fault = e, seen = 0, fired_at = -1;
  rig_sys = fail_one;
  uint32_t r = s->fn();
  rig_sys = NULL;
  bool fired = fired_at >= 0;
  rig_snapshot(&after, "box", false);
  uint32_t want = GUEST_FDS + (r == 0 && s->kind & OPENS) - (r == 0 && s->kind & CLOSES);
  EXPECT(guest_fds() == want, "%s, call %ld fails with %ld: %s, the guest has %u descriptors", s->name, k, -e,
         rig_errno_name(r), guest_fds());
  int host_want = host_before + (int)guest_fds() - GUEST_FDS - (r == 0 && s->kind & GIVEN);
  EXPECT(rig_open_fds() == host_want, "%s, call %ld (%ld) fails with %ld: %d descriptors, not %d", s->name, k, fired_at,
         -e, rig_open_fds(), host_want);
  if (s->right && r == 0)
    EXPECT(s->right(), "%s, call %ld (%ld) fails with %ld: success, but not done", s->name, k, fired_at, -e);
  if (fired && r != 0) {
    refused++;
    EXPECT(r == zw_wasi_errno(e) || !s->right, "%s, call %ld (%ld) fails with %ld: %s", s->name, k, fired_at, -e,
           rig_errno_name(r));
    EXPECT(may_have_happened(s) || rig_same(&before, &after),
           "%s, call %ld (%ld) fails with %ld: something has happened", s->name, k, fired_at, -e);
    if (s->right && !(s->kind & ONCE) && !may_have_happened(s)) { // and again, without the fault: nothing was lost
      r = s->fn();
      EXPECT(r == 0 && s->right(), "%s, again after call %ld (%ld) failed with %ld: %s", s->name, k, fired_at, -e,
             rig_errno_name(r));
    }
  } else if (fired) {
    recovered++;
  } else {
    EXPECT(!s->right || r == 0, "%s without a fault: %s", s->name, rig_errno_name(r));
  }
  tries++;
  end_world();
  return fired;
}

static void kth_fails(void)
{
  static const int errors[] = { EINTR, EAGAIN, EIO, ENOSPC, EMFILE, ENOMEM, EACCES, EROFS };
  for (int i = 0; i < nscenarios; i++)
    for (int e = 0; e < 8; e++)
      for (long k = 1; k < 200 && one(&scenarios[i], -errors[e], k); k++) {
      }
}

// ---- short counts ----

static long at_most; // bytes of a transfer
static bool moves_bytes(long n)
{
  return n == __NR_readv || n == __NR_writev || n == __NR_preadv || n == __NR_pwritev;
}
static long short_count(long n, long a[6], bool *answered)
{
  OsIov v[WASI_IOVS];
  long left = at_most, count = 0;
  if (n == SYS_getrandom && a[1] > at_most)
    a[1] = at_most;
  if (n == __NR_getdents64 && a[2] > 200)
    a[2] = 200;
  if (!moves_bytes(n))
    return 0;
  for (const OsIov *in = (const OsIov *)a[1]; count < a[2] && left > 0; count++) {
    v[count] = (OsIov){ in[count].p, (long)in[count].n < left ? in[count].n : (size_t)left };
    left -= (long)v[count].n;
  }
  long b[6] = { a[0], (long)v, count, a[3], a[4], a[5] };
  *answered = true;
  return rig_kernel(n, b);
}

// A guest that goes on where the count says: the whole TEXT, whatever the pieces.
static void transfer(bool write, bool positioned)
{
  uint32_t at = 0;
  if (write)
    rig_put(AT_BUF, TEXT, TEXT_BYTES), CALL(fd_filestat_set_size, FILE_FD, 0);
  else
    memset(rig_mem + AT_BUF, 0, 100);
  CALL(fd_seek, FILE_FD, 0, 0, AT_OUT);
  rig_sys = short_count;
  while (at < TEXT_BYTES) {
    uint32_t half = (TEXT_BYTES - at) / 2;
    rig_iov(AT_IOV, AT_BUF + at, half), rig_iov(AT_IOV + 8, AT_BUF + at + half, TEXT_BYTES - at - half);
    uint64_t a[MAX_ARGS] = { FILE_FD, AT_IOV, 2, positioned ? at : AT_OUT, AT_OUT };
    uint32_t e = rig_call(write        ? positioned ? C_fd_pwrite : C_fd_write
                          : positioned ? C_fd_pread
                                       : C_fd_read,
                          a, MAX_ARGS),
             n = rig_out32();
    EXPECT(e == 0 && n == (at_most < TEXT_BYTES - at ? at_most : TEXT_BYTES - at), "%ld bytes at most: %s, count %u",
           at_most, rig_errno_name(e), n);
    at += n;
    tries++;
    if (e || n == 0)
      break;
  }
  rig_sys = NULL;
  EXPECT(write ? same_text("box/file") : memcmp(rig_mem + AT_BUF, TEXT, TEXT_BYTES) == 0,
         "pieces of %ld bytes: not the text", at_most);
}
static void short_counts(void)
{
  make_world();
  for (at_most = 1; at_most <= TEXT_BYTES + 1; at_most++)
    for (int kind = 0; kind < 4; kind++)
      transfer(kind & 1, kind & 2);
  at_most = 3;
  rig_sys = short_count;
  static const char *const others[] = { "random_get", "fd_readdir" };
  for (int i = 0; i < 2; i++)
    EXPECT(scenario(others[i])->fn() == 0 && scenario(others[i])->right(), "%s in pieces", others[i]);
  rig_sys = NULL;
  end_world();
}

// ---- no descriptors left, of the host or of the guest ----

static void no_descriptors_left(void)
{
  static Snapshot before, after;
  make_world();
  before.n = after.n = 0;
  uint32_t n = 0, e;
  rig_w->fds = zw_realloc(rig_w->fds, rig_w->nfds * sizeof *rig_w->fds,
                          WASI_MAX_FDS * sizeof *rig_w->fds); // a full table without opening a million
  for (uint32_t i = rig_w->nfds; i < WASI_MAX_FDS; i++)
    rig_w->fds[i] = (WasiFd){ .open = true, .host = -1 };
  uint32_t had = rig_w->nfds;
  for (uint32_t i = 0; i < had; i++)
    if (!rig_w->fds[i].open)
      rig_w->fds[i] = (WasiFd){ .open = true, .host = -1 };
  rig_w->nfds = WASI_MAX_FDS;
  rig_snapshot(&before, "box", false);
  int host = rig_open_fds();
  for (int i = 0; i < nscenarios; i++)
    if (scenarios[i].kind & OPENS && !(scenarios[i].kind & ONCE)) {
      e = scenarios[i].fn();
      n++;
      EXPECT(e == E_mfile, "%s with a full table: %s", scenarios[i].name, rig_errno_name(e));
    }
  rig_snapshot(&after, "box", false);
  EXPECT(rig_same(&before, &after), "a full table: something has happened");
  EXPECT(rig_open_fds() == host, "a full table: %d descriptors, not %d", rig_open_fds(), host);
  tries += n;
  end_world();
}

// ---- every error of the host has its number ----

// WASI's errors in the order of their numbers, which is that of their names but for the last.
static const int host_errors[] = {
  0,
  E2BIG,
  EACCES,
  EADDRINUSE,
  EADDRNOTAVAIL,
  EAFNOSUPPORT,
  EAGAIN,
  EALREADY,
  EBADF,
  EBADMSG,
  EBUSY,
  ECANCELED,
  ECHILD,
  ECONNABORTED,
  ECONNREFUSED,
  ECONNRESET,
  EDEADLK,
  EDESTADDRREQ,
  EDOM,
  EDQUOT,
  EEXIST,
  EFAULT,
  EFBIG,
  EHOSTUNREACH,
  EIDRM,
  EILSEQ,
  EINPROGRESS,
  EINTR,
  EINVAL,
  EIO,
  EISCONN,
  EISDIR,
  ELOOP,
  EMFILE,
  EMLINK,
  EMSGSIZE,
  EMULTIHOP,
  ENAMETOOLONG,
  ENETDOWN,
  ENETRESET,
  ENETUNREACH,
  ENFILE,
  ENOBUFS,
  ENODEV,
  ENOENT,
  ENOEXEC,
  ENOLCK,
  ENOLINK,
  ENOMEM,
  ENOMSG,
  ENOPROTOOPT,
  ENOSPC,
  ENOSYS,
  ENOTCONN,
  ENOTDIR,
  ENOTEMPTY,
  ENOTRECOVERABLE,
  ENOTSOCK,
  ENOTSUP,
  ENOTTY,
  ENXIO,
  EOVERFLOW,
  EOWNERDEAD,
  EPERM,
  EPIPE,
  EPROTO,
  EPROTONOSUPPORT,
  EPROTOTYPE,
  ERANGE,
  EROFS,
  ESPIPE,
  ESRCH,
  ESTALE,
  ETIMEDOUT,
  ETXTBSY,
  EXDEV,
};
static long fail_write(long n, long a[6], bool *answered)
{
  (void)a;
  *answered = n == __NR_writev;
  return fault;
}
static void every_error(void)
{
  enum { NERRORS = sizeof host_errors / sizeof *host_errors, NOTCAPABLE = 76 };
  make_world();
  EXPECT(NERRORS == NOTCAPABLE, "%d errors", (int)NERRORS);
  rig_iov(AT_IOV, AT_BUF, 4);
  rig_sys = fail_write;
  for (uint32_t i = 1; i < NERRORS; i++) {
    fault = -host_errors[i];
    uint32_t e = CALL(fd_write, FILE_FD, AT_IOV, 1, AT_OUT);
    EXPECT(e == i, "%s is %u for the guest, not %u", strerror(host_errors[i]), e, i);
    tries++;
  }
  for (long other = 134; other < 4096; other += 97) { // what WASI has no name for is an error too, and one of its own
    fault = -other;
    uint32_t e = CALL(fd_write, FILE_FD, AT_IOV, 1, AT_OUT);
    EXPECT(e > 0 && e < NOTCAPABLE, "error %ld is %u for the guest", other, e);
    tries++;
  }
  rig_sys = NULL;
  end_world();
}

int main(void)
{
  rig_make_memory();
  rig_new_top();
  for (int way = 0; way < 2; way++) {
    without_openat2 = zw_wasi_walk_always = way == 1;
    kth_fails();
    printf("faults: %s openat2: %d scenarios, %lu tries, %lu heard of it, %lu recovered, %lu failures\n",
           way ? "without" : "with", nscenarios, tries, refused, recovered, rig_failures);
  }
  short_counts();
  no_descriptors_left();
  every_error();
  printf("faults: %lu tries in all, %lu failures\n", tries, rig_failures);
  rig_remove_top();
  return rig_failures == 0 && tries > 3000 && refused > 1000 ? 0 : 1;
}
