// The second walk over a module's fields: their contents, into the vectors of the parser.  Types come before everything
// else, because type uses look for them and append to them.  spec: text-module
#include "compiler/wasm/wat_int.h"
#include "runtime/base/bits.h"

// ---- definitions ----
typedef struct Head { uint32_t index; bool imported; Str module, name; } Head; // what all five kinds begin with

static void export_def(WatParser *p, ExternKind kind, uint32_t index, Str name)
{
  *zw_push(p->a, &p->exports) = (Export){ .name = name, .kind = (uint8_t)kind, .index = index };
}

static uint32_t import_def(WatParser *p, ExternKind kind, uint32_t index, Str module, Str name)
{
  *zw_push(p->a, &p->imports) = (Import){ module, name, (uint8_t)kind, index, 0 };
  return p->imports.n - 1;
}

static Space kind_space(ExternKind k)
{
  switch (k) {
  case EXT_FUNC: return SPACE_FUNC;
  case EXT_TABLE: return SPACE_TABLE;
  case EXT_MEMORY: return SPACE_MEMORY;
  case EXT_GLOBAL: return SPACE_GLOBAL;
  case EXT_TAG: return SPACE_TAG;
  }
  BUG("no such kind");
}

static uint8_t kind_section(ExternKind k)
{
  switch (k) {
  case EXT_FUNC: return SEC_FUNC;
  case EXT_TABLE: return SEC_TABLE;
  case EXT_MEMORY: return SEC_MEMORY;
  case EXT_GLOBAL: return SEC_GLOBAL;
  case EXT_TAG: return SEC_TAG;
  }
  BUG("no such kind");
}

// $id? (export "n")* (import "m" "n")?, after the kind's word.
static Head def_head(WatParser *p, ExternKind kind)
{
  Space space = kind_space(kind);
  Head h = { .index = p->next[space]++ };
  uint32_t pos = p->s->tok[p->i - 2].pos;
  *zw_push(p->a, &p->pos[kind_section(kind)]) = pos;
  zw_wat_skip_id(p, space, 0, h.index);
  while (zw_wat_open(p, W_export)) {
    *zw_push(p->a, &p->pos[SEC_EXPORT]) = tok(p)->pos;
    export_def(p, kind, h.index, zw_wat_name(p));
    zw_wat_close(p);
  }
  if (zw_wat_open(p, W_import)) {
    h.imported = true;
    h.module = zw_wat_name(p);
    h.name = zw_wat_name(p);
    zw_wat_close(p);
    *zw_push(p->a, &p->pos[SEC_IMPORT]) = pos;
  }
  return h;
}

static uint32_t head_import(WatParser *p, const Head *h, ExternKind kind)
{
  return h->imported ? import_def(p, kind, h->index, h->module, h->name) : UINT32_MAX;
}

// i32 or i64 before limits; true for i64.
static bool address_type(WatParser *p)
{
  bool is64 = at_word(p, W_i64);
  if (is64 || at_word(p, W_i32))
    p->i++;
  return is64;
}

static void read_limits(WatParser *p, Limits *l)
{
  l->min = zw_wat_nat(p, 64, "a number: the minimum size");
  l->has_max = at_kind(p, TOK_NAT);
  if (l->has_max)
    l->max = zw_wat_nat(p, 64, "a number: the maximum size");
}

static bool page_size(WatParser *p, Limits *l)
{
  if (!zw_wat_open(p, W_pagesize))
    return false;
  uint32_t at = p->i;
  uint64_t n = zw_wat_nat(p, 32, "a number: the page size");
  if (n == 0 || (n & (n - 1)))
    zw_wat_error(p, at, "invalid custom page size %llu: not a power of two", (unsigned long long)n);
  l->page_log2 = (uint8_t)zw_ctz64(n);
  zw_wat_close(p);
  return true;
}

static void memory_type(WatParser *p, Limits *l)
{
  l->is64 = address_type(p);
  read_limits(p, l);
  if (at_word(p, W_shared))
    l->shared = true, p->i++;
  page_size(p, l);
}

