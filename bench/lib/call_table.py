"""What a border costs: calls between a C host and wasm, in ns."""
import os, re, statistics, subprocess
import measure
import programs as P

def build_host(build):
    """The object lane: calls.wat as an object, linked with a C host."""
    wat, host = (os.path.join(P.ROOT, "bench/calls", n) for n in ("calls.wat", "calls_c.c"))
    obj, exe = os.path.join(P.OUT, "calls.o"), os.path.join(P.OUT, "calls_host")
    subprocess.run([os.path.join(build, "zwasmc"), wat, "-o", obj], check=True)
    subprocess.run(["gcc", "-O2", "-I", P.OUT, "-I", os.path.join(P.ROOT, "include"), host, obj, os.path.join(build, "libzwasm-rt.a"), "-o", exe], check=True)
    return exe


def call_table(build, rounds, results):
    exe, got = build_host(build), {}
    for _ in range(max(rounds, 3)):
        for name, ns in re.findall(r"^(.*): ([\d.]+)$", measure.pinned([exe]).out.decode(), re.M):
            got.setdefault(name, []).append(float(ns))
    rows = []
    for name, ns in got.items():
        results.add("call", name, "obj", "ns", ns)
        rows.append([name, f"{min(ns):.2f}", f"{statistics.median(ns):.2f}{measure.marked(ns)}"])
    measure.table("Calls across the border, ns of CPU time", ["", "least", "median"], rows)
