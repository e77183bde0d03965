// Structured control of a body: frames, branches, and the skeleton's blocks by rule R (check.h). Two things are kept
// apart.  `poly` is the validator's: after an unconditional branch the operand stack of the frame is polymorphic until
// its end.  `dead` is rule R's: no path of blocks leads here.  Code behind `block br 0 end` with nothing else in it is
// not polymorphic, but it can be dead when the label was only named in dead code. Polymorphic code is always dead, so
// the fast walk, which runs in live code only, never meets it.
#include "compiler/wasm/check_int.h"
#include "runtime/base/alloc.h"
#include <string.h>

static LiveFrame *live_top(FuncCheck *f) { return &f->live.p[f->live.n - 1]; } // of the innermost frame, in live code
static uint32_t here(const FuncCheck *f) { return zw_body_pos(f, f->at); }
static uint32_t behind(const FuncCheck *f) { return zw_body_pos(f, f->r.p); }

static LiveFrame *live_frame(const FuncCheck *f, const Ctrl *c) { return &f->live.p[c - f->ctrl.p]; }

// ---- blocks and edges ----

static void close_block(FuncCheck *f)
{
  f->blocks.p[f->blocks.n - 1].effects |= f->effects;
  f->effects = 0;
}

// Start the next block, at body offset `pos`.  The one before must have all its successors.
static uint32_t start_block(FuncCheck *f, uint32_t pos)
{
  if (f->blocks.n)
    close_block(f);
  f->block_serial++;
  f->parts++;
  *zw_push(f->a, &f->blocks) =
      (BlockFact){ .pos = pos, .loop = f->cur_loop, .succ_off = f->succ.n, .layout = f->log.n };
  if (f->tries.n)
    *zw_push(f->a, &f->block_try) = f->cur_try;
  f->dead = false;
  return f->blocks.n - 1;
}

static void edge_to_block(FuncCheck *f, uint32_t block) { *zw_push(f->a, &f->succ) = block; }

// To the block that the frame's end will start.
static void edge_to_join(FuncCheck *f, LiveFrame *k)
{
  *zw_push(f->a, &f->succ) = k->edges;
  k->edges = f->succ.n;
}

static void edge_to_label(FuncCheck *f, const Ctrl *c)
{
  LiveFrame *k = live_frame(f, c);
  if (c->kind == CTRL_LOOP)
    edge_to_block(f, f->loop_starts.p[k->loop].header);
  else
    edge_to_join(f, k);
}

// ---- types of frames, in a word ----
// A reference type is itself, another value type one more; FRAME_BODY is what the function returns, and from FRAME_TYPES on it is
// the index of a function type.
enum { FRAME_BODY = VT_V128 + 2, FRAME_TYPES };

static BlockType frame_type(const FuncCheck *f, uint32_t type, ValType *one)
{
  if (type == FRAME_VOID)
    return (BlockType){ 0, 0, NULL, NULL };
  if (type == FRAME_BODY)
    return (BlockType){ 0, f->type->nresults, NULL, f->type->results };
  if (type < FRAME_BODY || zw_is_ref(type)) {
    *one = zw_is_ref(type) ? type : type - 1;
    return (BlockType){ 0, 1, NULL, one };
  }
  const FuncType *t = f->m->types[type - FRAME_TYPES].func;
  return (BlockType){ t->nparams, t->nresults, t->params, t->results };
}

BlockType zw_label_type(const FuncCheck *f, const Ctrl *c, ValType *one)
{
  BlockType t = frame_type(f, c->type, one);
  return c->kind == CTRL_LOOP ? (BlockType){ 0, t.nparams, NULL, t.params } : t;
}

static uint32_t label_arity(const FuncCheck *f, const Ctrl *c)
{
  ValType one;
  return zw_label_type(f, c, &one).nresults;
}

// Operands below it in the function, its parameters not counted.  Each frame has a mark.
static uint32_t height_below(const FuncCheck *f, const Ctrl *c) { return c->base - (uint32_t)(c - f->ctrl.p) - 1; }

// ---- the interpreter's side table ----

// While its target is not known, an entry holds its own position in dside and the next one of the chain in dpc.
static void set_side(FuncCheck *f, uint32_t entry, uint32_t own_pc, uint32_t pc, uint32_t side)
{
  f->side.p[entry].dpc = (int32_t)(pc - own_pc);
  f->side.p[entry].dside = (int32_t)(side - entry);
}

