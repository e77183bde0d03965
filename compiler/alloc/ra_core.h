// The core of P3: one backward walk that is dead code elimination, liveness, register allocation, spill placement and
// edge moves at once.  Included by a target's select.c after its cfg.h: everything here is static, so constants fold.
//
// In: ZIR in layout order.  Out: LIR with physical registers, written downward.  The walk meets a value's last use
// first and its definition last, so the state is always "who must be where just below this point".
//   I1  a value with a slot is stored exactly once, right after its definition; its memory copy is valid from there on
//   I2  loc and slot describe the point just below the next instruction to process
//   I3  entry[b] lists what b requires in registers; whatever else lives into b is in its slot or can be made again
// compiler/alloc/README.md explains promises, weak values and the rule for sharing slots.
//
// The target defines before including: RegSet, RA_NREG, RA_GPR, RA_FPR (allocatable), RA_CALLEE (callee-saved), RA_LOW
// (cheaper to encode), RA_AVOID_DIV, RA_AVOID_SHIFT; and after: the emit_* functions declared below.
#pragma once
#include "compiler/base/tune.h"
#include "compiler/emit/target.h"
#include "runtime/base/bits.h"
#include "runtime/base/vec.h"

typedef unsigned Reg;
#define BIT(r) ((RegSet)1 << (r))

enum { // how a value can be told from one that is elsewhere: the places of a move
  PLACE_SLOT = 0x100,            // PLACE_SLOT + slot id
  PLACE_ARG = 0x40000000,        // + byte offset in the incoming stack arguments
  PLACE_AREA = 0x60000000,       // + byte offset in the frame area
  PLACE_VM = 0x70000000,         // + byte offset in the vmctx
  PLACE_MAKE = 0x7fffffff,       // source: a constant or a value that is made again, Move.ref
};
typedef struct Move { uint32_t dst, src; Ref ref; uint8_t kind; } Move; // ref: the value that arrives, or the one to make
typedef VEC(Move) Moves;

typedef struct Entry { RegSet regs, weak; uint32_t vals; } Entry; // vals: one Ref per bit of regs, ascending, in Ra.evals
typedef struct Promise {         // what every back edge of an open loop guarantees
  Ref reg[RA_NREG];              // an outside value, or a phi of the header (its next value)
  RegSet regs, weak;
  uint32_t loop, open_seq, head_pos;
} Promise;
typedef struct Chunk { uint32_t label, block, from_end, to_end; bool cold, part; } Chunk; // positions counted from the buffer's end; part: the rest of a block after a mid-block label

enum { VS_UNWANTED = 8 /* phi in memory that nobody reads after all */, VS_FUSED = 1, VS_REMAT = 2, VS_LENT = 4 /* phi: its delivery slot holds the argument of a back edge */ };

typedef struct RaValue {
  uint32_t slot;                 // id + 1, or 0
  uint32_t left;                 // weight of the uses that are still above
  uint32_t pos;                  // layout position of the definition
  uint8_t loc, hint, ploc, vstate; // register now; wanted register; phi: where edges deliver it; VS_*
} RaValue;
STATIC_ASSERT(sizeof(RaValue) == 16, "what is asked of a value lies together");

typedef struct Ra {
  Ctx *ctx;
  const ZirFunc *z;
  const CodeOptions *o;
  Arena *a;                      // result and working storage
  LirFunc *l;
  // registers
  Ref cur[RA_NREG];
  RegSet busy, weak;             // holds a value; the value is kept by a promise only
  RegSet lock;                   // taken by this instruction: neither picked nor evicted
  RegSet written;                // written by this instruction: nothing that lives across it may move there
  RegSet reserved;               // no edge may deliver anything here: a switch needs them
  RegSet file, dirty;            // allocatable; callee-saved ones this function writes
  RaValue *val;                   // parallel to z->ins, one more for the address of results in memory
  uint32_t *dslot;               // phi in memory: the slot that edges deliver it to, id + 1
  uint32_t *left;                // weight of the uses that are still above
  uint32_t *stamp;               // loop + 1 that lists the value as live-in, while that loop is being opened
  // nearest use above, inside the block; made when a block has its first eviction
  uint32_t *up, *up_block;       // per value: instruction; valid when up_block is the block + 1
  VEC(uint32_t) links, link_at;  // per instruction of the block: for each operand the use before it, or REF_NONE
  uint32_t scanned;              // the block + 1 that this is true of
  // the point
  uint32_t b, i, weight;
  uint32_t event;                // position + 1 of the next call, division or shift above
  bool split;                    // the block has more than one chunk
  bool hoisting;                 // the instruction runs at the end of b, not where it stands
  bool cold, flags_live;         // flags_live: nothing emitted now may change the flags
  uint32_t ncall, ndiv, nshift;  // entries of the position lists that are above
  int64_t effect_at;             // last instruction above i that a load must not sink below; valid while < i
  // blocks and loops
  Entry *entry;
  VEC(Ref) evals;
  Promise **open; uint32_t nopen, open_cap;
  Promise *free_promise[64]; uint32_t nfree_promise;
  uint32_t seq;
  // slots
  VEC(uint8_t) slot_bytes;
  VEC(uint32_t) slot_weight;
  VEC(uint32_t) slot_used;       // sequence number of the last use
  VEC(uint32_t) slot_free;       // position + 1 in its list of free slots, or 0
  VEC(uint32_t) slot_phi;        // phi + 1 that has lent this slot to an argument of its own
  VEC(uint32_t) free8, free16;
  uint32_t cycle_slot;           // id + 1: for cycles of moves through memory
  // parallel moves: per place, how many moves read it and which one writes it
  VEC(uint32_t) readers, writer;
  VEC(uint32_t) work;
  Moves order, pre, tmp;         // tmp: the edge being conformed
  Moves edge_moves[2], hoisted;
  // LIR, filled downward
  Lir *buf; LirNote *notes; uint32_t at, cap;
  VEC(LirFix) fix;
  VEC(Chunk) chunks;
  uint32_t nstubs;
  uint32_t *last_edge;           // per block: edge + 1 of the last switch that goes there
  VEC(LirTable) tables; VEC(uint32_t) table_labels;
  uint32_t *alias;               // block that is only a jump: the label it jumps to
  uint32_t next[2];              // label of the chunk that follows in the hot and in the cold part
  // constants of this function: the module's, then ours
  VEC(ZConst) consts;
  // stack maps
  uint32_t *ref_index; Ref *ref_value; uint32_t nrefs, ref_words; // dense numbers of the values of type VK_REF
  uint64_t *ref_in, *ref_live, *ref_tmp; // per block: live at its head; now
  uint32_t map_first, map_n;     // of the safepoint being made
  VEC(uint32_t) hoist;
  VEC(LirMap) maps; VEC(uint32_t) map_slots;
  uint64_t rng;
  struct TargetState *t;
} Ra;

// ---- what the target supplies ----
static void emit_move(Ra *ra, Reg dst, Reg src, ValKind kind);
static void emit_load(Ra *ra, Reg dst, uint32_t place, ValKind kind);   // dst <- slot, argument or area
static void emit_store(Ra *ra, uint32_t place, Reg src, ValKind kind);
static void emit_mem_move(Ra *ra, uint32_t dst, uint32_t src, ValKind kind); // through the scratch vector register
static void emit_make(Ra *ra, Reg dst, Ref ref);                        // a constant, or a value with VS_REMAT
static void emit_store_make(Ra *ra, uint32_t place, Ref ref, ValKind kind);
static void emit_swap(Ra *ra, Reg x, Reg y);                            // general registers only
static void emit_jump(Ra *ra, uint32_t label);
static const uint8_t value_special[OP_COUNT];                           // 1: value_hint or value_state may have something to say
static uint8_t value_hint(const ZIns *ins);                             // the register where a value comes into being, or REG_NONE
static uint8_t value_state(const ZIns *ins);                            // VS_REMAT or 0
static void emit_handler_head(Ra *ra, uint32_t b);                      // payload values, from where the unwinder leaves them

static inline RegSet class_of(ValKind k) { return k == VK_F32 || k == VK_F64 || k == VK_V128 ? RA_FPR : RA_GPR; }
static inline ValKind kind_of(const Ra *ra, Ref v)
{
  if (!zw_ref_is_value(v))
    return zw_ref_type(ra->z, v);
  return v == ra->z->nins ? VK_I64 : (ValKind)ra->z->ins[v].ty;
}
static inline bool is_reg(uint32_t place) { return place < RA_NREG; }
static inline uint32_t slot_place(const Ra *ra, Ref v) { return PLACE_SLOT + ra->val[v].slot - 1; }
static inline uint32_t dslot_of(const Ra *ra, Ref phi) { return ra->dslot ? ra->dslot[phi] : 0; }
static void set_dslot(Ra *ra, Ref phi, uint32_t slot1)
{
  if (!ra->dslot)
    ra->dslot = zw_new_array(ra->a, uint32_t, ra->z->nins + 1);
  ra->dslot[phi] = slot1;
}
static inline uint32_t delivery_place(const Ra *ra, Ref phi) { return PLACE_SLOT + dslot_of(ra, phi) - 1; }
static inline bool is_remat(const Ra *ra, Ref v) { return !zw_ref_is_value(v) || (ra->val[v].vstate & VS_REMAT); }

