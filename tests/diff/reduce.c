// Reduction by cutting: runs of whole instructions in a body are left out or replaced by a small value, the longest runs
// first; then functions, exports and other entries of sections are.  What does not validate any more is thrown away
// unseen, and what does is kept when it is still interesting; that an index means another thing then is no harm.
#include "reduce.h"
#include "compiler/wasm/body.h"
#include "compiler/wasm/check.h"
#include "compiler/wasm/wat.h"
#include "runtime/base/leb.h"
#include <stdio.h>
#include <string.h>

typedef struct Work {
  bool (*interesting)(const uint8_t *, size_t, void *);
  void *arg;
  Arena *a;
  uint8_t *bytes; size_t len; // the best so far
  uint32_t tries, steps;
} Work;

typedef struct Look { const uint8_t *bytes; size_t len; uint32_t func; uint32_t *cuts; uint32_t ncuts, nfuncs; uint64_t body_at, body_len; } Look;

// Validate, and note where the instructions of one body begin (offsets in the body, the last is its final `end`).
static void look(Ctx *c, void *arg)
{
  Look *l = arg;
  Module *m = zw_decode_module(c, l->bytes, l->len, zw_features_default());
  zw_check_module(m);
  l->nfuncs = m->nfuncs - m->nimported_funcs;
  if (!l->cuts || l->func >= l->nfuncs)
    return;
  const Func *f = &m->funcs[m->nimported_funcs + l->func];
  l->body_at = (uint64_t)(f->body - l->bytes), l->body_len = f->body_len;
  const uint8_t *p = f->body + m->facts[l->func].code_at, *end = f->body + f->body_len;
  while (p < end) {
    l->cuts[l->ncuts++] = (uint32_t)(p - f->body);
    Op op = zw_fast_op(&p, zw_op_one_byte);
    zw_skip_imm(&p, op);
  }
}
static bool valid(Look *l)
{
  Ctx c;
  zw_ctx_init(&c);
  bool ok = zw_guard(&c, look, l);
  zw_ctx_free(&c);
  return ok;
}

static size_t put_leb(uint8_t *to, uint64_t v) { return zw_leb_write_u64(to, v); }
static uint64_t get_leb(const uint8_t *bytes, size_t *at)
{
  uint64_t v = 0;
  unsigned shift = 0;
  uint8_t b;
  do {
    b = bytes[(*at)++];
    v |= (uint64_t)(b & 0x7f) << shift, shift += 7;
  } while (b & 0x80);
  return v;
}

// The module with [from, to) of body k replaced; lengths of the body and of the code section are written anew.
static uint8_t *replace(Work *w, uint32_t k, uint32_t from, uint32_t to, const uint8_t *with, size_t n, size_t *len)
{
  const uint8_t *b = w->bytes;
  uint8_t *out = zw_arena_alloc(w->a, w->len + n + 32, 1), *o = out;
  size_t at = 8, start = 8;
  while (b[at] != 10) {
    at++;
    size_t size = (size_t)get_leb(b, &at);
    at += size;
    start = at;
  }
  memcpy(o, b, start), o += start;
  at = start + 1;
  size_t section_len = (size_t)get_leb(b, &at), section_end = at + section_len;
  uint8_t *body = zw_arena_alloc(w->a, section_len + n + 32, 1), *q = body;
  uint64_t count = get_leb(b, &at);
  q += put_leb(q, count);
  for (uint64_t i = 0; i < count; i++) {
    size_t size = (size_t)get_leb(b, &at);
    if (i != k) {
      q += put_leb(q, size);
      memcpy(q, b + at, size), q += size;
    } else {
      q += put_leb(q, size - (to - from) + n);
      memcpy(q, b + at, from), q += from;
      memcpy(q, with, n), q += n;
      memcpy(q, b + at + to, size - to), q += size - to;
    }
    at += size;
  }
  *o++ = 10;
  o += put_leb(o, (uint64_t)(q - body));
  memcpy(o, body, (size_t)(q - body)), o += q - body;
  memcpy(o, b + section_end, w->len - section_end), o += w->len - section_end;
  *len = (size_t)(o - out);
  return out;
}

// Takes the bytes if they are a module and still interesting; else gives back what the arena held since mark.
static bool try_bytes(Work *w, uint8_t *b, size_t len, ArenaMark mark)
{
  Look l = { .bytes = b, .len = len };
  w->tries++;
  if (valid(&l) && w->interesting(b, len, w->arg)) {
    w->bytes = b, w->len = len;
    w->steps++;
    return true;
  }
  zw_arena_release(w->a, mark);
  return false;
}

static bool try_replace(Work *w, uint32_t k, uint32_t from, uint32_t to, const void *with, size_t n)
{
  if (n >= to - from && n)
    return false; // must get smaller
  ArenaMark mark = zw_arena_mark(w->a);
  size_t len;
  uint8_t *b = replace(w, k, from, to, with, n, &len);
  return try_bytes(w, b, len, mark);
}

