// Faults planted in what P3 wrote: each must be caught by the checker.  The unharmed code must pass.
#include "zir_rig.h"

// ---- code with something of everything ----
// A loop with more variables than registers, a call in it, a division, a swap of two phis.
static const char *busy(void)
{
  static char text[8000];
  char *p = text;
  p += sprintf(p, "decl f0 (i32, i32, i64) -> (i64)\ndecl f1 (i32, i64) -> (i32, i64)\nfunc f0 (i32, i32, i64) -> (i64)\nb0:\n v0:i32 = param 0\n v1:i32 = param 1\n"
                  " v2:i64 = param 2\n jmp b1(v0, v1, v2, i64 7");
  for (unsigned k = 0; k < 12; k++)
    p += sprintf(p, ", i64 %u", k);
  p += sprintf(p, ")\nb1(v3:i32, v4:i32, v5:i64, v6:i64");
  for (unsigned k = 0; k < 12; k++)
    p += sprintf(p, ", v%u:i64", 20 + k);
  p += sprintf(p, "):\n v7:i32 = i32.div_s v3, v4 @9\n v8:i32 = call f1(v7, v5) @5\n v9:i64 = result v8 #1\n");
  for (unsigned k = 0; k < 12; k++)
    p += sprintf(p, " v%u:i64 = i64.add v%u, v%u\n", 40 + k, 20 + k, k ? 39 + k : 9);
  p += sprintf(p, " v10:i32 = i32.sub v3, v8\n v11:i32 = i32.gt_s v10, v1\n br v11, b1(v4, v10, v6, v5");
  for (unsigned k = 0; k < 12; k++)
    p += sprintf(p, ", v%u", 40 + k);
  p += sprintf(p, "), b2\nb2:\n v12:i64 = i64.xor v51, v2\n ret (v12)\n"
                  "\nfunc f1 (i32, i64) -> (i32, i64)\nb0:\n v0:i32 = param 0\n v1:i64 = param 1\n v2:i64 = i64.add v1, i64 1\n ret (i32 5, v2)\n");
  return text;
}
// More values live across a call than it leaves registers alone.
static const char *across(void)
{
  static char text[4000];
  char *p = text;
  p += sprintf(p, "decl f0 (i32, i32) -> (i32)\ndecl f1 (i32) -> (i32)\nfunc f0 (i32, i32) -> (i32)\nb0:\n v0:i32 = param 0\n v1:i32 = param 1\n");
  for (unsigned k = 0; k < 10; k++)
    p += sprintf(p, " v%u:i32 = i32.mul v0, i32 %u\n", 10 + k, k + 3);
  p += sprintf(p, " v2:i32 = call f1(v1) @5\n");
  for (unsigned k = 0; k < 10; k++)
    p += sprintf(p, " v%u:i32 = i32.xor v%u, v%u\n", 30 + k, 10 + k, k ? 29 + k : 2);
  sprintf(p, " ret (v39)\n\nfunc f1 (i32) -> (i32)\nb0:\n v0:i32 = param 0\n ret (v0)\n");
  return text;
}
// Two values change places on the back edge: a swap, when the registers are few (four) and none is spare.
static const char swap_text[] = "func f0 (i32, i32) -> (i32)\nb0:\n v0:i32 = param 0\n v1:i32 = param 1\n jmp b1(v0, v1, i32 0)\n"
                                "b1(v2:i32, v3:i32, v4:i32):\n v5:i32 = i32.add v4, i32 1\n v6:i32 = i32.xor v2, v5\n v9:i32 = i32.add v6, v1\n v7:i32 = i32.lt_u v5, v9\n"
                                " br v7, b1(v3, v2, v5), b2\nb2:\n v8:i32 = i32.sub v2, v3\n ret (v8)\n";
static const char diamond_text[] = "func f0 (i32, i32, f64) -> (i32)\nb0:\n v0:i32 = param 0\n v1:i32 = param 1\n v2:f64 = param 2\n v3:i32 = i32.lt_s v0, v1\n"
                                   " br v3, b1, b2\nb1:\n v4:i32 = i32.mul v0, v1\n jmp b3(v4, v0)\nb2:\n v5:i32 = i32.sub v0, v1\n jmp b3(v1, v5)\n"
                                   "b3(v6:i32, v7:i32):\n v8:f64 = f64.convert_i32_s v6\n v9:f64 = f64.add v8, v2\n v10:i32 = i32.trunc_sat_f64_s v9\n"
                                   " v11:i32 = i32.sub v10, v7\n ret (v11)\n";
