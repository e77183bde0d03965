// A store's garbage-collected heap: made when first asked for, with the roots that the store itself holds.
#include "runtime/gc/gc.h"
#include "runtime/vm/vm_int.h"

static bool is_gc_ref(ValType t) { return zw_is_ref(t) && !zw_is_func_ref(t); }

static void mark_table(GcHeap *h, const Table *t)
{
  const uint32_t *refs = t->def.base;
  if (!t->funcs)
    for (uint64_t i = 0; i < t->def.length; i++)
      zw_gc_mark(h, refs[i]);
}

static void mark_segments(GcHeap *h, const Instance *in)
{
  const ImageElem *e = IMAGE_ARRAY(in->image, ImageElem, IMG_ELEMS);
  for (uint32_t s = 0; in->elem_values && s < IMAGE_COUNT(in->image, IMG_ELEMS); s++)
    if (in->elem_values[s] && !in->dropped_elems[s] && is_gc_ref(zw_valtype_with_ids(e[s].type, zw_type_ids(in))))
      for (uint32_t i = 0; i < e[s].nitems; i++)
        zw_gc_mark(h, (GcRef)in->elem_values[s][i]);
}

static void mark_store(GcRoots *self, GcHeap *h)
{
  Store *s = ((StoreRoots *)(void *)self)->store;
  if (s->refs)
    s->refs_mark(s, h, zw_gc_mark);
  zw_frames_propose(s, h);
  for (uint32_t i = 0; i < s->nthrown; i++)
    zw_gc_propose(h, s->thrown[i].u64);
  for (StoreObject *o = s->objects; o; o = o->next) {
    const GlobalCell *g = ZW_OBJECT(GlobalCell, o);
    if (o->kind == EXT_TABLE)
      mark_table(h, ZW_OBJECT(Table, o));
    else if (o->kind == EXT_GLOBAL && is_gc_ref(g->type))
      zw_gc_mark(h, g->at->u32);
  }
  for (const Instance *in = s->instances; in; in = in->next)
    mark_segments(h, in);
}

GcHeap *zw_store_gc(Store *s)
{
  if (s->gc)
    return s->gc;
  s->gc = zw_gc_new(s->options.max_gc_heap);
  if (!s->gc)
    return NULL;
  s->gc_base = zw_gc_base(s->gc), s->gc_free = zw_gc_delete;
  s->gc_roots = (StoreRoots){ .roots = { .mark = mark_store }, .store = s };
  zw_gc_add_roots(s->gc, &s->gc_roots.roots);
  if (s->interp)
    zw_gc_add_roots(s->gc, s->interp_roots);
  for (Instance *in = s->instances; in; in = in->next)
    if (in->vmctx)
      in->vmctx->gc_base = s->gc_base;
  return s->gc;
}

// ---- the interpreter's place in a store ----

const StoreOptions *zw_store_options(const Store *s) { return &s->options; }
void *zw_store_interp(const Store *s) { return s->interp; }
void zw_store_set_interp(Store *s, void *state, struct GcRoots *roots, void (*free_state)(void *state))
{
  s->interp = state, s->interp_roots = roots, s->interp_free = free_state;
  if (s->gc)
    zw_gc_add_roots(s->gc, roots);
}
