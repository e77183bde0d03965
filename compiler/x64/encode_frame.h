// Frame, prologue, epilogues and tail calls, with call frame information exact at every instruction.  Part of encode.c.
#pragma once
#include "encode_int.h"

static void cfa_offset(Enc *e, uint32_t off)
{
  zw_cfi_at(&e->cfi, here(e));
  zw_cfi_cfa_offset(&e->cfi, off);
}

// A conditional jump to something in the cold end; at most `bound` bytes away from `ub`.
static uint32_t put_jcc_forward(Enc *e, unsigned cc, bool rel8)
{
  if (rel8)
    *e->p++ = (uint8_t)(0x70 | cc), *e->p++ = 0;
  else
    *e->p++ = 0x0f, *e->p++ = (uint8_t)(0x80 | cc), zw_put32(e->p, 0), e->p += 4;
  return here(e) - (rel8 ? 1 : 4);
}

// Stubs wait as bytes, for there may be one every three bytes of wasm: kind and flags, from the jump before to this one, the way in the wasm.
enum { STUB_REL8 = 0x40, STUB_SHARED = 0x80 };
STATIC_ASSERT((unsigned)TRAP_COUNT <= STUB_REL8, "a trap's kind has six bits");
static void push_stub(Enc *e, TrapStub t)
{
  zw_reserve(e->s, &e->stubs, e->stubs.n + 16);
  uint8_t *q = e->stubs.p + e->stubs.n;
  *q++ = (uint8_t)(t.kind | (t.rel8 ? STUB_REL8 : 0) | (t.shared ? STUB_SHARED : 0));
  q = put_u32(q, t.jump_at - e->last_stub.jump_at);
  if (!t.shared)
    q = put_s32(q, (int32_t)(t.wasm_at - e->last_stub.wasm_at));
  e->stubs.n = (uint32_t)(q - e->stubs.p);
  e->last_stub = t;
}
// The next one, behind *t.
static const uint8_t *next_stub(const Enc *e, const uint8_t *p, TrapStub *t)
{
  const uint8_t *end = e->stubs.p + e->stubs.n;
  uint64_t jump = 0;
  int64_t at = 0;
  uint8_t flags = *p++;
  zw_leb_read_u(&p, end, 32, &jump);
  if (!(flags & STUB_SHARED))
    zw_leb_read_s(&p, end, 32, &at);
  *t = (TrapStub){ t->wasm_at + (uint32_t)at, t->jump_at + (uint32_t)jump, flags % STUB_REL8, flags & STUB_REL8, flags & STUB_SHARED };
  return p;
}

static void put_jump_to_trap(Enc *e, unsigned cc, uint32_t kind, uint32_t wasm_at, bool no_frame)
{
  ASSERT(e->out == 0);
  // the stubs come after all chunks, in the order of their jumps; the one without a frame last
  uint64_t far = (uint64_t)e->end_ub + CALL_BYTES * (uint64_t)(no_frame ? e->ntraps : e->nstubs) - e->ub;
  bool shared = !no_frame && e->stubs.n && e->last_stub.kind == kind && e->last_stub.wasm_at == wasm_at;
  TrapStub t = { .wasm_at = wasm_at, .kind = (uint8_t)kind, .rel8 = far <= 127, .shared = shared };
  t.jump_at = put_jcc_forward(e, cc, t.rel8);
  e->nstubs++;
  if (no_frame)
    e->no_frame_stub = t;
  else
    push_stub(e, t);
}

static void stack_check(Enc *e)
{
  const LirFunc *l = e->l;
  bool big = e->frame > CHECKED_FRAME;
  if (l->no_stack_check || (!l->needs_stack_check && !big))
    return;
  if (big)
    ins(e, (Lir){ .op = X_lea, .sz = 8, .rd = RAX, .rn = RSP, .disp = -(int32_t)e->frame });
  ins(e, (Lir){ .op = X_cmp_rm, .sz = 8, .rd = big ? RAX : RSP, .rn = X64_VMCTX, .disp = offsetof(VmCtx, stack_limit) });
  e->ub = STACK_CHECK_BYTES;
  put_jump_to_trap(e, CC_BE, TRAP_stack_overflow, l->z->func == UINT32_MAX ? 0 : (uint32_t)l->z->m->funcs[l->z->func].at, true);
}

