// Instructions of the text reader, flat and folded, straight to bytes.  An explicit stack replaces recursion: a folded
// instruction's encoding waits in `pend` until its operands have been written.  spec: text-instr
#include "compiler/wasm/wat_int.h"
#include "runtime/base/bits.h"

typedef enum FrameKind {
  FRAME_BODY,                // the sequence itself; ends at ")"
  FRAME_ONE,                 // exactly one folded instruction
  FRAME_FLAT,                // block .. end without parentheses
  FRAME_BLOCK,               // (block ..), (loop ..), (try_table ..)
  FRAME_PLAIN,               // (op operands): only folded instructions inside
  FRAME_IF,                  // (if conditions (then ..) (else ..)): state 0 conditions, 1 then seen, 2 else seen
  FRAME_TRY,                 // (try (do ..) (catch ..)* | (delegate l)): state 0 before do, 1 after, 2 catch_all seen, 3 delegate seen
  FRAME_PART,                // then, else, do, catch inside those
} FrameKind;

static Frame *top(WatParser *p) { return &p->frames.p[p->frames.n - 1]; }

static void push_frame(WatParser *p, FrameKind kind, Op op, uint32_t pos)
{
  *zw_push(&p->ctx->scratch, &p->frames) = (Frame){ .kind = (uint8_t)kind, .op = (uint16_t)op, .pend = (uint32_t)p->pend.n,
                                                    .label_sym = WAT_NONE, .label_was = WAT_NONE, .pos = pos };
}

// ---- labels ----
// An open label's value in the name table is its depth from outside, plus 1; 0 = closed again.
static uint32_t optional_label(WatParser *p)
{
  if (!at_kind(p, TOK_ID))
    return WAT_NONE;
  return p->s->tok[p->i++].aux;
}

static void open_label(WatParser *p, Frame *f, uint32_t sym, Str annotated)
{
  f->label_sym = sym;
  f->label_was = 0;
  *zw_push(&p->ctx->scratch, &p->labels) = sym;
  if (sym != WAT_NONE) {
    uint32_t was = zw_wat_find(p, SPACE_LABEL, 0, sym);
    f->label_was = was == WAT_NONE ? 0 : was;
    zw_wat_set(p, SPACE_LABEL, 0, sym, p->labels.n);
  }
  if (p->func != WAT_NONE) {
    Str name = annotated.n || sym == WAT_NONE ? annotated : p->s->sym[sym];
    zw_wat_record_name(p, SPACE_LABEL, p->func, p->nlabels_seen, name);
  }
  p->nlabels_seen++;
}

static void close_label(WatParser *p, const Frame *f)
{
  p->labels.n--;
  if (f->label_sym != WAT_NONE)
    zw_wat_set(p, SPACE_LABEL, 0, f->label_sym, f->label_was);
}

static uint32_t label_index(WatParser *p)
{
  if (!at_kind(p, TOK_ID))
    return zw_wat_u32(p, "a label");
  uint32_t depth = zw_wat_find(p, SPACE_LABEL, 0, tok(p)->aux);
  if (depth == WAT_NONE || depth == 0)
    zw_wat_error(p, p->i, "unknown label %.*s", (int)tok(p)->len, p->s->text.p + tok(p)->pos);
  p->i++;
  return p->labels.n - depth;
}

// The label repeated at `end` or `else` must be the block's own.
static void check_repeated_label(WatParser *p, const Frame *f)
{
  if (!at_kind(p, TOK_ID))
    return;
  if (tok(p)->aux != f->label_sym)
    zw_wat_error(p, p->i, "mismatching label %.*s", (int)tok(p)->len, p->s->text.p + tok(p)->pos);
  p->i++;
}

// ---- emission ----
static void note_place(WatParser *p, uint32_t pos)
{
  *zw_push(&p->ctx->module, &p->marks) = (WatMark){ (uint32_t)p->code.n, pos };
}

static void note_hint(WatParser *p, uint8_t hint)
{
  if (hint)
    *zw_push(p->a, &p->hints) = (BranchHint){ p->func, (uint32_t)(p->code.n - p->body_at), (uint8_t)(hint - 1) };
}

static void emit_op(WatParser *p, Op op, uint32_t pos)
{
  note_place(p, pos);
  zw_enc_op(&p->code, op);
}

