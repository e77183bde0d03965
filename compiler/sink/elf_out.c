// Symbols: a section's symbol has the section's number; a global has GLOBAL | its place in the order of first mention.
#include "compiler/sink/elf_int.h"
#include "runtime/base/bits.h"
#include <string.h>

enum { MAX_SECTIONS = 16, GLOBAL = 1 << 30 };

typedef struct Section {
  const char *name;
  uint32_t type;
  uint64_t flags, align, bytes;
  uint64_t space;        // of its bytes: the first, which somebody else writes
  uint8_t *p;            // those behind
  uint64_t cap;
  VEC(Elf64_Rela) rela;
  uint8_t *place;        // in the finished file
} Section;

typedef struct ElfState {
  Section section[MAX_SECTIONS];
  uint32_t nsections;             // [0] is the null section
  VEC(Elf64_Sym) locals, globals;
  VEC(char) strings;
  uint32_t *slots, mask;          // hash table of globals by name: index + 1
} ElfState;

static void grow_table(ElfOut *o, uint32_t mask);

ElfOut *zw_elf_new(Arena *a)
{
  ElfOut *o = zw_new(a, ElfOut);
  o->a = a;
  o->s = zw_new(a, ElfState);
  o->s->nsections = 1;
  *zw_push(a, &o->s->strings) = 0;
  grow_table(o, 255);
  return o;
}

uint32_t zw_elf_section(ElfOut *o, const char *name, uint32_t type, uint64_t flags, uint64_t align)
{
  ElfState *s = o->s;
  CHECK(s->nsections < MAX_SECTIONS);
  s->section[s->nsections] = (Section){ .name = name, .type = type, .flags = flags, .align = align };
  return s->nsections++;
}

uint64_t zw_elf_put(ElfOut *o, uint32_t section, const void *p, uint64_t n, uint64_t align)
{
  Section *s = &o->s->section[section];
  uint64_t at = zw_align_up(s->bytes, align), end = at + n, own = end - s->space;
  ASSERT(align <= s->align);
  if (s->type != SHT_NOBITS && own > s->cap) {
    uint64_t cap = s->cap ? s->cap * 2 : n; // the first put is often the whole section
    while (cap < own)
      cap = cap ? cap * 2 : 256;
    s->p = zw_arena_grow(o->a, s->p, s->bytes - s->space, s->cap, cap), s->cap = cap;
  }
  if (s->type != SHT_NOBITS && own) {
    uint8_t *to = s->p + (at - s->space);
    memset(to - (at - s->bytes), 0, at - s->bytes); // what grows is stale
    if (p)
      memcpy(to, p, n);
    else
      memset(to, 0, n);
  }
  s->bytes = end;
  return at;
}

void zw_elf_space(ElfOut *o, uint32_t section, uint64_t n)
{
  Section *s = &o->s->section[section];
  ASSERT(s->bytes == 0);
  s->space = s->bytes = n;
}

uint8_t *zw_elf_at(ElfOut *o, uint32_t section, uint64_t off)
{
  const Section *s = &o->s->section[section];
  CHECK(off >= s->space && off < s->bytes);
  return s->p + (off - s->space);
}

// ---- symbols ----

static uint32_t put_name(ElfOut *o, const char *name)
{
  ElfState *s = o->s;
  uint32_t n = (uint32_t)strlen(name) + 1, at = s->strings.n;
  zw_reserve(o->a, &s->strings, at + n);
  memcpy(s->strings.p + at, name, n);
  s->strings.n += n;
  return at;
}

static uint32_t *slot_of(ElfState *s, const char *name)
{
  uint32_t k = (uint32_t)zw_hash_bytes(name, strlen(name), 0) & s->mask;
  while (s->slots[k] && strcmp(s->strings.p + s->globals.p[s->slots[k] - 1].st_name, name) != 0)
    k = (k + 1) & s->mask;
  return &s->slots[k];
}

static void grow_table(ElfOut *o, uint32_t mask)
{
  ElfState *s = o->s;
  s->slots = zw_new_array(o->a, uint32_t, mask + 1ull);
  s->mask = mask;
  for (uint32_t k = 0; k < s->globals.n; k++)
    *slot_of(s, s->strings.p + s->globals.p[k].st_name) = k + 1;
}

