// P2: from a checked body and its facts to SSA.  One forward walk over the bytecode; nothing is revisited.
//
// Blocks of ZIR are the blocks of P1's skeleton, by number (rule R of compiler/wasm/check.h): this walk starts a block
// exactly where P1 did.  Locals and operands are Refs; a branch writes down what it carries (label results, then the
// locals that the frame assigns), and the join at `end` makes a phi only where the incoming values differ.  Loops know
// from P1 which locals they assign, so their phis stand before the body is read.
#include "compiler/zir/build_int.h"
#include "runtime/base/bits.h"
#include <string.h>

_Noreturn void zb_unsupported(const Build *b, Feature f)
{
  b->m->ctx->at_func = b->func; // the body being read may be an inlined one
  zw_fail(b->m->ctx, ERR_unsupported, b->at & IMAGE_INLINE_AT ? b->inlines.p[b->at & ~IMAGE_INLINE_AT].wasm_at : b->at,
          "feature '%s' is not in compiled code yet", zw_feature_info[f].name);
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
    push(b, zb_pure(b, op == OP_i64_mul_wide_s ? OP_mulh_s : OP_mulh_u, VK_I64, x, y, 0));
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
  push(b, zb_pure(b, op, info->out[0], in[0], in[1], in[2]));
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
  case OP_atomic_fence: zw_skip_imm(&b->p, op), append(b, op, VK_COUNT, 0, 0, 0, 0), zb_all_changed(b); return;
  case OP_select: case OP_select_t: {
    if (op == OP_select_t)
      zw_skip_imm(&b->p, op);
    Ref cond = pop(b), no = pop(b), yes = pop(b);
    push(b, zb_select(b, yes, no, cond));
    return;
  }
  case OP_global_get: case OP_global_set: zb_global_op(b, op == OP_global_set); return;
  case OP_memory_size: case OP_memory_grow: case OP_memory_copy: case OP_memory_fill: case OP_memory_init: case OP_data_drop:
    zb_memory_op(b, op);
    return;
  case OP_call: case OP_call_indirect: case OP_call_ref: case OP_return_call: case OP_return_call_indirect: case OP_return_call_ref:
    zb_call_op(b, op);
    return;
  case OP_table_get: case OP_table_set: case OP_table_size: case OP_table_grow: case OP_table_fill: case OP_table_copy: case OP_table_init:
  case OP_elem_drop:
    zb_table_op(b, op);
    return;
  case OP_ref_null: case OP_ref_is_null: case OP_ref_func: case OP_ref_as_non_null: zb_ref_op(b, op); return;
  case OP_br_on_null: case OP_br_on_non_null: zb_br_on_null(b, op == OP_br_on_null); return;
  case OP_block: case OP_loop: case OP_if: case OP_else: case OP_end: case OP_br: case OP_br_if: case OP_br_table: case OP_return:
  case OP_unreachable: case OP_try_table: case OP_throw: case OP_throw_ref: case OP_try: case OP_catch: case OP_catch_all:
  case OP_rethrow: case OP_delegate:
    zb_control(b, op);
    return;
  case OP_br_on_cast: case OP_br_on_cast_fail: zb_br_on_cast(b, op == OP_br_on_cast); return;
  case OP_ref_eq: {
    Ref y = pop(b), x = pop(b);
    push(b, bin(b, OP_i64_eq, x, y));
    return;
  }
  default:
    break;
  }
  const OpInfo *info = &zw_op_info[op];
  if (info->kind == OPK_NUM || info->kind == OPK_TNUM)
    numeric(b, op);
  else if (info->kind == OPK_MEM || info->kind == OPK_LANE)
    zb_access(b, op);
  else if (info->feature == FEAT_GC)
    zb_gc_op(b, op);
  else
    zb_unsupported(b, (Feature)info->feature);
}

// ---- the plain instructions ----
typedef enum Plain { // of opcode bytes
  PLAIN_NOT, PLAIN_UN, PLAIN_BIN, // ORDER plain: 1 + number of operands
  PLAIN_LOAD, PLAIN_STORE, PLAIN_GET, PLAIN_SET, PLAIN_TEE, PLAIN_I32, PLAIN_I64, PLAIN_DROP, PLAIN_NOP, PLAIN_CONTROL, PLAIN_CALL
} Plain;
// clang-format off
#define OP(n) n
#define FB(n) 0xff
#define FC(n) 0xff
#define FD(n) 0xff
#define FE(n) 0xff
#define NUM(id, text, code, sig, feature, flags) [code] = sizeof(#sig) - 3, // operands: what stands before the underscore
#define TNUM(id, text, code, sig, feature, flags) [code] = sizeof(#sig) - 3,
#define MEM(id, text, code, sig, feature, width, flags) [code] = PLAIN_MEM_##flags,
enum { PLAIN_MEM_LOAD = PLAIN_LOAD, PLAIN_MEM_STORE = PLAIN_STORE, PLAIN_MEM_RMW = 0, PLAIN_MEM_CMPXCHG = 0, PLAIN_MEM_WAIT = 0,
       PLAIN_MEM_NOTIFY = 0 };
