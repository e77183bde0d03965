// The operand stack of the validator, and every instruction that is not control or garbage collection.
// These functions hold for live and dead code alike; check_func.c has a faster way for the common ones in live code.
#include "compiler/wasm/check_int.h"
#include <string.h>

uint64_t zw_here(FuncCheck *f)
{
  f->c->at_func = f->index;
  f->c->at_instr = f->nlive + f->ndead - 1;
  f->c->at_op = zw_op_info[f->op].text;
  return f->func->at + zw_body_pos(f, f->at);
}

// ---- operands ----

static void text_of_types(const Module *m, Text *t, const ValType *types, uint32_t n)
{
  char buf[64];
  for (uint32_t i = 0; i < n && i < 12; i++)
    zw_text_printf(t, "%s%s", i ? " " : "", zw_type_text(m, types[i], buf));
  if (n > 12)
    zw_text_printf(t, " ...");
}

// The text is the specification's: "WHO requires [i32] but stack has [i64]".  have: operands to show.
void zw_fail_operands(FuncCheck *f, const char *who, const ValType *want, uint32_t n, uint32_t have)
{
  Text t;
  zw_text_init(&t, &f->c->scratch);
  zw_text_printf(&t, "%s requires [", who);
  text_of_types(f->m, &t, want, n);
  zw_text_printf(&t, "] but stack has [");
  text_of_types(f->m, &t, f->sp - have, have);
  zw_text_printf(&t, "]");
  zw_fail(f->c, ERR_type_mismatch, zw_here(f), "%s", t.p);
}

static uint32_t in_frame(FuncCheck *f) { return (uint32_t)(f->sp - f->vals) - zw_top(f)->base; }

// The top n operands have these types; in polymorphic code those that are there have.
void zw_peek_list(FuncCheck *f, const ValType *want, uint32_t n)
{
  uint32_t have = in_frame(f);
  if (!n)
    return;
  if (have >= n && memcmp(f->sp - n, want, n * sizeof *want) == 0) // the common case, also of long lists
    return;
  bool ok = have >= n || zw_top(f)->poly;
  uint32_t shown = have < n ? have : n;
  for (uint32_t i = 1; ok && i <= shown; i++)
    ok = zw_subtype(f->m, f->sp[-(ptrdiff_t)i], want[n - i]);
  if (!ok)
    zw_fail_operands(f, "instruction", want, n, shown);
}

void zw_pop_list(FuncCheck *f, const ValType *want, uint32_t n)
{
  if (!n)
    return;
  zw_peek_list(f, want, n);
  uint32_t have = in_frame(f);
  f->sp -= have < n ? have : n;
}

ValType zw_pop_any(FuncCheck *f)
{
  if (f->sp[-1] != VT_MARK)
    return *--f->sp;
  if (!zw_top(f)->poly)
    zw_fail(f->c, ERR_type_mismatch, zw_here(f), "instruction requires an operand but stack has []");
  return VT_BOT;
}

uint32_t zw_pop_ref(FuncCheck *f, bool *nullable)
{
  ValType t = zw_pop_any(f);
  if (t == VT_BOT) {
    *nullable = false;
    return HEAP_BOT;
  }
  if (!zw_is_ref(t)) {
    char buf[64];
    zw_fail(f->c, ERR_type_mismatch, zw_here(f), "instruction requires a reference but stack has [%s]",
            zw_type_text(f->m, t, buf));
  }
  *nullable = zw_is_nullable(t);
  return zw_heap_type(t);
}

static void raise_max(FuncCheck *f)
{
  if (!f->dead && f->sp > f->sp_max)
    f->sp_max = f->sp;
}

void zw_push_type(FuncCheck *f, ValType t)
{
  *f->sp++ = t;
  if (zw_is_ref(t) && !f->dead)
    f->flags |= FN_REFS;
  raise_max(f);
}

