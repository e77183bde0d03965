// The end of a call that did not return: note why and where, find the entry that catches it, go there.
// Everything runs on the stack that trapped, above the room that the stack limit keeps, and allocates nothing.
#include "runtime/base/asan.h"
#include "runtime/vm/vm_int.h"

static const char *const texts[TRAP_COUNT] = {
#define TRAP(id, text) [TRAP_##id] = text,
#include "runtime/abi/trap.def"
};
const char *zw_trap_text(TrapKind k) { return (unsigned)k < TRAP_COUNT ? texts[k] : "unknown trap"; }

const TrapInfo *zw_store_trap(const Store *s) { return &s->trap; }

static void start_info(TrapInfo *t, TrapKind kind, const char *text)
{
  t->kind = kind;
  t->exit_code = 0;
  t->has_address = false;
  t->address = t->memory_bytes = 0, t->memory = 0;
  t->nframes = t->total_frames = 0;
  zw_format(t->text, sizeof t->text, "%s", text ? text : zw_trap_text(kind));
}
void zw_trap_note(Store *s, TrapKind kind, const char *text) { start_info(&s->trap, kind, text); }

// Which memory of the instance a faulting address belongs to; the page before the base counts.
static const Memory *memory_of(const Instance *in, uintptr_t address, uint32_t *index)
{
  uint32_t n = IMAGE_COUNT(in->image, IMG_MEMORIES);
  for (uint32_t i = 0; i < n; i++) {
    const Memory *m = in->memories[i];
    if (m->full_reservation && address - (uintptr_t)m->def.base + zw_os_page_size() < m->reserved + zw_os_page_size()) {
      *index = i;
      return m;
    }
  }
  return NULL;
}

static void note_address(TrapInfo *t, const Instance *in, uintptr_t address)
{
  uint32_t index;
  const Memory *m = memory_of(in, address, &index);
  if (!m || address < (uintptr_t)m->def.base)
    return;
  t->has_address = true;
  t->address = address - (uintptr_t)m->def.base;
  t->memory = index;
  t->memory_bytes = __atomic_load_n(&m->def.bytes, __ATOMIC_RELAXED);
}

// Print without allocating: the frames one by one.
static _Noreturn void uncaught(const TrapInfo *t)
{
  static char buf[64 * 200]; // one thread dies here
  size_t n = zw_trap_format(t, buf, sizeof buf);
  zw_os_write_err(buf, n < sizeof buf ? n : sizeof buf - 1);
  zw_os_abort();
}

static _Noreturn void leave(Activation *a, TrapKind kind)
{
  zw_activation_back(a);
  a->trap = kind;
  a->pending = 0;
  zw_asan_no_return();
  zw_land(a->entry_sp, kind);
}

void zw_trap(VmCtx *v, TrapKind kind, const TrapSite *site, const char *text, int exit_code)
{
  Activation *a = zw_activation_at(site->sp), *target = a;
  TrapInfo *t = &v->store->trap;
  char kept[sizeof t->text]; // text may be the one we are about to replace
  if (text)
    zw_format(kept, sizeof kept, "%s", text);
  start_info(t, kind, text ? kept : NULL);
  t->exit_code = exit_code;
  if (site->has_address && v->instance)
    note_address(t, v->instance, site->address);
  if (site->access)
    t->has_address = true, t->address = site->access->address, t->memory_bytes = site->access->memory_bytes, t->memory = site->access->memory;
  if (kind != TRAP_exit && a)
    zw_backtrace(a, site, t);
  while (target && target->plain)
    target = zw_activation_below(target);
  if (!target)
    uncaught(t);
  if (target->vmctx->store != v->store)
    __builtin_memcpy(&target->vmctx->store->trap, t, sizeof *t);
  leave(target, kind);
}

void zw_trap_at(uint32_t kind, VmCtx *v, uintptr_t pc, uintptr_t sp)
{
  TrapSite s = { .pc = pc, .sp = sp };
  zw_trap(v, (TrapKind)kind, &s, NULL, 0);
}
void zw_fault_at(uint32_t kind, VmCtx *v, uintptr_t pc, uintptr_t sp, uintptr_t address)
{
  TrapSite s = { .pc = pc, .sp = sp, .has_address = true, .address = address };
  zw_trap(v, (TrapKind)kind, &s, NULL, 0);
}
void zw_trap_lib(VmCtx *v, TrapKind kind)
{
  TrapSite s = { .sp = (uintptr_t)__builtin_frame_address(0) };
  zw_trap(v, kind, &s, NULL, 0);
}
void zw_raise(VmCtx *caller, TrapKind kind, const char *text)
{
  TrapSite s = { .sp = (uintptr_t)__builtin_frame_address(0) };
  zw_trap(caller, kind, &s, text, 0);
}
void zw_raise_access(VmCtx *caller, const TrapAccess *access)
{
  TrapSite s = { .sp = (uintptr_t)__builtin_frame_address(0), .access = access };
  zw_trap(caller, TRAP_oob, &s, NULL, 0);
}
void zw_raise_exit(VmCtx *caller, int code)
{
  TrapSite s = { .sp = (uintptr_t)__builtin_frame_address(0) };
  zw_trap(caller, TRAP_exit, &s, NULL, code);
}

