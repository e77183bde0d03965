// zwasm run: a module or a .cwasm file in this process.
//
// Exit codes: below 126 the guest spoke (proc_exit, or 0 when it returned); 126 we could not run it; 127 no such file;
// 134 a trap.  The text on standard error says which.
//
// A .cwasm file is machine code and is run as such.  Naming it on the command line is the user's word for it as long as
// nobody else could have changed it: the file must belong to the user or to root and must not be writable by
// others.  --allow-precompiled lifts that, and is needed for standard input.
#include "compiler/driver/compile.h"
#include "compiler/interp/interp.h"
#include "runtime/abi/compile.h"
#include "runtime/abi/cwasm.h"
#include "runtime/base/alloc.h"
#include "runtime/vm/vm.h"
#include "runtime/wasi/wasi.h"
#include "tools/zwasm/lines.h"
#include "tools/cli/common.h"
#include "tools/zwasm/commands.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zwasm_rt.h>

enum { EXIT_CANNOT = 126, EXIT_NO_FILE = 127, EXIT_TRAP = 134 };

typedef struct Run {
  Common c;
  const char *file, *invoke, *argv0;
  const char *stdio[3];      // files in place of the standard streams
  Engine engine;
  bool lazy_set, eager_set, allow_precompiled, raw_tty;
  StoreOptions store_options;
  VEC(const char *) dirs, env, listen;
  const char *const *args;   // the guest's, argv[1] on
  int nargs;
  // while it runs
  Source source;
  Image *image, *lazy;       // lazy: the same, and has the compiler's ctx
  zwasm_wasi_t *wasi;
  Store *store;
  char err[600];
} Run;

static _Noreturn void cannot(const Run *r, const char *code, const char *sentence)
{
  zw_say_error(&r->c.say, code, "%s", sentence);
  exit(EXIT_CANNOT);
}

// ---- the command line ----

static void take_flag(Run *r, const Arg *f)
{
  Common *c = &r->c;
  uint64_t n = 0;
  switch (f->id) {
  case FLAG_dir: *zw_push(&c->arena, &r->dirs) = f->value; break;
  case FLAG_env: *zw_push(&c->arena, &r->env) = f->value; break;
  case FLAG_listen: *zw_push(&c->arena, &r->listen) = f->value; break;
  case FLAG_stdin_file: r->stdio[0] = f->value; break;
  case FLAG_stdout_file: r->stdio[1] = f->value; break;
  case FLAG_stderr_file: r->stdio[2] = f->value; break;
  case FLAG_tty:
    if (strcmp(f->value, "safe") != 0 && strcmp(f->value, "raw") != 0)
      zw_usage_error(c, "unknown value '%s' for --tty: there are safe and raw", f->value);
    r->raw_tty = f->value[0] == 'r';
    break;
  case FLAG_invoke: r->invoke = f->value; break;
  case FLAG_argv0: r->argv0 = f->value; break;
  case FLAG_allow_cwasm: r->allow_precompiled = true; break;
  case FLAG_engine:
    if (strcmp(f->value, "auto") != 0 && strcmp(f->value, "jit") != 0 && strcmp(f->value, "interp") != 0)
      zw_usage_error(c, "unknown value '%s' for --engine: there are auto, jit and interp", f->value);
    r->engine = f->value[0] == 'i' ? ENGINE_INTERP : f->value[0] == 'j' ? ENGINE_JIT : ENGINE_AUTO;
    break;
  case FLAG_compile:
    if (strcmp(f->value, "auto") != 0 && strcmp(f->value, "lazy") != 0 && strcmp(f->value, "eager") != 0)
      zw_usage_error(c, "unknown value '%s' for --compile: there are auto, lazy and eager", f->value);
    r->lazy_set = f->value[0] == 'l', r->eager_set = f->value[0] == 'e';
    break;
  case FLAG_max_memory:
    if (!zw_parse_size(f->value, &n, r->err, sizeof r->err))
      zw_usage_error(c, "%s", r->err);
    r->store_options.max_memory = n;
    break;
  case FLAG_max_table:
    if (!zw_parse_number(f->value, UINT32_MAX, &n))
      zw_usage_error(c, "option '--max-table-elements' wants a number, not '%s'", f->value);
    r->store_options.max_table_elements = n;
    break;
  case FLAG_version:
    zw_print_version(c);
    exit(0);
  default: break;
  }
}

