// An image: everything that can run.  The JIT makes one in memory, .cwasm is one on disk, an object file
// carries one as data, the interpreter's points at validated bytes.  runtime/vm instantiates images only.
//
// On disk and in memory: three byte spans, text, meta and data.  Meta is an ImageHeader, a section table and
// flat little-endian records with 32-bit offsets: no pointer, no relocation, the same bytes in every lane.
// text: machine code and islands, 64-aligned.  data: contents of the data segments, one after the other.
#pragma once
#include "runtime/abi/valtype.h"
#include "runtime/abi/vmctx.h"
#include "runtime/base/str.h"

#define IMAGE_MAGIC 0x4d49575au /* "ZWIM" */
enum { IMAGE_FORMAT = 5, IMAGE_ABI = 1 };
// A runtime defines this symbol, and what is made for that runtime refers to it: a linker that is given another runtime
// says its name, which says the versions.
#define IMAGE_RUNTIME_SYMBOL zwasm_rt_abi_1_format_5
#define IMAGE_RUNTIME_SYMBOL_TEXT "zwasm_rt_abi_1_format_5"
STATIC_ASSERT(IMAGE_ABI == 1 && IMAGE_FORMAT == 5, "the symbol's name says so");
enum { ARCH_X86_64 = 1, ARCH_AARCH64 = 2 };
enum { // ImageHeader.flags
  IMAGE_GUARD = 1,        // memory accesses rely on the full reservation and on the fault handler
  IMAGE_CHECKED = 2,      // memory accesses carry explicit checks
  IMAGE_NO_SIGNALS = 4, IMAGE_FUEL = 8, IMAGE_INTERRUPTIBLE = 16, IMAGE_DETERMINISTIC = 32,
  IMAGE_GC = 64,          // its code reads the GC heap or the rows of types: they are there before it runs
};
#define CPU_SSE3 1ull      /* and SSSE3, SSE4.1, SSE4.2, POPCNT, CX16: the bits of x86-64-v2 */
#define CPU_SSSE3 2ull
#define CPU_SSE41 4ull
#define CPU_SSE42 8ull
#define CPU_POPCNT 16ull
#define CPU_CX16 32ull
#define CPU_AVX 64ull
#define CPU_AVX2 128ull
#define CPU_BMI1 256ull
#define CPU_BMI2 512ull
#define CPU_LZCNT 1024ull
#define CPU_FMA 2048ull
#define CPU_MOVBE 4096ull
#define CPU_F16C 8192ull
#define CPU_AVX512 16384ull /* F BW CD DQ VL */
#define CPU_X86_64_V2 63ull
#define CPU_X86_64_V3 (CPU_X86_64_V2 | CPU_AVX | CPU_AVX2 | CPU_BMI1 | CPU_BMI2 | CPU_LZCNT | CPU_FMA | CPU_MOVBE | CPU_F16C)

typedef enum ImageSection {
  IMG_FUNCS,       // ImageFunc[]: defined functions then thunks, ascending code_off
  IMG_SITES,       // bytes: per function, a stream of sites (below)
  IMG_MAPS,        // bytes: per function, stack maps
  IMG_HANDLERS,    // ImageHandler[]
  IMG_INLINES,     // ImageInline[]
  IMG_TYPES,       // u32 stream: per rec group: count, then per type: kind | final << 8, super (-1 none), n, m, body (type/README.md)
  IMG_TYPE_INDEX,  // u32[]: word position of type k's kind word in IMG_TYPES
  IMG_IMPORTS,     // ImageImport[]
  IMG_EXPORTS,     // ImageExport[]
  IMG_TABLES,      // ImageTable[]   defined and imported, in index order
  IMG_MEMORIES,    // ImageMemory[]
  IMG_GLOBALS,     // ImageGlobal[]
  IMG_TAGS,        // u32[]: type index
  IMG_ELEMS,       // ImageElem[]
  IMG_ELEM_ITEMS,  // ImageInit[]
  IMG_DATAS,       // ImageData[]
  IMG_EXPRS,       // bytes: constant expressions that are not a single constant, as in the module
  IMG_FUNC_TYPES,  // u32[]: type index of every function, imports first
  IMG_FUNC_CODE,   // u32[]: per defined function, its index in IMG_FUNCS
  IMG_FUNCREFS,    // u32[]: function index of each FuncRef of the vmctx
  IMG_THUNKS,      // ImageThunks[]: per type, code offsets
  IMG_NAMES,       // u32[]: per function (imports first) offset in IMG_STRINGS, 0 = none
  IMG_LINES,       // bytes: source lines: rows { wasm offset delta (uleb), line delta * 2 + other file? (sleb),
                   // file delta (sleb) if so }, in blocks
  IMG_LINE_BLOCKS, // ImageLineBlock[], ascending; in each the first row's deltas are from its `at`, and from 0
  IMG_FILES,       // u32[]: paths of source files, in IMG_STRINGS
  IMG_STRINGS,     // bytes; each string: its length (u32, unaligned), bytes, NUL.  Offsets are of the bytes; 0 is ""
  IMG_SECTION_COUNT
} ImageSection;

