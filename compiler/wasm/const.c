// Initializer expressions: a stack machine over the few instructions that are constant.  spec: valid-constant
#include "compiler/wasm/check_int.h"

typedef struct ConstCheck {
  Reader r;
  Module *m;
  uint32_t nglobals;   // globals that may be named
  VEC(ValType) stack;
  uint64_t at;         // the instruction
} ConstCheck;

static void push(ConstCheck *k, ValType t) { *zw_push(&k->m->ctx->scratch, &k->stack) = t; }

static void pop(ConstCheck *k, ValType want)
{
  char a[64], b[64];
  if (!k->stack.n)
    zw_fail(k->m->ctx, ERR_type_mismatch, k->at, "instruction requires [%s] but stack has []",
            zw_type_text(k->m, want, a));
  ValType got = k->stack.p[--k->stack.n];
  if (!zw_subtype(k->m, got, want))
    zw_fail(k->m->ctx, ERR_type_mismatch, k->at, "instruction requires [%s] but stack has [%s]",
            zw_type_text(k->m, want, a), zw_type_text(k->m, got, b));
}

// Numeric rows that are constant: a, b -> same type.
static bool is_const_arith(Op op)
{
  return op == OP_i32_add || op == OP_i32_sub || op == OP_i32_mul || op == OP_i64_add || op == OP_i64_sub ||
         op == OP_i64_mul;
}

static void const_global(ConstCheck *k)
{
  Module *m = k->m;
  uint32_t g = zw_read_u32(&k->r);
  if (g >= k->nglobals)
    zw_fail(m->ctx, ERR_invalid, k->at, "unknown global %u", g);
  if (m->globals[g].type.mutable_)
    zw_fail(m->ctx, ERR_invalid, k->at, "constant expression required");
  if (g >= m->nimported_globals)
    zw_need(m->ctx, m, FEAT_GC, k->at); // 2.0 allowed imported ones only
  push(k, m->globals[g].type.type);
}

static void const_ref_func(ConstCheck *k)
{
  uint32_t f = zw_read_u32(&k->r);
  if (f >= k->m->nfuncs)
    zw_fail(k->m->ctx, ERR_invalid, k->at, "unknown function %u", f);
  k->m->funcs[f].declared_ref = true;
  push(k, VT_REF | k->m->funcs[f].type);
}

static void const_struct(ConstCheck *k, bool defaults)
{
  const TypeDef *t = zw_check_comp_type(k->m, zw_read_u32(&k->r), COMP_STRUCT, k->at);
  if (defaults)
    zw_check_defaultable(k->m, t, k->at);
  else
    for (uint32_t i = t->nfields; i-- > 0;)
      pop(k, zw_unpacked(t->fields[i].type));
  push(k, VT_REF | (uint32_t)(t - k->m->types));
}

static void const_array(ConstCheck *k, Op op)
{
  const TypeDef *t = zw_check_comp_type(k->m, zw_read_u32(&k->r), COMP_ARRAY, k->at);
  ValType elem = zw_unpacked(t->fields[0].type);
  if (op == OP_array_new_fixed) {
    uint32_t n = zw_read_u32(&k->r);
    if (n > LIMIT_ARRAY_NEW_FIXED)
      zw_fail(k->m->ctx, ERR_limit, k->at, "array.new_fixed of %u; at most %u are allowed", n, LIMIT_ARRAY_NEW_FIXED);
    while (n--)
      pop(k, elem);
  } else {
    pop(k, VT_I32);
    if (op == OP_array_new_default)
      zw_check_defaultable(k->m, t, k->at);
    else
      pop(k, elem);
  }
  push(k, VT_REF | (uint32_t)(t - k->m->types));
}

// any.convert_extern and its inverse keep nullability.
static void const_convert(ConstCheck *k, uint32_t from, uint32_t to)
{
  ValType got = k->stack.n ? k->stack.p[k->stack.n - 1] : VT_BOT;
  pop(k, VT_REF | VT_NULL | from);
  push(k, VT_REF | (zw_is_nullable(got) ? VT_NULL : 0) | to);
}

static void const_op(ConstCheck *k, Op op)
{
  Reader *r = &k->r;
  switch ((uint32_t)op) {
  case OP_i32_const: zw_read_s32(r); push(k, VT_I32); return;
  case OP_i64_const: zw_read_s64(r); push(k, VT_I64); return;
  case OP_f32_const: zw_read_bytes(r, 4); push(k, VT_F32); return;
  case OP_f64_const: zw_read_bytes(r, 8); push(k, VT_F64); return;
  case OP_v128_const: zw_read_bytes(r, 16); push(k, VT_V128); return;
  case OP_ref_null: push(k, VT_REF | VT_NULL | zw_read_heaptype(r, k->m)); return;
  case OP_ref_func: const_ref_func(k); return;
  case OP_global_get: const_global(k); return;
  case OP_ref_i31: pop(k, VT_I32); push(k, VT_REF | HEAP_I31); return;
  case OP_struct_new: const_struct(k, false); return;
  case OP_struct_new_default: const_struct(k, true); return;
  case OP_array_new: case OP_array_new_default: case OP_array_new_fixed: const_array(k, op); return;
  case OP_any_convert_extern: const_convert(k, HEAP_EXTERN, HEAP_ANY); return;
  case OP_extern_convert_any: const_convert(k, HEAP_ANY, HEAP_EXTERN); return;
  default:
    if (!is_const_arith(op))
      zw_fail(k->m->ctx, ERR_invalid, k->at, "constant expression required");
    zw_need(k->m->ctx, k->m, FEAT_EXT_CONST, k->at);
    ValType t = zw_op_info[op].in[0];
    pop(k, t);
    pop(k, t);
    push(k, t);
  }
}

void zw_check_const(Module *m, const ConstExpr *e, ValType want, uint32_t nglobals)
{
  ArenaMark mark = zw_arena_mark(&m->ctx->scratch);
  ConstCheck k = { .r = { m->ctx, e->bytes, e->bytes + e->len, e->bytes, e->at }, .m = m, .nglobals = nglobals };
  for (;;) {
    k.at = zw_read_pos(&k.r);
    Op op = zw_read_op(&k.r);
    m->ctx->at_op = zw_op_info[op].text;
    if (op == OP_end)
      break;
    zw_need(m->ctx, m, (Feature)zw_op_info[op].feature, k.at);
    const_op(&k, op);
  }
  char a[64], b[64];
  if (k.stack.n != 1)
    zw_fail(m->ctx, ERR_type_mismatch, k.at, "a constant expression of type [%s] leaves %u values",
            zw_type_text(m, want, a), k.stack.n);
  if (!zw_subtype(m, k.stack.p[0], want))
    zw_fail(m->ctx, ERR_type_mismatch, k.at, "instruction requires [%s] but stack has [%s]", zw_type_text(m, want, a),
            zw_type_text(m, k.stack.p[0], b));
  m->ctx->at_op = NULL;
  zw_arena_release(&m->ctx->scratch, mark);
}
