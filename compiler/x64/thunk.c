// Thunks at the borders, as runtime/abi/vmctx.h describes them: ENTRY (C into wasm), XCALL (wasm into another
// instance), HOST (wasm into C), TRAP; and the C side of objects (Target.glue): typed functions in System V's
// convention that pass their parameters in value arrays.  Each is written as LIR with fixed registers and goes through
// P4 like any function, so frames, unwind rows and records cannot differ in kind from those of compiled code.
//
// Integers beyond the registers are loaded and stored in one of rax (dead by then) or xmm15; 16-byte slots of the
// value array are written whole, with zeros above the value.
#include "compiler/x64/x64_int.h"
#include "runtime/base/bits.h"
#include "runtime/base/leb.h"
#include "runtime/base/vec.h"

enum { CHECKED_BYTES = 1024 }; // stack use of a thunk above this is checked; below, the limit's headroom holds it

typedef struct Thunk {
  const Module *m;
  Arena *s;
  VEC(Lir) lir;
  ZirFunc z;
  ZBlock block[2];
  LirChunk chunk[2];          // the second one, if any, begins at `split`
  uint32_t split;
  LirFunc l;
} Thunk;

static void add(Thunk *t, Lir i) { *zw_push(t->s, &t->lir) = i; }
static void load(Thunk *t, unsigned op, unsigned sz, unsigned rd, unsigned base, uint32_t off)
{
  add(t, (Lir){ .op = (uint16_t)op, .sz = (uint8_t)sz, .rd = (uint8_t)rd, .rn = (uint8_t)base, .rm = REG_NONE, .disp = (int32_t)off });
}
static void copy_reg(Thunk *t, unsigned rd, unsigned rn) { add(t, (Lir){ .op = X_mov_rr, .sz = 8, .rd = (uint8_t)rd, .rn = (uint8_t)rn }); }

// Copy n bytes (a multiple of 16) through xmm15.
static void copy_area(Thunk *t, unsigned to, uint32_t to_off, unsigned from, uint32_t from_off, uint32_t n)
{
  for (uint32_t k = 0; k < n; k += 16) {
    load(t, X_movups_rm, 16, XMM15, from, from_off + k);
    load(t, X_movups_mr, 16, XMM15, to, to_off + k);
  }
}

// Load a value of kind k into register rd: 32-bit kinds zero-extended.
static void load_value(Thunk *t, ValKind k, unsigned rd, unsigned base, uint32_t off)
{
  switch (k) {
  case VK_I32: load(t, X_mov_rm, 4, rd, base, off); break;
  case VK_I64: case VK_FUNCREF: case VK_REF: load(t, X_mov_rm, 8, rd, base, off); break;
  case VK_F32: load(t, X_movss_rm, 4, rd, base, off); break;
  case VK_F64: load(t, X_movsd_rm, 8, rd, base, off); break;
  case VK_V128: load(t, X_movups_rm, 16, rd, base, off); break;
  case VK_COUNT: BUG("no such kind");
  }
}

// Store register rd (integer or vector, of kind k) as a whole 16-byte slot.  f32 and f64 registers may have anything above.
static void store_slot(Thunk *t, ValKind k, unsigned rd, unsigned base, uint32_t off)
{
  if (k == VK_V128) {
    load(t, X_movups_mr, 16, rd, base, off);
    return;
  }
  bool narrow = k == VK_F32;
  if (rd < XMM0)
    load(t, X_mov_mr, 8, rd, base, off);
  else
    load(t, narrow ? X_movss_mr : X_movsd_mr, narrow ? 4 : 8, rd, base, off);
  if (narrow)
    load(t, X_mov_mi, 4, 0, base, off + 4);
  load(t, X_mov_mi, 8, 0, base, off + 8);
}

// Memory to memory through xmm15.  A loaded scalar has zeros above it, so a slot is written whole by one store.
static void copy_value(Thunk *t, ValKind k, unsigned to, uint32_t to_off, bool slot, unsigned from, uint32_t from_off)
{
  bool narrow = k == VK_I32 || k == VK_F32;
  if (k == VK_V128)
    load(t, X_movups_rm, 16, XMM15, from, from_off);
  else
    load(t, narrow ? X_movss_rm : X_movsd_rm, narrow ? 4 : 8, XMM15, from, from_off);
  if (slot || k == VK_V128)
    load(t, X_movups_mr, 16, XMM15, to, to_off);
  else
    load(t, X_movsd_mr, 8, XMM15, to, to_off);
}

