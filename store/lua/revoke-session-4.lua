#!lua flags=allow-oom
-- Takes back a session: every grant and token issued in it.
-- KEYS  1 head · 2 log · 3 session · 4 cutoff of the session
-- ARGV  1 base · 2 what is meant, as in requested_span · 3 details (JSON) · 4 event · 5 log retention ms · 6 channel · 7 session id
-- Derives the index key from the session; it carries the tag of the partition.
-- Returns { 'revoked', cutoff µs, -1 (not counted), epoch, seq, sub } · { 'unknown' } · { 'future' } · { 'too-many-spans' }
-- Atomic: the cutoff and its log entry are one step. Allowed when memory is full: this is the emergency door.
-- Bound: constant.
--- @include "clock"
--- @include "epoch"
--- @include "lattice"
--- @include "cutoff"
--- @include "log"
local base = ARGV[1]
local session = redis.call('GET', KEYS[3])
if not session then return { 'unknown' } end

local sub, started = string.match(session, '^(.-)\n(%d+)\n')
local now = tick(KEYS[1])
local ttl_ms = math.max(1, redis.call('PTTL', KEYS[3]))
local cutoff, told = cut(KEYS[4], now, ARGV[2], ARGV[3], ttl_ms, tonumber(started))
if not cutoff then return { told } end
if ARGV[2] == '' then redis.call('ZREM', base .. 'i' .. sub, ARGV[7]) end
local seq = told and append_event(base, now, tonumber(ARGV[5]), ARGV[6], ARGV[4], told, ARGV[3]) or ''
return { 'revoked', stamp(cutoff), -1, epoch(), seq, sub }