uint32_t zw_elf_global(ElfOut *o, const char *name)
{
  ElfState *s = o->s;
  if (2 * s->globals.n >= s->mask)
    grow_table(o, 2 * s->mask + 1);
  uint32_t *slot = slot_of(s, name);
  if (!*slot) {
    Elf64_Sym sym = { .st_name = put_name(o, name), .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_NOTYPE) };
    *zw_push(o->a, &s->globals) = sym;
    *slot = s->globals.n;
  }
  return GLOBAL | (*slot - 1);
}

void zw_elf_define(ElfOut *o, uint32_t symbol, uint32_t section, uint64_t off, uint64_t bytes, unsigned type)
{
  Elf64_Sym *sym = &o->s->globals.p[symbol & ~(uint32_t)GLOBAL];
  CHECK(sym->st_shndx == SHN_UNDEF);
  sym->st_info = (unsigned char)ELF64_ST_INFO(STB_GLOBAL, type);
  sym->st_other = STV_HIDDEN;
  sym->st_shndx = (Elf64_Half)section;
  sym->st_value = off;
  sym->st_size = bytes;
}

void zw_elf_local(ElfOut *o, const char *name, uint32_t section, uint64_t off, uint64_t bytes)
{
  Elf64_Sym sym = { .st_name = put_name(o, name), .st_info = ELF64_ST_INFO(STB_LOCAL, STT_FUNC),
                    .st_shndx = (Elf64_Half)section, .st_value = off, .st_size = bytes };
  *zw_push(o->a, &o->s->locals) = sym;
}

void zw_elf_rela(ElfOut *o, uint32_t section, uint64_t at, uint32_t type, uint32_t symbol, int64_t addend)
{
  Section *s = &o->s->section[section];
  *zw_push(o->a, &s->rela) = (Elf64_Rela){ .r_offset = at, .r_info = ELF64_R_INFO((uint64_t)symbol, type), .r_addend = addend };
}

// ---- the file ----

// null, sections, local functions, globals: a section's symbol keeps its number.
static Elf64_Sym *make_symtab(ElfOut *o, uint32_t *count, uint32_t *first_global)
{
  ElfState *s = o->s;
  uint32_t n = s->nsections + s->locals.n + s->globals.n, at = 1;
  Elf64_Sym *symtab = zw_new_array(o->a, Elf64_Sym, n);
  for (; at < s->nsections; at++) {
    symtab[at].st_info = ELF64_ST_INFO(STB_LOCAL, STT_SECTION);
    symtab[at].st_shndx = (Elf64_Half)at;
  }
  for (uint32_t k = 0; k < s->locals.n; k++)
    symtab[at++] = s->locals.p[k];
  *first_global = at;
  for (uint32_t k = 0; k < s->globals.n; k++)
    symtab[at++] = s->globals.p[k];
  *count = at;
  for (uint32_t k = 1; k < s->nsections; k++) {
    for (uint32_t i = 0; i < s->section[k].rela.n; i++) {
      Elf64_Rela *r = &s->section[k].rela.p[i];
      uint64_t sym = ELF64_R_SYM(r->r_info);
      if (sym & GLOBAL)
        r->r_info = ELF64_R_INFO(*first_global + (sym & ~(uint64_t)GLOBAL), ELF64_R_TYPE(r->r_info));
    }
  }
  return symtab;
}

typedef struct NewSection {
  const char *name;
  uint32_t type, link, info;
  uint64_t flags, align, entsize;
  const void *p; uint64_t bytes;
  uint64_t space;        // before those
} NewSection;

