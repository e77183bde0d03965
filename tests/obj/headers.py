#!/usr/bin/env python3
"""Generated headers over a wide set of modules: names that are keywords, empty, not ASCII, odd or equal after mangling;
every type and kind of import and export.   headers.py BIN_DIR

Every header goes through every dialect of C and C++ that gcc and clang have, with all warnings as errors; every module's
stubs and object are linked into one program that makes an instance of each; bindings are JSON that says the same.
"""
import json
import os
import random
import re
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from checks import check, finish, run_joined as run

here = os.path.dirname(os.path.abspath(__file__))
bin_dir = os.path.abspath(sys.argv[1])
zwasmc = os.path.join(bin_dir, "zwasmc")
include = os.path.join(here, "..", "..", "include")
strict = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror", "-I.", "-I" + include]

KEYWORDS = """alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t char32_t char8_t class
co_await co_return co_yield compl concept const const_cast consteval constexpr constinit continue decltype default delete do
double dynamic_cast else enum explicit export extern false float for friend goto if inline int long mutable namespace new
noexcept not not_eq nullptr operator or or_eq private protected public register reinterpret_cast requires restrict return
short signed sizeof static static_assert static_cast struct switch template this thread_local throw true try typedef typeid
typename typeof typeof_unqual union unsigned using virtual void volatile wchar_t while xor xor_eq _Bool _Atomic _Generic
NULL errno stdin assert linux unix main int32_t size_t zwasm_v128_t offsetof INT32_MAX""".split()
ODD = ["", " ", "_", "__", "2nd", "0", "a b", "é", "日本語", "\U0001f600", "*/", "/*", "??/", "\\", "\"", "\n", "a\tb", "\x7f", "%s%n",
       "init_at", "instance", "module", "imports", "new", "delete", "sizeof", "a.b.c", "wasi:http/types@0.2.0#[method]f", "x" * 300]
NUMBERS = ["i32", "i64", "f32", "f64", "v128"]
TYPES = NUMBERS + ["externref", "funcref", "(ref null $f)", "anyref", "(ref extern)", "exnref", "(ref null i31)"]
N = len(TYPES)


def q(s):
    return '"' + "".join(c if c.isascii() and c.isalnum() else "".join(f"\\{b:02x}" for b in c.encode()) for c in s) + '"'


def func(where, params, results, body="unreachable", names=()):
    p = "".join(f" (param {'$' + names[k] + ' ' if k < len(names) else ''}{t})" for k, t in enumerate(params))
    r = "".join(f" (result {t})" for t in results)
    return f"(func {where}{p}{r} {body})"


