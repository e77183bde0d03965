// Names change under the resolver's feet: a directory is exchanged with a link that leads out, a file with such a link,
// and a directory moves up and back, while the guest does one thing through them again and again.  A thread does it as
// fast as it can, which reaches into the middle of a system call; and now and then it is done between two system calls
// of the runtime, which finds every gap between a check and its use on a machine with one core too.
//   races OP COUNT [naive]    naive: check, then use; it must be seen to escape.  OP: all, or one
//   races whole               1,000,000 for calls that open, each way; 100,000 for each of the others
// Nothing may be opened, looked at, read or changed outside; the answers may be anything.
#define _GNU_SOURCE 1
#include "naive.h"
#include "rig.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// What the swapper changes: box/d is a directory or a link to ../outside, box/d2 the other;
// box/f is a file or a link to ../outside/secret, box/f2 the other; box/deep/a/b moves to box/b and back, so that ".."
// from below it leads somewhere else.
static atomic_bool stop;
static _Atomic unsigned long swaps;

static void exchange(const char *a, const char *b)
{
  enum { EXCHANGE = 2 };
  if (syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, EXCHANGE) == 0)
    swaps++;
}
static void swap_one(unsigned which)
{
  if (which == 0)
    exchange("box/d", "box/d2");
  else if (which == 1)
    exchange("box/f", "box/f2");
  else if (rename("box/deep/a/b", "box/b") != 0)
    rename("box/b", "box/deep/a/b");
}
static void *swapper(void *arg)
{
  (void)arg;
  for (unsigned i = 0; !stop; i++)
    swap_one(i % 3);
  return NULL;
}
static long swap_between(long n, long a[6], bool *answered)
{
  (void)n, (void)a, (void)answered;
  if (rig_random() % 8 == 0)
    swap_one(rig_random() % 3);
  return 0;
}

enum { BOX = 3 };
static IdSet inside, outside;
static Snapshot canary;
static unsigned long escapes, done[2]; // answers: error, success

static void check_fd(uint32_t fd)
{
  struct stat st;
  uint64_t a = fd;
  if (fstat(rig_w->fds[fd].host, &st) != 0 || !rig_has_id(&inside, rig_dev(st.st_dev), st.st_ino))
    escapes++;
  rig_call(C_fd_close, &a, 1);
}

// ---- the calls; each looks at its own success, the tree outside is looked at now and then ----

