// As much of WASI preview 1 as bench programs call, for modules that wasm2c turned into C.  What is not here answers ENOSYS
// (lib/engines.py writes those).  Folders come from WASI_DIRS=GUEST=HOST:GUEST=HOST.
#define _GNU_SOURCE
#include "bench.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define WASI(name, ...) Z_wasi_snapshot_preview1Z_##name(struct Z_wasi_snapshot_preview1_instance_t *w, ##__VA_ARGS__)
struct Z_wasi_snapshot_preview1_instance_t { wasm_rt_memory_t *memory; };
enum { FIRST_DIR = 3, MAX_DIRS = 8, BADF = 8, INVAL = 28, IO = 29, NOENT = 44, NOTDIR = 54, SUCCESS = 0 };

static int argc;
static char **argv;
static struct Dir { char *guest; int fd; } dirs[MAX_DIRS];
static u32 ndirs;

static u8 *at(struct Z_wasi_snapshot_preview1_instance_t *w, u32 p) { return w->memory->data + p; }
static void put32(struct Z_wasi_snapshot_preview1_instance_t *w, u32 p, u32 v) { memcpy(at(w, p), &v, 4); }
static void put64(struct Z_wasi_snapshot_preview1_instance_t *w, u32 p, u64 v) { memcpy(at(w, p), &v, 8); }

static u32 answer(int result) { return result >= 0 ? SUCCESS : errno == ENOENT ? NOENT : errno == EBADF ? BADF : errno == EINVAL ? INVAL : errno == ENOTDIR ? NOTDIR : IO; }

u32 WASI(args_sizes_get, u32 count, u32 bytes)
{
  u32 n = 0;
  for (int k = 0; k < argc; k++)
    n += (u32)strlen(argv[k]) + 1;
  put32(w, count, (u32)argc), put32(w, bytes, n);
  return SUCCESS;
}
u32 WASI(args_get, u32 pointers, u32 text)
{
  for (int k = 0; k < argc; k++, pointers += 4) {
    put32(w, pointers, text);
    strcpy((char *)at(w, text), argv[k]);
    text += (u32)strlen(argv[k]) + 1;
  }
  return SUCCESS;
}
u32 WASI(environ_sizes_get, u32 count, u32 bytes)
{
  put32(w, count, 0), put32(w, bytes, 0);
  return SUCCESS;
}
u32 WASI(environ_get, u32 pointers, u32 text) { return SUCCESS; }
_Noreturn static void leave(int code)
{
  fflush(stdout);
  _exit(code);
}
void WASI(proc_exit, u32 code) { leave((int)code); }
u32 WASI(clock_time_get, u32 id, u64 precision, u32 to)
{
  struct timespec t;
  clock_gettime(id == 0 ? CLOCK_REALTIME : id == 1 ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID, &t);
  put64(w, to, (u64)t.tv_sec * 1000000000 + (u64)t.tv_nsec);
  return SUCCESS;
}
u32 WASI(clock_res_get, u32 id, u32 to)
{
  put64(w, to, 1);
  return SUCCESS;
}
u32 WASI(random_get, u32 to, u32 n) { return answer((int)getrandom(at(w, to), n, 0)); }
u32 WASI(sched_yield) { return SUCCESS; }

