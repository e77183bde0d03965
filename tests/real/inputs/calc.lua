-- A little of everything that needs no error handling: integers, floats, strings, tables, closures, metatables.
local function fib(n) return n < 2 and n or fib(n - 1) + fib(n - 2) end
print("fib", fib(24))

local function sieve(n)
  local composite, primes = {}, {}
  for i = 2, n do
    if not composite[i] then
      primes[#primes + 1] = i
      for j = i * i, n, i do composite[j] = true end
    end
  end
  return primes
end
local p = sieve(20000)
print("primes", #p, p[#p])

local words = {}
for w in ("the quick brown fox jumps over the lazy dog and the dog sleeps"):gmatch("%a+") do
  words[w] = (words[w] or 0) + 1
end
local keys = {}
for k in pairs(words) do keys[#keys + 1] = k end
table.sort(keys, function(a, b) return words[a] > words[b] or (words[a] == words[b] and a < b) end)
for _, k in ipairs(keys) do io.write(k, "=", words[k], " ") end
print()

local V = {}
V.__index = V
V.__add = function(a, b) return setmetatable({ x = a.x + b.x, y = a.y + b.y }, V) end
V.__tostring = function(v) return string.format("(%g, %g)", v.x, v.y) end
local sum = setmetatable({ x = 0, y = 0 }, V)
for i = 1, 1000 do sum = sum + setmetatable({ x = i / 3, y = -i / 7 }, V) end
print(tostring(sum))

-- the n-body problem: floats to the last bit
local bodies = { { 0, 0, 0, 0, 0, 0, 39.47841760435743 },
  { 4.84143144246472090, -1.16032004402742839, -0.103622044471123109, 0.606326392995832, 2.81198684491626, -0.02521836165988763, 0.037693674870389486 },
  { 8.34336671824457987, 4.12479856412430479, -0.403523417114321381, -1.0107743461787924, 1.8256623712304119, 0.008415761376584154, 0.011286326131968767 } }
for _ = 1, 2000 do
  for i = 1, #bodies do
    local a = bodies[i]
    for j = i + 1, #bodies do
      local b = bodies[j]
      local dx, dy, dz = a[1] - b[1], a[2] - b[2], a[3] - b[3]
      local d2 = dx * dx + dy * dy + dz * dz
      local mag = 0.01 / (d2 * math.sqrt(d2))
      a[4], a[5], a[6] = a[4] - dx * b[7] * mag, a[5] - dy * b[7] * mag, a[6] - dz * b[7] * mag
      b[4], b[5], b[6] = b[4] + dx * a[7] * mag, b[5] + dy * a[7] * mag, b[6] + dz * a[7] * mag
    end
  end
  for _, b in ipairs(bodies) do b[1], b[2], b[3] = b[1] + 0.01 * b[4], b[2] + 0.01 * b[5], b[3] + 0.01 * b[6] end
end
for _, b in ipairs(bodies) do print(string.format("%.17g %.17g %.17g", b[1], b[2], b[3])) end

local s = {}
for i = 1, 2000 do s[#s + 1] = string.pack(">I4d", i, math.sin(i)) end
local packed, hash = table.concat(s), 0
for i = 1, #packed do hash = (hash * 31 + packed:byte(i)) & 0xffffffff end
print("hash", #packed, string.format("%08x", hash))
print(10 // 3, -10 // 3, 10 % -3, 2 ^ 0.5, 1 << 62, math.maxinteger + 1 == math.mininteger, 7 // 0.0, 0x7fffffffffffffff // -1)
os.exit(7)