static ValKind param_kind(const Thunk *t, const FuncType *f, uint32_t k) { return zw_val_kind(t->m, f->params[k]); }
static ValKind result_kind(const Thunk *t, const FuncType *f, uint32_t k) { return zw_val_kind(t->m, f->results[k]); }

// With the frame standing: trap when `bytes` below rsp would be too many.  tmp is clobbered.
static void check_stack(Thunk *t, unsigned tmp, uint32_t bytes)
{
  if (bytes <= CHECKED_BYTES)
    return;
  add(t, (Lir){ .op = X_lea, .sz = 8, .rd = (uint8_t)tmp, .rn = RSP, .rm = REG_NONE, .disp = -(int32_t)bytes });
  load(t, X_cmp_rm, 8, tmp, X64_VMCTX, offsetof(VmCtx, stack_limit));
  add(t, (Lir){ .op = X_trapcc, .cc = CC_BE, .x = TRAP_stack_overflow });
}

// rdi = array of 16-byte slots, rax = code.  The frame keeps the array's address and holds the result area.
static void entry_thunk(Thunk *t, const FuncType *f)
{
  X64Sig sig = zw_x64_signature(t->m, f, t->s);
  t->l.area_bytes = 16 + sig.result_bytes;
  check_stack(t, R9, sig.arg_bytes);
  load(t, X_mov_mr, 8, RDI, REG_AREA, 0);
  if (sig.arg_bytes)
    add(t, (Lir){ .op = X_out_area, .imm = (int32_t)sig.arg_bytes });
  for (uint32_t k = 0; k < f->nparams; k++)
    if (sig.params[k].reg == REG_NONE)
      copy_value(t, param_kind(t, f, k), REG_OUT, sig.params[k].off, false, RDI, 16 * k);
  if (sig.result_bytes) {
    unsigned reg = sig.result_area.reg == REG_NONE ? R9 : sig.result_area.reg;
    if (reg != RDI)
      load(t, X_lea, 8, reg, REG_AREA, 16);
    if (sig.result_area.reg == REG_NONE)
      load(t, X_mov_mr, 8, reg, REG_OUT, sig.result_area.off);
  }
  uint32_t in_rdi = UINT32_MAX; // loaded last
  for (uint32_t k = 0; k < f->nparams; k++)
    if (sig.params[k].reg == RDI)
      in_rdi = k;
    else if (sig.params[k].reg != REG_NONE)
      load_value(t, param_kind(t, f, k), sig.params[k].reg, RDI, 16 * k);
  if (in_rdi != UINT32_MAX)
    load_value(t, param_kind(t, f, in_rdi), RDI, RDI, 16 * in_rdi);
  if (sig.result_bytes && sig.result_area.reg == RDI)
    load(t, X_lea, 8, RDI, REG_AREA, 16);
  add(t, (Lir){ .op = X_call_r, .rd = RAX });
  load(t, X_mov_rm, 8, R9, REG_AREA, 0); // no result register
  for (uint32_t k = 0; k < f->nresults; k++) {
    X64Loc loc = sig.results[k];
    if (loc.reg != REG_NONE)
      store_slot(t, result_kind(t, f, k), loc.reg, R9, 16 * k);
    else
      copy_value(t, result_kind(t, f, k), R9, 16 * k, true, REG_AREA, 16 + loc.off);
  }
}

enum { HOST_FRAME_BYTES = 64 }; // of a HOST thunk besides its array, rounded up
enum { XCALL_ALIGN = 8 }; // two pushes and the return address: 8 more bytes make the frame even
// What stands behind an XCALL thunk's call: add rsp, 8; pop r14; pop r15.
#define XCALL_POPS 0x41, 0x5e, 0x41, 0x5f
enum { XCALL_POPS_AT = 4 };

