// Page 0xfe: atomics on memories, wait and notify.  Every access is sequentially consistent; the address must be a
// multiple of the width.
#include "compiler/interp/run.h"

static Step unaligned(Interp *I) { return trap_step(I, TRAP_unaligned_atomic); }

static uint64_t load(const uint8_t *p, uint32_t width)
{
  switch (width) {
  case 1: return __atomic_load_n(p, __ATOMIC_SEQ_CST);
  case 2: return __atomic_load_n((const uint16_t *)(const void *)p, __ATOMIC_SEQ_CST);
  case 4: return __atomic_load_n((const uint32_t *)(const void *)p, __ATOMIC_SEQ_CST);
  }
  return __atomic_load_n((const uint64_t *)(const void *)p, __ATOMIC_SEQ_CST);
}

static void store(uint8_t *p, uint32_t width, uint64_t v)
{
  switch (width) {
  case 1: __atomic_store_n(p, (uint8_t)v, __ATOMIC_SEQ_CST); return;
  case 2: __atomic_store_n((uint16_t *)(void *)p, (uint16_t)v, __ATOMIC_SEQ_CST); return;
  case 4: __atomic_store_n((uint32_t *)(void *)p, (uint32_t)v, __ATOMIC_SEQ_CST); return;
  }
  __atomic_store_n((uint64_t *)(void *)p, v, __ATOMIC_SEQ_CST);
}

// If *p is `expected` make it v; the value that was there.  Widths 1, 2, 4, 8; both are cut to the width.
static uint64_t compare_exchange(uint8_t *p, uint32_t width, uint64_t expected, uint64_t v)
{
  enum { SC = __ATOMIC_SEQ_CST };
  uint8_t e8 = (uint8_t)expected;
  uint16_t e16 = (uint16_t)expected;
  uint32_t e32 = (uint32_t)expected;
  switch (width) {
  case 1: (void)__atomic_compare_exchange_n(p, &e8, (uint8_t)v, false, SC, SC); return e8;
  case 2: (void)__atomic_compare_exchange_n((uint16_t *)(void *)p, &e16, (uint16_t)v, false, SC, SC); return e16;
  case 4: (void)__atomic_compare_exchange_n((uint32_t *)(void *)p, &e32, (uint32_t)v, false, SC, SC); return e32;
  }
  (void)__atomic_compare_exchange_n((uint64_t *)(void *)p, &expected, v, false, SC, SC);
  return expected;
}

typedef enum Rmw { RMW_ADD, RMW_SUB, RMW_AND, RMW_OR, RMW_XOR, RMW_XCHG } Rmw;
static uint64_t combine(Rmw op, uint64_t a, uint64_t b)
{
  switch (op) {
  case RMW_ADD: return a + b;
  case RMW_SUB: return a - b;
  case RMW_AND: return a & b;
  case RMW_OR: return a | b;
  case RMW_XOR: return a ^ b;
  case RMW_XCHG: return b;
  }
  return 0;
}

// One loop for all operations: the oracle need not be fast here.
static uint64_t rmw(Rmw op, uint8_t *p, uint32_t width, uint64_t v)
{
  uint64_t mask = width == 8 ? UINT64_MAX : (1ull << 8 * width) - 1;
  for (uint64_t old = load(p, width);;) {
    uint64_t seen = compare_exchange(p, width, old, combine(op, old, v) & mask);
    if (seen == old)
      return old;
    old = seen;
  }
}

// Operands and numbers of the page: 0x1e.. are six operations of seven widths each, then the compare-exchanges.
enum { FIRST_LOAD = 0x10, FIRST_STORE = 0x17, FIRST_RMW = 0x1e, FIRST_CMPXCHG = 0x48, WIDTHS = 7 };

static Step wait_or_notify(Interp *I, Frame *fr, uint32_t number, const uint8_t *pc, Value *sp)
{
  MemArg a = zw_fast_memarg(&pc);
  Memory *m = fr->in->memories[a.memory];
  uint32_t result;
  uint64_t at;
  sp -= number == 0 ? 2 : 3;
  if (__builtin_add_overflow(sp[0].u64, a.offset, &at))
    return trap_step(I, TRAP_oob);
  safepoint(I, fr, pc, sp);
  TrapKind trap = number == 0 ? zw_memory_notify(m, at, sp[1].u32, &result)
                              : zw_memory_wait(m, at, sp[1].u64, number == 1 ? 4 : 8, sp[2].i64, &result);
  if (trap)
    return trap_step(I, trap);
  sp++->u64 = result;
  return (Step){ pc, sp };
}

Step zw_interp_atomic(Interp *I, Frame *fr, uint32_t number, const uint8_t *pc, Value *sp)
{
  if (number < 3)
    return wait_or_notify(I, fr, number, pc, sp);
  if (number == 3) { // atomic.fence: an exchange on a word that all threads share orders them, and TSan understands it
    static uint32_t fence;
    (void)__atomic_exchange_n(&fence, 1, __ATOMIC_SEQ_CST);
    return (Step){ pc + 1, sp };
  }
  const OpInfo *info = &zw_op_info[zw_op_from_code(0xfe, number)];
  sp -= info->nin;
  const uint8_t *imm = pc;
  MemArg a = zw_fast_memarg(&imm);
  if ((sp[0].u64 + a.offset) % info->width)
    return unaligned(I);
  uint8_t *p = zw_interp_address(I, fr, &pc, sp[0].u64, info->width);
  if (!p)
    return (Step){ NULL, NULL };
  if (number < FIRST_STORE)
    sp++->u64 = load(p, info->width);
  else if (number < FIRST_RMW)
    store(p, info->width, sp[1].u64);
  else if (number < FIRST_CMPXCHG)
    sp[0].u64 = rmw((Rmw)((number - FIRST_RMW) / WIDTHS), p, info->width, sp[1].u64), sp++;
  else // expected and replacement are cut to the width
    sp[0].u64 = compare_exchange(p, info->width, sp[1].u64, sp[2].u64), sp++;
  return (Step){ pc, sp };
}
