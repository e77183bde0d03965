// Two wrong resolvers in the place of the right one (the linker's --wrap): a test of the sandbox that passes with these
// proves nothing.  They do escape: only behind rig_fenced.
#pragma once
typedef enum Naive {
  NAIVE_OFF,            // the runtime's own
  NAIVE_LEXICAL,        // counts ".." in the text, then leaves links to the kernel
  NAIVE_CHECK_THEN_USE, // resolves rightly to see whether it may, then uses the text again
} Naive;
extern Naive naive;
