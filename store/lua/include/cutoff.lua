-- Moves a cutoff forward, never back. Record: cutoff µs | written at µs | details (JSON of the caller).
-- requested = '' means now. is_closed: nothing can be issued under this name after a cutoff of now (a token, a grant, a
-- session), so that one such cutoff is enough and a repeat changes nothing.
-- Returns the cutoff in force and whether it moved; nil when it lies in the future.
local FUTURE_TOLERANCE_US = 60000000

local function cut(key, now, requested, details, ttl_ms, is_closed)
  local cutoff = now
  if requested ~= '' then
    cutoff = math.max(0, tonumber(requested))
    if cutoff > now + FUTURE_TOLERANCE_US then return nil end
    if cutoff > now then cutoff = now end
  end
  local existing = redis.call('GET', key)
  if existing then
    local in_force, written = string.match(existing, '^(%d+)\n(%d+)')
    local is_final = is_closed and in_force == written
    if is_final or tonumber(in_force or '0') >= cutoff then return tonumber(in_force), false end
  end
  redis.call('SET', key, stamp(cutoff) .. '\n' .. stamp(now) .. '\n' .. details, 'PX', ttl_ms)
  return cutoff, true
end
