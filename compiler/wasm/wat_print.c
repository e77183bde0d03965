// Modules as text: the fields.  One walk over the Module, instructions straight from the bodies; what is printed reads back to
// the same module.  Everything is a loop: nesting in the input nests nothing here.  spec: text-module
#include "compiler/wasm/wat_print_int.h"

static void put_expr(Printer *p, const ConstExpr *x) // as the contents of a field, on one line unless it is long
{
  const uint8_t *at = x->bytes, *end = x->bytes + x->len - 1;
  while (at < end) {
    Op op = zw_fast_op(&at, zw_op_one_byte);
    put(p, " ");
    zw_wat_put_op(p, op, &at);
  }
}

// word NULL: several instructions stand as they are.
static void put_wrapped_expr(Printer *p, const char *word, const ConstExpr *x)
{
  const uint8_t *at = x->bytes;
  Op op = zw_fast_op(&at, zw_op_one_byte);
  zw_skip_imm(&at, op);
  if (at == x->bytes + x->len - 1) { // one instruction: (i32.const 8)
    at = x->bytes;
    op = zw_fast_op(&at, zw_op_one_byte);
    put(p, " (");
    zw_wat_put_op(p, op, &at);
  } else if (!word) {
    put_expr(p, x);
    return;
  } else {
    zw_text_printf(p->out, " (%s", word);
    put_expr(p, x);
  }
  put(p, ")");
}

static void put_import(Printer *p, const Import *im)
{
  const Module *m = p->m;
  zw_wat_newline(p);
  put(p, "(import ");
  zw_wat_put_string(p, im->module);
  put(p, " ");
  zw_wat_put_string(p, im->name);
  switch ((ExternKind)im->kind) {
  case EXT_FUNC: {
    ArenaMark mark = zw_arena_mark(p->scratch);
    zw_wat_begin_func(p, im->index);
    put(p, " (func");
    zw_wat_put_def(p, &p->ids[ID_FUNC], im->index);
    zw_wat_put_type_use(p, m->funcs[im->index].type, &p->locals);
    zw_wat_end_func(p);
    zw_arena_release(p->scratch, mark);
    break;
  }
  case EXT_TABLE:
    put(p, " (table");
    zw_wat_put_def(p, &p->ids[ID_TABLE], im->index);
    zw_wat_put_limits(p, &m->tables[im->index].type.limits, false);
    zw_wat_put_val_type(p, m->tables[im->index].type.elem);
    break;
  case EXT_MEMORY:
    put(p, " (memory");
    zw_wat_put_def(p, &p->ids[ID_MEMORY], im->index);
    zw_wat_put_limits(p, &m->memories[im->index].type.limits, true);
    break;
  case EXT_GLOBAL:
    put(p, " (global");
    zw_wat_put_def(p, &p->ids[ID_GLOBAL], im->index);
    zw_wat_put_global_type(p, &m->globals[im->index].type);
    break;
  case EXT_TAG:
    put(p, " (tag");
    zw_wat_put_def(p, &p->ids[ID_TAG], im->index);
    zw_wat_put_type_use(p, m->tags[im->index].type, NULL);
    break;
  }
  put(p, "))");
}

static void put_definitions(Printer *p)
{
  const Module *m = p->m;
  for (uint32_t i = m->nimported_tables; i < m->ntables; i++) {
    zw_wat_newline(p);
    put(p, "(table");
    zw_wat_put_def(p, &p->ids[ID_TABLE], i);
    zw_wat_put_limits(p, &m->tables[i].type.limits, false);
    zw_wat_put_val_type(p, m->tables[i].type.elem);
    if (m->tables[i].init)
      put_wrapped_expr(p, NULL, m->tables[i].init);
    put(p, ")");
  }
  for (uint32_t i = m->nimported_memories; i < m->nmemories; i++) {
    zw_wat_newline(p);
    put(p, "(memory");
    zw_wat_put_def(p, &p->ids[ID_MEMORY], i);
    zw_wat_put_limits(p, &m->memories[i].type.limits, true);
    put(p, ")");
  }
  for (uint32_t i = m->nimported_tags; i < m->ntags; i++) {
    zw_wat_newline(p);
    put(p, "(tag");
    zw_wat_put_def(p, &p->ids[ID_TAG], i);
    zw_wat_put_type_use(p, m->tags[i].type, NULL);
    put(p, ")");
  }
  for (uint32_t i = m->nimported_globals; i < m->nglobals; i++) {
    zw_wat_newline(p);
    put(p, "(global");
    zw_wat_put_def(p, &p->ids[ID_GLOBAL], i);
    zw_wat_put_global_type(p, &m->globals[i].type);
    put_wrapped_expr(p, NULL, &m->globals[i].init);
    put(p, ")");
  }
}

