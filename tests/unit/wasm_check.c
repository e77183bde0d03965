// P1: verdicts and facts.  The facts of generated bodies are compared with a second, slower way to find them.
#include "compiler/wasm/check_int.h"
#include "compiler/wasm/wat.h"
#include "runtime/os/os.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct Job {
  const char *wat;            // or
  const uint8_t *bytes; uint64_t len;
  bool both_ways;             // also without the fast table, and compare
  void (*look)(const Module *m);
  char *facts;                // malloc'ed dump of all functions, when asked for
  bool want_facts;
} Job;

static char *dump_all(const Module *m)
{
  Text t;
  zw_text_init(&t, &m->ctx->scratch);
  for (uint32_t f = m->nimported_funcs; f < m->nfuncs; f++)
    zw_facts_dump(m, f, &t);
  return t.p;
}

// As zw_check_module does after zw_check_around, but for the fast table.
static void check_slowly(Module *m)
{
  FuncCheck *f = zw_check_begin(m, 1);
  memset(f->fast_how, 0, sizeof f->fast_how);
  for (uint32_t i = m->nimported_funcs; i < m->nfuncs; i++)
    zw_check_body(f, i);
}

static void run(Ctx *c, void *arg)
{
  Job *j = arg;
  WatModule w = { 0 };
  if (j->wat) {
    zw_wat_assemble(c, (Str){ j->wat, strlen(j->wat) }, &w);
    j->bytes = w.bytes;
    j->len = w.len;
  }
  Module *m = zw_decode_module(c, j->bytes, j->len, zw_features_default());
  zw_check_module(m);
  if (j->want_facts)
    j->facts = strdup(dump_all(m));
  if (j->both_ways) {
    char *fast = dump_all(m);
    check_slowly(m);
    assert_string_equal(fast, dump_all(m));
  }
  if (j->look)
    j->look(m);
}

static bool check(Job *j, Diag *d)
{
  Ctx c;
  zw_ctx_init(&c);
  bool ok = zw_guard(&c, run, j);
  if (d)
    *d = c.diag;
  zw_ctx_free(&c);
  return ok;
}

static void accepts(const char *wat)
{
  Job j = { .wat = wat, .both_ways = true };
  Diag d;
  if (!check(&j, &d))
    fail_msg("%s\n  for %s", d.text, wat);
}

static void refuses(const char *wat, const char *text)
{
  Job j = { .wat = wat };
  Diag d;
  assert_false(check(&j, &d));
  if (strncmp(d.text, text, strlen(text)))
    fail_msg("'%s' instead of '%s' for %s", d.text, text, wat);
}

static void facts_are(const char *wat, const char *want)
{
  Job j = { .wat = wat, .want_facts = true, .both_ways = true };
  Diag d;
  if (!check(&j, &d))
    fail_msg("%s", d.text);
  if (strcmp(j.facts, want)) {
    fprintf(stderr, "facts:\n%s\nwanted:\n%s\n", j.facts, want);
    fail_msg("other facts");
  }
  free(j.facts);
}

// ---- rule R on small bodies ----

static void if_without_else_owns_an_empty_block(void **state)
{
  (void)state;
  facts_are("(module (func (param i32) (if (local.get 0) (then (local.set 0 (i32.const 1))))))",
            "func 0 instructions=6 locals=1 height=1 leaf small\n"
            "  frame 0 block branches=0 assigned=0\n"
            "  frame 1 if branches=0 assigned=0\n"
            "  block 0 @1 layout=0 -> 1,2\n"
            "  block 1 @5 layout=1 -> 3\n"
            "  block 2 @9 layout=2 -> 3\n"
            "  block 3 @10 layout=3\n"
            "  side 0 pc 7 side 1 values=0 height=0\n");
}

// Offsets move with dead bytes in between; everything else must not.
static void without_offsets(char *facts)
{
  char *to = facts;
  for (char *p = facts; *p;) {
    bool offset = *p == '@' || *p == '[' || !strncmp(p, "pc ", 3) || !strncmp(p, "pc=", 3);
    unsigned n = !offset ? 1 : *p == 'p' ? 3 : 1;
    while (n--)
      *to++ = *p++;
    while (offset && *p && strchr("-,0123456789", *p))
      p++;
  }
  *to = 0;
}

static void dead_code_creates_nothing(void **state)
{
  (void)state;
  static const char *const pairs[][2] = {
    { "(func (param i32) (block $b (br $b)))",
      "(func (param i32) (block $b (br $b) (loop $l (local.set 0 (i32.const 1)) (br_if $l (local.get 0)) (br $b))"
      "  (if (i32.const 1) (then (call 0 (i32.const 2))) (else (br_table $b $b (i32.const 0))))))" },
    { "(func (param i32) (loop $l (block $b unreachable)))",
      "(func (param i32) (loop $l (block $b unreachable (br $l) (br $b)) (br $l) (i32.const 1) (drop)))" },
    { "(func (param i32) (if (local.get 0) (then return) (else unreachable)))",
      "(func (param i32) (if (local.get 0) (then return (nop)) (else unreachable (local.set 0 (i32.const 3)))) (nop) "
      "(nop))" },
    { "(tag) (func (param i32) (block $b (try_table (catch_all $b) (throw 0))))",
      "(tag) (func (param i32) (block $b (try_table (catch_all $b) (throw 0) (block (try_table (catch_all 0)) (br "
      "$b)))))" },
  };
  for (size_t i = 0; i < ARRAY_COUNT(pairs); i++) {
    char *facts[2];
    for (int k = 0; k < 2; k++) {
      char wat[512];
      snprintf(wat, sizeof wat, "(module %s)", pairs[i][k]);
      Job j = { .wat = wat, .want_facts = true, .both_ways = true };
      assert_true(check(&j, NULL));
      without_offsets(j.facts);
      facts[k] = j.facts;
    }
    if (strcmp(facts[0], facts[1]))
      fail_msg("pair %zu:\n%s\n%s", i, facts[0], facts[1]);
    free(facts[0]);
    free(facts[1]);
  }
}

