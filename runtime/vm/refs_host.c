// Pointers of the host as externrefs: boxes in the store's heap.  Apart, so that programs without them have no heap.
//
// Who wants to know when a box is gone is kept in a list.  A collection moves those whose boxes die to a second list; drop()
// is called later, from where C called us, because a collection may run in the middle of anything.
#include "runtime/vm/rt_int.h"

typedef struct Drop { struct Drop *next; GcRef box; void *p; void (*drop)(void *p); } Drop;
typedef struct Drops { GcRoots roots; Store *store; Drop *live, *dead; } Drops;

static void mark_nothing(GcRoots *self, GcHeap *h) { (void)self, (void)h; }
static void find_dead(GcRoots *self, GcHeap *h)
{
  Drops *d = (Drops *)(void *)self;
  for (Drop **p = &d->live, *x; (x = *p);) {
    if (zw_gc_is_marked(h, x->box)) {
      p = &x->next;
      continue;
    }
    *p = x->next;
    x->next = d->dead, d->dead = x;
  }
}
static void call_drops(Drops *d)
{
  for (Drop *x; (x = d->dead);) {
    d->dead = x->next;
    x->drop(x->p);
    zw_free(x);
  }
}
static void drop_all(Store *s)
{
  Drops *d = s->drops;
  for (Drop *x; (x = d->live);) {
    d->live = x->next;
    x->next = d->dead, d->dead = x;
  }
  call_drops(d);
  zw_free(d);
}

static bool remember(Store *s, Drop *x)
{
  Drops *d = s->drops;
  if (!d) {
    d = zw_alloc(sizeof *d);
    if (!d)
      return false;
    d->roots.mark = mark_nothing, d->roots.marked = find_dead, d->store = s;
    zw_gc_add_roots(s->gc, &d->roots);
    s->drops = d, s->drops_free = drop_all;
  }
  x->next = d->live, d->live = x;
  return true;
}

zwasm_ref_t zwasm_ref_of(zwasm_instance_t *i, void *p, void (*drop)(void *p))
{
  GcHeap *h = zw_store_gc(i->store);
  GcRef box = h ? zw_gc_box(h, p) : 0;
  zwasm_ref_t r = box ? zw_ref_new(i->store, box, HEAP_EXTERN) : NULL;
  Drop *x = r && drop ? zw_alloc(sizeof *x) : NULL;
  if (i->store->drops)
    call_drops(i->store->drops);
  if (r && !drop)
    return r;
  if (x) {
    *x = (Drop){ .box = box, .p = p, .drop = drop };
    if (remember(i->store, x))
      return r;
  }
  zw_free(x);
  zwasm_ref_delete(r);
  zw_rt_error("out of memory");
  return NULL;
}

void *zwasm_ref_pointer(zwasm_ref_t r)
{
  if (!r || (zw_ref_heap(r) != HEAP_EXTERN && zw_ref_heap(r) != HEAP_ANY))
    return NULL;
  const GcHeap *h = zw_ref_store(r)->gc;
  return h && zw_gc_is_box(h, (GcRef)zw_ref_word(r)) ? zw_gc_unbox(h, (GcRef)zw_ref_word(r)) : NULL;
}
