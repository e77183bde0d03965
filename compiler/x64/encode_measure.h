// The first walk: the order of the chunks, the bytes that do not depend on the layout, marks and bounds.  Part of encode.c.
#pragma once
#include "compiler/emit/lir_pack.h"
#include "encode_int.h"
#include "runtime/base/alloc.h"

// ---- packed LIR ----

enum { PAGE_LIRS = 4096 / sizeof(Lir) };
static void open_pages(Enc *e)
{
  const LirFunc *l = e->l;
  if (!l->parts)
    return;
  Pages *g = e->pages = zw_new(e->s, Pages);
  g->l = *l;
  Lir *lir = g->lir = zw_stale_array(e->s, Lir, l->nlir + PAGE_LIRS);
  g->l.lir = lir + (0 - ((uintptr_t)(lir + l->rest) / sizeof(Lir))) % PAGE_LIRS; // parts begin with a page
  g->there = zw_new_array(e->s, uint8_t, zw_lir_part(l, l->nlir) + 2);
  e->l = &g->l;
}
static void bring_part(Enc *e, uint32_t part)
{
  Pages *g = e->pages;
  const LirFunc *l = &g->l;
  if (g->there[part])
    return;
  uint32_t *at;
  do
    at = &g->ring[g->next++ % RESIDENT];
  while (*at && *at >= g->walk && *at <= g->walk + 2);
  if (*at) {
    uint32_t old = *at - 1, first = zw_lir_part_first(l, old);
    zw_alloc_discard(l->lir + first, (zw_lir_part_end(l, old) - first) * sizeof(Lir));
    g->there[old] = false;
  }
  uint32_t first = zw_lir_part_first(l, part);
  zw_lir_unpack(l->parts[part], l->lir + first, zw_lir_part_end(l, part) - first);
  g->there[part] = true;
  *at = part + 1;
}
// n instructions, of which there may be fewer at the end, are about to be looked at; n is at most LIR_PART.
static __attribute__((noinline)) void bring(Enc *e, uint32_t first, uint32_t n)
{
  for (uint32_t part = zw_lir_part(e->l, first), last = zw_lir_part(e->l, first + n - 1); part <= last; part++)
    if (zw_lir_part_first(e->l, part) < e->l->nlir)
      bring_part(e, part);
}
static inline void need(Enc *e, uint32_t first, uint32_t n)
{
  if (NEVER(e->pages != NULL))
    bring(e, first, n);
}
// From first on, up to where can be looked at, and a part's length beyond; what was there before that stays.
static __attribute__((noinline)) uint32_t bring_run(Enc *e, uint32_t first, uint32_t end)
{
  e->pages->walk = zw_lir_part(e->l, first);
  bring(e, first, LIR_PART);
  uint32_t to = zw_lir_part_end(e->l, zw_lir_part(e->l, first));
  while (to < end && e->l->lir[to].op == X_at) // stays with what it belongs to
    to++;
  return to >= end || end - to < 4 ? end : to; // so do the jumps that end a chunk
}
static inline uint32_t there_until(Enc *e, uint32_t first, uint32_t end) { return NEVER(e->pages != NULL) ? bring_run(e, first, end) : end; }

// ---- order, labels, bounds ----

static uint32_t label_chunk(const Enc *e, uint32_t label)
{
  if (!(label & LABEL_STUB)) {
    CHECK(label < e->l->z->nblocks && e->block_chunk[label] != UINT32_MAX);
    return e->block_chunk[label];
  }
  CHECK((label & ~LABEL_STUB) < e->l->nstubs);
  return e->stub_chunk[label & ~LABEL_STUB];
}

