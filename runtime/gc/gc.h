// The garbage-collected heap of a store: structs, arrays, exceptions and boxed host pointers.
// Precise, non-moving mark and sweep over one 4 GiB reservation; a reference is a 32-bit offset into it
// (abi/gcobj.h has the shape of objects).  A heap is used by one thread at a time, as its store is.
//
// What is reachable: what the root sources mark, the handles, and what those refer to.  A caller that holds a
// reference in a C variable across an allocation must have it in one of these.
#pragma once
#include "runtime/abi/gcobj.h"
#include "runtime/abi/value.h"
#include "runtime/base/bits.h"
#include "runtime/type/type.h"

typedef struct GcHeap GcHeap;
typedef uint32_t GcRef;       // 0 = null, odd = i31, else an offset

// A source of roots: calls zw_gc_mark for each reference it holds.  In a list, newest first; own: the caller's memory.
// marked, if not NULL: called when all that lives is marked and nothing is freed yet.
typedef struct GcRoots { void (*mark)(struct GcRoots *self, GcHeap *h); void (*marked)(struct GcRoots *self, GcHeap *h); struct GcRoots *next; } GcRoots;

// max_bytes: cap of the heap, 0 = the whole reservation.  Zeal is on when the environment of the process says so
// (zw_gc_set_zeal_default).  NULL = out of memory or address space.
GcHeap *zw_gc_new(uint64_t max_bytes);
void zw_gc_delete(GcHeap *h); // NULL is fine
void zw_gc_add_roots(GcHeap *h, GcRoots *r);
void zw_gc_remove_roots(GcHeap *h, GcRoots *r);
void zw_gc_mark(GcHeap *h, GcRef r); // in a GcRoots callback; null and i31 are fine
void zw_gc_propose(GcHeap *h, uint64_t word); // the same for a word that may be anything: marks what is a reference to an object
bool zw_gc_is_marked(const GcHeap *h, GcRef r); // in a `marked` callback
uint8_t *zw_gc_base(const GcHeap *h);

// Allocate, zeroed.  0 = the cap or the OS says no, after a collection (TRAP_alloc_failure).
GcRef zw_gc_struct_new(GcHeap *h, uint32_t type_id);
GcRef zw_gc_array_new(GcHeap *h, uint32_t type_id, uint32_t length);
GcRef zw_gc_exn_new(GcHeap *h, const void *tag, uint32_t type_id); // type_id of the tag: parameters are the payload
GcRef zw_gc_box(GcHeap *h, void *host);                            // an externref

// An exception's tag identity and its payload (16-byte slots, in order); a box's pointer.
const void *zw_gc_exn_tag(const GcHeap *h, GcRef exn);
Value *zw_gc_exn_values(GcHeap *h, GcRef exn); // 8-aligned only: copy with memcpy
bool zw_gc_is_box(const GcHeap *h, GcRef r);
void *zw_gc_unbox(const GcHeap *h, GcRef r);   // r is a box

static inline GcHead *zw_gc_head(const GcHeap *h, GcRef r) { return (GcHead *)(void *)(zw_gc_base(h) + r); }
static inline uint32_t zw_gc_length(const GcHeap *h, GcRef array)
{
  uint32_t n;
  __builtin_memcpy(&n, zw_gc_base(h) + array + GC_ARRAY_LENGTH, 4);
  return n;
}

// ref.i31, i31.get_s, i31.get_u
static inline GcRef zw_i31_new(uint32_t v) { return v << 1 | 1; }
static inline uint32_t zw_i31_get_s(GcRef r) { return (uint32_t)((int32_t)r >> 1); }
static inline uint32_t zw_i31_get_u(GcRef r) { return r >> 1; }

// ref.test of a reference that is no function reference: is it of the target type (type indices are ids)?
bool zw_gc_is(const GcHeap *h, GcRef r, ValType target);

// Fields and elements as values, of 1, 2, 4, 8 or 16 bytes (TypeInfo.sizes, elem_bytes); packed ones are widened.
static inline Value zw_gc_read(const uint8_t *at, uint32_t bytes, bool signed_)
{
  Value v = { .u64x2 = { 0, 0 } };
  switch (bytes) {
  case 1: v.u32 = signed_ ? (uint32_t)(int8_t)*at : *at; break;
  case 2: v.u32 = signed_ ? (uint32_t)(int16_t)zw_get16(at) : zw_get16(at); break;
  case 4: v.u32 = zw_get32(at); break;
  case 8: v.u64 = zw_get64(at); break;
  default: __builtin_memcpy(&v, at, 16);
  }
  return v;
}
static inline void zw_gc_write(uint8_t *at, uint32_t bytes, const Value *v)
{
  switch (bytes) {
  case 1: *at = v->bytes[0]; break;
  case 2: zw_put16(at, (uint16_t)v->u32); break;
  case 4: zw_put32(at, v->u32); break;
  case 8: zw_put64(at, v->u64); break;
  default: __builtin_memcpy(at, v, 16);
  }
}
bool zw_gc_is_func_type(ValType type); // a reference of the func hierarchy (type indices are ids)

// Array operations; false = out of bounds, nothing written.  spec: exec-array.copy and the others
bool zw_gc_array_fill(GcHeap *h, GcRef a, uint32_t at, Value v, uint32_t n) MUST_CHECK;
bool zw_gc_array_copy(GcHeap *h, GcRef dst, uint32_t d, GcRef src, uint32_t s, uint32_t n) MUST_CHECK;
bool zw_gc_array_init(GcHeap *h, GcRef a, uint32_t at, const uint8_t *data, uint64_t data_bytes, uint32_t src, uint32_t n) MUST_CHECK;

// Handles: roots of the host.  0 = out of memory.
uint32_t zw_gc_handle_new(GcHeap *h, GcRef r);
void zw_gc_handle_delete(GcHeap *h, uint32_t handle);
GcRef zw_gc_handle_get(const GcHeap *h, uint32_t handle);

void zw_gc_collect(GcHeap *h);
// Walk everything: heads, sizes, types, each reference to the start of an object of the field's type, the free
// runs.  False with a sentence.  Takes a bit per 8 bytes of heap while it runs.
bool zw_gc_verify(GcHeap *h, char *err, size_t err_bytes) MUST_CHECK;
// Zeal: collect at every allocation, verify after each collection, fill freed cells with a pattern and test that
// they still have it when they are given out.  The default is for heaps made later.
void zw_gc_set_zeal(GcHeap *h, bool on);
void zw_gc_set_zeal_default(bool on);

typedef struct GcStats { uint64_t collections, allocated_bytes, allocated_objects, live_bytes, heap_bytes; } GcStats; // live: after the last collection; allocated: not counting what compiled code makes by itself
GcStats zw_gc_stats(const GcHeap *h);
