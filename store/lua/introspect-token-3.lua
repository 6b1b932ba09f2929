-- Reads everything one introspection needs, at one moment, from the primary.
-- KEYS  1 head · 2 token · 3 clients
-- ARGV  1 base of the partition · 2 token hash · 3 client id of the caller ('' reads no caller)
-- Derives grant, subject and cutoff keys from what it reads; all carry the tag of the partition.
-- Returns { state, epoch, seq, caller record, token record, grant record, claims }
--   state: active | unknown | expired | revoked | suspended | client (gone or disabled)
--   records are '' where they do not apply; only an active answer carries token, grant and claims
-- Atomic because the position (epoch, seq) must be that of the state it vouches for.
-- Bound: 1 INFO + at most 7 reads, whatever the subject holds. Writes nothing.
--- @include "clock"
--- @include "epoch"
--- @include "lattice"
--- @include "records"
local base, hash, caller_id = ARGV[1], ARGV[2], ARGV[3]
local answering_epoch = epoch()
local seq = redis.call('HGET', KEYS[1], 'seq') or '0'
local caller = caller_id ~= '' and redis.call('HGET', KEYS[3], 'c:' .. caller_id) or ''

local function answer(state, token, grant, claims)
  return { state, answering_epoch, seq, caller, token or '', grant or '', claims or '' }
end

local token = redis.call('GET', KEYS[2])
if not token then return answer('unknown') end
local grant, issued, lifetime, authorization = read_token(base, token)
if not authorization then return answer('unknown') end
local sub, client, session = parties(authorization)

if read_clock(KEYS[1]) >= (math.floor(issued / 1000000) + lifetime) * 1000000 then
  return answer('expired')
end
local thing = { token = hash, grant = grant, session = session, sub = sub, client = client }
if issued <= latest_cutoff(base, thing) then return answer('revoked') end

local registered = redis.call('HGET', KEYS[3], 'c:' .. client)
if not registered or not string.find(registered, '^%d+\nenabled\n') then return answer('client') end

local subject = redis.call('HMGET', base .. 'u' .. sub, 'status', 'claims')
if subject[1] == 'suspended' then return answer('suspended') end
return answer('active', token, grant ~= '' and authorization, subject[2])