static void side_to_label(FuncCheck *f, const Ctrl *c)
{
  if (f->m->no_side)
    return;
  LiveFrame *k = live_frame(f, c);
  uint32_t entry = f->side.n;
  *zw_push(f->a, &f->side) = (SideEntry){ .nvals = label_arity(f, c), .drop_to = height_below(f, c) };
  if (c->kind == CTRL_LOOP) {
    set_side(f, entry, here(f), k->pc, k->side);
    return;
  }
  f->side.p[entry].dpc = (int32_t)k->sides;
  f->side.p[entry].dside = (int32_t)here(f);
  k->sides = entry + 1;
}

static void side_to_else(FuncCheck *f, const Ctrl *c, LiveFrame *k)
{
  ValType one;
  k->else_side = f->side.n;
  if (!f->m->no_side)
    *zw_push(f->a, &f->side) = (SideEntry){ .nvals = frame_type(f, c->type, &one).nparams, .drop_to = height_below(f, c), .dside = (int32_t)here(f) };
}

static void set_else_side(FuncCheck *f, const LiveFrame *k, uint32_t pc)
{
  if (!f->m->no_side)
    set_side(f, k->else_side, (uint32_t)f->side.p[k->else_side].dside, pc, f->side.n);
}

// Everything that waits for the frame's end goes on at pc.
static void resolve_sides(FuncCheck *f, LiveFrame *l, uint32_t pc)
{
  for (uint32_t s = l->sides; s;) {
    uint32_t entry = s - 1;
    s = (uint32_t)f->side.p[entry].dpc;
    set_side(f, entry, (uint32_t)f->side.p[entry].dside, pc, f->side.n);
  }
  for (uint32_t s = l->clause_fixes; s;) {
    ClauseFact *k = &f->clauses.p[s - 1];
    s = k->pc;
    k->pc = pc;
    k->side = f->side.n;
  }
  l->sides = l->clause_fixes = 0;
}

static void resolve_edges(FuncCheck *f, LiveFrame *k, uint32_t block)
{
  for (uint32_t e = k->edges; e;) {
    uint32_t next = f->succ.p[e - 1];
    f->succ.p[e - 1] = block;
    e = next;
  }
  k->edges = 0;
}

// ---- branches ----

static uint32_t read_depth(FuncCheck *f)
{
  uint32_t depth = zw_read_u32(&f->r);
  if (depth >= f->ctrl.n)
    CHECK_FAIL(f, "unknown label %u", depth);
  return depth;
}
static Ctrl *label_at(FuncCheck *f, uint32_t depth) { return &f->ctrl.p[f->ctrl.n - 1 - depth]; }
Ctrl *zw_read_label(FuncCheck *f) { return label_at(f, read_depth(f)); }

void zw_branch(FuncCheck *f, Ctrl *c)
{
  f->frames.p[live_frame(f, c)->frame].nbr++;
  side_to_label(f, c);
  edge_to_label(f, c);
}

void zw_fall_through(FuncCheck *f)
{
  edge_to_block(f, f->blocks.n);
  start_block(f, behind(f));
}

void zw_die(FuncCheck *f, uint8_t cold)
{
  Ctrl *c = zw_top(f);
  if (!f->dead)
    f->blocks.p[f->blocks.n - 1].cold |= cold;
  f->sp = f->vals + c->base;
  c->poly = true;
  f->dead = true;
}

// What a hint says about the branch at f->at: 0 unlikely, 1 likely, 2 nothing.
static uint32_t read_hint(FuncCheck *f)
{
  uint32_t pos = here(f), said = 2;
  while (f->hint != f->hint_end && f->hint->off <= pos) {
    if (f->hint->off == pos)
      said = f->hint->likely;
    f->hint++;
  }
  f->hint_pos = f->hint != f->hint_end ? f->hint->off : UINT32_MAX;
  return said;
}
static uint32_t hint(FuncCheck *f) { return here(f) < f->hint_pos ? 2 : read_hint(f); }

void zw_br(FuncCheck *f, uint32_t depth)
{
  Ctrl *c = label_at(f, depth);
  if (c->type != FRAME_VOID) {
    ValType one;
    BlockType t = zw_label_type(f, c, &one);
    zw_pop_list(f, t.results, t.nresults);
  }
  if (!f->dead)
    zw_branch(f, c);
  zw_die(f, 0);
}

