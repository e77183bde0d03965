// What the runtime must not do to the program it lives in: living.c WHAT plays one scene, run.py knows how it must end.
// tests/host/README.md has the list of the promises.
#define _GNU_SOURCE
#include "living.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXPECT(c) ((c) ? (void)0 : (printf("%s:%d: not so: %s (%s)\n", __FILE__, __LINE__, #c, zwasm_last_error()), exit(1)))

static int starts;
static int (*scene_in_callback)(living *);

void living_env_started(living *l) { (void)l, starts++; }
int32_t living_env_callback(living *l, int32_t n) { return scene_in_callback ? scene_in_callback(l) : n; }

static living *fresh(zwasm_wasi_t *wasi)
{
  zwasm_options_t o = ZWASM_OPTIONS_INIT;
  o.wasi = wasi;
  living *l = living_new(&o);
  if (l == NULL) {
    printf("living_new: %s; %d started\n", zwasm_last_error(), starts);
    exit(3);
  }
  return l;
}

static unsigned long long caught(void) // SigCgt of /proc/self/status
{
  char line[200];
  unsigned long long set = 0;
  FILE *f = fopen("/proc/self/status", "r");
  EXPECT(f != NULL);
  while (fgets(line, sizeof line, f))
    if (strncmp(line, "SigCgt:", 7) == 0)
      set = strtoull(line + 7, NULL, 16);
  fclose(f);
  return set;
}

static void all_traps(living *l)
{
  int32_t r;
  EXPECT(living_load_try(l, 65536, &r) == ZWASM_OUT_OF_BOUNDS);
  EXPECT(living_load_try(l, -1, &r) == ZWASM_OUT_OF_BOUNDS);
  EXPECT(living_div_try(l, 1, &r) == ZWASM_DIVIDE_BY_ZERO);
  EXPECT(living_forever_try(l, &r) == ZWASM_STACK_OVERFLOW);
}

// ---- which handlers there are ----

static void handlers(int wanted) // wanted: SIGSEGV's, by code that relies on faults
{
  unsigned long long before = caught(), segv = 1ull << (SIGSEGV - 1);
  EXPECT(!(before & segv));
  living *l = fresh(NULL);
  all_traps(l);
  EXPECT(caught() == (wanted ? before | segv : before));
  if (wanted) {
    struct sigaction a;
    sigaction(SIGSEGV, NULL, &a);
    EXPECT((a.sa_flags & (SA_ONSTACK | SA_SIGINFO | SA_NODEFER)) == (SA_ONSTACK | SA_SIGINFO | SA_NODEFER));
    stack_t s;
    sigaltstack(NULL, &s);
    EXPECT(s.ss_flags & SS_DISABLE); // and no stack of ours
  }
  living_delete(l);
}

// The host's handler comes after ours, and asks.
static volatile sig_atomic_t asked;
static void on_segv(int sig, siginfo_t *info, void *context)
{
  asked++;
  if (!zwasm_handle_fault(sig, info, context))
    _exit(9);
}
static void own_handler(void)
{
  living *l = fresh(NULL);
  int32_t r;
  struct sigaction a;
  memset(&a, 0, sizeof a);
  a.sa_sigaction = on_segv, a.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigaction(SIGSEGV, &a, NULL);
  for (int i = 1; i <= 100; i++)
    EXPECT(living_load_try(l, 65536 * i, &r) == ZWASM_OUT_OF_BOUNDS && asked == i);
  *(volatile char *)16 = 1; // nobody's: the handler ends the program
}

static void own_fault(void) // without any handler of the host's
{
  all_traps(fresh(NULL));
  *(volatile char *)16 = 1;
}
static int fault_in_callback(living *l)
{
  (void)l;
  return *(volatile char *)16;
}

static void uncaught(void) { living_div(fresh(NULL), 7); }

// ---- what belongs to the host ----

static void keeps_errno(void)
{
  zwasm_wasi_t *w = zwasm_wasi_new();
  EXPECT(zwasm_wasi_stdio_fd(w, 1, 1) && zwasm_wasi_preopen(w, "/nonexistent-folder", "/", 0) == 0);
  errno = 123;
  living *l = fresh(w);
  all_traps(l);
  EXPECT(living_write(l, 99) != 0 && living_write(l, 1) == 0);
  EXPECT(zwasm_memory_grow(living_memory(l), 1) == 1);
  EXPECT(zwasm_memory_grow(living_memory(l), 1 << 20) == UINT64_MAX);
  living_delete(l);
  zwasm_wasi_delete(w);
  EXPECT(errno == 123);
}

static void broken_pipe(void) // SIGPIPE has its default action, which would end the program
{
  int p[2];
  sigset_t pending, mask;
  EXPECT(pipe(p) == 0);
  close(p[0]);
  zwasm_wasi_t *w = zwasm_wasi_new();
  EXPECT(zwasm_wasi_stdio_fd(w, 1, p[1]));
  living *l = fresh(w);
  for (int i = 0; i < 10; i++)
    EXPECT(living_write(l, 1) == 64 /* pipe */);
  sigpending(&pending);
  sigprocmask(SIG_BLOCK, NULL, &mask);
  EXPECT(!sigismember(&pending, SIGPIPE) && !sigismember(&mask, SIGPIPE));
  living_delete(l);
}

static int fork_here(living *l)
{
  int status;
  pid_t child = fork();
  EXPECT(child >= 0);
  if (child == 0) { // no lock is held, so everything works
    living *other = fresh(NULL);
    all_traps(other);
    all_traps(l);
    living_delete(other);
    return 40;
  }
  EXPECT(waitpid(child, &status, 0) == child && status == 0);
  return 50;
}
static void forks(void)
{
  living *l = fresh(NULL);
  scene_in_callback = fork_here;
  int32_t r = living_back(l, 1);
  EXPECT(r == 41 || r == 51);
  all_traps(l);
  scene_in_callback = NULL;
  living_delete(l);
}

int main(int argc, char **argv)
{
  const char *what = argc > 1 ? argv[1] : "";
  if (strcmp(what, "handler") == 0)
    handlers(1);
  else if (strcmp(what, "no-handler") == 0)
    handlers(0);
  else if (strcmp(what, "own-handler") == 0)
    own_handler();
  else if (strcmp(what, "own-fault") == 0)
    own_fault();
  else if (strcmp(what, "fault-in-callback") == 0)
    scene_in_callback = fault_in_callback, living_back(fresh(NULL), 1);
  else if (strcmp(what, "uncaught") == 0)
    uncaught();
  else if (strcmp(what, "errno") == 0)
    keeps_errno();
  else if (strcmp(what, "pipe") == 0)
    broken_pipe();
  else if (strcmp(what, "fork") == 0)
    forks();
  else
    all_traps(fresh(NULL));
  EXPECT(starts > 0);
  puts("well");
  return 0;
}