void zw_reserve_operands(FuncCheck *f, uint32_t n)
{
  size_t used = (size_t)(f->sp - f->vals), max = (size_t)(f->sp_max - f->vals);
  size_t need = used + n + (size_t)(f->r.end - f->r.p) / 2 + 64;
  if (used + n > LIMIT_OPERANDS)
    zw_fail(f->c, ERR_limit, zw_here(f), "more than %u operands on the stack", LIMIT_OPERANDS);
  if (need <= f->vals_cap)
    return;
  size_t cap = need + need / 4;
  ValType *v = zw_arena_grow(f->a, f->vals - 4, (used + 4) * sizeof *v, (f->vals_cap + (size_t)4) * sizeof *v, (cap + 4) * sizeof *v);
  v += 4;
  f->vals = v;
  f->sp = v + used;
  f->sp_max = v + max;
  f->vals_cap = (uint32_t)cap;
}

void zw_push_list(FuncCheck *f, const ValType *t, uint32_t n)
{
  if (n == 0)
    return;
  zw_reserve_operands(f, n);
  for (uint32_t i = 0; i < n; i++) {
    *f->sp++ = t[i];
    if (zw_is_ref(t[i]) && !f->dead)
      f->flags |= FN_REFS;
  }
  raise_max(f);
}

// ---- indices ----

uint32_t zw_read_index(FuncCheck *f, uint32_t n, const char *what)
{
  uint32_t i = zw_read_u32(&f->r);
  if (i >= n)
    CHECK_FAIL(f, "unknown %s %u", what, i);
  return i;
}

static ValType addr_of(const Limits *l) { return l->is64 ? VT_I64 : VT_I32; }
static ValType smaller_addr(ValType a, ValType b) { return a == VT_I64 && b == VT_I64 ? VT_I64 : VT_I32; }

static uint32_t read_memory(FuncCheck *f)
{
  uint32_t k = zw_read_index(f, f->m->nmemories, "memory");
  if (k)
    zw_need(f->c, f->m, FEAT_MULTI_MEMORY, zw_here(f));
  return k;
}
static ValType memory_addr(const FuncCheck *f, uint32_t k) { return addr_of(&f->m->memories[k].type.limits); }

static const TableDecl *read_table(FuncCheck *f) { return &f->m->tables[zw_read_index(f, f->m->ntables, "table")]; }
static ValType table_addr(const TableDecl *t) { return addr_of(&t->type.limits); }

static uint32_t read_data(FuncCheck *f)
{
  if (!f->m->has_data_count)
    zw_fail(f->c, ERR_malformed, zw_here(f), "data count section required");
  return zw_read_u32(&f->r);
}

uint32_t zw_read_data_index(FuncCheck *f)
{
  uint32_t i = read_data(f);
  if (i >= f->m->ndatas)
    CHECK_FAIL(f, "unknown data segment %u", i);
  return i;
}

static void store_effect(FuncCheck *f, uint32_t memory) { zw_effect(f, memory ? EFF_STOREK : EFF_STORE0); }

// ---- rows: types by signature ----

static ValType sig_type(uint8_t s, ValType addr) { return s == SIG_ADDR ? addr : s; }

static void apply_signature(FuncCheck *f, const OpInfo *i, ValType addr)
{
  ValType in[4];
  for (unsigned k = 0; k < i->nin; k++)
    in[k] = sig_type(i->in[k], addr);
  zw_pop_list(f, in, i->nin);
  for (unsigned k = 0; k < i->nout; k++)
    zw_push_type(f, sig_type(i->out[k], addr));
  if (i->flags & OPF_TRAPS)
    zw_effect(f, EFF_TRAP);
}

// Lanes of a shape: the number behind the x in "i8x16.extract_lane_s".
static unsigned lanes_of(const char *text)
{
  const char *x = strchr(text, 'x');
  return x[1] == '1' ? 16 : (unsigned)(x[1] - '0');
}

static void read_lane(FuncCheck *f, unsigned lanes)
{
  uint8_t lane = zw_read_u8(&f->r);
  if (lane >= lanes)
    CHECK_FAIL(f, "invalid lane index %u", lane);
}

