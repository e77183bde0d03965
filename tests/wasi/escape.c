// Every path that might lead out, in every call that takes one.  Three oracles, none of them the resolver's own:
//   what a call opened or looked at has an identity (device, inode) that stands in the sandbox;
//   a tree outside, and the read-only sandbox, are the same afterwards, times included;
//   nothing that stands outside has got a name inside.
// One process plays it twice, on a kernel with openat2 and on one without, and compares the answers.
//   escape [STRIDE]       every STRIDE-th path      escape naive [STRIDE]   the wrong resolver, which must be caught
#include "naive.h"
#include "rig.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { BOX = 3, RO = 4 };
static const char *const roots[] = { [BOX] = "box", [RO] = "ro" };

// ---- the trees ----

static const char *const links[][2] = {
  // name, target; @ = this test's directory
  { "l_file", "file" }, { "l_dir", "dir" }, { "l_dot", "." }, { "l_up", ".." }, { "l_out", "../secret" },
  { "l_outdir", "../outside" }, { "l_abs", "/etc/passwd" }, { "l_absdir", "/etc" }, { "l_absin", "@/box/file" },
  { "l_absout", "@/outside" }, { "l_chain", "l_chain2" }, { "l_chain2", "l_chain3" }, { "l_chain3", "l_outdir" },
  { "l_loop", "l_loop2" }, { "l_loop2", "l_loop" }, { "l_round", "dir/../file" }, { "l_back", "../box/file" },
  { "l_dangle", "new" }, { "l_dangle_out", "../outside/new" }, { "l_dslash", "dir/" }, { "l_fslash", "file/" },
  { "l_ddot", "dir/." }, { "l_oslash", "../outside/" }, { "l_proc", "/proc/self/root" }, { "null", "/dev/null" },
  { "l_deepout", "dir/sub/../../../outside/secret" }, { "dir/l_upup", "../../outside" }, { "dir/l_in", "../file" },
  { "dir/sub/l_top", "../.." }, { "dir/sub/l_out", "../../../secret" },
};
enum { NLINKS = sizeof links / sizeof *links };
static char link_text[NLINKS][200];

static void below(char *out, size_t room, const char *root, const char *name)
{
  snprintf(out, room, "%s/%s", root, name);
}
static void plant(const char *root)
{
  char at[300];
  const char *const dirs[] = { "dir", "dir/sub", "empty" }, *const files[] = { "file", "dir/f", "dir/sub/g" };
  for (int i = 0; i < 3; i++)
    below(at, sizeof at, root, dirs[i]), mkdir(at, 0755);
  for (int i = 0; i < 3; i++)
    below(at, sizeof at, root, files[i]), rig_write_file(at, "inside");
  for (int i = 0; i < NLINKS; i++)
    if (below(at, sizeof at, root, links[i][0]), symlink(link_text[i], at) != 0)
      perror(at), exit(1);
  below(at, sizeof at, root, "pipe"), mkfifo(at, 0644);
}
static void plant_outside(void)
{
  mkdir("outside", 0755), mkdir("outside/sub", 0755), mkdir("outside/empty", 0755);
  rig_write_file("secret", "SECRET"), rig_write_file("outside/secret", "SECRET"),
      rig_write_file("outside/sub/deep", "SECRET");
  if (symlink("OUTSIDE-TEXT", "outside/link") != 0)
    perror("symlink"), exit(1);
}

// ---- paths ----

static const char *const templates[] = {
  "%s", "./%s", "dir/../%s", "dir/sub/../../%s", "l_dir/../%s", "l_dir/sub/%s", "l_dot/%s", "../%s", "dir/../../%s",
  "l_up/%s", "l_outdir/%s", "l_chain/%s", "%s/secret", "%s/../secret", "%s/sub/..", "/%s", "..//box//./%s",
  "%s/../../outside/new",
};
static const char *const names[] = {
  "", ".", "..", "...", "file", "dir", "empty", "new", "secret", "outside/secret", "outside", "box/file",
  "etc/passwd", "pipe", "null", "dir/sub", "dir/l_upup", "dir/l_upup/secret", "dir/l_in", "dir/sub/l_top",
  "dir/sub/l_out", "l_file", "l_dir", "l_dot", "l_up", "l_out", "l_outdir", "l_outdir/secret", "l_abs", "l_absdir",
  "l_absin", "l_absout", "l_chain", "l_loop", "l_round", "l_back", "l_dangle", "l_dangle_out", "l_dslash", "l_fslash",
  "l_ddot", "l_oslash", "l_proc", "l_deepout",
};
static const char *const trailing[] = { "", "/", "//", "/.", "/.." };
enum {
  NTEMPLATES = sizeof templates / sizeof *templates,
  NNAMES = sizeof names / sizeof *names,
  NTRAILING = 5,
  NRANDOM = 2000
};
enum { NPATHS = NTEMPLATES * NNAMES * NTRAILING + NRANDOM };

