// P2: from a checked body and its facts to SSA.  One forward walk over the bytecode; nothing is revisited.
//
// Blocks of ZIR are the blocks of P1's skeleton, by number (rule R of compiler/wasm/check.h): this walk starts a block
// exactly where P1 did.  Locals and operands are Refs; a branch writes down what it carries (label results, then the
// locals that the frame assigns), and the join at `end` makes a phi only where the incoming values differ.  Loops know
// from P1 which locals they assign, so their phis stand before the body is read.
#include "compiler/wasm/body.h"
#include "compiler/zir/zir_int.h"
#include "runtime/base/vec.h"
#include <string.h>

typedef struct Undo { uint32_t local; Ref old; } Undo;
typedef struct Pending { uint32_t next, edge, carry; } Pending; // a branch to the end of a frame; carry[carry ..)
typedef struct Frame {
  uint8_t kind;                   // Op
  bool has_else, then_falls;
  uint32_t fact, height, undo;
  uint32_t nparams, nresults;
  const uint32_t *assigned; uint32_t nassigned;
  uint32_t pending, npending;
  uint32_t header;                // loop: block
  uint32_t else_edge, saved;      // if: the edge that waits for its else; parameters in saved[]
  uint32_t stamp, stamp_edge;     // br_table: already has an edge in this one
} Frame;

// Inlining: the callee's body is read where the call stands, by the same walk.  Its blocks get numbers behind those of
// P1's skeleton; an Inst remembers where they belong in the layout.
enum { INLINE_OPS = 20, INLINE_LOOP_OPS = 40 /* when the call is in a loop */, INLINE_LOCALS = 16, INLINE_LOOPS = 2, INLINE_DEPTH = 3, INLINE_FREE_OPS = 200 };
typedef struct Inst {
  uint32_t next;                  // call in the same block, or in the same entry block of a callee; UINT32_MAX = last
  uint32_t first, last;           // inlined calls in the part of map[0] that is this callee's
  const FuncFacts *facts;
  uint32_t *map;                  // callee's block -> block of f, or NO_BLOCK; map[0] is the block with the call
  uint8_t *returns;               // per block of the callee: can it get to the end?
  uint32_t rest;                  // block in which the caller goes on, or NO_BLOCK: it is one of map[]
} Inst;
typedef struct Level {            // a caller that waits
  uint32_t func, root, undo, inst, next_block, next_frame, at;
  uint32_t loop; uint8_t depth; bool cold; // of the block with the call: the callee's are in or under them
  const FuncFacts *facts; const Func *fn; const uint8_t *p;
  Ref *locals; uint32_t *loop_map, *map; const uint8_t *returns;
} Level;

typedef struct Build {
  const Module *m;
  const CodeOptions *o;
  ZirFunc *f;
  Arena *scratch;
  const FuncFacts *facts;
  const Func *fn;
  const uint8_t *p;
  uint32_t at, block, next_block, next_frame, stamp;
  bool live, frame_locals;
  uint32_t func, block_cap, loop_cap, grown, most_grown, stack_cap;
  Level levels[INLINE_DEPTH]; uint32_t nlevels;
  uint32_t *map; const uint8_t *returns; // of the callee being read; NULL in the function itself
  VEC(Inst) insts;
  VEC(uint32_t) created;          // blocks in the order of their instructions
  VEC(ZInline) inlines;
  uint32_t *first_inst, *last_inst; // per block, UINT32_MAX = none
  Ref *stack; uint32_t sp;
  Ref *locals;
  uint32_t *loop_map;
  VEC(Undo) undo;
  VEC(Frame) frames;
  VEC(Ref) carry, saved;
  VEC(Pending) pending;
  VEC(ZEdge) edges;
  VEC(Ref) edge_args;
  VEC(uint32_t) xa;
} Build;

static _Noreturn void unsupported(const Build *b, Feature f)
{
  b->m->ctx->at_func = b->func; // the body being read may be an inlined one
  zw_fail(b->m->ctx, ERR_unsupported, b->at & IMAGE_INLINE_AT ? b->inlines.p[b->at & ~IMAGE_INLINE_AT].wasm_at : b->at,
          "feature '%s' is not in compiled code yet", zw_feature_info[f].name);
}

static uint32_t append(Build *b, Op op, unsigned ty, unsigned fl, uint32_t x, uint32_t y, uint32_t z)
{
  ZirFunc *f = b->f;
  if (f->nins == f->cap)
    zw_zir_reserve(f, f->nins + 1);
  uint32_t i = f->nins++;
  f->ins[i] = (ZIns){ (uint16_t)op, (uint8_t)ty, (uint8_t)fl, x, y, z };
  f->blk[i] = b->block, f->at[i] = b->at, f->hoist_next[i] = REF_NONE, f->vflags[i] = 0;
  return i;
}

static void push(Build *b, Ref r) { b->stack[b->sp++] = r; }
static Ref pop(Build *b) { return b->stack[--b->sp]; }
static Ref i32_const(Build *b, uint32_t v) { return zw_zir_const(b->f, VK_I32, v, 0); }
static Ref i64_const(Build *b, uint64_t v) { return zw_zir_const(b->f, VK_I64, v, 0); }
static Ref un(Build *b, Op op, Ref x) { return append(b, op, zw_op_info[op].out[0], 0, x, 0, 0); }
static Ref bin(Build *b, Op op, Ref x, Ref y) { return append(b, op, zw_op_info[op].out[0], 0, x, y, 0); }
static Ref vm_load(Build *b, ValKind ty, uint32_t off, unsigned alias) { return append(b, OP_vm_load, ty, alias, off, 0, 0); }
static Ref ptr_load(Build *b, ValKind ty, Ref p, uint32_t off, unsigned alias) { return append(b, OP_ptr_load, ty, alias, p, 0, off); }
static void trapif(Build *b, Ref cond, TrapKind kind) { append(b, OP_trapif, VK_COUNT, 0, cond, 0, kind); }
static Ref to_i64(Build *b, Ref r) { return zw_ref_type(b->f, r) == VK_I32 ? un(b, OP_i64_extend_i32_u, r) : r; }

static uint32_t xa_list(Build *b, const Ref *refs, uint32_t n)
{
  uint32_t at = b->xa.n;
  for (uint32_t k = 0; k < n; k++)
    *zw_push(b->scratch, &b->xa) = refs[k];
  return at;
}

// ---- blocks and edges ----
static uint32_t add_edge(Build *b, uint32_t to)
{
  *zw_push(b->scratch, &b->edges) = (ZEdge){ .to = to, .from = b->block };
  return b->edges.n - 1;
}

static void open_block(Build *b, uint32_t id, uint32_t loop, uint8_t depth, bool cold)
{
  b->block = id;
  *zw_push(b->scratch, &b->created) = id;
  b->f->blocks[id] = (ZBlock){ .first = b->f->nins, .loop = loop, .depth = depth, .cold = cold, .try_region = UINT32_MAX };
  b->live = true;
}

