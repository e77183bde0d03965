// The way in from C, and what the runtime asks while the interpreter is out: the roots of a collection, the frames of a
// backtrace.
//
// A host function may leave sideways (a trap of its own, longjmp), so nothing here relies on being returned to: each
// entry notes what was innermost before it, and entries whose activation is gone are dropped by whoever looks next.
#include "compiler/interp/run.h"
#include "runtime/base/alloc.h"
#include "runtime/os/os.h"

enum { DEFAULT_STACK = 1 << 20, SLOTS_PER_BYTE = 16, BYTES_PER_FRAME = 16, BYTES_PER_DOOR = 256 };

// ---- the state of a store ----

static void mark_roots(GcRoots *r, GcHeap *h)
{
  Interp *I = (Interp *)(void *)r;
  zw_interp_prune(I);
  for (const Frame *fr = I->frames + 1; fr <= I->top; fr++) {
    const Value *end = fr->args ? fr->args : fr == I->top ? I->sp : fr[1].fp;
    zw_interp_mark_frame(h, fr, end);
  }
}

static void interp_delete(void *state)
{
  Interp *I = state;
  zw_os_unmap(I->stack, I->mapped);
  zw_free(I);
}

// The wasm stack budget buys slots and frames in a fixed proportion; pages are touched as they are used.
static Interp *interp_new(Store *s)
{
  size_t budget = zw_store_options(s)->max_stack ? zw_store_options(s)->max_stack : DEFAULT_STACK;
  size_t page = zw_os_page_size();
  if (budget > (size_t)1 << 40)
    budget = (size_t)1 << 40;
  size_t stack = (size_t)zw_align_up(budget * SLOTS_PER_BYTE, page);
  size_t frames = (size_t)zw_align_up((budget / BYTES_PER_FRAME + 2) * sizeof(Frame), page);
  size_t doors = (size_t)zw_align_up((budget / BYTES_PER_DOOR + 1) * sizeof(Door), page);
  Interp *I = zw_alloc(sizeof *I);
  char *p = I ? zw_os_map(stack + frames + doors) : NULL;
  if (!p) {
    zw_free(I);
    return NULL;
  }
  I->store = s;
  I->mapped = stack + frames + doors;
  I->stack = (Value *)(void *)p, I->stack_end = (Value *)(void *)(p + stack);
  I->frames = (Frame *)(void *)(p + stack), I->frames_end = I->frames + frames / sizeof(Frame);
  I->doors = (Door *)(void *)(p + stack + frames), I->doors_max = (uint32_t)(doors / sizeof(Door));
  I->top = I->frames, I->sp = I->stack;
  I->roots.mark = mark_roots;
  zw_store_set_interp(s, I, &I->roots, interp_delete);
  return I;
}

void zw_interp_prune(Interp *I)
{
  for (; I->ndoors; I->ndoors--) {
    const Door *d = &I->doors[I->ndoors - 1];
    for (const Activation *a = zw_activation(); a; a = a->prev)
      if (a == d->act && a->serial == d->serial)
        return;
    I->top = d->top, I->sp = d->sp;
  }
}

// ---- backtraces ----

// Where in the file the instruction stands that pc is behind or inside of.
static uint32_t wasm_at(const Frame *fr)
{
  const uint8_t *p = fr->f->code, *start = p;
  while (p < fr->pc && p <= fr->end) {
    start = p;
    Op op = zw_fast_op(&p, zw_op_one_byte);
    zw_skip_imm(&p, op);
  }
  return (uint32_t)(code_of(fr->in)->m->funcs[fr->f->func].at + (uint64_t)(start - fr->f->body));
}

static uint32_t walk(void *state, struct TrapFrame *frames, uint32_t max)
{
  const Door *d = state;
  Interp *I = d->I;
  zw_interp_prune(I);
  bool innermost = d == &I->doors[I->ndoors - 1];
  const Frame *top = innermost ? I->top : d[1].top;
  uint32_t n = 0;
  for (const Frame *fr = top; fr >= d->base; fr--, n++)
    if (n < max)
      frames[n] = (TrapFrame){ .image = fr->in->image, .func = fr->f->func, .wasm_at = wasm_at(fr) };
  return n;
}

