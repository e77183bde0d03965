// The runner for .wast scripts, inside.  wast.c: command line, files, totals; wast_script.c: directives from tokens;
// wast_run.c: what each directive means; wast_values.c: arguments and expected results; wast_lane.c: the engines.
#pragma once
#include "compiler/wasm/check.h"
#include "compiler/wasm/wat.h"
#include "tools/zwasm/wast_engine.h"

// ---- a directive, read ----
typedef enum DirectiveKind {
  DIR_MODULE, DIR_DEFINITION, DIR_INSTANCE, DIR_REGISTER, DIR_ACTION, DIR_ASSERT_RETURN, DIR_ASSERT_TRAP,
  DIR_ASSERT_TRAP_MODULE, DIR_ASSERT_EXCEPTION, DIR_ASSERT_EXHAUSTION, DIR_ASSERT_INVALID, DIR_ASSERT_MALFORMED,
  DIR_ASSERT_UNLINKABLE, DIR_ASSERT_INVALID_CUSTOM, DIR_ASSERT_MALFORMED_CUSTOM, DIR_THREAD, DIR_WAIT, DIR_KIND_COUNT
} DirectiveKind;
extern const char *const zw_wast_directive_names[DIR_KIND_COUNT];

typedef enum ModuleForm { FORM_TEXT, FORM_BINARY, FORM_QUOTE } ModuleForm;
typedef struct ModuleSpec {
  ModuleForm form;
  Str id;                    // or empty
  uint32_t first, end;       // tokens: fields, or strings
} ModuleSpec;

typedef struct Directive {
  DirectiveKind kind;
  uint32_t pos;              // in the text, of its "("
  ModuleSpec module;
  Str id, name;              // REGISTER: name; INSTANCE: id of the new instance, name = id of its definition; THREAD, WAIT: id
  Action action;
  uint32_t nresults; const WastValue *results; // top-level results only are counted; alternatives follow their EITHER
  Str message;               // expected
  uint32_t first, end;       // THREAD: tokens of its commands
  Str shared;                // THREAD: id of the shared module
} Directive;

// ---- a file being run ----
typedef struct WastTotals { uint64_t files, directives, pass, fail, skip, assertions; } WastTotals;

typedef struct WastFile {
  const char *path, *shown;  // shown: relative to the suite
  Ctx ctx;                   // the script's own; modules have theirs
  WatSource src;
  uint32_t at;               // current token
  const Lane *lane;
  uint64_t features;
  const char *save;          // folder that every module is written to, or NULL
  uint32_t saved;            // modules written so far
  WastTotals totals;
  Arena values;              // of the directive being run
  WastEngine *engine;           // NULL in lanes that only validate
  struct WastThread *threads; // started, not yet waited for
  bool quiet;
} WastFile;

// Read the directive at f->at and step over it.  Fails through f->ctx on a script that makes no sense.
void zw_wast_read(WastFile *f, Directive *d);
// How many directives the tokens first..end hold, by looking at their first words only; those of threads are included.
uint32_t zw_wast_count(const WastFile *f, uint32_t first, uint32_t end, bool validation_only, uint64_t *assertions);
bool zw_wast_is_validation(DirectiveKind k); // decided by decoding and checking alone
bool zw_wast_is_bare_module(const WastFile *f); // the whole file is the fields of one module

// ---- running ----
typedef enum Outcome { OUT_PASS, OUT_FAIL, OUT_SKIP } Outcome;
void zw_wast_run_file(WastFile *f);
void zw_wast_save(WastFile *f, bool text, const void *p, size_t n); // wast.c: into f->save
// Assemble or take a module's bytes, decode and check them.  False: ctx->diag says why.  own: ctx, in both cases.
bool zw_wast_load(WastFile *f, const ModuleSpec *spec, Ctx *ctx, Module **m);
bool zw_wast_obj_begin(WastFile *f);      // wast_obj.c: compile, link, open
void zw_wast_obj_end(WastFile *f);
Image *zw_wast_obj_load(const uint8_t *bytes, size_t len, uint64_t features, char *err, size_t err_bytes);
void zw_wast_obj_unload(Image *im);
void zw_wast_run_tokens(WastFile *f, uint32_t end); // directives from f->at up to that token, under f->ctx's door
// `thread` starts one, `wait` waits for its end and takes over its counts (wast_thread.c).
Outcome zw_wast_run_thread(WastFile *f, const Directive *d);
Outcome zw_wast_wait_thread(WastFile *f, const Directive *d);
void zw_wast_join_threads(WastFile *f);   // those nobody waited for
// Say why a directive failed: "FILE:line: DIRECTIVE: text".
void zw_wast_report(WastFile *f, uint32_t pos, const char *what, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

// Does the message we give mean what the suite expects?  See wast_messages.c.
bool zw_wast_message_ok(Str expected, const char *ours);
bool zw_wast_is_message_exception(const char *file, Str expected, const char *ours); // a listed place, whatever the kind of error
