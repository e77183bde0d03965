// P2's state and what its files share: build.c walks, build_control.c makes blocks and edges, build_inline.c reads callees in
// place, build_mem.c has memories and globals, build_call.c calls, tables and references.
#pragma once
#include "compiler/base/four.h"
#include "compiler/base/tune.h"
#include "compiler/wasm/body.h"
#include "compiler/zir/zir_int.h"
#include "runtime/base/vec.h"
#include <string.h>

// A ZIns on its way, in two registers: put together and compared as two words, and passed by value.  Built in memory from its
// fields it could not be read as a whole before the stores of these had reached the cache.
typedef struct Key { uint64_t lo, hi; } Key;
STATIC_ASSERT(sizeof(Key) == sizeof(ZIns) && offsetof(ZIns, ty) == 2 && offsetof(ZIns, fl) == 3 && offsetof(ZIns, a) == 4 &&
                  offsetof(ZIns, b) == 8 && offsetof(ZIns, c) == 12, "a Key is the bytes of a ZIns");
static inline Key zb_key(Op op, unsigned ty, unsigned fl, uint32_t x, uint32_t y, uint32_t z)
{
  return (Key){ (uint16_t)op | (uint32_t)(uint8_t)ty << 16 | (uint32_t)fl << 24 | (uint64_t)x << 32, y | (uint64_t)z << 32 };
}
static inline Key zb_key_of(const ZIns *i)
{
  Key k;
  memcpy(&k, i, sizeof k);
  return k;
}
static inline ZIns zb_ins_of(Key k)
{
  ZIns i;
  memcpy(&i, &k, sizeof i);
  return i;
}

typedef struct Undo { uint32_t local; Ref old; } Undo;
typedef struct Frame {              // of a nest without end there are as many as its input has pairs of bytes
  uint8_t kind;                   // Op
  bool has_else : 1, named : 1;   // named: some branch goes to its label
  bool limits : 1;                // an arm, or its end has been branched to: code in it does not dominate that end
  bool reached : 1;               // P1 counts a way to its end, perhaps one that is none
  bool ghost : 1;                 // entered where P1 alone thinks it live
  bool own_state : 1;             // if: the newest of at_if[] is its own, not also of one further out
  uint16_t nparams, nresults;     // of an if that is there, the newest of saved[] are its parameters
  uint32_t height, undo;
  uint32_t assigned_off, nassigned;
  uint32_t carry;                 // what waited in carry[] before it
  uint32_t pending;               // edges to its end: while they wait, a chain by `to`, and `args` is into carry[]
  union {
    uint32_t header;              // loop: block; try: P1's number of it
    uint32_t else_edge;           // if: the edge that waits for its else
  };
  uint32_t serial;                // number of this frame, of the arm for an `if`
} Frame;
STATIC_ASSERT(sizeof(Frame) == 40, "six to an if of five bytes would be 40 x the input");
typedef struct Try {
  uint32_t region, outside;       // of its blocks: itself, or without clauses the one around it; of those around it
  uint32_t clauses;               // try_table: where in the body
  uint32_t nhandlers : 29;        // clauses that have begun
  uint32_t throws : 1;            // something in it does
  uint32_t keeps : 1, caught : 1; // locals that it sets are in memory too; a `catch` came
  Ref exn;                        // what the last clause caught
} Try;

// Inlining: the callee's body is read where the call stands, by the same walk.  Its blocks get numbers behind those of
// P1's skeleton; an Inst remembers where they belong in the layout.
enum { INLINE_OPS = TUNE_INLINE_OPS, INLINE_LOOP_OPS = TUNE_INLINE_LOOP_OPS /* when the call is in a loop */, INLINE_SELF_OPS = TUNE_INLINE_SELF_OPS,
       INLINE_MOST_OPS = INLINE_LOOP_OPS > INLINE_SELF_OPS ? INLINE_LOOP_OPS : INLINE_SELF_OPS, INLINE_LOCALS = 16, INLINE_LOOPS = 2 };
