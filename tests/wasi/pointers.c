// Every pointer and length of every call at the places where arithmetic goes wrong, in every combination.
//   what does not lie in memory is an error, and nothing has happened then: no byte written, no data consumed,
//     nothing open
//   what lies in memory is never called a fault
//   only bytes that the arguments name are written
// The memory ends at an unmapped page, so one byte too far is a crash; under ASan and UBSan the rest shows too.
#include "rig.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BOX = 3, FILE_FD = 4, STREAM = 5, LISTENER = 6 };
enum { IOVS_READ = 128, SUBSCRIPTIONS_READ = 1 << 14 };
static uint8_t template[MEM_BYTES];

// Kinds of parameters.
typedef enum Kind {
  VALUE,
  OUT,      // size bytes are written
  OUT_N,    // as many as the next parameter says
  PATH_N,   // a path of as many
  IOVS_N,   // so many buffers of 8 bytes
  SUBS,     // 48 bytes for each of parameter 2
  EVENTS,   // 32 bytes for each of parameter 2
  LENGTH,
} Kind;
typedef struct Param { Kind kind; uint64_t value; uint32_t size; } Param;
typedef struct Row { int call; Param p[MAX_ARGS]; } Row;
#define V(x) { VALUE, (x), 0 }
#define O(n) { OUT, AT_OUT, (n) }
#define O2(n) { OUT, AT_OUT + 64, (n) }
#define P(at, n) { PATH_N, (at), 0 }, { LENGTH, (n), 0 }
#define I { IOVS_N, AT_IOV, 0 }, { LENGTH, 2, 0 }
#define B(n) { OUT_N, AT_BUF, 0 }, { LENGTH, (n), 0 }
enum { N_FILE = 4, N_NEW = 3, N_LINK = 4 };

// The paths of the template: "file" at AT_PATH, "new" at AT_PATH2, "link" behind it.
enum { AT_LINK = AT_PATH2 + 16 };
static const Row rows[] = {
  { C_args_get, { O(8), O2(7) } },
  { C_args_sizes_get, { O(4), O2(4) } },
  { C_environ_get, { O(4), O2(4) } },
  { C_environ_sizes_get, { O(4), O2(4) } },
  { C_clock_res_get, { V(1), O(8) } },
  { C_clock_time_get, { V(1), V(0), O(8) } },
  { C_fd_fdstat_get, { V(FILE_FD), O(24) } },
  { C_fd_filestat_get, { V(FILE_FD), O(64) } },
  { C_fd_pread, { V(FILE_FD), I, V(1), O(4) } },
  { C_fd_prestat_get, { V(BOX), O(8) } },
  { C_fd_prestat_dir_name, { V(BOX), B(4) } },
  { C_fd_pwrite, { V(FILE_FD), I, V(1), O(4) } },
  { C_fd_read, { V(FILE_FD), I, O(4) } },
  { C_fd_readdir, { V(BOX), B(512), V(0), O(4) } },
  { C_fd_seek, { V(FILE_FD), V(1), V(0), O(8) } },
  { C_fd_tell, { V(FILE_FD), O(8) } },
  { C_fd_write, { V(FILE_FD), I, O(4) } },
  { C_path_create_directory, { V(BOX), P(AT_PATH2, N_NEW) } },
  { C_path_filestat_get, { V(BOX), V(1), P(AT_PATH, N_FILE), O(64) } },
  { C_path_filestat_set_times, { V(BOX), V(1), P(AT_PATH, N_FILE), V(1), V(1), V(5) } },
  { C_path_link, { V(BOX), V(0), P(AT_PATH, N_FILE), V(BOX), P(AT_PATH2, N_NEW) } },
  { C_path_open, { V(BOX), V(1), P(AT_PATH, N_FILE), V(0), V(RIGHTS_ALL), V(RIGHTS_ALL), V(0), O(4) } },
  { C_path_readlink, { V(BOX), P(AT_LINK, N_LINK), B(16), O(4) } },
  { C_path_remove_directory, { V(BOX), P(AT_PATH2, N_NEW) } },
  { C_path_rename, { V(BOX), P(AT_PATH, N_FILE), V(BOX), P(AT_PATH2, N_NEW) } },
  { C_path_symlink, { P(AT_PATH, N_FILE), V(BOX), P(AT_PATH2, N_NEW) } },
  { C_path_unlink_file, { V(BOX), P(AT_PATH2, N_NEW) } },
  { C_poll_oneoff, { { SUBS, AT_PATH + 64, 0 }, { EVENTS, AT_BUF, 0 }, { LENGTH, 2, 0 }, O(4) } },
  { C_random_get, { B(16) } },
  { C_sock_accept, { V(LISTENER), V(4), O(4) } },
  { C_sock_recv, { V(STREAM), I, V(0), O(4), O2(2) } },
  { C_sock_send, { V(STREAM), I, V(0), O(4) } },
};
enum { NROWS = sizeof rows / sizeof *rows };