static void panic_block_is_not_in_the_loop(void **state)
{
  (void)state;
  facts_are("(module (func $f (param i32) (loop $l (if (local.get 0) (then (call $f (i32.const 0)) unreachable))"
            " (br_if $l (local.tee 0 (i32.const 2))))))",
            "func 0 instructions=11 locals=1 height=1\n"
            "  frame 0 block branches=0 assigned=0\n"
            "  frame 1 loop branches=1 loop=0\n"
            "  frame 2 if branches=0\n"
            "  block 0 @1 layout=0 -> 1\n"
            "  block 1 @3 layout=1 loop=0 -> 2,3\n"
            "  block 2 @7 layout=6 cold effects=call,trap\n"
            "  block 3 @12 layout=2 loop=0 -> 4\n"
            "  block 4 @13 layout=3 loop=0 -> 1,5\n"
            "  block 5 @19 layout=4 -> 6\n"
            "  block 6 @20 layout=5\n"
            "  loop 0 depth=1 parent=- header=1 entry=0 frame=1 height=1 last=3 assigned=0 exits=5,2\n"
            "  side 0 pc 8 side 1 values=0 height=0\n"
            "  side 1 pc -14 side -1 values=0 height=0\n");
}

static void handlers_start_at_the_end_of_try_table(void **state)
{
  (void)state;
  facts_are("(module (tag (param i32)) (func (result i32) (block $b (result i32) (loop $l"
            " (try_table (catch 0 $b) (catch_all $l) (call 0) (drop))) (i32.const 1))))",
            "func 0 instructions=10 locals=0 height=1 tries\n"
            "  frame 0 block branches=0\n"
            "  frame 1 block branches=1\n"
            "  frame 2 loop branches=1 loop=0\n"
            "  frame 3 try_table branches=0 catches=2\n"
            "  block 0 @1 layout=0 -> 1\n"
            "  block 1 @5 layout=1 loop=0 effects=call,trap -> 4\n"
            "  block 2 @16 layout=3 cold -> 6\n"
            "  block 3 @16 layout=2 cold loop=0 -> 1\n"
            "  block 4 @17 layout=4 -> 5\n"
            "  block 5 @18 layout=5 -> 6\n"
            "  block 6 @21 layout=6\n"
            "  loop 0 depth=1 parent=- header=1 entry=0 frame=2 height=1 last=2 calls effects=call,trap exits=4\n"
            "  try 0 [13,16) parent=- frame=3\n"
            "    clause tag=0 block=2 pc=21 side=0 values=1 height=0\n"
            "    clause block=3 pc=5 side=0 values=0 height=0\n");
}

static void legacy_clauses_of_one_try_lie_together(void **state)
{
  (void)state;
  facts_are("(module (tag) (tag (param i32)) (func"
            " try call 0 catch 0 try call 0 catch_all rethrow 1 end catch 1 drop end))",
            "func 0 instructions=11 locals=0 height=1 tries\n"
            "  frame 0 block branches=0\n"
            "  frame 1 try branches=0 catches=2\n"
            "  frame 2 try branches=0 catches=1\n"
            "  block 0 @1 layout=0 effects=call,trap -> 5\n"
            "  block 1 @7 layout=1 cold effects=call,trap -> 3\n"
            "  block 2 @12 layout=5 cold effects=trap\n"
            "  block 3 @15 layout=2 cold -> 5\n"
            "  block 4 @17 layout=3 cold -> 5\n"
            "  block 5 @19 layout=4\n"
            "  try 0 [3,5) parent=- frame=1\n"
            "    handler tag=0 block=1 pc=7 side=1 values=0 height=0\n"
            "    handler tag=1 block=4 pc=17 side=4 values=1 height=0\n"
            "  try 1 [9,11) parent=- frame=2\n"
            "    handler block=2 pc=12 side=2 values=0 height=0\n"
            "  side 0 pc 14 side 4 values=0 height=0\n"
            "  side 1 pc 4 side 2 values=0 height=0\n"
            "  side 2 pc 0 side 0 values=0 height=0\n"
            "  side 3 pc 4 side 1 values=0 height=0\n");
}

static void delegate_names_the_try_it_goes_to(void **state)
{
  (void)state;
  Job j = { .wat = "(module (tag) (func try try try call 0 delegate 1 catch_all end catch 0 end))",
            .want_facts = true };
  assert_true(check(&j, NULL));
  assert_non_null(strstr(j.facts, "try 2 [7,9) parent=0"));
  assert_non_null(strstr(j.facts, "try 1 [5,11) parent=0"));
  free(j.facts);
}

