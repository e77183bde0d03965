// P4 as a whole: frames, branches, traps, tables, constants, stack arguments, tail calls.  Everything is run, and run
// again one instruction at a time with an unwind from each.
#include "x64_run.h"

enum { ADD = X_add_rr, STEPS_MIN = 3 };

static uint64_t call1(Rig *r, uint32_t func, uint64_t x)
{
  Value v[16] = { { .u64 = x } };
  Outcome o = rig_call(r, func, v);
  assert_int_equal(o.trap, TRAP_none);
  uint64_t plain = v[0].u64;
  assert_int_equal(v[0].u64x2[1], 0);
  Value w[16] = { { .u64 = x } };
  unsigned steps;
  o = rig_step(r, func, w, &steps);
  assert_int_equal(o.trap, TRAP_none);
  assert_true(steps >= STEPS_MIN);
  assert_int_equal(w[0].u64, plain);
  return plain;
}

static void filler(Fn *f, unsigned bytes) // at least 2 bytes of code that only sets rcx
{
  while (bytes >= 7 || bytes == 5)
    in_imm(f, X_mov_ri, 4, RCX, 1), bytes -= 5;
  for (; bytes >= 3 && bytes != 4; bytes -= 3)
    in(f, X_mov_rr, 8, RCX, RCX);
  for (; bytes; bytes -= 2)
    in(f, X_mov_rr, 4, RCX, RCX);
}

static void sums_in_a_loop(void **state)
{
  (void)state;
  Rig *r = rig_new();
  Fn *f = rig_func(r, rig_type(r, "l", "l"));
  in(f, X_zero_r, 4, RAX, 0);
  chunk(f, 1, false), f->chunks.p[f->chunks.n - 1].align = true;
  LirLoop loop = { .chunk = 1, .last_block = 1 };
  f->l.loops = &loop, f->l.nloops = 1;
  in(f, X_add_rr, 8, RAX, RDI);
  in_imm(f, X_sub_ri, 8, RDI, 1);
  jump(f, CC_NE, 1);
  chunk(f, 2, false);
  in(f, X_ret, 0, 0, 0);
  rig_build(r);
  assert_int_equal(call1(r, 0, 100), 5050);
  assert_int_equal(r->codes[0]->align, 32); // a small loop
  assert_int_equal(r->codes[0]->frame_bytes, 0);
  rig_free(r);
}

// The distance of a forward branch decides its size; 127 is the last that fits one byte.
static void forward_branches_reach_both_sides_of_127(void **state)
{
  (void)state;
  for (unsigned n = 118; n < 140; n++)
    for (int jcc = 0; jcc < 2; jcc++) {
      Rig *r = rig_new();
      Fn *f = rig_func(r, rig_type(r, "i", "i"));
      in(f, X_mov_rr, 4, RAX, RDI);
      in_imm(f, X_cmp_ri, 4, RDI, 5);
      if (jcc)
        jump(f, CC_E, 2);
      else {
        jump(f, CC_NE, 1);
        jump(f, -1, 2);
        chunk(f, 1, false);
      }
      uint32_t at = f->lir.n;
      filler(f, n - 3);
      in_imm(f, X_add_ri, 4, RAX, 3); // 3 bytes
      chunk(f, 2, false);
      in(f, X_ret, 0, 0, 0);
      rig_build(r);
      const uint8_t *code = r->codes[0]->bytes;
      (void)at;
      assert_int_equal(code[5], n <= 127 ? 0x74 : 0x0f);
      assert_int_equal(call1(r, 0, 5), 5);
      assert_int_equal(call1(r, 0, 6), 9);
      rig_free(r);
    }
}

static void backward_branches_reach_both_sides_of_128(void **state)
{
  (void)state;
  for (unsigned n = 118; n < 140; n++) {
    Rig *r = rig_new();
    Fn *f = rig_func(r, rig_type(r, "i", "i"));
    in(f, X_zero_r, 4, RAX, 0);
    chunk(f, 1, false);
    in_imm(f, X_add_ri, 4, RAX, 2);
    filler(f, n);
    in_imm(f, X_sub_ri, 4, RDI, 1);
    jump(f, CC_NE, 1);
    chunk(f, 2, false);
    in(f, X_ret, 0, 0, 0);
    rig_build(r);
    assert_int_equal(r->codes[0]->bytes[2 + 3 + n + 3], n + 6 + 2 <= 128 ? 0x75 : 0x0f);
    assert_int_equal(call1(r, 0, 7), 14);
    rig_free(r);
  }
}

