#include "tools/cli/file.h"
#include "runtime/base/str.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// What a module may have by the JS API; a device or a pipe has no end of its own.
enum { MAX_FILE = 1 << 30 };

static bool read_all(int fd, size_t guess, Arena *a, FileBytes *out)
{
  size_t cap = guess + 4096;
  errno = EFBIG;
  if (guess > MAX_FILE)
    return false;
  uint8_t *p = zw_arena_alloc(a, cap, 16);
  size_t n = 0;
  for (;;) {
    if (n + 1 >= cap) {
      uint8_t *bigger = zw_arena_alloc(a, cap * 2, 16);
      memcpy(bigger, p, n);
      p = bigger, cap *= 2;
    }
    ssize_t got = read(fd, p + n, cap - 1 - n);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return false;
    if (got == 0)
      break;
    n += (size_t)got;
    errno = EFBIG;
    if (n > MAX_FILE)
      return false;
  }
  p[n] = 0;
  *out = (FileBytes){ p, n };
  return true;
}

FileBytes zw_file_read(const char *path, Arena *a, char *err, size_t err_bytes)
{
  FileBytes out = { 0 };
  bool standard = strcmp(path, "-") == 0;
  int fd = standard ? 0 : open(path, O_RDONLY | O_CLOEXEC);
  struct stat st = { 0 };
  bool ok = fd >= 0 && fstat(fd, &st) == 0;
  if (ok && S_ISDIR(st.st_mode))
    ok = false, errno = EISDIR;
  size_t guess = ok && S_ISREG(st.st_mode) ? (size_t)st.st_size : 0;
  if (!ok || !read_all(fd, guess, a, &out))
    zw_format(err, err_bytes, "cannot read '%s': %s", standard ? "standard input" : path, strerror(errno));
  if (fd > 0)
    close(fd);
  return out;
}

static bool write_all(int fd, const void *p, size_t n)
{
  for (const char *from = p; n;) {
    ssize_t put = write(fd, from, n);
    if (put < 0 && errno == EINTR)
      continue;
    if (put < 0)
      return false;
    from += put, n -= (size_t)put;
  }
  return true;
}

static bool write_stream(int fd, const void *p, size_t n, const char *path, char *err, size_t err_bytes)
{
  if (fd >= 0 && write_all(fd, p, n))
    return true;
  zw_format(err, err_bytes, "cannot write '%s': %s", path, strerror(errno));
  return false;
}

// /dev/null, a pipe: something that a rename would take away from everybody else.
static bool is_stream(const char *path)
{
  struct stat st;
  return stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

// Our own names, so that two compilations into one folder cannot meet: the process number is in them.
static void temp_name(char *buf, size_t bytes, const char *path)
{
  static unsigned counter;
  zw_format(buf, bytes, "%s.tmp%ld-%u", path, (long)getpid(), counter++);
}

const char *zw_file_temp(const char *path, Arena *a)
{
  char buf[4096];
  const char *dir = getenv("TMPDIR");
  if (is_stream(path))
    path = zw_file_join(a, dir && *dir ? dir : "/tmp", zw_file_join(a, "/", zw_file_stem(path, false, a)));
  temp_name(buf, sizeof buf, path);
  return zw_arena_str(a, buf, strlen(buf));
}

static bool rename_or_remove(const char *from, const char *to, char *err, size_t err_bytes)
{
  if (rename(from, to) == 0)
    return true;
  zw_format(err, err_bytes, "cannot write '%s': %s", to, strerror(errno));
  unlink(from);
  return false;
}

static FileTemp begin_temp(const char *path, char *temp, size_t temp_bytes, char *err, size_t err_bytes)
{
  temp_name(temp, temp_bytes, path);
  FileTemp f = { .path = path, .temp = temp, .fd = open(temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666) };
  if (f.fd < 0)
    zw_format(err, err_bytes, "cannot write '%s': %s", path, strerror(errno));
  return f;
}

FileTemp zw_file_begin(const char *path, Arena *a, char *err, size_t err_bytes)
{
  char temp[4096];
  err[0] = 0;
  if (strcmp(path, "-") == 0 || is_stream(path))
    return (FileTemp){ .path = path, .fd = -1 };
  FileTemp f = begin_temp(path, temp, sizeof temp, err, err_bytes);
  f.temp = zw_arena_str(a, temp, strlen(temp));
  return f;
}

void zw_file_drop(FileTemp *f)
{
  if (f->fd < 0)
    return;
  close(f->fd);
  unlink(f->temp);
  f->fd = -1;
}

bool zw_file_end(FileTemp *f, int why, char *err, size_t err_bytes)
{
  int fd = f->fd;
  f->fd = -1;
  if (close(fd) != 0 && !why)
    why = errno;
  if (!why)
    return rename_or_remove(f->temp, f->path, err, err_bytes);
  zw_format(err, err_bytes, "cannot write '%s': %s", f->path, strerror(why));
  unlink(f->temp);
  return false;
}

bool zw_file_write(const char *path, const void *p, size_t n, bool text, char *err, size_t err_bytes)
{
  if (strcmp(path, "-") == 0) {
    if (!text && isatty(1)) {
      zw_format(err, err_bytes, "standard output is a terminal: not writing binary data to it");
      return false;
    }
    return write_stream(1, p, n, "standard output", err, err_bytes);
  }
  if (is_stream(path)) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool ok = write_stream(fd, p, n, path, err, err_bytes); // of a file that did not open: the reason is still in errno
    if (fd >= 0)
      close(fd);
    return ok;
  }
  char temp[4096];
  FileTemp f = begin_temp(path, temp, sizeof temp, err, err_bytes);
  return f.fd >= 0 && zw_file_end(&f, write_all(f.fd, p, n) ? 0 : errno, err, err_bytes);
}

