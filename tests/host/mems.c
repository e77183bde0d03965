// What a host makes for its modules to import: memories of every kind, tables, globals; shared by two instances, and a
// shared memory by instances on several threads; every mistake is a sentence, after which one goes on.
#include "mems.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPECT(c) ((c) ? (void)0 : (printf("%s:%d: not so: %s (%s)\n", __FILE__, __LINE__, #c, zwasm_last_error()), exit(1)))

enum { PLAIN, WIDE, SHARED, BYTES, KINDS };
static int32_t g_i32 = 1;
static int64_t g_i64 = 2, g_const = 77;
static float g_f32 = 3;
static double g_f64 = 4;
static zwasm_v128_t g_v128;

typedef struct Things { zwasm_memory_t *m[KINDS]; zwasm_table_t *table; } Things;

static zwasm_memory_t *memory(zwasm_instance_t *linked, int kind)
{
  static const unsigned flags[] = { 0, ZWASM_MEMORY_64, ZWASM_MEMORY_SHARED, ZWASM_MEMORY_BYTES };
  static const uint64_t min[] = { 1, 1, 1, 100 }, max[] = { 4, 8, 4, 1000 };
  return zwasm_memory_new_with(linked, min[kind], max[kind], flags[kind]);
}
static Things things(zwasm_instance_t *linked)
{
  Things t;
  for (int k = 0; k < KINDS; k++)
    EXPECT((t.m[k] = memory(linked, k)) != NULL);
  EXPECT((t.table = zwasm_table_new_64(linked, ZWASM_FUNCREF, 2, 10)) != NULL);
  return t;
}
static void delete_things(Things t)
{
  for (int k = 0; k < KINDS; k++)
    zwasm_memory_delete(t.m[k]);
  zwasm_table_delete(t.table);
}

static mems *make_with(const Things *t, const zwasm_options_t *options)
{
  zwasm_options_t o = ZWASM_OPTIONS_INIT;
  mems_imports s;
  s.m_plain = t->m[PLAIN], s.m_wide = t->m[WIDE], s.m_shared = t->m[SHARED], s.m_bytes = t->m[BYTES], s.m_table = t->table;
  s.g_i32 = &g_i32, s.g_i64 = &g_i64, s.g_f32 = &g_f32, s.g_f64 = &g_f64, s.g_v128 = &g_v128, s.g_const = &g_const;
  if (options)
    o = *options;
  o.imports = &s;
  return mems_new(&o);
}
static mems *make(const Things *t) { return make_with(t, NULL); }

static void two_instances_share(void)
{
  Things t = things(NULL);
  mems *a = make(&t), *b = make(&t);
  EXPECT(a && b);
  g_i32 = 1, g_i64 = 2, g_f32 = 3, g_f64 = 4;
  memset(&g_v128, 0, sizeof g_v128);
  static const int64_t last[] = { 65532, 65532, 65532, 96 }, grown[] = { 131068, 131068, 131068, 97 };
  int32_t r;
  for (int k = 0; k < KINDS; k++) {
    mems_store(a, k, last[k], 1000 + k);
    EXPECT(mems_load(b, k, last[k]) == 1000 + k && *(int32_t *)zwasm_mem_at(t.m[k], (uint64_t)last[k], 4) == 1000 + k);
    EXPECT(mems_load_try(b, k, last[k] + 1, &r) == ZWASM_OUT_OF_BOUNDS && mems_load_try(b, k, -1, &r) == ZWASM_OUT_OF_BOUNDS);
    EXPECT(mems_grow(b, k, 1) == (k == BYTES ? 100 : 1) && mems_load_try(a, k, grown[k], &r) == ZWASM_OK);
    EXPECT(mems_load_try(a, k, grown[k] + 1, &r) == ZWASM_OUT_OF_BOUNDS && zwasm_mem_at(t.m[k], (uint64_t)grown[k] + 1, 4) == NULL);
    EXPECT(mems_grow(a, k, 10000) == -1 && zwasm_memory_grow(t.m[k], 10000) == UINT64_MAX && zwasm_memory_grow(t.m[k], 1) == (k == BYTES ? 101 : 2));
    EXPECT(zwasm_memory_bytes(t.m[k]) == (k == BYTES ? 102 : 3 << 16));
  }
  mems_put(a, 1);
  EXPECT(mems_call(b, 1, 9, 4) == 5 && mems_call_try(b, 0, 9, 4, &r) == ZWASM_UNINITIALIZED_ELEMENT && mems_call_try(b, 2, 9, 4, &r) == ZWASM_UNDEFINED_ELEMENT);
  EXPECT(mems_call_try(b, 1ll << 32 | 1, 9, 4, &r) == ZWASM_UNDEFINED_ELEMENT);
  mems_numbers_result n;
  mems_numbers(a, &n);
  mems_numbers(b, &n);
  EXPECT(n.r0 == 3 && n.r1 == 4 && n.r2 == 5 && n.r3 == 6 && n.r4.bytes[0] == 2 && n.r4.bytes[15] == 2 && n.r5 == 77);
  EXPECT(g_i32 == 3 && g_i64 == 4 && g_f32 == 5 && g_f64 == 6 && g_v128.bytes[7] == 2);
  mems_delete(a);
  delete_things(t); // b holds them
  EXPECT(mems_load(b, WIDE, last[WIDE]) == 1001 && mems_call(b, 1, 9, 4) == 5); // a's function as well
  Things own = things(mems_instance(b));
  mems *c = make(&own);
  EXPECT(c != NULL);
  mems_delete(b);
  mems_delete(c);
  EXPECT(zwasm_memory_bytes(own.m[PLAIN]) == 65536); // ours still
  delete_things(own);
}