// Move what waits since `from` into the code.
static void emit_pending(WatParser *p, const Frame *f)
{
  note_place(p, f->pos);
  note_hint(p, f->hint);
  zw_enc_bytes(&p->code, p->pend.p + f->pend, p->pend.n - f->pend);
  p->pend.n = f->pend;
}

// ---- immediates ----
static uint64_t const_int(WatParser *p, unsigned bits)
{
  uint64_t v = 0;
  if (!at_kind(p, TOK_NAT) && !at_kind(p, TOK_INT))
    zw_wat_unexpected(p, "an integer");
  if (zw_wat_int(tok_text(p), bits, &v) != FP_OK)
    zw_wat_error(p, p->i, "i%u constant out of range", bits);
  p->i++;
  return v;
}

static uint64_t const_float(WatParser *p, unsigned width)
{
  uint64_t v = 0;
  if (!at_kind(p, TOK_NAT) && !at_kind(p, TOK_INT) && !at_kind(p, TOK_FLOAT))
    zw_wat_unexpected(p, "a number");
  Str t = tok_text(p);
  if (zw_fp_parse(t.p, t.n, width, &v) != FP_OK)
    zw_wat_error(p, p->i, "f%u constant out of range", width);
  p->i++;
  return v;
}

static bool at_number(const WatParser *p) { return at_kind(p, TOK_NAT) || at_kind(p, TOK_INT) || at_kind(p, TOK_FLOAT); }

static void put_lanes(WatParser *p, Bytes *b, unsigned lanes, bool is_float)
{
  uint32_t at = p->i, n = 0;
  while (p->i < p->end && at_number(p))
    p->i++, n++;
  if (n != lanes) {
    if (n < lanes && (at_kind(p, TOK_RESERVED) || at_kind(p, TOK_WORD) || at_kind(p, TOK_ERROR)))
      zw_wat_unexpected(p, "a number");
    zw_wat_error(p, at, "wrong number of lane literals: expected %u, found %u", lanes, n);
  }
  p->i = at;
  unsigned bytes = 16 / lanes;
  for (unsigned i = 0; i < lanes; i++) {
    uint64_t v = is_float ? const_float(p, 8 * bytes) : const_int(p, 8 * bytes);
    zw_enc_bytes(b, &v, bytes); // little-endian, as the host
  }
}

static void imm_v128(WatParser *p, Bytes *b)
{
  static const struct { WatWord word; uint8_t lanes; bool is_float; } shapes[] = {
    { W_i8x16, 16, false }, { W_i16x8, 8, false }, { W_i32x4, 4, false }, { W_i64x2, 2, false }, { W_f32x4, 4, true }, { W_f64x2, 2, true }
  };
  for (size_t k = 0; k < ARRAY_COUNT(shapes); k++)
    if (at_word(p, shapes[k].word)) {
      p->i++;
      put_lanes(p, b, shapes[k].lanes, shapes[k].is_float);
      return;
    }
  zw_wat_unexpected(p, "a lane shape");
}

static uint8_t lane(WatParser *p)
{
  return (uint8_t)zw_wat_nat(p, 8, "a lane index");
}

static void imm_shuffle(WatParser *p, Bytes *b)
{
  uint32_t at = p->i, n = 0;
  while (at_number(p)) {
    uint64_t v;
    if (!at_kind(p, TOK_NAT) || zw_wat_int(tok_text(p), 8, &v) != FP_OK)
      zw_wat_error(p, p->i, "i8 constant out of range");
    if (n++ < 16)
      zw_enc_u8(b, (uint8_t)v);
    p->i++;
  }
  if (n != 16)
    zw_wat_error(p, at, "invalid lane length: expected 16, found %u", n);
}

// `offset=` or `align=`: its number.  False when the token is something else.
static bool memarg_part(WatParser *p, const char *key, uint64_t *v)
{
  size_t n = strlen(key);
  Str t = p->i < p->end ? tok_text(p) : (Str){ NULL, 0 };
  if (!at_kind(p, TOK_WORD) || t.n <= n || memcmp(t.p, key, n) != 0)
    return false;
  FpStatus st = zw_int_parse(t.p + n, t.n - n, v);
  if (st == FP_SYNTAX)
    return false; // and so an unknown word
  if (st == FP_RANGE)
    zw_wat_error(p, p->i, "i64 constant out of range");
  p->i++;
  return true;
}

