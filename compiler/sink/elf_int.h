// Making an ELF object in memory: sections that grow, symbols by name, relocations; libelf writes them at the end.
// Symbols are numbered as they come; the real numbers (locals first) are known at the end and put in then.
#pragma once
#include "compiler/sink/sink.h"
#include <elf.h>

typedef struct ElfOut ElfOut;
struct ElfOut { Arena *a; struct ElfState *s; };

ElfOut *zw_elf_new(Ctx *ctx, Arena *a);
// Sections are numbered from 1 in the order they are made.
uint32_t zw_elf_section(ElfOut *o, const char *name, uint32_t type, uint64_t flags, uint64_t align);
// Append bytes (NULL: zeros) at that alignment; returns the offset in the section.
uint64_t zw_elf_put(ElfOut *o, uint32_t section, const void *p, uint64_t n, uint64_t align);
// The first n bytes of a section: who asks for them writes them to their place in the finished file.
void zw_elf_space(ElfOut *o, uint32_t section, uint64_t n);
uint8_t *zw_elf_place(const ElfOut *o, uint32_t section); // after zw_elf_finish: where the section begins
uint8_t *zw_elf_at(ElfOut *o, uint32_t section, uint64_t off); // valid until the next put
// The global symbol of that name: undefined until it is defined.
uint32_t zw_elf_global(ElfOut *o, const char *name);
void zw_elf_define(ElfOut *o, uint32_t symbol, uint32_t section, uint64_t off, uint64_t bytes, unsigned type);
void zw_elf_local(ElfOut *o, const char *name, uint32_t section, uint64_t off, uint64_t bytes); // a function
static inline uint32_t zw_elf_section_symbol(uint32_t section) { return section; }
void zw_elf_rela(ElfOut *o, uint32_t section, uint64_t at, uint32_t type, uint32_t symbol, int64_t addend);
OutBytes zw_elf_finish(ElfOut *o); // all but what zw_elf_space has left out
