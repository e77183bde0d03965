// The proof that P3 was right, in every build with asserts: a forward walk over the LIR that knows, for each register and
// slot, which values of ZIR it holds, and meets at joins by keeping what holds on every path.
//
// P3 says in notes which value each operand is meant to be.  The checker believes none of it: a use must find its value
// in the register or slot that the instruction names, and what an instruction writes comes from the target's tables.
// A jump to a block stands for an edge: it gives the block's phis to whatever holds their arguments.  A back edge also
// takes away the names of everything defined in the loop: they mean the next iteration from there on.
// Debug only: clear rather than quick; states are lists of (place, value), the walk repeats until nothing shrinks.
#include "compiler/emit/target.h"
#include "runtime/base/bits.h"
#include "runtime/base/vec.h"

typedef struct Name { Ref ref; uint32_t next; } Name;       // a value that a place holds; next: index in pool, 0 = end
typedef VEC(uint64_t) Pairs;                                // place << 32 | value, ascending
typedef struct Node { uint64_t *state; uint32_t n; bool reached, queued; } Node; // a chunk: what holds at its head

enum { NREG = 64 };
typedef struct Check {
  const LirFunc *l;
  const ZirFunc *z;
  const Target *t;
  Arena *a;
  Text error;
  bool failed;
  uint32_t nplaces;                // registers, then slots
  uint32_t *place;                 // first name
  VEC(Name) pool;
  uint32_t free_names;
  Node *nodes;                     // per chunk, in l->chunks order
  uint32_t *node_of_block, *node_of_stub, *alias; // chunk + 1; a block without a chunk: its only edge leads on
  uint32_t *visit;                 // chunks in order of visiting
  uint32_t *rank;                  // place of a chunk in visit
  uint64_t *queue;                 // bits by rank
  uint32_t nstubs;
  uint32_t lir;                    // being checked
  Pairs pairs, renamed;
  uint8_t *edge_seen;
  // references: live out of each block, one bit per value of type VK_REF
  uint32_t *ref_index, nrefs, words;
  uint64_t *ref_in;
} Check;

// ---- saying what is wrong ----
static void place_name(const Check *c, uint32_t place, char buf[32])
{
  if (place < NREG)
    zw_format(buf, 32, "%s", c->t->reg_name(place, 8));
  else
    zw_format(buf, 32, "slot %u", place - NREG);
}
static void ref_name(Ref r, char buf[32])
{
  if (zw_ref_is_value(r))
    zw_format(buf, 32, "v%u", r);
  else
    zw_format(buf, 32, "constant %x", r);
}
__attribute__((format(printf, 2, 3))) static void complain(Check *c, const char *fmt, ...)
{
  if (c->failed)
    return;
  c->failed = true;
  char buf[300];
  va_list ap;
  va_start(ap, fmt);
  zw_vformat(buf, sizeof buf, fmt, ap);
  va_end(ap);
  zw_text_printf(&c->error, "function %u, lir %u: %s", c->z->func, c->lir, buf);
}