// Where a jump to `label` ends up: chunks that only jump on are looked through (a few: there may be a ring).
static __attribute__((noinline)) uint32_t packed_target_place(Enc *e, uint32_t c)
{
  for (int hops = 0; hops < 4; hops++) {
    const LirChunk *chunk = &e->l->chunks[c];
    if (chunk->first == chunk->end || (e->l->heads[c] & HEAD_OP) != X_jmp)
      break;
    bring(e, chunk->first, 1);
    c = label_chunk(e, e->l->lir[chunk->first].x);
  }
  return c;
}
static uint32_t target_place(Enc *e, uint32_t label)
{
  uint32_t c = label_chunk(e, label);
  if (NEVER(e->pages != NULL))
    return e->pages->resolved ? c : packed_target_place(e, c);
  for (int hops = 0; hops < 4; hops++) {
    const LirChunk *chunk = &e->l->chunks[c];
    if (chunk->first == chunk->end || e->l->lir[chunk->first].op != X_jmp)
      break;
    c = label_chunk(e, e->l->lir[chunk->first].x);
  }
  return c;
}

static inline void set_place(Enc *e, uint32_t label, uint32_t place)
{
  if (label & LABEL_STUB) {
    CHECK((label & ~LABEL_STUB) < e->l->nstubs);
    e->stub_chunk[label & ~LABEL_STUB] = place;
  } else {
    CHECK(label < e->l->z->nblocks);
    e->block_chunk[label] = place;
  }
}
// From now on labels of chunks that only jump on are those of where the jump ends up, and no chunk is looked at for that.
static void resolve_labels(Enc *e)
{
  const LirFunc *l = e->l;
  typedef struct { uint32_t chunk, place; } Resolved;
  VEC(Resolved) jumps = { 0 };
  for (uint32_t c = 0; c < l->nchunks; c++)
    if ((l->heads[c] & HEAD_OP) == X_jmp)
      *zw_push(e->s, &jumps) = (Resolved){ c, packed_target_place(e, c) };
  for (uint32_t k = 0; k < jumps.n; k++)
    set_place(e, l->chunks[jumps.p[k].chunk].label, jumps.p[k].place);
  zw_arena_drop(e->s, jumps.p);
  e->pages->resolved = true;
}

static void index_chunks(Enc *e)
{
  const LirFunc *l = e->l;
  CHECK(l->nstubs <= l->nchunks + l->nlir + l->z->nedges);
  e->block_chunk = zw_stale_array(e->s, uint32_t, l->z->nblocks + 1);
  memset(e->block_chunk, 0xff, sizeof(uint32_t) * l->z->nblocks);
  e->stub_chunk = zw_new_array(e->s, uint32_t, l->nstubs + 1);
  for (uint32_t c = 0; c < l->nchunks; c++) {
    uint32_t label = l->chunks[c].label;
    ASSERT(c == 0 || l->chunks[c].cold >= l->chunks[c - 1].cold);
    set_place(e, label, c);
  }
}

static uint32_t epilogue_bytes(const Enc *e)
{
  uint32_t n = e->frame ? 7 : 0;
  for (unsigned k = 0; k < e->npushes; k++)
    n += 1 + (e->pushes[k] >= 8);
  return n + 3;
}
static bool trivial_epilogue(const Enc *e) { return e->frame == 0 && e->npushes == 0; }

static uint32_t tail_bytes(const Enc *e, uint32_t n)
{
  enum { TO_CALLEE = 12 }; // the longest: compare the element's instance, jne, jmp [rax]
  if (n == 0)
    return epilogue_bytes(e) + 16 + TO_CALLEE;
  return 8 * e->npushes + 4 * 10 + n / 16 * 20 + 8 + TO_CALLEE;
}


