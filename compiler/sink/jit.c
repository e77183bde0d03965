// Machine code that runs in this process.
#include "compiler/sink/sink.h"
#include "runtime/abi/cwasm.h"

Image *zw_sink_jit(const Module *m, const Blob *b, char *err, size_t err_bytes)
{
  MetaImage meta = zw_meta_build(m, b, b->image_flags, &m->ctx->module);
  ImageSpans spans = { .text = b->text, .text_bytes = b->text_bytes, .meta = meta.meta, .meta_bytes = meta.meta_bytes,
                       .data = meta.data, .data_bytes = meta.data_bytes };
  return zw_image_copy(&spans, false, err, err_bytes);
}