void zw_set_trap(VmCtx *caller, TrapKind kind, const char *text)
{
  Activation *a = zw_activation_at((uintptr_t)__builtin_frame_address(0));
  if (!a)
    BUG("zw_set_trap outside of any call");
  zw_trap_note(caller->store, kind, text);
  a->pending = 1;
}
void zw_trap_pending(Activation *a, VmCtx *caller)
{
  TrapSite s = { .sp = (uintptr_t)__builtin_frame_address(0) };
  a->pending = 0;
  zw_trap(caller, caller->store->trap.kind, &s, caller->store->trap.text, caller->store->trap.exit_code);
}

// ---- the fault handler: exact pc, address of ours, or not ours ----

static bool on_fault(OsFault *f, uintptr_t *pc, uintptr_t *sp)
{
  const Image *im = zw_code_find(f->pc);
  if (!im)
    return false;
  uint32_t off = (uint32_t)(f->pc - (uintptr_t)im->text), index;
  const ImageFunc *func = zw_image_func_at(im, off);
  SiteInfo site;
  if (!func || !zw_image_site(im, func, off, true, &site))
    return false;
  enum { RAX = 0, RCX = 1, RDX = 2, R8 = 8, R15 = 15 };
  VmCtx *v = (VmCtx *)f->regs[R15]; // pinned: pc is in our text
  if (!memory_of(v->instance, f->address, &index))
    return false;
  f->regs[RAX] = site.kind & SITE_TRAP_MASK;
  f->regs[RDX] = f->pc;
  f->regs[RCX] = *sp;
  f->regs[R8] = f->address;
  *pc = (uintptr_t)zw_fault_shim;
  return true;
}
bool zw_faults_install(void) { return zw_os_install_fault_handler(on_fault); }

// ---- text ----

static size_t add(char *buf, size_t bytes, size_t n, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
static size_t add(char *buf, size_t bytes, size_t n, const char *fmt, ...)
{
  va_list ap;
  va_start(ap, fmt);
  size_t at = n < bytes ? n : bytes;
  n += zw_vformat(buf + at, bytes - at, fmt, ap);
  va_end(ap);
  return n;
}

void zw_func_name(const Image *im, uint32_t func, char *buf, size_t bytes)
{
  uint32_t name = func < IMAGE_COUNT(im, IMG_NAMES) ? IMAGE_ARRAY(im, uint32_t, IMG_NAMES)[func] : 0;
  if (name)
    zw_format(buf, bytes, "%s", zw_image_str(im, name));
  else
    zw_format(buf, bytes, "func %u", func);
}

size_t zw_trap_format(const TrapInfo *t, char *buf, size_t bytes)
{
  size_t n = 0;
  if (bytes)
    buf[0] = 0;
  n = add(buf, bytes, n, "wasm trap: %s", t->text);
  if (t->has_address)
    n = add(buf, bytes, n, " at address 0x%llx (memory %u is %llu bytes)", (unsigned long long)t->address, t->memory,
            (unsigned long long)t->memory_bytes);
  n = add(buf, bytes, n, "\n");
  for (uint32_t i = 0; i < t->nframes; i++) {
    const TrapFrame *f = &t->frames[i];
    char name[128];
    zw_func_name(f->image, f->func, name, sizeof name);
    const char *module = f->image->h->name ? zw_image_str(f->image, f->image->h->name) : "wasm";
    uint32_t line;
    const char *file = zw_frame_line(f, &line);
    char place[256];
    if (file)
      zw_format(place, sizeof place, "%s:%u", file, line);
    n = add(buf, bytes, n, file ? "%5u: %-14s %-18s [%s" : "%5u: %-14s %s[%s", i, name, file ? place : "", module);
    n = add(buf, bytes, n, f->wasm_at ? "+0x%x]\n" : "]\n", f->wasm_at);
  }
  if (t->total_frames > t->nframes)
    n = add(buf, bytes, n, "    ... %u more\n", t->total_frames - t->nframes);
  return n;
}
