// What the tools say on standard error: text that editors parse, or one JSON object a line.
#pragma once
#include "compiler/base/fail.h"
#include "compiler/base/json.h"
#include <stdbool.h>

typedef struct Say {
  const char *prog;   // "zwasmc", "zwasm"
  bool json, color;
} Say;

// "zwasmc: error: TEXT"; code is the stable word of the JSON form ("usage", "io", "link").
void zw_say_error(const Say *s, const char *code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
// A diagnosis about `file`; `input` (with its length) gives the line under a text's message, or is NULL.
void zw_say_diag(const Say *s, const Diag *d, const char *file, const uint8_t *input, size_t len);
bool zw_say_color(const char *when); // "auto", "always", "never" for standard error; NO_COLOR honoured
