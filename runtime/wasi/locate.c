// What is done to names: each call resolves to an open parent and one bare name, and the kernel is given just these.
#include "runtime/wasi/wasi_int.h"

// A directory descriptor with these rights and a path below it, resolved; ends with zw_wasi_resolved_end.
uint32_t zw_wasi_locate(Wasi *w, GuestMem m, uint32_t fd, uint64_t rights, Value at, Value len, int which, bool follow, Resolved *r)
{
  WasiFd *d;
  PathArg *path;
  uint32_t e = zw_wasi_fd(w, fd, rights, &d);
  if (e || (e = zw_wasi_path(w, m, at.u32, len.u32, which, &path)))
    return e;
  return d->type == OS_DIR ? zw_wasi_resolve(w, d->host, path, follow, r) : (uint32_t)E_notdir;
}

// Stat the last component; "name/" must be a directory.
uint32_t zw_wasi_look(const Resolved *r, OsStat *st)
{
  uint32_t e = zw_wasi_errno(zw_os_stat_at(r->dir, r->name, st));
  return !e && r->must_be_dir && st->type != OS_DIR ? (uint32_t)E_notdir : e;
}

uint32_t zw_wasi_stat_path(Wasi *w, GuestMem m, const Value *a, OsStat *st)
{
  Resolved r;
  uint32_t e = zw_wasi_locate(w, m, a[0].u32, RIGHT(R_PATH_FILESTAT_GET), a[2], a[3], 0, a[1].u32 & LOOKUP_FOLLOW, &r);
  if (e)
    return e;
  e = zw_wasi_look(&r, st);
  zw_wasi_resolved_end(&r);
  return e;
}

// Two names at once.  A file must not gain through its new name what its old place did not allow.
uint32_t zw_wasi_rights_fit(Wasi *w, uint32_t from, uint32_t to)
{
  const uint64_t matter = RIGHTS_WRITE | RIGHT(R_FD_READ) | RIGHT(R_FD_READDIR);
  return w->fds[to].inheriting & ~w->fds[from].inheriting & matter ? (uint32_t)E_notcapable : (uint32_t)E_success;
}