// Sections in order: ours, their relocations, symtab, strtab, shstrtab.  Ours keep their numbers, one less.
static uint32_t list_all(ElfOut *o, NewSection *all)
{
  ElfState *s = o->s;
  uint32_t n = 0, nrela = 0, count, first_global;
  Elf64_Sym *symtab = make_symtab(o, &count, &first_global);
  for (uint32_t k = 1; k < s->nsections; k++) {
    Section *c = &s->section[k];
    nrela += c->rela.n > 0;
    all[n++] = (NewSection){ .name = c->name, .type = c->type, .flags = c->flags, .align = c->align, .p = c->p, .bytes = c->bytes - c->space, .space = c->space };
  }
  uint32_t symtab_index = s->nsections + nrela;
  for (uint32_t k = 1; k < s->nsections; k++) {
    Section *c = &s->section[k];
    if (!c->rela.n)
      continue;
    Text name;
    zw_text_init(&name, o->a);
    zw_text_printf(&name, ".rela%s", c->name);
    all[n++] = (NewSection){ .name = name.p, .type = SHT_RELA, .flags = SHF_INFO_LINK, .link = symtab_index, .info = k, .align = 8,
                             .entsize = sizeof(Elf64_Rela), .p = c->rela.p, .bytes = c->rela.n * sizeof(Elf64_Rela) };
  }
  all[n++] = (NewSection){ .name = ".symtab", .type = SHT_SYMTAB, .link = symtab_index + 1, .info = first_global, .align = 8,
                           .entsize = sizeof(Elf64_Sym), .p = symtab, .bytes = count * sizeof(Elf64_Sym) };
  all[n++] = (NewSection){ .name = ".strtab", .type = SHT_STRTAB, .align = 1, .p = s->strings.p, .bytes = s->strings.n };
  all[n++] = (NewSection){ .name = ".shstrtab", .type = SHT_STRTAB, .align = 1 };
  return n;
}

// The names of all sections, which are the contents of the last one; where each begins.
static uint32_t *put_section_names(ElfOut *o, NewSection *all, uint32_t n)
{
  Text names;
  zw_text_init(&names, o->a);
  zw_text_put(&names, "", 1);
  uint32_t *name_at = zw_new_array(o->a, uint32_t, n);
  for (uint32_t k = 0; k < n; k++) {
    name_at[k] = (uint32_t)names.n;
    zw_text_put(&names, all[k].name, strlen(all[k].name) + 1);
  }
  all[n - 1].p = names.p;
  all[n - 1].bytes = names.n;
  return name_at;
}

static void zeros(uint8_t *file, uint64_t from, uint64_t to) { memset(file + from, 0, to - from); }

// header | sections, each at its alignment | section headers.  off[k]: where section k begins.
static OutBytes write_file(ElfOut *o, const NewSection *all, uint32_t n, const uint32_t *name_at, uint64_t *off)
{
  uint64_t at = sizeof(Elf64_Ehdr);
  for (uint32_t k = 0; k < n; k++) {
    off[k] = at = zw_align_up(at, all[k].align);
    at += all[k].type == SHT_NOBITS ? 0 : all[k].space + all[k].bytes;
  }
  uint64_t headers = zw_align_up(at, 8);
  OutBytes out = { NULL, (size_t)(headers + (n + 1) * sizeof(Elf64_Shdr)) };
  out.p = zw_arena_stale(o->a, out.n, 1, 16);
  *(Elf64_Ehdr *)(void *)out.p = (Elf64_Ehdr){
    .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT }, .e_type = ET_REL, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
    .e_shoff = headers, .e_ehsize = sizeof(Elf64_Ehdr), .e_shentsize = sizeof(Elf64_Shdr), .e_shnum = (Elf64_Half)(n + 1), .e_shstrndx = (Elf64_Half)n,
  };
  Elf64_Shdr *h = (Elf64_Shdr *)(void *)(out.p + headers);
  *h++ = (Elf64_Shdr){ 0 };
  at = sizeof(Elf64_Ehdr);
  for (uint32_t k = 0; k < n; k++) {
    const NewSection *c = &all[k];
    bool there = c->type != SHT_NOBITS;
    zeros(out.p, at, off[k]);
    at = off[k] + (there ? c->space : 0);
    if (there && c->bytes)
      memcpy(out.p + at, c->p, c->bytes), at += c->bytes;
    *h++ = (Elf64_Shdr){ .sh_name = name_at[k], .sh_type = c->type, .sh_flags = c->flags, .sh_offset = off[k], .sh_size = c->space + c->bytes,
                         .sh_link = c->link, .sh_info = c->info, .sh_addralign = c->align, .sh_entsize = c->entsize };
  }
  zeros(out.p, at, headers);
  return out;
}

OutBytes zw_elf_finish(ElfOut *o)
{
  NewSection all[2 * MAX_SECTIONS + 3];
  uint64_t off[ARRAY_COUNT(all)];
  uint32_t n = list_all(o, all);
  OutBytes out = write_file(o, all, n, put_section_names(o, all, n), off);
  for (uint32_t k = 1; k < o->s->nsections; k++)
    o->s->section[k].place = out.p + off[k - 1];
  return out;
}

uint8_t *zw_elf_place(const ElfOut *o, uint32_t section) { return o->s->section[section].place; }
