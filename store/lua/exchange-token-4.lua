-- Issues a token in exchange for another one (RFC 8693), which it dies with.
-- KEYS  1 head · 2 token to be · 3 clients · 4 index of the subject
-- ARGV  1 base · 2 hash of the token to be · 3 lifetime s · 4 authorization · 5 contexts · 6 assumed roles
--       7 hash of the token it is exchanged for · 8 grant of that
-- Derives token, grant, subject and cutoff keys from what it reads; all carry the tag of the partition.
-- Returns { 'issued', issued µs, expires s }, or why not: unknown | expired | revoked | suspended | client (the other
--   token is not active) | client-gone (the exchanging client)
-- Atomic because the other token must be active at the very moment of issue, and the new one outlive it in no way. Appends
-- no event: issuing changes no answer.
-- Bound: at most 20 index entries pruned.
--- @include "clock"
--- @include "epoch"
--- @include "lattice"
--- @include "records"
--- @include "state"
--- @include "expiry"
local base, hash, lifetime, authorization = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local origin_hash, origin_grant = ARGV[7], ARGV[8]
epoch()
local sub, client = parties(authorization)
if not is_enabled(KEYS[3], client) then return { 'client-gone' } end
local state, origin, origin_authorization, _, _, exchange = token_state(base, KEYS[1], KEYS[3], origin_hash, origin_grant)
if state ~= 'active' then return { state } end

local now = tick(KEYS[1])
local now_s = math.floor(now / 1000000)
local origin_issued, origin_lifetime = token_times(origin)
lifetime = math.min(lifetime, math.floor(origin_issued / 1000000) + origin_lifetime - now_s)
if lifetime <= 0 then return { 'expired' } end

local _, origin_client = parties(origin_authorization)
local record = { stamp(now), lifetime, authorization, ARGV[5], ARGV[6], origin_hash, origin_grant, stamp(origin_issued),
  origin_client }
if exchange then record[#record + 1] = string.match(exchange, '^[^\n]*\n[^\n]*\n(.*)$') end
-- A client was registered under the user's name since: nobody could tell their tokens apart.
local first_client = string.match(record[#record], '[^\n]*$')
if sub ~= first_client and is_client(KEYS[3], sub) then return { 'revoked' } end
redis.call('SET', KEYS[2], table.concat(record, '\n'), 'PX', lifetime * 1000)
redis.call('ZADD', KEYS[4], now_s + lifetime, hash)
keep(KEYS[4], lifetime * 1000)
prune_index(KEYS[4], now)
return { 'issued', stamp(now), stamp(now_s + lifetime) }
