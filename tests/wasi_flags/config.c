// The configuration as an embedder makes it, the calls made directly: streams of every kind, lists, rights of directories,
// spellings of directories and addresses, and the fence around a thread.
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "tests/rt/wasi_rig.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

enum { OUT = 60000, PATHS = 50000, BUF = 1000 };

static const char *read_file(const char *path)
{
  static char text[200];
  FILE *f = fopen(path, "r");
  text[f ? fread(text, 1, sizeof text - 1, f) : 0] = 0;
  if (f)
    fclose(f);
  return text;
}
static int set_up(void **state)
{
  (void)state;
  rig_begin();
  write_file("in", "from a file");
  return 0;
}
static int tear_down(void **state)
{
  (void)state;
  return rig_end();
}

static uint32_t out32(void) { return zw_get32(bytes + OUT); }
static uint32_t iovs(uint32_t n1, uint32_t n2) // two buffers, behind each other
{
  zw_put32(bytes + 16, BUF), zw_put32(bytes + 20, n1), zw_put32(bytes + 24, BUF + n1), zw_put32(bytes + 28, n2);
  return 16;
}
static uint32_t guest_read(uint32_t fd, uint32_t n1, uint32_t n2)
{
  memset(bytes + BUF, '.', 100);
  return CALL(fd_read, fd, iovs(n1, n2), 2, OUT);
}
static uint32_t guest_write(uint32_t fd, const char *s, uint32_t n1)
{
  memcpy(bytes + BUF, s, strlen(s));
  return CALL(fd_write, fd, iovs(n1, (uint32_t)strlen(s) - n1), 2, OUT);
}
static uint64_t rights(uint32_t fd) { return CALL(fd_fdstat_get, fd, BUF) ? 0 : zw_get64(bytes + BUF + 8); }
static uint32_t open_path(uint32_t dir, const char *path, uint32_t oflags, uint64_t want)
{
  memcpy(bytes + PATHS, path, strlen(path));
  return CALL(path_open, dir, 0, PATHS, strlen(path), oflags, want, RIGHTS_ALL, 0, OUT);
}

// ---- tests ----

static void nothing_is_there_that_was_not_given(void **state)
{
  (void)state;
  for (uint32_t fd = 0; fd < 8; fd++) {
    assert_int_equal(CALL(fd_fdstat_get, fd, BUF), E_badf);
    assert_int_equal(CALL(fd_prestat_get, fd, BUF), E_badf);
  }
  assert_int_equal(CALL(args_sizes_get, BUF, BUF + 4), 0);
  assert_int_equal(zw_get64(bytes + BUF), 0);
  assert_int_equal(CALL(environ_sizes_get, BUF, BUF + 4), 0);
  assert_int_equal(zw_get64(bytes + BUF), 0);
}

static void input_from_bytes_ends(void **state)
{
  (void)state;
  assert_true(zwasm_wasi_stdin_bytes(w, "abcdefgh", 8));
  assert_int_equal(guest_read(0, 3, 2), 0);
  assert_int_equal(out32(), 5);
  assert_memory_equal(bytes + BUF, "abcde.", 6);
  assert_int_equal(guest_read(0, 2, 10), 0);
  assert_int_equal(out32(), 3);
  assert_memory_equal(bytes + BUF, "fgh.", 4);
  assert_int_equal(guest_read(0, 5, 5), 0);
  assert_int_equal(out32(), 0);
  assert_int_equal(guest_write(0, "x", 1), E_notcapable);
  // ready at once, whatever clock stands beside it; a file it is not
  memset(bytes + 2000, 0, 96);
  zw_put32(bytes + 2016, 1), zw_put64(bytes + 2024, 3600000000000ull);
  zw_put64(bytes + 2048, 9), bytes[2056] = 1;
  assert_int_equal(CALL(poll_oneoff, 2000, 3000, 2, OUT), 0);
  assert_int_equal(out32(), 1);
  assert_int_equal(zw_get64(bytes + 3000), 9);
  assert_int_equal(CALL(fd_seek, 0, 0, 0, OUT), E_spipe);
  assert_int_equal(CALL(fd_filestat_get, 0, BUF), 0);
  assert_int_equal(bytes[BUF + 16], 0);
  assert_int_equal(CALL(fd_close, 0), 0);
  assert_int_equal(guest_read(0, 1, 1), E_badf);
}

