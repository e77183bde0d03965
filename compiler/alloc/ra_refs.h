// References: who lives where, and the stack maps that say so.  Part of ra_core.h.
#pragma once
#include "ra_edges.h"

// ---- references and stack maps ----
// At a safepoint every reference that lives across it is in its slot, and the map says where.  Two ways:
// - exact: bit sets per block, and each call's map lists the slots of what lives across it and no other.  ref_in[b] is what lives just
//   below b's phis.  What lives into a loop's header lives everywhere in the loop, so two sweeps are enough.
// - one map: where those sets or maps would be more than linear in the function.  From its definition to its last use in layout order
//   (of what a loop uses from outside, to the loop's end) a reference keeps its slot, and one map for all calls lists all these
//   slots.  One of them may hold anything, where its reference does not live: the runtime takes words of frames as proposals.
// Only references with a safepoint between definition and last use count; most have none.
enum {
  REF_WORDS = 4, REF_STEPS = 16, REF_SLOTS = 4, // per instruction: words of live sets, words of them looked at, slots in maps;
  REF_FREE = 1 << 15,                          // and what every function may have of each
};
typedef struct RefRanges { uint32_t *end, *safe; } RefRanges; // by value: position of the last use; by position: safepoints before it

static inline bool is_tracked_ref(const Ra *ra, Ref v)
{
  const ZirFunc *z = ra->z;
  return z->ins[v].ty == VK_REF && zw_zir_is_used(z, v) && !zw_zir_is(z, v, ZV_DEAD) && !(val_of(ra, v)->vstate & VS_REMAT);
}
static inline uint32_t block_end_pos(const ZBlock *b) { return b->pos + (b->end - b->first) - 1; }
static inline uint64_t *ref_in(const Ra *ra, uint32_t b) { return ra->ref_in + (size_t)b * ra->ref_words; }
static inline void ref_set(const Ra *ra, uint64_t *set, Ref v)
{
  if (zw_ref_is_value(v) && ra->ref_index[v])
    set[(ra->ref_index[v] - 1) / 64] |= 1ull << (ra->ref_index[v] - 1) % 64;
}
static inline void ref_clear(const Ra *ra, uint64_t *set, Ref v)
{
  if (ra->ref_index[v])
    set[(ra->ref_index[v] - 1) / 64] &= ~(1ull << (ra->ref_index[v] - 1) % 64);
}
static void ref_merge(const Ra *ra, uint64_t *out, const uint64_t *in)
{
  for (uint32_t w = 0; w < ra->ref_words; w++)
    out[w] |= in[w];
}
// What lives into the handlers of try t and of those around it, all of which lie further down: found once for each.
static const uint64_t *ref_caught(Ra *ra, uint32_t t)
{
  const ZirFunc *z = ra->z;
  ra->work.n = 0;
  for (uint32_t u = t; u != UINT32_MAX && !ra->is_caught_known[u]; u = z->tries[u].parent)
    *zw_push(ra->a, &ra->work) = u;
  while (ra->work.n) {
    uint32_t u = ra->work.p[--ra->work.n], around = z->tries[u].parent;
    uint64_t *set = ra->ref_caught + (size_t)u * ra->ref_words;
    memset(set, 0, ra->ref_words * sizeof *set);
    if (around != UINT32_MAX)
      ref_merge(ra, set, ra->ref_caught + (size_t)around * ra->ref_words);
    for (uint32_t c = 0; c < z->tries[u].ncatches; c++)
      ref_merge(ra, set, ref_in(ra, z->catches[z->tries[u].catches + c].block));
    ra->is_caught_known[u] = 1;
  }
  return ra->ref_caught + (size_t)t * ra->ref_words;
}
// What lives at the end of b.
static void ref_block_out(Ra *ra, uint32_t b, uint64_t *out)
{
  const ZirFunc *z = ra->z;
  const ZBlock *k = &z->blocks[b];
  memset(out, 0, ra->ref_words * sizeof *out);
  for (uint32_t j = 0; j < k->nedges; j++) {
    const ZEdge *e = &z->edges[k->edges + j];
    const ZBlock *t = &z->blocks[e->to];
    const uint64_t *in = ref_in(ra, e->to);
    uint64_t *sum = ra->ref_tmp;
    memcpy(sum, in, ra->ref_words * sizeof *sum);
    for (uint32_t p = t->first; p < t->first + t->nphi; p++)
      ref_clear(ra, sum, p);
    for (uint32_t p = 0; p < t->nphi; p++)
      if (is_tracked_ref(ra, t->first + p))
        ref_set(ra, sum, z->edge_args[e->args + p]);
    for (uint32_t w = 0; w < ra->ref_words; w++)
      out[w] |= sum[w];
  }
  uint32_t try = zw_zir_try(z, b);
  if (try != UINT32_MAX)
    ref_merge(ra, out, ref_caught(ra, try));
}
// The operands of i, when it will be there to read them.
static uint32_t ref_operands(const Ra *ra, uint32_t i, Ref three[3], const Ref **ops)
{
  const ZirFunc *z = ra->z;
  if (!zw_zir_is_used(z, i) && !zw_zir_must_run(z, i))
    return 0;
  uint32_t n = zw_zir_operands(z, &z->ins[i], three, 3);
  *ops = n <= 3 ? three : &z->xa[z->ins[i].a];
  return n;
}
static void ref_uses(const Ra *ra, uint64_t *set, uint32_t i)
{
  Ref three[3];
  const Ref *ops;
  for (uint32_t n = ref_operands(ra, i, three, &ops); n--;)
    ref_set(ra, set, ops[n]);
}

