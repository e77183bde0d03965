// ELF objects, through libelf.
//
// The machine code goes into a section of its own without a single relocation; what C sees (constructors, exports,
// adapters of imports) is a few instructions each in .text.NAME with plain PC-relative ones; the descriptor and the
// table of imports hold the only absolute addresses.  Everything hangs on the descriptor, so --gc-sections keeps
// all or nothing.  Locals: a symbol with its size per function, for debuggers and profilers.
#include "compiler/sink/cnames.h"
#include "compiler/sink/elf_int.h"
#include "runtime/base/bits.h"
#include <stddef.h>
#include <string.h>
#include <zwasm_rt.h>

enum { GC_PREFIX = 0xfb }; // of instructions on objects

typedef struct Glue { uint32_t at, code_bytes, rows; } Glue; // rows: index in glue_rows
typedef struct Elf {
  const Module *m;
  Blob *b;
  const Target *t;
  const ObjOptions *o;
  const CNames *names;
  ElfOut *out;
  uint32_t text, glue, rodata, meta, relro, bss, eh; // sections
  VEC(Glue) glue_at;             // in the order of their places in .text.NAME
  VEC(UnwindRows) glue_rows;     // each once, nearly
  VEC(uint32_t) adapters;        // per import: offset of its adapter in .text.NAME
  uint32_t nfields;
  uint32_t parts_end;            // behind the last symbol that name_part() has named
} Elf;

// What is asked about the meta span when it is written and gone.
typedef struct MetaFacts { size_t meta_bytes, data_bytes; bool gc, exprs, gc_exprs, lines; } MetaFacts;
static MetaFacts facts_of(const MetaImage *image)
{
  const ImageHeader *h = (const void *)image->meta;
  const ImageSpan *exprs = &h->span[IMG_EXPRS];
  return (MetaFacts){ .meta_bytes = image->meta_bytes, .data_bytes = image->data_bytes, .gc = h->flags & IMAGE_GC, .exprs = exprs->count,
                      .gc_exprs = exprs->count && memchr(image->meta + exprs->off, GC_PREFIX, exprs->count), // or a byte like it
                      .lines = h->span[IMG_LINES].count };
}

static const char *with_prefix(const Elf *e, const char *before, const char *after)
{
  Text s;
  zw_text_init(&s, e->out->a);
  zw_text_printf(&s, "%s%s%s", before, e->names->prefix, after);
  return s.p;
}

// ---- C glue ----

// The code of a piece of glue in scratch memory; what else was needed to make it is gone.
static FuncCode make_glue(Elf *e, uint32_t kind, uint32_t func, Fixup fixups[2])
{
  Arena *a = e->out->a, *scratch = &e->m->ctx->scratch;
  ArenaMark mark = zw_arena_mark(a);
  FuncCode c = *e->t->glue(e->m->ctx, e->m, kind, func, a);
  CHECK(c.nfixups == (kind == GLUE_MODULE ? 2u : kind == GLUE_IMPORT_FIELD ? 0u : 1u));
  for (uint32_t k = 0; k < c.nfixups; k++)
    fixups[k] = c.fixups[k];
  uint8_t *copy = zw_arena_stale(scratch, (size_t)c.nbytes + c.cfi_bytes, 1, 1);
  memcpy(copy, c.bytes, c.nbytes);
  if (c.cfi_bytes)
    memcpy(copy + c.nbytes, c.cfi, c.cfi_bytes);
  zw_arena_release(a, mark);
  c.bytes = copy, c.cfi = copy + c.nbytes, c.fixups = NULL;
  return c;
}

// Unwind rows of a piece of glue: most are like some of the last.
static uint32_t find_rows(Elf *e, const FuncCode *c)
{
  enum { LOOK = 8 };
  uint32_t n = e->glue_rows.n;
  for (uint32_t k = n; k-- > (n > LOOK ? n - LOOK : 0);)
    if (e->glue_rows.p[k].cfi_bytes == c->cfi_bytes && (!c->cfi_bytes || memcmp(e->glue_rows.p[k].cfi, c->cfi, c->cfi_bytes) == 0))
      return k;
  uint8_t *cfi = zw_arena_stale(e->out->a, c->cfi_bytes, 1, 1);
  if (c->cfi_bytes)
    memcpy(cfi, c->cfi, c->cfi_bytes);
  *zw_push(e->out->a, &e->glue_rows) = (UnwindRows){ .cfi = cfi, .cfi_bytes = c->cfi_bytes };
  return n;
}

