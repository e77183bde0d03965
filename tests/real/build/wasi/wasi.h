// Included before every file that is compiled for wasm: what programs ask of a C library and wasi-libc does not have.
// Owners, modes and locks of files: done, without effect.  Processes and temporary files: cannot.
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#ifndef F_WRLCK
#define F_RDLCK 0
#define F_WRLCK 1
#define F_UNLCK 2
#define F_GETLK 5
#define F_SETLK 6
#define F_SETLKW 7
#endif
#ifndef SIG_BLOCK
#define SIG_BLOCK 0
#define SIG_UNBLOCK 1
#define SIG_SETMASK 2
#endif

static int wasi_fcntl(int fd, int what, ...)
{
  va_list rest;
  va_start(rest, what);
  if (what == F_GETLK)
    va_arg(rest, struct flock *)->l_type = F_UNLCK;
  int answer = what == F_GETFL || what == F_SETFL ? fcntl(fd, what, va_arg(rest, int)) : 0;
  va_end(rest);
  return answer;
}
#define fcntl wasi_fcntl

typedef unsigned long wasi_sigset;
#define sigset_t wasi_sigset
#define sigemptyset(set) ((void)(set), 0)
#define sigfillset(set) ((void)(set), 0)
#define sigaddset(set, sig) ((void)(set), 0)
#define sigprocmask(how, set, old) ((void)(set), 0)
struct sigaction {
  void (*sa_handler)(int);
  wasi_sigset sa_mask;
  int sa_flags;
};
static inline int wasi_sigaction(int sig, const struct sigaction *new, struct sigaction *old)
{
  if (old)
    *old = (struct sigaction){ 0 };
  return 0;
}
#define sigaction(sig, new, old) wasi_sigaction(sig, new, old)

static inline int chmod(const char *path, mode_t mode) { return 0; }
static inline int fchmod(int fd, mode_t mode) { return 0; }
static inline int chown(const char *path, uid_t uid, gid_t gid) { return 0; }
static inline int fchown(int fd, uid_t uid, gid_t gid) { return 0; }
static inline int lchown(const char *path, uid_t uid, gid_t gid) { return 0; }
static inline mode_t umask(mode_t mask) { return 022; }
static inline uid_t getuid(void) { return 1; }
static inline uid_t geteuid(void) { return 1; }
static inline gid_t getgid(void) { return 1; }
static inline gid_t getegid(void) { return 1; }
static inline pid_t getppid(void) { return 1; }
static inline FILE *popen(const char *command, const char *mode) { return errno = ENOSYS, NULL; }
static inline int pclose(FILE *f) { return -1; }
static inline int dup(int fd) { return errno = ENOSYS, -1; }
static inline int dup2(int fd, int to) { return errno = ENOSYS, -1; }
#ifndef pipe
static inline int pipe(int fds[2]) { return errno = ENOSYS, -1; }
#endif
static inline int mkstemp(char *template) { return errno = ENOSYS, -1; }
static inline int alarm(unsigned seconds) { return 0; }

struct rlimit {
  unsigned long rlim_cur, rlim_max;
};
#define RLIMIT_STACK 3
static inline int getrlimit(int what, struct rlimit *limit) { return -1; }
static inline int setrlimit(int what, const struct rlimit *limit) { return -1; }

// Declared by wasi-libc, but not there.
#define system(command) ((command) ? -1 : 0)
#define tmpfile() (errno = ENOSYS, (FILE *)NULL)
#define tmpnam(s) ((char *)NULL)
#ifndef L_tmpnam
#define L_tmpnam 20
#endif
