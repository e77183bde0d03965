// Modules as text.  One walk over the Module, instructions straight from the bodies; what is printed reads back to the
// same module.  Everything is a loop: nesting in the input nests nothing here.  spec: text-module
#include "compiler/wasm/wat_print_int.h"
#include "runtime/base/bits.h"

static void put(Printer *p, const char *s) { zw_text_put(p->out, s, strlen(s)); }

void zw_wat_newline(Printer *p)
{
  // Deeper code is not indented further: otherwise a million nested blocks would print a trillion spaces.
  static const char spaces[] = "\n                                                                                ";
  uint32_t n = 2 * p->indent;
  zw_text_put(p->out, spaces, 1 + (n < sizeof spaces - 2 ? n : sizeof spaces - 2));
}

// ---- names and strings ----
static bool is_id_char(char c)
{
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
         (c && strchr("!#$%&'*+-./:<=>?@\\^_`|~", c));
}

static void put_string_bytes(Printer *p, const uint8_t *s, size_t n)
{
  static const char hex[] = "0123456789abcdef", named[] = "\"\\\n\t\r", letter[] = "\"\\ntr";
  size_t plain = 0; // bytes before i that have not been written
  for (size_t i = 0; i < n; i++) {
    if (s[i] >= 0x20 && s[i] < 0x7f && s[i] != '"' && s[i] != '\\')
      continue;
    zw_text_put(p->out, (const char *)s + plain, i - plain);
    const char *short_form = s[i] ? strchr(named, s[i]) : NULL;
    char esc[3] = { '\\', short_form ? letter[short_form - named] : hex[s[i] >> 4], hex[s[i] & 15] };
    zw_text_put(p->out, esc, short_form ? 2 : 3);
    plain = i + 1;
  }
  zw_text_put(p->out, (const char *)s + plain, n - plain);
}

static void put_string(Printer *p, Str s)
{
  put(p, "\"");
  put_string_bytes(p, (const uint8_t *)s.p, s.n);
  put(p, "\"");
}

static void put_long_string(Printer *p, const uint8_t *s, uint64_t n) // a line per 64 bytes
{
  enum { LINE = 64 };
  if (n <= LINE) {
    put(p, " ");
    put_string(p, (Str){ (const char *)s, n });
    return;
  }
  p->indent++;
  for (uint64_t i = 0; i < n; i += LINE) {
    zw_wat_newline(p);
    put_string(p, (Str){ (const char *)s + i, n - i < LINE ? n - i : LINE });
  }
  p->indent--;
}

static void put_id(Printer *p, Str name)
{
  bool plain = true;
  for (size_t i = 0; i < name.n && plain; i++)
    plain = is_id_char(name.p[i]);
  put(p, "$");
  if (plain)
    zw_text_put(p->out, name.p, name.n);
  else
    put_string(p, name);
}

// Where it is defined: " $name (;3;)".
static void put_def(Printer *p, const Ids *ids, uint32_t index)
{
  bool named = index < ids->n && ids->name[index].n;
  if (named && ids->unique[index]) {
    put(p, " ");
    put_id(p, ids->name[index]);
  }
  if (named && !ids->unique[index]) {
    put(p, " (@name ");
    put_string(p, ids->name[index]);
    put(p, ")");
  }
  zw_text_printf(p->out, " (;%u;)", index);
}

static void put_index(Printer *p, const Ids *ids, uint32_t index)
{
  put(p, " ");
  if (index < ids->n && ids->name[index].n && ids->unique[index])
    put_id(p, ids->name[index]);
  else
    zw_text_printf(p->out, "%u", index);
}

// Which of n names occur once?
static const uint8_t *find_unique(Arena *a, Arena *tmp, const Str *name, uint32_t n)
{
  uint8_t *unique = zw_new_array(a, uint8_t, n);
  ArenaMark mark = zw_arena_mark(tmp);
  uint32_t slots = 64, named = 0;
  for (uint32_t i = 0; i < n; i++)
    named += name[i].n != 0;
  while (slots < 2 * named)
    slots *= 2;
  uint32_t *slot = zw_new_array(tmp, uint32_t, slots);
  for (uint32_t i = 0; named && i < n; i++) {
    if (name[i].n == 0)
      continue;
    uint32_t h = (uint32_t)zw_hash_bytes(name[i].p, name[i].n, 0) & (slots - 1);
    while (slot[h] && !zw_str_eq(name[slot[h] - 1], name[i]))
      h = (h + 1) & (slots - 1);
    unique[i] = slot[h] == 0;
    if (slot[h])
      unique[slot[h] - 1] = 0;
    else
      slot[h] = i + 1;
  }
  if (tmp != a)
    zw_arena_release(tmp, mark);
  return unique;
}

static Ids ids_of_map(Printer *p, const NameMap *map, uint32_t n)
{
  if (map->n == 0 || p->o->no_names)
    return (Ids){ NULL, NULL, 0 };
  Str *name = zw_new_array(p->a, Str, n);
  for (uint32_t i = 0; i < map->n; i++)
    if (map->index[i] < n)
      name[map->index[i]] = map->name[i];
  return (Ids){ name, find_unique(p->a, p->scratch, name, n), n };
}

