// Text to ZIR: what print.c writes, and what a person writes for a test.  The form is described in README.md.
//
// Values and blocks may have any numbers in the text; they are renumbered in order of appearance, so printing
// what was parsed from a printed function gives the same text.  Loops may be left out: then they are found from
// the edges, given that blocks stand in layout order.  Only the text's form is judged here, the rules by verify.c.
#include "compiler/zir/zir_int.h"
#include "runtime/base/bits.h"
#include "runtime/base/vec.h"

typedef VEC(uint32_t) Words;
typedef struct Hoisted { uint32_t value, block /* a number of the text */, line; } Hoisted;
typedef struct Name { uint32_t number, line; } Name; // a mention to be renumbered, and where
typedef struct PendingEdge { uint32_t to, from, args, nargs, line; } PendingEdge;

typedef struct Parser {
  Ctx *ctx;
  const char *p, *end;
  uint32_t line;
  Arena *a;
  ZirFunc *f;
  Module *m;
  VEC(ZBlock) blocks;
  VEC(uint32_t) try_of;         // parallel
  VEC(uint32_t) xa;
  VEC(Ref) edge_args;
  VEC(PendingEdge) edges;
  VEC(ZLoop) loops;
  VEC(ZTry) tries;
  VEC(ZCatch) catches;
  VEC(TypeDef) types;
  VEC(Func) funcs;
  VEC(Tag) tags;
  VEC(uint32_t) lines;          // per instruction
  VEC(Hoisted) hoisted;
  Words order, value_of, block_of; // value_of[text number] = index + 1
} Parser;

enum { MAX_NUMBER = 1 << 22 };

#define fail(s, ...) zw_fail_at_line((s)->ctx, ERR_syntax, (s)->line, 0, __VA_ARGS__)

// ---- tokens ----
static void skip_space(Parser *s)
{
  for (; s->p < s->end; s->p++)
    if (*s->p == ';')
      while (s->p + 1 < s->end && s->p[1] != '\n')
        s->p++;
    else if (*s->p == '\n')
      s->line++;
    else if (*s->p != ' ' && *s->p != '\t' && *s->p != '\r')
      return;
}

static bool is_word_char(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

static Str peek_word(Parser *s)
{
  skip_space(s);
  const char *q = s->p;
  while (q < s->end && is_word_char(*q))
    q++;
  return (Str){ s->p, (size_t)(q - s->p) };
}

static Str read_word(Parser *s)
{
  Str w = peek_word(s);
  if (!w.n)
    fail(s, "a word is missing before '%.*s'", (int)(s->end - s->p > 10 ? 10 : s->end - s->p), s->p);
  s->p += w.n;
  return w;
}

static bool is(Str w, const char *text) { return w.n == strlen(text) && memcmp(w.p, text, w.n) == 0; }

static bool take_word(Parser *s, const char *text)
{
  Str w = peek_word(s);
  if (!is(w, text))
    return false;
  s->p += w.n;
  return true;
}

static bool take(Parser *s, char c)
{
  skip_space(s);
  if (s->p >= s->end || *s->p != c)
    return false;
  s->p++;
  return true;
}

static void want(Parser *s, char c)
{
  if (!take(s, c))
    fail(s, "'%c' is missing before '%.*s'", c, (int)(s->end - s->p > 10 ? 10 : s->end - s->p), s->p);
}

static uint64_t number_of(Parser *s, Str w)
{
  uint64_t v = 0;
  bool hex = w.n > 2 && w.p[0] == '0' && w.p[1] == 'x';
  size_t k = hex ? 2 : 0;
  if (k >= w.n)
    fail(s, "a number is missing");
  for (; k < w.n; k++) {
    char c = w.p[k];
    unsigned d = c >= '0' && c <= '9' ? (unsigned)(c - '0') : hex && c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10) : 99;
    if (d >= (hex ? 16u : 10u))
      fail(s, "'%.*s' is not a number", (int)w.n, w.p);
    if (__builtin_mul_overflow(v, hex ? 16u : 10u, &v) || __builtin_add_overflow(v, d, &v))
      fail(s, "%.*s is too large", (int)w.n, w.p);
  }
  return v;
}

