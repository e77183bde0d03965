// Runs scripts on QuickJS: quickjs FILE...; print() writes a line, scriptArgs is not there.  An uncaught exception is
// written to standard output and ends the program with 1.
#include "quickjs.h"
#include <stdio.h>
#include <stdlib.h>

static void write_value(JSContext *js, JSValueConst v)
{
  size_t length;
  const char *text = JS_ToCStringLen(js, &length, v);
  if (!text)
    return;
  fwrite(text, 1, length, stdout);
  JS_FreeCString(js, text);
}

static JSValue print(JSContext *js, JSValueConst self, int n, JSValueConst *args)
{
  for (int i = 0; i < n; i++) {
    if (i > 0)
      putchar(' ');
    write_value(js, args[i]);
  }
  putchar('\n');
  return JS_UNDEFINED;
}

static char *whole_file(const char *name, size_t *length)
{
  FILE *f = fopen(name, "rb");
  if (!f || fseek(f, 0, SEEK_END)) {
    fprintf(stderr, "cannot read %s\n", name);
    exit(2);
  }
  *length = ftell(f);
  rewind(f);
  char *text = malloc(*length + 1);
  *length = fread(text, 1, *length, f);
  text[*length] = 0;
  fclose(f);
  return text;
}

static int failed(JSContext *js)
{
  JSValue e = JS_GetException(js);
  write_value(js, e);
  putchar('\n');
  JS_FreeValue(js, e);
  return 1;
}

static int run_file(JSContext *js, const char *name)
{
  size_t length;
  char *text = whole_file(name, &length);
  JSValue v = JS_Eval(js, text, length, name, JS_EVAL_TYPE_GLOBAL);
  free(text);
  if (JS_IsException(v))
    return failed(js);
  JS_FreeValue(js, v);
  return 0;
}

int main(int argc, char **argv)
{
  JSRuntime *rt = JS_NewRuntime();
  JSContext *js = JS_NewContext(rt);
  JSValue global = JS_GetGlobalObject(js);
  JS_SetPropertyStr(js, global, "print", JS_NewCFunction(js, print, "print", 1));
  JS_FreeValue(js, global);
  int code = 0;
  for (int i = 1; i < argc && code == 0; i++)
    code = run_file(js, argv[i]);
  JSContext *of;
  int more;
  while (code == 0 && (more = JS_ExecutePendingJob(rt, &of)) != 0)
    if (more < 0)
      code = failed(of);
  JS_FreeContext(js);
  JS_FreeRuntime(rt);
  return code;
}
