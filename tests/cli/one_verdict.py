#!/usr/bin/env python3
"""one_verdict.py BIN_DIR MODULES [COUNT]: every command says the same of a module, word for word.

COUNT modules of the official suite, half of them with a byte changed.  What `zwasm validate` refuses every command refuses with
that sentence; what it accepts every command reads, and the compiler only refuses features it has no code for.
"""
import os
import random
import subprocess
import sys
import tempfile

bin_dir, modules, count = os.path.abspath(sys.argv[1]), sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 200
READ = [["zwasm", "inspect"], ["zwasm", "wat"], ["zwasmc", "-o", "x.cwasm"], ["zwasmc", "-o", "x.o"]]
RUN = [["zwasm", "run", "--engine=interp"], ["zwasm", "run"]]


def said(command, name):
    p = subprocess.run([os.path.join(bin_dir, command[0]), *command[1:], name], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=600)
    return p.returncode, p.stderr.decode(errors="replace")


def main():
    rnd, files = random.Random(1), sorted(os.listdir(modules))
    accepted = refused = wrong = 0
    with tempfile.TemporaryDirectory() as tmp:
        files = [os.path.abspath(os.path.join(modules, f)) for f in files[::max(1, len(files) // count)]]
        os.chdir(tmp)
        for k, path in enumerate(files):
            b = bytearray(open(path, "rb").read())
            if k % 2 and len(b) > 8:
                b[rnd.randrange(8, len(b))] ^= 1 << rnd.randrange(8)
            open("it.wasm", "wb").write(b)
            code, verdict = said(["zwasm", "validate"], "it.wasm")
            accepted, refused = accepted + (code == 0), refused + (code != 0)
            for command in READ + (RUN if code else []):
                got, text = said(command, "it.wasm")
                want = 0 if code == 0 else 126 if command in RUN else 1
                lacking = code == 0 and command[0] == "zwasmc" and got == 1 and "not in compiled code yet" in text
                if not lacking and (got != want or (code and text != verdict)):
                    wrong += 1
                    print(f"{path}{' changed' if k % 2 else ''}: {' '.join(command)}: exit {got}: {text.strip()}\n  validate: exit {code}: {verdict.strip()}")
    print(f"one verdict: {accepted} modules accepted, {refused} refused, {wrong} times something else was said")
    sys.exit(wrong > 0 or accepted < count // 4 or refused < count // 10)


main()
