# Words of a text: how often, how long, in which section; then numbers, strings and functions of the language.
function reverse(s,   r, i) { for (i = length(s); i > 0; i--) r = r substr(s, i, 1); return r }
function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2) }
/^#/ { section++ }
{
  line = tolower($0); gsub(/[^a-z ]+/, " ", line); n = split(line, w, " ")
  for (i = 1; i <= n; i++) { count[w[i]]++; total++; if (w[i] ~ /^[b-df-hj-np-tv-z]+[aeiou]/) opened++; seen[section, w[i]] = 1 }
}
END {
  for (k in count) if (count[k] > best || count[k] == best && k < word) { best = count[k]; word = k }
  pairs = 0; for (k in seen) { split(k, p, SUBSEP); if (p[2] == word) pairs++ }
  print NR, total, opened, section, word, best, pairs
  printf "%d %5.2f %e %x %s|%-8s|%08.3f\n", 2 ^ 30, 22 / 7, 6.02e23, 255, reverse("stressed"), "left", -3.14159
  print fib(18), substr("abcdef", 2, 3), index("banana", "nan"), match("foobar", /o+b/), RSTART, RLENGTH, toupper("x") "y"
  s = "a.b.c"; print sub(/\./, "-", s), s, length(s), sprintf("%c%c", 72, "i"), 1e6 % 7, int(-3.7), "10" < "9", 10 < 9
  for (i = 0; i < 200000; i++) sum += (i * 7 % 13) ^ 2; print sum
}
