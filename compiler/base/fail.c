#include "compiler/base/fail.h"
#include <string.h>

typedef struct ErrorInfo { DiagKind kind; const char *code, *text; } ErrorInfo;
static const ErrorInfo errors[ERROR_COUNT] = {
// clang-format off
#define ERR(id, kind, code, text) { DIAG_##kind, code, text },
#include "runtime/abi/errors.def"
  // clang-format on
};

const char *zw_diag_kind_name(DiagKind k)
{
  switch (k) {
  case DIAG_NONE: return "none";
  case DIAG_MALFORMED: return "malformed";
  case DIAG_INVALID: return "invalid";
  case DIAG_UNLINKABLE: return "unlinkable";
  case DIAG_UNSUPPORTED: return "unsupported";
  case DIAG_LIMIT: return "limit";
  case DIAG_IO: return "io";
  case DIAG_NOMEM: return "nomem";
  }
  return "?";
}

static void nomem(void *arg) { zw_fail_nomem(arg); }

void zw_ctx_init(Ctx *c)
{
  memset(c, 0, sizeof *c);
  zw_arena_init(&c->module, nomem, c);
  zw_arena_init(&c->func, nomem, c);
  zw_arena_init(&c->scratch, nomem, c);
  c->at_func = c->at_instr = UINT32_MAX;
}

void zw_ctx_free(Ctx *c)
{
  ASSERT(!c->door_open && !c->clean_up);
  zw_arena_free(&c->module);
  zw_arena_free(&c->func);
  zw_arena_free(&c->scratch);
}

bool zw_guard(Ctx *c, void (*body)(Ctx *c, void *arg), void *arg)
{
  ASSERT(!c->door_open);
  c->door_open = true;
  c->at_func = c->at_instr = UINT32_MAX;
  c->at_op = NULL;
  if (setjmp(c->door) == 0) {
    body(c, arg);
    ASSERT(!c->clean_up); // who opened something has closed it
    c->door_open = false;
    return true;
  }
  while (c->clean_up) {
    CleanUp *n = c->clean_up;
    c->clean_up = n->next;
    n->fn(n->arg);
  }
  c->door_open = false;
  return false;
}

void zw_on_fail(Ctx *c, CleanUp *node, void (*fn)(void *), void *arg)
{
  *node = (CleanUp){ fn, arg, c->clean_up };
  c->clean_up = node;
}

void zw_off_fail(Ctx *c, CleanUp *node)
{
  CleanUp **at = &c->clean_up;
  while (*at && *at != node) // a handful at most
    at = &(*at)->next;
  ASSERT(*at == node);
  *at = node->next;
}

// Write the diagnosis and leave.  No allocation: out of memory comes through here.
static _Noreturn void leave(Ctx *c, ErrorId err, uint64_t at, uint32_t line, uint32_t column, const char *fmt,
                            va_list ap)
{
  const ErrorInfo *e = &errors[err];
  Diag *d = &c->diag;
  if (!c->door_open)
    BUG("%s outside the door", e->code);
  *d = (Diag){ .kind = e->kind, .code = e->code, .at = at, .line = line, .column = column,
               .func = c->at_func, .instr = c->at_instr };
  if (c->at_op)
    zw_format(d->op, sizeof d->op, "%s", c->at_op);
  size_t n = zw_format(d->text, sizeof d->text, "%s", e->text);
  if (fmt && fmt[0]) {
    if (n)
      n += zw_format(d->text + n, sizeof d->text - n, ": ");
    zw_vformat(d->text + n, sizeof d->text - n, fmt, ap);
  }
  longjmp(c->door, 1);
}

void zw_fail(Ctx *c, ErrorId err, uint64_t at, const char *fmt, ...)
{
  va_list ap;
  va_start(ap, fmt);
  leave(c, err, at, 0, 0, fmt, ap);
}

void zw_fail_at_line(Ctx *c, ErrorId err, uint32_t line, uint32_t column, const char *fmt, ...)
{
  va_list ap;
  va_start(ap, fmt);
  leave(c, err, ZW_NO_POS, line, column, fmt, ap);
}

void zw_fail_again(Ctx *c, const Diag *d)
{
  if (!c->door_open)
    BUG("%s outside the door", d->code);
  c->diag = *d;
  longjmp(c->door, 1);
}

void zw_fail_nomem(Ctx *c) { zw_fail(c, ERR_nomem, ZW_NO_POS, NULL); }

void zw_diag_print(const Diag *d, const char *file, Text *out)
{
  zw_text_printf(out, "%s:", file);
  if (d->line)
    zw_text_printf(out, "%u:%u:", d->line, d->column);
  else if (d->at != ZW_NO_POS)
    zw_text_printf(out, "0x%llx:", (unsigned long long)d->at);
  zw_text_printf(out, " error: %s", d->text);
  if (d->func != UINT32_MAX) {
    zw_text_printf(out, " [function %u", d->func);
    if (d->func_name[0])
      zw_text_printf(out, " '%s'", d->func_name);
    if (d->instr != UINT32_MAX)
      zw_text_printf(out, ", instruction %u", d->instr);
    if (d->op[0])
      zw_text_printf(out, " %s", d->op);
    zw_text_put(out, "]", 1);
  }
}
