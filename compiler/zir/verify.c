// The V-rules, README.md: what every function of ZIR satisfies between P2 and P3.  V10 to V12 are about allocated
// code and live with the allocation checker.  Debug builds, tests and fuzzing run this after every build.
#include "compiler/zir/zir_int.h"
#include "runtime/abi/gcobj.h"
#include "runtime/base/bits.h"
#include <setjmp.h>

typedef struct Verifier {
  const ZirFunc *f;
  Arena *scratch;
  char *text;          // the sentence
  jmp_buf out;
  uint32_t *at;        // layout position of a block, UINT32_MAX = not laid out
  uint32_t *idom, *dom_in, *dom_out;
  uint32_t *in_first, *in_edge;
  uint32_t *block_of;  // per instruction: the block in whose range it stands
} Verifier;

enum { TEXT_BYTES = 512 };

static _Noreturn void __attribute__((format(printf, 3, 4))) broken(Verifier *v, uint32_t i, const char *fmt, ...)
{
  const ZirFunc *f = v->f;
  va_list ap;
  va_start(ap, fmt);
  size_t n = zw_vformat(v->text, TEXT_BYTES, fmt, ap);
  va_end(ap);
  if (n < TEXT_BYTES && i < f->nins)
    zw_format(v->text + n, TEXT_BYTES - n, " (v%u, %s, in b%u of function %u)", i, zw_op_info[f->ins[i].op].text,
              v->block_of ? v->block_of[i] : zw_zir_block(f, i), f->func);
  longjmp(v->out, 1);
}

// ---- V1, V2: shape ----
static void check_blocks(Verifier *v)
{
  const ZirFunc *f = v->f;
  for (uint32_t b = 0; b < f->nblocks; b++) {
    const ZBlock *block = &f->blocks[b];
    if (block->first + block->nphi >= block->end || block->end > f->nins || (b && block->first < f->blocks[b - 1].end))
      broken(v, UINT32_MAX, "V1: b%u is empty or overlaps another block", b);
    for (uint32_t i = block->first; i < block->end; i++) {
      v->block_of[i] = b;
      const ZShape *shape = &zw_zir_shape[f->ins[i].op];
      if (shape->form == ZF_NONE)
        broken(v, i, "V1: not an instruction of ZIR");
      if ((i == block->end - 1) != ((shape->flags & OPF_TERM) != 0))
        broken(v, i, "V1: one terminator stands at the end of each block");
      if ((i < block->first + block->nphi) != (f->ins[i].op == OP_phi))
        broken(v, i, "V1: phis come first");
    }
    uint32_t want = 0;
    switch ((Op)f->ins[block->end - 1].op) {
    case OP_jmp: want = 1; break;
    case OP_br: want = 2; break;
    case OP_switch: want = block->nedges; break;
    default: break; // leaves the function
    }
    if (block->nedges != want || (f->ins[block->end - 1].op == OP_switch && want == 0))
      broken(v, block->end - 1, "V1: b%u has %u edges", b, block->nedges);
  }
}

static void check_ref(Verifier *v, uint32_t i, Ref r)
{
  const ZirFunc *f = v->f;
  if (zw_ref_is_value(r) ? r >= f->nins || !zw_zir_yields(&f->ins[r])
                         : r == REF_NONE || (zw_ref_is_pool(r) && (r & ~REF_POOL) >= f->nconsts))
    broken(v, i, "V2: an operand does not name a value");
}

static bool same_type(const ZirFunc *f, Ref r, ValKind want)
{
  ValKind is = zw_ref_type(f, r);
  if (is == want)
    return true;
  return want == VK_I64 && is >= VK_FUNCREF && is < VK_COUNT; // a reference is a 64-bit word
}

// ---- V7: order, loops, predecessors ----
static bool in_loop(const ZirFunc *f, uint32_t b, uint32_t l)
{
  for (uint32_t k = f->blocks[b].loop; k != NO_LOOP && k >= l; k = f->loops[k].parent)
    if (k == l)
      return true;
  return false;
}

