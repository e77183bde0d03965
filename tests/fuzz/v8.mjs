// usage: node v8.mjs VERDICTS SEED_DIR GENERATED COUNT [SEED]
// Asks V8 and our validator (the program VERDICTS) about COUNT modules, and compares accept and reject: those of SEED_DIR
// and of GENERATED (tests/diff's, each behind its length) as they are, then mutations of both kinds in turn.
// Differences that follow from what V8 does not have or limits differently are counted under a name, the others are
// printed with the module as hex, and fail.  Prints the totals.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [verdicts, dir, generatedPath, countText, seedText = '1'] = process.argv.slice(2);
const count = Number(countText);

let state = BigInt(seedText) * 2654435761n + 1n;
const mask = (1n << 64n) - 1n;
function random() {
  state ^= (state << 13n) & mask; state ^= state >> 7n; state ^= (state << 17n) & mask;
  return Number(state & 0x7fffffffn);
}
const below = n => n ? random() % n : 0;

const names = readdirSync(dir).sort();
const seeds = names.map(n => readFileSync(join(dir, n))).filter(b => b.length <= 4096);
const generated = [];
const packed = readFileSync(generatedPath);
for (let at = 0; at < packed.length;) {
  const n = packed.readUInt32LE(at);
  generated.push(packed.subarray(at + 4, at + 4 + n));
  at += 4 + n;
}
if (!seeds.length || !generated.length) { console.error('no seed found'); process.exit(1); }
const interesting = [0, 1, 0x7f, 0x80, 0xff, 0x0b, 0x40, 0x60, 0x63, 0x64, 0x70, 0x6f, 0x6e, 0x7e, 0x7d, 0x7c, 0x7b, 0xfc, 0xfd, 0xfb];

function mutate(from) {
  let b = Buffer.from(from);
  for (let k = 1 + below(3); k > 0 && b.length > 8; k--) {
    const at = 8 + below(b.length - 8), n = 1 + below(4);
    switch (below(8)) {
      case 0: b[at] = random(); break;
      case 1: b[at] ^= 1 << below(8); break;
      case 2: case 3: b[at] = interesting[below(interesting.length)]; break;
      case 4: b[at]++; break;
      case 5: b[at]--; break;
      case 6: b = Buffer.concat([b.subarray(0, at), b.subarray(at + n)]); break;
      default: {
        const other = seeds[below(seeds.length)], from2 = below(other.length);
        other.copy(b, at, from2, Math.min(other.length, from2 + n));
      }
    }
  }
  return b;
}

