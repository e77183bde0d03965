// Code that is changed while other threads run it: the stubs of functions that are not compiled yet, and calls of them.
//
// A store that lies in an aligned block which the processor fetches as a whole is seen by it before or after, never in part.
// The least block that any x86-64 fetches has 16 bytes; a stub lies in an aligned word.  Old and new bytes are one instruction of the same
// length, and both are right for ever: who still sees the old one comes to the stub.
#include "compiler/x64/x64_int.h"

enum { FETCH = 16, CALL_REL32 = 0xe8, JMP_REL32 = 0xe9, INT3 = 0xcc };

static uint32_t rel32(uint64_t from, uint64_t to)
{
  int64_t rel = (int64_t)to - (int64_t)from;
  CHECK(rel == (int32_t)rel);
  return (uint32_t)rel;
}

// jmp *0(%rip), and the address behind it
void zw_x64_stub_entry(uint8_t *to, const void *address)
{
  static const uint8_t jump[] = { 0xff, 0x25, 0, 0, 0, 0 };
  __builtin_memcpy(to, jump, sizeof jump);
  __builtin_memcpy(to + sizeof jump, &address, sizeof address);
  to[14] = to[15] = INT3;
}

uint64_t zw_x64_stub(uint64_t at, uint64_t to, bool call)
{
  return (call ? CALL_REL32 : JMP_REL32) | (uint64_t)rel32(at + 5, to) << 8 | (uint64_t)0xcccccc << 40;
}

bool zw_x64_move_call(uint8_t *text, uint64_t at, uint64_t to)
{
  if (at % FETCH > FETCH - 4)
    return false;
  typedef uint32_t Anywhere __attribute__((aligned(1), may_alias));
  *(volatile Anywhere *)(text + at) = rel32(at + 4, to); // one store, behind all those that wrote the code: x86-64 keeps them in order
  return true;
}
