// Validation of a module: everything around the bodies, in the order in which things may refer to each other, and then
// the bodies one by one.  spec: valid-module
#include "compiler/wasm/check_int.h"
#include <string.h>

#define INVALID(m, at, ...) zw_fail((m)->ctx, ERR_invalid, (at), __VA_ARGS__)

// ---- limits of memories and tables ----

static void check_min_max(Module *m, const Limits *l, uint64_t at)
{
  if (l->has_max && l->min > l->max)
    INVALID(m, at, "size minimum must not be greater than maximum");
}

static void check_memory(Module *m, const MemoryDecl *d)
{
  const Limits *l = &d->type.limits;
  // As many pages as the address type can count bytes of, but the whole of 64 bits less one byte for 1-byte pages.
  unsigned bits = l->is64 ? 64 : 32;
  uint64_t most = l->page_log2 ? (uint64_t)1 << (bits - l->page_log2) : l->is64 ? UINT64_MAX : UINT32_MAX;
  if (l->min > most || (l->has_max && l->max > most)) {
    if (l->page_log2 == 16 && !l->is64)
      INVALID(m, d->at, "memory size must be at most 65536 pages (4GiB)");
    INVALID(m, d->at, "memory size must be at most %llu pages of %u bytes", (unsigned long long)most,
            1u << l->page_log2);
  }
  check_min_max(m, l, d->at);
  if (l->shared && !l->has_max)
    INVALID(m, d->at, "shared memory must have maximum");
}

static void check_table(Module *m, const TableDecl *t)
{
  const Limits *l = &t->type.limits;
  if (!l->is64 && (l->min > UINT32_MAX || (l->has_max && l->max > UINT32_MAX)))
    INVALID(m, t->at, "table size must be at most 2^32-1");
  check_min_max(m, l, t->at);
  if (t->init)
    zw_check_const(m, t->init, t->type.elem, m->nimported_globals);
  else if (t->import == UINT32_MAX && !zw_is_defaultable(t->type.elem))
    zw_fail(m->ctx, ERR_type_mismatch, t->at, "a table of references that are not null needs an initial value");
}

// ---- segments ----

static ValType addr_of(const Limits *l) { return l->is64 ? VT_I64 : VT_I32; }

static void check_elem_func(Module *m, const Elem *e, uint32_t f)
{
  if (f >= m->nfuncs)
    INVALID(m, e->at, "unknown function %u", f);
  if (!zw_subtype(m, VT_REF | m->funcs[f].type, e->type)) {
    char a[64];
    zw_fail(m->ctx, ERR_type_mismatch, e->at, "function %u is not a %s", f, zw_type_text(m, e->type, a));
  }
}

static void check_elem(Module *m, const Elem *e)
{
  if (e->mode == SEG_ACTIVE) {
    if (e->table >= m->ntables)
      INVALID(m, e->at, "unknown table %u", e->table);
    const TableType *t = &m->tables[e->table].type;
    if (!zw_subtype(m, e->type, t->elem)) {
      char a[64], b[64];
      zw_fail(m->ctx, ERR_type_mismatch, e->at, "elements of type %s do not fit into a table of %s",
              zw_type_text(m, e->type, a), zw_type_text(m, t->elem, b));
    }
    zw_check_const(m, &e->offset, addr_of(&t->limits), m->nglobals);
  }
  for (uint32_t i = 0; i < e->count; i++)
    if (e->funcs)
      check_elem_func(m, e, e->funcs[i]);
    else
      zw_check_const(m, &e->exprs[i], e->type, m->nglobals);
}

static void check_data(Module *m, const Data *d)
{
  if (d->mode != SEG_ACTIVE)
    return;
  if (d->memory >= m->nmemories)
    INVALID(m, (uint64_t)(d->bytes - m->bytes), "unknown memory %u", d->memory);
  zw_check_const(m, &d->offset, addr_of(&m->memories[d->memory].type.limits), m->nglobals);
}

// ---- exports, start, tags ----