typedef struct Sink { char text[64]; size_t n, most; int done; } Sink;
static ptrdiff_t take(void *arg, const void *p, size_t n)
{
  Sink *s = arg;
  if (s->most == 0)
    return -1;
  n = n < s->most ? n : s->most;
  memcpy(s->text + s->n, p, n);
  s->n += n;
  return (ptrdiff_t)n;
}
static ptrdiff_t too_much(void *arg, void *p, size_t n) { return (void)arg, memset(p, 'z', n), (ptrdiff_t)n + 1000; }
static void done(void *arg) { ((Sink *)arg)->done++; }

static void output_goes_to_functions(void **state)
{
  (void)state;
  Sink out = { .most = 100 }, err = { .most = 2 };
  assert_false(zwasm_wasi_stdout_fn(w, 0, take, &out, done));
  assert_false(zwasm_wasi_stdout_fn(w, 3, take, &out, done));
  assert_true(zwasm_wasi_stdout_fn(w, 1, take, &out, done) && zwasm_wasi_stdout_fn(w, 2, take, &err, done));
  assert_int_equal(guest_write(1, "hello world", 6), 0);
  assert_int_equal(out32(), 11);
  assert_memory_equal(out.text, "hello world", 11);
  assert_int_equal(guest_write(2, "abcdef", 4), 0); // a short count ends the call
  assert_int_equal(out32(), 2);
  assert_memory_equal(err.text, "ab", 2);
  err.most = 0;
  assert_int_equal(guest_write(2, "abcdef", 4), E_io);
  assert_int_equal(guest_read(1, 1, 1), E_notcapable);
  assert_true(zwasm_wasi_stdin_fn(w, too_much, NULL, NULL)); // a host that lies does not make the guest read further
  assert_int_equal(guest_read(0, 4, 4), 0);
  assert_int_equal(out32(), 8);
  assert_memory_equal(bytes + BUF, "zzzzzzzz.", 9);
  assert_int_equal(CALL(fd_close, 1), 0);
  assert_int_equal(out.done, 1);
  assert_true(zwasm_wasi_stdout_fn(w, 2, take, &out, NULL)); // in place of the other
  assert_int_equal(err.done, 1);
  assert_int_equal(CALL(fd_renumber, 2, 0), 0);
  assert_int_equal(guest_write(0, "moved", 5), 0);
  assert_memory_equal(out.text + 11, "moved", 5);
}

static void streams_are_files(void **state)
{
  (void)state;
  write_file("out", "old contents");
  assert_true(zwasm_wasi_stdio_file(w, 0, "in") && zwasm_wasi_stdio_file(w, 1, "out") && zwasm_wasi_stdio_file(w, 2, "made"));
  assert_false(zwasm_wasi_stdio_file(w, 3, "in"));
  assert_int_equal(zw_wasi_stdio_file(w, 0, "absent"), -ENOENT);
  assert_int_equal(guest_read(0, 4, 90), 0);
  assert_int_equal(out32(), 11);
  assert_memory_equal(bytes + BUF, "from a file", 11);
  assert_int_equal(guest_write(0, "x", 1), E_notcapable);
  assert_int_equal(guest_write(1, "new", 1), 0);
  assert_string_equal(read_file("out"), "new");
  assert_int_equal(guest_read(1, 1, 1), E_notcapable);
  assert_string_equal(read_file("made"), "");
}

