// Source lines of a backtrace.
#pragma once
#include "runtime/vm/vm.h"

// Give the frames of `t` that are in `image`, made from these bytes, the lines that the module's DWARF knows; in `keep`.
void zw_fill_lines(TrapInfo *t, const Image *image, const uint8_t *bytes, size_t len, uint64_t features, Arena *keep);
