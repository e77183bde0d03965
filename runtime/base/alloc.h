// The one allocator: blocks carved from pages that runtime/os maps.  Thread safe.  Implemented in runtime/os.
// Memory is zeroed.  NULL when the OS says no, or when ZW_FAIL_ALLOC's count has run out.
#pragma once
#include <stddef.h>
#include <stdint.h>

void *zw_alloc(size_t bytes);                    // 16-aligned; own
void *zw_realloc(void *p, size_t old_bytes, size_t bytes); // keeps the first min(old, new) bytes, zeroes the rest
void zw_free(void *p);                           // NULL is fine
void zw_alloc_discard(void *p, size_t bytes);    // inside a block: the contents may go, and whole pages of it do
void zw_alloc_move(void *to, void *from, size_t bytes); // a copy; of what is large, `from` is discarded while it is made

// Make the nth allocation from now fail (1 = the next), once; 0 = none.  Also ZW_FAIL_ALLOC=n in the
// environment, read by the programs.  Every allocation and page mapping counts.
void zw_alloc_fail_at(uint64_t n);
// True when this allocation is to fail; os.h's mapping calls ask too.
int zw_alloc_should_fail(void);
// Bytes handed out now, and the most there ever were (page granularity for large blocks).
uint64_t zw_alloc_bytes(void);
uint64_t zw_alloc_peak(void);
void zw_alloc_peak_reset(void);                  // the most there ever were, from now on