static Ids ids_of_funcs(Printer *p)
{
  const Module *m = p->m;
  if (p->o->no_names)
    return (Ids){ NULL, NULL, 0 };
  Str *name = zw_new_array(p->a, Str, m->nfuncs);
  for (uint32_t i = 0; i < m->nfuncs; i++)
    name[i] = m->funcs[i].name;
  return (Ids){ name, find_unique(p->a, p->scratch, name, m->nfuncs), m->nfuncs };
}

// Names of the locals or labels of one function: entries of a sorted list from *next on.
static Ids ids_of_func(Printer *p, const NameMap *map, const uint32_t *outer, uint32_t func, uint32_t *next, uint32_t n)
{
  while (*next < map->n && outer[*next] < func)
    ++*next;
  uint32_t from = *next;
  while (*next < map->n && outer[*next] == func)
    ++*next;
  if (from == *next || p->o->no_names)
    return (Ids){ NULL, NULL, 0 };
  Str *name = zw_new_array(p->scratch, Str, n);
  for (uint32_t i = from; i < *next; i++)
    if (map->index[i] < n)
      name[map->index[i]] = map->name[i];
  return (Ids){ name, find_unique(p->scratch, p->scratch, name, n), n };
}

// ---- types ----
static const char *abstract_name(uint32_t heap)
{
  static const char *const names[] = {
    [HEAP_FUNC - HEAP_ABSTRACT] = "func", [HEAP_NOFUNC - HEAP_ABSTRACT] = "nofunc", [HEAP_EXTERN - HEAP_ABSTRACT] = "extern",
    [HEAP_NOEXTERN - HEAP_ABSTRACT] = "noextern", [HEAP_ANY - HEAP_ABSTRACT] = "any", [HEAP_EQ - HEAP_ABSTRACT] = "eq",
    [HEAP_I31 - HEAP_ABSTRACT] = "i31", [HEAP_STRUCT - HEAP_ABSTRACT] = "struct", [HEAP_ARRAY - HEAP_ABSTRACT] = "array",
    [HEAP_NONE - HEAP_ABSTRACT] = "none", [HEAP_EXN - HEAP_ABSTRACT] = "exn", [HEAP_NOEXN - HEAP_ABSTRACT] = "noexn",
  };
  return names[heap - HEAP_ABSTRACT];
}

static const char *short_ref_name(uint32_t heap)
{
  static const char *const names[] = {
    [HEAP_FUNC - HEAP_ABSTRACT] = "funcref", [HEAP_NOFUNC - HEAP_ABSTRACT] = "nullfuncref", [HEAP_EXTERN - HEAP_ABSTRACT] = "externref",
    [HEAP_NOEXTERN - HEAP_ABSTRACT] = "nullexternref", [HEAP_ANY - HEAP_ABSTRACT] = "anyref", [HEAP_EQ - HEAP_ABSTRACT] = "eqref",
    [HEAP_I31 - HEAP_ABSTRACT] = "i31ref", [HEAP_STRUCT - HEAP_ABSTRACT] = "structref", [HEAP_ARRAY - HEAP_ABSTRACT] = "arrayref",
    [HEAP_NONE - HEAP_ABSTRACT] = "nullref", [HEAP_EXN - HEAP_ABSTRACT] = "exnref", [HEAP_NOEXN - HEAP_ABSTRACT] = "nullexnref",
  };
  return names[heap - HEAP_ABSTRACT];
}

static void put_heap_type(Printer *p, uint32_t heap) // with a space before
{
  if (heap < HEAP_ABSTRACT)
    put_index(p, &p->ids[ID_TYPE], heap);
  else
    zw_text_printf(p->out, " %s", abstract_name(heap));
}

static void put_val_type(Printer *p, ValType t) // with a space before
{
  static const char *const plain[] = { [VT_I32] = " i32", [VT_I64] = " i64", [VT_F32] = " f32", [VT_F64] = " f64",
                                       [VT_V128] = " v128", [VT_I8] = " i8", [VT_I16] = " i16" };
  uint32_t heap = zw_heap_type(t);
  if (!zw_is_ref(t)) {
    ASSERT(t < ARRAY_COUNT(plain) && plain[t]);
    put(p, plain[t]);
  } else if (zw_is_nullable(t) && heap >= HEAP_ABSTRACT) {
    zw_text_printf(p->out, " %s", short_ref_name(heap));
  } else {
    put(p, zw_is_nullable(t) ? " (ref null" : " (ref");
    put_heap_type(p, heap);
    put(p, ")");
  }
}

static void put_val_types(Printer *p, const char *word, const ValType *t, uint32_t n)
{
  if (n == 0)
    return;
  zw_text_printf(p->out, " (%s", word);
  for (uint32_t i = 0; i < n; i++)
    put_val_type(p, t[i]);
  put(p, ")");
}

static void put_field_type(Printer *p, const FieldType *f)
{
  put(p, f->mutable_ ? " (mut" : "");
  put_val_type(p, f->type);
  put(p, f->mutable_ ? ")" : "");
}

