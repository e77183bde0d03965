// readable: what is not a letter, digit or _ becomes _, and a name that C or the header already uses gets a _ behind it.
// exact: reversible, so that no two names meet: _ is doubled, other characters become _ and two hex digits; what we put
// between or behind names is _ and a letter that is no hex digit.
#include "compiler/sink/cnames.h"
#include <string.h>

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Of C99 to C23 and C++98 to C++23.
static const char *const keywords[] = {
  "alignas", "alignof", "and", "and_eq", "asm", "auto", "bitand", "bitor", "bool", "break", "case", "catch", "char", "char16_t",
  "char32_t", "char8_t", "class", "co_await", "co_return", "co_yield", "compl", "concept", "const", "const_cast", "consteval",
  "constexpr", "constinit", "continue", "decltype", "default", "delete", "do", "double", "dynamic_cast", "else", "enum",
  "explicit", "export", "extern", "false", "float", "for", "friend", "goto", "if", "inline", "int", "long", "mutable",
  "namespace", "new", "noexcept", "not", "not_eq", "nullptr", "operator", "or", "or_eq", "private", "protected", "public",
  "register", "reinterpret_cast", "requires", "restrict", "return", "short", "signed", "sizeof", "static", "static_assert",
  "static_cast", "struct", "switch", "template", "this", "thread_local", "throw", "true", "try", "typedef", "typeid",
  "typename", "typeof", "typeof_unqual", "union", "unsigned", "using", "virtual", "void", "volatile", "wchar_t", "while",
  "xor", "xor_eq",
  // macros that a header a C program has anyway may define
  "NULL", "EOF", "errno", "stdin", "stdout", "stderr", "assert", "linux", "unix", "i386", "complex", "imaginary", "I",
  "environ", "sa_handler", "sa_sigaction", "si_pid", "si_uid", "si_addr", "si_value", "st_atime", "st_mtime", "st_ctime",
  // types that the header uses, and what no program can have twice
  "int32_t", "int64_t", "uint32_t", "size_t", "main",
};
// What the header declares itself, behind the prefix.
static const char *const own_names[] = { "new", "delete", "sizeof", "init_at", "instance", "module", "imports" };

static bool among(const char *s, const char *const *list, size_t n)
{
  for (size_t k = 0; k < n; k++)
    if (strcmp(s, list[k]) == 0)
      return true;
  return false;
}

bool zw_is_c_identifier(const char *s)
{
  for (const char *p = s; *p; p++)
    if (!is_letter(*p) && *p != '_' && !(is_digit(*p) && p > s))
      return false;
  return *s && !among(s, keywords, ARRAY_COUNT(keywords));
}

const char *zw_c_identifier(Str s, char buf[64])
{
  size_t n = 0;
  if (s.n == 0 || is_digit(s.p[0]) || s.p[0] == '_') // a leading _ may be the implementation's
    buf[n++] = 'a';
  for (size_t k = 0; k < s.n && n < 62; k++)
    buf[n++] = is_letter(s.p[k]) || is_digit(s.p[k]) ? s.p[k] : '_';
  buf[n] = 0;
  if (among(buf, keywords, ARRAY_COUNT(keywords)))
    memcpy(buf + n, "_", 2);
  return buf;
}

static void put_readable(Text *t, Str s)
{
  for (size_t k = 0; k < s.n; k++)
    zw_text_put(t, is_letter(s.p[k]) || is_digit(s.p[k]) ? &s.p[k] : "_", 1);
}

static void put_exact(Text *t, Str s)
{
  for (size_t k = 0; k < s.n; k++) {
    if (is_letter(s.p[k]) || is_digit(s.p[k]))
      zw_text_put(t, &s.p[k], 1);
    else if (s.p[k] == '_')
      zw_text_put(t, "__", 2);
    else
      zw_text_printf(t, "_%02x", (unsigned char)s.p[k]);
  }
}

// ---- who has which name ----

