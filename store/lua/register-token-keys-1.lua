-- Tells the installation which token keys a process has, and refuses what does not fit.
-- KEYS  1 the installation hash
-- ARGV  1 id of the key this process mints with ('' = it does not mint) · 2… id, fingerprint, id, fingerprint…
-- Returns { 'registered', id of the key that others minted with before ('' = none) } · { 'differs', id }: another secret is in use under this id
--   · { 'lacks', id }: others mint with a key this process could not read
-- A minting process also retires the keys it no longer has.
-- Atomic: of two processes starting at once with different secrets one must be refused.
-- Bound: the number of keys.
local minting, own = ARGV[1], {}
for i = 2, #ARGV, 2 do
  local pinned = redis.call('HGET', KEYS[1], 'key:' .. ARGV[i])
  if pinned and pinned ~= ARGV[i + 1] then return { 'differs', ARGV[i] } end
  own[ARGV[i]] = ARGV[i + 1]
end
local in_use = redis.call('HGET', KEYS[1], 'minting')
if minting ~= '' and in_use and not own[in_use] then return { 'lacks', in_use } end

for id, fingerprint in pairs(own) do redis.call('HSET', KEYS[1], 'key:' .. id, fingerprint) end
if minting ~= '' then
  redis.call('HSET', KEYS[1], 'minting', minting)
  for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
    local id = string.match(field, '^key:(.*)$')
    if id and not own[id] then redis.call('HDEL', KEYS[1], field) end
  end
end
return { 'registered', in_use or '' }
