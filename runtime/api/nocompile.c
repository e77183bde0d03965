// zw_compile for programs without a compiler: .cwasm runs, .wasm is refused by name.
#include "runtime/abi/compile.h"
#include "runtime/abi/cwasm.h"

Image *zw_compile(const uint8_t *bytes, size_t len, const CompileOptions *o, char *err, size_t err_bytes)
{
  (void)o;
  if (zw_cwasm_looks(bytes, len))
    return zw_cwasm_load(bytes, len, err, err_bytes);
  zw_format(err, err_bytes, "this program was built without a compiler: it runs .cwasm files only");
  return NULL;
}
