// JSON for the outputs that other tools read.
#pragma once
#include "runtime/base/str.h"

void zw_put_json_string(Text *out, const char *s, size_t n); // with its quotes
