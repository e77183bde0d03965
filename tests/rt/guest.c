#include "guest.h"
#include "runtime/base/bits.h"
#include <stdlib.h>
#include <string.h>

// Offsets that the code below needs, as assembler constants.  One memory, one table, two globals, two imported functions.
#define VAR ((sizeof(VmCtx) + 15) & ~15ul)
static void constants(void) __attribute__((used));
static void constants(void)
{
  __asm__ volatile(".set G_IMPORTS, %c0\n.set G_LIB_GROW, %c1\n.set G_LIB_FILL, %c2\n.set G_LIMIT, %c3\n.set G_HOST_SHIM, %c4\n.set G_TRAP_SHIM, %c5\n"
                   ".set K_UNREACHABLE, %c6\n.set K_OVERFLOW, %c7\n" ::"i"(VAR + 16 + 16 + 32),
                   "i"(VMCTX_LIBCALL(memory_grow)), "i"(VMCTX_LIBCALL(memory_fill)), "i"(offsetof(VmCtx, stack_limit)),
                   "i"(offsetof(VmCtx, host_shim)), "i"(offsetof(VmCtx, trap_shim)), "i"(TRAP_unreachable), "i"(TRAP_stack_overflow));
}

// clang-format off
__asm__(
    "        .text\n"
    "        .balign 64\n"
    "g_text:\n"
    "        nop\n"
    "        .balign 16\n"
    "g_add:  lea (%rdi,%rsi), %eax\n"
    "        ret\n"
    "g_add_end:\n"
    "        .balign 16\n"
    "g_unreachable:\n"
    "        sub $8, %rsp\n"
    "        call g_trap_unreachable\n"
    "g_unreachable_site:\n"
    "g_unreachable_end:\n"
    "        .balign 16\n"
    "g_load:                                 # (i32) -> i32, faults at its first instruction\n"
    "g_load_site:\n"
    "        mov (%r14,%rdi), %eax\n"
    "        ret\n"
    "g_load_end:\n"
    "        .balign 16\n"
    "g_recurse:                              # (i32) -> i32: for ever when the argument is odd\n"
    "        cmp G_LIMIT(%r15), %rsp\n"
    "        jbe 1f\n"
    "        push %rbx\n"
    "        mov %edi, %ebx\n"
    "        sub $2, %edi\n"
    "        js 2f\n"
    "        call g_recurse\n"
    "g_recurse_call:\n"
    "2:      mov %ebx, %eax\n"
    "        pop %rbx\n"
    "        ret\n"
    "1:      call g_trap_overflow\n"
    "g_recurse_site:\n"
    "g_recurse_end:\n"
    "        .balign 16\n"
    "g_call_host:                            # (i32) -> i32: host(x) + x\n"
    "        push %rbx\n"
    "        mov %edi, %ebx\n"
    "        lea G_IMPORTS(%r15), %rax\n"
    "        call g_xcall_i_i\n"
    "g_call_host_call:\n"
    "        add %ebx, %eax\n"
    "        pop %rbx\n"
    "        ret\n"
    "g_call_host_end:\n"
    "        .balign 16\n"
    "g_grow:                                 # (i32) -> i32\n"
    "        sub $8, %rsp\n"
    "        mov %rdi, %rsi\n"
    "        xor %edi, %edi\n"
    "        call *G_LIB_GROW(%r15)\n"
    "g_grow_call:\n"
    "        add $8, %rsp\n"
    "        ret\n"
    "g_grow_end:\n"
    "        .balign 16\n"
    "g_fill:                                 # (i32 address, i32 n) -> i32: fill with 7; the sum of what must have survived\n"
    "        push %rbx\n"
    "        mov %rsi, %rcx\n"
    "        mov %rdi, %rsi\n"
    "        mov $7, %edx\n"
    "        xor %edi, %edi\n"
    "        mov $1, %r8d\n"
    "        mov $2, %r9d\n"
    "        mov $4, %r10d\n"
    "        mov $8, %r11d\n"
    "        mov $16, %ebx\n"
    "        movd %r9d, %xmm0\n"
    "        movd %ebx, %xmm14\n"
    "        call *G_LIB_FILL(%r15)\n"
    "g_fill_call:\n"
    "        lea (%r8,%r9), %eax\n"
    "        add %r10d, %eax\n"
    "        add %r11d, %eax\n"
    "        add %ebx, %eax\n"
    "        add %edx, %eax                  # 7\n"
    "        add %edi, %eax                  # 0\n"
    "        movd %xmm0, %edx\n"
    "        add %edx, %eax                  # 2\n"
    "        movd %xmm14, %edx\n"
    "        add %edx, %eax                  # 16\n"
    "        pop %rbx\n"
    "        ret\n"
    "g_fill_end:\n"
    "        .balign 16\n"
    "g_call_v:                               # () -> (): calls the second import\n"
    "        sub $8, %rsp\n"
    "        lea G_IMPORTS+32(%r15), %rax\n"
    "        call g_xcall_v\n"
    "g_call_v_call:\n"
    "        add $8, %rsp\n"
    "        ret\n"
    "g_call_v_end:\n"
    "        .balign 16\n"
    "g_entry_i_i:                            # also (i32, i32) -> i32\n"
    "        push %rdi\n"
    "        mov 16(%rdi), %esi\n"
    "        mov (%rdi), %edi\n"
    "        call *%rax\n"
    "        pop %rdi\n"
    "        mov %rax, (%rdi)\n"
    "        movq $0, 8(%rdi)\n"
    "        ret\n"
    "g_entry_i_i_end:\n"
    "        .balign 16\n"
    "g_entry_v:\n"
    "        sub $8, %rsp\n"
    "        call *%rax\n"
    "        add $8, %rsp\n"
    "        ret\n"
    "g_entry_v_end:\n"
    "        .balign 16\n"
    "g_xcall_i_i:\n"
    "        push %r15\n"
    "        push %r14\n"
    "        sub $8, %rsp\n"
    "        mov 8(%rax), %r14\n"
    "        movups 8(%r15), %xmm15\n"
    "        movups %xmm15, 8(%r14)\n"
    "        mov %r14, %r15\n"
    "        mov (%r15), %r14\n"
    "        call *(%rax)\n"
    "        add $8, %rsp\n"
    "        pop %r14\n"
    "        pop %r15\n"
    "        ret\n"
    "g_xcall_i_i_end:\n"
    "        .balign 16\n"
    "g_xcall_v:\n"
    "        push %r15\n"
    "        push %r14\n"
    "        sub $8, %rsp\n"
    "        mov 8(%rax), %r14\n"
    "        movups 8(%r15), %xmm15\n"
    "        movups %xmm15, 8(%r14)\n"
    "        mov %r14, %r15\n"
    "        mov (%r15), %r14\n"
    "        call *(%rax)\n"
    "        add $8, %rsp\n"
    "        pop %r14\n"
    "        pop %r15\n"
    "        ret\n"
    "g_xcall_v_end:\n"
    "        .balign 16\n"
    "g_host_i_i:\n"
    "        sub $24, %rsp\n"
    "        mov %rdi, (%rsp)\n"
    "        movq $0, 8(%rsp)\n"
    "        mov %rsp, %rdi\n"
    "        mov 48(%rsp), %rsi              # above: return address, XCALL's 8 bytes, r14, r15\n"
    "        call *G_HOST_SHIM(%r15)\n"
    "        mov (%rsp), %eax\n"
    "        add $24, %rsp\n"
    "        ret\n"
    "g_host_i_i_end:\n"
    "        .balign 16\n"
    "g_trap_unreachable:\n"
    "        mov $K_UNREACHABLE, %eax\n"
    "        jmp *G_TRAP_SHIM(%r15)\n"
    "g_trap_unreachable_end:\n"
    "        .balign 16\n"
    "g_trap_overflow:\n"
    "        mov $K_OVERFLOW, %eax\n"
    "        jmp *G_TRAP_SHIM(%r15)\n"
    "g_trap_overflow_end:\n"
    "        .balign 64\n"
    "g_text_end:\n");
