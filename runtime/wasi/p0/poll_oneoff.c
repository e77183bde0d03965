// Wait, with the subscriptions of wasi_unstable.
#include "runtime/wasi/wasi_int.h"

WASI0(poll_oneoff) // subscriptions, events, number, result
{
  static const WasiPollLayout layout = { .bytes = 56, .clock = 24, .timeout = 32, .flags = 48 };
  return zw_wasi_poll(w, m, a, &layout);
}
