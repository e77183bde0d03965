// A bit of everything: closures, classes, generators, regular expressions, sorting, big integers, JSON, promises.
class Shape { constructor(n) { this.n = n; } get area() { return 0; } toString() { return `${this.constructor.name}(${this.n}) ${this.area}`; } }
class Square extends Shape { get area() { return this.n ** 2; } }
class Triangle extends Shape { get area() { return this.n * this.n / 2; } }
print([new Square(3), new Triangle(5), new Shape(1)].map(String).join('; '));

function* primes() { const seen = []; for (let n = 2; ; n++) if (!seen.some(p => n % p === 0)) { seen.push(n); yield n; } }
const first = []; for (const p of primes()) { if (first.push(p) === 300) break; }
print(first.slice(-5), first.reduce((a, b) => a + b));

const text = 'The quick brown fox; jumps over 13 lazy dogs, 2026-11-21 and 1999-01-02. '.repeat(40);
print(text.replace(/(\d{4})-(\d\d)-(\d\d)/g, '$3.$2.$1').length, text.match(/\b[a-z]{5}\b/g).length, /(?<a>o)(?=x)/u.exec(text).index);
print([...text.matchAll(/(?<=\s)(\w)(\w*)/g)].slice(0, 3).map(m => m[2] + m[1]), text.split(/[;,.]\s*/).length);

let x = 42; const random = () => (x = (Math.imul(x, 1664525) + 1013904223) >>> 0) / 4294967296;
const numbers = Array.from({ length: 5000 }, random).sort((a, b) => a - b);
print(numbers[0], numbers[2500], numbers[4999]);
const counts = new Map(); for (const v of numbers) counts.set(Math.floor(v * 10), (counts.get(Math.floor(v * 10)) || 0) + 1);
print(JSON.stringify([...counts]));

let f = 1n; for (let i = 1n; i <= 120n; i++) f *= i;
print(f, f % 1000000007n, BigInt.asIntN(64, f >> 100n));
print([Math.sqrt(2), Math.sin(1), Math.exp(10), Math.atan2(1, -3), 0.1 + 0.2, 1e21, 5e-324, -0, 1 / 3, NaN].join(' '));

const tree = JSON.parse('{"a":[1,2,{"b":null,"c":"\\u00e9\\n"}],"d":{"e":true}}');
print(JSON.stringify(tree, (k, v) => typeof v === 'number' ? v * 2 : v, 1));
const bytes = new Uint8Array(new Float64Array([Math.PI]).buffer); print(bytes);
try { null.x; } catch (e) { print(e instanceof TypeError, e.message); }
function deep(n) { return n === 0 ? 0 : 1 + deep(n - 1); }
print(deep(500));
const later = async n => { await null; return n * 2; };
Promise.all([later(1), later(2), Promise.reject(new Error('no')).catch(e => e.message)]).then(v => print(JSON.stringify(v)));
label: for (let i = 0; i < 5; i++) for (let j = 0; j < 5; j++) { if (i * j === 6) { print(i, j); break label; } }
print(Object.entries({ z: 1, a: 2, 10: 3, 9: 4 }).join('|'), [3, 1, 2].toString(), typeof Symbol.iterator);
