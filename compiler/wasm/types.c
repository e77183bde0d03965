// Types of a module: which are equal, which are below which, and how they are written in messages.
// Types are iso-recursive: two are equal when their recursion groups are, member by member, with references inside a
// group compared by their place in it and all others by what is already known to be equal.  So groups are hashed one
// after the other in one linear pass.  spec: valid-types, valid-subtyping
#include "compiler/wasm/check_int.h"
#include "runtime/abi/gcobj.h"
#include "runtime/base/bits.h"
#include <string.h>

// ---- equality ----

// A type index as the group that starts at `first` sees it: its own types by place, others by their canonical index.
static uint64_t index_key(const Module *m, uint32_t index, uint32_t first)
{
  return index >= first ? (uint64_t)1 << 32 | (index - first) : m->types[index].canon;
}

static uint64_t type_key(const Module *m, ValType t, uint32_t first)
{
  if (!zw_is_ref(t) || zw_heap_type(t) >= HEAP_ABSTRACT)
    return (uint64_t)1 << 34 | t;
  return (uint64_t)zw_is_nullable(t) << 33 | index_key(m, zw_heap_type(t), first);
}

static uint64_t super_key(const Module *m, const TypeDef *t, uint32_t first)
{
  return t->super == UINT32_MAX ? (uint64_t)1 << 33 : index_key(m, t->super, first);
}

static uint64_t mix(uint64_t h, uint64_t x)
{
  h = (h ^ x) * 0xff51afd7ed558ccdu;
  return h ^ h >> 32;
}

static uint64_t hash_type(const Module *m, const TypeDef *t, uint32_t first, uint64_t h)
{
  h = mix(h, t->kind | (uint64_t)t->final << 8);
  h = mix(h, super_key(m, t, first));
  if (t->kind == COMP_FUNC) {
    h = mix(h, (uint64_t)t->func->nparams << 32 | t->func->nresults);
    for (uint32_t i = 0; i < t->func->nparams; i++)
      h = mix(h, type_key(m, t->func->params[i], first));
    for (uint32_t i = 0; i < t->func->nresults; i++)
      h = mix(h, type_key(m, t->func->results[i], first));
    return h;
  }
  h = mix(h, t->nfields);
  for (uint32_t i = 0; i < t->nfields; i++)
    h = mix(h, type_key(m, t->fields[i].type, first) << 1 | t->fields[i].mutable_);
  return h;
}

// Where compiled code finds the fields; the same as in runtime/type.
static void place_fields(const Module *m, const TypeDef *t)
{
  FieldType *f = (FieldType *)(uintptr_t)t->fields;
  uint32_t at = t->kind == COMP_ARRAY ? GC_ARRAY_DATA : GC_HEAD_BYTES;
  for (uint32_t i = 0; i < t->nfields; i++) {
    uint32_t bytes = zw_gc_field_bytes(f[i].type, zw_val_kind(m, f[i].type) == VK_FUNCREF);
    at = (uint32_t)zw_align_up(at, zw_gc_field_align(bytes));
    f[i].at = at & 0x7fffffff;
    at += bytes;
  }
}

static bool fields_defaultable(const TypeDef *t)
{
  for (uint32_t i = 0; i < t->nfields; i++)
    if (!zw_is_defaultable(t->fields[i].type))
      return false;
  return true;
}

static bool same_types(const Module *m, const ValType *a, uint32_t a_first, const ValType *b, uint32_t b_first,
                       uint32_t n)
{
  for (uint32_t i = 0; i < n; i++)
    if (type_key(m, a[i], a_first) != type_key(m, b[i], b_first))
      return false;
  return true;
}

// Types a and b of the groups that start there.
static bool same_type(const Module *m, const TypeDef *a, uint32_t a_first, const TypeDef *b, uint32_t b_first)
{
  if (a->kind != b->kind || a->final != b->final || super_key(m, a, a_first) != super_key(m, b, b_first))
    return false;
  if (a->kind == COMP_FUNC)
    return a->func->nparams == b->func->nparams && a->func->nresults == b->func->nresults &&
           same_types(m, a->func->params, a_first, b->func->params, b_first, a->func->nparams) &&
           same_types(m, a->func->results, a_first, b->func->results, b_first, a->func->nresults);
  if (a->nfields != b->nfields)
    return false;
  for (uint32_t i = 0; i < a->nfields; i++)
    if (a->fields[i].mutable_ != b->fields[i].mutable_ || !same_types(m, &a->fields[i].type, a_first, &b->fields[i].type, b_first, 1))
      return false;
  return true;
}

