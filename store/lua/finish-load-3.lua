-- Puts the claims and status of a loaded subject, and marks it as known.
-- KEYS  1 head · 2 log · 3 subject
-- ARGV  1 base · 2 log retention ms · 3 channel · 4 name of this load · 5 event · 6 status: active|suspended · 7 claims (JSON)
-- Returns { 'lost' } (the claim is not ours any more) · { 'finished' }
-- What an operator has put meanwhile stays.
-- Atomic: claims, status, mark and log entry are one step.
-- Bound: constant.
--- @include "clock"
--- @include "epoch"
--- @include "log"
local claim = redis.call('HGET', KEYS[3], 'loading')
if not claim or string.match(claim, '^(%S+) ') ~= ARGV[4] then return { 'lost' } end
redis.call('HSETNX', KEYS[3], 'status', ARGV[6])
redis.call('HSETNX', KEYS[3], 'claims', ARGV[7])
redis.call('HSET', KEYS[3], 'loaded', '1')
redis.call('HDEL', KEYS[3], 'loading')
append_event(ARGV[1], tick(KEYS[1]), tonumber(ARGV[2]), ARGV[3], ARGV[5])
return { 'finished' }
