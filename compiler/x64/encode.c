// P4: LIR to bytes, one function, two walks over the LIR.
//
// in   LirFunc: chunks of LIR with physical registers; slots by id, labels by block or stub number
// out  FuncCode: hot chunks, cold chunks, trap stubs, then an island of constants and jump tables; sites, stack
//      maps, handlers and call frame information as by-products of the order in which code is written
//
// The first walk writes every instruction whose bytes do not depend on the layout to a side buffer, lists what does (and what needs to
// know where it ends up) as marks, and adds up an upper bound of the code's size: exact but for branches and padding.  The second
// goes from mark to mark: it copies what lies between and knows the largest possible distance of a forward branch when it writes
// it: at most 127 means rel8.  Backward branches are exact.  Each mark reserves its bound with one CHECK.
#include "compiler/x64/asm_put.h"
#include "compiler/base/tune.h"
#include "compiler/emit/cfi.h"
#include "compiler/x64/x64_int.h"
#include "runtime/base/leb.h"
#include "runtime/base/vec.h"

enum {
  EPILOGUE_COPIES = TUNE_EPILOGUES,     // further returns jump to the last copy
  CHECKED_FRAME = 1024,    // frames above this are part of the stack check; smaller ones fit in the limit's headroom
  PROBE_PAGE = 4096,       // frames above this touch each page on the way down (Windows commits stacks page by page)
  PROBE_UNROLL = 4,
  HOT_LOOP_BYTES = TUNE_HOT_LOOP_BYTES,    // loops up to this are aligned to 32, larger ones to 16
  JCC_BYTES = 6, JMP_BYTES = 5, CALL_BYTES = 5,
  MAX_FRAME = 1 << 30,
  COPY_STEP = 32,
  DISPATCH_LIRS = TUNE_DISPATCH_LIRS,      // a dispatch up to this is repeated where a jump would go to it,
  DISPATCH_COPIES = 400,   // so many times in a function
};

// Something of the first walk that the second has to look at, behind `at` bytes of the side buffer.
typedef enum MarkKind {
  MK_JUMP, MK_JCC,         // to place `to`, on `cc`
  MK_PSEUDO,               // written by put_pseudo
  MK_FAULT,                // the next instruction is a memory access that may fault
  MK_CONST,                // the instruction before has a rip-relative operand: const_uses in their order
  MK_CALL,                 // a call of a function or thunk has been written: fixup, then as
  MK_CALLED,               // any other call
  MK_TRAP,                 // likewise
} MarkKind;
typedef struct Mark { uint32_t at, lir, to; uint16_t bound; uint8_t kind, cc; } Mark;
typedef struct Patch { uint32_t at, chunk; bool rel8; } Patch;          // forward branch to a chunk
typedef struct ConstUse { uint32_t at, next, id, bytes; } ConstUse;     // rip-relative field; rip = next.  First walk: at = bytes from it to next
typedef struct TableUse { uint32_t at, id; } TableUse;                  // rip-relative field at the end of its lea
typedef struct TrapStub { uint32_t kind, wasm_at, jump_at; bool rel8, no_frame, shared; } TrapStub; // shared: with the one before

typedef struct Enc {
  Ctx *ctx;
  const LirFunc *l;
  Arena *s;                            // scratch
  uint8_t *base, *p, *end;
  // frame: [rsp] 8-byte slots by weight | 16-byte slots by weight | area | saved registers | return address | arguments
  uint32_t *slot_off, frame, area_off, npushes, out, out_base;
  uint8_t pushes[X64_NSAVE];
  // chunks in final order
  uint32_t *order, *place;             // order[k] = chunk; place[chunk] = k
  uint32_t *chunk_ub, *chunk_off;      // by place: upper bound of its offset, and its offset once written
  uint8_t *pad;                        // by place: alignment wanted (1 = none)
  uint32_t *raw_end, *mark_end;        // by place: of its bytes in raw, of its marks
  uint32_t *block_chunk, *stub_chunk, nstubs;
  uint32_t ntraps;                     // trapcc of the function
  uint64_t *frame_bits;                // a bit per 8 bytes of the frame; zero between stack maps
  uint32_t k, ub, end_ub;              // current place; bound of the current offset; bound of the end of all chunks
  uint32_t epilogues, epilogue_off, copies;
  VEC(uint8_t) raw;                    // instructions of the first walk
  VEC(Mark) marks;
  uint32_t raw_at, mark_at, const_at;  // what the second walk has taken of them and of const_uses
  bool align32;
  uint64_t libcalls;                   // as FuncCode
  VEC(Patch) patches;
  VEC(ConstUse) const_uses;
  VEC(TableUse) table_uses;
  VEC(TrapStub) stubs;
  VEC(Fixup) fixups;
  VEC(uint8_t) sites, maps;
  uint32_t nsites, site_pc, site_at, nmaps, map_pc;
  VEC(ImageInline) inlines;            // that sites name
  uint32_t *inline_index;              // by position of ZirFunc.inlines: its index in inlines + 1
  Cfi cfi;
} Enc;

static uint32_t here(const Enc *e) { return (uint32_t)(e->p - e->base); }
static uint32_t entry_off(const Enc *e) { return e->out + e->frame + 8 * e->npushes; } // of the return address from rsp

// ---- frame ----

// Slots of one size in order of weight (by powers of two: near enough, and linear); returns the end.
static uint32_t place_slots(Enc *e, unsigned bytes, uint32_t off)
{
  const LirFunc *l = e->l;
  uint32_t first[34] = { 0 };
  for (uint32_t s = 0; s < l->nslots; s++)
    if (l->slot_bytes[s] == bytes)
      first[zw_clz32(l->slot_weight[s]) + 1]++;
  for (unsigned k = 1; k < 34; k++)
    first[k] += first[k - 1];
  uint32_t n = first[33];
  for (uint32_t s = 0; s < l->nslots; s++)
    if (l->slot_bytes[s] == bytes)
      e->slot_off[s] = off + bytes * first[zw_clz32(l->slot_weight[s])]++;
  return off + bytes * n;
}