static void check_edge_order(Verifier *v, uint32_t b, const ZEdge *e)
{
  const ZirFunc *f = v->f;
  if (e->from != b)
    broken(v, f->blocks[b].end - 1, "V7: an edge of b%u says that it comes from b%u", b, e->from);
  if (e->to >= f->nblocks || v->at[e->to] == UINT32_MAX)
    broken(v, f->blocks[b].end - 1, "V7: an edge of b%u goes to a block that is not laid out", b);
  const ZBlock *to = &f->blocks[e->to];
  if (v->at[e->to] <= v->at[b] && !(to->is_header && in_loop(f, b, to->loop)))
    broken(v, f->blocks[b].end - 1, "V7: the edge to b%u goes back, but not to the header of a loop around it", e->to);
  if (to->loop != NO_LOOP && to->loop != f->blocks[b].loop && !in_loop(f, b, to->loop) && !to->is_header)
    broken(v, f->blocks[b].end - 1, "V7: the edge to b%u enters loop %u, but not at its header", e->to, to->loop);
}

static void check_loops(Verifier *v)
{
  const ZirFunc *f = v->f;
  uint32_t *left_at = zw_new_array(v->scratch, uint32_t, f->nloops + 1); // position + 1 of a loop's last block so far
  for (uint32_t l = 0; l < f->nloops; l++) {
    const ZLoop *loop = &f->loops[l];
    if (loop->header >= f->nblocks || loop->entry >= f->nblocks || (loop->parent != NO_LOOP && loop->parent >= l))
      broken(v, UINT32_MAX, "V7: loop %u names a block or loop that is not there", l);
    const ZBlock *h = &f->blocks[loop->header], *entry = &f->blocks[loop->entry];
    if (!h->is_header || (loop->iterates && h->loop != l))
      broken(v, UINT32_MAX, "V7: b%u is not the header of loop %u", loop->header, l);
    if (entry->nedges != 1 || f->edges[entry->edges].to != loop->header || in_loop(f, loop->entry, l))
      broken(v, UINT32_MAX, "V7: b%u is not a plain entry to loop %u", loop->entry, l);
  }
  for (uint32_t k = 0; k < f->norder; k++)
    for (uint32_t l = f->blocks[f->order[k]].loop; l != NO_LOOP; l = f->loops[l].parent) {
      if (left_at[l] && left_at[l] != k)
        broken(v, UINT32_MAX, "V7: loop %u is not contiguous in the layout: b%u stands apart", l, f->order[k]);
      left_at[l] = k + 1;
    }
}

static void check_order(Verifier *v)
{
  const ZirFunc *f = v->f;
  memset(v->at, 0xff, f->nblocks * sizeof *v->at);
  if (!f->norder || f->order[0] != 0)
    broken(v, UINT32_MAX, "V6: the layout starts with the entry, b0");
  for (uint32_t k = 0; k < f->norder; k++) {
    if (f->order[k] >= f->nblocks || v->at[f->order[k]] != UINT32_MAX)
      broken(v, UINT32_MAX, "V7: the layout names b%u twice, or there is no such block", f->order[k]);
    v->at[f->order[k]] = k;
  }
  uint32_t *npreds = zw_new_array(v->scratch, uint32_t, f->nblocks);
  for (uint32_t k = 0; k < f->norder; k++) {
    const ZBlock *b = &f->blocks[f->order[k]];
    for (uint32_t e = b->edges; e < b->edges + b->nedges; e++) {
      check_edge_order(v, f->order[k], &f->edges[e]);
      npreds[f->edges[e].to]++;
    }
    uint32_t depth = b->loop == NO_LOOP ? 0 : f->loops[b->loop].depth;
    if (b->depth != (depth > 255 ? 255 : depth))
      broken(v, UINT32_MAX, "V7: b%u does not have the depth of its loop", f->order[k]);
  }
  if (npreds[0])
    broken(v, UINT32_MAX, "V6: the entry has a predecessor");
  for (uint32_t k = 0; k < f->norder; k++) {
    const ZBlock *b = &f->blocks[f->order[k]];
    if (k && !npreds[f->order[k]] && !b->is_handler)
      broken(v, UINT32_MAX, "V7: b%u is laid out but nothing goes there", f->order[k]);
  }
  check_loops(v);
}

// ---- V3: dominance ----
static uint32_t meet(const Verifier *v, uint32_t a, uint32_t b)
{
  while (a != b)
    if (v->at[a] > v->at[b])
      a = v->idom[a];
    else
      b = v->idom[b];
  return a;
}

