// The calls of WASI made directly, over a plain memory of 64 KiB, in a fresh directory for each test: what rt/wasi.c and
// wasi_flags/config.c have in common.  Include it behind cmocka.h.
#pragma once
#include "runtime/wasi/wasi_int.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static Wasi *w;
static uint8_t bytes[65536];
static Memory mem;
static VmCtx ctx;
static char top[64];
static int fds_before;

static inline int open_fds(void)
{
  int n = 0;
  DIR *d = opendir("/proc/self/fd");
  while (readdir(d))
    n++;
  closedir(d);
  return n;
}
static inline void write_file(const char *path, const char *text)
{
  FILE *f = fopen(path, "w");
  fputs(text, f);
  fclose(f);
}

// A directory with box, ro and outside in it becomes the working directory; a context over the memory.
static inline void rig_begin(void)
{
  static Memory *memories[] = { &mem };
  static ImageHeader header;
  static Image image = { .h = &header, .counts = { .memories = 1 } };
  static Instance instance = { .vmctx = &ctx, .image = &image, .memories = memories };
  fds_before = open_fds();
  strcpy(top, "/tmp/zwasm-wasi-XXXXXX");
  assert_non_null(mkdtemp(top));
  assert_int_equal(chdir(top), 0);
  mkdir("box", 0755), mkdir("ro", 0755), mkdir("outside", 0755);
  write_file("box/file", "hello"), write_file("ro/file", "fixed"), write_file("outside/secret", "secret");
  mem.def = (VmMemoryDef){ bytes, sizeof bytes };
  ctx.instance = &instance;
  w = zwasm_wasi_new();
  assert_non_null(w);
}
// Nonzero when a descriptor was left open.
static inline int rig_end(void)
{
  zwasm_wasi_delete(w);
  char command[100];
  assert_int_equal(chdir("/"), 0);
  snprintf(command, sizeof command, "rm -rf %s", top);
  assert_int_equal(system(command), 0);
  return open_fds() == fds_before ? 0 : 1;
}

#define ARGS(...) (uint64_t[]){ __VA_ARGS__ }, sizeof((uint64_t[]){ __VA_ARGS__ }) / 8
static inline uint32_t call(HostFn fn, const uint64_t *args, size_t n)
{
  Value v[9] = { 0 };
  for (size_t i = 0; i < n; i++)
    v[i].u64 = args[i];
  fn(w, &ctx, v);
  return v[0].u32;
}
#define CALL(name, ...) call(zwasm_wasi_p1_##name, ARGS(__VA_ARGS__))
static inline uint32_t put(uint32_t at, const char *s) { memcpy(bytes + at, s, strlen(s)); return at; }