enum { INLINE_DEPTH = TUNE_INLINE_DEPTH, INLINE_FREE_OPS = TUNE_INLINE_FREE_OPS, INLINE_SMALL_MODULE = 32 << 10 /* bytes of code: it may as if it had so many */ };
typedef struct InlinedBody {
  const FuncFacts *facts;
  uint32_t *map;                  // callee's block -> block of f, or NO_BLOCK; map[0] is the block with the call
  uint8_t *returns;               // per block of the callee: can it get to the end?
} InlinedBody;
typedef struct Inst {
  uint32_t next;                  // call in the same block, or in the same entry block of a callee; UINT32_MAX = last
  uint32_t first, last;           // inlined calls in the part of map[0] that is this callee's
  uint32_t rest;                  // block in which the caller goes on, or NO_BLOCK: it is one of map[]
  const InlinedBody *body;        // NULL: the block only goes on as another one
} Inst;
typedef struct Level {            // a caller that waits
  uint32_t func, root, undo, inst, next_block, next_frame, at;
  uint32_t loop; uint8_t depth; bool cold; // of the block with the call: the callee's are in or under them
  const FuncFacts *facts; const Func *fn; const uint8_t *p;
  Ref *locals; uint32_t *loop_map, *map; const uint8_t *returns;
} Level;

enum { NUMBER_BITS = 12, MOST_MASKED = 8 };
// In maps of blocks: part of the block that has this number there; not made, this edge goes where it would have jumped.
enum { MAP_SAME = 0x40000000u, MAP_EDGE = 0x80000000u };
enum { NO_EDGE = UINT32_MAX };

// Kinds of state that a load may see, see build_facts.c.
typedef enum StateKind {
  ST_MEMORY0, ST_MEMORIES /* all others */, ST_LENGTH /* of tables and memories */, ST_IMPORTED /* globals: two may be one */, ST_GC /* fields of structs */,
  ST_GLOBALS /* own ones, by index modulo */, ST_COUNT = 8
} StateKind;
enum { STATE_FACTS = 16, GLOBAL_FACTS = 8 /* behind them */, CHECK_FACTS = 16 };
// This load would give this value; its version and address are in Build.fact_ver, fact_base.
typedef struct Fact { Key load; uint32_t block; Ref value; StateKind state; } Fact;
typedef struct CheckFact { Ref idx; uint32_t mem, block; uint64_t reach; bool known; } CheckFact;
typedef struct Versions { uint32_t of[ST_COUNT]; } Versions;
typedef struct TableEdge { uint32_t stamp, edge; } TableEdge; // the br_table of this stamp already has an edge to the frame

typedef struct Build {
  const Module *m;
  const CodeOptions *o;
  ZirFunc *f;
  Arena *scratch;
  const FuncFacts *facts;
  const Func *fn;
  const uint8_t *p;
  uint32_t at, block, next_block, next_frame, stamp;
  bool live, frame_locals;
  bool plain_memory;              // memory 0 has no checks and no sharing
  bool ghost;                     // live for P1 but not here: a condition was constant.  Read only to count blocks and frames
  bool skipped;                   // some block of P1 was not made
  uint32_t loops_read;            // LoopFacts of the function itself that have been entered
  uint32_t home;                  // serial of the innermost frame whose end the block does not dominate
  uint32_t *homes;                // of each block; see build_number.c
  uint32_t *block_insts;          // the first inlined call of each block, or UINT32_MAX; NULL: no call has been inlined
  uint32_t last_inst;             // the last one of the block that had one last
  VEC(uint8_t) open;              // by serial
  uint32_t ver[ST_COUNT], last_ver;
  VEC(Versions) at_end;           // parallel to frames: where an edge goes to its end; 0 = ways differ
  VEC(Versions) at_if;            // of the open ifs; one where several have the same
  VEC(TableEdge) table_edges;     // parallel to frames, as far as some br_table looked
  Fact state_facts[STATE_FACTS + GLOBAL_FACTS];
  uint32_t fact_ver[STATE_FACTS + GLOBAL_FACTS], fact_base[STATE_FACTS + GLOBAL_FACTS];
  uint32_t last_store;            // to a memory; + 1
  CheckFact *checks;              // [CHECK_FACTS], or NULL before the first
  uint32_t *numbers, number_mask; // see build_number.c: value + 1 by hash
  uint32_t region, next_try;      // ZirFunc.try_of of the blocks made now; P1's number of the next try
  bool throws_here;               // the current block can
  Try *tries;                     // by P1's number
  uint32_t *through, nthrough;    // per local: tries around that keep it in memory too; those that keep any
  uint32_t *frame_at;             // per local: its place in the frame, in words + 1
  uint32_t func, block_cap, loop_cap, own_loops /* not inlined */, grown, most_grown, stack_cap;
  struct { uint32_t phi, bits; } masked[MOST_MASKED]; uint32_t nmasked; // of the loop entered last: its phis under a mask of so many low bits
  VEC(uint32_t) to_headers;       // the edges to it, and to loops around it, since then
  uint32_t nlevels;
  uint32_t *map;                  // of the body being read: P1's number of a block -> ours, NO_BLOCK or MAP_*
  uint32_t *named_in, name;       // the current block's place in it, or in that of another body
  uint32_t way_in;                // the one edge to the current block, from a two-way branch; or NO_EDGE
  const uint8_t *returns;         // of the callee being read
  VEC(Inst) insts;
  VEC(ZInline) inlines;
  Ref *stack; uint32_t sp;
  Ref *locals;
  uint32_t *loop_map;
  VEC(Undo) undo;
  VEC(Frame) frames;
  uint32_t frames_there;          // so many have been written, and their pages not been given back
  VEC(Ref) carry, saved;
  VEC(Ref *) ways;                // of the join being made: what comes in by each edge
  VEC(ZEdge) edges;
  VEC(Ref) edge_args;
  VEC(uint32_t) xa;
  Level levels[INLINE_DEPTH];     // not cleared: nlevels are in use
} Build;

