// Compile and run one WASI command in V8; times go to descriptor 3 or stderr as "compile_ns N run_ns N cpu_ns N" (cpu: of the run).
// usage: node [--liftoff ...] v8.mjs compile|run|plain MODULE [ARGS..]     (plain: as a user would, exit code kept)
import { openSync, readFileSync, writeSync } from 'node:fs';
import { WASI } from 'node:wasi';

const report = openSync('/proc/self/fd/2', 'a'); // programs close descriptor 2 on their way out
const [mode, file, ...args] = process.argv.slice(2);
const bytes = readFileSync(file);
const dirs = process.env.V8_DIRS ? JSON.parse(process.env.V8_DIRS) : {};
const cpu = () => { const u = process.cpuUsage(); return (u.user + u.system) * 1000; };
let compile = Infinity, module;
for (let i = 0; i < (mode === 'compile' ? 3 : 1); i++) {
  // a trailing custom section makes each round a different module, so that no code cache answers
  const fresh = Buffer.concat([bytes, Buffer.from([0, 4, 2, 0x7a, 0x7a, i])]);
  const t = cpu();
  module = new WebAssembly.Module(mode === 'plain' ? bytes : fresh);
  compile = Math.min(compile, cpu() - t);
}
let run = 0, spent = 0, code = 0;
if (mode !== 'compile') {
  const wasi = new WASI({ version: mode === 'plain' && process.env.V8_UNSTABLE ? 'unstable' : 'preview1', args: [process.env.V8_ARGV0 ?? file, ...args],
                          env: process.env.V8_ENV ? JSON.parse(process.env.V8_ENV) : {}, preopens: dirs, returnOnExit: true });
  const instance = new WebAssembly.Instance(module, wasi.getImportObject());
  const t = process.hrtime.bigint(), c = cpu();
  code = wasi.start(instance);
  run = Number(process.hrtime.bigint() - t);
  spent = cpu() - c;
}
if (mode !== 'plain')
  writeSync(report, `\ncompile_ns ${compile} run_ns ${run} cpu_ns ${spent}\n`);
process.exitCode = code;