static bool same_group(const Module *m, uint32_t a, uint32_t b, uint32_t count)
{
  if (zw_rec_group_end(m->types, m->ntypes, a) - a != count)
    return false;
  for (uint32_t i = 0; i < count; i++)
    if (!same_type(m, &m->types[a + i], a, &m->types[b + i], b))
      return false;
  return true;
}

// Chains of groups that differ, by their first type + 1.  The links are in TypeDef.jump, which means nothing else before all are found.
typedef struct Groups { uint32_t *heads; uint32_t mask; uint64_t seed; } Groups;

// The first group that equals the one at `first`: an earlier one or itself.
static uint32_t find_group(Module *m, Groups *g, uint32_t first, uint32_t count)
{
  uint64_t h = g->seed;
  for (uint32_t i = 0; i < count; i++)
    h = hash_type(m, &m->types[first + i], first, h);
  uint32_t *head = &g->heads[(uint32_t)(h >> 7) & g->mask];
  for (uint32_t k = *head; k; k = m->types[k - 1].jump)
    if (same_group(m, k - 1, first, count))
      return k - 1;
  m->types[first].jump = *head;
  *head = first + 1;
  return first;
}

// ---- supertypes ----

static _Noreturn void bad_super(const Module *m, const TypeDef *t, const char *why)
{
  zw_fail(m->ctx, ERR_invalid, t->at, "sub type %u does not match its supertype %u: %s", (uint32_t)(t - m->types),
          t->super, why);
}

// Jumps double as they can: from any depth a supertype at any other is a few jumps and single steps away, and each type has one word
// for that, where a display of all supertypes would have 63.
static void set_depth(Module *m, uint32_t index)
{
  TypeDef *t = &m->types[index];
  if (t->canon != index || t->super == UINT32_MAX) {
    t->jump = t->canon;
    t->depth = t->canon != index ? m->types[t->canon].depth : 0;
    return;
  }
  const TypeDef *up = &m->types[m->types[t->super].canon], *far = &m->types[up->jump], *further = &m->types[far->jump];
  if (up->depth + 1 > LIMIT_SUBTYPE_DEPTH)
    zw_fail(m->ctx, ERR_limit, t->at, "type %u has more than %u supertypes", index, LIMIT_SUBTYPE_DEPTH);
  t->depth = (up->depth + 1u) & 63;
  t->jump = up->depth - far->depth == far->depth - further->depth ? far->jump : m->types[t->super].canon;
}

// The canonical supertype of t at that depth, which is not below t's.
static uint32_t supertype_at(const Module *m, const TypeDef *t, uint32_t depth)
{
  t = &m->types[t->canon];
  while (t->depth > depth)
    t = &m->types[m->types[t->jump].depth >= depth ? t->jump : m->types[t->super].canon];
  return t->canon;
}

static bool storage_sub(const Module *m, ValType a, ValType b) { return a == b || zw_subtype(m, a, b); }

static bool field_sub(const Module *m, FieldType a, FieldType b)
{
  return a.mutable_ == b.mutable_ && storage_sub(m, a.type, b.type) && (!a.mutable_ || storage_sub(m, b.type, a.type));
}

static void check_super(const Module *m, const TypeDef *t)
{
  if (t->super == UINT32_MAX)
    return;
  const TypeDef *s = &m->types[t->super];
  if (s->final)
    bad_super(m, t, "that is final");
  if (s->kind != t->kind)
    bad_super(m, t, "another kind of type");
  if (t->kind == COMP_FUNC) {
    if (t->func->nparams != s->func->nparams || t->func->nresults != s->func->nresults)
      bad_super(m, t, "other numbers of parameters or results");
    for (uint32_t i = 0; i < t->func->nparams; i++)
      if (!zw_subtype(m, s->func->params[i], t->func->params[i]))
        bad_super(m, t, "a parameter");
    for (uint32_t i = 0; i < t->func->nresults; i++)
      if (!zw_subtype(m, t->func->results[i], s->func->results[i]))
        bad_super(m, t, "a result");
    return;
  }
  if (t->nfields < s->nfields)
    bad_super(m, t, "fewer fields");
  for (uint32_t i = 0; i < s->nfields; i++)
    if (!field_sub(m, t->fields[i], s->fields[i]))
      bad_super(m, t, "a field");
}