static int vectors(struct Z_wasi_snapshot_preview1_instance_t *w, u32 list, u32 n, struct iovec *v)
{
  n = n < 64 ? n : 64;
  for (u32 k = 0; k < n; k++) {
    u32 word[2];
    memcpy(word, at(w, list + 8 * k), 8);
    v[k] = (struct iovec){ at(w, word[0]), word[1] };
  }
  return (int)n;
}
static u32 moved(struct Z_wasi_snapshot_preview1_instance_t *w, ssize_t n, u32 to)
{
  if (n >= 0)
    put32(w, to, (u32)n);
  return answer((int)(n < 0 ? -1 : 0));
}
u32 WASI(fd_write, u32 fd, u32 list, u32 n, u32 written)
{
  struct iovec v[64];
  return moved(w, writev((int)fd, v, vectors(w, list, n, v)), written);
}
u32 WASI(fd_read, u32 fd, u32 list, u32 n, u32 got)
{
  struct iovec v[64];
  return moved(w, readv((int)fd, v, vectors(w, list, n, v)), got);
}
u32 WASI(fd_pread, u32 fd, u32 list, u32 n, u64 from, u32 got)
{
  struct iovec v[64];
  return moved(w, preadv((int)fd, v, vectors(w, list, n, v), (off_t)from), got);
}
u32 WASI(fd_pwrite, u32 fd, u32 list, u32 n, u64 from, u32 written)
{
  struct iovec v[64];
  return moved(w, pwritev((int)fd, v, vectors(w, list, n, v), (off_t)from), written);
}
u32 WASI(fd_close, u32 fd) { return answer(close((int)fd)); }
u32 WASI(fd_sync, u32 fd) { return SUCCESS; }
u32 WASI(fd_datasync, u32 fd) { return SUCCESS; }
u32 WASI(fd_seek, u32 fd, u64 by, u32 whence, u32 to)
{
  off_t r = lseek((int)fd, (off_t)by, whence == 0 ? SEEK_SET : whence == 1 ? SEEK_CUR : SEEK_END);
  if (r >= 0)
    put64(w, to, (u64)r);
  return answer(r < 0 ? -1 : 0);
}
u32 WASI(fd_tell, u32 fd, u32 to)
{
  off_t r = lseek((int)fd, 0, SEEK_CUR);
  if (r >= 0)
    put64(w, to, (u64)r);
  return answer(r < 0 ? -1 : 0);
}
static u8 file_type(mode_t m) { return S_ISREG(m) ? 4 : S_ISDIR(m) ? 3 : S_ISCHR(m) ? 2 : 0; }
u32 WASI(fd_fdstat_get, u32 fd, u32 to)
{
  struct stat s;
  if (fstat((int)fd, &s))
    return BADF;
  memset(at(w, to), 0, 8);
  *at(w, to) = file_type(s.st_mode);
  put64(w, to + 8, ~0ull), put64(w, to + 16, ~0ull);
  return SUCCESS;
}
u32 WASI(fd_fdstat_set_flags, u32 fd, u32 flags) { return SUCCESS; }
static u32 put_stat(struct Z_wasi_snapshot_preview1_instance_t *w, u32 to, const struct stat *s)
{
  put64(w, to, s->st_dev), put64(w, to + 8, s->st_ino), put64(w, to + 16, file_type(s->st_mode)), put64(w, to + 24, s->st_nlink);
  put64(w, to + 32, (u64)s->st_size);
  put64(w, to + 40, (u64)s->st_atime * 1000000000), put64(w, to + 48, (u64)s->st_mtime * 1000000000), put64(w, to + 56, (u64)s->st_ctime * 1000000000);
  return SUCCESS;
}
u32 WASI(fd_filestat_get, u32 fd, u32 to)
{
  struct stat s;
  return fstat((int)fd, &s) ? BADF : put_stat(w, to, &s);
}
u32 WASI(fd_filestat_set_size, u32 fd, u64 size) { return answer(ftruncate((int)fd, (off_t)size)); }
u32 WASI(fd_prestat_get, u32 fd, u32 to)
{
  if (fd < FIRST_DIR || fd - FIRST_DIR >= ndirs)
    return BADF;
  put32(w, to, 0), put32(w, to + 4, (u32)strlen(dirs[fd - FIRST_DIR].guest));
  return SUCCESS;
}
u32 WASI(fd_prestat_dir_name, u32 fd, u32 to, u32 n)
{
  if (fd < FIRST_DIR || fd - FIRST_DIR >= ndirs)
    return BADF;
  memcpy(at(w, to), dirs[fd - FIRST_DIR].guest, n);
  return SUCCESS;
}
static const char *path(struct Z_wasi_snapshot_preview1_instance_t *w, u32 p, u32 n)
{
  static char buf[4096];
  n = n < sizeof buf - 1 ? n : sizeof buf - 1;
  memcpy(buf, at(w, p), n);
  buf[n] = 0;
  return buf;
}
u32 WASI(path_open, u32 dir, u32 follow, u32 p, u32 n, u32 how, u64 rights, u64 inherited, u32 flags, u32 to)
{
  bool reads = rights & 2, writes = rights & 64;
  int o = (writes ? reads ? O_RDWR : O_WRONLY : O_RDONLY) | (how & 1 ? O_CREAT : 0) | (how & 2 ? O_DIRECTORY : 0) | (how & 4 ? O_EXCL : 0) |
          (how & 8 ? O_TRUNC : 0) | (flags & 1 ? O_APPEND : 0);
  int fd = openat((int)dir, path(w, p, n), o, 0666);
  if (fd >= 0)
    put32(w, to, (u32)fd);
  return answer(fd);
}
u32 WASI(path_filestat_get, u32 dir, u32 follow, u32 p, u32 n, u32 to)
{
  struct stat s;
  return fstatat((int)dir, path(w, p, n), &s, 0) ? answer(-1) : put_stat(w, to, &s);
}
u32 WASI(path_unlink_file, u32 dir, u32 p, u32 n) { return answer(unlinkat((int)dir, path(w, p, n), 0)); }

static void open_dirs(char *list)
{
  for (char *row = list ? strtok(list, ":") : NULL; row && ndirs < MAX_DIRS; row = strtok(NULL, ":")) {
    char *host = strchr(row, '=');
    *host++ = 0;
    dirs[ndirs].guest = row;
    int fd = open(host, O_RDONLY | O_DIRECTORY);
    if (fd < 0 || dup2(fd, FIRST_DIR + (int)ndirs) < 0) {
      fprintf(stderr, "cannot open %s\n", host);
      exit(1);
    }
    if (fd != FIRST_DIR + (int)ndirs)
      close(fd);
    ndirs++;
  }
}

int main(int n, char **v)
{
  argc = n, argv = v;
  open_dirs(getenv("WASI_DIRS"));
  static struct Z_wasi_snapshot_preview1_instance_t w;
  static Z_bench_instance_t instance;
  wasm_rt_init();
  Z_bench_init_module();
  Z_bench_instantiate(&instance, &w);
  w.memory = Z_benchZ_memory(&instance);
  Z_benchZ__start(&instance);
  leave(0);
}
