// Inside runtime/start.
#pragma once
#include <stdint.h>
_Noreturn void zw_start(uintptr_t *stack);
int zw_main(int argc, char **argv, char **env);
