// WASI calls as host functions over a plain memory, in a fresh directory for each test; both ways of resolving paths.
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include "tests/rt/wasi_rig.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>

// ---- the rig's world, and links that lead out of its sandbox ----

enum { DIR_FD = 3, RO_FD = 4, OUT = 60000, PATHS = 50000 };

static int set_up(void **state)
{
  (void)state;
  rig_begin();
  mkdir("box/dir", 0755);
  write_file("secret", "secret");
  assert_int_equal(symlink("../secret", "box/out"), 0);
  assert_int_equal(symlink("..", "box/up"), 0);
  assert_int_equal(symlink("/etc/passwd", "box/abs"), 0);
  assert_int_equal(symlink("file", "box/link"), 0);
  assert_int_equal(symlink("dir/../file", "box/round"), 0);
  assert_int_equal(symlink("loop", "box/loop"), 0);
  assert_int_equal(symlink("new", "box/dangling"), 0);
  assert_int_equal(symlink("dir", "box/dirlink"), 0);
  memset(bytes, 0, sizeof bytes);
  assert_true(zwasm_wasi_preopen(w, "box", "/box", 1));
  assert_true(zwasm_wasi_preopen(w, "ro", "ro", 0));
  return 0;
}
static int tear_down(void **state)
{
  (void)state;
  return rig_end();
}

#define PATH(s) put(PATHS, s), strlen(s)
static uint32_t out32(void) { return zw_get32(bytes + OUT); }
static uint64_t out64(void) { return zw_get64(bytes + OUT); }
static uint32_t iov(uint32_t at, uint32_t ptr, uint32_t len)
{
  zw_put32(bytes + at, ptr), zw_put32(bytes + at + 4, len);
  return at;
}
#define RW (RIGHT(R_FD_READ) | RIGHT(R_FD_WRITE) | RIGHT(R_FD_SEEK) | RIGHT(R_FD_TELL) | RIGHT(R_FD_FILESTAT_GET) | RIGHT(R_FD_READDIR) | RIGHT(R_FD_FDSTAT_SET_FLAGS) | RIGHT(R_FD_FILESTAT_SET_SIZE))
static uint32_t open_at(uint32_t dir, const char *path, uint32_t oflags, uint64_t rights, bool follow)
{
  return CALL(path_open, dir, follow, PATH(path), oflags, rights, RIGHTS_ALL, 0, OUT);
}
enum { CREAT = 1, DIRECTORY = 2, EXCL = 4, TRUNC = 8 };
#define R (RIGHT(R_FD_READ) | RIGHT(R_FD_SEEK) | RIGHT(R_FD_TELL) | RIGHT(R_FD_READDIR) | RIGHT(R_FD_FILESTAT_GET) | RIGHT(R_PATH_OPEN))
static uint32_t read_all(const char *path, bool follow)
{
  uint32_t e = open_at(DIR_FD, path, 0, R, follow);
  if (e)
    return e;
  uint32_t fd = out32();
  memset(bytes + 1000, 0, 100);
  e = CALL(fd_read, fd, iov(100, 1000, 99), 1, OUT);
  assert_int_equal(CALL(fd_close, fd), 0);
  return e;
}

// ---- tests ----