static void mistakes_are_named(void)
{
  static const struct { int place, given; const char *words[2]; } swapped[] = {
    { PLAIN, WIDE, { "\"plain\"", "address types differ" } }, { PLAIN, SHARED, { "\"plain\"", "shared" } },
    { PLAIN, BYTES, { "\"plain\"", "page sizes differ" } }, { WIDE, PLAIN, { "\"wide\"", "address types differ" } },
    { SHARED, PLAIN, { "\"shared\"", "shared" } }, { BYTES, PLAIN, { "\"bytes\"", "page sizes differ" } },
  };
  Things t = things(NULL);
  mems *a = make(&t);
  for (size_t k = 0; k < sizeof swapped / sizeof *swapped; k++) {
    Things wrong = t;
    wrong.m[swapped[k].place] = t.m[swapped[k].given];
    EXPECT(make(&wrong) == NULL && strstr(zwasm_last_error(), swapped[k].words[0]) && strstr(zwasm_last_error(), swapped[k].words[1]));
    wrong.m[swapped[k].place] = NULL;
    EXPECT(make(&wrong) == NULL && strstr(zwasm_last_error(), "unknown import") && strstr(zwasm_last_error(), swapped[k].words[0]));
  }
  Things wrong = t;
  EXPECT((wrong.m[PLAIN] = zwasm_memory_new(mems_instance(a), 1, 5)) != NULL); // may become larger than wanted
  EXPECT(make(&wrong) == NULL && strstr(zwasm_last_error(), "maximum"));
  zwasm_memory_delete(wrong.m[PLAIN]);
  EXPECT((wrong.m[PLAIN] = zwasm_memory_new(mems_instance(a), 0, 4)) != NULL);
  EXPECT(make(&wrong) == NULL && strstr(zwasm_last_error(), "it has 0 pages, at least 1 are wanted"));
  EXPECT(zwasm_memory_grow(wrong.m[PLAIN], 1) == 0);
  mems *b = make(&wrong); // large enough by now
  EXPECT(b != NULL);
  mems_delete(b);
  zwasm_memory_delete(wrong.m[PLAIN]);
  // things of two programs that know nothing of each other
  Things foreign = things(NULL);
  mems *c = make(&foreign);
  wrong = t, wrong.m[WIDE] = foreign.m[WIDE];
  EXPECT(c && make(&wrong) == NULL && strstr(zwasm_last_error(), "another store"));
  wrong = t, wrong.table = foreign.table;
  EXPECT(make(&wrong) == NULL && strstr(zwasm_last_error(), "another store"));
  mems_delete(c);
  delete_things(foreign);
  // over a limit, or never possible
  EXPECT(!zwasm_memory_new(NULL, 65537, 65537) && strstr(zwasm_last_error(), "65537 pages"));
  EXPECT(!zwasm_memory_new_with(NULL, 1, UINT64_MAX, ZWASM_MEMORY_SHARED) && strstr(zwasm_last_error(), "maximum"));
  EXPECT(!zwasm_memory_new(NULL, 2, 1) && strstr(zwasm_last_error(), "below"));
  EXPECT(!zwasm_memory_new_with(NULL, 1ull << 40, UINT64_MAX, ZWASM_MEMORY_64) && !zwasm_memory_new_with(NULL, 1, 1, 64));
  zwasm_memory_delete(NULL), zwasm_memory_delete(zwasm_memory_new(NULL, 1, 1)); // never used
  zwasm_memory_delete(t.m[SHARED]), zwasm_memory_delete(t.m[SHARED]); // twice: the second finds nothing of ours
  mems_store(a, SHARED, 0, 5);
  EXPECT(mems_load(a, SHARED, 0) == 5 && mems_load(a, PLAIN, 0) == 0);
  mems_delete(a);
  zwasm_memory_delete(t.m[PLAIN]), zwasm_memory_delete(t.m[WIDE]), zwasm_memory_delete(t.m[BYTES]), zwasm_table_delete(t.table);
}

static zwasm_memory_t *common;
static void *worker(void *arg)
{
  Things t = things(NULL);
  zwasm_memory_delete(t.m[SHARED]);
  t.m[SHARED] = common;
  mems *a = make(&t);
  EXPECT(a != NULL && mems_count(a, 20000) > 0);
  mems_delete(a);
  t.m[SHARED] = NULL;
  delete_things(t);
  return arg;
}
static void threads_share(void)
{
  pthread_t p[4];
  EXPECT((common = memory(NULL, SHARED)) != NULL);
  for (int k = 0; k < 4; k++)
    EXPECT(pthread_create(&p[k], NULL, worker, NULL) == 0);
  for (int k = 0; k < 4; k++)
    pthread_join(p[k], NULL);
  EXPECT(*(int32_t *)zwasm_mem_at(common, 0, 4) == 80000);
  zwasm_memory_delete(common);
}

int main(void)
{
  for (int k = 0; k < 100; k++) // and nothing is used up
    two_instances_share();
  mistakes_are_named();
  threads_share();
  puts("mems: ok");
  return 0;
}