// Laid out in topological order with loops entered at their headers only (V7), so one round is enough.  A handler
// is entered from any call of its try region: what dominates the region's first block dominates it.
static void build_dominators(Verifier *v)
{
  const ZirFunc *f = v->f;
  uint32_t *handler_dom = zw_new_array(v->scratch, uint32_t, f->nblocks);
  memset(handler_dom, 0xff, f->nblocks * sizeof *handler_dom);
  memset(v->idom, 0xff, f->nblocks * sizeof *v->idom);
  v->idom[0] = 0;
  for (uint32_t k = 0; k < f->norder; k++) {
    uint32_t b = f->order[k];
    const ZBlock *block = &f->blocks[b];
    if (handler_dom[b] != UINT32_MAX)
      v->idom[b] = v->idom[b] == UINT32_MAX ? handler_dom[b] : meet(v, v->idom[b], handler_dom[b]);
    if (v->idom[b] == UINT32_MAX)
      continue; // a handler that nothing throws to
    for (uint32_t e = block->edges; e < block->edges + block->nedges; e++) {
      uint32_t to = f->edges[e].to;
      if (v->at[to] > k)
        v->idom[to] = v->idom[to] == UINT32_MAX ? b : meet(v, v->idom[to], b);
    }
    for (uint32_t t = zw_zir_try(f, b); t != UINT32_MAX; t = f->tries[t].parent)
      for (uint32_t c = 0; c < f->tries[t].ncatches; c++) {
        uint32_t h = f->catches[f->tries[t].catches + c].block;
        if (v->at[h] <= k)
          broken(v, UINT32_MAX, "V7: b%u is in a try and laid out behind the handler b%u", b, h);
        handler_dom[h] = handler_dom[h] == UINT32_MAX ? b : meet(v, handler_dom[h], b);
      }
  }
}

// in/out numbers of the dominator tree: children lists by first child and sibling, walked with an explicit stack.
static void number_dominators(Verifier *v)
{
  const ZirFunc *f = v->f;
  uint32_t *child = zw_new_array(v->scratch, uint32_t, f->nblocks), *sibling = zw_new_array(v->scratch, uint32_t, f->nblocks);
  memset(child, 0xff, f->nblocks * sizeof *child);
  for (uint32_t k = f->norder; k-- > 1;) {
    uint32_t b = f->order[k], d = v->idom[b];
    if (d != UINT32_MAX)
      sibling[b] = child[d], child[d] = b;
  }
  uint32_t clock = 1, b = 0;
  v->dom_in[0] = clock++;
  for (;;) {
    if (child[b] != UINT32_MAX) {
      uint32_t next = child[b];
      child[b] = sibling[next];
      b = next;
      v->dom_in[b] = clock++;
      continue;
    }
    v->dom_out[b] = clock++;
    if (b == 0)
      return;
    b = v->idom[b];
  }
}

static bool dominates(const Verifier *v, uint32_t a, uint32_t b)
{
  return v->dom_in[a] && v->dom_in[a] <= v->dom_in[b] && v->dom_out[b] <= v->dom_out[a];
}

// Is value r there when instruction i of block b runs, at position `at`?  For an edge, at = the block's end.
static void check_use(Verifier *v, uint32_t i, Ref r, uint32_t b, uint32_t at)
{
  const ZirFunc *f = v->f;
  check_ref(v, i, r);
  if (!zw_ref_is_value(r))
    return;
  uint32_t def = zw_zir_block(f, r);
  bool hoisted = zw_zir_is(f, r, ZV_HOISTED);
  bool ok;
  if (def != b)
    ok = v->dom_in[b] == 0 || dominates(v, def, b);
  else if (hoisted) // at the block's end, in ascending order
    ok = zw_zir_is(f, i, ZV_HOISTED) ? r < i : at + 1 >= f->blocks[b].end;
  else
    ok = r < at;
  if (!ok)
    broken(v, i, "V3: v%u is used where its definition has not run", r);
}

// ---- V4: types ----
static void want_type(Verifier *v, uint32_t i, Ref r, ValKind want)
{
  if (!same_type(v->f, r, want))
    broken(v, i, "V4: an operand is %s, not %s", zw_zir_kind_name[zw_ref_type(v->f, r)], zw_zir_kind_name[want]);
}

static void want_result(Verifier *v, uint32_t i, uint8_t want)
{
  if (v->f->ins[i].ty != want)
    broken(v, i, "V4: the result is not %s", want < VK_COUNT ? zw_zir_kind_name[want] : "nothing");
}

