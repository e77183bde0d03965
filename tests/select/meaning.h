// What every NUM and TNUM row of ops.def means, as data: num_<id> behind one function type.
#pragma once
#include "compiler/wasm/op.h"
#include "runtime/abi/vmctx.h"

typedef void (*Meaning)(const Value *in, Value *out, uint32_t lane, TrapKind *trap); // out: zeros above the value
extern const Meaning meaning_of[OP_COUNT];     // NULL for the other rows

// Values worth trying of a kind; `count` of them, then anything from `rnd`.
enum { MEANING_VALUES = 24 };
Value interesting(ValKind kind, uint32_t k, uint64_t (*rnd)(void));
// Equal as the specification wants it: for float results that are NaN any NaN of that lane width will do when `any_nan`.
// lanes: 4 or 8 bytes for float lanes of a vector, 0 for anything else.
bool same(ValKind kind, const Value *a, const Value *b, bool any_nan, unsigned lanes);
// Is the row's result a float whose NaN bits the specification leaves open, and the width of its lanes.
bool nan_is_open(Op op, unsigned *lanes);
