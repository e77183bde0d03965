#!/usr/bin/env python3
"""usage: tests/lines/run.py BIN_DIR

Source lines out of DWARF 2 to 5: every row against llvm-dwarfdump's, the same backtrace in every lane, none with -s or
-g0, and what a C program sees of a frame.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from checks import check, finish

BIN = pathlib.Path(sys.argv[1]).resolve()
HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def run(*cmd, **more):
    return subprocess.run([str(c) for c in cmd], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)


def must(*cmd):
    r = run(*cmd)
    if r.returncode != 0:
        sys.exit(f"{cmd}: {r.stdout}{r.stderr}")
    return r.stdout


def code_section(path):
    """Offset and length of the code section's contents."""
    b = path.read_bytes()

    def uleb(at):
        v = shift = 0
        while True:
            v |= (b[at] & 0x7F) << shift
            shift += 7
            at += 1
            if not b[at - 1] & 0x80:
                return v, at
    at = 8
    while at < len(b):
        size, body = uleb(at + 1)
        if b[at] == 10:
            return body, size
        at = body + size
    sys.exit(f"{path}: no code section")


def expected(path):
    """{file offset: (base name, line)} from llvm-dwarfdump; the last row of an address holds, line 0 is left out."""
    base, size = code_section(path)
    rows = {}
    for unit in re.split(r"\ndebug_line\[", must("llvm-dwarfdump", "--debug-line", path))[1:]:
        files = dict((int(n), name) for n, name in re.findall(r'file_names\[\s*(\d+)\]:\s*name: "([^"]*)"', unit))
        sequence = []
        for line in unit.splitlines():
            m = re.match(r"0x([0-9a-f]{16})\s+(\d+)\s+\d+\s+(\d+)\s(.*)", line)
            if not m:
                continue
            address = int(m[1], 16)
            sequence.append((address, int(m[2]), files.get(int(m[3]), "?"), "end_sequence" in m[4]))
            if not sequence[-1][3]:
                continue
            if 0 < sequence[0][0] < size:
                for address, number, name, end in sequence:
                    if not end:
                        rows[base + address] = (os.path.basename(name), number)
            sequence = []
    return {at: r for at, r in rows.items() if r[1]}


def ours(path):
    rows = []
    for line in must(BIN / "zwasmc", "--dump=lines", path).splitlines():
        at, rest = line.split(" ", 1)
        name, _, number = rest.rpartition(":")
        rows.append((int(at, 16), (os.path.basename(name), int(number)) if name else None))
    return rows


def compare(path):
    """Every row of dwarfdump's is what our table says at its address."""
    want, rows = expected(path), ours(path)
    check(f"{path.name}: ascending, each offset once", [r[0] for r in rows] == sorted({r[0] for r in rows}))
    k = wrong = 0
    for at in sorted(want):
        while k + 1 < len(rows) and rows[k + 1][0] <= at:
            k += 1
        wrong += rows[k][0] > at or rows[k][1] != want[at]
    check(f"{path.name}: {wrong} of {len(want)} rows differ from llvm-dwarfdump's", want and wrong == 0)
    return len(want)


def frames(text):
    return [re.sub(r"\[.*\]", "", line).split(None, 1)[1].rstrip() for line in text.splitlines() if re.match(r"\s+\d+: ", line)]


def lanes(tmp, wasm):
    want = ["quotient       src/div.h:5", "fac            src/calc.c:7", "fac            src/calc.c:8", "main           src/calc.c:14"]
    zwasm, zwasmc = BIN / "zwasm", BIN / "zwasmc"
    must(zwasmc, wasm, "-o", tmp / "calc.cwasm")
    must(zwasmc, wasm, "-o", tmp / "calc")
    commands = {"jit": [zwasm, "run", wasm], "interp": [zwasm, "run", "--engine=interp", wasm],
                "cwasm": [zwasm, "run", tmp / "calc.cwasm"], "exe": [tmp / "calc"]}
    texts = {}
    for lane, command in commands.items():
        r = run(*command)
        texts[lane] = r.stderr
        got = frames(r.stderr)
        check(f"{lane}: {r.stderr}", r.returncode == 134 and [g for k, g in enumerate(got) if k == 0 or g != got[k - 1]][:4] == want)
    check("the same text in every lane", len(set(texts.values())) == 1)
    for flag in ("-s", "-g0"):
        must(zwasmc, flag, wasm, "-o", tmp / "bare")
        r = run(tmp / "bare")
        check(f"{flag} leaves no lines", r.returncode == 134 and "calc.c" not in r.stderr)


def host(tmp, wasm):
    must(BIN / "zwasmc", wasm, "-o", tmp / "guest.o", "--header=" + str(tmp / "guest.h"))
    must("cc", "-I", ROOT / "include", "-I", tmp, "-o", tmp / "host", HERE / "host.c", tmp / "guest.o", BIN / "libzwasm-rt.a")
    r = run(tmp / "host")
    check(f"zwasm_frame_t: {r.stdout}{r.stderr}", r.returncode == 0 and r.stdout == "src/div.h:5 quotient\n")


with tempfile.TemporaryDirectory() as d:
    tmp = pathlib.Path(d)
    (tmp / "src").mkdir()
    for name in ("calc.c", "div.h"):
        (tmp / "src" / name).write_bytes((HERE / name).read_bytes())
    os.chdir(tmp)
    total = 0
    for version in (2, 3, 4, 5):
        wasm = tmp / "calc.wasm"
        must("clang", "--target=wasm32-wasi", "-g", f"-gdwarf-{version}", "-O1", "-o", wasm, "src/calc.c")
        total += compare(wasm)
        lanes(tmp, wasm)
    must("clang", "--target=wasm32-wasi", "-g", "-O1", "-mexec-model=reactor", "-Wl,--export=over", "-Wl,--no-entry",
         "-DREACTOR", "-o", tmp / "guest.wasm", "src/calc.c")
    host(tmp, tmp / "guest.wasm")
check("enough rows equal to llvm-dwarfdump's", total >= 100, total)
finish("lines", 20, f"; {total} rows equal to llvm-dwarfdump's")
