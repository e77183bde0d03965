#!/usr/bin/env python3
"""Guest programs in every lane: guests.py BIN_DIR ARCHIVE START_O [--only NAME] [--lanes jit,cwasm,interp,exe] [--keep]

guests/*.txt has programs of system calls: a block is a program, compiled to .wat and wasm here.
guests/*.c has programs over wasi-libc: a function is a program.
Each runs in each lane in a fresh directory; its exit code, its output and the tree it leaves must be what is written.

A block:
  == NAME                        begins it
  make KIND PATH [ARG]           before: file P "text" | dir P | link P TARGET | fifo P
  dir HOST[::GUEST][:ro]         what is granted; without any: ".::/work"; "dir none" for nothing
  arg TEXT..   env N=V   in "text" | blocks   out "text" | full | gone   exit N   limit nofile N
  CALL ARGS -> ERRNO [; CHECK]..
  then KIND PATH [ARG]           after: file P "text" | dir P | link P TARGET | none P
The arguments of a call: numbers, NAMES of constants joined by |, "text" (pointer and length), &v (address of variable
v), v (its value), v.64 (its 64 bits), v.64+N, w"text" (a list of one buffer with it, and 1), r[v:N] (the same of variable v
with N bytes), [v:N] (address of v and N).  Checks: v = N, v.W@OFF = N (W bits), v = "text", v >= N, v > N, v < N.
"set v.W@OFF = N" writes, "var v BYTES" makes room; without it there are 64 bytes.
An exit code that was not asked for is the number of the call.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent

# ---- names ----


def read_enum(text, start, prefix):
    body = text[text.index(start):]
    return [n for n in re.findall(rf"\b{prefix}([A-Z_]+)\b", body[:body.index("}")])]


def constants():
    header = (TOP / "runtime/wasi/wasi_int.h").read_text()
    c = {n: 1 << i for i, n in enumerate(read_enum(header, "enum {\n  R_FD", "R_"))}
    c |= {"ALL": (1 << len(c)) - 1, "NONE": 0, "FOLLOW": 1, "CREAT": 1, "DIRECTORY": 2, "EXCL": 4, "TRUNC": 8,
          "APPEND": 1,
          "DSYNC": 2, "NONBLOCK": 4, "RSYNC": 8, "SYNC": 16, "SET": 0, "CUR": 1, "END": 2, "ATIM": 1, "ATIM_NOW": 2,
          "MTIM": 4, "MTIM_NOW": 8,
          "REALTIME": 0, "MONOTONIC": 1,
          "PROCESS": 2, "THREAD": 3, "MAX64": (1 << 63) - 1, "MIN64": -(1 << 63), "U32": 0xffffffff, "MEMORY": 65536}
    return c


CONST = constants()
NOBODY = 65534
ERRNO = {m[0]: int(m[1]) for m in re.findall(r"E\((\w+), (\d+),", (TOP / "runtime/wasi/errno.def").read_text())}
CALLS = {m[0]: m[1] for m in re.findall(r"^P1\((\w+),\s*([zil_]+)", (TOP / "runtime/wasi/p1.def").read_text(), re.M)}

# ---- blocks to .wat ----

TOKEN = re.compile(r'\s*(w?"(?:[^"\\]|\\.)*"|r?\[\w+:\d+\]|&\w+(?:\+\d+)?|\w+\.64(?:\+\d+)?|'
                   r'[A-Z][A-Z0-9_]*(?:\|[A-Z][A-Z0-9_]*)*|-?0x[0-9a-fA-F]+|-?\d+|[a-z]\w*)')


def unquote(s):
    return s[1:-1].encode().decode("unicode_escape").encode("latin-1") if "\\" in s else s[1:-1].encode()


class Program:
    """One module: data, variables, the body of _start."""

    def __init__(self, module):
        self.module, self.data, self.vars, self.body, self.used = module, [], {}, [], {}
        self.at, self.var_at, self.step = 1024, 32768, 0

    def place(self, b):
        at = self.at
        self.data.append((at, b))
        self.at = (at + len(b) + 8) & ~7
        assert self.at < 32768, "too much data"
        return at

    def var(self, name, size=64):
        at, have = self.vars.get(name, (0, 0))
        if have >= size:
            return at
        self.vars[name] = (self.var_at, size)
        assert not have, f"{name}: more than 64 bytes want a var line"
        self.var_at = (self.var_at + size + 15) & ~7
        assert self.var_at <= 65536 - 64, "too many variables"
        return self.vars[name][0]

    def iov(self, at, n):
        return self.place(at.to_bytes(4, "little") + n.to_bytes(4, "little"))

    def values(self, token):
        """A token as instructions, (type-neutral) one per parameter."""
        if token.startswith('w"'):
            b = unquote(token[1:])
            return [self.iov(self.place(b), len(b)), 1]
        if token.startswith('"'):
            b = unquote(token)
            return [self.place(b), len(b)]
        if m := re.match(r"(r?)\[(\w+):(\d+)\]", token):
            at = self.var(m[2], 64)
            return [self.iov(at, int(m[3])), 1] if m[1] else [at, int(m[3])]
        if token.startswith("&"):
            name, _, plus = token[1:].partition("+")
            return [self.var(name) + int(plus or 0)]
        if m := re.match(r"(\w+)\.64(?:\+(\d+))?$", token):
            return [f"(i64.add (i64.load (i32.const {self.var(m[1])})) (i64.const {m[2] or 0}))"]
        if re.match(r"[A-Z]", token):
            v = 0
            for n in token.split("|"):
                v |= CONST[n]
            return [v]
        if re.match(r"-?\d", token):
            return [int(token, 0)]
        return [f"(i32.load (i32.const {self.var(token)}))"]

    def arguments(self, text):
        out, at = [], 0
        text = text.strip()
        while at < len(text):
            m = TOKEN.match(text, at)
            if not m:
                raise ValueError(f"what is {text[at:]!r}?")
            out += self.values(m[1])
            at = m.end()
        return out

    def fail_unless(self, condition):
        self.body.append(f"(if (i32.eqz {condition}) (then (call $exit (i32.const {self.step}))))")

    def check(self, text):
        m = re.match(r'(\w+)(?:\.(8|16|32|64))?(?:@(\d+))?\s*(=|>=|>|<)\s*(.*)$', text.strip())
        if not m:
            raise ValueError(f"what is the check {text!r}?")
        at, width, op = self.var(m[1]) + int(m[3] or 0), int(m[2] or 32), m[4]
        if m[5].startswith('"'):
            for i, byte in enumerate(unquote(m[5])):
                self.fail_unless(f"(i32.eq (i32.load8_u (i32.const {at + i})) (i32.const {byte}))")
            return
        [want] = self.values(m[5])
        t = "i64" if width == 64 else "i32"
        want = f"({t}.const {want})" if isinstance(want, int) else want
        load = f"({t}.load{ {8: '8_u', 16: '16_u'}.get(width, '') } (i32.const {at}))"
        self.fail_unless(f"({t}.{ {'=': 'eq', '>=': 'ge_u', '>': 'gt_u', '<': 'lt_u'}[op] } {load} {want})")

    def call(self, line):
        m = re.match(r"(\w+)\s*(.*?)(?:->\s*(\w+)\s*(?:;(.*))?)?$", line)
        name, checks = m[1], [c for c in (m[4] or "").split(";") if c.strip()]
        sig = CALLS[name]
        self.used[name] = sig
        self.step += 1
        kinds, values = sig[2:], self.arguments(m[2])
        if len(values) != len(kinds):
            raise ValueError(f"{line}: {len(values)} arguments, not {len(kinds)}")
        const = lambda k, v: v if isinstance(v, str) else f"({'i64' if k == 'l' else 'i32'}.const {v})"
        args = " ".join(map(const, kinds, values))
        if sig[0] == "z":
            self.body.append(f"(call ${name} {args})")
            return None
        wants = m[3].split("_or_") if m[3] else []
        self.body.append(f"(local.set $e (call ${name} {args}))")
        equal = [f"(i32.eq (local.get $e) (i32.const {ERRNO[w]}))" for w in wants]
        self.fail_unless("(i32.or " * (len(equal) - 1) + equal[0] + "".join(f" {e})" for e in equal[1:]))
        for c in checks:
            self.check(c)
        return name, wants[0]

    def store(self, line):  # set v[@OFF] .W = VALUE
        m = re.match(r'set (\w+)(?:\.(8|16|32|64))?(?:@(\d+))?\s*=\s*(.*)$', line)
        at, t = self.var(m[1]) + int(m[3] or 0), "i64" if m[2] == "64" else "i32"
        [v] = self.values(m[4])
        v = f"({t}.const {v})" if isinstance(v, int) else v
        self.body.append(f"({t}.store{ {'8': '8', '16': '16'}.get(m[2], '') } (i32.const {at}) {v})")

    def wat(self):
        def param(sig):
            p = " ".join({"i": "i32", "l": "i64"}[c] for c in sig[2:])
            return (f"(param {p})" if p else "") + ("(result i32)" if sig[0] == "i" else "")
        out = ["(module"]
        used = dict(self.used) | {"proc_exit": "z_i"}
        out += [f'(import "{self.module}" "{n}" (func ${n} {param(s)}))' for n, s in used.items()]
        out += ['(memory (export "memory") 1)']
        for at, b in self.data:
            out.append(f'(data (i32.const {at}) "' + "".join(f"\\{x:02x}" for x in b) + '")')
        out += ["(func $exit (param i32) (call $proc_exit (local.get 0)))"]
        out += ['(func (export "_start") (local $e i32)', *self.body, "))"]
        return "\n".join(out)


class Guest:
    def __init__(self, name):
        self.name, self.make, self.then, self.dirs, self.args, self.env = name, [], [], [], [], []
        self.stdin, self.stdout, self.exit, self.nofile, self.flags = "", "", 0, 0, []
        self.lines, self.covers, self.wasm = [], set(), None

    def directive(self, line):
        """True: it was one."""
        word, _, rest = line.partition(" ")
        rest = rest.strip()
        if word in ("make", "then"):
            m = re.match(r'(\w+) (\S+)(?: (.*))?$', rest)
            getattr(self, word).append((m[1], m[2], m[3] or ""))
        elif word == "dir":
            self.dirs.append(rest)
        elif word == "arg":
            self.args += rest.split()
        elif word == "env":
            self.env.append(rest)
        elif word == "flag":
            self.flags.append(rest)
        elif word == "in":
            self.stdin = rest
        elif word == "out":
            self.stdout = rest
        elif word == "exit":
            self.exit = int(rest)
        elif word == "limit":
            self.nofile = int(rest.split()[1])
        else:
            return False
        return True


def read_blocks(path):
    guest = None
    for number, line in enumerate(path.read_text().split("\n"), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("=="):
            guest = Guest(f"{path.stem}.{line[2:].strip()}")
            yield guest
        elif not guest.directive(line):
            guest.lines.append((f"{path.name}:{number}", line))


def write_wat(guest, folder):
    p = Program("wasi_snapshot_preview1")
    for _, line in guest.lines:
        if line.startswith("var "):
            p.var(line.split()[1], max(64, int(line.split()[2])))
    for where, line in guest.lines:
        try:
            if line.startswith("var "):
                continue
            if line.startswith("set "):
                p.store(line)
            else:
                got = p.call(line)
                guest.covers |= {(line.split()[0], got[1] if got else "")}
        except (ValueError, KeyError) as e:
            sys.exit(f"guests: {where}: {e}")
    wat, guest.wasm = folder / f"{guest.name}.wat", folder / f"{guest.name}.wasm"
    wat.write_text(p.wat())
    return wat


# ---- C ----

CLANG = ["clang", "--target=wasm32-wasi", "-O1", "-Wall", "-Werror", "-D_WASI_EMULATED_SIGNAL"]


def read_c(path):
    guest = None
    for line in path.read_text().split("\n"):
        if m := re.match(r"//= (\w+)", line):
            guest = Guest(f"{path.stem}.{m[1]}")
            yield guest
        elif m := re.match(r"//: (.*)", line):
            if not guest.directive(m[1]):
                sys.exit(f"guests: {path.name}: what is {m[1]!r}?")


def build_c(path, guests, folder):
    """One compilation for all, one more for the mains, then a link each."""
    mains = []
    for g in guests:
        f = folder / f"main_{g.name}.c"
        name = g.name.partition(".")[2]
        f.write_text(f"int guest_{name}(int argc, char **argv);\n"
                     f"int main(int argc, char **argv) {{ return guest_{name}(argc, argv); }}\n")
        mains.append(f)
    subprocess.run([*CLANG, "-ffunction-sections", "-c", path, *mains], cwd=folder, check=True)
    libc = "/usr/lib/wasm32-wasi"
    builtins = subprocess.check_output(["clang", "--target=wasm32-wasi", "-print-libgcc-file-name"], text=True).strip()
    for g, f in zip(guests, mains):
        g.wasm = folder / f"{g.name}.wasm"
        objects = [f"{libc}/crt1-command.o", f.with_suffix(".o"), folder / f"{path.stem}.o"]
        subprocess.run(["wasm-ld", "-o", g.wasm, *objects, "-L", libc, "-lc", builtins], check=True)


# ---- running ----


def inside(folder, path):
    assert not path.startswith("/") and ".." not in path.split("/"), path
    return folder / path


def plant(folder, kind, path, arg):
    at = inside(folder, path)
    at.parent.mkdir(parents=True, exist_ok=True)
    if kind == "file":
        at.write_bytes(unquote(arg) if arg.startswith('"') else bytes(int(arg)))
    elif kind == "dir":
        at.mkdir(exist_ok=True)
    elif kind == "link":
        at.symlink_to(arg)
    elif kind == "fifo":
        os.mkfifo(at)
    elif kind == "mode":
        at.chmod(int(arg, 8))
    else:
        raise ValueError(kind)


def wrong(folder, kind, path, arg):
    """What is not as it should be, or None."""
    at = inside(folder, path)
    if kind == "none":
        return f"{path} is there" if at.is_symlink() or at.exists() else None
    if not (at.is_symlink() or at.exists()):
        return f"{path} is not there"
    if kind == "dir":
        return None if stat.S_ISDIR(at.lstat().st_mode) else f"{path} is no directory"
    if kind == "link":
        return None if at.is_symlink() and os.readlink(at) == arg else f"{path} does not lead to {arg}"
    if kind == "size":
        return None if at.stat().st_size == int(arg) else f"{path} has {at.stat().st_size} bytes"
    got = at.read_bytes()
    return None if got == unquote(arg) else f"{path} holds {got[:200]!r}"


class Lanes:
    def __init__(self, bin_dir, archive, start):
        self.zwasm, self.zwasmc, self.archive, self.start = bin_dir / "zwasm", bin_dir / "zwasmc", archive, start

    def compile(self, *args):
        r = subprocess.run([self.zwasmc, *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if r.returncode:
            raise RuntimeError(r.stdout)

    def command(self, lane, guest, folder):
        dirs = [d for d in guest.dirs or [".::/work"] if d != "none"]
        options = [f"--dir={d}" for d in dirs] + [f"--env={e}" for e in guest.env]
        if lane == "exe":
            program = folder / f"{guest.name}.exe"
            self.compile("--emit=exe", *options, guest.wasm, "-o", program)
            return [program, *guest.args]
        file, engine = guest.wasm, []
        if lane == "cwasm":
            file = folder / f"{guest.name}.cwasm"
            self.compile("--emit=cwasm", guest.wasm, "-o", file)
        else:
            engine = [f"--engine={lane}"]
        return [self.zwasm, "run", "--argv0=guest", *engine, *guest.flags, *options, file, *guest.args]


def limits(guest):
    def apply():
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        if guest.nofile:
            resource.setrlimit(resource.RLIMIT_NOFILE, (guest.nofile, guest.nofile))
        if os.getuid() == 0:  # for root nothing is forbidden, and a guest that gets out shall find nothing to break
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
    return apply


def open_streams(guest):
    """(stdin, data, stdout, what to close)"""
    data, close = None, []
    stdin = subprocess.PIPE
    if guest.stdin.startswith('"'):
        data = unquote(guest.stdin)
    elif guest.stdin == "blocks":
        r, w = os.pipe()
        stdin, close = r, [r, w]
    else:
        data = b""
    stdout = subprocess.PIPE
    if guest.stdout == "full":
        stdout = os.open("/dev/full", os.O_WRONLY)
        close.append(stdout)
    elif guest.stdout == "gone":
        r, stdout = os.pipe()
        os.close(r)
        close.append(stdout)
    return stdin, data, stdout, close


def run(lanes, lane, guest, scratch):
    """None, or what is wrong."""
    work = pathlib.Path(tempfile.mkdtemp(prefix=f"{guest.name}.{lane}.", dir=scratch))
    work.chmod(0o777)
    command = lanes.command(lane, guest, scratch)
    for entry in guest.make:
        plant(work, *entry)
    if os.getuid() == 0:
        for at in [work, *work.rglob("*")]:
            os.lchown(at, NOBODY, NOBODY)
    stdin, data, stdout, close = open_streams(guest)
    try:
        p = subprocess.Popen(command, cwd=work, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE,
                             env={"HOST": "secret"}, preexec_fn=limits(guest))
        out, err = p.communicate(data, timeout=600)
    except subprocess.TimeoutExpired:
        p.kill()
        p.communicate()
        return "did not end"
    finally:
        for fd in close:
            os.close(fd)
    problems = []
    if p.returncode != guest.exit:
        calls = [f": {where}: {line}" for where, line in guest.lines if not line.startswith(("var ", "set "))]
        place = calls[p.returncode - 1] if 0 < p.returncode <= len(calls) else ""
        problems.append(f"exit {p.returncode}, not {guest.exit}{place} {err.decode(errors='replace')[-300:]}")
    want = unquote(guest.stdout) if guest.stdout.startswith('"') else b""
    if stdout == subprocess.PIPE and out != want:
        problems.append(f"wrote {out[:300]!r}, not {want[:300]!r}")
    if not guest.exit and err:
        problems.append(f"said {err[:300]!r}")
    problems += [w for w in (wrong(work, *entry) for entry in guest.then) if w]
    shutil.rmtree(work, ignore_errors=True)
    return "; ".join(problems) or None


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("bin_dir", type=pathlib.Path)
    ap.add_argument("archive", type=pathlib.Path)
    ap.add_argument("start", type=pathlib.Path)
    ap.add_argument("--only", default="")
    ap.add_argument("--lanes", default="interp,jit,cwasm,exe")
    ap.add_argument("--least", type=int, default=0, help="so many programs there must be")
    ap.add_argument("--keep", action="store_true")
    o = ap.parse_args()
    lanes = Lanes(o.bin_dir.resolve(), o.archive.resolve(), o.start.resolve())
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="zwasm-guests-"))
    scratch.chmod(0o755)
    calls = [g for f in sorted((HERE / "guests").glob("*.txt")) for g in read_blocks(f) if o.only in g.name]
    wats = [write_wat(g, scratch) for g in calls]
    for w in wats:
        subprocess.run(["wat2wasm", w, "-o", w.with_suffix(".wasm")], check=True)
    programs = list(calls)
    for f in sorted((HERE / "guests").glob("*.c")):
        mine = [g for g in read_c(f) if o.only in g.name]
        if mine:
            build_c(f, mine, scratch)
        programs += mine
    names = [g.name for g in programs]
    assert len(names) == len(set(names)), sorted(n for n in names if names.count(n) > 1)
    failed, passed, lock = [], {}, threading.Lock()

    def one(job):
        lane, guest = job
        try:
            bad = run(lanes, lane, guest, scratch)
        except (RuntimeError, OSError) as e:
            bad = str(e)[-400:]
        with lock:
            passed[lane] = passed.get(lane, 0) + (not bad)
            if bad:
                failed.append(guest.name)
                print(f"FAIL {guest.name} in {lane}: {bad}", flush=True)

    jobs = [(lane, g) for g in programs for lane in o.lanes.split(",")]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(one, jobs))
    if not o.keep:
        shutil.rmtree(scratch, ignore_errors=True)
    covered = set().union(*(g.covers for g in calls)) if calls else set()
    never = sorted(set(CALLS) - {c for c, _ in covered})
    errnos = sorted({e for _, e in covered if e})
    print(f"guests: {len(programs)} programs ({len(calls)} of calls, {len(programs) - len(calls)} in C), passed " +
          ", ".join(f"{n} in {lane}" for lane, n in passed.items()) + f"; {len(failed)} failures")
    print(f"guests: {len(CALLS) - len(never)} of {len(CALLS)} functions, {len(errnos)} answers: {' '.join(errnos)}")
    if never:
        print(f"guests: never called: {' '.join(never)}")
    good = not failed and len(programs) >= o.least and programs and (not never or o.only)
    sys.exit(0 if good else 1)


main()
