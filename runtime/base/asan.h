// Hand poisoning, so that the address sanitizer sees inside memory we hand out ourselves.
#pragma once
#include <stddef.h>

#if defined(__has_feature) && !defined(__SANITIZE_ADDRESS__) // clang's way to say it
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

#ifdef __SANITIZE_ADDRESS__
void __asan_poison_memory_region(void const volatile *p, size_t bytes);
void __asan_unpoison_memory_region(void const volatile *p, size_t bytes);
static inline void zw_asan_poison(const void *p, size_t bytes) { __asan_poison_memory_region(p, bytes); }
static inline void zw_asan_unpoison(const void *p, size_t bytes) { __asan_unpoison_memory_region(p, bytes); }
// Before leaving frames without returning through them.
void __asan_handle_no_return(void);
static inline void zw_asan_no_return(void) { __asan_handle_no_return(); }
enum { ZW_REDZONE = 16, ZW_READS_PROC = 1 }; // unusable bytes after each object of an arena; leaks are looked for in /proc
#else
static inline void zw_asan_poison(const void *p, size_t bytes) { (void)p, (void)bytes; }
static inline void zw_asan_unpoison(const void *p, size_t bytes) { (void)p, (void)bytes; }
static inline void zw_asan_no_return(void) {}
enum { ZW_REDZONE = 0, ZW_READS_PROC = 0 };
#endif
