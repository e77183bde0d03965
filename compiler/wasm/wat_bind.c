// The first walk over a module's fields: every definition gets its index and its name, so that anything may be used before
// it is defined.
#include "compiler/wasm/wat_int.h"

static bool definition_space(WatWord w, Space *space)
{
  switch ((int)w) {
  case W_func: *space = SPACE_FUNC; return true;
  case W_table: *space = SPACE_TABLE; return true;
  case W_memory: *space = SPACE_MEMORY; return true;
  case W_global: *space = SPACE_GLOBAL; return true;
  case W_tag: *space = SPACE_TAG; return true;
  default: return false;
  }
}

// Bind the identifier at token i, if one is there, to the next index of the space.
static void bind_next(WatParser *p, Space space, uint32_t i)
{
  if (i < p->end && p->s->tok[i].kind == TOK_ID)
    zw_wat_bind(p, space, 0, p->s->tok[i].aux, p->bound[space], i);
  p->bound[space]++;
}

// Does the field whose "(" is at i have a direct child (w ..)?
static bool has_child(const WatParser *p, uint32_t i, WatWord w)
{
  const WatTok *t = p->s->tok;
  uint32_t end = t[i].aux;
  for (uint32_t k = i + 1; k < end; k = t[k].kind == TOK_LPAR ? t[k].aux + 1 : k + 1)
    if (t[k].kind == TOK_LPAR && is_word_at(p, k + 1, w))
      return true;
  return false;
}

// Is this definition an import: (func $id? (export ..)* (import ..) ..)?
static bool is_inline_import(const WatParser *p, uint32_t i)
{
  const WatTok *t = p->s->tok;
  uint32_t k = i + 2;
  if (k < p->end && t[k].kind == TOK_ID)
    k++;
  while (k < p->end && t[k].kind == TOK_LPAR && is_word_at(p, k + 1, W_export))
    k = t[k].aux + 1;
  return k < p->end && t[k].kind == TOK_LPAR && is_word_at(p, k + 1, W_import);
}

static void bind_rec(WatParser *p, uint32_t i)
{
  const WatTok *t = p->s->tok;
  for (uint32_t k = i + 2; k < t[i].aux; k = t[k].kind == TOK_LPAR ? t[k].aux + 1 : k + 1)
    if (t[k].kind == TOK_LPAR && is_word_at(p, k + 1, W_type))
      bind_next(p, SPACE_TYPE, k + 2);
}

// (import "m" "n" (kind $id? ..))
static void bind_import(WatParser *p, uint32_t i)
{
  const WatTok *t = p->s->tok;
  Space space;
  uint32_t k = i + 2;
  while (k < t[i].aux && t[k].kind == TOK_STRING)
    k++;
  if (t[k].kind == TOK_LPAR && k + 1 < p->end && t[k + 1].kind == TOK_WORD && definition_space((WatWord)t[k + 1].aux, &space))
    bind_next(p, space, k + 2);
}

static void check_import_order(const WatParser *p, uint32_t i)
{
  static const struct { Space space; const char *word; } kinds[] = {
    { SPACE_FUNC, "function" }, { SPACE_TABLE, "table" }, { SPACE_MEMORY, "memory" }, { SPACE_GLOBAL, "global" }, { SPACE_TAG, "tag" }
  };
  for (size_t k = 0; k < ARRAY_COUNT(kinds); k++)
    if (p->next[kinds[k].space]) // counts definitions during this walk
      zw_wat_error(p, i, "import after %s", kinds[k].word);
}

static void bind_field(WatParser *p, uint32_t i)
{
  Space space;
  WatWord w = i + 1 < p->end && p->s->tok[i + 1].kind == TOK_WORD ? (WatWord)p->s->tok[i + 1].aux : W_NO_WORD;
  if (definition_space(w, &space)) {
    bind_next(p, space, i + 2);
    if (is_inline_import(p, i))
      check_import_order(p, i);
    else
      p->next[space]++;
    if (space == SPACE_TABLE && has_child(p, i, W_elem))
      p->bound[SPACE_ELEM]++;
    if (space == SPACE_MEMORY && has_child(p, i, W_data))
      p->bound[SPACE_DATA]++;
  } else if (w == W_type) {
    bind_next(p, SPACE_TYPE, i + 2);
  } else if (w == W_rec) {
    bind_rec(p, i);
  } else if (w == W_import) {
    check_import_order(p, i);
    bind_import(p, i);
  } else if (w == W_elem || w == W_data) {
    bind_next(p, w == W_elem ? SPACE_ELEM : SPACE_DATA, i + 2);
  }
}

void zw_wat_bind_fields(WatParser *p, uint32_t first)
{
  const WatTok *t = p->s->tok;
  for (uint32_t i = first; i < p->end && t[i].kind == TOK_LPAR; i = t[i].aux + 1)
    bind_field(p, i);
  for (int k = 0; k < SPACE_COUNT; k++)
    p->next[k] = 0;
}
