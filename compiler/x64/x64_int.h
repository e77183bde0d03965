// What the files of compiler/x64 offer each other; target.c puts it into zw_x64_target.
#pragma once
#include "compiler/emit/target.h"
#include "compiler/x64/cfg.h"

LirFunc *zw_x64_select(Ctx *ctx, const ZirFunc *f, const CodeOptions *o, Arena *a);
LirFunc *zw_x64_select_late(Ctx *ctx, const ZirFunc *f, const CodeOptions *o, Arena *a); // select's, for giant functions
void zw_x64_effects(const Lir *l, LirEffects *e);
const PackedCode *zw_x64_encode(Ctx *ctx, const LirFunc *l, const CodeOptions *o, Arena *a);
FuncCode *zw_x64_thunk(Ctx *ctx, const Module *m, uint32_t kind, uint32_t n, const CodeOptions *o, Arena *a);
FuncCode *zw_x64_glue(Ctx *ctx, const Module *m, uint32_t kind, uint32_t func, Arena *a);
void zw_x64_stub_entry(uint8_t *to, const void *address);
uint64_t zw_x64_stub(uint64_t at, uint64_t to, bool call);
bool zw_x64_move_call(uint8_t *text, uint64_t at, uint64_t to);
void zw_x64_print_lir(const LirFunc *l, Text *out);
bool zw_x64_disassemble(const uint8_t *bytes, uint32_t n, uint64_t pc, Text *out);
const char *zw_x64_reg_name(unsigned reg, unsigned size); // size 1 2 4 8 (integers); 16 or any for xmm
extern const uint8_t zw_x64_dwarf[16];                    // DWARF number of an integer register
enum { X64_DWARF_SP = 7, X64_DWARF_RA = 16 };