#pragma GCC diagnostic push // codes of other pages land on 0xff, which is overwritten at the end
#ifdef __clang__
#pragma GCC diagnostic ignored "-Winitializer-overrides"
#else
#pragma GCC diagnostic ignored "-Woverride-init"
#endif
static const uint8_t plain[256] = {
#include "compiler/wasm/ops.def"
  [0x01] = PLAIN_NOP, [0x1a] = PLAIN_DROP, [0x20] = PLAIN_GET, [0x21] = PLAIN_SET, [0x22] = PLAIN_TEE, [0x41] = PLAIN_I32,
  [0x42] = PLAIN_I64, [0x00] = PLAIN_CONTROL, [0x02 ... 0x05] = PLAIN_CONTROL, [0x0b ... 0x0f] = PLAIN_CONTROL, [0x10] = PLAIN_CALL,
  [0xff] = PLAIN_NOT,
};
#pragma GCC diagnostic pop
#undef OP
#undef FB
#undef FC
#undef FD
#undef FE
// clang-format on

static inline int64_t read_s64(const uint8_t **p)
{
  const uint8_t *q = *p;
  int64_t v = (int64_t)((uint64_t)*q << 57) >> 57;
  if (__builtin_expect(*q++ >= 0x80, 0))
    q--, v = zw_fast_s64(&q);
  *p = q;
  return v;
}

// An offset of a 32-bit memory, which check has seen to be below 2^32; it is written as 64 bits are, in up to ten bytes.
static inline uint32_t read_offset(const uint8_t **p)
{
  const uint8_t *q = *p; // where a call changes it, so that p stays in a register
  uint32_t v = *q++;
  if (__builtin_expect(v >= 0x80, 0))
    q--, v = (uint32_t)zw_fast_u64(&q);
  *p = q;
  return v;
}

static inline void set_position(Build *b, const uint8_t *at)
{
  b->at = (uint32_t)(b->fn->at + (uint64_t)(at - b->fn->body));
  if (__builtin_expect(b->nlevels, 0))
    b->at = zb_inline_position(b);
}

// What most instructions are - locals, constants, arithmetic, accesses to memory 0 - with the bytecode and the operands in
// registers.  Up to the end of live code.  Needs: locals that are not in the frame.
static void walk_live(Build *b)
{
  const uint8_t *p = b->p, *at;
  Ref *top = b->stack + b->sp, *locals = b->locals;
  for (;;) {
    at = p++;
    Op op;
    Ref y = 0;
    switch ((Plain)plain[*at]) {
    case PLAIN_NOP: break;
    case PLAIN_DROP: top--; break;
    case PLAIN_GET: *top++ = locals[zw_fast_u32(&p)]; break;
    case PLAIN_SET: y = zw_fast_u32(&p), change_local(b, locals, y, *--top); break;
    case PLAIN_TEE: y = zw_fast_u32(&p), change_local(b, locals, y, top[-1]); break;
    case PLAIN_I32: *top++ = i32_const(b, (uint32_t)read_s64(&p)); break;
    case PLAIN_I64: *top++ = i64_const(b, (uint64_t)read_s64(&p)); break;
    case PLAIN_BIN:
      y = *--top;
      __attribute__((fallthrough));
    case PLAIN_UN:
      op = (Op)zw_op_one_byte[*at];
      set_position(b, at);
      top[-1] = zb_pure(b, op, zw_op_info[op].out[0], top[-1], y, 0);
      break;
    case PLAIN_LOAD:
      if (!b->plain_memory || *p++ >= MEMARG_HAS_MEMORY || (y = read_offset(&p)) >> 31)
        goto out;
      op = (Op)zw_op_one_byte[*at];
      set_position(b, at);
      top[-1] = zb_load_fact(b, zb_key(op, zw_op_info[op].out[0], 0, top[-1], 0, y), ST_MEMORY0);
      break;
    case PLAIN_STORE:
      if (!b->plain_memory || *p++ >= MEMARG_HAS_MEMORY || (y = read_offset(&p)) >> 31)
        goto out;
      op = (Op)zw_op_one_byte[*at];
      set_position(b, at);
      top -= 2;
      zb_memory_store(b, zb_key(op, VK_COUNT, 0, top[0], top[1], y));
      break;
    case PLAIN_CONTROL: case PLAIN_CALL: case PLAIN_NOT:
    out:
      set_position(b, at);
      b->p = at + 1;
      b->sp = (uint32_t)(top - b->stack);
      if (plain[*at] == PLAIN_CONTROL)
        zb_control(b, (Op)zw_op_one_byte[*at]);
      else if (plain[*at] == PLAIN_CALL)
        zb_call_op(b, OP_call);
      else
        b->p = at, instruction(b, zw_fast_op(&b->p, zw_op_one_byte));
      while (!b->live && b->frames.n && *b->p == 0x0b) { // most often dead code is nothing but the `end`
        set_position(b, b->p++);
        zb_control(b, OP_end);
      }
      if (!b->live || b->ghost || !b->frames.n || b->nthrough)
        return;
      p = b->p, top = b->stack + b->sp, locals = b->locals;
      break;
    default: __builtin_unreachable();
    }
  }
}

