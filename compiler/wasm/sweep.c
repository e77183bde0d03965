// P1's second half: what the skeleton says about loops, cold code and layout.  Works on blocks and edges only, in a few
// passes over them; no instruction is looked at.  backend.md 3.1
//
// A loop is natural: a block is in it when it can come back to the header.  A block of the loop's body that cannot - it
// leads to a panic, or out - is not.  Blocks are numbered topologically but for the edges back to headers, so one
// backward pass finds for each block the deepest loop that a successor stays in.
//
// A block that can throw inside a try has the handlers as successors too.  They are not in its list, and there may be
// many of them through nested tries; what they have in common is kept per try.
#include "compiler/wasm/check_int.h"
#include "runtime/base/alloc.h"
#include <string.h>

typedef struct Sweep {
  FuncCheck *f;
  uint32_t n, nloops;
  BlockFact *blocks;
  LoopFact *loops;
  const uint32_t *succ;
  uint32_t *nat;       // per block: its natural loop
  uint32_t *stays;     // per edge out of a block that is in a loop in the text: the deepest loop that it stays in
  uint8_t *hot;        // per block: a predecessor is not cold
  uint32_t *around;    // per loop: the next loop around it in the text that iterates
  uint32_t *outer;     // per loop: the deepest loop that an exit of it stays in
  uint32_t *level;     // per loop + 1: depth in these; 0 for NO_LOOP, which is 0 then
  uint32_t *size;      // per loop: blocks
  uint32_t nhot;       // blocks that are no sinks
  uint8_t *spread;     // per loop: some exit leaves more loops than were told so
  struct Catch *catches; // per try
  uint32_t *handles;   // per block: the try whose first handler it is
} Sweep;

// What an exception raised in a block that is in the try or enters it can lead to: its handlers and those of its
// parents, also when one of its clauses takes everything, since the block may throw before it enters.
typedef struct Catch {
  uint32_t real;       // the try itself, or if it has no clause the first one around it that has; NO_TRY.  Not where its
                       // `delegate` leads: a block may begin before the try or go on behind it
  uint32_t best;       // deepest loop that a handler stays in
  uint32_t low;        // depth in the text of the outermost one
  bool all_sink;       // every handler can only end in a trap or throw
} Catch;
enum { MAX_LEFT = 16 }; // loops that one edge is recorded to leave

static uint32_t succ_end(const Sweep *s, uint32_t b) { return b + 1 < s->n ? s->blocks[b + 1].succ_off : s->f->succ.n; }
static inline uint32_t level_of(const Sweep *s, uint32_t loop) { return s->level[(uint32_t)(loop + 1)]; }
// Of two loops around one place the inner one has the greater number, and NO_LOOP + 1 is 0.
static inline bool is_deeper(uint32_t a, uint32_t b) { return (uint32_t)(a + 1) > (uint32_t)(b + 1); }
static inline uint32_t deeper(uint32_t a, uint32_t b) { return is_deeper(b, a) ? b : a; }

// The deepest loop around b that the edge to t stays in.
static inline uint32_t loop_of_edge(const Sweep *s, uint32_t b, uint32_t t)
{
  uint32_t l = s->blocks[t].loop; // in the text
  if (t <= b)
    return l;
  if (l != NO_LOOP && s->loops[l].header == t && s->loops[l].iterates)
    return s->outer[l];
  return s->nat[t];
}

// The edge leaves every loop deeper than `to` that is around `from`.
static inline void note_left(Sweep *s, uint32_t from, uint32_t to)
{
  unsigned left = 0;
  for (uint32_t l = from; is_deeper(l, to); l = s->around[l]) {
    if (left++ == MAX_LEFT) { // the rest is told when this loop's header is reached
      s->spread[l] = true;
      s->outer[l] = s->around[l];
      return;
    }
    s->outer[l] = deeper(s->outer[l], to);
  }
}

// Exceptions leave the loops from `from` on to some depth: where they arrive is not kept apart, so each is taken to
// stay in the loop around.
static void note_thrown(Sweep *s, uint32_t from, uint32_t low)
{
  unsigned left = 0;
  for (uint32_t l = from; level_of(s, l) > low; l = s->around[l]) {
    s->outer[l] = s->around[l];
    if (left++ == MAX_LEFT) {
      s->spread[l] = true;
      return;
    }
  }
}