_Noreturn void zb_unsupported(const Build *b, Feature f);

// ---- instructions ----
static inline uint32_t append_key(Build *b, Key k)
{
  ZirFunc *f = b->f;
  if (f->nins == f->cap)
    zw_zir_reserve(f, f->nins + 1);
  uint32_t i = f->nins++;
  memcpy(&f->ins[i], &k, sizeof k);
  f->val[i] = zw_val(b->block, 0), f->at[i] = b->at;
  return i;
}
static inline uint32_t append(Build *b, Op op, unsigned ty, unsigned fl, uint32_t x, uint32_t y, uint32_t z)
{
  return append_key(b, zb_key(op, ty, fl, x, y, z));
}

static inline Frame *zb_top(Build *b) { return &b->frames.p[b->frames.n - 1]; }
static inline const uint32_t *zb_assigned(const Build *b, const Frame *f) { return b->facts->assigned + f->assigned_off; }
static inline void push(Build *b, Ref r) { b->stack[b->sp++] = r; }
static inline Ref pop(Build *b) { return b->stack[--b->sp]; }
static inline Ref i32_const(Build *b, uint32_t v)
{
  return zw_fits_inline((int32_t)v) ? zw_inline_const(0, (int32_t)v) : zw_zir_const(b->f, VK_I32, v, 0);
}
static inline Ref i64_const(Build *b, uint64_t v)
{
  return zw_fits_inline((int64_t)v) ? zw_inline_const(1, (int32_t)v) : zw_zir_const(b->f, VK_I64, v, 0);
}

// ---- build_fold.c ----
// What op on x and y comes to; REF_NONE: an instruction, of operands that may have changed places.
Ref zb_fold(Build *b, Op op, Ref *x, Ref *y);
typedef enum FoldWhen { FOLD_CONST, FOLD_SAME, FOLD_ADD, FOLD_ASK } FoldWhen; // of an op: what zb_fold needs to do anything
extern const uint8_t zb_fold_when[OP_COUNT];
Ref zb_select(Build *b, Ref yes, Ref no, Ref cond);
Ref zb_simpler_condition(const Build *b, Ref cond);
unsigned zb_low_bits(const Build *b, Ref r);       // so many low bits of r can be set
extern const uint8_t zb_narrow[OP_COUNT];
static inline bool zb_may_be_narrow(const Build *b, Ref r) // false: all of them
{
  if (!zw_ref_is_value(r))
    return true;
  const ZIns *i = &b->f->ins[r];
  return i->op == OP_phi ? i->c != 0 : zb_narrow[i->op];
}
static inline bool zb_is_const(const Build *b, Ref r, uint64_t *c)
{
  uint64_t bits[2];
  if (zw_ref_is_value(r))
    return false;
  if (zw_ref_is_inline(r)) {
    *c = r >> 28 == REF_CONST >> 28 ? (uint32_t)zw_ref_inline(r) : r >> 28 == (REF_CONST >> 28) + 1 ? (uint64_t)zw_ref_inline(r) : 0;
    return true;
  }
  if (!zw_ref_const(b->f, r, bits))
    return false;
  *c = bits[0];
  return true;
}
// The same condition or a simpler one, zero when it is.
static inline Ref zb_condition(const Build *b, Ref cond)
{
  return zw_ref_is_value(cond) && b->f->ins[cond].op == OP_i32_ne ? zb_simpler_condition(b, cond) : cond;
}

