// Files as WASI needs them: descriptors, and names relative to a directory descriptor.  Results are >= 0 or -errno of
// Linux numbering (os.h: every OS file translates to it), and no libc errno is touched.
//
// Names: the functions with `name` take one bare component, no slash, not "." or ".." unless said so, and never follow
// a symbolic link in it.  That is what a sandbox builds on; only zw_os_open_beneath takes a path.
#pragma once
#include "runtime/base/assert.h"

typedef enum OsFileType { OS_UNKNOWN, OS_BLOCK, OS_CHAR, OS_DIR, OS_FILE, OS_SOCKET, OS_LINK, OS_FIFO } OsFileType;
typedef struct OsStat { uint64_t dev, ino, nlink, size, atime, mtime, ctime; uint8_t type; bool stream_socket; } OsStat; // times in ns
typedef struct OsIov { void *p; size_t n; } OsIov;
enum { OS_PIPE_BUF = 4096 /* a pipe with room takes this much at once */, OS_IOV_MAX = 1024, OS_NAME_MAX = 255, OS_PATH_MAX = 4096 };

enum { // open
  OS_READ = 1, OS_WRITE = 2, OS_CREATE = 4, OS_EXCL = 8, OS_TRUNC = 16, OS_DIRECTORY = 32, OS_APPEND = 64, OS_NONBLOCK = 128,
  OS_DSYNC = 256, OS_SYNC = 512, OS_PATH = 1024 /* only to stand on */, OS_FOLLOW = 2048 /* open_beneath: the last component too */,
};
enum { // errors by name
  OS_EPERM = 1, OS_ENOENT = 2, OS_EINTR = 4, OS_EIO = 5, OS_EBADF = 9, OS_EAGAIN = 11, OS_ENOMEM = 12, OS_EACCES = 13,
  OS_EBUSY = 16, OS_EEXIST = 17, OS_EXDEV = 18, OS_ENOTDIR = 20, OS_EISDIR = 21, OS_EINVAL = 22, OS_EMFILE = 24,
  OS_ESPIPE = 29, OS_EROFS = 30, OS_EPIPE = 32, OS_ENAMETOOLONG = 36, OS_ENOSYS = 38, OS_ENOTEMPTY = 39, OS_ELOOP = 40,
  OS_EOPNOTSUPP = 95, OS_ENOTSOCK = 88,
};

// ---- descriptors ----
long zw_os_readv(int fd, const OsIov *v, int n);
long zw_os_writev(int fd, const OsIov *v, int n);          // SIGPIPE is the caller's affair
long zw_os_writev_quiet(int fd, const OsIov *v, int n);    // EPIPE and no signal, whatever the process does about SIGPIPE
long zw_os_preadv(int fd, const OsIov *v, int n, uint64_t at);
long zw_os_pwritev(int fd, const OsIov *v, int n, uint64_t at);
int64_t zw_os_seek(int fd, int64_t off, int whence);       // 0 set 1 current 2 end
int zw_os_stat(int fd, OsStat *out);
int zw_os_sync(int fd, bool data_only);
int zw_os_truncate(int fd, uint64_t bytes);
int zw_os_allocate(int fd, uint64_t at, uint64_t bytes);
int zw_os_advise(int fd, uint64_t at, uint64_t bytes, int advice); // WASI's numbers
enum { OS_TIME_KEEP = -1, OS_TIME_NOW = -2 };              // in place of nanoseconds
int zw_os_set_times(int fd, int64_t atime, int64_t mtime);
int zw_os_get_flags(int fd);                               // OS_APPEND | OS_NONBLOCK | OS_DSYNC | OS_SYNC
int zw_os_set_flags(int fd, int flags);                    // APPEND and NONBLOCK can change
int zw_os_dup(int fd);
typedef struct OsPoll { int fd; short events, revents; } OsPoll;
enum { OS_POLL_IN = 1, OS_POLL_OUT = 4, OS_POLL_ERR = 8, OS_POLL_HUP = 16, OS_POLL_BAD = 32 };
int zw_os_poll(OsPoll *p, uint32_t n, int64_t timeout_ns); // negative: for ever
bool zw_os_is_tty(int fd);
bool zw_os_ready(int fd, short events);                    // would a call with these not wait?
int64_t zw_os_readable_bytes(int fd);
void zw_os_yield(void);
int zw_os_sleep_until(int clock, uint64_t ns);             // 0, or -errno; restarted by itself after a signal

// ---- sockets ----
int zw_os_accept(int fd, bool nonblock);
long zw_os_recv(int fd, const OsIov *v, int n, bool peek, bool waitall, bool *truncated);
long zw_os_send(int fd, const OsIov *v, int n);
int zw_os_shutdown(int fd, int how);                       // 0 read 1 write 2 both

int zw_os_listen(const char *address); // TCP on "127.0.0.1:80", "[::1]:80" or "localhost:0" (any port); -EINVAL for anything else

int zw_os_port(int fd);                // that a TCP socket is bound to

// ---- a fence that the kernel keeps around this thread and those it starts; linux_fence.c ----
typedef struct OsFence { int dir; bool write; } OsFence; // an open directory: everything below it may be read, or also written
// From now on nothing else in the file system is opened, made, renamed or removed, and no TCP connection is made or
// accepted on new sockets.  What is open stays usable.  The version of the kernel's interface, or -errno and no change.
int zw_os_fence(const OsFence *allowed, uint32_t n);

// ---- directories ----
// Entries from `cookie` (0 = the beginning) into buf; calls each(arg, next_cookie, ino, type, name, len) until it says
// false.  0 or -errno.
typedef bool (*OsDirEntry)(void *arg, uint64_t next, uint64_t ino, uint8_t type, const char *name, size_t len);
int zw_os_read_dir(int fd, uint64_t cookie, OsDirEntry each, void *arg);
int zw_os_open_dir_path(const char *host_path, int flags); // of the host: OS_READ | OS_DIRECTORY; follows links
int zw_os_open_at(int dir, const char *name, int flags);   // "." stands for dir itself
int zw_os_open_beneath(int dir, const char *path, int flags); // stays below dir, no magic links; -ENOSYS where the kernel cannot
int zw_os_stat_at(int dir, const char *name, OsStat *out);
long zw_os_readlink_at(int dir, const char *name, char *buf, size_t bytes); // of a symbolic link; -EINVAL for anything else
int zw_os_mkdir_at(int dir, const char *name);
int zw_os_unlink_at(int dir, const char *name, bool directory);
int zw_os_rename_at(int dir, const char *name, int new_dir, const char *new_name);
int zw_os_link_at(int dir, const char *name, int new_dir, const char *new_name);
int zw_os_symlink_at(const char *target, int dir, const char *name);
int zw_os_set_times_at(int dir, const char *name, int64_t atime, int64_t mtime);