static void make_path(int i, char *out, size_t room)
{
  if (i < NTEMPLATES * NNAMES * NTRAILING) {
    size_t n = (size_t)snprintf(out, room, templates[i / NTRAILING / NNAMES], names[i / NTRAILING % NNAMES]); // NOLINT
    snprintf(out + n, room - n, "%s", trailing[i % NTRAILING]);
    return;
  }
  rig_seed = 0x9e3779b97f4a7c15u * (uint64_t)(i + 1); // one to seven names behind each other
  out[0] = 0;
  for (uint64_t k = rig_random() % 7 + 1; k > 0; k--) {
    const char *name = names[rig_random() % NNAMES];
    size_t n = strlen(out);
    snprintf(out + n, room - n, "%s%s", name, k == 1 && rig_random() % 2 ? "" : rig_random() % 8 ? "/" : "//");
  }
}

// ---- attempts ----

typedef struct Attempt { uint32_t dir; const char *path; bool follow; } Attempt;
enum { NO_FD = UINT32_MAX };
static uint32_t opened; // by the attempt; NO_FD = nothing

static uint32_t try_open(const Attempt *a, uint32_t oflags, uint64_t rights)
{
  uint32_t e = CALL(path_open, a->dir, a->follow, PATH(a->path), oflags, rights, RIGHTS_ALL, 0, AT_OUT);
  opened = e ? NO_FD : rig_out32();
  return e;
}
static uint32_t open_read(const Attempt *a) { return try_open(a, 0, RIGHT(R_FD_READ) | RIGHT(R_FD_READDIR)); }
static uint32_t open_all(const Attempt *a) { return try_open(a, 0, RIGHTS_ALL); }
static uint32_t open_create(const Attempt *a) { return try_open(a, O_CREAT_W, RIGHT(R_FD_READ) | RIGHT(R_FD_WRITE)); }
static uint32_t open_excl(const Attempt *a) { return try_open(a, O_CREAT_W | O_EXCL_W, RIGHT(R_FD_WRITE)); }
static uint32_t open_trunc(const Attempt *a) { return try_open(a, O_TRUNC_W, RIGHT(R_FD_READ)); }
static uint32_t open_create_trunc(const Attempt *a) { return try_open(a, O_CREAT_W | O_TRUNC_W, RIGHT(R_FD_WRITE)); }
static uint32_t open_directory(const Attempt *a) { return try_open(a, O_DIRECTORY_W, RIGHTS_ALL); }
static uint32_t stat_it(const Attempt *a) { return CALL(path_filestat_get, a->dir, a->follow, PATH(a->path), AT_OUT); }
static uint32_t set_times(const Attempt *a)
{
  return CALL(path_filestat_set_times, a->dir, a->follow, PATH(a->path), 7000000000u, 8000000000u, 5);
}
static uint32_t make_dir(const Attempt *a) { return CALL(path_create_directory, a->dir, PATH(a->path)); }
static uint32_t remove_dir(const Attempt *a) { return CALL(path_remove_directory, a->dir, PATH(a->path)); }
static uint32_t unlink_it(const Attempt *a) { return CALL(path_unlink_file, a->dir, PATH(a->path)); }
static uint32_t read_link(const Attempt *a) { return CALL(path_readlink, a->dir, PATH(a->path), AT_BUF, 4096, AT_OUT); }
static uint32_t link_here(const Attempt *a) { return CALL(path_symlink, PATH2("file"), a->dir, PATH(a->path)); }
static uint32_t link_there(const Attempt *a) // a link to the path, and then through it
{
  uint32_t e = CALL(path_symlink, PATH2(a->path), a->dir, PATH("planted"));
  Attempt through = { a->dir, "planted", true };
  return e ? e : a->follow ? open_create(&through) : (through.path = "planted/secret", open_all(&through));
}
static uint32_t hard_from(const Attempt *a)
{
  return CALL(path_link, a->dir, a->follow, PATH(a->path), a->dir, PATH2("planted"));
}
static uint32_t hard_to(const Attempt *a) { return CALL(path_link, a->dir, 0, PATH2("file"), a->dir, PATH(a->path)); }
static uint32_t hard_launder(const Attempt *a)
{
  return CALL(path_link, a->dir, 0, PATH(a->path), BOX, PATH2("planted"));
}
static uint32_t rename_from(const Attempt *a)
{
  return CALL(path_rename, a->dir, PATH(a->path), a->dir, PATH2("planted"));
}
static uint32_t rename_to(const Attempt *a) { return CALL(path_rename, a->dir, PATH2("file"), a->dir, PATH(a->path)); }
static uint32_t rename_launder(const Attempt *a)
{
  return CALL(path_rename, a->dir, PATH(a->path), BOX, PATH2("planted"));
}