static void without_a_context_everything_says_nosys(void **state)
{
  (void)state;
  Value v[9];
#define P1(name, sig)                                                                                                  \
  if (strcmp(#name, "proc_exit") != 0) {                                                                               \
    memset(v, 0, sizeof v);                                                                                            \
    zwasm_wasi_p1_##name(NULL, &ctx, v);                                                                               \
    assert_int_equal(v[0].u32, E_nosys);                                                                               \
  }
#include "runtime/wasi/p1.def"
}

static void files_are_written_read_and_measured(void **state)
{
  (void)state;
  assert_int_equal(open_at(DIR_FD, "new.txt", CREAT | EXCL, RW, false), 0);
  uint32_t fd = out32();
  put(1000, "abcdefgh");
  iov(100, 1000, 3), iov(108, 1004, 4);
  assert_int_equal(CALL(fd_write, fd, 100, 2, OUT), 0);
  assert_int_equal(out32(), 7);
  assert_int_equal(CALL(fd_tell, fd, OUT), 0);
  assert_int_equal(out64(), 7);
  assert_int_equal(CALL(fd_pwrite, fd, iov(100, 1000, 1), 1, 10, OUT), 0);
  assert_int_equal(CALL(fd_filestat_get, fd, 2000), 0);
  assert_int_equal(zw_get64(bytes + 2032), 11);
  assert_int_equal(bytes[2016], 4);
  assert_int_equal(CALL(fd_seek, fd, 0, 0, OUT), 0);
  assert_int_equal(CALL(fd_read, fd, iov(100, 3000, 100), 1, OUT), 0);
  assert_int_equal(out32(), 11);
  assert_memory_equal(bytes + 3000, "abcefgh\0\0\0a", 11);
  assert_int_equal(CALL(fd_pread, fd, iov(100, 3000, 2), 1, 1, OUT), 0);
  assert_memory_equal(bytes + 3000, "bc", 2);
  assert_int_equal(CALL(fd_seek, fd, (uint64_t)-1, 0, OUT), E_inval);
  assert_int_equal(CALL(fd_seek, fd, 0, 3, OUT), E_inval);
  assert_int_equal(CALL(fd_filestat_set_size, fd, 4), 0);
  assert_int_equal(CALL(fd_filestat_get, fd, 2000), 0);
  assert_int_equal(zw_get64(bytes + 2032), 4);
  assert_int_equal(CALL(fd_close, fd), 0);
  assert_int_equal(CALL(fd_close, fd), E_badf);
  assert_int_equal(open_at(DIR_FD, "new.txt", CREAT | EXCL, RW, false), E_exist);
  assert_int_equal(open_at(DIR_FD, "nothing", 0, R, false), E_noent);
  assert_int_equal(open_at(DIR_FD, "file", DIRECTORY, R, false), E_notdir);
}

static void append_truncate_and_flags(void **state)
{
  (void)state;
  assert_int_equal(CALL(path_open, DIR_FD, 0, PATH("file"), 0, RW, RIGHTS_ALL, FDFLAG_APPEND, OUT), 0);
  uint32_t fd = out32();
  put(1000, "!");
  assert_int_equal(CALL(fd_write, fd, iov(100, 1000, 1), 1, OUT), 0);
  assert_int_equal(CALL(fd_fdstat_get, fd, 2000), 0);
  assert_int_equal(bytes[2000], 4);
  assert_int_equal(zw_get16(bytes + 2002), FDFLAG_APPEND);
  assert_int_equal(CALL(fd_fdstat_set_flags, fd, 0), 0);
  assert_int_equal(CALL(fd_seek, fd, 0, 0, OUT), 0);
  assert_int_equal(CALL(fd_write, fd, iov(100, 1000, 1), 1, OUT), 0);
  assert_int_equal(CALL(fd_close, fd), 0);
  assert_int_equal(read_all("file", false), 0);
  assert_string_equal((char *)bytes + 1000, "!ello!");
  assert_int_equal(open_at(DIR_FD, "file", TRUNC, RW, false), 0);
  assert_int_equal(CALL(fd_close, out32()), 0);
  assert_int_equal(read_all("file", false), 0);
  assert_int_equal(bytes[1000], 0);
}

static void rights_only_shrink(void **state)
{
  (void)state;
  assert_int_equal(open_at(DIR_FD, "file", 0, R, false), 0);
  uint32_t fd = out32();
  assert_int_equal(CALL(fd_write, fd, iov(100, 1000, 1), 1, OUT), E_notcapable);
  assert_int_equal(CALL(fd_fdstat_set_rights, fd, RW, 0), E_notcapable);
  assert_int_equal(CALL(fd_fdstat_set_rights, fd, RIGHT(R_FD_SEEK), 0), 0);
  assert_int_equal(CALL(fd_read, fd, iov(100, 1000, 1), 1, OUT), E_notcapable);
  assert_int_equal(CALL(fd_close, fd), 0);
  // nothing may be changed below a read-only directory
  assert_int_equal(open_at(RO_FD, "file", TRUNC, R, false), E_notcapable);
  assert_int_equal(open_at(RO_FD, "file", 0, RW, false), E_notcapable);
  assert_int_equal(open_at(RO_FD, "new", CREAT, R, false), E_notcapable);
  assert_int_equal(CALL(path_create_directory, RO_FD, PATH("d")), E_notcapable);
  assert_int_equal(CALL(path_unlink_file, RO_FD, PATH("file")), E_notcapable);
  put(PATHS + 100, "stolen");
  assert_int_equal(CALL(path_rename, RO_FD, PATH("file"), DIR_FD, PATHS + 100, 6), E_notcapable);
  assert_int_equal(CALL(path_link, RO_FD, 0, PATH("file"), DIR_FD, PATHS + 100, 6), E_notcapable);
  assert_int_equal(CALL(path_filestat_set_times, RO_FD, 0, PATH("file"), 0, 0, 10), E_notcapable);
  assert_int_equal(open_at(RO_FD, "file", 0, R, false), 0);
  assert_int_equal(CALL(fd_filestat_set_size, out32(), 0), E_notcapable);
  assert_int_equal(CALL(fd_close, out32()), 0);
}

static void nothing_leads_out(void **state)
{
  (void)state;
  static const char *const out[] = { "..", "../", "../secret", "dir/../..", "dir/../../secret", "up", "up/secret", "up/", "up/.", "out",
                                     "/etc/passwd", "/", "abs", "dir/../up/secret", "./../secret", "dir/./../../box/file", "up/box/file", "out/" };
  for (int walk = 0; walk < 2; walk++) {
    zw_wasi_walk_always = walk;
    for (size_t i = 0; i < ARRAY_COUNT(out); i++)
      for (int follow = 0; follow < 2; follow++)
        for (int flags = 0; flags < 16; flags++) {
          uint32_t e = open_at(DIR_FD, out[i], (uint32_t)flags, RW, follow);
          if (e == 0)
            fail_msg("opened %s with %d", out[i], flags);
          if (flags == 0 && follow)
            assert_true(e == E_perm || e == E_loop);
          if ((e = CALL(path_filestat_get, DIR_FD, follow, PATH(out[i]), 2000)) == 0)
            assert_true(!follow && bytes[2016] == 7); // the link itself
        }
    assert_int_equal(CALL(path_rename, DIR_FD, PATH("file"), DIR_FD, put(PATHS + 100, "../f"), 4), E_perm);
    assert_int_equal(CALL(path_link, DIR_FD, 0, PATH("up/secret"), DIR_FD, put(PATHS + 100, "got"), 3), E_perm);
    assert_int_equal(CALL(path_create_directory, DIR_FD, PATH("up/made")), E_perm);
    assert_int_equal(CALL(path_unlink_file, DIR_FD, PATH("up/secret")), E_perm);
    assert_int_equal(CALL(path_readlink, DIR_FD, PATH("up/../x"), 1000, 100, OUT), E_perm);
    assert_int_equal(CALL(path_filestat_set_times, DIR_FD, 1, PATH("out"), 0, 0, 10), E_perm);
    assert_int_equal(CALL(path_symlink, put(PATHS + 100, "/etc"), 4, DIR_FD, PATH("l")), E_perm);
  }
  zw_wasi_walk_always = false;
  assert_int_equal(access("made", F_OK), -1);
  assert_int_equal(access("secret", F_OK), 0);
}

static void inside_links_and_dots_work(void **state)
{
  (void)state;
  static const char *const in[] = { "file", "./file", "dir/../file", "link", "round", "dir/./../link", "dirlink/../file", ".//file", "dir/../round" };
  for (int walk = 0; walk < 2; walk++) {
    zw_wasi_walk_always = walk;
    for (size_t i = 0; i < ARRAY_COUNT(in); i++) {
      if (read_all(in[i], true))
        fail_msg("%s does not open", in[i]);
      assert_string_equal((char *)bytes + 1000, "hello");
    }
    assert_int_equal(read_all("link", false), E_loop);
    assert_int_equal(read_all("loop", true), E_loop);
    assert_int_equal(read_all("file/", true), E_notdir);
    assert_int_equal(read_all("link/", true), E_notdir);
    assert_int_equal(open_at(DIR_FD, "dirlink/", 0, R, false), 0); // a slash asks for what the link leads to
    assert_int_equal(CALL(fd_close, out32()), 0);
    assert_int_equal(open_at(DIR_FD, ".", DIRECTORY, R, false), 0);
    assert_int_equal(CALL(fd_close, out32()), 0);
    assert_int_equal(open_at(DIR_FD, "dangling", 0, R, true), E_noent);
    assert_int_equal(open_at(DIR_FD, "x/", CREAT, RW, true), E_isdir);
    assert_int_equal(open_at(DIR_FD, "dangling", CREAT | EXCL, RW, true), E_exist);
    assert_int_equal(open_at(DIR_FD, "dangling", CREAT, RW, true), 0);
    assert_int_equal(CALL(fd_close, out32()), 0);
    assert_int_equal(access("box/new", F_OK), 0);
    assert_int_equal(unlink("box/new"), 0);
  }
  zw_wasi_walk_always = false;
}

static void bad_paths_are_errors(void **state)
{
  (void)state;
  char longest[5000];
  memset(longest, 'a', sizeof longest);
  memcpy(bytes + 10000, longest, sizeof longest);
  assert_int_equal(CALL(path_filestat_get, DIR_FD, 0, 10000, 0, 2000), E_noent);
  assert_int_equal(CALL(path_filestat_get, DIR_FD, 0, 10000, 256, 2000), E_nametoolong);
  assert_int_equal(CALL(path_filestat_get, DIR_FD, 0, 10000, 4097, 2000), E_nametoolong);
  assert_int_equal(CALL(path_filestat_get, DIR_FD, 0, 10000, 0xffffffff, 2000), E_fault);
  assert_int_equal(CALL(path_filestat_get, DIR_FD, 0, 0xfffffff0, 0x20, 2000), E_fault);
  memcpy(bytes + PATHS, "fi\0le", 5);
  assert_int_equal(CALL(path_filestat_get, DIR_FD, 0, PATHS, 5, 2000), E_inval);
  memcpy(bytes + PATHS, "fi\xff", 3);
  assert_int_equal(CALL(path_filestat_get, DIR_FD, 0, PATHS, 3, 2000), E_ilseq);
  assert_int_equal(CALL(path_filestat_get, 99, 0, PATH("file"), 2000), E_badf);
  assert_int_equal(CALL(path_filestat_get, DIR_FD, 0, PATH("file"), 65536 - 63), E_fault);
  assert_int_equal(CALL(path_filestat_get, DIR_FD, 0, PATH("file"), 65536 - 64), 0);
}

static void names_are_made_moved_and_removed(void **state)
{
  (void)state;
  assert_int_equal(CALL(path_create_directory, DIR_FD, PATH("made/")), 0);
  assert_int_equal(CALL(path_create_directory, DIR_FD, PATH("made")), E_exist);
  assert_int_equal(CALL(path_rename, DIR_FD, PATH("file"), DIR_FD, put(PATHS + 100, "made/moved"), 10), 0);
  assert_int_equal(CALL(path_rename, DIR_FD, PATH("made/moved/"), DIR_FD, put(PATHS + 100, "x"), 1), E_notdir);
  assert_int_equal(CALL(path_remove_directory, DIR_FD, PATH("made")), E_notempty);
  assert_int_equal(CALL(path_unlink_file, DIR_FD, PATH("made")), E_isdir);
  assert_int_equal(CALL(path_unlink_file, DIR_FD, PATH("made/moved/")), E_notdir);
  assert_int_equal(CALL(path_link, DIR_FD, 0, PATH("made/moved"), DIR_FD, put(PATHS + 100, "second"), 6), 0);
  assert_int_equal(CALL(path_filestat_get, DIR_FD, 0, PATH("second"), 2000), 0);
  assert_int_equal(zw_get64(bytes + 2024), 2);
  assert_int_equal(CALL(path_unlink_file, DIR_FD, PATH("made/moved")), 0);
  assert_int_equal(CALL(path_remove_directory, DIR_FD, PATH("made/")), 0);
  assert_int_equal(CALL(path_remove_directory, DIR_FD, PATH("second")), E_notdir);
  assert_int_equal(CALL(path_symlink, put(PATHS + 100, "second"), 6, DIR_FD, PATH("to")), 0);
  assert_int_equal(CALL(path_readlink, DIR_FD, PATH("to"), 1000, 100, OUT), 0);
  assert_int_equal(out32(), 6);
  assert_memory_equal(bytes + 1000, "second", 6);
  assert_int_equal(CALL(path_readlink, DIR_FD, PATH("to"), 1000, 3, OUT), 0);
  assert_int_equal(out32(), 3);
  assert_int_equal(CALL(path_readlink, DIR_FD, PATH("second"), 1000, 100, OUT), E_inval);
  assert_int_equal(CALL(path_filestat_set_times, DIR_FD, 1, PATH("to"), 1000000000ull, 2000000000ull, 5), 0);
  assert_int_equal(CALL(path_filestat_get, DIR_FD, 1, PATH("to"), 2000), 0);
  assert_int_equal(zw_get64(bytes + 2040), 1000000000);
  assert_int_equal(zw_get64(bytes + 2048), 2000000000);
  assert_int_equal(CALL(path_filestat_set_times, DIR_FD, 0, PATH("to"), 0, 0, 3), E_inval);
}

static void directories_are_read_in_pieces(void **state)
{
  (void)state;
  char name[32], seen[300] = { 0 };
  for (int i = 0; i < 300; i++) {
    snprintf(name, sizeof name, "box/dir/entry-%d", i);
    write_file(name, "");
  }
  assert_int_equal(open_at(DIR_FD, "dir", DIRECTORY, R, false), 0);
  uint32_t fd = out32(), total = 0, used;
  uint64_t cookie = 0;
  do {
    assert_int_equal(CALL(fd_readdir, fd, 4096, 150, cookie, OUT), 0);
    used = out32();
    for (uint32_t at = 0; at + 24 <= used;) {
      const uint8_t *p = bytes + 4096 + at;
      uint32_t len = zw_get32(p + 16);
      if (at + 24 + len > used)
        break;
      int n;
      snprintf(name, sizeof name, "%.*s", (int)len, (const char *)p + 24);
      if (sscanf(name, "entry-%d", &n) == 1) {
        assert_int_equal(seen[n]++, 0);
        assert_int_equal(p[20], 4);
      }
      cookie = zw_get64(p);
      at += 24 + len;
      total++;
    }
  } while (used == 150);
  assert_int_equal(total, 302);
  assert_int_equal(CALL(fd_readdir, fd, 65536 - 10, 11, 0, OUT), E_fault);
  assert_int_equal(CALL(fd_close, fd), 0);
}

static void preopens_and_descriptors(void **state)
{
  (void)state;
  assert_int_equal(CALL(fd_prestat_get, DIR_FD, OUT), 0);
  assert_int_equal(zw_get32(bytes + OUT + 4), 4);
  assert_int_equal(CALL(fd_prestat_dir_name, DIR_FD, 1000, 4), 0);
  assert_memory_equal(bytes + 1000, "/box", 4);
  assert_int_equal(CALL(fd_prestat_dir_name, DIR_FD, 1000, 3), E_nametoolong);
  assert_int_equal(CALL(fd_prestat_get, RO_FD + 1, OUT), E_badf);
  assert_int_equal(open_at(DIR_FD, "file", 0, R, false), 0);
  assert_int_equal(out32(), 5);
  assert_int_equal(CALL(fd_renumber, 5, RO_FD), 0);
  assert_int_equal(CALL(fd_renumber, 5, RO_FD), E_badf);
  assert_int_equal(CALL(fd_renumber, RO_FD, 99), E_badf);
  assert_int_equal(CALL(fd_read, RO_FD, iov(100, 1000, 5), 1, OUT), 0);
  assert_memory_equal(bytes + 1000, "hello", 5);
  assert_int_equal(open_at(DIR_FD, "file", 0, R, false), 0);
  assert_int_equal(out32(), 5); // the lowest
  assert_int_equal(CALL(path_open, 5, 0, PATH("file"), 0, R, R, 0, OUT), E_notcapable);
  assert_int_equal(CALL(fd_seek, DIR_FD, 0, 0, OUT), E_notcapable);
  assert_int_equal(CALL(fd_write, 1, iov(100, 1000, 1), 1, OUT), E_badf); // nothing is inherited unasked
}

static void arguments_and_variables(void **state)
{
  (void)state;
  assert_true(zwasm_wasi_arg(w, "prog") && zwasm_wasi_arg(w, "") && zwasm_wasi_env(w, "A", "1") && zwasm_wasi_env(w, "EMPTY", ""));
  assert_int_equal(CALL(args_sizes_get, 100, 104), 0);
  assert_int_equal(zw_get32(bytes + 100), 2);
  assert_int_equal(zw_get32(bytes + 104), 6);
  assert_int_equal(CALL(args_get, 100, 200), 0);
  assert_memory_equal(bytes + 200, "prog\0", 6);
  assert_int_equal(zw_get32(bytes + 104), 205);
  assert_int_equal(CALL(args_get, 100, 65536 - 5), E_fault);
  assert_int_equal(CALL(environ_sizes_get, 100, 104), 0);
  assert_int_equal(zw_get32(bytes + 104), 11);
  assert_int_equal(CALL(environ_get, 100, 200), 0);
  assert_memory_equal(bytes + 200, "A=1\0EMPTY=", 11);
}

static void pointers_at_the_end_of_memory(void **state)
{
  (void)state;
  assert_int_equal(open_at(DIR_FD, "file", 0, RW, false), 0);
  uint32_t fd = out32();
  static const uint32_t bad_iovs[][2] = { { 65536, 1 }, { 65535, 2 }, { 0xffffffff, 1 }, { 0x80000000, 0x7fffffff }, { 1, 0xffffffff } };
  for (size_t i = 0; i < ARRAY_COUNT(bad_iovs); i++) {
    assert_int_equal(CALL(fd_read, fd, iov(100, bad_iovs[i][0], bad_iovs[i][1]), 1, OUT), E_fault);
    assert_int_equal(CALL(fd_write, fd, 100, 1, OUT), E_fault);
  }
  assert_int_equal(CALL(fd_read, fd, iov(65528, 65535, 1), 1, OUT), 0);
  assert_int_equal(bytes[65535], 'h');
  assert_int_equal(CALL(fd_read, fd, 65529, 1, OUT), E_fault);
  assert_int_equal(CALL(fd_read, fd, 100, 0xffffffff, OUT), E_fault);
  assert_int_equal(CALL(fd_read, fd, iov(100, 1000, 1), 1, 65533), E_fault);
  assert_int_equal(CALL(fd_tell, fd, OUT), 0);
  assert_int_equal(out64(), 1); // the refused ones read nothing
  assert_int_equal(CALL(fd_fdstat_get, fd, 65536 - 23), E_fault);
  assert_int_equal(CALL(random_get, 65535, 2), E_fault);
  assert_int_equal(CALL(random_get, 65535, 1), 0);
  assert_int_equal(CALL(clock_time_get, 0, 0, 65529), E_fault);
  assert_int_equal(CALL(poll_oneoff, 0, 0, 0xffffffff, OUT), E_inval);
  assert_int_equal(CALL(poll_oneoff, 0, 0, 1366, OUT), E_fault); // 1366 x 48 bytes is one too many
}

static void clocks_and_waiting(void **state)
{
  (void)state;
  uint64_t now, then;
  zw_os_clock(0, &now);
  assert_int_equal(CALL(clock_time_get, 0, 0, OUT), 0);
  zw_os_clock(0, &then);
  assert_in_range(out64(), now, then);
  assert_int_equal(CALL(clock_res_get, 1, OUT), 0);
  assert_true(out64() > 0);
  assert_int_equal(CALL(clock_time_get, 4, 0, OUT), E_inval);
  // one clock, relative: 20 ms
  uint64_t before, after;
  zw_os_clock(1, &before);
  zw_put64(bytes + 1000, 77), bytes[1008] = 0, zw_put32(bytes + 1016, 1), zw_put64(bytes + 1024, 20000000), zw_put16(bytes + 1040, 0);
  assert_int_equal(CALL(poll_oneoff, 1000, 2000, 1, OUT), 0);
  zw_os_clock(1, &after);
  assert_int_equal(out32(), 1);
  assert_int_equal(zw_get64(bytes + 2000), 77);
  assert_true(after - before >= 20000000); // never early; how late is the machine's business
  // a pipe that is ready, beside a clock that is far away
  int pipe_fds[2];
  assert_int_equal(pipe(pipe_fds), 0);
  assert_int_equal(write(pipe_fds[1], "xyz", 3), 3);
  assert_int_equal(zw_wasi_give_fd(w, pipe_fds[0], true), 0);
  zw_put64(bytes + 1024, 1000000000000ull);
  memset(bytes + 1048, 0, 48);
  zw_put64(bytes + 1048, 88), bytes[1056] = 1, zw_put32(bytes + 1064, 5);
  assert_int_equal(CALL(poll_oneoff, 1000, 2000, 2, OUT), 0);
  assert_int_equal(out32(), 1);
  assert_int_equal(zw_get64(bytes + 2000), 88);
  assert_int_equal(bytes[2010], 1);
  assert_int_equal(zw_get64(bytes + 2016), 3);
  close(pipe_fds[1]);
}

static void broken_pipe_is_an_errno(void **state)
{
  (void)state;
  int p[2];
  assert_int_equal(pipe(p), 0);
  close(p[0]);
  signal(SIGPIPE, SIG_DFL);
  assert_int_equal(zw_wasi_give_fd(w, p[1], true), 0);
  assert_int_equal(CALL(fd_write, 5, iov(100, 1000, 1), 1, OUT), E_pipe);
  assert_int_equal(CALL(fd_seek, 5, 0, 0, OUT), E_spipe);
}

static void sockets_of_the_host(void **state)
{
  (void)state;
  int s[2];
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
  assert_int_equal(zw_wasi_give_fd(w, s[0], true), 0);
  put(1000, "ping");
  assert_int_equal(CALL(sock_send, 5, iov(100, 1000, 4), 1, 0, OUT), 0);
  char buf[8] = { 0 };
  assert_int_equal(read(s[1], buf, sizeof buf), 4);
  assert_string_equal(buf, "ping");
  assert_int_equal(write(s[1], "pong", 4), 4);
  assert_int_equal(CALL(sock_recv, 5, iov(100, 1000, 100), 1, 0, OUT, OUT + 8), 0);
  assert_int_equal(out32(), 4);
  assert_int_equal(CALL(sock_shutdown, 5, 3), 0);
  assert_int_equal(CALL(sock_shutdown, 5, 0), E_inval);
  assert_int_equal(CALL(sock_send, DIR_FD, iov(100, 1000, 4), 1, 0, OUT), E_notsock);
  close(s[1]);
}

static void fifos_and_devices_are_not_opened(void **state)
{
  (void)state;
  assert_int_equal(mkfifo("box/fifo", 0644), 0);
  for (int walk = 0; walk < 2; walk++) {
    zw_wasi_walk_always = walk;
    assert_int_equal(open_at(DIR_FD, "fifo", 0, R, false), E_acces);
    assert_int_equal(open_at(DIR_FD, "fifo", 0, RIGHT(R_FD_WRITE), false), E_nxio);
  }
  zw_wasi_walk_always = false;
}

// Random operations on descriptors against a model of which are open.
static void descriptors_follow_a_model(void **state)
{
  (void)state;
  enum { N = 64 };
  bool open[N] = { [DIR_FD] = true, [RO_FD] = true };
  srand(7);
  for (int i = 0; i < 20000; i++) {
    uint32_t a = (uint32_t)rand() % N, b = (uint32_t)rand() % N, e;
    switch (rand() % 3) {
    case 0:
      e = open_at(DIR_FD, "file", 0, R, false);
      if (!open[DIR_FD]) {
        assert_int_equal(e, E_badf);
        break;
      }
      if (e)
        break; // DIR_FD may be another file by now
      assert_true(out32() < N && !open[out32()]);
      open[out32()] = true;
      break;
    case 1:
      if (a == DIR_FD || (a > 50 && rand() % 2))
        break;
      assert_int_equal(CALL(fd_close, a), open[a] ? 0 : E_badf);
      open[a] = false;
      break;
    default:
      if (a == DIR_FD || b == DIR_FD)
        break;
      assert_int_equal(CALL(fd_renumber, a, b), open[a] && open[b] ? 0 : E_badf);
      if (open[a] && open[b] && a != b)
        open[a] = false;
    }
    int n = 0;
    for (int k = 0; k < N; k++)
      n += open[k];
    if (n > N - 10)
      for (uint32_t k = 5; k < N; k++)
        if (open[k]) {
          assert_int_equal(CALL(fd_close, k), 0);
          open[k] = false;
        }
  }
  int n = 0;
  for (int k = 0; k < N; k++)
    n += open[k];
  assert_int_equal(open_fds(), fds_before + n);
}

static void stdio_is_what_was_given(void **state)
{
  (void)state;
  int p[2];
  assert_int_equal(pipe(p), 0);
  assert_true(zwasm_wasi_stdio_fd(w, 1, p[1]));
  assert_int_equal(CALL(fd_write, 1, iov(100, put(1000, "out"), 3), 1, OUT), 0);
  char buf[4] = { 0 };
  assert_int_equal(read(p[0], buf, 3), 3);
  assert_string_equal(buf, "out");
  assert_int_equal(CALL(fd_fdstat_set_flags, 1, FDFLAG_NONBLOCK), 0);
  assert_false(fcntl(p[1], F_GETFL) & O_NONBLOCK); // the host's other users are not surprised
  for (uint32_t e = 0; e != E_again;)
    assert_true((e = CALL(fd_write, 1, iov(100, 0, 4096), 1, OUT)) == 0 || e == E_again);
  assert_int_equal(CALL(fd_read, 0, iov(100, 1000, 1), 1, OUT), E_badf);
  assert_int_equal(CALL(fd_close, 1), 0);
  assert_int_equal(fcntl(p[1], F_GETFD), 0); // still the host's
  close(p[0]), close(p[1]);
}

#define CALL0(name, ...) call(zwasm_wasi_p0_##name, ARGS(__VA_ARGS__))
static void the_forerunner_has_other_forms(void **state)
{
  (void)state;
  assert_int_equal(open_at(DIR_FD, "file", 0, RW, false), 0);
  uint32_t fd = out32();
  assert_int_equal(CALL0(fd_seek, fd, 2, 2 /* set */, OUT), 0);
  assert_int_equal(CALL0(fd_seek, fd, 1, 0 /* current */, OUT), 0);
  assert_int_equal(out64(), 3);
  assert_int_equal(CALL0(fd_seek, fd, (uint64_t)-1, 1 /* end */, OUT), 0);
  assert_int_equal(out64(), 4);
  assert_int_equal(CALL0(fd_seek, fd, 0, 3, OUT), E_inval);
  memset(bytes + 1000, 0xaa, 128);
  assert_int_equal(CALL(fd_filestat_get, fd, 1000), 0);
  assert_int_equal(CALL0(fd_filestat_get, fd, 1064), 0);
  assert_memory_equal(bytes + 1000, bytes + 1064, 17);
  assert_memory_equal(bytes + 1081, "\0\0\0", 3);
  assert_int_equal(zw_get32(bytes + 1084), 1);
  assert_memory_equal(bytes + 1032, bytes + 1088, 32); // size and times
  assert_int_equal(bytes[1120], 0xaa);
  assert_int_equal(CALL0(path_filestat_get, DIR_FD, 0, PATH("file"), 1200), 0);
  assert_memory_equal(bytes + 1064, bytes + 1200, 56);
  assert_int_equal(CALL0(fd_filestat_get, fd, sizeof bytes - 55), E_fault);
  assert_int_equal(CALL0(fd_filestat_get, fd, sizeof bytes - 56), 0);
  // two clocks: the one of no time at all ends the wait for an hour; then 5 ms alone
  memset(bytes + 2000, 0, 112);
  zw_put64(bytes + 2000, 7), zw_put32(bytes + 2024, 1), zw_put64(bytes + 2032, 0);
  zw_put64(bytes + 2056, 8), zw_put32(bytes + 2080, 1), zw_put64(bytes + 2088, 3600000000000);
  assert_int_equal(CALL0(poll_oneoff, 2000, 3000, 2, OUT), 0);
  assert_int_equal(out32(), 1);
  assert_int_equal(zw_get64(bytes + 3000), 7);
  zw_put64(bytes + 2088, 5000000);
  assert_int_equal(CALL0(poll_oneoff, 2056, 3000, 1, OUT), 0);
  assert_int_equal(zw_get64(bytes + 3000), 8);
  assert_int_equal(CALL(fd_close, fd), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
    T(without_a_context_everything_says_nosys), T(files_are_written_read_and_measured), T(append_truncate_and_flags),
    T(rights_only_shrink), T(nothing_leads_out), T(inside_links_and_dots_work), T(bad_paths_are_errors),
    T(names_are_made_moved_and_removed), T(directories_are_read_in_pieces), T(preopens_and_descriptors),
    T(arguments_and_variables), T(pointers_at_the_end_of_memory), T(clocks_and_waiting), T(broken_pipe_is_an_errno),
    T(sockets_of_the_host), T(fifos_and_devices_are_not_opened), T(descriptors_follow_a_model), T(stdio_is_what_was_given),
    T(the_forerunner_has_other_forms),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
