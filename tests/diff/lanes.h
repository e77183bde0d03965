// What a module does in one of our lanes, as text: a line per exported function with its results or its trap, then the
// memories' hashes and the globals' values.  Lanes agree when their lines are equal.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum DiffLane { LANE_INTERP, LANE_JIT, LANE_JIT_CHECK, LANE_JIT_LAZY, LANE_CWASM, LANE_COUNT } DiffLane;
extern const char *const diff_lane_names[LANE_COUNT];
// own: free.  "invalid: ..." when the lane refuses the module.
char *diff_lines(const uint8_t *bytes, size_t len, DiffLane lane);
// The module as a script (binary: its bytes; else its text) with what the interpreter does as assertions.
void diff_script(FILE *out, const uint8_t *bytes, size_t len, bool binary);
