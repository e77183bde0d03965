"""Start and footprint: hello and an add function, whole processes beside /bin/true."""
import os, re, statistics, subprocess
import measure
import programs as P
from measure import number

EVERY_CORE = "zwasm run printf.wasm, not pinned"  # compiled on two threads
ADD = '(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))) (func (export "_start")))'


def spawn(build, times, args, pinned=True):
    """[(wall ms, cpu ms, peak KB, page faults)] of `times` runs, started by a process that is small itself."""
    out = subprocess.run(measure.AHEAD + (["taskset", "-c", str(measure.CORE)] if pinned else []) + [os.path.join(build, "bench/bench-spawn"), str(times)] + args,
                         stdout=subprocess.PIPE, check=True).stdout.decode()
    return [(int(w) / 1e6, int(c) / 1e6, int(k), int(f)) for w, c, k, f, _ in (line.split() for line in out.splitlines())]


def instructions(args):
    cg = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"] + args, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE).stderr.decode()
    m = re.search(r"Collected : (\d+)", cg)
    return int(m.group(1)) if m else None


def make(build):
    """The files of the table: {label: path}."""
    stems = ("hello", "printf", "add")
    f = {n + suffix: os.path.join(P.OUT, n + suffix) for n in stems for suffix in (".wasm", ".cwasm", ".exe", ".native", ".wat")}
    for stem in ("hello", "printf"):
        source = os.path.join(P.ROOT, "bench/start", stem + ".c")
        subprocess.run(["clang", "--target=wasm32-wasi", "-O2", "-s", "-o", f[stem + ".wasm"], source], check=True)
        subprocess.run(["gcc", "-O2", "-static", "-s", "-o", f[stem + ".native"], source], check=True)
    open(f["add.wat"], "w").write(ADD)
    subprocess.run([os.path.join(build, "zwasm"), "wasm", f["add.wat"], "-o", f["add.wasm"]], check=True)
    for stem in stems:
        for suffix in (".cwasm", ".exe"):
            subprocess.run([os.path.join(build, "zwasmc"), f[stem + ".wasm"], "-s", "-o", f[stem + suffix], "--no-header"], check=True)
    return f


LARGE = {"circom": ["--help"], "yosys": ["-V"], "cc1": ["--version"], "sqlite": ["-version"], "quickjs": ["-e", "1"]}


def large_modules(build, rounds, results):
    """Programs of the real corpus that have little to do: functions compiled when they are called first, and all of them."""
    rows = []
    for name, args in LARGE.items():
        wasm = os.path.join(P.CORPUS, name + ".wasm")
        if not os.path.exists(wasm):
            print(f"bench: {name} is not built (tests/real/fetch); its row is missing")
            continue
        row = [f"{name} {args[0]}", f"{os.path.getsize(wasm) / 1e6:.1f}"]
        for how in ("--lazy", "--eager"):
            got = spawn(build, max(rounds, 3), [os.path.join(build, "zwasm"), "run", how, wasm] + args, False)
            wall, peak = [x[0] for x in got], [x[2] for x in got]
            row += [f"{min(wall):.1f}", f"{min(peak) / 1024:.0f}"]
            results.add("start-large", f"{name} {how}", "wall", "ms", wall)
            results.add("start-large", f"{name} {how}", "peak", "KB", peak)
        report = subprocess.run([os.path.join(build, "zwasm"), "run", "--lazy", "--time-report", wasm] + args, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE).stderr.decode()
        compiled = re.search(r"^compiled +(\d+)(?: of (\d+))?", report, re.M)
        rows.append(row + [f"{compiled[1]} of {compiled[2]}" if compiled else "?"])
    measure.table("Start of large modules: whole process, on all cores", ["", "MB", "lazy ms", "peak MB", "eager ms", "peak MB", "functions compiled"], rows)


def start_table(build, rounds, results):
    f, zwasm = make(build), os.path.join(build, "zwasm")
    lanes = {"/bin/true": ["/bin/true"], "hello, native static": [f["hello.native"]], "hello executable": [f["hello.exe"]],
             "zwasm run hello.cwasm": [zwasm, "run", f["hello.cwasm"]], "zwasm run hello.wasm": [zwasm, "run", f["hello.wasm"]],
             "zwasm run printf.cwasm": [zwasm, "run", f["printf.cwasm"]], "zwasm run printf.wasm": [zwasm, "run", f["printf.wasm"]],
             EVERY_CORE: [zwasm, "run", f["printf.wasm"]],
             "zwasm run --engine=interp": [zwasm, "run", "--engine=interp", f["hello.wasm"]],
             "add executable": [f["add.exe"]], "zwasm run add.cwasm": [zwasm, "run", f["add.cwasm"]], "zwasm run add.wasm": [zwasm, "run", f["add.wasm"]]}
    got = {k: [] for k in lanes}
    for _ in range(max(rounds, 3) * 4):
        for k, args in lanes.items():
            got[k] += spawn(build, 10, args, k != EVERY_CORE)
    true = [x[0] for x in got["/bin/true"]]
    rows = []
    for k, args in lanes.items():
        wall, cpu = [x[0] for x in got[k]], [x[1] for x in got[k]]
        count = instructions(args)
        rows.append([k, f"{min(wall):.3f}", f"{statistics.median(wall):.3f}", f"{min(wall) - min(true):+.3f}", f"{min(cpu):.3f}",
                     min(x[2] for x in got[k]), min(x[3] for x in got[k]), number(count, 0)])
        results.add("start", k, "wall", "ms", wall)
        results.add("start-cpu", k, "cpu", "ms", cpu)
        results.add("start-peak", k, "peak", "KB", [x[2] for x in got[k]])
        results.add("start-instructions", k, "callgrind", "instructions", [count])
    measure.table("Start: whole process, ms", ["", "least", "median", "least over true", "CPU", "peak KB", "faults", "user instructions"], rows,
                  "callgrind counts user instructions only; the kernel's work shows in faults and wall")
    large_modules(build, rounds, results)
    sizes = []
    for label, path in (("zwasm", zwasm), ("zwasmc", os.path.join(build, "zwasmc")), ("libzwasm-rt.a", os.path.join(build, "libzwasm-rt.a")), ("hello.wasm", f["hello.wasm"]),
                        ("hello.cwasm, -s", f["hello.cwasm"]), ("printf.wasm", f["printf.wasm"]), ("printf.cwasm, -s", f["printf.cwasm"]),
                        ("printf executable, -s", f["printf.exe"]), ("hello executable, -s", f["hello.exe"]), ("add executable, -s", f["add.exe"]), ("hello, native static", f["hello.native"])):
        if label in ("zwasm", "zwasmc"):
            stripped = os.path.join(P.OUT, label + ".stripped")
            subprocess.run(["strip", "-o", stripped, path], check=True)
            label, path = label + ", stripped", stripped
        sizes.append([label, os.path.getsize(path)])
        results.add("size", label, "file", "bytes", [os.path.getsize(path)])
    measure.table("Sizes in bytes", ["file", "bytes"], sizes)