static void put_struct(Printer *p, const TypeDef *t, uint32_t index)
{
  const Names *n = &p->m->names;
  Ids ids = ids_of_func(p, &n->fields, n->field_type, index, &p->field_at, t->nfields);
  put(p, "(struct");
  for (uint32_t i = 0; i < t->nfields; i++) {
    put(p, " (field");
    if (i < ids.n && ids.name[i].n)
      put_def(p, &ids, i);
    put_field_type(p, &t->fields[i]);
    put(p, ")");
  }
  put(p, ")");
}

static void put_type(Printer *p, uint32_t index)
{
  const TypeDef *t = &p->m->types[index];
  bool sub = !t->final || t->super != UINT32_MAX;
  ArenaMark mark = zw_arena_mark(p->scratch);
  zw_wat_newline(p);
  put(p, "(type");
  put_def(p, &p->ids[ID_TYPE], index);
  put(p, " ");
  if (sub) {
    put(p, t->final ? "(sub final" : "(sub");
    if (t->super != UINT32_MAX)
      put_index(p, &p->ids[ID_TYPE], t->super);
    put(p, " ");
  }
  switch ((CompKind)t->kind) {
  case COMP_FUNC:
    put(p, "(func");
    put_val_types(p, "param", t->func.params, t->func.nparams);
    put_val_types(p, "result", t->func.results, t->func.nresults);
    put(p, ")");
    break;
  case COMP_STRUCT: put_struct(p, t, index); break;
  case COMP_ARRAY:
    put(p, "(array");
    put_field_type(p, &t->fields[0]);
    put(p, ")");
    break;
  }
  put(p, sub ? "))" : ")");
  zw_arena_release(p->scratch, mark);
}

static void put_types(Printer *p)
{
  for (uint32_t i = 0; i < p->m->ntypes; i++) {
    const TypeDef *t = &p->m->types[i];
    bool group = t->rec_count > 1;
    if (group && t->rec_first == i) {
      zw_wat_newline(p);
      put(p, "(rec");
      p->indent++;
    }
    put_type(p, i);
    if (group && t->rec_first + t->rec_count == i + 1) {
      put(p, ")");
      p->indent--;
    }
  }
}

// " (type $t)", then params and results where that helps the reader and stays in proportion.
static void put_type_use(Printer *p, uint32_t type, const Ids *locals)
{
  enum { FEW = 32 };
  const FuncType *f = &p->m->types[type].func;
  put(p, " (type");
  put_index(p, &p->ids[ID_TYPE], type);
  put(p, ")");
  bool named = false;
  for (uint32_t i = 0; locals && i < f->nparams && i < locals->n && !named; i++)
    named = locals->name[i].n;
  if (!named && f->nparams + f->nresults > FEW)
    return;
  for (uint32_t i = 0, j; i < f->nparams; i = j) {
    put(p, " (param");
    j = i + 1;
    if (locals && i < locals->n && locals->name[i].n) {
      put_def(p, locals, i);
      put_val_type(p, f->params[i]);
    } else {
      put_val_type(p, f->params[i]);
      for (; j < f->nparams && !(locals && j < locals->n && locals->name[j].n); j++)
        put_val_type(p, f->params[j]);
    }
    put(p, ")");
  }
  put_val_types(p, "result", f->results, f->nresults);
}

static void put_limits(Printer *p, const Limits *l, bool memory)
{
  put(p, l->is64 ? " i64" : "");
  zw_text_printf(p->out, " %llu", (unsigned long long)l->min);
  if (l->has_max)
    zw_text_printf(p->out, " %llu", (unsigned long long)l->max);
  put(p, l->shared ? " shared" : "");
  if (memory && l->page_log2 != 16)
    zw_text_printf(p->out, " (pagesize %llu)", 1ull << (l->page_log2 & 63));
}

static void put_global_type(Printer *p, const GlobalType *g)
{
  put_field_type(p, &(FieldType){ g->type, g->mutable_ });
}

// ---- immediates ----
static void put_float(Printer *p, uint64_t bits, unsigned width)
{
  char buf[FP_TEXT_MAX];
  if (p->o->hex_floats)
    zw_fp_print_hex(buf, bits, width);
  else
    zw_fp_print(buf, bits, width);
  zw_text_printf(p->out, " %s", buf);
}

static void put_label(Printer *p, uint32_t depth)
{
  uint32_t n = p->open.n;
  if (depth < n) {
    uint32_t ordinal = p->open.p[n - 1 - depth];
    if (ordinal < p->labels.n && p->labels.name[ordinal].n && p->labels.unique[ordinal]) {
      put(p, " ");
      put_id(p, p->labels.name[ordinal]);
      return;
    }
  }
  zw_text_printf(p->out, " %u", depth);
}

static ValType read_val_type(const uint8_t **at)
{
  uint8_t c = *(*at)++;
  if (c == 0x63 || c == 0x64)
    return VT_REF | (c == 0x63 ? VT_NULL : 0) | zw_heap_from_s33(zw_fast_s64(at));
  return zw_valtype_from_byte(c);
}

