// What P3 knows while it walks: values, registers, slots, promises; the LIR it writes; positions.  Part of ra_core.h.
#pragma once
#include "compiler/base/four.h"
#include "compiler/base/tune.h"
#include "compiler/emit/lir_pack.h"
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

// What a block requires at its head.  phis: registers of regs that its own phis arrive in.  arrive: which phis edges deliver, bit by
// number; bit 31 is for all that come behind 30.  vals: in Ra.evals, by register: HALF_FILE of them, or RA_NREG when regs has any of
// the upper half; or packed.
// alias: a block that is only a jump leads on to this label + 1; else 0.
typedef struct Entry { RegSet regs, weak, phis; uint32_t arrive, vals, alias; } Entry;
enum { LAST_ARRIVE = 31 };
static inline uint32_t arrive_bit(uint32_t phi) { return 1u << (phi < LAST_ARRIVE ? phi : LAST_ARRIVE); }
enum { HALF_FILE = RA_NREG / 2 };
#define LOW_HALF (BIT(HALF_FILE) - 1)
typedef struct Promise {         // what every back edge of an open loop guarantees
  RegSet regs, weak, phis;       // phis: of its header
  RegSet packed;                 // 0, or reg[] is only of these
  uint32_t arrive, loop, open_seq, head_pos, last_pos; // last_pos: where its last block starts
  Ref reg[RA_NREG];              // an outside value, or a phi of the header (its next value)
} Promise;
STATIC_ASSERT(_Alignof(Promise) == sizeof(Ref), "they lie in a stack of Refs");
enum { PROMISE_REFS = sizeof(Promise) / sizeof(Ref), PROMISE_HEAD = offsetof(Promise, reg) / sizeof(Ref) };
enum { HOT_BLOCK, HOT_STUB, COLD_BLOCK, COLD_STUB, CHUNK_GROUPS }; // in the order of the result
typedef struct Chunk { uint32_t label, block, from_end, to_end; uint8_t group; bool align; LirHead head; } Chunk; // positions counted from the buffer's end

enum { VS_LIVEIN = 16 /* of the loop that is being opened */, VS_UNWANTED = 8 /* phi in memory that nobody reads after all */, VS_FUSED = 1, VS_REMAT = 2, VS_LENT = 4 /* phi: its delivery slot holds the argument of a back edge */,
       VS_KIND_AT = 5 /* in late code, whose ZIR may be gone: its ValKind */ };
STATIC_ASSERT(VK_COUNT >> (8 - VS_KIND_AT) == 0, "a kind is one byte with the other bits");