// Beyond MAX_LEFT loops, everything is taken to stay in the loop around: safe, only less precise.
static void spread_out(Sweep *s, uint32_t l)
{
  uint32_t a = s->around[l];
  if (!s->spread[l] || a == NO_LOOP)
    return;
  s->spread[a] = true;
  s->outer[a] = s->around[a];
}

// Where b's exceptions are caught; NULL when it raises none or nothing here catches them.
static const Catch *catch_of(const Sweep *s, uint32_t b)
{
  uint32_t t = s->f->tries.n ? s->f->block_try.p[b] : NO_TRY;
  if (t == NO_TRY || !(s->blocks[b].effects & EFF_CALL || s->blocks[b].cold & COLD_THROWS))
    return NULL;
  t = s->catches[t].real;
  return t == NO_TRY ? NULL : &s->catches[t];
}

// All handlers of t have been visited, and those of its parents, which come later in the text.
static void sum_up_handlers(Sweep *s, uint32_t t)
{
  const TryFact *k = &s->f->tries.p[t];
  Catch sum = { .real = t, .best = NO_LOOP, .low = UINT32_MAX, .all_sink = true };
  for (uint32_t i = k->clauses; i < k->clauses + k->nclauses; i++) {
    const ClauseFact *q = &s->f->clauses.p[i];
    uint32_t l = s->nat[q->block];
    sum.best = deeper(sum.best, l);
    sum.low = level_of(s, l) < sum.low ? level_of(s, l) : sum.low;
    sum.all_sink &= s->blocks[q->block].sink;
  }
  uint32_t up = k->parent == NO_TRY ? NO_TRY : s->catches[k->parent].real;
  if (up == NO_TRY) {
    sum.low = 0; // out of the function
  } else {
    const Catch *c = &s->catches[up];
    sum.best = deeper(sum.best, c->best);
    sum.low = c->low < sum.low ? c->low : sum.low;
    sum.all_sink &= c->all_sink;
  }
  s->catches[t] = sum;
}

static void prepare_tries(Sweep *s, Arena *a)
{
  FuncCheck *f = s->f;
  s->catches = zw_new_array(a, Catch, f->tries.n);
  s->handles = zw_new_array(a, uint32_t, s->n);
  memset(s->handles, 0xff, s->n * sizeof *s->handles);
  for (uint32_t t = 0; t < f->tries.n; t++) {
    const TryFact *k = &f->tries.p[t];
    s->catches[t].real = k->nclauses ? t : k->around == NO_TRY ? NO_TRY : s->catches[k->around].real;
    if (k->nclauses)
      s->handles[f->clauses.p[k->clauses].block] = t;
  }
}

static inline bool is_sink(const Sweep *s, uint32_t b, const Catch *c, uint32_t first, uint32_t end)
{
  if (c && !c->all_sink)
    return false;
  if (first == end)
    return s->blocks[b].cold & COLD_SINK;
  for (uint32_t e = first; e < end; e++)
    if (s->succ[e] <= b || !s->blocks[s->succ[e]].sink)
      return false;
  return true;
}

// A block of some loop in the text: which one is it in?
static uint32_t loop_of_block(Sweep *s, uint32_t b, const Catch *c, uint32_t first, uint32_t end)
{
  uint32_t best = NO_LOOP, l = s->blocks[b].loop;
  for (uint32_t e = first; e < end; e++)
    best = deeper(best, s->stays[e] = loop_of_edge(s, b, s->succ[e]));
  if (c)
    best = deeper(best, c->best);
  bool header = s->loops[l].header == b;
  if (header && s->loops[l].iterates) // also when only a handler that nothing throws to comes back
    best = deeper(best, l);
  for (uint32_t e = first; e < end && best != NO_LOOP; e++)
    note_left(s, best, s->stays[e]);
  if (c)
    note_thrown(s, best, c->low);
  return best;
}

