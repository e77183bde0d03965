// P1: validation of a whole module, and the facts that everything below lives on.  One forward walk over
// each body, then one sweep over its blocks (never over instructions).  backend.md 3.1
//
// needs: decoded.  leaves: checked; m->facts[i] for every defined function, in ctx->module.
#pragma once
#include "compiler/base/region.h"
#include "compiler/base/tune.h"
#include "compiler/wasm/module.h"

// ---- the skeleton, rule R: P2 creates blocks by exactly the same rule, consuming a counter ----
// Frames are block, loop, if, try_table, try and the function body (frame 0, a block).  Code is dead after br, br_table,
// return, unreachable, throw, throw_ref, rethrow and tail calls, until rule R starts a block.  Dead code creates
// nothing: no blocks, frames, loops, edges or side entries, and a branch in it counts for nothing.
// Blocks are numbered in the order in which they start; 0 starts at function entry.  Another one starts
//   R1  at a loop header, always (the block before falls into it);
//   R2  after br_if, br_on_null, br_on_non_null, br_on_cast, br_on_cast_fail: the fall-through;
//   R3  after an `if`: the then arm;
//   R4  at `else`: the else arm.  An `if` without else owns an empty else block, which starts at its `end`;
//   R5  at `catch` and `catch_all` of a legacy try: the handler.  At the `end` of a try_table: one handler per catch
//       clause, in clause order; it holds nothing but the jump to the clause's label;
//   R6  at the `end` of a frame (after R4 and R5), the join, if the end is reached at all - by falling through or by a
//       branch to its label - and the frame is an `if`, or has catch clauses, or nbr > 0, and is not a loop.  `delegate`
//       ends its try like `end`.  Frame 0 too: a block that only returns;
//   R7  after a loop's `end`, if it is reached (by falling through: branches go to the header).
// At any other `end` the block goes on.  Handlers have no predecessor here: what can throw into them is P2's affair.
// Successors, in this order: br_if and br_on_*: taken, fall-through; if: then, else; br_table: each distinct label once,
// in order of first appearance, the default last if it is new; everything else has one, or none when it leaves the
// function (return, a tail call, the end of frame 0 when R6 makes no join) or traps or throws.

enum { // effects, as a mask per block and per loop
  EFF_STORE0 = 1,          // writes memory 0
  EFF_STOREK = 2,          // writes another memory
  EFF_GROW = 4,            // memory.grow, table.grow
  EFF_CALL = 8,            // any call: implies every other effect below and above for facts about state
  EFF_TABLE = 16, EFF_GC = 32, EFF_TRAP = 64,
  EFF_GLOBAL_SHIFT = 8,    // bit 8+k: global.set of mutable global k of this module, k < 23; bit 31: any other
};
enum { NO_LOOP = 0xffffffffu, NO_BLOCK = 0xffffffffu };

typedef struct FrameFact {      // preorder over block/loop/if/try_table/try; frame 0 is the function body
  uint8_t kind;                 // Op: OP_block, OP_loop, OP_if, OP_try_table, OP_try; function body: OP_block
  uint8_t has_else;
  uint16_t ncatches;            // clauses of a try_table or legacy try, saturating
  uint32_t nbr;                 // branches to its label (fall-through not counted); a br_table counts once per distinct label
  uint32_t assigned_off, nassigned; // locals set anywhere inside (ascending), into assigned[]; P2 stores them on edges.  None of an OP_loop
  uint32_t loop;                // OP_loop: index into loops[]; NO_LOOP: it never iterates (where only a compiler reads the facts)
} FrameFact;

typedef struct BlockFact {
  uint32_t pos;                 // body offset where it starts
  uint32_t loop;                // deepest natural loop that contains it, or NO_LOOP
  uint32_t effects;
  uint32_t succ_off;            // successors: succ[succ_off .. next block's succ_off)
  uint8_t sink;                 // every path from it ends in a trap or throw
  uint8_t cold;                 // ends in unreachable/throw, a handler, the arm a hint calls unlikely; all successors or
                                // all predecessors are cold
  uint8_t depth;                // of natural loops, capped at 255
  uint32_t layout;              // position in layout order
} BlockFact;

typedef struct LoopFact {
  uint32_t parent;              // enclosing natural loop or NO_LOOP: the deepest that its exits still reach
  uint32_t header, entry;       // blocks; entry is the block that falls into the header (the preheader)
  uint32_t frame;
  uint32_t depth;               // 1 = outermost; 0 = never iterates and no loop around it does
  uint32_t effects;             // union over its natural blocks, inner loops included
  uint32_t assigned_off, nassigned; // locals set in its natural blocks (ascending): the header's phis
  uint32_t max_height;          // operand stack, highest in it
  uint32_t exits[TUNE_LOOP_EXITS]; uint8_t nexits; // exit target blocks, non-cold first
  uint8_t iterates;             // some branch goes back to the header; if none does, no block is in it
  uint8_t has_call;             // a call in a natural, not cold block
  uint32_t last_block_layout;   // layout position of its last block
} LoopFact;