// The number of the next block: P1's own, or behind all of those.
static uint32_t next_id(const Build *b) { return b->nlevels ? b->f->nblocks : b->next_block; }
static uint32_t more_blocks(Build *b)
{
  ZirFunc *f = b->f;
  if (f->nblocks == b->block_cap) {
    uint32_t cap = b->block_cap;
    f->blocks = zw_vec_grow(f->arena, f->blocks, f->nblocks, &cap, f->nblocks + 1, sizeof *f->blocks);
    uint32_t c1 = b->block_cap, c2 = b->block_cap;
    b->first_inst = zw_vec_grow(b->scratch, b->first_inst, f->nblocks, &c1, cap, sizeof *b->first_inst);
    b->last_inst = zw_vec_grow(b->scratch, b->last_inst, f->nblocks, &c2, cap, sizeof *b->last_inst);
    b->block_cap = cap < c1 ? cap : c1;
  }
  b->first_inst[f->nblocks] = b->last_inst[f->nblocks] = UINT32_MAX;
  return f->nblocks++;
}

static void start_block(Build *b)
{
  uint32_t n = b->next_block++;
  ASSERT(n < b->facts->nblocks);
  const BlockFact *fact = &b->facts->blocks[n];
  if (!b->nlevels) {
    open_block(b, n, fact->loop == NO_LOOP ? NO_LOOP : b->loop_map[fact->loop], fact->depth, fact->cold);
    return;
  }
  const Level *caller = &b->levels[b->nlevels - 1];
  uint32_t id = b->map[n] = more_blocks(b);
  if (!b->returns[n]) { // leaves the caller's loops too
    open_block(b, id, fact->loop == NO_LOOP ? NO_LOOP : b->loop_map[fact->loop], fact->depth, true);
    return;
  }
  uint32_t depth = caller->depth + (uint32_t)fact->depth;
  open_block(b, id, fact->loop == NO_LOOP ? caller->loop : b->loop_map[fact->loop], depth > 255 ? 255 : (uint8_t)depth,
             caller->cold || fact->cold);
}

// The terminator of the current block; its edges are those added since `first`.
static void end_block(Build *b, Op op, uint32_t x, uint32_t y, uint32_t z, uint32_t first)
{
  append(b, op, VK_COUNT, 0, x, y, z);
  ZBlock *blk = &b->f->blocks[b->block];
  blk->end = b->f->nins, blk->edges = first, blk->nedges = b->edges.n - first;
  b->live = false;
}

// ---- locals ----
static uint32_t local_word(Build *b, uint32_t l) { (void)b; return 8 * (b->facts->local_kinds[l] == VK_V128 ? 2 * l : l); }

static void set_local(Build *b, uint32_t l, Ref r)
{
  if (b->frame_locals) {
    Ref p = append(b, OP_frame_addr, VK_I64, 0, 0, 0, 0);
    append(b, OP_ptr_store, VK_COUNT, AL_FRAME, p, r, local_word(b, l));
    return;
  }
  if (b->locals[l] == r)
    return;
  *zw_push(b->scratch, &b->undo) = (Undo){ l, b->locals[l] };
  b->locals[l] = r;
}

static Ref get_local(Build *b, uint32_t l)
{
  if (!b->frame_locals)
    return b->locals[l];
  Ref p = append(b, OP_frame_addr, VK_I64, 0, 0, 0, 0);
  return ptr_load(b, (ValKind)b->facts->local_kinds[l], p, local_word(b, l), AL_FRAME);
}

static void rollback(Build *b, uint32_t mark)
{
  while (b->undo.n > mark) {
    Undo u = b->undo.p[--b->undo.n];
    b->locals[u.local] = u.old;
  }
}

// ---- branches ----
// An edge to the end of frame f: what it carries waits for the join.
static uint32_t edge_to_end(Build *b, Frame *f, const Ref *results)
{
  uint32_t carry = b->carry.n;
  for (uint32_t k = 0; k < f->nresults; k++)
    *zw_push(b->scratch, &b->carry) = results[k];
  for (uint32_t k = 0; k < f->nassigned; k++)
    *zw_push(b->scratch, &b->carry) = b->locals[f->assigned[k]];
  uint32_t edge = add_edge(b, NO_BLOCK);
  *zw_push(b->scratch, &b->pending) = (Pending){ f->pending, edge, carry };
  f->pending = b->pending.n - 1, f->npending++;
  return edge;
}

static uint32_t edge_to_header(Build *b, Frame *f, const Ref *params)
{
  uint32_t edge = add_edge(b, f->header);
  b->edges.p[edge].args = b->edge_args.n;
  for (uint32_t k = 0; k < f->nparams; k++)
    *zw_push(b->scratch, &b->edge_args) = params[k];
  for (uint32_t k = 0; k < f->nassigned; k++)
    *zw_push(b->scratch, &b->edge_args) = b->locals[f->assigned[k]];
  return edge;
}

static uint32_t branch_edge(Build *b, uint32_t label)
{
  Frame *f = &b->frames.p[b->frames.n - 1 - label];
  uint32_t n = f->kind == OP_loop ? f->nparams : f->nresults;
  const Ref *values = b->stack + b->sp - n;
  return f->kind == OP_loop ? edge_to_header(b, f, values) : edge_to_end(b, f, values);
}

// The join of f, in the block just started: values that differ over the incoming edges become phis.  Leaves the results
// on the stack.
static void join(Build *b, Frame *f)
{
  ZirFunc *z = b->f;
  uint32_t n = f->nresults + f->nassigned, nphi = 0;
  Ref *value = zw_new_array(b->scratch, Ref, n + 1);
  uint32_t *phi = zw_new_array(b->scratch, uint32_t, n + 1); // slots that became phis
  uint8_t *differs = zw_new_array(b->scratch, uint8_t, n + 1);
  bool first = true;
  for (uint32_t k = f->pending; k != UINT32_MAX; k = b->pending.p[k].next, first = false)
    for (uint32_t s = 0; s < n; s++) {
      Ref r = b->carry.p[b->pending.p[k].carry + s];
      if (first)
        value[s] = r;
      else
        differs[s] |= value[s] != r;
    }
  for (uint32_t s = 0; s < n; s++)
    if (differs[s]) {
      phi[nphi++] = s;
      value[s] = append(b, OP_phi, zw_ref_type(z, value[s]), 0, 0, 0, 0);
    }
  z->blocks[b->block].nphi = nphi;
  for (uint32_t k = f->pending; k != UINT32_MAX; k = b->pending.p[k].next) {
    ZEdge *e = &b->edges.p[b->pending.p[k].edge];
    e->to = b->block, e->args = b->edge_args.n;
    for (uint32_t s = 0; s < nphi; s++)
      *zw_push(b->scratch, &b->edge_args) = b->carry.p[b->pending.p[k].carry + phi[s]];
  }
  rollback(b, f->undo);
  b->sp = f->height;
  for (uint32_t s = 0; s < f->nresults; s++)
    push(b, value[s]);
  for (uint32_t s = 0; s < f->nassigned; s++)
    set_local(b, f->assigned[s], value[f->nresults + s]);
}

// ---- structured control ----
static Frame *push_frame(Build *b, Op kind, uint32_t nparams, uint32_t nresults)
{
  const FrameFact *fact = &b->facts->frames[b->next_frame];
  ASSERT(fact->kind == kind);
  *zw_push(b->scratch, &b->frames) = (Frame){
    .kind = (uint8_t)kind, .fact = b->next_frame++, .height = b->sp - nparams, .undo = b->undo.n,
    .nparams = nparams, .nresults = nresults, .assigned = b->facts->assigned + fact->assigned_off,
    .nassigned = b->frame_locals ? 0 : fact->nassigned, .pending = UINT32_MAX, .header = NO_BLOCK, .else_edge = UINT32_MAX };
  return &b->frames.p[b->frames.n - 1];
}

