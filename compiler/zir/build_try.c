// P2: exceptions.  What can throw and is caught is a region: a block is in one or not (ZirFunc.try_of), so a try and its end
// begin blocks of their own.  Handlers have no edges that lead to them.  What they read must be the same at all calls of the
// region: values from before it, and locals that it sets, which are in memory too while it lasts.
#include "compiler/zir/build_int.h"

// A try without clauses is the one around it; one with delegate is the one it names.
void zb_prepare_tries(Build *b)
{
  const FuncFacts *ff = b->facts;
  ZirFunc *f = b->f;
  b->region = UINT32_MAX;
  if (!ff->ntries)
    return;
  f->tries = zw_new_array(f->arena, ZTry, ff->ntries), f->ntries = ff->ntries;
  f->catches = zw_new_array(f->arena, ZCatch, ff->nclauses + 1);
  f->try_of = zw_stale_array(f->arena, uint32_t, b->block_cap);
  b->tries = zw_new_array(b->scratch, Try, ff->ntries);
  b->through = zw_new_array(b->scratch, uint32_t, ff->nlocals + 1);
  for (uint32_t t = 0; t < ff->ntries; t++) {
    const TryFact *k = &ff->tries[t];
    uint32_t around = k->parent == NO_TRY ? UINT32_MAX : b->tries[k->parent].region;
    f->tries[t] = (ZTry){ .parent = around, .catches = k->clauses };
    b->tries[t].region = k->nclauses ? t : around;
  }
}

static bool takes_all(const FuncFacts *ff, uint32_t t)
{
  const TryFact *k = &ff->tries[t];
  return !ff->clauses[k->clauses + k->nclauses - 1].with_tag; // where producers put it
}

// The current block throws, here or in a callee.
void zb_note_throw(Build *b)
{
  b->throws_here = true;
  for (uint32_t t = b->region; t != UINT32_MAX && !b->tries[t].throws; t = b->f->tries[t].parent) {
    b->tries[t].throws = true;
    if (takes_all(b->nlevels ? b->levels[0].facts : b->facts, t))
      return;
  }
}

// ---- regions ----
// The block goes on as another one.
static void split_block(Build *b)
{
  ZBlock old = b->f->blocks[b->block];
  uint32_t id = zb_more_blocks(b);
  zb_add_inst(b, &(Inst){ UINT32_MAX, UINT32_MAX, UINT32_MAX, id, NULL });
  uint32_t e = zb_add_edge(b, id);
  zb_end_block(b, OP_jmp, 0, 0, 0, e);
  zb_open_block(b, id, old.loop, old.depth, old.cold);
}

static void go_to_region(Build *b, uint32_t region)
{
  if (region == b->region)
    return;
  b->region = region;
  if (b->live && !b->ghost)
    split_block(b);
}

// From here on a local that the try sets is in memory as well: a handler does not know how far the try came.
static void keep_locals(Build *b, const Frame *f, Try *t)
{
  const uint32_t *assigned = zb_assigned(b, f);
  for (uint32_t k = 0; k < f->nassigned; k++)
    if (b->through[assigned[k]]++ == 0)
      zb_set_frame_local(b, assigned[k], b->locals[assigned[k]]);
  t->keeps = f->nassigned > 0;
  b->nthrough += t->keeps;
}

static void leave_try(Build *b, const Frame *f, Try *t)
{
  for (uint32_t k = 0; t->keeps && k < f->nassigned; k++)
    b->through[zb_assigned(b, f)[k]]--;
  b->nthrough -= t->keeps;
  t->keeps = false;
  b->region = t->outside;
}

// clauses: of a try_table, in the body.
void zb_enter_try(Build *b, Op op, uint32_t nparams, uint32_t nresults, const uint8_t *clauses)
{
  Frame *f = zb_push_frame(b, op, b->ghost ? 0 : nparams, b->ghost ? 0 : nresults);
  Try *t = &b->tries[f->header = b->next_try++];
  t->outside = b->region, t->clauses = op == OP_try_table ? (uint32_t)(clauses - b->fn->body) : 0;
  if (b->ghost)
    return;
  if (b->facts->tries[f->header].nclauses) {
    keep_locals(b, f, t);
    zb_limit(b, f);
  }
  go_to_region(b, t->region);
}

