// Directives from tokens.  spec: the interpreter's script grammar (interpreter/README.md of the specification)
#include "tools/zwasm/wast.h"
#include "runtime/base/bits.h"

const char *const zw_wast_directive_names[DIR_KIND_COUNT] = {
  [DIR_MODULE] = "module", [DIR_DEFINITION] = "module definition", [DIR_INSTANCE] = "module instance",
  [DIR_REGISTER] = "register", [DIR_ACTION] = "action", [DIR_ASSERT_RETURN] = "assert_return", [DIR_ASSERT_TRAP] = "assert_trap",
  [DIR_ASSERT_TRAP_MODULE] = "assert_trap (module)", [DIR_ASSERT_EXCEPTION] = "assert_exception",
  [DIR_ASSERT_EXHAUSTION] = "assert_exhaustion", [DIR_ASSERT_INVALID] = "assert_invalid",
  [DIR_ASSERT_MALFORMED] = "assert_malformed", [DIR_ASSERT_UNLINKABLE] = "assert_unlinkable",
  [DIR_ASSERT_INVALID_CUSTOM] = "assert_invalid_custom", [DIR_ASSERT_MALFORMED_CUSTOM] = "assert_malformed_custom",
  [DIR_THREAD] = "thread", [DIR_WAIT] = "wait",
};

bool zw_wast_is_validation(DirectiveKind k)
{
  switch (k) {
  case DIR_MODULE: case DIR_DEFINITION: case DIR_ASSERT_TRAP_MODULE: case DIR_ASSERT_INVALID: case DIR_ASSERT_MALFORMED:
  case DIR_ASSERT_UNLINKABLE: case DIR_ASSERT_INVALID_CUSTOM: case DIR_ASSERT_MALFORMED_CUSTOM:
    return true;
  case DIR_INSTANCE: case DIR_REGISTER: case DIR_ACTION: case DIR_ASSERT_RETURN: case DIR_ASSERT_TRAP: case DIR_ASSERT_EXCEPTION:
  case DIR_ASSERT_EXHAUSTION: case DIR_THREAD: case DIR_WAIT: case DIR_KIND_COUNT:
    return false;
  }
  return false;
}

// ---- tokens ----
static const WatTok *tok(const WastFile *f) { return &f->src.tok[f->at]; }
static bool word_at(const WastFile *f, uint32_t i, WatWord w)
{
  return i < f->src.ntok && f->src.tok[i].kind == TOK_WORD && f->src.tok[i].aux == w;
}
static bool at_word(const WastFile *f, WatWord w) { return word_at(f, f->at, w); }
static bool at_group(const WastFile *f, WatWord w) { return tok(f)->kind == TOK_LPAR && word_at(f, f->at + 1, w); }

static _Noreturn void unexpected(const WastFile *f, const char *wanted)
{
  const WatTok *t = tok(f);
  if (t->kind == TOK_ERROR)
    zw_wat_fail(&f->src, t->pos, ERR_syntax, "%s", zw_wat_lex_error_text[t->aux]);
  zw_wat_fail(&f->src, t->pos, ERR_syntax, "expected %s, found %.*s", wanted, t->len > 40 ? 40 : (int)t->len, f->src.text.p + t->pos);
}

static bool open(WastFile *f, WatWord w)
{
  if (!at_group(f, w))
    return false;
  f->at += 2;
  return true;
}

static void expect(WastFile *f, WatTokKind k, const char *wanted)
{
  if (tok(f)->kind != k)
    unexpected(f, wanted);
  f->at++;
}

static void close(WastFile *f) { expect(f, TOK_RPAR, "\")\""); }

static Str optional_id(WastFile *f)
{
  if (tok(f)->kind != TOK_ID)
    return (Str){ NULL, 0 };
  return f->src.sym[f->src.tok[f->at++].aux];
}

static Str string(WastFile *f)
{
  if (tok(f)->kind != TOK_STRING)
    unexpected(f, "a string");
  uint8_t *buf = zw_arena_alloc(&f->values, tok(f)->len, 1);
  size_t n = zw_wat_string(&f->src, tok(f), buf);
  f->at++;
  return (Str){ (const char *)buf, n };
}

// ---- values ----
typedef struct ValueList { WastValue *p; uint32_t n, cap; } ValueList;

