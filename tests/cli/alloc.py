#!/usr/bin/env python3
"""Each allocation of a run failing once: a sentence, the right exit code and no output.   alloc.py BIN_DIR

ZW_FAIL_ALLOC=n makes the nth fail; n goes up until the run succeeds.
"""
import os
import subprocess
import sys
import tempfile

bin_dir = os.path.abspath(sys.argv[1])
here = os.path.dirname(os.path.abspath(__file__))
hello = """(module (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1) (data (i32.const 0) "\\08\\00\\00\\00\\03\\00\\00\\00hi\\n") (table 2 funcref) (elem (i32.const 0) $f)
  (func $f (result i32) (i32.add (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)) (i32.const 0)))
  (func (export "_start") (drop (call_indirect (result i32) (i32.const 0)))))"""
failed = 0

with tempfile.TemporaryDirectory() as tmp:
    os.chdir(tmp)
    open("hello.wat", "w").write(hello)
    subprocess.run([bin_dir + "/zwasmc", "hello.wat", "-o", "ready.cwasm"], check=True)
    runs = [("zwasmc .o", ["zwasmc", "hello.wat", "-o", "x.o"], 1, "x.o"), ("zwasmc .cwasm", ["zwasmc", "hello.wat", "-o", "x.cwasm"], 1, "x.cwasm"),
            ("zwasmc exe", ["zwasmc", "hello.wat", "-o", "x"], 1, "x"), ("zwasmc -j3", ["zwasmc", "-j3", "hello.wat", "-o", "y.o"], 1, "y.o"),
            ("run jit", ["zwasm", "run", "hello.wat"], 126, None), ("run interp", ["zwasm", "run", "--engine=interp", "hello.wat"], 126, None),
            ("run lazy", ["zwasm", "run", "--lazy", "hello.wat"], (126, 134), None),
            ("run .cwasm", ["zwasm", "run", "ready.cwasm"], 126, None)]
    for name, command, code, output in runs:
        wrong, n, well = [], 0, 0
        codes = code if isinstance(code, tuple) else (code,)  # 134: a trap: a function cannot be compiled any more, or wasm not be entered
        while True:
            n += 1
            r = subprocess.run([os.path.join(bin_dir, command[0]), *command[1:]], env={**os.environ, "ZW_FAIL_ALLOC": str(n)},
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600)
            if r.returncode == 0 and b"error" not in r.stdout:
                well += 1
                if well == (6 if 134 in codes else 1):  # without the room for functions to come, all are compiled at once
                    break
                continue
            well = 0
            # the guest may see an error of its own instead: then it is not ours to complain about
            if n > 5000 or r.returncode not in codes or (b"wasm trap: " if r.returncode == 134 else b"error: ") not in r.stdout or (output and os.path.exists(output)):
                wrong.append(f"{n}: exit {r.returncode}: {r.stdout.decode(errors='replace')[-300:]}")
                if n > 5000:
                    break
        failed += bool(wrong)
        print(f"{'FAIL' if wrong else 'ok  '} {name}: {n - 1} allocations" + "".join("\n     " + w for w in wrong[:5]))
    left = [f for f in os.listdir(".") if ".tmp" in f]
    failed += bool(left)
    print(f"{'FAIL' if left else 'ok  '} no temporary files are left {left or ''}")
sys.exit(failed > 0)
