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
#include "encode_int.h"

// ---- frame ----

// Slots of one size in order of weight (by powers of two: near enough, and linear); returns the end.
static uint32_t place_slots(Enc *e, unsigned bytes, uint32_t off)
{
  const LirFunc *l = e->l;
  if (!l->nslots || (bytes == 16 && !memchr(l->slot_bytes, 16, l->nslots)))
    return off;
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
  e->frame_words = zw_new_array(e->s, uint64_t, bytes / 512 / 64 + 1);
}

#include "encode_measure.h"

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
static __attribute__((noinline)) void put_long_site(Enc *e, unsigned kind, uint32_t wasm_at, uint32_t pc)
{
  if (wasm_at & IMAGE_INLINE_AT)
    wasm_at = site_position(e, wasm_at);
  zw_reserve(e->s, &e->sites, e->sites.n + 16);
  uint8_t *q = e->sites.p + e->sites.n;
  q = put_u32(q, pc - e->site_pc);
  *q++ = (uint8_t)kind;
  q = put_s32(q, (int32_t)(wasm_at - e->site_at));
  e->sites.n = (uint32_t)(q - e->sites.p);
  e->site_pc = pc, e->site_at = wasm_at, e->nsites++;
}
// Most are near the one before, in both.
static inline void put_site(Enc *e, unsigned kind, uint32_t wasm_at, uint32_t pc)
{
  uint32_t pc_delta = pc - e->site_pc, at_delta = wasm_at - e->site_at;
  if (wasm_at & IMAGE_INLINE_AT || pc_delta >= 0x80 || at_delta + 64 >= 128 || e->sites.n + 4 > e->sites.cap) {
    put_long_site(e, kind, wasm_at, pc);
    return;
  }
  zw_put32(e->sites.p + e->sites.n, pc_delta | kind << 8 | (at_delta & 0x7f) << 16);
  e->sites.n += 3;
  e->site_pc = pc, e->site_at = wasm_at, e->nsites++;
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
static void put_map(Enc *e, uint32_t at, uint32_t pc)
{
  const LirFunc *l = e->l;
  const LirMap *m = map_at(l, at);
  if (!m)
    return;
  ASSERT(m->n);
  if (e->nmaps && m->first == e->map_first && m->n == e->map_n) { // the same as before
    zw_reserve(e->s, &e->maps, e->maps.n + 10);
    e->maps.n += (uint32_t)zw_leb_write_u32(e->maps.p + e->maps.n, pc - e->map_pc);
    e->maps.p[e->maps.n++] = 0;
    e->map_pc = pc, e->nmaps++;
    return;
  }
  e->map_first = m->first, e->map_n = m->n;
  uint32_t lo = UINT32_MAX, hi = 0;
  for (uint32_t k = 0; k < m->n; k++) {
    uint32_t w = e->slot_off[l->map_slots[m->first + k]] / 8;
    e->frame_bits[w / 64] |= 1ull << w % 64;
    e->frame_words[w / 4096] |= 1ull << w / 64 % 64;
    lo = w < lo ? w : lo, hi = w > hi ? w : hi;
  }
  zw_reserve(e->s, &e->maps, e->maps.n + 10 + 5 * m->n);
  uint8_t *q = e->maps.p + e->maps.n;
  q += zw_leb_write_u32(q, pc - e->map_pc);
  q += zw_leb_write_u32(q, m->n);
  uint32_t last = 0;
  for (uint32_t t = lo / 4096; t <= hi / 4096; t++)
    for (; e->frame_words[t]; e->frame_words[t] &= e->frame_words[t] - 1) {
      uint32_t w = t * 64 + zw_ctz64(e->frame_words[t]);
      for (; e->frame_bits[w]; e->frame_bits[w] &= e->frame_bits[w] - 1) {
        uint32_t slot = w * 64 + zw_ctz64(e->frame_bits[w]);
        q += zw_leb_write_u32(q, slot - last);
        last = slot;
      }
    }
  e->maps.n = (uint32_t)(q - e->maps.p);
  e->map_pc = pc, e->nmaps++;
}

#include "encode_frame.h"
#include "encode_handlers.h"

// ---- branches ----

// The first byte of a jump (cc < 0) or jcc and where its distance goes: one byte, or four.
static inline uint8_t *put_jump_op(uint8_t *p, int cc, bool rel8)
{
  unsigned op = cc < 0 ? (rel8 ? 0xebu : 0xe9u) : rel8 ? 0x70u | (unsigned)cc : 0x800fu | (unsigned)cc << 8;
  zw_put16(p, (uint16_t)op);
  return p + 1 + (!rel8 & (cc >= 0));
}
// Jump or jcc to a place: forward with a bound on the distance, backward exactly.  ub: bound of the instruction's end.
static inline __attribute__((always_inline)) uint8_t *put_branch(Enc *e, uint8_t *p, int cc, uint32_t place, uint32_t ub)
{
  if (place <= e->k) {
    int64_t rel = (int64_t)e->chunk_off[place] - ((p - e->base) + 2);
    bool rel8 = fits8(rel);
    p = put_jump_op(p, cc, rel8);
    zw_put32(p, (uint32_t)(rel8 ? rel : rel - 3 - (cc >= 0)));
    return p + (rel8 ? 1 : 4);
  }
  bool rel8 = e->chunk_off[place] - ub <= 127;
  p = put_jump_op(p, cc, rel8);
  zw_put32(p, 0);
  *zw_push(e->s, &e->patches) = (Patch){ (uint32_t)(p - e->base), rel8, place };
  return p + (rel8 ? 1 : 4);
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
static void after_call(Enc *e, const Lir *i, uint32_t pc)
{
  put_site(e, SITE_CALL, i->at, pc);
  put_map(e, (uint32_t)(i - e->l->lir), pc);
  if (i->op == X_call_m && i->rn == X64_VMCTX && i->disp >= (int32_t)offsetof(VmCtx, libcall))
    e->libcalls |= 1ull << ((unsigned)i->disp - offsetof(VmCtx, libcall)) / 8;
  if (e->out) {
    zw_cfi_at(&e->cfi, pc - 1);
    zw_cfi_cfa_offset(&e->cfi, 8 + e->frame + 8 * e->npushes);
  }
}

// What the first walk has written: n bytes, and what is behind them.
static inline uint8_t *copy_raw(uint8_t *p, const uint8_t *from, size_t n)
{
  for (size_t k = 0; k < n; k += COPY_STEP)
    memcpy(p + k, from + k, COPY_STEP);
  return p + n;
}
// The same, much of it.  Of a giant function the side buffer goes behind the walk.
enum { GIVE_BACK = 256 << 10 };
static __attribute__((noinline)) uint8_t *move_raw(uint8_t *p, uint8_t *from, size_t n)
{
  for (size_t done = 0, step; done < n; done += step) {
    step = n - done < GIVE_BACK ? n - done : GIVE_BACK;
    p = copy_raw(p, from + done, step);
    zw_alloc_discard(from + done, step);
  }
  return p;
}
// The walk has come to `from` and m.
static __attribute__((noinline)) void give_back_walked(Enc *e, const uint8_t *from, const Mark *m)
{
  size_t raw = (size_t)(from - e->raw.p), marks = (size_t)(m - e->marks.p);
  zw_alloc_discard(e->raw.p + e->raw_gone, raw - e->raw_gone);
  zw_alloc_discard(e->marks.p + e->marks_gone, (marks - e->marks_gone) * sizeof *m);
  e->raw_gone = raw, e->marks_gone = marks;
}
static inline bool has_walked_far(const Enc *e, const uint8_t *from) { return (size_t)(from - e->raw.p) > e->raw_gone + GIVE_BACK; }

// A mark that only has to know its address: what is before it need not have been copied.
static inline __attribute__((always_inline)) void note_mark(Enc *e, const Mark *m, uint32_t pc)
{
  if (m->kind == MK_FAULT) {
    ASSERT(e->out == 0); // the records know rsp only outside of areas
    put_site(e, SITE_FAULT | m->cc, m->to, pc);
    return;
  }
  if (m->kind == MK_CONST) {
    ConstUse *u = &e->const_uses.p[e->const_at++];
    u->at = pc - u->at, u->next = pc;
    return;
  }
  need(e, m->lir, 1);
  const Lir *i = &e->l->lir[m->lir];
  if (m->kind != MK_CALLED)
    *zw_push(e->s, &e->fixups) = (Fixup){ pc - 4, FX_CALL, m->kind == MK_TRAP ? FX_THUNK(THUNK_TRAP, i->x) : i->x };
  if (m->kind == MK_TRAP) {
    put_site(e, i->x, i->at, pc);
    return;
  }
  after_call(e, i, pc);
  follow_area(e, i);
}

// Where the second walk is, in both buffers, with the bound of its place: they stay in registers.
typedef struct Walk { uint8_t *p, *from; const Mark *m; uint32_t ub; } Walk;

static inline __attribute__((always_inline)) Walk put_marks(Enc *e, Walk w, const Mark *end)
{
  for (; w.m < end; w.m++) {
    const Mark *m = w.m;
    size_t n = (size_t)(e->raw.p + m->at - w.from);
    if (m->kind > MK_PSEUDO) {
      note_mark(e, m, (uint32_t)(w.p - e->base + n));
      continue;
    }
    ASSERT((size_t)(e->end - w.p) >= n + m->bound + (size_t)X64_PUT_BYTES + COPY_STEP);
    w.p = copy_raw(w.p, w.from, n), w.from += n, w.ub += (uint32_t)n + m->bound;
    const uint8_t *was = w.p;
    if (m->kind == MK_PSEUDO) {
      e->p = w.p, e->ub = w.ub;
      need(e, m->lir, 1);
      put_pseudo(e, &e->l->lir[m->lir]);
      follow_area(e, &e->l->lir[m->lir]);
      w.p = e->p;
      if (NEVER(has_walked_far(e, w.from)))
        give_back_walked(e, w.from, m);
    } else
      w.p = put_branch(e, w.p, m->kind == MK_JUMP ? -1 : m->cc, m->to, w.ub);
    CHECK((size_t)(w.p - was) <= m->bound);
  }
  return w;
}
static inline __attribute__((always_inline)) Walk begin_place(Enc *e, Walk w, uint32_t k)
{
  w.ub = e->chunk_off[k];
  e->k = k;
  if (NEVER(e->pad[k] != 1)) {
    uint32_t pad = -(uint32_t)(w.p - e->base) & (e->pad[k] - 1u); // a power of two
    CHECK((size_t)(e->end - w.p) >= pad + 8u);
    w.p = zw_x64_nops(w.p, pad);
  }
  e->chunk_off[k] = (uint32_t)(w.p - e->base);
  // Nothing below writes more than its bound, which is checked, and the bounds of the chunk add up to the next one's: there is room.
  CHECK((uint32_t)(w.p - e->base) <= w.ub && w.ub <= e->end_ub);
  return w;
}
static void put_chunks(Enc *e)
{
  Walk w = { e->p, e->raw.p, e->marks.p, 0 };
  for (uint32_t k = 0; k < e->l->nchunks; k++) {
    w = begin_place(e, w, k);
    w = put_marks(e, w, e->marks.p + e->ends[k].marks);
    size_t n = (size_t)(e->raw.p + e->ends[k].raw - w.from);
    w.p = NEVER(n > GIVE_BACK) ? move_raw(w.p, w.from, n) : copy_raw(w.p, w.from, n);
    w.from += n;
    if (NEVER(has_walked_far(e, w.from)))
      give_back_walked(e, w.from, w.m);
  }
  e->p = w.p;
}

// The same of packed LIR, each part of which is measured once more where it is written.
static __attribute__((noinline)) Walk put_part(Enc *e, Walk w, uint32_t k, const LirChunk *c, uint32_t from, uint32_t to)
{
  uint32_t out = e->out, out_base = e->out_base;
  measure_part(e, k, c, from, to);
  e->out = out, e->out_base = out_base; // to be followed again
  w = put_marks(e, (Walk){ w.p, e->raw.p, e->marks.p, w.ub }, e->marks.p + e->marks.n);
  size_t n = (size_t)(e->raw.p + e->raw.n - w.from);
  w.p = copy_raw(w.p, w.from, n), w.ub += (uint32_t)n;
  return w;
}
static void give_back_chunks(Enc *e, uint32_t k)
{
  Pages *g = e->pages;
  enum { STEP = 4096, PAGE = 4096 / sizeof(LirChunk) };
  if (k - g->chunks_gone < STEP || e->l->z->ntries || e->l->ntables || e->l->has_switch) // else they are looked at from elsewhere
    return;
  uint32_t from = g->chunks_gone < PAGE ? 0 : g->chunks_gone - PAGE; // the page that was not passed then
  zw_alloc_discard(g->l.chunks + from, sizeof *g->l.chunks * (k - from));
  g->chunks_gone = k;
}
// Branches into the cold end all wait for it: the way from the one before to this one, in code and in places.
enum { PATCHES_LATEST = 4096 };
static __attribute__((noinline)) void pack_patches(Enc *e)
{
  for (uint32_t k = 0; k < e->patches.n; k++) {
    Patch t = e->patches.p[k], last = e->last_patch;
    zw_reserve(e->s, &e->packed_patches, e->packed_patches.n + 10);
    uint8_t *q = put_u32(e->packed_patches.p + e->packed_patches.n, (t.at - last.at) << 1 | t.rel8);
    q = put_s32(q, (int32_t)(t.chunk - last.chunk));
    e->packed_patches.n = (uint32_t)(q - e->packed_patches.p);
    e->last_patch = t;
  }
  e->patches.n = 0;
}
// Of the heads there is one question left.
static void drop_heads(Enc *e)
{
  const LirFunc *l = e->l;
  if (l->ntables) // else copied_dispatch looks at them
    return;
  uint64_t *bits = zw_new_array(e->s, uint64_t, l->nchunks / 64 + 1);
  for (uint32_t k = 0; k < l->nchunks; k++)
    bits[k / 64] |= (uint64_t)head_reads_flags(l, k) << k % 64;
  e->pages->conditions = bits;
  zw_alloc_discard(l->heads, sizeof *l->heads * l->nchunks);
}
static void put_packed_chunks(Enc *e)
{
  resolve_labels(e);
  drop_heads(e);
  e->copies = 0, e->const_uses.n = 0;
  Walk w = { .p = e->p };
  for (uint32_t k = 0; k < e->l->nchunks; k++) {
    const LirChunk *c = &e->l->chunks[k];
    w = begin_place(e, w, k);
    for (uint32_t at = c->first, to; at < c->end; at = to) {
      to = bring_run(e, at, c->end);
      w = put_part(e, w, k, c, at, to);
    }
    give_back_chunks(e, k);
    if (e->patches.n >= PATCHES_LATEST)
      pack_patches(e);
  }
  e->p = w.p;
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

static uint32_t put_trap_stub(Enc *e, const TrapStub *t, unsigned site)
{
  uint32_t target = here(e);
  CHECK((size_t)(e->end - e->p) >= CALL_BYTES);
  *e->p++ = 0xe8;
  put_fixup(e, FX_THUNK(THUNK_TRAP, t->kind));
  put_site(e, site | t->kind, t->wasm_at, here(e));
  return target;
}
static void put_trap_stubs(Enc *e)
{
  TrapStub t = { 0 };
  uint32_t target = 0;
  for (const uint8_t *p = e->stubs.p, *end = p + e->stubs.n; p < end;) {
    p = next_stub(e, p, &t);
    if (!t.shared)
      target = put_trap_stub(e, &t, 0);
    patch_branch(e, t.jump_at, t.rel8, target);
  }
  t = e->no_frame_stub;
  if (!t.jump_at) // behind a compare, so never 0
    return;
  zw_cfi_at(&e->cfi, here(e)); // unwind rows of its own
  zw_cfi_cfa_offset(&e->cfi, 8);
  for (unsigned r = 0; r < e->npushes; r++)
    zw_cfi_restored(&e->cfi, zw_x64_dwarf[e->pushes[r]]);
  patch_branch(e, t.jump_at, t.rel8, put_trap_stub(e, &t, SITE_NO_FRAME));
}

static void patch_packed(Enc *e)
{
  Patch b = { 0 };
  for (const uint8_t *p = e->packed_patches.p, *end = p + e->packed_patches.n; p < end;) {
    uint64_t at = 0;
    int64_t chunk = 0;
    zw_leb_read_u(&p, end, 32, &at);
    zw_leb_read_s(&p, end, 32, &chunk);
    b = (Patch){ b.at + (uint32_t)(at >> 1), at & 1, b.chunk + (uint32_t)chunk };
    patch_branch(e, b.at, b.rel8, e->chunk_off[b.chunk]);
  }
}
static void patch_branches(Enc *e)
{
  patch_packed(e);
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

// ---- all of it ----

static uint32_t island_bound(const Enc *e)
{
  uint64_t n = 16 * ((uint64_t)e->l->nconsts + 1) + 8;
  for (uint32_t k = 0; k < e->l->ntables; k++)
    n += 4 * (uint64_t)e->l->tables[k].n + 4;
  CHECK(n < UINT32_MAX / 2);
  return (uint32_t)n;
}

static bool is_measured_twice(const Enc *e) { return e->pages && e->pages->twice; }
static bool is_large(const Enc *e) { return e->pages || e->raw.n >= GIVE_BACK; }

static void drop(Enc *e, void *const *none_wanted, uint32_t n)
{
  for (uint32_t k = 0; k < n; k++)
    zw_arena_drop(e->s, none_wanted[k]);
}
// Of a giant function, what only the walks needed goes before more is made,
static void drop_walks(Enc *e)
{
  if (!is_large(e))
    return;
  drop(e, (void *[]){ e->raw.p, e->marks.p, e->ends, e->pad, e->patches.p, e->packed_patches.p,
                      e->pages ? e->pages->lir : NULL }, 7);
  if (!e->l->z->ntries && !e->l->ntables) // else handlers and tables are still to be written
    drop(e, (void *[]){ e->chunk_off, e->stub_chunk, e->block_chunk }, 3);
}
// and the rest before its code is there twice.
static void drop_working_storage(Enc *e)
{
  if (is_large(e))
    drop(e, (void *[]){ e->stubs.p, e->const_uses.p, e->table_uses.p }, 3);
}

// What the first walk has read for the last time.
static void drop_chunks(Enc *e)
{
  const LirFunc *l = e->l;
  if (!is_measured_twice(e) && is_large(e) && !l->z->ntries && !l->ntables) // else handlers and tables look at them
    zw_alloc_discard(l->chunks, sizeof *l->chunks * l->nchunks);
}

static const PackedCode *result(Enc *e, Arena *a, uint32_t prologue_bytes, uint32_t code_bytes)
{
  FuncCode f; // field by field, as it is opened
  f.func = e->l->z->func, f.nbytes = here(e), f.code_bytes = code_bytes, f.align = e->align32 ? 32 : 16;
  f.frame_bytes = e->frame, f.prologue_bytes = prologue_bytes, f.pop_bytes = e->l->arg_bytes, f.saved = (uint16_t)e->l->used_saved;
  f.flags = e->l->z->keeps_refs ? IMAGE_FUNC_KEEPS_REFS : 0, f.libcalls = e->libcalls;
  f.bytes = e->base, f.fixups = e->fixups.p, f.inlines = e->inlines.p, f.sites = e->sites.p, f.maps = e->maps.p, f.cfi = e->cfi.out.p;
  f.nfixups = e->fixups.n, f.ninlines = e->inlines.n, f.sites_bytes = e->sites.n, f.nsites = e->nsites;
  f.maps_bytes = e->maps.n, f.nmaps = e->nmaps, f.cfi_bytes = e->cfi.out.n;
  f.handlers = put_handlers(e, &f.nhandlers);
  return zw_code_pack(&f, a);
}

const PackedCode *zw_x64_encode(Ctx *ctx, const LirFunc *l, const CodeOptions *o, Arena *a)
{
  ArenaMark mark = zw_arena_mark(&ctx->scratch);
  Enc enc = { .ctx = ctx, .l = l, .s = &ctx->scratch, .cfi = { .a = &ctx->scratch, .none = o && o->no_rows } }, *e = &enc; // glue has no options
  ASSERT(a != e->s);
  open_pages(e);
  layout_frame(e);
  index_chunks(e);
  e->inline_index = zw_new_array(e->s, uint32_t, l->z->ninlines + 1);
  measure(e);
  drop_chunks(e);
  zw_reserve(e->s, &e->raw, e->raw.n + COPY_STEP);
  zw_reserve(e->s, &e->sites, 4 * e->marks.n + 16);
  zw_reserve(e->s, &e->patches, is_measured_twice(e) ? PATCHES_LATEST + 8 : l->nchunks + 8);
  zw_reserve(e->s, &e->cfi.out, 128);
  uint64_t cap = (uint64_t)e->end_ub + CALL_BYTES * ((uint64_t)e->ntraps + 1) + island_bound(e) + 4 * X64_PUT_BYTES;
  if (cap > INT32_MAX)
    zw_fail(ctx, ERR_limit, ZW_NO_POS, "function %u has more than 2 GiB of machine code", l->z->func);
  e->base = e->p = zw_arena_stale(e->s, cap, 1, 64);
  e->end = e->base + cap;

  prologue(e);
  uint32_t prologue_bytes = here(e);
  CHECK(prologue_bytes <= prologue_bound(e));
  if (is_measured_twice(e))
    put_packed_chunks(e);
  else
    put_chunks(e);
  e->chunk_off[l->nchunks] = here(e);
  patch_branches(e);
  drop_walks(e);
  put_trap_stubs(e);
  uint32_t code_bytes = here(e);
  put_constants(e);
  put_tables(e);
  drop_working_storage(e);
  const PackedCode *f = result(e, a, prologue_bytes, code_bytes);
  zw_arena_release(&ctx->scratch, mark);
  return f;
}
