// GC objects as they lie in the heap, for compiled code and runtime.  An object's address is gc_base plus its 32-bit
// reference; references are multiples of 8 and never below GC_FIRST, so that 0 is null, an odd word is an i31 (value
// << 1 | 1), and a read through null faults in the unmapped first pages.
//
// Every object starts with an 8-byte head, fields are little-endian and aligned to their own size (v128: 8).
//   struct: head, fields in order, each at the next multiple of its alignment
//   array:  head, length at GC_ARRAY_LENGTH, elements from GC_ARRAY_DATA
#pragma once
#include "runtime/abi/valtype.h"

typedef struct GcHead {
  uint32_t type_id;           // runtime-wide id of a struct or array type, or a GC_ID_* of the runtime's own
  uint32_t mark_and_size;     // the collector's: bits 0..1 colour, bits 2..31 cells of 8 bytes
} GcHead;
enum { GC_HEAD_BYTES = 8, GC_ARRAY_LENGTH = 8, GC_ARRAY_DATA = 16, GC_FIRST = 0x40000, GC_CELL = 8, GC_SIZE_SHIFT = 2 /* mark_and_size */ };
// Objects that no module's type describes; ids behind the last that a type may have.
#define GC_ID_FREE 0xfffff0u   /* free cells */
#define GC_ID_EXN 0xfffff1u    /* exception: tag and payload */
#define GC_ID_HOST 0xfffff2u   /* externref box: one host pointer */
// Stands for null and i31 where compiled code reads the head of what may be no object: there is a page of zeros right below
// GC_FIRST, so its type id is 0, which is no type and below none.
#define GC_NO_OBJECT (GC_FIRST - GC_CELL)
// In the same page, at these offsets from the base: where the next object goes and where that must end, 64-bit offsets.  The cells
// between are zero.  Compiled code makes objects of up to GC_BUMP_MOST bytes there by itself.
enum { GC_CURSOR = GC_FIRST - 64, GC_LIMIT = GC_FIRST - 56, GC_BUMP_MOST = 1024 };
#define GC_MAX_STRUCT 0x28000u   /* bytes; 10,000 fields of v128 fit */

// What compiled code knows of a type by its id: rows[id] points to a row of words, VmCtx.type_rows to rows.  A row is the kind,
// then the display: the ancestor at depth k is row[GC_ROW_DISPLAY + k], 0 where there is none; at least GC_ROW_DEPTH of them.
// The ids 0 and GC_ID_* have rows of zeros.
enum { GC_ROW_KIND = 0 /* CompKind + 1 */, GC_ROW_DISPLAY = 1, GC_ROW_DEPTH = 8 };

// FuncRef * and GC references side by side: which a reference type is.
static inline bool zw_heap_is_func(uint32_t heap) { return heap == HEAP_FUNC || heap == HEAP_NOFUNC; }

// Bytes of a field in an object.  Function references (func hierarchy) are 8 bytes, other references 4; `is_func`
// tells which for a concrete heap type.
static inline uint32_t zw_gc_field_bytes(ValType t, bool is_func)
{
  switch (t) {
  case VT_I8: return 1;
  case VT_I16: return 2;
  case VT_I32: case VT_F32: return 4;
  case VT_I64: case VT_F64: return 8;
  case VT_V128: return 16;
  }
  return is_func ? 8 : 4;
}
static inline uint32_t zw_gc_field_align(uint32_t bytes) { return bytes > 8 ? 8 : bytes; }