static void put_exports(Printer *p)
{
  static const char *const words[] = { [EXT_FUNC] = "func", [EXT_TABLE] = "table", [EXT_MEMORY] = "memory",
                                       [EXT_GLOBAL] = "global", [EXT_TAG] = "tag" };
  static const IdSpace space[] = { [EXT_FUNC] = ID_FUNC, [EXT_TABLE] = ID_TABLE, [EXT_MEMORY] = ID_MEMORY,
                                   [EXT_GLOBAL] = ID_GLOBAL, [EXT_TAG] = ID_TAG };
  for (uint32_t i = 0; i < p->m->nexports; i++) {
    const Export *e = &p->m->exports[i];
    zw_wat_newline(p);
    put(p, "(export ");
    zw_wat_put_string(p, e->name);
    zw_text_printf(p->out, " (%s", words[e->kind]);
    zw_wat_put_index(p, &p->ids[space[e->kind]], e->index);
    put(p, "))");
  }
}

static void put_elem(Printer *p, uint32_t i)
{
  const Elem *e = &p->m->elems[i];
  zw_wat_newline(p);
  put(p, "(elem");
  zw_wat_put_def(p, &p->ids[ID_ELEM], i);
  if (e->mode == SEG_ACTIVE && e->table) {
    put(p, " (table");
    zw_wat_put_index(p, &p->ids[ID_TABLE], e->table);
    put(p, ")");
  }
  if (e->mode == SEG_ACTIVE)
    put_wrapped_expr(p, "offset", &e->offset);
  put(p, e->mode == SEG_DECLARATIVE ? " declare" : "");
  bool indices = e->type == (VT_REF | HEAP_FUNC) && (e->funcs || e->count == 0);
  if (indices)
    put(p, " func");
  else
    zw_wat_put_val_type(p, e->type);
  for (uint32_t k = 0; k < e->count; k++) {
    if (indices) {
      zw_wat_put_index(p, &p->ids[ID_FUNC], e->funcs[k]);
    } else if (e->funcs) {
      put(p, " (ref.func");
      zw_wat_put_index(p, &p->ids[ID_FUNC], e->funcs[k]);
      put(p, ")");
    } else {
      put_wrapped_expr(p, "item", &e->exprs[k]);
    }
  }
  put(p, ")");
}

static void put_data(Printer *p, uint32_t i)
{
  const Data *d = &p->m->datas[i];
  zw_wat_newline(p);
  put(p, "(data");
  zw_wat_put_def(p, &p->ids[ID_DATA], i);
  if (d->mode == SEG_ACTIVE && d->memory) {
    put(p, " (memory");
    zw_wat_put_index(p, &p->ids[ID_MEMORY], d->memory);
    put(p, ")");
  }
  if (d->mode == SEG_ACTIVE)
    put_wrapped_expr(p, "offset", &d->offset);
  zw_wat_put_long_string(p, d->bytes, d->len);
  put(p, ")");
}

