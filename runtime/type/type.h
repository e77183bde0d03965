// Runtime-wide canonical type ids: two types of any two modules have the same id iff they are equal (iso-recursive:
// equal recursion groups at equal positions).  Everything here may be called from any thread.
//
// Ids start at 1, are given in order and never reused or freed: a stale id can therefore never name another type, and
// readers take no lock.  README.md has the reasons and the stream's format.
#pragma once
#include "runtime/abi/valtype.h"
#include "runtime/base/assert.h"

enum {
  TYPE_MAX_DEPTH = 63,        // supertypes above a type
  TYPE_MAX_IDS = (1 << 24) - 4096, // of all modules together, while the process lives
  TYPE_MAX_PARAMS = 1000, TYPE_MAX_RESULTS = 1000, TYPE_MAX_FIELDS = 10000,
};

// The stream that IMG_TYPES holds, in words: per recursion group its count of types, then per type a head of four
// words and its body.  Reference types in it use module type indices, defined before or inside the same group.
enum { TYPE_HEAD_KIND, TYPE_HEAD_SUPER, TYPE_HEAD_N, TYPE_HEAD_M, TYPE_HEAD_WORDS };
#define TYPE_FINAL 256u             /* in TYPE_HEAD_KIND, beside CompKind */
#define TYPE_NO_SUPER UINT32_MAX
// body: COMP_FUNC: n parameters, m results, a word each.  COMP_STRUCT: n fields (m = 0), COMP_ARRAY: 1 field (n = 1,
// m = 0): two words each, the type (VT_I8 and VT_I16 for packed ones) and 0 or 1 for mutable.

typedef struct TypeInfo {
  uint32_t id;
  uint8_t kind;               // CompKind
  bool final;
  uint8_t depth;              // supertypes above it
  uint32_t n, m;              // as in the stream
  const ValType *types;       // parameters then results, or n field types; type indices are ids
  const uint8_t *mutables;    // n, fields only
  const uint8_t *sizes;       // n, fields only: bytes in an object
  // Layout in the GC heap (abi/gcobj.h).
  const uint32_t *offsets;    // COMP_STRUCT: of field k from the object's start; [n] = bytes of the object
  const uint32_t *refs;       // COMP_STRUCT: offsets of the fields that are GC references
  uint32_t nrefs;             // COMP_ARRAY: 1 when its elements are GC references
  uint32_t elem_bytes;        // COMP_ARRAY
  const uint32_t *display;    // depth + 1 ids: display[k] is the ancestor at depth k, display[depth] = id
} TypeInfo;

// Give the ids of all ntypes types in the stream, ids[k] for type k; index[k] (IMG_TYPE_INDEX) is the position of its
// head.  The stream comes from a checked module or has passed zw_types_ok.  False = out of memory or out of ids
// (nothing to undo).
bool zw_types_intern(const uint32_t *stream, uint32_t words, const uint32_t *index, uint32_t ntypes, uint32_t *ids) MUST_CHECK;
// True when an untrusted stream is one that a checked module could have as far as memory safety hangs on it: exactly
// ntypes types at their index, kinds, counts, value types and type indices in range, supertypes earlier, not final, of
// the same kind, not too deep, and with the same storage in each field that they share.
bool zw_types_ok(const uint32_t *stream, uint32_t words, const uint32_t *index, uint32_t ntypes) MUST_CHECK;
// The id of a final function type without supertype; type indices in params and results are ids.  0 = out of memory.
uint32_t zw_type_func(const ValType *params, uint32_t nparams, const ValType *results, uint32_t nresults);

const TypeInfo *zw_type_info(uint32_t id);   // id was given by the calls above; the answer lives for ever
uint32_t zw_types_count(void);               // ids given so far
// The rows of abi/gcobj.h, of all ids given so far and from now on; NULL = out of memory.
const uint32_t *const *zw_type_rows(void);

// True when a is b or below it.  O(1): one look into a's display.
bool zw_type_sub(uint32_t a, uint32_t b);
// Subtyping and equality of value types whose type indices are ids.  spec: valid-subtyping
bool zw_valtype_sub(ValType a, ValType b);
// The same type with the module's indices replaced by ids.
static inline ValType zw_valtype_with_ids(ValType t, const uint32_t *ids)
{
  return zw_is_ref(t) && zw_heap_type(t) < HEAP_ABSTRACT ? (t & (VT_REF | VT_NULL)) | ids[zw_heap_type(t)] : t;
}
