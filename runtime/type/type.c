// Canonical types: a hash table of recursion groups in a normal form, and the facts of each type by id.
//
// The normal form of a group is its part of the stream with every type index replaced: inside the group by
// GROUP_REL | position, outside by the id, which is canonical already.  Equal groups then have equal words, so one
// look-up per group decides equality of all its types, in time linear in the group.
#include "runtime/type/type.h"
#include "runtime/abi/gcobj.h"
#include "runtime/base/alloc.h"
#include "runtime/base/bits.h"
#include "runtime/base/str.h"
#include "runtime/os/os.h"

enum { GROUP_REL = 1 << 28, CHUNK = 4096 };
STATIC_ASSERT((uint32_t)TYPE_MAX_IDS <= GC_ID_FREE && TYPE_MAX_IDS % CHUNK == 0, "ids of their own");
STATIC_ASSERT((int)TYPE_MAX_IDS <= (int)GROUP_REL && GROUP_REL * 2 == (int)HEAP_ABSTRACT, "ids and positions are both heap type words");

typedef struct Group {
  struct Group *next;         // in its bucket
  uint64_t hash;
  uint32_t first, count;      // ids
  uint32_t words;
  uint32_t key[];             // the normal form
} Group;

static OsMutex lock;                     // held by writers; readers of `chunks` need none
static Group **buckets;
static uint32_t nbuckets, ngroups;       // nbuckets is 0 or a power of two, ngroups <= nbuckets
static uint32_t ids_given;               // ids 1..ids_given exist
static const TypeInfo **chunks[TYPE_MAX_IDS / CHUNK]; // id -> info; entries are written once, with release

const TypeInfo *zw_type_info(uint32_t id)
{
  ASSERT(id != 0 && id <= __atomic_load_n(&ids_given, __ATOMIC_ACQUIRE));
  const TypeInfo **chunk = __atomic_load_n(&chunks[id / CHUNK], __ATOMIC_ACQUIRE);
  return __atomic_load_n(&chunk[id % CHUNK], __ATOMIC_ACQUIRE);
}

uint32_t zw_types_count(void) { return __atomic_load_n(&ids_given, __ATOMIC_ACQUIRE); }

// ---- subtyping ----

bool zw_type_sub(uint32_t a, uint32_t b)
{
  if (a == b)
    return true;
  const TypeInfo *ia = zw_type_info(a), *ib = zw_type_info(b);
  return ib->depth < ia->depth && ia->display[ib->depth] == b;
}

static bool abstract_sub(uint32_t a, uint32_t b)
{
  switch (a) {
  case HEAP_NOFUNC: return b == HEAP_FUNC;
  case HEAP_NOEXTERN: return b == HEAP_EXTERN;
  case HEAP_NOEXN: return b == HEAP_EXN;
  case HEAP_EQ: return b == HEAP_ANY;
  case HEAP_I31: case HEAP_STRUCT: case HEAP_ARRAY: return b == HEAP_EQ || b == HEAP_ANY;
  case HEAP_NONE: return b == HEAP_I31 || b == HEAP_STRUCT || b == HEAP_ARRAY || b == HEAP_EQ || b == HEAP_ANY;
  }
  return false;
}

static bool heap_sub(uint32_t a, uint32_t b)
{
  if (a == b)
    return true;
  if (a < HEAP_ABSTRACT && b < HEAP_ABSTRACT)
    return zw_type_sub(a, b);
  if (a < HEAP_ABSTRACT) {
    switch ((CompKind)zw_type_info(a)->kind) {
    case COMP_FUNC: return b == HEAP_FUNC;
    case COMP_STRUCT: return b == HEAP_STRUCT || abstract_sub(HEAP_STRUCT, b);
    case COMP_ARRAY: return b == HEAP_ARRAY || abstract_sub(HEAP_ARRAY, b);
    }
  }
  if (b < HEAP_ABSTRACT)
    return zw_type_info(b)->kind == COMP_FUNC ? a == HEAP_NOFUNC : a == HEAP_NONE;
  return abstract_sub(a, b);
}