typedef struct ImageSpan { uint32_t off, count; } ImageSpan; // off from the header's start; count of records (bytes for bytes)
typedef struct ImageHeader {
  uint32_t magic, format, abi, arch;
  uint64_t cpu_bits;          // needed
  uint32_t flags, meta_bytes;
  uint64_t text_bytes, data_bytes;
  uint32_t start_func;        // UINT32_MAX = none
  uint32_t nimported_funcs, nimported_tables, nimported_memories, nimported_globals, nimported_tags;
  uint32_t name;              // of the module, in IMG_STRINGS
  uint32_t pad;
  ImageSpan span[IMG_SECTION_COUNT];
} ImageHeader;

// The order in which a prologue pushes the registers of ImageFunc.saved (r15 r14 rbp rbx r12 r13 r10 r11 by number):
// the k-th one pushed is at (return address - 8 * (k + 1)).
#define IMAGE_SAVE_ORDER_X86_64 { 15, 14, 5, 3, 12, 13, 10, 11 }
enum { IMAGE_FUNC_THUNK_ENTRY = 1, IMAGE_FUNC_THUNK_XCALL = 2, IMAGE_FUNC_THUNK_HOST = 4, IMAGE_FUNC_THUNK_TRAP = 8, IMAGE_FUNC_THUNK_XTAIL = 16,
       IMAGE_FUNC_THUNK = 31, // any of these
       IMAGE_FUNC_KEEPS_REFS = 32 }; // references lie in its frame that no stack map lists: any word of it may be one
typedef struct ImageFunc {
  uint32_t code_off, code_bytes;
  uint32_t frame_bytes;       // below the pushes; rsp is constant from the prologue's end to the epilogue
  uint16_t saved;             // bit per machine register pushed by the prologue, pushed in the order of x64/cfg.h
  uint16_t flags;             // IMAGE_FUNC_*
  uint32_t prologue_bytes;    // before this pc the frame is not whole
  uint32_t pop_bytes;         // stack arguments popped by its return
  uint32_t sites, nsites;     // offset in IMG_SITES, entries
  uint32_t maps, nmaps;       // offset in IMG_MAPS, entries
  uint32_t handlers, nhandlers;
  uint32_t inlines, ninlines; // positions in inlined bodies that its sites name
  uint32_t func;              // function index in the module; type index for thunks
} ImageFunc;

// A site: { pc delta (uleb), kind u8, wasm offset delta (sleb) }, ascending pc, from code_off and 0.  Two may have one pc:
// an access that may fault stands right behind a call; the call's return address comes first.
// kind: SITE_CALL: pc is a return address of a call.  SITE_FAULT | TrapKind: pc of an access that may fault.
// plain TrapKind: pc is the return address of the call to a trap thunk.  SITE_ENTRY: with it, the frame does not stand yet.
enum { SITE_TRAP_MASK = 0x3f, SITE_FAULT = 0x40, SITE_CALL = 0x80, SITE_NO_FRAME = 0xc0 };
// A wasm offset of IMAGE_INLINE_AT | k is the function's k-th ImageInline: the position is in the body of `func`, which was
// inlined at `parent`: a wasm offset in the function itself, or one of the entries before this.
#define IMAGE_INLINE_AT 0x40000000u /* a module is smaller than that */
typedef struct ImageInline { uint32_t func, wasm_at, parent; } ImageInline;
// A stack map: { pc delta (uleb), n (uleb), n x slot delta (uleb) }: slots of 8 bytes from rsp after the call.
// n slots ascend; the first delta is from slot 0.  n = 0: the same slots as the map before.  What is in a slot may be no live
// reference (one map serves all calls of a function with very many): whoever reads it takes it as a proposal.
// Handlers: of a function, inner ones first; one guards the calls whose return pc is in (pc_begin, pc_end]; pcs are offsets
// in text.  flags: 1 = the handler wants the exnref too.
typedef struct ImageHandler { uint32_t pc_begin, pc_end, handler_pc, tag; /* tag index, or UINT32_MAX = all */ uint32_t flags; } ImageHandler;
// A row holds from its wasm offset to the next row's; line 0: not known.
enum { IMAGE_LINE_BLOCK = 64 }; // rows of a block
typedef struct ImageLineBlock { uint32_t at, off; } ImageLineBlock; // off in IMG_LINES; a block ends where the next begins
typedef struct ImageThunks { uint32_t entry, xcall, host; } ImageThunks; // code offsets; 0 = not emitted

