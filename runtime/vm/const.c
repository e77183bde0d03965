// Constant expressions at instantiation: single constants are records, the rest is bytes as in the module, run on a
// small stack.  The bytes come from a validated module or, in an untrusted image, from anybody: so every read, pop and
// index is checked here, and that a reference comes out where one is wanted (a type confusion among numbers is harmless).
// spec: valid-constant, exec-expr
#include "runtime/base/leb.h"
#include "runtime/vm/vm_int.h"

typedef enum Sort { SORT_NUMBER, SORT_FUNC, SORT_GC, SORT_NULL } Sort; // what the word is
typedef struct Item { Value v; Sort sort; } Item;
typedef struct Eval {
  GcRoots roots;
  Instance *in;
  const uint8_t *p, *end;
  Item *stack;
  uint32_t n, cap;
  char *err;
  size_t err_bytes;
} Eval;

static bool damaged(const Eval *e) { return zw_format(e->err, e->err_bytes, "damaged constant expression"), false; }

static Value *global_value(Instance *in, uint32_t index) { return in->globals[index]->at; }

static Sort sort_of(const Instance *in, ValType t)
{
  if (!zw_is_ref(t))
    return SORT_NUMBER;
  return zw_is_func_ref(zw_valtype_with_ids(t, zw_type_ids(in))) ? SORT_FUNC : SORT_GC;
}
static Sort sort_of_global(const Instance *in, uint32_t index)
{
  return sort_of(in, (IMAGE_ARRAY(in->image, ImageGlobal, IMG_GLOBALS) + index)->type);
}
static bool sort_fits(Sort have, Sort want) { return have == want || (have == SORT_NULL && want != SORT_NUMBER); }

static bool push(Eval *e, Value v, Sort sort)
{
  if (e->n == e->cap) {
    Item *p = zw_realloc(e->stack, e->cap * sizeof *p, 2 * e->cap * sizeof *p);
    if (!p) {
      zw_format(e->err, e->err_bytes, "out of memory");
      return false;
    }
    e->stack = p, e->cap *= 2;
  }
  e->stack[e->n++] = (Item){ v, sort };
  return true;
}
static Value bits(uint64_t v) { return (Value){ .u64x2 = { v, 0 } }; }

static bool read_u32(Eval *e, uint32_t *out)
{
  uint64_t v;
  if (zw_leb_read_u(&e->p, e->end, 32, &v) != LEB_OK)
    return false;
  *out = (uint32_t)v;
  return true;
}

typedef enum { ADD, SUB, MUL } Arith;
static bool arith(Eval *e, Arith op, bool is64)
{
  if (e->n < 2)
    return damaged(e);
  uint64_t b = e->stack[--e->n].v.u64, a = e->stack[--e->n].v.u64;
  uint64_t r = op == ADD ? a + b : op == SUB ? a - b : a * b;
  return push(e, bits(is64 ? r : (uint32_t)r), SORT_NUMBER);
}

// ---- objects ----

static const TypeInfo *read_type(Eval *e, CompKind kind)
{
  uint32_t index;
  if (!read_u32(e, &index) || index >= e->in->image->counts.types)
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
    if (!sort_fits(e->stack[e->n - n + i].sort, sort_of_field(t, fields ? i : 0)))
      return false;
  return true;
}
static bool no_room(const Eval *e) { return zw_format(e->err, e->err_bytes, "%s", zw_trap_text(TRAP_alloc_failure)), false; }

static bool new_struct(Eval *e, bool fields)
{
  const TypeInfo *t = read_type(e, COMP_STRUCT);
  if (!t || (fields && !operands_fit(e, t, t->n, true)))
    return damaged(e);
  GcHeap *h = zw_store_gc(e->in->store);
  GcRef r = h ? zw_gc_struct_new(h, t->id) : 0; // the operands are roots
  if (!r)
    return no_room(e);
  if (fields) {
    e->n -= t->n;
    for (uint32_t i = 0; i < t->n; i++)
      zw_gc_write(zw_gc_base(h) + r + t->offsets[i], t->sizes[i], &e->stack[e->n + i].v);
  }
  return push(e, bits(r), SORT_GC);
}

