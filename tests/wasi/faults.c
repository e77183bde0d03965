// The k-th system call of every call fails, for every k and every way to fail, and transfers come back short.
//   the guest hears the error that the kernel gave, or the call has done all it should
//   after an error nothing has happened; the tree is as it was
//   no descriptor of the host is left open, none of the guest's lost
//   every error of the host is WASI's of that name
//   counts are true: a guest that goes on where the count says ends up with the right bytes
// Twice: with openat2 and without.
#include "rig.h"
#include "runtime/os/linux.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BOX = 3, FILE_FD = 4, STREAM = 5, LISTENER = 6, DIR_FD = 7, GUEST_FDS = 5 };
static const char text[] = "0123456789abcdefghijklmnopqrstuvwxyz";
enum { TEXT = sizeof text - 1 };
static int peer, client; // the other ends of the sockets

// ---- the fault ----

static long at_call, fault, seen, fired_at; // fault: -errno at the at_call-th; fired_at: the system call's number, -1 = not yet
static bool without_openat2;

// What cannot fail with these arguments, or only in a way that has nothing to do with the guest.
static bool never_fails(long n, long e)
{
  if (n == SYS_mmap)
    return e != -ENOMEM;
  if (n == SYS_close) // a descriptor is gone whatever close says
    return e != -EINTR && e != -EIO;
  return n == SYS_munmap || n == SYS_rt_sigprocmask || n == __NR_rt_sigpending || n == __NR_rt_sigtimedwait || n == SYS_clock_gettime ||
         n == __NR_sched_yield || n == SYS_mprotect || n == SYS_madvise;
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

// ---- the calls ----

typedef struct Scenario { const char *name; uint32_t (*fn)(void); bool (*right)(void); /* after success */ bool opens; } Scenario;

static bool same_text(const char *path)
{
  char buf[100];
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  long n = fd < 0 ? -1 : read(fd, buf, sizeof buf);
  if (fd >= 0)
    close(fd);
  return n == TEXT && memcmp(buf, text, TEXT) == 0;
}
static bool is_there(const char *path) { return access(path, F_OK) == 0; }
static uint32_t open_with(const char *path, uint32_t oflags, bool follow)
{
  return CALL(path_open, BOX, follow, PATH(path), oflags, RIGHTS_ALL, RIGHTS_ALL, 0, AT_OUT);
}
static bool yes(void) { return true; }

static uint32_t s_open(void) { return open_with("dir/sub/g", 0, true); }
static uint32_t s_open_links(void) { return open_with("l_dir/../dir/l_sub/../sub/g", 0, true); }
static uint32_t s_open_link(void) { return open_with("l_dir/l_g", 0, true); }
static uint32_t s_open_dir(void) { return open_with("dir/sub/", 0, true); }
static uint32_t s_create(void) { return open_with("dir/new", O_CREAT_W | O_EXCL_W, true); }
static bool s_create_right(void) { return is_there("box/dir/new"); }
static uint32_t s_create_walk(void) { return open_with("dir/./new", O_CREAT_W, true); }
static uint32_t s_trunc(void) { return open_with("dir/sub/g", O_TRUNC_W, true); }
static bool s_trunc_right(void) { struct stat st; return stat("box/dir/sub/g", &st) == 0 && st.st_size == 0; }
static uint32_t s_stat(void) { return CALL(path_filestat_get, BOX, 1, PATH("l_dir/sub/g"), AT_OUT); }
static bool s_stat_right(void) { return zw_get64(rig_mem + AT_OUT + 32) == TEXT; }
static uint32_t s_times(void) { return CALL(path_filestat_set_times, BOX, 1, PATH("l_dir/f/"), 1000000000, 2000000000, 5); }
static uint32_t s_times_file(void) { return CALL(path_filestat_set_times, BOX, 1, PATH("dir/f"), 1000000000, 2000000000, 5); }
static bool s_times_right(void) { struct stat st; return stat("box/dir/f", &st) == 0 && st.st_mtim.tv_sec == 2; }
static uint32_t s_mkdir(void) { return CALL(path_create_directory, BOX, PATH("l_dir/new/")); }
static uint32_t s_rmdir(void) { return CALL(path_remove_directory, BOX, PATH("dir/empty")); }
static bool s_rmdir_right(void) { return !is_there("box/dir/empty"); }
static uint32_t s_unlink(void) { return CALL(path_unlink_file, BOX, PATH("l_dir/f")); }
static bool s_unlink_right(void) { return !is_there("box/dir/f"); }
static uint32_t s_readlink(void) { return CALL(path_readlink, BOX, PATH("l_dir/l_g"), AT_BUF, 100, AT_OUT); }
static bool s_readlink_right(void) { return rig_out32() == 5 && memcmp(rig_mem + AT_BUF, "sub/g", 5) == 0; }
static uint32_t s_symlink(void) { return CALL(path_symlink, PATH2("f"), BOX, PATH("l_dir/new")); }
static bool s_symlink_right(void) { return same_text("box/dir/new"); }
static uint32_t s_link(void) { return CALL(path_link, BOX, 0, PATH("l_dir/f"), BOX, PATH2("l_dir/sub/new")); }
static bool s_link_right(void) { return same_text("box/dir/f") && same_text("box/dir/sub/new"); }
static uint32_t s_rename(void) { return CALL(path_rename, BOX, PATH("l_dir/f"), BOX, PATH2("l_dir/sub/new")); }
static bool s_rename_right(void) { return !is_there("box/dir/f") && same_text("box/dir/sub/new"); }
static uint32_t s_rename_dir(void) { return CALL(path_rename, BOX, PATH("dir/empty/"), BOX, PATH2("dir/new/")); }
static bool s_rename_dir_right(void) { return !is_there("box/dir/empty") && is_there("box/dir/new"); }
static uint32_t s_read(void)
{
  rig_iov(AT_IOV, AT_BUF, 10), rig_iov(AT_IOV + 8, AT_BUF + 10, 100);
  return CALL(fd_read, FILE_FD, AT_IOV, 2, AT_OUT);
}
static bool s_read_right(void) { return rig_out32() == TEXT && memcmp(rig_mem + AT_BUF, text, TEXT) == 0; }
static uint32_t s_pread(void)
{
  rig_iov(AT_IOV, AT_BUF, 10), rig_iov(AT_IOV + 8, AT_BUF + 10, 100);
  return CALL(fd_pread, FILE_FD, AT_IOV, 2, 0, AT_OUT);
}
static uint32_t put_text(int call, bool positioned)
{
  rig_put(AT_BUF, text, TEXT);
  rig_iov(AT_IOV, AT_BUF, 10), rig_iov(AT_IOV + 8, AT_BUF + 10, TEXT - 10);
  uint64_t a[MAX_ARGS] = { FILE_FD, AT_IOV, 2, positioned ? TEXT : AT_OUT, AT_OUT };
  return rig_call(call, a, MAX_ARGS);
}
static uint32_t s_write(void) // behind what is there
{
  lseek(rig_w->fds[FILE_FD].host, 0, SEEK_END);
  return put_text(C_fd_write, false);
}
static uint32_t s_pwrite(void) { return put_text(C_fd_pwrite, true); }
static bool s_write_right(void)
{
  char buf[200];
  long n = pread(rig_w->fds[FILE_FD].host, buf, sizeof buf, TEXT);
  return n == TEXT && rig_out32() == TEXT && memcmp(buf, text, TEXT) == 0;
}
static uint32_t s_sync(void) { return CALL(fd_sync, FILE_FD); }
static uint32_t s_datasync(void) { return CALL(fd_datasync, FILE_FD); }
static uint32_t s_advise(void) { return CALL(fd_advise, FILE_FD, 0, 10, 1); }
static uint32_t s_allocate(void) { return CALL(fd_allocate, FILE_FD, 0, 5000); }
static uint32_t s_size(void) { return CALL(fd_filestat_set_size, FILE_FD, 5000); }
static bool s_size_right(void) { struct stat st; return stat("box/file", &st) == 0 && st.st_size == 5000; }
static uint32_t s_fd_times(void) { return CALL(fd_filestat_set_times, FILE_FD, 1, 2000000000, 5); }
static uint32_t s_fd_stat(void) { return CALL(fd_filestat_get, FILE_FD, AT_OUT); }
static uint32_t s_seek(void) { return CALL(fd_seek, FILE_FD, 5, 0, AT_OUT); }
static bool s_seek_right(void) { return rig_out64() == 5; }
static uint32_t s_tell(void) { return CALL(fd_tell, FILE_FD, AT_OUT); }
static uint32_t s_flags(void) { return CALL(fd_fdstat_set_flags, FILE_FD, FDFLAG_APPEND); }
static bool s_flags_right(void) { return fcntl(rig_w->fds[FILE_FD].host, F_GETFL) & O_APPEND && rig_w->fds[FILE_FD].flags == FDFLAG_APPEND; }
static uint32_t s_readdir(void) { return CALL(fd_readdir, DIR_FD, AT_BUF, 4096, 0, AT_OUT); }
static bool s_readdir_right(void)
{
  unsigned n = 0;
  for (uint32_t at = 0; at + 24 <= rig_out32(); n++)
    at += 24 + zw_get32(rig_mem + AT_BUF + at + 16);
  return n == 7; // f, sub, empty, two links, "." and ".."
}
static uint32_t s_poll(void)
{
  memset(rig_mem + AT_BUF, 0, 96);
  zw_put64(rig_mem + AT_BUF, 7), zw_put32(rig_mem + AT_BUF + 16, 1), zw_put64(rig_mem + AT_BUF + 24, 1000000); // 1 ms
  zw_put64(rig_mem + AT_BUF + 48, 8), rig_mem[AT_BUF + 56] = 1, zw_put32(rig_mem + AT_BUF + 64, FILE_FD);
  return CALL(poll_oneoff, AT_BUF, AT_BUF + 200, 2, AT_OUT);
}
static bool s_poll_right(void) { return rig_out32() == 1 && zw_get64(rig_mem + AT_BUF + 200) == 8 && zw_get16(rig_mem + AT_BUF + 208) == 0; }
static uint32_t s_sleep(void)
{
  memset(rig_mem + AT_BUF, 0, 48);
  zw_put32(rig_mem + AT_BUF + 16, 1), zw_put64(rig_mem + AT_BUF + 24, 1000000);
  return CALL(poll_oneoff, AT_BUF, AT_BUF + 200, 1, AT_OUT);
}
static uint32_t s_random(void) { return memset(rig_mem + AT_BUF, 0, 200), CALL(random_get, AT_BUF, 200); }
static bool s_random_right(void)
{
  unsigned zero = 0;
  for (int i = 0; i < 200; i++)
    zero += rig_mem[AT_BUF + i] == 0;
  return zero < 40;
}
static uint32_t s_accept(void) { return CALL(sock_accept, LISTENER, 4, AT_OUT); }
static uint32_t s_recv(void)
{
  rig_iov(AT_IOV, AT_BUF, 10), rig_iov(AT_IOV + 8, AT_BUF + 10, 100);
  return CALL(sock_recv, STREAM, AT_IOV, 2, 0, AT_OUT, AT_OUT + 8);
}
static uint32_t s_send(void)
{
  rig_put(AT_BUF, text, TEXT);
  rig_iov(AT_IOV, AT_BUF, 10), rig_iov(AT_IOV + 8, AT_BUF + 10, TEXT - 10);
  return CALL(sock_send, STREAM, AT_IOV, 2, 0, AT_OUT);
}
static bool s_send_right(void)
{
  char buf[100];
  long n = recv(peer, buf, sizeof buf, MSG_DONTWAIT);
  return n == TEXT && rig_out32() == TEXT && memcmp(buf, text, TEXT) == 0;
}
static uint32_t s_shutdown(void) { return CALL(sock_shutdown, STREAM, 3); }
static uint32_t s_renumber(void) { return CALL(fd_renumber, DIR_FD, FILE_FD); }
static uint32_t s_close(void) { return CALL(fd_close, FILE_FD); }
static uint32_t s_preopen(void) { int r = zw_wasi_preopen(rig_w, "box/dir", "again", true); return zw_wasi_errno(r); }
static uint32_t s_give(void) { int r = zw_wasi_give_fd(rig_w, peer, false); return zw_wasi_errno(r); }

static const Scenario scenarios[] = {
  { "open", s_open, yes, true }, { "open by links", s_open_links, yes, true }, { "open a link", s_open_link, yes, true },
  { "open a directory", s_open_dir, yes, true }, { "create", s_create, s_create_right, true }, { "create by dots", s_create_walk, s_create_right, true },
  { "truncate", s_trunc, s_trunc_right, true }, { "filestat_get", s_stat, s_stat_right, false },
  { "set_times of a file with a slash", s_times, NULL, false }, { "set_times", s_times_file, s_times_right, false },
  { "create_directory", s_mkdir, s_create_right, false }, { "remove_directory", s_rmdir, s_rmdir_right, false },
  { "unlink_file", s_unlink, s_unlink_right, false }, { "readlink", s_readlink, s_readlink_right, false },
  { "symlink", s_symlink, s_symlink_right, false }, { "link", s_link, s_link_right, false }, { "rename", s_rename, s_rename_right, false },
  { "rename a directory", s_rename_dir, s_rename_dir_right, false }, { "fd_read", s_read, s_read_right, false },
  { "fd_pread", s_pread, s_read_right, false }, { "fd_write", s_write, s_write_right, false }, { "fd_pwrite", s_pwrite, s_write_right, false },
  { "fd_sync", s_sync, yes, false }, { "fd_datasync", s_datasync, yes, false }, { "fd_advise", s_advise, yes, false },
  { "fd_allocate", s_allocate, s_size_right, false }, { "fd_filestat_set_size", s_size, s_size_right, false },
  { "fd_filestat_set_times", s_fd_times, yes, false }, { "fd_filestat_get", s_fd_stat, s_stat_right, false }, { "fd_seek", s_seek, s_seek_right, false },
  { "fd_tell", s_tell, yes, false }, { "fd_fdstat_set_flags", s_flags, s_flags_right, false }, { "fd_readdir", s_readdir, s_readdir_right, false },
  { "poll_oneoff", s_poll, s_poll_right, false }, { "poll_oneoff a clock", s_sleep, yes, false }, { "random_get", s_random, s_random_right, false },
  { "sock_accept", s_accept, yes, true }, { "sock_recv", s_recv, s_read_right, false }, { "sock_send", s_send, s_send_right, false },
  { "sock_shutdown", s_shutdown, yes, false }, { "fd_renumber", s_renumber, yes, false }, { "fd_close", s_close, yes, false },
  { "preopen", s_preopen, yes, true }, { "give", s_give, yes, true },
};
enum { NSCENARIOS = sizeof scenarios / sizeof *scenarios };

// ---- a world for each try ----

static void make_world(void)
{
  int pair[2], listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = "socket" };
  mkdir("box", 0755), mkdir("box/dir", 0755), mkdir("box/dir/sub", 0755), mkdir("box/dir/empty", 0755);
  rig_write_file("box/file", text), rig_write_file("box/dir/f", text), rig_write_file("box/dir/sub/g", text);
  client = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (symlink("dir", "box/l_dir") != 0 || symlink("sub", "box/dir/l_sub") != 0 || symlink("sub/g", "box/dir/l_g") != 0 ||
      socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0 || bind(listener, (struct sockaddr *)&at, sizeof at) != 0 ||
      listen(listener, 2) != 0 || connect(client, (struct sockaddr *)&at, sizeof at) != 0 || write(pair[1], text, TEXT) != TEXT)
    perror("world"), exit(1);
  peer = pair[1];
  rig_w = zwasm_wasi_new();
  if (!zwasm_wasi_preopen(rig_w, "box", "/box", 1) || zw_wasi_give_fd(rig_w, open("box/file", O_RDWR | O_CLOEXEC), true) != 0 ||
      zw_wasi_give_fd(rig_w, pair[0], true) != 0 || zw_wasi_give_fd(rig_w, listener, true) != 0 ||
      zw_wasi_give_fd(rig_w, open("box/dir", O_RDONLY | O_DIRECTORY | O_CLOEXEC), true) != 0)
    perror("world"), exit(1);
}
static void end_world(void)
{
  zwasm_wasi_delete(rig_w);
  close(peer), close(client);
  rig_remove("box"), rig_remove("socket");
}
static uint32_t guest_fds(void)
{
  uint32_t n = 0;
  for (uint32_t i = 0; i < rig_w->nfds; i++)
    n += rig_w->fds[i].open;
  return n;
}

