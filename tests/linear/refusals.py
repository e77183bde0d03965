#!/usr/bin/env python3
"""A binary that is refused takes at most 64 KiB and 16 bytes per byte of it, whatever it consists of: the families of
families.py and some of their own, each at two sizes, with its mistake at the very end, where everything before it has been read.

  refusals.py BAD_INPUT [--zwasmc PATH --spawn PATH] [--only NAME] [--per-byte N]

BAD_INPUT --whole counts the allocator's blocks.  With --zwasmc also the peak of its process, of one thread and of two, beyond
that of the smallest module refused.
"""
import argparse, ctypes, os, subprocess, sys, tempfile

import families
from families import BLOCK, CALL, END, I32, IF, LOOP, VOID, body, br_table, functype, get, i32, module, one, s, section, u, vec

UNREACHABLE, F = b"\x00", [functype([I32], [I32])]
OWN = {}


def own(base):
    """base: n of the smaller of the two sizes.  What it makes is invalid by itself."""
    def wrap(f):
        OWN[f.__name__] = (base, f)
        return f
    return wrap


def unclosed(code, end=b""): return module(F, [0], [u(len(code) + 1) + b"\0" + code], after_code=end)


@own(1000)
def blocks_without_ends(n): return unclosed((BLOCK + VOID) * n)


@own(1000)
def loops_without_ends(n): return unclosed((LOOP + VOID) * n)


@own(1000)
def ifs_without_ends(n): return unclosed((get(0) + IF + VOID) * n)


@own(1000)
def tries_without_ends(n): return unclosed((b"\x1f" + VOID + vec([b"\2" + u(0)])) * n)


@own(1000)
def old_tries_without_ends(n): return unclosed((b"\x06" + VOID) * n)


@own(1000)
def operands_without_users(n): return unclosed(get(0) * n + END)


@own(1)
def locals_of_one_function(n): return module(F, [0], [body(b"\x1a", [(24000, I32)])] * n)


@own(50)
def locals_of_many_functions(n): return module(F, [0] * n, [body(get(0), [(24000, I32)])] * (n - 1) + [body(b"\x1a", [(24000, I32)])])


@own(1000)
def groups_of_locals(n): return module(F, [0], [body(b"\x1a", [(1, I32 if k % 2 else families.F64) for k in range(min(n, 49000))])])


@own(1000)
def groups_of_no_locals(n): return module(F, [0], [body(b"\x1a", [(0, I32)] * n)])


@own(1000)
def labels_of_one_table(n): return unclosed(BLOCK + VOID + get(0) + br_table([0] * n, 0) + END + b"\x1a")


@own(300)
def many_tables_of_labels(n): return unclosed((BLOCK + VOID) * 40 + (get(0) + br_table(range(39), 39)) * n + END * 40 + b"\x1a")


@own(500)
def names_of_locals(n):
    maps = vec(u(k) + vec(u(i) + families.name(f"v{i}") for i in range(2)) for k in range(n))
    return module(F, [0] * n, [body(get(0))] * n, after_code=section(0, families.name("name") + section(2, maps)) + b"\x7f")


@own(1000)
def branch_hints(n):
    code = (get(0) + IF + VOID + END) * n + get(0)
    hints = vec([u(0) + vec(u(3 + 5 * k) + b"\1\0" for k in range(n))])
    return module(F, [0], [body(code)], extra_before_code=section(0, families.name("metadata.code.branch_hint") + hints), after_code=b"\x7f")


@own(1000)
def empty_segments(n): return module(F, [0], [body(get(0))], after_code=section(11, vec([b"\1\0"] * n)) + b"\x7f")


@own(1000)
def types_without_anything(n): return module([functype([], [])] * n + F, [n], [body(b"\x1a")])


@own(1000)
def functions_without_anything(n): return module([functype([], [])], [0] * n, [body(b"")] * (n - 1) + [body(b"\x1a")])


