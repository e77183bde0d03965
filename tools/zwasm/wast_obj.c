// The obj lane: all modules of a script become objects, one ld.lld run makes a shared object of them, and the directives
// then run on the images in it.  So machine code, tables and data are what the linker left, at addresses the loader chose.
#define _GNU_SOURCE // dlinfo
#include "compiler/driver/compile.h"
#include "compiler/driver/options.h"
#include "linker/link.h"
#include "runtime/base/alloc.h"
#include "tools/zwasm/wast.h"
#include <dlfcn.h>
#include <libelf.h>
#include <gelf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zwasm_rt.h>

typedef struct Object { const uint8_t *bytes; size_t len; const char *path, *symbol; const zwasm_module_t *module; const char *refused; } Object;
typedef struct ObjFile {
  Arena a;
  char dir[32];
  VEC(Object) objects;
  void *so;
  const char *so_path;
} ObjFile;
static ObjFile *now; // files run one after the other; a thread of a script only looks things up

static Object *find_object(const uint8_t *bytes, size_t len)
{
  for (uint32_t i = 0; i < now->objects.n; i++) // a few hundred at most
    if (now->objects.p[i].len == len && memcmp(now->objects.p[i].bytes, bytes, len) == 0)
      return &now->objects.p[i];
  return NULL;
}

// ---- compiling ----
typedef struct ToObject { Source source; uint64_t features; const char *prefix; OutBytes out; } ToObject;

static void to_object(Ctx *ctx, void *arg)
{
  ToObject *j = arg;
  Settings s = zw_settings(true);
  CodeOptions code = zw_settings_code(&s);
  Compilation c = { 0 };
  ObjOptions o = { .prefix = j->prefix, .debug_level = 1, .bare = true };
  j->source.to_compile = true;
  Module *m = zw_read_module(ctx, &j->source, j->features, &c.times);
  zw_compile_checked(ctx, m, s.target, &code, 1, &c);
  c.blob->last = true;
  j->out = zw_sink_elf(m, c.blob, s.target, &o, &ctx->module);
}

static const char *text_of(const char *fmt, const char *a, unsigned b)
{
  char buf[200];
  zw_format(buf, sizeof buf, fmt, a, b);
  return zw_arena_str(&now->a, buf, strlen(buf));
}

static bool write_file(const char *path, const void *p, size_t n)
{
  FILE *f = fopen(path, "wb");
  bool ok = f && fwrite(p, 1, n, f) == n;
  return (f ? fclose(f) == 0 : false) && ok;
}

static void add_object(const WastFile *f, const uint8_t *bytes, size_t len)
{
  Object o = { .bytes = (const uint8_t *)zw_arena_str(&now->a, (const char *)bytes, len), .len = len };
  Ctx ctx;
  unsigned k = now->objects.n;
  ToObject j = { .source = { .bytes = o.bytes, .len = len }, .features = f->features, .prefix = text_of("%sm%u", "", k) };
  o.path = text_of("%s/m%u.o", now->dir, k);
  o.symbol = text_of("%sm%u_module", "", k);
  zw_ctx_init(&ctx);
  if (!zw_guard(&ctx, to_object, &j))
    o.refused = zw_arena_str(&now->a, ctx.diag.text, strlen(ctx.diag.text));
  else if (!write_file(o.path, j.out.p, j.out.n))
    o.refused = "the object cannot be written";
  zw_ctx_free(&ctx);
  *zw_push(&now->a, &now->objects) = o;
}

static void compile_modules(Ctx *ctx, void *arg)
{
  (void)ctx;
  WastFile *f = arg;
  bool bare = zw_wast_is_bare_module(f);
  for (f->at = 0; bare || f->src.tok[f->at].kind != TOK_EOF; bare = false) {
    Directive d = { .kind = DIR_MODULE, .module = { .end = f->src.ntok - 1 } };
    if (bare)
      f->at = f->src.ntok - 1;
    else
      zw_wast_read(f, &d);
    switch (d.kind) {
    case DIR_MODULE: case DIR_DEFINITION: case DIR_ASSERT_TRAP_MODULE: case DIR_ASSERT_UNLINKABLE: {
      Ctx mctx;
      Module *m;
      if (zw_wast_load(f, &d.module, &mctx, &m) && !find_object(m->bytes, m->len))
        add_object(f, m->bytes, m->len);
      zw_ctx_free(&mctx);
      break;
    }
    case DIR_INSTANCE: case DIR_REGISTER: case DIR_ACTION: case DIR_ASSERT_RETURN: case DIR_ASSERT_TRAP: case DIR_ASSERT_EXCEPTION:
    case DIR_ASSERT_EXHAUSTION: case DIR_ASSERT_INVALID: case DIR_ASSERT_MALFORMED: case DIR_ASSERT_INVALID_CUSTOM:
    case DIR_ASSERT_MALFORMED_CUSTOM: case DIR_WAIT: case DIR_KIND_COUNT:
      break;
    case DIR_THREAD: f->at = d.first; break; // into it, its directives are like any others
    }
    while (f->src.tok[f->at].kind == TOK_RPAR) // the end of a thread
      f->at++;
    zw_arena_reset(&f->values);
  }
}