static uint32_t read_memarg(FuncCheck *f, const OpInfo *i)
{
  uint32_t flags = zw_read_u32(&f->r), memory = 0;
  if (flags >= 2 * MEMARG_HAS_MEMORY)
    zw_fail(f->c, ERR_malformed, zw_here(f), "malformed memop flags");
  if (flags & MEMARG_HAS_MEMORY) {
    zw_need(f->c, f->m, FEAT_MULTI_MEMORY, zw_here(f));
    memory = zw_read_u32(&f->r);
  }
  uint64_t offset = zw_read_u64(&f->r);
  if (memory >= f->m->nmemories)
    CHECK_FAIL(f, "unknown memory %u", memory);
  uint32_t log2 = flags & (MEMARG_HAS_MEMORY - 1);
  if (log2 >= 32 || 1u << log2 > i->width)
    CHECK_FAIL(f, "alignment must not be larger than natural");
  if ((i->flags & OPF_ATOMIC) && 1u << log2 != i->width)
    CHECK_FAIL(f, "atomic alignment must be natural");
  if (memory_addr(f, memory) == VT_I32 && offset > UINT32_MAX)
    CHECK_FAIL(f, "offset out of range");
  return memory;
}

static void check_memory_row(FuncCheck *f, const OpInfo *i)
{
  uint32_t memory = read_memarg(f, i);
  if (i->kind == OPK_LANE)
    read_lane(f, 16 / i->width);
  apply_signature(f, i, memory_addr(f, memory));
  // An atomic access orders other threads' writes: nothing known about memory holds behind it.
  if (i->flags & OPF_ATOMIC)
    zw_effect(f, EFF_STORE0 | EFF_STOREK);
  if (i->flags & OPF_STORE)
    store_effect(f, memory);
}

static void check_num_row(FuncCheck *f, const OpInfo *i)
{
  if (i->flags & OPF_LANEIMM)
    read_lane(f, lanes_of(i->text));
  apply_signature(f, i, VT_BOT);
}

// ---- calls ----

static void note_call(FuncCheck *f, bool tail)
{
  if (f->dead)
    return;
  f->effects |= EFF_CALL | EFF_TRAP;
  f->flags &= ~(uint32_t)FN_LEAF;
  if (tail)
    f->flags |= FN_TAIL_CALLS;
}

static void call_type(FuncCheck *f, const FuncType *t, bool tail)
{
  zw_pop_list(f, t->params, t->nparams);
  note_call(f, tail);
  if (!tail) {
    zw_push_list(f, t->results, t->nresults);
    return;
  }
  bool ok = t->nresults == f->type->nresults;
  for (uint32_t i = 0; ok && i < t->nresults; i++)
    ok = zw_subtype(f->m, t->results[i], f->type->results[i]);
  if (!ok)
    zw_fail(f->c, ERR_type_mismatch, zw_here(f), "the callee of a tail call has other results than its caller");
  zw_die(f, 0);
}

void zw_check_call(FuncCheck *f, const FuncType *t)
{
  uint32_t n = t->nparams, have = in_frame(f), same = 0;
  const ValType *args = f->sp - n;
  while (same < n && have >= n && args[same] == t->params[same])
    same++;
  if (f->dead || same < n || t->nresults > 1 || (t->nresults && zw_is_ref(t->results[0]))) {
    call_type(f, t, false);
    return;
  }
  f->sp -= n;
  note_call(f, false);
  if (t->nresults) {
    *f->sp++ = t->results[0];
    raise_max(f);
  }
}

static const FuncType *read_callee(FuncCheck *f) { return zw_func_type(f->m, zw_read_index(f, f->m->nfuncs, "function")); }

static const FuncType *read_func_type(FuncCheck *f, uint32_t *index)
{
  *index = zw_read_index(f, f->m->ntypes, "type");
  if (f->m->types[*index].kind != COMP_FUNC)
    CHECK_FAIL(f, "unknown type %u: it is not a function type", *index);
  return f->m->types[*index].func;
}

