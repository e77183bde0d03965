// P2: calls, tables, references.
#include "compiler/zir/build_int.h"

static void push_results(Build *b, uint32_t call, const FuncType *t)
{
  for (uint32_t k = 0; k < t->nresults; k++)
    push(b, k == 0 ? call : append(b, OP_result, zw_val_kind(b->m, t->results[k]), 0, call, k, 0));
}

// A constant for a table that cannot grow, as linkers make them.
static Ref table_length(Build *b, uint32_t table)
{
  const Limits *l = &b->m->tables[table].type.limits;
  if (!b->o->no_closed && l->has_max && l->min == l->max)
    return i64_const(b, l->min);
  Ref def = zb_invariant(b, &(ZIns){ OP_vm_load, VK_I64, AL_IMMUT, b->f->layout.tables + 16 * table + 8, 0, 0 });
  return ptr_load(b, VK_I64, def, offsetof(VmTableDef, length), AL_TABLE);
}

// The element that call_indirect calls, checked: in bounds, not null, of the type.
static Ref table_element(Build *b, uint32_t table, uint32_t type, Ref index)
{
  uint32_t at = b->f->layout.tables + 16 * table;
  Ref idx = to_i64(b, index);
  Ref len = table_length(b, table);
  trapif(b, bin(b, OP_i64_ge_u, idx, len), TRAP_undefined_element);
  Ref off = bin(b, OP_i64_shl, idx, i64_const(b, 5)), elems = vm_load(b, VK_I64, at, AL_IMMUT); // in an order of ours, not the compiler's
  Ref elem = bin(b, OP_i64_add, elems, off);
  if (b->m->types[type].final) {
    append(b, OP_check_sig, VK_COUNT, 0, elem, vm_load(b, VK_I32, b->f->layout.type_ids + 4 * type, AL_IMMUT), 0);
    return elem;
  }
  Ref id = ptr_load(b, VK_I32, elem, offsetof(TableElem, type_id), AL_ELEM);
  trapif(b, un(b, OP_i32_eqz, id), TRAP_uninitialized);
  trapif(b, un(b, OP_i32_eqz, zb_is_subtype(b, id, type)), TRAP_indirect_type);
  return elem;
}

// Once for each reference: what was not null never will be.
void zb_null_check(Build *b, Ref ref, TrapKind kind)
{
  if (zb_known_of_ref(b, ref) & GCA_NONNULL)
    return;
  if (!zb_was_checked(b, UINT32_MAX, ref, 1))
    trapif(b, un(b, OP_i64_eqz, ref), kind);
}

void zb_call_op(Build *b, Op op)
{
  bool direct = op == OP_call || op == OP_return_call, indirect = op == OP_call_indirect || op == OP_return_call_indirect;
  bool tail = op == OP_return_call || op == OP_return_call_indirect || op == OP_return_call_ref;
  uint32_t x = zw_fast_u32(&b->p), table = indirect ? zw_fast_u32(&b->p) : 0;
  const FuncType *t = direct ? zw_func_type(b->m, x) : b->m->types[x].func;
  Ref elem = REF_NONE;
  if (indirect) {
    elem = table_element(b, table, x, pop(b));
  } else if (!direct) {
    elem = pop(b);
    zb_null_check(b, elem, TRAP_null_func);
  }
  if (op == OP_call && zb_enter_inline(b, x))
    return;
  b->sp -= t->nparams;
  uint32_t args = xa_list(b, b->stack + b->sp, t->nparams);
  if (!direct)
    xa_list(b, &elem, 1);
  zb_note_call(b);
  if (tail) {
    zb_end_block(b, direct ? OP_tcall : OP_tcall_elem, args, t->nparams + !direct, x, b->edges.n);
    return;
  }
  unsigned ty = t->nresults ? (unsigned)zw_val_kind(b->m, t->results[0]) : VK_COUNT;
  zb_all_changed(b);
  uint32_t call = append(b, direct ? OP_call : OP_call_elem, ty, 0, args, t->nparams + !direct, x);
  push_results(b, call, t);
}

// ---- references and tables ----
static ValKind table_kind(const Build *b, uint32_t table) { return zw_val_kind(b->m, b->m->tables[table].type.elem); }
static Ref narrow(Build *b, bool is64, Ref r) { return is64 ? r : un(b, OP_i32_wrap_i64, r); }

void zb_table_op(Build *b, Op op)
{
  uint32_t x = zw_fast_u32(&b->p), y = op == OP_table_copy || op == OP_table_init ? zw_fast_u32(&b->p) : 0;
  bool is64 = op != OP_elem_drop && op != OP_table_init && b->m->tables[x].type.limits.is64;
  Ref table = i32_const(b, x);
  switch (op) {
  case OP_table_get: push(b, zb_lib(b, LIB_table_get, table_kind(b, x), (Ref[]){ table, to_i64(b, pop(b)) }, 2)); return;
  case OP_table_set: {
    Ref v = pop(b), i = to_i64(b, pop(b));
    zb_lib(b, LIB_table_set, VK_COUNT, (Ref[]){ table, i, v }, 3);
    return;
  }
  case OP_table_size: {
    push(b, narrow(b, is64, table_length(b, x)));
    return;
  }
  case OP_table_grow: {
    Ref delta = to_i64(b, pop(b)), init = pop(b);
    push(b, narrow(b, is64, zb_lib(b, LIB_table_grow, VK_I64, (Ref[]){ table, init, delta }, 3)));
    return;
  }
  case OP_table_fill: {
    Ref len = to_i64(b, pop(b)), v = pop(b), dst = to_i64(b, pop(b));
    zb_lib(b, LIB_table_fill, VK_COUNT, (Ref[]){ table, dst, v, len }, 4);
    return;
  }
  case OP_table_copy: case OP_table_init: { // init: segment, table; the service wants table, segment
    bool init = op == OP_table_init;
    Ref len = to_i64(b, pop(b)), src = to_i64(b, pop(b)), dst = to_i64(b, pop(b));
    zb_lib(b, init ? LIB_table_init : LIB_table_copy, VK_COUNT, (Ref[]){ i32_const(b, init ? y : x), i32_const(b, init ? x : y), dst, src, len }, 5);
    return;
  }
  default: zb_lib(b, LIB_elem_drop, VK_COUNT, &table, 1); return;
  }
}

void zb_ref_op(Build *b, Op op)
{
  switch (op) {
  case OP_ref_null: push(b, zw_zir_const(b->f, zw_val_kind(b->m, VT_REF | VT_NULL | zw_fast_heaptype(&b->p)), 0, 0)); return;
  case OP_ref_is_null: push(b, un(b, OP_i64_eqz, pop(b))); return;
  case OP_ref_func: {
    uint32_t slot = b->m->funcs[zw_fast_u32(&b->p)].funcref;
    push(b, append(b, OP_vm_addr, VK_FUNCREF, 0, b->f->layout.funcrefs + 32 * slot, 0, 0));
    return;
  }
  case OP_ref_as_non_null: zb_null_check(b, b->stack[b->sp - 1], TRAP_null_ref); return;
  default: BUG("not a reference instruction");
  }
}

void zb_br_on_null(Build *b, bool on_null)
{
  uint32_t label = zw_fast_u32(&b->p);
  Ref ref = pop(b), null = un(b, OP_i64_eqz, ref);
  if (on_null) {
    zb_br_if(b, OP_br, label, null);
    push(b, ref);
  } else { // the label takes the reference
    push(b, ref);
    zb_br_if(b, OP_br, label, un(b, OP_i32_eqz, null));
    b->sp--;
  }
}
