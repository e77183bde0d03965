// Random operations on descriptors, a million of them, against a model that is told only what WASI says: every answer,
// every count, position, right and byte read must be the model's, and the process has as many descriptors open as the
// model.  The host's table is small, so that running out of it is part of the game.
//   model COUNT
#include "rig.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NFILES = 5, MOST_BYTES = 2000, SLOTS = 200, HOST_FDS = 40, FIRST = 3, ROUND = 20000 };

// ---- the model ----

typedef struct File { bool exists; uint32_t n; uint8_t bytes[MOST_BYTES]; } File;
typedef struct Fd { bool open, dir, root; int file; uint64_t pos, rights, inheriting; uint32_t flags; } Fd;
static File files[NFILES];
static Fd fds[SLOTS];
static int live; // open in the model

static uint32_t check(uint32_t fd, uint64_t rights)
{
  if (fd >= SLOTS || !fds[fd].open)
    return E_badf;
  return rights & ~fds[fd].rights ? E_notcapable : E_success;
}
// Mostly one that is open; what opens from the roots leaves them alone, mostly.
typedef void Op(uint32_t fd);
static Op op_open, op_close, op_renumber, op_set_rights;
static uint32_t some_fd(Op *op)
{
  uint64_t r = rig_random();
  if (r % 32 == 0)
    return (uint32_t)(r >> 32);
  if (op == op_open && r % 8 != 1)
    return FIRST + (uint32_t)(r >> 32) % 2;
  uint32_t fd = (uint32_t)(r >> 32) % 64;
  for (int i = 0; i < 40 && !fds[fd].open; i++)
    fd = (uint32_t)(rig_random() >> 32) % 64;
  bool ends = op == op_close || op == op_renumber || op == op_set_rights;
  return ends && fd < FIRST + 2 && r >> 8 & 255 ? FIRST + 2 + fd : fd;
}
static uint32_t lowest_free(void)
{
  uint32_t fd = FIRST;
  while (fds[fd].open)
    fd++;
  return fd;
}

// ---- one operation each: the model's answer, the runtime's, the same? ----

static unsigned long answers[77];
static void same(const char *op, uint32_t fd, uint32_t want, uint32_t got)
{
  answers[got < 77 ? got : 0]++;
  EXPECT(want == got, "%s of %u: %s, the model says %s", op, fd, rig_errno_name(got), rig_errno_name(want));
}
static void same_number(const char *op, uint32_t fd, uint64_t want, uint64_t got)
{
  EXPECT(want == got, "%s of %u: %llu, the model says %llu", op, fd, (unsigned long long)got, (unsigned long long)want);
}

static uint64_t some_rights(void)
{
  uint64_t r = rig_random();
  return r % 16 == 0  ? rig_random() & RIGHTS_ALL
         : r % 4 < 2  ? RIGHTS_ALL
         : r % 4 == 2 ? RIGHT(R_FD_READ) | RIGHT(R_FD_SEEK) | RIGHT(R_FD_TELL)
                      : RIGHTS_FILE;
}

