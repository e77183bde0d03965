// Which operands are GC references, at each point where a collection may run: one walk over the body with a stack of
// node numbers.  Validated code makes this easy: heights are known, and dead code is stepped over, for it never runs.
#include "compiler/interp/run.h"

typedef struct Control { Op op; uint32_t height; BlockType type; } Control;
typedef struct Walk {
  const Module *m;
  const IFunc *f;
  Arena *scratch;
  VEC(uint32_t) stack;        // per operand: the node of the topmost reference at or below it
  VEC(Control) control;
  VEC(RefNode) nodes;
  VEC(RefPoint) points;
} Walk;

static bool is_gc(const Module *m, ValType t)
{
  if (!zw_is_ref(t))
    return false;
  uint32_t heap = zw_heap_type(t);
  return heap < HEAP_ABSTRACT ? m->types[heap].kind != COMP_FUNC : !zw_heap_is_func(heap);
}

static uint32_t top_node(const Walk *w) { return w->stack.n ? w->stack.p[w->stack.n - 1] : 0; }
static void push(Walk *w, bool gc)
{
  uint32_t node = top_node(w);
  if (gc) {
    *zw_push(w->scratch, &w->nodes) = (RefNode){ w->stack.n, node };
    node = w->nodes.n - 1;
  }
  *zw_push(w->scratch, &w->stack) = node;
}
static void push_types(Walk *w, const ValType *t, uint32_t n)
{
  for (uint32_t i = 0; i < n; i++)
    push(w, is_gc(w->m, t[i]));
}
static void pop(Walk *w, uint32_t n)
{
  ASSERT(n <= w->stack.n);
  w->stack.n -= n;
}
static void pop_push(Walk *w, uint32_t n, bool gc)
{
  pop(w, n);
  push(w, gc);
}

static void point(Walk *w, const uint8_t *behind)
{
  if (top_node(w))
    *zw_push(w->scratch, &w->points) = (RefPoint){ (uint32_t)(behind - w->f->body), top_node(w) };
}

static void call(Walk *w, const FuncType *t, uint32_t extra)
{
  pop(w, t->nparams + extra);
  push_types(w, t->results, t->nresults);
}

static void open_block(Walk *w, Op op, const uint8_t *imm)
{
  if (op == OP_if)
    pop(w, 1);
  BlockType t = zw_fast_blocktype(w->m, &imm);
  *zw_push(w->scratch, &w->control) = (Control){ op, w->stack.n - t.nparams, t };
}

// From dead code on to what is reached again: the else, catch or end of the innermost frame.  *p is behind the
// instruction that does not go on, and before the one that does on return.
static void skip_dead(const uint8_t **p)
{
  for (uint32_t depth = 0;;) {
    const uint8_t *at = *p;
    Op op = zw_fast_op(p, zw_op_one_byte);
    if (op == OP_block || op == OP_loop || op == OP_if || op == OP_try || op == OP_try_table)
      depth++;
    else if (op == OP_end || op == OP_else || op == OP_catch || op == OP_catch_all || op == OP_delegate) {
      if (depth == 0) {
        *p = at;
        return;
      }
      depth -= op == OP_end || op == OP_delegate;
    }
    zw_skip_imm(p, op);
  }
}

// else, catch, catch_all, end, delegate: what is on the stack then.
static void reopen(Walk *w, Op op, const uint8_t *imm)
{
  Control *c = &w->control.p[w->control.n - 1];
  w->stack.n = c->height;
  if (op == OP_else)
    push_types(w, c->type.params, c->type.nparams);
  else if (op == OP_catch) {
    const FuncType *t = w->m->types[w->m->tags[zw_fast_u32(&imm)].type].func;
    push_types(w, t->params, t->nparams);
  } else if (op == OP_end || op == OP_delegate) {
    push_types(w, c->type.results, c->type.nresults);
    w->control.n--;
  }
}

