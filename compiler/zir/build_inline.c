// P2: calls of small bodies.  The callee is read where the call stands, by the same walk (README: "How is a call inlined?").
#include "compiler/zir/build_int.h"
#include <string.h>

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

// What inlining may add to a function whatever its size: not more instructions than the module's mean body has bytes.  A module
// of tiny functions that call each other would become many times what it is.
uint32_t zb_free_ops(const Module *m)
{
  uint64_t n = m->nfuncs - m->nimported_funcs, bytes = m->code_len > INLINE_SMALL_MODULE ? m->code_len : INLINE_SMALL_MODULE;
  return bytes / n < INLINE_FREE_OPS ? (uint32_t)(bytes / n) : INLINE_FREE_OPS;
}

static bool can_inline(const Build *b, uint32_t func)
{
  const Module *m = b->m;
  if (b->o->no_inline || func < m->nimported_funcs || b->frame_locals || b->nlevels == INLINE_DEPTH ||
      b->f->blocks[b->block].cold)
    return false;
  const FuncFacts *ff = &m->facts[func - m->nimported_funcs];
  uint32_t most = func == b->f->func ? INLINE_SELF_OPS : b->f->blocks[b->block].depth ? INLINE_LOOP_OPS : INLINE_OPS;
  if (ff->nops > most || b->grown + ff->nops > b->most_grown || ff->nlocals > INLINE_LOCALS || ff->nloops > INLINE_LOOPS ||
      ff->flags & (FN_TRIES | FN_TAIL_CALLS | FN_NO_SETS) || ff->blocks[0].cold || b->sp + ff->max_height + 8 > b->stack_cap)
    return false;
  uint32_t again = func == b->f->func; // a recursive function once in itself
  for (uint32_t k = 1; k < b->nlevels; k++)
    again += func == b->levels[k].func;
  again += b->nlevels && func == b->func;
  return again < 2;
}

void zb_add_inst(Build *b, const Inst *inst)
{
  *zw_push(b->scratch, &b->insts) = *inst;
  if (!b->block_insts) {
    b->block_insts = zw_stale_array(b->scratch, uint32_t, b->block_cap);
    memset(b->block_insts, 0xff, b->f->nblocks * sizeof *b->block_insts);
  }
  uint32_t n = b->insts.n - 1, *first = &b->block_insts[b->block], *last = &b->last_inst; // blocks that are left are not come back to
  if (b->nlevels && b->block == b->map[0]) {
    Inst *around = &b->insts.p[b->levels[b->nlevels - 1].inst];
    first = &around->first, last = &around->last;
  }
  *(*first == UINT32_MAX ? first : &b->insts.p[*last].next) = n;
  *last = n;
}

// What cannot return is laid out behind everything, so also behind the handlers: it must not throw to them.
static bool throws_for_good(const FuncFacts *ff, const uint8_t *returns)
{
  for (uint32_t n = 0; n < ff->nblocks; n++)
    if (!returns[n] && ff->blocks[n].effects & (EFF_CALL | EFF_TRAP))
      return true;
  return false;
}

bool zb_enter_inline(Build *b, uint32_t func)
{
  if (!can_inline(b, func))
    return false;
  const FuncFacts *ff = &b->m->facts[func - b->m->nimported_funcs];
  uint8_t *returns = zw_new_array(b->scratch, uint8_t, ff->nblocks);
  if (!find_returns(ff, returns) || (b->region != UINT32_MAX && throws_for_good(ff, returns)))
    return false;
  const FuncType *t = zw_func_type(b->m, func);
  b->grown += ff->nops;
  b->f->flags |= ff->flags & FN_REFS;
  uint32_t *map = zw_stale_array(b->scratch, uint32_t, ff->nblocks);
  map[0] = b->block;
  InlinedBody *body = zw_stale_array(b->scratch, InlinedBody, 1);
  *body = (InlinedBody){ ff, map, returns };
  zb_add_inst(b, &(Inst){ UINT32_MAX, UINT32_MAX, UINT32_MAX, NO_BLOCK, body });
  uint32_t inst = b->insts.n - 1;
  const ZBlock *z = &b->f->blocks[b->block];
  b->levels[b->nlevels++] = (Level){ b->func, b->frames.n, b->undo.n, inst, b->next_block, b->next_frame, b->at,
                                     z->loop, z->depth, z->cold, b->facts, b->fn, b->p, b->locals, b->loop_map, b->map, b->returns };
  b->func = func, b->facts = ff, b->fn = &b->m->funcs[func], b->p = b->fn->body + ff->code_at;
  b->map = map, b->returns = returns, b->next_block = 1, b->next_frame = 0;
  zb_copy_loops(b);
  b->sp -= t->nparams;
  b->locals = zw_new_array(b->scratch, Ref, ff->nlocals + 1);
  for (uint32_t l = 0; l < ff->nlocals; l++)
    b->locals[l] = l < t->nparams ? b->stack[b->sp + l] : zw_zir_const(b->f, (ValKind)ff->local_kinds[l], 0, 0);
  zb_push_frame(b, OP_block, 0, t->nresults)->nassigned = 0; // nobody sees its locals any more
  return true;
}

// Our block for P1's, or for one that was not made the one that goes on in its place.
static uint32_t block_for(const Build *b, const uint32_t *map, uint32_t n)
{
  uint32_t id = map[n];
  if (id != NO_BLOCK && !(id & MAP_EDGE) && id & MAP_SAME)
    id = map[id & ~MAP_SAME];
  return id != NO_BLOCK && id & MAP_EDGE ? b->edges.p[id & ~MAP_EDGE].to : id;
}