typedef enum { ARRAY_FILLED, ARRAY_DEFAULT, ARRAY_FIXED } ArrayForm;
static bool new_array(Eval *e, ArrayForm form)
{
  const TypeInfo *t = read_type(e, COMP_ARRAY);
  uint32_t length = 0, operands = 0;
  if (!t || (form == ARRAY_FIXED && !read_u32(e, &length)))
    return damaged(e);
  if (form == ARRAY_FIXED)
    operands = length;
  else {
    if (e->n == 0)
      return damaged(e);
    length = e->stack[--e->n].v.u32;
    operands = form == ARRAY_FILLED ? 1 : 0;
  }
  if (!operands_fit(e, t, operands, false))
    return damaged(e);
  GcHeap *h = zw_store_gc(e->in->store);
  GcRef r = h ? zw_gc_array_new(h, t->id, length) : 0;
  if (!r)
    return no_room(e);
  e->n -= operands;
  const Item *first = &e->stack[e->n];
  for (uint32_t i = 0; i < (operands ? length : 0); i++)
    zw_gc_write(zw_gc_base(h) + r + GC_ARRAY_DATA + (uint64_t)i * t->elem_bytes, t->elem_bytes, &first[form == ARRAY_FIXED ? i : 0].v);
  return push(e, bits(r), SORT_GC);
}

static bool gc(Eval *e, uint32_t code)
{
  switch (code) {
  case 0: return new_struct(e, true);
  case 1: return new_struct(e, false);
  case 6: return new_array(e, ARRAY_FILLED);
  case 7: return new_array(e, ARRAY_DEFAULT);
  case 8: return new_array(e, ARRAY_FIXED);
  case 26: case 27: return e->n > 0 || damaged(e); // any.convert_extern and back: the same word
  case 28: // ref.i31
    if (e->n == 0)
      return damaged(e);
    e->stack[e->n - 1] = (Item){ bits(zw_i31_new(e->stack[e->n - 1].v.u32)), SORT_GC };
    return true;
  }
  return damaged(e);
}

static bool vector_or_gc(Eval *e, uint8_t prefix)
{
  uint32_t code;
  if (!read_u32(e, &code))
    return damaged(e);
  if (prefix == 0xfb)
    return gc(e, code);
  Value v;
  if (code != 12 || e->end - e->p < 16) // v128.const
    return damaged(e);
  __builtin_memcpy(v.bytes, e->p, 16);
  e->p += 16;
  return push(e, v, SORT_NUMBER);
}

// The references on the stack of an evaluation are roots while it lasts.
static void mark_eval(GcRoots *self, GcHeap *h)
{
  const Eval *e = (const Eval *)(const void *)self;
  for (uint32_t i = 0; i < e->n; i++)
    if (e->stack[i].sort == SORT_GC)
      zw_gc_mark(h, e->stack[i].v.u32);
}

