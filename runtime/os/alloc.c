// Size classes over mapped pages.  Every block has a 16-byte header with its size.  Blocks above BIG_BYTES
// have a mapping of their own and go back to the OS at once; smaller ones come from slabs, are kept on a list
// per class when freed, and their pages are never returned: the runtime's small objects live as long as
// their store and the compiler asks for chunks, so holding on to the peak costs little.
// One lock: allocation is rare here (arenas take chunks, the C API handles).
#include "runtime/base/alloc.h"
#include "runtime/base/asan.h"
#include "runtime/base/bits.h"
#include "runtime/os/os.h"

typedef struct Header {
  uint64_t bytes;      // what the caller asked for
  uint32_t class_;     // or BIG
  uint32_t magic;      // LIVE or DEAD: a double free is our bug
} Header;
typedef struct FreeBlock { Header h; struct FreeBlock *next; } FreeBlock;
STATIC_ASSERT(sizeof(Header) == 16, "keeps blocks 16-aligned");

enum { BIG = 0xffffffff, LIVE = 0x4c495645, DEAD = 0x44454144 };
enum { BIG_BYTES = 32 << 10, SLAB_BYTES = 256 << 10, CLASSES = 24 };

static OsMutex lock;
static FreeBlock *free_lists[CLASSES];
static char *slab_next, *slab_end;
static uint64_t bytes_now, bytes_peak;
static uint64_t fail_in; // 0 = never

void zw_alloc_fail_at(uint64_t n) { __atomic_store_n(&fail_in, n, __ATOMIC_RELAXED); }

