#!/usr/bin/env python3
"""Scenes of living.c, each in a process of its own, with each memory mode, in a glibc program, a static one and one with
musl.   living.py ZWASMC LIBZWASM_RT INCLUDE_DIR"""
import os
import re
import shutil
import struct
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from checks import check, finish, run

zwasmc, rt, include = (os.path.abspath(p) for p in sys.argv[1:4])
here = os.path.dirname(os.path.abspath(__file__))


def build(name, cc, flags):
    """The host with the module compiled in that mode."""
    code, out, err = run([zwasmc, os.path.join(here, "living.wat"), "-o", "living.o", *flags])
    if not check(f"{name}: zwasmc", code == 0, err):
        return False
    code, out, err = run(cc + ["-I.", "-I" + include, "-Wall", "-Wextra", "-Werror", "-O1", os.path.join(here, "living.c"), "living.o", rt, "-o", "living"])
    return check(f"{name}: link", code == 0, out + err)


def scene(name, what, code=0, out="well\n", err=""):
    got = run(["./living", what])
    check(f"{name}: {what}", got[0] == code and re.fullmatch(out, got[1]) and re.fullmatch(err, got[2]), got)


def scenes(name, mode):
    guard = mode == "guard"
    scene(name, "handler" if guard else "no-handler")
    if guard: # a fault handler of the host's that asks has nothing to ask for in the other modes
        scene(name, "own-handler", 9, "")
    scene(name, "own-fault", -11, "")
    scene(name, "fault-in-callback", -11, "")
    at = r" +\[living\+0x[0-9a-f]+\]\n"
    scene(name, "uncaught", -6, "", r"wasm trap: integer divide by zero\n    0: inner" + at + "    1: div" + at)
    scene(name, "errno", 0, "0123456789well\n")
    scene(name, "pipe")
    scene(name, "fork", 0, "well\nwell\n")
    got = run(["bash", "-c", "ulimit -v 1000000; ./living"])
    if guard:
        check(f"{name}: a short address space", got[0] == 3 and "--bounds=check" in got[1] and "0 started" in got[1], got)
    else:
        check(f"{name}: a short address space", got[0] == 0, got)


def patched(name, off, value, sentence):
    """A field of the image in the object is changed: refused before any code has run."""
    with open("living.o", "rb") as f:
        b = bytearray(f.read())
    at = b.index(b"ZWIM")
    old = struct.unpack_from("<Q", b, at + off)[0]
    struct.pack_into("<Q", b, at + off, value(old))
    with open("living.o", "wb") as f:
        f.write(b)
    code, out, err = run(["gcc", "-I.", "-I" + include, os.path.join(here, "living.c"), "living.o", rt, "-o", "living"])
    got = run(["./living"])
    check(f"refused: {name}", code == 0 and got[0] == 3 and re.search(sentence, got[1]) and "0 started" in got[1], (err, got))


def main():
    with tempfile.TemporaryDirectory() as tmp:
        os.chdir(tmp)
        for mode, flags in (("guard", []), ("checked", ["--bounds=check"]), ("no signals", ["--no-signals"])):
            if build(mode, ["gcc"], flags):
                scenes(mode, mode)
        hosts = [("static", ["gcc", "-static"]), ("static PIE, clang", ["clang", "-static-pie", "-fPIE"]), ("musl", ["musl-gcc"]), ("musl, static", ["musl-gcc", "-static"])]
        for name, cc in hosts:
            if check(f"{name}: there is a {cc[0]}", shutil.which(cc[0])) and build(name, cc, []):
                scenes(name, "guard")
        if build("x86-64-v2", ["gcc"], ["-mcpu=x86-64-v2"]):
            patched("a CPU of the future", 16, lambda v: v | 1 << 50, "compiled for a newer processor; this CPU lacks")
        if build("another machine", ["gcc"], []):
            patched("another machine", 12, lambda v: v >> 32 << 32 | 2, "compiled for another processor")
    finish("living", 55)


main()
