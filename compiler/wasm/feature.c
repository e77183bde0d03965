// Feature sets: bit per row of feature.def.
#include "compiler/wasm/module.h"
#include <string.h>

uint64_t zw_features_default(void)
{
  uint64_t set = 0;
  for (uint32_t f = 0; f < FEAT_COUNT; f++)
    set |= (uint64_t)zw_feature_info[f].on_by_default << f;
  return set;
}

static bool is_version(const char *s, size_t n)
{
  return n == 3 && (s[0] == '1' || s[0] == '2' || s[0] == '3') && s[1] == '.' && s[2] == '0';
}

// Everything that is in WebAssembly `version`.
static uint64_t version_set(const char *version)
{
  uint64_t set = 0;
  for (uint32_t f = 0; f < FEAT_COUNT; f++)
    if (zw_feature_info[f].version[0] != '-' && zw_feature_info[f].version[0] <= version[0])
      set |= (uint64_t)1 << f;
  return set;
}

bool zw_features_parse(const char *text, uint64_t *out, char *err, size_t err_bytes)
{
  uint64_t set = zw_features_default();
  for (const char *s = text; *s;) {
    size_t n = strcspn(s, ",");
    char sign = *s == '+' || *s == '-' ? *s : 0;
    const char *name = s + (sign != 0);
    size_t len = n - (sign != 0);
    uint32_t f = 0;
    while (f < FEAT_COUNT && (strlen(zw_feature_info[f].name) != len || memcmp(zw_feature_info[f].name, name, len)))
      f++;
    if (!sign && is_version(name, len)) {
      set = version_set(name);
    } else if (f == FEAT_COUNT) {
      zw_format(err, err_bytes, "unknown feature '%.*s'", (int)len, name);
      return false;
    } else if (sign == '-' && f == FEAT_CORE) {
      zw_format(err, err_bytes, "the core cannot be switched off");
      return false;
    } else if (sign == '-') {
      set &= ~((uint64_t)1 << f);
    } else {
      set |= (uint64_t)1 << f;
    }
    s += n;
    if (*s == ',')
      s++;
  }
  *out = set;
  return true;
}
