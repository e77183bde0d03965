// Exceptions that leave imports with handles lent to them, in a program that begins with the stubs of its imports.
#include "refs.h"
#include <cstdio>
#include <cstdlib>

extern "C" const refs_imports refs_stubs;
#define EXPECT(c) ((c) ? (void)0 : (std::printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #c), std::exit(1)))

static int alive;
struct Ref { // as a C++ program would hold a handle
  zwasm_ref_t r;
  explicit Ref(zwasm_ref_t given) : r(given) { alive++; }
  ~Ref() { zwasm_ref_delete(r), alive--; }
  Ref(const Ref &) = delete;
  Ref &operator=(const Ref &) = delete;
};

static zwasm_ref_t throwing(refs *r, zwasm_ref_t x)
{
  Ref copy(zwasm_ref_copy(x));
  if (zwasm_ref_pointer(copy.r) == &alive)
    throw 7;
  Ref inner(zwasm_ref_of(refs_instance(r), &alive, nullptr));
  return refs_through(r, inner.r);
}

int main()
{
  refs_imports imports = refs_stubs;
  zwasm_options_t o = ZWASM_OPTIONS_INIT;
  imports.env_pass = throwing;
  imports.env_externs = zwasm_table_new(nullptr, ZWASM_EXTERNREF, 2, 8);
  imports.env_funcs = zwasm_table_new(nullptr, ZWASM_FUNCREF, 2, UINT64_MAX);
  imports.env_title = zwasm_global_new(nullptr, ZWASM_EXTERNREF, 1, nullptr);
  imports.env_hook = zwasm_global_new(nullptr, ZWASM_FUNCREF, 0, nullptr);
  o.imports = &imports;
  refs *r = refs_new(&o);
  EXPECT(r != nullptr);
  int32_t n;
  EXPECT(refs_must_try(r, 1, &n) == ZWASM_HOST_TRAP); // a stub
  for (int k = 0; k < 2000; k++) {
    Ref x(zwasm_ref_of(refs_instance(r), &o, nullptr));
    int caught = 0;
    try {
      Ref never(refs_through(r, x.r));
      EXPECT(!"came back");
    } catch (int e) {
      caught = e;
    }
    EXPECT(caught == 7 && alive == 1);
  }
  zwasm_table_delete(imports.env_externs), zwasm_table_delete(imports.env_funcs);
  zwasm_global_delete(imports.env_title), zwasm_global_delete(imports.env_hook);
  refs_delete(r);
  std::puts("refs in C++: ok");
}