static uint64_t number(WastFile *f, unsigned bits, bool is_float)
{
  const WatTok *t = tok(f);
  Str text = zw_wat_text(&f->src, t);
  uint64_t v = 0;
  if (t->kind != TOK_NAT && t->kind != TOK_INT && t->kind != TOK_FLOAT)
    unexpected(f, "a number");
  FpStatus st = is_float ? zw_fp_parse(text.p, text.n, bits, &v) : zw_wat_int(text, bits, &v);
  if (st != FP_OK)
    unexpected(f, "a number in range");
  f->at++;
  return v;
}

static uint8_t nan_pattern(WastFile *f)
{
  uint8_t k = at_word(f, W_nan_canonical) ? NAN_CANONICAL : at_word(f, W_nan_arithmetic) ? NAN_ARITHMETIC : NAN_NONE;
  f->at += k != NAN_NONE;
  return k;
}

static void vector(WastFile *f, WastValue *v)
{
  static const struct { WatWord word; uint8_t bytes; bool is_float; } shapes[] = {
    { W_i8x16, 1, false }, { W_i16x8, 2, false }, { W_i32x4, 4, false }, { W_i64x2, 8, false }, { W_f32x4, 4, true }, { W_f64x2, 8, true }
  };
  for (size_t k = 0; k < ARRAY_COUNT(shapes); k++) {
    if (!at_word(f, shapes[k].word))
      continue;
    f->at++;
    v->lane_bytes = shapes[k].bytes, v->float_lanes = shapes[k].is_float;
    for (unsigned i = 0; i < 16u / shapes[k].bytes; i++) {
      if (shapes[k].is_float && (v->nan[i] = nan_pattern(f)) != NAN_NONE)
        continue;
      uint64_t n = number(f, 8 * shapes[k].bytes, shapes[k].is_float);
      memcpy(v->v.bytes + i * shapes[k].bytes, &n, shapes[k].bytes);
    }
    return;
  }
  unexpected(f, "a lane shape");
}

static void heap_type(WastFile *f, WastValue *v)
{
  static const struct { WatWord w; uint32_t heap; } heaps[] = {
    { W_func, HEAP_FUNC }, { W_nofunc, HEAP_NOFUNC }, { W_extern, HEAP_EXTERN }, { W_noextern, HEAP_NOEXTERN }, { W_any, HEAP_ANY },
    { W_eq, HEAP_EQ }, { W_i31, HEAP_I31 }, { W_struct, HEAP_STRUCT }, { W_array, HEAP_ARRAY }, { W_none, HEAP_NONE },
    { W_exn, HEAP_EXN }, { W_noexn, HEAP_NOEXN },
  };
  v->any = true;
  for (size_t k = 0; k < ARRAY_COUNT(heaps); k++)
    if (at_word(f, heaps[k].w)) {
      v->heap = heaps[k].heap, v->any = false;
      f->at++;
    }
}

static bool reference(WastFile *f, WastValue *v)
{
  static const struct { WatWord w; WastKind kind; } refs[] = {
    { W_ref_func, WV_REF_FUNC }, { W_ref_extern, WV_REF_EXTERN }, { W_ref_host, WV_REF_HOST }, { W_ref_any, WV_REF_ANY },
    { W_ref_eq, WV_REF_EQ }, { W_ref_i31, WV_REF_I31 }, { W_ref_struct, WV_REF_STRUCT }, { W_ref_array, WV_REF_ARRAY },
    { W_ref_exn, WV_REF_EXN },
  };
  if (open(f, W_ref_null)) {
    v->kind = WV_REF_NULL;
    heap_type(f, v);
    return true;
  }
  for (size_t k = 0; k < ARRAY_COUNT(refs); k++)
    if (open(f, refs[k].w)) {
      v->kind = (uint8_t)refs[k].kind;
      v->any = tok(f)->kind != TOK_NAT;
      if (!v->any)
        v->v.u64 = number(f, 32, false);
      return true;
    }
  return false;
}

// One constant or expected result (not an `either`).  False: none stands here.
static bool simple_value(WastFile *f, WastValue *v)
{
  *v = (WastValue){ .lane_bytes = 0 };
  if (open(f, W_i32_const)) {
    v->kind = WV_I32, v->v.u32 = (uint32_t)number(f, 32, false);
  } else if (open(f, W_i64_const)) {
    v->kind = WV_I64, v->v.u64 = number(f, 64, false);
  } else if (open(f, W_f32_const)) {
    v->kind = WV_F32;
    if ((v->nan[0] = nan_pattern(f)) == NAN_NONE)
      v->v.u32 = (uint32_t)number(f, 32, true);
  } else if (open(f, W_f64_const)) {
    v->kind = WV_F64;
    if ((v->nan[0] = nan_pattern(f)) == NAN_NONE)
      v->v.u64 = number(f, 64, true);
  } else if (open(f, W_v128_const)) {
    v->kind = WV_V128;
    vector(f, v);
  } else if (!reference(f, v)) {
    return false;
  }
  close(f);
  return true;
}