static uint64_t read_u64(Parser *s)
{
  bool minus = take(s, '-');
  uint64_t v = number_of(s, read_word(s));
  return minus ? 0 - v : v;
}

static uint32_t read_u32(Parser *s)
{
  uint64_t v = number_of(s, read_word(s));
  if (v > UINT32_MAX)
    fail(s, "%llu does not fit 32 bits", (unsigned long long)v);
  return (uint32_t)v;
}

// "v12", "b3", "f4", "t5": a letter and a number.
static bool is_name(Str w, char letter)
{
  if (w.n < 2 || w.p[0] != letter)
    return false;
  for (size_t k = 1; k < w.n; k++)
    if (w.p[k] < '0' || w.p[k] > '9')
      return false;
  return true;
}

static uint32_t read_name(Parser *s, char letter)
{
  Str w = read_word(s);
  if (!is_name(w, letter))
    fail(s, "'%c' and a number are wanted, not '%.*s'", letter, (int)w.n, w.p);
  uint64_t v = number_of(s, (Str){ w.p + 1, w.n - 1 });
  if (v >= MAX_NUMBER)
    fail(s, "%.*s: the number is too large", (int)w.n, w.p);
  return (uint32_t)v;
}

static uint32_t find_name(Parser *s, const char *const *names, uint32_t n, const char *what)
{
  Str w = read_word(s);
  for (uint32_t k = 0; k < n; k++)
    if (is(w, names[k]))
      return k;
  fail(s, "unknown %s '%.*s'", what, (int)w.n, w.p);
}

static ValKind read_kind(Parser *s) { return (ValKind)find_name(s, zw_zir_kind_name, VK_COUNT, "type"); }

static void define(Parser *s, Words *map, uint32_t number, uint32_t index, char letter)
{
  uint32_t n = map->n;
  if (number >= n) {
    zw_reserve(s->a, map, number + 1);
    memset(map->p + n, 0, (number + 1 - n) * sizeof *map->p);
    map->n = number + 1;
  }
  if (map->p[number])
    fail(s, "%c%u is defined twice", letter, number);
  map->p[number] = index + 1;
}

static uint32_t lookup(Parser *s, const Words *map, uint32_t number, uint32_t line, char letter)
{
  if (number < map->n && map->p[number])
    return map->p[number] - 1;
  s->line = line;
  fail(s, "%c%u is not defined", letter, number);
}

// ---- operands ----
static Ref read_ref(Parser *s)
{
  Str w = peek_word(s);
  if (is_name(w, 'v'))
    return read_name(s, 'v'); // renumbered at the end
  if (take_word(s, "nullfunc"))
    return zw_zir_const(s->f, VK_FUNCREF, 0, 0);
  if (take_word(s, "null"))
    return zw_zir_const(s->f, VK_REF, 0, 0);
  if (take_word(s, "vec")) { // "v128" would be a value
    uint64_t low = read_u64(s);
    return zw_zir_const(s->f, VK_V128, low, read_u64(s));
  }
  ValKind ty = read_kind(s);
  return zw_zir_const(s->f, ty, read_u64(s), 0);
}

static uint32_t read_refs(Parser *s, uint32_t *first)
{
  *first = s->xa.n;
  want(s, '(');
  if (take(s, ')'))
    return 0;
  do {
    Ref r = read_ref(s);
    *zw_push(s->a, &s->xa) = r;
  } while (take(s, ','));
  want(s, ')');
  return s->xa.n - *first;
}

static void read_n_refs(Parser *s, uint32_t *first, uint32_t n)
{
  uint32_t got = read_refs(s, first);
  if (got != n)
    fail(s, "%u operands are wanted, not %u", n, got);
}

static void read_field_refs(Parser *s, ZIns *ins)
{
  unsigned refs = zw_zir_shape[ins->op].refs;
  uint32_t *field[3] = { &ins->a, &ins->b, &ins->c };
  bool first = true;
  for (unsigned k = 0; k < 3; k++)
    if (refs >> k & 1) {
      if (!first)
        want(s, ',');
      *field[k] = read_ref(s);
      first = false;
    }
}

