#include "tools/cli/args.h"
#include "tools/cli/file.h"
#include <string.h>

typedef enum RowKind { ROW_GROUP, ROW_OPT, ROW_ALSO, ROW_MEANS, ROW_LATER, ROW_HINT } RowKind;
typedef enum ArgKind { NO, VALUE, OPTIONAL, JOINED, GLUED } ArgKind;
enum { C = TOOL_ZWASMC, R = TOOL_RUN, CR = C | R };

typedef struct Row {
  RowKind kind;
  FlagId id;
  const char *name;    // spelling; a group's topic
  ArgKind arg;
  const char *metavar; // MEANS: the value
  unsigned tools;
  const char *text;    // help, sentence, or a group's title
} Row;

static const Row rows[] = {
// clang-format off
#define GROUP(topic, title) { ROW_GROUP, FLAG_NONE, #topic, NO, "", CR, title },
#define OPT(id, spelling, argument, metavar, tools, help) { ROW_OPT, FLAG_##id, spelling, argument, metavar, tools, help },
#define ALSO(id, spelling, argument, tools) { ROW_ALSO, FLAG_##id, spelling, argument, "", tools, "" },
#define MEANS(id, value, spelling, tools) { ROW_MEANS, FLAG_##id, spelling, NO, value, tools, "" },
#define LATER(spelling, argument, metavar, tools, help) { ROW_LATER, FLAG_NONE, spelling, argument, metavar, tools, help },
#define HINT(spelling, argument, tools, sentence) { ROW_HINT, FLAG_NONE, spelling, argument, "", tools, sentence },
#include "tools/cli/flags.def"
  // clang-format on
};

static const Row *row_of(FlagId id)
{
  for (size_t k = 0; k < ARRAY_COUNT(rows); k++)
    if (rows[k].kind == ROW_OPT && rows[k].id == id)
      return &rows[k];
  return NULL;
}

// Length of the spelling at the start of s when row r takes s, else 0.
static size_t match(const Row *r, const char *s)
{
  size_t n = strlen(r->name);
  if (r->kind == ROW_GROUP || strncmp(s, r->name, n) != 0)
    return 0;
  if (s[n] == 0 || r->arg == JOINED || r->arg == GLUED)
    return n;
  return s[n] == '=' ? n : 0;
}

// The row with the longest spelling that takes s, among those of the tools in the mask.
static const Row *find(const char *s, unsigned tools)
{
  const Row *best = NULL;
  size_t longest = 0;
  for (size_t k = 0; k < ARRAY_COUNT(rows); k++) {
    size_t n = rows[k].tools & tools ? match(&rows[k], s) : 0;
    if (n > longest)
      best = &rows[k], longest = n;
  }
  return best;
}

// Letters to change, add or drop to get from a to b; spellings are short, so a small table is enough.
static unsigned distance(const char *a, size_t na, const char *b, size_t nb)
{
  enum { MAX = 32 };
  unsigned d[MAX + 1];
  if (na > MAX || nb > MAX)
    return MAX;
  for (unsigned j = 0; j <= nb; j++)
    d[j] = j;
  for (unsigned i = 1; i <= na; i++) {
    unsigned diagonal = d[0];
    d[0] = i;
    for (unsigned j = 1; j <= nb; j++) {
      unsigned change = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = d[j];
      d[j] = change;
      if (diagonal + 1 < d[j])
        d[j] = diagonal + 1;
      if (d[j - 1] + 1 < d[j])
        d[j] = d[j - 1] + 1;
    }
  }
  return d[nb];
}

static const char *closest(const char *s, unsigned tool)
{
  size_t n = strcspn(s, "=");
  const char *best = NULL;
  unsigned least = n < 6 ? 2 : 4; // strictly closer than this
  for (size_t k = 0; k < ARRAY_COUNT(rows); k++) {
    const Row *r = &rows[k];
    if (!(r->tools & tool) || (r->kind != ROW_OPT && r->kind != ROW_ALSO) || strlen(r->name) < 3)
      continue;
    unsigned d = distance(s, n, r->name, strlen(r->name));
    if (d < least)
      best = r->name, least = d;
  }
  return best;
}

static ArgsStep unknown(Args *a, const char *s)
{
  const Row *other = find(s, CR & ~a->tool);
  if (other && other->kind != ROW_HINT) {
    zw_format(a->error, sizeof a->error, "option '%s' belongs to %s", other->name, a->tool == TOOL_RUN ? "zwasmc" : "'zwasm run'");
    return ARGS_BAD;
  }
  const char *near = closest(s, a->tool);
  if (near)
    zw_format(a->error, sizeof a->error, "unknown option '%s'; did you mean '%s'?", s, near);
  else
    zw_format(a->error, sizeof a->error, "unknown option '%s'; see --help", s);
  return ARGS_BAD;
}

// Set out->value from what follows the spelling, or from the next argument.
static bool take_value(Args *a, const Row *r, const char *s, Arg *out)
{
  const char *rest = s + strlen(r->name);
  switch (r->arg) {
  case NO:
    if (*rest) {
      zw_format(a->error, sizeof a->error, "option '%s' takes no value", r->name);
      return false;
    }
    return true;
  case OPTIONAL: out->value = *rest ? rest + 1 : NULL; return true;
  case GLUED: out->value = rest; return true;
  case JOINED:
  case VALUE:
    if (*rest) {
      out->value = r->arg == JOINED && *rest != '=' ? rest : rest + 1;
    } else if (a->at < a->argc) {
      out->value = a->argv[a->at++];
    } else {
      zw_format(a->error, sizeof a->error, "option '%s' needs a value: %s", r->name, row_of(r->id) ? row_of(r->id)->metavar : r->metavar);
      return false;
    }
    return true;
  }
  return true;
}

