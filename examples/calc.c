// Links a compiled module: typed exports, an import defined here, a trap as a value.
#include "calc.h"
#include <stdio.h>
#include <stdlib.h>

void calc_env_log(calc *c, int32_t ptr, int32_t len)
{
  const char *s = zwasm_mem_at(calc_memory(c), (uint32_t)ptr, (uint32_t)len);
  if (s == NULL)
    zwasm_raise(calc_instance(c), "log: bad pointer");
  printf("log: %.*s\n", (int)len, s);
}

int main(int argc, char **argv)
{
  zwasm_options_t options = ZWASM_OPTIONS_INIT;
  calc *c = calc_new(&options);
  int32_t r;
  if (c == NULL) {
    fprintf(stderr, "calc: %s\n", zwasm_last_error());
    return 1;
  }
  printf("%d\n", (int)calc_fac(c, argc > 1 ? atoi(argv[1]) : 5));
  if (calc_div_try(c, 1, 0, &r) != ZWASM_OK)
    printf("1 / 0 traps, and the program goes on\n");
  calc_delete(c);
  return 0;
}