// ---- LIR ----
#ifdef ZW_ASSERTS
static inline LirNote *notes(const Ra *ra) { return ra->notes; }
#else
static inline LirNote *notes(const Ra *ra) { return (void)ra, NULL; } // so that nothing is left of what writes them
#endif
static __attribute__((noinline, cold)) void grow_lir(Ra *ra)
{
  uint32_t used = ra->cap, cap = ra->cap * 2;
  if (cap < used || cap > 1u << 28)
    zw_fail(ra->ctx, ERR_limit, ZW_NO_POS, "function %u is too large to compile", ra->z->func);
  Lir *buf = zw_stale_array(ra->a, Lir, cap);
  memcpy(buf + (cap - used), ra->buf, used * sizeof *buf);
  ra->buf = buf;
  if (notes(ra)) {
    LirNote *n = zw_new_array(ra->a, LirNote, cap);
    memcpy(n + (cap - used), ra->notes, used * sizeof *n);
    ra->notes = n;
  }
  ra->at = cap - used, ra->cap = cap;
}
// A new instruction above everything emitted so far: it runs before them.
static inline Lir *lir(Ra *ra, unsigned op)
{
  if (NEVER(ra->at == 0))
    grow_lir(ra);
  Lir *p = &ra->buf[--ra->at];
  *p = (Lir){ .op = (uint16_t)op, .rd = REG_NONE, .rn = REG_NONE, .rm = REG_NONE, .ra = REG_NONE };
  if (notes(ra))
    ra->notes[ra->at] = (LirNote){ REF_NONE, { REF_NONE, REF_NONE, REF_NONE, REF_NONE }, ra->fix.n, 0 };
  return p;
}
// Say which values the fields of the newest instruction carry (REF_NONE = not a value, unchecked).
static inline void note(Ra *ra, Ref def, Ref rd, Ref rn, Ref rm, Ref r_a)
{
  if (notes(ra)) {
    LirNote *n = &ra->notes[ra->at];
    n->def = def, n->use[0] = rd, n->use[1] = rn, n->use[2] = rm, n->use[3] = r_a;
  }
}
// A fixed register (or stack place) that the newest instruction reads or writes beyond its fields.
static inline void note_fix(Ra *ra, uint32_t place, Ref ref, uint8_t kind)
{
  if (notes(ra)) {
    *zw_push(ra->a, &ra->fix) = (LirFix){ place, ref, kind };
    ra->notes[ra->at].nfix = (uint16_t)(ra->notes[ra->at].nfix + 1);
  }
}
// v is the value of `from` under another name, without code: place holds both, just above the newest instruction.
static void note_alias(Ra *ra, uint32_t place, Ref v, Ref from)
{
  note_fix(ra, place, v, LF_ALIAS);
  note_fix(ra, place, from, LF_FROM);
}
static void begin_chunk(Ra *ra, uint32_t label, uint32_t block, bool cold)
{
  *zw_push(ra->a, &ra->chunks) = (Chunk){ label, block, 0, ra->cap - ra->at, cold, false };
}
static void end_chunk(Ra *ra) { ra->chunks.p[ra->chunks.n - 1].from_end = ra->cap - ra->at; }
// A chunk that is not a block: made before the block that jumps to it has emitted anything.
static uint32_t begin_stub(Ra *ra, bool cold)
{
  uint32_t label = LABEL_STUB | ra->nstubs++;
  begin_chunk(ra, label, ra->b, cold);
  return label;
}

// ---- registers ----
static inline void bind(Ra *ra, Reg r, Ref v)
{
  ASSERT(!(ra->busy & BIT(r)) && ra->val[v].loc == REG_NONE);
  ra->cur[r] = v, ra->val[v].loc = (uint8_t)r;
  ra->busy |= BIT(r), ra->weak &= ~BIT(r);
}
static inline void unbind(Ra *ra, Reg r)
{
  ASSERT(ra->busy & BIT(r));
  ra->val[ra->cur[r]].loc = REG_NONE;
  ra->busy &= ~BIT(r), ra->weak &= ~BIT(r);
}
static inline void clear_registers(Ra *ra)
{
  for (RegSet m = ra->busy; m; m &= m - 1)
    ra->val[ra->cur[zw_ctz64(m)]].loc = REG_NONE;
  ra->busy = ra->weak = 0;
}
static uint32_t random_below(Ra *ra, uint32_t n)
{
  ra->rng ^= ra->rng << 13, ra->rng ^= ra->rng >> 7, ra->rng ^= ra->rng << 17;
  return (uint32_t)((ra->rng >> 33) % n);
}
static Reg random_bit(Ra *ra, RegSet m)
{
  uint32_t k = random_below(ra, zw_popcnt64(m));
  while (k--)
    m &= m - 1;
  return zw_ctz64(m);
}

// ---- positions ----
static inline uint32_t def_pos(const Ra *ra, Ref v) { return ra->val[v].pos; }
// The outermost open loop that v is not defined in, or NULL.  Open loops nest, so their heads ascend.
static Promise *outer_loop_of(const Ra *ra, Ref v)
{
  if (!ra->nopen)
    return NULL;
  uint32_t pos = def_pos(ra, v), lo = 0, hi = ra->nopen;
  if (ra->open[hi - 1]->head_pos <= pos)
    return NULL;
  while (lo < hi) {
    uint32_t mid = (lo + hi) / 2;
    if (ra->open[mid]->head_pos > pos)
      hi = mid;
    else
      lo = mid + 1;
  }
  return ra->open[lo];
}
// Does the part of v's range above this point contain a call that is not cold?
static bool crosses_call(const Ra *ra, Ref v)
{
  if (ra->ncall && ra->z->call_pos[ra->ncall - 1] > def_pos(ra, v))
    return true;
  if (!ra->nopen)
    return false;
  const Promise *p = outer_loop_of(ra, v);
  return p && ra->z->loops[p->loop].has_call;
}
static inline bool crosses_div(const Ra *ra, Ref v) { return ra->ndiv && ra->z->div_pos[ra->ndiv - 1] > def_pos(ra, v); }
static inline bool crosses_shift(const Ra *ra, Ref v) { return ra->nshift && ra->z->shift_pos[ra->nshift - 1] > def_pos(ra, v); }
static void pass_events(Ra *ra, uint32_t pos)
{
  const ZirFunc *z = ra->z;
  while (ra->ncall && z->call_pos[ra->ncall - 1] >= pos)
    ra->ncall--;
  while (ra->ndiv && z->div_pos[ra->ndiv - 1] >= pos)
    ra->ndiv--;
  while (ra->nshift && z->shift_pos[ra->nshift - 1] >= pos)
    ra->nshift--;
  uint32_t next = ra->ncall ? z->call_pos[ra->ncall - 1] + 1 : 0;
  if (ra->ndiv && z->div_pos[ra->ndiv - 1] >= next)
    next = z->div_pos[ra->ndiv - 1] + 1;
  if (ra->nshift && z->shift_pos[ra->nshift - 1] >= next)
    next = z->shift_pos[ra->nshift - 1] + 1;
  ra->event = next;
}
static inline void set_pos(Ra *ra, uint32_t pos)
{
  if (pos < ra->event)
    pass_events(ra, pos);
}

// ---- slots ----
static uint32_t new_slot(Ra *ra, uint8_t bytes)
{
  if (ra->slot_bytes.n >= 1u << 26)
    zw_fail(ra->ctx, ERR_limit, ZW_NO_POS, "function %u needs too large a frame", ra->z->func);
  *zw_push(ra->a, &ra->slot_bytes) = bytes;
  *zw_push(ra->a, &ra->slot_weight) = 0;
  *zw_push(ra->a, &ra->slot_used) = ra->seq;
  *zw_push(ra->a, &ra->slot_free) = 0;
  *zw_push(ra->a, &ra->slot_phi) = 0;
  return ra->slot_bytes.n - 1;
}
static void claim_slot(Ra *ra, uint32_t s) // a free one
{
  bool wide = ra->slot_bytes.p[s] == 16;
  uint32_t *n = wide ? &ra->free16.n : &ra->free8.n, *p = wide ? ra->free16.p : ra->free8.p;
  uint32_t at = ra->slot_free.p[s] - 1, last = p[--*n];
  p[at] = last;
  ra->slot_free.p[last] = at + 1;
  ra->slot_free.p[s] = 0;
  ra->slot_used.p[s] = ra->seq;
}
// A slot that nobody has used since `loop` was opened: otherwise a store further down the body would destroy, before
// the next iteration, what a value from outside the loop keeps there.  A few tries, then a new one.
static uint32_t find_slot(Ra *ra, uint8_t bytes, const Promise *loop)
{
  uint32_t n = bytes == 16 ? ra->free16.n : ra->free8.n, *p = bytes == 16 ? ra->free16.p : ra->free8.p;
  for (uint32_t k = 0; k < TUNE_SLOT_TRIES && k < n; k++) {
    uint32_t s = p[n - 1 - k];
    if (loop && ra->slot_used.p[s] >= loop->open_seq)
      continue;
    claim_slot(ra, s);
    return s;
  }
  return new_slot(ra, bytes);
}
static inline uint8_t slot_size(ValKind k) { return k == VK_V128 ? 16 : 8; }
static void take_slot(Ra *ra, Ref v)
{
  if (ra->val[v].slot)
    return;
  ASSERT(!(ra->val[v].vstate & VS_REMAT));
  if (dslot_of(ra, v) && !(ra->val[v].vstate & VS_LENT)) {
    ra->val[v].slot = ra->dslot[v];
    return;
  }
  ra->val[v].slot = find_slot(ra, slot_size(kind_of(ra, v)), outer_loop_of(ra, v)) + 1;
}
static void free_slot(Ra *ra, uint32_t s)
{
  ra->slot_used.p[s] = ra->seq;
  if (ra->slot_phi.p[s]) { // back to the phi, which keeps it up to its header
    ra->val[ra->slot_phi.p[s] - 1].vstate &= (uint8_t)~VS_LENT;
    ra->slot_phi.p[s] = 0;
    return;
  }
  if (ra->slot_bytes.p[s] == 16)
    *zw_push(ra->a, &ra->free16) = s;
  else
    *zw_push(ra->a, &ra->free8) = s;
  ra->slot_free.p[s] = ra->slot_bytes.p[s] == 16 ? ra->free16.n : ra->free8.n;
}
// The argument v of a phi that lives in slot s: may v live there too, so that its edge has nothing to do?  Nobody else may
// have the slot between v's definition and here (it is free here, and nobody above has been given it yet), the loop rule
// of find_slot must hold, and the store at v's definition must not run more often than one on the edge would.
static bool share_slot(Ra *ra, Ref v, uint32_t s)
{
  const ZirFunc *z = ra->z;
  if (ra->val[v].slot || !ra->slot_free.p[s] || (ra->val[v].vstate & VS_REMAT))
    return false;
  const ZBlock *from = &z->blocks[ra->b], *def = v < z->nins ? &z->blocks[z->blk[v]] : &z->blocks[z->order[0]];
  if (def->depth > from->depth || (from->cold && !def->cold))
    return false;
  const Promise *loop = outer_loop_of(ra, v);
  if (loop && ra->slot_used.p[s] >= loop->open_seq)
    return false;
  claim_slot(ra, s);
  ra->val[v].slot = s + 1;
  return true;
}
static inline void weigh_slot(Ra *ra, uint32_t place)
{
  uint32_t *w = &ra->slot_weight.p[place - PLACE_SLOT], sum = *w + ra->weight;
  *w = sum < *w ? UINT32_MAX : sum;
}
static void load_slot(Ra *ra, Reg r, Ref v)
{
  take_slot(ra, v);
  weigh_slot(ra, slot_place(ra, v));
  ra->l->w_reload += ra->weight;
  emit_load(ra, r, slot_place(ra, v), kind_of(ra, v));
}
static void store_slot(Ra *ra, Ref v, Reg r)
{
  weigh_slot(ra, slot_place(ra, v));
  ra->l->w_store += ra->weight;
  emit_store(ra, slot_place(ra, v), r, kind_of(ra, v));
}
static void move_reg(Ra *ra, Reg dst, Reg src, ValKind kind)
{
  ra->l->w_move += ra->weight;
  emit_move(ra, dst, src, kind);
}
static void make(Ra *ra, Reg dst, Ref ref)
{
  ra->l->rematerialised++;
  emit_make(ra, dst, ref);
}