static void a_jump_to_the_next_chunk_is_nothing_and_conditions_turn_round(void **state)
{
  (void)state;
  Rig *r = rig_new();
  Fn *f = rig_func(r, rig_type(r, "i", "i"));
  in_imm(f, X_mov_ri, 4, RAX, 1);
  in(f, X_test_rr, 4, RDI, RDI);
  jump(f, CC_E, 1);
  jump(f, -1, 3);
  chunk(f, 1, false); // follows: jne 3
  in_imm(f, X_mov_ri, 4, RAX, 2);
  jump(f, -1, 2);
  chunk(f, 2, false);
  in(f, X_ret, 0, 0, 0);
  chunk(f, 3, true);
  jump(f, -1, 2); // looked through: the branch above goes to 2
  rig_build(r);
  assert_int_equal(r->codes[0]->bytes[7], 0x75);
  assert_int_equal(r->codes[0]->bytes[8], 5); // over the second mov
  assert_int_equal(call1(r, 0, 0), 2);
  assert_int_equal(call1(r, 0, 9), 1);
  rig_free(r);
}

// sub sets the flags that the test would, as far as E, NE, S, NS look; others must still get their test.
static void a_test_of_what_was_just_computed_goes(void **state)
{
  (void)state;
  for (unsigned cc = 0; cc < 16; cc++)
    for (unsigned same = 0; same < 2; same++) {
      Rig *r = rig_new();
      Fn *f = rig_func(r, rig_type(r, "i", "i"));
      in(f, X_mov_rr, 4, RAX, RDI);
      in_imm(f, X_sub_ri, 4, RAX, 5);
      in(f, X_test_rr, same ? 4 : 8, RAX, RAX);
      in_imm(f, X_mov_ri, 4, RAX, 1);
      jump(f, (int)cc, 2);
      chunk(f, 1, false);
      in_imm(f, X_mov_ri, 4, RAX, 2);
      chunk(f, 2, false);
      in(f, X_ret, 0, 0, 0);
      rig_build(r);
      bool gone = same && (cc == CC_E || cc == CC_NE || cc == CC_S || cc == CC_NS);
      assert_int_equal(r->codes[0]->code_bytes, 2 + 3 + (gone ? 0 : same ? 2 : 3) + 5 + 2 + 5 + 1);
      for (int32_t x = -3; x < 9; x++) {
        int64_t v = same ? x - 5 : (int64_t)(uint32_t)(x - 5); // CF = OF = 0 after a test
        bool parity = !__builtin_parity((uint8_t)v), z = v == 0, n = v < 0;
        bool taken[] = { false, true, false, true, z, !z, z, !z, n, !n, parity, !parity, n, !n, z || n, !z && !n };
        assert_int_equal(call1(r, 0, (uint32_t)x), taken[cc] ? 1 : 2);
      }
      rig_free(r);
    }
}

static void traps_have_a_site_each(void **state)
{
  (void)state;
  for (unsigned far = 0; far < 2; far++) {
    Rig *r = rig_new();
    Fn *f = rig_func(r, rig_type(r, "i", "i"));
    in(f, X_mov_rr, 4, RAX, RDI);
    for (uint32_t k = 0; k < 3; k++) {
      in_imm(f, X_cmp_ri, 4, RDI, (int32_t)k);
      Lir *i = in(f, X_trapcc, 0, 0, 0);
      i->cc = CC_E, i->x = TRAP_div_zero + k, i->at = 0x200 - 0x10 * k; // wasm offsets may go back
    }
    in_imm(f, X_cmp_ri, 4, RDI, 9);
    jump(f, CC_E, 1);
    if (far)
      filler(f, 200);
    in(f, X_ret, 0, 0, 0);
    chunk(f, 1, true);
    Lir *i = in(f, X_trap, 0, 0, 0);
    i->x = TRAP_unreachable, i->at = 0x300;
    rig_build(r);
    assert_int_equal(call1(r, 0, 5), 5);
    for (uint32_t k = 0; k < 4; k++) {
      Value v[1] = { { .u64 = k == 3 ? 9 : k } };
      unsigned steps;
      Outcome o = rig_step(r, 0, v, &steps);
      assert_int_equal(o.trap, k == 3 ? TRAP_unreachable : TRAP_div_zero + k);
      Site s = rig_site(r, o.site_pc);
      assert_int_equal(s.kind, o.trap);
      assert_int_equal(s.wasm_at, k == 3 ? 0x300 : 0x200 - 0x10 * k);
    }
    rig_free(r);
  }
}

static void accesses_that_may_fault_have_a_site_at_their_first_byte(void **state)
{
  (void)state;
  Rig *r = rig_new();
  Fn *f = rig_func(r, rig_type(r, "l", "l"));
  in_mem(f, X_mov_rm, 8, RAX, RDI, 0)->at = 0x77;
  Lir *i = in_mem(f, X_lock_add_mi, 2, 0, RDI, 0);
  i->imm = 1;
  i = in(f, X_at, 0, 0, 0);
  i->x = 0x79, i->cc = TRAP_null_struct;
  in(f, X_ret, 0, 0, 0);
  rig_build(r);
  uint64_t word = 41;
  Value v[1] = { { .ptr = &word } };
  assert_int_equal(rig_call(r, 0, v).trap, TRAP_none);
  assert_int_equal(v[0].u64, 41);
  assert_int_equal(word, 42);
  uint32_t off = rig_record(r, 0)->code_off;
  assert_int_equal(rig_site(r, off).kind, SITE_FAULT | TRAP_oob);
  assert_int_equal(rig_site(r, off).wasm_at, 0x77);
  assert_int_equal(rig_site(r, off + 3).kind, SITE_FAULT | TRAP_null_struct);
  rig_free(r);
}

