// Inside the binary reader: its state and the pieces that decode.c (sections) and decode_types.c (types, constant
// expressions) both read.
#pragma once
#include "compiler/wasm/body.h"

typedef struct Decoder {
  Reader r;
  Module *m;
  Ctx *ctx;
  Arena *a;
  uint32_t ncode;          // entries of the code section
  const uint8_t *declared; // the type indices of the function section; it becomes Funcs when there are bodies for them
  uint32_t ndeclared;
  const uint8_t *section_end;
  uint8_t last_section;    // last id that was not custom
  VEC(Func) funcs;
  VEC(TableDecl) tables;
  VEC(MemoryDecl) memories;
  VEC(Global) globals;
  VEC(Tag) tags;
  VEC(Custom) customs;
} Decoder;

#define MALFORMED(d, at, ...) zw_fail((d)->ctx, ERR_malformed, (at), __VA_ARGS__)
#define INVALID(d, at, ...) zw_fail((d)->ctx, ERR_invalid, (at), __VA_ARGS__)
static inline uint64_t pos(const Decoder *d) { return zw_read_pos(&d->r); }

// A count of things that take at least a byte each.
static inline uint32_t read_count(Decoder *d)
{
  uint32_t n = zw_read_u32(&d->r);
  if (n > (uint64_t)(d->r.end - d->r.p))
    zw_read_end(&d->r);
  return n;
}

static inline uint32_t read_limited_count(Decoder *d, uint32_t limit, const char *what)
{
  uint64_t at = pos(d);
  uint32_t n = read_count(d);
  if (n > limit)
    zw_fail(d->ctx, ERR_limit, at, "%u %s; at most %u are allowed", n, what, limit);
  return n;
}

// Room for n entries, as far as there are bytes for them at so many each, and for the one that they end in.
static inline uint32_t backed(const Decoder *d, uint32_t n, uint32_t bytes)
{
  uint64_t most = (uint64_t)(d->r.end - d->r.p) / bytes + 1;
  return n < most ? n : (uint32_t)most;
}

// Room for that many and no more, and what there was leaves nothing behind.
void *zw_decode_grow(Decoder *d, void *p, uint32_t n, uint32_t *cap, uint32_t want, size_t size);
#define reserve_exactly(d, v, want) ((v)->p = zw_decode_grow((d), (v)->p, (v)->n, &(v)->cap, (want), sizeof *(v)->p))

// ---- decode_types.c ----
void zw_decode_types(Decoder *d); // the type section
void zw_make_self_refs(Module *m);
uint32_t zw_decode_func_type_index(Decoder *d);
Limits zw_decode_limits(Decoder *d, bool memory);
TableType zw_decode_tabletype(Decoder *d);
GlobalType zw_decode_globaltype(Decoder *d);
uint32_t zw_decode_tagtype(Decoder *d);
