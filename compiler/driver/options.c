#define _GNU_SOURCE // sched_getaffinity
#include "compiler/driver/options.h"
#include "runtime/os/os.h"
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct CpuAttr { const char *name; uint64_t bit; } CpuAttr;
static const CpuAttr attrs[] = {
#define CPU(bit, name) { name, bit },
#include "runtime/abi/cpu.def"
};

typedef struct Cpu { const char *name; uint64_t bits; const char *what; } Cpu;
static const Cpu cpus[] = {
  { "baseline", CPU_X86_64_V2, "the same as x86-64-v2" },
  { "x86-64-v2", CPU_X86_64_V2, "2009 and later: SSE4.2, POPCNT" },
  { "x86-64-v3", CPU_X86_64_V3, "2013 and later: AVX2, BMI2, FMA" },
  { "x86-64-v4", CPU_X86_64_V3 | CPU_AVX512, "AVX-512 F BW CD DQ VL" },
};

typedef struct TargetName { const char *name; const Target *target; } TargetName;
// The first spelling is ours, the others are those of LLVM, Debian and Rust.
static const TargetName targets[] = {
  { "x86_64-linux", &zw_x64_target }, { "x86_64-linux-gnu", &zw_x64_target }, { "x86_64-linux-musl", &zw_x64_target },
  { "x86_64-unknown-linux-gnu", &zw_x64_target }, { "x86_64-unknown-linux-musl", &zw_x64_target },
  { "x86_64-pc-linux-gnu", &zw_x64_target }, { "amd64-linux", &zw_x64_target }, { "linux-x86_64", &zw_x64_target },
  { "x86_64-unknown-linux", &zw_x64_target }, { "x86_64", &zw_x64_target },
};

const char *zw_default_target(void) { return targets[0].name; }

// Somebody waits for a run to begin; a build runs many compilers at once.
uint32_t zw_settings_threads(const Settings *s, size_t module_bytes)
{
  enum { MOST = 8, SMALL = 24 << 10, FOR_TWO = 128 << 10 }; // a small module is compiled before a second thread has begun
  if (s->threads || module_bytes < SMALL)
    return s->threads ? s->threads : 1;
  cpu_set_t ours; // those that this process may use
  int n = sched_getaffinity(0, sizeof ours, &ours) == 0 ? CPU_COUNT(&ours) : 1, most = module_bytes < FOR_TWO ? 2 : MOST;
  return n < 1 ? 1 : n > most ? (uint32_t)most : (uint32_t)n;
}

Settings zw_settings(bool for_this_machine)
{
  return (Settings){
    .target = targets[0].target, .features = zw_features_default(), .opt = 2, .threads = for_this_machine ? 0 : 1,
    .native_cpu = for_this_machine, .cpu_bits = CPU_X86_64_V2,
  };
}

static uint64_t seed_from(const char *variable)
{
  const char *text = getenv(variable);
  uint64_t v = 0;
  return text && zw_parse_number(text, UINT64_MAX, &v) ? v : 0;
}

// What P2 leaves out when ZW_NO names it; -O0 leaves out everything.
static const struct { const char *name; size_t at; } parts[] = {
  { "inline", offsetof(CodeOptions, no_inline) }, { "fold", offsetof(CodeOptions, no_fold) },
  { "number", offsetof(CodeOptions, no_number) }, { "memory", offsetof(CodeOptions, no_memory) },
  { "hoist", offsetof(CodeOptions, no_hoist) },   { "closed", offsetof(CodeOptions, no_closed) },
  { "pack", offsetof(CodeOptions, no_pack) },
};
static bool lists(const char *list, const char *name)
{
  for (size_t n; list && *list; list += n + (list[n] == ',')) {
    n = strcspn(list, ",");
    if ((n == strlen(name) && memcmp(list, name, n) == 0) || (n == 3 && memcmp(list, "all", 3) == 0))
      return true;
  }
  return false;
}

uint64_t zw_settings_cpu_bits(const Settings *s) { return s->native_cpu ? zw_os_cpu_bits() : s->cpu_bits; }

CodeOptions zw_settings_code(const Settings *s)
{
  bool guard = s->bounds != BOUNDS_CHECK && !s->no_signals;
  CodeOptions o = {
    .opt = s->opt, .cpu_bits = zw_settings_cpu_bits(s) | s->target->baseline_cpu, .deterministic = s->deterministic, .verify = s->verify,
    .image_flags = guard ? IMAGE_GUARD : IMAGE_CHECKED, .guard_bytes = guard ? 64 << 10 : 0,
    .random_ra = seed_from("ZW_RANDOM_RA"), .small_file = (uint32_t)seed_from("ZW_SMALL_FILE"),
  };
  if (s->no_signals)
    o.image_flags |= IMAGE_NO_SIGNALS;
  if (s->deterministic)
    o.image_flags |= IMAGE_DETERMINISTIC;
  const char *without = getenv("ZW_NO");
  for (size_t k = 0; k < ARRAY_COUNT(parts); k++)
    *((bool *)&o + parts[k].at) = s->opt == 0 || lists(without, parts[k].name);
  o.no_exact_maps = lists(without, "maps");
  return o;
}

bool zw_settings_target(Settings *s, const char *triple, char *err, size_t err_bytes)
{
  for (size_t k = 0; k < ARRAY_COUNT(targets); k++) {
    if (strcmp(triple, targets[k].name) == 0) {
      s->target = targets[k].target;
      return true;
    }
  }
  zw_format(err, err_bytes, "no code can be made for target '%s' yet; there is: %s", triple, targets[0].name);
  return false;
}

