// Machine code that runs in this process.
#include "compiler/sink/sink.h"
#include "runtime/abi/cwasm.h"
#include <string.h>

Image *zw_sink_jit(const Module *m, const Blob *b, char *err, size_t err_bytes)
{
  MetaImage meta = zw_meta_build(m, b, b->image_flags, &m->ctx->module);
  ImageRoom room = { .text_bytes = b->text_bytes, .data_bytes = meta.data_bytes, .meta_bytes = meta.meta_bytes };
  if (!zw_image_room(&room, err, err_bytes))
    return NULL;
  zw_sink_move(room.text, b->text, b->text_bytes, b->last);
  zw_sink_move(room.meta, meta.meta, meta.meta_bytes, true);
  zw_meta_join(m, room.data);
  return zw_image_seal(&room, false, err, err_bytes);
}
