// Calls of functions and of the runtime.  Part of select_all.h.
#pragma once

// ---- calls ----
// Signatures are asked for by every call: those met first stay with the context for all its functions, the others with this one.
typedef struct SigCache { const Module *m; struct { uint32_t type; const X64Sig *sig; } first[64]; } SigCache; // by type + 1
static void open_signatures(Ra *ra)
{
  SigCache *c = ra->ctx->of_target;
  if (c && c->m == ra->z->m)
    return;
  c = ra->ctx->of_target = zw_new(&ra->ctx->module, SigCache);
  c->m = ra->z->m;
}
static const X64Sig *make_signature(Ra *ra, uint32_t type, Arena *a)
{
  X64Sig *s = zw_new(a, X64Sig);
  *s = zw_x64_signature(ra->z->m, ra->z->m->types[type].func, a);
  return s;
}
static __attribute__((noinline)) const X64Sig *new_signature(Ra *ra, uint32_t type)
{
  SigCache *c = ra->ctx->of_target;
  unsigned k = type % ARRAY_COUNT(c->first);
  if (!c->first[k].type) {
    c->first[k].sig = make_signature(ra, type, &ra->ctx->module);
    c->first[k].type = type + 1;
    return c->first[k].sig;
  }
  TargetState *t = ra->t;
  k = type % ARRAY_COUNT(t->sigs);
  if (t->sigs[k].type != type + 1)
    t->sigs[k].sig = make_signature(ra, type, ra->a), t->sigs[k].type = type + 1;
  return t->sigs[k].sig;
}
static inline const X64Sig *signature(Ra *ra, uint32_t type)
{
  const SigCache *c = ra->ctx->of_target;
  unsigned k = type % ARRAY_COUNT(c->first);
  return c->first[k].type == type + 1 ? c->first[k].sig : new_signature(ra, type);
}
static inline bool has_area(const X64Sig *s) { return s->result_bytes != 0; }
// Room in the frame for results in memory, payloads.
static uint32_t frame_area(Ra *ra, uint32_t bytes)
{
  uint32_t at = ra->l->area_bytes;
  if (bytes > (1u << 28) || at > (1u << 28))
    zw_fail(ra->ctx, ERR_limit, ZW_NO_POS, "function %u needs too large a frame", ra->z->func);
  ra->l->area_bytes = (at + bytes + 15) & ~15u;
  return at;
}
// Result k of a call has its own instruction right behind the call; result 0 is the call itself.
static bool is_result_of(const ZirFunc *z, Ref j, Ref v) { return j < z->nins && z->ins[j].op == OP_result && z->ins[j].a == v; }
static void call_result(Ra *ra, Ref r, const X64Loc *from, uint32_t area, Moves *mv)
{
  if (is_dead(ra, r))
    return;
  ValKind kind = (ValKind)ra->z->ins[r].ty;
  uint32_t src = from->reg != REG_NONE ? from->reg : PLACE_AREA + area + from->off;
  Reg d = val_of(ra, r)->loc;
  if (d != REG_NONE) {
    unbind(ra, d);
    ra->written |= BIT(d);
    if (d != src)
      add_move(ra, mv, d, src, r, kind);
  }
  if (val_of(ra, r)->slot)
    add_move(ra, mv, slot_place(ra, r), src, r, kind);
}
// Slots of results are free above the call, but not for what lives across it: results are stored before that is reloaded.
static void free_result_slots(Ra *ra, const Moves *mv)
{
  for (uint32_t k = 0; k < mv->n; k++)
    if (!is_reg(mv->p[k].dst))
      free_slot(ra, mv->p[k].dst - PLACE_SLOT);
}
// The results, from where the callee leaves them to where they live.  Their ranges end here.
static void call_results(Ra *ra, Ref v, const X64Sig *s, uint32_t area, Moves *mv)
{
  const ZirFunc *z = ra->z;
  mv->n = 0;
  if (s->nresults)
    call_result(ra, v, &s->results[0], area, mv);
  for (Ref j = v + 1; is_result_of(z, j, v); j++)
    call_result(ra, j, &s->results[z->ins[j].b], area, mv);
}
static void note_results(Ra *ra, Ref v, const X64Sig *s)
{
  const ZirFunc *z = ra->z;
  if (!notes(ra))
    return;
  if (s->nresults && s->results[0].reg != REG_NONE)
    note_fix(ra, s->results[0].reg, v, LF_DEF);
  for (Ref j = v + 1; is_result_of(z, j, v); j++)
    if (s->results[z->ins[j].b].reg != REG_NONE)
      note_fix(ra, s->results[z->ins[j].b].reg, j, LF_DEF);
}
// What a call destroys and is needed below.  On a cold path it is saved and restored around the call, so that the
// hot path pays nothing; else it moves to a callee-saved register or to its slot.
static void save_around(Ra *ra, RegSet clobbered, RegSet args)
{
  if (!ra->cold) {
    for (RegSet m = ra->busy & clobbered; m; m &= m - 1)
      free_up(ra, zw_ctz64(m), RA_CALLEE);
    return;
  }
  uint32_t taken[RA_NREG], n = 0;
  for (RegSet m = ra->busy & clobbered; m; m &= m - 1) {
    Reg r = zw_ctz64(m);
    Ref w = ra->cur[r];
    ValKind kind = kind_of(ra, w);
    if (val_of(ra, w)->slot || is_remat(ra, w) || (ra->weak & BIT(r))) {
      free_up(ra, r, 0);
      continue;
    }
    Reg q = r;
    if (args & BIT(r)) {
      RegSet can = class_of(kind) & ra->file & ~ra->busy & ~args & ~ra->written;
      if (!can) {
        free_up(ra, r, RA_CALLEE);
        continue;
      }
      q = choose(ra, can & RA_CALLEE & ra->dirty ? can & RA_CALLEE & ra->dirty : can & clobbered ? can & clobbered : can);
      unbind(ra, r);
      bind(ra, q, w);
      dirty(ra, q);
      if (!(clobbered & BIT(q))) {
        move_reg(ra, r, q, kind);
        continue;
      }
    }
    uint32_t s = find_slot(ra, slot_size(kind), NULL);
    taken[n++] = s;
    emit_load(ra, r, PLACE_SLOT + s, kind);
    *zw_push(ra->a, &ra->pre) = (Move){ PLACE_SLOT + s, q, w, (uint8_t)kind };
  }
  while (n)
    free_slot(ra, taken[--n]);
}
// One value to memory at base + off, 8 bytes a slot.  There may be hundreds of them, so each frees its register again.
static void store_word(Ra *ra, Ref v, Reg base, Ref base_v, uint32_t off)
{
  ValKind kind = kind_of(ra, v);
  int32_t imm;
  Lir *l;
  if (kind != VK_V128 && kind != VK_F32 && imm_of(ra, v, kind != VK_I32, &imm) && (kind != VK_I32 || imm >= 0)) {
    l = lir(ra, X_mov_mi);
    l->imm = imm, l->sz = 8, l->rn = (uint8_t)base, l->disp = (int32_t)off;
    note(ra, REF_NONE, REF_NONE, base_v, REF_NONE, REF_NONE);
    return;
  }
  RegSet lock = ra->lock;
  Reg r = use(ra, v, class_of(kind), REG_NONE);
  ra->lock = lock;
  l = lir(ra, store_op(kind));
  l->rd = (uint8_t)r, l->sz = 8, l->rn = (uint8_t)base, l->disp = (int32_t)off;
  note(ra, REF_NONE, v, base_v, REF_NONE, REF_NONE);
  if (!zw_ref_is_value(v)) { // made right here, not with what the whole instruction needs
    ra->pre.n--;
    emit_make(ra, r, v);
  }
}
// Register arguments are brought to their places; to be called when the call itself has not been emitted.
static void reg_args(Ra *ra, const ZIns *ins, uint32_t n, const X64Sig *s)
{
  for (uint32_t k = 0; k < n; k++)
    if (s->params[k].reg != REG_NONE)
      use_at(ra, ra->z->xa[ins->a + k], s->params[k].reg);
}
static void note_args(Ra *ra, const ZIns *ins, uint32_t n, const X64Sig *s)
{
  for (uint32_t k = 0; k < n && notes(ra); k++)
    if (s->params[k].reg != REG_NONE)
      note_fix(ra, s->params[k].reg, ra->z->xa[ins->a + k], LF_USE);
}
static void stack_args(Ra *ra, const ZIns *ins, uint32_t n, const X64Sig *s, uint32_t area, unsigned op_area)
{
  uint32_t bytes = s->arg_bytes;
  if (!bytes)
    return;
  for (uint32_t k = n; k--;)
    if (s->params[k].reg == REG_NONE)
      store_word(ra, ra->z->xa[ins->a + k], REG_OUT, REF_NONE, s->params[k].off);
  if (has_area(s) && s->result_area.reg == REG_NONE) { // its address
    Reg t = temp(ra, RA_GPR);
    Lir *l = lir(ra, X_mov_mr);
    l->rd = (uint8_t)t, l->sz = 8, l->rn = REG_OUT, l->disp = (int32_t)s->result_area.off;
    l = lir(ra, X_lea);
    l->rd = (uint8_t)t, l->sz = 8, l->rn = REG_AREA, l->disp = (int32_t)area;
  }
  lir(ra, op_area)->imm = (int32_t)bytes;
  if (bytes > ra->l->max_out_bytes)
    ra->l->max_out_bytes = bytes;
}
static Lir *emit_call(Ra *ra, unsigned op, Ref v, const ZIns *ins, uint32_t nargs, const X64Sig *s)
{
  Lir *l = lir(ra, op);
  l->at = at_of(ra, v);
  note(ra, v, REF_NONE, REF_NONE, REF_NONE, REF_NONE);
  note_args(ra, ins, nargs, s);
  note_results(ra, v, s);
  add_map(ra);
  return l;
}
static void call_common(Ra *ra, const ZIns *ins, Ref v, uint32_t type, uint32_t nargs, bool elem)
{
  const X64Sig *s = signature(ra, type);
  const ZirFunc *z = ra->z;
  bool import = !elem && ins->c < z->m->nimported_funcs;
  uint32_t area = has_area(s) ? frame_area(ra, s->result_bytes) : 0;
  ra->l->has_calls = ra->l->needs_stack_check = true;
  Moves *mv = &ra->edge_moves[0];
  call_results(ra, v, s, area, mv);
  ref_call(ra, v);
  save_around(ra, X64_CALLER_SAVED, s->arg_regs | BIT(RAX));
  parallel_move(ra, mv);
  free_result_slots(ra, mv);
  ra->written = X64_CALLER_SAVED;
  reg_args(ra, ins, nargs, s);
  Ref e = elem ? z->xa[ins->a + nargs] : REF_NONE;
  bool area_in_reg = has_area(s) && s->result_area.reg != REG_NONE;
  if (area_in_reg)
    ra->lock |= BIT(s->result_area.reg);
  if (elem)
    use_at(ra, e, RAX);
  ra->lock |= BIT(RAX);
  if (elem && !s->arg_bytes) { // an element of this very instance is called without a thunk
    uint32_t done = split_block(ra), other = begin_stub(ra, true);
    jump_to(ra, done);
    Lir *l = emit_call(ra, X_call_thunk, v, ins, nargs, s);
    l->x = FX_THUNK(THUNK_XCALL, type);
    note_fix(ra, RAX, e, LF_USE);
    end_chunk(ra);
    resume_block(ra);
    l = emit_call(ra, X_call_m, v, ins, nargs, s);
    l->rn = RAX, l->sz = 8;
    note_fix(ra, RAX, e, LF_USE);
    jump_cc(ra, CC_NE, other);
    l = lir(ra, X_cmp_mr);
    l->rd = X64_VMCTX, l->rn = RAX, l->disp = offsetof(TableElem, vmctx), l->sz = 8;
    note(ra, REF_NONE, REF_NONE, e, REF_NONE, REF_NONE);
  } else if (elem || import) {
    Lir *l = emit_call(ra, X_call_thunk, v, ins, nargs, s);
    l->x = FX_THUNK(THUNK_XCALL, type);
    if (elem) {
      note_fix(ra, RAX, e, LF_USE);
    } else {
      l = lir(ra, X_lea);
      l->rd = RAX, l->sz = 8, l->rn = X64_VMCTX, l->disp = (int32_t)(z->layout.imports + 32 * ins->c);
    }
  } else {
    emit_call(ra, X_call, v, ins, nargs, s)->x = ins->c;
  }
  if (area_in_reg) {
    Lir *l = lir(ra, X_lea);
    dirty(ra, s->result_area.reg);
    l->rd = s->result_area.reg, l->sz = 8, l->rn = REG_AREA, l->disp = (int32_t)area;
  }
  end_ins(ra); // register arguments arrive behind the stores of the others, which are free to use any register
  stack_args(ra, ins, nargs, s, area, X_out_area);
}
static void sel_call(Ra *ra, const ZIns *ins, Ref v) { call_common(ra, ins, v, ra->z->m->funcs[ins->c].type, ins->b, false); }
static void sel_call_elem(Ra *ra, const ZIns *ins, Ref v) { call_common(ra, ins, v, ins->c, ins->b - 1, true); }

