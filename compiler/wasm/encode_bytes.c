// Growing bytes, integers, names and types as the binary format writes them.  spec: binary-values, binary-types
#include "compiler/wasm/encode.h"
#include "compiler/wasm/body.h"

void zw_bytes_grow(Bytes *b, size_t more)
{
  size_t cap = b->cap ? 2 * b->cap : 256;
  while (cap - b->n < more)
    cap *= 2;
  uint8_t *p = zw_arena_alloc(b->a, cap, 1);
  if (b->n)
    memcpy(p, b->p, b->n);
  b->p = p, b->cap = cap;
}

void zw_enc_u8(Bytes *b, uint8_t v)
{
  *zw_bytes_room(b, 1) = v;
  b->n++;
}

void zw_enc_bytes(Bytes *b, const void *p, size_t n)
{
  if (n)
    memcpy(zw_bytes_room(b, n), p, n);
  b->n += n;
}

void zw_enc_u32(Bytes *b, uint32_t v) { b->n += zw_leb_write_u32(zw_bytes_room(b, 5), v); }
void zw_enc_u64(Bytes *b, uint64_t v) { b->n += zw_leb_write_u64(zw_bytes_room(b, 10), v); }
void zw_enc_s32(Bytes *b, int32_t v) { b->n += zw_leb_write_s32(zw_bytes_room(b, 5), v); }
void zw_enc_s64(Bytes *b, int64_t v) { b->n += zw_leb_write_s64(zw_bytes_room(b, 10), v); }

void zw_enc_name(Bytes *b, Str s)
{
  zw_enc_u32(b, (uint32_t)s.n);
  zw_enc_bytes(b, s.p, s.n);
}

void zw_enc_op(Bytes *b, Op op)
{
  uint32_t code = zw_op_info[op].code;
  ASSERT(zw_op_info[op].kind != OPK_ZIR);
  if (code >> 16) {
    zw_enc_u8(b, (uint8_t)(code >> 16));
    zw_enc_u32(b, code & 0xffff);
  } else {
    zw_enc_u8(b, (uint8_t)code);
  }
}

static uint8_t abstract_heap_code(uint32_t heap)
{
  static const uint8_t code[] = {
    [HEAP_FUNC - HEAP_ABSTRACT] = 0x70, [HEAP_NOFUNC - HEAP_ABSTRACT] = 0x73, [HEAP_EXTERN - HEAP_ABSTRACT] = 0x6f,
    [HEAP_NOEXTERN - HEAP_ABSTRACT] = 0x72, [HEAP_ANY - HEAP_ABSTRACT] = 0x6e, [HEAP_EQ - HEAP_ABSTRACT] = 0x6d,
    [HEAP_I31 - HEAP_ABSTRACT] = 0x6c, [HEAP_STRUCT - HEAP_ABSTRACT] = 0x6b, [HEAP_ARRAY - HEAP_ABSTRACT] = 0x6a,
    [HEAP_NONE - HEAP_ABSTRACT] = 0x71, [HEAP_EXN - HEAP_ABSTRACT] = 0x69, [HEAP_NOEXN - HEAP_ABSTRACT] = 0x74,
  };
  ASSERT(heap >= HEAP_ABSTRACT && heap < HEAP_BOT);
  return code[heap - HEAP_ABSTRACT];
}

void zw_enc_heap_type(Bytes *b, uint32_t heap)
{
  if (heap >= HEAP_ABSTRACT)
    zw_enc_u8(b, abstract_heap_code(heap));
  else
    zw_enc_s64(b, heap);
}

void zw_enc_val_type(Bytes *b, ValType t)
{
  static const uint8_t code[] = { [VT_I32] = 0x7f, [VT_I64] = 0x7e, [VT_F32] = 0x7d, [VT_F64] = 0x7c,
                                  [VT_V128] = 0x7b, [VT_I8] = 0x78, [VT_I16] = 0x77 };
  uint32_t heap = zw_heap_type(t);
  if (!zw_is_ref(t)) {
    ASSERT(t < ARRAY_COUNT(code) && code[t]);
    zw_enc_u8(b, code[t]);
  } else if (zw_is_nullable(t) && heap >= HEAP_ABSTRACT) {
    zw_enc_u8(b, abstract_heap_code(heap));
  } else {
    zw_enc_u8(b, zw_is_nullable(t) ? 0x63 : 0x64);
    zw_enc_heap_type(b, heap);
  }
}

static void enc_val_types(Bytes *b, const ValType *t, uint32_t n)
{
  zw_enc_u32(b, n);
  for (uint32_t i = 0; i < n; i++)
    zw_enc_val_type(b, t[i]);
}

static void enc_field(Bytes *b, const FieldType *f)
{
  zw_enc_val_type(b, f->type);
  zw_enc_u8(b, f->mutable_);
}

void zw_enc_type(Bytes *b, const TypeDef *t)
{
  bool has_super = t->super != UINT32_MAX;
  if (has_super || !t->final) {
    zw_enc_u8(b, t->final ? 0x4f : 0x50);
    zw_enc_u32(b, has_super);
    if (has_super)
      zw_enc_u32(b, t->super);
  }
  switch ((CompKind)t->kind) {
  case COMP_FUNC:
    zw_enc_u8(b, 0x60);
    enc_val_types(b, t->func->params, t->func->nparams);
    enc_val_types(b, t->func->results, t->func->nresults);
    break;
  case COMP_STRUCT:
    zw_enc_u8(b, 0x5f);
    zw_enc_u32(b, t->nfields);
    for (uint32_t i = 0; i < t->nfields; i++)
      enc_field(b, &t->fields[i]);
    break;
  case COMP_ARRAY:
    zw_enc_u8(b, 0x5e);
    enc_field(b, &t->fields[0]);
    break;
  }
}

void zw_enc_limits(Bytes *b, const Limits *l, bool memory)
{
  bool page = memory && l->page_log2 != 16;
  zw_enc_u8(b, (uint8_t)(l->has_max | l->shared << 1 | l->is64 << 2 | page << 3));
  zw_enc_u64(b, l->min);
  if (l->has_max)
    zw_enc_u64(b, l->max);
  if (page)
    zw_enc_u32(b, l->page_log2);
}

void zw_enc_table_type(Bytes *b, const TableType *t)
{
  zw_enc_val_type(b, t->elem);
  zw_enc_limits(b, &t->limits, false);
}

void zw_enc_memarg(Bytes *b, uint32_t align_log2, uint32_t memory, uint64_t offset)
{
  zw_enc_u32(b, align_log2 | (memory ? 64 : 0));
  if (memory)
    zw_enc_u32(b, memory);
  zw_enc_u64(b, offset);
}
