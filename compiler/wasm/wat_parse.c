// A text, module by module: two walks over the tokens of each (wat_bind.c counts and binds names, wat_fields.c reads the
// contents), then a Module out of what they found, and its bytes.  spec: text-module
#include "compiler/wasm/wat_int.h"
#include <string.h>

// ---- the Module ----
static void set_expr(const WatParser *p, ConstExpr *x) { x->bytes = p->code.p + x->at; }

// Expressions were offsets while the code grew.
static void set_bytes(WatParser *p)
{
  for (uint32_t i = 0; i < p->funcs.n; i++)
    if (p->funcs.p[i].import == UINT32_MAX)
      p->funcs.p[i].body = p->code.p + p->funcs.p[i].at;
  for (uint32_t i = 0; i < p->globals.n; i++)
    set_expr(p, &p->globals.p[i].init);
  for (uint32_t i = 0; i < p->tables.n; i++)
    if (p->tables.p[i].init)
      set_expr(p, p->tables.p[i].init);
  for (uint32_t i = 0; i < p->datas.n; i++)
    set_expr(p, &p->datas.p[i].offset);
  for (uint32_t i = 0; i < p->elems.n; i++) {
    Elem *e = &p->elems.p[i];
    set_expr(p, &e->offset);
    for (uint32_t k = 0; e->exprs && k < e->count; k++)
      set_expr(p, (ConstExpr *)(uintptr_t)&e->exprs[k]);
  }
}

static void name_map(WatParser *p, Space space, NameMap *map, const uint32_t **outer)
{
  NameList *l = &p->name[space];
  uint32_t *index = zw_new_array(p->a, uint32_t, l->n), *out = zw_new_array(p->a, uint32_t, l->n);
  Str *name = zw_new_array(p->a, Str, l->n);
  for (uint32_t i = 0; i < l->n; i++)
    index[i] = l->p[i].index, out[i] = l->p[i].outer, name[i] = l->p[i].name;
  *map = (NameMap){ l->n, index, name };
  if (outer)
    *outer = out;
}

static void set_names(WatParser *p)
{
  Names *n = &p->m->names;
  for (uint32_t i = 0; i < p->name[SPACE_FUNC].n; i++)
    p->funcs.p[p->name[SPACE_FUNC].p[i].index].name = p->name[SPACE_FUNC].p[i].name;
  name_map(p, SPACE_LOCAL, &n->locals, &n->local_func);
  name_map(p, SPACE_LABEL, &n->labels, &n->label_func);
  name_map(p, SPACE_FIELD, &n->fields, &n->field_type);
  name_map(p, SPACE_TYPE, &n->types, NULL);
  name_map(p, SPACE_TABLE, &n->tables, NULL);
  name_map(p, SPACE_MEMORY, &n->memories, NULL);
  name_map(p, SPACE_GLOBAL, &n->globals, NULL);
  name_map(p, SPACE_ELEM, &n->elems, NULL);
  name_map(p, SPACE_DATA, &n->datas, NULL);
  name_map(p, SPACE_TAG, &n->tags, NULL);
}

static uint32_t count_imports(const WatParser *p, ExternKind k)
{
  uint32_t n = 0;
  for (uint32_t i = 0; i < p->imports.n; i++)
    n += p->imports.p[i].kind == k;
  return n;
}

static void set_module(WatParser *p)
{
  Module *m = p->m;
  set_bytes(p);
  set_names(p);
  m->types = p->types.p, m->ntypes = p->types.n;
  m->funcs = p->funcs.p, m->nfuncs = p->funcs.n;
  m->tables = p->tables.p, m->ntables = p->tables.n;
  m->memories = p->memories.p, m->nmemories = p->memories.n;
  m->globals = p->globals.p, m->nglobals = p->globals.n;
  m->tags = p->tags.p, m->ntags = p->tags.n;
  m->elems = p->elems.p, m->nelems = p->elems.n;
  m->datas = p->datas.p, m->ndatas = p->datas.n;
  m->imports = p->imports.p, m->nimports = p->imports.n;
  m->exports = p->exports.p, m->nexports = p->exports.n;
  m->customs = p->customs.p, m->ncustoms = p->customs.n;
  m->hints = p->hints.p, m->nhints = p->hints.n;
  m->nimported_funcs = count_imports(p, EXT_FUNC);
  m->nimported_tables = count_imports(p, EXT_TABLE);
  m->nimported_memories = count_imports(p, EXT_MEMORY);
  m->nimported_globals = count_imports(p, EXT_GLOBAL);
  m->nimported_tags = count_imports(p, EXT_TAG);
  m->has_data_count = p->uses_data;
}

static void encode(WatParser *p)
{
  WatModule *out = p->out;
  Bytes b = { .a = &p->ctx->module };
  zw_encode_module(p->m, &b, false, &out->map);
  out->bytes = b.p, out->len = b.n;
  out->code = p->code.p, out->code_len = p->code.n;
  out->marks = p->marks.p, out->nmarks = p->marks.n;
  for (int i = 0; i < SEC_COUNT; i++) {
    out->nitem_pos[i] = p->pos[i].n;
    if (p->pos[i].n)
      out->item_pos[i] = memcpy(zw_stale_array(b.a, uint32_t, p->pos[i].n), p->pos[i].p, p->pos[i].n * sizeof(uint32_t));
  }
}