enum {
  FN_LEAF = 1,        // no call
  FN_SMALL = 2,       // to inline: at most 24 instructions and 16 locals, no loop, br_table, try
  FN_REFS = 4,        // some value has a reference type
  FN_TRIES = 8, FN_TAIL_CALLS = 16,
  FN_NO_SETS = 32,    // the assigned lists would not be linear in the body: all are empty, and every local has to live in memory
};

// A region whose exceptions are caught, in body order (so a nested one comes after the one around it).
enum { NO_TRY = 0xffffffffu };
typedef struct TryFact {
  uint32_t at;                  // body offset of the try_table or try
  uint32_t start, end;          // [start, end): the instructions whose exceptions come here
  uint32_t parent;              // where an exception goes that no clause takes: the try around it, or for a delegate the
                                // one it names; NO_TRY = the caller
  uint32_t around;              // the try around it in the text, or NO_TRY
  uint32_t frame;
  uint32_t clauses, nclauses;   // clauses[clauses ..)
  uint32_t exn_slot;            // legacy try: number of the caught exception for rethrow, below FuncFacts.nexn_slots
} TryFact;
typedef struct ClauseFact {
  uint8_t with_tag;             // else any exception
  uint8_t with_ref;             // the exception itself is passed after the payload
  uint8_t legacy;               // catch, catch_all: control goes behind it, exn_slot is set
  uint32_t tag;
  uint32_t frame;               // legacy: the try; else the frame of the label
  uint32_t block;               // the handler block (R5)
  uint32_t pc, side;            // where the interpreter goes on: body offset, index of the next side entry
  uint32_t nvals, drop_to;      // as in SideEntry, with_ref's value included
} ClauseFact;

// A body that may be read where it is called keeps its facts; those of the others go when their function is compiled.
enum { KEEP_OPS = TUNE_INLINE_OPS > TUNE_INLINE_LOOP_OPS ? TUNE_INLINE_OPS : TUNE_INLINE_LOOP_OPS };

struct FuncFacts {
  uint32_t nframes, nblocks, nloops, nsucc, nassigned, nlocals /* params included */, max_height, nops, flags, code_at /* body offset after the local declarations */;
  FrameFact *frames; BlockFact *blocks; LoopFact *loops; uint32_t *succ; uint32_t *assigned;
  uint32_t *order;              // blocks in layout order (natural loops contiguous, cold last, topological kept); NULL: as they are numbered
  ValType *locals;              // nlocals types, params first
  uint8_t *local_kinds;         // ValKind of each
  TryFact *tries; ClauseFact *clauses; uint32_t ntries, nclauses, nexn_slots;
  struct SideEntry *side; uint32_t nside; // none in a module that only a compiler reads (Module.no_side)
  Region *region;               // where the arrays lie, or NULL; zw_region_done leaves only the counts
};
static inline uint32_t zw_block_in_order(const FuncFacts *ff, uint32_t k) { return ff->order ? ff->order[k] : k; }

// One control transfer for the in-place interpreter, in body order.  Entries belong to
//   br, br_if, br_on_*   one, the branch
//   br_table             one per label in order, the default last
//   if                   one, taken when the condition is 0: into the else arm or behind the end
//   else, catch, catch_all   one, taken when control arrives from above: behind the end.  None when that is dead
//   rethrow              one, which only says the exception: nvals = exn_slot
// An instruction that does not branch moves past its own entries; dead code has none.  A target is the instruction
// behind the `loop`, `else` or `end`; for frame 0 it is the body's last `end`.  try_table and its clauses have none:
// their targets are in ClauseFact.
typedef struct SideEntry {
  int32_t dpc;                  // body offset to continue at, relative to the instruction's own offset
  int32_t dside;                // side entries to move by, relative to this entry's index
  uint32_t nvals;               // values carried
  uint32_t drop_to;             // operand height of the target below the carried values, in values from the frame's base
} SideEntry;

// Validate everything.  Fails through m->ctx with spec texts; sets m->checked.  spec: valid-module
void zw_check_module(Module *m);
// The same in parts, for several threads: what is around the bodies; each body, in any order, ascending per FuncCheck; the
// end.  Between the first and the last, a thread works with a copy of *m whose ctx is its own; facts lie in that ctx's
// module arena, which the caller must keep as long as m, and the copy's features_used are to be added to m's.
typedef struct FuncCheck FuncCheck;
void zw_check_around(Module *m);
FuncCheck *zw_check_begin(Module *m, uint32_t threads); // in ctx->scratch; threads: that check bodies of m
void zw_check_body(FuncCheck *f, uint32_t func);
void zw_check_done(FuncCheck *f);             // it checks no more bodies
void zw_check_end(Module *m);

// Subtyping and canonical identity inside a module (iso-recursive).  spec: valid-subtyping
bool zw_subtype(const Module *m, ValType a, ValType b);
bool zw_types_equal(const Module *m, uint32_t type_a, uint32_t type_b);
// "i32", "(ref null $t)", for messages.  Writes at most 64 bytes.
const char *zw_type_text(const Module *m, ValType t, char buf[64]);
// (func (param i32) (result i64)), (memory 1 2), (table 1 funcref), (global (mut i32)): kind is an ExternKind.
void zw_put_extern_type(Text *t, const Module *m, uint32_t kind, uint32_t index);
void zw_facts_dump(const Module *m, uint32_t func, Text *out); // --dump=facts
