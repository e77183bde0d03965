// What runs the modules of a script: one store, the instances by name, the lane's way from bytes to an image.
// Knows nothing of text or of the compiler's module (their Table is not the runtime's).
#pragma once
#include "runtime/abi/valtype.h"
#include "runtime/abi/value.h"
#include "runtime/base/str.h"

// ---- lanes ----
typedef struct Image Image;
struct WastFile;
typedef struct Lane {
  const char *name;
  bool validate_only;        // decode and check, run nothing
  bool roundtrip;            // also: print and read back
  bool compiled;
  bool no_signals;           // install no fault handler
  Image *(*load)(const uint8_t *bytes, size_t len, uint64_t features, char *err, size_t err_bytes); // valid bytes to an image
  void (*unload)(Image *im);
  // Around a whole file, for lanes that make something of all its modules first.  begin false: a message has been given.
  bool (*begin)(struct WastFile *f);
  void (*end)(struct WastFile *f);
} Lane;
extern const Lane zw_wast_lanes[];
const Lane *zw_wast_lane(const char *name); // NULL: no such lane

// ---- arguments and expected results ----
typedef enum WastKind {      // of an argument or an expected result
  WV_I32, WV_I64, WV_F32, WV_F64, WV_V128,
  WV_REF_NULL,               // any null when `any`
  WV_REF_FUNC, WV_REF_EXTERN, WV_REF_HOST, WV_REF_ANY, WV_REF_EQ, WV_REF_I31, WV_REF_STRUCT, WV_REF_ARRAY, WV_REF_EXN,
  WV_EITHER,                 // the next `alternatives` values
} WastKind;
enum { NAN_NONE, NAN_CANONICAL, NAN_ARITHMETIC };
typedef struct WastValue {
  uint8_t kind;              // WastKind
  uint8_t lane_bytes;        // V128: bytes of a lane; float_lanes: whose NaNs may be patterns
  bool float_lanes;
  bool any;                  // references: no value given
  uint8_t nan[4];            // per lane (F32, F64: lane 0)
  uint32_t alternatives;
  uint32_t heap;             // REF_NULL: heap type
  Value v;                   // REF_EXTERN, REF_HOST: u64 is the number
} WastValue;

typedef struct Action { bool get; Str module, name; uint32_t nargs; const WastValue *args; } Action;

// ---- the engine ----
typedef struct WastEngine WastEngine;
WastEngine *zw_wast_engine_new(const Lane *lane); // NULL = out of memory
void zw_wast_engine_delete(WastEngine *e);

// What became of something that ran.
typedef enum RunStatus { RUN_OK, RUN_TRAP, RUN_LINK, RUN_ERROR } RunStatus; // ERROR: no such instance, export...
typedef struct RunResult {
  RunStatus status;
  uint32_t trap;             // RUN_TRAP: TrapKind
  char text[300];            // all but RUN_OK: the sentence
} RunResult;

// A valid module on its way to the engine.  trial: it must not come to life; nothing else of the script will see it.
typedef struct Candidate { Str id; const uint8_t *bytes; size_t len; uint64_t features_on; bool trial; } Candidate;
// Define it: keep it as an image under `id` (may be empty) and as the newest.
void zw_wast_define(WastEngine *e, const Candidate *c, RunResult *r);
// Instantiate the newest definition or the one called `module`; the instance is the current one, and called `id`.
void zw_wast_instantiate(WastEngine *e, Str module, Str id, RunResult *r);
void zw_wast_try(WastEngine *e, RunResult *r); // the newest trial
// Make an instance (the current one when id is empty) importable as `name`.
void zw_wast_register(WastEngine *e, Str name, Str id, RunResult *r);
// Do it.  RUN_OK: results can be compared.
void zw_wast_act(WastEngine *e, const Action *a, RunResult *r);
// Compare the results of the last action with n expected values; false with a sentence.
bool zw_wast_results_are(WastEngine *e, const WastValue *want, uint32_t n, char *why, size_t why_bytes);
// The trap's text as the suite says it, e.g. "out of bounds memory access".
const char *zw_wast_trap_text(uint32_t trap);
bool zw_wast_is_exhaustion(uint32_t trap);
bool zw_wast_is_exception(uint32_t trap);

// A thread's own engine, which sees the instance `shared` of `e` (or none) under its name.
WastEngine *zw_wast_engine_for_thread(WastEngine *e, Str shared);
