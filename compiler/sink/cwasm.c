// The .cwasm file (runtime/abi/cwasm.h).  No time, no path, no padding but zeros: same input, same bytes.
#include "compiler/sink/sink.h"
#include "runtime/abi/cwasm.h"
#include "runtime/base/bits.h"
#include <string.h>

enum { TEXT_ALIGN = 4096, REST_ALIGN = 64 };

OutBytes zw_sink_cwasm(const Module *m, Blob *b, Arena *a)
{
  MetaImage meta = zw_meta_build(m, b, b->image_flags, a);
  enum { META, DATA, CODE };
  const struct { uint32_t kind; uint64_t bytes, align; } parts[] = {
    [META] = { CWASM_META, meta.meta_bytes, REST_ALIGN },
    [DATA] = { CWASM_DATA, meta.data_bytes, REST_ALIGN },
    [CODE] = { CWASM_TEXT, b->text_bytes, TEXT_ALIGN },
  };
  CwasmHeader h = { .format = CWASM_FORMAT, .abi = IMAGE_ABI, .arch = b->arch, .nsections = ARRAY_COUNT(parts),
                    .cpu_bits = b->cpu_bits, .flags = b->image_flags };
  memcpy(h.magic, CWASM_MAGIC, sizeof h.magic);
  CwasmSection sections[ARRAY_COUNT(parts)] = { 0 };
  uint64_t at = sizeof h + sizeof sections, end = at;
  for (size_t k = 0; k < ARRAY_COUNT(parts); k++) {
    at = zw_align_up(at, parts[k].align);
    sections[k] = (CwasmSection){ .kind = parts[k].kind, .off = at, .bytes = parts[k].bytes };
    at += parts[k].bytes;
  }
  h.file_bytes = at;
  OutBytes out = { zw_arena_stale(a, at, 1, 16), at };
  memcpy(out.p, &h, sizeof h);
  memcpy(out.p + sizeof h, sections, sizeof sections);
  for (size_t k = 0; k < ARRAY_COUNT(parts); k++) {
    memset(out.p + end, 0, sections[k].off - end);
    end = sections[k].off + sections[k].bytes;
  }
  zw_move_bytes(out.p + sections[META].off, meta.meta, meta.meta_bytes, true);
  zw_meta_join(m, out.p + sections[DATA].off);
  zw_blob_text(b, out.p + sections[CODE].off);
  h.checksum = zw_cwasm_checksum(out.p, out.n);
  memcpy(out.p, &h, sizeof h);
  return out;
}
