// The inside of the heap, for the files of this room.
#pragma once
#include "runtime/gc/gc.h"
#include "runtime/base/alloc.h"
#include "runtime/base/bits.h"
#include "runtime/base/str.h"
#include "runtime/os/os.h"

// mark_and_size
enum { GC_MARKED = 1, GC_PENDING = 2 }; // pending: marked, but what it refers to is not yet
enum { GC_BINS = 33, GC_POISON = 0xe5, GC_MIN_THRESHOLD = 4 << 20 };
#define GC_RESERVE (1ull << 32)

// A free run; a run of one cell is only a head and in no bin.
typedef struct FreeRun { GcHead head; uint32_t next, pad; } FreeRun;
typedef struct MarkItem { GcRef ref; uint32_t index; } MarkItem; // index: where an array's scan goes on

// What compiled code sees (abi/gcobj.h).
typedef struct GcBump { uint64_t cursor, limit; } GcBump;
STATIC_ASSERT(offsetof(GcBump, limit) == GC_LIMIT - GC_CURSOR, "compiled code");

struct GcHeap {
  uint8_t *base;
  uint64_t top;               // cells below it have heads, except the open region
  uint64_t committed, cap;    // ends, offsets as all of these
  GcBump *bump;               // at base + GC_CURSOR
  uint64_t limit;             // the open region is [bump->cursor, limit): zeroed, allocation bumps through it
  uint32_t bins[GC_BINS];     // bin b: runs of 2^b .. 2^(b+1)-1 bytes
  uint64_t since, threshold;  // bytes opened since the last collection; collect when that many
  MarkItem *stack;            // a reservation; [0, stack_committed) usable
  uint64_t stack_n, stack_committed;
  bool overflow;              // something is pending
  bool zeal, collecting;
  GcRoots *roots;
  uint8_t *starts;            // while roots are marked and something was proposed: a bit per cell that an object starts at
  uint32_t *handles, nhandles, handles_cap, free_handle; // free ones are linked: next << 1 | 1
  GcStats stats;
};
// invariant: GC_FIRST <= cursor <= limit <= top <= committed <= cap <= GC_RESERVE, or cursor and limit are 0; bump->limit is limit, under
// zeal 0, so that compiled code comes here for each object;
// [top, committed) is zero
// exception: head, tag, type id, then the payload.  box: head, pointer.
enum { EXN_TAG = 8, EXN_TYPE = 16, EXN_VALUES = 24, BOX_POINTER = 8 };

static inline uint64_t gc_size(const GcHead *o) { return (uint64_t)(o->mark_and_size >> GC_SIZE_SHIFT) * GC_CELL; }
static inline bool gc_is_module_type(uint32_t id) { return id < GC_ID_FREE; }
// Bytes the object must have by its type; NULL info for the runtime's own kinds.
uint64_t zw_gc_size_by_type(const GcHeap *h, GcRef r);
void zw_gc_close_region(GcHeap *h);
void zw_gc_free_run(GcHeap *h, uint64_t at, uint64_t bytes); // format and put into its bin
void zw_gc_sweep(GcHeap *h);