static void put_block_type(Printer *p, const uint8_t **at)
{
  uint8_t c = **at;
  if (c == 0x40) {
    ++*at;
  } else if ((c & 0xc0) == 0x40) { // a single byte with its sign bit: a value type
    put(p, " (result");
    put_val_type(p, read_val_type(at));
    put(p, ")");
  } else {
    put_type_use(p, (uint32_t)zw_fast_s64(at), NULL);
  }
}

static void put_catches(Printer *p, const uint8_t **at)
{
  static const char *const words[] = { "catch", "catch_ref", "catch_all", "catch_all_ref" };
  for (uint32_t n = zw_fast_u32(at); n; n--) {
    uint8_t kind = *(*at)++;
    zw_text_printf(p->out, " (%s", words[kind]);
    if (kind < CATCH_ALL)
      put_index(p, &p->ids[ID_TAG], zw_fast_u32(at));
    put_label(p, zw_fast_u32(at));
    put(p, ")");
  }
}

static void put_memarg(Printer *p, const uint8_t **at, uint32_t width)
{
  MemArg a = zw_fast_memarg(at);
  if (a.memory)
    put_index(p, &p->ids[ID_MEMORY], a.memory);
  if (a.offset)
    zw_text_printf(p->out, " offset=%llu", (unsigned long long)a.offset);
  if (1ull << a.align_log2 != width)
    zw_text_printf(p->out, " align=%llu", 1ull << a.align_log2);
}

static void put_optional(Printer *p, IdSpace space, uint32_t index)
{
  if (index)
    put_index(p, &p->ids[space], index);
}

static void put_two(Printer *p, IdSpace space, const uint8_t **at)
{
  uint32_t x = zw_fast_u32(at), y = zw_fast_u32(at);
  if (x || y) {
    put_index(p, &p->ids[space], x);
    put_index(p, &p->ids[space], y);
  }
}

static void put_segment(Printer *p, IdSpace segment, IdSpace space, const uint8_t **at)
{
  uint32_t seg = zw_fast_u32(at), x = zw_fast_u32(at);
  put_optional(p, space, x);
  put_index(p, &p->ids[segment], seg);
}

static void put_br_cast(Printer *p, const uint8_t **at)
{
  uint8_t flags = *(*at)++;
  put_label(p, zw_fast_u32(at));
  uint32_t from = zw_heap_from_s33(zw_fast_s64(at)), to = zw_heap_from_s33(zw_fast_s64(at));
  put_val_type(p, VT_REF | (flags & 1 ? VT_NULL : 0) | from);
  put_val_type(p, VT_REF | (flags & 2 ? VT_NULL : 0) | to);
}

// A field by its name where that is the only one of the struct.
static void put_field(Printer *p, uint32_t type, uint32_t index)
{
  const Names *n = &p->m->names;
  uint32_t lo = 0, hi = p->field_unique ? n->fields.n : 0;
  while (lo < hi) {
    uint32_t mid = lo + (hi - lo) / 2;
    if (n->field_type[mid] < type || (n->field_type[mid] == type && n->fields.index[mid] < index))
      lo = mid + 1;
    else
      hi = mid;
  }
  put(p, " ");
  if (lo < n->fields.n && p->field_unique && p->field_unique[lo] && n->field_type[lo] == type && n->fields.index[lo] == index)
    put_id(p, n->fields.name[lo]);
  else
    zw_text_printf(p->out, "%u", index);
}

static void put_v128(Printer *p, const uint8_t **at)
{
  put(p, " i32x4");
  for (int i = 0; i < 4; i++)
    zw_text_printf(p->out, " 0x%08x", zw_get32(*at + 4 * i));
  *at += 16;
}