static void read_edge(Parser *s)
{
  PendingEdge e = { .from = s->blocks.n - 1, .line = s->line, .args = s->edge_args.n };
  e.to = read_name(s, 'b');
  if (take(s, '(') && !take(s, ')')) {
    do {
      Ref r = read_ref(s);
      *zw_push(s->a, &s->edge_args) = r;
    } while (take(s, ','));
    want(s, ')');
  }
  e.nargs = s->edge_args.n - e.args;
  *zw_push(s->a, &s->edges) = e;
  s->blocks.p[s->blocks.n - 1].nedges++;
}

static void read_edges(Parser *s)
{
  do
    read_edge(s);
  while (take(s, ','));
}

static uint32_t read_offset(Parser *s) { return take(s, '+') ? read_u32(s) : 0; }
static uint32_t read_index(Parser *s) { return want(s, '#'), read_u32(s); }
static uint8_t read_alias(Parser *s) { return (uint8_t)find_name(s, zw_zir_alias_name, AL_COUNT, "alias class"); }

static void read_mem(Parser *s, ZIns *ins)
{
  ins->c = read_offset(s);
  if (take_word(s, "mem"))
    ins->fl = (uint8_t)read_u32(s);
}

static void read_operands(Parser *s, ZIns *ins)
{
  ZForm form = (ZForm)zw_zir_shape[ins->op].form;
  switch (form) {
  case ZF_REFS: read_field_refs(s, ins); return;
  case ZF_LANE: read_field_refs(s, ins), ins->c = read_index(s); return;
  case ZF_LOAD: case ZF_STORE: read_field_refs(s, ins), read_mem(s, ins); return;
  case ZF_CMPXCHG: read_n_refs(s, &ins->a, 3), read_mem(s, ins); return;
  case ZF_LANEMEM: {
    read_n_refs(s, &ins->a, 2);
    uint32_t lane = read_index(s);
    *zw_push(s->a, &s->xa) = lane;
    read_mem(s, ins);
    return;
  }
  case ZF_SHUFFLE: read_field_refs(s, ins), read_n_refs(s, &ins->c, 2); return;
  case ZF_PARAM: ins->a = read_u32(s); return;
  case ZF_RESULT: read_field_refs(s, ins), ins->b = read_index(s); return;
  case ZF_VM_LOAD: ins->a = read_offset(s), ins->fl = read_alias(s); return;
  case ZF_VM_STORE: read_field_refs(s, ins), ins->a = read_offset(s), ins->fl = read_alias(s); return;
  case ZF_OFFSET: ins->a = read_offset(s); return;
  case ZF_PTR_LOAD: case ZF_PTR_STORE: read_field_refs(s, ins), ins->c = read_offset(s), ins->fl = read_alias(s); return;
  case ZF_GC_NEW:
    read_field_refs(s, ins), ins->b = read_offset(s);
    if (!take_word(s, "type"))
      fail(s, "'type' is missing");
    ins->c = read_u32(s);
    return;
  case ZF_GC_LOAD: read_field_refs(s, ins), ins->c = read_offset(s), ins->fl = (uint8_t)read_index(s); return;
  case ZF_GC_STORE: read_n_refs(s, &ins->a, 3), ins->c = read_offset(s), ins->fl = (uint8_t)read_index(s); return;
  case ZF_GC_ELEM: read_field_refs(s, ins), ins->fl = (uint8_t)read_index(s); return;
  case ZF_GC_PUT: read_n_refs(s, &ins->a, 4), ins->fl = (uint8_t)read_index(s); return;
  case ZF_TRAPIF: read_field_refs(s, ins), ins->c = find_name(s, zw_zir_trap_name, TRAP_COUNT, "trap"); return;
  case ZF_CALL: case ZF_TCALL: ins->c = read_name(s, 'f'), ins->b = read_refs(s, &ins->a); return;
  case ZF_CALL_ELEM: case ZF_TCALL_ELEM: ins->c = read_name(s, 't'), ins->b = read_refs(s, &ins->a); return;
  case ZF_LIB: ins->c = find_name(s, zw_zir_lib_name, LIB_COUNT, "library call"), ins->b = read_refs(s, &ins->a); return;
  case ZF_THROW:
    if (!take_word(s, "tag"))
      fail(s, "'tag' is missing");
    ins->c = read_u32(s), ins->b = read_refs(s, &ins->a);
    return;
  case ZF_CATCH: ins->b = read_index(s); return;
  case ZF_JMP: read_edges(s); return;
  case ZF_BR: read_field_refs(s, ins), want(s, ','), read_edges(s); return;
  case ZF_SWITCH:
    read_field_refs(s, ins), want(s, '[');
    for (ins->b = s->xa.n; !take(s, ']'); ins->c++) {
      uint32_t edge = read_u32(s);
      *zw_push(s->a, &s->xa) = edge;
    }
    read_edges(s);
    return;
  case ZF_RET: ins->b = read_refs(s, &ins->a); return;
  case ZF_TRAP: ins->c = find_name(s, zw_zir_trap_name, TRAP_COUNT, "trap"); return;
  case ZF_PHI: case ZF_NONE: break;
  }
  fail(s, "'%s' is not an instruction of ZIR", zw_op_info[ins->op].text);
}

