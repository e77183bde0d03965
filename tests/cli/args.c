// The flag table read as users type it.
#include "tools/cli/args.h"
#include "tools/cli/file.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static Arena arena;

static Args args_of(unsigned tool, const char *const *argv)
{
  Args a = { .argv = argv, .at = 0, .tool = tool };
  while (argv[a.argc])
    a.argc++;
  return a;
}
#define ARGS(tool, ...) args_of(tool, (const char *[]){ __VA_ARGS__, NULL })

static void want_flag(Args *a, FlagId id, const char *value)
{
  Arg f;
  assert_int_equal(zw_args_next(a, &f), ARGS_FLAG);
  assert_int_equal(f.id, id);
  if (value)
    assert_string_equal(f.value, value);
  else
    assert_null(f.value);
}
static void want_operand(Args *a, const char *value)
{
  Arg f;
  assert_int_equal(zw_args_next(a, &f), ARGS_OPERAND);
  assert_string_equal(f.value, value);
}
static void want_bad(Args a, const char *sentence)
{
  Arg f;
  assert_int_equal(zw_args_next(&a, &f), ARGS_BAD);
  assert_string_equal(a.error, sentence);
}
static void want_end(Args *a)
{
  Arg f;
  assert_int_equal(zw_args_next(a, &f), ARGS_END);
}

static void values_come_glued_separate_or_after_an_equals_sign(void **state)
{
  (void)state;
  Args a = ARGS(TOOL_ZWASMC, "-o", "x.o", "-oy.o", "--output=z.o", "--output", "w.o", "-j4", "-j", "5", "--jobs=6", "-mcpu=native", "a.wasm");
  want_flag(&a, FLAG_output, "x.o");
  want_flag(&a, FLAG_output, "y.o");
  want_flag(&a, FLAG_output, "z.o");
  want_flag(&a, FLAG_output, "w.o");
  want_flag(&a, FLAG_jobs, "4");
  want_flag(&a, FLAG_jobs, "5");
  want_flag(&a, FLAG_jobs, "6");
  want_flag(&a, FLAG_cpu, "native");
  want_operand(&a, "a.wasm");
  want_end(&a);
}

static void optional_values_need_the_equals_sign(void **state)
{
  (void)state;
  Args a = ARGS(TOOL_ZWASMC, "--header", "a.wasm", "--header=a.h", "--help=all");
  want_flag(&a, FLAG_header, NULL);
  want_operand(&a, "a.wasm");
  want_flag(&a, FLAG_header, "a.h");
  want_flag(&a, FLAG_help, "all");
}

static void levels_are_glued_to_their_letter(void **state)
{
  (void)state;
  Args a = ARGS(TOOL_ZWASMC, "-O2", "-O", "-Os", "-g", "-g0");
  want_flag(&a, FLAG_opt, "2");
  want_flag(&a, FLAG_opt, "");
  want_flag(&a, FLAG_opt, "s");
  want_flag(&a, FLAG_debug, "");
  want_flag(&a, FLAG_debug, "0");
}

static void everything_after_two_dashes_is_an_operand(void **state)
{
  (void)state;
  Args a = ARGS(TOOL_RUN, "--dir", ".", "--", "--dir", "-", "-o");
  want_flag(&a, FLAG_dir, ".");
  want_operand(&a, "--dir");
  want_operand(&a, "-");
  want_operand(&a, "-o");
  want_end(&a);
}

static void a_lone_dash_is_an_operand(void **state)
{
  (void)state;
  Args a = ARGS(TOOL_ZWASMC, "-", "-c");
  want_operand(&a, "-");
  want_flag(&a, FLAG_compile_only, NULL);
}

static void bad_flags_get_a_sentence(void **state)
{
  (void)state;
  want_bad(ARGS(TOOL_ZWASMC, "--bonds=check"), "unknown option '--bonds=check'; did you mean '--bounds'?");
  want_bad(ARGS(TOOL_ZWASMC, "--quite-unlike-anything"), "unknown option '--quite-unlike-anything'; see --help");
  want_bad(ARGS(TOOL_ZWASMC, "-o"), "option '-o' needs a value: FILE");
  want_bad(ARGS(TOOL_ZWASMC, "--output"), "option '--output' needs a value: FILE");
  want_bad(ARGS(TOOL_ZWASMC, "--strip=yes"), "option '--strip' takes no value");
  want_bad(ARGS(TOOL_ZWASMC, "--link=m=x.wasm"), "option '--link' is not supported yet");
  want_bad(ARGS(TOOL_ZWASMC, "--invoke=f"), "option '--invoke' belongs to 'zwasm run'");
  want_bad(ARGS(TOOL_RUN, "--linker=ld"), "option '--linker' belongs to zwasmc");
  want_bad(ARGS(TOOL_RUN, "--timeout", "5s"), "option '--timeout' is not supported yet");
  want_bad(ARGS(TOOL_ZWASMC, "--bounds-checks=0"), "unknown option '--bounds-checks=0': zwasmc never removes bounds checks; see --bounds=");
}