static bool ends_block(Op op)
{
  switch (op) {
  case OP_unreachable: case OP_br: case OP_br_table: case OP_return: case OP_throw: case OP_rethrow: case OP_throw_ref:
  case OP_return_call: case OP_return_call_indirect: case OP_return_call_ref: return true;
  default: return false;
  }
}

// What an instruction without control does to the stack, beside those that a row's sig describes.
static void plain(Walk *w, Op op, const uint8_t *imm)
{
  const Module *m = w->m;
  const TypeDef *t;
  switch (op) {
  case OP_nop: case OP_elem_drop: case OP_data_drop: case OP_atomic_fence: case OP_ref_as_non_null: case OP_br_on_null:
  case OP_br_on_cast: case OP_br_on_cast_fail: case OP_ref_cast: case OP_ref_cast_null: case OP_any_convert_extern:
  case OP_extern_convert_any: return;
  case OP_drop: case OP_br_if: case OP_br_on_non_null: case OP_local_set: case OP_global_set: pop(w, 1); return;
  case OP_select: case OP_select_t: pop(w, 2); return;
  case OP_local_get: push(w, is_gc(m, w->f->facts->locals[zw_fast_u32(&imm)])); return;
  case OP_local_tee: return;
  case OP_global_get: push(w, is_gc(m, m->globals[zw_fast_u32(&imm)].type.type)); return;
  case OP_table_get: pop_push(w, 1, is_gc(m, m->tables[zw_fast_u32(&imm)].type.elem)); return;
  case OP_table_set: pop(w, 2); return;
  case OP_table_grow: pop_push(w, 2, false); return;
  case OP_table_fill: case OP_table_init: case OP_table_copy: case OP_memory_init: case OP_memory_copy: case OP_memory_fill:
    pop(w, 3);
    return;
  case OP_table_size: case OP_memory_size: case OP_i32_const: case OP_i64_const: case OP_f32_const: case OP_f64_const:
  case OP_v128_const: case OP_ref_func: push(w, false); return;
  case OP_memory_grow: case OP_ref_is_null: case OP_array_len: case OP_i31_get_s: case OP_i31_get_u: case OP_ref_test:
  case OP_ref_test_null: pop_push(w, 1, false); return;
  case OP_i8x16_shuffle: case OP_ref_eq: pop_push(w, 2, false); return;
  case OP_ref_null: push(w, is_gc(m, VT_REF | zw_fast_heaptype(&imm))); return;
  case OP_ref_i31: case OP_array_new_default: pop_push(w, 1, true); return;
  case OP_struct_new: pop_push(w, m->types[zw_fast_u32(&imm)].nfields, true); return;
  case OP_struct_new_default: push(w, true); return;
  case OP_struct_get: case OP_struct_get_s: case OP_struct_get_u:
    t = &m->types[zw_fast_u32(&imm)];
    pop_push(w, 1, is_gc(m, t->fields[zw_fast_u32(&imm)].type));
    return;
  case OP_struct_set: pop(w, 2); return;
  case OP_array_new: case OP_array_new_data: case OP_array_new_elem: pop_push(w, 2, true); return;
  case OP_array_new_fixed:
    (void)zw_fast_u32(&imm);
    pop_push(w, zw_fast_u32(&imm), true);
    return;
  case OP_array_get: case OP_array_get_s: case OP_array_get_u:
    pop_push(w, 2, is_gc(m, m->types[zw_fast_u32(&imm)].fields[0].type));
    return;
  case OP_array_set: pop(w, 3); return;
  case OP_array_fill: case OP_array_init_data: case OP_array_init_elem: pop(w, 4); return;
  case OP_array_copy: pop(w, 5); return;
  case OP_call: call(w, zw_func_type(m, zw_fast_u32(&imm)), 0); return;
  case OP_call_indirect: case OP_call_ref: call(w, m->types[zw_fast_u32(&imm)].func, 1); return;
  default: BUG("the reference map does not know %s", zw_op_info[op].text);
  }
}

