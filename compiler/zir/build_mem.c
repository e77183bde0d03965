// P2: memories and globals.  What needs a bounds check gets one here; what a guard region catches does not.
#include "compiler/zir/build_int.h"

static bool checked(const Build *b, uint32_t mem)
{
  const Limits *l = &b->m->memories[mem].type.limits;
  return b->o->image_flags & IMAGE_CHECKED || l->is64 || l->page_log2 != 16;
}

bool zb_is_plain_memory(const Build *b) { return b->m->nmemories && !checked(b, 0) && !b->m->memories[0].type.limits.shared; }

static Ref memory_bytes(Build *b, uint32_t mem)
{
  Ref def = zb_invariant(b, &(ZIns){ OP_vm_load, VK_I64, AL_IMMUT, b->f->layout.memories + 16 * mem + 8, 0, 0 });
  ZIns load = { OP_ptr_load, VK_I64, AL_MEMLEN, def, 0, offsetof(VmMemoryDef, bytes) };
  if (b->m->memories[mem].type.limits.shared) // grows behind our back
    return append(b, OP_ptr_load, VK_I64, AL_MEMLEN, load.a, 0, load.c);
  return zb_load_fact(b, zb_key_of(&load), ST_LENGTH);
}

static void check_bounds(Build *b, Ref addr, const MemArg *arg, uint32_t width)
{
  const Limits *limits = &b->m->memories[arg->memory].type.limits;
  uint64_t reach, c, least = limits->min << limits->page_log2; // a memory is never smaller
  if (__builtin_add_overflow(arg->offset, (uint64_t)width, &reach)) {
    trapif(b, i32_const(b, 1), TRAP_oob);
    return;
  }
  bool small = !b->o->no_fold && reach <= least;
  if (small && zb_is_const(b, addr, &c) && c <= least - reach)
    return;
  if (zb_was_checked(b, arg->memory, addr, reach))
    return;
  Ref idx = to_i64(b, addr);
  if (small) { // len - reach does not wrap, and is the same for all accesses of that reach
    ZIns sub = { OP_i64_sub, VK_I64, 0, memory_bytes(b, arg->memory), i64_const(b, reach), 0 };
    Ref last = zb_invariant(b, &sub);
    trapif(b, bin(b, OP_i64_gt_u, idx, last), TRAP_oob);
    return;
  }
  Ref len = memory_bytes(b, arg->memory), end = bin(b, OP_i64_add, idx, i64_const(b, reach));
  if (limits->is64)
    trapif(b, bin(b, OP_i64_lt_u, end, idx), TRAP_oob);
  trapif(b, bin(b, OP_i64_gt_u, end, len), TRAP_oob);
}

// Check [address + offset, + width) when the memory needs it, and make the offset fit the machine's displacement.
static Ref address(Build *b, Ref addr, MemArg *arg, uint32_t width)
{
  if (checked(b, arg->memory))
    check_bounds(b, addr, arg, width);
  if (arg->offset >> 31) {
    addr = bin(b, OP_i64_add, to_i64(b, addr), i64_const(b, arg->offset));
    arg->offset = 0;
  }
  return addr;
}

// What a service may change.
static void service_changes(Build *b, unsigned id)
{
  switch (id) {
  case LIB_memory_copy: case LIB_memory_fill: case LIB_memory_init: case LIB_wait32: case LIB_wait64: case LIB_notify:
    zb_changed(b, ST_MEMORY0), zb_changed(b, ST_MEMORIES);
    return;
  case LIB_memory_grow: zb_changed(b, ST_LENGTH); return;
  case LIB_data_drop: case LIB_elem_drop: case LIB_table_get: case LIB_table_set: case LIB_table_fill:
  case LIB_table_copy: case LIB_table_init: case LIB_sig_subtype:
  case LIB_struct_new: case LIB_array_new: case LIB_array_new_data: case LIB_array_new_elem: // nobody knows anything of elements
  case LIB_array_copy: case LIB_array_fill: case LIB_array_init_data: case LIB_array_init_elem:
    return;
  default: zb_all_changed(b); return; // table.grow, and what may run other code
  }
}

Ref zb_lib(Build *b, unsigned id, unsigned ty, const Ref *args, uint32_t n)
{
  service_changes(b, id);
  return append(b, OP_lib, ty, 0, xa_list(b, args, n), n, id);
}

// Atomic accesses trap when the address is no multiple of the width, before anything else.
static void check_aligned(Build *b, Ref addr, const MemArg *arg, uint32_t width)
{
  if (width == 1)
    return;
  Ref at = bin(b, OP_i64_add, to_i64(b, addr), i64_const(b, arg->offset & (width - 1)));
  trapif(b, bin(b, OP_i64_ne, bin(b, OP_i64_and, at, i64_const(b, width - 1)), i64_const(b, 0)), TRAP_unaligned_atomic);
}

static void wait_or_notify(Build *b, Op op, const MemArg *arg)
{
  bool notify = op == OP_memory_atomic_notify;
  Ref timeout = notify ? REF_NONE : pop(b), value = pop(b), addr = to_i64(b, pop(b));
  if (arg->offset) {
    Ref at = bin(b, OP_i64_add, addr, i64_const(b, arg->offset));
    trapif(b, bin(b, OP_i64_lt_u, at, addr), TRAP_oob);
    addr = at;
  }
  unsigned id = notify ? LIB_notify : op == OP_memory_atomic_wait32 ? LIB_wait32 : LIB_wait64;
  push(b, zb_lib(b, id, VK_I32, (Ref[]){ i32_const(b, arg->memory), addr, value, timeout }, notify ? 3 : 4));
}