def modules():
    """name -> (text of the module, flags)"""
    out = {}
    out["keywords"] = "(module" + "".join(func(f"(export {q(k)})", [], []) for k in KEYWORDS) + ")", []
    out["odd"] = "(module" + "".join(func(f"(export {q(k + str(n))})", ["i32"], []) for n, k in enumerate(ODD)) + func('(export "")', [], []) + ")", []
    out["odd_exact"] = "(module" + "".join(func(f"(export {q(k)})", ["i32"], ["i32", "v128"]) for k in sorted(set(ODD + KEYWORDS))) + ")", ["--mangle=exact"]
    out["params"] = "(module" + "".join(
        func(f'(export "f{n}")', ["i32", "i64", "f32"], ["f64", "i32"], names=[k, other, "a0"])
        for n, k in enumerate(k for k in KEYWORDS + ["self", "r0", "results", "zero", "params", "x_result", "my_t"])
        for other in ["b"]) + func('(export "twice")', ["i32", "i32"], [], names=["a.b", "a:b"]) + ")", []
    out["values"] = "(module (type $f (func (param i32)))" + "".join(
        func(f'(export "p{n}")', [TYPES[(n + k) % N] for k in range(n)], []) + func(f'(export "r{n}")', [], [TYPES[(n + k) % N] for k in range(n)])
        + func(f'(export "pr{n}")', [TYPES[(3 * n + k) % N] for k in range(n)], [TYPES[(n + 2 * k) % N] for k in range(n)]) for n in range(24)) + ")", []
    imports = "".join(f'(import {q(a)} {q(b)} ' + func("", [TYPES[n % N], "i32"], [TYPES[(n + k) % N] for k in range(n % 4)], "") + ")"
                      for n, (a, b) in enumerate([("env", "log"), ("and", "eq"), ("char16", "t"), ("", ""), ("", "a"), ("2", "x"), ("env", "wörd"), ("a b", "c\"d"),
                                                  ("env", "new"), ("not", "eq"), ("co", "await"), ("env", "errno"), ("static", "assert"), ("9", "9")]))
    out["links"] = f"(module (type $f (func (param i32))) {imports})", []
    out["structs"] = f"(module (type $f (func (param i32))) {imports})", ["--imports=struct"]
    out["structs_exact"] = f"(module (type $f (func (param i32))) {imports})", ["--imports=struct", "--mangle=exact"]
    out["links_exact"] = f"(module (type $f (func (param i32))) {imports})", ["--mangle=exact"]
    ftype = "(type $f (func (param i32)))"
    things = ('(import "m" "mem" (memory 1)) (import "m" "mem64" (memory i64 1 4)) (import "m" "shared" (memory 1 2 shared)) (import "m" "table" (table 1 funcref))'
              '(import "m" "externs" (table 0 10 externref)) (import "m" "mem" (memory 1))'
              + "".join(f'(import "g" "{t}" (global {t})) (import "g" "mut-{t}" (global (mut {t})))' for t in NUMBERS)
              + "".join(f'(import "r" "{k}" (global {t})) (import "r" "mut-{k}" (global (mut {t}))) (import "r" "table-{k}" (table i64 0 {t}))'
                        for k, t in enumerate(TYPES[len(NUMBERS):])) + '(import "t" "tag" (tag (param i32 externref)))')
    own = ('(memory (export "own") 2 10) (memory (export "own2") i64 1) (table (export "funcs") 3 funcref)'
           + "".join(f'(global (export "own-{t}") {t} ({t}.const {"i32x4 0 0 0 0" if t == "v128" else "0"}))' for t in NUMBERS)
           + '(tag (export "own-tag") (param f64)) (table (export "externs") i64 3 externref) (global (export "extern") externref (ref.null extern))'
             '(global (export "mut-func") (mut funcref) (ref.null func)) (export "again" (global 1))')
    log = '(import "env" "log" (func (param i32) (result i32 i64)))'
    out["things"] = f"(module {ftype} {things} {log} {own})", ["--wasm=3.0,+threads"]
    out["things_struct"] = f"(module {ftype} {things} {log} {own})", ["--imports=struct", "--wasm=3.0,+threads"]
    out["renamed"] = f"(module {ftype} {log} {things})", ["--rename-import=env.log=host_log", "--rename-import=g.mut-i64=where", "--wasm=3.0,+threads"]
    out["renamed_struct"] = f"(module {log})", ["--imports=struct", "--rename-import=env.log=host_log"]
    wasi = '(import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))'
    out["wasi"] = f"(module {wasi})", []
    out["wasi_mine"] = f"(module {wasi})", ["--rename-import=wasi_snapshot_preview1.fd_write=my_fd_write"]
    out["wasi_none"] = f"(module {wasi})", ["--wasi=none", "--imports=struct"]
    out["empty"] = "(module)", []
    for n, prefix in enumerate(["main", "while", "2x", "int32_t", "ünï", "_x", "NULL", "class"]):
        out[f"prefix{n}"] = f'(module {log} (func (export "f") (param i32) (result i32) (local.get 0)))', ["--prefix=" + prefix, f"--rename-import=env.log=prefix{n}_log"]
    # no two names meet under --mangle=exact, whatever they are
    rng = random.Random(1)
    for n in range(40):
        alphabet = ["_", "-", "a", "x", "2", "X", "é", ".", "t", "r"]
        word = lambda: "".join(rng.choice(alphabet) for _ in range(rng.randrange(5)))
        exports = sorted({word() for _ in range(20)} | {"new", "new_try", "a_try", "a_result", "a", "imports"})
        pairs = sorted({(word(), word()) for _ in range(20)} | {("a", "_b"), ("a_", "b"), ("", "x"), ("_x", "")})
        text = "".join(f"(import {q(a)} {q(b)} (func (result i32 i32)))" for a, b in pairs) + "".join(func(f"(export {q(e)})", [], ["i32", "i32"]) for e in exports)
        out[f"random{n}"] = f"(module {text})", ["--mangle=exact"] + (["--imports=struct"] if n % 2 else [])
    return out


def refused():
    """Two things that would get one name: an error that names both."""
    f, g = '(func (export "a-b"))', '(func (export "a.b"))'
    imports = '(import "a" "b_c" (func)) (import "a_b" "c" (func))'
    cases = [(f"(module {f}{g})", [], ['"a-b"', '"a.b"']), (f"(module (type $f (func (param i32))) {imports})", [], ['"b_c"', '"a_b"']), (f"(module (type $f (func (param i32))) {imports})", ["--imports=struct"], ['"b_c"', '"a_b"']),
             ('(module (import "e" "f" (func)) (import "e" "f" (func (param i32))))', [], ['"e" "f"', "both"]),
             ('(module (import "e" "f" (func)) (import "e" "f" (func (param i32))))', ["--mangle=exact"], ['"e" "f"', "both"]),
             ('(module (func (export "a_try")) (func (export "a")))', [], ['"a_try"', '"a"']),
             ('(module (func (export "a") (result i32 i32) unreachable) (func (export "a_result")))', [], ['"a_result"']),
             ('(module (import "e" "f" (func)))', ["--rename-import=e.f=clash_new"], ["the header itself", '"e" "f"']),
             ('(module (import "e" "f" (func)) (func (export "g")))', ["--rename-import=e.f=clash_g"], ['"g"', '"e" "f"']),
             ('(module (import "e" "f" (func)))', ["--rename-import=e.g=x"], ["e.g", "no such import"]),
             ('(module (import "e" "f" (func)))', ["--rename-import=e.f=2x"], ["C identifier"]), ('(module (import "e" "f" (func)))', ["--rename-import=e.f=while"], ["C identifier"]),
             ('(module)', ["--prefix=zwasm"], ["--prefix="])]
    for n, (text, flags, words) in enumerate(cases):
        open("clash.wat", "w").write(text)
        code, out = run([zwasmc, "clash.wat", "-o", "clash.o", *flags])
        check(f"refused {n}", code in (1, 2) and all(w in out for w in words) and not os.path.exists("clash.o"), f"{code} {out}")


