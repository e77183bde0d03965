// What the looking sub-commands share: a short command line, an input read and checked, messages.
#pragma once
#include "compiler/wasm/check.h"
#include "compiler/wasm/wat.h"
#include "tools/cli/common.h"

typedef struct Look {
  Common c;
  const char *usage;         // for --help and wrong flags
  const char *files[64]; int nfiles; // operands
  const char *output;        // -o
  bool json, folded, no_names, hex_floats, no_check, quiet;
} Look;
// Which of the switches above a command has, as letters: j f n h k q o.
void zw_look_args(Look *l, int argc, char **argv, const char *usage, const char *flags);

typedef struct Loaded { Ctx ctx; const char *file; const uint8_t *bytes; size_t len; bool is_text; WatModule wat; Module *m; } Loaded;
// Read a file (text or binary), decode and check it (with !check only decode).  False: a message has been given.
// own: zw_look_free in both cases
bool zw_look_load(Look *l, const char *file, bool check, Loaded *out);
bool zw_look_bytes(Look *l, const char *file, FileBytes bytes, bool check, Loaded *out); // the same, the file has been read
bool zw_look_read(Look *l, const char *file, FileBytes *out); // only that; false after a message
// Run fn(ctx, arg) behind the module's door; false after a message.
bool zw_look_guard(Look *l, Loaded *m, void (*fn)(Ctx *ctx, void *arg), void *arg);
void zw_look_free(Loaded *m);
// Write to -o FILE or standard output.  Returns the exit code.
int zw_look_write(Look *l, const void *p, size_t n, bool text);
// inspect of compiled code.  Returns the exit code.
int zw_inspect_cwasm(Look *l, const char *file, const uint8_t *bytes, size_t n);
