// .debug_line to rows.  One pass over the section: each unit has a header with its directories and files, and a program
// whose run gives (address, file, line) rows.  Terms are those of DWARF 5, section 6.2; an address is an offset in the code
// section.
//
// Every row comes from a byte of the program and every file from bytes of the header, so rows are linear in the input.
// Paths are joined from directory and name; how many bytes of them there may be is bounded too, since one long directory
// can stand before many names.
#include "compiler/wasm/lines.h"
#include "runtime/base/leb.h"
#include "runtime/base/vec.h"
#include <string.h>

enum { LNS_copy = 1, LNS_advance_pc, LNS_advance_line, LNS_set_file, LNS_set_column, LNS_negate_stmt, LNS_set_basic_block,
       LNS_const_add_pc, LNS_fixed_advance_pc, LNS_set_prologue_end, LNS_set_epilogue_begin, LNS_set_isa };
enum { LNE_end_sequence = 1, LNE_set_address = 2 };
enum { LNCT_path = 1, LNCT_directory_index = 2 };
enum { FORM_block2 = 3, FORM_block4 = 4, FORM_data2 = 5, FORM_data4 = 6, FORM_data8 = 7, FORM_string = 8, FORM_block = 9,
       FORM_block1 = 0xa, FORM_data1 = 0xb, FORM_strp = 0xe, FORM_udata = 0xf, FORM_strx = 0x1a, FORM_data16 = 0x1e,
       FORM_line_strp = 0x1f, FORM_strx1 = 0x25, FORM_strx2 = 0x26, FORM_strx3 = 0x27, FORM_strx4 = 0x28 };
enum { NOT_USED = UINT32_MAX, MAX_FORMATS = 16 };

typedef struct FileEntry { Str name; uint64_t dir; uint32_t number; } FileEntry; // number: in SourceLines.files, or NOT_USED
typedef struct Reader { const uint8_t *p, *end; bool ok; } Reader; // after !ok every read gives 0
typedef struct Unit {
  unsigned version, line_range, opcode_base, min_inst;
  int line_base;
  uint8_t operands[256];
  VEC(Str) dirs;
  VEC(FileEntry) files;
} Unit;
typedef struct Lines {
  const Module *m;
  Arena *a;
  Reader str, line_str;        // .debug_str and .debug_line_str, whole
  uint64_t path_room;          // bytes of joined paths still allowed
  uint64_t scan_room;          // bytes of strings still to be looked at: many entries may name one long string
  VEC(LineRow) rows;
  VEC(Str) files;
} Lines;

// ---- reading ----

static uint64_t read_fixed(Reader *r, unsigned bytes)
{
  uint64_t v = 0;
  if (!r->ok || (size_t)(r->end - r->p) < bytes) {
    r->ok = false;
    return 0;
  }
  memcpy(&v, r->p, bytes);
  r->p += bytes;
  return v;
}
static uint64_t read_uleb(Reader *r)
{
  uint64_t v = 0;
  if (r->ok && zw_leb_read_u(&r->p, r->end, 64, &v) != LEB_OK)
    r->ok = false;
  return r->ok ? v : 0;
}
static int64_t read_sleb(Reader *r)
{
  int64_t v = 0;
  if (r->ok && zw_leb_read_s(&r->p, r->end, 64, &v) != LEB_OK)
    r->ok = false;
  return r->ok ? v : 0;
}
static void skip(Reader *r, uint64_t n)
{
  if (!r->ok || n > (uint64_t)(r->end - r->p))
    r->ok = false;
  else
    r->p += n;
}
static Str read_string(Reader *r)
{
  const uint8_t *nul = r->ok ? memchr(r->p, 0, (size_t)(r->end - r->p)) : NULL;
  if (!nul) {
    r->ok = false;
    return (Str){ "", 0 };
  }
  Str s = { (const char *)r->p, (size_t)(nul - r->p) };
  r->p = nul + 1;
  return s;
}
static Str string_at(Lines *l, Reader section, uint64_t off)
{
  skip(&section, off);
  if (section.ok && (uint64_t)(section.end - section.p) > l->scan_room)
    section.end = section.p + l->scan_room;
  Str s = read_string(&section);
  l->scan_room -= section.ok ? s.n + 1 : l->scan_room;
  return s;
}

// A part of r of `bytes` bytes, which r goes behind.
static Reader part(Reader *r, uint64_t bytes)
{
  Reader sub = { r->p, r->p, r->ok };
  skip(r, bytes);
  if (r->ok)
    sub.end = r->p;
  else
    sub.ok = false;
  return sub;
}

