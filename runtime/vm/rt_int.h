// What the files behind zwasm_rt.h know of each other.
#pragma once
#include "runtime/vm/vm_int.h"
#include "zwasm_rt.h"

struct zwasm_instance {
  void **functions;           // per imported function: the C function that was a field of the imports; first: glue reads it
  FuncRef **calls;            // in->refs: call_x64.S reads it
  Instance *in;               // NULL until it is made
  Store *store;
  const zwasm_module_t *module;
  void *user;
  bool placed;                // by init_at: the memory is the caller's
  struct TrapView *view;      // made when asked for
};
STATIC_ASSERT(offsetof(zwasm_instance_t, calls) == RT_CALLS, "call_x64.S");
STATIC_ASSERT(sizeof(zwasm_value_t) == sizeof(Value), "slots");

void zw_rt_error(const char *fmt, ...) __attribute__((format(printf, 1, 2))); // for zwasm_last_error
// The store of `linked`, held once more, or a new one; NULL with an error.
Store *zw_store_for(zwasm_instance_t *linked);
GlobalCell *zw_rt_global_new(zwasm_instance_t *linked, zwasm_reftype_t type, bool is_mutable); // null in it

// What call_x64.S leaves to C.
void zw_rt_call_slowly(zwasm_instance_t *i, uint32_t func, zwasm_value_t *args);
zwasm_status_t zw_rt_call_try_slowly(zwasm_instance_t *i, uint32_t func, zwasm_value_t *args);

// refs.c.  An imported function with references in its type: a host function that turns them into handles around fn.
FuncRef *zw_refs_import(Store *s, uint32_t type_id, HostFn fn, void *env) ZW_WHEN_NAMED;
bool zw_type_has_refs(uint32_t type_id);
// Handles.  NULL = out of memory.  heap: the top of the reference's hierarchy.
zwasm_ref_t zw_ref_new(Store *s, uint64_t word, uint32_t heap);
Store *zw_ref_store(const struct zwasm_ref *r);
uint64_t zw_ref_word(const struct zwasm_ref *r);
uint32_t zw_ref_heap(const struct zwasm_ref *r);
uint32_t zw_ref_top(ValType t);               // of a type with ids
// The word of a handle for a place of type t in store s; anything but TRAP_none: it cannot stand there.
TrapKind zw_ref_in(const Store *s, zwasm_ref_t r, ValType t, uint64_t *word) MUST_CHECK;
TrapKind zw_call_refs(Store *s, FuncRef *f, Value *args); // as zw_call, with handles for references
