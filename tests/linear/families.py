#!/usr/bin/env python3
"""Adversarial families: every generator builds a valid module whose size grows with n.  Compile time and memory must be
linear in the input, whatever the input; refusing the input counts as failure.

  families.py --zwasmc PATH [--only NAME] [--scale F] [--list] [--emit NAME N FILE] [--flags FLAGS]

For each family the module is compiled at n, 2n, 4n and 8n.  Time is counted in instructions under valgrind, so that the
verdict is the same on every machine and at every load.  Printed: instructions per byte at n and 8n, the exponent
log(t(8n)/t(n)) / log(bytes(8n)/bytes(n)) with the smallest module's instructions taken away, and peak memory (of a run without
valgrind) over input at 8n, likewise.  Fails when the exponent is above 1.15 or memory above the limit (40 x input).
"""
import argparse, concurrent.futures, ctypes, math, os, subprocess, sys, tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import instructions


# ---- a small assembler ----
def u(v):
    out = bytearray()
    while True:
        b = v & 127
        v >>= 7
        if v:
            out.append(b | 128)
        else:
            out.append(b)
            return bytes(out)


def s(v):
    out = bytearray()
    while True:
        b = v & 127
        v >>= 7
        if (v == 0 and not b & 64) or (v == -1 and b & 64):
            out.append(b)
            return bytes(out)
        out.append(b | 128)


def vec(items):
    items = list(items)
    return u(len(items)) + b"".join(items)


def section(kind, body):
    return bytes([kind]) + u(len(body)) + body


I32, I64, F64, VOID = b"\x7f", b"\x7e", b"\x7c", b"\x40"


def functype(params, results):
    return b"\x60" + vec(params) + vec(results)


def name(text):
    return u(len(text)) + text.encode()


def body(code, locals_=()):
    """code without its final end; locals_: [(count, type)]."""
    b = vec(u(n) + t for n, t in locals_) + code + b"\x0b"
    return u(len(b)) + b


MISTAKE = None  # where every module has one: its last function ("body"), or the byte behind its last section ("end")


def module(types, funcs, bodies, extra_before_code=b"", imports=b"", exports=b"", after_code=b"", memory=True, tables=b"", globals_=b"", elems=b""):
    if MISTAKE == "body":
        funcs, bodies = list(funcs) + [funcs[-1]], list(bodies) + [body(b"\x1a")]
    m = b"\0asm\1\0\0\0" + section(1, vec(types))
    if imports:
        m += section(2, imports)
    m += section(3, vec(u(f) for f in funcs))
    if tables:
        m += section(4, tables)
    if memory:
        m += section(5, vec([b"\0" + u(1)]))
    if globals_:
        m += section(6, globals_)
    if exports:
        m += section(7, exports)
    if elems:
        m += section(9, elems)
    m += extra_before_code
    return m + section(10, vec(bodies)) + after_code + (b"\x7f" if MISTAKE == "end" else b"")


def one(code, locals_=(), params=(I32,), results=(I32,)):
    return module([functype(params, results)], [0], [body(code, locals_)], exports=vec([name("f") + b"\0" + u(0)]))


def get(i):
    return b"\x20" + u(i)


def set_(i):
    return b"\x21" + u(i)


def tee(i):
    return b"\x22" + u(i)


def i32(v):
    return b"\x41" + s(v)


ADD, SUB, MUL, REM_S, EQZ, XOR = b"\x6a", b"\x6b", b"\x6c", b"\x6f", b"\x45", b"\x73"
BLOCK, LOOP, IF, ELSE, END = b"\x02", b"\x03", b"\x04", b"\x05", b"\x0b"


def br(l):
    return b"\x0c" + u(l)


def br_if(l):
    return b"\x0d" + u(l)


def br_table(labels, default):
    return b"\x0e" + vec(u(x) for x in labels) + u(default)


FAMILIES = {}


def family(base, *flags):
    """base: n of the smallest of the four; flags: instead of --emit=cwasm"""
    def wrap(f):
        FAMILIES[f.__name__.rstrip("_")] = (base, f, list(flags) or ["--emit=cwasm", "--no-header"])
        return f
    return wrap


@family(8000)
def empty_loops(n): return one((LOOP + VOID + END) * n + get(0))


@family(4000)
def tiny_loops(n): return one((LOOP + VOID + get(0) + i32(1) + SUB + tee(0) + br_if(0) + END) * n + get(0))


@family(6000)
def tiny_blocks(n): return one((BLOCK + VOID + get(0) + br_if(0) + get(0) + i32(3) + ADD + set_(0) + END) * n + get(0))


@family(5000)
def diamonds(n): return one((get(0) + IF + I32 + get(0) + i32(1) + ADD + ELSE + get(0) + i32(7) + XOR + END + set_(0)) * n + get(0))