// A memory operand of LIR with machine registers.
static X64Mem pseudo_mem(const Enc *e, const Lir *i)
{
  int64_t off;
  switch (i->rn) {
  case REG_SLOT:
    CHECK((uint32_t)i->disp < e->l->nslots);
    off = (int64_t)e->out + e->slot_off[i->disp];
    break;
  case REG_ARG: off = (int64_t)entry_off(e) + 8 + i->disp; break;
  case REG_OUT: off = (int64_t)e->out_base + i->disp; break;
  case REG_AREA: off = (int64_t)e->out + e->area_off + i->disp; break;
  default:
    ASSERT(i->rn == REG_CONST);
    CHECK((uint32_t)i->disp < e->l->nconsts);
    return (X64Mem){ .base = REG_NONE, .index = REG_NONE, .rip = true };
  }
  ASSERT(i->rm == REG_NONE && off == (int32_t)off);
  return (X64Mem){ .base = RSP, .index = REG_NONE, .disp = (int32_t)off };
}
static inline X64Mem mem_of(const Enc *e, const Lir *i)
{
  if (i->rn >= REG_AREA && i->rn != REG_NONE)
    return pseudo_mem(e, i);
  return (X64Mem){ .base = i->rn, .index = i->rm, .scale = i->cc, .disp = i->disp };
}

static uint32_t pseudo_bound(const Enc *e, const Lir *i)
{
  switch (i->op) {
  case X_trapcc: return JCC_BYTES;
  case X_jtable: return 7 + 4 + 3 + 3;
  case X_ret: return epilogue_bytes(e) > JMP_BYTES ? epilogue_bytes(e) : JMP_BYTES;
  case X_tcall: case X_tcall_thunk: case X_tcall_r: return tail_bytes(e, e->out - e->out_base);
  case X_out_area: case X_tail_area: return 7;
  }
  BUG("LIR op %u has no bound", i->op);
}

// The out_area of a call shifts every rsp-based operand between the two: both walks follow it.
static void follow_area(Enc *e, const Lir *i)
{
  switch (i->op) {
  case X_out_area: e->out = (uint32_t)i->imm, e->out_base = 0; break;
  case X_tail_area: e->out = (uint32_t)i->imm + 16, e->out_base = 16; break;
  case X_call: case X_call_thunk: case X_call_m: case X_call_r: case X_tcall: case X_tcall_thunk: case X_tcall_r:
    e->out = e->out_base = 0;
    break;
  }
}

// Do the flags after i say what `test rd, rd` would, as far as zero and sign go?
static bool sets_zero_and_sign(const Lir *i, const Lir *test)
{
  if (i->rd != test->rd || i->sz != test->sz)
    return false;
  switch (i->op) {
#define ROWS(id) case X_##id##_rr: case X_##id##_ri: case X_##id##_rm:
  ROWS(add) ROWS(sub) ROWS(and) ROWS(or) ROWS(xor)
#undef ROWS
  case X_neg_r: return true;
  case X_shl_ri: case X_shr_ri: case X_sar_ri: return (i->imm & (i->sz * 8 - 1)) != 0;
  default: return false;
  }
}
static bool head_reads_flags(const LirFunc *l, uint32_t k) { return zw_x64_rows[l->heads[k] & HEAD_OP].use & U_FR; }
static bool begins_with_condition(const Enc *e, uint32_t k)
{
  if (k >= e->l->nchunks)
    return false;
  if (NEVER(e->pages != NULL))
    return e->pages->conditions ? e->pages->conditions[k / 64] >> k % 64 & 1 : head_reads_flags(e->l, k);
  const LirChunk *c = &e->l->chunks[k];
  return c->first < c->end && (zw_x64_rows[e->l->lir[c->first].op].use & U_FR);
}
// Does an instruction a few above the test set its flags, with nothing between that writes flags or the register?
static bool computed_before(const Lir *test, const Lir *first)
{
  for (const Lir *j = test - 1, *last = test - 4; j >= first && j >= last; j--) {
    if (j->op == X_at) {
      last--;
      continue;
    }
    const X64Row *row = &zw_x64_rows[j->op];
    if (sets_zero_and_sign(j, test))
      return true;
    if (row->use & (U_FW | U_FIX) || row->cls >= X64_CALL || row->form == X64_N || (row->use & U_W && j->rd == test->rd))
      return false;
  }
  return false;
}
// A test of what the instruction before it has computed, when nothing looks at more than zero and sign.
enum { TEST_LOOK = 1024 }; // further down there may be nothing to look at, and nobody writes no flags for so long
static bool is_redundant_test(Enc *e, uint32_t k, const Lir *i, const LirChunk *c)
{
  const Lir *first = e->l->lir + c->first, *end = e->l->lir + c->end;
  if (i->op != X_test_rr || i->rd != i->rn || !computed_before(i, first))
    return false;
  const Lir *last = end - i > TEST_LOOK ? i + TEST_LOOK : end;
  for (const Lir *j = i + 1; j < last; j++) {
    unsigned use = zw_x64_rows[j->op].use;
    if (use & U_FR) {
      unsigned cc = zw_x64_form_has_mem(zw_x64_rows[j->op].form) ? j->ra : j->cc;
      if (cc != CC_E && cc != CC_NE && cc != CC_S && cc != CC_NS)
        return false;
      if (j->op == X_jcc && begins_with_condition(e, target_place(e, j->x)))
        return false;
    }
    if (use & U_FW)
      return true;
  }
  return last == end && !begins_with_condition(e, k + 1);
}

