// The one door out of the compiler: bad input, too large, out of memory.
// Between the door (a setjmp in zw_guard) and zw_fail only arenas are owned, and what is on the Ctx's
// clean-up list.  One Ctx and one door per thread; never across wasm frames, host callbacks or C++.
#pragma once
#include "runtime/base/arena.h"
#include "runtime/base/str.h"
#include <setjmp.h>

typedef enum DiagKind {
  DIAG_NONE, DIAG_MALFORMED, DIAG_INVALID, DIAG_UNLINKABLE, DIAG_UNSUPPORTED, DIAG_LIMIT, DIAG_IO, DIAG_NOMEM
} DiagKind;
#define ZW_NO_POS ((uint64_t)-1)
typedef struct Diag {
  DiagKind kind;
  const char *code;   // stable word for --message-format=json, "type-mismatch"; from errors.def
  uint64_t at;        // byte offset in a binary, or ZW_NO_POS
  uint32_t line, column; // of a text, from 1; 0 = binary
  uint32_t func;      // function index or UINT32_MAX
  uint32_t instr;     // ordinal of the instruction in that body or UINT32_MAX
  char op[32];        // its mnemonic, "" = none
  char func_name[64]; // "" = none
  char text[512];     // the sentence, without location
} Diag;

typedef struct Ctx Ctx;
typedef struct CleanUp { void (*fn)(void *arg); void *arg; struct CleanUp *next; } CleanUp;
struct Ctx {
  jmp_buf door;
  bool door_open;
  Diag diag;          // the first error wins
  Arena module;       // until the output is written
  Arena func;         // reset after each function
  Arena scratch;      // mark/release around a pass
  void *of_target;    // what select keeps from function to function of one module, in `module`; or NULL
  CleanUp *clean_up;  // run by zw_guard when the door was taken, newest first
  // where we are, filled by check and build for messages
  uint32_t at_func, at_instr; const char *at_op;
};

void zw_ctx_init(Ctx *c);
void zw_ctx_free(Ctx *c);
// Run body(c, arg) behind the door.  True when it returned; false after zw_fail, c->diag filled.
bool zw_guard(Ctx *c, void (*body)(Ctx *c, void *arg), void *arg) MUST_CHECK;
void zw_on_fail(Ctx *c, CleanUp *node, void (*fn)(void *), void *arg);
void zw_off_fail(Ctx *c, CleanUp *node);

// `err` is a row of runtime/abi/errors.def; it gives kind, code word and, with fmt NULL, the text.
typedef enum ErrorId {
#define ERR(id, kind, code, text) ERR_##id,
#include "runtime/abi/errors.def"
  ERROR_COUNT
} ErrorId;
// With a fmt, the text is "<errors.def text>: <formatted>" when the row has a text, else just the formatted part.
_Noreturn void zw_fail(Ctx *c, ErrorId err, uint64_t at, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
_Noreturn void zw_fail_at_line(Ctx *c, ErrorId err, uint32_t line, uint32_t column, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
_Noreturn void zw_fail_nomem(Ctx *c);
_Noreturn void zw_fail_again(Ctx *c, const Diag *d); // with what another Ctx (a worker's) found
// "FILE:0x1f3: error: text [function 12 'fac', instruction 3 i32.add]" (objects-and-hosting 2, Diagnostics).
void zw_diag_print(const Diag *d, const char *file, Text *out);
const char *zw_diag_kind_name(DiagKind k); // "malformed" ...
