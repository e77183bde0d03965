// Types as text, and the types of the things that have one.  spec: text-types
#include "compiler/wasm/wat_print_int.h"

static const char *abstract_name(uint32_t heap)
{
  static const char *const names[] = {
    [HEAP_FUNC - HEAP_ABSTRACT] = "func", [HEAP_NOFUNC - HEAP_ABSTRACT] = "nofunc", [HEAP_EXTERN - HEAP_ABSTRACT] = "extern",
    [HEAP_NOEXTERN - HEAP_ABSTRACT] = "noextern", [HEAP_ANY - HEAP_ABSTRACT] = "any", [HEAP_EQ - HEAP_ABSTRACT] = "eq",
    [HEAP_I31 - HEAP_ABSTRACT] = "i31", [HEAP_STRUCT - HEAP_ABSTRACT] = "struct", [HEAP_ARRAY - HEAP_ABSTRACT] = "array",
    [HEAP_NONE - HEAP_ABSTRACT] = "none", [HEAP_EXN - HEAP_ABSTRACT] = "exn", [HEAP_NOEXN - HEAP_ABSTRACT] = "noexn",
  };
  return names[heap - HEAP_ABSTRACT];
}

static const char *short_ref_name(uint32_t heap)
{
  static const char *const names[] = {
    [HEAP_FUNC - HEAP_ABSTRACT] = "funcref", [HEAP_NOFUNC - HEAP_ABSTRACT] = "nullfuncref", [HEAP_EXTERN - HEAP_ABSTRACT] = "externref",
    [HEAP_NOEXTERN - HEAP_ABSTRACT] = "nullexternref", [HEAP_ANY - HEAP_ABSTRACT] = "anyref", [HEAP_EQ - HEAP_ABSTRACT] = "eqref",
    [HEAP_I31 - HEAP_ABSTRACT] = "i31ref", [HEAP_STRUCT - HEAP_ABSTRACT] = "structref", [HEAP_ARRAY - HEAP_ABSTRACT] = "arrayref",
    [HEAP_NONE - HEAP_ABSTRACT] = "nullref", [HEAP_EXN - HEAP_ABSTRACT] = "exnref", [HEAP_NOEXN - HEAP_ABSTRACT] = "nullexnref",
  };
  return names[heap - HEAP_ABSTRACT];
}

void zw_wat_put_heap_type(Printer *p, uint32_t heap) // with a space before
{
  if (heap < HEAP_ABSTRACT)
    zw_wat_put_index(p, &p->ids[ID_TYPE], heap);
  else
    zw_text_printf(p->out, " %s", abstract_name(heap));
}

void zw_wat_put_val_type(Printer *p, ValType t) // with a space before
{
  static const char *const plain[] = { [VT_I32] = " i32", [VT_I64] = " i64", [VT_F32] = " f32", [VT_F64] = " f64",
                                       [VT_V128] = " v128", [VT_I8] = " i8", [VT_I16] = " i16" };
  uint32_t heap = zw_heap_type(t);
  if (!zw_is_ref(t)) {
    ASSERT(t < ARRAY_COUNT(plain) && plain[t]);
    put(p, plain[t]);
  } else if (zw_is_nullable(t) && heap >= HEAP_ABSTRACT) {
    zw_text_printf(p->out, " %s", short_ref_name(heap));
  } else {
    put(p, zw_is_nullable(t) ? " (ref null" : " (ref");
    zw_wat_put_heap_type(p, heap);
    put(p, ")");
  }
}

static void put_val_types(Printer *p, const char *word, const ValType *t, uint32_t n)
{
  if (n == 0)
    return;
  zw_text_printf(p->out, " (%s", word);
  for (uint32_t i = 0; i < n; i++)
    zw_wat_put_val_type(p, t[i]);
  put(p, ")");
}

static void put_field_type(Printer *p, const FieldType *f)
{
  put(p, f->mutable_ ? " (mut" : "");
  zw_wat_put_val_type(p, f->type);
  put(p, f->mutable_ ? ")" : "");
}

