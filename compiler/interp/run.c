// The loop: one handler per instruction, each ending in a jump through the opcode's label.
//
// What lives in registers: pc, the next byte; sp, the first free slot; fp, the first local; side, the next side entry.
// The rest is behind fr.  Handlers of NUM, TNUM and MEM rows come out of ops.def by their sig; the prefixed pages that
// are not worth a place here are functions in the other files.
//
// Nothing recurses on the C stack but a host function that enters wasm again.
#include "compiler/interp/run.h"

// A scalar's slot: its low half.  With vectors in the module both halves move, each on its own: a 16-byte load right
// after an 8-byte store would wait for the store to leave the core's buffer.
#define COPY_SCALAR(d, s) ((d)->u64x2[0] = (s)->u64x2[0])
#define COPY(d, s) ((d)->u64x2[0] = (s)->u64x2[0], (d)->u64x2[1] = (s)->u64x2[1])

#define NEXT goto *labels[*pc++]
#define TRAP(kind) do { I->trap = (kind); goto trapped; } while (0)
#define UNLIKELY(c) __builtin_expect(!!(c), 0)

// The loop's pc has to stay in a register, so its address never leaves for a real call: slow ways take a copy.
static inline uint32_t read_u32(const uint8_t **p)
{
  const uint8_t *q = *p;
  if (__builtin_expect(*q < 0x80, 1)) {
    *p = q + 1;
    return *q;
  }
  uint32_t v = zw_fast_u32(&q);
  *p = q;
  return v;
}
static inline const uint8_t *skip_leb(const uint8_t *p)
{
  while (*p++ & 0x80)
    ;
  return p;
}
// A value type or block type: (ref ht) and (ref null ht) are two numbers, everything else is one.
static inline const uint8_t *skip_type(const uint8_t *p) { return skip_leb(*p == 0x63 || *p == 0x64 ? p + 1 : p); }

// The address of an access, the fast way: memory 0, one-byte offset.  NULL = out of bounds.
static inline uint8_t *address(Interp *I, Frame *fr, const VmMemoryDef *mem0, const uint8_t **p, uint64_t index, uint32_t width)
{
  const uint8_t *q = *p;
  if (__builtin_expect(q[0] < 0x40 && q[1] < 0x80, 1)) {
    uint64_t at = index + q[1], bytes = __atomic_load_n(&mem0->bytes, __ATOMIC_RELAXED);
    if (__builtin_expect(at >= index && bytes >= width && at <= bytes - width, 1)) {
      *p = q + 2;
      return mem0->base + at;
    }
  }
  uint8_t *r = zw_interp_address(I, fr, &q, index, width);
  *p = q;
  return r;
}

// Call what is no interpreted function.  Arguments end at sp; results come to lie where they began.
static TrapKind call_out(Interp *I, Frame *fr, const FuncRef *r, const uint8_t *pc, Value *sp)
{
  const TypeInfo *t = zw_type_info(r->type_id);
  Value *args = sp - t->n;
  uint32_t n = t->n > t->m ? t->n : t->m;
  if (n > (size_t)(I->stack_end - args))
    return TRAP_stack_overflow;
  for (uint32_t i = 0; i < t->n; i++)
    if (t->types[i] != VT_V128)
      args[i].u64x2[1] = 0;
  fr->args = args;
  safepoint(I, fr, pc, args + n);
  if (!r->vmctx->is_host) {
    zw_call_plain((FuncRef *)(uintptr_t)r, args); // a trap goes to whoever entered us, with a backtrace of both
  } else {
    HostFunc *h = (HostFunc *)(void *)r->vmctx;
    h->fn(h->env, fr->in->vmctx, args);
    if (UNLIKELY(zw_activation()->pending)) {
      I->trap_text = zw_store_trap(I->store)->text;
      return zw_store_trap(I->store)->kind;
    }
  }
  fr->args = NULL;
  for (uint32_t i = 0; i < t->m; i++)
    zw_interp_normalise(&args[i], t->types[t->n + i]);
  return TRAP_none;
}