static void enter_loop(Build *b, uint32_t nparams, uint32_t nresults)
{
  Frame *f = push_frame(b, OP_loop, nparams, nresults);
  const LoopFact *l = &b->facts->loops[b->facts->frames[f->fact].loop];
  f->header = next_id(b);
  f->assigned = b->facts->assigned + l->assigned_off, f->nassigned = l->iterates && !b->frame_locals ? l->nassigned : 0;
  if (!l->iterates) {
    uint32_t e = add_edge(b, f->header);
    b->edges.p[e].args = b->edge_args.n;
    end_block(b, OP_jmp, 0, 0, 0, e);
    start_block(b);
    return;
  }
  ZLoop *z = &b->f->loops[b->loop_map[b->facts->frames[f->fact].loop]];
  z->header = f->header, z->entry = b->block;
  uint32_t e = edge_to_header(b, f, b->stack + f->height);
  end_block(b, OP_jmp, 0, 0, 0, e);
  start_block(b);
  b->f->blocks[b->block].is_header = 1;
  for (uint32_t k = 0; k < nparams; k++)
    b->stack[f->height + k] = append(b, OP_phi, zw_ref_type(b->f, b->stack[f->height + k]), 0, 0, 0, 0);
  for (uint32_t k = 0; k < f->nassigned; k++)
    set_local(b, f->assigned[k], append(b, OP_phi, b->facts->local_kinds[f->assigned[k]], 0, 0, 0, 0));
  b->f->blocks[b->block].nphi = nparams + f->nassigned;
}

static void enter_if(Build *b, uint32_t nparams, uint32_t nresults, Ref cond)
{
  Frame *f = push_frame(b, OP_if, nparams, nresults);
  f->saved = b->saved.n;
  for (uint32_t k = 0; k < nparams; k++)
    *zw_push(b->scratch, &b->saved) = b->stack[f->height + k];
  uint32_t then = add_edge(b, next_id(b));
  f->else_edge = add_edge(b, NO_BLOCK);
  end_block(b, OP_br, cond, 0, 0, then);
  start_block(b);
}

static void fall_to_end(Build *b, Frame *f)
{
  uint32_t e = edge_to_end(b, f, b->stack + b->sp - f->nresults);
  end_block(b, OP_jmp, 0, 0, 0, e);
}

static void start_else(Build *b, Frame *f)
{
  if (b->live)
    fall_to_end(b, f);
  rollback(b, f->undo);
  b->sp = f->height;
  for (uint32_t k = 0; k < f->nparams; k++)
    push(b, b->saved.p[f->saved + k]);
  b->edges.p[f->else_edge].to = next_id(b);
  start_block(b);
}

static void emit_return(Build *b)
{
  if (b->nlevels) { // to the end of the inlined call
    Frame *f = &b->frames.p[b->levels[b->nlevels - 1].root];
    uint32_t e = edge_to_end(b, f, b->stack + b->sp - f->nresults);
    end_block(b, OP_jmp, 0, 0, 0, e);
    return;
  }
  uint32_t n = b->frames.p[0].nresults;
  end_block(b, OP_ret, xa_list(b, b->stack + b->sp - n, n), n, 0, b->edges.n);
}

static void leave_inline(Build *b);

static void end_frame(Build *b)
{
  Frame *f = &b->frames.p[b->frames.n - 1];
  if (b->nlevels && b->frames.n - 1 == b->levels[b->nlevels - 1].root) {
    leave_inline(b);
    return;
  }
  bool is_if = f->kind == OP_if;
  if (is_if && !f->has_else)
    start_else(b, f);
  if (f->kind == OP_loop) {
    if (b->live) { // R7
      uint32_t e = add_edge(b, next_id(b));
      b->edges.p[e].args = b->edge_args.n;
      end_block(b, OP_jmp, 0, 0, 0, e);
      start_block(b);
    } else {
      rollback(b, f->undo);
      b->sp = f->height;
    }
  } else if (is_if || b->facts->frames[f->fact].nbr > 0) {
    if (b->live)
      fall_to_end(b, f);
    if (f->npending) {
      start_block(b);
      join(b, f);
    } else {
      rollback(b, f->undo);
      b->sp = f->height;
    }
  } else if (!b->live) {
    rollback(b, f->undo);
    b->sp = f->height;
  }
  b->saved.n = is_if ? f->saved : b->saved.n;
  if (b->frames.n == 1 && b->live)
    emit_return(b);
  b->frames.n--;
}

// Dead code: step to the `else` or `end` that belongs to the open frame.
static Op skip_dead(Build *b)
{
  for (uint32_t depth = 0;;) {
    b->at = (uint32_t)(b->fn->at + (uint64_t)(b->p - b->fn->body));
    Op op = zw_fast_op(&b->p, zw_op_one_byte);
    if (op == OP_block || op == OP_loop || op == OP_if || op == OP_try_table || op == OP_try)
      depth++;
    else if (depth == 0 && (op == OP_end || op == OP_else))
      return op;
    else if (op == OP_end || op == OP_delegate)
      depth--;
    zw_skip_imm(&b->p, op);
  }
}

static void br_if(Build *b, Op op, uint32_t label, Ref cond)
{
  uint32_t e = branch_edge(b, label);
  uint32_t on = add_edge(b, next_id(b));
  b->edges.p[on].args = b->edge_args.n;
  end_block(b, op, cond, 0, 0, e);
  start_block(b);
}

static void br_table(Build *b)
{
  uint32_t n = zw_fast_u32(&b->p), first = b->edges.n, stamp = ++b->stamp;
  Ref index = pop(b);
  const uint8_t *labels = b->p;
  for (uint32_t k = 0; k < n; k++)
    zw_fast_u32(&b->p);
  uint32_t dflt = zw_fast_u32(&b->p);
  Frame *last = &b->frames.p[b->frames.n - 1 - dflt];
  uint32_t table = b->xa.n;
  last->stamp = stamp, last->stamp_edge = UINT32_MAX; // gets the last edge
  for (uint32_t k = 0; k < n; k++) {
    uint32_t label = zw_fast_u32(&labels);
    Frame *f = &b->frames.p[b->frames.n - 1 - label];
    if (f->stamp != stamp) {
      uint32_t e = branch_edge(b, label);
      f = &b->frames.p[b->frames.n - 1 - label];
      f->stamp = stamp, f->stamp_edge = e - first;
    }
    *zw_push(b->scratch, &b->xa) = f->stamp_edge;
  }
  uint32_t e = branch_edge(b, dflt) - first;
  for (uint32_t k = 0; k < n; k++)
    if (b->xa.p[table + k] == UINT32_MAX)
      b->xa.p[table + k] = e;
  if (e == 0)
    end_block(b, OP_jmp, 0, 0, 0, first);
  else
    end_block(b, OP_switch, index, table, n, first);
}

// ---- memory ----
static bool checked(const Build *b, uint32_t mem)
{
  const Limits *l = &b->m->memories[mem].type.limits;
  return b->o->image_flags & IMAGE_CHECKED || l->is64 || l->page_log2 != 16;
}

