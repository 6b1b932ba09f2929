-- Issues one access token: under a new grant record (with a refresh token), or as a grant without one.
-- KEYS
--   head
--   token: or the tokens of the grant
--   clients
--   subject
--   index: of the subject
--   session
--   grant
-- ARGV
--   base
--   token_hash
--   token_lifetime_s
--   authorization
--   grant_id: '' = the token is the grant
--   refresh_hash
--   grant_lifetime_s
--   idle_lifetime_s
--   session_mode: none|new|join
--   session_details: JSON
--   subject_kind: user|client
--   expected_fingerprint: of the registration the client was authenticated against ('' = it was read for this request)
--   ...resources: which must be registered
-- Returns one of
--   issued issued_us expires_at
--   client-gone
--   client-changed
--   subject-suspended
--   subject-is-client
--   unknown-target resource
--   session-unknown
--   session-foreign
--   session-void
-- Derives cutoff keys; all carry the tag of the partition.
-- Atomic: the checks of client, subject, session and cutoffs must hold at the moment of issue, and the issue time must be
-- later than every earlier cutoff. Appends no event: issuing changes no answer.
-- Bound: at most 20 index entries pruned.
--- @include "clock"
--- @include "epoch"
--- @include "lattice"
--- @include "records"
--- @include "state"
--- @include "fingerprint"
--- @include "expiry"
local head, token, clients, subject, index, session, grant = unpack(KEYS)
local base, token_hash, token_lifetime_s, authorization, grant_id, refresh_hash, grant_lifetime_s, idle_lifetime_s,
  session_mode, session_details, subject_kind, expected_fingerprint = unpack(ARGV)
local resources = { unpack(ARGV, 13) }
local sub, client, session_id = parties(authorization)

epoch()
-- A cached registration is used only if it is enabled, so an equal fingerprint means enabled.
if expected_fingerprint == '' then
  if not is_enabled(clients, client) then return { 'client-gone' } end
elseif fingerprint(clients, client) ~= expected_fingerprint then
  return { 'client-changed' }
end
if redis.call('HGET', subject, 'status') == 'suspended' then return { 'subject-suspended' } end
if subject_kind == 'user' and is_client(clients, sub) then return { 'subject-is-client' } end
for _, resource in ipairs(resources) do
  if redis.call('HEXISTS', clients, 'r:' .. resource) == 0 then return { 'unknown-target', resource } end
end

local now = tick(head)
local now_s = math.floor(now / 1000000)
if session_mode == 'join' then
  local record = redis.call('GET', session)
  if not record then return { 'session-unknown' } end
  local owner, started = string.match(record, '^(.-)\n(%d+)\n')
  if owner ~= sub then return { 'session-foreign' } end
  if is_void(base, login(session_id, sub), tonumber(started)) then return { 'session-void' } end
end

local lifetime = tonumber(token_lifetime_s)
local kept_s = lifetime
if grant_id == '' then
  redis.call('SET', token, stamp(now) .. '\n' .. lifetime .. '\n' .. authorization, 'PX', lifetime * 1000)
  redis.call('ZADD', index, now_s + lifetime, token_hash)
else
  local grant_lifetime = tonumber(grant_lifetime_s)
  lifetime = math.min(lifetime, grant_lifetime)
  kept_s = math.max(lifetime, math.min(grant_lifetime, tonumber(idle_lifetime_s)))
  redis.call('HSET', token, token_hash, stamp(now) .. '\n' .. lifetime)
  redis.call('PEXPIRE', token, lifetime * 1000)
  redis.call('SET', grant, authorization .. '\n' .. stamp(now) .. '\n' .. (now_s + grant_lifetime) .. '\n' ..
    refresh_hash .. '\n' .. stamp(now), 'PX', kept_s * 1000)
  redis.call('ZADD', index, now_s + kept_s, grant_id)
end
if session_mode == 'new' then
  redis.call('SET', session, sub .. '\n' .. stamp(now) .. '\n' .. session_details, 'PX', kept_s * 1000)
elseif session_mode == 'join' then
  keep(session, kept_s * 1000)
end
if session_mode ~= 'none' then redis.call('ZADD', index, 'LT', -(now_s + kept_s), session_id) end
keep(index, kept_s * 1000)
prune_index(index, now)
return { 'issued', stamp(now), stamp(now_s + lifetime) }
