// The call from C into wasm, whatever the function is, and the records of entries in progress: innermost first, per thread.
//
// A host function may leave sideways.  A C++ exception unwinds zw_enter's frame, whose personality unlinks the record.
// longjmp tells nobody: so records lie in memory of the thread, not on the stack, and whoever needs the chain first drops
// what cannot be alive: a record of this stack whose frames are below the stack pointer or no longer hold what they must.
// The words of a skipped frame may survive in unused bytes of newer, deeper frames, and nothing in memory tells the two
// apart then: only who stands at the landing place knows, and says so by zwasm_after_longjmp or by entering wasm from there.
// Records of other stacks (fibers, signal stacks) are left alone.
#include "runtime/vm/vm_int.h"

enum { RECORDS_PER_BLOCK = 32, ERROR_BYTES = 1024 };
typedef struct ThreadBlock {
  struct ThreadBlock *next;
  char error[ERROR_BYTES];
  Activation records[RECORDS_PER_BLOCK];
} ThreadBlock;

_Thread_local ThreadState zw_thread __attribute__((tls_model("initial-exec"), visibility("hidden")));

// ---- the thread's memory ----

// Blocks of threads that have ended, where the host's pthreads tell us of the end.
static ThreadBlock *spare_blocks;
static OsMutex spare_lock;
static unsigned thread_key;
static int key_state; // 0 not made, 1 made, 2 no pthreads
extern int pthread_key_create(unsigned *key, void (*destroy)(void *)) __attribute__((weak));
extern int pthread_setspecific(unsigned key, const void *value) __attribute__((weak));

static void thread_ended(void *p)
{
  ThreadBlock *last = p;
  while (last->next)
    last = last->next;
  zw_os_lock(&spare_lock);
  last->next = spare_blocks;
  spare_blocks = p;
  zw_os_unlock(&spare_lock);
  zw_thread = (ThreadState){ 0 };
}

static ThreadBlock *take_block(void)
{
  zw_os_lock(&spare_lock);
  if (key_state == 0)
    key_state = pthread_key_create && pthread_setspecific && pthread_key_create(&thread_key, thread_ended) == 0 ? 1 : 2;
  ThreadBlock *b = spare_blocks;
  if (b)
    spare_blocks = b->next;
  zw_os_unlock(&spare_lock);
  zw_os_stay_loaded(); // for thread_ended
  if (!b)
    b = zw_alloc(sizeof *b);
  if (b)
    b->next = NULL, b->error[0] = 0;
  return b;
}

static __attribute__((cold)) bool more_records(ThreadState *t)
{
  ThreadBlock *b = take_block();
  if (!b)
    return false;
  if (t->block)
    b->next = t->block->next, t->block->next = b;
  else
    t->block = b;
  if (t->block == b && key_state == 1)
    (void)pthread_setspecific(thread_key, b);
  for (int i = 0; i < RECORDS_PER_BLOCK; i++) {
    b->records[i].prev = t->free;
    t->free = &b->records[i];
  }
  return true;
}

char *zw_thread_error(size_t *bytes)
{
  static char none[ERROR_BYTES]; // zero in the file
  *bytes = ERROR_BYTES;
  if (zw_thread.block || more_records(&zw_thread))
    return zw_thread.block->error;
  zw_format(none, sizeof none, "out of memory");
  return none;
}

// ---- which records live ----

#define NO_ASAN __attribute__((no_sanitize("address"))) /* looks at stack memory that may belong to anybody */

static bool on_stack(const Activation *a, uintptr_t sp) { return sp >= a->stack_low && sp < a->stack_high; }

// Of its own stack and above sp: are the frame that was entered and the host call in progress still what they were?
// Reads stack memory above sp only.
NO_ASAN static bool frame_lives(const Activation *a, uintptr_t sp)
{
  if (a->entry_sp <= sp || ((const uint64_t *)a->entry_sp)[1] != a->serial || ((Activation *const *)a->entry_sp)[2] != a)
    return false;
  return a->exit_frame == 0 || (a->exit_frame > sp && ((Activation *const *)a->exit_frame)[2] == a);
}
static __attribute__((noinline)) void put_away(ThreadState *t, Activation *a)
{
  if (a == t->first) { // as call_x64.S wants it
    a->exit_pc = a->exit_frame = 0, a->host_mxcsr = a->pending = 0, a->walk = NULL;
    return;
  }
  a->prev = t->free;
  t->free = a;
}
static void drop_head(ThreadState *t)
{
  Activation *a = t->head;
  t->head = a->prev;
  put_away(t, a);
}
static void prune(ThreadState *t, uintptr_t sp)
{
  while (t->head && on_stack(t->head, sp) && !frame_lives(t->head, sp))
    drop_head(t);
}

