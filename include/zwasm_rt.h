/* zwasm_rt.h: all that a program needs to run wasm modules that zwasmc compiled into it.  C99 and C++98.
   Link with libzwasm-rt.a.  An instance is used by one thread at a time (any thread); different instances run
   concurrently.  Every call below that takes an instance also takes a generated `calc *` through calc_instance(). */
#ifndef ZWASM_RT_H
#define ZWASM_RT_H
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
#define ZWASM_ABI 1
#if defined(__GNUC__)
#define ZWASM_NORETURN __attribute__((__noreturn__))
#else
#define ZWASM_NORETURN
#endif

typedef struct zwasm_module zwasm_module_t;     /* compiled code: constant, shared by all instances */
typedef struct zwasm_instance zwasm_instance_t;
typedef struct zwasm_memory zwasm_memory_t;
typedef struct zwasm_table zwasm_table_t;
typedef struct zwasm_global zwasm_global_t;     /* of a reference type; others are plain variables */
typedef struct zwasm_tag zwasm_tag_t;           /* of exceptions: only to be handed from one instance to another */
typedef struct zwasm_wasi zwasm_wasi_t;
typedef struct zwasm_ref *zwasm_ref_t;          /* a handle to a reference of any type; NULL is null */
typedef struct zwasm_v128 { uint8_t bytes[16]; } zwasm_v128_t;

/* How a call ended.  The numbers never change. */
typedef enum zwasm_status {
  ZWASM_OK = 0, ZWASM_UNREACHABLE = 1, ZWASM_OUT_OF_BOUNDS = 2, ZWASM_UNALIGNED_ATOMIC = 3, ZWASM_TABLE_OUT_OF_BOUNDS = 4,
  ZWASM_UNDEFINED_ELEMENT = 5, ZWASM_UNINITIALIZED_ELEMENT = 6, ZWASM_INDIRECT_CALL_TYPE = 7, ZWASM_DIVIDE_BY_ZERO = 8,
  ZWASM_INTEGER_OVERFLOW = 9, ZWASM_BAD_CONVERSION = 10, ZWASM_STACK_OVERFLOW = 11, ZWASM_NULL_FUNCTION = 12,
  ZWASM_NULL_REFERENCE = 13, ZWASM_NULL_STRUCT = 14, ZWASM_NULL_ARRAY = 15, ZWASM_NULL_I31 = 16, ZWASM_NULL_EXCEPTION = 17,
  ZWASM_ARRAY_OUT_OF_BOUNDS = 18, ZWASM_CAST_FAILURE = 19, ZWASM_UNCAUGHT_EXCEPTION = 20, ZWASM_ALLOCATION_FAILURE = 21,
  ZWASM_EXPECTED_SHARED = 22, ZWASM_INTERRUPTED = 23, ZWASM_OUT_OF_FUEL = 24, ZWASM_HOST_TRAP = 25,
  ZWASM_EXIT = 26             /* the guest called proc_exit: see zwasm_trap()->exit_code */
} zwasm_status_t;

/* Start from ZWASM_OPTIONS_INIT and set what matters; NULL in place of options means the same. */
typedef struct zwasm_options {
  size_t struct_size;
  size_t max_stack;             /* bytes of stack for wasm; 0 = what the module was compiled for, else 1 MiB */
  uint64_t max_memory;          /* bytes, per memory; 0 = what the module declares */
  uint64_t max_table_elements;  /* per table; 0 = what the module declares */
  const void *imports;          /* a generated calc_imports, where the header has one; read when the instance is made */
  zwasm_wasi_t *wasi;           /* stays yours, must outlive the instance; NULL: every WASI call says ENOSYS */
  zwasm_instance_t *linked;     /* needed to import what belongs to another instance: that instance */
  void *user;                   /* for zwasm_user() */
  struct zwasm_trap_info *trap_out;  /* when creation fails: status and exit code, ZWASM_OK if it was no trap; no frames */
} zwasm_options_t;
#define ZWASM_OPTIONS_INIT { sizeof(zwasm_options_t), 0, 0, 0, NULL, NULL, NULL, NULL, NULL }