// ---- the k-th fails ----

static unsigned long tries, refused, recovered;

// After an open that made or emptied a file, looking at it can still fail: that has happened then.
static bool may_have_happened(const Scenario *s) { return fired_at == SYS_statx && (s->fn == s_create || s->fn == s_create_walk || s->fn == s_trunc); }

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
  uint32_t want = GUEST_FDS + (r == 0 && s->opens) - (r == 0 && (s->fn == s_renumber || s->fn == s_close));
  EXPECT(guest_fds() == want, "%s, call %ld fails with %ld: %s, the guest has %u descriptors", s->name, k, -e, rig_errno_name(r), guest_fds());
  int host_want = host_before + (int)guest_fds() - GUEST_FDS - (r == 0 && s->fn == s_give);
  EXPECT(rig_open_fds() == host_want, "%s, call %ld (%ld) fails with %ld: %d descriptors, not %d", s->name, k, fired_at, -e, rig_open_fds(), host_want);
  if (s->right && r == 0)
    EXPECT(s->right(), "%s, call %ld (%ld) fails with %ld: success, but not done", s->name, k, fired_at, -e);
  if (fired && r != 0) {
    refused++;
    EXPECT(r == zw_wasi_errno(e) || !s->right, "%s, call %ld (%ld) fails with %ld: %s", s->name, k, fired_at, -e, rig_errno_name(r));
    EXPECT(may_have_happened(s) || rig_same(&before, &after), "%s, call %ld (%ld) fails with %ld: something has happened", s->name, k, fired_at, -e);
    if (s->right && s->fn != s_accept && !may_have_happened(s)) { // and again, without the fault: nothing was lost
      r = s->fn();
      EXPECT(r == 0 && s->right(), "%s, again after call %ld (%ld) failed with %ld: %s", s->name, k, fired_at, -e, rig_errno_name(r));
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
  for (int i = 0; i < NSCENARIOS; i++)
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

// A guest that goes on where the count says: the whole text, whatever the pieces.
static void transfer(bool write, bool positioned)
{
  uint32_t at = 0;
  if (write)
    rig_put(AT_BUF, text, TEXT), CALL(fd_filestat_set_size, FILE_FD, 0);
  else
    memset(rig_mem + AT_BUF, 0, 100);
  CALL(fd_seek, FILE_FD, 0, 0, AT_OUT);
  rig_sys = short_count;
  while (at < TEXT) {
    uint32_t half = (TEXT - at) / 2;
    rig_iov(AT_IOV, AT_BUF + at, half), rig_iov(AT_IOV + 8, AT_BUF + at + half, TEXT - at - half);
    uint64_t a[MAX_ARGS] = { FILE_FD, AT_IOV, 2, positioned ? at : AT_OUT, AT_OUT };
    uint32_t e = rig_call(write ? positioned ? C_fd_pwrite : C_fd_write : positioned ? C_fd_pread : C_fd_read, a, MAX_ARGS), n = rig_out32();
    EXPECT(e == 0 && n == (at_most < TEXT - at ? at_most : TEXT - at), "%ld bytes at most: %s, count %u", at_most, rig_errno_name(e), n);
    at += n;
    tries++;
    if (e || n == 0)
      break;
  }
  rig_sys = NULL;
  EXPECT(write ? same_text("box/file") : memcmp(rig_mem + AT_BUF, text, TEXT) == 0, "pieces of %ld bytes: not the text", at_most);
}
static void short_counts(void)
{
  make_world();
  for (at_most = 1; at_most <= TEXT + 1; at_most++)
    for (int kind = 0; kind < 4; kind++)
      transfer(kind & 1, kind & 2);
  at_most = 3;
  rig_sys = short_count;
  EXPECT(s_random() == 0 && s_random_right(), "random bytes in pieces");
  EXPECT(s_readdir() == 0 && s_readdir_right(), "a directory in pieces");
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
  rig_w->fds = zw_realloc(rig_w->fds, rig_w->nfds * sizeof *rig_w->fds, WASI_MAX_FDS * sizeof *rig_w->fds); // a full table without opening a million
  for (uint32_t i = rig_w->nfds; i < WASI_MAX_FDS; i++)
    rig_w->fds[i] = (WasiFd){ .open = true, .host = -1 };
  uint32_t had = rig_w->nfds;
  for (uint32_t i = 0; i < had; i++)
    if (!rig_w->fds[i].open)
      rig_w->fds[i] = (WasiFd){ .open = true, .host = -1 };
  rig_w->nfds = WASI_MAX_FDS;
  rig_snapshot(&before, "box", false);
  int host = rig_open_fds();
  for (int i = 0; i < NSCENARIOS; i++)
    if (scenarios[i].opens && scenarios[i].fn != s_accept) {
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
  0, E2BIG, EACCES, EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EAGAIN, EALREADY, EBADF, EBADMSG, EBUSY, ECANCELED, ECHILD, ECONNABORTED,
  ECONNREFUSED, ECONNRESET, EDEADLK, EDESTADDRREQ, EDOM, EDQUOT, EEXIST, EFAULT, EFBIG, EHOSTUNREACH, EIDRM, EILSEQ, EINPROGRESS, EINTR,
  EINVAL, EIO, EISCONN, EISDIR, ELOOP, EMFILE, EMLINK, EMSGSIZE, EMULTIHOP, ENAMETOOLONG, ENETDOWN, ENETRESET, ENETUNREACH, ENFILE,
  ENOBUFS, ENODEV, ENOENT, ENOEXEC, ENOLCK, ENOLINK, ENOMEM, ENOMSG, ENOPROTOOPT, ENOSPC, ENOSYS, ENOTCONN, ENOTDIR, ENOTEMPTY,
  ENOTRECOVERABLE, ENOTSOCK, ENOTSUP, ENOTTY, ENXIO, EOVERFLOW, EOWNERDEAD, EPERM, EPIPE, EPROTO, EPROTONOSUPPORT, EPROTOTYPE, ERANGE,
  EROFS, ESPIPE, ESRCH, ESTALE, ETIMEDOUT, ETXTBSY, EXDEV,
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
    printf("faults: %s openat2: %d scenarios, %lu tries, %lu heard of it, %lu recovered, %lu failures\n", way ? "without" : "with", (int)NSCENARIOS, tries,
           refused, recovered, rig_failures);
  }
  short_counts();
  no_descriptors_left();
  every_error();
  printf("faults: %lu tries in all, %lu failures\n", tries, rig_failures);
  rig_remove_top();
  return rig_failures == 0 && tries > 3000 && refused > 1000 ? 0 : 1;
}