static void map_exits(const Build *b, ZLoop *l, const uint32_t *map)
{
  uint32_t n = 0;
  for (uint32_t e = 0; e < l->nexits; e++) {
    uint32_t id = block_for(b, map, l->exits[e]), k = 0;
    while (k < n && l->exits[k] != id)
      k++;
    if (id != NO_BLOCK && k == n)
      l->exits[n++] = id;
  }
  l->nexits = (uint8_t)n;
}

// The end of an inlined body: its returns meet, and the caller goes on with the results on the stack.
void zb_leave_inline(Build *b)
{
  Level *l = &b->levels[b->nlevels - 1];
  Frame *f = &b->frames.p[b->frames.n - 1];
  if (b->live && f->pending != NO_EDGE)
    zb_fall_to_end(b, f);
  zb_close_frame(b);
  if (f->pending != NO_EDGE) {
    uint32_t rest = b->insts.p[l->inst].rest = zb_more_blocks(b);
    zb_open_block(b, rest, l->loop, l->depth, l->cold);
    zb_join(b, f);
  } else if (!b->live) { // only ways that constants rule out lead here
    CHECK(f->reached);
    b->live = b->ghost = true;
  }
  while (b->next_block < b->facts->nblocks) // its own join
    b->map[b->next_block++] = NO_BLOCK;
  for (uint32_t k = 0; k < b->facts->nloops; k++) { // the exits of its loops have their blocks now
    if (b->loop_map[k] == NO_LOOP || !b->facts->loops[k].iterates)
      continue;
    map_exits(b, &b->f->loops[b->loop_map[k]], b->map);
  }
  b->undo.n = l->undo;
  zb_pop_frame(b);
  b->func = l->func, b->facts = l->facts, b->fn = l->fn, b->p = l->p, b->next_block = l->next_block, b->next_frame = l->next_frame;
  b->locals = l->locals, b->loop_map = l->loop_map, b->map = l->map, b->returns = l->returns;
  b->nlevels--;
}

// A call that stays: the loops around it have one.
void zb_note_call(Build *b)
{
  const ZBlock *z = &b->f->blocks[b->block];
  if (b->f->ntries)
    zb_note_throw(b);
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
  const InlinedBody *body = inst->body;
  for (uint32_t k = body ? body->facts->nblocks : 0; k-- > 0;) {
    uint32_t n = zw_block_in_order(body->facts, k), id = body->map[n];
    if (n == 0 || id >= MAP_SAME)
      continue;
    if (body->returns[n])
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
    if (l->b->block_insts && l->b->block_insts[item] != UINT32_MAX)
      place_later(l, l->b->block_insts[item]);
  }
}

// Loops that were never entered go; the exits of our own have their blocks now.
static void renumber_loops(Build *b)
{
  ZirFunc *f = b->f;
  uint32_t *loop_now = zw_stale_array(b->scratch, uint32_t, f->nloops + 1), n = 0, nloops = f->nloops;
  for (uint32_t k = 0; k < nloops; k++) {
    ZLoop l = f->loops[k];
    loop_now[k] = n;
    if (l.header == NO_BLOCK)
      continue;
    l.parent = l.parent == NO_LOOP ? NO_LOOP : loop_now[l.parent];
    if (k < b->own_loops)
      map_exits(b, &l, b->map);
    f->loops[n++] = l;
  }
  f->nloops = n;
  for (uint32_t k = 0; k < f->nblocks && n != nloops; k++)
    if (f->blocks[k].loop != NO_LOOP)
      f->blocks[k].loop = loop_now[f->blocks[k].loop];
}

// Where an instruction of an inlined body is.
uint32_t zb_inline_position(Build *b)
{
  *zw_push(b->f->arena, &b->inlines) = (ZInline){ b->func, b->at, b->levels[b->nlevels - 1].at };
  return IMAGE_INLINE_AT | (b->inlines.n - 1);
}

void zb_order_blocks(Build *b)
{
  ZirFunc *f = b->f;
  if (!b->insts.n && !b->skipped) {
    f->norder = b->facts->nblocks;
    f->order = zw_stale_array(f->arena, uint32_t, f->norder);
    if (b->facts->order)
      memcpy(f->order, b->facts->order, f->norder * sizeof *f->order);
    for (uint32_t k = 0; k < f->norder && !b->facts->order; k++)
      f->order[k] = k;
    return;
  }
  Layout l = { .b = b, .order = zw_stale_array(f->arena, uint32_t, f->nblocks) };
  if (b->insts.n)
    l.tail = zw_stale_array(b->scratch, uint32_t, f->nblocks);
  for (uint32_t k = 0; k < b->facts->nblocks; k++) {
    uint32_t id = b->map[zw_block_in_order(b->facts, k)];
    if (id < MAP_SAME && b->insts.n)
      lay_out(&l, id);
    else if (id < MAP_SAME)
      l.order[l.n++] = id;
  }
  while (l.ntail) // collected last to first; no call in them is inlined, for they are cold
    l.order[l.n++] = l.tail[--l.ntail];
  ASSERT(l.n == f->nblocks);
  f->order = l.order, f->norder = l.n;
  renumber_loops(b);
}
