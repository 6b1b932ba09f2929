-- Appends one event to the partition's log and publishes it. The caller changes state in the same script, so neither
-- happens without the other.
-- The event of a revocation also carries what it voids ('<cutoff µs>' or '<from µs>-<to µs>') and its details, so that
-- nodes can restore it if a failover loses it: in the field `revocation` of the entry, and in a second line of the message.
-- Trimming reads at most the 16 oldest entries; the log of an idle partition expires as a whole.
local LOG_TRIM_BATCH = 16

-- The oldest entry is read first: nearly always it shows that there is nothing to trim.
local function trim(log, expired_at)
  local oldest = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
  if tonumber(oldest[2][2]) > expired_at then return end
  local keep_from
  for _, entry in ipairs(redis.call('XRANGE', log, '-', '+', 'COUNT', LOG_TRIM_BATCH)) do
    local entry_seq = tonumber(string.match(entry[1], '^%d+'))
    keep_from = entry_seq + 1
    if tonumber(entry[2][2]) > expired_at then
      keep_from = entry_seq
      break
    end
  end
  redis.call('XTRIM', log, 'MINID', stamp(keep_from) .. '-0')
end

local function append_event(base, now, retention_ms, channel, event, voided, details)
  local head, log = base .. 'h', base .. 'l'
  local seq = redis.call('HINCRBY', head, 'seq', 1)
  local revocation = voided and voided .. ' ' .. details
  if revocation then
    redis.call('XADD', log, seq .. '-0', 'at', stamp(now), 'event', event, 'revocation', revocation)
  else
    redis.call('XADD', log, seq .. '-0', 'at', stamp(now), 'event', event)
  end
  trim(log, now - tonumber(retention_ms) * 1000)
  redis.call('PEXPIRE', log, retention_ms)
  local message = string.match(base, '{(.-)}') .. ' ' .. epoch() .. ' ' .. seq .. ' ' .. event
  redis.call('PUBLISH', channel, revocation and message .. '\n' .. revocation or message)
  return seq
end