// ---- giving registers up ----
// Weak promises are made only by the outermost 64 open loops, so that this is O(1) however deep loops nest.
enum { MAX_WEAK_DEPTH = 64 };
// No open loop may count on v in r any longer.  Strong promises stay: what they need is required on every path.
static void forget_promise(Ra *ra, Ref v, Reg r)
{
  for (uint32_t k = ra->nopen < MAX_WEAK_DEPTH ? ra->nopen : MAX_WEAK_DEPTH; k--;) {
    Promise *p = ra->open[k];
    if ((p->regs & p->weak & BIT(r)) && p->reg[r] == v)
      p->regs &= ~BIT(r), p->weak &= ~BIT(r), ra->l->dropped++;
  }
}
static void drop(Ra *ra, Reg r)
{
  ASSERT(ra->weak & BIT(r));
  Ref v = ra->cur[r];
  unbind(ra, r);
  forget_promise(ra, v, r);
}
static Reg choose(Ra *ra, RegSet m)
{
  if (NEVER(ra->o->random_ra != 0))
    return random_bit(ra, m);
  if (m & RA_CALLEE & ra->dirty)
    m &= RA_CALLEE & ra->dirty;
  if (m & RA_LOW)
    m &= RA_LOW;
  return zw_ctz64(m);
}
static void dirty(Ra *ra, Reg r) { ra->dirty |= BIT(r) & RA_CALLEE; }

// r holds w, which is needed below; above this point r is for somebody else.  into: registers w may move to.
static void free_up(Ra *ra, Reg r, RegSet into)
{
  Ref w = ra->cur[r];
  ASSERT(ra->busy & BIT(r));
  if (ra->weak & BIT(r)) {
    drop(ra, r);
    return;
  }
  unbind(ra, r);
  if (is_remat(ra, w)) {
    make(ra, r, w);
    return;
  }
  RegSet q = into & ra->file & class_of(kind_of(ra, w)) & ~ra->busy & ~ra->lock & ~ra->written & ~BIT(r);
  if (q && !ra->val[w].slot) {
    RegSet best = crosses_call(ra, w) ? q & RA_CALLEE : q & ~RA_CALLEE;
    Reg to = choose(ra, best ? best : q);
    move_reg(ra, r, to, kind_of(ra, w));
    bind(ra, to, w);
    dirty(ra, to);
    return;
  }
  load_slot(ra, r, w);
}

// ---- who gives way ----
// In a block under pressure the value whose next use upward is farthest gives way.  Uses are linked by one walk down
// the part of the block that is still above, made at its first eviction; going up, each instruction takes its own back.
static void link_operand(Ra *ra, Ref v, uint32_t i)
{
  if (!zw_ref_is_value(v))
    return;
  *zw_push(ra->a, &ra->links) = ra->up_block[v] == ra->b + 1 ? ra->up[v] : REF_NONE;
  ra->up[v] = i, ra->up_block[v] = ra->b + 1;
}
// The instruction of the block that the walk is at; what is hoisted into the block runs at its end.
static inline uint32_t point(const Ra *ra) { return ra->hoisting ? ra->z->blocks[ra->b].end - 1 : ra->i; }
static void scan_block(Ra *ra)
{
  const ZirFunc *z = ra->z;
  uint32_t first = z->blocks[ra->b].first, end = point(ra);
  if (!ra->up) {
    ra->up = zw_stale_array(ra->a, uint32_t, z->nins + 1);
    ra->up_block = zw_new_array(ra->a, uint32_t, z->nins + 1);
  }
  ra->links.n = ra->link_at.n = 0;
  ra->scanned = ra->b + 1;
  for (uint32_t i = first; i < end; i++) {
    *zw_push(ra->a, &ra->link_at) = ra->links.n;
    const ZIns *ins = &z->ins[i];
    const ZShape *shape = &zw_zir_shape[ins->op];
    if ((!z->uses[i] && (shape->flags & OPF_PURE)) || (z->vflags[i] & ZV_HOISTED))
      continue;
    if (shape->xa) {
      uint32_t n = shape->xa == ZX_RANGE ? ins->b : shape->xa;
      for (uint32_t k = 0; k < n; k++)
        link_operand(ra, z->xa[ins->a + k], i);
      continue;
    }
    if (shape->refs & 1)
      link_operand(ra, ins->a, i);
    if (shape->refs & 2)
      link_operand(ra, ins->b, i);
    if (shape->refs & 4)
      link_operand(ra, ins->c, i);
  }
}
static inline void unlink_operand(Ra *ra, Ref v, uint32_t *at)
{
  if (zw_ref_is_value(v)) {
    ra->up[v] = ra->links.p[*at];
    ra->up_block[v] = ra->up[v] == REF_NONE ? 0 : ra->b + 1;
    ++*at;
  }
}
// The walk has come to instruction i of a scanned block: its operands' next uses are those before it.
static void unlink_uses(Ra *ra, uint32_t i)
{
  const ZirFunc *z = ra->z;
  uint32_t k = i - z->blocks[ra->b].first;
  if (k >= ra->link_at.n)
    return;
  const ZIns *ins = &z->ins[i];
  const ZShape *shape = &zw_zir_shape[ins->op];
  uint32_t at = ra->link_at.p[k], end = k + 1 < ra->link_at.n ? ra->link_at.p[k + 1] : ra->links.n;
  if (at == end)
    return;
  if (shape->xa) {
    uint32_t n = shape->xa == ZX_RANGE ? ins->b : shape->xa;
    for (uint32_t j = 0; j < n; j++)
      unlink_operand(ra, z->xa[ins->a + j], &at);
    return;
  }
  if (shape->refs & 1)
    unlink_operand(ra, ins->a, &at);
  if (shape->refs & 2)
    unlink_operand(ra, ins->b, &at);
  if (shape->refs & 4)
    unlink_operand(ra, ins->c, &at);
}
// How good it is to have v in memory from here upward: distance to its next use or definition, dearer when that means a
// store in this loop; among values that this block uses no more, the one with the least weight above.
static uint64_t evict_score(const Ra *ra, Ref v)
{
  uint32_t first = ra->z->blocks[ra->b].first, here = point(ra), left = ra->val[v].left;
  uint64_t dist;
  if (ra->scanned == ra->b + 1 && ra->up_block[v] == ra->b + 1 && ra->up[v] < here)
    dist = here - ra->up[v];
  else if (v >= first && v < here)
    dist = here - v;
  else
    dist = here - first + 16;
  bool free = ra->val[v].slot || (ra->val[v].vstate & VS_REMAT) || (ra->nopen && def_pos(ra, v) < ra->open[ra->nopen - 1]->head_pos);
  return (dist * (free ? 4 : 3)) << 32 | (UINT32_MAX - left);
}
static Reg cheapest(Ra *ra, RegSet m)
{
  if (NEVER(ra->o->random_ra != 0))
    return random_bit(ra, m);
  if (ra->scanned != ra->b + 1)
    scan_block(ra);
  Reg best = zw_ctz64(m);
  uint64_t score = evict_score(ra, ra->cur[best]);
  for (m &= m - 1; m; m &= m - 1) {
    Reg r = zw_ctz64(m);
    uint64_t c = evict_score(ra, ra->cur[r]);
    if (c > score || (c == score && def_pos(ra, ra->cur[r]) < def_pos(ra, ra->cur[best])))
      best = r, score = c;
  }
  return best;
}
// A register of `from`, emptied.  from may hold anything but locked registers.
static Reg make_room(Ra *ra, RegSet from)
{
  RegSet free = from & ~ra->busy;
  if (free)
    return choose(ra, free);
  RegSet w = from & ra->weak;
  if (NEVER(!from))
    BUG("no register left in function %u at instruction %u", ra->z->func, ra->i);
  Reg r = cheapest(ra, w ? w : from);
  free_up(ra, r, 0);
  return r;
}
// Of `allowed`, what may be picked.  The small file is for shaking the allocator; what it cannot hold at all may go beyond it.
static inline RegSet pickable(const Ra *ra, RegSet allowed, RegSet but)
{
  RegSet can = allowed & ra->file & ~but;
  return can || !ra->o->small_file ? can : allowed & ~but;
}
static inline bool has(RegSet m, Reg r) { return r < RA_NREG && (m & BIT(r)); }
// A register for v from here upward, emptied but not bound.  Preferences: want, its hint, callee-saved when a call is crossed.
static Reg pick(Ra *ra, Ref v, RegSet allowed, Reg want)
{
  RegSet can = pickable(ra, allowed, ra->lock), free = can & ~ra->busy;
  if (!free)
    return make_room(ra, can);
  if (NEVER(ra->o->random_ra != 0))
    return random_bit(ra, free);
  bool cross = crosses_call(ra, v);
  if ((free & RA_AVOID_DIV) && (free & ~RA_AVOID_DIV) && crosses_div(ra, v))
    free &= ~RA_AVOID_DIV;
  if ((free & RA_AVOID_SHIFT) && (free & ~RA_AVOID_SHIFT) && crosses_shift(ra, v))
    free &= ~RA_AVOID_SHIFT;
  RegSet good = cross ? free & RA_CALLEE : free & ~RA_CALLEE;
  if (has(free, want) && (!cross || has(RA_CALLEE, want) || !good))
    return want;
  if (has(good, ra->val[v].hint))
    return ra->val[v].hint;
  if (!good) {
    if (!cross && (free & ra->dirty))
      return choose(ra, free & ra->dirty);
    good = free;
  }
  if (good & ~ra->written)
    good &= ~ra->written;
  return choose(ra, good);
}

// ---- operands of an instruction.  Order: def, clobbers, fixed uses, temps for early writes, other uses, LIR, end_ins ----
static inline void lose_weight(Ra *ra, Ref v)
{
  ra->val[v].left = ra->val[v].left > ra->weight ? ra->val[v].left - ra->weight : 0;
  if (ra->nrefs && ra->ref_index[v])
    ra->ref_live[(ra->ref_index[v] - 1) / 64] |= 1ull << (ra->ref_index[v] - 1) % 64;
}
// A register that the instruction may write before it has read its operands.
static Reg temp(Ra *ra, RegSet allowed)
{
  Reg r = make_room(ra, pickable(ra, allowed, ra->lock | ra->written));
  ra->lock |= BIT(r), ra->written |= BIT(r);
  dirty(ra, r);
  return r;
}
// Empty a fixed register and keep it for this instruction.
static void take_reg(Ra *ra, Reg r)
{
  if (ra->busy & BIT(r))
    free_up(ra, r, ra->file);
  ra->lock |= BIT(r), ra->written |= BIT(r);
  dirty(ra, r);
}
// The register of `allowed` that the instruction must write v to.  v's range ends here.
static Reg def(Ra *ra, Ref v, RegSet allowed)
{
  Reg d = ra->val[v].loc;
  if (ra->nrefs && ra->ref_index[v])
    ra->ref_live[(ra->ref_index[v] - 1) / 64] &= ~(1ull << (ra->ref_index[v] - 1) % 64);
  if (d == REG_NONE) {
    RegSet can = allowed & ra->file & ~ra->lock & ~ra->written;
    d = can || !allowed ? make_room(ra, can) : zw_ctz64(allowed);
    if (!can && (ra->busy & BIT(d)))
      free_up(ra, d, ra->file);
  } else {
    unbind(ra, d);
  }
  dirty(ra, d);
  if (ra->val[v].slot) {
    store_slot(ra, v, d);
    free_slot(ra, ra->val[v].slot - 1);
  }
  if (!(allowed & BIT(d))) {
    RegSet can = allowed & ra->file & ~ra->lock & ~ra->written, free = can & ~ra->busy;
    Reg q = free ? choose(ra, free) : can ? cheapest(ra, can) : zw_ctz64(allowed);
    if (ra->busy & BIT(q))
      free_up(ra, q, ra->file & ~BIT(d));
    move_reg(ra, d, q, kind_of(ra, v));
    d = q;
    dirty(ra, d);
  }
  ra->written |= BIT(d);
  return d;
}
// Nothing needs the value of v: no code when it has no effect either.
static inline bool is_dead(const Ra *ra, Ref v) { return ra->val[v].loc == REG_NONE && !ra->val[v].slot; }

