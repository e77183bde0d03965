// Inside runtime/wasi.
#pragma once
#include "runtime/base/alloc.h"
#include "runtime/base/bits.h"
#include "runtime/os/file.h"
#include "runtime/wasi/wasi.h"

typedef enum WasiErrno {
#define E(name, number, os) E_##name = number,
#include "runtime/wasi/errno.def"
} WasiErrno;

#define RIGHT(n) (1ull << (n))
enum {
  R_FD_DATASYNC, R_FD_READ, R_FD_SEEK, R_FD_FDSTAT_SET_FLAGS, R_FD_SYNC, R_FD_TELL, R_FD_WRITE, R_FD_ADVISE, R_FD_ALLOCATE,
  R_PATH_CREATE_DIRECTORY, R_PATH_CREATE_FILE, R_PATH_LINK_SOURCE, R_PATH_LINK_TARGET, R_PATH_OPEN, R_FD_READDIR,
  R_PATH_READLINK, R_PATH_RENAME_SOURCE, R_PATH_RENAME_TARGET, R_PATH_FILESTAT_GET, R_PATH_FILESTAT_SET_SIZE,
  R_PATH_FILESTAT_SET_TIMES, R_FD_FILESTAT_GET, R_FD_FILESTAT_SET_SIZE, R_FD_FILESTAT_SET_TIMES, R_PATH_SYMLINK,
  R_PATH_REMOVE_DIRECTORY, R_PATH_UNLINK_FILE, R_POLL_FD_READWRITE, R_SOCK_SHUTDOWN, R_SOCK_ACCEPT, RIGHT_COUNT
};
#define RIGHTS_ALL (RIGHT(RIGHT_COUNT) - 1)
// What can change something behind a descriptor or below a directory.
#define RIGHTS_WRITE                                                                                                     \
  (RIGHT(R_FD_DATASYNC) | RIGHT(R_FD_WRITE) | RIGHT(R_FD_ALLOCATE) | RIGHT(R_FD_FILESTAT_SET_SIZE) |                     \
   RIGHT(R_FD_FILESTAT_SET_TIMES) | RIGHT(R_PATH_CREATE_DIRECTORY) | RIGHT(R_PATH_CREATE_FILE) |                         \
   RIGHT(R_PATH_LINK_SOURCE) | RIGHT(R_PATH_LINK_TARGET) | RIGHT(R_PATH_RENAME_SOURCE) | RIGHT(R_PATH_RENAME_TARGET) |   \
   RIGHT(R_PATH_FILESTAT_SET_SIZE) | RIGHT(R_PATH_FILESTAT_SET_TIMES) | RIGHT(R_PATH_SYMLINK) |                          \
   RIGHT(R_PATH_REMOVE_DIRECTORY) | RIGHT(R_PATH_UNLINK_FILE))
#define RIGHTS_FILE                                                                                                      \
  (RIGHT(R_FD_DATASYNC) | RIGHT(R_FD_READ) | RIGHT(R_FD_SEEK) | RIGHT(R_FD_FDSTAT_SET_FLAGS) | RIGHT(R_FD_SYNC) |        \
   RIGHT(R_FD_TELL) | RIGHT(R_FD_WRITE) | RIGHT(R_FD_ADVISE) | RIGHT(R_FD_ALLOCATE) | RIGHT(R_FD_FILESTAT_GET) |         \
   RIGHT(R_FD_FILESTAT_SET_SIZE) | RIGHT(R_FD_FILESTAT_SET_TIMES) | RIGHT(R_POLL_FD_READWRITE))
#define RIGHTS_DIR                                                                                                       \
  (RIGHT(R_FD_FDSTAT_SET_FLAGS) | RIGHT(R_FD_SYNC) | RIGHT(R_FD_DATASYNC) | RIGHT(R_FD_ADVISE) |                         \
   RIGHT(R_PATH_CREATE_DIRECTORY) | RIGHT(R_PATH_CREATE_FILE) | RIGHT(R_PATH_LINK_SOURCE) | RIGHT(R_PATH_LINK_TARGET) |  \
   RIGHT(R_PATH_OPEN) | RIGHT(R_FD_READDIR) | RIGHT(R_PATH_READLINK) | RIGHT(R_PATH_RENAME_SOURCE) |                     \
   RIGHT(R_PATH_RENAME_TARGET) | RIGHT(R_PATH_FILESTAT_GET) | RIGHT(R_PATH_FILESTAT_SET_SIZE) |                          \
   RIGHT(R_PATH_FILESTAT_SET_TIMES) | RIGHT(R_FD_FILESTAT_GET) | RIGHT(R_FD_FILESTAT_SET_TIMES) |                        \
   RIGHT(R_PATH_SYMLINK) | RIGHT(R_PATH_REMOVE_DIRECTORY) | RIGHT(R_PATH_UNLINK_FILE) | RIGHT(R_POLL_FD_READWRITE))