static void frames_of_every_kind(void **state)
{
  (void)state;
  static const unsigned sizes[] = { 1, 2, 16, 17, 130, 500 }; // slots
  for (unsigned z = 0; z < ARRAY_COUNT(sizes); z++)
    for (unsigned saved = 0; saved < 3; saved++)
      for (unsigned area = 0; area < 4; area++) {
        Rig *r = rig_new();
        Fn *f = rig_func(r, rig_type(r, "l", "l"));
        slots(f, sizes[z], 8);
        slots(f, 3, 16);
        for (unsigned k = 0; k < f->l.nslots; k++)
          f->slot_weight[k] = k == 0 ? 100 : k % 7;
        f->l.area_bytes = area == 1 ? 32 : area == 2 ? 4096 * 3 : area == 3 ? 4096 * 30 : 0;
        f->l.needs_stack_check = saved == 1;
        f->l.used_saved = saved == 0 ? 0 : saved == 1 ? X64_BIT(RBX) : X64_CALLEE_SAVED;
        for (unsigned reg = RAX; reg <= R13; reg++)
          if (f->l.used_saved & X64_BIT(reg))
            in_imm(f, X_mov_ri, 8, reg, -1);
        for (unsigned k = 0; k < f->l.nslots; k++) { // slot k = rdi + k; all keep their own value
          in_mem(f, X_lea, 8, RCX, RDI, (int32_t)k);
          in_mem(f, X_mov_mr, 8, RCX, REG_SLOT, (int32_t)k);
        }
        in(f, X_movd_xr, 8, XMM3, RDI);
        in_mem(f, X_movaps_mr, 16, XMM3, REG_SLOT, (int32_t)sizes[z]); // faults unless aligned
        if (f->l.area_bytes)
          in_mem(f, X_mov_mr, 8, RDI, REG_AREA, (int32_t)f->l.area_bytes - 8);
        in_imm(f, X_mov_ri, 4, RAX, 0);
        for (unsigned k = 0; k < f->l.nslots; k++)
          in_mem(f, X_add_rm, 8, RAX, REG_SLOT, (int32_t)k);
        if (f->l.area_bytes)
          in_mem(f, X_add_rm, 8, RAX, REG_AREA, (int32_t)f->l.area_bytes - 8);
        in(f, X_ret, 0, 0, 0);
        rig_build(r);
        uint64_t n = f->l.nslots, want = 1000 * n + n * (n - 1) / 2 - sizes[z] + (f->l.area_bytes ? 1000 : 0);
        assert_int_equal(call1(r, 0, 1000), want);
        const ImageFunc *rec = rig_record(r, 0);
        assert_int_equal(rec->saved, f->l.used_saved);
        assert_int_equal((rec->frame_bytes + 8 * zw_popcnt32(rec->saved) + 8) % 16, 0);
        // the heaviest slot is first; the stack check includes what does not fit in the headroom
        if (f->l.needs_stack_check || rec->frame_bytes > 1024) {
          uintptr_t limit = (uintptr_t)&limit;
          r->vmctx->stack_limit = limit + 4096;
          Value v[1] = { { .u64 = 1 } };
          unsigned steps;
          Outcome o = rig_step(r, 0, v, &steps);
          assert_int_equal(o.trap, TRAP_stack_overflow);
          assert_int_equal(rig_site(r, o.site_pc).kind, SITE_NO_FRAME | TRAP_stack_overflow);
          assert_int_equal(rig_site(r, o.site_pc).wasm_at, 0x1000);
        }
        rig_free(r);
      }
}

static void hot_slots_are_near_the_stack_pointer(void **state)
{
  (void)state;
  Rig *r = rig_new();
  Fn *f = rig_func(r, rig_type(r, "l", "l"));
  slots(f, 100, 8);
  f->slot_weight[70] = 1000;
  in_mem(f, X_mov_mr, 8, RDI, REG_SLOT, 70);
  in_mem(f, X_mov_rm, 8, RAX, REG_SLOT, 70);
  in(f, X_ret, 0, 0, 0);
  rig_build(r);
  assert_int_equal(call1(r, 0, 77), 77);
  static const uint8_t mov_to_rsp[] = { 0x48, 0x89, 0x3c, 0x24 }; // mov [rsp], rdi
  assert_memory_equal(r->codes[0]->bytes + r->codes[0]->prologue_bytes, mov_to_rsp, 4);
  rig_free(r);
}

