-- Time of a partition in microseconds: Redis time, but never behind what this partition has handed out.
-- Lua's own number formatting rounds at 14 digits, so stamp() must be used wherever a time becomes text.
local function stamp(microseconds)
  return string.format('%.0f', microseconds)
end

local function read_clock(head)
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
  local last = tonumber(redis.call('HGET', head, 'clock') or '0')
  if now > last then return now end
  return last
end

-- A time later than every earlier tick of the partition, whatever the clock of the machine does.
local function tick(head)
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
  local last = tonumber(redis.call('HGET', head, 'clock') or '0')
  if now <= last then now = last + 1 end
  redis.call('HSET', head, 'clock', stamp(now))
  return now
end
