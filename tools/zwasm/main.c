// zwasm: run WebAssembly, and look at it.  A table of sub-commands; a bare file means run.
#include "tools/zwasm/commands.h"
#include "runtime/gc/gc.h"
#include "tools/cli/common.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Command {
  const char *name;
  int (*run)(int argc, char **argv); // NULL: not supported yet
  const char *usage, *help;
} Command;

static const Command commands[] = {
// clang-format off
#define COMMAND(name, usage, help) { #name, zw_cmd_##name, usage, help },
#define COMMAND_LATER(name, help) { #name, NULL, "", help },
#include "tools/zwasm/commands.def"
  // clang-format on
};

static int print_help(bool all)
{
  printf("usage: zwasm [run] [options] FILE [ARGS..]          a bare FILE means run; options: zwasm run --help\n\n");
  for (size_t k = 0; k < ARRAY_COUNT(commands); k++) {
    const Command *c = &commands[k];
    if (c->run)
      printf("  zwasm %-10s %-28s %s\n", c->name, c->usage, c->help);
    else if (all)
      printf("  zwasm %-10s %-28s %s (not supported yet)\n", c->name, "", c->help);
  }
  return 0;
}

static const Command *find(const char *name)
{
  for (size_t k = 0; k < ARRAY_COUNT(commands); k++)
    if (strcmp(name, commands[k].name) == 0)
      return &commands[k];
  return NULL;
}

int main(int argc, char **argv)
{
  Common c;
  zw_common_init(&c, "zwasm", 2);
  zw_gc_set_zeal_default(getenv("ZW_GC_ZEAL") != NULL);
  if (argc < 2) {
    fprintf(stderr, "usage: zwasm [run] [options] FILE [ARGS..]; see zwasm --help\n");
    return 2;
  }
  const char *first = argv[1];
  if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0 || strcmp(first, "help") == 0 || strcmp(first, "--help=all") == 0)
    return print_help(strcmp(first, "--help=all") == 0);
  if (strcmp(first, "--version") == 0 || strcmp(first, "-V") == 0) {
    c.verbose = argc > 2 && strcmp(argv[2], "-v") == 0;
    zw_print_version(&c);
    return 0;
  }
  const Command *command = find(first);
  bool named = command != NULL;
  if (!command)
    command = find("run"); // a file, or a flag of run
  if (!command || !command->run) {
    zw_say_error(&c.say, "usage", "'%s' is not supported yet", first);
    return 2;
  }
  static char name[64];
  zw_format(name, sizeof name, "zwasm %s", command->name);
  char **rest = argv + named;
  rest[0] = name;
  return command->run(argc - named, rest);
}
