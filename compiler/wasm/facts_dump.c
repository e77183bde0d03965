// --dump=facts: what P1 found out about a body, as stable text.
#include "compiler/wasm/check.h"

static void put_list(Text *out, const char *what, const uint32_t *p, uint32_t n)
{
  if (!n)
    return;
  zw_text_printf(out, "%s", what);
  for (uint32_t i = 0; i < n; i++)
    zw_text_printf(out, "%s%u", i ? "," : "", p[i]);
}

static void put_effects(Text *out, uint32_t e)
{
  static const char *const names[] = { "store0", "storek", "grow", "call", "table", "gc", "trap" };
  const char *sep = " effects=";
  for (unsigned i = 0; i < 32; i++) {
    if (!(e >> i & 1))
      continue;
    if (i < ARRAY_COUNT(names))
      zw_text_printf(out, "%s%s", sep, names[i]);
    else if (i < 31)
      zw_text_printf(out, "%sglobal%u", sep, i - EFF_GLOBAL_SHIFT);
    else
      zw_text_printf(out, "%sglobals", sep);
    sep = ",";
  }
}

static void put_loop(Text *out, const char *what, uint32_t loop)
{
  if (loop == NO_LOOP)
    zw_text_printf(out, " %s=-", what);
  else
    zw_text_printf(out, " %s=%u", what, loop);
}

static void put_frames(Text *out, const FuncFacts *f)
{
  for (uint32_t i = 0; i < f->nframes; i++) {
    const FrameFact *k = &f->frames[i];
    zw_text_printf(out, "  frame %u %s%s branches=%u", i, zw_op_info[k->kind].text, k->has_else ? " else" : "", k->nbr);
    if (k->ncatches)
      zw_text_printf(out, " catches=%u", k->ncatches);
    if (k->loop != NO_LOOP)
      zw_text_printf(out, " loop=%u", k->loop);
    put_list(out, " assigned=", f->assigned + k->assigned_off, k->nassigned);
    zw_text_printf(out, "\n");
  }
}

static void put_blocks(Text *out, const FuncFacts *f)
{
  for (uint32_t b = 0; b < f->nblocks; b++) {
    const BlockFact *k = &f->blocks[b];
    uint32_t end = b + 1 < f->nblocks ? f->blocks[b + 1].succ_off : f->nsucc;
    zw_text_printf(out, "  block %u @%u layout=%u%s", b, k->pos, k->layout, k->cold ? " cold" : "");
    if (k->loop != NO_LOOP)
      zw_text_printf(out, " loop=%u", k->loop);
    put_effects(out, k->effects);
    put_list(out, " -> ", f->succ + k->succ_off, end - k->succ_off);
    zw_text_printf(out, "\n");
  }
}

static void put_loops(Text *out, const FuncFacts *f)
{
  for (uint32_t l = 0; l < f->nloops; l++) {
    const LoopFact *k = &f->loops[l];
    zw_text_printf(out, "  loop %u%s depth=%u", l, k->iterates ? "" : " once", k->depth);
    put_loop(out, "parent", k->parent);
    zw_text_printf(out, " header=%u entry=%u frame=%u height=%u", k->header, k->entry, k->frame, k->max_height);
    if (k->iterates)
      zw_text_printf(out, " last=%u", k->last_block_layout);
    zw_text_printf(out, "%s", k->has_call ? " calls" : "");
    put_effects(out, k->effects);
    put_list(out, " assigned=", f->assigned + k->assigned_off, k->nassigned);
    put_list(out, " exits=", k->exits, k->nexits);
    zw_text_printf(out, "\n");
  }
}

static void put_tries(Text *out, const FuncFacts *f)
{
  for (uint32_t t = 0; t < f->ntries; t++) {
    const TryFact *k = &f->tries[t];
    zw_text_printf(out, "  try %u [%u,%u)", t, k->start, k->end);
    put_loop(out, "parent", k->parent);
    zw_text_printf(out, " frame=%u\n", k->frame);
    for (uint32_t c = k->clauses; c < k->clauses + k->nclauses; c++) {
      const ClauseFact *q = &f->clauses[c];
      zw_text_printf(out, "    %s", q->legacy ? "handler" : "clause");
      if (q->with_tag)
        zw_text_printf(out, " tag=%u", q->tag);
      zw_text_printf(out, "%s block=%u pc=%u side=%u values=%u height=%u\n", q->with_ref ? " ref" : "", q->block, q->pc,
                     q->side, q->nvals, q->drop_to);
    }
  }
}

void zw_facts_dump(const Module *m, uint32_t func, Text *out)
{
  const FuncFacts *f = &m->facts[func - m->nimported_funcs];
  static const char *const flags[] = { "leaf", "small", "refs", "tries", "tail-calls", "no-sets" };
  zw_text_printf(out, "func %u instructions=%u locals=%u height=%u", func, f->nops, f->nlocals, f->max_height);
  for (unsigned i = 0; i < ARRAY_COUNT(flags); i++)
    if (f->flags >> i & 1)
      zw_text_printf(out, " %s", flags[i]);
  zw_text_printf(out, "\n");
  put_frames(out, f);
  put_blocks(out, f);
  put_loops(out, f);
  put_tries(out, f);
  for (uint32_t i = 0; i < f->nside; i++)
    zw_text_printf(out, "  side %u pc %d side %d values=%u height=%u\n", i, f->side[i].dpc, f->side[i].dside,
                   f->side[i].nvals, f->side[i].drop_to);
}
