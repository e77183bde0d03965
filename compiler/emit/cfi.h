// Call frame information of one function, written by P4 while it writes the prologue and epilogues: the body of its
// .eh_frame entry.  DWARF 5, section 6.4.2; code alignment 1, data alignment -8.
#pragma once
#include "runtime/base/vec.h"

typedef struct Cfi { Arena *a; VEC(uint8_t) out; uint32_t pc; bool none; /* nobody will read it */ } Cfi;

void zw_cfi_at(Cfi *c, uint32_t pc);                       // what follows holds from pc on; pc never goes back
void zw_cfi_cfa(Cfi *c, unsigned dwarf_reg, uint32_t off);  // CFA = reg + off
void zw_cfi_cfa_offset(Cfi *c, uint32_t off);
void zw_cfi_saved(Cfi *c, unsigned dwarf_reg, uint32_t below_cfa); // reg is saved at CFA - below_cfa (a multiple of 8)
void zw_cfi_restored(Cfi *c, unsigned dwarf_reg);          // as in the caller, in the register
void zw_cfi_value(Cfi *c, unsigned dwarf_reg, int32_t off); // the caller's reg was CFA + off (a multiple of 8)
void zw_cfi_remember(Cfi *c);
void zw_cfi_restore(Cfi *c);