// Place one piece of glue and bind its call, and for constructors the descriptor's address.  Returns its offset.
static uint32_t put_glue(Elf *e, uint32_t kind, uint32_t func, uint32_t call)
{
  ArenaMark mark = zw_arena_mark(&e->m->ctx->scratch);
  Fixup fixups[2];
  FuncCode c = make_glue(e, kind, func, fixups);
  uint64_t at = zw_elf_put(e->out, e->glue, c.bytes, c.nbytes, 16);
  if (at + c.nbytes > INT32_MAX)
    zw_fail(e->m->ctx, ERR_limit, ZW_NO_POS, "the module has more than 2 GiB of functions for C");
  if (kind != GLUE_IMPORT_FIELD)
    zw_elf_rela(e->out, e->glue, (ElfRela){ at + fixups[0].at, R_X86_64_PLT32, call, -4 });
  if (kind == GLUE_MODULE)
    zw_elf_rela(e->out, e->glue, (ElfRela){ at + fixups[1].at, R_X86_64_PC32, zw_elf_global(e->out, with_prefix(e, "", "_module")), -4 });
  *zw_push(e->out->a, &e->glue_at) = (Glue){ (uint32_t)at, c.code_bytes, find_rows(e, &c) };
  zw_arena_release(&e->m->ctx->scratch, mark);
  return (uint32_t)at;
}

static void name_glue(Elf *e, const char *name, uint32_t piece)
{
  const Glue *g = &e->glue_at.p[piece];
  zw_elf_define(e->out, zw_elf_global(e->out, name), e->glue, g->at, g->code_bytes, STT_FUNC);
}

static void put_c_function(Elf *e, const char *name, uint32_t kind, uint32_t func, const char *runtime)
{
  put_glue(e, kind, func, zw_elf_global(e->out, runtime));
  name_glue(e, name, e->glue_at.n - 1);
}

static void put_constructors(Elf *e)
{
  put_c_function(e, with_prefix(e, "", "_new"), GLUE_MODULE, 0, "zwasm_rt_new");
  put_c_function(e, with_prefix(e, "", "_sizeof"), GLUE_MODULE, 0, "zwasm_rt_sizeof");
  put_c_function(e, with_prefix(e, "", "_init_at"), GLUE_MODULE, 0, "zwasm_rt_init_at");
  put_c_function(e, with_prefix(e, "", "_delete"), GLUE_INDEX, 0, "zwasm_rt_delete");
}

// A function may be exported under several names: those are names of the same two functions of C.  glue_of: their first piece + 1, by function.
static void put_export_function(Elf *e, uint32_t func, const CName *c, uint32_t *glue_of)
{
  bool refs = zw_has_refs(zw_func_type(e->m, func));
  if (!glue_of[func]) {
    glue_of[func] = e->glue_at.n + 1;
    put_glue(e, GLUE_CALL, func, zw_elf_global(e->out, refs ? "zwasm_rt_call_refs" : "zwasm_rt_call"));
    put_glue(e, GLUE_TRY, func, zw_elf_global(e->out, refs ? "zwasm_rt_call_try_refs" : "zwasm_rt_call_try"));
  }
  name_glue(e, c->name, glue_of[func] - 1);
  name_glue(e, c->try, glue_of[func]);
}

static void put_exports(Elf *e)
{
  uint32_t *glue_of = zw_new_array(e->out->a, uint32_t, e->m->nfuncs);
  for (uint32_t k = 0; k < e->m->nexports; k++) {
    const Export *x = &e->m->exports[k];
    const char *name = e->names->exports[k].name;
    switch ((ExternKind)x->kind) {
    case EXT_FUNC: put_export_function(e, x->index, &e->names->exports[k], glue_of); break;
    case EXT_MEMORY: put_c_function(e, name, GLUE_INDEX, x->index, "zwasm_rt_memory"); break;
    case EXT_TABLE: put_c_function(e, name, GLUE_INDEX, x->index, "zwasm_rt_table"); break;
    case EXT_GLOBAL:
      put_c_function(e, name, GLUE_INDEX, x->index, zw_is_ref(e->m->globals[x->index].type.type) ? "zwasm_rt_global_ref" : "zwasm_rt_global");
      break;
    case EXT_TAG: put_c_function(e, name, GLUE_INDEX, x->index, "zwasm_rt_tag"); break;
    }
  }
}