static void find_loops_and_sinks(Sweep *s)
{
  for (uint32_t b = s->n, end = s->f->succ.n; b-- > 0;) {
    uint32_t first = s->blocks[b].succ_off, l = s->blocks[b].loop, best = NO_LOOP;
    const Catch *c = s->handles ? catch_of(s, b) : NULL;
    if (l != NO_LOOP) { // else no way leads back
      best = loop_of_block(s, b, c, first, end);
      if (best != NO_LOOP)
        s->size[best]++;
    }
    s->nat[b] = best;
    s->blocks[b].sink = best == NO_LOOP && is_sink(s, b, c, first, end);
    s->nhot += !s->blocks[b].sink;
    if (s->handles && s->handles[b] != NO_TRY)
      sum_up_handlers(s, s->handles[b]);
    if (l != NO_LOOP && s->loops[l].header == b)
      spread_out(s, l);
    end = first;
  }
}

static void set_cold(Sweep *s)
{
  for (uint32_t i = 0; i < s->f->unlikely.n; i++)
    s->blocks[s->f->unlikely.p[i]].cold = COLD_HANDLER;
  s->hot[0] = true;
  for (uint32_t b = 0; b < s->n; b++) {
    BlockFact *k = &s->blocks[b];
    k->cold = k->sink || k->cold || !s->hot[b];
    if (!k->cold)
      for (uint32_t e = k->succ_off, end = succ_end(s, b); e < end; e++)
        s->hot[s->succ[e]] = true;
  }
}

static void nest_loops(Sweep *s)
{
  for (uint32_t l = 0; l < s->nloops; l++) { // a loop comes after those around it
    LoopFact *k = &s->loops[l];
    k->parent = k->iterates ? s->outer[l] : s->nat[k->header];
    k->depth = (k->parent == NO_LOOP ? 0 : s->loops[k->parent].depth) + k->iterates;
  }
}

static void add_exit(Sweep *s, LoopFact *l, uint32_t t)
{
  for (unsigned i = 0; i < l->nexits; i++)
    if (l->exits[i] == t)
      return;
  if (s->blocks[t].cold) {
    if (l->nexits < ARRAY_COUNT(l->exits))
      l->exits[l->nexits++] = t;
    return;
  }
  unsigned at = 0; // behind the others that are not cold
  while (at < l->nexits && !s->blocks[l->exits[at]].cold)
    at++;
  if (at == ARRAY_COUNT(l->exits))
    return;
  if (l->nexits < ARRAY_COUNT(l->exits))
    l->nexits++;
  memmove(&l->exits[at + 1], &l->exits[at], (l->nexits - 1 - at) * sizeof l->exits[0]);
  l->exits[at] = t;
}

static void describe_loops(Sweep *s)
{
  for (uint32_t b = 0; b < s->n; b++) {
    const BlockFact *k = &s->blocks[b];
    uint32_t nat = s->nat[b];
    if (nat == NO_LOOP)
      continue;
    s->loops[nat].effects |= k->effects;
    s->loops[nat].has_call |= k->effects & EFF_CALL && !k->cold;
    for (uint32_t e = k->succ_off, end = succ_end(s, b); e < end; e++) {
      uint32_t to = s->stays[e];
      unsigned left = 0;
      for (uint32_t l = nat; is_deeper(l, to) && left < MAX_LEFT; l = s->loops[l].parent, left++)
        add_exit(s, &s->loops[l], s->succ[e]);
    }
  }
  for (uint32_t l = s->nloops; l-- > 0;) {
    const LoopFact *k = &s->loops[l];
    if (!k->iterates || k->parent == NO_LOOP)
      continue;
    s->loops[k->parent].effects |= k->effects;
    s->loops[k->parent].has_call |= k->has_call;
  }
}