static void put_imm(Printer *p, Op op, const uint8_t **at)
{
  const OpInfo *info = &zw_op_info[op];
  const Ids *type = &p->ids[ID_TYPE];
  uint32_t x;
  switch ((Imm)info->imm) {
  case IMM_NONE: break;
  case IMM_BLOCK: put_block_type(p, at); break;
  case IMM_LABEL: put_label(p, zw_fast_u32(at)); break;
  case IMM_BR_TABLE:
    for (uint64_t n = (uint64_t)zw_fast_u32(at) + 1; n; n--)
      put_label(p, zw_fast_u32(at));
    break;
  case IMM_FUNC: put_index(p, &p->ids[ID_FUNC], zw_fast_u32(at)); break;
  case IMM_CALL_INDIRECT:
    x = zw_fast_u32(at);
    put_optional(p, ID_TABLE, zw_fast_u32(at));
    put(p, " (type");
    put_index(p, type, x);
    put(p, ")");
    break;
  case IMM_TYPE: put_index(p, type, zw_fast_u32(at)); break;
  case IMM_LOCAL: put_index(p, &p->locals, zw_fast_u32(at)); break;
  case IMM_GLOBAL: put_index(p, &p->ids[ID_GLOBAL], zw_fast_u32(at)); break;
  case IMM_TABLE: put_optional(p, ID_TABLE, zw_fast_u32(at)); break;
  case IMM_MEMORY: put_optional(p, ID_MEMORY, zw_fast_u32(at)); break;
  case IMM_I32: zw_text_printf(p->out, " %d", zw_fast_s32(at)); break;
  case IMM_I64: zw_text_printf(p->out, " %lld", (long long)zw_fast_s64(at)); break;
  case IMM_F32: put_float(p, zw_get32(*at), 32); *at += 4; break;
  case IMM_F64: put_float(p, zw_get64(*at), 64); *at += 8; break;
  case IMM_V128: put_v128(p, at); break;
  case IMM_SHUFFLE:
    for (int i = 0; i < 16; i++)
      zw_text_printf(p->out, " %u", *(*at)++);
    break;
  case IMM_LANE: zw_text_printf(p->out, " %u", *(*at)++); break;
  case IMM_MEMARG: put_memarg(p, at, info->width); break;
  case IMM_MEMARG_LANE: put_memarg(p, at, info->width); zw_text_printf(p->out, " %u", *(*at)++); break;
  case IMM_DATA: put_index(p, &p->ids[ID_DATA], zw_fast_u32(at)); break;
  case IMM_ELEM: put_index(p, &p->ids[ID_ELEM], zw_fast_u32(at)); break;
  case IMM_DATA_MEMORY: put_segment(p, ID_DATA, ID_MEMORY, at); break;
  case IMM_ELEM_TABLE: put_segment(p, ID_ELEM, ID_TABLE, at); break;
  case IMM_MEMORY2: put_two(p, ID_MEMORY, at); break;
  case IMM_TABLE2: put_two(p, ID_TABLE, at); break;
  case IMM_SELECT_T:
    x = zw_fast_u32(at);
    put(p, x ? "" : " (result)");
    for (; x; x--) {
      put(p, " (result");
      put_val_type(p, read_val_type(at));
      put(p, ")");
    }
    break;
  case IMM_HEAPTYPE: put_heap_type(p, zw_heap_from_s33(zw_fast_s64(at))); break;
  case IMM_REFTYPE_CAST:
    x = zw_heap_from_s33(zw_fast_s64(at));
    put_val_type(p, VT_REF | (op == OP_ref_test_null || op == OP_ref_cast_null ? VT_NULL : 0) | x);
    break;
  case IMM_BR_CAST: put_br_cast(p, at); break;
  case IMM_TYPE_FIELD:
    x = zw_fast_u32(at);
    put_index(p, type, x);
    put_field(p, x, zw_fast_u32(at));
    break;
  case IMM_TYPE_N: put_index(p, type, zw_fast_u32(at)); zw_text_printf(p->out, " %u", zw_fast_u32(at)); break;
  case IMM_TYPE_DATA: put_index(p, type, zw_fast_u32(at)); put_index(p, &p->ids[ID_DATA], zw_fast_u32(at)); break;
  case IMM_TYPE_ELEM: put_index(p, type, zw_fast_u32(at)); put_index(p, &p->ids[ID_ELEM], zw_fast_u32(at)); break;
  case IMM_TYPE2: put_index(p, type, zw_fast_u32(at)); put_index(p, type, zw_fast_u32(at)); break;
  case IMM_TAG: put_index(p, &p->ids[ID_TAG], zw_fast_u32(at)); break;
  case IMM_TRY_TABLE:
    put_block_type(p, at);
    put_catches(p, at);
    break;
  case IMM_FENCE: ++*at; break;
  case IMM_COUNT: BUG("no such immediate");
  }
}

void zw_wat_put_op(Printer *p, Op op, const uint8_t **at)
{
  put(p, zw_op_info[op].text);
  put_imm(p, op, at);
}

// ---- labels and hints ----
void zw_wat_put_block_head(Printer *p, Op op, uint32_t ordinal, const uint8_t **at)
{
  put(p, zw_op_info[op].text);
  if (ordinal < p->labels.n && p->labels.name[ordinal].n) { // one inside another of the same name hides it, as in the text
    put(p, " ");
    put_id(p, p->labels.name[ordinal]);
  }
  put_imm(p, op, at);
}

void zw_wat_push_label(Printer *p, uint32_t ordinal) { *zw_push(p->scratch, &p->open) = ordinal; }

void zw_wat_pop_label(Printer *p) { p->open.n -= p->open.n != 0; }

void zw_wat_put_hint(Printer *p, const uint8_t *op_at, Op op)
{
  const Module *m = p->m;
  if (!p->body)
    return;
  uint32_t off = (uint32_t)(op_at - p->body);
  while (p->hint < m->nhints && (m->hints[p->hint].func < p->func || (m->hints[p->hint].func == p->func && m->hints[p->hint].off < off)))
    p->hint++;
  if (p->hint < m->nhints && m->hints[p->hint].func == p->func && m->hints[p->hint].off == off && (op == OP_if || op == OP_br_if))
    zw_text_printf(p->out, "(@metadata.code.branch_hint \"\\0%u\") ", m->hints[p->hint].likely);
}

// ---- flat ----
static bool opens(Op op) { return op == OP_block || op == OP_loop || op == OP_if || op == OP_try || op == OP_try_table; }

