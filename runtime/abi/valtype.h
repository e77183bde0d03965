// Value types in 32 bits, shared by compiler and runtime (types in an image are written with them).
// Two types are the same type when the words are equal and, for a type index, the indices are canonical.
#pragma once
#include <stdbool.h>
#include <stdint.h>

typedef uint32_t ValType;
enum {
  VT_I32 = 0, VT_I64, VT_F32, VT_F64, VT_V128, VT_BOT, // bottom: operands of dead code
  VT_I8, VT_I16,             // packed storage types, fields only
};
#define VT_REF 0x80000000u   // a reference: bit 30 = nullable, bits 0..29 = heap type
#define VT_NULL 0x40000000u
enum {                       // abstract heap types; anything below HEAP_ABSTRACT is a type index
  HEAP_ABSTRACT = 1 << 29,
  HEAP_FUNC = HEAP_ABSTRACT, HEAP_NOFUNC, HEAP_EXTERN, HEAP_NOEXTERN, HEAP_ANY, HEAP_EQ, HEAP_I31, HEAP_STRUCT, HEAP_ARRAY,
  HEAP_NONE, HEAP_EXN, HEAP_NOEXN, HEAP_BOT,
};
#define VT_FUNCREF (VT_REF | VT_NULL | HEAP_FUNC)
#define VT_EXTERNREF (VT_REF | VT_NULL | HEAP_EXTERN)
static inline bool zw_is_ref(ValType t) { return t >> 31; }
static inline bool zw_is_nullable(ValType t) { return (t & (VT_REF | VT_NULL)) == (VT_REF | VT_NULL); }
static inline uint32_t zw_heap_type(ValType t) { return t & 0x3fffffff; }

typedef enum CompKind { COMP_FUNC, COMP_STRUCT, COMP_ARRAY } CompKind;
typedef enum ExternKind { EXT_FUNC, EXT_TABLE, EXT_MEMORY, EXT_GLOBAL, EXT_TAG } ExternKind;
