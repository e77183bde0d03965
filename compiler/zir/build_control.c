// P2: structured control to blocks and edges.  Blocks of ZIR are those of P1's skeleton, started by rule R; a branch writes
// down what it carries, and the join at `end` makes a phi only where incoming values differ.
#include "compiler/zir/build_int.h"
#include "runtime/base/alloc.h"
#include <string.h>

// ---- blocks and edges ----
static inline void open_block(Build *b, uint32_t id, uint32_t loop, uint8_t depth, bool cold)
{
  b->block = id;
  b->f->blocks[id] = (ZBlock){ .first = b->f->nins, .loop = loop, .depth = depth, .cold = cold };
  if (b->f->try_of)
    b->f->try_of[id] = b->region;
  b->homes[id] = b->home;
  if (b->block_insts)
    b->block_insts[id] = UINT32_MAX;
  b->way_in = NO_EDGE, b->named_in = NULL;
  b->live = true, b->ghost = b->throws_here = false;
}
void zb_open_block(Build *b, uint32_t id, uint32_t loop, uint8_t depth, bool cold) { open_block(b, id, loop, depth, cold); }

// Blocks are numbered as they are made; map[] has what P1 calls them.
static uint32_t next_id(const Build *b) { return b->f->nblocks; }
static __attribute__((noinline)) void grow_blocks(Build *b)
{
  ZirFunc *f = b->f;
  uint32_t cap = b->block_cap, insts_cap = cap, try_cap = cap;
  f->blocks = zw_vec_grow(f->arena, f->blocks, f->nblocks, &b->block_cap, f->nblocks + 1, sizeof *f->blocks);
  b->homes = zw_vec_grow(b->scratch, b->homes, f->nblocks, &cap, b->block_cap, sizeof *b->homes);
  ASSERT(cap >= b->block_cap);
  if (f->try_of)
    f->try_of = zw_vec_grow(f->arena, f->try_of, f->nblocks, &try_cap, b->block_cap, sizeof *f->try_of);
  if (b->block_insts)
    b->block_insts = zw_vec_grow(b->scratch, b->block_insts, f->nblocks, &insts_cap, b->block_cap, sizeof *b->block_insts);
}
static inline uint32_t more_blocks(Build *b)
{
  if (b->f->nblocks == b->block_cap)
    grow_blocks(b);
  return b->f->nblocks++;
}
uint32_t zb_more_blocks(Build *b) { return more_blocks(b); }

// P1 has a block here that nothing leads to.
void zb_skip_block(Build *b)
{
  b->map[b->next_block++] = NO_BLOCK;
  b->live = b->ghost = b->skipped = true;
}

// Facts of a large function go while they are read: nobody else will ask for them (zw_zir_build).
enum { GIVE_BACK_BLOCKS = 4096 };
static void discard(const void *p, size_t n, size_t size) { zw_alloc_discard((void *)(uintptr_t)p, n * size); }
static __attribute__((noinline)) void give_back_facts(const Build *b)
{
  const FuncFacts *ff = b->facts;
  if (!b->m->no_side || !ff->region)
    return;
  if (b->next_block < 2 * GIVE_BACK_BLOCKS) // the first time: of a body that is not inlined nobody asks for them
    discard(ff->succ, ff->nsucc, sizeof *ff->succ);
  discard(ff->frames, b->next_frame, sizeof *ff->frames);
  discard(ff->blocks, b->next_block - 1, sizeof *ff->blocks);
  discard(ff->loops, b->loops_read, sizeof *ff->loops);
}

static bool may_drop_facts(const Build *b) { return b->m->no_side && b->facts->region && b->facts->nblocks >= GIVE_BACK_BLOCKS; }
// P1's edges are looked at only in bodies that may be inlined.
void zb_drop_succ(const Build *b)
{
  if (may_drop_facts(b))
    discard(b->facts->succ, b->facts->nsucc, sizeof *b->facts->succ);
}
// The body is read: of a large function only the order of its blocks is still wanted.
void zb_drop_facts(const Build *b)
{
  const FuncFacts *ff = b->facts;
  if (may_drop_facts(b))
    discard(ff->frames, (size_t)((const char *)(ff->side + ff->nside) - (const char *)ff->frames), 1);
}