static void either(WastFile *f, ValueList *l)
{
  uint32_t at = l->n;
  *zw_push(&f->values, l) = (WastValue){ .kind = WV_EITHER };
  WastValue v;
  while (simple_value(f, &v))
    *zw_push(&f->values, l) = v;
  l->p[at].alternatives = l->n - at - 1;
  close(f);
}

// Values up to the closing parenthesis; returns how many (an `either` is one).
static uint32_t values(WastFile *f, bool results, const WastValue **out)
{
  ValueList l = { 0 };
  uint32_t n = 0;
  for (WastValue v; tok(f)->kind == TOK_LPAR; n++) {
    if (results && open(f, W_either))
      either(f, &l);
    else if (simple_value(f, &v))
      *zw_push(&f->values, &l) = v;
    else
      unexpected(f, "a constant");
  }
  *out = l.p;
  return n;
}

// ---- modules and actions ----
// f->at is after "(module"; leaves it after the ")".
static void module_spec(WastFile *f, ModuleSpec *m, uint32_t end)
{
  *m = (ModuleSpec){ .id = optional_id(f) };
  if (at_word(f, W_binary))
    m->form = FORM_BINARY, f->at++;
  else if (at_word(f, W_quote))
    m->form = FORM_QUOTE, f->at++;
  m->first = f->at, m->end = end;
  f->at = end;
  close(f);
}

static void action(WastFile *f, Action *a)
{
  *a = (Action){ .get = at_group(f, W_get) };
  if (!open(f, W_invoke) && !open(f, W_get))
    unexpected(f, "(invoke or (get");
  a->module = optional_id(f);
  a->name = string(f);
  if (!a->get)
    a->nargs = values(f, false, &a->args);
  close(f);
}

static void module_directive(WastFile *f, Directive *d, uint32_t end)
{
  if (at_word(f, W_definition)) {
    f->at++;
    d->kind = DIR_DEFINITION;
    module_spec(f, &d->module, end);
  } else if (at_word(f, W_instance)) {
    f->at++;
    d->kind = DIR_INSTANCE;
    d->id = optional_id(f);
    d->name = optional_id(f);
    close(f);
  } else {
    d->kind = DIR_MODULE;
    module_spec(f, &d->module, end);
  }
}

static void assert_module(WastFile *f, Directive *d, DirectiveKind kind)
{
  d->kind = kind;
  uint32_t end = tok(f)->aux;
  if (!open(f, W_module))
    unexpected(f, "(module");
  module_spec(f, &d->module, end);
  d->message = string(f);
  close(f);
}

static void assert_action(WastFile *f, Directive *d, DirectiveKind kind)
{
  d->kind = kind;
  action(f, &d->action);
  if (kind == DIR_ASSERT_RETURN)
    d->nresults = values(f, true, &d->results);
  else if (kind != DIR_ASSERT_EXCEPTION)
    d->message = string(f);
  close(f);
}

static void thread_directive(WastFile *f, Directive *d, uint32_t end)
{
  d->kind = DIR_THREAD;
  d->id = optional_id(f);
  if (tok(f)->kind == TOK_LPAR && word_at(f, f->at + 1, W_shared)) {
    f->at += 2;
    if (!open(f, W_module))
      unexpected(f, "(module");
    d->shared = optional_id(f);
    close(f);
    close(f);
  }
  d->first = f->at, d->end = end;
  f->at = end;
  close(f);
}

