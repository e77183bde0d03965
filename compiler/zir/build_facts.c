// P2: what is known of state.  A load of an address whose content is known is that value; a check that was made is not made
// again.
//
// State has kinds, each with a version: a number that is new whenever the state may have changed.  A fact holds while its
// kind has the version it was learned under and its block dominates (build_number.c).  At a join a kind keeps its version if
// all ways in agree; at a loop it gets a new one if the loop's effects touch it.  Lengths only grow, and a check that
// passed once passes for ever: those facts have no version.
#include "compiler/zir/build_int.h"
#include "runtime/base/bits.h"
#include <string.h>

static uint32_t slot_of(uint32_t a, uint32_t c, uint32_t n) { return (a * 0x9e3779b1u ^ c * 0x85ebca6bu) >> 16 & (n - 1); }
static uint32_t base_of(Key k) { return (uint32_t)(k.lo >> 32); }
// Own globals have places of their own, by number.
static inline uint32_t slot_of_load(Key k, StateKind state)
{
  return state >= ST_GLOBALS ? STATE_FACTS + (base_of(k) / 8 & (GLOBAL_FACTS - 2))
                             : slot_of(base_of(k), (uint32_t)(k.hi >> 32) + 64 * ((uint32_t)k.lo >> 24), STATE_FACTS);
}

static StateKind kind_of_memory(const ZIns *k) { return k->fl ? ST_MEMORIES : ST_MEMORY0; }
static uint32_t width_of(const ZIns *k) { return zw_op_info[k->op].width; }

void zb_changed(Build *b, StateKind k) { b->ver[k] = ++b->last_ver; }
void zb_all_changed(Build *b)
{
  uint32_t v = ++b->last_ver;
  for (unsigned k = 0; k < ST_COUNT; k++)
    b->ver[k] = v;
}

void zb_loop_changes(Build *b, uint32_t effects)
{
  if (effects & EFF_CALL) {
    zb_all_changed(b);
    return;
  }
  if (effects & EFF_STORE0)
    zb_changed(b, ST_MEMORY0);
  if (effects & EFF_STOREK)
    zb_changed(b, ST_MEMORIES);
  if (effects & EFF_GC)
    zb_changed(b, ST_GC);
  if (effects & (EFF_GROW | EFF_TABLE))
    zb_changed(b, ST_LENGTH);
  if (effects >> EFF_GLOBAL_SHIFT)
    for (StateKind k = ST_GLOBALS; k < ST_COUNT; k++)
      zb_changed(b, k);
}

static bool holds(const Build *b, const Fact *e) { return e->block == b->block || zb_is_open(b, e->block); }

// A fact has two places.
static inline void learn(Build *b, uint32_t slot, Key load, StateKind state, Ref value, uint32_t block)
{
  if (b->fact_ver[slot] == b->ver[b->state_facts[slot].state]) { // the newer one stands first
    b->state_facts[slot ^ 1] = b->state_facts[slot];
    b->fact_ver[slot ^ 1] = b->fact_ver[slot];
    b->fact_base[slot ^ 1] = b->fact_base[slot];
  }
  b->state_facts[slot] = (Fact){ load, block, value, state };
  b->fact_ver[slot] = b->ver[state];
  b->fact_base[slot] = base_of(load);
}

static __attribute__((noinline)) Ref hoist_length(Build *b, Key k)
{
  ZIns load = zb_ins_of(k);
  Ref v = zb_hoist(b, &load, EFF_GROW | EFF_TABLE | EFF_CALL);
  return v == REF_NONE ? append_key(b, k) : v;
}

// What the load k would give, or REF_NONE.  A fact about something else and one that does not hold any more are told from the one
// that is wanted in one question: which of them is there is as good as random.
static inline bool is_known(const Build *b, uint32_t slot, Key k, uint32_t ver)
{
  const Fact *e = &b->state_facts[slot];
  return ((e->load.lo ^ k.lo) | (e->load.hi ^ k.hi) | (b->fact_ver[slot] ^ ver)) == 0;
}
static inline Ref known(const Build *b, uint32_t slot, Key k, StateKind state)
{
  uint32_t ver = b->ver[state];
  if (is_known(b, slot, k, ver) && holds(b, &b->state_facts[slot]))
    return b->state_facts[slot].value;
  slot ^= 1;
  if (is_known(b, slot, k, ver) && holds(b, &b->state_facts[slot]))
    return b->state_facts[slot].value;
  return REF_NONE;
}

// The value that the load k would give, or a load made now.
Ref zb_load_fact(Build *b, Key k, StateKind state)
{
  if (__builtin_expect(b->o->no_memory, 0))
    return append_key(b, k);
  uint32_t slot = slot_of_load(k, state);
  Ref v = known(b, slot, k, state);
  if (v != REF_NONE)
    return v;
  v = __builtin_expect(state == ST_LENGTH, 0) ? hoist_length(b, k) : append_key(b, k);
  learn(b, slot, k, state, v, zw_zir_block(b->f, v));
  return v;
}

// A store was made that the load k would read back as v.
void zb_store_fact(Build *b, Key k, StateKind state, Ref v)
{
  zb_changed(b, state);
  if (!b->o->no_memory)
    learn(b, slot_of_load(k, state), k, state, v, b->block);
}

// The load of the same width and type that reads back all that the store wrote; 0 = none.
static const uint16_t load_of[OP_COUNT] = {
  [OP_i32_store] = OP_i32_load, [OP_i64_store] = OP_i64_load, [OP_f32_store] = OP_f32_load, [OP_f64_store] = OP_f64_load,
  [OP_v128_store] = OP_v128_load,
};

