// THE contract with the operating system.  Everything above uses only this; linux.c implements it with
// raw system calls (no libc symbol, host errno untouched), so that it runs before and without any libc.
// Failing calls return a negative OsErr (or NULL); nothing here allocates except the mapping calls.
#pragma once
#include "runtime/base/assert.h"

// ---- pages; sizes are multiples of zw_os_page_size() ----
size_t zw_os_page_size(void);
void *zw_os_map(size_t bytes);                     // read-write, zeroed; NULL = refused.  Asks zw_alloc_should_fail
void *zw_os_reserve(size_t bytes);                 // PROT_NONE, NORESERVE, DONTDUMP; NULL = refused
bool zw_os_commit(void *p, size_t bytes) MUST_CHECK;   // reserve -> read-write
bool zw_os_decommit(void *p, size_t bytes) MUST_CHECK; // back to PROT_NONE, contents gone
void zw_os_unmap(void *p, size_t bytes);
void zw_os_discard(void *p, size_t bytes);         // read-write pages whose contents nobody wants: they read as zeros
bool zw_os_mapped(const void *p, size_t bytes);    // may all of it be read?  (Says yes of pages without access.)
// A mapping of zw_os_map becomes longer or shorter and may move; what is new is zero.  NULL = refused, p is as it was.
void *zw_os_remap(void *p, size_t bytes, size_t new_bytes);
// Code: map read-write, fill, then seal (read-execute for ever).  Never both.
void *zw_os_code_map(size_t bytes);
bool zw_os_code_seal(void *p, size_t bytes) MUST_CHECK;
bool zw_os_protect_read(void *p, size_t bytes) MUST_CHECK;
// Code that grows while it runs: `bytes` of zeros, read-write at *write, of which the first `text` appear at *run too, read-execute:
// no address is ever both.  Costs what is touched.  Not for a process that forks: the child would write to the same memory.
bool zw_os_code_pair(size_t text, size_t bytes, uint8_t **write, uint8_t **run) MUST_CHECK;

// ---- process ----
_Noreturn void zw_os_exit(int code);
_Noreturn void zw_os_abort(void);
void zw_os_write_err(const char *s, size_t n);     // best effort, to stderr
// The lowest address that the stack in use may reach, and its top; from the host's pthreads when linked (weak), else
// /proc/self/maps.  *lasting: it is the thread's own stack, so the answer may be kept; a fiber's is not.
bool zw_os_stack_bounds(uintptr_t *low, uintptr_t *high, bool *lasting);
typedef struct OsCpu { uint64_t bits; } OsCpu;     // CPU_* of abi/image.h
uint64_t zw_os_cpu_bits(void);
uint64_t zw_os_cpu_missing(uint64_t wanted); // those of `wanted` that this CPU lacks; asks the CPU for as little as that takes

// ---- faults: ours are pc in registered text and address in a registered reservation; others are chained ----
typedef struct OsFault { uintptr_t pc, sp, address; uintptr_t *regs; /* general registers by machine number, writable */ bool write; } OsFault;
// Called in the signal handler; true = handled, the context (regs, pc, sp) has been edited.
typedef bool (*OsFaultHandler)(OsFault *f, uintptr_t *pc, uintptr_t *sp);
bool zw_os_install_fault_handler(OsFaultHandler h); // once per process; keeps the previous action.  The first h stays
void zw_os_stay_loaded(void); // from now on addresses of our code are known to others: a library we are in is not unloaded any more
// For hosts that own SIGSEGV: hand a signal's arguments over; true = it was ours and the context has been edited.
bool zw_os_handle_fault(int sig, void *siginfo, void *context);

// ---- files, for WASI and the tools: raw descriptors, results >= 0 or -errno ----
long zw_os_syscall(long n, long a, long b, long c, long d, long e, long f);
int zw_os_open_read(const char *path);             // for the tools
long zw_os_read(int fd, void *p, size_t n);
long zw_os_write(int fd, const void *p, size_t n); // EPIPE instead of SIGPIPE is the caller's affair
int zw_os_close(int fd);
int64_t zw_os_file_size(int fd);
// clock ids of WASI: 0 realtime 1 monotonic 2 process cpu 3 thread cpu; nanoseconds
int zw_os_clock(int id, uint64_t *ns);
int zw_os_clock_res(int id, uint64_t *ns);
int zw_os_random(void *p, size_t n);

// ---- threads and waiting ----
bool zw_os_wait32(const uint32_t *p, uint32_t expected, int64_t timeout_ns); // futex; spurious wake-ups allowed
void zw_os_wake(const uint32_t *p, uint32_t count);
typedef struct OsMutex { uint32_t state; } OsMutex;
void zw_os_lock(OsMutex *m);
void zw_os_unlock(OsMutex *m);
