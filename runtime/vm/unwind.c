// The wasm frames of a stack, from the function records alone: a frame is constant from its prologue's end to its
// epilogue, so a pc and a stack pointer are enough to find the caller's.
//   frame address (CFA) = sp + frame_bytes + 8 x saved registers + 8 (return address)
//   the caller's sp     = CFA + pop_bytes, its pc = the word below the CFA
// Across a call out of wasm the walk goes on where the activation below noted its exit.
#include "runtime/vm/vm_int.h"

typedef enum At { AT_RETURN, AT_TRAP, AT_FAULT } At; // what pc is: a call's return address, a trap call's, the access itself
typedef struct Cursor {
  uintptr_t pc, sp; At at;
  uintptr_t same_pc, frame, pops; TrapFrame same; // the last ordinary frame: recursion asks for it again and again
  uint32_t same_count;        // wasm frames in it: more than one where bodies were inlined
} Cursor;
#define NO_ASAN __attribute__((no_sanitize("address"))) /* words of wasm frames, where C frames were before */

static void push(TrapInfo *t, TrapFrame f)
{
  if (t->nframes < ARRAY_COUNT(t->frames))
    t->frames[t->nframes++] = f;
  t->total_frames++;
}
// The frames of bodies that were inlined around a position; returns the position in f itself.
static uint32_t push_inlined(TrapInfo *t, const Image *im, const ImageFunc *f, uint32_t at)
{
  const ImageInline *inlines = IMAGE_ARRAY(im, ImageInline, IMG_INLINES) + f->inlines;
  while (at & IMAGE_INLINE_AT) {
    uint32_t k = at & ~IMAGE_INLINE_AT;
    if (k >= f->ninlines)
      return 0;
    push(t, (TrapFrame){ .image = im, .func = inlines[k].func, .wasm_at = inlines[k].wasm_at });
    at = inlines[k].parent;
  }
  return at;
}
NO_ASAN static void leave(Cursor *c, uintptr_t frame, uintptr_t pops)
{
  uintptr_t cfa = c->sp + frame + 8;
  c->pc = *(const uintptr_t *)(cfa - 8);
  c->sp = cfa + pops;
  c->at = AT_RETURN;
}

// One frame; false at the entry thunk or at code that is nobody's.
static bool step(Cursor *c, TrapInfo *t)
{
  bool full = t->nframes == ARRAY_COUNT(t->frames); // then they are only counted
  if (c->pc == c->same_pc && c->at == AT_RETURN && (full || c->same_count == 1)) {
    if (full)
      t->total_frames += c->same_count;
    else
      push(t, c->same);
    leave(c, c->frame, c->pops);
    return true;
  }
  uintptr_t inside = c->at == AT_FAULT ? c->pc : c->pc - 1; // a return address may be the first byte behind its function
  const Image *im = zw_code_find(inside);
  const ImageFunc *f = im ? zw_image_func_at(im, (uint32_t)(inside - (uintptr_t)im->text)) : NULL;
  if (!f || f->flags & IMAGE_FUNC_THUNK_ENTRY)
    return false;
  SiteInfo site;
  bool known = zw_image_site(im, f, (uint32_t)(c->pc - (uintptr_t)im->text), c->at == AT_FAULT, &site);
  uintptr_t frame = f->frame_bytes + 8 * zw_popcnt32(f->saved);
  if (c->at == AT_TRAP && known && (site.kind & ~SITE_TRAP_MASK) == SITE_NO_FRAME)
    frame = 0;
  if (!(f->flags & IMAGE_FUNC_THUNK)) {
    uint32_t at = known ? site.wasm_at : 0, before = t->total_frames;
    at = push_inlined(t, im, f, at);
    TrapFrame here = { .image = im, .func = f->func, .wasm_at = at };
    push(t, here);
    if (c->at == AT_RETURN)
      c->same_pc = c->pc, c->frame = frame, c->pops = f->pop_bytes, c->same = here, c->same_count = t->total_frames - before;
  }
  leave(c, frame, f->pop_bytes);
  return true;
}

void zw_backtrace(const Activation *a, const TrapSite *site, TrapInfo *out)
{
  Cursor c = { .pc = site->pc, .sp = site->sp, .at = site->has_address ? AT_FAULT : AT_TRAP };
  for (; a; a = zw_activation_below(a)) {
    if (c.pc == 0)
      c = (Cursor){ .pc = a->exit_pc, .sp = a->exit_sp, .at = AT_RETURN };
    if (a->walk) {
      uint32_t room = (uint32_t)ARRAY_COUNT(out->frames) - out->nframes;
      uint32_t n = a->walk(a->walk_state, out->frames + out->nframes, room);
      out->nframes += n < room ? n : room;
      out->total_frames += n;
    } else if (c.pc) {
      while (c.sp < a->entry_sp && step(&c, out)) {
      }
    }
    c.pc = 0;
  }
}