static void layout_frame(Enc *e)
{
  const LirFunc *l = e->l;
  e->slot_off = zw_stale_array(e->s, uint32_t, l->nslots + 1);
  for (unsigned k = 0; k < X64_NSAVE; k++)
    if (l->used_saved & X64_BIT(x64_save_order[k]))
      e->pushes[e->npushes++] = x64_save_order[k];
  uint64_t at = place_slots(e, 8, 0), small = at;
  at = zw_align_up(at, 16);
  uint64_t wide = place_slots(e, 16, (uint32_t)at);
  bool has_wide = wide != at;
  e->area_off = (uint32_t)wide;
  uint64_t bytes = l->area_bytes ? wide + l->area_bytes : has_wide ? wide : small;
  // rsp is a multiple of 16 plus 8 on entry
  bool odd = (bytes / 8 + e->npushes) % 2 == 0;
  if (odd && (l->has_calls || has_wide || l->area_bytes))
    bytes += 8;
  if (bytes > MAX_FRAME)
    zw_fail(e->ctx, ERR_limit, ZW_NO_POS, "function %u needs a stack frame of %llu bytes", l->z->func, (unsigned long long)bytes);
  e->frame = (uint32_t)bytes;
  e->frame_bits = zw_new_array(e->s, uint64_t, bytes / 512 + 1);
}

// ---- order, labels, bounds ----

static uint32_t label_chunk(const Enc *e, uint32_t label)
{
  if (!(label & LABEL_STUB)) {
    CHECK(label < e->l->z->nblocks && e->block_chunk[label] != UINT32_MAX);
    return e->block_chunk[label];
  }
  CHECK((label & ~LABEL_STUB) < e->nstubs);
  return e->stub_chunk[label & ~LABEL_STUB];
}

// Where a jump to `label` ends up: chunks that only jump on are looked through (a few: there may be a ring).
static uint32_t target_place(const Enc *e, uint32_t label)
{
  uint32_t c = label_chunk(e, label);
  for (int hops = 0; hops < 4; hops++) {
    const LirChunk *chunk = &e->l->chunks[c];
    if (chunk->first == chunk->end || e->l->lir[chunk->first].op != X_jmp)
      break;
    c = label_chunk(e, e->l->lir[chunk->first].x);
  }
  return e->place[c];
}