static void table_limits(WatParser *p, TableType *t)
{
  t->limits.is64 = address_type(p);
  read_limits(p, &t->limits);
  if (at_word(p, W_shared))
    t->limits.shared = true, p->i++;
}

static GlobalType global_type(WatParser *p)
{
  GlobalType g = { .mutable_ = zw_wat_open(p, W_mut) };
  g.type = zw_wat_val_type(p);
  if (g.mutable_)
    zw_wat_close(p);
  return g;
}

// ---- functions ----
// Names of params stand with the params; those of locals in (local ..).  Both get their indices here.
static void bind_params(WatParser *p, uint32_t func, uint32_t type, uint32_t token)
{
  for (uint32_t i = 0; i < p->param_syms.n; i++) {
    if (p->param_syms.p[i] != WAT_NONE)
      zw_wat_bind(p, SPACE_LOCAL, func, p->param_syms.p[i], i, token);
    zw_wat_record_name(p, SPACE_LOCAL, func, i, p->param_names.p[i]);
  }
  bool known = type < p->types.n && p->types.p[type].kind == COMP_FUNC;
  p->nlocals = p->params.n ? p->params.n : known ? p->types.p[type].func->nparams : 0;
}

static void read_locals(WatParser *p, uint32_t func)
{
  Arena *a = &p->ctx->scratch;
  p->locals.n = 0;
  while (zw_wat_open(p, W_local)) {
    uint32_t sym, at = p->i;
    Str name = zw_wat_id_and_name(p, &sym);
    if (sym != WAT_NONE)
      zw_wat_bind(p, SPACE_LOCAL, func, sym, p->nlocals, at);
    zw_wat_record_name(p, SPACE_LOCAL, func, p->nlocals, name);
    if (sym != WAT_NONE || name.n) {
      *zw_push(a, &p->locals) = zw_wat_val_type(p);
      p->nlocals++;
    } else {
      while (!at_kind(p, TOK_RPAR)) {
        *zw_push(a, &p->locals) = zw_wat_val_type(p);
        p->nlocals++;
      }
    }
    zw_wat_close(p);
  }
}

static void put_locals(WatParser *p)
{
  uint32_t groups = 0;
  for (uint32_t i = 0; i < p->locals.n; i++)
    groups += i == 0 || p->locals.p[i] != p->locals.p[i - 1];
  zw_enc_u32(&p->code, groups);
  for (uint32_t i = 0, j; i < p->locals.n; i = j) {
    for (j = i; j < p->locals.n && p->locals.p[j] == p->locals.p[i];)
      j++;
    zw_enc_u32(&p->code, j - i);
    zw_enc_val_type(&p->code, p->locals.p[i]);
  }
}

static void func_field(WatParser *p)
{
  Head h = def_head(p, EXT_FUNC);
  uint32_t at = p->i;
  Func f = { .type = zw_wat_type_use(p, true, NULL), .import = head_import(p, &h, EXT_FUNC) };
  bind_params(p, h.index, f.type, at);
  if (!h.imported) {
    p->func = h.index;
    read_locals(p, h.index);
    p->body_at = p->code.n;
    *zw_push(&p->ctx->module, &p->marks) = (WatMark){ (uint32_t)p->code.n, p->s->tok[at].pos };
    put_locals(p);
    zw_wat_body(p);
    f.at = p->body_at;
    f.body_len = (uint32_t)(p->code.n - p->body_at);
    p->func = WAT_NONE;
  }
  zw_wat_close(p);
  *zw_push(p->a, &p->funcs) = f;
}

// ---- element segments ----
// func? x*: indices
static void elem_indices(WatParser *p, Elem *e)
{
  VEC(uint32_t) v = { 0 };
  while (zw_wat_at_index(p))
    *zw_push(p->a, &v) = zw_wat_index(p, SPACE_FUNC);
  e->funcs = v.p, e->count = v.n;
}

// (item ..) or a folded instruction, each
static void elem_exprs(WatParser *p, Elem *e)
{
  VEC(ConstExpr) v = { 0 };
  while (at_kind(p, TOK_LPAR)) {
    ConstExpr x;
    if (zw_wat_open(p, W_item)) {
      zw_wat_expr(p, &x);
      zw_wat_close(p);
    } else {
      zw_wat_folded_expr(p, &x);
    }
    *zw_push(p->a, &v) = x;
  }
  e->exprs = v.p, e->count = v.n;
}