static void a_shared_pipe_does_not_block(void **state)
{
  (void)state;
  int p[2];
  assert_int_equal(pipe(p), 0);
  assert_true(zwasm_wasi_stdio_fd(w, 0, p[0]) && zwasm_wasi_stdio_fd(w, 1, p[1]));
  assert_int_equal(CALL(fd_fdstat_set_flags, 0, FDFLAG_NONBLOCK), 0);
  assert_int_equal(CALL(fd_fdstat_set_flags, 1, FDFLAG_NONBLOCK), 0);
  assert_int_equal(fcntl(p[0], F_GETFL) & O_NONBLOCK, 0); // the host's own use of it is untouched
  assert_int_equal(guest_read(0, 4, 4), E_again);
  uint64_t total = 0;
  uint32_t e;
  zw_put32(bytes + 16, 0), zw_put32(bytes + 20, 49000); // more than a pipe has room for in the end
  while (!(e = CALL(fd_write, 1, 16, 1, OUT)))
    total += out32();
  assert_int_equal(e, E_again);
  assert_in_range(total, 4096, 1 << 20);
  assert_int_equal(guest_read(0, 40, 40), 0);
  assert_int_equal(out32(), 80);
  close(p[0]), close(p[1]);
}

static void a_socket_of_the_host_stays_the_hosts(void **state)
{
  (void)state;
  int s[2];
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
  assert_int_equal(zwasm_wasi_give_fd(w, s[0]), 3);
  assert_int_equal(CALL(fd_fdstat_set_flags, 3, FDFLAG_NONBLOCK), 0);
  assert_int_equal(fcntl(s[0], F_GETFL) & O_NONBLOCK, 0);
  zw_put32(bytes + 16, BUF), zw_put32(bytes + 20, 49000);
  assert_int_equal(CALL(sock_recv, 3, 16, 1, 0, OUT, OUT + 8), E_again);
  uint32_t e;
  uint64_t total = 0;
  while (!(e = CALL(sock_send, 3, 16, 1, 0, OUT)))
    total += out32();
  assert_int_equal(e, E_again);
  assert_in_range(total, 4096, 1 << 22);
  assert_int_equal(write(s[1], "abc", 3), 3);
  assert_int_equal(CALL(sock_recv, 3, 16, 1, 0, OUT, OUT + 8), 0);
  assert_int_equal(out32(), 3);
  assert_int_equal(CALL(fd_close, 3), 0);
  assert_int_not_equal(fcntl(s[0], F_GETFD), -1);
  int listener = zw_os_listen("localhost:0");
  assert_true(listener >= 0 && zwasm_wasi_give_fd(w, listener) == 3);
  assert_int_equal(CALL(fd_fdstat_set_flags, 3, FDFLAG_NONBLOCK), 0);
  assert_int_equal(CALL(sock_accept, 3, 0, OUT), E_again);
  assert_int_equal(CALL(fd_close, 3), 0);
  close(s[0]), close(s[1]), close(listener);
}

static void lists_replace_and_inherit(void **state)
{
  (void)state;
  const char *args[] = { "prog", "", "two" }, *names[] = { "A", "EMPTY" }, *values[] = { "1=2", "" };
  assert_true(zwasm_wasi_arg(w, "gone") && zwasm_wasi_env(w, "GONE", "x"));
  assert_true(zwasm_wasi_set_args(w, 3, args) && zwasm_wasi_set_env(w, 2, names, values));
  assert_int_equal(CALL(args_get, BUF, BUF + 100), 0);
  assert_memory_equal(bytes + BUF + 100, "prog\0\0two\0", 10);
  assert_int_equal(CALL(environ_get, BUF, BUF + 100), 0);
  assert_memory_equal(bytes + BUF + 100, "A=1=2\0EMPTY=\0", 13);
  setenv("ZWASM_TEST_VARIABLE", "seen", 1);
  assert_true(zwasm_wasi_inherit_env(w) && zwasm_wasi_inherit_args(w));
  int found = 0;
  for (uint32_t i = 0; i < w->env.n; i++)
    found += strcmp(w->env.p[i], "ZWASM_TEST_VARIABLE=seen") == 0;
  assert_int_equal(found, 1);
  assert_true(w->args.n >= 1 && strstr(w->args.p[0], "wasi_config"));
}