bool zw_valtype_sub(ValType a, ValType b)
{
  if (a == b)
    return true;
  if (!zw_is_ref(a) || !zw_is_ref(b) || (zw_is_nullable(a) && !zw_is_nullable(b)))
    return false;
  return heap_sub(zw_heap_type(a), zw_heap_type(b));
}

// ---- reading a stream ----

static uint32_t body_words(const uint32_t *head)
{
  return (head[TYPE_HEAD_KIND] & 0xff) == COMP_FUNC ? head[TYPE_HEAD_N] + head[TYPE_HEAD_M] : 2 * head[TYPE_HEAD_N];
}

// A group in the stream that is being read, or the one type of zw_type_func.
typedef struct Source {
  const uint32_t *at;         // first head
  const uint32_t *stream, *index, *ids; // for type indices: position of its head; id when before `first`
  uint32_t first, count;      // type indices; `first` is UINT32_MAX when indices are ids already
} Source;

static uint32_t normal_index(const Source *s, uint32_t i)
{
  if (s->first == UINT32_MAX)
    return i;
  return i >= s->first ? (uint32_t)GROUP_REL | (i - s->first) : s->ids[i];
}
static ValType normal_type(const Source *s, ValType t)
{
  if (!zw_is_ref(t) || zw_heap_type(t) >= HEAP_ABSTRACT)
    return t;
  return (t & (VT_REF | VT_NULL)) | normal_index(s, zw_heap_type(t));
}

// Write the normal form of a group; returns its length in words.
static uint32_t normalise(const Source *s, uint32_t *key)
{
  const uint32_t *p = s->at;
  uint32_t *k = key;
  for (uint32_t i = 0; i < s->count; i++) {
    bool func = (p[TYPE_HEAD_KIND] & 0xff) == COMP_FUNC;
    uint32_t n = body_words(p);
    memcpy(k, p, TYPE_HEAD_WORDS * sizeof *p);
    if (p[TYPE_HEAD_SUPER] != TYPE_NO_SUPER)
      k[TYPE_HEAD_SUPER] = normal_index(s, p[TYPE_HEAD_SUPER]);
    p += TYPE_HEAD_WORDS, k += TYPE_HEAD_WORDS;
    for (uint32_t j = 0; j < n; j++)
      k[j] = func || j % 2 == 0 ? normal_type(s, p[j]) : p[j];
    p += n, k += n;
  }
  return (uint32_t)(k - key);
}

// ---- making the facts of a new group ----

static uint32_t with_id(const Group *g, uint32_t index) { return index & GROUP_REL ? g->first + (index - GROUP_REL) : index; }

// Is the normal-form reference type t of the function hierarchy?  Types of the group itself are looked up in `infos`.
static bool is_func_ref(const TypeInfo *infos, ValType t)
{
  uint32_t heap = zw_heap_type(t);
  if (heap >= HEAP_ABSTRACT)
    return zw_heap_is_func(heap);
  return (heap & GROUP_REL ? infos[heap - GROUP_REL].kind : zw_type_info(heap)->kind) == COMP_FUNC;
}

// Words that the arrays of one type take.
static size_t info_words(const TypeInfo *t)
{
  size_t n = t->n, words = n + t->m + t->depth + 1u;
  if (t->kind != COMP_FUNC)
    words += 2 * ((n + 3) / 4) + (n + 1) + n;
  return words;
}

