-- Lengthens the life of a key, never shortens it.
local function keep(key, milliseconds)
  if redis.call('PTTL', key) < milliseconds then redis.call('PEXPIRE', key, milliseconds) end
end

-- The subject's index holds its grants with score +expiry and its sessions with score -expiry (seconds), so everything
-- between -now and +now has expired. Each issue adds one or two entries and drops up to 20.
local function prune_index(index, now)
  local seconds = stamp(math.floor(now / 1000000))
  local expired = redis.call('ZRANGE', index, '(-' .. seconds, '(' .. seconds, 'BYSCORE', 'LIMIT', 0, 20)
  if #expired > 0 then redis.call('ZREM', index, unpack(expired)) end
end

-- Tokens of one grant share a key that lives as long as the newest of them. Each refresh adds one token and checks 20
-- random ones.
local function drop_expired_tokens(tokens, now)
  local sample = redis.call('HRANDFIELD', tokens, 20, 'WITHVALUES')
  for i = 1, #sample, 2 do
    local issued, lifetime = token_times(sample[i + 1])
    if now >= (math.floor(issued / 1000000) + lifetime) * 1000000 then redis.call('HDEL', tokens, sample[i]) end
  end
end