static void parse(Run *r, int argc, char **argv)
{
  Args a = { .argc = argc, .argv = (const char *const *)argv, .at = 1, .tool = TOOL_RUN };
  for (;;) {
    Arg f;
    switch (zw_args_next(&a, &f)) {
    case ARGS_BAD: zw_usage_error(&r->c, "%s", a.error);
    case ARGS_END: zw_usage_error(&r->c, "no file to run; see zwasm run --help");
    case ARGS_FLAG:
      if (!zw_common_flag(&r->c, TOOL_RUN, &f))
        take_flag(r, &f);
      break;
    case ARGS_OPERAND:
      r->file = f.value;
      r->args = a.argv + a.at;
      r->nargs = a.argc - a.at;
      if (r->nargs && strcmp(r->args[0], "--") == 0 && !a.operands) // `run FILE -- ARGS` as well
        r->args++, r->nargs--;
      return;
    }
  }
}

// ---- from the file to an image ----

static FileBytes read_input(Run *r)
{
  if (strcmp(r->file, "-") != 0 && access(r->file, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR)) {
    zw_say_error(&r->c.say, "io", "no such file: '%s'", r->file);
    exit(EXIT_NO_FILE);
  }
  FileBytes b = zw_file_read(r->file, &r->c.arena, r->err, sizeof r->err);
  if (!b.p)
    cannot(r, "io", r->err);
  return b;
}

static void report(const Run *r, Ctx *ctx, const PassTimes *times)
{
  Text t;
  if (!r->c.time_report)
    return;
  zw_text_init(&t, &ctx->module);
  zw_print_times(times, &t);
  fwrite(t.p, 1, t.n, stderr);
}

// A program calls few of its functions: of large ones one in thirty, of small ones nearly all that have much code.
static bool is_lazy(const Run *r, const Module *m)
{
  enum { LARGE = 16 << 10 }; // bytes of code
  return r->lazy_set || (!r->eager_set && m->code_len >= LARGE);
}

static void compile(Ctx *ctx, void *arg)
{
  Run *r = arg;
  Compilation out = { .timed = r->c.time_report, .no_object = true };
  CodeOptions o = zw_settings_code(&r->c.set);
  r->source.to_compile = true;
  Module *m = zw_read_module(ctx, &r->source, r->c.set.features, &out.times);
  zw_name_module(m, r->file);
  if (is_lazy(r, m) && (r->image = r->lazy = zw_compile_lazily(ctx, m, r->c.set.target, &o, r->err, sizeof r->err))) {
    report(r, ctx, &out.times);
    return;
  }
  zw_compile_checked(ctx, m, r->c.set.target, &o, r->source.threads, &out);
  uint64_t t0 = zw_now();
  out.blob->last = true;
  r->image = zw_sink_jit(m, out.blob, r->err, sizeof r->err);
  out.times.sink = zw_now() - t0;
  if (!r->image)
    zw_fail(ctx, ERR_limit, ZW_NO_POS, "%s", r->err);
  report(r, ctx, &out.times);
}

static void check(Ctx *ctx, void *arg)
{
  Run *r = arg;
  PassTimes times = { 0 };
  zw_read_module(ctx, &r->source, r->c.set.features, &times);
}

