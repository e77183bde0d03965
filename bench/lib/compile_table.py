"""How fast modules compile: code section per CPU second beside the peers, two threads, passes, memory."""
import glob, json, os, re, statistics, sys
import engines, measure
import programs as P
import start_table
from measure import geomean, number

BIG = 1_000_000        # bytes of module: what counts for the table
CRANELIFT_ROUNDS = 1   # it takes a second per megabyte


def modules(word):
    """Every module of the real corpus and of modules.toml, large ones first."""
    found = glob.glob(os.path.join(P.CORPUS, "*.wasm")) + glob.glob(os.path.join(P.CACHE, "modules/*.wasm"))
    found.sort(key=os.path.getsize, reverse=True)
    return [(os.path.basename(f)[:-5].split("-")[0], f) for f in found if word in os.path.basename(f) and os.path.getsize(f) > 100_000]


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
    zwasmc = [os.path.join(build, "zwasmc"), wasm, "-j1", "--no-header"]
    lanes = {"jit": [os.path.join(build, "bench/bench-compile"), "jit", "1", "1", wasm],
             "cwasm": zwasmc + ["--emit=cwasm", "-o", os.path.join(P.OUT, "compile.cwasm")], "obj": zwasmc + ["--emit=obj", "-o", os.path.join(P.OUT, "compile.o")]}
    return {kind: start_table.spawn(build, 1, args)[0][2] for kind, args in lanes.items()}


def passes(facts, cpu):
    """ns per wasm instruction; the passes are timed by the wall, so they share out the CPU time."""
    names = ("decode", "check", "build", "select", "encode", "blob", "sink")
    whole = sum(facts[n] for n in names)
    return [f"{facts[n] / whole * cpu * 1e9 / facts['nops']:.1f}" for n in names]


def compile_table(build, rounds, word, results):
    speed, lanes, per_op, memory = [], [], [], []
    ratios = {"liftoff": [], "cranelift": []}
    for name, wasm in modules(word):
        size, code = os.path.getsize(wasm), P.code_bytes(wasm)
        liftoff = peer(engines.V8 + engines.LIFTOFF + [engines.MJS, "compile", wasm])
        cpu, _, facts = ours(build, "jit", 1, rounds, wasm)
        if not cpu:
            continue
        liftoff2 = peer(engines.V8 + engines.LIFTOFF + [engines.MJS, "compile", wasm])  # interleaved: before and after ours
        fast = min(x for x in (liftoff[0], liftoff2[0]) if x) if liftoff[0] else None
        turbofan = peer(engines.V8 + engines.TURBOFAN + [engines.MJS, "compile", wasm])[0] if size < 3_000_000 else None
        cranelift = peer(P.WT + ["compile", wasm]) if size < 12_000_000 else (None, None)
        for who, seconds in (("liftoff", fast), ("turbofan", turbofan), ("cranelift", cranelift[0]), ("zwasm", min(cpu))):
            results.add("compile", name, who, "cpu-s", [seconds])
            results.add("compile-speed", name, who, "MB/s", [code / 1e6 / seconds if seconds else None])
        row = [name, f"{size / 1e6:.2f}", f"{code / 1e6:.2f}"]
        row += [number(code / 1e6 / s if s else None) for s in (fast, turbofan, cranelift[0], min(cpu))]
        row += [number(fast / min(cpu) if fast else None), number(cranelift[0] / min(cpu) if cranelift[0] else None, 1)]
        if size >= BIG:
            ratios["liftoff"].append(fast / min(cpu) if fast else None)
            ratios["cranelift"].append(cranelift[0] / min(cpu) if cranelift[0] else None)
        speed.append(row + [measure.marked(cpu)])
        per_op.append([name, str(facts["nops"])] + passes(facts, min(cpu)) + [number(min(cpu) * 1e9 / facts["nops"], 1), number(facts["text"] / facts["code"])])
        for label, x in zip(("decode", "check", "build", "select", "encode", "blob", "sink"), per_op[-1][2:]):
            results.add("pass", name, label, "ns/op", [float(x)])
        lane = [name]
        for kind in ("jit", "cwasm", "obj"):
            c = cpu if kind == "jit" else ours(build, kind, 1, rounds, wasm)[0]
            lane.append(f"{code / 1e6 / min(c):.2f}" if c else "-")
            results.add("compile-lane", name, kind, "cpu-s", c)
        for kind in ("jit", "obj"):
            one, two = ours(build, kind, 1, rounds, wasm)[1], ours(build, kind, 2, rounds, wasm)[1]
            lane.append(f"{min(one) * 1e3:.0f} -> {min(two) * 1e3:.0f}" if one and two else "-")
            results.add("compile-wall-j2", name, kind, "s", two)
        lanes.append(lane)
        peaks = peak_kb(build, wasm)
        memory.append([name, f"{size / 1e6:.2f}"] + [f"{k / 1e3:.0f}" for k in peaks.values()] + [f"{k * 1024 / size:.1f}" for k in peaks.values()])
        for kind, peak in peaks.items():
            results.add("peak", name, kind, "x module", [peak * 1024 / size])
    speed.append(["geomean of modules above 1 MB"] + [""] * 6 + [number(geomean(ratios["liftoff"])), number(geomean(ratios["cranelift"]), 1), ""])
    measure.table(f"Compile: MB of code section per CPU second, one thread, to JIT memory, best of {rounds}",
                  ["module", "MB", "code MB", "liftoff", "turbofan", "cranelift", "zwasm", "/liftoff", "/cranelift", ""], speed)
    measure.table("Compile: MB/s to each output, one thread; wall ms with -j1 -> -j2", ["module", "jit", "cwasm", "obj", "jit wall", "obj wall"], lanes)
    measure.table("Compile: ns per wasm instruction of each pass",
                  ["module", "instructions", "decode", "check", "build", "select", "encode", "blob", "sink", "all", "text/code"], per_op)
    measure.table("Compile: peak memory in MB and as a multiple of the module",
                  ["module", "MB", "jit", "cwasm", "obj", "jit x", "cwasm x", "obj x"], memory, "jit: bench-compile, one round; the others: whole zwasmc")