// Of the function being read; a callee's loops lie in the one around its call.
void zb_copy_loops(Build *b)
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
    *z = (ZLoop){ .parent = parent == NO_LOOP ? around : b->loop_map[parent], .header = NO_BLOCK, .entry = NO_BLOCK,
                  .depth = l->depth + (around == NO_LOOP ? 0 : f->loops[around].depth),
                  .effects = l->effects, .max_height = l->max_height, .nexits = l->nexits, .iterates = 1,
                  .hoist_first = REF_NONE, .hoist_last = REF_NONE };
    memcpy(z->exits, l->exits, sizeof z->exits);
    if (z->parent != NO_LOOP)
      f->loops[z->parent].nested = 1;
    b->loop_map[k] = f->nloops++;
  }
}

static void start_locals(Build *b)
{
  const FuncFacts *ff = b->facts;
  const FuncType *t = zw_func_type(b->m, b->f->func);
  b->frame_locals = ff->flags & FN_NO_SETS;
  if (b->frame_locals || ff->ntries)
    b->frame_at = zw_new_array(b->scratch, uint32_t, ff->nlocals + 1);
  for (uint32_t l = 0; l < ff->nlocals; l++) {
    ValKind ty = (ValKind)ff->local_kinds[l];
    Ref r = l < t->nparams ? append(b, OP_param, ty, 0, l, 0, 0) : zw_zir_const(b->f, ty, 0, 0);
    if (b->frame_locals)
      zb_set_frame_local(b, l, r);
    else
      b->locals[l] = r;
  }
}

// One instruction, whatever it is.
static void step(Build *b)
{
  const uint8_t *at = b->p;
  Op op;
  if (b->live)
    op = zw_fast_op(&b->p, zw_op_one_byte);
  else
    op = zb_skip_dead(b, &at);
  set_position(b, at);
  if (b->ghost && b->live)
    zb_ghost(b, op);
  else
    instruction(b, op);
}

// All arrays in two pieces: a function has a dozen, and most functions are small.  Not those of large ones: what an arena
// gives a block of its own moves with it when it grows.
typedef struct Part { void *p; uint32_t *cap, n; uint64_t bytes; } Part; // p: of a pointer
#define PART_BYTES(p, n) ((n) * (uint64_t)sizeof *(p)) // exactly: growing compares it with what was asked for
#define PART(v, n) { &(v).p, &(v).cap, n, PART_BYTES((v).p, n) }
#define PLAIN_PART(p, n) { &(p), NULL, 0, PART_BYTES(p, n) }
static void take_parts(Arena *a, const Part *parts, uint32_t n)
{
  size_t bytes = 0;
  for (uint32_t k = 0; k < n; k++)
    bytes += zw_align_up(parts[k].bytes, 16);
  bool large = bytes >= zw_arena_large(a);
  char *at = large ? NULL : zw_arena_stale(a, bytes, 1, 16);
  for (uint32_t k = 0; k < n; k++) {
    if (large)
      at = zw_arena_stale(a, parts[k].bytes, 1, 16);
    memcpy(parts[k].p, &at, sizeof at);
    if (parts[k].cap)
      *parts[k].cap = parts[k].n;
    at += zw_align_up(parts[k].bytes, 16);
  }
}