enum { FOLLOWS = 1, CHANGES = 2 };
typedef struct Op { const char *name; uint32_t (*fn)(const Attempt *a); int kind; } Op;
static const Op ops[] = {
  { "open read", open_read, FOLLOWS },
  { "open all rights", open_all, FOLLOWS },
  { "open creat", open_create, FOLLOWS | CHANGES },
  { "open creat excl", open_excl, FOLLOWS | CHANGES },
  { "open trunc", open_trunc, FOLLOWS | CHANGES },
  { "open creat trunc", open_create_trunc, FOLLOWS | CHANGES },
  { "open directory", open_directory, FOLLOWS },
  { "filestat_get", stat_it, FOLLOWS },
  { "set_times", set_times, FOLLOWS | CHANGES },
  { "create_directory", make_dir, CHANGES },
  { "remove_directory", remove_dir, CHANGES },
  { "unlink_file", unlink_it, CHANGES },
  { "readlink", read_link, 0 },
  { "symlink here", link_here, CHANGES },
  { "symlink there", link_there, FOLLOWS | CHANGES },
  { "link from", hard_from, FOLLOWS | CHANGES },
  { "link to", hard_to, CHANGES },
  { "link into the other", hard_launder, CHANGES },
  { "rename from", rename_from, CHANGES },
  { "rename to", rename_to, CHANGES },
  { "rename into the other", rename_launder, CHANGES },
};
enum { NOPS = sizeof ops / sizeof *ops };

// ---- oracles ----

static IdSet inside, outside_ids;
static Snapshot canary, read_only;
static unsigned long attempts, succeeded, escapes;

static void escaped(const Op *op, const Attempt *a, const char *how)
{
  if (escapes++ < 10)
    printf("escape: %s(%s, \"%s\"%s): %s\n", op->name, roots[a->dir], a->path, a->follow ? ", follow" : "", how);
}
static void take_ids(void)
{
  inside.n = 0;
  rig_ids(&inside, "box");
  rig_ids(&inside, "ro");
}
static bool is_inside(uint64_t dev, uint64_t ino)
{
  if (rig_has_id(&inside, dev, ino))
    return true;
  take_ids(); // it may be new
  return rig_has_id(&inside, dev, ino);
}
static void look_outside(Snapshot *s)
{
  s->n = 0;
  rig_snapshot(s, "outside", true);
  rig_snapshot(s, "secret", true);
}
static void check_opened(const Op *op, const Attempt *a)
{
  struct stat st;
  uint64_t zero[2] = { opened };
  if (opened == NO_FD)
    return;
  if (fstat(rig_w->fds[opened].host, &st) != 0 || !is_inside(rig_dev(st.st_dev), st.st_ino))
    escaped(op, a, "opened what is not in the sandbox");
  EXPECT(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode), "%s(%s, \"%s\") opened a thing of mode %o", op->name,
         roots[a->dir], a->path, st.st_mode);
  EXPECT(rig_call(C_fd_close, zero, 1) == 0, "close after %s", op->name);
  opened = NO_FD;
}
static void check_answer(const Op *op, const Attempt *a)
{
  if (op->fn == stat_it && !is_inside(zw_get64(rig_mem + AT_OUT), zw_get64(rig_mem + AT_OUT + 8)))
    escaped(op, a, "looked at what is not in the sandbox");
  if (op->fn == read_link) {
    bool known = false;
    for (int i = 0; i < NLINKS && !known; i++)
      known = strlen(link_text[i]) == rig_out32() && memcmp(link_text[i], rig_mem + AT_BUF, rig_out32()) == 0;
    if (!known)
      escaped(op, a, "read a link that is not in the sandbox");
  }
  if (op->kind & CHANGES && a->dir == RO)
    escaped(op, a, "changed what is read-only");
}
static void clear_box(void)
{
  for (int i = 0; i < NLINKS; i++) { // the box itself stays: it is open
    char at[300];
    below(at, sizeof at, "box", links[i][0]), unlink(at);
  }
  const char *const rest[] = { "dir",    "empty",   "file", "pipe", "new", "planted",
                               "secret", "outside", "etc",  "box",  "..." };
  for (size_t i = 0; i < sizeof rest / sizeof *rest; i++) {
    char at[300];
    below(at, sizeof at, "box", rest[i]), rig_remove(at);
  }
}
static void check_names(const Op *op, const Attempt *a) // what has a name inside now did not stand outside
{
  take_ids();
  for (size_t i = 0; i < outside_ids.n; i++)
    if (rig_has_id(&inside, outside_ids.p[i].dev, outside_ids.p[i].ino))
      escaped(op, a, "something from outside has a name inside");
}
static void restore_outside(void)
{
  rig_remove("outside"), rig_remove("secret");
  plant_outside();
  outside_ids.n = 0;
  rig_ids(&outside_ids, "outside"), rig_ids(&outside_ids, "secret");
  look_outside(&canary);
}