static void many_returns_share_an_epilogue(void **state)
{
  (void)state;
  Rig *r = rig_new();
  Fn *f = rig_func(r, rig_type(r, "l", "l"));
  f->l.used_saved = X64_CALLEE_SAVED;
  slots(f, 5, 8);
  for (uint32_t k = 0; k < 8; k++) {
    if (k)
      chunk(f, k, false);
    in_imm(f, X_mov_ri, 4, RAX, (int32_t)(k * k));
    in_imm(f, X_mov_ri, 4, R12, 7);
    in_imm(f, X_cmp_ri, 8, RDI, (int32_t)k);
    jump(f, CC_NE, k + 1);
    chunk(f, LABEL_STUB | k, false);
    in(f, X_ret, 0, 0, 0);
  }
  chunk(f, 8, false);
  in_imm(f, X_mov_ri, 4, RAX, 1000);
  in(f, X_ret, 0, 0, 0);
  rig_build(r);
  for (uint32_t k = 0; k < 9; k++)
    assert_int_equal(call1(r, 0, k), k < 8 ? k * k : 1000);
  unsigned rets = 0;
  for (uint32_t k = 0; k < r->codes[0]->code_bytes; k++)
    rets += r->codes[0]->bytes[k] == 0xc3 && k && r->codes[0]->bytes[k - 1] == 0x5d; // pop rbp; ret
  assert_int_equal(rets, 4);
  rig_free(r);
}

static void jump_tables_and_constants_lie_behind_the_code(void **state)
{
  (void)state;
  Rig *r = rig_new();
  Fn *f = rig_func(r, rig_type(r, "i", "l"));
  for (unsigned k = 0; k < 3; k++)
    *zw_push(f->a, &f->consts) = (ZConst){ { 0x1111111122222222ull * (k + 1), 0x3333333344444444ull }, VK_V128 };
  *zw_push(f->a, &f->tables) = (LirTable){ 0, 4 };
  static const uint32_t labels[4] = { 3, 1, 2, 1 };
  for (unsigned k = 0; k < 4; k++)
    *zw_push(f->a, &f->table_labels) = labels[k];
  in_imm(f, X_cmp_ri, 4, RDI, 4);
  jump(f, CC_AE, 4);
  chunk(f, LABEL_STUB | 0, false);
  Lir *i = in(f, X_jtable, 8, RDX, RDI);
  i->ra = RDI, i->x = 0;
  for (uint32_t k = 1; k <= 3; k++) {
    chunk(f, k, false);
    if (k == 1)
      in_mem(f, X_mov_rm, 8, RAX, REG_CONST, 0);
    else if (k == 2)
      in_mem(f, X_mov_rm, 4, RAX, REG_CONST, 1);
    else {
      in_mem(f, X_movaps_rm, 16, XMM9, REG_CONST, 2);
      in(f, X_movhlps_rr, 0, XMM9, XMM9);
      in(f, X_movd_rx, 8, RAX, XMM9);
    }
    in(f, X_ret, 0, 0, 0);
  }
  chunk(f, 4, true);
  i = in_imm(f, X_cmp_mi, 4, 0, 0x22222222); // an immediate behind the rip-relative field
  i->rn = REG_CONST, i->rm = REG_NONE;
  i = in(f, X_setcc_r, 1, RCX, 0);
  i->cc = CC_E;
  in(f, X_movzx8_rr, 4, RAX, RCX);
  in(f, X_ret, 0, 0, 0);
  rig_build(r);
  static const uint64_t want[5] = { 0x3333333344444444ull, 0x1111111122222222ull, 0x44444444, 0x1111111122222222ull, 1 };
  for (uint64_t k = 0; k < 5; k++)
    assert_int_equal(call1(r, 0, k), want[k]);
  assert_true(r->codes[0]->code_bytes < r->codes[0]->nbytes);
  rig_free(r);
}