static void rights_of_directories_are_what_was_said(void **state)
{
  (void)state;
  const unsigned allow[] = { ZWASM_DIR_ALL, ZWASM_DIR_READ | ZWASM_FILE_READ, ZWASM_DIR_WRITE, ZWASM_FILE_READ, ZWASM_DIR_READ | ZWASM_FILE_READ | ZWASM_FILE_WRITE,
                             ZWASM_DIR_ALL & ~ZWASM_FILE_READ };
  for (size_t i = 0; i < ARRAY_COUNT(allow); i++)
    assert_true(zwasm_wasi_preopen_dir(w, "box", "/box", allow[i]));
  assert_false(zwasm_wasi_preopen_dir(w, "absent", "/box", ZWASM_DIR_ALL));
  const uint64_t r = RIGHT(R_FD_READ), wr = RIGHT(R_FD_WRITE);
  for (uint32_t i = 0; i < ARRAY_COUNT(allow); i++) {
    uint32_t dir = 3 + i;
    assert_int_equal(CALL(fd_readdir, dir, BUF, 100, 0, OUT), allow[i] & ZWASM_DIR_READ ? 0 : E_notcapable);
    assert_int_equal(open_path(dir, "file", 0, wr), allow[i] & ZWASM_FILE_WRITE ? 0 : E_notcapable);
    assert_int_equal(open_path(dir, "file", 8 /* trunc */, r) == 0, (allow[i] & ZWASM_FILE_WRITE) != 0);
    assert_int_equal(open_path(dir, "new", 1 /* creat */, r) == 0, (allow[i] & ZWASM_DIR_WRITE) != 0);
    assert_int_equal(CALL(path_unlink_file, dir, PATHS, 3), allow[i] & ZWASM_DIR_WRITE ? 0 : E_notcapable);
    if (open_path(dir, "file", 0, r) == 0)
      assert_int_equal(guest_read(out32(), 1, 1), allow[i] & ZWASM_FILE_READ ? 0 : E_notcapable);
  }
  // what may not be read here is not carried to where it may
  write_file("box/hidden", "x");
  memcpy(bytes + PATHS, "hiddenseen", 10);
  assert_int_equal(CALL(path_rename, 5, PATHS, 6, 3, PATHS + 6, 4), E_notcapable);
  assert_int_equal(CALL(path_rename, 8, PATHS, 6, 3, PATHS + 6, 4), E_notcapable);
  assert_int_equal(CALL(path_link, 8, 0, PATHS, 6, 3, PATHS + 6, 4), E_notcapable);
  assert_int_equal(CALL(path_rename, 8, PATHS, 6, 8, PATHS + 6, 4), 0);
  assert_int_equal(rights(4) & RIGHTS_WRITE, 0);
}

static void directories_as_they_are_written(void **state)
{
  (void)state;
  static const struct { const char *spec, *host, *guest; bool writable; } good[] = {
    { ".", ".", ".", true }, { "a::/b", "a", "/b", true }, { "a::b:ro", "a", "b", false }, { "a:ro", "a", "a", false }, { "a:rw", "a", "a", true },
    { "a:/b", "a", "/b", true }, { "a:/b:ro", "a", "/b", false }, { "/x:y::z", "/x:y", "z", true }, { ":ro", "", "", true }, { "ro", "ro", "ro", true },
  };
  char host[8], guest[8];
  bool writable;
  for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
    bool ok = zw_wasi_parse_dir(good[i].spec, host, guest, 8, &writable);
    assert_int_equal(ok, good[i].host[0] != 0);
    if (ok) {
      assert_string_equal(host, good[i].host);
      assert_string_equal(guest, good[i].guest);
      assert_int_equal(writable, good[i].writable);
    }
  }
  static const char *const bad[] = { "", "::", "a::", "::b", "::ro", "a:", "12345678", "a::12345678" };
  for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
    assert_false(zw_wasi_parse_dir(bad[i], host, guest, 8, &writable));
}