static bool pops_where_expected(const FuncCode *c)
{
  static const uint8_t pops[] = { XCALL_POPS };
  const uint8_t *site = c->sites;
  uint32_t pc = 0, at = 0;
  for (uint32_t k = 0; k < c->nsites; k++) {
    uint64_t delta;
    const uint8_t *end = c->sites + c->sites_bytes;
    if (zw_leb_read_u(&site, end, 32, &delta) != LEB_OK)
      return false;
    pc += (uint32_t)delta;
    if (*site++ == SITE_CALL)
      at = pc;
    while (*site++ & 0x80)
      ;
  }
  return at && at + XCALL_POPS_AT + sizeof pops <= c->code_bytes && memcmp(c->bytes + at + XCALL_POPS_AT, pops, sizeof pops) == 0;
}

// rax = TableElem or FuncRef (code at 0, vmctx at 8).  Everything else passes through.
static void xcall_thunk(Thunk *t, const FuncType *f)
{
  X64Sig sig = zw_x64_signature(t->m, f, t->s);
  uint32_t slots = f->nparams > f->nresults ? f->nparams : f->nresults;
  t->l.used_saved = X64_BIT(R15) | X64_BIT(R14);
  t->l.arg_bytes = sig.arg_bytes;
  // a HOST thunk below relies on this check: its array has 16 bytes a value
  check_stack(t, R14, sig.arg_bytes + 16 * slots + HOST_FRAME_BYTES);
  load(t, X_mov_rm, 8, R14, RAX, offsetof(FuncRef, vmctx));
  STATIC_ASSERT(offsetof(VmCtx, activation) == offsetof(VmCtx, stack_limit) + 8, "one 16-byte copy");
  STATIC_ASSERT(offsetof(FuncRef, vmctx) == offsetof(TableElem, vmctx) && offsetof(FuncRef, code) == offsetof(TableElem, code), "either");
  copy_area(t, R14, offsetof(VmCtx, stack_limit), R15, offsetof(VmCtx, stack_limit), 16);
  copy_reg(t, R15, R14);
  load(t, X_mov_rm, 8, R14, R15, offsetof(VmCtx, mem0_base));
  if (sig.arg_bytes) {
    add(t, (Lir){ .op = X_out_area, .imm = (int32_t)sig.arg_bytes });
    copy_area(t, REG_OUT, 0, REG_ARG, 0, sig.arg_bytes);
  }
  add(t, (Lir){ .op = X_call_m, .rn = RAX, .rm = REG_NONE, .disp = offsetof(FuncRef, code) });
}

// r15 = HostFunc; called by an XCALL thunk of the same signature, whose frame holds the caller's r15.  C preserves what the
// internal convention wants, but r10 and r11.
static void host_thunk(Thunk *t, const FuncType *f)
{
  X64Sig sig = zw_x64_signature(t->m, f, t->s);
  uint32_t slots = f->nparams > f->nresults ? f->nparams : f->nresults;
  t->l.used_saved = X64_BIT(R10) | X64_BIT(R11);
  t->l.arg_bytes = sig.arg_bytes;
  t->l.area_bytes = 16 + 16 * slots;       // result area's address, then the array
  t->l.no_stack_check = true;
  bool area_in_reg = sig.result_bytes && sig.result_area.reg != REG_NONE;
  if (area_in_reg)
    load(t, X_mov_mr, 8, sig.result_area.reg, REG_AREA, 0);
  for (uint32_t k = 0; k < f->nparams; k++) {
    X64Loc loc = sig.params[k];
    if (loc.reg != REG_NONE)
      store_slot(t, param_kind(t, f, k), loc.reg, REG_AREA, 16 + 16 * k);
    else
      copy_value(t, param_kind(t, f, k), REG_AREA, 16 + 16 * k, true, REG_ARG, loc.off);
  }
  load(t, X_lea, 8, RDI, REG_AREA, 16);
  // above the stack arguments: XCALL's frame (XCALL_ALIGN), r14, r15
  load(t, X_mov_rm, 8, RSI, REG_ARG, sig.arg_bytes + XCALL_ALIGN + 8);
  add(t, (Lir){ .op = X_call_m, .rn = X64_VMCTX, .rm = REG_NONE, .disp = offsetof(VmCtx, host_shim) });
  if (sig.result_bytes) {
    if (area_in_reg)
      load(t, X_mov_rm, 8, R9, REG_AREA, 0);
    else
      load(t, X_mov_rm, 8, R9, REG_ARG, sig.result_area.off);
  }
  for (uint32_t k = 0; k < f->nresults; k++) {
    X64Loc loc = sig.results[k];
    if (loc.reg != REG_NONE)
      load_value(t, result_kind(t, f, k), loc.reg, REG_AREA, 16 + 16 * k);
    else
      copy_value(t, result_kind(t, f, k), R9, loc.off, false, REG_AREA, 16 + 16 * k);
  }
}