static void put_flat(Printer *p, const uint8_t *at, const uint8_t *end)
{
  end--; // the last `end` is the function's own
  while (at < end) {
    const uint8_t *op_at = at;
    Op op = zw_fast_op(&at, zw_op_one_byte);
    bool closes = op == OP_end || op == OP_else || op == OP_catch || op == OP_catch_all || op == OP_delegate;
    p->indent -= closes;
    if (op == OP_end || op == OP_delegate) // a delegate's label is counted from outside its try
      zw_wat_pop_label(p);
    zw_wat_newline(p);
    zw_wat_put_hint(p, op_at, op);
    if (opens(op)) {
      zw_wat_put_block_head(p, op, p->next_label, &at);
      zw_wat_push_label(p, p->next_label++);
      p->indent++;
    } else {
      zw_wat_put_op(p, op, &at);
      p->indent += closes && op != OP_end && op != OP_delegate;
    }
  }
}

// ---- functions ----
static uint32_t count_labels(const uint8_t *at, const uint8_t *end)
{
  uint32_t n = 0;
  while (at < end) {
    Op op = zw_fast_op(&at, zw_op_one_byte);
    zw_skip_imm(&at, op);
    n += opens(op);
  }
  return n;
}

static uint32_t count_locals(const Module *m, uint32_t func)
{
  const Func *f = &m->funcs[func];
  uint64_t n = m->types[f->type].func.nparams;
  if (f->import != UINT32_MAX)
    return (uint32_t)n;
  const uint8_t *at = f->body;
  for (uint32_t groups = zw_fast_u32(&at); groups; groups--) {
    n += zw_fast_u32(&at);
    read_val_type(&at);
  }
  return (uint32_t)n;
}

// (local ..): runs of unnamed ones together.  Returns where the instructions start.
static const uint8_t *put_locals(Printer *p, const Func *f)
{
  const uint8_t *at = f->body;
  uint32_t index = p->m->types[f->type].func.nparams;
  bool open = false, any = false;
  for (uint32_t groups = zw_fast_u32(&at); groups; groups--) {
    uint32_t n = zw_fast_u32(&at);
    ValType t = read_val_type(&at);
    for (; n; n--, index++) {
      bool named = index < p->locals.n && p->locals.name[index].n;
      if (!any)
        zw_wat_newline(p);
      if (named || !open)
        put(p, !any ? "(local" : open ? ") (local" : " (local");
      if (named)
        put_def(p, &p->locals, index);
      put_val_type(p, t);
      open = !named, any = true;
      if (named)
        put(p, ")");
    }
  }
  put(p, open ? ")" : "");
  return at;
}

static void put_code(Printer *p, const uint8_t *at, const uint8_t *end)
{
  if (p->o->folded)
    zw_wat_print_folded(p, at, end);
  else
    put_flat(p, at, end);
}

static void begin_func(Printer *p, uint32_t func)
{
  const Module *m = p->m;
  const Names *n = &m->names;
  const Func *f = &m->funcs[func];
  bool defined = f->import == UINT32_MAX;
  p->func = func, p->body = f->body;
  p->next_label = 0;
  memset(&p->open, 0, sizeof p->open);
  p->locals = ids_of_func(p, &n->locals, n->local_func, func, &p->local_name, n->locals.n ? count_locals(m, func) : 0);
  uint32_t labels = 0;
  if (n->labels.n && defined) {
    const uint8_t *at = f->body;
    for (uint32_t groups = zw_fast_u32(&at); groups; groups--) {
      zw_fast_u32(&at);
      read_val_type(&at);
    }
    labels = count_labels(at, f->body + f->body_len);
  }
  p->labels = ids_of_func(p, &n->labels, n->label_func, func, &p->label_name, labels);
}

static void end_func(Printer *p)
{
  p->func = UINT32_MAX, p->body = NULL;
  p->locals = p->labels = (Ids){ NULL, NULL, 0 };
  memset(&p->open, 0, sizeof p->open);
}

static void put_func(Printer *p, uint32_t func)
{
  const Func *f = &p->m->funcs[func];
  ArenaMark mark = zw_arena_mark(p->scratch);
  begin_func(p, func);
  zw_wat_newline(p);
  put(p, "(func");
  put_def(p, &p->ids[ID_FUNC], func);
  put_type_use(p, f->type, &p->locals);
  p->indent++;
  const uint8_t *at = put_locals(p, f);
  put_code(p, at, f->body + f->body_len);
  p->indent--;
  put(p, ")");
  end_func(p);
  zw_arena_release(p->scratch, mark);
}

// ---- the other fields ----
static void put_expr(Printer *p, const ConstExpr *x) // as the contents of a field, on one line unless it is long
{
  const uint8_t *at = x->bytes, *end = x->bytes + x->len - 1;
  while (at < end) {
    Op op = zw_fast_op(&at, zw_op_one_byte);
    put(p, " ");
    zw_wat_put_op(p, op, &at);
  }
}

// word NULL: several instructions stand as they are.
static void put_wrapped_expr(Printer *p, const char *word, const ConstExpr *x)
{
  const uint8_t *at = x->bytes;
  Op op = zw_fast_op(&at, zw_op_one_byte);
  zw_skip_imm(&at, op);
  if (at == x->bytes + x->len - 1) { // one instruction: (i32.const 8)
    at = x->bytes;
    op = zw_fast_op(&at, zw_op_one_byte);
    put(p, " (");
    zw_wat_put_op(p, op, &at);
  } else if (!word) {
    put_expr(p, x);
    return;
  } else {
    zw_text_printf(p->out, " (%s", word);
    put_expr(p, x);
  }
  put(p, ")");
}

