// Functions as text: single instructions with their immediates, labels, locals, and the flat style.  spec: text-instr
#include "compiler/wasm/wat_print_int.h"
#include "runtime/base/bits.h"

static void put_float(Printer *p, uint64_t bits, unsigned width)
{
  char buf[FP_TEXT_MAX];
  if (p->o->hex_floats)
    zw_fp_print_hex(buf, bits, width);
  else
    zw_fp_print(buf, bits, width);
  zw_text_printf(p->out, " %s", buf);
}

static void put_label(Printer *p, uint32_t depth)
{
  uint32_t n = p->open.n;
  if (depth < n) {
    uint32_t ordinal = p->open.p[n - 1 - depth];
    if (ordinal < p->labels.n && p->labels.name[ordinal].n && p->labels.unique[ordinal]) {
      put(p, " ");
      zw_wat_put_id(p, p->labels.name[ordinal]);
      return;
    }
  }
  zw_text_printf(p->out, " %u", depth);
}

static void put_block_type(Printer *p, const uint8_t **at)
{
  uint8_t c = **at;
  if (c == 0x40) {
    ++*at;
  } else if ((c & 0xc0) == 0x40) { // a single byte with its sign bit: a value type
    put(p, " (result");
    zw_wat_put_val_type(p, zw_fast_valtype(at));
    put(p, ")");
  } else {
    zw_wat_put_type_use(p, (uint32_t)zw_fast_s64(at), NULL);
  }
}

static void put_catches(Printer *p, const uint8_t **at)
{
  static const char *const words[] = { "catch", "catch_ref", "catch_all", "catch_all_ref" };
  for (uint32_t n = zw_fast_u32(at); n; n--) {
    uint8_t kind = *(*at)++;
    zw_text_printf(p->out, " (%s", words[kind]);
    if (kind < CATCH_ALL)
      zw_wat_put_index(p, &p->ids[ID_TAG], zw_fast_u32(at));
    put_label(p, zw_fast_u32(at));
    put(p, ")");
  }
}

static void put_memarg(Printer *p, const uint8_t **at, uint32_t width)
{
  MemArg a = zw_fast_memarg(at);
  if (a.memory)
    zw_wat_put_index(p, &p->ids[ID_MEMORY], a.memory);
  if (a.offset)
    zw_text_printf(p->out, " offset=%llu", (unsigned long long)a.offset);
  if (1ull << a.align_log2 != width)
    zw_text_printf(p->out, " align=%llu", 1ull << a.align_log2);
}

static void put_optional(Printer *p, IdSpace space, uint32_t index)
{
  if (index)
    zw_wat_put_index(p, &p->ids[space], index);
}

static void put_two(Printer *p, IdSpace space, const uint8_t **at)
{
  uint32_t x = zw_fast_u32(at), y = zw_fast_u32(at);
  if (x || y) {
    zw_wat_put_index(p, &p->ids[space], x);
    zw_wat_put_index(p, &p->ids[space], y);
  }
}

static void put_segment(Printer *p, IdSpace segment, IdSpace space, const uint8_t **at)
{
  uint32_t seg = zw_fast_u32(at), x = zw_fast_u32(at);
  put_optional(p, space, x);
  zw_wat_put_index(p, &p->ids[segment], seg);
}

static void put_br_cast(Printer *p, const uint8_t **at)
{
  uint8_t flags = *(*at)++;
  put_label(p, zw_fast_u32(at));
  uint32_t from = zw_heap_from_s33(zw_fast_s64(at)), to = zw_heap_from_s33(zw_fast_s64(at));
  zw_wat_put_val_type(p, VT_REF | (flags & 1 ? VT_NULL : 0) | from);
  zw_wat_put_val_type(p, VT_REF | (flags & 2 ? VT_NULL : 0) | to);
}

