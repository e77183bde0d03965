#!/usr/bin/env python3
"""The same input gives the same bytes: object, .cwasm, program, header and bindings, over repeated runs, every -j, shuffled
orders of compilation, other folders, times and environments; and nothing of the machine is in them.
   same_bytes.py BIN_DIR [PROGRAM of tests/real...]
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from checks import check, finish

here = os.path.dirname(os.path.abspath(__file__))
bin_dir = os.path.abspath(sys.argv[1])
zwasmc = os.path.join(bin_dir, "zwasmc")

PROGRAM = """(module $p
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1) (table 200 funcref)
  (data (i32.const 16) "hello\\n") (data (i32.const 0) "\\10\\00\\00\\00\\06\\00\\00\\00")
""" + "".join(f'  (func $f{k} (param i32 f64) (result i64) (i64.add (i64.load offset={8 * k} (local.get 0)) (i64.trunc_sat_f64_s (f64.mul (local.get 1) (f64.const {k}.5)))))\n'
              for k in range(200)) + "".join(f"  (elem (i32.const {k}) $f{k})\n" for k in range(200)) + \
    '  (func (export "_start") (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))\n'

KINDS = [("m.o", ["--mangle=exact"]), ("m.h", ["--mangle=exact"]), ("m.json", ["--mangle=exact"]), ("m.cwasm", []), ("m", ["--emit=exe"]), ("m.o", ["-s", "--mangle=exact"]),
         ("m.o", ["-O0", "--mangle=exact"]), ("m.o", ["--no-signals", "--mangle=exact"])]
VARIANTS = [("again", [], {}), ("-j2", ["-j2"], {}), ("-j7", ["-j7"], {}), ("shuffled", [], {"ZW_SHUFFLE": "1"}), ("shuffled, -j3", ["-j3"], {"ZW_SHUFFLE": "2"}),
            ("elsewhere", [], {"TZ": "Asia/Tokyo", "LC_ALL": "C", "HOME": "/nowhere", "USER": "nobody", "TMPDIR": "/tmp", "SOURCE_DATE_EPOCH": "1"})]


def output(folder, wasm, out, flags, env):
    """The bytes of one output, made in a folder of its own."""
    os.makedirs(folder, exist_ok=True)
    local = os.path.join(folder, os.path.basename(wasm))
    if not os.path.exists(local):
        shutil.copy(wasm, local)
        os.utime(local, (1, 1) if "elsewhere" in folder else None)
    p = subprocess.run([zwasmc, os.path.basename(wasm), "-o", out, *flags], cwd=folder, env={**os.environ, **env}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       timeout=900)
    path = os.path.join(folder, out)
    if p.returncode != 0:
        return None, p.stdout.decode(errors="replace")
    with open(path, "rb") as f:
        b = f.read()
    os.remove(path)
    return b, ""


def same(wasm, kinds, variants):
    with tempfile.TemporaryDirectory(prefix="zw-same-bytes-") as tmp:
        first_folder = os.path.join(tmp, "first-folder")
        for out, flags in kinds:
            name = f"{os.path.basename(wasm)} {out} {' '.join(flags)}"
            first, text = output(first_folder, wasm, out, flags, {})
            check(f"{name}: it is made", first, text)
            if not first:
                continue
            words = [tmp, "first-folder", os.path.basename(tmp), bin_dir, os.path.dirname(here), os.uname().nodename]
            found = [w for w in words if len(w) > 5 and w.encode() in first]
            check(f"{name}: nothing of the machine", not found, found)
            for variant, more, env in variants:
                again, text = output(os.path.join(tmp, variant.replace(" ", "-")), wasm, out, flags + more, env)
                check(f"{name}: the same bytes {variant}", again == first, text or f"{again and len(again)} {len(first)}")


def main():
    with tempfile.TemporaryDirectory() as tmp:
        if not sys.argv[2:]:
            wat = os.path.join(tmp, "program.wat")
            with open(wat, "w") as f:
                f.write(PROGRAM)
            same(wat, KINDS, VARIANTS)
            shutil.copy(os.path.join(here, "sample.wat"), os.path.join(tmp, "sample.wat"))
            same(os.path.join(tmp, "sample.wat"), [k for k in KINDS if "--emit=exe" not in k[1]], VARIANTS)
        else:
            p = subprocess.run([os.path.join(here, "..", "real", "fetch"), *sys.argv[2:]], stdout=subprocess.PIPE, text=True)
            check("the corpus is there", p.returncode == 0, p.stdout)
            for wasm in p.stdout.split():
                same(wasm, [k for k in KINDS if not re.search("-O0|-s|signals", " ".join(k[1]))], [v for v in VARIANTS if v[0] in ("-j2", "shuffled, -j3", "elsewhere")])
    finish("same bytes", 20)


main()