static void put_adapters(Elf *e)
{
  const Module *m = e->m;
  for (uint32_t k = 0; k < m->nimports; k++) {
    const CName *c = &e->names->imports[k];
    uint32_t at = 0;
    if (c->kind == CALL_C)
      at = c->first == k ? put_glue(e, GLUE_IMPORT, m->imports[k].index, zw_elf_global(e->out, c->name)) : e->adapters.p[c->first];
    else if (c->kind == CALL_FIELD && m->imports[k].kind == EXT_FUNC)
      at = put_glue(e, GLUE_IMPORT_FIELD, m->imports[k].index, 0);
    *zw_push(e->out->a, &e->adapters) = at;
  }
}

// ---- the descriptor (struct zwasm_module) and what it points to ----

// A NUL-terminated string in .rodata; its offset.
static uint64_t put_string(Elf *e, const char *s) { return zw_elf_put(e->out, e->rodata, s, strlen(s) + 1, 1); }

// At `at` in .data.rel.ro: the address of offset `off` in a section.
static void point(Elf *e, uint64_t at, uint32_t section, uint64_t off)
{
  zw_elf_rela(e->out, e->relro, (ElfRela){ at, R_X86_64_64, zw_elf_section_symbol(section), (int64_t)off });
}

static uint64_t put_import_table(Elf *e)
{
  const Module *m = e->m;
  uint64_t table = zw_elf_put(e->out, e->relro, NULL, m->nimports * sizeof(zwasm_import_t), 16);
  uint32_t *field = zw_new_array(e->out->a, uint32_t, m->nimports);
  for (uint32_t k = 0; k < m->nimports; k++) {
    const CName *c = &e->names->imports[k];
    uint64_t at = table + k * sizeof(zwasm_import_t);
    bool fn_field = c->kind == CALL_FIELD && m->imports[k].kind == EXT_FUNC;
    uint32_t kind = c->kind == CALL_WASI ? ZWASM_IMPORT_WASI : fn_field ? ZWASM_IMPORT_FN_FIELD
                    : c->kind == CALL_FIELD ? ZWASM_IMPORT_FIELD : ZWASM_IMPORT_FN;
    zw_put32(zw_elf_at(e->out, e->relro, at + offsetof(zwasm_import_t, kind)), kind);
    if (c->kind == CALL_C || fn_field)
      point(e, at, e->glue, e->adapters.p[k]);
    else if (c->kind == CALL_WASI)
      zw_elf_rela(e->out, e->relro, (ElfRela){ at, R_X86_64_64, zw_elf_global(e->out, c->name), 0 });
    if (c->kind != CALL_FIELD)
      continue;
    field[k] = c->first == k ? e->nfields++ : field[c->first];
    zw_put32(zw_elf_at(e->out, e->relro, at + offsetof(zwasm_import_t, offset)), 8 * field[k]);
  }
  return table;
}

static uint64_t put_descriptor(Elf *e, const MetaFacts *facts)
{
  const Module *m = e->m;
  uint64_t imports = e->o->bare ? 0 : put_import_table(e);
  uint64_t name = put_string(e, zw_arena_str(e->out->a, m->names.module.n ? m->names.module.p : e->names->prefix,
                                             m->names.module.n ? m->names.module.n : strlen(e->names->prefix)));
  uint64_t d = zw_elf_put(e->out, e->relro, NULL, sizeof(zwasm_module_t), 16);
  zwasm_module_t v = { .abi = IMAGE_ABI, .struct_size = sizeof v, .meta_bytes = facts->meta_bytes, .text_bytes = e->b->text_bytes,
                       .data_bytes = facts->data_bytes, .nimports = e->o->bare ? 0 : m->nimports, .max_stack = e->o->stack_size };
  memcpy(zw_elf_at(e->out, e->relro, d), &v, sizeof v);
  point(e, d + offsetof(zwasm_module_t, name), e->rodata, name);
  point(e, d + offsetof(zwasm_module_t, meta), e->meta, 0);
  point(e, d + offsetof(zwasm_module_t, text), e->text, 0);
  point(e, d + offsetof(zwasm_module_t, data), e->rodata, 0);
  point(e, d + offsetof(zwasm_module_t, imports), e->relro, imports);
  point(e, d + offsetof(zwasm_module_t, state), e->bss, 0);
  zw_elf_define(e->out, zw_elf_global(e->out, with_prefix(e, "", "_module")), e->relro, d, sizeof v, STT_OBJECT);
  if (e->o->bare) // whoever opens it compares the number
    return d;
  // A runtime of another version does not define this: the linker says so.
  uint64_t abi = zw_elf_put(e->out, e->relro, NULL, 8, 8);
  zw_elf_rela(e->out, e->relro, (ElfRela){ abi, R_X86_64_64, zw_elf_global(e->out, IMAGE_RUNTIME_SYMBOL_TEXT), 0 });
  return d;
}

