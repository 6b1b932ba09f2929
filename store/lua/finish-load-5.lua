-- Writes the claims and status of a loaded subject, and marks it as known.
-- KEYS
--   head
--   log
--   subject
--   cutoff: of the subject
--   index: of the subject
-- ARGV
--   base
--   log_retention_ms
--   channel
--   load_name
--   event
--   status: active|suspended
--   claims: JSON
--   cutoff_details: JSON
--   cutoff_ttl_ms
-- Returns one of
--   lost: another loader has the claim now
--   finished
-- Status and claims that an operator has put meanwhile stay. A suspended subject is also cut off, as in put-subject:
-- reactivating it revives no token that was issued before the load.
-- Atomic: claims, status, cutoff, mark and log entry are written in one step.
-- Bound: constant.
--- @include "clock"
--- @include "epoch"
--- @include "lattice"
--- @include "cutoff"
--- @include "log"
local head, log, subject, cutoff, index = unpack(KEYS)
local base, log_retention_ms, channel, load_name, event, status, claims, cutoff_details, cutoff_ttl_ms = unpack(ARGV)
local claim = redis.call('HGET', subject, 'loading')
if not claim or string.match(claim, '^(%S+) ') ~= load_name then return { 'lost' } end
local now = tick(head)
local suspends = redis.call('HSETNX', subject, 'status', status) == 1 and status == 'suspended'
if suspends then
  cut(cutoff, now, '', cutoff_details, cutoff_ttl_ms)
  redis.call('UNLINK', index)
end
redis.call('HSETNX', subject, 'claims', claims)
redis.call('HSET', subject, 'loaded', '1')
redis.call('HDEL', subject, 'loading')
append_event(base, now, log_retention_ms, channel, event, suspends and stamp(now), cutoff_details)
return { 'finished' }