static void branch_hints_make_blocks_cold(void **state)
{
  (void)state;
  // (if hinted unlikely (then ..) (else ..)), as bytes: the text format has no standard spelling for hints
  static const uint8_t bytes[] = {
    0,   'a', 's', 'm', 1,   0,   0,   0,    1,   5,    1,    0x60, 1,    0x7f, 0,    3,    2,
    1,   0,   0,   32,  25,  'm', 'e', 't',  'a', 'd',  'a',  't',  'a',  '.',  'c',  'o',  'd',
    'e', '.', 'b', 'r', 'a', 'n', 'c', 'h',  '_', 'h',  'i',  'n',  't',  1,    0,    1,    3,
    1,   0,   10,  12,  1,   10,  0,   0x20, 0,   0x04, 0x40, 0x01, 0x05, 0x01, 0x0b, 0x0b,
  };
  Job j = { .bytes = bytes, .len = sizeof bytes, .want_facts = true, .both_ways = true };
  Diag d;
  if (!check(&j, &d))
    fail_msg("%s", d.text);
  assert_non_null(strstr(j.facts, "block 1 @5 layout=1 cold -> 3"));
  assert_non_null(strstr(j.facts, "block 2 @7 layout=2 -> 3"));
  assert_non_null(strstr(j.facts, "block 3 @9 layout=3\n"));
  free(j.facts);
}

// ---- verdicts that the official suite does not cover ----

static void verdicts(void **state)
{
  (void)state;
  accepts("(module (func (block (br 0)) (drop (block (result i32) (i32.const 1)))))");
  // Behind a frame whose end nothing reaches, code is dead but the stack is known.
  refuses("(module (func (block (br 1)) (drop)))", "type mismatch");
  refuses("(module (func (result i32) (block (return (i32.const 1))) ))", "type mismatch");
  accepts("(module (func (result i32) (block (return (i32.const 1))) (i32.const 1)))");
  refuses("(module (func (param i32) (local.set 0 (i64.const 1))))",
          "type mismatch: instruction requires [i32] but stack has [i64]");
  refuses("(module (func (result i64 i32) (i32.const 1) (i64.const 2)))",
          "type mismatch: instruction requires [i64 i32] but stack has [i32 i64]");
  refuses("(module (func (block (i32.const 1))))", "type mismatch: block requires [] but stack has [i32]");
  refuses("(module (func (f32.store (i32.const 0) (f32.const 0))))", "unknown memory 0");
  refuses("(module (memory 1) (func (result i64) (i64.atomic.load align=4 (i32.const 0))))",
          "atomic alignment must be natural");
  accepts("(module (func (param i64 i64 i64 i64) (result i64 i64)"
          " (i64.add128 (local.get 0) (local.get 1) (local.get 2) (local.get 3))))");
  refuses("(module (func (param i64 i32) (result i64 i64) (i64.mul_wide_u (local.get 0) (local.get 1))))",
          "type mismatch");
  accepts("(module (type $a (sub (struct (field i32)))) (type $b (sub $a (struct (field i32) (field i64))))"
          " (func (param (ref $b)) (result (ref $a)) (local.get 0)))");
  refuses("(module (type $a (sub (struct (field i32)))) (type $b (sub $a (struct (field i32) (field i64))))"
          " (func (param (ref $a)) (result (ref $b)) (local.get 0)))", "type mismatch");
  accepts("(module (rec (type $a (struct (field (ref null $b)))) (type $b (struct (field (ref null $a)))))"
          " (rec (type $c (struct (field (ref null $d)))) (type $d (struct (field (ref null $c)))))"
          " (func (param (ref $a)) (result (ref $c)) (local.get 0)))");
  refuses("(module (rec (type $a (struct (field (ref null $b)))) (type $b (struct (field (ref null $a)))))"
          " (type $c (struct (field (ref null $a)))) (func (param (ref $a)) (result (ref $c)) (local.get 0)))",
          "type mismatch");
  refuses("(module (func (local (ref func)) (drop (local.get 0))))", "uninitialized local 0");
  refuses(
      "(module (func (param (ref func)) (local (ref func)) (block (local.set 1 (local.get 0))) (drop (local.get 1))))",
      "uninitialized local 1");
}

static void message_says_where(void **state)
{
  (void)state;
  Job j = { .wat = "(module (func) (func (nop) (drop (i32.const 1)) (i32.add (i32.const 1) (f32.const 2)) (drop)))" };
  Diag d;
  assert_false(check(&j, &d));
  assert_int_equal(d.func, 1);
  assert_int_equal(d.instr, 5);
  assert_string_equal(d.op, "i32.add");
}

// ---- generated bodies ----

typedef struct Buf { uint8_t *p; size_t n, cap; } Buf;
static void put(Buf *b, unsigned byte)
{
  if (b->n == b->cap)
    b->p = realloc(b->p, b->cap = b->cap * 2 + 64);
  b->p[b->n++] = (uint8_t)byte;
}
static void put_leb(Buf *b, uint32_t v)
{
  uint8_t buf[8];
  unsigned n = zw_leb_write_u32(buf, v);
  for (unsigned i = 0; i < n; i++)
    put(b, buf[i]);
}
static void put_all(Buf *b, const Buf *from)
{
  for (size_t i = 0; i < from->n; i++)
    put(b, from->p[i]);
}
static void put_section(Buf *b, unsigned id, const Buf *content)
{
  put(b, id);
  put_leb(b, (uint32_t)content->n);
  put_all(b, content);
}

