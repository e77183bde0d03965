// The lanes: each is a way from a module's bytes to an image.
#include "compiler/driver/compile.h"
#include "compiler/driver/options.h"
#include "compiler/interp/interp.h"
#include "runtime/abi/compile.h"
#include "runtime/abi/cwasm.h"
#include "tools/zwasm/wast.h"
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static Image *jit(const uint8_t *bytes, size_t len, uint64_t features, uint32_t flags, bool lazy, char *err, size_t err_bytes)
{
  CompileOptions o = { .engine = ENGINE_JIT, .features = features, .image_flags = flags, .threads = 1, .lazy = lazy };
  return zw_compile(bytes, len, &o, err, err_bytes);
}

static Image *load_jit(const uint8_t *bytes, size_t len, uint64_t features, char *err, size_t err_bytes)
{
  return jit(bytes, len, features, 0, false, err, err_bytes);
}

static Image *load_jit_check(const uint8_t *bytes, size_t len, uint64_t features, char *err, size_t err_bytes)
{
  return jit(bytes, len, features, IMAGE_CHECKED, false, err, err_bytes);
}

static Image *load_jit_no_signals(const uint8_t *bytes, size_t len, uint64_t features, char *err, size_t err_bytes)
{
  return jit(bytes, len, features, IMAGE_CHECKED | IMAGE_NO_SIGNALS, false, err, err_bytes);
}

static Image *load_jit_lazy(const uint8_t *bytes, size_t len, uint64_t features, char *err, size_t err_bytes)
{
  return jit(bytes, len, features, 0, true, err, err_bytes);
}

// ---- cwasm across processes: zwasmc writes the file, we load it ----
extern char **environ;

static bool write_file(const char *path, const void *p, size_t n)
{
  FILE *f = fopen(path, "wb");
  bool ok = f && fwrite(p, 1, n, f) == n;
  return (f ? fclose(f) == 0 : false) && ok;
}

static uint8_t *read_file(const char *path, size_t *n)
{
  FILE *f = fopen(path, "rb");
  if (!f || fseek(f, 0, SEEK_END) != 0)
    return NULL;
  long size = ftell(f);
  uint8_t *p = size >= 0 ? malloc((size_t)size + 1) : NULL;
  rewind(f);
  *n = p ? fread(p, 1, (size_t)size, f) : 0;
  fclose(f);
  return p;
}

static bool run_zwasmc(const char *in, const char *out)
{
  char self[4096], tool[4200];
  ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
  if (n <= 0)
    return false;
  self[n] = 0;
  zw_format(tool, sizeof tool, "%.*szwasmc", (int)(strrchr(self, '/') + 1 - self), self);
  const char *args[] = { tool, "-mcpu=native", in, "-o", out, NULL };
  pid_t pid;
  int status;
  if (posix_spawn(&pid, tool, NULL, NULL, (char **)(uintptr_t)args, environ) != 0)
    return false;
  return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static Image *load_cwasm_across(const uint8_t *bytes, size_t len, uint64_t features, char *err, size_t err_bytes)
{
  (void)features; // the module is valid; the other process takes the default set
  char dir[] = "/tmp/zwasm-wast-XXXXXX", in[64], out[64];
  Image *im = NULL;
  if (!mkdtemp(dir)) {
    zw_format(err, err_bytes, "cannot make a folder in /tmp");
    return NULL;
  }
  zw_format(in, sizeof in, "%s/m.wasm", dir);
  zw_format(out, sizeof out, "%s/m.cwasm", dir);
  size_t n = 0;
  uint8_t *p = NULL;
  if (write_file(in, bytes, len) && run_zwasmc(in, out) && (p = read_file(out, &n)))
    im = zw_cwasm_load(p, n, err, err_bytes);
  else
    zw_format(err, err_bytes, "zwasmc failed");
  free(p);
  unlink(in), unlink(out), rmdir(dir);
  return im;
}

const Lane zw_wast_lanes[] = {
  { .name = "interp", .load = zw_interp_image_new, .unload = zw_interp_image_free },
  { .name = "jit", .compiled = true, .load = load_jit, .unload = zw_image_free },
  { .name = "jit-check", .compiled = true, .load = load_jit_check, .unload = zw_image_free },
  { .name = "jit-no-signals", .compiled = true, .no_signals = true, .load = load_jit_no_signals,
    .unload = zw_image_free },
  { .name = "jit-lazy", .compiled = true, .load = load_jit_lazy, .unload = zw_image_free },
  { .name = "cwasm", .compiled = true, .load = zw_compile_by_cwasm, .unload = zw_image_free },
  { .name = "cwasm-across", .compiled = true, .load = load_cwasm_across, .unload = zw_image_free },
  { .name = "obj", .compiled = true, .load = zw_wast_obj_load, .unload = zw_wast_obj_unload,
    .begin = zw_wast_obj_begin, .end = zw_wast_obj_end },
  { .name = "validate", .validate_only = true },
  { .name = "roundtrip", .validate_only = true, .roundtrip = true },
  { .name = NULL },
};

const Lane *zw_wast_lane(const char *name)
{
  for (const Lane *l = zw_wast_lanes; l->name; l++)
    if (strcmp(l->name, name) == 0)
      return l;
  return NULL;
}