// A value (or constant) in a register for this instruction only, made or copied right above it.
static void bring(Ra *ra, Reg r, Ref v, Reg from)
{
  *zw_push(ra->a, &ra->pre) = (Move){ r, from == REG_NONE ? PLACE_MAKE : from, v, (uint8_t)kind_of(ra, v) };
}
// v in one of `allowed`.  want: best register when it has none yet (the destination of a two-address instruction ...).
static Reg use(Ra *ra, Ref v, RegSet allowed, Reg want)
{
  if (!zw_ref_is_value(v)) {
    RegSet can = pickable(ra, allowed, ra->lock);
    Reg r = has(can & ~ra->busy, want) ? want : make_room(ra, can & ~ra->written ? can & ~ra->written : can);
    ra->lock |= BIT(r);
    dirty(ra, r);
    bring(ra, r, v, REG_NONE);
    return r;
  }
  Reg r = ra->val[v].loc;
  lose_weight(ra, v);
  if (r == REG_NONE) {
    r = pick(ra, v, allowed, want);
    bind(ra, r, v);
  } else if (!(allowed & BIT(r))) {
    ra->weak &= ~BIT(r);
    RegSet keep = ra->lock;
    ra->lock |= BIT(r);
    Reg q = make_room(ra, pickable(ra, allowed, ra->lock));
    ra->lock = keep | BIT(r) | BIT(q);
    ra->written |= BIT(q);
    dirty(ra, r), dirty(ra, q);
    bring(ra, q, v, r);
    return q;
  }
  ra->weak &= ~BIT(r);
  ra->lock |= BIT(r);
  dirty(ra, r);
  return r;
}
// v in exactly register r (also one outside the file).  When v lives elsewhere r gets a copy.
static Reg use_at(Ra *ra, Ref v, Reg r)
{
  if (zw_ref_is_value(v)) {
    lose_weight(ra, v);
    Reg have = ra->val[v].loc;
    if (have == r) {
      ra->weak &= ~BIT(r);
      ra->lock |= BIT(r);
      return r;
    }
    if (have == REG_NONE) {
      if (ra->busy & BIT(r))
        free_up(ra, r, ra->file);
      bool stay = (ra->file & BIT(r)) || !ra->o->small_file;
      if (!stay || (crosses_call(ra, v) && !has(RA_CALLEE, r))) { // live in a better register, copy when one is free
        RegSet good = class_of(kind_of(ra, v)) & ra->file & RA_CALLEE & ~ra->busy & ~ra->lock & ~ra->written;
        if (good) {
          have = choose(ra, good);
          bind(ra, have, v);
        }
      }
      if (have == REG_NONE) {
        bind(ra, r, v);
        ra->lock |= BIT(r);
        dirty(ra, r);
        return r;
      }
    }
    ra->weak &= ~BIT(have);
    dirty(ra, have);
    RegSet keep = ra->lock;
    ra->lock |= BIT(have); // it must not be moved by what follows
    if (ra->busy & BIT(r))
      free_up(ra, r, ra->file);
    ra->lock = keep | BIT(have) | BIT(r);
    ra->written |= BIT(r);
    dirty(ra, r);
    bring(ra, r, v, have);
    return r;
  }
  if (ra->busy & BIT(r))
    free_up(ra, r, ra->file);
  ra->lock |= BIT(r), ra->written |= BIT(r);
  dirty(ra, r);
  bring(ra, r, v, REG_NONE);
  return r;
}
// Is it cheaper to read v from its slot here than to give it a register?  Only when no register is free.
static bool prefer_slot(Ra *ra, Ref v, RegSet allowed)
{
  if (!zw_ref_is_value(v) || ra->val[v].loc != REG_NONE || is_remat(ra, v))
    return false;
  RegSet can = allowed & ra->file & ~ra->lock;
  if (can & (~ra->busy | ra->weak))
    return false;
  if (!can)
    return true;
  return evict_score(ra, v) >= evict_score(ra, ra->cur[cheapest(ra, can)]);
}
// The place of v's slot, as a memory operand of this instruction.
static uint32_t use_slot(Ra *ra, Ref v)
{
  lose_weight(ra, v);
  take_slot(ra, v);
  weigh_slot(ra, slot_place(ra, v));
  ra->l->w_reload += ra->weight;
  return slot_place(ra, v);
}
static __attribute__((noinline)) void make_operands(Ra *ra)
{
  for (uint32_t k = ra->pre.n; k--;) {
    Move m = ra->pre.p[k];
    if (m.src == PLACE_MAKE)
      emit_make(ra, m.dst, m.ref);
    else if (!is_reg(m.dst))
      emit_store(ra, m.dst, m.src, (ValKind)m.kind);
    else if (!is_reg(m.src))
      emit_load(ra, m.dst, m.src, (ValKind)m.kind);
    else
      move_reg(ra, m.dst, m.src, (ValKind)m.kind);
  }
  ra->pre.n = 0;
}
// Everything of the instruction is emitted: make what it needed only for itself, above it.
static inline void end_ins(Ra *ra)
{
  if (ra->pre.n)
    make_operands(ra);
  ra->lock = ra->written = 0;
}

// ---- parallel moves ----
static inline uint32_t place_index(uint32_t place) { return place >= PLACE_SLOT ? place - PLACE_SLOT + RA_NREG : place; }
static inline bool is_tracked(uint32_t place) { return place < PLACE_ARG; } // argument area and constants are never overwritten
static void reserve_places(Ra *ra)
{
  uint32_t n = RA_NREG + ra->slot_bytes.n + 1;
  while (ra->readers.n < n) {
    *zw_push(ra->a, &ra->readers) = 0;
    *zw_push(ra->a, &ra->writer) = 0;
  }
}
static inline void order_move(Ra *ra, uint32_t dst, uint32_t src, Ref ref, uint8_t kind)
{
  *zw_push(ra->a, &ra->order) = (Move){ dst, src, ref, kind };
}
static void finish_move(Ra *ra, const Moves *mv, uint32_t k)
{
  ra->writer.p[place_index(mv->p[k].dst)] = 0;
  if (is_tracked(mv->p[k].src)) {
    uint32_t s = place_index(mv->p[k].src);
    if (--ra->readers.p[s] == 0 && ra->writer.p[s])
      *zw_push(ra->a, &ra->work) = ra->writer.p[s] - 1;
  }
}
// A general register that nobody needs here and that costs no push, or REG_NONE.
static Reg spare_register(const Ra *ra, const Moves *mv)
{
  RegSet can = RA_GPR & ra->file & ~(ra->busy | ra->lock | ra->written | ra->reserved) & (~RA_CALLEE | ra->dirty);
  for (uint32_t k = 0; k < mv->n && can; k++) {
    if (is_reg(mv->p[k].src))
      can &= ~BIT(mv->p[k].src);
    if (is_reg(mv->p[k].dst))
      can &= ~BIT(mv->p[k].dst);
  }
  return can ? zw_ctz64(can) : REG_NONE;
}
// What is left is pure cycles.  Registers of one class rotate through a spare register, the scratch register or by
// swaps; a cycle with a slot in it goes through a slot of its own.
static void break_cycle(Ra *ra, const Moves *mv, uint32_t k)
{
  uint32_t start = mv->p[k].dst;
  bool fp = class_of((ValKind)mv->p[k].kind) == RA_FPR, mem = false;
  for (uint32_t d = start;;) {
    const Move *m = &mv->p[ra->writer.p[place_index(d)] - 1];
    mem |= !is_reg(m->dst);
    d = m->src;
    if (d == start)
      break;
  }
  uint32_t save = REG_NONE;
  if (!mem && !fp)
    save = spare_register(ra, mv);
  if (mem) {
    if (!ra->cycle_slot) // never shared: a slot from the free list may be a destination of this very move
      ra->cycle_slot = new_slot(ra, 16) + 1;
    save = PLACE_SLOT + ra->cycle_slot - 1;
  } else if (fp) {
    save = RA_SCRATCH_FP;
  }
  bool swap = save == REG_NONE;
  if (!swap) {
    bool wide = is_reg(start) ? fp : ra->slot_bytes.p[start - PLACE_SLOT] == 16;
    order_move(ra, save, start, REF_NONE, wide ? VK_V128 : is_reg(start) ? VK_I64 : VK_F64);
  }
  for (uint32_t d = start;;) {
    uint32_t at = place_index(d), j = ra->writer.p[at] - 1;
    const Move *m = &mv->p[j];
    ra->writer.p[at] = 0, ra->readers.p[at] = 0;
    if (m->src == start) {
      if (!swap)
        order_move(ra, m->dst, save, m->ref, m->kind);
      break;
    }
    if (swap)
      order_move(ra, m->dst, m->src | 0x80000000u, REF_NONE, m->kind);
    else
      order_move(ra, m->dst, m->src, m->ref, m->kind);
    d = m->src;
  }
}
static void emit_ordered(Ra *ra, const Move *m)
{
  ValKind kind = (ValKind)m->kind;
  bool dst_reg = is_reg(m->dst);
  if (dst_reg)
    dirty(ra, m->dst);
  if (m->src == PLACE_MAKE) {
    if (dst_reg)
      make(ra, m->dst, m->ref);
    else
      emit_store_make(ra, m->dst, m->ref, kind);
  } else if (m->src & 0x80000000u) {
    emit_swap(ra, m->dst, m->src & 0xff);
    ra->l->w_move += ra->weight;
  } else if (dst_reg && is_reg(m->src)) {
    move_reg(ra, m->dst, m->src, kind);
  } else if (dst_reg) {
    ra->l->w_reload += ra->weight;
    emit_load(ra, m->dst, m->src, kind);
    if (!is_tracked(m->src))
      note(ra, m->ref, REF_NONE, REF_NONE, REF_NONE, REF_NONE);
  } else if (is_reg(m->src)) {
    ra->l->w_store += ra->weight;
    emit_store(ra, m->dst, m->src, kind);
  } else {
    ra->l->w_store += ra->weight, ra->l->w_reload += ra->weight;
    emit_mem_move(ra, m->dst, m->src, kind);
    if (!is_tracked(m->src))
      note(ra, m->ref, REF_NONE, REF_NONE, REF_NONE, REF_NONE);
  }
  if (!dst_reg && m->dst < PLACE_ARG)
    weigh_slot(ra, m->dst);
  if (m->src >= PLACE_SLOT && m->src < PLACE_ARG)
    weigh_slot(ra, m->src);
}
// All sources are read before any destination is written.  Linear in the number of moves.
static void parallel_move(Ra *ra, const Moves *mv)
{
  if (mv->n == 0)
    return;
  ra->order.n = 0, ra->work.n = 0;
  if (mv->n == 1) {
    emit_ordered(ra, &mv->p[0]);
    return;
  }
  reserve_places(ra);
  for (uint32_t k = 0; k < mv->n; k++) {
    ASSERT(ra->writer.p[place_index(mv->p[k].dst)] == 0);
    ra->writer.p[place_index(mv->p[k].dst)] = k + 1;
    if (is_tracked(mv->p[k].src))
      ra->readers.p[place_index(mv->p[k].src)]++;
  }
  for (uint32_t k = mv->n; k--;)
    if (ra->readers.p[place_index(mv->p[k].dst)] == 0)
      *zw_push(ra->a, &ra->work) = k;
  while (ra->work.n) {
    uint32_t k = ra->work.p[--ra->work.n];
    const Move *m = &mv->p[k];
    order_move(ra, m->dst, m->src, m->ref, m->kind);
    finish_move(ra, mv, k);
  }
  for (uint32_t k = 0; k < mv->n; k++)
    if (ra->writer.p[place_index(mv->p[k].dst)] == k + 1)
      break_cycle(ra, mv, k);
  for (uint32_t k = ra->order.n; k--;)
    emit_ordered(ra, &ra->order.p[k]);
}
static inline void add_move(Ra *ra, Moves *mv, uint32_t dst, uint32_t src, Ref ref, ValKind kind)
{
  *zw_push(ra->a, mv) = (Move){ dst, src, ref, (uint8_t)kind };
}