// Statements over i32 locals; every label carries 0 or 1 values.
typedef struct Gen { Buf b; uint64_t rng; unsigned labels[64], depth, budget, nlocals; } Gen;

static unsigned pick(Gen *g, unsigned n)
{
  g->rng = g->rng * 6364136223846793005u + 1442695040888963407u;
  return (unsigned)(g->rng >> 33) % n;
}
static void get(Gen *g)
{
  put(&g->b, 0x20);
  put_leb(&g->b, pick(g, g->nlocals));
}
static void branch(Gen *g, unsigned op)
{
  unsigned l = pick(g, g->depth);
  unsigned carries = g->labels[g->depth - 1 - l];
  if (carries)
    get(g);
  if (op == 0x0d)
    get(g);
  put(&g->b, op);
  put_leb(&g->b, l);
  if (op == 0x0d && carries)
    put(&g->b, 0x1a);
}
static void statements(Gen *g);
static void open(Gen *g, unsigned op, unsigned carries)
{
  put(&g->b, op);
  put(&g->b, carries ? 0x7f : 0x40);
  g->labels[g->depth++] = op == 0x03 ? 0 : carries;
}
static void arm(Gen *g, unsigned carries)
{
  statements(g);
  if (carries)
    get(g);
}
static void close(Gen *g, unsigned carries)
{
  put(&g->b, 0x0b);
  g->depth--;
  if (carries)
    put(&g->b, 0x1a);
}
static void table(Gen *g)
{
  unsigned n = pick(g, 5), carries = pick(g, 2), l[6];
  for (unsigned i = 0; i <= n; i++) {
    l[i] = pick(g, g->depth);
    if (g->labels[g->depth - 1 - l[i]] != carries)
      l[i] = g->depth - 1; // the body's label carries one
  }
  for (unsigned i = 0; i <= n; i++)
    carries |= g->labels[g->depth - 1 - l[i]];
  for (unsigned i = 0; i <= n; i++)
    if (g->labels[g->depth - 1 - l[i]] != carries)
      l[i] = g->depth - 1;
  if (carries)
    get(g);
  get(g);
  put(&g->b, 0x0e);
  put_leb(&g->b, n);
  for (unsigned i = 0; i <= n; i++)
    put_leb(&g->b, l[i]);
}
static void try_(Gen *g)
{
  unsigned l = pick(g, g->depth);
  if (g->labels[g->depth - 1 - l])
    return;
  put(&g->b, 0x1f);
  put(&g->b, 0x40);
  put(&g->b, 1);
  put(&g->b, CATCH_ALL);
  put_leb(&g->b, l);
  g->labels[g->depth++] = 0;
  arm(g, 0);
  close(g, 0);
}
static void statement(Gen *g)
{
  unsigned carries = pick(g, 2);
  bool deep = g->depth > 20;
  switch (pick(g, 18)) {
  case 0: case 1: case 2: // local.set, sometimes as tee and drop
    get(g);
    get(g);
    put(&g->b, 0x6a);
    put(&g->b, carries ? 0x21 : 0x22);
    put_leb(&g->b, pick(g, g->nlocals));
    if (!carries)
      put(&g->b, 0x1a);
    return;
  case 3: get(g); get(g); put(&g->b, 0x36); put(&g->b, 2); put_leb(&g->b, pick(g, 1000)); return;
  case 4: get(g); put(&g->b, 0x10); put(&g->b, 0); put(&g->b, 0x1a); return; // call
  case 5: get(g); put(&g->b, 0x24); put(&g->b, 0); return;                   // global.set
  case 6: case 7: case 8: branch(g, 0x0d); return;
  case 9: if (g->depth > 1 + pick(g, 8)) branch(g, 0x0c); return; // rare at the outside, or most code is dead
  case 10: if (g->depth > 1 + pick(g, 8)) table(g); return;
  case 11: put(&g->b, g->depth > 1 + pick(g, 12) ? 0x00 : 0x01); return;
  case 12: case 13: if (!deep) { open(g, 0x02, carries); arm(g, carries); close(g, carries); } return;
  case 14: case 15: if (!deep) { open(g, 0x03, carries); arm(g, carries); close(g, carries); } return;
  case 16:
    if (deep)
      return;
    get(g);
    open(g, 0x04, carries);
    arm(g, carries);
    if (carries || pick(g, 2)) {
      put(&g->b, 0x05);
      arm(g, carries);
    }
    close(g, carries);
    return;
  default: if (!deep) try_(g);
  }
}
static void statements(Gen *g)
{
  for (unsigned n = pick(g, 6); n && g->budget; n--) {
    g->budget--;
    statement(g);
  }
}

