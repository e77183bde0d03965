// The small parts of the text reader: tokens, numbers, names, annotations, types and type uses.
#include "compiler/wasm/wat_int.h"
#include "runtime/base/utf8.h"
#include <string.h>

// ---- errors ----
void zw_wat_error(const WatParser *p, uint32_t token, const char *fmt, ...)
{
  char text[300];
  va_list ap;
  va_start(ap, fmt);
  zw_vformat(text, sizeof text, fmt, ap);
  va_end(ap);
  zw_wat_fail(p->s, p->s->tok[token].pos, ERR_syntax, "%s", text);
}

static bool known_word(const WatTok *t, Str text)
{
  Op op;
  if (t->aux != W_NO_WORD)
    return true;
  op = zw_op_from_text(text.p, text.n);
  return op != OP_COUNT && zw_op_info[op].kind != OPK_ZIR;
}

void zw_wat_unexpected(const WatParser *p, const char *wanted)
{
  const WatTok *t = tok(p);
  Str text = tok_text(p);
  int shown = text.n > 60 ? 60 : (int)text.n;
  if (t->kind == TOK_ERROR)
    zw_wat_fail(p->s, t->pos, t->aux == LEX_TOO_LARGE ? ERR_limit : ERR_syntax, "%s", zw_wat_lex_error_text[t->aux]);
  if (t->kind == TOK_RESERVED || (t->kind == TOK_WORD && !known_word(t, text)))
    zw_wat_error(p, p->i, "unknown operator %.*s", shown, text.p);
  if (t->kind == TOK_EOF)
    zw_wat_error(p, p->i, "unexpected token: expected %s, found the end of the text", wanted);
  zw_wat_error(p, p->i, "unexpected token: expected %s, found %.*s", wanted, shown, text.p);
}

void zw_wat_expect(WatParser *p, WatTokKind k, const char *wanted)
{
  if (!at_kind(p, k))
    zw_wat_unexpected(p, wanted);
  p->i++;
}

bool zw_wat_open(WatParser *p, WatWord w)
{
  if (!at_group(p, w))
    return false;
  p->i += 2;
  return true;
}

void zw_wat_close(WatParser *p) { zw_wat_expect(p, TOK_RPAR, "\")\""); }

// ---- numbers and strings ----
FpStatus zw_wat_int(Str t, unsigned bits, uint64_t *out)
{
  bool negative = t.n && t.p[0] == '-';
  size_t skip = t.n && (t.p[0] == '-' || t.p[0] == '+');
  uint64_t v, top = 1ull << (bits - 1);
  FpStatus st = zw_int_parse(t.p + skip, t.n - skip, &v);
  if (st != FP_OK)
    return st;
  if (negative ? v > top : v > 2 * (top - 1) + 1)
    return FP_RANGE;
  *out = negative ? -v : v;
  return FP_OK;
}

uint64_t zw_wat_nat(WatParser *p, unsigned bits, const char *wanted)
{
  uint64_t v;
  if (!at_kind(p, TOK_NAT))
    zw_wat_unexpected(p, wanted);
  if (zw_wat_int(tok_text(p), bits, &v) != FP_OK)
    zw_wat_error(p, p->i, "i%u constant out of range", bits);
  p->i++;
  return v;
}

uint32_t zw_wat_u32(WatParser *p, const char *wanted) { return (uint32_t)zw_wat_nat(p, 32, wanted); }

Str zw_wat_name(WatParser *p)
{
  if (!at_kind(p, TOK_STRING))
    zw_wat_unexpected(p, "a string");
  uint8_t *buf = zw_arena_alloc(p->a, tok(p)->len, 1);
  size_t n = zw_wat_string(p->s, tok(p), buf);
  if (!zw_utf8_ok(buf, n))
    zw_wat_fail(p->s, tok(p)->pos, ERR_syntax, "malformed UTF-8 encoding");
  p->i++;
  return (Str){ (const char *)buf, n };
}

Str zw_wat_strings(const WatSource *s, Arena *a, uint32_t first, uint32_t *next)
{
  size_t room = 0;
  uint32_t i = first;
  for (; s->tok[i].kind == TOK_STRING; i++)
    room += s->tok[i].len;
  *next = i;
  uint8_t *buf = zw_arena_alloc(a, room + 1, 1);
  size_t n = 0;
  for (i = first; i < *next; i++)
    n += zw_wat_string(s, &s->tok[i], buf + n);
  return (Str){ (const char *)buf, n };
}

