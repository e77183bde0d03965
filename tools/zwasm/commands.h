// The sub-commands of zwasm.  Each returns the program's exit code: 0 done, 1 the input or the OS refused, 2 bad
// command line; `run` has its own (objects and programs speak the same ones).
#pragma once

#define COMMAND(name, usage, help) int zw_cmd_##name(int argc, char **argv);
#define COMMAND_LATER(name, help)
#include "tools/zwasm/commands.def"
