// Loads a library that has a module in it, calls it on two threads and lets go of it: afterwards the program's own fault
// reaches the program's own handler, and the other thread ends in peace.
#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_barrier_t called, closed;
static sigjmp_buf out;
static long long (*fac)(int);

static void on_segv(int sig)
{
  (void)sig;
  siglongjmp(out, 1);
}
static void *other_thread(void *arg)
{
  if (fac(10) != 3628800)
    exit(2);
  pthread_barrier_wait(&called);
  pthread_barrier_wait(&closed);
  return arg;
}

int main(int argc, char **argv)
{
  struct sigaction a;
  memset(&a, 0, sizeof a);
  a.sa_handler = on_segv;
  sigaction(SIGSEGV, &a, NULL);
  pthread_barrier_init(&called, NULL, 2);
  pthread_barrier_init(&closed, NULL, 2);
  for (int i = 1; i < argc; i++) {
    pthread_t t;
    void *lib = dlopen(argv[i], RTLD_NOW | RTLD_LOCAL);
    fac = lib ? (long long (*)(int))dlsym(lib, "lib_fac") : 0;
    if (!fac)
      return printf("dlopen: %s\n", dlerror()), 1;
    pthread_create(&t, NULL, other_thread, NULL);
    pthread_barrier_wait(&called);
    printf("%lld\n", fac(10));
    dlclose(lib);
    if (sigsetjmp(out, 1) == 0) {
      *(volatile char *)16 = 1;
      return puts("no fault"), 1;
    }
    pthread_barrier_wait(&closed);
    pthread_join(t, NULL);
  }
  return 0;
}