// ---- what the arguments name ----

typedef struct Range { uint64_t at, n; } Range;
// needed: without it the call cannot work.  given: what the argument says it is.
static bool ranges(const Row *r, const uint64_t *a, int i, Range *needed, Range *given)
{
  uint64_t n;
  switch (r->p[i].kind) {
  case VALUE: case LENGTH: return false;
  case OUT: *needed = *given = (Range){ a[i], r->p[i].size }; return true;
  case OUT_N:
    *needed = *given = (Range){ a[i], a[i + 1] };
    if (r->call == C_fd_prestat_dir_name)
      needed->n = 4;
    return true;
  case PATH_N: *needed = *given = (Range){ a[i], a[i + 1] }; return true;
  case IOVS_N:
    n = a[i + 1];
    *needed = (Range){ a[i], 8 * (n < IOVS_READ ? n : IOVS_READ) }, *given = (Range){ a[i], 8 * n };
    return true;
  case SUBS: *needed = *given = (Range){ a[i], 48 * a[2] }; return true;
  case EVENTS: *needed = *given = (Range){ a[i], 32 * a[2] }; return true;
  }
  return false;
}
static bool in_memory(Range r) { return r.at <= MEM_BYTES && r.n <= MEM_BYTES - r.at; }
static bool written_by(Kind k) { return k == OUT || k == OUT_N || k == EVENTS; }

// ---- one call ----

typedef struct State { off_t at; off_t size; uint32_t slots; int queued; } State;
static uint32_t open_slots(void)
{
  uint32_t n = 0;
  for (uint32_t i = 0; i < rig_w->nfds; i++)
    n += rig_w->fds[i].open;
  return n;
}
static State state(void)
{
  struct stat st;
  int host = rig_w->fds[FILE_FD].host, queued = (int)zw_os_readable_bytes(rig_w->fds[STREAM].host);
  fstat(host, &st);
  return (State){ lseek(host, 0, SEEK_CUR), st.st_size, open_slots(), queued };
}

static unsigned long calls, faults, done;
static const char *describe(const Row *r, const uint64_t *a)
{
  static char s[300];
  size_t n = (size_t)snprintf(s, sizeof s, "%s(", p1_rows[r->call].name);
  for (size_t i = 0; i < strlen(p1_rows[r->call].sig + 2); i++)
    n += (size_t)snprintf(s + n, sizeof s - n, "%s%#llx", i ? ", " : "", (unsigned long long)a[i]);
  snprintf(s + n, sizeof s - n, ")");
  return s;
}