// Frames at and below the caller's stack pointer are gone.
void zw_activation_unwound(uintptr_t sp) { prune(&zw_thread, sp); }

Activation *zw_activation(void) { return zw_thread.head; }
void zw_activation_stamp(uint64_t id)
{
  for (Activation *a = zw_thread.head; a; a = a->prev)
    a->stamp = id;
}

Activation *zw_activation_at(uintptr_t sp)
{
  prune(&zw_thread, sp);
  for (Activation *a = zw_thread.head; a; a = a->prev)
    if (on_stack(a, sp))
      return frame_lives(a, sp) ? a : NULL;
  return NULL;
}
Activation *zw_activation_below(const Activation *a)
{
  for (Activation *b = a->prev; b; b = b->prev)
    if (on_stack(b, a->entry_sp))
      return frame_lives(b, a->entry_sp) ? b : NULL;
  return NULL;
}

void zw_activation_back(Activation *a)
{
  ThreadState *t = &zw_thread;
  bool linked = false;
  for (Activation *b = t->head; b && !linked; b = b->prev)
    linked = b == a;
  while (linked && t->head != a) // fibers that were entered in between and not left: theirs to find out
    drop_head(t);
}

// ---- begin and end ----

// Kept free below the limit: a signal frame (several KiB with wide vectors), host functions, the runtime's own calls.
static size_t headroom(size_t stack)
{
  if (stack >= 256 << 10)
    return 64 << 10;
  return stack / 4 > 16 << 10 ? stack / 4 : 16 << 10;
}

// The deepest that an outermost entry at sp may go.
static uintptr_t limit_from(uintptr_t sp, uintptr_t lowest, const Store *s)
{
  uintptr_t budget = zw_stack_budget(s);
  return sp > budget && sp - budget > lowest ? sp - budget : lowest;
}

static __attribute__((cold)) bool find_stack(ThreadState *t, Activation *a, uintptr_t sp)
{
  a->stack_low = t->stack_low, a->stack_high = t->stack_high;
  if (on_stack(a, sp))
    return true;
  bool lasting;
  if (!zw_os_stack_bounds(&a->stack_low, &a->stack_high, &lasting) || !on_stack(a, sp))
    return false;
  if (lasting) {
    t->stack_low = a->stack_low, t->stack_high = a->stack_high;
    t->lowest = a->stack_low + headroom(a->stack_high - a->stack_low);
  }
  return true;
}

// The deepest that wasm may go.  A nested entry keeps the limit of the outer one: the budget is per stack.
static __attribute__((cold)) bool set_stack(ThreadState *t, Activation *a, uintptr_t sp, const Store *s)
{
  for (const Activation *b = a->prev; b; b = b->prev)
    if (on_stack(b, sp)) {
      a->stack_low = b->stack_low, a->stack_high = b->stack_high, a->stack_limit = b->stack_limit;
      return true;
    }
  if (!find_stack(t, a, sp))
    return false;
  a->stack_limit = limit_from(sp, a->stack_low + headroom(a->stack_high - a->stack_low), s);
  return true;
}

// One by one, and only what is read before it is written: this is the way of every call.
static Activation *link_record(ThreadState *t, Activation *a, VmCtx *v, bool plain)
{
  a->prev = t->head, a->vmctx = v, a->plain = plain;
  a->exit_pc = a->exit_frame = 0, a->host_mxcsr = a->pending = 0, a->walk = NULL;
  a->serial = t->serial += SERIAL_STEP;
  return t->head = a;
}

// Where call_x64.S may enter from now on, and with which record.
static __attribute__((cold)) void choose_first(ThreadState *t)
{
  Activation *a = t->free;
  uintptr_t floor = t->lowest + ACTIVATION_LEAST_STACK;
  if (!a || floor >= t->stack_high)
    return;
  t->free = a->prev;
  *a = (Activation){ .stack_low = t->stack_low, .stack_high = t->stack_high, .serial = t->serial += SERIAL_STEP }; // it counts on by itself
  t->first = a, t->floor = floor, t->span = t->stack_high - floor;
}

static __attribute__((noinline, cold)) Activation *begin_slowly(VmCtx *v, bool plain, uintptr_t sp, const char **why)
{
  ThreadState *t = &zw_thread;
  prune(t, sp);
  if (!t->free && !more_records(t)) {
    *why = "out of memory";
    return NULL;
  }
  Activation *a = t->free, *next = a->prev;
  a->prev = t->head;
  if (!set_stack(t, a, sp, v->store) || sp < a->stack_limit + ACTIVATION_LEAST_STACK) {
    bool small = a->stack_high - a->stack_low < 64 << 10;
    *why = small ? "this thread's stack is too small to run wasm; 64 KiB is the least" : "not enough stack left to enter wasm";
    a->prev = next;
    return NULL;
  }
  t->free = next;
  if (!t->first && t->stack_high)
    choose_first(t);
  return link_record(t, a, v, plain);
}