// Locals set in the natural blocks of each loop: in its own, and in the loops in it.
static void assign_loops(Sweep *s, Arena *a)
{
  FuncCheck *f = s->f;
  if (f->no_sets || !f->log.n)
    return;
  uint32_t *first_block = zw_new_array(a, uint32_t, s->nloops), *next_block = zw_stale_array(a, uint32_t, s->n); // + 1
  uint32_t *first_loop = zw_new_array(a, uint32_t, s->nloops), *next_loop = zw_stale_array(a, uint32_t, s->nloops);
  for (uint32_t b = 0; b < s->n; b++) {
    uint32_t l = s->nat[b];
    if (l != NO_LOOP)
      next_block[b] = first_block[l], first_block[l] = b + 1;
  }
  for (uint32_t l = s->nloops; l-- > 0;) {
    LoopFact *k = &s->loops[l];
    for (uint32_t b = first_block[l]; b; b = next_block[b - 1])
      for (uint32_t i = s->blocks[b - 1].layout, end = b < s->n ? s->blocks[b].layout : f->log.n; i < end; i++)
        zw_mark_local(f, f->log.p[i]);
    for (uint32_t in = first_loop[l]; in; in = next_loop[in - 1])
      for (uint32_t i = 0; i < s->loops[in - 1].nassigned; i++)
        zw_mark_local(f, f->assigned.p[s->loops[in - 1].assigned_off + i]);
    k->assigned_off = f->assigned.n;
    k->nassigned = zw_list_marked(f);
    zw_count_edge_slots(f, &f->frames.p[k->frame], k->nassigned);
    if (f->no_sets)
      return;
    if (k->parent != NO_LOOP && k->iterates)
      next_loop[l] = first_loop[k->parent], first_loop[k->parent] = l + 1;
  }
}

// Each loop gets a contiguous range, found from its size; blocks keep their order within it.  What can only end in a
// trap goes to the very end.
static void lay_out(Sweep *s, Arena *a)
{
  uint32_t *size = s->size, *cursor = zw_stale_array(a, uint32_t, s->nloops), nhot = s->nhot, next = 0;
  for (uint32_t l = s->nloops; l-- > 0;)
    if (s->loops[l].iterates && s->loops[l].parent != NO_LOOP)
      size[s->loops[l].parent] += size[l];
  for (uint32_t b = 0; b < s->n; b++) {
    BlockFact *k = &s->blocks[b];
    uint32_t l = k->loop, nat = s->nat[b], depth = 0;
    if (l != NO_LOOP && s->loops[l].header == b && s->loops[l].iterates) {
      uint32_t *from = s->loops[l].parent == NO_LOOP ? &next : &cursor[s->loops[l].parent];
      cursor[l] = *from;
      *from += size[l];
      s->loops[l].last_block_layout = *from - 1;
    }
    if (k->sink)
      k->layout = nhot++;
    else if (nat == NO_LOOP)
      k->layout = next++;
    else
      k->layout = cursor[nat]++, depth = s->loops[nat].depth;
    k->loop = nat;
    k->depth = (uint8_t)(depth < 255 ? depth : 255);
  }
}

// What a large function has filled goes while it is copied: there are never two of all.
static void *carve(char **p, void *from, size_t bytes)
{
  void *to = *p;
  zw_alloc_move(to, from, bytes);
  *p += bytes;
  return to;
}

// What a large function has filled, or may have.  Room is for the longest body of the module: it stays for the next one else.
#define DROP_LARGE(f, v) DROP_IF_LARGE(f, v, (v).n)
#define DROP_IF_LARGE(f, v, filled)                                                                                    \
  ((size_t)(filled) * sizeof *(v).p < ARENA_OWN_BYTES                                                                  \
       ? (void)0                                                                                                       \
       : (zw_arena_drop((f)->a, (v).p), (void)((v).p = NULL, (v).n = (v).cap = 0)))

static bool in_order(const FuncCheck *f)
{
  for (uint32_t b = 0; b < f->blocks.n; b++)
    if (f->blocks.p[b].layout != b)
      return false;
  return true;
}

