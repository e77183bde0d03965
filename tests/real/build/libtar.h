// What libtar asks of a system beyond wasi/wasi.h; its <grp.h> too.
#pragma once
#include <pwd.h>
struct group {
  char *gr_name;
  gid_t gr_gid;
};
static inline struct group *getgrgid(gid_t gid) { return 0; }
static inline struct group *getgrnam(const char *name) { return 0; }
static inline int mkfifo(const char *path, mode_t mode) { return errno = ENOSYS, -1; }
static inline int mknod(const char *path, mode_t mode, dev_t dev) { return errno = ENOSYS, -1; }
#define major(dev) 0
#define minor(dev) 0
#define makedev(major, minor) 0