// A module with one function (i32) -> i32 of locals and statements by `seed`.
static Buf generate(uint64_t seed, unsigned budget, unsigned nlocals)
{
  Gen g = { .rng = seed * 0x9e3779b97f4a7c15u + 1, .budget = budget, .nlocals = nlocals, .depth = 1, .labels = { 1 } };
  put(&g.b, 1);
  put_leb(&g.b, nlocals - 1);
  put(&g.b, 0x7f);
  while (g.budget)
    statements(&g), g.budget -= g.budget != 0;
  get(&g);
  put(&g.b, 0x0b);
  Buf m = { 0 }, s = { 0 };
  static const uint8_t head[] = { 0, 'a', 's', 'm', 1, 0, 0, 0, 1, 6, 1, 0x60, 1, 0x7f, 1, 0x7f, 3,
                                  2, 1,   0,   5,   3, 1, 0, 1, 6, 6, 1, 0x7f, 1, 0x41, 0, 0x0b };
  for (size_t i = 0; i < sizeof head; i++)
    put(&m, head[i]);
  put(&s, 1);
  put_leb(&s, (uint32_t)g.b.n);
  put_all(&s, &g.b);
  put_section(&m, 10, &s);
  free(g.b.p);
  free(s.p);
  return m;
}

// -- the second way: a linear reading of the body that believes only where blocks start --

enum { MAX_B = 4000 };
typedef struct Model { uint64_t sets[MAX_B], frame_sets[MAX_B]; uint32_t nbr[MAX_B], nframes; } Model; // 64 locals

static void model_branch(Model *k, const uint32_t *open, uint32_t n, uint32_t label)
{
  assert_true(label < n);
  k->nbr[open[n - 1 - label]]++;
}

static bool is_handler(const FuncFacts *f, uint32_t b)
{
  for (uint32_t i = 0; i < f->nclauses; i++)
    if (f->clauses[i].block == b)
      return true;
  return false;
}

static void build_model(const Module *m, const FuncFacts *f, Model *k)
{
  const Func *func = &m->funcs[0];
  const uint8_t *p = func->body + f->code_at, *end = func->body + func->body_len;
  uint32_t open[64], n = 0, block = 0, dead_depth = 0;
  bool dead = false;
  memset(k, 0, sizeof *k);
  open[n++] = k->nframes++;
  while (p < end) {
    uint32_t at = (uint32_t)(p - func->body);
    while (block + 1 < f->nblocks && f->blocks[block + 1].pos <= at)
      block++, dead = is_handler(f, block); // which jumps away at once
    Op op = zw_fast_op(&p, zw_op_one_byte);
    const uint8_t *imm = p;
    zw_skip_imm(&p, op);
    bool opens = zw_op_info[op].imm == IMM_BLOCK || op == OP_try_table;
    if (dead && opens)
      dead_depth++;
    if (dead && dead_depth) {
      dead_depth -= op == OP_end;
      continue;
    }
    if (dead && op != OP_end && op != OP_else)
      continue;
    if (opens)
      open[n++] = k->nframes++;
    switch ((uint32_t)op) {
    case OP_end: n--; break;
    case OP_local_set: case OP_local_tee: {
      uint64_t bit = (uint64_t)1 << zw_fast_u32(&imm);
      k->sets[block] |= bit;
      for (uint32_t i = 0; i < n; i++)
        k->frame_sets[open[i]] |= bit;
      break;
    }
    case OP_br: case OP_br_if: model_branch(k, open, n, zw_fast_u32(&imm)); break;
    case OP_br_table: {
      uint64_t seen = 0;
      for (uint32_t i = zw_fast_u32(&imm) + 1; i; i--) {
        uint32_t l = zw_fast_u32(&imm);
        if (!(seen >> l & 1))
          model_branch(k, open, n, l);
        seen |= (uint64_t)1 << l;
      }
      break;
    }
    case OP_try_table: {
      const uint8_t *q = imm + 3;
      model_branch(k, open, n - 1, zw_fast_u32(&q));
      break;
    }
    default: break;
    }
    dead = dead || op == OP_br || op == OP_br_table || op == OP_unreachable;
  }
}

static uint32_t succ_end(const FuncFacts *f, uint32_t b)
{
  return b + 1 < f->nblocks ? f->blocks[b + 1].succ_off : f->nsucc;
}

// Exceptions of b can arrive at block h.
static bool throws_to(const FuncFacts *f, uint32_t b, uint32_t h)
{
  if (!(f->blocks[b].effects & EFF_CALL))
    return false;
  uint32_t end = b + 1 < f->nblocks ? f->blocks[b + 1].pos : UINT32_MAX;
  for (uint32_t t = 0; t < f->ntries; t++)
    if (f->blocks[b].pos < f->tries[t].end && end > f->tries[t].start && f->clauses[f->tries[t].clauses].block == h)
      return true;
  return false;
}

static bool list_is(const FuncFacts *f, uint32_t off, uint32_t n, uint64_t set)
{
  uint64_t got = 0, last = 0;
  for (uint32_t i = 0; i < n; i++) {
    uint64_t bit = (uint64_t)1 << f->assigned[off + i];
    if (bit <= last && i)
      return false;
    got |= last = bit;
  }
  return got == set;
}

// in[b]: b is in the natural loop of header h: it reaches a back edge to h without passing h.
static void natural_loop(const FuncFacts *f, uint32_t h, bool *in)
{
  memset(in, 0, f->nblocks);
  bool any = false;
  for (int changed = 1; changed;) {
    changed = 0;
    for (uint32_t b = f->nblocks; b-- > h;)
      for (uint32_t e = f->blocks[b].succ_off; e < succ_end(f, b); e++) {
        uint32_t t = f->succ[e];
        if (!in[b] && ((t == h && b >= h) || (t > h && in[t])))
          in[b] = any = true, changed = 1;
      }
    for (uint32_t t = 0; t < f->ntries; t++)
      for (uint32_t b = f->nblocks; b-- > h;) {
        uint32_t handler = f->clauses[f->tries[t].clauses].block;
        if (!in[b] && in[handler] && throws_to(f, b, handler))
          in[b] = any = true, changed = 1;
      }
  }
  if (any)
    in[h] = true;
}

