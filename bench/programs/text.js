// Regular expressions, JSON and string building.
let text = ''; for (let i = 0; i < 1500; i++) text += `user${i * 7919 % 977}@host${i % 13}.example; 20${10 + i % 17}-0${1 + i % 9}-1${i % 10} "quoted \\" ${i}" 0x${(i * 2654435761 >>> 0).toString(16)}\n`;
for (let round = 0; round < 6; round++) {
  print((text.match(/[\w.]+@[\w.]+/g) || []).length, (text.match(/"(?:[^"\\]|\\.)*"/g) || []).length, text.replace(/(\d+)-(\d+)-(\d+)/g, '$3/$2/$1').length);
  print(text.split('\n').filter(l => /^user(\d)\1/.test(l)).length, [...text.matchAll(/0x([0-9a-f]{4})/g)].reduce((a, m) => (a + parseInt(m[1], 16)) % 65521, 0));
}
const rows = text.split('\n').slice(0, 800).map((l, i) => ({ i, l, n: { a: [i, i + 1], b: l.length } }));
let size = 0; for (let round = 0; round < 8; round++) { const s = JSON.stringify(rows); size += s.length; rows[round].n = JSON.parse(s)[round].n; }
print(size);
