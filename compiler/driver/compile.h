// The pipeline as straight C: one line per stage, the verifier between the words.
#pragma once
#include "compiler/sink/sink.h"
#include "compiler/wasm/wat.h"

typedef struct PassTimes { uint64_t decode, check, build, select, encode, blob, sink; uint64_t nops, code_bytes_in, text_bytes;
  uint64_t w_reload, w_store, w_move, lirs; // weighed by loop depth, LirFunc's
} PassTimes; // ns
typedef struct Compilation {
  bool timed;                // in: fill build, select and encode of `times` (a clock call per pass and function)
  bool no_object;            // in: no object is made of it, so its unwind rows may go
  Module *m; Blob *blob; PassTimes times; const Target *target; CodeOptions code;
} Compilation;
// Decode, check and compile everything.  Fails through ctx.  threads: workers over functions; output does not depend on it.
void zw_compile_module(Ctx *ctx, const uint8_t *bytes, size_t len, uint64_t features, const Target *t, const CodeOptions *o, uint32_t threads, Compilation *out);
// Its two halves: bytes or text to a checked module, a checked module to code.
typedef struct Source {
  const uint8_t *bytes; size_t len;
  uint32_t threads;             // to check with; 0 = 1
  bool to_compile;              // nobody interprets it or dumps its facts: what only they want is left out
  WatModule wat; bool is_text;  // wat: of a text
  const Module *m;              // once it is decoded
} Source;
// Whether bytes are the text form: one rule for every command.
bool zw_looks_like_text(const uint8_t *bytes, size_t len);
Module *zw_read_module(Ctx *ctx, Source *s, uint64_t features, PassTimes *times);
// Takes the facts of the bodies: afterwards there are none.
void zw_compile_checked(Ctx *ctx, Module *m, const Target *t, const CodeOptions *o, uint32_t threads, Compilation *out);
// An image of a checked module whose functions are compiled when they are called first.  The module, and ctx, which zw_alloc made, are the
// image's from then on; so must be all that the module points to.  Fails through ctx, which stays the caller's, or NULL with a sentence:
// this system does not let such memory be made, compile all of it instead.
Image *zw_compile_lazily(Ctx *ctx, Module *m, const Target *t, const CodeOptions *o, char *err, size_t err_bytes);
// An image by way of the bytes of a .cwasm file, for this machine: what tests of that lane load.  Freed by zw_image_free;
// NULL with a sentence in err.
Image *zw_compile_by_cwasm(const uint8_t *bytes, size_t len, uint64_t features, char *err, size_t err_bytes);
// After a failure: give a message the function's name, and one about a text its line and column.
void zw_source_place(const Source *s, Diag *d);

// The verifiers between the stages: in builds with assertions, and with o->verify.  What they find is our bug.
void zw_verify_zir(Ctx *ctx, const ZirFunc *z, const CodeOptions *o);
void zw_verify_lir(Ctx *ctx, const LirFunc *l, const Target *t, const CodeOptions *o);

// --dump=STAGE of one function, or of all (func UINT32_MAX): module wat facts zir lir asm stackmaps traps
void zw_dump(Ctx *ctx, const Module *m, const Target *t, const CodeOptions *o, const char *stage, uint32_t func, Text *out);
// A --time-report: milliseconds and ns per instruction of each pass, MB/s of code section.
void zw_print_times(const PassTimes *t, Text *out);
uint64_t zw_now(void); // nanoseconds, for differences