static void check_export_index(Module *m, const Export *e)
{
  static const char *const names[] = { "function", "table", "memory", "global", "tag" };
  uint32_t space[] = { m->nfuncs, m->ntables, m->nmemories, m->nglobals, m->ntags };
  if (e->index >= space[e->kind])
    INVALID(m, e->at, "unknown %s %u", names[e->kind], e->index);
}

static void check_exports(Module *m)
{
  Arena *a = &m->ctx->scratch;
  ArenaMark mark = zw_arena_mark(a);
  uint32_t mask = 15;
  while (mask < m->nexports * 2)
    mask = mask * 2 + 1;
  uint32_t *slots = zw_new_array(a, uint32_t, (size_t)mask + 1); // export + 1
  for (uint32_t i = 0; i < m->nexports; i++) {
    const Export *e = &m->exports[i];
    check_export_index(m, e);
    uint32_t s = (uint32_t)zw_hash_bytes(e->name.p, e->name.n, (uintptr_t)m) & mask;
    for (; slots[s]; s = (s + 1) & mask)
      if (zw_str_eq(m->exports[slots[s] - 1].name, e->name))
        INVALID(m, e->at, "duplicate export name");
    slots[s] = i + 1;
  }
  zw_arena_release(a, mark);
}

static void check_start(Module *m)
{
  if (m->start == UINT32_MAX)
    return;
  if (m->start >= m->nfuncs)
    INVALID(m, m->start_at, "unknown function %u", m->start);
  const FuncType *t = zw_func_type(m, m->start);
  if (t->nparams || t->nresults)
    INVALID(m, m->start_at, "start function must have no parameters and no results");
}

static void check_tag(Module *m, const Tag *t)
{
  if (m->types[t->type].func->nresults)
    INVALID(m, t->at, "non-empty tag result type");
}

// Editions before 3.0 and 2.0 had at most one of each; a user can ask for that.
static void check_counts(Module *m)
{
  if (m->nmemories > 1 && !(m->features_on >> FEAT_MULTI_MEMORY & 1))
    INVALID(m, m->memories[1].at, "multiple memories");
  if (m->ntables > 1 && !(m->features_on >> FEAT_REF_TYPES & 1))
    INVALID(m, m->tables[1].at, "multiple tables");
}

// ---- bodies ----

static uint32_t *global_effects(Module *m, Arena *a)
{
  uint32_t *e = zw_new_array(a, uint32_t, m->nglobals), mutables = 0;
  for (uint32_t i = 0; i < m->nglobals; i++) {
    if (!m->globals[i].type.mutable_)
      continue;
    e[i] = (uint32_t)1 << (mutables < 23 ? EFF_GLOBAL_SHIFT + mutables : 31);
    mutables++;
  }
  return e;
}

FuncCheck *zw_check_begin(Module *m, uint32_t threads)
{
  Arena *a = &m->ctx->scratch;
  FuncCheck *f = zw_new(a, FuncCheck);
  f->m = m;
  f->c = m->ctx;
  f->a = a;
  f->regions.a = &m->ctx->module;
  f->allowance = FACTS_FREE + (int64_t)(FACTS_PER_BYTE * m->code_len / threads);
  f->mem0 = m->nmemories ? addr_of(&m->memories[0].type.limits) : VT_BOT;
  f->global_effect = global_effects(m, a);
  f->hint = m->hints;
  f->hints_end = m->hints + m->nhints;
  zw_fill_fast_ops(f);
  a->tight = m->ctx->module.tight = true;
  f->large = a->large;
  a->large = LARGE_BUFFER;
  f->mark = zw_arena_mark(a);
  return f;
}

void zw_check_done(FuncCheck *f)
{
  zw_region_done(f->regions.now);
  f->a->large = f->large;
  f->a->tight = f->c->module.tight = false;
}

void zw_check_body(FuncCheck *f, uint32_t func)
{
  zw_check_func(f, func, f->m->facts ? &f->m->facts[func - f->m->nimported_funcs] : NULL);
}

