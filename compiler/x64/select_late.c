// P3 for x86-64 of giant functions: the same code, but values are set up when they are met.
#define RA_LATE 1
#include "compiler/x64/select_all.h"

LirFunc *zw_x64_select_late(Ctx *ctx, const ZirFunc *z, const CodeOptions *o, Arena *a)
{
  return select_all(ctx, z, o, a);
}
