// Source lines out of a module's DWARF: which file and line an instruction came from.
#pragma once
#include "compiler/wasm/module.h"

// From `at` (an offset in the module's file) up to the next row's; line 0: nobody knows.
typedef struct LineRow { uint32_t at, file, line; } LineRow;
typedef struct SourceLines { LineRow *rows; uint32_t n; Str *files; uint32_t nfiles; } SourceLines; // ascending `at`, each once

// Reads the custom section .debug_line (DWARF 2 to 5, section 6.2).  It is advice: what is malformed there is left out,
// and so are rows outside the code section.  Rows and files are in a; files without a directory point into the module.
SourceLines zw_read_lines(const Module *m, Arena *a);
// The same, kept in the module: the image gets them.
void zw_keep_lines(Module *m);
// The row that `at` falls in; NULL when there is none or its line is not known.
const LineRow *zw_find_line(const SourceLines *l, uint32_t at);
