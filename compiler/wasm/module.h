// A decoded module: every index space has its size, bodies are byte spans into the input, strings are UTF-8.
// All arrays live in ctx->module; the input bytes must outlive the Module.
#pragma once
#include "compiler/base/fail.h"
#include "compiler/wasm/op.h"
#include "runtime/abi/valtype.h"
#include "runtime/abi/vmctx.h"
#include "runtime/base/vec.h"

// Subtyping is zw_subtype (compiler/wasm/check.h).
typedef struct FuncType { uint32_t nparams, nresults; const ValType *params, *results; } FuncType;
typedef struct FieldType { ValType type; uint32_t mutable_ : 1, at : 31; } FieldType; // at: offset in an object (abi/gcobj.h); filled by check
// There may be one for two bytes of a module that is refused.
typedef struct TypeDef {
  uint32_t kind : 2;        // CompKind
  uint32_t final : 1;
  uint32_t starts_group : 1; // a recursion group ends before the next type that does
  uint32_t defaultable : 1; // every field has a default value; filled by check
  uint32_t depth : 6;       // supertypes above it; filled by check
  uint32_t canon : 20;      // equal for equal types of this module (the lowest such index); filled by check
  uint32_t super;           // type index or UINT32_MAX
  uint64_t jump : 20;       // a canonical supertype above it, further away the deeper it is, or itself; filled by check
  uint64_t nfields : 14;    // COMP_STRUCT; COMP_ARRAY has one
  uint64_t at : 30;
  union {
    const FuncType *func;   // COMP_FUNC
    const FieldType *fields;
  };
} TypeDef;
STATIC_ASSERT(sizeof(TypeDef) == 24, "two bytes may be one");
static inline uint32_t zw_rec_group_end(const TypeDef *types, uint32_t ntypes, uint32_t first) // behind it
{
  do
    first++;
  while (first < ntypes && !types[first].starts_group);
  return first;
}

typedef struct Limits { uint64_t min, max; bool has_max, shared, is64; uint8_t page_log2; } Limits; // page_log2: memories, 16 or 0
typedef struct MemoryType { Limits limits; } MemoryType;
typedef struct TableType { Limits limits; ValType elem; } TableType;
typedef struct GlobalType { ValType type; bool mutable_; } GlobalType;

// A module of nothing but the shortest things of a kind has one of these records for two to five bytes, and may still be refused: they
// are as small as that asks for (tests/linear/refusals.py).  Offsets in the file are below LIMIT_MODULE.
typedef struct ConstExpr { const uint8_t *bytes; uint32_t len, at; } ConstExpr; // with its `end`; at = file offset
typedef struct Import { Str module, name; uint32_t kind : 8, index : 24; uint32_t at; } Import; // index in its own space
typedef struct Export { Str name; uint8_t kind; uint32_t index, at; } Export;
typedef struct Func {
  uint32_t type;             // type index
  uint32_t import;           // index into imports, or UINT32_MAX
  uint32_t at;               // file offset of the body (after its size); 0 for imports
  uint32_t body_len;
  const uint8_t *body;       // local declarations and instructions
  Str name;                  // name section, or empty
  uint32_t declared_ref : 1; // may be the operand of ref.func
  uint32_t funcref : 31;     // index of its FuncRef in the vmctx, when declared_ref; by zw_number_funcrefs
} Func;
typedef struct TableDecl { TableType type; ConstExpr *init /* or NULL */; uint32_t import, at; } TableDecl;
typedef struct MemoryDecl { MemoryType type; uint32_t import; uint64_t at; } MemoryDecl;
typedef struct Global { GlobalType type; uint32_t import; ConstExpr init; } Global;
typedef struct Tag { uint32_t type; uint32_t import; uint32_t at; } Tag;
typedef enum SegMode { SEG_ACTIVE, SEG_PASSIVE, SEG_DECLARATIVE } SegMode;
typedef struct Elem {
  uint32_t mode : 2, count : 30; uint32_t table; ConstExpr offset; ValType type; uint32_t at;
  const uint32_t *funcs;     // when every item is a ref.func: count indices; else NULL and
  const ConstExpr *exprs;
} Elem;
typedef struct Data { uint32_t mode : 2, len : 30; uint32_t memory; ConstExpr offset; const uint8_t *bytes; } Data;
typedef struct Custom { Str name; const uint8_t *bytes; uint32_t len; uint8_t after; } Custom; // after: id of the section before it
typedef struct NameMap { uint32_t n; const uint32_t *index; const Str *name; } NameMap; // ascending index
// Function names are in Func.  local_func, label_func and field_type are parallel to the maps of their name; those maps
// ascend by (func or type, index).
typedef struct Names {
  Str module; NameMap locals, labels, fields; const uint32_t *local_func, *label_func, *field_type; NameMap types,
    tables, memories, globals, elems, datas, tags;
} Names;
typedef struct BranchHint { uint32_t func, off; uint8_t likely; } BranchHint;