// ---- a unit's directories and files ----

// A value of the new entry formats: as a string or as a number, whichever it is.
static void read_form(Lines *l, Reader *r, uint64_t form, unsigned offset_bytes, Str *s, uint64_t *n)
{
  switch (form) {
  case FORM_string: *s = read_string(r); return;
  case FORM_line_strp: *s = string_at(l, l->line_str, read_fixed(r, offset_bytes)); return;
  case FORM_strp: *s = string_at(l, l->str, read_fixed(r, offset_bytes)); return;
  case FORM_udata: *n = read_uleb(r); return;
  case FORM_data1: *n = read_fixed(r, 1); return;
  case FORM_data2: *n = read_fixed(r, 2); return;
  case FORM_data4: *n = read_fixed(r, 4); return;
  case FORM_data8: *n = read_fixed(r, 8); return;
  case FORM_data16: skip(r, 16); return;
  case FORM_block: skip(r, read_uleb(r)); return;
  case FORM_block1: skip(r, read_fixed(r, 1)); return;
  case FORM_block2: skip(r, read_fixed(r, 2)); return;
  case FORM_block4: skip(r, read_fixed(r, 4)); return;
  case FORM_strx: read_uleb(r); return;
  case FORM_strx1: case FORM_strx2: case FORM_strx3: case FORM_strx4: skip(r, form - FORM_strx1 + 1); return;
  default: r->ok = false;
  }
}

// A table of DWARF 5: descriptions of its columns, then its rows.
static void read_entries(Lines *l, Unit *u, Reader *r, unsigned offset_bytes, bool dirs)
{
  struct { uint64_t content, form; } format[MAX_FORMATS];
  unsigned nformats = (unsigned)read_fixed(r, 1);
  if (nformats > MAX_FORMATS)
    r->ok = false;
  for (unsigned k = 0; r->ok && k < nformats; k++)
    format[k].content = read_uleb(r), format[k].form = read_uleb(r);
  uint64_t n = read_uleb(r);
  if (n > (uint64_t)(r->end - r->p)) // a row takes a byte at least
    r->ok = false;
  for (uint64_t i = 0; r->ok && i < n; i++) {
    const uint8_t *was = r->p;
    FileEntry f = { { "", 0 }, 0, NOT_USED };
    for (unsigned k = 0; r->ok && k < nformats; k++) {
      Str s = { "", 0 };
      uint64_t v = 0;
      read_form(l, r, format[k].form, offset_bytes, &s, &v);
      if (format[k].content == LNCT_path)
        f.name = s;
      else if (format[k].content == LNCT_directory_index)
        f.dir = v;
    }
    if (r->p == was)
      r->ok = false;
    if (!r->ok)
      return;
    if (dirs)
      *zw_push(l->a, &u->dirs) = f.name;
    else
      *zw_push(l->a, &u->files) = f;
  }
}

// DWARF 2 to 4: strings until an empty one.  Number 0 is the compilation's own directory, and no file.
static void read_old_tables(Lines *l, Unit *u, Reader *r)
{
  *zw_push(l->a, &u->dirs) = (Str){ "", 0 };
  for (Str s; (s = read_string(r)).n;)
    *zw_push(l->a, &u->dirs) = s;
  *zw_push(l->a, &u->files) = (FileEntry){ { "", 0 }, 0, NOT_USED };
  for (Str s; (s = read_string(r)).n;) {
    FileEntry f = { s, read_uleb(r), NOT_USED };
    read_uleb(r), read_uleb(r); // time and length
    *zw_push(l->a, &u->files) = f;
  }
}

static bool read_header(Lines *l, Unit *u, Reader *r, unsigned offset_bytes, Reader *program)
{
  u->version = (unsigned)read_fixed(r, 2);
  if (u->version < 2 || u->version > 5)
    return false;
  if (u->version == 5)
    skip(r, 2); // sizes of an address and of a segment selector: a set_address says its own
  Reader header = part(r, read_fixed(r, offset_bytes));
  *program = *r;
  u->min_inst = (unsigned)read_fixed(&header, 1);
  if (u->version >= 4)
    skip(&header, 1); // operations of an instruction: wasm has one
  skip(&header, 1);   // default_is_stmt
  u->line_base = (int8_t)read_fixed(&header, 1);
  u->line_range = (unsigned)read_fixed(&header, 1);
  u->opcode_base = (unsigned)read_fixed(&header, 1);
  for (unsigned k = 1; k < u->opcode_base; k++)
    u->operands[k] = (uint8_t)read_fixed(&header, 1);
  if (!header.ok || u->line_range == 0 || u->opcode_base == 0)
    return false;
  if (u->version == 5) {
    read_entries(l, u, &header, offset_bytes, true);
    read_entries(l, u, &header, offset_bytes, false);
  } else {
    read_old_tables(l, u, &header);
  }
  return program->ok;
}