// ---- instructions and blocks ----
static uint32_t append(Parser *s, ZIns ins)
{
  ZirFunc *f = s->f;
  zw_zir_reserve(f, f->nins + 1);
  uint32_t i = f->nins++;
  f->ins[i] = ins;
  f->val[i] = zw_val(s->blocks.n - 1, 0);
  f->at[i] = 0;
  *zw_push(s->a, &s->lines) = s->line;
  s->blocks.p[s->blocks.n - 1].end = f->nins;
  return i;
}

static void read_ins(Parser *s)
{
  uint32_t number = UINT32_MAX;
  ZIns ins = { .ty = VK_COUNT };
  if (is_name(peek_word(s), 'v')) {
    number = read_name(s, 'v');
    want(s, ':');
    ins.ty = (uint8_t)read_kind(s);
    want(s, '=');
  }
  Str w = read_word(s);
  Op op = zw_op_from_text(w.p, w.n);
  if (op == OP_COUNT)
    fail(s, "unknown instruction '%.*s'", (int)w.n, w.p);
  ins.op = (uint16_t)op;
  if (!s->blocks.n)
    fail(s, "an instruction stands before the first block");
  uint32_t line = s->line;
  read_operands(s, &ins);
  uint32_t i = append(s, ins);
  if (number != UINT32_MAX)
    define(s, &s->value_of, number, i, 'v');
  if (take_word(s, "proved"))
    s->f->val[i].blk |= ZV_PROVED;
  if (take_word(s, "at")) {
    uint32_t name = read_name(s, 'b');
    *zw_push(s->a, &s->hoisted) = (Hoisted){ i, name, line };
  }
  uint32_t flags = zw_zir_shape[op].flags;
  if (take(s, '@'))
    s->f->at[i] = read_u32(s);
  else if (flags & OPF_TRAPS || (flags & OPF_EFFECT && zw_zir_shape[op].xa))
    s->f->at[i] = line; // hand-written text need not invent offsets
}

static void read_block(Parser *s)
{
  uint32_t number = read_name(s, 'b');
  define(s, &s->block_of, number, s->blocks.n, 'b');
  ZBlock *b = zw_push(s->a, &s->blocks);
  *b = (ZBlock){ .first = s->f->nins, .end = s->f->nins, .edges = s->edges.n, .loop = NO_LOOP };
  *zw_push(s->a, &s->try_of) = UINT32_MAX;
  if (take(s, '(')) {
    do {
      uint32_t v = read_name(s, 'v');
      want(s, ':');
      uint32_t i = append(s, (ZIns){ .op = OP_phi, .ty = (uint8_t)read_kind(s) });
      define(s, &s->value_of, v, i, 'v');
    } while (take(s, ','));
    want(s, ')');
  }
  b->nphi = (uint16_t)(s->f->nins - b->first);
  for (; !take(s, ':');)
    if (take_word(s, "loop"))
      b->loop = read_u32(s);
    else if (take_word(s, "cold"))
      b->cold = 1;
    else if (take_word(s, "handler"))
      b->is_handler = 1;
    else if (take_word(s, "try"))
      s->try_of.p[s->blocks.n - 1] = read_u32(s);
    else
      want(s, ':');
}