// The walk has passed i.  What lives is a matter of ZIR: a test of a reference for null that is made further down than it stands there
// reads only bits, and does not keep what they refer to.
static inline void ref_pass(Ra *ra, uint32_t i)
{
  if (!ra->nrefs)
    return;
  ref_clear(ra, ra->ref_live, i);
  ref_uses(ra, ra->ref_live, i);
}

// ---- from where to where ----
static inline void ref_extend(RefRanges *g, Ref v, uint32_t pos)
{
  if (zw_ref_is_value(v) && g->end[v] < pos)
    g->end[v] = pos;
}
static bool is_safepoint(const ZIns *i) { return i->op == OP_call || i->op == OP_call_elem || i->op == OP_lib || i->op == OP_gc_new || i->op == OP_throw; }
static void ref_ranges_of_block(const Ra *ra, RefRanges *g, const ZBlock *b, uint32_t *safepoints)
{
  const ZirFunc *z = ra->z;
  for (uint32_t i = b->first; i < b->end; i++) {
    Ref three[3];
    const Ref *ops;
    g->safe[b->pos + (i - b->first)] = *safepoints;
    *safepoints += is_safepoint(&z->ins[i]);
    for (uint32_t n = ref_operands(ra, i, three, &ops); n--;)
      ref_extend(g, ops[n], val_of(ra, i)->pos);
  }
  for (uint32_t e = b->edges; e < b->edges + b->nedges; e++) {
    const ZBlock *t = &z->blocks[z->edges[e].to];
    for (uint32_t p = 0; p < t->nphi; p++)
      if (is_tracked_ref(ra, t->first + p))
        ref_extend(g, z->edge_args[z->edges[e].args + p], block_end_pos(b));
  }
}
// Returns the number of safepoints.
static uint32_t ref_ranges(const Ra *ra, RefRanges *g, Arena *a)
{
  const ZirFunc *z = ra->z;
  uint32_t safepoints = 0;
  g->end = zw_new_array(a, uint32_t, z->nins + 1);
  g->safe = zw_new_array(a, uint32_t, z->nins + 1);
  for (uint32_t k = 0; k < z->norder; k++)
    ref_ranges_of_block(ra, g, &z->blocks[z->order[k]], &safepoints);
  for (uint32_t l = 0; l < z->nloops; l++)
    for (uint32_t k = 0; k < z->loops[l].nliveins; k++)
      ref_extend(g, z->livein[z->loops[l].liveins + k], block_end_pos(&z->blocks[z->loops[l].last_block]));
  return safepoints;
}
// How many safepoints are strictly between v's definition and its last use.
static uint32_t ref_crosses(const Ra *ra, const RefRanges *g, Ref v)
{
  uint32_t def = val_of(ra, v)->pos, end = g->end[v];
  return end > def + 1 ? g->safe[end] - g->safe[def + 1] : 0;
}
static uint32_t block_at(const ZirFunc *z, uint32_t pos)
{
  uint32_t lo = 0, hi = z->norder; // z->order[lo] begins at or before pos
  while (hi - lo > 1) {
    uint32_t mid = lo + (hi - lo) / 2;
    if (z->blocks[z->order[mid]].pos <= pos)
      lo = mid;
    else
      hi = mid;
  }
  return z->order[lo];
}
// ref_value: by the block that each is used in last, of block b those at ref_last[b] .. ref_last[b + 1].
static void plan_one_map(Ra *ra, const RefRanges *g, uint32_t n, Arena *scratch)
{
  const ZirFunc *z = ra->z;
  uint32_t *block = zw_stale_array(scratch, uint32_t, n), *next;
  Ref *value = zw_stale_array(scratch, Ref, n);
  ra->one_map = n;
  ra->ref_last = zw_new_array(ra->a, uint32_t, z->nblocks + 1);
  for (uint32_t v = 0, k = 0; v < z->nins; v++)
    if (ra->ref_index[v])
      value[k] = v, block[k] = block_at(z, g->end[v]), ra->ref_last[block[k++] + 1]++;
  for (uint32_t b = 0; b < z->nblocks; b++)
    ra->ref_last[b + 1] += ra->ref_last[b];
  next = zw_stale_array(scratch, uint32_t, z->nblocks);
  memcpy(next, ra->ref_last, z->nblocks * sizeof *next);
  for (uint32_t k = 0; k < n; k++)
    ra->ref_value[next[block[k]]++] = value[k];
}
// b's end: a slot for each reference that is used in b last, before anybody above can have it.  A reference keeps it, and what is known of
// values that are passed may go: from here on ref_value says where it lives.
static void one_map_slots(Ra *ra, uint32_t b)
{
  for (uint32_t k = ra->ref_last[b]; k < ra->ref_last[b + 1]; k++) {
    take_slot(ra, ra->ref_value[k]);
    ra->ref_value[k] = val_of(ra, ra->ref_value[k])->slot - 1;
  }
}
// The map of all safepoints, when all slots are known.
static void make_one_map(Ra *ra)
{
  uint8_t *listed = zw_new_array(ra->a, uint8_t, ra->slot_bytes.n);
  ra->map_slots.n = 0;
  for (uint32_t k = 0; k < ra->one_map; k++) {
    uint32_t s = ra->ref_value[k];
    if (!listed[s])
      listed[s] = 1, *zw_push(ra->a, &ra->map_slots) = s;
  }
  for (uint32_t k = 0; k < ra->maps.n; k++)
    ra->maps.p[k].first = 0, ra->maps.p[k].n = ra->map_slots.n;
}

