/* wasi.h: what a guest may have of its host through WASI preview 1.  C99 and C++98; needs zwasm_rt.h beside it.

   A configuration is made, filled, given to an instance as options.wasi, and deleted after the instance.  One serves one
   instance, or several that are linked, at a time.  Nothing is granted that is not named here: no argument, variable,
   stream, file, socket or working directory.

     zwasm_options_t o = ZWASM_OPTIONS_INIT;
     o.wasi = zwasm_wasi_new();
     zwasm_wasi_arg(o.wasi, "calc");
     zwasm_wasi_inherit_stdio(o.wasi);
     zwasm_wasi_preopen_dir(o.wasi, "/srv/data", "/data", ZWASM_DIR_READ | ZWASM_FILE_READ);
     calc *c = calc_new(&o);

   Calls answer nonzero for success unless they say otherwise; none touches errno.  What is opened here is opened with the
   rights of the process, links followed; paths of the guest are resolved below it and never leave it.

   Some names below are also there as other runtimes spell them (wasi_config_...): a program that configures wasi with
   those needs no change. */
#ifndef ZWASM_WASI_H
#define ZWASM_WASI_H
#include "zwasm_rt.h"
#ifdef __cplusplus
extern "C" {
#endif

/* zwasm_rt.h has the ones that every program needs: zwasm_wasi_new, _delete, _arg, _env, _preopen, _inherit_stdio,
   _stdio_fd (the host's descriptor stays the host's: it is neither closed nor are its flags changed). */

/* ---- arguments and variables: whole lists, in place of what was there ---- */
int zwasm_wasi_set_args(zwasm_wasi_t *, size_t n, const char *const *args);
int zwasm_wasi_set_env(zwasm_wasi_t *, size_t n, const char *const *names, const char *const *values);
int zwasm_wasi_inherit_args(zwasm_wasi_t *);    /* those of the process */
int zwasm_wasi_inherit_env(zwasm_wasi_t *);     /* all of the process: rarely what one wants */

/* ---- standard streams, guest_fd 0, 1 or 2; the last one given counts.  Input cannot be written, output not read. ---- */
int zwasm_wasi_stdio_file(zwasm_wasi_t *, int guest_fd, const char *path); /* 1 and 2: made or emptied */
int zwasm_wasi_stdin_bytes(zwasm_wasi_t *, const void *bytes, size_t n);   /* copied */
/* Functions of the host: they answer how many bytes were read or taken, 0 = end of input, negative = an error (EIO for the
   guest).  They may be asked for less than the guest wants and are called on the guest's thread; they must not unwind.
   done(arg) is called when the stream is closed, by the guest or with the configuration; it may be NULL. */
typedef ptrdiff_t (*zwasm_wasi_read_fn)(void *arg, void *bytes, size_t n);
typedef ptrdiff_t (*zwasm_wasi_write_fn)(void *arg, const void *bytes, size_t n);
int zwasm_wasi_stdin_fn(zwasm_wasi_t *, zwasm_wasi_read_fn, void *arg, void (*done)(void *arg));
int zwasm_wasi_stdout_fn(zwasm_wasi_t *, int guest_fd /* 1 2 */, zwasm_wasi_write_fn, void *arg, void (*done)(void *arg));

/* Of what goes to a terminal as guest_fd (1 or 2): text, colours and movements of the cursor pass, other escape sequences
   are shown instead of sent.  Success also where it is no terminal. */
int zwasm_wasi_tty_safe(zwasm_wasi_t *, int guest_fd);

/* ---- directories, from descriptor 3 on in the order given ---- */
enum {
  ZWASM_DIR_READ = 1,         /* list it */
  ZWASM_DIR_WRITE = 2,        /* make, rename, link and remove in it */
  ZWASM_FILE_READ = 4,
  ZWASM_FILE_WRITE = 8,       /* contents, sizes, times */
  ZWASM_DIR_ALL = 15
};
int zwasm_wasi_preopen_dir(zwasm_wasi_t *, const char *host_dir, const char *guest_name, unsigned allow);

/* ---- sockets and other descriptors: the number that the guest has it under, or negative (-errno of the host).  After the
   directories: guests look for those from 3 on and stop at the first that is none. ---- */
int zwasm_wasi_give_fd(zwasm_wasi_t *, int host_fd);             /* stays yours */
int zwasm_wasi_listen(zwasm_wasi_t *, const char *address);      /* TCP: "127.0.0.1:80", "[::1]:80", "localhost:0" */

/* ---- the same under the names that other runtimes have ---- */
typedef zwasm_wasi_t wasi_config_t;
typedef uint8_t wasi_dir_perms;
typedef uint8_t wasi_file_perms;
enum wasi_dir_perms_flags { WASMTIME_WASI_DIR_PERMS_READ = 1, WASMTIME_WASI_DIR_PERMS_WRITE = 2 };
enum wasi_file_perms_flags { WASMTIME_WASI_FILE_PERMS_READ = 1, WASMTIME_WASI_FILE_PERMS_WRITE = 2 };
static inline wasi_config_t *wasi_config_new(void) { return zwasm_wasi_new(); }
static inline void wasi_config_delete(wasi_config_t *c) { zwasm_wasi_delete(c); }
static inline int wasi_config_set_argv(wasi_config_t *c, size_t n, const char *argv[]) { return zwasm_wasi_set_args(c, n, argv); }
static inline int wasi_config_inherit_argv(wasi_config_t *c) { return zwasm_wasi_inherit_args(c); }
static inline int wasi_config_set_env(wasi_config_t *c, size_t n, const char *names[], const char *values[])
{
  return zwasm_wasi_set_env(c, n, names, values);
}
static inline int wasi_config_inherit_env(wasi_config_t *c) { return zwasm_wasi_inherit_env(c); }
static inline int wasi_config_set_stdin_file(wasi_config_t *c, const char *path) { return zwasm_wasi_stdio_file(c, 0, path); }
static inline int wasi_config_set_stdin_bytes(wasi_config_t *c, const void *p, size_t n) { return zwasm_wasi_stdin_bytes(c, p, n); }
static inline int wasi_config_inherit_stdin(wasi_config_t *c) { return zwasm_wasi_stdio_fd(c, 0, 0); }
static inline int wasi_config_set_stdout_file(wasi_config_t *c, const char *path) { return zwasm_wasi_stdio_file(c, 1, path); }
static inline int wasi_config_inherit_stdout(wasi_config_t *c) { return zwasm_wasi_stdio_fd(c, 1, 1); }
static inline int wasi_config_set_stderr_file(wasi_config_t *c, const char *path) { return zwasm_wasi_stdio_file(c, 2, path); }
static inline int wasi_config_inherit_stderr(wasi_config_t *c) { return zwasm_wasi_stdio_fd(c, 2, 2); }
static inline int wasi_config_preopen_dir(wasi_config_t *c, const char *host, const char *guest, size_t dir_perms, size_t file_perms)
{
  return zwasm_wasi_preopen_dir(c, host, guest, (unsigned)((dir_perms & 3) | (file_perms & 3) << 2));
}

#ifdef __cplusplus
}
#endif
#endif
