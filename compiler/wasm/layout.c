// Where a module's things are in its vmctx: what build compiles against and what the image tells the runtime.
#include "compiler/wasm/module.h"

void zw_number_funcrefs(Module *m)
{
  m->nfuncrefs = 0;
  for (uint32_t f = 0; f < m->nfuncs; f++)
    if (m->funcs[f].declared_ref)
      m->funcs[f].funcref = m->nfuncrefs++;
}

VmLayout zw_module_layout(const Module *m)
{
  VmCounts n = { .memories = m->nmemories, .tables = m->ntables, .imported_funcs = m->nimported_funcs,
                 .types = m->ntypes, .globals = m->nglobals, .funcrefs = m->nfuncrefs };
  return zw_vm_layout(&n);
}

ValKind zw_val_kind(const Module *m, ValType t)
{
  if (!zw_is_ref(t))
    return t <= VT_V128 ? (ValKind)t : VK_I32; // packed fields and the bottom type hold a word
  uint32_t heap = zw_heap_type(t);
  if (heap == HEAP_FUNC || heap == HEAP_NOFUNC || (heap < HEAP_ABSTRACT && m->types[heap].kind == COMP_FUNC))
    return VK_FUNCREF;
  return VK_REF;
}
STATIC_ASSERT((int)VK_I32 == VT_I32 && (int)VK_I64 == VT_I64 && (int)VK_F32 == VT_F32 && (int)VK_F64 == VT_F64 &&
                (int)VK_V128 == VT_V128, "ORDER valkind");