// ---- the head: module, declarations, loops ----
static const ValType kind_type[VK_COUNT] = { VT_I32, VT_I64, VT_F32, VT_F64, VT_V128, VT_FUNCREF, VT_EXTERNREF };

static uint32_t read_kinds(Parser *s, const ValType **out)
{
  VEC(ValType) v = { 0 };
  want(s, '(');
  if (!take(s, ')')) {
    do
      *zw_push(s->a, &v) = kind_type[read_kind(s)];
    while (take(s, ','));
    want(s, ')');
  }
  *out = v.p;
  return v.n;
}

static TypeDef read_signature(Parser *s, bool results)
{
  TypeDef t = { .kind = COMP_FUNC, .final = true, .super = UINT32_MAX };
  FuncType *f = zw_new(s->a, FuncType);
  t.func = f;
  f->nparams = read_kinds(s, &f->params);
  if (results) {
    want(s, '-'), want(s, '>');
    f->nresults = read_kinds(s, &f->results);
  }
  return t;
}

#define room_for(s, vec, index)                                                                                        \
  do {                                                                                                                 \
    while ((vec)->n <= (index)) {                                                                                      \
      void *fresh = zw_push((s)->a, (vec));                                                                            \
      memset(fresh, 0, sizeof *(vec)->p);                                                                              \
    }                                                                                                                  \
  } while (0)

static uint32_t add_type(Parser *s, TypeDef t)
{
  t.canon = s->types.n;
  *zw_push(s->a, &s->types) = t;
  return s->types.n - 1;
}

static void read_module(Parser *s)
{
  for (;;)
    if (take_word(s, "imports"))
      s->m->nimported_funcs = s->f->counts.imported_funcs = read_u32(s);
    else if (take_word(s, "memories"))
      s->f->counts.memories = read_u32(s);
    else if (take_word(s, "tables"))
      s->f->counts.tables = read_u32(s);
    else if (take_word(s, "globals"))
      s->f->counts.globals = read_u32(s);
    else if (take_word(s, "types"))
      s->f->counts.types = read_u32(s);
    else if (take_word(s, "funcrefs"))
      s->f->counts.funcrefs = read_u32(s);
    else
      return;
}

// Types that the text names come first, so that t5 stays type 5; those of functions are added behind.
static void read_type(Parser *s)
{
  uint32_t k = read_name(s, 't');
  room_for(s, &s->types, k);
  TypeDef t = read_signature(s, true);
  t.canon = k;
  s->types.p[k] = t;
}

static void read_decl(Parser *s)
{
  uint32_t k = read_name(s, 'f');
  room_for(s, &s->funcs, k);
  s->funcs.p[k].type = add_type(s, read_signature(s, true));
}

static void read_tag(Parser *s)
{
  uint32_t k = read_u32(s);
  if (k > LIMIT_TAGS)
    fail(s, "tag %u is too large", k);
  room_for(s, &s->tags, k);
  s->tags.p[k].type = add_type(s, read_signature(s, false));
}

static void read_loop(Parser *s)
{
  uint32_t k = read_u32(s);
  if (k != s->loops.n)
    fail(s, "loop %u is wanted here, not %u", s->loops.n, k);
  ZLoop l = { .parent = NO_LOOP, .hoist_first = REF_NONE, .hoist_last = REF_NONE };
  for (;;)
    if (take_word(s, "header"))
      l.header = read_name(s, 'b');
    else if (take_word(s, "entry"))
      l.entry = read_name(s, 'b');
    else if (take_word(s, "parent"))
      l.parent = read_u32(s);
    else if (take_word(s, "effects"))
      l.effects = read_u32(s);
    else if (take_word(s, "height"))
      l.max_height = read_u32(s);
    else if (take_word(s, "calls"))
      l.has_call = 1;
    else if (take_word(s, "iterates"))
      l.iterates = 1;
    else if (take_word(s, "exits"))
      do {
        uint32_t b = read_name(s, 'b');
        if (l.nexits < 6)
          l.exits[l.nexits++] = b;
      } while (take(s, ','));
    else
      break;
  if (l.parent != NO_LOOP && l.parent >= k)
    fail(s, "the parent of loop %u must stand before it", k);
  l.depth = l.parent == NO_LOOP ? 1 : s->loops.p[l.parent].depth + 1;
  *zw_push(s->a, &s->loops) = l;
}

