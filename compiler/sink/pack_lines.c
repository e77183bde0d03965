// A module's source lines as the image keeps them: only what a backtrace can ask for, a few bytes a line.
#include "compiler/sink/sink.h"
#include "compiler/wasm/lines.h"
#include "runtime/base/leb.h"

enum { ROW_BYTES = 5 + 5 + 5 };

// A bit per byte of the code section: may a frame stand there?  Sites are all that backtraces know.
static uint8_t *find_sites(const Module *m, const Blob *b, Arena *a)
{
  uint8_t *bits = zw_new_array(a, uint8_t, m->code_len / 8 + 1);
  for (uint32_t k = 0; k < b->nfuncs; k++) {
    const ImageFunc *f = &b->funcs[k];
    const uint8_t *p = b->sites + f->sites, *end = b->sites + b->sites_bytes;
    uint32_t wasm_at = 0;
    for (uint32_t i = 0; i < f->nsites; i++) {
      uint64_t pc;
      int64_t d = 0;
      CHECK(zw_leb_read_u(&p, end, 32, &pc) == LEB_OK && p++ < end && zw_leb_read_s(&p, end, 32, &d) == LEB_OK);
      wasm_at += (uint32_t)d;
      uint64_t at = wasm_at - m->code_at;
      if (at < m->code_len) // not of an inlined body
        bits[at / 8] |= (uint8_t)(1 << at % 8);
    }
  }
  for (uint32_t k = 0; k < b->ninlines; k++) {
    uint64_t at = b->inlines[k].wasm_at - m->code_at, around = b->inlines[k].parent - m->code_at;
    if (at < m->code_len)
      bits[at / 8] |= (uint8_t)(1 << at % 8);
    if (around < m->code_len)
      bits[around / 8] |= (uint8_t)(1 << around % 8);
  }
  return bits;
}

static bool any_site(const uint8_t *bits, uint64_t from, uint64_t to)
{
  for (; from < to; from = (from | 7) + 1) {
    uint64_t left = to - from, in_byte = 8 - from % 8, n = left < in_byte ? left : in_byte;
    if (bits[from / 8] >> from % 8 & ((1u << n) - 1))
      return true;
  }
  return false;
}

// Rows with a site, neighbours that say the same as one; files numbered as they are met.
static uint32_t select_rows(const Module *m, const Blob *b, LineRow *out, PackedLines *packed, Arena *a)
{
  const SourceLines *l = m->lines;
  const uint8_t *bits = find_sites(m, b, a);
  uint32_t *number = zw_new_array(a, uint32_t, l->nfiles), n = 0;
  packed->files = zw_stale_array(a, Str, l->nfiles);
  for (uint32_t k = 0; k < l->n; k++) {
    LineRow r = l->rows[k];
    uint64_t end = k + 1 < l->n ? l->rows[k + 1].at - m->code_at : m->code_len;
    if (!any_site(bits, r.at - m->code_at, end))
      continue;
    if (r.line && !number[r.file]) {
      packed->files[packed->nfiles] = l->files[r.file];
      number[r.file] = ++packed->nfiles;
    }
    r.file = r.line ? number[r.file] - 1 : n ? out[n - 1].file : 0;
    if (n == 0 || out[n - 1].line != r.line || out[n - 1].file != r.file)
      out[n++] = r;
  }
  return n;
}

PackedLines zw_pack_lines(const Module *m, const Blob *b, Arena *a)
{
  PackedLines packed = { 0 };
  if (!m->lines || !m->lines->n || !b)
    return packed;
  LineRow *rows = zw_stale_array(a, LineRow, m->lines->n), last = { 0 };
  uint32_t n = select_rows(m, b, rows, &packed, a);
  packed.blocks = zw_new_array(a, ImageLineBlock, n / IMAGE_LINE_BLOCK + 1);
  uint8_t *p = packed.rows = zw_arena_stale(a, n, ROW_BYTES, 1);
  for (uint32_t k = 0; k < n; k++) {
    const LineRow *r = &rows[k];
    if (k % IMAGE_LINE_BLOCK == 0) {
      packed.blocks[packed.nblocks++] = (ImageLineBlock){ r->at, (uint32_t)(p - packed.rows) };
      last = (LineRow){ .at = r->at };
    }
    bool other = r->file != last.file;
    p += zw_leb_write_u32(p, r->at - last.at);
    p += zw_leb_write_s64(p, ((int64_t)r->line - last.line) * 2 + other);
    if (other)
      p += zw_leb_write_s32(p, (int32_t)(r->file - last.file));
    last = *r;
  }
  packed.bytes = (uint32_t)(p - packed.rows);
  return packed;
}
