// WASI preview 1 as a context of arguments, variables and descriptors, and the host functions that act on it.
// Deny by default: a context holds only what was put into it.  Used by one instance (or linked ones) at a time.
#pragma once
#include "runtime/vm/vm.h"
#include "zwasm_rt.h"

// The context is zwasm_rt.h's, made and filled with its functions zwasm_wasi_new ... zwasm_wasi_stdio_fd.
typedef struct zwasm_wasi Wasi;

// The import `module`.`name`, if it is one of WASI preview 1: a new host function on w, which must outlive the store.
// False = not WASI's, or out of memory.
bool zw_wasi_import(Store *s, Wasi *w, Str module, Str name, Extern *out);

// Preopen with more to say: 0 or -errno of the host.  guest_name: as the guest sees it.
int zw_wasi_preopen(Wasi *w, const char *host_dir, const char *guest_name, bool writable);
// A listening or connected socket, a file, anything open: becomes the next free descriptor.  close: it is ours from now on.
int zw_wasi_give_fd(Wasi *w, int host_fd, bool close);