// "file" and "link" and nothing else; the file may have got another name, any that a length makes of the template.
static void tidy_box(void)
{
  const char *const made[] = { "new", "n", "f", "l", "file", "" };
  char at[20];
  struct stat st, opened;
  fstat(rig_w->fds[FILE_FD].host, &opened);
  for (int i = 0; made[i][0]; i++) {
    snprintf(at, sizeof at, "box/%s", made[i]);
    if (lstat(at, &st) != 0 || strcmp(made[i], "file") == 0)
      continue;
    if (st.st_ino == opened.st_ino && access("box/file", F_OK) != 0)
      rename(at, "box/file");
    else if (unlink(at) != 0)
      rmdir(at);
  }
}
static void clean_up(const Row *r, const uint64_t *a, uint32_t e)
{
  if (e == 0 && (r->call == C_path_open || r->call == C_sock_accept)) {
    uint64_t fd = zw_get32(rig_mem + a[r->call == C_path_open ? 8 : 2]);
    rig_call(C_fd_close, &fd, 1);
  }
  if (e == 0 && strncmp(p1_rows[r->call].name, "path_", 5) == 0)
    tidy_box();
  memcpy(rig_mem, template, MEM_BYTES);
}

// Every byte that differs from the template is one that may.
static void check_written(const Row *r, const uint64_t *a, size_t n, bool none)
{
  Range needed, given;
  for (size_t at = 0; at < MEM_BYTES; at++) {
    if ((at & 4095) == 0 && memcmp(rig_mem + at, template + at, 4096) == 0) {
      at += 4095;
      continue;
    }
    bool allowed = rig_mem[at] == template[at];
    for (size_t i = 0; i < n && !allowed && !none; i++)
      if (ranges(r, a, (int)i, &needed, &given)) {
        bool iov = r->p[i].kind == IOVS_N &&
                   (r->call == C_fd_read || r->call == C_fd_pread || r->call == C_sock_recv) && at >= AT_BUF;
        allowed = iov || (written_by(r->p[i].kind) && at >= given.at && at - given.at < given.n);
      }
    if (!allowed) {
      rig_fail("%s wrote at %#zx", describe(r, a), at);
      return;
    }
  }
}

static void one(const Row *r, const uint64_t *a)
{
  size_t n = strlen(p1_rows[r->call].sig + 2);
  bool must_fail = false, may_fault = false;
  Range needed, given;
  for (size_t i = 0; i < n; i++)
    if (ranges(r, a, (int)i, &needed, &given))
      must_fail |= !in_memory(needed), may_fault |= !in_memory(given);
  State before = state();
  uint32_t e = rig_call(r->call, a, n);
  State after = state();
  calls++, faults += e == E_fault, done += e == 0;
  EXPECT(!(must_fail && e == 0), "%s succeeded", describe(r, a));
  EXPECT(may_fault || e != E_fault, "%s is called a fault", describe(r, a));
  if (e)
    EXPECT(memcmp(&before, &after, sizeof before) == 0, "%s: %s, and something has happened", describe(r, a),
           rig_errno_name(e));
  if (memcmp(rig_mem, template, MEM_BYTES) != 0)
    check_written(r, a, n, e != 0);
  clean_up(r, a, e);
}

// ---- all combinations ----

enum { END = MEM_BYTES, MAX_VALUES = 16, MOST_PER_CALL = 30000 };
static size_t values(const Param *p, uint64_t *out)
{
  size_t n = 0;
  uint64_t size = p->size ? p->size : 16;
  const uint64_t pointers[] = { 0,   1,       3,          END - size, END - size + 1,     END - 1,
                                END, END + 1, 0x7fffffff, 0x80000000, 0x100000000 - size, 0xffffffff };
  const uint64_t lengths[] = { 0,   1,       127,        129,        END - AT_BUF, END - AT_BUF + 1,
                               END, END + 1, 0x20000000, 0x7fffffff, 0x80000000,   0xffffffff };
  out[n++] = p->value;
  for (int i = 0; i < 12 && p->kind != VALUE; i++)
    out[n++] = p->kind == LENGTH ? lengths[i] : pointers[i];
  return n;
}
static void row(const Row *r)
{
  uint64_t v[MAX_ARGS][MAX_VALUES], a[MAX_ARGS] = { 0 };
  size_t n = strlen(p1_rows[r->call].sig + 2), nv[MAX_ARGS], product = 1;
  for (size_t i = 0; i < n; i++)
    nv[i] = values(&r->p[i], v[i]), product *= nv[i];
  size_t most = product < MOST_PER_CALL ? product : MOST_PER_CALL;
  for (size_t k = 0; k < most; k++) {
    size_t pick = product == most ? k : rig_random() % product;
    for (size_t i = 0; i < n; pick /= nv[i++])
      a[i] = v[i][pick % nv[i]];
    one(r, a);
  }
}