// ---- what places hold ----
static void clear_place(Check *c, uint32_t p)
{
  uint32_t *last = &c->place[p];
  if (!*last)
    return;
  while (c->pool.p[*last].next)
    last = &c->pool.p[*last].next;
  c->pool.p[*last].next = c->free_names;
  c->free_names = c->place[p];
  c->place[p] = 0;
}
static bool holds(const Check *c, uint32_t p, Ref v)
{
  for (uint32_t n = c->place[p]; n; n = c->pool.p[n].next)
    if (c->pool.p[n].ref == v)
      return true;
  return false;
}
static void add_name(Check *c, uint32_t p, Ref v)
{
  if (holds(c, p, v))
    return;
  uint32_t n = c->free_names;
  if (n)
    c->free_names = c->pool.p[n].next;
  else
    n = c->pool.n, (void)zw_push(c->a, &c->pool);
  c->pool.p[n] = (Name){ v, c->place[p] };
  c->place[p] = n;
}
static uint32_t width_of(const Check *c, Ref r)
{
  if (r == c->z->nins)
    return 8;
  ValKind k = zw_ref_type(c->z, r);
  return k == VK_I32 || k == VK_F32 ? 4 : k == VK_V128 ? 16 : 8;
}
// dst holds what src holds, as far as `width` bytes carry it.
static void copy_place(Check *c, uint32_t dst, uint32_t src, uint32_t width)
{
  if (dst == src)
    return;
  clear_place(c, dst);
  for (uint32_t n = c->place[src]; n; n = c->pool.p[n].next)
    if (width_of(c, c->pool.p[n].ref) <= width)
      add_name(c, dst, c->pool.p[n].ref);
}
static void swap_places(Check *c, uint32_t x, uint32_t y)
{
  uint32_t t = c->place[x];
  c->place[x] = c->place[y], c->place[y] = t;
}
static void load_state(Check *c, const Node *n)
{
  for (uint32_t p = 0; p < c->nplaces; p++)
    clear_place(c, p);
  for (uint32_t k = 0; k < n->n; k++)
    add_name(c, (uint32_t)(n->state[k] >> 32), (uint32_t)n->state[k]);
}
// The current state as ascending pairs.  Names of one place come in any order: insert.
static void save_state(Check *c, Pairs *out, uint32_t first_place)
{
  out->n = 0;
  for (uint32_t p = first_place; p < c->nplaces; p++) {
    uint32_t begin = out->n;
    for (uint32_t n = c->place[p]; n; n = c->pool.p[n].next) {
      uint64_t pair = (uint64_t)p << 32 | c->pool.p[n].ref;
      uint32_t k = out->n;
      (void)zw_push(c->a, out);
      for (; k > begin && out->p[k - 1] > pair; k--)
        out->p[k] = out->p[k - 1];
      out->p[k] = pair;
    }
  }
}
static void enqueue(Check *c, uint32_t chunk)
{
  c->queue[c->rank[chunk] / 64] |= 1ull << c->rank[chunk] % 64;
}
// Meet: what holds at the chunk's head is what every way there brings.
static void flow(Check *c, uint32_t chunk, const Pairs *s)
{
  Node *n = &c->nodes[chunk];
  if (!n->reached) {
    n->reached = true;
    n->state = zw_new_array(c->a, uint64_t, s->n + 1);
    if (s->n)
      memcpy(n->state, s->p, s->n * sizeof *n->state);
    n->n = s->n;
    enqueue(c, chunk);
    return;
  }
  uint32_t out = 0;
  for (uint32_t i = 0, j = 0; i < n->n; i++) {
    while (j < s->n && s->p[j] < n->state[i])
      j++;
    if (j < s->n && s->p[j] == n->state[i])
      n->state[out++] = n->state[i];
  }
  if (out != n->n) {
    n->n = out;
    enqueue(c, chunk);
  }
}

