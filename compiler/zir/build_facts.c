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
static uint32_t slot_of_load(const ZIns *k) { return slot_of(k->a, k->c + 64 * k->fl, STATE_FACTS); }

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
  if (effects & (EFF_GROW | EFF_TABLE))
    zb_changed(b, ST_LENGTH);
  if (effects >> EFF_GLOBAL_SHIFT)
    for (StateKind k = ST_GLOBALS; k < ST_COUNT; k++)
      zb_changed(b, k);
}

static bool holds(const Build *b, const Fact *e) { return e->block == b->block || zb_is_open(b, e->block); }

static bool same(const ZIns *x, const ZIns *y) { return memcmp(x, y, sizeof *x) == 0; } // loads have no b

static void learn(Build *b, uint32_t slot, const ZIns *load, StateKind state, Ref value, uint32_t block)
{
  b->state_facts[slot] = (Fact){ *load, block, value, state };
  b->fact_ver[slot] = b->ver[state];
  b->fact_base[slot] = load->a;
}

// The value that the load k would give, or a load made now.
Ref zb_load_fact(Build *b, const ZIns *k, StateKind state)
{
  if (b->o->no_memory)
    return append(b, (Op)k->op, k->ty, k->fl, k->a, k->b, k->c);
  uint32_t slot = slot_of_load(k);
  const Fact *e = &b->state_facts[slot];
  if (b->fact_ver[slot] == b->ver[state] && same(&e->load, k) && holds(b, e))
    return e->value;
  Ref v = state == ST_LENGTH ? zb_hoist(b, k, EFF_GROW | EFF_TABLE | EFF_CALL) : REF_NONE;
  if (v == REF_NONE)
    v = append(b, (Op)k->op, k->ty, k->fl, k->a, k->b, k->c);
  learn(b, slot, k, state, v, zw_zir_block(b->f, v));
  return v;
}

// A store was made that the load k would read back as v.
void zb_store_fact(Build *b, const ZIns *k, StateKind state, Ref v)
{
  zb_changed(b, state);
  if (!b->o->no_memory)
    learn(b, slot_of_load(k), k, state, v, b->block);
}

// The load of the same width and type that reads back all that the store wrote, or OP_COUNT.
static Op load_for(Op store)
{
  switch (store) {
  case OP_i32_store: return OP_i32_load;
  case OP_i64_store: return OP_i64_load;
  case OP_f32_store: return OP_f32_load;
  case OP_f64_store: return OP_f64_load;
  case OP_v128_store: return OP_v128_load;
  default: return OP_COUNT;
  }
}

// A store to a memory: facts about other bytes from the same base stay true.
void zb_memory_store_fact(Build *b, const ZIns *store)
{
  StateKind state = kind_of_memory(store);
  uint32_t old = b->ver[state];
  uint64_t from = store->c, to = from + width_of(store);
  zb_changed(b, state);
  if (b->o->no_memory)
    return;
  for (unsigned k = 0; k < STATE_FACTS; k += 4) {
    if (!any_of((Four)(four(b->fact_ver + k) == old) & (Four)(four(b->fact_base + k) == store->a)))
      continue;
    for (unsigned j = k; j < k + 4; j++) {
      const Fact *e = &b->state_facts[j];
      if (b->fact_ver[j] == old && e->load.a == store->a && e->state == state && e->load.fl == store->fl &&
          (e->load.c >= to || (uint64_t)e->load.c + width_of(&e->load) <= from))
        b->fact_ver[j] = b->ver[state];
    }
  }
  Op load = load_for((Op)store->op);
  if (load == OP_COUNT || b->m->memories[store->fl].type.limits.shared)
    return;
  ZIns read = { (uint16_t)load, zw_op_info[load].out[0], store->fl, store->a, 0, store->c };
  learn(b, slot_of_load(&read), &read, state, store->b, b->block);
}

Ref zb_memory_load(Build *b, const ZIns *load)
{
  if (b->m->memories[load->fl].type.limits.shared) // another thread may be awaited
    return append(b, (Op)load->op, load->ty, load->fl, load->a, load->b, load->c);
  return zb_load_fact(b, load, kind_of_memory(load));
}

// Was [idx, idx + reach) of that memory checked on every way here?  If not, it will be now.
bool zb_was_checked(Build *b, uint32_t mem, Ref idx, uint64_t reach)
{
  if (b->o->no_memory)
    return false;
  CheckFact *e = &b->checks[slot_of(idx, mem, CHECK_FACTS)];
  bool same = e->known && e->idx == idx && e->mem == mem && (e->block == b->block || zb_is_open(b, e->block));
  if (same && reach <= e->reach)
    return true;
  *e = (CheckFact){ .idx = idx, .mem = mem, .reach = reach, .block = b->block, .known = true };
  return false;
}
