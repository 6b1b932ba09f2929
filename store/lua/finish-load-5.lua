-- Puts the claims and status of a loaded subject, and marks it as known.
-- KEYS  1 head · 2 log · 3 subject · 4 cutoff of the subject · 5 index of the subject
-- ARGV  1 base · 2 log retention ms · 3 channel · 4 name of this load · 5 event · 6 status: active|suspended · 7 claims (JSON)
--       8 details of the cutoff (JSON) · 9 life of the cutoff ms
-- Returns { 'lost' } (the claim is not ours any more) · { 'finished' }
-- What an operator has put meanwhile stays. A subject that is suspended there is cut off too, as put-subject does, so that
-- reactivating revives no token that was issued before anything was known.
-- Atomic: claims, status, cutoff, mark and log entry are one step.
-- Bound: constant.
--- @include "clock"
--- @include "epoch"
--- @include "lattice"
--- @include "cutoff"
--- @include "log"
local claim = redis.call('HGET', KEYS[3], 'loading')
if not claim or string.match(claim, '^(%S+) ') ~= ARGV[4] then return { 'lost' } end
local now = tick(KEYS[1])
local suspends = redis.call('HSETNX', KEYS[3], 'status', ARGV[6]) == 1 and ARGV[6] == 'suspended'
if suspends then
  cut(KEYS[4], now, '', ARGV[8], ARGV[9])
  redis.call('UNLINK', KEYS[5])
end
redis.call('HSETNX', KEYS[3], 'claims', ARGV[7])
redis.call('HSET', KEYS[3], 'loaded', '1')
redis.call('HDEL', KEYS[3], 'loading')
append_event(ARGV[1], now, tonumber(ARGV[2]), ARGV[3], ARGV[5], suspends and stamp(now), ARGV[8])
return { 'finished' }