// Called by the stub of a site: [rsp] says which.  No frame of its own.
static FuncCode *trap_thunk(uint32_t kind, Arena *a)
{
  static const uint8_t code[9] = { 0xb8, 0, 0, 0, 0, 0x41, 0xff, 0x67, offsetof(VmCtx, trap_shim) }; // mov eax, kind; jmp [r15 + trap_shim]
  uint8_t *p = zw_arena_alloc(a, sizeof code, 16);
  memcpy(p, code, sizeof code);
  p[1] = (uint8_t)kind;
  FuncCode *f = zw_new(a, FuncCode);
  *f = (FuncCode){ .func = FX_THUNK(THUNK_TRAP, kind), .bytes = p, .nbytes = sizeof code, .code_bytes = sizeof code, .align = 16,
                   .flags = IMAGE_FUNC_THUNK_TRAP };
  return f;
}

// A tail call of rax = TableElem or FuncRef of another instance; the frame of its caller is gone already.  No frame either.
static FuncCode *tail_thunk(uint32_t type, Arena *a)
{
  STATIC_ASSERT(offsetof(VmCtx, is_host) < 128 && offsetof(VmCtx, mem0_base) == 0 && offsetof(FuncRef, code) == 0, "encoded here");
  static const uint8_t code[] = {
    0x4c, 0x8b, 0x70, offsetof(FuncRef, vmctx),           // mov r14, [rax + vmctx]
    0x41, 0x83, 0x7e, offsetof(VmCtx, is_host), 0,        // cmp dword [r14 + is_host], 0: a HOST thunk wants its caller in an XCALL frame
    0x75, 36,                                             // jne slow
    0x4c, 0x8b, 0x34, 0x24,                               // mov r14, [rsp]
    0x41, 0x81, 0x7e, XCALL_POPS_AT, XCALL_POPS,          // cmp dword [r14 + ..], pop r14; pop r15: no other code does that there
    0x75, 22,                                             // jne slow
    0x4c, 0x8b, 0x70, offsetof(FuncRef, vmctx),           // mov r14, [rax + vmctx]
    0x45, 0x0f, 0x10, 0x7f, offsetof(VmCtx, stack_limit), // movups xmm15, [r15 + stack_limit]: and activation
    0x45, 0x0f, 0x11, 0x7e, offsetof(VmCtx, stack_limit), // movups [r14 + stack_limit], xmm15
    0x4d, 0x89, 0xf7,                                     // mov r15, r14
    0x4d, 0x8b, 0x37,                                     // mov r14, [r15]
    0xff, 0x20,                                           // jmp [rax]
    0x4d, 0x8b, 0x37,                                     // slow: mov r14, [r15]
    0xe9, 0, 0, 0, 0,                                     // jmp XCALL
  };
  FuncCode *f = zw_new(a, FuncCode);
  Fixup *x = zw_new(a, Fixup);
  *x = (Fixup){ sizeof code - 4, FX_CALL, FX_THUNK(THUNK_XCALL, type) };
  uint8_t *p = zw_arena_alloc(a, sizeof code, 16);
  memcpy(p, code, sizeof code);
  *f = (FuncCode){ .func = FX_THUNK(THUNK_XTAIL, type), .bytes = p, .nbytes = sizeof code, .code_bytes = sizeof code, .align = 16,
                   .fixups = x, .nfixups = 1, .flags = IMAGE_FUNC_THUNK_XTAIL };
  return f;
}

static Thunk *begin(Ctx *ctx, const Module *m, const Arena *a)
{
  ASSERT(a != &ctx->func);
  Thunk *t = zw_new(&ctx->func, Thunk);
  t->m = m, t->s = &ctx->func;
  t->l.has_calls = true;
  return t;
}

