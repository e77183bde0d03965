// C names of a module's imports and exports: what the header declares and the object defines, decided once.
#pragma once
#include "compiler/sink/sink.h"

typedef enum CallKind {
  CALL_C,        // a C function on the other side
  CALL_WASI,     // an import that libzwasm-rt provides
  CALL_FIELD,    // an import that is a field of the generated imports struct
} CallKind;
typedef struct CName {
  const char *name;          // of a field: "env_log", what stands behind the prefix elsewhere
  const char *try;           // of an exported function: "calc_fac_try"
  const char *result;        // of a function with several results: the name of their struct
  CallKind kind;
  uint32_t first;            // the first import of the same thing: what is imported twice is declared once
} CName;

typedef struct CNames {
  const char *prefix;        // "calc"
  const char *entry;         // of a program: the export that start.o calls
  CName *imports, *exports;  // parallel to the module's
  bool has_fields;           // some import is CALL_FIELD
} CNames;

// Fails through m->ctx when two things would get one name; both are named; or when a
// program imports what only C could provide, or has no entry.  o->names when that is there.
const CNames *zw_cnames(const Module *m, const ObjOptions *o, Arena *a);
bool zw_has_refs(const FuncType *f); // among parameters or results: handles in C
// A C identifier for a parameter or field: keywords and what is no identifier changed.  Writes at most 64 bytes.
const char *zw_c_identifier(Str s, char buf[64]);