static void read_try(Parser *s)
{
  uint32_t k = read_u32(s);
  if (k != s->tries.n)
    fail(s, "try %u is wanted here, not %u", s->tries.n, k);
  ZTry t = { .parent = UINT32_MAX, .catches = s->catches.n };
  if (take_word(s, "parent"))
    t.parent = read_u32(s);
  while (take_word(s, "catch")) {
    ZCatch c = { .tag = UINT32_MAX };
    if (!take_word(s, "all"))
      c.tag = read_u32(s);
    c.with_ref = take_word(s, "ref");
    c.block = read_name(s, 'b');
    *zw_push(s->a, &s->catches) = c;
    t.ncatches++;
  }
  *zw_push(s->a, &s->tries) = t;
}

static void read_head(Parser *s)
{
  TypeDef own;
  for (;;) {
    if (take_word(s, "module"))
      read_module(s);
    else if (take_word(s, "type"))
      read_type(s);
    else if (take_word(s, "decl"))
      read_decl(s);
    else if (take_word(s, "tag"))
      read_tag(s);
    else
      break;
  }
  if (!take_word(s, "func"))
    fail(s, "'func' is missing");
  s->f->func = read_name(s, 'f');
  own = read_signature(s, true);
  room_for(s, &s->funcs, s->f->func);
  s->f->type = s->funcs.p[s->f->func].type = add_type(s, own);
  if (take_word(s, "frame"))
    s->f->frame_locals = read_u32(s);
  for (;;)
    if (take_word(s, "loop"))
      read_loop(s);
    else if (take_word(s, "try"))
      read_try(s);
    else if (take_word(s, "order"))
      do {
        uint32_t b = read_name(s, 'b');
        *zw_push(s->a, &s->order) = b;
      } while (take(s, ','));
    else
      return;
}

// ---- renumbering ----
static Ref renumber(Parser *s, Ref r, uint32_t line)
{
  return zw_ref_is_value(r) ? lookup(s, &s->value_of, r, line, 'v') : r;
}

static void renumber_ins(Parser *s, uint32_t i)
{
  ZIns *ins = &s->f->ins[i];
  const ZShape *shape = &zw_zir_shape[ins->op];
  uint32_t line = s->lines.p[i];
  uint32_t n = shape->xa == ZX_RANGE ? ins->b : shape->xa;
  for (uint32_t k = 0; k < n; k++)
    s->xa.p[ins->a + k] = renumber(s, s->xa.p[ins->a + k], line);
  if (shape->refs & 1)
    ins->a = renumber(s, ins->a, line);
  if (shape->refs & 2)
    ins->b = renumber(s, ins->b, line);
  if (shape->refs & 4)
    ins->c = renumber(s, ins->c, line);
}

static void renumber_edges(Parser *s)
{
  ZirFunc *f = s->f;
  f->nedges = s->edges.n;
  f->edges = zw_new_array(s->a, ZEdge, s->edges.n + 1);
  f->edge_args = s->edge_args.p;
  f->nedge_args = s->edge_args.n;
  for (uint32_t e = 0; e < s->edges.n; e++) {
    PendingEdge *p = &s->edges.p[e];
    uint32_t to = lookup(s, &s->block_of, p->to, p->line, 'b');
    s->line = p->line;
    if (f->blocks[to].nphi != p->nargs)
      fail(s, "V5: b%u takes %u values, the edge passes %u", p->to, f->blocks[to].nphi, p->nargs);
    for (uint32_t k = 0; k < p->nargs; k++)
      f->edge_args[p->args + k] = renumber(s, f->edge_args[p->args + k], p->line);
    f->edges[e] = (ZEdge){ to, p->from, p->args };
  }
}

