-- Issues one access token: under a grant record of its own (with a refresh token) or as a grant of its own.
-- KEYS  1 head · 2 token, or tokens of the grant · 3 clients · 4 subject · 5 index of the subject · 6 session · 7 grant
-- ARGV  1 base · 2 token hash · 3 token lifetime s · 4 authorization · 5 grant id ('' = the token is the grant)
--       6 refresh hash · 7 grant lifetime s · 8 refresh idle lifetime s · 9 session: none|new|join
--       10 session details (JSON) · 11 user|client (whose subject it is) · 12 fingerprint of the registration the client
--       was proved by ('' = it was read for this request) · 13… resources that must be registered
-- Returns { 'issued', issued µs, expires s } or one of { client-gone | client-changed | subject-suspended |
--   subject-is-client | unknown-target, resource | session-unknown | session-foreign | session-void }
-- Derives cutoff keys; all carry the tag of the partition.
-- Atomic because the checks (client, subject, session, lattice) must hold at the very moment of issue, and because
-- the issue time must be later than every cutoff before it. Appends no event: issuing changes no answer.
-- Bound: at most 20 index entries pruned.
--- @include "clock"
--- @include "epoch"
--- @include "lattice"
--- @include "records"
--- @include "state"
--- @include "fingerprint"
--- @include "expiry"
local base, hash, lifetime, authorization, grant = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
local grant_lifetime, idle_lifetime, session_mode = tonumber(ARGV[7]), tonumber(ARGV[8]), ARGV[9]
local sub, client, session = parties(authorization)

epoch()
-- Who was proved by a registration from memory was proved by an enabled one: nothing else may stand now.
if ARGV[12] == '' then
  if not is_enabled(KEYS[3], client) then return { 'client-gone' } end
elseif fingerprint(KEYS[3], client) ~= ARGV[12] then
  return { 'client-changed' }
end
if redis.call('HGET', KEYS[4], 'status') == 'suspended' then return { 'subject-suspended' } end
if ARGV[11] == 'user' and is_client(KEYS[3], sub) then return { 'subject-is-client' } end
for i = 13, #ARGV do
  if redis.call('HEXISTS', KEYS[3], 'r:' .. ARGV[i]) == 0 then return { 'unknown-target', ARGV[i] } end
end

local now = tick(KEYS[1])
local now_s = math.floor(now / 1000000)
if session_mode == 'join' then
  local record = redis.call('GET', KEYS[6])
  if not record then return { 'session-unknown' } end
  local owner, started = string.match(record, '^(.-)\n(%d+)\n')
  if owner ~= sub then return { 'session-foreign' } end
  if is_void(base, login(session, sub), tonumber(started)) then return { 'session-void' } end
end

local kept_s = lifetime
if grant == '' then
  redis.call('SET', KEYS[2], stamp(now) .. '\n' .. lifetime .. '\n' .. authorization, 'PX', lifetime * 1000)
  redis.call('ZADD', KEYS[5], now_s + lifetime, hash)
else
  if lifetime > grant_lifetime then lifetime = grant_lifetime end
  kept_s = math.max(lifetime, math.min(grant_lifetime, idle_lifetime))
  redis.call('HSET', KEYS[2], hash, stamp(now) .. '\n' .. lifetime)
  redis.call('PEXPIRE', KEYS[2], lifetime * 1000)
  redis.call('SET', KEYS[7], authorization .. '\n' .. stamp(now) .. '\n' .. (now_s + grant_lifetime) .. '\n' ..
    ARGV[6] .. '\n' .. stamp(now), 'PX', kept_s * 1000)
  redis.call('ZADD', KEYS[5], now_s + kept_s, grant)
end
if session_mode == 'new' then
  redis.call('SET', KEYS[6], sub .. '\n' .. stamp(now) .. '\n' .. ARGV[10], 'PX', kept_s * 1000)
elseif session_mode == 'join' then
  keep(KEYS[6], kept_s * 1000)
end
if session_mode ~= 'none' then redis.call('ZADD', KEYS[5], 'LT', -(now_s + kept_s), session) end
keep(KEYS[5], kept_s * 1000)
prune_index(KEYS[5], now)
return { 'issued', stamp(now), stamp(now_s + lifetime) }
