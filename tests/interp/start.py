#!/usr/bin/env python3
"""start.py ZWASM: the interpreter starts in time proportional to the module's size, and lowers nothing.

Instructions that the processor executes, counted by valgrind, so that no clock and no load is in it: from n to 4 n no shape may
grow by more than 4.4 times, and the interpreter must start with less than what compiling takes.
"""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import instructions

zwasm = os.path.abspath(sys.argv[1])
SHAPES = {
    "functions": lambda n: "".join(f"(func (param i32) (result i32) (i32.add (local.get 0) (i32.const {i})))" for i in range(n)),
    "one function": lambda n: "(func (local i32)" + "(local.set 0 (i32.mul (i32.add (local.get 0) (i32.const 3)) (i32.const 5)))" * n + ")",
    "loops": lambda n: "(func (local i32)" + "(loop (br_if 0 (i32.eqz (local.tee 0 (i32.const 1)))))" * n + ")",
    "nested blocks": lambda n: "(func (param i32)" + "block local.get 0 br_if 0 " * n + "end " * n + ")",
}


def executed(engine, path):
    try:
        return instructions.count([zwasm, "run", f"--engine={engine}", path])
    except instructions.Failed as e:
        sys.exit(f"{path}: {str(e)[-2000:]}")


def main():
    bad = 0
    with tempfile.TemporaryDirectory() as tmp:
        def wasm(name, text):
            path = os.path.join(tmp, name)
            with open(path + ".wat", "w") as f:
                f.write(f'(module {text} (func (export "_start")))')
            subprocess.run([zwasm, "wasm", path + ".wat", "-o", path + ".wasm"], check=True)
            return path + ".wasm"
        nothing = wasm("nothing", "")
        none = {e: executed(e, nothing) for e in ("interp", "jit")}
        for name, shape in SHAPES.items():
            small, large = wasm("small", shape(2500)), wasm("large", shape(10000))
            a, b, jit = (executed(e, m) - none[e] for e, m in (("interp", small), ("interp", large), ("jit", large)))
            size = os.path.getsize(large)
            ok = b <= 4.4 * a and b < jit
            bad += not ok
            print(f"{'ok  ' if ok else 'FAIL'} start: {name}: {size} bytes, {b / size:.1f} instructions a byte, {b / a:.2f} x for 4 x, machine code {jit / b:.1f} x")
    sys.exit(bad > 0)


main()
