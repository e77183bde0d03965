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

enum { MAX_SECTIONS = 16, GLOBAL = 1 << 28 };

typedef struct Rel { uint32_t at, symbol : 29, type : 3; int32_t addend; } Rel; // type: index in rel_types
static const uint8_t rel_types[] = { R_X86_64_64, R_X86_64_PC32, R_X86_64_PLT32 };

typedef struct Section {
  const char *name;
  uint32_t type;
  uint64_t flags, align, bytes, off;
  uint8_t *p;            // of one that is kept
  uint64_t cap;
  VEC(Rel) rela;
  uint64_t nrelas, relas_off; // in the file
} Section;

typedef struct Symbol { const char *name; uint32_t off, bytes; uint8_t section, type; } Symbol; // section 0: undefined

typedef struct ElfState {
  Section section[MAX_SECTIONS];
  uint32_t nsections;             // [0] is the null section
  uint32_t nlocals;               // functions
  uint32_t open, relas_of;        // what is being written, or 0
  VEC(Symbol) globals;
  uint64_t global_names;          // bytes of their names
  uint32_t *slots, mask;          // hash table of globals by name: index + 1
  uint64_t symtab_off, strtab_off;
  uint32_t local_name;            // where the next one's stands in .strtab
  Ctx *ctx;
  int fd;
  Elf *elf;
  CleanUp clean_up;
} ElfState;

static void grow_table(ElfOut *o, uint32_t mask);

ElfOut *zw_elf_new(Ctx *ctx, Arena *a, OutStream *to, uint32_t nlocals)
{
  ElfOut *o = zw_new(a, ElfOut);
  o->a = a;
  o->to = to;
  o->s = zw_new(a, ElfState);
  o->s->ctx = ctx;
  o->s->fd = -1;
  o->s->nsections = 1;
  o->s->nlocals = nlocals;
  grow_table(o, 127);
  zw_out_fill(to, 0, sizeof(Elf64_Ehdr));
  return o;
}

uint32_t zw_elf_section(ElfOut *o, const char *name, uint32_t type, uint64_t flags, uint64_t align)
{
  ElfState *s = o->s;
  CHECK(s->nsections < MAX_SECTIONS);
  s->section[s->nsections] = (Section){ .name = name, .type = type, .flags = flags, .align = align };
  return s->nsections++;
}

// The place in the file where something of that alignment begins.
static uint64_t align_file(ElfOut *o, uint64_t align)
{
  zw_out_fill(o->to, 0, zw_align_up(zw_out_at(o->to), align) - zw_out_at(o->to));
  return zw_out_at(o->to);
}

void zw_elf_open(ElfOut *o, uint32_t section)
{
  Section *s = &o->s->section[section];
  CHECK(!o->s->open && !s->bytes && s->type != SHT_NOBITS);
  o->s->open = section;
  s->off = align_file(o, s->align);
}

void zw_elf_close(ElfOut *o)
{
  Section *s = &o->s->section[o->s->open];
  s->bytes = zw_out_at(o->to) - s->off;
  o->s->open = 0;
}

static uint64_t put_kept(ElfOut *o, Section *s, const void *p, uint64_t n, uint64_t align)
{
  uint64_t at = zw_align_up(s->bytes, align), end = at + n;
  if (s->type != SHT_NOBITS && end > s->cap) {
    uint64_t cap = s->cap ? s->cap * 2 : n; // the first put is often the whole section
    while (cap < end)
      cap = cap ? cap * 2 : 256;
    s->p = zw_arena_grow(o->a, s->p, s->bytes, s->cap, cap), s->cap = cap;
  }
  if (s->type != SHT_NOBITS && end) {
    memset(s->p + s->bytes, 0, at - s->bytes); // what grows is stale
    if (p)
      memcpy(s->p + at, p, n);
    else
      memset(s->p + at, 0, n);
  }
  s->bytes = end;
  return at;
}

