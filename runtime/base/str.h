// Text without stdio: a printf of our own for the runtime, and growing text in an arena.
#pragma once
#include "runtime/base/arena.h"
#include <stdarg.h>

typedef struct Str { const char *p; size_t n; } Str; // not NUL terminated unless said so
#define STR(lit) ((Str){(lit), sizeof(lit) - 1})
static inline bool zw_str_eq(Str a, Str b) { return a.n == b.n && (a.n == 0 || __builtin_memcmp(a.p, b.p, a.n) == 0); }

// %s %.*s %c %d %u %x %X %p %ld %lu %lx %lld %llu %llx %zu %zx %%, with 0, - and width.
// Always NUL terminates (bytes > 0); returns the length the whole text has, as snprintf does.
size_t zw_format(char *buf, size_t bytes, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
size_t zw_vformat(char *buf, size_t bytes, const char *fmt, va_list ap);

// Growing text; `p` stays NUL terminated.
typedef struct Text { Arena *a; char *p; size_t n, cap; } Text;
void zw_text_init(Text *t, Arena *a);
void zw_text_put(Text *t, const char *s, size_t n);
void zw_text_printf(Text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

uint64_t zw_hash_bytes(const void *p, size_t n, uint64_t seed); // for tables in memory; never stored