static void put_import(Printer *p, const Import *im)
{
  const Module *m = p->m;
  zw_wat_newline(p);
  put(p, "(import ");
  put_string(p, im->module);
  put(p, " ");
  put_string(p, im->name);
  switch ((ExternKind)im->kind) {
  case EXT_FUNC: {
    ArenaMark mark = zw_arena_mark(p->scratch);
    begin_func(p, im->index);
    put(p, " (func");
    put_def(p, &p->ids[ID_FUNC], im->index);
    put_type_use(p, m->funcs[im->index].type, &p->locals);
    end_func(p);
    zw_arena_release(p->scratch, mark);
    break;
  }
  case EXT_TABLE:
    put(p, " (table");
    put_def(p, &p->ids[ID_TABLE], im->index);
    put_limits(p, &m->tables[im->index].type.limits, false);
    put_val_type(p, m->tables[im->index].type.elem);
    break;
  case EXT_MEMORY:
    put(p, " (memory");
    put_def(p, &p->ids[ID_MEMORY], im->index);
    put_limits(p, &m->memories[im->index].type.limits, true);
    break;
  case EXT_GLOBAL:
    put(p, " (global");
    put_def(p, &p->ids[ID_GLOBAL], im->index);
    put_global_type(p, &m->globals[im->index].type);
    break;
  case EXT_TAG:
    put(p, " (tag");
    put_def(p, &p->ids[ID_TAG], im->index);
    put_type_use(p, m->tags[im->index].type, NULL);
    break;
  }
  put(p, "))");
}

static void put_definitions(Printer *p)
{
  const Module *m = p->m;
  for (uint32_t i = m->nimported_tables; i < m->ntables; i++) {
    zw_wat_newline(p);
    put(p, "(table");
    put_def(p, &p->ids[ID_TABLE], i);
    put_limits(p, &m->tables[i].type.limits, false);
    put_val_type(p, m->tables[i].type.elem);
    if (m->tables[i].has_init)
      put_wrapped_expr(p, NULL, &m->tables[i].init);
    put(p, ")");
  }
  for (uint32_t i = m->nimported_memories; i < m->nmemories; i++) {
    zw_wat_newline(p);
    put(p, "(memory");
    put_def(p, &p->ids[ID_MEMORY], i);
    put_limits(p, &m->memories[i].type.limits, true);
    put(p, ")");
  }
  for (uint32_t i = m->nimported_tags; i < m->ntags; i++) {
    zw_wat_newline(p);
    put(p, "(tag");
    put_def(p, &p->ids[ID_TAG], i);
    put_type_use(p, m->tags[i].type, NULL);
    put(p, ")");
  }
  for (uint32_t i = m->nimported_globals; i < m->nglobals; i++) {
    zw_wat_newline(p);
    put(p, "(global");
    put_def(p, &p->ids[ID_GLOBAL], i);
    put_global_type(p, &m->globals[i].type);
    put_wrapped_expr(p, NULL, &m->globals[i].init);
    put(p, ")");
  }
}

static void put_exports(Printer *p)
{
  static const char *const words[] = { [EXT_FUNC] = "func", [EXT_TABLE] = "table", [EXT_MEMORY] = "memory",
                                       [EXT_GLOBAL] = "global", [EXT_TAG] = "tag" };
  static const IdSpace space[] = { [EXT_FUNC] = ID_FUNC, [EXT_TABLE] = ID_TABLE, [EXT_MEMORY] = ID_MEMORY,
                                   [EXT_GLOBAL] = ID_GLOBAL, [EXT_TAG] = ID_TAG };
  for (uint32_t i = 0; i < p->m->nexports; i++) {
    const Export *e = &p->m->exports[i];
    zw_wat_newline(p);
    put(p, "(export ");
    put_string(p, e->name);
    zw_text_printf(p->out, " (%s", words[e->kind]);
    put_index(p, &p->ids[space[e->kind]], e->index);
    put(p, "))");
  }
}

static void put_elem(Printer *p, uint32_t i)
{
  const Elem *e = &p->m->elems[i];
  zw_wat_newline(p);
  put(p, "(elem");
  put_def(p, &p->ids[ID_ELEM], i);
  if (e->mode == SEG_ACTIVE && e->table) {
    put(p, " (table");
    put_index(p, &p->ids[ID_TABLE], e->table);
    put(p, ")");
  }
  if (e->mode == SEG_ACTIVE)
    put_wrapped_expr(p, "offset", &e->offset);
  put(p, e->mode == SEG_DECLARATIVE ? " declare" : "");
  bool indices = e->type == (VT_REF | HEAP_FUNC) && (e->funcs || e->count == 0);
  if (indices)
    put(p, " func");
  else
    put_val_type(p, e->type);
  for (uint32_t k = 0; k < e->count; k++) {
    if (indices) {
      put_index(p, &p->ids[ID_FUNC], e->funcs[k]);
    } else if (e->funcs) {
      put(p, " (ref.func");
      put_index(p, &p->ids[ID_FUNC], e->funcs[k]);
      put(p, ")");
    } else {
      put_wrapped_expr(p, "item", &e->exprs[k]);
    }
  }
  put(p, ")");
}

