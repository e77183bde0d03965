#!/usr/bin/env python3
"""Executables: exit codes, traps, what they may reach; and what the runtime's archive may contain.
   exe.py ZWASMC LIBZWASM_RT START_O"""
import os, re, subprocess, sys, tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from checks import check, finish, run

zwasmc, archive, start = (os.path.abspath(p) for p in sys.argv[1:4])

IMPORTS = """
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
"""
PRINT = """
  (func $print (param $at i32) (param $n i32)
    (i32.store (i32.const 0) (local.get $at))
    (i32.store (i32.const 4) (local.get $n))
    (if (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)) (then (call $proc_exit (i32.const 9)))))
"""
programs = {
    "hello": IMPORTS + '(memory (export "memory") 1)' + PRINT + '(data (i32.const 16) "hello\\n") (func (export "_start") (call $print (i32.const 16) (i32.const 6)))',
    "exit42": IMPORTS + '(memory (export "memory") 1) (func (export "_start") (call $proc_exit (i32.const 42)))',
    "exit125": IMPORTS + '(memory (export "memory") 1) (func (export "_start") (call $proc_exit (i32.const 125)))',
    "exit126": IMPORTS + '(memory (export "memory") 1) (func $code (call $proc_exit (i32.const 126))) (func (export "_start") (call $code))',
    "unreachable": '(func $inner unreachable) (func $outer (call $inner)) (func (export "_start") (call $outer))',
    "oob": '(memory 1) (func $peek (result i32) (i32.load offset=8 (i32.const 65536))) (func (export "_start") (i32.store (i32.const 0) (call $peek)))',
    "overflow": '(func $down (param i32) (result i32) (i32.add (call $down (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))'
                ' (func (export "_start") (drop (call $down (i32.const 0))))',
    "inlined": '(memory 1) (func $leaf (param i32) (result i32) (i32.load (local.get 0)))'
               ' (func $mid (param i32) (result i32) (i32.add (call $leaf (local.get 0)) (i32.const 1)))'
               ' (func $div (param i32 i32) (result i32) (i32.div_u (local.get 0) (call $mid (local.get 1))))'
               ' (func (export "_start") (i32.store (i32.const 0) (i32.add (call $mid (i32.const 8)) (call $div (i32.const 1) (i32.const -8)))))',
    "startrap": '(func $s unreachable) (start $s) (func (export "_start"))',
    "startexit": IMPORTS + '(memory (export "memory") 1) (func $s (call $proc_exit (i32.const 3))) (start $s) (func (export "_start"))',
    "segment": '(memory 1) (data (i32.const 65535) "ab") (func (export "_start"))',
    "args": IMPORTS + """
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $asz (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $ag (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $esz (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $eg (param i32 i32) (result i32)))
  (memory (export "memory") 1)""" + PRINT + """
  (func (export "_start")
    (drop (call $asz (i32.const 32) (i32.const 36))) (drop (call $ag (i32.const 1024) (i32.const 4096)))
    (call $print (i32.const 4096) (i32.load (i32.const 36)))
    (drop (call $esz (i32.const 32) (i32.const 36))) (drop (call $eg (i32.const 1024) (i32.const 4096)))
    (call $print (i32.const 4096) (i32.load (i32.const 36))))""",
    "cat": IMPORTS + """
  (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)""" + PRINT + """
  (data (i32.const 64) "note.txt")
  (func (export "_start") (local $e i32)
    (local.set $e (call $open (i32.const 3) (i32.const 1) (i32.const 64) (i32.const 8) (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 32)))
    (if (local.get $e) (then (call $proc_exit (local.get $e))))
    (i32.store (i32.const 40) (i32.const 1024)) (i32.store (i32.const 44) (i32.const 100))
    (drop (call $read (i32.load (i32.const 32)) (i32.const 40) (i32.const 1) (i32.const 48)))
    (call $print (i32.const 1024) (i32.load (i32.const 48))))""",
    # the way to an import that is an element of a table
    "bytable": IMPORTS + '(memory (export "memory") 1) (table 4 funcref) (elem (i32.const 1) $proc_exit $fd_write) (type $exit (func (param i32)))'
               ' (func (export "_start") (table.set 0 (i32.const 3) (table.get 0 (i32.const 1))) (call_indirect (type $exit) (i32.const 7) (i32.const 3)))',
    "flood": IMPORTS + '(memory (export "memory") 1)' + PRINT + '(func (export "_start") (loop (call $print (i32.const 0) (i32.const 60000)) (br 0)))',
}

