// The border thunks, run: values of every type through registers and memory, both ways, with C clobbering everything it
// may; pins switched and restored; unwinding from each instruction of each thunk.
#include "x64_run.h"

// ---- functions that only move values: parameters to an area, from it to arguments, results the same way ----

static bool is_vector(ValKind k) { return k == VK_F32 || k == VK_F64 || k == VK_V128; }

static void put_value(Fn *f, ValKind k, unsigned reg, unsigned base, uint32_t off)
{
  if (!is_vector(k))
    in_mem(f, X_mov_mr, 8, reg, base, (int32_t)off);
  else
    in_mem(f, k == VK_F32 ? X_movss_mr : k == VK_F64 ? X_movsd_mr : X_movups_mr, 16, reg, base, (int32_t)off);
}
static void get_value(Fn *f, ValKind k, unsigned reg, unsigned base, uint32_t off)
{
  if (!is_vector(k))
    in_mem(f, X_mov_rm, k == VK_I32 ? 4 : 8, reg, base, (int32_t)off);
  else
    in_mem(f, k == VK_F32 ? X_movss_rm : k == VK_F64 ? X_movsd_rm : X_movups_rm, 16, reg, base, (int32_t)off);
}
static void move_value(Fn *f, ValKind k, unsigned to, uint32_t to_off, unsigned from, uint32_t from_off)
{
  get_value(f, is_vector(k) ? k : VK_I64, is_vector(k) ? XMM14 : RAX, from, from_off);
  put_value(f, k, is_vector(k) ? XMM14 : RAX, to, to_off);
}

enum { AREA = 16 }; // [0] = address of the caller's result area; values from here on, 16 bytes each

static void params_to_area(Fn *f, const Rig *r, const FuncType *t, const X64Sig *s)
{
  for (uint32_t k = 0; k < t->nparams; k++)
    if (s->params[k].reg != REG_NONE)
      put_value(f, zw_val_kind(&r->m, t->params[k]), s->params[k].reg, REG_AREA, AREA + 16 * k);
  if (s->result_bytes) {
    unsigned reg = s->result_area.reg;
    if (reg == REG_NONE)
      in_mem(f, X_mov_rm, 8, reg = RAX, REG_ARG, (int32_t)s->result_area.off);
    in_mem(f, X_mov_mr, 8, reg, REG_AREA, 0);
  }
  for (uint32_t k = 0; k < t->nparams; k++)
    if (s->params[k].reg == REG_NONE)
      move_value(f, zw_val_kind(&r->m, t->params[k]), REG_AREA, AREA + 16 * k, REG_ARG, s->params[k].off);
}

static void area_to_results(Fn *f, const Rig *r, const FuncType *t, const X64Sig *s)
{
  if (s->result_bytes)
    in_mem(f, X_mov_rm, 8, R9, REG_AREA, 0);
  for (uint32_t k = 0; k < t->nresults; k++)
    if (s->results[k].reg == REG_NONE)
      move_value(f, zw_val_kind(&r->m, t->results[k]), R9, s->results[k].off, REG_AREA, AREA + 16 * k);
  for (uint32_t k = 0; k < t->nresults; k++)
    if (s->results[k].reg != REG_NONE)
      get_value(f, zw_val_kind(&r->m, t->results[k]), s->results[k].reg, REG_AREA, AREA + 16 * k);
}

// Pass the parameters on to a call (made by the caller of this) and its results back; the result area is behind the values.
static void area_to_arguments(Fn *f, const Rig *r, const FuncType *t, const X64Sig *s, uint32_t result_area)
{
  if (s->arg_bytes)
    in_imm(f, X_out_area, 0, 0, (int32_t)s->arg_bytes);
  for (uint32_t k = 0; k < t->nparams; k++)
    if (s->params[k].reg == REG_NONE)
      move_value(f, zw_val_kind(&r->m, t->params[k]), REG_OUT, s->params[k].off, REG_AREA, AREA + 16 * k);
  if (s->result_bytes) {
    unsigned reg = s->result_area.reg == REG_NONE ? RAX : s->result_area.reg;
    in_mem(f, X_lea, 8, reg, REG_AREA, (int32_t)result_area);
    if (s->result_area.reg == REG_NONE)
      in_mem(f, X_mov_mr, 8, reg, REG_OUT, (int32_t)s->result_area.off);
  }
  for (uint32_t k = 0; k < t->nparams; k++)
    if (s->params[k].reg != REG_NONE)
      get_value(f, zw_val_kind(&r->m, t->params[k]), s->params[k].reg, REG_AREA, AREA + 16 * k);
}