static const char switch_text[] = "func f0 (i32, i32) -> (i32)\nb0:\n v0:i32 = param 0\n v1:i32 = param 1\n switch v0 [0 1 2 1 0] b1, b2(v1), b3, b4\n"
                                  "b1:\n ret (i32 1)\nb2(v2:i32):\n v3:i32 = i32.add v2, v0\n ret (v3)\nb3:\n v4:i32 = i32.sub v1, v0\n ret (v4)\nb4:\n ret (v0)\n";
#define REF_TEXT "decl f0 (ref, ref) -> (ref)\ndecl f1 (ref) -> (ref)\nfunc f0 (ref, ref) -> (ref)\nb0:\n v0:ref = param 0\n v1:ref = param 1\n" \
                 " v2:ref = call f1(v0) @5\n v3:ref = call f1(v1) @6\n v4:i32 = i32.eq i32 1, i32 1\n br v4, b1, b2\n" \
                 "b1:\n ret (v2)\nb2:\n v5:ref = call f1(v3) @7\n ret (v0)\n" \
                 "\nfunc f1 (ref) -> (ref)\nb0:\n v0:ref = param 0\n ret (v0)\n"
static const char ref_text[] = REF_TEXT, one_map_text[] = REF_TEXT;
// v5 refers to v1 but nothing needs it: v1 is dead behind the first call.  v0 is dead behind the second.
static const char dead_ref_text[] = "decl f0 (ref, ref) -> (ref)\ndecl f1 (ref) -> (ref)\nfunc f0 (ref, ref) -> (ref)\nb0:\n v0:ref = param 0\n v1:ref = param 1\n"
                                    " v2:ref = call f1(v1) @5\n v3:ref = call f1(v0) @6\n v4:ref = call f1(v3) @7\n v5:ref = sel v1, v2, i32 1\n ret (v2)\n"
                                    "\nfunc f1 (ref) -> (ref)\nb0:\n v0:ref = param 0\n ret (v0)\n";
static const char try_text[] = "tag 0 (i32)\ndecl f0 (i32, i32) -> (i32)\ndecl f1 (i32) -> (i32)\nfunc f0 (i32, i32) -> (i32)\n  try 0 catch 0 b2\n"
                               "b0 try 0:\n v0:i32 = param 0\n v1:i32 = param 1\n v2:i32 = i32.mul v0, v1\n v3:i32 = call f1(v2) @5\n jmp b1\n"
                               "b1:\n ret (v3)\nb2 cold handler:\n v4:i32 = catch_value #0\n v5:i32 = i32.add v4, v2\n v6:i32 = i32.sub v5, v1\n ret (v6)\n"
                               "\nfunc f1 (i32) -> (i32)\nb0:\n v0:i32 = param 0\n ret (v0)\n";

// Three values move round: the moves have an order.
static const char rotate_text[] = "func f0 (i32, i32) -> (i32)\nb0:\n v0:i32 = param 0\n v1:i32 = param 1\n jmp b1(v0, v1, i32 1, i32 0)\n"
                                  "b1(v2:i32, v3:i32, v4:i32, v5:i32):\n v6:i32 = i32.add v5, v2\n v7:i32 = i32.lt_u v6, v4\n"
                                  " br v7, b1(v3, v4, v6, v6), b2\nb2:\n v8:i32 = i32.sub v2, v3\n v9:i32 = i32.add v8, v4\n ret (v9)\n";
// Two ways to one block, with the arguments exchanged.
static const char exits_text[] = "func f0 (i32, i32) -> (i32)\nb0:\n v0:i32 = param 0\n v1:i32 = param 1\n v2:i32 = i32.lt_s v0, v1\n br v2, b3(v0, v1), b1\n"
                                 "b1:\n v3:i32 = i32.add v0, i32 5\n v4:i32 = i32.eq v3, v1\n br v4, b3(v1, v0), b2\nb2:\n jmp b3(v3, v0)\n"
                                 "b3(v5:i32, v6:i32):\n v7:i32 = i32.sub v5, v6\n ret (v7)\n";