static void compile_image(Run *r)
{
  Ctx *ctx = zw_alloc(sizeof *ctx);
  if (!ctx)
    cannot(r, "out-of-memory", "out of memory");
  zw_ctx_init(ctx);
  bool interp = r->engine == ENGINE_INTERP;
  if (!zw_guard(ctx, interp ? check : compile, r)) {
    zw_source_place(&r->source, &ctx->diag);
    zw_say_diag(&r->c.say, &ctx->diag, strcmp(r->file, "-") == 0 ? "<stdin>" : r->file, r->source.bytes, r->source.len);
    exit(EXIT_CANNOT);
  }
  if (interp) { // it reads the bytes itself; a text is assembled by now
    const uint8_t *bytes = r->source.is_text ? r->source.wat.bytes : r->source.bytes;
    size_t len = r->source.is_text ? r->source.wat.len : r->source.len;
    CompileOptions o = { .engine = ENGINE_INTERP, .features = r->c.set.features, .name = zw_module_name(r->file) };
    r->image = zw_compile(bytes, len, &o, r->err, sizeof r->err);
    if (!r->image)
      cannot(r, "invalid", r->err);
  }
  if (r->lazy)
    return;
  zw_ctx_free(ctx);
  zw_free(ctx);
}

// Options that machine code was compiled with or without: what cannot be had any more is said rather than dropped.
static void check_flags_of_code(const Run *r)
{
  const Settings *s = &r->c.set;
  const char *option = s->no_signals ? "--no-signals" : "--bounds=check";
  char text[600];
  if (r->engine == ENGINE_INTERP)
    zw_format(text, sizeof text, "'%s' is machine code: --engine=interp runs modules", r->file);
  else if (r->image->h->flags & IMAGE_GUARD && (s->no_signals || s->bounds == BOUNDS_CHECK))
    zw_format(text, sizeof text, "'%s' relies on guard pages and a fault handler: for %s compile it with %s", r->file, option, option);
  else
    return;
  cannot(r, "usage", text);
}

static void load_precompiled(Run *r, FileBytes in)
{
  struct stat st;
  bool standard = strcmp(r->file, "-") == 0;
  bool safe = !standard && stat(r->file, &st) == 0 && (st.st_uid == geteuid() || st.st_uid == 0) && !(st.st_mode & (S_IWGRP | S_IWOTH));
  if (!safe && !r->allow_precompiled) {
    zw_say_error(&r->c.say, "untrusted", "'%s' is machine code%s; --allow-precompiled runs it all the same", r->file,
                 standard ? " from standard input" : " that others may have written (its owner or its mode)");
    exit(EXIT_CANNOT);
  }
  r->image = zw_cwasm_load(in.p, in.n, r->err, sizeof r->err);
  if (!r->image) {
    zw_say_error(&r->c.say, "bad-cwasm", "cannot run '%s': %s", r->file, r->err);
    exit(EXIT_CANNOT);
  }
  check_flags_of_code(r);
}

// ---- imports: WASI, nothing else yet ----

static _Noreturn void no_grant(Run *r, const char *what, const char *value, const char *flag, int why)
{
  zw_say_error(&r->c.say, "io", "cannot %s '%s'%s: %s", what, value, flag, strerror(-why));
  exit(EXIT_CANNOT);
}

static void give_streams(Run *r)
{
  static const char *const what[] = { "read standard input from", "write standard output to", "write standard error to" };
  for (uint32_t fd = 0; fd < 3; fd++) {
    if (!r->c.was_closed[fd]) // else it stays closed for the guest
      (void)zwasm_wasi_stdio_fd(r->wasi, (int)fd, (int)fd);
    int why = r->stdio[fd] ? zw_wasi_stdio_file(r->wasi, fd, r->stdio[fd]) : 0;
    if (why < 0)
      no_grant(r, what[fd], r->stdio[fd], "", why);
  }
  for (int fd = 1; fd < 3 && !r->raw_tty; fd++)
    (void)zwasm_wasi_tty_safe(r->wasi, fd); // fails for one that is closed
}

