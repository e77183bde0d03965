// The lexer.  One pass over the bytes, no recursion: open parentheses form a list through their own aux fields
// until they are closed.  spec: text-lexical
#include "compiler/wasm/wat_lex.h"
#include "runtime/base/bits.h"
#include "runtime/base/utf8.h"
#include "runtime/base/vec.h"

const char *const zw_wat_lex_error_text[] = {
  [LEX_ILLEGAL_CHARACTER] = "illegal character",
  [LEX_UTF8] = "malformed UTF-8 encoding",
  [LEX_UNCLOSED_STRING] = "unclosed string",
  [LEX_UNCLOSED_COMMENT] = "unclosed comment",
  [LEX_ILLEGAL_ESCAPE] = "illegal escape",
  [LEX_EMPTY_ID] = "empty identifier",
  [LEX_EMPTY_ANNOTATION] = "empty annotation id",
  [LEX_UNCLOSED_ANNOTATION] = "unclosed annotation",
  [LEX_TOO_LARGE] = "text too large",
};

// ---- character classes ----
enum { C_ID = 1, C_SPACE = 2, C_PUNCT = 4, C_STRING = 8 /* plain ASCII inside a string */ };
static const uint8_t classes[256] = {
  ['\t'] = C_SPACE, ['\n'] = C_SPACE, ['\r'] = C_SPACE, [' '] = C_SPACE | C_STRING,
  ['0' ... '9'] = C_ID | C_STRING, ['A' ... 'Z'] = C_ID | C_STRING, ['a' ... 'z'] = C_ID | C_STRING,
  ['!'] = C_ID | C_STRING, ['#'] = C_ID | C_STRING, ['$'] = C_ID | C_STRING, ['%'] = C_ID | C_STRING,
  ['&'] = C_ID | C_STRING, ['\''] = C_ID | C_STRING, ['*'] = C_ID | C_STRING, ['+'] = C_ID | C_STRING,
  ['-'] = C_ID | C_STRING, ['.'] = C_ID | C_STRING, ['/'] = C_ID | C_STRING, [':'] = C_ID | C_STRING,
  ['<'] = C_ID | C_STRING, ['='] = C_ID | C_STRING, ['>'] = C_ID | C_STRING, ['?'] = C_ID | C_STRING,
  ['@'] = C_ID | C_STRING, ['\\'] = C_ID, ['^'] = C_ID | C_STRING, ['_'] = C_ID | C_STRING, ['`'] = C_ID | C_STRING,
  ['|'] = C_ID | C_STRING, ['~'] = C_ID | C_STRING,
  [','] = C_PUNCT | C_STRING, [';'] = C_PUNCT | C_STRING, ['['] = C_PUNCT | C_STRING, [']'] = C_PUNCT | C_STRING,
  ['{'] = C_PUNCT | C_STRING, ['}'] = C_PUNCT | C_STRING, ['('] = C_STRING, [')'] = C_STRING,
};
static bool is(char c, unsigned mask) { return classes[(uint8_t)c] & mask; }

// ---- words: text to WatWord, a table filled once ----
static const struct { const char *text; uint32_t len; } words[WORD_COUNT] = {
  [W_NO_WORD] = { "", 0 },
#define WORD(id, s) [W_##id] = { s, sizeof(s) - 1 },
#include "compiler/wasm/wat_words.def"
};
enum { WORD_SLOTS = 512 };
STATIC_ASSERT(WORD_COUNT * 3 < WORD_SLOTS * 2, "the word table stays sparse");
static uint8_t word_slot[WORD_SLOTS];
static bool words_ready;
STATIC_ASSERT(WORD_COUNT < 256, "words fit in a byte");

static uint32_t hash_word(const char *s, size_t n)
{
  uint32_t h = 0x811c9dc5;
  for (size_t i = 0; i < n; i++)
    h = (h ^ (uint8_t)s[i]) * 0x01000193;
  return h ^ h >> 15;
}

// Threads that come here at once write the same values, so there is nothing to lock.
static void fill_words(void)
{
  for (uint32_t w = 1; w < WORD_COUNT; w++) {
    uint32_t h = hash_word(words[w].text, words[w].len) % WORD_SLOTS;
    for (;; h = (h + 1) % WORD_SLOTS) {
      uint8_t there = __atomic_load_n(&word_slot[h], __ATOMIC_RELAXED);
      if (there == 0)
        __atomic_store_n(&word_slot[h], (uint8_t)w, __ATOMIC_RELAXED);
      if (there == 0 || there == w)
        break;
    }
  }
  __atomic_store_n(&words_ready, true, __ATOMIC_RELEASE);
}

