// Run LIR in this process: functions from lists of LIR, a module around them, a fake vmctx, and a single-stepper that
// unwinds from every instruction through the .eh_frame that the blob got.
#pragma once
#include "compiler/x64/x64_int.h"
#include "runtime/base/bits.h"
#include "runtime/base/vec.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

enum { MAX_FUNCS = 12, MAX_TYPES = 12 };

typedef struct Fn {            // a function being written
  Arena *a;
  VEC(Lir) lir;
  VEC(LirChunk) chunks;
  VEC(uint32_t) table_labels;
  VEC(LirTable) tables;
  VEC(LirMap) maps;
  VEC(uint32_t) map_slots;
  VEC(ZConst) consts;
  ZBlock blocks[16];
  ZirFunc z;
  LirFunc l;
  uint8_t slot_bytes[600];
  uint32_t slot_weight[600];
} Fn;

typedef struct Rig {           // a module and its code
  Ctx ctx;
  Arena keep;
  Module m;
  TypeDef types[MAX_TYPES];
  Func funcs[MAX_FUNCS];
  Fn fn[MAX_FUNCS];
  const PackedCode *packed[MAX_FUNCS];
  FuncCode *codes[MAX_FUNCS];  // the same, opened
  CodeOptions o;
  Blob *blob;
  uint8_t *text;               // executable
  EhFrame eh;
  VmCtx *vmctx;                // with the imports' TableElems behind it
  TableElem *elems;
} Rig;

Rig *rig_new(void);
void rig_free(Rig *r);
uint32_t rig_type(Rig *r, const char *params, const char *results); // letters i l f d v r
Fn *rig_func(Rig *r, uint32_t type);                                // the next function; its chunk for block 0 is open
void rig_import(Rig *r, uint32_t type);                             // before all functions
void rig_take(Rig *r, uint32_t k, const PackedCode *code);          // of defined function k
void rig_build(Rig *r);                                             // encode, blob, executable copy, vmctx

void chunk(Fn *f, uint32_t label, bool cold);
Lir *in(Fn *f, unsigned op, unsigned sz, unsigned rd, unsigned rn);
Lir *in_imm(Fn *f, unsigned op, unsigned sz, unsigned rd, int32_t imm);
Lir *in_mem(Fn *f, unsigned op, unsigned sz, unsigned rd, unsigned base, int32_t disp);
Lir *jump(Fn *f, int cc, uint32_t label);  // cc < 0: jmp
void slots(Fn *f, unsigned n, unsigned bytes);

typedef struct Outcome { uint32_t trap; uint32_t site_pc; } Outcome; // TRAP_none, or the kind and the site's pc in text
// Call through the ENTRY thunk of the function's type; checks that callee-saved registers, rsp and pins survive.
Outcome rig_call(Rig *r, uint32_t func, Value *args);
// The same, one instruction at a time, unwinding from each; returns the number of instructions seen.
Outcome rig_step(Rig *r, uint32_t func, Value *args, unsigned *steps);
// Decoded site at exactly that pc of text; kind 0xff when there is none.
typedef struct Site { uint8_t kind; uint32_t wasm_at; } Site;
Site rig_site(const Rig *r, uint32_t pc);
const ImageFunc *rig_record(const Rig *r, uint32_t func);
