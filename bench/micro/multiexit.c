// Loops with several exits: a tokenizer over text.
#include <stdio.h>
#include <string.h>
static char text[1 << 16];
static const char *token(const char *p, int *kind)
{
  for (;; p++) {
    if (*p == 0) { *kind = 0; return p; }
    if (*p >= '0' && *p <= '9') { *kind = 1; while (*p >= '0' && *p <= '9') p++; return p; }
    if ((*p | 32) >= 'a' && (*p | 32) <= 'z') { *kind = 2; while ((*p | 32) >= 'a' && (*p | 32) <= 'z') p++; return p; }
    if (*p == '"') { *kind = 3; p++; while (*p && *p != '"') p++; return *p ? p + 1 : p; }
    if (*p != ' ' && *p != '\n') { *kind = 4; return p + 1; }
  }
}
int main(void)
{
  static const char piece[] = "let x1 = 4711 + foo(\"a string\", bar * 22);\n  if (x < 10) return; ";
  unsigned counts[5] = { 0 };
  for (size_t n = 0; n + sizeof piece < sizeof text; n += sizeof piece - 1)
    memcpy(text + n, piece, sizeof piece);
  for (int round = 0; round < 2500; round++)
    for (const char *p = text; *p;) {
      int kind;
      p = token(p, &kind);
      counts[kind]++;
    }
  printf("%u %u %u %u\n", counts[1], counts[2], counts[3], counts[4]);
  return 0;
}