static void check_call_indirect(FuncCheck *f, bool tail)
{
  uint32_t index;
  const FuncType *t = read_func_type(f, &index);
  const TableDecl *table = read_table(f);
  if (table != f->m->tables)
    zw_need(f->c, f->m, FEAT_REF_TYPES, zw_here(f));
  if (!zw_subtype(f->m, table->type.elem, VT_FUNCREF)) {
    char buf[64];
    zw_fail(f->c, ERR_type_mismatch, zw_here(f), "instruction requires a table of functions but it has %s",
            zw_type_text(f->m, table->type.elem, buf));
  }
  zw_pop(f, table_addr(table));
  call_type(f, t, tail);
}

static void check_call_ref(FuncCheck *f, bool tail)
{
  uint32_t index;
  const FuncType *t = read_func_type(f, &index);
  zw_pop(f, VT_REF | VT_NULL | index);
  call_type(f, t, tail);
}

// ---- locals and globals ----

static void note_init(FuncCheck *f, uint32_t x)
{
  if (f->has_uninit && !zw_is_init(f, x)) {
    f->init[x >> 6] |= (uint64_t)1 << (x & 63);
    *zw_push(f->a, &f->init_log) = (LocalInit){ x, f->ctrl.n };
  }
}

static void note_set(FuncCheck *f, uint32_t x)
{
  note_init(f, x);
  if (f->dead)
    return;
  if (f->stamps[x] != f->block_serial)
    zw_log_set(f, x);
}

static void check_local(FuncCheck *f)
{
  uint32_t x = zw_read_index(f, f->nlocals, "local");
  ValType t = zw_local_type(f, x);
  if (f->op == OP_local_get) {
    if (f->has_uninit && !zw_is_init(f, x))
      CHECK_FAIL(f, "uninitialized local %u", x);
    zw_push_type(f, t);
    return;
  }
  zw_pop(f, t);
  if (f->op == OP_local_tee)
    zw_push_type(f, t);
  note_set(f, x);
}

static void check_global(FuncCheck *f)
{
  uint32_t x = zw_read_index(f, f->m->nglobals, "global");
  const GlobalType *g = &f->m->globals[x].type;
  if (f->op == OP_global_get) {
    zw_push_type(f, g->type);
    return;
  }
  if (!g->mutable_)
    CHECK_FAIL(f, "immutable global %u", x);
  zw_pop(f, g->type);
  zw_effect(f, f->global_effect[x]);
}

// ---- tables ----

static void check_table(FuncCheck *f)
{
  const TableDecl *t = read_table(f);
  ValType addr = table_addr(t), elem = t->type.elem;
  switch ((uint32_t)f->op) {
  case OP_table_get:
    zw_pop(f, addr);
    zw_push_type(f, elem);
    zw_effect(f, EFF_TRAP);
    return;
  case OP_table_set: zw_pop_list(f, (ValType[]){ addr, elem }, 2); break;
  case OP_table_size: zw_push_type(f, addr); return;
  case OP_table_grow:
    zw_pop_list(f, (ValType[]){ elem, addr }, 2);
    zw_push_type(f, addr);
    zw_effect(f, EFF_GROW);
    break;
  default: zw_pop_list(f, (ValType[]){ addr, elem, addr }, 3); break; // table.fill
  }
  zw_effect(f, EFF_TABLE | EFF_TRAP);
}

static void fail_elem(FuncCheck *f, ValType from, ValType to)
{
  char a[64], b[64];
  zw_fail(f->c, ERR_type_mismatch, zw_here(f), "elements of type %s do not fit into %s", zw_type_text(f->m, from, a),
          zw_type_text(f->m, to, b));
}

static void check_table_init(FuncCheck *f)
{
  uint32_t e = zw_read_u32(&f->r);
  const TableDecl *t = read_table(f);
  if (e >= f->m->nelems)
    CHECK_FAIL(f, "unknown elem segment %u", e);
  ValType type = f->m->elems[e].type;
  if (!zw_subtype(f->m, type, t->type.elem))
    fail_elem(f, type, t->type.elem);
  zw_pop_list(f, (ValType[]){ table_addr(t), VT_I32, VT_I32 }, 3);
  zw_effect(f, EFF_TABLE | EFF_TRAP);
}

