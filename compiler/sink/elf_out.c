// Symbols: a section's symbol has the section's number; a global has GLOBAL | its place in the order of first mention.
#define _GNU_SOURCE // memfd_create
#include "compiler/sink/elf_int.h"
#include "runtime/base/bits.h"
#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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
  Ctx *ctx;
  int fd;
  Elf *elf;
  CleanUp clean_up;
} ElfState;

static void grow_table(ElfOut *o, uint32_t mask);

ElfOut *zw_elf_new(Ctx *ctx, Arena *a)
{
  ElfOut *o = zw_new(a, ElfOut);
  o->a = a;
  o->s = zw_new(a, ElfState);
  o->s->ctx = ctx;
  o->s->fd = -1;
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
  void *p; uint64_t bytes;
  uint64_t space;        // before those; what has some is ours to write
  Elf_Type data;
  uint64_t off;          // in the file
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
    all[n++] = (NewSection){ .name = c->name, .type = c->type, .flags = c->flags, .align = c->align, .p = c->p, .bytes = c->bytes - c->space, .space = c->space,
                             .data = ELF_T_BYTE };
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
                             .entsize = sizeof(Elf64_Rela), .p = c->rela.p, .bytes = c->rela.n * sizeof(Elf64_Rela), .data = ELF_T_RELA };
  }
  all[n++] = (NewSection){ .name = ".symtab", .type = SHT_SYMTAB, .link = symtab_index + 1, .info = first_global, .align = 8,
                           .entsize = sizeof(Elf64_Sym), .p = symtab, .bytes = count * sizeof(Elf64_Sym), .data = ELF_T_SYM };
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

static _Noreturn void elf_failed(const ElfState *s)
{
  zw_fail(s->ctx, ERR_io, ZW_NO_POS, "cannot write the object: %s", elf_errmsg(-1));
}

static void close_all(void *arg)
{
  ElfState *s = arg;
  if (s->elf)
    elf_end(s->elf);
  if (s->fd >= 0)
    close(s->fd);
  s->elf = NULL;
  s->fd = -1;
}

// header | what libelf writes | section headers || the sections with a space.  Returns where the bars stand; *end: all of it.
static uint64_t lay_out(NewSection *all, uint32_t n, uint64_t *headers, uint64_t *end)
{
  uint64_t at = sizeof(Elf64_Ehdr);
  for (uint32_t k = 0; k < n; k++)
    if (!all[k].space) {
      all[k].off = at = zw_align_up(at, all[k].align);
      at += all[k].type == SHT_NOBITS ? 0 : all[k].bytes;
    }
  *headers = zw_align_up(at, 8);
  uint64_t ours = at = *headers + (n + 1) * sizeof(Elf64_Shdr);
  for (uint32_t k = 0; k < n; k++)
    if (all[k].space) {
      all[k].off = at = zw_align_up(at, all[k].align);
      at += all[k].space + all[k].bytes;
    }
  *end = at;
  return ours;
}

static void add_section(ElfState *s, const NewSection *n, uint32_t name)
{
  Elf_Scn *scn = elf_newscn(s->elf);
  Elf64_Shdr *h = scn ? elf64_getshdr(scn) : NULL;
  if (!h)
    elf_failed(s);
  *h = (Elf64_Shdr){ .sh_name = name, .sh_type = n->type, .sh_flags = n->flags, .sh_offset = n->off, .sh_size = n->space + n->bytes,
                     .sh_link = n->link, .sh_info = n->info, .sh_addralign = n->align, .sh_entsize = n->entsize };
  if (n->space || !n->bytes)
    return;
  Elf_Data *d = elf_newdata(scn);
  if (!d)
    elf_failed(s);
  *d = (Elf_Data){ .d_buf = n->p, .d_size = n->bytes, .d_align = n->align, .d_type = n->data, .d_version = EV_CURRENT };
}

// The first n bytes of what libelf has written.
static void read_back(const ElfState *s, uint8_t *to, uint64_t n)
{
  for (uint64_t at = 0; at < n;) {
    ssize_t got = pread(s->fd, to + at, n - at, (off_t)at);
    if (got <= 0 && errno != EINTR)
      zw_fail(s->ctx, ERR_io, ZW_NO_POS, "cannot read the object back: %s", strerror(errno));
    at += got > 0 ? (uint64_t)got : 0;
  }
}

static void begin_elf(ElfState *s, uint32_t n, uint64_t headers)
{
  s->fd = memfd_create("zwasmc", MFD_CLOEXEC); // libelf writes to descriptors only
  if (s->fd < 0)
    zw_fail(s->ctx, ERR_io, ZW_NO_POS, "cannot make a file in memory for the object: %s", strerror(errno));
  elf_version(EV_CURRENT);
  s->elf = elf_begin(s->fd, ELF_C_WRITE, NULL);
  Elf64_Ehdr *h = s->elf ? elf64_newehdr(s->elf) : NULL;
  if (!h)
    elf_failed(s);
  elf_flagelf(s->elf, ELF_C_SET, ELF_F_LAYOUT);
  h->e_ident[EI_DATA] = ELFDATA2LSB;
  h->e_type = ET_REL;
  h->e_machine = EM_X86_64;
  h->e_version = EV_CURRENT;
  h->e_shoff = headers;
  h->e_shstrndx = (Elf64_Half)n;
}

OutBytes zw_elf_finish(ElfOut *o)
{
  ElfState *s = o->s;
  NewSection all[2 * MAX_SECTIONS + 3];
  uint32_t n = list_all(o, all);
  const uint32_t *name_at = put_section_names(o, all, n);
  uint64_t headers, end, at = lay_out(all, n, &headers, &end);
  zw_on_fail(s->ctx, &s->clean_up, close_all, s);
  begin_elf(s, n, headers);
  for (uint32_t k = 0; k < n; k++)
    add_section(s, &all[k], name_at[k]);
  if (elf_update(s->elf, ELF_C_WRITE) < 0)
    elf_failed(s);
  OutBytes out = { zw_arena_stale(o->a, end, 1, 16), (size_t)end };
  read_back(s, out.p, at);
  for (uint32_t k = 0; k < n; k++)
    if (all[k].space) {
      memset(out.p + at, 0, all[k].off - at);
      at = all[k].off + all[k].space;
      if (all[k].bytes)
        memcpy(out.p + at, all[k].p, all[k].bytes), at += all[k].bytes;
    }
  for (uint32_t k = 1; k < s->nsections; k++)
    s->section[k].place = out.p + all[k - 1].off;
  zw_off_fail(s->ctx, &s->clean_up);
  close_all(s);
  return out;
}

uint8_t *zw_elf_place(const ElfOut *o, uint32_t section) { return o->s->section[section].place; }
