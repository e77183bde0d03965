// zwasmc: compile a module to an object with its C header, to a program, or to a .cwasm file.
#include "compiler/driver/compile.h"
#include "compiler/sink/cnames.h"
#include "compiler/wasm/lines.h"
#include "linker/link.h"
#include "tools/cli/common.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EMIT_OBJ = 1, EMIT_EXE = 2, EMIT_CWASM = 4, EMIT_HEADER = 8, EMIT_META = 16 };
enum { EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_BUG = 70 };

typedef VEC(const char *) Strings;
// Written while it is made if path is a file; it becomes that when everything has been.
typedef struct Output { const char *path; bool text; FileTemp file; OutStream out; } Output;
typedef struct Zwasmc {
  Common c;
  const char *input, *output, *header, *stubs, *prefix, *depfile, *dump, *linker, *entry;
  unsigned emit;             // EMIT_*
  FlagId look;               // a --print-* that needs the input
  bool no_header, exact, strip, want_depfile, wasi, dry_run, print_link, struct_imports;
  int debug_level;
  Strings dirs, env, args, xlinker;
  VEC(ImportRename) renames;
  // while it works
  FileBytes in;
  Source source;
  Ctx ctx;
  ObjOptions obj;
  Output object, cwasm, header_file, stubs_file, meta;
  Text text; // dumps and prints
} Zwasmc;

static void drop_outputs(Zwasmc *z)
{
  zw_file_drop(&z->object.file);
  zw_file_drop(&z->cwasm.file);
  zw_file_drop(&z->header_file.file);
  zw_file_drop(&z->stubs_file.file);
  zw_file_drop(&z->meta.file);
}

static _Noreturn void refuse(Zwasmc *z, const char *code, const char *sentence)
{
  drop_outputs(z);
  zw_say_error(&z->c.say, code, "%s", sentence);
  exit(EXIT_REFUSED);
}

// ---- the command line ----

typedef struct Kind { const char *name; unsigned emit; const char *suffix; } Kind;
// The first row of a kind has its suffix.
static const Kind kinds[] = {
  { "obj", EMIT_OBJ, ".o" }, { "exe", EMIT_EXE, "" }, { "cwasm", EMIT_CWASM, ".cwasm" }, { "header", EMIT_HEADER, ".h" },
  { "meta", EMIT_META, ".json" },
  { "object", EMIT_OBJ, ".obj" }, { "executable", EMIT_EXE, ".exe" },
};
static const char *const later_kinds[] = { "lib", "shared", "asm" };
static const char *const later_suffixes[] = { ".a", ".lib", ".so", ".dylib", ".dll", ".s", ".S" };

static void add_emit(Zwasmc *z, const char *list)
{
  const char *p = list;
  do {
    size_t n = strcspn(p, ","), k = 0;
    for (; k < ARRAY_COUNT(later_kinds); k++)
      if (strlen(later_kinds[k]) == n && memcmp(p, later_kinds[k], n) == 0)
        zw_usage_error(&z->c, "--emit=%s is not supported yet", later_kinds[k]);
    for (k = 0; k < ARRAY_COUNT(kinds); k++)
      if (strlen(kinds[k].name) == n && memcmp(p, kinds[k].name, n) == 0)
        break;
    if (k == ARRAY_COUNT(kinds))
      zw_usage_error(&z->c, "unknown kind '%.*s' for --emit: there are obj, exe, cwasm, header and meta", (int)n, p);
    z->emit |= kinds[k].emit;
    p += n + (p[n] == ',');
  } while (*p);
}

// "env.log=c_name": the name is behind the last =, wasm names may have some.
static void add_rename(Zwasmc *z, const char *text)
{
  const char *eq = strrchr(text, '=');
  if (!eq || !zw_is_c_identifier(eq + 1))
    zw_usage_error(&z->c, "--rename-import=%s: write MODULE.NAME=c_name, with a C identifier behind the =", text);
  *zw_push(&z->c.arena, &z->renames) = (ImportRename){ zw_arena_str(&z->c.arena, text, (size_t)(eq - text)), eq + 1 };
}

