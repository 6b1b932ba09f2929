-- Rotates the refresh token of a grant and issues the next access token, or answers a retry, or detects reuse.
-- KEYS
--   head
--   log
--   grant
--   successor
--   tokens: of the grant
--   clients
--   cutoff: of the grant
-- ARGV
--   base
--   grant_id
--   presented_hash
--   caller_id: client id of the caller
--   next_refresh_hash
--   next_token_hash
--   token_lifetime_s
--   idle_lifetime_s
--   scope: of the next token, if it is narrowed
--   aud: of the next token, if it is narrowed
--   narrowing: narrowed or ''
--   sealed_successor
--   grace_ms
--   cutoff_details: JSON, for a reuse
--   event: for a reuse
--   log_retention_ms
--   channel
--   expected_fingerprint: of the registration the client was authenticated against ('' = it was read for this request)
-- Derives index, subject, session and cutoff keys from the grant record; all carry the tag of the partition.
-- Returns one of
--   rotated issued_us expires_at grant_record
--   retry sealed_successor now_us token_record grant_record
--   reused: the grant is void now
--   unknown
--   foreign
--   expired
--   revoked
--   suspended
--   client-gone
--   client-changed
-- Atomic: only one successor may exist. Of any number of parallel calls one rotates; the others within the grace get its
-- sealed result. Reuse cuts the grant off and appends the event in the same step.
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
local head, log, grant, successor, tokens, clients, cutoff = unpack(KEYS)
local base, grant_id, presented_hash, caller_id, next_refresh_hash, next_token_hash, token_lifetime_s, idle_lifetime_s,
  scope, aud, narrowing, sealed_successor, grace_ms, cutoff_details, event, log_retention_ms, channel,
  expected_fingerprint = unpack(ARGV)
epoch()
if expected_fingerprint ~= '' and fingerprint(clients, caller_id) ~= expected_fingerprint then
  return { 'client-changed' }
end
local record = redis.call('GET', grant)
if not record then return { 'unknown' } end
local field = lines(record)
local sub, client, session = field[1], field[2], field[3]
local granted, expires, current_hash, rotated = tonumber(field[7]), tonumber(field[8]), field[9], tonumber(field[10])
if client ~= caller_id then return { 'foreign' } end

local now = tick(head)
local now_s = math.floor(now / 1000000)
local thing = { token = '', grant = grant_id, session = session, sub = sub, client = client }
-- Minting is stricter than use: a void grant mints nothing more, even if its newest tokens are still active.
if is_void(base, thing, granted) then return { 'revoked' } end
if session ~= '' then
  local started = string.match(redis.call('GET', base .. 's' .. session) or '', '^.-\n(%d+)\n')
  if not started or is_void(base, login(session, sub), tonumber(started)) then return { 'revoked' } end
end
if not is_enabled(clients, client) then return { 'client-gone' } end
if redis.call('HGET', base .. 'u' .. sub, 'status') == 'suspended' then return { 'suspended' } end
-- If a client was registered under the user's name since, their tokens could not be distinguished.
if sub ~= client and is_client(clients, sub) then return { 'revoked' } end

if presented_hash ~= current_hash then
  local stored = redis.call('GET', successor)
  local previous, token_hash, sealed = string.match(stored or '', '^(.-)\n(.-)\n(.*)$')
  local token = previous == presented_hash and redis.call('HGET', tokens, token_hash)
  if token then
    return { 'retry', sealed, stamp(now), token, record }
  end
  cut(cutoff, now, '', cutoff_details, math.max(1, redis.call('PTTL', grant)), granted)
  redis.call('ZREM', base .. 'i' .. sub, grant_id)
  append_event(base, now, log_retention_ms, channel, event, stamp(now), cutoff_details)
  return { 'reused' }
end

local idle = tonumber(idle_lifetime_s)
if now_s >= expires or now - rotated >= idle * 1000000 then return { 'expired' } end

local lifetime = math.min(tonumber(token_lifetime_s), expires - now_s)
-- Never shortened: tokens of a registration with longer lifetimes, and tokens exchanged for them, need this record, and a
-- cutoff lives as long as it does.
local left_s = math.ceil(redis.call('PTTL', grant) / 1000)
local kept_s = math.max(lifetime, math.min(expires - now_s, idle), left_s)
local token = stamp(now) .. '\n' .. lifetime
if narrowing == 'narrowed' then token = token .. '\n' .. scope .. '\n' .. aud end
drop_expired_tokens(tokens, now)
redis.call('HSET', tokens, next_token_hash, token)
keep(tokens, lifetime * 1000)
field[9], field[10] = next_refresh_hash, stamp(now)
redis.call('SET', grant, table.concat(field, '\n'), 'PX', kept_s * 1000)
redis.call('SET', successor, presented_hash .. '\n' .. next_token_hash .. '\n' .. sealed_successor,
  'PX', math.min(tonumber(grace_ms), lifetime * 1000))
local index = base .. 'i' .. sub
redis.call('ZADD', index, now_s + kept_s, grant_id)
if session ~= '' then
  redis.call('ZADD', index, 'LT', -(now_s + kept_s), session)
  keep(base .. 's' .. session, kept_s * 1000)
end
keep(index, kept_s * 1000)
prune_index(index, now)
return { 'rotated', stamp(now), stamp(now_s + lifetime), record }