// Descriptors that are none, in every call whose first parameter is one.
static void bad_descriptors(void)
{
  const uint64_t bad[] = { 0, 7, 8, 1 << 20, 0x7fffffff, 0x80000000, 0xffffffff };
  for (int c = 0; c < P1_COUNT; c++) {
    const char *name = p1_rows[c].name;
    if (strncmp(name, "fd_", 3) != 0 && strncmp(name, "sock_", 5) != 0 &&
        (strncmp(name, "path_", 5) != 0 || c == C_path_symlink))
      continue;
    for (int i = 0; i < 7; i++) {
      uint64_t a[MAX_ARGS] = { bad[i] };
      if (c == C_path_filestat_set_times || c == C_fd_filestat_set_times)
        a[1] = 0;
      uint32_t e = rig_call(c, a, MAX_ARGS);
      EXPECT(e == E_badf, "%s of descriptor %llu: %s", name, (unsigned long long)bad[i], rig_errno_name(e));
      calls++;
    }
  }
}

// ---- buffers inside the list ----

static const char text[] = "0123456789abcdefghijklmnopqrstuvwxyz";
static void fill_file(void)
{
  rig_write_file("box/file", text);
  lseek(rig_w->fds[FILE_FD].host, 0, SEEK_SET);
}
static void bad_buffers(void)
{
  const uint32_t bad[][2] = {
    { END, 1 },        { END - 1, 2 }, { END + 1, 0 }, { 0xffffffff, 1 }, { 0x80000000, 0x80000000 },
    { 8, 0xffffffff }, { 1, END }
  };
  const int call[] = { C_fd_read, C_fd_write, C_fd_pread, C_fd_pwrite, C_sock_recv, C_sock_send };
  for (int c = 0; c < 6; c++)
    for (int i = 0; i < 7; i++)
      for (int at = 0; at < 3; at++) { // the bad one is the first, second or third
        bool positioned = call[c] == C_fd_pread || call[c] == C_fd_pwrite,
             sock = call[c] == C_sock_recv || call[c] == C_sock_send;
        for (int k = 0; k < 3; k++)
          rig_iov(AT_IOV + 8 * (uint32_t)k, k == at ? bad[i][0] : AT_BUF, k == at ? bad[i][1] : 5);
        memcpy(template, rig_mem, MEM_BYTES);
        State before = state();
        uint64_t a[MAX_ARGS] = { sock ? STREAM : FILE_FD,         AT_IOV, 3,
                                 positioned || sock ? 0 : AT_OUT, AT_OUT, AT_OUT + 64 };
        uint32_t e = rig_call(call[c], a, MAX_ARGS);
        State after = state();
        EXPECT(e == E_fault && memcmp(&before, &after, sizeof before) == 0 && memcmp(rig_mem, template, MEM_BYTES) == 0,
               "%s with buffer %d at %#x, %#x bytes: %s", p1_rows[call[c]].name, at, bad[i][0], bad[i][1],
               rig_errno_name(e));
        calls++, faults++;
      }
}

// ---- results over arguments ----

