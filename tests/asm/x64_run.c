#define _GNU_SOURCE // the names of machine registers in a signal context
#include "x64_run.h"
#include "runtime/base/leb.h"
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

// ---- building ----

Rig *rig_new(void)
{
  Rig *r = calloc(1, sizeof *r);
  assert_non_null(r);
  zw_ctx_init(&r->ctx);
  zw_arena_init(&r->keep, NULL, NULL);
  r->m.ctx = &r->ctx;
  r->m.types = r->types;
  r->m.funcs = r->funcs;
  r->m.start = UINT32_MAX;
  r->o.cpu_bits = CPU_X86_64_V2;
  return r;
}

void rig_free(Rig *r)
{
  if (r->text)
    munmap(r->text, r->blob->text_bytes);
  free(r->vmctx);
  zw_arena_free(&r->keep);
  zw_ctx_free(&r->ctx);
  free(r);
}

static ValType type_of(char c)
{
  switch (c) {
  case 'i': return VT_I32;
  case 'l': return VT_I64;
  case 'f': return VT_F32;
  case 'd': return VT_F64;
  case 'v': return VT_V128;
  default: return VT_EXTERNREF;
  }
}

static const ValType *types_of(Rig *r, const char *letters)
{
  ValType *t = zw_new_array(&r->keep, ValType, strlen(letters) + 1);
  for (unsigned k = 0; letters[k]; k++)
    t[k] = type_of(letters[k]);
  return t;
}

uint32_t rig_type(Rig *r, const char *params, const char *results)
{
  uint32_t n = r->m.ntypes++;
  assert_true(n < MAX_TYPES);
  r->types[n] = (TypeDef){ .kind = COMP_FUNC, .canon = n };
  FuncType *t = zw_new(&r->keep, FuncType);
  *t = (FuncType){ (uint32_t)strlen(params), (uint32_t)strlen(results), types_of(r, params), types_of(r, results) };
  r->types[n].func = t;
  return n;
}

void rig_import(Rig *r, uint32_t type)
{
  assert_int_equal(r->m.nfuncs, r->m.nimported_funcs);
  r->funcs[r->m.nfuncs++] = (Func){ .type = type, .import = r->m.nimported_funcs++ };
}

Fn *rig_func(Rig *r, uint32_t type)
{
  uint32_t n = r->m.nfuncs++;
  assert_true(n < MAX_FUNCS);
  r->funcs[n] = (Func){ .type = type, .import = UINT32_MAX, .at = 0x1000 + n, .declared_ref = true };
  Fn *f = &r->fn[n];
  f->a = &r->keep;
  f->z.m = &r->m, f->z.func = n, f->z.type = type;
  f->z.blocks = f->blocks, f->z.nblocks = ARRAY_COUNT(f->blocks);
  for (unsigned k = 0; k < ARRAY_COUNT(f->blocks); k++)
    f->blocks[k].loop = UINT32_MAX;
  f->l.arg_bytes = zw_x64_signature(&r->m, r->types[type].func, &r->keep).arg_bytes;
  chunk(f, 0, false);
  return f;
}

void chunk(Fn *f, uint32_t label, bool cold)
{
  uint32_t block = label & LABEL_STUB ? 0 : label;
  *zw_push(f->a, &f->chunks) = (LirChunk){ .label = label, .first = f->lir.n, .end = f->lir.n, .block = block, .cold = cold };
}

static Lir *add(Fn *f, Lir i)
{
  *zw_push(f->a, &f->lir) = i;
  f->chunks.p[f->chunks.n - 1].end = f->lir.n;
  return &f->lir.p[f->lir.n - 1];
}