// An interpreter's loop: the dispatch is repeated at the end of each case, but its table is there once.
static void a_short_dispatch_is_copied_to_where_jumps_would_go(void **state)
{
  (void)state;
  Rig *r = rig_new();
  Fn *f = rig_func(r, rig_type(r, "il", "l"));
  in(f, X_zero_r, 4, RAX, 0);
  in(f, X_mov_rr, 8, RBX, RSI), f->l.used_saved = X64_BIT(RBX);
  chunk(f, 1, false); // rdi: two bits an operation
  in(f, X_mov_rr, 4, RCX, RDI);
  in_imm(f, X_and_ri, 4, RCX, 3);
  in_imm(f, X_shr_ri, 4, RDI, 2);
  *zw_push(f->a, &f->tables) = (LirTable){ 0, 4 };
  for (uint32_t k = 0; k < 4; k++)
    *zw_push(f->a, &f->table_labels) = 2 + k;
  in(f, X_jtable, 8, RDX, RCX)->ra = RCX;
  chunk(f, 2, false);
  in_imm(f, X_add_ri, 8, RAX, 10);
  in(f, X_ret, 0, 0, 0);
  for (uint32_t k = 3; k <= 5; k++) {
    chunk(f, k, false);
    if (k == 3)
      in_imm(f, X_add_ri, 8, RAX, 1);
    else if (k == 4)
      in_imm(f, X_shl_ri, 8, RAX, 3);
    else
      in(f, X_add_rr, 8, RAX, RBX);
    jump(f, -1, 1);
  }
  rig_build(r);
  unsigned indirect = 0, leas = 0;
  const FuncCode *c = r->codes[0];
  for (uint32_t k = 0; k + 2 <= c->code_bytes; k++) { // jmp rdx; lea rdx, [rip + ...]
    indirect += c->bytes[k] == 0xff && c->bytes[k + 1] == 0xe2;
    leas += c->bytes[k] == 0x48 && c->bytes[k + 1] == 0x8d && c->bytes[k + 2] == 0x15;
  }
  assert_int_equal(indirect, 4);
  assert_int_equal(leas, 4);
  assert_int_equal(c->nbytes - c->code_bytes, 16 + (-c->code_bytes & 3));
  Value v[2] = { { .u64 = 1 | 2 << 2 | 3 << 4 | 1 << 6 | 2 << 8 }, { .u64 = 5 } };
  assert_int_equal(rig_call(r, 0, v).trap, TRAP_none);
  assert_int_equal(v[0].u64, (((0 + 1) * 8 + 5) + 1) * 8 + 10);
  rig_free(r);
}

// f(a0..a8): 9 integers, three of them on the stack.  Its caller keeps a value in a slot and in rbx across the call.
static void stack_arguments_are_popped_by_the_callee(void **state)
{
  (void)state;
  Rig *r = rig_new();
  uint32_t t9 = rig_type(r, "lllllllll", "l"), t1 = rig_type(r, "l", "l");
  Fn *f = rig_func(r, t9);
  f->l.used_saved = X64_BIT(RBX) | X64_BIT(R11);
  slots(f, 1, 8);
  in_imm(f, X_mov_ri, 4, RBX, 0);
  in_mem(f, X_lea, 8, RAX, RDI, 0)->rm = RSI;
  static const uint8_t rest[] = { RDX, RCX, R8, R9 };
  for (unsigned k = 0; k < 4; k++)
    in_imm(f, X_imul_rri, 8, R11, 10)->rn = RAX, in(f, X_mov_rr, 8, RAX, R11), in(f, X_add_rr, 8, RAX, rest[k]);
  for (unsigned k = 0; k < 3; k++)
    in_imm(f, X_imul_rri, 8, RAX, 10)->rn = RAX, in_mem(f, X_add_rm, 8, RAX, REG_ARG, (int32_t)(8 * k));
  in(f, X_ret, 0, 0, 0);
  Fn *g = rig_func(r, t1);
  g->l.has_calls = true, g->l.needs_stack_check = true;
  g->l.used_saved = X64_BIT(RBX);
  slots(g, 2, 8);
  in_imm(g, X_mov_ri, 4, RBX, 5);
  in_mem(g, X_mov_mr, 8, RDI, REG_SLOT, 1);
  in_imm(g, X_out_area, 0, 0, 32);
  in_mem(g, X_mov_rm, 8, RSI, REG_SLOT, 1); // slots are still there
  in_mem(g, X_mov_mr, 8, RSI, REG_OUT, 0);
  in_imm(g, X_mov_mi, 8, 0, 7)->rn = REG_OUT, g->lir.p[g->lir.n - 1].rm = REG_NONE, g->lir.p[g->lir.n - 1].disp = 8;
  in_mem(g, X_mov_mr, 8, RBX, REG_OUT, 16);
  in_imm(g, X_mov_ri, 4, RDI, 0);
  in_imm(g, X_mov_ri, 4, RDX, 2);
  in_imm(g, X_mov_ri, 4, RCX, 3);
  in_imm(g, X_mov_ri, 4, R8, 4);
  in_imm(g, X_mov_ri, 4, R9, 5);
  Lir *c = in(g, X_call, 0, 0, 0);
  c->x = 0, c->at = 0x55;
  in_mem(g, X_sub_rm, 8, RAX, REG_SLOT, 1);
  in(g, X_ret, 0, 0, 0);
  rig_build(r);
  assert_int_equal(rig_record(r, 0)->pop_bytes, 32);
  assert_int_equal(call1(r, 1, 1), 12345175 - 1);
  rig_free(r);
}