def check_bindings(name, flags, prefix):
    b = json.load(open(name + ".json", encoding="utf-8"))
    header = open(name + ".h").read()
    check(f"{name}: bindings name the module", b["module"] == prefix, b["module"])
    for e in b["imports"] + b["exports"]:
        if e.get("from") == "wasi":
            continue
        pattern = r"(^|[^A-Za-z0-9_])" + re.escape(e["c"]) + r"[);(]"
        if not check(f"{name}: {e['c']} is in the header", re.search(pattern, header), e):
            break


def main():
    os.chdir(tempfile.mkdtemp())
    refused()
    objects, prefixes, stubs = [], [], []
    for name, (text, flags) in modules().items():
        open(name + ".wat", "w").write(text)
        code, out = run([zwasmc, name + ".wat", "--emit=obj,header,meta", "-o", name + ".o", f"--stubs={name}_stubs.c", *flags])
        if not check(f"{name}: zwasmc makes object, header, stubs and bindings", code == 0, out):
            continue
        code, out = run([zwasmc, name + ".wat", "--emit=header", "-o", name + ".h", f"--stubs={name}_stubs.c", *flags])
        check(f"{name}: stubs are never written over", code == 1 and "never overwrites" in out, out)
        prefix = re.search(r"typedef struct (\w+) \1; /\* one instance", open(name + ".h").read())[1]
        objects, prefixes, stubs = objects + [name], prefixes + [prefix], stubs + [name + "_stubs"]
        check_bindings(name, flags, prefix)
    # an object defines what its header declares and, beside that, at most five symbols
    for name in objects:
        code, out = run(["nm", "-g", "--defined-only", name + ".o"])
        words = set(re.findall(r"\w+", open(name + ".h").read()))
        beside = [x for x in re.findall(r" [A-Z] (\S+)", out) if x not in words]
        check(f"{name}: at most five global symbols beside the header's", code == 0 and " T " in out and len(beside) <= 5, beside)
    # every header in every dialect
    text = "".join(f'#include "{n}.h"\n' for n in objects) + "int unused(void);\nint unused(void) { return ZWASM_OK; }\n"
    open("all.c", "w").write(text)
    open("all.cpp", "w").write(text)
    dialects = [(cc, std, "all.c") for cc in ("gcc", "clang") for std in ("c99", "c11", "c17", "c2x", "gnu17")]
    dialects += [(cc, std, "all.cpp") for cc in ("g++", "clang++") for std in ("c++11", "c++14", "c++17", "c++20")]
    for cc, std, source in dialects:
        code, out = run([cc, f"-std={std}", *strict, "-fsyntax-only", source])
        check(f"headers {cc} {std}", code == 0, out)
    # stubs are as clean, and objects define what headers declare
    for n, s in zip(objects, stubs):
        code, out = run([("gcc", "clang")[len(n) % 2], "-std=c99", *strict, "-c", s + ".c"])
        check(f"{n}: stubs compile", code == 0, out)
    links = [k for k, n in enumerate(objects) if "things" not in n and n not in ("renamed", "wasi_none")]
    fields = [k for k in links if re.search(rf"}} {prefixes[k]}_imports;", open(objects[k] + ".h").read())]
    with open("main.c", "w") as f:
        f.write("#include <stdio.h>\n" + "".join(f'#include "{objects[k]}.h"\n' for k in links))
        f.write("".join(f"extern const {prefixes[k]}_imports {prefixes[k]}_stubs;\n" for k in fields))
        f.write("int main(void)\n{\n  int bad = 0;\n  zwasm_options_t o = ZWASM_OPTIONS_INIT;\n  (void)o;\n")
        for k in links:
            p = prefixes[k]
            if k in fields:
                f.write(f'  {{ {p} *i = {p}_new(NULL); if (i) {{ puts("{p} without imports"); bad = 1; }} o.imports = &{p}_stubs; }}\n')
            f.write(f"  {{ {p} *i = {p}_new(&o); if (!i) {{ puts(zwasm_last_error()); bad = 1; }} {p}_delete(i); }}\n")
        f.write("  return bad;\n}\n")
    code, out = run(["gcc", "-std=c99", *strict, "main.c", *[objects[k] + ".o" for k in links], *[stubs[k] + ".o" for k in links],
                     os.path.join(bin_dir, "libzwasm-rt.a"), "-o", "main"])
    if check("one program with all of them links", code == 0, out):
        code, out = run(["./main"])
        check("and makes an instance of each", code == 0, f"{code} {out}")
    check("enough modules", len(objects) >= 60, len(objects))
    finish("headers", 60, f"; {len(objects)} modules, {len(dialects)} dialects")


main()