void zw_br_if(FuncCheck *f, uint32_t depth)
{
  Ctrl *c = label_at(f, depth);
  zw_pop(f, VT_I32);
  if (c->type != FRAME_VOID) {
    ValType one;
    BlockType t = zw_label_type(f, c, &one);
    zw_pop_list(f, t.results, t.nresults);
    zw_push_list(f, t.results, t.nresults);
  }
  if (f->dead)
    return;
  zw_branch(f, c);
  if (hint(f) == 1)
    *zw_push(f->a, &f->unlikely) = f->blocks.n;
  zw_fall_through(f);
}

static void check_br_table(FuncCheck *f)
{
  uint32_t n = zw_read_u32(&f->r);
  if (n > (uint64_t)(f->r.end - f->r.p))
    zw_read_end(&f->r);
  zw_pop(f, VT_I32);
  f->table_serial++;
  if (!f->dead) {
    f->has_table_or_try = true;
    f->parts += n / LABELS_OF_A_PART;
  }
  uint32_t arity = UINT32_MAX;
  for (uint64_t i = 0; i <= n; i++) {
    Ctrl *c = zw_read_label(f);
    if (c->stamp != f->table_serial) { // checked once per label: the operands stay the same
      c->stamp = f->table_serial;
      ValType one;
      BlockType t = zw_label_type(f, c, &one);
      if (arity != UINT32_MAX && t.nresults != arity)
        zw_fail(f->c, ERR_type_mismatch, zw_here(f), "labels of br_table carry %u and %u values", arity, t.nresults);
      arity = t.nresults;
      zw_peek_list(f, t.results, t.nresults);
      if (!f->dead) {
        f->frames.p[live_frame(f, c)->frame].nbr++;
        edge_to_label(f, c);
      }
    }
    if (!f->dead)
      side_to_label(f, c);
  }
  zw_die(f, 0);
}

static void check_return(FuncCheck *f)
{
  zw_pop_list(f, f->type->results, f->type->nresults);
  zw_die(f, 0);
}

// ---- frames ----

uint32_t zw_list_marked(FuncCheck *f)
{
  uint32_t n = f->assigned.n, first = n;
  uint64_t *marks = f->marks;
  for (uint32_t t = 0; t <= f->words / 64; t++) {
    uint64_t words = f->mark_words[t];
    f->mark_words[t] = 0;
    for (; words; words &= words - 1) {
      uint32_t w = t * 64 + (uint32_t)__builtin_ctzll(words);
      uint64_t bits = marks[w];
      marks[w] = 0;
      zw_reserve(f->a, &f->assigned, n + 64);
      for (uint32_t *to = f->assigned.p; bits; bits &= bits - 1)
        to[n++] = w * 64 + (uint32_t)__builtin_ctzll(bits);
      f->assigned.n = n;
    }
  }
  return n - first;
}

// Edges carry the locals their frame assigns; more of them than this, per byte of the body and for nothing, and all live in memory.
enum { EDGE_SLOTS_PER_BYTE = 4, EDGE_SLOTS_FREE = 4096 };
void zw_count_edge_slots(FuncCheck *f, const FrameFact *frame, uint32_t n)
{
  f->edge_slots += ((uint64_t)frame->nbr + frame->ncatches + 2) * n;
  f->no_sets |= f->edge_slots > EDGE_SLOTS_FREE + (uint64_t)EDGE_SLOTS_PER_BYTE * f->func->body_len;
}

// What the frame's list is to have.
static void list_sets(FuncCheck *f, const LocalSet *sets, uint32_t n, FrameFact *fact)
{
  fact->assigned_off = f->assigned.n;
  if (n == 1)
    *zw_push(f->a, &f->assigned) = sets->local, fact->nassigned = 1;
  else {
    for (uint32_t k = 0; k < n; k++)
      zw_mark_local(f, sets[k].local);
    fact->nassigned = zw_list_marked(f);
  }
  zw_count_edge_slots(f, fact, fact->nassigned);
}

enum { SET_WORK_PER_BYTE = 8, SET_WORK_FREE = 1 << 15 };
// Locals set in the frame go into its list, but for a loop, which gets one of its natural blocks; and into the set of the frame around
// it, which lies right before: they stay where they are, without those that are there already.
static void close_set(FuncCheck *f, const LiveFrame *k, FrameFact *fact)
{
  const uint32_t first = k->sets;
  uint32_t outer = k == f->live.p ? 0 : k[-1].sets, to = first, n = f->sets.n, *set_at = f->set_at;
  f->set_first = outer;
  if (f->no_sets || to == n)
    return;
  LocalSet *sets = f->sets.p;
  if (fact->kind != OP_loop)
    list_sets(f, sets + to, n - to, fact);
  for (uint32_t i = first; i < n; i++) {
    LocalSet s = sets[i];
    if (s.before > outer) {
      set_at[s.local] = s.before;
      continue;
    }
    if (to != i)
      sets[to] = s, set_at[s.local] = to + 1;
    to++;
  }
  f->sets.n = to;
  // Merging has to stay linear in the body; where it does not, P2 keeps the locals in memory.
  f->set_work += n - first;
  f->no_sets |= f->set_work > SET_WORK_FREE + (uint64_t)SET_WORK_PER_BYTE * f->func->body_len;
}