static void results_to_area(Fn *f, const Rig *r, const FuncType *t, const X64Sig *s, uint32_t result_area)
{
  for (uint32_t k = 0; k < t->nresults; k++)
    if (s->results[k].reg != REG_NONE)
      put_value(f, zw_val_kind(&r->m, t->results[k]), s->results[k].reg, REG_AREA, AREA + 16 * k);
  for (uint32_t k = 0; k < t->nresults; k++)
    if (s->results[k].reg == REG_NONE)
      move_value(f, zw_val_kind(&r->m, t->results[k]), REG_AREA, AREA + 16 * k, REG_AREA, result_area + s->results[k].off);
}

// The next function of the module: passes everything to the import through its XCALL thunk.
static void forwarder(Rig *r, uint32_t type)
{
  const FuncType *t = r->types[type].func;
  X64Sig s = zw_x64_signature(&r->m, t, &r->keep);
  uint32_t n = t->nparams > t->nresults ? t->nparams : t->nresults, result_area = AREA + 16 * n;
  Fn *f = rig_func(r, type);
  f->l.has_calls = true, f->l.needs_stack_check = true;
  f->l.used_saved = X64_BIT(R10) | X64_BIT(R12);
  f->l.area_bytes = result_area + s.result_bytes;
  in_imm(f, X_mov_ri, 4, R10, 0x77);
  in_imm(f, X_mov_ri, 4, R12, 0x78);
  params_to_area(f, r, t, &s);
  area_to_arguments(f, r, t, &s, result_area);
  in_mem(f, X_lea, 8, RAX, X64_VMCTX, sizeof(VmCtx));
  Lir *c = in(f, X_call_thunk, 0, 0, 0);
  c->x = FX_THUNK(THUNK_XCALL, type), c->at = 0x33;
  results_to_area(f, r, t, &s, result_area);
  in_imm(f, X_cmp_ri, 4, R10, 0x77); // callee-saved registers came back
  c = in(f, X_trapcc, 0, 0, 0), c->cc = CC_NE, c->x = TRAP_unreachable;
  in_imm(f, X_cmp_ri, 4, R12, 0x78);
  c = in(f, X_trapcc, 0, 0, 0), c->cc = CC_NE, c->x = TRAP_unreachable;
  area_to_results(f, r, t, &s);
  in(f, X_ret, 0, 0, 0);
}

// ---- the host's side ----

typedef struct Host { HostFunc func; const FuncType *type; VmCtx *want_caller; const Value *want; unsigned calls; } Host;

static uint64_t low_bits(ValType t, unsigned half)
{
  if (half)
    return t == VT_V128 ? UINT64_MAX : 0;
  return t == VT_I32 || t == VT_F32 ? UINT32_MAX : UINT64_MAX;
}

static Value some_value(ValType t, uint32_t k)
{
  Value v = { .u64x2 = { 0x0123456789abcdefull * (k + 3), 0x8877665544332211ull * (k + 5) } };
  v.u64x2[0] &= low_bits(t, 0), v.u64x2[1] &= low_bits(t, 1);
  return v;
}

static void same_value(const Value *a, const Value *b, const char *what, uint32_t k)
{
  if (memcmp(a, b, sizeof *a))
    fail_msg("%s %u: %llx:%llx, want %llx:%llx", what, k, (unsigned long long)a->u64x2[1], (unsigned long long)a->u64x2[0],
             (unsigned long long)b->u64x2[1], (unsigned long long)b->u64x2[0]);
}