int zw_alloc_should_fail(void)
{
  uint64_t n = __atomic_load_n(&fail_in, __ATOMIC_RELAXED);
  while (n && !__atomic_compare_exchange_n(&fail_in, &n, n - 1, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
  return n == 1;
}

uint64_t zw_alloc_bytes(void) { return __atomic_load_n(&bytes_now, __ATOMIC_RELAXED); }
uint64_t zw_alloc_peak(void) { return __atomic_load_n(&bytes_peak, __ATOMIC_RELAXED); }
void zw_alloc_peak_reset(void) { __atomic_store_n(&bytes_peak, zw_alloc_bytes(), __ATOMIC_RELAXED); }

static void count(uint64_t bytes)
{
  uint64_t now = __atomic_add_fetch(&bytes_now, bytes, __ATOMIC_RELAXED);
  uint64_t peak = __atomic_load_n(&bytes_peak, __ATOMIC_RELAXED);
  while (now > peak &&
         !__atomic_compare_exchange_n(&bytes_peak, &peak, now, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
}

// Classes 0, 1, 2, 3, ... hold blocks (header included) of 32, 48, 64, 96, 128, 192 ...
static size_t class_bytes(uint32_t c) { return ((c & 1) ? (size_t)48 : (size_t)32) << (c >> 1); }
static uint32_t class_of(size_t block)
{
  uint32_t c = 0;
  while (class_bytes(c) < block) // at most 24
    c++;
  return c;
}
static size_t big_bytes(size_t bytes) { return zw_align_up(bytes + sizeof(Header), zw_os_page_size()); }

static Header *new_big(size_t bytes)
{
  if (bytes > SIZE_MAX / 2)
    return NULL;
  Header *h = zw_os_map(big_bytes(bytes));
  if (!h)
    return NULL;
  *h = (Header){ bytes, BIG, LIVE };
  count(big_bytes(bytes));
  return h;
}

// clean: it was never used, so it is zero already.
static Header *take_small(uint32_t c, bool *clean)
{
  size_t block = class_bytes(c);
  FreeBlock *f = free_lists[c];
  if (f) {
    zw_asan_unpoison(f, block);
    free_lists[c] = f->next;
    *clean = false;
    return &f->h;
  }
  if ((size_t)(slab_end - slab_next) < block) { // the rest of the old slab is lost: below one block of 48 KiB
    char *slab = zw_os_map(SLAB_BYTES);
    if (!slab)
      return NULL;
    zw_asan_poison(slab, SLAB_BYTES);
    slab_next = slab;
    slab_end = slab + SLAB_BYTES;
  }
  Header *h = (Header *)slab_next;
  slab_next += block;
  zw_asan_unpoison(h, block);
  *clean = true;
  return h;
}

void *zw_alloc(size_t bytes)
{
  if (zw_alloc_should_fail())
    return NULL;
  if (bytes > BIG_BYTES) {
    Header *h = new_big(bytes);
    return h ? h + 1 : NULL;
  }
  uint32_t c = class_of(bytes + sizeof(Header));
  zw_os_lock(&lock);
  bool clean;
  Header *h = take_small(c, &clean);
  zw_os_unlock(&lock);
  if (!h)
    return NULL;
  *h = (Header){ bytes, c, LIVE };
  if (!clean)
    memset(h + 1, 0, class_bytes(c) - sizeof(Header));
  zw_asan_poison((char *)(h + 1) + bytes, class_bytes(c) - sizeof(Header) - bytes);
  count(class_bytes(c));
  return h + 1;
}

void zw_free(void *p)
{
  if (!p)
    return;
  Header *h = (Header *)p - 1;
  CHECK(h->magic == LIVE);
  h->magic = DEAD;
  if (h->class_ == BIG) {
    size_t mapped = big_bytes(h->bytes);
    __atomic_sub_fetch(&bytes_now, mapped, __ATOMIC_RELAXED);
    zw_os_unmap(h, mapped);
    return;
  }
  uint32_t c = h->class_;
  size_t block = class_bytes(c);
  __atomic_sub_fetch(&bytes_now, block, __ATOMIC_RELAXED);
  FreeBlock *f = (FreeBlock *)h;
  zw_asan_unpoison(f, block);
  zw_os_lock(&lock);
  f->next = free_lists[c];
  free_lists[c] = f;
  zw_asan_poison((char *)f + sizeof(Header), block - sizeof(Header)); // the header stays readable for the check above
  zw_os_unlock(&lock);
}

// Pages change hands instead of bytes.
static void *resize_big(Header *h, size_t old_bytes, size_t bytes)
{
  if (bytes > SIZE_MAX / 2)
    return NULL;
  size_t from = big_bytes(h->bytes), to = big_bytes(bytes);
  if (from != to && !(h = zw_os_remap(h, from, to)))
    return NULL;
  size_t stale = h->bytes < bytes ? h->bytes : bytes;
  if (stale > old_bytes)
    memset((char *)(h + 1) + old_bytes, 0, stale - old_bytes);
  h->bytes = bytes;
  __atomic_sub_fetch(&bytes_now, from, __ATOMIC_RELAXED);
  count(to);
  return h + 1;
}

void *zw_realloc(void *p, size_t old_bytes, size_t bytes)
{
  if (!p)
    return zw_alloc(bytes);
  Header *h = (Header *)p - 1;
  ASSERT(h->magic == LIVE && old_bytes <= h->bytes);
  if (h->class_ == BIG && bytes > BIG_BYTES)
    return resize_big(h, old_bytes, bytes);
  void *q = zw_alloc(bytes);
  if (!q)
    return NULL; // p is still the caller's
  memcpy(q, p, old_bytes < bytes ? old_bytes : bytes);
  zw_free(p);
  return q;
}

void zw_alloc_discard(void *p, size_t bytes)
{
  size_t page = zw_os_page_size();
  uintptr_t from = zw_align_up((uintptr_t)p, page), to = ((uintptr_t)p + bytes) & ~(uintptr_t)(page - 1);
  if (from < to)
    zw_os_discard((void *)from, to - from);
}

void zw_alloc_move(void *to, void *from, size_t bytes)
{
  enum { PIECE = 64 << 10, LARGE = 256 << 10 };
  if (bytes < LARGE) {
    if (bytes)
      memcpy(to, from, bytes);
    return;
  }
  for (size_t done = 0, n; done < bytes; done += n) {
    n = bytes - done < PIECE ? bytes - done : PIECE;
    memcpy((char *)to + done, (char *)from + done, n);
    zw_alloc_discard((char *)from + done, n);
  }
}
