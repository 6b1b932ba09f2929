#!lua flags=allow-oom
-- Reads everything one introspection needs, at one moment, from the primary.
-- KEYS  1 head · 2 clients
-- ARGV  1 base of the partition · 2 token hash · 3 grant id ('' = the token is the grant)
--       4 client id of the caller ('' reads no caller)
-- Derives token, grant, subject and cutoff keys from its arguments and from what it reads; all carry the tag of the
-- partition.
-- Returns { state, epoch, seq, caller record, token record, grant record, claims }
--   state: active | unknown | expired | revoked | suspended | client (gone or disabled)
--   records are '' where they do not apply; only an active answer carries token, grant and claims
-- Atomic because the position (epoch, seq) must be that of the state it vouches for.
-- Bound: 1 INFO, the time and at most 8 reads, whatever the subject holds. Writes nothing, but is declared as a writing script: a
-- primary that refuses writes because its replicas are gone may have been replaced, and then must not answer either.
--- @include "clock"
--- @include "epoch"
--- @include "lattice"
--- @include "records"
local base, hash, grant, caller_id = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local answering_epoch = epoch()
local seq = redis.call('HGET', KEYS[1], 'seq') or '0'
local caller = caller_id ~= '' and redis.call('HGET', KEYS[2], 'c:' .. caller_id) or ''

local function answer(state, token, grant_record, claims)
  return { state, answering_epoch, seq, caller, token or '', grant_record or '', claims or '' }
end

local token, authorization = find_token(base, hash, grant)
if not token then return answer('unknown') end
local issued, lifetime = token_times(token)
local sub, client, session = parties(authorization)

if read_clock(KEYS[1]) >= (math.floor(issued / 1000000) + lifetime) * 1000000 then
  return answer('expired')
end
local thing = { token = hash, grant = grant, session = session, sub = sub, client = client }
if issued <= latest_cutoff(base, thing) then return answer('revoked') end

local registered = redis.call('HGET', KEYS[2], 'c:' .. client)
if not registered or not string.find(registered, '^%d+\nenabled\n') then return answer('client') end

local subject = redis.call('HMGET', base .. 'u' .. sub, 'status', 'claims')
if subject[1] == 'suspended' then return answer('suspended') end
return answer('active', token, grant ~= '' and authorization, subject[2])
