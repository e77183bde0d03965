// A fuzz target is one function over bytes that must return; a property that does not hold ends the process through BUG.
// With libFuzzer (preset fuzz) each target is a program of its own; elsewhere replay.c is main: it runs the files it is
// given and a number of mutations of each, from a seed, so that every build can do it and say how many it did.
#pragma once
#include "compiler/wasm/check.h"
#include "compiler/wasm/wat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
