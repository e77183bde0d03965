// How directories are written on command lines.
#include "runtime/wasi/wasi_int.h"

static bool copy(char *to, size_t room, const char *from, size_t n)
{
  if (n == 0 || n >= room)
    return false;
  memcpy(to, from, n);
  to[n] = 0;
  return true;
}
bool zw_wasi_parse_dir(const char *spec, char *host, char *guest, size_t room, bool *writable)
{
  size_t n = strlen(spec), at = 0, sep = 0;
  bool ro = n > 3 && memcmp(spec + n - 3, ":ro", 3) == 0, rw = n > 3 && memcmp(spec + n - 3, ":rw", 3) == 0;
  *writable = !ro;
  n -= ro || rw ? 3 : 0;
  while (at + 1 < n && !(spec[at] == ':' && spec[at + 1] == ':'))
    at++;
  sep = 2;
  if (at + 1 >= n) // no two: perhaps one
    for (at = 0, sep = 1; at < n && spec[at] != ':';)
      at++;
  if (at >= n)
    return copy(host, room, spec, n) && copy(guest, room, spec, n);
  return copy(host, room, spec, at) && copy(guest, room, spec + at + sep, n - at - sep);
}
