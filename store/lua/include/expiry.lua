-- Lengthens the life of a key, never shortens it.
local function keep(key, milliseconds)
  if redis.call('PTTL', key) < milliseconds then redis.call('PEXPIRE', key, milliseconds) end
end

-- The subject's index holds its grants with score +expiry and its sessions with score -expiry (seconds), so
-- everything strictly between -now and +now has expired. Twenty at a time keeps pace with any issuer.
local function prune_index(index, now)
  local seconds = stamp(math.floor(now / 1000000))
  local expired = redis.call('ZRANGE', index, '(-' .. seconds, '(' .. seconds, 'BYSCORE', 'LIMIT', 0, 20)
  if #expired > 0 then redis.call('ZREM', index, unpack(expired)) end
end
