// The .cwasm file (runtime/abi/cwasm.h).  No time, no path, no padding but zeros: same input, same bytes.
//
// The text is written first, and with it goes the memory of all functions; the header is known last, and with it the checksum.
#include "compiler/sink/sink.h"
#include "runtime/abi/cwasm.h"
#include "runtime/base/bits.h"
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

enum { ALIGN = 64 };
typedef struct File { _Alignas(CwasmHeader) uint8_t bytes[sizeof(CwasmHeader) + 3 * sizeof(CwasmSection)]; } File; // the header, which ends in sections
static CwasmHeader *head(File *f) { return (CwasmHeader *)(void *)f->bytes; }

static void begin_section(File *f, OutStream *to, uint32_t kind)
{
  zw_out_fill(to, 0, zw_align_up(zw_out_at(to), ALIGN) - zw_out_at(to));
  CwasmHeader *h = head(f);
  h->section[h->nsections++] = (CwasmSection){ .kind = kind, .off = zw_out_at(to) };
}

static void end_section(File *f, const OutStream *to)
{
  CwasmSection *s = &head(f)->section[head(f)->nsections - 1];
  s->bytes = zw_out_at(to) - s->off;
}

// As zw_cwasm_checksum, of what may be in a file by now.
static uint64_t checksum(OutStream *to)
{
  enum { PART = 32 << 10 };
  static const size_t from = offsetof(CwasmHeader, format);
  uint8_t buf[PART];
  XXH3_state_t state;
  XXH3_INITSTATE(&state);
  XXH3_64bits_reset(&state);
  for (uint64_t at = from, end = zw_out_at(to); at < end && !to->bad;) {
    size_t n = end - at < PART ? (size_t)(end - at) : PART;
    const void *p = zw_out_look(to, at, buf, n);
    if (p)
      XXH3_64bits_update(&state, p, n);
    at += n;
  }
  return XXH3_64bits_digest(&state);
}

void zw_sink_cwasm_to(const Module *m, Blob *b, Arena *a, OutStream *to)
{
  File f = { 0 };
  CwasmHeader *h = head(&f);
  h->format = CWASM_FORMAT, h->abi = IMAGE_ABI, h->arch = b->arch, h->cpu_bits = b->cpu_bits, h->flags = b->image_flags;
  memcpy(h->magic, CWASM_MAGIC, sizeof h->magic);
  zw_out_put(to, &f, sizeof f);
  begin_section(&f, to, CWASM_TEXT);
  zw_blob_put_text(b, to);
  end_section(&f, to);
  MetaImage meta = zw_meta_build(m, b, b->image_flags, a);
  begin_section(&f, to, CWASM_META);
  zw_out_put(to, meta.meta, meta.meta_bytes);
  end_section(&f, to);
  zw_arena_drop(a, meta.meta);
  begin_section(&f, to, CWASM_DATA);
  zw_meta_put_data(m, to);
  end_section(&f, to);
  h->file_bytes = zw_out_at(to);
  zw_out_again(to, 0, &f, sizeof f);
  h->checksum = checksum(to);
  zw_out_again(to, 0, &f, sizeof f);
}

OutBytes zw_sink_cwasm(const Module *m, Blob *b, Arena *a)
{
  OutStream out;
  zw_out_init(&out, a, -1);
  zw_out_expect(&out, b->text_bytes + b->text_bytes / 2 + m->len);
  zw_sink_cwasm_to(m, b, a, &out);
  return (OutBytes){ out.p, out.n };
}
