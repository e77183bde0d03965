// Functions through P2, P3 and P4 on several threads.  The result is in function order, whatever ran when.
#pragma once
#include "compiler/driver/compile.h"

// zw_check_module with its bodies on several threads: the same facts, the same first error.
void zw_check_on_threads(Ctx *ctx, Module *m, uint32_t threads);

typedef struct Jobs Jobs;
// Compile every defined function of m.  codes[k]: the code of defined function k, valid until zw_jobs_placed(k) or zw_jobs_free,
// which must be called: the blob does when its text is written.
// The first error is that of the lowest function index.  It leaves through ctx; nothing is left behind then.
const PackedCode **zw_jobs_run(Ctx *ctx, const Module *m, const Target *t, const CodeOptions *o, uint32_t threads, bool timed, PassTimes *times, Jobs **out);
void zw_jobs_placed(void *jobs, uint32_t k); // codes[k] and those below are not wanted any more; ascending
void zw_jobs_free(void *jobs);