// ---- names ----
static const char *const space_words[SPACE_COUNT] = {
  "type", "function", "table", "memory", "global", "tag", "elem segment", "data segment", "local", "label", "field"
};
static const char *const space_short[SPACE_COUNT] = {
  "type", "func", "table", "memory", "global", "tag", "elem", "data", "local", "label", "field"
};

static NameKey name_key(Space space, uint32_t owner, uint32_t sym) { return (NameKey){ (uint32_t)space | owner << 4, sym }; }
static uint32_t name_slot(const NameTable *t, NameKey k)
{
  uint32_t h = (uint32_t)zw_hash_bytes(&k, sizeof k, 0) & t->mask;
  while (t->key[h].sym != WAT_NONE && (t->key[h].sym != k.sym || t->key[h].space_owner != k.space_owner))
    h = (h + 1) & t->mask;
  return h;
}

static void grow_names(WatParser *p)
{
  NameTable old = p->names, *t = &p->names;
  uint32_t slots = old.mask ? 2 * (old.mask + 1) : 64;
  t->key = zw_new_array(&p->ctx->scratch, NameKey, slots);
  t->value = zw_new_array(&p->ctx->scratch, uint32_t, slots);
  t->mask = slots - 1;
  for (uint32_t i = 0; i < slots; i++)
    t->key[i].sym = WAT_NONE;
  for (uint32_t i = 0; old.mask && i <= old.mask; i++)
    if (old.key[i].sym != WAT_NONE) {
      uint32_t h = name_slot(t, old.key[i]);
      t->key[h] = old.key[i], t->value[h] = old.value[i];
    }
}

uint32_t zw_wat_find(const WatParser *p, Space space, uint32_t owner, uint32_t sym)
{
  if (p->names.mask == 0)
    return WAT_NONE;
  uint32_t h = name_slot(&p->names, name_key(space, owner, sym));
  return p->names.key[h].sym == WAT_NONE ? WAT_NONE : p->names.value[h];
}

void zw_wat_set(WatParser *p, Space space, uint32_t owner, uint32_t sym, uint32_t value)
{
  if (2 * p->names.n >= p->names.mask)
    grow_names(p);
  NameKey k = name_key(space, owner, sym);
  uint32_t h = name_slot(&p->names, k);
  p->names.n += p->names.key[h].sym == WAT_NONE;
  p->names.key[h] = k, p->names.value[h] = value;
}

void zw_wat_bind(WatParser *p, Space space, uint32_t owner, uint32_t sym, uint32_t value, uint32_t token)
{
  if (zw_wat_find(p, space, owner, sym) != WAT_NONE)
    zw_wat_error(p, token, "duplicate %s $%.*s", space_short[space], (int)p->s->sym[sym].n, p->s->sym[sym].p);
  zw_wat_set(p, space, owner, sym, value);
}

bool zw_wat_at_index(const WatParser *p) { return at_kind(p, TOK_NAT) || at_kind(p, TOK_ID); }

uint32_t zw_wat_owned_index(WatParser *p, Space space, uint32_t owner)
{
  if (at_kind(p, TOK_ID)) {
    uint32_t v = zw_wat_find(p, space, owner, tok(p)->aux);
    if (v == WAT_NONE)
      zw_wat_error(p, p->i, "unknown %s %.*s", space_words[space], (int)tok(p)->len, p->s->text.p + tok(p)->pos);
    p->i++;
    return v;
  }
  if (!at_kind(p, TOK_NAT))
    zw_wat_unexpected(p, "an index or a name");
  return zw_wat_u32(p, "an index");
}

uint32_t zw_wat_index(WatParser *p, Space space) { return zw_wat_owned_index(p, space, 0); }

void zw_wat_record_name(WatParser *p, Space space, uint32_t outer, uint32_t index, Str name)
{
  if (name.n)
    *zw_push(&p->ctx->scratch, &p->name[space]) = (NameEntry){ outer, index, name };
}