static uint32_t do_open(uint64_t i)
{
  static const char *const paths[] = {
    "d/x", "f", "d/../d/x", "d/sub/y", "deep/a/b/../../f", "./d/sub/../x", "deep/a/b/../../../f2"
  };
  static const uint32_t oflags[] = { 0, 0, O_TRUNC_W };
  uint32_t e =
      CALL(path_open, BOX, i % 3 != 0, PATH(paths[i % 7]), oflags[i / 7 % 3], RIGHTS_ALL, RIGHTS_ALL, 0, AT_OUT);
  if (!e)
    check_fd(rig_out32());
  return e;
}
static uint32_t do_create(uint64_t i)
{
  uint32_t e = CALL(path_open, BOX, 1, PATH(i % 2 ? "d/made" : "f"), O_CREAT_W | (i % 4 < 2 ? O_TRUNC_W : 0),
                    RIGHTS_ALL, RIGHTS_ALL, 0, AT_OUT);
  if (e)
    return e;
  uint64_t fd = rig_out32(), n;
  struct stat st;
  if (fstat(rig_w->fds[fd].host, &st) != 0 || rig_has_id(&outside, rig_dev(st.st_dev), st.st_ino))
    escapes++;
  rig_iov(AT_IOV, AT_BUF, 1),
      n = CALL(fd_write, fd, AT_IOV, 1, AT_OUT); // a new file outside shows in its directory's times
  rig_call(C_fd_close, &fd, 1);
  CALL(path_unlink_file, BOX, PATH("d/made"));
  return (uint32_t)n;
}
static uint32_t do_stat(uint64_t i)
{
  static const char *const paths[] = { "d/x", "f", "d", "d/sub/y", "deep/a/b/../../f" };
  uint32_t e = CALL(path_filestat_get, BOX, 1, PATH(paths[i % 5]), AT_OUT);
  if (!e && !rig_has_id(&inside, zw_get64(rig_mem + AT_OUT), zw_get64(rig_mem + AT_OUT + 8)))
    escapes++;
  return e;
}
static uint32_t do_times(uint64_t i)
{
  return CALL(path_filestat_set_times, BOX, 1, PATH(i % 2 ? "d/x" : "f"), 1000000000ull * i, 5, 5);
}
static uint32_t do_readlink(uint64_t i)
{
  uint32_t e = CALL(path_readlink, BOX, PATH(i % 2 ? "d/l" : "d/sub/l"), AT_BUF, 100, AT_OUT);
  if (!e && memcmp(rig_mem + AT_BUF, "OUT", 3) == 0)
    escapes++;
  return e;
}
static uint32_t do_rename(uint64_t i)
{
  uint32_t e = i % 2 ? CALL(path_rename, BOX, PATH("d/x"), BOX, PATH2("d/x2"))
                     : CALL(path_rename, BOX, PATH("mine"), BOX, PATH2("d/mine"));
  if (i % 2)
    CALL(path_rename, BOX, PATH("d/x2"), BOX, PATH2("d/x"));
  else if (!e && CALL(path_rename, BOX, PATH("d/mine"), BOX, PATH2("mine")))
    for (int k = 0; k < 10000 && CALL(path_rename, BOX, PATH("d/mine"), BOX, PATH2("mine")); k++) {
    }
  return e;
}
static uint32_t do_link(uint64_t i)
{
  uint32_t e = i % 2 ? CALL(path_link, BOX, 0, PATH("d/x"), BOX, PATH2("linked"))
                     : CALL(path_link, BOX, 0, PATH("mine"), BOX, PATH2("d/linked"));
  struct stat st;
  if (!e && i % 2 && (lstat("box/linked", &st) != 0 || !rig_has_id(&inside, rig_dev(st.st_dev), st.st_ino)))
    escapes++;
  CALL(path_unlink_file, BOX, PATH("linked"));
  CALL(path_unlink_file, BOX, PATH("d/linked"));
  return e;
}
static uint32_t do_unlink(uint64_t i)
{
  uint32_t e = CALL(path_unlink_file, BOX, PATH("d/victim")); // there is one outside too
  if (!e || i % 64 == 0) {
    int fd = open("box/d/victim", O_CREAT | O_WRONLY | O_NOFOLLOW | O_CLOEXEC,
                  0644); // perhaps into the outside: it is there already
    if (fd >= 0)
      close(fd);
  }
  return e;
}
static uint32_t do_mkdir(uint64_t i)
{
  (void)i;
  uint32_t e = CALL(path_create_directory, BOX, PATH("d/newdir"));
  CALL(path_remove_directory, BOX, PATH("d/newdir"));
  return e;
}
static uint32_t do_symlink(uint64_t i)
{
  (void)i;
  uint32_t e = CALL(path_symlink, PATH2("x"), BOX, PATH("d/newlink"));
  CALL(path_unlink_file, BOX, PATH("d/newlink"));
  return e;
}

static const struct { const char *name; uint32_t (*fn)(uint64_t i);
} ops[] = {
  { "open", do_open },         { "create", do_create },   { "stat", do_stat }, { "times", do_times },
  { "readlink", do_readlink }, { "rename", do_rename },   { "link", do_link }, { "unlink", do_unlink },
  { "mkdir", do_mkdir },       { "symlink", do_symlink },
};
enum { NOPS = sizeof ops / sizeof *ops };

