// Make a module smaller while something about it stays true.
#pragma once
#include "runtime/base/arena.h"
#include <stdint.h>
#include <stdio.h>

typedef struct Reduced { uint8_t *bytes; size_t len; uint32_t tries, steps; } Reduced;
// `interesting` sees valid modules only, and must be true of the first one.  The result lies in a.
Reduced reduce_module(const uint8_t *bytes, size_t len, bool (*interesting)(const uint8_t *bytes, size_t len, void *arg), void *arg, Arena *a);
// A module as text; the features it uses by the decoder's account, a bit each (FEAT_*).
void print_module(FILE *out, const uint8_t *bytes, size_t len);
uint64_t module_features(const uint8_t *bytes, size_t len);