static bool is_short_dispatch(const Lir *first, const Lir *end)
{
  uint32_t n = 0;
  for (const Lir *i = first; i < end && n <= DISPATCH_LIRS; i++)
    n += i->op != X_at;
  return n <= DISPATCH_LIRS;
}
// May chunk c be written again in place k?  Its calls would be in the try of k's block.
static bool in_same_try(const Enc *e, uint32_t k, const LirChunk *c)
{
  const uint32_t *try_of = e->l->z->try_of, here = try_of[e->l->chunks[k].block], there = try_of[c->block];
  return there == TRY_QUIET || here == there;
}
// A jump to a short chunk that ends in a jump table, as interpreters have: the chunk is written again in its place, so
// that each way to the dispatch has an indirect jump, and a branch history, of its own.  Both walks count the copies.
static const LirChunk *copied_dispatch(Enc *e, uint32_t k, uint32_t to)
{
  if (e->copies == DISPATCH_COPIES)
    return NULL;
  const LirChunk *c = &e->l->chunks[to];
  const Lir *lir = e->l->lir;
  if (e->l->z->ntries && !in_same_try(e, k, c))
    return NULL;
  if (NEVER(e->pages != NULL)) {
    if (!(e->l->heads[to] & HEAD_TABLE) || c->end - c->first >= LIR_PART)
      return NULL;
    bring(e, c->first, c->end - c->first);
  }
  if (c->first == c->end || lir[c->end - 1].op != X_jtable || e->l->chunks[k].cold || !is_short_dispatch(lir + c->first, lir + c->end))
    return NULL;
  e->copies++;
  return c;
}

// A jump i to a chunk that ends in a switch, of which the case is known: what stands before the switch is written again, and the label of the case
// is jumped to.  Neither the comparisons nor a jump through a table that is hard to predict are left.
static bool known_case(Enc *e, uint32_t k, const Lir *i, uint32_t to, LirChunk *before, uint32_t *label)
{
  const LirFunc *l = e->l;
  if (!i->imm)
    return false;
  const LirChunk *c = &l->chunks[to];
  uint32_t n = c->end - c->first, taken = (uint32_t)i->imm - 1;
  if (!n || n > CASE_LIRS || e->copies == DISPATCH_COPIES || l->chunks[k].cold || (l->z->ntries && !in_same_try(e, k, c)))
    return false;
  need(e, c->first, n);
  const Lir *last = l->lir + c->end - 1;
  uint32_t of_switch;
  if (last->op == X_jtable) { // behind cmp, jae
    const LirTable *t = &l->tables[last->x];
    *label = taken < t->n ? l->table_labels[t->first + taken] : last[-1].x;
    of_switch = 3;
  } else if (last->op == X_jmp && last->rn != REG_NONE) { // behind a comparison and je for each case
    *label = taken < last->rn ? (last - 2 * last->rn + 2 * taken + 1)->x : last->x;
    of_switch = 2 * last->rn + 1u;
  } else
    return false;
  CHECK(n >= of_switch);
  *before = *c, before->end -= of_switch;
  e->copies++;
  return true;
}