void zw_check_types(Module *m)
{
  Ctx *c = m->ctx;
  ArenaMark mark = zw_arena_mark(&c->scratch);
  // The seed keeps a prepared module from filling one chain; which group is found does not depend on it.
  Groups g = { .mask = 15, .seed = (uintptr_t)m };
  while (g.mask < m->ntypes / 4)
    g.mask = g.mask * 2 + 1;
  g.heads = zw_new_array(&c->scratch, uint32_t, (size_t)g.mask + 1);
  for (uint32_t first = 0, end; first < m->ntypes; first = end) {
    end = zw_rec_group_end(m->types, m->ntypes, first);
    uint32_t equal = find_group(m, &g, first, end - first);
    for (uint32_t i = first; i < end; i++) {
      m->types[i].canon = (equal + (i - first)) & 0xfffff;
      m->types[i].defaultable = fields_defaultable(&m->types[i]);
      place_fields(m, &m->types[i]);
    }
  }
  for (uint32_t i = 0; i < m->ntypes; i++)
    set_depth(m, i);
  for (uint32_t i = 0; i < m->ntypes; i++)
    if (m->types[i].canon == i)
      check_super(m, &m->types[i]);
  zw_arena_release(&c->scratch, mark);
}

// ---- subtyping ----

enum {
  BIT_FUNC = 1,
  BIT_NOFUNC = 2,
  BIT_EXTERN = 4,
  BIT_NOEXTERN = 8,
  BIT_ANY = 16,
  BIT_EQ = 32,
  BIT_I31 = 64,
  BIT_STRUCT = 128,
  BIT_ARRAY = 256,
  BIT_NONE = 512,
  BIT_EXN = 1024,
  BIT_NOEXN = 2048
};
// Bit h of row a: abstract heap type a is below or equal to h.
static const uint16_t above[HEAP_BOT - HEAP_ABSTRACT] = {
  [HEAP_FUNC - HEAP_ABSTRACT] = BIT_FUNC,
  [HEAP_NOFUNC - HEAP_ABSTRACT] = BIT_NOFUNC | BIT_FUNC,
  [HEAP_EXTERN - HEAP_ABSTRACT] = BIT_EXTERN,
  [HEAP_NOEXTERN - HEAP_ABSTRACT] = BIT_NOEXTERN | BIT_EXTERN,
  [HEAP_ANY - HEAP_ABSTRACT] = BIT_ANY,
  [HEAP_EQ - HEAP_ABSTRACT] = BIT_EQ | BIT_ANY,
  [HEAP_I31 - HEAP_ABSTRACT] = BIT_I31 | BIT_EQ | BIT_ANY,
  [HEAP_STRUCT - HEAP_ABSTRACT] = BIT_STRUCT | BIT_EQ | BIT_ANY,
  [HEAP_ARRAY - HEAP_ABSTRACT] = BIT_ARRAY | BIT_EQ | BIT_ANY,
  [HEAP_NONE - HEAP_ABSTRACT] = BIT_NONE | BIT_I31 | BIT_STRUCT | BIT_ARRAY | BIT_EQ | BIT_ANY,
  [HEAP_EXN - HEAP_ABSTRACT] = BIT_EXN,
  [HEAP_NOEXN - HEAP_ABSTRACT] = BIT_NOEXN | BIT_EXN,
};
STATIC_ASSERT(HEAP_NOFUNC - HEAP_ABSTRACT == 1 && HEAP_ANY - HEAP_ABSTRACT == 4 && HEAP_NOEXN - HEAP_ABSTRACT == 11,
              "bits follow the order of the heap types");

// The abstract type right above a defined one.
static uint32_t abstract_of(const Module *m, uint32_t index)
{
  switch ((CompKind)m->types[index].kind) {
  case COMP_FUNC: return HEAP_FUNC;
  case COMP_STRUCT: return HEAP_STRUCT;
  case COMP_ARRAY: return HEAP_ARRAY;
  }
  return HEAP_BOT;
}

bool zw_heap_sub(const Module *m, uint32_t a, uint32_t b)
{
  if (a == b || a == HEAP_BOT)
    return true;
  if (b == HEAP_BOT)
    return false;
  if (a < HEAP_ABSTRACT && b < HEAP_ABSTRACT) {
    const TypeDef *ta = &m->types[a], *tb = &m->types[b];
    return ta->canon == tb->canon || (tb->depth < ta->depth && supertype_at(m, ta, tb->depth) == tb->canon);
  }
  if (b < HEAP_ABSTRACT)
    return a == (m->types[b].kind == COMP_FUNC ? HEAP_NOFUNC : HEAP_NONE);
  if (a < HEAP_ABSTRACT)
    a = abstract_of(m, a);
  return above[a - HEAP_ABSTRACT] >> (b - HEAP_ABSTRACT) & 1;
}