typedef struct LibInfo { const char *sig; uint16_t flags; } LibInfo;
enum { LIB_MAY_TRAP = 1, LIB_MAY_GC = 2 };
static const LibInfo lib_info[LIB_COUNT] = {
#define TRAPS LIB_MAY_TRAP
#define GC LIB_MAY_GC
#define LIBCALL(id, sig, flags) { #sig, (flags) },
#include "runtime/abi/libcall.def"
#undef TRAPS
#undef GC
};
static void vacate(Ra *ra, Reg r)
{
  if (ra->busy & BIT(r))
    free_up(ra, r, ra->file);
  ra->lock |= BIT(r);
}
// The shims keep every register but rax and a float result's, so nothing else moves; arguments stay where they are.
static void sel_lib(Ra *ra, const ZIns *ins, Ref v)
{
  const LibInfo *info = &lib_info[ins->c];
  char res = info->sig[0];
  bool fp = res == 'f' || res == 'd';
  if (res != 'z') {
    Reg d = fp ? XMM0 : RAX;
    def(ra, v, only(d));
    ra->lock |= BIT(d);
  }
  if (res == 'z' || fp)
    vacate(ra, RAX); // the shim's own
  if (info->flags & (LIB_MAY_GC | LIB_MAY_TRAP))
    ref_call(ra, v);
  static const uint8_t gpr[6] = { RDI, RSI, RDX, RCX, R8, R9 };
  unsigned ng = 0, nx = 0;
  CHECK(ins->b <= 6);
  // Who lives in an argument register that another argument wants moves away first: a move recorded for it would
  // read the register too late.
  RegSet mine = 0;
  for (uint32_t k = 0; k < ins->b; k++)
    mine |= BIT(class_of(kind_of(ra, ra->z->xa[ins->a + k])) == RA_FPR ? XMM0 + nx++ : gpr[ng++]);
  ng = nx = 0;
  for (uint32_t k = 0; k < ins->b; k++) {
    Ref a = ra->z->xa[ins->a + k];
    Reg r = class_of(kind_of(ra, a)) == RA_FPR ? XMM0 + nx++ : gpr[ng++];
    if (ra->busy & BIT(r) && ra->cur[r] != a)
      free_up(ra, r, ra->file & ~mine);
  }
  ng = nx = 0;
  for (uint32_t k = 0; k < ins->b; k++) {
    Ref a = ra->z->xa[ins->a + k];
    bool x = class_of(kind_of(ra, a)) == RA_FPR;
    use_at(ra, a, x ? XMM0 + nx++ : gpr[ng++]);
  }
  Lir *l = lir(ra, X_call_m);
  l->rn = X64_VMCTX, l->sz = 8, l->disp = (int32_t)(offsetof(VmCtx, libcall) + 8 * ins->c), l->at = at_of(ra, v);
  if (info->flags & (LIB_MAY_GC | LIB_MAY_TRAP))
    note(ra, v, REF_NONE, REF_NONE, REF_NONE, REF_NONE);
  if (res != 'z')
    note_fix(ra, fp ? XMM0 : RAX, v, LF_DEF);
  ng = nx = 0;
  for (uint32_t k = 0; k < ins->b; k++) {
    Ref a = ra->z->xa[ins->a + k];
    bool x = class_of(kind_of(ra, a)) == RA_FPR;
    note_fix(ra, x ? XMM0 + nx++ : gpr[ng++], a, LF_USE);
  }
  if (info->flags & (LIB_MAY_GC | LIB_MAY_TRAP))
    add_map(ra);
  ra->l->has_calls = true;
}
// From the heap's cursor when there is room below its limit; else the runtime is asked.
static void sel_gc_new(Ra *ra, const ZIns *ins, Ref v)
{
  const TypeDef *t = &ra->z->m->types[ins->c];
  uint32_t what = ins->c, cells = ins->b / GC_CELL;
  uint64_t count = 0; // of an array: as many as fit, for its length is set behind this
  if (t->kind == COMP_ARRAY)
    count = (ins->b - GC_ARRAY_DATA) / zw_gc_field_bytes(t->fields->type, zw_val_kind(ra->z->m, t->fields->type) == VK_FUNCREF);
  def(ra, v, only(RAX));
  ra->lock |= BIT(RAX);
  take_reg(ra, RDI);
  ref_call(ra, v);
  Reg base = use_base(ra, ins->a);
  uint32_t done = split_block(ra), other = begin_stub(ra, true);
  jump_to(ra, done);
  Lir *l = lir(ra, X_call_m);
  l->rn = X64_VMCTX, l->sz = 8, l->disp = VMCTX_LIBCALL(struct_new), l->at = at_of(ra, v);
  note(ra, v, REF_NONE, REF_NONE, REF_NONE, REF_NONE);
  note_fix(ra, RAX, v, LF_DEF);
  add_map(ra);
  load_imm(ra, RDI, count << 32 | what, true);
  end_chunk(ra);
  resume_block(ra);
  Opnd head = { .reg = REG_NONE, .rn = (uint8_t)base, .rm = RAX, .val = REF_NONE, .vrn = ins->a, .vrm = v };
  Opnd cursor = head, limit;
  cursor.rm = REG_NONE, cursor.disp = GC_CURSOR, cursor.vrm = REF_NONE;
  limit = cursor;
  Opnd id = at_place(PLACE_VM + ra->z->layout.type_ids + 4 * ins->c, REF_NONE);
  limit.disp = GC_LIMIT;
  head.disp = 4, emit_mi(ra, X_mov_mi, 4, &head, (int32_t)(cells << GC_SIZE_SHIFT));
  head.disp = 0, emit_mem(ra, X_mov_mr, 4, &head, RDI, REF_NONE);
  emit_rm(ra, 0, X_mov_rm, 4, RDI, &id, REF_NONE, REF_NONE);
  emit_mem(ra, X_mov_mr, 8, &cursor, RDI, REF_NONE);
  jump_cc(ra, CC_A, other);
  emit_rm(ra, 0, X_cmp_rm, 8, RDI, &limit, REF_NONE, REF_NONE);
  l = lir(ra, X_lea);
  l->rd = RDI, l->sz = 8, l->rn = RAX, l->disp = (int32_t)ins->b;
  note(ra, REF_NONE, REF_NONE, v, REF_NONE, REF_NONE);
  emit_rm(ra, 0, X_mov_rm, 8, RAX, &cursor, v, REF_NONE);
  ra->l->has_calls = true;
}
static void sel_trapif(Ra *ra, const ZIns *ins, Ref v)
{
  Cond c = cond_of(ra, ins->a);
  uint32_t at = at_of(ra, v);
  if (c.parity == 1) { // two conditions at once: make the value
    Reg r = use(ra, ins->a, RA_GPR, REG_NONE);
    trap_cc(ra, CC_NE, (TrapKind)ins->c, at);
    emit_rr(ra, X_test_rr, 4, r, r);
    note(ra, REF_NONE, ins->a, ins->a, REF_NONE, REF_NONE);
    return;
  }
  if (c.parity == 2)
    trap_cc(ra, CC_P, (TrapKind)ins->c, at);
  trap_cc(ra, c.cc, (TrapKind)ins->c, at);
  emit_cond(ra, &c);
}
// The element's type id against the wanted one; null elements have id 0.
static void sel_check_sig(Ra *ra, const ZIns *ins, Ref v)
{
  uint32_t at = at_of(ra, v);
  Opnd m = ptr_addr(ra, ins->a, offsetof(TableElem, type_id));
  Reg r = use(ra, ins->b, RA_GPR, REG_NONE);
  uint32_t done = split_block(ra), bad = begin_stub(ra, true);
  (void)done;
  trap_now(ra, TRAP_indirect_type, at);
  trap_cc(ra, CC_E, TRAP_uninitialized, at);
  emit_mi(ra, X_cmp_mi, 4, &m, 0);
  end_chunk(ra);
  resume_block(ra);
  jump_cc(ra, CC_NE, bad);
  emit_mem(ra, X_cmp_mr, 4, &m, r, ins->b);
}