static FuncCode *finish(Ctx *ctx, Thunk *t, const CodeOptions *o, Arena *a)
{
  add(t, (Lir){ .op = X_ret });
  t->block[0] = t->block[1] = (ZBlock){ .loop = UINT32_MAX };
  t->z.m = t->m, t->z.func = UINT32_MAX, t->z.blocks = t->block, t->z.nblocks = 2;
  t->chunk[0] = (LirChunk){ .end = t->split ? t->split : t->lir.n };
  t->chunk[1] = (LirChunk){ .label = 1, .block = 1, .first = t->split, .end = t->lir.n };
  t->l.z = &t->z, t->l.lir = t->lir.p, t->l.nlir = t->lir.n, t->l.chunks = t->chunk, t->l.nchunks = t->split ? 2 : 1;
  FuncCode *code = zw_new(a, FuncCode);
  zw_code_open(zw_x64_encode(ctx, &t->l, o, a), code);
  return code;
}

FuncCode *zw_x64_thunk(Ctx *ctx, const Module *m, uint32_t kind, uint32_t n, const CodeOptions *o, Arena *a)
{
  if (kind == THUNK_TRAP)
    return trap_thunk(n, a);
  if (kind == THUNK_XTAIL)
    return tail_thunk(n, a);
  CHECK(n < m->ntypes && m->types[n].kind == COMP_FUNC);
  const FuncType *f = m->types[n].func;
  ArenaMark mark = zw_arena_mark(&ctx->func);
  Thunk *t = begin(ctx, m, a);
  uint16_t flags = 0;
  switch (kind) {
  case THUNK_ENTRY: entry_thunk(t, f), flags = IMAGE_FUNC_THUNK_ENTRY; break;
  case THUNK_XCALL: xcall_thunk(t, f), flags = IMAGE_FUNC_THUNK_XCALL; break;
  case THUNK_HOST: host_thunk(t, f), flags = IMAGE_FUNC_THUNK_HOST; break;
  default: BUG("thunk kind %u", kind);
  }
  FuncCode *code = finish(ctx, t, o, a);
  ASSERT(kind != THUNK_XCALL || code->frame_bytes == XCALL_ALIGN);
  CHECK(kind != THUNK_XCALL || pops_where_expected(code)); // tail calls between instances look for it
  code->func = FX_THUNK(kind, n);
  code->flags = flags;
  zw_arena_release(&ctx->func, mark);
  return code;
}

// ---- the C side of objects ----
// System V x86-64 psABI, "Parameter Passing": integers in rdi rsi rdx rcx r8 r9, floats in xmm0-7, then 8 bytes each on
// the stack.  zwasm_v128_t, 16 bytes in a struct, takes two integer registers or, when two are not left, the stack.

typedef struct CLoc { uint8_t reg, reg2; uint32_t off; } CLoc; // reg REG_NONE: at off on the stack; reg2: of a v128
typedef struct CWalk { uint32_t gpr, xmm, off; } CWalk;

static const uint8_t c_gpr[6] = { RDI, RSI, RDX, RCX, R8, R9 };

static CLoc next_c(CWalk *w, ValKind k)
{
  CLoc loc = { REG_NONE, REG_NONE, 0 };
  uint32_t words = k == VK_V128 ? 2 : 1;
  if (k == VK_F32 || k == VK_F64) {
    if (w->xmm < 8) {
      loc.reg = (uint8_t)(XMM0 + w->xmm++);
      return loc;
    }
  } else if (w->gpr + words <= 6) {
    loc.reg = c_gpr[w->gpr];
    loc.reg2 = c_gpr[w->gpr + words - 1];
    w->gpr += words;
    return loc;
  }
  loc.off = w->off;
  w->off += 8 * words;
  return loc;
}

static uint32_t c_bytes(ValKind k) { return k == VK_V128 ? 16 : k == VK_I32 || k == VK_F32 ? 4 : 8; }
// Offset of the next field of a struct of results: zwasm_v128_t is bytes, the rest is aligned to its size.
static uint32_t next_field(uint32_t *end, ValKind k)
{
  uint32_t align = k == VK_V128 ? 1 : c_bytes(k), off = (*end + align - 1) & ~(align - 1);
  *end = off + c_bytes(k);
  return off;
}

