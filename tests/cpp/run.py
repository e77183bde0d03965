#!/usr/bin/env python3
"""A C++ program that throws, made by clang at each level of optimisation: every engine says what the native program says.
   run.py ZWASM ZWASMC"""
import os, subprocess, sys, tempfile

zwasm, zwasmc = (os.path.abspath(p) for p in sys.argv[1:3])
source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "thrown.cpp")
passed = failed = 0


def output(args, **env):
    p = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, env={**os.environ, **env})
    return p.stdout.strip() if p.returncode == 0 else f"exit {p.returncode}: {p.stdout}"


def check(name, got, want):
    global passed, failed
    ok = got == want
    passed, failed = passed + ok, failed + (not ok)
    print(f"{'ok  ' if ok else 'FAIL'} {name}" + ("" if ok else f": {got[-600:]}, expected {want}"), flush=True)


with tempfile.TemporaryDirectory() as tmp:
    os.chdir(tmp)
    check("native compiles", output(["g++", "-O1", source, "-o", "native"]), "")
    want = output(["./native"])
    for level in ("-O0", "-O1", "-O2", "-Os"):
        made = output(["clang++", "--target=wasm32", "-nostdlib", "-ffreestanding", "-fwasm-exceptions", "-std=c++17", level, source,
                       "-Wl,--no-entry", "-o", "thrown.wasm"])
        check(f"clang {level}", made, "")
        call = ["--invoke", "run", "thrown.wasm", "20000"]
        for engine in ("interp", "jit"):
            check(f"{level} {engine}", output([zwasm, "run", f"--engine={engine}"] + call), want)
        check(f"{level} random registers", output([zwasm, "run"] + call, ZW_RANDOM_RA="7"), want)
        check(f"{level} few registers", output([zwasm, "run"] + call, ZW_SMALL_FILE="4"), want)
        check(f"{level} zwasmc", output([zwasmc, "thrown.wasm", "-o", "thrown.cwasm"]), "")
        check(f"{level} cwasm", output([zwasm, "run"] + call[:2] + ["thrown.cwasm", "20000"]), want)
print(f"cpp: {passed} pass + {failed} fail")
sys.exit(failed != 0 or passed != 29)