Lir *in(Fn *f, unsigned op, unsigned sz, unsigned rd, unsigned rn)
{
  return add(f, (Lir){ .op = (uint16_t)op, .sz = (uint8_t)sz, .rd = (uint8_t)rd, .rn = (uint8_t)rn, .rm = REG_NONE });
}
Lir *in_imm(Fn *f, unsigned op, unsigned sz, unsigned rd, int32_t imm)
{
  return add(f, (Lir){ .op = (uint16_t)op, .sz = (uint8_t)sz, .rd = (uint8_t)rd, .imm = imm });
}
Lir *in_mem(Fn *f, unsigned op, unsigned sz, unsigned rd, unsigned base, int32_t disp)
{
  return add(f, (Lir){ .op = (uint16_t)op, .sz = (uint8_t)sz, .rd = (uint8_t)rd, .rn = (uint8_t)base, .rm = REG_NONE, .disp = disp });
}
Lir *jump(Fn *f, int cc, uint32_t label) { return add(f, (Lir){ .op = cc < 0 ? X_jmp : X_jcc, .cc = (uint8_t)cc, .x = label }); }

void slots(Fn *f, unsigned n, unsigned bytes)
{
  for (unsigned k = 0; k < n; k++) {
    assert_true(f->l.nslots < ARRAY_COUNT(f->slot_bytes));
    f->slot_bytes[f->l.nslots++] = (uint8_t)bytes;
  }
}

// Tests write their chunks as they like: the cold ones go last, and labels are counted.
static void order_chunks(Rig *r, LirFunc *l, const LirChunk *from, uint32_t n)
{
  l->chunks = zw_new_array(&r->keep, LirChunk, n);
  for (int cold = 0; cold < 2; cold++)
    for (uint32_t k = 0; k < n; k++)
      if (from[k].cold == cold) {
        l->chunks[l->nchunks++] = from[k];
        if (from[k].label & LABEL_STUB && (from[k].label & ~LABEL_STUB) >= l->nstubs)
          l->nstubs = (from[k].label & ~LABEL_STUB) + 1;
      }
}

void rig_take(Rig *r, uint32_t k, const PackedCode *code)
{
  r->packed[k] = code;
  r->codes[k] = zw_new(&r->keep, FuncCode);
  zw_code_open(code, r->codes[k]);
}

static void encode(Rig *r, uint32_t k)
{
  Fn *f = &r->fn[k];
  LirFunc *l = &f->l;
  if (r->codes[k - r->m.nimported_funcs]) // somebody else made it
    return;
  l->z = &f->z;
  l->lir = f->lir.p, l->nlir = f->lir.n;
  order_chunks(r, l, f->chunks.p, f->chunks.n);
  l->tables = f->tables.p, l->ntables = f->tables.n, l->table_labels = f->table_labels.p;
  l->maps = f->maps.p, l->nmaps = f->maps.n, l->map_slots = f->map_slots.p;
  l->consts = f->consts.p, l->nconsts = f->consts.n;
  l->slot_bytes = f->slot_bytes, l->slot_weight = f->slot_weight;
  rig_take(r, k - r->m.nimported_funcs, zw_x64_encode(&r->ctx, l, &r->o, &r->keep));
}

static void build(Ctx *c, void *arg)
{
  (void)c;
  Rig *r = arg;
  for (uint32_t k = r->m.nimported_funcs; k < r->m.nfuncs; k++)
    encode(r, k);
  r->blob = zw_blob_build(&r->m, &zw_x64_target, &r->o, r->packed, &r->keep);
  r->eh = zw_eh_frame_build(r->blob, &zw_x64_target, &r->keep);
}

extern char zw_test_trap[];

