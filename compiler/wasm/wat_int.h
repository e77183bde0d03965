// Inside the text reader: the parser's state, shared by wat_parse.c (modules), wat_bind.c and wat_fields.c (fields),
// wat_types.c (names, types, small things) and wat_instr.c (instructions).
#pragma once
#include "compiler/wasm/wat.h"

enum { WAT_NONE = 0xffffffffu };
typedef enum Space {
  SPACE_TYPE, SPACE_FUNC, SPACE_TABLE, SPACE_MEMORY, SPACE_GLOBAL, SPACE_TAG, SPACE_ELEM, SPACE_DATA, SPACE_LOCAL, SPACE_LABEL,
  SPACE_FIELD, SPACE_COUNT
} Space;

// Names to numbers: one hash table for all spaces.  owner: the type of a field, the function of a local.
typedef struct NameKey { uint32_t space_owner, sym; } NameKey;
typedef struct NameTable { NameKey *key; uint32_t *value; uint32_t mask, n; } NameTable;

typedef struct NameEntry { uint32_t outer, index; Str name; } NameEntry; // for the name section
typedef VEC(NameEntry) NameList;

typedef struct Frame {       // of the instruction parser
  uint8_t kind;              // FrameKind, wat_instr.c
  uint8_t state;             // parts of a folded if or try already seen
  uint8_t hint;              // 0 none, 1 unlikely, 2 likely
  uint16_t op;
  uint32_t pend;             // start of its bytes in pend
  uint32_t label_sym, label_was; // symbol of its label or WAT_NONE, and what that named outside
  uint32_t pos;              // of its first token
} Frame;

typedef struct WatParser {
  WatSource *s;
  Ctx *ctx;
  Arena *a;                  // what the module keeps
  uint32_t i, end;           // current token, token after the last
  Module *m;
  WatModule *out;
  NameTable names;

  VEC(TypeDef) types;
  VEC(Func) funcs;
  VEC(TableDecl) tables;
  VEC(MemoryDecl) memories;
  VEC(Global) globals;
  VEC(Tag) tags;
  VEC(Elem) elems;
  VEC(Data) datas;
  VEC(Import) imports;
  VEC(Export) exports;
  VEC(Custom) customs;
  VEC(BranchHint) hints;
  VEC(uint32_t) pos[SEC_COUNT];
  NameList name[SPACE_COUNT];
  uint32_t next[SPACE_COUNT]; // the index the next definition of a space gets, in the second walk
  uint32_t bound[SPACE_COUNT]; // the same in the first walk

  uint32_t *sig_slots, sig_mask, nsigs; // type uses without an index find their type here: index + 1

  VEC(ValType) params, results; // of the type use being read
  VEC(uint32_t) targets;     // of the br_table being read
  VEC(ValType) select;       // of the select
  Bytes catches;             // of the try_table
  VEC(uint32_t) param_syms;     // identifiers of its params, WAT_NONE for none
  VEC(Str) param_names;         // and what the name section will call them
  VEC(ValType) locals;          // declared by the function being read
  uint32_t nlocals;             // params included

  Bytes code;                // expressions and bodies, one after the other
  VEC(WatMark) marks;
  Bytes pend;                // encoded folded instructions that wait for their operands
  VEC(Frame) frames;
  VEC(uint32_t) labels;      // open labels: symbol or WAT_NONE
  uint32_t nlabels_seen;     // in this function, for the name section
  uint32_t func;             // index of the function being read, or WAT_NONE in constant expressions
  size_t body_at;            // its start in code
  bool uses_data;            // an instruction names a data segment
} WatParser;

// ---- tokens ----
static inline const WatTok *tok(const WatParser *p) { return &p->s->tok[p->i]; }
static inline Str tok_text(const WatParser *p) { return zw_wat_text(p->s, tok(p)); }
static inline bool at_kind(const WatParser *p, WatTokKind k) { return p->i < p->end && tok(p)->kind == k; }
static inline bool is_word_at(const WatParser *p, uint32_t i, WatWord w)
{
  return i < p->end && p->s->tok[i].kind == TOK_WORD && p->s->tok[i].aux == w;
}
static inline bool at_word(const WatParser *p, WatWord w) { return is_word_at(p, p->i, w); }
static inline bool at_group(const WatParser *p, WatWord w) { return at_kind(p, TOK_LPAR) && is_word_at(p, p->i + 1, w); }