// Fast: no entry is in progress on this thread, and it is on its own stack.
Activation *zw_activation_begin(VmCtx *v, bool plain, const char **why)
{
  ThreadState *t = &zw_thread;
  uintptr_t sp = (uintptr_t)__builtin_frame_address(0);
  if (t->head || sp - t->stack_low >= t->stack_high - t->stack_low || !t->free)
    return begin_slowly(v, plain, sp, why);
  Activation *a = t->free;
  uintptr_t limit = limit_from(sp, t->lowest, v->store);
  if (sp < limit + ACTIVATION_LEAST_STACK)
    return begin_slowly(v, plain, sp, why);
  t->free = a->prev;
  a->stack_low = t->stack_low, a->stack_high = t->stack_high, a->stack_limit = limit;
  return link_record(t, a, v, plain);
}

// The unwinder's question to zw_enter's frame: what to do about an exception?  Nothing, but the entry is over.
extern uintptr_t _Unwind_GetCFA(void *context) __attribute__((weak));
int zw_personality(int version, int actions, uint64_t class_, void *exception, void *context)
{
  enum { CLEANUP_PHASE = 2, CONTINUE_UNWIND = 8, PUSHED = 7 * 8 + 24 };
  (void)version, (void)class_, (void)exception;
  if (actions & CLEANUP_PHASE && _Unwind_GetCFA) {
    uintptr_t entry_sp = _Unwind_GetCFA(context) - PUSHED;
    zw_activation_end(((Activation **)entry_sp)[2]);
  }
  return CONTINUE_UNWIND;
}

static __attribute__((noinline, cold)) void end_slowly(Activation *a)
{
  ThreadState *t = &zw_thread;
  zw_activation_back(a);
  Activation **p = &t->head;
  while (*p && *p != a)
    p = &(*p)->prev;
  if (!*p)
    return;
  *p = a->prev;
  put_away(t, a);
}
static inline void end(Activation *a)
{
  if (zw_thread.head == a) // nearly always
    drop_head(&zw_thread);
  else
    end_slowly(a);
}
void zw_activation_end(Activation *a) { end(a); }

// ---- the call from C ----

typedef struct CCall { FuncRef *f; Value *args; } CCall;

static void call_host(void *p)
{
  const CCall *c = p;
  HostFunc *h = (HostFunc *)(void *)c->f->vmctx;
  h->fn(h->env, &h->head, c->args);
  if (zw_thread.head->pending)
    zw_trap_pending(zw_thread.head, &h->head);
}
static void call_interp(void *p)
{
  const CCall *c = p;
  Instance *in = c->f->vmctx->instance;
  in->image->interp(in, c->f->func, c->args);
}

// call_x64.S is the quick way in; this one is for all others, and small.
static __attribute__((noinline)) TrapKind call(FuncRef *f, Value *args, bool plain)
{
  VmCtx *v = f->vmctx;
  const char *why;
  Activation *a = zw_activation_begin(v, plain, &why);
  if (!a) {
    zw_trap_note(v->store, TRAP_stack_overflow, why);
    return TRAP_stack_overflow;
  }
  uintptr_t limit = v->stack_limit;
  Activation *outer = v->activation;
  v->stack_limit = a->stack_limit;
  v->activation = a;
  uint32_t trap;
  if (f->entry) {
    trap = zw_enter(a, args, f->code, v, f->entry);
  } else {
    CCall c = { f, args };
    CHECK(v->is_host || v->instance->image->interp);
    trap = v->is_host ? zw_enter_c(a, &c, call_host) : zw_enter(a, (Value *)(void *)&c, NULL, v, (void *)(uintptr_t)call_interp);
  }
  end(a);
  v->stack_limit = limit;
  v->activation = outer;
  return (TrapKind)trap;
}

TrapKind zw_call(FuncRef *f, Value *args) { return call(f, args, false); }

void zw_call_plain(FuncRef *f, Value *args)
{
  TrapKind k = call(f, args, true);
  if (k != TRAP_none) // only a refused entry comes here: a trap inside has passed over this frame
    zw_raise(f->vmctx, k, zw_store_trap(f->vmctx->store)->text);
}

TrapKind zw_try(Instance *in, void (*fn)(void *arg), void *arg)
{
  const char *why;
  Activation *a = zw_activation_begin(in->vmctx, false, &why);
  if (!a) {
    zw_trap_note(in->store, TRAP_stack_overflow, why);
    return TRAP_stack_overflow;
  }
  uint32_t trap = zw_enter_c(a, arg, fn);
  end(a);
  return (TrapKind)trap;
}