// ---- planting ----
typedef struct Fault {
  const char *name;
  const char *(*busy_text)(void);
  const char *text;
  bool (*plant)(LirFunc *l, uint32_t i); // true when instruction i was one to harm, and has been
} Fault;
static bool is_slot_load(const Lir *l) { return l->op == X_mov_rm && l->rn == REG_SLOT; }
static bool reads_slot(const Lir *l) { return l->rn == REG_SLOT && l->op != X_mov_mr && l->op != X_mov_mi; }
static bool is_slot_store(const Lir *l) { return l->op == X_mov_mr && l->rn == REG_SLOT; }
static bool is_move(const Lir *l) { return l->op == X_mov_rr && l->rd != l->rn; }
static bool is_alu(const Lir *l) { return l->op == X_add_rr || l->op == X_sub_rr || l->op == X_xor_rr || l->op == X_imul_rr; }
static bool kill(LirFunc *l, uint32_t i)
{
  l->lir[i] = (Lir){ .op = X_pause, .rd = REG_NONE, .rn = REG_NONE, .rm = REG_NONE, .ra = REG_NONE };
  l->notes[i] = (LirNote){ .def = REF_NONE, .use = { REF_NONE, REF_NONE, REF_NONE, REF_NONE } };
  return true;
}
static uint32_t chunk_of(const LirFunc *l, uint32_t i)
{
  uint32_t k = 0;
  while (!(l->chunks[k].first <= i && i < l->chunks[k].end))
    k++;
  return k;
}
static uint8_t other(uint8_t r) { return r == R9 ? R8 : R9; }

