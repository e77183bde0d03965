// Paths of the guest, which must not lead out of the directory they start from, whatever symbolic links are there and
// whoever renames things meanwhile.
//
// Two ways.  A plain path is opened by the kernel itself with openat2(RESOLVE_BENEATH), where it has it.  Everything else
// walks: each directory on the way is opened from the one before, never through a link (a link's text is spliced in
// front of what is left), ".." pops our own stack of open directories instead of being looked up, and the last step is
// left to a system call on (parent, one bare name) that does not follow links.  So no check is ever separate from its use.
#include "runtime/base/utf8.h"
#include "runtime/wasi/wasi_int.h"

enum { MAX_LINKS = 40, MAX_DEPTH = 512 };
bool zw_wasi_walk_always;

typedef struct Walk {
  int root;
  int stack[MAX_DEPTH];       // directories entered below root
  uint32_t depth, links;
  char rest[OS_PATH_MAX + 1]; // what is still to go
  size_t n;
  char target[OS_PATH_MAX + 1];
} Walk;
typedef struct WasiScratch { PathArg path[2]; Walk walk; } WasiScratch;

uint32_t zw_wasi_path(Wasi *w, GuestMem m, uint32_t at, uint32_t len, int which, PathArg **arg)
{
  const uint8_t *p = guest_at(m, at, len);
  if (!p)
    return E_fault;
  if (len > OS_PATH_MAX)
    return E_nametoolong;
  if (!w->scratch && !(w->scratch = zw_alloc(sizeof *w->scratch)))
    return E_nomem;
  PathArg *out = *arg = &w->scratch->path[which];
  memcpy(out->bytes, p, len); // once; looked at only here from now on
  out->bytes[len] = 0;
  out->n = len;
  if (len == 0)
    return E_noent;
  if (memchr(out->bytes, 0, len))
    return E_inval;
  if (out->bytes[0] == '/')
    return E_perm;
  return zw_utf8_ok(out->bytes, len) ? E_success : E_ilseq;
}

// ---- the walk ----

static int top(const Walk *k) { return k->depth ? k->stack[k->depth - 1] : k->root; }
static void close_all(Walk *k, uint32_t keep)
{
  while (k->depth > keep)
    zw_os_close(k->stack[--k->depth]);
}

// Put the target of link `name` in front of the rest.  E_inval: it is not a link.
static uint32_t splice(Walk *k, const char *name)
{
  char *target = k->target;
  long n = zw_os_readlink_at(top(k), name, target, sizeof k->target);
  if (n < 0)
    return zw_wasi_errno(n);
  if (++k->links > MAX_LINKS)
    return E_loop;
  if (n == 0 || target[0] == '/')
    return n ? E_perm : E_noent;
  if ((size_t)n + 1 + k->n > OS_PATH_MAX)
    return E_nametoolong;
  memmove(k->rest + n, k->rest, k->n + 1); // the rest is empty or begins with a slash
  memcpy(k->rest, target, (size_t)n);
  k->n += (size_t)n;
  return E_success;
}

// Cut the first component off; what is left is empty or begins with a slash.  E_noent: there is none.
static uint32_t next_component(Walk *k, char *name)
{
  size_t at = 0, end;
  while (k->rest[at] == '/')
    at++;
  for (end = at; k->rest[end] && k->rest[end] != '/'; end++) {
  }
  if (end == at)
    return E_noent;
  if (end - at > OS_NAME_MAX)
    return E_nametoolong;
  memcpy(name, k->rest + at, end - at);
  name[end - at] = 0;
  memmove(k->rest, k->rest + end, k->n - end + 1);
  k->n -= end;
  return E_success;
}
static bool only_slashes(const Walk *k)
{
  size_t i = 0;
  while (k->rest[i] == '/')
    i++;
  return k->rest[i] == 0;
}

static uint32_t enter(Walk *k, const char *name)
{
  if (k->depth == MAX_DEPTH)
    return E_nametoolong;
  int fd = zw_os_open_at(top(k), name, OS_PATH | OS_DIRECTORY);
  if (fd >= 0) {
    k->stack[k->depth++] = fd;
    return E_success;
  }
  if (fd != -OS_ENOTDIR && fd != -OS_ELOOP)
    return zw_wasi_errno(fd);
  uint32_t e = splice(k, name);
  return e == E_inval ? (uint32_t)E_notdir : e;
}

