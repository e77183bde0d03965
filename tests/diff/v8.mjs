// V8's side of the comparison: modules as { u32 length, bytes } from standard input, for each the same lines that
// run.c writes, then an empty line.
import fs from "node:fs";

const input = fs.readFileSync(0);
const view = new DataView(new ArrayBuffer(8));
const out = [];

function bits(v, type) {
  if (type === "i32") return (v >>> 0).toString(16);
  if (type === "i64") return BigInt.asUintN(64, v).toString(16);
  if (Number.isNaN(v)) return type === "f32" ? "7fc00000" : "7ff8000000000000";
  if (type === "f32") {
    view.setFloat32(0, v);
    return view.getUint32(0).toString(16);
  }
  view.setFloat64(0, v);
  return view.getBigUint64(0).toString(16);
}

// The kinds that run.c knows, by what V8 says.
const kinds = [
  [/unreachable/, "unreachable"], [/memory access out of bounds/, "oob"], [/operation does not support unaligned/, "unaligned"],
  [/divide by zero|remainder by zero/, "div_zero"], [/divide result unrepresentable/, "overflow"],
  [/float unrepresentable/, "overflow"], [/table index is out of bounds|table access out of bounds|table element access/, "table"],
  [/null function|function signature mismatch/, "indirect"],
  [/dereferencing a null pointer|rethrowing null value/, "null"], [/illegal cast/, "cast"], [/array element access out of bounds/, "array"],
  [/requested new array is too large/, "alloc"], [/Maximum call stack/, "stack"], [/data segment out of bounds/, "oob"], [/element segment out of bounds/, "table"],
];
function trap(e) {
  if (e instanceof WebAssembly.Exception) return "exception";
  for (const [pattern, kind] of kinds) if (pattern.test(e.message)) return kind;
  return "other: " + e.message;
}

// FNV-1a over 32-bit words, as run.c does it.
function hash(buffer) {
  const words = new Uint32Array(buffer);
  let h = 0x811c9dc5;
  for (let i = 0; i < words.length; i++) h = Math.imul(h ^ words[i], 0x01000193);
  return (h >>> 0).toString(16);
}

// Result types of the exported functions, out of the module's own sections: JavaScript cannot ask.
function leb(b, at) {
  let v = 0, shift = 0, x;
  do {
    x = b[at.p++];
    v |= (x & 0x7f) << shift;
    shift += 7;
  } while (x & 0x80);
  return v >>> 0;
}
const letters = { 0x7f: "i32", 0x7e: "i64", 0x7d: "f32", 0x7c: "f64" };
function signatures(b) {
  const at = { p: 8 };
  const types = [], funcs = [], exports = {};
  const valtype = () => {
    const c = b[at.p++];
    if (c === 0x63 || c === 0x64) leb(b, at);
    return letters[c];
  };
  while (at.p < b.length) {
    const id = b[at.p++], size = leb(b, at), end = at.p + size;
    if (id === 1)
      for (let n = leb(b, at); n; n--) {
        let form = b[at.p++];
        if (form === 0x50) {
          for (let k = leb(b, at); k; k--) leb(b, at);
          form = b[at.p++];
        }
        if (form === 0x60) {
          for (let k = leb(b, at); k; k--) valtype();
          const r = [];
          for (let k = leb(b, at); k; k--) r.push(valtype());
          types.push(r);
          continue;
        }
        for (let k = form === 0x5f ? leb(b, at) : 1; k; k--) valtype(), at.p++;
        types.push(null);
      }
    else if (id === 3) for (let n = leb(b, at); n; n--) funcs.push(types[leb(b, at)]);
    else if (id === 7)
      for (let n = leb(b, at); n; n--) {
        const len = leb(b, at), name = b.toString("latin1", at.p, at.p + len);
        at.p += len;
        const kind = b[at.p++], index = leb(b, at);
        if (kind === 0) exports[name] = funcs[index];
      }
    at.p = end;
  }
  return exports;
}

for (let p = 0; p < input.length;) {
  const length = input.readUInt32LE(p), bytes = input.subarray(p + 4, p + 4 + length);
  p += 4 + length;
  let instance;
  try {
    instance = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  } catch (e) {
    out.push(e instanceof WebAssembly.CompileError ? "invalid: " + e.message : "instantiation: " + trap(e), "");
    continue;
  }
  const types = signatures(bytes), x = instance.exports;
  for (let i = 0; x["f" + i]; i++) {
    let line = "f" + i + ":";
    try {
      let r = x["f" + i]();
      const t = types["f" + i];
      if (t.length === 0) r = [];
      else if (t.length === 1) r = [r];
      for (let k = 0; k < t.length; k++) line += ` ${t[k]}:${bits(r[k], t[k])}`;
    } catch (e) {
      line += " trap " + trap(e);
    }
    out.push(line);
  }
  for (const name of Object.keys(x)) {
    if (name[0] === "m") out.push(`${name}: ${x[name].buffer.byteLength} ${hash(x[name].buffer)}`);
    if (name[0] === "g") {
      const v = x[name].value;
      out.push(`${name}: ${typeof v === "bigint" ? bits(v, "i64") : bits(v, "f64")}`);
    }
  }
  out.push("");
}
process.stdout.write(out.join("\n"));
