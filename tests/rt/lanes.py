#!/usr/bin/env python3
"""Traps are the same in every lane: exit code, text and backtrace of programs that trap in every way there is, by the
interpreter, the JIT, .cwasm files and programs, each with guard pages, with explicit checks and without signals.  So is
what each mode asks of the machine: a fault handler while guard pages are relied on and none otherwise, and a sentence
where the address space for them cannot be had, before any code has run.
   lanes.py BIN_DIR
"""
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from checks import check, finish, run

bin_dir = os.path.abspath(sys.argv[1])
zwasmc, zwasm = os.path.join(bin_dir, "zwasmc"), os.path.join(bin_dir, "zwasm")

WIDTHS = [("i32.load8_u", "i32"), ("i32.load16_s", "i32"), ("i32.load", "i32"), ("i64.load", "i64"), ("i64.load32_u", "i64"), ("f32.load", "f32"), ("f64.load", "f64"),
          ("v128.load", "v128"), ("v128.load8x8_s", "v128"), ("v128.load64_splat", "v128"), ("i32.atomic.load", "i32"), ("i64.atomic.rmw.add", "i64")]
STORES = [("i32.store8", "i32.const 1"), ("i32.store16", "i32.const 1"), ("i32.store", "i32.const 1"), ("i64.store", "i64.const 1"), ("f32.store", "f32.const 1"),
          ("f64.store", "f64.const 1"), ("v128.store", "v128.const i32x4 1 2 3 4"), ("i64.store32", "i64.const 1")]
EXIT = '(import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))'


def nest(body, fields="", result=""):
    """The trap three calls deep, the middle one indirect."""
    return (f'{fields} (table $calls 1 funcref) (elem (table $calls) (i32.const 0) func $inner) (type $plain (func{result}))'
            f'(func $inner (type $plain) {body}) (func $middle (type $plain) (call_indirect $calls (type $plain) (i32.const 0)))'
            f'(func $outer (export "_start") (call $middle){" drop" if result else ""})')