// The next of P1's blocks, and what it would be here.
typedef struct NextBlock {
  uint32_t n, loop;
  uint8_t depth;
  bool cold, alone; // alone: an inlined body does not come back
} NextBlock;
static inline __attribute__((always_inline)) NextBlock next_block(Build *b)
{
  uint32_t n = b->next_block++;
  ASSERT(n < b->facts->nblocks);
  const BlockFact *fact = &b->facts->blocks[n];
  uint32_t loop = fact->loop == NO_LOOP ? NO_LOOP : b->loop_map[fact->loop];
  if (__builtin_expect(!b->nlevels, 1)) {
    if (__builtin_expect(n % GIVE_BACK_BLOCKS == GIVE_BACK_BLOCKS - 1, 0))
      give_back_facts(b);
    return (NextBlock){ n, loop, fact->depth, fact->cold, false };
  }
  if (!b->returns[n]) // leaves the caller's loops too
    return (NextBlock){ n, loop, fact->depth, true, true };
  const Level *caller = &b->levels[b->nlevels - 1];
  uint32_t depth = caller->depth + (uint32_t)fact->depth;
  if (fact->loop == NO_LOOP)
    loop = caller->loop;
  return (NextBlock){ n, loop, depth > 255 ? 255 : (uint8_t)depth, caller->cold || fact->cold, false };
}

static inline __attribute__((always_inline)) void make_block(Build *b, NextBlock next)
{
  uint32_t id = more_blocks(b);
  b->map[next.n] = id;
  open_block(b, id, next.loop, next.depth, next.cold);
  b->named_in = b->map, b->name = next.n;
  if (next.alone && b->f->try_of)
    b->f->try_of[id] = UINT32_MAX; // nothing in it throws
}
void zb_start_block(Build *b) { make_block(b, next_block(b)); }

// The next block is reached from the current one alone, which has nothing else to go to: it goes on, when the two are of
// one kind.
static void go_on(Build *b)
{
  NextBlock next = next_block(b);
  const ZBlock *here = &b->f->blocks[b->block];
  if (here->loop == next.loop && here->cold == next.cold && !b->f->ntries) {
    b->map[next.n] = b->named_in == b->map ? MAP_SAME | b->name : NO_BLOCK;
    b->skipped = true;
    b->homes[b->block] = b->home;
    return;
  }
  uint32_t e = zb_add_edge(b, next_id(b));
  zb_end_block(b, OP_jmp, 0, 0, 0, e);
  make_block(b, next);
}

// A block that is nothing but a jump, at one end of a two-way branch, is not made: its edge from there goes where it would
// jump to.  Not when the other way goes there as well, and not when it carries much: moves have a place of their own in
// such a block.
static uint32_t take_way_in(Build *b, const Frame *f)
{
  enum { MOST_CARRIED = 4 };
  uint32_t way = b->way_in;
  if (way == NO_EDGE || f->nresults + f->nassigned > MOST_CARRIED || !b->named_in)
    return NO_EDGE;
  bool inlined = b->block_insts && b->block_insts[b->block] != UINT32_MAX;
  if (inlined || b->f->nins != b->f->blocks[b->block].first || b->block + 1 != b->f->nblocks)
    return NO_EDGE;
  uint32_t first = b->f->blocks[b->edges.p[way].from].edges, other = first + (way == first);
  if (f->kind == OP_loop ? b->edges.p[other].to == f->header : f->pending == other) // the newest: nothing came between
    return NO_EDGE;
  b->named_in[b->name] = MAP_EDGE | way;
  b->f->nblocks--;
  b->skipped = true;
  b->way_in = NO_EDGE;
  return way;
}

// ---- locals ----
// Its place in the frame, from when it is first wanted.
static uint32_t local_word(Build *b, uint32_t l)
{
  uint32_t *at = &b->frame_at[l], *n = &b->f->frame_locals;
  if (!*at) {
    bool wide = b->facts->local_kinds[l] == VK_V128;
    b->f->keeps_refs |= b->facts->local_kinds[l] == VK_REF;
    *n += *n & wide;
    *at = *n + 1;
    *n += 1 + wide;
  }
  return 8 * (*at - 1);
}

void zb_set_frame_local(Build *b, uint32_t l, Ref r)
{
  Ref p = append(b, OP_frame_addr, VK_I64, 0, 0, 0, 0);
  append(b, OP_ptr_store, VK_COUNT, AL_FRAME, p, r, local_word(b, l));
}