typedef struct Slot {
  uint32_t used;                 // sequence number of the last use
  uint32_t free;                 // position + 1 in its list of free slots, or 0
  uint32_t phi;                  // phi + 1 that has lent this slot, to an argument of its own or further up the edges
  uint32_t owner;                // phi + 1 of an open loop that has this slot up to its header
  uint32_t watch;                // bit + 1 of its value in SinkState, or 0
} Slot;
enum { WATCH_MAX = 64 };
typedef struct Watch { Ref v; uint32_t slot; } Watch;
typedef struct SinkState {       // ra_sink.h
  Watch watch[WATCH_MAX];
  uint64_t watched, away;        // bits in use; of those, whose value has given its slot up
  uint64_t here, *needs;         // bits that are needed below this point; per block, at its head
  uint32_t *last;                // per loop: where its last large switch ends, or 0
} SinkState;
enum { LARGE_SWITCH = 8, ONLY_CASE = 1 };
typedef struct RaValue {
  uint32_t slot;                 // id + 1, or 0
  uint32_t left;                 // weight of the uses that are still above
  uint32_t pos;                  // layout position of the definition
  uint8_t loc, hint, ploc, vstate; // register now; wanted register; phi: where edges deliver it; VS_*
} RaValue;
STATIC_ASSERT(sizeof(RaValue) == 16 && offsetof(RaValue, slot) == 0 && offsetof(RaValue, loc) == 12, "what is asked of a value lies together");

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
  RaValue *val;                  // parallel to z->ins, one more for the address of results in memory; read it by val_of
  uint8_t *is_set_up;            // in late code: per SET_UP values
  uint32_t *dslot;               // phi in memory: the slot that edges deliver it to, id + 1
  uint32_t *left;                // weight of the uses that are still above
  // nearest use above, inside the block: of the last few thousand instructions from the block's first eviction upward, then again
  uint32_t *up;                  // per value: instruction + 1; valid when that one is scanned and still above
  VEC(uint32_t) links, link_at;  // per instruction from scan_first: for each operand what up was before it
  uint32_t scanned, scan_first;  // the block + 1 that this is true of, from this instruction on
  // the point
  uint32_t b, i, weight;
  uint32_t event;                // position + 1 of the next call, division or shift above
  uint32_t calm;                 // what is defined at or behind this position crosses none of them, and is inside all open loops
  bool thrifty;                  // some way through the function makes no call: it should not save registers for the others
  bool split;                    // the block has more than one chunk
  bool watched;                  // each instruction that is passed means something: the block is scanned, or there are references
  uint32_t large;                // edges of a large switch
  SinkState *sink;               // or NULL
  uint8_t *cases;                // per block: ONLY_CASE when the one way to it is a large switch; or NULL
  uint16_t *wanted; uint32_t few; // of a large switch: how many of its targets want a value in a register; fewer than this leave it where it is
  bool hoisting;                 // the instruction runs at the end of b, not where it stands
  bool cold, flags_live;         // flags_live: nothing emitted now may change the flags
  uint32_t ncall, ndiv, nshift;  // entries of the position lists that are above
  int64_t effect_at;             // last instruction above i that a load must not sink below; valid while < i
  // blocks and loops
  uint32_t rest;                 // block + 1 whose head the registers are still in the state of, though nothing here has asked for it; or 0
  Entry *entry;
  VEC(Ref) evals;                // of a function with many blocks packed: only of the registers in regs
  Ref *unpacked;                 // then: RA_NREG of them, the last ones asked for
  uint32_t nopen; VEC(uint32_t) open; // loops, outermost first: where in promises[] each one's is
  VEC(Ref) promises;             // in late code those of outer loops packed
  Promise *inner;                // the innermost one's, or NULL
  uint32_t seq;
  // slots
  VEC(uint8_t) slot_bytes;
  VEC(uint32_t) slot_weight;
  VEC(Slot) slots;               // parallel
  VEC(uint32_t) free8, free16;
  uint32_t cycle_slot;           // id + 1: for cycles of moves through memory
  uint32_t *first_edge, *family_slot; // per block: edge + 1 that comes first; per value that heads a family: slot + 1 taken last
  // parallel moves: per place, how many moves read it and which one writes it
  VEC(uint32_t) readers, writer;
  VEC(uint32_t) work;
  Moves order, pre, tmp;         // tmp: the edge being conformed
  Moves edge_moves[2], hoisted;
  // LIR, filled downward
  uint32_t pack_from; // so many instructions in the buffer are packed, not more room made
  uint32_t packed, headed; VEC(uint8_t *) parts; uint8_t *pack_room; // of a giant function: instructions below end, chunks that begin there; parts: the last one first
  Lir *buf, *top, *end; LirNote *notes; // top: the newest instruction; notes are parallel to buf
  VEC(LirFix) fix;
  VEC(Chunk) chunks; uint32_t ngroup[CHUNK_GROUPS];
  uint32_t nstubs;
  uint32_t *last_edge;           // per block: edge + 1 of the last switch that goes there
  VEC(LirTable) tables; VEC(uint32_t) table_labels;
  uint32_t next[2];              // label of the chunk that follows in the hot and in the cold part
  // constants of this function: the module's, then ours
  VEC(ZConst) consts;
  // stack maps
  uint32_t *ref_index; Ref *ref_value; uint32_t nrefs, ref_words; // dense numbers of the references that safepoints have to know
  uint64_t *ref_in, *ref_live, *ref_tmp; // per block: live at its head; now
  uint64_t *ref_caught; uint8_t *is_caught_known; // per try: live into its handlers and those around it
  uint32_t map_first, map_n;     // of the safepoint being made
  uint32_t one_map, *ref_last;   // how many references the one map of all safepoints is for (then nrefs = 0); those of block b: ref_value[ref_last[b]..]
  VEC(uint32_t) hoist;
  VEC(LirMap) maps; VEC(uint32_t) map_slots;
  // of a giant function, see ra_behind.h: per window of values who wants its ZIR, up to the last one that is there, and what is known of them;
  // per block, whether a switch ends it; where those of the current block end that are there
  uint32_t *wanted_in, nwindows, *wanted_known, edges_there; uint8_t *is_switch; uint32_t behind_end;
  uint64_t rng;
  struct TargetState *t;
} Ra;