static void addresses_are_numbers(void **state)
{
  (void)state;
  static const char *const good[] = { "127.0.0.1:0", "localhost:0", "[::1]:0", "[0:0:0:0:0:0:0:1]:0", "[::]:0", "0.0.0.0:0" };
  static const char *const bad[] = { "", ":", ":0", "localhost", "localhost:", "localhost:65536", "localhost:1x", "127.0.0:0", "127.0.0.256:0", "1.2.3.4.5:0",
                                     "[::1:0", "[:1]:0", "[1::2::3]:0", "[1:2:3:4:5:6:7]:0", "[1:2:3:4:5:6:7:8:9]:0", "[::12345]:0", "[]:0", "example.org:80", "127.0.0.1 :0" };
  int count = 0;
  for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
    int fd = zwasm_wasi_listen(w, good[i]);
    bool no_v6 = good[i][0] == '[' && (fd == -EADDRNOTAVAIL || fd == -EAFNOSUPPORT); // a machine may have none
    count += fd >= 0;
    if (no_v6)
      continue;
    assert_int_equal(fd, 3 + count - 1);
    assert_in_range(zw_wasi_port(w, (uint32_t)fd), 1, 65535);
  }
  assert_true(count >= 3);
  for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
    assert_int_equal(zwasm_wasi_listen(w, bad[i]), -EINVAL);
  // which address it is: the kernel's text of it
  static const struct { const char *in, *out; } six[] = { { "[::1]:0", "::1" }, { "[::]:0", "::" } };
  for (size_t i = 0; i < ARRAY_COUNT(six); i++) {
    int fd = zw_os_listen(six[i].in);
    if (fd < 0)
      continue;
    struct sockaddr_in6 a;
    socklen_t n = sizeof a;
    char text[64];
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    assert_string_equal(inet_ntop(AF_INET6, &a.sin6_addr, text, sizeof text), six[i].out);
    close(fd);
  }
}

static void clocks_agree_with_the_hosts(void **state)
{
  (void)state;
  const clockid_t ids[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID };
  for (uint32_t id = 0; id < 4; id++)
    for (int i = 0; i < 1000; i++) {
      struct timespec before, after;
      clock_gettime(ids[id], &before);
      assert_int_equal(CALL(clock_time_get, id, 0, OUT), 0);
      clock_gettime(ids[id], &after);
      uint64_t t = zw_get64(bytes + OUT);
      assert_in_range(t, (uint64_t)before.tv_sec * 1000000000u + (uint64_t)before.tv_nsec, (uint64_t)after.tv_sec * 1000000000u + (uint64_t)after.tv_nsec);
    }
}

// In a child: what it may open once it is fenced in.  Answers a bit per claim that failed.
static int fenced_child(void)
{
  int fail = 0, version = zw_wasi_fence(w);
  if (version < 0)
    return 100;
  int fd = open("outside/secret", O_RDONLY);
  fail |= fd >= 0 || errno != EACCES ? 1 : 0;
  fd = open("ro/file", O_RDONLY);
  fail |= fd < 0 ? 2 : 0;
  fd = open("ro/file", O_WRONLY);
  fail |= fd >= 0 ? 4 : 0;
  fd = open("box/new", O_CREAT | O_RDWR, 0600);
  fail |= fd < 0 ? 8 : 0;
  fail |= rename("box/new", "outside/new") == 0 || unlink("outside/secret") == 0 || mkdir("ro/d", 0700) == 0 ? 16 : 0;
  fail |= rename("box/new", "box/newer") != 0 ? 32 : 0;
  memcpy(bytes + PATHS, "file", 4); // and the guest's own calls work as before
  if (open_path(3, "file", 0, RIGHT(R_FD_READ)) != 0 || open_path(4, "file", 0, RIGHT(R_FD_READ)) != 0)
    fail |= 64;
  return fail;
}
static void the_fence_holds(void **state)
{
  (void)state;
  assert_true(zwasm_wasi_preopen(w, "box", "box", 1) && zwasm_wasi_preopen(w, "ro", "ro", 0));
  fflush(stdout);
  pid_t child = fork();
  if (child == 0)
    _exit(fenced_child());
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status));
  if (WEXITSTATUS(status) == 100) {
    printf("skipped 1: the kernel has no Landlock\n");
    skip();
  }
  assert_int_equal(WEXITSTATUS(status), 0);
  assert_string_equal(read_file("outside/secret"), "secret");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
    T(nothing_is_there_that_was_not_given), T(input_from_bytes_ends), T(output_goes_to_functions), T(streams_are_files),
    T(a_shared_pipe_does_not_block), T(a_socket_of_the_host_stays_the_hosts), T(lists_replace_and_inherit), T(rights_of_directories_are_what_was_said),
    T(directories_as_they_are_written), T(addresses_are_numbers), T(clocks_agree_with_the_hosts), T(the_fence_holds),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
