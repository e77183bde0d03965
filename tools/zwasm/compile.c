// zwasm compile: zwasmc --emit=cwasm, by running the zwasmc beside this program or in PATH.
#include "tools/cli/common.h"
#include "tools/zwasm/commands.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

int zw_cmd_compile(int argc, char **argv)
{
  Common c;
  zw_common_init(&c, "zwasm", 2);
  const char *dir = zw_file_own_dir(&c.arena), *beside = dir ? zw_file_join(&c.arena, dir, "/zwasmc") : "zwasmc";
  const char **args = zw_new_array(&c.arena, const char *, (size_t)argc + 2);
  args[0] = "zwasmc";
  args[1] = "--emit=cwasm";
  for (int k = 1; k < argc; k++)
    args[k + 1] = argv[k];
  char *const *list = (char *const *)(uintptr_t)args;
  execv(beside, list);
  execvp("zwasmc", list);
  zw_say_error(&c.say, "io", "cannot run zwasmc beside this program or in PATH: %s", strerror(errno));
  return 1;
}
