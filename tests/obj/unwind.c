// Unwinds from every call and trap site of modules twice and compares: by the object's .eh_frame, as elfutils reads it out
// of a linked shared object, and by the function records that the runtime's own backtraces use.
//   obj_unwind ZWASMC WORK_DIR MODULE.wasm...
//
// For a site both must agree on the frame's address, on where each callee-saved register of the caller is, on the return
// address and on the stack pointer that the caller gets back (callees pop stack arguments).
#include "runtime/abi/image.h"
#include "runtime/base/bits.h"
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DWARF_RSP = 7, DWARF_RA = 16, MOST_REPORTS = 20 };
// By machine number: rax rcx rdx rbx rsp rbp rsi rdi r8-r15.
static const uint8_t dwarf_number[16] = { 0, 2, 1, 3, 7, 6, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15 };
static const uint8_t save_order[] = IMAGE_SAVE_ORDER_X86_64;

typedef struct Counts { uint64_t calls, faults, traps, frameless, functions, wrong; } Counts;
typedef struct Object { Elf *elf; int fd; } Object;
typedef struct Case { const Image *im; Dwarf_CFI *cfi; uint64_t base; Counts n; } Case;

static _Noreturn void die(const char *what, const char *why)
{
  fprintf(stderr, "obj_unwind: %s: %s\n", what, why);
  exit(1);
}

static Object open_elf(const char *path)
{
  Object o = { .fd = open(path, O_RDONLY) };
  if (o.fd < 0)
    die(path, "cannot open it");
  elf_version(EV_CURRENT);
  o.elf = elf_begin(o.fd, ELF_C_READ, NULL);
  if (!o.elf)
    die(path, elf_errmsg(-1));
  return o;
}
static void close_elf(Object *o)
{
  elf_end(o->elf);
  close(o->fd);
}

static Elf_Scn *section_with(Elf *elf, const char *prefix, GElf_Shdr *h)
{
  size_t names;
  elf_getshdrstrndx(elf, &names);
  for (Elf_Scn *s = NULL; (s = elf_nextscn(elf, s));) {
    gelf_getshdr(s, h);
    if (strncmp(elf_strptr(elf, names, h->sh_name), prefix, strlen(prefix)) == 0)
      return s;
  }
  die(prefix, "there is no such section");
}

// The value of the first symbol whose name ends so: thunks are numbered, so "thunk12" is there once.
static uint64_t symbol_value(Elf *elf, const char *end)
{
  GElf_Shdr h;
  Elf_Data *d = elf_getdata(section_with(elf, ".symtab", &h), NULL);
  size_t n = strlen(end);
  for (uint64_t k = 0; k < h.sh_size / h.sh_entsize; k++) {
    GElf_Sym sym;
    gelf_getsym(d, (int)k, &sym);
    const char *name = elf_strptr(elf, h.sh_link, sym.st_name);
    if (strlen(name) > n && strcmp(name + strlen(name) - n, end) == 0)
      return sym.st_value;
  }
  die(end, "there is no such symbol");
}

// ---- one site ----

static void wrong(Case *c, const ImageFunc *f, uint32_t pc, const char *what, int64_t is, int64_t wanted)
{
  if (c->n.wrong++ < MOST_REPORTS)
    printf("function %u (flags %u), pc +0x%x: %s is %lld, the record says %lld\n", f->func, f->flags, pc - f->code_off, what, (long long)is, (long long)wanted);
}

// "register + offset" out of location operations; false = something else.
static bool is_register_plus(const Dwarf_Op *ops, size_t n, unsigned reg, int64_t *off)
{
  if (n != 1 || !((ops[0].atom == DW_OP_bregx && ops[0].number == reg) || ops[0].atom == DW_OP_breg0 + reg))
    return false;
  *off = (int64_t)(ops[0].atom == DW_OP_bregx ? ops[0].number2 : ops[0].number);
  return true;
}
// CFA + offset: the place a register was saved at, or (stack_value) its value.
static bool is_cfa_plus(const Dwarf_Op *ops, size_t n, bool value, int64_t *off)
{
  *off = 0;
  if (n == 0 || ops[0].atom != DW_OP_call_frame_cfa)
    return false;
  size_t at = 1;
  if (at < n && ops[at].atom == DW_OP_plus_uconst)
    *off = (int64_t)ops[at++].number;
  return value ? at + 1 == n && ops[at].atom == DW_OP_stack_value : at == n;
}

static void check_register(Case *c, Dwarf_Frame *frame, const ImageFunc *f, uint32_t pc, unsigned machine, bool saved, int64_t want)
{
  Dwarf_Op mem[3], *ops;
  size_t n;
  int64_t off;
  if (dwarf_frame_register(frame, dwarf_number[machine], mem, &ops, &n) != 0)
    wrong(c, f, pc, "a register's rule", -1, machine);
  else if (!saved && n) // no operations: no rule, which leaves the register alone; libdw calls some of them undefined then
    wrong(c, f, pc, "an untouched register's rule", machine, 0);
  else if (saved && (!is_cfa_plus(ops, n, false, &off) || off != want))
    wrong(c, f, pc, "a saved register's place", n ? off : -1, want);
}