uint64_t zw_elf_put(ElfOut *o, uint32_t section, const void *p, uint64_t n, uint64_t align)
{
  Section *s = &o->s->section[section];
  ASSERT(align <= s->align);
  if (section != o->s->open)
    return put_kept(o, s, p, n, align);
  uint64_t at = align_file(o, align) - s->off;
  if (p)
    zw_out_put(o->to, p, n);
  else
    zw_out_fill(o->to, 0, n);
  return at;
}

uint8_t *zw_elf_at(ElfOut *o, uint32_t section, uint64_t off)
{
  const Section *s = &o->s->section[section];
  CHECK(section != o->s->open && off < s->bytes);
  return s->p + off;
}

// ---- symbols ----

static uint32_t *slot_of(ElfState *s, const char *name)
{
  uint32_t k = (uint32_t)zw_hash_bytes(name, strlen(name), 0) & s->mask;
  while (s->slots[k] && strcmp(s->globals.p[s->slots[k] - 1].name, name) != 0)
    k = (k + 1) & s->mask;
  return &s->slots[k];
}

static void grow_table(ElfOut *o, uint32_t mask)
{
  ElfState *s = o->s;
  zw_arena_drop(o->a, s->slots);
  s->slots = zw_new_array(o->a, uint32_t, mask + 1ull);
  s->mask = mask;
  for (uint32_t k = 0; k < s->globals.n; k++)
    *slot_of(s, s->globals.p[k].name) = k + 1;
}

void zw_elf_expect(ElfOut *o, uint32_t section, uint32_t nrelas, uint32_t nglobals)
{
  ElfState *s = o->s;
  uint32_t mask = s->mask;
  zw_reserve(o->a, &s->section[section].rela, s->section[section].rela.n + nrelas);
  zw_reserve(o->a, &s->globals, s->globals.n + nglobals);
  while (mask / 4 * 3 <= s->globals.n + nglobals)
    mask = 2 * mask + 1;
  if (mask != s->mask)
    grow_table(o, mask);
}

uint32_t zw_elf_global(ElfOut *o, const char *name)
{
  ElfState *s = o->s;
  if (s->globals.n >= s->mask / 4 * 3)
    grow_table(o, 2 * s->mask + 1);
  uint32_t *slot = slot_of(s, name);
  if (!*slot) {
    CHECK(s->globals.n < GLOBAL);
    *zw_push(o->a, &s->globals) = (Symbol){ .name = name, .type = STT_NOTYPE };
    s->global_names += strlen(name) + 1;
    *slot = s->globals.n;
  }
  return GLOBAL | (*slot - 1);
}

void zw_elf_define(ElfOut *o, uint32_t symbol, uint32_t section, uint64_t off, uint64_t bytes, unsigned type)
{
  Symbol *sym = &o->s->globals.p[symbol & ~(uint32_t)GLOBAL];
  CHECK(!sym->section && off <= UINT32_MAX && bytes <= UINT32_MAX);
  sym->section = (uint8_t)section;
  sym->type = (uint8_t)type;
  sym->off = (uint32_t)off;
  sym->bytes = (uint32_t)bytes;
}

void zw_elf_rela(ElfOut *o, uint32_t section, ElfRela r)
{
  uint32_t type = 0;
  while (type < ARRAY_COUNT(rel_types) && rel_types[type] != r.type)
    type++;
  CHECK(type < ARRAY_COUNT(rel_types) && r.at <= UINT32_MAX && r.addend == (int32_t)r.addend);
  *zw_push(o->a, &o->s->section[section].rela) = (Rel){ .at = (uint32_t)r.at, .symbol = r.symbol & ((GLOBAL << 1) - 1), .type = type & 7, .addend = (int32_t)r.addend };
}

// ---- the end of the file ----

void zw_elf_begin_relas(ElfOut *o, uint32_t section)
{
  o->s->relas_of = section;
  o->s->section[section].relas_off = align_file(o, 8);
}

