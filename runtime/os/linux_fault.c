// SIGSEGV, as a good guest in somebody else's process: the handler decides by pc and address (runtime/vm does), edits
// pc and registers in the context and returns, so the kernel restores the mask and the alternate stack's state by
// itself.  Everything that is not ours goes to whatever action was there before, as the kernel would have called it.
//
// Installed with the host's sigaction where a libc is linked (weak), so that the host's own bookkeeping and the
// sanitizers see it; else raw, with the restorer's bytes that unwinders recognise.
#include "runtime/os/linux.h"

enum { SA_SIGINFO_ = 4, SA_ONSTACK_ = 0x08000000, SA_NODEFER_ = 0x40000000, SA_RESETHAND_ = (int)0x80000000, SA_RESTORER_ = 0x04000000 };
enum { SEGV_MAPERR_ = 1, SEGV_ACCERR_ = 2 };
#define SIG_DFL_ ((void *)0)
#define SIG_IGN_ ((void *)1)

// glibc and musl on x86_64 and aarch64 agree on this one.
typedef struct HostSigaction { void *handler; uint64_t mask[16]; int flags; void *restorer; } HostSigaction;
extern int sigaction(int sig, const HostSigaction *act, HostSigaction *old) __attribute__((weak));

typedef struct KernelSiginfo { int sig, err, code, pad; uintptr_t address; } KernelSiginfo;

#ifdef __x86_64__
typedef struct KernelContext { // struct ucontext up to the general registers
  uint64_t flags, link, stack[3];
  uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags, segments, err, trapno, oldmask, cr2;
} KernelContext;
enum { ERR_WRITE = 2 };

// The bytes (mov $15, %rax; syscall) are what libgcc and gdb look for to see a signal frame.
__asm__(".text\n.balign 16\nnop\n.type zw_os_restore_rt,@function\nzw_os_restore_rt:\n"
        "\tmov $15, %rax\n\tsyscall\n.size zw_os_restore_rt,.-zw_os_restore_rt\n");
extern char zw_os_restore_rt[] __attribute__((visibility("hidden")));

static void read_regs(const KernelContext *c, uintptr_t *r)
{
  uintptr_t v[16] = { c->rax, c->rcx, c->rdx, c->rbx, c->rsp, c->rbp, c->rsi, c->rdi,
                      c->r8,  c->r9,  c->r10, c->r11, c->r12, c->r13, c->r14, c->r15 };
  for (int i = 0; i < 16; i++)
    r[i] = v[i];
}
static void write_regs(KernelContext *c, const uintptr_t *r)
{
  c->rax = r[0], c->rcx = r[1], c->rdx = r[2], c->rbx = r[3], c->rbp = r[5], c->rsi = r[6], c->rdi = r[7], c->r8 = r[8];
  c->r9 = r[9], c->r10 = r[10], c->r11 = r[11], c->r12 = r[12], c->r13 = r[13], c->r14 = r[14], c->r15 = r[15];
}
#endif

static OsFaultHandler handler;
static HostSigaction previous;
static OsMutex install_lock;

static void set_action(int sig, const HostSigaction *act)
{
  if (sigaction) {
    sigaction(sig, act, NULL);
    return;
  }
  KernelSigaction k = { act->handler, (unsigned)act->flags | SA_RESTORER_, zw_os_restore_rt, act->mask[0] };
  zw_sys4(SYS_rt_sigaction, sig, (long)&k, 0, 8);
}

bool zw_os_handle_fault(int sig, void *siginfo, void *context)
{
  const KernelSiginfo *info = siginfo;
  KernelContext *c = context;
  OsFaultHandler h = __atomic_load_n(&handler, __ATOMIC_ACQUIRE);
  // A signal that was sent, or a fault whose address the processor does not tell, is never ours.
  if (!h || sig != SIGSEGV_ || (info->code != SEGV_MAPERR_ && info->code != SEGV_ACCERR_))
    return false;
  uintptr_t regs[16];
  read_regs(c, regs);
  OsFault f = { c->rip, c->rsp, info->address, regs, (c->err & ERR_WRITE) != 0 };
  uintptr_t pc = f.pc, sp = f.sp;
  if (!h(&f, &pc, &sp))
    return false;
  write_regs(c, regs);
  c->rip = pc, c->rsp = sp;
  return true;
}

// As the kernel would have: with its mask, and forgotten after one call if it asked for that.
static void call_previous(int sig, KernelSiginfo *info, void *context)
{
  HostSigaction was = previous;
  if (was.handler == SIG_DFL_ || was.handler == SIG_IGN_) {
    // The fault happens again under the default action; a signal that was sent must be sent again.
    HostSigaction dfl = { .handler = SIG_DFL_ };
    if (was.handler == SIG_IGN_ && info->code <= 0)
      return;
    set_action(sig, &dfl);
    if (info->code <= 0)
      zw_sys3(SYS_tgkill, zw_sys0(SYS_getpid), zw_sys0(SYS_gettid), sig);
    return;
  }
  if (was.flags & SA_RESETHAND_)
    previous.handler = SIG_DFL_;
  uint64_t mask = was.mask[0] | (was.flags & SA_NODEFER_ ? 0 : 1ull << (sig - 1));
  zw_sys4(SYS_rt_sigprocmask, SIG_BLOCK_, (long)&mask, 0, sizeof mask); // the context restores it
  if (was.flags & SA_SIGINFO_)
    ((void (*)(int, KernelSiginfo *, void *))was.handler)(sig, info, context);
  else
    ((void (*)(int))was.handler)(sig);
}

static void on_signal(int sig, KernelSiginfo *info, void *context)
{
  if (!zw_os_handle_fault(sig, info, context))
    call_previous(sig, info, context);
}

bool zw_os_install_fault_handler(OsFaultHandler h)
{
  bool ok = true;
  zw_os_lock(&install_lock);
  if (!handler) {
    HostSigaction act = { .handler = (void *)on_signal, .flags = SA_SIGINFO_ | SA_ONSTACK_ | SA_NODEFER_ };
    __atomic_store_n(&handler, h, __ATOMIC_RELEASE);
    if (sigaction) {
      ok = sigaction(SIGSEGV_, &act, &previous) == 0;
    } else {
      KernelSigaction old = { 0 }, k = { act.handler, (unsigned)act.flags | SA_RESTORER_, zw_os_restore_rt, 0 };
      ok = zw_sys4(SYS_rt_sigaction, SIGSEGV_, (long)&k, (long)&old, 8) == 0;
      previous = (HostSigaction){ .handler = old.handler, .mask = { old.mask }, .flags = (int)old.flags };
    }
    if (!ok)
      __atomic_store_n(&handler, NULL, __ATOMIC_RELEASE);
  }
  zw_os_unlock(&install_lock);
  zw_os_stay_loaded();
  return ok;
}