// What may stand where instructions stood: nothing, a trap, a value, a drop.
static bool try_cut(Work *w, uint32_t k, uint32_t from, uint32_t to)
{
  static const struct { uint8_t n; char bytes[10]; } with[] = {
    { 0, "" }, { 2, "\x41\0" }, { 2, "\x42\0" }, { 5, "\x43\0\0\0\0" }, { 9, "\x44\0\0\0\0\0\0\0\0" }, { 1, "\x1a" }, { 2, "\x1a\x1a" }, { 3, "\x1a\x41\0" }, { 3, "\x1a\x42\0" }, { 1, "\0" },
  };
  for (uint32_t i = 0; i < ARRAY_COUNT(with); i++)
    if (try_replace(w, k, from, to, with[i].bytes, with[i].n))
      return true;
  return false;
}

// One sweep over a body; true when it got smaller.
static bool sweep(Work *w, uint32_t k)
{
  bool smaller = false;
  uint32_t *cuts = zw_new_array(w->a, uint32_t, w->len + 1);
  Look l = { .bytes = w->bytes, .len = w->len, .func = k, .cuts = cuts };
  if (!valid(&l) || l.ncuts < 2)
    return false;
  for (uint32_t run = l.ncuts - 1; run > 0; run = run > 1 ? (run + 1) / 2 : 0)
    for (uint32_t i = 0; i + run < l.ncuts;) {
      if (!try_cut(w, k, cuts[i], cuts[i + run])) {
        i += run > 3 ? run / 2 : 1;
        continue;
      }
      smaller = true;
      l = (Look){ .bytes = w->bytes, .len = w->len, .func = k, .cuts = cuts };
      if (!valid(&l))
        return smaller;
      if (run >= l.ncuts)
        break;
    }
  return smaller;
}

// ---- entries of sections ----

// Bytes [from, to) behind the count of a section are one entry of it.
typedef struct Cut { uint32_t id; size_t from, to; uint32_t index; } Cut; // index: of FUNCS
enum { TYPES = 1, FUNCS = 3, EXPORTS = 7, CODE = 10, DATAS = 11, DATA_COUNT = 12 };

static const Cut *cut_of(const Cut *cuts, uint32_t n, uint32_t id)
{
  for (uint32_t i = 0; i < n; i++)
    if (cuts[i].id == id)
      return &cuts[i];
  return NULL;
}
static uint8_t *put_section(uint8_t *o, uint32_t id, uint64_t count, const uint8_t *p, size_t n)
{
  uint8_t t[10];
  size_t k = put_leb(t, count);
  *o++ = (uint8_t)id;
  o += put_leb(o, k + n);
  memcpy(o, t, k), o += k;
  if (n)
    memcpy(o, p, n);
  return o + n;
}
// Exports when function `gone` has gone: those behind it have other numbers.  Calls are left to luck.
static uint8_t *put_exports(uint8_t *o, const uint8_t *b, size_t at, uint32_t gone, uint8_t *room)
{
  uint8_t *p = room;
  uint64_t count = get_leb(b, &at);
  for (uint64_t i = 0; i < count; i++) {
    size_t name = at, len = (size_t)get_leb(b, &at);
    at += len;
    uint8_t kind = b[at++];
    memcpy(p, b + name, at - name), p += at - name;
    uint64_t index = get_leb(b, &at);
    p += put_leb(p, index - (kind == 0 && index > gone));
  }
  return put_section(o, EXPORTS, count, room, (size_t)(p - room));
}
// The module without these entries.  The number of data segments is said twice.
static uint8_t *without(Work *w, const Cut *cuts, uint32_t n, size_t *len)
{
  uint8_t *out = zw_arena_alloc(w->a, w->len + 64, 1), *o = out, *rest = zw_arena_alloc(w->a, w->len, 1);
  memcpy(o, w->bytes, 8), o += 8;
  for (size_t at = 8; at < w->len;) {
    size_t start = at;
    uint32_t id = w->bytes[at++];
    size_t size = (size_t)get_leb(w->bytes, &at), end = at + size;
    const Cut *c = cut_of(cuts, n, id == DATA_COUNT ? DATAS : id);
    const Cut *function = id == EXPORTS ? cut_of(cuts, n, FUNCS) : NULL;
    if (function) {
      o = put_exports(o, w->bytes, at, function->index, rest);
    } else if (!c) {
      memcpy(o, w->bytes + start, end - start), o += end - start;
    } else {
      uint64_t count = get_leb(w->bytes, &at);
      size_t left = end - at, from = id == DATA_COUNT ? 0 : c->from, to = id == DATA_COUNT ? 0 : c->to;
      memcpy(rest, w->bytes + at, from);
      memcpy(rest + from, w->bytes + at + to, left - to);
      if (count > 1 || id == DATA_COUNT)
        o = put_section(o, id, count - 1, rest, left - (to - from));
    }
    at = end;
  }
  *len = (size_t)(o - out);
  return out;
}

