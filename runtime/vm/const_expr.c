// Constant expressions that are more than a single constant: bytes as in the module, run on a small stack.  They come
// from a validated module or, in an untrusted image, from anybody: so every read, pop and index is checked here, and that
// a reference comes out where one is wanted (a type confusion among numbers is harmless).
// spec: valid-constant, exec-expr
#include "runtime/base/leb.h"
#include "runtime/vm/const_int.h"

bool zw_const_push(Eval *e, Value v, Sort sort)
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
bool zw_const_read_u32(Eval *e, uint32_t *out)
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
    return const_damaged(e);
  uint64_t b = e->stack[--e->n].v.u64, a = e->stack[--e->n].v.u64;
  uint64_t r = op == ADD ? a + b : op == SUB ? a - b : a * b;
  return zw_const_push(e, const_bits(is64 ? r : (uint32_t)r), SORT_NUMBER);
}

static bool vector_or_gc(Eval *e, uint8_t prefix)
{
  uint32_t code;
  if (!zw_const_read_u32(e, &code))
    return const_damaged(e);
  if (prefix == 0xfb)
    return zw_const_object(e, code);
  Value v;
  if (code != 12 || e->end - e->p < 16) // v128.const
    return const_damaged(e);
  __builtin_memcpy(v.bytes, e->p, 16);
  e->p += 16;
  return zw_const_push(e, v, SORT_NUMBER);
}

static bool step(Eval *e)
{
  uint8_t op = *e->p++;
  int64_t s;
  uint32_t index;
  switch (op) {
  case 0x41: // i32.const
    return zw_leb_read_s(&e->p, e->end, 32, &s) == LEB_OK ? zw_const_push(e, const_bits((uint32_t)s), SORT_NUMBER) : const_damaged(e);
  case 0x42: // i64.const
    return zw_leb_read_s(&e->p, e->end, 64, &s) == LEB_OK ? zw_const_push(e, const_bits((uint64_t)s), SORT_NUMBER) : const_damaged(e);
  case 0x43: // f32.const
    if (e->end - e->p < 4)
      return const_damaged(e);
    e->p += 4;
    return zw_const_push(e, const_bits(zw_get32(e->p - 4)), SORT_NUMBER);
  case 0x44: // f64.const
    if (e->end - e->p < 8)
      return const_damaged(e);
    e->p += 8;
    return zw_const_push(e, const_bits(zw_get64(e->p - 8)), SORT_NUMBER);
  case 0x23: // global.get
    if (!zw_const_read_u32(e, &index) || index >= IMAGE_COUNT(e->in->image, IMG_GLOBALS) || !e->in->globals[index])
      return const_damaged(e);
    return zw_const_push(e, *e->in->globals[index]->at, zw_const_sort_of_global(e->in, index));
  case 0xd0: // ref.null
    return zw_leb_read_s(&e->p, e->end, 33, &s) == LEB_OK ? zw_const_push(e, const_bits(0), SORT_NULL) : const_damaged(e);
  case 0xd2: { // ref.func
    if (!zw_const_read_u32(e, &index) || index >= IMAGE_COUNT(e->in->image, IMG_FUNC_TYPES))
      return const_damaged(e);
    FuncRef *f = zw_instance_func(e->in, index);
    return f ? zw_const_push(e, const_bits((uintptr_t)f), SORT_FUNC) : (zw_format(e->err, e->err_bytes, "out of memory"), false);
  }
  case 0x6a: return arith(e, ADD, false);
  case 0x6b: return arith(e, SUB, false);
  case 0x6c: return arith(e, MUL, false);
  case 0x7c: return arith(e, ADD, true);
  case 0x7d: return arith(e, SUB, true);
  case 0x7e: return arith(e, MUL, true);
  case 0xfb: case 0xfd: return vector_or_gc(e, op);
  }
  return const_damaged(e);
}

static bool may_allocate(const uint8_t *p, const uint8_t *end)
{
  while (p < end && *p != 0xfb) // the prefix, or a byte like it
    p++;
  return p < end;
}

bool zw_const_expr(Instance *in, const ImageInit *init, Sort want, Value *out, char *err, size_t err_bytes)
{
  const uint8_t *p = in->image->meta + in->image->h->span[IMG_EXPRS].off + init->index;
  Eval e = { .in = in, .p = p, .end = p + init->bits[0], .cap = 16, .err = err, .err_bytes = err_bytes };
  e.stack = zw_alloc(e.cap * sizeof *e.stack);
  bool ok = e.stack != NULL;
  if (!ok)
    zw_format(err, err_bytes, "out of memory");
  bool objects = may_allocate(p, e.end);
  if (objects)
    zw_const_roots(&e, true);
  while (ok && e.p < e.end && *e.p != 0x0b)
    ok = step(&e);
  if (objects)
    zw_const_roots(&e, false);
  if (ok && (e.n != 1 || !const_sort_fits(e.stack[0].sort, want)))
    ok = const_damaged(&e);
  if (ok)
    *out = e.stack[0].v;
  zw_free(e.stack);
  return ok;
}
