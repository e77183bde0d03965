// Memories: address space reserved once, so that the base never moves; pages become usable as the memory grows.
//
// A full reservation is 8 GiB + 64 KiB behind the base, where a 32-bit index plus a 32-bit offset plus the widest access
// cannot leave it, and one unmapped page before it.  Code with explicit checks needs only what the memory may become.
//
// invariant: def.bytes <= max_bytes <= reserved, def.bytes <= committed <= reserved, def.bytes % page size == 0
#include "runtime/base/bits.h"
#include "runtime/vm/vm_int.h"

#define FULL_BYTES ((8ull << 30) + (64 << 10))
#define MOST_BYTES (1ull << 46)        /* more than any address space we run in has */
#define UNDECLARED_BYTES (16ull << 30) /* reserved for a 64-bit memory without a maximum; the JS API's limit */

__attribute__((unused)) static bool memory_ok(const Memory *m) // for ASSERT
{
  return m->def.bytes <= m->max_bytes && m->max_bytes <= m->reserved && m->def.bytes <= m->committed &&
         m->committed <= m->reserved && (m->def.bytes & ((1ull << m->page_log2) - 1)) == 0;
}

void zw_object_add(Store *s, StoreObject *o, ExternKind kind)
{
  *o = (StoreObject){ .next = s->objects, .store = s, .kind = (uint8_t)kind };
  if (s->objects)
    s->objects->prev = o;
  s->objects = o;
}
void zw_object_remove(StoreObject *o)
{
  *(o->prev ? &o->prev->next : &o->store->objects) = o->next;
  if (o->next)
    o->next->prev = o->prev;
}

// Pages of the declared size as bytes, capped: what is over the cap cannot be had anyway.
static uint64_t pages_to_bytes(uint64_t pages, unsigned log2) { return pages > MOST_BYTES >> log2 ? MOST_BYTES : pages << log2; }

static bool fail(char *err, size_t bytes, const char *text)
{
  zw_format(err, bytes, "%s", text);
  return false;
}

// How far it may grow, and how much to reserve for that.
static void plan(Memory *m, const ImageLimits *l, const Store *s, uint64_t min)
{
  uint64_t most = l->is64 ? (l->has_max ? MOST_BYTES : UNDECLARED_BYTES) : 4ull << 30;
  uint64_t declared = l->has_max ? pages_to_bytes(l->max, l->page_log2) : most;
  uint64_t max = declared < most ? declared : most;
  if (s->options.max_memory && max > s->options.max_memory)
    max = s->options.max_memory;
  m->max_bytes = max >> l->page_log2 << l->page_log2;
  if (m->max_bytes < min) // is said so by the caller where the store's limit is the reason
    m->max_bytes = min;
}

static bool reserve(Memory *m, uint64_t min, char *err, size_t err_bytes)
{
  size_t guard = zw_os_page_size();
  if (m->full_reservation) {
    char *p = zw_os_reserve(FULL_BYTES + guard);
    if (!p)
      return fail(err, err_bytes, "cannot reserve 8 GiB of address space for a memory; compile with --bounds=check to do without");
    m->def.base = (uint8_t *)p + guard, m->reserved = FULL_BYTES;
    return true;
  }
  // Less is fine as long as the minimum fits: growing fails earlier then.
  for (uint64_t want = zw_align_up(m->max_bytes, guard);; want = zw_align_up(want / 2, guard)) {
    if (want < min)
      want = zw_align_up(min, guard);
    char *p = zw_os_reserve(want + 2 * guard);
    if (p) {
      m->def.base = (uint8_t *)p + guard, m->reserved = want;
      if (m->max_bytes > want)
        m->max_bytes = want >> m->page_log2 << m->page_log2;
      return true;
    }
    if (want <= min || want <= guard)
      return fail(err, err_bytes, "cannot reserve address space for a memory");
  }
}

// Make everything below `bytes` usable.
static bool commit(Memory *m, uint64_t bytes)
{
  uint64_t want = zw_align_up(bytes, zw_os_page_size());
  if (want <= m->committed)
    return true;
  if (!zw_os_commit(m->def.base + m->committed, want - m->committed))
    return false;
  m->committed = want;
  return true;
}