// ---- loops ----
static inline bool in_loop(const Ra *ra, uint32_t block, const Promise *p)
{
  uint32_t pos = ra->z->blocks[block].pos;
  return pos >= p->head_pos && pos <= ra->z->blocks[ra->z->loops[p->loop].last_block].pos;
}
// The open loop that block b heads, or NULL.
static Promise *open_header(const Ra *ra, uint32_t b)
{
  const ZBlock *k = &ra->z->blocks[b];
  if (!k->is_header || !ra->nopen)
    return NULL;
  uint32_t lo = 0, hi = ra->nopen;
  while (lo < hi) {
    uint32_t mid = (lo + hi) / 2;
    if (ra->open[mid]->head_pos < k->pos)
      lo = mid + 1;
    else
      hi = mid;
  }
  return lo < ra->nopen && ra->open[lo]->head_pos == k->pos ? ra->open[lo] : NULL;
}
// What block t requires at its head: an open loop's promise for a back edge, else its entry state.
static RegSet required(const Ra *ra, uint32_t t, RegSet *weak, Ref vals[RA_NREG])
{
  const Promise *p = open_header(ra, t);
  if (p) {
    memcpy(vals, p->reg, sizeof p->reg);
    *weak = p->weak;
    return p->regs;
  }
  const Entry *e = &ra->entry[t];
  const Ref *v = ra->evals.p + e->vals;
  for (RegSet m = e->regs; m; m &= m - 1)
    vals[zw_ctz64(m)] = *v++;
  *weak = e->weak;
  return e->regs;
}
static inline bool is_phi_of(const Ra *ra, Ref v, uint32_t b)
{
  return v >= ra->z->blocks[b].first && v < ra->z->blocks[b].first + ra->z->blocks[b].nphi;
}
static inline bool is_live_phi(const Ra *ra, Ref p) { return !(ra->z->vflags[p] & ZV_DEAD) && ra->z->uses[p]; }
static bool is_promised(const Promise *p, Ref v)
{
  for (RegSet m = p->regs; m; m &= m - 1)
    if (p->reg[zw_ctz64(m)] == v)
      return true;
  return false;
}

typedef struct Best { Ref v; uint32_t weight; uint8_t reg; } Best; // reg: the register it should have
typedef struct BestList { Best p[RA_NREG]; uint32_t n, max; } BestList;
// Keep the heaviest `max` of what is offered: at most NREG steps each.
static void offer(BestList *l, Ref v, uint32_t weight, uint8_t reg)
{
  uint32_t k = l->n;
  if (k == l->max) {
    if (k == 0 || l->p[k - 1].weight >= weight)
      return;
    k--;
  } else {
    l->n++;
  }
  for (; k > 0 && l->p[k - 1].weight < weight; k--)
    l->p[k] = l->p[k - 1];
  l->p[k] = (Best){ v, weight, reg };
}
static void promise(Promise *p, Reg r, Ref v, bool weak)
{
  p->reg[r] = v;
  p->regs |= BIT(r);
  if (weak)
    p->weak |= BIT(r);
}
// A free register for v in the promise: its wish when that is possible, else one that calls in the loop leave alone.
// spare: better left to others; leave: worth a callee-saved register not to take, somebody passes through in it.
static Reg promise_reg(Ra *ra, const Promise *p, Ref v, Reg wish, RegSet spare, RegSet leave)
{
  RegSet can = class_of(kind_of(ra, v)) & ra->file & ~p->regs;
  bool call = ra->z->loops[p->loop].has_call;
  RegSet fixed = 0; // registers that some instruction of the loop will take
  if (ra->ndiv && ra->z->div_pos[ra->ndiv - 1] > p->head_pos)
    fixed |= RA_AVOID_DIV;
  if (ra->nshift && ra->z->shift_pos[ra->nshift - 1] > p->head_pos)
    fixed |= RA_AVOID_SHIFT;
  if (can & ~fixed)
    can &= ~fixed;
  if (NEVER(ra->o->random_ra != 0))
    return can ? random_bit(ra, can) : REG_NONE;
  if (call && (can & RA_CALLEE))
    can &= RA_CALLEE;
  if (has(can, wish))
    return wish;
  if (has(can, ra->val[v].hint))
    return ra->val[v].hint;
  if (can & ~leave)
    can &= ~leave;
  if (!call && (can & ~RA_CALLEE))
    can &= ~RA_CALLEE;
  if (can & ~spare)
    can &= ~spare;
  return can ? choose(ra, can) : REG_NONE;
}
typedef struct LoopPlan {
  Ref xval[RA_NREG]; RegSet xregs, xweak;  // what the exits want in registers, the hottest first
} LoopPlan;
static void want_at_exit(Ra *ra, LoopPlan *x, Reg r, Ref v, bool weak)
{
  if (!(x->xregs & BIT(r)) && zw_ref_is_value(v)) {
    x->xval[r] = v, x->xregs |= BIT(r);
    if (weak)
      x->xweak |= BIT(r);
    ra->val[v].hint = (uint8_t)r;
  }
}
static void merge_exits(Ra *ra, uint32_t l, LoopPlan *x)
{
  const ZirFunc *z = ra->z;
  Ref vals[RA_NREG];
  const ZBlock *last = &z->blocks[ra->b];
  x->xregs = x->xweak = 0;
  for (uint32_t k = 0; k < z->loops[l].nexits; k++) {
    uint32_t t = z->loops[l].exits[k];
    if (z->blocks[t].cold)
      continue;
    RegSet weak, regs = required(ra, t, &weak, vals);
    for (RegSet m = regs; m; m &= m - 1) {
      Reg r = zw_ctz64(m);
      if (!is_phi_of(ra, vals[r], t))
        want_at_exit(ra, x, r, vals[r], weak & BIT(r));
    }
  }
  uint32_t nedges = last->nedges < 8 ? last->nedges : 8;
  for (uint32_t k = 0; k < nedges; k++) { // results that the bottom's own exits carry
    const ZEdge *e = &z->edges[last->edges + k];
    const ZBlock *t = &z->blocks[e->to];
    if (t->cold || e->to == z->loops[l].header || (t->is_header && open_header(ra, e->to)))
      continue;
    for (uint32_t j = 0; j < t->nphi; j++)
      if (ra->val[t->first + j].ploc != REG_NONE)
        want_at_exit(ra, x, ra->val[t->first + j].ploc, z->edge_args[e->args + j], false);
  }
  for (uint32_t k = 0; k < nedges; k++) { // a phi is best where its next value already has to be, or where it comes from
    const ZEdge *e = &z->edges[last->edges + k];
    const ZBlock *t = &z->blocks[e->to];
    if (e->to != z->loops[l].header)
      continue;
    for (uint32_t j = 0; j < t->nphi; j++) {
      Ref p = t->first + j, v = z->edge_args[e->args + j];
      if (zw_ref_is_value(v) && v != p && ra->val[v].hint != REG_NONE && ra->val[p].hint == REG_NONE)
        ra->val[p].hint = ra->val[v].hint;
    }
    break;
  }
  const ZBlock *entry = &z->blocks[z->loops[l].entry], *head = &z->blocks[z->loops[l].header];
  const Ref *in = z->edge_args + z->edges[entry->edges].args;
  for (uint32_t j = 0; j < head->nphi; j++) // else where its first value comes from
    if (zw_ref_is_value(in[j]) && ra->val[head->first + j].hint == REG_NONE)
      ra->val[head->first + j].hint = ra->val[in[j]].hint;
}
// The loop's bottom is met first.  Decide what every back edge will deliver: the values that the exits want and that pass
// through, the header's phis, and (weakly: for free until used) what the body uses from outside.
static void open_loop(Ra *ra, uint32_t l)
{
  const ZirFunc *z = ra->z;
  const ZLoop *loop = &z->loops[l];
  const ZBlock *head = &z->blocks[loop->header];
  Promise *p = ra->nfree_promise ? ra->free_promise[--ra->nfree_promise] : zw_new(ra->a, Promise);
  *p = (Promise){ .loop = l, .open_seq = ++ra->seq, .head_pos = head->pos };
  LoopPlan x;
  merge_exits(ra, l, &x);
  if (ra->nopen == ra->open_cap) {
    ra->open_cap = ra->open_cap ? ra->open_cap * 2 : 16;
    Promise **open = zw_new_array(ra->a, Promise *, ra->open_cap);
    if (ra->nopen)
      memcpy(open, ra->open, ra->nopen * sizeof *open);
    ra->open = open;
  }
  ra->open[ra->nopen++] = p;
  if (!ra->stamp)
    ra->stamp = zw_new_array(ra->a, uint32_t, z->nins + 1);
  for (uint32_t k = 0; k < loop->nliveins; k++)
    ra->stamp[z->livein[loop->liveins + k]] = l + 1;
  // per class: registers there are, and how many the body needs for itself
  static const RegSet classes[2] = { RA_GPR, RA_FPR };
  for (int c = 0; c < 2; c++) {
    RegSet cls = classes[c] & ra->file;
    uint32_t nreg = zw_popcnt64(cls), keep = c ? TUNE_FREE_FPR : loop->max_height > 3 ? TUNE_FREE_GPR_DEEP : TUNE_FREE_GPR;
    if (nreg <= 2 * keep)
      keep = 1;
    RegSet wanted = x.xweak; // better left to who wants them
    BestList phis = { .max = nreg - keep }, used = { .max = nreg - keep }, through = { .max = nreg };
    uint32_t nphi = 0, nused = 0;
    for (uint32_t k = 0; k < head->nphi; k++) {
      Ref v = head->first + k;
      if (class_of(kind_of(ra, v)) != classes[c])
        continue;
      ra->val[v].ploc = REG_NONE;
      if (is_live_phi(ra, v))
        nphi++, offer(&phis, v, ra->val[v].left, ra->val[v].hint);
    }
    for (uint32_t k = 0; k < loop->nliveins; k++) {
      Ref v = z->livein[loop->liveins + k];
      if (class_of(kind_of(ra, v)) == classes[c] && ra->val[v].left)
        nused++, offer(&used, v, ra->val[v].left, ra->val[v].hint);
    }
    for (uint32_t k = 0; k < used.n; k++)
      if (used.p[k].reg != REG_NONE)
        wanted |= BIT(used.p[k].reg);
    for (RegSet m = x.xregs & cls; m; m &= m - 1) {
      Reg r = zw_ctz64(m);
      Ref v = x.xval[r];
      if (!(x.xweak & BIT(r)) && def_pos(ra, v) < p->head_pos && ra->stamp[v] != l + 1 && !is_remat(ra, v))
        offer(&through, v, ra->val[v].left, (uint8_t)r);
    }
    // outside values that are used in it and wanted at an exit: stay where the exit wants them
    for (RegSet m = x.xregs & cls; m; m &= m - 1) {
      Reg r = zw_ctz64(m);
      Ref v = x.xval[r];
      if (!(x.xweak & BIT(r)) && def_pos(ra, v) < p->head_pos && ra->stamp[v] == l + 1 && ra->val[v].left >= ra->weight &&
          (!loop->has_call || (RA_CALLEE & BIT(r))) && zw_popcnt64(p->regs & cls) + keep < nreg)
        promise(p, r, v, false);
    }
    for (uint32_t k = 0; k < phis.n && zw_popcnt64(p->regs & cls) + keep < nreg; k++) {
      Reg r = promise_reg(ra, p, phis.p[k].v, phis.p[k].reg, loop->has_call ? 0 : x.xregs | wanted, x.xweak);
      if (r != REG_NONE)
        promise(p, r, phis.p[k].v, false), ra->val[phis.p[k].v].ploc = ra->val[phis.p[k].v].hint = (uint8_t)r;
    }
    // values that only pass through: when there is room besides what the body uses
    uint32_t need = nphi + nused + (loop->max_height < 4 ? loop->max_height : 4), room = nreg > need ? nreg - need : 0;
    if (loop->has_call) {
      uint32_t saved = zw_popcnt64(cls & RA_CALLEE);
      room = saved > nphi + nused ? saved - nphi - nused : 0;
    }
    for (uint32_t k = 0; k < through.n && room; k++, room--) {
      Reg r = through.p[k].reg;
      if ((p->regs & BIT(r)) || (loop->has_call && !(RA_CALLEE & BIT(r))))
        r = promise_reg(ra, p, through.p[k].v, r, 0, x.xweak);
      if (r == REG_NONE || (loop->has_call && !(RA_CALLEE & BIT(r))) || zw_popcnt64(p->regs & cls) + keep >= nreg)
        break;
      promise(p, r, through.p[k].v, false);
    }
    if (ra->nopen <= MAX_WEAK_DEPTH)
      for (uint32_t k = 0; k < used.n && zw_popcnt64(p->regs & cls) + keep < nreg; k++) {
        if (is_promised(p, used.p[k].v))
          continue;
        Reg r = promise_reg(ra, p, used.p[k].v, used.p[k].reg, wanted, x.xweak);
        if (r != REG_NONE && (!loop->has_call || (RA_CALLEE & BIT(r))))
          promise(p, r, used.p[k].v, true);
      }
    for (RegSet m = x.xweak & cls & ~p->regs; m; m &= m - 1) { // an outer loop's weak values pass through for free
      Reg r = zw_ctz64(m);
      if (ra->nopen <= MAX_WEAK_DEPTH && def_pos(ra, x.xval[r]) < p->head_pos && !is_promised(p, x.xval[r]) &&
          (!loop->has_call || (RA_CALLEE & BIT(r))))
        promise(p, r, x.xval[r], true);
    }
    // phis without a register live in memory, from the first back edge on
    if (nphi)
      for (uint32_t k = 0; k < head->nphi; k++) {
        Ref v = head->first + k;
        if (class_of(kind_of(ra, v)) == classes[c] && ra->val[v].ploc == REG_NONE && is_live_phi(ra, v))
          set_dslot(ra, v, find_slot(ra, slot_size(kind_of(ra, v)), NULL) + 1);
      }
  }
}