static uint32_t open_model(uint32_t dir, int file, uint32_t oflags, uint64_t rights, uint64_t inheriting,
                           uint32_t fdflags)
{
  const uint64_t writing = RIGHT(R_FD_WRITE) | RIGHT(R_FD_ALLOCATE) | RIGHT(R_FD_FILESTAT_SET_SIZE);
  bool directory = file == NFILES;
  uint64_t need = RIGHT(R_PATH_OPEN) | (oflags & O_CREAT_W ? RIGHT(R_PATH_CREATE_FILE) : 0) |
                  (oflags & O_TRUNC_W ? RIGHT(R_PATH_FILESTAT_SET_SIZE) : 0);
  uint32_t e = check(dir, need);
  if (e)
    return e;
  if (oflags & O_CREAT_W && oflags & O_DIRECTORY_W)
    return E_inval;
  // Asked for by name, not with "everything": what cannot be had is refused.
  if (!(oflags & O_DIRECTORY_W) && rights & writing & ~fds[dir].inheriting && rights != RIGHTS_ALL)
    return E_notcapable;
  uint64_t got = rights & fds[dir].inheriting;
  bool writes = got & (writing | RIGHT(R_FD_DATASYNC)) && !(oflags & O_DIRECTORY_W);
  if (live + 0 >= HOST_FDS)
    return E_mfile;
  if (directory) {
    if (oflags & O_CREAT_W)
      return oflags & O_EXCL_W ? E_exist : E_isdir;
    if (oflags & O_TRUNC_W)
      return E_isdir;
    (void)writes; // falls back to what a directory gives
  } else {
    if (!files[file].exists && !(oflags & O_CREAT_W))
      return E_noent;
    if (files[file].exists && oflags & O_CREAT_W && oflags & O_EXCL_W)
      return E_exist;
    if (oflags & O_DIRECTORY_W)
      return E_notdir;
    files[file].exists = true;
    if (oflags & O_TRUNC_W)
      files[file].n = 0;
  }
  Fd f = { .open = true,
           .dir = directory,
           .file = file,
           .flags = fdflags,
           .inheriting = inheriting & fds[dir].inheriting & (directory ? RIGHTS_DIR | RIGHTS_FILE : 0) };
  f.rights = got & (directory ? RIGHTS_DIR : RIGHTS_FILE);
  fds[lowest_free()] = f;
  live++;
  return E_success;
}
static void op_open(uint32_t dir)
{
  static const char *const names[] = { "f0", "f1", "f2", "f3", "f4", "d" };
  int file = (int)(rig_random() % (NFILES + 1));
  static const uint32_t choices[] = { 0,
                                      0,
                                      0,
                                      O_CREAT_W,
                                      O_CREAT_W,
                                      O_CREAT_W | O_EXCL_W,
                                      O_TRUNC_W,
                                      O_DIRECTORY_W,
                                      O_CREAT_W | O_TRUNC_W,
                                      O_CREAT_W | O_DIRECTORY_W };
  uint32_t oflags = choices[rig_random() % 10], fdflags = rig_random() % 4 == 0 ? FDFLAG_APPEND : 0;
  uint64_t rights = some_rights(), inheriting = some_rights();
  bool in_root = dir >= SLOTS || !fds[dir].open || fds[dir].root;
  if (!in_root && fds[dir].dir)
    return; // nothing stands in the other directory
  uint32_t number = lowest_free(), want = open_model(dir, file, oflags, rights, inheriting, fdflags);
  uint32_t got = CALL(path_open, dir, 1, PATH(names[file]), oflags, rights, inheriting, fdflags, AT_OUT);
  same("path_open", dir, want, got);
  if (!got)
    same_number("path_open", dir, number, rig_out32());
}
static void op_close(uint32_t fd)
{
  uint32_t want = check(fd, 0);
  if (!want)
    fds[fd] = (Fd){ 0 }, live--;
  same("fd_close", fd, want, CALL(fd_close, fd));
}
static void op_renumber(uint32_t from)
{
  uint32_t to = some_fd(op_renumber), want = check(from, 0);
  want = want ? want : check(to, 0);
  if (!want && from != to)
    fds[to] = fds[from], fds[from] = (Fd){ 0 }, live--;
  same("fd_renumber", from, want, CALL(fd_renumber, from, to));
}
static void op_seek(uint32_t fd)
{
  int64_t off = (int64_t)(rig_random() % 200) - 60, at = 0;
  uint32_t whence = (uint32_t)(rig_random() % 4), want = check(fd, 0);
  if (!want && fds[fd].dir)
    return; // positions of directories mean nothing
  if (!want)
    want = check(fd, off == 0 && whence == 1 ? RIGHT(R_FD_TELL) : RIGHT(R_FD_SEEK) | RIGHT(R_FD_TELL));
  if (!want) {
    at = off + (int64_t)(whence == 1 ? fds[fd].pos : whence == 2 ? files[fds[fd].file].n : 0);
    want = whence > 2 || at < 0 ? E_inval : E_success;
  }
  uint32_t got = CALL(fd_seek, fd, (uint64_t)off, whence, AT_OUT);
  same("fd_seek", fd, want, got);
  if (!want && !got)
    fds[fd].pos = (uint64_t)at, same_number("fd_seek", fd, (uint64_t)at, rig_out64());
}
static void op_read(uint32_t fd)
{
  uint32_t n = (uint32_t)(rig_random() % 40), want = check(fd, RIGHT(R_FD_READ)), count = 0;
  Fd *f = fd < SLOTS ? &fds[fd] : NULL;
  const File *file = NULL;
  if (!want) {
    file = &files[f->file];
    count = f->pos >= file->n ? 0 : file->n - (uint32_t)f->pos < n ? file->n - (uint32_t)f->pos : n;
  }
  rig_iov(AT_IOV, AT_BUF, n / 3), rig_iov(AT_IOV + 8, AT_BUF + n / 3, n - n / 3);
  uint32_t got = CALL(fd_read, fd, AT_IOV, 2, AT_OUT);
  same("fd_read", fd, want, got);
  if (want || got)
    return;
  same_number("fd_read", fd, count, rig_out32());
  EXPECT(memcmp(rig_mem + AT_BUF, file->bytes + f->pos, count) == 0, "fd_read of %u at %llu: other bytes", fd,
         (unsigned long long)f->pos);
  f->pos += count;
}
static void put_bytes(File *file, uint64_t at, uint32_t n)
{
  if (n > 0 && at > file->n)
    memset(file->bytes + file->n, 0, at - file->n);
  memcpy(file->bytes + at, rig_mem + AT_BUF, n);
  if (n > 0 && at + n > file->n)
    file->n = (uint32_t)at + n;
}
static void op_write(uint32_t fd)
{
  uint32_t n = (uint32_t)(rig_random() % 40), want = check(fd, RIGHT(R_FD_WRITE));
  Fd *f = fd < SLOTS ? &fds[fd] : NULL;
  bool append = !want && f->flags & FDFLAG_APPEND;
  if (!want && (append ? files[f->file].n : f->pos) + n > MOST_BYTES)
    return;
  for (uint32_t i = 0; i < n; i++)
    rig_mem[AT_BUF + i] = (uint8_t)rig_random();
  rig_iov(AT_IOV, AT_BUF, n / 3), rig_iov(AT_IOV + 8, AT_BUF + n / 3, n - n / 3);
  uint32_t got = CALL(fd_write, fd, AT_IOV, 2, AT_OUT);
  same("fd_write", fd, want, got);
  if (want || got)
    return;
  same_number("fd_write", fd, n, rig_out32());
  if (append && n > 0)
    f->pos = files[f->file].n;
  put_bytes(&files[f->file], f->pos, n);
  f->pos += n;
}
static void op_pwrite(uint32_t fd)
{
  uint32_t n = (uint32_t)(rig_random() % 40), want = check(fd, RIGHT(R_FD_WRITE) | RIGHT(R_FD_SEEK));
  uint64_t at = rig_random() % 500;
  if (!want && fds[fd].flags & FDFLAG_APPEND)
    return; // appends on Linux, wherever it is told to write
  for (uint32_t i = 0; i < n; i++)
    rig_mem[AT_BUF + i] = (uint8_t)rig_random();
  rig_iov(AT_IOV, AT_BUF, n);
  same("fd_pwrite", fd, want, CALL(fd_pwrite, fd, AT_IOV, 1, at, AT_OUT));
  if (!want)
    same_number("fd_pwrite", fd, n, rig_out32()), put_bytes(&files[fds[fd].file], at, n);
}
static void op_size(uint32_t fd)
{
  uint32_t n = (uint32_t)(rig_random() % 300), want = check(fd, RIGHT(R_FD_FILESTAT_SET_SIZE));
  same("fd_filestat_set_size", fd, want, CALL(fd_filestat_set_size, fd, n));
  if (want)
    return;
  File *file = &files[fds[fd].file];
  if (n > file->n)
    memset(file->bytes + file->n, 0, n - file->n);
  file->n = n;
}
static void op_set_rights(uint32_t fd)
{
  uint32_t want = check(fd, 0);
  uint64_t base = rig_random() | rig_random() | rig_random(), inheriting = rig_random() | rig_random() | rig_random();
  if (rig_random() % 2 && !want)
    base &= fds[fd].rights, inheriting &= fds[fd].inheriting;
  if (!want && (base & ~fds[fd].rights || inheriting & ~fds[fd].inheriting))
    want = E_notcapable;
  same("fd_fdstat_set_rights", fd, want, CALL(fd_fdstat_set_rights, fd, base, inheriting));
  if (!want)
    fds[fd].rights = base, fds[fd].inheriting = inheriting;
}
static void op_set_flags(uint32_t fd)
{
  static const uint32_t choices[] = { 0, FDFLAG_APPEND, FDFLAG_NONBLOCK, FDFLAG_APPEND | FDFLAG_NONBLOCK, FDFLAG_SYNC,
                                      32 };
  uint32_t flags = choices[rig_random() % 6], want = check(fd, RIGHT(R_FD_FDSTAT_SET_FLAGS));
  want = want ? want : flags > 31 ? E_inval : flags == FDFLAG_SYNC ? E_notsup : E_success;
  same("fd_fdstat_set_flags", fd, want, CALL(fd_fdstat_set_flags, fd, flags));
  if (!want)
    fds[fd].flags = flags;
}
static void op_fdstat(uint32_t fd)
{
  uint32_t want = check(fd, 0), got = CALL(fd_fdstat_get, fd, AT_OUT);
  same("fd_fdstat_get", fd, want, got);
  if (want || got)
    return;
  same_number("filetype", fd, fds[fd].dir ? 3 : 4, rig_mem[AT_OUT]);
  same_number("flags", fd, fds[fd].flags, zw_get16(rig_mem + AT_OUT + 2));
  same_number("rights", fd, fds[fd].rights, zw_get64(rig_mem + AT_OUT + 8));
  same_number("inheriting rights", fd, fds[fd].inheriting, zw_get64(rig_mem + AT_OUT + 16));
}
static void op_filestat(uint32_t fd)
{
  uint32_t want = check(fd, RIGHT(R_FD_FILESTAT_GET)), got = CALL(fd_filestat_get, fd, AT_OUT);
  same("fd_filestat_get", fd, want, got);
  if (!want && !got && !fds[fd].dir)
    same_number("size", fd, files[fds[fd].file].n, zw_get64(rig_mem + AT_OUT + 32));
}
static void op_tell(uint32_t fd)
{
  uint32_t want = check(fd, RIGHT(R_FD_TELL));
  if (fd < SLOTS && fds[fd].open && fds[fd].dir)
    return;
  uint32_t got = CALL(fd_tell, fd, AT_OUT);
  same("fd_tell", fd, want, got);
  if (!want && !got)
    same_number("fd_tell", fd, fds[fd].pos, rig_out64());
}
static void op_prestat(uint32_t fd)
{
  uint32_t want = check(fd, 0);
  want = !want && !fds[fd].root ? (uint32_t)E_badf : want;
  same("fd_prestat_get", fd, want, CALL(fd_prestat_get, fd, AT_OUT));
}

