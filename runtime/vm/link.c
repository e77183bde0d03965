// Does what is offered fit what is imported?  The sentences begin with the official suite's words.
// spec: valid-externtype matching, exec-instantiation step 5
#include "runtime/vm/vm_int.h"

typedef struct Link { const Instance *in; const ImageImport *import; char *err; size_t err_bytes; } Link;

static bool refuse(const Link *l, const char *fault, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static bool refuse(const Link *l, const char *fault, const char *fmt, ...)
{
  char why[160];
  va_list ap;
  va_start(ap, fmt);
  zw_vformat(why, sizeof why, fmt, ap);
  va_end(ap);
  Str m = zw_image_name(l->in->image, l->import->module), n = zw_image_name(l->in->image, l->import->name);
  zw_format(l->err, l->err_bytes, "%s: \"%.*s\" \"%.*s\"%s%s", fault, (int)m.n, m.p, (int)n.n, n.p, *why ? ": " : "", why);
  return false;
}
#define INCOMPATIBLE "incompatible import type"

static const char *kind_name(unsigned kind)
{
  static const char *const names[] = { "function", "table", "memory", "global", "tag" };
  return kind < ARRAY_COUNT(names) ? names[kind] : "thing";
}

// spec: match-limits
static bool limits_fit(const Link *l, uint64_t size, bool has_max, uint64_t max, const ImageLimits *want, const char *unit)
{
  if (size < want->min)
    return refuse(l, INCOMPATIBLE, "it has %llu %s, at least %llu are wanted", (unsigned long long)size, unit, (unsigned long long)want->min);
  if (want->has_max && (!has_max || max > want->max))
    return refuse(l, INCOMPATIBLE, "its maximum may exceed the %llu %s wanted", (unsigned long long)want->max, unit);
  return true;
}

static bool table_fits(const Link *l, const Table *t, const ImageTable *want)
{
  if (t->is64 != want->limits.is64)
    return refuse(l, INCOMPATIBLE, "the index types differ");
  if (t->elem != zw_valtype_with_ids(want->elem, zw_type_ids(l->in)))
    return refuse(l, INCOMPATIBLE, "the element types differ");
  return limits_fit(l, t->def.length, t->has_max, t->declared_max, &want->limits, "elements");
}
static bool memory_fits(const Link *l, const Memory *m, const ImageMemory *want)
{
  if (m->is64 != want->limits.is64)
    return refuse(l, INCOMPATIBLE, "the address types differ");
  if (m->shared != want->limits.shared)
    return refuse(l, INCOMPATIBLE, "one is shared, the other is not");
  if (m->page_log2 != want->limits.page_log2)
    return refuse(l, INCOMPATIBLE, "the page sizes differ");
  return limits_fit(l, m->def.bytes >> m->page_log2, m->has_max, m->max_pages, &want->limits, "pages");
}
static bool global_fits(const Link *l, const GlobalCell *g, const ImageGlobal *want)
{
  ValType type = zw_valtype_with_ids(want->type, zw_type_ids(l->in));
  if (g->mutable_ != want->mutable_)
    return refuse(l, INCOMPATIBLE, "the mutability differs");
  if (g->mutable_ ? g->type != type : !zw_valtype_sub(g->type, type))
    return refuse(l, INCOMPATIBLE, "the types differ");
  return true;
}

bool zw_link_check(const Instance *in, const ImageImport *import, const Extern *e, char *err, size_t err_bytes)
{
  const Image *im = in->image;
  Link l = { in, import, err, err_bytes };
  if (!e->u.func) // all members are pointers
    return refuse(&l, "unknown import", "%s", "");
  if (e->kind != import->kind)
    return refuse(&l, INCOMPATIBLE, "a %s is wanted, a %s is given", kind_name(import->kind), kind_name(e->kind));
  switch ((ExternKind)import->kind) {
  case EXT_FUNC: {
    uint32_t want = zw_type_ids(in)[IMAGE_ARRAY(im, uint32_t, IMG_FUNC_TYPES)[import->index]];
    if (e->u.func->vmctx->store != in->store)
      return refuse(&l, INCOMPATIBLE, "it belongs to another store");
    return zw_type_sub(e->u.func->type_id, want) ? true : refuse(&l, INCOMPATIBLE, "the function types differ");
  }
  case EXT_TABLE:
    if (e->u.table->object.store != in->store)
      return refuse(&l, INCOMPATIBLE, "it belongs to another store");
    return table_fits(&l, e->u.table, IMAGE_ARRAY(im, ImageTable, IMG_TABLES) + import->index);
  case EXT_MEMORY:
    if (e->u.memory->object.store != in->store && !e->u.memory->shared) // a shared one serves stores of other threads, while its own lives
      return refuse(&l, INCOMPATIBLE, "it belongs to another store");
    return memory_fits(&l, e->u.memory, IMAGE_ARRAY(im, ImageMemory, IMG_MEMORIES) + import->index);
  case EXT_GLOBAL:
    if (e->u.global->object.store != in->store)
      return refuse(&l, INCOMPATIBLE, "it belongs to another store");
    return global_fits(&l, e->u.global, IMAGE_ARRAY(im, ImageGlobal, IMG_GLOBALS) + import->index);
  case EXT_TAG:
    if (e->u.tag->object.store != in->store)
      return refuse(&l, INCOMPATIBLE, "it belongs to another store");
    return e->u.tag->type_id == zw_type_ids(in)[IMAGE_ARRAY(im, uint32_t, IMG_TAGS)[import->index]]
               ? true : refuse(&l, INCOMPATIBLE, "the tag types differ");
  }
  return refuse(&l, "unknown import", "%s", "");
}