// A field by its name where that is the only one of the struct.
static void put_field(Printer *p, uint32_t type, uint32_t index)
{
  const Names *n = &p->m->names;
  uint32_t lo = 0, hi = p->field_unique ? n->fields.n : 0;
  while (lo < hi) {
    uint32_t mid = lo + (hi - lo) / 2;
    if (n->field_type[mid] < type || (n->field_type[mid] == type && n->fields.index[mid] < index))
      lo = mid + 1;
    else
      hi = mid;
  }
  put(p, " ");
  if (lo < n->fields.n && p->field_unique && p->field_unique[lo] && n->field_type[lo] == type && n->fields.index[lo] == index)
    zw_wat_put_id(p, n->fields.name[lo]);
  else
    zw_text_printf(p->out, "%u", index);
}

static void put_v128(Printer *p, const uint8_t **at)
{
  put(p, " i32x4");
  for (int i = 0; i < 4; i++)
    zw_text_printf(p->out, " 0x%08x", zw_get32(*at + 4 * i));
  *at += 16;
}

static void put_imm(Printer *p, Op op, const uint8_t **at)
{
  const OpInfo *info = &zw_op_info[op];
  const Ids *type = &p->ids[ID_TYPE];
  uint32_t x;
  switch ((Imm)info->imm) {
  case IMM_NONE: break;
  case IMM_BLOCK: put_block_type(p, at); break;
  case IMM_LABEL: put_label(p, zw_fast_u32(at)); break;
  case IMM_BR_TABLE:
    for (uint64_t n = (uint64_t)zw_fast_u32(at) + 1; n; n--)
      put_label(p, zw_fast_u32(at));
    break;
  case IMM_FUNC: zw_wat_put_index(p, &p->ids[ID_FUNC], zw_fast_u32(at)); break;
  case IMM_CALL_INDIRECT:
    x = zw_fast_u32(at);
    put_optional(p, ID_TABLE, zw_fast_u32(at));
    put(p, " (type");
    zw_wat_put_index(p, type, x);
    put(p, ")");
    break;
  case IMM_TYPE: zw_wat_put_index(p, type, zw_fast_u32(at)); break;
  case IMM_LOCAL: zw_wat_put_index(p, &p->locals, zw_fast_u32(at)); break;
  case IMM_GLOBAL: zw_wat_put_index(p, &p->ids[ID_GLOBAL], zw_fast_u32(at)); break;
  case IMM_TABLE: put_optional(p, ID_TABLE, zw_fast_u32(at)); break;
  case IMM_MEMORY: put_optional(p, ID_MEMORY, zw_fast_u32(at)); break;
  case IMM_I32: zw_text_printf(p->out, " %d", zw_fast_s32(at)); break;
  case IMM_I64: zw_text_printf(p->out, " %lld", (long long)zw_fast_s64(at)); break;
  case IMM_F32: put_float(p, zw_get32(*at), 32); *at += 4; break;
  case IMM_F64: put_float(p, zw_get64(*at), 64); *at += 8; break;
  case IMM_V128: put_v128(p, at); break;
  case IMM_SHUFFLE:
    for (int i = 0; i < 16; i++)
      zw_text_printf(p->out, " %u", *(*at)++);
    break;
  case IMM_LANE: zw_text_printf(p->out, " %u", *(*at)++); break;
  case IMM_MEMARG: put_memarg(p, at, info->width); break;
  case IMM_MEMARG_LANE: put_memarg(p, at, info->width); zw_text_printf(p->out, " %u", *(*at)++); break;
  case IMM_DATA: zw_wat_put_index(p, &p->ids[ID_DATA], zw_fast_u32(at)); break;
  case IMM_ELEM: zw_wat_put_index(p, &p->ids[ID_ELEM], zw_fast_u32(at)); break;
  case IMM_DATA_MEMORY: put_segment(p, ID_DATA, ID_MEMORY, at); break;
  case IMM_ELEM_TABLE: put_segment(p, ID_ELEM, ID_TABLE, at); break;
  case IMM_MEMORY2: put_two(p, ID_MEMORY, at); break;
  case IMM_TABLE2: put_two(p, ID_TABLE, at); break;
  case IMM_SELECT_T:
    x = zw_fast_u32(at);
    put(p, x ? "" : " (result)");
    for (; x; x--) {
      put(p, " (result");
      zw_wat_put_val_type(p, zw_fast_valtype(at));
      put(p, ")");
    }
    break;
  case IMM_HEAPTYPE: zw_wat_put_heap_type(p, zw_heap_from_s33(zw_fast_s64(at))); break;
  case IMM_REFTYPE_CAST:
    x = zw_heap_from_s33(zw_fast_s64(at));
    zw_wat_put_val_type(p, VT_REF | (op == OP_ref_test_null || op == OP_ref_cast_null ? VT_NULL : 0) | x);
    break;
  case IMM_BR_CAST: put_br_cast(p, at); break;
  case IMM_TYPE_FIELD:
    x = zw_fast_u32(at);
    zw_wat_put_index(p, type, x);
    put_field(p, x, zw_fast_u32(at));
    break;
  case IMM_TYPE_N: zw_wat_put_index(p, type, zw_fast_u32(at)); zw_text_printf(p->out, " %u", zw_fast_u32(at)); break;
  case IMM_TYPE_DATA: zw_wat_put_index(p, type, zw_fast_u32(at)); zw_wat_put_index(p, &p->ids[ID_DATA], zw_fast_u32(at)); break;
  case IMM_TYPE_ELEM: zw_wat_put_index(p, type, zw_fast_u32(at)); zw_wat_put_index(p, &p->ids[ID_ELEM], zw_fast_u32(at)); break;
  case IMM_TYPE2: zw_wat_put_index(p, type, zw_fast_u32(at)); zw_wat_put_index(p, type, zw_fast_u32(at)); break;
  case IMM_TAG: zw_wat_put_index(p, &p->ids[ID_TAG], zw_fast_u32(at)); break;
  case IMM_TRY_TABLE:
    put_block_type(p, at);
    put_catches(p, at);
    break;
  case IMM_FENCE: ++*at; break;
  case IMM_COUNT: BUG("no such immediate");
  }
}