static unsigned loops_seen, iterating_seen, exits_seen;

static void facts_hold(const Module *m)
{
  const FuncFacts *f = &m->facts[0];
  static Model k;
  static bool in[MAX_B];
  static uint32_t deepest[MAX_B];
  assert_true(f->nblocks < MAX_B && f->nframes < MAX_B);
  build_model(m, f, &k);
  assert_int_equal(f->nframes, k.nframes);
  for (uint32_t i = 0; i < f->nframes; i++) {
    assert_int_equal(f->frames[i].nbr, k.nbr[i]);
    assert_true(list_is(f, f->frames[i].assigned_off, f->frames[i].nassigned, f->frames[i].kind == OP_loop ? 0 : k.frame_sets[i]));
  }
  // edges: forward, or back to the header of a loop
  for (uint32_t b = 0; b < f->nblocks; b++)
    for (uint32_t e = f->blocks[b].succ_off; e < succ_end(f, b); e++) {
      uint32_t t = f->succ[e];
      assert_true(t < f->nblocks);
      bool header = t > b;
      for (uint32_t l = 0; l < f->nloops && !header; l++)
        header = f->loops[l].header == t;
      assert_true(header);
      assert_true(t <= b || f->blocks[t].layout > f->blocks[b].layout); // topological
    }
  // layout: a permutation
  for (uint32_t b = 0; b < f->nblocks; b++) {
    assert_int_equal(zw_block_in_order(f, f->blocks[b].layout), b);
    deepest[b] = NO_LOOP;
  }
  // loops
  for (uint32_t l = 0; l < f->nloops; l++) {
    const LoopFact *q = &f->loops[l];
    natural_loop(f, q->header, in);
    loops_seen++;
    assert_int_equal(q->iterates, in[q->header]);
    if (!q->iterates)
      continue;
    iterating_seen++;
    // What the facts say: the same, but with exceptions they may take more to be in a loop.
    for (uint32_t b = 0; b < f->nblocks; b++) {
      uint32_t o = f->blocks[b].loop;
      while (o != NO_LOOP && o != l)
        o = f->loops[o].parent;
      assert_true((o == l) >= in[b] && (f->ntries || (o == l) == in[b]));
      in[b] = o == l;
    }
    uint64_t sets = 0;
    uint32_t effects = 0, first = f->nblocks, last = 0, count = 0;
    for (uint32_t b = 0; b < f->nblocks; b++) {
      if (!in[b])
        continue;
      deepest[b] = l; // inner loops have higher numbers
      sets |= k.sets[b];
      effects |= f->blocks[b].effects;
      count++;
      if (f->blocks[b].layout < first)
        first = f->blocks[b].layout;
      if (f->blocks[b].layout > last)
        last = f->blocks[b].layout;
      for (uint32_t e = f->blocks[b].succ_off; e < succ_end(f, b); e++) {
        bool told = in[f->succ[e]] || q->nexits == 6;
        for (unsigned i = 0; i < q->nexits && !told; i++)
          told = q->exits[i] == f->succ[e];
        assert_true(told);
        exits_seen++;
      }
    }
    for (unsigned i = 0; i < q->nexits; i++) {
      assert_false(in[q->exits[i]]);
      assert_true(!i || f->blocks[q->exits[i - 1]].cold <= f->blocks[q->exits[i]].cold); // others first
    }
    assert_true(list_is(f, q->assigned_off, q->nassigned, sets));
    assert_int_equal(q->effects, effects);
    assert_int_equal(last - first + 1, count); // contiguous
    assert_int_equal(q->last_block_layout, last);
    assert_int_equal(first, f->blocks[q->header].layout);
  }
  for (uint32_t b = 0; b < f->nblocks; b++) {
    assert_int_equal(f->blocks[b].loop, deepest[b]);
    uint32_t l = deepest[b];
    assert_int_equal(f->blocks[b].depth, l == NO_LOOP ? 0 : f->loops[l].depth);
  }
  for (uint32_t l = 0; l < f->nloops; l++) {
    const LoopFact *q = &f->loops[l];
    assert_true(q->parent == NO_LOOP || q->parent < l);
    assert_int_equal(q->depth, (q->parent == NO_LOOP ? 0 : f->loops[q->parent].depth) + q->iterates);
  }
}

static void generated_bodies_have_the_facts_of_the_slow_way(void **state)
{
  (void)state;
  const char *seeds = getenv("ZW_SEEDS"); // for a longer run by hand
  for (uint64_t seed = 1, n = seeds ? strtoull(seeds, NULL, 10) : 1500; seed <= n; seed++) {
    Buf b = generate(seed, 10 + seed % 120, 2 + seed % 60);
    Job j = { .bytes = b.p, .len = b.n, .both_ways = true, .look = facts_hold };
    Diag d;
    if (!check(&j, &d))
      fail_msg("seed %llu: %s at 0x%llx", (unsigned long long)seed, d.text, (unsigned long long)d.at);
    free(b.p);
  }
  assert_true(loops_seen > 2000 && iterating_seen > 500 && exits_seen > 1000); // the generator does its work
}

