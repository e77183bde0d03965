// The inside of the interpreter.
//
// Values lie in slots of 16 bytes (Value) on one stack per store: a frame is its locals, the exceptions that legacy
// catches hold, then operands.  A call's arguments become the callee's first locals where they lie, and its results come
// to lie where its locals began.  Scalars keep the rest of their low 8 bytes zero (an i32 is zero-extended, so an
// address of either width can be read as u64); the high 8 bytes matter for v128 only.
#pragma once
#include "compiler/interp/interp.h"
#include "compiler/wasm/body.h"
#include "compiler/wasm/check.h"
#include "runtime/abi/num_simd.h"
#include "runtime/gc/gc.h"

// Where GC references lie among a function's operands, per safepoint: a node says the slot of the topmost one and the
// node below it; linear in the body however many safepoints see the same references.
typedef struct RefNode { uint32_t slot, below; } RefNode;        // node 0: none
typedef struct RefPoint { uint32_t pc, node; } RefPoint;         // pc: body offset behind the instruction; ascending
typedef struct RefMap {
  RefNode *nodes;
  RefPoint *points; uint32_t npoints; // only points with references
  uint32_t *locals, nlocals;          // which locals are GC references
} RefMap;

typedef struct IFunc {        // a defined function
  const uint8_t *code, *end;  // first instruction; the body's last `end`
  const uint8_t *body;        // what offsets count from
  const SideEntry *side;
  uint32_t nparams, nresults;
  uint32_t nlocals;           // and exception slots: operands begin here
  uint32_t nslots;            // of the whole frame
  uint32_t func, type;        // indices in the module
  const FuncFacts *facts;
  const RefMap *refs;         // NULL: no references in it
} IFunc;

typedef struct InterpCode {   // behind Image.interp_code
  Image image;
  Ctx ctx;                    // holds the module
  const Module *m;
  IFunc *funcs;               // m->nfuncs - m->nimported_funcs
  bool vectors;               // the module may hold v128 values
} InterpCode;

typedef struct Frame {
  IFunc *f;
  const uint8_t *end;         // f->end
  Value *fp, *ops;            // first local, first operand
  Instance *in;
  const uint8_t *pc;          // behind the instruction that called, allocated or trapped
  const SideEntry *side;
  Value *args;                // arguments of a host function that runs now, else NULL
} Frame;

// An entry from C: what was innermost before it, and the activation it belongs to.  A host function may leave without
// returning here, so entries are looked at only after zw_interp_prune.
typedef struct Door { struct Interp *I; const Activation *act; uint64_t serial; Frame *top; Value *sp; Frame *base; } Door;

// Of a store: the stack, and what its collections and backtraces look at.
typedef struct Interp {
  GcRoots roots;
  Store *store;
  Value *stack, *stack_end;
  Frame *frames, *frames_end; // frames[0] stands for "none"
  Door *doors; uint32_t ndoors, doors_max;
  size_t mapped;              // bytes of all three, from stack
  Frame *top;                 // innermost frame, and the first free slot above its operands,
  Value *sp;                  // both right while the interpreter is outside of its loop
  TrapKind trap;              // set with a NULL pc
  const char *trap_text;      // of a host's trap, else NULL
  bool trap_has_access;       // TRAP_oob of a load or store:
  TrapAccess trap_access;
  GcHeap *heap;               // NULL until it is needed
} Interp;

static inline const InterpCode *code_of(const Instance *in) { return in->image->interp_code; }
static inline uint32_t type_id_of(const Instance *in, uint32_t type)
{
  return ((const uint32_t *)(const void *)((const char *)in->vmctx + in->image->layout.type_ids))[type];
}
static inline VmMemoryDef *memory_def(const Instance *in, uint32_t memory)
{
  return ((const VmMemory *)(const void *)((const char *)in->vmctx + in->image->layout.memories))[memory].def;
}

