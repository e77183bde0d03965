#!/usr/bin/env python3
"""usage: transcript.py [--bless] BIN_DIR FILE...   play transcripts of shell sessions and compare

A transcript is text.  A line "$ COMMAND" runs in a fresh folder per file (with BIN_DIR first in PATH); the lines behind
it are what it prints on both streams, and "[exit N]" closes it when N is not 0.  "> NAME" begins a file that the lines
up to "<" are written to.  Lines that begin with "#" are comments.  --bless rewrites the answers.
"""
import os
import subprocess
import sys
import tempfile


def play(path, env):
    wrong, out = [], []
    lines = open(path).read().split("\n")
    k = 0
    with tempfile.TemporaryDirectory() as tmp:
        while k < len(lines):
            line = lines[k]
            k += 1
            out.append(line)
            if line.startswith("> "):
                end = lines.index("<", k)
                with open(os.path.join(tmp, line[2:]), "w") as f:
                    f.write("\n".join(lines[k:end]) + "\n")
                out += lines[k:end + 1]
                k = end + 1
            if not line.startswith("$ "):
                continue
            wanted = []
            while k < len(lines) and not lines[k].startswith(("$ ", "# ", "> ")):
                wanted.append(lines[k])
                k += 1
            r = subprocess.run(["sh", "-c", line[2:]], cwd=tmp, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, timeout=600)
            text = r.stdout.decode("utf-8", "backslashreplace").replace(tmp, "TMP").replace(env["BIN"], "BIN")
            got = text.split("\n")[:-1] if text.endswith("\n") else text.split("\n") + ["[no newline]"] if text else []
            if r.returncode:
                got.append(f"[exit {r.returncode}]")
            blank = 0
            while wanted and wanted[-1] == "":
                wanted.pop()
                blank += 1
            while got and got[-1] == "":
                got.pop()
            if wanted != got:
                wrong.append((line, wanted, got))
            out += got + [""] * blank
    return wrong, "\n".join(out)


def main():
    args = sys.argv[1:]
    bless = args[:1] == ["--bless"]
    if bless:
        args = args[1:]
    bin_dir = os.path.abspath(args[0])
    env = {"PATH": bin_dir + ":" + os.environ["PATH"], "BIN": bin_dir, "LC_ALL": "C", "HOME": os.environ.get("HOME", "/")}
    for keep in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
        if keep in os.environ:
            env[keep] = os.environ[keep]
    failed = 0
    for path in args[1:]:
        wrong, text = play(path, env)
        if bless and wrong:
            open(path, "w").write(text)
            print(f"blessed {path}: {len(wrong)} answers")
            continue
        for command, wanted, got in wrong:
            failed += 1
            print(f"{path}: {command}")
            print("".join(f"  - {x}\n" for x in wanted) + "".join(f"  + {x}\n" for x in got), end="")
        print(f"{'FAIL' if wrong else 'ok  '} {os.path.basename(path)}")
    sys.exit(failed > 0)


main()