static Op *const ops[] = { op_open,   op_open,     op_open,  op_open,   op_open, op_open,       op_close,
                           op_close,  op_renumber, op_seek,  op_seek,   op_read, op_read,       op_read,
                           op_write,  op_write,    op_write, op_pwrite, op_size, op_set_rights, op_set_flags,
                           op_fdstat, op_filestat, op_tell,  op_prestat };
enum { NOPS = sizeof ops / sizeof *ops };

// ---- rounds: a fresh context each, the files stay ----

static int base;
static void begin(void)
{
  memset(fds, 0, sizeof fds);
  rig_w = zwasm_wasi_new();
  for (uint32_t i = 0; i < 2; i++) {
    if (!zwasm_wasi_preopen(rig_w, "box", "/box", 1))
      exit(1);
    fds[FIRST + i] = (Fd){ .open = true,
                           .dir = true,
                           .root = true,
                           .file = NFILES,
                           .rights = RIGHTS_DIR,
                           .inheriting = RIGHTS_DIR | RIGHTS_FILE };
  }
  live = 2;
}
static void compare_all(void)
{
  struct rlimit now, more;
  getrlimit(RLIMIT_NOFILE, &now);
  more = now, more.rlim_cur = now.rlim_max; // to look, one descriptor is needed
  setrlimit(RLIMIT_NOFILE, &more);
  int host = rig_open_fds() - base;
  setrlimit(RLIMIT_NOFILE, &now);
  EXPECT(host == live, "%d descriptors open, the model says %d", host, live);
  for (uint32_t fd = 0; fd < SLOTS; fd++) {
    bool open = fd < rig_w->nfds && rig_w->fds[fd].open;
    EXPECT(open == fds[fd].open, "descriptor %u is %s", fd, open ? "open" : "not open");
  }
}

