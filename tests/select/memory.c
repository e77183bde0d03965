// Loads, stores, atomics and lane accesses of every row, against what their names say: memory before and after, the
// result wanted or not, values in registers or constant, addresses plain or scaled.
#include "../alloc/zir_rig.h"
#include "meaning.h"

static uint64_t seed = 7;
static uint64_t rnd(void)
{
  seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
  return seed * 0x2545f4914f6cdd1dull;
}

static const char *const kind_name[] = { "i32", "i64", "f32", "f64", "v128" };
enum { AT = 0x128, OFFSET = 24 };

static uint64_t mask_of(unsigned bytes) { return bytes == 8 ? UINT64_MAX : (1ull << 8 * bytes) - 1; }

// ---- what a read-modify-write does ----

static uint64_t combine(const char *text, uint64_t old, uint64_t b)
{
  const char *op = strstr(text, ".rmw") + 4;
  while (*op != '.')
    op++;
  op++;
  if (strncmp(op, "add", 3) == 0)
    return old + b;
  if (strncmp(op, "sub", 3) == 0)
    return old - b;
  if (strncmp(op, "and", 3) == 0)
    return old & b;
  if (strncmp(op, "or", 2) == 0)
    return old | b;
  if (strncmp(op, "xor", 3) == 0)
    return old ^ b;
  assert_int_equal(strncmp(op, "xchg", 4), 0);
  return b;
}

typedef struct How { bool dead, constant, scaled, own; CodeOptions o; } How; // own: the value is the address

static void head(char *text, const OpInfo *info, const How *how, const char *more)
{
  char in[80] = "", params[80] = "";
  for (unsigned k = 1; k < info->nin; k++) {
    snprintf(in + strlen(in), sizeof in - strlen(in), ", %s", kind_name[info->in[k]]);
    snprintf(params + strlen(params), sizeof params - strlen(params), " v%u:%s = param %u\n", k, kind_name[info->in[k]], k);
  }
  const char *result = !info->nout || how->dead ? "i32" : kind_name[info->out[0]];
  sprintf(text, "module memories 1\nfunc f0 (i32%s) -> (%s)\nb0:\n v0:i32 = param 0\n%s%s", in, result, params, more);
  sprintf(text + strlen(text), how->scaled ? " v20:i32 = i32.shl v0, i32 3\n v21:i32 = i32.add v20, i32 0\n" : " v21:i32 = i32.add v0, i32 0\n");
}

static void try_rmw(Op op, const How *how)
{
  const OpInfo *info = &zw_op_info[op];
  char text[1000], b[40];
  uint64_t fixed = interesting((ValKind)info->in[1], (uint32_t)(rnd() >> 40) % 24, rnd).u64;
  if (info->in[1] == VK_I32)
    fixed = (uint32_t)fixed;
  head(text, info, how, "");
  if (how->constant)
    snprintf(b, sizeof b, info->in[1] == VK_I32 ? "i32 %lld" : "i64 %lld", info->in[1] == VK_I32 ? (long long)(int32_t)fixed : (long long)fixed);
  else
    snprintf(b, sizeof b, !how->own ? "v1" : info->in[1] == VK_I32 ? "v21" : "v22");
  if (how->own)
    sprintf(text + strlen(text), " v22:i64 = i64.extend_i32_u v21\n");
  if (info->nout)
    sprintf(text + strlen(text), " v9:%s = %s v21, %s +%d @3\n ret (%s)\n", kind_name[info->out[0]], info->text, b, OFFSET, how->dead ? "i32 0" : "v9");
  else
    sprintf(text + strlen(text), " %s v21, %s +%d @3\n ret (i32 0)\n", info->text, b, OFFSET);
  ZirRig *g = zir_rig(text, &how->o);
  for (uint32_t k = 0; k < 60; k++) {
    uint64_t v = how->constant ? fixed : how->own ? AT : interesting((ValKind)info->in[1], k % 26, rnd).u64, before[2] = { rnd(), rnd() }, old = 0, after;
    memcpy(g->memory + AT + OFFSET - 8, before, 16);
    uint64_t word[2] = { before[0], before[1] };
    memcpy(&old, (char *)word + 8, info->width);
    after = info->nout ? combine(info->text, old, v) : v;
    memcpy((char *)word + 8, &after, info->width);
    uint64_t got = zir_call(g, 0, (uint64_t[]){ how->scaled ? AT / 8 : AT, v }, 2);
    if ((!how->dead && info->nout && got != old) || memcmp(g->memory + AT + OFFSET - 8, word, 16))
      fail_msg("%s%s%s: old %llx, got %llx\n%s", info->text, how->dead ? " dead" : "", how->constant ? " constant" : "",
               (unsigned long long)old, (unsigned long long)got, zir_rig_lir(g, 0));
  }
  zir_rig_free(g);
}