// ---- handlers by sig: operands from the top of the stack, the result in place ----
#define SET_i(slot, x) (slot).u64 = (x)
#define SET_l(slot, x) (slot).u64 = (x)
#define SET_f(slot, x) (slot).u64 = num_bits32(x)
#define SET_d(slot, x) (slot).f64 = (x)
#define UNARY(set, arg, id) { SET_##set(sp[-1], num_##id(sp[-1].arg)); NEXT; }
#define BINARY(set, arg, id) { sp--; SET_##set(sp[-1], num_##id(sp[-1].arg, sp[0].arg)); NEXT; }
#define TUNARY(set, arg, id) { TrapKind k = TRAP_none; SET_##set(sp[-1], num_##id(sp[-1].arg, &k)); if (UNLIKELY(k)) TRAP(k); NEXT; }
#define TBINARY(set, arg, id) { TrapKind k = TRAP_none; sp--; SET_##set(sp[-1], num_##id(sp[-1].arg, sp[0].arg, &k)); if (UNLIKELY(k)) TRAP(k); NEXT; }
#define RUN_i_i(id) UNARY(i, u32, id)
#define RUN_l_i(id) UNARY(i, u64, id)
#define RUN_f_i(id) UNARY(i, f32, id)
#define RUN_d_i(id) UNARY(i, f64, id)
#define RUN_i_l(id) UNARY(l, u32, id)
#define RUN_l_l(id) UNARY(l, u64, id)
#define RUN_f_l(id) UNARY(l, f32, id)
#define RUN_d_l(id) UNARY(l, f64, id)
#define RUN_i_f(id) UNARY(f, u32, id)
#define RUN_l_f(id) UNARY(f, u64, id)
#define RUN_f_f(id) UNARY(f, f32, id)
#define RUN_d_f(id) UNARY(f, f64, id)
#define RUN_i_d(id) UNARY(d, u32, id)
#define RUN_l_d(id) UNARY(d, u64, id)
#define RUN_f_d(id) UNARY(d, f32, id)
#define RUN_d_d(id) UNARY(d, f64, id)
#define RUN_ii_i(id) BINARY(i, u32, id)
#define RUN_ll_i(id) BINARY(i, u64, id)
#define RUN_ff_i(id) BINARY(i, f32, id)
#define RUN_dd_i(id) BINARY(i, f64, id)
#define RUN_ll_l(id) BINARY(l, u64, id)
#define RUN_ff_f(id) BINARY(f, f32, id)
#define RUN_dd_d(id) BINARY(d, f64, id)
#define RUN_llll_ll(id) { sp -= 2; sp[-2].u64 = num_##id(sp[-2].u64, sp[-1].u64, sp[0].u64, sp[1].u64, &sp[-1].u64); NEXT; }
#define RUN_ll_ll(id) { sp[-2].u64 = num_##id(sp[-2].u64, sp[-1].u64, &sp[-1].u64); NEXT; }
#define TRUN_f_i(id) TUNARY(i, f32, id)
#define TRUN_d_i(id) TUNARY(i, f64, id)
#define TRUN_f_l(id) TUNARY(l, f32, id)
#define TRUN_d_l(id) TUNARY(l, f64, id)
#define TRUN_ii_i(id) TBINARY(i, u32, id)
#define TRUN_ll_l(id) TBINARY(l, u64, id)

// A load of T, widened as W; a store of T.
#define LOAD(id, T, W) \
  L_##id: V_##id: { \
    T v; \
    const uint8_t *p = address(I, fr, mem0, &pc, sp[-1].u64, sizeof v); \
    if (UNLIKELY(!p)) goto trapped; \
    memcpy(&v, p, sizeof v); \
    sp[-1].u64 = (W)v; \
    NEXT; \
  }
#define STORE(id, T) \
  L_##id: V_##id: { \
    T v = (T)sp[-1].u64; \
    uint8_t *p = address(I, fr, mem0, &pc, sp[-2].u64, sizeof v); \
    if (UNLIKELY(!p)) goto trapped; \
    memcpy(p, &v, sizeof v); \
    sp -= 2; \
    NEXT; \
  }

// Take the branch of entry e; at = where the instruction is.
#define BRANCH(at, entry) do { \
    const SideEntry *e_ = (entry); \
    uint32_t n_ = e_->nvals; \
    Value *d_ = fr->ops + e_->drop_to, *s_ = sp - n_; \
    pc = (at) + e_->dpc; \
    side = e_ + e_->dside; \
    sp = d_ + n_; \
    if (n_ && s_ != d_) \
      for (; n_; n_--, d_++, s_++) COPY(d_, s_); \
    if (UNLIKELY(in->vmctx->interrupt)) TRAP(TRAP_interrupted); \
  } while (0)