// ---- exceptions ----

// The innermost try whose range holds the body offset `at`.
static uint32_t innermost_try(const FuncFacts *facts, uint32_t at)
{
  uint32_t lo = 0, hi = facts->ntries; // tries are in the order of their start
  while (lo < hi) {
    uint32_t mid = lo + (hi - lo) / 2;
    if (facts->tries[mid].start <= at)
      lo = mid + 1;
    else
      hi = mid;
  }
  while (lo-- > 0)
    if (at < facts->tries[lo].end)
      return lo;
  return NO_TRY;
}

const ClauseFact *zw_interp_catch(Interp *I, Frame *fr, Frame *base, GcRef exn, Frame **at)
{
  const void *tag = zw_gc_exn_tag(I->heap, exn);
  for (; fr >= base; fr--) {
    const FuncFacts *facts = fr->f->facts;
    if (!facts->ntries)
      continue;
    for (uint32_t t = innermost_try(facts, (uint32_t)(fr->pc - 1 - fr->f->body)); t != NO_TRY; t = facts->tries[t].parent)
      for (uint32_t k = 0; k < facts->tries[t].nclauses; k++) {
        const ClauseFact *c = &facts->clauses[facts->tries[t].clauses + k];
        if (c->with_tag && fr->in->tags[c->tag] != tag)
          continue;
        if (c->legacy) // for rethrow
          fr->fp[facts->nlocals + facts->tries[t].exn_slot].u64 = exn;
        *at = fr;
        return c;
      }
  }
  return NULL;
}

// ---- the door ----

static _Noreturn void raise_trap(Interp *I, Instance *in, TrapKind kind)
{
  const char *text = I->trap_text;
  I->trap_text = NULL;
  bool access = I->trap_has_access;
  I->trap_has_access = false;
  if (access && kind == TRAP_oob)
    zw_raise_access(in->vmctx, &I->trap_access);
  if (kind == TRAP_exit)
    zw_raise_exit(in->vmctx, zw_store_trap(I->store)->exit_code);
  zw_raise(in->vmctx, kind, text);
}

void zw_interp_door(Instance *in, uint32_t func, Value *args)
{
  Interp *I = zw_store_interp(in->store);
  if (!I && !(I = interp_new(in->store)))
    zw_raise(in->vmctx, TRAP_stack_overflow, "out of memory for the interpreter's stack");
  zw_interp_prune(I);
  IFunc *f = &code_of(in)->funcs[func - in->image->h->nimported_funcs];
  const FuncType *type = code_of(in)->m->types[f->type].func;
  Activation *act = zw_activation();
  if (I->ndoors == I->doors_max || f->nparams > (size_t)(I->stack_end - I->sp))
    zw_raise(in->vmctx, TRAP_stack_overflow, NULL);

  Value *fp = I->sp;
  Frame *base = I->top + 1;
  Door *d = &I->doors[I->ndoors];
  *d = (Door){ I, act, act->serial, I->top, I->sp, base };
  for (uint32_t i = 0; i < f->nparams; i++) {
    fp[i] = args[i];
    zw_interp_normalise(&fp[i], type->params[i]);
  }
  if (!push_frame(I, base, f, in, fp))
    zw_raise(in->vmctx, TRAP_stack_overflow, NULL);
  I->ndoors++;
  I->top = base, I->sp = base->ops;
  act->walk = walk, act->walk_state = d;

  TrapKind k = zw_interp_run(I, base);
  if (k != TRAP_none)
    raise_trap(I, in, k);
  for (uint32_t i = 0; i < f->nresults; i++) {
    args[i] = fp[i];
    zw_interp_normalise(&args[i], type->results[i]);
  }
  I->ndoors--;
  I->top = d->top, I->sp = d->sp;
}
