// ZIR as text: stable, and parse.c reads it back.  The form is described in README.md.
//
// Values carry the number of their instruction.  Everything a pass below needs and cannot derive stands in the
// text: loops, layout order, cold blocks, alias classes, wasm offsets; uses and positions are derived on reading.
#include "compiler/zir/zir_int.h"

typedef struct Printer { const ZirFunc *f; Text *out; } Printer;
#define put(p, ...) zw_text_printf((p)->out, __VA_ARGS__)

static void put_ref(Printer *p, Ref r)
{
  if (zw_ref_is_value(r)) {
    put(p, "v%u", r);
    return;
  }
  uint64_t k[2];
  if (!zw_ref_const(p->f, r, k)) {
    put(p, "none");
    return;
  }
  switch (zw_ref_type(p->f, r)) {
  case VK_I32: put(p, "i32 %d", (int32_t)(uint32_t)k[0]); return;
  case VK_I64: put(p, "i64 %lld", (long long)k[0]); return;
  case VK_F32: put(p, "f32 0x%x", (uint32_t)k[0]); return;
  case VK_F64: put(p, "f64 0x%llx", (unsigned long long)k[0]); return;
  case VK_V128: put(p, "vec 0x%llx 0x%llx", (unsigned long long)k[0], (unsigned long long)k[1]); return;
  case VK_FUNCREF: put(p, "nullfunc"); return;
  case VK_REF: put(p, k[0] ? "ref 0x%llx" : "null", (unsigned long long)k[0]); return;
  case VK_COUNT: break;
  }
  BUG("constant without a type");
}

static void put_refs(Printer *p, uint32_t first, uint32_t n)
{
  put(p, "(");
  for (uint32_t k = 0; k < n; k++) {
    put(p, k ? ", " : "");
    put_ref(p, p->f->xa[first + k]);
  }
  put(p, ")");
}

static void put_edge(Printer *p, uint32_t e)
{
  const ZEdge *edge = &p->f->edges[e];
  uint32_t n = p->f->blocks[edge->to].nphi;
  put(p, "b%u", edge->to);
  if (!n)
    return;
  put(p, "(");
  for (uint32_t k = 0; k < n; k++) {
    put(p, k ? ", " : "");
    put_ref(p, p->f->edge_args[edge->args + k]);
  }
  put(p, ")");
}

static void put_edges(Printer *p, const ZBlock *b)
{
  for (uint32_t k = 0; k < b->nedges; k++) {
    put(p, k ? ", " : " ");
    put_edge(p, b->edges + k);
  }
}

static void put_field_refs(Printer *p, const ZIns *ins)
{
  unsigned refs = zw_zir_shape[ins->op].refs;
  const uint32_t field[3] = { ins->a, ins->b, ins->c };
  const char *sep = " ";
  for (unsigned k = 0; k < 3; k++)
    if (refs >> k & 1) {
      put(p, "%s", sep);
      put_ref(p, field[k]);
      sep = ", ";
    }
}

static void put_mem(Printer *p, const ZIns *ins)
{
  if (ins->c)
    put(p, " +%u", ins->c);
  if (ins->fl)
    put(p, " mem %u", ins->fl);
}

