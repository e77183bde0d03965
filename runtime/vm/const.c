// Constant expressions at instantiation: single constants are records and evaluated here, the rest is in const_expr.c.
// spec: valid-constant, exec-expr
#include "runtime/vm/const_int.h"

static Sort sort_of(const Instance *in, ValType t)
{
  if (!zw_is_ref(t))
    return SORT_NUMBER;
  return zw_is_func_ref(zw_valtype_with_ids(t, zw_type_ids(in))) ? SORT_FUNC : SORT_GC;
}
Sort zw_const_sort_of_global(const Instance *in, uint32_t index)
{
  return sort_of(in, (IMAGE_ARRAY(in->image, ImageGlobal, IMG_GLOBALS) + index)->type);
}

bool zw_const_eval(Instance *in, const ImageInit *init, ValType type, Value *out, char *err, size_t err_bytes)
{
  Eval none = { .in = in, .err = err, .err_bytes = err_bytes };
  Sort want = sort_of(in, type);
  switch ((InitKind)init->kind) {
  case INIT_CONST:
    *out = (Value){ .u64x2 = { init->bits[0], init->bits[1] } };
    return want == SORT_NUMBER || const_damaged(&none);
  case INIT_NULL:
    *out = const_bits(0);
    return true;
  case INIT_GLOBAL:
    if (!in->globals[init->index])
      return const_damaged(&none); // a later one
    *out = *in->globals[init->index]->at;
    return const_sort_fits(zw_const_sort_of_global(in, init->index), want) || const_damaged(&none);
  case INIT_FUNC: {
    FuncRef *f = zw_instance_func(in, init->index);
    *out = const_bits((uintptr_t)f);
    if (!f)
      zw_format(err, err_bytes, "out of memory");
    return f && (want == SORT_FUNC || const_damaged(&none));
  }
  case INIT_EXPR: return zw_const_expr(in, init, want, out, err, err_bytes);
  }
  BUG("an initialiser of kind %u", init->kind);
}
