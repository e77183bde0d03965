// Open and create files and directories below a directory descriptor.
#include "runtime/wasi/wasi_int.h"

enum { OFLAG_CREAT = 1, OFLAG_DIRECTORY = 2, OFLAG_EXCL = 4, OFLAG_TRUNC = 8 };

// What the directory must allow for these flags.
static uint64_t needed(uint32_t oflags, uint32_t fdflags)
{
  uint64_t r = RIGHT(R_PATH_OPEN);
  if (oflags & OFLAG_CREAT)
    r |= RIGHT(R_PATH_CREATE_FILE);
  if (oflags & OFLAG_TRUNC)
    r |= RIGHT(R_PATH_FILESTAT_SET_SIZE);
  (void)fdflags; // the sync flags only make writes slower; what can write is decided by the rights asked for
  return r;
}

static int os_flags(uint32_t oflags, uint32_t fdflags, uint64_t rights)
{
  const uint64_t writes = RIGHT(R_FD_WRITE) | RIGHT(R_FD_DATASYNC) | RIGHT(R_FD_ALLOCATE) | RIGHT(R_FD_FILESTAT_SET_SIZE);
  const uint64_t reads = RIGHT(R_FD_READ) | RIGHT(R_FD_READDIR);
  bool write = (rights & writes) != 0 && !(oflags & OFLAG_DIRECTORY);
  int f = write ? OS_WRITE | (rights & reads ? OS_READ : 0) : OS_READ;
  f |= (oflags & OFLAG_CREAT ? OS_CREATE : 0) | (oflags & OFLAG_EXCL ? OS_EXCL : 0) | (oflags & OFLAG_TRUNC ? OS_TRUNC : 0) |
       (oflags & OFLAG_DIRECTORY ? OS_DIRECTORY : 0);
  f |= (fdflags & FDFLAG_APPEND ? OS_APPEND : 0) | (fdflags & FDFLAG_NONBLOCK ? OS_NONBLOCK : 0);
  f |= (fdflags & FDFLAG_DSYNC ? OS_DSYNC : 0) | (fdflags & (FDFLAG_SYNC | FDFLAG_RSYNC) ? OS_SYNC : 0);
  return f;
}

// Put what was opened into the table.  Only files and directories: a FIFO or device is not what a name should lead to.
static uint32_t take(Wasi *w, int host, uint64_t rights, uint64_t inheriting, uint32_t fdflags, uint32_t fd)
{
  OsStat st;
  uint32_t e = zw_wasi_errno(zw_os_stat(host, &st));
  if (!e && st.type != OS_FILE && st.type != OS_DIR)
    e = E_acces;
  if (e) {
    zw_os_close(host);
    return e;
  }
  WasiFd f = zw_wasi_fd_of(host, &st);
  f.own = true;
  f.rights &= rights;
  f.inheriting &= inheriting;
  f.flags = (uint16_t)fdflags;
  w->fds[fd] = f;
  return E_success;
}

WASI(path_open) // dir, lookup, path, bytes, oflags, rights, inheriting, fdflags, result
{
  WasiFd *d;
  PathArg *path;
  uint32_t oflags = a[4].u32, fdflags = a[7].u32, fd;
  uint32_t e = zw_wasi_fd(w, a[0].u32, needed(oflags, fdflags), &d);
  if (e || (e = zw_wasi_path(w, m, a[2].u32, a[3].u32, 0, &path)))
    return e;
  if (oflags > 15 || fdflags > 31 || (oflags & OFLAG_CREAT && oflags & OFLAG_DIRECTORY))
    return E_inval;
  if (d->type != OS_DIR)
    return E_notdir;
  if (!guest_at(m, a[8].u32, 4))
    return E_fault;
  // Rights only shrink on the way down; asking to write where nothing may be written is refused, not forgotten.
  uint64_t rights = a[5].u64 & d->inheriting, wanted = a[5].u64 & (RIGHT(R_FD_WRITE) | RIGHT(R_FD_ALLOCATE) | RIGHT(R_FD_FILESTAT_SET_SIZE));
  if (!(oflags & OFLAG_DIRECTORY) && wanted & ~d->inheriting && !(a[5].u64 & ~RIGHTS_ALL) && a[5].u64 != RIGHTS_ALL)
    return E_notcapable;
  if ((fd = zw_wasi_slot(w)) == UINT32_MAX) // before anything is made or emptied
    return E_mfile;
  d = &w->fds[a[0].u32]; // the table may have moved
  bool follow = a[1].u32 & LOOKUP_FOLLOW;
  int flags = os_flags(oflags, fdflags, rights), host = zw_wasi_open_below(w, d->host, path, follow, flags);
  if (host == -E_isdir && flags & OS_WRITE && !(oflags & (OFLAG_CREAT | OFLAG_TRUNC))) // asked for more than a directory gives
    host = zw_wasi_open_below(w, d->host, path, follow, (flags & ~OS_WRITE) | OS_READ | OS_DIRECTORY);
  if (host < 0)
    return (uint32_t)-host;
  if ((e = take(w, host, rights, a[6].u64 & d->inheriting, fdflags, fd)))
    return e;
  (void)put_u32(m, a[8].u32, fd);
  return E_success;
}
