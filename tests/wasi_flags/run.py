#!/usr/bin/env python3
"""What a user grants, in every lane: flags of `zwasm run`, what zwasmc bakes into programs, include/wasi.h in a C program,
   wasi_unstable, sockets, input that does not wait.
   run.py ZWASM ZWASMC LIBZWASM_RT INCLUDE_DIR"""
import os, re, select, shutil, socket, subprocess, sys, tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from checks import check, finish, run, same

zwasm, zwasmc, rt, include = (os.path.abspath(p) for p in sys.argv[1:5])
here = os.path.dirname(os.path.abspath(__file__))
EXPECTED = 98


def fresh_box():
    shutil.rmtree("box", ignore_errors=True)
    os.mkdir("box")
    open("box/file", "w").write("hello")


# A guest in each lane: the beginning of its command line.  Flags go before FILE; in a program they are baked in.
def lanes(guest, *flags):
    yield "jit", [zwasm, "run", *flags, guest + ".wasm"]
    yield "interp", [zwasm, "run", "--engine=interp", *flags, guest + ".wasm"]
    yield "cwasm", [zwasm, "run", *flags, guest + ".cwasm"]
    if all(f.startswith(("--dir", "--env")) for f in flags):
        code, out, err = run([zwasmc, guest + ".wasm", "-o", guest + "-exe", *flags])
        check(f"build {guest}", code == 0, err)
        yield "exe", ["./" + guest + "-exe"]


