// Structured control of a body: frames, branches, and the skeleton's blocks by rule R (check.h). Two things are kept
// apart.  `poly` is the validator's: after an unconditional branch the operand stack of the frame is polymorphic until
// its end.  `dead` is rule R's: no path of blocks leads here.  Code behind `block br 0 end` with nothing else in it is
// not polymorphic, but it can be dead when the label was only named in dead code. Polymorphic code is always dead, so
// the fast walk, which runs in live code only, never meets it.
#include "compiler/wasm/check_int.h"
#include <string.h>

static uint32_t here(const FuncCheck *f) { return zw_body_pos(f, f->at); }
static uint32_t behind(const FuncCheck *f) { return zw_body_pos(f, f->r.p); }

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
  *zw_push(f->a, &f->blocks) =
      (BlockFact){ .pos = pos, .loop = f->cur_loop, .succ_off = f->succ.n, .layout = f->log_n };
  if (f->tries.n)
    *zw_push(f->a, &f->block_try) = f->cur_try;
  f->dead = false;
  return f->blocks.n - 1;
}

static void edge_to_block(FuncCheck *f, uint32_t block) { *zw_push(f->a, &f->succ) = block; }

// To the block that the frame's end will start.
static void edge_to_join(FuncCheck *f, Ctrl *c)
{
  *zw_push(f->a, &f->succ) = c->edges;
  c->edges = f->succ.n;
}

static void edge_to_label(FuncCheck *f, Ctrl *c)
{
  if (c->kind == CTRL_LOOP)
    edge_to_block(f, f->loops.p[c->loop].header);
  else
    edge_to_join(f, c);
}

BlockType zw_label_type(const Ctrl *c)
{
  if (c->kind == CTRL_LOOP)
    return (BlockType){ 0, c->type.nparams, NULL, c->type.params };
  return c->type;
}

// ---- the interpreter's side table ----

// While its target is not known, an entry holds its own position in dside and the next one of the chain in dpc.
static void set_side(FuncCheck *f, uint32_t entry, uint32_t own_pc, uint32_t pc, uint32_t side)
{
  f->side.p[entry].dpc = (int32_t)(pc - own_pc);
  f->side.p[entry].dside = (int32_t)(side - entry);
}

static void side_to_label(FuncCheck *f, Ctrl *c)
{
  if (f->m->no_side)
    return;
  uint32_t entry = f->side.n;
  *zw_push(f->a, &f->side) = (SideEntry){ .nvals = zw_label_type(c).nresults, .drop_to = c->height };
  if (c->kind == CTRL_LOOP) {
    set_side(f, entry, here(f), c->pc, c->side);
    return;
  }
  f->side.p[entry].dpc = (int32_t)c->sides;
  f->side.p[entry].dside = (int32_t)here(f);
  c->sides = entry + 1;
}

static void side_to_else(FuncCheck *f, Ctrl *c)
{
  c->else_side = f->side.n;
  if (!f->m->no_side)
    *zw_push(f->a, &f->side) = (SideEntry){ .nvals = c->type.nparams, .drop_to = c->height, .dside = (int32_t)here(f) };
}

static void set_else_side(FuncCheck *f, const Ctrl *c, uint32_t pc)
{
  if (!f->m->no_side)
    set_side(f, c->else_side, (uint32_t)f->side.p[c->else_side].dside, pc, f->side.n);
}

// Everything that waits for the frame's end goes on at pc.
static void resolve_sides(FuncCheck *f, Ctrl *c, uint32_t pc)
{
  for (uint32_t s = c->sides; s;) {
    uint32_t entry = s - 1;
    s = (uint32_t)f->side.p[entry].dpc;
    set_side(f, entry, (uint32_t)f->side.p[entry].dside, pc, f->side.n);
  }
  for (uint32_t s = c->clause_fixes; s;) {
    ClauseFact *k = &f->clauses.p[s - 1];
    s = k->pc;
    k->pc = pc;
    k->side = f->side.n;
  }
  c->sides = c->clause_fixes = 0;
}