// ---- what is meant to be where ----
static void want(Check *c, uint32_t place, Ref v, const char *what)
{
  char p[32], r[32];
  if (v == REF_NONE || c->failed)
    return;
  ref_name(v, r);
  if (place >= c->nplaces) {
    complain(c, "%s should be %s but is no place", what, r);
    return;
  }
  if (holds(c, place, v))
    return;
  place_name(c, place, p);
  char have[100];
  size_t n = 0;
  have[0] = 0;
  for (uint32_t k = c->place[place]; k && n < 80; k = c->pool.p[k].next) {
    char one[32];
    ref_name(c->pool.p[k].ref, one);
    n += zw_format(have + n, sizeof have - n, " %s", one);
  }
  complain(c, "%s reads %s for %s, which holds%s", what, p, r, n ? have : " nothing known");
}
static void aliases(Check *c, const LirNote *n)
{
  for (uint32_t k = n->nfix; k--;) {
    const LirFix *f = &c->l->fix[n->fix + k];
    if (f->kind != LF_ALIAS)
      continue;
    const LirFix *from = f + 1; // LF_FROM: of what; REF_NONE: the convention says so
    if (from->ref != REF_NONE)
      want(c, f->place, from->ref, "another name");
    else
      clear_place(c, f->place);
    add_name(c, f->place, f->ref);
  }
}
// ---- edges ----
static bool stale_after_back_edge(const Check *c, Ref v, const ZBlock *head)
{
  if (!zw_ref_is_value(v) || v == c->z->nins)
    return false;
  return zw_zir_pos(c->z, v) >= head->pos;
}
// Names change on the way over e: pairs -> renamed -> pairs.
static void cross_edge(Check *c, uint32_t edge)
{
  const ZEdge *e = &c->z->edges[edge];
  const ZBlock *to = &c->z->blocks[e->to], *from = &c->z->blocks[e->from];
  bool back = to->pos <= from->pos;
  // c->place is rebuilt with the new names
  VEC(uint64_t) added = { 0 };
  for (uint32_t k = 0; k < c->pairs.n; k++)
    for (uint32_t j = 0; j < to->nphi; j++)
      if (c->z->edge_args[e->args + j] == (uint32_t)c->pairs.p[k])
        *zw_push(c->a, &added) = (c->pairs.p[k] >> 32) << 32 | (to->first + j);
  for (uint32_t p = 0; p < c->nplaces; p++)
    clear_place(c, p);
  for (uint32_t k = 0; k < c->pairs.n; k++) {
    Ref v = (uint32_t)c->pairs.p[k];
    if (v >= to->first && v < to->first + to->nphi)
      continue;
    if (back && stale_after_back_edge(c, v, to))
      continue;
    add_name(c, (uint32_t)(c->pairs.p[k] >> 32), v);
  }
  for (uint32_t k = 0; k < added.n; k++)
    add_name(c, (uint32_t)(added.p[k] >> 32), (uint32_t)added.p[k]);
  save_state(c, &c->pairs, 0);
}
// A jump with the current state; edge: of a jump to a block.  The state survives.
static void jump(Check *c, uint32_t block, uint32_t label, Ref edge)
{
  save_state(c, &c->pairs, 0);
  if (label & LABEL_STUB) {
    uint32_t s = label & ~LABEL_STUB;
    if (s >= c->nstubs || !c->node_of_stub[s])
      complain(c, "jumps to stub %u, which is nowhere", s);
    else
      flow(c, c->node_of_stub[s] - 1, &c->pairs);
    return;
  }
  const ZBlock *b = &c->z->blocks[block];
  if (edge < b->edges || edge >= b->edges + b->nedges) {
    complain(c, "jumps to block %u for no edge of block %u", label, block);
    return;
  }
  Pairs keep = { 0 };
  for (uint32_t k = 0; k < c->pairs.n; k++)
    *zw_push(c->a, &keep) = c->pairs.p[k];
  c->edge_seen[edge] = 1;
  uint32_t to = c->z->edges[edge].to;
  cross_edge(c, edge);
  while (to != label && !c->node_of_block[to] && c->z->blocks[to].nedges == 1) { // through blocks that are only a jump
    uint32_t next = c->z->blocks[to].edges;
    c->edge_seen[next] = 1;
    aliases(c, &c->l->gone[to]);
    save_state(c, &c->pairs, 0);
    cross_edge(c, next);
    to = c->z->edges[next].to;
  }
  if (to != label || !c->node_of_block[label])
    complain(c, "edge to block %u jumps to block %u", c->z->edges[edge].to, label);
  else
    flow(c, c->node_of_block[label] - 1, &c->pairs);
  for (uint32_t p = 0; p < c->nplaces; p++)
    clear_place(c, p);
  for (uint32_t k = 0; k < keep.n; k++)
    add_name(c, (uint32_t)(keep.p[k] >> 32), (uint32_t)keep.p[k]);
}
// A call that may throw: handlers see memory as it is, registers as nothing.
static void flow_to_handlers(Check *c, uint32_t block)
{
  const ZirFunc *z = c->z;
  for (uint32_t t = zw_zir_try(z, block); t != UINT32_MAX; t = z->tries[t].parent)
    for (uint32_t k = 0; k < z->tries[t].ncatches; k++) {
      uint32_t h = z->catches[z->tries[t].catches + k].block;
      if (!c->node_of_block[h])
        continue;
      save_state(c, &c->pairs, NREG);
      flow(c, c->node_of_block[h] - 1, &c->pairs);
    }
}