static void put_custom(Printer *p, const Custom *c)
{
  static const char *const words[SEC_COUNT] = {
    [SEC_CUSTOM] = "before first", [SEC_TYPE] = "after type", [SEC_IMPORT] = "after import", [SEC_FUNC] = "after func",
    [SEC_TABLE] = "after table", [SEC_MEMORY] = "after memory", [SEC_GLOBAL] = "after global", [SEC_EXPORT] = "after export",
    [SEC_START] = "after start", [SEC_ELEM] = "after elem", [SEC_CODE] = "after code", [SEC_DATA] = "after data",
    [SEC_DATA_COUNT] = "after datacount", [SEC_TAG] = "after tag",
  };
  if (zw_custom_is_derived(p->m, c))
    return;
  zw_wat_newline(p);
  put(p, "(@custom ");
  zw_wat_put_string(p, c->name);
  zw_text_printf(p->out, " (%s)", words[c->after]);
  zw_wat_put_long_string(p, c->bytes, c->len);
  put(p, ")");
}

// Which entries of names.fields are identifiers: named, in the struct, and the only ones of their struct.
static const uint8_t *unique_fields(Printer *p)
{
  const Names *n = &p->m->names;
  uint8_t *unique = zw_new_array(p->a, uint8_t, n->fields.n);
  for (uint32_t i = 0, j; i < n->fields.n; i = j) {
    const TypeDef *t = &p->m->types[n->field_type[i]];
    uint32_t fields = t->kind == COMP_STRUCT ? t->nfields : 0;
    for (j = i; j < n->fields.n && n->field_type[j] == n->field_type[i];)
      j++;
    while (j > i && n->fields.index[j - 1] >= fields) // of no field: they do not count
      j--;
    memcpy(unique + i, zw_wat_find_unique(p->a, p->scratch, n->fields.name + i, j - i), j - i);
    while (j < n->fields.n && n->field_type[j] == n->field_type[i])
      j++;
  }
  return unique;
}

static void init_ids(Printer *p)
{
  const Module *m = p->m;
  const Names *n = &m->names;
  p->field_unique = n->fields.n && !p->o->no_names ? unique_fields(p) : NULL;
  p->ids[ID_TYPE] = zw_wat_ids_of_map(p, &n->types, m->ntypes);
  p->ids[ID_FUNC] = zw_wat_ids_of_funcs(p);
  p->ids[ID_TABLE] = zw_wat_ids_of_map(p, &n->tables, m->ntables);
  p->ids[ID_MEMORY] = zw_wat_ids_of_map(p, &n->memories, m->nmemories);
  p->ids[ID_GLOBAL] = zw_wat_ids_of_map(p, &n->globals, m->nglobals);
  p->ids[ID_TAG] = zw_wat_ids_of_map(p, &n->tags, m->ntags);
  p->ids[ID_ELEM] = zw_wat_ids_of_map(p, &n->elems, m->nelems);
  p->ids[ID_DATA] = zw_wat_ids_of_map(p, &n->datas, m->ndatas);
}

void zw_wat_print(const Module *m, const WatPrintOptions *o, Text *out)
{
  Printer printer = { .m = m, .o = o, .out = out, .a = &m->ctx->func, .scratch = &m->ctx->scratch, .func = UINT32_MAX };
  Printer *p = &printer;
  init_ids(p);
  put(p, "(module");
  if (m->names.module.n && !o->no_names) {
    put(p, " ");
    zw_wat_put_id(p, m->names.module);
  }
  p->indent = 1;
  zw_wat_put_types(p);
  for (uint32_t i = 0; i < m->nimports; i++)
    put_import(p, &m->imports[i]);
  put_definitions(p);
  put_exports(p);
  if (m->start != UINT32_MAX) {
    zw_wat_newline(p);
    put(p, "(start");
    zw_wat_put_index(p, &p->ids[ID_FUNC], m->start);
    put(p, ")");
  }
  for (uint32_t i = 0; i < m->nelems; i++)
    put_elem(p, i);
  for (uint32_t i = m->nimported_funcs; i < m->nfuncs; i++)
    zw_wat_put_func(p, i);
  for (uint32_t i = 0; i < m->ndatas; i++)
    put_data(p, i);
  for (uint32_t i = 0; i < m->ncustoms; i++)
    put_custom(p, &m->customs[i]);
  put(p, ")\n");
  zw_arena_reset(&m->ctx->func);
}
