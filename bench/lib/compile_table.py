"""How fast modules compile: code section per CPU second beside the peers, two threads, passes, memory."""
import glob, json, os, re, statistics, sys
import engines, measure
import programs as P
import start_table
from measure import geomean, number

BIG = 1_000_000        # bytes of module: what counts for the table
TURBOFAN_AT_MOST, CRANELIFT_AT_MOST = 3_000_000, 12_000_000  # bytes of module; these two take a second per megabyte
PASSES = ("decode", "check", "build", "select", "encode", "blob", "sink")


def modules(word):
    """Every module of the real corpus and of modules.toml, large ones first."""
    found = glob.glob(os.path.join(P.CORPUS, "*.wasm")) + glob.glob(os.path.join(P.CACHE, "modules/*.wasm"))
    found.sort(key=os.path.getsize, reverse=True)
    return [(re.sub(r"(-[0-9a-f]{12})?\.wasm$", "", os.path.basename(f)), f) for f in found if word in os.path.basename(f) and os.path.getsize(f) > 100_000]


def ours(build, kind, threads, rounds, wasm):
    """([cpu seconds], [wall seconds], {"peak_kb", "nops", passes in ns})"""
    r = measure.pinned([os.path.join(build, "bench/bench-compile"), kind, str(threads), str(rounds), wasm], core=threads == 1)
    facts = {k: int(v) for k, v in re.findall(r"\b(\w+) (\d+)", "\n".join(l for l in r.out.decode().splitlines() if not l.startswith("cpu_ns")))}
    pairs = re.findall(r"cpu_ns (\d+) wall_ns (\d+)", r.out.decode())
    if not pairs:
        print(f"bench: {wasm}: {r.err.strip()}", file=sys.stderr)
    return [int(a) / 1e9 for a, _ in pairs], [int(b) / 1e9 for _, b in pairs], facts


def peer(args):
    r = measure.pinned(args, timeout=600)
    return engines.said(r.err, "compile"), r.peak


def peak_kb(build, wasm):
    """Through a small process: a child's peak begins with its parent's, and Python's is 40 MB."""
    zwasmc = [os.path.join(build, "zwasmc"), wasm, "-j1", "--no-header", "--mangle=exact"]
    lanes = {"jit": [os.path.join(build, "bench/bench-compile"), "jit", "1", "1", wasm],
             "cwasm": zwasmc + ["--emit=cwasm", "-o", os.path.join(P.OUT, "compile.cwasm")], "obj": zwasmc + ["--emit=obj", "-o", os.path.join(P.OUT, "compile.o")]}
    return {kind: start_table.spawn(build, 1, args)[0][2] for kind, args in lanes.items()}


def passes(facts, cpu):
    """ns per wasm instruction; the passes are timed by the wall, so they share out the CPU time."""
    whole = sum(facts[n] for n in PASSES)
    return [f"{facts[n] / whole * cpu * 1e9 / facts['nops']:.1f}" for n in PASSES]


def peers(wasm, size):
    """Two functions: seconds of Liftoff, asked before and after ours; of the other two, where a module is small enough for them."""
    def liftoff():
        return peer(engines.V8 + engines.LIFTOFF + [engines.MJS, "compile", wasm])[0]

    def slow():
        turbofan = peer(engines.V8 + engines.TURBOFAN + [engines.MJS, "compile", wasm])[0] if size < TURBOFAN_AT_MOST else None
        cranelift = peer(P.WT + ["compile", wasm])[0] if size < CRANELIFT_AT_MOST else None
        return turbofan, cranelift
    return liftoff, slow


def speed_row(name, size, code, seconds, cpu, results, ratios):
    """MB of code per second of everyone, and ours as ratios."""
    fast, turbofan, cranelift = seconds
    for who, s in (("liftoff", fast), ("turbofan", turbofan), ("cranelift", cranelift), ("zwasm", min(cpu))):
        results.add("compile", name, who, "cpu-s", [s])
        results.add("compile-speed", name, who, "MB/s", [code / 1e6 / s if s else None])
    results.add("module", name, "size", "MB", [size / 1e6])
    results.add("module", name, "code", "MB", [code / 1e6])
    times = [fast / min(cpu) if fast else None, cranelift / min(cpu) if cranelift else None]
    if size >= BIG:
        for who, x in zip(ratios, times):
            ratios[who].append(x)
    return ([name, f"{size / 1e6:.2f}", f"{code / 1e6:.2f}"] + [number(code / 1e6 / s if s else None) for s in (fast, turbofan, cranelift, min(cpu))] +
            [number(times[0]), number(times[1], 1), measure.marked(cpu)])


