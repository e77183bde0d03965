// --imports=struct: functions, a memory, a table and globals that a host hands to each instance as it likes.
#include "imports.h"
#include "table.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPECT(c) ((c) ? (void)0 : (printf("%s:%d: not so: %s (%s)\n", __FILE__, __LINE__, #c, zwasm_last_error()), exit(1)))

static int32_t add(imports *i, int32_t a, int32_t b) { return a + b + (int32_t)(intptr_t)zwasm_user(imports_instance(i)); }
static int32_t add_wrongly(imports *i, int32_t a, int32_t b)
{
  (void)i;
  return a - b;
}
static void pair(imports *i, double a, int64_t b, float c, imports_env_pair_result *r)
{
  (void)i;
  r->r0 = b + (int64_t)a;
  r->r1 = c * 2;
  r->r2 = -7;
}
static zwasm_v128_t turn(imports *i, zwasm_v128_t v)
{
  zwasm_v128_t r;
  (void)i;
  for (int k = 0; k < 16; k++)
    r.bytes[k] = v.bytes[15 - k];
  return r;
}

static table *owner;
static int64_t base = 1ll << 40;
static int32_t count;
static struct { char odd; zwasm_v128_t v; } vector; // at an address that is aligned to nothing

static imports_imports all(int32_t (*f)(imports *, int32_t, int32_t))
{
  imports_imports s;
  s.env_add = f;
  s.env_pair = pair;
  s.env_turn = turn;
  s.env_mem = table_memory(owner);
  s.env_table = table_table(owner);
  s.env_base = &base;
  s.env_vector = &vector.v;
  s.env_count = &count;
  return s;
}

static imports *make(imports_imports s, void *user)
{
  zwasm_options_t o = ZWASM_OPTIONS_INIT;
  o.imports = &s; // gone when this returns
  o.user = user;
  return imports_new(&o);
}

static void each_missing_field_is_named(void)
{
  static const char *const names[] = { "add", "pair", "turn", "mem", "table", "base", "vector", "count" };
  zwasm_options_t o = ZWASM_OPTIONS_INIT;
  EXPECT(imports_new(&o) == NULL && strstr(zwasm_last_error(), "\"env\" \"add\""));
  for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
    imports_imports s = all(add);
    memset((char *)&s + k * sizeof(void *), 0, sizeof(void *));
    char want[40];
    snprintf(want, sizeof want, "\"env\" \"%s\"", names[k]);
    EXPECT(make(s, NULL) == NULL && strstr(zwasm_last_error(), want));
  }
}

int main(void)
{
  int32_t r;
  owner = table_new(NULL);
  EXPECT(owner != NULL);
  for (int k = 0; k < 16; k++)
    vector.v.bytes[k] = (uint8_t)(k * 3);
  each_missing_field_is_named();
  imports *a = make(all(add), (void *)1000), *b = make(all(add_wrongly), NULL);
  EXPECT(a != NULL && b != NULL);
  EXPECT(imports_add(a, 3, 4) == 1007 && imports_add(b, 3, 4) == -1 && count == 2);
  imports_many_result m;
  imports_many(b, 2.0, 40, 1.5f, &m);
  EXPECT(m.r0 == 42 && m.r1 == 3.0f && m.r2 == -7);
  EXPECT(imports_many_try(a, -2.0, 40, 2.5f, &m) == ZWASM_OK && m.r0 == 38 && m.r1 == 5.0f);
  zwasm_v128_t v = imports_turn(a);
  EXPECT(v.bytes[0] == 45 && v.bytes[15] == 0);
  EXPECT(imports_base(a) == 1ll << 40);
  imports_store(a, 8, 77);
  EXPECT(imports_load(b, 8) == 77 && *(int32_t *)zwasm_mem_at(table_memory(owner), 8, 4) == 77);
  EXPECT(zwasm_memory_grow(table_memory(owner), 1) == 1 && imports_load_try(a, 131068, &r) == ZWASM_OK);
  EXPECT(imports_load_try(a, 131072, &r) == ZWASM_OUT_OF_BOUNDS);
  EXPECT(imports_indirect(b, 0, 9, 4) == 5 && imports_indirect(a, 1, 9, 4) == 36 && *table_calls(owner) == 1);
  EXPECT(imports_indirect_try(a, 2, 9, 4, &r) == ZWASM_UNDEFINED_ELEMENT);
  imports_delete(a);
  EXPECT(imports_add(b, 1, 1) == 0);
  table_delete(owner); // what b imports from it lives on
  EXPECT(imports_indirect(b, 0, 9, 4) == 5 && imports_load(b, 8) == 77);
  imports_delete(b);
  puts("imports: ok");
  return 0;
}
