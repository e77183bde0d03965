// Inside runtime/vm: what its files know of each other.
#pragma once
#include "runtime/base/alloc.h"
#include "runtime/base/bits.h"
#include "runtime/gc/gc.h"
#include "runtime/type/type.h"
#include "runtime/vm/offsets.h"
#include "runtime/vm/vm.h"

typedef struct StoreRoots { GcRoots roots; Store *store; } StoreRoots;
struct Store {
  StoreOptions options;
  GcHeap *gc;                 // NULL until somebody asks for it; what else needs it goes through these two, so that
  uint8_t *gc_base;           // programs without objects have no heap linked in
  void (*gc_free)(GcHeap *h);
  StoreRoots gc_roots;
  void *interp;               // the interpreter's stack and state, its roots, and how to free it
  GcRoots *interp_roots;
  void (*interp_free)(void *state);
  const Value *thrown; uint32_t nthrown; // the payload of an exception that is being made
  Instance *instances;
  StoreObject *objects;
  struct HostFuncObject *hosts;
  uint32_t users;             // rt.c: instances that share it, things that a program made for them, stores that use its shared memories
  struct StoreHold *holds;    // those of shared memories that its instances import
  struct RefTable *refs;      // refs.c: handles of a program that has some
  void (*refs_mark)(Store *s, GcHeap *h, void (*mark)(GcHeap *h, GcRef r));
  void (*refs_free)(Store *s);
  void *drops;                // refs_host.c: who wants to know when a pointer of the host is gone
  void (*drops_free)(Store *s);
  TrapInfo trap;              // of the last call that trapped
};
// Bytes of stack that wasm may have below an outermost entry.
static inline uintptr_t zw_stack_budget(const Store *s) { return s->options.max_stack ? s->options.max_stack : 1 << 20; }
typedef struct HostFuncObject { struct HostFuncObject *next; HostFunc f; } HostFuncObject;

// ---- store.c: a linked program's stores live as long as somebody uses them ----
void zw_store_hold(Store *s);
void zw_store_release(Store *s);               // NULL is fine; the last one deletes it
bool zw_store_hold_other(Store *s, Store *other) MUST_CHECK; // until s goes; false = out of memory

// ---- activation.c: entries from C, per thread ----
typedef struct ThreadState {
  Activation *head;           // innermost; entry_x64.S reads it
  uint64_t serial;            // of the last entry
  uintptr_t stack_low, stack_high; // of the thread's own stack, 0 until asked
  uintptr_t lowest;           // stack_low + what is kept free below any limit
  Activation *free;           // records that are not in the chain
  struct ThreadBlock *block;  // records and the last error, made on demand
  Activation *first;          // call_x64.S: the record of an outermost entry on the thread's own stack; clean while not in use
  uintptr_t floor, span;      // ... which has room for one at floor <= sp < floor + span; 0: not known yet
} ThreadState;
// invariant: span == 0, or first has the stack's bounds, floor > lowest and floor + span == stack_high
extern _Thread_local ThreadState zw_thread __attribute__((tls_model("initial-exec"), visibility("hidden")));

// A record for an entry made from the caller's frame, linked as the innermost one; NULL with a sentence in *why.
Activation *zw_activation_begin(VmCtx *v, bool plain, const char **why);
// The entry is over, however it ended.
void zw_activation_end(Activation *a);
int zw_personality(int version, int actions, uint64_t class_, void *exception, void *context);
// Make `a` the innermost one again: those above it were skipped by longjmp or an exception.
void zw_activation_back(Activation *a);
// The innermost live activation that encloses sp, or NULL.
Activation *zw_activation_at(uintptr_t sp);
// The one below a on the same stack, if it lives.
Activation *zw_activation_below(const Activation *a);
void zw_activation_unwound(uintptr_t sp); // this stack holds nothing below sp any longer
// Put a number of the caller's into the record of each entry in progress.
void zw_activation_stamp(uint64_t id);
enum { ACTIVATION_LEAST_STACK = 512 };  // below an entry
char *zw_thread_error(size_t *bytes);   // this thread's buffer for the last error; never NULL

