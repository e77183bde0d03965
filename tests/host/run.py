#!/usr/bin/env python3
"""Living inside a host program: the same object linked by every compiler, linker and link mode we can name.
   run.py ZWASMC LIBZWASM_RT INCLUDE_DIR"""
import os, re, shutil, sys, tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from checks import check, finish, run_joined as run

zwasmc, rt, include = (os.path.abspath(p) for p in sys.argv[1:4])
here = os.path.dirname(os.path.abspath(__file__))

with tempfile.TemporaryDirectory() as tmp:
    os.chdir(tmp)
    run(["wat2wasm", "--debug-names", "--enable-exceptions", os.path.join(here, "guest.wat"), "-o", "guest.wasm"])
    code, out = run([zwasmc, "guest.wasm", "-o", "guest.o"])
    if not check("zwasmc makes object and header", code == 0 and os.path.exists("guest.h"), out):
        sys.exit(1)
    common = ["-I", tmp, "-I", include, "-Wall", "-Wextra", "-Werror", "-O1"]
    host, cxx = os.path.join(here, "host.c"), os.path.join(here, "cxx.cpp")

    # the header is clean in every dialect
    for cc in ("gcc", "clang"):
        for std in ("c99", "c11", "c17", "c2x"):
            open("h.c", "w").write('#include "guest.h"\nint unused(void);\nint unused(void) { return ZWASM_OK; }\n')
            code, out = run([cc, f"-std={std}", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I", tmp, "-I", include, "-c", "h.c", "-o", "h.o"])
            check(f"header {cc} {std}", code == 0, out)
    for cc in ("g++", "clang++"):
        for std in ("c++11", "c++14", "c++17", "c++20"):
            open("h.cpp", "w").write('#include "guest.h"\nint unused();\nint unused() { return ZWASM_OK; }\n')
            code, out = run([cc, f"-std={std}", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I", tmp, "-I", include, "-c", "h.cpp", "-o", "h.o"])
            check(f"header {cc} {std}", code == 0, out)

    modes = [("gcc PIE", ["gcc", "-pie", "-fPIE"]), ("gcc non-PIE", ["gcc", "-no-pie", "-fno-pie"]), ("gcc -static", ["gcc", "-static"]),
             ("gcc static-PIE", ["gcc", "-static-pie", "-fPIE"]), ("clang lld", ["clang", "-fuse-ld=lld"]), ("gcc lld --gc-sections", ["gcc", "-B", tmp, "-fuse-ld=lld", "-Wl,--gc-sections"]),
             ("gcc gold", ["gcc", "-fuse-ld=gold"]), ("gcc bfd --gc-sections", ["gcc", "-fuse-ld=bfd", "-Wl,--gc-sections"]), ("clang -O3", ["clang", "-O3"])]
    texts, in_a_row = set(), [0, 0]
    for name, cc in modes:
        code, out = run(cc + common + [host, "guest.o", rt, "-o", "host", "-lpthread"])
        if not check(f"link {name}", code == 0, out):
            continue
        warned = "executable stack" in out or "warning" in out
        check(f"link {name} says nothing", not warned, out)
        code, out = run(["./host"])
        check(f"run {name}", code == 0 and out.endswith("done\n"), f"exit {code}\n{out}")
        counted = re.search(r"in a row (\d+) stack overflows, (\d+) guard faults", out)
        if check(f"{name}: 10,000 stack overflows and 100,000 guard faults in a row", counted and int(counted[1]) >= 10000 and int(counted[2]) >= 100000, out):
            in_a_row = [in_a_row[k] + int(counted[k + 1]) for k in (0, 1)]
        texts.add("\n".join(l for l in out.split("\n") if "ok" not in l and l != "done"))
    check("one trap text in all link modes", len(texts) == 1, repr(texts))
    text = texts.pop() if texts else ""
    check("backtrace names the functions", re.search(r"callback says no\n\s+0: inner .*\n\s+1: middle .*\n\s+2: outer ", text) is not None, text)

    for name, cc in (("g++", ["g++"]), ("clang++ lld", ["clang++", "-fuse-ld=lld"]), ("g++ -static", ["g++", "-static"])):
        code, out = run(cc + common + [cxx, "guest.o", rt, "-o", "cxx"])
        if check(f"link C++ {name}", code == 0, out):
            code, out = run(["./cxx"])
            check(f"run C++ {name}", code == 0 and "exceptions: ok" in out, f"exit {code}\n{out}")

    for name, cc in (("gcc", ["gcc"]), ("clang lld", ["clang", "-fuse-ld=lld"])):
        code, out = run(cc + common + ["-shared", "-fPIC", "-Wl,-z,text", "-Wl,-z,defs", os.path.join(here, "lib.c"), "guest.o", rt, "-o", "libone.so"])
        if check(f"link .so {name}", code == 0, out):
            shutil.copy("libone.so", "libtwo.so")
            run(["gcc", os.path.join(here, "lib_main.c"), "-o", "lib_main", "-ldl", "-lpthread"])
            code, out = run(["./lib_main", "./libone.so", "./libtwo.so"])
            check(f"run .so {name}", code == 0 and out == "3628800\n3628800\n", f"exit {code}\n{out}")

    # imports as a struct, and what one module lends another
    for stem, flags in (("imports", ["--imports=struct"]), ("table", [])):
        code, out = run([zwasmc, os.path.join(here, stem + ".wat"), "-o", stem + ".o", *flags])
        check(f"zwasmc makes {stem}.o", code == 0, out)
    for name, cc in (("gcc", ["gcc", "-Wpedantic", "-std=c11"]), ("clang -static", ["clang", "-static"]), ("clang -O3 lld", ["clang", "-O3", "-fuse-ld=lld"])):
        code, out = run(cc + common + [os.path.join(here, "imports.c"), "imports.o", "table.o", rt, "-o", "imports"])
        if check(f"link imports {name}", code == 0, out):
            code, out = run(["./imports"])
            check(f"run imports {name}", code == 0 and out == "imports: ok\n", f"exit {code}\n{out}")

    # references, and what a host makes for its modules: every link mode, a shared library, C++
    for stem, out_name, flags in (("refs", "refs", []), ("refs", "refs_one_map", ["--prefix=refs"]), ("refs", "refs_struct", ["--imports=struct", "--prefix=refs", "--stubs=refs_stubs.c"]),
                                  ("mems", "mems", ["--wasm=3.0,+threads,+custom-page-sizes"])):
        os.makedirs(out_name + ".d", exist_ok=True)
        maps = ["env", "ZW_NO=maps"] if out_name == "refs_one_map" else []
        code, out = run(maps + [zwasmc, os.path.join(here, stem + ".wat"), "--emit=obj,header", "-o", f"{out_name}.o", f"--header={out_name}.d/{stem}.h", *flags])
        check(f"zwasmc makes {out_name}.o", code == 0, out)

    def build(name, cc, source, obj, *more):
        code, out = run(cc + ["-I", obj + ".d"] + common + [os.path.join(here, source), obj + ".o", rt, "-o", obj + ".out", "-lpthread", *more])
        return check(f"link {obj} {name}", code == 0 and "warning" not in out, out)

    hosts = [("refs.c", "refs"), ("mems.c", "mems")]
    for name, cc in modes:
        for source, obj in hosts:
            if build(name, cc, source, obj):
                code, out = run(["./" + obj + ".out"])
                check(f"run {obj} {name}", code == 0 and out == f"{obj}: ok\n", f"exit {code}\n{out}")
    if build("gcc", ["gcc"], "refs.c", "refs_one_map"): # one stack map for all calls of a function, as where references are too many
        code, out = run(["./refs_one_map.out"])
        check("run refs_one_map", code == 0 and out == "refs: ok\n", f"exit {code}\n{out}")
    if build("gcc", ["gcc", "-DSTRUCT_IMPORTS", "-Wpedantic", "-std=c99"], "refs.c", "refs_struct"):
        code, out = run(["./refs_struct.out"])
        check("run refs_struct", code == 0 and out == "refs: ok\n", f"exit {code}\n{out}")
    # what becomes of objects before they are linked: stripped, or made one with others
    for how, command in (("strip", ["strip", "--strip-unneeded"]), ("llvm-strip", ["llvm-strip", "--strip-unneeded"]), ("ld -r", ["ld", "-r"])):
        for source, obj in hosts:
            code, out = run(command + [obj + ".o", "-o", "changed.o"])
            check(f"{how} {obj}.o", code == 0, out)
            os.replace(obj + ".o", "kept.o")
            os.replace("changed.o", obj + ".o")
            if build(how, ["gcc"], source, obj):
                code, out = run(["./" + obj + ".out"])
                check(f"run {obj} after {how}", code == 0 and out == f"{obj}: ok\n", f"exit {code}\n{out}")
            os.replace("kept.o", obj + ".o")
    open("load.c", "w").write("#include <dlfcn.h>\nint main(int n, char **v) { void *p = dlopen(v[1], RTLD_NOW); int (*f)(int, char **) = p ? (int (*)(int, char **))dlsym(p, \"inside\") : 0;"
                              " (void)n; return f ? f(1, v) : 99; }\n")
    run(["gcc", "load.c", "-o", "load", "-ldl"])
    for source, obj in hosts:
        if build(".so", ["gcc", "-Dmain=inside", "-shared", "-fPIC", "-Wl,-z,text", "-Wl,-z,defs"], source, obj):
            code, out = run(["./load", f"./{obj}.out"])
            check(f"run {obj} .so", code == 0 and out == f"{obj}: ok\n", f"exit {code}\n{out}")
    run(["gcc", "-c", "-Irefs_struct.d", "-I", include, "refs_stubs.c", "-o", "refs_stubs.o"])
    for name, cc in (("g++", ["g++", "-std=c++11"]), ("clang++ lld", ["clang++", "-fuse-ld=lld"]), ("g++ -static", ["g++", "-static"])):
        if build(name, cc, "refs_cxx.cpp", "refs_struct", "refs_stubs.o"):
            code, out = run(["./refs_struct.out"])
            check(f"run refs C++ {name}", code == 0 and out == "refs in C++: ok\n", f"exit {code}\n{out}")

    # the object itself
    code, out = run(["readelf", "-W", "-a", "guest.o"])
    check("readelf reads it without complaint", code == 0 and "Warning" not in out and "Error" not in out, out)
    code, out = run(["eu-elflint", "--gnu-ld", "guest.o"])
    check("eu-elflint --gnu-ld is content", code == 0, out)
    code, out = run(["readelf", "-W", "-r", "guest.o"])
    check("no relocation in the wasm text", "'.rela.text.zwasm" not in out, out)
    code, out = run(["readelf", "-W", "-S", "guest.o"])
    check(".note.GNU-stack is there", ".note.GNU-stack" in out, out)
    code, out = run(["nm", "guest.o"])
    local = re.findall(r" t (\S+)", out)
    check("every wasm function has a local symbol", any("recurse" in x for x in local) and any("inner" in x for x in local), out)
    exported = set(re.findall(r" [TDRB] (\S+)", out))
    header = open("guest.h").read()
    beside = [x for x in exported if not re.search(r"\b" + re.escape(x) + r"\b", header)]
    check("at most five global symbols beside the header's", len(beside) <= 5, str(beside))

    # a debugger walks through wasm frames to main
    if check("there is a gdb", shutil.which("gdb")):
        run(["gcc", "-g"] + common + [host, "guest.o", rt, "-o", "host", "-lpthread"])
        code, out = run(["gdb", "-q", "-batch", "-nx", "-ex", "set debuginfod enabled off", "-ex", "handle SIGSEGV nostop noprint pass", "-ex", "break guest_env_callback", "-ex", "run",
                         "-ex", "bt", "./host"])
        check("gdb's bt reaches main through wasm frames", re.search(r"#0 .*guest_env_callback[\s\S]*around[\s\S]* main ", out) is not None, out)

    # the archive captures nothing of the host's
    code, out = run(["nm", "-A", "--defined-only", rt])
    stolen = [l for l in out.split("\n") if re.search(r" [TWD] (memcpy|memset|memmove|memcmp|malloc|free|sigaction|write|read|open|abort|exit)$", l)]
    check("the runtime defines no libc name", not stolen, "\n".join(stolen))

finish("host", 130, f"; {len(modes)} link modes, {in_a_row[0]} stack overflows and {in_a_row[1]} guard faults")