static Ref memory_bytes(Build *b, uint32_t mem)
{
  Ref def = vm_load(b, VK_I64, b->f->layout.memories + 16 * mem + 8, AL_IMMUT);
  return ptr_load(b, VK_I64, def, offsetof(VmMemoryDef, bytes), AL_MEMLEN);
}

// Check [address + offset, + width) when the memory needs it, and make the offset fit the machine's displacement.
static Ref address(Build *b, Ref addr, MemArg *arg, uint32_t width)
{
  if (checked(b, arg->memory)) {
    Ref len = memory_bytes(b, arg->memory), idx = to_i64(b, addr);
    uint64_t reach;
    if (__builtin_add_overflow(arg->offset, (uint64_t)width, &reach)) {
      trapif(b, i32_const(b, 1), TRAP_oob);
      reach = 0;
    }
    Ref end = bin(b, OP_i64_add, idx, i64_const(b, reach));
    if (b->m->memories[arg->memory].type.limits.is64)
      trapif(b, bin(b, OP_i64_lt_u, end, idx), TRAP_oob);
    trapif(b, bin(b, OP_i64_gt_u, end, len), TRAP_oob);
  }
  if (arg->offset >> 31) {
    addr = bin(b, OP_i64_add, to_i64(b, addr), i64_const(b, arg->offset));
    arg->offset = 0;
  }
  return addr;
}

static Ref lib(Build *b, unsigned id, unsigned ty, const Ref *args, uint32_t n)
{
  return append(b, OP_lib, ty, 0, xa_list(b, args, n), n, id);
}

// Atomic accesses trap when the address is no multiple of the width, before anything else.
static void check_aligned(Build *b, Ref addr, const MemArg *arg, uint32_t width)
{
  if (width == 1)
    return;
  Ref at = bin(b, OP_i64_add, to_i64(b, addr), i64_const(b, arg->offset & (width - 1)));
  trapif(b, bin(b, OP_i64_ne, bin(b, OP_i64_and, at, i64_const(b, width - 1)), i64_const(b, 0)), TRAP_unaligned_atomic);
}

static void wait_or_notify(Build *b, Op op, const MemArg *arg)
{
  bool notify = op == OP_memory_atomic_notify;
  Ref timeout = notify ? REF_NONE : pop(b), value = pop(b), addr = to_i64(b, pop(b));
  if (arg->offset) {
    Ref at = bin(b, OP_i64_add, addr, i64_const(b, arg->offset));
    trapif(b, bin(b, OP_i64_lt_u, at, addr), TRAP_oob);
    addr = at;
  }
  unsigned id = notify ? LIB_notify : op == OP_memory_atomic_wait32 ? LIB_wait32 : LIB_wait64;
  push(b, lib(b, id, VK_I32, (Ref[]){ i32_const(b, arg->memory), addr, value, timeout }, notify ? 3 : 4));
}

static void access(Build *b, Op op)
{
  const OpInfo *info = &zw_op_info[op];
  MemArg arg = zw_fast_memarg(&b->p);
  uint32_t lane = info->kind == OPK_LANE ? *b->p++ : 0;
  if (info->flags & (OPF_WAIT | OPF_NOTIFY)) {
    wait_or_notify(b, op, &arg);
    return;
  }
  Ref in[3] = { 0 };
  for (unsigned k = info->nin; k-- > 0;)
    in[k] = pop(b);
  if (info->flags & OPF_ATOMIC)
    check_aligned(b, in[0], &arg, info->width);
  in[0] = address(b, in[0], &arg, info->width);
  unsigned ty = info->nout ? info->out[0] : VK_COUNT;
  uint32_t off = (uint32_t)arg.offset, r;
  if (info->kind == OPK_LANE)
    r = append(b, op, ty, arg.memory, xa_list(b, (Ref[]){ in[0], in[1], lane }, 3), 0, off);
  else if (info->flags & OPF_CMPXCHG)
    r = append(b, op, ty, arg.memory, xa_list(b, in, 3), 0, off);
  else
    r = append(b, op, ty, arg.memory, in[0], in[1], off);
  if (info->nout)
    push(b, r);
}

static void memory_op(Build *b, Op op)
{
  uint32_t x = zw_fast_u32(&b->p), y = 0;
  if (op == OP_memory_copy || op == OP_memory_init)
    y = zw_fast_u32(&b->p);
  if (op == OP_memory_size) {
    const Limits *l = &b->m->memories[x].type.limits;
    Ref pages = bin(b, OP_i64_shr_u, memory_bytes(b, x), i64_const(b, l->page_log2));
    push(b, l->is64 ? pages : un(b, OP_i32_wrap_i64, pages));
  } else if (op == OP_memory_grow) {
    Ref delta = to_i64(b, pop(b));
    Ref old = lib(b, LIB_memory_grow, VK_I64, (Ref[]){ i32_const(b, x), delta }, 2);
    push(b, b->m->memories[x].type.limits.is64 ? old : un(b, OP_i32_wrap_i64, old));
  } else if (op == OP_data_drop) {
    lib(b, LIB_data_drop, VK_COUNT, (Ref[]){ i32_const(b, x) }, 1);
  } else {
    Ref len = to_i64(b, pop(b)), second = pop(b), dst = to_i64(b, pop(b));
    if (op == OP_memory_fill) {
      lib(b, LIB_memory_fill, VK_COUNT, (Ref[]){ i32_const(b, x), dst, second, len }, 4);
    } else {
      bool init = op == OP_memory_init; // init: segment, memory; the service wants memory, segment
      lib(b, init ? LIB_memory_init : LIB_memory_copy, VK_COUNT,
          (Ref[]){ i32_const(b, init ? y : x), i32_const(b, init ? x : y), dst, to_i64(b, second), len }, 5);
    }
  }
}

static void global_op(Build *b, bool set)
{
  uint32_t g = zw_fast_u32(&b->p), off = b->f->layout.globals + 16 * g;
  const Global *global = &b->m->globals[g];
  ValKind ty = zw_val_kind(b->m, global->type.type);
  unsigned alias = global->type.mutable_ ? AL_GLOBAL : AL_IMMUT;
  bool imported = global->import != UINT32_MAX;
  Ref p = imported ? vm_load(b, VK_I64, off, AL_IMMUT) : REF_NONE;
  if (set) {
    Ref v = pop(b);
    imported ? append(b, OP_ptr_store, VK_COUNT, alias, p, v, 0) : append(b, OP_vm_store, VK_COUNT, alias, off, v, 0);
  } else {
    push(b, imported ? ptr_load(b, ty, p, 0, alias) : vm_load(b, ty, off, alias));
  }
}

// ---- calls ----
static void push_results(Build *b, uint32_t call, const FuncType *t)
{
  for (uint32_t k = 0; k < t->nresults; k++)
    push(b, k == 0 ? call : append(b, OP_result, zw_val_kind(b->m, t->results[k]), 0, call, k, 0));
}

// The element that call_indirect calls, checked: in bounds, not null, of the type.
static Ref table_element(Build *b, uint32_t table, uint32_t type, Ref index)
{
  uint32_t at = b->f->layout.tables + 16 * table;
  Ref idx = to_i64(b, index);
  Ref len = ptr_load(b, VK_I64, vm_load(b, VK_I64, at + 8, AL_IMMUT), offsetof(VmTableDef, length), AL_TABLE);
  trapif(b, bin(b, OP_i64_ge_u, idx, len), TRAP_undefined_element);
  Ref elem = bin(b, OP_i64_add, vm_load(b, VK_I64, at, AL_IMMUT), bin(b, OP_i64_shl, idx, i64_const(b, 5)));
  append(b, OP_check_sig, VK_COUNT, 0, elem, vm_load(b, VK_I32, b->f->layout.type_ids + 4 * type, AL_IMMUT), 0);
  return elem;
}

