// Code in a header: a second file in the line table.
__attribute__((noinline)) static int quotient(int a, int b)
{
  volatile int x = a;
  return x / b;
}