// type: nparams parameters, and what frame_type makes of it.
static void push_ctrl(FuncCheck *f, CtrlKind kind, uint32_t type, uint32_t nparams)
{
  // The mark goes below the parameters.
  ValType *params = f->sp - nparams;
  if (nparams)
    memmove(params + 1, params, nparams * sizeof *params);
  *params = VT_MARK;
  f->sp++;
  f->sp_max++;
  *zw_push(f->a, &f->ctrl) =
      (Ctrl){ .kind = (uint8_t)kind, .dead_frame = f->dead, .type = type, .base = (uint32_t)(params + 1 - f->vals) };
  if (f->dead)
    return;
  *zw_push(f->a, &f->live) = (LiveFrame){ .frame = f->frames.n, .sets = f->sets.n, .active_try = f->cur_try };
  *zw_push(f->a, &f->frames) = (FrameFact){ .kind = (uint8_t)f->op, .loop = NO_LOOP };
  f->set_first = f->sets.n;
  f->parts++;
  f->block_serial++; // what the block has set before it sets again in this frame
}

void zw_open_block(FuncCheck *f) { push_ctrl(f, CTRL_BLOCK, FRAME_VOID, 0); }

void zw_open_body(FuncCheck *f)
{
  f->at = f->r.p;
  f->op = OP_block;
  f->dead = f->no_facts;
  push_ctrl(f, CTRL_BLOCK, FRAME_BODY, 0);
  if (!f->dead)
    start_block(f, zw_body_pos(f, f->r.p));
}

static uint32_t read_block_type(FuncCheck *f)
{
  Reader *r = &f->r;
  if (r->p == r->end)
    zw_read_end(r);
  uint8_t b = *r->p;
  if (b == 0x40) {
    r->p++;
    return FRAME_VOID;
  }
  if (b > 0x40 && b < 0x80) {
    ValType t = zw_read_valtype(r, f->m);
    return zw_is_ref(t) ? t : t + 1;
  }
  int64_t t = zw_read_s33(r);
  if (t < 0)
    zw_fail(f->c, ERR_malformed, zw_here(f), "malformed block type");
  if (t >= f->m->ntypes)
    CHECK_FAIL(f, "unknown type %lld", (long long)t);
  const TypeDef *d = &f->m->types[t];
  if (d->kind != COMP_FUNC)
    CHECK_FAIL(f, "unknown type %lld: it is not a function type", (long long)t);
  if (d->func->nparams)
    zw_need(f->c, f->m, FEAT_MULTI_VALUE, zw_here(f));
  return FRAME_TYPES + (uint32_t)t;
}

// The parameters of a structured instruction: on the stack, as their declared types.  How many.
static uint32_t take_params(FuncCheck *f, uint32_t type)
{
  ValType one;
  BlockType t = frame_type(f, type, &one);
  if (!t.nparams)
    return 0;
  zw_pop_list(f, t.params, t.nparams);
  zw_push_list(f, t.params, t.nparams);
  return t.nparams;
}

static void open_loop(FuncCheck *f, LiveFrame *c)
{
  c->loop = f->loop_starts.n;
  f->parts += LOOP_PARTS;
  *zw_push(f->a, &f->loop_starts) = (LoopStart){ .parent = f->cur_loop, .header = f->blocks.n, .frame = c->frame };
  f->frames.p[c->frame].loop = f->cur_loop = c->loop;
  edge_to_block(f, f->blocks.n);
  start_block(f, behind(f));
  c->pc = behind(f);
  c->side = f->side.n;
  c->outer_max = (uint32_t)(f->sp_max - f->vals) - f->ctrl.n;
  f->sp_max = f->sp;
}

