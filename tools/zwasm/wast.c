// zwasm wast, a program of its own (beside.c): the official suite and our own scripts, in every lane.
// Finds files, runs each, adds up.  Per folder and in total it prints `NAME LANE: D directives = P pass + F fail + S skip`;
// D is counted by looking at the script's parentheses alone, so a directive that gets lost breaks the identity.
#include "tools/zwasm/wast.h"
#include "runtime/base/bits.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct Folder { const char *name; uint64_t features_off; WastTotals totals; } Folder;
typedef struct Runner {
  Arena a;
  const Lane *lane;
  const char *suite;         // its path, or NULL
  uint64_t features;
  bool features_given, verbose, quiet;
  const char *save;
  VEC(const char *) files;
  VEC(Folder) folders;
} Runner;

static int usage(const char *why)
{
  if (why)
    fprintf(stderr, "zwasm wast: error: %s\n", why);
  fprintf(stderr, "usage: zwasm wast [--lane=LANE] [--suite=DIR] [--wasm=FEATURES] [--save=DIR] [-v] [-q] [DIR-or-FILE..]\n"
                  "lanes:");
  for (const Lane *l = zw_wast_lanes; l->name; l++)
    fprintf(stderr, " %s", l->name);
  fprintf(stderr, "; interp when none is named\nwithout a DIR: the official suite, from --suite, $ZW_TESTSUITE or shared/testsuite beside a parent folder\n");
  return why ? 2 : 0;
}

// ---- files ----
static const char *join(Runner *r, const char *a, const char *b)
{
  size_t n = strlen(a) + strlen(b) + 2;
  char *s = zw_arena_alloc(&r->a, n, 1);
  zw_format(s, n, "%s%s%s", a, a[0] && a[strlen(a) - 1] == '/' ? "" : "/", b);
  return s;
}

