// Inside the encoder: encode.c has the module and its sections, encode_code.c the bodies, encode_names.c the name section.
#pragma once
#include "compiler/wasm/body.h"
#include "compiler/wasm/encode.h"

typedef struct Encoder {
  const Module *m;
  Bytes *out;
  Bytes sec;                 // the section being built
  EncodeMap *map;
  uint32_t first_mark;       // of this section
  bool rewrite;
  Bytes code;                // rewrite: contents of the code section, made before everything else
  uint32_t *hint_off;        // rewrite, parallel to m->hints: offsets in the bodies as written, NO_HINT = dropped
  uint32_t hint;             // next hint to meet
  uint32_t *nlabels;         // rewrite: per function
  bool uses_data;            // an instruction names a data segment
} Encoder;
enum { NO_HINT = 0xffffffffu };

// Sections: what is written to e->sec between the two becomes a section of that id.
void zw_enc_begin_section(Encoder *e);
void zw_enc_end_section(Encoder *e, uint8_t id);
void zw_enc_mark(Encoder *e, uint8_t section, uint32_t item, const uint8_t *src); // where e->sec stands is item of section

// Code.
void zw_enc_rewrite_code(Encoder *e);      // all bodies, before anything is written
void zw_enc_rewrite_expr(Encoder *e, Bytes *b, const uint8_t *p, const uint8_t *end);
void zw_enc_copy_val_type(Bytes *b, const uint8_t **p);
void zw_enc_code(Encoder *e);              // the contents of the code section
void zw_enc_hints(Encoder *e);             // a custom section, whole

void zw_enc_names(Encoder *e);             // a custom section, whole, unless nothing has a name