static void open_if(FuncCheck *f, LiveFrame *k)
{
  uint32_t said = hint(f);
  side_to_else(f, zw_top(f), k);
  edge_to_block(f, f->blocks.n);
  k->else_edge = f->succ.n;
  edge_to_block(f, said == 1 ? NO_BLOCK - 1 : NO_BLOCK); // filled in when the else block starts
  if (said == 0)
    *zw_push(f->a, &f->unlikely) = f->blocks.n;
  start_block(f, behind(f));
}

static void check_structured(FuncCheck *f, CtrlKind kind)
{
  uint32_t t = read_block_type(f);
  if (kind == CTRL_IF)
    zw_pop(f, VT_I32);
  push_ctrl(f, kind, t, take_params(f, t));
  if (f->dead)
    return;
  if (kind == CTRL_LOOP)
    open_loop(f, live_top(f));
  else if (kind == CTRL_IF)
    open_if(f, live_top(f));
}

// The operands at the end of an arm are exactly its results.
static inline void check_results(FuncCheck *f, const Ctrl *c)
{
  if (c->type == FRAME_VOID && f->sp == f->vals + c->base)
    return;
  ValType one;
  BlockType t = frame_type(f, c->type, &one);
  uint32_t have = (uint32_t)(f->sp - f->vals) - c->base;
  if (have > t.nresults)
    zw_fail_operands(f, "block", t.results, t.nresults, have);
  zw_peek_list(f, t.results, t.nresults);
}

// Of the innermost frame.
static inline void forget_inits(FuncCheck *f)
{
  while (f->init_log.n && f->init_log.p[f->init_log.n - 1].depth == f->ctrl.n) {
    uint32_t x = f->init_log.p[--f->init_log.n].local;
    f->init[x >> 6] &= ~((uint64_t)1 << (x & 63));
  }
}

// Between the arms of an if or a legacy try: the frame starts over with these operands.
static void restart(FuncCheck *f, Ctrl *c, const ValType *types, uint32_t n)
{
  forget_inits(f);
  f->sp = f->vals + c->base;
  c->poly = false;
  f->dead = c->dead_frame;
  if (n)
    zw_push_list(f, types, n);
}

// Start the else block (an empty one at `end`), which the `if` is waiting for.
static void start_else_block(FuncCheck *f, const LiveFrame *k, uint32_t pos)
{
  uint32_t *edge = &f->succ.p[k->else_edge];
  if (*edge == NO_BLOCK - 1)
    *zw_push(f->a, &f->unlikely) = f->blocks.n;
  *edge = f->blocks.n;
  start_block(f, pos);
}

static void check_else(FuncCheck *f)
{
  Ctrl *c = zw_top(f);
  if (c->kind != CTRL_IF)
    zw_fail(f->c, ERR_malformed, zw_here(f), "END opcode expected");
  check_results(f, c);
  c->kind = CTRL_ELSE;
  if (!c->dead_frame) {
    LiveFrame *k = live_top(f);
    if (!f->dead) {
      side_to_label(f, c);
      edge_to_join(f, k);
    }
    f->frames.p[k->frame].has_else = true;
    start_else_block(f, k, behind(f));
    set_else_side(f, k, behind(f));
  }
  ValType one;
  BlockType t = frame_type(f, c->type, &one);
  restart(f, c, t.params, t.nparams);
}

// An if without else passes its parameters on.
static void check_missing_else(FuncCheck *f, const Ctrl *c)
{
  ValType one;
  BlockType t = frame_type(f, c->type, &one);
  bool same = t.nparams == t.nresults;
  for (uint32_t i = 0; same && i < t.nparams; i++)
    same = zw_subtype(f->m, t.params[i], t.results[i]);
  if (!same)
    zw_fail(f->c, ERR_type_mismatch, zw_here(f), "an if without else must have results like its parameters");
}

static void handler_block(FuncCheck *f, ClauseFact *k, uint32_t pos)
{
  k->block = start_block(f, pos);
  f->blocks.p[k->block].cold = COLD_HANDLER;
}

static void add_catches(FuncCheck *f, uint32_t frame)
{
  FrameFact *fact = &f->frames.p[frame];
  if (fact->ncatches < UINT16_MAX)
    fact->ncatches++;
}

