// zwasm validate: is each file a valid module?
#include "tools/zwasm/commands.h"
#include "tools/zwasm/module.h"

int zw_cmd_validate(int argc, char **argv)
{
  Look l = { .nfiles = 0 };
  zw_look_args(&l, argc, argv, "[--wasm=FEATURES] [--message-format=json] FILE..", "");
  if (l.nfiles == 0)
    zw_usage_error(&l.c, "no file; usage: %s %s", argv[0], l.usage);
  int bad = 0;
  for (int i = 0; i < l.nfiles; i++) {
    Loaded m;
    bad += !zw_look_load(&l, l.files[i], true, &m);
    zw_look_free(&m);
  }
  return bad != 0;
}
