// The walk over one body.  Most instructions of real code are a handful: locals, constants, arithmetic, plain loads and
// stores.  In live code they go through a table by opcode byte, with the operand stack in registers; whatever does not
// fit at first sight - another type, an odd encoding, an error - is left to zw_check_op, which knows everything.
#include "compiler/wasm/check_int.h"
#include <string.h>

// ---- the table ----

typedef enum FastHow { // FuncCheck.fast_how
  FAST_NOT,
  FAST_NUM1, FAST_NUM2,   // one or two operands, one result
  FAST_LOAD, FAST_STORE,  // of memory 0
  FAST_CONST32, FAST_CONST64, FAST_CONST_BYTES,
  FAST_GET, FAST_SET, FAST_TEE, FAST_GLOBAL_GET, FAST_GLOBAL_SET, FAST_DROP, FAST_SELECT,
  FAST_BLOCK, FAST_END, FAST_BR, FAST_BR_IF, FAST_CALL,
  FAST_CONTROL // no faster, but without the ado of zw_check_op
} FastHow;

static void fast_row(FastOp *o, const OpInfo *i, ValType mem0)
{
  o->effects = i->flags & OPF_TRAPS ? EFF_TRAP : 0;
  if (i->kind == OPK_MEM) {
    if (mem0 == VT_BOT || (i->flags & OPF_ATOMIC))
      return;
    o->align_log2 = (uint8_t)__builtin_ctz(i->width);
    if (i->flags & OPF_STORE) {
      o->how = FAST_STORE;
      o->in = mem0 | (uint64_t)i->in[1] << 32;
      o->effects |= EFF_STORE0;
    } else {
      o->how = FAST_LOAD;
      o->in = mem0;
      o->out = i->out[0];
    }
    return;
  }
  if ((i->kind != OPK_NUM && i->kind != OPK_TNUM) || i->nin > 2 || i->nout != 1 || (i->flags & OPF_LANEIMM))
    return;
  o->how = i->nin == 1 ? FAST_NUM1 : FAST_NUM2;
  o->in = i->nin == 1 ? i->in[0] : i->in[0] | (uint64_t)i->in[1] << 32;
  o->out = i->out[0];
}

void zw_fill_fast_ops(FuncCheck *f)
{
  static const struct { Op op; FastOp fast; } rows[] = {
    { OP_local_get, { .how = FAST_GET } }, { OP_local_set, { .how = FAST_SET } }, { OP_local_tee, { .how = FAST_TEE } },
    { OP_global_get, { .how = FAST_GLOBAL_GET } }, { OP_global_set, { .how = FAST_GLOBAL_SET } },
    { OP_drop, { .how = FAST_DROP } }, { OP_select, { .how = FAST_SELECT } }, { OP_call, { .how = FAST_CALL } },
    { OP_block, { .how = FAST_BLOCK } }, { OP_loop, { .how = FAST_CONTROL } }, { OP_if, { .how = FAST_CONTROL } },
    { OP_else, { .how = FAST_CONTROL } }, { OP_end, { .how = FAST_END } }, { OP_br, { .how = FAST_BR } },
    { OP_br_if, { .how = FAST_BR_IF } }, { OP_br_table, { .how = FAST_CONTROL } },
    { OP_return, { .how = FAST_CONTROL } },
    { OP_i32_const, { .how = FAST_CONST32, .out = VT_I32 } }, { OP_i64_const, { .how = FAST_CONST64, .out = VT_I64 } },
    { OP_f32_const, { .how = FAST_CONST_BYTES, .bytes = 4, .out = VT_F32 } },
    { OP_f64_const, { .how = FAST_CONST_BYTES, .bytes = 8, .out = VT_F64 } },
  };
  for (unsigned b = 0; b < 256; b++)
    if (zw_op_one_byte[b] != OP_COUNT && zw_op_info[zw_op_one_byte[b]].feature == FEAT_CORE)
      fast_row(&f->fast[b], &zw_op_info[zw_op_one_byte[b]], f->mem0);
  for (unsigned k = 0; k < ARRAY_COUNT(rows); k++)
    f->fast[zw_op_info[rows[k].op].code] = rows[k].fast;
  for (unsigned b = 0; b < 256; b++)
    f->fast_how[b] = f->fast[b].how;
}

// ---- the walk ----

// Bytes of the LEB at p, which has 8 readable bytes; more than 8: 9 or more.
static inline unsigned leb_bytes(const uint8_t *p)
{
  uint64_t last = ~zw_get64(p) & 0x8080808080808080u;
  return last ? (unsigned)__builtin_ctzll(last) / 8 + 1 : 9;
}