void rig_build(Rig *r)
{
  if (!zw_guard(&r->ctx, build, r))
    fail_msg("%s", r->ctx.diag.text);
  r->text = mmap(NULL, r->blob->text_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  assert_ptr_not_equal(r->text, MAP_FAILED);
  memcpy(r->text, r->blob->text, r->blob->text_bytes);
  assert_int_equal(mprotect(r->text, r->blob->text_bytes, PROT_READ | PROT_EXEC), 0);
  if (getenv("ZW_DUMP")) {
    Text t;
    zw_text_init(&t, &r->keep);
    for (uint32_t k = 0; k < r->blob->nfuncs; k++) {
      const ImageFunc *f = &r->blob->funcs[k];
      zw_text_printf(&t, "func %u\n", k);
      zw_x64_disassemble(r->text + f->code_off, f->code_bytes, f->code_off, &t);
    }
    puts(t.p);
  }
  r->vmctx = calloc(1, sizeof(VmCtx) + 64 * sizeof(TableElem));
  assert_non_null(r->vmctx);
  r->elems = (TableElem *)(r->vmctx + 1);
  r->vmctx->trap_shim = zw_test_trap;
}

// ---- running ----

// zw_test_enter(thunk, code, vmctx, args, out): saves C's registers, fills the callee-saved ones of the internal convention with
// known values, calls the thunk and writes those registers and rsp's change to out[0..8].  A trap ends up behind the
// call with eax = kind (out[9]) and the site's pc in out[10].
__asm__(".intel_syntax noprefix\n"
        ".text\n.globl zw_test_enter\nzw_test_enter:\n"
        "push rbx\npush rbp\npush r12\npush r13\npush r14\npush r15\npush r8\n" // rsp is now a multiple of 16
        "mov rax, rsi\nmov r15, rdx\nmov r14, [r15]\nmov r9, rdi\nmov rdi, rcx\n"
        "mov [rip+zw_test_sp], rsp\n"
        "mov ebx, 0x1001\nmov ebp, 0x1002\nmov r10d, 0x1003\nmov r11d, 0x1004\nmov r12d, 0x1005\nmov r13d, 0x1006\n"
        "cmp dword ptr [rip+zw_test_stepping], 0\nje 1f\n"
        "pushfq\nor dword ptr [rsp], 0x100\npopfq\n"
        "1: call r9\n"
        ".globl zw_test_back\nzw_test_back:\n"
        "xor eax, eax\n"
        "2: mov r8, [rip+zw_test_sp]\nsub r8, rsp\nmov rsp, [rip+zw_test_sp]\n"
        "pop r9\nmov [r9], rbx\nmov [r9+8], rbp\nmov [r9+16], r10\nmov [r9+24], r11\nmov [r9+32], r12\nmov [r9+40], r13\n"
        "mov [r9+48], r14\nmov [r9+56], r15\nmov [r9+64], r8\nmov [r9+72], rax\n"
        "pushfq\nand dword ptr [rsp], 0xfffffeff\npopfq\n"
        "pop r15\npop r14\npop r13\npop r12\npop rbp\npop rbx\nret\n"
        ".globl zw_test_trap\nzw_test_trap:\n"
        "mov rdx, [rsp]\nmov [rip+zw_test_site], rdx\nmov rsp, [rip+zw_test_sp]\njmp 2b\n"
        ".att_syntax\n");
void zw_test_enter(void *thunk, void *code, VmCtx *v, Value *args, uint64_t out[10]);
extern char zw_test_back[];
uint64_t zw_test_sp, zw_test_site;
int zw_test_stepping;

static const uint8_t watched[8] = { RBX, RBP, R10, R11, R12, R13, R14, R15 };

const ImageFunc *rig_record(const Rig *r, uint32_t func) { return &r->blob->funcs[r->blob->func_code[func - r->m.nimported_funcs]]; }

Outcome rig_call(Rig *r, uint32_t func, Value *args)
{
  uint64_t out[10] = { 0 };
  uint32_t thunk = r->blob->thunks[r->funcs[func].type].entry;
  assert_int_not_equal(thunk, 0);
  zw_test_site = 0;
  zw_test_enter(r->text + thunk, r->text + rig_record(r, func)->code_off, r->vmctx, args, out);
  if (out[9])
    return (Outcome){ (uint32_t)out[9], (uint32_t)(zw_test_site - (uint64_t)(uintptr_t)r->text) };
  for (unsigned k = 0; k < 6; k++)
    assert_int_equal(out[k], 0x1001 + k);
  assert_ptr_equal((void *)(uintptr_t)out[7], r->vmctx);
  assert_ptr_equal((void *)(uintptr_t)out[6], r->vmctx->mem0_base);
  assert_int_equal(out[8], 0);
  return (Outcome){ 0 };
}

Site rig_site(const Rig *r, uint32_t pc)
{
  for (uint32_t k = 0; k < r->blob->nfuncs; k++) {
    const ImageFunc *f = &r->blob->funcs[k];
    if (pc < f->code_off || pc > f->code_off + f->code_bytes)
      continue;
    const uint8_t *p = r->blob->sites + f->sites, *end = r->blob->sites + r->blob->sites_bytes;
    uint64_t at = f->code_off, delta;
    int64_t wasm = 0, d;
    for (uint32_t n = 0; n < f->nsites; n++) {
      assert_int_equal(zw_leb_read_u(&p, end, 32, &delta), LEB_OK);
      uint8_t kind = *p++;
      assert_int_equal(zw_leb_read_s(&p, end, 32, &d), LEB_OK);
      at += delta, wasm += d;
      if (at == pc)
        return (Site){ kind, (uint32_t)wasm };
    }
  }
  return (Site){ 0xff, 0 };
}

// ---- unwinding from every instruction ----

typedef struct Rule { bool cfa; int64_t off; bool same, value; } Rule; // caller's register: [CFA + off], CFA + off, or the same
typedef struct Row { unsigned cfa_reg; int64_t cfa_off; Rule reg[17]; } Row;
typedef struct Regs { uint64_t r[17]; } Regs; // by DWARF number; 16 = pc

static uint64_t uleb(const uint8_t **p)
{
  uint64_t v;
  assert_int_equal(zw_leb_read_u(p, *p + 10, 64, &v), LEB_OK);
  return v;
}
static int64_t sleb(const uint8_t **p)
{
  int64_t v;
  assert_int_equal(zw_leb_read_s(p, *p + 10, 64, &v), LEB_OK);
  return v;
}

// Run call frame instructions until `pc` (offset in the function) is passed.
static void run_cfi(Row *row, const Row *initial, const uint8_t *p, const uint8_t *end, uint32_t pc)
{
  Row saved[4];
  unsigned depth = 0;
  uint32_t at = 0;
  while (p < end) {
    uint8_t op = *p++, low = op & 0x3f;
    switch (op & 0xc0) {
    case 0x40: at += low; break;
    case 0x80: row->reg[low] = (Rule){ .cfa = true, .off = -8 * (int64_t)uleb(&p) }; continue;
    case 0xc0: row->reg[low] = initial->reg[low]; continue;
    default:
      switch (op) {
      case 0: continue;
      case 2: at += *p++; break;
      case 3: at += zw_get16(p), p += 2; break;
      case 4: at += zw_get32(p), p += 4; break;
      case 10: assert_true(depth < 4); saved[depth++] = *row; continue;
      case 11: assert_true(depth > 0); *row = saved[--depth]; continue;
      case 12: row->cfa_reg = (unsigned)uleb(&p), row->cfa_off = (int64_t)uleb(&p); continue;
      case 14: row->cfa_off = (int64_t)uleb(&p); continue;
      case 0x15: {
        unsigned reg = (unsigned)uleb(&p);
        row->reg[reg] = (Rule){ .cfa = true, .value = true, .off = -8 * sleb(&p) };
        continue;
      }
      default: fail_msg("call frame instruction %02x", op);
      }
    }
    if (at > pc)
      return;
  }
}

static Row row_at(const Rig *r, uint32_t pc)
{
  Row initial = { 0 };
  for (unsigned k = 0; k < 17; k++)
    initial.reg[k] = (Rule){ .same = true };
  initial.reg[7] = (Rule){ .cfa = true, .value = true };
  const uint8_t *cie = r->eh.bytes, *end = cie + 4 + zw_get32(cie);
  run_cfi(&initial, &initial, cie + 17, end, 0); // behind the augmentation data
  for (uint32_t k = 0; k < r->eh.nrelocs; k++) {
    const uint8_t *fde = r->eh.bytes + r->eh.reloc_at[k] - 8;
    uint32_t start = r->eh.reloc_text_off[k], bytes = zw_get32(fde + 12);
    if (pc < start || pc >= start + bytes)
      continue;
    Row row = initial;
    run_cfi(&row, &initial, fde + 17, fde + 4 + zw_get32(fde), pc - start);
    return row;
  }
  fail_msg("no unwind entry for pc %x", pc);
  return initial;
}

static void unwind(const Row *row, Regs *g)
{
  Regs old = *g;
  uint64_t cfa = old.r[row->cfa_reg] + (uint64_t)row->cfa_off;
  for (unsigned k = 0; k < 17; k++) {
    const Rule *q = &row->reg[k];
    if (!q->same)
      g->r[k] = q->value ? cfa + (uint64_t)q->off : *(uint64_t *)(uintptr_t)(cfa + (uint64_t)q->off);
  }
}

static Rig *stepped;
static unsigned nsteps;
static char step_error[200];

// From the interrupted registers out to zw_test_enter: it must be reached with its stack pointer and its values of the
// callee-saved registers.
static void check_unwind(Regs g, uint32_t first_pc)
{
  bool top = true;
  uint64_t base = (uint64_t)(uintptr_t)stepped->text;
  for (unsigned depth = 0; g.r[16] != (uint64_t)(uintptr_t)zw_test_back; depth++) {
    uint64_t pc = g.r[16] - base - !top;
    if (pc >= stepped->blob->text_bytes || depth > 20) {
      snprintf(step_error, sizeof step_error, "at pc %x: frame %u has pc %llx", first_pc, depth, (unsigned long long)g.r[16]);
      return;
    }
    Row row = row_at(stepped, (uint32_t)pc);
    unwind(&row, &g);
    top = false;
  }
  if (g.r[7] != zw_test_sp)
    snprintf(step_error, sizeof step_error, "at pc %x: rsp is off by %lld", first_pc, (long long)(g.r[7] - zw_test_sp));
  for (unsigned k = 0; k < 6; k++)
    if (g.r[zw_x64_dwarf[watched[k]]] != 0x1001 + k)
      snprintf(step_error, sizeof step_error, "at pc %x: %s was lost", first_pc, zw_x64_reg_name(watched[k], 8));
  if (g.r[15] != (uint64_t)(uintptr_t)stepped->vmctx)
    snprintf(step_error, sizeof step_error, "at pc %x: r15 was lost", first_pc);
}

static void on_step(int sig, siginfo_t *info, void *context)
{
  (void)sig, (void)info;
  const greg_t *c = ((ucontext_t *)context)->uc_mcontext.gregs;
  uint64_t pc = (uint64_t)c[REG_RIP] - (uint64_t)(uintptr_t)stepped->text;
  if (pc >= stepped->blob->text_bytes || step_error[0])
    return;
  nsteps++;
  Regs g = { { (uint64_t)c[REG_RAX], (uint64_t)c[REG_RDX], (uint64_t)c[REG_RCX], (uint64_t)c[REG_RBX], (uint64_t)c[REG_RSI],
               (uint64_t)c[REG_RDI], (uint64_t)c[REG_RBP], (uint64_t)c[REG_RSP], (uint64_t)c[REG_R8], (uint64_t)c[REG_R9],
               (uint64_t)c[REG_R10], (uint64_t)c[REG_R11], (uint64_t)c[REG_R12], (uint64_t)c[REG_R13], (uint64_t)c[REG_R14],
               (uint64_t)c[REG_R15], (uint64_t)c[REG_RIP] } };
  check_unwind(g, (uint32_t)pc);
}

Outcome rig_step(Rig *r, uint32_t func, Value *args, unsigned *steps)
{
  struct sigaction act = { .sa_sigaction = on_step, .sa_flags = SA_SIGINFO }, old;
  assert_int_equal(sigaction(SIGTRAP, &act, &old), 0);
  stepped = r, nsteps = 0, step_error[0] = 0;
  zw_test_stepping = 1;
  Outcome o = rig_call(r, func, args);
  zw_test_stepping = 0;
  sigaction(SIGTRAP, &old, NULL);
  if (step_error[0])
    fail_msg("%s", step_error);
  *steps = nsteps;
  return o;
}