// Which facts are of that version and base: bit 4 * (k % 4) + k / 4 for fact k.  Without a branch: most often there are few, and
// where is as good as random.
static inline uint32_t facts_from(const Build *b, uint32_t ver, uint32_t base)
{
  STATIC_ASSERT(STATE_FACTS == 16, "four times four");
  Four found = { 0 }, bit = { 1, 1 << 4, 1 << 8, 1 << 12 };
  for (unsigned k = 0; k < STATE_FACTS; k += 4, bit <<= 1)
    found |= (Four)(four(b->fact_ver + k) == ver) & (Four)(four(b->fact_base + k) == base) & bit;
  return or_of(found);
}

// The store before this one wrote the same bytes, and nobody can have seen them since: it goes, and where it would have trapped this one
// does.  Compilers with a shadow stack clear a place and fill it.
static inline void drop_overwritten(Build *b, Key store)
{
  enum { NEAR = 8 };
  ZirFunc *f = b->f;
  uint32_t last = b->last_store - 1;
  if (last >= f->nins || f->nins - last > NEAR)
    return;
  Key old = zb_key_of(&f->ins[last]);
  if (((old.lo ^ store.lo) | (old.hi ^ store.hi)) >> 32 || zw_zir_block(f, last) != b->block) // base and offset
    return;
  if ((uint8_t)(old.lo >> 24) != (uint8_t)(store.lo >> 24) || zw_op_info[(uint16_t)old.lo].width != zw_op_info[(uint16_t)store.lo].width)
    return;
  for (uint32_t i = last + 1; i < f->nins; i++)
    if (!(zw_zir_shape[f->ins[i].op].flags & OPF_PURE) && f->ins[i].op != OP_vm_load)
      return;
  b->at = f->at[last];
  f->ins[last] = (ZIns){ OP_i32_eqz, VK_I32, 0, i32_const(b, 0), 0, 0 }; // of no use to anybody
}

// A store to a memory, unless it would write what is there.  Facts about other bytes from the same base stay true.
void zb_memory_store(Build *b, Key store)
{
  Op op = (Op)(uint16_t)store.lo, load = (Op)load_of[op];
  uint32_t mem = (uint8_t)(store.lo >> 24), base = base_of(store), at = (uint32_t)(store.hi >> 32);
  Ref value = (Ref)store.hi;
  StateKind state = mem ? ST_MEMORIES : ST_MEMORY0;
  uint32_t old = b->ver[state];
  uint64_t from = at, to = from + zw_op_info[op].width;
  bool facts = !b->o->no_memory && !b->m->memories[mem].type.limits.shared; // another thread may be awaited
  Key read = load ? zb_key(load, zw_op_info[load].out[0], mem, base, 0, at) : store;
  uint32_t slot = slot_of_load(read, state);
  if (facts) {
    if (load && known(b, slot, read, state) == value)
      return;
    drop_overwritten(b, store);
  }
  b->last_store = append_key(b, store) + 1;
  zb_changed(b, state);
  if (!facts)
    return;
  for (uint32_t found = facts_from(b, old, base); found; found &= found - 1) {
    unsigned bit = (unsigned)zw_ctz64(found), j = 4 * (bit % 4) + bit / 4;
    const Fact *e = &b->state_facts[j];
    ZIns other = zb_ins_of(e->load);
    if (e->state == state && other.fl == mem && (other.c >= to || (uint64_t)other.c + width_of(&other) <= from))
      b->fact_ver[j] = b->ver[state];
  }
  if (load)
    learn(b, slot, read, state, value, b->block);
}

// A field was written that `load` would read back as v; `fresh`: of an object that nobody has seen.  Fields at other offsets are
// other fields, whatever the types are; what a narrow field reads back is not known.
void zb_field_store(Build *b, Key load, Ref v, bool fresh)
{
  ZIns in = zb_ins_of(load);
  uint32_t old = b->ver[ST_GC];
  if (!fresh) {
    zb_changed(b, ST_GC);
    for (unsigned k = 0; k < STATE_FACTS && !b->o->no_memory; k++)
      if (b->state_facts[k].state == ST_GC && b->fact_ver[k] == old && zb_ins_of(b->state_facts[k].load).c != in.c)
        b->fact_ver[k] = b->ver[ST_GC];
  }
  if (!b->o->no_memory && (in.fl & GCA_WIDTH) > 1)
    learn(b, slot_of_load(load, ST_GC), load, ST_GC, v, b->block);
}

Ref zb_memory_load(Build *b, const ZIns *load)
{
  if (b->m->memories[load->fl].type.limits.shared) // another thread may be awaited
    return append(b, (Op)load->op, load->ty, load->fl, load->a, load->b, load->c);
  return zb_load_fact(b, zb_key_of(load), kind_of_memory(load));
}

// Was [idx, idx + reach) of that memory checked on every way here?  If not, it will be now.
bool zb_was_checked(Build *b, uint32_t mem, Ref idx, uint64_t reach)
{
  if (b->o->no_memory)
    return false;
  if (!b->checks)
    b->checks = zw_new_array(b->scratch, CheckFact, CHECK_FACTS);
  CheckFact *e = &b->checks[slot_of(idx, mem, CHECK_FACTS)];
  bool same = e->known && e->idx == idx && e->mem == mem && (e->block == b->block || zb_is_open(b, e->block));
  if (same && reach <= e->reach)
    return true;
  *e = (CheckFact){ .idx = idx, .mem = mem, .reach = reach, .block = b->block, .known = true };
  return false;
}
