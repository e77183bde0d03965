// References on the C side: handles, which keep what they refer to alive, and the borders where they become words.
//
// A handle is a cell of its store.  Those that an import is lent go back when it returns; when it never does (longjmp, an
// exception, a trap), they are found later: they name the activation they were lent in, and the serial number of that.
// Nothing here needs the heap of objects: function references live in their instances (refs_host.c has the rest).
#include "runtime/vm/rt_int.h"

enum { CELLS_PER_BLOCK = 60 };
struct zwasm_ref {
  uint64_t word;              // FuncRef *, or a GcRef
  Store *store;
  uint32_t heap;              // the top of its hierarchy: HEAP_FUNC, HEAP_EXTERN, HEAP_ANY, HEAP_EXN; 0: the cell is free
  bool lent;
  Activation *to;             // lent: while this call lasts,
  uint64_t serial;            // which has this number
  struct zwasm_ref *next;     // free cells; cells lent for one call
};
typedef struct zwasm_ref Cell;
typedef struct CellBlock { struct CellBlock *next; Cell cells[CELLS_PER_BLOCK]; } CellBlock;
typedef struct RefImport { struct RefImport *next; HostFn fn; void *env; uint32_t type_id; } RefImport;
struct RefTable {
  CellBlock *blocks;
  Cell *free;
  uint32_t ncells, nused_at_sweep;
  RefImport *imports;
};

// ---- cells ----

static void free_table(Store *s)
{
  for (CellBlock *b = s->refs->blocks, *next; b; b = next) {
    next = b->next;
    zw_free(b);
  }
  for (RefImport *i = s->refs->imports, *next; i; i = next) {
    next = i->next;
    zw_free(i);
  }
  zw_free(s->refs);
  s->refs = NULL;
}

static void mark_cells(Store *s, GcHeap *h, void (*mark)(GcHeap *h, GcRef r)) // a pointer: see the file's head
{
  for (CellBlock *b = s->refs->blocks; b; b = b->next)
    for (int k = 0; k < CELLS_PER_BLOCK; k++)
      if (b->cells[k].heap && b->cells[k].heap != HEAP_FUNC)
        mark(h, (GcRef)b->cells[k].word);
}

static struct RefTable *table_of(Store *s)
{
  if (!s->refs && (s->refs = zw_alloc(sizeof *s->refs)))
    s->refs_free = free_table, s->refs_mark = mark_cells;
  return s->refs;
}

static void free_cell(Cell *c)
{
  c->heap = 0;
  c->next = c->store->refs->free;
  c->store->refs->free = c;
}

// Take back what was lent to calls that never returned.  Returns how many cells are in use.
static uint32_t sweep(struct RefTable *t)
{
  static uint64_t sweeps;
  uint32_t used = 0;
  uint64_t stamp = __atomic_add_fetch(&sweeps, 1, __ATOMIC_RELAXED);
  zw_activation_stamp(stamp);
  for (CellBlock *b = t->blocks; b; b = b->next)
    for (int k = 0; k < CELLS_PER_BLOCK; k++) {
      Cell *c = &b->cells[k];
      if (c->heap && c->lent && (c->to->stamp != stamp || c->to->serial != c->serial))
        free_cell(c);
      used += c->heap != 0;
    }
  return used;
}

// Sweeps only when cells have doubled since the last time, so each costs a constant.
static bool more_cells(Store *s, struct RefTable *t)
{
  if (t->ncells >= 2 * t->nused_at_sweep) {
    t->nused_at_sweep = sweep(t);
    if (t->free)
      return true;
    t->nused_at_sweep = t->ncells;
  }
  CellBlock *b = zw_alloc(sizeof *b);
  if (!b)
    return false;
  b->next = t->blocks, t->blocks = b;
  t->ncells += CELLS_PER_BLOCK;
  for (int k = CELLS_PER_BLOCK; k-- > 0;) {
    b->cells[k].store = s;
    free_cell(&b->cells[k]);
  }
  return true;
}

Cell *zw_ref_new(Store *s, uint64_t word, uint32_t heap)
{
  struct RefTable *t = table_of(s);
  if (!t || (!t->free && !more_cells(s, t)))
    return NULL;
  Cell *c = t->free;
  t->free = c->next;
  c->word = word, c->heap = heap, c->lent = false, c->next = NULL;
  return c;
}
Store *zw_ref_store(const Cell *c) { return c->store; }
uint64_t zw_ref_word(const Cell *c) { return c->word; }
uint32_t zw_ref_heap(const Cell *c) { return c->heap; }

