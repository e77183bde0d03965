"""The contestants: how each is made ready for a program, and how it runs it once.

run(program) gives (cpu seconds, wall seconds, output, exit code); seconds are None when the engine did not say.
"""
import os, re, subprocess, time
import measure
from programs import CACHE, NODE, OUT, ROOT, WT, stale

V8 = [NODE, "--no-warnings", "--no-wasm-lazy-compilation", "--single-threaded"]
MJS = os.path.join(ROOT, "bench/engines/v8.mjs")
LIFTOFF, TURBOFAN = ["--liftoff-only"], ["--no-liftoff", "--no-wasm-tier-up"]
GCC_SECONDS = 1800  # for what wasm2c wrote
SHIM = os.path.join(ROOT, "bench/engines/wasm2c_wasi.c")


def said(text, word):
    """An engine's own report: "run_ns 123" of the peers, the row of our --time-report.  Seconds."""
    m = re.search(rf"\b{word}_ns (\d+)", text)
    if m:
        return int(m.group(1)) / 1e9
    m = re.search(rf"^{word}\b[^\n]*?\s(\d+\.\d+)", text, re.M)
    return float(m.group(1)) / 1e3 if m else None


def dirs_env(p):
    import json
    return {"V8_DIRS": json.dumps(p.dirs), "BENCH_DIRS": json.dumps(p.dirs)}


class Zwasm:
    """Our four lanes.  The jit's time does not include compiling: that is the compile table's."""
    def __init__(self, build, lane, flags=(), env=None):
        self.build, self.lane, self.flags, self.env = build, lane, list(flags), env
        self.zwasm, self.zwasmc = os.path.join(build, "zwasm"), os.path.join(build, "zwasmc")

    def prepare(self, p):
        if self.lane in ("jit", "interp"):
            return True
        p.lane[self.lane] = os.path.join(OUT, p.name + "." + self.lane)
        r = subprocess.run([self.zwasmc, p.wasm, "-mcpu=native", "-o", p.lane[self.lane], "--no-header"] + (p.exe_flags if self.lane == "exe" else []),
                           stdout=subprocess.DEVNULL)
        return r.returncode == 0

    def run(self, p):
        if self.lane == "exe":
            r = measure.pinned([p.lane["exe"]] + p.args, p.stdin)
            return r.cpu, r.wall, r.out, r.code
        flags = {"interp": ["--engine=interp"], "jit": ["--eager"]}.get(self.lane, []) # the peers compile everything first, too
        r = measure.pinned([self.zwasm, "run", "--time-report"] + flags + self.flags + p.exe_flags + [p.lane.get(self.lane, p.wasm)] + p.args, p.stdin,
                           self.env)
        return said(r.err, "run-cpu"), said(r.err, "run"), r.out, r.code


class V8Tier:
    def __init__(self, flags):
        self.flags = flags

    def prepare(self, p):
        return os.path.exists(NODE)

    def run(self, p):
        r = measure.pinned(V8 + self.flags + [MJS, "run", p.wasm] + p.args, p.stdin, dirs_env(p))
        return said(r.err, "cpu"), said(r.err, "run"), r.out, r.code


class Cranelift:
    def prepare(self, p):
        return os.path.exists(WT[0])

    def run(self, p):
        r = measure.pinned(WT + ["run", p.wasm] + p.args, p.stdin, dirs_env(p))
        return said(r.err, "cpu"), said(r.err, "run"), r.out, r.code


class Native:
    """gcc -O2 of the same source."""
    def prepare(self, p):
        return p.native is not None

    def run(self, p):
        r = measure.pinned([p.native] + p.native_args, p.stdin)
        return r.cpu, r.wall, r.out, r.code


class Wasm2c:
    """wasm2c + gcc -O2, with a small WASI of ours: the object lane's competitor.  Compiling is timed as well."""
    def __init__(self):
        self.seconds = {}  # program -> CPU seconds of wasm2c and gcc

    def prepare(self, p):
        folder = os.path.join(OUT, "wasm2c", os.path.basename(p.wasm)[:-5])
        exe = p.lane["wasm2c"] = os.path.join(folder, "program")
        if os.path.getsize(p.wasm) > 2_000_000:  # half an hour of gcc
            return False
        failed, seconds = os.path.join(folder, "failed"), os.path.join(folder, "seconds")  # the latter is written last
        if stale(seconds, p.wasm, SHIM):
            if not stale(failed, p.wasm, SHIM):
                return False  # as the last time, after as many minutes
            os.makedirs(folder, exist_ok=True)
            open(failed, "w").close()
            r = measure.pinned(["wasm2c", "-n", "bench", p.wasm, "-o", os.path.join(folder, "bench.c")], core=False)
            if r.code:
                return False
            write_missing(folder)
            c = measure.pinned(["gcc", "-O2", "-w", "-I", folder, "-o", exe, os.path.join(folder, "bench.c"), os.path.join(folder, "missing.c"), SHIM,
                                "/usr/share/wabt/wasm2c/wasm-rt-impl.c", "-I/usr/share/wabt/wasm2c", "-lm"], timeout=GCC_SECONDS, core=False)
            open(os.path.join(folder, "log"), "w").write(c.err)
            if c.code:
                return False
            os.remove(failed)
            open(seconds, "w").write(f"{r.cpu} {c.cpu}")
        self.seconds[p.name] = [float(x) for x in open(seconds).read().split()]
        return True

    def run(self, p):
        r = measure.pinned([p.lane["wasm2c"]] + p.args, p.stdin, {"WASI_DIRS": ":".join(f"{g}={h}" for g, h in p.dirs.items())})
        return r.cpu, r.wall, r.out, r.code


def write_missing(folder):
    """WASI calls that the shim does not have answer ENOSYS (52)."""
    have = set(re.findall(r"\bWASI\((\w+)", open(SHIM).read()))
    header = open(os.path.join(folder, "bench.h")).read()
    calls = re.findall(r"^(\w+ Z_wasi_snapshot_preview1Z_(\w+)\(struct Z_wasi_snapshot_preview1_instance_t\*[^)]*\));", header, re.M)
    with open(os.path.join(folder, "missing.c"), "w") as f:
        f.write('#include "bench.h"\n')
        for declaration, name in calls:
            if name not in have:
                types = re.search(r"\((.*)\)$", declaration).group(1).split(", ")
                head = declaration[:declaration.index("(")]
                f.write(f"{head}({', '.join(f'{t} a{k}' for k, t in enumerate(types))}) {{ return{' 52' if head.startswith('u32') else ''}; }}\n")


def contestants(build, names):
    every = {
        "cranelift": Cranelift(), "turbofan": V8Tier(TURBOFAN), "liftoff": V8Tier(LIFTOFF), "native": Native(), "wasm2c": Wasm2c(),
        "jit": Zwasm(build, "jit"), "cwasm": Zwasm(build, "cwasm"), "exe": Zwasm(build, "exe"), "interp": Zwasm(build, "interp"),
    }
    return {n: every[n] for n in names} if names else every