// ---- inlining ----
static void copy_loops(Build *b);
static bool too_many_edge_slots(const FuncFacts *ff, const Func *fn);

// Which blocks of a small function can get to its end?  Loops may need the answer for their header: once more per loop.
static bool find_returns(const FuncFacts *ff, uint8_t *returns)
{
  for (uint32_t round = 0; round <= ff->nloops; round++)
    for (uint32_t n = ff->nblocks; n-- > 0;) {
      uint32_t from = ff->blocks[n].succ_off, to = n + 1 < ff->nblocks ? ff->blocks[n + 1].succ_off : ff->nsucc;
      bool r = from == to && !ff->blocks[n].sink;
      for (uint32_t k = from; k < to; k++)
        r |= returns[ff->succ[k]];
      returns[n] = r;
    }
  return returns[0];
}

static bool can_inline(const Build *b, uint32_t func)
{
  const Module *m = b->m;
  if (b->o->no_inline || func < m->nimported_funcs || b->frame_locals || b->nlevels == INLINE_DEPTH ||
      b->f->blocks[b->block].cold)
    return false;
  const FuncFacts *ff = &m->facts[func - m->nimported_funcs];
  if (ff->nops > (b->f->blocks[b->block].depth ? INLINE_LOOP_OPS : INLINE_OPS) || ff->nlocals > INLINE_LOCALS || ff->nloops > INLINE_LOOPS || ff->flags & (FN_TRIES | FN_TAIL_CALLS | FN_NO_SETS) ||
      ff->blocks[0].cold || b->grown + ff->nops > b->most_grown || b->sp + ff->max_height + 8 > b->stack_cap)
    return false;
  uint32_t again = func == b->f->func; // a recursive function once in itself
  for (uint32_t k = 1; k < b->nlevels; k++)
    again += func == b->levels[k].func;
  again += b->nlevels && func == b->func;
  return again < 2 && !too_many_edge_slots(ff, &m->funcs[func]);
}

static bool enter_inline(Build *b, uint32_t func)
{
  if (!can_inline(b, func))
    return false;
  const FuncFacts *ff = &b->m->facts[func - b->m->nimported_funcs];
  uint8_t *returns = zw_new_array(b->scratch, uint8_t, ff->nblocks);
  if (!find_returns(ff, returns))
    return false;
  const FuncType *t = zw_func_type(b->m, func);
  b->grown += ff->nops;
  uint32_t *map = zw_new_array(b->scratch, uint32_t, ff->nblocks);
  memset(map, 0xff, ff->nblocks * sizeof *map);
  map[0] = b->block;
  *zw_push(b->scratch, &b->insts) = (Inst){ UINT32_MAX, UINT32_MAX, UINT32_MAX, ff, map, returns, NO_BLOCK };
  uint32_t inst = b->insts.n - 1, *first = &b->first_inst[b->block], *last = &b->last_inst[b->block];
  if (b->nlevels && b->block == b->map[0]) {
    Inst *around = &b->insts.p[b->levels[b->nlevels - 1].inst];
    first = &around->first, last = &around->last;
  }
  *(*last == UINT32_MAX ? first : &b->insts.p[*last].next) = inst;
  *last = inst;
  const ZBlock *z = &b->f->blocks[b->block];
  b->levels[b->nlevels++] = (Level){ b->func, b->frames.n, b->undo.n, inst, b->next_block, b->next_frame, b->at,
                                     z->loop, z->depth, z->cold, b->facts, b->fn, b->p, b->locals, b->loop_map, b->map, b->returns };
  b->func = func, b->facts = ff, b->fn = &b->m->funcs[func], b->p = b->fn->body + ff->code_at;
  b->map = map, b->returns = returns, b->next_block = 1, b->next_frame = 0;
  copy_loops(b);
  b->sp -= t->nparams;
  b->locals = zw_new_array(b->scratch, Ref, ff->nlocals + 1);
  for (uint32_t l = 0; l < ff->nlocals; l++)
    b->locals[l] = l < t->nparams ? b->stack[b->sp + l] : zw_zir_const(b->f, (ValKind)ff->local_kinds[l], 0, 0);
  push_frame(b, OP_block, 0, t->nresults)->nassigned = 0; // nobody sees its locals any more
  return true;
}

// The end of an inlined body: its returns meet, and the caller goes on with the results on the stack.
static void leave_inline(Build *b)
{
  Level *l = &b->levels[b->nlevels - 1];
  Frame *f = &b->frames.p[b->frames.n - 1];
  if (f->npending) {
    if (b->live)
      fall_to_end(b, f);
    uint32_t rest = b->insts.p[l->inst].rest = more_blocks(b);
    open_block(b, rest, l->loop, l->depth, l->cold);
    join(b, f);
  }
  CHECK(b->live);
  for (uint32_t k = 0; k < b->facts->nloops; k++) { // the exits of its loops have their blocks now
    if (b->loop_map[k] == NO_LOOP || !b->facts->loops[k].iterates)
      continue;
    ZLoop *z = &b->f->loops[b->loop_map[k]];
    uint32_t n = 0;
    for (uint32_t e = 0; e < z->nexits; e++)
      if (b->map[z->exits[e]] != NO_BLOCK)
        z->exits[n++] = b->map[z->exits[e]];
    z->nexits = (uint8_t)n;
  }
  b->undo.n = l->undo;
  b->frames.n--;
  b->func = l->func, b->facts = l->facts, b->fn = l->fn, b->p = l->p, b->next_block = l->next_block, b->next_frame = l->next_frame;
  b->locals = l->locals, b->loop_map = l->loop_map, b->map = l->map, b->returns = l->returns;
  b->nlevels--;
}

// A call that stays: the loops around it have one.
static void note_call(Build *b)
{
  const ZBlock *z = &b->f->blocks[b->block];
  for (uint32_t l = z->loop; !z->cold && l != NO_LOOP && !b->f->loops[l].has_call; l = b->f->loops[l].parent)
    b->f->loops[l].has_call = 1;
}

// The layout: P1's, with the blocks of inlined bodies behind the block that had the call, in the callee's own layout.
// What cannot return stands behind everything.  `work` is what is still to be placed, the next thing last.
enum { PLACE_BLOCK = 0x80000000u }; // else the calls from that Inst on
typedef struct Layout { Build *b; uint32_t *order, n, *tail, ntail; VEC(uint32_t) work; } Layout;

static void place_later(Layout *l, uint32_t item) { *zw_push(l->b->scratch, &l->work) = item; }
static void lay_out_inst(Layout *l, uint32_t i)
{
  const Inst *inst = &l->b->insts.p[i];
  if (inst->next != UINT32_MAX)
    place_later(l, inst->next);
  if (inst->rest != NO_BLOCK)
    place_later(l, PLACE_BLOCK | inst->rest);
  for (uint32_t k = inst->facts->nblocks; k-- > 0;) {
    uint32_t n = inst->facts->order[k], id = inst->map[n];
    if (n == 0 || id == NO_BLOCK)
      continue;
    if (inst->returns[n])
      place_later(l, PLACE_BLOCK | id);
    else
      l->tail[l->ntail++] = id;
  }
  if (inst->first != UINT32_MAX)
    place_later(l, inst->first);
}