// A C register to a slot; the upper half of an int32_t's register is anybody's.
static void store_c(Thunk *t, ValKind k, CLoc loc, unsigned base, uint32_t off)
{
  if (k == VK_V128) {
    load(t, X_mov_mr, 8, loc.reg, base, off);
    load(t, X_mov_mr, 8, loc.reg2, base, off + 8);
    return;
  }
  if (k == VK_I32)
    add(t, (Lir){ .op = X_mov_rr, .sz = 4, .rd = loc.reg, .rn = loc.reg });
  store_slot(t, k, loc.reg, base, off);
}
static void load_c(Thunk *t, ValKind k, CLoc loc, unsigned base, uint32_t off)
{
  if (k != VK_V128) {
    load_value(t, k, loc.reg, base, off);
    return;
  }
  load(t, X_mov_rm, 8, loc.reg, base, off);
  load(t, X_mov_rm, 8, loc.reg2, base, off + 8);
}
// A field of a struct from a slot, not a byte more.
static void copy_field(Thunk *t, ValKind k, unsigned to, uint32_t to_off, unsigned from, uint32_t from_off)
{
  if (k == VK_V128) {
    load(t, X_movups_rm, 16, XMM15, from, from_off);
    load(t, X_movups_mr, 16, XMM15, to, to_off);
  } else {
    bool narrow = c_bytes(k) == 4;
    load(t, narrow ? X_movss_rm : X_movsd_rm, 8, XMM15, from, from_off);
    load(t, narrow ? X_movss_mr : X_movsd_mr, 8, XMM15, to, to_off);
  }
}

static CLoc c_result(ValKind k) { return (CLoc){ k == VK_F32 || k == VK_F64 ? XMM0 : RAX, RDX, 0 }; }

// R f(inst, params..., [R *]) or zwasm_status_t f_try(inst, params..., [R *]): frame: address of R, slots.
static void call_glue(Thunk *t, const FuncType *f, uint32_t func, bool try)
{
  uint32_t slots = f->nparams > f->nresults ? f->nparams : f->nresults;
  bool to_memory = f->nresults > (try ? 0 : 1);
  t->l.no_stack_check = true;
  t->l.area_bytes = 16 + 16 * slots;
  CWalk w = { .gpr = 1 };
  for (uint32_t k = 0; k < f->nparams; k++) {
    ValKind kind = param_kind(t, f, k);
    CLoc loc = next_c(&w, kind);
    if (loc.reg == REG_NONE)
      copy_value(t, kind, REG_AREA, 16 + 16 * k, true, REG_ARG, loc.off);
    else
      store_c(t, kind, loc, REG_AREA, 16 + 16 * k);
  }
  if (to_memory) {
    CLoc loc = next_c(&w, VK_I64);
    if (loc.reg == REG_NONE)
      load(t, X_mov_rm, 8, loc.reg = RAX, REG_ARG, loc.off);
    load(t, X_mov_mr, 8, loc.reg, REG_AREA, 0);
  }
  add(t, (Lir){ .op = X_mov_ri, .sz = 4, .rd = RSI, .imm = (int32_t)func });
  load(t, X_lea, 8, RDX, REG_AREA, 16);
  add(t, (Lir){ .op = X_call });
  if (try && f->nresults) {
    add(t, (Lir){ .op = X_test_rr, .sz = 4, .rd = RAX, .rn = RAX });
    add(t, (Lir){ .op = X_jcc, .cc = CC_NE, .x = 1 });
  }
  if (to_memory) {
    load(t, X_mov_rm, 8, RCX, REG_AREA, 0);
    for (uint32_t k = 0, end = 0; k < f->nresults; k++) {
      ValKind kind = result_kind(t, f, k);
      copy_field(t, kind, RCX, next_field(&end, kind), REG_AREA, 16 + 16 * k);
    }
  } else if (f->nresults)
    load_c(t, result_kind(t, f, 0), c_result(result_kind(t, f, 0)), REG_AREA, 16);
  if (try && f->nresults)
    t->split = t->lir.n;
}