#define STEP(call) do { Step s_ = call; if (UNLIKELY(!s_.pc)) goto trapped; pc = s_.pc; sp = s_.sp; NEXT; } while (0)
#define BOTH(id) L_##id: V_##id: __attribute__((unused));

// A row's place by its page: in the one-byte table, in the 0xfc table, or nowhere in this file.
#define KEEP(...) __VA_ARGS__
#define DROP(...)
#define IN_LOOP_OP(n) KEEP
#define IN_LOOP_FC(n) KEEP
#define IN_LOOP_FB(n) DROP
#define IN_LOOP_FD(n) DROP
#define IN_LOOP_FE(n) DROP

TrapKind zw_interp_run(Interp *I, Frame *fr)
{
  // One-byte opcodes: L_ labels move scalars only, V_ labels whole slots; most handlers have both names.
  static const void *const scalar_labels[256] = {
#define AT_OP(n) [n] = AT_LABEL
#define AT_FB(n) DROP
#define AT_FC(n) DROP
#define AT_FD(n) DROP
#define AT_FE(n) DROP
#define AT_LABEL(id) &&L_##id,
#define NUM(id, text, code, sig, feature, flags) AT_##code(id)
#define TNUM(id, text, code, sig, feature, flags) AT_##code(id)
#define MEM(id, text, code, sig, feature, width, flags) AT_##code(id)
#define WASM(id, text, code, imm, feature) AT_##code(id)
#include "compiler/wasm/ops.def"
#undef AT_LABEL
    [0xfb] = &&L_page_fb, [0xfc] = &&L_page_fc, [0xfd] = &&L_page_fd, [0xfe] = &&L_page_fe,
  };
  static const void *const vector_labels[256] = {
#define AT_LABEL(id) &&V_##id,
#define NUM(id, text, code, sig, feature, flags) AT_##code(id)
#define TNUM(id, text, code, sig, feature, flags) AT_##code(id)
#define MEM(id, text, code, sig, feature, width, flags) AT_##code(id)
#define WASM(id, text, code, imm, feature) AT_##code(id)
#include "compiler/wasm/ops.def"
#undef AT_LABEL
#undef AT_OP
#undef AT_FC
    [0xfb] = &&L_page_fb, [0xfc] = &&L_page_fc, [0xfd] = &&L_page_fd, [0xfe] = &&L_page_fe,
  };
  // Page 0xfc: numbers are here, everything about memories and tables is in bulk.c.
  static const void *const fc_labels[32] = {
#define AT_OP(n) DROP
#define AT_FC(n) [n] = AT_LABEL
#define AT_LABEL(id) &&L_##id,
#define BULK_OP(n) DROP
#define BULK_FB(n) DROP
#define BULK_FC(n) [n] = BULK_LABEL
#define BULK_FD(n) DROP
#define BULK_FE(n) DROP
#define BULK_LABEL(id) &&L_bulk,
#define NUM(id, text, code, sig, feature, flags) AT_##code(id)
#define WASM(id, text, code, imm, feature) BULK_##code(id)
#include "compiler/wasm/ops.def"
  };

  Frame *const base = fr;
  const void *const *labels = NULL;
  const VmMemoryDef *mem0 = NULL;
  Instance *in = NULL;
  const uint8_t *pc;
  const SideEntry *side;
  Value *sp, *fp;
  uint32_t number = 0;  // of a prefixed instruction
  const uint8_t *operand;
  const FuncRef *target;
  GcRef exn;

  sp = fr->ops;
  goto enter_frame;

reload: // fr is another frame than before; sp is set
  if (in != fr->in)
enter_frame: {
    in = fr->in;
    mem0 = in->image->counts.memories ? memory_def(in, 0) : NULL;
    labels = code_of(in)->vectors ? vector_labels : scalar_labels;
  }
  pc = fr->pc, side = fr->side, fp = fr->fp;
  NEXT;

trapped:
  safepoint(I, fr, pc, sp);
  return I->trap;

  // ---- numbers: generated ----
#define NUM(id, text, code, sig, feature, flags) IN_LOOP_##code(BOTH(id) RUN_##sig(id))
#define TNUM(id, text, code, sig, feature, flags) IN_LOOP_##code(BOTH(id) TRUN_##sig(id))
#include "compiler/wasm/ops.def"

  // ---- memory ----
  LOAD(i32_load, uint32_t, uint32_t)
  LOAD(i64_load, uint64_t, uint64_t)
  LOAD(f32_load, uint32_t, uint32_t)
  LOAD(f64_load, uint64_t, uint64_t)
  LOAD(i32_load8_s, int8_t, uint32_t)
  LOAD(i32_load8_u, uint8_t, uint32_t)
  LOAD(i32_load16_s, int16_t, uint32_t)
  LOAD(i32_load16_u, uint16_t, uint32_t)
  LOAD(i64_load8_s, int8_t, uint64_t)
  LOAD(i64_load8_u, uint8_t, uint64_t)
  LOAD(i64_load16_s, int16_t, uint64_t)
  LOAD(i64_load16_u, uint16_t, uint64_t)
  LOAD(i64_load32_s, int32_t, uint64_t)
  LOAD(i64_load32_u, uint32_t, uint64_t)
  STORE(i32_store, uint32_t)
  STORE(i64_store, uint64_t)
  STORE(f32_store, uint32_t)
  STORE(f64_store, uint64_t)
  STORE(i32_store8, uint8_t)
  STORE(i32_store16, uint16_t)
  STORE(i64_store8, uint8_t)
  STORE(i64_store16, uint16_t)
  STORE(i64_store32, uint32_t)
BOTH(memory_size) STEP(zw_interp_table(I, fr, OP_memory_size, pc, sp));
BOTH(memory_grow) STEP(zw_interp_table(I, fr, OP_memory_grow, pc, sp));

  // ---- constants, locals, globals ----
BOTH(i32_const) {
    uint8_t b = *pc;
    if (__builtin_expect(b < 0x80, 1)) {
      pc++;
      sp++->u64 = (uint32_t)((int32_t)((uint32_t)b << 25) >> 25);
      NEXT;
    }
    const uint8_t *p = pc;
    sp++->u64 = (uint32_t)zw_fast_s32(&p);
    pc = p;
    NEXT;
  }
BOTH(i64_const) {
    const uint8_t *p = pc;
    sp++->u64 = (uint64_t)zw_fast_s64(&p);
    pc = p;
    NEXT;
  }
BOTH(f32_const) sp++->u64 = zw_get32(pc); pc += 4; NEXT;
BOTH(f64_const) sp++->u64 = zw_get64(pc); pc += 8; NEXT;
L_local_get: { const Value *v = &fp[read_u32(&pc)]; COPY_SCALAR(sp, v); sp++; NEXT; }
V_local_get: { const Value *v = &fp[read_u32(&pc)]; COPY(sp, v); sp++; NEXT; }
L_local_set: { Value *v = &fp[read_u32(&pc)]; sp--; COPY_SCALAR(v, sp); NEXT; }
V_local_set: { Value *v = &fp[read_u32(&pc)]; sp--; COPY(v, sp); NEXT; }
L_local_tee: { Value *v = &fp[read_u32(&pc)]; COPY_SCALAR(v, sp - 1); NEXT; }
V_local_tee: { Value *v = &fp[read_u32(&pc)]; COPY(v, sp - 1); NEXT; }
BOTH(global_get) {
    uint32_t i = read_u32(&pc);
    const Value *v = zw_interp_global(in, i);
    COPY(sp, v);
    sp++;
    NEXT;
  }
BOTH(global_set) {
    uint32_t i = read_u32(&pc);
    Value *v = zw_interp_global(in, i);
    sp--;
    v->u64x2[0] = sp->u64x2[0];
    if (code_of(in)->m->globals[i].type.type == VT_V128)
      v->u64x2[1] = sp->u64x2[1];
    NEXT;
  }

  // ---- parametric ----
BOTH(nop) NEXT;
BOTH(drop) sp--; NEXT;
L_select: sp -= 2; if (!sp[1].u32) COPY_SCALAR(sp - 1, sp); NEXT;
V_select: sp -= 2; if (!sp[1].u32) COPY(sp - 1, sp); NEXT;
BOTH(select_t)
  for (uint32_t n = read_u32(&pc); n; n--)
    pc = skip_type(pc);
  goto V_select;

  // ---- control ----
BOTH(unreachable) TRAP(TRAP_unreachable);
BOTH(block) BOTH(loop) BOTH(try) pc = skip_type(pc); NEXT;
BOTH(try_table)
  pc = skip_type(pc);
  for (uint32_t n = read_u32(&pc); n; n--) {
    bool tag = *pc++ < CATCH_ALL;
    pc = skip_leb(tag ? skip_leb(pc) : pc);
  }
  NEXT;
BOTH(if)
  if ((--sp)->u32) {
    pc = skip_type(pc);
    side++;
    NEXT;
  }
  goto forward;
BOTH(else) BOTH(catch) BOTH(catch_all)
forward: // operands stay where they are
  pc += side->dpc - 1;
  side += side->dside;
  NEXT;
BOTH(delegate) pc = skip_leb(pc); NEXT;
BOTH(end)
  if (UNLIKELY(pc - 1 == fr->end))
    goto do_return;
  NEXT;
BOTH(br) BRANCH(pc - 1, side); NEXT;
BOTH(br_if)
  if ((--sp)->u32) {
    BRANCH(pc - 1, side);
    NEXT;
  }
  pc = skip_leb(pc);
  side++;
  NEXT;
BOTH(br_table) {
    const uint8_t *at = pc - 1;
    uint32_t n = read_u32(&pc), i = (--sp)->u32;
    BRANCH(at, side + (i < n ? i : n));
    NEXT;
  }
BOTH(br_on_null)
  if (!sp[-1].u64) {
    sp--;
    BRANCH(pc - 1, side);
    NEXT;
  }
  pc = skip_leb(pc);
  side++;
  NEXT;
BOTH(br_on_non_null)
  if (sp[-1].u64) {
    BRANCH(pc - 1, side);
    NEXT;
  }
  sp--;
  pc = skip_leb(pc);
  side++;
  NEXT;

BOTH(return)
do_return: {
    uint32_t n = fr->f->nresults;
    const Value *from = sp - n;
    sp = fp;
    for (; n; n--, sp++, from++)
      COPY(sp, from);
    if (fr == base) {
      I->sp = sp;
      return TRAP_none;
    }
    fr--;
    goto reload;
  }

  // ---- calls ----
BOTH(call) {
    uint32_t i = read_u32(&pc), nimported = in->image->h->nimported_funcs;
    if (UNLIKELY(i < nimported)) {
      target = zw_interp_import(in, i);
      goto call_target;
    }
    IFunc *g = &code_of(in)->funcs[i - nimported];
    fr->pc = pc, fr->side = side;
    if (UNLIKELY(!push_frame(I, fr + 1, g, in, sp - g->nparams)))
      TRAP(TRAP_stack_overflow);
    fr++;
    fp = fr->fp, sp = fr->ops, pc = g->code, side = g->side;
    NEXT;
  }
BOTH(call_indirect)
  operand = pc;
  target = zw_interp_table_func(I, in, &operand, (--sp)->u64);
  pc = operand;
  if (UNLIKELY(!target))
    goto trapped;
  goto call_target;
BOTH(call_ref)
  pc = skip_leb(pc);
  target = (--sp)->ptr;
  if (UNLIKELY(!target))
    TRAP(TRAP_null_func);
call_target: {
    IFunc *g = zw_interp_func(target);
    if (UNLIKELY(!g)) {
      Value *args = sp - zw_type_info(target->type_id)->n;
      TrapKind k = call_out(I, fr, target, pc, sp);
      if (UNLIKELY(k))
        TRAP(k);
      sp = args + zw_type_info(target->type_id)->m;
      NEXT;
    }
    fr->pc = pc, fr->side = side;
    if (UNLIKELY(!push_frame(I, fr + 1, g, target->vmctx->instance, sp - g->nparams)))
      TRAP(TRAP_stack_overflow);
    fr++;
    sp = fr->ops;
    goto reload;
  }

  // A tail call: the arguments move down over the frame, which is laid out anew.
BOTH(return_call)
  number = read_u32(&pc);
  target = NULL;
  if (number < in->image->h->nimported_funcs)
    target = zw_interp_import(in, number);
  goto tail_call;
BOTH(return_call_indirect)
  operand = pc;
  target = zw_interp_table_func(I, in, &operand, (--sp)->u64);
  pc = operand;
  if (UNLIKELY(!target))
    goto trapped;
  goto tail_call;
BOTH(return_call_ref)
  pc = skip_leb(pc);
  target = (--sp)->ptr;
  if (UNLIKELY(!target))
    TRAP(TRAP_null_func);
tail_call: {
    IFunc *g = target ? zw_interp_func(target) : &code_of(in)->funcs[number - in->image->h->nimported_funcs];
    if (UNLIKELY(!g)) {
      Value *args = sp - zw_type_info(target->type_id)->n;
      TrapKind k = call_out(I, fr, target, pc, sp);
      if (UNLIKELY(k))
        TRAP(k);
      sp = args + zw_type_info(target->type_id)->m;
      goto do_return;
    }
    if (UNLIKELY(g->nslots > (size_t)(I->stack_end - fp)))
      TRAP(TRAP_stack_overflow);
    const Value *from = sp - g->nparams;
    for (uint32_t i = 0; i < g->nparams; i++)
      COPY(&fp[i], &from[i]);
    if (UNLIKELY(in->vmctx->interrupt))
      TRAP(TRAP_interrupted);
    (void)push_frame(I, fr, g, target ? target->vmctx->instance : in, fp);
    sp = fr->ops;
    goto reload;
  }

  // ---- exceptions ----
BOTH(throw) {
    const TagCell *tag = in->tags[read_u32(&pc)];
    safepoint(I, fr, pc, sp);
    exn = zw_interp_heap(I) ? zw_gc_exn_new(I->heap, tag, tag->type_id) : 0;
    if (UNLIKELY(!exn))
      TRAP(TRAP_alloc_failure);
    uint32_t n = zw_type_info(tag->type_id)->n;
    memcpy(zw_gc_exn_values(I->heap, exn), sp - n, n * sizeof *sp);
    goto throw_exn;
  }
BOTH(rethrow)
  exn = (GcRef)fp[fr->f->facts->nlocals + side->nvals].u32;
  pc = skip_leb(pc);
  goto throw_exn;
BOTH(throw_ref)
  exn = (--sp)->u32;
  if (UNLIKELY(!exn || !zw_interp_heap(I)))
    TRAP(TRAP_null_exn);
throw_exn: {
    fr->pc = pc;
    Frame *to;
    const ClauseFact *c = zw_interp_catch(I, fr, base, exn, &to);
    if (UNLIKELY(!c))
      TRAP(TRAP_uncaught_exception);
    fr = to;
    sp = fr->ops + c->drop_to;
    if (c->with_tag) {
      uint32_t n = c->nvals - c->with_ref;
      memcpy(sp, zw_gc_exn_values(I->heap, exn), n * sizeof *sp);
      sp += n;
    }
    if (c->with_ref)
      sp++->u64 = exn;
    fr->pc = fr->f->body + c->pc;
    fr->side = fr->f->side + c->side;
    goto reload;
  }

  // ---- references ----
BOTH(ref_null) pc = skip_leb(pc); sp++->u64 = 0; NEXT;
BOTH(ref_is_null) sp[-1].u64 = sp[-1].u64 == 0; NEXT;
BOTH(ref_func) sp++->u64 = (uintptr_t)zw_instance_func(in, read_u32(&pc)); NEXT;
BOTH(ref_eq) sp--; sp[-1].u64 = sp[-1].u64 == sp[0].u64; NEXT;
BOTH(ref_as_non_null)
  if (UNLIKELY(!sp[-1].u64))
    TRAP(TRAP_null_ref);
  NEXT;
BOTH(table_get) STEP(zw_interp_table(I, fr, OP_table_get, pc, sp));
BOTH(table_set) STEP(zw_interp_table(I, fr, OP_table_set, pc, sp));

  // ---- prefixed pages ----
L_page_fc:
  number = read_u32(&pc);
  goto *fc_labels[number];
L_bulk:
  STEP(zw_interp_bulk(I, fr, number, pc, sp));
L_page_fd:
  number = read_u32(&pc);
  STEP(zw_interp_simd(I, fr, number, pc, sp));
L_page_fe:
  number = read_u32(&pc);
  STEP(zw_interp_atomic(I, fr, number, pc, sp));
L_page_fb: {
    const uint8_t *at = pc - 1;
    number = read_u32(&pc);
    if (number != 24 && number != 25)
      STEP(zw_interp_gc(I, fr, number, pc, sp));
    uint8_t flags = *pc++; // br_on_cast, br_on_cast_fail: bit 1 = the target type is nullable
    operand = skip_leb(skip_leb(pc));
    ValType type = zw_interp_heap_type(in, &operand, flags & 2);
    pc = operand;
    if (zw_interp_ref_is(I, sp[-1].u64, type) == (number == 24))
      BRANCH(at, side);
    else
      side++;
    NEXT;
  }
}
