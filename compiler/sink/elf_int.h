// Making an ELF object: sections that are written to their place in the file as they come, or kept until they are complete; symbols by name,
// relocations.  Symbols are numbered as they come; the real numbers are local functions first, so their count is wanted early.
#pragma once
#include "compiler/sink/sink.h"
#include <elf.h>

typedef struct ElfOut ElfOut;
struct ElfOut { Arena *a; OutStream *to; struct ElfState *s; };

ElfOut *zw_elf_new(Ctx *ctx, Arena *a, OutStream *to, uint32_t nlocals);
// Sections are numbered from 1 in the order they are made.
uint32_t zw_elf_section(ElfOut *o, const char *name, uint32_t type, uint64_t flags, uint64_t align);
// From here on the contents of this section go to the file: by zw_elf_put, or by whoever writes to o->to.
void zw_elf_open(ElfOut *o, uint32_t section);
void zw_elf_close(ElfOut *o);
// Append bytes (NULL: zeros) at that alignment; returns the offset in the section.
uint64_t zw_elf_put(ElfOut *o, uint32_t section, const void *p, uint64_t n, uint64_t align);
uint8_t *zw_elf_at(ElfOut *o, uint32_t section, uint64_t off); // of a section that is kept; valid until the next put
// The global symbol of that name: undefined until it is defined.  The name must last.
uint32_t zw_elf_global(ElfOut *o, const char *name);
void zw_elf_define(ElfOut *o, uint32_t symbol, uint32_t section, uint64_t off, uint64_t bytes, unsigned type);
static inline uint32_t zw_elf_section_symbol(uint32_t section) { return section; }
typedef struct ElfRela { uint64_t at; uint32_t type, symbol; int64_t addend; } ElfRela;
void zw_elf_rela(ElfOut *o, uint32_t section, ElfRela r);
void zw_elf_expect(ElfOut *o, uint32_t section, uint32_t nrelas, uint32_t nglobals); // so many more will come: no array grows

// The end: everything that was kept goes to the file.  Then the relocations of a section that were not kept, if any; then the local functions,
// first as symbols and then, in the same order, their names; then the headers.
void zw_elf_put_kept(ElfOut *o);
void zw_elf_begin_relas(ElfOut *o, uint32_t section);
void zw_elf_put_rela(ElfOut *o, ElfRela r); // against a section
void zw_elf_begin_symbols(ElfOut *o);
void zw_elf_put_local(ElfOut *o, size_t name_bytes, uint32_t section, uint64_t off, uint64_t bytes); // with its NUL
void zw_elf_put_globals(ElfOut *o);
void zw_elf_put_name(ElfOut *o, const char *name, size_t bytes);
void zw_elf_finish(ElfOut *o);