zwasm_ref_t zwasm_ref_copy(zwasm_ref_t r) { return r ? zw_ref_new(r->store, r->word, r->heap) : NULL; }
void zwasm_ref_delete(zwasm_ref_t r)
{
  if (r && r->heap && !r->lent)
    free_cell(r);
}
int zwasm_ref_same(zwasm_ref_t a, zwasm_ref_t b)
{
  if (!a || !b)
    return a == b;
  if (a->store != b->store || a->heap != b->heap)
    return 0;
  if (a->heap != HEAP_FUNC)
    return a->word == b->word;
  const FuncRef *f = (const FuncRef *)(uintptr_t)a->word, *g = (const FuncRef *)(uintptr_t)b->word;
  return f->vmctx == g->vmctx && f->func == g->func; // a function may have two records
}
zwasm_reftype_t zwasm_ref_type(zwasm_ref_t r)
{
  return r->heap == HEAP_FUNC ? ZWASM_FUNCREF : r->heap == HEAP_EXTERN ? ZWASM_EXTERNREF : r->heap == HEAP_EXN ? ZWASM_EXNREF : ZWASM_ANYREF;
}

// ---- types ----

// The top of the hierarchy of a type with ids.
uint32_t zw_ref_top(ValType t)
{
  uint32_t heap = zw_heap_type(t);
  if (zw_is_func_ref(t))
    return HEAP_FUNC;
  return heap == HEAP_EXTERN || heap == HEAP_NOEXTERN ? HEAP_EXTERN : heap == HEAP_EXN || heap == HEAP_NOEXN ? HEAP_EXN : HEAP_ANY;
}

extern bool zw_gc_is(const GcHeap *h, GcRef r, ValType target) ZW_WHEN_NAMED;

static bool is_of(const Cell *c, ValType t)
{
  uint32_t heap = zw_heap_type(t);
  if (c->heap != zw_ref_top(t))
    return false;
  if (heap == c->heap)
    return true;
  if (c->heap == HEAP_FUNC)
    return heap < HEAP_ABSTRACT && zw_type_sub(((const FuncRef *)(uintptr_t)c->word)->type_id, heap);
  bool (*is)(const GcHeap *h, GcRef r, ValType target) = zw_gc_is;
  return is && c->store->gc && is(c->store->gc, (GcRef)c->word, t);
}

// ---- the border: handles to words and back ----

TrapKind zw_ref_in(const Store *s, zwasm_ref_t r, ValType t, uint64_t *word)
{
  *word = 0;
  if (!r)
    return zw_is_nullable(t) ? TRAP_none : TRAP_null_ref;
  if (!r->heap || r->store != s || !is_of(r, t))
    return TRAP_cast_failure;
  *word = r->word;
  return TRAP_none;
}
static void note(Store *s, TrapKind k, const Cell *c, const char *what, uint32_t number)
{
  char text[100];
  zw_format(text, sizeof text, "%s: %s %u of a call from C%s", zw_trap_text(k), what, number,
            k == TRAP_null_ref ? " may not be null" : c && !c->heap ? " is a handle that was deleted"
            : c && c->store != s ? " belongs to an instance that is not linked with this one" : " is a reference of another type");
  zw_trap_note(s, k, text);
}

static TrapKind words_of_params(Store *s, const TypeInfo *t, Value *args)
{
  for (uint32_t k = 0; k < t->n; k++) {
    Cell *c = zw_is_ref(t->types[k]) ? args[k].ptr : NULL;
    TrapKind trap = zw_is_ref(t->types[k]) ? zw_ref_in(s, c, t->types[k], &args[k].u64) : TRAP_none;
    if (trap != TRAP_none) {
      note(s, trap, c, "argument", k);
      return trap;
    }
  }
  return TRAP_none;
}

// Handles in place of the words of n values; all or none.
static bool handles_of(Store *s, const ValType *types, uint32_t n, Value *v)
{
  for (uint32_t k = 0; k < n; k++) {
    if (!zw_is_ref(types[k]) || v[k].u64 == 0)
      continue;
    Cell *c = zw_ref_new(s, v[k].u64, zw_ref_top(types[k]));
    if (!c) {
      while (k-- > 0)
        if (zw_is_ref(types[k]))
          zwasm_ref_delete(v[k].ptr);
      zw_trap_note(s, TRAP_alloc_failure, "out of memory");
      return false;
    }
    v[k] = (Value){ .ptr = c };
  }
  return true;
}

// ---- calls from C ----

