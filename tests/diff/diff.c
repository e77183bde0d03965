// Generated modules through our lanes: each lane writes the same lines per module (lanes.h), and they have to be equal.
//
//   difftest gen FIRST COUNT [FEATURES]     modules as { u32 length, bytes } on standard output, for v8.mjs
//   difftest run FIRST COUNT [FEATURES]     the interpreter's lines on standard output
//   difftest weights FIRST COUNT [FEATURES] how many use which feature; fails below the floors of gen_weights
//   difftest lanes FIRST COUNT [FEATURES]   all lanes compared; prints what differs and counts, fails when something does
//   difftest both FIRST COUNT [FEATURES]    the same with the interpreter and jit only
//   difftest script FIRST COUNT [FEATURES]  a .wast script with what the interpreter does as its claims, of the modules that
//                                           `lanes` compares
//   difftest reduce SEED FEATURES WHAT      the seed's module made small while WHAT holds, as such a script:
//                                           LANE = that lane and the interpreter differ; text:TEXT = the interpreter's
//                                           lines hold TEXT; command:CMD = CMD, which reads the module and writes lines
//                                           as v8.mjs does, and the interpreter differ
// FEATURES: a sum of GEN_*.  A module with something that machine code lacks is made again without it, and counted.
#define _GNU_SOURCE
#include "gen.h"
#include "lanes.h"
#include "reduce.h"
#include "runtime/base/str.h"
#include "runtime/gc/gc.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef unsigned long long U;

// ---- weights ----

typedef struct Weights { uint64_t n, with[GEN_FEATURES]; } Weights;
static void weigh(Weights *w, const GenModule *g)
{
  uint64_t used = module_features(g->bytes, g->len);
  w->n++;
  for (int i = 0; i < GEN_FEATURES; i++)
    w->with[i] += (used & gen_weights[i].features) != 0;
}
// False when a floor of an allowed feature is not reached; few modules say nothing about shares.
static bool print_weights(const char *what, const Weights *w, uint32_t allowed)
{
  bool ok = w->n > 0;
  printf("difftest: %s:", what);
  for (int i = 0; i < GEN_FEATURES; i++) {
    const GenWeight *g = &gen_weights[i];
    printf("%s %s %.1f%%", i ? "," : "", g->name, w->n ? (double)w->with[i] * 100.0 / (double)w->n : 0);
    if (!g->floor || !(allowed >> i & 1))
      continue;
    bool low = w->n >= 1000 && w->with[i] * 100 < w->n * g->floor;
    printf(" (floor %u%%%s)", g->floor, low ? ", NOT REACHED" : "");
    ok = ok && !low;
  }
  putchar('\n');
  return ok;
}

// ---- lanes ----

static bool lanes_agree(const GenModule *g, uint64_t seed, DiffLane lanes, bool print)
{
  char *interp = diff_lines(g->bytes, g->len, LANE_INTERP);
  bool equal = true;
  for (DiffLane lane = LANE_JIT; lane < lanes; lane++) {
    char *lines = diff_lines(g->bytes, g->len, lane);
    if (strcmp(lines, interp) != 0) {
      equal = false;
      if (print)
        printf("seed %llu\n-- interp\n%s-- %s\n%s", (U)seed, interp, diff_lane_names[lane], lines);
    }
    free(lines);
  }
  free(interp);
  return equal;
}

static int compare(uint64_t first, uint64_t count, uint32_t allowed, DiffLane lanes, Arena *a)
{
  uint64_t equal = 0, different = 0;
  Weights made = { 0 };
  for (uint64_t seed = first; seed < first + count; seed++) {
    GenModule g = gen_module(seed, allowed, 0, a);
    weigh(&made, &g);
    bool same = lanes_agree(&g, seed, lanes, different < 10);
    equal += same, different += !same;
    if (!same)
      printf("difftest: seed %llu of features %u differs\n", (U)seed, allowed);
    zw_arena_reset(a);
  }
  bool floors = print_weights("generated", &made, allowed);
  printf("difftest: %llu modules in %d lanes: %llu equal + %llu different\n", (U)count, (int)lanes, (U)equal, (U)different);
  return different || !equal || !floors;
}

// ---- reduction: each candidate in a process of its own, for it may hang or crash ----