// A NULL-terminated array of strings; at `at` the pointer to it.
static void put_strings(Elf *e, uint64_t at, const char *const *list, uint32_t n)
{
  if (n == 0)
    return;
  uint64_t array = zw_elf_put(e->out, e->relro, NULL, 8ull * (n + 1), 8);
  for (uint32_t k = 0; k < n; k++)
    point(e, array + 8ull * k, e->rodata, put_string(e, list[k]));
  point(e, at, e->relro, array);
}

// What start.o looks for.
static void put_exe(Elf *e, uint64_t descriptor)
{
  const ObjOptions *o = e->o;
  uint64_t module = zw_elf_put(e->out, e->relro, NULL, 8, 8);
  point(e, module, e->relro, descriptor);
  zw_elf_define(e->out, zw_elf_global(e->out, "zwasm_exe_module"), e->relro, module, 8, STT_OBJECT);
  uint64_t at = zw_elf_put(e->out, e->relro, NULL, sizeof(zwasm_exe_options_t), 16);
  zwasm_exe_options_t v = { .struct_size = sizeof v, .max_stack = o->stack_size };
  memcpy(zw_elf_at(e->out, e->relro, at), &v, sizeof v);
  point(e, at + offsetof(zwasm_exe_options_t, entry), e->rodata, put_string(e, e->names->entry));
  put_strings(e, at + offsetof(zwasm_exe_options_t, args), o->args, o->nargs);
  put_strings(e, at + offsetof(zwasm_exe_options_t, env), o->env, o->nenv);
  put_strings(e, at + offsetof(zwasm_exe_options_t, dirs), o->dirs, o->ndirs);
  zw_elf_define(e->out, zw_elf_global(e->out, "zwasm_exe_options"), e->relro, at, sizeof v, STT_OBJECT);
}

// ---- what the linker must take from the runtime's archive (base/assert.h: ZW_WHEN_NAMED) ----

static const char *const libcall_names[] = {
#define LIBCALL(id, sig, flags) "zw_lib_" #id,
#include "runtime/abi/libcall.def"
};

// For a linker the undefined symbol would do; what strips an object keeps only those that a relocation names.
static void name_part(Elf *e, const char *name)
{
  uint32_t symbol = zw_elf_global(e->out, name);
  if (symbol < e->parts_end) // named before
    return;
  zw_elf_rela(e->out, e->relro, (ElfRela){ zw_elf_put(e->out, e->relro, NULL, 4, 4), R_X86_64_PLT32, symbol, 0 }); // all are functions
  e->parts_end = symbol + 1;
}

// A reference that C may pass where only some of its hierarchy may stand: the heap is asked.
static bool is_narrow(const Module *m, ValType t)
{
  uint32_t heap = zw_heap_type(t);
  return zw_is_ref(t) && zw_val_kind(m, t) == VK_REF && heap != HEAP_EXTERN && heap != HEAP_ANY && heap != HEAP_EXN;
}
static void name_ref_parts(Elf *e, const FuncType *f, bool import)
{
  const ValType *in = import ? f->results : f->params;
  for (uint32_t k = 0; k < (import ? f->nresults : f->nparams); k++)
    if (is_narrow(e->m, in[k]))
      name_part(e, "zw_gc_is");
  if (import && zw_has_refs(f))
    name_part(e, "zw_refs_import");
}