static bool at_memarg_part(const WatParser *p, uint32_t i)
{
  if (i >= p->end || p->s->tok[i].kind != TOK_WORD)
    return false;
  Str t = zw_wat_text(p->s, &p->s->tok[i]);
  return (t.n > 7 && memcmp(t.p, "offset=", 7) == 0) || (t.n > 6 && memcmp(t.p, "align=", 6) == 0);
}

static void imm_memarg(WatParser *p, Bytes *b, const OpInfo *op)
{
  uint32_t memory = 0;
  // With a lane to come, a lone number is the lane.
  bool lane_follows = op->imm == IMM_MEMARG_LANE;
  bool number_is_memory = !lane_follows || (p->i + 1 < p->end && p->s->tok[p->i + 1].kind == TOK_NAT) || at_memarg_part(p, p->i + 1);
  if (at_kind(p, TOK_ID) || (at_kind(p, TOK_NAT) && number_is_memory))
    memory = zw_wat_index(p, SPACE_MEMORY);
  uint64_t offset = 0, align = op->width;
  memarg_part(p, "offset=", &offset);
  uint32_t at = p->i;
  if (memarg_part(p, "align=", &align) && (align == 0 || (align & (align - 1))))
    zw_wat_error(p, at, "alignment must be a power of two");
  zw_enc_memarg(b, zw_ctz64(align), memory, offset);
  if (lane_follows)
    zw_enc_u8(b, lane(p));
}

// Two optional indices of a space: none or both.
static void imm_two_optional(WatParser *p, Bytes *b, Space space)
{
  uint32_t x = 0, y = 0;
  if (zw_wat_at_index(p)) {
    x = zw_wat_index(p, space);
    y = zw_wat_index(p, space);
  }
  zw_enc_u32(b, x);
  zw_enc_u32(b, y);
}

// [x] y: segment y, of memory or table x.  Written y first.
static void imm_segment(WatParser *p, Bytes *b, Space segment, Space space)
{
  uint32_t x = 0;
  bool two = zw_wat_at_index(p) && p->i + 1 < p->end && (p->s->tok[p->i + 1].kind == TOK_NAT || p->s->tok[p->i + 1].kind == TOK_ID);
  if (two)
    x = zw_wat_index(p, space);
  zw_enc_u32(b, zw_wat_index(p, segment));
  zw_enc_u32(b, x);
}

static void imm_call_indirect(WatParser *p, Bytes *b)
{
  uint32_t table = zw_wat_at_index(p) ? zw_wat_index(p, SPACE_TABLE) : 0;
  zw_enc_u32(b, zw_wat_type_use(p, false, NULL));
  zw_enc_u32(b, table);
}

static void imm_br_table(WatParser *p, Bytes *b)
{
  p->targets.n = 0;
  do
    *zw_push(&p->ctx->scratch, &p->targets) = label_index(p);
  while (zw_wat_at_index(p));
  zw_enc_u32(b, p->targets.n - 1);
  for (uint32_t k = 0; k < p->targets.n; k++)
    zw_enc_u32(b, p->targets.p[k]);
}

static void imm_block_type(WatParser *p, Bytes *b)
{
  bool short_form;
  uint32_t type = zw_wat_type_use(p, false, &short_form);
  if (!short_form)
    zw_enc_s64(b, type);
  else if (p->results.n)
    zw_enc_val_type(b, p->results.p[0]);
  else
    zw_enc_u8(b, 0x40);
}

static void imm_catches(WatParser *p, Bytes *b)
{
  static const WatWord words[] = { W_catch, W_catch_ref, W_catch_all, W_catch_all_ref };
  Bytes *c = &p->catches;
  uint32_t n = 0;
  c->n = 0;
  for (uint8_t k = 0; k < 4;) {
    if (!zw_wat_open(p, words[k])) {
      k++;
      continue;
    }
    zw_enc_u8(c, k);
    if (k < 2)
      zw_enc_u32(c, zw_wat_index(p, SPACE_TAG));
    zw_enc_u32(c, label_index(p));
    zw_wat_close(p);
    n++, k = 0;
  }
  zw_enc_u32(b, n);
  zw_enc_bytes(b, c->p, c->n);
}