with tempfile.TemporaryDirectory() as tmp:
    os.chdir(tmp)

    def build(name, *flags):
        open(name + ".wat", "w").write("(module $" + name + programs[name] + ")")
        code, out, err = run(["wat2wasm", "--debug-names", name + ".wat", "-o", name + ".wasm"])
        check("wat2wasm " + name, code == 0, err)
        code, out, err = run([zwasmc, name + ".wasm", "-o", name, *flags])
        return check("build " + name, code == 0, err)

    open("parts.wat", "w").write("""(module
      (memory 1 3) (table 1 9 funcref) (global $g i32 (i32.add (i32.const 3) (i32.const 4))) (data $d "abc")
      (func (export "_start")
        (if (i32.ne (global.get $g) (i32.const 7)) (then unreachable))
        (if (i32.ne (memory.grow (i32.const 2)) (i32.const 1)) (then unreachable))
        (memory.init $d (i32.const 100) (i32.const 0) (i32.const 3))
        (if (i32.ne (i32.load8_u (i32.const 102)) (i32.const 99)) (then unreachable))
        (if (i32.ne (table.grow (ref.null func) (i32.const 2)) (i32.const 1)) (then unreachable))
        (if (memory.atomic.notify (i32.const 0) (i32.const 1)) (then unreachable))))""")

    def expect(name, code, out="", err="", **kw):
        got = run(["./" + name], **kw)
        check(f"run {name}", got[0] == code and got[1] == out and re.fullmatch(err, got[2]) is not None, got)

    for name in programs:
        if name not in ("args", "cat"):
            build(name)
    expect("hello", 0, "hello\n")
    expect("exit42", 42)
    expect("exit125", 125)
    at = r" +\[\S+\+0x[0-9a-f]+\]\n"
    expect("exit126", 134, "", r"wasm trap: proc_exit: code 126 is not below 126\n    0: code" + at + "    1: _start" + at)
    expect("unreachable", 134, "", r"wasm trap: unreachable\n    0: inner" + at + "    1: outer" + at + "    2: _start" + at)
    expect("oob", 134, "", r"wasm trap: out of bounds memory access at address 0x10008 \(memory 0 is 65536 bytes\)\n    0: peek" + at + "    1: _start" + at)
    expect("overflow", 134, "", r"wasm trap: call stack exhausted\n(    ?\d+: down" + at + r"){64}    \.\.\. \d+ more\n")
    expect("inlined", 134, "", r"wasm trap: out of bounds memory access at address 0xfffffff8 \(memory 0 is 65536 bytes\)\n    0: leaf" + at +
           "    1: mid" + at + "    2: div" + at + "    3: _start" + at)
    expect("startrap", 134, "", r"startrap: wasm trap: unreachable\n    0: s" + at)
    expect("startexit", 3)
    expect("bytable", 7)
    expect("segment", 134, "", r"segment: wasm trap: out of bounds memory access\n")

    if build("args", "--arg=baked", "--env=A=1", "--env=B=two words"):
        got = run(["./args", "own", ""], env={"SECRET": "x"})
        check("arguments and variables", got == (0, "./args\0baked\0own\0\0A=1\0B=two words\0", ""), got)
    os.mkdir("d")
    open("d/note.txt", "w").write("noted")
    if build("cat"):
        expect("cat", 8)  # badf: no directory was granted
    if build("cat", "--dir=d"):
        expect("cat", 0, "noted")
        os.rename("d", "e")
        expect("cat", 126, "", r"\./cat: cannot open the directory of --dir=d\n")
    # closed standard streams stay closed, a broken pipe is an errno
    code = subprocess.run("./hello >&-", shell=True).returncode
    check("closed stdout", code == 9, code)
    code = subprocess.run(["bash", "-c", "./flood | head -c 10 >/dev/null; exit ${PIPESTATUS[0]}"]).returncode
    check("broken pipe", code == 9, code)
    # a small stack, a small address space
    code = subprocess.run("ulimit -s 200; ./overflow 2>&1 | head -1 | grep -q exhausted", shell=True).returncode
    check("small main stack", code == 0)
    got = run(["bash", "-c", "ulimit -v 1000000; ./oob"])
    check("short address space", got[0] == 126 and "--bounds=check" in got[2], got)

    # ---- the file ----
    size = os.path.getsize("hello")
    check("hello is at most 100 KB", size <= 100000, size)
    head = run(["readelf", "-lW", "hello"])[1]
    check("position independent, no interpreter", "DYN (" in run(["readelf", "-hW", "hello"])[1] and "INTERP" not in head, head)
    check("nothing writable is executable", re.search(r"^\s+\S.*\bRWE\b", head, re.M) is None and "GNU_STACK" in head, head)
    relocs = run(["readelf", "-rW", "hello"])[1]
    check("relative relocations only, and packed", "'.relr.dyn'" in relocs and not re.search(r"R_X86_64_\w+", relocs), relocs)
    # a linker that does not pack them makes a program that runs as well
    code, out, err = run([zwasmc, "hello.wasm", "-o", "unpacked", "-Xlinker", "--pack-dyn-relocs=none"])
    check("build unpacked", code == 0, err)
    expect("unpacked", 0, "hello\n")
    check("relative relocations", set(re.findall(r"R_X86_64_\w+", run(["readelf", "-rW", "unpacked"])[1])) == {"R_X86_64_RELATIVE"})
    # parts of another version: one sentence that names both versions
    def other_version(part):
        os.makedirs("mixed", exist_ok=True)
        for path in (archive, start):
            data = open(path, "rb").read()
            name = re.search(rb"zwasm_rt_abi_\d+_format_\d+", data)[0]
            if os.path.basename(path) == part:
                data = data.replace(name, name[:-1] + b"9")
            open(os.path.join("mixed", os.path.basename(path)), "wb").write(data)
        return name.decode()
    for part in ("start.o", "libzwasm-rt.a"):
        name = other_version(part)
        code, out, err = run([zwasmc, "hello.wasm", "-o", "never"], env={**os.environ, "ZWASM_RUNTIME_DIR": "mixed"})
        check(f"{part} of another version", code == 1 and f"'mixed/{part}' is {name[:-1]}9, this zwasmc makes programs for {name}" in err
              and err.count("\n") == 1 and not os.path.exists("never"), err)
    open("mixed/start.o", "wb").write(b"\x7fELF")
    code, out, err = run([zwasmc, "hello.wasm", "-o", "never"], env={**os.environ, "ZWASM_RUNTIME_DIR": "mixed"})
    check("start.o of before", code == 1 and "'mixed/start.o' is of an older version" in err, err)
    # an object that meets such a runtime in somebody's own link: the linker names the version that is missing
    open("main.c", "w").write("extern void *hello_new(const void *); int main(void) { return hello_new(0) == 0; }\n")
    run([zwasmc, "hello.wasm", "-o", "hello.o"])
    name = other_version("libzwasm-rt.a")
    code, out, err = run(["cc", "main.c", "hello.o", "mixed/libzwasm-rt.a", "-o", "never"])
    check("the linker names the version", code != 0 and name in err, err)
    # ... and an object whose image is of another format says so when an instance is wanted
    data = open("hello.o", "rb").read()
    at = data.index(b"ZWIM")
    open("hello.o", "wb").write(data[:at + 4] + bytes([data[at + 4] - 1]) + data[at + 5:])
    open("main.c", "w").write("#include <stdio.h>\nextern void *hello_new(const void *); extern const char *zwasm_last_error(void);"
                              "int main(void) { return hello_new(0) ? 1 : (puts(zwasm_last_error()), 0); }\n")
    code, out, err = run(["cc", "main.c", "hello.o", archive, "-o", "older"])
    check("it links", code == 0, err)
    code, out, err = run(["./older"])
    check("an object of an older format", code == 0 and f"as format {data[at + 4] - 1} for runtime ABI" in out and f"reads format {data[at + 4]} of" in out, out)

    names = run(["nm", "hello"])[1]
    check("a program that prints has fd_write", "zwasm_wasi_p1_fd_write" in names)
    check("and nothing that opens paths", not re.search(r"path_open|zw_os_open_beneath|zw_os_unlink_at|fd_readdir", names), names)
    check("and no heap, no proofs of foreign images, no tables, no ways for imports that are not there",
          not re.search(r" [tT] (zw_gc_|zw_types_ok|zw_lib_table|zw_memory_wait|zw_const_expr|zw_table_(make|init|delete)|zw_host_generic|zw_link_check)", names), names)
    check("the folder it was built in is not in it", b"/runtime/" not in open("hello", "rb").read())
    small = 60000 if os.environ.get("ZW_CONFIG", "Release") == "Release" else 64000  # a runtime that is not optimised is larger
    check(f"a program that prints has at most {small} bytes", os.path.getsize("hello") <= small, os.path.getsize("hello"))
    # Each of these is in the program because its code names it, and is called.
    code, out, err = run([zwasmc, "parts.wat", "-o", "parts"])
    check("build parts", code == 0, err)
    expect("parts", 0, "")
    names = run(["nm", "parts"])[1]
    check("a program that needs parts has them", all(re.search(rf" [tT] {n}$", names, re.M) for n in
          ("zw_lib_memory_grow", "zw_lib_memory_init", "zw_lib_table_grow", "zw_lib_notify", "zw_const_expr", "zw_table_make")), names)
    relro = re.search(r"GNU_RELRO +0x\w+ (0x\w+) 0x\w+ 0x\w+ (0x\w+)", run(["readelf", "-lW", "flood"])[1])
    with subprocess.Popen(["./flood"], stdout=subprocess.PIPE) as p:
        p.stdout.read(1000) # it has started
        with open(f"/proc/{p.pid}/maps") as f:
            lines = [re.match(r"(\w+)-(\w+) (\S+) (\w+) \S+ \d+ *(.*)", l).groups() for l in f]
        base = min(int(l[0], 16) for l in lines if l[4].endswith("/flood"))
        at = base + int(relro[1], 16)
        page = [l for l in lines if int(l[0], 16) <= at < int(l[1], 16)]
        p.kill()
    check("no page is writable and executable", len(lines) > 3 and any("x" in l[2] for l in lines) and not any("w" in l[2] and "x" in l[2] for l in lines), lines)
    check("relocated data is read-only", relro and page and page[0][2].startswith("r--"), (relro and relro[0], lines))

