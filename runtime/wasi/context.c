// The context: arguments, variables, descriptors.  zwasm_rt.h's functions for it.
#include "runtime/wasi/wasi_int.h"

zwasm_wasi_t *zwasm_wasi_new(void) { return zw_alloc(sizeof(Wasi)); }

static void list_free(StringList *l)
{
  for (uint32_t i = 0; i < l->n; i++)
    zw_free(l->p[i]);
  zw_free(l->p);
}

void zwasm_wasi_delete(zwasm_wasi_t *w)
{
  if (!w)
    return;
  for (uint32_t i = 0; i < w->nfds; i++)
    if (w->fds[i].open)
      zw_wasi_fd_end(&w->fds[i]);
  zw_free(w->fds);
  zw_free(w->scratch);
  list_free(&w->args);
  list_free(&w->env);
  zw_free(w);
}

// Add "a" or "a=b".
static bool list_add(StringList *l, const char *a, const char *b)
{
  size_t na = strlen(a), nb = b ? strlen(b) + 1 : 0;
  if (l->bytes + na + nb > 0x7fffffff)
    return false;
  if (l->n == l->cap) {
    uint32_t cap = l->cap ? 2 * l->cap : 8;
    char **p = zw_realloc(l->p, l->cap * sizeof *p, cap * sizeof *p);
    if (!p)
      return false;
    l->p = p, l->cap = cap;
  }
  char *s = zw_alloc(na + nb + 1);
  if (!s)
    return false;
  memcpy(s, a, na);
  if (b) {
    s[na] = '=';
    memcpy(s + na + 1, b, nb - 1);
  }
  l->p[l->n++] = s;
  l->bytes += na + nb + 1;
  return true;
}
int zwasm_wasi_arg(zwasm_wasi_t *w, const char *arg) { return list_add(&w->args, arg, NULL); }
int zwasm_wasi_env(zwasm_wasi_t *w, const char *name, const char *value) { return list_add(&w->env, name, value); }

// ---- descriptors ----

static bool more_slots(Wasi *w, uint32_t n)
{
  if (n > WASI_MAX_FDS)
    return false;
  if (n <= w->nfds)
    return true;
  n = n < 8 ? 8 : n < 2 * w->nfds ? 2 * w->nfds : n;
  WasiFd *p = zw_realloc(w->fds, w->nfds * sizeof *p, n * sizeof *p);
  if (!p)
    return false;
  w->fds = p, w->nfds = n;
  return true;
}

uint32_t zw_wasi_slot(Wasi *w)
{
  uint32_t fd = w->first_free;
  while (fd < w->nfds && w->fds[fd].open)
    fd++;
  w->first_free = fd;
  return more_slots(w, fd + 1) ? fd : UINT32_MAX;
}

uint32_t zw_wasi_fd(Wasi *w, uint32_t fd, uint64_t rights, WasiFd **out)
{
  if (fd >= w->nfds || !w->fds[fd].open)
    return E_badf;
  *out = &w->fds[fd];
  return rights & ~w->fds[fd].rights ? E_notcapable : E_success;
}

WasiFd zw_wasi_fd_of(int host, const OsStat *st)
{
  WasiFd f = { .open = true, .host = host, .type = st->type, .stream_socket = st->stream_socket };
  f.quiet = st->type == OS_FIFO || st->type == OS_SOCKET;
  switch ((OsFileType)st->type) {
  case OS_DIR: f.rights = RIGHTS_DIR, f.inheriting = RIGHTS_DIR | RIGHTS_FILE; break;
  case OS_SOCKET: f.rights = RIGHTS_SOCKET, f.inheriting = RIGHTS_SOCKET; break;
  case OS_CHAR: case OS_FIFO: f.rights = RIGHTS_FILE & ~(RIGHT(R_FD_SEEK) | RIGHT(R_FD_TELL)); break;
  case OS_FILE: case OS_BLOCK: case OS_LINK: case OS_UNKNOWN: f.rights = RIGHTS_FILE; break;
  }
  return f;
}

void zw_wasi_fd_end(WasiFd *f)
{
  if (f->own)
    zw_os_close(f->host);
  zw_free(f->name);
  *f = (WasiFd){ 0 };
}

static int put_fd(Wasi *w, uint32_t fd, int host, bool own)
{
  OsStat st;
  int r = zw_os_stat(host, &st);
  if (r < 0)
    return r;
  if (!more_slots(w, fd + 1))
    return -OS_ENOMEM;
  if (w->fds[fd].open)
    zw_wasi_fd_end(&w->fds[fd]);
  w->fds[fd] = zw_wasi_fd_of(host, &st);
  w->fds[fd].own = own;
  int flags = zw_os_get_flags(host);
  if (flags > 0)
    w->fds[fd].flags = (uint16_t)((flags & OS_APPEND ? FDFLAG_APPEND : 0) | (flags & OS_NONBLOCK ? FDFLAG_NONBLOCK : 0));
  return 0;
}

int zwasm_wasi_stdio_fd(zwasm_wasi_t *w, int guest_fd, int host_fd)
{
  if (guest_fd < 0 || guest_fd > 2 || put_fd(w, (uint32_t)guest_fd, host_fd, false) < 0)
    return 0;
  w->fds[guest_fd].shared = true;
  return 1;
}
int zwasm_wasi_inherit_stdio(zwasm_wasi_t *w)
{
  for (int fd = 0; fd < 3; fd++) // one that the host has closed stays closed for the guest
    (void)zwasm_wasi_stdio_fd(w, fd, fd);
  return w->nfds >= 3 && (w->fds[0].open || w->fds[1].open || w->fds[2].open);
}

// Descriptors 0 to 2 are the standard streams, granted or not.
static uint32_t next_given(Wasi *w)
{
  if (w->first_free < 3)
    w->first_free = 3;
  return zw_wasi_slot(w);
}
int zw_wasi_give_fd(Wasi *w, int host_fd, bool close)
{
  uint32_t fd = next_given(w);
  return fd == UINT32_MAX ? -OS_EMFILE : put_fd(w, fd, host_fd, close);
}

int zw_wasi_preopen_fd(Wasi *w, int host_fd, const char *guest_name, bool writable)
{
  size_t n = strlen(guest_name);
  char *name = zw_alloc(n + 1);
  uint32_t fd = next_given(w);
  int r = !name ? -OS_ENOMEM : fd == UINT32_MAX ? -OS_EMFILE : put_fd(w, fd, host_fd, true);
  if (r < 0) {
    zw_free(name);
    return r;
  }
  WasiFd *f = &w->fds[fd];
  memcpy(name, guest_name, n);
  f->name = name, f->preopen = true;
  if (!writable)
    f->rights &= ~RIGHTS_WRITE, f->inheriting &= ~RIGHTS_WRITE;
  return 0;
}
