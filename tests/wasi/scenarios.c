// See scenarios.h.
#include "scenarios.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int peer, client; // the other ends of the sockets

bool same_text(const char *path)
{
  char buf[100];
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  long n = fd < 0 ? -1 : read(fd, buf, sizeof buf);
  if (fd >= 0)
    close(fd);
  return n == TEXT_BYTES && memcmp(buf, TEXT, TEXT_BYTES) == 0;
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
static bool s_stat_right(void) { return zw_get64(rig_mem + AT_OUT + 32) == TEXT_BYTES; }
static uint32_t s_times(void)
{
  return CALL(path_filestat_set_times, BOX, 1, PATH("l_dir/f/"), 1000000000, 2000000000, 5);
}
static uint32_t s_times_file(void)
{
  return CALL(path_filestat_set_times, BOX, 1, PATH("dir/f"), 1000000000, 2000000000, 5);
}
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
static bool s_read_right(void) { return rig_out32() == TEXT_BYTES && memcmp(rig_mem + AT_BUF, TEXT, TEXT_BYTES) == 0; }
static uint32_t s_pread(void)
{
  rig_iov(AT_IOV, AT_BUF, 10), rig_iov(AT_IOV + 8, AT_BUF + 10, 100);
  return CALL(fd_pread, FILE_FD, AT_IOV, 2, 0, AT_OUT);
}
static uint32_t put_text(int call, bool positioned)
{
  rig_put(AT_BUF, TEXT, TEXT_BYTES);
  rig_iov(AT_IOV, AT_BUF, 10), rig_iov(AT_IOV + 8, AT_BUF + 10, TEXT_BYTES - 10);
  uint64_t a[MAX_ARGS] = { FILE_FD, AT_IOV, 2, positioned ? TEXT_BYTES : AT_OUT, AT_OUT };
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
  long n = pread(rig_w->fds[FILE_FD].host, buf, sizeof buf, TEXT_BYTES);
  return n == TEXT_BYTES && rig_out32() == TEXT_BYTES && memcmp(buf, TEXT, TEXT_BYTES) == 0;
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
static bool s_flags_right(void)
{
  return fcntl(rig_w->fds[FILE_FD].host, F_GETFL) & O_APPEND && rig_w->fds[FILE_FD].flags == FDFLAG_APPEND;
}
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
  zw_put64(rig_mem + AT_BUF, 7), zw_put32(rig_mem + AT_BUF + 16, 1), zw_put64(rig_mem + AT_BUF + 24, 3600000000000); // an hour
  zw_put64(rig_mem + AT_BUF + 48, 8), rig_mem[AT_BUF + 56] = 1, zw_put32(rig_mem + AT_BUF + 64, FILE_FD);
  return CALL(poll_oneoff, AT_BUF, AT_BUF + 200, 2, AT_OUT);
}
static bool s_poll_right(void)
{
  return rig_out32() == 1 && zw_get64(rig_mem + AT_BUF + 200) == 8 && zw_get16(rig_mem + AT_BUF + 208) == 0;
}
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
  rig_put(AT_BUF, TEXT, TEXT_BYTES);
  rig_iov(AT_IOV, AT_BUF, 10), rig_iov(AT_IOV + 8, AT_BUF + 10, TEXT_BYTES - 10);
  return CALL(sock_send, STREAM, AT_IOV, 2, 0, AT_OUT);
}
static bool s_send_right(void)
{
  char buf[100];
  long n = recv(peer, buf, sizeof buf, MSG_DONTWAIT);
  return n == TEXT_BYTES && rig_out32() == TEXT_BYTES && memcmp(buf, TEXT, TEXT_BYTES) == 0;
}
static uint32_t s_shutdown(void) { return CALL(sock_shutdown, STREAM, 3); }
static uint32_t s_renumber(void) { return CALL(fd_renumber, DIR_FD, FILE_FD); }
static uint32_t s_close(void) { return CALL(fd_close, FILE_FD); }
static uint32_t s_preopen(void) { int r = zw_wasi_preopen(rig_w, "box/dir", "again", true); return zw_wasi_errno(r); }
static uint32_t s_give(void) { int r = zw_wasi_give_fd(rig_w, peer, false); return zw_wasi_errno(r); }

