// LEB128, and the only place that does pointer arithmetic on input: one reader with two failure habits.
#pragma once
#include "runtime/base/bits.h"

// Write at p (at most 5, 5, 10, 10 bytes); returns the number of bytes.  spec: binary-int
unsigned zw_leb_write_u32(uint8_t *p, uint32_t v);
unsigned zw_leb_write_s32(uint8_t *p, int32_t v);
unsigned zw_leb_write_u64(uint8_t *p, uint64_t v);
unsigned zw_leb_write_s64(uint8_t *p, int64_t v);

typedef enum LebStatus { LEB_OK, LEB_TRUNCATED, LEB_TOO_LONG, LEB_TOO_LARGE } LebStatus;
// Read at *p (below end) and advance; on failure *p is where the offending byte is.
// `bits` is 32, 33 or 64: the width of the integer, which fixes length and unused bits.
LebStatus zw_leb_read_u(const uint8_t **p, const uint8_t *end, unsigned bits, uint64_t *out);
LebStatus zw_leb_read_s(const uint8_t **p, const uint8_t *end, unsigned bits, int64_t *out);