// ---- build_number.c ----
void zb_start_numbers(Build *b);
Ref zb_number(Build *b, Key k);                    // an equal one that dominates, or a new one
Ref zb_invariant(Build *b, const ZIns *k);         // the same, made outside of loops if it can be
Ref zb_hoist(Build *b, const ZIns *k, uint32_t effects); // for loops without these; REF_NONE: make it here

// ---- build_facts.c ----
void zb_changed(Build *b, StateKind k);
void zb_all_changed(Build *b);
void zb_loop_changes(Build *b, uint32_t effects);  // at the header of a loop with these
Ref zb_load_fact(Build *b, Key k, StateKind state);
void zb_store_fact(Build *b, Key k, StateKind state, Ref v);
void zb_memory_store(Build *b, Key store);
void zb_field_store(Build *b, Key load, Ref v, bool fresh);
Ref zb_memory_load(Build *b, const ZIns *load);
bool zb_was_checked(Build *b, uint32_t mem, Ref idx, uint64_t reach);

// Is it worth asking zb_fold?  Most often not: two different values.
static inline bool zb_may_fold(const Build *b, Op op, Ref x, Ref y)
{
  FoldWhen when = (FoldWhen)zb_fold_when[op];
  if (!zw_ref_is_value(x) || when == FOLD_ASK)
    return true;
  if (zw_ref_is_value(y))
    return x == y && when == FOLD_SAME;
  return when != FOLD_ADD || b->f->ins[x].op == op || (y & 0x0fffffff) == 0;
}

// An instruction without effect, or one whose trap an equal one before it would have raised.
static inline Ref zb_pure(Build *b, Op op, unsigned ty, Ref x, Ref y, uint32_t z)
{
  if (zb_may_fold(b, op, x, y) && !b->o->no_fold) {
    Ref r = zb_fold(b, op, &x, &y);
    if (r != REF_NONE)
      return r;
  }
  return zb_number(b, zb_key(op, ty, 0, x, y, z));
}
static inline Ref un(Build *b, Op op, Ref x) { return zb_pure(b, op, zw_op_info[op].out[0], x, 0, 0); }
static inline Ref bin(Build *b, Op op, Ref x, Ref y) { return zb_pure(b, op, zw_op_info[op].out[0], x, y, 0); }
static inline Ref load_as(Build *b, Op op, unsigned ty, unsigned alias, uint32_t x, uint32_t z)
{
  Key k = zb_key(op, ty, alias, x, 0, z);
  if (alias == AL_TABLE)
    return zb_load_fact(b, k, ST_LENGTH);
  return alias == AL_IMMUT ? zb_number(b, k) : append_key(b, k);
}
static inline Ref vm_load(Build *b, ValKind ty, uint32_t off, unsigned alias)
{
  return load_as(b, OP_vm_load, ty, alias, off, 0);
}
static inline Ref ptr_load(Build *b, ValKind ty, Ref p, uint32_t off, unsigned alias)
{
  return load_as(b, OP_ptr_load, ty, alias, p, off);
}
static inline void trapif(Build *b, Ref cond, TrapKind kind)
{
  uint64_t c;
  cond = zb_condition(b, cond);
  if (b->o->no_fold || !zb_is_const(b, cond, &c) || c)
    append(b, OP_trapif, VK_COUNT, 0, cond, 0, kind);
}
static inline Ref to_i64(Build *b, Ref r) { return zw_ref_type(b->f, r) == VK_I32 ? un(b, OP_i64_extend_i32_u, r) : r; }

static inline uint32_t xa_list(Build *b, const Ref *refs, uint32_t n)
{
  uint32_t at = b->xa.n;
  zw_reserve(b->f->arena, &b->xa, at + n);
  for (uint32_t k = 0; k < n; k++)
    b->xa.p[at + k] = refs[k];
  b->xa.n = at + n;
  return at;
}