enum { MARKS_PER_LIR = 3 }; // a fault, a constant, a call
static inline Mark *new_mark(Enc *e)
{
  ASSERT(e->marks.n < e->marks.cap);
  return &e->marks.p[e->marks.n++]; // reserved by measure_lirs
}
static inline Mark *mark(Enc *e, MarkKind kind, const uint8_t *p, const Lir *i)
{
  Mark *m = new_mark(e);
  *m = (Mark){ .at = (uint32_t)(p - e->raw.p), .lir = (uint32_t)(i - e->l->lir), .kind = (uint8_t)kind };
  return m;
}
static uint8_t *put_simple(uint8_t *p, unsigned op, unsigned sz, unsigned rd, unsigned rn)
{
  return zw_x64_put(p, &(Lir){ .op = (uint16_t)op, .sz = (uint8_t)sz, .rd = (uint8_t)rd, .rn = (uint8_t)rn }, (X64Mem){ 0 }, NULL);
}
static inline void mark_fault(Enc *e, const uint8_t *p, uint32_t at, unsigned kind)
{
  *new_mark(e) = (Mark){ .at = (uint32_t)(p - e->raw.p), .to = at, .kind = MK_FAULT, .cc = (uint8_t)kind };
}
// An instruction with a memory operand that is not written like most.
static __attribute__((noinline)) uint8_t *measure_mem(Enc *e, uint8_t *p, const Lir *i, const Lir *end)
{
  uint8_t *rip_at = NULL, *from = p;
  const X64Row *row = &zw_x64_rows[i->op];
  if (row->imm != I0) {
    if (i + 1 < end && i[1].op == X_at)
      mark_fault(e, p, i[1].x, i[1].cc ? i[1].cc : TRAP_oob);
  } else if (i->at && row->faults && i->op != X_call_m) {
    mark_fault(e, p, i->at, TRAP_oob);
  }
  p = zw_x64_put(p, i, mem_of(e, i), &rip_at);
  if (rip_at) {
    uint32_t bytes = row->mw ? row->mw : i->sz;
    *zw_push(e->s, &e->const_uses) = (ConstUse){ (uint32_t)(p - rip_at), (uint32_t)(p - from), (uint32_t)i->disp, bytes };
    mark(e, MK_CONST, p, i);
  }
  return p;
}
// The base of a memory operand as a machine register, or one that is none.
static inline unsigned machine_base(const Enc *e, const Lir *i, int32_t *disp)
{
  *disp = i->disp;
  if (i->rn != REG_SLOT)
    return i->rn;
  CHECK((uint32_t)i->disp < e->l->nslots);
  *disp = (int32_t)(e->out + e->slot_off[i->disp]);
  return RSP;
}
// The commonest: load, store, lea, arithmetic with memory.
static inline __attribute__((always_inline)) uint8_t *measure_memory_reg(Enc *e, uint8_t *p, const X64Row *row, const Lir *i, const Lir *end)
{
  int32_t disp;
  unsigned base = machine_base(e, i, &disp);
  if (!has_base(base))
    return measure_mem(e, p, i, end);
  Mark *m = &e->marks.p[e->marks.n]; // counts only if there may be a fault
  m->at = (uint32_t)(p - e->raw.p), m->to = i->at, m->kind = MK_FAULT, m->cc = TRAP_oob;
  e->marks.n += row->faults & (i->at != 0);
  if (i->sz < row->least_sz)
    return put_narrow_memory(p, row, i, base, i->rm, i->cc, disp);
  return put_memory(p, row, i, base, i->rm, i->cc, disp);
}
static inline uint8_t *measure_memory_imm(Enc *e, uint8_t *p, const X64Row *row, const Lir *i, const Lir *end)
{
  int32_t disp;
  unsigned base = machine_base(e, i, &disp);
  if (!has_base(base) || i->sz < row->least_sz)
    return measure_mem(e, p, i, end);
  if (i + 1 < end && i[1].op == X_at)
    mark_fault(e, p, i[1].x, i[1].cc ? i[1].cc : TRAP_oob);
  return put_memory_imm(p, row, i, base, i->rm, i->cc, disp);
}
// A pseudo op; returns the bound of what the second walk will write for it.
static uint32_t measure_pseudo(Enc *e, uint8_t **at, const Lir *i)
{
  uint8_t *p = *at;
  uint32_t bound = 0;
  switch (i->op) {
  case X_movabs_ri: p = zw_x64_put_imm64(p, i->rd, (uint64_t)i->x << 32 | (uint32_t)i->imm); break;
  case X_zero_r: p = put_simple(p, X_xor_rr, 4, i->rd, i->rd); break;
  case X_xorps_zero: p = put_simple(p, X_xorps_rr, 16, i->rd, i->rd); break;
  case X_ones_x: p = put_simple(p, X_pcmpeqd_rr, 16, i->rd, i->rd); break;
  case X_at: break; // read with the instruction before
  case X_unreachable: *p++ = 0x0f, *p++ = 0x0b; break;
  case X_trap: case X_call: case X_call_thunk:
    *p++ = 0xe8;
    zw_put32(p, 0), p += 4;
    mark(e, i->op == X_trap ? MK_TRAP : MK_CALL, p, i);
    break;
  default:
    bound = pseudo_bound(e, i);
    CHECK(bound <= UINT16_MAX);
    mark(e, MK_PSEUDO, p, i)->bound = (uint16_t)bound;
    e->ntraps += i->op == X_trapcc;
    break;
  }
  *at = p;
  return bound;
}
static uint32_t measure_jump(Enc *e, uint32_t k, uint32_t to)
{
  if (to == k + 1)
    return 0;
  zw_reserve(e->s, &e->marks, e->marks.n + 1);
  *new_mark(e) = (Mark){ .at = e->raw.n, .to = to, .kind = MK_JUMP, .bound = JMP_BYTES };
  return JMP_BYTES;
}
static uint32_t measure_lirs(Enc *e, uint32_t k, const LirChunk *c);
static inline bool is_label_of(const Enc *e, uint32_t label, uint32_t k)
{
  if (NEVER(e->pages != NULL)) // it may be resolved
    return k < e->l->nchunks && e->l->chunks[k].label == label;
  return label_chunk(e, label) == k;
}
// The instructions [from, to) of chunk c; its last jumps are not apart.  Returns the bound of what the second walk adds to the bytes written here.
static __attribute__((noinline)) uint32_t measure_run(Enc *e, uint32_t k, const LirChunk *c, uint32_t from, uint32_t to)
{
  const Lir *first = e->l->lir + from, *end = e->l->lir + to;
  uint32_t sum = 0;
  uint32_t count = to - from;
  zw_reserve(e->s, &e->raw, e->raw.n + (count + 1) * X64_PUT_BYTES);
  zw_reserve(e->s, &e->marks, e->marks.n + MARKS_PER_LIR * count);
  uint8_t *p = e->raw.p + e->raw.n;
  const uint8_t *raw_end = e->raw.p + e->raw.cap;
  for (const Lir *i = first; i < end; i++) {
    CHECK(i->op < X64_NOPS);
    ASSERT((size_t)(raw_end - p) >= X64_PUT_BYTES);
    const X64Row *row = &zw_x64_rows[i->op];
    switch ((X64Class)row->cls) {
    case X64_MEMORY_REG: p = measure_memory_reg(e, p, row, i, end); continue;
    case X64_PLAIN_RR: p = put_class(p, row, i, X64_PLAIN_RR); continue;
    case X64_PLAIN_ALU: p = put_class(p, row, i, X64_PLAIN_ALU); continue;
    case X64_PLAIN_RX: p = put_class(p, row, i, X64_PLAIN_RX); continue;
    case X64_PLAIN_MOV: p = put_class(p, row, i, X64_PLAIN_MOV); continue;
    case X64_PLAIN_SHIFT: p = put_class(p, row, i, X64_PLAIN_SHIFT); continue;
    case X64_MEMORY_IMM: p = measure_memory_imm(e, p, row, i, end); continue;
    case X64_MEMORY: p = measure_mem(e, p, i, end); continue;
    case X64_TEST:
      if (!is_redundant_test(e, k, i, c))
        p = put_class(p, row, i, X64_PLAIN_RX);
      continue;
    case X64_PLAIN_PUSH: case X64_PLAIN: p = zw_x64_put_any(p, i, (X64Mem){ 0 }, NULL); continue;
    case X64_CALL:
      p = i->op == X_call_m ? measure_mem(e, p, i, end) : zw_x64_put_any(p, i, (X64Mem){ 0 }, NULL);
      mark(e, MK_CALLED, p, i);
      follow_area(e, i);
      continue;
    case X64_PSEUDO:
      sum += measure_pseudo(e, &p, i);
      follow_area(e, i);
      continue;
    case X64_JUMP: break;
    }
    bool jmp = i->op == X_jmp, turn = false, last = i + 1 == end;
    if (jmp && last && is_label_of(e, i->x, k + 1))
      break;
    uint32_t target = target_place(e, i->x), other;
    if (jmp && last) {
      if (target == k + 1) // to what follows anyway
        break;
      LirChunk before;
      uint32_t label = 0;
      const LirChunk *copy = known_case(e, k, i, target, &before, &label) ? &before : copied_dispatch(e, k, target);
      if (copy) {
        CHECK(p <= raw_end);
        e->raw.n = (uint32_t)(p - e->raw.p);
        sum += measure_lirs(e, k, copy);
        return copy == &before ? sum + measure_jump(e, k, target_place(e, label)) : sum;
      }
    }
    if (!jmp && target == k + 1 && i + 2 == end && i[1].op == X_jmp && (other = target_place(e, i[1].x)) != k + 1)
      target = other, turn = true; // jcc A; jmp B where A follows: the condition is turned round and the jmp goes
    Mark *m = mark(e, jmp ? MK_JUMP : MK_JCC, p, i);
    m->to = target;
    m->cc = i->cc ^ turn;
    sum += m->bound = jmp ? JMP_BYTES : JCC_BYTES;
    if (turn)
      break;
  }
  CHECK(p <= raw_end && e->marks.n <= e->marks.cap); // as reserved: no instruction is longer
  e->raw.n = (uint32_t)(p - e->raw.p);
  return sum;
}
static __attribute__((noinline)) uint32_t measure_lirs(Enc *e, uint32_t k, const LirChunk *c)
{
  uint32_t sum = 0;
  for (uint32_t at = c->first, to; at < c->end; at = to) {
    to = there_until(e, at, c->end);
    sum += measure_run(e, k, c, at, to);
  }
  return sum;
}

