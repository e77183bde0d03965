// A HOST thunk for any signature (generic_x64.S), for functions that came into a table without a module bringing a thunk: the same
// walk over registers and stack slots that the compiler's thunks take (abi/vmctx.h).
#include "runtime/vm/vm_int.h"

typedef struct HostRegs {
  uint8_t xmm[8][16];
  uint64_t gpr[6];            // in: rdi rsi rdx rcx r8 r9.  out: rax rdx rcx rsi rdi r8
  uint64_t r11, r10, rbp;
  uint64_t return_pc;
  uint64_t stack[];
} HostRegs;
typedef struct Walk { uint32_t gpr, xmm, at; } Walk; // next registers, next byte in memory

// Where the next value of that type is: a register's slot or bytes in `memory`.
static void *next_place(Walk *w, HostRegs *r, char *memory, ValType t)
{
  bool vector = t == VT_F32 || t == VT_F64 || t == VT_V128;
  if (vector && w->xmm < 8)
    return r->xmm[w->xmm++];
  if (!vector && w->gpr < 6)
    return &r->gpr[w->gpr++];
  uint32_t bytes = t == VT_V128 ? 16 : 8;
  w->at = (uint32_t)zw_align_up(w->at, bytes);
  w->at += bytes;
  return memory + w->at - bytes;
}
static size_t value_bytes(ValType t) { return t == VT_I32 || t == VT_F32 ? 4 : t == VT_V128 ? 16 : 8; }

// ---- an interpreted function that machine code calls: a host function that calls it ----

static void call_interpreted(void *env, VmCtx *caller, Value *args)
{
  (void)caller;
  zw_call_plain(env, args); // a trap goes to the entry of the machine code
}

static HostFunc *find_or_make_bridge(Instance *in, uint32_t func)
{
  if (!in->bridges && !(in->bridges = zw_alloc(IMAGE_COUNT(in->image, IMG_FUNC_TYPES) * sizeof *in->bridges)))
    return NULL;
  if (!in->bridges[func]) {
    FuncRef *f = zw_instance_func(in, func), *bridge = f ? zw_host_func_of_type(in->store, f->type_id, call_interpreted, f) : NULL;
    in->bridges[func] = bridge ? (HostFunc *)(void *)bridge->vmctx : NULL;
  }
  return in->bridges[func];
}

// Who is called: v as machine code found it in e.
HostFunc *zw_generic_func(VmCtx *v, const TableElem *e)
{
  if (v->is_host)
    return (HostFunc *)(void *)v;
  STATIC_ASSERT(offsetof(FuncRef, func) == offsetof(TableElem, func), "e is either");
  HostFunc *h = find_or_make_bridge(v->instance, e->func);
  if (!h)
    zw_trap_lib(v, TRAP_alloc_failure);
  return h;
}

size_t zw_generic_bytes(const HostFunc *h)
{
  const TypeInfo *t = zw_type_info(h->ref.type_id);
  return sizeof(Value) * (t->n > t->m ? t->n : t->m);
}

// Bytes of results that do not fit in registers.
static uint32_t result_bytes(const TypeInfo *t)
{
  HostRegs r; // only walked over
  Walk w = { 0, 0, 0 };
  for (uint32_t i = 0; i < t->m; i++)
    (void)next_place(&w, &r, (char *)&r, t->types[t->n + i]);
  return (uint32_t)zw_align_up(w.at, 16);
}

// The vmctx that the XCALL thunk of the caller saved first in its frame.
static VmCtx *generic_caller(const HostRegs *r, uint32_t arg_bytes, Activation *a)
{
  const Image *im = zw_code_find(r->return_pc);
  const ImageFunc *f = im ? zw_image_func_at(im, (uint32_t)(r->return_pc - (uintptr_t)im->text)) : NULL;
  CHECK(f && f->flags == IMAGE_FUNC_THUNK_XCALL);
  a->exit_pc = r->return_pc;
  a->exit_sp = (uintptr_t)r->stack + arg_bytes;
  uintptr_t cfa = a->exit_sp + f->frame_bytes + 8 * zw_popcnt32(f->saved) + 8;
  return ((VmCtx **)cfa)[-2]; // [-1] is the return address
}

// Arguments into slots; returns the caller's vmctx.
VmCtx *zw_generic_in(const HostFunc *h, HostRegs *r, Value *args)
{
  const TypeInfo *t = zw_type_info(h->ref.type_id);
  Walk w = { 0, 0, 0 };
  for (uint32_t i = 0; i < t->n; i++) {
    args[i] = (Value){ .u64x2 = { 0, 0 } };
    __builtin_memcpy(&args[i], next_place(&w, r, (char *)r->stack, t->types[i]), value_bytes(t->types[i]));
  }
  if (result_bytes(t)) // its address stays where it is until zw_generic_out
    (void)next_place(&w, r, (char *)r->stack, VT_I64);
  return generic_caller(r, (uint32_t)zw_align_up(w.at, 16), zw_thread.head);
}

// Results into registers and the caller's area; returns the bytes of stack arguments to pop.
size_t zw_generic_out(const HostFunc *h, HostRegs *r, const Value *args)
{
  const TypeInfo *t = zw_type_info(h->ref.type_id);
  Walk w = { 0, 0, 0 };
  char *area = NULL;
  for (uint32_t i = 0; i < t->n; i++)
    (void)next_place(&w, r, (char *)r->stack, t->types[i]);
  if (result_bytes(t))
    area = *(char **)next_place(&w, r, (char *)r->stack, VT_I64);
  size_t pops = zw_align_up(w.at, 16);
  w = (Walk){ 0, 0, 0 };
  for (uint32_t i = 0; i < t->m; i++) {
    ValType v = t->types[t->n + i];
    void *p = next_place(&w, r, area, v);
    if (v == VT_I32)
      *(uint64_t *)p = args[i].u32; // zero-extended everywhere in wasm
    else
      __builtin_memcpy(p, &args[i], value_bytes(v));
  }
  return pops;
}
