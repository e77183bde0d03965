// ZIR: SSA with block parameters, one function at a time, arrays and 32-bit refs only.  backend.md 3.2
//
// Opcodes are wasm's own (OP_i32_add ...) where the meaning is the same, plus the ZIR rows of ops.def:
//   param    a=index of the parameter                      phi      block parameter: the first nphi of a block
//   copy     a                                             result   a=call, b=k: result k >= 1 of a call (result 0 is the call)
//   sel      a=if true, b=if false, c=condition (i32)      undef    any value (dead paths of the builder)
//   vm_load  a=byte offset from vmctx (raw), fl=alias      vm_store a=offset (raw), b=value, fl=alias
//   vm_addr  a=offset (raw): the address                   ptr_load a=address, c=offset (raw), fl=alias
//   ptr_store a=address, b=value, c=offset (raw), fl=alias mulh_u, mulh_s   i64 high halves
//   trapif   a=condition (i32), c=TrapKind                 check_sig a=element address, b=wanted type id (i32): traps null or mismatch
//   call     xa[a..a+b) arguments, c=function index        call_elem xa[a..a+b): arguments, the LAST is the address of a
//   lib      xa[a..a+b) arguments, c=LibcallId                       TableElem or FuncRef (checked before), c=type index
//   catch_value  b=k: payload value k at the head of a handler block
//   frame_addr  a=byte offset (raw) in the area of frame_locals words
//   gc_new   a=base of the heap, b=bytes (raw), c=type index: a zeroed object of that type (of an array: the bytes say how many elements, and
//            its length is not set); a safepoint, may trap
//   gc_load  a=reference, b=base of the heap, c=offset (raw), fl=GCA_*: a field of a struct, the length of an array, a head.  Not null: a
//            check came before.  References stay operands: an address would not keep the object alive
//   gc_store xa[a..a+3) = reference, base, value; c, fl as gc_load
//   gc_elem  a=reference, b=base, c=index (checked), fl=GCA_*: an element     gc_put   xa[a..a+4) = reference, base, index, value
// call, br, throw, ref_i31, atomic_fence and i8x16_shuffle are the wasm rows of that name; all others above are ZIR rows.
// terminators: jmp; br a=condition (edge 0 = true, edge 1 = false); switch a=index, xa[b..b+c) = edge for index 0 .. c-1 (0 = first edge of the block); the last edge is the default;
//   ret xa[a..a+b); trap c=TrapKind; tcall xa.. c=function; tcall_elem xa.. (last = element) c=type; throw xa.. c=tag
// MEM rows: load a=address, c=offset (raw u32), fl=memory; store a=address, b=value, c=offset, fl=memory;
//   rmw like store; cmpxchg: xa[a..a+3) = address, expected, replacement; LANE rows: xa[a..): address, vector, then the raw lane.
//   The address is an i32 (zero-extended) or i64; the access is at base + address + offset.  In checked memories
//   a trapif came before; offsets that do not fit 31 bits have been added to the address.
// extract/replace lane: the lane is raw in c; shuffle: xa[c..c+2) are pool indices of its 16 bytes.
#pragma once
#include "compiler/base/tune.h"
#include "compiler/wasm/check.h"
#include "runtime/abi/image.h"

typedef uint32_t Ref;
// bit 31 = 0: value index.  bits 31..30 = 10: inline constant, bits 29..28 type (0 i32, 1 i64, 2 null: low bit of the payload 1 = of a funcref,
// 3 f32/f64 zero: low bit of the payload 1 = f64), 28-bit signed payload.  11: index into consts[].
#define REF_CONST 0x80000000u
#define REF_POOL 0xc0000000u
#define REF_NONE 0xffffffffu
static inline bool zw_ref_is_value(Ref r) { return !(r & REF_CONST); }
static inline bool zw_ref_is_pool(Ref r) { return r >= REF_POOL && r != REF_NONE; }
static inline bool zw_ref_is_inline(Ref r) { return (r & REF_POOL) == REF_CONST; }
static inline int32_t zw_ref_inline(Ref r) { return (int32_t)(r << 4) >> 4; }