static void copy_facts(FuncCheck *f, FuncFacts *out)
{
  if (f->no_sets) {
    f->flags |= FN_NO_SETS;
    f->assigned.n = 0;
    for (uint32_t i = 0; i < f->frames.n; i++)
      f->frames.p[i].assigned_off = f->frames.p[i].nassigned = 0;
    for (uint32_t i = 0; i < f->loops.n; i++)
      f->loops.p[i].assigned_off = f->loops.p[i].nassigned = 0;
  }
  if (f->nlive <= 24 && f->nlocals <= 16 && !f->loops.n && !f->has_table_or_try)
    f->flags |= FN_SMALL;
  out->nframes = f->frames.n, out->nblocks = f->blocks.n, out->nloops = f->loops.n, out->nsucc = f->succ.n;
  out->nassigned = f->assigned.n, out->nlocals = f->nlocals, out->nops = f->nlive, out->flags = f->flags;
  out->ntries = f->tries.n, out->nclauses = f->clauses.n, out->nexn_slots = f->nexn_slots, out->nside = f->side.n;
  out->max_height = (uint32_t)(f->sp_max - f->vals) - 1; // the mark of frame 0
  out->locals = f->locals, out->local_kinds = f->local_kinds;
  size_t sizes[] = { f->frames.n * sizeof(FrameFact), f->blocks.n * sizeof(BlockFact), f->loops.n * sizeof(LoopFact),
                     f->succ.n * sizeof(uint32_t), f->assigned.n * sizeof(uint32_t), f->tries.n * sizeof(TryFact),
                     f->clauses.n * sizeof(ClauseFact), out->nside * sizeof(SideEntry), in_order(f) ? 0 : f->blocks.n * sizeof(uint32_t) };
  size_t bytes = 0;
  for (unsigned i = 0; i < ARRAY_COUNT(sizes); i++)
    bytes += sizes[i];
  char *p = out->nops <= KEEP_OPS ? zw_arena_stale(&f->c->module, bytes, 1, 8) : zw_region_alloc(&f->regions, bytes, &out->region);
  out->frames = carve(&p, f->frames.p, sizes[0]);
  DROP_LARGE(f, f->frames);
  out->blocks = carve(&p, f->blocks.p, sizes[1]);
  DROP_LARGE(f, f->blocks);
  out->loops = carve(&p, f->loops.p, sizes[2]);
  DROP_LARGE(f, f->loops);
  out->succ = carve(&p, f->succ.p, sizes[3]);
  DROP_LARGE(f, f->succ);
  out->assigned = carve(&p, f->assigned.p, sizes[4]);
  DROP_LARGE(f, f->assigned);
  out->tries = carve(&p, f->tries.p, sizes[5]);
  DROP_LARGE(f, f->tries);
  out->clauses = carve(&p, f->clauses.p, sizes[6]);
  DROP_LARGE(f, f->clauses);
  out->side = carve(&p, f->side.p, sizes[7]);
  DROP_LARGE(f, f->side);
  out->order = sizes[8] ? (uint32_t *)(void *)p : NULL;
  for (uint32_t b = 0; b < out->nblocks && out->order; b++)
    out->order[out->blocks[b].layout] = b;
}
STATIC_ASSERT(_Alignof(FrameFact) <= 4 && _Alignof(BlockFact) <= 4 && _Alignof(LoopFact) <= 4 &&
                  _Alignof(TryFact) <= 4 && _Alignof(ClauseFact) <= 4 && _Alignof(SideEntry) <= 4,
              "facts lie one behind the other");

// Without loops and tries, as most functions are: nothing comes back, so two passes say everything.
static void sweep_plain(FuncCheck *f, Arena *a)
{
  BlockFact *blocks = f->blocks.p;
  const uint32_t *succ = f->succ.p;
  uint32_t n = f->blocks.n, end = f->succ.n, next = 0, nhot = 0;
  for (uint32_t b = n; b-- > 0;) {
    uint32_t first = blocks[b].succ_off;
    bool sink = first < end || blocks[b].cold & COLD_SINK;
    for (uint32_t e = first; e < end && sink; e++)
      sink = blocks[succ[e]].sink;
    blocks[b].sink = sink;
    nhot += !sink;
    end = first;
  }
  uint8_t *hot = zw_new_array(a, uint8_t, n);
  for (uint32_t i = 0; i < f->unlikely.n; i++)
    blocks[f->unlikely.p[i]].cold = COLD_HANDLER;
  hot[0] = true;
  for (uint32_t b = 0; b < n; b++) {
    BlockFact *k = &blocks[b];
    end = b + 1 < n ? k[1].succ_off : f->succ.n;
    k->cold = k->sink || k->cold || !hot[b];
    for (uint32_t e = k->succ_off; e < end && !k->cold; e++)
      hot[succ[e]] = true;
    k->layout = k->sink ? nhot++ : next++;
    k->loop = NO_LOOP, k->depth = 0;
  }
}