// The number of a unit's file among all; its path is made when the first row names it.  The compilation's own directory
// is left out: it is of the machine the module was made on.
static uint32_t file_number(Lines *l, Unit *u, uint64_t index)
{
  if (index >= u->files.n)
    return NOT_USED;
  FileEntry *f = &u->files.p[index];
  if (f->number != NOT_USED)
    return f->number;
  Str path = f->name;
  bool absolute = f->name.n && f->name.p[0] == '/';
  if (f->dir != 0 && f->dir < u->dirs.n && !absolute) {
    Str dir = u->dirs.p[f->dir];
    if (dir.n > 2 && memcmp(dir.p, "./", 2) == 0)
      dir.p += 2, dir.n -= 2;
    uint64_t bytes = (uint64_t)dir.n + 1 + f->name.n;
    if (dir.n && bytes <= l->path_room) {
      l->path_room -= bytes;
      char *p = zw_arena_alloc(l->a, bytes, 1);
      memcpy(p, dir.p, dir.n);
      p[dir.n] = '/';
      memcpy(p + dir.n + 1, f->name.p, f->name.n);
      path = (Str){ p, bytes };
    }
  }
  *zw_push(l->a, &l->files) = path;
  return f->number = l->files.n - 1;
}

// ---- a unit's program ----

typedef struct Machine { uint64_t address, file; uint32_t line; uint32_t first; bool dead; } Machine; // first: row of the sequence

static void add_row(Lines *l, Unit *u, Machine *s, bool end)
{
  uint64_t code = l->m->code_len;
  if (s->dead || s->address > code || (s->address == code && !end))
    return;
  LineRow row = { (uint32_t)(l->m->code_at + s->address), NOT_USED, 0 };
  if (!end && s->line <= INT32_MAX && (row.file = file_number(l, u, s->file)) != NOT_USED)
    row.line = s->line;
  if (l->rows.n > s->first) {
    LineRow *last = &l->rows.p[l->rows.n - 1];
    if (last->at == row.at) { // the later one holds
      *last = row;
      return;
    }
    if (last->file == row.file && last->line == row.line)
      return;
  }
  *zw_push(l->a, &l->rows) = row;
}

static void run_extended(Lines *l, Unit *u, Reader *r, Machine *s)
{
  Reader op = part(r, read_uleb(r));
  unsigned code = (unsigned)read_fixed(&op, 1);
  if (!op.ok)
    return;
  if (code == LNE_end_sequence) {
    add_row(l, u, s, true);
    *s = (Machine){ .file = 1, .line = 1, .first = l->rows.n };
  } else if (code == LNE_set_address) {
    size_t bytes = (size_t)(op.end - op.p);
    s->address = bytes <= 8 ? read_fixed(&op, (unsigned)bytes) : 0;
    s->dead = s->address == 0; // linkers leave functions that they have dropped at 0 (or at the end of the address space)
  }
}

static void run_special(Lines *l, Unit *u, Machine *s, unsigned opcode)
{
  unsigned adjusted = opcode - u->opcode_base;
  s->address += (uint64_t)(adjusted / u->line_range) * u->min_inst;
  s->line += (uint32_t)(u->line_base + (int)(adjusted % u->line_range));
  add_row(l, u, s, false);
}

static void run_program(Lines *l, Unit *u, Reader *r)
{
  Machine s = { .file = 1, .line = 1, .first = l->rows.n };
  while (r->ok && r->p < r->end) {
    unsigned opcode = (unsigned)read_fixed(r, 1);
    if (opcode >= u->opcode_base) {
      run_special(l, u, &s, opcode);
      continue;
    }
    switch (opcode) {
    case 0: run_extended(l, u, r, &s); break;
    case LNS_copy: add_row(l, u, &s, false); break;
    case LNS_advance_pc: s.address += read_uleb(r) * u->min_inst; break;
    case LNS_advance_line: s.line += (uint32_t)read_sleb(r); break;
    case LNS_set_file: s.file = read_uleb(r); break;
    case LNS_const_add_pc: s.address += (uint64_t)((255 - u->opcode_base) / u->line_range) * u->min_inst; break;
    case LNS_fixed_advance_pc: s.address += read_fixed(r, 2); break;
    case LNS_negate_stmt: case LNS_set_basic_block: case LNS_set_prologue_end: case LNS_set_epilogue_begin: break;
    default: // set_column, set_isa, and what later versions may add
      for (unsigned k = 0; k < u->operands[opcode]; k++)
        read_uleb(r);
    }
  }
}