static void check_list(Verifier *v, uint32_t i, const ValType *types, uint32_t n, uint32_t extra, const char *what)
{
  const ZIns *ins = &v->f->ins[i];
  if (ins->b != n + extra)
    broken(v, i, "V4: %u %s are wanted, not %u", n, what, ins->b - extra);
  for (uint32_t k = 0; k < n; k++)
    want_type(v, i, v->f->xa[ins->a + k], zw_val_kind(v->f->m, types[k]));
  if (extra)
    want_type(v, i, v->f->xa[ins->a + n], VK_I64);
}

static void check_result_of(Verifier *v, uint32_t i, const FuncType *t)
{
  want_result(v, i, t->nresults ? (uint8_t)zw_val_kind(v->f->m, t->results[0]) : VK_COUNT);
}

static void check_same_results(Verifier *v, uint32_t i, const FuncType *t)
{
  const FuncType *own = v->f->m->types[v->f->type].func;
  bool same = t->nresults == own->nresults;
  for (uint32_t k = 0; same && k < t->nresults; k++)
    same = zw_val_kind(v->f->m, t->results[k]) == zw_val_kind(v->f->m, own->results[k]);
  if (!same)
    broken(v, i, "V4: a tail call must have the results of its function");
  want_result(v, i, VK_COUNT);
}

static const FuncType *type_named(Verifier *v, uint32_t i, uint32_t k)
{
  if (k >= v->f->m->ntypes)
    broken(v, i, "V4: there is no type %u", k);
  return v->f->m->types[k].func;
}

static const FuncType *callee(Verifier *v, uint32_t i)
{
  if (v->f->ins[i].c >= v->f->m->nfuncs)
    broken(v, i, "V4: there is no function %u", v->f->ins[i].c);
  return zw_func_type(v->f->m, v->f->ins[i].c);
}

static void check_result_row(Verifier *v, uint32_t i)
{
  const ZirFunc *f = v->f;
  const ZIns *ins = &f->ins[i];
  const ZIns *call = &f->ins[ins->a];
  const FuncType *t = call->op == OP_call ? callee(v, ins->a) : call->op == OP_call_elem ? type_named(v, i, call->c) : NULL;
  if (!t || ins->b == 0 || ins->b >= t->nresults)
    broken(v, i, "V4: there is no such result");
  want_result(v, i, (uint8_t)zw_val_kind(f->m, t->results[ins->b]));
}

static void check_by_row(Verifier *v, uint32_t i)
{
  const ZIns *ins = &v->f->ins[i];
  const OpInfo *info = &zw_op_info[ins->op];
  const ZShape *shape = &zw_zir_shape[ins->op];
  Ref refs[4];
  uint32_t n = zw_zir_operands(v->f, ins, refs, 4);
  for (uint32_t k = 0; k < n && k < 4; k++) {
    if (info->in[k] == SIG_ADDR) {
      ValKind ty = zw_ref_type(v->f, refs[k]);
      if (ty != VK_I32 && ty != VK_I64)
        broken(v, i, "V4: an address is i32 or i64");
    } else if (info->in[k] != SIG_ANY) {
      want_type(v, i, refs[k], (ValKind)info->in[k]);
    }
  }
  if (shape->form == ZF_CMPXCHG && n != 3)
    broken(v, i, "V4: three operands are wanted");
  if (info->nout == 0)
    want_result(v, i, VK_COUNT);
  else if (ins->op == OP_vm_addr && ins->ty == VK_FUNCREF) // a FuncRef in the vmctx
    return;
  else if (info->out[0] != SIG_ANY)
    want_result(v, i, info->out[0]);
  else if (ins->ty >= VK_COUNT)
    broken(v, i, "V4: a result type is missing");
}