static WatWord find_word(const char *s, size_t n)
{
  for (uint32_t h = hash_word(s, n) % WORD_SLOTS;; h = (h + 1) % WORD_SLOTS) {
    uint32_t w = word_slot[h];
    if (w == 0)
      return W_NO_WORD;
    if (words[w].len == n && memcmp(words[w].text, s, n) == 0)
      return (WatWord)w;
  }
}

// ---- the lexer's state ----
typedef struct Lexer {
  WatSource *s;
  const char *p, *end;
  uint32_t open;             // innermost "(" without its ")", or NONE
  VEC(WatTok) tok;
  VEC(WatTok) atok;
  VEC(WatAnnot) annot;
  VEC(Str) sym;
  uint32_t annot_depth;      // open parentheses inside an annotation, its own included; 0 = outside
  uint32_t annot_skip;       // depth of an annotation inside it, whose tokens mean nothing; 0 = none
  uint32_t annot_open;       // innermost open "(" in atok
  bool annot_kept;
  bool failed;
} Lexer;
enum { NONE = 0xffffffffu };

static uint32_t at(const Lexer *l, const char *p) { return (uint32_t)(p - l->s->text.p); }

static void put_tok(Lexer *l, WatTokKind kind, const char *from, uint32_t aux)
{
  WatTok t = { at(l, from), l->p > from ? (uint32_t)(l->p - from) : 0, aux, (uint8_t)kind };
  if (l->annot_depth == 0)
    *zw_push(l->s->a, &l->tok) = t;
  else if (l->annot_kept && l->annot_skip == 0)
    *zw_push(l->s->a, &l->atok) = t;
}

static void lex_fail(Lexer *l, WatLexError e, const char *from)
{
  l->annot_depth = 0; // the error is a token of the source, even inside an annotation
  put_tok(l, TOK_ERROR, from, e);
  l->failed = true;
}

// ---- characters beyond ASCII ----
// Length of the well-formed UTF-8 sequence at p, or 0.
static size_t utf8_length(const char *p, const char *end)
{
  uint8_t c = (uint8_t)*p;
  size_t n = c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
  return n && n <= (size_t)(end - p) && zw_utf8_ok((const uint8_t *)p, n) ? n : 0;
}

// ---- comments ----
static void line_comment(Lexer *l)
{
  const char *from = l->p;
  while (l->p < l->end && *l->p != '\n' && *l->p != '\r') {
    size_t n = (uint8_t)*l->p < 0x80 ? 1 : utf8_length(l->p, l->end);
    if (n == 0) {
      lex_fail(l, LEX_UTF8, from);
      return;
    }
    l->p += n;
  }
}

static void block_comment(Lexer *l)
{
  const char *from = l->p;
  uint64_t depth = 0;
  while (l->p < l->end) {
    bool pair = l->p + 1 < l->end;
    if (pair && l->p[0] == '(' && l->p[1] == ';') {
      depth++, l->p += 2;
    } else if (pair && l->p[0] == ';' && l->p[1] == ')') {
      l->p += 2;
      if (--depth == 0)
        return;
    } else {
      size_t n = (uint8_t)*l->p < 0x80 ? 1 : utf8_length(l->p, l->end);
      if (n == 0) {
        lex_fail(l, LEX_UTF8, l->p);
        return;
      }
      l->p += n;
    }
  }
  lex_fail(l, LEX_UNCLOSED_COMMENT, from);
}

