#!/usr/bin/env python3
"""Each integer instruction with constants in its operands, over many values: machine code with and without P2's rewriting and the
interpreter have to agree.   constants.py BIN_DIR

One function per (instruction, constant): it runs over edge cases and random values and sums up the results.
"""
import os
import random
import subprocess
import sys
import tempfile

bin_dir = os.path.abspath(sys.argv[1])
rnd = random.Random(7)
BINARY = "add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u rotl rotr eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u".split()
COMPARE = BINARY[15:]


def constants(w):
    edges = {0, 1, 2, 3, 5, 6, 7, 9, 10, 12, 14, 25, 28, 60, 97, 100, 125, 127, 128, 255, 641, 1000, 1000003, 1 << (w - 2), (1 << (w - 1)) - 1, 1 << (w - 1),
             (1 << (w - 1)) + 1, (1 << w) - 1, (1 << w) - 2, (1 << w) - 3, (1 << w) - 7, (1 << w) - 10, (1 << w) - 128, (1 << 16) - 1, (1 << 16) + 1}
    if w == 64:
        edges |= {(1 << 32) - 1, 1 << 32, (1 << 32) + 1, 274177, 6700417, 10**18, 10**19}
    return sorted(edges) + [rnd.getrandbits(rnd.randrange(2, w + 1)) for _ in range(12)]


def signed(c, w):
    return c - (1 << w) if c >> (w - 1) else c


funcs, names = [], []
for ty, w in (("i32", 32), ("i64", 64)):
    for op in BINARY:
        cs = constants(w) if "div" in op or "rem" in op else rnd.sample(constants(w), 14)
        for c in cs:
            if c == 0 and ("div" in op or "rem" in op):
                continue
            for left in (False, True) if "div" not in op and "rem" not in op else (False,):
                k = f"({ty}.const {signed(c, w)})"
                x = "(local.get $x)"
                if op.startswith(("div_s", "rem_s")) and c == (1 << w) - 1:
                    x = f"({ty}.shr_u (local.get $x) ({ty}.const 1))"  # the lowest number has no negative
                e = f"({ty}.{op} {k} {x})" if left else f"({ty}.{op} {x} {k})"
                if op in COMPARE:
                    e = f"({ty}.extend_i32_u {e})" if ty == "i64" else e
                funcs.append((ty, e))
    for e in ("(T.extend8_s (T.and (local.get $x) (T.const 255)))", "(T.shr_s (T.shl (local.get $x) (T.const W-8)) (T.const W-8))",
              "(T.shl (local.get $x) (T.and (local.get $x) (T.const 63)))", "(T.shl (local.get $x) (T.and (local.get $x) (T.const 15)))",
              "(T.xor (T.xor (local.get $x) (T.const -1)) (T.const -1))", "(T.and (T.shr_u (local.get $x) (T.const W-8)) (T.const 255))",
              "(T.add (T.add (local.get $x) (T.const 5)) (T.const -7))", "(T.sub (local.get $x) (local.get $x))", "(T.and (local.get $x) (local.get $x))",
              "(select (local.get $x) (T.const 3) (T.eqz (T.and (local.get $x) (T.const 3))))", "(T.extend16_s (T.extend8_s (local.get $x)))",
              "(T.shr_u (T.and (local.get $x) (T.const 255)) (T.const 8))", "(T.mul (T.mul (local.get $x) (T.const 3)) (T.const 9))",
              "(T.rotl (local.get $x) (T.const W))", "(T.or (T.and (local.get $x) (T.const 15)) (T.const 48))"):
        funcs.append((ty, e.replace("W-8", str(w - 8)).replace("W", str(w)).replace("T.", ty + ".")))
    for cmp in ("eq", "ne", "lt_s", "lt_u", "gt_u", "ge_s"):
        for c in (0, 1, 2, 15, 16, 255, 256, -1, -16, 1 << (w - 1)):
            for e in (f"(i32.eqz (T.{cmp} (local.get $x) (T.const {c})))", f"(i32.eqz (i32.eqz (T.{cmp} (T.and (local.get $x) (T.const 15)) (T.const {c}))))",
                      f"(i32.xor (T.{cmp} (T.const {c}) (T.shr_u (local.get $x) (T.const {w - 4}))) (i32.const 1))",
                      f"(i32.ne (T.{cmp} (T.sub (local.get $x) (T.const 9)) (T.const {c})) (i32.const 0))",
                      f"(if (result i32) (T.{cmp} (T.and (local.get $x) (T.const 1)) (T.const {c})) (then (i32.const 7)) (else (i32.const 8)))"):
                e = e.replace("T.", ty + ".")
                funcs.append((ty, f"(i64.extend_i32_u {e})" if ty == "i64" else e))
