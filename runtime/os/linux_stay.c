// A shared library that has the runtime in it must not be unloaded once others know addresses of its code: the kernel the
// fault handler's, pthreads the one that is called when a thread ends.  dlclose() would leave both pointing at nothing,
// and the host's own handler unreachable behind ours.  So the library is marked as one that stays, which is what dlopen
// does for RTLD_NODELETE; where the host has no dlopen there is nothing to unload.  dlopen is asked for by dlsym, as linkers
// warn of static programs that name it.
#include "runtime/os/linux.h"

enum { RTLD_LAZY_ = 1, RTLD_NOLOAD_ = 4, RTLD_NODELETE_ = 0x1000, AT_PHDR_ = 3, PAGE_ = 4096 }; // glibc and musl agree
typedef struct HostDlInfo { const char *file; void *base; const char *symbol; void *address; } HostDlInfo;
extern int dladdr(const void *at, HostDlInfo *info) __attribute__((weak));
extern void *dlsym(void *handle, const char *name) __attribute__((weak));
extern unsigned long getauxval(unsigned long type) __attribute__((weak));
extern int *__errno_location(void) __attribute__((weak));

// Without a lock of ours, for dlopen has its own; that two threads do it at once does no harm.
void zw_os_stay_loaded(void)
{
  static int done;
  HostDlInfo info;
  if (!dladdr || !dlsym || !getauxval || __atomic_exchange_n(&done, 1, __ATOMIC_RELAXED))
    return;
  int *host_errno = __errno_location ? __errno_location() : NULL, before = host_errno ? *host_errno : 0;
  // The program itself, whose headers the kernel has told us of, is never unloaded.
  if (dladdr((const void *)&done, &info) && info.file && (uintptr_t)info.base != (getauxval(AT_PHDR_) & ~(PAGE_ - 1ul))) {
    void *(*dlopen)(const char *file, int mode) = (void *(*)(const char *, int))dlsym(NULL /* RTLD_DEFAULT */, "dlopen");
    if (dlopen)
      (void)dlopen(info.file, RTLD_LAZY_ | RTLD_NOLOAD_ | RTLD_NODELETE_);
  }
  if (host_errno)
    *host_errno = before;
}
