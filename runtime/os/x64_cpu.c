// What this CPU can do, as the CPU_* bits of abi/image.h.  Intel SDM volume 2, CPUID; volume 1, 14.3 for the state
// that the OS must save before AVX may be used.
#include "runtime/os/os.h"

// abi/image.h stands above this room: the same numbers, pinned by a test in tests/rt.
enum {
  BIT_SSE3, BIT_SSSE3, BIT_SSE41, BIT_SSE42, BIT_POPCNT, BIT_CX16, BIT_AVX, BIT_AVX2, BIT_BMI1, BIT_BMI2, BIT_LZCNT, BIT_FMA,
  BIT_MOVBE, BIT_F16C, BIT_AVX512,
};
typedef struct Leaf { uint32_t a, b, c, d; } Leaf;

static Leaf cpuid(uint32_t leaf, uint32_t sub)
{
  Leaf l;
  __asm__ volatile("cpuid" : "=a"(l.a), "=b"(l.b), "=c"(l.c), "=d"(l.d) : "a"(leaf), "c"(sub));
  return l;
}
static uint64_t bit(uint32_t word, unsigned at, unsigned as) { return (uint64_t)(word >> at & 1) << as; }

// What leaf 1 says alone.
enum { LEAF1_BITS = 1 << BIT_SSE3 | 1 << BIT_SSSE3 | 1 << BIT_SSE41 | 1 << BIT_SSE42 | 1 << BIT_POPCNT | 1 << BIT_CX16 | 1 << BIT_MOVBE };
static uint64_t leaf1_bits(uint32_t c)
{
  return bit(c, 0, BIT_SSE3) | bit(c, 9, BIT_SSSE3) | bit(c, 19, BIT_SSE41) | bit(c, 20, BIT_SSE42) | bit(c, 23, BIT_POPCNT) |
         bit(c, 13, BIT_CX16) | bit(c, 22, BIT_MOVBE);
}

static uint64_t ask(void)
{
  uint32_t max = cpuid(0, 0).a;
  Leaf l1 = cpuid(1, 0);
  Leaf l7 = max >= 7 ? cpuid(7, 0) : (Leaf){ 0, 0, 0, 0 };
  Leaf ext = cpuid(0x80000001u, 0); // every CPU with long mode has it, for this is where it says so
  uint64_t r = leaf1_bits(l1.c) | bit(l7.b, 3, BIT_BMI1) | bit(l7.b, 8, BIT_BMI2) | bit(ext.c, 5, BIT_LZCNT);
  if (!(l1.c >> 27 & 1)) // OSXSAVE
    return r;
  uint32_t xcr0, high;
  __asm__ volatile("xgetbv" : "=a"(xcr0), "=d"(high) : "c"(0));
  if ((xcr0 & 6) == 6) { // xmm and ymm are saved
    r |= bit(l1.c, 28, BIT_AVX) | bit(l1.c, 12, BIT_FMA) | bit(l1.c, 29, BIT_F16C) | bit(l7.b, 5, BIT_AVX2);
    uint32_t f_bw_cd_dq_vl = 1u << 16 | 1u << 30 | 1u << 28 | 1u << 17 | 1u << 31;
    if ((xcr0 & 0xe6) == 0xe6 && (l7.b & f_bw_cd_dq_vl) == f_bw_cd_dq_vl)
      r |= 1ull << BIT_AVX512;
  }
  return r;
}

// Under a hypervisor each cpuid is an exit of 1 to 20 microseconds, more than all else that starting hello takes: so the
// answer is kept, and a program compiled for the second level of x86-64 asks one leaf.
uint64_t zw_os_cpu_bits(void)
{
  enum { KNOWN = 63 };
  static uint64_t known; // the same for every thread
  uint64_t r = __atomic_load_n(&known, __ATOMIC_RELAXED);
  if (!r)
    __atomic_store_n(&known, r = ask() | 1ull << KNOWN, __ATOMIC_RELAXED);
  return r & ~(1ull << KNOWN);
}

uint64_t zw_os_cpu_missing(uint64_t wanted)
{
  if (wanted & ~(uint64_t)LEAF1_BITS)
    return wanted & ~zw_os_cpu_bits();
  static uint64_t had; // of LEAF1_BITS
  if (wanted & ~__atomic_load_n(&had, __ATOMIC_RELAXED))
    __atomic_store_n(&had, leaf1_bits(cpuid(1, 0).c), __ATOMIC_RELAXED);
  return wanted & ~__atomic_load_n(&had, __ATOMIC_RELAXED);
}