static bool command_differs(const char *command, const uint8_t *bytes, size_t len, const char *interp)
{
  char file[] = "/tmp/difftest-XXXXXX", line[4300];
  int fd = mkstemp(file);
  uint32_t n = (uint32_t)len;
  bool ok = fd >= 0 && write(fd, &n, 4) == 4 && write(fd, bytes, len) == (ssize_t)len;
  zw_format(line, sizeof line, "<%s %s", file, command);
  FILE *p = ok ? popen(line, "r") : NULL;
  char *text = NULL;
  size_t room = 0;
  ssize_t got = p ? getdelim(&text, &room, 0, p) : -1;
  ok = p && pclose(p) == 0 && got >= 0;
  if (fd >= 0)
    close(fd), unlink(file);
  size_t k = strlen(interp); // which has one line end more
  ok = ok && !(k == (size_t)got + 1 && memcmp(text, interp, k - 1) == 0);
  free(text);
  return ok;
}

static bool holds(const uint8_t *bytes, size_t len, const char *what)
{
  char *interp = diff_lines(bytes, len, LANE_INTERP);
  if (strncmp(what, "text:", 5) == 0)
    return strstr(interp, what + 5) != NULL;
  if (strncmp(what, "command:", 8) == 0)
    return command_differs(what + 8, bytes, len, interp);
  for (DiffLane lane = LANE_JIT; lane < LANE_COUNT; lane++)
    if (strcmp(what, diff_lane_names[lane]) == 0) {
      const char *lines = diff_lines(bytes, len, lane);
      return strcmp(interp, lines) != 0;
    }
  return false;
}
static bool interesting(const uint8_t *bytes, size_t len, void *arg)
{
  const char *what = arg;
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    alarm(5);
    _exit(holds(bytes, len, what) ? 1 : 0); // what it allocated goes with it
  }
  int status = 0;
  waitpid(pid, &status, 0);
  // A crash is a difference of lanes; running out of time is none.
  if (WIFSIGNALED(status))
    return !strchr(what, ':') && WTERMSIG(status) != SIGALRM;
  return WEXITSTATUS(status) == 1;
}

static int reduce(uint64_t seed, uint32_t allowed, char *what, Arena *a)
{
  GenModule g = gen_module(seed, allowed, 0, a);
  if (!interesting(g.bytes, g.len, what)) {
    fprintf(stderr, "difftest: seed %llu is not like that: %s\n", (U)seed, what);
    return 1;
  }
  Reduced r = reduce_module(g.bytes, g.len, interesting, what, a);
  diff_script(stdout, r.bytes, r.len, false);
  fprintf(stderr, "difftest: seed %llu from %zu to %zu bytes in %u steps of %u tries\n", (U)seed, g.len, r.len, r.steps, r.tries);
  return 0;
}

// ---- the rest ----

static int each(const char *mode, uint64_t first, uint64_t count, uint32_t allowed, Arena *a)
{
  Weights w = { 0 };
  for (uint64_t seed = first; seed < first + count; seed++) {
    GenModule g = gen_module(seed, allowed, 0, a);
    uint32_t len = (uint32_t)g.len;
    if (strcmp(mode, "weights") == 0) {
      weigh(&w, &g);
    } else if (strcmp(mode, "gen") == 0) {
      fwrite(&len, 4, 1, stdout);
      fwrite(g.bytes, 1, g.len, stdout);
    } else if (strcmp(mode, "script") == 0) {
      diff_script(stdout, g.bytes, g.len, true);
    } else {
      char *text = diff_lines(g.bytes, g.len, LANE_INTERP);
      fputs(text, stdout);
      free(text);
    }
    zw_arena_reset(a);
  }
  return w.n && !print_weights("modules", &w, allowed);
}

int main(int argc, char **argv)
{
  static const char *const modes[] = { "gen", "run", "weights", "both", "lanes", "script", "reduce" };
  const char *mode = NULL;
  for (size_t i = 0; argc > 3 && i < ARRAY_COUNT(modes); i++)
    if (strcmp(argv[1], modes[i]) == 0)
      mode = modes[i];
  if (!mode || (strcmp(mode, "reduce") == 0 && argc != 5)) {
    fprintf(stderr, "usage: difftest gen|run|weights|both|lanes|script FIRST COUNT [FEATURES], difftest reduce SEED FEATURES WHAT\n");
    return 2;
  }
  uint64_t first = strtoull(argv[2], NULL, 0), count = strtoull(argv[3], NULL, 0);
  uint32_t allowed = argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 0) : UINT32_MAX;
  if (getenv("ZW_GC_ZEAL"))
    zw_gc_set_zeal_default(true);
  Arena a;
  zw_arena_init(&a, NULL, NULL);
  int code = strcmp(mode, "reduce") == 0 ? reduce(first, (uint32_t)count, argv[4], &a)
             : strcmp(mode, "both") == 0 ? compare(first, count, allowed, LANE_JIT + 1, &a)
             : strcmp(mode, "lanes") == 0 ? compare(first, count, allowed, LANE_COUNT, &a)
                                          : each(mode, first, count, allowed, &a);
  zw_arena_free(&a);
  return code;
}