bool zw_settings_cpu(Settings *s, const char *name, char *err, size_t err_bytes)
{
  s->native_cpu = strcmp(name, "native") == 0;
  if (s->native_cpu)
    return true;
  for (size_t k = 0; k < ARRAY_COUNT(cpus); k++) {
    if (strcmp(name, cpus[k].name) == 0) {
      s->cpu_bits = cpus[k].bits;
      return true;
    }
  }
  zw_format(err, err_bytes, "unknown CPU '%s'; see zwasmc --print-cpus", name);
  return false;
}

bool zw_settings_attr(Settings *s, const char *list, char *err, size_t err_bytes)
{
  for (const char *p = list; *p;) {
    size_t n = strcspn(p, ",");
    const CpuAttr *found = NULL;
    for (size_t k = 0; k < ARRAY_COUNT(attrs); k++)
      if (n == strlen(attrs[k].name) + 1 && memcmp(p + 1, attrs[k].name, n - 1) == 0)
        found = &attrs[k];
    if (!found || (*p != '+' && *p != '-')) {
      zw_format(err, err_bytes, "unknown CPU feature '%.*s': write +NAME or -NAME; see zwasmc --print-features", (int)n, p);
      return false;
    }
    if (*p == '-' && (s->target->baseline_cpu & found->bit)) {
      zw_format(err, err_bytes, "every %s has %s: it cannot be left out", s->target->name, found->name);
      return false;
    }
    s->cpu_bits = zw_settings_cpu_bits(s), s->native_cpu = false;
    s->cpu_bits = *p == '+' ? s->cpu_bits | found->bit : s->cpu_bits & ~found->bit;
    p += n + (p[n] == ',');
  }
  return true;
}

bool zw_settings_opt(Settings *s, const char *level, char *err, size_t err_bytes)
{
  static const char *const names[] = { "0", "1", "2", "3", "4", "s", "z", "fast", "" };
  static const uint8_t means[] = { 0, 1, 2, 2, 2, 2, 2, 2, 1 };
  for (size_t k = 0; k < ARRAY_COUNT(names); k++) {
    if (strcmp(level, names[k]) == 0) {
      s->opt = means[k];
      return true;
    }
  }
  zw_format(err, err_bytes, "unknown level '-O%s': there are -O0, -O1 and -O2", level);
  return false;
}

bool zw_settings_bounds(Settings *s, const char *mode, char *err, size_t err_bytes)
{
  static const char *const names[] = { [BOUNDS_AUTO] = "auto", [BOUNDS_GUARD] = "guard", [BOUNDS_CHECK] = "check" };
  for (size_t k = 0; k < ARRAY_COUNT(names); k++) {
    if (strcmp(mode, names[k]) == 0) {
      s->bounds = (BoundsMode)k;
      return true;
    }
  }
  zw_format(err, err_bytes, "unknown value '%s' for --bounds: there are guard, check and auto", mode);
  return false;
}

bool zw_settings_wasm(Settings *s, const char *text, char *err, size_t err_bytes)
{
  return zw_features_parse(text, &s->features, err, err_bytes);
}

bool zw_parse_number(const char *text, uint64_t max, uint64_t *out)
{
  uint64_t v = 0;
  const char *p = text;
  for (; *p >= '0' && *p <= '9'; p++)
    if (__builtin_mul_overflow(v, 10u, &v) || __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
      return false;
  *out = v;
  return p > text && *p == 0 && v <= max;
}

bool zw_parse_size(const char *text, uint64_t *out, char *err, size_t err_bytes)
{
  static const struct { const char *name; unsigned shift; } units[] = {
    { "", 0 }, { "B", 0 }, { "K", 10 }, { "KB", 10 }, { "KiB", 10 }, { "M", 20 }, { "MB", 20 }, { "MiB", 20 },
    { "G", 30 }, { "GB", 30 }, { "GiB", 30 }, { "TiB", 40 },
  };
  size_t digits = strspn(text, "0123456789");
  char number[24];
  uint64_t v = 0;
  if (digits && digits < sizeof number) {
    memcpy(number, text, digits);
    number[digits] = 0;
    for (size_t k = 0; k < ARRAY_COUNT(units); k++) {
      if (strcmp(text + digits, units[k].name) == 0 && zw_parse_number(number, UINT64_MAX >> units[k].shift, &v)) {
        *out = v << units[k].shift;
        return true;
      }
    }
  }
  zw_format(err, err_bytes, "'%s' is not a size: write bytes, or a number with KiB, MiB or GiB", text);
  return false;
}

void zw_print_targets(Text *out)
{
  zw_text_printf(out, "%-16s machine code for Linux; objects, programs and .cwasm\n", targets[0].name);
}

void zw_print_cpus(Text *out)
{
  for (size_t k = 0; k < ARRAY_COUNT(cpus); k++)
    zw_text_printf(out, "%-12s %s\n", cpus[k].name, cpus[k].what);
  zw_text_printf(out, "%-12s what this machine has\n", "native");
}

void zw_print_cpu_attrs(Text *out)
{
  for (size_t k = 0; k < ARRAY_COUNT(attrs); k++)
    zw_text_printf(out, CPU_X86_64_V2 & attrs[k].bit ? "%-10s always on\n" : "%s\n", attrs[k].name);
}

void zw_print_proposals(Text *out)
{
  for (unsigned k = 0; k < FEAT_COUNT; k++)
    if (k != FEAT_CORE)
      zw_text_printf(out, "%-24s %-4s %s\n", zw_feature_info[k].name,
                     zw_feature_info[k].version[0] == '-' ? "new" : zw_feature_info[k].version,
                     zw_feature_info[k].on_by_default ? "on" : "off");
}