static bool wrong_source(LirFunc *l, uint32_t i) { return is_alu(&l->lir[i]) && l->lir[i].rd != l->lir[i].rn ? l->lir[i].rn = other(l->lir[i].rn), true : false; }
static bool wrong_destination(LirFunc *l, uint32_t i) { return is_alu(&l->lir[i]) ? l->lir[i].rd = other(l->lir[i].rd), true : false; }
static bool swapped_operands(LirFunc *l, uint32_t i)
{
  Lir *x = &l->lir[i];
  if (x->op != X_cmp_rr)
    return false;
  uint8_t t = x->rd;
  x->rd = x->rn, x->rn = t;
  return true;
}
static bool wrong_slot(LirFunc *l, uint32_t i) { return is_slot_load(&l->lir[i]) ? l->lir[i].disp = (l->lir[i].disp + 1) % (int32_t)l->nslots, true : false; }
static bool store_to_wrong_slot(LirFunc *l, uint32_t i) { return is_slot_store(&l->lir[i]) ? l->lir[i].disp = (l->lir[i].disp + 1) % (int32_t)l->nslots, true : false; }
static bool stored_wrong_register(LirFunc *l, uint32_t i) { return is_slot_store(&l->lir[i]) ? l->lir[i].rd = other(l->lir[i].rd), true : false; }
static bool missing_store(LirFunc *l, uint32_t i) { return is_slot_store(&l->lir[i]) && kill(l, i); }
static bool missing_reload(LirFunc *l, uint32_t i) { return is_slot_load(&l->lir[i]) && kill(l, i); }
static bool half_reload(LirFunc *l, uint32_t i) { return is_slot_load(&l->lir[i]) && l->lir[i].sz == 8 ? l->lir[i].sz = 4, true : false; }
static bool half_move(LirFunc *l, uint32_t i) { return is_move(&l->lir[i]) && l->lir[i].sz == 8 ? l->lir[i].sz = 4, true : false; }
static bool wrong_class(LirFunc *l, uint32_t i) { return is_alu(&l->lir[i]) ? l->lir[i].rd = XMM3, true : false; }
static bool clobbered_across_call(LirFunc *l, uint32_t i)
{
  if (l->lir[i].op != X_call)
    return false;
  for (uint32_t k = 0; k < l->nlir; k++) { // whatever was kept in rbx is now in a register that calls destroy
    Lir *x = &l->lir[k];
    if (x->rd == RBX)
      x->rd = R8;
    if (x->rn == RBX)
      x->rn = R8;
    if (x->rm == RBX)
      x->rm = R8;
  }
  return true;
}
static bool divisor_in_fixed_register(LirFunc *l, uint32_t i) { return l->lir[i].op == X_idiv_r ? l->lir[i].rd = RDX, true : false; }
static bool dividend_missing(LirFunc *l, uint32_t i) { return is_move(&l->lir[i]) && l->lir[i].rd == RAX && kill(l, i); }
static bool lost_move(LirFunc *l, uint32_t i) { return is_move(&l->lir[i]) && kill(l, i); }
static bool lost_swap(LirFunc *l, uint32_t i) { return l->lir[i].op == X_xchg_rr && kill(l, i); }
static bool swap_as_one_move(LirFunc *l, uint32_t i) { return l->lir[i].op == X_xchg_rr ? l->lir[i].op = X_mov_rr, true : false; }
static bool lost_constant(LirFunc *l, uint32_t i) { return (l->lir[i].op == X_mov_ri || l->lir[i].op == X_zero_r) && l->notes[i].def != REF_NONE && kill(l, i); }
static bool edge_moves_exchanged(LirFunc *l, uint32_t i)
{
  if (!is_move(&l->lir[i]) || i + 1 >= l->nlir || !is_move(&l->lir[i + 1]))
    return false;
  uint8_t t = l->lir[i].rd;
  l->lir[i].rd = l->lir[i + 1].rd, l->lir[i + 1].rd = t;
  return true;
}
static bool moves_in_wrong_order(LirFunc *l, uint32_t i)
{
  if (!is_move(&l->lir[i]) || i + 1 >= l->nlir || !is_move(&l->lir[i + 1]) || l->lir[i].rn != l->lir[i + 1].rd)
    return false;
  Lir t = l->lir[i];
  l->lir[i] = l->lir[i + 1], l->lir[i + 1] = t;
  return true;
}
static bool jump_to_wrong_block(LirFunc *l, uint32_t i) { return l->lir[i].op == X_jmp && !(l->lir[i].x & LABEL_STUB) && l->lir[i].x ? l->lir[i].x--, true : false; }
static bool lost_branch(LirFunc *l, uint32_t i) { return l->lir[i].op == X_jcc && !(l->lir[i].x & LABEL_STUB) && l->notes[i].def != REF_NONE && kill(l, i); }
static bool branch_past_its_stub(LirFunc *l, uint32_t i)
{
  Lir *x = &l->lir[i];
  if (x->op != X_jcc || !(x->x & LABEL_STUB) || l->notes[i].def == REF_NONE)
    return false;
  x->x = l->z->edges[l->notes[i].def].to;
  return true;
}
static bool wrong_table_entry(LirFunc *l, uint32_t i)
{
  if (l->lir[i].op != X_jtable)
    return false;
  l->table_labels[1] = l->table_labels[0];
  return true;
}
static bool table_index_overwritten(LirFunc *l, uint32_t i)
{
  Lir *x = &l->lir[i];
  if (x->op != X_jtable)
    return false;
  x->rn = x->rd; // the register of the table's address
  return true;
}
static bool arguments_exchanged(LirFunc *l, uint32_t i)
{
  Lir *x = &l->lir[i];
  if (!((is_move(x) || is_slot_load(x)) && (x->rd == RDI || x->rd == RSI)))
    return false;
  for (uint32_t k = i; k < l->nlir && l->lir[k].op != X_jmp; k++)
    if (l->lir[k].op == X_call) {
      x->rd = x->rd == RDI ? RSI : RDI;
      return true;
    }
  return false;
}
static bool result_from_wrong_register(LirFunc *l, uint32_t i)
{
  Lir *x = &l->lir[i];
  if (i == 0 || l->lir[i - 1].op != X_call || !(is_move(x) || is_slot_store(x)))
    return false;
  if (is_move(x))
    x->rn = x->rn == RAX ? RDX : RAX;
  else
    x->rd = x->rd == RAX ? RDX : RAX;
  return true;
}
static bool parameter_from_wrong_register(LirFunc *l, uint32_t i)
{
  Lir *x = &l->lir[i];
  if (chunk_of(l, i) || !(is_move(x) || is_slot_store(x)))
    return false;
  uint8_t *r = is_move(x) ? &x->rn : &x->rd;
  *r = *r == RDI ? RSI : RDI;
  return true;
}
static bool slots_shared(LirFunc *l, uint32_t i)
{
  if (!is_slot_store(&l->lir[i]))
    return false;
  int32_t s = l->lir[i].disp, t = (s + 1) % (int32_t)l->nslots;
  for (uint32_t k = 0; k < l->nlir; k++)
    if (l->lir[k].rn == REG_SLOT && l->lir[k].disp == s)
      l->lir[k].disp = t;
  return true;
}
static bool stale_slot(LirFunc *l, uint32_t i) // the store of this iteration comes after its reload
{
  if (!is_slot_store(&l->lir[i]))
    return false;
  for (uint32_t k = i + 1; k < l->nlir && chunk_of(l, k) == chunk_of(l, i); k++)
    if (reads_slot(&l->lir[k]) && l->lir[k].disp == l->lir[i].disp) {
      Lir t = l->lir[i];
      for (uint32_t j = i; j < k; j++)
        l->lir[j] = l->lir[j + 1], l->notes[j] = l->notes[j + 1];
      l->lir[k] = t;
      l->notes[k] = (LirNote){ .def = REF_NONE, .use = { REF_NONE, REF_NONE, REF_NONE, REF_NONE } };
      return true;
    }
  return false;
}
static bool dropped_map_slot(LirFunc *l, uint32_t i)
{
  (void)i;
  if (!l->nmaps)
    return false;
  l->maps[0].n--;
  return true;
}
static bool map_names_other_slot(LirFunc *l, uint32_t i)
{
  (void)i;
  if (!l->nmaps || l->nslots < 2)
    return false;
  l->nslots++; // one more, that holds nothing
  static uint8_t bytes[64]; // nobody asks for the sizes again
  assert_true(l->nslots <= sizeof bytes);
  l->slot_bytes = bytes;
  l->map_slots[l->maps[0].first] = l->nslots - 1;
  return true;
}
static bool map_missing(LirFunc *l, uint32_t i)
{
  (void)i;
  return l->nmaps ? l->nmaps = 0, true : false;
}
static bool map_names_dead_reference(LirFunc *l, uint32_t i) // v0's slot, which still holds it, at the call that it has not to survive
{
  (void)i;
  if (l->nmaps < 3)
    return false;
  uint32_t v0 = l->map_slots[l->maps[0].first], v2 = l->map_slots[l->maps[1].first];
  assert_int_not_equal(v0, v2);
  static uint32_t two[3];
  two[0] = v2, two[1] = two[2] = v0;
  l->map_slots = two;
  l->maps[0].first = 2;
  l->maps[1].first = 0, l->maps[1].n = 2;
  l->maps[2].first = 0;
  return true;
}
static bool handler_reads_register(LirFunc *l, uint32_t i)
{
  Lir *x = &l->lir[i];
  if (l->chunks[chunk_of(l, i)].block != 2 || !is_slot_load(x))
    return false;
  x->op = X_mov_rr, x->rn = RBX; // as if the register copy of the normal path were still there
  return true;
}
static bool temporary_in_live_register(LirFunc *l, uint32_t i)
{
  if (l->lir[i].op != X_cmp_rr && l->lir[i].op != X_cmp_ri)
    return false;
  uint8_t live = l->lir[i].rd;
  if (i == 0 || l->notes[i - 1].def != REF_NONE || l->lir[i - 1].op == X_pause || i < 1)
    return false;
  l->lir[i - 1] = (Lir){ .op = X_zero_r, .rd = live, .sz = 4, .rn = REG_NONE, .rm = REG_NONE, .ra = REG_NONE };
  return true;
}