static void foreign_spellings_mean_our_flags(void **state)
{
  (void)state;
  Args a = ARGS(TOOL_RUN, "--mapdir", "a::b", "-W", "2.0", "--interpreter", "--cpu=native");
  want_flag(&a, FLAG_dir, "a::b");
  want_flag(&a, FLAG_wasm, "2.0");
  want_flag(&a, FLAG_engine, "interp");
  want_flag(&a, FLAG_cpu, "native");
}

static void response_files_are_words_with_quotes(void **state)
{
  (void)state;
  char err[200];
  const char *text = "-o 'a b.o'\n\t--prefix=\"x y\" c\\ d.wasm\n";
  assert_true(zw_file_write("args-test.rsp", text, strlen(text), true, err, sizeof err));
  const char *argv[] = { "zwasmc", "-c", "@args-test.rsp", "-v", NULL };
  Args a = { .argc = 4, .argv = argv, .at = 1, .tool = TOOL_ZWASMC };
  assert_true(zw_args_expand(&a, &arena));
  want_flag(&a, FLAG_compile_only, NULL);
  want_flag(&a, FLAG_output, "a b.o");
  want_flag(&a, FLAG_prefix, "x y");
  want_operand(&a, "c d.wasm");
  want_flag(&a, FLAG_verbose, NULL);
  want_end(&a);
  remove("args-test.rsp");
  const char *missing[] = { "zwasmc", "@args-test.rsp", NULL };
  a = (Args){ .argc = 2, .argv = missing, .at = 1, .tool = TOOL_ZWASMC };
  assert_false(zw_args_expand(&a, &arena));
  assert_string_equal(a.error, "cannot read 'args-test.rsp': No such file or directory");
}

static void every_group_has_its_page(void **state)
{
  (void)state;
  static const char *const topics[] = {
#define GROUP(topic, title) #topic,
#define OPT(id, spelling, argument, metavar, tools, help)
#define ALSO(id, spelling, argument, tools)
#define MEANS(id, value, spelling, tools)
#define LATER(spelling, argument, metavar, tools, help)
#define HINT(spelling, argument, tools, sentence)
#include "tools/cli/flags.def"
  };
  for (size_t k = 0; k < ARRAY_COUNT(topics); k++) {
    Text t;
    zw_text_init(&t, &arena);
    assert_true(zw_args_help(TOOL_ZWASMC, topics[k], &t) || zw_args_help(TOOL_RUN, topics[k], &t));
  }
  Text t;
  zw_text_init(&t, &arena);
  assert_false(zw_args_help(TOOL_RUN, "nothing", &t));
}

static void stems_keep_or_drop_the_folder(void **state)
{
  (void)state;
  assert_string_equal(zw_file_stem("a/b.c/calc.wasm", false, &arena), "calc");
  assert_string_equal(zw_file_stem("a/b.c/calc.wasm", true, &arena), "a/b.c/calc");
  assert_string_equal(zw_file_stem("a.b/calc", true, &arena), "a.b/calc");
  assert_string_equal(zw_file_stem(".hidden", false, &arena), ".hidden");
  assert_string_equal(zw_file_stem("-", false, &arena), "a");
}

static void files_are_replaced_whole_or_left_alone(void **state)
{
  (void)state;
  char err[300] = "";
  assert_true(zw_file_write("args-test.out", "one", 3, false, err, sizeof err));
  assert_true(zw_file_write("args-test.out", "two!", 4, false, err, sizeof err));
  FileBytes b = zw_file_read("args-test.out", &arena, err, sizeof err);
  assert_int_equal(b.n, 4);
  assert_memory_equal(b.p, "two!", 5); // with a NUL behind it
  remove("args-test.out");
  assert_false(zw_file_write("no/such/folder/x", "x", 1, false, err, sizeof err));
  assert_string_equal(err, "cannot write 'no/such/folder/x': No such file or directory");
  assert_false(zw_file_read("/", &arena, err, sizeof err).p);
  assert_string_equal(err, "cannot read '/': Is a directory");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(values_come_glued_separate_or_after_an_equals_sign),
    cmocka_unit_test(optional_values_need_the_equals_sign),
    cmocka_unit_test(levels_are_glued_to_their_letter),
    cmocka_unit_test(everything_after_two_dashes_is_an_operand),
    cmocka_unit_test(a_lone_dash_is_an_operand),
    cmocka_unit_test(bad_flags_get_a_sentence),
    cmocka_unit_test(foreign_spellings_mean_our_flags),
    cmocka_unit_test(response_files_are_words_with_quotes),
    cmocka_unit_test(every_group_has_its_page),
    cmocka_unit_test(stems_keep_or_drop_the_folder),
    cmocka_unit_test(files_are_replaced_whole_or_left_alone),
  };
  zw_arena_init(&arena, NULL, NULL);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
