// Inside the printer: wat_print.c prints fields, types and single instructions, wat_fold.c makes folded trees of bodies.
#pragma once
#include "compiler/wasm/body.h"
#include "compiler/wasm/check.h"
#include "compiler/wasm/wat.h"

// Names of an index space.  An identifier is printed where the name is the only one of its kind; else the number, and an
// annotation keeps the name.
typedef struct Ids { const Str *name; const uint8_t *unique; uint32_t n; } Ids;
typedef enum IdSpace { ID_TYPE, ID_FUNC, ID_TABLE, ID_MEMORY, ID_GLOBAL, ID_TAG, ID_ELEM, ID_DATA, ID_SPACES } IdSpace;

typedef struct Printer {
  const Module *m;
  const WatPrintOptions *o;
  Text *out;
  Arena *a;                  // for the whole print
  Arena *scratch;            // of one function
  Ids ids[ID_SPACES];
  uint32_t field_at;         // next entry of names.fields
  const uint8_t *field_unique; // parallel to names.fields, or NULL
  uint32_t indent;
  // of the function being printed
  uint32_t func;             // or UINT32_MAX
  Ids locals, labels;        // labels: by ordinal of the instruction that opens them
  VEC(uint32_t) open;        // ordinals of open labels
  uint32_t next_label;
  uint32_t hint, local_name, label_name; // next entries of the module's lists
  const uint8_t *body;
} Printer;

void zw_wat_newline(Printer *p);           // and the indentation, which stops growing at some depth
void zw_wat_put_op(Printer *p, Op op, const uint8_t **at); // mnemonic and immediates; *at is after the opcode
void zw_wat_put_hint(Printer *p, const uint8_t *op_at, Op op);
// What opens a label: its head (mnemonic, label, block type, catches).  The label counts from zw_wat_push_label on.
// ordinal: how many instructions before it in the body open labels.
void zw_wat_put_block_head(Printer *p, Op op, uint32_t ordinal, const uint8_t **at);
void zw_wat_push_label(Printer *p, uint32_t ordinal);
void zw_wat_pop_label(Printer *p);
void zw_wat_print_folded(Printer *p, const uint8_t *at, const uint8_t *end); // instructions with their final `end`