for e in ("(i64.extend_i32_u (i32.wrap_i64 (local.get $x)))", "(i64.extend_i32_s (i32.wrap_i64 (local.get $x)))", "(i64.and (local.get $x) (i64.const 4294967295))",
          "(i64.extend_i32_u (i32.wrap_i64 (i64.and (local.get $x) (i64.const 65535))))", "(i64.extend32_s (i64.extend_i32_u (i32.wrap_i64 (local.get $x))))",
          "(i64.extend_i32_u (i32.eqz (i32.wrap_i64 (i64.extend32_s (local.get $x)))))", "(i64.extend_i32_u (i64.eqz (i64.extend_i32_s (i32.wrap_i64 (local.get $x)))))",
          "(i64.shr_s (i64.shl (local.get $x) (i64.const 32)) (i64.const 32))", "(i64.reinterpret_f64 (f64.reinterpret_i64 (local.get $x)))"):
    funcs.append(("i64", e))

wat = ["(module (memory 1) (global $sum (mut i64) (i64.const 0))"]
EDGES = [0, 1, 2, 3, 6, 7, 8, 15, 16, 96, 97, 98, 127, 128, 255, 256, 999, 1000, 1001, 1 << 15, 1 << 16, (1 << 31) - 1, 1 << 31, (1 << 31) + 1, (1 << 32) - 1, 1 << 32,
         (1 << 63) - 1, 1 << 63, (1 << 63) + 1, (1 << 64) - 1, (1 << 64) - 2, (1 << 64) - 7, (1 << 64) - 10]
values = EDGES + [rnd.getrandbits(rnd.randrange(2, 65)) for _ in range(223)]
wat.append('(data (i32.const 0) "' + "".join(f"\\{b:02x}" for v in values for b in v.to_bytes(8, "little")) + '")')
for k, (ty, e) in enumerate(funcs):
    wide = e if ty == "i64" else f"(i64.extend_i32_u {e})"
    wat.append(f"""(func $f{k} (result i64) (local $p i32) (local $x {ty}) (local $s i64)
  (loop $l (local.set $x ({ty}.load (local.get $p)))
    (local.set $s (i64.add (i64.mul (local.get $s) (i64.const 31)) {wide}))
    (br_if $l (i32.lt_u (local.tee $p (i32.add (local.get $p) (i32.const 8))) (i32.const {8 * len(values)}))))
  (local.get $s))""")
wat.append(f"(table $t funcref (elem {' '.join(f'$f{k}' for k in range(len(funcs)))}))")
wat.append('(func (export "f") (param i32) (result i64) (call_indirect (result i64) (local.get 0)))')
# one call that gives everything: a hash over all, then bisected by function when they differ
wat.append(f"""(func (export "hash") (param $from i32) (param $to i32) (result i64) (local $h i64) (loop $l
  (local.set $h (i64.add (i64.mul (local.get $h) (i64.const 1099511628211)) (call_indirect (result i64) (local.get $from))))
  (br_if $l (i32.lt_u (local.tee $from (i32.add (local.get $from) (i32.const 1))) (local.get $to)))) (local.get $h)))""")


def ask(mode, *args):
    env = {**os.environ, "ZW_NO": "all"} if mode == "plain" else os.environ
    engine = ["--engine=interp"] if mode == "interp" else []
    r = subprocess.run([bin_dir + "/zwasm", "run", *engine, "--invoke", *args], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return r.stdout.strip()


with tempfile.TemporaryDirectory() as tmp:
    path = os.path.join(tmp, "m.wat")
    open(path, "w").write("\n".join(wat))
    wrong, n = 0, len(funcs)
    if len({ask(mode, "hash", path, "0", str(n)) for mode in ("jit", "plain", "interp")}) != 1:
        for k in range(n):
            if wrong == 5:
                break # enough to see
            answers = {mode: ask(mode, "f", path, str(k)) for mode in ("jit", "plain", "interp")}
            if len(set(answers.values())) != 1:
                wrong += 1
                print(f"FAIL {funcs[k][1]}: {answers}")
    answer = ask("jit", "hash", path, "0", str(n))
    if "rror" in answer or not answer:
        print(answer)
        wrong += 1
    print(f"constants: {n} functions over {len(values)} values, {wrong} wrong, hash {answer}")
sys.exit(wrong > 0)
