// memory.atomic.wait and notify: a queue per memory, first come first woken.  The value is compared under the queue's
// lock, so a notify cannot fall between the comparison and the sleep.  spec: threads proposal, wait and notify
#include "runtime/vm/vm_int.h"

typedef struct Waiter { struct Waiter *next; uint64_t at; uint32_t woken; } Waiter;
enum { WAIT_OK, WAIT_NOT_EQUAL, WAIT_TIMED_OUT };

static TrapKind check(const Memory *m, uint64_t at, unsigned bytes)
{
  if (at & (bytes - 1))
    return TRAP_unaligned_atomic;
  return zw_memory_at(m, at, bytes) ? TRAP_none : TRAP_oob;
}

static void enqueue(Memory *m, Waiter *w)
{
  Waiter **p = (Waiter **)&m->waiters;
  while (*p)
    p = &(*p)->next;
  *p = w;
}
static void dequeue(Memory *m, Waiter *w)
{
  Waiter **p = (Waiter **)&m->waiters;
  while (*p && *p != w)
    p = &(*p)->next;
  if (*p)
    *p = w->next;
}

static bool sleep(Waiter *w, int64_t timeout)
{
  uint64_t start = 0, now;
  if (timeout >= 0)
    (void)zw_os_clock(1, &start);
  int64_t left = timeout;
  while (!__atomic_load_n(&w->woken, __ATOMIC_ACQUIRE)) {
    (void)zw_os_wait32(&w->woken, 0, left);
    if (timeout < 0)
      continue;
    (void)zw_os_clock(1, &now);
    if (now - start >= (uint64_t)timeout)
      break;
    left = timeout - (int64_t)(now - start);
  }
  return __atomic_load_n(&w->woken, __ATOMIC_ACQUIRE);
}

TrapKind zw_memory_wait(Memory *m, uint64_t at, uint64_t expected, unsigned bytes, int64_t timeout, uint32_t *result)
{
  TrapKind k = check(m, at, bytes);
  if (k != TRAP_none)
    return k;
  if (!m->shared)
    return TRAP_expected_shared;
  Waiter w = { .at = at };
  void *p = zw_memory_at(m, at, bytes);
  zw_os_lock(&m->lock);
  uint64_t value = bytes == 4 ? __atomic_load_n((uint32_t *)p, __ATOMIC_SEQ_CST) : __atomic_load_n((uint64_t *)p, __ATOMIC_SEQ_CST);
  bool equal = value == (bytes == 4 ? (uint32_t)expected : expected);
  if (equal)
    enqueue(m, &w);
  zw_os_unlock(&m->lock);
  *result = WAIT_NOT_EQUAL;
  if (!equal)
    return TRAP_none;
  bool woken = sleep(&w, timeout);
  zw_os_lock(&m->lock);
  dequeue(m, &w);
  woken = woken || w.woken; // in the meantime
  zw_os_unlock(&m->lock);
  *result = woken ? WAIT_OK : WAIT_TIMED_OUT;
  return TRAP_none;
}

TrapKind zw_memory_notify(Memory *m, uint64_t at, uint32_t count, uint32_t *woken)
{
  TrapKind k = check(m, at, 4);
  *woken = 0;
  if (k != TRAP_none || !m->shared)
    return k;
  zw_os_lock(&m->lock);
  for (Waiter **p = (Waiter **)&m->waiters; *p && *woken < count;) {
    Waiter *w = *p;
    if (w->at != at) {
      p = &w->next;
      continue;
    }
    *p = w->next;
    __atomic_store_n(&w->woken, 1, __ATOMIC_RELEASE);
    zw_os_wake(&w->woken, 1); // under the lock: its stack frame waits for it
    ++*woken;
  }
  zw_os_unlock(&m->lock);
  return TRAP_none;
}
