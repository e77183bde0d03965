// Forced into every file of runtime/os when it is built for these tests: its system calls go through zw_test_sys6, so
// that a test can fail the k-th, shorten it, or be a kernel that lacks one.  The runtime itself is not changed for it.
#pragma once
#include "runtime/os/linux.h"
long zw_test_sys6(long n, long a, long b, long c, long d, long e, long f);
#define zw_sys6 zw_test_sys6