static void take_flag(Zwasmc *z, const Arg *f)
{
  Common *c = &z->c;
  char err[300];
  switch (f->id) {
  case FLAG_output: z->output = f->value; break;
  case FLAG_compile_only: z->emit |= EMIT_OBJ; break;
  case FLAG_emit: add_emit(z, f->value); break;
  case FLAG_header: z->header = f->value; z->no_header = false; break;
  case FLAG_no_header: z->no_header = true; break;
  case FLAG_prefix: z->prefix = f->value; break;
  case FLAG_mangle:
    if (strcmp(f->value, "readable") != 0 && strcmp(f->value, "exact") != 0)
      zw_usage_error(c, "unknown value '%s' for --mangle: there are readable and exact", f->value);
    z->exact = f->value[0] == 'e';
    break;
  case FLAG_strip: z->strip = true; break;
  case FLAG_depfile: z->want_depfile = true; break;
  case FLAG_depfile_name: z->depfile = f->value; break;
  case FLAG_target:
    if (!zw_settings_target(&c->set, f->value, err, sizeof err))
      zw_usage_error(c, "%s", err);
    break;
  case FLAG_debug:
    if (strcmp(f->value, "0") != 0 && strcmp(f->value, "1") != 0)
      zw_usage_error(c, "option '-g%s' is not supported yet: there are -g0 and -g1", f->value);
    z->debug_level = f->value[0] - '0';
    break;
  case FLAG_imports:
    if (strcmp(f->value, "link") != 0 && strcmp(f->value, "struct") != 0)
      zw_usage_error(c, "unknown value '%s' for --imports: there are link and struct", f->value);
    z->struct_imports = f->value[0] == 's';
    break;
  case FLAG_rename: add_rename(z, f->value); break;
  case FLAG_stubs: z->stubs = f->value; break;
  case FLAG_wasi:
    if (strcmp(f->value, "auto") != 0 && strcmp(f->value, "none") != 0)
      zw_usage_error(c, "unknown value '%s' for --wasi: there are auto and none", f->value);
    z->wasi = f->value[0] == 'a';
    break;
  case FLAG_entry: z->entry = f->value; break;
  case FLAG_dir: *zw_push(&c->arena, &z->dirs) = f->value; break;
  case FLAG_env:
    if (f->value[0] == '=')
      zw_usage_error(c, "--env=%s: there is no name before the =", f->value);
    if (!strchr(f->value, '='))
      zw_usage_error(c, "--env=%s wants a value here: --env=%s=VALUE is baked into the program", f->value, f->value);
    *zw_push(&c->arena, &z->env) = f->value;
    break;
  case FLAG_arg: *zw_push(&c->arena, &z->args) = f->value; break;
  case FLAG_linker: z->linker = f->value; break;
  case FLAG_xlinker: *zw_push(&c->arena, &z->xlinker) = f->value; break;
  case FLAG_print_link: z->print_link = true; break;
  case FLAG_dry_run: z->dry_run = true; break;
  case FLAG_dump: z->dump = f->value; break;
  case FLAG_verify: c->set.verify = true; break;
  default: // the --print-* family
    z->look = f->id;
    break;
  }
}

static void parse(Zwasmc *z, int argc, char **argv)
{
  Common *c = &z->c;
  Args a = { .argc = argc, .argv = (const char *const *)argv, .at = 1, .tool = TOOL_ZWASMC };
  if (!zw_args_expand(&a, &c->arena))
    zw_usage_error(c, "%s", a.error);
  for (;;) {
    Arg f;
    switch (zw_args_next(&a, &f)) {
    case ARGS_BAD: zw_usage_error(c, "%s", a.error);
    case ARGS_END: return;
    case ARGS_OPERAND:
      if (z->input)
        zw_usage_error(c, "several inputs ('%s' and '%s') are not supported yet", z->input, f.value);
      z->input = f.value;
      break;
    case ARGS_FLAG:
      if (!zw_common_flag(c, TOOL_ZWASMC, &f))
        take_flag(z, &f);
      break;
    }
  }
}