void zw_wat_put_op(Printer *p, Op op, const uint8_t **at)
{
  put(p, zw_op_info[op].text);
  put_imm(p, op, at);
}

// ---- labels and hints ----
void zw_wat_put_block_head(Printer *p, Op op, uint32_t ordinal, const uint8_t **at)
{
  put(p, zw_op_info[op].text);
  if (ordinal < p->labels.n && p->labels.name[ordinal].n) { // one inside another of the same name hides it, as in the text
    put(p, " ");
    zw_wat_put_id(p, p->labels.name[ordinal]);
  }
  put_imm(p, op, at);
}

void zw_wat_push_label(Printer *p, uint32_t ordinal) { *zw_push(p->scratch, &p->open) = ordinal; }

void zw_wat_pop_label(Printer *p) { p->open.n -= p->open.n != 0; }

void zw_wat_put_hint(Printer *p, const uint8_t *op_at, Op op)
{
  const Module *m = p->m;
  if (!p->body)
    return;
  uint32_t off = (uint32_t)(op_at - p->body);
  while (p->hint < m->nhints && (m->hints[p->hint].func < p->func || (m->hints[p->hint].func == p->func && m->hints[p->hint].off < off)))
    p->hint++;
  if (p->hint < m->nhints && m->hints[p->hint].func == p->func && m->hints[p->hint].off == off && (op == OP_if || op == OP_br_if))
    zw_text_printf(p->out, "(@metadata.code.branch_hint \"\\0%u\") ", m->hints[p->hint].likely);
}

// ---- flat ----
static bool opens(Op op) { return op == OP_block || op == OP_loop || op == OP_if || op == OP_try || op == OP_try_table; }

