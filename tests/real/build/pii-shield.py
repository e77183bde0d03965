#!/usr/bin/env python3
"""usage: build/pii-shield.py MODULE OUT   makes a command of a library in Go: adds a `_start` that reads standard input,
sets the library up with the first line and has every other line redacted.  The library itself stays as it came."""
import pathlib
import subprocess
import sys
import tempfile

FRONT = """
(module
  {imports}
  (memory 1)
  (func (param $p i32) (param $n i32) (param $out i32)  ;; write
    (i32.store (local.get $out) (local.get $p))
    (i32.store offset=4 (local.get $out) (local.get $n))
    (drop (call $fd_write (i32.const 1) (local.get $out) (i32.const 1) (i32.add (local.get $out) (i32.const 8)))))
  (func (local $text i32) (local $iov i32) (local $n i32) (local $at i32) (local $end i32) (local $first i32) (local $r i64)
    (call $_initialize)
    (local.set $text (call $allocate (i32.const 65536)))
    (local.set $iov (call $allocate (i32.const 16)))
    (loop $more
      (i32.store (local.get $iov) (i32.add (local.get $text) (local.get $n)))
      (i32.store offset=4 (local.get $iov) (i32.sub (i32.const 65535) (local.get $n)))
      (drop (call $fd_read (i32.const 0) (local.get $iov) (i32.const 1) (i32.add (local.get $iov) (i32.const 8))))
      (local.set $n (i32.add (local.get $n) (i32.load offset=8 (local.get $iov))))
      (br_if $more (i32.load offset=8 (local.get $iov))))
    (local.set $at (local.get $text))
    (local.set $n (i32.add (local.get $text) (local.get $n)))
    (loop $line
      (local.set $end (local.get $at))
      (loop $byte
        (if (i32.and (i32.lt_u (local.get $end) (local.get $n)) (i32.ne (i32.load8_u (local.get $end)) (i32.const 10)))
          (then (local.set $end (i32.add (local.get $end) (i32.const 1))) (br $byte))))
      (if (i32.eqz (local.get $first))
        (then
          (call $init_config (local.get $at) (i32.sub (local.get $end) (local.get $at)))
          (local.set $first (i32.const 1)))
        (else
          (local.set $r (call $redact (local.get $at) (i32.sub (local.get $end) (local.get $at))))
          (call $write (i32.wrap_i64 (i64.shr_u (local.get $r) (i64.const 32))) (i32.wrap_i64 (local.get $r)) (local.get $iov))
          (i32.store8 offset=12 (local.get $iov) (i32.const 10))
          (call $write (i32.add (local.get $iov) (i32.const 12)) (i32.const 1) (local.get $iov))))
      (local.set $at (i32.add (local.get $end) (i32.const 1)))
      (br_if $line (i32.lt_u (local.get $at) (local.get $n))))))
"""
TYPES = {"fd_read": "(param i32 i32 i32 i32) (result i32)", "fd_write": "(param i32 i32 i32 i32) (result i32)", "_initialize": "",
         "allocate": "(param i32) (result i32)", "init_config": "(param i32 i32)", "redact": "(param i32 i32) (result i64)"}


def uleb(b, at):
    n = shift = 0
    while True:
        n |= (b[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if b[at - 1] < 128:
            return n, at


def leb(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out + bytes([n]))


def sections(b):
    at = 8
    while at < len(b):
        size, start = uleb(b, at + 1)
        yield b[at], b[start:start + size]
        at = start + size


def name(b, at):
    n, at = uleb(b, at)
    return b[at:at + n].decode(), at + n


def functions(b):
    """How many there are, and the numbers of those with a name in TYPES."""
    found, imported, defined = {}, 0, 0
    for kind, body in sections(b):
        if kind == 2:
            n, at = uleb(body, 0)
            for _ in range(n):
                _, at = name(body, at)
                field, at = name(body, at)
                assert body[at] == 0  # it imports functions only
                _, at = uleb(body, at + 1)
                if field in TYPES:
                    found[field] = imported
                imported += 1
        elif kind == 3:
            defined, _ = uleb(body, 0)
        elif kind == 7:
            n, at = uleb(body, 0)
            for _ in range(n):
                field, at = name(body, at)
                index, end = uleb(body, at + 1)
                if body[at] == 0 and field in TYPES:
                    found[field] = index
                at = end
    return imported + defined, found


def front(count, found):
    """The types and bodies of two functions more, as bytes."""
    names = {index: field for field, index in found.items()}
    imports = " ".join(f'(import "a" "a" (func {"$" + names[i] + " " + TYPES[names[i]] if i in names else ""}))' for i in range(count))
    text = FRONT.replace("{imports}", imports).replace("(func (param $p", "(func $write (param $p")
    with tempfile.TemporaryDirectory() as tmp:
        wat, wasm = pathlib.Path(tmp) / "front.wat", pathlib.Path(tmp) / "front.wasm"
        wat.write_text(text)
        subprocess.run(["wat2wasm", wat, "-o", wasm], check=True)
        (code,) = [body for kind, body in sections(wasm.read_bytes()) if kind == 10]
    assert code[0] == 2
    return code[1:]


def main():
    module = pathlib.Path(sys.argv[1]).read_bytes()
    count, found = functions(module)
    assert found.keys() == TYPES.keys(), found
    bodies = front(count, found)
    out = bytearray(module[:8])
    types = 0
    for kind, body in sections(module):
        n, at = (0, 0) if kind == 0 else uleb(body, 0)
        if kind == 1:
            types = n
            body = leb(n + 2) + body[at:] + b"\x60\x03\x7f\x7f\x7f\x00" + b"\x60\x00\x00"
        elif kind == 3:
            body = leb(n + 2) + body[at:] + leb(types) + leb(types + 1)
        elif kind == 7:
            rest = body[at:].replace(b"\x0b_initialize\x00", b"\x0b_initlater_\x00")  # a command has none
            body = leb(n + 1) + rest + b"\x06_start\x00" + leb(count + 1)
        elif kind == 10:
            body = leb(n + 2) + body[at:] + bodies
        out += bytes([kind]) + leb(len(body)) + body
    pathlib.Path(sys.argv[2]).write_bytes(out)


main()