// What the runtime's shim does for the thunk: called with the array and the caller's vmctx, r15 = the HostFunc.
static void host(Value *args, VmCtx *caller, Host *h)
{
  h->calls++;
  assert_ptr_equal(caller, h->want_caller);
  assert_int_equal((uintptr_t)args % 16, 0);
  assert_ptr_equal((void *)h->func.head.stack_limit, (void *)caller->stack_limit);
  assert_ptr_equal(h->func.head.activation, caller->activation);
  for (uint32_t k = 0; k < h->type->nparams; k++)
    same_value(&args[k], &h->want[k], "host parameter", k);
  for (uint32_t k = 0; k < h->type->nresults; k++)
    args[k] = some_value(h->type->results[k], 100 + k);
}
void *zw_test_host_c = (void *)host;
extern char zw_test_host_shim[];
__asm__(".intel_syntax noprefix\n.text\n.globl zw_test_host_shim\nzw_test_host_shim:\n"
        "sub rsp, 8\ntest rsp, 15\njne 1f\n" // the stack is aligned as C wants it
        "mov rdx, r15\ncall [rip+zw_test_host_c]\n"
        "mov eax, -1\nmov ecx, -1\nmov edx, -1\nmov rsi, -1\nmov rdi, -1\nmov r8, -1\nmov r9, -1\nmov r10, -1\nmov r11, -1\n"
        "pcmpeqd xmm0, xmm0\nmovaps xmm1, xmm0\nmovaps xmm2, xmm0\nmovaps xmm3, xmm0\nmovaps xmm4, xmm0\nmovaps xmm5, xmm0\n"
        "movaps xmm6, xmm0\nmovaps xmm7, xmm0\nmovaps xmm8, xmm0\nmovaps xmm15, xmm0\n"
        "add rsp, 8\nret\n1: ud2\n.att_syntax\n");

static const char *const shapes[][2] = {
  { "", "" }, { "i", "i" }, { "l", "" }, { "", "d" }, { "fi", "if" }, { "ilfdvr", "rvdfli" }, { "llllll", "l" }, { "lllllll", "l" },
  { "iiiiiii", "iiiiiii" },       // one result in memory, its area's address on the stack
  { "", "llllllll" },             // the area's address in rdi
  { "fffffffff", "fffffffff" },   // vectors beyond the registers
  { "vvvvvvvvvlvl", "lvvvvvvvvvdvv" }, { "lllllllvlv", "vl" }, { "iiiiiiifi", "llllllli" },
  { "lllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllll", "d" }, // more than the headroom: checked
};

static void values_pass_from_c_through_wasm_to_c_and_back(void **state)
{
  (void)state;
  for (unsigned z = 0; z < ARRAY_COUNT(shapes); z++) {
    Rig *r = rig_new();
    uint32_t type = rig_type(r, shapes[z][0], shapes[z][1]);
    const FuncType *t = r->types[type].func;
    rig_import(r, type);
    forwarder(r, type);
    rig_build(r);
    Value want[100], v[100];
    Activation act = { 0 };
    Host h = { .type = t, .want_caller = r->vmctx, .want = want };
    h.func.head.is_host = 1, h.func.head.host_shim = zw_test_host_shim;
    assert_int_not_equal(r->blob->thunks[type].host, 0);
    r->elems[0] = (TableElem){ .code = r->text + r->blob->thunks[type].host, .vmctx = &h.func.head };
    r->vmctx->activation = &act;
    r->vmctx->stack_limit = 0x1000;
    r->vmctx->mem0_base = (uint8_t *)r;
    for (int stepped = 0; stepped < 2; stepped++) {
      memset(v, 0xee, sizeof v);
      for (uint32_t k = 0; k < t->nparams; k++)
        v[k] = want[k] = some_value(t->params[k], k);
      unsigned steps = 100;
      Outcome o = stepped ? rig_step(r, 1, v, &steps) : rig_call(r, 1, v);
      assert_int_equal(o.trap, TRAP_none);
      assert_true(steps > 30);
      for (uint32_t k = 0; k < t->nresults; k++) {
        Value w = some_value(t->results[k], 100 + k);
        same_value(&v[k], &w, "result", k);
      }
    }
    assert_int_equal(h.calls, 2);
    rig_free(r);
  }
}

