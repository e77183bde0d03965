// What is done to names: each call resolves to an open parent and one bare name, and the kernel is given just these.
#include "runtime/wasi/wasi_int.h"

enum { LOOKUP_FOLLOW = 1 };

// A directory descriptor with these rights and a path below it, resolved; ends with zw_wasi_resolved_end.
static uint32_t locate(Wasi *w, GuestMem m, uint32_t fd, uint64_t rights, Value at, Value len, int which, bool follow, Resolved *r)
{
  WasiFd *d;
  PathArg *path;
  uint32_t e = zw_wasi_fd(w, fd, rights, &d);
  if (e || (e = zw_wasi_path(w, m, at.u32, len.u32, which, &path)))
    return e;
  return d->type == OS_DIR ? zw_wasi_resolve(w, d->host, path, follow, r) : (uint32_t)E_notdir;
}
static bool is_dot(const Resolved *r) { return r->name[0] == '.' && r->name[1] == 0; }

// Stat the last component; "name/" must be a directory.
static uint32_t look(const Resolved *r, OsStat *st)
{
  uint32_t e = zw_wasi_errno(zw_os_stat_at(r->dir, r->name, st));
  return !e && r->must_be_dir && st->type != OS_DIR ? (uint32_t)E_notdir : e;
}

WASI(path_filestat_get) // dir, lookup, path, bytes, result
{
  Resolved r;
  OsStat st;
  uint32_t e = locate(w, m, a[0].u32, RIGHT(R_PATH_FILESTAT_GET), a[2], a[3], 0, a[1].u32 & LOOKUP_FOLLOW, &r);
  if (e)
    return e;
  e = look(&r, &st);
  zw_wasi_resolved_end(&r);
  if (e)
    return e;
  return zw_wasi_put_filestat(m, a[4].u32, &st) ? E_success : E_fault;
}

WASI(path_filestat_set_times) // dir, lookup, path, bytes, atim, mtim, flags
{
  Resolved r;
  OsStat st;
  int64_t atime, mtime;
  uint32_t e = zw_wasi_times(a[4].u64, a[5].u64, a[6].u32, &atime, &mtime);
  if (e || (e = locate(w, m, a[0].u32, RIGHT(R_PATH_FILESTAT_SET_TIMES), a[2], a[3], 0, a[1].u32 & LOOKUP_FOLLOW, &r)))
    return e;
  e = r.must_be_dir ? look(&r, &st) : (uint32_t)E_success;
  if (!e)
    e = zw_wasi_errno(zw_os_set_times_at(r.dir, r.name, atime, mtime));
  zw_wasi_resolved_end(&r);
  return e;
}

WASI(path_create_directory) // dir, path, bytes
{
  Resolved r;
  uint32_t e = locate(w, m, a[0].u32, RIGHT(R_PATH_CREATE_DIRECTORY), a[1], a[2], 0, false, &r);
  if (e)
    return e;
  e = is_dot(&r) ? (uint32_t)E_exist : zw_wasi_errno(zw_os_mkdir_at(r.dir, r.name));
  zw_wasi_resolved_end(&r);
  return e;
}

WASI(path_remove_directory) // dir, path, bytes
{
  Resolved r;
  uint32_t e = locate(w, m, a[0].u32, RIGHT(R_PATH_REMOVE_DIRECTORY), a[1], a[2], 0, false, &r);
  if (e)
    return e;
  e = is_dot(&r) ? (uint32_t)E_inval : zw_wasi_errno(zw_os_unlink_at(r.dir, r.name, true));
  zw_wasi_resolved_end(&r);
  return e;
}

WASI(path_unlink_file) // dir, path, bytes
{
  Resolved r;
  OsStat st;
  uint32_t e = locate(w, m, a[0].u32, RIGHT(R_PATH_UNLINK_FILE), a[1], a[2], 0, false, &r);
  if (e)
    return e;
  if (r.must_be_dir) // "name/" can only be a directory, which this call does not remove
    e = (e = look(&r, &st)) ? e : (uint32_t)E_isdir;
  else
    e = zw_wasi_errno(zw_os_unlink_at(r.dir, r.name, false));
  zw_wasi_resolved_end(&r);
  return e;
}

