// What programs ask of a C library and wasi-libc declares but does not have: each answers "cannot".
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
int system(const char *command) { return command ? -1 : 0; }
FILE *tmpfile(void) { errno = ENOSYS; return NULL; }
char *tmpnam(char *s) { return NULL; }
