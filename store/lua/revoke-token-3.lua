#!lua flags=allow-oom
-- Takes back one access token.
-- KEYS  1 head · 2 log · 3 cutoff of the token
-- ARGV  1 base · 2 what is meant, as in requested_span · 3 details (JSON) · 4 event · 5 log retention ms · 6 channel
--       7 client id that must own it ('' = any) · 8 token hash · 9 grant id ('' = the token is the grant)
-- Derives the keys of token and grant; they carry the tag of the partition.
-- Returns { 'revoked', cutoff µs, affected 0|1, epoch, seq, sub } · { 'unknown' } · { 'foreign' } · { 'future' } · { 'too-many-spans' }
--   affected is 0 when the token was void or expired already, or is spared; seq is '' when nothing changed
-- Atomic: the cutoff and its log entry are one step. Allowed when memory is full: this is the emergency door.
-- Bound: constant.
--- @include "clock"
--- @include "epoch"
--- @include "lattice"
--- @include "records"
--- @include "state"
--- @include "cutoff"
--- @include "log"
local base = ARGV[1]
local token, authorization = find_token(base, ARGV[8], ARGV[9])
if not token then return { 'unknown' } end
local _, client = parties(authorization)
if ARGV[7] ~= '' and client ~= ARGV[7] then return { 'foreign' } end

local now = tick(KEYS[1])
local issued, lifetime = token_times(token)
local sub, _, session = parties(authorization)
local thing = { token = ARGV[8], grant = ARGV[9], session = session, sub = sub, client = client }
local is_unexpired = now < (math.floor(issued / 1000000) + lifetime) * 1000000
local was_live = is_unexpired and not is_cut_off(base, exchange_of(token, ARGV[9]), issued, thing)
local cutoff, told, record = cut(KEYS[3], now, ARGV[2], ARGV[3], lifetime * 1000, issued)
if not cutoff then return { told } end
local seq = told and append_event(base, now, tonumber(ARGV[5]), ARGV[6], ARGV[4], told, ARGV[3]) or ''
return { 'revoked', stamp(cutoff), (was_live and voids(record, issued)) and 1 or 0, epoch(), seq, sub }