// ---- strings ----
static int hex_value(char c)
{
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// The escape at p (after the backslash): its length, 0 when it is none.  *value: a byte, or a code point with *is_char.
static size_t escape(const char *p, const char *end, uint32_t *value, bool *is_char)
{
  static const char from[] = "tnr\"'\\", to[] = "\t\n\r\"'\\";
  *is_char = false;
  if (p == end)
    return 0;
  for (unsigned i = 0; i < 6; i++)
    if (*p == from[i]) {
      *value = (uint8_t)to[i];
      return 1;
    }
  if (*p != 'u') {
    if (end - p < 2 || hex_value(p[0]) < 0 || hex_value(p[1]) < 0)
      return 0;
    *value = (uint32_t)(hex_value(p[0]) * 16 + hex_value(p[1]));
    return 2;
  }
  const char *q = p + 1;
  if (q == end || *q++ != '{')
    return 0;
  uint32_t v = 0;
  bool digit = false;
  for (; q < end && *q != '}'; q++) {
    if (digit && *q == '_' && q + 1 < end && hex_value(q[1]) >= 0)
      continue;
    if (hex_value(*q) < 0 || v > 0x10ffff)
      return 0;
    v = v * 16 + (uint32_t)hex_value(*q);
    digit = true;
  }
  if (q == end || !digit || v > 0x10ffff || (v >= 0xd800 && v < 0xe000))
    return 0;
  *value = v, *is_char = true;
  return (size_t)(q + 1 - p);
}

// Step over the string whose opening quote is at p.  False: it is none; see string_failed.
static bool skip_string(Lexer *l)
{
  l->p++;
  while (l->p < l->end) {
    char c = *l->p;
    if (c == '"') {
      l->p++;
      return true;
    }
    size_t n = is(c, C_STRING);
    if (c == '\\') {
      uint32_t v;
      bool ch;
      n = escape(l->p + 1, l->end, &v, &ch);
      n += n != 0;
    } else if ((uint8_t)c >= 0x80) {
      n = utf8_length(l->p, l->end);
    }
    if (n == 0)
      return false;
    l->p += n;
  }
  return false;
}

// skip_string stopped at p; the quote was at from.
static void string_failed(Lexer *l, const char *from)
{
  if (l->p == l->end || *l->p == '\n')
    lex_fail(l, LEX_UNCLOSED_STRING, from);
  else if (*l->p == '\\')
    lex_fail(l, LEX_ILLEGAL_ESCAPE, l->p);
  else
    lex_fail(l, (uint8_t)*l->p >= 0x80 ? LEX_UTF8 : LEX_ILLEGAL_CHARACTER, l->p);
}

static size_t put_utf8(uint8_t *o, uint32_t c)
{
  if (c < 0x80) {
    o[0] = (uint8_t)c;
    return 1;
  }
  if (c < 0x800) {
    o[0] = (uint8_t)(0xc0 | c >> 6), o[1] = (uint8_t)(0x80 | (c & 63));
    return 2;
  }
  if (c < 0x10000) {
    o[0] = (uint8_t)(0xe0 | c >> 12), o[1] = (uint8_t)(0x80 | (c >> 6 & 63)), o[2] = (uint8_t)(0x80 | (c & 63));
    return 3;
  }
  o[0] = (uint8_t)(0xf0 | c >> 18), o[1] = (uint8_t)(0x80 | (c >> 12 & 63));
  o[2] = (uint8_t)(0x80 | (c >> 6 & 63)), o[3] = (uint8_t)(0x80 | (c & 63));
  return 4;
}

static size_t decode_string(const char *p, const char *end, uint8_t *out) // between the quotes
{
  uint8_t *o = out;
  while (p < end) {
    if (*p != '\\') {
      *o++ = (uint8_t)*p++;
      continue;
    }
    uint32_t v = 0;
    bool is_char;
    p += 1 + escape(p + 1, end, &v, &is_char);
    if (is_char)
      o += put_utf8(o, v); // never longer than its "\u{..}"
    else
      *o++ = (uint8_t)v;
  }
  return (size_t)(o - out);
}

size_t zw_wat_string(const WatSource *s, const WatTok *t, uint8_t *out)
{
  const char *p = s->text.p + t->pos;
  return decode_string(p + 1, p + t->len - 1, out);
}

// ---- identifiers ----
static void grow_symbols(Lexer *l)
{
  WatSource *s = l->s;
  uint32_t slots = s->sym_mask ? 2 * (s->sym_mask + 1) : 64;
  s->sym_slots = zw_new_array(s->a, uint32_t, slots);
  s->sym_mask = slots - 1;
  for (uint32_t i = 0; i < l->sym.n; i++) {
    uint32_t h = (uint32_t)zw_hash_bytes(l->sym.p[i].p, l->sym.p[i].n, 0) & s->sym_mask;
    while (s->sym_slots[h])
      h = (h + 1) & s->sym_mask;
    s->sym_slots[h] = i + 1;
  }
}

static uint32_t intern(Lexer *l, Str name)
{
  WatSource *s = l->s;
  if (l->sym.n * 2 >= s->sym_mask)
    grow_symbols(l);
  uint32_t h = (uint32_t)zw_hash_bytes(name.p, name.n, 0) & s->sym_mask;
  for (; s->sym_slots[h]; h = (h + 1) & s->sym_mask)
    if (zw_str_eq(l->sym.p[s->sym_slots[h] - 1], name))
      return s->sym_slots[h] - 1;
  *zw_push(s->a, &l->sym) = name;
  s->sym_slots[h] = l->sym.n;
  return l->sym.n - 1;
}

// $name or $"name": put the ID token.
static void put_id(Lexer *l, const char *from)
{
  Str name = { from + 1, (size_t)(l->p - from - 1) };
  if (name.n && *name.p == '"') {
    uint8_t *buf = zw_arena_alloc(l->s->a, name.n, 1);
    name.n = decode_string(name.p + 1, name.p + name.n - 1, buf);
    name.p = (const char *)buf;
    if (!zw_utf8_ok(buf, name.n)) {
      lex_fail(l, LEX_UTF8, from);
      return;
    }
  }
  if (name.n == 0) {
    lex_fail(l, LEX_EMPTY_ID, from);
    return;
  }
  put_tok(l, TOK_ID, from, intern(l, name));
}

// ---- runs of identifier characters and strings ----
// Digits with single underscores between them; returns where the run ends, p itself when there is none.
static const char *digits(const char *p, const char *end, bool hex)
{
  const char *good = p;
  for (bool can_sep = false; p < end; p++) {
    bool d = hex ? hex_value(*p) >= 0 : *p >= '0' && *p <= '9';
    if (d)
      good = p + 1, can_sep = true;
    else if (*p == '_' && can_sep)
      can_sep = false;
    else
      break;
  }
  return good;
}

static WatTokKind number_kind(const char *p, const char *end)
{
  const char *from = p;
  if (*p == '+' || *p == '-')
    p++;
  bool sign = p != from;
  size_t n = (size_t)(end - p);
  if ((n == 3 && (memcmp(p, "inf", 3) == 0 || memcmp(p, "nan", 3) == 0)))
    return TOK_FLOAT;
  if (n > 6 && memcmp(p, "nan:0x", 6) == 0)
    return digits(p + 6, end, true) == end ? TOK_FLOAT : TOK_RESERVED;
  bool hex = n > 2 && p[0] == '0' && p[1] == 'x';
  p += hex ? 2 : 0;
  const char *q = digits(p, end, hex);
  if (q == p)
    return TOK_RESERVED;
  if (q == end)
    return sign ? TOK_INT : TOK_NAT;
  if (*q == '.')
    q = digits(q + 1, end, hex);
  if (q < end && (*q | 0x20) == (hex ? 'p' : 'e')) {
    q++;
    q += q < end && (*q == '+' || *q == '-');
    const char *e = digits(q, end, false);
    return e != q && e == end ? TOK_FLOAT : TOK_RESERVED;
  }
  return q == end ? TOK_FLOAT : TOK_RESERVED;
}

static void put_plain(Lexer *l, const char *from)
{
  char c = *from;
  size_t n = (size_t)(l->p - from);
  if (c == '$') {
    put_id(l, from);
  } else if ((c >= '0' && c <= '9') || c == '+' || c == '-') {
    put_tok(l, number_kind(from, l->p), from, 0);
  } else if (c >= 'a' && c <= 'z') {
    if (c == 'i' || c == 'n') {
      WatTokKind k = number_kind(from, l->p); // inf, nan, nan:0x1
      if (k == TOK_FLOAT) {
        put_tok(l, k, from, 0);
        return;
      }
    }
    put_tok(l, TOK_WORD, from, find_word(from, n));
  } else {
    put_tok(l, TOK_RESERVED, from, 0);
  }
}

static void lex_run(Lexer *l)
{
  const char *from = l->p;
  uint32_t strings = 0, plain_chars = 0;
  while (l->p < l->end && (is(*l->p, C_ID) || *l->p == '"')) {
    if (*l->p != '"') {
      l->p++, plain_chars++;
      continue;
    }
    const char *quote = l->p;
    if (!skip_string(l)) {
      if (*from == '$' && quote == from + 1)
        lex_fail(l, LEX_EMPTY_ID, from);
      else
        string_failed(l, quote);
      return;
    }
    strings++;
  }
  if (strings == 0)
    put_plain(l, from);
  else if (strings == 1 && plain_chars == 0)
    put_tok(l, TOK_STRING, from, 0);
  else if (strings == 1 && plain_chars == 1 && *from == '$')
    put_id(l, from);
  else
    put_tok(l, TOK_RESERVED, from, 0);
}

// ---- parentheses and annotations ----
static void open_paren(Lexer *l)
{
  l->p++;
  if (l->annot_depth) {
    put_tok(l, TOK_LPAR, l->p - 1, l->annot_open);
    if (l->annot_kept && l->annot_skip == 0)
      l->annot_open = l->atok.n - 1;
    l->annot_depth++;
    return;
  }
  put_tok(l, TOK_LPAR, l->p - 1, l->open);
  l->open = l->tok.n - 1;
}

static void close_paren(Lexer *l)
{
  l->p++;
  if (l->annot_depth > 1) {
    put_tok(l, TOK_RPAR, l->p - 1, 0);
    if (l->annot_skip == l->annot_depth--) {
      l->annot_skip = 0;
    } else if (l->annot_kept && l->annot_skip == 0) {
      uint32_t up = l->atok.p[l->annot_open].aux;
      l->atok.p[l->annot_open].aux = l->atok.n - 1;
      l->annot_open = up;
    }
    return;
  }
  if (l->annot_depth == 1) {
    if (l->annot_kept) {
      WatAnnot *n = &l->annot.p[l->annot.n - 1];
      n->n = l->atok.n - n->first;
    }
    l->annot_depth = 0;
    return;
  }
  put_tok(l, TOK_RPAR, l->p - 1, 0);
  if (l->open != NONE) {
    uint32_t up = l->tok.p[l->open].aux;
    l->tok.p[l->open].aux = l->tok.n - 1;
    l->open = up;
  }
}

static bool annotation_kind(const char *p, size_t n, WatAnnotKind *kind)
{
  static const struct { const char *text; WatAnnotKind kind; } known[] = {
    { "custom", ANNOT_CUSTOM }, { "name", ANNOT_NAME }, { "metadata.code.branch_hint", ANNOT_BRANCH_HINT }
  };
  for (size_t i = 0; i < ARRAY_COUNT(known); i++)
    if (strlen(known[i].text) == n && memcmp(known[i].text, p, n) == 0) {
      *kind = known[i].kind;
      return true;
    }
  return false;
}

// "(@": p is at the parenthesis.
static void open_annotation(Lexer *l)
{
  const char *from = l->p;
  if (l->annot_depth && !(l->p + 2 < l->end && (l->p[2] == '"' || is(l->p[2], C_ID)))) {
    open_paren(l); // inside another, "(@" without an id is just tokens
    return;
  }
  l->p += 2;
  const char *id = l->p;
  if (l->p < l->end && *l->p == '"') {
    if (!skip_string(l)) {
      lex_fail(l, LEX_EMPTY_ANNOTATION, from);
      return;
    }
    uint8_t *buf = zw_arena_alloc(l->s->a, (size_t)(l->p - id), 1);
    size_t n = decode_string(id + 1, l->p - 1, buf);
    if (n == 0 || !zw_utf8_ok(buf, n)) {
      lex_fail(l, n ? LEX_UTF8 : LEX_EMPTY_ANNOTATION, from);
      return;
    }
  } else {
    while (l->p < l->end && is(*l->p, C_ID))
      l->p++;
    if (l->p == id) {
      lex_fail(l, LEX_EMPTY_ANNOTATION, from);
      return;
    }
  }
  if (l->annot_depth++) { // one inside another means nothing
    if (l->annot_skip == 0)
      l->annot_skip = l->annot_depth;
    return;
  }
  WatAnnotKind kind = ANNOT_CUSTOM;
  l->annot_kept = annotation_kind(id, (size_t)(l->p - id), &kind);
  l->annot_open = NONE;
  if (l->annot_kept)
    *zw_push(l->s->a, &l->annot) =
        (WatAnnot){ (uint8_t)kind, false, l->tok.n, at(l, from), (uint32_t)(l->p - from), l->atok.n, 0 };
}

static void lex_one(Lexer *l)
{
  char c = *l->p;
  char next = l->p + 1 < l->end ? l->p[1] : 0;
  if (is(c, C_SPACE)) {
    l->p++;
  } else if (c == '(' && next == ';') {
    block_comment(l);
  } else if (c == '(' && next == '@') {
    open_annotation(l);
  } else if (c == '(') {
    open_paren(l);
  } else if (c == ')') {
    close_paren(l);
  } else if (c == ';' && next == ';') {
    line_comment(l);
  } else if (is(c, C_ID) || c == '"') {
    lex_run(l);
  } else if (is(c, C_PUNCT)) {
    l->p++;
    put_tok(l, TOK_RESERVED, l->p - 1, 0);
  } else {
    bool bad_utf8 = (uint8_t)c >= 0x80 && utf8_length(l->p, l->end) == 0;
    lex_fail(l, bad_utf8 ? LEX_UTF8 : LEX_ILLEGAL_CHARACTER, l->p);
  }
}

void zw_wat_lex(WatSource *s, Ctx *ctx, Arena *a, Str text)
{
  *s = (WatSource){ .ctx = ctx, .a = a, .text = text };
  if (!__atomic_load_n(&words_ready, __ATOMIC_ACQUIRE))
    fill_words();
  Lexer l = { .s = s, .p = text.p, .end = text.p + text.n, .open = NONE };
  if (text.n > 1u << 30) {
    l.p = l.end;
    lex_fail(&l, LEX_TOO_LARGE, text.p);
  }
  while (l.p < l.end && !l.failed)
    lex_one(&l);
  if (!l.failed && l.annot_depth)
    lex_fail(&l, LEX_UNCLOSED_ANNOTATION, l.end);
  if (!l.failed) { // the end is right behind the last token: messages about what is missing belong there
    const WatTok *last = l.tok.n ? &l.tok.p[l.tok.n - 1] : NULL;
    put_tok(&l, TOK_EOF, last ? text.p + last->pos + last->len : l.p, 0);
  }
  for (uint32_t open = l.open; open != NONE;) {
    uint32_t up = l.tok.p[open].aux;
    l.tok.p[open].aux = l.tok.n - 1;
    open = up;
  }
  s->tok = l.tok.p, s->ntok = l.tok.n;
  s->atok = l.atok.p, s->natok = l.atok.n;
  s->annot = l.annot.p, s->nannot = l.annot.n;
  s->sym = l.sym.p, s->nsym = l.sym.n;
}

// ---- places ----
void zw_wat_line_column(Str text, uint64_t pos, uint32_t *line, uint32_t *column)
{
  uint32_t ln = 1, col = 1;
  for (size_t i = 0; i < pos && i < text.n; i++) {
    if (text.p[i] == '\n')
      ln++, col = 1;
    else
      col += ((uint8_t)text.p[i] & 0xc0) != 0x80;
  }
  *line = ln, *column = col;
}

void zw_wat_caret(Str text, uint32_t line, uint32_t column, Text *out)
{
  size_t from = 0;
  for (; line > 1 && from < text.n; from++)
    line -= text.p[from] == '\n';
  size_t to = from;
  while (to < text.n && text.p[to] != '\n' && text.p[to] != '\r')
    to++;
  // Long lines (generated text) are shown around the place.
  enum { SHOWN = 100 };
  size_t mark = from;
  for (uint32_t c = 1; c < column && mark < to; mark++)
    c += mark + 1 >= to || ((uint8_t)text.p[mark + 1] & 0xc0) != 0x80;
  if (mark - from > SHOWN / 2)
    for (from = mark - SHOWN / 2; from < mark && ((uint8_t)text.p[from] & 0xc0) == 0x80;)
      from++;
  if (to - from > SHOWN)
    for (to = from + SHOWN; to > mark && ((uint8_t)text.p[to] & 0xc0) == 0x80;)
      to--;
  zw_text_put(out, text.p + from, to - from);
  zw_text_put(out, "\n", 1);
  for (size_t i = from; i < mark; i++)
    if (((uint8_t)text.p[i] & 0xc0) != 0x80)
      zw_text_put(out, text.p[i] == '\t' ? "\t" : " ", 1);
  zw_text_put(out, "^\n", 2);
}

void zw_wat_fail(const WatSource *s, uint32_t pos, ErrorId err, const char *fmt, ...)
{
  char text[400];
  va_list ap;
  va_start(ap, fmt);
  zw_vformat(text, sizeof text, fmt, ap);
  va_end(ap);
  uint32_t line, column;
  zw_wat_line_column(s->text, pos, &line, &column);
  zw_fail_at_line(s->ctx, err, line, column, "%s", text);
}