# ---- the archive ----
defined = set(re.findall(r"^[0-9a-f]+ [TtDdBbRrVvWw] (\S+)$", run(["nm", archive])[1], re.M))
external = set(re.findall(r"^[0-9a-f]+ [TDBRVWC] (\S+)$", run(["nm", "-g", "--defined-only", archive])[1], re.M))
for name in ("memcpy", "memmove", "memset", "memcmp", "bcmp", "memchr", "strlen", "abort", "_start", "malloc"):
    check(f"the archive does not define {name}", name not in external)
check("every global name is ours", all(n.startswith(("zw_", "zwasm_")) for n in external), sorted(n for n in external if not n.startswith(("zw_", "zwasm_"))))
undefined = set(re.findall(r"^\s+U (\S+)$", run(["nm", "-u", archive])[1], re.M)) - external
check("it needs nothing but what compilers call", undefined <= {"memcpy", "memmove", "memset", "memcmp", "bcmp", "memchr", "strlen", "_GLOBAL_OFFSET_TABLE_"}, undefined)
weak = set(re.findall(r"^\s+w (\S+)$", run(["nm", "-u", archive])[1], re.M))
known = {"sigaction", "abort", "dladdr", "dlsym", "pthread_self", "pthread_getattr_np", "pthread_attr_getstack", "pthread_attr_destroy",
         "pthread_key_create", "pthread_setspecific", "_Unwind_GetCFA", "environ", "getauxval", "__errno_location"}