static void name_parts(Elf *e, const MetaFacts *facts)
{
  const Module *m = e->m;
  bool generic = !e->o->for_exe; // a host's functions may stand in tables, and go to modules that have no thunk for them
  for (uint32_t k = 0; k < m->nimports; k++) {
    if (e->names->imports[k].kind != CALL_WASI)
      name_part(e, "zw_link_check");
    if (m->imports[k].kind == EXT_FUNC)
      generic |= m->funcs[m->imports[k].index].declared_ref;
  }
  if (generic)
    name_part(e, "zw_host_generic");
  if (m->ntables || m->nelems)
    name_part(e, "zw_table_make"), name_part(e, "zw_table_init");
  for (uint32_t k = 0; k < m->nimports; k++)
    if (m->imports[k].kind == EXT_FUNC)
      name_ref_parts(e, zw_func_type(m, m->imports[k].index), true);
  for (uint32_t k = 0; k < m->nexports; k++) {
    const Export *x = &m->exports[k];
    if (x->kind == EXT_FUNC)
      name_ref_parts(e, zw_func_type(m, x->index), false);
    if ((x->kind == EXT_TABLE && is_narrow(m, m->tables[x->index].type.elem)) || (x->kind == EXT_GLOBAL && is_narrow(m, m->globals[x->index].type.type)))
      name_part(e, "zw_gc_is");
  }
  for (uint32_t k = 0; k < ARRAY_COUNT(libcall_names); k++)
    if (e->b->libcalls >> k & 1)
      name_part(e, libcall_names[k]);
  if (facts->gc)
    name_part(e, "zw_store_gc"), name_part(e, "zw_type_rows");
  if (facts->exprs)
    name_part(e, "zw_const_expr");
  if (facts->gc_exprs)
    name_part(e, "zw_const_object"), name_part(e, "zw_const_roots");
  if (facts->lines)
    name_part(e, "zw_image_line");
  if (e->o->for_exe && e->o->ndirs)
    name_part(e, "zwasm_wasi_preopen"), name_part(e, "zw_wasi_parse_dir");
}

// ---- unwind data and local symbols ----

static UnwindRows rows_of_glue(const Elf *e, uint32_t k)
{
  UnwindRows rows = e->glue_rows.p[e->glue_at.p[k].rows];
  rows.code_bytes = e->glue_at.p[k].code_bytes;
  return rows;
}

// The entries of the module's functions, then those of the glue; each list with its head.
static void put_unwind(const Elf *e)
{
  OutStream *to = e->out->to;
  zw_elf_open(e->out, e->eh);
  uint64_t begin = zw_out_at(to);
  zw_eh_put_cie(to, e->t);
  for (uint32_t k = 0; k < e->b->nfuncs; k++)
    zw_eh_put_fde(to, (uint32_t)(zw_out_at(to) - begin), &e->b->rows[k]);
  begin = zw_out_at(to);
  for (uint32_t k = 0; k < e->glue_at.n; k++) {
    UnwindRows rows = rows_of_glue(e, k);
    if (k == 0)
      zw_eh_put_cie(to, e->t);
    zw_eh_put_fde(to, (uint32_t)(zw_out_at(to) - begin), &rows);
  }
  CHECK(zw_out_at(to) - begin <= UINT32_MAX);
  zw_elf_close(e->out); // the linker writes the terminator
}

static void put_unwind_relas(const Elf *e)
{
  uint64_t at = EH_CIE_BYTES;
  zw_elf_begin_relas(e->out, e->eh);
  for (uint32_t k = 0; k < e->b->nfuncs; k++) {
    zw_elf_put_rela(e->out, (ElfRela){ at + EH_PC_AT, R_X86_64_PC32, zw_elf_section_symbol(e->text), e->b->funcs[k].code_off });
    at += zw_eh_fde_bytes(&e->b->rows[k]);
  }
  at += EH_CIE_BYTES;
  for (uint32_t k = 0; k < e->glue_at.n; k++) {
    UnwindRows rows = rows_of_glue(e, k);
    zw_elf_put_rela(e->out, (ElfRela){ at + EH_PC_AT, R_X86_64_PC32, zw_elf_section_symbol(e->glue), e->glue_at.p[k].at });
    at += zw_eh_fde_bytes(&rows);
  }
}

// "calc.fac" for a function of the module, "calc.func12" without a name, "calc.thunk3" for those between: what stands behind the point.
typedef struct LocalName { Str name; char buf[24]; } LocalName;
static void local_name(const Elf *e, uint32_t k, LocalName *to)
{
  const ImageFunc *f = &e->b->funcs[k];
  bool thunk = f->flags & IMAGE_FUNC_THUNK;
  to->name = thunk ? (Str){ 0 } : e->m->funcs[f->func].name;
  if (!to->name.n || memchr(to->name.p, 0, to->name.n))
    to->name = (Str){ to->buf, zw_format(to->buf, sizeof to->buf, thunk ? "thunk%u" : "func%u", thunk ? k : f->func) };
}