// What is known of v.  Late code sets values up when the first of their page is asked for.
enum { SET_UP = 4096 / sizeof(RaValue) };
static void set_up(const Ra *ra, uint32_t page);
static inline RaValue *val_of(const Ra *ra, Ref v)
{
  if (RA_LATE && NEVER(!ra->is_set_up[v / SET_UP]))
    set_up(ra, v / SET_UP);
  return &ra->val[v];
}
// The wasm offset of v.
static inline uint32_t at_of(const Ra *ra, Ref v)
{
  if (RA_LATE)
    zw_zir_unpack_at(ra->z, v);
  return ra->z->at[v];
}

// ---- what the target supplies ----
static void emit_move(Ra *ra, Reg dst, Reg src, ValKind kind);
static void emit_load(Ra *ra, Reg dst, uint32_t place, ValKind kind);   // dst <- slot, argument or area
static void emit_store(Ra *ra, uint32_t place, Reg src, ValKind kind);
static void emit_mem_move(Ra *ra, uint32_t dst, uint32_t src, ValKind kind); // through the scratch vector register
static void emit_make(Ra *ra, Reg dst, Ref ref);                        // a constant, or a value with VS_REMAT
static void emit_const(Ra *ra, Reg dst, Ref ref);                       // a constant
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
// Of a phi whose block may be passed.
static inline ValKind phi_kind(const Ra *ra, Ref p) { return RA_LATE ? (ValKind)(val_of(ra, p)->vstate >> VS_KIND_AT) : kind_of(ra, p); }
static inline bool is_reg(uint32_t place) { return place < RA_NREG; }
static inline uint32_t slot_place(const Ra *ra, Ref v) { return PLACE_SLOT + val_of(ra, v)->slot - 1; }
static inline uint64_t watch_bit(const Ra *ra, uint32_t slot1) // of the value that has this slot, or 0
{
  uint32_t w = slot1 ? ra->slots.p[slot1 - 1].watch : 0;
  return w ? (uint64_t)1 << (w - 1) : 0;
}
// v is read from its slot below this point.
static inline uint32_t read_place(Ra *ra, Ref v)
{
  if (NEVER(ra->sink != NULL))
    ra->sink->here |= watch_bit(ra, val_of(ra, v)->slot);
  return slot_place(ra, v);
}
static inline uint32_t dslot_of(const Ra *ra, Ref phi) { return ra->dslot ? ra->dslot[phi] : 0; }
static void set_dslot(Ra *ra, Ref phi, uint32_t slot1)
{
  if (!ra->dslot)
    ra->dslot = zw_new_array(ra->a, uint32_t, ra->z->nins + 1);
  ra->dslot[phi] = slot1;
}
static inline uint32_t delivery_place(const Ra *ra, Ref phi) { return PLACE_SLOT + dslot_of(ra, phi) - 1; }
static inline bool is_remat(const Ra *ra, Ref v) { return !zw_ref_is_value(v) || (val_of(ra, v)->vstate & VS_REMAT); }