static bool find_section(const Work *w, uint32_t id, const uint8_t **p, size_t *n, uint64_t *count)
{
  for (size_t at = 8; at < w->len;) {
    uint32_t is = w->bytes[at++];
    size_t size = (size_t)get_leb(w->bytes, &at), end = at + size;
    if (is == id) {
      *count = get_leb(w->bytes, &at);
      *p = w->bytes + at, *n = end - at;
      return *count > 0;
    }
    at = end;
  }
  return false;
}

static bool try_without(Work *w, const Cut *cuts, uint32_t n)
{
  ArenaMark mark = zw_arena_mark(w->a);
  size_t len;
  uint8_t *b = without(w, cuts, n, &len);
  return try_bytes(w, b, len, mark);
}

// One function less, its declaration and its body; the last first.
static bool drop_function(Work *w)
{
  const uint8_t *f, *c;
  size_t fn, cn;
  uint64_t count, bodies;
  if (!find_section(w, FUNCS, &f, &fn, &count) || !find_section(w, CODE, &c, &cn, &bodies))
    return false;
  Cut *at = zw_new_array(w->a, Cut, 2 * count);
  size_t in_f = 0, in_c = 0;
  for (uint64_t k = 0; k < count; k++) {
    at[2 * k] = (Cut){ FUNCS, in_f, 0, (uint32_t)k }, at[2 * k + 1] = (Cut){ CODE, in_c, 0, 0 };
    (void)get_leb(f, &in_f);
    size_t size = (size_t)get_leb(c, &in_c);
    in_c += size;
    at[2 * k].to = in_f, at[2 * k + 1].to = in_c;
  }
  while (count-- > 0)
    if (try_without(w, at + 2 * count, 2))
      return true;
  return false;
}
// One entry less of another section.  Where entries begin is not known here: any run of bytes may be one.
static bool drop_entry(Work *w, uint32_t id)
{
  const uint8_t *p;
  size_t n, longest = 80;
  uint64_t count;
  if (!find_section(w, id, &p, &n, &count))
    return false;
  if (count == 1)
    return try_without(w, &(Cut){ id, 0, n, 0 }, 1);
  for (size_t run = 1; run <= longest && run < n; run++)
    for (size_t from = n - run + 1; from-- > 0;)
      if (try_without(w, &(Cut){ id, from, from + run, 0 }, 1))
        return true;
  return false;
}
static bool drop_entries(Work *w)
{
  static const uint32_t ids[] = { EXPORTS, 9, DATAS, 6, 13, 5, 4, TYPES };
  uint32_t before = w->steps;
  while (drop_function(w)) {
  }
  for (uint32_t i = 0; i < ARRAY_COUNT(ids); i++)
    while (drop_entry(w, ids[i])) {
    }
  return w->steps > before;
}

Reduced reduce_module(const uint8_t *bytes, size_t len, bool (*interesting)(const uint8_t *, size_t, void *), void *arg, Arena *a)
{
  Work w = { .interesting = interesting, .arg = arg, .a = a, .len = len };
  w.bytes = zw_arena_alloc(a, len, 1);
  memcpy(w.bytes, bytes, len);
  Look l = { .bytes = w.bytes, .len = len };
  bool smaller = valid(&l);
  while (smaller) {
    smaller = drop_entries(&w);
    l = (Look){ .bytes = w.bytes, .len = w.len };
    for (uint32_t k = valid(&l) ? l.nfuncs : 0; k-- > 0;)
      smaller |= sweep(&w, k);
  }
  return (Reduced){ w.bytes, w.len, w.tries, w.steps };
}

typedef struct Print { const uint8_t *bytes; size_t len; FILE *out; uint64_t features; } Print;
static void print(Ctx *c, void *arg)
{
  Print *p = arg;
  Module *m = zw_decode_module(c, p->bytes, p->len, zw_features_default());
  zw_check_module(m);
  p->features = m->features_used;
  if (!p->out)
    return;
  Text t;
  zw_text_init(&t, &c->module);
  zw_wat_print(m, &(WatPrintOptions){ .hex_floats = true }, &t);
  fwrite(t.p, 1, t.n, p->out);
}
static uint64_t look_at(Print *p)
{
  Ctx c;
  zw_ctx_init(&c);
  if (!zw_guard(&c, print, p) && p->out)
    fprintf(p->out, ";; %s\n", c.diag.text);
  zw_ctx_free(&c);
  return p->features;
}
void print_module(FILE *out, const uint8_t *bytes, size_t len) { look_at(&(Print){ .bytes = bytes, .len = len, .out = out }); }
uint64_t module_features(const uint8_t *bytes, size_t len) { return look_at(&(Print){ .bytes = bytes, .len = len }); }