#define RIGHTS_SOCKET                                                                                                    \
  (RIGHT(R_FD_READ) | RIGHT(R_FD_WRITE) | RIGHT(R_FD_FDSTAT_SET_FLAGS) | RIGHT(R_FD_FILESTAT_GET) |                      \
   RIGHT(R_POLL_FD_READWRITE) | RIGHT(R_SOCK_SHUTDOWN) | RIGHT(R_SOCK_ACCEPT))

enum { FDFLAG_APPEND = 1, FDFLAG_DSYNC = 2, FDFLAG_NONBLOCK = 4, FDFLAG_RSYNC = 8, FDFLAG_SYNC = 16 };

// Something of the host's that is no descriptor of the system, or stands before one.  Counts or -errno of the host; read,
// write: NULL when it has not that direction.
typedef struct WasiStream WasiStream;
struct WasiStream {
  long (*read)(WasiStream *s, const OsIov *v, int n);
  long (*write)(WasiStream *s, const OsIov *v, int n);
  void (*end)(WasiStream *s);
};
typedef struct WasiFd {
  bool open, preopen, own;    // own: close the host's descriptor with it
  bool shared;                // with the host's other users: its flags are kept here, not set there
  bool quiet;                 // a write may raise SIGPIPE
  uint8_t type;               // OsFileType
  bool stream_socket;
  uint16_t flags;             // FDFLAG_*
  int host;                   // -1: only the stream
  uint64_t rights, inheriting;
  char *name;                 // of a preopen; own
  WasiStream *stream;         // reads and writes go through it; own
} WasiFd;
typedef struct StringList { char **p; uint32_t n, cap; size_t bytes; /* with the NULs */ } StringList;
struct zwasm_wasi {
  WasiFd *fds;
  uint32_t nfds, first_free;  // slots, free ones among them; none below first_free is free
  StringList args, env;
  struct WasiScratch *scratch; // path.c: kept off the stack, which may be small
};
enum { WASI_MAX_FDS = 1 << 20, WASI_IOVS = 128 };

// ---- guest memory: bounds first, then each scalar is read once ----
typedef struct GuestMem { uint8_t *base; uint64_t bytes; } GuestMem;
static inline GuestMem guest_mem(VmCtx *caller)
{
  Instance *in = caller->instance;
  if (!in || in->image->counts.memories == 0)
    return (GuestMem){ 0, 0 };
  return (GuestMem){ in->memories[0]->def.base, __atomic_load_n(&in->memories[0]->def.bytes, __ATOMIC_RELAXED) };
}
static inline uint8_t *guest_at(GuestMem m, uint32_t at, uint64_t len) { return at <= m.bytes && len <= m.bytes - at ? m.base + at : NULL; }
static inline bool put_u32(GuestMem m, uint32_t at, uint32_t v)
{
  uint8_t *p = guest_at(m, at, 4);
  if (p)
    zw_put32(p, v);
  return p != NULL;
}
static inline bool put_u64(GuestMem m, uint32_t at, uint64_t v)
{
  uint8_t *p = guest_at(m, at, 8);
  if (p)
    zw_put64(p, v);
  return p != NULL;
}

// ---- one call: WASI(name) { ... return E_x; } with w, m and the arguments a ----
#define P1(name, sig) void zwasm_wasi_p1_##name(void *env, VmCtx *caller, Value *args);
#include "runtime/wasi/p1.def"
#define P0(name, sig) void zwasm_wasi_p0_##name(void *env, VmCtx *caller, Value *args);
#include "runtime/wasi/p0.def"
#define WASI(name) WASI_CALL(p1, name)
#define WASI0(name) WASI_CALL(p0, name)
#define WASI_CALL(version, name)                                                                                         \
  static uint32_t name(Wasi *w, GuestMem m, const Value *a);                                                             \
  void zwasm_wasi_##version##_##name(void *env, VmCtx *caller, Value *args)                                              \
  {                                                                                                                      \
    uint32_t e = env ? name(env, guest_mem(caller), args) : (uint32_t)E_nosys;                                           \
    args[0] = (Value){ .u64x2 = { e, 0 } };                                                                              \
  }                                                                                                                      \
  static uint32_t name(Wasi *w, GuestMem m, const Value *a)

// ---- what several calls share ----
uint32_t zw_wasi_list_sizes(GuestMem m, const StringList *l, const Value *a); // a: where the number goes, and the bytes
uint32_t zw_wasi_list_get(GuestMem m, const StringList *l, const Value *a);   // a: the pointers, the strings
uint32_t zw_wasi_preopened(Wasi *w, uint32_t fd, WasiFd **f);
bool zw_wasi_would_block(const WasiFd *f, short events);
int zw_wasi_cut(OsIov *v, int n, size_t most);             // to that many bytes; how many buffers are left
uint32_t zw_wasi_count(GuestMem m, uint32_t at, long r);  // the result of a system call: a count, stored, or an error
enum { WHENCE_SET, WHENCE_CUR, WHENCE_END };
uint32_t zw_wasi_seek(Wasi *w, GuestMem m, uint32_t fd, int64_t off, uint32_t whence, uint32_t at);
uint32_t zw_wasi_sync(Wasi *w, uint32_t fd, int right, bool data_only);
uint32_t zw_wasi_socket(Wasi *w, uint32_t fd, uint64_t rights, WasiFd **f);

