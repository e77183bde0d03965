// The in-place interpreter: an image whose functions run as validated bytes.  Nothing is lowered; what it needs beyond
// the bytes is the side table and the facts that wasm/check leaves.  The oracle for every compiled lane.
#pragma once
#include "runtime/vm/vm.h"

// Decode, check and wrap a module for interpretation; the bytes are copied.  Free with zw_interp_image_free when the last
// instance is gone.  NULL with a sentence in err.
Image *zw_interp_image_new(const uint8_t *bytes, size_t len, uint64_t features, char *err, size_t err_bytes);
// `name`: what a module without a name is called in backtraces.
Image *zw_interp_image_named(const uint8_t *bytes, size_t len, uint64_t features, Str name, char *err, size_t err_bytes);
void zw_interp_image_free(Image *im);
