// Hand poisoning, so that the address sanitizer sees inside memory we hand out ourselves.
#pragma once
#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define ZW_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ZW_ASAN 1
#endif
#endif

#ifdef ZW_ASAN
void __asan_poison_memory_region(void const volatile *p, size_t bytes);
void __asan_unpoison_memory_region(void const volatile *p, size_t bytes);
static inline void zw_asan_poison(const void *p, size_t bytes) { __asan_poison_memory_region(p, bytes); }
static inline void zw_asan_unpoison(const void *p, size_t bytes) { __asan_unpoison_memory_region(p, bytes); }
enum { ZW_REDZONE = 16 }; // unusable bytes after each object of an arena
#else
static inline void zw_asan_poison(const void *p, size_t bytes) { (void)p, (void)bytes; }
static inline void zw_asan_unpoison(const void *p, size_t bytes) { (void)p, (void)bytes; }
enum { ZW_REDZONE = 0 };
#endif
