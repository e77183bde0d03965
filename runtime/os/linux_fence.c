// Landlock: the kernel refuses what the rules do not name.  Only what one can rely on is asked for: from version 2 on,
// where files may still be renamed and linked between directories; later versions add truncation, TCP, device controls,
// abstract sockets and signals to what is fenced.
#include "runtime/base/asan.h"
#include "runtime/os/file.h"
#include "runtime/os/linux.h"

enum { NR_CREATE = 444, NR_ADD_RULE = 445, NR_RESTRICT = 446, PR_SET_NO_NEW_PRIVS_ = 38 };
enum { CREATE_VERSION = 1, RULE_PATH_BENEATH = 1, FIRST_VERSION = 2 };
enum { // LANDLOCK_ACCESS_FS_*
  FS_EXECUTE = 1 << 0, FS_WRITE_FILE = 1 << 1, FS_READ_FILE = 1 << 2, FS_READ_DIR = 1 << 3, FS_REMOVE_DIR = 1 << 4,
  FS_REMOVE_FILE = 1 << 5, FS_MAKE_CHAR = 1 << 6, FS_MAKE_DIR = 1 << 7, FS_MAKE_REG = 1 << 8, FS_MAKE_SOCK = 1 << 9,
  FS_MAKE_FIFO = 1 << 10, FS_MAKE_BLOCK = 1 << 11, FS_MAKE_SYM = 1 << 12, FS_REFER = 1 << 13, FS_TRUNCATE = 1 << 14,
  FS_VERSION_2 = (1 << 14) - 1, NET_BIND_AND_CONNECT = 3, SCOPE_SOCKETS_AND_SIGNALS = 3,
};
typedef struct Ruleset { uint64_t fs, net, scoped; } Ruleset;
typedef struct __attribute__((packed)) PathBeneath { uint64_t access; int32_t fd; } PathBeneath;
STATIC_ASSERT(sizeof(PathBeneath) == 12, "struct landlock_path_beneath_attr");

static int add(int rules, const OsFence *f, uint64_t handled)
{
  const uint64_t writes = FS_WRITE_FILE | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG | FS_MAKE_SYM | FS_REFER | FS_TRUNCATE;
  PathBeneath p = { (FS_READ_FILE | FS_READ_DIR | (f->write ? writes : 0)) & handled, f->dir };
  return (int)zw_sys4(NR_ADD_RULE, rules, RULE_PATH_BENEATH, (long)&p, 0);
}

int zw_os_fence(const OsFence *allowed, uint32_t n)
{
  long version = zw_sys3(NR_CREATE, 0, 0, CREATE_VERSION);
  if (version < FIRST_VERSION)
    return version < 0 ? (int)version : -OS_EOPNOTSUPP;
  Ruleset r = { .fs = FS_VERSION_2 | (version >= 3 ? FS_TRUNCATE : 0), .net = version >= 4 ? NET_BIND_AND_CONNECT : 0,
                .scoped = version >= 6 ? SCOPE_SOCKETS_AND_SIGNALS : 0 };
  size_t bytes = version >= 6 ? 24 : version >= 4 ? 16 : 8;
  long rules = zw_sys3(NR_CREATE, (long)&r, (long)bytes, 0);
  if (rules < 0)
    return (int)rules;
  long e = 0;
  for (uint32_t i = 0; i < n && e == 0; i++)
    e = add((int)rules, &allowed[i], r.fs);
  int proc = ZW_READS_PROC && e == 0 ? zw_os_open_dir_path("/proc", OS_PATH | OS_DIRECTORY) : -1; // sanitized builds only
  if (proc >= 0) {
    e = add((int)rules, &(OsFence){ proc, false }, r.fs);
    zw_os_close(proc);
  }
  if (e == 0)
    e = zw_sys6(__NR_prctl, PR_SET_NO_NEW_PRIVS_, 1, 0, 0, 0, 0);
  if (e == 0)
    e = zw_sys2(NR_RESTRICT, rules, 0);
  zw_os_close((int)rules);
  return e < 0 ? (int)e : (int)version;
}