static void imm_select(WatParser *p, Bytes *b)
{
  p->select.n = 0;
  while (zw_wat_open(p, W_result)) {
    while (!at_kind(p, TOK_RPAR))
      *zw_push(&p->ctx->scratch, &p->select) = zw_wat_val_type(p);
    zw_wat_close(p);
  }
  zw_enc_u32(b, p->select.n);
  for (uint32_t k = 0; k < p->select.n; k++)
    zw_enc_val_type(b, p->select.p[k]);
}

static void imm_br_cast(WatParser *p, Bytes *b)
{
  uint32_t l = label_index(p);
  ValType from = zw_wat_ref_type(p), to = zw_wat_ref_type(p);
  zw_enc_u8(b, (uint8_t)(zw_is_nullable(from) | zw_is_nullable(to) << 1));
  zw_enc_u32(b, l);
  zw_enc_heap_type(b, zw_heap_type(from));
  zw_enc_heap_type(b, zw_heap_type(to));
}

static void imm_field(WatParser *p, Bytes *b)
{
  uint32_t type = zw_wat_index(p, SPACE_TYPE);
  zw_enc_u32(b, type);
  zw_enc_u32(b, zw_wat_owned_index(p, SPACE_FIELD, type));
}

static void imm_local(WatParser *p, Bytes *b)
{
  if (at_kind(p, TOK_ID) && p->func != WAT_NONE)
    zw_enc_u32(b, zw_wat_owned_index(p, SPACE_LOCAL, p->func));
  else
    zw_enc_u32(b, zw_wat_index(p, SPACE_LOCAL));
}

static void put_imm(WatParser *p, Bytes *b, Op op)
{
  const OpInfo *info = &zw_op_info[op];
  switch ((Imm)info->imm) {
  case IMM_NONE: break;
  case IMM_LABEL: zw_enc_u32(b, label_index(p)); break;
  case IMM_BR_TABLE: imm_br_table(p, b); break;
  case IMM_FUNC: zw_enc_u32(b, zw_wat_index(p, SPACE_FUNC)); break;
  case IMM_CALL_INDIRECT: imm_call_indirect(p, b); break;
  case IMM_TYPE: zw_enc_u32(b, zw_wat_index(p, SPACE_TYPE)); break;
  case IMM_LOCAL: imm_local(p, b); break;
  case IMM_GLOBAL: zw_enc_u32(b, zw_wat_index(p, SPACE_GLOBAL)); break;
  case IMM_TABLE: zw_enc_u32(b, zw_wat_at_index(p) ? zw_wat_index(p, SPACE_TABLE) : 0); break;
  case IMM_MEMORY: zw_enc_u32(b, zw_wat_at_index(p) ? zw_wat_index(p, SPACE_MEMORY) : 0); break;
  case IMM_I32: zw_enc_s32(b, (int32_t)const_int(p, 32)); break;
  case IMM_I64: zw_enc_s64(b, (int64_t)const_int(p, 64)); break;
  case IMM_F32: {
    uint64_t v = const_float(p, 32);
    zw_enc_bytes(b, &v, 4);
    break;
  }
  case IMM_F64: {
    uint64_t v = const_float(p, 64);
    zw_enc_bytes(b, &v, 8);
    break;
  }
  case IMM_V128: imm_v128(p, b); break;
  case IMM_SHUFFLE: imm_shuffle(p, b); break;
  case IMM_LANE: zw_enc_u8(b, lane(p)); break;
  case IMM_MEMARG: case IMM_MEMARG_LANE: imm_memarg(p, b, info); break;
  case IMM_DATA: zw_enc_u32(b, zw_wat_index(p, SPACE_DATA)); p->uses_data = true; break;
  case IMM_ELEM: zw_enc_u32(b, zw_wat_index(p, SPACE_ELEM)); break;
  case IMM_DATA_MEMORY: imm_segment(p, b, SPACE_DATA, SPACE_MEMORY); p->uses_data = true; break;
  case IMM_ELEM_TABLE: imm_segment(p, b, SPACE_ELEM, SPACE_TABLE); break;
  case IMM_MEMORY2: imm_two_optional(p, b, SPACE_MEMORY); break;
  case IMM_TABLE2: imm_two_optional(p, b, SPACE_TABLE); break;
  case IMM_SELECT_T: imm_select(p, b); break;
  case IMM_HEAPTYPE: zw_enc_heap_type(b, zw_wat_heap_type(p)); break;
  case IMM_BR_CAST: imm_br_cast(p, b); break;
  case IMM_TYPE_FIELD: imm_field(p, b); break;
  case IMM_TYPE_N: zw_enc_u32(b, zw_wat_index(p, SPACE_TYPE)); zw_enc_u32(b, zw_wat_u32(p, "a number")); break;
  case IMM_TYPE_DATA: zw_enc_u32(b, zw_wat_index(p, SPACE_TYPE)); zw_enc_u32(b, zw_wat_index(p, SPACE_DATA)); p->uses_data = true; break;
  case IMM_TYPE_ELEM: zw_enc_u32(b, zw_wat_index(p, SPACE_TYPE)); zw_enc_u32(b, zw_wat_index(p, SPACE_ELEM)); break;
  case IMM_TYPE2: zw_enc_u32(b, zw_wat_index(p, SPACE_TYPE)); zw_enc_u32(b, zw_wat_index(p, SPACE_TYPE)); break;
  case IMM_TAG: zw_enc_u32(b, zw_wat_index(p, SPACE_TAG)); break;
  case IMM_FENCE: zw_enc_u8(b, 0); break;
  case IMM_BLOCK: case IMM_TRY_TABLE: case IMM_REFTYPE_CAST: case IMM_COUNT: BUG("handled by hand");
  }
}

