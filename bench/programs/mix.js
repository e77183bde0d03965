// Objects and method calls, arrays, closures, strings and numbers: what an interpreter is asked to do.
class Task { constructor(id, work) { this.id = id; this.work = work; this.done = 0; } step() { this.done += this.work; return this.done > 1000; } }
class Scheduler {
  constructor() { this.queue = []; this.finished = 0; }
  add(t) { this.queue.push(t); }
  run() { while (this.queue.length) { const t = this.queue.shift(); if (t.step()) this.finished++; else this.queue.push(t); } return this.finished; }
}
const s = new Scheduler();
for (let i = 0; i < 40; i++) s.add(new Task(i, 1 + i % 7));
print(s.run());

function sieve(n) { const a = new Uint8Array(n + 1); let c = 0; for (let i = 2; i <= n; i++) { if (a[i]) continue; c++; for (let j = i * i; j <= n; j += i) a[j] = 1; } return c; }
print(sieve(150000));

const memo = new Map();
function path(x, y) { if (!x || !y) return 1n; const k = x * 100 + y; let v = memo.get(k); if (v === undefined) memo.set(k, v = path(x - 1, y) + path(x, y - 1)); return v; }
print(path(60, 60));

let x = 1; const random = () => (x = (Math.imul(x, 1103515245) + 12345) >>> 0) / 4294967296;
const points = Array.from({ length: 15000 }, () => ({ x: random(), y: random() }));
points.sort((a, b) => a.x - b.x || a.y - b.y);
print(points.filter(p => p.x * p.x + p.y * p.y < 1).length, points.map(p => p.x + p.y).reduce((a, b) => a + b).toFixed(6));

const words = []; for (let i = 0; i < 8000; i++) words.push('w' + (i * 7919 % 1009).toString(36));
const count = {}; for (const w of words) count[w] = (count[w] | 0) + 1;
print(Object.keys(count).length, words.join(' ').replace(/w(\w)/g, '$1-').length);

function matrix(n) { const a = [], b = []; for (let i = 0; i < n; i++) { a.push([]); b.push([]); for (let j = 0; j < n; j++) { a[i].push(i + j); b[i].push(i - j); } }
  let t = 0; for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) { let v = 0; for (let k = 0; k < n; k++) v += a[i][k] * b[k][j]; t += v; } return t; }
print(matrix(80));
