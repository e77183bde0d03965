// Inside the room: what the files of the validator share.
#pragma once
#include "compiler/wasm/body.h"
#include "compiler/wasm/check.h"
#include "runtime/base/vec.h"

// ---- types.c ----
void zw_check_types(Module *m);                 // canonical indices, supertypes
bool zw_heap_sub(const Module *m, uint32_t a, uint32_t b);
uint32_t zw_heap_top(const Module *m, uint32_t heap); // HEAP_ANY, HEAP_FUNC, HEAP_EXTERN or HEAP_EXN
static inline ValType zw_unpacked(ValType storage) { return storage == VT_I8 || storage == VT_I16 ? VT_I32 : storage; }
static inline bool zw_is_defaultable(ValType t) { return !zw_is_ref(t) || zw_is_nullable(t); }

// ---- const.c ----
// The expression has type `want` and names no global at or above nglobals.
void zw_check_const(Module *m, const ConstExpr *e, ValType want, uint32_t nglobals);
// Type `index`, of this kind; for messages the instruction is at `at`.
const TypeDef *zw_check_comp_type(Module *m, uint32_t index, CompKind kind, uint64_t at);
void zw_check_defaultable(Module *m, const TypeDef *t, uint64_t at); // all its fields are

// ---- the walk over a body: check_func.c, check_ops.c, check_control.c, check_gc.c ----

enum { VT_MARK = 0x7fffffff }; // on the operand stack below the operands of each frame; equal to no type

typedef enum CtrlKind { CTRL_BLOCK, CTRL_LOOP, CTRL_IF, CTRL_ELSE, CTRL_TRY_TABLE, CTRL_TRY, CTRL_CATCH } CtrlKind;

// An open frame, as validation needs it.  There may be one for two bytes of a body that is refused.
typedef struct Ctrl {
  uint8_t kind;             // CtrlKind
  bool poly;                // what follows cannot run and the stack is polymorphic.  spec: syntax-ctxt
  bool dead_frame;          // opened in dead code: no facts
  bool catch_all;           // legacy try: has one, which is the last
  uint32_t type;            // FRAME_VOID, or see frame_type
  uint32_t base;            // index in vals of the first operand, behind the mark
  uint32_t stamp;           // serial of the last br_table that named it
} Ctrl;
enum { FRAME_VOID /* no parameters, no results */ };

// What facts need of an open frame.  Frames in live code are around those in dead code, so these have the same indices as their Ctrls.
typedef struct LiveFrame {
  uint32_t frame;           // FrameFact
  uint32_t sets;            // length of FuncCheck.sets at its start
  uint32_t active_try;      // TryFact that takes exceptions raised directly in it
  union {
    struct {                // loop: branches to it know where they go
      uint32_t loop;        // LoopFact
      uint32_t pc, side;    // where the interpreter goes back to
      uint32_t outer_max;   // highest operand stack before it (operands)
    };
    struct {                // others.  Heads of chains that end with 0; numbers are index + 1
      uint32_t edges;       // successors to be set to the join
      uint32_t sides;       // side entries whose target is the join
      uint32_t clause_fixes; // clauses of try_tables whose target is the join
      union {
        uint32_t else_edge; // if: index in succ of the edge to the else block
        uint32_t try_;      // try_table, try: TryFact
      };
      union {
        uint32_t else_side; // if: index of its side entry
        uint32_t last_clause; // legacy try: chain in FuncCheck.legacy
      };
    };
  };
} LiveFrame;
STATIC_ASSERT(sizeof(Ctrl) == 16 && sizeof(LiveFrame) == 32, "deep nests are made of them");

typedef struct LoopStart { uint32_t parent /* the loop around it in the text */, header, frame, max_height; } LoopStart; // it iterates if its frame has branches
typedef struct LegacyClause { ClauseFact clause; uint32_t before; } LegacyClause; // before: index + 1
// BlockFact.cold while scanning: ends in a trap or throw; is a handler; ends in a throw
enum { COLD_SINK = 1, COLD_HANDLER = 2, COLD_THROWS = 4 };

// How the walk does an opcode byte; check_func.c.
typedef struct FastOp { uint8_t how, align_log2, bytes, effects; ValType out; uint64_t in; } FastOp;
enum { MAX_TOTAL_LOCALS = 32 << 20 }; // of all functions, beyond the module's bytes

