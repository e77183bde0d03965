// What a C program is told about the innermost frame of a trap.
#include "guest.h"
#include <stdio.h>

int main(void)
{
  guest *g = guest_new(NULL);
  int32_t r;
  if (!g || guest_over_try(g, 1, 0, &r) == ZWASM_OK)
    return 1;
  const zwasm_trap_t *t = zwasm_trap(guest_instance(g));
  printf("%s:%u %s\n", t->frames[0].file, t->frames[0].line, t->frames[0].function);
  return 0;
}
