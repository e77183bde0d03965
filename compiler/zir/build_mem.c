// P2: memories and globals.  What needs a bounds check gets one here; what a guard region catches does not.
#include "compiler/zir/build_int.h"

static bool checked(const Build *b, uint32_t mem)
{
  const Limits *l = &b->m->memories[mem].type.limits;
  return b->o->image_flags & IMAGE_CHECKED || l->is64 || l->page_log2 != 16;
}

static Ref memory_bytes(Build *b, uint32_t mem)
{
  Ref def = vm_load(b, VK_I64, b->f->layout.memories + 16 * mem + 8, AL_IMMUT);
  return ptr_load(b, VK_I64, def, offsetof(VmMemoryDef, bytes), AL_MEMLEN);
}

// Check [address + offset, + width) when the memory needs it, and make the offset fit the machine's displacement.
static Ref address(Build *b, Ref addr, MemArg *arg, uint32_t width)
{
  if (checked(b, arg->memory)) {
    Ref len = memory_bytes(b, arg->memory), idx = to_i64(b, addr);
    uint64_t reach;
    if (__builtin_add_overflow(arg->offset, (uint64_t)width, &reach)) {
      trapif(b, i32_const(b, 1), TRAP_oob);
      reach = 0;
    }
    Ref end = bin(b, OP_i64_add, idx, i64_const(b, reach));
    if (b->m->memories[arg->memory].type.limits.is64)
      trapif(b, bin(b, OP_i64_lt_u, end, idx), TRAP_oob);
    trapif(b, bin(b, OP_i64_gt_u, end, len), TRAP_oob);
  }
  if (arg->offset >> 31) {
    addr = bin(b, OP_i64_add, to_i64(b, addr), i64_const(b, arg->offset));
    arg->offset = 0;
  }
  return addr;
}

Ref zb_lib(Build *b, unsigned id, unsigned ty, const Ref *args, uint32_t n)
{
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
  else
    r = append(b, op, ty, arg.memory, in[0], in[1], off);
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
  Ref p = imported ? vm_load(b, VK_I64, off, AL_IMMUT) : REF_NONE;
  if (set) {
    Ref v = pop(b);
    imported ? append(b, OP_ptr_store, VK_COUNT, alias, p, v, 0) : append(b, OP_vm_store, VK_COUNT, alias, off, v, 0);
  } else {
    push(b, imported ? ptr_load(b, ty, p, 0, alias) : vm_load(b, ty, off, alias));
  }
}