static void check_types(Verifier *v, uint32_t i)
{
  const ZirFunc *f = v->f;
  const ZIns *ins = &f->ins[i];
  const FuncType *own = f->m->types[f->type].func, *t;
  switch ((ZForm)zw_zir_shape[ins->op].form) {
  case ZF_SHUFFLE:
    want_type(v, i, ins->a, VK_V128), want_type(v, i, ins->b, VK_V128), want_result(v, i, VK_V128);
    return;
  case ZF_PARAM:
    if (ins->a >= own->nparams)
      broken(v, i, "V6: the function has %u parameters", own->nparams);
    if (v->block_of[i] != 0)
      broken(v, i, "V6: parameters are read in b0");
    want_result(v, i, (uint8_t)zw_val_kind(f->m, own->params[ins->a]));
    return;
  case ZF_RESULT: check_result_row(v, i); return;
  case ZF_CALL: t = callee(v, i), check_list(v, i, t->params, t->nparams, 0, "arguments"), check_result_of(v, i, t); return;
  case ZF_CALL_ELEM:
    t = type_named(v, i, ins->c);
    check_list(v, i, t->params, t->nparams, 1, "arguments"), check_result_of(v, i, t);
    return;
  case ZF_TCALL: t = callee(v, i), check_list(v, i, t->params, t->nparams, 0, "arguments"), check_same_results(v, i, t); return;
  case ZF_TCALL_ELEM:
    t = type_named(v, i, ins->c);
    check_list(v, i, t->params, t->nparams, 1, "arguments"), check_same_results(v, i, t);
    return;
  case ZF_RET: check_list(v, i, own->results, own->nresults, 0, "results"), want_result(v, i, VK_COUNT); return;
  case ZF_THROW:
    if (ins->c >= f->m->ntags)
      broken(v, i, "V4: there is no tag %u", ins->c);
    t = f->m->types[f->m->tags[ins->c].type].func;
    check_list(v, i, t->params, t->nparams, 0, "values"), want_result(v, i, VK_COUNT);
    return;
  case ZF_LIB: {
    static const char letters[] = "ilfdv";
    char want = zw_zir_lib_result[ins->c];
    const char *at = __builtin_strchr(letters, want);
    want_result(v, i, want == 'z' ? VK_COUNT : want == 'l' && ins->ty >= VK_FUNCREF ? ins->ty : (uint8_t)(at - letters));
    return;
  }
  case ZF_REFS:
    if (ins->op == OP_ref_i31) {
      want_type(v, i, ins->a, VK_I32), want_result(v, i, VK_REF);
      return;
    }
    if (ins->op == OP_sel)
      want_type(v, i, ins->a, (ValKind)ins->ty), want_type(v, i, ins->b, (ValKind)ins->ty);
    if (ins->op == OP_copy)
      want_type(v, i, ins->a, (ValKind)ins->ty);
    if (ins->op != OP_atomic_fence)
      check_by_row(v, i);
    return;
  case ZF_SWITCH:
    if (ins->b > f->nxa || ins->c > f->nxa - ins->b)
      broken(v, i, "V2: the table lies outside xa");
    for (uint32_t k = 0; k < ins->c; k++)
      if (f->xa[ins->b + k] >= f->blocks[v->block_of[i]].nedges)
        broken(v, i, "V1: the table names edge %u, there is none", f->xa[ins->b + k]);
    want_type(v, i, ins->a, VK_I32), want_result(v, i, VK_COUNT);
    return;
  case ZF_BR: want_type(v, i, ins->a, VK_I32), want_result(v, i, VK_COUNT); return;
  case ZF_GC_NEW:
    if (ins->b < GC_HEAD_BYTES || ins->b > GC_BUMP_MOST || ins->b % GC_CELL || !f->at[i])
      broken(v, i, "V4: there is no object of that size, or it has no wasm offset");
    want_type(v, i, ins->a, VK_I64), want_result(v, i, VK_REF);
    return;
  case ZF_GC_LOAD: case ZF_GC_STORE: case ZF_GC_ELEM: case ZF_GC_PUT:
    if ((ins->fl & GCA_WIDTH) > 4 || (ins->fl & GCA_SIGNED && (ins->fl & GCA_WIDTH) > 1))
      broken(v, i, "V4: there is no such width");
    check_by_row(v, i);
    return;
  case ZF_LANE: case ZF_LOAD: case ZF_STORE: case ZF_CMPXCHG: case ZF_LANEMEM: case ZF_VM_LOAD: case ZF_VM_STORE:
  case ZF_OFFSET: case ZF_PTR_LOAD: case ZF_PTR_STORE: case ZF_TRAPIF: case ZF_PHI: case ZF_CATCH: case ZF_JMP: case ZF_TRAP:
    check_by_row(v, i);
    return;
  case ZF_NONE: break;
  }
  BUG("form %u", zw_zir_shape[ins->op].form);
}

