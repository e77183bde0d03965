// A C++ host: an exception thrown by an import crosses wasm frames, runs destructors on both sides, and is caught.
#include "guest.h"
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

static int alive, mode;
struct Guard { Guard() { alive++; } ~Guard() { alive--; } };

extern "C" int32_t guest_env_callback(guest *g, int32_t n)
{
  Guard here;
  if (mode == 1)
    throw std::runtime_error("from the import");
  if (mode == 2 && n > 0) {
    Guard nested;
    return guest_outer(g, n - 1); // several wasm activations below the throw
  }
  if (mode == 2)
    throw n;
  return n;
}
extern "C" double guest_env_mix(guest *, int32_t, int64_t, float, double, int32_t, int64_t, double, int32_t, int64_t) { return 0; }

int main()
{
  zwasm_options_t o = ZWASM_OPTIONS_INIT;
  guest *g = guest_new(&o);
  if (!g)
    return std::printf("guest_new: %s\n", zwasm_last_error()), 1;
  volatile double keep = 1.5; // lives in a callee-saved place over the throw
  for (int i = 0; i < 1000; i++) {
    int caught = 0;
    mode = 1;
    try {
      Guard outside;
      guest_outer(g, 3);
    } catch (const std::runtime_error &) {
      caught = 1;
    }
    if (!caught || alive != 0)
      return std::printf("exception lost: caught %d, alive %d\n", caught, alive), 1;
    caught = 0;
    try {
      guest_guarded(g, 3); // a try of wasm's does not see it
    } catch (const std::runtime_error &) {
      caught = 1;
    }
    if (!caught || alive != 0)
      return std::printf("exception lost in a try: caught %d, alive %d\n", caught, alive), 1;
    mode = 2, caught = 0;
    try {
      guest_outer(g, 5);
    } catch (int n) {
      caught = n == 0;
    }
    if (!caught || alive != 0)
      return std::printf("nested exception lost: caught %d, alive %d\n", caught, alive), 1;
    mode = 0;
    int32_t r;
    if (guest_outer(g, 4) != 6 || guest_guarded(g, 4) != 1004 || guest_div_try(g, 1, 0, &r) != ZWASM_DIVIDE_BY_ZERO)
      return std::puts("calls after an exception are wrong"), 1;
  }
  if (keep != 1.5)
    return 1;
  guest_delete(g);
  std::puts("exceptions: ok");
  return 0;
}