static void overlaps(void)
{
  fill_file();
  rig_iov(AT_IOV, AT_IOV, 16), rig_iov(AT_IOV + 8, AT_IOV + 4, 10); // data over the list that says where it goes
  EXPECT(CALL(fd_read, FILE_FD, AT_IOV, 2, AT_OUT) == 0 && rig_out32() == 26 &&
             memcmp(rig_mem + AT_IOV, "0123ghijklmnopef", 16) == 0,
         "data over its own list");
  lseek(rig_w->fds[FILE_FD].host, 0, SEEK_SET);
  rig_iov(AT_IOV, AT_BUF, 16);
  EXPECT(CALL(fd_read, FILE_FD, AT_IOV, 1, AT_BUF + 4) == 0 && zw_get32(rig_mem + AT_BUF + 4) == 16 &&
             memcmp(rig_mem + AT_BUF, "0123", 4) == 0 && memcmp(rig_mem + AT_BUF + 8, "89abcdef", 8) == 0,
         "the count over the data");
  lseek(rig_w->fds[FILE_FD].host, 0, SEEK_SET);
  rig_iov(AT_IOV, AT_BUF, 8);
  EXPECT(CALL(fd_read, FILE_FD, AT_IOV, 1, AT_IOV + 1) == 0 && zw_get32(rig_mem + AT_IOV + 1) == 8,
         "the count over the list, not aligned");
  EXPECT(CALL(path_open, BOX, 1, PATH("file"), 0, RIGHTS_ALL, RIGHTS_ALL, 0, AT_PATH) == 0,
         "a descriptor over the path");
  uint64_t fd = zw_get32(rig_mem + AT_PATH);
  EXPECT(rig_call(C_fd_close, &fd, 1) == 0, "that descriptor");
  EXPECT(CALL(path_filestat_get, BOX, 1, PATH("file"), AT_PATH - 3) == 0 &&
             zw_get64(rig_mem + AT_PATH - 3 + 32) == sizeof text - 1,
         "a filestat over the path");
  EXPECT(CALL(path_readlink, BOX, PATH("link"), AT_PATH, 4, AT_PATH + 2) == 0 &&
             memcmp(rig_mem + AT_PATH, "fi", 2) == 0 && zw_get32(rig_mem + AT_PATH + 2) == 4,
         "a link's text over its path, the count over both");
  EXPECT(CALL(path_rename, BOX, PATH("file"), BOX, AT_PATH, 4) == 0, "a name and itself");
  EXPECT(CALL(path_symlink, PATH("both"), BOX, AT_PATH, 4) == 0 && unlink("box/both") == 0, "a link to itself");
  calls += 9;
  for (uint32_t shift = 0; shift < 100; shift++) { // events over the subscriptions they answer
    enum { N = 3 };
    uint8_t *in = rig_mem + AT_BUF + 100;
    memset(rig_mem + AT_BUF, 0, 1000);
    for (uint32_t i = 0; i < N; i++)
      zw_put64(in + 48 * i, 1000 + i), in[48 * i + 8] = i == 1 ? 1 : 9, zw_put32(in + 48 * i + 16, FILE_FD);
    uint32_t out = AT_BUF + 50 + shift, e = CALL(poll_oneoff, AT_BUF + 100, out, N, AT_OUT);
    bool right = e == 0 && rig_out32() == N;
    for (uint32_t i = 0; right && i < N; i++)
      right = zw_get64(rig_mem + out + 32 * i) == 1000 + i &&
              zw_get16(rig_mem + out + 32 * i + 8) == (i == 1 ? 0 : E_inval);
    EXPECT(right, "poll_oneoff with events %u bytes from its subscriptions: %s, %u events", shift - 50,
           rig_errno_name(e), rig_out32());
    calls++;
  }
}

// ---- memory that another thread changes meanwhile ----