typedef enum OwnerKind { OWNER_HEADER, OWNER_IMPORT, OWNER_EXPORT } OwnerKind;
typedef struct Owner { const char *name; uint32_t kind : 2, index : 30; } Owner; // index: of the import or export
typedef struct Namer {
  const Module *m;
  const ObjOptions *o;
  const char *prefix;
  Arena *a;
  const char *between, *behind; // two names; a name that is taken
  VEC(Owner) owners; // of each name, in scratch memory
  uint32_t *slots;   // hash table: index in owners + 1, 0 = free
  uint32_t mask;
} Namer;

// A text is made in scratch memory, where it has room to grow, and kept in as many bytes as it has.
static Text begin_name(const Namer *t)
{
  Text s;
  zw_text_init(&s, &t->m->ctx->scratch);
  return s;
}
static const char *keep_name(const Namer *t, const Text *s, ArenaMark mark)
{
  const char *name = zw_arena_str(t->a, s->p, s->n);
  zw_arena_release(&t->m->ctx->scratch, mark);
  return name;
}

static const char *describe(const Namer *t, const Owner *w, char *buf, size_t bytes)
{
  const Import *i = w->kind == OWNER_IMPORT ? &t->m->imports[w->index] : NULL;
  const Export *x = w->kind == OWNER_EXPORT ? &t->m->exports[w->index] : NULL;
  if (i)
    zw_format(buf, bytes, "import \"%.*s\" \"%.*s\"", (int)i->module.n, i->module.p, (int)i->name.n, i->name.p);
  else if (x)
    zw_format(buf, bytes, "export \"%.*s\"", (int)x->name.n, x->name.p);
  else
    zw_format(buf, bytes, "the header itself");
  return buf;
}

// A module may import one thing several times.
static bool same_thing(const Namer *t, const Owner *a, const Owner *b)
{
  if (a->kind != OWNER_IMPORT || b->kind != OWNER_IMPORT)
    return false;
  const Module *m = t->m;
  const Import *i = &m->imports[a->index], *k = &m->imports[b->index];
  return i->kind == k->kind && zw_str_eq(i->module, k->module) && zw_str_eq(i->name, k->name) &&
         (i->kind != EXT_FUNC || m->types[m->funcs[i->index].type].canon == m->types[m->funcs[k->index].type].canon);
}

// Claims w->name, which lasts.  Returns the index of the thing that has the name: w's own, or that of an earlier import of the same.
static uint32_t claim(Namer *t, const Owner *w, uint64_t at)
{
  uint32_t slot = (uint32_t)zw_hash_bytes(w->name, strlen(w->name), 0) & t->mask;
  while (t->slots[slot] && strcmp(t->owners.p[t->slots[slot] - 1].name, w->name) != 0)
    slot = (slot + 1) & t->mask;
  const Owner *has = t->slots[slot] ? &t->owners.p[t->slots[slot] - 1] : NULL;
  if (has && !same_thing(t, has, w)) {
    char a[160], b[160];
    zw_fail(t->m->ctx, ERR_unsupported, at, "%s and %s would both be '%s' in C%s", describe(t, has, a, sizeof a),
            describe(t, w, b, sizeof b), w->name, t->o->exact ? "" : "; --mangle=exact keeps them apart");
  }
  if (has)
    return has->index;
  CHECK(t->owners.n < t->owners.cap); // they would move above the mark
  *zw_push(&t->m->ctx->scratch, &t->owners) = *w;
  t->slots[slot] = t->owners.n;
  return w->index;
}

static Text put3(const Namer *t, const char *a, const char *b, const char *c)
{
  Text s = begin_name(t);
  zw_text_printf(&s, "%s%s%s", a, b, c);
  return s;
}
static const char *join(const Namer *t, const char *a, const char *b, const char *c)
{
  ArenaMark mark = zw_arena_mark(&t->m->ctx->scratch);
  Text s = put3(t, a, b, c);
  return keep_name(t, &s, mark);
}

