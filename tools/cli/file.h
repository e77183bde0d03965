// Files of the tools: whole ones in, whole ones out.  Errors come back as one sentence that names the file.
#pragma once
#include "runtime/base/arena.h"

typedef struct FileBytes { uint8_t *p; size_t n; } FileBytes; // p NULL = failed; one NUL stands behind the bytes
// The contents of a file, or of standard input for "-", in the arena; at most 1 GiB.
FileBytes zw_file_read(const char *path, Arena *a, char *err, size_t err_bytes);

// Write under a temporary name in the same folder, then rename: readers see the old file or the new one, never half.
// A device or a pipe is written to as it stands.
// "-" is standard output, refused when that is a terminal and `text` is false.  False with a sentence.
bool zw_file_write(const char *path, const void *p, size_t n, bool text, char *err, size_t err_bytes);
// The same in steps, for what is written while it is made: a descriptor to write to, or -1 when `path` is a device, a pipe or "-" (then the whole
// is for zw_file_write) or, with a sentence in err, cannot be written.  zw_file_end: why is 0 or the errno of a write that failed.
// zw_file_drop: nothing of it was.
typedef struct FileTemp { const char *path, *temp; int fd; } FileTemp;
FileTemp zw_file_begin(const char *path, Arena *a, char *err, size_t err_bytes);
bool zw_file_end(FileTemp *f, int why, char *err, size_t err_bytes);
void zw_file_drop(FileTemp *f);
// A name beside `path` (in $TMPDIR or /tmp when path is a device or a pipe) for something that another program writes;
// then zw_file_take() makes it `path`, or remove it.
const char *zw_file_temp(const char *path, Arena *a);
// `temp` becomes `path`: by a rename, or by its bytes where path is a device or a pipe.  `temp` is gone either way.
bool zw_file_take(const char *temp, const char *path, Arena *a, char *err, size_t err_bytes);

typedef struct NamedFile { const char *what, *path; } NamedFile; // "the header", "calc.h"; path NULL = none
// No two of them are one file, by whatever name; devices, pipes and what comes from standard input do not count.
// The first of the list is read, the others are written.
bool zw_files_differ(const NamedFile *f, size_t n, char *err, size_t err_bytes);

// "dir/calc.wasm" -> "calc"; with_dir keeps "dir/".  "-" gives "a".
const char *zw_file_stem(const char *path, bool with_dir, Arena *a);
const char *zw_file_join(Arena *a, const char *a1, const char *a2);
// The folder this program was started from, without a slash at the end; NULL when the system does not say.
const char *zw_file_own_dir(Arena *a);
