// What zwasmc and `zwasm run` share: flags about code, messages, reading an input.
#pragma once
#include "compiler/driver/options.h"
#include "tools/cli/args.h"
#include "tools/cli/file.h"
#include "tools/cli/say.h"

typedef struct Common {
  Say say;
  Settings set;
  bool verbose, time_report;
  Arena arena;           // for the whole run of the program
  int usage_exit;        // exit code of a bad command line
  bool was_closed[3];    // the standard streams that the program was started without
} Common;

void zw_common_init(Common *c, const char *prog, int usage_exit);
// Handle a flag that both tools have.  False when it is not one of them; a wrong value ends the program.
bool zw_common_flag(Common *c, unsigned tool, const Arg *f);
_Noreturn void zw_usage_error(const Common *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
// A module without a name is called after its file in backtraces.
void zw_name_module(Module *m, const char *file);
const char *zw_module_name(const char *file); // the same name; NULL for standard input
void zw_print_text(const Text *t); // to standard output
// --version.
void zw_print_version(const Common *c);
// An internal error ends the program with 70 instead of a signal, after asking for a report.
void zw_catch_bugs(int exit_code);
#define ZWASM_VERSION "0.1.0"
