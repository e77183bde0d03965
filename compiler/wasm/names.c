// The custom sections we know: "name" and "metadata.code.branch_hint".  They are advice.  A part that is not
// well-formed ends the reading of its section, and what was read before it stays.
#include "compiler/wasm/body.h"
#include "runtime/base/utf8.h"

typedef struct Soft { const uint8_t *p, *end; bool ok; } Soft; // after !ok every read gives 0

static uint32_t soft_u32(Soft *s)
{
  uint64_t v = 0;
  if (s->ok && zw_leb_read_u(&s->p, s->end, 32, &v) != LEB_OK)
    s->ok = false;
  return s->ok ? (uint32_t)v : 0;
}

static uint32_t soft_count(Soft *s)
{
  uint32_t n = soft_u32(s);
  if (n > (uint64_t)(s->end - s->p))
    s->ok = false;
  return s->ok ? n : 0;
}

static Str soft_name(Soft *s)
{
  uint32_t n = soft_count(s);
  Str name = { (const char *)s->p, n };
  if (s->ok && !zw_utf8_ok(s->p, n))
    s->ok = false;
  if (!s->ok)
    return (Str){ "", 0 };
  s->p += n;
  return name;
}

typedef VEC(uint32_t) Indices;
typedef VEC(Str) Strings;
typedef struct Assoc { Indices outer, index; Strings name; } Assoc; // outer: function or type, for the indirect maps

// index, name pairs with ascending indices below `space`.
static void soft_map(Module *m, Soft *s, uint32_t space, uint32_t outer, Assoc *out)
{
  Arena *a = &m->ctx->module;
  uint32_t n = soft_count(s);
  uint64_t next = 0;
  for (uint32_t k = 0; k < n; k++) {
    uint32_t index = soft_u32(s);
    Str name = soft_name(s);
    if (!s->ok || index < next || index >= space) {
      s->ok = false;
      return;
    }
    next = (uint64_t)index + 1;
    *zw_push(a, &out->outer) = outer;
    *zw_push(a, &out->index) = index;
    *zw_push(a, &out->name) = name;
  }
}

static NameMap map_of(const Assoc *a) { return (NameMap){ a->index.n, a->index.p, a->name.p }; }

static NameMap read_map(Module *m, Soft *s, uint32_t space)
{
  Assoc a = { 0 };
  soft_map(m, s, space, 0, &a);
  return map_of(&a);
}

static NameMap read_indirect_map(Module *m, Soft *s, uint32_t outer_space, const uint32_t **outer)
{
  Assoc a = { 0 };
  uint32_t n = soft_count(s);
  uint64_t next = 0;
  for (uint32_t k = 0; k < n && s->ok; k++) {
    uint32_t o = soft_u32(s);
    if (!s->ok || o < next || o >= outer_space) {
      s->ok = false;
      break;
    }
    next = (uint64_t)o + 1;
    soft_map(m, s, UINT32_MAX, o, &a);
  }
  *outer = a.outer.p;
  return map_of(&a);
}

static void read_func_names(Module *m, Soft *s)
{
  NameMap f = read_map(m, s, m->nfuncs);
  for (uint32_t i = 0; i < f.n; i++)
    m->funcs[f.index[i]].name = f.name[i];
}

static void read_names(Module *m, const Custom *c)
{
  Names *n = &m->names;
  Soft s = { c->bytes, c->bytes + c->len, true };
  for (uint32_t last = 0; s.p != s.end;) {
    uint32_t id = *s.p++;
    uint32_t bytes = soft_count(&s);
    if (!s.ok || id + 1 <= last) // ascending, each once
      return;
    last = id + 1;
    Soft sub = { s.p, s.p + bytes, true };
    s.p += bytes;
    switch (id) {
    case 0: n->module = soft_name(&sub); break;
    case 1: read_func_names(m, &sub); break;
    case 2: n->locals = read_indirect_map(m, &sub, m->nfuncs, &n->local_func); break;
    case 3: n->labels = read_indirect_map(m, &sub, m->nfuncs, &n->label_func); break;
    case 4: n->types = read_map(m, &sub, m->ntypes); break;
    case 5: n->tables = read_map(m, &sub, m->ntables); break;
    case 6: n->memories = read_map(m, &sub, m->nmemories); break;
    case 7: n->globals = read_map(m, &sub, m->nglobals); break;
    case 8: n->elems = read_map(m, &sub, m->nelems); break;
    case 9: n->datas = read_map(m, &sub, m->ndatas); break;
    case 10: n->fields = read_indirect_map(m, &sub, m->ntypes, &n->field_type); break;
    case 11: n->tags = read_map(m, &sub, m->ntags); break;
    default: break; // of a later edition
    }
    if (!sub.ok)
      return;
  }
}

static void read_branch_hints(Module *m, const Custom *c)
{
  VEC(BranchHint) hints = { 0 };
  Soft s = { c->bytes, c->bytes + c->len, true };
  uint64_t next_func = m->nimported_funcs;
  for (uint32_t n = soft_count(&s); n && s.ok; n--) {
    uint32_t func = soft_u32(&s);
    if (!s.ok || func < next_func || func >= m->nfuncs)
      break;
    next_func = (uint64_t)func + 1;
    uint64_t next_off = 0;
    for (uint32_t k = soft_count(&s); k && s.ok; k--) {
      BranchHint h = { func, soft_u32(&s), 0 };
      uint32_t bytes = soft_u32(&s);
      if (!s.ok || bytes != 1 || s.p == s.end || *s.p > 1 || h.off < next_off) {
        s.ok = false;
        break;
      }
      h.likely = *s.p++;
      next_off = (uint64_t)h.off + 1;
      *zw_push(&m->ctx->module, &hints) = h;
    }
  }
  m->hints = hints.p;
  m->nhints = hints.n;
}

void zw_read_customs(Module *m)
{
  enum { SEC_CODE = 10 };
  bool names = false;
  for (uint32_t i = 0; i < m->ncustoms; i++) {
    const Custom *c = &m->customs[i];
    if (zw_str_eq(c->name, STR("name")) && !names) {
      names = true;
      read_names(m, c);
    }
    if (zw_str_eq(c->name, STR("metadata.code.branch_hint")) && !m->hints && c->after < SEC_CODE)
      read_branch_hints(m, c);
  }
}
