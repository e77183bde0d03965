// Machine code that runs in this process.
#include "compiler/sink/sink.h"
#include "runtime/abi/cwasm.h"
#include <string.h>

Image *zw_sink_jit(const Module *m, Blob *b, char *err, size_t err_bytes)
{
  MetaImage meta = zw_meta_build(m, b, b->image_flags, &m->ctx->module);
  ImageRoom room = { .text_bytes = b->text_bytes, .data_bytes = meta.data_bytes, .meta_bytes = meta.meta_bytes };
  if (!zw_image_room(&room, err, err_bytes)) {
    zw_blob_done(b);
    return NULL;
  }
  zw_blob_text(b, room.text);
  zw_move_bytes(room.meta, meta.meta, meta.meta_bytes, true);
  zw_meta_join(m, room.data);
  return zw_image_seal(&room, false, err, err_bytes);
}
