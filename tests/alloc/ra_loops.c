// The quality of allocation, as claims: in the hot blocks of these loops nothing is read from or written to a slot.
// Each is run as well, so that what is fast is also right.
#include "zir_eval.h"

typedef struct Loop { const char *name, *text; uint64_t args[6]; } Loop;
static const Loop loops[] = {
  { "sum_of_an_array",
    "module memories 1\nfunc f0 (i32, i32) -> (i32)\nb0:\n v0:i32 = param 0\n v1:i32 = param 1\n jmp b1(i32 0, i32 0)\n"
    "b1(v2:i32, v3:i32):\n v4:i32 = i32.shl v3, i32 2\n v5:i32 = i32.add v0, v4\n v6:i32 = i32.load v5 +16 @77\n"
    " v7:i32 = i32.add v2, v6\n v8:i32 = i32.add v3, i32 1\n v9:i32 = i32.lt_u v8, v1\n br v9, b1(v7, v8), b2\nb2:\n ret (v7)\n", { 64, 20 } },
  { "ten_loop_variables",
    "func f0 (i32, i32) -> (i32)\nb0:\n v0:i32 = param 0\n v1:i32 = param 1\n"
    " jmp b1(i32 0, v0, v1, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9)\n"
    "b1(v2:i32, v3:i32, v4:i32, v5:i32, v6:i32, v7:i32, v8:i32, v9:i32, v10:i32, v11:i32):\n"
    " v20:i32 = i32.add v2, i32 1\n v21:i32 = i32.add v3, v4\n v22:i32 = i32.xor v4, v5\n v23:i32 = i32.add v5, v6\n v24:i32 = i32.xor v6, v7\n"
    " v25:i32 = i32.add v7, v8\n v26:i32 = i32.xor v8, v9\n v27:i32 = i32.add v9, v10\n v28:i32 = i32.xor v10, v11\n v29:i32 = i32.add v11, v21\n"
    " v30:i32 = i32.lt_u v20, v1\n br v30, b1(v20, v21, v22, v23, v24, v25, v26, v27, v28, v29), b2\n"
    "b2:\n v31:i32 = i32.add v21, v22\n v32:i32 = i32.add v31, v23\n v33:i32 = i32.add v32, v24\n v34:i32 = i32.add v33, v25\n v35:i32 = i32.add v34, v26\n"
    " v36:i32 = i32.add v35, v27\n v37:i32 = i32.add v36, v28\n v38:i32 = i32.add v37, v29\n ret (v38)\n", { 11, 30 } },
  { "three_exits",
    "module memories 1\nfunc f0 (i32, i32, i32) -> (i32)\nb0:\n v0:i32 = param 0\n v1:i32 = param 1\n v2:i32 = param 2\n jmp b1(v0, i32 0)\n"
    "b1(v3:i32, v4:i32):\n v5:i32 = i32.load8_u v3 @7\n v6:i32 = i32.eq v5, v2\n br v6, b4(v3), b2\n"
    "b2:\n v7:i32 = i32.add v4, v5\n v8:i32 = i32.gt_u v7, i32 5000\n br v8, b4(v7), b3\n"
    "b3:\n v9:i32 = i32.add v3, i32 1\n v10:i32 = i32.lt_u v9, v1\n br v10, b1(v9, v7), b4(i32 -1)\nb4(v11:i32):\n ret (v11)\n", { 100, 200, 256 } },
  { "nested",
    "module memories 1\nfunc f0 (i32, i32, i32, i32) -> (i32)\nb0:\n v0:i32 = param 0\n v1:i32 = param 1\n v2:i32 = param 2\n v3:i32 = param 3\n jmp b1(i32 0, i32 0)\n"
    "b1(v4:i32, v5:i32):\n v6:i32 = i32.mul v4, v3\n v7:i32 = i32.add v6, v0\n jmp b2(i32 0, v5)\n"
    "b2(v8:i32, v9:i32):\n v10:i32 = i32.shl v8, i32 2\n v11:i32 = i32.add v7, v10\n v12:i32 = i32.load v11 @7\n v13:i32 = i32.add v1, v10\n v14:i32 = i32.load v13 @8\n"
    " v15:i32 = i32.mul v12, v14\n v16:i32 = i32.add v9, v15\n v17:i32 = i32.add v8, i32 1\n v18:i32 = i32.lt_u v17, v2\n br v18, b2(v17, v16), b3\n"
    "b3:\n v19:i32 = i32.add v4, i32 1\n v20:i32 = i32.lt_u v19, v2\n br v20, b1(v19, v16), b4\nb4:\n ret (v16)\n", { 64, 4096, 9, 40 } },
  { "call_in_the_loop",
    "decl f0 (i32, i32, i32) -> (i32)\ndecl f1 (i32, i32) -> (i32)\nfunc f0 (i32, i32, i32) -> (i32)\nb0:\n v0:i32 = param 0\n v1:i32 = param 1\n v9:i32 = param 2\n jmp b1(i32 0, i32 0)\n"
    "b1(v2:i32, v3:i32):\n v4:i32 = call f1(v0, v3) @8\n v5:i32 = i32.add v2, v4\n v10:i32 = i32.xor v5, v9\n v6:i32 = i32.add v3, i32 1\n"
    " v7:i32 = i32.lt_u v6, v1\n br v7, b1(v10, v6), b2\nb2:\n v8:i32 = i32.add v10, v0\n ret (v8)\n"
    "\nfunc f1 (i32, i32) -> (i32)\nb0:\n v0:i32 = param 0\n v1:i32 = param 1\n v2:i32 = i32.mul v0, v1\n ret (v2)\n", { 3, 10, 77 } },
  { "cold_panic",
    "module memories 1\ndecl f0 (i32, i32, i32) -> (i32)\ndecl f1 (i32, i32) -> (i32)\nfunc f0 (i32, i32, i32) -> (i32)\n  order b0, b1, b2, b4, b3\n"
    "b0:\n v0:i32 = param 0\n v1:i32 = param 1\n v2:i32 = param 2\n jmp b1(i32 0, i32 0)\n"
    "b1(v3:i32, v4:i32):\n v5:i32 = i32.ge_u v3, v2\n br v5, b3, b2\n"
    "b2:\n v6:i32 = i32.shl v3, i32 2\n v7:i32 = i32.add v0, v6\n v8:i32 = i32.load v7 @6\n v9:i32 = i32.add v4, v8\n v10:i32 = i32.add v3, i32 1\n"
    " v11:i32 = i32.lt_u v10, v1\n br v11, b1(v10, v9), b4\n"
    "b3 cold:\n v12:i32 = call f1(v3, v2) @5\n trap unreachable\nb4:\n ret (v9)\n"
    "\nfunc f1 (i32, i32) -> (i32)\nb0:\n v0:i32 = param 0\n ret (v0)\n", { 128, 20, 30 } },
  { "eight_float_sums",
    "module memories 1\nfunc f0 (i32, i32) -> (f64)\nb0:\n v0:i32 = param 0\n v1:i32 = param 1\n"
    " jmp b1(v0, f64 0x0, f64 0x0, f64 0x0, f64 0x0, f64 0x0, f64 0x0, f64 0x0, f64 0x0)\n"
    "b1(v2:i32, v3:f64, v4:f64, v5:f64, v6:f64, v7:f64, v8:f64, v9:f64, v10:f64):\n"
    " v11:i32 = i32.load v2 @1\n v12:f64 = f64.convert_i32_s v11\n v13:f64 = f64.add v3, v12\n v14:f64 = f64.mul v12, v12\n v15:f64 = f64.add v4, v14\n"
    " v16:f64 = f64.mul v14, v12\n v17:f64 = f64.add v5, v16\n v18:f64 = f64.add v6, v13\n v19:f64 = f64.sub v7, v15\n v20:f64 = f64.add v8, v18\n"
    " v21:f64 = f64.sub v9, v19\n v22:f64 = f64.add v10, v20\n v23:i32 = i32.add v2, i32 4\n v24:i32 = i32.lt_u v23, v1\n"
    " br v24, b1(v23, v13, v15, v17, v18, v19, v20, v21, v22), b2\n"
    "b2:\n v25:f64 = f64.add v13, v15\n v26:f64 = f64.add v25, v17\n v27:f64 = f64.add v26, v18\n v28:f64 = f64.add v27, v19\n v29:f64 = f64.add v28, v20\n"
    " v30:f64 = f64.add v29, v21\n v31:f64 = f64.add v30, v22\n ret (v31)\n", { 0, 80 } },
  { "two_back_edges",
    "module memories 1\nfunc f0 (i32, i32) -> (i32)\nb0:\n v0:i32 = param 0\n v1:i32 = param 1\n jmp b1(v0, i32 0, i32 0)\n"
    "b1(v2:i32, v3:i32, v4:i32):\n v5:i32 = i32.load8_u v2 @1\n v6:i32 = i32.add v2, i32 1\n v7:i32 = i32.and v5, i32 1\n br v7, b2, b3\n"
    "b2:\n v8:i32 = i32.add v3, v5\n v9:i32 = i32.lt_u v6, v1\n br v9, b1(v6, v8, v4), b4(v8, v4)\n"
    "b3:\n v10:i32 = i32.xor v4, v5\n v11:i32 = i32.lt_u v6, v1\n br v11, b1(v6, v3, v10), b4(v3, v10)\nb4(v12:i32, v13:i32):\n v14:i32 = i32.shl v12, i32 8\n"
    " v15:i32 = i32.or v14, v13\n ret (v15)\n", { 10, 90 } },
  { "division_and_shift",
    "func f0 (i32, i32) -> (i32)\nb0:\n v0:i32 = param 0\n v1:i32 = param 1\n jmp b1(v0, i32 0, i32 1)\n"
    "b1(v2:i32, v3:i32, v4:i32):\n v5:i32 = i32.div_u v2, v1 @4\n v6:i32 = i32.rem_u v2, v1 @5\n v7:i32 = i32.add v3, v6\n v8:i32 = i32.shl v4, v6\n"
    " v9:i32 = i32.xor v8, v7\n br v5, b1(v5, v7, v9), b2\nb2:\n v10:i32 = i32.add v7, v9\n ret (v10)\n", { 1234567, 7 } },
  { "copy_bytes",
    "module memories 1\nfunc f0 (i32, i32, i32) -> (i32)\nb0:\n v0:i32 = param 0\n v1:i32 = param 1\n v2:i32 = param 2\n jmp b1(v0, v1)\n"
    "b1(v3:i32, v4:i32):\n v5:i32 = i32.load8_u v4 @1\n i32.store8 v3, v5 @2\n v6:i32 = i32.add v3, i32 1\n v7:i32 = i32.add v4, i32 1\n"
    " v8:i32 = i32.ne v7, v2\n br v8, b1(v6, v7), b2\nb2:\n ret (v6)\n", { 5000, 100, 180 } },
  { "values_that_pass_through",
    "module memories 1\nfunc f0 (i32, i32, i32, i32, i32, i32) -> (i32)\nb0:\n v0:i32 = param 0\n v1:i32 = param 1\n v2:i32 = param 2\n v3:i32 = param 3\n v4:i32 = param 4\n"
    " v5:i32 = param 5\n v6:i32 = i32.mul v2, v3\n v7:i32 = i32.mul v3, v4\n v8:i32 = i32.mul v4, v5\n v9:i32 = i32.xor v2, v5\n jmp b1(v0, i32 0, i32 1)\n"
    "b1(v10:i32, v11:i32, v12:i32):\n v13:i32 = i32.load v10 @1\n v14:i32 = i32.load v10 +4 @2\n v15:i32 = i32.add v11, v13\n v16:i32 = i32.mul v12, v14\n"
    " v17:i32 = i32.add v10, i32 8\n v18:i32 = i32.lt_u v17, v1\n br v18, b1(v17, v15, v16), b2\n"
    "b2:\n v19:i32 = i32.add v15, v16\n v20:i32 = i32.add v19, v6\n v21:i32 = i32.xor v20, v7\n v22:i32 = i32.add v21, v8\n v23:i32 = i32.xor v22, v9\n v24:i32 = i32.add v23, v2\n"
    " v25:i32 = i32.add v24, v3\n v26:i32 = i32.add v25, v4\n v27:i32 = i32.add v26, v5\n ret (v27)\n", { 160, 480, 3, 4, 5, 6 } },
  { "passed_to_a_call_behind_it",
    "module memories 1\ndecl f0 (i32, i32) -> (i32)\ndecl f1 (i32, i32, i32) -> (i32)\nfunc f0 (i32, i32) -> (i32)\nb0:\n v0:i32 = param 0\n v1:i32 = param 1\n jmp b1(i32 0, i32 1, v0)\n"
    "b1(v2:i32, v3:i32, v4:i32):\n v5:i32 = i32.load v4 @1\n v6:i32 = i32.add v2, v5\n v7:i32 = i32.xor v3, v6\n v8:i32 = i32.add v4, i32 4\n v9:i32 = i32.lt_u v8, v1\n"
    " br v9, b1(v6, v7, v8), b2\nb2:\n v10:i32 = call f1(v6, v7, v0) @6\n ret (v10)\n"
    "\nfunc f1 (i32, i32, i32) -> (i32)\nb0:\n v0:i32 = param 0\n v1:i32 = param 1\n v2:i32 = param 2\n v3:i32 = i32.add v0, v1\n v4:i32 = i32.sub v3, v2\n ret (v4)\n",
    { 8, 88 } },
  { "hash_with_select",
    "module memories 1\nfunc f0 (i32, i32, i64) -> (i64)\nb0:\n v0:i32 = param 0\n v1:i32 = param 1\n v2:i64 = param 2\n jmp b1(v0, i64 14695981039346656037, i64 0)\n"
    "b1(v3:i32, v4:i64, v5:i64):\n v6:i64 = i64.load8_u v3 @1\n v7:i64 = i64.xor v4, v6\n v8:i64 = i64.mul v7, v2\n v9:i32 = i64.gt_u v8, v5\n v10:i64 = sel v8, v5, v9\n"
    " v11:i32 = i32.add v3, i32 1\n v12:i32 = i32.lt_u v11, v1\n br v12, b1(v11, v8, v10), b2\nb2:\n v13:i64 = i64.xor v8, v10\n ret (v13)\n", { 1, 50, 1099511628211ull } },
};

