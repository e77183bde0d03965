// A byte-code machine: one big switch in a loop, the shape of every interpreter.
#include <stdint.h>
#include <stdio.h>
enum { PUSH, ADD, SUB, MUL, DUP, SWAP, JNZ, DEC, XOR, SHL, SHR, LOAD, STORE, HALT };
static int64_t run(const uint8_t *code, int64_t n)
{
  int64_t stack[32], reg[4] = { 0, 1, n, 0 };
  int sp = 0, pc = 0;
  for (;;) {
    switch (code[pc++]) {
    case PUSH: stack[sp++] = code[pc++]; break;
    case ADD: sp--, stack[sp - 1] += stack[sp]; break;
    case SUB: sp--, stack[sp - 1] -= stack[sp]; break;
    case MUL: sp--, stack[sp - 1] *= stack[sp]; break;
    case DUP: stack[sp] = stack[sp - 1], sp++; break;
    case SWAP: { int64_t t = stack[sp - 1]; stack[sp - 1] = stack[sp - 2], stack[sp - 2] = t; break; }
    case JNZ: { int to = code[pc++]; if (stack[--sp]) pc = to; break; }
    case DEC: reg[code[pc++]]--; break;
    case XOR: sp--, stack[sp - 1] ^= stack[sp]; break;
    case SHL: stack[sp - 1] <<= code[pc++]; break;
    case SHR: stack[sp - 1] = (int64_t)((uint64_t)stack[sp - 1] >> code[pc++]); break;
    case LOAD: stack[sp++] = reg[code[pc++]]; break;
    case STORE: reg[code[pc++]] = stack[--sp]; break;
    case HALT: return reg[0];
    }
  }
}
int main(void)
{
  static const uint8_t program[] = { LOAD, 0, LOAD, 1, ADD, PUSH, 3, XOR, DUP, SHL, 5, SWAP, SHR, 2, ADD, STORE, 0,
                                     LOAD, 1, PUSH, 7, MUL, PUSH, 1, ADD, STORE, 1, DEC, 2, LOAD, 2, JNZ, 0, HALT };
  printf("%lld\n", (long long)run(program, 8000000));
  return 0;
}
