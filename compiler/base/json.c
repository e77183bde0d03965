#include "compiler/base/json.h"

void zw_put_json_string(Text *out, const char *s, size_t n)
{
  zw_text_put(out, "\"", 1);
  for (size_t k = 0; k < n; k++) {
    unsigned char c = (unsigned char)s[k];
    if (c == '"' || c == '\\')
      zw_text_printf(out, "\\%c", c);
    else if (c < 0x20 || c == 0x7f)
      zw_text_printf(out, "\\u%04x", c);
    else
      zw_text_put(out, (const char *)&c, 1);
  }
  zw_text_put(out, "\"", 1);
}
