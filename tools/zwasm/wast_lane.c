// The lanes: each is a way from bytes to an image.
#include "compiler/interp/interp.h"
#include "tools/zwasm/wast_engine.h"
#include <string.h>

const Lane zw_wast_lanes[] = {
  { .name = "interp", .load = zw_interp_image_new, .unload = zw_interp_image_free },
  { .name = "validate", .validate_only = true },
  { .name = "roundtrip", .validate_only = true, .roundtrip = true },
  { .name = NULL },
};

const Lane *zw_wast_lane(const char *name)
{
  for (const Lane *l = zw_wast_lanes; l->name; l++)
    if (strcmp(l->name, name) == 0)
      return l;
  return NULL;
}
