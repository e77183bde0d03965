// By name, for programs that load modules at run time: this file refers to every call.
#include "runtime/wasi/wasi_int.h"

typedef struct Row { const char *name, *sig; HostFn fn; } Row;
static const Row rows[] = {
#define P1(name, sig) { #name, #sig, zwasm_wasi_p1_##name },
#include "runtime/wasi/p1.def"
};

bool zw_wasi_import(Store *s, Wasi *w, Str module, Str name, Extern *out)
{
  if (!zw_str_eq(module, STR("wasi_snapshot_preview1")))
    return false;
  for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
    const Row *r = &rows[i];
    if (!zw_str_eq(name, (Str){ r->name, strlen(r->name) }))
      continue;
    ValType params[16], result = VT_I32;
    uint32_t n = 0;
    for (const char *p = r->sig + 2; *p; p++)
      params[n++] = *p == 'i' ? VT_I32 : VT_I64;
    *out = (Extern){ .kind = EXT_FUNC, .u.func = zw_host_func_new(s, params, n, &result, r->sig[0] == 'i', r->fn, w) };
    return out->u.func != NULL;
  }
  return false;
}
