// The constants that say how much the compiler tries and what it holds dear.  Each was chosen by bench/sweep over all programs;
// bench/README.md has its table.  To sweep one, a build with -DZW_TUNE=DIR takes DIR/zw_tune.h, which may define any of them.
#pragma once
#ifdef ZW_TUNE
#include "zw_tune.h"
#endif

// a use at loop depth d weighs 2^(TUNE_DEPTH_SHIFT * d)
#ifndef TUNE_DEPTH_SHIFT
#define TUNE_DEPTH_SHIFT 3
#endif
// exit targets of a loop that are looked at when its bottom is met
#ifndef TUNE_LOOP_EXITS
#define TUNE_LOOP_EXITS 6
#endif
// integer registers left to the body at a loop's bottom, when its operand stack stays low and when it does not; vector registers
#ifndef TUNE_FREE_GPR
#define TUNE_FREE_GPR 2
#endif
#ifndef TUNE_FREE_GPR_DEEP
#define TUNE_FREE_GPR_DEEP 3
#endif
#ifndef TUNE_FREE_FPR
#define TUNE_FREE_FPR 2
#endif
// free stack slots that are tried before a new one is made
#ifndef TUNE_SLOT_TRIES
#define TUNE_SLOT_TRIES 4
#endif
// a body of so many instructions is read where it is called; more when the call is in a loop
#ifndef TUNE_INLINE_OPS
#define TUNE_INLINE_OPS 20
#endif
#ifndef TUNE_INLINE_LOOP_OPS
#define TUNE_INLINE_LOOP_OPS 40
#endif
#ifndef TUNE_INLINE_DEPTH
#define TUNE_INLINE_DEPTH 3
#endif
// instructions that inlining may add to every function, whatever its size
#ifndef TUNE_INLINE_FREE_OPS
#define TUNE_INLINE_FREE_OPS 200
#endif
// returns that get an epilogue of their own
#ifndef TUNE_EPILOGUES
#define TUNE_EPILOGUES 4
#endif
// a table dispatch of so many instructions is repeated where a jump would go to it
#ifndef TUNE_DISPATCH_LIRS
#define TUNE_DISPATCH_LIRS 16
#endif
// loops up to so many bytes are aligned to 32, larger ones to 16
#ifndef TUNE_HOT_LOOP_BYTES
#define TUNE_HOT_LOOP_BYTES 128
#endif
