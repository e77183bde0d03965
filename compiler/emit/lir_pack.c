// An instruction is four words: operation, registers, and two of operands.  Each is foretold from what came before, and
// a byte says how far that was right: two bits a word.
//   operation  0 what followed the one before last time, 1 a byte: which of the last 256 kinds it is, 2 the word
//   registers  0 those of the last such operation, 1 and 2 likewise
//   operands   0 that of the last such operation, 1 one byte of difference, 2 two, 3 the word
#include "compiler/emit/lir_pack.h"
#include <string.h>

typedef struct Words { uint32_t op, regs, x, y; } Words;
STATIC_ASSERT(sizeof(Words) == sizeof(Lir), "an instruction is four words");
enum { KINDS = 256 };
typedef struct Last { uint32_t regs, x, y; } Last;
typedef struct Model {                 // the same on both sides: it changes only by what is said
  uint32_t ops[KINDS], regs[KINDS];    // by hash
  uint32_t after[KINDS];               // by hash of the operation before
  Last last[KINDS];                    // by hash of the operation
} Model;

static inline uint32_t hash(uint32_t w) { return (w * 0x9e3779b1u) >> 24; }
static inline uint8_t *put_word(uint8_t *p, uint32_t w)
{
  memcpy(p, &w, 4);
  return p + 4;
}
static inline uint32_t get_word(const uint8_t **p)
{
  uint32_t w;
  memcpy(&w, *p, 4);
  *p += 4;
  return w;
}

// w is not what was foretold.
static inline unsigned put_kind(uint8_t **p, uint32_t w, uint32_t *table)
{
  uint32_t h = hash(w);
  if (table[h] == w) {
    *(*p)++ = (uint8_t)h;
    return 1;
  }
  table[h] = w;
  *p = put_word(*p, w);
  return 2;
}
static inline uint32_t get_kind(const uint8_t **p, unsigned how, uint32_t *table)
{
  if (how == 1)
    return table[*(*p)++];
  uint32_t w = get_word(p);
  table[hash(w)] = w;
  return w;
}
static inline unsigned put_operand(uint8_t **p, uint32_t w, uint32_t *last)
{
  uint32_t d = w - *last;
  *last = w;
  if ((uint32_t)(int8_t)d == d) {
    *(*p)++ = (uint8_t)d;
    return 1;
  }
  if ((uint32_t)(int16_t)d == d) {
    *(*p)++ = (uint8_t)d, *(*p)++ = (uint8_t)(d >> 8);
    return 2;
  }
  *p = put_word(*p, w);
  return 3;
}
static inline void get_operand(const uint8_t **p, unsigned how, uint32_t *last)
{
  if (how == 1)
    *last += (uint32_t)(int8_t)(*p)[0], *p += 1;
  else if (how == 2)
    *last += (uint32_t)(int16_t)((*p)[0] | (*p)[1] << 8), *p += 2;
  else
    *last = get_word(p);
}

uint32_t zw_lir_pack(const Lir *from, uint32_t n, uint8_t *to)
{
  Model m = { 0 };
  uint32_t before = 0;
  uint8_t *p = to;
  for (uint32_t k = 0; k < n; k++) {
    Words w;
    memcpy(&w, &from[k], sizeof w);
    uint8_t *at = p++;
    unsigned how = 0;
    if (w.op != m.after[before])
      how = put_kind(&p, w.op, m.ops), m.after[before] = w.op;
    before = hash(w.op);
    Last *last = &m.last[before];
    if (w.regs != last->regs)
      how |= put_kind(&p, w.regs, m.regs) << 2, last->regs = w.regs;
    if (w.x != last->x)
      how |= put_operand(&p, w.x, &last->x) << 4;
    if (w.y != last->y)
      how |= put_operand(&p, w.y, &last->y) << 6;
    *at = (uint8_t)how;
  }
  return (uint32_t)(p - to);
}

void zw_lir_unpack(const uint8_t *from, Lir *to, uint32_t n)
{
  Model m = { 0 };
  uint32_t before = 0;
  for (uint32_t k = 0; k < n; k++) {
    unsigned how = *from++;
    if (how & 3)
      m.after[before] = get_kind(&from, how & 3, m.ops);
    uint32_t op = m.after[before];
    before = hash(op);
    Last *last = &m.last[before];
    if (how >> 2 & 3)
      last->regs = get_kind(&from, how >> 2 & 3, m.regs);
    if (how >> 4 & 3)
      get_operand(&from, how >> 4 & 3, &last->x);
    if (how >> 6)
      get_operand(&from, how >> 6, &last->y);
    memcpy(&to[k], &(Words){ op, last->regs, last->x, last->y }, sizeof(Lir));
  }
}

void zw_lir_unpack_all(LirFunc *l, Arena *a)
{
  if (!l->parts)
    return;
  l->lir = zw_stale_array(a, Lir, l->nlir);
  for (uint32_t k = 0, at = 0; at < l->nlir; k++) {
    uint32_t end = zw_lir_part_end(l, k);
    zw_lir_unpack(l->parts[k], l->lir + at, end - at);
    at = end;
  }
  l->parts = NULL;
}
