#!/usr/bin/env python3
"""A C++ program that throws, made by clang at each level of optimisation: every engine says what the native program says.
   run.py ZWASM ZWASMC"""
import os, sys, tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from checks import finish, run_joined as run, same

zwasm, zwasmc = (os.path.abspath(p) for p in sys.argv[1:3])
source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "thrown.cpp")


def output(args, **env):
    code, out = run(args, env={**os.environ, **env})
    return out.strip() if code == 0 else f"exit {code}: {out}"


with tempfile.TemporaryDirectory() as tmp:
    os.chdir(tmp)
    same("native compiles", output(["g++", "-O1", source, "-o", "native"]), "")
    want = output(["./native"])
    for level in ("-O0", "-O1", "-O2", "-Os"):
        made = output(["clang++", "--target=wasm32", "-nostdlib", "-ffreestanding", "-fwasm-exceptions", "-std=c++17", level, source,
                       "-Wl,--no-entry", "-o", "thrown.wasm"])
        same(f"clang {level}", made, "")
        call = ["--invoke", "run", "thrown.wasm", "20000"]
        for engine in ("interp", "jit"):
            same(f"{level} {engine}", output([zwasm, "run", f"--engine={engine}"] + call), want)
        same(f"{level} random registers", output([zwasm, "run"] + call, ZW_RANDOM_RA="7"), want)
        same(f"{level} few registers", output([zwasm, "run"] + call, ZW_SMALL_FILE="4"), want)
        same(f"{level} zwasmc", output([zwasmc, "thrown.wasm", "-o", "thrown.cwasm"]), "")
        same(f"{level} cwasm", output([zwasm, "run"] + call[:2] + ["thrown.cwasm", "20000"]), want)
finish("cpp", 29)