ArgsStep zw_args_next(Args *a, Arg *out)
{
  *out = (Arg){ 0 };
  if (!a->operands && a->at < a->argc && strcmp(a->argv[a->at], "--") == 0)
    a->operands = true, a->at++;
  if (a->at >= a->argc)
    return ARGS_END;
  const char *s = a->argv[a->at++];
  if (a->operands || s[0] != '-' || s[1] == 0) {
    out->value = s;
    return ARGS_OPERAND;
  }
  const Row *r = find(s, a->tool);
  if (!r)
    return unknown(a, s);
  if (r->kind == ROW_LATER) {
    zw_format(a->error, sizeof a->error, "option '%s' is not supported yet", r->name);
    return ARGS_BAD;
  }
  if (r->kind == ROW_HINT) {
    zw_format(a->error, sizeof a->error, "unknown option '%s': %s", s, r->text);
    return ARGS_BAD;
  }
  if (!take_value(a, r, s, out))
    return ARGS_BAD;
  out->id = r->id;
  out->flag = row_of(r->id)->name;
  if (r->kind == ROW_MEANS)
    out->value = r->metavar;
  return ARGS_FLAG;
}

// ---- @FILE ----

// Split text into words in place; quotes group, a backslash keeps the next character.
static char *next_word(char **at)
{
  char *p = *at;
  while (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')
    p++;
  if (!*p)
    return NULL;
  char *word = p, *to = p, quote = 0;
  for (; *p && (quote || !strchr(" \t\n\r", *p)); p++) {
    if (quote ? *p == quote : *p == '"' || *p == '\'')
      quote = quote ? 0 : *p;
    else if (*p == '\\' && p[1] && quote != '\'')
      *to++ = *++p;
    else
      *to++ = *p;
  }
  *at = *p ? p + 1 : p;
  *to = 0;
  return word;
}

bool zw_args_expand(Args *a, Arena *arena)
{
  bool any = false;
  for (int k = a->at; k < a->argc; k++)
    any |= a->argv[k][0] == '@';
  if (!any)
    return true;
  struct { const char **p; size_t n, cap; } v = { 0 };
  for (int k = 0; k < a->argc; k++) {
    const char *one = a->argv[k];
    char *text = NULL;
    bool file = k >= a->at && one[0] == '@';
    if (file) {
      char err[200];
      FileBytes b = zw_file_read(one + 1, arena, err, sizeof err);
      if (!b.p) {
        zw_format(a->error, sizeof a->error, "%s", err);
        return false;
      }
      text = (char *)b.p; // NUL terminated
    }
    while ((one = file ? next_word(&text) : one)) {
      if (v.n == v.cap) {
        const char **bigger = zw_new_array(arena, const char *, v.cap = 2 * v.cap + 64);
        if (v.n)
          memcpy(bigger, v.p, v.n * sizeof *bigger);
        v.p = bigger;
      }
      v.p[v.n++] = one;
      if (!file)
        break;
    }
  }
  a->argv = v.p;
  a->argc = (int)v.n;
  return true;
}

// ---- help ----

static void put_left_column(Text *out, const Row *r)
{
  char left[80];
  size_t n = strlen(r->name);
  const char *mark = !r->metavar[0] ? "" : r->arg == JOINED ? " " : r->arg == GLUED ? "" : r->arg == OPTIONAL ? "[=" : "=";
  if (r->arg == VALUE && n > 1 && r->name[1] != '-' && strcmp(r->name, "-Xlinker") == 0)
    mark = " ";
  zw_format(left, sizeof left, "  %s%s%s%s", r->name, mark, r->metavar, r->arg == OPTIONAL ? "]" : "");
  size_t width = strlen(left);
  zw_text_printf(out, "%s", left);
  if (width > 27) {
    zw_text_printf(out, "\n");
    width = 0;
  }
  for (; width < 28; width++)
    zw_text_put(out, " ", 1);
}

static const char *const usage[] = {
  [TOOL_ZWASMC] = "usage: zwasmc [options] INPUT [-o OUTPUT]           INPUT: .wasm, .wat, - (stdin)\n",
  [TOOL_RUN] = "usage: zwasm run [options] FILE [ARGS..]            FILE: .wasm .wat .cwasm; what follows FILE is the guest's\n",
};

bool zw_args_help(unsigned tool, const char *topic, Text *out)
{
  bool all = topic && strcmp(topic, "all") == 0, one = topic && !all, inside = false, printed = false;
  if (!one)
    zw_text_printf(out, "%s", usage[tool]);
  const Row *group = NULL;
  for (size_t k = 0; k < ARRAY_COUNT(rows); k++) {
    const Row *r = &rows[k];
    if (r->kind == ROW_GROUP) {
      inside = !one || strcmp(r->name, topic) == 0;
      group = r;
      continue;
    }
    if (!inside || !(r->tools & tool) || !(r->kind == ROW_OPT || ((all || one) && r->kind != ROW_HINT)))
      continue;
    if (group) {
      zw_text_printf(out, "%s%s\n", printed ? "\n" : one ? "" : "\n", group->text);
      group = NULL;
    }
    put_left_column(out, r);
    if (r->kind == ROW_ALSO)
      zw_text_printf(out, "same as %s\n", row_of(r->id)->name);
    else if (r->kind == ROW_MEANS)
      zw_text_printf(out, "same as %s=%s\n", row_of(r->id)->name, r->metavar);
    else
      zw_text_printf(out, "%s%s\n", r->text, r->kind == ROW_LATER ? "  (not supported yet)" : "");
    printed = true;
  }
  return printed;
}
