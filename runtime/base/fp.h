// Floating-point literals: exact both ways, without libc or libm.  The grammar is that of the text format:
// [+-] ( decimal | 0x hexadecimal | inf | nan | nan:0xPAYLOAD ), digits may be separated by single underscores.
// Values travel as bit patterns, so that NaN payloads survive.  spec: text-float
#pragma once
#include "runtime/base/assert.h"

typedef enum FpStatus { FP_OK, FP_SYNTAX, FP_RANGE } FpStatus;
// Read all n bytes of s as a float of `width` bits (32 or 64): round to nearest, ties to even.
// FP_RANGE: rounds to infinity, or a NaN payload that is zero or does not fit.
FpStatus zw_fp_parse(const char *s, size_t n, unsigned width, uint64_t *bits) MUST_CHECK;
// Integers of the same grammar: decimal or 0x, underscores.  The sign is the caller's affair: s starts after it.
FpStatus zw_int_parse(const char *s, size_t n, uint64_t *out) MUST_CHECK;

enum { FP_TEXT_MAX = 40 };
// Write the shortest decimal text that zw_fp_parse reads back to the same bits: "1", "-0", "0.1", "1e+100",
// "inf", "nan", "nan:0x200000".  Returns its length; a NUL follows.
size_t zw_fp_print(char buf[FP_TEXT_MAX], uint64_t bits, unsigned width);
// The same value as a hexadecimal float, "0x1.8p+1".
size_t zw_fp_print_hex(char buf[FP_TEXT_MAX], uint64_t bits, unsigned width);