bool zw_subtype(const Module *m, ValType a, ValType b)
{
  if (a == b || a == VT_BOT)
    return true;
  if (!zw_is_ref(a) || !zw_is_ref(b) || (zw_is_nullable(a) && !zw_is_nullable(b)))
    return false;
  return zw_heap_sub(m, zw_heap_type(a), zw_heap_type(b));
}

bool zw_types_equal(const Module *m, uint32_t a, uint32_t b) { return m->types[a].canon == m->types[b].canon; }

// The top of the hierarchy that a heap type is in.
uint32_t zw_heap_top(const Module *m, uint32_t heap)
{
  if (heap < HEAP_ABSTRACT)
    heap = abstract_of(m, heap);
  uint16_t up = above[heap - HEAP_ABSTRACT];
  return up & BIT_ANY ? HEAP_ANY : up & BIT_FUNC ? HEAP_FUNC : up & BIT_EXTERN ? HEAP_EXTERN : HEAP_EXN;
}

// ---- text ----

static const char *const heap_names[] = { "func", "nofunc", "extern", "noextern", "any", "eq", "i31",
                                          "struct", "array", "none", "exn", "noexn", "bot" };
static const char *const plain_names[] = { "i32", "i64", "f32", "f64", "v128", "bot", "i8", "i16" };

const char *zw_type_text(const Module *m, ValType t, char buf[64])
{
  (void)m;
  if (!zw_is_ref(t)) {
    zw_format(buf, 64, "%s", plain_names[t]);
    return buf;
  }
  uint32_t h = zw_heap_type(t);
  const char *null = zw_is_nullable(t) ? "null " : "";
  if (h < HEAP_ABSTRACT)
    zw_format(buf, 64, "(ref %s%u)", null, h);
  else if (h == HEAP_NONE && *null)
    zw_format(buf, 64, "nullref");
  else if ((h == HEAP_NOFUNC || h == HEAP_NOEXTERN || h == HEAP_NOEXN) && *null)
    zw_format(buf, 64, "null%sref", heap_names[h - HEAP_ABSTRACT] + 2);
  else if (*null && h != HEAP_BOT)
    zw_format(buf, 64, "%sref", heap_names[h - HEAP_ABSTRACT]);
  else
    zw_format(buf, 64, "(ref %s%s)", null, heap_names[h - HEAP_ABSTRACT]);
  return buf;
}

static const char *const extern_names[] = { "func", "table", "memory", "global", "tag" };

static void put_func_type(Text *t, const Module *m, uint32_t type)
{
  const FuncType *f = m->types[type].func;
  char buf[64];
  for (uint32_t k = 0; k < f->nparams; k++)
    zw_text_printf(t, "%s%s", k ? " " : " (param ", zw_type_text(m, f->params[k], buf));
  zw_text_printf(t, "%s", f->nparams ? ")" : "");
  for (uint32_t k = 0; k < f->nresults; k++)
    zw_text_printf(t, "%s%s", k ? " " : " (result ", zw_type_text(m, f->results[k], buf));
  zw_text_printf(t, "%s", f->nresults ? ")" : "");
}

// (func (param i32) (result i64)), (memory 1 2), (global (mut i32)) ...
void zw_put_extern_type(Text *t, const Module *m, uint32_t kind, uint32_t index)
{
  char buf[64];
  const Limits *l = NULL;
  zw_text_printf(t, "(%s", extern_names[kind]);
  if (kind == EXT_FUNC || kind == EXT_TAG)
    put_func_type(t, m, kind == EXT_FUNC ? m->funcs[index].type : m->tags[index].type);
  else if (kind == EXT_GLOBAL)
    zw_text_printf(t, m->globals[index].type.mutable_ ? " (mut %s)" : " %s", zw_type_text(m, m->globals[index].type.type, buf));
  else
    l = kind == EXT_MEMORY ? &m->memories[index].type.limits : &m->tables[index].type.limits;
  if (l) {
    zw_text_printf(t, "%s %llu", l->is64 ? " i64" : "", (unsigned long long)l->min);
    if (l->has_max)
      zw_text_printf(t, " %llu", (unsigned long long)l->max);
    if (l->shared)
      zw_text_printf(t, " shared");
    if (kind == EXT_MEMORY && l->page_log2 != 16)
      zw_text_printf(t, " (pagesize %llu)", 1ull << (l->page_log2 & 63));
    if (kind == EXT_TABLE)
      zw_text_printf(t, " %s", zw_type_text(m, m->tables[index].type.elem, buf));
  }
  zw_text_printf(t, ")");
}
