// A listening socket on a numeric address.  Apart from linux_file.c so that few programs contain it.
#include "runtime/os/file.h"
#include "runtime/os/linux.h"

enum { AF_INET_ = 2, AF_INET6_ = 10, STREAM = 1, SOL_SOCKET_ = 1, REUSEADDR = 2, BACKLOG = 128 };
typedef struct Address {
  uint16_t family, port;      // the port and all behind it: big endian
  uint32_t v4_or_flow;
  uint8_t v6[16];
  uint32_t scope;
} Address;
STATIC_ASSERT(sizeof(Address) == 28, "struct sockaddr_in6, whose beginning is struct sockaddr_in's");

static uint16_t big16(uint32_t v) { return (uint16_t)(v << 8 | v >> 8); }

static unsigned digit(char c)
{
  char low = c | 32;
  return c >= '0' && c <= '9' ? (unsigned)(c - '0') : low >= 'a' && low <= 'f' ? (unsigned)(low - 'a' + 10) : 99;
}

// Digits of that base, up to `most`; false when there are none.
static bool number(const char **s, unsigned base, uint32_t most, uint32_t *out)
{
  const char *p = *s;
  uint32_t v = 0;
  for (;; p++) {
    unsigned d = digit(*p);
    if (d >= base)
      break;
    v = v * base + d;
    if (v > most)
      return false;
  }
  *out = v;
  bool any = p != *s;
  *s = p;
  return any;
}

static bool parse_v4(const char **s, uint8_t out[4])
{
  uint32_t v;
  for (int i = 0; i < 4; i++) {
    if ((i > 0 && *(*s)++ != '.') || !number(s, 10, 255, &v))
      return false;
    out[i] = (uint8_t)v;
  }
  return true;
}

// Eight groups, or fewer around one "::".
static bool parse_v6(const char **s, uint8_t out[16])
{
  uint16_t group[8] = { 0 };
  int n = 0, gap = -1;
  uint32_t v;
  if ((*s)[0] == ':' && (*s)[1] == ':')
    gap = 0, *s += 2;
  while (n < 8 && **s != ']') {
    if (n > 0 && gap != n && *(*s)++ != ':')
      return false;
    if (n > 0 && gap < 0 && **s == ':') {
      gap = n, ++*s;
      continue;
    }
    if (!number(s, 16, 0xffff, &v))
      return false;
    group[n++] = (uint16_t)v;
  }
  if (gap < 0 ? n != 8 : n > 7)
    return false;
  int tail = gap < 0 ? 0 : n - gap;
  for (int i = 0; i < 8; i++) {
    int from = gap < 0 || i < gap ? i : i - (8 - tail) + gap;
    uint16_t g = gap >= 0 && i >= gap && i < 8 - tail ? 0 : group[from];
    out[2 * i] = (uint8_t)(g >> 8), out[2 * i + 1] = (uint8_t)g;
  }
  return true;
}

static bool parse(const char *s, Address *a, int *bytes)
{
  static const char local[] = "localhost";
  uint32_t port;
  size_t k = 0;
  *a = (Address){ 0 };
  while (local[k] && s[k] == local[k])
    k++;
  if (*s == '[') {
    s++;
    a->family = AF_INET6_, *bytes = 28;
    if (!parse_v6(&s, a->v6) || *s++ != ']')
      return false;
  } else {
    uint8_t ip[4] = { 127, 0, 0, 1 };
    a->family = AF_INET_, *bytes = 16;
    if (!local[k])
      s += k;
    else if (!parse_v4(&s, ip))
      return false;
    __builtin_memcpy(&a->v4_or_flow, ip, 4);
  }
  if (*s++ != ':' || !number(&s, 10, 65535, &port) || *s)
    return false;
  a->port = big16(port);
  return true;
}

int zw_os_listen(const char *address)
{
  Address a;
  int bytes = 0, on = 1;
  if (!parse(address, &a, &bytes))
    return -OS_EINVAL;
  long fd = zw_sys3(__NR_socket, a.family, STREAM | O_CLOEXEC_, 0);
  if (fd < 0)
    return (int)fd;
  zw_sys6(__NR_setsockopt, fd, SOL_SOCKET_, REUSEADDR, (long)&on, sizeof on, 0);
  long e = zw_sys3(__NR_bind, fd, (long)&a, bytes);
  if (e == 0)
    e = zw_sys2(__NR_listen, fd, BACKLOG);
  if (e == 0)
    return (int)fd;
  zw_os_close((int)fd);
  return (int)e;
}

int zw_os_port(int fd)
{
  Address a = { 0 };
  int bytes = sizeof a;
  long e = zw_sys3(__NR_getsockname, fd, (long)&a, (long)&bytes);
  if (e < 0)
    return (int)e;
  return a.family == AF_INET_ || a.family == AF_INET6_ ? big16(a.port) : -OS_EINVAL;
}
