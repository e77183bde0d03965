// The text format: assemble a module to bytes, print a module as text.
// Text goes the way of bytes: what the parser builds is encoded and then decoded and checked like any binary, so there
// is one path behind it.  Messages of those later stages find their place in the text through WatModule.
#pragma once
#include "compiler/wasm/encode.h"
#include "compiler/wasm/wat_lex.h"
#include "runtime/base/fp.h"

typedef struct WatMark { uint32_t off, pos; } WatMark; // bytes of expressions from `off` on come from text position `pos`
typedef struct WatModule {
  const uint8_t *bytes; uint64_t len; // the binary
  Str id;                    // $id of the module, or empty
  EncodeMap map;             // binary to expressions
  const uint8_t *code;       // all expressions and bodies, and where they come from
  size_t code_len;
  const WatMark *marks; uint32_t nmarks;
  const uint32_t *item_pos[SEC_COUNT]; uint32_t nitem_pos[SEC_COUNT]; // text position of each item of a section
  uint32_t pos;              // of the module
} WatModule;

// Assemble a whole text: one module, "(module ...)" or its bare fields, also (module binary ..) and (module quote ..).
// Everything is allocated in ctx->module.  Fails with line and column.  spec: text-module
void zw_wat_assemble(Ctx *ctx, Str text, WatModule *out);
// Assemble the fields between two tokens of a source that is being read as a script.
void zw_wat_fields(WatSource *s, uint32_t first, uint32_t end, Str id, WatModule *out);
// The strings from token `first` on, joined; *next is the first token that is none.
Str zw_wat_strings(const WatSource *s, Arena *a, uint32_t first, uint32_t *next);
// Give a message about the binary (d->at) its line and column.
void zw_wat_place(const WatModule *w, Str text, Diag *d);

// Constants of scripts: the number of a token as bits.  `lanes` of v128.const go to out[0..16).
FpStatus zw_wat_int(Str text, unsigned bits, uint64_t *out); // 8, 16, 32, 64; FP_RANGE: not in -2^(bits-1) .. 2^bits - 1

// ---- printing (wat_print.c) ----
typedef struct WatPrintOptions { bool folded; bool no_names; bool hex_floats; } WatPrintOptions;
// Print a checked module.  needs: checked.  The text reads back to the same module.
void zw_wat_print(const Module *m, const WatPrintOptions *o, Text *out);
