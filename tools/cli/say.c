#include "tools/cli/say.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool zw_say_color(const char *when)
{
  if (strcmp(when, "auto") != 0)
    return strcmp(when, "always") == 0;
  const char *off = getenv("NO_COLOR"), *term = getenv("TERM");
  return isatty(2) && !(off && off[0]) && !(term && strcmp(term, "dumb") == 0);
}

static void put_field(Text *out, const char *name, const char *value)
{
  zw_text_printf(out, ",\"%s\":", name);
  zw_put_json_string(out, value, strlen(value));
}

// {"level":"error","file":"a.wasm","offset":499,"function":12,"message":"...","code":"type-mismatch"}
static void put_json(Text *out, const char *code, const char *file, const Diag *d, const char *message)
{
  zw_text_printf(out, "{\"level\":\"error\"");
  if (file)
    put_field(out, "file", file);
  if (d && d->line)
    zw_text_printf(out, ",\"line\":%u,\"column\":%u", d->line, d->column);
  else if (d && d->at != ZW_NO_POS)
    zw_text_printf(out, ",\"offset\":%llu", (unsigned long long)d->at);
  if (d && d->func != UINT32_MAX)
    zw_text_printf(out, ",\"function\":%u", d->func);
  if (d && d->func_name[0])
    put_field(out, "function_name", d->func_name);
  put_field(out, "message", message);
  put_field(out, "code", code);
  zw_text_printf(out, "}\n");
}

// Print, with the word "error:" in red when colours are on.
static void print(const Say *s, const Text *t)
{
  const char *word = s->color ? strstr(t->p, "error:") : NULL;
  if (!word) {
    fwrite(t->p, 1, t->n, stderr);
    return;
  }
  fwrite(t->p, 1, (size_t)(word - t->p), stderr);
  fputs("\033[1;31merror:\033[0m", stderr);
  fputs(word + 6, stderr);
}

void zw_say_error(const Say *s, const char *code, const char *fmt, ...)
{
  char text[1024];
  va_list ap;
  va_start(ap, fmt);
  zw_vformat(text, sizeof text, fmt, ap);
  va_end(ap);
  Arena a;
  zw_arena_init(&a, NULL, NULL);
  Text out;
  zw_text_init(&out, &a);
  if (s->json)
    put_json(&out, code, NULL, NULL, text);
  else
    zw_text_printf(&out, "%s: error: %s\n", s->prog, text);
  print(s, &out);
  zw_arena_free(&a);
}

// The line of a text that the message is about, and a caret.  Tabs stay tabs, so the caret stands below its character.
static void put_source_line(Text *out, const Diag *d, const uint8_t *input, size_t len)
{
  size_t at = 0;
  for (uint32_t line = 1; line < d->line && at < len; at++)
    line += input[at] == '\n';
  size_t end = at;
  while (end < len && input[end] != '\n')
    end++;
  if (end - at > 400)
    return; // generated text: a screen full of it helps nobody
  zw_text_put(out, (const char *)input + at, end - at);
  zw_text_put(out, "\n", 1);
  for (uint32_t k = 1; k < d->column && at + k - 1 < end; k++)
    zw_text_put(out, input[at + k - 1] == '\t' ? "\t" : " ", 1);
  zw_text_put(out, "^\n", 2);
}

void zw_say_diag(const Say *s, const Diag *d, const char *file, const uint8_t *input, size_t len)
{
  Arena a;
  zw_arena_init(&a, NULL, NULL);
  Text out;
  zw_text_init(&out, &a);
  if (s->json) {
    put_json(&out, d->code, file, d, d->text);
  } else {
    zw_diag_print(d, file, &out);
    zw_text_put(&out, "\n", 1);
    if (d->line && input)
      put_source_line(&out, d, input, len);
  }
  print(s, &out);
  zw_arena_free(&a);
}