static void try_cmpxchg(Op op, const How *how)
{
  const OpInfo *info = &zw_op_info[op];
  char text[1000];
  head(text, info, how, "");
  const char *to = !how->own ? "v2" : info->in[1] == VK_I32 ? "v21" : "v22";
  sprintf(text + strlen(text), " v22:i64 = i64.extend_i32_u v21\n v9:%s = %s (v21, v1, %s) +%d @3\n ret (%s)\n", kind_name[info->out[0]], info->text, to,
          OFFSET, how->dead ? "i32 0" : "v9");
  ZirRig *g = zir_rig(text, &how->o);
  uint64_t type_mask = info->in[1] == VK_I32 ? UINT32_MAX : UINT64_MAX;
  for (uint32_t k = 0; k < 60; k++) {
    uint64_t before = rnd(), old = before & mask_of(info->width), b = how->own ? AT : rnd() & type_mask;
    uint64_t a = k % 3 == 0 ? old : k % 3 == 1 ? rnd() & type_mask : (old | (1ull << 31 & ~mask_of(info->width))) & type_mask;
    memcpy(g->memory + AT + OFFSET, &before, 8);
    uint64_t want = (a & mask_of(info->width)) == old ? (before & ~mask_of(info->width)) | (b & mask_of(info->width)) : before;
    uint64_t got = zir_call(g, 0, (uint64_t[]){ how->scaled ? AT / 8 : AT, a, b }, 3), now;
    memcpy(&now, g->memory + AT + OFFSET, 8);
    if ((!how->dead && got != old) || now != want)
      fail_msg("%s: old %llx, got %llx; expected %llx, now %llx, want %llx\n%s", info->text, (unsigned long long)old, (unsigned long long)got,
               (unsigned long long)a, (unsigned long long)now, (unsigned long long)want, zir_rig_lir(g, 0));
  }
  zir_rig_free(g);
}

// ---- loads: of integers, floats, vectors with their extensions and splats ----

static void load_meaning(const OpInfo *info, const uint8_t *p, Value *out)
{
  *out = (Value){ .u64x2 = { 0, 0 } };
  const char *t = info->text;
  unsigned n, half;
  char sign;
  if (info->out[0] != VK_V128) {
    uint64_t raw = 0;
    memcpy(&raw, p, info->width);
    if (t[strlen(t) - 1] == 's')
      raw = (uint64_t)((int64_t)(raw << (64 - 8 * info->width)) >> (64 - 8 * info->width));
    out->u64 = info->out[0] == VK_I32 ? (uint32_t)raw : raw;
  } else if (strstr(t, "splat"))
    for (n = 0; n < 16; n += info->width)
      memcpy(out->bytes + n, p, info->width);
  else if (strstr(t, "zero"))
    memcpy(out->bytes, p, info->width);
  else if (sscanf(t, "v128.load%ux%u_%c", &half, &n, &sign) == 3)
    for (unsigned k = 0; k < n; k++) {
      int64_t lane = 0;
      memcpy(&lane, p + k * half / 8, half / 8);
      if (sign == 's')
        lane = (int64_t)((uint64_t)lane << (64 - half)) >> (64 - half);
      memcpy(out->bytes + k * half / 4, &lane, half / 4);
    }
  else
    memcpy(out->bytes, p, 16);
}

static void try_load(Op op, const How *how)
{
  const OpInfo *info = &zw_op_info[op];
  char text[1000];
  head(text, info, how, "");
  sprintf(text + strlen(text), " v9:%s = %s v21 +%d @3\n ret (%s)\n", kind_name[info->out[0]], info->text, OFFSET, how->dead ? "i32 0" : "v9");
  ZirRig *g = zir_rig(text, &how->o);
  for (uint32_t k = 0; k < 30; k++) {
    uint64_t before[2] = { rnd(), rnd() };
    memcpy(g->memory + AT + OFFSET, before, 16);
    Value v[2] = { { .u32 = how->scaled ? AT / 8 : AT } }, want;
    assert_int_equal(rig_call(g->r, 0, v).trap, TRAP_none);
    load_meaning(info, (uint8_t *)before, &want);
    if (!how->dead && memcmp(v, &want, 16))
      fail_msg("%s: %llx %llx, want %llx %llx\n%s", info->text, (unsigned long long)v[0].u64x2[1], (unsigned long long)v[0].u64x2[0],
               (unsigned long long)want.u64x2[1], (unsigned long long)want.u64x2[0], zir_rig_lir(g, 0));
  }
  zir_rig_free(g);
}