typedef struct ZIns { uint16_t op; uint8_t ty /* ValKind of the result; VK_COUNT = none */; uint8_t fl; uint32_t a, b, c; } ZIns;
STATIC_ASSERT(sizeof(ZIns) == 16, "four ins a cache line");
typedef struct ZConst { uint64_t bits[2]; uint8_t ty; } ZConst;

enum { // alias class of vm_load, ptr_load (fl)
  AL_IMMUT,      // never changes while the instance lives: needs no version
  AL_GLOBAL, AL_TABLE /* length */, AL_ELEM /* contents of tables */, AL_MEMLEN, AL_GC,
  AL_FRAME /* demoted locals */, AL_COUNT
};
// fl of gc_*: log2 of the bytes; for narrow ones that the sign is extended; for references what their type says: never null, never an i31.
enum { GCA_WIDTH = 7, GCA_SIGNED = 8, GCA_NONNULL = 16, GCA_NO_I31 = 32 };
enum { ZV_DEAD = 1 /* phi without a live use */, ZV_HOISTED = 2, ZV_PROVED = 4 /* load that cannot trap */,
       ZV_PASSED = 8, ZV_IN_LOOPS = 16 /* finish.c's own */, ZV_ALL = 31, ZV_BITS = 5 };
// What goes with an instruction: uses are counted as none, one or more; a weight is the sum of 8^min(depth,7) over those
// outside cold blocks, saturating.
enum { ZU_SOME = 1, ZU_MORE = 2, ZU_BITS = 2 };
typedef struct ZVal { uint32_t use; /* weight, ZU_* */ uint32_t blk; /* defining block, ZV_* */ } ZVal;
static inline ZVal zw_val(uint32_t block, unsigned flags) { return (ZVal){ 0, block << ZV_BITS | flags }; }
static inline uint32_t zw_val_weight(ZVal v) { return v.use >> ZU_BITS; }

typedef struct ZEdge { uint32_t to, from; uint32_t args; } ZEdge;  // edge_args[args .. args + nphi(to)): one ref per phi
typedef struct ZBlock {        // of a nest of ifs there are two to five bytes of input
  uint32_t first, end;        // instructions [first, end): phis, body, terminator (the last one)
  uint32_t edges;             // successors: edges[edges .. + nedges); a switch has one per distinct label
  uint32_t nedges;
  uint32_t loop;              // innermost natural loop or NO_LOOP
  uint32_t pos;               // layout position of its first instruction (see pos lists)
  uint16_t nphi;              // a local or a parameter each
  uint8_t depth, cold;
  bool is_header, is_handler;
} ZBlock;
STATIC_ASSERT(sizeof(ZBlock) == 32, "scaled by a shift");
enum { TRY_QUIET = 0xfffffffe }; // in try_of: nothing in the block throws, whatever try it is counted to
typedef struct ZLoop {
  uint32_t parent, header, entry; // blocks of ZIR
  uint32_t depth, effects, max_height;
  uint32_t last_block;        // its last block in layout order
  uint32_t exits[TUNE_LOOP_EXITS]; uint8_t nexits, has_call, iterates, nested /* build's: has loops in it */;
  uint32_t hoist_first, hoist_last; // chain in hoisted[], executed at the end of `entry`; REF_NONE = none
  uint32_t liveins, nliveins; // values[] from outside used naturally in it: livein[liveins ..]
} ZLoop;
typedef struct ZHoist { uint32_t value, next; } ZHoist;
typedef struct ZTry { uint32_t parent; uint32_t ncatches, catches; } ZTry;    // catch_[catches ..]
typedef struct ZCatch { uint32_t tag; /* UINT32_MAX = all */ uint32_t block; uint8_t with_ref; } ZCatch;

// A position in the body of an inlined call: wasm offsets of IMAGE_INLINE_AT | k name inlines[k].  parent: where the call is,
// itself such an offset or plain.
typedef struct ZInline { uint32_t func, wasm_at, parent; } ZInline;