static const char *suffix_of(const char *path)
{
  const char *base = strrchr(path, '/'), *dot = strrchr(base ? base : path, '.');
  return dot && dot != base + 1 && dot != path ? dot : "";
}

// What to write: --emit, else the suffix of -o, else an object.
static void choose_emit(Zwasmc *z)
{
  if (z->emit)
    return;
  if (!z->output) {
    z->emit = EMIT_OBJ;
    return;
  }
  const char *suffix = suffix_of(z->output);
  for (size_t k = 0; k < ARRAY_COUNT(later_suffixes); k++)
    if (strcmp(suffix, later_suffixes[k]) == 0)
      zw_usage_error(&z->c, "'%s': writing %s files is not supported yet", z->output, suffix);
  if (strcmp(z->output, "-") == 0)
    zw_usage_error(&z->c, "-o - needs --emit= to say what to write");
  for (size_t k = 0; k < ARRAY_COUNT(kinds); k++) {
    if (strcmp(suffix, kinds[k].suffix) == 0) {
      z->emit = kinds[k].emit;
      return;
    }
  }
  zw_usage_error(&z->c, "the suffix of '%s' names no kind of output: say --emit=obj, exe, cwasm, header or meta", z->output);
}

// The name of the file of one kind: -o when it is the only kind or has this kind's suffix, else -o's or INPUT's stem.
static const char *output_of(Zwasmc *z, unsigned kind)
{
  const char *suffix = "";
  for (size_t k = ARRAY_COUNT(kinds); k-- > 0;)
    if (kinds[k].emit == kind)
      suffix = kinds[k].suffix;
  if (z->output && (z->emit == kind || (strcmp(suffix_of(z->output), suffix) == 0 && z->emit & kind)))
    return z->output;
  Arena *a = &z->c.arena;
  const char *stem = z->output ? zw_file_stem(z->output, true, a) : zw_file_stem(z->input, false, a);
  return zw_file_join(a, stem, kind == EMIT_EXE && !z->output ? ".exe" : suffix);
}

// ---- looking ----

static bool print_constant(Zwasmc *z, Text *t)
{
  char err[512];
  const char *dir;
  Arena *a = t->a;
  switch (z->look) {
  case FLAG_version: zw_print_version(&z->c); return true;
  case FLAG_print_targets: zw_print_targets(t); return true;
  case FLAG_print_cpus: zw_print_cpus(t); return true;
  case FLAG_print_attrs: zw_print_cpu_attrs(t); return true;
  case FLAG_print_wasm: zw_print_proposals(t); return true;
  case FLAG_print_target: zw_text_printf(t, "%s\n", zw_default_target()); return true;
  case FLAG_print_libs:
  case FLAG_print_rt_dir:
    dir = zw_link_runtime_dir(zw_file_own_dir(a), a, err, sizeof err);
    if (!dir)
      refuse(z, "io", err);
    zw_text_printf(t, "%s%s\n", dir, z->look == FLAG_print_libs ? "/libzwasm-rt.a" : "");
    return true;
  default: return false;
  }
}

static void print_externs(Zwasmc *z, const Module *m)
{
  Text *t = &z->text;
  if (z->look == FLAG_print_imports) {
    for (uint32_t k = 0; k < m->nimports; k++) {
      const Import *i = &m->imports[k];
      zw_put_json_string(t, i->module.p, i->module.n);
      zw_text_put(t, " ", 1);
      zw_put_json_string(t, i->name.p, i->name.n);
      zw_text_put(t, " ", 1);
      zw_put_extern_type(t, m, i->kind, i->index);
      zw_text_put(t, "\n", 1);
    }
  } else {
    for (uint32_t k = 0; k < m->nexports; k++) {
      zw_put_json_string(t, m->exports[k].name.p, m->exports[k].name.n);
      zw_text_put(t, " ", 1);
      zw_put_extern_type(t, m, m->exports[k].kind, m->exports[k].index);
      zw_text_put(t, "\n", 1);
    }
  }
}

