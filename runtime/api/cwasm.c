// Reading .cwasm files.  The file is hostile until its checksum, its structure and every record of its image have been
// checked; its machine code cannot be checked, so who calls this has decided to trust it.
#include "runtime/abi/cwasm.h"
#include "runtime/abi/compile.h"
#include "runtime/os/os.h"
#define XXH_INLINE_ALL
#define XXH_NO_STREAM
#include <xxhash.h>

static const uint64_t cpu_bits[] = {
#define CPU(bit, name) bit,
#include "runtime/abi/cpu.def"
};
static const char *const cpu_names[] = {
#define CPU(bit, name) name,
#include "runtime/abi/cpu.def"
};

const char *zw_cpu_name(uint64_t bits)
{
  for (size_t k = 0; k < ARRAY_COUNT(cpu_bits); k++)
    if (bits & cpu_bits[k])
      return cpu_names[k];
  return "an unknown feature";
}

enum { CHECKED_FROM = offsetof(CwasmHeader, format) };

uint64_t zw_cwasm_checksum(const uint8_t *file, size_t bytes) { return XXH3_64bits(file + CHECKED_FROM, bytes - CHECKED_FROM); }

// ---- what else people call .cwasm ----

typedef struct Foreign { const char *magic; size_t n; const char *sentence; } Foreign;
static const Foreign foreign[] = {
  { "\177ELF", 4, "made by wasmtime, or an object file (it is ELF): compile the .wasm with zwasmc" },
  { "CWAS", 4, "made by the Zig runtime of the same name: compile the .wasm with zwasmc" },
  { "\0asm", 4, "a WebAssembly module, not a compiled one: run it as it is, or compile it with zwasmc" },
  { "wasmer-universal", 16, "made by wasmer: compile the .wasm with zwasmc" },
  { "\0wasmer-universal", 17, "made by wasmer: compile the .wasm with zwasmc" },
  { "\0aot", 4, "made by WAMR's wamrc: compile the .wasm with zwasmc" },
};

static bool begins(const uint8_t *bytes, size_t n, const char *magic, size_t magic_bytes)
{
  return n >= magic_bytes && __builtin_memcmp(bytes, magic, magic_bytes) == 0;
}

bool zw_cwasm_looks(const uint8_t *bytes, size_t n)
{
  if (begins(bytes, n, CWASM_MAGIC, 8))
    return true;
  for (size_t k = 0; k < ARRAY_COUNT(foreign); k++)
    if (foreign[k].magic[1] != 'a' && begins(bytes, n, foreign[k].magic, foreign[k].n))
      return true;
  return false;
}

// ---- the header ----

static const char *arch_name(uint32_t arch)
{
  return arch == ARCH_X86_64 ? "x86_64" : arch == ARCH_AARCH64 ? "aarch64" : "an unknown machine";
}

#if defined(__x86_64__)
enum { OWN_ARCH = ARCH_X86_64 };
#elif defined(__aarch64__)
enum { OWN_ARCH = ARCH_AARCH64 };
#endif

// Copied out field by field: the bytes have no alignment and may lie in memory that others write.
static bool header_ok(const CwasmHeader *h, const uint8_t *bytes, size_t n, char *err, size_t err_bytes)
{
  if (h->format != CWASM_FORMAT)
    zw_format(err, err_bytes, "its format version is %u, this zwasm reads version %u: compile the .wasm again", h->format, CWASM_FORMAT);
  else if (h->abi != IMAGE_ABI)
    zw_format(err, err_bytes, "its runtime ABI is %u, this zwasm has %u: compile the .wasm again", h->abi, IMAGE_ABI);
  else if (h->arch != OWN_ARCH)
    zw_format(err, err_bytes, "it was compiled for %s, this machine is %s", arch_name(h->arch), arch_name(OWN_ARCH));
  else if (h->file_bytes != n)
    zw_format(err, err_bytes, "it has %llu bytes, its header says %llu", (unsigned long long)n, (unsigned long long)h->file_bytes);
  else if (h->checksum != zw_cwasm_checksum(bytes, n))
    zw_format(err, err_bytes, "its checksum is %016llx, its header says %016llx: the file is damaged",
              (unsigned long long)zw_cwasm_checksum(bytes, n), (unsigned long long)h->checksum);
  else if (zw_os_cpu_missing(h->cpu_bits))
    zw_format(err, err_bytes, "it was compiled for a CPU with %s, which this one lacks", zw_cpu_name(zw_os_cpu_missing(h->cpu_bits)));
  else if (h->nsections > CWASM_MAX_SECTIONS || n - sizeof *h < h->nsections * sizeof(CwasmSection))
    zw_format(err, err_bytes, "it has %u sections, more than fit", h->nsections);
  else
    return true;
  return false;
}

static bool find_sections(const CwasmHeader *h, const uint8_t *bytes, ImageSpans *out, char *err, size_t err_bytes)
{
  uint64_t end = sizeof *h + h->nsections * sizeof(CwasmSection);
  unsigned seen = 0;
  for (uint32_t k = 0; k < h->nsections; k++) {
    CwasmSection s;
    __builtin_memcpy(&s, bytes + sizeof *h + k * sizeof s, sizeof s);
    if (s.off < end || s.off > h->file_bytes || s.bytes > h->file_bytes - s.off) {
      zw_format(err, err_bytes, "section %u does not lie in the file behind the one before it", k);
      return false;
    }
    end = s.off + s.bytes;
    if (s.kind & CWASM_OPTIONAL)
      continue;
    if (s.kind < CWASM_TEXT || s.kind > CWASM_DATA || seen & 1u << s.kind) {
      zw_format(err, err_bytes, "section %u has kind %u, which is unknown or there twice", k, s.kind);
      return false;
    }
    seen |= 1u << s.kind;
    const uint8_t *p = bytes + s.off;
    if (s.kind == CWASM_TEXT)
      out->text = p, out->text_bytes = s.bytes;
    else if (s.kind == CWASM_META)
      out->meta = p, out->meta_bytes = s.bytes;
    else
      out->data = p, out->data_bytes = s.bytes;
  }
  if (seen != (1u << CWASM_TEXT | 1u << CWASM_META | 1u << CWASM_DATA)) {
    zw_format(err, err_bytes, "one of its text, meta and data sections is missing");
    return false;
  }
  return true;
}

Image *zw_cwasm_load(const uint8_t *bytes, size_t n, char *err, size_t err_bytes)
{
  for (size_t k = 0; k < ARRAY_COUNT(foreign); k++) {
    if (begins(bytes, n, foreign[k].magic, foreign[k].n)) {
      zw_format(err, err_bytes, "it is not a .cwasm file of zwasmc but %s", foreign[k].sentence);
      return NULL;
    }
  }
  CwasmHeader h;
  if (n < sizeof h || !begins(bytes, n, CWASM_MAGIC, 8)) {
    zw_format(err, err_bytes, "it is not a .cwasm file");
    return NULL;
  }
  __builtin_memcpy(&h, bytes, sizeof h);
  ImageSpans spans = { 0 };
  if (!header_ok(&h, bytes, n, err, err_bytes) || !find_sections(&h, bytes, &spans, err, err_bytes))
    return NULL;
  Image *im = zw_image_copy(&spans, true, err, err_bytes);
  if (im && (im->h->flags != h.flags || im->h->cpu_bits & ~h.cpu_bits || im->h->arch != h.arch)) {
    zw_format(err, err_bytes, "its header and its image disagree about the machine or the options");
    zw_image_free(im);
    return NULL;
  }
  return im;
}