Str zw_wat_id_and_name(WatParser *p, uint32_t *sym)
{
  Str name = { NULL, 0 };
  *sym = WAT_NONE;
  if (at_kind(p, TOK_ID)) {
    *sym = tok(p)->aux;
    name = p->s->sym[*sym], p->i++;
  }
  Str other = zw_wat_name_annotation(p);
  return other.n ? other : name;
}

void zw_wat_skip_id(WatParser *p, Space space, uint32_t outer, uint32_t index)
{
  uint32_t sym;
  zw_wat_record_name(p, space, outer, index, zw_wat_id_and_name(p, &sym));
}

// ---- annotations ----
// The first annotation that stands before token i or later.
static uint32_t annotation_at(const WatSource *s, uint32_t i)
{
  uint32_t lo = 0, hi = s->nannot;
  while (lo < hi) {
    uint32_t mid = lo + (hi - lo) / 2;
    if (s->annot[mid].before < i)
      lo = mid + 1;
    else
      hi = mid;
  }
  return lo;
}

static _Noreturn void annotation_error(const WatParser *p, const WatAnnot *n, const char *text)
{
  zw_wat_fail(p->s, n->pos, ERR_syntax, "%s", text);
}

static bool annotation_string(WatParser *p, const WatTok *t, Str *out)
{
  uint8_t *buf = zw_arena_alloc(p->a, t->len, 1);
  *out = (Str){ (const char *)buf, zw_wat_string(p->s, t, buf) };
  return zw_utf8_ok(buf, out->n);
}

Str zw_wat_name_annotation(WatParser *p)
{
  Str name = { NULL, 0 };
  WatSource *s = p->s;
  bool seen = false;
  for (uint32_t k = s->nannot ? annotation_at(s, p->i) : 0; k < s->nannot && s->annot[k].before == p->i; k++) {
    WatAnnot *n = &s->annot[k];
    if (n->kind != ANNOT_NAME || n->used)
      continue;
    if (seen)
      annotation_error(p, n, p->func == WAT_NONE ? "@name annotation: multiple module names" : "@name annotation: multiple names");
    if (n->n != 1 || s->atok[n->first].kind != TOK_STRING)
      annotation_error(p, n, "@name annotation: unexpected token");
    if (!annotation_string(p, &s->atok[n->first], &name))
      annotation_error(p, n, "@name annotation: malformed UTF-8 encoding");
    n->used = seen = true;
  }
  return name;
}

static bool section_word(WatWord w, uint8_t *id)
{
  switch ((int)w) {
  case W_type: *id = SEC_TYPE; return true;
  case W_import: *id = SEC_IMPORT; return true;
  case W_func: *id = SEC_FUNC; return true;
  case W_table: *id = SEC_TABLE; return true;
  case W_memory: *id = SEC_MEMORY; return true;
  case W_tag: *id = SEC_TAG; return true;
  case W_global: *id = SEC_GLOBAL; return true;
  case W_export: *id = SEC_EXPORT; return true;
  case W_start: *id = SEC_START; return true;
  case W_elem: *id = SEC_ELEM; return true;
  case W_code: *id = SEC_CODE; return true;
  case W_data: *id = SEC_DATA; return true;
  case W_datacount: *id = SEC_DATA_COUNT; return true;
  case W_first: *id = SEC_CUSTOM; return true;
  case W_last: *id = SEC_DATA; return true;
  default: return false;
  }
}

static uint8_t section_before(uint8_t id)
{
  uint8_t best = SEC_CUSTOM;
  for (uint8_t s = 1; s < SEC_COUNT; s++)
    if (zw_section_rank[s] < zw_section_rank[id] && zw_section_rank[s] > zw_section_rank[best])
      best = s;
  return best;
}

// (before SECTION) or (after SECTION), tokens t[0..4).  Returns the section to follow.
static uint8_t custom_place(const WatParser *p, const WatAnnot *n, const WatTok *t, uint32_t left)
{
  bool before = left > 1 && t[1].kind == TOK_WORD && t[1].aux == W_before;
  bool after = left > 1 && t[1].kind == TOK_WORD && t[1].aux == W_after;
  uint8_t id = SEC_DATA;
  if (!before && !after)
    annotation_error(p, n, "@custom annotation: malformed placement");
  if (left < 3 || t[2].kind != TOK_WORD || !section_word((WatWord)t[2].aux, &id) || (t[2].aux == W_first && after) ||
      (t[2].aux == W_last && before))
    annotation_error(p, n, "@custom annotation: malformed section kind");
  if (left < 4 || t[3].kind != TOK_RPAR)
    annotation_error(p, n, "@custom annotation: unexpected token");
  return before && id != SEC_CUSTOM ? section_before(id) : id;
}

