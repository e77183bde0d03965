// Which image's text holds a pc.  The answer is wanted in signal handlers, so readers take no lock: they look into a
// sorted snapshot behind an atomic pointer.  Writers make a new snapshot; the old one is freed once no reader is inside.
#include "runtime/vm/vm_int.h"

typedef struct Entry { uintptr_t low, high; const Image *image; uint32_t uses; } Entry;
typedef struct Snapshot { struct Snapshot *next; uint32_t n; Entry entry[]; } Snapshot;

static Snapshot *current;
static Snapshot *retired;   // waiting for readers to leave
static uint32_t readers;
static OsMutex lock;

const Image *zw_code_find(uintptr_t pc)
{
  __atomic_add_fetch(&readers, 1, __ATOMIC_SEQ_CST);
  const Snapshot *s = __atomic_load_n(&current, __ATOMIC_SEQ_CST);
  const Image *found = NULL;
  uint32_t lo = 0, hi = s ? s->n : 0;
  while (lo < hi) {
    uint32_t mid = lo + (hi - lo) / 2;
    if (s->entry[mid].high <= pc)
      lo = mid + 1;
    else
      hi = mid;
  }
  if (s && lo < s->n && pc >= s->entry[lo].low)
    found = s->entry[lo].image;
  __atomic_sub_fetch(&readers, 1, __ATOMIC_SEQ_CST);
  return found;
}

// The place of an image with that text, or where it belongs.
static uint32_t place(const Snapshot *s, uintptr_t low)
{
  uint32_t i = 0;
  while (i < s->n && s->entry[i].low < low)
    i++;
  return i;
}

static void publish(Snapshot *s)
{
  Snapshot *old = current;
  __atomic_store_n(&current, s, __ATOMIC_SEQ_CST);
  if (old)
    old->next = retired, retired = old;
  if (__atomic_load_n(&readers, __ATOMIC_SEQ_CST) == 0)
    while (retired) {
      Snapshot *next = retired->next;
      zw_free(retired);
      retired = next;
    }
}

// A copy of the current snapshot with entry `skip` left out, or with room for one at `gap`.
static Snapshot *copy(uint32_t n, uint32_t at, int change)
{
  Snapshot *s = zw_alloc(sizeof *s + (n + (change > 0)) * sizeof s->entry[0]);
  if (!s)
    return NULL;
  s->n = n + (uint32_t)change;
  const Entry *from = current ? current->entry : NULL;
  for (uint32_t i = 0; i < at; i++)
    s->entry[i] = from[i];
  for (uint32_t i = at + (change < 0); i < n; i++)
    s->entry[i + (uint32_t)change] = from[i];
  return s;
}

bool zw_code_register(const Image *im)
{
  bool ok = true;
  uintptr_t low = (uintptr_t)im->text, high = low + im->h->text_bytes;
  if (low == high)
    return true;
  zw_os_lock(&lock);
  uint32_t n = current ? current->n : 0, i = current ? place(current, low) : 0;
  if (i < n && current->entry[i].low == low) {
    if (current->entry[i].uses++ == 0) // its removal once found no memory
      current->entry[i].image = im, __atomic_store_n(&current->entry[i].high, high, __ATOMIC_SEQ_CST);
  } else {
    Snapshot *s = copy(n, i, 1);
    ok = s != NULL;
    if (ok) {
      s->entry[i] = (Entry){ low, high, im, 1 };
      publish(s);
    }
  }
  zw_os_unlock(&lock);
  return ok;
}

void zw_code_unregister(const Image *im)
{
  uintptr_t low = (uintptr_t)im->text;
  if (im->h->text_bytes == 0)
    return;
  zw_os_lock(&lock);
  uint32_t n = current ? current->n : 0, i = current ? place(current, low) : 0;
  CHECK(i < n && current->entry[i].low == low);
  if (--current->entry[i].uses == 0) {
    Snapshot *s = copy(n, i, -1);
    if (s)
      publish(s);
    else // out of memory: an empty range is found by nobody
      __atomic_store_n(&current->entry[i].high, low, __ATOMIC_SEQ_CST);
  }
  zw_os_unlock(&lock);
}
