// References: who lives where, and the stack maps that say so.  Part of ra_core.h.
#pragma once
#include "ra_edges.h"

// ---- references and stack maps ----
// At a safepoint every live reference is in its slot, and the map lists exactly those slots.  Liveness of references is
// exact: bit sets per block, from a pass of their own over functions that have any.  ref_in[b] is what lives just below
// b's phis.  What lives into a loop's header lives everywhere in the loop, so two sweeps are enough.
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
static inline void ref_def(const Ra *ra, Ref v)
{
  if (ra->nrefs)
    ref_clear(ra, ra->ref_live, v);
}
// out |= what lives into a handler
static void ref_merge(const Ra *ra, uint64_t *out, uint32_t t)
{
  const uint64_t *in = ref_in(ra, t);
  for (uint32_t w = 0; w < ra->ref_words; w++)
    out[w] |= in[w];
}
static bool ref_test(const Ra *ra, const uint64_t *set, Ref v)
{
  return ra->ref_index[v] && (set[(ra->ref_index[v] - 1) / 64] >> (ra->ref_index[v] - 1) % 64 & 1);
}
// What lives at the end of b.  Back edges ask for the arguments of every phi of their header.
static void ref_block_out(const Ra *ra, uint32_t b, uint64_t *out)
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
      if (t->pos <= k->pos ? ra->ref_index[t->first + p] != 0 : ref_test(ra, in, t->first + p))
        ref_set(ra, sum, z->edge_args[e->args + p]);
    for (uint32_t w = 0; w < ra->ref_words; w++)
      out[w] |= sum[w];
  }
  for (uint32_t t = k->try_region; t != UINT32_MAX; t = z->tries[t].parent)
    for (uint32_t c = 0; c < z->tries[t].ncatches; c++)
      ref_merge(ra, out, z->catches[z->tries[t].catches + c].block);
}
static void ref_operands(const Ra *ra, uint64_t *set, uint32_t i)
{
  const ZirFunc *z = ra->z;
  const ZIns *ins = &z->ins[i];
  Ref ops[3];
  if (!zw_zir_is_used(z, i) && !zw_zir_must_run(z, i)) // will not be there to read them
    return;
  uint32_t n = zw_zir_operands(z, ins, ops, 3);
  for (uint32_t j = 0; j < n; j++)
    ref_set(ra, set, n <= 3 ? ops[j] : z->xa[ins->a + j]);
}
static void ref_liveness(Ra *ra)
{
  const ZirFunc *z = ra->z;
  ra->ref_index = zw_new_array(ra->a, uint32_t, z->nins + 1);
  for (uint32_t v = 0; v < z->nins; v++)
    if (z->ins[v].ty == VK_REF && zw_zir_is_used(z, v) && !zw_zir_is(z, v, ZV_DEAD) && !(ra->val[v].vstate & VS_REMAT))
      ra->ref_index[v] = ++ra->nrefs;
  if (!ra->nrefs)
    return;
  ra->ref_value = zw_new_array(ra->a, Ref, ra->nrefs);
  for (uint32_t v = 0; v < z->nins; v++)
    if (ra->ref_index[v])
      ra->ref_value[ra->ref_index[v] - 1] = v;
  ra->ref_words = (ra->nrefs + 63) / 64;
  if ((uint64_t)ra->ref_words * z->nblocks > 1u << 22)
    zw_fail(ra->ctx, ERR_limit, ZW_NO_POS, "function %u keeps too many references across too many blocks", z->func);
  ra->ref_in = zw_new_array(ra->a, uint64_t, (size_t)ra->ref_words * z->nblocks);
  ra->ref_live = zw_new_array(ra->a, uint64_t, ra->ref_words);
  ra->ref_tmp = zw_new_array(ra->a, uint64_t, ra->ref_words);
  for (uint32_t k = z->norder; k--;) {
    uint32_t b = z->order[k], l = enters_loop(ra, b), nhoist = 0;
    uint64_t *in = ref_in(ra, b);
    ref_block_out(ra, b, in);
    if (l != NO_LOOP)
      hoisted_values(ra, l, &nhoist);
    for (uint32_t j = nhoist; j--;) {
      ref_clear(ra, in, ra->hoist.p[j]);
      ref_operands(ra, in, ra->hoist.p[j]);
    }
    for (uint32_t i = z->blocks[b].end; i-- > z->blocks[b].first + z->blocks[b].nphi;)
      if (!zw_zir_is(z, i, ZV_HOISTED)) {
        ref_clear(ra, in, i);
        ref_operands(ra, in, i);
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
      *zw_push(ra->a, &ra->map_slots) = ra->val[r].slot - 1;
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
  if (ra->nrefs && ra->map_n)
    *zw_push(ra->a, &ra->maps) = (LirMap){ emitted(ra), ra->map_first, ra->map_n };
}
