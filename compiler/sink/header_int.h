// What the header, the stubs and the bindings have in common.
#pragma once
#include "compiler/sink/cnames.h"

typedef struct Header {
  const Module *m;
  const ObjOptions *o;
  const CNames *names;
  const char *p;     // prefix
  Text *out;         // what is being made
  OutStream *to;
} Header;
Header zw_header_begin(const Module *m, const ObjOptions *o, Text *text, OutStream *to);
static inline void zw_header_drain(const Header *h) { zw_out_text(h->to, h->out); }

const char *zw_c_type(ValType t);
// The C name of parameter k of a function: the name section's when all of them differ and can be used, else a0, a1 ...
const char *zw_c_param(const Header *h, uint32_t func, uint32_t k, char buf[64]);
// "int32_t" or "void", and "(calc *self, int32_t a0, calc_f_result *results": without the closing parenthesis.
const char *zw_c_return(const FuncType *f);
void zw_put_c_params(const Header *h, uint32_t func, const char *self, const char *result_type, const char *results);
void zw_put_c_comment(const Header *h, const char *what, const Str *module, Str name, uint32_t kind, uint32_t index);
