// References in the frames of machine code, by the stack maps of the calls in progress: roots of a collection.
//
// A skipped activation (longjmp over wasm) may still look alive, and then words of its frames are anybody's.  So what is
// found here is only proposed: the heap takes what is the start of an object (zw_gc_propose).
#include "runtime/base/leb.h"
#include "runtime/vm/vm_int.h"

#define NO_ASAN __attribute__((no_sanitize("address"))) /* words of wasm frames, where C frames were before */

typedef struct Walk {
  GcHeap *heap;
  uintptr_t pc, sp, end;      // a return address, rsp after that call, where the frames end
  uintptr_t same_pc, frame, pops; // the last frame: recursion asks for it again and again
  const uint8_t *map, *map_end; uint32_t nslots;
  uintptr_t any;              // bytes of the frame in which any word may be a reference
} Walk;

static uint32_t read_u(const uint8_t **p, const uint8_t *end)
{
  uint64_t v;
  return zw_leb_read_u(p, end, 32, &v) == LEB_OK ? (uint32_t)v : 0;
}

// The map of the call that returns to `pc` (from the function's start), or none.
static void find_map(Walk *w, const Image *im, const ImageFunc *f, uint32_t want)
{
  const uint8_t *base = im->meta + im->h->span[IMG_MAPS].off, *end = base + IMAGE_COUNT(im, IMG_MAPS), *p = base + f->maps;
  const uint8_t *slots = p; // of the newest map that has its own
  uint32_t pc = 0, nslots = 0;
  w->nslots = 0;
  for (uint32_t k = 0; k < f->nmaps && pc < want; k++) {
    pc += read_u(&p, end);
    uint32_t n = read_u(&p, end);
    if (n)
      slots = p, nslots = n;
    if (pc == want) {
      w->map = slots, w->map_end = end, w->nslots = nslots;
      return;
    }
    for (uint32_t i = 0; i < n; i++)
      (void)read_u(&p, end);
  }
}

NO_ASAN static void propose_slots(const Walk *w)
{
  const uint8_t *p = w->map;
  uint64_t slot = 0;
  for (uintptr_t at = w->sp; at < w->sp + w->any && at + 8 <= w->end; at += 8)
    zw_gc_propose(w->heap, *(const uint64_t *)at);
  for (uint32_t k = 0; k < w->nslots; k++) {
    slot += read_u(&p, w->map_end);
    if (w->sp + 8 * slot + 8 <= w->end)
      zw_gc_propose(w->heap, *(const uint64_t *)(w->sp + 8 * slot));
  }
}

// One frame; false at the entry thunk or at code that is nobody's.
NO_ASAN static bool step(Walk *w)
{
  if (w->pc != w->same_pc) {
    const Image *im = zw_code_find(w->pc - 1);
    const ImageFunc *f = im ? zw_image_func_at(im, (uint32_t)(w->pc - 1 - (uintptr_t)im->text)) : NULL;
    if (!f || f->flags & IMAGE_FUNC_THUNK_ENTRY)
      return false;
    find_map(w, im, f, (uint32_t)(w->pc - (uintptr_t)im->text) - f->code_off);
    w->any = f->flags & IMAGE_FUNC_KEEPS_REFS ? f->frame_bytes : 0;
    w->same_pc = w->pc, w->frame = f->frame_bytes + 8 * zw_popcnt32(f->saved) + 8, w->pops = f->pop_bytes;
  }
  propose_slots(w);
  if (w->sp + w->frame > w->end)
    return false;
  w->pc = *(const uintptr_t *)(w->sp + w->frame - 8);
  w->sp += w->frame + w->pops;
  return true;
}

void zw_frames_propose(const Store *s, GcHeap *h)
{
  const Activation *here = zw_activation_at((uintptr_t)__builtin_frame_address(0));
  for (const Activation *a = zw_activation(); a; a = a->prev) {
    if (a->vmctx->store != s || a->walk || a->exit_pc == 0 || a->exit_sp >= a->entry_sp)
      continue;
    bool own_stack = here && a->stack_low == here->stack_low;
    if (!own_stack && !zw_os_mapped((const void *)a->exit_sp, a->entry_sp - a->exit_sp)) // a fiber's that was thrown away
      continue;
    Walk w = { .heap = h, .pc = a->exit_pc, .sp = a->exit_sp, .end = a->entry_sp };
    while (w.sp < w.end && step(&w)) {
    }
  }
}