// One instruction that opens nothing, opcode and immediates.
static void put_plain(WatParser *p, Bytes *b, Op op)
{
  if (op == OP_select && at_group(p, W_result))
    op = OP_select_t;
  if (zw_op_info[op].imm == IMM_REFTYPE_CAST) { // the text decides by the type which of the two it is
    ValType t = zw_wat_ref_type(p);
    bool test = op == OP_ref_test || op == OP_ref_test_null, null = zw_is_nullable(t);
    zw_enc_op(b, test ? null ? OP_ref_test_null : OP_ref_test : null ? OP_ref_cast_null : OP_ref_cast);
    zw_enc_heap_type(b, zw_heap_type(t));
    return;
  }
  zw_enc_op(b, op);
  put_imm(p, b, op);
}

// ---- flat ----
static bool opens_block(Op op) { return op == OP_block || op == OP_loop || op == OP_if || op == OP_try || op == OP_try_table; }

// The op of the word at token i; fails on a word that is none.
static Op read_op(WatParser *p)
{
  Str t = tok_text(p);
  Op op = zw_op_from_text(t.p, t.n);
  if (op == OP_COUNT || zw_op_info[op].kind == OPK_ZIR)
    zw_wat_unexpected(p, "an instruction");
  p->i++;
  return op;
}

static void check_hint(WatParser *p, uint8_t hint, Op op, uint32_t token)
{
  if (hint && op != OP_if && op != OP_br_if)
    zw_wat_fail(p->s, p->s->tok[token].pos, ERR_invalid, "@metadata.code.branch_hint annotation: invalid target");
  if (hint && p->func == WAT_NONE)
    zw_wat_error(p, token, "@metadata.code.branch_hint annotation: not in a function");
}

// label block_type catches, after the op: what all block-like forms share.  Encodes to b.
static uint32_t block_head(WatParser *p, Bytes *b, Op op, Str *annotated)
{
  uint32_t label = optional_label(p);
  *annotated = zw_wat_name_annotation(p);
  zw_enc_op(b, op);
  imm_block_type(p, b);
  if (op == OP_try_table)
    imm_catches(p, b);
  return label;
}

static void flat_block(WatParser *p, Op op, uint32_t pos, uint8_t hint)
{
  Str annotated;
  note_place(p, pos);
  note_hint(p, hint);
  uint32_t label = block_head(p, &p->code, op, &annotated);
  push_frame(p, FRAME_FLAT, op, pos);
  open_label(p, top(p), label, annotated);
}

static void flat_else(WatParser *p, uint32_t at)
{
  Frame *f = top(p);
  if (f->kind != FRAME_FLAT || f->op != OP_if || f->state) {
    p->i = at;
    zw_wat_unexpected(p, "an instruction that fits here");
  }
  f->state = 1;
  check_repeated_label(p, f);
  emit_op(p, OP_else, p->s->tok[at].pos);
}

static void flat_end(WatParser *p, uint32_t at)
{
  Frame f = *top(p);
  if (f.kind != FRAME_FLAT) {
    p->i = at;
    zw_wat_unexpected(p, "an instruction that fits here");
  }
  check_repeated_label(p, &f);
  emit_op(p, OP_end, p->s->tok[at].pos);
  close_label(p, &f);
  p->frames.n--;
}

