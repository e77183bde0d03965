"""What is measured: kernels of our own (bench/micro/*.c) and programs by others (bench/programs.json)."""
import bz2, glob, gzip, json, lzma, os, subprocess, sys

import inputs

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CACHE = os.environ.get("ZW_CACHE", os.path.join(ROOT, ".cache"))
OUT = os.path.join(CACHE, "bench")
CORPUS = os.path.join(CACHE, "real")
WT = [os.path.join(CACHE, "peers/venv/bin/python"), os.path.join(ROOT, "bench/engines/cranelift.py")]
NODE = os.path.join(CORPUS, "node")


class Program:
    def __init__(self, name, wasm, args=(), native=None, kind="micro", stdin=None, dirs=None, native_args=None):
        self.name, self.wasm, self.args, self.native, self.kind = name, wasm, list(args), native, kind
        self.stdin, self.dirs = stdin, dirs or {}          # dirs: guest name -> host folder
        self.native_args = self.args if native_args is None else native_args
        self.exe_flags = [f"--dir={host}::{guest}" for guest, host in self.dirs.items()]
        self.lane = {}                                     # files made of it: lane -> path


def stale(made, *sources):
    return not os.path.exists(made) or any(os.path.getmtime(made) < os.path.getmtime(s) for s in sources)


def micro_programs(word):
    os.makedirs(OUT, exist_ok=True)
    for src in sorted(glob.glob(os.path.join(ROOT, "bench/micro/*.c"))):
        name = os.path.basename(src)[:-2]
        if word not in name:
            continue
        wasm, native = os.path.join(OUT, name + ".wasm"), os.path.join(OUT, name + ".native")
        if stale(wasm, src):
            subprocess.run(["clang", "--target=wasm32-wasi", "-O2", "-s", "-o", wasm, src, "-lm"], check=True)
        if stale(native, src):
            subprocess.run(["gcc", "-O2", "-o", native, src, "-lm"], check=True)
        yield Program(name, wasm, native=native)


def prepare_inputs():
    """Six and twenty-four megabytes of a real module, plain and compressed: what the compressors work on."""
    source, zstd = os.path.join(CORPUS, "yosys.wasm"), os.path.join(CORPUS, "zstd.native")
    if not os.path.exists(source):
        return
    os.makedirs(os.path.join(OUT, "circom"), exist_ok=True)
    plain = {"input": open(source, "rb").read(6_000_000), "large": open(source, "rb").read(24_000_000)}

    def make(name, content):
        path = os.path.join(OUT, name)
        if not os.path.exists(path):
            open(path, "wb").write(content())

    inputs.make_all(make, CORPUS)
    make("input.bin", lambda: plain["input"])
    make("input.bin.bz2", lambda: bz2.compress(plain["input"]))
    make("input.bin.xz", lambda: lzma.compress(plain["input"], preset=3))
    make("large.bin.gz", lambda: gzip.compress(plain["large"], 6))
    if os.path.exists(zstd):
        make("large.bin.zst", lambda: subprocess.run([zstd, "-q", "-c", "-6"], input=plain["large"], stdout=subprocess.PIPE, check=True).stdout)


def native_program(name):
    """The same source for this machine, as tests/real/fetch builds it."""
    path = os.path.join(CORPUS, name + ".native")
    return path if os.path.exists(path) else None


def real_programs(word):
    """bench/programs.json: programs of the real corpus with arguments that keep them busy for 0.2 to 3 s."""
    prepare_inputs()

    def expand(s):
        return s.replace("$CORPUS", CORPUS).replace("$OUT", OUT).replace("$ROOT", ROOT)

    for row in json.load(open(os.path.join(ROOT, "bench/programs.json"))):
        if word not in row["name"]:
            continue
        wasm = expand(row["wasm"])
        if not os.path.exists(wasm):
            print(f"bench: {row['name']} is not built (tests/real/fetch); its row is missing", file=sys.stderr)
            continue
        yield Program(row["name"], wasm, [expand(a) for a in row.get("args", [])], native_program(row["native"]) if "native" in row else None,
                      "real", expand(row["stdin"]) if "stdin" in row else None, {g: expand(h) for g, h in row.get("dirs", {}).items()},
                      [expand(a) for a in row["native_args"]] if "native_args" in row else None)


def all_programs(word=""):
    return list(micro_programs(word)) + list(real_programs(word))


def code_bytes(path):
    """Size of the code section."""
    data, at = open(path, "rb").read(), 8
    while at < len(data):
        kind, at = data[at], at + 1
        size = shift = 0
        while True:
            b = data[at]
            at += 1
            size |= (b & 127) << shift
            shift += 7
            if b < 128:
                break
        if kind == 10:
            return size
        at += size
    return 0
