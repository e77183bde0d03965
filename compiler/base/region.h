// Pieces of an arena whose pages go back to the system, or to another use, while the arena lives on: once everything in a piece is done with.
// Several threads may say so; each Regions is filled by one.
#pragma once
#include "runtime/base/arena.h"
#include <stdatomic.h>

typedef struct Region { char *p; size_t bytes; _Atomic uint32_t users; } Region; // users: allocations, and one while it is filled
typedef struct Regions { Arena *a; Region *now; size_t used, all_bytes; } Regions;

// Stale memory, aligned to 16, in a piece of `a`; *in says which.
void *zw_region_alloc(Regions *r, size_t bytes, Region **in);
// One allocation of it is wanted no more.  The last one takes them all away.  NULL is fine
void zw_region_done(Region *in);
// The same, but the last one gets the memory and does with it what it likes while the arena lives: bytes of it, at *p.  Else 0
size_t zw_region_leave(Region *in, void **p);
