// LIR of giant functions as bytes: P3 packs what it has passed, P4 unpacks the parts that it is at.
#pragma once
#include "compiler/emit/lir.h"

enum {
  LIR_PART = 4096,                     // instructions that are packed together
  LIR_PACKED_MOST = 17,                // bytes of one; most have three or four
};
// Packed LIR: part 0 has `rest` instructions, each other one LIR_PART.
static inline uint32_t zw_lir_part(const LirFunc *l, uint32_t i)
{
  return i < l->rest ? 0 : 1 + (i - l->rest) / LIR_PART;
}
static inline uint32_t zw_lir_part_first(const LirFunc *l, uint32_t part)
{
  return part ? l->rest + (part - 1) * LIR_PART : 0;
}
static inline uint32_t zw_lir_part_end(const LirFunc *l, uint32_t part) { return l->rest + part * LIR_PART; }

// The bytes written to `to`, which has room for n * LIR_PACKED_MOST.
uint32_t zw_lir_pack(const Lir *from, uint32_t n, uint8_t *to);
void zw_lir_unpack(const uint8_t *from, Lir *to, uint32_t n);
// All of it in l->lir, for those who look at it whole.
void zw_lir_unpack_all(LirFunc *l, Arena *a);
