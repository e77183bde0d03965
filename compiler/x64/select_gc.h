// Objects in the GC heap.  Part of select_all.h.  Nothing here traps: checks are instructions of their own.
#pragma once

// The same with an element, whose place from the reference is in t: emit_place makes it above the access.
typedef struct Element { Ref ref, index; Reg t; unsigned shift; } Element;
static Opnd element_addr(Ra *ra, Ref ref, Ref base, Ref index, unsigned shift, Element *e)
{
  uint64_t c;
  *e = (Element){ ref, index, REG_NONE, shift };
  if (const_of(ra, index, &c) && c < 1 << 24)
    return field_addr(ra, ref, base, (uint32_t)(GC_ARRAY_DATA + (c << shift)));
  Opnd o = { .reg = REG_NONE, .rm = REG_NONE, .disp = GC_ARRAY_DATA, .val = REF_NONE, .vrn = REF_NONE, .vrm = base };
  e->t = temp(ra, RA_GPR);
  o.rn = (uint8_t)e->t;
  o.rm = (uint8_t)use_base(ra, base);
  return o;
}
static void emit_place(Ra *ra, const Element *e)
{
  if (e->t == REG_NONE)
    return;
  Reg r = use_base(ra, e->ref), i = use_base(ra, e->index);
  Lir *l;
  if (e->shift > 3) { // v128
    l = lir(ra, X_lea);
    l->rd = (uint8_t)e->t, l->sz = 8, l->rn = (uint8_t)r, l->rm = (uint8_t)e->t, l->cc = 3;
    note(ra, REF_NONE, REF_NONE, e->ref, REF_NONE, REF_NONE);
    l = lir(ra, X_lea);
    l->rd = (uint8_t)e->t, l->sz = 8, l->rn = (uint8_t)i, l->rm = (uint8_t)i;
    note(ra, REF_NONE, REF_NONE, e->index, e->index, REF_NONE);
    return;
  }
  l = lir(ra, X_lea);
  l->rd = (uint8_t)e->t, l->sz = 8, l->rn = (uint8_t)r, l->rm = (uint8_t)i, l->cc = (uint8_t)e->shift;
  note(ra, REF_NONE, REF_NONE, e->ref, e->index, REF_NONE);
}

// The row that loads, and the width of its destination.
static unsigned gc_load_op(const ZIns *ins, unsigned *sz)
{
  unsigned width = ins->fl & GCA_WIDTH, sign = ins->fl & GCA_SIGNED;
  *sz = width < 2 ? 4 : 1u << width;
  switch (width) {
  case 0: return sign ? X_movsx8_rm : X_movzx8_rm;
  case 1: return sign ? X_movsx16_rm : X_movzx16_rm;
  default: return load_op((ValKind)ins->ty);
  }
}
static void sel_gc_load(Ra *ra, const ZIns *ins, Ref v)
{
  unsigned sz, op = gc_load_op(ins, &sz);
  Reg d = def(ra, v, class_of((ValKind)ins->ty));
  Opnd o = field_addr(ra, ins->a, ins->b, ins->c);
  emit_rm(ra, 0, op, sz, d, &o, v, REF_NONE);
}
static void sel_gc_elem(Ra *ra, const ZIns *ins, Ref v)
{
  unsigned sz, op = gc_load_op(ins, &sz);
  Element e;
  Reg d = def(ra, v, class_of((ValKind)ins->ty));
  Opnd o = element_addr(ra, ins->a, ins->b, ins->c, ins->fl & GCA_WIDTH, &e);
  emit_rm(ra, 0, op, sz, d, &o, v, REF_NONE);
  emit_place(ra, &e);
}
static void gc_store(Ra *ra, Ref val, const Opnd *o, unsigned bytes)
{
  ValKind kind = kind_of(ra, val);
  int32_t imm;
  if (kind != VK_V128 && imm_of(ra, val, bytes == 8, &imm)) {
    emit_mi(ra, X_mov_mi, bytes, o, bytes == 1 ? (int8_t)imm : bytes == 2 ? (int16_t)imm : imm);
    return;
  }
  Reg r = use(ra, val, class_of(kind), REG_NONE);
  emit_mem(ra, store_op(kind), bytes, o, r, val);
}
static void sel_gc_store(Ra *ra, const ZIns *ins, Ref v)
{
  (void)v;
  const Ref *in = ra->z->xa + ins->a;
  unsigned bytes = 1u << (ins->fl & GCA_WIDTH);
  Opnd o = field_addr(ra, in[0], in[1], ins->c);
  gc_store(ra, stored_value(ra, in[2], bytes), &o, bytes);
}
static void sel_gc_put(Ra *ra, const ZIns *ins, Ref v)
{
  (void)v;
  const Ref *in = ra->z->xa + ins->a;
  unsigned shift = ins->fl & GCA_WIDTH;
  Element e;
  Opnd o = element_addr(ra, in[0], in[1], in[2], shift, &e);
  gc_store(ra, stored_value(ra, in[3], 1u << shift), &o, 1u << shift);
  emit_place(ra, &e);
}
// value << 1 | 1; 32 bits wide, so the upper half is clear
static void sel_ref_i31(Ra *ra, const ZIns *ins, Ref v)
{
  Reg d = def(ra, v, RA_GPR), r = use_base(ra, ins->a);
  Lir *l = lir(ra, X_lea);
  l->rd = (uint8_t)d, l->sz = 4, l->rn = (uint8_t)r, l->rm = (uint8_t)r, l->disp = 1;
  note(ra, v, REF_NONE, ins->a, ins->a, REF_NONE);
}
