// Reading a command line by the table in flags.def.
#pragma once
#include "runtime/base/str.h"
#include <stdbool.h>

typedef enum FlagId {
  FLAG_NONE,
#define GROUP(topic, title)
#define OPT(id, spelling, argument, metavar, tools, help) FLAG_##id,
#define ALSO(id, spelling, argument, tools)
#define MEANS(id, value, spelling, tools)
#define LATER(spelling, argument, metavar, tools, help)
#define HINT(spelling, argument, tools, sentence)
#include "tools/cli/flags.def"
  FLAG_COUNT
} FlagId;

enum { TOOL_ZWASMC = 1, TOOL_RUN = 2 };

typedef struct Args {
  int argc;
  const char *const *argv;
  int at;            // next argument to look at
  unsigned tool;     // TOOL_*
  bool operands;     // after "--": everything is an operand
  char error[256];   // ARGS_BAD: one sentence, without the program's name
} Args;
typedef enum ArgsStep { ARGS_FLAG, ARGS_OPERAND, ARGS_END, ARGS_BAD } ArgsStep;
typedef struct Arg {
  FlagId id;         // ARGS_FLAG
  const char *flag;  // as in the table
  const char *value; // the flag's value or NULL; the operand
} Arg;

// The next flag or operand.  A runner stops asking at its first operand: what follows belongs to the guest.
ArgsStep zw_args_next(Args *a, Arg *out);
// Put the words of every @FILE in place of it (white space separates, '...' and "..." quote).  False with a->error.
bool zw_args_expand(Args *a, Arena *arena);
// --help: topic NULL; --help=all; --help=TOPIC.  False when there is no such topic.
bool zw_args_help(unsigned tool, const char *topic, Text *out);