// 8 bytes of body can declare 50,000 locals, and the facts have a word for each.
static void limit_all_locals(Module *m)
{
  uint64_t total = 0;
  for (uint32_t i = m->nimported_funcs; i < m->nfuncs; i++) {
    const uint8_t *p = m->funcs[i].body, *end = p + m->funcs[i].body_len;
    uint64_t groups, n;
    total += zw_func_type(m, i)->nparams;
    if (zw_leb_read_u(&p, end, 32, &groups) != LEB_OK)
      continue; // said when the body is checked
    for (; groups && zw_leb_read_u(&p, end, 32, &n) == LEB_OK && p != end; groups--) {
      total += n <= LIMIT_LOCALS ? n : 0;
      int64_t heap;
      uint8_t type = *p++;
      if ((type == 0x63 || type == 0x64) && zw_leb_read_s(&p, end, 33, &heap) != LEB_OK)
        break;
    }
  }
  if (total > m->len + MAX_TOTAL_LOCALS)
    zw_fail(m->ctx, ERR_limit, ZW_NO_POS, "%llu locals in all functions together; at most %llu are allowed",
            (unsigned long long)total, (unsigned long long)m->len + MAX_TOTAL_LOCALS);
}

void zw_check_around(Module *m)
{
  zw_check_types(m);
  check_counts(m);
  for (uint32_t i = 0; i < m->nmemories; i++)
    check_memory(m, &m->memories[i]);
  for (uint32_t i = 0; i < m->ntags; i++)
    check_tag(m, &m->tags[i]);
  for (uint32_t i = m->nimported_globals; i < m->nglobals; i++)
    zw_check_const(m, &m->globals[i].init, m->globals[i].type.type, i);
  for (uint32_t i = 0; i < m->ntables; i++)
    check_table(m, &m->tables[i]);
  for (uint32_t i = 0; i < m->nelems; i++)
    check_elem(m, &m->elems[i]);
  for (uint32_t i = 0; i < m->ndatas; i++)
    check_data(m, &m->datas[i]);
  check_start(m);
  check_exports(m);
  limit_all_locals(m);
  // Records of functions of a few bytes each wait until the module is known to be valid, as facts do (allow_facts).
  if (sizeof(FuncFacts) * (m->nfuncs - m->nimported_funcs) <= FACTS_FREE + FACTS_PER_BYTE / 2 * m->code_len)
    m->facts = zw_new_array(&m->ctx->module, FuncFacts, m->nfuncs - m->nimported_funcs);
}

// Facts that were left for later.
static void check_again(Module *m)
{
  if (!m->facts)
    m->facts = zw_new_array(&m->ctx->module, FuncFacts, m->nfuncs - m->nimported_funcs);
  ArenaMark mark = zw_arena_mark(&m->ctx->scratch);
  FuncCheck *f = NULL;
  for (uint32_t i = m->nimported_funcs; i < m->nfuncs; i++) {
    if (m->facts[i - m->nimported_funcs].nframes)
      continue;
    if (!f)
      f = zw_check_begin(m, 1);
    f->again = true;
    zw_check_body(f, i);
  }
  if (f)
    zw_check_done(f);
  zw_arena_release(&m->ctx->scratch, mark);
}

void zw_check_end(Module *m)
{
  check_again(m);
  zw_complete_module(m);
  zw_number_funcrefs(m);
  m->ctx->at_func = m->ctx->at_instr = UINT32_MAX;
  m->ctx->at_op = NULL;
  m->checked = true;
}

void zw_check_module(Module *m)
{
  zw_check_around(m);
  ArenaMark mark = zw_arena_mark(&m->ctx->scratch);
  FuncCheck *f = zw_check_begin(m, 1);
  for (uint32_t i = m->nimported_funcs; i < m->nfuncs; i++)
    zw_check_body(f, i);
  zw_check_done(f);
  zw_arena_release(&m->ctx->scratch, mark);
  zw_check_end(m);
}