WASI(path_readlink) // dir, path, bytes, buffer, room, result
{
  Resolved r;
  uint8_t *buf = guest_at(m, a[3].u32, a[4].u32);
  uint32_t e = locate(w, m, a[0].u32, RIGHT(R_PATH_READLINK), a[1], a[2], 0, false, &r);
  if (e)
    return e;
  if (!buf || !guest_at(m, a[5].u32, 4))
    e = E_fault;
  char nowhere;
  uint32_t room = a[4].u32 < OS_PATH_MAX ? a[4].u32 : (uint32_t)OS_PATH_MAX; // no target is longer; the kernel's room is signed
  long n = 0;
  if (!e) // without room too: there may be no such link
    n = is_dot(&r) ? -OS_EINVAL : zw_os_readlink_at(r.dir, r.name, room ? (char *)buf : &nowhere, room ? room : 1);
  if (n < 0)
    e = zw_wasi_errno(n);
  n = room ? n : 0;
  zw_wasi_resolved_end(&r);
  if (!e)
    (void)put_u32(m, a[5].u32, (uint32_t)n);
  return e;
}

WASI(path_symlink) // target, bytes, dir, path, bytes: any relative target; where it leads is checked when it is used
{
  Resolved r;
  PathArg *target;
  uint32_t e = zw_wasi_path(w, m, a[0].u32, a[1].u32, 1, &target);
  if (e || (e = locate(w, m, a[2].u32, RIGHT(R_PATH_SYMLINK), a[3], a[4], 0, false, &r)))
    return e;
  if (is_dot(&r))
    e = E_exist;
  else
    e = r.must_be_dir ? (uint32_t)E_noent : zw_wasi_errno(zw_os_symlink_at((const char *)target->bytes, r.dir, r.name));
  zw_wasi_resolved_end(&r);
  return e;
}

// Two names at once.  A file must not gain through its new name what its old place did not allow.
static uint32_t rights_fit(Wasi *w, uint32_t from, uint32_t to)
{
  return w->fds[to].inheriting & ~w->fds[from].inheriting & RIGHTS_WRITE ? (uint32_t)E_notcapable : (uint32_t)E_success;
}

WASI(path_link) // old dir, lookup, path, bytes, new dir, path, bytes
{
  Resolved from, to;
  uint32_t e = locate(w, m, a[0].u32, RIGHT(R_PATH_LINK_SOURCE), a[2], a[3], 0, a[1].u32 & LOOKUP_FOLLOW, &from);
  if (e)
    return e;
  if (a[1].u32 & LOOKUP_FOLLOW)
    e = E_inval; // as the kernel's: links are linked themselves
  if (!e && !(e = locate(w, m, a[4].u32, RIGHT(R_PATH_LINK_TARGET), a[5], a[6], 1, false, &to))) {
    e = rights_fit(w, a[0].u32, a[4].u32);
    if (!e && (is_dot(&from) || from.must_be_dir))
      e = E_perm; // directories have one name
    if (!e)
      e = to.must_be_dir ? (uint32_t)E_noent : zw_wasi_errno(zw_os_link_at(from.dir, from.name, to.dir, to.name));
    zw_wasi_resolved_end(&to);
  }
  zw_wasi_resolved_end(&from);
  return e;
}

WASI(path_rename) // old dir, path, bytes, new dir, path, bytes
{
  Resolved from, to;
  OsStat st;
  uint32_t e = locate(w, m, a[0].u32, RIGHT(R_PATH_RENAME_SOURCE), a[1], a[2], 0, false, &from);
  if (e)
    return e;
  if (!(e = locate(w, m, a[3].u32, RIGHT(R_PATH_RENAME_TARGET), a[4], a[5], 1, false, &to))) {
    e = rights_fit(w, a[0].u32, a[3].u32);
    if (!e && (is_dot(&from) || is_dot(&to)))
      e = E_busy;
    if (!e && (from.must_be_dir || to.must_be_dir) && !(e = zw_wasi_errno(zw_os_stat_at(from.dir, from.name, &st))) && st.type != OS_DIR)
      e = E_notdir;
    if (!e)
      e = zw_wasi_errno(zw_os_rename_at(from.dir, from.name, to.dir, to.name));
    zw_wasi_resolved_end(&to);
  }
  zw_wasi_resolved_end(&from);
  return e;
}
