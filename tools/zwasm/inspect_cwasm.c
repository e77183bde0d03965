// zwasm inspect of a .cwasm file: its header, and through the image the same as of a module.
#include "tools/zwasm/module.h"
#include "runtime/abi/compile.h"
#include "runtime/abi/cwasm.h"
#include "runtime/type/type.h"
#include <string.h>

typedef struct View { Text *out; const Image *im; bool json; } View;

// ---- the header ----
static const char *arch_name(uint32_t arch)
{
  return arch == ARCH_X86_64 ? "x86_64" : arch == ARCH_AARCH64 ? "aarch64" : "unknown";
}

static void put_bits(Text *t, uint64_t bits, const char *(*name)(uint64_t bit), const char *quote, const char *sep)
{
  const char *s = "";
  for (; bits; bits &= bits - 1) {
    zw_text_printf(t, "%s%s%s%s", s, quote, name(bits & -bits), quote);
    s = sep;
  }
}

static const char *flag_name(uint64_t bit)
{
  static const struct { uint32_t bit; const char *name; } flags[] = {
    { IMAGE_GUARD, "guard" }, { IMAGE_CHECKED, "checked" }, { IMAGE_NO_SIGNALS, "no-signals" }, { IMAGE_FUEL, "fuel" },
    { IMAGE_INTERRUPTIBLE, "interruptible" }, { IMAGE_DETERMINISTIC, "deterministic" },
  };
  for (size_t i = 0; i < ARRAY_COUNT(flags); i++)
    if (flags[i].bit == bit)
      return flags[i].name;
  return "unknown";
}

static void put_header(Text *t, const CwasmHeader *h, const char *file, bool json)
{
  if (json) {
    zw_text_printf(t, "{\"kind\":\"cwasm\",\"file\":");
    zw_put_json_string(t, file, strlen(file));
    zw_text_printf(t, ",\n \"format\":%u,\"abi\":%u,\"arch\":\"%s\",\"cpu\":[", h->format, h->abi, arch_name(h->arch));
    put_bits(t, h->cpu_bits, zw_cpu_name, "\"", ",");
    zw_text_printf(t, "],\"flags\":[");
    put_bits(t, h->flags, flag_name, "\"", ",");
    zw_text_printf(t, "],\"bytes\":%llu,\"checksum\":\"%016llx\"", (unsigned long long)h->file_bytes, (unsigned long long)h->checksum);
    return;
  }
  zw_text_printf(t, "%s: compiled WebAssembly, format %u, runtime ABI %u\n%-18s %s\n%-18s ", file, h->format, h->abi, "target", arch_name(h->arch), "cpu");
  put_bits(t, h->cpu_bits, zw_cpu_name, "", " ");
  zw_text_printf(t, "\n%-18s ", "flags");
  put_bits(t, h->flags, flag_name, "", " ");
  zw_text_printf(t, "\n%-18s %llu\n%-18s %016llx\n", "bytes", (unsigned long long)h->file_bytes, "checksum", (unsigned long long)h->checksum);
}

// ---- types ----
static void put_val_type(Text *t, ValType v)
{
  static const char *const plain[] = { [VT_I32] = "i32", [VT_I64] = "i64", [VT_F32] = "f32", [VT_F64] = "f64", [VT_V128] = "v128" };
  static const char *const heaps[] = { "func", "nofunc", "extern", "noextern", "any", "eq", "i31", "struct", "array", "none", "exn", "noexn" };
  uint32_t heap = zw_heap_type(v);
  if (!zw_is_ref(v))
    zw_text_printf(t, "%s", v < ARRAY_COUNT(plain) ? plain[v] : "?");
  else if (heap < HEAP_ABSTRACT)
    zw_text_printf(t, "(ref %s%u)", zw_is_nullable(v) ? "null " : "", heap);
  else
    zw_text_printf(t, "(ref %s%s)", zw_is_nullable(v) ? "null " : "", heap - HEAP_ABSTRACT < ARRAY_COUNT(heaps) ? heaps[heap - HEAP_ABSTRACT] : "?");
}

static void put_func_type(const View *v, uint32_t type)
{
  const uint32_t *head = IMAGE_ARRAY(v->im, uint32_t, IMG_TYPES) + IMAGE_ARRAY(v->im, uint32_t, IMG_TYPE_INDEX)[type];
  uint32_t n = head[TYPE_HEAD_N], m = head[TYPE_HEAD_M];
  zw_text_put(v->out, "[", 1);
  for (uint32_t i = 0; i < n + m; i++) {
    zw_text_printf(v->out, "%s", i == n ? "] -> [" : i ? " " : "");
    put_val_type(v->out, head[TYPE_HEAD_WORDS + i]);
  }
  zw_text_printf(v->out, "%s", m ? "]" : "] -> []");
}

static void put_limits(Text *t, const ImageLimits *l, const char *unit)
{
  zw_text_printf(t, "%s%llu..", l->is64 ? "i64 " : "", (unsigned long long)l->min);
  if (l->has_max)
    zw_text_printf(t, "%llu", (unsigned long long)l->max);
  zw_text_printf(t, " %s%s", unit, l->shared ? " shared" : "");
}

