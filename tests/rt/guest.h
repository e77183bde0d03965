// A guest written by hand: machine code in the internal convention with its thunks, and the image around it, so that the
// runtime is tested without the compiler.
#pragma once
#include "runtime/vm/vm.h"

enum { // functions of the guest; the first two are imports
  G_HOST_I_I, G_HOST_V, G_ADD, G_UNREACHABLE, G_LOAD, G_RECURSE, G_CALL_HOST, G_GROW, G_FILL, G_CALL_V, G_FUNCS
};
// The image; static, always the same.  pages: of its memory; flags: of the image
const Image *guest_image(uint64_t min_pages, uint64_t max_pages, bool has_max, uint32_t flags);
// Its meta span as bytes, to damage: own (malloc).
uint8_t *guest_meta_copy(size_t *bytes);
extern const char guest_data[9]; // the data span, without the NUL
const uint8_t *guest_text(size_t *bytes);