static void check_table_copy(FuncCheck *f)
{
  const TableDecl *to = read_table(f), *from = read_table(f);
  if (!zw_subtype(f->m, from->type.elem, to->type.elem))
    fail_elem(f, from->type.elem, to->type.elem);
  ValType a = table_addr(to), b = table_addr(from);
  zw_pop_list(f, (ValType[]){ a, b, smaller_addr(a, b) }, 3);
  zw_effect(f, EFF_TABLE | EFF_TRAP);
}

// ---- memories ----

static void check_memory_size(FuncCheck *f)
{
  ValType addr = memory_addr(f, read_memory(f));
  if (f->op == OP_memory_grow) {
    zw_pop(f, addr);
    zw_effect(f, EFF_GROW);
  }
  zw_push_type(f, addr);
}

static void check_memory_bulk(FuncCheck *f)
{
  uint32_t data = f->op == OP_memory_init ? read_data(f) : 0, to = read_memory(f);
  if (f->op == OP_memory_init && data >= f->m->ndatas)
    CHECK_FAIL(f, "unknown data segment %u", data);
  ValType a = memory_addr(f, to);
  if (f->op == OP_memory_copy) {
    ValType b = memory_addr(f, read_memory(f));
    zw_pop_list(f, (ValType[]){ a, b, smaller_addr(a, b) }, 3);
  } else {
    zw_pop_list(f, (ValType[]){ a, VT_I32, f->op == OP_memory_fill ? a : VT_I32 }, 3);
  }
  zw_effect(f, EFF_TRAP);
  store_effect(f, to);
}

// ---- select, shuffle ----

static void check_select(FuncCheck *f)
{
  zw_pop(f, VT_I32);
  ValType a = zw_pop_any(f), b = zw_pop_any(f);
  if (zw_is_ref(a) || zw_is_ref(b))
    zw_fail(f->c, ERR_type_mismatch, zw_here(f), "select of references needs a type");
  if (a != b && a != VT_BOT && b != VT_BOT) {
    ValType want[2] = { a, a };
    f->sp += 2;
    zw_fail_operands(f, "instruction", want, 2, 2);
  }
  zw_push_type(f, a == VT_BOT ? b : a);
}

static void check_select_t(FuncCheck *f)
{
  uint32_t n = zw_read_u32(&f->r);
  ValType t = VT_BOT;
  for (uint32_t i = 0; i < n; i++)
    t = zw_read_valtype(&f->r, f->m);
  if (n != 1)
    CHECK_FAIL(f, "invalid result arity");
  zw_pop_list(f, (ValType[]){ t, t, VT_I32 }, 3);
  zw_push_type(f, t);
}

static void check_shuffle(FuncCheck *f)
{
  const uint8_t *lanes = zw_read_bytes(&f->r, 16);
  for (unsigned i = 0; i < 16; i++)
    if (lanes[i] >= 32)
      CHECK_FAIL(f, "invalid lane index %u", lanes[i]);
  zw_pop_list(f, (ValType[]){ VT_V128, VT_V128 }, 2);
  zw_push_type(f, VT_V128);
}

// ---- all WASM rows that are left ----

static void check_fence(FuncCheck *f)
{
  if (zw_read_u8(&f->r) != 0)
    zw_fail(f->c, ERR_malformed, zw_here(f), "zero byte expected");
  zw_effect(f, EFF_STORE0 | EFF_STOREK);
}