typedef struct FuncFacts FuncFacts;
typedef struct Module {
  Ctx *ctx;
  const uint8_t *bytes; uint64_t len;  // the whole input
  uint32_t ntypes, nfuncs, ntables, nmemories, nglobals, ntags, nelems, ndatas, nimports, nexports, ncustoms, nhints;
  uint32_t nimported_funcs, nimported_tables, nimported_memories, nimported_globals, nimported_tags;
  const uint8_t *imports_at; // the contents of the import section
  const ValType *self_refs;  // [2 * t] = (ref t), [2 * t + 1] = (ref null t): for what points at types; by zw_complete_module
  TypeDef *types; Func *funcs; TableDecl *tables; MemoryDecl *memories; Global *globals; Tag *tags; Elem *elems; Data *datas;
  Import *imports /* by zw_complete_module */; Export *exports; Custom *customs; BranchHint *hints;
  Names names;
  uint32_t start;            // function index or UINT32_MAX
  uint64_t start_at;         // where it stands
  bool has_data_count; uint32_t data_count;
  uint64_t code_at, code_len; // the code section's extent, for figures
  uint64_t features_on;      // bit per Feature: what the user allows
  uint64_t features_used;    // bit per Feature: what decode and check met
  uint32_t nfuncrefs;        // FuncRefs in the vmctx: functions with declared_ref, ascending index; by zw_number_funcrefs
  bool no_side;              // no interpreter will run it: leave SideEntry out.  Set before check
  bool checked;              // by zw_check_module; nothing below may report an input error
  const struct SourceLines *lines; // lines.h: for backtraces; NULL = none, or not asked for
  FuncFacts *facts;          // per defined function (index - nimported_funcs); filled by check
} Module;

// The limits of the JS API (https://webassembly.github.io/spec/js-api/#limits), used by every stage.
enum {
  LIMIT_TYPES = 1000000, LIMIT_FUNCS = 1000000, LIMIT_IMPORTS = 1000000, LIMIT_EXPORTS = 1000000, LIMIT_GLOBALS = 1000000,
  LIMIT_TAGS = 1000000, LIMIT_DATAS = 100000, LIMIT_ELEMS = 10000000, LIMIT_TABLES = 100000, LIMIT_MEMORIES = 100,
  LIMIT_PARAMS = 1000, LIMIT_RESULTS = 1000, LIMIT_BODY = 7654321, LIMIT_LOCALS = 50000, LIMIT_STRUCT_FIELDS = 10000,
  LIMIT_SUBTYPE_DEPTH = 63, LIMIT_REC_GROUP = 1000000, LIMIT_TABLE_ELEMS = 10000000, LIMIT_MODULE = 1024 * 1024 * 1024,
  LIMIT_PAGES32 = 65536, LIMIT_CONST_OPS = 100000, LIMIT_ARRAY_NEW_FIXED = 10000,
  LIMIT_OPERANDS = 1000000, // on the stack of one function: ours, 7.6 MB of body could push a thousand values with every two bytes
};

// Decode all sections; bodies and constant expressions stay bytes.  Fails through ctx.  spec: binary-module
Module *zw_decode_module(Ctx *ctx, const uint8_t *bytes, uint64_t len, uint64_t features_on);
// What nothing needs before a module is known to be valid: imports and self_refs.  zw_check_module ends with it; who looks into a module
// that is not checked calls it before.
void zw_complete_module(Module *m);
// Names and branch hints out of the custom sections; what is malformed there is left out.  zw_decode_module calls it.
void zw_read_customs(Module *m);
uint64_t zw_features_default(void);
// Parse "--wasm=" text ("3.0,+threads,-simd") into a feature set; false with a sentence in err.
bool zw_features_parse(const char *text, uint64_t *out, char *err, size_t err_bytes);
STATIC_ASSERT(LIMIT_TYPES < 1 << 20 && LIMIT_STRUCT_FIELDS < 1 << 14 && LIMIT_SUBTYPE_DEPTH < 1 << 6 && LIMIT_MODULE <= 1 << 30, "bits of a TypeDef");
static inline const FuncType *zw_func_type(const Module *m, uint32_t func) { return m->types[m->funcs[func].type].func; }
ValKind zw_val_kind(const Module *m, ValType t); // a type's storage class
// Give each function that may be the operand of ref.func its FuncRef in the vmctx.  check ends with it; again is harmless.
void zw_number_funcrefs(Module *m);
// Where things are in this module's vmctx.  needs: zw_number_funcrefs
VmLayout zw_module_layout(const Module *m);