static void save_entry(Ra *ra, uint32_t b, RegSet regs, RegSet weak, const Ref vals[RA_NREG])
{
  Entry *e = &ra->entry[b];
  *e = (Entry){ regs, weak & regs, ra->evals.n };
  zw_reserve(ra->a, &ra->evals, ra->evals.n + RA_NREG);
  Ref *out = ra->evals.p + ra->evals.n;
  for (RegSet m = regs; m; m &= m - 1)
    *out++ = vals[zw_ctz64(m)];
  ra->evals.n = (uint32_t)(out - ra->evals.p);
}
// At the header, body done: code at the head turns what the edges deliver (the promise) into what the body wants.
// The label is above that code, so the entry edge delivers the promise as well, as far as it is wanted.
static void close_loop(Ra *ra, uint32_t b)
{
  const ZBlock *head = &ra->z->blocks[b];
  Promise *p = ra->open[ra->nopen - 1];
  ASSERT(p->head_pos == head->pos);
  Moves *mv = &ra->tmp;
  RegSet want = 0, weak = 0;
  mv->n = 0;
  Reg where[RA_NREG]; // inverse: for a value in cur, its promised register
  for (RegSet m = ra->busy; m; m &= m - 1)
    where[zw_ctz64(m)] = REG_NONE;
  for (RegSet m = p->regs; m; m &= m - 1) {
    Reg r = zw_ctz64(m);
    Reg q = ra->val[p->reg[r]].loc;
    if (q != REG_NONE && (where[q] == REG_NONE || q == r))
      where[q] = r;
  }
  for (RegSet m = ra->busy; m; m &= m - 1) {
    Reg q = zw_ctz64(m), r = where[q];
    Ref v = ra->cur[q];
    if (ra->weak & BIT(q)) {
      if (r == q)
        want |= BIT(q), weak |= BIT(q);
      else
        forget_promise(ra, v, q);
      continue;
    }
    if (r == q) {
      want |= BIT(r);
    } else if (r != REG_NONE) {
      want |= BIT(r);
      add_move(ra, mv, q, r, v, kind_of(ra, v));
    } else if (is_phi_of(ra, v, b)) {
      ASSERT(dslot_of(ra, v)); // promised to memory when the loop was opened
      add_move(ra, mv, q, delivery_place(ra, v), v, kind_of(ra, v));
    } else if (is_remat(ra, v)) {
      add_move(ra, mv, q, PLACE_MAKE, v, kind_of(ra, v));
    } else {
      take_slot(ra, v);
      add_move(ra, mv, q, slot_place(ra, v), v, kind_of(ra, v));
    }
  }
  for (uint32_t k = 0; k < head->nphi; k++) {
    Ref v = head->first + k;
    Reg r = ra->val[v].ploc;
    if (r == REG_NONE) {
      if (ra->val[v].slot && ra->val[v].slot != dslot_of(ra, v)) // its home is elsewhere: an argument of its own was made here
        add_move(ra, mv, slot_place(ra, v), delivery_place(ra, v), v, kind_of(ra, v));
      if (ra->val[v].loc == REG_NONE && !ra->val[v].slot)
        ra->val[v].vstate |= VS_UNWANTED;
      continue;
    }
    if (ra->val[v].slot)
      want |= BIT(r), add_move(ra, mv, slot_place(ra, v), r, v, kind_of(ra, v));
    else if (ra->val[v].loc == REG_NONE)
      ra->val[v].ploc = REG_NONE; // nobody wants it after all
  }
  parallel_move(ra, mv);
  for (uint32_t k = 0; k < head->nphi; k++) {
    Ref v = head->first + k;
    if (ra->val[v].slot)
      free_slot(ra, ra->val[v].slot - 1);
    if (dslot_of(ra, v) && ra->dslot[v] != ra->val[v].slot)
      free_slot(ra, ra->dslot[v] - 1);
  }
  clear_registers(ra);
  save_entry(ra, b, want, weak, p->reg);
  ra->nopen--;
  if (ra->nfree_promise < ARRAY_COUNT(ra->free_promise))
    ra->free_promise[ra->nfree_promise++] = p;
}