@family(5000)
def nested_blocks(n): return one((BLOCK + VOID) * n + get(0) + br_if(n - 1) + get(0) + br_if(n // 2) + END * n + get(0))


@family(3000)
def nested_loops(n): return one((LOOP + VOID) * n + get(0) + i32(1) + SUB + tee(0) + br_if(n - 1) + END * n + get(0))


@family(3000)
def nested_loops_all_iterate(n):
    return one((LOOP + VOID) * n + (get(0) + i32(1) + SUB + tee(0) + br_if(0) + END) * n + get(0))


@family(3000)
def nested_ifs(n): return one((get(0) + IF + VOID) * n + get(0) + i32(1) + ADD + set_(0) + END * n + get(0))


@family(3000)
def branch_out_of_depth(n):
    # n nested blocks, each with a branch to the outermost
    return one(b"".join(BLOCK + VOID + get(0) + br_if(k) for k in range(n)) + END * n + get(0))


@family(20000)
def br_table_one_label(n): return one(BLOCK + VOID + get(0) + br_table([0] * n, 0) + END + get(0))


@family(3000)
def br_table_distinct(n):
    return one((BLOCK + VOID) * n + get(0) + br_table(range(n - 1), n - 1) + (END + get(0) + i32(5) + ADD + set_(0)) * n + get(0))


@family(400)
def interpreter_loop(n):
    # a dispatch loop: n cases, 40 locals, each case writes three of them and goes round
    code = LOOP + VOID + (BLOCK + VOID) * n + get(0) + i32(1) + ADD + tee(0) + br_table(range(n - 1), n - 1)
    for k in range(n):
        a, b, c = 1 + k % 40, 1 + (k * 7 + 3) % 40, 1 + (k * 11 + 5) % 40
        code += END + get(a) + get(b) + ADD + set_(a) + get(c) + i32(k) + XOR + set_(c) + get(b) + get(a) + SUB + set_(b) + br(n - 1 - k)
    return one(code + END + b"\x00", [(40, I32)])


@family(1500)
def many_locals(n): return one(b"".join(get(k) + i32(k) + ADD + set_(k + 1) for k in range(n)) + get(n), [(n, I32)])


@family(500)  # so many that locals live in memory at each size: it is a step of a fifth
def locals_times_branches(n):
    # n locals assigned inside, n branches out: n * n edge slots if nothing guards
    code = BLOCK + VOID + b"".join(get(0) + set_(1 + k) + get(k) + br_if(0) for k in range(n)) + END
    return one(code + b"".join(get(1 + k) + ADD if k else get(1) for k in range(n)), [(n, I32)])


@family(250)
def locals_times_loops(n):
    # n loops in a row, every one assigns and reads the same n/4 locals
    k = max(1, n // 4)
    loop = lambda j: LOOP + VOID + get(1 + j % k) + i32(1) + SUB + tee(1 + j % k) + br_if(0) + END
    return one(b"".join(loop(j) for j in range(n * 4)) + get(1), [(k, I32)])


@family(6000)
def local_chain(n): return one(get(0) + (get(0) + ADD + tee(0)) * n)


@family(6000)
def rem_chain(n): return one(get(0) + (i32(7) + REM_S + get(0) + ADD) * n)


@family(10000)  # so many that LIR is packed at each size: it is a step of a third
def div_by_variable(n): return one(get(0) + (get(0) + b"\x6d" + i32(1) + ADD) * n)


@family(4000)
def deep_operands(n): return one(b"".join(get(0) + i32(k) + MUL for k in range(n)) + ADD * (n - 1))


@family(4000)
def live_across_call(n):
    # n values live over one call
    return module([functype([I32], [I32])], [0, 0],
                  [body(get(0)), body(b"".join(get(0) + i32(3 * k + 1) + MUL for k in range(n)) + get(0) + b"\x10" + u(0) + ADD * n)])


@family(4000)
def many_calls(n):
    return module([functype([I32], [I32])], [0, 0], [body(get(0)), body(get(0) + (b"\x10" + u(0)) * n)])


@family(40)
def calls_with_many_args(n):
    k = 500
    return module([functype([I32] * k, [I32]), functype([I32], [I32])], [0, 1],
                  [body(get(k - 1)), body((b"".join(get(0) for _ in range(k)) + b"\x10" + u(0) + set_(0)) * n + get(0))])


@family(42)  # so many that LIR is packed at each size
def multi_results(n):
    k = 200
    return module([functype([I32], [I32] * k), functype([I32], [I32])], [0, 1],
                  [body(get(0) * k), body((get(0) + b"\x10" + u(0) + ADD * (k - 1) + set_(0)) * n + get(0))])


@family(4000)
def loads_one_base(n): return one(get(0) + b"".join(get(0) + b"\x28\x02" + u(4 * k) + ADD for k in range(n)))


@family(4000)
def stores_and_loads(n):
    return one(b"".join(get(0) + get(0) + b"\x36\x02" + u(4 * (k % 900)) + get(0) + b"\x28\x02" + u(4 * (k * 7 % 900)) + set_(0) for k in range(n)) + get(0))


@family(5000)
def same_expression(n): return one(get(0) + (get(0) + i32(77) + MUL + ADD) * n)


@family(5000)
def constants(n): return one(get(0) + b"".join(b"\x42" + s(k * 0x123456789abcdef % (1 << 62)) + b"\xa7" + ADD for k in range(n)))


@family(4000)
def selects(n): return one(get(0) + (get(0) + get(0) + i32(9) + ADD + b"\x1b" + get(0) + XOR) * n if False else get(0) + (i32(3) + get(0) + b"\x1b") * n)


@family(4000)
def dead_code(n): return one(get(0) + b"\x0f" + (get(0) + i32(1) + ADD + b"\x1a" + BLOCK + VOID + br(0) + END) * n + get(0))


@family(3000)
def tiny_functions(n): return module([functype([I32], [I32])], [0] * n, [body(get(0) + i32(1) + ADD)] * n)


@family(3000)
def call_chain(n):
    return module([functype([I32], [I32])], [0] * n, [body(get(0))] + [body(get(0) + b"\x10" + u(k) + i32(k) + ADD) for k in range(n - 1)])


@family(4000)
def many_types(n):
    return module([functype([I32] * (k % 7) + [I64] * (k // 7 % 7) + [F64] * (k // 49 % 60), [I32]) for k in range(n)], [0], [body(i32(1))])


@family(4000)
def equal_types(n): return module([functype([I32, I64], [I32])] * n, [n - 1], [body(get(0))])


@family(4000)
def exports(n):
    return module([functype([I32], [I32])], [0], [body(get(0))], exports=vec(name(f"function{k}") + b"\0" + u(0) for k in range(n)))


@family(4000)
def imports(n):
    return module([functype([I32], [I32])], [0], [body(get(0) + b"\x10" + u(n - 1))], imports=vec(name("env") + name(f"f{k}") + b"\0" + u(0) for k in range(n)))


@family(4000)
def globals_(n):
    g = vec(I32 + b"\1" + i32(k) + END for k in range(n))
    return module([functype([I32], [I32])], [0], [body(b"".join(b"\x23" + u(k) + get(0) + ADD + b"\x24" + u(k) for k in range(n)) + get(0))], globals_=g)


@family(4000)
def data_segments(n):
    return module([functype([I32], [I32])], [0], [body(get(0))], after_code=section(11, vec(b"\0" + i32(k * 8) + END + u(8) + b"abcdefgh" for k in range(n))))


@family(4000)
def table_elements(n):
    return module([functype([I32], [I32])], [0], [body(get(0) + get(0) + b"\x11" + u(0) + u(0))], tables=vec([b"\x70\0" + u(n)]),
                  elems=vec([b"\0" + i32(0) + END + vec(u(0) for _ in range(n))]))


@family(12000)  # likewise
def indirect_calls(n):
    return module([functype([I32], [I32])], [0], [body(get(0) + (get(0) + b"\x11" + u(0) + u(0)) * n)], tables=vec([b"\x70\0" + u(1)]),
                  elems=vec([b"\0" + i32(0) + END + vec([u(0)])]))


EXTERNREF = b"\x6f"


def with_references(n, between):
    """n references from a table live over `between`, and are looked at behind it."""
    return module([functype([I32], [I32])], [0, 0],
                  [body(get(0)), body((get(0) + b"\x25\0") * n + get(0) + between + set_(1) + b"\xd1" + (set_(1) + b"\xd1" + get(1) + ADD) * (n - 1),
                                      [(1, I32)])],
                  tables=vec([EXTERNREF + b"\0" + u(1)]), memory=False)


@family(800)
def references_live_over_calls(n): return with_references(n, (b"\x10" + u(0)) * n)


@family(600)
def references_live_over_blocks(n): return with_references(n, (IF + I32 + get(0) + b"\x10" + u(0) + ELSE + get(0) + i32(1) + ADD + END) * n)


@family(3000)
def const_expression(n):
    g = vec([I32 + b"\0" + i32(1) + (i32(3) + ADD) * min(n, 40000) + END])
    return module([functype([I32], [I32])], [0], [body(get(0))], globals_=g)


@family(2000)
def phi_web(n):
    # eight locals rotate through n joins
    rot = b"".join(get(1 + (k + 1) % 8) for k in range(8)) + b"".join(set_(8 - k) for k in range(8))
    return one((get(0) + IF + VOID + rot + END) * n + b"".join(get(k + 1) for k in range(8)) + ADD * 7, [(8, I32)])


@family(1000)
def multi_exit_loops(n):
    return one((BLOCK + VOID + LOOP + VOID + (get(0) + i32(3) + ADD + tee(0) + br_if(1)) * 6 + br(0) + END + END) * n + get(0))


@family(1500)
def loops_with_calls(n):
    return module([functype([I32], [I32])], [0, 0],
                  [body(get(0)), body((LOOP + VOID + get(0) + b"\x10" + u(0) + i32(1) + SUB + tee(0) + get(1) + ADD + tee(1) + br_if(0) + END) * n + get(1), [(1, I32)])])


@family(3000)
def floats(n): return one(b"\x44" + b"\0" * 8 + b"".join(get(0) + b"\xb7" + b"\xa0" + b"\x44" + (k * 997).to_bytes(8, "little") + b"\xa2" for k in range(n)) + b"\xfc\x02")


@family(3000)
def inlined_chain(n):
    call = lambda k: get(0) + b"\x10" + u(k)
    return module([functype([I32], [I32])], [0] * n, [body(get(0) + i32(1) + ADD)] + [body(call(k - 1) + call(k - 1) + ADD) for k in range(1, n)])


@family(3000)
def inlined_calls(n):
    callee = body(get(0) + i32(9) + b"\x48" + IF + I32 + get(0) + ELSE + get(0) + i32(3) + SUB + END)
    return module([functype([I32], [I32])], [0, 0], [callee, body(get(0) + (b"\x10" + u(0)) * n)])


@family(3000)
def constant_ifs(n): return one((i32(0) + IF + VOID) * n + get(0) + i32(1) + ADD + set_(0) + END * n + get(0))


@family(2000)
def constant_branches(n):
    return one(BLOCK + VOID + (i32(0) + br_if(0) + i32(1) + IF + VOID + ELSE + LOOP + VOID + get(0) + br_if(0) + END + END) * n + END + get(0))


@family(1500)
def invariants_in_a_nest(n):
    return one((LOOP + VOID) * n + (get(0) + b"\xb7\x9f\xaa" + set_(1) + get(0) + br_if(0) + END) * n + get(1), [(1, I32)])


@family(3000)
def masks(n): return one(get(0) + (get(0) + i32(255) + b"\x71" + b"\x72" + i32(4095) + b"\x71") * n)


CALL_SELF, TRY_TABLE, CATCH_ALL = get(0) + b"\x10\0\x1a", b"\x1f" + VOID + vec([b"\x02" + u(0)]), b"\x19"


@family(1500)
def tries_in_a_row(n): return one((BLOCK + VOID + TRY_TABLE + CALL_SELF + END + END) * n + get(0))


@family(1000)
def nested_try_tables(n): return one((BLOCK + VOID + TRY_TABLE + CALL_SELF) * n + (CALL_SELF + END + END) * n + get(0))


@family(1000)
def nested_tries(n): return one((b"\x06" + VOID + CALL_SELF) * n + (CALL_SELF + CATCH_ALL + CALL_SELF + END) * n + get(0))


@family(1000)
def tries_set_locals(n): return one(b"".join(BLOCK + VOID + TRY_TABLE + i32(1) + set_(k + 1) + CALL_SELF + END + END for k in range(n)) + get(n // 2), [(n, I32)])


@family(500)
def calls_and_none_in_nested_tries(n):
    return one((BLOCK + VOID + TRY_TABLE) * n + (get(0) + IF + VOID + CALL_SELF + END + get(0) + IF + VOID + i32(1) + set_(0) + END) * n + (END + END) * n + get(0))


@family(3000)
def div_by_constants(n): return one(get(0) + b"".join(i32(3 + 2 * k) + b"\x6e" + get(0) + ADD for k in range(n)))


# ---- locals, phis and ranges that grow together with control flow ----
@family(150)
def interpreter_with_many_locals(n):
    # cases and locals both grow; each case writes three of them and goes round
    code = LOOP + VOID + (BLOCK + VOID) * n + get(0) + i32(1) + ADD + tee(0) + br_table(range(n - 1), n - 1)
    for k in range(n):
        a, b, c = 1 + k % n, 1 + (k * 7 + 3) % n, 1 + (k * 11 + 5) % n
        code += END + get(a) + get(b) + ADD + set_(a) + get(c) + i32(k) + XOR + set_(c) + get(b) + get(a) + SUB + set_(b) + br(n - 1 - k)
    return one(code + END + b"\x00", [(n, I32)])


@family(250)
def locals_times_nest(n):
    # n loops in each other, the innermost assigns n locals: each loop has them as variables
    return one((LOOP + VOID) * n + b"".join(get(0) + set_(1 + k) for k in range(n)) + (get(0) + br_if(0) + END) * n +
               get(1) + b"".join(get(1 + k) + ADD for k in range(1, n)), [(n, I32)])


@family(250)
def locals_times_ifs(n):
    # n ifs in each other, both arms of each assign a local of their own
    return one(b"".join(get(0) + IF + VOID + get(0) + set_(1 + k) for k in range(n)) + b"".join(ELSE + i32(k) + set_(n - k) + END for k in range(n)) +
               get(1) + b"".join(get(1 + k) + ADD for k in range(1, n)), [(n, I32)])


@family(500)
def many_phis(n):
    # one loop, its n variables change places
    return one(b"".join(get(0) + i32(k) + MUL + set_(1 + k) for k in range(n)) + LOOP + VOID + b"".join(get(1 + (k + 1) % n) for k in range(n)) +
               b"".join(set_(n - k) for k in range(n)) + get(1) + br_if(0) + END + get(1) + b"".join(get(1 + k) + ADD for k in range(1, n)), [(n, I32)])


@family(600)
def live_through_loops(n):
    # n values live through n loops in a row that do not use them
    return one(b"".join(get(0) + i32(3 * k + 1) + MUL for k in range(n)) + (LOOP + VOID + get(0) + i32(1) + SUB + tee(0) + br_if(0) + END) * n + ADD * (n - 1))


@family(600)
def live_into_a_nest(n):
    # n values, each used in the innermost of n loops
    return one(b"".join(get(0) + i32(3 * k + 1) + MUL + set_(1 + k) for k in range(n)) + (LOOP + VOID) * n +
               get(0) + b"".join(get(1 + k) + ADD for k in range(n)) + set_(0) + (get(0) + br_if(0) + END) * n + get(0), [(n, I32)])


@family(600)
def live_over_many_calls(n):
    # n values live over n calls
    return module([functype([I32], [I32])], [0, 0],
                  [body(get(0)), body(b"".join(get(0) + i32(3 * k + 1) + MUL for k in range(n)) + get(0) + (b"\x10" + u(0)) * n + ADD * n)])


@family(4000)  # likewise
def mixed_slots(n):
    # values of all sizes live over calls, in turns: slots of two sizes come and go
    v128 = b"\xfd\x0f" # i8x16.splat
    group = get(0) + get(0) + v128 + get(0) + b"\xb7" + get(0) + b"\x10" + u(0) + b"\x1a" + b"\xaa" + set_(0) + b"\xfd\x16\0" + ADD + set_(0)
    return module([functype([I32], [I32])], [0, 0], [body(get(0)), body(group * n + get(0))])


@family(150)
def wide_blocks(n):
    # blocks and loops with 12 parameters and results: four instructions carry them over eight edges
    k = 12
    t = s(1)
    return module([functype([I32], [I32]), functype([I32] * k, [I32] * k)], [0],
                  [body(get(0) * k + (BLOCK + t + LOOP + t + get(0) + br_if(0) + get(0) + br_if(1) + END + END) * n + ADD * (k - 1))])


# 1,000 values, the most there can be, pushed for each edge: two bytes each.
WIDE = 1000
WIDE_LOCALS = b"".join(get(0) + i32(k) + MUL + set_(k) for k in range(1, 100))
def wide_values(k): return b"".join(get((j * 7 + k) % 100) if j % 3 else i32((j + k) % 50) for j in range(WIDE))
def wide_branch(k): return get(k % 100) + IF + VOID + wide_values(k) + br(1) + END


@family(70)  # so many that LIR is packed at each size
def wide_edges(n):
    # out of a block with 1,000 results
    return module([functype([I32], [I32]), functype([], [I32] * WIDE)], [0],
                  [body(WIDE_LOCALS + BLOCK + s(1) + b"".join(wide_branch(k) for k in range(n)) + wide_values(n) + END + XOR * (WIDE - 1), [(99, I32)])])


@family(70)
def wide_back_edges(n):
    # into a loop with 1,000 parameters and round it
    return module([functype([I32], [I32]), functype([I32] * WIDE, [I32] * WIDE)], [0],
                  [body(WIDE_LOCALS + wide_values(n) + LOOP + s(1) + b"".join(wide_branch(k) for k in range(n)) + END + XOR * (WIDE - 1), [(99, I32)])])


@family(1500)
def expressions(n):
    # each another one: chains of the tables of value numbering
    return one(get(0) + b"".join(get(0) + i32(k) + (MUL, ADD, XOR, SUB)[k % 4] + XOR for k in range(n)))


@family(1500)
def long_branches(n):
    # branches over ever more code, all to one label behind it
    return one(BLOCK + VOID + b"".join(get(0) + i32(k) + XOR + br_if(0) for k in range(n)) + END + get(0))


@family(150)
def switches(n):
    # n switches in a row, eight cases each
    return one(((BLOCK + VOID) * 8 + get(0) + br_table(range(7), 7) + (END + get(0) + i32(5) + ADD + set_(0)) * 8) * n + get(0))


# ---- references ----
@family(600)
def references_through_a_table(n):
    # reads, writes and null tests of one table, and a global of references
    code = b"".join(get(0) + i32(k) + b"\x25\0" + b"\x26\0" + i32(k) + b"\x25\0" + b"\x24\0" + b"\x23\0" + b"\xd1" + set_(0) for k in range(n))
    return module([functype([I32], [I32])], [0], [body(code + get(0))], tables=vec([EXTERNREF + b"\0" + u(1)]),
                  globals_=vec([EXTERNREF + b"\1\xd0\x6f\x0b"]), memory=False)


@family(400)
def references_in_loops(n):
    # n references live through n loops in a row that call
    loop = LOOP + VOID + get(0) + b"\x10" + u(0) + i32(1) + SUB + tee(0) + br_if(0) + END
    return with_references(n, loop * n)


@family(400)
def references_as_variables(n):
    # one loop with n references as variables that change places, and a call
    return module([functype([I32], [I32]), functype([I32], [EXTERNREF])], [0, 1],
                  [body(get(0)), body(b"".join(i32(k) + b"\x25\0" + set_(1 + k) for k in range(n)) + LOOP + VOID + b"".join(get(1 + (k + 1) % n) for k in range(n)) +
                                      b"".join(set_(n - k) for k in range(n)) + get(0) + b"\x10" + u(0) + tee(0) + br_if(0) + END +
                                      b"".join(i32(k) + get(1 + k) + b"\x26\0" for k in range(n)) + get(1), [(n, EXTERNREF)])],
                  tables=vec([EXTERNREF + b"\0" + u(1)]), memory=False)


# ---- objects: 0 is a node of a list, 1 one with a field more, 2 an array ----
NODE = b"\x50" + vec([]) + b"\x5f" + vec([I32 + b"\1", b"\x63" + s(0) + b"\1"])
LARGER = b"\x50" + vec([u(0)]) + b"\x5f" + vec([I32 + b"\1", b"\x63" + s(0) + b"\1", I64 + b"\0"])
ARRAY = b"\x5e" + I32 + b"\1"
REF_NODE, REF_ARRAY, NULL_NODE = b"\x63" + s(0), b"\x63" + s(2), b"\xd0" + s(0)
STRUCT_NEW, NODE_VALUE, NODE_NEXT, SET_VALUE = b"\xfb\0" + u(0), b"\xfb\2" + u(0) + u(0), b"\xfb\2" + u(0) + u(1), b"\xfb\5" + u(0) + u(0)


def with_objects(code, locals_=()):
    return module([NODE, LARGER, ARRAY, functype([I32], [I32])], [3], [body(code, locals_)], memory=False)


@family(400)
def object_list(n):
    # each node refers to the one before
    return with_objects((get(0) + get(1) + STRUCT_NEW + set_(1)) * n + get(1) + NODE_VALUE, [(1, REF_NODE)])


@family(200)
def live_objects(n):
    # n nodes, all of which live over the making of all others
    return with_objects(b"".join(i32(k) + NULL_NODE + STRUCT_NEW + set_(1 + k) for k in range(n)) + get(0) +
                        b"".join(get(1 + k) + NODE_VALUE + ADD for k in range(n)), [(n, REF_NODE)])


@family(400)
def object_fields(n):
    # nodes that are walked, read and written
    return with_objects(i32(1) + NULL_NODE + STRUCT_NEW + set_(1) +
                        (get(1) + get(1) + NODE_VALUE + get(0) + ADD + SET_VALUE + get(1) + NODE_NEXT + set_(1)) * n + get(1) + NODE_VALUE, [(1, REF_NODE)])


@family(300)
def casts(n):
    # tests, casts and branches on casts of one reference
    test, cast = b"\xfb\x14" + s(1), b"\xfb\x17" + s(1)
    branch = BLOCK + REF_NODE + get(1) + b"\xfb\x18\3" + u(0) + s(0) + s(1) + END + set_(1)
    return with_objects((get(1) + test + get(0) + ADD + set_(0) + get(1) + cast + set_(1) + branch) * n + get(0), [(1, REF_NODE)])


@family(300)
def array_elements(n):
    return with_objects(i32(100) + b"\xfb\7" + u(2) + set_(1) +
                        b"".join(get(1) + i32(k % 100) + get(1) + get(0) + b"\xfb\x0b" + u(2) + b"\xfb\x0e" + u(2) for k in range(n)) + get(0), [(1, REF_ARRAY)])


@family(100)
def fixed_arrays(n):
    return with_objects((get(0) * 10 + b"\xfb\x08" + u(2) + u(10) + set_(1)) * n + get(0), [(1, REF_ARRAY)])


# ---- exceptions ----
CALL, TRY_ALL = b"\x10" + u(0), b"\x1f" + VOID + vec([b"\2" + u(0)])


def with_callee(code, locals_=()): return module([functype([I32], [I32])], [0, 0], [body(get(0)), body(code, locals_)])


@family(500)
def handler_over_calls(n):
    # n values live over n calls into one handler
    return with_callee(b"".join(get(0) + i32(3 * k + 1) + MUL + set_(1 + k) for k in range(n)) + BLOCK + VOID + TRY_ALL + (get(0) + CALL + set_(0)) * n + END + END +
                       get(0) + b"".join(get(1 + k) + ADD for k in range(n)), [(n, I32)])


# ---- modules ----
@family(1000)
def names(n):
    entries = vec(u(k) + name(f"function_number_{k}") for k in range(n))
    return module([functype([I32], [I32])], [0] * n, [body(get(0))] * n, after_code=section(0, name("name") + section(1, entries)))


@family(2000)
def custom_sections(n):
    return module([functype([I32], [I32])], [0], [body(get(0))], after_code=b"".join(section(0, name(f"s{k}") + b"x" * 8) for k in range(n)))


@family(3000)
def null_elements(n):
    return module([functype([I32], [I32])], [0], [body(get(0))], tables=vec([b"\x70\0" + u(n)]),
                  elems=vec([b"\4" + i32(0) + END + vec([b"\xd0\x70\x0b"] * n)]))


@family(2000)
def element_segments(n):
    return module([functype([I32], [I32])], [0], [body(get(0))], tables=vec([b"\x70\0" + u(n)]), elems=vec(b"\0" + i32(k) + END + vec([u(0)]) for k in range(n)))


@family(2000)
def one_rec_group(n):
    return module([b"\x4e" + vec(b"\x60" + vec([I32]) + vec([b"\x63" + s(k)]) for k in range(n)), functype([I32], [I32])], [n], [body(get(0))])


@family(600)
def equal_rec_groups(n):
    group = lambda at: b"\x4e" + vec(b"\x60" + vec([I32]) + vec([b"\x63" + s(at + k)]) for k in (1, 2, 0))
    return module([group(3 * k) for k in range(n)] + [functype([I32], [I32])], [3 * n], [body(get(0))])


@family(1000)
def subtypes(n):
    # chains of 60 structs, each adds a field
    def struct(k):
        at = k % 60
        super_ = vec([] if at == 0 else [u(k - 1)])
        return b"\x50" + super_ + b"\x5f" + vec([I32 + b"\0"] * (1 + at % 8) if at < 8 else [I32 + b"\0"] * 8)
    return module([struct(k) for k in range(n)] + [functype([I32], [I32])], [n], [body(get(0))])


@family(1000)
def tables_(n):
    return module([functype([I32], [I32])], [0], [body(b"".join(get(0) + get(0) + b"\x25" + u(k) + b"\x26" + u(n - 1 - k) for k in range(n)) + get(0))],
                  tables=vec([EXTERNREF + b"\0" + u(1)] * n))


@family(2000)
def memories(n): # as many as there may be
    m = min(n, 100)
    return module([functype([I32], [I32])], [0], [body(get(0) + b"".join(get(0) + b"\x28\x42" + u(k % m) + u(0) + ADD for k in range(n)))],
                  memory=False, exports=b"").replace(section(3, vec([u(0)])), section(3, vec([u(0)])) + section(5, vec([b"\0" + u(0)] * m)), 1)


@family(3000)
def tags(n):
    return module([functype([I32], [I32]), functype([I32], [])], [0], [body(get(0))], memory=False).replace(
        section(3, vec([u(0)])), section(3, vec([u(0)])) + section(13, vec([b"\0" + u(1)] * n)), 1)


@family(2500)
def local_groups(n):
    m = min(n, 24000)
    return one(b"".join(get(1 + 2 * (k % (m // 2))) + tee(1 + 2 * ((k * 3) % (m // 2))) + get(0) + ADD + set_(0) for k in range(n)) + get(0),
               [(1, I32 if k % 2 == 0 else F64) for k in range(m)])


# ---- text ----
def text(fields): return ("(module " + "\n".join(fields) + ")").encode()


@family(500)
def text_names(n):
    return text(f"(func $f{k} (param $x i32) (result i32) (i32.add (local.get $x) (call $f{(k * 7 + 1) % n} (i32.const {k}))))" for k in range(n))


@family(500)
def text_labels(n):
    # n named blocks in each other, each with a branch to the outermost and to the one before
    blocks = "".join(f"(block $b{k} (br_if $b0 (local.get 0)) (br_if $b{max(0, k - 1)} (local.get 0))\n" for k in range(n))
    return text(["(func (export \"f\") (param i32) " + blocks + ")" * n + ")"])


@family(1000)
def text_folded(n):
    return text(["(func (export \"f\") (param i32) (result i32) " + "(i32.add (local.get 0) " * n + "(i32.const 1)" + ")" * n + ")"])


@family(800)
def text_locals(n):
    return text(["(func (export \"f\") (result i32) " + "".join(f"(local $v{k} i32)" for k in range(min(n, 50000))) +
                 "".join(f"(local.set $v{k} (local.get $v{k * 7 % n}))\n" for k in range(min(n, 50000))) + "(local.get $v1))"])


@family(500)
def text_types(n):
    # types that are written out where they are used, none of them declared
    t = lambda k: " ".join(["i32"] * (k % 7) + ["i64"] * (k // 7 % 7) + ["f64"] * (k // 49 % 60))
    return text(f"(func (param {t(k)}))" for k in range(n))


@family(2000)
def text_data(n): return text(["(memory 1)", "(data (i32.const 0) " + "\"a\\00\\ffb\"\n" * n + ")"])


# ---- other ways to compile ----
@family(1000, "--emit=cwasm", "--no-header", "--bounds=check")
def checked_memory(n): return stores_and_loads(n)


@family(150, "--emit=cwasm", "--no-header", "-O0")
def not_optimised(n): return interpreter_loop(n)


@family(800, "--emit=obj,header", "--header=m.h")
def object_exports(n): return exports(n)


@family(800, "--emit=obj,header", "--header=m.h")
def object_imports(n): return imports(n)


@family(800, "--emit=obj,header", "--header=m.h")
def object_functions(n): return names(n)


@family(800, "--emit=obj,header", "--header=m.h")
def object_calls(n): return call_chain(n)


@family(800, "--emit=obj,header", "--header=m.h")
def object_library(n):
    # each function exported under a name of its own
    return module([functype([I32], [I32])], [0] * n, [body(get(0))] * n, exports=vec(name(f"f{k}") + b"\0" + u(k) for k in range(n)))


@family(800, "--emit=obj,header", "--header=m.h")
def object_variables(n):
    # imports that are fields of a struct, globals and tables in turn; as many exports
    kinds = [b"\3" + I32 + b"\1", b"\1\x70\0" + u(1)]
    things = vec(name("env") + name(f"f{k}") + kinds[k % 2] for k in range(n))
    return module([functype([I32], [I32])], [0], [body(get(0) + b"\x23" + u(0) + ADD)], imports=things,
                  exports=vec(name(f"v{k}") + (b"\1" if k % 2 else b"\3") + u(k // 2) for k in range(n)))


@family(800, "--emit=obj,header", "--header=m.h", "--imports=struct")
def object_fields_of_imports(n): return imports(n)


@family(4000, "--emit=obj,header", "--header=m.h")
def object_data(n): return data_segments(n)


@family(20000, "--emit=obj,header", "--header=m.h")
def object_elements(n): return table_elements(n)


@family(800, "--emit=meta")
def bindings_exports(n): return exports(n)


@family(800, "--emit=meta")
def bindings_imports(n): return imports(n)


EXPONENT = 1.15
PR_SET_THP_DISABLE = 41  # children have it too
SMALL, RUNS = 128 << 10, 9  # which pages of the program are there varies by 300 KB: small inputs are compiled so often, and the median counts
SLACK = 1 << 20  # of memory: the smallest module's run does not touch every page that a run touches once


class Compiler:
    def __init__(self, zwasmc, spawn, flags):
        self.spawn = os.path.abspath(spawn)
        self.command = [os.path.abspath(zwasmc), "-j1"] + flags
        outputs = {tuple(own) for _, _, own in FAMILIES.values()}
        self.base = {own: self.cost(one(get(0)), list(own), True) for own in outputs} # of the smallest module

    def cost(self, data, flags, and_memory):
        """(instructions, peak bytes or 0) of compiling data; when there is memory, also without packing LIR: the same bytes"""
        with tempfile.TemporaryDirectory() as tmp:
            wasm = os.path.join(tmp, "m.wat" if data.startswith(b"(") else "m.wasm")
            with open(wasm, "wb") as f:
                f.write(data)
            flags = [f.replace("=m.h", "=" + os.path.join(tmp, "m.h")) for f in flags]
            command = self.command + flags + [wasm, "-o", os.path.join(tmp, "m.out")]
            if not and_memory:
                return instructions.count(command), 0
            runs = RUNS if len(data) < SMALL else 1
            peak = sorted(self.peak(command) for _ in range(runs))[runs // 2]
            if flags[0] == "--emit=cwasm": # an object has its own name in it
                self.compare(command, os.path.join(tmp, "m.out"), os.path.join(tmp, "whole.out"))
            return instructions.count(command), peak

    def compare(self, command, file, other):
        subprocess.run(command[:-1] + [other], env=dict(os.environ, ZW_NO="pack"), stdin=subprocess.DEVNULL, capture_output=True)
        with open(file, "rb") as a, open(other, "rb") as b:
            if a.read() != b.read():
                raise instructions.Failed("packed LIR makes other code")

    def peak(self, command):
        """Bytes.  Started by a small process: a child's peak begins with its parent's memory, and Python's is large."""
        run = subprocess.run([self.spawn, "1"] + command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        _, _, kilobytes, _, code = run.stdout.split()
        if code != "0":
            raise instructions.Failed(run.stderr.strip())
        return int(kilobytes) * 1024


def judge(compiler, name_, n, make, flags, memory_limit):
    """(what is wrong or "", the line to print)"""
    count, size, rss, base = {}, {}, 0, compiler.base[tuple(flags)]
    for k in (1, 2, 4, 8):
        data = make(n * k)
        try:
            ran, rss = compiler.cost(data, flags, k == 8)
        except instructions.Failed as e:
            why = f"refused at n = {n * k}: {str(e)[-300:]}"
            return why, f"{name_:28} FAIL {why}"
        count[k], size[k] = max(1, ran - base[0]), len(data)
    exponent = math.log(count[8] / count[1]) / math.log(size[8] / size[1])
    memory = max(0, rss - base[1] - SLACK) / size[8]
    wrong = ([f"exponent {exponent:.3f}"] if exponent > EXPONENT else []) + ([f"memory {memory:.0f} x input"] if memory > memory_limit else [])
    return ", ".join(wrong), (f"{name_:28} {size[8]:9} bytes  {count[1] / size[1]:7.0f} -> {count[8] / size[8]:7.0f} instructions a byte"
                              f"  exponent {exponent:6.3f}  memory {memory:5.1f} x  {'FAIL ' + ', '.join(wrong) if wrong else ''}")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--zwasmc", default="build/release/zwasmc")
    ap.add_argument("--spawn", default="build/release/bench/bench-spawn")
    ap.add_argument("--only", default="")
    ap.add_argument("--scale", type=float, default=1.0)
    ap.add_argument("--list", action="store_true")
    ap.add_argument("--emit", nargs=3, metavar=("NAME", "N", "FILE"))
    ap.add_argument("--flags", default="")
    ap.add_argument("--memory-limit", type=float, default=40)
    ap.add_argument("--memory-of", default="", metavar="NAME=LIMIT,...", help="families with a limit of their own")
    a = ap.parse_args()
    if a.list:
        print("\n".join(FAMILIES))
        return
    if a.emit:
        with open(a.emit[2], "wb") as f:
            f.write(FAMILIES[a.emit[0]][1](int(a.emit[1])))
        return
    # Pages of 2 MiB where the kernel finds some make peaks differ by a third from run to run.
    ctypes.CDLL(None).prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)
    try:
        compiler = Compiler(a.zwasmc, a.spawn, a.flags.split())
    except (instructions.Failed, OSError) as e:
        sys.exit(f"families: the smallest module does not compile: {e}")
    failed, ran, own = [], 0, dict(x.split("=") for x in a.memory_of.split(",") if x)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [(f, pool.submit(judge, compiler, f, max(8, int(n * a.scale)), make, flags, float(own.get(f, a.memory_limit))))
                for f, (n, make, flags) in FAMILIES.items() if a.only in f]
        for f, job in jobs:
            wrong, line = job.result()
            print(line, flush=True)
            ran += 1
            if wrong:
                failed.append(f)
    print(f"{ran - len(failed)} passed, {len(failed)} failed" + (": " + ", ".join(failed) if failed else ""))
    sys.exit(1 if failed or ran == 0 else 0)


if __name__ == "__main__":
    main()