static void elem_list(WatParser *p, Elem *e, bool func_may_miss)
{
  if (zw_wat_at_ref_type(p)) {
    e->type = zw_wat_ref_type(p);
    elem_exprs(p, e);
    return;
  }
  e->type = VT_REF | HEAP_FUNC;
  if (at_word(p, W_func))
    p->i++;
  else if (!func_may_miss)
    zw_wat_unexpected(p, "an element list: func or a reference type");
  elem_indices(p, e);
}

// (table x) or (memory x) before an offset; also the bare number of earlier versions.
static bool segment_target(WatParser *p, WatWord w, Space space, uint32_t *index)
{
  bool group = zw_wat_open(p, w);
  if (!group && !(at_kind(p, TOK_NAT) && p->i + 1 < p->end && p->s->tok[p->i + 1].kind == TOK_LPAR))
    return false;
  *index = zw_wat_index(p, space);
  if (group)
    zw_wat_close(p);
  return true;
}

// (offset ..) or a folded instruction
static void offset_expr(WatParser *p, ConstExpr *x)
{
  if (zw_wat_open(p, W_offset)) {
    zw_wat_expr(p, x);
    zw_wat_close(p);
  } else {
    zw_wat_folded_expr(p, x);
  }
}

static void elem_field(WatParser *p)
{
  Elem e = { .mode = SEG_PASSIVE };
  *zw_push(p->a, &p->pos[SEC_ELEM]) = tok(p)->pos;
  zw_wat_skip_id(p, SPACE_ELEM, 0, p->elems.n);
  bool in_group = at_group(p, W_table);
  bool with_table = segment_target(p, W_table, SPACE_TABLE, &e.table);
  if (at_word(p, W_declare) && !with_table) {
    e.mode = SEG_DECLARATIVE;
    p->i++;
  } else if (with_table || (at_kind(p, TOK_LPAR) && !at_group(p, W_ref))) {
    e.mode = SEG_ACTIVE;
    offset_expr(p, &e.offset);
  }
  elem_list(p, &e, e.mode == SEG_ACTIVE && !in_group);
  zw_wat_close(p);
  *zw_push(p->a, &p->elems) = e;
}

// ---- tables ----
// reftype (elem ..): a table just as large as its elements.
static void inline_elems(WatParser *p, TableDecl *t, uint32_t index)
{
  Elem e = { .mode = SEG_ACTIVE, .table = index, .type = t->type.elem };
  *zw_push(p->a, &p->pos[SEC_ELEM]) = tok(p)->pos;
  if (!zw_wat_open(p, W_elem))
    zw_wat_unexpected(p, "(elem");
  zw_wat_const_expr(p, t->type.limits.is64 ? OP_i64_const : OP_i32_const, 0, &e.offset);
  if (at_kind(p, TOK_LPAR))
    elem_exprs(p, &e);
  else
    elem_indices(p, &e);
  zw_wat_close(p);
  t->type.limits.min = t->type.limits.max = e.count;
  t->type.limits.has_max = true;
  *zw_push(p->a, &p->elems) = e;
}

static void table_field(WatParser *p)
{
  Head h = def_head(p, EXT_TABLE);
  TableDecl t = { .import = head_import(p, &h, EXT_TABLE) };
  uint32_t at = p->i;
  t.type.limits.is64 = address_type(p);
  if (!h.imported && zw_wat_at_ref_type(p)) {
    t.type.elem = zw_wat_ref_type(p);
    inline_elems(p, &t, h.index);
  } else {
    p->i = at;
    table_limits(p, &t.type);
    t.type.elem = zw_wat_ref_type(p);
    if (!h.imported && !at_kind(p, TOK_RPAR)) {
      t.init = zw_new(p->a, ConstExpr);
      zw_wat_expr(p, t.init);
    }
  }
  zw_wat_close(p);
  *zw_push(p->a, &p->tables) = t;
}

