// Where machine code goes.  A sink takes the checked module and its blob; same input, same bytes.
#pragma once
#include "compiler/emit/target.h"

// The image's meta span: every declaration of the module plus the blob's tables (blob NULL: for the interpreter).  Takes
// these tables if the blob says that this sink is the last.
// data_bytes: of the contents of the data segments, concatenated, which zw_meta_join writes.
typedef struct MetaImage { uint8_t *meta; size_t meta_bytes, data_bytes; } MetaImage;
MetaImage zw_meta_build(const Module *m, const Blob *b, uint32_t image_flags, Arena *a);
void zw_meta_join(const Module *m, uint8_t *to);
void zw_meta_put_data(const Module *m, OutStream *to);
uint8_t *zw_meta_joined(const Module *m, const MetaImage *meta, Arena *a);

// The source lines of the module's `lines`, as IMG_LINES, IMG_LINE_BLOCKS and IMG_FILES want them.
typedef struct PackedLines { uint8_t *rows; ImageLineBlock *blocks; Str *files; uint32_t bytes, nblocks, nfiles; } PackedLines;
PackedLines zw_pack_lines(const Module *m, const Blob *b, Arena *a);

// Make it runnable in this process; own, freed by zw_image_free.  NULL with a sentence (out of memory, refused pages).
Image *zw_sink_jit(const Module *m, Blob *b, char *err, size_t err_bytes);
// The same for functions that are compiled when they are called first.  function: compile one, or say why not; behind its own door, on a stack
// of stack_bytes, one at a time.  It hands the code to zw_lazy_place, which fails through the module's ctx as all of compiling does.
// Both are told the owner.  NULL with a sentence: such memory is refused here; then nothing was taken.  own: zw_image_free calls done
typedef struct LazyCompiler {
  bool (*function)(void *owner, Image *im, uint32_t func, char *err, size_t err_bytes);
  void (*done)(void *owner);
  void *owner;
  size_t stack_bytes;
} LazyCompiler;
Image *zw_sink_lazy(const Module *m, const Target *t, const CodeOptions *o, const LazyCompiler *from, char *err, size_t err_bytes);
void zw_lazy_place(Image *im, const FuncCode *c, Arena *scratch);
// On that stack, a jump has skipped frames: to be said before anything else is called, for the address sanitizer.
void zw_lazy_jumped(Image *im);
// How many functions of it have code by now; 0 of an image that was made whole.
uint32_t zw_lazy_compiled(const Image *im);
// The whole .cwasm file / object file as bytes in arena a.
typedef struct OutBytes { uint8_t *p; size_t n; } OutBytes;
OutBytes zw_sink_cwasm(const Module *m, Blob *b, Arena *a);
void zw_sink_cwasm_to(const Module *m, Blob *b, Arena *a, OutStream *to); // ended by the caller
typedef struct ImportRename { const char *wasm, *c; } ImportRename; // "env.log" and the C name it is to have
typedef struct ObjOptions {
  const char *prefix;        // C name of the module, still to be made an identifier
  bool exact;                // --mangle=exact: a C name for every wasm name
  bool strip;
  int debug_level;
  bool struct_imports;       // --imports=struct: function imports are fields of the imports struct as well
  const ImportRename *renames; uint32_t nrenames;
  bool wasi;                 // imports of wasi_snapshot_preview1 and wasi_unstable bind to libzwasm-rt
  bool for_exe;              // no C functions: start.o calls the entry
  const struct CNames *names; // what zw_cnames() decided before anything was compiled; NULL = each writer asks it
  bool bare;                 // no C functions and no bound imports: the descriptor, for who instantiates its image himself
  // of a program
  const char *entry;         // NULL = _start
  const char *const *args, *const *env, *const *dirs;
  uint32_t nargs, nenv, ndirs;
  size_t stack_size;         // 0 = default
} ObjOptions;
void zw_sink_elf_to(const Module *m, Blob *b, const Target *t, const ObjOptions *o, Arena *a, OutStream *to); // ended by the caller
OutBytes zw_sink_elf(const Module *m, Blob *b, const Target *t, const ObjOptions *o, Arena *a);
void zw_header_write(const Module *m, const ObjOptions *o, const char *source_name, OutStream *to); // the typed C header
// A C file to begin with: the imports as functions that trap; in C as clean as the header, which it includes by that name.
void zw_stubs_write(const Module *m, const ObjOptions *o, const char *header, OutStream *to);
void zw_bindings_write(const Module *m, const ObjOptions *o, const char *source_name, OutStream *to); // the header's facts as JSON
bool zw_is_c_identifier(const char *s);    // and no keyword of C or C++