// Damaged bodies: the same verdict with and without the fast table, and nothing worse.
static void check_one_way(Ctx *c, void *arg)
{
  Job *j = arg;
  Module *m = zw_decode_module(c, j->bytes, j->len, zw_features_default());
  if (j->both_ways)
    zw_check_module(m);
  else {
    zw_check_around(m);
    check_slowly(m);
  }
}

static void damaged_bodies_get_one_verdict(void **state)
{
  (void)state;
  unsigned refused = 0;
  for (uint64_t seed = 1; seed <= 300; seed++) {
    Buf b = generate(seed, 40, 7);
    for (unsigned k = 0; k < 12; k++) {
      uint8_t *copy = malloc(b.n);
      memcpy(copy, b.p, b.n);
      Gen g = { .rng = seed * 77 + k };
      size_t body = 36; // behind the head
      copy[body + pick(&g, (unsigned)(b.n - body))] = (uint8_t)pick(&g, 256);
      Ctx c[2];
      bool ok[2];
      for (int fast = 0; fast < 2; fast++) {
        Job j = { .bytes = copy, .len = b.n, .both_ways = fast };
        zw_ctx_init(&c[fast]);
        ok[fast] = zw_guard(&c[fast], check_one_way, &j);
      }
      assert_int_equal(ok[0], ok[1]);
      refused += !ok[0];
      assert_string_equal(c[0].diag.text, c[1].diag.text);
      assert_int_equal(c[0].diag.at, c[1].diag.at);
      assert_int_equal(c[0].diag.instr, c[1].diag.instr);
      zw_ctx_free(&c[0]);
      zw_ctx_free(&c[1]);
      free(copy);
    }
    free(b.p);
  }
  assert_true(refused > 500);
}

// ---- input that ends early ----

// Every prefix, each with its end against an unreadable page.
static void prefixes_fail_cleanly(const uint8_t *bytes, size_t n)
{
  size_t page = zw_os_page_size(), room = zw_align_up(n + 1, page);
  char *area = zw_os_reserve(room + page);
  assert_non_null(area);
  assert_true(zw_os_commit(area, room));
  for (size_t len = 0; len <= n; len++) {
    uint8_t *at = (uint8_t *)area + room - len;
    memcpy(at, bytes, len);
    Job j = { .bytes = at, .len = len };
    Diag d;
    bool ok = check(&j, &d);
    if (ok && len != n && len > 8) { // a prefix that ends with a section can be whole
      continue;
    }
    assert_true(ok == (len == n) || len == 8);
    if (!ok)
      assert_true(d.kind == DIAG_MALFORMED && d.text[0]);
  }
  zw_os_unmap(area, room + page);
}

static void prefixes_of(Ctx *c, void *arg)
{
  WatModule w = { 0 };
  const char *wat = arg;
  zw_wat_assemble(c, (Str){ wat, strlen(wat) }, &w);
  prefixes_fail_cleanly(w.bytes, w.len);
}

static void every_prefix_is_an_error(void **state)
{
  (void)state;
  static const char *const wats[] = {
    "(module $name (type $s (sub (struct (field i32) (field (mut (ref null $s)))))) (import \"a\" \"b\" (func $imp "
    "(param i32)))"
    " (memory 1 2) (table 3 funcref) (tag $t (param i32)) (global $g (mut i64) (i64.const -1234567890123))"
    " (export \"run\" (func $f)) (start $st) (elem (i32.const 0) $f $st) (elem declare funcref (ref.func $imp))"
    " (data $d \"hello\") (data (i32.const 7) \"world\")"
    " (func $st) (func $f (param i32) (result i32) (local f64 v128)"
    "  (local.set 1 (f64.const 1.5)) (local.set 2 (v128.const i32x4 1 2 3 4)) (memory.init $d (i32.const 0) (i32.const "
    "1) (i32.const 2))"
    "  (drop (struct.new $s (i32.const 1) (ref.null $s))) (block $b (try_table (catch_all $b) (throw $t (i32.const "
    "300))))"
    "  (br_table 0 0 0 (i32.const 77777) (local.get 0)) ))",
  };
  for (size_t i = 0; i < ARRAY_COUNT(wats); i++) {
    Ctx c;
    zw_ctx_init(&c);
    bool ok = zw_guard(&c, prefixes_of, (void *)wats[i]);
    if (!ok)
      fail_msg("%s", c.diag.text);
    zw_ctx_free(&c);
  }
  for (uint64_t seed = 1; seed < 6; seed++) {
    Buf b = generate(seed, 60, 5);
    prefixes_fail_cleanly(b.p, b.n);
    free(b.p);
  }
}

// ---- sizes ----

static Buf module_of_body(const Buf *body)
{
  Buf m = { 0 }, s = { 0 };
  static const uint8_t head[] = { 0, 'a', 's', 'm', 1, 0, 0, 0, 1, 5, 1, 0x60, 1, 0x7f, 0, 3, 2, 1, 0 };
  for (size_t i = 0; i < sizeof head; i++)
    put(&m, head[i]);
  put(&s, 1);
  put_leb(&s, (uint32_t)body->n);
  put_all(&s, body);
  put_section(&m, 10, &s);
  free(s.p);
  return m;
}

