// What an instruction becomes: the one form that is wanted, and no other, in the LIR of a small function.
#include "zir_rig.h"

typedef struct Form {
  const char *name, *text;
  uint64_t cpu;
  const char *has, *lacks;       // LIR as --dump=lir prints it
} Form;
#define II_I "func f0 (i32, i32) -> (i32)\nb0:\n v0:i32 = param 0\n v1:i32 = param 1\n"
#define LL_L "func f0 (i64, i64) -> (i64)\nb0:\n v0:i64 = param 0\n v1:i64 = param 1\n"

#define MEM "module memories 1\nfunc f0 (i32, i32) -> (i32)\nb0:\n v0:i32 = param 0\n v1:i32 = param 1\n"

static const Form forms[] = {
  { "update_of_memory_is_one_instruction", MEM " v2:i32 = i32.load v0 +8 @7\n v3:i32 = i32.add v2, v1\n i32.store v0, v3 +8 @8\n ret (v1)\n", 0, "add.32 [r14+rdi*1+8], e", "mov.32 ecx, [" },
  { "update_by_a_constant_too", MEM " v2:i32 = i32.load8_u v0 +8 @7\n v3:i32 = i32.or v2, i32 3\n i32.store8 v0, v3 +8 @8\n ret (v1)\n", 0, "or.8 [r14+rdi*1+8], 3", "movzx" },
  { "no_update_at_another_address", MEM " v2:i32 = i32.load v0 +8 @7\n v3:i32 = i32.add v2, v1\n i32.store v0, v3 +12 @8\n ret (v1)\n", 0, "mov.32 [r14", "add.32 [" },
  { "no_update_over_a_store_between", MEM " v2:i32 = i32.load v0 +8 @7\n i32.store v1, v1 @9\n v3:i32 = i32.add v2, v1\n i32.store v0, v3 +8 @8\n ret (v1)\n", 0, "mov.32 [r14+rdi*1+8]", "add.32 [r14+rdi*1+8], e" },
  { "subtraction_from_something_else_is_no_update", MEM " v2:i32 = i32.load v0 +8 @7\n v3:i32 = i32.sub v1, v2\n i32.store v0, v3 +8 @8\n ret (v1)\n", 0, "mov.32 [r14+rdi*1+8]", "sub.32 [" },
  { "and_of_complement_is_andn", II_I " v2:i32 = i32.xor v1, i32 -1\n v3:i32 = i32.and v0, v2\n ret (v3)\n", CPU_BMI1, "andn", "xor" },
  { "complement_on_the_left_too", LL_L " v2:i64 = i64.xor v1, i64 -1\n v3:i64 = i64.and v2, v0\n ret (v3)\n", CPU_BMI1, "andn", "xor" },
  { "no_andn_without_bmi1", II_I " v2:i32 = i32.xor v1, i32 -1\n v3:i32 = i32.and v0, v2\n ret (v3)\n", 0, "not", "andn" },
  { "complement_is_not", LL_L " v2:i64 = i64.xor v1, i64 -1\n ret (v2)\n", 0, "not", "xor" },
  { "low_byte_is_movzx", II_I " v2:i32 = i32.and v1, i32 255\n ret (v2)\n", 0, "movzx", "and" },
  { "low_half_is_movzx", LL_L " v2:i64 = i64.and v1, i64 65535\n ret (v2)\n", 0, "movzx", "and" },
  { "low_word_is_mov", LL_L " v2:i64 = i64.and v1, i64 4294967295\n ret (v2)\n", 0, "mov.32 eax, esi", "and" },
  { "extension_reads_the_parameter_where_it_is", II_I " v2:i32 = i32.and v1, i32 255\n ret (v2)\n", 0, "movzx.32 eax, ", "mov.32" },
  { "wide_constant_is_a_memory_operand", LL_L " v2:i64 = i64.xor v1, i64 81985529216486895\n ret (v2)\n", 0, "[const", "movabs" },
};

static void each_form_is_selected(void **state)
{
  (void)state;
  for (unsigned k = 0; k < ARRAY_COUNT(forms); k++) {
    const Form *f = &forms[k];
    CodeOptions o = { .cpu_bits = CPU_X86_64_V2 | f->cpu };
    ZirRig *g = zir_rig(f->text, &o);
    const char *lir = zir_rig_lir(g, 0);
    if (!strstr(lir, f->has) || strstr(lir, f->lacks))
      fail_msg("%s: wanted %s and no %s in\n%s", f->name, f->has, f->lacks, lir);
    zir_rig_free(g);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = { cmocka_unit_test(each_form_is_selected) };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