// ---- linking and opening ----
static bool link_objects(char *err, size_t err_bytes)
{
  LinkJob job = { 0 };
  const char *linker = zw_link_find(&job, &now->a, err, err_bytes);
  if (!linker)
    return false;
  VEC(const char *) args = { 0 };
  now->so_path = text_of("%s/all%u.so", now->dir, 0);
  const char *head[] = { linker, "-shared", "-z", "noexecstack", "-z", "relro", "-o", now->so_path };
  for (size_t i = 0; i < ARRAY_COUNT(head); i++)
    *zw_push(&now->a, &args) = head[i];
  for (uint32_t i = 0; i < now->objects.n; i++)
    if (!now->objects.p[i].refused)
      *zw_push(&now->a, &args) = now->objects.p[i].path;
  *zw_push(&now->a, &args) = NULL;
  return zw_link_run(args.p, err, err_bytes);
}

// Descriptors are hidden, so the loader does not know them: read the file's own symbol table.
static bool find_descriptors(uint64_t base)
{
  int fd = open(now->so_path, O_RDONLY | O_CLOEXEC);
  Elf *elf = fd >= 0 && elf_version(EV_CURRENT) != EV_NONE ? elf_begin(fd, ELF_C_READ, NULL) : NULL;
  for (Elf_Scn *scn = NULL; elf && (scn = elf_nextscn(elf, scn));) {
    GElf_Shdr head;
    if (!gelf_getshdr(scn, &head) || head.sh_type != SHT_SYMTAB)
      continue;
    Elf_Data *data = elf_getdata(scn, NULL);
    for (size_t k = 0; data && k < head.sh_size / head.sh_entsize; k++) {
      GElf_Sym sym;
      const char *name = gelf_getsym(data, (int)k, &sym) ? elf_strptr(elf, head.sh_link, sym.st_name) : NULL;
      unsigned index;
      char *end;
      if (!name || name[0] != 'm' || strstr(name, "_module") == NULL)
        continue;
      index = (unsigned)strtoul(name + 1, &end, 10);
      if (index < now->objects.n && strcmp(name, now->objects.p[index].symbol) == 0)
        now->objects.p[index].module = (const zwasm_module_t *)(uintptr_t)(base + sym.st_value);
    }
  }
  elf_end(elf);
  if (fd >= 0)
    close(fd);
  for (uint32_t i = 0; i < now->objects.n; i++)
    if (!now->objects.p[i].module && !now->objects.p[i].refused)
      return false;
  return true;
}

static bool open_so(char *err, size_t err_bytes)
{
  now->so = dlopen(now->so_path, RTLD_NOW | RTLD_LOCAL);
  struct link_map *map = NULL;
  if (!now->so || dlinfo(now->so, RTLD_DI_LINKMAP, &map) != 0) {
    zw_format(err, err_bytes, "%s", dlerror());
    return false;
  }
  if (find_descriptors(map->l_addr))
    return true;
  zw_format(err, err_bytes, "a descriptor is missing in %s", now->so_path);
  return false;
}

static bool any_object(void)
{
  for (uint32_t i = 0; i < now->objects.n; i++)
    if (!now->objects.p[i].refused)
      return true;
  return false;
}

bool zw_wast_obj_begin(WastFile *f)
{
  Arena a;
  char err[400] = "";
  zw_arena_init(&a, f->ctx.module.nomem, f->ctx.module.nomem_arg);
  now = zw_new(&a, ObjFile);
  *now = (ObjFile){ .a = a };
  zw_format(now->dir, sizeof now->dir, "/tmp/zwasm-obj-XXXXXX");
  const char *save = f->save;
  f->save = NULL;
  bool ok = mkdtemp(now->dir) && zw_guard(&f->ctx, compile_modules, f);
  f->save = save;
  f->at = 0;
  if (ok && any_object())
    ok = link_objects(err, sizeof err) && open_so(err, sizeof err);
  if (!ok)
    printf("%s: objects: %s\n", f->shown, err[0] ? err : f->ctx.diag.text);
  return ok;
}

void zw_wast_obj_end(WastFile *f)
{
  (void)f;
  if (now->so)
    dlclose(now->so);
  for (uint32_t i = 0; i < now->objects.n; i++)
    unlink(now->objects.p[i].path);
  if (now->so_path)
    unlink(now->so_path);
  rmdir(now->dir);
  Arena a = now->a; // it lies in there
  now = NULL;
  zw_arena_free(&a);
}

// ---- images ----
Image *zw_wast_obj_load(const uint8_t *bytes, size_t len, uint64_t features, char *err, size_t err_bytes)
{
  (void)features;
  const Object *o = find_object(bytes, len);
  if (!o || o->refused) {
    zw_format(err, err_bytes, "%s", o ? o->refused : "it was not among the objects");
    return NULL;
  }
  const zwasm_module_t *m = o->module;
  Image *im = zw_alloc(sizeof *im);
  if (im && zw_image_open(im, m->meta, m->meta_bytes, m->text, m->text_bytes, m->data, m->data_bytes, true, err, err_bytes))
    return im;
  zw_free(im);
  return NULL;
}

void zw_wast_obj_unload(Image *im) { zw_free(im); }