// null, sections, local functions, globals: a section's symbol keeps its number.
void zw_elf_put_rela(ElfOut *o, ElfRela r)
{
  ElfState *s = o->s;
  uint32_t symbol = r.symbol & GLOBAL ? s->nsections + s->nlocals + (r.symbol & ~(uint32_t)GLOBAL) : r.symbol;
  Elf64_Rela rela = { .r_offset = r.at, .r_info = ELF64_R_INFO((uint64_t)symbol, r.type), .r_addend = r.addend };
  zw_out_put(o->to, &rela, sizeof rela);
  s->section[s->relas_of].nrelas++;
}

void zw_elf_put_kept(ElfOut *o)
{
  ElfState *s = o->s;
  CHECK(!s->open);
  for (uint32_t k = 1; k < s->nsections; k++) {
    Section *c = &s->section[k];
    if (c->off)
      continue;
    c->off = align_file(o, c->align);
    if (c->type != SHT_NOBITS)
      zw_out_put(o->to, c->p, c->bytes);
  }
  for (uint32_t k = 1; k < s->nsections; k++) {
    const Section *c = &s->section[k];
    if (!c->rela.n)
      continue;
    zw_elf_begin_relas(o, k);
    for (uint32_t i = 0; i < c->rela.n; i++) {
      const Rel *r = &c->rela.p[i];
      zw_elf_put_rela(o, (ElfRela){ r->at, rel_types[r->type], r->symbol, r->addend });
    }
  }
}

static void put_symbol(ElfOut *o, uint64_t name, unsigned bind, unsigned type, uint32_t section, uint64_t off, uint64_t bytes)
{
  CHECK(name <= UINT32_MAX);
  Elf64_Sym sym = { .st_name = (Elf64_Word)name, .st_info = (unsigned char)ELF64_ST_INFO(bind, type), .st_shndx = (Elf64_Half)section,
                    .st_other = bind == STB_GLOBAL && section ? STV_HIDDEN : STV_DEFAULT, .st_value = off, .st_size = bytes };
  zw_out_put(o->to, &sym, sizeof sym);
}

void zw_elf_begin_symbols(ElfOut *o)
{
  ElfState *s = o->s;
  s->symtab_off = align_file(o, 8);
  s->local_name = (uint32_t)s->global_names + 1;
  zw_out_fill(o->to, 0, sizeof(Elf64_Sym));
  for (uint32_t k = 1; k < s->nsections; k++)
    put_symbol(o, 0, STB_LOCAL, STT_SECTION, k, 0, 0);
}

void zw_elf_put_local(ElfOut *o, size_t name_bytes, uint32_t section, uint64_t off, uint64_t bytes)
{
  put_symbol(o, o->s->local_name, STB_LOCAL, STT_FUNC, section, off, bytes);
  o->s->local_name += (uint32_t)name_bytes;
}

void zw_elf_put_globals(ElfOut *o)
{
  ElfState *s = o->s;
  uint64_t name = 1;
  CHECK(zw_out_at(o->to) - s->symtab_off == (s->nsections + s->nlocals) * sizeof(Elf64_Sym));
  for (uint32_t k = 0; k < s->globals.n; k++) {
    const Symbol *g = &s->globals.p[k];
    put_symbol(o, name, STB_GLOBAL, g->type, g->section, g->off, g->bytes);
    name += strlen(g->name) + 1;
  }
  s->strtab_off = zw_out_at(o->to);
  zw_out_fill(o->to, 0, 1);
  for (uint32_t k = 0; k < s->globals.n; k++)
    zw_out_put(o->to, s->globals.p[k].name, strlen(s->globals.p[k].name) + 1);
}

void zw_elf_put_name(ElfOut *o, const char *name, size_t bytes) { zw_out_put(o->to, name, bytes); }

// ---- headers ----

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

typedef struct Headers { Elf64_Shdr h[2 * MAX_SECTIONS + 3]; uint32_t n; Text names; } Headers;

static Elf64_Shdr *add_header(Headers *all, const char *before, const char *name, uint32_t type)
{
  Elf64_Shdr *h = &all->h[all->n++];
  *h = (Elf64_Shdr){ .sh_name = (Elf64_Word)all->names.n, .sh_type = type };
  zw_text_put(&all->names, before, strlen(before));
  zw_text_put(&all->names, name, strlen(name) + 1);
  return h;
}

