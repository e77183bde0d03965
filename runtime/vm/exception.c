// Exceptions in machine code.  A throw looks for its handler in the wasm frames of the innermost entry, which the function
// records take apart (unwind.c), and goes there with the registers that the frames in between had saved put back.  Nothing
// is paid for a try that nothing throws in.  Behind the entry is a host function: what nobody caught by then is a trap.
//
// A handler gets the address of the payload in rax and the exception in rdx; everything else it reads from its frame.
#include "runtime/vm/vm_int.h"

enum { RAX = 0, RCX = 1, RDX = 2, RSP = 4, R15 = 15, NREGS = 16 };
#define NO_ASAN __attribute__((no_sanitize("address"))) /* words of wasm frames, where C frames were before */

typedef struct Search {
  const void *tag;
  uintptr_t pc, sp;            // a return address, rsp after that call
  uint64_t *regs;              // by machine number; what wasm keeps over calls is as it was in this frame
  uintptr_t same_pc, same_ctx; // the last frame, which did not catch it: recursion asks again and again
  const ImageFunc *func;
} Search;

static const ImageHandler *find_handler(const Search *s, const Image *im, const ImageFunc *f)
{
  const Instance *in = ((const VmCtx *)s->regs[R15])->instance;
  const ImageHandler *h = IMAGE_ARRAY(im, ImageHandler, IMG_HANDLERS) + f->handlers;
  uint32_t pc = (uint32_t)(s->pc - (uintptr_t)im->text);
  ASSERT(in->image == im);
  for (uint32_t k = 0; k < f->nhandlers; k++, h++)
    if (pc > h->pc_begin && pc <= h->pc_end && (h->tag == UINT32_MAX || in->tags[h->tag] == s->tag))
      return h;
  return NULL;
}

// To the caller of a function whose frame stands.
NO_ASAN static void leave(Search *s, const ImageFunc *f)
{
  static const uint8_t order[] = IMAGE_SAVE_ORDER_X86_64;
  uintptr_t at = s->sp + f->frame_bytes + 8 * zw_popcnt32(f->saved); // of the return address
  const uintptr_t *pushed = (const uintptr_t *)at;
  s->pc = *pushed;
  for (unsigned k = 0; k < ARRAY_COUNT(order); k++)
    if (f->saved >> order[k] & 1)
      s->regs[order[k]] = *--pushed;
  s->sp = at + 8 + f->pop_bytes;
}

// Is there a handler between here and the entry?  Then the registers are its.
static bool search(Search *s, uintptr_t end)
{
  while (s->sp < end) {
    if (s->pc != s->same_pc || s->regs[R15] != s->same_ctx) {
      const Image *im = zw_code_find(s->pc - 1);
      const ImageFunc *f = im ? zw_image_func_at(im, (uint32_t)(s->pc - 1 - (uintptr_t)im->text)) : NULL;
      if (!f || f->flags & IMAGE_FUNC_THUNK_ENTRY)
        return false;
      const ImageHandler *h = f->nhandlers ? find_handler(s, im, f) : NULL;
      if (h) {
        s->regs[RSP] = s->sp, s->regs[RCX] = (uintptr_t)im->text + h->handler_pc;
        return true;
      }
      s->same_pc = s->pc, s->same_ctx = s->regs[R15], s->func = f;
    }
    leave(s, s->func);
  }
  return false;
}

static void go_to_handler(VmCtx *v, GcRef exn, uint64_t *regs)
{
  Activation *a = zw_activation_at((uintptr_t)__builtin_frame_address(0));
  GcHeap *h = zw_store_gc(v->store);
  CHECK(a && h);
  Search s = { .tag = zw_gc_exn_tag(h, exn), .pc = a->exit_pc, .sp = a->exit_sp, .regs = regs };
  if (!search(&s, a->entry_sp))
    zw_trap_lib(v, TRAP_uncaught_exception);
  a->exit_pc = 0;
  regs[RAX] = (uintptr_t)zw_gc_exn_values(h, exn), regs[RDX] = exn;
}

// Called by throw_x64.S.
void zw_throw(VmCtx *v, uint64_t tag, const Value *payload, uint64_t *regs)
{
  const TagCell *t = v->instance->tags[tag];
  uint32_t n = zw_type_info(t->type_id)->n;
  GcHeap *h = zw_store_gc(v->store);
  v->store->thrown = payload, v->store->nthrown = n;
  GcRef exn = h ? zw_gc_exn_new(h, t, t->type_id) : 0;
  v->store->nthrown = 0;
  zw_trap_unless(v, exn != 0, TRAP_alloc_failure);
  __builtin_memcpy(zw_gc_exn_values(h, exn), payload, n * sizeof *payload);
  go_to_handler(v, exn, regs);
}
void zw_throw_ref(VmCtx *v, uint64_t exn, uint64_t *regs)
{
  zw_trap_unless(v, exn != 0, TRAP_null_exn);
  go_to_handler(v, (GcRef)exn, regs);
}