static void no_sets(const Module *m) { assert_true(m->facts[0].flags & FN_NO_SETS); }

// These are fast or never end; the test's time limit is the assertion.
static void large_bodies_are_linear(void **state)
{
  (void)state;
  enum { N = 100000 };
  for (unsigned kind = 0; kind < 5; kind++) {
    Buf b = { 0 };
    void (*look)(const Module *) = NULL;
    if (kind == 4) { // many locals, set inside a deep nest of blocks that are all branched to
      put(&b, 1);
      put_leb(&b, 49999);
      put(&b, 0x7f);
      look = no_sets;
    } else {
      put(&b, 0);
    }
    for (unsigned i = 0; i < N; i++)
      switch (kind) {
      case 0: put(&b, 0x02); put(&b, 0x40); break;               // blocks in blocks
      case 1: put(&b, 0x03); put(&b, 0x40); break;               // loops in loops, each repeated below
      case 2: put(&b, 0x20), put(&b, 0), put(&b, 0x04), put(&b, 0x40); break; // ifs in thens
      case 3: put(&b, 0x02); put(&b, 0x40); break;               // and one br_table to all of them
      case 4: put(&b, 0x02), put(&b, 0x40), put(&b, 0x20), put(&b, 0), put(&b, 0x0d), put(&b, 0); break;
      }
    if (kind == 3) {
      put(&b, 0x20), put(&b, 0), put(&b, 0x0e);
      put_leb(&b, N);
      for (unsigned i = 0; i <= N; i++)
        put_leb(&b, i);
    }
    if (kind == 4)
      for (unsigned i = 0; i < 50000; i++) {
        put(&b, 0x20), put(&b, 0), put(&b, 0x21);
        put_leb(&b, i);
      }
    for (unsigned i = 0; i < N; i++) {
      if (kind == 1)
        put(&b, 0x20), put(&b, 0), put(&b, 0x0d), put(&b, 0);
      put(&b, 0x0b);
    }
    put(&b, 0x0b);
    Buf m = module_of_body(&b);
    Job j = { .bytes = m.p, .len = m.n, .look = look };
    Diag d;
    if (!check(&j, &d))
      fail_msg("kind %u: %s", kind, d.text);
    free(b.p);
    free(m.p);
  }
}

static void limits_are_said(void **state)
{
  (void)state;
  Buf b = { 0 };
  put(&b, 2);
  put_leb(&b, 49999); // and one parameter
  put(&b, 0x7f);
  put_leb(&b, 0);
  put(&b, 0x7e);
  put(&b, 0x0b);
  Buf m = module_of_body(&b);
  Job j = { .bytes = m.p, .len = m.n };
  assert_true(check(&j, NULL));
  free(m.p);
  b.p[5] = 1; // one more of the second group: the count is the byte behind "9f 86 03 7f"
  m = module_of_body(&b);
  j = (Job){ .bytes = m.p, .len = m.n };
  Diag d;
  assert_false(check(&j, &d));
  assert_int_equal(d.kind, DIAG_LIMIT);
  assert_string_equal(d.text, "50001 locals; at most 50000 are allowed");
  free(m.p);
  free(b.p);
}

static void locals_of_all_functions_are_limited(void **state)
{
  (void)state;
  enum { N = 700 };
  Buf m = { 0 }, s = { 0 };
  static const uint8_t head[] = { 0, 'a', 's', 'm', 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0 };
  for (size_t i = 0; i < sizeof head; i++)
    put(&m, head[i]);
  put_leb(&s, N);
  for (unsigned i = 0; i < N; i++)
    put(&s, 0);
  put_section(&m, 3, &s);
  s.n = 0;
  put_leb(&s, N);
  for (unsigned i = 0; i < N; i++) {
    static const uint8_t body[] = { 6, 1, 0xd0, 0x86, 0x03, 0x7b, 0x0b }; // 50,000 vectors
    for (size_t k = 0; k < sizeof body; k++)
      put(&s, body[k]);
  }
  put_section(&m, 10, &s);
  Job j = { .bytes = m.p, .len = m.n };
  Diag d;
  assert_false(check(&j, &d));
  assert_int_equal(d.kind, DIAG_LIMIT);
  assert_non_null(strstr(d.text, "35000000 locals in all functions together"));
  free(m.p);
  free(s.p);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(if_without_else_owns_an_empty_block),
    cmocka_unit_test(dead_code_creates_nothing),
    cmocka_unit_test(panic_block_is_not_in_the_loop),
    cmocka_unit_test(handlers_start_at_the_end_of_try_table),
    cmocka_unit_test(legacy_clauses_of_one_try_lie_together),
    cmocka_unit_test(delegate_names_the_try_it_goes_to),
    cmocka_unit_test(branch_hints_make_blocks_cold),
    cmocka_unit_test(verdicts),
    cmocka_unit_test(message_says_where),
    cmocka_unit_test(generated_bodies_have_the_facts_of_the_slow_way),
    cmocka_unit_test(damaged_bodies_get_one_verdict),
    cmocka_unit_test(every_prefix_is_an_error),
    cmocka_unit_test(large_bodies_are_linear),
    cmocka_unit_test(limits_are_said),
    cmocka_unit_test(locals_of_all_functions_are_limited),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