static void plant_outside(void)
{
  const char *const files[] = { "outside/x", "outside/sub/y", "outside/secret", "outside/victim" };
  mkdir("outside", 0755), mkdir("outside/sub", 0755);
  for (int i = 0; i < 4; i++)
    rig_write_file(files[i], "content");
  if (symlink("OUT", "outside/l") != 0 || symlink("OUT", "outside/sub/l") != 0)
    exit(1);
}
static void set_up(void)
{
  rig_make_memory();
  const char *const dirs[] = { "box", "box/d", "box/d/sub", "box/deep", "box/deep/a", "box/deep/a/b" };
  const char *const files[] = {
    "box/d/x", "box/d/sub/y", "box/f", "box/mine", "box/d/victim", "box/deep/f", "f", "f2"
  };
  for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
    mkdir(dirs[i], 0755);
  for (size_t i = 0; i < sizeof files / sizeof *files; i++)
    rig_write_file(files[i], "content");
  if (symlink("../outside", "box/d2") != 0 || symlink("../outside/secret", "box/f2") != 0 ||
      symlink("in", "box/d/l") != 0 || symlink("in", "box/d/sub/l") != 0)
    exit(1);
  rig_ids(&inside, "box");
  rig_w = zwasm_wasi_new();
  if (!zwasm_wasi_preopen(rig_w, "box", "/box", 1))
    exit(1);
}
static void look_outside(Snapshot *s)
{
  s->n = 0;
  const char *const all[] = { "outside", "f", "f2" };
  for (int i = 0; i < 3; i++)
    rig_snapshot(s, all[i], true);
}

// The naive resolver leaves things behind out there.
static void new_outside(void)
{
  rig_remove("outside");
  plant_outside();
  outside.n = 0;
  rig_ids(&outside, "outside");
  canary.n = 0;
  look_outside(&canary);
}

// At least a hundredth of the attempts must have been answered either way, or nothing was raced for.
static bool race(int op, unsigned long count, const char *how)
{
  const uint64_t look_every = naive == NAIVE_OFF ? 512 : 32;
  Snapshot now = { 0 };
  pthread_t thread;
  new_outside();
  escapes = done[0] = done[1] = 0;
  stop = false;
  swaps = 0;
  pthread_create(&thread, NULL, swapper, NULL);
  while (swaps < 10) {
  }
  rig_sys = swap_between;
  for (uint64_t i = 0; i < count; i++) {
    done[ops[op].fn(i) == 0]++;
    if (i % look_every == 0 || i + 1 == count) {
      now.n = 0;
      look_outside(&now);
      if (!rig_same(&now, &canary)) {
        escapes++;
        new_outside();
      }
    }
  }
  rig_sys = NULL;
  stop = true;
  pthread_join(thread, NULL);
  printf("races: %s, %s: %lu attempts (%lu done, %lu refused), %lu swaps, %lu escapes\n", ops[op].name, how, count,
         done[1], done[0], (unsigned long)swaps, escapes);
  fflush(stdout);
  free(now.text);
  return done[0] >= count / 100 && done[1] >= count / 100 && swaps >= count / 100;
}

typedef struct Plan { const char *op; unsigned long opening, others; bool control; } Plan;
static int run(void *arg)
{
  const Plan *p = arg;
  unsigned long total = 0;
  bool good = true;
  set_up();
  int fds = rig_open_fds();
  for (int op = 0; op < NOPS; op++) {
    if (strcmp(p->op, "all") != 0 && strcmp(p->op, ops[op].name) != 0)
      continue;
    bool opens = ops[op].fn == do_open || ops[op].fn == do_create; // the calls that openat2 serves
    unsigned long count = opens ? p->opening : p->others;
    naive = p->control ? NAIVE_CHECK_THEN_USE : NAIVE_OFF;
    for (int way = 0; way < (p->control ? 1 : 2); way++) {
      zw_wasi_walk_always = way == 1;
      if (way == 1 && !opens)
        continue;
      good = race(op, count,
                  p->control ? "naive resolver"
                  : way      ? "walk"
                             : "runtime") &&
             (p->control ? escapes > 0 : escapes == 0) && good;
      total += count;
    }
  }
  EXPECT(rig_open_fds() == fds, "%d descriptors before, %d after", fds, rig_open_fds());
  good = good && rig_failures == 0 && total > 0;
  printf("races: %lu attempts in all: %s\n", total, good ? "as it should be" : "WRONG");
  zwasm_wasi_delete(rig_w);
  return good ? 0 : 1;
}

int main(int argc, char **argv)
{
  if (argc == 2 && strcmp(argv[1], "whole") == 0)
    return rig_fenced(run, &(Plan){ "all", 1000000, 100000, false });
  if (argc < 3)
    return 2;
  unsigned long count = strtoul(argv[2], NULL, 10);
  return rig_fenced(run, &(Plan){ argv[1], count, count, argc > 3 && strcmp(argv[3], "naive") == 0 });
}