// Take the frame page by page, touching each.
static void probe_frame(Enc *e, uint32_t pushed)
{
  uint32_t pages = e->frame / PROBE_PAGE;
  Lir touch = { .op = X_test_mr, .sz = 4, .rd = RSP, .rn = RSP };
  if (pages <= PROBE_UNROLL) {
    for (uint32_t k = 1; k <= pages; k++) {
      add_rsp(e, -PROBE_PAGE);
      cfa_offset(e, pushed + k * PROBE_PAGE);
      ins(e, touch);
    }
    add_rsp(e, (int64_t)pages * PROBE_PAGE - e->frame);
  } else {
    ins(e, (Lir){ .op = X_lea, .sz = 8, .rd = RAX, .rn = RSP, .disp = -(int32_t)e->frame });
    zw_cfi_at(&e->cfi, here(e));
    zw_cfi_cfa(&e->cfi, zw_x64_dwarf[RAX], pushed + e->frame);
    uint32_t loop = here(e);
    add_rsp(e, -PROBE_PAGE);
    ins(e, touch);
    ins(e, (Lir){ .op = X_cmp_rr, .sz = 8, .rd = RSP, .rn = RAX });
    *e->p++ = 0x70 | CC_A;
    *e->p++ = (uint8_t)(loop - (here(e) + 1));
    ins(e, (Lir){ .op = X_mov_rr, .sz = 8, .rd = RSP, .rn = RAX });
    zw_cfi_at(&e->cfi, here(e));
    zw_cfi_cfa(&e->cfi, X64_DWARF_SP, pushed + e->frame);
    return;
  }
  cfa_offset(e, pushed + e->frame);
}

static void prologue(Enc *e)
{
  if (e->l->arg_bytes)
    zw_cfi_value(&e->cfi, X64_DWARF_SP, (int32_t)e->l->arg_bytes);
  stack_check(e);
  uint32_t cfa = 8;
  for (unsigned k = 0; k < e->npushes; k++) {
    ins(e, (Lir){ .op = X_push_r, .rd = e->pushes[k] });
    cfa_offset(e, cfa += 8);
    zw_cfi_saved(&e->cfi, zw_x64_dwarf[e->pushes[k]], cfa);
  }
  if (e->frame > PROBE_PAGE)
    probe_frame(e, cfa);
  else if (e->frame) {
    add_rsp(e, -(int64_t)e->frame);
    cfa_offset(e, cfa + e->frame);
  }
}

// The frame goes; the return address is at [rsp] then.  The caller of this restores the call frame state after its jump.
static void take_down(Enc *e)
{
  uint32_t cfa = 8 + 8 * e->npushes;
  if (e->frame) {
    add_rsp(e, e->frame);
    cfa_offset(e, cfa);
  }
  for (unsigned k = e->npushes; k-- > 0;) {
    ins(e, (Lir){ .op = X_pop_r, .rd = e->pushes[k] });
    cfa_offset(e, cfa -= 8);
    zw_cfi_restored(&e->cfi, zw_x64_dwarf[e->pushes[k]]);
  }
}

static void put_jmp_back(Enc *e, uint32_t off)
{
  int64_t rel = (int64_t)off - (here(e) + 2);
  if (fits8(rel))
    *e->p++ = 0xeb, *e->p++ = (uint8_t)rel;
  else
    *e->p++ = 0xe9, zw_put32(e->p, (uint32_t)(rel - 3)), e->p += 4;
}

static void put_ret(Enc *e)
{
  if (!trivial_epilogue(e) && e->epilogues == EPILOGUE_COPIES) {
    put_jmp_back(e, e->epilogue_off);
    return;
  }
  e->epilogues++, e->epilogue_off = here(e);
  zw_cfi_at(&e->cfi, here(e));
  zw_cfi_remember(&e->cfi);
  take_down(e);
  if (e->l->arg_bytes) {
    CHECK(e->l->arg_bytes <= UINT16_MAX);
    *e->p++ = 0xc2, zw_put16(e->p, (uint16_t)e->l->arg_bytes), e->p += 2;
  } else
    *e->p++ = 0xc3;
  zw_cfi_at(&e->cfi, here(e));
  zw_cfi_restore(&e->cfi);
}

