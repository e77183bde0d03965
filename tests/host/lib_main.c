#include <dlfcn.h>
#include <stdio.h>
int main(int argc, char **argv)
{
  for (int i = 1; i < argc; i++) {
    void *lib = dlopen(argv[i], RTLD_NOW | RTLD_LOCAL);
    long long (*fac)(int) = lib ? (long long (*)(int))dlsym(lib, "lib_fac") : 0;
    if (!fac)
      return printf("dlopen: %s\n", dlerror()), 1;
    printf("%lld\n", fac(10));
  }
  return 0;
}
