#include "tools/cli/common.h"
#include "runtime/base/alloc.h"
#include "runtime/os/os.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Noreturn void out_of_memory(void *arg)
{
  const Common *c = arg;
  zw_say_error(&c->say, "out-of-memory", "out of memory");
  exit(c->usage_exit == 2 ? 1 : c->usage_exit);
}
static void nomem(void *arg) { out_of_memory(arg); }

// What holds for the program as a whole; a command within it begins with a Common of its own.
static struct { Say say; int exit_code; bool begun, was_closed[3]; } program;

// Whoever starts a program may have closed its standard streams.  What it opens itself would get their numbers, and its
// messages would be written there: into the object, say.  What is put in their place can be neither read nor written.
static void fill_closed_streams(void)
{
  for (int fd = 0; fd < 3; fd++)
    if (fcntl(fd, F_GETFD) < 0)
      program.was_closed[fd] = open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) == fd;
}

// What was printed and did not reach standard output, for a full disk for instance, is an error as with any other file.
static void flush_output(void)
{
  if (fflush(stdout) == 0 && !ferror(stdout))
    return;
  zw_say_error(&program.say, "io", "cannot write 'standard output': %s", strerror(errno));
  _exit(program.exit_code);
}

static void begin_program(void)
{
  fill_closed_streams();
  signal(SIGXFSZ, SIG_IGN); // a file that gets too large is an error of the write, and what there is of it is removed
  atexit(flush_output);
  program.begun = true;
}

void zw_common_init(Common *c, const char *prog, int usage_exit)
{
  *c = (Common){ .say = { .prog = prog, .color = zw_say_color("auto") }, .usage_exit = usage_exit };
  if (!program.begun)
    begin_program();
  program.say = c->say, program.exit_code = usage_exit == 2 ? 1 : usage_exit;
  memcpy(c->was_closed, program.was_closed, sizeof c->was_closed);
  zw_arena_init(&c->arena, nomem, c);
  c->set = zw_settings(usage_exit != 2);
  const char *nth = getenv("ZW_FAIL_ALLOC");
  uint64_t n = 0;
  if (nth && zw_parse_number(nth, UINT64_MAX, &n))
    zw_alloc_fail_at(n);
}

void zw_usage_error(const Common *c, const char *fmt, ...)
{
  char text[600];
  va_list ap;
  va_start(ap, fmt);
  zw_vformat(text, sizeof text, fmt, ap);
  va_end(ap);
  zw_say_error(&c->say, "usage", "%s", text);
  exit(c->usage_exit);
}

void zw_name_module(Module *m, const char *file)
{
  const char *name = zw_module_name(file);
  if (m->names.module.n == 0 && name)
    m->names.module = (Str){ name, strlen(name) };
}

const char *zw_module_name(const char *file)
{
  const char *slash = strrchr(file, '/');
  return strcmp(file, "-") == 0 ? NULL : slash ? slash + 1 : file;
}

void zw_print_text(const Text *t)
{
  if (t->n)
    fwrite(t->p, 1, t->n, stdout);
}

void zw_print_version(const Common *c)
{
  printf("%s %s\n", c->say.prog, ZWASM_VERSION);
  if (!c->verbose)
    return;
  Text t;
  zw_text_init(&t, (Arena *)&c->arena);
  zw_print_targets(&t);
  zw_print_proposals(&t);
  zw_print_text(&t);
}

static bool help(Common *c, unsigned tool, const char *topic)
{
  Text t;
  zw_text_init(&t, &c->arena);
  if (!zw_args_help(tool, topic, &t))
    zw_usage_error(c, "no help on '%s'; see --help", topic);
  zw_print_text(&t);
  exit(0);
}

bool zw_common_flag(Common *c, unsigned tool, const Arg *f)
{
  char err[300] = "";
  uint64_t n = 0;
  bool ok = true;
  Settings *s = &c->set;
  switch (f->id) {
  case FLAG_cpu: ok = zw_settings_cpu(s, f->value, err, sizeof err); break;
  case FLAG_attr: ok = zw_settings_attr(s, f->value, err, sizeof err); break;
  case FLAG_opt: ok = zw_settings_opt(s, f->value, err, sizeof err); break;
  case FLAG_bounds: ok = zw_settings_bounds(s, f->value, err, sizeof err); break;
  case FLAG_wasm: ok = zw_settings_wasm(s, f->value, err, sizeof err); break;
  case FLAG_no_signals: s->no_signals = true; break;
  case FLAG_stack_size:
    ok = zw_parse_size(f->value, &n, err, sizeof err);
    s->stack_size = n;
    break;
  case FLAG_jobs:
    if (!zw_parse_number(f->value, 256, &n) || n == 0)
      zw_usage_error(c, "option '-j' wants a number from 1 to 256, not '%s'", f->value);
    s->threads = (uint32_t)n;
    break;
  case FLAG_color:
    if (strcmp(f->value, "auto") != 0 && strcmp(f->value, "always") != 0 && strcmp(f->value, "never") != 0)
      zw_usage_error(c, "unknown value '%s' for --color: there are auto, always and never", f->value);
    c->say.color = zw_say_color(f->value);
    break;
  case FLAG_message:
    if (strcmp(f->value, "text") != 0 && strcmp(f->value, "json") != 0)
      zw_usage_error(c, "unknown value '%s' for --message-format: there are text and json", f->value);
    c->say.json = f->value[0] == 'j';
    break;
  case FLAG_verbose: c->verbose = true; break;
  case FLAG_time_report: c->time_report = true; break;
  case FLAG_help: return help(c, tool, f->value);
  default: return false;
  }
  if (!ok)
    zw_usage_error(c, "%s", err);
  return true;
}

// ---- our own bugs ----

static int bug_exit;
static void on_abort(int sig)
{
  (void)sig;
  static const char text[] = "zwasm: please report this with the input and the command line\n";
  zw_os_write_err(text, sizeof text - 1);
  _exit(bug_exit);
}

void zw_catch_bugs(int exit_code)
{
  bug_exit = exit_code;
  signal(SIGABRT, on_abort);
}