static void custom_annotation(WatParser *p, WatAnnot *n)
{
  const WatTok *t = p->s->atok + n->first, *end = t + n->n;
  Custom c = { .after = SEC_DATA };
  n->used = true;
  if (t == end || t->kind != TOK_STRING)
    annotation_error(p, n, "@custom annotation: missing section name");
  if (!annotation_string(p, t++, &c.name))
    annotation_error(p, n, "@custom annotation: malformed UTF-8 encoding");
  if (t < end && t->kind == TOK_LPAR) {
    c.after = custom_place(p, n, t, (uint32_t)(end - t));
    t += 4;
  }
  size_t room = 1;
  for (const WatTok *q = t; q < end; q++) {
    if (q->kind != TOK_STRING)
      annotation_error(p, n, "@custom annotation: unexpected token");
    room += q->len;
  }
  uint8_t *buf = zw_arena_alloc(p->a, room, 1);
  c.bytes = buf;
  for (; t < end; t++)
    c.len += zw_wat_string(p->s, t, buf + c.len);
  *zw_push(p->a, &p->customs) = c;
}

void zw_wat_custom_annotations(WatParser *p)
{
  WatSource *s = p->s;
  for (uint32_t k = s->nannot ? annotation_at(s, p->i) : 0; k < s->nannot && s->annot[k].before == p->i; k++)
    if (s->annot[k].kind == ANNOT_CUSTOM)
      custom_annotation(p, &s->annot[k]);
}

uint8_t zw_wat_hint(WatParser *p, uint32_t token)
{
  uint8_t hint = 0;
  WatSource *s = p->s;
  for (uint32_t k = s->nannot ? annotation_at(s, token) : 0; k < s->nannot && s->annot[k].before == token; k++) {
    WatAnnot *n = &s->annot[k];
    if (n->kind != ANNOT_BRANCH_HINT)
      continue;
    uint8_t byte = 2;
    if (hint)
      annotation_error(p, n, "@metadata.code.branch_hint annotation: duplicate annotation");
    if (n->n == 1 && s->atok[n->first].kind == TOK_STRING && s->atok[n->first].len <= 8) {
      uint8_t buf[8];
      byte = zw_wat_string(s, &s->atok[n->first], buf) == 1 ? buf[0] : 2;
    }
    if (byte > 1)
      annotation_error(p, n, "@metadata.code.branch_hint annotation: expected \"\\00\" or \"\\01\"");
    n->used = true;
    hint = (uint8_t)(byte + 1);
  }
  return hint;
}

void zw_wat_reset_annotations(WatParser *p, uint32_t first)
{
  for (uint32_t k = annotation_at(p->s, first); k < p->s->nannot && p->s->annot[k].before <= p->end; k++)
    p->s->annot[k].used = false;
}

void zw_wat_leftover_annotations(const WatParser *p, uint32_t first)
{
  for (uint32_t k = annotation_at(p->s, first); k < p->s->nannot && p->s->annot[k].before <= p->end; k++) {
    const WatAnnot *n = &p->s->annot[k];
    if (n->used)
      continue;
    switch ((WatAnnotKind)n->kind) {
    case ANNOT_CUSTOM: annotation_error(p, n, "misplaced @custom annotation");
    case ANNOT_NAME: annotation_error(p, n, "misplaced @name annotation");
    case ANNOT_BRANCH_HINT: annotation_error(p, n, "@metadata.code.branch_hint annotation: not in a function, before an instruction");
    }
  }
}

// ---- types ----
static bool abstract_heap(WatWord w, uint32_t *heap)
{
  switch ((int)w) {
  case W_func: *heap = HEAP_FUNC; return true;
  case W_nofunc: *heap = HEAP_NOFUNC; return true;
  case W_extern: *heap = HEAP_EXTERN; return true;
  case W_noextern: *heap = HEAP_NOEXTERN; return true;
  case W_any: *heap = HEAP_ANY; return true;
  case W_eq: *heap = HEAP_EQ; return true;
  case W_i31: *heap = HEAP_I31; return true;
  case W_struct: *heap = HEAP_STRUCT; return true;
  case W_array: *heap = HEAP_ARRAY; return true;
  case W_none: *heap = HEAP_NONE; return true;
  case W_exn: *heap = HEAP_EXN; return true;
  case W_noexn: *heap = HEAP_NOEXN; return true;
  default: return false;
  }
}

