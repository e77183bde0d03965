// An encoded function as it waits for the blob: its numbers in one, two or four bytes each, and behind them its parts.
#include "compiler/emit/blob.h"
#include "runtime/base/alloc.h"
#include "runtime/base/bits.h"
#include <string.h>

enum { NUMBERS = 16, LIBCALLS = 8 /* bit of `form`: eight bytes of them follow; below it the width as a power of two, above it align / 32 */ };
struct PackedCode { uint32_t func; uint16_t saved; uint8_t flags, form; uint8_t rest[]; }; // rest: numbers, libcalls, parts, the aligned ones first

static inline void part(uint8_t **at, const void *p, size_t n)
{
  if (n == 0)
    return;
  zw_alloc_move(*at, (void *)(uintptr_t)p, n);
  *at += n;
}

static uint8_t *put_numbers(uint8_t *restrict at, const uint32_t *restrict n, unsigned width_log2)
{
  if (width_log2 == 0)
    for (uint32_t k = 0; k < NUMBERS; k++)
      at[k] = (uint8_t)n[k];
  else if (width_log2 == 1)
    for (uint32_t k = 0; k < NUMBERS; k++)
      zw_put16(at + 2 * k, (uint16_t)n[k]);
  else
    memcpy(at, n, NUMBERS * sizeof *n);
  return at + (NUMBERS << width_log2);
}

static const uint8_t *get_numbers(const uint8_t *restrict at, uint32_t *restrict n, unsigned width_log2)
{
  if (width_log2 == 0)
    for (uint32_t k = 0; k < NUMBERS; k++)
      n[k] = at[k];
  else if (width_log2 == 1)
    for (uint32_t k = 0; k < NUMBERS; k++)
      n[k] = zw_get16(at + 2 * k);
  else
    memcpy(n, at, NUMBERS * sizeof *n);
  return at + (NUMBERS << width_log2);
}

const PackedCode *zw_code_pack(const FuncCode *c, Arena *a)
{
  ASSERT(c->flags < 256 && c->align <= 64);
  const uint32_t n[NUMBERS] = { c->nbytes, c->nbytes - c->code_bytes, c->frame_bytes, c->prologue_bytes, c->pop_bytes, c->nfixups, c->ninlines, c->nhandlers,
                                c->sites_bytes, c->nsites, c->maps_bytes, c->nmaps, c->cfi_bytes };
  uint32_t all = 0;
  for (uint32_t k = 0; k < NUMBERS; k++)
    all |= n[k];
  const unsigned width_log2 = (all >= 1u << 8) + (all >= 1u << 16);
  const size_t fixups = sizeof *c->fixups * c->nfixups, inlines = sizeof *c->inlines * c->ninlines, handlers = sizeof *c->handlers * c->nhandlers;
  const size_t head = sizeof(PackedCode) + (NUMBERS << width_log2) + (c->libcalls ? 8 : 0);
  PackedCode *p = zw_arena_stale(a, head + fixups + inlines + handlers + c->nbytes + c->sites_bytes + c->maps_bytes + c->cfi_bytes, 1, 4);
  *p = (PackedCode){ c->func, c->saved, (uint8_t)c->flags, (uint8_t)(width_log2 | (c->libcalls ? LIBCALLS : 0) | c->align / 32 << 4) };
  uint8_t *at = put_numbers(p->rest, n, width_log2);
  if (c->libcalls)
    zw_put64(at, c->libcalls), at += 8;
  part(&at, c->fixups, fixups);
  part(&at, c->inlines, inlines);
  part(&at, c->handlers, handlers);
  part(&at, c->bytes, c->nbytes);
  part(&at, c->sites, c->sites_bytes);
  part(&at, c->maps, c->maps_bytes);
  part(&at, c->cfi, c->cfi_bytes);
  return p;
}

void zw_code_open(const PackedCode *p, FuncCode *c) // field by field: clearing what is so large costs more than the rest
{
  uint32_t n[NUMBERS];
  const uint8_t *at = get_numbers(p->rest, n, p->form & (LIBCALLS - 1));
  c->func = p->func, c->saved = p->saved, c->flags = p->flags;
  c->align = p->form >> 4 ? 32u * (p->form >> 4) : 16;
  c->libcalls = 0;
  if (p->form & LIBCALLS)
    c->libcalls = zw_get64(at), at += 8;
  c->nbytes = n[0], c->code_bytes = n[0] - n[1], c->frame_bytes = n[2], c->prologue_bytes = n[3], c->pop_bytes = n[4];
  c->nfixups = n[5], c->ninlines = n[6], c->nhandlers = n[7];
  c->sites_bytes = n[8], c->nsites = n[9], c->maps_bytes = n[10], c->nmaps = n[11], c->cfi_bytes = n[12];
  c->fixups = (const Fixup *)(const void *)at, at += sizeof *c->fixups * n[5];
  c->inlines = (const ImageInline *)(const void *)at, at += sizeof *c->inlines * n[6];
  c->handlers = (const ImageHandler *)(const void *)at, at += sizeof *c->handlers * n[7];
  c->bytes = at, at += n[0];
  c->sites = at, at += n[8];
  c->maps = at, at += n[10];
  c->cfi = at;
}