static void place(Elf64_Shdr *h, uint64_t off, uint64_t bytes, uint64_t align, uint64_t entry)
{
  h->sh_offset = off, h->sh_size = bytes, h->sh_addralign = align, h->sh_entsize = entry;
}

// In order: ours, their relocations, symtab, strtab, shstrtab, which is written here.  Ours keep their numbers, one less.
static void list_all(ElfOut *o, Headers *all)
{
  ElfState *s = o->s;
  uint32_t nrela = 0;
  zw_text_init(&all->names, o->a);
  zw_text_put(&all->names, "", 1);
  for (uint32_t k = 1; k < s->nsections; k++) {
    const Section *c = &s->section[k];
    Elf64_Shdr *h = add_header(all, "", c->name, c->type);
    place(h, c->off, c->bytes, c->align, 0);
    h->sh_flags = c->flags;
    nrela += c->nrelas > 0;
  }
  uint32_t symtab = s->nsections + nrela;
  for (uint32_t k = 1; k < s->nsections; k++) {
    const Section *c = &s->section[k];
    if (!c->nrelas)
      continue;
    Elf64_Shdr *h = add_header(all, ".rela", c->name, SHT_RELA);
    place(h, c->relas_off, c->nrelas * sizeof(Elf64_Rela), 8, sizeof(Elf64_Rela));
    h->sh_flags = SHF_INFO_LINK, h->sh_link = symtab, h->sh_info = k;
  }
  Elf64_Shdr *h = add_header(all, "", ".symtab", SHT_SYMTAB);
  place(h, s->symtab_off, s->strtab_off - s->symtab_off, 8, sizeof(Elf64_Sym));
  h->sh_link = symtab + 1, h->sh_info = s->nsections + s->nlocals;
  place(add_header(all, "", ".strtab", SHT_STRTAB), s->strtab_off, zw_out_at(o->to) - s->strtab_off, 1, 0);
  h = add_header(all, "", ".shstrtab", SHT_STRTAB);
  place(h, zw_out_at(o->to), all->names.n, 1, 0);
  zw_out_put(o->to, all->names.p, all->names.n);
}

static void begin_elf(ElfState *s, uint32_t n)
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
  h->e_shoff = sizeof *h; // there; in the object they lie at its end
  h->e_shstrndx = (Elf64_Half)n;
}

static void write_elf(ElfState *s, const Headers *all)
{
  begin_elf(s, all->n);
  for (uint32_t k = 0; k < all->n; k++) {
    Elf_Scn *scn = elf_newscn(s->elf);
    Elf64_Shdr *h = scn ? elf64_getshdr(scn) : NULL;
    if (!h)
      elf_failed(s);
    *h = all->h[k];
  }
  if (elf_update(s->elf, ELF_C_WRITE) < 0)
    elf_failed(s);
}

void zw_elf_finish(ElfOut *o)
{
  ElfState *s = o->s;
  Headers all = { .n = 0 };
  Elf64_Ehdr header;
  Elf64_Shdr sections[ARRAY_COUNT(all.h) + 1];
  CHECK(s->local_name == zw_out_at(o->to) - s->strtab_off);
  list_all(o, &all);
  if (o->to->bad) // nobody will see the rest of it
    return;
  uint64_t at = align_file(o, 8), bytes = (all.n + 1) * sizeof(Elf64_Shdr);
  zw_on_fail(s->ctx, &s->clean_up, close_all, s);
  write_elf(s, &all);
  if (pread(s->fd, &header, sizeof header, 0) != sizeof header || pread(s->fd, sections, bytes, sizeof header) != (ssize_t)bytes)
    zw_fail(s->ctx, ERR_io, ZW_NO_POS, "cannot read the object's headers back");
  zw_off_fail(s->ctx, &s->clean_up);
  close_all(s);
  header.e_shoff = at;
  zw_out_again(o->to, 0, &header, sizeof header);
  zw_out_put(o->to, sections, bytes);
}