// "zir:12" or "zir:name": the function, or UINT32_MAX for all.
static uint32_t dump_func(Zwasmc *z, const Module *m, const char *which)
{
  uint64_t n;
  if (!which)
    return UINT32_MAX;
  if (zw_parse_number(which, UINT32_MAX - 1, &n))
    return (uint32_t)n;
  which += which[0] == '$';
  Str name = { which, strlen(which) };
  for (uint32_t k = 0; k < m->nfuncs; k++)
    if (zw_str_eq(m->funcs[k].name, name))
      return k;
  for (uint32_t k = 0; k < m->nexports; k++)
    if (m->exports[k].kind == EXT_FUNC && zw_str_eq(m->exports[k].name, name))
      return m->exports[k].index;
  zw_fail(&z->ctx, ERR_io, ZW_NO_POS, "there is no function '%s' to dump", which);
}

static void dump(Zwasmc *z, const Module *m)
{
  const char *colon = strchr(z->dump, ':');
  const char *stage = zw_arena_str(&z->c.arena, z->dump, colon ? (size_t)(colon - z->dump) : strlen(z->dump));
  CodeOptions o = zw_settings_code(&z->c.set);
  uint32_t func = dump_func(z, m, colon ? colon + 1 : NULL);
  zw_dump(&z->ctx, m, z->c.set.target, &o, stage, func, &z->text);
}

// ---- compiling ----

static void strip_names(Module *m)
{
  for (uint32_t k = 0; k < m->nfuncs; k++)
    m->funcs[k].name = (Str){ 0 };
  m->names.module = (Str){ 0 };
}

// path NULL: into memory.
static void begin_output(Zwasmc *z, Output *o, const char *path, bool text)
{
  char err[512] = "";
  o->path = path;
  o->text = text;
  if (path)
    o->file = zw_file_begin(path, &z->c.arena, err, sizeof err);
  if (err[0])
    refuse(z, "io", err);
  zw_out_init(&o->out, &z->ctx.module, o->file.fd);
}

static bool finish_output(Output *o, char *err, size_t err_bytes)
{
  bool ok = zw_out_end(&o->out);
  if (o->file.fd < 0)
    return zw_file_write(o->path, o->out.p, o->out.n, o->text, err, err_bytes);
  return zw_file_end(&o->file, ok ? 0 : o->out.bad, err, err_bytes);
}

static void end_output(Zwasmc *z, Output *o)
{
  char err[512];
  if (!finish_output(o, err, sizeof err))
    refuse(z, "io", err);
  if (z->c.verbose)
    fprintf(stderr, "%s: %llu bytes\n", o->path, (unsigned long long)zw_out_at(&o->out));
}

// The object's own file, or that of a program that is to be linked.
static const char *object_path(Zwasmc *z)
{
  if (z->emit & EMIT_OBJ)
    return output_of(z, EMIT_OBJ);
  Arena *a = &z->c.arena;
  return z->print_link || z->dry_run ? NULL : zw_file_join(a, zw_file_temp(output_of(z, EMIT_EXE), a), ".o");
}

static void write_code(Zwasmc *z, Ctx *ctx, Module *m, Blob *blob)
{
  blob->last = !(z->emit & (EMIT_OBJ | EMIT_EXE));
  if (z->emit & EMIT_CWASM) {
    begin_output(z, &z->cwasm, output_of(z, EMIT_CWASM), false);
    zw_sink_cwasm_to(m, blob, &ctx->module, &z->cwasm.out);
  }
  blob->last = true;
  if (z->emit & (EMIT_OBJ | EMIT_EXE)) {
    begin_output(z, &z->object, object_path(z), false);
    zw_sink_elf_to(m, blob, z->c.set.target, &z->obj, &ctx->module, &z->object.out);
  }
}