// ---- V8, V9 and the rest of one instruction ----
static void check_ins(Verifier *v, uint32_t i)
{
  const ZirFunc *f = v->f;
  const ZIns *ins = &f->ins[i];
  const ZShape *shape = &zw_zir_shape[ins->op];
  uint32_t b = v->block_of[i], at = i;
  if (zw_zir_is(f, i, ZV_HOISTED)) {
    uint32_t l = f->blocks[b].loop;
    while (l != NO_LOOP && f->loops[l].entry != zw_zir_block(f, i))
      l = f->loops[l].parent;
    if (l == NO_LOOP)
      broken(v, i, "V8: hoisted, but not to the entry of a loop around it");
    if (shape->flags & (OPF_EFFECT | OPF_TERM) || (shape->flags & OPF_TRAPS && !zw_zir_is(f, i, ZV_PROVED)))
      broken(v, i, "V8: what has an effect or may trap stays where it is");
    b = zw_zir_block(f, i);
    at = f->blocks[b].end;
  } else if (zw_zir_block(f, i) != b) {
    broken(v, i, "V7: blk says b%u", zw_zir_block(f, i));
  }
  uint32_t n = shape->xa == ZX_RANGE ? ins->b : shape->xa;
  if (n > f->nxa || ins->a > f->nxa - n)
    if (n)
      broken(v, i, "V2: operands outside xa");
  for (uint32_t k = 0; k < n; k++)
    check_use(v, i, f->xa[ins->a + k], b, at);
  if (shape->refs & 1)
    check_use(v, i, ins->a, b, at);
  if (shape->refs & 2)
    check_use(v, i, ins->b, b, at);
  if (shape->refs & 4)
    check_use(v, i, ins->c, b, at);
  check_types(v, i);
  if (shape->flags & OPF_TRAPS && !f->at[i])
    broken(v, i, "V9: what may trap carries a wasm offset");
}

static void check_edges(Verifier *v, uint32_t b)
{
  const ZirFunc *f = v->f;
  const ZBlock *block = &f->blocks[b];
  uint32_t term = block->end - 1;
  for (uint32_t e = block->edges; e < block->edges + block->nedges; e++) {
    const ZEdge *edge = &f->edges[e];
    const ZBlock *to = &f->blocks[edge->to];
    if (edge->args > f->nedge_args || to->nphi > f->nedge_args - edge->args)
      broken(v, term, "V5: the edge to b%u does not pass %u values", edge->to, to->nphi);
    for (uint32_t k = 0; k < to->nphi; k++) {
      Ref r = f->edge_args[edge->args + k];
      check_use(v, term, r, b, block->end);
      if (!same_type(f, r, (ValKind)f->ins[to->first + k].ty))
        broken(v, term, "V5: value %u for b%u is %s, not %s", k, edge->to, zw_zir_kind_name[zw_ref_type(f, r)],
               zw_zir_kind_name[f->ins[to->first + k].ty]);
    }
  }
}

static void verify(Verifier *v)
{
  const ZirFunc *f = v->f;
  check_blocks(v);
  check_order(v);
  build_dominators(v);
  number_dominators(v);
  for (uint32_t k = 0; k < f->norder; k++) {
    const ZBlock *b = &f->blocks[f->order[k]];
    for (uint32_t i = b->first; i < b->end; i++)
      check_ins(v, i);
    check_edges(v, f->order[k]);
  }
  for (uint32_t k = 1; k < f->ncall_pos; k++)
    if (f->call_pos[k - 1] >= f->call_pos[k])
      broken(v, UINT32_MAX, "V7: the positions of calls do not ascend");
}

const char *zw_zir_verify(const ZirFunc *f, Arena *scratch)
{
  zw_zir_unpack_all_at(f);
  Verifier *v = zw_new(scratch, Verifier);
  v->f = f;
  v->scratch = scratch;
  v->text = zw_new_array(scratch, char, TEXT_BYTES);
  v->at = zw_new_array(scratch, uint32_t, f->nblocks);
  v->idom = zw_new_array(scratch, uint32_t, f->nblocks);
  v->dom_in = zw_new_array(scratch, uint32_t, f->nblocks);
  v->dom_out = zw_new_array(scratch, uint32_t, f->nblocks);
  v->block_of = zw_new_array(scratch, uint32_t, f->nins + 1);
  if (setjmp(v->out))
    return v->text;
  verify(v);
  return NULL;
}
