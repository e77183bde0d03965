// Text to tokens.  The whole source becomes one array, every "(" knows its ")", identifiers are numbers: so the
// parser can walk module fields twice (names first, then contents) and skip anything in one step.
// Lexing itself never fails: a lexical error becomes the last token, and whoever reads that far reports it.
#pragma once
#include "compiler/base/fail.h"

typedef enum WatTokKind {
  TOK_EOF, TOK_ERROR,        // aux: WatLexError
  TOK_LPAR,                  // aux: token index of the matching ")", or of the last token
  TOK_RPAR,
  TOK_ID,                    // aux: symbol
  TOK_STRING, TOK_NAT, TOK_INT, TOK_FLOAT, // NAT: unsigned integer; INT: with a sign; FLOAT: anything else numeric
  TOK_WORD,                  // aux: WatWord
  TOK_RESERVED,              // no word of this language
} WatTokKind;

typedef enum WatWord {
  W_NO_WORD,
#define WORD(id, text) W_##id,
#include "compiler/wasm/wat_words.def"
  WORD_COUNT
} WatWord;

typedef enum WatLexError {
  LEX_ILLEGAL_CHARACTER, LEX_UTF8, LEX_UNCLOSED_STRING, LEX_UNCLOSED_COMMENT, LEX_ILLEGAL_ESCAPE, LEX_EMPTY_ID,
  LEX_EMPTY_ANNOTATION, LEX_UNCLOSED_ANNOTATION, LEX_TOO_LARGE
} WatLexError;
extern const char *const zw_wat_lex_error_text[];

typedef struct WatTok { uint32_t pos, len, aux; uint8_t kind; } WatTok;

// An annotation that means something to us.  Its own tokens lie in WatSource.atok, without "(@id" and ")".
typedef enum WatAnnotKind { ANNOT_CUSTOM, ANNOT_NAME, ANNOT_BRANCH_HINT } WatAnnotKind;
typedef struct WatAnnot {
  uint8_t kind;
  bool used;                 // set by the parser; what stays unused was misplaced
  uint32_t before;           // it stands right before this token
  uint32_t pos, len;         // of "(@id"
  uint32_t first, n;         // its tokens
} WatAnnot;

typedef struct WatSource {
  Ctx *ctx;                  // for errors
  Arena *a;
  Str text;
  WatTok *tok; uint32_t ntok; // the last one is TOK_EOF or TOK_ERROR
  WatTok *atok; uint32_t natok;
  WatAnnot *annot; uint32_t nannot; // ascending `before`
  Str *sym; uint32_t nsym;   // names of symbols, without the $
  uint32_t *sym_slots, sym_mask; // hash table: symbol + 1, 0 = free
} WatSource;

// The arena gets the tokens; the text must outlive the source.
void zw_wat_lex(WatSource *s, Ctx *ctx, Arena *a, Str text);
static inline Str zw_wat_text(const WatSource *s, const WatTok *t) { return (Str){ s->text.p + t->pos, t->len }; }
// The bytes a string token stands for, appended to out (room for t->len bytes).  Returns their number.
size_t zw_wat_string(const WatSource *s, const WatTok *t, uint8_t *out);
// Line and column (both from 1, columns in characters) of a byte position.
void zw_wat_line_column(Str text, uint64_t pos, uint32_t *line, uint32_t *column);
// The line of text and a caret below the place, for messages.
void zw_wat_caret(Str text, uint32_t line, uint32_t column, Text *out);
// Fail at a position of the text.
_Noreturn void zw_wat_fail(const WatSource *s, uint32_t pos, ErrorId err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
