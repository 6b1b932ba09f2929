#!lua flags=allow-oom
-- Takes back a grant: every token of the family, and its power to mint more.
-- KEYS  1 head · 2 log · 3 grant · 4 cutoff of the grant
-- ARGV  1 base · 2 what is meant, as in requested_span · 3 details (JSON) · 4 event · 5 log retention ms · 6 channel
--       7 client id that must own it ('' = any) · 8 grant id
-- Derives the index key from the grant; it carries the tag of the partition.
-- Returns { 'revoked', cutoff µs, affected 0|1, epoch, seq, sub } · { 'unknown' } · { 'foreign' } · { 'future' } · { 'too-many-spans' }
-- Atomic: the cutoff and its log entry are one step. Allowed when memory is full: this is the emergency door.
-- Bound: constant.
--- @include "clock"
--- @include "epoch"
--- @include "lattice"
--- @include "records"
--- @include "cutoff"
--- @include "log"
local base = ARGV[1]
local grant = redis.call('GET', KEYS[3])
if not grant then return { 'unknown' } end
local field = lines(grant)
if ARGV[7] ~= '' and field[2] ~= ARGV[7] then return { 'foreign' } end

local now = tick(KEYS[1])
local thing = { token = '', grant = ARGV[8], session = field[3], sub = field[1], client = field[2] }
local granted = tonumber(field[7])
local was_live = not is_void(base, thing, granted)
local ttl_ms = math.max(1, redis.call('PTTL', KEYS[3]))
local cutoff, told, record = cut(KEYS[4], now, ARGV[2], ARGV[3], ttl_ms, granted)
if not cutoff then return { told } end
if ARGV[2] == '' then redis.call('ZREM', base .. 'i' .. field[1], ARGV[8]) end
local seq = told and append_event(base, now, tonumber(ARGV[5]), ARGV[6], ARGV[4], told, ARGV[3]) or ''
return { 'revoked', stamp(cutoff), (was_live and voids(record, granted)) and 1 or 0, epoch(), seq, field[1] }
