// Inside the printer: wat_print.c prints fields, wat_print_names.c identifiers and strings, wat_print_types.c types,
// wat_print_code.c functions and single instructions, wat_fold.c makes folded trees of bodies.
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

static inline void put(Printer *p, const char *s) { zw_text_put(p->out, s, strlen(s)); }
void zw_wat_newline(Printer *p);           // and the indentation, which stops growing at some depth

// Names and strings.
void zw_wat_put_string(Printer *p, Str s);
void zw_wat_put_long_string(Printer *p, const uint8_t *s, uint64_t n);
void zw_wat_put_id(Printer *p, Str name);
void zw_wat_put_def(Printer *p, const Ids *ids, uint32_t index);   // where it is defined: " $name (;3;)"
void zw_wat_put_index(Printer *p, const Ids *ids, uint32_t index); // where it is used, with a space before
const uint8_t *zw_wat_find_unique(Arena *a, Arena *tmp, const Str *name, uint32_t n); // which of n names occur once?
Ids zw_wat_ids_of_map(Printer *p, const NameMap *map, uint32_t n);
Ids zw_wat_ids_of_funcs(Printer *p);
// Names of the locals or labels of one function: entries of a sorted list from *next on.
Ids zw_wat_ids_of_func(Printer *p, const NameMap *map, const uint32_t *outer, uint32_t func, uint32_t *next, uint32_t n);

// Types, each with a space before.
void zw_wat_put_heap_type(Printer *p, uint32_t heap);
void zw_wat_put_val_type(Printer *p, ValType t);
void zw_wat_put_type_use(Printer *p, uint32_t type, const Ids *locals); // locals: names of the parameters, or NULL
void zw_wat_put_limits(Printer *p, const Limits *l, bool memory);
void zw_wat_put_global_type(Printer *p, const GlobalType *g);
void zw_wat_put_types(Printer *p);         // all of the module's, as fields

// Functions.
void zw_wat_begin_func(Printer *p, uint32_t func); // its locals and labels have names from here on
void zw_wat_end_func(Printer *p);
void zw_wat_put_func(Printer *p, uint32_t func);
void zw_wat_put_op(Printer *p, Op op, const uint8_t **at); // mnemonic and immediates; *at is after the opcode
void zw_wat_put_hint(Printer *p, const uint8_t *op_at, Op op);
// What opens a label: its head (mnemonic, label, block type, catches).  The label counts from zw_wat_push_label on.
// ordinal: how many instructions before it in the body open labels.
void zw_wat_put_block_head(Printer *p, Op op, uint32_t ordinal, const uint8_t **at);
void zw_wat_push_label(Printer *p, uint32_t ordinal);
void zw_wat_pop_label(Printer *p);
void zw_wat_print_folded(Printer *p, const uint8_t *at, const uint8_t *end); // instructions with their final `end`