// clang-format on

#define LABEL(l) extern const uint8_t l[] __attribute__((visibility("hidden")))
LABEL(g_text); LABEL(g_text_end);
#define CODES(X)                                                                                                       \
  X(g_add) X(g_unreachable) X(g_load) X(g_recurse) X(g_call_host) X(g_grow) X(g_fill) X(g_call_v) X(g_entry_i_i)       \
  X(g_entry_v) X(g_xcall_i_i) X(g_xcall_v) X(g_host_i_i) X(g_trap_unreachable) X(g_trap_overflow)
#define DECLARE(n) LABEL(n); LABEL(n##_end);
CODES(DECLARE)
LABEL(g_unreachable_site); LABEL(g_load_site); LABEL(g_recurse_call); LABEL(g_recurse_site); LABEL(g_call_host_call);
LABEL(g_grow_call); LABEL(g_fill_call); LABEL(g_call_v_call);

static uint32_t off(const uint8_t *p) { return (uint32_t)(p - g_text); }

// ---- meta ----

typedef struct Meta { uint8_t bytes[8192]; uint32_t n; } Meta;

static void section(Meta *m, ImageSection s, const void *p, uint32_t count, uint32_t size)
{
  ImageHeader *h = (ImageHeader *)(void *)m->bytes;
  m->n = (uint32_t)zw_align_up(m->n, 8);
  h->span[s] = (ImageSpan){ m->n, count };
  memcpy(m->bytes + m->n, p, (size_t)count * size);
  m->n += count * size;
}
static uint32_t add_string(uint8_t *s, uint32_t *n, const char *text)
{
  uint32_t len = (uint32_t)strlen(text), at = *n + 4;
  memcpy(s + *n, &len, 4);
  memcpy(s + at, text, len + 1);
  *n = at + len + 1;
  return at;
}
static void site(uint8_t *s, uint32_t *n, uint32_t delta, uint8_t kind, uint8_t wasm_delta)
{
  while (delta > 127)
    s[(*n)++] = (uint8_t)(delta | 128), delta >>= 7;
  s[(*n)++] = (uint8_t)delta, s[(*n)++] = kind, s[(*n)++] = wasm_delta;
}

