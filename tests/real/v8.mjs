// The oracle: run a WASI command on V8.  usage: node v8.mjs [--dir HOST::GUEST] [--env N=V] MODULE [ARGS..]
// Same flags and exit codes as `zwasm run`: the guest's own below 126, 134 for a trap.
import fs from 'node:fs';
import { WASI } from 'node:wasi';
const preopens = {}, env = {};
const argv = process.argv.slice(2);
for (; argv[0]?.startsWith('--'); argv.splice(0, 2)) {
  if (argv[0] === '--dir') {
    const [host, guest] = argv[1].split('::');
    preopens[guest ?? host] = host;
  } else if (argv[0] === '--env') {
    const at = argv[1].indexOf('=');
    env[argv[1].slice(0, at)] = argv[1].slice(at + 1);
  } else
    throw new Error(`unknown option ${argv[0]}`);
}
const wasi = new WASI({ version: 'preview1', args: argv, env, preopens, returnOnExit: true });
const { instance } = await WebAssembly.instantiate(fs.readFileSync(argv[0]), wasi.getImportObject());
try {
  process.exitCode = wasi.start(instance);
} catch (e) {
  if (!(e instanceof WebAssembly.RuntimeError || e instanceof RangeError))
    throw e;
  fs.writeSync(2, `wasm trap: ${e.message}\n`);
  process.exitCode = 134;
}
