// See rig.h.
#define _GNU_SOURCE 1
#include "rig.h"
#include "runtime/os/linux.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

const P1Row p1_rows[P1_COUNT] = {
#define P1(name, sig) { #name, #sig, zwasm_wasi_p1_##name },
#include "runtime/wasi/p1.def"
};

// ---- the guest ----

Wasi *rig_w;
uint8_t *rig_mem;
static Memory memory;
static Memory *memories[] = { &memory };
static ImageHeader header;
static Image image = { .h = &header, .counts = { .memories = 1 } };
static VmCtx ctx;
static Instance instance = { .vmctx = &ctx, .image = &image, .memories = memories };

void rig_make_memory(void)
{
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  uint8_t *p = mmap(NULL, MEM_BYTES + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED || mprotect(p + page, MEM_BYTES, PROT_READ | PROT_WRITE) != 0)
    abort();
  rig_use_memory(p + page, MEM_BYTES);
}
void rig_use_memory(uint8_t *base, uint64_t bytes)
{
  rig_mem = base;
  memory.def = (VmMemoryDef){ base, bytes };
  ctx.instance = &instance;
}

uint32_t rig_call(int which, const uint64_t *args, size_t n)
{
  Value v[MAX_ARGS] = { 0 };
  for (size_t i = 0; i < n; i++)
    v[i].u64 = args[i];
  p1_rows[which].fn(rig_w, &ctx, v);
  return v[0].u32;
}

uint32_t rig_put(uint32_t at, const char *s, size_t n)
{
  memcpy(rig_mem + at, s, n);
  return at;
}
uint32_t rig_iov(uint32_t at, uint32_t ptr, uint32_t len)
{
  zw_put32(rig_mem + at, ptr), zw_put32(rig_mem + at + 4, len);
  return at;
}

const char *rig_errno_name(uint32_t e)
{
  static const char *const names[] = {
#define E(name, number, os) [number] = #name,
#include "runtime/wasi/errno.def"
  };
  return e < sizeof names / sizeof *names ? names[e] : "?";
}

// ---- system calls ----

SysHook *rig_sys;

long rig_kernel(long n, const long a[6]) { return zw_sys6(n, a[0], a[1], a[2], a[3], a[4], a[5]); }

long zw_test_sys6(long n, long a, long b, long c, long d, long e, long f); // sys_hook.h
long zw_test_sys6(long n, long a, long b, long c, long d, long e, long f)
{
  long args[6] = { a, b, c, d, e, f };
  bool answered = false;
  long r = rig_sys ? rig_sys(n, args, &answered) : 0;
  return answered ? r : rig_kernel(n, args);
}
long rig_no_openat2(long n, long a[6], bool *answered)
{
  (void)a;
  *answered = n == __NR_openat2;
  return -ENOSYS;
}

// ---- the host's side ----

char rig_top[64];

void rig_new_top(void)
{
  const char *places[] = { "/dev/shm", getenv("TMPDIR"), "/tmp" };
  for (size_t i = 0; i < 3; i++) {
    if (!places[i] || snprintf(rig_top, sizeof rig_top, "%s/zwasm-wasi-XXXXXX", places[i]) >= (int)sizeof rig_top)
      continue;
    if (mkdtemp(rig_top) && chdir(rig_top) == 0)
      return;
  }
  fprintf(stderr, "no place for a fresh directory\n");
  exit(1);
}
void rig_remove_top(void)
{
  if (chdir("/") == 0)
    rig_remove(rig_top);
}

void rig_write_file(const char *path, const char *text)
{
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  size_t n = strlen(text);
  if (fd < 0 || write(fd, text, n) != (ssize_t)n)
    fprintf(stderr, "cannot write %s: %s\n", path, strerror(errno)), exit(1);
  close(fd);
}

static bool is_dots(const char *s) { return s[0] == '.' && (s[1] == 0 || (s[1] == '.' && s[2] == 0)); }

// The names in a directory, sorted; own (each and the array).
static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }
static char **names_in(const char *path, size_t *n)
{
  char **names = NULL;
  DIR *d = opendir(path);
  *n = 0;
  if (!d)
    return NULL;
  for (struct dirent *e; (e = readdir(d));)
    if (!is_dots(e->d_name)) {
      names = realloc(names, (*n + 1) * sizeof *names);
      names[(*n)++] = strdup(e->d_name);
    }
  closedir(d);
  if (names)
    qsort(names, *n, sizeof *names, by_name);
  return names;
}