// Feature bits of ours that V8 lacks, by the order of compiler/wasm/feature.def.
const featureNames = readFileSync(new URL('../../compiler/wasm/feature.def', import.meta.url), 'utf8')
  .split('\n').filter(l => l.startsWith('FEATURE(')).map(l => l.match(/FEATURE\((\w+)/)[1]);
const v8Lacks = ['WIDE', 'PAGE_SIZES'];
const bit = n => 1n << BigInt(featureNames.indexOf(n));

// A reason why V8's answer may differ from ours, or null.  Each is a fact about V8, not about us.
function explain(ours, v8ok, bytes) {
  if (ours.startsWith('valid')) {
    const used = BigInt('0x' + ours.slice(6));
    for (const f of v8Lacks) if (used & bit(f)) return 'V8 lacks ' + f;
    let why = ''; // only an error of compilation says why
    try { new WebAssembly.Module(bytes); } catch (e) { why = e.message; }
    if (/larger than implementation limit/.test(why)) return 'an implementation limit of V8';
    if (/mix of legacy and new exception handling/.test(why)) return 'V8 wants one form of exceptions in a module';
    // spec: binary-limits has 64-bit numbers in all limits; so padding up to ten bytes is fine.
    if (/length overflow while decoding (initial|maximum) size/.test(why)) return 'V8 reads limits as 32 bits';
    return null;
  }
  if (/^limit/.test(ours)) return 'an implementation limit of ours';
  // spec: binary-elemsec wants a reftype there, empty or not.
  if (ours === 'malformed: malformed reference type') return 'V8 takes empty element segments of number types';
  // In dead code ref.as_non_null and br_on_null leave a reference of unknown type (spec: valid-ref.as_non_null); V8 lets
  // it be a number.  The suite has such cases for other instructions in unreached-invalid.wast.
  if (/^invalid: type mismatch: .*\(ref bot\)/.test(ours)) return 'V8 lets an unknown reference be a number';
  // What does lie on the stack in dead code must still fit (spec: valid-ref.eq).
  if (/^invalid: type mismatch: instruction requires \[eqref eqref\]/.test(ours)) return 'V8 does not look at operands of ref.eq in dead code';
  // br_on_non_null l wants a label whose last value is a reference (spec: valid-br_on_non_null); V8 takes one without values.
  if (/^invalid: type mismatch: the label does not take \(ref /.test(ours)) return 'V8 takes br_on_non_null to a label without values';
  // A loop leaves values of its declared types (spec: valid-loop); V8 goes on with the more precise ones that were there.
  // It is so when V8 objects as we do once the loop is a block.
  if (/^invalid: type mismatch: instruction requires \[.*\(ref .*but stack has/.test(ours) && objectsToBlock(bytes)) return 'V8 knows more of what a loop leaves than its type says';
  return null;
}

// Is there a loop with a reference as its result that V8 would not take as a block, for a type's sake?
function objectsToBlock(bytes) {
  for (let at = 8; at + 1 < bytes.length; at++) {
    if (bytes[at] !== 3 || (bytes[at + 1] !== 0x63 && bytes[at + 1] !== 0x64)) continue;
    const b = Buffer.from(bytes);
    b[at] = 2;
    try { new WebAssembly.Module(b); } catch (e) { if (/type error|expected type/.test(e.message)) return true; }
  }
  return false;
}

const child = spawn(verdicts, [], { stdio: ['pipe', 'pipe', 'inherit'] });
const lines = (async function* () {
  let rest = '';
  for await (const chunk of child.stdout) {
    rest += chunk;
    const all = rest.split('\n');
    rest = all.pop();
    yield* all;
  }
})();

function nth(k) {
  if (k < seeds.length) return seeds[k];
  if (k < seeds.length + generated.length) return generated[k - seeds.length];
  return mutate(k & 1 ? generated[below(generated.length)] : seeds[below(seeds.length)]);
}

const totals = { same: 0, accepted: 0, different: 0 }, reasons = {};
const BATCH = 500;
for (let done = 0; done < count; done += BATCH) {
  const batch = [];
  for (let k = 0; k < BATCH && done + k < count; k++)
    batch.push(nth(done + k));
  const parts = [];
  for (const b of batch) {
    const head = Buffer.alloc(4);
    head.writeUInt32LE(b.length);
    parts.push(head, b);
  }
  child.stdin.write(Buffer.concat(parts));
  for (const b of batch) {
    const { value, done: ended } = await lines.next();
    if (ended) { console.error('the validator ended early'); process.exit(1); }
    const v8 = WebAssembly.validate(b), ours = value.startsWith('valid');
    if (v8 === ours) {
      totals.same++;
      totals.accepted += v8;
      continue;
    }
    const why = explain(value, v8, b);
    if (why) { reasons[why] = (reasons[why] ?? 0) + 1; continue; }
    totals.different++;
    let message = 'accepted';
    try { new WebAssembly.Module(b); } catch (e) { message = e.message; }
    if (totals.different <= 30) {
      writeFileSync(`/tmp/v8-diff-${totals.different}.wasm`, b);
      console.log(`ours: ${value}\n  V8: ${message}\n  ${b.toString('hex').slice(0, 600)}`);
    }
  }
}
child.stdin.end();
const explained = Object.values(reasons).reduce((a, b) => a + b, 0);
console.log(`${count} modules (${seeds.length} of the suite, ${generated.length} generated, the others mutations of both): ${totals.same} same verdict (${totals.accepted} accepted), ${explained} explained, ${totals.different} different`);
for (const [why, n] of Object.entries(reasons)) console.log(`  ${n} ${why}`);
process.exit(totals.different || totals.same + explained !== count ? 1 : 0);