// Packed LIR: one part of a chunk after the other.
static void measure_twice(Enc *e)
{
  e->pages->twice = true;
  zw_arena_drop(e->s, e->raw.p), zw_arena_drop(e->s, e->marks.p), zw_arena_drop(e->s, e->ends);
  e->raw.p = NULL, e->marks.p = NULL, e->ends = NULL;
  e->raw.n = e->marks.n = e->raw.cap = e->marks.cap = 0;
}
static bool leaves_too_much(const Enc *e, uint32_t k)
{
  const uint64_t side = e->raw.n + sizeof(Mark) * e->marks.n + sizeof(ChunkEnd) * k, code = e->l->z->m->code_len;
  return side > SIDE_MOST * code || side + CHUNK_BYTES * (uint64_t)e->l->nchunks > SIDE_AND_CHUNKS * code;
}
static uint32_t measure_part(Enc *e, uint32_t k, const LirChunk *c, uint32_t from, uint32_t to)
{
  if (e->pages->twice) // it is alone in both
    e->raw.n = e->marks.n = 0;
  uint32_t sum = measure_run(e, k, c, from, to);
  zw_reserve(e->s, &e->raw, e->raw.n + COPY_STEP);
  return sum;
}
static __attribute__((noinline)) uint32_t measure_parts(Enc *e, uint32_t k, const LirChunk *c)
{
  uint32_t sum = 0;
  for (uint32_t at = c->first, to; at < c->end; at = to) {
    to = bring_run(e, at, c->end);
    uint32_t from = e->pages->twice ? 0 : e->raw.n;
    sum += measure_part(e, k, c, at, to);
    sum += e->raw.n - from;
    if (!e->pages->twice && leaves_too_much(e, k))
      measure_twice(e);
  }
  if (e->ends)
    e->ends[k] = (ChunkEnd){ e->raw.n, e->marks.n };
  return sum;
}