// Where things are in a subscription of poll_oneoff.  a: subscriptions, events, number, result
typedef struct WasiPollLayout { uint8_t bytes, clock, timeout, flags; } WasiPollLayout;
uint32_t zw_wasi_poll(Wasi *w, GuestMem m, const Value *a, const WasiPollLayout *l);

uint32_t zw_wasi_errno(long negative_os_errno); // WASI's number; 0 for results >= 0

// ---- descriptors ----
// The open descriptor with these rights, or E_badf, E_notcapable.
uint32_t zw_wasi_fd(Wasi *w, uint32_t fd, uint64_t rights, WasiFd **out);
// A slot for a new descriptor, the lowest free number; UINT32_MAX = none.
uint32_t zw_wasi_slot(Wasi *w);
int zw_wasi_preopen_fd(Wasi *w, int host_fd, const char *guest_name, unsigned allow); // ZWASM_DIR_*; host_fd becomes ours, on success
int zw_wasi_give_stdio(Wasi *w, uint32_t guest_fd, int host_fd, bool own); // 0 or -errno of the host
bool zw_wasi_give_stream(Wasi *w, uint32_t guest_fd, WasiStream *s); // a standard stream; s becomes ours, on success
bool zw_wasi_list_add(StringList *l, const char *a, const char *b) MUST_CHECK; // "a", or "a=b"
void zw_wasi_list_clear(StringList *l);
WasiFd zw_wasi_fd_of(int host, const OsStat *st); // open, with the rights of its type
void zw_wasi_fd_end(WasiFd *f);                   // close and free what it holds; the slot becomes free

// The guest's list of buffers, checked: at most WASI_IOVS of them, the lengths cut so that the sum fits 31 bits.
uint32_t zw_wasi_iovs(GuestMem m, uint32_t at, uint32_t n, OsIov *out, int *nout);
enum { FILESTAT_BYTES = 64 };
bool zw_wasi_put_filestat(GuestMem m, uint32_t at, const OsStat *st);
bool zw_wasi_put_filestat0(GuestMem m, uint32_t at, const OsStat *st); // as wasi_unstable has it
uint32_t zw_wasi_stat_fd(Wasi *w, uint32_t fd, OsStat *st);
uint32_t zw_wasi_stat_path(Wasi *w, GuestMem m, const Value *a, OsStat *st); // a: dir, lookup, path, bytes
uint8_t zw_wasi_filetype(uint8_t os_type, bool stream);
// fst_flags and times to OS_TIME_* or ns; E_inval for contradictions.
uint32_t zw_wasi_times(uint64_t atim, uint64_t mtim, uint32_t fst_flags, int64_t *atime, int64_t *mtime);

// ---- path.c: names below a directory ----
typedef struct PathArg { uint8_t bytes[OS_PATH_MAX + 1]; uint32_t n; } PathArg;
// Copy a path out of guest memory into the context's place `which` (0 or 1): UTF-8, no NUL, not too long, not absolute,
// not empty.
uint32_t zw_wasi_path(Wasi *w, GuestMem m, uint32_t at, uint32_t len, int which, PathArg **out);
// The directory that holds the last component, reached without leaving `dir`, and that component.
typedef struct Resolved { int dir; bool own; bool must_be_dir; char name[OS_NAME_MAX + 1]; } Resolved; // name "." = dir itself
uint32_t zw_wasi_resolve(Wasi *w, int dir, const PathArg *p, bool follow, Resolved *out);
void zw_wasi_resolved_end(Resolved *r);
enum { LOOKUP_FOLLOW = 1 };
// A directory descriptor with these rights and a path below it, resolved; ends with zw_wasi_resolved_end.
uint32_t zw_wasi_locate(Wasi *w, GuestMem m, uint32_t fd, uint64_t rights, Value at, Value len, int which, bool follow, Resolved *r);
static inline bool zw_wasi_is_dot(const Resolved *r) { return r->name[0] == '.' && r->name[1] == 0; }
uint32_t zw_wasi_look(const Resolved *r, OsStat *st);     // stat the last component; "name/" must be a directory
uint32_t zw_wasi_rights_fit(Wasi *w, uint32_t from, uint32_t to);
// Open below dir: result >= 0 or -(WASI errno).
int zw_wasi_open_below(Wasi *w, int dir, const PathArg *p, bool follow, int flags);
extern bool zw_wasi_walk_always; // for tests: as on a kernel without openat2