// An index or other u32.  `safe`: up to there 8 bytes can be read.  False: not so simple.
static inline bool fast_u32(const uint8_t **p, const uint8_t *end, const uint8_t *safe, uint32_t *x)
{
  const uint8_t *q = *p;
  if (q >= end)
    return false;
  uint32_t a = *q;
  if (__builtin_expect(a < 0x80, 1)) {
    *x = a;
    *p = q + 1;
    return true;
  }
  if (q > safe || end - q < 6)
    return false;
  // Indices that a linker may still change are written with five bytes.
  unsigned n = leb_bytes(q);
  if (n > 5 || (n == 5 && q[4] > 15))
    return false;
  uint64_t v = zw_get64(q) & (~(uint64_t)0 >> (64 - 8 * n));
  *x = (uint32_t)((v & 0x7f) | (v >> 1 & 0x3f80) | (v >> 2 & 0x1fc000) | (v >> 3 & 0xfe00000) | (v >> 4 & 0xf0000000));
  *p = q + n;
  return true;
}

static inline uint64_t two_types(const ValType *top)
{
  uint64_t v;
  memcpy(&v, top - 2, 8);
  return v;
}

// Most often there is nothing but the `end`.
static void check_dead(FuncCheck *f)
{
  while (f->dead && f->ctrl.n) {
    if (f->r.p == f->r.end || *f->r.p != 0x0b) {
      zw_check_op(f);
      continue;
    }
    f->at = f->r.p++;
    f->op = OP_end;
    f->ndead++;
    zw_close_frame(f);
  }
}

#define FLUSH(what) \
  (f->r.p = p, f->at = at, f->op = (what), f->sp = sp, f->sp_max = sp_max, f->effects |= effects, f->nlive = ++nlive)