// Handlers of a try_table: they jump to labels of the frames around it.
static void end_try_table(FuncCheck *f, LiveFrame *c)
{
  TryFact *t = &f->tries.p[c->try_];
  t->end = here(f);
  f->cur_try = t->parent;
  if (!t->nclauses)
    return;
  if (!f->dead)
    edge_to_join(f, c);
  for (uint32_t i = 0; i < t->nclauses; i++) {
    ClauseFact *k = &f->clauses.p[t->clauses + i];
    LiveFrame *label = &f->live.p[k->side];
    bool loop = f->ctrl.p[k->side].kind == CTRL_LOOP;
    handler_block(f, k, here(f));
    edge_to_label(f, &f->ctrl.p[k->side]);
    if (loop) {
      k->pc = label->pc;
      k->side = label->side;
    } else {
      k->pc = label->clause_fixes;
      label->clause_fixes = t->clauses + i + 1;
    }
  }
}

// Those of a legacy try were found one by one, with the clauses of tries in its handlers between them.
static void gather_clauses(FuncCheck *f, const LiveFrame *c)
{
  TryFact *t = &f->tries.p[c->try_];
  t->clauses = f->clauses.n;
  zw_reserve(f->a, &f->clauses, f->clauses.n + t->nclauses);
  f->clauses.n += t->nclauses;
  uint32_t to = f->clauses.n;
  for (uint32_t k = c->last_clause; k; k = f->legacy.p[k - 1].before)
    f->clauses.p[--to] = f->legacy.p[k - 1].clause;
}

static void end_live_frame(FuncCheck *f, const Ctrl *c);

// Some of the frames that are closed.  Opening and closing at one depth asks the system for nothing.
enum { NEST_PART = 1024 };
static __attribute__((noinline)) void give_back_nest(FuncCheck *f)
{
  enum { PAGE = 4096 };
  uint32_t keep = f->ctrl.n + NEST_PART, there = f->nest_there;
  if (there >= keep + NEST_PART) {
    uint32_t from = f->live.n + NEST_PART, more = there - keep, end = keep + more + PAGE / sizeof *f->ctrl.p;
    zw_alloc_discard(f->ctrl.p + keep, ((end < f->ctrl.cap ? end : f->ctrl.cap) - keep) * sizeof *f->ctrl.p);
    end = from + more + PAGE / sizeof *f->live.p;
    end = end < f->live.cap ? end : f->live.cap;
    if (from < end)
      zw_alloc_discard(f->live.p + from, (end - from) * sizeof *f->live.p);
  }
  f->nest_there = keep;
}

void zw_close_frame(FuncCheck *f)
{
  Ctrl *c = zw_top(f);
  check_results(f, c);
  if (c->kind == CTRL_IF)
    check_missing_else(f, c);
  if (!c->dead_frame)
    end_live_frame(f, c);
  forget_inits(f);
  if (f->ctrl.n == 1) {
    f->ctrl.n = f->live.n = 0;
    return;
  }
  f->sp = f->vals + c->base - 1; // below the mark
  f->sp_max--;
  f->live.n -= !c->dead_frame;
  f->ctrl.n--;
  if (NEVER(f->ctrl.n % NEST_PART == 0))
    give_back_nest(f);
  if (c->type == FRAME_VOID)
    return;
  ValType one;
  BlockType t = frame_type(f, c->type, &one);
  zw_push_list(f, t.results, t.nresults);
}

// The facts of a frame's end: edges from what falls through, the join (R6), the loop's exit (R7).
static void end_live_frame(FuncCheck *f, const Ctrl *ctrl)
{
  LiveFrame *c = live_top(f);
  FrameFact *fact = &f->frames.p[c->frame];
  bool merges = fact->nbr > 0;
  switch ((CtrlKind)ctrl->kind) {
  case CTRL_LOOP: {
    LoopStart *l = &f->loop_starts.p[c->loop];
    uint32_t max = (uint32_t)(f->sp_max - f->vals) - f->ctrl.n;
    l->max_height = max;
    f->sp_max = f->vals + (max > c->outer_max ? max : c->outer_max) + f->ctrl.n;
    f->cur_loop = l->parent;
    close_set(f, c, fact);
    if (!f->dead) {
      edge_to_block(f, f->blocks.n);
      start_block(f, behind(f));
    }
    return;
  }
  case CTRL_IF:
    merges = true;
    if (!f->dead)
      edge_to_join(f, c);
    start_else_block(f, c, here(f));
    edge_to_join(f, c);
    f->dead = true;
    break;
  case CTRL_ELSE:
    merges = true;
    break;
  case CTRL_CATCH:
    merges = true;
    gather_clauses(f, c);
    f->exn_depth--;
    break;
  case CTRL_TRY_TABLE:
    merges = merges || f->tries.p[c->try_].nclauses;
    end_try_table(f, c);
    if (f->tries.p[c->try_].nclauses)
      f->dead = true; // the edges are there
    break;
  case CTRL_TRY:
    f->tries.p[c->try_].end = here(f);
    f->cur_try = f->tries.p[c->try_].parent;
    break;
  case CTRL_BLOCK: break;
  }
  bool last = f->ctrl.n == 1;
  uint32_t pc = last ? here(f) : behind(f);
  if (ctrl->kind == CTRL_IF)
    set_else_side(f, c, pc);
  resolve_sides(f, c, pc);
  close_set(f, c, fact);
  if (!merges)
    return;
  if (!f->dead)
    edge_to_join(f, c);
  if (!c->edges)
    return; // dead: nothing reaches the end
  resolve_edges(f, c, f->blocks.n);
  start_block(f, pc);
}