typedef struct ZirFunc {
  const Module *m; uint32_t func, type;
  VmCounts counts; VmLayout layout; // of the module's vmctx
  Arena *arena;
  ZIns *ins; uint32_t nins, cap, room /* of the arrays; cap: so many until they are looked at again */;
  // per value, parallel to ins
  ZVal *val;
  uint32_t *at;               // wasm offset in the file, for traps and calls; 0 = none.  Of a giant function read it behind zw_zir_unpack_at
  uint8_t **at_packed; uint32_t nat_packed, at_packed_cap; // by AT_PAGE values: the offsets as bytes, or NULL
  ZHoist *hoisted; uint32_t nhoisted, hoisted_cap;
  ZInline *inlines; uint32_t ninlines;
  ZConst *consts; uint32_t nconsts;
  uint32_t *const_slots; uint8_t const_bits; // index + 1 by hash, so that equal constants are equal Refs
  ZBlock *blocks; uint32_t nblocks;
  ZEdge *edges; uint32_t nedges;
  Ref *edge_args; uint32_t nedge_args;
  Ref *xa; uint32_t nxa;
  ZLoop *loops; uint32_t nloops; uint32_t *livein; uint32_t nlivein;
  ZTry *tries; uint32_t ntries; ZCatch *catches;
  uint32_t *try_of;           // per block: innermost try whose handlers guard its calls, UINT32_MAX or TRY_QUIET; NULL without tries
  uint32_t *order; uint32_t norder;        // blocks in layout order
  // ascending layout positions of non-cold calls, divisions and variable shifts (position = blocks[b].pos + index in block)
  uint32_t *call_pos, *div_pos, *shift_pos; uint32_t ncall_pos, ndiv_pos, nshift_pos;
  uint32_t flags;             // FN_*
  uint32_t frame_locals;      // 8-byte words for locals demoted to the frame by the complexity guard; accessed by ptr_load/ptr_store on frame_addr
  bool has_refs;              // some value is VK_REF: stack maps wanted
  bool keeps_refs;            // some of frame_locals is
} ZirFunc;

static inline uint32_t zw_zir_try(const ZirFunc *f, uint32_t b) // or UINT32_MAX
{
  return f->try_of && f->try_of[b] != TRY_QUIET ? f->try_of[b] : UINT32_MAX;
}

// Where an op keeps its operands, and what must be kept of it.
typedef struct ZShape {
  uint8_t form;               // ZF_*: how the text form reads, which fields are raw
  uint8_t refs;               // bit 0, 1, 2: a, b, c is a Ref
  uint8_t xa;                 // 0: none; ZX_RANGE: xa[a .. a+b) are Refs; else xa[a .. a+xa) are
  uint8_t how;                // ZH_*
  int8_t no_a, no_b;          // -1: a, b is no Ref; for a walk that does not branch on it
  uint16_t flags;             // OPF_PURE, OPF_TRAPS, OPF_EFFECT, OPF_TERM
} ZShape;
STATIC_ASSERT(sizeof(ZShape) == 8, "scaled by addresses");
// What asks for more than counting a and b: a position that is listed, c is a Ref, operands are in xa; perhaps it is not
// needed when unused.
enum { ZH_CALL = 1, ZH_DIV = 2, ZH_SHIFT = 3, ZH_POS = 3, ZH_C = 4, ZH_XA = 8, ZH_RARE = 15, ZH_DROPS = 16 };
enum { ZX_RANGE = 0xff };
extern const ZShape zw_zir_shape[OP_COUNT]; // form ZF_NONE: not an op of ZIR
// Copy the operands of ins into out[0 .. n) when n <= max; returns n.  Edge arguments are not operands.
uint32_t zw_zir_operands(const ZirFunc *f, const ZIns *ins, Ref *out, uint32_t max);
static inline bool zw_zir_is_used(const ZirFunc *f, uint32_t v) { return f->val[v].use & ZU_SOME; }
static inline bool zw_zir_used_often(const ZirFunc *f, uint32_t v) { return f->val[v].use & ZU_MORE; }
static inline bool zw_zir_used_once(const ZirFunc *f, uint32_t v) { return (f->val[v].use & (ZU_SOME | ZU_MORE)) == ZU_SOME; }
static inline uint32_t zw_zir_weight(const ZirFunc *f, uint32_t v) { return zw_val_weight(f->val[v]); }
static inline uint32_t zw_zir_block(const ZirFunc *f, uint32_t v) { return f->val[v].blk >> ZV_BITS; }
static inline bool zw_zir_is(const ZirFunc *f, uint32_t v, unsigned flag) { return f->val[v].blk & flag; }
static inline bool zw_zir_yields(const ZIns *ins) { return ins->ty != VK_COUNT; }
// Has instruction i to run even when nothing needs its value?
static inline bool zw_zir_must_run(const ZirFunc *f, uint32_t i)
{
  unsigned flags = zw_zir_shape[f->ins[i].op].flags;
  return ((flags & OPF_PURE) == 0) & (((flags & (OPF_TRAPS | OPF_EFFECT)) != OPF_TRAPS) | !zw_zir_is(f, i, ZV_PROVED));
}