static void put_extern_type(const View *v, uint32_t kind, uint32_t index)
{
  const Image *im = v->im;
  switch ((ExternKind)kind) {
  case EXT_FUNC: put_func_type(v, IMAGE_ARRAY(im, uint32_t, IMG_FUNC_TYPES)[index]); break;
  case EXT_TAG: put_func_type(v, IMAGE_ARRAY(im, uint32_t, IMG_TAGS)[index]); break;
  case EXT_TABLE:
    put_val_type(v->out, IMAGE_ARRAY(im, ImageTable, IMG_TABLES)[index].elem);
    zw_text_put(v->out, " ", 1);
    put_limits(v->out, &IMAGE_ARRAY(im, ImageTable, IMG_TABLES)[index].limits, "elements");
    break;
  case EXT_MEMORY: {
    const ImageLimits *l = &IMAGE_ARRAY(im, ImageMemory, IMG_MEMORIES)[index].limits;
    put_limits(v->out, l, l->page_log2 == 16 ? "pages" : "bytes");
    break;
  }
  case EXT_GLOBAL:
    zw_text_printf(v->out, "%s", IMAGE_ARRAY(im, ImageGlobal, IMG_GLOBALS)[index].mutable_ ? "mut " : "");
    put_val_type(v->out, IMAGE_ARRAY(im, ImageGlobal, IMG_GLOBALS)[index].type);
    break;
  }
}

// ---- the image ----
static const char *const kind_words[] = { [EXT_FUNC] = "func", [EXT_TABLE] = "table", [EXT_MEMORY] = "memory",
                                          [EXT_GLOBAL] = "global", [EXT_TAG] = "tag" };

static void put_thing(const View *v, uint32_t kind, uint32_t index)
{
  if (!v->json) {
    zw_text_printf(v->out, ": %s ", kind_words[kind]);
    put_extern_type(v, kind, index);
    zw_text_put(v->out, "\n", 1);
    return;
  }
  Text type;
  zw_text_init(&type, v->out->a);
  View tmp = { &type, v->im, true };
  put_extern_type(&tmp, kind, index);
  zw_text_printf(v->out, ",\"kind\":\"%s\",\"type\":", kind_words[kind]);
  zw_put_json_string(v->out, type.p, type.n);
  zw_text_put(v->out, "}", 1);
}

static void put_name(const View *v, uint32_t off)
{
  Str s = zw_image_name(v->im, off);
  zw_put_json_string(v->out, s.p, s.n);
}

static void put_image(const View *v)
{
  const Image *im = v->im;
  const ImageHeader *h = im->h;
  Text *t = v->out;
  const struct { const char *name; uint64_t n; } counts[] = {
    { "code_bytes", h->text_bytes }, { "data_bytes", h->data_bytes }, { "meta_bytes", h->meta_bytes },
    { "types", IMAGE_COUNT(im, IMG_TYPE_INDEX) }, { "functions", IMAGE_COUNT(im, IMG_FUNC_TYPES) },
    { "imported_functions", h->nimported_funcs }, { "tables", IMAGE_COUNT(im, IMG_TABLES) }, { "memories", IMAGE_COUNT(im, IMG_MEMORIES) },
    { "globals", IMAGE_COUNT(im, IMG_GLOBALS) }, { "tags", IMAGE_COUNT(im, IMG_TAGS) }, { "imports", IMAGE_COUNT(im, IMG_IMPORTS) },
    { "exports", IMAGE_COUNT(im, IMG_EXPORTS) },
  };
  zw_text_printf(t, "%s", v->json ? ",\n \"counts\":{" : "");
  for (size_t i = 0; i < ARRAY_COUNT(counts); i++)
    if (v->json)
      zw_text_printf(t, "%s\"%s\":%llu", i ? "," : "", counts[i].name, (unsigned long long)counts[i].n);
    else if (counts[i].n)
      zw_text_printf(t, "%-18s %llu\n", counts[i].name, (unsigned long long)counts[i].n);
  const ImageImport *im_ = IMAGE_ARRAY(im, ImageImport, IMG_IMPORTS);
  zw_text_printf(t, "%s", v->json ? "},\n \"imports\":[" : "");
  for (uint32_t i = 0; i < IMAGE_COUNT(im, IMG_IMPORTS); i++) {
    zw_text_printf(t, v->json ? "%s\n  {\"module\":" : "import ", i ? "," : "");
    put_name(v, im_[i].module);
    zw_text_printf(t, "%s", v->json ? ",\"name\":" : " ");
    put_name(v, im_[i].name);
    put_thing(v, im_[i].kind, im_[i].index);
  }
  const ImageExport *ex = IMAGE_ARRAY(im, ImageExport, IMG_EXPORTS);
  zw_text_printf(t, "%s", v->json ? "],\n \"exports\":[" : "");
  for (uint32_t i = 0; i < IMAGE_COUNT(im, IMG_EXPORTS); i++) {
    zw_text_printf(t, v->json ? "%s\n  {\"name\":" : "export ", i ? "," : "");
    put_name(v, ex[i].name);
    put_thing(v, ex[i].kind, ex[i].index);
  }
  zw_text_printf(t, "%s", v->json ? "]}\n" : "");
}

int zw_inspect_cwasm(Look *l, const char *file, const uint8_t *bytes, size_t n)
{
  char err[400];
  CwasmHeader h;
  Text t;
  zw_text_init(&t, &l->c.arena);
  bool ours = n >= sizeof h && memcmp(bytes, CWASM_MAGIC, 8) == 0;
  if (ours) {
    memcpy(&h, bytes, sizeof h);
    put_header(&t, &h, file, l->json);
  }
  Image *im = zw_cwasm_load(bytes, n, err, sizeof err);
  if (im) {
    View v = { &t, im, l->json };
    put_image(&v);
    zw_print_text(&t);
    zw_image_free(im);
    return 0;
  }
  if (ours && l->json)
    zw_text_printf(&t, "}\n");
  zw_print_text(&t);
  zw_say_error(&l->c.say, "cwasm", "%s: %s", file, err);
  return 1;
}