// "env_log" of an import, "fac" of an export, in scratch memory.
static const char *plain_name(const Namer *t, const Owner *w)
{
  Text s = begin_name(t);
  void (*put)(Text *, Str) = t->o->exact ? put_exact : put_readable;
  if (w->kind == OWNER_IMPORT) {
    put(&s, t->m->imports[w->index].module);
    zw_text_printf(&s, "%s", t->between);
  }
  put(&s, w->kind == OWNER_IMPORT ? t->m->imports[w->index].name : t->m->exports[w->index].name);
  return s.p;
}

// "calc_env_log", "calc_fac".
static const char *c_name(const Namer *t, const Owner *w)
{
  ArenaMark mark = zw_arena_mark(&t->m->ctx->scratch);
  const char *name = plain_name(t, w);
  Text s = put3(t, t->prefix, "_", name);
  if (among(name, own_names, ARRAY_COUNT(own_names)))
    zw_text_printf(&s, "%s", t->behind);
  return keep_name(t, &s, mark);
}

// The same as a name that stands alone: "env_log", not "2_x" and not "and_eq".
static const char *field_name(const Namer *t, const Owner *w)
{
  ArenaMark mark = zw_arena_mark(&t->m->ctx->scratch);
  const char *name = plain_name(t, w);
  Text s = put3(t, name, "", "");
  if (is_digit(name[0])) { // exact: as if it could not stand in a name at all, _30 to _39
    char digit[4] = { '_', '3', name[0], 0 };
    s = t->o->exact ? put3(t, digit, name + 1, "") : put3(t, "_", name, "");
  }
  if (!zw_is_c_identifier(s.p))
    zw_text_printf(&s, "%s", t->behind);
  return keep_name(t, &s, mark);
}

// What --rename-import says about an import, or NULL.
static const char *renamed(const Namer *t, const Import *i, bool *used)
{
  for (uint32_t k = 0; k < t->o->nrenames; k++) {
    const char *want = t->o->renames[k].wasm;
    if (strlen(want) != i->module.n + 1 + i->name.n || memcmp(want, i->module.p, i->module.n) != 0 || want[i->module.n] != '.' ||
        memcmp(want + i->module.n + 1, i->name.p, i->name.n) != 0)
      continue;
    used[k] = true;
    return t->o->renames[k].c;
  }
  return NULL;
}

bool zw_has_refs(const FuncType *f)
{
  for (uint32_t k = 0; k < f->nparams; k++)
    if (zw_is_ref(f->params[k]))
      return true;
  for (uint32_t k = 0; k < f->nresults; k++)
    if (zw_is_ref(f->results[k]))
      return true;
  return false;
}

// symbol: NULL when there is no such call.
typedef struct WasiCall { const char *name, *signature, *symbol; } WasiCall;
static const WasiCall wasi_calls[] = {
#define P1(name, signature) { #name, #signature, "zwasm_wasi_p1_" #name },
#include "runtime/wasi/p1.def"
};
// Of wasi_unstable, where it differs.
static const WasiCall unstable_calls[] = {
#define P0(name, signature) { #name, #signature, "zwasm_wasi_p0_" #name },
#define LATER(name) { #name, "", NULL },
#include "runtime/wasi/p0.def"
};

static const WasiCall *find_wasi(const WasiCall *calls, size_t n, Str name)
{
  for (size_t k = 0; k < n; k++)
    if (zw_str_eq(name, (Str){ calls[k].name, strlen(calls[k].name) }))
      return &calls[k];
  return NULL;
}

static char type_letter(ValType t) { return t == VT_I32 ? 'i' : t == VT_I64 ? 'l' : '?'; }

// "i_iii" as in p1.def.  The runtime's functions read and write as many slots as their own signature has, so a module
// that declares another one must not be bound to them.
static bool has_signature(const FuncType *f, const char *want)
{
  char result = f->nresults == 0 ? 'z' : type_letter(f->results[0]);
  if (f->nresults > 1 || want[0] != result || strlen(want) != f->nparams + 2ull)
    return false;
  for (uint32_t k = 0; k < f->nparams; k++)
    if (want[2 + k] != type_letter(f->params[k]))
      return false;
  return true;
}