enum { DEPTH_MAX = 7 }; // deeper loops count like these
static inline uint32_t zw_depth_weight(uint32_t depth) { return 1u << (TUNE_DEPTH_SHIFT * (depth > DEPTH_MAX ? DEPTH_MAX : depth)); }

// Settings of the code, from flags, the same for all functions of a compilation.
typedef struct CodeOptions {
  uint8_t opt;                // 0 1 2
  uint32_t image_flags;       // IMAGE_GUARD ...
  uint64_t cpu_bits;
  bool deterministic, verify;
  bool no_rows;               // nobody will ask for its unwind rows (.eh_frame)
  uint64_t random_ra;         // 0 = off; else the seed
  uint32_t small_file;        // 0 = off; else number of allocatable integer registers
  bool no_inline, no_fold, no_number, no_memory, no_hoist, no_closed, no_pack; // for bisecting: ZW_NO=inline,fold,...
  bool no_exact_maps;         // ZW_NO=maps: one stack map for all calls of a function, as where references times calls are too many
  uint32_t guard_bytes;       // of each memory beyond its length that faults by itself: 64 KiB, 0 when checked
} CodeOptions;

// P2.  needs: m->checked.  leaves: ZIR that satisfies the V-rules, laid out, with uses and positions counted.
// What P2 does not do yet is refused through ctx by name of the feature (ERR_unsupported).
// Once only in a module without side entries (m->no_side): facts of a large function go while they are read.
ZirFunc *zw_zir_build(const Module *m, uint32_t func, const CodeOptions *o, Arena *a);
ValKind zw_ref_type(const ZirFunc *f, Ref r);
// Constant bits of r; false when r is a value.  f32 in the low 32 bits.
bool zw_ref_const(const ZirFunc *f, Ref r, uint64_t bits[2]);
Ref zw_zir_const(ZirFunc *f, ValKind ty, uint64_t lo, uint64_t hi);

// From instructions, blocks, edges, loops (with their hoist chains) and the order to everything derived from them:
// uses and weights, dead phis, loop live-ins, last blocks and the position lists.  Build and parse end with it.
// Uses by dead instructions do not count: what is not used nobody needs.
void zw_zir_finish(ZirFunc *f, Arena *scratch);
// Layout position of a definition: its own, or for hoisted values and those that live at a block's end that block's end.
uint32_t zw_zir_pos(const ZirFunc *f, uint32_t v);

// A function that takes more memory in ZIR than its module has code several times over: what can be said in fewer bytes is.
enum { GIANT_VALUES = 16 << 10 };
static inline bool zw_zir_is_giant(const ZirFunc *f) { return f->nins >= GIANT_VALUES && f->nins > f->m->code_len / sizeof(ZIns); }
// Offsets of a giant function lie packed until they are asked for: the page of v, or all.
enum { AT_PAGE = 4096 / sizeof(uint32_t) };
void zw_zir_unpack_at(const ZirFunc *f, uint32_t v);
void zw_zir_unpack_all_at(const ZirFunc *f);

// Instructions, values, edges, blocks and loops of a large function go; its tries stay.
void zw_zir_drop_code(ZirFunc *f);

void zw_zir_print(const ZirFunc *f, Text *out);                 // --dump=zir; stable, parses back
ZirFunc *zw_zir_parse(Ctx *ctx, Str text, Arena *a);            // a function without a module: m has just the types it mentions
// Numbered rules V1..V12 (zir/README.md).  NULL, or a sentence naming the rule, block and instruction.
const char *zw_zir_verify(const ZirFunc *f, Arena *scratch);