static bool short_ref(WatWord w, ValType *t)
{
  uint32_t heap;
  switch ((int)w) {
  case W_anyref: heap = HEAP_ANY; break;
  case W_eqref: heap = HEAP_EQ; break;
  case W_i31ref: heap = HEAP_I31; break;
  case W_structref: heap = HEAP_STRUCT; break;
  case W_arrayref: heap = HEAP_ARRAY; break;
  case W_nullref: heap = HEAP_NONE; break;
  case W_funcref: heap = HEAP_FUNC; break;
  case W_nullfuncref: heap = HEAP_NOFUNC; break;
  case W_externref: heap = HEAP_EXTERN; break;
  case W_nullexternref: heap = HEAP_NOEXTERN; break;
  case W_exnref: heap = HEAP_EXN; break;
  case W_nullexnref: heap = HEAP_NOEXN; break;
  default: return false;
  }
  *t = VT_REF | VT_NULL | heap;
  return true;
}

uint32_t zw_wat_heap_type(WatParser *p)
{
  uint32_t heap;
  if (at_kind(p, TOK_WORD) && abstract_heap((WatWord)tok(p)->aux, &heap)) {
    p->i++;
    return heap;
  }
  if (!zw_wat_at_index(p))
    zw_wat_unexpected(p, "a heap type");
  uint32_t at = p->i, v = zw_wat_index(p, SPACE_TYPE);
  if (v >= HEAP_ABSTRACT) // no room for it in a ValType, and no module has so many
    zw_wat_fail(p->s, p->s->tok[at].pos, ERR_invalid, "unknown type %u", v);
  return v;
}

bool zw_wat_at_ref_type(const WatParser *p)
{
  ValType t;
  return at_group(p, W_ref) || (at_kind(p, TOK_WORD) && short_ref((WatWord)tok(p)->aux, &t));
}

ValType zw_wat_ref_type(WatParser *p)
{
  ValType t;
  if (at_kind(p, TOK_WORD) && short_ref((WatWord)tok(p)->aux, &t)) {
    p->i++;
    return t;
  }
  if (!zw_wat_open(p, W_ref))
    zw_wat_unexpected(p, "a reference type");
  t = VT_REF;
  if (at_word(p, W_null))
    t |= VT_NULL, p->i++;
  t |= zw_wat_heap_type(p);
  zw_wat_close(p);
  return t;
}

ValType zw_wat_val_type(WatParser *p)
{
  if (at_kind(p, TOK_WORD))
    switch ((int)tok(p)->aux) {
    case W_i32: p->i++; return VT_I32;
    case W_i64: p->i++; return VT_I64;
    case W_f32: p->i++; return VT_F32;
    case W_f64: p->i++; return VT_F64;
    case W_v128: p->i++; return VT_V128;
    default: break;
    }
  if (!zw_wat_at_ref_type(p))
    zw_wat_unexpected(p, "a value type");
  return zw_wat_ref_type(p);
}

static FieldType field_type(WatParser *p)
{
  FieldType f = { .mutable_ = zw_wat_open(p, W_mut) };
  if (at_word(p, W_i8))
    f.type = VT_I8, p->i++;
  else if (at_word(p, W_i16))
    f.type = VT_I16, p->i++;
  else
    f.type = zw_wat_val_type(p);
  if (f.mutable_)
    zw_wat_close(p);
  return f;
}

