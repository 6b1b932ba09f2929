#!lua flags=allow-oom
-- Takes back one access token.
-- KEYS  1 head · 2 log · 3 token · 4 cutoff of the token
-- ARGV  1 base · 2 cutoff µs ('' = now) · 3 details (JSON) · 4 event · 5 log retention ms · 6 channel
--       7 client id that must own it ('' = any)
-- Derives the grant key from the token; it carries the tag of the partition.
-- Returns { 'revoked', cutoff µs, affected 0|1, epoch, seq } · { 'unknown' } · { 'foreign' } · { 'future' }
--   affected is 0 when the cutoff stood already or spares the token; seq is '' when nothing changed
-- Atomic: the cutoff and its log entry are one step. Allowed when memory is full: this is the emergency door.
-- Bound: constant.
--- @include "clock"
--- @include "epoch"
--- @include "records"
--- @include "cutoff"
--- @include "log"
local base = ARGV[1]
local token = redis.call('GET', KEYS[3])
if not token then return { 'unknown' } end
local _, issued, _, authorization = read_token(base, token)
if not authorization then return { 'unknown' } end
local _, client = parties(authorization)
if ARGV[7] ~= '' and client ~= ARGV[7] then return { 'foreign' } end

local now = tick(KEYS[1])
local ttl_ms = math.max(1, redis.call('PTTL', KEYS[3]))
local cutoff, moved = cut(KEYS[4], now, ARGV[2], ARGV[3], ttl_ms)
if not cutoff then return { 'future' } end
local seq = moved and append_event(base, now, tonumber(ARGV[5]), ARGV[6], ARGV[4]) or ''
return { 'revoked', stamp(cutoff), (moved and issued <= cutoff) and 1 or 0, epoch(), seq }