// A buffer's length and a path flip between what is right and what is not, as fast as a thread can.  What is read twice
// is checked once: a byte beyond memory is a crash, a file that is not "file" an escape.
static atomic_bool flipping;
static void flip(unsigned i)
{
  static const char paths[2][8] = { "file", "../x" };
  uint32_t four;
  memcpy(&four, paths[i & 1], 4);
  __atomic_store_n((uint32_t *)(void *)(rig_mem + AT_IOV + 4), i & 1 ? 0xfffffff0 : 8, __ATOMIC_RELAXED);
  __atomic_store_n((uint32_t *)(void *)(rig_mem + AT_IOV), i & 2 ? END - 4 : AT_BUF, __ATOMIC_RELAXED);
  __atomic_store_n((uint32_t *)(void *)(rig_mem + AT_PATH), four, __ATOMIC_RELAXED);
}
static void *flipper(void *arg)
{
  (void)arg;
  for (unsigned i = 0; flipping; i++)
    flip(i);
  return NULL;
}
static void flips(unsigned long count)
{
  pthread_t thread;
  struct stat st, opened;
  unsigned long ok = 0, refused = 0;
  fill_file();
  rig_write_file("x", "outside");
  EXPECT(stat("box/file", &st) == 0, "no file");
  rig_put(AT_PATH, "file", 4), rig_iov(AT_IOV, AT_BUF, 8);
  flipping = true;
  pthread_create(&thread, NULL, flipper, NULL);
  for (unsigned long i = 0; i < count; i++) {
    flip((unsigned)(i / 4)); // a call begins with either, whatever the thread gets to do
    uint32_t e = i % 4 == 0   ? CALL(fd_pread, FILE_FD, AT_IOV, 1, 0, AT_OUT)
                 : i % 4 == 1 ? CALL(fd_pwrite, FILE_FD, AT_IOV, 1, 0, AT_OUT)
                 : i % 4 == 2 ? CALL(path_open, BOX, 1, AT_PATH, 4, 0, RIGHT(R_FD_READ), 0, 0, AT_OUT)
                              : CALL(path_filestat_get, BOX, 1, AT_PATH, 4, AT_OUT);
    *(e ? &refused : &ok) += 1;
    if (!e && i % 4 == 2) {
      uint64_t fd = rig_out32();
      EXPECT(fstat(rig_w->fds[fd].host, &opened) == 0 && opened.st_ino == st.st_ino, "opened another file");
      rig_call(C_fd_close, &fd, 1);
    }
    if (!e && i % 4 == 3)
      EXPECT(zw_get64(rig_mem + AT_OUT + 8) == st.st_ino, "looked at another file");
    if (!e && i % 4 < 2)
      EXPECT(rig_out32() <= 8, "%u bytes moved", rig_out32());
  }
  flipping = false;
  pthread_join(thread, NULL);
  printf("pointers: %lu calls while memory flips, %lu done, %lu refused\n", count, ok, refused);
  EXPECT(ok > count / 50 && refused > count / 50, "nothing was raced for");
  calls += count;
}

// ---- a guest with all of 4 GiB ----