// ---- handlers ----
// The next one of f's, with the payload on the stack; it begins where the try began, whatever that has done.
static void start_handler(Build *b, Frame *f)
{
  Try *t = &b->tries[f->header];
  ZTry *z = &b->f->tries[f->header];
  const ClauseFact *c = &b->facts->clauses[z->catches + t->nhandlers];
  ASSERT(c->block == b->next_block && z->ncatches == t->nhandlers);
  zb_next_arm(b, f);
  zb_all_changed(b);
  zb_rollback(b, f);
  zb_start_block(b);
  b->f->blocks[b->block].is_handler = 1;
  b->f->catches[z->catches + z->ncatches++] =
    (ZCatch){ .tag = c->with_tag ? c->tag : UINT32_MAX, .block = b->block, .with_ref = c->with_ref | c->legacy };
  t->nhandlers++;
  const FuncType *payload = c->with_tag ? b->m->types[b->m->tags[c->tag].type].func : NULL;
  uint32_t n = payload ? payload->nparams : 0;
  for (uint32_t k = 0; k < n; k++)
    push(b, append(b, OP_catch_value, zw_val_kind(b->m, payload->params[k]), 0, 0, k, 0));
  if (c->legacy)
    b->f->flags |= FN_REFS;
  if (c->with_ref || c->legacy)
    t->exn = append(b, OP_catch_value, VK_REF, 0, 0, n, 0);
  if (c->with_ref)
    push(b, t->exn);
  const uint32_t *assigned = zb_assigned(b, f);
  for (uint32_t k = 0; k < f->nassigned; k++)
    change_local(b, b->locals, assigned[k], zb_get_frame_local(b, assigned[k]));
}

// Nothing in the try throws, or it is not there at all.
static bool has_handlers(const Build *b, const Frame *f) { return !f->ghost && b->tries[f->header].throws; }

// Those of a try_table hold nothing but the jump to their label.
static void table_handlers(Build *b, uint32_t frame)
{
  const uint8_t *p = b->fn->body + b->tries[b->frames.p[frame].header].clauses;
  for (uint32_t n = zw_fast_u32(&p); n > 0; n--) {
    if (*p++ < CATCH_ALL)
      zw_fast_u32(&p);
    uint32_t label = zw_fast_u32(&p) + 1; // seen from inside
    Frame *f = &b->frames.p[frame];
    if (has_handlers(b, f)) {
      start_handler(b, f);
      uint32_t e = zb_branch_edge(b, label);
      zb_end_block(b, OP_jmp, 0, 0, 0, e);
    } else {
      zb_skip_block(b);
      zb_ghost_branch(b, label);
    }
  }
  b->live = false;
}

// `end` of a try_table or try, before its join.
void zb_end_try(Build *b)
{
  uint32_t frame = b->frames.n - 1;
  Frame *f = &b->frames.p[frame];
  Try *t = &b->tries[f->header];
  uint32_t nclauses = b->facts->tries[f->header].nclauses;
  if (f->kind == OP_try_table && nclauses) {
    if (b->live)
      zb_fall_to_end(b, f);
    leave_try(b, f, t);
    table_handlers(b, frame);
  } else if (!nclauses && !f->named) {
    go_to_region(b, t->outside);
  } else if (!nclauses) { // the join is a block of its own
    if (b->live)
      zb_fall_to_end(b, f);
    b->region = t->outside;
  }
}

// catch, catch_all: behind its immediates.
void zb_catch(Build *b)
{
  Frame *f = &b->frames.p[b->frames.n - 1];
  if (b->live)
    zb_fall_to_end(b, f);
  Try *t = &b->tries[f->header];
  if (!t->caught)
    leave_try(b, f, t);
  t->caught = true;
  if (has_handlers(b, f)) {
    start_handler(b, f);
  } else {
    zb_skip_block(b);
  }
}

// ---- throwing ----
static void throw_ref(Build *b, Ref exn)
{
  zb_lib(b, LIB_throw_ref, VK_COUNT, &exn, 1);
  zb_end_block(b, OP_trap, 0, 0, TRAP_unreachable, b->edges.n); // it does not come back
}

void zb_throw_op(Build *b, Op op)
{
  zb_note_throw(b);
  if (op == OP_throw) {
    uint32_t tag = zw_fast_u32(&b->p), n = b->m->types[b->m->tags[tag].type].func->nparams;
    b->sp -= n;
    zb_end_block(b, OP_throw, xa_list(b, b->stack + b->sp, n), n, tag, b->edges.n);
  } else if (op == OP_throw_ref) {
    throw_ref(b, pop(b));
  } else {
    throw_ref(b, b->tries[b->frames.p[b->frames.n - 1 - zw_fast_u32(&b->p)].header].exn);
  }
}
