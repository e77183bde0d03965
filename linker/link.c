#define _GNU_SOURCE // memmem
#include "linker/link.h"
#include "runtime/base/str.h"
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const char *join(Arena *a, const char *dir, const char *name)
{
  char buf[4096];
  size_t n = zw_format(buf, sizeof buf, "%s/%s", dir, name);
  return n < sizeof buf ? zw_arena_str(a, buf, n) : NULL;
}

static bool has_runtime(Arena *a, const char *dir)
{
  const char *lib = join(a, dir, "libzwasm-rt.a"), *start = join(a, dir, "start.o");
  return lib && start && access(lib, R_OK) == 0 && access(start, R_OK) == 0;
}

const char *zw_link_runtime_dir(const char *own_dir, Arena *a, char *err, size_t err_bytes)
{
  const char *given = getenv("ZWASM_RUNTIME_DIR");
  if (given && given[0]) {
    if (has_runtime(a, given))
      return given;
    zw_format(err, err_bytes, "no libzwasm-rt.a and start.o in '%s' (from ZWASM_RUNTIME_DIR)", given);
    return NULL;
  }
  static const char *const places[] = { ".", "../lib/zwasm", "../lib" };
  for (size_t k = 0; own_dir && k < ARRAY_COUNT(places); k++) {
    const char *dir = k ? join(a, own_dir, places[k]) : own_dir;
    if (dir && has_runtime(a, dir))
      return dir;
  }
  zw_format(err, err_bytes, "cannot find libzwasm-rt.a and start.o in '%s' or ../lib/zwasm beside it; set ZWASM_RUNTIME_DIR",
            own_dir ? own_dir : "this program's folder");
  return NULL;
}

// The name in `path` that begins as `want` does up to its first digit: "zwasm_rt_abi_1_format_5".  "" = none.
static void find_version(const char *path, const char *want, char *found, size_t found_bytes)
{
  size_t begin = strcspn(want, "0123456789"), most = strlen(want) + 8, n = 0;
  char *bytes = NULL;
  FILE *f = fopen(path, "rb");
  found[0] = 0;
  if (f && fseek(f, 0, SEEK_END) == 0 && (bytes = malloc(n = (size_t)ftell(f))) != NULL && fseek(f, 0, SEEK_SET) == 0)
    n = fread(bytes, 1, n, f);
  const char *at = bytes ? memmem(bytes, n, want, begin) : NULL;
  if (at)
    zw_format(found, found_bytes, "%.*s", (int)strnlen(at, (size_t)(bytes + n - at) < most ? (size_t)(bytes + n - at) : most), at);
  free(bytes);
  if (f)
    fclose(f);
}

bool zw_link_same_version(const LinkJob *job, Arena *a, char *err, size_t err_bytes)
{
  static const char *const files[] = { "start.o", "libzwasm-rt.a" };
  for (size_t k = 0; k < ARRAY_COUNT(files); k++) {
    char found[64];
    find_version(join(a, job->runtime_dir, files[k]), job->version, found, sizeof found);
    if (strcmp(found, job->version) == 0)
      continue;
    zw_format(err, err_bytes, "'%s/%s' is %s%s, this zwasmc makes programs for %s: take them from one build", job->runtime_dir, files[k],
              found[0] ? "" : "of an older version", found, job->version);
    return false;
  }
  return true;
}

static const char *in_path(const char *name, Arena *a)
{
  const char *path = getenv("PATH");
  while (path && *path) {
    size_t n = strcspn(path, ":");
    const char *dir = n ? zw_arena_str(a, path, n) : ".";
    const char *full = join(a, dir, name);
    if (full && access(full, X_OK) == 0)
      return full;
    path += n + (path[n] == ':');
  }
  return NULL;
}

const char *zw_link_find(const LinkJob *job, Arena *a, char *err, size_t err_bytes)
{
  enum { NEWEST = 30, OLDEST = 11 }; // versions that distributions put in the name
  if (job->linker) {
    const char *found = strchr(job->linker, '/') ? job->linker : in_path(job->linker, a);
    if (!found || access(found, X_OK) != 0) {
      zw_format(err, err_bytes, "cannot run the linker '%s': %s", job->linker, found ? strerror(errno) : "not in PATH");
      return NULL;
    }
    return found;
  }
  const char *beside = job->own_dir ? join(a, job->own_dir, "ld.lld") : NULL;
  if (beside && access(beside, X_OK) == 0)
    return beside;
  const char *found = in_path("ld.lld", a);
  for (int v = NEWEST; !found && v >= OLDEST; v--) {
    char name[32];
    zw_format(name, sizeof name, "ld.lld-%d", v);
    found = in_path(name, a);
  }
  if (!found)
    zw_format(err, err_bytes, "no ld.lld in PATH: install lld, or say --linker=PATH; -c makes an object for your own linker");
  return found;
}

// Static-PIE: the kernel picks a random address, start.o applies the relative relocations of the descriptor.
const char *const *zw_link_args(const LinkJob *job, const char *linker, Arena *a)
{
  const char *fixed[] = {
    linker, "-pie", "--no-dynamic-linker", "-z", "text", "-z", "noexecstack", "-z", "relro", "-z", "now", "--gc-sections",
    "--build-id=none", "--hash-style=gnu", "--pack-dyn-relocs=relr", "-o", job->output, join(a, job->runtime_dir, "start.o"), job->object,
    join(a, job->runtime_dir, "libzwasm-rt.a"),
  };
  size_t n = ARRAY_COUNT(fixed);
  const char **args = zw_new_array(a, const char *, n + job->nextra + 2);
  memcpy(args, fixed, sizeof fixed);
  if (job->strip)
    args[n++] = "--strip-all";
  for (uint32_t k = 0; k < job->nextra; k++)
    args[n++] = job->extra[k];
  args[n] = NULL;
  return args;
}

bool zw_link_run(const char *const *args, char *err, size_t err_bytes)
{
  pid_t pid;
  int why = posix_spawn(&pid, args[0], NULL, NULL, (char *const *)(uintptr_t)args, environ);
  if (why != 0) {
    zw_format(err, err_bytes, "cannot run the linker '%s': %s", args[0], strerror(why));
    return false;
  }
  int status;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
    ;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
    return true;
  if (WIFSIGNALED(status))
    zw_format(err, err_bytes, "the linker '%s' was ended by signal %d", args[0], WTERMSIG(status));
  else
    zw_format(err, err_bytes, "the linker '%s' failed with exit code %d", args[0], WEXITSTATUS(status));
  return false;
}