static bool is_safepoint(Op op)
{
  switch (op) {
  case OP_call: case OP_call_indirect: case OP_call_ref: case OP_return_call: case OP_return_call_indirect: case OP_return_call_ref:
  case OP_throw: case OP_struct_new: case OP_struct_new_default: case OP_array_new: case OP_array_new_default:
  case OP_array_new_fixed: case OP_array_new_data: case OP_array_new_elem: return true;
  default: return false;
  }
}

static void step(Walk *w, const uint8_t **p)
{
  Op op = zw_fast_op(p, zw_op_one_byte);
  const OpInfo *info = &zw_op_info[op];
  const uint8_t *imm = *p;
  zw_skip_imm(p, op);
  if (is_safepoint(op))
    point(w, *p);
  if (info->kind != OPK_WASM) {
    pop(w, info->nin);
    for (uint32_t i = 0; i < info->nout; i++)
      push(w, false);
    return;
  }
  if (ends_block(op)) {
    skip_dead(p);
    return;
  }
  switch (op) {
  case OP_block: case OP_loop: case OP_if: case OP_try: case OP_try_table: open_block(w, op, imm); return;
  case OP_else: case OP_catch: case OP_catch_all: case OP_end: case OP_delegate: reopen(w, op, imm); return;
  default: plain(w, op, imm); return;
  }
}

static uint32_t *ref_locals(const Module *m, const FuncFacts *facts, Arena *a, uint32_t *n)
{
  uint32_t *r = zw_new_array(a, uint32_t, facts->nlocals + 1);
  *n = 0;
  for (uint32_t i = 0; i < facts->nlocals; i++)
    if (is_gc(m, facts->locals[i]))
      r[(*n)++] = i;
  return r;
}

static void *keep(Arena *a, const void *p, size_t n, size_t size)
{
  void *r = zw_arena_array(a, n + 1, size, 8);
  if (n)
    memcpy(r, p, n * size);
  return r;
}

const RefMap *zw_interp_refmap(const Module *m, const IFunc *f)
{
  if (!(f->facts->flags & FN_REFS))
    return NULL;
  Ctx *c = m->ctx;
  ArenaMark mark = zw_arena_mark(&c->scratch);
  Walk w = { .m = m, .f = f, .scratch = &c->scratch };
  const uint8_t *p = f->code;
  *zw_push(w.scratch, &w.nodes) = (RefNode){ 0, 0 };
  while (p < f->end)
    step(&w, &p);
  RefMap *r = zw_new(&c->module, RefMap);
  r->nodes = keep(&c->module, w.nodes.p, w.nodes.n, sizeof *r->nodes);
  r->points = keep(&c->module, w.points.p, w.points.n, sizeof *r->points);
  r->npoints = w.points.n;
  r->locals = ref_locals(m, f->facts, &c->module, &r->nlocals);
  zw_arena_release(&c->scratch, mark);
  return r;
}

static uint32_t node_at(const RefMap *r, uint32_t pc)
{
  uint32_t lo = 0, hi = r->npoints;
  while (lo < hi) {
    uint32_t mid = lo + (hi - lo) / 2;
    if (r->points[mid].pc < pc)
      lo = mid + 1;
    else
      hi = mid;
  }
  return lo < r->npoints && r->points[lo].pc == pc ? r->points[lo].node : 0;
}

void zw_interp_mark_frame(GcHeap *h, const Frame *fr, const Value *top)
{
  const IFunc *f = fr->f;
  for (uint32_t k = f->facts->nlocals; k < f->nlocals; k++) // exceptions that legacy catches hold
    zw_gc_mark(h, fr->fp[k].u32);
  if (!f->refs)
    return;
  for (uint32_t k = 0; k < f->refs->nlocals; k++)
    zw_gc_mark(h, fr->fp[f->refs->locals[k]].u32);
  for (uint32_t n = node_at(f->refs, (uint32_t)(fr->pc - f->body)); n; n = f->refs->nodes[n].below)
    if (&fr->ops[f->refs->nodes[n].slot] < top)
      zw_gc_mark(h, fr->ops[f->refs->nodes[n].slot].u32);
}