static void walk(FuncCheck *f)
{
  const Module *m = f->m;
  const uint8_t *p = f->r.p, *const end = f->r.end;
  const uint8_t *const safe = m->len >= 8 ? m->bytes + m->len - 8 : m->bytes; // up to here 8 bytes can be read
  const uint8_t *const hows = f->fast_how;
  const FastOp *const fast = f->fast;
  const ValType *const locals = f->locals;
  const uint32_t nlocals = f->nlocals;
  ValType *sp = f->sp, *sp_max = f->sp_max;
  uint32_t effects = 0, nlive = f->nlive;
  for (;;) {
    const uint8_t *at = p;
    uint32_t x;
    ValType t;
    unsigned n;
    if (p >= end)
      goto slow;
    const FastOp *o;
    FastHow how = (FastHow)hows[*p++];
    switch (how) {
    case FAST_NUM1:
      o = &fast[*at];
      if (sp[-1] != o->in)
        goto slow;
      sp[-1] = o->out;
      effects |= o->effects;
      break;
    case FAST_NUM2:
      o = &fast[*at];
      if (two_types(sp) != o->in)
        goto slow;
      sp--;
      sp[-1] = o->out;
      effects |= o->effects;
      break;
    case FAST_LOAD:
      o = &fast[*at];
      if (p >= safe || *p > o->align_log2 || sp[-1] != o->in)
        goto slow;
      n = leb_bytes(p + 1);
      if (n > 4 || end - p < 6)
        goto slow;
      p += 1 + n;
      sp[-1] = o->out;
      effects |= o->effects;
      break;
    case FAST_STORE:
      o = &fast[*at];
      if (p >= safe || *p > o->align_log2 || two_types(sp) != o->in)
        goto slow;
      n = leb_bytes(p + 1);
      if (n > 4 || end - p < 6)
        goto slow;
      p += 1 + n;
      sp -= 2;
      effects |= o->effects;
      break;
    case FAST_CONST32:
      if (p > safe)
        goto slow;
      n = leb_bytes(p);
      if (n > 5 || end - p <= n || (n == 5 && (p[4] & 0x78) != 0 && (p[4] & 0x78) != 0x78))
        goto slow;
      p += n;
      *sp++ = VT_I32;
      if (sp > sp_max)
        sp_max = sp;
      break;
    case FAST_CONST64:
      o = &fast[*at];
      if (p > safe)
        goto slow;
      n = leb_bytes(p);
      if (n > 8 || end - p <= n)
        goto slow;
      p += n;
      *sp++ = o->out;
      if (sp > sp_max)
        sp_max = sp;
      break;
    case FAST_CONST_BYTES:
      o = &fast[*at];
      if (end - p <= o->bytes)
        goto slow;
      p += o->bytes;
      *sp++ = o->out;
      if (sp > sp_max)
        sp_max = sp;
      break;
    case FAST_GET:
      if (!fast_u32(&p, end, safe, &x) || x >= nlocals || zw_is_ref(t = locals[x]))
        goto slow;
      *sp++ = t;
      if (sp > sp_max)
        sp_max = sp;
      break;
    case FAST_SET: case FAST_TEE:
      if (!fast_u32(&p, end, safe, &x) || x >= nlocals || sp[-1] != (t = locals[x]) || zw_is_ref(t))
        goto slow;
      sp -= how == FAST_SET;
      if (f->stamps[x] != f->block_serial)
        zw_log_set(f, x);
      break;
    case FAST_GLOBAL_GET:
      if (!fast_u32(&p, end, safe, &x) || x >= m->nglobals || zw_is_ref(t = m->globals[x].type.type))
        goto slow;
      *sp++ = t;
      if (sp > sp_max)
        sp_max = sp;
      break;
    case FAST_GLOBAL_SET:
      if (!fast_u32(&p, end, safe, &x) || x >= m->nglobals || !f->global_effect[x] || sp[-1] != m->globals[x].type.type)
        goto slow;
      sp--;
      effects |= f->global_effect[x];
      break;
    case FAST_DROP:
      if (sp[-1] == VT_MARK)
        goto slow;
      sp--;
      break;
    case FAST_SELECT:
      if (sp[-1] != VT_I32 || sp[-2] != sp[-3] || sp[-2] > VT_V128)
        goto slow;
      sp -= 2;
      break;
    case FAST_END:
      FLUSH(OP_end);
      zw_close_frame(f);
      goto again;
    case FAST_BLOCK:
      if (p >= end || *p != 0x40)
        goto control;
      p++;
      FLUSH(OP_block);
      zw_open_block(f);
      goto again;
    case FAST_BR: case FAST_BR_IF:
      if (!fast_u32(&p, end, safe, &x) || x >= f->ctrl.n) {
        p = at + 1;
        goto control;
      }
      if (how == FAST_BR) {
        FLUSH(OP_br);
        zw_br(f, x);
        goto dead;
      }
      FLUSH(OP_br_if);
      zw_br_if(f, x);
      goto again;
    case FAST_CALL:
      if (!fast_u32(&p, end, safe, &x) || x >= m->nfuncs)
        goto slow;
      FLUSH(OP_call);
      zw_check_call(f, zw_func_type(m, x));
      goto again;
    case FAST_CONTROL:
    control:
      FLUSH((Op)zw_op_one_byte[*at]);
      f->c->at_instr = nlive - 1 + f->ndead;
      f->c->at_op = zw_op_info[f->op].text;
      zw_check_control(f);
      goto again;
    case FAST_NOT: goto slow;
    default: __builtin_unreachable();
    }
    nlive++;
    continue;
  slow:
    f->r.p = at;
    f->sp = sp;
    f->sp_max = sp_max;
    f->effects |= effects;
    f->nlive = nlive;
    zw_check_op(f);
  again:
    if (f->dead) {
    dead:
      check_dead(f);
    }
    if (!f->ctrl.n || NEVER(f->parts + f->assigned.n / SETS_OF_A_PART > f->most_parts))
      return;
    p = f->r.p;
    sp = f->sp;
    sp_max = f->sp_max;
    effects = 0;
    nlive = f->nlive;
  }
}

// ---- a function ----

static void fail_locals(FuncCheck *f, uint64_t n)
{
  uint64_t at = zw_read_pos(&f->r);
  if (n > UINT32_MAX)
    zw_fail(f->c, ERR_malformed, at, "too many locals");
  zw_fail(f->c, ERR_limit, at, "%llu locals; at most %u are allowed", (unsigned long long)n, LIMIT_LOCALS);
}

// Count first, so that a body of a few bytes cannot make us write billions of locals.
static uint64_t count_locals(FuncCheck *f, uint32_t *groups)
{
  Reader r = f->r;
  uint64_t n = f->type->nparams;
  *groups = zw_read_u32(&f->r);
  for (uint32_t k = *groups; k; k--) {
    n += zw_read_u32(&f->r);
    zw_read_valtype(&f->r, f->m);
  }
  if (n > LIMIT_LOCALS)
    fail_locals(f, n);
  f->r = r;
  return n;
}