static void fill_layout(const TypeInfo *infos, TypeInfo *t, const uint32_t *body, uint8_t *sizes, uint32_t *offsets, uint32_t *refs)
{
  uint32_t at = GC_HEAD_BYTES;
  for (uint32_t i = 0; i < t->n; i++) {
    ValType type = body[2 * i];
    bool func = zw_is_ref(type) && is_func_ref(infos, type);
    uint32_t bytes = zw_gc_field_bytes(type, func);
    at = (uint32_t)zw_align_up(at, zw_gc_field_align(bytes));
    offsets[i] = at;
    at += bytes;
    sizes[i] = (uint8_t)bytes;
    t->elem_bytes = bytes;
    if (zw_is_ref(type) && !func)
      refs[t->nrefs++] = offsets[i];
  }
  offsets[t->n] = (uint32_t)zw_align_up(at, GC_CELL);
  t->sizes = sizes, t->offsets = offsets, t->refs = refs;
}

// Heads first, so that types may look at each other.  Returns the words that fill_info needs.
static size_t fill_heads(const Group *g, TypeInfo *infos)
{
  const uint32_t *k = g->key;
  size_t words = 0;
  for (uint32_t i = 0; i < g->count; i++) {
    TypeInfo *t = &infos[i];
    t->id = g->first + i;
    t->kind = (uint8_t)k[TYPE_HEAD_KIND];
    t->final = (k[TYPE_HEAD_KIND] & TYPE_FINAL) != 0;
    t->n = k[TYPE_HEAD_N], t->m = k[TYPE_HEAD_M];
    uint32_t super = k[TYPE_HEAD_SUPER];
    if (super != TYPE_NO_SUPER)
      t->depth = (uint8_t)((super & GROUP_REL ? &infos[super - GROUP_REL] : zw_type_info(super))->depth + 1);
    ASSERT(t->depth <= TYPE_MAX_DEPTH);
    words += info_words(t);
    k += TYPE_HEAD_WORDS + body_words(k);
  }
  return words;
}

static void fill_infos(const Group *g, TypeInfo *infos, uint32_t *w)
{
  const uint32_t *k = g->key;
  for (uint32_t i = 0; i < g->count; i++) {
    TypeInfo *t = &infos[i];
    uint32_t super = k[TYPE_HEAD_SUPER], n = t->n;
    const uint32_t *body = k + TYPE_HEAD_WORDS;
    uint32_t step = t->kind == COMP_FUNC ? 1 : 2;
    uint32_t *types = w, *display = w + n + t->m;
    w = display + t->depth + 1u;
    for (uint32_t j = 0; j < n + t->m; j++) {
      ValType v = body[step * j];
      types[j] = zw_is_ref(v) && zw_heap_type(v) < HEAP_ABSTRACT ? (v & (VT_REF | VT_NULL)) | with_id(g, zw_heap_type(v)) : v;
    }
    if (t->depth)
      memcpy(display, (super & GROUP_REL ? &infos[super - GROUP_REL] : zw_type_info(super))->display, t->depth * sizeof *display);
    display[t->depth] = t->id;
    t->types = types, t->display = display;
    if (t->kind != COMP_FUNC) {
      uint8_t *mutables = (uint8_t *)w;
      for (uint32_t j = 0; j < n; j++)
        mutables[j] = (uint8_t)body[2 * j + 1];
      t->mutables = mutables;
      w += (n + 3) / 4;
      uint8_t *sizes = (uint8_t *)w;
      w += (n + 3) / 4;
      fill_layout(infos, t, body, sizes, w, w + n + 1);
      w += n + 1 + n;
    }
    k += TYPE_HEAD_WORDS + body_words(k);
  }
}

static bool grow_buckets(void)
{
  uint32_t n = nbuckets ? 2 * nbuckets : 256;
  Group **b = zw_alloc(n * sizeof *b);
  if (!b)
    return false;
  for (uint32_t i = 0; i < nbuckets; i++)
    for (Group *g = buckets[i], *next; g; g = next) {
      next = g->next;
      g->next = b[g->hash & (n - 1)];
      b[g->hash & (n - 1)] = g;
    }
  zw_free(buckets);
  buckets = b, nbuckets = n;
  return true;
}

// ---- rows for compiled code ----

