-- Claims the loading of a subject that has no status and no claims yet. Assignments do not count: an import of roles must
-- not let in a user whom the other system has suspended.
-- KEYS
--   head
--   subject
-- ARGV
--   load_name
--   claim_ms: how long the claim lasts; 0 gives it up
-- Returns one of
--   known: there is nothing left to load
--   busy: another loader has the claim
--   begun
-- A claim expires, so another loader can follow one that died; it loads again what the first one had loaded. Claiming
-- again under the same name moves the time of expiry.
-- Atomic: only one claim may exist at a time.
-- Bound: constant.
--- @include "clock"
--- @include "epoch"
local head, subject = unpack(KEYS)
local load_name, claim_ms = unpack(ARGV)
epoch()
local loading, loaded, status, claims = unpack(redis.call('HMGET', subject, 'loading', 'loaded', 'status', 'claims'))
if loaded or status or claims then return { 'known' } end

local now = tick(head)
if loading then
  local name, claimed_until = string.match(loading, '^(%S+) (%d+)$')
  if name ~= load_name and tonumber(claimed_until) > now then return { 'busy' } end
end
redis.call('HSET', subject, 'loading', load_name .. ' ' .. stamp(now + tonumber(claim_ms) * 1000))
return { 'begun' }