static const Fault faults[] = {
  { "wrong_source", busy, NULL, wrong_source },
  { "wrong_destination", busy, NULL, wrong_destination },
  { "swapped_operands", NULL, diamond_text, swapped_operands },
  { "wrong_slot", busy, NULL, wrong_slot },
  { "store_to_wrong_slot", busy, NULL, store_to_wrong_slot },
  { "stored_wrong_register", busy, NULL, stored_wrong_register },
  { "missing_store", busy, NULL, missing_store },
  { "missing_reload", busy, NULL, missing_reload },
  { "half_reload", busy, NULL, half_reload },
  { "half_move", busy, NULL, half_move },
  { "wrong_class", busy, NULL, wrong_class },
  { "clobbered_across_call", busy, NULL, clobbered_across_call },
  { "divisor_in_fixed_register", busy, NULL, divisor_in_fixed_register },
  { "dividend_missing", busy, NULL, dividend_missing },
  { "lost_move", busy, NULL, lost_move },
  { "lost_edge_move", NULL, diamond_text, lost_move },
  { "lost_swap", NULL, swap_text, lost_swap },
  { "swap_as_one_move", NULL, swap_text, swap_as_one_move },
  { "lost_constant", NULL, swap_text, lost_constant },
  { "edge_moves_exchanged", busy, NULL, edge_moves_exchanged },
  { "moves_in_wrong_order", NULL, rotate_text, moves_in_wrong_order },
  { "jump_to_wrong_block", NULL, diamond_text, jump_to_wrong_block },
  { "lost_branch", NULL, diamond_text, lost_branch },
  { "branch_past_its_stub", NULL, exits_text, branch_past_its_stub },
  { "wrong_table_entry", NULL, switch_text, wrong_table_entry },
  { "table_index_overwritten", NULL, switch_text, table_index_overwritten },
  { "arguments_exchanged", busy, NULL, arguments_exchanged },
  { "result_from_wrong_register", busy, NULL, result_from_wrong_register },
  { "parameter_from_wrong_register", busy, NULL, parameter_from_wrong_register },
  { "slots_shared", busy, NULL, slots_shared },
  { "stale_slot", across, NULL, stale_slot },
  { "dropped_map_slot", NULL, ref_text, dropped_map_slot },
  { "map_names_other_slot", NULL, ref_text, map_names_other_slot },
  { "map_names_dead_reference", NULL, dead_ref_text, map_names_dead_reference },
  { "map_missing", NULL, ref_text, map_missing },
  { "dropped_slot_of_one_map", NULL, one_map_text, dropped_map_slot },
  { "one_map_names_other_slot", NULL, one_map_text, map_names_other_slot },
  { "one_map_missing", NULL, one_map_text, map_missing },
  { "handler_reads_register", NULL, try_text, handler_reads_register },
  { "temporary_in_live_register", busy, NULL, temporary_in_live_register },
};