void zw_wast_read(WastFile *f, Directive *d)
{
  *d = (Directive){ .pos = tok(f)->pos };
  uint32_t end = tok(f)->aux;
  if (tok(f)->kind != TOK_LPAR)
    unexpected(f, "a directive");
  if (f->src.tok[end].kind != TOK_RPAR) {
    f->at = end;
    unexpected(f, "\")\"");
  }
  if (open(f, W_module)) {
    module_directive(f, d, end);
  } else if (open(f, W_register)) {
    d->kind = DIR_REGISTER;
    d->name = string(f);
    d->id = optional_id(f);
    close(f);
  } else if (at_group(f, W_invoke) || at_group(f, W_get)) {
    d->kind = DIR_ACTION;
    action(f, &d->action);
  } else if (open(f, W_assert_return)) {
    assert_action(f, d, DIR_ASSERT_RETURN);
  } else if (open(f, W_assert_exception)) {
    assert_action(f, d, DIR_ASSERT_EXCEPTION);
  } else if (open(f, W_assert_exhaustion)) {
    assert_action(f, d, DIR_ASSERT_EXHAUSTION);
  } else if (open(f, W_assert_trap)) {
    if (at_group(f, W_module))
      assert_module(f, d, DIR_ASSERT_TRAP_MODULE);
    else
      assert_action(f, d, DIR_ASSERT_TRAP);
  } else if (open(f, W_assert_invalid)) {
    assert_module(f, d, DIR_ASSERT_INVALID);
  } else if (open(f, W_assert_malformed)) {
    assert_module(f, d, DIR_ASSERT_MALFORMED);
  } else if (open(f, W_assert_unlinkable)) {
    assert_module(f, d, DIR_ASSERT_UNLINKABLE);
  } else if (open(f, W_assert_invalid_custom)) {
    assert_module(f, d, DIR_ASSERT_INVALID_CUSTOM);
  } else if (open(f, W_assert_malformed_custom)) {
    assert_module(f, d, DIR_ASSERT_MALFORMED_CUSTOM);
  } else if (open(f, W_thread)) {
    thread_directive(f, d, end);
  } else if (open(f, W_wait)) {
    d->kind = DIR_WAIT;
    d->id = optional_id(f);
    close(f);
  } else {
    f->at++;
    unexpected(f, "a directive");
  }
}

// ---- counting ----
static bool is_command_word(const WastFile *f, uint32_t i)
{
  static const WatWord words[] = { W_module, W_register, W_invoke, W_get, W_assert_return, W_assert_trap, W_assert_exception,
                                   W_assert_exhaustion, W_assert_invalid, W_assert_malformed, W_assert_unlinkable,
                                   W_assert_invalid_custom, W_assert_malformed_custom, W_thread, W_wait, W_script, W_input, W_output };
  for (size_t k = 0; k < ARRAY_COUNT(words); k++)
    if (word_at(f, i, words[k]))
      return true;
  return false;
}

bool zw_wast_is_bare_module(const WastFile *f)
{
  return f->src.tok[0].kind == TOK_LPAR && f->src.tok[1].kind == TOK_WORD && f->src.tok[1].aux != W_NO_WORD && !is_command_word(f, 1);
}

static bool is_assertion(const WastFile *f, uint32_t i)
{
  Str t = zw_wat_text(&f->src, &f->src.tok[i]);
  return t.n > 7 && memcmp(t.p, "assert_", 7) == 0;
}

// Is the directive whose word is at i one of those that validation decides?
static bool validation_word(const WastFile *f, uint32_t i)
{
  if (word_at(f, i, W_module))
    return !word_at(f, i + 1, W_instance);
  if (word_at(f, i, W_assert_trap))
    return f->src.tok[i + 1].kind == TOK_LPAR && word_at(f, i + 2, W_module);
  return word_at(f, i, W_assert_invalid) || word_at(f, i, W_assert_malformed) || word_at(f, i, W_assert_unlinkable) ||
         word_at(f, i, W_assert_invalid_custom) || word_at(f, i, W_assert_malformed_custom);
}

uint32_t zw_wast_count(const WastFile *f, uint32_t first, uint32_t end, bool validation_only, uint64_t *assertions)
{
  const WatTok *t = f->src.tok;
  uint32_t n = 0;
  for (uint32_t i = first; i < end && t[i].kind == TOK_LPAR;) {
    n += !validation_only || validation_word(f, i + 1);
    *assertions += is_assertion(f, i + 1);
    if (word_at(f, i + 1, W_thread)) { // go into it: its directives count, too
      for (i += 2; i < end && t[i].kind != TOK_RPAR && !(t[i].kind == TOK_LPAR && is_command_word(f, i + 1));)
        i = t[i].kind == TOK_LPAR ? t[i].aux + 1 : i + 1;
    } else {
      i = t[i].aux + 1;
    }
    while (i < end && t[i].kind == TOK_RPAR) // the end of a thread
      i++;
  }
  return n;
}
