// Functions written as ZIR text, through P3, the allocation checker and P4, and called in this process.
#pragma once
#include "../asm/x64_run.h"

typedef struct ZirRig {
  Rig *r;
  ZirFunc *z[MAX_FUNCS];
  LirFunc *l[MAX_FUNCS];
  uint32_t n;
  uint8_t *memory;               // of memory 0, 64 KiB
} ZirRig;

// text: functions one after the other; those after the first start at a line "func".  What stands before the first
// `func` (types, decls) is shared by all.
ZirRig *zir_rig(const char *text, const CodeOptions *o);
void zir_rig_free(ZirRig *g);
// LIR of function k as text.
const char *zir_rig_lir(ZirRig *g, uint32_t k);
uint64_t zir_call(ZirRig *g, uint32_t func, const uint64_t *args, uint32_t n); // traps: 0x7rap00000000 | kind
#define TRAPPED 0x7a9000000000ull
#define CALL(g, f, ...) zir_call((g), (f), (const uint64_t[]){ __VA_ARGS__ }, sizeof((const uint64_t[]){ __VA_ARGS__ }) / 8)