static unsigned slot_accesses(const LirFunc *l)
{
  const ZirFunc *z = l->z;
  unsigned n = 0;
  for (uint32_t k = 0; k < l->nchunks; k++) {
    const LirChunk *c = &l->chunks[k];
    if (c->cold || z->blocks[c->block].loop == NO_LOOP)
      continue;
    bool leaves = (c->label & LABEL_STUB) != 0; // a stub of an edge out of the loop is not part of it
    for (uint32_t i = c->first; leaves && i < c->end; i++)
      if (l->lir[i].op == X_jmp && !(l->lir[i].x & LABEL_STUB) && z->blocks[l->lir[i].x].loop != NO_LOOP)
        leaves = false;
    uint32_t end = c->end; // behind the last branch back comes the way out
    for (uint32_t i = c->first; i < c->end; i++)
      if (l->lir[i].op == X_jcc && !(l->lir[i].x & LABEL_STUB) && z->blocks[l->lir[i].x].is_header)
        end = i;
    for (uint32_t i = c->first; i < end && !leaves; i++)
      n += l->lir[i].rn == REG_SLOT;
  }
  return n;
}
static void hot_loops_stay_in_registers(void **state)
{
  (void)state;
  unsigned bad = 0;
  const char *one = getenv("ZW_LOOP");
  for (unsigned k = 0; k < ARRAY_COUNT(loops); k++) {
    if (one && strcmp(one, loops[k].name) != 0)
      continue;
    ZirRig *g = zir_rig(loops[k].text, NULL);
    unsigned n = slot_accesses(g->l[0]);
    uint8_t *model = calloc(1, 1 << 16);
    for (unsigned j = 0; j < 1 << 16; j++)
      model[j] = g->memory[j] = (uint8_t)(j * 7 + (j >> 8));
    EvalWorld w = { .funcs = g->z, .memory = model, .fuel = 100000 };
    Val in[6], out[2];
    memset(in, 0, sizeof in), memset(out, 0, sizeof out);
    for (unsigned j = 0; j < 6; j++)
      in[j].l = loops[k].args[j];
    assert_int_equal(zir_eval(&w, g->z[0], in, out), TRAP_none);
    uint64_t got = zir_call(g, 0, loops[k].args, 6);
    if (g->z[0]->ins[0].ty == VK_I32)
      assert_int_equal((uint32_t)got, (uint32_t)out[0].l);
    assert_memory_equal(model, g->memory, 1 << 16);
    free(model);
    if (n || one || getenv("ZW_SHOW"))
      fprintf(stderr, "%s: %u accesses of slots in the loop\n%s\n", loops[k].name, n, zir_rig_lir(g, 0));
    bad += n != 0;
    zir_rig_free(g);
  }
  assert_int_equal(bad, 0);
}
int main(void)
{
  const struct CMUnitTest tests[] = { cmocka_unit_test(hot_loops_stay_in_registers) };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