// ---- edges ----
// A free register of the class for a value that an edge needs here; REG_NONE when all hold strong values.
static Reg edge_reg(Ra *ra, Ref v, RegSet avoid)
{
  RegSet can = class_of(kind_of(ra, v)) & ra->file & ~ra->reserved, free = can & ~ra->busy;
  if (free & ~avoid)
    free &= ~avoid;
  if (free)
    return pick(ra, v, free, REG_NONE);
  RegSet w = can & ra->weak;
  if (!w)
    return REG_NONE;
  Reg r = cheapest(ra, w);
  drop(ra, r);
  return r;
}
// Where the edge finds v, having given it a register here if there is one to give.
static uint32_t edge_source(Ra *ra, Ref v, RegSet avoid)
{
  if (!zw_ref_is_value(v))
    return PLACE_MAKE;
  Reg q = ra->val[v].loc;
  if (q != REG_NONE) {
    ra->weak &= ~BIT(q);
    return q;
  }
  if (is_remat(ra, v))
    return PLACE_MAKE;
  if (ra->val[v].slot && (ra->cold || avoid == ~(RegSet)0))
    return slot_place(ra, v);
  q = edge_reg(ra, v, avoid);
  if (q == REG_NONE) {
    take_slot(ra, v);
    return slot_place(ra, v);
  }
  bind(ra, q, v);
  dirty(ra, q);
  return q;
}
// May the argument v of a back edge live in phi p's own slot?  When nothing down here reads p from it, v is made inside the
// loop and not more often than the edge is taken.
static bool can_lend(const Ra *ra, uint32_t header, Ref p, Ref v)
{
  const Promise *l = open_header(ra, header);
  if (!l || ra->val[p].slot || (ra->val[p].vstate & VS_LENT) || ra->val[v].slot || is_remat(ra, v) || is_phi_of(ra, v, header))
    return false;
  const ZBlock *d = &ra->z->blocks[ra->z->blk[v]];
  return def_pos(ra, v) >= l->head_pos && !d->cold && d->depth <= ra->z->blocks[ra->b].depth && ra->z->ins[v].op != OP_phi;
}
// An empty state becomes what a target requires, without its phis: vals in the order of their registers, or by register.
// False when a value is wanted in two registers; the state is empty then as before.
static inline bool adopt_state(Ra *ra, const Ref *vals, const Ref *by_reg, RegSet regs, RegSet weak, uint32_t first, uint32_t nphi)
{
  RegSet busy = 0;
  bool twice = false;
  for (RegSet m = regs; m; m &= m - 1) {
    Reg r = zw_ctz64(m);
    Ref v = by_reg ? by_reg[r] : *vals++;
    if (v - first < nphi)
      continue;
    twice |= ra->val[v].loc != REG_NONE;
    ra->cur[r] = v, ra->val[v].loc = (uint8_t)r;
    busy |= BIT(r);
  }
  ra->busy = busy, ra->weak = busy & weak;
  if (NEVER(twice)) {
    clear_registers(ra);
    return false;
  }
  ra->dirty |= busy & ~weak & RA_CALLEE;
  return true;
}
// Bring the state at the end of the current block in line with what e's target requires.  Values that have no place yet
// get the wanted one, so the first edge costs nothing; what differs for later edges becomes moves on the edge.
static void conform(Ra *ra, const ZEdge *e, Moves *mv)
{
  const ZirFunc *z = ra->z;
  const ZBlock *t = &z->blocks[e->to];
  const Promise *head = open_header(ra, e->to);
  const Entry *entry = &ra->entry[e->to];
  const Ref *next = ra->evals.p + entry->vals;
  RegSet regs = head ? head->regs : entry->regs, weak = head ? head->weak : entry->weak;
  const Promise *leaves = ra->nopen && !in_loop(ra, e->to, ra->open[ra->nopen - 1]) ? ra->open[ra->nopen - 1] : NULL;
  bool cools = t->cold && !z->blocks[ra->b].cold;
  uint32_t first = t->first, nphi = t->nphi;
  RegSet todo = regs;
  mv->n = 0;
  if (!ra->busy && !leaves && !cools && !(regs & ra->reserved) && // nobody is anywhere yet: they are where they have to be
      adopt_state(ra, head ? NULL : next, head ? head->reg : NULL, regs, weak, first, nphi))
    todo = 0;
  for (RegSet m = todo; m; m &= m - 1) {
    Reg r = zw_ctz64(m);
    Ref v = head ? head->reg[r] : *next++;
    bool is_weak = weak & BIT(r);
    if (v - first < nphi)
      continue;
    Reg q = ra->val[v].loc;
    if (q == r) {
      if (!is_weak)
        ra->weak &= ~BIT(r), dirty(ra, r);
      continue;
    }
    if (q == REG_NONE && leaves && def_pos(ra, v) < leaves->head_pos && !is_promised(leaves, v)) {
      if (is_weak) {
        forget_promise(ra, v, r);
      } else if (is_remat(ra, v)) {
        add_move(ra, mv, r, PLACE_MAKE, v, kind_of(ra, v));
      } else { // not carried through the loop in a register just for this exit
        take_slot(ra, v);
        add_move(ra, mv, r, slot_place(ra, v), v, kind_of(ra, v));
      }
      continue;
    }
    if (q == REG_NONE && !(ra->reserved & BIT(r)) && (!(ra->busy & BIT(r)) || ((ra->weak & BIT(r)) && !is_weak))) {
      if (!is_weak && cools && ra->val[v].slot) { // a cold path reloads for itself
        add_move(ra, mv, r, slot_place(ra, v), v, kind_of(ra, v));
        continue;
      }
      if (ra->busy & BIT(r))
        drop(ra, r);
      bind(ra, r, v);
      if (is_weak)
        ra->weak |= BIT(r);
      else
        dirty(ra, r);
      continue;
    }
    if (is_weak && (q == REG_NONE || (ra->weak & BIT(q)) || t->cold)) {
      forget_promise(ra, v, r);
      continue;
    }
    RegSet avoid = cools ? ~(RegSet)0 : regs;
    add_move(ra, mv, r, edge_source(ra, v, avoid), v, kind_of(ra, v));
  }
  for (uint32_t k = 0; k < t->nphi; k++) {
    Ref p = t->first + k, v = z->edge_args[e->args + k];
    Reg r = ra->val[p].ploc;
    if ((r == REG_NONE && (!dslot_of(ra, p) || (ra->val[p].vstate & VS_UNWANTED))) || (z->vflags[p] & ZV_DEAD))
      continue;
    ValKind kind = kind_of(ra, p);
    bool is_value = zw_ref_is_value(v);
    if (is_value)
      lose_weight(ra, v);
    if (r == REG_NONE) {
      if (is_value && (ra->val[v].slot == ra->dslot[p] || share_slot(ra, v, ra->dslot[p] - 1)))
        continue;
      if (is_value && can_lend(ra, e->to, p, v)) { // made in the phi's slot right away
        ra->val[v].slot = ra->dslot[p];
        ra->slot_phi.p[ra->dslot[p] - 1] = p + 1;
        ra->val[p].vstate |= VS_LENT;
        continue;
      }
      add_move(ra, mv, delivery_place(ra, p), edge_source(ra, v, regs), v, kind);
      continue;
    }
    if (is_value && ra->val[v].loc == r) {
      ra->weak &= ~BIT(r), dirty(ra, r);
      continue;
    }
    if (is_value && ra->val[v].loc == REG_NONE && !(ra->reserved & BIT(r)) && (!(ra->busy & BIT(r)) || (ra->weak & BIT(r)))) {
      if (ra->busy & BIT(r))
        drop(ra, r);
      bind(ra, r, v); // the copy vanishes
      dirty(ra, r);
      continue;
    }
    add_move(ra, mv, r, edge_source(ra, v, regs), v, kind);
  }
}

// ---- blocks ----
// In a block of a loop that not every iteration passes: an outside value that nothing further up in the loop uses is
// reloaded here rather than kept in a register around the loop.
static void unload_conditional(Ra *ra, uint32_t b)
{
  const Promise *p = ra->open[ra->nopen - 1];
  if (b == ra->z->loops[p->loop].header)
    return;
  for (RegSet m = ra->busy & ~ra->weak; m; m &= m - 1) {
    Reg r = zw_ctz64(m);
    Ref v = ra->cur[r];
    if (def_pos(ra, v) < p->head_pos && ra->val[v].left < ra->weight && !is_promised(p, v))
      free_up(ra, r, 0);
  }
}
// The head of b: phis arrive, E[b] is known, the state starts empty again.
static void block_head(Ra *ra, uint32_t b)
{
  const ZBlock *k = &ra->z->blocks[b];
  if (k->is_handler) { // values come in memory: registers are those of the frame that threw
    for (RegSet m = ra->busy; m; m &= m - 1) {
      Ref v = ra->cur[zw_ctz64(m)];
      if (v >= ra->z->nins || ra->z->ins[v].op != OP_catch_value || ra->z->blk[v] != b)
        free_up(ra, zw_ctz64(m), 0);
    }
    emit_handler_head(ra, b);
  }
  if (ra->nopen && !k->is_header)
    unload_conditional(ra, b);
  if (k->is_header && ra->nopen && ra->open[ra->nopen - 1]->head_pos == k->pos) {
    close_loop(ra, b);
    return;
  }
  for (uint32_t j = k->nphi; j--;) {
    Ref p = k->first + j;
    ra->val[p].ploc = ra->val[p].loc;
    if (ra->val[p].slot && ra->val[p].loc == REG_NONE)
      set_dslot(ra, p, ra->val[p].slot);
    if (ra->val[p].slot) {
      if (ra->val[p].loc != REG_NONE)
        store_slot(ra, p, ra->val[p].loc);
      free_slot(ra, ra->val[p].slot - 1);
    }
  }
  save_entry(ra, b, ra->busy, ra->weak, ra->cur);
  clear_registers(ra);
}

static inline uint32_t block_label(const Ra *ra, uint32_t b) { return ra->alias[b] != NO_BLOCK ? ra->alias[b] : b; }
// A jump on behalf of an edge, to the edge's target or to its stub.
static void emit_edge_jump(Ra *ra, uint32_t edge)
{
  emit_jump(ra, block_label(ra, ra->z->edges[edge].to));
  note(ra, edge, REF_NONE, REF_NONE, REF_NONE, REF_NONE);
}
static uint32_t edge_stub(Ra *ra, uint32_t edge, const Moves *mv)
{
  const ZEdge *e = &ra->z->edges[edge];
  bool cold = ra->cold || ra->z->blocks[e->to].cold;
  uint32_t weight = ra->weight, label = begin_stub(ra, cold);
  if (cold)
    ra->weight = 0;
  emit_edge_jump(ra, edge);
  parallel_move(ra, mv);
  end_chunk(ra);
  ra->weight = weight;
  ra->l->stubs++;
  return label;
}
static uint32_t edge_weight(const Ra *ra, const ZEdge *e)
{
  const ZBlock *t = &ra->z->blocks[e->to];
  if (t->cold)
    return 0;
  uint32_t d = ra->z->blocks[ra->b].depth;
  return 1 + zw_depth_weight(t->depth < d ? t->depth : d);
}
// Can the edge's moves run before the branch?  Only into registers that hold nothing there.
static bool can_hoist_moves(const Ra *ra, const Moves *mv)
{
  for (uint32_t k = 0; k < mv->n; k++)
    if (!is_reg(mv->p[k].dst) || (ra->busy & BIT(mv->p[k].dst)) || mv->p[k].src == PLACE_MAKE)
      return false;
  return mv->n <= 4;
}
typedef struct BranchPlan { bool on_true; uint32_t label, taken; const Moves *hoisted; } BranchPlan; // taken: edge
// A two-way branch: everything of it below the conditional jump.  taken_edge: 0 or 1 when the jump must be on that edge
// (two jumps on parity), else -1.  The caller emits the jump to plan.label, then plan.hoisted, then what sets the flags.
static BranchPlan plan_branch(Ra *ra, uint32_t b, int taken_edge)
{
  const ZirFunc *z = ra->z;
  uint32_t first = z->blocks[b].edges;
  const ZEdge *e = &z->edges[first];
  uint32_t w[2] = { edge_weight(ra, &e[0]), edge_weight(ra, &e[1]) }, next = ra->next[ra->cold];
  uint32_t to[2] = { block_label(ra, e[0].to), block_label(ra, e[1].to) };
  int hot = w[0] != w[1] ? w[1] > w[0] : to[1] == next;
  conform(ra, &e[hot], &ra->edge_moves[hot]);
  conform(ra, &e[!hot], &ra->edge_moves[!hot]);
  Moves *mv = ra->edge_moves;
  BranchPlan p = { .hoisted = NULL };
  if (mv[hot].n && to[hot] != next && taken_edge != !hot && w[hot] > 1 && can_hoist_moves(ra, &mv[hot])) {
    p.hoisted = &ra->hoisted;
    ra->hoisted.n = 0;
    for (uint32_t k = 0; k < mv[hot].n; k++)
      *zw_push(ra->a, &ra->hoisted) = mv[hot].p[k];
    mv[hot].n = 0;
  }
  int taken;
  if (taken_edge >= 0)
    taken = taken_edge;
  else if (to[0] == next || to[1] == next) {
    int n = to[1] == next; // the edge to the next chunk
    taken = mv[!n].n && !mv[n].n && w[!n] > w[n] ? n : !n;
  } else {
    taken = mv[0].n && mv[1].n ? !hot : mv[0].n ? 1 : mv[1].n ? 0 : hot;
  }
  p.on_true = taken == 0;
  p.taken = first + (uint32_t)taken;
  p.label = mv[taken].n ? edge_stub(ra, p.taken, &mv[taken]) : to[taken];
  begin_chunk(ra, b, b, ra->cold);
  emit_edge_jump(ra, first + (uint32_t)!taken);
  parallel_move(ra, &mv[!taken]);
  return p;
}
static void plan_jump(Ra *ra, uint32_t b)
{
  uint32_t edge = ra->z->blocks[b].edges;
  conform(ra, &ra->z->edges[edge], &ra->tmp);
  begin_chunk(ra, b, b, ra->cold);
  emit_edge_jump(ra, edge);
  parallel_move(ra, &ra->tmp);
}

