// P1: validation of a whole module, and the facts that everything below lives on.  One forward walk over
// each body, then one sweep over its blocks (never over instructions).  backend.md 3.1
//
// needs: decoded.  leaves: checked; m->facts[i] for every defined function, in ctx->module.
#pragma once
#include "compiler/wasm/module.h"

// ---- the skeleton, rule R: P2 creates blocks by exactly the same rule, consuming a counter ----
// A block starts at function entry; at a loop header; after br_if / br_on_* / an if's condition (the then
// arm); at `else`; at `end` of a frame that some branch targets, or of an `if`; after a loop's `end`; at a
// catch label; after a br_table/br/return/unreachable/throw nothing starts (dead code creates nothing).
// An `if` without else owns one empty else block (numbered right after its then arm's blocks, before the join).
// Blocks are numbered in creation order, 0 = entry.  Joins of frames that turn out to be reached by one
// path only still own their number.

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
  uint16_t pad;
  uint32_t nbr;                 // branches to its label (fall-through not counted); a br_table counts once per distinct label
  uint32_t assigned_off, nassigned; // locals set anywhere inside (ascending), into assigned[]; P2 stores them on edges
  uint32_t loop;                // OP_loop: index into loops[]
} FrameFact;

typedef struct BlockFact {
  uint32_t pos;                 // body offset where it starts
  uint32_t loop;                // deepest natural loop that contains it, or NO_LOOP
  uint32_t effects;
  uint32_t succ_off; uint16_t nsucc_unused; // successors: succ[succ_off .. next block's succ_off)
  uint8_t cold;                 // ends in unreachable/throw, or all successors are cold, or hinted
  uint8_t depth;                // of natural loops, capped at 255
  uint32_t layout;              // position in layout order
} BlockFact;

typedef struct LoopFact {
  uint32_t parent;              // enclosing natural loop or NO_LOOP
  uint32_t header, entry;       // blocks; entry is the block that falls into the header (the preheader)
  uint32_t frame;
  uint32_t depth;               // 1 = outermost
  uint32_t effects;             // union over its natural blocks, inner loops included
  uint32_t assigned_off, nassigned; // locals set in its natural blocks (ascending): the header's phis
  uint32_t max_height;          // operand stack, highest in it
  uint32_t exits[6]; uint8_t nexits; // exit target blocks, non-cold first
  uint8_t iterates;             // some branch goes back to the header
  uint8_t has_call;             // a call in a natural, not cold block
  uint32_t last_block_layout;   // layout position of its last block
} LoopFact;

enum { FN_LEAF = 1, FN_SMALL = 2, FN_REFS = 4, FN_TRIES = 8, FN_TAIL_CALLS = 16 };
struct FuncFacts {
  uint32_t nframes, nblocks, nloops, nsucc, nassigned, nlocals /* params included */, max_height, nops, flags, code_at /* body offset after the local declarations */;
  FrameFact *frames; BlockFact *blocks; LoopFact *loops; uint32_t *succ; uint32_t *assigned;
  uint32_t *order;              // blocks in layout order (natural loops contiguous, cold last, topological kept)
  ValType *locals;              // nlocals types, params first
  uint8_t *local_kinds;         // ValKind of each
  // the interpreter's side table: one entry per branch in body order, see compiler/interp
  struct SideEntry *side; uint32_t nside;
};

// One control transfer for the in-place interpreter.  For if: the entry to take when the condition is 0;
// for else (reached from then): to the end; br_table: one entry per label in order; br_on_*, catch: one each.
typedef struct SideEntry {
  int32_t dpc;                  // body offset to continue at, relative to the instruction's own offset
  int32_t dside;                // side entries to move by, relative to this entry's index
  uint32_t nvals;               // values carried
  uint32_t drop_to;             // operand height of the target below the carried values, in values from the frame's base
} SideEntry;

// Validate everything.  Fails through m->ctx with spec texts; sets m->checked.  spec: valid-module
// `threads` > 1 checks bodies in parallel (later; 1 for now).
void zw_check_module(Module *m);

// Subtyping and canonical identity inside a module (iso-recursive).  spec: valid-subtyping
bool zw_subtype(const Module *m, ValType a, ValType b);
bool zw_types_equal(const Module *m, uint32_t type_a, uint32_t type_b);
// "i32", "(ref null $t)", for messages.  Writes at most 64 bytes.
const char *zw_type_text(const Module *m, ValType t, char buf[64]);
void zw_facts_dump(const Module *m, uint32_t func, Text *out); // --dump=facts