// Directories first: guests look for them from descriptor 3 on, up to the first that is none.
static void give_directories(Run *r)
{
  enum { ROOM = 4096 };
  char *host = zw_arena_alloc(&r->c.arena, ROOM, 1), *guest = zw_arena_alloc(&r->c.arena, ROOM, 1);
  for (uint32_t k = 0; k < r->dirs.n; k++) {
    bool writable;
    if (!zw_wasi_parse_dir(r->dirs.p[k], host, guest, ROOM, &writable))
      zw_usage_error(&r->c, "--dir wants HOST, HOST::GUEST or either with :ro, not '%s'", r->dirs.p[k]);
    int why = zw_wasi_preopen(r->wasi, host, guest, writable);
    if (why < 0)
      no_grant(r, "open the directory", host, " for --dir", why);
  }
}

static void give_sockets(Run *r)
{
  for (uint32_t k = 0; k < r->listen.n; k++) {
    int fd = zw_wasi_listen(r->wasi, r->listen.p[k]);
    if (fd == -EINVAL)
      zw_usage_error(&r->c, "--listen wants a numeric address and a port, as 127.0.0.1:80, [::1]:80 or localhost:0, not '%s'", r->listen.p[k]);
    if (fd < 0)
      no_grant(r, "listen on", r->listen.p[k], "", fd);
    if (r->c.verbose)
      fprintf(stderr, "%s: descriptor %d listens on port %d\n", r->file, fd, zw_wasi_port(r->wasi, (uint32_t)fd));
  }
}

static void make_wasi(Run *r)
{
  r->wasi = zwasm_wasi_new();
  bool ok = r->wasi && zwasm_wasi_arg(r->wasi, r->argv0 ? r->argv0 : r->file);
  for (int k = 0; ok && k < r->nargs; k++)
    ok = zwasm_wasi_arg(r->wasi, r->args[k]);
  for (uint32_t k = 0; ok && k < r->env.n; k++) {
    const char *v = r->env.p[k], *equals = strchr(v, '=');
    const char *name = equals ? zw_arena_str(&r->c.arena, v, (size_t)(equals - v)) : v;
    const char *value = equals ? equals + 1 : getenv(v);
    if (value) // a bare N that is not set here is not set there
      ok = zwasm_wasi_env(r->wasi, name, value);
  }
  if (!ok)
    cannot(r, "out-of-memory", "out of memory");
  give_streams(r);
  give_directories(r);
  give_sockets(r);
}

static void nothing(void *arg) { (void)arg; }
// Clocks find the kernel's code through this function where a program has it, which a static one has when it says so.
static unsigned long (*const keep_getauxval)(unsigned long type) __attribute__((used)) = getauxval;

extern void __gcov_init(void *) __attribute__((weak)); // in builds that count what is covered, into files when we end

// From here on the kernel as well keeps the guest, and us, to what was granted.
static void fence(Run *r, Instance *in)
{
  if (__gcov_init)
    return;
  (void)zw_try(in, nothing, NULL); // finds the stack's bounds, which takes a file
  int version = zw_wasi_fence(r->wasi);
  if (r->c.verbose && version < 0)
    fprintf(stderr, "%s: no second fence: the kernel has no Landlock (%s)\n", r->file, strerror(-version));
  else if (r->c.verbose)
    fprintf(stderr, "%s: fenced in by Landlock %d\n", r->file, version);
}

static Extern *find_imports(Run *r)
{
  const Image *im = r->image;
  uint32_t n = IMAGE_COUNT(im, IMG_IMPORTS);
  const ImageImport *imports = IMAGE_ARRAY(im, ImageImport, IMG_IMPORTS);
  Extern *out = zw_new_array(&r->c.arena, Extern, n);
  for (uint32_t k = 0; k < n; k++) {
    Str module = zw_image_name(im, imports[k].module), name = zw_image_name(im, imports[k].name);
    if (imports[k].kind != EXT_FUNC || !zw_wasi_import(r->store, r->wasi, module, name, &out[k])) {
      zw_say_error(&r->c.say, "unlinkable", "%s: unknown import \"%.*s\" \"%.*s\": only WASI preview 1 can be imported here", r->file,
                   (int)module.n, module.p, (int)name.n, name.p);
      exit(EXIT_CANNOT);
    }
  }
  return out;
}