static bool step(Eval *e)
{
  uint8_t op = *e->p++;
  int64_t s;
  uint32_t index;
  switch (op) {
  case 0x41: // i32.const
    return zw_leb_read_s(&e->p, e->end, 32, &s) == LEB_OK ? push(e, bits((uint32_t)s), SORT_NUMBER) : damaged(e);
  case 0x42: // i64.const
    return zw_leb_read_s(&e->p, e->end, 64, &s) == LEB_OK ? push(e, bits((uint64_t)s), SORT_NUMBER) : damaged(e);
  case 0x43: // f32.const
    if (e->end - e->p < 4)
      return damaged(e);
    e->p += 4;
    return push(e, bits(zw_get32(e->p - 4)), SORT_NUMBER);
  case 0x44: // f64.const
    if (e->end - e->p < 8)
      return damaged(e);
    e->p += 8;
    return push(e, bits(zw_get64(e->p - 8)), SORT_NUMBER);
  case 0x23: // global.get
    if (!read_u32(e, &index) || index >= IMAGE_COUNT(e->in->image, IMG_GLOBALS) || !e->in->globals[index])
      return damaged(e);
    return push(e, *global_value(e->in, index), sort_of_global(e->in, index));
  case 0xd0: // ref.null
    return zw_leb_read_s(&e->p, e->end, 33, &s) == LEB_OK ? push(e, bits(0), SORT_NULL) : damaged(e);
  case 0xd2: { // ref.func
    if (!read_u32(e, &index) || index >= IMAGE_COUNT(e->in->image, IMG_FUNC_TYPES))
      return damaged(e);
    FuncRef *f = zw_instance_func(e->in, index);
    return f ? push(e, bits((uintptr_t)f), SORT_FUNC) : (zw_format(e->err, e->err_bytes, "out of memory"), false);
  }
  case 0x6a: return arith(e, ADD, false);
  case 0x6b: return arith(e, SUB, false);
  case 0x6c: return arith(e, MUL, false);
  case 0x7c: return arith(e, ADD, true);
  case 0x7d: return arith(e, SUB, true);
  case 0x7e: return arith(e, MUL, true);
  case 0xfb: case 0xfd: return vector_or_gc(e, op);
  }
  return damaged(e);
}

static bool may_allocate(const uint8_t *p, const uint8_t *end)
{
  while (p < end && *p != 0xfb) // the prefix, or a byte like it
    p++;
  return p < end;
}

static bool run(Instance *in, const ImageInit *init, Sort want, Value *out, char *err, size_t err_bytes)
{
  const uint8_t *p = in->image->meta + in->image->h->span[IMG_EXPRS].off + init->index;
  Eval e = { .roots = { .mark = mark_eval }, .in = in, .p = p, .end = p + init->bits[0], .cap = 16, .err = err, .err_bytes = err_bytes };
  e.stack = zw_alloc(e.cap * sizeof *e.stack);
  bool ok = e.stack != NULL;
  if (!ok)
    zw_format(err, err_bytes, "out of memory");
  GcHeap *h = may_allocate(p, e.end) ? zw_store_gc(in->store) : NULL;
  if (h)
    zw_gc_add_roots(h, &e.roots);
  while (ok && e.p < e.end && *e.p != 0x0b)
    ok = step(&e);
  if (h)
    zw_gc_remove_roots(h, &e.roots);
  if (ok && (e.n != 1 || !sort_fits(e.stack[0].sort, want)))
    ok = damaged(&e);
  if (ok)
    *out = e.stack[0].v;
  zw_free(e.stack);
  return ok;
}

bool zw_const_eval(Instance *in, const ImageInit *init, ValType type, Value *out, char *err, size_t err_bytes)
{
  Eval none = { .in = in, .err = err, .err_bytes = err_bytes };
  Sort want = sort_of(in, type);
  switch ((InitKind)init->kind) {
  case INIT_CONST:
    *out = (Value){ .u64x2 = { init->bits[0], init->bits[1] } };
    return want == SORT_NUMBER || damaged(&none);
  case INIT_NULL:
    *out = bits(0);
    return true;
  case INIT_GLOBAL:
    if (!in->globals[init->index])
      return damaged(&none); // a later one
    *out = *global_value(in, init->index);
    return sort_fits(sort_of_global(in, init->index), want) || damaged(&none);
  case INIT_FUNC: {
    FuncRef *f = zw_instance_func(in, init->index);
    *out = bits((uintptr_t)f);
    if (!f)
      zw_format(err, err_bytes, "out of memory");
    return f && (want == SORT_FUNC || damaged(&none));
  }
  case INIT_EXPR: return run(in, init, want, out, err, err_bytes);
  }
  BUG("an initialiser of kind %u", init->kind);
}