typedef struct LocalGroup { uint32_t end; ValType type; } LocalGroup; // locals from the end of the one before to `end`
enum { MANY_LOCALS = 1024, FACT_BYTES_PER_LOCAL = 8 };
typedef struct LocalInit { uint32_t local, depth; } LocalInit; // depth: open frames, the one in which it was initialised included
typedef struct LocalSet { uint32_t local, before; } LocalSet; // before: place + 1 of the same local in the sets of a frame around, or 0
// A module that is refused shall take 64 KiB and 16 times its bytes.  Facts may have so much of that.  While a body is checked they are
// counted in parts, of so many bytes of buffers, working storage and facts: a block or a frame is one, a loop or a try some more.
enum { FACTS_FREE = 12 << 10, FACTS_PER_BYTE = 10, FACT_PART_BYTES = 144, LOOP_PARTS = 3, TRY_PARTS = 2, LABELS_OF_A_PART = 8, SETS_OF_A_PART = 10 };
enum { LARGE_BUFFER = 8 << 10 }; // grows without leaving anything behind

// One per module; the buffers stay from function to function.
struct FuncCheck {
  Module *m;
  Ctx *c;
  Arena *a;                 // of the buffers
  Regions regions;          // of the facts
  const Func *func;
  const FuncType *type;
  uint32_t index;           // of the function
  bool again;               // a function whose facts were left for later
  // Facts are for later, if the module is valid: they would be too large, or there are many more locals than bytes.  All of the body
  // counts as dead code, and locals are looked up in groups.
  bool no_facts;
  int64_t allowance;        // bytes that facts may still take, see allow_facts
  uint32_t parts, most_parts; // of this function's facts, see FACT_PART_BYTES
  ArenaMark mark;           // of a, before the buffers
  size_t large;             // Arena.large before
  uint32_t longest;         // bytes of the longest body
  Reader r;                 // r.p behind the opcode while a check_* function runs
  const uint8_t *at;        // the opcode
  Op op;
  // operands.  invariant: cap - (sp - vals) > half the bytes left of the body,
  // so that a push, which takes two bytes or comes once after an instruction that makes the stack polymorphic, needs no test
  ValType *vals, *sp, *sp_max;
  uint32_t vals_cap;
  VEC(Ctrl) ctrl;           // ctrl.p[ctrl.n - 1]: innermost
  VEC(LiveFrame) live;      // of the first of them
  uint32_t nest_there;      // pages of so many may be there: those of a deep nest go while it is left
  bool dead;                // by rule R
  uint32_t nlive, ndead;    // instructions read
  // locals
  uint32_t nlocals, words;  // words: of a bitset over them
  ValType *locals;          // in the module's arena: part of the facts
  uint8_t *local_kinds;
  VEC(LocalGroup) groups;   // ascending
  uint64_t *init;           // bitset over them; only when has_uninit
  uint32_t init_cap;        // in words
  bool has_uninit;          // some local has no default value
  VEC(LocalInit) init_log;  // locals initialised in the open frames
  uint32_t *stamps;         // per local: serial of the last block that sets it
  uint32_t locals_cap;
  uint32_t block_serial, table_serial;
  VEC(LocalSet) sets;       // locals set so far in each open frame, the innermost one's from set_first on
  uint32_t set_first;
  uint32_t *set_at;         // per local: its last place in sets, + 1
  uint64_t *marks, *mark_words; // bitset over them, and one over its words; empty between uses
  uint64_t set_work;        // entries of sets merged so far
  uint64_t edge_slots;      // values that edges will carry, of frames that have been closed
  bool no_sets;             // given up: FN_NO_SETS
  // facts
  VEC(FrameFact) frames;
  VEC(BlockFact) blocks;    // while scanning: loop = innermost loop around it, layout = start of its first-set log
  VEC(uint32_t) block_try;  // per block: the innermost try that it is in or enters
  VEC(LoopStart) loop_starts; // while scanning
  VEC(LoopFact) loops;      // of them, when the body is read
  VEC(uint32_t) succ, assigned;
  VEC(TryFact) tries;
  VEC(ClauseFact) clauses;
  VEC(LegacyClause) legacy;
  VEC(SideEntry) side;
  VEC(uint32_t) unlikely;   // blocks that a hint calls unlikely
  VEC(uint32_t) log;        // first-set logs of all blocks, one after the other
  uint32_t effects;         // of the current block so far
  uint32_t cur_loop, cur_try, exn_depth, nexn_slots;
  uint32_t flags;           // FN_*, as far as known
  bool has_table_or_try;
  const BranchHint *hint, *hint_end, *hints_end; // next, behind this function's, behind all
  uint32_t hint_pos;        // of the next hint, or UINT32_MAX
  // of the module
  ValType mem0;             // address type of memory 0, or VT_BOT when there is none
  const uint32_t *global_effect; // per global: EFF_ bit of writing it, 0 for immutable ones
  uint8_t fast_how[256];    // of opcode bytes: read for each, the rest for some
  FastOp fast[256];
};