@own(1000)
def empty_rec_groups(n): return module([b"\x4e\0"] * n + F, [0], [body(b"\x1a")])


@own(1000)
def empty_structs(n): return module([b"\x5f\0"] * n + F, [n], [body(b"\x1a")])


@own(1000)
def wrong_counts(n): return b"\0asm\1\0\0\0" + section(1, u(0xffffff) + b"\0" * n)


@own(1000)
def names_that_nobody_has(n): return module(F, [0], [body(get(0))], imports=vec(b"\0\0\0\0" for k in range(n)), after_code=b"\x7f")


@own(1000)
def blocks_of_many_types(n): return unclosed(b"".join(BLOCK + (I32, VOID, u(0))[k % 3] if k % 3 < 2 else get(0) + BLOCK + u(0) for k in range(n)))


@own(1000)
def dead_blocks(n): return unclosed(UNREACHABLE + (BLOCK + VOID) * n)


@own(1000)
def facts_then_dead_blocks(n): return unclosed((LOOP + VOID + END) * n + UNREACHABLE + (BLOCK + VOID) * n)


@own(500)
def tees_of_many_locals(n): return module(F, [0], [body(get(0) + b"".join(b"\x22" + u(k % n) for k in range(2 * n)) + b"\x1a\x1a", [(n, I32)])])


@own(200)
def tables_of_distinct_labels(n): return unclosed((BLOCK + VOID) * n + get(0) + br_table(range(n), 0) + END)


@own(500)
def branches_on_casts(n):
    struct, ref = b"\x5f\0", b"\x63" + b"\0"
    branch = BLOCK + ref + get(0) + b"\xfb\x18\3\0\0\0" + b"\x1a"
    return module([struct, functype([ref], [])], [1], [u(len(branch) * n + 1) + b"\0" + branch * n])


@own(100)
def calls_with_many_results(n):
    code = CALL + b"\x1a" * 899  # one is left
    return module([functype([], [I32] * 900)] + F, [1] * n, [body(code)] * (n - 1) + [body(code + b"\x1a\x1a")], imports=vec([b"\0\0\0\0"]))


