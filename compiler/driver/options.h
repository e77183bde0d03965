// What the flags about code mean, for every program that compiles: target, CPU, bounds, language.
#pragma once
#include "compiler/sink/sink.h"

typedef enum BoundsMode { BOUNDS_AUTO, BOUNDS_GUARD, BOUNDS_CHECK } BoundsMode;
typedef struct Settings {
  const Target *target;
  uint64_t features;         // proposals
  uint64_t cpu_bits;         // zw_settings_cpu_bits() knows what native_cpu means; asking a CPU takes microseconds
  bool native_cpu;           // this machine's, found out when code is made
  uint8_t opt;               // 0 1 2
  BoundsMode bounds;
  bool no_signals, deterministic, verify;
  uint32_t threads;          // 0: zw_settings_threads() decides
  size_t stack_size;         // 0 = default
} Settings;

// Everything at its default: constants for zwasmc, the machine's own CPU for running here.
Settings zw_settings(bool for_this_machine);
// ZW_RANDOM_RA=seed, ZW_SMALL_FILE=registers: shake the allocator in tests.
CodeOptions zw_settings_code(const Settings *s);
uint64_t zw_settings_cpu_bits(const Settings *s);
// How many threads to compile a module of that size with: the flag's, else the CPUs, at most 8; one for a small module.
uint32_t zw_settings_threads(const Settings *s, size_t module_bytes);

// Each reads the value of one flag; false with a sentence in err.
bool zw_settings_target(Settings *s, const char *triple, char *err, size_t err_bytes);
bool zw_settings_cpu(Settings *s, const char *name, char *err, size_t err_bytes);
bool zw_settings_attr(Settings *s, const char *list, char *err, size_t err_bytes);
bool zw_settings_opt(Settings *s, const char *level, char *err, size_t err_bytes);
bool zw_settings_bounds(Settings *s, const char *mode, char *err, size_t err_bytes);
bool zw_settings_wasm(Settings *s, const char *text, char *err, size_t err_bytes);
bool zw_parse_size(const char *text, uint64_t *out, char *err, size_t err_bytes); // "64KiB", "2GiB", "4096"
bool zw_parse_number(const char *text, uint64_t max, uint64_t *out);              // decimal digits only

void zw_print_targets(Text *out);
void zw_print_cpus(Text *out);
void zw_print_cpu_attrs(Text *out);
void zw_print_proposals(Text *out);
const char *zw_default_target(void);
