// Constant expressions that make objects: structs, arrays, i31.  Apart, so that programs without them have no heap.
#include "runtime/vm/const_int.h"

static const TypeInfo *read_type(Eval *e, CompKind kind)
{
  uint32_t index;
  if (!zw_const_read_u32(e, &index) || index >= e->in->image->counts.types)
    return NULL;
  const TypeInfo *t = zw_type_info(zw_type_ids(e->in)[index]);
  return t->kind == kind ? t : NULL;
}
static Sort sort_of_field(const TypeInfo *t, uint32_t field)
{
  return !zw_is_ref(t->types[field]) ? SORT_NUMBER : zw_is_func_ref(t->types[field]) ? SORT_FUNC : SORT_GC;
}
// The n topmost items are there and fit: item k field k, or all of them field 0.
static bool operands_fit(const Eval *e, const TypeInfo *t, uint32_t n, bool fields)
{
  if (n > e->n)
    return false;
  for (uint32_t i = 0; i < n; i++)
    if (!const_sort_fits(e->stack[e->n - n + i].sort, sort_of_field(t, fields ? i : 0)))
      return false;
  return true;
}
static bool no_room(const Eval *e) { return zw_format(e->err, e->err_bytes, "%s", zw_trap_text(TRAP_alloc_failure)), false; }

static bool new_struct(Eval *e, bool fields)
{
  const TypeInfo *t = read_type(e, COMP_STRUCT);
  if (!t || (fields && !operands_fit(e, t, t->n, true)))
    return const_damaged(e);
  GcHeap *h = zw_store_gc(e->in->store);
  GcRef r = h ? zw_gc_struct_new(h, t->id) : 0; // the operands are roots
  if (!r)
    return no_room(e);
  if (fields) {
    e->n -= t->n;
    for (uint32_t i = 0; i < t->n; i++)
      zw_gc_write(zw_gc_base(h) + r + t->offsets[i], t->sizes[i], &e->stack[e->n + i].v);
  }
  return zw_const_push(e, const_bits(r), SORT_GC);
}

typedef enum { ARRAY_FILLED, ARRAY_DEFAULT, ARRAY_FIXED } ArrayForm;
static bool new_array(Eval *e, ArrayForm form)
{
  const TypeInfo *t = read_type(e, COMP_ARRAY);
  uint32_t length = 0, operands = 0;
  if (!t || (form == ARRAY_FIXED && !zw_const_read_u32(e, &length)))
    return const_damaged(e);
  if (form == ARRAY_FIXED)
    operands = length;
  else {
    if (e->n == 0)
      return const_damaged(e);
    length = e->stack[--e->n].v.u32;
    operands = form == ARRAY_FILLED ? 1 : 0;
  }
  if (!operands_fit(e, t, operands, false))
    return const_damaged(e);
  GcHeap *h = zw_store_gc(e->in->store);
  GcRef r = h ? zw_gc_array_new(h, t->id, length) : 0;
  if (!r)
    return no_room(e);
  e->n -= operands;
  const Item *first = &e->stack[e->n];
  for (uint32_t i = 0; i < (operands ? length : 0); i++)
    zw_gc_write(zw_gc_base(h) + r + GC_ARRAY_DATA + (uint64_t)i * t->elem_bytes, t->elem_bytes, &first[form == ARRAY_FIXED ? i : 0].v);
  return zw_const_push(e, const_bits(r), SORT_GC);
}

bool zw_const_object(Eval *e, uint32_t code)
{
  switch (code) {
  case 0: return new_struct(e, true);
  case 1: return new_struct(e, false);
  case 6: return new_array(e, ARRAY_FILLED);
  case 7: return new_array(e, ARRAY_DEFAULT);
  case 8: return new_array(e, ARRAY_FIXED);
  case 26: case 27: return e->n > 0 || const_damaged(e); // any.convert_extern and back: the same word
  case 28: // ref.i31
    if (e->n == 0)
      return const_damaged(e);
    e->stack[e->n - 1] = (Item){ const_bits(zw_i31_new(e->stack[e->n - 1].v.u32)), SORT_GC };
    return true;
  }
  return const_damaged(e);
}

// The references on the stack of an evaluation are roots while it lasts.
static void mark_eval(GcRoots *self, GcHeap *h)
{
  const Eval *e = (const Eval *)(const void *)self;
  for (uint32_t i = 0; i < e->n; i++)
    if (e->stack[i].sort == SORT_GC)
      zw_gc_mark(h, e->stack[i].v.u32);
}
void zw_const_roots(Eval *e, bool on)
{
  GcHeap *h = zw_store_gc(e->in->store);
  e->roots.mark = mark_eval;
  if (h && on)
    zw_gc_add_roots(h, &e->roots);
  else if (h)
    zw_gc_remove_roots(h, &e->roots);
}
