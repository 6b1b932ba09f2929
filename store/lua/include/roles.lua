-- Reads the roles a subject holds in some contexts and everywhere (`*`), or in all contexts if they are few. The work is
-- bounded by what is asked for, not by what is held: neighbours in a<sub> are found by range.
local MAX_CONTEXTS, MAX_ASSIGNMENTS = 100, 1000
-- The fewest that can show that there are too many contexts: most subjects with too many have one role in each.
local CHUNK = MAX_CONTEXTS + 1

local function new_reading()
  return { found = {}, ends = nil, seen = 0 }
end

-- Adds the assignments that have not ended, and remembers when the first of them will.
local function take(reading, members, now_s)
  for _, member in ipairs(members) do
    reading.seen = reading.seen + 1
    local name, expires = string.match(member, '^(%S+ %S+) (%d+)$')
    local ends = expires and tonumber(expires)
    if not ends then
      reading.found[#reading.found + 1] = member
    elseif ends > now_s then
      reading.found[#reading.found + 1] = name
      if not reading.ends or ends < reading.ends then reading.ends = ends end
    end
  end
end

local function take_context(reading, key, context, now_s)
  take(reading, redis.call('ZRANGEBYLEX', key, '[' .. context .. ' ', '(' .. context .. '!'), now_s)
end

-- nil when there are too many.
local function read_all(key, held, now_s)
  if held > MAX_ASSIGNMENTS then return nil end
  local reading, contexts, last = new_reading(), 0, nil
  for start = 0, held - 1, CHUNK do
    local before = #reading.found
    take(reading, redis.call('ZRANGE', key, start, start + CHUNK - 1), now_s)
    for i = before + 1, #reading.found do
      local context = string.match(reading.found[i], '^%S+')
      if context ~= last and context ~= '*' then contexts = contexts + 1 end
      last = context
    end
    if contexts > MAX_CONTEXTS then return nil end
  end
  return reading
end

-- contexts: a list, or nil for all. Returns 'complete' or 'partial', the milliseconds until the first of the roles ends
-- ('' = none does), and a line "<context> <role>" for each.
local function read_roles(base, sub, now, contexts)
  local key = base .. 'a' .. sub
  local held, now_s = redis.call('ZCARD', key), math.floor(now / 1000000)
  if held == 0 then return 'complete', '', '' end
  local reading = not contexts and read_all(key, held, now_s)
  if not reading then
    reading = new_reading()
    take_context(reading, key, '*', now_s)
    for _, context in ipairs(contexts or {}) do take_context(reading, key, context, now_s) end
  end
  -- Rounded down, so that no cache keeps a role for too long.
  local left = reading.ends and stamp(reading.ends * 1000 - math.ceil(now / 1000)) or ''
  return reading.seen == held and 'complete' or 'partial', left, table.concat(reading.found, '\n')
end