static const char *check(ZirRig *g) { return zw_ra_check(g->l[0], &zw_x64_target, &g->r->ctx.scratch); }

static void each_fault_is_caught(void **state)
{
  (void)state;
  unsigned planted = 0, missed = 0;
  for (unsigned k = 0; k < ARRAY_COUNT(faults); k++) {
    const Fault *f = &faults[k];
    bool found = false;
    for (uint32_t i = 0, n = 1; i < n && !found; i++) { // the first place where it can be planted and matters
      CodeOptions o = { .small_file = f->text == swap_text ? 4 : 0, .no_exact_maps = f->text == one_map_text };
      ZirRig *g = zir_rig(f->text ? f->text : f->busy_text(), &o);
      n = g->l[0]->nlir;
      assert_null(check(g));
      if (f->plant(g->l[0], i)) {
        found = true;
        planted++;
        const char *bad = check(g);
        if (!bad) {
          fprintf(stderr, "%s at %u is not caught\n%s", f->name, i, zir_rig_lir(g, 0));
          missed++;
        } else if (getenv("ZW_SHOW")) {
          fprintf(stderr, "%-30s %s\n", f->name, bad);
        }
      }
      zir_rig_free(g);
    }
    if (!found)
      fail_msg("%s could not be planted", f->name);
  }
  assert_int_equal(missed, 0);
  assert_true(planted >= 30);
}

int main(void)
{
  const struct CMUnitTest tests[] = { cmocka_unit_test(each_fault_is_caught) };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
