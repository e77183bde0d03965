#include <stdio.h>
int main(int argc, char **argv)
{
  printf("hello, %s: %d of %.2f\n", argv[0] ? "world" : "nobody", argc, 3.14);
  return 0;
}
