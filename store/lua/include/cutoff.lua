-- Moves a cutoff forward, never back. Record: cutoff µs | written at µs | details (JSON of the caller).
-- requested = '' means now. Returns the cutoff in force and whether it moved; nil when it lies in the future.
local FUTURE_TOLERANCE_US = 60000000

local function cut(key, now, requested, details, ttl_ms)
  local cutoff = now
  if requested ~= '' then
    cutoff = tonumber(requested)
    if cutoff > now + FUTURE_TOLERANCE_US then return nil end
    if cutoff > now then cutoff = now end
  end
  local existing = redis.call('GET', key)
  if existing then
    local in_force = tonumber(string.match(existing, '^%d+'))
    if in_force >= cutoff then return in_force, false end
  end
  redis.call('SET', key, stamp(cutoff) .. '\n' .. stamp(now) .. '\n' .. details, 'PX', ttl_ms)
  return cutoff, true
end
