// Instructions, bodies and branch hints, from well-formed bytes to canonical ones.  spec: binary-instr
#include "compiler/wasm/encode_int.h"

static void copy_u32(Bytes *b, const uint8_t **p) { zw_enc_u32(b, zw_fast_u32(p)); }
static void copy_s64(Bytes *b, const uint8_t **p) { zw_enc_s64(b, zw_fast_s64(p)); }

static void copy_fixed(Bytes *b, const uint8_t **p, size_t n)
{
  zw_enc_bytes(b, *p, n);
  *p += n;
}

static void copy_memarg(Bytes *b, const uint8_t **p)
{
  MemArg a = zw_fast_memarg(p);
  zw_enc_memarg(b, a.align_log2, a.memory, a.offset);
}

// A value type as bytes: one byte, or 0x63/0x64 and a heap type.  (ref null func) becomes funcref.
void zw_enc_copy_val_type(Bytes *b, const uint8_t **p)
{
  uint8_t c = **p;
  if (c != 0x63 && c != 0x64) {
    copy_fixed(b, p, 1);
    return;
  }
  ++*p;
  int64_t heap = zw_fast_s64(p);
  if (heap >= 0 || c == 0x64)
    zw_enc_u8(b, c);
  zw_enc_s64(b, heap);
}

// A block type: 0x40, a value type or a type index.  All forms but 0x63/0x64 are one s33.
static void copy_block_type(Bytes *b, const uint8_t **p)
{
  if (**p == 0x63 || **p == 0x64)
    zw_enc_copy_val_type(b, p);
  else
    copy_s64(b, p);
}

static void copy_imm(Bytes *b, const uint8_t **p, Op op)
{
  uint32_t n;
  switch ((Imm)zw_op_info[op].imm) {
  case IMM_NONE:
    break;
  case IMM_BLOCK:
    copy_block_type(b, p);
    break;
  case IMM_LABEL: case IMM_FUNC: case IMM_TYPE: case IMM_LOCAL: case IMM_GLOBAL: case IMM_TABLE: case IMM_MEMORY:
  case IMM_DATA: case IMM_ELEM: case IMM_TAG:
    copy_u32(b, p);
    break;
  case IMM_CALL_INDIRECT: case IMM_DATA_MEMORY: case IMM_ELEM_TABLE: case IMM_MEMORY2: case IMM_TABLE2: case IMM_TYPE_FIELD:
  case IMM_TYPE_N: case IMM_TYPE_DATA: case IMM_TYPE_ELEM: case IMM_TYPE2:
    copy_u32(b, p);
    copy_u32(b, p);
    break;
  case IMM_BR_TABLE:
    n = zw_fast_u32(p);
    zw_enc_u32(b, n);
    for (uint64_t i = 0; i <= n; i++)
      copy_u32(b, p);
    break;
  case IMM_I32: case IMM_I64: case IMM_HEAPTYPE: case IMM_REFTYPE_CAST:
    copy_s64(b, p);
    break;
  case IMM_F32:
    copy_fixed(b, p, 4);
    break;
  case IMM_F64:
    copy_fixed(b, p, 8);
    break;
  case IMM_V128: case IMM_SHUFFLE:
    copy_fixed(b, p, 16);
    break;
  case IMM_LANE: case IMM_FENCE:
    copy_fixed(b, p, 1);
    break;
  case IMM_MEMARG:
    copy_memarg(b, p);
    break;
  case IMM_MEMARG_LANE:
    copy_memarg(b, p);
    copy_fixed(b, p, 1);
    break;
  case IMM_SELECT_T:
    n = zw_fast_u32(p);
    zw_enc_u32(b, n);
    for (uint32_t i = 0; i < n; i++)
      zw_enc_copy_val_type(b, p);
    break;
  case IMM_BR_CAST:
    copy_fixed(b, p, 1);
    copy_u32(b, p);
    copy_s64(b, p);
    copy_s64(b, p);
    break;
  case IMM_TRY_TABLE:
    copy_block_type(b, p);
    n = zw_fast_u32(p);
    zw_enc_u32(b, n);
    for (uint32_t i = 0; i < n; i++) {
      uint8_t kind = **p;
      copy_fixed(b, p, 1);
      if (kind < 2)
        copy_u32(b, p);
      copy_u32(b, p);
    }
    break;
  case IMM_COUNT:
    BUG("no such immediate");
  }
}

static bool opens_label(Op op) { return op == OP_block || op == OP_loop || op == OP_if || op == OP_try || op == OP_try_table; }

static bool names_data(Op op)
{
  Imm imm = (Imm)zw_op_info[op].imm;
  return imm == IMM_DATA || imm == IMM_DATA_MEMORY || imm == IMM_TYPE_DATA;
}

// Append the instructions p..end to b in canonical form.
void zw_enc_rewrite_expr(Encoder *e, Bytes *b, const uint8_t *p, const uint8_t *end)
{
  while (p < end) {
    Op op = zw_fast_op(&p, zw_op_one_byte);
    e->uses_data |= names_data(op);
    zw_enc_op(b, op);
    copy_imm(b, &p, op);
  }
}

