// main for a fuzz target without libFuzzer: replay [-n MUTATIONS] [-s SEED] FILE-or-FOLDER..
// Runs every file as it is, then MUTATIONS altered ones in all; prints how many inputs that were.  0 files is an error.
#include "tests/fuzz/fuzz.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct Input { uint8_t *p; size_t n; } Input;
static Input *inputs;
static size_t ninputs, cap_inputs;
static uint64_t state = 1;

static uint64_t next_random(void)
{
  state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  return state;
}
static size_t below(size_t n) { return n ? next_random() % n : 0; }

static void add_file(const char *path)
{
  FILE *f = fopen(path, "rb");
  struct stat st;
  if (!f || fstat(fileno(f), &st) != 0) {
    perror(path);
    exit(1);
  }
  if (ninputs == cap_inputs)
    inputs = realloc(inputs, (cap_inputs = 2 * cap_inputs + 64) * sizeof *inputs);
  Input in = { malloc((size_t)st.st_size + 1), 0 };
  in.n = fread(in.p, 1, (size_t)st.st_size, f);
  fclose(f);
  inputs[ninputs++] = in;
}

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

static void add_path(const char *path)
{
  struct stat st;
  if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
    add_file(path);
    return;
  }
  struct dirent **e = NULL;
  int n = scandir(path, &e, NULL, by_name);
  for (int i = 0; i < n; i++) {
    char file[4096];
    snprintf(file, sizeof file, "%s/%s", path, e[i]->d_name);
    if (e[i]->d_name[0] != '.' && stat(file, &st) == 0 && S_ISREG(st.st_mode))
      add_file(file);
    free(e[i]);
  }
  free(e);
}

// One small change: a byte, a bit, an interesting value, a piece removed, doubled, or taken from another input.
static Input mutate(const Input *in)
{
  static const uint8_t interesting[] = { 0x00, 0x01, 0x7f, 0x80, 0xff, 0x0b, 0x40, 0x60, 0x63, 0x64, 0x70, 0x6f, 0xfc, 0xfd, 0xfb };
  size_t room = in->n + 64;
  Input out = { malloc(room + 1), in->n };
  memcpy(out.p, in->p, in->n);
  for (size_t changes = 1 + below(4); changes && out.n; changes--) {
    size_t at = below(out.n), len = 1 + below(16);
    switch (below(7)) {
    case 0: out.p[at] = (uint8_t)next_random(); break;
    case 1: out.p[at] ^= (uint8_t)(1u << below(8)); break;
    case 2: out.p[at] = interesting[below(sizeof interesting)]; break;
    case 3: out.p[at]++; break;
    case 4:
      len = len > out.n - at ? out.n - at : len;
      memmove(out.p + at, out.p + at + len, out.n - at - len);
      out.n -= len;
      break;
    case 5:
      if (out.n + len <= room && at + len <= out.n) {
        memmove(out.p + at + len, out.p + at, out.n - at);
        out.n += len;
      }
      break;
    default: {
      const Input *other = &inputs[below(ninputs)];
      size_t from = below(other->n);
      len = len > other->n - from ? other->n - from : len;
      len = len > out.n - at ? out.n - at : len;
      memcpy(out.p + at, other->p + from, len);
    }
    }
  }
  return out;
}

static void run(const Input *in)
{
  uint8_t *exact = malloc(in->n ? in->n : 1); // no byte behind it: sanitizers see an overrun
  memcpy(exact, in->p, in->n);
  LLVMFuzzerTestOneInput(exact, in->n);
  free(exact);
}

int main(int argc, char **argv)
{
  unsigned long mutations = 0;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "-n") == 0 && i + 1 < argc)
      mutations = strtoul(argv[++i], NULL, 10);
    else if (strcmp(argv[i], "-s") == 0 && i + 1 < argc)
      state = strtoul(argv[++i], NULL, 10) * 2654435761u + 1;
    else
      add_path(argv[i]);
  }
  if (ninputs == 0) {
    fprintf(stderr, "usage: %s [-n MUTATIONS] [-s SEED] FILE-or-FOLDER..\nno input found\n", argv[0]);
    return 1;
  }
  for (size_t i = 0; i < ninputs; i++)
    run(&inputs[i]);
  for (unsigned long k = 0; k < mutations; k++) {
    Input m = mutate(&inputs[below(ninputs)]);
    run(&m);
    free(m.p);
  }
  printf("%zu inputs and %lu mutations\n", ninputs, mutations);
  return 0;
}
