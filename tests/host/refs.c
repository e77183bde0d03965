// References over the border: handles and whose they are, pointers of the host and when they are dropped, calls through
// function references, tables and globals of references, and every way to get them wrong.
#include "refs.h"
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPECT(c) ((c) ? (void)0 : (printf("%s:%d: not so: %s (%s)\n", __FILE__, __LINE__, #c, zwasm_last_error()), exit(1)))

enum { RETURN, COPY, DELETE_LENT, JUMP, RAISE, SET_TRAP, KEEP, GARBAGE, FRESH, NEST };
static int mode, dropped, nest;
static jmp_buf jump;
static zwasm_ref_t kept;
static refs *other; // of another store
static int a, b, c;

void zw_gc_set_zeal_default(_Bool on); // of the runtime: collect at every allocation, and look at the whole heap

static zwasm_ref_t ref(refs *r, void *p) { return zwasm_ref_of(refs_instance(r), p, NULL); }
static int take(zwasm_ref_t r, void *p)
{
  int same = zwasm_ref_pointer(r) == p;
  zwasm_ref_delete(r);
  return same;
}
static void garbage(refs *r, int n)
{
  for (int k = 0; k < n; k++)
    zwasm_ref_delete(ref(r, &mode));
}

#ifdef STRUCT_IMPORTS
#define IMPORT static /* fields of a struct, not symbols */
#else
#define IMPORT
#endif

IMPORT zwasm_ref_t refs_env_pass(refs *r, zwasm_ref_t x)
{
  switch (mode) {
  case RETURN: return x;
  case COPY: return zwasm_ref_copy(x);
  case DELETE_LENT: zwasm_ref_delete(x); return x;
  case JUMP: longjmp(jump, 1);
  case RAISE: zwasm_raise(refs_instance(r), "no reference today");
  case SET_TRAP: zwasm_set_trap(refs_instance(r), "no reference at all"); return NULL;
  case KEEP: kept = zwasm_ref_copy(x); return x;
  case GARBAGE: garbage(r, 20); return x;
  case FRESH: { // nothing but wasm's frames will hold it
    zwasm_ref_t y = ref(r, zwasm_ref_pointer(x));
    garbage(r, 2);
    return y;
  }
  case NEST:
    if (nest-- > 0) {
      zwasm_ref_t y = refs_through(r, x); // lent in several calls at once
      EXPECT(zwasm_ref_same(x, y));
      garbage(r, 1);
      return y;
    }
    return x;
  }
  return NULL;
}
IMPORT void refs_env_swap(refs *r, zwasm_ref_t x, int32_t n, zwasm_ref_t f, zwasm_ref_t y, refs_env_swap_result *out)
{
  (void)r;
  out->r0 = y, out->r1 = n, out->r2 = f, out->r3 = x;
  if (mode == COPY)
    out->r0 = out->r3 = zwasm_ref_copy(y); // one of ours, given twice
}
static zwasm_ref_t pick(refs *r, int32_t n)
{
  switch (n) {
  case 0: return refs_sub(r);
  case 1: return zwasm_ref_export(refs_instance(r), "add");
  case 2: return NULL;
  case 3: return ref(r, &a);                                   // another hierarchy
  case 4: return zwasm_ref_export(refs_instance(r), "id");     // a function of another type
  case 5: return zwasm_ref_export(refs_instance(other), "add"); // another store
  }
  { // a handle that is gone
    zwasm_ref_t f = refs_sub(r);
    zwasm_ref_delete(f);
    return f;
  }
}
IMPORT zwasm_ref_t refs_env_pick(refs *r, int32_t n) { return pick(r, n); }
IMPORT zwasm_ref_t refs_env_exact(refs *r, int32_t n) { return pick(r, n); }
IMPORT zwasm_ref_t refs_env_must(refs *r, int32_t n) { return n ? ref(r, &b) : NULL; }
IMPORT int32_t refs_env_plain(refs *r, int32_t n)
{
  if (mode == GARBAGE || mode == FRESH)
    garbage(r, 1);
  return n;
}

// Things of the host's own that the first instance brings together.
typedef struct Things { zwasm_table_t *externs, *funcs; zwasm_global_t *title, *hook; } Things;

static Things make_things(void)
{
  Things t;
  t.externs = zwasm_table_new(NULL, ZWASM_EXTERNREF, 2, 8);
  t.funcs = zwasm_table_new(NULL, ZWASM_FUNCREF, 2, UINT64_MAX);
  t.title = zwasm_global_new(NULL, ZWASM_EXTERNREF, 1, NULL);
  t.hook = zwasm_global_new(NULL, ZWASM_FUNCREF, 0, NULL);
  EXPECT(t.externs && t.funcs && t.title && t.hook);
  return t;
}
static refs *try_make(const Things *t)
{
  zwasm_options_t o = ZWASM_OPTIONS_INIT;
  refs_imports s;
#ifdef STRUCT_IMPORTS
  s.env_pass = refs_env_pass, s.env_swap = refs_env_swap, s.env_pick = refs_env_pick, s.env_exact = refs_env_exact, s.env_must = refs_env_must;
  s.env_plain = refs_env_plain;
#endif
  s.env_externs = t->externs, s.env_funcs = t->funcs, s.env_title = t->title, s.env_hook = t->hook;
  o.imports = &s;
  return refs_new(&o);
}
static void delete_things(Things t)
{
  zwasm_table_delete(t.externs), zwasm_table_delete(t.funcs), zwasm_global_delete(t.title), zwasm_global_delete(t.hook);
}
static refs *make(void)
{
  Things t = make_things();
  refs *r = try_make(&t);
  EXPECT(r != NULL);
  delete_things(t); // the instance holds them
  return r;
}

static void pointers_pass_through(refs *r)
{
  zwasm_ref_t x = ref(r, &a), y = ref(r, &b), null = ref(r, NULL);
  static const int modes[] = { RETURN, COPY, DELETE_LENT, GARBAGE, FRESH };
  for (size_t k = 0; k < sizeof modes / sizeof *modes; k++) {
    mode = modes[k];
    EXPECT(take(refs_through(r, x), &a));
    zwasm_ref_t got;
    EXPECT(refs_through_try(r, y, &got) == ZWASM_OK && zwasm_ref_same(got, y) == (mode != FRESH) && !zwasm_ref_same(got, x) && take(got, &b));
    EXPECT(mode == FRESH || refs_through(r, NULL) == NULL);
    refs_hold_result h;
    refs_hold(r, x, y, 20, &h);
    EXPECT(take(h.r0, &a) && take(h.r1, &b));
    EXPECT(take(refs_deep(r, x, 300), &a));
  }
  mode = NEST, nest = 200;
  EXPECT(take(refs_through(r, x), &a));
  mode = RETURN;
  EXPECT(refs_is_null(r, x) == 0 && refs_is_null(r, NULL) == 1 && refs_is_null(r, null) == 0 && zwasm_ref_pointer(null) == NULL);
  EXPECT(zwasm_ref_type(x) == ZWASM_EXTERNREF && zwasm_ref_pointer(NULL) == NULL && zwasm_ref_same(NULL, NULL) && !zwasm_ref_same(x, NULL));
  for (mode = RETURN; mode <= COPY; mode++) {
    refs_many_result m;
    zwasm_ref_t f = refs_sub(r);
    EXPECT(refs_many_try(r, x, 7, f, y, &m) == ZWASM_OK);
    EXPECT(m.r1 == 7 && take(m.r0, &b) && zwasm_ref_same(m.r2, f) && take(m.r3, mode == COPY ? &b : &a));
    zwasm_ref_delete(m.r2), zwasm_ref_delete(f);
  }
  mode = RETURN;
  zwasm_ref_delete(x), zwasm_ref_delete(y), zwasm_ref_delete(null), zwasm_ref_delete(NULL);
}

// Handles that were lent to calls that never returned come back: many of them cost no more memory than a few.
static void imports_that_never_return(refs *r)
{
  zwasm_ref_t x = ref(r, &a), got;
  static refs *volatile again;
  again = r;
  for (volatile int k = 0; k < 3000; k++) {
    mode = JUMP;
    if (setjmp(jump) == 0) {
      zwasm_ref_delete(refs_through(again, x));
      EXPECT(!"longjmp came back");
    }
    mode = RAISE;
    EXPECT(refs_through_try(again, x, &got) == ZWASM_HOST_TRAP);
    mode = SET_TRAP;
    EXPECT(refs_through_try(again, x, &got) == ZWASM_HOST_TRAP && strstr(zwasm_trap(refs_instance(again))->message, "at all"));
    if (k % 500 == 0)
      garbage(again, 10);
  }
  mode = RETURN;
  EXPECT(take(refs_through(again, x), &a));
  zwasm_ref_delete(x);
}

static void functions(refs *r)
{
  zwasm_instance_t *i = refs_instance(r);
  int32_t n;
  zwasm_ref_t sub = refs_sub(r), add = zwasm_ref_export(i, "add"), x = ref(r, &a), adder = zwasm_global_get(refs_adder(r));
  EXPECT(refs_call(r, sub, 9, 4) == 5 && refs_call(r, add, 9, 4) == 13 && refs_call_exact(r, sub, 9, 4) == 5);
  EXPECT(zwasm_ref_same(add, adder) && zwasm_ref_type(add) == ZWASM_FUNCREF && zwasm_ref_pointer(add) == NULL);
  EXPECT(refs_pick(r, 0, 9, 4) == 5 && refs_pick(r, 1, 9, 4) == 13 && refs_pick_exact(r, 0, 9, 4) == 5);
  EXPECT(refs_pick_try(r, 2, 9, 4, &n) == ZWASM_UNINITIALIZED_ELEMENT && refs_pick_exact_try(r, 2, 9, 4, &n) == ZWASM_NULL_FUNCTION);
  EXPECT(refs_pick_try(r, 3, 9, 4, &n) == ZWASM_CAST_FAILURE && refs_pick_exact_try(r, 4, 9, 4, &n) == ZWASM_CAST_FAILURE);
  EXPECT(refs_pick_try(r, 4, 9, 4, &n) == ZWASM_INDIRECT_CALL_TYPE && refs_pick_try(r, 5, 9, 4, &n) == ZWASM_CAST_FAILURE);
  EXPECT(strstr(zwasm_trap(i)->message, "not linked with this one") != NULL);
  EXPECT(refs_pick_try(r, 6, 9, 4, &n) == ZWASM_CAST_FAILURE && strstr(zwasm_trap(i)->message, "was deleted"));
  EXPECT(refs_must(r, 1) == 0 && refs_must_try(r, 0, &n) == ZWASM_NULL_REFERENCE);
  EXPECT(refs_call_try(r, x, 9, 4, &n) == ZWASM_CAST_FAILURE && refs_call_exact_try(r, NULL, 9, 4, &n) == ZWASM_NULL_REFERENCE);
  EXPECT(refs_is_null_try(r, sub, &n) == ZWASM_CAST_FAILURE && strstr(zwasm_trap(i)->message, "argument 0"));
  zwasm_value_t v[2];
  v[0].i32 = 9, v[1].i32 = 4;
  EXPECT(zwasm_ref_call(i, sub, "ii_i", v) == ZWASM_OK && v[0].i32 == 5);
  EXPECT(zwasm_ref_call(i, sub, "ii_l", v) == ZWASM_INDIRECT_CALL_TYPE && zwasm_ref_call(i, sub, "i_i", v) == ZWASM_INDIRECT_CALL_TYPE);
  EXPECT(zwasm_ref_call(i, sub, "iii_i", v) == ZWASM_INDIRECT_CALL_TYPE && zwasm_ref_call(i, sub, "ii", v) == ZWASM_INDIRECT_CALL_TYPE);
  EXPECT(zwasm_ref_call(i, NULL, "_", v) == ZWASM_NULL_FUNCTION && zwasm_ref_call(i, x, "_", v) == ZWASM_CAST_FAILURE);
  zwasm_ref_t id = zwasm_ref_export(i, "id");
  v[0].ref = x;
  EXPECT(zwasm_ref_call(i, id, "x_x", v) == ZWASM_OK && v[0].ref != x && take(v[0].ref, &a));
  v[0].ref = x;
  EXPECT(zwasm_ref_call(i, id, "r_r", v) == ZWASM_OK && take(v[0].ref, &a));
  v[0].ref = sub;
  EXPECT(zwasm_ref_call(i, id, "x_x", v) == ZWASM_CAST_FAILURE && zwasm_ref_call(i, id, "c_x", v) == ZWASM_INDIRECT_CALL_TYPE);
  EXPECT(zwasm_ref_export(i, "kept") == NULL && zwasm_ref_export(i, "nothing") == NULL && strstr(zwasm_last_error(), "'nothing'"));
  zwasm_ref_delete(sub), zwasm_ref_delete(add), zwasm_ref_delete(x), zwasm_ref_delete(adder), zwasm_ref_delete(id);
}

// ---- functions of the host as references ----

static void minus_env(void *env, void *caller, zwasm_value_t *args) { (void)caller, args[0].i32 = args[0].i32 - args[1].i32 - *(int *)env; }
static void wide(void *env, void *caller, zwasm_value_t *args)
{
  (void)env, (void)caller;
  zwasm_ref_t x = args[5].ref;
  EXPECT(args[0].i32 == -1 && args[1].i64 == -2 && args[2].f32 == 3 && args[3].f64 == 4 && args[4].v128.bytes[15] == 15 && zwasm_ref_pointer(x) == &a);
  args[0].ref = x, args[1].i64 = 99;
}

static void host_functions(refs *r)
{
  zwasm_instance_t *i = refs_instance(r);
  int by = 2;
  zwasm_ref_t f = zwasm_ref_host(i, "ii_i", minus_env, &by), w = zwasm_ref_host(i, "ilfdvx_xl", wide, NULL), x = ref(r, &a);
  EXPECT(f && w && refs_call(r, f, 9, 4) == 3 && refs_call_exact(r, f, 9, 4) == 3);
  by = 0;
  EXPECT(refs_call(r, f, 9, 4) == 5);
  zwasm_value_t v[6];
  v[0].i32 = -1, v[1].i64 = -2, v[2].f32 = 3, v[3].f64 = 4, v[5].ref = x;
  for (int k = 0; k < 16; k++)
    v[4].v128.bytes[k] = (uint8_t)k;
  EXPECT(zwasm_ref_call(i, w, "ilfdvx_xl", v) == ZWASM_OK && take(v[0].ref, &a) && v[1].i64 == 99);
  EXPECT(!zwasm_ref_host(i, "ii", minus_env, &by) && !zwasm_ref_host(i, "q_", minus_env, &by) && !zwasm_ref_host(i, "r_", minus_env, &by));
  EXPECT(!zwasm_ref_host(i, "_i_i", minus_env, &by) && !zwasm_ref_host(i, "_", NULL, &by) && strstr(zwasm_last_error(), "'_'"));
  zwasm_ref_delete(f), zwasm_ref_delete(w), zwasm_ref_delete(x);
}

// ---- tables and globals ----

static void tables(refs *r, zwasm_table_t *given, zwasm_table_t *funcs)
{
  zwasm_ref_t x = ref(r, &a), f = refs_sub(r);
  EXPECT(zwasm_table_length(given) == 2 && zwasm_table_set(given, 1, x) && take(refs_given(r, 1), &a) && refs_given(r, 0) == NULL);
  refs_give(r, 0, x);
  EXPECT(take(zwasm_table_get(given, 0), &a));
  EXPECT(!zwasm_table_set(given, 2, x) && !zwasm_table_set(given, 0, f) && zwasm_table_get(given, 2) == NULL && strstr(zwasm_last_error(), "element 2"));
  EXPECT(zwasm_table_grow(given, 3, x) == 2 && take(refs_given(r, 4), &a) && zwasm_table_grow(given, 4, x) == UINT64_MAX && zwasm_table_grow(given, 1, f) == UINT64_MAX);
  EXPECT(zwasm_table_set(funcs, 0, f) && !zwasm_table_set(funcs, 0, x) && zwasm_table_grow(funcs, 1, f) == 2);
  zwasm_ref_t g = zwasm_table_get(funcs, 2);
  EXPECT(zwasm_ref_same(f, g) && zwasm_table_length(funcs) == 3 && zwasm_table_set(funcs, 2, NULL) && zwasm_table_get(funcs, 2) == NULL);
  EXPECT(zwasm_last_error()[0] == 0);
  refs_set_own(r, 3, x);
  EXPECT(take(zwasm_table_get(refs_own(r), 3), &a) && zwasm_table_get(refs_own(r), 2) == NULL);
  zwasm_ref_delete(x), zwasm_ref_delete(f), zwasm_ref_delete(g);
}

static void globals(refs *r, zwasm_global_t *title, zwasm_global_t *hook)
{
  zwasm_ref_t x = ref(r, &a), y = ref(r, &b), f = refs_sub(r);
  int32_t n;
  EXPECT(refs_title(r) == NULL && zwasm_global_set(title, x) && take(refs_title(r), &a));
  refs_retitle(r, y);
  EXPECT(take(zwasm_global_get(title), &b) && !zwasm_global_set(title, f) && !zwasm_global_set(hook, f));
  refs_keep(r, x);
  garbage(r, 30);
  EXPECT(take(zwasm_global_get(refs_kept(r)), &a) && zwasm_global_set(refs_kept(r), NULL) && zwasm_global_get(refs_kept(r)) == NULL);
  EXPECT(!zwasm_global_set(refs_adder(r), f) && refs_hooked_try(r, 1, 2, &n) == ZWASM_UNINITIALIZED_ELEMENT);
  zwasm_global_t *linked = zwasm_global_new(refs_instance(r), ZWASM_FUNCREF, 0, f);
  EXPECT(linked && zwasm_global_new(NULL, ZWASM_FUNCREF, 0, f) == NULL && strstr(zwasm_last_error(), "linked"));
  EXPECT(zwasm_global_new(refs_instance(r), ZWASM_EXTERNREF, 0, f) == NULL && zwasm_global_new(NULL, (zwasm_reftype_t)77, 0, NULL) == NULL);
  // a second instance that shares all of the first's, with a hook of its own
  Things t = { NULL, zwasm_table_new(refs_instance(r), ZWASM_FUNCREF, 2, 4), title, linked };
  EXPECT(try_make(&t) == NULL && strstr(zwasm_last_error(), "\"externs\""));
  t.externs = zwasm_table_new(refs_instance(r), ZWASM_FUNCREF, 2, 8);
  EXPECT(try_make(&t) == NULL && strstr(zwasm_last_error(), "element types differ"));
  zwasm_table_delete(t.externs);
  t.externs = zwasm_table_new(refs_instance(r), ZWASM_EXTERNREF, 2, 9);
  EXPECT(try_make(&t) == NULL && strstr(zwasm_last_error(), "maximum"));
  zwasm_table_delete(t.externs);
  t.externs = zwasm_table_new(refs_instance(r), ZWASM_EXTERNREF, 2, 8);
  refs *second = try_make(&t);
  EXPECT(second && refs_hooked(second, 9, 4) == 5 && take(refs_title(second), &b) && take(refs_through(second, x), &a));
  EXPECT(zwasm_table_new(NULL, ZWASM_FUNCREF, 3, 2) == NULL && zwasm_table_new_64(NULL, ZWASM_FUNCREF, 1ull << 40, UINT64_MAX) == NULL);
  EXPECT(zwasm_table_new(NULL, ZWASM_FUNCREF, 1ull << 33, UINT64_MAX) == NULL && strstr(zwasm_last_error(), "32-bit"));
  refs_delete(second);
  zwasm_table_delete(t.externs), zwasm_table_delete(t.funcs), zwasm_global_delete(linked), zwasm_global_delete(title); // not ours: nothing
  zwasm_ref_delete(x), zwasm_ref_delete(y), zwasm_ref_delete(f);
}

// ---- who lets go when ----

static void drop(void *p) { dropped++, *(int *)p = -1; }

static void drops(void)
{
  static int alive[40];
  refs *r = make();
  dropped = 0;
  for (int k = 0; k < 40; k++)
    alive[k] = k;
  zwasm_ref_t held = zwasm_ref_of(refs_instance(r), &alive[0], drop);
  zwasm_ref_t x = zwasm_ref_of(refs_instance(r), &alive[1], drop);
  refs_keep(r, x); // the global holds it
  zwasm_ref_delete(x);
  for (int k = 2; k < 39; k++)
    zwasm_ref_delete(zwasm_ref_of(refs_instance(r), &alive[k], drop));
  mode = KEEP;
  x = zwasm_ref_of(refs_instance(r), &alive[39], drop);
  zwasm_ref_delete(refs_through(r, x));
  zwasm_ref_delete(x);
  mode = RETURN;
  garbage(r, 3);
  EXPECT(dropped == 37 && alive[0] == 0 && alive[1] == 1 && alive[2] == -1 && alive[39] == 39 && zwasm_ref_pointer(kept) == &alive[39]);
  zwasm_ref_delete(kept);
  garbage(r, 3);
  EXPECT(dropped == 38);
  refs_keep(r, NULL);
  garbage(r, 3);
  EXPECT(dropped == 39 && zwasm_ref_pointer(held) == &alive[0]);
  refs_delete(r);
  EXPECT(dropped == 40);
}

// The order in which things go does not matter, nor does an instance that could not be made.
static void orders(void)
{
  Things t = make_things(), less = t;
  less.hook = NULL;
  EXPECT(try_make(&less) == NULL && strstr(zwasm_last_error(), "\"hook\""));
  less = t, less.title = t.hook; // a constant for a variable
  EXPECT(try_make(&less) == NULL && strstr(zwasm_last_error(), "mutability"));
  less = t, less.funcs = t.externs;
  EXPECT(try_make(&less) == NULL && strstr(zwasm_last_error(), "element types"));
  refs *r = try_make(&t);
  EXPECT(r != NULL);
  tables(r, t.externs, t.funcs);
  globals(r, t.title, t.hook);
  refs_delete(r);
  EXPECT(zwasm_table_length(t.externs) == 5 && take(zwasm_table_get(t.externs, 4), &a)); // ours still
  delete_things(t);
  delete_things(make_things()); // never used
}

static void plain_call(void *r) { (void)refs_call((refs *)r, NULL, 1, 2), (void)refs_call_exact((refs *)r, NULL, 1, 2); }

int main(int argc, char **argv)
{
  (void)argv;
  zw_gc_set_zeal_default(argc == 1);
  other = make();
  refs *r = make();
  pointers_pass_through(r);
  imports_that_never_return(r);
  functions(r);
  host_functions(r);
  EXPECT(zwasm_try(refs_instance(r), plain_call, r) == ZWASM_UNINITIALIZED_ELEMENT);
  refs_delete(r);
  if (argc == 1)
    drops();
  orders();
  refs_delete(other);
  c = 0;
  puts("refs: ok");
  return c;
}
