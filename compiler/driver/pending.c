// Stands in for compiler/x64/target.c until x64/select.c is there, so that the tools which need no code generator link.
#include "compiler/emit/target.h"
__attribute__((weak)) const Target zw_x64_target = { .name = "x86_64", .arch = ARCH_X86_64, .baseline_cpu = CPU_X86_64_V2 };
