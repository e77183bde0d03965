// Does our message mean what the suite expects?  Ours must begin with the expected text, as the suite's own rule says;
// where the wording differs by design the two tables below say so, and nothing else is accepted.
#include "tools/zwasm/wast.h"
#include "runtime/base/bits.h"

// Expected text that names a class by other words than ours do: any of our texts that begins so will do.
static const struct { const char *expected, *ours; } same_class[] = {
#define SAME(expected, ours) { expected, ours },
#define EXCEPTION(file, expected, ours, why)
#include "tools/zwasm/wast_messages.def"
};
// Single places where another message is right: file, expected text, ours.
static const struct { const char *file, *expected, *ours; } exceptions[] = {
#define SAME(expected, ours)
#define EXCEPTION(file, expected, ours, why) { file, expected, ours },
#include "tools/zwasm/wast_messages.def"
};
STATIC_ASSERT(ARRAY_COUNT(same_class) + ARRAY_COUNT(exceptions) <= 20, "few exceptions, each with its reason");

static bool begins(const char *text, const char *with, size_t n) { return strncmp(text, with, n) == 0; }

static bool str_is(Str s, const char *t) { return s.n == strlen(t) && memcmp(s.p, t, s.n) == 0; }

static bool ends(const char *text, const char *with)
{
  size_t n = strlen(text), k = strlen(with);
  return n >= k && strcmp(text + n - k, with) == 0;
}

bool zw_wast_message_ok(Str expected, const char *ours)
{
  if (begins(ours, expected.p ? expected.p : "", expected.n))
    return true;
  for (size_t i = 0; i < ARRAY_COUNT(same_class); i++)
    if (str_is(expected, same_class[i].expected) && begins(ours, same_class[i].ours, strlen(same_class[i].ours)))
      return true;
  return false;
}

bool zw_wast_is_message_exception(const char *file, Str expected, const char *ours)
{
  for (size_t i = 0; i < ARRAY_COUNT(exceptions); i++)
    if (ends(file, exceptions[i].file) && str_is(expected, exceptions[i].expected) &&
        begins(ours, exceptions[i].ours, strlen(exceptions[i].ours)))
      return true;
  return false;
}