static void reserve_inits(FuncCheck *f)
{
  f->words = (f->nlocals + 63) / 64 + (f->nlocals == 0);
  if (f->words <= f->init_cap)
    return;
  f->init_cap = f->words + f->words / 2;
  f->init = zw_new_array(f->a, uint64_t, f->init_cap);
}

static void reserve_locals(FuncCheck *f)
{
  uint32_t n = f->nlocals;
  if (n > f->locals_cap) {
    f->locals_cap = n + n / 2;
    f->stamps = zw_new_array(f->a, uint32_t, f->locals_cap);
    f->set_at = zw_stale_array(f->a, uint32_t, f->locals_cap);
    f->marks = zw_new_array(f->a, uint64_t, f->locals_cap / 64 + 1);
    f->mark_words = zw_new_array(f->a, uint64_t, f->locals_cap / 4096 + 2);
  }
  if (n) // there is no array before the first local
    memset(f->set_at, 0, n * sizeof *f->set_at);
}

static void add_locals(FuncCheck *f, uint32_t first, uint32_t n, ValType t)
{
  if (f->no_facts) {
    *zw_push(f->a, &f->groups) = (LocalGroup){ first + n, t };
    return;
  }
  memset(f->local_kinds + first, zw_val_kind(f->m, t), n);
  for (uint32_t i = first; i < first + n; i++)
    f->locals[i] = t;
  if (zw_is_ref(t) && n)
    f->flags |= FN_REFS;
}

static void read_locals(FuncCheck *f)
{
  uint32_t ngroups;
  f->nlocals = (uint32_t)count_locals(f, &ngroups);
  f->no_facts |= !f->again && f->nlocals > MANY_LOCALS + f->func->body_len / FACT_BYTES_PER_LOCAL;
  reserve_inits(f);
  if (f->no_facts) {
    f->groups.n = 0;
    zw_reserve(f->a, &f->groups, f->type->nparams + ngroups);
  } else {
    f->locals = zw_new_array(&f->c->module, ValType, f->nlocals);
    f->local_kinds = zw_new_array(&f->c->module, uint8_t, f->nlocals);
    reserve_locals(f);
  }
  for (uint32_t i = 0; i < f->type->nparams; i++)
    add_locals(f, i, 1, f->type->params[i]);
  f->has_uninit = false;
  uint32_t first = f->type->nparams;
  for (uint32_t groups = zw_read_u32(&f->r); groups; groups--) {
    uint32_t n = zw_read_u32(&f->r);
    ValType t = zw_read_valtype(&f->r, f->m);
    add_locals(f, first, n, t);
    if (!zw_is_defaultable(t) && n)
      f->has_uninit = true;
    first += n;
  }
  if (!f->has_uninit)
    return;
  memset(f->init, 0, f->words * sizeof *f->init);
  for (uint32_t i = 0; i < f->nlocals; i++)
    if (i < f->type->nparams || zw_is_defaultable(zw_local_type(f, i)))
      f->init[i >> 6] |= (uint64_t)1 << (i & 63);
}

ValType zw_local_type(const FuncCheck *f, uint32_t x)
{
  if (!f->no_facts)
    return f->locals[x];
  uint32_t lo = 0, hi = f->groups.n;
  while (lo < hi) { // the first group that ends behind x
    uint32_t mid = lo + (hi - lo) / 2;
    if (f->groups.p[mid].end > x)
      hi = mid;
    else
      lo = mid + 1;
  }
  return f->groups.p[lo].type;
}

static uint32_t longest_body(const FuncCheck *f)
{
  uint32_t bytes = 0;
  for (uint32_t k = f->m->nimported_funcs; k < f->m->nfuncs; k++)
    bytes = f->m->funcs[k].body_len > bytes ? f->m->funcs[k].body_len : bytes;
  return bytes;
}

// What is large grows without leaving anything behind (LARGE_BUFFER): this is for the rest.
static void reserve_facts(FuncCheck *f)
{
  uint32_t n = f->longest / 64 + 8;
  zw_reserve(f->a, &f->ctrl, n);
  zw_reserve(f->a, &f->live, n);
  zw_reserve(f->a, &f->frames, n);
  zw_reserve(f->a, &f->blocks, n);
  zw_reserve(f->a, &f->succ, 2 * n);
  zw_reserve(f->a, &f->log, n);
}