/* Why the last call on this thread that failed with NULL did so: one sentence, never NULL. */
const char *zwasm_last_error(void);
void *zwasm_user(zwasm_instance_t *);

/* What ended the last call; belongs to the instance, valid until it is entered again.  Frames: innermost first. */
typedef struct zwasm_frame { const char *module, *function, *file; uint32_t line, func_index, wasm_offset; } zwasm_frame_t;
typedef struct zwasm_trap_info {
  zwasm_status_t status;
  int exit_code;                /* ZWASM_EXIT */
  const char *message;
  int has_address;              /* of a memory access that was out of bounds: */
  uint64_t address, memory_bytes;
  uint32_t nframes, total_frames; /* total may be larger */
  const zwasm_frame_t *frames;
} zwasm_trap_t;
const zwasm_trap_t *zwasm_trap(zwasm_instance_t *);
size_t zwasm_trap_text(zwasm_instance_t *, char *buf, size_t bytes); /* message and backtrace; returns as snprintf */

/* A trap in a plain export call ends the innermost zwasm_try() or _try call below it on this stack; C frames between
   are skipped as by longjmp.  Without one the program prints the backtrace and aborts. */
zwasm_status_t zwasm_try(zwasm_instance_t *, void (*fn)(void *arg), void *arg);
/* From an import: end the wasm call.  zwasm_raise does not return and skips your frames (no destructors run);
   zwasm_set_trap takes effect when the import returns. */
ZWASM_NORETURN void zwasm_raise(zwasm_instance_t *, const char *message);
void zwasm_set_trap(zwasm_instance_t *, const char *message);
/* An import may leave by longjmp or by a C++ exception.  An exception needs nothing; longjmp tells nobody, so the calls that
   it skipped look alive (to backtraces, and to a trap that no zwasm_try or _try catches) until one of these happens: a
   call of wasm or of this function from the function that called setjmp, or their part of the stack is written over. */
void zwasm_after_longjmp(void);
/* For hosts with a SIGSEGV handler of their own: nonzero = it was a wasm trap, return from the handler. */
int zwasm_handle_fault(int sig, void *siginfo, void *context);

/* Memories.  mem_at: the address of `len` guest bytes at `at`, or NULL if they are not all inside.  The base of a memory
   never moves, so an address stays good while the memory lives. */
void *zwasm_mem_at(zwasm_memory_t *, uint64_t at, uint64_t len);
uint64_t zwasm_memory_bytes(zwasm_memory_t *);
uint64_t zwasm_memory_grow(zwasm_memory_t *, uint64_t pages); /* old size in pages, or UINT64_MAX */

/* What a program makes for its modules to import.  linked: an instance that shall be able to share it, or NULL: then it
   joins the first one that imports it.  Things made with NULL may be given to one instance together, unless a reference is
   in them.  They live until you delete them and the last instance that could reach them is gone; NULL: see
   zwasm_last_error().  max_pages and max: UINT64_MAX = no maximum. */
zwasm_memory_t *zwasm_memory_new(zwasm_instance_t *linked, uint64_t min_pages, uint64_t max_pages); /* 32 bits, pages of 64 KiB */
enum { ZWASM_MEMORY_64 = 1,     /* 64-bit addresses: (memory i64 ...) */
       ZWASM_MEMORY_SHARED = 2, /* needs a maximum; made with NULL, instances on several threads may import it */
       ZWASM_MEMORY_BYTES = 4   /* pages of one byte: (pagesize 1) */ };
zwasm_memory_t *zwasm_memory_new_with(zwasm_instance_t *linked, uint64_t min_pages, uint64_t max_pages, unsigned flags);
void zwasm_memory_delete(zwasm_memory_t *);

/* References.  A handle keeps what it refers to alive.  Whose is it?
     - what an export returns, and what the calls below return, is yours: zwasm_ref_delete() when you are done;
     - arguments that an import gets are lent: good until it returns, zwasm_ref_copy() makes one to keep;
     - what you pass to an export, a table or a global stays yours;
     - what an import returns is given: a lent one, or one of yours, which is deleted for you.
   Handles are used by the thread that uses their instance, and with instances that are linked with it, while one of those
   lives.  A reference of another type than the parameter's ends the call with ZWASM_CAST_FAILURE, null where none may be
   with ZWASM_NULL_REFERENCE. */
