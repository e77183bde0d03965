// The owner of everything: instances and what they import or define live until their store goes.
#include "runtime/vm/vm_int.h"

extern void zw_table_delete(Table *t) ZW_WHEN_NAMED; // who made one has it

Store *zw_store_new(const StoreOptions *o)
{
  Store *s = zw_alloc(sizeof *s);
  if (s && o)
    s->options = *o;
  return s;
}

static void object_delete(StoreObject *o)
{
  switch ((ExternKind)o->kind) {
  case EXT_MEMORY: zw_memory_delete(ZW_OBJECT(Memory, o)); return;
  case EXT_TABLE: zw_table_delete(ZW_OBJECT(Table, o)); return;
  case EXT_GLOBAL: zw_object_remove(o), zw_free(ZW_OBJECT(GlobalCell, o)); return;
  case EXT_TAG: zw_object_remove(o), zw_free(ZW_OBJECT(TagCell, o)); return;
  case EXT_FUNC: break;
  }
  BUG("a store owns an object of kind %u", o->kind);
}

// Counted from any thread: a store of shared memories serves stores of several.
typedef struct StoreHold { struct StoreHold *next; Store *other; } StoreHold;

void zw_store_hold(Store *s) { __atomic_add_fetch(&s->users, 1, __ATOMIC_RELAXED); }
void zw_store_release(Store *s)
{
  if (s && __atomic_sub_fetch(&s->users, 1, __ATOMIC_ACQ_REL) == 0)
    zw_store_delete(s);
}
bool zw_store_hold_other(Store *s, Store *other)
{
  StoreHold *h = s->holds;
  while (h && h->other != other)
    h = h->next;
  if (h)
    return true;
  h = zw_alloc(sizeof *h);
  if (!h)
    return false;
  *h = (StoreHold){ s->holds, other };
  s->holds = h;
  zw_store_hold(other);
  return true;
}

void zw_store_delete(Store *s)
{
  if (!s)
    return;
  while (s->instances)
    zw_instance_delete(s->instances);
  while (s->objects)
    object_delete(s->objects);
  for (HostFuncObject *h = s->hosts, *next; h; h = next) {
    next = h->next;
    zw_free(h);
  }
  for (StoreHold *h = s->holds, *next; h; h = next) {
    next = h->next;
    zw_store_release(h->other);
    zw_free(h);
  }
  if (s->interp)
    s->interp_free(s->interp);
  if (s->refs)
    s->refs_free(s);
  if (s->drops)
    s->drops_free(s);
  if (s->gc)
    s->gc_free(s->gc);
  zw_free(s);
}

// Objects move over if nothing but they is there.
void zw_store_absorb(Store *s, Store *from)
{
  if (from->instances || from->gc || from->refs || from->hosts)
    return;
  while (from->objects) {
    StoreObject *o = from->objects;
    zw_object_remove(o);
    bool held = o->held;
    zw_object_add(s, o, (ExternKind)o->kind);
    o->held = held;
  }
  __atomic_add_fetch(&s->users, from->users, __ATOMIC_RELAXED);
  zw_store_delete(from);
}

// A host's global: its value lies in the cell.
GlobalCell *zw_global_new(Store *s, ValType type, bool mutable_, Value v)
{
  GlobalCell *g = zw_alloc(sizeof *g);
  if (!g)
    return NULL;
  g->own = v, g->at = &g->own, g->type = type, g->mutable_ = mutable_;
  zw_object_add(s, &g->object, EXT_GLOBAL);
  return g;
}
TagCell *zw_tag_new(Store *s, uint32_t type_id)
{
  TagCell *t = zw_alloc(sizeof *t);
  if (!t)
    return NULL;
  t->type_id = type_id;
  zw_object_add(s, &t->object, EXT_TAG);
  return t;
}
