// Scenarios: one call each, in a world made for it, and what must be true after it.
#pragma once
#include "rig.h"

enum { BOX = 3, FILE_FD = 4, STREAM = 5, LISTENER = 6, DIR_FD = 7, GUEST_FDS = 5 };
#define TEXT "0123456789abcdefghijklmnopqrstuvwxyz" // of every file
enum { TEXT_BYTES = sizeof TEXT - 1 };

enum {
  OPENS = 1,  // the guest has one descriptor more then
  CLOSES = 2, // one less
  GIVEN = 4,  // the one more was open before, on the host
  MAKES = 8,  // opening makes or empties a file, and looking at it comes after that
  ONCE = 16,  // a second call has nothing left to do
};
typedef struct Scenario {
  const char *name;
  uint32_t (*fn)(void);
  bool (*right)(void); // after success; NULL: the call is wrong, and must fail
  int kind;
} Scenario;
extern const Scenario scenarios[];
extern const int nscenarios;
const Scenario *scenario(const char *name);

void make_world(void); // rig_w, the folder "box", sockets
void end_world(void);
uint32_t guest_fds(void);          // open ones
bool same_text(const char *path); // the file holds TEXT