Ref zb_get_frame_local(Build *b, uint32_t l)
{
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

void zb_rollback(Build *b, const Frame *f)
{
  rollback(b, f->undo);
  b->sp = f->height;
}

// ---- homes (build_number.c) ----
static void open_serial(Build *b, Frame *f)
{
  f->serial = b->open.n;
  *zw_push(b->scratch, &b->open) = 1;
}

void zb_limit(Build *b, Frame *f)
{
  f->limits = true;
  if (f->serial > b->home) // deeper than the one that limits so far
    b->home = f->serial;
}

void zb_next_arm(Build *b, Frame *f)
{
  b->open.p[f->serial] = 0;
  open_serial(b, f);
  b->home = f->serial;
  f->limits = true;
}

// The top frame closes.  Looks down a few frames for the next that limits; one that does not will do, it only closes sooner.
void zb_close_frame(Build *b)
{
  enum { LOOK = 8 };
  const Frame *f = &b->frames.p[b->frames.n - 1];
  b->open.p[f->serial] = 0;
  if (b->home != f->serial)
    return;
  for (uint32_t k = 0; f > b->frames.p && k < LOOK; k++)
    if ((--f)->limits)
      break;
  b->home = f->serial;
}

// ---- branches ----
static void write_values(Build *b, const Frame *f, Ref *to, const Ref *results, uint32_t n)
{
  for (uint32_t k = 0; k < n; k++)
    *to++ = results[k];
  const uint32_t *assigned = zb_assigned(b, f), *end = assigned + f->nassigned;
  const Ref *locals = b->locals;
  while (assigned < end)
    *to++ = locals[*assigned++];
}

// An edge to the end of frame f: what it carries waits for the join.  It is `edge` when that is one.
static uint32_t edge_to_end(Build *b, Frame *f, const Ref *results, uint32_t edge)
{
  f->reached = true;
  zb_limit(b, f);
  uint32_t *at_end = b->at_end.p[f - b->frames.p].of;
  for (unsigned k = 0; k < ST_COUNT; k += 4) {
    Four now = four(b->ver + k), there = four(at_end + k);
    put_four(at_end + k, f->pending != NO_EDGE ? there & (Four)(there == now) : now);
  }
  uint32_t carry = b->carry.n, n = f->nresults + f->nassigned;
  zw_reserve(b->scratch, &b->carry, carry + n);
  write_values(b, f, b->carry.p + carry, results, f->nresults);
  b->carry.n += n;
  if (edge == NO_EDGE)
    edge = zb_add_edge(b, NO_BLOCK);
  b->edges.p[edge].to = f->pending, b->edges.p[edge].args = carry;
  f->pending = edge;
  return edge;
}

static uint32_t edge_to_header(Build *b, Frame *f, const Ref *params, uint32_t edge)
{
  if (edge == NO_EDGE)
    edge = zb_add_edge(b, f->header);
  uint32_t args = b->edge_args.n, n = f->nparams + f->nassigned;
  zw_reserve(b->f->arena, &b->edge_args, args + n);
  write_values(b, f, b->edge_args.p + args, params, f->nparams);
  b->edge_args.n += n;
  b->edges.p[edge].to = f->header, b->edges.p[edge].args = args;
  *zw_push(b->scratch, &b->to_headers) = edge;
  return edge;
}

static uint32_t edge_to_label(Build *b, Frame *f, uint32_t edge)
{
  uint32_t n = f->kind == OP_loop ? f->nparams : f->nresults;
  const Ref *values = b->stack + b->sp - n;
  return f->kind == OP_loop ? edge_to_header(b, f, values, edge) : edge_to_end(b, f, values, edge);
}

uint32_t zb_branch_edge(Build *b, uint32_t label) { return edge_to_label(b, &b->frames.p[b->frames.n - 1 - label], NO_EDGE); }

// The current block ends with a jump to f's label.
static void jump(Build *b, Frame *f)
{
  uint32_t way = take_way_in(b, f), e = edge_to_label(b, f, way);
  if (way == NO_EDGE)
    zb_end_block(b, OP_jmp, 0, 0, 0, e);
  b->live = false;
}
void zb_jump(Build *b, uint32_t label) { jump(b, &b->frames.p[b->frames.n - 1 - label]); }

// For zb_low_bits: 1 + how many low bits the phi of an i32 slot can have set; 0 = all.
static inline uint32_t join_bits(const Build *b, Ref *const *ways, uint32_t nways, uint32_t slot)
{
  unsigned most = 0;
  if (b->o->no_fold || nways > 4)
    return 0;
  for (uint32_t k = 0; k < nways; k++)
    if (!zb_may_be_narrow(b, ways[k][slot]))
      return 0;
  for (uint32_t k = 0; k < nways && most < 32; k++) {
    unsigned n = zb_low_bits(b, ways[k][slot]);
    most = n > most ? n : most;
  }
  return most < 32 ? most + 1 : 0;
}

// State at the join: of a kind that the ways differ in, a new version.
static void join_versions(Build *b, const uint32_t *at_end)
{
  const Four steps = { 1, 2, 3, 4 };
  for (unsigned k = 0; k < ST_COUNT; k += 4, b->last_ver += 4) {
    Four there = four(at_end + k), fresh = steps + b->last_ver;
    put_four(b->ver + k, there | (fresh & (Four)(there == 0)));
  }
}

// The edges that wait for this block: what each brings to the phis stands at the beginning of what it carries.
static void finish_edges(Build *b, const Frame *f, uint32_t nways, uint32_t nphi)
{
  zw_reserve(b->f->arena, &b->edge_args, b->edge_args.n + nphi * nways);
  Ref *arg = b->edge_args.p + b->edge_args.n;
  for (uint32_t k = f->pending, next; k != NO_EDGE; k = next) {
    ZEdge *e = &b->edges.p[k];
    const Ref *in = b->carry.p + e->args;
    next = e->to;
    e->to = b->block, e->args = (uint32_t)(arg - b->edge_args.p);
    for (uint32_t s = 0; s < nphi; s++)
      *arg++ = in[s];
  }
  b->edge_args.n = (uint32_t)(arg - b->edge_args.p);
}

static inline bool ways_agree(Ref *const *ways, uint32_t nways, uint32_t slot)
{
  Ref r = ways[0][slot];
  bool same = true;
  if (__builtin_expect(nways <= 2, 1)) // the last is the second, or the first again
    return r == ways[nways - 1][slot];
  for (uint32_t k = 1; k < nways; k++)
    same &= ways[k][slot] == r;
  return same;
}

// What the ways bring to phi number n moves to its place, which nobody needs any more.
static inline Ref join_slot(Build *b, ValKind ty, uint32_t nways, uint32_t slot, uint32_t n)
{
  Ref **ways = b->ways.p, phi = append(b, OP_phi, ty, 0, 0, 0, ty == VK_I32 ? join_bits(b, ways, nways, slot) : 0);
  ways[0][n] = ways[0][slot], ways[1][n] = ways[1][slot];
  for (uint32_t k = 2; k < nways; k++)
    ways[k][n] = ways[k][slot];
  return phi;
}

// The block just started has no other way in than this edge from a two-way branch.
static inline void enter_by(Build *b, uint32_t edge) { b->way_in = b->f->ntries ? NO_EDGE : edge; }

// The join of f, in the block just started: values that differ over the incoming edges become phis.  Leaves the results
// on the stack.
void zb_join(Build *b, Frame *f)
{
  uint32_t nresults = f->nresults, nassigned = f->nassigned, nways = 0, nphi = 0;
  join_versions(b, b->at_end.p[f - b->frames.p].of);
  rollback(b, f->undo);
  b->sp = f->height;
  for (uint32_t k = f->pending; k != NO_EDGE; k = b->edges.p[k].to) {
    zw_reserve(b->scratch, &b->ways, nways + 1);
    b->ways.n = nways + 1;
    b->ways.p[nways++] = b->carry.p + b->edges.p[k].args;
  }
  Ref **ways = b->ways.p;
  for (uint32_t s = 0; s < nresults; s++) {
    Ref r = ways[0][s];
    push(b, ways_agree(ways, nways, s) ? r : join_slot(b, zw_ref_type(b->f, r), nways, s, nphi++));
  }
  const uint32_t *assigned = zb_assigned(b, f);
  const uint8_t *kinds = b->facts->local_kinds;
  Ref *locals = b->locals;
  for (uint32_t k = 0, s = nresults; k < nassigned; k++, s++) {
    uint32_t local = assigned[k];
    Ref r = ways[0][s];
    if (!ways_agree(ways, nways, s))
      r = join_slot(b, (ValKind)kinds[local], nways, s, nphi++);
    change_local(b, locals, local, r);
  }
  ASSERT(nphi <= UINT16_MAX);
  b->f->blocks[b->block].nphi = (uint16_t)nphi;
  finish_edges(b, f, nways, nphi);
  if (nways == 1 && b->f->ins[b->f->blocks[b->edges.p[f->pending].from].end - 1].op == OP_br)
    enter_by(b, f->pending);
  if (b->carry.n - f->carry == nways * (nresults + nassigned)) // nothing between is for a frame further out
    b->carry.n = f->carry;
}

// Is it constant?  If not, the simplest condition that is zero when it is.
static bool known_condition(const Build *b, Ref *cond, uint64_t *truth)
{
  *cond = zb_condition(b, *cond);
  return !b->o->no_fold && zb_is_const(b, *cond, truth);
}

void zb_ghost_branch(Build *b, uint32_t label) { b->frames.p[b->frames.n - 1 - label].reached = true; }

// ---- structured control ----
// The top one is done with.  The pages of a deep nest go when it is left: at its bottom nobody has made its blocks yet.
enum { FRAMES_KEPT = 512 };
void zb_pop_frame(Build *b)
{
  b->at_if.n -= zb_top(b)->own_state;
  uint32_t n = b->frames.n--, keep = n + FRAMES_KEPT;
  if (n > b->frames_there)
    b->frames_there = n;
  if (NEVER(keep + FRAMES_KEPT < b->frames_there)) {
    enum { PAGE = 4096 };
    uint32_t end = b->frames_there + PAGE / sizeof *b->at_end.p; // what lies behind is gone: the page that reaches there too
    discard(b->frames.p + keep, (end < b->frames.cap ? end : b->frames.cap) - keep, sizeof *b->frames.p);
    discard(b->at_end.p + keep, (end < b->at_end.cap ? end : b->at_end.cap) - keep, sizeof *b->at_end.p);
    b->frames_there = keep;
  }
}
Frame *zb_push_frame(Build *b, Op kind, uint32_t nparams, uint32_t nresults)
{
  const FrameFact *fact = &b->facts->frames[b->next_frame++];
  ASSERT(fact->kind == kind && nparams <= UINT16_MAX && nresults <= UINT16_MAX);
  Frame *f = zw_push(b->scratch, &b->frames);
  f->kind = (uint8_t)kind; // field by field: clearing it whole is a string instruction
  f->has_else = f->limits = f->reached = f->own_state = false;
  f->named = fact->nbr > 0, f->ghost = b->ghost;
  f->height = b->sp - nparams, f->undo = b->undo.n;
  f->nparams = (uint16_t)nparams, f->nresults = (uint16_t)nresults;
  f->assigned_off = fact->assigned_off, f->nassigned = b->frame_locals ? 0 : fact->nassigned;
  f->pending = f->header = NO_EDGE, f->carry = b->carry.n;
  open_serial(b, f);
  zw_reserve(b->scratch, &b->at_end, b->frames.n);
  b->at_end.n = b->frames.n;
  return f;
}

static void enter_loop(Build *b, uint32_t nparams, uint32_t nresults)
{
  Frame *f = zb_push_frame(b, OP_loop, nparams, nresults);
  uint32_t loop = b->facts->frames[b->next_frame - 1].loop;
  f->header = next_id(b);
  if (loop == NO_LOOP) { // a large body's, that never iterates
    f->nassigned = 0;
    go_on(b);
    return;
  }
  const LoopFact *l = &b->facts->loops[loop];
  b->loops_read = b->nlevels ? b->loops_read : loop + 1;
  f->assigned_off = l->assigned_off, f->nassigned = l->iterates && !b->frame_locals ? l->nassigned : 0;
  if (!l->iterates) {
    go_on(b);
    return;
  }
  ZLoop *z = &b->f->loops[b->loop_map[loop]];
  z->header = f->header, z->entry = b->block;
  b->to_headers.n = b->nmasked = 0;
  uint32_t e = edge_to_header(b, f, b->stack + f->height, NO_EDGE);
  zb_end_block(b, OP_jmp, 0, 0, 0, e);
  zb_start_block(b);
  b->f->blocks[b->block].is_header = 1;
  zb_loop_changes(b, l->effects);
  for (uint32_t k = 0; k < nparams; k++)
    b->stack[f->height + k] = append(b, OP_phi, zw_ref_type(b->f, b->stack[f->height + k]), 0, 0, 0, 0);
  const uint32_t *assigned = zb_assigned(b, f);
  for (uint32_t k = 0; k < f->nassigned; k++)
    change_local(b, b->locals, assigned[k], append(b, OP_phi, b->facts->local_kinds[assigned[k]], 0, 0, 0, 0));
  b->f->blocks[b->block].nphi = (uint16_t)(nparams + f->nassigned);
}

// State at an `if`, for its other arm.  In a nest of ifs it is mostly that of the one around.
static void keep_state(Build *b, Frame *f)
{
  if (b->at_if.n && memcmp(b->at_if.p[b->at_if.n - 1].of, b->ver, sizeof b->ver) == 0)
    return;
  memcpy(zw_push(b->scratch, &b->at_if)->of, b->ver, sizeof b->ver);
  f->own_state = true;
}

static void enter_if(Build *b, uint32_t nparams, uint32_t nresults, Ref cond)
{
  uint64_t truth = 0;
  bool known = known_condition(b, &cond, &truth);
  Frame *f = zb_push_frame(b, OP_if, nparams, nresults);
  for (uint32_t k = 0; k < nparams; k++)
    *zw_push(b->scratch, &b->saved) = b->stack[f->height + k];
  uint32_t first = b->edges.n;
  if (!known || truth)
    zb_add_edge(b, next_id(b));
  if (!known || !truth)
    f->else_edge = zb_add_edge(b, NO_BLOCK);
  zb_end_block(b, known ? OP_jmp : OP_br, known ? 0 : cond, 0, 0, first);
  keep_state(b, f);
  zb_limit(b, f);
  if (known && !truth) {
    zb_skip_block(b);
    return;
  }
  zb_start_block(b);
  if (!known)
    enter_by(b, first);
}

void zb_fall_to_end(Build *b, Frame *f)
{
  f->reached = true;
  b->live = false;
  if (!b->ghost)
    jump(b, f);
}

static void start_else(Build *b, Frame *f)
{
  if (b->live)
    zb_fall_to_end(b, f);
  if (!f->ghost) {
    rollback(b, f->undo);
    b->sp = f->height;
    for (uint32_t k = 0; k < f->nparams; k++)
      push(b, b->saved.p[b->saved.n - f->nparams + k]);
  }
  if (f->else_edge == NO_EDGE) {
    zb_skip_block(b);
    return;
  }
  zb_next_arm(b, f);
  memcpy(b->ver, b->at_if.p[b->at_if.n - 1].of, sizeof b->ver);
  b->edges.p[f->else_edge].to = next_id(b);
  zb_start_block(b);
  const ZBlock *from = &b->f->blocks[b->edges.p[f->else_edge].from];
  if (from->nedges == 2)
    enter_by(b, f->else_edge);
}

static void emit_return(Build *b)
{
  if (b->nlevels) { // to the end of the inlined call
    jump(b, &b->frames.p[b->levels[b->nlevels - 1].root]);
    return;
  }
  uint32_t n = b->frames.p[0].nresults;
  zb_end_block(b, OP_ret, xa_list(b, b->stack + b->sp - n, n), n, 0, b->edges.n);
}

// Behind a loop (R7): reached by falling through alone.
static void end_loop(Build *b)
{
  if (b->ghost) {
    zb_skip_block(b);
    return;
  }
  go_on(b);
}

// All ways back to an innermost loop are known.  A phi that was masked in it: if what comes in has no more bits than the mask, taking for granted
// that the phi has not, then it has not, and the masks are copies.
static __attribute__((noinline)) void narrow_phis(Build *b, const Frame *f)
{
  ZirFunc *z = b->f;
  uint32_t nmasked = b->nmasked;
  b->nmasked = 0;
  if (f->ghost)
    return;
  const ZBlock *head = &z->blocks[f->header];
  // What never iterates has no phis that could have been masked.
  if (!head->is_header || head->loop == NO_LOOP || z->loops[head->loop].nested)
    return;
  for (uint32_t m = 0; m < nmasked; m++) {
    uint32_t phi = b->masked[m].phi, bits = b->masked[m].bits;
    if (phi < head->first || phi >= head->first + head->nphi || (z->ins[phi].c && z->ins[phi].c <= bits + 1))
      continue;
    z->ins[phi].c = bits + 1;
    bool narrow = true;
    for (uint32_t k = 0; k < b->to_headers.n && narrow; k++) {
      const ZEdge *e = &b->edges.p[b->to_headers.p[k]];
      narrow = e->to != f->header || zb_low_bits(b, b->edge_args.p[e->args + (phi - head->first)]) <= bits;
    }
    if (!narrow)
      z->ins[phi].c = 0;
    for (uint32_t i = head->first + head->nphi; i < z->nins && narrow; i++) {
      ZIns *ins = &z->ins[i];
      uint64_t c;
      if (ins->op == OP_i32_and && ins->a == phi && zb_is_const(b, ins->b, &c) && ~c << (64 - bits) == 0)
        *ins = (ZIns){ OP_copy, VK_I32, 0, phi, 0, 0 };
    }
  }
}

static void end_frame(Build *b)
{
  Frame *f = &b->frames.p[b->frames.n - 1];
  if (b->nlevels && b->frames.n - 1 == b->levels[b->nlevels - 1].root) {
    zb_leave_inline(b);
    return;
  }
  bool is_if = f->kind == OP_if, joins = f->kind != OP_loop && (is_if || f->named);
  if (is_if && !f->has_else)
    start_else(b, f);
  if (f->kind == OP_try_table || f->kind == OP_try) {
    joins |= b->facts->tries[f->header].nclauses > 0;
    zb_end_try(b);
  }
  if (f->kind == OP_loop && b->nmasked)
    narrow_phis(b, f);
  bool alone = joins && b->live && !b->ghost && f->pending == NO_EDGE; // falls to its end, and nothing else leads there
  if (joins && b->live && !alone)
    zb_fall_to_end(b, f);
  zb_close_frame(b);
  if (alone) {
    go_on(b);
  } else if (joins && f->pending != NO_EDGE) {
    zb_start_block(b);
    zb_join(b, f);
  } else if (joins && f->reached) {
    zb_skip_block(b);
  } else if (f->kind == OP_loop && b->live) {
    end_loop(b);
  }
  if (!f->ghost && (!b->live || b->ghost)) {
    rollback(b, f->undo);
    b->sp = f->height;
  }
  b->saved.n -= is_if ? f->nparams : 0;
  if (b->frames.n == 1 && b->live && !b->ghost)
    emit_return(b);
  zb_pop_frame(b);
}

// Dead code: step to the `else` or `end` that belongs to the open frame.
Op zb_skip_dead(Build *b, const uint8_t **at)
{
  for (uint32_t depth = 0;;) {
    *at = b->p;
    Op op = zw_fast_op(&b->p, zw_op_one_byte);
    if (op == OP_block || op == OP_loop || op == OP_if || op == OP_try_table || op == OP_try)
      depth++;
    else if (depth == 0 && (op == OP_end || op == OP_else || op == OP_catch || op == OP_catch_all || op == OP_delegate))
      return op;
    else if (op == OP_end || op == OP_delegate)
      depth--;
    zw_skip_imm(&b->p, op);
  }
}

void zb_br_if(Build *b, Op op, uint32_t label, Ref cond)
{
  uint64_t truth;
  if (known_condition(b, &cond, &truth)) {
    if (truth) {
      zb_jump(b, label);
      zb_skip_block(b);
    } else {
      zb_ghost_branch(b, label);
      go_on(b);
    }
    return;
  }
  uint32_t e = zb_branch_edge(b, label);
  zb_add_edge(b, next_id(b));
  zb_end_block(b, op, cond, 0, 0, e);
  zb_start_block(b);
  enter_by(b, e + 1);
}

// Of all open frames.  Those of former br_tables do not matter: each has a stamp of its own.
static TableEdge *table_edges(Build *b)
{
  uint32_t n = b->table_edges.n;
  zw_reserve(b->scratch, &b->table_edges, b->frames.n);
  for (; n < b->frames.n; n++)
    b->table_edges.p[n].stamp = 0;
  b->table_edges.n = n;
  return b->table_edges.p;
}

static void br_table(Build *b)
{
  uint32_t n = zw_fast_u32(&b->p), first = b->edges.n, stamp = ++b->stamp;
  Ref index = pop(b);
  const uint8_t *labels = b->p;
  uint64_t known;
  if (!b->o->no_fold && zb_is_const(b, index, &known)) {
    uint32_t to = 0;
    for (uint32_t k = 0; k <= n; k++) {
      uint32_t label = zw_fast_u32(&b->p);
      zb_ghost_branch(b, label);
      to = k <= known ? label : to;
    }
    zb_jump(b, to);
    return;
  }
  for (uint32_t k = 0; k < n; k++)
    zw_fast_u32(&b->p);
  uint32_t dflt = zw_fast_u32(&b->p);
  TableEdge *there = table_edges(b) + b->frames.n - 1;
  uint32_t table = b->xa.n;
  there[-(int64_t)dflt] = (TableEdge){ stamp, UINT32_MAX }; // gets the last edge
  for (uint32_t k = 0; k < n; k++) {
    uint32_t label = zw_fast_u32(&labels);
    TableEdge *t = there - label;
    if (t->stamp != stamp)
      *t = (TableEdge){ stamp, zb_branch_edge(b, label) - first };
    *zw_push(b->f->arena, &b->xa) = t->edge;
  }
  uint32_t e = zb_branch_edge(b, dflt) - first;
  for (uint32_t k = 0; k < n; k++)
    if (b->xa.p[table + k] == UINT32_MAX)
      b->xa.p[table + k] = e;
  if (e == 0)
    zb_end_block(b, OP_jmp, 0, 0, 0, first);
  else
    zb_end_block(b, OP_switch, index, table, n, first);
}

// An instruction where P1 thinks the code live: P1's blocks and frames are counted, nothing is made.
void zb_ghost(Build *b, Op op)
{
  switch (op) {
  case OP_block: case OP_loop: case OP_if:
    zw_fast_blocktype(b->m, &b->p);
    zb_push_frame(b, op, 0, 0);
    if (op != OP_block)
      zb_skip_block(b);
    return;
  case OP_else: case OP_end: case OP_try_table: case OP_try: case OP_catch: case OP_catch_all: case OP_delegate:
    zb_control(b, op);
    return;
  case OP_br: zb_ghost_branch(b, zw_fast_u32(&b->p)); b->live = false; return;
  case OP_br_if: case OP_br_on_null: case OP_br_on_non_null:
    zb_ghost_branch(b, zw_fast_u32(&b->p));
    zb_skip_block(b);
    return;
  case OP_br_table:
    for (uint32_t n = zw_fast_u32(&b->p) + 1; n > 0; n--)
      zb_ghost_branch(b, zw_fast_u32(&b->p));
    b->live = false;
    return;
  case OP_return: case OP_unreachable:
    if (op == OP_return && b->nlevels)
      b->frames.p[b->levels[b->nlevels - 1].root].reached = true;
    b->live = false;
    return;
  case OP_return_call: case OP_return_call_indirect: case OP_return_call_ref:
    zw_skip_imm(&b->p, op);
    b->live = false;
    return;
  case OP_throw: case OP_throw_ref: case OP_rethrow:
    zw_skip_imm(&b->p, op);
    b->live = false;
    return;
  case OP_br_on_cast: case OP_br_on_cast_fail:
    b->p++;
    zb_ghost_branch(b, zw_fast_u32(&b->p));
    (void)zw_fast_heaptype(&b->p), (void)zw_fast_heaptype(&b->p);
    zb_skip_block(b);
    return;
  default: zw_skip_imm(&b->p, op); return;
  }
}

void zb_control(Build *b, Op op)
{
  BlockType t;
  switch (op) {
  case OP_block:
    if (*b->p == 0x40) { // no parameters, no results
      b->p++;
      zb_push_frame(b, OP_block, 0, 0);
      return;
    }
    t = zw_fast_blocktype(b->m, &b->p);
    zb_push_frame(b, OP_block, t.nparams, t.nresults);
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
  case OP_delegate: zw_fast_u32(&b->p); __attribute__((fallthrough));
  case OP_end: end_frame(b); return;
  case OP_br: zb_jump(b, zw_fast_u32(&b->p)); return;
  case OP_br_if: {
    uint32_t label = zw_fast_u32(&b->p);
    Ref cond = pop(b);
    zb_br_if(b, OP_br, label, cond);
    return;
  }
  case OP_br_table: br_table(b); return;
  case OP_return: emit_return(b); return;
  case OP_unreachable: zb_end_block(b, OP_trap, 0, 0, TRAP_unreachable, b->edges.n); return;
  case OP_throw: case OP_throw_ref: case OP_rethrow: zb_throw_op(b, op); return;
  case OP_try_table: {
    const uint8_t *clauses = b->p;
    t = zw_fast_blocktype(b->m, &clauses);
    zw_skip_imm(&b->p, op);
    zb_enter_try(b, op, t.nparams, t.nresults, clauses);
    return;
  }
  case OP_try: t = zw_fast_blocktype(b->m, &b->p); zb_enter_try(b, op, t.nparams, t.nresults, NULL); return;
  case OP_catch: zw_fast_u32(&b->p); zb_catch(b); return;
  case OP_catch_all: zb_catch(b); return;
  default: BUG("not control");
  }
}