// ---- LIR ----
#ifdef ZW_ASSERTS
static inline LirNote *notes(const Ra *ra) { return ra->notes; }
#else
static inline LirNote *notes(const Ra *ra) { return (void)ra, NULL; } // so that nothing is left of what writes them
#endif
// A giant function: what is more than a few instructions below becomes bytes, and the buffer stays as long as it is.  Giant is what
// takes more LIR than its whole module has code: packing and unpacking were a fifth of P4 in a module of 10 MB.
enum { PACK_GIANT = LIR_PART + 2048, PACK_FROM = 1 << 16, PACK_MOST = 1 << 24, STILL_NEW = 1024 };
static inline bool is_giant(const ZirFunc *z) { return zw_zir_is_giant(z); }
static uint32_t pack_from(const ZirFunc *z)
{
  uint64_t much = z->m->code_len / sizeof(Lir);
  return is_giant(z) ? PACK_GIANT : much < PACK_FROM ? PACK_FROM : much < PACK_MOST ? (uint32_t)much : PACK_MOST;
}
static void pack_part(Ra *ra, const Lir *from, uint32_t n)
{
  if (!ra->pack_room)
    ra->pack_room = zw_arena_stale(ra->a, LIR_PART, LIR_PACKED_MOST, 1);
  uint32_t bytes = zw_lir_pack(from, n, ra->pack_room);
  uint8_t *part = zw_arena_stale(ra->a, bytes, 1, 1);
  memcpy(part, ra->pack_room, bytes);
  *zw_push(ra->a, &ra->parts) = part;
}
static void note_heads(Ra *ra, uint32_t packed) // of the chunks that begin in what will be packed then
{
  for (Chunk *c = &ra->chunks.p[ra->headed], *end = ra->chunks.p + ra->chunks.n; c < end && c->from_end && c->from_end <= packed; c++) {
    if (c->from_end > c->to_end)
      c->head |= ra->end[-(ptrdiff_t)(c->from_end - ra->packed)].op;
    ra->headed++;
  }
}
static void pack_lir(Ra *ra, uint32_t keep)
{
  const Lir *end = ra->end;
  for (; end - ra->top > LIR_PART + keep; end -= LIR_PART)
    pack_part(ra, end - LIR_PART, LIR_PART);
  size_t n = (size_t)(end - ra->top);
  note_heads(ra, ra->packed + (uint32_t)(ra->end - (keep ? end : ra->top)));
  ra->packed += (uint32_t)(ra->end - end);
  ra->top = memmove(ra->end - n, ra->top, n * sizeof(Lir));
}
static __attribute__((noinline, cold)) void grow_lir(Ra *ra)
{
  if (ra->packed > 1u << 28)
    zw_fail(ra->ctx, ERR_limit, ZW_NO_POS, "function %u is too large to compile", ra->z->func);
  if (!notes(ra) && !ra->o->no_pack && ra->end - ra->buf >= ra->pack_from) {
    pack_lir(ra, STILL_NEW);
    return;
  }
  uint32_t used = (uint32_t)(ra->end - ra->buf), cap = used * 2;
  if (cap < used || cap > 1u << 28)
    zw_fail(ra->ctx, ERR_limit, ZW_NO_POS, "function %u is too large to compile", ra->z->func);
  ra->buf = zw_arena_grow_down(ra->a, ra->buf, used * sizeof *ra->buf, cap * sizeof *ra->buf);
  ra->top = ra->buf + (cap - used), ra->end = ra->buf + cap;
  if (notes(ra))
    ra->notes = zw_arena_grow_down(ra->a, ra->notes, used * sizeof *ra->notes, cap * sizeof *ra->notes);
}
// How many instructions there are; positions in LIR are counted from the end.
static inline uint32_t emitted(const Ra *ra) { return (uint32_t)(ra->end - ra->top) + ra->packed; }
static inline LirNote *newest_note(const Ra *ra) { return &ra->notes[ra->top - ra->buf]; }
STATIC_ASSERT(REG_NONE == 0xff && offsetof(Lir, rd) == 4 && offsetof(Lir, ra) == 7 && offsetof(Lir, disp) == 8, "lir() fills by words");
// A new instruction above everything emitted so far: it runs before them.
static inline Lir *lir(Ra *ra, unsigned op)
{
  if (NEVER(ra->top == ra->buf))
    grow_lir(ra);
  Lir *p = --ra->top;
  uint64_t head = op | (uint64_t)UINT32_MAX << 8 * offsetof(Lir, rd), tail = 0; // no register, nothing else: two stores
  memcpy(p, &head, sizeof head), memcpy(&p->disp, &tail, sizeof tail);
  if (notes(ra))
    *newest_note(ra) = (LirNote){ REF_NONE, { REF_NONE, REF_NONE, REF_NONE, REF_NONE }, ra->fix.n, 0 };
  return p;
}
// Say which values the fields of the newest instruction carry (REF_NONE = not a value, unchecked).
static inline void note(Ra *ra, Ref def, Ref rd, Ref rn, Ref rm, Ref r_a)
{
  if (notes(ra)) {
    LirNote *n = newest_note(ra);
    n->def = def, n->use[0] = rd, n->use[1] = rn, n->use[2] = rm, n->use[3] = r_a;
  }
}
// A fixed register (or stack place) that the newest instruction reads or writes beyond its fields.
static inline void note_fix(Ra *ra, uint32_t place, Ref ref, uint8_t kind)
{
  if (notes(ra)) {
    *zw_push(ra->a, &ra->fix) = (LirFix){ place, ref, kind };
    newest_note(ra)->nfix++;
  }
}
// v is the value of `from` under another name, without code: place holds both, just above the newest instruction.
static void note_alias(Ra *ra, uint32_t place, Ref v, Ref from)
{
  note_fix(ra, place, v, LF_ALIAS);
  note_fix(ra, place, from, LF_FROM);
}
static void push_chunk(Ra *ra, uint32_t label, uint32_t block, uint8_t group)
{
  ra->ngroup[group]++;
  *zw_push(ra->a, &ra->chunks) = (Chunk){ label, block, 0, emitted(ra), group, false, 0 };
}
static void begin_chunk(Ra *ra, uint32_t block) { push_chunk(ra, block, block, ra->cold ? COLD_BLOCK : HOT_BLOCK); }
static void end_chunk(Ra *ra)
{ ra->chunks.p[ra->chunks.n - 1].from_end = emitted(ra); }
// A chunk that is not a block: made before the block that jumps to it has emitted anything.
static uint32_t begin_stub(Ra *ra, bool cold)
{
  uint32_t label = LABEL_STUB | ra->nstubs++;
  push_chunk(ra, label, ra->b, cold ? COLD_STUB : HOT_STUB);
  return label;
}