static bool is_dir(const char *path)
{
  struct stat st;
  return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int by_name(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

// All .wast files below dir, sorted within each folder; depth is bounded, a suite is shallow.
static bool add_folder(Runner *r, const char *dir, int depth)
{
  DIR *d = opendir(dir);
  if (!d)
    return false;
  VEC(const char *) names = { 0 };
  for (struct dirent *e; (e = readdir(d));)
    if (e->d_name[0] != '.')
      *zw_push(&r->a, &names) = zw_arena_str(&r->a, e->d_name, strlen(e->d_name));
  closedir(d);
  if (names.n)
    qsort(names.p, names.n, sizeof *names.p, by_name);
  for (uint32_t i = 0; i < names.n; i++) {
    const char *path = join(r, dir, names.p[i]);
    size_t n = strlen(path);
    if (is_dir(path) && depth < 8)
      add_folder(r, path, depth + 1);
    else if (n > 5 && strcmp(path + n - 5, ".wast") == 0)
      *zw_push(&r->a, &r->files) = path;
  }
  return true;
}

// The official suite: shared/testsuite in this folder or one above it.
static const char *find_suite(Runner *r)
{
  const char *env = getenv("ZW_TESTSUITE");
  if (r->suite)
    return is_dir(r->suite) ? r->suite : NULL;
  if (env && *env)
    return is_dir(env) ? env : NULL;
  const char *up = ".";
  for (int i = 0; i < 12; i++) {
    const char *at = join(r, up, "shared/testsuite");
    if (is_dir(at))
      return at;
    up = join(r, up, "..");
  }
  return NULL;
}

static bool read_file(const char *path, Arena *a, Str *out)
{
  FILE *in = fopen(path, "rb");
  struct stat st;
  if (!in || fstat(fileno(in), &st) != 0 || st.st_size < 0) {
    if (in)
      fclose(in);
    return false;
  }
  char *p = zw_arena_alloc(a, (size_t)st.st_size + 1, 1);
  *out = (Str){ p, fread(p, 1, (size_t)st.st_size, in) };
  bool ok = !ferror(in);
  fclose(in);
  return ok;
}

// ---- folders ----
// Where a file's results are added: the suite's folders by their names in it, else the file's own folder.
static const char *folder_name(Runner *r, const char *path)
{
  static const char *const known[] = { "proposals/threads", "proposals/wide-arithmetic", "proposals/custom-page-sizes",
                                       "core", "legacy", "custom" };
  const char *in = strstr(path, "testsuite/");
  for (size_t i = 0; in && i < ARRAY_COUNT(known); i++) {
    size_t n = strlen(known[i]);
    if (strncmp(in + 10, known[i], n) == 0 && in[10 + n] == '/')
      return known[i];
  }
  const char *slash = strrchr(path, '/');
  return slash ? zw_arena_str(&r->a, path, (size_t)(slash - path)) : ".";
}

static Folder *folder_of(Runner *r, const char *path)
{
  const char *name = folder_name(r, path);
  for (uint32_t i = 0; i < r->folders.n; i++)
    if (strcmp(r->folders.p[i].name, name) == 0)
      return &r->folders.p[i];
  Folder f = { .name = name };
  // Written before there were several memories or tables: eight of its assertions say that a second one is an error.
  if (strcmp(name, "proposals/threads") == 0)
    f.features_off = 1ull << FEAT_MULTI_MEMORY | 1ull << FEAT_REF_TYPES;
  *zw_push(&r->a, &r->folders) = f;
  return &r->folders.p[r->folders.n - 1];
}

static void add(WastTotals *to, const WastTotals *t)
{
  to->files += t->files, to->directives += t->directives, to->pass += t->pass, to->fail += t->fail, to->skip += t->skip;
  to->assertions += t->assertions;
}

static bool identity_holds(const WastTotals *t) { return t->directives == t->pass + t->fail + t->skip; }

static void print_totals(const Runner *r, const char *name, const WastTotals *t)
{
  typedef unsigned long long U;
  printf("%s %s: %llu directives = %llu pass + %llu fail + %llu skip%s\n", name, r->lane->name, (U)t->directives, (U)t->pass, (U)t->fail, (U)t->skip,
         identity_holds(t) ? "" : "   THE SUM DOES NOT HOLD");
}

// ---- saving modules: seeds for the fuzz targets, input for other tools ----
static bool make_folders(Runner *r)
{
  const char *sub[] = { r->save, join(r, r->save, "binary"), join(r, r->save, "text") };
  for (size_t i = 0; i < ARRAY_COUNT(sub); i++)
    if (mkdir(sub[i], 0777) != 0 && !is_dir(sub[i])) {
      fprintf(stderr, "zwasm wast: error: cannot make the folder %s\n", sub[i]);
      return false;
    }
  return true;
}

void zw_wast_save(WastFile *f, bool text, const void *p, size_t n)
{
  char path[4096], flat[512];
  zw_format(flat, sizeof flat, "%s", f->shown);
  for (char *c = flat; *c; c++)
    if (*c == '/')
      *c = '_';
  zw_format(path, sizeof path, "%s/%s/%s.%u.%s", f->save, text ? "text" : "binary", flat, f->saved++, text ? "wat" : "wasm");
  FILE *out = fopen(path, "wb");
  bool ok = out && fwrite(p, 1, n, out) == n;
  if ((out && fclose(out) != 0) || !ok)
    printf("%s: cannot be written\n", path), f->totals.fail++;
}

// ---- running ----
static void run_one(Runner *r, const char *path)
{
  Folder *folder = folder_of(r, path);
  const char *in = strstr(path, "testsuite/");
  WastFile f = { .path = path, .shown = in ? in + 10 : path, .lane = r->lane, .quiet = r->quiet, .save = r->save,
                 .features = r->features_given ? r->features : r->features & ~folder->features_off };
  zw_ctx_init(&f.ctx);
  ArenaMark mark = zw_arena_mark(&r->a);
  if (read_file(path, &r->a, &f.src.text)) {
    zw_wast_run_file(&f);
  } else {
    printf("%s: cannot be read\n", path);
    f.totals = (WastTotals){ .files = 1, .directives = 1, .fail = 1 };
  }
  if (r->verbose)
    print_totals(r, f.shown, &f.totals);
  add(&folder->totals, &f.totals);
  zw_arena_release(&r->a, mark);
  zw_ctx_free(&f.ctx);
}

static int run_all(Runner *r)
{
  for (uint32_t i = 0; i < r->files.n; i++)
    run_one(r, r->files.p[i]);
  WastTotals total = { 0 };
  for (uint32_t i = 0; i < r->folders.n; i++) {
    const Folder *f = &r->folders.p[i];
    printf("%s: %llu files, %llu assertions%s\n", f->name, (unsigned long long)f->totals.files, (unsigned long long)f->totals.assertions,
           f->features_off && !r->features_given ? ", multi-memory and reference-types off" : "");
    print_totals(r, f->name, &f->totals);
    add(&total, &f->totals);
  }
  print_totals(r, "total", &total);
  return total.fail || total.skip || !identity_holds(&total) || total.files == 0;
}

static const char *value_of(const char *arg, const char *flag)
{
  size_t n = strlen(flag);
  return strncmp(arg, flag, n) == 0 && arg[n] == '=' ? arg + n + 1 : NULL;
}

static int read_flag(Runner *r, const char *arg)
{
  const char *v;
  char err[200];
  if ((v = value_of(arg, "--lane"))) {
    r->lane = zw_wast_lane(v);
    return r->lane ? 0 : usage("no such lane");
  }
  if ((v = value_of(arg, "--suite"))) {
    r->suite = v;
    return 0;
  }
  if ((v = value_of(arg, "--save"))) {
    r->save = v;
    return 0;
  }
  if ((v = value_of(arg, "--wasm"))) {
    r->features_given = true;
    return zw_features_parse(v, &r->features, err, sizeof err) ? 0 : usage(err);
  }
  if (strcmp(arg, "-v") == 0 || strcmp(arg, "-q") == 0) {
    r->verbose |= arg[1] == 'v', r->quiet |= arg[1] == 'q';
    return 0;
  }
  return usage("unknown option");
}

int main(int argc, char **argv)
{
  Runner r = { .lane = zw_wast_lane("interp"), .features = zw_features_default() };
  zw_arena_init(&r.a, NULL, NULL);
  int operands = 0;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--help") == 0)
      return usage(NULL);
    if (argv[i][0] == '-') {
      int rc = read_flag(&r, argv[i]);
      if (rc)
        return rc;
      continue;
    }
    operands++;
    if (!is_dir(argv[i]))
      *zw_push(&r.a, &r.files) = argv[i];
    else
      add_folder(&r, argv[i], 0);
  }
  if (operands == 0) {
    const char *suite = find_suite(&r);
    if (!suite) {
      fprintf(stderr, "zwasm wast: error: the test suite is not there: looked for %s\n",
              r.suite ? r.suite : "$ZW_TESTSUITE and shared/testsuite here and above");
      return 1;
    }
    add_folder(&r, suite, 0);
  }
  if (r.files.n == 0) {
    fprintf(stderr, "zwasm wast: error: no .wast file found\n");
    return 1;
  }
  if (r.save && !make_folders(&r))
    return 1;
  return run_all(&r);
}
