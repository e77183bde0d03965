// Store, instances and what they hold: the runtime's own interface, used by start, api, wasi, the interpreter
// and the tools.  A Store and everything in it is used by one thread at a time (shared memories excepted).
// Instances hold what they import alive; everything is freed with the store.
#pragma once
#include "runtime/abi/image.h"
#include "runtime/os/os.h"

// What a store owns beside instances: in one list, freed with the store.
typedef struct StoreObject { struct StoreObject *next, *prev; Store *store; uint8_t kind; /* ExternKind */ bool held; /* by the program that made it */ } StoreObject;

typedef struct Memory {
  VmMemoryDef def;            // def.bytes <= max_bytes <= reserved; [base+bytes, base+reserved) faults (guard) or is not mapped
  StoreObject object;
  uint64_t max_bytes, reserved;
  uint64_t committed;         // bytes readable and writable: def.bytes rounded up to pages
  uint8_t page_log2; bool is64, shared, has_max, full_reservation; // full: 8 GiB + 64 KiB, what IMAGE_GUARD code needs
  uint64_t max_pages;         // declared maximum, for import matching
  void *waiters; OsMutex lock;
} Memory;
typedef struct Table {
  VmTableDef def; StoreObject object; uint64_t max, declared_max, reserved_bytes, committed; bool is64, has_max;
  ValType elem;               // type indices are runtime-wide ids
  bool funcs;                 // TableElem elements, else 4-byte references
} Table;
// A defined global's value lies in its instance's vmctx, a host's in `own`.
typedef struct GlobalCell { Value own; Value *at; ValType type; /* with ids */ bool mutable_; StoreObject object; } GlobalCell;
typedef struct TagCell { uint32_t type_id; StoreObject object; } TagCell;

// One thing an import is satisfied with or an export gives.
typedef struct Extern {
  uint8_t kind;               // ExternKind
  union { FuncRef *func; Table *table; Memory *memory; GlobalCell *global; TagCell *tag; } u;
} Extern;

typedef struct StoreOptions {
  size_t max_stack;           // wasm stack budget in bytes; 0 = 1 MiB
  uint64_t max_memory, max_table_elements; // per memory, table; 0 = no further limit
  uint64_t max_gc_heap;       // bytes; 0 = 4 GiB less the unmapped start
  bool no_signals;            // install no fault handler; guard images are refused
} StoreOptions;

Store *zw_store_new(const StoreOptions *o);  // NULL = out of memory
void zw_store_delete(Store *s);
struct GcRoots;
const StoreOptions *zw_store_options(const Store *s);
// The interpreter's place: its state, the roots on its stack, and how to free both with the store.
void *zw_store_interp(const Store *s);
void zw_store_set_interp(Store *s, void *state, struct GcRoots *roots, void (*free_state)(void *state));
struct GcHeap *zw_store_gc(Store *s);        // gc/gc.h; made on first use, then in every vmctx.gc_base; NULL = out of memory

struct Instance {
  VmCtx *vmctx;               // its own allocation, 64-aligned
  const Image *image;
  Store *store;
  Memory **memories; Table **tables; GlobalCell **globals; TagCell **tags; // imported ones first
  uint8_t *dropped_elems, *dropped_datas; // a byte per segment
  uint64_t **elem_values;     // per segment: its references, when they had to be evaluated at instantiation; else NULL
  uint32_t nrefs;             // of refs: all functions, or 0
  FuncRef **refs;             // per function: the FuncRef that C code uses, on demand; NULL until one is asked for
  HostFunc **bridges;         // per function of an interpreted instance: what machine code calls instead; NULL until needed
  Instance *next, *prev;      // in its store
  bool registered;            // its image's text is, for faults and backtraces
  void *host_data;            // the embedder's
  void *interp;               // the interpreter's own
};
static inline const uint32_t *zw_type_ids(const Instance *in) { return (const uint32_t *)(const void *)((char *)in->vmctx + in->image->layout.type_ids); }

// Instantiate: check imports (count and order of the image), allocate, evaluate, copy segments, run start.
// imports[k] answers IMG_IMPORTS[k].  NULL: *trap != TRAP_none means the start function or a segment trapped
// (writes into imported objects stay, as the spec says), else err has the sentence.  spec: exec-instantiation
Instance *zw_instance_new(Store *s, const Image *im, const Extern *imports, uint32_t nimports, TrapKind *trap, char *err, size_t err_bytes);
// The same in two steps, for who must know the instance before its start function calls back: make does everything up
// to the segments; start does the rest, once; false: *trap or err says why, and the instance must not be used.
Instance *zw_instance_make(Store *s, const Image *im, const Extern *imports, uint32_t nimports, char *err, size_t err_bytes);
bool zw_instance_start(Instance *in, TrapKind *trap, char *err, size_t err_bytes);
bool zw_instance_export(Instance *in, const char *name, size_t len, Extern *out);
void zw_instance_export_at(Instance *in, uint32_t i, Extern *out); // IMG_EXPORTS[i]
FuncRef *zw_instance_func(Instance *in, uint32_t func);   // its FuncRef, made on demand; lives as long as the instance

// A host function of a signature given as types (no type indices inside).  Lives as long as the store.
FuncRef *zw_host_func_new(Store *s, const ValType *params, uint32_t nparams, const ValType *results, uint32_t nresults, HostFn fn, void *env);
Memory *zw_memory_new(Store *s, uint64_t min_pages, uint64_t max_pages, bool has_max, bool is64, bool shared, uint8_t page_log2);
Table *zw_table_new(Store *s, uint64_t min, uint64_t max, bool has_max, bool is64, ValType elem, uint64_t init /* FuncRef * or ref */);
TagCell *zw_tag_new(Store *s, uint32_t type_id);
GlobalCell *zw_global_new(Store *s, ValType type, bool mutable_, Value v);

