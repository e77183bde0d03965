"""How fast code runs: every program on every contestant, rounds interleaved."""
import os, statistics, subprocess, sys
import engines, measure
from measure import geomean, marked

INTERP_AT_MOST = 0.6  # seconds of the jit; what takes longer would keep the interpreter busy for half a minute
LARGE, HUGE = 5_000_000, 20_000_000  # bytes of module: Cranelift and TurboFan compile for half a minute and more before each round; two rounds, one must do


def made(engine, program):
    """None, or why this contestant has no figure."""
    try:
        return None if engine.prepare(program) else "not made"
    except Exception as e:
        return f"cannot be made: {e}"


def rounds_of(program, field, rounds):
    """{contestant: ([cpu], [wall])}, outputs, reasons of those that failed."""
    times, outputs = {c: ([], []) for c in field}, {}
    failed = {c: why for c, engine in field.items() for why in (made(engine, program),) if why}
    size = os.path.getsize(program.wasm)
    for r in range(1 if size > HUGE else min(rounds, 2) if size > LARGE else rounds):
        for c, engine in field.items():
            if c in failed:
                continue
            if c == "interp" and (r > 0 or (times.get("jit", ([9], []))[0] or [9])[0] > INTERP_AT_MOST):
                continue
            try:
                cpu, wall, out, code = engine.run(program)
            except Exception as e:
                cpu, code = None, str(e)
            if cpu is None:
                failed[c] = f"exit {code}"
                continue
            times[c][0].append(cpu)
            times[c][1].append(wall)
            outputs[c] = out
    return times, outputs, failed


def wrong_outputs(outputs):
    """Native programs may print what this machine's C library prints; the wasm ones must agree to the byte."""
    reference = next((c for c in ("turbofan", "cranelift", "liftoff") if c in outputs), None)
    return [c for c, o in outputs.items() if c != "native" and reference and o != outputs[reference]]


def run_table(programs, rounds, build, names, results):
    field = engines.contestants(build, names)
    base = "cranelift" if "cranelift" in field else next(iter(field))
    ratios = {c: ([], []) for c in field}
    rows, least, times_of = [], [], []
    for p in programs:
        times, outputs, failed = rounds_of(p, field, rounds)
        bad = wrong_outputs(outputs)
        for c in bad:
            times[c] = ([], [])
        for c, why in failed.items():
            if why != "not made":
                print(f"bench: {p.name} failed in {c}: {why}", file=sys.stderr)
        times_of.append(times)
        row, low = [p.name], [p.name]
        b = times[base][0]
        for c in field:
            cpu, wall = times[c]
            if not cpu:
                row.append("-")
                low.append("-")
                continue
            results.add("run", p.name, c, "cpu-s", cpu)
            results.add("run-wall", p.name, c, "s", wall)
            row.append(f"{statistics.median(cpu) * 1000:.0f}{marked(cpu)}")
            low.append(f"{min(cpu) * 1000:.0f}")
            if b:
                pair = statistics.median(cpu) / statistics.median(b), min(cpu) / min(b)
                ratios[c][0].append(pair[0])
                ratios[c][1].append(pair[1])
                row[-1] += f" {pair[0]:.2f}"
                low[-1] += f" {pair[1]:.2f}"
        rows.append(row)
        least.append(low)
        print("  ".join(low) + ("   WRONG OUTPUT: " + ", ".join(bad) if bad else ""), file=sys.stderr, flush=True)
    columns = ["program"] + list(field)
    for which, body, name in ((0, rows, "median"), (1, least, "minimum")):
        means = [f"geomean of {max(len(ratios[c][which]) for c in field)}"] + [measure.number(geomean(ratios[c][which]), 3) for c in field]
        worst = ["worst"] + [measure.number(max(ratios[c][which], default=None)) for c in field]
        extra = [means, worst]
        if "turbofan" in field and base != "turbofan":
            extra.append(["geomean / turbofan"] + [measure.number(geomean(to_turbofan(body, times_of, c, which)), 3) for c in field])
        measure.table(f"Run time: CPU ms and ratio to {base}, {name} of {rounds} rounds", columns, body + extra,
                      "~: rounds differ by more than 5 %; '-': not run or not possible" if which == 0 else "")
    for c in field:
        results.add("run-geomean", "all", c, "ratio of minima", [geomean(ratios[c][1])])


def to_turbofan(body, times_of, c, which):
    """Ratios of one contestant to TurboFan over the programs that both ran."""
    pick = statistics.median if which == 0 else min
    return [pick(t[c][0]) / pick(t["turbofan"][0]) for t in times_of if t[c][0] and t["turbofan"][0]]


def beside_wasm2c(programs, build, results):
    """An executable from a module: zwasmc beside wasm2c + gcc -O2, compile time included."""
    w, ours, rows = engines.Wasm2c(), engines.Zwasm(build, "exe"), []
    for p in programs:
        if not w.prepare(p) or not ours.prepare(p):
            continue
        spent = measure.pinned([ours.zwasmc, p.wasm, "-o", p.lane["exe"], "--no-header"] + p.exe_flags).cpu
        c, gcc = w.seconds[p.name]
        sizes = [text_size(p.lane[x]) for x in ("exe", "wasm2c")]
        rows.append([p.name, f"{spent:.3f}", f"{c:.3f}", f"{gcc:.2f}", f"{(c + gcc) / spent:.0f}", *map(str, sizes)])
        results.add("to-exe", p.name, "zwasmc", "cpu-s", [spent])
        results.add("to-exe", p.name, "wasm2c+gcc", "cpu-s", [c + gcc])
    measure.table("From module to executable, CPU seconds", ["program", "zwasmc", "wasm2c", "gcc -O2", "times", "text zwasmc", "text wasm2c"], rows)


def text_size(path):
    return int(subprocess.run(["size", path], stdout=subprocess.PIPE).stdout.decode().split()[6])
