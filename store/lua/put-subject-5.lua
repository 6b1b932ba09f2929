#!lua flags=allow-oom
-- Changes a subject's status or claims.
-- KEYS
--   head
--   log
--   subject
--   cutoff: of the subject
--   index: of the subject
-- ARGV
--   base
--   status: active|suspended, '' = unchanged
--   claims: JSON, '' = unchanged
--   cutoff_details: JSON
--   event
--   log_retention_ms
--   channel
--   cutoff_ttl_ms
-- Returns a row of
--   status
--   claims
-- Suspending is also a cutoff, so reactivating revives no token.
-- Atomic: status, claims, cutoff and log entry are written in one step. Allowed when memory is full: suspending is a
-- revocation.
-- Bound: constant.
--- @include "clock"
--- @include "epoch"
--- @include "lattice"
--- @include "cutoff"
--- @include "index"
--- @include "log"
local head, log, subject, cutoff, index = unpack(KEYS)
local base, status, claims, cutoff_details, event, log_retention_ms, channel, cutoff_ttl_ms = unpack(ARGV)
local now = tick(head)
if status ~= '' then redis.call('HSET', subject, 'status', status) end
if claims ~= '' then redis.call('HSET', subject, 'claims', claims) end
if status == 'suspended' then
  cut(cutoff, now, '', cutoff_details, cutoff_ttl_ms)
  drop_index(index)
end
append_event(base, now, log_retention_ms, channel, event, status == 'suspended' and stamp(now), cutoff_details)
local stored = redis.call('HMGET', subject, 'status', 'claims')
return { stored[1] or 'active', stored[2] or '{}' }
