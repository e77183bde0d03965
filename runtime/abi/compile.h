// The one door upward: a compiler, if one is linked.  compiler/driver defines it; runtime/api/nocompile.c
// defines the version that says "built without a compiler".
#pragma once
#include "runtime/abi/image.h"
typedef enum Engine { ENGINE_AUTO, ENGINE_JIT, ENGINE_INTERP } Engine;
typedef struct CompileOptions { Engine engine; uint64_t features; uint32_t image_flags; uint64_t cpu_bits; uint32_t threads;
  bool lazy;        // functions are compiled when they are called first; all are checked at once.  Not for a process that forks
  const char *name; // of a module that has none, in backtraces; or NULL
} CompileOptions;
// From wasm bytes to a runnable image; bytes are copied when needed later.  NULL with a sentence in err.  own: zw_image_free
Image *zw_compile(const uint8_t *bytes, size_t len, const CompileOptions *o, char *err, size_t err_bytes);
void zw_image_free(Image *im);