// zwasm_host_fn_t: rdi = env, rdx = slots.  Frame: stack arguments, address of the slots, struct of results.
// field: the function is a word in the array that env begins with, else a symbol.
static void import_glue(Thunk *t, const FuncType *f, bool field, uint32_t func)
{
  CWalk w = { .gpr = 1 };
  for (uint32_t k = 0; k < f->nparams; k++)
    next_c(&w, param_kind(t, f, k));
  if (f->nresults > 1)
    next_c(&w, VK_I64);
  uint32_t keep = (uint32_t)zw_align_up(w.off, 16), out = keep + 16, end = 0;
  for (uint32_t k = 0; k < f->nresults; k++)
    next_field(&end, result_kind(t, f, k));
  t->l.area_bytes = (uint32_t)zw_align_up(out + end, 16);
  t->l.no_stack_check = true;
  load(t, X_mov_mr, 8, RDX, REG_AREA, keep);
  copy_reg(t, RAX, RDX);
  w = (CWalk){ .gpr = 1 };
  for (uint32_t k = 0; k < f->nparams; k++) {
    ValKind kind = param_kind(t, f, k);
    CLoc loc = next_c(&w, kind);
    if (loc.reg != REG_NONE)
      load_c(t, kind, loc, RAX, 16 * k);
    else
      copy_value(t, kind, REG_AREA, loc.off, false, RAX, 16 * k);
  }
  if (f->nresults > 1) {
    CLoc loc = next_c(&w, VK_I64);
    unsigned reg = loc.reg == REG_NONE ? RAX : loc.reg;
    load(t, X_lea, 8, reg, REG_AREA, out);
    if (loc.reg == REG_NONE)
      load(t, X_mov_mr, 8, reg, REG_AREA, loc.off);
  }
  if (field) {
    load(t, X_mov_rm, 8, RAX, RDI, 0);
    add(t, (Lir){ .op = X_call_m, .rn = RAX, .rm = REG_NONE, .disp = 8 * (int32_t)func });
  } else
    add(t, (Lir){ .op = X_call });
  if (f->nresults)
    load(t, X_mov_rm, 8, RCX, REG_AREA, keep);
  end = 0;
  for (uint32_t k = 0; k < f->nresults; k++) {
    ValKind kind = result_kind(t, f, k);
    if (f->nresults == 1)
      store_c(t, kind, c_result(kind), RCX, 0);
    else
      copy_value(t, kind, RCX, 16 * k, true, REG_AREA, out + next_field(&end, kind));
  }
}

static FuncCode *jump_glue(const uint8_t *code, uint32_t n, uint32_t jump_at, uint32_t lea_at, uint32_t func, Arena *a)
{
  FuncCode *f = zw_new(a, FuncCode);
  Fixup *x = zw_new_array(a, Fixup, 2);
  x[0] = (Fixup){ jump_at, FX_CALL, 0 };
  x[1] = (Fixup){ lea_at, FX_CALL, 0 };
  uint8_t *p = zw_arena_alloc(a, n, 16);
  memcpy(p, code, n);
  *f = (FuncCode){ .func = func, .bytes = p, .nbytes = n, .code_bytes = n, .align = 16, .fixups = x, .nfixups = lea_at ? 2 : 1 };
  return f;
}

FuncCode *zw_x64_glue(Ctx *ctx, const Module *m, uint32_t kind, uint32_t func, Arena *a)
{
  if (kind == GLUE_MODULE) { // mov rcx, rdx; mov rdx, rsi; mov rsi, rdi; lea rdi, [rip + descriptor]; jmp
    static const uint8_t code[21] = { 0x48, 0x89, 0xd1, 0x48, 0x89, 0xf2, 0x48, 0x89, 0xfe, 0x48, 0x8d, 0x3d, 0, 0, 0, 0, 0xe9 };
    return jump_glue(code, sizeof code, 17, 12, func, a);
  }
  if (kind == GLUE_INDEX) { // mov esi, func; jmp
    uint8_t code[10] = { 0xbe, 0, 0, 0, 0, 0xe9 };
    zw_put32(code + 1, func);
    return jump_glue(code, sizeof code, 6, 0, func, a);
  }
  const FuncType *f = zw_func_type(m, func);
  ArenaMark mark = zw_arena_mark(&ctx->func);
  Thunk *t = begin(ctx, m, a);
  if (kind == GLUE_IMPORT || kind == GLUE_IMPORT_FIELD)
    import_glue(t, f, kind == GLUE_IMPORT_FIELD, func);
  else
    call_glue(t, f, func, kind == GLUE_TRY);
  FuncCode *code = finish(ctx, t, NULL, a);
  ASSERT(code->nfixups == (kind != GLUE_IMPORT_FIELD));
  code->func = func;
  zw_arena_release(&ctx->func, mark);
  return code;
}
