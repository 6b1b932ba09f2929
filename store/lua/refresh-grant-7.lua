-- Rotates the refresh token of a grant and issues the next access token, or answers a retry, or detects reuse.
-- KEYS  1 head · 2 log · 3 grant · 4 successor · 5 tokens of the grant · 6 clients · 7 cutoff of the grant
-- ARGV  1 base · 2 grant id · 3 presented hash · 4 client id of the caller · 5 new refresh hash · 6 new token hash
--       7 token lifetime s · 8 refresh idle lifetime s · 9 narrowed scope · 10 narrowed aud · 11 'narrowed' or ''
--       12 sealed successor · 13 grace ms · 14 details of a reuse cutoff (JSON) · 15 event · 16 log retention ms
--       17 channel · 18 fingerprint of the registration the client was proved by ('' = it was read for this request)
-- Derives index, subject, session and cutoff keys from the grant record; all carry the tag of the partition.
-- Returns { 'rotated', issued µs, expires s, grant record } · { 'retry', sealed, now µs, token record, grant record }
--   · { unknown | foreign | expired | revoked | suspended | client-gone | client-changed }
--   · { 'reused' } (the grant is void now)
-- Atomic because exactly one successor may exist: of any number of parallel calls one rotates, the others within
-- the grace are handed its sealed result. Reuse cuts the grant off and appends the event in the same step.
-- Bound: at most 20 expired tokens and 20 index entries dropped.
--- @include "clock"
--- @include "epoch"
--- @include "lattice"
--- @include "records"
--- @include "state"
--- @include "fingerprint"
--- @include "expiry"
--- @include "cutoff"
--- @include "log"
local base, grant, presented, caller = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
epoch()
if ARGV[18] ~= '' and fingerprint(KEYS[6], caller) ~= ARGV[18] then return { 'client-changed' } end
local record = redis.call('GET', KEYS[3])
if not record then return { 'unknown' } end
local field = lines(record)
local sub, client, session = field[1], field[2], field[3]
local granted, expires, current, rotated = tonumber(field[7]), tonumber(field[8]), field[9], tonumber(field[10])
if client ~= caller then return { 'foreign' } end

local now = tick(KEYS[1])
local now_s = math.floor(now / 1000000)
local thing = { token = '', grant = grant, session = session, sub = sub, client = client }
-- Minting is stricter than use: a grant that is void itself mints nothing more, even where its newest tokens live on.
if is_void(base, thing, granted) then return { 'revoked' } end
if session ~= '' then
  local started = string.match(redis.call('GET', base .. 's' .. session) or '', '^.-\n(%d+)\n')
  if not started or is_void(base, login(session, sub), tonumber(started)) then return { 'revoked' } end
end
if not is_enabled(KEYS[6], client) then return { 'client-gone' } end
if redis.call('HGET', base .. 'u' .. sub, 'status') == 'suspended' then return { 'suspended' } end
-- A client was registered under the user's name since: nobody could tell their tokens apart.
if sub ~= client and is_client(KEYS[6], sub) then return { 'revoked' } end

if presented ~= current then
  local successor = redis.call('GET', KEYS[4])
  local previous, token_hash, sealed = string.match(successor or '', '^(.-)\n(.-)\n(.*)$')
  local token = previous == presented and redis.call('HGET', KEYS[5], token_hash)
  if token then
    return { 'retry', sealed, stamp(now), token, record }
  end
  cut(KEYS[7], now, '', ARGV[14], math.max(1, redis.call('PTTL', KEYS[3])), granted)
  redis.call('ZREM', base .. 'i' .. sub, grant)
  append_event(base, now, tonumber(ARGV[16]), ARGV[17], ARGV[15], stamp(now), ARGV[14])
  return { 'reused' }
end

local idle = tonumber(ARGV[8])
if now_s >= expires or now - rotated >= idle * 1000000 then return { 'expired' } end

local lifetime = math.min(tonumber(ARGV[7]), expires - now_s)
-- Never shortened: tokens of a registration with longer lifetimes, and what they were exchanged for, hang on this record
-- and on the life it lends to a cutoff.
local left_s = math.ceil(redis.call('PTTL', KEYS[3]) / 1000)
local kept_s = math.max(lifetime, math.min(expires - now_s, idle), left_s)
local token = stamp(now) .. '\n' .. lifetime
if ARGV[11] == 'narrowed' then token = token .. '\n' .. ARGV[9] .. '\n' .. ARGV[10] end
drop_expired_tokens(KEYS[5], now)
redis.call('HSET', KEYS[5], ARGV[6], token)
keep(KEYS[5], lifetime * 1000)
field[9], field[10] = ARGV[5], stamp(now)
redis.call('SET', KEYS[3], table.concat(field, '\n'), 'PX', kept_s * 1000)
redis.call('SET', KEYS[4], presented .. '\n' .. ARGV[6] .. '\n' .. ARGV[12], 'PX', math.min(tonumber(ARGV[13]), lifetime * 1000))
local index = base .. 'i' .. sub
redis.call('ZADD', index, now_s + kept_s, grant)
if session ~= '' then
  redis.call('ZADD', index, 'LT', -(now_s + kept_s), session)
  keep(base .. 's' .. session, kept_s * 1000)
end
keep(index, kept_s * 1000)
prune_index(index, now)
return { 'rotated', stamp(now), stamp(now_s + lifetime), record }