def programs():
    out = {}
    memory = "(memory 1 2)"
    for op, t in WIDTHS:
        add = " (i64.const 1)" if "rmw" in op else ""
        for n, at in enumerate(("65536", "-8", "65528")):
            offset = " offset=65536" if n == 2 else ""
            out[f"{op}_{n}"] = nest(f"(drop ({op}{offset} (i32.const {at}){add}))", memory)
    for op, v in STORES:
        out[op] = nest(f"({op} offset=4294967288 (i32.const 8) ({v}))", memory)
        out[op + "_edge"] = nest(f"({op} (i32.const 65536) ({v}))", memory)
    out["second memory"] = nest("(drop (i32.load $b (i32.const 131072)))", "(memory $a 1) (memory $b 2)")
    out["memory64"] = nest("(drop (i32.load (i64.const 0x100000000)))", "(memory i64 1)")
    out["memory64 far"] = nest("(drop (i64.load offset=0x1000000000 (i64.const -8)))", "(memory i64 1)")
    out["after growing"] = nest("(drop (memory.grow (i32.const 1))) (i32.store (i32.const 100000) (i32.const 1)) (i32.store (i32.const 131070) (i32.const 1))", memory)
    out["empty memory"] = nest("(i32.store8 (i32.const 0) (i32.const 1))", "(memory 0)")
    out["unaligned"] = nest("(drop (i32.atomic.load (i32.const 2)))", memory)
    for op in ("copy", "fill"):
        out["memory." + op] = nest(f"(memory.{op} (i32.const 65530) (i32.const 0) (i32.const 7))", memory)
    out["memory.init"] = nest('(memory.init $d (i32.const 0) (i32.const 2) (i32.const 2))', memory + '(data $d "abc")')
    out["dropped data"] = nest('(data.drop $d) (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1))', memory + '(data $d "abc")')
    out["data segment"] = '(memory 1) (data (i32.const 65535) "ab") (func (export "_start"))'
    out["elem segment"] = '(table 1 funcref) (elem (i32.const 1) $f) (func $f) (func (export "_start"))'
    tables = "(table $t 4 10 funcref) (elem $e func $f) (func $f) (type $other (func (param i32)))"
    for name, body in (("get", "(drop (table.get $t (i32.const 4)))"), ("set", "(table.set $t (i32.const -1) (ref.null func))"), ("fill", "(table.fill $t (i32.const 3) (ref.null func) (i32.const 2))"),
                       ("copy", "(table.copy $t $t (i32.const 0) (i32.const 3) (i32.const 2))"), ("init", "(table.init $t $e (i32.const 0) (i32.const 0) (i32.const 2))"),
                       ("undefined", "(call_indirect $t (type $plain) (i32.const 4))"), ("uninitialized", "(call_indirect $t (type $plain) (i32.const 3))"),
                       ("type", "(table.init $t $e (i32.const 0) (i32.const 0) (i32.const 1)) (call_indirect $t (type $other) (i32.const 1) (i32.const 0))")):
        out["table " + name] = nest(body, tables)
    out["call_ref"] = nest("(call_ref $plain (ref.null $plain))")
    out["ref.as_non_null"] = nest("(drop (ref.as_non_null (ref.null func)))")
    out["unreachable"] = nest("unreachable")
    for t, big in (("i32", "0x80000000"), ("i64", "0x8000000000000000")):
        for op in ("div_s", "div_u", "rem_s", "rem_u"):
            out[f"{t}.{op}"] = nest(f"(global.get $n) ({t}.{op} ({t}.const 7) (global.get $zero)) drop drop", f"(global $n (mut {t}) ({t}.const 7)) (global $zero (mut {t}) ({t}.const 0))")
        out[f"{t} overflow"] = nest(f"({t}.div_s (global.get $n) ({t}.const -1)) drop", f"(global $n (mut {t}) ({t}.const {big}))")
        for f in ("f32", "f64"):
            for s in "su":
                for v in ("nan", "1e30", "-inf"):
                    out[f"{t}.trunc_{f}_{s} {v}"] = nest(f"(drop ({t}.trunc_{f}_{s} (global.get $x)))", f"(global $x (mut {f}) ({f}.const {v}))")
    out["start function"] = "(func $s unreachable) (start $s) (func (export \"_start\"))"
    out["exit"] = EXIT + memory_export() + '(func (export "_start") (call $proc_exit (i32.const 42)))'
    out["exit in start"] = EXIT + memory_export() + '(func $s (call $proc_exit (i32.const 3))) (start $s) (func (export "_start"))'
    out["bad exit"] = EXIT + memory_export() + '(func $f (call $proc_exit (i32.const 200))) (func (export "_start") (call $f))'
    # a trap on a line of calls that are tail calls, recursive, in a loop, behind many arguments
    out["tail"] = '(memory 1) (func $a (param i32) (result i32) (return_call $b (local.get 0) (i32.const 70000))) (func $b (param i32 i32) (result i32) (i32.load (local.get 1))) (func (export "_start") (drop (call $a (i32.const 1))))'
    out["recursion"] = '(func $r (param i32) (result i32) (if (i32.eqz (local.get 0)) (then unreachable)) (i32.add (i32.const 1) (call $r (i32.sub (local.get 0) (i32.const 1))))) (func (export "_start") (drop (call $r (i32.const 30))))'
    out["deep recursion"] = out["recursion"].replace("const 30", "const 1000")
    out["loop"] = '(memory 1) (func $l (param i32) (loop (drop (i32.load (local.get 0))) (local.set 0 (i32.add (local.get 0) (i32.const 4))) (br 0))) (func (export "_start") (call $l (i32.const 64000)))'
    out["small"] = '(func $leaf (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0))) (func (export "_start") (drop (i32.add (call $leaf (i32.const 1)) (call $leaf (i32.const 0)))))'
    many = " ".join(["i32"] * 20)
    out["arguments"] = f'(func $m (param {many}) (result i32) (i32.div_s (local.get 0) (local.get 19))) (func (export "_start") (drop (call $m {" ".join(f"(i32.const {k})" for k in range(19))} (i32.const 0))))'
    out["no names"] = '(func unreachable) (func (export "_start") (call 0))'
    out["odd names"] = '(func $"a b \\"c\\" é" unreachable) (func (export "_start") (call 0))'
    out["overflow"] = '(func $down (param i32) (result i32) (i32.add (call $down (i32.add (local.get 0) (i32.const 1))) (i32.const 1))) (func (export "_start") (drop (call $down (i32.const 0))))'
    return out


def memory_export():
    return '(memory (export "memory") 1)'


