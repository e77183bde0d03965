#pragma once
#include "runtime/base/assert.h"
// True when the bytes are UTF-8 as wasm wants it (no surrogates, no overlong forms).  spec: binary-utf8
bool zw_utf8_ok(const uint8_t *p, size_t n);