// ---- references ----
static bool is_tracked_ref(const ZirFunc *z, uint32_t v)
{
  const ZIns *i = &z->ins[v];
  return i->ty == VK_REF && zw_zir_is_used(z, v) && !zw_zir_is(z, v, ZV_DEAD) && i->op != OP_copy && i->op != OP_undef &&
         !(i->op == OP_vm_load && i->fl == AL_IMMUT);
}
static void ref_bit(const Check *c, uint64_t *set, Ref v, bool on)
{
  if (!zw_ref_is_value(v) || v >= c->z->nins || !c->ref_index[v])
    return;
  uint64_t bit = 1ull << (c->ref_index[v] - 1) % 64, *w = &set[(c->ref_index[v] - 1) / 64];
  *w = on ? *w | bit : *w & ~bit;
}
static void ref_step(const Check *c, uint64_t *set, uint32_t i)
{
  const ZirFunc *z = c->z;
  const ZIns *ins = &z->ins[i];
  Ref ops[3];
  ref_bit(c, set, i, false);
  if (!zw_zir_is_used(z, i) && !zw_zir_must_run(z, i))
    return;
  uint32_t n = zw_zir_operands(z, ins, ops, 3);
  for (uint32_t j = 0; j < n; j++)
    ref_bit(c, set, n <= 3 ? ops[j] : z->xa[ins->a + j], true);
}
// What stands at b's end, before the terminator.
static void ref_hoisted(const Check *c, uint64_t *set, uint32_t b)
{
  const ZirFunc *z = c->z;
  for (uint32_t l = 0; l < z->nloops; l++) {
    if (z->loops[l].entry != b)
      continue;
    VEC(uint32_t) chain = { 0 };
    for (uint32_t h = z->loops[l].hoist_first; h != REF_NONE; h = z->hoisted[h].next)
      *zw_push(c->a, &chain) = z->hoisted[h].value;
    while (chain.n)
      ref_step(c, set, chain.p[--chain.n]);
  }
}
static void ref_out(const Check *c, uint32_t b, uint64_t *out)
{
  const ZirFunc *z = c->z;
  const ZBlock *k = &z->blocks[b];
  memset(out, 0, c->words * sizeof *out);
  for (uint32_t e = k->edges; e < k->edges + k->nedges; e++)
    for (uint32_t w = 0; w < c->words; w++)
      out[w] |= c->ref_in[(size_t)z->edges[e].to * c->words + w];
  for (uint32_t e = k->edges; e < k->edges + k->nedges; e++) {
    const ZBlock *t = &z->blocks[z->edges[e].to];
    for (uint32_t j = 0; j < t->nphi; j++)
      if (!zw_zir_is(z, t->first + j, ZV_DEAD))
        ref_bit(c, out, z->edge_args[z->edges[e].args + j], true);
  }
  for (uint32_t t = zw_zir_try(z, b); t != UINT32_MAX; t = z->tries[t].parent)
    for (uint32_t j = 0; j < z->tries[t].ncatches; j++)
      for (uint32_t w = 0; w < c->words; w++)
        out[w] |= c->ref_in[(size_t)z->catches[z->tries[t].catches + j].block * c->words + w];
}
// A plain fixpoint, on purpose another way than P3's.  ref_in is without the block's phis.
static void ref_liveness(Check *c)
{
  const ZirFunc *z = c->z;
  c->ref_index = zw_new_array(c->a, uint32_t, z->nins + 1);
  for (uint32_t v = 0; v < z->nins; v++)
    if (is_tracked_ref(z, v))
      c->ref_index[v] = ++c->nrefs;
  c->words = (c->nrefs + 63) / 64;
  if (!c->nrefs)
    return;
  c->ref_in = zw_new_array(c->a, uint64_t, (size_t)c->words * z->nblocks);
  uint64_t *out = zw_new_array(c->a, uint64_t, c->words);
  for (bool again = true; again;) {
    again = false;
    for (uint32_t k = z->norder; k--;) {
      uint32_t b = z->order[k];
      const ZBlock *bb = &z->blocks[b];
      ref_out(c, b, out);
      ref_step(c, out, bb->end - 1);
      ref_hoisted(c, out, b);
      for (uint32_t i = bb->end - 1; i-- > bb->first;)
        if (z->ins[i].op == OP_phi)
          ref_bit(c, out, i, false);
        else if (!zw_zir_is(z, i, ZV_HOISTED))
          ref_step(c, out, i);
      uint64_t *in = c->ref_in + (size_t)b * c->words;
      for (uint32_t w = 0; w < c->words; w++)
        if (in[w] | out[w]) {
          again |= (in[w] | out[w]) != in[w];
          in[w] |= out[w];
        }
    }
  }
  // To P3 a loop whose way back P2 has folded away is one all the same: what lives into its header lives everywhere in it.
  for (uint32_t k = 0; k < z->norder; k++) {
    uint32_t b = z->order[k], l = z->blocks[b].loop;
    if (l != NO_LOOP && z->loops[l].header == b)
      l = z->loops[l].parent;
    for (uint32_t w = 0; w < c->words && l != NO_LOOP; w++)
      c->ref_in[(size_t)b * c->words + w] |= c->ref_in[(size_t)z->loops[l].header * c->words + w];
  }
}
// What lives across the call v, without its results.
static uint64_t *refs_across(Check *c, Ref v)
{
  const ZirFunc *z = c->z;
  uint32_t b = zw_zir_block(z, v);
  uint64_t *set = zw_new_array(c->a, uint64_t, c->words);
  ref_out(c, b, set);
  for (uint32_t i = z->blocks[b].end; i-- > v + 1;) {
    if (!zw_zir_is(z, i, ZV_HOISTED))
      ref_step(c, set, i);
    if (i == z->blocks[b].end - 1)
      ref_hoisted(c, set, b);
  }
  ref_bit(c, set, v, false);
  return set;
}
static bool ref_lives(const Check *c, const uint64_t *set, Ref v)
{
  return zw_ref_is_value(v) && v < c->z->nins && c->ref_index[v] && set[(c->ref_index[v] - 1) / 64] >> (c->ref_index[v] - 1) % 64 & 1;
}
// At the call v: each live reference in a slot that the map names, each slot of the map with a live reference in it.  One that is dead
// keeps an object that an earlier safepoint without it in its map may have freed; only the one map of a whole function may name such.
static void check_map(Check *c, Ref v, const LirMap *m)
{
  char buf[32];
  uint64_t *set = c->nrefs ? refs_across(c, v) : NULL;
  for (uint32_t k = 0; m && k < m->n && !c->l->any_maps; k++) {
    uint32_t p = NREG + c->l->map_slots[m->first + k];
    bool ok = false;
    for (uint32_t n = p < c->nplaces ? c->place[p] : 0; n && set; n = c->pool.p[n].next)
      ok |= ref_lives(c, set, c->pool.p[n].ref);
    if (!ok) {
      place_name(c, p, buf);
      complain(c, "the stack map of the call v%u names %s, which holds no live reference", v, buf);
      return;
    }
  }
  for (uint32_t r = 0; r < c->z->nins && set; r++) {
    if (!ref_lives(c, set, r))
      continue;
    bool ok = false;
    for (uint32_t k = 0; m && k < m->n; k++)
      ok |= holds(c, NREG + c->l->map_slots[m->first + k], r);
    if (!ok) {
      complain(c, "v%u lives across the call v%u and no slot of the stack map holds it", r, v);
      return;
    }
  }
}