with tempfile.TemporaryDirectory() as tmp:
    os.chdir(tmp)
    for c in ("look", "serve", "wait"):
        code, out, err = run(["clang", "--target=wasm32-wasi", "-O2", os.path.join(here, "guests", c + ".c"), "-o", c + ".wasm"])
        check("clang " + c, code == 0, err)
    same("assemble old", run([zwasm, "wasm", os.path.join(here, "guests/old.wat"), "-o", "old.wasm"])[0], 0)
    for g in ("look", "serve", "wait", "old"):
        same("cwasm " + g, run([zwasmc, g + ".wasm", "-o", g + ".cwasm"])[0], 0)

    # ---- the first snapshot ----
    fresh_box()
    for lane, cmd in lanes("old", "--dir=box"):
        same(f"wasi_unstable in {lane}", run(cmd), (0, "old\n", ""))
    open("later.wat", "w").write('(module (import "wasi_unstable" "sock_accept" (func (param i32 i32 i32) (result i32))) (memory 1) (func (export "_start")))')
    check("it has no sock_accept: run", run([zwasm, "run", "later.wat"])[0] == 126)
    check("it has no sock_accept: compile", run([zwasmc, "later.wat", "-o", "later.o"])[0] == 1)

    # ---- nothing granted: nothing there ----
    for lane, cmd in lanes("look"):
        argv0 = cmd[-1]
        code, out, err = run(cmd, input=b"in", env={"SECRET": "1", "PATH": os.environ["PATH"]})
        same(f"nothing granted in {lane}", (code, out, err), (3, f"args: {argv0}\nenv:\nstdin: IN\n/a: not there\n/b: not there\nbox: not there\n", "said\n"))

    # ---- everything granted ----
    for lane, cmd in lanes("look", "--dir=box::/a", "--dir=box::/b:ro", "--env=A=1=2", "--env=B="):
        fresh_box()
        argv0 = cmd[-1]
        code, out, err = run(cmd + ["x", "--dir=y"], input=b"abc")
        same(f"everything granted in {lane}", (code, out, err),
             (3, f"args: {argv0} x --dir=y\nenv: A=1=2 B=\nstdin: ABC\n/a: file [writable]\n/b: file made [read-only]\nbox: not there\n", "said\n"))
        same(f"what was made in {lane}", sorted(os.listdir("box")), ["file", "made"])
    fresh_box()
    code, out, err = run([zwasm, "--dir=box", "--env", "GIVEN", "--env=NOT_SET_HERE", "--argv0", "name", "look.wasm"], env={**os.environ, "GIVEN": "yes"})
    same("a bare variable, argv0, a directory under its own name", out, "args: name\nenv: GIVEN=yes\nstdin: \n/a: not there\n/b: not there\nbox: file [writable]\n")
    fresh_box()
    code, out, err = run([zwasmc, "look.wasm", "-o", "baked", "--dir=box:ro", "--env=X=y", "--arg=first", "--arg=--second"])
    same("build baked", (code, err), (0, ""))
    same("baked in", run(["./baked", "own"], env={"X": "no", "Z": "no"})[1],
         "args: ./baked first --second own\nenv: X=y\nstdin: \n/a: not there\n/b: not there\nbox: file [read-only]\n")
    os.rename("box", "gone")
    code, out, err = run(["./baked"])
    check("a baked directory that is not there", code == 126 and "--dir=box:ro" in err, (code, err))
    os.rename("gone", "box")

    # ---- streams ----
    open("in", "w").write("from file")
    code, out, err = run([zwasm, "run", "--stdin=in", "--stdout", "out", "--stderr=err", "look.wasm"], input=b"not this")
    same("streams are files", (code, out, err), (3, "", ""))
    check("what was written", "stdin: FROM FILE\n" in open("out").read() and open("err").read() == "said\n", open("out").read())
    for flags, word in ((["--stdin=absent"], "absent"), (["--stdout=absent/x"], "absent/x"), (["--dir=absent"], "absent"), (["--dir=in"], "in"),
                        (["--dir=::x"], "::x"), (["--listen=nowhere"], "nowhere"), (["--listen=localhost:99999"], "99999")):
        code, out, err = run([zwasm, "run", *flags, "look.wasm"])
        check(f"refused: {flags[0]}", code == 126 and word in err and out == "", (code, err))
    code, out, err = run(["sh", "-c", f"{zwasm} run --dir=box look.wasm <&- 2>&-"])
    check("closed streams stay closed", code in (1, 3) and "stdin: \n" in out, (code, out, err))

    # ---- input that does not wait ----
    for lane, cmd in lanes("wait"):
        p = subprocess.Popen(cmd, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        seen = b""
        while b"go\n" not in seen and select.select([p.stdout], [], [], 600)[0]:
            got = os.read(p.stdout.fileno(), 1000)
            if not got:
                break
            seen += got
        p.stdin.write(b"k")
        p.stdin.flush()
        seen += p.stdout.read()
        p.stdin.close()
        same(f"waiting in {lane}", (p.wait(), seen), (0, b"read: would wait\npoll: 0, in time\ngo\npoll: 1, then 1 'k'\n"))

    # ---- sockets ----
    for lane, cmd in lanes("serve", "-v", "--dir=box", "--listen=127.0.0.1:0"):
        p = subprocess.Popen(cmd + ["4"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        line, port = b" ", None
        while line and not port:
            line = p.stderr.readline()
            port = re.search(rb"descriptor 4 listens on port (\d+)", line)
        if not check(f"listens in {lane}", port):
            p.kill()
            continue
        with socket.create_connection(("127.0.0.1", int(port[1])), timeout=600) as s:
            s.sendall(b"drawer")
            got = b""
            while len(got) < 6 or s.recv(1):
                part = s.recv(100)
                if not part:
                    break
                got += part
            s.close()
        out, err = p.communicate(timeout=600)
        same(f"served in {lane}", (p.returncode, got, out), (0, b"reward", b"served 6, began with dr\n"))

    # ---- a terminal ----
    import pty
    open("tty.c", "w").write('#include <unistd.h>\n#include <string.h>\nint main(int argc, char **argv) { for (int i = 1; i < argc; i++) write(1, argv[i], strlen(argv[i])); return !isatty(1); }\n')
    same("clang tty", run(["clang", "--target=wasm32-wasi", "-O2", "tty.c", "-o", "tty.wasm"])[0], 0)

    def on_terminal(*args):
        master, slave = pty.openpty()
        p = subprocess.Popen([zwasm, "run", *args], stdin=subprocess.DEVNULL, stdout=slave, stderr=subprocess.DEVNULL)
        code = p.wait(600)
        os.close(slave)
        got = b""
        try:
            while part := os.read(master, 10000):
                got += part
        except OSError:
            pass
        os.close(master)
        return code, got.decode(errors="replace")

    pass_ = ["plain\tx", "\x1b[1;31mred\x1b[0m", "\x1b[2J\x1b[10;5H\x1b[?25l", "\x1b7\x1b8\x1b(B", "caf\u00e9 \u4e2d \u00a0", "\a\b\r"]
    same("drawing passes", on_terminal("tty.wasm", *pass_), (0, "".join(pass_)))
    for bad, shown in (("\x1b]0;title\x07", "\u241b]0;title\x07"), ("\x1b]52;c;QQ==\x1b\\", "\u241b]52;c;QQ==\u241b\\"), ("\x1b[6n", "\u241b[6n"), ("\x1b[c", "\u241b[c"),
                       ("\x1bPq\x1b\\", "\u241bPq\u241b\\"), ("\x1b[5i", "\u241b[5i"), ("\u009b6n", "\u241b6n"), ("\x01\x0e", "\u2401\u240e"),
                       ("\x1b\x1b[31mx", "\u241b\x1b[31mx"), ("\x1b[" + "1;" * 20 + "m", "\u241b[" + "1;" * 20 + "m"), ("\x1b[1\x1b[32m", "\u241b[1\x1b[32m")):
        same(f"shown, not sent: {bad!r}", on_terminal("tty.wasm", bad + "."), (0, shown + "."))
    same("in pieces", on_terminal("tty.wasm", "\x1b", "[3", "1mx", "\x1b", "]0;y"), (0, "\x1b[31mx\u241b]0;y"))
    same("much", on_terminal("tty.wasm", "\x1b[31m0123456789" * 500), (0, "\x1b[31m0123456789" * 500))
    same("raw", on_terminal("--tty=raw", "tty.wasm", "\x1b]0;t\x07"), (0, "\x1b]0;t\x07"))

    # ---- the second fence ----
    code, out, err = run([zwasm, "run", "-v", "--dir=box::/a", "look.wasm"])
    check("the fence is reported when asked", re.search(r"^look.wasm: (fenced in by Landlock \d+|no second fence: .+)$", err, re.M), err)
    check("and not otherwise", "Landlock" not in run([zwasm, "run", "look.wasm"])[2])

    # ---- embedders ----
    code, out, err = run([zwasmc, "look.wasm", "-o", "look.o"])
    same("object", (code, err), (0, ""))
    for cc in (["gcc", "-std=c99"], ["clang", "-std=c11"], ["g++", "-x", "c++", "-std=c++11"]):
        link = ["-x", "none"] if "-x" in cc else []
        code, out, err = run([*cc, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I", ".", "-I", include, os.path.join(here, "host.c"), *link,
                              "look.o", rt, "-o", "host", "-lpthread"])
        if not check(f"link with {cc[0]}", code == 0, err):
            continue
        fresh_box()
        code, out, err = run(["./host"])
        same(f"embedded by {cc[0]}", (code, err), (0, ""))
        lines = out.split("\n")
        same(f"the guest's world by {cc[0]}", lines[:8], ["3 1 1", "args: guest one", "env: N=V", "stdin: BYTES", "/a: file [writable]",
                                                           "/b: file made [read-only]", "box: not there", "said"])
        same(f"a guest that gets nothing, by {cc[0]}", lines[8:], ["3 3 71", ""])
        check(f"files as streams by {cc[0]}", "stdin: FROM FILE" in open("out").read() and "box: file made [read-only]" in open("out").read(), open("out").read())

    # ---- sizes and contents ----
    open("print.c", "w").write('#include <stdio.h>\nint main(void) { return printf("hello, %s %d\\n", "world", 42) != 16; }\n')
    same("clang print", run(["clang", "--target=wasm32-wasi", "-O2", "print.c", "-o", "print.wasm"])[0], 0)
    same("build print", run([zwasmc, "print.wasm", "-o", "print"])[0], 0)
    same("print", run(["./print"]), (0, "hello, world 42\n", ""))
    same("build print -s", run([zwasmc, "-s", "print.wasm", "-o", "bare"])[0], 0)
    check("printf has at most 100 KB", os.path.getsize("bare") <= 100000, os.path.getsize("bare"))
    check("and with symbols, names and its libc's source lines 110", os.path.getsize("print") <= 110000, os.path.getsize("print"))
    open("hello.wat", "w").write("""(module (import "wasi_snapshot_preview1" "fd_write" (func $w (param i32 i32 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "proc_exit" (func $x (param i32))) (memory (export "memory") 1) (data (i32.const 8) "\\10\\00\\00\\00\\06\\00\\00\\00hello\\n")
      (func (export "_start") (drop (call $w (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 0))) (call $x (i32.const 0))))""")
    same("build hello", run([zwasmc, "hello.wat", "-o", "hello"])[0], 0)
    same("hello", run(["./hello"]), (0, "hello\n", ""))
    small = 60000 if os.environ.get("ZW_CONFIG", "Release") == "Release" else 64000  # a runtime that is not optimised is larger
    check(f"hello has at most {small} bytes", os.path.getsize("hello") <= small, os.path.getsize("hello"))
    # also when the linker drops nothing
    same("hello.o", run([zwasmc, "hello.wat", "-o", "hello.o"])[0], 0)
    open("m.c", "w").write('#include "hello.h"\nint main(void) { return hello_new(NULL) == NULL; }\n')
    code, out, err = run(["gcc", "-I.", "-I" + include, "m.c", "hello.o", rt, "-o", "m", "-Wl,--no-gc-sections"])
    same("link without dropping", (code, err), (0, ""))
    names = run(["nm", "m"])[1]
    calls = sorted(set(re.findall(r"zwasm_wasi_p[01]_(\w+)", names)))
    same("only the calls it imports", calls, ["fd_write", "proc_exit"])
    check("nothing that opens paths", not re.search(r"zw_os_open_(beneath|at|dir)|zw_wasi_(resolve|path|preopen$)|zwasm_wasi_preopen", names), names)

finish("wasi flags", EXPECTED)
