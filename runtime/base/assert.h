// Assertions, by what they guard and where they stay on.
//   ASSERT       a fact that costs nothing to test; debug, asan and fuzz builds
//   ASSERT_SLOW  walks things; only with -DZW_SLOW_ASSERTS (asan, fuzz)
//   CHECK        guards the sandbox; always on
//   NEVER(c)     a condition we believe impossible and survive: true when it happened
// None of them is how an error of the user is found, and none has a side effect.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Print "zwasm: internal error: FILE:LINE: text" to stderr and end the process with SIGABRT.
// Defined in runtime/os.  The format is that of zw_format (base/str.h).
_Noreturn void zw_bug(const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#define BUG(...) zw_bug(__FILE__, __LINE__, __VA_ARGS__)
#define CHECK(c) ((c) ? (void)0 : BUG("check failed: %s", #c))
#ifdef ZW_ASSERTS
#define ASSERT(c) ((c) ? (void)0 : BUG("assertion failed: %s", #c))
#else
#define ASSERT(c) ((void)sizeof((c) ? 1 : 0))
#endif
#ifdef ZW_SLOW_ASSERTS
#define ASSERT_SLOW(c) ASSERT(c)
#else
#define ASSERT_SLOW(c) ((void)sizeof((c) ? 1 : 0))
#endif
#define NEVER(c) __builtin_expect(!!(c), 0)
#define STATIC_ASSERT(c, text) _Static_assert(c, text)
#define MUST_CHECK __attribute__((warn_unused_result))
#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))

// What only some programs need.  In libzwasm-rt.a a reference to it is weak: an object made by zwasmc names it when its
// module needs it, and only then does the linker take it from the archive.  The tools contain everything.
#ifdef ZW_LINKED_RUNTIME
#define ZW_WHEN_NAMED __attribute__((weak))
#else
#define ZW_WHEN_NAMED
#endif
