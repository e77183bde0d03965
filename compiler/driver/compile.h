// The pipeline as straight C: one line per stage, the verifier between the words.
#pragma once
#include "compiler/sink/sink.h"

typedef struct PassTimes { uint64_t decode, check, build, select, encode, blob, sink; uint64_t nops, code_bytes_in, text_bytes; } PassTimes; // ns
typedef struct Compilation {
  Module *m; Blob *blob; PassTimes times; const Target *target; CodeOptions code;
} Compilation;
// Decode, check and compile everything.  Fails through ctx.  threads: workers over functions; output does not depend on it.
void zw_compile_module(Ctx *ctx, const uint8_t *bytes, size_t len, uint64_t features, const Target *t, const CodeOptions *o, uint32_t threads, Compilation *out);
// --dump=STAGE of one function, or of all (func UINT32_MAX): module wat facts zir lir asm obj stackmaps traps
void zw_dump(Ctx *ctx, const uint8_t *bytes, size_t len, const Target *t, const CodeOptions *o, const char *stage, uint32_t func, Text *out);