def lanes(stem):
    """name -> command lines to run one after the other; the last one is judged."""
    modes = {"guard": [], "checked": ["--bounds=check"], "no signals": ["--no-signals"]}
    out = {"jit -O0": [[zwasm, "run", "-O0", stem + ".wasm"]]}
    for name, flags in modes.items():
        out["jit " + name] = [[zwasm, "run", *flags, stem + ".wasm"]]
        out["cwasm " + name] = [[zwasmc, *flags, stem + ".wasm", "-o", stem + ".cwasm"], [zwasm, "run", stem + ".cwasm"]]
        out["exe " + name] = [[zwasmc, *flags, "--emit=exe", stem + ".wasm", "-o", stem + ".exe"], ["./" + stem + ".exe"]]
    return out


def judge(stem, got):
    """What must be equal: the program's own name in front of a message is not."""
    code, out, err = got
    err = re.sub(r"^(zwasm: error: |zwasm: )?(\./)?t[0-9]+(\.wasm|\.cwasm|\.exe)?: ", "", err, flags=re.M)
    if "call stack exhausted" in err: # how deep a stack gets is the lane's own, and whether the call or the callee finds out
        err = re.sub(r"\.\.\. \d+ more", "... more", re.sub(r"^( +0: .*)\+0x[0-9a-f]+\]$", r"\1]", err, flags=re.M))
    return code, out, err


def address(text):
    return (re.search(r"out of bounds memory access( at address .*)?\n", text) or [r"\1\n"])[0]


WAITS = """(import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1) (data (i32.const 0) "\\10\\00\\00\\00\\04\\00\\00\\00") (data (i32.const 16) "here")
  (func (export "_start") (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8))))"""


def caught_signals(command):
    """SigCgt of a process whose guest has spoken and waits."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as p:
        said = p.stdout.read(4)
        with open(f"/proc/{p.pid}/status") as f:
            caught = int(re.search(r"^SigCgt:\s*([0-9a-f]+)", f.read(), re.M)[1], 16)
        p.stdin.close()
        p.stdout.read()
    return caught if said == b"here" and p.returncode == 0 else f"exit {p.returncode}, {said}"


def demands():
    """What each mode has installed, and what it says in a short address space."""
    open("waits.wat", "w").write(f"(module {WAITS})")
    check("waits: assembles", run([zwasm, "wasm", "waits.wat", "-o", "waits.wasm"])[0] == 0)
    for lane, commands in lanes("waits").items():
        for c in commands[:-1]:
            run(c)
        guarded = lane.split()[1] in ("guard", "-O0")
        own = 0 if lane.startswith("exe") else 1 << 5 # zwasm itself has words for an abort, which is a bug of ours
        caught, segv = caught_signals(commands[-1]), 1 << 10
        check(f"{lane}: {'a fault handler and no other' if guarded else 'no handler'}", caught == own | (segv if guarded else 0), caught)
        got = run(["bash", "-c", 'ulimit -v 1000000; exec "$@"', "-", *commands[-1]])
        if guarded:
            check(f"{lane}: a short address space", got[0] == 126 and "--bounds=check" in got[2] and got[2].count("\n") == 1 and not got[1], got)
        else:
            check(f"{lane}: a short address space is enough", got == (0, "here", ""), got)


def main():
    count = 0
    with tempfile.TemporaryDirectory() as tmp:
        os.chdir(tmp)
        demands()
        for k, (name, text) in enumerate(programs().items()):
            stem = f"t{k}"
            open(stem + ".wat", "w").write(f"(module {text})")
            code, out, err = run([zwasm, "wasm", stem + ".wat", "-o", stem + ".wasm"])
            if not check(f"{name}: assembles", code == 0, err):
                continue
            want = judge(stem, run([zwasm, "run", "--interpreter", stem + ".wasm"]))
            check(f"{name}: the interpreter traps or exits", want[0] in (134, 42, 3) and (want[0] != 134 or want[2].startswith("wasm trap: ")), want)
            for lane, commands in lanes(stem).items():
                for c in commands:
                    got = run(c)
                is_ = judge(stem, got)
                if "at address" not in is_[2] and (lane.split()[1] in ("checked", "no") or "64" in name): # explicit checks know no address
                    is_ = (*is_[:2], re.sub(r"(out of bounds memory access)\n", address(want[2]), is_[2]))
                check(f"{name}: {lane} is as the interpreter", is_ == want, f"{is_}\n{want}")
                count += 1
    finish("lanes", 1000, f"; {count} runs")


main()