static void put_flat(Printer *p, const uint8_t *at, const uint8_t *end)
{
  end--; // the last `end` is the function's own
  while (at < end) {
    const uint8_t *op_at = at;
    Op op = zw_fast_op(&at, zw_op_one_byte);
    bool closes = op == OP_end || op == OP_else || op == OP_catch || op == OP_catch_all || op == OP_delegate;
    p->indent -= closes;
    if (op == OP_end || op == OP_delegate) // a delegate's label is counted from outside its try
      zw_wat_pop_label(p);
    zw_wat_newline(p);
    zw_wat_put_hint(p, op_at, op);
    if (opens(op)) {
      zw_wat_put_block_head(p, op, p->next_label, &at);
      zw_wat_push_label(p, p->next_label++);
      p->indent++;
    } else {
      zw_wat_put_op(p, op, &at);
      p->indent += closes && op != OP_end && op != OP_delegate;
    }
  }
}

// ---- functions ----
static uint32_t count_labels(const uint8_t *at, const uint8_t *end)
{
  uint32_t n = 0;
  while (at < end) {
    Op op = zw_fast_op(&at, zw_op_one_byte);
    zw_skip_imm(&at, op);
    n += opens(op);
  }
  return n;
}

// (local ..): runs of unnamed ones together.  Returns where the instructions start.
static const uint8_t *put_locals(Printer *p, const Func *f)
{
  const uint8_t *at = f->body;
  uint32_t index = p->m->types[f->type].func->nparams;
  bool open = false, any = false;
  for (uint32_t groups = zw_fast_u32(&at); groups; groups--) {
    uint32_t n = zw_fast_u32(&at);
    ValType t = zw_fast_valtype(&at);
    for (; n; n--, index++) {
      bool named = index < p->locals.n && p->locals.name[index].n;
      if (!any)
        zw_wat_newline(p);
      if (named || !open)
        put(p, !any ? "(local" : open ? ") (local" : " (local");
      if (named)
        zw_wat_put_def(p, &p->locals, index);
      zw_wat_put_val_type(p, t);
      open = !named, any = true;
      if (named)
        put(p, ")");
    }
  }
  put(p, open ? ")" : "");
  return at;
}

static void put_code(Printer *p, const uint8_t *at, const uint8_t *end)
{
  if (p->o->folded)
    zw_wat_print_folded(p, at, end);
  else
    put_flat(p, at, end);
}

void zw_wat_begin_func(Printer *p, uint32_t func)
{
  const Module *m = p->m;
  const Names *n = &m->names;
  const Func *f = &m->funcs[func];
  bool defined = f->import == UINT32_MAX;
  p->func = func, p->body = f->body;
  p->next_label = 0;
  memset(&p->open, 0, sizeof p->open);
  p->locals = zw_wat_ids_of_func(p, &n->locals, n->local_func, func, &p->local_name, n->locals.n ? (uint32_t)zw_count_locals(m, func, NULL) : 0);
  uint32_t labels = 0;
  if (n->labels.n && defined) {
    const uint8_t *at;
    zw_count_locals(m, func, &at);
    labels = count_labels(at, f->body + f->body_len);
  }
  p->labels = zw_wat_ids_of_func(p, &n->labels, n->label_func, func, &p->label_name, labels);
}

void zw_wat_end_func(Printer *p)
{
  p->func = UINT32_MAX, p->body = NULL;
  p->locals = p->labels = (Ids){ NULL, NULL, 0 };
  memset(&p->open, 0, sizeof p->open);
}

void zw_wat_put_func(Printer *p, uint32_t func)
{
  const Func *f = &p->m->funcs[func];
  ArenaMark mark = zw_arena_mark(p->scratch);
  zw_wat_begin_func(p, func);
  zw_wat_newline(p);
  put(p, "(func");
  zw_wat_put_def(p, &p->ids[ID_FUNC], func);
  zw_wat_put_type_use(p, f->type, &p->locals);
  p->indent++;
  const uint8_t *at = put_locals(p, f);
  put_code(p, at, f->body + f->body_len);
  p->indent--;
  put(p, ")");
  zw_wat_end_func(p);
  zw_arena_release(p->scratch, mark);
}
