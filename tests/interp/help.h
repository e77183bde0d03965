// For the tests of this folder: text to an image, an instance in a store, a call by name.
#pragma once
#include "compiler/interp/interp.h"
#include "runtime/base/alloc.h"
#include "runtime/gc/gc.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

uint64_t zw_features_default(void);      // of wasm/module.h, whose Table is another one
Image *image_of(const char *text);      // fails the test when it is not a valid module
size_t bytes_of(const char *text, uint8_t *out, size_t room);
Instance *instance_of(Store *s, const Image *im, const Extern *imports, uint32_t n);
Extern export_of(Instance *in, const char *name);
TrapKind call_of(Instance *in, const char *name, Value *args);
Extern host_of(Store *s, const ValType *p, uint32_t np, const ValType *r, uint32_t nr, HostFn fn, void *env);