// ---- one instruction ----
static uint32_t field_place(uint8_t reg, int32_t disp)
{
  return reg < NREG ? reg : reg == REG_SLOT ? NREG + (uint32_t)disp : UINT32_MAX;
}
static void uses(Check *c, const Lir *i, const LirNote *n)
{
  want(c, field_place(i->rd, 0), n->use[0], "rd");
  want(c, field_place(i->rn, i->disp), n->use[1], "rn");
  want(c, field_place(i->rm, 0), n->use[2], "rm");
  want(c, field_place(i->ra, 0), n->use[3], "ra");
  for (uint32_t k = 0; k < n->nfix; k++) {
    const LirFix *f = &c->l->fix[n->fix + k];
    if (f->kind == LF_USE)
      want(c, f->place, f->ref, "a fixed register");
  }
}
static void defs(Check *c, const Lir *i, const LirNote *n, const LirEffects *e)
{
  if (n->def != REF_NONE) {
    uint32_t p = e->kind == LE_STORE || e->kind == LE_STORE_IMM ? e->dst : i->rd;
    if (p < c->nplaces) {
      clear_place(c, p);
      add_name(c, p, n->def);
    }
  }
  for (uint32_t k = 0; k < n->nfix; k++) {
    const LirFix *f = &c->l->fix[n->fix + k];
    if (f->kind == LF_DEF && f->place < c->nplaces) {
      clear_place(c, f->place);
      add_name(c, f->place, f->ref);
    }
  }
}
static const LirMap *map_at(const LirFunc *l, uint32_t lir)
{
  uint32_t lo = 0, hi = l->nmaps;
  while (lo < hi) {
    uint32_t mid = (lo + hi) / 2;
    if (l->maps[mid].lir < lir)
      lo = mid + 1;
    else
      hi = mid;
  }
  return lo < l->nmaps && l->maps[lo].lir == lir ? &l->maps[lo] : NULL;
}
// Returns false when control does not go on behind it.
static bool step(Check *c, const LirChunk *chunk, uint32_t at)
{
  const Lir *i = &c->l->lir[at];
  const LirNote *n = &c->l->notes[at];
  LirEffects e = { 0 };
  c->lir = at;
  c->t->effects(i, &e);
  if (e.bad_class)
    complain(c, "an operand of %s is in a register of the wrong class", e.text);
  aliases(c, n);
  uses(c, i, n);
  switch ((LirEffectKind)e.kind) {
  case LE_MOVE: case LE_LOAD: case LE_STORE:
    if (e.dst >= c->nplaces || e.src >= c->nplaces)
      complain(c, "%s names no place", e.text);
    else
      copy_place(c, e.dst, e.src, e.width);
    break;
  case LE_SWAP:
    swap_places(c, e.dst, e.src);
    break;
  case LE_STORE_IMM:
    clear_place(c, e.dst);
    break;
  case LE_CALL:
    if (e.may_throw)
      flow_to_handlers(c, chunk->block);
    if (n->def != REF_NONE)
      check_map(c, n->def, map_at(c->l, at));
    break;
  case LE_OTHER: case LE_JUMP: case LE_JCC: case LE_TABLE: case LE_END:
    break;
  }
  for (uint64_t m = e.writes; m; m &= m - 1)
    clear_place(c, zw_ctz64(m));
  switch ((LirEffectKind)e.kind) {
  case LE_JCC: case LE_JUMP:
    defs(c, &(Lir){ .rd = REG_NONE }, &(LirNote){ .def = REF_NONE, .fix = n->fix, .nfix = n->nfix }, &e);
    jump(c, chunk->block, i->x, n->def);
    return e.kind == LE_JCC;
  case LE_TABLE: {
    const ZBlock *b = &c->z->blocks[chunk->block];
    const ZIns *sw = &c->z->ins[b->end - 1];
    const LirTable *t = i->x < c->l->ntables ? &c->l->tables[i->x] : NULL;
    if (!t || sw->op != OP_switch || t->n != sw->c) {
      complain(c, "the jump table has %u entries, its switch %u", t ? t->n : 0, sw->c);
      return false;
    }
    for (uint32_t k = 0; k < t->n; k++)
      jump(c, chunk->block, c->l->table_labels[t->first + k], b->edges + c->z->xa[sw->b + k]);
    return false;
  }
  case LE_CALL:
    defs(c, &(Lir){ .rd = REG_NONE }, &(LirNote){ .def = REF_NONE, .fix = n->fix, .nfix = n->nfix }, &e);
    return true;
  case LE_END: return false;
  case LE_OTHER: case LE_MOVE: case LE_SWAP: case LE_LOAD: case LE_STORE: case LE_STORE_IMM:
    break;
  }
  defs(c, i, n, &e);
  return true;
}
static void walk_chunk(Check *c, uint32_t k)
{
  const LirChunk *chunk = &c->l->chunks[k];
  load_state(c, &c->nodes[k]);
  bool on = true;
  for (uint32_t at = chunk->first; at < chunk->end && on && !c->failed; at++)
    on = step(c, chunk, at);
  if (!on || c->failed)
    return;
  // the part of a block that follows: the next chunk, with a label of its own
  if (k + 1 < c->l->nchunks && c->l->chunks[k + 1].block == chunk->block && (c->l->chunks[k + 1].label & LABEL_STUB) &&
      c->l->chunks[k + 1].cold == chunk->cold) {
    save_state(c, &c->pairs, 0);
    flow(c, k + 1, &c->pairs);
    return;
  }
  complain(c, "control runs off the end of chunk %u", k);
}