typedef enum zwasm_reftype { ZWASM_FUNCREF = 0, ZWASM_EXTERNREF = 1, ZWASM_ANYREF = 2, ZWASM_EXNREF = 3 } zwasm_reftype_t;
/* An externref that stands for p.  drop, if not NULL, is called once with p when neither wasm nor a handle refers to it any
   longer and that was noticed: in some later zwasm_ref_of(), at the latest with the last instance or thing made for them. */
zwasm_ref_t zwasm_ref_of(zwasm_instance_t *, void *p, void (*drop)(void *p));
void *zwasm_ref_pointer(zwasm_ref_t);           /* that p; NULL if it was not made by zwasm_ref_of() */
zwasm_reftype_t zwasm_ref_type(zwasm_ref_t);    /* not of NULL */
int zwasm_ref_same(zwasm_ref_t, zwasm_ref_t);   /* do both refer to the same thing? */
zwasm_ref_t zwasm_ref_copy(zwasm_ref_t);        /* NULL of NULL, or out of memory */
void zwasm_ref_delete(zwasm_ref_t);             /* NULL is fine, a lent one stays */

/* Functions as references.  type: "params_results", a letter each: i i32, l i64, f f32, d f64, v v128, x externref,
   c funcref, r a reference of another type.  So "ii_i" takes two i32 and returns one. */
typedef union zwasm_value { int32_t i32; int64_t i64; float f32; double f64; zwasm_v128_t v128; zwasm_ref_t ref; uint64_t u64[2]; } zwasm_value_t;
/* Arguments in args[0], args[1], ...; results replace them from args[0] on.  References as in calls of imports. */
typedef void (*zwasm_host_fn_t)(void *env, void *caller, zwasm_value_t *args);
zwasm_ref_t zwasm_ref_export(zwasm_instance_t *, const char *name);  /* the exported function of that name */
zwasm_ref_t zwasm_ref_host(zwasm_instance_t *, const char *type, zwasm_host_fn_t, void *env); /* yours; letters up to c */
/* args: room for all parameters and for all results.  ZWASM_INDIRECT_CALL_TYPE when func has another type than you say,
   ZWASM_NULL_FUNCTION when it is null; else as an f_try. */
zwasm_status_t zwasm_ref_call(zwasm_instance_t *, zwasm_ref_t func, const char *type, zwasm_value_t *args);

/* Tables and globals of references.  get: NULL for null, and with a zwasm_last_error() when i is outside or memory is out.
   set: zero when i is outside or the reference is of another type. */
zwasm_table_t *zwasm_table_new(zwasm_instance_t *linked, zwasm_reftype_t, uint64_t min, uint64_t max); /* all null */
zwasm_table_t *zwasm_table_new_64(zwasm_instance_t *linked, zwasm_reftype_t, uint64_t min, uint64_t max); /* (table i64 ...) */
void zwasm_table_delete(zwasm_table_t *);
uint64_t zwasm_table_length(zwasm_table_t *);
zwasm_ref_t zwasm_table_get(zwasm_table_t *, uint64_t i);
int zwasm_table_set(zwasm_table_t *, uint64_t i, zwasm_ref_t);
uint64_t zwasm_table_grow(zwasm_table_t *, uint64_t n, zwasm_ref_t init); /* old length, or UINT64_MAX */
zwasm_global_t *zwasm_global_new(zwasm_instance_t *linked, zwasm_reftype_t, int is_mutable, zwasm_ref_t value);
void zwasm_global_delete(zwasm_global_t *);
zwasm_ref_t zwasm_global_get(zwasm_global_t *);
int zwasm_global_set(zwasm_global_t *, zwasm_ref_t); /* zero when it is of another type or the global is constant */

/* WASI preview 1.  Nothing is granted that is not named; calls answer nonzero for success.  wasi.h has the rest: streams from
   files and functions, directories with rights, sockets. */