// Calls each(arg, path, stat) for path and all below it, parents first or last.  The trees here are a few levels deep.
typedef void Visit(void *arg, const char *path, const struct stat *st);
static void visit(const char *path, bool parents_first, Visit *each, void *arg)
{
  struct stat st;
  if (lstat(path, &st) != 0)
    return;
  if (parents_first)
    each(arg, path, &st);
  if (S_ISDIR(st.st_mode)) {
    size_t n;
    char **names = names_in(path, &n);
    for (size_t i = 0; i < n; i++) {
      char below[4400];
      snprintf(below, sizeof below, "%s/%s", path, names[i]);
      visit(below, parents_first, each, arg);
      free(names[i]);
    }
    free(names);
  }
  if (!parents_first)
    each(arg, path, &st);
}

static void remove_one(void *arg, const char *path, const struct stat *st)
{
  (void)arg;
  if (S_ISDIR(st->st_mode))
    rmdir(path);
  else
    unlink(path);
}
void rig_remove(const char *path) { visit(path, false, remove_one, NULL); }

int rig_open_fds(void)
{
  int n = 0;
  DIR *d = opendir("/proc/self/fd");
  while (readdir(d))
    n++;
  closedir(d);
  return n - 3; // two dots and the one that looks
}

// ---- snapshots ----

static void add_text(Snapshot *s, const char *p, size_t n)
{
  if (s->n + n > s->cap) {
    s->cap = 2 * (s->n + n);
    s->text = realloc(s->text, s->cap);
  }
  memcpy(s->text + s->n, p, n);
  s->n += n;
}

typedef struct SnapshotArg { Snapshot *s; bool times; } SnapshotArg;
static void describe(void *arg, const char *path, const struct stat *st)
{
  const SnapshotArg *a = arg;
  char line[9000], content[4096];
  size_t n = (size_t)snprintf(line, sizeof line, "%s %o %lu:%lu links %lu size %ld", path, st->st_mode,
                              (unsigned long)st->st_dev, (unsigned long)st->st_ino, (unsigned long)st->st_nlink,
                              (long)st->st_size);
  if (a->times)
    n += (size_t)snprintf(line + n, sizeof line - n, " m %ld.%09ld c %ld.%09ld", st->st_mtim.tv_sec,
                          st->st_mtim.tv_nsec, st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
  add_text(a->s, line, n);
  long got = 0;
  if (S_ISLNK(st->st_mode))
    got = readlink(path, content, sizeof content);
  if (S_ISREG(st->st_mode)) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOATIME);
    got = fd < 0 ? 0 : read(fd, content, sizeof content);
    if (fd >= 0)
      close(fd);
  }
  add_text(a->s, " = ", 3);
  add_text(a->s, content, got > 0 ? (size_t)got : 0);
  add_text(a->s, "\n", 1);
}
void rig_snapshot(Snapshot *s, const char *path, bool times)
{
  SnapshotArg a = { s, times };
  visit(path, true, describe, &a);
}
bool rig_same(const Snapshot *a, const Snapshot *b) { return a->n == b->n && memcmp(a->text, b->text, a->n) == 0; }

uint64_t rig_dev(uint64_t st_dev) { return (uint64_t)major(st_dev) << 32 | minor(st_dev); }
static void add_id(void *arg, const char *path, const struct stat *st)
{
  IdSet *set = arg;
  (void)path;
  if (set->n == set->cap) {
    set->cap = set->cap ? 2 * set->cap : 64;
    set->p = realloc(set->p, set->cap * sizeof *set->p);
  }
  set->p[set->n].dev = rig_dev(st->st_dev), set->p[set->n].ino = st->st_ino;
  set->n++;
}
void rig_ids(IdSet *set, const char *path) { visit(path, true, add_id, set); }
bool rig_has_id(const IdSet *set, uint64_t dev, uint64_t ino)
{
  for (size_t i = 0; i < set->n; i++)
    if (set->p[i].ino == ino && set->p[i].dev == dev)
      return true;
  return false;
}

// ---- counting ----

unsigned long rig_failures;
void rig_fail(const char *fmt, ...)
{
  if (rig_failures++ < 40) {
    va_list ap;
    va_start(ap, fmt);
    printf("FAIL ");
    vprintf(fmt, ap);
    printf("\n");
    fflush(stdout);
    va_end(ap);
  }
}

uint64_t rig_seed = 0x9e3779b97f4a7c15u;
uint64_t rig_random(void)
{
  rig_seed ^= rig_seed << 13, rig_seed ^= rig_seed >> 7, rig_seed ^= rig_seed << 17;
  return rig_seed * 0x2545f4914f6cdd1du;
}
