// From encoded functions to one position-independent text without external relocations, and its tables.
#pragma once
#include "compiler/base/out.h"
#include "compiler/emit/lir.h"

typedef struct CodeBuf { uint8_t *p; uint32_t n, cap, limit; Arena *a; } CodeBuf; // every write is CHECKed against cap
typedef enum FixupKind { FX_CALL /* rel32 / imm26 at `at`, to a function or thunk */ } FixupKind;
typedef struct Fixup { uint32_t at : 31, kind : 1, target; } Fixup;              // at: offset in the function's code
// Targets of FX_CALL: a function index of the module, or a thunk
#define FX_THUNK(kind, n) (0x80000000u | (uint32_t)(kind) << 24 | (n))  /* kind: THUNK_*; n: type index or TrapKind */
enum { THUNK_ENTRY, THUNK_XCALL, THUNK_HOST, THUNK_XTAIL, THUNK_TRAP };

// One encoded function with its constants and jump tables behind the code.
typedef struct FuncCode {
  uint32_t func;             // module's function index, or FX_THUNK(...)
  const uint8_t *bytes; uint32_t nbytes, align;  // code, then islands; align 16, 32 or 64
  uint32_t code_bytes;       // without islands
  uint32_t frame_bytes, prologue_bytes, pop_bytes; uint16_t saved, flags; // as ImageFunc
  const Fixup *fixups; uint32_t nfixups;
  const uint8_t *sites; uint32_t sites_bytes, nsites;   // encoded stream
  const uint8_t *maps; uint32_t maps_bytes, nmaps;
  const ImageHandler *handlers; uint32_t nhandlers;     // pcs relative to the function
  const uint8_t *cfi; uint32_t cfi_bytes;               // body of its .eh_frame entry, see cfi.h
  uint64_t libcalls;                                    // a bit per library call in the code: libcall.def
  const ImageInline *inlines; uint32_t ninlines;        // what sites with IMAGE_INLINE_AT name
} FuncCode;

// A FuncCode as it waits for its place in the blob: short numbers with its parts behind them, in one piece.  Most functions of a module of
// very many are tiny, and a FuncCode is larger than what it describes.
typedef struct PackedCode PackedCode;
// Takes the parts: pages of large ones are given back.
const PackedCode *zw_code_pack(const FuncCode *c, Arena *a);
// The parts lie where the packed one does.
void zw_code_open(const PackedCode *p, FuncCode *out);

// The module's text and code-side tables, before serialisation.
// No function starts at offset 0: a code offset of 0 means "none".
typedef struct Blob {
  uint8_t *text; uint64_t text_bytes;      // text: NULL while the machine code still lies in its FuncCodes (source)
  ImageFunc *funcs; uint32_t nfuncs;       // ascending code_off: defined functions in index order, then thunks
  uint8_t *sites, *maps; uint32_t sites_bytes, maps_bytes;
  ImageHandler *handlers; uint32_t nhandlers;
  ImageInline *inlines; uint32_t ninlines;
  uint32_t *func_code;                     // per defined function: index in funcs
  ImageThunks *thunks;                     // per type
  uint64_t cpu_bits; uint32_t image_flags, arch;
  uint64_t libcalls;                       // of all functions
  bool last;                               // the next sink is the last one: it may let the memory of the text go
  struct BlobText *source;                 // what the text is made of; NULL when it is wanted no more
  struct UnwindRows *rows;                 // parallel to funcs, for .eh_frame; NULL when no object was asked for
} Blob;
typedef struct UnwindRows { const uint8_t *cfi; uint32_t cfi_bytes, code_bytes; } UnwindRows; // of FuncCode

struct Target;
// Place functions (in index order, whatever order they were compiled in), make the thunks the module needs,
// apply fixups.  Deterministic.  Copies what it needs into arena a, the text too.
Blob *zw_blob_build(const Module *m, const struct Target *t, const CodeOptions *o, const PackedCode *const *funcs, Arena *a);
// The same without the text, which zw_blob_text writes to where it is to lie.  placed(arg, k) says when funcs[k] will not be looked at
// any more, in ascending order, and done(arg) that none will.
typedef struct BlobSource { const PackedCode *const *funcs; void (*placed)(void *arg, uint32_t k); void (*done)(void *arg); void *arg; bool no_rows;
  bool thunks_only; // there are no functions yet: only what the module's declarations need (sink/lazy.c)
} BlobSource;
// The record of a function whose code and tables begin there.
typedef struct BlobPlace { uint64_t text, sites, maps, handlers, inlines; } BlobPlace;
ImageFunc zw_image_func(const FuncCode *c, const BlobPlace *at);
// Its handlers as they are in an image.
void zw_image_handlers(const FuncCode *c, uint32_t code_off, ImageHandler *to);
Blob *zw_blob_build_from(const Module *m, const struct Target *t, const CodeOptions *o, const BlobSource *from, Arena *a);
// Write all text_bytes of it.  It goes there directly if b->last says that nobody else wants it.
void zw_blob_text(Blob *b, uint8_t *to);
void zw_blob_put_text(Blob *b, OutStream *to); // the same at the end of what is there
// Copy n bytes that are not wanted afterwards if `last`: then their pages go while the copy grows.
void zw_move_bytes(void *to, void *from, uint64_t n, bool last);
// Nobody wants the text any more, written or not.
void zw_blob_done(Blob *b);
// .eh_frame: one entry per function, rows exact at every instruction.  Each list of entries begins with what they have in common (EH_CIE_BYTES);
// the 32-bit field EH_PC_AT bytes into an entry must become the function's address - its own.
enum { EH_CIE_BYTES = 24, EH_PC_AT = 8 };
void zw_eh_put_cie(OutStream *to, const struct Target *t);
void zw_eh_put_fde(OutStream *to, uint32_t at, const UnwindRows *rows); // at: behind the beginning of the list
uint32_t zw_eh_fde_bytes(const UnwindRows *rows);
// The whole of a blob, with a terminator.  reloc_text_off: what function each of the fields at reloc_at is for.
typedef struct EhFrame { uint8_t *bytes; uint32_t nbytes; uint32_t *reloc_at; uint32_t *reloc_text_off; uint32_t nrelocs; } EhFrame;
EhFrame zw_eh_frame_build(const Blob *b, const struct Target *t, Arena *a);