static void resolve_edges(FuncCheck *f, Ctrl *c, uint32_t block)
{
  for (uint32_t e = c->edges; e;) {
    uint32_t next = f->succ.p[e - 1];
    f->succ.p[e - 1] = block;
    e = next;
  }
  c->edges = 0;
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
  f->frames.p[c->frame].nbr++;
  side_to_label(f, c);
  edge_to_label(f, c);
}

void zw_fall_through(FuncCheck *f)
{
  edge_to_block(f, f->blocks.n);
  start_block(f, behind(f));
  zw_watch_facts(f);
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
  BlockType t = zw_label_type(c);
  if (t.nresults)
    zw_pop_list(f, t.results, t.nresults);
  if (!f->dead)
    zw_branch(f, c);
  zw_die(f, 0);
}

void zw_br_if(FuncCheck *f, uint32_t depth)
{
  Ctrl *c = label_at(f, depth);
  BlockType t = zw_label_type(c);
  zw_pop(f, VT_I32);
  if (t.nresults) {
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
  if (!f->dead)
    f->has_table_or_try = true;
  uint32_t arity = UINT32_MAX;
  for (uint64_t i = 0; i <= n; i++) {
    Ctrl *c = zw_read_label(f);
    if (c->stamp != f->table_serial) { // checked once per label: the operands stay the same
      c->stamp = f->table_serial;
      BlockType t = zw_label_type(c);
      if (arity != UINT32_MAX && t.nresults != arity)
        zw_fail(f->c, ERR_type_mismatch, zw_here(f), "labels of br_table carry %u and %u values", arity, t.nresults);
      arity = t.nresults;
      zw_peek_list(f, t.results, t.nresults);
      if (!f->dead) {
        f->frames.p[c->frame].nbr++;
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
static void close_set(FuncCheck *f, const Ctrl *c, FrameFact *fact)
{
  uint32_t outer = c == f->ctrl.p ? 0 : c[-1].sets, to = c->sets, n = f->sets.n, *set_at = f->set_at;
  f->set_first = outer;
  if (f->no_sets || to == n)
    return;
  LocalSet *sets = f->sets.p;
  if (c->kind != CTRL_LOOP)
    list_sets(f, sets + to, n - to, fact);
  for (uint32_t k = to; k < n; k++) {
    LocalSet s = sets[k];
    if (s.before > outer) {
      set_at[s.local] = s.before;
      continue;
    }
    if (to != k)
      sets[to] = s, set_at[s.local] = to + 1;
    to++;
  }
  f->sets.n = to;
  // Merging has to stay linear in the body; where it does not, P2 keeps the locals in memory.
  f->set_work += n - c->sets;
  f->no_sets |= f->set_work > SET_WORK_FREE + (uint64_t)SET_WORK_PER_BYTE * f->func->body_len;
}

// From here on the body is dead code to rule R, also behind the ends of what is open.
void zw_give_up_facts(FuncCheck *f)
{
  f->no_facts = f->dead = true;
  f->most_parts = UINT32_MAX; // said once
  for (uint32_t k = 0; k < f->ctrl.n; k++)
    f->ctrl.p[k].dead_frame = true;
}

static void push_ctrl(FuncCheck *f, CtrlKind kind, BlockType t)
{
  zw_watch_facts(f);
  // The mark goes below the parameters.
  ValType *params = f->sp - t.nparams;
  if (t.nparams)
    memmove(params + 1, params, t.nparams * sizeof *params);
  *params = VT_MARK;
  f->sp++;
  f->sp_max++;
  Ctrl *c = zw_push(f->a, &f->ctrl); // field by field: clearing it whole is a string instruction
  c->kind = (uint8_t)kind, c->poly = false, c->dead_frame = f->dead, c->catch_all = false;
  c->type = t;
  c->base = (uint32_t)(params + 1 - f->vals), c->height = c->base - f->ctrl.n;
  c->frame = f->frames.n, c->stamp = 0, c->ninit = f->init_log.n;
  c->edges = c->sides = c->clause_fixes = 0;
  c->else_edge = c->else_side = c->loop = c->pc = c->side = c->try_ = c->outer_max = c->last_clause = 0;
  c->active_try = f->cur_try;
  if (f->dead)
    return;
  *zw_push(f->a, &f->frames) = (FrameFact){ .kind = (uint8_t)f->op, .loop = NO_LOOP };
  c->sets = f->set_first = f->sets.n;
  f->block_serial++; // what the block has set before it sets again in this frame
}

void zw_open_block(FuncCheck *f) { push_ctrl(f, CTRL_BLOCK, (BlockType){ 0, 0, NULL, NULL }); }

void zw_open_body(FuncCheck *f)
{
  f->at = f->r.p;
  f->op = OP_block;
  f->dead = f->no_facts;
  push_ctrl(f, CTRL_BLOCK, (BlockType){ 0, f->type->nresults, NULL, f->type->results });
  if (!f->dead)
    start_block(f, zw_body_pos(f, f->r.p));
}

static BlockType read_block_type(FuncCheck *f)
{
  Reader *r = &f->r;
  if (r->p == r->end)
    zw_read_end(r);
  uint8_t b = *r->p;
  if (b == 0x40) {
    r->p++;
    return (BlockType){ 0, 0, NULL, NULL };
  }
  if (b > 0x40 && b < 0x80)
    return (BlockType){ 0, 1, NULL, zw_one_valtype(f->m, zw_read_valtype(r, f->m)) };
  int64_t t = zw_read_s33(r);
  if (t < 0)
    zw_fail(f->c, ERR_malformed, zw_here(f), "malformed block type");
  if (t >= f->m->ntypes)
    CHECK_FAIL(f, "unknown type %lld", (long long)t);
  const TypeDef *d = &f->m->types[t];
  if (d->kind != COMP_FUNC)
    CHECK_FAIL(f, "unknown type %lld: it is not a function type", (long long)t);
  if (d->func.nparams)
    zw_need(f->c, f->m, FEAT_MULTI_VALUE, zw_here(f));
  return (BlockType){ d->func.nparams, d->func.nresults, d->func.params, d->func.results };
}

// The parameters of a structured instruction: on the stack, as their declared types.
static void take_params(FuncCheck *f, BlockType t)
{
  if (!t.nparams)
    return;
  zw_pop_list(f, t.params, t.nparams);
  zw_push_list(f, t.params, t.nparams);
}

static void open_loop(FuncCheck *f, Ctrl *c)
{
  uint32_t entry = f->blocks.n - 1;
  c->loop = f->loops.n;
  *zw_push(f->a, &f->loops) =
      (LoopFact){ .parent = f->cur_loop, .header = f->blocks.n, .entry = entry, .frame = c->frame };
  f->frames.p[c->frame].loop = f->cur_loop = c->loop;
  edge_to_block(f, f->blocks.n);
  start_block(f, behind(f));
  c->pc = behind(f);
  c->side = f->side.n;
  c->outer_max = (uint32_t)(f->sp_max - f->vals) - f->ctrl.n;
  f->sp_max = f->sp;
}

static void open_if(FuncCheck *f, Ctrl *c)
{
  uint32_t said = hint(f);
  side_to_else(f, c);
  edge_to_block(f, f->blocks.n);
  c->else_edge = f->succ.n;
  edge_to_block(f, said == 1 ? NO_BLOCK - 1 : NO_BLOCK); // filled in when the else block starts
  if (said == 0)
    *zw_push(f->a, &f->unlikely) = f->blocks.n;
  start_block(f, behind(f));
}

static void check_structured(FuncCheck *f, CtrlKind kind)
{
  BlockType t = read_block_type(f);
  if (kind == CTRL_IF)
    zw_pop(f, VT_I32);
  take_params(f, t);
  push_ctrl(f, kind, t);
  if (f->dead)
    return;
  if (kind == CTRL_LOOP)
    open_loop(f, zw_top(f));
  else if (kind == CTRL_IF)
    open_if(f, zw_top(f));
}

// The operands at the end of an arm are exactly its results.
static inline void check_results(FuncCheck *f, const Ctrl *c)
{
  if (c->type.nresults == 0 && f->sp == f->vals + c->base)
    return;
  uint32_t have = (uint32_t)(f->sp - f->vals) - c->base;
  if (have > c->type.nresults)
    zw_fail_operands(f, "block", c->type.results, c->type.nresults, have);
  zw_peek_list(f, c->type.results, c->type.nresults);
}

static inline void forget_inits(FuncCheck *f, const Ctrl *c)
{
  while (f->init_log.n > c->ninit) {
    uint32_t x = f->init_log.p[--f->init_log.n];
    f->init[x >> 6] &= ~((uint64_t)1 << (x & 63));
  }
}

// Between the arms of an if or a legacy try: the frame starts over with these operands.
static void restart(FuncCheck *f, Ctrl *c, const ValType *types, uint32_t n)
{
  forget_inits(f, c);
  f->sp = f->vals + c->base;
  c->poly = false;
  f->dead = c->dead_frame;
  if (n)
    zw_push_list(f, types, n);
}

// Start the else block (an empty one at `end`), which the `if` is waiting for.
static void start_else_block(FuncCheck *f, Ctrl *c, uint32_t pos)
{
  uint32_t *edge = &f->succ.p[c->else_edge];
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
    if (!f->dead) {
      side_to_label(f, c);
      edge_to_join(f, c);
    }
    f->frames.p[c->frame].has_else = true;
    start_else_block(f, c, behind(f));
    set_else_side(f, c, behind(f));
  }
  restart(f, c, c->type.params, c->type.nparams);
}

// An if without else passes its parameters on.
static void check_missing_else(FuncCheck *f, const Ctrl *c)
{
  bool same = c->type.nparams == c->type.nresults;
  for (uint32_t i = 0; same && i < c->type.nparams; i++)
    same = zw_subtype(f->m, c->type.params[i], c->type.results[i]);
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
static void end_try_table(FuncCheck *f, Ctrl *c)
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
    Ctrl *label = &f->ctrl.p[k->side];
    handler_block(f, k, here(f));
    edge_to_label(f, label);
    if (label->kind == CTRL_LOOP) {
      k->pc = label->pc;
      k->side = label->side;
    } else {
      k->pc = label->clause_fixes;
      label->clause_fixes = t->clauses + i + 1;
    }
  }
}

// Those of a legacy try were found one by one, with the clauses of tries in its handlers between them.
static void gather_clauses(FuncCheck *f, const Ctrl *c)
{
  TryFact *t = &f->tries.p[c->try_];
  t->clauses = f->clauses.n;
  zw_reserve(f->a, &f->clauses, f->clauses.n + t->nclauses);
  f->clauses.n += t->nclauses;
  uint32_t to = f->clauses.n;
  for (uint32_t k = c->last_clause; k; k = f->legacy.p[k - 1].before)
    f->clauses.p[--to] = f->legacy.p[k - 1].clause;
}

static void end_live_frame(FuncCheck *f, Ctrl *c);

void zw_close_frame(FuncCheck *f)
{
  Ctrl *c = zw_top(f);
  check_results(f, c);
  if (c->kind == CTRL_IF)
    check_missing_else(f, c);
  if (!c->dead_frame)
    end_live_frame(f, c);
  forget_inits(f, c);
  if (f->ctrl.n == 1) {
    f->ctrl.n = 0;
    return;
  }
  BlockType t = c->type;
  f->sp = f->vals + c->base - 1; // below the mark
  f->sp_max--;
  f->ctrl.n--;
  if (t.nresults)
    zw_push_list(f, t.results, t.nresults);
}

// The facts of a frame's end: edges from what falls through, the join (R6), the loop's exit (R7).
static void end_live_frame(FuncCheck *f, Ctrl *c)
{
  FrameFact *fact = &f->frames.p[c->frame];
  bool merges = fact->nbr > 0;
  switch ((CtrlKind)c->kind) {
  case CTRL_LOOP: {
    LoopFact *l = &f->loops.p[c->loop];
    uint32_t max = (uint32_t)(f->sp_max - f->vals) - f->ctrl.n;
    l->max_height = max;
    l->iterates = merges;
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
  if (c->kind == CTRL_IF)
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
  return &f->m->types[f->m->tags[*tag].type].func;
}

// A clause carries the payload and maybe the exception: compare with the label's types.
static void check_clause(FuncCheck *f, const FuncType *payload, bool with_ref, const Ctrl *label)
{
  BlockType t = zw_label_type(label);
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
  f->frames.p[label->frame].nbr++;
  k.frame = label->frame;
  k.nvals = zw_label_type(label).nresults;
  k.drop_to = label->height;
  k.side = (uint32_t)(label - f->ctrl.p); // until the try_table ends
  *zw_push(f->a, &f->clauses) = k;
}

static void open_try(FuncCheck *f, uint32_t clauses)
{
  Ctrl *c = zw_top(f);
  c->try_ = c->active_try = f->tries.n;
  while (f->block_try.n < f->blocks.n) // those before the first one
    *zw_push(f->a, &f->block_try) = NO_TRY;
  *zw_push(f->a, &f->tries) = (TryFact){ .at = here(f), .start = behind(f), .parent = f->cur_try, .around = f->cur_try, .frame = c->frame,
                                        .clauses = clauses, .nclauses = f->clauses.n - clauses };
  f->cur_try = c->try_;
  f->block_try.p[f->blocks.n - 1] = c->try_; // the block goes on in the region
  f->flags |= FN_TRIES;
  f->has_table_or_try = true;
}

static void check_try_table(FuncCheck *f)
{
  BlockType t = read_block_type(f);
  take_params(f, t);
  uint32_t n = zw_read_u32(&f->r), first = f->clauses.n;
  for (uint32_t i = 0; i < n; i++)
    read_clause(f);
  push_ctrl(f, CTRL_TRY_TABLE, t);
  if (f->dead)
    return;
  open_try(f, first);
  f->frames.p[zw_top(f)->frame].ncatches = (uint16_t)(n < UINT16_MAX ? n : UINT16_MAX);
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
    TryFact *t = &f->tries.p[c->try_];
    if (!f->dead) {
      side_to_label(f, c);
      edge_to_join(f, c);
    }
    if (first) {
      t->end = here(f);
      f->cur_try = c->active_try = t->parent;
      t->exn_slot = f->exn_depth++;
      if (f->exn_depth > f->nexn_slots)
        f->nexn_slots = f->exn_depth;
    }
    k.frame = c->frame;
    k.pc = behind(f);
    k.side = f->side.n;
    k.nvals = payload ? payload->nparams : 0;
    k.drop_to = c->height;
    handler_block(f, &k, behind(f));
    *zw_push(f->a, &f->legacy) = (LegacyClause){ k, c->last_clause };
    c->last_clause = f->legacy.n;
    t->nclauses++;
    add_catches(f, c->frame);
  }
  restart(f, c, payload ? payload->params : NULL, payload ? payload->nparams : 0);
}

static void check_rethrow(FuncCheck *f)
{
  Ctrl *c = zw_read_label(f);
  if (c->kind != CTRL_CATCH)
    CHECK_FAIL(f, "invalid rethrow label");
  if (!f->dead && !f->m->no_side)
    *zw_push(f->a, &f->side) = (SideEntry){ .nvals = f->tries.p[c->try_].exn_slot };
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
  uint32_t delegated = (c - 1 - depth)->active_try, t = c->try_;
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
