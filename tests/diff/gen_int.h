// Inside the generator: gen.c makes the module, gen_expr.c, gen_object.c and gen_stmt.c its code, from types.
#pragma once
#include "gen.h"
#include "runtime/abi/valtype.h"
#include "runtime/base/arena.h"
#include "runtime/base/bits.h"
#include "runtime/base/leb.h"
#include "runtime/base/vec.h"

enum { MAX_TYPES = 24, MAX_FUNCS = 24, MAX_LOCALS = 24, MAX_GLOBALS = 16, MAX_LABELS = 24, MAX_VALUES = 4, FUEL = 300 };

typedef struct Buf { Arena *a; uint8_t *p; uint32_t n, cap; } Buf;
typedef struct Sig { uint32_t np, nr; ValType p[MAX_VALUES], r[MAX_VALUES]; uint32_t type; } Sig;
typedef struct Shape { bool array; uint32_t n; ValType f[MAX_VALUES]; bool mut[MAX_VALUES]; uint32_t super; /* or -1 */ } Shape;
typedef struct Label { uint32_t n; ValType t[MAX_VALUES]; bool tries; } Label; // values that a branch to it carries

typedef struct Gen {
  Arena *a;
  uint64_t state;
  uint32_t features;
  bool is64[2];               // memories
  uint32_t nmemories;
  Shape shapes[6]; uint32_t nshapes;           // types 0 .. nshapes-1
  Sig sigs[MAX_TYPES]; uint32_t nsigs;         // types nshapes ..
  uint32_t func_sig[MAX_FUNCS], nfuncs, nhelpers, nexports; // helpers, internal functions, exports
  ValType global[MAX_GLOBALS]; uint32_t nglobals; // the last one is the fuel
  uint32_t ntags, tag_sig[3];
  uint32_t canon[4];          // helpers: f32, f64, f32x4, f64x2
  // of the function being made
  Buf *code;
  const Sig *sig;
  uint32_t func;
  ValType local[MAX_LOCALS]; uint32_t nlocals;
  Label label[MAX_LABELS]; uint32_t nlabels;
  int32_t budget;
} Gen;

// ---- bytes ----

static inline void byte(Buf *b, uint32_t v)
{
  if (b->n == b->cap)
    b->p = zw_vec_grow(b->a, b->p, b->n, &b->cap, b->n + 1, 1);
  b->p[b->n++] = (uint8_t)v;
}
static inline void bytes(Buf *b, const void *p, uint32_t n)
{
  for (uint32_t i = 0; i < n; i++)
    byte(b, ((const uint8_t *)p)[i]);
}
static inline void u32(Buf *b, uint32_t v) { uint8_t t[10]; bytes(b, t, zw_leb_write_u32(t, v)); }
static inline void u64(Buf *b, uint64_t v) { uint8_t t[10]; bytes(b, t, zw_leb_write_u64(t, v)); }
static inline void s64(Buf *b, int64_t v) { uint8_t t[10]; bytes(b, t, zw_leb_write_s64(t, v)); }
static inline void name(Buf *b, const char *s) { u32(b, (uint32_t)__builtin_strlen(s)); bytes(b, s, (uint32_t)__builtin_strlen(s)); }
static inline void section(Buf *out, uint32_t id, const Buf *body)
{
  byte(out, id);
  u32(out, body->n);
  bytes(out, body->p, body->n);
}

static inline void heap_type(Buf *b, uint32_t heap)
{
  static const uint8_t codes[] = { 0x70, 0x73, 0x6f, 0x72, 0x6e, 0x6d, 0x6c, 0x6b, 0x6a, 0x71, 0x69, 0x74 };
  if (heap < HEAP_ABSTRACT)
    s64(b, heap);
  else
    byte(b, codes[heap - HEAP_ABSTRACT]);
}
static inline void val_type(Buf *b, ValType t)
{
  static const uint8_t codes[] = { 0x7f, 0x7e, 0x7d, 0x7c, 0x7b, 0, 0x78, 0x77 };
  if (!zw_is_ref(t)) {
    byte(b, codes[t]);
    return;
  }
  byte(b, zw_is_nullable(t) ? 0x63 : 0x64);
  heap_type(b, zw_heap_type(t));
}

static inline void op(Gen *g, Op o)
{
  uint32_t code = zw_op_info[o].code;
  if (code >> 16) {
    byte(g->code, code >> 16 & 0xff);
    u32(g->code, code & 0xffff);
  } else
    byte(g->code, code);
}
static inline void op1(Gen *g, Op o, uint32_t x) { op(g, o), u32(g->code, x); }
static inline void op2(Gen *g, Op o, uint32_t x, uint32_t y) { op(g, o), u32(g->code, x), u32(g->code, y); }
static inline void i32_const(Gen *g, uint32_t v) { op(g, OP_i32_const), s64(g->code, (int32_t)v); }
static inline void i64_const(Gen *g, uint64_t v) { op(g, OP_i64_const), s64(g->code, (int64_t)v); }

// gen.c: choices, and types.
uint32_t gen_rnd(Gen *g, uint32_t n);          // below n
bool gen_chance(Gen *g, uint32_t percent);
bool gen_has(const Gen *g, uint32_t feature);
uint64_t gen_number(Gen *g);                   // an edge case rather than not
ValType gen_shape_ref(uint32_t k, bool nullable);
ValType gen_value_type(Gen *g);
bool gen_same_types(const ValType *a, uint32_t na, const ValType *b, uint32_t nb);
uint32_t gen_sig_of(Gen *g, const ValType *p, uint32_t np, const ValType *r, uint32_t nr); // index in sigs; UINT32_MAX: no room

// gen_expr.c
void gen_expr(Gen *g, ValType t, uint32_t depth);  // leaves one t on the stack
void gen_default_value(Gen *g, ValType t);
bool gen_subtype(const Gen *g, ValType a, ValType b);
bool gen_variable(Gen *g, ValType t);              // false: there is none of that type
void gen_address(Gen *g, uint32_t memory, uint32_t depth);
bool gen_access_memory(Gen *g, ValType result, uint32_t depth);

// gen_object.c
bool gen_from_object(Gen *g, ValType t, uint32_t depth);
void gen_ref_expr(Gen *g, ValType t, uint32_t depth);
void gen_ref_fact(Gen *g, uint32_t depth);         // an i32 that says something of a reference
void gen_object_stmt(Gen *g, uint32_t depth);

// gen_stmt.c
void gen_stmt(Gen *g, uint32_t depth);             // leaves nothing
void gen_stmts(Gen *g, uint32_t most, uint32_t depth);
bool gen_call(Gen *g, const ValType *r, uint32_t nr, bool drop, uint32_t depth);
void gen_block(Gen *g, const ValType *t, uint32_t n, uint32_t depth);
void gen_try_block(Gen *g, ValType t, uint32_t depth);
bool gen_push_label(Gen *g, const ValType *t, uint32_t n);
void gen_burn_fuel(Gen *g);