static void number_chunks(Check *c)
{
  const LirFunc *l = c->l;
  const ZirFunc *z = c->z;
  for (uint32_t k = 0; k < l->nchunks; k++)
    if (l->chunks[k].label & LABEL_STUB) {
      uint32_t s = l->chunks[k].label & ~LABEL_STUB;
      c->nstubs = s >= c->nstubs ? s + 1 : c->nstubs;
    }
  c->node_of_block = zw_new_array(c->a, uint32_t, z->nblocks + 1);
  c->node_of_stub = zw_new_array(c->a, uint32_t, c->nstubs + 1);
  uint32_t *next = zw_new_array(c->a, uint32_t, l->nchunks + 1), *first = zw_new_array(c->a, uint32_t, z->nblocks + 1);
  for (uint32_t k = l->nchunks; k--;) {
    const LirChunk *h = &l->chunks[k];
    if (h->label & LABEL_STUB)
      c->node_of_stub[h->label & ~LABEL_STUB] = k + 1;
    else
      c->node_of_block[h->label] = k + 1;
    next[k] = first[h->block];
    first[h->block] = k + 1;
  }
  c->rank = zw_new_array(c->a, uint32_t, l->nchunks + 1);
  c->visit = zw_new_array(c->a, uint32_t, l->nchunks + 1);
  uint32_t n = 0;
  for (uint32_t o = 0; o < z->norder; o++)
    for (uint32_t k = first[z->order[o]]; k; k = next[k - 1]) {
      c->rank[k - 1] = n;
      c->visit[n++] = k - 1;
    }
  c->queue = zw_new_array(c->a, uint64_t, l->nchunks / 64 + 1);
}