typedef struct SiteSpec { const uint8_t *at; uint8_t kind, wasm; } SiteSpec;
typedef struct CodeSpec { const uint8_t *low, *high; uint32_t frame; uint16_t saved, flags; uint32_t func; SiteSpec sites[2]; } CodeSpec;

const char guest_data[9] = "datarest";

static Meta meta;
static void build(uint64_t min, uint64_t max, bool has_max, uint32_t flags)
{
  enum { RBX_ = 1 << 3, R14_ = 1 << 14, R15_ = 1 << 15 };
#define AT(n) n, n##_end
  const CodeSpec code[] = {
    { AT(g_add), 0, 0, 0, G_ADD, { { 0 } } },
    { AT(g_unreachable), 8, 0, 0, G_UNREACHABLE, { { g_unreachable_site, TRAP_unreachable, 20 } } },
    { AT(g_load), 0, 0, 0, G_LOAD, { { g_load_site, SITE_FAULT | TRAP_oob, 30 } } },
    { AT(g_recurse), 0, RBX_, 0, G_RECURSE, { { g_recurse_call, SITE_CALL, 40 }, { g_recurse_site, SITE_NO_FRAME | TRAP_stack_overflow, 1 } } },
    { AT(g_call_host), 0, RBX_, 0, G_CALL_HOST, { { g_call_host_call, SITE_CALL, 50 } } },
    { AT(g_grow), 8, 0, 0, G_GROW, { { g_grow_call, SITE_CALL, 55 } } },
    { AT(g_fill), 0, RBX_, 0, G_FILL, { { g_fill_call, SITE_CALL, 60 } } },
    { AT(g_call_v), 8, 0, 0, G_CALL_V, { { g_call_v_call, SITE_CALL, 33 } } },
    { AT(g_entry_i_i), 8, 0, IMAGE_FUNC_THUNK_ENTRY, 0, { { 0 } } },
    { AT(g_entry_v), 8, 0, IMAGE_FUNC_THUNK_ENTRY, 2, { { 0 } } },
    { AT(g_xcall_i_i), 8, R14_ | R15_, IMAGE_FUNC_THUNK_XCALL, 0, { { 0 } } },
    { AT(g_xcall_v), 8, R14_ | R15_, IMAGE_FUNC_THUNK_XCALL, 2, { { 0 } } },
    { AT(g_host_i_i), 24, 0, IMAGE_FUNC_THUNK_HOST, 0, { { 0 } } },
    { AT(g_trap_unreachable), 0, 0, IMAGE_FUNC_THUNK_TRAP, TRAP_unreachable, { { 0 } } },
    { AT(g_trap_overflow), 0, 0, IMAGE_FUNC_THUNK_TRAP, TRAP_stack_overflow, { { 0 } } },
  };
  ImageFunc funcs[ARRAY_COUNT(code)];
  uint8_t sites[256], strings[256] = { 0 };
  uint32_t nsites = 0, nstrings = 4;
  for (size_t i = 0; i < ARRAY_COUNT(code); i++) {
    const CodeSpec *c = &code[i];
    funcs[i] = (ImageFunc){ .code_off = off(c->low), .code_bytes = (uint32_t)(c->high - c->low), .frame_bytes = c->frame,
                            .saved = c->saved, .flags = c->flags, .func = c->func, .sites = nsites };
    const uint8_t *at = c->low;
    for (int k = 0; k < 2 && c->sites[k].at; k++) {
      site(sites, &nsites, (uint32_t)(c->sites[k].at - at), c->sites[k].kind, c->sites[k].wasm);
      at = c->sites[k].at;
      funcs[i].nsites++;
    }
  }
  // types: 0 (i32) -> i32, 1 (i32, i32) -> i32, 2 () -> ()
  static const uint32_t types[] = { 1, 256, UINT32_MAX, 1, 1, VT_I32, VT_I32, 1, 256, UINT32_MAX, 2, 1, VT_I32, VT_I32, VT_I32, 1, 256, UINT32_MAX, 0, 0 };
  static const uint32_t type_index[] = { 1, 8, 16 };
  static const uint32_t func_types[G_FUNCS] = { 0, 2, 1, 2, 0, 0, 0, 0, 1, 2 };
  static const uint32_t func_code[] = { 0, 1, 2, 3, 4, 5, 6, 7 };
  static const uint32_t funcrefs[] = { G_HOST_I_I, G_ADD };
  ImageThunks thunks[] = { { off(g_entry_i_i), off(g_xcall_i_i), off(g_host_i_i) }, { off(g_entry_i_i), 0, 0 }, { off(g_entry_v), off(g_xcall_v), 0 } };
  uint32_t env = add_string(strings, &nstrings, "env"), host = add_string(strings, &nstrings, "host"), hostv = add_string(strings, &nstrings, "host_v");
  uint32_t name[G_FUNCS] = { host, hostv };
  static const char *const names[] = { "add", "unreachable", "load", "recurse", "call_host", "grow", "fill", "call_v" };
  ImageExport exports[11];
  for (uint32_t i = 0; i < 8; i++) {
    name[2 + i] = add_string(strings, &nstrings, names[i]);
    exports[i] = (ImageExport){ name[2 + i], EXT_FUNC, 2 + i, 0 };
  }
  exports[8] = (ImageExport){ add_string(strings, &nstrings, "memory"), EXT_MEMORY, 0, 0 };
  exports[9] = (ImageExport){ add_string(strings, &nstrings, "table"), EXT_TABLE, 0, 0 };
  exports[10] = (ImageExport){ add_string(strings, &nstrings, "global"), EXT_GLOBAL, 1, 0 };
  ImageTable table = { .limits = { .min = 10, .max = 20, .has_max = 1 }, .elem = VT_FUNCREF, .init = { .kind = INIT_NULL } };
  static const uint8_t exprs[] = { 0x41, 40, 0x41, 2, 0x6a, 0xd2, G_ADD }; // 40 + 2; ref.func add
  ImageGlobal globals[] = { { .type = VT_I64, .init = { .kind = INIT_CONST, .bits = { 77 } } },
                            { .type = VT_I32, .mutable_ = 1, .init = { .kind = INIT_EXPR, .index = 0, .bits = { 5 } } } };
  ImageInit items[] = { { .kind = INIT_FUNC, .index = G_ADD }, { .kind = INIT_NULL }, { .kind = INIT_FUNC, .index = G_HOST_I_I },
                        { .kind = INIT_EXPR, .index = 5, .bits = { 2 } }, { .kind = INIT_NULL } };
  ImageElem elems[] = { { .mode = 0, .table = 0, .items = 0, .nitems = 3, .type = VT_FUNCREF, .offset = { .kind = INIT_CONST, .bits = { 1 } } },
                        { .mode = 1, .items = 3, .nitems = 2, .type = VT_FUNCREF } };
  ImageData datas[] = { { .mode = 0, .memory = 0, .off = 0, .bytes = 4, .offset = { .kind = INIT_EXPR, .index = 0, .bits = { 5 } } },
                        { .mode = 1, .off = 2, .bytes = 6 } };
  ImageImport imports[] = { { env, host, EXT_FUNC, 0 }, { env, hostv, EXT_FUNC, 1 } };
  ImageMemory memory = { { .min = min, .max = max, .has_max = has_max, .page_log2 = 16 } };
  ImageHeader *h = (ImageHeader *)(void *)meta.bytes;
  memset(&meta, 0, sizeof meta);
  for (int s = 0; s < IMG_SECTION_COUNT; s++)
    h->span[s].off = sizeof *h;
  meta.n = sizeof *h;
  section(&meta, IMG_FUNCS, funcs, ARRAY_COUNT(funcs), sizeof funcs[0]);
  section(&meta, IMG_SITES, sites, nsites, 1);
  section(&meta, IMG_TYPES, types, ARRAY_COUNT(types), 4);
  section(&meta, IMG_TYPE_INDEX, type_index, ARRAY_COUNT(type_index), 4);
  section(&meta, IMG_IMPORTS, imports, ARRAY_COUNT(imports), sizeof imports[0]);
  section(&meta, IMG_EXPORTS, exports, ARRAY_COUNT(exports), sizeof exports[0]);
  section(&meta, IMG_MEMORIES, &memory, 1, sizeof memory);
  section(&meta, IMG_TABLES, &table, 1, sizeof table);
  section(&meta, IMG_GLOBALS, globals, ARRAY_COUNT(globals), sizeof globals[0]);
  section(&meta, IMG_ELEMS, elems, ARRAY_COUNT(elems), sizeof elems[0]);
  section(&meta, IMG_ELEM_ITEMS, items, ARRAY_COUNT(items), sizeof items[0]);
  section(&meta, IMG_DATAS, datas, ARRAY_COUNT(datas), sizeof datas[0]);
  section(&meta, IMG_EXPRS, exprs, sizeof exprs, 1);
  section(&meta, IMG_FUNC_TYPES, func_types, G_FUNCS, 4);
  section(&meta, IMG_FUNC_CODE, func_code, ARRAY_COUNT(func_code), 4);
  section(&meta, IMG_FUNCREFS, funcrefs, ARRAY_COUNT(funcrefs), 4);
  section(&meta, IMG_THUNKS, thunks, ARRAY_COUNT(thunks), sizeof thunks[0]);
  section(&meta, IMG_NAMES, name, G_FUNCS, 4);
  uint32_t module = add_string(strings, &nstrings, "guest.wasm");
  section(&meta, IMG_STRINGS, strings, nstrings, 1);
  h->magic = IMAGE_MAGIC, h->format = IMAGE_FORMAT, h->abi = IMAGE_ABI, h->arch = ARCH_X86_64;
  h->flags = flags, h->meta_bytes = meta.n, h->text_bytes = (uint64_t)(g_text_end - g_text);
  h->data_bytes = sizeof guest_data - 1, h->start_func = UINT32_MAX, h->nimported_funcs = 2, h->name = module;
}

const Image *guest_image(uint64_t min_pages, uint64_t max_pages, bool has_max, uint32_t flags)
{
  static Image im;
  char err[200];
  build(min_pages, max_pages, has_max, flags);
  if (!zw_image_open(&im, meta.bytes, meta.n, g_text, (size_t)(g_text_end - g_text), (const uint8_t *)guest_data, sizeof guest_data - 1, true, err, sizeof err))
    BUG("guest image: %s", err);
  return &im;
}
const uint8_t *guest_text(size_t *bytes)
{
  *bytes = (size_t)(g_text_end - g_text);
  return g_text;
}
uint8_t *guest_meta_copy(size_t *bytes)
{
  build(1, 2, true, IMAGE_GUARD);
  uint8_t *p = malloc(meta.n);
  memcpy(p, meta.bytes, meta.n);
  *bytes = meta.n;
  return p;
}