// The last block of the loop whose header is chunk c, or UINT32_MAX.
static uint32_t last_block(const LirFunc *l, uint32_t c)
{
  uint32_t lo = 0, hi = l->nloops;
  while (lo < hi) {
    uint32_t mid = (lo + hi) / 2;
    if (l->loops[mid].chunk < c)
      lo = mid + 1;
    else
      hi = mid;
  }
  return lo < l->nloops && l->loops[lo].chunk == c ? l->loops[lo].last_block : UINT32_MAX;
}

// Alignment of the loop whose header is chunk c, from the bound of its blocks' sizes.
static unsigned loop_alignment(const Enc *e, uint32_t c, const uint32_t *before)
{
  uint32_t end = last_block(e->l, c);
  if (end == UINT32_MAX)
    return 16;
  uint32_t last_chunk = e->block_chunk[end];
  if (last_chunk == UINT32_MAX) // its last block held nothing but a jump
    return 16;
  uint32_t last = last_chunk;
  return last >= c && before[last + 1] - before[c] <= HOT_LOOP_BYTES ? 32 : 16;
}

enum { STACK_CHECK_BYTES = 8 + 4 + JCC_BYTES };
static uint32_t prologue_bound(const Enc *e)
{
  uint32_t probes = e->frame > PROBE_PAGE ? PROBE_UNROLL * 12 + 40 : 0;
  return STACK_CHECK_BYTES + 2 * e->npushes + 7 + probes;
}

