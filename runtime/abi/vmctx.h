// What compiled code and runtime agree on.  r15 (x28) points to a VmCtx, r14 (x27) holds mem0_base.
//
// The internal calling convention (x86_64): integers and references in rdi rsi rdx rcx r8 r9, floats and v128 in
// xmm0-7, further ones on the stack (8 bytes a slot, v128 16-aligned 16 bytes, the area a multiple of 16, popped by
// the callee).  Results rax rdx rcx rsi rdi r8 / xmm0-7, further ones in a caller-provided area whose address
// is the hidden last integer argument.  Callee-saved: rbx rbp r10 r11 r12 r13 (and r14, r15, which never change
// inside an instance).  rax is free at calls; xmm15 is scratch.  i32 values are zero-extended in 64-bit registers.
//
// Calls that leave the instance (imports, table elements of another vmctx, call_ref) go through the calling
// module's XCALL thunk of that signature with rax = address of a TableElem or FuncRef: it pushes r15 and r14,
// copies stack arguments, hands over stack_limit and activation, loads the callee's pins, calls, restores.
// A tail call goes through the XTAIL thunk, which needs no frame when it stands right above an XCALL frame: that one will
// restore the pins of the first caller anyway, so two instances that tail call each other use no stack.
// A host function is a HostFunc, a pseudo vmctx: its `code` is a HOST thunk (per signature, in the image of the module that
// imported it), which runs right below an XCALL thunk: it spills the arguments to an array of 16-byte slots
// (max(nparams, nresults) of them) and calls vmctx->host_shim with rdi = the array, rsi = the caller's vmctx.
// An ENTRY thunk (per signature) is the way in: called by zw_enter with rdi = array, rax = code, pins loaded.
#pragma once
#include "runtime/abi/value.h"
#include "runtime/base/assert.h"

typedef struct VmCtx VmCtx;
typedef struct Instance Instance;
typedef struct Store Store;
struct TrapFrame;

enum LibcallId {
#define LIBCALL(id, sig, flags) LIB_##id,
#include "runtime/abi/libcall.def"
  LIB_COUNT
};
typedef enum TrapKind {
#define TRAP(id, text) TRAP_##id,
#include "runtime/abi/trap.def"
  TRAP_COUNT
} TrapKind;

// A funcref value points to one.  Lives as long as its instance.
typedef struct FuncRef {
  void *code;           // internal convention; an interpreted function's goes through a bridge (vm/func.c)
  VmCtx *vmctx;         // or HostFunc
  uint32_t type_id;     // runtime-wide canonical type id, never 0
  uint32_t func;        // index in its instance's module
  void *entry;          // its ENTRY thunk (native), NULL for the interpreter and for host functions
} FuncRef;
// Element of a funcref table; type_id 0 = null.  Import slots have the same shape.
typedef struct TableElem {
  void *code;
  VmCtx *vmctx;
  uint32_t type_id, func; // as in *ref
  FuncRef *ref;
} TableElem;

// The heads of runtime objects that compiled code reads.
typedef struct VmMemoryDef { uint8_t *base; uint64_t bytes; } VmMemoryDef; // base never moves; bytes only grows
typedef struct VmTableDef { void *base; uint64_t length; } VmTableDef;     // base never moves; TableElem[] or u32[]
typedef struct VmMemory { uint8_t *base; VmMemoryDef *def; } VmMemory;
typedef struct VmTable { void *base; VmTableDef *def; } VmTable;