// The runtime's function for an import of WASI preview 1 or of its forerunner, one archive member each.
static const char *wasi_symbol(const Module *m, const Import *i)
{
  bool old = zw_str_eq(i->module, STR("wasi_unstable"));
  if (i->kind != EXT_FUNC || (!old && !zw_str_eq(i->module, STR("wasi_snapshot_preview1"))))
    return NULL;
  const WasiCall *w = old ? find_wasi(unstable_calls, ARRAY_COUNT(unstable_calls), i->name) : NULL;
  if (!w)
    w = find_wasi(wasi_calls, ARRAY_COUNT(wasi_calls), i->name);
  if (!w || !w->symbol)
    zw_fail(m->ctx, ERR_unlinkable, i->at, "WASI preview %s has no '%.*s'; --wasi=none makes it a function of yours", old ? "0 (wasi_unstable)" : "1",
            (int)i->name.n, i->name.p);
  if (!has_signature(zw_func_type(m, i->index), w->signature))
    zw_fail(m->ctx, ERR_unlinkable, i->at, "WASI's %s has another type; --wasi=none makes it a function of yours", w->name);
  return w->symbol;
}

// The name of w and a suffix, which is w's as well.
static const char *claim_with(Namer *t, const char *suffix, Owner w, uint64_t at)
{
  w.name = join(t, w.name, suffix, "");
  claim(t, &w, at);
  return w.name;
}

static const char *name_results(Namer *t, uint32_t type, const Owner *w, uint64_t at)
{
  return t->m->types[type].func->nresults < 2 ? NULL : claim_with(t, "_result", *w, at);
}

static CName name_import(Namer *t, uint32_t index, bool *used)
{
  const Module *m = t->m;
  const Import *i = &m->imports[index];
  bool func = i->kind == EXT_FUNC;
  Owner w = { .kind = OWNER_IMPORT, .index = index };
  const char *mine = renamed(t, i, used);
  const char *wasi = t->o->wasi && !mine ? wasi_symbol(m, i) : NULL;
  if (wasi)
    return (CName){ .name = wasi, .kind = CALL_WASI, .first = index };
  if (func && !t->o->struct_imports) {
    w.name = mine ? mine : c_name(t, &w);
    uint32_t first = claim(t, &w, i->at);
    return (CName){ .name = w.name, .result = name_results(t, m->funcs[i->index].type, &w, i->at), .kind = CALL_C, .first = first };
  }
  const char *name = mine ? mine : field_name(t, &w);
  w.name = join(t, name, ".field", ""); // fields are in a name space of their own
  uint32_t first = claim(t, &w, i->at);
  if (func)
    w.name = join(t, t->prefix, "_", name);
  const char *result = func ? name_results(t, m->funcs[i->index].type, &w, i->at) : NULL;
  return (CName){ .name = name, .result = result, .kind = CALL_FIELD, .first = first };
}

static CName name_export(Namer *t, uint32_t index)
{
  const Module *m = t->m;
  const Export *e = &m->exports[index];
  Owner w = { .kind = OWNER_EXPORT, .index = index };
  w.name = c_name(t, &w);
  claim(t, &w, e->at);
  CName c = { .name = w.name, .kind = CALL_C };
  if (e->kind == EXT_FUNC) {
    c.try = claim_with(t, "_try", w, e->at);
    c.result = name_results(t, m->funcs[e->index].type, &w, e->at);
  }
  return c;
}