// Another instance's function sees its own pins; afterwards the caller's are back.
static void a_call_into_another_instance_switches_the_pins(void **state)
{
  (void)state;
  Rig *r = rig_new();
  uint32_t type = rig_type(r, "l", "l");
  rig_import(r, type);
  forwarder(r, type);
  Fn *f = rig_func(r, type); // arg + [r14] + [r15 + fuel]
  in(f, X_mov_rr, 8, RAX, RDI);
  in_mem(f, X_add_rm, 8, RAX, X64_MEM0, 0);
  in_mem(f, X_add_rm, 8, RAX, X64_VMCTX, offsetof(VmCtx, fuel));
  in(f, X_ret, 0, 0, 0);
  rig_build(r);
  VmCtx other = { 0 };
  Activation act = { 0 };
  uint64_t memory = 1000, mine = 5;
  other.mem0_base = (uint8_t *)&memory, other.fuel = 20;
  r->vmctx->mem0_base = (uint8_t *)&mine, r->vmctx->activation = &act, r->vmctx->stack_limit = 0x2000;
  r->elems[0] = (TableElem){ .code = r->text + rig_record(r, 2)->code_off, .vmctx = &other };
  Value v[1] = { { .u64 = 3 } };
  assert_int_equal(rig_call(r, 1, v).trap, TRAP_none);
  assert_int_equal(v[0].u64, 1023);
  assert_ptr_equal(other.activation, &act);
  assert_ptr_equal((void *)other.stack_limit, (void *)0x2000);
  rig_free(r);
}

// A thunk with more than the headroom's share of arguments traps before it touches the stack.
static void thunks_with_many_arguments_check_the_stack(void **state)
{
  (void)state;
  Rig *r = rig_new();
  uint32_t type = rig_type(r, shapes[ARRAY_COUNT(shapes) - 1][0], "");
  rig_import(r, type);
  Fn *f = rig_func(r, rig_type(r, "", ""));
  X64Sig s = zw_x64_signature(&r->m, r->types[type].func, &r->keep);
  f->l.has_calls = true;
  in_imm(f, X_out_area, 0, 0, (int32_t)s.arg_bytes);
  in_mem(f, X_lea, 8, RAX, X64_VMCTX, sizeof(VmCtx));
  in(f, X_call_thunk, 0, 0, 0)->x = FX_THUNK(THUNK_XCALL, type);
  in(f, X_ret, 0, 0, 0);
  rig_build(r);
  uintptr_t local = (uintptr_t)&local;
  r->vmctx->stack_limit = local - 2048;
  Value v[1];
  unsigned steps;
  Outcome o = rig_step(r, 1, v, &steps);
  assert_int_equal(o.trap, TRAP_stack_overflow);
  assert_int_equal(rig_site(r, o.site_pc).kind, TRAP_stack_overflow);
  rig_free(r);
}

static void only_needed_thunks_are_made_and_equal_types_share_them(void **state)
{
  (void)state;
  Rig *r = rig_new();
  uint32_t a = rig_type(r, "l", "l"), b = rig_type(r, "l", "l"), c = rig_type(r, "d", "");
  r->types[b].canon = a;
  forwarder(r, b);
  r->funcs[0].declared_ref = false;
  Export e = { .kind = EXT_FUNC, .index = 0 };
  r->m.exports = &e, r->m.nexports = 1;
  rig_build(r);
  const Blob *blob = r->blob;
  assert_int_equal(blob->nfuncs, 5); // the function, ENTRY, XCALL, TRAP unreachable, TRAP stack_overflow
  assert_int_equal(blob->thunks[a].entry, blob->thunks[b].entry);
  assert_int_equal(blob->thunks[a].xcall, blob->thunks[b].xcall);
  assert_int_not_equal(blob->thunks[a].xcall, 0);
  assert_int_equal(blob->thunks[a].host, 0);
  assert_int_equal(blob->thunks[c].entry, 0);
  for (uint32_t k = 1; k < blob->nfuncs; k++)
    assert_true(blob->funcs[k].code_off >= blob->funcs[k - 1].code_off + blob->funcs[k - 1].code_bytes);
  rig_free(r);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(values_pass_from_c_through_wasm_to_c_and_back),
    cmocka_unit_test(a_call_into_another_instance_switches_the_pins),
    cmocka_unit_test(thunks_with_many_arguments_check_the_stack),
    cmocka_unit_test(only_needed_thunks_are_made_and_equal_types_share_them),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