// ---- running ----

// What a call ended with, as our exit code.
static int ended(Run *r, TrapKind kind)
{
  if (kind == TRAP_none)
    return 0;
  const TrapInfo *t = zw_store_trap(r->store);
  if (kind == TRAP_exit)
    return t->exit_code; // below 126: proc_exit traps on others
  static TrapInfo told;
  told = *t;
  if (r->source.bytes && !r->source.is_text)
    zw_fill_lines(&told, r->image, r->source.bytes, r->source.len, r->c.set.features, &r->c.arena);
  static char text[16384];
  zw_trap_format(&told, text, sizeof text);
  fflush(stdout);
  fputs(text, stderr);
  return EXIT_TRAP;
}

static bool parse_value(ValType type, const char *s, Value *v)
{
  char *end;
  errno = 0;
  *v = (Value){ .u64x2 = { 0, 0 } };
  if (type == VT_I32 || type == VT_I64) {
    bool minus = s[0] == '-';
    uint64_t n = strtoull(minus ? s + 1 : s, &end, 0);
    uint64_t most = type == VT_I32 ? (minus ? 1ull << 31 : UINT32_MAX) : (minus ? 1ull << 63 : UINT64_MAX);
    if (errno || end == s || n > most)
      return false;
    v->u64 = minus ? 0 - n : n;
    if (type == VT_I32)
      v->u64 = v->u32;
  } else if (type == VT_F32) {
    v->f32 = strtof(s, &end);
  } else if (type == VT_F64) {
    v->f64 = strtod(s, &end);
  } else {
    return false;
  }
  return *s && *end == 0;
}

static void print_value(ValType type, const Value *v)
{
  if (type == VT_I32)
    printf("%d\n", v->i32);
  else if (type == VT_I64)
    printf("%lld\n", (long long)v->i64);
  else if (type == VT_F32)
    printf("%.9g\n", (double)v->f32);
  else if (type == VT_F64)
    printf("%.17g\n", v->f64);
  else if (type == VT_V128)
    printf("0x%016llx%016llx\n", (unsigned long long)v->u64x2[1], (unsigned long long)v->u64x2[0]);
  else
    printf("%s\n", v->u64 ? "ref" : "null");
}

static const char *type_name(ValType t)
{
  static const char *const names[] = { [VT_I32] = "i32", [VT_I64] = "i64", [VT_F32] = "f32", [VT_F64] = "f64", [VT_V128] = "v128" };
  return t < ARRAY_COUNT(names) && names[t] ? names[t] : "reference";
}

// The words of a function's type in the image: n parameters, m results (runtime/type/README.md).
static const uint32_t *func_type(const Image *im, uint32_t func, uint32_t *n, uint32_t *m)
{
  uint32_t type = IMAGE_ARRAY(im, uint32_t, IMG_FUNC_TYPES)[func];
  const uint32_t *head = IMAGE_ARRAY(im, uint32_t, IMG_TYPES) + IMAGE_ARRAY(im, uint32_t, IMG_TYPE_INDEX)[type];
  *n = head[2], *m = head[3];
  return head + 4;
}

static int invoke(Run *r, FuncRef *f)
{
  uint32_t n, m;
  const uint32_t *types = func_type(r->image, f->func, &n, &m);
  if ((uint32_t)r->nargs != n)
    zw_usage_error(&r->c, "'%s' takes %u arguments, not %d", r->invoke, n, r->nargs);
  Value *v = zw_arena_array(&r->c.arena, (n > m ? n : m) + 1, sizeof *v, 16);
  for (uint32_t k = 0; k < n; k++)
    if (!parse_value(types[k], r->args[k], &v[k]))
      zw_usage_error(&r->c, "argument %u of '%s', '%s', is no %s", k + 1, r->invoke, r->args[k], type_name(types[k]));
  TrapKind kind = zw_call(f, v);
  if (kind != TRAP_none)
    return ended(r, kind);
  for (uint32_t k = 0; k < m; k++)
    print_value(types[n + k], &v[k]);
  return 0;
}