static void reserve(Build *b)
{
  const FuncFacts *ff = b->facts;
  const Part kept[] = {
    PART(b->edges, ff->nsucc + 2), PART(b->edge_args, 2 * ff->nsucc + 8), PART(b->xa, ff->nops / 8 + 8),
    PLAIN_PART(b->f->blocks, ff->nblocks),
  };
  const Part scratch[] = {
    PART(b->open, ff->nframes + 8), PART(b->frames, 16), PART(b->at_end, 16), PART(b->undo, ff->nblocks + 16),
    PART(b->carry, 2 * ff->nsucc + 8), PART(b->ways, 16),
    PLAIN_PART(b->map, ff->nblocks), PLAIN_PART(b->homes, ff->nblocks), PLAIN_PART(b->stack, b->stack_cap),
    PLAIN_PART(b->locals, ff->nlocals),
  };
  take_parts(b->f->arena, kept, ARRAY_COUNT(kept));
  take_parts(b->scratch, scratch, ARRAY_COUNT(scratch));
}

// The body is read: of a large one, what only that needed.
static void drop_walk(Build *b)
{
  const void *none_wanted[] = { b->open.p, b->frames.p, b->at_end.p, b->at_if.p, b->table_edges.p, b->undo.p, b->carry.p, b->ways.p, b->saved.p,
                                b->to_headers.p, b->homes, b->stack, b->locals, b->numbers };
  for (uint32_t k = 0; k < ARRAY_COUNT(none_wanted) && b->scratch->own; k++)
    zw_arena_drop(b->scratch, none_wanted[k]);
}

ZirFunc *zw_zir_build(const Module *m, uint32_t func, const CodeOptions *o, Arena *a)
{
  ASSERT(m->checked && func >= m->nimported_funcs);
  const FuncFacts *ff = &m->facts[func - m->nimported_funcs];
  Arena *scratch = &m->ctx->scratch;
  ArenaMark mark = zw_arena_mark(scratch);
  ZirFunc *f = zw_stale_array(a, ZirFunc, 1);
  *f = (ZirFunc){ .m = m, .func = func, .type = m->funcs[func].type, .layout = zw_module_layout(m), .arena = a, .flags = ff->flags };
  f->counts = (VmCounts){ .memories = m->nmemories, .tables = m->ntables, .imported_funcs = m->nimported_funcs, .types = m->ntypes,
                          .globals = m->nglobals, .funcrefs = m->nfuncrefs };
  zw_zir_reserve(f, ff->nops + ff->nlocals + 16);
  Build b;
  memset(&b, 0, offsetof(Build, levels));
  b.m = m, b.o = o, b.f = f, b.scratch = scratch, b.func = func, b.facts = ff, b.fn = &m->funcs[func];
  b.block_cap = ff->nblocks, b.most_grown = ff->nops / 4 + zb_free_ops(m);
  b.stack_cap = ff->max_height + 8 + INLINE_DEPTH * (INLINE_MOST_OPS + 8);
  reserve(&b);
  b.p = b.fn->body + ff->code_at;
  b.at = (uint32_t)b.fn->at;
  b.plain_memory = zb_is_plain_memory(&b);
  zb_drop_succ(&b);
  zb_copy_loops(&b);
  b.own_loops = f->nloops;
  if (!o->no_number)
    zb_start_numbers(&b);
  zb_all_changed(&b);
  zb_prepare_tries(&b);
  zb_start_block(&b);
  start_locals(&b);
  zb_push_frame(&b, OP_block, 0, zw_func_type(m, func)->nresults)->nassigned = 0; // nobody sees its locals behind the end
  while (b.frames.n) {
    if (b.live && !b.ghost && !b.frame_locals && !keeps_locals(&b))
      walk_live(&b);
    else
      step(&b);
  }
  ASSERT(b.next_block == ff->nblocks && b.nlevels == 0);
  zb_drop_facts(&b);
  drop_walk(&b);
  zb_order_blocks(&b);
  f->inlines = b.inlines.p, f->ninlines = b.inlines.n;
  f->edges = b.edges.p, f->nedges = b.edges.n;
  f->edge_args = b.edge_args.p, f->nedge_args = b.edge_args.n;
  f->xa = b.xa.p, f->nxa = b.xa.n;
  zw_arena_release(scratch, mark);
  zw_zir_finish(f, scratch);
  return f;
}