static void lay_out(Layout *l, uint32_t block)
{
  place_later(l, PLACE_BLOCK | block);
  while (l->work.n) {
    uint32_t item = l->work.p[--l->work.n];
    if (!(item & PLACE_BLOCK)) {
      lay_out_inst(l, item);
      continue;
    }
    item &= ~PLACE_BLOCK;
    l->order[l->n++] = item;
    if (l->b->first_inst[item] != UINT32_MAX)
      place_later(l, l->b->first_inst[item]);
  }
}

// Blocks by number ascend with their instructions; those of inlined bodies have been numbered behind the others.
static void renumber(Build *b)
{
  ZirFunc *f = b->f;
  uint32_t *now = zw_new_array(b->scratch, uint32_t, f->nblocks);
  ZBlock *blocks = zw_new_array(f->arena, ZBlock, f->nblocks);
  ASSERT(b->created.n == f->nblocks);
  for (uint32_t k = 0; k < f->nblocks; k++) {
    now[b->created.p[k]] = k;
    blocks[k] = f->blocks[b->created.p[k]];
    for (uint32_t i = blocks[k].first; i < blocks[k].end; i++)
      f->blk[i] = k;
  }
  f->blocks = blocks;
  for (uint32_t k = 0; k < b->edges.n; k++)
    b->edges.p[k].to = now[b->edges.p[k].to], b->edges.p[k].from = now[b->edges.p[k].from];
  for (uint32_t k = 0; k < f->norder; k++)
    f->order[k] = now[f->order[k]];
  for (uint32_t k = 0; k < f->nloops; k++) {
    ZLoop *l = &f->loops[k];
    l->header = now[l->header], l->entry = now[l->entry];
    for (uint32_t e = 0; e < l->nexits; e++)
      l->exits[e] = now[l->exits[e]];
  }
}

// Where an instruction of an inlined body is.
static uint32_t inline_position(Build *b)
{
  *zw_push(b->f->arena, &b->inlines) = (ZInline){ b->func, b->at, b->levels[b->nlevels - 1].at };
  return IMAGE_INLINE_AT | (b->inlines.n - 1);
}

static void order_blocks(Build *b)
{
  ZirFunc *f = b->f;
  f->order = b->facts->order, f->norder = b->facts->nblocks;
  if (!b->insts.n)
    return;
  Layout l = { .b = b, .order = zw_new_array(f->arena, uint32_t, f->nblocks), .tail = zw_new_array(b->scratch, uint32_t, f->nblocks) };
  for (uint32_t k = 0; k < b->facts->nblocks; k++)
    lay_out(&l, b->facts->order[k]);
  while (l.ntail) // collected last to first; no call in them is inlined, for they are cold
    l.order[l.n++] = l.tail[--l.ntail];
  ASSERT(l.n == f->nblocks);
  f->order = l.order, f->norder = l.n;
  renumber(b);
}

static void null_trap(Build *b, Ref ref, TrapKind kind) { trapif(b, un(b, OP_i64_eqz, ref), kind); }

static void call_op(Build *b, Op op)
{
  bool direct = op == OP_call || op == OP_return_call, indirect = op == OP_call_indirect || op == OP_return_call_indirect;
  bool tail = op == OP_return_call || op == OP_return_call_indirect || op == OP_return_call_ref;
  uint32_t x = zw_fast_u32(&b->p), table = indirect ? zw_fast_u32(&b->p) : 0;
  const FuncType *t = direct ? zw_func_type(b->m, x) : &b->m->types[x].func;
  Ref elem = REF_NONE;
  if (indirect) {
    if (!b->m->types[x].final)
      unsupported(b, FEAT_GC); // a subtype would pass too
    elem = table_element(b, table, x, pop(b));
  } else if (!direct) {
    elem = pop(b);
    null_trap(b, elem, TRAP_null_func);
  }
  if (op == OP_call && enter_inline(b, x))
    return;
  b->sp -= t->nparams;
  uint32_t args = xa_list(b, b->stack + b->sp, t->nparams);
  if (!direct)
    xa_list(b, &elem, 1);
  note_call(b);
  if (tail) {
    end_block(b, direct ? OP_tcall : OP_tcall_elem, args, t->nparams + !direct, x, b->edges.n);
    return;
  }
  unsigned ty = t->nresults ? (unsigned)zw_val_kind(b->m, t->results[0]) : VK_COUNT;
  uint32_t call = append(b, direct ? OP_call : OP_call_elem, ty, 0, args, t->nparams + !direct, x);
  push_results(b, call, t);
}

// ---- references and tables ----
static ValKind table_kind(const Build *b, uint32_t table) { return zw_val_kind(b->m, b->m->tables[table].type.elem); }
static Ref narrow(Build *b, bool is64, Ref r) { return is64 ? r : un(b, OP_i32_wrap_i64, r); }

static void table_op(Build *b, Op op)
{
  uint32_t x = zw_fast_u32(&b->p), y = op == OP_table_copy || op == OP_table_init ? zw_fast_u32(&b->p) : 0;
  bool is64 = op != OP_elem_drop && op != OP_table_init && b->m->tables[x].type.limits.is64;
  Ref table = i32_const(b, x);
  switch (op) {
  case OP_table_get: push(b, lib(b, LIB_table_get, table_kind(b, x), (Ref[]){ table, to_i64(b, pop(b)) }, 2)); return;
  case OP_table_set: {
    Ref v = pop(b), i = to_i64(b, pop(b));
    lib(b, LIB_table_set, VK_COUNT, (Ref[]){ table, i, v }, 3);
    return;
  }
  case OP_table_size: {
    Ref def = vm_load(b, VK_I64, b->f->layout.tables + 16 * x + 8, AL_IMMUT);
    push(b, narrow(b, is64, ptr_load(b, VK_I64, def, offsetof(VmTableDef, length), AL_TABLE)));
    return;
  }
  case OP_table_grow: {
    Ref delta = to_i64(b, pop(b)), init = pop(b);
    push(b, narrow(b, is64, lib(b, LIB_table_grow, VK_I64, (Ref[]){ table, init, delta }, 3)));
    return;
  }
  case OP_table_fill: {
    Ref len = to_i64(b, pop(b)), v = pop(b), dst = to_i64(b, pop(b));
    lib(b, LIB_table_fill, VK_COUNT, (Ref[]){ table, dst, v, len }, 4);
    return;
  }
  case OP_table_copy: case OP_table_init: { // init: segment, table; the service wants table, segment
    bool init = op == OP_table_init;
    Ref len = to_i64(b, pop(b)), src = to_i64(b, pop(b)), dst = to_i64(b, pop(b));
    lib(b, init ? LIB_table_init : LIB_table_copy, VK_COUNT, (Ref[]){ i32_const(b, init ? y : x), i32_const(b, init ? x : y), dst, src, len }, 5);
    return;
  }
  default: lib(b, LIB_elem_drop, VK_COUNT, &table, 1); return;
  }
}