static uint32_t block_named(Parser *s, uint32_t number) { return lookup(s, &s->block_of, number, s->line, 'b'); }

static void renumber_blocks(Parser *s)
{
  ZirFunc *f = s->f;
  for (uint32_t l = 0; l < s->loops.n; l++) {
    ZLoop *loop = &s->loops.p[l];
    loop->header = block_named(s, loop->header);
    loop->entry = block_named(s, loop->entry);
    for (uint32_t k = 0; k < loop->nexits; k++)
      loop->exits[k] = block_named(s, loop->exits[k]);
  }
  for (uint32_t k = 0; k < s->catches.n; k++)
    s->catches.p[k].block = block_named(s, s->catches.p[k].block);
  for (uint32_t k = 0; k < s->order.n; k++)
    s->order.p[k] = block_named(s, s->order.p[k]);
  if (!s->order.n)
    for (uint32_t b = 0; b < f->nblocks; b++)
      *zw_push(s->a, &s->order) = b;
  f->order = s->order.p;
  f->norder = s->order.n;
}

// ---- loops that the text leaves out ----
static uint32_t effects_of(const ZirFunc *f, const ZBlock *b)
{
  uint32_t effects = 0;
  for (uint32_t i = b->first; i < b->end; i++) {
    const ZIns *ins = &f->ins[i];
    uint32_t flags = zw_zir_shape[ins->op].flags;
    if (zw_op_info[ins->op].kind == OPK_MEM && flags & OPF_EFFECT)
      effects |= ins->fl ? EFF_STOREK : EFF_STORE0;
    if (ins->op == OP_call || ins->op == OP_call_elem)
      effects |= EFF_CALL;
    if (ins->op == OP_lib)
      effects |= EFF_STORE0 | EFF_STOREK | EFF_GROW | EFF_TABLE | EFF_GC;
    if ((ins->op == OP_vm_store || ins->op == OP_ptr_store) && ins->fl == AL_GLOBAL)
      effects |= 1u << 31;
    if (flags & OPF_TRAPS)
      effects |= EFF_TRAP;
  }
  return effects;
}

// Everything that reaches `header` against the edges without passing it.  Few blocks: it is a test's text.
static void collect_loop(const ZirFunc *f, uint32_t header, const uint32_t *at, uint8_t *in)
{
  memset(in, 0, f->nblocks);
  in[header] = 1;
  for (bool more = true; more;) {
    more = false;
    for (uint32_t e = 0; e < f->nedges; e++) {
      uint32_t to = f->edges[e].to, from = f->edges[e].from;
      bool back = to == header && at[from] >= at[header];
      if (!in[from] && (back || (in[to] && to != header)))
        in[from] = 1, more = true;
    }
  }
}

static void describe_loop(Parser *s, uint32_t header, const uint8_t *in)
{
  ZirFunc *f = s->f;
  uint32_t l = s->loops.n;
  ZLoop loop = { .parent = f->blocks[header].loop, .header = header, .entry = NO_BLOCK, .hoist_first = REF_NONE,
                 .hoist_last = REF_NONE, .max_height = 2, .iterates = 1 };
  loop.depth = loop.parent == NO_LOOP ? 1 : s->loops.p[loop.parent].depth + 1;
  for (unsigned cold = 0; cold < 2; cold++)
    for (uint32_t e = 0; e < f->nedges; e++) {
      uint32_t from = f->edges[e].from, to = f->edges[e].to;
      if (to == header && !in[from])
        loop.entry = from;
      if (!in[from] || in[to] || f->blocks[to].cold != cold || loop.nexits == 6)
        continue;
      bool known = false;
      for (uint32_t k = 0; k < loop.nexits; k++)
        known |= loop.exits[k] == to;
      if (!known)
        loop.exits[loop.nexits++] = to;
    }
  if (loop.entry == NO_BLOCK)
    fail(s, "V7: the loop at block %u, counted from 0, has no plain entry", header);
  for (uint32_t b = 0; b < f->nblocks; b++)
    if (in[b]) {
      uint32_t effects = effects_of(f, &f->blocks[b]);
      f->blocks[b].loop = l;
      loop.effects |= effects;
      loop.has_call |= effects & EFF_CALL && !f->blocks[b].cold;
    }
  *zw_push(s->a, &s->loops) = loop;
}