// The values hoisted out of loop l, in execution order, into `out`; they live at the end of the loop's entry block.
static void hoisted_values(Ra *ra, uint32_t l, uint32_t *n)
{
  ra->hoist.n = 0;
  for (uint32_t v = ra->z->loops[l].hoist_first; v != REF_NONE; v = ra->z->hoist_next[v])
    *zw_push(ra->a, &ra->hoist) = v;
  *n = ra->hoist.n;
}
// The loop that block b is the entry block of, or NO_LOOP.
static uint32_t enters_loop(const Ra *ra, uint32_t b)
{
  const ZirFunc *z = ra->z;
  const ZBlock *k = &z->blocks[b];
  if (k->nedges != 1)
    return NO_LOOP;
  const ZBlock *t = &z->blocks[z->edges[k->edges].to];
  return t->is_header && t->loop != NO_LOOP && z->loops[t->loop].entry == b ? t->loop : NO_LOOP;
}

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
  if (!z->uses[i] && !zw_zir_must_run(z, i)) // will not be there to read them
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
    if (z->ins[v].ty == VK_REF && z->uses[v] && !(z->vflags[v] & ZV_DEAD) && !(ra->val[v].vstate & VS_REMAT))
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
      if (!(z->vflags[i] & ZV_HOISTED)) {
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
    *zw_push(ra->a, &ra->maps) = (LirMap){ ra->cap - ra->at, ra->map_first, ra->map_n };
}

// ---- a function ----
enum { FEW_MOVES = 32 };
static void init_ra(Ra *ra)
{
  const ZirFunc *z = ra->z;
  uint32_t n = z->nins + 1;
  ra->l = zw_new(ra->a, LirFunc);
  ra->l->z = z;
  ra->val = zw_stale_array(ra->a, RaValue, n);
  for (uint32_t k = 0; k < z->norder; k++) {
    const ZBlock *b = &z->blocks[z->order[k]];
    for (uint32_t v = b->first, pos = b->pos; v < b->end; v++, pos++) {
      ra->val[v] = (RaValue){ 0, z->wuse[v], pos, REG_NONE, REG_NONE, REG_NONE, 0 };
      if (value_special[z->ins[v].op])
        ra->val[v].hint = value_hint(&z->ins[v]), ra->val[v].vstate = value_state(&z->ins[v]);
    }
  }
  for (uint32_t l = 0; l < z->nloops; l++) // hoisted values stand just before the terminator of the entry block
    for (uint32_t v = z->loops[l].hoist_first; v != REF_NONE; v = z->hoist_next[v])
      ra->val[v].pos = z->blocks[z->blk[v]].pos + (z->blocks[z->blk[v]].end - z->blocks[z->blk[v]].first) - 1;
  ra->val[z->nins] = (RaValue){ .loc = REG_NONE, .hint = REG_NONE, .ploc = REG_NONE };
  ra->entry = zw_new_array(ra->a, Entry, z->nblocks + 1);
  ra->alias = zw_new_array(ra->a, uint32_t, z->nblocks + 1);
  memset(ra->alias, 0xff, (z->nblocks + 1) * sizeof *ra->alias);
  ra->next[0] = ra->next[1] = NO_BLOCK;
  ra->ncall = z->ncall_pos, ra->ndiv = z->ndiv_pos, ra->nshift = z->nshift_pos, ra->event = UINT32_MAX;
  ra->file = RA_GPR | RA_FPR;
  if (ra->o->small_file) {
    RegSet keep = 0;
    for (RegSet m = RA_GPR; m && zw_popcnt64(keep) < ra->o->small_file; m &= m - 1)
      keep |= m & -m;
    ra->file = keep | RA_FPR;
  }
  ra->cap = z->nins + z->nins / 2 + 64;
  ra->buf = zw_stale_array(ra->a, Lir, ra->cap);
#ifdef ZW_ASSERTS
  ra->notes = zw_new_array(ra->a, LirNote, ra->cap);
  ra->l->gone = zw_new_array(ra->a, LirNote, z->nblocks);
#endif
  ra->at = ra->cap;
  ra->consts.p = z->consts, ra->consts.n = ra->consts.cap = z->nconsts; // copied when one is added
  zw_reserve(ra->a, &ra->chunks, z->nblocks + z->nblocks / 2 + 8);
  zw_reserve(ra->a, &ra->evals, z->nblocks * 6 + 16);
  Moves *lists[] = { &ra->pre, &ra->tmp, &ra->order, &ra->edge_moves[0], &ra->edge_moves[1], &ra->hoisted };
  Move *move = zw_stale_array(ra->a, Move, FEW_MOVES * ARRAY_COUNT(lists)); // most functions need no more
  for (uint32_t k = 0; k < ARRAY_COUNT(lists); k++)
    lists[k]->p = move + FEW_MOVES * k, lists[k]->cap = FEW_MOVES;
  zw_reserve(ra->a, &ra->work, 32);
  ra->l->area_bytes = (8 * z->frame_locals + 15) & ~15u;
}
// Loops that end with b open, outermost first; then the state is empty.
static void start_block(Ra *ra, uint32_t b)
{
  const ZirFunc *z = ra->z;
  const ZBlock *k = &z->blocks[b];
  ra->b = b, ra->cold = k->cold, ra->split = false;
  ra->weight = k->cold ? 0 : zw_depth_weight(k->depth);
  set_pos(ra, k->pos + (k->end - k->first) - 1);
  ra->work.n = 0;
  for (uint32_t l = k->loop; l != NO_LOOP && z->loops[l].last_block == b; l = z->loops[l].parent)
    *zw_push(ra->a, &ra->work) = l;
  ASSERT(!ra->busy);
  for (uint32_t n = ra->work.n; n--;)
    open_loop(ra, ra->work.p[n]);
  if (ra->nrefs)
    ref_block_out(ra, b, ra->ref_live);
}
// b's chunk is complete.  A block that is nothing but a jump disappears: whoever goes there goes on.
static void finish_block(Ra *ra, uint32_t b)
{
  end_chunk(ra);
  const ZBlock *k = &ra->z->blocks[b];
  Chunk *c = &ra->chunks.p[ra->chunks.n - 1];
  if (!ra->split && c->from_end == c->to_end + 1 && k->nedges == 1 && !k->is_header && !k->is_handler && b != ra->z->order[0]) {
    ra->alias[b] = block_label(ra, ra->z->edges[k->edges].to);
    if (notes(ra))
      ra->l->gone[b] = ra->notes[ra->at];
    ra->chunks.n--;
    ra->at++;
    return;
  }
  ra->next[k->cold != 0] = b;
}
// Hot blocks in order, their stubs, cold blocks, their stubs: chunks were made last to first.
static void copy_chunks(Ra *ra, LirFunc *l)
{
  uint32_t at[4] = { 0 }, sum = 0;
#define GROUP(c) ((c)->cold * 2 + (((c)->label & LABEL_STUB) && !(c)->part))
  for (uint32_t k = 0; k < ra->chunks.n; k++)
    at[GROUP(&ra->chunks.p[k])]++;
  for (unsigned g = 0; g < 4; g++) {
    uint32_t n = at[g];
    at[g] = sum, sum += n;
  }
  for (uint32_t k = ra->chunks.n; k--;) {
    const Chunk *c = &ra->chunks.p[k];
    const ZBlock *b = &ra->z->blocks[c->block];
    l->chunks[at[GROUP(c)]++] = (LirChunk){
      .label = c->label, .first = l->nlir - c->from_end, .end = l->nlir - c->to_end, .block = c->block, .cold = c->cold,
      .align = !(c->label & LABEL_STUB) && b->is_header && b->loop != NO_LOOP && !ra->z->loops[b->loop].has_call,
    };
  }
#undef GROUP
  l->nchunks = sum;
}
static void finish_function(Ra *ra)
{
  LirFunc *l = ra->l;
  l->lir = ra->buf + ra->at, l->nlir = ra->cap - ra->at;
  if (notes(ra))
    l->notes = ra->notes + ra->at, l->fix = ra->fix.p, l->nfix = ra->fix.n;
  l->chunks = zw_new_array(ra->a, LirChunk, ra->chunks.n);
  copy_chunks(ra, l);
  l->tables = ra->tables.p, l->ntables = ra->tables.n, l->table_labels = ra->table_labels.p;
  l->maps = zw_new_array(ra->a, LirMap, ra->maps.n + 1);
  for (uint32_t k = ra->maps.n; k--;) { // met last to first
    LirMap m = ra->maps.p[k];
    m.lir = l->nlir - m.lir;
    l->maps[l->nmaps++] = m;
  }
  l->map_slots = ra->map_slots.p;
  l->consts = ra->consts.p, l->nconsts = ra->consts.n;
  l->nslots = ra->slot_bytes.n, l->slot_bytes = ra->slot_bytes.p, l->slot_weight = ra->slot_weight.p;
  l->used_saved = (uint32_t)(ra->dirty & RA_CALLEE);
}
