-- Time of a partition in microseconds: Redis time, but never earlier than a time this partition has used before.
-- Lua rounds numbers to 14 digits when it writes them as text; stamp() does not.
local function stamp(microseconds)
  return string.format('%.0f', microseconds)
end

-- The time of Redis, and the last time the partition has used.
local function clocks(head)
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2]), tonumber(redis.call('HGET', head, 'clock') or '0')
end

local function read_clock(head)
  local now, last = clocks(head)
  return now > last and now or last
end

-- A time later than every earlier tick of the partition, even if the clock of the machine runs backwards.
local function tick(head)
  local now, last = clocks(head)
  if now <= last then now = last + 1 end
  redis.call('HSET', head, 'clock', stamp(now))
  return now
end
