// Commands that are programs of their own beside this one: zwasm starts in a fraction of a millisecond because it carries
// neither libelf nor a disassembler nor a dynamic loader, and these need them.
#include "tools/cli/common.h"
#include "tools/zwasm/commands.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

// Become `name` with the given arguments in front of argv[1] and the following; comes back only when there is none.
static int run_beside(const char *name, const char *first, const char *flag, int argc, char **argv)
{
  Common c;
  zw_common_init(&c, "zwasm", 2);
  const char *dir = zw_file_own_dir(&c.arena);
  const char **args = zw_new_array(&c.arena, const char *, (size_t)argc + 3);
  size_t n = 0;
  args[n++] = first;
  if (flag)
    args[n++] = flag;
  for (int k = 1; k < argc; k++)
    args[n++] = argv[k];
  args[n] = NULL;
  char *const *list = (char *const *)(uintptr_t)args;
  if (dir)
    execv(zw_file_join(&c.arena, zw_file_join(&c.arena, dir, "/"), name), list);
  execvp(name, list);
  zw_say_error(&c.say, "io", "cannot run %s beside this program or in PATH: %s", name, strerror(errno));
  return 1;
}

// The same as zwasmc --emit=cwasm.
int zw_cmd_compile(int argc, char **argv) { return run_beside("zwasmc", "zwasmc", "--emit=cwasm", argc, argv); }
int zw_cmd_wast(int argc, char **argv) { return run_beside("zwasm-wast", "zwasm wast", NULL, argc, argv); }
