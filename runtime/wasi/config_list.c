// Arguments and variables, whole lists at once.
#include "runtime/wasi/wasi_int.h"

int zwasm_wasi_set_args(zwasm_wasi_t *w, size_t n, const char *const *args)
{
  zw_wasi_list_clear(&w->args);
  for (size_t i = 0; i < n; i++)
    if (!zw_wasi_list_add(&w->args, args[i], NULL))
      return 0;
  return 1;
}
int zwasm_wasi_set_env(zwasm_wasi_t *w, size_t n, const char *const *names, const char *const *values)
{
  zw_wasi_list_clear(&w->env);
  for (size_t i = 0; i < n; i++)
    if (!zw_wasi_list_add(&w->env, names[i], values[i]))
      return 0;
  return 1;
}