// CPU time of this process in nanoseconds: what a bench on a shared machine can compare.
static uint64_t cpu_now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int start(Run *r)
{
  TrapKind trap = TRAP_none;
  Extern *imports = find_imports(r);
  Instance *in = zw_instance_make(r->store, r->image, imports, IMAGE_COUNT(r->image, IMG_IMPORTS), r->err, sizeof r->err);
  if (in)
    fence(r, in);
  if (in && !zw_instance_start(in, &trap, r->err, sizeof r->err))
    in = NULL;
  if (!in && trap != TRAP_none)
    return ended(r, trap);
  if (!in) {
    zw_say_error(&r->c.say, "unlinkable", "%s: %s", r->file, r->err);
    return EXIT_CANNOT;
  }
  in->host_data = r->wasi;
  Extern e = { 0 };
  bool reactor = zw_instance_export(in, "_initialize", 11, &e) && e.kind == EXT_FUNC;
  if (reactor) {
    if (!e.u.func)
      cannot(r, "out-of-memory", "out of memory");
    TrapKind kind = zw_call(e.u.func, (Value[1]){ 0 });
    if (kind != TRAP_none)
      return ended(r, kind);
  }
  const char *name = r->invoke ? r->invoke : "_start";
  if (!zw_instance_export(in, name, strlen(name), &e) || e.kind != EXT_FUNC) {
    if (reactor && !r->invoke)
      return 0;
    zw_say_error(&r->c.say, "no-entry", r->invoke ? "%s exports no function '%s'" : "%s exports no function '%s'; --invoke names another", r->file, name);
    return EXIT_CANNOT;
  }
  if (!e.u.func)
    cannot(r, "out-of-memory", "out of memory");
  uint64_t t0 = zw_now(), cpu = cpu_now();
  int code = r->invoke ? invoke(r, e.u.func) : ended(r, zw_call(e.u.func, (Value[1]){ 0 }));
  if (r->c.time_report && r->lazy)
    fprintf(stderr, "%-12s %10u of %u functions, when they were called\n", "compiled", zw_lazy_compiled(r->lazy),
            IMAGE_COUNT(r->lazy, IMG_FUNC_TYPES) - r->lazy->h->nimported_funcs);
  if (r->c.time_report)
    fprintf(stderr, "%-12s %10.3f\n%-12s %10.3f\n", "run", (double)(zw_now() - t0) / 1e6, "run-cpu", (double)(cpu_now() - cpu) / 1e6);
  return code;
}

int zw_cmd_run(int argc, char **argv)
{
  static Run r;
  zw_common_init(&r.c, "zwasm", EXIT_CANNOT);
  zw_catch_bugs(EXIT_CANNOT);
  parse(&r, argc, argv);
  signal(SIGPIPE, SIG_IGN); // writing to a closed pipe is the guest's EPIPE
  FileBytes in = read_input(&r);
  if (zw_cwasm_looks(in.p, in.n)) {
    load_precompiled(&r, in);
  } else {
    r.source = (Source){ .bytes = in.p, .len = in.n, .threads = zw_settings_threads(&r.c.set, in.n) };
    compile_image(&r);
  }
  r.store_options.max_stack = r.c.set.stack_size;
  r.store_options.no_signals = r.c.set.no_signals;
  r.store = zw_store_new(&r.store_options);
  if (!r.store)
    cannot(&r, "out-of-memory", "out of memory");
  make_wasi(&r);
  int code = start(&r);
  fflush(stdout);
  zw_store_delete(r.store);
  zwasm_wasi_delete(r.wasi);
  zw_image_free(r.image);
  return code;
}
