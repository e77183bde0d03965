// Bytes of an output, written from front to back: into a file as they come, or into memory that is handed out whole.
// A write that fails is remembered, and nothing is written after it: whoever ends the output asks once.
#pragma once
#include "runtime/base/str.h"

typedef struct OutStream {
  Arena *a;
  int fd;               // -1: all of it stays in p
  int bad;              // errno of the first write that failed
  uint8_t *p;           // what the file does not have yet
  size_t n, cap;
  uint64_t before;      // bytes that it has
} OutStream;

void zw_out_init(OutStream *o, Arena *a, int fd);
void zw_out_expect(OutStream *o, uint64_t bytes); // in memory: about so many; pages that stay empty cost nothing
static inline uint64_t zw_out_at(const OutStream *o) { return o->before + o->n; }
void zw_out_put(OutStream *o, const void *p, size_t n);
void zw_out_fill(OutStream *o, uint8_t byte, uint64_t n);
void zw_out_text(OutStream *o, Text *t);   // takes what is in t, which is empty then
void zw_out_again(OutStream *o, uint64_t at, const void *p, size_t n); // what was put there is something else now
// So many of the bytes from there on: those themselves, or in buf, which has room for n, what the file says.  NULL: it does not, o->bad says why.
const void *zw_out_look(OutStream *o, uint64_t at, void *buf, size_t n);
bool zw_out_end(OutStream *o) MUST_CHECK;  // false: o->bad says why