// ---- type definitions ----
// (param ..)* (result ..)*; named: params may have names (bound by whoever wants them).
static void params_and_results(WatParser *p, bool named)
{
  Arena *a = &p->ctx->scratch;
  p->params.n = p->results.n = p->param_syms.n = p->param_names.n = 0;
  while (zw_wat_open(p, W_param)) {
    uint32_t sym = WAT_NONE;
    Str name = { NULL, 0 };
    if (named)
      name = zw_wat_id_and_name(p, &sym);
    bool one = sym != WAT_NONE || name.n;
    while (one || !at_kind(p, TOK_RPAR)) {
      *zw_push(a, &p->params) = zw_wat_val_type(p);
      *zw_push(a, &p->param_syms) = sym;
      *zw_push(a, &p->param_names) = name;
      if (one)
        break;
    }
    zw_wat_close(p);
  }
  while (zw_wat_open(p, W_result)) {
    while (!at_kind(p, TOK_RPAR))
      *zw_push(a, &p->results) = zw_wat_val_type(p);
    zw_wat_close(p);
  }
}

static const ValType *keep_types(WatParser *p, const ValType *t, uint32_t n)
{
  ValType *out = zw_new_array(p->a, ValType, n);
  if (n)
    memcpy(out, t, n * sizeof *t);
  return out;
}

static const FuncType *keep_func_type(WatParser *p)
{
  FuncType *t = zw_new(p->a, FuncType);
  *t = (FuncType){ p->params.n, p->results.n, keep_types(p, p->params.p, p->params.n), keep_types(p, p->results.p, p->results.n) };
  return t;
}

static void struct_fields(WatParser *p, TypeDef *t, uint32_t type)
{
  VEC(FieldType) f = { 0 };
  while (zw_wat_open(p, W_field)) {
    uint32_t sym, at = p->i;
    Str name = zw_wat_id_and_name(p, &sym);
    if (sym != WAT_NONE)
      zw_wat_bind(p, SPACE_FIELD, type, sym, f.n, at);
    zw_wat_record_name(p, SPACE_FIELD, type, f.n, name);
    if (sym != WAT_NONE || name.n) {
      *zw_push(p->a, &f) = field_type(p);
    } else {
      while (!at_kind(p, TOK_RPAR))
        *zw_push(p->a, &f) = field_type(p);
    }
    zw_wat_close(p);
  }
  if (f.n > LIMIT_STRUCT_FIELDS)
    zw_wat_fail(p->s, tok(p)->pos, ERR_limit, "%u fields; at most %d are allowed", f.n, LIMIT_STRUCT_FIELDS);
  t->fields = f.p, t->nfields = f.n;
}

static void comp_type(WatParser *p, TypeDef *t, uint32_t type)
{
  if (zw_wat_open(p, W_func)) {
    t->kind = COMP_FUNC;
    params_and_results(p, true);
    t->func = keep_func_type(p);
  } else if (zw_wat_open(p, W_struct)) {
    t->kind = COMP_STRUCT;
    struct_fields(p, t, type);
  } else if (zw_wat_open(p, W_array)) {
    t->kind = COMP_ARRAY;
    FieldType *f = zw_new(p->a, FieldType);
    *f = field_type(p);
    t->fields = f, t->nfields = 1;
  } else {
    if (at_kind(p, TOK_LPAR))
      p->i++;
    zw_wat_unexpected(p, "a type: func, struct, array or sub");
  }
  zw_wat_close(p);
}

void zw_wat_type_field(WatParser *p)
{
  uint32_t index = p->types.n, at = p->i;
  TypeDef t = { .final = true, .super = UINT32_MAX, .starts_group = true };
  *zw_push(p->a, &p->pos[SEC_TYPE]) = tok(p)->pos;
  zw_wat_skip_id(p, SPACE_TYPE, 0, index);
  if (zw_wat_open(p, W_sub)) {
    t.final = at_word(p, W_final);
    p->i += t.final;
    if (zw_wat_at_index(p))
      t.super = zw_wat_index(p, SPACE_TYPE);
    if (zw_wat_at_index(p))
      zw_wat_fail(p->s, tok(p)->pos, ERR_invalid, "sub type with more than one supertype");
    comp_type(p, &t, index);
    zw_wat_close(p);
  } else {
    comp_type(p, &t, index);
  }
  zw_wat_close(p);
  *zw_push(p->a, &p->types) = t;
  if (p->types.n >= LIMIT_TYPES)
    zw_wat_fail(p->s, p->s->tok[at].pos, ERR_limit, "more than %d types", LIMIT_TYPES);
}

void zw_wat_rec_field(WatParser *p)
{
  uint32_t first = p->types.n;
  while (zw_wat_open(p, W_type))
    zw_wat_type_field(p);
  zw_wat_close(p);
  for (uint32_t i = first + 1; i < p->types.n; i++)
    p->types.p[i].starts_group = false;
}

