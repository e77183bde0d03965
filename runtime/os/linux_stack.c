// The bounds of this thread's stack: from the host's pthreads when they are linked, else from the process map.
// Asked once per thread by runtime/vm, which keeps the answer.
#include "runtime/os/linux.h"

// glibc and musl agree on these; the attribute object is 56 bytes in both, taken larger here.
typedef union HostThreadAttr { char bytes[128]; uint64_t align; } HostThreadAttr;
extern unsigned long pthread_self(void) __attribute__((weak));
extern int pthread_getattr_np(unsigned long thread, HostThreadAttr *a) __attribute__((weak));
extern int pthread_attr_getstack(const HostThreadAttr *a, void **low, size_t *bytes) __attribute__((weak));
extern int pthread_attr_destroy(HostThreadAttr *a) __attribute__((weak));
extern int *__errno_location(void) __attribute__((weak));

static bool have_pthreads(void) { return pthread_self && pthread_getattr_np && pthread_attr_getstack && pthread_attr_destroy; }

static bool host_bounds(uintptr_t sp, uintptr_t *low, uintptr_t *high)
{
  HostThreadAttr a;
  void *at;
  size_t bytes;
  if (!have_pthreads())
    return false;
  int *host_errno = __errno_location ? __errno_location() : NULL, before = host_errno ? *host_errno : 0;
  int refused = pthread_getattr_np(pthread_self(), &a);
  if (host_errno)
    *host_errno = before; // musl looks for the stack's end by system calls that fail
  if (refused)
    return false;
  bool ok = pthread_attr_getstack(&a, &at, &bytes) == 0;
  pthread_attr_destroy(&a);
  if (!ok)
    return false;
  *low = (uintptr_t)at, *high = (uintptr_t)at + bytes;
  return *low <= sp && sp < *high;
}

// ---- /proc/self/maps, a line at a time through a small buffer ----

typedef struct MapReader { int fd; size_t n, at; char buf[1024]; } MapReader;

static int next_char(MapReader *r)
{
  if (r->at == r->n) {
    long n = zw_os_read(r->fd, r->buf, sizeof r->buf);
    if (n <= 0)
      return -1;
    r->n = (size_t)n, r->at = 0;
  }
  return (unsigned char)r->buf[r->at++];
}
// A hexadecimal number and the character after it; false at the end.
static bool read_hex(MapReader *r, uintptr_t *out)
{
  uintptr_t v = 0;
  for (int c; (c = next_char(r)) >= 0;) {
    int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) {
      *out = v;
      return true;
    }
    v = v << 4 | (uintptr_t)digit;
  }
  return false;
}

// The mapping that holds sp, the end of the one below it, and whether it grows downward by itself.
typedef struct Mapping { uintptr_t low, high, below; bool grows; } Mapping;
static bool find_mapping(uintptr_t sp, Mapping *m)
{
  MapReader r = { .fd = zw_os_open_read("/proc/self/maps") };
  if (r.fd < 0)
    return false;
  bool found = false;
  m->below = 0;
  while (!found && read_hex(&r, &m->low) && read_hex(&r, &m->high)) {
    static const char name[] = "[stack]";
    size_t matched = 0;
    for (int c; (c = next_char(&r)) >= 0 && c != '\n';)
      matched = matched < sizeof name - 1 && c == name[matched] ? matched + 1 : matched == sizeof name - 1 ? matched : c == '[';
    m->grows = matched == sizeof name - 1;
    found = sp >= m->low && sp < m->high;
    if (!found)
      m->below = m->high;
  }
  zw_os_close(r.fd);
  return found;
}

bool zw_os_stack_bounds(uintptr_t *low, uintptr_t *high, bool *lasting)
{
  uintptr_t sp = (uintptr_t)__builtin_frame_address(0);
  *lasting = true;
  if (host_bounds(sp, low, high))
    return true;
  *lasting = !have_pthreads();
  Mapping m;
  if (!find_mapping(sp, &m))
    return false;
  *low = m.low, *high = m.high;
  if (m.grows) { // the main thread's: what the limit lets it become, but not into its neighbour or the gap the kernel keeps
    enum { RLIMIT_STACK_ = 3, KERNEL_GAP = 1 << 20 };
    uint64_t limit[2] = { 0, 0 };
    if (zw_sys4(SYS_prlimit64, 0, RLIMIT_STACK_, 0, (long)limit) != 0)
      return true;
    uintptr_t floor = m.below + KERNEL_GAP;
    uintptr_t lowest = limit[0] < m.high ? m.high - limit[0] : 0;
    lowest = lowest > floor ? lowest : floor;
    *low = lowest < m.low ? (lowest + 4095) & ~(uintptr_t)4095 : m.low;
  }
  return true;
}
