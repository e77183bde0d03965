// Says what it was given: arguments, variables, standard input in capitals, directories and what may be done in them.
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

static void look(const char *dir)
{
  DIR *d = opendir(dir);
  printf("%s:", dir);
  if (!d) {
    printf(" %s\n", errno == ENOENT || errno == ENOTCAPABLE || errno == EBADF ? "not there" : strerror(errno));
    return;
  }
  for (struct dirent *e; (e = readdir(d));)
    if (e->d_name[0] != '.')
      printf(" %s", e->d_name);
  closedir(d);
  char path[100];
  snprintf(path, sizeof path, "%s/made", dir);
  int fd = open(path, O_CREAT | O_WRONLY, 0666);
  printf(" [%s]\n", fd >= 0 ? "writable" : "read-only");
}

int main(int argc, char **argv)
{
  for (int i = 0; i < argc; i++)
    printf("%s%s", i ? " " : "args: ", argv[i]);
  printf("\nenv:");
  for (char **e = environ; *e; e++)
    printf(" %s", *e);
  printf("\nstdin: ");
  for (int c; (c = getchar()) != EOF;)
    putchar(toupper(c));
  printf("\n");
  look("/a");
  look("/b");
  look("box");
  fprintf(stderr, "said\n");
  return 3;
}
