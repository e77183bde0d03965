-- Hundreds of files: written, appended to, read in every way, renamed, replaced and removed.
local place = ...
local function path(name) return place .. "/" .. name end
local function put(name, text, mode)
  local f = assert(io.open(path(name), mode or "w"))
  assert(f:write(text))
  assert(f:close())
end
local function get(name)
  local f = assert(io.open(path(name), "rb"))
  local text = f:read("a")
  f:close()
  return text
end

local seed = 12345
local function random(n)
  seed = (seed * 1103515245 + 12345) % 2147483648
  return seed // 65536 % n
end

local model, names = {}, {}
for i = 1, 300 do
  local name = "file" .. i
  local lines = {}
  for k = 1, random(40) do lines[k] = name .. " line " .. k .. " " .. random(1000) end
  model[name] = table.concat(lines, "\n")
  put(name, model[name])
  names[#names + 1] = name
end
for step = 1, 2000 do
  local at = random(#names) + 1
  local name = names[at]
  local what = random(6)
  if what == 0 then
    local more = "\nmore " .. step
    put(name, more, "a")
    model[name] = model[name] .. more
  elseif what == 1 then
    local to = random(4) == 0 and names[random(#names) + 1] or "moved" .. step
    if to ~= name then
      assert(os.rename(path(name), path(to)))
      if not model[to] then names[#names + 1] = to end
      model[to], model[name] = model[name], nil
      for k = #names, 1, -1 do if names[k] == name then table.remove(names, k) end end
    end
  elseif what == 2 and #names > 100 then
    assert(os.remove(path(name)))
    model[name] = nil
    table.remove(names, at)
  elseif what == 3 then
    local f = assert(io.open(path(name), "r+b"))
    local n = f:seek("end")
    assert(n == #model[name])
    if n > 10 then
      f:seek("set", n // 2)
      f:write("PATCH")
      local t = model[name]
      model[name] = t:sub(1, n // 2) .. "PATCH" .. t:sub(n // 2 + 6)
    end
    f:close()
  elseif what == 4 then
    assert(get(name) == model[name], name)
  else
    local lines = {}
    for line in io.lines(path(name)) do lines[#lines + 1] = line end
    local joined = table.concat(lines, "\n")
    assert(joined == model[name] or joined .. "\n" == model[name], name)
  end
end
local total = 0
table.sort(names)
for _, name in ipairs(names) do
  assert(get(name) == model[name], name)
  total = total + #model[name]
end
print(#names, total)
print(io.open(path("none")))
print(os.rename(path("none"), path("other")))
print(os.remove(path("none")))
print(io.open(path("no/such/place"), "w"))