// One entry from C into wasm, or one zwasm_try.  Records belong to the thread and outlive the frame they describe (C++
// exceptions and longjmp may skip it), so that a dead one can still be read; runtime/vm/activation.c.
typedef struct Activation {
  struct Activation *prev;
  VmCtx *vmctx;          // entered instance
  uintptr_t entry_sp;    // restored by a trap
  uintptr_t exit_sp, exit_pc; // wasm's state at the innermost call out: sp and pc after its return; pc 0 = inside wasm
  uintptr_t stack_low, stack_high; // bounds of its stack
  uint32_t trap;         // TrapKind that ended it
  uint32_t host_mxcsr;   // the host's float state when it differs from wasm's, else 0
  uintptr_t stack_limit; // of wasm on this stack
  uint64_t serial;       // also on the stack, above entry_sp, while the frame lives
  uintptr_t exit_frame;  // of the host call in progress, 0 = none
  uint32_t pending;      // 1 = a host function wants a trap when it returns
  uint32_t plain;        // 1 = traps pass over it to the next one
  uint32_t (*walk)(void *state, struct TrapFrame *frames, uint32_t max); // the interpreter's frames, innermost first; NULL: machine frames
  void *walk_state;
  uint64_t stamp;        // of the last search for entries that are over; vm/refs.c
} Activation;

struct VmCtx {
  uint8_t *mem0_base;
  uintptr_t stack_limit;      // prologues: cmp rsp, [r15+8]; jbe
  Activation *activation;     // innermost
  void *trap_shim;            // trap thunks jump here with eax = TrapKind; [rsp] = pc of the site
  void *host_shim;
  Instance *instance;
  Store *store;
  uint8_t *gc_base;           // of the GC heap; in instances of images with IMAGE_GC from the beginning and for good
  const uint32_t *const *type_rows; // abi/gcobj.h; the same
  uint64_t spare;
  uint64_t fuel, interrupt;
  uint32_t is_host, no_type;  // no_type: 0, the type id of null for code that wants a FuncRef to look at
  void *scratch[2];
  void *libcall[LIB_COUNT];
  // then, 16-aligned, the variable part: VmLayout
};
#define VMCTX_LIBCALL(id) (offsetof(VmCtx, libcall) + 8 * (size_t)LIB_##id)

// A host function as a pseudo vmctx.  fn gets env, the caller's vmctx and args (results overwrite args from slot 0).
typedef void (*HostFn)(void *env, VmCtx *caller, Value *args);
typedef struct HostFunc {
  VmCtx head;                 // is_host = 1; mem0_base NULL
  HostFn fn;
  void *env;
  FuncRef ref;
} HostFunc;

// Offsets of the variable part from r15, as a function of counts only.
typedef struct VmCounts { uint32_t memories, tables, imported_funcs, types, globals, funcrefs; } VmCounts;
typedef struct VmLayout {
  uint32_t memories;          // VmMemory[]
  uint32_t tables;            // VmTable[]
  uint32_t imports;           // TableElem[]: imported functions
  uint32_t type_ids;          // uint32_t[]: runtime-wide id of each type of the module
  uint32_t globals;           // 16 bytes each: the value, or for an imported global the address of its value
  uint32_t funcrefs;          // FuncRef[]: functions that ref.func or an element segment names, in the image's order
  uint32_t size;              // of the whole VmCtx
} VmLayout;
static inline VmLayout zw_vm_layout(const VmCounts *n)
{
  VmLayout l;
  uint64_t at = (sizeof(VmCtx) + 15) & ~(uint64_t)15;
  l.memories = (uint32_t)at, at += 16ull * n->memories;
  l.tables = (uint32_t)at, at += 16ull * n->tables;
  l.globals = (uint32_t)at, at += 16ull * n->globals;
  l.imports = (uint32_t)at, at += 32ull * n->imported_funcs;
  l.funcrefs = (uint32_t)at, at += 32ull * n->funcrefs;
  l.type_ids = (uint32_t)at, at += 4ull * n->types;
  at = (at + 15) & ~(uint64_t)15;
  CHECK(at < 0x7fffffff);
  l.size = (uint32_t)at;
  return l;
}
STATIC_ASSERT(sizeof(FuncRef) == 32 && sizeof(TableElem) == 32, "element size is in compiled code");
STATIC_ASSERT(offsetof(VmCtx, stack_limit) == 8 && offsetof(VmCtx, trap_shim) == 24 && offsetof(VmCtx, host_shim) == 32, "offsets are in thunks");
