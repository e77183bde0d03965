// Values as they lie in memory at every border: 16-byte slots, little-endian, unused bytes zero.
#pragma once
#include <stdint.h>

// Value types as one byte where that is enough (ZIR, signatures of thunks, globals).
// Full reference types (with heap type index and nullability) are compiler/wasm's ValType.
typedef enum ValKind { VK_I32, VK_I64, VK_F32, VK_F64, VK_V128, VK_FUNCREF, VK_REF, VK_COUNT } ValKind;
// VK_FUNCREF: a FuncRef * or 0.  VK_REF: a 32-bit GC heap offset, zero-extended, low bit 1 = i31, 0 = null.

typedef union Value {
  int32_t i32; uint32_t u32; int64_t i64; uint64_t u64; float f32; double f64;
  uint8_t bytes[16]; uint32_t u32x4[4]; uint64_t u64x2[2];
  void *ptr; uint64_t ref;
} __attribute__((aligned(16))) Value;
_Static_assert(sizeof(Value) == 16, "a value slot is 16 bytes everywhere");