// Tail call with stack arguments of its own: they wait in a tail_area, with 16 bytes free below them for the return
// address, which the arguments may have to overwrite.  Only xmm15 is free.
static void move_tail_area(Enc *e, uint32_t n)
{
  uint32_t ra = entry_off(e), end = ra + 8 + e->l->arg_bytes, dst = end - n;
  for (unsigned k = 0; k < e->npushes; k++) {
    ins_rsp(e, X_mov_rm, 8, e->pushes[k], ra - 8 * (k + 1));
    zw_cfi_at(&e->cfi, here(e));
    zw_cfi_restored(&e->cfi, zw_x64_dwarf[e->pushes[k]]);
  }
  ins_rsp(e, X_movsd_rm, 8, XMM15, ra);
  ins_rsp(e, X_movsd_mr, 8, XMM15, 0);
  zw_cfi_at(&e->cfi, here(e));
  zw_cfi_saved(&e->cfi, X64_DWARF_RA, ra + 8);
  for (uint32_t k = n; k > 0; k -= 16) { // upwards, so from the top
    ins_rsp(e, X_movups_rm, 16, XMM15, 16 + k - 16);
    ins_rsp(e, X_movups_mr, 16, XMM15, dst + k - 16);
  }
  ins_rsp(e, X_movsd_rm, 8, XMM15, 0);
  ins_rsp(e, X_movsd_mr, 8, XMM15, dst - 8);
  ins(e, (Lir){ .op = X_lea, .sz = 8, .rd = RSP, .rn = RSP, .disp = (int32_t)(dst - 8) });
  zw_cfi_at(&e->cfi, here(e));
  zw_cfi_cfa_offset(&e->cfi, 8);
  zw_cfi_saved(&e->cfi, X64_DWARF_RA, 8);
  zw_cfi_value(&e->cfi, X64_DWARF_SP, (int32_t)n);
}

static void put_tail_call(Enc *e, const Lir *i)
{
  uint32_t n = e->out - e->out_base, args = e->l->arg_bytes;
  zw_cfi_at(&e->cfi, here(e));
  zw_cfi_remember(&e->cfi);
  if (n)
    move_tail_area(e, n);
  else {
    take_down(e);
    if (args) { // the return address moves up over the arguments
      ASSERT(args >= 16);
      static const uint8_t pop_rsp_disp32[3] = { 0x8f, 0x84, 0x24 }; // pop qword [rsp + disp32]; rsp counts after the pop
      memcpy(e->p, pop_rsp_disp32, 3);
      zw_put32(e->p + 3, args - 8), e->p += 7;
      zw_cfi_at(&e->cfi, here(e)); // CFA is now entry + 8 + args, its return address at CFA - 8
      zw_cfi_cfa_offset(&e->cfi, args);
      zw_cfi_value(&e->cfi, X64_DWARF_SP, 0);
      add_rsp(e, args - 8);
      cfa_offset(e, 8);
    }
  }
  if (i->op == X_tcall_r) {
    ASSERT(i->rd == RAX);
    *e->p++ = 0xff, *e->p++ = 0xe0;
  } else if (i->op == X_tcall_thunk) { // an element of this instance needs no thunk, and so no stack
    static const uint8_t cmp_vmctx_jne[6] = { 0x4c, 0x39, 0x78, offsetof(TableElem, vmctx), 0x0f, 0x85 }; // cmp [rax+8], r15
    memcpy(e->p, cmp_vmctx_jne, 6);
    e->p += 6;
    put_fixup(e, i->x);
    *e->p++ = 0xff, *e->p++ = 0x20; // jmp [rax]
  } else {
    *e->p++ = 0xe9;
    put_fixup(e, i->x);
  }
  zw_cfi_at(&e->cfi, here(e));
  zw_cfi_restore(&e->cfi);
}