// The same for a body, with what its hints and label names need to know.
static void rewrite_body(Encoder *e, Bytes *b, uint32_t func, const uint8_t *p)
{
  const Module *m = e->m;
  const Func *f = &m->funcs[func];
  while (p < f->body + f->body_len) {
    uint32_t off = (uint32_t)(p - f->body), to = (uint32_t)b->n;
    const uint8_t *q = p;
    Op op = zw_fast_op(&q, zw_op_one_byte);
    while (e->hint < m->nhints && (m->hints[e->hint].func < func || (m->hints[e->hint].func == func && m->hints[e->hint].off < off)))
      e->hint++;
    if (e->hint < m->nhints && m->hints[e->hint].func == func && m->hints[e->hint].off == off && (op == OP_if || op == OP_br_if))
      e->hint_off[e->hint] = to;
    e->nlabels[func] += opens_label(op);
    zw_skip_imm(&q, op);
    zw_enc_rewrite_expr(e, b, p, q);
    p = q;
  }
}

static void flush_locals(Bytes *b, uint32_t *groups, uint32_t count, const uint8_t *type, size_t len)
{
  if (count == 0)
    return;
  zw_enc_u32(b, count);
  zw_enc_bytes(b, type, len);
  ++*groups;
}

// Local declarations, joined: the groups of a body.  Returns where its instructions start.
static const uint8_t *rewrite_locals(Bytes *b, const uint8_t *p, Arena *a)
{
  uint32_t groups = zw_fast_u32(&p), out_groups = 0, count = 0;
  Bytes text = { .a = a };   // of the joined groups
  uint8_t open[16], type[16]; // types of the group that grows and of the next: 6 bytes at most, and room for a LEB128
  size_t open_len = 0;
  for (uint32_t i = 0; i < groups; i++) {
    uint32_t n = zw_fast_u32(&p);
    Bytes canon = { .a = a, .p = type, .cap = sizeof type };
    zw_enc_copy_val_type(&canon, &p);
    if (n && canon.n == open_len && memcmp(type, open, open_len) == 0) {
      count += n;
    } else if (n) {
      flush_locals(&text, &out_groups, count, open, open_len);
      memcpy(open, type, canon.n);
      open_len = canon.n, count = n;
    }
  }
  flush_locals(&text, &out_groups, count, open, open_len);
  zw_enc_u32(b, out_groups);
  zw_enc_bytes(b, text.p, text.n);
  return p;
}

// All bodies, before anything is written: the hints' new offsets and the need for a data count come out of it.
void zw_enc_rewrite_code(Encoder *e)
{
  const Module *m = e->m;
  Arena *scratch = &m->ctx->scratch;
  e->hint_off = zw_new_array(e->out->a, uint32_t, m->nhints);
  e->nlabels = zw_new_array(e->out->a, uint32_t, m->nfuncs);
  for (uint32_t i = 0; i < m->nhints; i++)
    e->hint_off[i] = NO_HINT;
  for (uint32_t i = m->nimported_funcs; i < m->nfuncs; i++) {
    ArenaMark am = zw_arena_mark(scratch);
    Bytes b = { .a = scratch };
    rewrite_body(e, &b, i, rewrite_locals(&b, m->funcs[i].body, scratch));
    zw_enc_u32(&e->code, (uint32_t)b.n);
    zw_enc_bytes(&e->code, b.p, b.n);
    zw_arena_release(scratch, am);
  }
}

void zw_enc_code(Encoder *e)
{
  const Module *m = e->m;
  zw_enc_u32(&e->sec, m->nfuncs - m->nimported_funcs);
  zw_enc_bytes(&e->sec, e->code.p, e->code.n);
  for (uint32_t i = m->nimported_funcs; i < m->nfuncs && !e->rewrite; i++) {
    zw_enc_u32(&e->sec, m->funcs[i].body_len);
    zw_enc_mark(e, SEC_CODE, i, m->funcs[i].body);
    zw_enc_bytes(&e->sec, m->funcs[i].body, m->funcs[i].body_len);
  }
}

static uint32_t hint_off(const Encoder *e, uint32_t i) { return e->hint_off ? e->hint_off[i] : e->m->hints[i].off; }

void zw_enc_hints(Encoder *e)
{
  const Module *m = e->m;
  Bytes *b = &e->sec;
  zw_enc_begin_section(e);
  zw_enc_name(b, STR("metadata.code.branch_hint"));
  uint32_t funcs = 0, last = UINT32_MAX;
  for (uint32_t i = 0; i < m->nhints; i++)
    if (hint_off(e, i) != NO_HINT && m->hints[i].func != last)
      last = m->hints[i].func, funcs++;
  if (funcs == 0)
    return;
  zw_enc_u32(b, funcs);
  for (uint32_t i = 0, j; i < m->nhints; i = j) {
    uint32_t n = 0;
    for (j = i; j < m->nhints && m->hints[j].func == m->hints[i].func; j++)
      n += hint_off(e, j) != NO_HINT;
    if (n == 0)
      continue;
    zw_enc_u32(b, m->hints[i].func);
    zw_enc_u32(b, n);
    for (uint32_t k = i; k < j; k++) {
      if (hint_off(e, k) == NO_HINT)
        continue;
      zw_enc_u32(b, hint_off(e, k));
      zw_enc_u32(b, 1);
      zw_enc_u8(b, m->hints[k].likely);
    }
  }
  zw_enc_end_section(e, SEC_CUSTOM);
}