// By id; NULL until somebody wants them, for they take address space and no program without objects needs them.  Pages of
// the table are committed up to rows_end, and the last ones for the runtime's own ids.
static const uint32_t **rows;
static size_t rows_end;
static const uint32_t no_row[GC_ROW_DISPLAY + GC_ROW_DEPTH];
enum { ROWS_STEP = 64 << 10 };

static size_t row_words(const TypeInfo *t) { return GC_ROW_DISPLAY + (t->depth >= GC_ROW_DEPTH ? t->depth + 1u : GC_ROW_DEPTH); }

static bool add_rows(const TypeInfo *infos, uint32_t count)
{
  size_t words = 0, end = ((size_t)infos[0].id + count) * sizeof *rows;
  for (uint32_t i = 0; i < count; i++)
    words += row_words(&infos[i]);
  while (rows_end < end) {
    if (!zw_os_commit((char *)rows + rows_end, ROWS_STEP))
      return false;
    rows_end += ROWS_STEP;
  }
  uint32_t *w = zw_alloc(words * sizeof *w);
  if (!w)
    return false;
  for (uint32_t i = 0; i < count; i++) {
    const TypeInfo *t = &infos[i];
    w[GC_ROW_KIND] = t->kind + 1u;
    memcpy(w + GC_ROW_DISPLAY, t->display, (t->depth + 1u) * sizeof *w);
    rows[t->id] = w;
    w += row_words(t);
  }
  return true;
}

static bool make_rows(void)
{
  size_t bytes = (size_t)(TYPE_MAX_IDS + CHUNK) * sizeof *rows;
  char *p = zw_os_reserve(bytes);
  if (p && zw_os_commit(p + bytes - ROWS_STEP, ROWS_STEP) && zw_os_commit(p, ROWS_STEP)) {
    rows = (const uint32_t **)(void *)p, rows_end = ROWS_STEP;
    rows[0] = rows[GC_ID_EXN] = rows[GC_ID_HOST] = rows[GC_ID_FREE] = no_row;
    for (uint32_t id = 1; id <= ids_given && p; id++)
      if (!add_rows(zw_type_info(id), 1))
        p = NULL;
    if (p)
      return true;
    p = (char *)(uintptr_t)rows, rows = NULL;
  }
  if (p)
    zw_os_unmap(p, bytes);
  return false;
}

const uint32_t *const *zw_type_rows(void)
{
  zw_os_lock(&lock);
  bool ok = rows || make_rows();
  zw_os_unlock(&lock);
  return ok ? rows : NULL;
}

// Chunks for the ids up to and including `last` exist after this.
static bool reserve_ids(uint32_t last)
{
  for (uint32_t c = (ids_given + 1) / CHUNK; c <= last / CHUNK; c++)
    if (!chunks[c]) {
      const TypeInfo **chunk = zw_alloc(CHUNK * sizeof *chunk);
      if (!chunk)
        return false;
      __atomic_store_n(&chunks[c], chunk, __ATOMIC_RELEASE);
    }
  return true;
}

static bool add_group(const uint32_t *key, uint32_t words, uint32_t count, uint64_t hash, uint32_t *first)
{
  if (count > TYPE_MAX_IDS - 1 - ids_given || (ngroups == nbuckets && !grow_buckets()) || !reserve_ids(ids_given + count))
    return false;
  Group *g = zw_alloc(sizeof *g + (size_t)words * sizeof *key);
  TypeInfo *infos = zw_alloc((size_t)count * sizeof *infos);
  uint32_t *arrays = NULL;
  if (g && infos) {
    *g = (Group){ .hash = hash, .first = ids_given + 1, .count = count, .words = words };
    memcpy(g->key, key, (size_t)words * sizeof *key);
    arrays = zw_alloc(fill_heads(g, infos) * sizeof *arrays);
  }
  if (!arrays) {
    zw_free(g);
    zw_free(infos);
    return false;
  }
  fill_infos(g, infos, arrays);
  if (rows && !add_rows(infos, count)) {
    zw_free(g), zw_free(infos), zw_free(arrays);
    return false;
  }
  for (uint32_t i = 0; i < count; i++)
    __atomic_store_n(&chunks[(g->first + i) / CHUNK][(g->first + i) % CHUNK], &infos[i], __ATOMIC_RELEASE);
  g->next = buckets[hash & (nbuckets - 1)];
  buckets[hash & (nbuckets - 1)] = g;
  ngroups++;
  __atomic_store_n(&ids_given, ids_given + count, __ATOMIC_RELEASE);
  *first = g->first;
  return true;
}