int main(int argc, char **argv)
{
  unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000, compared = 0, most = 0;
  rig_make_memory();
  rig_new_top();
  mkdir("box", 0755), mkdir("box/d", 0755);
  for (int fd = 3; fd < 4096; fd++) // what we inherited: the host's numbers must be ours to count
    close(fd);
  base = rig_open_fds();
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = (rlim_t)(base + HOST_FDS);
  setrlimit(RLIMIT_NOFILE, &limit);
  for (unsigned long i = 0; i < count; i++) {
    if (i % ROUND == 0)
      begin();
    unsigned op = (unsigned)(rig_random() % NOPS);
    ops[op](some_fd(ops[op]));
    most = live > (int)most ? (unsigned long)live : most;
    if (i % 5000 == 4999)
      compare_all(), compared++;
    if (i % ROUND == ROUND - 1 || i + 1 == count) {
      zwasm_wasi_delete(rig_w);
      live = 0;
      for (int k = 0; k < SLOTS; k++)
        fds[k].open = false;
      EXPECT(rig_open_fds() == base, "%d descriptors open after the end", rig_open_fds() - base);
    }
  }
  printf("model: %lu operations, %lu comparisons of all, at most %lu open, answers:", count, compared, most);
  for (uint32_t e = 0; e < 77; e++)
    if (answers[e])
      printf(" %s %lu", rig_errno_name(e), answers[e]);
  printf("; %lu failures\n", rig_failures);
  rig_remove_top();
  return rig_failures == 0 && answers[E_success] > count / 10 && answers[E_mfile] > 0 && answers[E_notcapable] > 0 ? 0
                                                                                                                   : 1;
}