check("the host's functions that it uses where they are", weak - external <= known, weak - external - known)
check("what only some programs need is weak", {"zw_lib_wait32", "zw_lib_table_grow", "zw_const_expr"} <= weak & external, weak)
owners = re.findall(r"\n(\S+\.o):\n((?:[0-9a-f ]* \S \S+\n)*)", run(["nm", archive])[1])
calls = [re.findall(r" T (zwasm_wasi_p[01]_\w+)", names) for _, names in owners]
check("one archive member per call", max(map(len, calls)) == 1 and sum(map(len, calls)) == 46 + 4, calls)
symbols = run(["readelf", "-sW", archive])[1]
check("all global names are hidden", not re.search(r" GLOBAL +(DEFAULT|PROTECTED) +\d+ ", symbols), re.findall(r".* GLOBAL +DEFAULT +\d+ .*", symbols)[:5])
tls = sum(int(m) for m in re.findall(r"^ +\d+: [0-9a-f]+ +(\d+) TLS ", symbols, re.M))
check("there is one thread-local", len(re.findall(r"^ +\d+: [0-9a-f]+ +\d+ TLS .*(?<!UND) zw_thread$", symbols, re.M)) == 1 and tls > 0 and
      len({l.split()[-1] for l in symbols.splitlines() if " TLS " in l}) == 1)
check("no stack protector, no fortified calls", not re.search(r"__stack_chk|_chk$", run(["nm", archive])[1], re.M))
check("all of it is position independent", not re.search(r"R_X86_64_(32|32S|16|8)\b", run(["readelf", "-rW", archive])[1]))
check("thread-locals are few bytes", 0 < tls <= 128, tls)
sections = run(["readelf", "-SW", archive])[1]
members = len(re.findall(r"^File: ", sections, re.M))
check("no member asks for an executable stack", sections.count(".note.GNU-stack") == members, (sections.count(".note.GNU-stack"), members))
check("thread-locals by initial-exec", "R_X86_64_TLSGD" not in run(["readelf", "-rW", archive])[1] and "TLSLD" not in run(["readelf", "-rW", archive])[1])
owned = set(re.findall(r"^[0-9a-f]+ T (\S+)$", run(["nm", "-g", "--defined-only", start])[1], re.M))
check("start.o has what compilers call", {"memcpy", "memmove", "memset", "memcmp", "strlen", "_start"} <= owned, owned)

finish("exe", 60)