static void try_store(Op op, const How *how)
{
  const OpInfo *info = &zw_op_info[op];
  char text[1000];
  head(text, info, how, "");
  sprintf(text + strlen(text), " %s v21, v1 +%d @3\n ret (i32 0)\n", info->text, OFFSET);
  ZirRig *g = zir_rig(text, &how->o);
  for (uint32_t k = 0; k < 30; k++) {
    Value v[2] = { { .u32 = how->scaled ? AT / 8 : AT }, { .u64x2 = { rnd(), rnd() } } };
    uint8_t want[32];
    memset(g->memory + AT + OFFSET - 8, 0x5a, 32);
    memset(want, 0x5a, 32);
    memcpy(want + 8, &v[1], info->width);
    assert_int_equal(rig_call(g->r, 0, v).trap, TRAP_none);
    assert_memory_equal(g->memory + AT + OFFSET - 8, want, 32);
  }
  zir_rig_free(g);
}

static void try_lane(Op op, const How *how)
{
  const OpInfo *info = &zw_op_info[op];
  for (uint32_t lane = 0; lane < 16u / info->width; lane++) {
    char text[1000];
    head(text, info, how, "");
    if (info->nout)
      sprintf(text + strlen(text), " v9:v128 = %s (v21, v1) #%u +%d @3\n ret (%s)\n", info->text, lane, OFFSET, how->dead ? "i32 0" : "v9");
    else
      sprintf(text + strlen(text), " %s (v21, v1) #%u +%d @3\n ret (i32 0)\n", info->text, lane, OFFSET);
    ZirRig *g = zir_rig(text, &how->o);
    uint64_t before[2] = { rnd(), rnd() };
    memcpy(g->memory + AT + OFFSET, before, 16);
    Value v[2] = { { .u32 = how->scaled ? AT / 8 : AT }, { .u64x2 = { rnd(), rnd() } } }, want = v[1];
    if (!info->nout)
      memcpy(before, want.bytes + lane * info->width, info->width);
    memcpy(want.bytes + lane * info->width, before, info->width);
    assert_int_equal(rig_call(g->r, 0, v).trap, TRAP_none);
    assert_memory_equal(g->memory + AT + OFFSET, before, 16);
    if (info->nout && !how->dead && memcmp(v, &want, 16))
      fail_msg("%s lane %u\n%s", info->text, lane, zir_rig_lir(g, 0));
    zir_rig_free(g);
  }
}

static void try_row(Op op, const How *how)
{
  const OpInfo *info = &zw_op_info[op];
  if (info->kind == OPK_LANE)
    try_lane(op, how);
  else if (info->flags & OPF_CMPXCHG)
    try_cmpxchg(op, how);
  else if (info->flags & OPF_RMW || (info->flags & OPF_STORE && info->flags & OPF_ATOMIC))
    try_rmw(op, how);
  else if (info->flags & OPF_LOAD)
    try_load(op, how);
  else if (info->flags & OPF_STORE)
    try_store(op, how);
}

static void accesses_do_what_their_names_say(void **state)
{
  (void)state;
  unsigned rows = 0;
  __builtin_cpu_init();
  bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
  for (Op op = 0; op < OP_COUNT; op++) {
    const OpInfo *info = &zw_op_info[op];
    if ((info->kind != OPK_MEM && info->kind != OPK_LANE) || info->flags & (OPF_WAIT | OPF_NOTIFY))
      continue;
    if (getenv("ROW") && strcmp(getenv("ROW"), info->text))
      continue;
    rows++;
    for (unsigned k = 0; k < 64; k++) {
      How how = { k & 1, k & 2, k & 4, k & 32, { .cpu_bits = k & 8 && v3 ? CPU_X86_64_V3 : CPU_X86_64_V2, .small_file = k & 16 ? 4 : 0 } };
      try_row(op, &how);
    }
  }
  print_message("%u rows\n", rows);
}

int main(void)
{
  const struct CMUnitTest tests[] = { cmocka_unit_test(accesses_do_what_their_names_say) };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