// catch, catch_all, delegate of a flat try.  State: 1 after a catch, 2 after catch_all.
static void flat_catch(WatParser *p, Op op, uint32_t at)
{
  Frame *f = top(p);
  bool fits = f->kind == FRAME_FLAT && f->op == OP_try && (op == OP_delegate ? f->state == 0 : f->state < 2);
  if (!fits) {
    p->i = at;
    zw_wat_unexpected(p, "an instruction that fits here");
  }
  emit_op(p, op, p->s->tok[at].pos);
  if (op == OP_delegate) { // it ends the try; its label is counted from outside
    close_label(p, f);
    p->frames.n--;
  } else {
    f->state = op == OP_catch ? 1 : 2;
  }
  put_imm(p, &p->code, op);
}

static void flat_instr(WatParser *p)
{
  uint32_t at = p->i, pos = tok(p)->pos;
  uint8_t hint = p->s->nannot ? zw_wat_hint(p, at) : 0;
  Op op = read_op(p);
  check_hint(p, hint, op, at);
  if (opens_block(op)) {
    flat_block(p, op, pos, hint);
  } else if (op == OP_else) {
    flat_else(p, at);
  } else if (op == OP_end) {
    flat_end(p, at);
  } else if (op == OP_catch || op == OP_catch_all || op == OP_delegate) {
    flat_catch(p, op, at);
  } else {
    note_place(p, pos);
    note_hint(p, hint);
    put_plain(p, &p->code, op);
  }
}

// ---- folded ----
static void open_part(WatParser *p, Op op) // (then, (else, (do, (catch: their contents are a sequence
{
  push_frame(p, FRAME_PART, op, tok(p)->pos);
}

// "(" inside a folded if: a condition, (then or (else.
static bool folded_if_part(WatParser *p, Frame *f)
{
  uint32_t pos = p->s->tok[p->i + 1].pos;
  if (f->state == 0 && zw_wat_open(p, W_then)) {
    Str none = { NULL, 0 };
    emit_pending(p, f);
    f->state = 1;
    open_label(p, f, f->label_sym, none);
    open_part(p, OP_if);
    return true;
  }
  if (f->state == 1 && zw_wat_open(p, W_else)) {
    emit_op(p, OP_else, pos);
    f->state = 2;
    open_part(p, OP_else);
    return true;
  }
  if (f->state)
    zw_wat_unexpected(p, f->state == 1 ? "(else or \")\"" : "\")\"");
  return false;
}

static void folded_try_part(WatParser *p, Frame *f)
{
  uint32_t pos = p->s->tok[p->i + 1].pos;
  if (f->state == 0 && zw_wat_open(p, W_do)) {
    f->state = 1;
    open_part(p, OP_try);
  } else if (f->state == 1 && zw_wat_open(p, W_catch)) {
    emit_op(p, OP_catch, pos);
    put_imm(p, &p->code, OP_catch);
    f->op = OP_catch;
    open_part(p, OP_catch);
  } else if (f->state == 1 && zw_wat_open(p, W_catch_all)) {
    emit_op(p, OP_catch_all, pos);
    f->state = 2;
    open_part(p, OP_catch_all);
  } else if (f->state == 1 && f->op == OP_try && zw_wat_open(p, W_delegate)) {
    emit_op(p, OP_delegate, pos);
    close_label(p, f);
    put_imm(p, &p->code, OP_delegate);
    zw_wat_close(p);
    f->state = 3;
  } else {
    zw_wat_unexpected(p, f->state ? "(catch, (catch_all or \")\"" : "(do");
  }
}

// "(op": p->i is at the "(".
static void folded_instr(WatParser *p)
{
  uint32_t at = p->i, pos = tok(p)->pos;
  uint8_t hint = p->s->nannot ? zw_wat_hint(p, at) : 0;
  p->i++;
  if (!at_kind(p, TOK_WORD))
    zw_wat_unexpected(p, "an instruction");
  Op op = read_op(p);
  check_hint(p, hint, op, at);
  Str annotated;
  if (op == OP_if) {
    push_frame(p, FRAME_IF, op, pos);
    top(p)->hint = hint;
    top(p)->label_sym = block_head(p, &p->pend, op, &annotated);
  } else if (opens_block(op)) {
    note_place(p, pos);
    uint32_t label = block_head(p, &p->code, op, &annotated);
    push_frame(p, op == OP_try ? FRAME_TRY : FRAME_BLOCK, op, pos);
    open_label(p, top(p), label, annotated);
  } else if (op == OP_else || op == OP_end || op == OP_catch || op == OP_catch_all || op == OP_delegate) {
    p->i = at + 1;
    zw_wat_unexpected(p, "an instruction");
  } else {
    push_frame(p, FRAME_PLAIN, op, pos);
    top(p)->hint = hint;
    put_plain(p, &p->pend, op);
  }
}

