-- tables, strings, closures and floats: what scripts do
local function fannkuch(n)
  local p, q, s, sign, maxflips, sum = {}, {}, {}, 1, 0, 0
  for i = 1, n do p[i], q[i], s[i] = i, i, i end
  repeat
    local q0 = p[1]
    if q0 ~= 1 then
      for i = 2, n do q[i] = p[i] end
      local flips = 1
      while true do
        local qq = q[q0]
        if qq == 1 then sum = sum + sign * flips; if flips > maxflips then maxflips = flips end break end
        q[q0] = q0
        if q0 >= 4 then
          local i, j = 2, q0 - 1
          repeat q[i], q[j] = q[j], q[i]; i = i + 1; j = j - 1 until i >= j
        end
        q0 = qq; flips = flips + 1
      end
    end
    if sign == 1 then
      p[1], p[2] = p[2], p[1]; sign = -1
    else
      p[2], p[3] = p[3], p[2]; sign = 1
      for i = 3, n do
        local sx = s[i]
        if sx ~= 1 then s[i] = sx - 1; break end
        if i == n then return sum, maxflips end
        s[i] = i
        local t = p[1]; for j = 1, i do p[j] = p[j + 1] end; p[i + 1] = t
      end
    end
  until false
end
print(fannkuch(tonumber(arg and arg[1]) or 8))
local words = {}
for i = 1, 60000 do words[i] = string.format("%x-%d", (i * 2654435761) % 4294967296, i % 97) end
table.sort(words)
local count = {}
for _, w in ipairs(words) do local k = w:sub(1, 2); count[k] = (count[k] or 0) + #w end
local total = 0
for _, v in pairs(count) do total = total + v end
print(words[1], words[#words], total)
local s = 0
for i = 1, 2000000 do s = s + math.sin(i) * (i % 7) end
print(string.format("%.6f", s))