Memory *zw_memory_make(Store *s, const ImageLimits *l, bool full, char *err, size_t err_bytes)
{
  uint64_t min = pages_to_bytes(l->min, l->page_log2);
  if (min >= MOST_BYTES || (!l->is64 && min > 4ull << 30) || (s->options.max_memory && min > s->options.max_memory)) {
    zw_format(err, err_bytes, "memory of %llu pages is larger than allowed", (unsigned long long)l->min);
    return NULL;
  }
  Memory *m = zw_alloc(sizeof *m);
  if (!m) {
    fail(err, err_bytes, "out of memory");
    return NULL;
  }
  m->page_log2 = l->page_log2, m->is64 = l->is64, m->shared = l->shared, m->has_max = l->has_max, m->max_pages = l->max;
  m->full_reservation = full;
  plan(m, l, s, min);
  if (!reserve(m, min, err, err_bytes)) {
    zw_free(m);
    return NULL;
  }
  zw_object_add(s, &m->object, EXT_MEMORY);
  if (!commit(m, min)) {
    fail(err, err_bytes, "out of memory");
    zw_memory_delete(m);
    return NULL;
  }
  m->def.bytes = min;
  ASSERT(memory_ok(m));
  return m;
}

Memory *zw_memory_new(Store *s, uint64_t min_pages, uint64_t max_pages, bool has_max, bool is64, bool shared, uint8_t page_log2)
{
  ImageLimits l = { .min = min_pages, .max = max_pages, .has_max = has_max, .shared = shared, .is64 = is64, .page_log2 = page_log2 };
  char err[128];
  bool full = !is64 && page_log2 == 16 && !s->options.no_signals;
  return zw_memory_make(s, &l, full, err, sizeof err);
}

void zw_memory_delete(Memory *m)
{
  size_t guard = zw_os_page_size();
  zw_object_remove(&m->object);
  zw_os_unmap(m->def.base - guard, m->reserved + (m->full_reservation ? guard : 2 * guard));
  zw_free(m);
}

uint64_t zw_memory_grow(Memory *m, uint64_t delta)
{
  if (m->shared)
    zw_os_lock(&m->lock);
  ASSERT(memory_ok(m));
  uint64_t was = m->def.bytes, old = was >> m->page_log2;
  if (delta > (m->max_bytes - was) >> m->page_log2 || !commit(m, was + (delta << m->page_log2)))
    old = ZW_GROW_FAILED;
  else
    __atomic_store_n(&m->def.bytes, was + (delta << m->page_log2), __ATOMIC_SEQ_CST);
  if (m->shared)
    zw_os_unlock(&m->lock);
  return old;
}

bool zw_memory_copy(Memory *d, Memory *s, uint64_t dst, uint64_t src, uint64_t len)
{
  uint8_t *to = zw_memory_at(d, dst, len), *from = zw_memory_at(s, src, len);
  if (!to || !from)
    return false;
  zw_bulk_move(to, from, len);
  return true;
}
bool zw_memory_fill(Memory *m, uint64_t dst, uint8_t byte, uint64_t len)
{
  uint8_t *to = zw_memory_at(m, dst, len);
  if (!to)
    return false;
  zw_bulk_fill(to, byte, len);
  return true;
}
uint64_t zw_data_segment(const Instance *in, uint32_t seg, const uint8_t **bytes)
{
  const ImageData *d = IMAGE_ARRAY(in->image, ImageData, IMG_DATAS) + seg;
  *bytes = in->image->data + d->off;
  return in->dropped_datas[seg] ? 0 : d->bytes;
}
bool zw_memory_init(Instance *in, uint32_t mem, uint32_t seg, uint64_t dst, uint64_t src, uint64_t len)
{
  const uint8_t *from;
  uint64_t bytes = zw_data_segment(in, seg, &from);
  uint8_t *to = zw_memory_at(in->memories[mem], dst, len);
  if (!to || !zw_in_range(src, len, bytes))
    return false;
  if (len)
    zw_bulk_move(to, from + src, len);
  return true;
}