static void put_struct(Printer *p, const TypeDef *t, uint32_t index)
{
  const Names *n = &p->m->names;
  Ids ids = zw_wat_ids_of_func(p, &n->fields, n->field_type, index, &p->field_at, t->nfields);
  put(p, "(struct");
  for (uint32_t i = 0; i < t->nfields; i++) {
    put(p, " (field");
    if (i < ids.n && ids.name[i].n)
      zw_wat_put_def(p, &ids, i);
    put_field_type(p, &t->fields[i]);
    put(p, ")");
  }
  put(p, ")");
}

static void put_type(Printer *p, uint32_t index)
{
  const TypeDef *t = &p->m->types[index];
  bool sub = !t->final || t->super != UINT32_MAX;
  ArenaMark mark = zw_arena_mark(p->scratch);
  zw_wat_newline(p);
  put(p, "(type");
  zw_wat_put_def(p, &p->ids[ID_TYPE], index);
  put(p, " ");
  if (sub) {
    put(p, t->final ? "(sub final" : "(sub");
    if (t->super != UINT32_MAX)
      zw_wat_put_index(p, &p->ids[ID_TYPE], t->super);
    put(p, " ");
  }
  switch ((CompKind)t->kind) {
  case COMP_FUNC:
    put(p, "(func");
    put_val_types(p, "param", t->func->params, t->func->nparams);
    put_val_types(p, "result", t->func->results, t->func->nresults);
    put(p, ")");
    break;
  case COMP_STRUCT: put_struct(p, t, index); break;
  case COMP_ARRAY:
    put(p, "(array");
    put_field_type(p, &t->fields[0]);
    put(p, ")");
    break;
  }
  put(p, sub ? "))" : ")");
  zw_arena_release(p->scratch, mark);
}

void zw_wat_put_types(Printer *p)
{
  for (uint32_t i = 0, end = 0; i < p->m->ntypes; i++) {
    bool first = i == end;
    if (first)
      end = zw_rec_group_end(p->m->types, p->m->ntypes, i);
    if (first && end > i + 1) {
      zw_wat_newline(p);
      put(p, "(rec");
      p->indent++;
    }
    put_type(p, i);
    if (!first && end == i + 1) {
      put(p, ")");
      p->indent--;
    }
  }
}

// " (type $t)", then params and results where that helps the reader and stays in proportion.
void zw_wat_put_type_use(Printer *p, uint32_t type, const Ids *locals)
{
  enum { FEW = 32 };
  const FuncType *f = p->m->types[type].func;
  put(p, " (type");
  zw_wat_put_index(p, &p->ids[ID_TYPE], type);
  put(p, ")");
  bool named = false;
  for (uint32_t i = 0; locals && i < f->nparams && i < locals->n && !named; i++)
    named = locals->name[i].n;
  if (!named && f->nparams + f->nresults > FEW)
    return;
  for (uint32_t i = 0, j; i < f->nparams; i = j) {
    put(p, " (param");
    j = i + 1;
    if (locals && i < locals->n && locals->name[i].n) {
      zw_wat_put_def(p, locals, i);
      zw_wat_put_val_type(p, f->params[i]);
    } else {
      zw_wat_put_val_type(p, f->params[i]);
      for (; j < f->nparams && !(locals && j < locals->n && locals->name[j].n); j++)
        zw_wat_put_val_type(p, f->params[j]);
    }
    put(p, ")");
  }
  put_val_types(p, "result", f->results, f->nresults);
}

void zw_wat_put_limits(Printer *p, const Limits *l, bool memory)
{
  put(p, l->is64 ? " i64" : "");
  zw_text_printf(p->out, " %llu", (unsigned long long)l->min);
  if (l->has_max)
    zw_text_printf(p->out, " %llu", (unsigned long long)l->max);
  put(p, l->shared ? " shared" : "");
  if (memory && l->page_log2 != 16)
    zw_text_printf(p->out, " (pagesize %llu)", 1ull << (l->page_log2 & 63));
}

void zw_wat_put_global_type(Printer *p, const GlobalType *g)
{
  put_field_type(p, &(FieldType){ .type = g->type, .mutable_ = g->mutable_ });
}