// ---- entry_x64.S ----
typedef void EntryThunk(void);
uint32_t zw_enter(Activation *a, Value *args, void *code, VmCtx *v, void *entry_thunk);
uint32_t zw_enter_c(Activation *a, void *arg, void (*fn)(void *arg));
_Noreturn void zw_land(uintptr_t entry_sp, uint32_t trap);
void zw_trap_shim(void);
void zw_fault_shim(void);
void zw_host_shim(void);
void zw_host_generic(void) ZW_WHEN_NAMED; // generic_x64.S; a program whose imports all come with thunks has none
extern void *const zw_shims[LIB_COUNT];

// ---- func.c ----
void zw_funcref_init(Instance *in, uint32_t func, FuncRef *f); // a defined function's
bool zw_funcref_is_made(const Instance *in, uint32_t func); // in->refs[func] is an allocation of its own
FuncRef *zw_instance_ref(Instance *in, uint32_t func); // as ref.func gives it: an import's may be this module's own, quicker one
FuncRef *zw_host_func_of_type(Store *s, uint32_t type_id, HostFn fn, void *env);
// ---- generic.c: called by zw_host_generic ----
struct HostRegs;
HostFunc *zw_generic_func(VmCtx *v, const TableElem *e);
size_t zw_generic_bytes(const HostFunc *h);
VmCtx *zw_generic_in(const HostFunc *h, struct HostRegs *r, Value *args);
size_t zw_generic_out(const HostFunc *h, struct HostRegs *r, const Value *args);

// ---- trap.c, unwind.c ----
// Called from entry_x64.S.
_Noreturn void zw_trap_at(uint32_t kind, VmCtx *v, uintptr_t pc, uintptr_t sp);
_Noreturn void zw_fault_at(uint32_t kind, VmCtx *v, uintptr_t pc, uintptr_t sp, uintptr_t address);
_Noreturn void zw_trap_pending(Activation *a, VmCtx *caller);
typedef struct TrapSite { uintptr_t pc, sp; bool has_address; uint64_t address; const TrapAccess *access; } TrapSite; // pc 0: the innermost exit of the activation
_Noreturn void zw_trap(VmCtx *v, TrapKind kind, const TrapSite *site, const char *text, int exit_code);
_Noreturn void zw_trap_lib(VmCtx *v, TrapKind kind);  // from a library call
// The wasm frames from site to the bottom of this stack; total counts those that do not fit as well.
// The line of a wasm offset by the image's own table; NULL when it has none.
const char *zw_image_line(const Image *im, uint32_t wasm_at, uint32_t *line) ZW_WHEN_NAMED;
// The source file and line of a frame; NULL and 0 when nobody knows.
static inline const char *zw_frame_line(const TrapFrame *f, uint32_t *line)
{
  *line = f->line;
  return IMAGE_COUNT(f->image, IMG_LINES) ? zw_image_line(f->image, f->wasm_at, line) : f->file;
}
void zw_backtrace(const Activation *a, const TrapSite *site, TrapInfo *out);
static inline void zw_trap_unless(VmCtx *v, bool ok, TrapKind kind)
{
  if (!ok)
    zw_trap_lib(v, kind);
}
void zw_trap_note(Store *s, TrapKind kind, const char *text); // without frames

// ---- exception.c, for throw_x64.S: regs by machine number ----
void zw_throw(VmCtx *v, uint64_t tag, const Value *payload, uint64_t *regs);
void zw_throw_ref(VmCtx *v, uint64_t exn, uint64_t *regs);

// ---- frames.c ----
void zw_frames_propose(const Store *s, GcHeap *h); // the references in machine frames of this store, on this thread's stacks

// ---- code.c: which image a pc belongs to, for the fault handler and the unwinder ----
bool zw_code_register(const Image *im) MUST_CHECK;    // counted
void zw_code_unregister(const Image *im);
const Image *zw_code_find(uintptr_t pc);              // async-signal-safe
bool zw_faults_install(void) MUST_CHECK;

// ---- bulk.c: the fast copies ----
void zw_bulk_move(void *dst, const void *src, size_t n);
void zw_bulk_fill(void *dst, uint8_t byte, size_t n);