zwasm_wasi_t *zwasm_wasi_new(void);
void zwasm_wasi_delete(zwasm_wasi_t *);
int zwasm_wasi_arg(zwasm_wasi_t *, const char *arg);               /* the first one is argv[0] */
int zwasm_wasi_env(zwasm_wasi_t *, const char *name, const char *value);
int zwasm_wasi_preopen(zwasm_wasi_t *, const char *host_dir, const char *guest_name, int writable);
int zwasm_wasi_inherit_stdio(zwasm_wasi_t *);
int zwasm_wasi_stdio_fd(zwasm_wasi_t *, int guest_fd /* 0 1 2 */, int host_fd);

/* ---- for generated code: not for use by hand ---- */
/* A linker that misses zwasm_rt_abi_N_format_M was given an object of another version than its libzwasm-rt.a. */
/* One import, in the order of the module. */
enum { ZWASM_IMPORT_FN = 0 /* env: the instance */, ZWASM_IMPORT_WASI = 1 /* env: the WASI context */,
       ZWASM_IMPORT_FIELD = 2 /* options.imports holds at `offset`: a zwasm_memory_t *, zwasm_table_t *, zwasm_tag_t *,
                                 zwasm_global_t * of a reference, or the address of another global's value */,
       ZWASM_IMPORT_FN_FIELD = 3 /* env: the instance; options.imports holds at `offset` the C function that fn calls */ };
typedef struct zwasm_import { zwasm_host_fn_t fn; uint32_t kind, offset; } zwasm_import_t;
struct zwasm_module {
  uint32_t abi, struct_size;
  const char *name;
  const void *meta, *text, *data;               /* abi/image.h */
  size_t meta_bytes, text_bytes, data_bytes;
  const zwasm_import_t *imports;
  size_t nimports;
  size_t max_stack;
  void **state;                                 /* one writable word, NULL at first */
};
size_t zwasm_rt_sizeof(const zwasm_module_t *);
zwasm_instance_t *zwasm_rt_new(const zwasm_module_t *, const zwasm_options_t *);
zwasm_instance_t *zwasm_rt_init_at(const zwasm_module_t *, void *where, size_t size, const zwasm_options_t *);
void zwasm_rt_delete(zwasm_instance_t *);
/* func: index in the module.  args: max(params, results) slots of 16 bytes, 16-aligned; results from slot 0. */
void zwasm_rt_call(zwasm_instance_t *, uint32_t func, zwasm_value_t *args);
zwasm_status_t zwasm_rt_call_try(zwasm_instance_t *, uint32_t func, zwasm_value_t *args);
/* The same for functions with references among parameters or results, which are handles on the C side. */
void zwasm_rt_call_refs(zwasm_instance_t *, uint32_t func, zwasm_value_t *args);
zwasm_status_t zwasm_rt_call_try_refs(zwasm_instance_t *, uint32_t func, zwasm_value_t *args);
zwasm_memory_t *zwasm_rt_memory(zwasm_instance_t *, uint32_t index);
zwasm_table_t *zwasm_rt_table(zwasm_instance_t *, uint32_t index);
void *zwasm_rt_global(zwasm_instance_t *, uint32_t index); /* address of its value */
zwasm_global_t *zwasm_rt_global_ref(zwasm_instance_t *, uint32_t index);
zwasm_tag_t *zwasm_rt_tag(zwasm_instance_t *, uint32_t index);
/* Imports of WASI preview 1 are bound to functions `void zwasm_wasi_p1_fd_write(void *wasi, void *caller, zwasm_value_t *args)`,
   one per call and archive member; runtime/wasi/p1.def lists them. */
/* A program made with --emit=exe: start.o looks for these two. */
typedef struct zwasm_exe_options {
  size_t struct_size, max_stack;
  const char *entry;                            /* "_start" */
  const char *const *args, *const *env, *const *dirs; /* NULL-terminated or NULL: baked-in argv[1..], "N=V", "HOST::GUEST" with :ro allowed */
} zwasm_exe_options_t;
extern const zwasm_module_t *const zwasm_exe_module;
extern const zwasm_exe_options_t zwasm_exe_options;
#ifdef __cplusplus
}
#endif
#endif