static void write_texts(Zwasmc *z, const Module *m)
{
  if (z->header) {
    begin_output(z, &z->header_file, z->header, true);
    zw_header_write(m, &z->obj, z->input, &z->header_file.out);
  }
  if (z->stubs) {
    begin_output(z, &z->stubs_file, z->stubs, true);
    zw_stubs_write(m, &z->obj, z->header ? z->header : zw_file_join(&z->c.arena, z->obj.prefix, ".h"), &z->stubs_file.out);
  }
  if (z->emit & EMIT_META) {
    begin_output(z, &z->meta, output_of(z, EMIT_META), true);
    zw_bindings_write(m, &z->obj, z->input, &z->meta.out);
  }
}

// Everything that can fail through ctx: from the input's bytes to the bytes of the outputs.
static void compile(Ctx *ctx, void *arg)
{
  Zwasmc *z = arg;
  const Settings *s = &z->c.set;
  Compilation out = { .timed = z->c.time_report, .no_object = !(z->emit & (EMIT_OBJ | EMIT_EXE)) };
  Module *m = zw_read_module(ctx, &z->source, s->features, &out.times);
  if (z->dump) {
    dump(z, m);
    return;
  }
  if (z->look) {
    print_externs(z, m);
    return;
  }
  if (z->stubs || z->emit & ~(unsigned)EMIT_CWASM)
    z->obj.names = zw_cnames(m, &z->obj, &ctx->module); // a name that cannot be is said before minutes of compiling
  zw_name_module(m, z->input);
  if (z->strip || z->debug_level == 0)
    strip_names(m);
  else
    zw_keep_lines(m);
  if (z->emit & ~(unsigned)(EMIT_HEADER | EMIT_META)) {
    CodeOptions o = zw_settings_code(s);
    zw_compile_checked(ctx, m, s->target, &o, s->threads, &out);
    uint64_t t0 = zw_now();
    write_code(z, ctx, m, out.blob);
    out.times.sink = zw_now() - t0;
  }
  write_texts(z, m);
  if (z->c.verbose)
    fprintf(stderr, "%s: %u functions, %llu bytes of code, %llu bytes of text\n", z->input, m->nfuncs - m->nimported_funcs,
            (unsigned long long)m->code_len, (unsigned long long)out.times.text_bytes);
  if (z->c.time_report) {
    Text t;
    zw_text_init(&t, &ctx->module);
    zw_print_times(&out.times, &t);
    fwrite(t.p, 1, t.n, stderr);
  }
}

static void write_file(Zwasmc *z, const char *path, const void *p, size_t n, bool text)
{
  char err[512];
  if (!zw_file_write(path, p, n, text, err, sizeof err))
    refuse(z, "io", err);
  if (z->c.verbose)
    fprintf(stderr, "%s: %zu bytes\n", path, n);
}

static void link_program(Zwasmc *z, const char *output)
{
  char err[512];
  Arena *a = &z->c.arena;
  LinkJob job = { .linker = z->linker, .own_dir = zw_file_own_dir(a), .strip = z->strip, .extra = z->xlinker.p, .nextra = z->xlinker.n,
                  .version = IMAGE_RUNTIME_SYMBOL_TEXT };
  job.runtime_dir = zw_link_runtime_dir(job.own_dir, a, err, sizeof err);
  bool same = job.runtime_dir && zw_link_same_version(&job, a, err, sizeof err);
  const char *linker = same ? zw_link_find(&job, a, err, sizeof err) : NULL;
  if (!linker)
    refuse(z, "link", err);
  job.object = z->object.path ? z->object.path : zw_file_join(a, zw_file_temp(output, a), ".o");
  job.output = zw_file_temp(output, a);
  const char *const *args = zw_link_args(&job, linker, a);
  if (z->print_link || z->dry_run) {
    for (size_t k = z->print_link; args[k]; k++)
      printf(z->print_link ? "%s\n" : k ? " \"%s\"" : "\"%s\"", args[k]);
    printf(z->print_link ? "" : "\n");
    return;
  }
  end_output(z, &z->object);
  bool linked = zw_link_run(args, err, sizeof err);
  unlink(job.object);
  if (!linked) {
    unlink(job.output);
    refuse(z, "link", err);
  }
  if (!zw_file_take(job.output, output, a, err, sizeof err))
    refuse(z, "io", err);
}