// depth 0 tail-calls with fewer, more and as many stack arguments as it was given; saved registers and a frame in the way.
static void tail_calls_grow_and_shrink_the_arguments(void **state)
{
  (void)state;
  static const char *const shapes[] = { "l", "lllllll", "lllllllllllllll" }; // 0, 16, 80 bytes of stack arguments
  for (unsigned from = 0; from < 3; from++)
    for (unsigned to = 0; to < 3; to++)
      for (unsigned frame = 0; frame < 2; frame++)
        for (unsigned how = 0; how < 2; how++) {
          Rig *r = rig_new();
          uint32_t tf = rig_type(r, shapes[from], "l"), tt = rig_type(r, shapes[to], "l"), t1 = rig_type(r, "l", "l");
          // 0: the last: rdi * 1000 + the last stack argument
          Fn *f = rig_func(r, tt);
          in_imm(f, X_imul_rri, 8, RAX, 1000)->rn = RDI;
          if (f->l.arg_bytes)
            in_mem(f, X_add_rm, 8, RAX, REG_ARG, 8 * ((int32_t)strlen(shapes[to]) - 7)), in_mem(f, X_add_rm, 8, RAX, REG_ARG, 0);
          in(f, X_ret, 0, 0, 0);
          int32_t n = (int32_t)f->l.arg_bytes;
          // 1: the middle: tail-calls 0
          Fn *g = rig_func(r, tf);
          if (frame) {
            g->l.used_saved = X64_CALLEE_SAVED;
            slots(g, 9, 8);
            in_imm(g, X_mov_ri, 4, R10, 99);
            in_mem(g, X_mov_mr, 8, R10, REG_SLOT, 3);
            in_imm(g, X_mov_ri, 4, RBX, 98);
          }
          if (n) {
            in_imm(g, X_tail_area, 0, 0, n);
            for (int32_t k = 0; k < n / 8; k++) {
              in_imm(g, X_mov_mi, 8, 0, k + 1)->rn = REG_OUT;
              g->lir.p[g->lir.n - 1].rm = REG_NONE, g->lir.p[g->lir.n - 1].disp = 8 * k;
            }
          }
          if (g->l.arg_bytes) // one of the incoming arguments is still reachable
            in_mem(g, X_add_rm, 8, RDI, REG_ARG, 0);
          if (how) { // through rax
            in_mem(g, X_mov_rm, 8, RAX, X64_VMCTX, sizeof(VmCtx));
            in(g, X_tcall_r, 0, RAX, 0);
          } else
            in(g, X_tcall, 0, 0, 0)->x = 0;
          // 2: the caller, with values to keep
          Fn *h = rig_func(r, t1);
          h->l.has_calls = true, h->l.used_saved = X64_BIT(R13);
          slots(h, 1, 8);
          in(h, X_mov_rr, 8, R13, RDI);
          in_mem(h, X_mov_mr, 8, RDI, REG_SLOT, 0);
          if (g->l.arg_bytes) {
            in_imm(h, X_out_area, 0, 0, (int32_t)g->l.arg_bytes);
            for (uint32_t k = 0; k < g->l.arg_bytes; k += 8)
              in_mem(h, X_mov_mr, 8, RDI, REG_OUT, (int32_t)k);
          }
          in(h, X_call, 0, 0, 0)->x = 1;
          in_mem(h, X_add_rm, 8, RAX, REG_SLOT, 0);
          in(h, X_add_rr, 8, RAX, R13);
          in(h, X_ret, 0, 0, 0);
          rig_build(r);
          r->elems[0].code = r->text + rig_record(r, 0)->code_off;
          uint64_t rdi = from ? 8 : 4, last = to == 0 ? 0 : to == 1 ? 1 + 1 : 9 + 1;
          assert_int_equal(call1(r, 2, 4), rdi * 1000 + last + 8);
          rig_free(r);
        }
}

static void stack_maps_name_the_slots_from_rsp(void **state)
{
  (void)state;
  Rig *r = rig_new();
  Fn *f = rig_func(r, rig_type(r, "l", "l"));
  f->l.has_calls = true;
  slots(f, 40, 8);
  for (unsigned k = 0; k < 40; k++)
    f->slot_weight[k] = 1u << (k % 20); // slot k lies behind those with more weight
  in(f, X_call, 0, 0, 0)->x = 1;
  *zw_push(f->a, &f->maps) = (LirMap){ f->lir.n - 1, 0, 3 };
  static const uint32_t ids[] = { 0, 39, 20, 5 };
  for (unsigned k = 0; k < 4; k++)
    *zw_push(f->a, &f->map_slots) = ids[k];
  in(f, X_call, 0, 0, 0)->x = 1;
  chunk(f, 1, true);
  in(f, X_call, 0, 0, 0)->x = 1;
  *zw_push(f->a, &f->maps) = (LirMap){ f->lir.n - 1, 3, 1 };
  in(f, X_ret, 0, 0, 0);
  Fn *g = rig_func(r, 0);
  in(g, X_mov_rr, 8, RAX, RDI);
  in(g, X_ret, 0, 0, 0);
  rig_build(r);
  // weights of 2^19 (slots 19, 39) first; 2^0 (slots 0, 20) last
  const FuncCode *c = r->codes[0];
  assert_int_equal(c->nmaps, 2);
  static const uint8_t want[] = { 0, 3, 1, 37, 1, 0, 1, 28 };
  uint8_t got[8];
  memcpy(got, c->maps, 8);
  assert_int_equal(got[0], c->prologue_bytes + 5);
  assert_int_equal(got[5], 10);
  got[0] = got[5] = 0;
  assert_int_equal(c->maps_bytes, 8);
  assert_memory_equal(got, want, 8);
  rig_free(r);
}

