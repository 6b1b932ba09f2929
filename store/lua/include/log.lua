-- Appends events to the partition's log and publishes them. The caller changes state in the same script:
-- there is no way to do one without the other.
-- An event that is a revocation also carries its cutoff (µs) and details, for those who write it again should a failover
-- lose it: field `revocation` of the entry, and a line of its own in the message.
-- Trimming looks at 16 of the oldest entries for every 8 appended, so that it keeps pace; an idle log ages out as a whole.
local LOG_TRIM_BATCH = 16

local function append_entry(base, now, channel, event, revocation)
  local seq = redis.call('HINCRBY', base .. 'h', 'seq', 1)
  if revocation then
    redis.call('XADD', base .. 'l', seq .. '-0', 'at', stamp(now), 'event', event, 'revocation', revocation)
  else
    redis.call('XADD', base .. 'l', seq .. '-0', 'at', stamp(now), 'event', event)
  end
  local message = string.match(base, '{(.-)}') .. ' ' .. epoch() .. ' ' .. seq .. ' ' .. event
  redis.call('PUBLISH', channel, revocation and message .. '\n' .. revocation or message)
  return seq
end

-- Returns whether there may be more to drop.
local function trim_batch(log, oldest_kept)
  local keep_from, dropped = nil, 0
  for _, entry in ipairs(redis.call('XRANGE', log, '-', '+', 'COUNT', LOG_TRIM_BATCH)) do
    local seq = tonumber(string.match(entry[1], '^%d+'))
    keep_from = seq
    if tonumber(entry[2][2]) > oldest_kept then break end
    keep_from, dropped = seq + 1, dropped + 1
  end
  if dropped > 0 then redis.call('XTRIM', log, 'MINID', stamp(keep_from) .. '-0') end
  return dropped == LOG_TRIM_BATCH
end

local function trim_log(base, now, retention_ms, appended)
  local log = base .. 'l'
  for _ = 1, math.ceil(appended / 8) do
    if not trim_batch(log, now - retention_ms * 1000) then break end
  end
  redis.call('PEXPIRE', log, retention_ms)
end

local function append_event(base, now, retention_ms, channel, event, cutoff, details)
  local seq = append_entry(base, now, channel, event, cutoff and stamp(cutoff) .. ' ' .. details)
  trim_log(base, now, retention_ms, 1)
  return seq
end

-- Several changes of one script, in order.
local function append_events(base, now, retention_ms, channel, events)
  for _, event in ipairs(events) do append_entry(base, now, channel, event) end
  if #events > 0 then trim_log(base, now, retention_ms, #events) end
end