// ---- exceptions ----

static const FuncType *read_tag(FuncCheck *f, uint32_t *tag)
{
  *tag = zw_read_index(f, f->m->ntags, "tag");
  return f->m->types[f->m->tags[*tag].type].func;
}

// A clause carries the payload and maybe the exception: compare with the label's types.
static void check_clause(FuncCheck *f, const FuncType *payload, bool with_ref, const Ctrl *label)
{
  ValType one;
  BlockType t = zw_label_type(f, label, &one);
  uint32_t n = payload ? payload->nparams : 0;
  bool ok = t.nresults == n + with_ref;
  for (uint32_t i = 0; ok && i < n; i++)
    ok = zw_subtype(f->m, payload->params[i], t.results[i]);
  if (ok && with_ref)
    ok = zw_subtype(f->m, VT_REF | HEAP_EXN, t.results[n]);
  if (!ok)
    zw_fail(f->c, ERR_type_mismatch, zw_here(f), "a catch clause carries other values than its label takes");
}

static void read_clause(FuncCheck *f)
{
  uint8_t kind = zw_read_u8(&f->r);
  if (kind >= CATCH_KINDS)
    zw_fail(f->c, ERR_malformed, zw_here(f), "malformed catch clause");
  ClauseFact k = { .with_tag = kind == CATCH || kind == CATCH_REF,
                   .with_ref = kind == CATCH_REF || kind == CATCH_ALL_REF };
  const FuncType *payload = k.with_tag ? read_tag(f, &k.tag) : NULL;
  Ctrl *label = zw_read_label(f);
  check_clause(f, payload, k.with_ref, label);
  if (f->dead)
    return;
  if (k.with_ref)
    f->flags |= FN_REFS;
  k.frame = live_frame(f, label)->frame;
  f->frames.p[k.frame].nbr++;
  k.nvals = label_arity(f, label);
  k.drop_to = height_below(f, label);
  k.side = (uint32_t)(label - f->ctrl.p); // until the try_table ends
  *zw_push(f->a, &f->clauses) = k;
  f->parts++;
}

static void open_try(FuncCheck *f, uint32_t clauses)
{
  LiveFrame *c = live_top(f);
  c->try_ = c->active_try = f->tries.n;
  while (f->block_try.n < f->blocks.n) // those before the first one
    *zw_push(f->a, &f->block_try) = NO_TRY;
  *zw_push(f->a, &f->tries) = (TryFact){ .at = here(f), .start = behind(f), .parent = f->cur_try, .around = f->cur_try, .frame = c->frame,
                                        .clauses = clauses, .nclauses = f->clauses.n - clauses };
  f->cur_try = c->try_;
  f->parts += TRY_PARTS;
  f->block_try.p[f->blocks.n - 1] = c->try_; // the block goes on in the region
  f->flags |= FN_TRIES;
  f->has_table_or_try = true;
}

static void check_try_table(FuncCheck *f)
{
  uint32_t t = read_block_type(f), nparams = take_params(f, t);
  uint32_t n = zw_read_u32(&f->r), first = f->clauses.n;
  for (uint32_t i = 0; i < n; i++)
    read_clause(f);
  push_ctrl(f, CTRL_TRY_TABLE, t, nparams);
  if (f->dead)
    return;
  open_try(f, first);
  f->frames.p[live_top(f)->frame].ncatches = (uint16_t)(n < UINT16_MAX ? n : UINT16_MAX);
}

static void check_try(FuncCheck *f)
{
  check_structured(f, CTRL_TRY);
  if (!f->dead)
    open_try(f, f->clauses.n); // none yet
}