static void ref_op(Build *b, Op op)
{
  switch (op) {
  case OP_ref_null: push(b, zw_zir_const(b->f, zw_val_kind(b->m, VT_REF | VT_NULL | zw_fast_heaptype(&b->p)), 0, 0)); return;
  case OP_ref_is_null: push(b, un(b, OP_i64_eqz, pop(b))); return;
  case OP_ref_func: {
    uint32_t slot = b->m->funcs[zw_fast_u32(&b->p)].funcref;
    push(b, append(b, OP_vm_addr, VK_FUNCREF, 0, b->f->layout.funcrefs + 32 * slot, 0, 0));
    return;
  }
  case OP_ref_as_non_null: null_trap(b, b->stack[b->sp - 1], TRAP_null_ref); return;
  default: BUG("not a reference instruction");
  }
}

static void br_on_null(Build *b, bool on_null)
{
  uint32_t label = zw_fast_u32(&b->p);
  Ref ref = pop(b), null = un(b, OP_i64_eqz, ref);
  if (on_null) {
    br_if(b, OP_br, label, null);
    push(b, ref);
  } else { // the label takes the reference
    push(b, ref);
    br_if(b, OP_br, label, un(b, OP_i32_eqz, null));
    b->sp--;
  }
}

// ---- 128-bit integers ----
static void wide(Build *b, Op op)
{
  Ref hi2 = REF_NONE, lo2 = REF_NONE;
  bool mul = op == OP_i64_mul_wide_s || op == OP_i64_mul_wide_u;
  if (!mul)
    hi2 = pop(b), lo2 = pop(b);
  Ref y = pop(b), x = pop(b); // add, sub: x = low half, y = high half of the left operand
  if (mul) {
    push(b, bin(b, OP_i64_mul, x, y));
    push(b, append(b, op == OP_i64_mul_wide_s ? OP_mulh_s : OP_mulh_u, VK_I64, 0, x, y, 0));
    return;
  }
  Op lane = op == OP_i64_add128 ? OP_i64_add : OP_i64_sub;
  Ref lo = bin(b, lane, x, lo2);
  Ref carry = op == OP_i64_add128 ? bin(b, OP_i64_lt_u, lo, x) : bin(b, OP_i64_lt_u, x, lo2);
  push(b, lo);
  push(b, bin(b, lane, bin(b, lane, y, hi2), to_i64(b, carry)));
}

// ---- the walk ----
static void constant(Build *b, Op op)
{
  switch (op) {
  case OP_i32_const: push(b, i32_const(b, (uint32_t)zw_fast_s32(&b->p))); return;
  case OP_i64_const: push(b, i64_const(b, (uint64_t)zw_fast_s64(&b->p))); return;
  case OP_f32_const: push(b, zw_zir_const(b->f, VK_F32, zw_get32(b->p), 0)), b->p += 4; return;
  case OP_f64_const: push(b, zw_zir_const(b->f, VK_F64, zw_get64(b->p), 0)), b->p += 8; return;
  case OP_v128_const: push(b, zw_zir_const(b->f, VK_V128, zw_get64(b->p), zw_get64(b->p + 8))), b->p += 16; return;
  default: BUG("not a constant");
  }
}

static void shuffle(Build *b)
{
  Ref lanes[2] = { i64_const(b, zw_get64(b->p)), i64_const(b, zw_get64(b->p + 8)) };
  b->p += 16;
  Ref y = pop(b), x = pop(b);
  push(b, append(b, OP_i8x16_shuffle, VK_V128, 0, x, y, xa_list(b, lanes, 2)));
}

static void numeric(Build *b, Op op)
{
  const OpInfo *info = &zw_op_info[op];
  if (info->feature == FEAT_WIDE) {
    wide(b, op);
    return;
  }
  Ref in[3] = { 0 };
  for (unsigned k = info->nin; k-- > 0;)
    in[k] = pop(b);
  if (info->flags & OPF_LANEIMM)
    in[2] = *b->p++;
  push(b, append(b, op, info->out[0], 0, in[0], in[1], in[2]));
}

static void control(Build *b, Op op)
{
  BlockType t;
  switch (op) {
  case OP_block:
    t = zw_fast_blocktype(b->m, &b->p);
    push_frame(b, OP_block, t.nparams, t.nresults);
    return;
  case OP_loop: t = zw_fast_blocktype(b->m, &b->p); enter_loop(b, t.nparams, t.nresults); return;
  case OP_if: {
    t = zw_fast_blocktype(b->m, &b->p);
    Ref cond = pop(b);
    enter_if(b, t.nparams, t.nresults, cond);
    return;
  }
  case OP_else: {
    Frame *f = &b->frames.p[b->frames.n - 1];
    f->has_else = true;
    start_else(b, f);
    return;
  }
  case OP_end: end_frame(b); return;
  case OP_br: {
    uint32_t e = branch_edge(b, zw_fast_u32(&b->p));
    end_block(b, OP_jmp, 0, 0, 0, e);
    return;
  }
  case OP_br_if: {
    uint32_t label = zw_fast_u32(&b->p);
    Ref cond = pop(b);
    br_if(b, OP_br, label, cond);
    return;
  }
  case OP_br_table: br_table(b); return;
  case OP_return: emit_return(b); return;
  case OP_unreachable: end_block(b, OP_trap, 0, 0, TRAP_unreachable, b->edges.n); return;
  default: BUG("not control");
  }
}

static void instruction(Build *b, Op op)
{
  switch (op) {
  case OP_nop: return;
  case OP_drop: b->sp--; return;
  case OP_local_get: push(b, get_local(b, zw_fast_u32(&b->p))); return;
  case OP_local_set: { uint32_t l = zw_fast_u32(&b->p); set_local(b, l, pop(b)); return; }
  case OP_local_tee: set_local(b, zw_fast_u32(&b->p), b->stack[b->sp - 1]); return;
  case OP_i32_const: case OP_i64_const: case OP_f32_const: case OP_f64_const: case OP_v128_const: constant(b, op); return;
  case OP_i8x16_shuffle: shuffle(b); return;
  case OP_atomic_fence: zw_skip_imm(&b->p, op), append(b, op, VK_COUNT, 0, 0, 0, 0); return;
  case OP_select: case OP_select_t: {
    if (op == OP_select_t)
      zw_skip_imm(&b->p, op);
    Ref cond = pop(b), no = pop(b), yes = pop(b);
    push(b, append(b, OP_sel, zw_ref_type(b->f, yes), 0, yes, no, cond));
    return;
  }
  case OP_global_get: case OP_global_set: global_op(b, op == OP_global_set); return;
  case OP_memory_size: case OP_memory_grow: case OP_memory_copy: case OP_memory_fill: case OP_memory_init: case OP_data_drop:
    memory_op(b, op);
    return;
  case OP_call: case OP_call_indirect: case OP_call_ref: case OP_return_call: case OP_return_call_indirect: case OP_return_call_ref:
    call_op(b, op);
    return;
  case OP_table_get: case OP_table_set: case OP_table_size: case OP_table_grow: case OP_table_fill: case OP_table_copy: case OP_table_init:
  case OP_elem_drop:
    table_op(b, op);
    return;
  case OP_ref_null: case OP_ref_is_null: case OP_ref_func: case OP_ref_as_non_null: ref_op(b, op); return;
  case OP_br_on_null: case OP_br_on_non_null: br_on_null(b, op == OP_br_on_null); return;
  case OP_block: case OP_loop: case OP_if: case OP_else: case OP_end: case OP_br: case OP_br_if: case OP_br_table: case OP_return:
  case OP_unreachable:
    control(b, op);
    return;
  default:
    break;
  }
  const OpInfo *info = &zw_op_info[op];
  if (info->kind == OPK_NUM || info->kind == OPK_TNUM)
    numeric(b, op);
  else if (info->kind == OPK_MEM || info->kind == OPK_LANE)
    access(b, op);
  else
    unsupported(b, (Feature)info->feature);
}