// ---- build_control.c ----
static inline bool zb_is_open(const Build *b, uint32_t block) { return b->open.p[b->homes[block]]; } // it dominates here
void zb_ghost(Build *b, Op op);                // instruction that is not there
static inline uint32_t zb_add_edge(Build *b, uint32_t to)
{
  *zw_push(b->f->arena, &b->edges) = (ZEdge){ .to = to, .from = b->block, .args = b->edge_args.n };
  return b->edges.n - 1;
}
void zb_open_block(Build *b, uint32_t id, uint32_t loop, uint8_t depth, bool cold);
void zb_start_block(Build *b);                 // the next of P1's skeleton
uint32_t zb_more_blocks(Build *b);             // the number of the next
// The terminator of the current block; its edges are those added since `first`.
static inline void zb_end_block(Build *b, Op op, uint32_t x, uint32_t y, uint32_t z, uint32_t first)
{
  append(b, op, VK_COUNT, 0, x, y, z);
  ZBlock *blk = &b->f->blocks[b->block];
  blk->end = b->f->nins, blk->edges = first, blk->nedges = b->edges.n - first;
  if (b->f->try_of && !b->throws_here) // then it may be laid out behind the handlers
    b->f->try_of[b->block] = TRY_QUIET;
  b->live = false;
}
void zb_set_frame_local(Build *b, uint32_t l, Ref r); // when all locals live in the machine frame
Ref zb_get_frame_local(Build *b, uint32_t l);
static inline Ref get_local(Build *b, uint32_t l) { return b->frame_locals ? zb_get_frame_local(b, l) : b->locals[l]; }
static inline void change_local(Build *b, Ref *locals, uint32_t l, Ref r)
{
  if (locals[l] == r)
    return;
  *zw_push(b->scratch, &b->undo) = (Undo){ l, locals[l] };
  locals[l] = r;
}
static inline bool keeps_locals(const Build *b) { return b->nthrough && !b->nlevels; }
static inline void set_local(Build *b, uint32_t l, Ref r)
{
  if (b->frame_locals) {
    zb_set_frame_local(b, l, r);
    return;
  }
  if (keeps_locals(b) && b->through[l] && b->locals[l] != r)
    zb_set_frame_local(b, l, r);
  change_local(b, b->locals, l, r);
}
void zb_pop_frame(Build *b);
Frame *zb_push_frame(Build *b, Op kind, uint32_t nparams, uint32_t nresults);
void zb_fall_to_end(Build *b, Frame *f);
void zb_join(Build *b, Frame *f);              // of f, in the block just started
void zb_br_if(Build *b, Op op, uint32_t label, Ref cond);
void zb_control(Build *b, Op op);
void zb_close_frame(Build *b);                 // the top one, for numbering
void zb_limit(Build *b, Frame *f);             // code from here on does not dominate its end
void zb_next_arm(Build *b, Frame *f);          // what f's arm before made is not here
void zb_rollback(Build *b, const Frame *f);    // locals and operands as they were when f began
uint32_t zb_branch_edge(Build *b, uint32_t label);
void zb_jump(Build *b, uint32_t label);        // ends the block
void zb_ghost_branch(Build *b, uint32_t label);
void zb_skip_block(Build *b);                  // of P1's skeleton: nothing leads to it
Op zb_skip_dead(Build *b, const uint8_t **at); // to the `else` or `end` of the open frame, which is at *at

// ---- build_try.c ----
void zb_prepare_tries(Build *b);
void zb_enter_try(Build *b, Op op, uint32_t nparams, uint32_t nresults, const uint8_t *clauses);
void zb_catch(Build *b);
void zb_end_try(Build *b);
void zb_throw_op(Build *b, Op op);
void zb_note_throw(Build *b);

// ---- build_inline.c ----
void zb_add_inst(Build *b, const Inst *inst);  // to the current block
uint32_t zb_free_ops(const Module *m);
bool zb_enter_inline(Build *b, uint32_t func); // arguments on the stack; false: a plain call, please
void zb_leave_inline(Build *b);
void zb_note_call(Build *b);
uint32_t zb_inline_position(Build *b);
void zb_drop_succ(const Build *b);
void zb_drop_facts(const Build *b);
void zb_order_blocks(Build *b);

// ---- build_mem.c ----
bool zb_is_plain_memory(const Build *b);
void zb_access(Build *b, Op op);
void zb_memory_op(Build *b, Op op);
void zb_global_op(Build *b, bool set);
Ref zb_lib(Build *b, unsigned id, unsigned ty, const Ref *args, uint32_t n);

// ---- build_call.c ----
void zb_call_op(Build *b, Op op);
void zb_table_op(Build *b, Op op);
void zb_ref_op(Build *b, Op op);
void zb_br_on_null(Build *b, bool on_null);
void zb_null_check(Build *b, Ref ref, TrapKind kind);
unsigned zb_known_of_ref(const Build *b, Ref ref); // GCA_NONNULL, GCA_NO_I31

// ---- build_gc.c ----
void zb_gc_op(Build *b, Op op);
void zb_br_on_cast(Build *b, bool on_success);
Ref zb_is_subtype(Build *b, Ref id, uint32_t type);

// ---- build.c ----
void zb_copy_loops(Build *b);