// ---- memories and data ----
static void data_strings(WatParser *p, Data *d)
{
  uint32_t next;
  Str s = zw_wat_strings(p->s, p->a, p->i, &next);
  d->bytes = (const uint8_t *)s.p, d->len = s.n;
  p->i = next;
}

static void inline_data(WatParser *p, Limits *l, uint32_t memory)
{
  Data d = { .mode = SEG_ACTIVE, .memory = memory };
  *zw_push(p->a, &p->pos[SEC_DATA]) = tok(p)->pos;
  if (!zw_wat_open(p, W_data))
    zw_wat_unexpected(p, "(data");
  zw_wat_const_expr(p, l->is64 ? OP_i64_const : OP_i32_const, 0, &d.offset);
  data_strings(p, &d);
  zw_wat_close(p);
  uint64_t page = l->page_log2 < 64 ? 1ull << l->page_log2 : 1;
  l->min = l->max = (d.len + page - 1) / page;
  l->has_max = true;
  *zw_push(p->a, &p->datas) = d;
}

static void memory_field(WatParser *p)
{
  Head h = def_head(p, EXT_MEMORY);
  MemoryDecl m = { .type.limits.page_log2 = 16, .import = head_import(p, &h, EXT_MEMORY) };
  Limits *l = &m.type.limits;
  uint32_t at = p->i;
  l->is64 = address_type(p);
  bool paged = page_size(p, l);
  if (!h.imported && (paged || at_group(p, W_data))) {
    inline_data(p, l, h.index);
  } else {
    p->i = at;
    memory_type(p, l);
  }
  zw_wat_close(p);
  *zw_push(p->a, &p->memories) = m;
}

static void data_field(WatParser *p)
{
  Data d = { .mode = SEG_PASSIVE };
  *zw_push(p->a, &p->pos[SEC_DATA]) = tok(p)->pos;
  zw_wat_skip_id(p, SPACE_DATA, 0, p->datas.n);
  bool with_memory = segment_target(p, W_memory, SPACE_MEMORY, &d.memory);
  if (with_memory || at_kind(p, TOK_LPAR)) {
    d.mode = SEG_ACTIVE;
    offset_expr(p, &d.offset);
  }
  data_strings(p, &d);
  zw_wat_close(p);
  *zw_push(p->a, &p->datas) = d;
}

// ---- the small fields ----
static void global_field(WatParser *p)
{
  Head h = def_head(p, EXT_GLOBAL);
  Global g = { .import = head_import(p, &h, EXT_GLOBAL) };
  g.type = global_type(p);
  if (!h.imported)
    zw_wat_expr(p, &g.init);
  zw_wat_close(p);
  *zw_push(p->a, &p->globals) = g;
}

static void tag_field(WatParser *p)
{
  Head h = def_head(p, EXT_TAG);
  Tag t = { .import = head_import(p, &h, EXT_TAG) };
  t.type = zw_wat_type_use(p, true, NULL);
  zw_wat_close(p);
  *zw_push(p->a, &p->tags) = t;
}

static bool kind_word(const WatParser *p, ExternKind *k)
{
  static const struct { WatWord w; ExternKind k; } words[] = {
    { W_func, EXT_FUNC }, { W_table, EXT_TABLE }, { W_memory, EXT_MEMORY }, { W_global, EXT_GLOBAL }, { W_tag, EXT_TAG }
  };
  for (size_t i = 0; i < ARRAY_COUNT(words); i++)
    if (at_group(p, words[i].w)) {
      *k = words[i].k;
      return true;
    }
  return false;
}

