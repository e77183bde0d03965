// By name, for programs that load modules at run time: this file refers to every call.
#include "runtime/wasi/wasi_int.h"

typedef struct Row { const char *name, *sig; HostFn fn; } Row;
static const Row rows[] = {
#define P1(name, sig) { #name, #sig, zwasm_wasi_p1_##name },
#include "runtime/wasi/p1.def"
};
// Of wasi_unstable, where it differs; no function: it has none of that name.
static const Row rows0[] = {
#define P0(name, sig) { #name, #sig, zwasm_wasi_p0_##name },
#define LATER(name) { #name, "", NULL },
#include "runtime/wasi/p0.def"
};

static const Row *find(const Row *rows_, size_t n, Str name)
{
  for (size_t i = 0; i < n; i++)
    if (zw_str_eq(name, (Str){ rows_[i].name, strlen(rows_[i].name) }))
      return &rows_[i];
  return NULL;
}

bool zw_wasi_import(Store *s, Wasi *w, Str module, Str name, Extern *out)
{
  bool old = zw_str_eq(module, STR("wasi_unstable"));
  if (!old && !zw_str_eq(module, STR("wasi_snapshot_preview1")))
    return false;
  const Row *r = old ? find(rows0, ARRAY_COUNT(rows0), name) : NULL;
  if (!r)
    r = find(rows, ARRAY_COUNT(rows), name);
  if (!r || !r->fn)
    return false;
  ValType params[16], result = VT_I32;
  uint32_t n = 0;
  for (const char *p = r->sig + 2; *p; p++)
    params[n++] = *p == 'i' ? VT_I32 : VT_I64;
  *out = (Extern){ .kind = EXT_FUNC, .u.func = zw_host_func_new(s, params, n, &result, r->sig[0] == 'i', r->fn, w) };
  return out->u.func != NULL;
}
