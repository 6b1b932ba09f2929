-- Registers the token keys of a process with the installation, and refuses keys that do not fit.
-- KEYS
--   installation
-- ARGV
--   minting_id: id of the key this process mints with ('' = it does not mint)
--   ...token_keys: id, fingerprint, id, fingerprint…
-- Returns one of
--   registered minted_before: id of the key that others minted with before ('' = none)
--   differs key_id: another secret is in use under this id
--   lacks key_id: others mint with a key this process could not read
-- A minting process also retires the keys it no longer has.
-- Atomic: of two processes that start at once with different secrets one must be refused.
-- Bound: the number of keys.
local installation = unpack(KEYS)
local minting_id = unpack(ARGV)
local token_keys = { unpack(ARGV, 2) }
local own = {}
for i = 1, #token_keys, 2 do
  local id, fingerprint = unpack(token_keys, i, i + 1)
  local pinned = redis.call('HGET', installation, 'key:' .. id)
  if pinned and pinned ~= fingerprint then return { 'differs', id } end
  own[id] = fingerprint
end
local in_use = redis.call('HGET', installation, 'minting')
if minting_id ~= '' and in_use and not own[in_use] then return { 'lacks', in_use } end

for id, fingerprint in pairs(own) do redis.call('HSET', installation, 'key:' .. id, fingerprint) end
if minting_id ~= '' then
  redis.call('HSET', installation, 'minting', minting_id)
  for _, field in ipairs(redis.call('HKEYS', installation)) do
    local id = string.match(field, '^key:(.*)$')
    if id and not own[id] then redis.call('HDEL', installation, field) end
  end
end
return { 'registered', in_use or '' }
