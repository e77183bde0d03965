// Names what standard input is, and proves that it was signed: its hashes, and a chain of Ed25519 signatures over them.
// The argument says how long the chain is.
import { bin2hex, faBasePointMult, faPointMult, faScalarReduce, hash, hmac, sha256Hash, signEd, signEdKeypairFromSeed, signEdPublicKey, signEdVerify } from "wasm-crypto/assembly/crypto";

function input(): Uint8Array {
  let bytes = new Uint8Array(0);
  const buffer = new ArrayBuffer(65536);
  while (true) {
    const n = <i32>process.stdin.read(buffer);
    if (n <= 0) break;
    const longer = new Uint8Array(bytes.length + n);
    longer.set(bytes);
    longer.set(Uint8Array.wrap(buffer, 0, n), bytes.length);
    bytes = longer;
  }
  return bytes;
}

const message = input();
let state = hash(message);
console.log("sha512 " + bin2hex(state));
console.log("sha256 " + bin2hex(sha256Hash(message)));
const rounds = process.argv.length > 1 ? <i32>parseInt(process.argv[1]) : 1;
const keys = signEdKeypairFromSeed(state.slice(0, 32));
for (let k = 0; k < rounds; k++) {
  const signature = signEd(state, keys);
  if (!signEdVerify(signature, state, signEdPublicKey(keys))) {
    console.error("a signature does not verify");
    process.exit(1);
  }
  state = hmac(signature, state);
  if (k < 3) console.log("signature " + bin2hex(signature));
}
const secret = faScalarReduce(state);
const point = faBasePointMult(secret);
if (point) {
  const again = faPointMult(secret, point!);
  if (again) console.log("ristretto " + bin2hex(again));
}
console.log("last " + bin2hex(state));
