// P3 for x86-64 of ordinary functions, and the door of both.
#define RA_LATE 0
#include "compiler/x64/select_all.h"

LirFunc *zw_x64_select(Ctx *ctx, const ZirFunc *z, const CodeOptions *o, Arena *a)
{
  // what shakes the allocator shakes this too
  return is_giant(z) || (o->random_ra & 1) ? zw_x64_select_late(ctx, z, o, a) : select_all(ctx, z, o, a);
}