static void sweep_loops(FuncCheck *f, Arena *a)
{
  uint32_t n = f->blocks.n, nloops = f->loops.n;
  Sweep s = { .f = f, .n = n, .nloops = nloops, .blocks = f->blocks.p, .loops = f->loops.p, .succ = f->succ.p };
  s.nat = zw_stale_array(a, uint32_t, n);
  s.stays = zw_stale_array(a, uint32_t, f->succ.n);
  s.hot = zw_new_array(a, uint8_t, n);
  s.around = zw_stale_array(a, uint32_t, 2 * nloops);
  s.outer = s.around + nloops;
  s.level = zw_stale_array(a, uint32_t, nloops + 1);
  s.size = zw_new_array(a, uint32_t, nloops);
  s.spread = zw_new_array(a, uint8_t, nloops);
  s.level[0] = 0;
  for (uint32_t l = 0; l < nloops; l++) {
    uint32_t up = s.loops[l].parent;
    s.around[l] = up == NO_LOOP || s.loops[up].iterates ? up : s.around[up];
    s.outer[l] = NO_LOOP;
    s.level[l + 1] = level_of(&s, s.around[l]) + 1;
  }
  if (f->tries.n)
    prepare_tries(&s, a);
  find_loops_and_sinks(&s);
  set_cold(&s);
  if (nloops) {
    nest_loops(&s);
    describe_loops(&s);
    assign_loops(&s, a);
  }
  lay_out(&s, a);
}

// A compiler wants to know of loops that iterate only: nothing is in the others.  Of a body that may be inlined their number counts.
enum { SMALL_OPS = 24 };
static void make_loops(FuncCheck *f)
{
  const LoopStart *starts = f->loop_starts.p;
  Arena *a = &f->c->func;
  ArenaMark mark = zw_arena_mark(a);
  bool all = !f->m->no_side || f->nlive <= KEEP_OPS || f->nlive <= SMALL_OPS;
  uint32_t *now = zw_stale_array(a, uint32_t, f->loop_starts.n), n = 0; // that loop, or the one around it that is left
  for (uint32_t l = 0; l < f->loop_starts.n; l++) {
    LoopStart k = starts[l];
    FrameFact *frame = &f->frames.p[k.frame];
    bool iterates = frame->nbr > 0;
    uint32_t parent = k.parent == NO_LOOP ? NO_LOOP : now[k.parent];
    frame->loop = all || iterates ? n : NO_LOOP;
    now[l] = all || iterates ? n : parent;
    if (!all && !iterates)
      continue;
    n++;
    *zw_push(f->a, &f->loops) =
        (LoopFact){ .parent = parent, .header = k.header, .entry = k.header - 1, .frame = k.frame, .max_height = k.max_height, .iterates = iterates };
  }
  for (uint32_t b = 0; b < f->blocks.n && n < f->loop_starts.n; b++)
    if (f->blocks.p[b].loop != NO_LOOP)
      f->blocks.p[b].loop = now[f->blocks.p[b].loop];
  zw_arena_release(a, mark);
  DROP_LARGE(f, f->loop_starts);
}

void zw_sweep(FuncCheck *f, FuncFacts *out)
{
  Arena *a = &f->c->func;
  ArenaMark mark = zw_arena_mark(a);
  f->blocks.p[f->blocks.n - 1].effects |= f->effects;
  DROP_IF_LARGE(f, f->ctrl, f->frames.n);
  DROP_IF_LARGE(f, f->live, f->frames.n);
  if (f->loop_starts.n)
    make_loops(f);
  if (f->loops.n == 0 && f->tries.n == 0)
    sweep_plain(f, a);
  else
    sweep_loops(f, a);
  zw_arena_release(a, mark);
  copy_facts(f, out);
}