static void import_field(WatParser *p)
{
  uint32_t pos = tok(p)->pos;
  ExternKind kind;
  Str module = zw_wat_name(p), name = zw_wat_name(p);
  if (!kind_word(p, &kind)) {
    p->i += at_kind(p, TOK_LPAR);
    zw_wat_unexpected(p, "func, table, memory, global or tag");
  }
  p->i += 2;
  Space space = kind_space(kind);
  uint32_t index = p->next[space]++;
  *zw_push(p->a, &p->pos[kind_section(kind)]) = pos;
  *zw_push(p->a, &p->pos[SEC_IMPORT]) = pos;
  zw_wat_skip_id(p, space, 0, index);
  uint32_t import = import_def(p, kind, index, module, name), at = p->i;
  switch (kind) {
  case EXT_FUNC: {
    uint32_t type = zw_wat_type_use(p, true, NULL);
    bind_params(p, index, type, at);
    *zw_push(p->a, &p->funcs) = (Func){ .type = type, .import = import };
    break;
  }
  case EXT_TABLE: {
    TableDecl t = { .import = import };
    table_limits(p, &t.type);
    t.type.elem = zw_wat_ref_type(p);
    *zw_push(p->a, &p->tables) = t;
    break;
  }
  case EXT_MEMORY: {
    MemoryDecl m = { .import = import, .type.limits.page_log2 = 16 };
    memory_type(p, &m.type.limits);
    *zw_push(p->a, &p->memories) = m;
    break;
  }
  case EXT_GLOBAL:
    *zw_push(p->a, &p->globals) = (Global){ .type = global_type(p), .import = import };
    break;
  case EXT_TAG:
    *zw_push(p->a, &p->tags) = (Tag){ .type = zw_wat_type_use(p, true, NULL), .import = import };
    break;
  }
  zw_wat_close(p);
  zw_wat_close(p);
}

static void export_field(WatParser *p)
{
  ExternKind kind;
  *zw_push(p->a, &p->pos[SEC_EXPORT]) = tok(p)->pos;
  Str name = zw_wat_name(p);
  if (!kind_word(p, &kind)) {
    p->i += at_kind(p, TOK_LPAR);
    zw_wat_unexpected(p, "func, table, memory, global or tag");
  }
  p->i += 2;
  export_def(p, kind, zw_wat_index(p, kind_space(kind)), name);
  zw_wat_close(p);
  zw_wat_close(p);
}

static void start_field(WatParser *p)
{
  uint32_t at = p->i;
  if (p->m->start != UINT32_MAX)
    zw_wat_error(p, at, "multiple start sections");
  *zw_push(p->a, &p->pos[SEC_START]) = tok(p)->pos;
  p->m->start = zw_wat_index(p, SPACE_FUNC);
  if (p->m->start == UINT32_MAX)
    zw_wat_error(p, at, "unknown function %u", p->m->start);
  zw_wat_close(p);
}

// ---- the second walk: contents ----
static void read_types(WatParser *p, uint32_t first)
{
  const WatTok *t = p->s->tok;
  for (uint32_t i = first; i < p->end && t[i].kind == TOK_LPAR; i = t[i].aux + 1) {
    p->i = i;
    if (zw_wat_open(p, W_type))
      zw_wat_type_field(p);
    else if (zw_wat_open(p, W_rec))
      zw_wat_rec_field(p);
  }
  zw_wat_index_types(p);
}

static void read_field(WatParser *p)
{
  if (!at_kind(p, TOK_LPAR))
    zw_wat_unexpected(p, "a module field");
  uint32_t after = p->s->tok[p->i].aux + 1;
  p->i++;
  WatWord w = at_kind(p, TOK_WORD) ? (WatWord)tok(p)->aux : W_NO_WORD;
  p->i++;
  switch ((int)w) {
  case W_type: case W_rec: p->i = after; break;
  case W_import: import_field(p); break;
  case W_func: func_field(p); break;
  case W_table: table_field(p); break;
  case W_memory: memory_field(p); break;
  case W_global: global_field(p); break;
  case W_tag: tag_field(p); break;
  case W_export: export_field(p); break;
  case W_start: start_field(p); break;
  case W_elem: elem_field(p); break;
  case W_data: data_field(p); break;
  default:
    p->i--;
    zw_wat_unexpected(p, "a module field");
  }
}

void zw_wat_read_fields(WatParser *p, uint32_t first)
{
  read_types(p, first);
  p->i = first;
  while (p->i < p->end) {
    zw_wat_custom_annotations(p);
    read_field(p);
  }
  zw_wat_custom_annotations(p);
  if (!(tok(p)->kind == TOK_EOF || tok(p)->kind == TOK_RPAR))
    zw_wat_unexpected(p, "a module field");
}