// make wants spaces, #, and $ marked.
static void put_make_name(Text *t, const char *name)
{
  for (; *name; name++) {
    if (*name == ' ' || *name == '#')
      zw_text_put(t, "\\", 1);
    if (*name == '$')
      zw_text_put(t, "$", 1);
    zw_text_put(t, name, 1);
  }
}

static const char *depfile_name(Zwasmc *z, const char *first)
{
  Arena *a = &z->c.arena;
  return z->depfile ? z->depfile : z->want_depfile ? zw_file_join(a, zw_file_stem(first, true, a), ".d") : NULL;
}

static void write_depfile(Zwasmc *z, const char *first)
{
  Arena *a = &z->c.arena;
  Text t;
  zw_text_init(&t, a);
  put_make_name(&t, first);
  zw_text_printf(&t, ": ");
  put_make_name(&t, z->input);
  zw_text_printf(&t, "\n");
  write_file(z, depfile_name(z, first), t.p, t.n, true);
}

// Never over something that somebody has filled in: an empty file of ours stands there first.
static void write_stubs(Zwasmc *z)
{
  int fd = open(z->stubs, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0 && errno == EEXIST)
    refuse(z, "io", zw_file_join(&z->c.arena, z->stubs, " exists, and --stubs never overwrites"));
  if (fd >= 0)
    close(fd);
  char err[512];
  bool ok = finish_output(&z->stubs_file, err, sizeof err);
  if (!ok && fd >= 0)
    unlink(z->stubs);
  if (!ok)
    refuse(z, "io", err);
}

// Two outputs under one name, or one under the input's: refused before anything is read or written.
static void check_outputs(Zwasmc *z)
{
  static const char *const what[] = { "the object", "the program", "the .cwasm file", NULL, "the bindings" }; // as kinds[]
  NamedFile f[8] = { { "the input", z->input }, { "the stubs", z->stubs }, { "the header", z->header } };
  const char *first = NULL;
  char err[512];
  size_t n = 3;
  for (size_t k = 0; k < ARRAY_COUNT(what); k++) {
    if (!what[k] || !(z->emit & kinds[k].emit))
      continue;
    f[n++] = (NamedFile){ what[k], output_of(z, kinds[k].emit) };
    first = first ? first : f[n - 1].path;
  }
  f[n++] = (NamedFile){ "the dependency file", depfile_name(z, first ? first : z->header) };
  if (z->output && strcmp(z->output, "-") == 0 && z->emit & (z->emit - 1))
    zw_usage_error(&z->c, "-o - takes one kind of output");
  if (!zw_files_differ(f, n, err, sizeof err))
    zw_usage_error(&z->c, "%s", err);
}

static void write_outputs(Zwasmc *z)
{
  const char *first = NULL;
  if (z->stubs) // first: it refuses to overwrite
    write_stubs(z);
  for (size_t k = 0; k < 5; k++) {
    unsigned kind = kinds[k].emit;
    if (!(z->emit & kind))
      continue;
    const char *path = output_of(z, kind);
    first = first ? first : path;
    if (kind == EMIT_OBJ)
      end_output(z, &z->object);
    else if (kind == EMIT_CWASM)
      end_output(z, &z->cwasm);
    else if (kind == EMIT_META)
      end_output(z, &z->meta);
    else if (kind == EMIT_EXE)
      link_program(z, path);
  }
  if (z->header)
    end_output(z, &z->header_file);
  if ((z->want_depfile || z->depfile) && !z->dry_run && !z->print_link)
    write_depfile(z, first ? first : z->header);
}