static void check_throw(FuncCheck *f)
{
  uint32_t tag;
  const FuncType *t = read_tag(f, &tag);
  zw_pop_list(f, t->params, t->nparams);
  zw_effect(f, EFF_TRAP);
  zw_die(f, COLD_SINK | COLD_THROWS);
}

static void check_throw_ref(FuncCheck *f)
{
  zw_pop(f, VT_REF | VT_NULL | HEAP_EXN);
  zw_effect(f, EFF_TRAP);
  zw_die(f, COLD_SINK | COLD_THROWS);
}

static void check_catch(FuncCheck *f, bool with_tag)
{
  Ctrl *c = zw_top(f);
  ClauseFact k = { .with_tag = with_tag, .legacy = true };
  const FuncType *payload = with_tag ? read_tag(f, &k.tag) : NULL;
  if (c->kind != CTRL_TRY && c->kind != CTRL_CATCH)
    zw_fail(f->c, ERR_malformed, zw_here(f), "END opcode expected");
  if (c->catch_all)
    zw_fail(f->c, ERR_malformed, zw_here(f), "a clause behind catch_all");
  check_results(f, c);
  c->catch_all = !with_tag;
  bool first = c->kind == CTRL_TRY;
  c->kind = CTRL_CATCH;
  if (!c->dead_frame) {
    LiveFrame *l = live_top(f);
    TryFact *t = &f->tries.p[l->try_];
    if (!f->dead) {
      side_to_label(f, c);
      edge_to_join(f, l);
    }
    if (first) {
      t->end = here(f);
      f->cur_try = l->active_try = t->parent;
      t->exn_slot = f->exn_depth++;
      if (f->exn_depth > f->nexn_slots)
        f->nexn_slots = f->exn_depth;
    }
    k.frame = l->frame;
    k.pc = behind(f);
    k.side = f->side.n;
    k.nvals = payload ? payload->nparams : 0;
    k.drop_to = height_below(f, c);
    handler_block(f, &k, behind(f));
    *zw_push(f->a, &f->legacy) = (LegacyClause){ k, l->last_clause };
    l->last_clause = f->legacy.n;
    t->nclauses++;
    add_catches(f, l->frame);
  }
  restart(f, c, payload ? payload->params : NULL, payload ? payload->nparams : 0);
}

static void check_rethrow(FuncCheck *f)
{
  Ctrl *c = zw_read_label(f);
  if (c->kind != CTRL_CATCH)
    CHECK_FAIL(f, "invalid rethrow label");
  if (!f->dead && !f->m->no_side)
    *zw_push(f->a, &f->side) = (SideEntry){ .nvals = f->tries.p[live_frame(f, c)->try_].exn_slot };
  zw_effect(f, EFF_TRAP);
  zw_die(f, COLD_SINK | COLD_THROWS);
}

static void check_delegate(FuncCheck *f)
{
  Ctrl *c = zw_top(f);
  if (c->kind != CTRL_TRY)
    zw_fail(f->c, ERR_malformed, zw_here(f), "END opcode expected");
  uint32_t depth = zw_read_u32(&f->r); // counted from outside the try
  if (depth + (uint64_t)1 >= f->ctrl.n)
    CHECK_FAIL(f, "unknown label %u", depth);
  if (c->dead_frame) {
    zw_close_frame(f);
    return;
  }
  uint32_t delegated = live_frame(f, c - 1 - depth)->active_try, t = live_top(f)->try_;
  zw_close_frame(f);
  f->tries.p[t].parent = delegated;
}

void zw_check_control(FuncCheck *f)
{
  switch ((uint32_t)f->op) {
  case OP_block: check_structured(f, CTRL_BLOCK); return;
  case OP_loop: check_structured(f, CTRL_LOOP); return;
  case OP_if: check_structured(f, CTRL_IF); return;
  case OP_else: check_else(f); return;
  case OP_end: zw_close_frame(f); return;
  case OP_br: zw_br(f, read_depth(f)); return;
  case OP_br_if: zw_br_if(f, read_depth(f)); return;
  case OP_br_table: check_br_table(f); return;
  case OP_return: check_return(f); return;
  case OP_try_table: check_try_table(f); return;
  case OP_throw: check_throw(f); return;
  case OP_throw_ref: check_throw_ref(f); return;
  case OP_try: check_try(f); return;
  case OP_catch: check_catch(f, true); return;
  case OP_catch_all: check_catch(f, false); return;
  case OP_rethrow: check_rethrow(f); return;
  case OP_delegate: check_delegate(f); return;
  default: BUG("%s is not a control instruction", zw_op_info[f->op].text);
  }
}
