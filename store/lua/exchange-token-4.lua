-- Issues a token in exchange for another token (RFC 8693). It becomes void whenever the other one does.
-- KEYS
--   head
--   token: the new one
--   clients
--   index: of the subject
-- ARGV
--   base
--   token_hash: of the new token
--   token_lifetime_s
--   authorization
--   contexts
--   assumed_roles
--   origin_hash: of the token to exchange
--   origin_grant: grant id of the token to exchange ('' = the token is the grant)
-- Derives token, grant, subject and cutoff keys from what it reads; all carry the tag of the partition.
-- Returns one of
--   issued issued_us expires_at
--   unknown: this and the next four are the state of the token to exchange, as token_state returns it
--   expired
--   revoked
--   suspended
--   client
--   client-gone: the exchanging client is gone or disabled
-- Atomic: the other token must be active at the moment of issue, and the new one must not outlive it. Appends no event:
-- issuing changes no answer.
-- Bound: at most 20 index entries pruned.
--- @include "clock"
--- @include "epoch"
--- @include "lattice"
--- @include "records"
--- @include "state"
--- @include "expiry"
local head, token, clients, index = unpack(KEYS)
local base, token_hash, token_lifetime_s, authorization, contexts, assumed_roles, origin_hash, origin_grant = unpack(ARGV)
epoch()
local sub, client = parties(authorization)
if not is_enabled(clients, client) then return { 'client-gone' } end
local state, origin, origin_authorization, _, _, exchange = token_state(base, head, clients, origin_hash, origin_grant)
if state ~= 'active' then return { state } end

local now = tick(head)
local now_s = math.floor(now / 1000000)
local origin_issued, origin_lifetime = token_times(origin)
local lifetime = math.min(tonumber(token_lifetime_s), math.floor(origin_issued / 1000000) + origin_lifetime - now_s)
if lifetime <= 0 then return { 'expired' } end

local _, origin_client = parties(origin_authorization)
local record = { stamp(now), lifetime, authorization, contexts, assumed_roles, origin_hash, origin_grant,
  stamp(origin_issued), origin_client }
if exchange then record[#record + 1] = string.match(exchange, '^[^\n]*\n[^\n]*\n(.*)$') end
-- If a client was registered under the user's name since, their tokens could not be distinguished.
local first_client = string.match(record[#record], '[^\n]*$')
if sub ~= first_client and is_client(clients, sub) then return { 'revoked' } end
redis.call('SET', token, table.concat(record, '\n'), 'PX', lifetime * 1000)
redis.call('ZADD', index, now_s + lifetime, token_hash)
keep(index, lifetime * 1000)
prune_index(index, now)
return { 'issued', stamp(now), stamp(now_s + lifetime) }