bool zw_file_take(const char *temp, const char *path, Arena *a, char *err, size_t err_bytes)
{
  if (!is_stream(path))
    return rename_or_remove(temp, path, err, err_bytes);
  FileBytes made = zw_file_read(temp, a, err, err_bytes);
  unlink(temp);
  return made.p && zw_file_write(path, made.p, made.n, false, err, err_bytes);
}

static bool same_place(const struct stat *a, const struct stat *b) { return a->st_dev == b->st_dev && a->st_ino == b->st_ino; }

// The folder that a name is in, and the name there.
static const char *folder_of(const char *path, char *dir, size_t dir_bytes)
{
  const char *slash = strrchr(path, '/');
  zw_format(dir, dir_bytes, "%.*s", slash ? (int)(slash - path + 1) : 1, slash ? path : ".");
  return slash ? slash + 1 : path;
}

static bool same_file(const char *a, const char *b)
{
  struct stat x, y;
  char dir_a[4096], dir_b[4096];
  bool there = stat(a, &x) == 0, there_too = stat(b, &y) == 0;
  if (there || there_too) // a link to a file that is written is the file; the rename puts a new one where the link was
    return there && there_too && S_ISREG(x.st_mode) && same_place(&x, &y);
  const char *name = folder_of(a, dir_a, sizeof dir_a);
  return strcmp(name, folder_of(b, dir_b, sizeof dir_b)) == 0 && stat(dir_a, &x) == 0 && stat(dir_b, &y) == 0 && same_place(&x, &y);
}

bool zw_files_differ(const NamedFile *f, size_t n, char *err, size_t err_bytes)
{
  for (size_t k = 1; k < n; k++) {
    for (size_t i = 0; i < k && f[k].path; i++) {
      if (!f[i].path)
        continue;
      bool streams = strcmp(f[i].path, "-") == 0 || strcmp(f[k].path, "-") == 0;
      if (streams ? i == 0 || strcmp(f[i].path, f[k].path) != 0 : !same_file(f[i].path, f[k].path))
        continue;
      if (i == 0)
        zw_format(err, err_bytes, "'%s' is the input: %s cannot be written there", f[k].path, f[k].what);
      else
        zw_format(err, err_bytes, "'%s' cannot be both %s and %s", f[k].path, f[i].what, f[k].what);
      return false;
    }
  }
  return true;
}

const char *zw_file_stem(const char *path, bool with_dir, Arena *a)
{
  if (strcmp(path, "-") == 0)
    return "a";
  const char *base = strrchr(path, '/');
  base = base ? base + 1 : path;
  const char *dot = strrchr(base, '.');
  size_t n = dot && dot > base ? (size_t)(dot - base) : strlen(base);
  const char *from = with_dir ? path : base;
  return zw_arena_str(a, from, (size_t)(base - from) + n);
}

const char *zw_file_join(Arena *a, const char *a1, const char *a2)
{
  size_t n1 = strlen(a1), n2 = strlen(a2);
  char *p = zw_arena_alloc(a, n1 + n2 + 1, 1);
  memcpy(p, a1, n1);
  memcpy(p + n1, a2, n2 + 1);
  return p;
}

const char *zw_file_own_dir(Arena *a)
{
  char buf[4096];
  ssize_t n = readlink("/proc/self/exe", buf, sizeof buf - 1);
  if (n <= 0)
    return NULL;
  while (n > 1 && buf[n - 1] != '/')
    n--;
  return zw_arena_str(a, buf, (size_t)(n > 1 ? n - 1 : n));
}
