// What a static-PIE program must do for itself before C is whole: apply its relative relocations, make the thread
// register and thread-locals, protect what the relocations wrote.  Until relocate() has run, nothing here may use an
// address that the linker stored in data: no tables, no string arrays, no function pointers.
#include "runtime/abi/image.h"
#include "runtime/os/os.h"
#include "runtime/start/start.h"

typedef struct ProgHead { uint32_t type, flags; uint64_t off, vaddr, paddr, file_bytes, bytes, align; } ProgHead;
typedef struct Dyn { int64_t tag; uint64_t value; } Dyn;
typedef struct Rela { uint64_t off, info; int64_t addend; } Rela;
enum { PT_DYNAMIC = 2, PT_PHDR = 6, PT_TLS = 7, PT_GNU_RELRO = 0x6474e552 };
enum { DT_RELA = 7, DT_RELASZ = 8, DT_RELRSZ = 35, DT_RELR = 36, R_X86_64_RELATIVE = 8 };
enum { AT_PHDR = 3, AT_PHNUM = 5 };
enum { SYS_arch_prctl = 158, ARCH_SET_FS = 0x1002 };

extern const uintptr_t *zw_os_auxv __attribute__((weak)); // there when the program asks for the time: os/linux_clock.c

// So that the linker compares: the runtime this was built with.
extern const char IMAGE_RUNTIME_SYMBOL __attribute__((visibility("hidden")));
__attribute__((used)) static const char *const built_with = &IMAGE_RUNTIME_SYMBOL;

static _Noreturn void die(const char *why, size_t n)
{
  zw_os_write_err(why, n);
  zw_os_exit(126);
}
#define DIE(text) die("zwasm: " text "\n", sizeof("zwasm: " text "\n") - 1)

typedef struct Self { const ProgHead *head; uint64_t n, base; } Self;

static const ProgHead *find(const Self *s, uint32_t type)
{
  for (uint64_t i = 0; i < s->n; i++)
    if (s->head[i].type == type)
      return &s->head[i];
  return NULL;
}

// Packed ones: an even word is the address of a place, an odd one has a bit for each of the 63 places behind the last.
static void relocate_packed(const Self *s, const uint64_t *p, uint64_t n)
{
  uint64_t *where = NULL;
  for (uint64_t i = 0; i < n; i++) {
    if (!(p[i] & 1)) {
      where = (uint64_t *)(s->base + p[i]);
      *where++ += s->base;
      continue;
    }
    for (int bit = 1; bit < 64; bit++)
      if (p[i] >> bit & 1)
        where[bit - 1] += s->base;
    where += 63;
  }
}

static void relocate(const Self *s)
{
  const ProgHead *d = find(s, PT_DYNAMIC);
  const Rela *rela = NULL;
  const uint64_t *relr = NULL;
  uint64_t bytes = 0, relr_bytes = 0;
  if (!d)
    return; // linked to a fixed address
  for (const Dyn *y = (const Dyn *)(s->base + d->vaddr); y->tag; y++) {
    if (y->tag == DT_RELA)
      rela = (const Rela *)(s->base + y->value);
    if (y->tag == DT_RELASZ)
      bytes = y->value;
    if (y->tag == DT_RELR)
      relr = (const uint64_t *)(s->base + y->value);
    if (y->tag == DT_RELRSZ)
      relr_bytes = y->value;
  }
  relocate_packed(s, relr, relr_bytes / sizeof *relr);
  for (uint64_t i = 0; i < bytes / sizeof *rela; i++) {
    if ((uint32_t)rela[i].info != R_X86_64_RELATIVE)
      DIE("this program was linked with relocations that its start code does not know");
    *(uint64_t *)(s->base + rela[i].off) = s->base + (uint64_t)rela[i].addend;
  }
}

// Thread-locals lie right below the thread register, which points to itself (ELF TLS, variant 2).
static void make_thread(const Self *s)
{
  static _Alignas(64) char area[1024];
  enum { REGISTER_AT = sizeof area - 64 };
  const ProgHead *t = find(s, PT_TLS);
  char *thread = area + REGISTER_AT;
  if (t) {
    uint64_t align = t->align ? t->align : 1, bytes = (t->bytes + align - 1) & ~(align - 1);
    if (bytes > REGISTER_AT || align > 64)
      DIE("this program has more thread-local data than its start code provides for");
    const char *from = (const char *)(s->base + t->vaddr);
    for (uint64_t i = 0; i < t->file_bytes; i++)
      thread[i - bytes] = from[i];
  }
  *(void **)(void *)thread = thread;
  if (zw_os_syscall(SYS_arch_prctl, ARCH_SET_FS, (long)thread, 0, 0, 0, 0) != 0)
    DIE("the system does not let the thread register be set");
}

static void protect(const Self *s)
{
  const ProgHead *r = find(s, PT_GNU_RELRO);
  if (!r)
    return;
  uint64_t page = zw_os_page_size(), low = (s->base + r->vaddr) & ~(page - 1), high = (s->base + r->vaddr + r->bytes) & ~(page - 1);
  if (high > low && !zw_os_protect_read((void *)low, high - low))
    DIE("cannot protect relocated data");
}

// stack: argc, argv, NULL, envp, NULL, auxiliary vector.
_Noreturn void zw_start(uintptr_t *stack)
{
  int argc = (int)stack[0];
  char **argv = (char **)(stack + 1), **env = argv + argc + 1, **p = env;
  while (*p)
    p++;
  Self s = { NULL, 0, 0 };
  for (const uintptr_t *aux = (const uintptr_t *)(p + 1); aux[0]; aux += 2) {
    if (aux[0] == AT_PHDR)
      s.head = (const ProgHead *)aux[1];
    if (aux[0] == AT_PHNUM)
      s.n = aux[1];
  }
  const ProgHead *self = find(&s, PT_PHDR);
  if (self)
    s.base = (uint64_t)s.head - self->vaddr;
  relocate(&s);
  if (&zw_os_auxv)
    zw_os_auxv = (const uintptr_t *)(p + 1);
  make_thread(&s);
  protect(&s);
  zw_os_exit(zw_main(argc, argv, env));
}
