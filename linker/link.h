// From an object to a program, through LLVM's lld run as a program.
#pragma once
#include "runtime/base/arena.h"

typedef struct LinkJob {
  const char *linker;           // --linker=, or NULL: look for one
  const char *own_dir;          // where our program is, or NULL: lld and the runtime are looked for beside it first
  const char *runtime_dir;      // where start.o and libzwasm-rt.a are
  const char *object, *output;
  const char *version;          // the symbol by which start.o and the library say what they were built with
  bool strip;                   // no symbols in the program
  const char *const *extra;     // -Xlinker
  uint32_t nextra;
} LinkJob;

// The folder with start.o and libzwasm-rt.a: $ZWASM_RUNTIME_DIR, beside the program, ../lib/zwasm, ../lib.
// NULL with a sentence that names them.
const char *zw_link_runtime_dir(const char *own_dir, Arena *a, char *err, size_t err_bytes);
// Were start.o and libzwasm-rt.a built together with the compiler?  False with a sentence that names the versions.
bool zw_link_same_version(const LinkJob *job, Arena *a, char *err, size_t err_bytes);
// The linker: the one given; ld.lld beside the program; ld.lld, then ld.lld-NN (highest first), in PATH.
const char *zw_link_find(const LinkJob *job, Arena *a, char *err, size_t err_bytes);
// Its arguments, NULL-terminated, args[0] the linker.
const char *const *zw_link_args(const LinkJob *job, const char *linker, Arena *a);
// Run it and wait.  False with a sentence; what the linker itself said is on standard error.
bool zw_link_run(const char *const *args, char *err, size_t err_bytes);