// The first id of the group with this normal form; 0 = out of memory or ids.
static uint32_t intern_group(const uint32_t *key, uint32_t words, uint32_t count)
{
  uint64_t hash = zw_hash_bytes(key, (size_t)words * sizeof *key, count);
  uint32_t first = 0;
  zw_os_lock(&lock);
  Group *g = nbuckets ? buckets[hash & (nbuckets - 1)] : NULL;
  while (g && !(g->hash == hash && g->count == count && g->words == words && memcmp(g->key, key, (size_t)words * sizeof *key) == 0))
    g = g->next;
  if (g)
    first = g->first;
  else if (!add_group(key, words, count, hash, &first))
    first = 0;
  zw_os_unlock(&lock);
  return first;
}

bool zw_types_intern(const uint32_t *stream, uint32_t words, const uint32_t *index, uint32_t ntypes, uint32_t *ids)
{
  uint32_t *key = zw_alloc((size_t)words * sizeof *key + 1);
  if (!key)
    return false;
  bool ok = true;
  for (uint32_t at = 0, first = 0; first < ntypes && ok;) {
    Source s = { .at = stream + at + 1, .stream = stream, .index = index, .ids = ids, .first = first, .count = stream[at] };
    uint32_t n = normalise(&s, key);
    uint32_t id = s.count ? intern_group(key, n, s.count) : 1;
    ok = id != 0;
    for (uint32_t i = 0; i < s.count; i++)
      ids[first + i] = id + i;
    first += s.count;
    at += 1 + n;
  }
  zw_free(key);
  return ok;
}

uint32_t zw_type_func(const ValType *params, uint32_t nparams, const ValType *results, uint32_t nresults)
{
  uint32_t words = TYPE_HEAD_WORDS + nparams + nresults;
  uint32_t *key = zw_alloc(words * sizeof *key);
  if (!key)
    return 0;
  key[TYPE_HEAD_KIND] = COMP_FUNC | TYPE_FINAL;
  key[TYPE_HEAD_SUPER] = TYPE_NO_SUPER;
  key[TYPE_HEAD_N] = nparams, key[TYPE_HEAD_M] = nresults;
  if (nparams)
    memcpy(key + TYPE_HEAD_WORDS, params, nparams * sizeof *params);
  if (nresults)
    memcpy(key + TYPE_HEAD_WORDS + nparams, results, nresults * sizeof *results);
  uint32_t id = intern_group(key, words, 1);
  zw_free(key);
  return id;
}

// ---- a stream from outside ----

static bool type_ok(ValType t, bool field, uint32_t limit)
{
  if (!zw_is_ref(t))
    return t <= VT_V128 || (field && (t == VT_I8 || t == VT_I16));
  uint32_t heap = zw_heap_type(t);
  return heap < limit || (heap >= HEAP_ABSTRACT && heap <= HEAP_NOEXN);
}

static bool same_storage(const uint32_t *stream, const uint32_t *index, ValType a, ValType b)
{
  if (!zw_is_ref(a) || !zw_is_ref(b))
    return a == b;
  uint32_t heap[2] = { zw_heap_type(a), zw_heap_type(b) };
  bool func[2];
  for (int i = 0; i < 2; i++)
    func[i] = heap[i] < HEAP_ABSTRACT ? (stream[index[heap[i]]] & 0xff) == COMP_FUNC : zw_heap_is_func(heap[i]);
  return func[0] == func[1];
}

