-- Claims the loading of a subject whose status and claims nobody has put yet. Assignments alone say nothing of these: an import
-- of roles must not let in whom the other system has suspended.
-- KEYS  1 head · 2 subject
-- ARGV  1 name of this load · 2 how long the claim lasts ms
-- Returns { 'known' } (there is nothing to load any more) · { 'busy' } (somebody else loads it) · { 'begun' }
-- A claim ends with its time, so that a loader that died is followed by another; what it had loaded stays, the next one
-- loads it again. Claiming again under the same name moves that time; 0 gives the claim up.
-- Atomic because one claim at a time may stand.
-- Bound: constant.
--- @include "clock"
--- @include "epoch"
epoch()
local subject = redis.call('HMGET', KEYS[2], 'loading', 'loaded', 'status', 'claims')
local loading = subject[1]
if subject[2] or subject[3] or subject[4] then return { 'known' } end

local now = tick(KEYS[1])
if loading then
  local name, claimed_until = string.match(loading, '^(%S+) (%d+)$')
  if name ~= ARGV[1] and tonumber(claimed_until) > now then return { 'busy' } end
end
redis.call('HSET', KEYS[2], 'loading', ARGV[1] .. ' ' .. stamp(now + tonumber(ARGV[2]) * 1000))
return { 'begun' }