// One component; *done when it was the last, which is then in r.
static uint32_t walk_one(Walk *k, bool follow, Resolved *r, bool *done)
{
  char name[OS_NAME_MAX + 1];
  uint32_t e = next_component(k, name);
  if (e)
    return e;
  bool last = only_slashes(k), dots = name[0] == '.' && (name[1] == 0 || (name[1] == '.' && name[2] == 0));
  if (dots && name[1] == '.') {
    if (k->depth == 0)
      return E_perm;
    close_all(k, k->depth - 1);
  }
  if (!last)
    return dots ? (uint32_t)E_success : enter(k, name);
  r->must_be_dir = k->n > 0 || dots;
  if (!dots && (follow || k->n > 0)) {
    e = splice(k, name);
    if (e != E_inval && e != E_noent)
      return e; // a link: go on with its target; or an error
  }
  memcpy(r->name, dots ? "." : name, dots ? 2 : strlen(name) + 1);
  *done = true;
  return E_success;
}

uint32_t zw_wasi_resolve(Wasi *w, int dir, const PathArg *p, bool follow, Resolved *r)
{
  Walk *k = &w->scratch->walk; // there is a path, so there is scratch
  k->root = dir, k->depth = k->links = 0, k->n = p->n;
  memcpy(k->rest, p->bytes, p->n + 1);
  bool done = false;
  uint32_t e = E_success;
  while (!e && !done)
    e = walk_one(k, follow, r, &done);
  if (e) {
    close_all(k, 0);
    return e;
  }
  r->dir = top(k);
  r->own = k->depth > 0;
  while (k->depth > 1) // all but the one it leads to
    zw_os_close(k->stack[--k->depth - 1]);
  return E_success;
}
void zw_wasi_resolved_end(Resolved *r)
{
  if (r->own)
    zw_os_close(r->dir);
}

// ---- opening ----

// No "." or "..", no doubled or trailing slash: what the kernel may see as it is.
static bool plain(const PathArg *p)
{
  const char *s = (const char *)p->bytes;
  for (size_t at = 0;;) {
    size_t end = at;
    while (s[end] && s[end] != '/')
      end++;
    if (end == at || (s[at] == '.' && (end - at == 1 || (end - at == 2 && s[at + 1] == '.'))))
      return false;
    if (!s[end])
      return true;
    at = end + 1;
  }
}

// Asked once: a filter may answer for a kernel that would know better, so any refusal means no.
static bool have_openat2(int dir)
{
  static int known; // 0 not asked, 1 yes, 2 no
  int k = __atomic_load_n(&known, __ATOMIC_RELAXED);
  if (k == 0) {
    int fd = zw_os_open_beneath(dir, "does/not/exist", OS_PATH);
    k = fd >= 0 || fd == -OS_ENOENT || fd == -OS_ENOTDIR ? 1 : 2;
    if (fd >= 0)
      zw_os_close(fd);
    __atomic_store_n(&known, k, __ATOMIC_RELAXED);
  }
  return k == 1 && !zw_wasi_walk_always;
}

int zw_wasi_open_below(Wasi *w, int dir, const PathArg *p, bool follow, int flags)
{
  Resolved r;
  if (flags & OS_EXCL)
    follow = false; // as open says
  if (plain(p) && have_openat2(dir)) {
    int fd = zw_os_open_beneath(dir, (const char *)p->bytes, flags | (follow ? OS_FOLLOW : 0));
    if (fd >= 0)
      return fd;
    if (fd != -OS_EAGAIN) // too busy for the kernel: walk
      return fd == -OS_EXDEV ? -E_perm : -(int)zw_wasi_errno(fd);
  }
  for (int attempt = 0; attempt < MAX_LINKS; attempt++) {
    uint32_t e = zw_wasi_resolve(w, dir, p, follow, &r);
    if (e)
      return -(int)e;
    int fd;
    if (r.must_be_dir && flags & OS_CREATE)
      fd = -OS_EISDIR;
    else
      fd = zw_os_open_at(r.dir, r.name, flags | (r.must_be_dir ? OS_DIRECTORY : 0));
    zw_wasi_resolved_end(&r);
    if (fd >= 0)
      return fd;
    if (fd != -OS_ELOOP || !follow) // it became a link in the meantime: again
      return -(int)zw_wasi_errno(fd);
  }
  return -E_loop;
}