static uint32_t attempt(const Op *op, const Attempt *a)
{
  static Snapshot now;
  opened = NO_FD;
  uint32_t e = op->fn(a);
  attempts++;
  succeeded += e == 0;
  if (e == 0)
    check_answer(op, a);
  check_opened(op, a);
  look_outside(&now);
  if (!rig_same(&now, &canary)) {
    escaped(op, a, "changed the tree outside");
    restore_outside();
  }
  if (op->kind & CHANGES && (e == 0 || op->fn == link_there)) { // that one may fail after the link is made
    check_names(op, a);
    clear_box();
    plant("box");
    take_ids();
  }
  return e;
}

// ---- what reaches the kernel: one bare name, or a path that openat2 is to keep beneath ----

static unsigned long names_seen;

// ".": the directory itself, which only has that name; looked at or opened, never changed by it.
static bool is_bare(const char *s, bool changes)
{
  return s[0] && !strchr(s, '/') && strcmp(s, "..") != 0 && (strcmp(s, ".") != 0 || !changes);
}
static bool is_plain(const char *s)
{
  for (const char *end; *s; s = *end ? end + 1 : end) {
    end = s + strcspn(s, "/");
    if (end == s || (*end && !end[1]) || (end - s == 1 && s[0] == '.') || (end - s == 2 && s[0] == '.' && s[1] == '.'))
      return false;
  }
  return true;
}
static void see(const char *s, bool ok)
{
  names_seen++;
  EXPECT(ok, "\"%s\" reached the kernel", s);
}
static long names_of_calls(long n, long a[6], bool *answered)
{
  const char *first = (const char *)a[1], *second = (const char *)a[n == __NR_symlinkat ? 2 : 3];
  (void)answered;
  if (n == __NR_openat2)
    see(first, is_plain(first));
  else if (n == __NR_symlinkat)
    see(second, is_bare(second, true));
  else if (n == SYS_openat || n == SYS_statx || n == __NR_readlinkat || n == __NR_utimensat)
    first && first[0] ? see(first, is_bare(first, n == __NR_readlinkat)) : (void)0; // none: a descriptor itself
  else if (n == __NR_mkdirat || n == __NR_unlinkat)
    see(first, is_bare(first, true));
  else if (n == __NR_linkat || n == __NR_renameat || n == __NR_renameat2)
    see(first, is_bare(first, true)), see(second, is_bare(second, true));
  return 0;
}
static long names_without_openat2(long n, long a[6], bool *answered)
{
  long r = rig_no_openat2(n, a, answered);
  return *answered ? r : names_of_calls(n, a, answered);
}

// ---- the play ----

typedef struct Result { unsigned long attempts, succeeded, escapes, failures, names; } Result;
typedef struct Shared { Result result[2]; } Shared; // and the answers of both behind it

static void check_read_only(void)
{
  static Snapshot now;
  now.n = 0;
  rig_snapshot(&now, "ro", true);
  EXPECT(rig_same(&now, &read_only), "the read-only tree changed");
}

static void set_up(void)
{
  rig_make_memory();
  for (int i = 0; i < NLINKS; i++)
    snprintf(link_text[i], sizeof link_text[i], "%s%s", links[i][1][0] == '@' ? rig_top : "",
             links[i][1] + (links[i][1][0] == '@'));
  mkdir("box", 0755), mkdir("ro", 0755);
  plant("box"), plant("ro");
  rig_snapshot(&read_only, "ro", true);
  restore_outside();
  take_ids();
  rig_w = zwasm_wasi_new();
  if (!zwasm_wasi_preopen(rig_w, "box", "/box", 1) || !zwasm_wasi_preopen(rig_w, "ro", "/ro", 0))
    exit(1);
}

