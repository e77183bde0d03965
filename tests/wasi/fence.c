// Fences a test of escapes in, before it tries anything: what escapes must be seen, and must not touch the machine.
// The naive resolver does escape, and one day ours might; a test is run by root in a container, by a user at home.
#define _GNU_SOURCE 1
#include "rig.h"
#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// The kernel's interface of Landlock, version 3 (truncation); linux/landlock.h is not everywhere.
enum { CREATE_RULESET = 444, ADD_RULE = 445, RESTRICT_SELF = 446, VERSION = 1, PATH_BENEATH = 1, ABI_WANTED = 3 };
enum { WRITE_FILE = 1 << 1, FIRST_CHANGE = 4, LAST_CHANGE = 14 }; // removing, making, moving, truncating: bits 4 to 14
struct Ruleset { uint64_t handled; };
struct PathRule { uint64_t allowed; int32_t parent; } __attribute__((packed));

static bool landlock(void)
{
  uint64_t writes = WRITE_FILE;
  for (int bit = FIRST_CHANGE; bit <= LAST_CHANGE; bit++)
    writes |= 1ull << bit;
  if (syscall(CREATE_RULESET, NULL, 0, VERSION) < ABI_WANTED)
    return false;
  struct Ruleset set = { writes };
  struct PathRule rule = { writes, open(rig_top, O_PATH | O_DIRECTORY | O_CLOEXEC) };
  int fd = (int)syscall(CREATE_RULESET, &set, sizeof set, 0);
  bool ok = fd >= 0 && rule.parent >= 0 && syscall(ADD_RULE, fd, PATH_BENEATH, &rule, 0) == 0 &&
            prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && syscall(RESTRICT_SELF, fd, 0) == 0;
  close(fd), close(rule.parent);
  return ok;
}

// Times and modes are not Landlock's; another user's file keeps them.
static bool no_longer_root(void)
{
  const uid_t nobody = 65534;
  if (geteuid() != 0)
    return true;
  return chown(rig_top, nobody, nobody) == 0 && setgroups(0, NULL) == 0 && setresgid(nobody, nobody, nobody) == 0 &&
         setresuid(nobody, nobody, nobody) == 0 && geteuid() != 0 &&
         prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0; // or /proc/self stays root's
}

// It must hold: whoever calls this goes on to try.
static bool holds(void)
{
  int fd = open("/tmp", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600),
      above = open("..", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
  if (fd >= 0)
    close(fd);
  if (above >= 0)
    close(above);
  return fd < 0 && above < 0 && access("/etc", W_OK) != 0;
}

int rig_fenced(int (*fn)(void *arg), void *arg)
{
  int status = 1;
  rig_new_top();
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    bool fenced = landlock() && no_longer_root() && holds();
    if (!fenced)
      printf("1 test skipped: no Landlock here, and without a fence nothing is tried\n");
    int r = fenced ? fn(arg) : (int)RIG_SKIPPED;
    fflush(stdout);
    _exit(r);
  }
  if (child < 0 || waitpid(child, &status, 0) != child)
    status = 1;
  rig_remove_top();
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