// Heads and counts of all types; the places of the heads are the index's.
static bool heads_ok(const uint32_t *stream, uint32_t words, const uint32_t *index, uint32_t ntypes)
{
  uint32_t at = 0, type = 0;
  while (at < words) {
    uint32_t count = stream[at++];
    if (count > ntypes - type)
      return false;
    for (uint32_t i = 0; i < count; i++, type++) {
      if (words - at < TYPE_HEAD_WORDS || index[type] != at)
        return false;
      const uint32_t *h = stream + at;
      uint32_t kind = h[TYPE_HEAD_KIND] & ~TYPE_FINAL, n = h[TYPE_HEAD_N], m = h[TYPE_HEAD_M];
      bool ok = kind == COMP_FUNC ? n <= TYPE_MAX_PARAMS && m <= TYPE_MAX_RESULTS
                : kind == COMP_STRUCT ? n <= TYPE_MAX_FIELDS && m == 0
                                      : kind == COMP_ARRAY && n == 1 && m == 0;
      if (!ok || body_words(h) > words - at - TYPE_HEAD_WORDS)
        return false;
      at += TYPE_HEAD_WORDS + body_words(h);
    }
  }
  return type == ntypes;
}

static bool super_ok(const uint32_t *stream, const uint32_t *index, uint32_t type)
{
  const uint32_t *h = stream + index[type];
  uint32_t depth = 0;
  if (h[TYPE_HEAD_SUPER] == TYPE_NO_SUPER)
    return true;
  if (h[TYPE_HEAD_SUPER] >= type)
    return false;
  const uint32_t *s = stream + index[h[TYPE_HEAD_SUPER]];
  for (const uint32_t *p = h; p[TYPE_HEAD_SUPER] != TYPE_NO_SUPER; p = stream + index[p[TYPE_HEAD_SUPER]])
    if (++depth > TYPE_MAX_DEPTH)
      return false;
  bool func = (h[TYPE_HEAD_KIND] & 0xff) == COMP_FUNC;
  if (s[TYPE_HEAD_KIND] & TYPE_FINAL || (s[TYPE_HEAD_KIND] & 0xff) != (h[TYPE_HEAD_KIND] & 0xff) || s[TYPE_HEAD_M] != h[TYPE_HEAD_M])
    return false;
  if (func ? s[TYPE_HEAD_N] != h[TYPE_HEAD_N] : s[TYPE_HEAD_N] > h[TYPE_HEAD_N])
    return false;
  uint32_t n = body_words(s);
  for (uint32_t j = 0; j < n; j += func ? 1 : 2)
    if (!same_storage(stream, index, h[TYPE_HEAD_WORDS + j], s[TYPE_HEAD_WORDS + j]))
      return false;
  return true;
}

bool zw_types_ok(const uint32_t *stream, uint32_t words, const uint32_t *index, uint32_t ntypes)
{
  if (!heads_ok(stream, words, index, ntypes))
    return false;
  for (uint32_t at = 0, first = 0; first < ntypes;) {
    uint32_t count = stream[at++], limit = first + count;
    for (uint32_t type = first; type < limit; type++) {
      const uint32_t *h = stream + at, *body = h + TYPE_HEAD_WORDS;
      bool func = (h[TYPE_HEAD_KIND] & 0xff) == COMP_FUNC;
      uint32_t n = body_words(h);
      for (uint32_t j = 0; j < n; j++)
        if (func || j % 2 == 0 ? !type_ok(body[j], !func, limit) : body[j] > 1)
          return false;
      at += TYPE_HEAD_WORDS + n;
    }
    first = limit;
  }
  // Supertypes last: they look at other types, which are known to be sound by now.
  for (uint32_t type = 0; type < ntypes; type++)
    if (!super_ok(stream, index, type))
      return false;
  return true;
}