#define ZW_GROW_FAILED UINT64_MAX
// len guest bytes at `at`, or NULL if they are not all inside.
static inline uint8_t *zw_memory_at(const Memory *m, uint64_t at, uint64_t len)
{
  uint64_t bytes = __atomic_load_n(&m->def.bytes, __ATOMIC_RELAXED);
  return at <= bytes && len <= bytes - at ? m->def.base + at : NULL;
}
uint64_t zw_memory_grow(Memory *m, uint64_t delta_pages);  // old size in pages or ZW_GROW_FAILED.  spec: exec-memory.grow
uint64_t zw_table_grow(Table *t, uint64_t delta, uint64_t init);
uint64_t zw_table_get(const Table *t, uint64_t i);         // i < length; FuncRef * or ref
void zw_table_set(Table *t, uint64_t i, uint64_t v);
// Bulk operations; false = out of bounds, nothing written.
bool zw_memory_copy(Memory *d, Memory *s, uint64_t dst, uint64_t src, uint64_t len) MUST_CHECK;
bool zw_memory_fill(Memory *m, uint64_t dst, uint8_t byte, uint64_t len) MUST_CHECK;
bool zw_memory_init(Instance *in, uint32_t mem, uint32_t seg, uint64_t dst, uint64_t src, uint64_t len) MUST_CHECK;
// Atomic wait on 4 or 8 bytes and notify; *result: 0 woken, 1 not equal, 2 timed out.  timeout in ns, negative = none.
TrapKind zw_memory_wait(Memory *m, uint64_t at, uint64_t expected, unsigned bytes, int64_t timeout, uint32_t *result);
TrapKind zw_memory_notify(Memory *m, uint64_t at, uint32_t count, uint32_t *woken);
bool zw_table_copy(Table *d, Table *s, uint64_t dst, uint64_t src, uint64_t len) MUST_CHECK;
bool zw_table_fill(Table *t, uint64_t dst, uint64_t v, uint64_t len) MUST_CHECK;
// What a segment has left: bytes, which *bytes leads to; elements.  None when it was dropped.
uint64_t zw_data_segment(const Instance *in, uint32_t seg, const uint8_t **bytes);
uint64_t zw_elem_count(const Instance *in, uint32_t seg);
uint64_t zw_elem_get(Instance *in, uint32_t seg, uint64_t i); // i < its count, not dropped; FuncRef * or ref
bool zw_table_init(Instance *in, uint32_t table, uint32_t seg, uint64_t dst, uint64_t src, uint64_t len) MUST_CHECK;

bool zw_func_is_void(const FuncRef *f);    // no parameters, no results
struct zwasm_instance;
Instance *zw_rt_instance(struct zwasm_instance *i); // of zwasm_rt.h

// Call any function, native, interpreted or host.  args has max(nparams, nresults) slots; results from slot 0.
// TRAP_none on return; else zw_store_trap(its store) has the details.  TRAP_exit carries the exit code there.
TrapKind zw_call(FuncRef *f, Value *args);
// The same, but a trap passes over this call to the next zw_call or zw_try below it on this stack; without one it is
// printed and the process aborts.
void zw_call_plain(FuncRef *f, Value *args);
// Run fn(arg); a trap of a plain call inside ends it.
TrapKind zw_try(Instance *in, void (*fn)(void *arg), void *arg);
// From inside a host function: trap when it returns.
void zw_set_trap(VmCtx *caller, TrapKind kind, const char *text);
// The innermost activation of this thread, for the interpreter.
Activation *zw_activation(void);
// From inside a host function: end the guest.  Unwinds at once to the innermost entry (C frames between are skipped).
_Noreturn void zw_raise(VmCtx *caller, TrapKind kind, const char *text);
_Noreturn void zw_raise_exit(VmCtx *caller, int code);
// The same for an access that is out of bounds: address of the first byte that is.
typedef struct TrapAccess { uint64_t address, memory_bytes; uint32_t memory; } TrapAccess;
_Noreturn void zw_raise_access(VmCtx *caller, const TrapAccess *access);

// wasm_at 0 = not known.  file, line: from whoever has read them out of the module; NULL: ask the image.
typedef struct TrapFrame { const Image *image; uint32_t func; uint32_t wasm_at; const char *file; uint32_t line; } TrapFrame;
typedef struct TrapInfo {
  TrapKind kind; int exit_code; char text[160];
  bool has_address; uint64_t address, memory_bytes; uint32_t memory; // of a memory access
  uint32_t nframes, total_frames; TrapFrame frames[64];              // innermost first; total may be larger
} TrapInfo;
const TrapInfo *zw_store_trap(const Store *s);
// The whole text, objects-and-hosting 3: "wasm trap: ...\n    0: fac  [calc.wasm+0x1f3]\n".  Returns its length as snprintf does.
// What a backtrace calls a function: its name, or "func 12".
void zw_func_name(const Image *im, uint32_t func, char *buf, size_t bytes);
size_t zw_trap_format(const TrapInfo *t, char *buf, size_t bytes);
const char *zw_trap_text(TrapKind k);

// Runtime-wide canonical type ids (runtime/type): equal iff the types are equal across all modules.  Thread safe.
// Written by runtime/type; see type/type.h.