void zw_instance_delete(Instance *in);
void zw_store_absorb(Store *s, Store *from); // before an instance of s imports what lies in `from`

// ---- objects ----
void zw_object_add(Store *s, StoreObject *o, ExternKind kind);
void zw_object_remove(StoreObject *o);
void zw_memory_delete(Memory *m);
void zw_table_delete(Table *t);
#define ZW_OBJECT(T, o) ((T *)(void *)((char *)(o) - offsetof(T, object)))
// What an instance needs of a memory: a reservation that IMAGE_GUARD code may run over, or only what it declares.
Memory *zw_memory_make(Store *s, const ImageLimits *l, bool full, char *err, size_t err_bytes);
Table *zw_table_make(Store *s, const ImageLimits *l, ValType elem, uint64_t init, char *err, size_t err_bytes);
TableElem zw_table_elem(FuncRef *f);
bool zw_is_func_ref(ValType t);       // of the func hierarchy; type indices are ids

// ---- const.c ----
// The value of an initialiser for a place of that type (the module's).  False with a sentence in err.
bool zw_const_eval(Instance *in, const ImageInit *init, ValType type, Value *out, char *err, size_t err_bytes) MUST_CHECK;

// ---- image_own.c, for image.c ----
bool zw_image_head(Image *im, const uint8_t *meta, size_t meta_bytes, const uint8_t *text, size_t text_bytes,
                   const uint8_t *data, size_t data_bytes, char *err, size_t err_bytes) MUST_CHECK;
void zw_image_count(Image *im);

// ---- link.c ----
// Imports of WASI's functions fit by construction: a program that has no others does without.
bool zw_link_check(const Instance *in, const ImageImport *im, const Extern *e, char *err, size_t err_bytes) MUST_CHECK ZW_WHEN_NAMED;


STATIC_ASSERT(((sizeof(VmCtx) + 15) & ~15ul) + offsetof(VmMemory, def) == CTX_MEMORY0_DEF && offsetof(VmMemoryDef, bytes) == MEMORY_BYTES,
              "bulk_x64.S, zw_vm_layout");
STATIC_ASSERT(offsetof(Activation, vmctx) == ACT_VMCTX && offsetof(Activation, entry_sp) == ACT_ENTRY_SP, "entry_x64.S");
STATIC_ASSERT(offsetof(Activation, exit_sp) == ACT_EXIT_SP && offsetof(Activation, exit_pc) == ACT_EXIT_PC, "entry_x64.S");
STATIC_ASSERT(offsetof(Activation, host_mxcsr) == ACT_HOST_MXCSR && offsetof(Activation, serial) == ACT_SERIAL, "entry_x64.S");
STATIC_ASSERT(offsetof(Activation, stack_limit) == ACT_STACK_LIMIT && offsetof(Activation, pending) == ACT_PENDING &&
              offsetof(Activation, exit_frame) == ACT_EXIT_FRAME, "entry_x64.S");
STATIC_ASSERT(offsetof(VmCtx, stack_limit) == CTX_STACK_LIMIT && offsetof(VmCtx, scratch) == HOST_FN, "entry_x64.S");
STATIC_ASSERT(offsetof(Activation, plain) == ACT_PLAIN && offsetof(VmCtx, activation) == CTX_ACTIVATION && offsetof(VmCtx, scratch) == CTX_BUDGET &&
              offsetof(FuncRef, code) == 0 && offsetof(FuncRef, vmctx) == FUNC_VMCTX && offsetof(FuncRef, entry) == FUNC_ENTRY, "call_x64.S");
STATIC_ASSERT(offsetof(ThreadState, lowest) == THREAD_LOWEST && offsetof(ThreadState, first) == THREAD_FIRST &&
              offsetof(ThreadState, floor) == THREAD_FLOOR && offsetof(ThreadState, span) == THREAD_SPAN, "call_x64.S");
STATIC_ASSERT(HOST_ENV == HOST_FN + 8 && offsetof(ThreadState, head) == 0, "entry_x64.S");
