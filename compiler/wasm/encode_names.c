// The name section, made anew from the Module.  spec: binary-namesec
#include "compiler/wasm/encode_int.h"

static void enc_subsection(Bytes *b, uint8_t id, const Bytes *content)
{
  if (content->n == 0)
    return;
  zw_enc_u8(b, id);
  zw_enc_u32(b, (uint32_t)content->n);
  zw_enc_bytes(b, content->p, content->n);
}

static void enc_name_map(Bytes *b, uint8_t id, const NameMap *map, Bytes *tmp)
{
  tmp->n = 0;
  uint32_t n = 0;
  for (uint32_t i = 0; i < map->n; i++)
    n += map->name[i].n != 0;
  if (n)
    zw_enc_u32(tmp, n);
  for (uint32_t i = 0; i < map->n; i++)
    if (map->name[i].n) {
      zw_enc_u32(tmp, map->index[i]);
      zw_enc_name(tmp, map->name[i]);
    }
  enc_subsection(b, id, tmp);
}

// Names of locals, labels and fields.  The decoder does not know how many of these there are and lets any number pass.
typedef enum InnerKind { INNER_LOCAL, INNER_LABEL, INNER_FIELD } InnerKind;

static uint64_t inner_count(const Encoder *e, InnerKind kind, uint32_t outer)
{
  if (!e->rewrite)
    return UINT64_MAX;
  switch (kind) {
  case INNER_LOCAL: return zw_count_locals(e->m, outer, NULL);
  case INNER_LABEL: return e->nlabels[outer];
  case INNER_FIELD: return e->m->types[outer].kind == COMP_STRUCT ? e->m->types[outer].nfields : 0;
  }
  return 0;
}

static void enc_indirect_names(Encoder *e, uint8_t id, InnerKind kind, const NameMap *map, const uint32_t *outer, Bytes *tmp)
{
  Bytes groups = { .a = tmp->a };
  uint32_t ngroups = 0;
  for (uint32_t i = 0, j; i < map->n; i = j) {
    uint64_t limit = inner_count(e, kind, outer[i]);
    uint32_t n = 0;
    tmp->n = 0;
    for (j = i; j < map->n && outer[j] == outer[i]; j++)
      if (map->name[j].n && map->index[j] < limit) {
        zw_enc_u32(tmp, map->index[j]);
        zw_enc_name(tmp, map->name[j]);
        n++;
      }
    if (n == 0)
      continue;
    zw_enc_u32(&groups, outer[i]);
    zw_enc_u32(&groups, n);
    zw_enc_bytes(&groups, tmp->p, tmp->n);
    ngroups++;
  }
  tmp->n = 0;
  if (ngroups)
    zw_enc_u32(tmp, ngroups);
  zw_enc_bytes(tmp, groups.p, groups.n);
  enc_subsection(&e->sec, id, tmp);
}

static void enc_func_names(Bytes *b, const Module *m, Bytes *tmp)
{
  tmp->n = 0;
  uint32_t n = 0;
  for (uint32_t i = 0; i < m->nfuncs; i++)
    n += m->funcs[i].name.n != 0;
  if (n)
    zw_enc_u32(tmp, n);
  for (uint32_t i = 0; n && i < m->nfuncs; i++)
    if (m->funcs[i].name.n) {
      zw_enc_u32(tmp, i);
      zw_enc_name(tmp, m->funcs[i].name);
    }
  enc_subsection(b, 1, tmp);
}

void zw_enc_names(Encoder *e)
{
  const Module *m = e->m;
  const Names *n = &m->names;
  Bytes tmp = { .a = e->out->a };
  zw_enc_begin_section(e);
  Bytes *b = &e->sec;
  zw_enc_name(b, STR("name"));
  size_t empty = b->n;
  if (n->module.n) {
    zw_enc_name(&tmp, n->module);
    enc_subsection(b, 0, &tmp);
  }
  enc_func_names(b, m, &tmp);
  enc_indirect_names(e, 2, INNER_LOCAL, &n->locals, n->local_func, &tmp);
  enc_indirect_names(e, 3, INNER_LABEL, &n->labels, n->label_func, &tmp);
  enc_name_map(b, 4, &n->types, &tmp);
  enc_name_map(b, 5, &n->tables, &tmp);
  enc_name_map(b, 6, &n->memories, &tmp);
  enc_name_map(b, 7, &n->globals, &tmp);
  enc_name_map(b, 8, &n->elems, &tmp);
  enc_name_map(b, 9, &n->datas, &tmp);
  enc_indirect_names(e, 10, INNER_FIELD, &n->fields, n->field_type, &tmp);
  enc_name_map(b, 11, &n->tags, &tmp);
  if (b->n != empty)
    zw_enc_end_section(e, SEC_CUSTOM);
}