static void handlers_cover_the_calls_of_their_try(void **state)
{
  (void)state;
  Rig *r = rig_new();
  Fn *f = rig_func(r, rig_type(r, "l", "l"));
  ZTry tries[2] = { { UINT32_MAX, 1, 0 }, { 0, 2, 1 } };
  ZCatch catches[3] = { { UINT32_MAX, 3, 0 }, { 4, 2, 1 }, { 5, 3, 0 } };
  f->z.tries = tries, f->z.ntries = 2, f->z.catches = catches;
  uint32_t try_of[ARRAY_COUNT(f->blocks)];
  memset(try_of, 0xff, sizeof try_of);
  try_of[0] = 0, try_of[1] = 1;
  f->z.try_of = try_of;
  f->l.has_calls = true;
  in(f, X_call, 0, 0, 0)->x = 1;
  chunk(f, 1, false);
  in(f, X_call, 0, 0, 0)->x = 1;
  chunk(f, 2, false);
  in(f, X_call, 0, 0, 0)->x = 1;
  chunk(f, 3, true);
  in(f, X_ret, 0, 0, 0);
  Fn *g = rig_func(r, 0);
  in(g, X_ret, 0, 0, 0);
  rig_build(r);
  const FuncCode *c = r->codes[0];
  uint32_t p = c->prologue_bytes;
  assert_int_equal(c->nhandlers, 3);
  static const uint32_t tags[3] = { 4, 5, UINT32_MAX };
  for (unsigned k = 0; k < 3; k++) { // the inner try's first
    assert_int_equal(c->handlers[k].tag, tags[k]);
    assert_int_equal(c->handlers[k].pc_begin, k < 2 ? p + 5 : p - 0);
    assert_int_equal(c->handlers[k].pc_end, p + 10);
    assert_int_equal(c->handlers[k].handler_pc, k == 0 ? p + 10 : p + 15);
    assert_int_equal(c->handlers[k].flags, k == 0);
    assert_int_equal(r->blob->handlers[k].pc_end, p + 10 + rig_record(r, 0)->code_off);
  }
  rig_free(r);
}

static void a_frame_beyond_the_limit_is_refused_with_a_sentence(void **state)
{
  (void)state;
  Rig *r = rig_new();
  Fn *f = rig_func(r, rig_type(r, "l", "l"));
  in(f, X_ret, 0, 0, 0);
  rig_build(r);
  f->l.area_bytes = 0x7ffffff0;
  r->ctx.door_open = true;
  if (setjmp(r->ctx.door) == 0) {
    zw_x64_encode(&r->ctx, &f->l, &r->o, &r->keep);
    fail_msg("accepted");
  }
  assert_int_equal(r->ctx.diag.kind, DIAG_LIMIT);
  r->ctx.door_open = false;
  rig_free(r);
}

// ---- random control flow against a model ----

static uint64_t seed;
static uint32_t rnd(uint32_t n)
{
  seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
  return (uint32_t)(seed >> 20) % n;
}

enum { NODES = 15, TABLE = 5, END_RET, END_JMP, END_FALL, END_BRANCH, END_BRANCH_FALL, END_TABLE };
typedef struct Node { uint32_t mul, add, bit; int end; uint32_t a, b, table[TABLE], filler, next; bool cold; } Node; // b0..b15; next: what follows

static uint32_t label_of(uint32_t n) { return n % 3 == 2 ? LABEL_STUB | n : n; } // some are stubs

static void write_node(Fn *f, const Node *v, uint32_t n)
{
  if (n)
    chunk(f, label_of(n), v->cold);
  f->chunks.p[f->chunks.n - 1].align = n % 5 == 4;
  in_imm(f, X_imul_rri, 4, RAX, (int32_t)v->mul)->rn = RAX;
  in_imm(f, X_add_ri, 4, RAX, (int32_t)v->add);
  if (v->filler)
    filler(f, v->filler);
  in_imm(f, X_sub_ri, 8, RDI, 1);
  Lir *i = in(f, X_trapcc, 0, 0, 0);
  i->cc = CC_S, i->x = TRAP_interrupted, i->at = n;
  switch (v->end) {
  case END_RET: in(f, X_ret, 0, 0, 0); break;
  case END_JMP: jump(f, -1, label_of(v->a)); break;
  case END_FALL: break;
  case END_BRANCH:
  case END_BRANCH_FALL:
    in_imm(f, X_bt_ri, 4, RAX, (int32_t)v->bit);
    jump(f, CC_B, label_of(v->a));
    if (v->end == END_BRANCH)
      jump(f, -1, label_of(v->b));
    break;
  case END_TABLE:
    in(f, X_mov_rr, 4, RCX, RAX);
    in_imm(f, X_and_ri, 4, RCX, 3);
    i = in(f, X_jtable, 8, RDX, RCX);
    i->ra = RCX, i->x = f->tables.n;
    *zw_push(f->a, &f->tables) = (LirTable){ f->table_labels.n, 4 };
    for (unsigned k = 0; k < 4; k++)
      *zw_push(f->a, &f->table_labels) = label_of(v->table[k]);
    break;
  }
}

