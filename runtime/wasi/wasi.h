// WASI preview 1 as a context of arguments, variables and descriptors, and the host functions that act on it.
// Deny by default: a context holds only what was put into it.  Used by one instance (or linked ones) at a time.
#pragma once
#include "runtime/vm/vm.h"
#include <wasi.h>

// The context is include/wasi.h's, made and filled with the functions there.
typedef struct zwasm_wasi Wasi;

// The import `module`.`name`, if it is one of WASI preview 1: a new host function on w, which must outlive the store.
// False = not WASI's, or out of memory.
bool zw_wasi_import(Store *s, Wasi *w, Str module, Str name, Extern *out);

// Preopen with more to say: 0 or -errno of the host.  guest_name: as the guest sees it.
int zw_wasi_preopen(Wasi *w, const char *host_dir, const char *guest_name, bool writable);
// A listening or connected socket, a file, anything open: becomes the next free descriptor.  close: it is ours from now on.
int zw_wasi_give_fd(Wasi *w, int host_fd, bool close);   // 0 or -errno
int zw_wasi_give_next(Wasi *w, int host_fd, bool close); // its number or -errno

// "HOST", "HOST::GUEST" or "HOST:GUEST", with ":ro" (or ":rw") behind any of them: the two names, each in `room` bytes, the
// guest's the same as the host's where none is given.  False: too long, or one is empty.
bool zw_wasi_parse_dir(const char *spec, char *host, char *guest, size_t room, bool *writable);
// A standard stream from the file at a path of the host: 0 is read, 1 and 2 are made or emptied and written.  0 or -errno.
int zw_wasi_stdio_file(Wasi *w, uint32_t guest_fd, const char *path);
// Listen on a numeric address ("127.0.0.1:80", "[::1]:80", "localhost:0"); the socket becomes the next free descriptor.
// Its number or -errno.
int zw_wasi_listen(Wasi *w, const char *address);
int zw_wasi_port(Wasi *w, uint32_t fd);         // that an open socket listens on, or -errno
// Whatever the guest or its host does, the calling thread opens from now on only what is below the directories granted,
// writing where writing was granted, and makes no connections (Landlock).  The version of the kernel's interface (2 or
// more), or -errno: then nothing has changed.  Needs no privilege; cannot be undone.
int zw_wasi_fence(const Wasi *w);
