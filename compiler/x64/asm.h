// Bytes of single instructions: what encode.c and thunk.c write with.
#pragma once
#include "compiler/x64/cfg.h"

// A memory operand with machine registers only.  rip: the address of constant `disp`, patched later.
typedef struct X64Mem { uint8_t base, index, scale; bool rip; int32_t disp; } X64Mem;
enum { X64_MAX_INSN = 15, X64_PUT_BYTES = 24 };
// Write a row that is no pseudo op at p; returns the end.  X64_PUT_BYTES must be free: bytes behind the end are clobbered.
// mem says nothing when the row has no memory operand.  *rip_at: where the disp32 of a rip operand is.
uint8_t *zw_x64_put(uint8_t *p, const Lir *i, X64Mem mem, uint8_t **rip_at);
// The same, without the short ways.
uint8_t *zw_x64_put_any(uint8_t *p, const Lir *i, X64Mem mem, uint8_t **rip_at);
uint8_t *zw_x64_nops(uint8_t *p, unsigned n);
// rd = 64-bit constant by the shortest instruction that leaves the flags alone.
uint8_t *zw_x64_put_imm64(uint8_t *p, unsigned rd, uint64_t v);
unsigned zw_x64_imm64_length(unsigned rd, uint64_t v);
