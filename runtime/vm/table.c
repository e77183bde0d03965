// Tables: like memories, address space reserved once so that the base never moves.  A table of function references has
// 32-byte TableElems, which compiled code calls through; any other has 4-byte references into the GC heap.
#include "runtime/base/bits.h"
#include "runtime/vm/vm_int.h"

#define UNDECLARED_ELEMENTS 10000000ull /* may grow so far without a maximum; the JS API's limit */
#define MOST_ELEMENTS (1ull << 33)

static size_t element_bytes(const Table *t) { return t->funcs ? sizeof(TableElem) : sizeof(uint32_t); }

static bool commit(Table *t, uint64_t elements)
{
  uint64_t want = zw_align_up(elements * element_bytes(t), zw_os_page_size());
  if (want <= t->committed)
    return true;
  if (!zw_os_commit((char *)t->def.base + t->committed, want - t->committed))
    return false;
  t->committed = want;
  return true;
}

static void fill(Table *t, uint64_t at, uint64_t v, uint64_t n)
{
  if (!t->funcs) {
    uint32_t *p = (uint32_t *)t->def.base + at;
    for (uint64_t i = 0; i < n; i++)
      p[i] = (uint32_t)v;
    return;
  }
  TableElem e = zw_table_elem((FuncRef *)(uintptr_t)v), *p = (TableElem *)t->def.base + at;
  for (uint64_t i = 0; i < n; i++)
    p[i] = e;
}

// invariant: length <= max, max x element_bytes <= reserved_bytes, length x element_bytes <= committed
static bool set_up(Table *t, const ImageLimits *l, const Store *s)
{
  uint64_t max = l->has_max && l->max < UNDECLARED_ELEMENTS ? l->max : UNDECLARED_ELEMENTS;
  if (s->options.max_table_elements && max > s->options.max_table_elements)
    max = s->options.max_table_elements;
  t->max = max > l->min ? max : l->min;
  for (;;) { // where address space is short, growing fails earlier
    t->reserved_bytes = zw_align_up(t->max * element_bytes(t), zw_os_page_size());
    t->reserved_bytes += t->reserved_bytes == 0 ? zw_os_page_size() : 0;
    t->def.base = zw_os_reserve(t->reserved_bytes);
    if (t->def.base)
      break;
    if (t->max == l->min)
      return false;
    t->max = l->min + (t->max - l->min) / 2;
  }
  return commit(t, l->min);
}

Table *zw_table_make(Store *s, const ImageLimits *l, ValType elem, uint64_t init, char *err, size_t err_bytes)
{
  if (l->min > MOST_ELEMENTS || (s->options.max_table_elements && l->min > s->options.max_table_elements)) {
    zw_format(err, err_bytes, "table of %llu elements is larger than allowed", (unsigned long long)l->min);
    return NULL;
  }
  Table *t = zw_alloc(sizeof *t);
  if (t) {
    t->elem = elem, t->funcs = zw_is_func_ref(elem), t->is64 = l->is64, t->has_max = l->has_max;
    t->declared_max = l->max;
    zw_object_add(s, &t->object, EXT_TABLE);
  }
  if (!t || !set_up(t, l, s)) {
    zw_format(err, err_bytes, "out of memory");
    if (t)
      zw_table_delete(t);
    return NULL;
  }
  t->def.length = l->min;
  if (init)
    fill(t, 0, init, l->min);
  return t;
}

Table *zw_table_new(Store *s, uint64_t min, uint64_t max, bool has_max, bool is64, ValType elem, uint64_t init)
{
  ImageLimits l = { .min = min, .max = max, .has_max = has_max, .is64 = is64 };
  char err[128];
  return zw_table_make(s, &l, elem, init, err, sizeof err);
}

void zw_table_delete(Table *t)
{
  zw_object_remove(&t->object);
  if (t->def.base)
    zw_os_unmap(t->def.base, t->reserved_bytes);
  zw_free(t);
}

uint64_t zw_table_grow(Table *t, uint64_t delta, uint64_t init)
{
  uint64_t old = t->def.length;
  if (delta > t->max - old || !commit(t, old + delta))
    return ZW_GROW_FAILED;
  if (init)
    fill(t, old, init, delta);
  t->def.length = old + delta;
  return old;
}

uint64_t zw_table_get(const Table *t, uint64_t i)
{
  CHECK(i < t->def.length);
  return t->funcs ? (uint64_t)(uintptr_t)((TableElem *)t->def.base)[i].ref : ((uint32_t *)t->def.base)[i];
}
void zw_table_set(Table *t, uint64_t i, uint64_t v)
{
  CHECK(i < t->def.length);
  fill(t, i, v, 1);
}


bool zw_table_fill(Table *t, uint64_t dst, uint64_t v, uint64_t len)
{
  if (!zw_in_range(dst, len, t->def.length))
    return false;
  fill(t, dst, v, len);
  return true;
}
bool zw_table_copy(Table *d, Table *s, uint64_t dst, uint64_t src, uint64_t len)
{
  if (!zw_in_range(dst, len, d->def.length) || !zw_in_range(src, len, s->def.length))
    return false;
  ASSERT(d->funcs == s->funcs);
  size_t bytes = element_bytes(d);
  zw_bulk_move((char *)d->def.base + dst * bytes, (char *)s->def.base + src * bytes, len * bytes);
  return true;
}

uint64_t zw_elem_get(Instance *in, uint32_t seg, uint64_t i)
{
  const ImageElem *e = IMAGE_ARRAY(in->image, ImageElem, IMG_ELEMS) + seg;
  if (in->elem_values && in->elem_values[seg])
    return in->elem_values[seg][i];
  const ImageInit *item = IMAGE_ARRAY(in->image, ImageInit, IMG_ELEM_ITEMS) + e->items + i;
  return item->kind == INIT_FUNC ? (uint64_t)(uintptr_t)zw_instance_ref(in, item->index) : 0;
}

uint64_t zw_elem_count(const Instance *in, uint32_t seg)
{
  return in->dropped_elems[seg] ? 0 : IMAGE_ARRAY(in->image, ImageElem, IMG_ELEMS)[seg].nitems;
}

bool zw_table_init(Instance *in, uint32_t table, uint32_t seg, uint64_t dst, uint64_t src, uint64_t len)
{
  Table *t = in->tables[table];
  if (!zw_in_range(dst, len, t->def.length) || !zw_in_range(src, len, zw_elem_count(in, seg)))
    return false;
  for (uint64_t i = 0; i < len; i++)
    fill(t, dst + i, zw_elem_get(in, seg, src + i), 1);
  return true;
}