static void put_data(Printer *p, uint32_t i)
{
  const Data *d = &p->m->datas[i];
  zw_wat_newline(p);
  put(p, "(data");
  put_def(p, &p->ids[ID_DATA], i);
  if (d->mode == SEG_ACTIVE && d->memory) {
    put(p, " (memory");
    put_index(p, &p->ids[ID_MEMORY], d->memory);
    put(p, ")");
  }
  if (d->mode == SEG_ACTIVE)
    put_wrapped_expr(p, "offset", &d->offset);
  put_long_string(p, d->bytes, d->len);
  put(p, ")");
}

static void put_custom(Printer *p, const Custom *c)
{
  static const char *const words[SEC_COUNT] = {
    [SEC_CUSTOM] = "before first", [SEC_TYPE] = "after type", [SEC_IMPORT] = "after import", [SEC_FUNC] = "after func",
    [SEC_TABLE] = "after table", [SEC_MEMORY] = "after memory", [SEC_GLOBAL] = "after global", [SEC_EXPORT] = "after export",
    [SEC_START] = "after start", [SEC_ELEM] = "after elem", [SEC_CODE] = "after code", [SEC_DATA] = "after data",
    [SEC_DATA_COUNT] = "after datacount", [SEC_TAG] = "after tag",
  };
  if (zw_custom_is_derived(p->m, c))
    return;
  zw_wat_newline(p);
  put(p, "(@custom ");
  put_string(p, c->name);
  zw_text_printf(p->out, " (%s)", words[c->after]);
  put_long_string(p, c->bytes, c->len);
  put(p, ")");
}

// Which entries of names.fields are identifiers: named, in the struct, and the only ones of their struct.
static const uint8_t *unique_fields(Printer *p)
{
  const Names *n = &p->m->names;
  uint8_t *unique = zw_new_array(p->a, uint8_t, n->fields.n);
  for (uint32_t i = 0, j; i < n->fields.n; i = j) {
    const TypeDef *t = &p->m->types[n->field_type[i]];
    uint32_t fields = t->kind == COMP_STRUCT ? t->nfields : 0;
    for (j = i; j < n->fields.n && n->field_type[j] == n->field_type[i];)
      j++;
    while (j > i && n->fields.index[j - 1] >= fields) // of no field: they do not count
      j--;
    memcpy(unique + i, find_unique(p->a, p->scratch, n->fields.name + i, j - i), j - i);
    while (j < n->fields.n && n->field_type[j] == n->field_type[i])
      j++;
  }
  return unique;
}

static void init_ids(Printer *p)
{
  const Module *m = p->m;
  const Names *n = &m->names;
  p->field_unique = n->fields.n && !p->o->no_names ? unique_fields(p) : NULL;
  p->ids[ID_TYPE] = ids_of_map(p, &n->types, m->ntypes);
  p->ids[ID_FUNC] = ids_of_funcs(p);
  p->ids[ID_TABLE] = ids_of_map(p, &n->tables, m->ntables);
  p->ids[ID_MEMORY] = ids_of_map(p, &n->memories, m->nmemories);
  p->ids[ID_GLOBAL] = ids_of_map(p, &n->globals, m->nglobals);
  p->ids[ID_TAG] = ids_of_map(p, &n->tags, m->ntags);
  p->ids[ID_ELEM] = ids_of_map(p, &n->elems, m->nelems);
  p->ids[ID_DATA] = ids_of_map(p, &n->datas, m->ndatas);
}

void zw_wat_print(const Module *m, const WatPrintOptions *o, Text *out)
{
  Printer printer = { .m = m, .o = o, .out = out, .a = &m->ctx->func, .scratch = &m->ctx->scratch, .func = UINT32_MAX };
  Printer *p = &printer;
  init_ids(p);
  put(p, "(module");
  if (m->names.module.n && !o->no_names) {
    put(p, " ");
    put_id(p, m->names.module);
  }
  p->indent = 1;
  put_types(p);
  for (uint32_t i = 0; i < m->nimports; i++)
    put_import(p, &m->imports[i]);
  put_definitions(p);
  put_exports(p);
  if (m->start != UINT32_MAX) {
    zw_wat_newline(p);
    put(p, "(start");
    put_index(p, &p->ids[ID_FUNC], m->start);
    put(p, ")");
  }
  for (uint32_t i = 0; i < m->nelems; i++)
    put_elem(p, i);
  for (uint32_t i = m->nimported_funcs; i < m->nfuncs; i++)
    put_func(p, i);
  for (uint32_t i = 0; i < m->ndatas; i++)
    put_data(p, i);
  for (uint32_t i = 0; i < m->ncustoms; i++)
    put_custom(p, &m->customs[i]);
  put(p, ")\n");
  zw_arena_reset(&m->ctx->func);
}