static void order_chunks(Enc *e)
{
  const LirFunc *l = e->l;
  for (uint32_t c = 0; c < l->nchunks; c++) {
    uint32_t label = l->chunks[c].label;
    if (label & LABEL_STUB && (label & ~LABEL_STUB) >= e->nstubs)
      e->nstubs = (label & ~LABEL_STUB) + 1;
  }
  CHECK(e->nstubs <= l->nchunks + l->nlir + l->z->nedges);
  e->block_chunk = zw_stale_array(e->s, uint32_t, l->z->nblocks + 1);
  memset(e->block_chunk, 0xff, sizeof(uint32_t) * l->z->nblocks);
  e->stub_chunk = zw_new_array(e->s, uint32_t, e->nstubs + 1);
  e->order = zw_stale_array(e->s, uint32_t, l->nchunks + 1);
  e->place = zw_stale_array(e->s, uint32_t, l->nchunks + 1);
  uint32_t k = 0;
  for (int cold = 0; cold < 2; cold++)
    for (uint32_t c = 0; c < l->nchunks; c++)
      if (l->chunks[c].cold == cold)
        e->place[c] = k, e->order[k++] = c;
  for (uint32_t c = 0; c < l->nchunks; c++) {
    uint32_t label = l->chunks[c].label;
    if (label & LABEL_STUB)
      e->stub_chunk[label & ~LABEL_STUB] = c;
    else {
      CHECK(label < l->z->nblocks);
      e->block_chunk[label] = c;
    }
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

// A jmp at the end of a chunk to what follows it anyway.
static bool falls_through(const Enc *e, uint32_t k, const Lir *i, const Lir *end) { return i + 1 == end && target_place(e, i->x) == k + 1; }
// jcc A; jmp B where A follows: the condition is turned round and the jmp goes.
static bool turns_round(const Enc *e, uint32_t k, const Lir *i, const Lir *end)
{
  return i + 2 == end && i[1].op == X_jmp && target_place(e, i->x) == k + 1 && target_place(e, i[1].x) != k + 1;
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
  case X_tcall: case X_tcall_thunk: case X_tcall_r: return tail_bytes(e, (uint32_t)i->imm);
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
    ASSERT(e->out - e->out_base == (uint32_t)i->imm);
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
static bool begins_with_condition(const Enc *e, uint32_t k)
{
  if (k >= e->l->nchunks)
    return false;
  const LirChunk *c = &e->l->chunks[e->order[k]];
  return c->first < c->end && (zw_x64_rows[e->l->lir[c->first].op].use & U_FR);
}
// A test of what the instruction before it has computed, when nothing looks at more than zero and sign.
static bool is_redundant_test(const Enc *e, uint32_t k, const Lir *i, const Lir *first, const Lir *end)
{
  if (i->op != X_test_rr || i->rd != i->rn || i == first || !sets_zero_and_sign(i - 1, i))
    return false;
  for (const Lir *j = i + 1; j < end; j++) {
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
  return !begins_with_condition(e, k + 1);
}

// A jump to a short chunk that ends in a jump table, as interpreters have: the chunk is written again in its place, so
// that each way to the dispatch has an indirect jump, and a branch history, of its own.  Both walks count the copies.
static const LirChunk *copied_dispatch(Enc *e, uint32_t k, const Lir *i, const Lir *end)
{
  if (i + 1 != end || i->op != X_jmp || e->copies == DISPATCH_COPIES || falls_through(e, k, i, end))
    return NULL;
  const LirChunk *c = &e->l->chunks[e->order[target_place(e, i->x)]];
  const Lir *lir = e->l->lir;
  if (c->end - c->first > DISPATCH_LIRS || c->first == c->end || lir[c->end - 1].op != X_jtable || e->l->chunks[e->order[k]].cold)
    return NULL;
  e->copies++;
  return c;
}

static Mark *mark(Enc *e, MarkKind kind, const uint8_t *p, const Lir *i)
{
  Mark *m = zw_push(e->s, &e->marks);
  *m = (Mark){ .at = (uint32_t)(p - e->raw.p), .lir = (uint32_t)(i - e->l->lir), .kind = (uint8_t)kind };
  return m;
}
static uint8_t *put_simple(uint8_t *p, unsigned op, unsigned sz, unsigned rd, unsigned rn)
{
  return zw_x64_put(p, &(Lir){ .op = (uint16_t)op, .sz = (uint8_t)sz, .rd = (uint8_t)rd, .rn = (uint8_t)rn }, (X64Mem){ 0 }, NULL);
}
// An instruction with a memory operand.
static inline uint8_t *measure_mem(Enc *e, uint8_t *p, const Lir *i, bool is_short)
{
  uint8_t *rip_at = NULL, *from = p;
  if (i->at && i->op != X_call_m && i->op != X_lea)
    mark(e, MK_FAULT, p, i);
  X64Mem m = mem_of(e, i);
  p = is_short ? put_memory(p, &zw_x64_rows[i->op], i, m, &rip_at) : zw_x64_put_any(p, i, m, &rip_at);
  if (NEVER(rip_at != NULL)) {
    uint32_t bytes = zw_x64_rows[i->op].mw ? zw_x64_rows[i->op].mw : i->sz;
    *zw_push(e->s, &e->const_uses) = (ConstUse){ (uint32_t)(p - rip_at), (uint32_t)(p - from), (uint32_t)i->disp, bytes };
    mark(e, MK_CONST, p, i);
  }
  return p;
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
// Returns the bound of what the second walk adds to the bytes written here.
static uint32_t measure_lirs(Enc *e, uint32_t k, const LirChunk *c)
{
  const Lir *first = e->l->lir + c->first, *end = e->l->lir + c->end;
  uint32_t sum = 0;
  zw_reserve(e->s, &e->raw, e->raw.n + (c->end - c->first + 1) * X64_PUT_BYTES);
  uint8_t *p = e->raw.p + e->raw.n, *raw_end = e->raw.p + e->raw.cap;
  for (const Lir *i = first; i < end; i++) {
    CHECK(i->op < X64_NOPS && (size_t)(raw_end - p) >= X64_PUT_BYTES);
    const X64Row *row = &zw_x64_rows[i->op];
    switch ((X64Class)row->cls) {
    case X64_PLAIN_RR: case X64_PLAIN_RX: case X64_PLAIN_ALU: case X64_PLAIN_MOV: case X64_PLAIN_SHIFT: p = put_plain(p, row, i); continue;
    case X64_MEMORY_REG: p = measure_mem(e, p, i, true); continue;
    case X64_MEMORY: p = measure_mem(e, p, i, false); continue;
    case X64_TEST:
      if (is_redundant_test(e, k, i, first, end))
        continue;
      // fall through
    case X64_PLAIN: p = zw_x64_put_any(p, i, (X64Mem){ 0 }, NULL); continue;
    case X64_CALL:
      p = i->op == X_call_m ? measure_mem(e, p, i, false) : zw_x64_put_any(p, i, (X64Mem){ 0 }, NULL);
      mark(e, MK_CALLED, p, i);
      follow_area(e, i);
      continue;
    case X64_PSEUDO:
      sum += measure_pseudo(e, &p, i);
      follow_area(e, i);
      continue;
    case X64_JUMP: break;
    }
    if (i->op == X_jmp) {
      const LirChunk *copy = copied_dispatch(e, k, i, end);
      if (copy) {
        e->raw.n = (uint32_t)(p - e->raw.p);
        return sum + measure_lirs(e, k, copy);
      }
      if (falls_through(e, k, i, end))
        continue;
    }
    bool turn = i->op == X_jcc && turns_round(e, k, i, end);
    Mark *m = mark(e, i->op == X_jmp ? MK_JUMP : MK_JCC, p, i);
    m->to = target_place(e, turn ? i[1].x : i->x);
    m->cc = i->cc ^ turn;
    sum += m->bound = i->op == X_jmp ? JMP_BYTES : JCC_BYTES;
    if (turn)
      break;
  }
  e->raw.n = (uint32_t)(p - e->raw.p);
  return sum;
}

// The bound of the size of the chunk at place k.
static uint32_t measure_chunk(Enc *e, uint32_t k)
{
  const LirChunk *c = &e->l->chunks[e->order[k]];
  CHECK(c->first <= c->end && c->end <= e->l->nlir);
  uint32_t from = e->raw.n, sum = measure_lirs(e, k, c);
  ASSERT(e->out == 0);
  e->raw_end[k] = e->raw.n, e->mark_end[k] = e->marks.n;
  return sum + (e->raw.n - from);
}

// Alignment of the loop whose header is chunk c, from the bound of its blocks' sizes.
static unsigned loop_alignment(const Enc *e, uint32_t c, const uint32_t *size_before)
{
  const LirChunk *chunk = &e->l->chunks[c];
  const ZBlock *b = &e->l->z->blocks[chunk->block];
  if (b->loop >= e->l->z->nloops)
    return 16;
  uint32_t last_chunk = e->block_chunk[e->l->z->loops[b->loop].last_block];
  if (last_chunk == UINT32_MAX) // its last block held nothing but a jump
    return 16;
  uint32_t last = e->place[last_chunk];
  uint32_t k = e->place[c];
  return last >= k && size_before[last + 1] - size_before[k] <= HOT_LOOP_BYTES ? 32 : 16;
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
  e->chunk_ub = zw_stale_array(e->s, uint32_t, l->nchunks + 1);
  e->chunk_off = zw_stale_array(e->s, uint32_t, l->nchunks + 1);
  e->raw_end = zw_stale_array(e->s, uint32_t, l->nchunks + 1);
  e->mark_end = zw_stale_array(e->s, uint32_t, l->nchunks + 1);
  e->pad = zw_stale_array(e->s, uint8_t, l->nchunks + 1);
  uint32_t *before = zw_stale_array(e->s, uint32_t, l->nchunks + 1);
  before[0] = 0;
  zw_reserve(e->s, &e->marks, l->nlir / 2 + 16);
  zw_reserve(e->s, &e->raw, 5 * l->nlir + 256);
  for (uint32_t k = 0; k < l->nchunks; k++)
    before[k + 1] = before[k] + measure_chunk(e, k);
  uint32_t ub = prologue_bound(e);
  for (uint32_t k = 0; k < l->nchunks; k++) {
    const LirChunk *c = &l->chunks[e->order[k]];
    e->pad[k] = c->align && !c->cold && k ? (uint8_t)loop_alignment(e, e->order[k], before) : 1;
    e->align32 |= e->pad[k] == 32;
    ub += e->pad[k] - 1u;
    e->chunk_ub[k] = ub;
    ub += before[k + 1] - before[k];
  }
  e->chunk_ub[l->nchunks] = e->end_ub = ub;
}

// ---- writing ----

static void ins(Enc *e, Lir i)
{
  e->p = zw_x64_put(e->p, &i, (X64Mem){ .base = i.rn, .index = REG_NONE, .disp = i.disp }, NULL);
}
// Load or store [rsp + off].
static void ins_rsp(Enc *e, unsigned op, unsigned sz, unsigned rd, uint32_t off)
{
  ins(e, (Lir){ .op = (uint16_t)op, .sz = (uint8_t)sz, .rd = (uint8_t)rd, .rn = RSP, .disp = (int32_t)off });
}
static void add_rsp(Enc *e, int64_t n)
{
  if (n == 0)
    return;
  bool sub = n < 0 || n == 128; // -128 has a short form and 128 has not
  if (n == -128)
    sub = false;
  ins(e, (Lir){ .op = sub ? X_sub_ri : X_add_ri, .sz = 8, .rd = RSP, .imm = (int32_t)(sub ? -n : n) });
}

// A position in an inlined body gets its number when a site names it; so do those of the calls around it, before it.
static uint32_t site_position(Enc *e, uint32_t at)
{
  const ZirFunc *z = e->l->z;
  uint32_t chain[8], n = 0;
  for (; at & IMAGE_INLINE_AT && !e->inline_index[at & ~IMAGE_INLINE_AT]; at = z->inlines[chain[n - 1]].parent) {
    CHECK(n < ARRAY_COUNT(chain) && (at & ~IMAGE_INLINE_AT) < z->ninlines);
    chain[n++] = at & ~IMAGE_INLINE_AT;
  }
  if (at & IMAGE_INLINE_AT)
    at = IMAGE_INLINE_AT | (e->inline_index[at & ~IMAGE_INLINE_AT] - 1);
  while (n) {
    const ZInline *i = &z->inlines[chain[--n]];
    *zw_push(e->s, &e->inlines) = (ImageInline){ i->func, i->wasm_at, at };
    e->inline_index[chain[n]] = e->inlines.n;
    at = IMAGE_INLINE_AT | (e->inlines.n - 1);
  }
  return at;
}

static inline uint8_t *put_u32(uint8_t *q, uint32_t v)
{
  *q = (uint8_t)v;
  return v < 0x80 ? q + 1 : q + zw_leb_write_u32(q, v);
}
static inline uint8_t *put_s32(uint8_t *q, int32_t v)
{
  *q = v & 0x7f;
  return v >= -64 && v < 64 ? q + 1 : q + zw_leb_write_s32(q, v);
}
static void put_site(Enc *e, unsigned kind, uint32_t wasm_at)
{
  if (wasm_at & IMAGE_INLINE_AT)
    wasm_at = site_position(e, wasm_at);
  zw_reserve(e->s, &e->sites, e->sites.n + 16);
  uint8_t *q = e->sites.p + e->sites.n;
  q = put_u32(q, here(e) - e->site_pc);
  *q++ = (uint8_t)kind;
  q = put_s32(q, (int32_t)(wasm_at - e->site_at));
  e->sites.n = (uint32_t)(q - e->sites.p);
  e->site_pc = here(e), e->site_at = wasm_at, e->nsites++;
}

static void put_fixup(Enc *e, uint32_t target)
{
  *zw_push(e->s, &e->fixups) = (Fixup){ here(e), FX_CALL, target };
  zw_put32(e->p, 0), e->p += 4;
}

// The stack map of the safepoint that LIR number `at` is, or NULL: chunks are not written in the order of the LIR.
static const LirMap *map_at(const LirFunc *l, uint32_t at)
{
  uint32_t lo = 0, hi = l->nmaps;
  while (lo < hi) {
    uint32_t mid = lo + (hi - lo) / 2;
    if (l->maps[mid].lir < at)
      lo = mid + 1;
    else
      hi = mid;
  }
  return lo < l->nmaps && l->maps[lo].lir == at ? &l->maps[lo] : NULL;
}
// After a safepoint's bytes.  Slots ascend: through a bitmap of the frame, because P4 has renumbered them.
static void put_map(Enc *e, uint32_t at)
{
  const LirFunc *l = e->l;
  const LirMap *m = map_at(l, at);
  if (!m)
    return;
  uint32_t lo = UINT32_MAX, hi = 0;
  for (uint32_t k = 0; k < m->n; k++) {
    uint32_t w = e->slot_off[l->map_slots[m->first + k]] / 8;
    e->frame_bits[w / 64] |= 1ull << w % 64;
    lo = w < lo ? w : lo, hi = w > hi ? w : hi;
  }
  zw_reserve(e->s, &e->maps, e->maps.n + 10 + 5 * m->n);
  uint8_t *q = e->maps.p + e->maps.n;
  q += zw_leb_write_u32(q, here(e) - e->map_pc);
  q += zw_leb_write_u32(q, m->n);
  uint32_t last = 0;
  for (uint32_t w = lo / 64; m->n && w <= hi / 64; w++)
    for (; e->frame_bits[w]; e->frame_bits[w] &= e->frame_bits[w] - 1) {
      uint32_t slot = w * 64 + zw_ctz64(e->frame_bits[w]);
      q += zw_leb_write_u32(q, slot - last);
      last = slot;
    }
  e->maps.n = (uint32_t)(q - e->maps.p);
  e->map_pc = here(e), e->nmaps++;
}

// ---- prologue and epilogues, with call frame information exact at every instruction ----

static void cfa_offset(Enc *e, uint32_t off)
{
  zw_cfi_at(&e->cfi, here(e));
  zw_cfi_cfa_offset(&e->cfi, off);
}

// A conditional jump to something in the cold end; at most `bound` bytes away from `ub`.
static uint32_t put_jcc_forward(Enc *e, unsigned cc, bool rel8)
{
  if (rel8)
    *e->p++ = (uint8_t)(0x70 | cc), *e->p++ = 0;
  else
    *e->p++ = 0x0f, *e->p++ = (uint8_t)(0x80 | cc), zw_put32(e->p, 0), e->p += 4;
  return here(e) - (rel8 ? 1 : 4);
}

static void put_jump_to_trap(Enc *e, unsigned cc, uint32_t kind, uint32_t wasm_at, bool no_frame)
{
  ASSERT(e->out == 0);
  // the stubs come after all chunks, in the order of their jumps; the one without a frame last
  uint64_t far = (uint64_t)e->end_ub + CALL_BYTES * (uint64_t)(no_frame ? e->ntraps : e->stubs.n) - e->ub;
  TrapStub *last = e->stubs.n ? &e->stubs.p[e->stubs.n - 1] : NULL;
  bool shared = last && !no_frame && !last->no_frame && last->kind == kind && last->wasm_at == wasm_at;
  TrapStub t = { kind, wasm_at, 0, far <= 127, no_frame, shared };
  t.jump_at = put_jcc_forward(e, cc, t.rel8);
  *zw_push(e->s, &e->stubs) = t;
}

static void stack_check(Enc *e)
{
  const LirFunc *l = e->l;
  bool big = e->frame > CHECKED_FRAME;
  if (l->no_stack_check || (!l->needs_stack_check && !big))
    return;
  if (big)
    ins(e, (Lir){ .op = X_lea, .sz = 8, .rd = RAX, .rn = RSP, .disp = -(int32_t)e->frame });
  ins(e, (Lir){ .op = X_cmp_rm, .sz = 8, .rd = big ? RAX : RSP, .rn = X64_VMCTX, .disp = offsetof(VmCtx, stack_limit) });
  e->ub = STACK_CHECK_BYTES;
  put_jump_to_trap(e, CC_BE, TRAP_stack_overflow, l->z->func == UINT32_MAX ? 0 : (uint32_t)l->z->m->funcs[l->z->func].at, true);
}

// Take the frame page by page, touching each.
static void probe_frame(Enc *e, uint32_t pushed)
{
  uint32_t pages = e->frame / PROBE_PAGE;
  Lir touch = { .op = X_test_mr, .sz = 4, .rd = RSP, .rn = RSP };
  if (pages <= PROBE_UNROLL) {
    for (uint32_t k = 1; k <= pages; k++) {
      add_rsp(e, -PROBE_PAGE);
      cfa_offset(e, pushed + k * PROBE_PAGE);
      ins(e, touch);
    }
    add_rsp(e, (int64_t)pages * PROBE_PAGE - e->frame);
  } else {
    ins(e, (Lir){ .op = X_lea, .sz = 8, .rd = RAX, .rn = RSP, .disp = -(int32_t)e->frame });
    zw_cfi_at(&e->cfi, here(e));
    zw_cfi_cfa(&e->cfi, zw_x64_dwarf[RAX], pushed + e->frame);
    uint32_t loop = here(e);
    add_rsp(e, -PROBE_PAGE);
    ins(e, touch);
    ins(e, (Lir){ .op = X_cmp_rr, .sz = 8, .rd = RSP, .rn = RAX });
    *e->p++ = 0x70 | CC_A;
    *e->p++ = (uint8_t)(loop - (here(e) + 1));
    ins(e, (Lir){ .op = X_mov_rr, .sz = 8, .rd = RSP, .rn = RAX });
    zw_cfi_at(&e->cfi, here(e));
    zw_cfi_cfa(&e->cfi, X64_DWARF_SP, pushed + e->frame);
    return;
  }
  cfa_offset(e, pushed + e->frame);
}

static void prologue(Enc *e)
{
  if (e->l->arg_bytes)
    zw_cfi_value(&e->cfi, X64_DWARF_SP, (int32_t)e->l->arg_bytes);
  stack_check(e);
  uint32_t cfa = 8;
  for (unsigned k = 0; k < e->npushes; k++) {
    ins(e, (Lir){ .op = X_push_r, .rd = e->pushes[k] });
    cfa_offset(e, cfa += 8);
    zw_cfi_saved(&e->cfi, zw_x64_dwarf[e->pushes[k]], cfa);
  }
  if (e->frame > PROBE_PAGE)
    probe_frame(e, cfa);
  else if (e->frame) {
    add_rsp(e, -(int64_t)e->frame);
    cfa_offset(e, cfa + e->frame);
  }
}

// The frame goes; the return address is at [rsp] then.  The caller of this restores the call frame state after its jump.
static void take_down(Enc *e)
{
  uint32_t cfa = 8 + 8 * e->npushes;
  if (e->frame) {
    add_rsp(e, e->frame);
    cfa_offset(e, cfa);
  }
  for (unsigned k = e->npushes; k-- > 0;) {
    ins(e, (Lir){ .op = X_pop_r, .rd = e->pushes[k] });
    cfa_offset(e, cfa -= 8);
    zw_cfi_restored(&e->cfi, zw_x64_dwarf[e->pushes[k]]);
  }
}

static void put_jmp_back(Enc *e, uint32_t off)
{
  int64_t rel = (int64_t)off - (here(e) + 2);
  if (fits8(rel))
    *e->p++ = 0xeb, *e->p++ = (uint8_t)rel;
  else
    *e->p++ = 0xe9, zw_put32(e->p, (uint32_t)(rel - 3)), e->p += 4;
}

static void put_ret(Enc *e)
{
  if (!trivial_epilogue(e) && e->epilogues == EPILOGUE_COPIES) {
    put_jmp_back(e, e->epilogue_off);
    return;
  }
  e->epilogues++, e->epilogue_off = here(e);
  zw_cfi_at(&e->cfi, here(e));
  zw_cfi_remember(&e->cfi);
  take_down(e);
  if (e->l->arg_bytes) {
    CHECK(e->l->arg_bytes <= UINT16_MAX);
    *e->p++ = 0xc2, zw_put16(e->p, (uint16_t)e->l->arg_bytes), e->p += 2;
  } else
    *e->p++ = 0xc3;
  zw_cfi_at(&e->cfi, here(e));
  zw_cfi_restore(&e->cfi);
}

// Tail call with stack arguments of its own: they wait in a tail_area, with 16 bytes free below them for the return
// address, which the arguments may have to overwrite.  Only xmm15 is free.
static void move_tail_area(Enc *e, uint32_t n)
{
  uint32_t ra = entry_off(e), end = ra + 8 + e->l->arg_bytes, dst = end - n;
  for (unsigned k = 0; k < e->npushes; k++) {
    ins_rsp(e, X_mov_rm, 8, e->pushes[k], ra - 8 * (k + 1));
    zw_cfi_at(&e->cfi, here(e));
    zw_cfi_restored(&e->cfi, zw_x64_dwarf[e->pushes[k]]);
  }
  ins_rsp(e, X_movsd_rm, 8, XMM15, ra);
  ins_rsp(e, X_movsd_mr, 8, XMM15, 0);
  zw_cfi_at(&e->cfi, here(e));
  zw_cfi_saved(&e->cfi, X64_DWARF_RA, ra + 8);
  for (uint32_t k = n; k > 0; k -= 16) { // upwards, so from the top
    ins_rsp(e, X_movups_rm, 16, XMM15, 16 + k - 16);
    ins_rsp(e, X_movups_mr, 16, XMM15, dst + k - 16);
  }
  ins_rsp(e, X_movsd_rm, 8, XMM15, 0);
  ins_rsp(e, X_movsd_mr, 8, XMM15, dst - 8);
  ins(e, (Lir){ .op = X_lea, .sz = 8, .rd = RSP, .rn = RSP, .disp = (int32_t)(dst - 8) });
  zw_cfi_at(&e->cfi, here(e));
  zw_cfi_cfa_offset(&e->cfi, 8);
  zw_cfi_saved(&e->cfi, X64_DWARF_RA, 8);
  zw_cfi_value(&e->cfi, X64_DWARF_SP, (int32_t)n);
}

static void put_tail_call(Enc *e, const Lir *i)
{
  uint32_t n = (uint32_t)i->imm, args = e->l->arg_bytes;
  zw_cfi_at(&e->cfi, here(e));
  zw_cfi_remember(&e->cfi);
  if (n)
    move_tail_area(e, n);
  else {
    take_down(e);
    if (args) { // the return address moves up over the arguments
      ASSERT(args >= 16);
      static const uint8_t pop_rsp_disp32[3] = { 0x8f, 0x84, 0x24 }; // pop qword [rsp + disp32]; rsp counts after the pop
      memcpy(e->p, pop_rsp_disp32, 3);
      zw_put32(e->p + 3, args - 8), e->p += 7;
      zw_cfi_at(&e->cfi, here(e)); // CFA is now entry + 8 + args, its return address at CFA - 8
      zw_cfi_cfa_offset(&e->cfi, args);
      zw_cfi_value(&e->cfi, X64_DWARF_SP, 0);
      add_rsp(e, args - 8);
      cfa_offset(e, 8);
    }
  }
  if (i->op == X_tcall_r) {
    ASSERT(i->rd == RAX);
    *e->p++ = 0xff, *e->p++ = 0xe0;
  } else if (i->op == X_tcall_thunk) { // an element of this instance needs no thunk, and so no stack
    static const uint8_t cmp_vmctx_jne[6] = { 0x4c, 0x39, 0x78, offsetof(TableElem, vmctx), 0x0f, 0x85 }; // cmp [rax+8], r15
    memcpy(e->p, cmp_vmctx_jne, 6);
    e->p += 6;
    put_fixup(e, i->x);
    *e->p++ = 0xff, *e->p++ = 0x20; // jmp [rax]
  } else {
    *e->p++ = 0xe9;
    put_fixup(e, i->x);
  }
  zw_cfi_at(&e->cfi, here(e));
  zw_cfi_restore(&e->cfi);
}

// ---- branches ----

// Jump (cc < 0) or jcc to a place: forward with a bound on the distance, backward exactly.
static void put_branch(Enc *e, int cc, uint32_t place, unsigned bytes_if_long)
{
  if (place <= e->k) {
    int64_t rel = (int64_t)e->chunk_off[place] - (here(e) + 2);
    if (fits8(rel))
      *e->p++ = (uint8_t)(cc < 0 ? 0xeb : 0x70 | cc), *e->p++ = (uint8_t)rel;
    else {
      if (cc < 0)
        *e->p++ = 0xe9;
      else
        *e->p++ = 0x0f, *e->p++ = (uint8_t)(0x80 | cc);
      zw_put32(e->p, (uint32_t)(rel + 2 - bytes_if_long)), e->p += 4;
    }
    return;
  }
  bool rel8 = e->chunk_ub[place] - e->ub <= 127; // e->ub: bound of this instruction's end
  uint32_t at;
  if (cc >= 0)
    at = put_jcc_forward(e, (unsigned)cc, rel8);
  else {
    *e->p++ = rel8 ? 0xeb : 0xe9;
    at = here(e);
    zw_put32(e->p, 0);
    e->p += rel8 ? 1 : 4;
  }
  *zw_push(e->s, &e->patches) = (Patch){ at, place, rel8 };
}

static void put_jtable(Enc *e, const Lir *i)
{
  CHECK(i->x < e->l->ntables);
  ASSERT(i->rd != i->rn && i->rd != i->ra);
  uint8_t *rip_at = NULL;
  e->p = zw_x64_put(e->p, &(Lir){ .op = X_lea, .sz = 8, .rd = i->rd }, (X64Mem){ .base = REG_NONE, .index = REG_NONE, .rip = true }, &rip_at);
  *zw_push(e->s, &e->table_uses) = (TableUse){ (uint32_t)(rip_at - e->base), i->x };
  e->p = zw_x64_put(e->p, &(Lir){ .op = X_movsxd_rm, .sz = 8, .rd = i->ra }, (X64Mem){ .base = i->rd, .index = i->rn, .scale = 2 }, NULL);
  ins(e, (Lir){ .op = X_add_rr, .sz = 8, .rd = i->rd, .rn = i->ra });
  if (i->rd >= 8)
    *e->p++ = 0x41;
  *e->p++ = 0xff, *e->p++ = (uint8_t)(0xe0 | (i->rd & 7));
}

static void put_pseudo(Enc *e, const Lir *i)
{
  switch (i->op) {
  case X_trapcc: put_jump_to_trap(e, i->cc, i->x, i->at, false); break;
  case X_jtable: put_jtable(e, i); break;
  case X_ret: put_ret(e); break;
  case X_tcall: case X_tcall_thunk: case X_tcall_r: put_tail_call(e, i); break;
  case X_out_area: case X_tail_area: {
    uint32_t n = (uint32_t)i->imm + (i->op == X_tail_area ? 16 : 0);
    ASSERT(n % 16 == 0 && e->out == 0);
    add_rsp(e, -(int64_t)n);
    cfa_offset(e, 8 + entry_off(e) + n);
    break;
  }
  default: BUG("LIR op %u is not a pseudo op", i->op);
  }
}

// After a call: its site, its stack map, and the stack arguments that the callee has popped.  The unwinder looks a
// return address up by its predecessor, so the row for the popped stack begins at the call's last byte.
static void after_call(Enc *e, const Lir *i)
{
  put_site(e, SITE_CALL, i->at);
  put_map(e, (uint32_t)(i - e->l->lir));
  if (i->op == X_call_m && i->rn == X64_VMCTX && i->disp >= (int32_t)offsetof(VmCtx, libcall))
    e->libcalls |= 1ull << ((unsigned)i->disp - offsetof(VmCtx, libcall)) / 8;
  if (e->out) {
    zw_cfi_at(&e->cfi, here(e) - 1);
    zw_cfi_cfa_offset(&e->cfi, 8 + e->frame + 8 * e->npushes);
  }
}

// What the first walk has written up to `to`.
static inline void copy_raw(Enc *e, uint32_t to)
{
  const uint8_t *from = e->raw.p + e->raw_at;
  size_t n = to - e->raw_at;
  CHECK((size_t)(e->end - e->p) >= n + COPY_STEP);
  for (size_t k = 0; k < n; k += COPY_STEP)
    memcpy(e->p + k, from + k, COPY_STEP);
  e->p += n, e->raw_at = to, e->ub += (uint32_t)n;
}

static void put_mark(Enc *e, const Mark *m)
{
  const Lir *i = &e->l->lir[m->lir];
  switch ((MarkKind)m->kind) {
  case MK_JUMP: put_branch(e, -1, m->to, JMP_BYTES); break;
  case MK_JCC: put_branch(e, m->cc, m->to, JCC_BYTES); break;
  case MK_PSEUDO:
    put_pseudo(e, i);
    follow_area(e, i);
    break;
  case MK_FAULT:
    ASSERT(e->out == 0); // the records know rsp only outside of areas
    put_site(e, SITE_FAULT | (i->x ? i->x : TRAP_oob), i->at);
    break;
  case MK_CONST: {
    ConstUse *u = &e->const_uses.p[e->const_at++];
    u->at = here(e) - u->at, u->next = here(e);
    break;
  }
  case MK_TRAP: case MK_CALL:
    *zw_push(e->s, &e->fixups) = (Fixup){ here(e) - 4, FX_CALL, m->kind == MK_TRAP ? FX_THUNK(THUNK_TRAP, i->x) : i->x };
    if (m->kind == MK_TRAP) {
      put_site(e, i->x, i->at);
      break;
    }
    // fall through
  case MK_CALLED:
    after_call(e, i);
    follow_area(e, i);
    break;
  }
}

static void put_chunk(Enc *e)
{
  uint32_t want = e->pad[e->k], pad = (want - here(e) % want) % want;
  CHECK((size_t)(e->end - e->p) >= pad + 8u);
  e->p = zw_x64_nops(e->p, pad);
  e->chunk_off[e->k] = here(e);
  e->ub = e->chunk_ub[e->k];
  ASSERT(here(e) <= e->ub);
  for (uint32_t end = e->mark_end[e->k]; e->mark_at < end; e->mark_at++) {
    const Mark *m = &e->marks.p[e->mark_at];
    copy_raw(e, m->at);
    CHECK((size_t)(e->end - e->p) >= m->bound + (size_t)X64_PUT_BYTES);
    e->ub += m->bound;
    const uint8_t *was = e->p;
    put_mark(e, m);
    CHECK((size_t)(e->p - was) <= m->bound);
  }
  copy_raw(e, e->raw_end[e->k]);
}

// ---- behind the chunks ----

static void patch_branch(Enc *e, uint32_t at, bool rel8, uint32_t target)
{
  int64_t rel = (int64_t)target - (at + (rel8 ? 1 : 4));
  if (rel8) {
    CHECK(fits8(rel));
    e->base[at] = (uint8_t)rel;
  } else
    zw_put32(e->base + at, (uint32_t)rel);
}

static void put_trap_stubs(Enc *e)
{
  uint32_t target = 0;
  for (uint32_t pass = 0; pass < 2; pass++) // the stub without a frame comes last, with unwind rows of its own
    for (uint32_t k = 0; k < e->stubs.n; k++) {
      const TrapStub *t = &e->stubs.p[k];
      if (t->no_frame != (pass == 1))
        continue;
      CHECK((size_t)(e->end - e->p) >= CALL_BYTES);
      if (!t->shared) {
        target = here(e);
        if (t->no_frame) {
          zw_cfi_at(&e->cfi, here(e));
          zw_cfi_cfa_offset(&e->cfi, 8);
          for (unsigned r = 0; r < e->npushes; r++)
            zw_cfi_restored(&e->cfi, zw_x64_dwarf[e->pushes[r]]);
        }
        *e->p++ = 0xe8;
        put_fixup(e, FX_THUNK(THUNK_TRAP, t->kind));
        put_site(e, (t->no_frame ? SITE_NO_FRAME : 0) | t->kind, t->wasm_at);
      }
      patch_branch(e, t->jump_at, t->rel8, target);
    }
}

static void patch_branches(Enc *e)
{
  for (uint32_t k = 0; k < e->patches.n; k++) {
    const Patch *b = &e->patches.p[k];
    patch_branch(e, b->at, b->rel8, e->chunk_off[b->chunk]);
  }
}

static void align_island(Enc *e, uint32_t to)
{
  uint32_t n = (to - here(e) % to) % to;
  CHECK((size_t)(e->end - e->p) >= n);
  memset(e->p, 0xcc, n); // int3
  e->p += n;
}

// Constants that were used, widest first so that one alignment serves all.
static void put_constants(Enc *e)
{
  uint8_t *bytes = zw_new_array(e->s, uint8_t, e->l->nconsts + 1);
  uint32_t *off = zw_new_array(e->s, uint32_t, e->l->nconsts + 1);
  for (uint32_t k = 0; k < e->const_uses.n; k++) {
    const ConstUse *u = &e->const_uses.p[k];
    uint32_t want = u->bytes <= 4 ? 4 : u->bytes <= 8 ? 8 : 16;
    if (bytes[u->id] < want)
      bytes[u->id] = (uint8_t)want;
  }
  for (uint32_t size = 16; size >= 4; size /= 2)
    for (uint32_t c = 0; c < e->l->nconsts; c++)
      if (bytes[c] == size) {
        align_island(e, size);
        CHECK((size_t)(e->end - e->p) >= size);
        off[c] = here(e);
        memcpy(e->p, e->l->consts[c].bits, size);
        e->p += size;
      }
  for (uint32_t k = 0; k < e->const_uses.n; k++) {
    const ConstUse *u = &e->const_uses.p[k];
    zw_put32(e->base + u->at, off[u->id] - u->next);
  }
}

// Entries are offsets from the table's start.
static void put_tables(Enc *e)
{
  const LirFunc *l = e->l;
  uint32_t *off = zw_new_array(e->s, uint32_t, l->ntables + 1);
  for (uint32_t k = 0; k < e->table_uses.n; k++) {
    const TableUse *u = &e->table_uses.p[k];
    if (!off[u->id]) {
      const LirTable *t = &l->tables[u->id];
      align_island(e, 4);
      CHECK((size_t)(e->end - e->p) / 4 >= t->n);
      off[u->id] = here(e);
      for (uint32_t j = 0; j < t->n; j++, e->p += 4)
        zw_put32(e->p, e->chunk_off[target_place(e, l->table_labels[t->first + j])] - off[u->id]);
    }
    zw_put32(e->base + u->at, off[u->id] - (u->at + 4));
  }
}

// ---- exception handlers ----

// Runs of code guarded by each try, innermost first; one entry per catch clause of the try.
typedef struct TryRun { uint32_t begin, end; } TryRun;
typedef VEC(TryRun) TryRuns;

static uint32_t try_of(const Enc *e, uint32_t k) { return e->l->z->blocks[e->l->chunks[e->order[k]].block].try_region; }

static ImageHandler *put_handlers(Enc *e, Arena *a, uint32_t *count)
{
  const ZirFunc *z = e->l->z;
  *count = 0;
  if (z->ntries == 0)
    return NULL;
  TryRuns *runs = zw_new_array(e->s, TryRuns, z->ntries);
  for (uint32_t k = 0; k < e->l->nchunks; k++) {
    uint32_t begin = e->chunk_off[k], end = e->chunk_off[k + 1];
    for (uint32_t t = try_of(e, k); t != UINT32_MAX; t = z->tries[t].parent) {
      CHECK(t < z->ntries);
      TryRuns *r = &runs[t];
      if (r->n && r->p[r->n - 1].end == begin)
        r->p[r->n - 1].end = end;
      else
        *zw_push(e->s, r) = (TryRun){ begin, end };
    }
  }
  uint64_t n = 0;
  for (uint32_t t = 0; t < z->ntries; t++)
    n += (uint64_t)runs[t].n * z->tries[t].ncatches;
  ImageHandler *h = zw_new_array(a, ImageHandler, n + 1);
  for (uint32_t t = z->ntries; t-- > 0;) { // a try has a higher number than those around it
    ASSERT(z->tries[t].parent == UINT32_MAX || z->tries[t].parent < t);
    for (uint32_t r = 0; r < runs[t].n; r++)
      for (uint32_t c = 0; c < z->tries[t].ncatches; c++) {
        const ZCatch *zc = &z->catches[z->tries[t].catches + c];
        h[(*count)++] = (ImageHandler){ .pc_begin = runs[t].p[r].begin, .pc_end = runs[t].p[r].end, .tag = zc->tag,
                                        .handler_pc = e->chunk_off[e->place[label_chunk(e, zc->block)]], .flags = zc->with_ref };
      }
  }
  return h;
}

// ---- all of it ----

static uint32_t island_bound(const Enc *e)
{
  uint64_t n = 16 * ((uint64_t)e->l->nconsts + 1) + 8;
  for (uint32_t k = 0; k < e->l->ntables; k++)
    n += 4 * (uint64_t)e->l->tables[k].n + 4;
  CHECK(n < UINT32_MAX / 2);
  return (uint32_t)n;
}

static void *copy(Arena *a, const void *p, size_t n)
{
  void *q = zw_arena_alloc(a, n ? n : 1, 16);
  if (n)
    memcpy(q, p, n);
  return q;
}

static FuncCode *result(Enc *e, Arena *a, uint32_t prologue_bytes, uint32_t code_bytes)
{
  FuncCode *f = zw_new(a, FuncCode);
  *f = (FuncCode){ .func = e->l->z->func, .nbytes = here(e), .code_bytes = code_bytes, .align = e->align32 ? 32 : 16,
                   .frame_bytes = e->frame, .prologue_bytes = prologue_bytes, .pop_bytes = e->l->arg_bytes,
                   .saved = (uint16_t)e->l->used_saved, .nfixups = e->fixups.n, .sites_bytes = e->sites.n, .nsites = e->nsites,
                   .maps_bytes = e->maps.n, .nmaps = e->nmaps, .cfi_bytes = e->cfi.out.n, .libcalls = e->libcalls,
                   .ninlines = e->inlines.n };
  f->bytes = copy(a, e->base, here(e));
  f->fixups = copy(a, e->fixups.p, sizeof(Fixup) * e->fixups.n);
  f->sites = copy(a, e->sites.p, e->sites.n);
  f->maps = copy(a, e->maps.p, e->maps.n);
  f->cfi = copy(a, e->cfi.out.p, e->cfi.out.n);
  f->handlers = put_handlers(e, a, &f->nhandlers);
  f->inlines = copy(a, e->inlines.p, sizeof(ImageInline) * e->inlines.n);
  return f;
}

FuncCode *zw_x64_encode(Ctx *ctx, const LirFunc *l, const CodeOptions *o, Arena *a)
{
  (void)o;
  ArenaMark mark = zw_arena_mark(&ctx->scratch);
  Enc enc = { .ctx = ctx, .l = l, .s = &ctx->scratch, .cfi = { .a = &ctx->scratch } }, *e = &enc;
  ASSERT(a != e->s);
  layout_frame(e);
  order_chunks(e);
  e->inline_index = zw_new_array(e->s, uint32_t, l->z->ninlines + 1);
  measure(e);
  zw_reserve(e->s, &e->raw, e->raw.n + COPY_STEP);
  zw_reserve(e->s, &e->sites, 4 * e->marks.n + 16);
  zw_reserve(e->s, &e->patches, l->nchunks + 8);
  zw_reserve(e->s, &e->cfi.out, 128);
  uint64_t cap = (uint64_t)e->end_ub + CALL_BYTES * ((uint64_t)e->ntraps + 1) + island_bound(e) + 4 * X64_PUT_BYTES;
  if (cap > INT32_MAX)
    zw_fail(ctx, ERR_limit, ZW_NO_POS, "function %u has more than 2 GiB of machine code", l->z->func);
  e->base = e->p = zw_arena_stale(e->s, cap, 1, 64);
  e->end = e->base + cap;

  prologue(e);
  uint32_t prologue_bytes = here(e);
  CHECK(prologue_bytes <= prologue_bound(e));
  for (e->k = 0; e->k < l->nchunks; e->k++)
    put_chunk(e);
  e->chunk_off[l->nchunks] = here(e);
  put_trap_stubs(e);
  patch_branches(e);
  uint32_t code_bytes = here(e);
  put_constants(e);
  put_tables(e);
  FuncCode *f = result(e, a, prologue_bytes, code_bytes);
  zw_arena_release(&ctx->scratch, mark);
  return f;
}
