// Module to bytes.  The text reader builds a Module and comes through here, `zwasm wasm` canonicalises a binary
// through here, and the fuzz targets compare what comes out.  spec: binary-module
//
// Canonical form: shortest LEB128s, neighbouring local groups joined, a rec group of one written as its type, the
// shortest flag of each segment, custom sections where they were, branch hints right before the code section and
// the name section last.
#pragma once
#include "compiler/wasm/module.h"

// Growing bytes in an arena.
typedef struct Bytes { Arena *a; uint8_t *p; size_t n, cap; } Bytes;
void zw_bytes_grow(Bytes *b, size_t more);
static inline uint8_t *zw_bytes_room(Bytes *b, size_t more) // at least that many free bytes at the end
{
  if (b->cap - b->n < more)
    zw_bytes_grow(b, more);
  return b->p + b->n;
}
void zw_enc_u8(Bytes *b, uint8_t v);
void zw_enc_bytes(Bytes *b, const void *p, size_t n);
void zw_enc_u32(Bytes *b, uint32_t v);
void zw_enc_u64(Bytes *b, uint64_t v);
void zw_enc_s32(Bytes *b, int32_t v);
void zw_enc_s64(Bytes *b, int64_t v); // s33 too
void zw_enc_name(Bytes *b, Str s);
void zw_enc_heap_type(Bytes *b, uint32_t heap);
void zw_enc_val_type(Bytes *b, ValType t);
void zw_enc_type(Bytes *b, const TypeDef *t);
void zw_enc_limits(Bytes *b, const Limits *l, bool memory);
void zw_enc_table_type(Bytes *b, const TableType *t);
void zw_enc_op(Bytes *b, Op op);
void zw_enc_memarg(Bytes *b, uint32_t align_log2, uint32_t memory, uint64_t offset);

// Where things went, for messages: ascending `off`.  src: these bytes were copied from there (bodies, expressions).
typedef struct EncodeMark { uint64_t off; const uint8_t *src; uint32_t item; uint8_t section; } EncodeMark;
typedef struct EncodeMap { EncodeMark *mark; uint32_t n, cap; } EncodeMap;

enum {
  SEC_CUSTOM, SEC_TYPE, SEC_IMPORT, SEC_FUNC, SEC_TABLE, SEC_MEMORY, SEC_GLOBAL, SEC_EXPORT, SEC_START, SEC_ELEM, SEC_CODE,
  SEC_DATA, SEC_DATA_COUNT, SEC_TAG, SEC_COUNT
};
// The order of sections in a module, by id; custom sections are ranked by the section they follow.
extern const uint8_t zw_section_rank[SEC_COUNT];

// Is that custom section made anew from the Module: the names, the branch hints?
bool zw_custom_is_derived(const Module *m, const Custom *c);
// Append the module to out.  rewrite: bodies and expressions come from a decoder (they must be well formed) and are
// canonicalised; otherwise they are canonical already and are copied.  map may be NULL.
void zw_encode_module(const Module *m, Bytes *out, bool rewrite, EncodeMap *map);