void zb_access(Build *b, Op op)
{
  const OpInfo *info = &zw_op_info[op];
  MemArg arg = zw_fast_memarg(&b->p);
  uint32_t lane = info->kind == OPK_LANE ? *b->p++ : 0;
  if (info->flags & (OPF_WAIT | OPF_NOTIFY)) {
    wait_or_notify(b, op, &arg);
    return;
  }
  Ref in[3] = { 0 };
  for (unsigned k = info->nin; k-- > 0;)
    in[k] = pop(b);
  if (info->flags & OPF_ATOMIC)
    check_aligned(b, in[0], &arg, info->width);
  in[0] = address(b, in[0], &arg, info->width);
  unsigned ty = info->nout ? info->out[0] : VK_COUNT;
  uint32_t off = (uint32_t)arg.offset, r;
  if (info->kind == OPK_LANE)
    r = append(b, op, ty, arg.memory, xa_list(b, (Ref[]){ in[0], in[1], lane }, 3), 0, off);
  else if (info->flags & OPF_CMPXCHG)
    r = append(b, op, ty, arg.memory, xa_list(b, in, 3), 0, off);
  else if (ty == VK_COUNT && info->kind == OPK_MEM && !(info->flags & OPF_ATOMIC)) {
    zb_memory_store(b, zb_key(op, VK_COUNT, arg.memory, in[0], in[1], off));
    return;
  } else if (info->flags & (OPF_ATOMIC | OPF_STORE) || ty == VK_COUNT)
    r = append(b, op, ty, arg.memory, in[0], in[1], off);
  else
    r = zb_memory_load(b, &(ZIns){ (uint16_t)op, (uint8_t)ty, (uint8_t)arg.memory, in[0], 0, off });
  if (info->flags & OPF_ATOMIC)
    zb_changed(b, ST_MEMORY0), zb_changed(b, ST_MEMORIES);
  else if (ty == VK_COUNT)
    zb_changed(b, arg.memory ? ST_MEMORIES : ST_MEMORY0);
  if (info->nout)
    push(b, r);
}

void zb_memory_op(Build *b, Op op)
{
  uint32_t x = zw_fast_u32(&b->p), y = 0;
  if (op == OP_memory_copy || op == OP_memory_init)
    y = zw_fast_u32(&b->p);
  if (op == OP_memory_size) {
    const Limits *l = &b->m->memories[x].type.limits;
    Ref pages = bin(b, OP_i64_shr_u, memory_bytes(b, x), i64_const(b, l->page_log2));
    push(b, l->is64 ? pages : un(b, OP_i32_wrap_i64, pages));
  } else if (op == OP_memory_grow) {
    Ref delta = to_i64(b, pop(b));
    Ref old = zb_lib(b, LIB_memory_grow, VK_I64, (Ref[]){ i32_const(b, x), delta }, 2);
    push(b, b->m->memories[x].type.limits.is64 ? old : un(b, OP_i32_wrap_i64, old));
  } else if (op == OP_data_drop) {
    zb_lib(b, LIB_data_drop, VK_COUNT, (Ref[]){ i32_const(b, x) }, 1);
  } else {
    Ref len = to_i64(b, pop(b)), second = pop(b), dst = to_i64(b, pop(b));
    if (op == OP_memory_fill) {
      zb_lib(b, LIB_memory_fill, VK_COUNT, (Ref[]){ i32_const(b, x), dst, second, len }, 4);
    } else {
      bool init = op == OP_memory_init; // init: segment, memory; the service wants memory, segment
      zb_lib(b, init ? LIB_memory_init : LIB_memory_copy, VK_COUNT,
          (Ref[]){ i32_const(b, init ? y : x), i32_const(b, init ? x : y), dst, to_i64(b, second), len }, 5);
    }
  }
}

void zb_global_op(Build *b, bool set)
{
  uint32_t g = zw_fast_u32(&b->p), off = b->f->layout.globals + 16 * g;
  const Global *global = &b->m->globals[g];
  ValKind ty = zw_val_kind(b->m, global->type.type);
  unsigned alias = global->type.mutable_ ? AL_GLOBAL : AL_IMMUT;
  bool imported = global->import != UINT32_MAX;
  // A place of its own, or where the import says; what is known of it is known as a load of that.
  Ref p = imported ? vm_load(b, VK_I64, off, AL_IMMUT) : REF_NONE;
  Key load = zb_key(imported ? OP_ptr_load : OP_vm_load, ty, alias, imported ? p : off, 0, 0);
  StateKind state = imported ? ST_IMPORTED : (StateKind)(ST_GLOBALS + g % (ST_COUNT - ST_GLOBALS));
  if (set) {
    Ref v = pop(b);
    imported ? append(b, OP_ptr_store, VK_COUNT, alias, p, v, 0) : append(b, OP_vm_store, VK_COUNT, alias, off, v, 0);
    zb_store_fact(b, load, state, v);
  } else if (alias == AL_IMMUT) {
    push(b, zb_number(b, load));
  } else {
    push(b, zb_load_fact(b, load, state));
  }
}