// a: for what nobody needs when the module is encoded.
static void assemble_fields(WatSource *s, uint32_t first, uint32_t end, Str id, WatModule *out, Arena *a)
{
  Ctx *ctx = s->ctx;
  *out = (WatModule){ .id = { zw_arena_str(&ctx->module, id.p ? id.p : "", id.n), id.n }, .pos = s->tok[first].pos };
  ArenaMark scratch = zw_arena_mark(&ctx->scratch);
  WatParser *p = zw_new(&ctx->scratch, WatParser);
  *p = (WatParser){ .s = s, .ctx = ctx, .a = a, .i = first, .end = end, .out = out, .func = WAT_NONE };
  p->code.a = &ctx->module, p->pend.a = a, p->catches.a = &ctx->scratch;
  p->m = zw_new(&ctx->scratch, Module);
  *p->m = (Module){ .ctx = ctx, .start = UINT32_MAX, .names.module = id };
  if (s->nannot)
    zw_wat_reset_annotations(p, first);
  Str name = zw_wat_name_annotation(p);
  if (name.n)
    p->m->names.module = name;
  zw_wat_bind_fields(p, first);
  zw_wat_read_fields(p, first);
  if (s->nannot)
    zw_wat_leftover_annotations(p, first);
  set_module(p);
  encode(p);
  zw_arena_release(&ctx->scratch, scratch);
}

void zw_wat_fields(WatSource *s, uint32_t first, uint32_t end, Str id, WatModule *out)
{
  assemble_fields(s, first, end, id, out, &s->ctx->module);
}

// ---- a whole text ----
typedef struct ModuleHead { uint32_t first, end; Str id; bool binary, quote; } ModuleHead;

static void expect_end(const WatParser *p)
{
  if (p->s->tok[p->i].kind != TOK_EOF)
    zw_wat_unexpected(p, "the end of the text");
}

static void whole_module(WatSource *s, WatModule *out)
{
  WatParser p = { .s = s, .ctx = s->ctx, .a = s->a, .end = s->ntok - 1, .func = WAT_NONE };
  if (!zw_wat_open(&p, W_module)) { // bare fields
    assemble_fields(s, 0, s->ntok - 1, (Str){ NULL, 0 }, out, s->a);
    return;
  }
  uint32_t end = s->tok[0].aux;
  Str id = { NULL, 0 };
  if (at_kind(&p, TOK_ID))
    id = s->sym[tok(&p)->aux], p.i++;
  bool binary = at_word(&p, W_binary), quote = at_word(&p, W_quote);
  if (binary || quote) {
    uint32_t next;
    Str bytes = zw_wat_strings(s, quote ? s->a : &s->ctx->module, p.i + 1, &next);
    p.i = next;
    zw_wat_close(&p);
    expect_end(&p);
    if (quote) { // a quote inside a quote ends as an unknown field: no recursion to speak of
      WatSource inner;
      zw_wat_lex(&inner, s->ctx, s->a, bytes);
      uint32_t first = inner.ntok > 2 && inner.tok[0].kind == TOK_LPAR && inner.tok[1].kind == TOK_WORD && inner.tok[1].aux == W_module ? 2 : 0;
      assemble_fields(&inner, first, first ? inner.tok[0].aux : inner.ntok - 1, id, out, s->a);
    } else {
      *out = (WatModule){ .bytes = (const uint8_t *)bytes.p, .len = bytes.n, .id = { zw_arena_str(&s->ctx->module, id.p ? id.p : "", id.n), id.n } };
    }
    return;
  }
  uint32_t first = p.i;
  p.i = end;
  assemble_fields(s, first, end, id, out, s->a);
  zw_wat_expect(&p, TOK_RPAR, "\")\"");
  p.end = s->ntok;
  expect_end(&p);
}

void zw_wat_assemble(Ctx *ctx, Str text, WatModule *out)
{
  Arena *a = &ctx->func; // tokens and what is made of them go before the bytes are decoded
  ArenaMark mark = zw_arena_mark(a);
  WatSource *s = zw_new(a, WatSource);
  zw_wat_lex(s, ctx, a, text);
  whole_module(s, out);
  zw_arena_release(a, mark);
  zw_arena_trim(a);
}

// ---- places ----
static uint32_t code_pos(const WatModule *w, size_t off)
{
  uint32_t lo = 0, hi = w->nmarks; // the last mark at or before off
  while (lo < hi) {
    uint32_t mid = lo + (hi - lo) / 2;
    if (w->marks[mid].off <= off)
      lo = mid + 1;
    else
      hi = mid;
  }
  return lo ? w->marks[lo - 1].pos : w->pos;
}

void zw_wat_place(const WatModule *w, Str text, Diag *d)
{
  if (d->line || d->at == ZW_NO_POS || w->map.n == 0)
    return;
  uint32_t lo = 0, hi = w->map.n, pos = w->pos;
  while (lo < hi) {
    uint32_t mid = lo + (hi - lo) / 2;
    if (w->map.mark[mid].off <= d->at)
      lo = mid + 1;
    else
      hi = mid;
  }
  if (lo) {
    const EncodeMark *m = &w->map.mark[lo - 1];
    if (m->src)
      pos = code_pos(w, (size_t)(m->src - w->code) + (size_t)(d->at - m->off));
    else if (m->item < w->nitem_pos[m->section])
      pos = w->item_pos[m->section][m->item];
  }
  zw_wat_line_column(text, pos, &d->line, &d->column);
}
