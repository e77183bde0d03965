#include "tools/zwasm/module.h"
#include "compiler/driver/compile.h"
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

static bool has(const char *flags, char c) { return strchr(flags, c) != NULL; }

static bool read_switch(Look *l, const char *a, const char *flags)
{
  const struct { const char *text; char flag; bool *to; } switches[] = {
    { "--json", 'j', &l->json }, { "--folded", 'f', &l->folded }, { "--no-names", 'n', &l->no_names },
    { "--hex-floats", 'h', &l->hex_floats }, { "--no-check", 'k', &l->no_check }, { "-q", 'q', &l->quiet },
  };
  for (size_t i = 0; i < ARRAY_COUNT(switches); i++)
    if (has(flags, switches[i].flag) && strcmp(a, switches[i].text) == 0)
      return *switches[i].to = true;
  return false;
}

void zw_look_args(Look *l, int argc, char **argv, const char *usage, const char *flags)
{
  char err[300];
  zw_common_init(&l->c, argv[0], 2);
  l->usage = usage;
  bool operands = false;
  for (int i = 1; i < argc; i++) {
    const char *a = argv[i];
    if (operands || a[0] != '-' || a[1] == 0) {
      if (l->nfiles == (int)ARRAY_COUNT(l->files))
        zw_usage_error(&l->c, "more than %d files", l->nfiles);
      l->files[l->nfiles++] = a;
    } else if (strcmp(a, "--") == 0) {
      operands = true;
    } else if (strcmp(a, "--help") == 0 || strcmp(a, "-h") == 0) {
      printf("usage: %s %s\n", argv[0], usage);
      exit(0);
    } else if (strncmp(a, "--wasm=", 7) == 0) {
      if (!zw_settings_wasm(&l->c.set, a + 7, err, sizeof err))
        zw_usage_error(&l->c, "%s", err);
    } else if (has(flags, 'o') && strncmp(a, "-o", 2) == 0) {
      l->output = a[2] ? a + 2 : i + 1 < argc ? argv[++i] : NULL;
      if (!l->output)
        zw_usage_error(&l->c, "-o needs a file");
    } else if (strncmp(a, "--message-format=", 17) == 0) {
      l->c.say.json = strcmp(a + 17, "json") == 0;
    } else if (!read_switch(l, a, flags)) {
      zw_usage_error(&l->c, "unknown option '%s'; usage: %s %s", a, argv[0], usage);
    }
  }
}

typedef struct ReadJob { Look *l; Loaded *m; bool check; } ReadJob;

static void read_module(Ctx *ctx, void *arg)
{
  ReadJob *j = arg;
  Loaded *l = j->m;
  const uint8_t *bytes = l->bytes;
  uint64_t len = l->len;
  l->is_text = zw_looks_like_text(bytes, len);
  if (l->is_text) {
    zw_wat_assemble(ctx, (Str){ (const char *)bytes, len }, &l->wat);
    bytes = l->wat.bytes, len = l->wat.len;
  }
  l->m = zw_decode_module(ctx, bytes, len, j->l->c.set.features);
  if (j->check)
    zw_check_module(l->m);
  else
    zw_complete_module(l->m);
}

bool zw_look_guard(Look *l, Loaded *m, void (*fn)(Ctx *ctx, void *arg), void *arg)
{
  if (zw_guard(&m->ctx, fn, arg))
    return true;
  Diag *d = &m->ctx.diag;
  if (m->m && d->func < m->m->nfuncs && !d->func_name[0]) {
    Str name = m->m->funcs[d->func].name;
    zw_format(d->func_name, sizeof d->func_name, "%.*s", (int)name.n, name.p ? name.p : "");
  }
  if (m->is_text)
    zw_wat_place(&m->wat, (Str){ (const char *)m->bytes, m->len }, &m->ctx.diag);
  zw_say_diag(&l->c.say, &m->ctx.diag, m->file, m->is_text ? m->bytes : NULL, m->len);
  return false;
}

bool zw_look_read(Look *l, const char *file, FileBytes *out)
{
  char err[400];
  *out = zw_file_read(file, &l->c.arena, err, sizeof err);
  if (!out->p)
    zw_say_error(&l->c.say, "io", "%s", err);
  return out->p;
}

bool zw_look_bytes(Look *l, const char *file, FileBytes bytes, bool check, Loaded *out)
{
  *out = (Loaded){ .file = strcmp(file, "-") == 0 ? "<stdin>" : file, .bytes = bytes.p, .len = bytes.n };
  zw_ctx_init(&out->ctx);
  ReadJob j = { l, out, check };
  return bytes.p && zw_look_guard(l, out, read_module, &j);
}

bool zw_look_load(Look *l, const char *file, bool check, Loaded *out)
{
  FileBytes f;
  zw_look_read(l, file, &f);
  return zw_look_bytes(l, file, f, check, out);
}

void zw_look_free(Loaded *m) { zw_ctx_free(&m->ctx); }

int zw_look_write(Look *l, const void *p, size_t n, bool text)
{
  char err[400];
  if (zw_file_write(l->output ? l->output : "-", p, n, text, err, sizeof err))
    return 0;
  zw_say_error(&l->c.say, "io", "%s", err);
  return 1;
}