static inline Ctrl *zw_top(FuncCheck *f) { return &f->ctrl.p[f->ctrl.n - 1]; }
static inline void zw_mark_local(FuncCheck *f, uint32_t x)
{
  f->marks[x / 64] |= (uint64_t)1 << x % 64;
  f->mark_words[x / 4096] |= (uint64_t)1 << x / 64 % 64;
}
// The block sets local x, for the first time in it or in the frame.
static inline void zw_log_set(FuncCheck *f, uint32_t x)
{
  f->stamps[x] = f->block_serial;
  *zw_push(f->a, &f->log) = x;
  if (f->no_sets || f->set_at[x] > f->set_first)
    return;
  *zw_push(f->a, &f->sets) = (LocalSet){ x, f->set_at[x] };
  f->set_at[x] = f->sets.n;
}
static inline uint32_t zw_body_pos(const FuncCheck *f, const uint8_t *p) { return (uint32_t)(p - f->func->body); }
static inline uint32_t zw_height(const FuncCheck *f) { return (uint32_t)(f->sp - f->vals) - f->ctrl.n; } // operands

// Where the instruction is in the file; also tells the context for messages.
uint64_t zw_here(FuncCheck *f);
#define CHECK_FAIL(f, ...) zw_fail((f)->c, ERR_invalid, zw_here(f), __VA_ARGS__)

ValType zw_local_type(const FuncCheck *f, uint32_t x);
static inline bool zw_is_init(const FuncCheck *f, uint32_t x) { return f->init[x >> 6] >> (x & 63) & 1; }

// Operands.  A failed pop says what is required and what is there.
ValType zw_pop_any(FuncCheck *f);                   // VT_BOT in polymorphic code
void zw_pop_list(FuncCheck *f, const ValType *want, uint32_t n);
static inline void zw_pop(FuncCheck *f, ValType want)
{
  if (f->sp[-1] == want) // a mark equals no type
    f->sp--;
  else
    zw_pop_list(f, &want, 1);
}
void zw_peek_list(FuncCheck *f, const ValType *want, uint32_t n);
void zw_push_type(FuncCheck *f, ValType t);
void zw_push_list(FuncCheck *f, const ValType *t, uint32_t n);
void zw_reserve_operands(FuncCheck *f, uint32_t n); // room for n more, keeping the invariant
uint32_t zw_pop_ref(FuncCheck *f, bool *nullable);  // any reference; its heap type, HEAP_BOT in polymorphic code

_Noreturn void zw_fail_operands(FuncCheck *f, const char *who, const ValType *want, uint32_t n, uint32_t have);
static inline void zw_effect(FuncCheck *f, uint32_t effects) { f->effects |= f->dead ? 0 : effects; }

// Control.
Ctrl *zw_read_label(FuncCheck *f);
void zw_branch(FuncCheck *f, Ctrl *target);         // count, edge and side entry of a branch from here; live code only
void zw_fall_through(FuncCheck *f);                 // the block after a conditional branch
void zw_open_body(FuncCheck *f);                    // frame 0 and block 0
void zw_die(FuncCheck *f, uint8_t cold);               // the rest of the frame cannot be reached
void zw_check_control(FuncCheck *f);                // f->op is a structured instruction or a plain branch
void zw_open_block(FuncCheck *f);                   // without parameters and results
void zw_close_frame(FuncCheck *f);                  // `end`
void zw_br(FuncCheck *f, uint32_t depth);           // to a label that is there
void zw_br_if(FuncCheck *f, uint32_t depth);
// Its results are what a branch carries.  They may be *one
BlockType zw_label_type(const FuncCheck *f, const Ctrl *c, ValType *one);
uint32_t zw_read_index(FuncCheck *f, uint32_t n, const char *what); // "unknown WHAT i" unless below n

void zw_check_op(FuncCheck *f);                     // any instruction: reads the opcode at f->r.p
uint32_t zw_read_data_index(FuncCheck *f);
void zw_check_call(FuncCheck *f, const FuncType *t);       // a call, not a tail call
void zw_check_gc_op(FuncCheck *f);                  // f->op is of the GC page, or concerns references
// Locals that are marked become the next in f->assigned, ascending; returns how many.
uint32_t zw_list_marked(FuncCheck *f);
// A list of n locals goes over so many edges.  More than P2 would let edges carry: all lists are given up.
void zw_count_edge_slots(FuncCheck *f, const FrameFact *frame, uint32_t n);
void zw_sweep(FuncCheck *f, FuncFacts *out);        // loops, cold code, layout; copies the facts
void zw_fill_fast_ops(FuncCheck *f); // without the table the same must come out, which tests compare
void zw_check_func(FuncCheck *f, uint32_t index, FuncFacts *out);