static void check_wasm_row(FuncCheck *f)
{
  Reader *r = &f->r;
  switch ((uint32_t)f->op) {
  case OP_unreachable:
    zw_effect(f, EFF_TRAP);
    zw_die(f, COLD_SINK);
    return;
  case OP_nop: return;
  case OP_drop: zw_pop_any(f); return;
  case OP_select: check_select(f); return;
  case OP_select_t: check_select_t(f); return;
  case OP_local_get: case OP_local_set: case OP_local_tee: check_local(f); return;
  case OP_global_get: case OP_global_set: check_global(f); return;
  case OP_i32_const: zw_read_s32(r); zw_push_type(f, VT_I32); return;
  case OP_i64_const: zw_read_s64(r); zw_push_type(f, VT_I64); return;
  case OP_f32_const: zw_read_bytes(r, 4); zw_push_type(f, VT_F32); return;
  case OP_f64_const: zw_read_bytes(r, 8); zw_push_type(f, VT_F64); return;
  case OP_v128_const: zw_read_bytes(r, 16); zw_push_type(f, VT_V128); return;
  case OP_i8x16_shuffle: check_shuffle(f); return;
  case OP_call: zw_check_call(f, read_callee(f)); return;
  case OP_return_call: call_type(f, read_callee(f), true); return;
  case OP_call_indirect: check_call_indirect(f, false); return;
  case OP_return_call_indirect: check_call_indirect(f, true); return;
  case OP_call_ref: check_call_ref(f, false); return;
  case OP_return_call_ref: check_call_ref(f, true); return;
  case OP_table_get:
  case OP_table_set:
  case OP_table_grow:
  case OP_table_size:
  case OP_table_fill: check_table(f); return;
  case OP_table_init: check_table_init(f); return;
  case OP_table_copy: check_table_copy(f); return;
  case OP_elem_drop: zw_read_index(f, f->m->nelems, "elem segment"); return;
  case OP_memory_size: case OP_memory_grow: check_memory_size(f); return;
  case OP_memory_init: case OP_memory_copy: case OP_memory_fill: check_memory_bulk(f); return;
  case OP_data_drop: zw_read_data_index(f); return;
  case OP_atomic_fence: check_fence(f); return;
  case OP_block: case OP_loop: case OP_if: case OP_else: case OP_end: case OP_br: case OP_br_if: case OP_br_table:
  case OP_return: case OP_try_table: case OP_throw: case OP_throw_ref: case OP_try: case OP_catch: case OP_catch_all:
  case OP_rethrow: case OP_delegate:
    zw_check_control(f);
    return;
  default: zw_check_gc_op(f); // which knows all that are left, or stops
  }
}

// A body that stops before its `end`.  The suite's texts are those of a decoder that does not know where bodies stop:
// they depend on the byte behind.
static _Noreturn void fail_no_end(FuncCheck *f)
{
  const uint8_t *p = f->r.p, *file_end = f->m->bytes + f->m->len;
  f->c->at_op = NULL;
  f->c->at_instr = UINT32_MAX;
  if (p < file_end && *p == 0x05)
    zw_fail(f->c, ERR_malformed, zw_read_pos(&f->r), "END opcode expected");
  if (p < file_end && *p == 0x0b)
    zw_fail(f->c, ERR_malformed, zw_read_pos(&f->r), "section size mismatch: a body without end");
  zw_read_end(&f->r);
}

void zw_check_op(FuncCheck *f)
{
  if (f->r.p == f->r.end)
    fail_no_end(f);
  f->at = f->r.p;
  f->c->at_func = f->index;
  f->c->at_instr = f->nlive + f->ndead;
  f->c->at_op = NULL;
  f->op = zw_read_op(&f->r);
  if (f->dead)
    f->ndead++;
  else
    f->nlive++;
  const OpInfo *i = &zw_op_info[f->op];
  f->c->at_op = i->text;
  zw_need(f->c, f->m, (Feature)i->feature, f->func->at + zw_body_pos(f, f->at));
  switch ((OpKind)i->kind) {
  case OPK_NUM: case OPK_TNUM: check_num_row(f, i); return;
  case OPK_MEM: case OPK_LANE: check_memory_row(f, i); return;
  case OPK_WASM: check_wasm_row(f); return;
  case OPK_ZIR: break;
  }
  BUG("%s in a module", i->text);
}