static void check_edge_seen(Check *c, uint32_t block, uint32_t edge)
{
  const ZirFunc *z = c->z;
  const ZBlock *b = &z->blocks[block];
  bool seen = c->edge_seen[edge];
  for (uint32_t o = b->edges; o < b->edges + b->nedges && !seen && b->nedges > 2; o++) // a switch shares equal edges
    seen = c->edge_seen[o] && z->edges[o].to == z->edges[edge].to;
  if (!seen)
    complain(c, "the edge from block %u to block %u is missing", block, z->edges[edge].to);
}

const char *zw_ra_check(const LirFunc *l, const Target *t, Arena *scratch)
{
  if (!l->notes || !t->effects)
    return NULL;
  const ZirFunc *z = l->z;
  Check *c = zw_new(scratch, Check);
  *c = (Check){ .l = l, .z = z, .t = t, .a = scratch, .nplaces = NREG + l->nslots };
  zw_text_init(&c->error, scratch);
  c->place = zw_new_array(scratch, uint32_t, c->nplaces + 1);
  (void)zw_push(scratch, &c->pool); // index 0 is the end of a list
  c->nodes = zw_new_array(scratch, Node, l->nchunks + 1);
  c->edge_seen = zw_new_array(scratch, uint8_t, z->nedges + 1);
  number_chunks(c);
  ref_liveness(c);
  if (!c->node_of_block[z->order[0]])
    complain(c, "the entry block has no code");
  else
    flow(c, c->node_of_block[z->order[0]] - 1, &c->pairs);
  for (uint32_t w = 0; w <= l->nchunks / 64 && !c->failed;) {
    if (!c->queue[w]) {
      w++;
      continue;
    }
    uint32_t r = w * 64 + zw_ctz64(c->queue[w]);
    c->queue[w] &= c->queue[w] - 1;
    walk_chunk(c, c->visit[r]);
    w = 0;
  }
  for (uint32_t k = 0; k < z->norder && !c->failed; k++) { // every edge of a block that runs is some jump
    const ZBlock *b = &z->blocks[z->order[k]];
    bool runs = c->node_of_block[z->order[k]] && c->nodes[c->node_of_block[z->order[k]] - 1].reached;
    const ZIns *end = &z->ins[b->end - 1];
    for (uint32_t j = 0; runs && end->op == OP_switch && j < end->c; j++)
      check_edge_seen(c, z->order[k], b->edges + z->xa[end->b + j]);
    for (uint32_t e = end->op == OP_switch ? b->edges + b->nedges - 1 : b->edges; runs && e < b->edges + b->nedges; e++)
      check_edge_seen(c, z->order[k], e);
  }
  return c->failed ? c->error.p : NULL;
}