static void find_loops(Parser *s)
{
  ZirFunc *f = s->f;
  uint32_t *at = zw_new_array(s->a, uint32_t, f->nblocks);
  uint8_t *in = zw_new_array(s->a, uint8_t, f->nblocks);
  for (uint32_t k = 0; k < f->norder; k++)
    at[f->order[k]] = k;
  for (uint32_t k = 0; k < f->norder; k++) {
    bool back = false;
    for (uint32_t e = 0; e < f->nedges; e++)
      back |= f->edges[e].to == f->order[k] && at[f->edges[e].from] >= k;
    if (back) {
      collect_loop(f, f->order[k], at, in);
      describe_loop(s, f->order[k], in);
    }
  }
}

static void link_hoisted(Parser *s)
{
  ZirFunc *f = s->f;
  for (uint32_t k = 0; k < s->hoisted.n; k++) {
    const Hoisted *h = &s->hoisted.p[k];
    uint32_t entry = lookup(s, &s->block_of, h->block, h->line, 'b'), l = 0;
    s->line = h->line;
    while (l < f->nloops && f->loops[l].entry != entry)
      l++;
    if (l == f->nloops)
      fail(s, "no loop is entered from there");
    zw_zir_hoist(f, h->value, l);
  }
}

static void settle_blocks(Parser *s)
{
  ZirFunc *f = s->f;
  f->loops = s->loops.p, f->nloops = s->loops.n;
  for (uint32_t b = 0; b < f->nblocks; b++) {
    ZBlock *block = &f->blocks[b];
    if (block->first + block->nphi == block->end)
      fail(s, "V1: the block number %u is empty", b);
    if (block->loop != NO_LOOP && block->loop >= f->nloops)
      fail(s, "loop %u is not described", block->loop);
    if (s->try_of.p[b] != UINT32_MAX && s->try_of.p[b] >= s->tries.n)
      fail(s, "try %u is not described", s->try_of.p[b]);
    uint32_t depth = block->loop == NO_LOOP ? 0 : f->loops[block->loop].depth;
    block->depth = (uint8_t)(depth > 255 ? 255 : depth);
  }
  for (uint32_t l = 0; l < f->nloops; l++)
    f->blocks[f->loops[l].header].is_header = 1;
}

ZirFunc *zw_zir_parse(Ctx *ctx, Str text, Arena *a)
{
  Parser s = { .ctx = ctx, .p = text.p, .end = text.p + text.n, .line = 1, .a = a };
  ZirFunc *f = s.f = zw_new(a, ZirFunc);
  f->flags = FN_REFS; // perhaps
  Module *m = s.m = zw_new(a, Module);
  m->ctx = ctx;
  m->checked = true;
  m->start = UINT32_MAX;
  f->m = m;
  f->arena = a;
  read_head(&s);
  for (skip_space(&s); s.p < s.end; skip_space(&s))
    if (is_name(peek_word(&s), 'b'))
      read_block(&s);
    else
      read_ins(&s);
  if (!s.blocks.n)
    fail(&s, "the function has no block");
  f->blocks = s.blocks.p;
  f->nblocks = s.blocks.n;
  f->try_of = s.tries.n ? s.try_of.p : NULL;
  f->tries = s.tries.p, f->ntries = s.tries.n, f->catches = s.catches.p;
  m->types = s.types.p, m->ntypes = s.types.n;
  m->funcs = s.funcs.p, m->nfuncs = s.funcs.n;
  m->tags = s.tags.p, m->ntags = s.tags.n;
  for (uint32_t i = 0; i < f->nins; i++)
    renumber_ins(&s, i);
  f->xa = s.xa.p, f->nxa = s.xa.n;
  renumber_edges(&s);
  renumber_blocks(&s);
  if (!s.loops.n)
    find_loops(&s);
  settle_blocks(&s);
  link_hoisted(&s);
  f->layout = zw_vm_layout(&f->counts);
  zw_zir_finish(f, &ctx->scratch);
  return f;
}
