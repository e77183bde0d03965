// The .cwasm file: an image with a header of its own, and images that own their memory.
//
//   header | sections, ascending and 64-aligned: text, meta, data
//
// Everything is little-endian.  Nothing in it is patched: load is read, check, copy, seal.  The format version alone
// decides whether a file is readable; a reader skips sections of kinds it does not know when CWASM_OPTIONAL is set.
#pragma once
#include "runtime/abi/image.h"

#define CWASM_MAGIC "\x8bzwcode\n" /* not text, and a line end that careless copying would change */
enum { CWASM_FORMAT = 1 };
enum { CWASM_TEXT = 1, CWASM_META = 2, CWASM_DATA = 3 };
#define CWASM_OPTIONAL 0x80000000u

typedef struct CwasmSection { uint32_t kind, pad; uint64_t off, bytes; } CwasmSection;
typedef struct CwasmHeader {
  uint8_t magic[8];
  uint64_t checksum;          // XXH3, 64 bits, of everything behind this field
  uint32_t format, abi, arch; // CWASM_FORMAT, IMAGE_ABI, ARCH_*
  uint32_t nsections;
  uint64_t cpu_bits;          // needed
  uint32_t flags, pad;        // IMAGE_GUARD ...
  uint64_t file_bytes;
  CwasmSection section[];
} CwasmHeader;
STATIC_ASSERT(sizeof(CwasmHeader) == 56 && sizeof(CwasmSection) == 24, "on disk");
enum { CWASM_MAX_SECTIONS = 16 };

uint64_t zw_cwasm_checksum(const uint8_t *file, size_t bytes); // of a whole file, as its header should say
// True when the bytes begin like a .cwasm file, of ours or of others.
bool zw_cwasm_looks(const uint8_t *bytes, size_t n);
// Open a .cwasm for running: check header, checksum and structure, copy into memory of its own, seal.  Its machine code
// is trusted: the caller has decided that.  NULL with a sentence that says which field is wrong.  own: zw_image_free
Image *zw_cwasm_load(const uint8_t *bytes, size_t n, char *err, size_t err_bytes);

// An image in memory of its own, in three steps: room for the three spans; the caller fills them; sealed, the text is
// read-execute and the rest read-only.  zw_image_seal frees the room when it fails.  False and NULL with a sentence.
typedef struct ImageRoom { uint8_t *text, *data, *meta; size_t text_bytes, data_bytes, meta_bytes; struct OwnedImage *own; } ImageRoom;
bool zw_image_room(ImageRoom *r, char *err, size_t err_bytes) MUST_CHECK; // the sizes are given
Image *zw_image_seal(const ImageRoom *r, bool untrusted, char *err, size_t err_bytes);
// All of it for copies of three spans.
// untrusted: as zw_image_open.  NULL with a sentence.  own: zw_image_free
typedef struct ImageSpans { const uint8_t *text, *meta, *data; size_t text_bytes, meta_bytes, data_bytes; } ImageSpans;
Image *zw_image_copy(const ImageSpans *s, bool untrusted, char *err, size_t err_bytes);
const char *zw_cpu_name(uint64_t bits); // of the lowest bit; "avx2"