TrapKind zw_call_refs(Store *s, FuncRef *f, Value *args)
{
  const TypeInfo *t = zw_type_info(f->type_id);
  TrapKind trap = words_of_params(s, t, args);
  if (trap == TRAP_none)
    trap = zw_call(f, args);
  return trap == TRAP_none && !handles_of(s, t->types + t->n, t->m, args) ? TRAP_alloc_failure : trap;
}
zwasm_status_t zwasm_rt_call_try_refs(zwasm_instance_t *i, uint32_t func, zwasm_value_t *args)
{
  FuncRef *f = zw_instance_func(i->in, func);
  if (f)
    return (zwasm_status_t)zw_call_refs(i->store, f, (Value *)(void *)args);
  zw_trap_note(i->store, TRAP_alloc_failure, "out of memory");
  return ZWASM_ALLOCATION_FAILURE;
}
void zwasm_rt_call_refs(zwasm_instance_t *i, uint32_t func, zwasm_value_t *args)
{
  FuncRef *f = zw_instance_func(i->in, func);
  Value *v = (Value *)(void *)args;
  const TypeInfo *t = f ? zw_type_info(f->type_id) : NULL;
  if (!f)
    zw_trap_note(i->store, TRAP_alloc_failure, "out of memory");
  TrapKind trap = f ? words_of_params(i->store, t, v) : TRAP_alloc_failure;
  if (trap == TRAP_none) {
    zw_call_plain(f, v);
    trap = handles_of(i->store, t->types + t->n, t->m, v) ? TRAP_none : TRAP_alloc_failure;
  }
  if (trap != TRAP_none)
    zw_raise(i->in->vmctx, trap, zw_store_trap(i->store)->text);
}

// ---- imports ----

// Lend a handle for each reference among the arguments, linked in *lent.
static bool lend(Store *s, const TypeInfo *t, Value *args, Cell **lent)
{
  Activation *a = zw_activation();
  *lent = NULL;
  for (uint32_t k = 0; k < t->n; k++) {
    if (!zw_is_ref(t->types[k]) || args[k].u64 == 0)
      continue;
    Cell *c = zw_ref_new(s, args[k].u64, zw_ref_top(t->types[k]));
    if (!c)
      return false;
    c->lent = true, c->to = a, c->serial = a->serial, c->next = *lent;
    *lent = c;
    args[k] = (Value){ .ptr = c };
  }
  return true;
}
static void take_back(Cell *lent)
{
  for (Cell *next; lent; lent = next) {
    next = lent->next;
    free_cell(lent);
  }
}

static TrapKind words_of_results(Store *s, const TypeInfo *t, Value *v)
{
  TrapKind trap = TRAP_none;
  for (uint32_t k = 0; k < t->m; k++) {
    if (!zw_is_ref(t->types[t->n + k]))
      continue;
    Cell *c = v[k].ptr;
    TrapKind here = zw_ref_in(s, c, t->types[t->n + k], &v[k].u64);
    if (here != TRAP_none && trap == TRAP_none)
      note(s, trap = here, c, "result", k);
    v[k].u64x2[1] = (uintptr_t)c;
  }
  for (uint32_t k = 0; k < t->m; k++) // given; the same one may be there twice, and is free the second time
    if (zw_is_ref(t->types[t->n + k])) {
      zwasm_ref_delete((Cell *)(uintptr_t)v[k].u64x2[1]);
      v[k].u64x2[1] = 0;
    }
  return trap;
}

static void call_import(void *env, VmCtx *caller, Value *args)
{
  const RefImport *i = env;
  Store *s = caller->store;
  const TypeInfo *t = zw_type_info(i->type_id);
  Cell *lent;
  if (!lend(s, t, args, &lent)) {
    take_back(lent);
    zw_raise(caller, TRAP_alloc_failure, "out of memory");
  }
  i->fn(i->env, caller, args);
  if (zw_activation()->pending) { // the results mean nothing
    for (uint32_t k = 0; k < t->m; k++)
      args[k] = (Value){ .u64x2 = { 0, 0 } };
    take_back(lent);
    return;
  }
  TrapKind trap = words_of_results(s, t, args);
  take_back(lent);
  if (trap != TRAP_none)
    zw_raise(caller, trap, zw_store_trap(s)->text);
}

FuncRef *zw_refs_import(Store *s, uint32_t type_id, HostFn fn, void *env)
{
  struct RefTable *t = table_of(s);
  RefImport *i = t ? zw_alloc(sizeof *i) : NULL;
  if (!i)
    return NULL;
  *i = (RefImport){ t->imports, fn, env, type_id };
  t->imports = i;
  return zw_host_func_of_type(s, type_id, call_import, i);
}
