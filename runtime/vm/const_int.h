// Inside the evaluation of constant expressions: const.c, const_expr.c, const_gc.c.
#pragma once
#include "runtime/vm/vm_int.h"

typedef enum Sort { SORT_NUMBER, SORT_FUNC, SORT_GC, SORT_NULL } Sort; // what the word is
typedef struct Item { Value v; Sort sort; } Item;
typedef struct Eval {
  GcRoots roots;
  Instance *in;
  const uint8_t *p, *end;
  Item *stack;
  uint32_t n, cap;
  char *err;
  size_t err_bytes;
} Eval;

static inline Value const_bits(uint64_t v) { return (Value){ .u64x2 = { v, 0 } }; }
static inline bool const_damaged(const Eval *e) { return zw_format(e->err, e->err_bytes, "damaged constant expression"), false; }
static inline bool const_sort_fits(Sort have, Sort want) { return have == want || (have == SORT_NULL && want != SORT_NUMBER); }
Sort zw_const_sort_of_global(const Instance *in, uint32_t index);
bool zw_const_push(Eval *e, Value v, Sort sort) MUST_CHECK;
bool zw_const_read_u32(Eval *e, uint32_t *out) MUST_CHECK;

// An expression that is more than a single constant; of the objects named in it, one instruction behind its prefix, and
// the stack as roots while it runs.
bool zw_const_expr(Instance *in, const ImageInit *init, Sort want, Value *out, char *err, size_t err_bytes) MUST_CHECK ZW_WHEN_NAMED;
bool zw_const_object(Eval *e, uint32_t code) MUST_CHECK ZW_WHEN_NAMED;
void zw_const_roots(Eval *e, bool on) ZW_WHEN_NAMED;