def pass_row(name, facts, cpu, results):
    per_op = passes(facts, min(cpu))
    for label, x in zip(PASSES, per_op):
        results.add("pass", name, label, "ns/op", [float(x)])
    return [name, str(facts["nops"])] + per_op + [number(min(cpu) * 1e9 / facts["nops"], 1), number(facts["text"] / facts["code"])]


def lanes_row(name, build, rounds, wasm, code, jit, results):
    """To each output on one thread and, in wall time, on two.  jit: what is known of it already."""
    speeds, walls = [], []
    for kind in ("jit", "cwasm", "obj"):
        cpu, one, _ = jit if kind == "jit" else ours(build, kind, 1, rounds, wasm)
        speeds.append(number(code / 1e6 / min(cpu) if cpu else None))
        results.add("compile-lane", name, kind, "cpu-s", cpu)
        if kind == "cwasm":
            continue
        two = ours(build, kind, 2, rounds, wasm)[1]
        results.add("compile-wall", name, kind + " -j1", "s", one)
        results.add("compile-wall", name, kind + " -j2", "s", two)
        walls.append(f"{min(one) * 1e3:.0f} -> {min(two) * 1e3:.0f}, {min(one) / min(two):.2f} x" if one and two else "-")
    return [name] + speeds + walls


def memory_row(name, build, wasm, size, results):
    peaks = peak_kb(build, wasm)
    for kind, peak in peaks.items():
        results.add("peak", name, kind, "x module", [peak * 1024 / size])
    return [name, f"{size / 1e6:.2f}"] + [f"{k / 1e3:.0f}" for k in peaks.values()] + [f"{k * 1024 / size:.1f}" for k in peaks.values()]


def one_module(name, build, rounds, wasm, results, ratios, speed, per_op, lanes, memory):
    size, code = os.path.getsize(wasm), P.code_bytes(wasm)
    liftoff, slow = peers(wasm, size)
    fast = [liftoff()]
    jit = ours(build, "jit", 1, rounds, wasm)
    if not jit[0]:
        return
    fast.append(liftoff())
    speed.append(speed_row(name, size, code, (min((x for x in fast if x), default=None), *slow()), jit[0], results, ratios))
    per_op.append(pass_row(name, jit[2], jit[0], results))
    lanes.append(lanes_row(name, build, rounds, wasm, code, jit, results))
    memory.append(memory_row(name, build, wasm, size, results))
    print("  ".join(speed[-1] + lanes[-1][1:]), file=sys.stderr, flush=True)


def compile_table(build, rounds, word, results):
    speed, lanes, per_op, memory = [], [], [], []
    ratios = {"liftoff": [], "cranelift": []}
    for name, wasm in modules(word):
        try:
            one_module(name, build, rounds, wasm, results, ratios, speed, per_op, lanes, memory)
        except Exception as e:
            print(f"bench: {name}: {e}", file=sys.stderr, flush=True)
    speed.append(["geomean of modules above 1 MB"] + [""] * 6 + [number(geomean(ratios["liftoff"])), number(geomean(ratios["cranelift"]), 1), ""])
    measure.table(f"Compile: MB of code section per CPU second, one thread, to JIT memory, best of {rounds}",
                  ["module", "MB", "code MB", "liftoff", "turbofan", "cranelift", "zwasm", "/liftoff", "/cranelift", ""], speed)
    measure.table("Compile: MB/s to each output, one thread; wall ms with -j1 -> -j2", ["module", "jit", "cwasm", "obj", "jit wall", "obj wall"], lanes)
    measure.table("Compile: ns per wasm instruction of each pass", ["module", "instructions", *PASSES, "all", "text/code"], per_op)
    measure.table("Compile: peak memory in MB and as a multiple of the module",
                  ["module", "MB", "jit", "cwasm", "obj", "jit x", "cwasm x", "obj x"], memory, "jit: bench-compile, one round; the others: whole zwasmc")
