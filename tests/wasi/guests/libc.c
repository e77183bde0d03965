// Guest programs over wasi-libc: each function is one, linked alone.  What stands in //: lines before it is what it is
// run with and what it must leave (guests.py).  CHECK ends the program with a number and a sentence.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define GUEST(name) int guest_##name(int argc, char **argv); int guest_##name(int argc, char **argv)
#define UNUSED (void)argc, (void)argv
#define CHECK(c)                                                   \
  do {                                                             \
    if (!(c)) {                                                    \
      printf("line %d: %s (%s)\n", __LINE__, #c, strerror(errno)); \
      return 1 + __LINE__ % 99;                                    \
    }                                                              \
  } while (0)
#define FAILS(call, error) do { errno = 0; CHECK((call) < 0); CHECK(errno == (error)); } while (0)

//= hello
//: out "hello, world\n"
GUEST(hello) { UNUSED; return printf("hello, world\n") == 13 ? 0 : 1; }

//= exit_code
//: exit 42
GUEST(exit_code) { UNUSED; return 42; }

static void at_exit(void) { printf("last\n"); }
//= atexit_runs
//: out "first\nlast\n"
GUEST(atexit_runs) { UNUSED; atexit(at_exit); printf("first\n"); return 0; }

//= arguments
//: arg one --two=2 3
//: out "4 one --two=2 3\n"
GUEST(arguments) { printf("%d", argc); for (int i = 1; i < argc; i++) printf(" %s", argv[i]); printf("\n"); return 0; }

//= environment
//: env A=1
//: env EMPTY=
//: env PATHLIKE=a:b=c
GUEST(environment)
{
  UNUSED;
  CHECK(getenv("A") && !strcmp(getenv("A"), "1"));
  CHECK(getenv("EMPTY") && !*getenv("EMPTY"));
  CHECK(getenv("PATHLIKE") && !strcmp(getenv("PATHLIKE"), "a:b=c"));
  CHECK(!getenv("HOST") && !getenv("PATH") && !getenv("HOME"));
  return 0;
}

//= echo_lines
//: in "one\ntwo\nthree"
//: out "3:one 3:two 5:three "
GUEST(echo_lines)
{
  UNUSED;
  char line[100];
  while (fgets(line, sizeof line, stdin)) {
    line[strcspn(line, "\n")] = 0;
    printf("%d:%s ", (int)strlen(line), line);
  }
  return 0;
}

//= write_and_read_back
//: then file note "written\nagain\n"
GUEST(write_and_read_back)
{
  UNUSED;
  FILE *f = fopen("/work/note", "w");
  CHECK(f && fputs("written\n", f) >= 0 && fclose(f) == 0);
  CHECK((f = fopen("/work/note", "a")) && fputs("again\n", f) >= 0 && fclose(f) == 0);
  char buf[100] = { 0 };
  CHECK((f = fopen("/work/note", "r")) && fread(buf, 1, 99, f) == 14 && feof(f) && fclose(f) == 0);
  CHECK(!strcmp(buf, "written\nagain\n"));
  return 0;
}

//= big_file
//: then size big 3000000
GUEST(big_file)
{
  UNUSED;
  FILE *f = fopen("/work/big", "w+");
  CHECK(f);
  for (int i = 0; i < 300000; i++)
    CHECK(fprintf(f, "%09d\n", i) == 10);
  for (int i = 0; i < 300000; i += 7919) {
    int n = -1;
    CHECK(fseek(f, 10L * i, SEEK_SET) == 0 && fscanf(f, "%d", &n) == 1 && n == i);
  }
  CHECK(fclose(f) == 0);
  return 0;
}

//= seeks
//: make file f "0123456789"
GUEST(seeks)
{
  UNUSED;
  int fd = open("/work/f", O_RDONLY);
  CHECK(fd >= 0 && lseek(fd, 3, SEEK_SET) == 3 && lseek(fd, 2, SEEK_CUR) == 5 && lseek(fd, -1, SEEK_END) == 9);
  FAILS(lseek(fd, -1, SEEK_SET), EINVAL);
  CHECK(lseek(fd, 0, SEEK_CUR) == 9);
  FAILS(lseek(fd, 0, 9), EINVAL);
  FAILS(lseek(99, 0, SEEK_SET), EBADF);
  FAILS(lseek(1, 0, SEEK_CUR), ESPIPE);
  return 0;
}

//= open_flags
//: make file f "old"
//: then file f ""
//: then file n ""
GUEST(open_flags)
{
  UNUSED;
  FAILS(open("/work/none", O_RDONLY), ENOENT);
  FAILS(open("/work/f", O_WRONLY | O_CREAT | O_EXCL, 0666), EEXIST);
  CHECK(open("/work/n", O_WRONLY | O_CREAT | O_EXCL, 0666) >= 0);
  FAILS(open("/work/f", O_RDONLY | O_DIRECTORY), ENOTDIR);
  CHECK(open("/elsewhere/f", O_RDONLY) < 0);
  CHECK(open("/work/f", O_WRONLY | O_TRUNC) >= 0);
  return 0;
}

//= read_only_descriptor
//: make file f "abc"
//: then file f "abc"
GUEST(read_only_descriptor)
{
  UNUSED;
  int fd = open("/work/f", O_RDONLY);
  char c;
  CHECK(fd >= 0 && read(fd, &c, 1) == 1 && c == 'a');
  FAILS(write(fd, "x", 1), EBADF);
  CHECK(close(fd) == 0);
  FAILS(close(fd), EBADF);
  return 0;
}

//= vectors
//: then file f "onetwothree"
GUEST(vectors)
{
  UNUSED;
  struct iovec out[] = { { "one", 3 }, { "", 0 }, { "two", 3 }, { "three", 5 } };
  char a[4] = { 0 }, b[9] = { 0 };
  struct iovec in[] = { { a, 3 }, { b, 8 } };
  int fd = open("/work/f", O_RDWR | O_CREAT, 0666);
  CHECK(writev(fd, out, 4) == 11 && lseek(fd, 0, SEEK_SET) == 0 && readv(fd, in, 2) == 11);
  CHECK(!strcmp(a, "one") && !strcmp(b, "twothree"));
  CHECK(pwrite(fd, "ONE", 3, 0) == 3 && pread(fd, a, 3, 0) == 3 && !strcmp(a, "ONE") && lseek(fd, 0, SEEK_CUR) == 11);
  CHECK(pwrite(fd, "one", 3, 0) == 3);
  return 0;
}

//= many_vectors
//: then size f 2000
GUEST(many_vectors)
{
  UNUSED;
  struct iovec v[1000];
  int fd = open("/work/f", O_WRONLY | O_CREAT, 0666), done = 0;
  for (int i = 0; i < 1000; i++)
    v[i] = (struct iovec){ "ab", 2 };
  while (done < 1000) { // fewer than asked for are allowed
    long n = writev(fd, v + done, 1000 - done);
    CHECK(n > 0 && n % 2 == 0);
    done += (int)n / 2;
  }
  return 0;
}

//= stat_kinds
//: make file f "12345"
//: make dir d
//: make link l f
GUEST(stat_kinds)
{
  UNUSED;
  struct stat st, same;
  CHECK(stat("/work/f", &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 5 && st.st_nlink == 1);
  CHECK(stat("/work/l", &same) == 0 && S_ISREG(same.st_mode) && same.st_ino == st.st_ino && same.st_dev == st.st_dev);
  CHECK(lstat("/work/l", &st) == 0 && S_ISLNK(st.st_mode) && st.st_size == 1);
  CHECK(stat("/work/d", &st) == 0 && S_ISDIR(st.st_mode));
  CHECK(fstat(open("/work/f", O_RDONLY), &st) == 0 && st.st_size == 5);
  CHECK(access("/work/f", R_OK) == 0);
  FAILS(access("/work/none", F_OK), ENOENT);
  FAILS(stat("/work/f/x", &st), ENOTDIR);
  CHECK(st.st_mtim.tv_sec > 1600000000);
  return 0;
}

//= times
//: make file f ""
GUEST(times)
{
  UNUSED;
  struct timespec t[2] = { { 1000000000, 5 }, { 1100000000, 7 } };
  struct stat st;
  CHECK(utimensat(AT_FDCWD, "/work/f", t, 0) == 0 && stat("/work/f", &st) == 0);
  CHECK(st.st_atim.tv_sec == 1000000000 && st.st_atim.tv_nsec == 5 && st.st_mtim.tv_sec == 1100000000 &&
        st.st_mtim.tv_nsec == 7);
  t[1].tv_sec = 5; // (NULL, UTIME_NOW and UTIME_OMIT are broken in some versions of wasi-libc itself)
  int fd = open("/work/f", O_RDWR);
  CHECK(fd >= 0 && futimens(fd, t) == 0 && fstat(fd, &st) == 0 && st.st_mtim.tv_sec == 5 && st.st_mtim.tv_nsec == 7);
  return 0;
}

//= truncates
//: make file f "12345"
//: make file g "12345"
//: then file f "12"
//: then file g "12345\x00"
GUEST(truncates)
{
  UNUSED;
  CHECK(truncate("/work/f", 2) == 0);
  CHECK(ftruncate(open("/work/g", O_RDWR), 6) == 0);
  FAILS(ftruncate(open("/work/g", O_RDWR), -1), EINVAL);
  return 0;
}

//= fallocates
//: then size f 1000
GUEST(fallocates)
{
  UNUSED;
  int fd = open("/work/f", O_RDWR | O_CREAT, 0666);
  CHECK(posix_fallocate(fd, 0, 1000) == 0 && posix_fallocate(fd, 10, 10) == 0 &&
        posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL) == 0);
  CHECK(fsync(fd) == 0 && fdatasync(fd) == 0);
  return 0;
}

//= directories
//: then dir a/b/c
//: then none a/x
GUEST(directories)
{
  UNUSED;
  CHECK(mkdir("/work/a", 0777) == 0 && mkdir("/work/a/b", 0777) == 0 && mkdir("/work/a/b/c", 0777) == 0 &&
        mkdir("/work/a/x", 0777) == 0);
  FAILS(mkdir("/work/a", 0777), EEXIST);
  FAILS(mkdir("/work/none/a", 0777), ENOENT);
  FAILS(rmdir("/work/a"), ENOTEMPTY);
  CHECK(rmdir("/work/a/x") == 0);
  FAILS(rmdir("/work/a/x"), ENOENT);
  FAILS(unlink("/work/a/b"), EISDIR);
  return 0;
}

//= list_a_directory
//: make file d/one ""
//: make file d/two ""
//: make dir d/sub
//: make link d/l one
GUEST(list_a_directory)
{
  UNUSED;
  DIR *d = opendir("/work/d");
  int files = 0, dirs = 0, links = 0, dots = 0;
  CHECK(d);
  for (struct dirent *e; (e = readdir(d));) {
    dots += e->d_name[0] == '.';
    files += e->d_type == DT_REG, dirs += e->d_type == DT_DIR && e->d_name[0] != '.', links += e->d_type == DT_LNK;
  }
  CHECK(files == 2 && dirs == 1 && links == 1 && dots == 2 && closedir(d) == 0);
  errno = 0;
  CHECK(!opendir("/work/none") && errno == ENOENT);
  CHECK(!opendir("/work/d/one") && errno == ENOTDIR);
  return 0;
}

//= list_a_thousand
GUEST(list_a_thousand)
{
  UNUSED;
  char name[40];
  static unsigned char seen[1000];
  int n = 0;
  for (int i = 0; i < 1000; i++) {
    snprintf(name, sizeof name, "/work/a-longer-name-%d", i);
    CHECK(close(open(name, O_CREAT | O_WRONLY, 0666)) == 0);
  }
  DIR *d = opendir("/work");
  for (struct dirent *e; (e = readdir(d));) {
    int i;
    if (sscanf(e->d_name, "a-longer-name-%d", &i) == 1)
      seen[i]++, n++;
  }
  CHECK(n == 1000);
  for (int i = 0; i < 1000; i++)
    CHECK(seen[i] == 1);
  rewinddir(d);
  for (n = 0; readdir(d); n++) {
  }
  CHECK(n == 1002 && closedir(d) == 0);
  return 0;
}

//= remove_while_listing
//: then none f1
//: then none f99
GUEST(remove_while_listing)
{
  UNUSED;
  char name[300];
  for (int i = 0; i < 100; i++) {
    snprintf(name, sizeof name, "/work/f%d", i);
    CHECK(close(open(name, O_CREAT | O_WRONLY, 0666)) == 0);
  }
  DIR *d = opendir("/work");
  for (struct dirent *e; (e = readdir(d));)
    if (e->d_name[0] == 'f') {
      snprintf(name, sizeof name, "/work/%s", e->d_name);
      CHECK(unlink(name) == 0);
    }
  closedir(d);
  d = opendir("/work");
  for (struct dirent *e; (e = readdir(d));)
    CHECK(e->d_name[0] != 'f');
  return 0;
}

//= links
//: make file f "x"
//: then link s f
//: then file h "x"
GUEST(links)
{
  UNUSED;
  char buf[20] = { 0 };
  struct stat st;
  CHECK(symlink("f", "/work/s") == 0 && readlink("/work/s", buf, 19) == 1 && buf[0] == 'f');
  CHECK(link("/work/f", "/work/h") == 0 && stat("/work/h", &st) == 0 && st.st_nlink == 2);
  FAILS(link("/work/f", "/work/h"), EEXIST);
  FAILS(symlink("f", "/work/s"), EEXIST);
  FAILS(readlink("/work/f", buf, 19), EINVAL);
  return 0;
}

//= renames
//: make file f "f"
//: make file g "g"
//: make dir d
//: then file d/new "f"
//: then none f
//: then none g
GUEST(renames)
{
  UNUSED;
  CHECK(rename("/work/f", "/work/g") == 0 && rename("/work/g", "/work/d/new") == 0);
  FAILS(rename("/work/f", "/work/x"), ENOENT);
  FAILS(rename("/work/d", "/work/d/inside"), EINVAL);
  return 0;
}

//= removes
//: make file f ""
//: make dir d
//: then none f
//: then none d
GUEST(removes)
{
  UNUSED;
  CHECK(remove("/work/f") == 0 && remove("/work/d") == 0);
  FAILS(remove("/work/d"), ENOENT);
  FAILS(unlink("/work/f"), ENOENT);
  return 0;
}

//= outside_is_not_there
//: make link up ..
//: make link abs /etc/passwd
GUEST(outside_is_not_there)
{
  UNUSED;
  struct stat st;
  CHECK(open("/work/../etc/passwd", O_RDONLY) < 0);
  CHECK(open("/etc/passwd", O_RDONLY) < 0);
  FAILS(open("/work/up/x", O_RDONLY), EPERM);
  FAILS(open("/work/abs", O_RDONLY), EPERM);
  FAILS(stat("/work/up/.", &st), EPERM);
  FAILS(mkdir("/work/up/made", 0777), EPERM);
  FAILS(symlink("/etc", "/work/etc"), EPERM);
  return 0;
}

//= working_directory
//: make file f "x"
GUEST(working_directory)
{
  UNUSED;
  char buf[100];
  CHECK(chdir("/work") == 0 && getcwd(buf, sizeof buf) && !strcmp(buf, "/work"));
  CHECK(open("f", O_RDONLY) >= 0 && open("./f", O_RDONLY) >= 0);
  FAILS(open("../f", O_RDONLY), EPERM);
  FAILS(chdir("/none"), ENOENT);
  return 0;
}

//= at_functions
//: then file d/x "x"
//: then none y
GUEST(at_functions)
{
  UNUSED;
  CHECK(mkdir("/work/d", 0777) == 0);
  int d = open("/work/d", O_RDONLY | O_DIRECTORY), fd = openat(d, "y", O_CREAT | O_WRONLY, 0666);
  struct stat st;
  CHECK(d >= 0 && fd >= 0 && write(fd, "x", 1) == 1);
  CHECK(renameat(d, "y", d, "x") == 0 && fstatat(d, "x", &st, 0) == 0 && st.st_size == 1);
  CHECK(mkdirat(d, "e", 0777) == 0 && unlinkat(d, "e", AT_REMOVEDIR) == 0);
  FAILS(openat(d, "..", O_RDONLY), EPERM);
  CHECK(openat(fd, "x", O_RDONLY) < 0);
  return 0;
}

//= descriptors_are_reused
GUEST(descriptors_are_reused)
{
  UNUSED;
  for (int i = 0; i < 5000; i++) {
    int fd = open("/work", O_RDONLY | O_DIRECTORY);
    CHECK(fd == 4 && close(fd) == 0);
  }
  return 0;
}

//= too_many_open
//: limit nofile 40
GUEST(too_many_open)
{
  UNUSED;
  int n = 0, fds[100];
  while (n < 100 && (fds[n] = open("/work", O_RDONLY | O_DIRECTORY)) >= 0)
    n++;
  CHECK(n > 20 && n < 40 && errno == EMFILE);
  CHECK(close(fds[0]) == 0 && (fds[0] = open("/work", O_RDONLY | O_DIRECTORY)) >= 0);
  return 0;
}

//= fcntl_flags
//: make file f ""
//: then file f "ab"
GUEST(fcntl_flags)
{
  UNUSED;
  int fd = open("/work/f", O_WRONLY);
  CHECK(fcntl(fd, F_GETFL) >= 0 && !(fcntl(fd, F_GETFL) & O_APPEND));
  CHECK(fcntl(fd, F_SETFL, O_APPEND) == 0 && fcntl(fd, F_GETFL) & O_APPEND);
  CHECK(write(fd, "a", 1) == 1 && lseek(fd, 0, SEEK_SET) == 0 && write(fd, "b", 1) == 1);
  CHECK(fcntl(0, F_SETFL, O_NONBLOCK) == 0 && fcntl(0, F_GETFL) & O_NONBLOCK);
  FAILS(fcntl(99, F_GETFL), EBADF);
  return 0;
}

//= nonblocking_stdin
//: in blocks
GUEST(nonblocking_stdin)
{
  UNUSED;
  char c;
  CHECK(fcntl(0, F_SETFL, O_NONBLOCK) == 0);
  FAILS(read(0, &c, 1), EAGAIN);
  return 0;
}

//= bytes_in_stdin
//: in "hello"
GUEST(bytes_in_stdin)
{
  UNUSED;
  int n = 0;
  struct pollfd p = { .fd = 0, .events = POLLIN };
  CHECK(poll(&p, 1, 600000) == 1 && p.revents & POLLIN);
  CHECK(ioctl(0, FIONREAD, &n) == 0 && n == 5);
  return 0;
}

//= poll_times_out
//: in blocks
GUEST(poll_times_out)
{
  UNUSED;
  struct pollfd p = { .fd = 0, .events = POLLIN };
  struct timespec a, b;
  clock_gettime(CLOCK_MONOTONIC, &a);
  CHECK(poll(&p, 1, 20) == 0 && p.revents == 0);
  clock_gettime(CLOCK_MONOTONIC, &b);
  long ms = (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000;
  CHECK(ms >= 20);
  return 0;
}

//= sleeps
GUEST(sleeps)
{
  UNUSED;
  struct timespec a, b, t = { 0, 15000000 };
  clock_gettime(CLOCK_MONOTONIC, &a);
  CHECK(nanosleep(&t, NULL) == 0 && usleep(1000) == 0);
  clock_gettime(CLOCK_MONOTONIC, &b);
  CHECK((b.tv_sec - a.tv_sec) * 1000000000ll + b.tv_nsec - a.tv_nsec >= 16000000);
  return 0;
}

//= clocks
GUEST(clocks)
{
  UNUSED;
  struct timespec t;
  struct timeval v;
  CHECK(clock_gettime(CLOCK_REALTIME, &t) == 0 && t.tv_sec > 1600000000 && t.tv_nsec < 1000000000);
  CHECK(clock_getres(CLOCK_MONOTONIC, &t) == 0 && t.tv_sec == 0 && t.tv_nsec > 0);
  CHECK(gettimeofday(&v, NULL) == 0 && v.tv_sec > 1600000000 && time(NULL) >= v.tv_sec);
  return 0;
}

//= randomness
GUEST(randomness)
{
  UNUSED;
  static unsigned char b[100000];
  unsigned count[256] = { 0 };
  for (unsigned at = 0; at < sizeof b; at += 250)
    CHECK(getentropy(b + at, 250) == 0);
  for (unsigned i = 0; i < sizeof b; i++)
    count[b[i]]++;
  for (int i = 0; i < 256; i++)
    CHECK(count[i] > 200 && count[i] < 600);
  FAILS(getentropy(b, 300), EIO);
  return 0;
}

//= standard_streams
//: out "out\n"
GUEST(standard_streams)
{
  UNUSED;
  CHECK(!isatty(0) && !isatty(1) && write(1, "out\n", 4) == 4);
  CHECK(close(0) == 0);
  FAILS(read(0, (char[1]){ 0 }, 1), EBADF);
  return 0;
}

//= full_device
//: out full
GUEST(full_device)
{
  UNUSED;
  FAILS(write(1, "x", 1), ENOSPC);
  CHECK(printf("buffered") == 8 && fflush(stdout) != 0 && errno == ENOSPC);
  setvbuf(stdout, NULL, _IONBF, 0);
  return 0;
}

//= broken_pipe
//: out gone
GUEST(broken_pipe)
{
  UNUSED;
  FAILS(write(1, "x", 1), EPIPE);
  return 0;
}

//= sparse
//: then size f 100000001
GUEST(sparse)
{
  UNUSED;
  int fd = open("/work/f", O_RDWR | O_CREAT, 0666);
  char c = 1;
  CHECK(lseek(fd, 100000000, SEEK_SET) == 100000000 && write(fd, "x", 1) == 1 && pread(fd, &c, 1, 5) == 1 && c == 0);
  struct stat st;
  CHECK(fstat(fd, &st) == 0 && st.st_size == 100000001);
  return 0;
}

//= beyond_four_gib
GUEST(beyond_four_gib)
{
  UNUSED;
  int fd = open("/work/f", O_RDWR | O_CREAT, 0666);
  off_t at = 5000000000ll;
  char c = 0;
  CHECK(pwrite(fd, "x", 1, at) == 1 && lseek(fd, 0, SEEK_END) == at + 1 && pread(fd, &c, 1, at) == 1 && c == 'x');
  CHECK(ftruncate(fd, 0) == 0);
  return 0;
}

//= copies_a_tree
//: make file from/a "a"
//: make file from/sub/b "b"
//: make file from/sub/deep/c "c"
//: make link from/l a
//: then file to/a "a"
//: then file to/sub/b "b"
//: then file to/sub/deep/c "c"
//: then link to/l a
static int copy_tree(const char *from, const char *to)
{
  char a[300], b[300], text[300];
  DIR *d = opendir(from);
  if (!d || mkdir(to, 0777) != 0)
    return 1;
  for (struct dirent *e; (e = readdir(d));) {
    if (e->d_name[0] == '.')
      continue;
    snprintf(a, sizeof a, "%s/%s", from, e->d_name), snprintf(b, sizeof b, "%s/%s", to, e->d_name);
    struct stat st;
    if (lstat(a, &st) != 0)
      return 2;
    if (S_ISDIR(st.st_mode)) {
      if (copy_tree(a, b))
        return 3;
    } else if (S_ISLNK(st.st_mode)) {
      long n = readlink(a, text, sizeof text - 1);
      text[n < 0 ? 0 : n] = 0;
      if (n < 0 || symlink(text, b) != 0)
        return 4;
    } else {
      int in = open(a, O_RDONLY), out = open(b, O_WRONLY | O_CREAT, 0666);
      long n = read(in, text, sizeof text);
      if (n < 0 || write(out, text, (size_t)n) != n || close(in) || close(out))
        return 5;
    }
  }
  return closedir(d);
}
GUEST(copies_a_tree) { UNUSED; return copy_tree("/work/from", "/work/to"); }

//= deep_tree
GUEST(deep_tree)
{
  UNUSED;
  int fd = open("/work", O_RDONLY | O_DIRECTORY), next;
  for (int i = 0; i < 200; i++) {
    CHECK(mkdirat(fd, "d", 0777) == 0 && (next = openat(fd, "d", O_RDONLY | O_DIRECTORY)) >= 0 && close(fd) == 0);
    fd = next;
  }
  char path[500] = "/work";
  for (int i = 0; i < 200; i++)
    strcat(path, "/d");
  struct stat st;
  CHECK(stat(path, &st) == 0 && S_ISDIR(st.st_mode));
  strcat(path, "/../..");
  CHECK(stat(path, &st) == 0);
  return 0;
}

//= temporary_file
GUEST(temporary_file)
{
  UNUSED;
  int fd = open("/work/t", O_RDWR | O_CREAT | O_EXCL, 0666);
  CHECK(fd >= 0 && unlink("/work/t") == 0 && write(fd, "gone", 4) == 4);
  char b[5] = { 0 };
  struct stat st;
  CHECK(pread(fd, b, 4, 0) == 4 && !strcmp(b, "gone") && fstat(fd, &st) == 0 && st.st_nlink == 0);
  FAILS(stat("/work/t", &st), ENOENT);
  return 0;
}
