// The constants that say how much the compiler tries and what it holds dear.  bench/sweep measures other values: it puts a copy of this
// file, with one of them changed, before this folder among the include paths (-DZW_TUNE=DIR).  bench/README.md has its table.
#pragma once

enum {
  TUNE_DEPTH_SHIFT = 3,       // a use at loop depth d weighs 2^(TUNE_DEPTH_SHIFT * d)
  TUNE_LOOP_EXITS = 6,        // exit targets of a loop that are looked at when its bottom is met
  TUNE_FREE_GPR = 2,          // integer registers left to the body at a loop's bottom,
  TUNE_FREE_GPR_DEEP = 3,     // the same when its operand stack grows above three
  TUNE_FREE_FPR = 2,          // and vector registers
  TUNE_SAVE_USES = 7,         // a value with so many uses does not have a register saved on a way that makes no call
  TUNE_SLOT_TRIES = 4,        // free stack slots that are tried before a new one is made
  TUNE_INLINE_OPS = 20,       // a body of so many instructions is read where it is called
  TUNE_INLINE_LOOP_OPS = 20,  // the same when the call is in a loop
  TUNE_INLINE_SELF_OPS = 40,  // the same when it is a function's own body, which is read once in itself
  TUNE_INLINE_DEPTH = 3,      // calls in inlined bodies
  TUNE_INLINE_FREE_OPS = 200, // instructions that inlining may add to every function (or the bytes of the mean body)
  TUNE_EPILOGUES = 4,         // returns that get an epilogue of their own
  TUNE_DISPATCH_LIRS = 16,    // a table dispatch of so many instructions is repeated where a jump would go to it
  TUNE_HOT_LOOP_BYTES = 128,  // loops up to so many bytes are aligned to 32, larger ones to 16
};