static void put_operands(Printer *p, const ZIns *ins, const ZBlock *b)
{
  const ZirFunc *f = p->f;
  switch ((ZForm)zw_zir_shape[ins->op].form) {
  case ZF_REFS: put_field_refs(p, ins); return;
  case ZF_LANE: put_field_refs(p, ins), put(p, " #%u", ins->c); return;
  case ZF_LOAD: case ZF_STORE: put_field_refs(p, ins), put_mem(p, ins); return;
  case ZF_CMPXCHG: put(p, " "), put_refs(p, ins->a, 3), put_mem(p, ins); return;
  case ZF_LANEMEM: put(p, " "), put_refs(p, ins->a, 2), put(p, " #%u", f->xa[ins->a + 2]), put_mem(p, ins); return;
  case ZF_SHUFFLE: put_field_refs(p, ins), put(p, " "), put_refs(p, ins->c, 2); return;
  case ZF_PARAM: put(p, " %u", ins->a); return;
  case ZF_PHI: return;
  case ZF_RESULT: put_field_refs(p, ins), put(p, " #%u", ins->b); return;
  case ZF_VM_LOAD: put(p, " +%u %s", ins->a, zw_zir_alias_name[ins->fl]); return;
  case ZF_VM_STORE: put_field_refs(p, ins), put(p, " +%u %s", ins->a, zw_zir_alias_name[ins->fl]); return;
  case ZF_OFFSET: put(p, " +%u", ins->a); return;
  case ZF_PTR_LOAD: case ZF_PTR_STORE: put_field_refs(p, ins), put(p, " +%u %s", ins->c, zw_zir_alias_name[ins->fl]); return;
  case ZF_GC_NEW: put_field_refs(p, ins), put(p, " +%u type %u", ins->b, ins->c); return;
  case ZF_GC_LOAD: put_field_refs(p, ins), put(p, " +%u #%u", ins->c, ins->fl); return;
  case ZF_GC_STORE: put(p, " "), put_refs(p, ins->a, 3), put(p, " +%u #%u", ins->c, ins->fl); return;
  case ZF_GC_ELEM: put_field_refs(p, ins), put(p, " #%u", ins->fl); return;
  case ZF_GC_PUT: put(p, " "), put_refs(p, ins->a, 4), put(p, " #%u", ins->fl); return;
  case ZF_TRAPIF: put_field_refs(p, ins), put(p, " %s", zw_zir_trap_name[ins->c]); return;
  case ZF_CALL: case ZF_TCALL: put(p, " f%u", ins->c), put_refs(p, ins->a, ins->b); return;
  case ZF_CALL_ELEM: case ZF_TCALL_ELEM: put(p, " t%u", ins->c), put_refs(p, ins->a, ins->b); return;
  case ZF_LIB: put(p, " %s", zw_zir_lib_name[ins->c]), put_refs(p, ins->a, ins->b); return;
  case ZF_THROW: put(p, " tag %u", ins->c), put_refs(p, ins->a, ins->b); return;
  case ZF_CATCH: put(p, " #%u", ins->b); return;
  case ZF_JMP: put_edges(p, b); return;
  case ZF_BR: put_field_refs(p, ins), put(p, ","), put_edges(p, b); return;
  case ZF_SWITCH:
    put_field_refs(p, ins), put(p, " [");
    for (uint32_t k = 0; k < ins->c; k++)
      put(p, "%s%u", k ? " " : "", f->xa[ins->b + k]);
    put(p, "]"), put_edges(p, b);
    return;
  case ZF_RET: put(p, " "), put_refs(p, ins->a, ins->b); return;
  case ZF_TRAP: put(p, " %s", zw_zir_trap_name[ins->c]); return;
  case ZF_NONE: put(p, " ?"); return;
  }
}

static void put_ins(Printer *p, uint32_t i, const ZBlock *b)
{
  const ZirFunc *f = p->f;
  const ZIns *ins = &f->ins[i];
  put(p, "  ");
  if (ins->ty < VK_COUNT)
    put(p, "v%u:%s = ", i, zw_zir_kind_name[ins->ty]);
  put(p, "%s", zw_op_info[ins->op].text);
  put_operands(p, ins, b);
  if (zw_zir_is(f, i, ZV_PROVED))
    put(p, " proved");
  if (zw_zir_is(f, i, ZV_HOISTED))
    put(p, " at b%u", zw_zir_block(f, i));
  if (f->at[i])
    put(p, " @%u", f->at[i]);
  put(p, "\n");
}

static void put_block(Printer *p, uint32_t n)
{
  const ZirFunc *f = p->f;
  const ZBlock *b = &f->blocks[n];
  put(p, "b%u", n);
  for (uint32_t k = 0; k < b->nphi; k++)
    put(p, "%sv%u:%s", k ? ", " : "(", b->first + k, zw_zir_kind_name[f->ins[b->first + k].ty]);
  put(p, b->nphi ? ")" : "");
  if (b->loop != NO_LOOP)
    put(p, " loop %u", b->loop);
  put(p, "%s%s", b->cold ? " cold" : "", b->is_handler ? " handler" : "");
  if (zw_zir_try(f, n) != UINT32_MAX)
    put(p, " try %u", zw_zir_try(f, n));
  put(p, ":\n");
  for (uint32_t i = b->first + b->nphi; i < b->end; i++)
    put_ins(p, i, b);
}

static void put_kinds(Printer *p, const ValType *types, uint32_t n)
{
  put(p, "(");
  for (uint32_t k = 0; k < n; k++)
    put(p, "%s%s", k ? ", " : "", zw_zir_kind_name[zw_val_kind(p->f->m, types[k])]);
  put(p, ")");
}

