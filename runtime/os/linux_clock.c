// Clocks: through the kernel's page of code that every process has (the vDSO), which needs no system call for most, and
// by system call where it is not found.  Apart from linux.c: a program that asks for no time does not contain it.
#include "runtime/os/linux.h"

typedef struct ElfHead {
  uint8_t ident[16];
  uint16_t type, machine;
  uint32_t version;
  uint64_t entry, phoff, shoff;
  uint32_t flags;
  uint16_t ehsize, phentsize, phnum;
} ElfHead;
typedef struct ElfProg { uint32_t type, flags; uint64_t off, vaddr, paddr, file_bytes, bytes, align; } ElfProg;
typedef struct ElfDyn { uint64_t tag, value; } ElfDyn;
typedef struct ElfSym { uint32_t name; uint8_t info, other; uint16_t section; uint64_t value, bytes; } ElfSym;
enum { PT_LOAD_ = 1, PT_DYNAMIC_ = 2 };
enum { DT_HASH_ = 4, DT_STRTAB_ = 5, DT_SYMTAB_ = 6, DT_GNU_HASH_ = 0x6ffffef5, AT_SYSINFO_EHDR_ = 33 };

typedef long ClockFn(int clock, KernelTime *t);
const uintptr_t *zw_os_auxv; // start.c sets it where there is no libc to ask
extern unsigned long getauxval(unsigned long type) __attribute__((weak, visibility("default")));

static bool same(const char *a, const char *b)
{
  while (*a && *a == *b)
    a++, b++;
  return *a == *b;
}

// How many symbols there are: the tables for finding them say so.
static uint32_t symbols_by_gnu_hash(const uint32_t *h)
{
  const uint32_t *bucket = h + 4 + 2 * h[2], *chain = bucket + h[0];
  uint32_t last = 0;
  for (uint32_t i = 0; i < h[0]; i++)
    last = bucket[i] > last ? bucket[i] : last;
  if (last < h[1])
    return h[1];
  while (!(chain[last - h[1]] & 1))
    last++;
  return last + 1;
}

static ClockFn *find(const char *base)
{
  const ElfHead *h = (const ElfHead *)(const void *)base;
  const ElfProg *p = (const ElfProg *)(const void *)(base + h->phoff);
  const ElfDyn *d = NULL;
  uintptr_t bias = 0;
  bool loaded = false;
  for (int i = 0; i < h->phnum; i++) {
    if (p[i].type == PT_LOAD_ && !loaded)
      loaded = true, bias = (uintptr_t)base + p[i].off - p[i].vaddr;
    if (p[i].type == PT_DYNAMIC_)
      d = (const ElfDyn *)(const void *)(base + p[i].off);
  }
  const ElfSym *symbol = NULL;
  const char *strings = NULL;
  uint32_t n = 0;
  for (; d && d->tag; d++) {
    const void *at = (const void *)(bias + d->value);
    switch (d->tag) {
    case DT_STRTAB_: strings = at; break;
    case DT_SYMTAB_: symbol = at; break;
    case DT_HASH_: n = ((const uint32_t *)at)[1]; break;
    case DT_GNU_HASH_: n = n ? n : symbols_by_gnu_hash(at); break;
    }
  }
  for (uint32_t i = 0; symbol && strings && i < n; i++)
    if (symbol[i].section && same(strings + symbol[i].name, "__vdso_clock_gettime"))
      return (ClockFn *)(bias + symbol[i].value);
  return NULL;
}

static long by_system_call(int clock, KernelTime *t) { return zw_sys2(SYS_clock_gettime, clock, (long)t); }

static uintptr_t vdso_in(const uintptr_t *auxv)
{
  for (; auxv[0]; auxv += 2)
    if (auxv[0] == AT_SYSINFO_EHDR_)
      return auxv[1];
  return 0;
}
// A static program has its libc's function only if it uses it itself.
static uintptr_t vdso_in_file(void)
{
  uintptr_t auxv[64] = { 0 };
  int fd = zw_os_open_read("/proc/self/auxv");
  if (fd < 0)
    return 0;
  long n = zw_os_read(fd, auxv, sizeof auxv - 2 * sizeof *auxv);
  zw_os_close(fd);
  return n > 0 ? vdso_in(auxv) : 0;
}

static ClockFn *look(void)
{
  uintptr_t base = zw_os_auxv ? vdso_in(zw_os_auxv) : &getauxval ? getauxval(AT_SYSINFO_EHDR_) : vdso_in_file();
  ClockFn *fn = base ? find((const char *)base) : NULL;
  return fn ? fn : by_system_call;
}

// The kernel's clock numbers are WASI's: 0 realtime, 1 monotonic, 2 process, 3 thread.
int zw_os_clock(int id, uint64_t *ns)
{
  static ClockFn *known; // the same for every thread
  if (id < 0 || id > 3)
    return -EINVAL_;
  ClockFn *fn = __atomic_load_n(&known, __ATOMIC_RELAXED);
  if (!fn)
    __atomic_store_n(&known, fn = look(), __ATOMIC_RELAXED);
  KernelTime t;
  long r = fn(id, &t);
  if (r == 0)
    *ns = (uint64_t)t.sec * 1000000000u + (uint64_t)t.nsec;
  return (int)r;
}
int zw_os_clock_res(int id, uint64_t *ns)
{
  if (id < 0 || id > 3)
    return -EINVAL_;
  KernelTime t;
  long r = zw_sys2(SYS_clock_getres, id, (long)&t);
  if (r == 0)
    *ns = (uint64_t)t.sec * 1000000000u + (uint64_t)t.nsec;
  return (int)r;
}