// First walk: bounds of all LIR, then of the offsets of all chunks.
static void measure(Enc *e)
{
  const LirFunc *l = e->l;
  uint32_t *before = e->chunk_off = zw_stale_array(e->s, uint32_t, l->nchunks + 1), sum = 0; // first how much is before each
  e->pad = zw_stale_array(e->s, uint8_t, l->nchunks + 1);
  ChunkEnd *end = e->ends = zw_stale_array(e->s, ChunkEnd, l->nchunks + 1);
  if (!e->pages) {
    zw_reserve(e->s, &e->marks, l->nlir / 2 + 16);
    zw_reserve(e->s, &e->raw, 5 * l->nlir + 256);
  }
  for (uint32_t k = 0; k < l->nchunks; k++) {
    const LirChunk *c = &l->chunks[k];
    CHECK(c->first <= c->end && c->end <= l->nlir);
    before[k] = sum;
    if (NEVER(e->pages != NULL)) {
      sum += measure_parts(e, k, c);
    } else {
      uint32_t from = e->raw.n;
      sum += measure_run(e, k, c, c->first, c->end);
      sum += e->raw.n - from;
      end[k] = (ChunkEnd){ e->raw.n, e->marks.n };
    }
    ASSERT(e->out == 0);
  }
  before[l->nchunks] = sum;
  uint32_t ub = prologue_bound(e), from = 0;
  for (uint32_t k = 0; k < l->nchunks; k++) {
    const LirChunk *c = &l->chunks[k];
    uint32_t to = before[k + 1];
    e->pad[k] = 1;
    if (c->align && !c->cold && k) {
      unsigned pad = loop_alignment(e, k, before);
      e->pad[k] = (uint8_t)pad;
      e->align32 |= pad == 32;
      ub += pad - 1;
    }
    before[k] = ub;
    ub += to - from, from = to;
  }
  before[l->nchunks] = e->end_ub = ub;
}