// For the longest body of the module at once: arrays that grew would leave their smaller ones behind.
static void reserve_body(FuncCheck *f)
{
  uint32_t bytes = f->longest;
  if (f->no_facts)
    zw_reserve(f->a, &f->ctrl, f->func->body_len / 2 + 1); // a frame takes two bytes
  else if (!f->again)
    reserve_facts(f);
  if (bytes / 2 + 128 > f->vals_cap) {
    f->vals_cap = bytes / 2 + 256;
    f->vals = (ValType *)zw_stale_array(f->a, ValType, f->vals_cap + 4) + 4; // the walk looks two below the first mark
    memset(f->vals - 4, 0, 4 * sizeof *f->vals);
  }
}

static void reset(FuncCheck *f)
{
  f->sp = f->sp_max = f->vals;
  f->nest_there = 0;
  f->ctrl.n = f->live.n = f->init_log.n = f->frames.n = f->blocks.n = f->loop_starts.n = f->loops.n = f->succ.n = f->assigned.n = f->tries.n = 0;
  f->clauses.n = f->legacy.n = f->side.n = f->unlikely.n = f->block_try.n = 0;
  f->parts = f->nlive = f->ndead = f->log.n = f->effects = f->exn_depth = f->nexn_slots = 0;
  f->sets.n = 0, f->set_work = f->edge_slots = 0;
  f->dead = f->no_sets = f->has_table_or_try = false;
  f->flags = FN_LEAF;
  f->cur_loop = NO_LOOP;
  f->cur_try = NO_TRY;
}

static void start_hints(FuncCheck *f)
{
  if (f->no_facts) {
    f->hint_pos = UINT32_MAX;
    return;
  }
  while (f->hint != f->hints_end && f->hint->func < f->index)
    f->hint++;
  f->hint_end = f->hint;
  while (f->hint_end != f->hints_end && f->hint_end->func == f->index)
    f->hint_end++;
  f->hint_pos = f->hint != f->hint_end ? f->hint->off : UINT32_MAX;
}

// Facts larger than the module's code warrants are left for later: a module that is refused is not worth them, and of one that is
// not, hardly any function is such.
static void allow_facts(FuncCheck *f)
{
  f->no_facts = !f->again && (f->allowance <= 0 || !f->m->facts);
  int64_t parts = f->allowance / FACT_PART_BYTES;
  f->most_parts = f->again || parts > INT32_MAX ? INT32_MAX : (uint32_t)parts;
}

// Returns where its instructions begin.
static uint32_t begin_body(FuncCheck *f)
{
  const Func *k = f->func;
  f->r = (Reader){ f->c, k->body, k->body + k->body_len, k->body, k->at };
  f->c->at_instr = UINT32_MAX;
  f->c->at_op = NULL;
  reserve_body(f);
  reset(f);
  read_locals(f);
  start_hints(f);
  uint32_t code_at = zw_body_pos(f, f->r.p);
  zw_open_body(f);
  return code_at;
}

static void drop_buffers(FuncCheck *f)
{
  memset((char *)f + offsetof(FuncCheck, vals), 0, offsetof(FuncCheck, hint) - offsetof(FuncCheck, vals));
  zw_arena_release(f->a, f->mark);
  zw_arena_trim(f->a);
}

enum { LONG_BODY = 1024 };
void zw_check_func(FuncCheck *f, uint32_t index, FuncFacts *out)
{
  f->index = index;
  f->func = &f->m->funcs[index];
  if (!f->longest)
    f->longest = longest_body(f);
  f->type = zw_func_type(f->m, index);
  f->c->at_func = index;
  allow_facts(f);
  ArenaMark module = zw_arena_mark(&f->c->module);
  uint32_t code_at = begin_body(f);
  if (!f->dead)
    walk(f);
  if (f->ctrl.n && !f->no_facts) { // too many facts: from the first byte on, and with memory as if there had not been any
    drop_buffers(f);
    zw_arena_release(&f->c->module, module);
    f->no_facts = true;
    begin_body(f);
  }
  if (f->no_facts)
    check_dead(f);
  if (f->r.p != f->r.end) {
    zw_here(f);
    zw_fail(f->c, ERR_malformed, zw_read_pos(&f->r), "section size mismatch: bytes behind the end of the body");
  }
  if (f->no_facts) {
    if (f->func->body_len >= LONG_BODY)
      drop_buffers(f); // they are of other sizes
    return;
  }
  f->hint = f->hint_end;
  out->code_at = code_at;
  const uint64_t before = f->c->module.bytes;
  zw_sweep(f, out);
  f->allowance -= (int64_t)(f->c->module.bytes - before);
}