// ---- what lives where, exactly ----
static void ref_live_sets(Ra *ra)
{
  const ZirFunc *z = ra->z;
  ra->ref_words = (ra->nrefs + 63) / 64;
  ra->ref_in = zw_new_array(ra->a, uint64_t, (size_t)ra->ref_words * z->nblocks);
  ra->ref_live = zw_new_array(ra->a, uint64_t, ra->ref_words);
  ra->ref_tmp = zw_new_array(ra->a, uint64_t, ra->ref_words);
  ra->ref_caught = zw_new_array(ra->a, uint64_t, (size_t)ra->ref_words * z->ntries);
  ra->is_caught_known = zw_new_array(ra->a, uint8_t, z->ntries);
  for (uint32_t k = z->norder; k--;) {
    uint32_t b = z->order[k], l = enters_loop(ra, b), nhoist = 0;
    uint64_t *in = ref_in(ra, b);
    ref_block_out(ra, b, in);
    if (l != NO_LOOP)
      hoisted_values(ra, l, &nhoist);
    for (uint32_t j = nhoist; j--;) {
      ref_clear(ra, in, ra->hoist.p[j]);
      ref_uses(ra, in, ra->hoist.p[j]);
    }
    for (uint32_t i = z->blocks[b].end; i-- > z->blocks[b].first + z->blocks[b].nphi;)
      if (!zw_zir_is(z, i, ZV_HOISTED)) {
        ref_clear(ra, in, i);
        ref_uses(ra, in, i);
      }
  }
  for (uint32_t k = 0; k < z->norder; k++) {
    uint32_t b = z->order[k], l = z->blocks[b].loop;
    if (l != NO_LOOP && z->loops[l].header == b)
      l = z->loops[l].parent;
    if (l == NO_LOOP)
      continue;
    const ZBlock *head = &z->blocks[z->loops[l].header];
    uint64_t *in = ref_in(ra, b);
    memcpy(ra->ref_tmp, ref_in(ra, z->loops[l].header), ra->ref_words * sizeof *in);
    for (uint32_t p = head->first; p < head->first + head->nphi; p++)
      ref_clear(ra, ra->ref_tmp, p);
    for (uint32_t w = 0; w < ra->ref_words; w++)
      in[w] |= ra->ref_tmp[w];
  }
  if (z->ntries) // loops may have brought more
    memset(ra->is_caught_known, 0, z->ntries);
}
static bool within(const Ra *ra, uint64_t what, uint32_t per_ins) { return what <= REF_FREE + (uint64_t)per_ins * ra->z->nins; }
static void ref_liveness(Ra *ra)
{
  const ZirFunc *z = ra->z;
  Arena *scratch = &ra->ctx->scratch;
  ArenaMark mark = zw_arena_mark(scratch);
  RefRanges g;
  uint32_t safepoints = ref_ranges(ra, &g, scratch), n = 0;
  uint64_t slots = 0;
  ra->ref_index = zw_new_array(ra->a, uint32_t, z->nins + 1);
  for (uint32_t k = 0; k < z->norder; k++)
    for (uint32_t v = z->blocks[z->order[k]].first; v < z->blocks[z->order[k]].end; v++) {
      uint32_t crosses = is_tracked_ref(ra, v) ? ref_crosses(ra, &g, v) : 0;
      if (crosses)
        ra->ref_index[v] = ++n, slots += crosses;
    }
  if (n) {
    uint64_t words = (n + 63) / 64;
    ra->ref_value = zw_new_array(ra->a, Ref, n);
    if (ra->o->no_exact_maps || !within(ra, words * z->nblocks, REF_WORDS) || !within(ra, slots, REF_SLOTS) ||
        !within(ra, words * ((uint64_t)z->nedges + safepoints), REF_STEPS)) {
      plan_one_map(ra, &g, n, scratch);
    } else {
      for (uint32_t v = 0; v < z->nins; v++)
        if (ra->ref_index[v])
          ra->ref_value[ra->ref_index[v] - 1] = v;
      ra->nrefs = n;
      ref_live_sets(ra);
    }
  }
  zw_arena_release(scratch, mark);
}
// The call v defines its results: what lives across it is ref_live without them, and has to be in memory.
static void ref_call(Ra *ra, Ref v)
{
  if (!ra->nrefs)
    return;
  const ZirFunc *z = ra->z;
  ref_clear(ra, ra->ref_live, v);
  for (Ref j = v + 1; j < z->nins && z->ins[j].op == OP_result && z->ins[j].a == v; j++)
    ref_clear(ra, ra->ref_live, j);
  ra->map_first = ra->map_slots.n;
  for (uint32_t w = 0; w < ra->ref_words; w++)
    for (uint64_t m = ra->ref_live[w]; m; m &= m - 1) {
      Ref r = ra->ref_value[w * 64 + zw_ctz64(m)];
      take_slot(ra, r);
      *zw_push(ra->a, &ra->map_slots) = val_of(ra, r)->slot - 1;
    }
  uint32_t n = ra->map_slots.n - ra->map_first;
  if (ra->maps.n) { // the same as the map before: share it
    const LirMap *last = &ra->maps.p[ra->maps.n - 1];
    if (last->n == n && memcmp(ra->map_slots.p + last->first, ra->map_slots.p + ra->map_first, n * sizeof(uint32_t)) == 0) {
      ra->map_slots.n = ra->map_first;
      ra->map_first = last->first;
    }
  }
  ra->map_n = n;
}
// The newest instruction is the safepoint that ref_call prepared.
static void add_map(Ra *ra)
{
  if (ra->one_map || (ra->nrefs && ra->map_n))
    *zw_push(ra->a, &ra->maps) = (LirMap){ emitted(ra), ra->map_first, ra->map_n };
}