static void put_signature(Printer *p, const FuncType *t)
{
  put_kinds(p, t->params, t->nparams);
  put(p, " -> ");
  put_kinds(p, t->results, t->nresults);
}

// What the function mentions of its module: one line per callee, type and tag, ascending.
static void put_mentions(Printer *p)
{
  const ZirFunc *f = p->f;
  const Module *m = f->m;
  uint8_t *funcs = zw_new_array(p->out->a, uint8_t, m->nfuncs + 1), *types = zw_new_array(p->out->a, uint8_t, m->ntypes + 1);
  uint8_t *tags = zw_new_array(p->out->a, uint8_t, m->ntags + 1);
  for (uint32_t i = 0; i < f->nins; i++)
    switch ((Op)f->ins[i].op) {
    case OP_call: case OP_tcall: funcs[f->ins[i].c] = 1; break;
    case OP_call_elem: case OP_tcall_elem: types[f->ins[i].c] = 1; break;
    case OP_throw: tags[f->ins[i].c] = 1; break;
    default: break; // mentions nothing
    }
  for (uint32_t t = 0; t < f->ntries; t++)
    for (uint32_t k = 0; k < f->tries[t].ncatches; k++)
      if (f->catches[f->tries[t].catches + k].tag != UINT32_MAX)
        tags[f->catches[f->tries[t].catches + k].tag] = 1;
  put(p, "module imports %u memories %u tables %u globals %u types %u funcrefs %u\n", m->nimported_funcs, f->counts.memories,
      f->counts.tables, f->counts.globals, f->counts.types, f->counts.funcrefs);
  for (uint32_t k = 0; k < m->ntypes; k++)
    if (types[k])
      put(p, "type t%u ", k), put_signature(p, m->types[k].func), put(p, "\n");
  for (uint32_t k = 0; k < m->nfuncs; k++)
    if (funcs[k])
      put(p, "decl f%u ", k), put_signature(p, zw_func_type(m, k)), put(p, "\n");
  for (uint32_t k = 0; k < m->ntags; k++)
    if (tags[k])
      put(p, "tag %u ", k), put_kinds(p, m->types[m->tags[k].type].func->params, m->types[m->tags[k].type].func->nparams), put(p, "\n");
}

static void put_loop(Printer *p, uint32_t n)
{
  const ZLoop *l = &p->f->loops[n];
  put(p, "  loop %u header b%u entry b%u", n, l->header, l->entry);
  if (l->parent != NO_LOOP)
    put(p, " parent %u", l->parent);
  put(p, " effects 0x%x height %u%s%s", l->effects, l->max_height, l->has_call ? " calls" : "", l->iterates ? " iterates" : "");
  for (uint32_t k = 0; k < l->nexits; k++)
    put(p, "%s b%u", k ? "," : " exits", l->exits[k]);
  put(p, "\n");
}

static void put_try(Printer *p, uint32_t n)
{
  const ZTry *t = &p->f->tries[n];
  put(p, "  try %u", n);
  if (t->parent != UINT32_MAX)
    put(p, " parent %u", t->parent);
  for (uint32_t k = 0; k < t->ncatches; k++) {
    const ZCatch *c = &p->f->catches[t->catches + k];
    if (c->tag == UINT32_MAX)
      put(p, " catch all");
    else
      put(p, " catch %u", c->tag);
    put(p, "%s b%u", c->with_ref ? " ref" : "", c->block);
  }
  put(p, "\n");
}

void zw_zir_print(const ZirFunc *f, Text *out)
{
  zw_zir_unpack_all_at(f);
  Printer p = { f, out };
  put_mentions(&p);
  put(&p, "func f%u ", f->func);
  put_signature(&p, f->m->types[f->type].func);
  if (f->frame_locals)
    put(&p, " frame %u", f->frame_locals);
  put(&p, "\n");
  for (uint32_t l = 0; l < f->nloops; l++)
    put_loop(&p, l);
  for (uint32_t t = 0; t < f->ntries; t++)
    put_try(&p, t);
  bool plain = f->norder == f->nblocks;
  for (uint32_t k = 0; plain && k < f->norder; k++)
    plain = f->order[k] == k;
  if (!plain) {
    put(&p, "  order");
    for (uint32_t k = 0; k < f->norder; k++)
      put(&p, "%s b%u", k ? "," : "", f->order[k]);
    put(&p, "\n");
  }
  for (uint32_t b = 0; b < f->nblocks; b++)
    put_block(&p, b);
}
