// Memories, tables, globals and tags for C: the public names are the runtime's own objects.
//
// What a program makes holds its store as an instance does, so that the two may go in any order, and an instance that
// could not be made takes nothing with it.
#include "runtime/vm/rt_int.h"

Store *zw_store_for(zwasm_instance_t *linked)
{
  Store *s = linked ? linked->store : zw_store_new(NULL);
  if (s)
    zw_store_hold(s);
  else
    zw_rt_error("out of memory");
  return s;
}

// What was made in s for the program is held by it; when it could not be made (NULL), err is why and the store is let go.
static void hand_out(Store *s, StoreObject *made, const char *err)
{
  if (made)
    made->held = true;
  else if (s) {
    zw_rt_error("%s", err);
    zw_store_release(s);
  }
}

// The program lets go of what it made; anything else is not its to delete.
static void let_go(StoreObject *o)
{
  if (o && o->held) {
    o->held = false;
    zw_store_release(o->store);
  }
}

// ---- memories ----

zwasm_memory_t *zwasm_rt_memory(zwasm_instance_t *i, uint32_t index) { return (zwasm_memory_t *)i->in->memories[index]; }
void *zwasm_mem_at(zwasm_memory_t *m, uint64_t at, uint64_t len) { return zw_memory_at((Memory *)m, at, len); }
uint64_t zwasm_memory_bytes(zwasm_memory_t *m) { return __atomic_load_n(&((Memory *)m)->def.bytes, __ATOMIC_RELAXED); }
uint64_t zwasm_memory_grow(zwasm_memory_t *m, uint64_t pages) { return zw_memory_grow((Memory *)m, pages); }

zwasm_memory_t *zwasm_memory_new_with(zwasm_instance_t *linked, uint64_t min_pages, uint64_t max_pages, unsigned flags)
{
  enum { KNOWN = ZWASM_MEMORY_64 | ZWASM_MEMORY_SHARED | ZWASM_MEMORY_BYTES };
  ImageLimits l = { .min = min_pages, .max = max_pages, .has_max = max_pages != UINT64_MAX, .is64 = flags & ZWASM_MEMORY_64,
                    .shared = (flags & ZWASM_MEMORY_SHARED) != 0, .page_log2 = flags & ZWASM_MEMORY_BYTES ? 0 : 16 };
  char err[160];
  if (flags & ~(unsigned)KNOWN || (l.shared && !l.has_max) || (l.has_max && max_pages < min_pages)) {
    zw_rt_error(flags & ~(unsigned)KNOWN ? "a memory with flags that this runtime does not know"
                : l.shared && !l.has_max ? "a shared memory needs a maximum" : "a memory's maximum is below its minimum");
    return NULL;
  }
  Store *s = zw_store_for(linked);
  Memory *m = s ? zw_memory_make(s, &l, !l.is64 && l.page_log2 == 16 && !s->options.no_signals, err, sizeof err) : NULL;
  hand_out(s, m ? &m->object : NULL, err);
  return (zwasm_memory_t *)m;
}
zwasm_memory_t *zwasm_memory_new(zwasm_instance_t *linked, uint64_t min_pages, uint64_t max_pages)
{
  return zwasm_memory_new_with(linked, min_pages, max_pages, 0);
}
void zwasm_memory_delete(zwasm_memory_t *m) { let_go(m ? &((Memory *)m)->object : NULL); }

// ---- tables ----

static ValType value_type(zwasm_reftype_t t)
{
  static const uint32_t heap[] = { [ZWASM_FUNCREF] = HEAP_FUNC, [ZWASM_EXTERNREF] = HEAP_EXTERN, [ZWASM_ANYREF] = HEAP_ANY, [ZWASM_EXNREF] = HEAP_EXN };
  return (unsigned)t < ARRAY_COUNT(heap) ? VT_REF | VT_NULL | heap[t] : VT_BOT;
}

zwasm_table_t *zwasm_rt_table(zwasm_instance_t *i, uint32_t index) { return (zwasm_table_t *)i->in->tables[index]; }
uint64_t zwasm_table_length(zwasm_table_t *t) { return ((Table *)t)->def.length; }

static zwasm_table_t *new_table(zwasm_instance_t *linked, zwasm_reftype_t type, uint64_t min, uint64_t max, bool is64)
{
  ImageLimits l = { .min = min, .max = max, .has_max = max != UINT64_MAX, .is64 = is64 };
  char err[160];
  if (value_type(type) == VT_BOT || max < min || (!is64 && min > UINT32_MAX)) {
    zw_rt_error(max < min ? "a table's maximum is below its minimum"
                : value_type(type) == VT_BOT ? "a table of a type that this runtime does not know" : "a table of 32-bit indices has at most 2^32 - 1 elements");
    return NULL;
  }
  Store *s = zw_store_for(linked);
  Table *t = s ? zw_table_make(s, &l, value_type(type), 0, err, sizeof err) : NULL;
  hand_out(s, t ? &t->object : NULL, err);
  return (zwasm_table_t *)t;
}
zwasm_table_t *zwasm_table_new(zwasm_instance_t *linked, zwasm_reftype_t type, uint64_t min, uint64_t max)
{
  return new_table(linked, type, min, max, false);
}
zwasm_table_t *zwasm_table_new_64(zwasm_instance_t *linked, zwasm_reftype_t type, uint64_t min, uint64_t max)
{
  return new_table(linked, type, min, max, true);
}
void zwasm_table_delete(zwasm_table_t *t) { let_go(t ? &((Table *)t)->object : NULL); }

// ---- globals and tags ----

void *zwasm_rt_global(zwasm_instance_t *i, uint32_t index) { return i->in->globals[index]->at; }
zwasm_global_t *zwasm_rt_global_ref(zwasm_instance_t *i, uint32_t index) { return (zwasm_global_t *)i->in->globals[index]; }
zwasm_tag_t *zwasm_rt_tag(zwasm_instance_t *i, uint32_t index) { return (zwasm_tag_t *)i->in->tags[index]; }

GlobalCell *zw_rt_global_new(zwasm_instance_t *linked, zwasm_reftype_t type, bool is_mutable)
{
  Value null = { .u64x2 = { 0, 0 } };
  if (value_type(type) == VT_BOT) {
    zw_rt_error("a global of a type that this runtime does not know");
    return NULL;
  }
  Store *s = zw_store_for(linked);
  GlobalCell *g = s ? zw_global_new(s, value_type(type), is_mutable, null) : NULL;
  hand_out(s, g ? &g->object : NULL, "out of memory");
  return g;
}
void zwasm_global_delete(zwasm_global_t *g) { let_go(g ? &((GlobalCell *)g)->object : NULL); }