// Steps left and value at the end; UINT32_MAX steps: ran out in node *at.
static uint32_t model(const Node *nodes, uint32_t x, int64_t steps, uint32_t *at, bool *ran_out)
{
  uint32_t n = 0;
  for (;;) {
    const Node *v = &nodes[n];
    x = x * v->mul + v->add;
    *at = n;
    *ran_out = --steps < 0;
    if (*ran_out)
      return 0;
    switch (v->end) {
    case END_RET: return x;
    case END_JMP: n = v->a; break;
    case END_FALL: n = v->next; break;
    case END_BRANCH: n = x >> v->bit & 1 ? v->a : v->b; break;
    case END_BRANCH_FALL: n = x >> v->bit & 1 ? v->a : v->next; break;
    case END_TABLE: n = v->table[x & 3]; break;
    }
  }
}

static void random_control_flow_does_what_the_model_does(void **state)
{
  (void)state;
  for (uint32_t round = 0; round < 400; round++) {
    seed = 0x9e3779b97f4a7c15ull * (round + 1);
    Node nodes[NODES];
    for (uint32_t n = 0; n < NODES; n++) {
      Node *v = &nodes[n];
      *v = (Node){ .mul = rnd(1000) * 2 + 3, .add = rnd(5000), .bit = rnd(20), .end = END_RET + (int)rnd(6), .a = 1 + rnd(NODES - 1), .b = 1 + rnd(NODES - 1) };
      v->cold = n && rnd(3) == 0;
      v->filler = rnd(3) == 0 ? 2 + rnd(round % 2 ? 60 : 12) : 0;
      for (unsigned k = 0; k < TABLE; k++)
        v->table[k] = 1 + rnd(NODES - 1);
    }
    uint32_t last = UINT32_MAX;
    for (int cold = 0; cold < 2; cold++)
      for (uint32_t n = 0; n < NODES; n++)
        if (nodes[n].cold == cold) {
          if (last != UINT32_MAX)
            nodes[last].next = n;
          last = n;
        }
    if (nodes[last].end == END_FALL || nodes[last].end == END_BRANCH_FALL)
      nodes[last].end = END_RET;
    Rig *r = rig_new();
    Fn *f = rig_func(r, rig_type(r, "ll", "l"));
    f->l.used_saved = round % 4 == 1 ? X64_BIT(RBX) : 0;
    in(f, X_mov_rr, 4, RAX, RSI);
    for (uint32_t n = 0; n < NODES; n++)
      write_node(f, &nodes[n], n);
    rig_build(r);
    for (uint32_t k = 0; k < 6; k++) {
      Value v[2] = { { .u64 = k * 7 }, { .u64 = k * 12345 } };
      uint32_t at;
      bool ran_out;
      uint32_t want = model(nodes, k * 12345, k * 7, &at, &ran_out);
      Outcome o = rig_call(r, 0, v);
      assert_int_equal(o.trap, ran_out ? TRAP_interrupted : TRAP_none);
      if (ran_out)
        assert_int_equal(rig_site(r, o.site_pc).wasm_at, at);
      else
        assert_int_equal(v[0].u64, want);
    }
    rig_free(r);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(sums_in_a_loop),
    cmocka_unit_test(forward_branches_reach_both_sides_of_127),
    cmocka_unit_test(backward_branches_reach_both_sides_of_128),
    cmocka_unit_test(a_jump_to_the_next_chunk_is_nothing_and_conditions_turn_round),
    cmocka_unit_test(a_test_of_what_was_just_computed_goes),
    cmocka_unit_test(traps_have_a_site_each),
    cmocka_unit_test(accesses_that_may_fault_have_a_site_at_their_first_byte),
    cmocka_unit_test(frames_of_every_kind),
    cmocka_unit_test(hot_slots_are_near_the_stack_pointer),
    cmocka_unit_test(many_returns_share_an_epilogue),
    cmocka_unit_test(jump_tables_and_constants_lie_behind_the_code),
    cmocka_unit_test(a_short_dispatch_is_copied_to_where_jumps_would_go),
    cmocka_unit_test(stack_arguments_are_popped_by_the_callee),
    cmocka_unit_test(tail_calls_grow_and_shrink_the_arguments),
    cmocka_unit_test(stack_maps_name_the_slots_from_rsp),
    cmocka_unit_test(handlers_cover_the_calls_of_their_try),
    cmocka_unit_test(random_control_flow_does_what_the_model_does),
    cmocka_unit_test(a_frame_beyond_the_limit_is_refused_with_a_sentence),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
