// What poll_oneoff asks the kernel for, to the nanosecond, whatever the machine's load is: ppoll is in the hands of the
// test, which says at once that the time is over.  And with the kernel's own: it never ends early.
#include "rig.h"
#include "runtime/os/linux.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { REALTIME, MONOTONIC, ABSTIME = 1, IN = AT_BUF, EVENTS = AT_BUF + 0x1000, READ = 1 };
static const uint64_t HOUR = 3600000000000u, NEVER = UINT64_MAX;

// ---- the kernel ----

static uint64_t asked[4]; // ns of each ppoll; NEVER = no end
static unsigned asks, interrupts;
static long over_at_once(long n, long a[6], bool *answered)
{
  if (n != __NR_ppoll)
    return 0;
  const int64_t *t = (const int64_t *)a[2];
  if (asks < 4)
    asked[asks] = t ? (uint64_t)t[0] * 1000000000u + (uint64_t)t[1] : NEVER;
  *answered = true;
  return asks++ < interrupts ? -EINTR : 0;
}

// ---- the guest ----

static void clock_sub(uint32_t i, uint32_t clock, uint32_t flags, uint64_t timeout)
{
  uint8_t *p = rig_mem + IN + 48 * i;
  memset(p, 0, 48);
  zw_put64(p, 100 + i), zw_put32(p + 16, clock), zw_put64(p + 24, timeout), zw_put16(p + 40, (uint16_t)flags);
}
static void read_sub(uint32_t i, uint32_t fd)
{
  uint8_t *p = rig_mem + IN + 48 * i;
  memset(p, 0, 48);
  zw_put64(p, 100 + i), p[8] = READ, zw_put32(p + 16, fd);
}

static unsigned waits;
// events: a bit per subscription that must be reported, no other
static void poll(const char *what, uint32_t n, unsigned events)
{
  asks = 0;
  rig_sys = over_at_once;
  uint32_t e = CALL(poll_oneoff, IN, EVENTS, n, AT_OUT), got = 0;
  rig_sys = NULL;
  for (uint32_t i = 0; !e && i < rig_out32(); i++)
    got |= 1u << (zw_get64(rig_mem + EVENTS + 32 * i) - 100);
  EXPECT(e == 0 && got == events && asks == interrupts + 1, "%s: %s, events %x, not %x; %u calls of ppoll", what,
         rig_errno_name(e), got, events, asks);
  waits++;
}
static void exactly(const char *what, uint32_t n, unsigned events, uint64_t ns)
{
  poll(what, n, events);
  EXPECT(asked[0] == ns, "%s: %llu ns, not %llu", what, (unsigned long long)asked[0], (unsigned long long)ns);
}

static void relative(void)
{
  static const uint64_t some[] = { 0, 1, 999, 123456789, 999999999, 1000000000, 1000000001, 86400000000000u, INT64_MAX };
  for (size_t i = 0; i < sizeof some / sizeof *some; i++)
    for (uint32_t clock = REALTIME; clock <= MONOTONIC; clock++) {
      clock_sub(0, clock, 0, some[i]);
      exactly("one clock", 1, 1, some[i]);
    }
  clock_sub(0, MONOTONIC, 0, UINT64_MAX); // longer than the kernel can say: 292 years
  poll("the longest", 1, 0);
  EXPECT(asked[0] == INT64_MAX, "the longest: %llu", (unsigned long long)asked[0]);
  clock_sub(0, MONOTONIC, 0, 5 * HOUR), clock_sub(1, MONOTONIC, 0, 3 * HOUR + 7), clock_sub(2, REALTIME, 0, 4 * HOUR);
  exactly("the earliest of three", 3, 2, 3 * HOUR + 7);
  clock_sub(2, REALTIME, 0, 3 * HOUR + 7);
  exactly("two at once", 3, 6, 3 * HOUR + 7);
}

static void absolute(void)
{
  for (int clock = REALTIME; clock <= MONOTONIC; clock++) {
    uint64_t before, after;
    zw_os_clock(clock, &before);
    clock_sub(0, (uint32_t)clock, ABSTIME, before + 2 * HOUR);
    poll("until then", 1, 1);
    zw_os_clock(clock, &after);
    EXPECT(asked[0] <= 2 * HOUR && asked[0] >= 2 * HOUR - (after - before), "until then: %llu ns from now",
           (unsigned long long)asked[0]);
    clock_sub(0, (uint32_t)clock, ABSTIME, before);
    exactly("until it is over", 1, 1, 0);
  }
}

static void with_descriptors(uint32_t silent)
{
  read_sub(0, silent);
  exactly("no clock", 1, 0, NEVER);
  clock_sub(1, MONOTONIC, 0, HOUR);
  exactly("a silent pipe and a clock", 2, 2, HOUR);
  clock_sub(1, 9, 0, HOUR); // an error is an event: nothing to wait for
  exactly("a silent pipe and a clock that is none", 2, 2, 0);
}

static void interrupted(void)
{
  uint64_t before, after;
  interrupts = 3;
  clock_sub(0, MONOTONIC, 0, HOUR);
  zw_os_clock(MONOTONIC, &before);
  poll("interrupted", 1, 1);
  zw_os_clock(MONOTONIC, &after);
  interrupts = 0;
  for (int i = 1; i < 4; i++)
    EXPECT(asked[i] <= asked[i - 1] && HOUR - asked[i] <= after - before, "interrupted: %llu ns left of %llu",
           (unsigned long long)asked[i], (unsigned long long)HOUR);
}

static void never_early(void)
{
  for (int i = 0; i < 40; i++) {
    uint64_t before, after, want = rig_random() % 3000000, clock = (uint64_t)(i % 2);
    zw_os_clock(MONOTONIC, &before);
    clock_sub(0, (uint32_t)clock, 0, want);
    uint32_t e = CALL(poll_oneoff, IN, EVENTS, 1, AT_OUT);
    zw_os_clock(MONOTONIC, &after);
    EXPECT(e == 0 && rig_out32() == 1 && after - before >= want, "%llu ns early",
           (unsigned long long)(want - (after - before)));
    waits++;
  }
}

int main(void)
{
  int silent[2];
  rig_make_memory();
  rig_w = zwasm_wasi_new();
  int fd = pipe(silent) == 0 ? zwasm_wasi_give_fd(rig_w, silent[0]) : -1;
  EXPECT(fd >= 0, "no pipe");
  relative();
  absolute();
  with_descriptors((uint32_t)fd);
  interrupted();
  never_early();
  zwasm_wasi_delete(rig_w);
  close(silent[0]), close(silent[1]);
  printf("poll: %u waits, %lu failures\n", waits, rig_failures);
  return rig_failures != 0 || waits < 60;
}