@own(1000)
def fields_of_one_struct(n): return module([b"\x5f" + vec([b"\x7f\0"] * min(n, 10000))] * max(1, n // 10000) + F, [max(1, n // 10000)], [body(b"\x1a")])


@own(1000)
def params_of_one_type(n): return module([functype([I32] * 1000, [])] * max(1, n // 1000) + F, [max(1, n // 1000)], [body(b"\x1a")])


@own(1000)
def one_group_of_structs(n): return module([b"\x4e" + vec([b"\x5f\0"] * n)] + F, [n], [body(b"\x1a")])


@own(500)
def groups_of_two(n): return module([b"\x4e\2\x5f\0\x5f\0"] * n + F, [2 * n], [body(b"\x1a")])


@own(500)
def deep_subtypes(n):
    subs = [b"\x50" + vec([u(min(k - 1, 60))] if k else []) + b"\x5f\0" for k in range(n)]
    return module(subs + F, [n], [body(b"\x1a")])


@own(1000)
def passive_elements(n): return module(F, [0], [body(b"\x1a")], elems=vec([b"\1\0\0"] * n))


@own(500)
def active_elements(n):
    return module(F, [0], [body(b"\x1a")], tables=vec([b"\x70\0\0"]), elems=vec([b"\0\x41\0\x0b\0"] * n))


@own(500)
def active_data(n): return module(F, [0], [body(get(0))], after_code=section(11, vec([b"\0\x41\0\x0b\0"] * n)) + b"\x7f")


@own(1000)
def tables_of_nothing(n): return module(F, [0], [body(b"\x1a")], tables=vec([b"\x70\0\0"] * n))


@own(500)
def tables_with_values(n): return module(F, [0], [body(b"\x1a")], tables=vec([b"\x40\0\x70\0\0\xd0\x70\x0b"] * n))


@own(500)
def globals_of_nothing(n): return module(F, [0], [body(b"\x1a")], globals_=vec([I32 + b"\0\x41\0\x0b"] * n))


@own(1000)
def imports_of_globals(n): return module(F, [0], [body(b"\x1a")], imports=vec([b"\0\0\3" + I32 + b"\0"] * n))


@own(1000)
def imports_of_tables(n): return module(F, [0], [body(b"\x1a")], imports=vec([b"\0\0\1\x70\0\0"] * n))


@own(1000)
def exports_of_one_function(n): return module(F, [0], [body(b"\x1a")], exports=vec(families.name(f"{k:x}") + b"\0\0" for k in range(n)))


@own(1000)
def custom_sections_without_names(n): return module(F, [0], [body(get(0))], after_code=b"\0\1\0" * n + b"\x7f")


AT_ONCE, SLACK = 64 << 10, 512 << 10  # slack: pages of the program that a small module does not touch


def write_all(folder, only):
    """[(file, bytes)]"""
    files = []
    def add(name, data):
        path = os.path.join(folder, name)
        with open(path, "wb") as f:
            f.write(data)
        files.append((path, len(data)))
    for name, (base, make) in OWN.items():
        if only in name:
            for n in (base, 8 * base):
                add(f"{name}-{n}", make(n))
    for name, (base, make, _) in families.FAMILIES.items():
        if only in name and not name.startswith("text_"):
            for families.MISTAKE in ("body", "end"):
                for n in (base // 4 + 8, base * 4):
                    add(f"{name}-{families.MISTAKE}-{n}", make(n))
    families.MISTAKE = None
    return files


def peak(spawn, zwasmc, threads, file, out):
    run = subprocess.run([spawn, "1", zwasmc, f"-j{threads}", "--emit=cwasm", "--no-header", file, "-o", out],
                         stdin=subprocess.DEVNULL, capture_output=True, text=True)
    _, _, kilobytes, _, code = run.stdout.split()
    if code != "1":
        sys.exit(f"refusals: {file}: exit status {code} instead of a refusal: {run.stderr}")
    return int(kilobytes) * 1024


def whole_processes(files, folder, spawn, zwasmc, per_byte):
    """Names of those that take too much."""
    wrong, most, out = [], 0, os.path.join(folder, "out")
    smallest = os.path.join(folder, "smallest")
    with open(smallest, "wb") as f:
        f.write(unclosed(b"\x1a"))
    for threads in (1, 2):
        base = peak(spawn, zwasmc, threads, smallest, out)
        for file, size in files:
            x = max(0, peak(spawn, zwasmc, threads, file, out) - base - AT_ONCE - SLACK) / size
            most = max(most, x)
            if x > per_byte:
                wrong.append(f"{os.path.basename(file)} -j{threads} ({x:.1f} x {size})")
    print(f"{2 * len(files)} processes refuse, at most {(AT_ONCE + SLACK) >> 10} KiB + {most:.1f} x input; {len(wrong)} wrong {' '.join(wrong)}")
    return wrong


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("bad_input")
    ap.add_argument("--zwasmc")
    ap.add_argument("--spawn")
    ap.add_argument("--only", default="")
    ap.add_argument("--per-byte", type=int, default=16)
    a = ap.parse_args()
    ctypes.CDLL(None).prctl(families.PR_SET_THP_DISABLE, 1, 0, 0, 0)
    with tempfile.TemporaryDirectory() as folder:
        files = write_all(folder, a.only)
        failed = subprocess.run([a.bad_input, "--whole", str(a.per_byte)] + [f for f, _ in files]).returncode != 0 or not files
        if a.zwasmc:
            failed = bool(whole_processes(files, folder, os.path.abspath(a.spawn), os.path.abspath(a.zwasmc), a.per_byte)) or failed
    sys.exit(failed)


if __name__ == "__main__":
    main()