// The module's own C name.
static const char *make_prefix(const Module *m, const ObjOptions *o, Arena *a)
{
  char buf[64];
  zw_c_identifier((Str){ o->prefix, strlen(o->prefix) }, buf);
  if (strncmp(buf, "zwasm", 5) != 0 || (buf[5] && buf[5] != '_'))
    return zw_arena_str(a, buf, strlen(buf));
  if (!o->for_exe)
    zw_fail(m->ctx, ERR_unsupported, ZW_NO_POS, "names that begin with 'zwasm' are the runtime's: give the module another one with --prefix=");
  return "program"; // nobody calls it by name
}

static void check_entry(const Module *m, const char *entry)
{
  for (uint32_t k = 0; k < m->nexports; k++) {
    const Export *x = &m->exports[k];
    if (x->kind != EXT_FUNC || !zw_str_eq(x->name, (Str){ entry, strlen(entry) }))
      continue;
    const FuncType *f = zw_func_type(m, x->index);
    if (f->nparams || f->nresults)
      zw_fail(m->ctx, ERR_unsupported, x->at, "the entry '%s' of a program takes no parameters and has no results", entry);
    return;
  }
  zw_fail(m->ctx, ERR_unsupported, ZW_NO_POS, "a program needs an entry, and the module exports no function '%s'; see --entry=", entry);
}

// A program has nobody but the runtime to import from, and start.o to call it.
static void check_program(const Module *m, const CNames *c)
{
  for (uint32_t k = 0; k < m->nimports; k++) {
    const Import *i = &m->imports[k];
    if (c->imports[k].kind != CALL_WASI)
      zw_fail(m->ctx, ERR_unsupported, i->at, "import \"%.*s\" \"%.*s\" is not of WASI preview 1, and nothing else can be imported by a program",
              (int)i->module.n, i->module.p, (int)i->name.n, i->name.p);
  }
  check_entry(m, c->entry);
}

const CNames *zw_cnames(const Module *m, const ObjOptions *o, Arena *a)
{
  if (o->names)
    return o->names;
  CNames *c = zw_new(a, CNames);
  c->prefix = make_prefix(m, o, a);
  c->entry = o->entry ? o->entry : "_start";
  Namer t = { .m = m, .o = o, .prefix = c->prefix, .a = a, .mask = 63, .between = o->exact ? "_x" : "_", .behind = o->exact ? "_x" : "_" };
  uint64_t most = 3ull * m->nexports + 2ull * m->nimports + ARRAY_COUNT(own_names) + 1; // names
  CHECK(most < 1u << 30);
  while (t.mask < most + most / 2)
    t.mask = t.mask * 2 + 1;
  Arena *scratch = &m->ctx->scratch;
  ArenaMark mark = zw_arena_mark(scratch);
  t.slots = zw_new_array(scratch, uint32_t, t.mask + 1ull);
  zw_reserve(scratch, &t.owners, (uint32_t)most);
  c->imports = zw_new_array(a, CName, m->nimports);
  c->exports = zw_new_array(a, CName, m->nexports);
  bool *used = zw_new_array(a, bool, o->nrenames + 1ull);
  claim(&t, &(Owner){ .name = t.prefix, .kind = OWNER_HEADER }, ZW_NO_POS);
  for (size_t k = 0; k < ARRAY_COUNT(own_names); k++)
    claim(&t, &(Owner){ .name = join(&t, t.prefix, "_", own_names[k]), .kind = OWNER_HEADER }, ZW_NO_POS);
  for (uint32_t k = 0; k < m->nimports; k++) {
    c->imports[k] = name_import(&t, k, used);
    c->has_fields |= c->imports[k].kind == CALL_FIELD;
  }
  for (uint32_t k = 0; k < o->nrenames; k++)
    if (!used[k])
      zw_fail(m->ctx, ERR_unlinkable, ZW_NO_POS, "--rename-import=%s=%s: there is no such import that C could provide",
              o->renames[k].wasm, o->renames[k].c);
  for (uint32_t k = 0; k < m->nexports; k++)
    c->exports[k] = name_export(&t, k);
  if (o->for_exe)
    check_program(m, c);
  zw_arena_release(scratch, mark);
  return c;
}
