// A guest without an engine: a context, memory that ends at an unmapped page, and every WASI call by number.
#pragma once
#include "runtime/wasi/wasi_int.h"
#include <stdio.h>

typedef struct P1Row { const char *name, *sig; HostFn fn; } P1Row;
enum {
#define P1(name, sig) C_##name,
#include "runtime/wasi/p1.def"
  P1_COUNT
};
extern const P1Row p1_rows[P1_COUNT];

enum { MEM_BYTES = 1 << 18, MAX_ARGS = 9 };
extern Wasi *rig_w;
extern uint8_t *rig_mem;              // MEM_BYTES of them; the page behind faults, and so does the one before
void rig_make_memory(void);
void rig_use_memory(uint8_t *base, uint64_t bytes); // another one
uint32_t rig_call(int which, const uint64_t *args, size_t n);
#define ARGS(...) (uint64_t[]){ __VA_ARGS__ }, sizeof((uint64_t[]){ __VA_ARGS__ }) / 8
#define CALL(name, ...) rig_call(C_##name, ARGS(__VA_ARGS__))
uint32_t rig_put(uint32_t at, const char *s, size_t n);
// Places in guest memory that the tests share.
enum { AT_PATH = 0x1000, AT_PATH2 = 0x3000, AT_OUT = 0x100, AT_IOV = 0x800, AT_BUF = 0x8000, BUF_BYTES = 0x8000 };
#define PATH(s) rig_put(AT_PATH, (s), strlen(s)), strlen(s)
#define PATH2(s) rig_put(AT_PATH2, (s), strlen(s)), strlen(s)
static inline uint32_t rig_out32(void) { return zw_get32(rig_mem + AT_OUT); }
static inline uint64_t rig_out64(void) { return zw_get64(rig_mem + AT_OUT); }
uint32_t rig_iov(uint32_t at, uint32_t ptr, uint32_t len);
const char *rig_errno_name(uint32_t e);
enum { O_CREAT_W = 1, O_DIRECTORY_W = 2, O_EXCL_W = 4, O_TRUNC_W = 8 };

// Every system call of runtime/os passes here; NULL = straight to the kernel.  *answered: the hook's result is the
// answer.
typedef long SysHook(long n, long a[6], bool *answered);
extern SysHook *rig_sys;
long rig_kernel(long n, const long a[6]);
SysHook rig_no_openat2;               // a kernel that has no such call

// ---- the host's side ----
extern char rig_top[64];              // a fresh directory of this process, in memory where the machine has such a place
void rig_new_top(void);               // made and entered
void rig_remove_top(void);
// Runs fn(arg) in a process of its own and a fresh rig_top, where it cannot change anything but what is below rig_top
// and is not root; answers with its result.  RIG_SKIPPED: this machine cannot promise that, and fn was not run.
// Nothing that tries to escape may run outside of this.
enum { RIG_SKIPPED = 77 };
int rig_fenced(int (*fn)(void *arg), void *arg);
void rig_write_file(const char *path, const char *text);
void rig_remove(const char *path);    // with all that is below
int rig_open_fds(void);               // of this process

// ---- what stands at a place of the host, for comparing: names, kinds, identities, contents ----
typedef struct Snapshot { char *text; size_t n, cap; } Snapshot;
// times: modification and status change too, so that a change that was undone shows.
void rig_snapshot(Snapshot *s, const char *path, bool times);
bool rig_same(const Snapshot *a, const Snapshot *b);
// The identities below some places.
typedef struct Id { uint64_t dev, ino; } Id;
typedef struct IdSet { Id *p; size_t n, cap; } IdSet;
void rig_ids(IdSet *set, const char *path); // adds
uint64_t rig_dev(uint64_t st_dev);          // a device's number as guests see it
bool rig_has_id(const IdSet *set, uint64_t dev, uint64_t ino);

// ---- counting ----
extern unsigned long rig_failures;
void rig_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2))); // prints the first few, counts all
#define EXPECT(c, ...) ((c) ? (void)0 : rig_fail(__VA_ARGS__))
uint64_t rig_random(void);            // the same numbers each time
extern uint64_t rig_seed;
