#!lua flags=allow-oom
-- Reads everything one introspection needs, at one moment, from the primary.
-- KEYS  1 head · 2 clients
-- ARGV  1 base of the partition · 2 token hash · 3 grant id ('' = the token is the grant)
--       4 client id of the caller ('' reads no caller) · 5 roles: none|all|some · 6… contexts (with some)
-- Derives token, grant, subject, assignment and cutoff keys from its arguments and from what it reads; all carry the tag
-- of the partition.
-- Returns { head, caller record, token record, grant record, claims, roles }, without the empty ones at the end: each element
--   costs its reader more than all its characters
--   head: "state epoch seq", and when roles were asked for " complete|partial schema-id left-ms" ('-' for none)
--   state: active | unknown | expired | revoked | suspended | client (gone or disabled)
--   records are '' where they do not apply; only an active answer carries token, grant, claims and roles (a line
--   "<context> <role>" each); left is until the first of them ends by itself; the schema id is '-' where there is
--   nothing to read through it
-- Atomic because the position (epoch, seq) must be that of the state it vouches for.
-- Bound: 1 INFO, the time, at most 9 reads and 1 for each of the tokens it was exchanged from, and the roles in the contexts
-- asked for or in a hundred; whatever else the subject holds. Writes nothing, but is declared as a writing script: a primary
-- that refuses writes because its replicas are gone may have been replaced, and then must not answer either.
--- @include "clock"
--- @include "epoch"
--- @include "lattice"
--- @include "records"
--- @include "state"
--- @include "roles"
local base, grant, caller_id, mode = ARGV[1], ARGV[3], ARGV[4], ARGV[5]
local answering_epoch = epoch()
local seq = redis.call('HGET', KEYS[1], 'seq') or '0'
local caller = caller_id ~= '' and redis.call('HGET', KEYS[2], 'c:' .. caller_id) or ''
local state, token, authorization, claims, now, exchange = token_state(base, KEYS[1], KEYS[2], ARGV[2], grant)
local head = state .. ' ' .. answering_epoch .. ' ' .. seq
if state ~= 'active' then return { head, caller } end

local function reply(full_head, roles)
  local parts = { full_head, caller, token, grant ~= '' and authorization or '', claims or '', roles }
  for i = #parts, 4, -1 do
    if parts[i] ~= '' then break end
    parts[i] = nil
  end
  return parts
end
if mode == 'none' then return reply(head, '') end

-- A view is small by itself: it is read as if its contexts had been asked for.
local function contexts_to_read()
  if mode == 'some' then return { unpack(ARGV, 6) } end
  local viewed = exchange and string.match(exchange, '^[^\n]+')
  if not viewed then return nil end
  local contexts = {}
  for context in string.gmatch(viewed, '%S+') do contexts[#contexts + 1] = context end
  return contexts
end

local completeness, left, roles = read_roles(base, (parties(authorization)), now, contexts_to_read())
local schema = roles ~= '' and redis.call('HGET', base .. 'y', 'id') or '-'
return reply(head .. ' ' .. completeness .. ' ' .. schema .. ' ' .. (left ~= '' and left or '-'), roles)
