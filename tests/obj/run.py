#!/usr/bin/env python3
"""Objects against the facts that the design promises.   run.py BIN_DIR [PROGRAM of tests/real...]

Sections, relocations, symbols and unwind data as readelf sees them.  With programs: the object of every module of the
corpus is clean to readelf and eu-elflint, names its functions with their sizes, asks for no executable stack and leaves
nothing to relocate in its text, which is the .cwasm file's; of the programs named it is what a running JIT has in memory.
"""
import fcntl
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from checks import check, finish, run_joined as run

here = os.path.dirname(os.path.abspath(__file__))
bin_dir = os.path.abspath(sys.argv[1])
zwasmc, zwasm = os.path.join(bin_dir, "zwasmc"), os.path.join(bin_dir, "zwasm")


def read(path):
    with open(path, "rb") as f:
        return f.read()


class Elf:
    """Just enough of an ELF64 reader: sections by name, symbols, relocations."""

    def __init__(self, path):
        self.b = b = read(path)
        shoff, = struct.unpack_from("<Q", b, 40)
        shentsize, shnum, shstrndx = struct.unpack_from("<HHH", b, 58)
        raw = [struct.unpack_from("<IIQQQQIIQQ", b, shoff + k * shentsize) for k in range(shnum)]
        names = b[raw[shstrndx][4]:raw[shstrndx][4] + raw[shstrndx][5]]
        self.sections = [(self.text(names, r[0]), r) for r in raw]
        self.by_name = {n: r for n, r in self.sections}
        self.symbols = []
        st, strtab = self.by_name[".symtab"], self.contents(".strtab")
        for k in range(st[5] // 24):
            name, info, other, shndx, value, size = struct.unpack_from("<IBBHQQ", b, st[4] + 24 * k)
            self.symbols.append((self.text(strtab, name), info >> 4, info & 15, other, shndx, value, size))

    @staticmethod
    def text(b, at):
        return b[at:b.index(b"\0", at)].decode()

    def contents(self, name):
        r = self.by_name[name]
        return self.b[r[4]:r[4] + r[5]]


def cwasm_text(path):
    b = read(path)
    nsections, = struct.unpack_from("<I", b, 28)
    for k in range(nsections):
        kind, _, off, size = struct.unpack_from("<IIQQ", b, 56 + 24 * k)
        if kind == 1:
            return b[off:off + size]
    raise ValueError("no text section")


def jit_text(wasm, size):
    """The anonymous executable mapping of a JIT whose guest waits: for standard input, or to write into a full pipe."""
    args = {"lua.wasm": ["-"]}.get(os.path.basename(wasm), [])
    out, full = os.pipe()
    os.write(full, bytes(fcntl.fcntl(full, fcntl.F_SETPIPE_SZ, 4096)))
    p = subprocess.Popen([zwasm, "run", "--eager", "-mcpu=x86-64-v2", wasm, *args], stdin=subprocess.PIPE, stdout=full, stderr=full)
    try:
        until = time.monotonic() + 900 # compiled and waiting at the pipe; a slow machine takes its time
        while time.monotonic() < until:
            time.sleep(0.005)
            with open(f"/proc/{p.pid}/maps") as maps:
                for line in maps:
                    m = re.match(r"([0-9a-f]+)-([0-9a-f]+) r-xp 00000000 00:00 0 *$", line)
                    if m and int(m[2], 16) - int(m[1], 16) == (size + 4095) // 4096 * 4096:
                        os.kill(p.pid, signal.SIGSTOP)
                        with open(f"/proc/{p.pid}/mem", "rb") as mem:
                            mem.seek(int(m[1], 16))
                            return mem.read(size)
            if p.poll() is not None:
                return None
        return None
    finally:
        p.kill()
        p.wait()
        os.close(out)
        os.close(full)


def clean(what, obj):
    """Nothing that a tool has to say."""
    code, out = run(["eu-elflint", "--gnu-ld", obj])
    check(f"{what}: eu-elflint", code == 0 and out.strip() == "No errors", out)
    p = subprocess.run(["readelf", "-aW", obj], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) # warnings and errors go there
    check(f"{what}: readelf has nothing to say", p.returncode == 0 and not p.stderr, p.stderr)


def corpus_object(name, e):
    """What must hold in any object; returns how many functions have symbols."""
    check(f"{name}: no relocation in the wasm text", not any(n.startswith(".rela.text.zwasm") for n, _ in e.sections))
    check(f"{name}: no executable stack", e.by_name.get(".note.GNU-stack", (0, 0, 1))[2] == 0 and not any(r[2] & 5 == 5 for _, r in e.sections))
    text = [k for k, (n, _) in enumerate(e.sections) if n.startswith(".text.zwasm.")][0]
    spans = sorted((s[5], s[6]) for s in e.symbols if s[1] == 0 and s[2] == 2 and s[4] == text)
    check(f"{name}: symbols have sizes and do not overlap", spans and all(n for _, n in spans) and all(a + n <= b for (a, n), (b, _) in zip(spans, spans[1:])))
    covered = sum(n for _, n in spans)
    check(f"{name}: nearly all of the text is some function's", covered > 0.9 * e.by_name[".text.zwasm." + name][5], covered)
    return len(spans)


def compare_texts(wasm, stem, in_jit):
    """One module's machine code in the lanes."""
    name = os.path.basename(wasm)
    code, out = run([zwasmc, wasm, "-o", stem + ".cwasm"])
    check(f"{name}: zwasmc makes a .cwasm", code == 0, out)
    code, out = run([zwasmc, "-c", "--no-header", "--mangle=exact", wasm, "-o", stem + ".o"])
    if not check(f"{name}: zwasmc makes an object", code == 0, out):
        return 0
    clean(name, stem + ".o")
    e = Elf(stem + ".o")
    functions = corpus_object(stem, e)
    in_object, in_cwasm = e.contents(".text.zwasm." + stem), cwasm_text(stem + ".cwasm")
    check(f"{name}: object and .cwasm have the same machine code", in_object == in_cwasm, f"{len(in_object)} {len(in_cwasm)}")
    os.remove(stem + ".o")
    if not in_jit:
        return functions
    in_memory = jit_text(wasm, len(in_object))
    check(f"{name}: the JIT has the same machine code", in_memory == in_object, f"{in_memory and len(in_memory)} {len(in_object)}")
    return functions


def undefined_of(path):
    return {s[0] for s in Elf(path).symbols if s[1] and not s[4]}


def facts():
    """The sample's object, section by section."""
    e = Elf("sample.o")
    names = [n for n, _ in e.sections]
    for n, flags in ((".text.zwasm.sample", 6), (".text.sample", 6), (".rodata.zwasm.sample", 2), (".zwasm.meta.sample", 2),
                     (".data.rel.ro.zwasm.sample", 3), (".eh_frame", 2), (".note.GNU-stack", 0)):
        check(f"section {n}", n in names and e.by_name[n][2] == flags, names)
    check("no relocation in .text.zwasm", not any(n.startswith(".rela.text.zwasm") for n in names), names)
    check("no writable section but descriptor and state", [n for n, r in e.sections if r[2] & 1] == [".data.rel.ro.zwasm.sample", ".bss.zwasm.sample"], names)
    code, out = run(["readelf", "-aW", "sample.o"])
    check("readelf has nothing to say", code == 0 and "arning" not in out and "rror:" not in out, out)
    code, out = run(["readelf", "-rW", "sample.o"])
    kinds = set(re.findall(r"R_X86_64_\w+", out))
    check("relocations are of three kinds", kinds <= {"R_X86_64_64", "R_X86_64_PC32", "R_X86_64_PLT32"}, kinds)
    code, out = run(["strip", "--strip-unneeded", "sample.o", "-o", "bare.o"])
    check("strip leaves what the linker must know", code == 0 and undefined_of("bare.o") == undefined_of("sample.o"), undefined_of("bare.o"))
    check("no global offset table", "GOT" not in out, out)
    header = open("sample.h").read()
    defined = {s[0] for s in e.symbols if s[1] == 1 and s[4]}
    declared = set(re.findall(r"\b(sample_\w+)\(", header)) | {"sample_module"}
    imports = {"sample_env_log", "sample_env_get_time", "sample_env_pair"}
    extra = defined - declared
    check("at most five globals beside the header's", len(extra) <= 5, extra)
    check("every function of the header is defined", declared - imports - {"sample_instance"} <= defined, declared - defined)
    undefined = {s[0] for s in e.symbols if s[1] == 1 and not s[4]}
    ours = {s for s in undefined if not s.startswith(("zwasm_rt_", "zwasm_wasi_", "zwasm_abi_", "zw_lib_", "zw_const_", "zw_table_", "zw_link_check", "zw_host_generic"))}
    check("undefined are the imports and the runtime", ours == imports, undefined)
    check("definitions are hidden", all(s[3] == 2 for s in e.symbols if s[1] == 1 and s[4]))
    text = [k for k, (n, _) in enumerate(e.sections) if n == ".text.zwasm.sample"][0]
    locals_ = sorted((s[5], s[6], s[0]) for s in e.symbols if s[1] == 0 and s[2] == 2 and s[4] == text)
    check("a symbol per function", {"sample.add", "sample.sub", "sample.mul"} <= {s[2] for s in locals_}, locals_)
    check("symbols do not overlap", all(a[0] + a[1] <= b[0] for a, b in zip(locals_, locals_[1:])), locals_)
    check("symbols have sizes", all(s[1] for s in locals_), locals_)
    code, out = run(["readelf", "--debug-dump=frames", "sample.o"])
    check("an unwind entry per function", out.count(" FDE ") >= len(locals_) + len(defined) - 1, out)


def several_names():
    """One function of C for each function that is exported, whatever its names."""
    with open("names.wat", "w") as f:
        f.write('(module (func (export "one") (export "uno") (result i32) (i32.const 1)) (func (export "two") (export "one_") (result i32) (i32.const 2)))')
    code, out = run([zwasmc, "names.wat", "-o", "names.o"])
    if not check("names.wat is compiled", code == 0, out):
        return
    clean("names.o", "names.o")
    at = {s[0]: (s[5], s[6]) for s in Elf("names.o").symbols if s[1] == 1 and s[4]}
    for suffix in ("", "_try"):
        check(f"names of one function{suffix}", at["names_one" + suffix] == at["names_uno" + suffix] and at["names_two" + suffix] == at["names_one_" + suffix], at)
        check(f"two functions{suffix}", at["names_one" + suffix][0] != at["names_two" + suffix][0], at)
    check("with and without traps", at["names_one"][0] != at["names_one_try"][0], at)


def main():
    work = tempfile.mkdtemp()
    os.chdir(work)
    run(["wat2wasm", "--debug-names", "--enable-all", os.path.join(here, "sample.wat"), "-o", "sample.wasm"])
    code, out = run([zwasmc, "sample.wasm", "-o", "sample.o"])
    if check("zwasmc makes object and header", code == 0 and os.path.exists("sample.h"), out):
        facts()
    several_names()
    run([zwasmc, "-s", "sample.wasm", "-o", "stripped.o", "--prefix=sample"])
    stripped = Elf("stripped.o")
    check("-s leaves no local function symbol", not [s for s in stripped.symbols if s[1] == 0 and s[2] == 2])
    check("-s keeps the machine code", stripped.contents(".text.zwasm.sample") == Elf("sample.o").contents(".text.zwasm.sample"))
    modules = functions = 0
    if sys.argv[2:]:
        code, out = run([os.path.join(here, "..", "real", "fetch")])
        check("the corpus is there", code == 0, out)
        wasms = [f for f in out.split() if f.endswith(".wasm")]
        check("with at least 15 modules", len(wasms) >= 15, out)
        for k, wasm in enumerate(wasms):
            functions += compare_texts(wasm, f"m{k}", os.path.basename(wasm)[:-5] in sys.argv[2:])
            modules += 1
    shutil.rmtree(work)
    finish("obj", 18 + 7 * modules, f"; {modules} modules, {functions} functions with symbols" if modules else "")


main()