typedef enum InitKind { INIT_CONST, INIT_GLOBAL, INIT_FUNC, INIT_NULL, INIT_EXPR } InitKind;
typedef struct ImageInit { uint32_t kind, index; uint64_t bits[2]; } ImageInit; // CONST: bits; GLOBAL, FUNC: index; EXPR: index = offset in IMG_EXPRS, bits[0] = length
typedef struct ImageLimits { uint64_t min, max; uint8_t has_max, shared, is64, page_log2; uint32_t pad; } ImageLimits;
typedef struct ImageImport { uint32_t module, name, kind, index; } ImageImport; // strings; index in its space
typedef struct ImageExport { uint32_t name, kind, index, pad; } ImageExport;
typedef struct ImageTable { ImageLimits limits; ValType elem; uint32_t pad; ImageInit init; } ImageTable;
typedef struct ImageMemory { ImageLimits limits; } ImageMemory;
typedef struct ImageGlobal { ValType type; uint32_t mutable_; ImageInit init; } ImageGlobal;
typedef struct ImageElem { uint32_t mode, table, items, nitems; ValType type; uint32_t pad; ImageInit offset; } ImageElem; // mode: 0 active 1 passive 2 declarative
typedef struct ImageData { uint32_t mode, memory; uint64_t off, bytes; ImageInit offset; } ImageData;

// The opened view.  text may be NULL for the interpreter, which brings its own door instead.
typedef struct Image {
  const ImageHeader *h;
  const uint8_t *meta, *text, *data;
  VmCounts counts;
  VmLayout layout;
  const ImageFunc *funcs; uint32_t nfuncs;     // shorthand for span IMG_FUNCS; with entries it grows, one function at a time
  void (*interp)(Instance *in, uint32_t func, Value *args); // the interpreter's door, or NULL
  void *interp_code;                           // its own data
  const uint32_t *entries;                     // functions that are compiled when they are called first: per defined function the
                                               // offset of its code, or of the stub that gets it.  NULL: all have code
  void *owner;                                 // whoever must be told when the last instance goes (JIT memory, file)
  void (*free)(struct Image *im);              // what zw_image_free calls; set by who made it
} Image;
#define IMAGE_ARRAY(im, T, section) ((const T *)(const void *)((im)->meta + (im)->h->span[section].off))
#define IMAGE_COUNT(im, section) ((im)->h->span[section].count)
static inline const char *zw_image_str(const Image *im, uint32_t off) { return (const char *)(im->meta + im->h->span[IMG_STRINGS].off + off); }
// The same with its length: names may contain NUL.  At the section's start stand four bytes: the NUL of "" at 0, and zeros.
static inline Str zw_image_name(const Image *im, uint32_t off)
{
  Str s = { zw_image_str(im, off), 0 };
  if (off) {
    uint32_t n;
    __builtin_memcpy(&n, s.p - 4, 4);
    s.n = n;
  }
  return s;
}

// Open over spans that stay alive and readable.  Checks the header always, and with `untrusted` every
// record, index, order and bound, so that nothing in meta can lead the runtime outside it.  False with a sentence in err.
bool zw_image_open(Image *im, const uint8_t *meta, size_t meta_bytes, const uint8_t *text, size_t text_bytes,
                   const uint8_t *data, size_t data_bytes, bool untrusted, char *err, size_t err_bytes) MUST_CHECK;
// The same over spans that are part of this program: only the header is checked.
bool zw_image_open_own(Image *im, const uint8_t *meta, size_t meta_bytes, const uint8_t *text, size_t text_bytes,
                       const uint8_t *data, size_t data_bytes, char *err, size_t err_bytes) MUST_CHECK;
// The function whose code range holds pc (offset in text), or NULL.
const ImageFunc *zw_image_func_at(const Image *im, uint32_t pc);
// The site with exactly that pc that is (fault) or is not the pc of an access that may fault; false when there is none.
typedef struct SiteInfo { uint8_t kind; uint32_t wasm_at; } SiteInfo;
bool zw_image_site(const Image *im, const ImageFunc *f, uint32_t pc, bool fault, SiteInfo *out);