// ---- type uses ----
static uint32_t hash_sig(const ValType *params, uint32_t nparams, const ValType *results, uint32_t nresults)
{
  uint64_t h = zw_hash_bytes(params, nparams * sizeof *params, nparams);
  return (uint32_t)zw_hash_bytes(results, nresults * sizeof *results, h);
}

static bool sig_is(const FuncType *f, const ValType *params, uint32_t nparams, const ValType *results, uint32_t nresults)
{
  return f->nparams == nparams && f->nresults == nresults && (!nparams || memcmp(f->params, params, nparams * sizeof *params) == 0) &&
         (!nresults || memcmp(f->results, results, nresults * sizeof *results) == 0);
}

static uint32_t *sig_slot(WatParser *p, const ValType *params, uint32_t nparams, const ValType *results, uint32_t nresults)
{
  uint32_t h = hash_sig(params, nparams, results, nresults) & p->sig_mask;
  for (; p->sig_slots[h]; h = (h + 1) & p->sig_mask)
    if (sig_is(p->types.p[p->sig_slots[h] - 1].func, params, nparams, results, nresults))
      break;
  return &p->sig_slots[h];
}

static void add_sig(WatParser *p, uint32_t type)
{
  const FuncType *f = p->types.p[type].func;
  uint32_t *slot = sig_slot(p, f->params, f->nparams, f->results, f->nresults);
  if (*slot == 0) // the smallest index stays
    *slot = type + 1, p->nsigs++;
}

// The type a type use without an index means: defined alone, final, without a supertype.  spec: text-typeuse
static bool plain_func_type(const WatParser *p, uint32_t index)
{
  const TypeDef *t = &p->types.p[index];
  return t->kind == COMP_FUNC && t->final && t->super == UINT32_MAX && t->starts_group &&
         zw_rec_group_end(p->types.p, p->types.n, index) == index + 1;
}

void zw_wat_index_types(WatParser *p)
{
  uint32_t slots = 64;
  while (slots < 2 * p->types.n)
    slots *= 2;
  p->sig_slots = zw_new_array(&p->ctx->scratch, uint32_t, slots);
  p->sig_mask = slots - 1, p->nsigs = 0;
  for (uint32_t i = 0; i < p->types.n; i++)
    if (plain_func_type(p, i))
      add_sig(p, i);
}

static uint32_t find_or_add_type(WatParser *p)
{
  uint32_t *slot = sig_slot(p, p->params.p, p->params.n, p->results.p, p->results.n);
  if (*slot)
    return *slot - 1;
  uint32_t index = p->types.n;
  *zw_push(p->a, &p->types) = (TypeDef){ .kind = COMP_FUNC, .final = true, .super = UINT32_MAX, .starts_group = true,
                                         .func = keep_func_type(p) };
  *zw_push(p->a, &p->pos[SEC_TYPE]) = tok(p)->pos;
  *slot = index + 1;
  if (2 * ++p->nsigs > p->sig_mask)
    zw_wat_index_types(p);
  return index;
}

uint32_t zw_wat_type_use(WatParser *p, bool named_params, bool *short_form)
{
  uint32_t at = p->i, type = 0;
  bool given = zw_wat_open(p, W_type);
  if (given) {
    type = zw_wat_index(p, SPACE_TYPE);
    zw_wat_close(p);
  }
  uint32_t inline_at = p->i;
  params_and_results(p, named_params);
  if (short_form)
    *short_form = !given && p->params.n == 0 && p->results.n <= 1;
  if (!given)
    return short_form && *short_form ? WAT_NONE : find_or_add_type(p);
  if (p->i == inline_at) // a bad index is left to validation
    return type;
  if (type >= p->types.n || p->types.p[type].kind != COMP_FUNC)
    zw_wat_error(p, at, "unknown type %u", type);
  if (!sig_is(p->types.p[type].func, p->params.p, p->params.n, p->results.p, p->results.n)) {
    if (at_group(p, W_param) || at_group(p, W_type)) // out of order: that is the error
      zw_wat_unexpected(p, "(result or an instruction");
    zw_wat_error(p, inline_at, "inline function type: differs from type %u", type);
  }
  return type;
}