const Scenario scenarios[] = {
  { "open", s_open, yes, OPENS },
  { "open by links", s_open_links, yes, OPENS },
  { "open a link", s_open_link, yes, OPENS },
  { "open a directory", s_open_dir, yes, OPENS },
  { "create", s_create, s_create_right, OPENS | MAKES },
  { "create by dots", s_create_walk, s_create_right, OPENS | MAKES },
  { "truncate", s_trunc, s_trunc_right, OPENS | MAKES },
  { "filestat_get", s_stat, s_stat_right, 0 },
  { "set_times of a file with a slash", s_times, NULL, 0 },
  { "set_times", s_times_file, s_times_right, 0 },
  { "create_directory", s_mkdir, s_create_right, 0 },
  { "remove_directory", s_rmdir, s_rmdir_right, 0 },
  { "unlink_file", s_unlink, s_unlink_right, 0 },
  { "readlink", s_readlink, s_readlink_right, 0 },
  { "symlink", s_symlink, s_symlink_right, 0 },
  { "link", s_link, s_link_right, 0 },
  { "rename", s_rename, s_rename_right, 0 },
  { "rename a directory", s_rename_dir, s_rename_dir_right, 0 },
  { "fd_read", s_read, s_read_right, 0 },
  { "fd_pread", s_pread, s_read_right, 0 },
  { "fd_write", s_write, s_write_right, 0 },
  { "fd_pwrite", s_pwrite, s_write_right, 0 },
  { "fd_sync", s_sync, yes, 0 },
  { "fd_datasync", s_datasync, yes, 0 },
  { "fd_advise", s_advise, yes, 0 },
  { "fd_allocate", s_allocate, s_size_right, 0 },
  { "fd_filestat_set_size", s_size, s_size_right, 0 },
  { "fd_filestat_set_times", s_fd_times, yes, 0 },
  { "fd_filestat_get", s_fd_stat, s_stat_right, 0 },
  { "fd_seek", s_seek, s_seek_right, 0 },
  { "fd_tell", s_tell, yes, 0 },
  { "fd_fdstat_set_flags", s_flags, s_flags_right, 0 },
  { "fd_readdir", s_readdir, s_readdir_right, 0 },
  { "poll_oneoff", s_poll, s_poll_right, 0 },
  { "poll_oneoff a clock", s_sleep, yes, 0 },
  { "random_get", s_random, s_random_right, 0 },
  { "sock_accept", s_accept, yes, OPENS | ONCE },
  { "sock_recv", s_recv, s_read_right, 0 },
  { "sock_send", s_send, s_send_right, 0 },
  { "sock_shutdown", s_shutdown, yes, 0 },
  { "fd_renumber", s_renumber, yes, CLOSES },
  { "fd_close", s_close, yes, CLOSES },
  { "preopen", s_preopen, yes, OPENS },
  { "give", s_give, yes, OPENS | GIVEN },
};
const int nscenarios = sizeof scenarios / sizeof *scenarios;

const Scenario *scenario(const char *name)
{
  for (int i = 0; i < nscenarios; i++)
    if (strcmp(scenarios[i].name, name) == 0)
      return &scenarios[i];
  abort();
}

// ---- a world for each try ----

void make_world(void)
{
  int pair[2], listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = "socket" };
  mkdir("box", 0755), mkdir("box/dir", 0755), mkdir("box/dir/sub", 0755), mkdir("box/dir/empty", 0755);
  rig_write_file("box/file", TEXT), rig_write_file("box/dir/f", TEXT), rig_write_file("box/dir/sub/g", TEXT);
  client = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (symlink("dir", "box/l_dir") != 0 || symlink("sub", "box/dir/l_sub") != 0 ||
      symlink("sub/g", "box/dir/l_g") != 0 ||
      socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0 ||
      bind(listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(listener, 2) != 0 ||
      connect(client, (struct sockaddr *)&at, sizeof at) != 0 || write(pair[1], TEXT, TEXT_BYTES) != TEXT_BYTES)
    perror("world"), exit(1);
  peer = pair[1];
  rig_w = zwasm_wasi_new();
  if (!zwasm_wasi_preopen(rig_w, "box", "/box", 1) ||
      zw_wasi_give_fd(rig_w, open("box/file", O_RDWR | O_CLOEXEC), true) != 0 ||
      zw_wasi_give_fd(rig_w, pair[0], true) != 0 || zw_wasi_give_fd(rig_w, listener, true) != 0 ||
      zw_wasi_give_fd(rig_w, open("box/dir", O_RDONLY | O_DIRECTORY | O_CLOEXEC), true) != 0)
    perror("world"), exit(1);
}
void end_world(void)
{
  zwasm_wasi_delete(rig_w);
  close(peer), close(client);
  rig_remove("box"), rig_remove("socket");
}
uint32_t guest_fds(void)
{
  uint32_t n = 0;
  for (uint32_t i = 0; i < rig_w->nfds; i++)
    n += rig_w->fds[i].open;
  return n;
}
