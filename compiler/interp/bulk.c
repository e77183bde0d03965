// Memories and tables as wholes: size, grow, copy, fill, init, drop; single table elements.
#include "compiler/interp/run.h"

static uint64_t failed(bool is64) { return is64 ? UINT64_MAX : UINT32_MAX; }

Step zw_interp_table(Interp *I, Frame *fr, Op op, const uint8_t *pc, Value *sp)
{
  Instance *in = fr->in;
  uint32_t index = zw_fast_u32(&pc);
  if (op == OP_memory_size) {
    const Memory *m = in->memories[index];
    sp++->u64 = __atomic_load_n(&m->def.bytes, __ATOMIC_RELAXED) >> m->page_log2;
    return (Step){ pc, sp };
  }
  if (op == OP_memory_grow) {
    Memory *m = in->memories[index];
    uint64_t old = zw_memory_grow(m, sp[-1].u64);
    sp[-1].u64 = old == ZW_GROW_FAILED ? failed(m->is64) : old;
    return (Step){ pc, sp };
  }
  Table *t = in->tables[index];
  if (op == OP_table_get) {
    if (sp[-1].u64 >= t->def.length)
      return trap_step(I, TRAP_table_oob);
    sp[-1].u64 = zw_table_get(t, sp[-1].u64);
    return (Step){ pc, sp };
  }
  sp -= 2; // table.set
  if (sp[0].u64 >= t->def.length)
    return trap_step(I, TRAP_table_oob);
  zw_table_set(t, sp[0].u64, sp[1].u64);
  return (Step){ pc, sp };
}

const FuncRef *zw_interp_table_func(Interp *I, const Instance *in, const uint8_t **pc, uint64_t index)
{
  uint32_t want = type_id_of(in, zw_fast_u32(pc));
  const Table *t = in->tables[zw_fast_u32(pc)];
  const TableElem *e = (const TableElem *)t->def.base + index;
  TrapKind k = TRAP_none;
  if (index >= t->def.length)
    k = TRAP_undefined_element;
  else if (e->type_id == 0)
    k = TRAP_uninitialized;
  else if (e->type_id != want && !zw_type_sub(e->type_id, want))
    k = TRAP_indirect_type;
  if (k == TRAP_none)
    return e->ref;
  I->trap = k;
  return NULL;
}

Step zw_interp_bulk(Interp *I, Frame *fr, uint32_t number, const uint8_t *pc, Value *sp)
{
  Instance *in = fr->in;
  Op op = zw_op_from_code(0xfc, number);
  uint32_t x = zw_fast_u32(&pc), y = 0;
  bool ok = true;
  TrapKind oob = TRAP_oob;
  safepoint(I, fr, pc, sp);
  switch (op) {
  case OP_memory_init:
    y = zw_fast_u32(&pc);
    sp -= 3;
    ok = zw_memory_init(in, y, x, sp[0].u64, sp[1].u64, sp[2].u64);
    break;
  case OP_memory_copy:
    y = zw_fast_u32(&pc);
    sp -= 3;
    ok = zw_memory_copy(in->memories[x], in->memories[y], sp[0].u64, sp[1].u64, sp[2].u64);
    break;
  case OP_memory_fill:
    sp -= 3;
    ok = zw_memory_fill(in->memories[x], sp[0].u64, (uint8_t)sp[1].u32, sp[2].u64);
    break;
  case OP_data_drop: in->dropped_datas[x] = 1; break;
  case OP_table_init:
    y = zw_fast_u32(&pc);
    sp -= 3;
    oob = TRAP_table_oob;
    ok = zw_table_init(in, y, x, sp[0].u64, sp[1].u64, sp[2].u64);
    break;
  case OP_table_copy:
    y = zw_fast_u32(&pc);
    sp -= 3;
    oob = TRAP_table_oob;
    ok = zw_table_copy(in->tables[x], in->tables[y], sp[0].u64, sp[1].u64, sp[2].u64);
    break;
  case OP_table_fill:
    sp -= 3;
    oob = TRAP_table_oob;
    ok = zw_table_fill(in->tables[x], sp[0].u64, sp[1].u64, sp[2].u64);
    break;
  case OP_elem_drop: in->dropped_elems[x] = 1; break;
  case OP_table_grow: {
    uint64_t old = zw_table_grow(in->tables[x], sp[-1].u64, sp[-2].u64);
    sp--;
    sp[-1].u64 = old == ZW_GROW_FAILED ? failed(in->tables[x]->is64) : old;
    break;
  }
  case OP_table_size: sp++->u64 = in->tables[x]->def.length; break;
  default: BUG("0xfc %u in checked code", number);
  }
  return ok ? (Step){ pc, sp } : trap_step(I, oob);
}

// ---- where an access goes ----

uint8_t *zw_interp_address(Interp *I, Frame *fr, const uint8_t **pc, uint64_t index, uint32_t width)
{
  MemArg a = zw_fast_memarg(pc);
  const VmMemoryDef *d = memory_def(fr->in, a.memory);
  uint64_t at, bytes = __atomic_load_n(&d->bytes, __ATOMIC_RELAXED);
  if (!__builtin_add_overflow(index, a.offset, &at) && bytes >= width && at <= bytes - width)
    return d->base + at;
  I->trap = TRAP_oob;
  I->trap_has_access = true;
  I->trap_access = (TrapAccess){ at < index ? UINT64_MAX : at < bytes ? bytes : at, bytes, a.memory };
  return NULL;
}