static Result play(int stride, uint8_t *answers)
{
  char path[4096];
  size_t n = 0;
  set_up();
  int fds = rig_open_fds();
  for (uint32_t dir = BOX; dir <= RO; dir++)
    for (int i = 0; i < NPATHS; i += stride) {
      alarm(600); // a FIFO that hangs is a failure too; a path takes milliseconds
      make_path(i, path, sizeof path);
      for (int k = 0; k < NOPS; k++)
        for (int follow = 0; follow <= (ops[k].kind & FOLLOWS); follow++)
          answers[n++] = (uint8_t)attempt(&ops[k], &(Attempt){ dir, path, follow });
      if (i % 64 == 0)
        check_read_only();
    }
  check_read_only();
  EXPECT(rig_open_fds() == fds, "%d descriptors before, %d after", fds, rig_open_fds());
  zwasm_wasi_delete(rig_w);
  return (Result){ attempts, succeeded, escapes, rig_failures, names_seen };
}

static size_t count_answers(int stride)
{
  size_t per_path = 0, paths = 0;
  for (int k = 0; k < NOPS; k++)
    per_path += 1 + (ops[k].kind & FOLLOWS);
  for (int i = 0; i < NPATHS; i += stride)
    paths++;
  return 2 * paths * per_path;
}

// Where the two ways answer differently, by kind.  A kernel's openat2 and our walk may name an error differently; what
// one allows the other must.
static unsigned long compare(int stride, const uint8_t *a, const uint8_t *b)
{
  unsigned long errors = 0, verdicts = 0;
  char path[4096];
  size_t n = 0;
  for (uint32_t dir = BOX; dir <= RO; dir++)
    for (int i = 0; i < NPATHS; i += stride)
      for (int k = 0; k < NOPS; k++)
        for (int follow = 0; follow <= (ops[k].kind & FOLLOWS); follow++, n++) {
          if (a[n] == b[n])
            continue;
          bool verdict = !a[n] != !b[n];
          if (++*(verdict ? &verdicts : &errors) <= (verdict ? 10 : 6)) {
            make_path(i, path, sizeof path);
            printf("%s: %s(%s, \"%s\"%s): %s with openat2, %s without\n",
                   verdict ? "FAIL different verdicts" : "different errors", ops[k].name, roots[dir], path,
                   follow ? ", follow" : "", rig_errno_name(a[n]), rig_errno_name(b[n]));
          }
        }
  printf("escape: answers compared %zu, different errors %lu, different verdicts %lu\n", n, errors, verdicts);
  return verdicts;
}

typedef struct Play { Shared *shared; uint8_t *answers; int which, stride; } Play;
static int play_one(void *arg)
{
  Play *p = arg;
  rig_sys = p->which ? names_without_openat2 : names_of_calls;
  p->shared->result[p->which] = play(p->stride, p->answers);
  return 0;
}

int main(int argc, char **argv)
{
  bool control = argc > 1 && strcmp(argv[1], "naive") == 0;
  int stride = argc > 1 + control ? atoi(argv[1 + control]) : 1;
  naive = control ? NAIVE_LEXICAL : NAIVE_OFF;
  size_t n = count_answers(stride);
  Shared *s = mmap(NULL, sizeof *s + 2 * n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  uint8_t *answers[2] = { (uint8_t *)(s + 1), (uint8_t *)(s + 1) + n };
  static const char *const how[] = { "openat2", "no openat2" };
  bool good = true;
  for (int k = 0; k < (control ? 1 : 2); k++) {
    int ended = rig_fenced(play_one, &(Play){ s, answers[k], k, stride });
    if (ended == RIG_SKIPPED)
      return ended;
    good = ended == 0 && good;
    const Result *r = &s->result[k];
    printf("escape: %s, %s: %lu attempts, %lu succeeded, %lu escapes, %lu names reached the kernel, %lu failures\n",
           control ? "naive resolver" : "runtime", how[k], r->attempts, r->succeeded, r->escapes, r->names, r->failures);
    good = good && r->attempts >= (control ? 5000 : 20000) && r->succeeded > r->attempts / 50 && r->names >= r->attempts / 2 &&
           (control ? r->escapes > 100 : r->escapes == 0 && r->failures == 0);
  }
  if (!control)
    good = compare(stride, answers[0], answers[1]) == 0 && good;
  return good ? 0 : 1;
}
