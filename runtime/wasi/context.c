// The context: arguments, variables, descriptors.  zwasm_rt.h's functions for it.
#include "runtime/wasi/wasi_int.h"

zwasm_wasi_t *zwasm_wasi_new(void) { return zw_alloc(sizeof(Wasi)); }

void zw_wasi_list_clear(StringList *l)
{
  for (uint32_t i = 0; i < l->n; i++)
    zw_free(l->p[i]);
  zw_free(l->p);
  *l = (StringList){ 0 };
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
  zw_wasi_list_clear(&w->args);
  zw_wasi_list_clear(&w->env);
  zw_free(w);
}

bool zw_wasi_list_add(StringList *l, const char *a, const char *b)
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
int zwasm_wasi_arg(zwasm_wasi_t *w, const char *arg) { return zw_wasi_list_add(&w->args, arg, NULL); }
int zwasm_wasi_env(zwasm_wasi_t *w, const char *name, const char *value) { return zw_wasi_list_add(&w->env, name, value); }

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
  if (f->stream)
    f->stream->end(f->stream);
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

// Input is read and output is written, whatever else a terminal's descriptor could do.
int zw_wasi_give_stdio(Wasi *w, uint32_t guest_fd, int host_fd, bool own)
{
  int r = guest_fd > 2 ? -OS_EBADF : put_fd(w, guest_fd, host_fd, own);
  if (r < 0)
    return r;
  w->fds[guest_fd].shared = !own;
  w->fds[guest_fd].rights &= guest_fd == 0 ? ~RIGHTS_WRITE : ~RIGHT(R_FD_READ);
  return 0;
}
bool zw_wasi_give_stream(Wasi *w, uint32_t guest_fd, WasiStream *stream)
{
  if (guest_fd > 2 || !more_slots(w, guest_fd + 1))
    return false;
  if (w->fds[guest_fd].open)
    zw_wasi_fd_end(&w->fds[guest_fd]);
  w->fds[guest_fd] = (WasiFd){ .open = true, .shared = true, .host = -1, .stream = stream, .type = OS_UNKNOWN,
                               .rights = RIGHT(guest_fd == 0 ? R_FD_READ : R_FD_WRITE) | RIGHT(R_FD_FDSTAT_SET_FLAGS) |
                                         RIGHT(R_FD_FILESTAT_GET) | RIGHT(R_POLL_FD_READWRITE) };
  return true;
}
int zwasm_wasi_stdio_fd(zwasm_wasi_t *w, int guest_fd, int host_fd)
{
  return guest_fd >= 0 && zw_wasi_give_stdio(w, (uint32_t)guest_fd, host_fd, false) == 0;
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
int zw_wasi_give_next(Wasi *w, int host_fd, bool close)
{
  uint32_t fd = next_given(w);
  int r = fd == UINT32_MAX ? -OS_EMFILE : put_fd(w, fd, host_fd, close);
  if (r < 0)
    return r;
  w->fds[fd].shared = !close;
  return (int)fd;
}
int zw_wasi_give_fd(Wasi *w, int host_fd, bool close)
{
  int r = zw_wasi_give_next(w, host_fd, close);
  return r < 0 ? r : 0;
}

// What is taken away from a directory that is not granted whole.
static uint64_t denied(unsigned allow)
{
  const uint64_t files = RIGHT(R_FD_DATASYNC) | RIGHT(R_FD_WRITE) | RIGHT(R_FD_ALLOCATE) | RIGHT(R_FD_FILESTAT_SET_SIZE) |
                         RIGHT(R_FD_FILESTAT_SET_TIMES) | RIGHT(R_PATH_FILESTAT_SET_SIZE) | RIGHT(R_PATH_FILESTAT_SET_TIMES);
  uint64_t no = 0;
  no |= allow & ZWASM_DIR_READ ? 0 : RIGHT(R_FD_READDIR);
  no |= allow & ZWASM_DIR_WRITE ? 0 : RIGHTS_WRITE & ~files;
  no |= allow & ZWASM_FILE_READ ? 0 : RIGHT(R_FD_READ);
  no |= allow & ZWASM_FILE_WRITE ? 0 : files;
  return no;
}

int zw_wasi_preopen_fd(Wasi *w, int host_fd, const char *guest_name, unsigned allow)
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
  f->rights &= ~denied(allow), f->inheriting &= ~denied(allow);
  return 0;
}
