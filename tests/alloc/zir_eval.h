// What a function of ZIR computes, by the plainest means: the judge of the code generator's tests.
#pragma once
#include "zir_rig.h"
#include "runtime/abi/num_simd.h"

typedef union Val { uint32_t i; uint64_t l; float f; double d; V128 v; } Val;
typedef struct EvalWorld {
  ZirFunc *const *funcs;         // by index, no imports
  uint8_t *memory;
  uint64_t fuel;                 // instructions; at 0 evaluation stops with TRAP_out_of_fuel
  unsigned depth;
} EvalWorld;
// The trap, or TRAP_none with results[0..].
TrapKind zir_eval(EvalWorld *w, const ZirFunc *z, const Val *args, Val *results);