// Options of the outputs that hang together: C names, the header's place.
// Options that are written into a program mean nothing for other outputs: say so rather than drop them.
static void check_baked_in(Zwasmc *z)
{
  const char *option = z->dirs.n ? "--dir" : z->env.n ? "--env" : z->args.n ? "--arg" : NULL;
  if (option && !(z->emit & EMIT_EXE) && !z->dump && !z->look)
    zw_usage_error(&z->c, "%s is baked into a program: it needs --emit=exe or a name without a suffix behind -o", option);
}

static void settle(Zwasmc *z)
{
  Arena *a = &z->c.arena;
  choose_emit(z);
  check_baked_in(z);
  if (z->debug_level < 0)
    z->debug_level = 1;
  const char *object = output_of(z, z->emit & EMIT_OBJ ? EMIT_OBJ : z->emit & EMIT_HEADER ? EMIT_HEADER : z->emit & EMIT_META ? EMIT_META
                                    : z->emit & EMIT_EXE ? EMIT_EXE : EMIT_CWASM);
  if (z->header && !z->no_header && !(z->emit & (EMIT_OBJ | EMIT_HEADER)) && !z->dump && !z->look)
    zw_usage_error(&z->c, "--header belongs to an object: there is none to write");
  bool wants_header = z->emit & EMIT_HEADER || (z->emit & EMIT_OBJ && !z->no_header && (z->header || strcmp(object, "-") != 0));
  if (!wants_header)
    z->header = NULL;
  else if (!z->header)
    z->header = z->emit & EMIT_HEADER ? output_of(z, EMIT_HEADER) : zw_file_join(a, zw_file_stem(object, true, a), ".h");
  z->obj = (ObjOptions){
    .prefix = z->prefix ? z->prefix : zw_file_stem(strcmp(object, "-") == 0 ? z->input : object, false, a),
    .exact = z->exact, .struct_imports = z->struct_imports, .renames = z->renames.p, .nrenames = z->renames.n, .strip = z->strip, .debug_level = z->debug_level, .wasi = z->wasi, .for_exe = z->emit & EMIT_EXE,
    .entry = z->entry, .args = z->args.p, .nargs = z->args.n, .env = z->env.p, .nenv = z->env.n, .dirs = z->dirs.p, .ndirs = z->dirs.n,
    .stack_size = z->c.set.stack_size,
  };
  if (z->emit & EMIT_EXE && z->emit & EMIT_OBJ)
    zw_usage_error(&z->c, "--emit=obj,exe: the object of a program is not one for linking; make them one by one");
}

int main(int argc, char **argv)
{
  static Zwasmc z; // zeroed; lives as long as the program
  zw_common_init(&z.c, "zwasmc", EXIT_USAGE);
  zw_catch_bugs(EXIT_BUG);
  z.wasi = true;
  z.debug_level = -1;
  parse(&z, argc, argv);
  zw_text_init(&z.text, &z.c.arena);
  z.object.file.fd = z.cwasm.file.fd = z.header_file.file.fd = z.stubs_file.file.fd = z.meta.file.fd = -1;
  if (z.look && print_constant(&z, &z.text)) {
    zw_print_text(&z.text);
    return 0;
  }
  if (!z.input)
    zw_usage_error(&z.c, "no input; see zwasmc --help");
  settle(&z);
  if (!z.dump && !z.look)
    check_outputs(&z);
  char err[512];
  z.in = zw_file_read(z.input, &z.c.arena, err, sizeof err);
  if (!z.in.p)
    refuse(&z, "io", err);
  zw_ctx_init(&z.ctx);
  z.source = (Source){ .bytes = z.in.p, .len = z.in.n, .threads = z.c.set.threads, .to_compile = !z.dump };
  if (!zw_guard(&z.ctx, compile, &z)) {
    drop_outputs(&z);
    zw_source_place(&z.source, &z.ctx.diag);
    zw_say_diag(&z.c.say, &z.ctx.diag, strcmp(z.input, "-") == 0 ? "<stdin>" : z.input, z.in.p, z.in.n);
    return EXIT_REFUSED;
  }
  if (z.dump || z.look)
    zw_print_text(&z.text);
  else
    write_outputs(&z);
  return 0;
}
