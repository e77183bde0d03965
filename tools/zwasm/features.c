// zwasm features: what of WebAssembly this build has; the same table that drives decoder and validator.
#include "tools/zwasm/commands.h"
#include "tools/zwasm/module.h"
#include <stdio.h>

int zw_cmd_features(int argc, char **argv)
{
  Look l = { .nfiles = 0 };
  zw_look_args(&l, argc, argv, "[--json] [--wasm=FEATURES]", "j");
  if (l.nfiles)
    zw_usage_error(&l.c, "no file wanted; usage: %s %s", argv[0], l.usage);
  if (l.json)
    printf("[\n");
  for (int i = 0; i < FEAT_COUNT; i++) {
    const FeatureInfo *f = &zw_feature_info[i];
    bool on = l.c.set.features >> i & 1, proposal = f->version[0] == '-';
    if (l.json)
      printf("  {\"name\":\"%s\",\"version\":%s%s%s,\"default\":%s,\"on\":%s}%s\n", f->name, proposal ? "" : "\"", proposal ? "null" : f->version,
             proposal ? "" : "\"", f->on_by_default ? "true" : "false", on ? "true" : "false", i + 1 < FEAT_COUNT ? "," : "");
    else
      printf("%-24s %-9s %s\n", f->name, proposal ? "proposal" : f->version, on ? "on" : "off");
  }
  if (l.json)
    printf("]\n");
  return 0;
}
