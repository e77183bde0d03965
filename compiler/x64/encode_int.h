// What the two walks of P4 share.  Part of encode.c.
#pragma once
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
  CASE_LIRS = 64,          // the same when it is known which case it takes
};

// Something of the first walk that the second has to look at, behind `at` bytes of the side buffer.
typedef enum MarkKind {
  MK_JUMP, MK_JCC,         // to place `to`, on `cc`
  MK_PSEUDO,               // written by put_pseudo; those below write nothing
  MK_FAULT,                // the next instruction is a memory access that may fault with trap `cc`; `to` is where in the wasm
  MK_CONST,                // the instruction before has a rip-relative operand: const_uses in their order
  MK_CALL,                 // a call of a function or thunk has been written: fixup, then as
  MK_CALLED,               // any other call
  MK_TRAP,                 // likewise
} MarkKind;
typedef struct Mark { uint32_t at, lir /* not of a MK_FAULT */, to; uint16_t bound; uint8_t kind, cc; } Mark;
typedef struct Patch { uint32_t at : 31, rel8 : 1, chunk; } Patch;      // forward branch to a chunk
typedef struct ConstUse { uint32_t at, next, id, bytes; } ConstUse;     // rip-relative field; rip = next.  First walk: at = bytes from it to next
typedef struct TableUse { uint32_t at, id; } TableUse;                  // rip-relative field at the end of its lea
typedef struct TrapStub { uint32_t wasm_at, jump_at; uint8_t kind; bool rel8, shared /* with the one before */; } TrapStub;

typedef struct ChunkEnd { uint32_t raw, marks; } ChunkEnd;               // in the side buffer and in the marks

// Packed LIR, unpacked where it is looked at: a few parts of `lir` are there.  When the first walk leaves more than SIDE_MOST times the module's
// code, or with what there is of each chunk more than SIDE_AND_CHUNKS times, what it has left is dropped, and the second measures again, a part at a time: the side buffer and the marks are never there for all of it.
enum { RESIDENT = 5, SIDE_MOST = 12, SIDE_AND_CHUNKS = 23, CHUNK_BYTES = sizeof(LirChunk) + 2 * sizeof(uint32_t) };
typedef struct Pages {
  LirFunc l;                           // with room for all of it
  Lir *lir;                            // which is a little more
  uint8_t *there;                      // of each part
  uint32_t ring[RESIDENT], next;       // part + 1; 0 = none yet
  uint32_t walk;                       // part where a walk is: it, the next and the one before stay
  bool twice;                          // measured again by the second walk
  uint64_t *conditions;                // then, without jump tables: a bit per chunk that begins with an instruction that reads flags
  bool resolved;                       // labels say where a jump to them ends up
  uint32_t chunks_gone;                // so many of them have been given back
} Pages;

typedef struct Enc {
  Ctx *ctx;
  const LirFunc *l;
  Pages *pages;                        // or NULL: all LIR is in l->lir
  Arena *s;                            // scratch
  uint8_t *base, *p, *end;
  // frame: [rsp] 8-byte slots by weight | 16-byte slots by weight | area | saved registers | return address | arguments
  uint32_t *slot_off, frame, area_off, npushes, out, out_base;
  uint8_t pushes[X64_NSAVE];
  // chunks: a place is a number of one
  uint32_t *chunk_off;                 // by place: upper bound of its offset; its offset once written
  uint8_t *pad;                        // by place: alignment wanted (1 = none)
  ChunkEnd *ends;                      // by place; NULL when measured twice
  uint32_t *block_chunk, *stub_chunk;
  uint32_t ntraps;                     // trapcc of the function
  uint64_t *frame_bits, *frame_words;  // a bit per 8 bytes of the frame, and one per word of these; zero between stack maps
  uint32_t k, ub, end_ub;              // current place; bound of the current offset; bound of the end of all chunks
  uint32_t epilogues, epilogue_off, copies;
  VEC(uint8_t) raw;                    // instructions of the first walk
  VEC(Mark) marks;
  size_t raw_gone, marks_gone;         // so much of both has been given back
  uint32_t const_at;                   // what the second walk has taken of const_uses
  bool align32;
  uint64_t libcalls;                   // as FuncCode
  VEC(Patch) patches;
  VEC(uint8_t) packed_patches;         // those before, of packed LIR: see pack_patches
  Patch last_patch;                    // of these
  VEC(ConstUse) const_uses;
  VEC(TableUse) table_uses;
  VEC(uint8_t) stubs;                  // of traps: see put_jump_to_trap
  TrapStub last_stub, no_frame_stub;   // what stubs ends with; that of the stack check
  uint32_t nstubs;                     // of both kinds
  VEC(Fixup) fixups;
  VEC(uint8_t) sites, maps;
  uint32_t nsites, site_pc, site_at, nmaps, map_pc;
  uint32_t map_first, map_n;           // slots of the map written last
  VEC(ImageInline) inlines;            // that sites name
  uint32_t *inline_index;              // by position of ZirFunc.inlines: its index in inlines + 1
  Cfi cfi;
} Enc;

static uint32_t here(const Enc *e) { return (uint32_t)(e->p - e->base); }
static uint32_t entry_off(const Enc *e) { return e->out + e->frame + 8 * e->npushes; } // of the return address from rsp