// A value from outside as slots hold it: what its type leaves unused is zero.
static inline void zw_interp_normalise(Value *v, ValType t)
{
  if (t == VT_I32 || t == VT_F32)
    v->u64 = v->u32;
  if (t != VT_V128)
    v->u64x2[1] = 0;
}
static inline Value *zw_interp_global(const Instance *in, uint32_t i)
{
  Value *v = (Value *)(void *)((char *)in->vmctx + in->image->layout.globals) + i;
  return i < in->image->h->nimported_globals ? v->ptr : v;
}
static inline const FuncRef *zw_interp_import(const Instance *in, uint32_t i)
{
  return ((const TableElem *)(const void *)((const char *)in->vmctx + in->image->layout.imports))[i].ref;
}
void zw_interp_door(Instance *in, uint32_t func, Value *args);
// The function behind a reference when this interpreter runs it, else NULL.
static inline IFunc *zw_interp_func(const FuncRef *r)
{
  if (r->vmctx->is_host || r->vmctx->instance->image->interp != zw_interp_door)
    return NULL;
  const Instance *in = r->vmctx->instance;
  return &code_of(in)->funcs[r->func - in->image->h->nimported_funcs];
}
// call_indirect: the function at `index` of the immediates' table and type; NULL = I->trap says why.
const FuncRef *zw_interp_table_func(Interp *I, const Instance *in, const uint8_t **pc, uint64_t index);

// Run the function of `fr` and what it calls, until it returns (TRAP_none), traps, or throws with nobody to catch.
TrapKind zw_interp_run(Interp *I, Frame *fr);

// Instructions that are not worth a place in the loop: pc behind the opcode, sp the first free slot.  A NULL pc in the
// answer is a trap, I->trap says which.
typedef struct Step { const uint8_t *pc; Value *sp; } Step;
Step zw_interp_bulk(Interp *I, Frame *fr, uint32_t number, const uint8_t *pc, Value *sp);    // page 0xfc, tables, memory.size and grow
Step zw_interp_gc(Interp *I, Frame *fr, uint32_t number, const uint8_t *pc, Value *sp);      // page 0xfb, but br_on_cast
Step zw_interp_simd(Interp *I, Frame *fr, uint32_t number, const uint8_t *pc, Value *sp);    // page 0xfd
Step zw_interp_atomic(Interp *I, Frame *fr, uint32_t number, const uint8_t *pc, Value *sp);  // page 0xfe
Step zw_interp_table(Interp *I, Frame *fr, Op op, const uint8_t *pc, Value *sp);             // table.get, table.set, memory.size, memory.grow
static inline Step trap_step(Interp *I, TrapKind kind)
{
  I->trap = kind;
  return (Step){ NULL, NULL };
}

// Before anything that may collect or call out.
static inline void safepoint(Interp *I, Frame *fr, const uint8_t *pc, Value *sp)
{
  fr->pc = pc;
  I->top = fr;
  I->sp = sp;
}

// Lay out the frame of g above its arguments, which begin at fp.  False: no stack left.
static inline bool push_frame(const Interp *I, Frame *fr, IFunc *g, Instance *in, Value *fp)
{
  if (__builtin_expect(g->nslots > (size_t)(I->stack_end - fp) || fr == I->frames_end, 0))
    return false;
  Value *ops = fp + g->nlocals;
  for (Value *p = fp + g->nparams; p < ops; p++)
    p->u64x2[0] = 0, p->u64x2[1] = 0;
  fr->f = g, fr->end = g->end, fr->fp = fp, fr->ops = ops, fr->in = in, fr->side = g->side, fr->pc = g->code, fr->args = NULL;
  return true;
}

// The memory that an access of `width` bytes goes to, and where; pc behind the opcode.  NULL = out of bounds.
uint8_t *zw_interp_address(Interp *I, Frame *fr, const uint8_t **pc, uint64_t index, uint32_t width);

// The heap, made on first use; false = out of memory (TRAP_alloc_failure).
static inline bool zw_interp_heap(Interp *I) { return I->heap || (I->heap = zw_store_gc(I->store)) != NULL; }
// The type of a heap type immediate, ids for indices.
ValType zw_interp_heap_type(const Instance *in, const uint8_t **p, bool nullable);
bool zw_interp_ref_is(Interp *I, uint64_t ref, ValType target); // any reference

// The clause that catches exn thrown by the instruction before fr->pc, in fr or a frame below it down to `base`.
// NULL: nobody.  *at: the frame.
const ClauseFact *zw_interp_catch(Interp *I, Frame *fr, Frame *base, GcRef exn, Frame **at);

// refmap.c: the map of a function, in the module's arena; NULL when no reference is ever in it.
const RefMap *zw_interp_refmap(const Module *m, const IFunc *f);
// Mark the references of a frame whose operands end at `top`.
void zw_interp_mark_frame(GcHeap *h, const Frame *fr, const Value *top);

// enter.c
void zw_interp_prune(Interp *I); // forget entries that were left sideways