// ---- registers ----
static inline void bind(Ra *ra, Reg r, Ref v)
{
  ASSERT(!(ra->busy & BIT(r)) && val_of(ra, v)->loc == REG_NONE);
  ra->cur[r] = v, val_of(ra, v)->loc = (uint8_t)r;
  ra->busy |= BIT(r), ra->weak &= ~BIT(r);
}
static inline void unbind(Ra *ra, Reg r)
{
  ASSERT(ra->busy & BIT(r));
  val_of(ra, ra->cur[r])->loc = REG_NONE;
  ra->busy &= ~BIT(r), ra->weak &= ~BIT(r);
}
static inline void clear_registers(Ra *ra)
{
  for (RegSet m = ra->busy; m; m &= m - 1)
    val_of(ra, ra->cur[zw_ctz64(m)])->loc = REG_NONE;
  ra->busy = ra->weak = 0;
  ra->rest = 0;
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
static inline uint32_t def_pos(const Ra *ra, Ref v) { return val_of(ra, v)->pos; }
// The outermost open loop that v is not defined in, or NULL.  Open loops nest, so their heads ascend.
static inline Promise *open_at(const Ra *ra, uint32_t k)
{
  return RA_LATE ? (Promise *)(void *)(ra->promises.p + ra->open.p[k]) : (Promise *)(void *)ra->promises.p + k;
}
// What p promises in r, one of p->regs.
static inline Ref promised(const Promise *p, Reg r)
{
  return RA_LATE && p->packed ? p->reg[zw_popcnt64(p->packed & (BIT(r) - 1))] : p->reg[r];
}
static Promise *outer_loop_of(const Ra *ra, Ref v)
{
  if (!ra->nopen)
    return NULL;
  uint32_t pos = def_pos(ra, v), lo = 0, hi = ra->nopen;
  if (ra->inner->head_pos <= pos)
    return NULL;
  while (lo < hi) {
    uint32_t mid = (lo + hi) / 2;
    if (open_at(ra, mid)->head_pos > pos)
      hi = mid;
    else
      lo = mid + 1;
  }
  return open_at(ra, lo);
}
static bool crosses_call_far(const Ra *ra, Ref v)
{
  if (ra->ncall && ra->z->call_pos[ra->ncall - 1] > def_pos(ra, v))
    return true;
  if (!ra->nopen)
    return false;
  const Promise *p = outer_loop_of(ra, v);
  return p && ra->z->loops[p->loop].has_call;
}
// Does the part of v's range above this point contain a call that is not cold?
static inline bool crosses_call(const Ra *ra, Ref v) { return def_pos(ra, v) < ra->calm && crosses_call_far(ra, v); }
// Callee-saved registers that v, which crosses a call, may have.  One that this function saves anyway, or any when v is used often
// enough to pay for saving it on the way that makes no call.
static RegSet worth_saving(const Ra *ra, Ref v)
{
  return RA_CALLEE & (ra->thrifty && v < ra->z->nins && zw_zir_weight(ra->z, v) <= TUNE_SAVE_USES ? ra->dirty : ~(RegSet)0);
}
static inline bool crosses_div(const Ra *ra, Ref v) { return ra->ndiv && ra->z->div_pos[ra->ndiv - 1] > def_pos(ra, v); }
static inline bool crosses_shift(const Ra *ra, Ref v) { return ra->nshift && ra->z->shift_pos[ra->nshift - 1] > def_pos(ra, v); }
static inline void set_calm(Ra *ra)
{
  uint32_t inner = ra->inner ? ra->inner->head_pos : 0, event = ra->event ? ra->event - 1 : 0;
  ra->calm = inner > event ? inner : event;
}
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
  set_calm(ra);
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
  *zw_push(ra->a, &ra->slots) = (Slot){ .used = ra->seq };
  return ra->slot_bytes.n - 1;
}
static void claim_slot(Ra *ra, uint32_t s) // a free one
{
  bool wide = ra->slot_bytes.p[s] == 16;
  uint32_t *n = wide ? &ra->free16.n : &ra->free8.n, *p = wide ? ra->free16.p : ra->free8.p;
  uint32_t at = ra->slots.p[s].free - 1, last = p[--*n];
  p[at] = last;
  ra->slots.p[last].free = at + 1;
  ra->slots.p[s].free = 0;
  ra->slots.p[s].used = ra->seq;
}
// A slot that nobody has used since `loop` was opened: otherwise a store further down the body would destroy, before
// the next iteration, what a value from outside the loop keeps there.  A few tries, then a new one.
static uint32_t find_slot(Ra *ra, uint8_t bytes, const Promise *loop)
{
  uint32_t n = bytes == 16 ? ra->free16.n : ra->free8.n, *p = bytes == 16 ? ra->free16.p : ra->free8.p;
  for (uint32_t k = 0; k < TUNE_SLOT_TRIES && k < n; k++) {
    uint32_t s = p[n - 1 - k];
    if (loop && ra->slots.p[s].used >= loop->open_seq)
      continue;
    claim_slot(ra, s);
    return s;
  }
  return new_slot(ra, bytes);
}
static inline uint8_t slot_size(ValKind k) { return k == VK_V128 ? 16 : 8; }
// The value that v's family is called after: phis that hand one variable on, from block to block, go back to one value along
// the first edge into each.  A few steps: it is a wish only.
static Ref family_of(Ra *ra, Ref v)
{
  const ZirFunc *z = ra->z;
  for (int k = 0; k < 16 && v < z->nins && z->ins[v].op == OP_phi; k++) {
    if (!ra->first_edge) {
      ra->first_edge = zw_new_array(ra->a, uint32_t, z->nblocks + 1);
      for (uint32_t e = z->nedges; e--;)
        ra->first_edge[z->edges[e].to] = e + 1;
    }
    uint32_t b = zw_zir_block(z, v), e = ra->first_edge[b];
    Ref a = e ? z->edge_args[z->edges[e - 1].args + (v - z->blocks[b].first)] : REF_NONE;
    if (!zw_ref_is_value(a) || a >= v)
      break;
    v = a;
  }
  return v;
}
// A slot for v, if possible the one that its family had: then edges have nothing to copy.
static uint32_t slot_for(Ra *ra, Ref v, const Promise *loop)
{
  uint8_t bytes = slot_size(kind_of(ra, v));
  bool is_phi = v < ra->z->nins && ra->z->ins[v].op == OP_phi;
  if (!is_phi && !ra->family_slot)
    return find_slot(ra, bytes, loop);
  if (!ra->family_slot)
    ra->family_slot = zw_new_array(ra->a, uint32_t, ra->z->nins + 1);
  uint32_t *last = &ra->family_slot[is_phi ? family_of(ra, v) : v], s = *last - 1;
  if (*last && ra->slots.p[s].free && ra->slot_bytes.p[s] == bytes && !(loop && ra->slots.p[s].used >= loop->open_seq))
    claim_slot(ra, s);
  else
    s = find_slot(ra, bytes, loop);
  *last = s + 1;
  return s;
}
// v has taken its slot.  Is it made in front of a large switch of the same loop?
static __attribute__((noinline)) void watch_slot(Ra *ra, Ref v)
{
  const ZirFunc *z = ra->z;
  SinkState *k = ra->sink;
  if (v >= z->nins || z->ins[v].ty == VK_REF || zw_zir_is(z, v, ZV_HOISTED) || !~k->watched)
    return;
  uint32_t loop = z->blocks[zw_zir_block(z, v)].loop;
  if (loop == NO_LOOP || k->last[loop] <= def_pos(ra, v))
    return;
  unsigned bit = zw_ctz64(~k->watched);
  k->watched |= (uint64_t)1 << bit;
  k->watch[bit] = (Watch){ v, val_of(ra, v)->slot - 1 };
  ra->slots.p[val_of(ra, v)->slot - 1].watch = bit + 1;
}
static void take_slot(Ra *ra, Ref v)
{
  if (val_of(ra, v)->slot)
    return;
  ASSERT(!(val_of(ra, v)->vstate & VS_REMAT));
  const Promise *loop = outer_loop_of(ra, v);
  uint32_t d = dslot_of(ra, v);
  if (d && !(val_of(ra, v)->vstate & VS_LENT) && !(loop && ra->slots.p[d - 1].used >= loop->open_seq)) { // else lent to values of the loop, further down
    val_of(ra, v)->slot = d;
    return;
  }
  val_of(ra, v)->slot = slot_for(ra, v, loop) + 1;
  if (NEVER(ra->sink != NULL))
    watch_slot(ra, v);
}
static void free_slot(Ra *ra, uint32_t s)
{
  ra->slots.p[s].used = ra->seq;
  if (NEVER(ra->sink != NULL)) {
    uint64_t bit = watch_bit(ra, s + 1);
    ra->sink->here &= ~bit, ra->sink->watched &= ~bit;
    ra->slots.p[s].watch = 0;
  }
  if (ra->slots.p[s].phi) { // back to the phi, which keeps it up to its header
    val_of(ra, ra->slots.p[s].phi - 1)->vstate &= (uint8_t)~VS_LENT;
    ra->slots.p[s].phi = 0;
    return;
  }
  if (ra->slot_bytes.p[s] == 16)
    *zw_push(ra->a, &ra->free16) = s;
  else
    *zw_push(ra->a, &ra->free8) = s;
  ra->slots.p[s].free = ra->slot_bytes.p[s] == 16 ? ra->free16.n : ra->free8.n;
}
// The argument v of a phi that lives in slot s: may v live there too, so that its edge has nothing to do?  Nobody else may
// have the slot between v's definition and here (it is free here, and nobody above has been given it yet), the loop rule
// of find_slot must hold, and the store at v's definition must not run more often than one on the edge would.
static bool share_slot(Ra *ra, Ref v, uint32_t s)
{
  const ZirFunc *z = ra->z;
  if (val_of(ra, v)->slot || !ra->slots.p[s].free || (val_of(ra, v)->vstate & VS_REMAT))
    return false;
  const ZBlock *from = &z->blocks[ra->b], *def = v < z->nins ? &z->blocks[zw_zir_block(z, v)] : &z->blocks[z->order[0]];
  if (def->depth > from->depth || (from->cold && !def->cold))
    return false;
  const Promise *loop = outer_loop_of(ra, v);
  if (loop && ra->slots.p[s].used >= loop->open_seq)
    return false;
  claim_slot(ra, s);
  val_of(ra, v)->slot = s + 1;
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
  emit_load(ra, r, read_place(ra, v), kind_of(ra, v));
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
