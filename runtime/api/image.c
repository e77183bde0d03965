// Images that own their memory: the JIT's and those of .cwasm files.
#include "runtime/abi/compile.h"
#include "runtime/abi/cwasm.h"
#include "runtime/base/alloc.h"
#include "runtime/base/bits.h"
#include "runtime/os/os.h"

typedef struct OwnedImage { Image im; uint8_t *map; size_t bytes; } OwnedImage;

static void free_owned(Image *im)
{
  OwnedImage *o = im->owner;
  zw_os_unmap(o->map, o->bytes);
  zw_free(o);
}

// One mapping: text from its start, whole pages; then data (16-aligned) and meta (8-aligned).
Image *zw_image_copy(const ImageSpans *s, bool untrusted, char *err, size_t err_bytes)
{
  size_t page = zw_os_page_size(), text, data, rest, total;
  OwnedImage *o = zw_alloc(sizeof *o);
  if (!o || !zw_add_size(s->text_bytes, page - 1, &text) || !zw_add_size(s->data_bytes, 63, &data) ||
      !zw_add_size(data & ~(size_t)63, s->meta_bytes, &rest) || !zw_add_size(rest, page - 1, &rest))
    goto nomem;
  text &= ~(page - 1), rest &= ~(page - 1);
  if (!zw_add_size(text, rest, &total) || !(o->map = zw_os_code_map(total)))
    goto nomem;
  o->bytes = total;
  uint8_t *to_data = o->map + text, *to_meta = to_data + (data & ~(size_t)63);
  if (s->text_bytes)
    memcpy(o->map, s->text, s->text_bytes);
  if (s->data_bytes)
    memcpy(to_data, s->data, s->data_bytes);
  memcpy(to_meta, s->meta, s->meta_bytes);
  if ((text && !zw_os_code_seal(o->map, text)) || !zw_os_protect_read(to_data, rest)) {
    zw_format(err, err_bytes, "the system does not let memory become executable");
    goto failed;
  }
  if (!zw_image_open(&o->im, to_meta, s->meta_bytes, s->text_bytes ? o->map : NULL, s->text_bytes, to_data, s->data_bytes, untrusted, err, err_bytes))
    goto failed;
  o->im.owner = o;
  o->im.free = free_owned;
  return &o->im;

nomem:
  zw_format(err, err_bytes, "out of memory");
failed:
  if (o && o->map)
    zw_os_unmap(o->map, o->bytes);
  zw_free(o);
  return NULL;
}

void zw_image_free(Image *im)
{
  if (im)
    im->free(im);
}
