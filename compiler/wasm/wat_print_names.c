// Identifiers and strings of the text format: which names can be identifiers, and what stands where they cannot.
#include "compiler/wasm/wat_print_int.h"

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

void zw_wat_put_string(Printer *p, Str s)
{
  put(p, "\"");
  put_string_bytes(p, (const uint8_t *)s.p, s.n);
  put(p, "\"");
}

void zw_wat_put_long_string(Printer *p, const uint8_t *s, uint64_t n) // a line per 64 bytes
{
  enum { LINE = 64 };
  if (n <= LINE) {
    put(p, " ");
    zw_wat_put_string(p, (Str){ (const char *)s, n });
    return;
  }
  p->indent++;
  for (uint64_t i = 0; i < n; i += LINE) {
    zw_wat_newline(p);
    zw_wat_put_string(p, (Str){ (const char *)s + i, n - i < LINE ? n - i : LINE });
  }
  p->indent--;
}

void zw_wat_put_id(Printer *p, Str name)
{
  bool plain = true;
  for (size_t i = 0; i < name.n && plain; i++)
    plain = is_id_char(name.p[i]);
  put(p, "$");
  if (plain)
    zw_text_put(p->out, name.p, name.n);
  else
    zw_wat_put_string(p, name);
}

// Where it is defined: " $name (;3;)".
void zw_wat_put_def(Printer *p, const Ids *ids, uint32_t index)
{
  bool named = index < ids->n && ids->name[index].n;
  if (named && ids->unique[index]) {
    put(p, " ");
    zw_wat_put_id(p, ids->name[index]);
  }
  if (named && !ids->unique[index]) {
    put(p, " (@name ");
    zw_wat_put_string(p, ids->name[index]);
    put(p, ")");
  }
  zw_text_printf(p->out, " (;%u;)", index);
}

void zw_wat_put_index(Printer *p, const Ids *ids, uint32_t index)
{
  put(p, " ");
  if (index < ids->n && ids->name[index].n && ids->unique[index])
    zw_wat_put_id(p, ids->name[index]);
  else
    zw_text_printf(p->out, "%u", index);
}

// Which of n names occur once?
const uint8_t *zw_wat_find_unique(Arena *a, Arena *tmp, const Str *name, uint32_t n)
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

Ids zw_wat_ids_of_map(Printer *p, const NameMap *map, uint32_t n)
{
  if (map->n == 0 || p->o->no_names)
    return (Ids){ NULL, NULL, 0 };
  Str *name = zw_new_array(p->a, Str, n);
  for (uint32_t i = 0; i < map->n; i++)
    if (map->index[i] < n)
      name[map->index[i]] = map->name[i];
  return (Ids){ name, zw_wat_find_unique(p->a, p->scratch, name, n), n };
}

Ids zw_wat_ids_of_funcs(Printer *p)
{
  const Module *m = p->m;
  if (p->o->no_names)
    return (Ids){ NULL, NULL, 0 };
  Str *name = zw_new_array(p->a, Str, m->nfuncs);
  for (uint32_t i = 0; i < m->nfuncs; i++)
    name[i] = m->funcs[i].name;
  return (Ids){ name, zw_wat_find_unique(p->a, p->scratch, name, m->nfuncs), m->nfuncs };
}

// Names of the locals or labels of one function: entries of a sorted list from *next on.
Ids zw_wat_ids_of_func(Printer *p, const NameMap *map, const uint32_t *outer, uint32_t func, uint32_t *next, uint32_t n)
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
  return (Ids){ name, zw_wat_find_unique(p->scratch, p->scratch, name, n), n };
}