// ")" of a folded frame.
static void close_folded(WatParser *p)
{
  Frame f = *top(p);
  uint32_t pos = tok(p)->pos;
  switch ((FrameKind)f.kind) {
  case FRAME_PLAIN:
    emit_pending(p, &f);
    break;
  case FRAME_BLOCK:
    emit_op(p, OP_end, pos);
    close_label(p, &f);
    break;
  case FRAME_IF:
    if (f.state == 0)
      zw_wat_unexpected(p, "(then");
    emit_op(p, OP_end, pos);
    close_label(p, &f);
    break;
  case FRAME_TRY:
    if (f.state == 0)
      zw_wat_unexpected(p, "(do");
    if (f.state != 3) {
      emit_op(p, OP_end, pos);
      close_label(p, &f);
    }
    break;
  case FRAME_PART: break;
  case FRAME_FLAT: zw_wat_unexpected(p, "\"end\"");
  case FRAME_BODY: case FRAME_ONE: BUG("not folded");
  }
  p->i++;
  p->frames.n--;
}

// ---- sequences ----
static void open_paren(WatParser *p)
{
  Frame *f = top(p);
  if (f->kind == FRAME_TRY)
    folded_try_part(p, f);
  else if (f->kind != FRAME_IF || !folded_if_part(p, f))
    folded_instr(p);
}

// Read instructions until the ")" that is not theirs (FRAME_BODY) or until one folded one is complete (FRAME_ONE).
static void sequence(WatParser *p, FrameKind kind)
{
  uint32_t base = p->frames.n;
  push_frame(p, kind, OP_nop, p->i < p->end ? tok(p)->pos : 0);
  for (;;) {
    Frame *f = top(p);
    bool at_base = p->frames.n == base + 1;
    if (at_base && kind == FRAME_ONE && f->state)
      break;
    if (at_kind(p, TOK_LPAR)) {
      if (at_base)
        f->state = 1;
      open_paren(p);
    } else if (at_kind(p, TOK_RPAR)) {
      if (at_base && kind == FRAME_BODY)
        break;
      if (at_base)
        zw_wat_unexpected(p, "an instruction");
      close_folded(p);
    } else if (at_kind(p, TOK_WORD) && f->kind != FRAME_PLAIN && f->kind != FRAME_IF && f->kind != FRAME_TRY && f->kind != FRAME_ONE) {
      flat_instr(p);
    } else {
      zw_wat_unexpected(p, "an instruction");
    }
  }
  p->frames.n = base;
}

static void const_sequence(WatParser *p, FrameKind kind, ConstExpr *out)
{
  size_t at = p->code.n;
  sequence(p, kind);
  emit_op(p, OP_end, p->i < p->end ? tok(p)->pos : 0);
  *out = (ConstExpr){ .at = at, .len = (uint32_t)(p->code.n - at) }; // bytes: set when the code stands
}

void zw_wat_expr(WatParser *p, ConstExpr *out) { const_sequence(p, FRAME_BODY, out); }
void zw_wat_folded_expr(WatParser *p, ConstExpr *out) { const_sequence(p, FRAME_ONE, out); }

void zw_wat_const_expr(WatParser *p, Op op, int64_t value, ConstExpr *out)
{
  size_t at = p->code.n;
  emit_op(p, op, p->i < p->end ? tok(p)->pos : 0);
  zw_enc_s64(&p->code, value);
  zw_enc_op(&p->code, OP_end);
  *out = (ConstExpr){ .at = at, .len = (uint32_t)(p->code.n - at) };
}

void zw_wat_body(WatParser *p)
{
  p->nlabels_seen = 0;
  sequence(p, FRAME_BODY);
  emit_op(p, OP_end, tok(p)->pos);
}
