#!lua flags=allow-oom
-- Changes a subject's status or claims.
-- KEYS  1 head · 2 log · 3 subject · 4 cutoff of the subject · 5 index of the subject
-- ARGV  1 base · 2 status: active|suspended|'' (unchanged) · 3 claims (JSON, '' = unchanged)
--       4 details of the cutoff (JSON) · 5 event · 6 log retention ms · 7 channel · 8 life of the cutoff ms
-- Returns { status, claims }
-- Suspending is also a cutoff, so that reactivating revives no token.
-- Atomic: status, claims, cutoff and log entry are one step. Allowed when memory is full: suspending is a revocation.
-- Bound: constant.
--- @include "clock"
--- @include "epoch"
--- @include "lattice"
--- @include "cutoff"
--- @include "index"
--- @include "log"
local now = tick(KEYS[1])
if ARGV[2] ~= '' then redis.call('HSET', KEYS[3], 'status', ARGV[2]) end
if ARGV[3] ~= '' then redis.call('HSET', KEYS[3], 'claims', ARGV[3]) end
if ARGV[2] == 'suspended' then
  cut(KEYS[4], now, '', ARGV[4], ARGV[8])
  drop_index(KEYS[5])
end
append_event(ARGV[1], now, tonumber(ARGV[6]), ARGV[7], ARGV[5], ARGV[2] == 'suspended' and stamp(now), ARGV[4])
local subject = redis.call('HMGET', KEYS[3], 'status', 'claims')
return { subject[1] or 'active', subject[2] or '{}' }