// Of the function being read; a callee's loops lie in the one around its call.
static void copy_loops(Build *b)
{
  const FuncFacts *ff = b->facts;
  ZirFunc *f = b->f;
  const Level *level = b->nlevels ? &b->levels[b->nlevels - 1] : NULL;
  b->loop_map = zw_new_array(b->scratch, uint32_t, ff->nloops + 1);
  if (f->nloops + ff->nloops + 1 > b->loop_cap)
    f->loops = zw_vec_grow(f->arena, f->loops, f->nloops, &b->loop_cap, f->nloops + ff->nloops + 1, sizeof *f->loops);
  for (uint32_t k = 0; k < ff->nloops; k++) {
    const LoopFact *l = &ff->loops[k];
    uint32_t around = level && b->returns[l->header] ? level->loop : NO_LOOP; // what never returns has left the caller's loops
    b->loop_map[k] = around;
    uint32_t parent = l->parent;
    while (parent != NO_LOOP && !ff->loops[parent].iterates)
      parent = ff->loops[parent].parent;
    if (!l->iterates)
      continue;
    ZLoop *z = &f->loops[f->nloops];
    *z = (ZLoop){ .parent = parent == NO_LOOP ? around : b->loop_map[parent], .header = l->header, .entry = l->entry,
                  .depth = l->depth + (around == NO_LOOP ? 0 : f->loops[around].depth),
                  .effects = l->effects, .max_height = l->max_height, .nexits = l->nexits, .iterates = 1,
                  .hoist_first = REF_NONE, .hoist_last = REF_NONE };
    memcpy(z->exits, l->exits, sizeof z->exits);
    b->loop_map[k] = f->nloops++;
  }
}

// Edges carry the locals their frame assigns; when that is out of proportion to the body, all locals live in the frame
// instead (backend.md 3.3, complexity guard).
enum { EDGE_SLOTS_PER_BYTE = 4, EDGE_SLOTS_FREE = 4096 };
static bool too_many_edge_slots(const FuncFacts *ff, const Func *fn)
{
  uint64_t slots = 0, most = (uint64_t)EDGE_SLOTS_PER_BYTE * fn->body_len + EDGE_SLOTS_FREE;
  for (uint32_t k = 0; k < ff->nframes && slots <= most; k++) {
    const FrameFact *f = &ff->frames[k];
    uint32_t assigned = f->kind == OP_loop ? ff->loops[f->loop].nassigned : f->nassigned;
    slots += ((uint64_t)f->nbr + 2) * assigned;
  }
  return slots > most;
}

static void start_locals(Build *b)
{
  const FuncFacts *ff = b->facts;
  const FuncType *t = zw_func_type(b->m, b->f->func);
  b->locals = zw_new_array(b->scratch, Ref, ff->nlocals + 1);
  b->frame_locals = ff->flags & FN_NO_SETS || too_many_edge_slots(ff, b->fn);
  b->f->frame_locals = b->frame_locals ? 2 * ff->nlocals : 0;
  for (uint32_t l = 0; l < ff->nlocals; l++) {
    ValKind ty = (ValKind)ff->local_kinds[l];
    Ref r = l < t->nparams ? append(b, OP_param, ty, 0, l, 0, 0) : zw_zir_const(b->f, ty, 0, 0);
    b->locals[l] = REF_NONE;
    set_local(b, l, r);
  }
  b->undo.n = 0;
}

ZirFunc *zw_zir_build(const Module *m, uint32_t func, const CodeOptions *o, Arena *a)
{
  ASSERT(m->checked && func >= m->nimported_funcs);
  const FuncFacts *ff = &m->facts[func - m->nimported_funcs];
  Arena *scratch = &m->ctx->scratch;
  ArenaMark mark = zw_arena_mark(scratch);
  ZirFunc *f = zw_new(a, ZirFunc);
  *f = (ZirFunc){ .m = m, .func = func, .type = m->funcs[func].type, .layout = zw_module_layout(m), .arena = a, .flags = ff->flags };
  f->counts = (VmCounts){ .memories = m->nmemories, .tables = m->ntables, .imported_funcs = m->nimported_funcs, .types = m->ntypes,
                          .globals = m->nglobals, .funcrefs = m->nfuncrefs };
  zw_zir_reserve(f, ff->nops + ff->nlocals + 16);
  f->nblocks = ff->nblocks;
  f->blocks = zw_new_array(a, ZBlock, f->nblocks);
  Build b = { .m = m, .o = o, .f = f, .scratch = scratch, .func = func, .facts = ff, .fn = &m->funcs[func], .block_cap = f->nblocks,
              .most_grown = ff->nops / 4 + INLINE_FREE_OPS, .stack_cap = ff->max_height + 8 + INLINE_DEPTH * (INLINE_LOOP_OPS + 8) };
  b.first_inst = zw_new_array(scratch, uint32_t, f->nblocks), memset(b.first_inst, 0xff, f->nblocks * sizeof *b.first_inst);
  b.last_inst = zw_new_array(scratch, uint32_t, f->nblocks), memset(b.last_inst, 0xff, f->nblocks * sizeof *b.last_inst);
  b.stack = zw_new_array(scratch, Ref, b.stack_cap);
  b.p = b.fn->body + ff->code_at;
  b.at = (uint32_t)b.fn->at;
  copy_loops(&b);
  start_block(&b);
  start_locals(&b);
  push_frame(&b, OP_block, 0, zw_func_type(m, func)->nresults);
  while (b.frames.n) {
    Op op;
    if (b.live) {
      b.at = (uint32_t)(b.fn->at + (uint64_t)(b.p - b.fn->body));
      op = zw_fast_op(&b.p, zw_op_one_byte);
    } else {
      op = skip_dead(&b);
    }
    if (b.nlevels)
      b.at = inline_position(&b);
    instruction(&b, op);
  }
  ASSERT(b.next_block == ff->nblocks && b.nlevels == 0);
  order_blocks(&b);
  f->inlines = b.inlines.p, f->ninlines = b.inlines.n;
  f->edges = zw_new_array(a, ZEdge, b.edges.n + 1), f->nedges = b.edges.n;
  f->edge_args = zw_new_array(a, Ref, b.edge_args.n + 1), f->nedge_args = b.edge_args.n;
  f->xa = zw_new_array(a, Ref, b.xa.n + 1), f->nxa = b.xa.n;
  if (b.edges.n)
    memcpy(f->edges, b.edges.p, b.edges.n * sizeof *f->edges);
  if (b.edge_args.n)
    memcpy(f->edge_args, b.edge_args.p, b.edge_args.n * sizeof *f->edge_args);
  if (b.xa.n)
    memcpy(f->xa, b.xa.p, b.xa.n * sizeof *f->xa);
  zw_arena_release(scratch, mark);
  zw_zir_finish(f, scratch);
  return f;
}
