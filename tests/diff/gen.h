// A generator of valid modules from a seed: the same seed, the same bytes, on every machine.
// Every module exports functions "f0", "f1", ... without parameters, mutable globals "g0", ... and memories "m0", "m1";
// everything it does is deterministic: NaNs are made canonical after each operation that may choose their bits, loops
// and calls burn a bounded amount of fuel, nothing is imported.
#pragma once
#include "compiler/wasm/op.h"
#include "runtime/base/arena.h"

enum { // what a module uses
  GEN_SIMD = 1, GEN_MEMORY64 = 2, GEN_MULTI_MEMORY = 4, GEN_GC = 8, GEN_EH = 16, GEN_LEGACY_EH = 32, GEN_TAIL = 64,
  GEN_WIDE = 128, GEN_ATOMICS = 256, GEN_BULK = 512, GEN_REFS = 1024, GEN_FEATURES = 11,
};
// How many modules of a hundred may use a feature, how many of any thousand and more must be found to use it by the
// decoder's account (features: its bits).
typedef struct GenWeight { const char *name; uint8_t percent, floor; uint64_t features; } GenWeight;
extern const GenWeight gen_weights[GEN_FEATURES];

typedef struct GenModule {
  uint8_t *bytes; size_t len;     // in the caller's arena
  uint32_t features;              // GEN_*
  uint32_t nexports;              // functions f0 ..
} GenModule;

// allowed: features that may be chosen.  size: about how many expressions, 0 = the seed chooses.
GenModule gen_module(uint64_t seed, uint32_t allowed, uint32_t size, Arena *a);