static void put_symbols(const Elf *e, uint32_t nlocals)
{
  size_t prefix = strlen(e->names->prefix);
  LocalName l;
  zw_elf_begin_symbols(e->out);
  for (uint32_t k = 0; k < nlocals; k++) {
    local_name(e, k, &l);
    zw_elf_put_local(e->out, prefix + l.name.n + 2, e->text, e->b->funcs[k].code_off, e->b->funcs[k].code_bytes);
  }
  zw_elf_put_globals(e->out);
  for (uint32_t k = 0; k < nlocals; k++) {
    local_name(e, k, &l);
    zw_elf_put_name(e->out, e->names->prefix, prefix);
    zw_elf_put_name(e->out, ".", 1);
    zw_elf_put_name(e->out, l.name.p, l.name.n);
    zw_elf_put_name(e->out, "", 1);
  }
}

static const char *section_name(Elf *e, const char *base) { return with_prefix(e, base, ""); }

static void make_sections(Elf *e)
{
  e->text = zw_elf_section(e->out, section_name(e, ".text.zwasm."), SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, 64);
  e->glue = zw_elf_section(e->out, section_name(e, ".text."), SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, 16);
  e->rodata = zw_elf_section(e->out, section_name(e, ".rodata.zwasm."), SHT_PROGBITS, SHF_ALLOC, 16);
  e->meta = zw_elf_section(e->out, section_name(e, ".zwasm.meta."), SHT_PROGBITS, SHF_ALLOC, 16);
  e->relro = zw_elf_section(e->out, section_name(e, ".data.rel.ro.zwasm."), SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, 16);
  e->bss = zw_elf_section(e->out, section_name(e, ".bss.zwasm."), SHT_NOBITS, SHF_ALLOC | SHF_WRITE, 8);
  e->eh = zw_elf_section(e->out, ".eh_frame", SHT_X86_64_UNWIND, SHF_ALLOC, 8);
  zw_elf_section(e->out, ".note.GNU-stack", SHT_PROGBITS, 0, 1);
  zw_elf_put(e->out, e->bss, NULL, 8, 8);
}

// The text goes first, and with it the memory of all functions; then meta, data and glue, each gone from memory before the next is made.
void zw_sink_elf_to(const Module *m, Blob *b, const Target *t, const ObjOptions *o, Arena *a, OutStream *to)
{
  Elf e = { .m = m, .b = b, .t = t, .o = o };
  CNames bare = { .prefix = o->prefix };
  uint32_t nlocals = o->strip ? 0 : b->nfuncs, nglue = o->for_exe || o->bare ? 0 : 2 * m->nexports + 8;
  e.names = o->bare ? &bare : zw_cnames(m, o, a);
  e.out = zw_elf_new(m->ctx, a, to, nlocals);
  make_sections(&e);

  zw_elf_open(e.out, e.text);
  zw_blob_put_text(b, to);
  zw_elf_close(e.out);
  MetaImage image = zw_meta_build(m, b, b->image_flags, a);
  zw_elf_open(e.out, e.meta);
  zw_out_put(to, image.meta, image.meta_bytes);
  zw_elf_close(e.out);
  MetaFacts facts = facts_of(&image);
  zw_arena_drop(a, image.meta);

  zw_elf_expect(e.out, e.glue, nglue + m->nimports, nglue + m->nimports);
  zw_elf_expect(e.out, e.relro, o->bare ? 8 : m->nimports + 16, 0);
  zw_reserve(a, &e.glue_at, nglue + m->nimports);
  zw_elf_open(e.out, e.glue);
  if (!o->for_exe && !o->bare) {
    put_constructors(&e);
    put_exports(&e);
  }
  if (!o->bare)
    put_adapters(&e);
  zw_elf_close(e.out);
  zw_elf_open(e.out, e.rodata);
  zw_meta_put_data(m, to);
  uint64_t descriptor = put_descriptor(&e, &facts);
  if (o->for_exe)
    put_exe(&e, descriptor);
  zw_elf_close(e.out);
  if (!o->bare)
    name_parts(&e, &facts);

  put_unwind(&e);
  zw_elf_put_kept(e.out);
  put_unwind_relas(&e);
  put_symbols(&e, nlocals);
  zw_elf_finish(e.out);
}

OutBytes zw_sink_elf(const Module *m, Blob *b, const Target *t, const ObjOptions *o, Arena *a)
{
  OutStream out;
  zw_out_init(&out, a, -1);
  zw_out_expect(&out, b->text_bytes + b->text_bytes / 2 + m->len);
  zw_sink_elf_to(m, b, t, o, a, &out);
  return (OutBytes){ out.p, out.n };
}
