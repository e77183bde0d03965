// LIR: what P3 writes and P4 encodes.  One instruction of the target with physical registers.
// P3 fills the buffer downward, so ascending addresses are program order inside a chunk.
#pragma once
#include "compiler/zir/zir.h"

enum { // register numbers beyond the machine's own
  REG_NONE = 0xff, REG_SLOT = 0xfe /* base: disp = slot id */, REG_CONST = 0xfd /* base: disp = constant id */,
  REG_ARG = 0xfc /* base: disp = byte offset in the incoming stack arguments */,
  REG_OUT = 0xfb /* base: disp = byte offset in the outgoing area of the current call */,
  REG_AREA = 0xfa /* base: disp = byte offset in the frame area (area_bytes below) */,
};
typedef struct Lir {
  uint16_t op;            // row of the target's lir.def
  uint8_t cc;             // condition; or scale (0..3) of the index of a memory operand
  uint8_t sz;             // operation width in bytes: 1 2 4 8 16
  uint8_t rd, rn, rm, ra; // rd destination (or the stored register), rn base or left source, rm index or right source, ra third
  union {
    int32_t disp;         // of a memory operand
    uint32_t x;           // label (block id or LABEL_STUB|n), function index, TrapKind, table id; high half of a constant
  };
  union {
    int32_t imm;          // of rows that have one
    uint32_t at;          // of the others: wasm offset in the file for what may trap or calls; 0 = none
  };
} Lir;                    // what needs a displacement, an immediate and a wasm offset has a row of the target's behind it for the last
STATIC_ASSERT(sizeof(Lir) == 16, "four lir a cache line");

// For the allocation checker (ASSERT builds): which value each operand of a LIR carries.  Parallel to the LIR.
// def: value that rd (or the written slot) holds afterwards; of a jump to a block: the ZIR edge; of a call: its value.
// use: values in rd (when it is read), rn (also a slot), rm, ra; REF_NONE = not a value.  fix[fix .. + nfix): registers
// beyond the fields.
typedef struct LirNote { Ref def, use[4]; uint32_t fix; uint16_t nfix; } LirNote;
enum { LF_USE, LF_DEF, LF_ALIAS /* ref is another name, from just above, for the ref of the LF_FROM behind it */, LF_FROM };
typedef struct LirFix { uint32_t place /* register */; Ref ref; uint8_t kind; } LirFix;

enum { LABEL_STUB = 0x80000000u };
// A block or stub.  The code is in array order: the cold ones are the last.
// block: the ZIR block a chunk belongs to (a block's own id): its try_region guards the calls in it.
typedef struct LirChunk { uint32_t label; uint32_t first, end; uint32_t block; bool cold, align; } LirChunk;
// The beginning of a chunk, for those who cannot look: its first operation; does its last one jump by a table?
typedef uint16_t LirHead;
enum { HEAD_OP = 0x7fff, HEAD_TABLE = 0x8000 };
typedef struct LirLoop { uint32_t chunk, last_block; } LirLoop; // of a chunk that is aligned: where its loop ends
typedef struct LirMap { uint32_t lir; uint32_t first, n; } LirMap;   // safepoint: map_slots[first..] are slot ids with live refs
typedef struct LirTable { uint32_t first, n; } LirTable;            // jump table: table_labels[first..]

typedef struct LirFunc {
  const ZirFunc *z;
  Lir *lir /* or packed (lir_pack.h) */; uint8_t **parts /* or NULL */; uint32_t rest; LirHead *heads /* with parts: by chunk */;
  uint32_t nlir; LirNote *notes /* or NULL */; LirFix *fix; uint32_t nfix; LirNote *gone /* per block that left no code */;
  LirChunk *chunks; uint32_t nchunks, nstubs; // labels LABEL_STUB | n have n < nstubs
  LirLoop *loops; uint32_t nloops;            // ascending
  LirTable *tables; uint32_t ntables; uint32_t *table_labels;
  LirMap *maps; uint32_t nmaps; uint32_t *map_slots;     // ascending lir
  bool any_maps;             // a slot that a map names may hold anything: not only references that live
  ZConst *consts; uint32_t nconsts; // what REG_CONST names: the function's own and P3's (masks); only used ones are emitted
  uint32_t area_bytes;       // frame area addressed by REG_AREA: demoted locals, payloads, results in memory; 16-aligned
  uint32_t nslots; uint8_t *slot_bytes /* 8 or 16 */; uint32_t *slot_weight; // slots are numbered by P4: hot ones get disp8
  uint32_t used_saved;       // callee-saved registers written: bit per integer register
  bool has_calls, needs_stack_check, has_switch;
  bool no_stack_check;       // not even for a large frame: border code that has no vmctx, or whose caller has checked
  uint32_t arg_bytes;        // incoming stack arguments, popped on return
  uint32_t max_out_bytes;
  // counters for -v and --time-report
  uint64_t w_reload, w_store, w_move; uint32_t stubs, dropped, rematerialised;
} LirFunc;