static void check_site(Case *c, const ImageFunc *f, uint32_t pc, uint8_t kind)
{
  bool fault = (kind & ~SITE_TRAP_MASK) == SITE_FAULT, frameless = (kind & ~SITE_TRAP_MASK) == SITE_NO_FRAME;
  *(fault ? &c->n.faults : frameless ? &c->n.frameless : kind & SITE_CALL ? &c->n.calls : &c->n.traps) += 1;
  Dwarf_Frame *frame;
  Dwarf_Op *ops, mem[3];
  size_t n;
  int64_t off = -1;
  // as unwinders do: a return address stands for the call before it
  if (dwarf_cfi_addrframe(c->cfi, c->base + pc - !fault, &frame) != 0) {
    wrong(c, f, pc, "the unwind entry", -1, 0);
    return;
  }
  uint32_t saves = frameless ? 0 : f->saved;
  int64_t cfa = 8 + (frameless ? 0 : f->frame_bytes) + 8 * (int64_t)zw_popcnt32(saves);
  if (dwarf_frame_cfa(frame, &ops, &n) != 0 || !is_register_plus(ops, n, DWARF_RSP, &off) || off != cfa)
    wrong(c, f, pc, "the frame's size", off, cfa);
  int64_t at = -16; // from the CFA: below the return address
  for (size_t k = 0; k < ARRAY_COUNT(save_order); k++) {
    bool saved = saves >> save_order[k] & 1;
    check_register(c, frame, f, pc, save_order[k], saved, at);
    at -= saved ? 8 : 0;
  }
  if (dwarf_frame_register(frame, DWARF_RA, mem, &ops, &n) != 0 || !is_cfa_plus(ops, n, false, &off) || off != -8)
    wrong(c, f, pc, "the return address's place", off, -8);
  if (f->pop_bytes && (dwarf_frame_register(frame, DWARF_RSP, mem, &ops, &n) != 0 || !is_cfa_plus(ops, n, true, &off) || off != f->pop_bytes))
    wrong(c, f, pc, "what the return pops", off, f->pop_bytes);
  free(frame);
}

// ---- a module ----

static uint64_t read_uleb(const uint8_t **p)
{
  uint64_t v = 0;
  for (unsigned shift = 0;; shift += 7) {
    uint8_t b = *(*p)++;
    v |= (uint64_t)(b & 0x7f) << shift;
    if (b < 0x80)
      return v;
  }
}

static void check_function(Case *c, const ImageFunc *f)
{
  const uint8_t *p = IMAGE_ARRAY(c->im, uint8_t, IMG_SITES) + f->sites;
  uint32_t pc = f->code_off;
  c->n.functions++;
  for (uint32_t k = 0; k < f->nsites; k++) {
    pc += (uint32_t)read_uleb(&p);
    uint8_t kind = *p++;
    (void)read_uleb(&p); // the wasm offset; its sign does not matter here
    check_site(c, f, pc, kind);
  }
}

static Counts check_module(const char *zwasmc, const char *dir, const char *wasm)
{
  char command[4096], object[1024], shared[1024], err[300], thunk[32];
  snprintf(object, sizeof object, "%s/unwind.o", dir);
  snprintf(shared, sizeof shared, "%s/unwind.so", dir);
  snprintf(command, sizeof command, "'%s' -c --no-header --mangle=exact -o '%s' '%s' && ld -shared --unresolved-symbols=ignore-all -o '%s' '%s'", zwasmc,
           object, wasm, shared, object);
  if (system(command) != 0)
    die(wasm, "cannot be compiled and linked");
  Object o = open_elf(object), so = open_elf(shared);
  GElf_Shdr h;
  Elf_Data *meta = elf_getdata(section_with(o.elf, ".zwasm.meta.", &h), NULL), *text = elf_getdata(section_with(o.elf, ".text.zwasm.", &h), NULL);
  const ImageHeader *header = meta->d_buf;
  Image im;
  if (!zw_image_open(&im, meta->d_buf, meta->d_size, text->d_buf, text->d_size, NULL, header->data_bytes, false, err, sizeof err))
    die(wasm, err);
  Case c = { .im = &im, .cfi = dwarf_getcfi_elf(so.elf) };
  if (!c.cfi)
    die(shared, dwarf_errmsg(-1));
  uint32_t entry = 0;
  while (entry < im.nfuncs && !im.funcs[entry].flags)
    entry++;
  snprintf(thunk, sizeof thunk, ".thunk%u", entry);
  c.base = symbol_value(so.elf, thunk) - im.funcs[entry].code_off;
  for (uint32_t k = 0; k < im.nfuncs; k++)
    check_function(&c, &im.funcs[k]);
  dwarf_cfi_end(c.cfi);
  close_elf(&o);
  close_elf(&so);
  printf("%s: %llu functions, %llu calls, %llu faults, %llu traps, %llu before the frame: %llu wrong\n", wasm, (unsigned long long)c.n.functions,
         (unsigned long long)c.n.calls, (unsigned long long)c.n.faults, (unsigned long long)c.n.traps, (unsigned long long)c.n.frameless,
         (unsigned long long)c.n.wrong);
  fflush(stdout);
  return c.n;
}

int main(int argc, char **argv)
{
  uint64_t sites = 0, wrongs = 0;
  for (int k = 3; k < argc; k++) {
    Counts n = check_module(argv[1], argv[2], argv[k]);
    sites += n.calls + n.faults + n.traps + n.frameless;
    wrongs += n.wrong;
  }
  printf("obj_unwind: %llu sites, %llu wrong\n", (unsigned long long)sites, (unsigned long long)wrongs);
  return sites == 0 || wrongs != 0;
}
