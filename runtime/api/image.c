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

static void drop(OwnedImage *o)
{
  if (o && o->map)
    zw_os_unmap(o->map, o->bytes);
  zw_free(o);
}

// One mapping: text from its start, whole pages; then data (16-aligned) and meta (8-aligned).
bool zw_image_room(ImageRoom *r, char *err, size_t err_bytes)
{
  size_t page = zw_os_page_size(), text, data, rest, total;
  OwnedImage *o = zw_alloc(sizeof *o);
  if (!o || !zw_add_size(r->text_bytes, page - 1, &text) || !zw_add_size(r->data_bytes, 63, &data) ||
      !zw_add_size(data & ~(size_t)63, r->meta_bytes, &rest) || !zw_add_size(rest, page - 1, &rest))
    goto nomem;
  text &= ~(page - 1), rest &= ~(page - 1);
  if (!zw_add_size(text, rest, &total) || !(o->map = zw_os_code_map(total)))
    goto nomem;
  o->bytes = total;
  r->own = o;
  r->text = o->map, r->data = o->map + text, r->meta = r->data + (data & ~(size_t)63);
  return true;

nomem:
  zw_format(err, err_bytes, "out of memory");
  drop(o);
  return false;
}

Image *zw_image_seal(const ImageRoom *r, bool untrusted, char *err, size_t err_bytes)
{
  OwnedImage *o = r->own;
  size_t text = (size_t)(r->data - r->text);
  if ((text && !zw_os_code_seal(r->text, text)) || !zw_os_protect_read(r->data, o->bytes - text)) {
    zw_format(err, err_bytes, "the system does not let memory become executable");
    goto failed;
  }
  if (!zw_image_open(&o->im, r->meta, r->meta_bytes, r->text_bytes ? r->text : NULL, r->text_bytes, r->data, r->data_bytes, untrusted, err, err_bytes))
    goto failed;
  o->im.owner = o;
  o->im.free = free_owned;
  return &o->im;

failed:
  drop(o);
  return NULL;
}

Image *zw_image_copy(const ImageSpans *s, bool untrusted, char *err, size_t err_bytes)
{
  ImageRoom r = { .text_bytes = s->text_bytes, .data_bytes = s->data_bytes, .meta_bytes = s->meta_bytes };
  if (!zw_image_room(&r, err, err_bytes))
    return NULL;
  if (s->text_bytes)
    memcpy(r.text, s->text, s->text_bytes);
  if (s->data_bytes)
    memcpy(r.data, s->data, s->data_bytes);
  memcpy(r.meta, s->meta, s->meta_bytes);
  return zw_image_seal(&r, untrusted, err, err_bytes);
}

void zw_image_free(Image *im)
{
  if (im)
    im->free(im);
}