// ---- wat_bind.c, wat_fields.c ----
// Fields from that token up to p->end.
void zw_wat_bind_fields(WatParser *p, uint32_t first);
void zw_wat_read_fields(WatParser *p, uint32_t first);

// ---- wat_types.c ----
_Noreturn void zw_wat_unexpected(const WatParser *p, const char *wanted);
_Noreturn void zw_wat_error(const WatParser *p, uint32_t token, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void zw_wat_expect(WatParser *p, WatTokKind k, const char *wanted);
bool zw_wat_open(WatParser *p, WatWord w); // step over "(w" when it stands here
void zw_wat_close(WatParser *p);           // ")"

uint32_t zw_wat_u32(WatParser *p, const char *wanted);
uint64_t zw_wat_nat(WatParser *p, unsigned bits, const char *wanted);
Str zw_wat_name(WatParser *p);             // a string that must be UTF-8
uint32_t zw_wat_find(const WatParser *p, Space space, uint32_t owner, uint32_t sym); // WAT_NONE: not there
void zw_wat_set(WatParser *p, Space space, uint32_t owner, uint32_t sym, uint32_t value);
void zw_wat_bind(WatParser *p, Space space, uint32_t owner, uint32_t sym, uint32_t value, uint32_t token); // fails on a duplicate
bool zw_wat_at_index(const WatParser *p);
uint32_t zw_wat_index(WatParser *p, Space space);
uint32_t zw_wat_owned_index(WatParser *p, Space space, uint32_t owner);
// An optional identifier (already bound by the first walk) and its @name; recorded for the name section.
void zw_wat_skip_id(WatParser *p, Space space, uint32_t outer, uint32_t index);
void zw_wat_record_name(WatParser *p, Space space, uint32_t outer, uint32_t index, Str name);
Str zw_wat_name_annotation(WatParser *p);  // @name right before this token, or empty
// An optional identifier and its @name: what to call the thing, empty for neither.  *sym: the identifier or WAT_NONE.
Str zw_wat_id_and_name(WatParser *p, uint32_t *sym);
void zw_wat_custom_annotations(WatParser *p); // @custom right before this token: a field boundary
void zw_wat_reset_annotations(WatParser *p, uint32_t first); // the same module may be read twice
void zw_wat_leftover_annotations(const WatParser *p, uint32_t first); // fails when some of the module were not used
uint8_t zw_wat_hint(WatParser *p, uint32_t token); // branch hint right before that token: 0, 1, 2

bool zw_wat_at_ref_type(const WatParser *p);
ValType zw_wat_ref_type(WatParser *p);
ValType zw_wat_val_type(WatParser *p);
uint32_t zw_wat_heap_type(WatParser *p);
void zw_wat_type_field(WatParser *p);      // (type ..), after "(type"
void zw_wat_rec_field(WatParser *p);       // after "(rec"
void zw_wat_index_types(WatParser *p);     // when all written types are there
// A type use.  Fills p->params, p->results, p->param_syms and _names with what is written out; a bare (type x) leaves them empty.
// With short_form (block types) it gets true, and the index is WAT_NONE, when no index is needed: no params, at most one result.
uint32_t zw_wat_type_use(WatParser *p, bool named_params, bool *short_form);

// ---- wat_instr.c ----
// Instructions up to (not including) the ")" that ends them, then `end`.
void zw_wat_expr(WatParser *p, ConstExpr *out);
void zw_wat_folded_expr(WatParser *p, ConstExpr *out); // exactly one folded instruction
void zw_wat_const_expr(WatParser *p, Op op, int64_t value, ConstExpr *out); // i32.const / i64.const, made here
void zw_wat_body(WatParser *p);            // instructions of p->func, then `end`