static long resident_kib(void)
{
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return u.ru_maxrss;
}
// count: what stands at 16 then; NO_COUNT = whatever.
enum { NO_COUNT = UINT32_MAX };
static void big(const char *what, uint32_t e, uint32_t want, uint32_t count, long *resident)
{
  long now = resident_kib();
  EXPECT(e == want && (count == NO_COUNT || zw_get32(rig_mem + 16) == count), "%s: %s, count %u", what,
         rig_errno_name(e), zw_get32(rig_mem + 16));
  EXPECT(now - *resident <= 1024, "%s took %ld KiB of the host's memory", what, now - *resident);
  *resident = now;
  calls++;
}
static void four_gib(void)
{
  const uint64_t all = (1ull << 32) - 65536;
  uint8_t *small = rig_mem,
          *p = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) {
    printf("pointers: 1 skipped: no address space for 4 GiB\n");
    return;
  }
  rig_use_memory(p, all);
  const uint32_t huge = 0xfffe0000;
  long r = resident_kib();
  rig_put(AT_PATH, "link", 4);
  big("a path of 4 GiB", CALL(path_open, BOX, 1, 4096, huge, 0, 0, 0, 0, 16), E_nametoolong, NO_COUNT, &r);
  big("a link's target of 4 GiB", CALL(path_symlink, 4096, huge, BOX, 16, 1), E_nametoolong, NO_COUNT, &r);
  big("room of 4 GiB for a link", CALL(path_readlink, BOX, AT_PATH, 4, 65536 * 2, huge - 65536, 16), 0, 4, &r);
  big("room of 4 GiB for entries", CALL(fd_readdir, BOX, 65536, huge, 0, 16), 0, NO_COUNT, &r);
  big("room of 4 GiB for a name", CALL(fd_prestat_dir_name, BOX, 65536, huge), 0, NO_COUNT, &r);
  big("2^24 subscriptions", CALL(poll_oneoff, 65536, 1u << 31, 1 << 24, 16), E_inval, NO_COUNT, &r);
  big("2^28 buffers", CALL(fd_read, FILE_FD, 1 << 30, 1 << 28, 16), 0, 0, &r);
  rig_iov(1024, 65536, huge), rig_iov(1032, 65536, huge);
  big("buffers of 8 GiB", CALL(fd_pread, FILE_FD, 1024, 2, 0, 16), 0, sizeof text - 1, &r);
  rig_use_memory(small, MEM_BYTES);
  munmap(p, all);
}

// ----

static void set_up(void)
{
  rig_make_memory();
  rig_new_top();
  mkdir("box", 0755);
  rig_write_file("box/file", text);
  int pair[2], listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
               host = open("box/file", O_RDWR | O_CLOEXEC);
  struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = "socket" };
  rig_w = zwasm_wasi_new();
  if (symlink("file", "box/link") != 0 ||
      socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0 ||
      bind(listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(listener, 5) != 0 ||
      write(pair[1], text, 8) != 8 || !zwasm_wasi_preopen(rig_w, "box", "/box", 1) ||
      zw_wasi_give_fd(rig_w, host, true) != 0 || zw_wasi_give_fd(rig_w, pair[0], true) != 0 ||
      zw_wasi_give_fd(rig_w, listener, true) != 0 || !zwasm_wasi_arg(rig_w, "ab") || !zwasm_wasi_arg(rig_w, "xyz") ||
      !zwasm_wasi_env(rig_w, "a", "b"))
    perror("set up"), exit(1);
  rig_put(AT_PATH, "file", 4), rig_put(AT_PATH2, "new", 3), rig_put(AT_LINK, "link", 4);
  rig_iov(AT_IOV, AT_BUF, 2), rig_iov(AT_IOV + 8, AT_BUF + 2, 3);
  memcpy(template, rig_mem, MEM_BYTES);
}

int main(void)
{
  set_up();
  int before = rig_open_fds();
  for (int i = 0; i < NROWS; i++)
    row(&rows[i]);
  EXPECT(open_slots() == 4 && rig_open_fds() == before, "%d descriptors before, %d after; %u of the guest", before,
         rig_open_fds(), open_slots());
  bad_descriptors();
  struct stat named, opened;
  EXPECT(stat("box/file", &named) == 0 && fstat(rig_w->fds[FILE_FD].host, &opened) == 0 &&
             named.st_ino == opened.st_ino,
         "the file has lost its name");
  fill_file();
  bad_buffers();
  overlaps();
  flips(100000);
  four_gib();
  printf("pointers: %d calls with pointers, %lu calls made, %lu faults, %lu done, %lu failures\n", (int)NROWS, calls,
         faults, done, rig_failures);
  zwasm_wasi_delete(rig_w);
  rig_remove_top();
  return rig_failures == 0 && calls > 100000 && faults > 50000 && done > 1000 ? 0 : 1;
}