static void read_unit(Lines *l, Reader *section)
{
  uint64_t bytes = read_fixed(section, 4);
  unsigned offset_bytes = 4;
  if (bytes == 0xffffffff)
    bytes = read_fixed(section, 8), offset_bytes = 8;
  Reader r = part(section, bytes), program;
  Unit u = { 0 };
  if (read_header(l, &u, &r, offset_bytes, &program))
    run_program(l, &u, &program);
}

// ---- all rows in order ----

// Stable, by `at`, eleven bits at a time: functions do not come in the order of the code section.
static void sort_rows(Lines *l)
{
  enum { BITS = 11, BUCKETS = 1 << BITS };
  LineRow *from = l->rows.p, *to = zw_stale_array(l->a, LineRow, l->rows.n);
  uint32_t *count = zw_stale_array(l->a, uint32_t, BUCKETS);
  for (unsigned shift = 0; shift < 32; shift += BITS) {
    memset(count, 0, BUCKETS * sizeof *count);
    for (uint32_t k = 0; k < l->rows.n; k++)
      count[from[k].at >> shift & (BUCKETS - 1)]++;
    uint32_t sum = 0;
    for (uint32_t b = 0; b < BUCKETS; b++) {
      uint32_t n = count[b];
      count[b] = sum, sum += n;
    }
    for (uint32_t k = 0; k < l->rows.n; k++)
      to[count[from[k].at >> shift & (BUCKETS - 1)]++] = from[k];
    LineRow *swap = from;
    from = to, to = swap;
  }
  l->rows.p = from;
}

// Of rows with one address: the end of a sequence gives way to the beginning of the next.
static uint32_t drop_doubles(LineRow *rows, uint32_t n)
{
  uint32_t kept = 0;
  for (uint32_t k = 0; k < n; k++) {
    LineRow *last = kept ? &rows[kept - 1] : NULL;
    if (last && last->at == rows[k].at) {
      if (rows[k].line)
        *last = rows[k];
      continue;
    }
    if (!last || last->line != rows[k].line || last->file != rows[k].file)
      rows[kept++] = rows[k];
  }
  return kept;
}

static Reader custom(const Module *m, Str name)
{
  for (uint32_t k = 0; k < m->ncustoms; k++)
    if (zw_str_eq(m->customs[k].name, name))
      return (Reader){ m->customs[k].bytes, m->customs[k].bytes + m->customs[k].len, true };
  return (Reader){ 0 };
}

SourceLines zw_read_lines(const Module *m, Arena *a)
{
  Reader section = custom(m, STR(".debug_line"));
  if (!section.ok || m->code_at + m->code_len > UINT32_MAX)
    return (SourceLines){ 0 };
  Lines l = { .m = m, .a = a, .str = custom(m, STR(".debug_str")), .line_str = custom(m, STR(".debug_line_str")),
              .path_room = 4 * (uint64_t)(section.end - section.p) };
  l.scan_room = 4 * (l.path_room + (uint64_t)(l.str.end - l.str.p) + (uint64_t)(l.line_str.end - l.line_str.p));
  while (section.ok && section.p < section.end)
    read_unit(&l, &section);
  if (l.rows.n == 0)
    return (SourceLines){ 0 };
  sort_rows(&l);
  return (SourceLines){ l.rows.p, drop_doubles(l.rows.p, l.rows.n), l.files.p, l.files.n };
}

void zw_keep_lines(Module *m)
{
  SourceLines *l = zw_new(&m->ctx->module, SourceLines);
  *l = zw_read_lines(m, &m->ctx->module);
  m->lines = l;
}

const LineRow *zw_find_line(const SourceLines *l, uint32_t at)
{
  uint32_t lo = 0, hi = l->n;
  while (lo < hi) {
    uint32_t mid = lo + (hi - lo) / 2;
    if (l->rows[mid].at <= at)
      lo = mid + 1;
    else
      hi = mid;
  }
  return lo && l->rows[lo - 1].line ? &l->rows[lo - 1] : NULL;
}
