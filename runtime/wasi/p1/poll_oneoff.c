// Wait for the first of some clocks and descriptors.
#include "runtime/wasi/wasi_int.h"

WASI(poll_oneoff) // subscriptions, events, number, result
{
  static const WasiPollLayout layout = { .bytes = 48, .clock = 16, .timeout = 24, .flags = 40 };
  return zw_wasi_poll(w, m, a, &layout);
}
