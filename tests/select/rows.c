// Every NUM and TNUM row through selection, allocation and encoding, against num.h: operands in registers, in memory,
// constant, equal, still wanted afterwards; results of compares also in branches and selects; on the baseline CPU and
// with everything this machine has.
#include "../alloc/zir_rig.h"
#include "meaning.h"

static uint64_t seed = 88172645463325252ull;
static uint64_t rnd(void)
{
  seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
  return seed * 0x2545f4914f6cdd1dull;
}

typedef struct Out { char *p; size_t n, cap; } Out;
static void say(Out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(Out *o, const char *fmt, ...)
{
  va_list ap;
  va_start(ap, fmt);
  int n = vsnprintf(o->p + o->n, o->cap - o->n, fmt, ap);
  va_end(ap);
  assert_true(n >= 0 && (size_t)n < o->cap - o->n);
  o->n += (size_t)n;
}

static const char *const kind_name[] = { "i32", "i64", "f32", "f64", "v128", "funcref", "ref" };

static void constant(Out *o, ValKind k, Value v)
{
  switch (k) {
  case VK_I32: say(o, "i32 %d", v.i32); break;
  case VK_I64: say(o, "i64 %lld", (long long)v.i64); break;
  case VK_F32: say(o, "f32 0x%x", v.u32); break;
  case VK_F64: say(o, "f64 0x%llx", (unsigned long long)v.u64); break;
  default: say(o, "vec 0x%llx 0x%llx", (unsigned long long)v.u64x2[0], (unsigned long long)v.u64x2[1]); break;
  }
}

enum Shape { PLAIN, KEEP /* operands live on */, LOADED /* the last operand in memory */, FIRST_LOADED, CONST_LAST, CONST_FIRST, EQUAL,
             BRANCH, NOT_BRANCH, SELECT, SHAPES };
static const char *const shape_name[] = { "plain", "operands live on", "last operand in memory", "first operand in memory", "last operand constant",
                                          "first operand constant", "equal operands", "branch", "branch on eqz", "select" };

// One function; parameters are the row's operands (their addresses when loaded), results its results, then kept operands.
static void write_function(Out *o, Op op, enum Shape shape, Value c, uint32_t lane)
{
  const OpInfo *info = &zw_op_info[op];
  unsigned n = info->nin;
  unsigned loaded = shape == LOADED ? n - 1 : shape == FIRST_LOADED ? 0 : 99, fixed = shape == CONST_LAST ? n - 1 : shape == CONST_FIRST ? 0 : 99;
  say(o, "func f0 (");
  for (unsigned k = 0; k < n; k++)
    say(o, "%s%s", k ? ", " : "", k == loaded ? "i32" : kind_name[info->in[k]]);
  say(o, ") -> (");
  bool flag = shape == BRANCH || shape == NOT_BRANCH || shape == SELECT;
  for (unsigned k = 0; k < info->nout; k++)
    say(o, "%s%s", k ? ", " : "", flag ? "i64" : kind_name[info->out[k]]);
  if (shape == KEEP)
    for (unsigned k = 0; k < n; k++)
      say(o, ", %s", kind_name[info->in[k]]);
  say(o, ")\nb0:\n");
  unsigned v = 0, operand[4];
  for (unsigned k = 0; k < n; k++)
    say(o, " v%u:%s = param %u\n", operand[k] = v, k == loaded ? "i32" : kind_name[info->in[k]], k), v++;
  if (loaded < n) {
    say(o, " v%u:%s = %s.load v%u +8 @1\n", v, kind_name[info->in[loaded]], kind_name[info->in[loaded]], operand[loaded]);
    operand[loaded] = v++;
  }
  unsigned r = v++;
  say(o, " v%u:%s = %s ", r, kind_name[info->out[0]], info->text);
  for (unsigned k = 0; k < n; k++) {
    if (k)
      say(o, ", ");
    if (k == fixed)
      constant(o, info->in[k], c);
    else
      say(o, "v%u", shape == EQUAL ? operand[0] : operand[k]);
  }
  if (info->flags & OPF_LANEIMM)
    say(o, " #%u", lane);
  say(o, "%s\n", info->kind == OPK_TNUM ? " @5" : "");
  if (shape == SELECT)
    say(o, " v%u:i64 = sel i64 7, i64 9, v%u\n", v, r), r = v++;
  if (shape == NOT_BRANCH)
    say(o, " v%u:i32 = i32.eqz v%u\n", v, r), r = v++;
  if (shape == BRANCH || shape == NOT_BRANCH) {
    say(o, " br v%u, b1, b2\nb1:\n ret (i64 %d)\nb2:\n ret (i64 %d)\n", r, shape == BRANCH ? 7 : 9, shape == BRANCH ? 9 : 7);
    return;
  }
  say(o, " ret (v%u", r);
  for (unsigned k = 1; k < info->nout; k++) // the results beyond the first are values of their own
    say(o, ", v%u", r + k);
  if (shape == KEEP)
    for (unsigned k = 0; k < n; k++)
      say(o, ", v%u", operand[k]);
  say(o, ")\n");
}

static bool applies(const OpInfo *info, enum Shape shape)
{
  bool flag = info->out[0] == VK_I32 && (strstr(info->text, ".eq") || strstr(info->text, ".ne") || strstr(info->text, ".l") ||
                                         strstr(info->text, ".g") || strstr(info->text, "_true"));
  switch (shape) {
  case PLAIN: case KEEP: case FIRST_LOADED: return true;
  case LOADED: case CONST_LAST: case EQUAL: return info->nin == 2 && (shape != EQUAL || info->in[0] == info->in[1]);
  case CONST_FIRST: return info->nin == 2;
  case BRANCH: case NOT_BRANCH: case SELECT: return flag && info->nout == 1 && !(info->flags & OPF_LANEIMM);
  case SHAPES: break;
  }
  return false;
}

static void try_values(ZirRig *g, Op op, enum Shape shape, Value c, uint32_t lane, uint32_t round)
{
  const OpInfo *info = &zw_op_info[op];
  unsigned n = info->nin, lanes;
  bool open = nan_is_open(op, &lanes), flag = shape == BRANCH || shape == NOT_BRANCH || shape == SELECT;
  Value in[4], args[8] = { { .u64x2 = { 0, 0 } } }, want[8] = { { .u64x2 = { 0, 0 } } };
  for (unsigned k = 0; k < n; k++) {
    in[k] = interesting(info->in[k], k == 0 ? round % MEANING_VALUES : k == 1 ? round / MEANING_VALUES : (uint32_t)(rnd() >> 40) % 30, rnd);
    if (k == n - 1 && shape == CONST_LAST)
      in[k] = c;
    if (k == 0 && shape == CONST_FIRST)
      in[k] = c;
    if (k == 1 && shape == EQUAL)
      in[1] = in[0];
    args[k] = in[k];
    if ((shape == LOADED && k == n - 1) || (shape == FIRST_LOADED && k == 0)) {
      memset(g->memory, 0xee, 64);
      memcpy(g->memory + 24, in[k].bytes, info->in[k] == VK_V128 ? 16 : info->in[k] == VK_I32 || info->in[k] == VK_F32 ? 4 : 8);
      args[k] = (Value){ .u32 = 16 };
    }
  }
  TrapKind trap = TRAP_none;
  meaning_of[op](in, want, lane, &trap);
  Outcome o = rig_call(g->r, 0, args);
  if (flag)
    want[0] = (Value){ .u64 = want[0].u32 ? 7 : 9 };
  bool good = o.trap == trap;
  for (unsigned k = 0; good && !trap && k < info->nout; k++)
    good = flag ? args[k].u64 == want[k].u64 : same(info->out[k], &args[k], &want[k], open, lanes);
  for (unsigned k = 0; good && !trap && shape == KEEP && k < n; k++)
    good = memcmp(&args[info->nout + k], &in[k], sizeof in[k]) == 0;
  if (good)
    return;
  for (unsigned k = 0; k < n; k++)
    print_message("operand %u: %016llx %016llx\n", k, (unsigned long long)in[k].u64x2[1], (unsigned long long)in[k].u64x2[0]);
  for (unsigned k = 0; k < info->nout + (shape == KEEP ? n : 0); k++)
    print_message("result %u: %016llx %016llx, want %016llx %016llx\n", k, (unsigned long long)args[k].u64x2[1], (unsigned long long)args[k].u64x2[0],
                  (unsigned long long)want[k].u64x2[1], (unsigned long long)want[k].u64x2[0]);
  Text t;
  zw_text_init(&t, &g->r->keep);
  const ImageFunc *f = rig_record(g->r, 0);
  zw_x64_disassemble(g->r->text + f->code_off, f->code_bytes, f->code_off, &t);
  print_message("%s%s\n", zir_rig_lir(g, 0), t.p);
  fail_msg("%s (%s): trap %u, want %u", info->text, shape_name[shape], o.trap, trap);
}

static uint32_t lanes_of(const OpInfo *info)
{
  return info->text[1] == '8' ? 16 : info->text[1] == '1' ? 8 : info->text[1] == '3' ? 4 : 2;
}

static void try_row(Op op, uint64_t cpu_bits)
{
  const OpInfo *info = &zw_op_info[op];
  static char text[4096];
  for (enum Shape shape = PLAIN; shape < SHAPES; shape++) {
    if (!applies(info, shape))
      continue;
    uint32_t lane_count = info->flags & OPF_LANEIMM ? lanes_of(info) : 1;
    bool fixed = shape == CONST_LAST || shape == CONST_FIRST;
    ValKind kind = (ValKind)info->in[shape == CONST_LAST ? info->nin - 1 : 0];
    for (uint32_t variant = 0; variant < (fixed ? 12 : lane_count); variant++) {
      Value c = fixed ? interesting(kind, (variant * 7 + 1) % MEANING_VALUES, rnd) : (Value){ .u64 = 0 };
      Out o = { text, 0, sizeof text };
      say(&o, "module memories 1\n");
      uint32_t lane = info->flags & OPF_LANEIMM ? variant % lane_count : 0;
      write_function(&o, op, shape, c, lane);
      CodeOptions options = { .cpu_bits = cpu_bits };
      ZirRig *g = zir_rig(text, &options);
      uint32_t rounds = info->nin == 1 || fixed || shape == EQUAL ? 2 * MEANING_VALUES : MEANING_VALUES * MEANING_VALUES;
      for (uint32_t round = 0; round < rounds; round += 1 + (fixed && shape == CONST_FIRST && variant > 3))
        try_values(g, op, shape, c, lane, shape == CONST_FIRST ? round * MEANING_VALUES % (MEANING_VALUES * MEANING_VALUES) + round / MEANING_VALUES : round);
      zir_rig_free(g);
    }
  }
}

static uint64_t machine(void)
{
  uint64_t bits = CPU_X86_64_V2;
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("fma"))
    bits = CPU_X86_64_V3;
  return bits;
}

static void every_row(uint64_t cpu_bits)
{
  unsigned rows = 0;
  for (Op op = 0; op < OP_COUNT; op++)
    if (meaning_of[op] && zw_op_info[op].nout == 1) { // the builder takes wide arithmetic apart
      if (getenv("ROW") && strcmp(getenv("ROW"), zw_op_info[op].text))
        continue;
      try_row(op, cpu_bits);
      rows++;
    }
  print_message("%u rows\n", rows);
}

static void rows_mean_the_same_on_the_baseline_cpu(void **state)
{
  (void)state;
  every_row(CPU_X86_64_V2);
}
static void rows_mean_the_same_with_avx_and_bmi(void **state)
{
  (void)state;
  if (machine() == CPU_X86_64_V2)
    skip();
  every_row(CPU_X86_64_V3);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(rows_mean_the_same_on_the_baseline_cpu),
    cmocka_unit_test(rows_mean_the_same_with_avx_and_bmi),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
