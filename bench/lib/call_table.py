"""What a border costs: calls between a C host and wasm, in ns."""
import os, re, statistics, subprocess
import measure
import programs as P

def build_host(build, name):
    """The object lane: NAME.wat as an object, linked with a C host."""
    wat, host = (os.path.join(P.ROOT, "bench", name, n) for n in (name + ".wat", name + "_c.c"))
    obj, exe = os.path.join(P.OUT, name + ".o"), os.path.join(P.OUT, name + "_host")
    subprocess.run([os.path.join(build, "zwasmc"), wat, "-o", obj], check=True)
    subprocess.run(["gcc", "-O2", "-I", P.OUT, "-I", os.path.join(P.ROOT, "include"), host, obj, os.path.join(build, "libzwasm-rt.a"), "-o", exe], check=True)
    return exe


def call_table(build, rounds, results):
    exe, got = build_host(build, "calls"), {}
    for _ in range(max(rounds, 3)):
        for name, ns in re.findall(r"^(.*): ([\d.]+)$", measure.pinned([exe]).out.decode(), re.M):
            got.setdefault(name, []).append(float(ns))
    rows = []
    for name, ns in got.items():
        results.add("call", name, "obj", "ns", ns)
        rows.append([name, f"{min(ns):.2f}", f"{statistics.median(ns):.2f}{measure.marked(ns)}"])
    measure.table("Calls across the border, ns of CPU time", ["", "least", "median"], rows)


def bulk_table(build, rounds, results):
    """memory.copy and memory.fill beside the libc's functions, turn by turn in one process."""
    exe, got, rows = build_host(build, "bulk"), {}, []
    for _ in range(max(rounds, 3)):
        for name, n, ours, libc in re.findall(r"^(\S+) (\d+) ([\d.]+) ([\d.]+)$", measure.pinned([exe]).out.decode(), re.M):
            got.setdefault((name, int(n)), []).append((float(ours), float(libc)))
    for (name, n), pairs in got.items():
        ours, libc = ([p[k] for p in pairs] for k in (0, 1))
        results.add("bulk", f"{name} {n}", "obj", "ns", ours)
        results.add("bulk", f"{name} {n}", "libc", "ns", libc)
        rows.append([name, str(n), f"{min(ours):.2f}", f"{min(libc):.2f}", f"{min(libc) / min(ours):.2f}{measure.marked(ours)}"])
    measure.table("Bulk memory, ns each; speed as a multiple of the libc's", ["", "bytes", "ours", "libc", "x libc"], rows)
