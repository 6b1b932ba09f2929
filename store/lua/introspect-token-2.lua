#!lua flags=allow-oom
-- Reads everything one introspection needs, at one moment, from the primary.
-- KEYS
--   head
--   clients
-- ARGV
--   base
--   token_hash
--   grant: its id ('' = the token is the grant)
--   caller_id: client id of the caller ('' = reads no caller)
--   roles_asked: none|all|some
--   ...contexts: for some
-- Returns a row of
--   summary: "state epoch seq", and when roles were asked for also " complete|partial schema-id left-ms"
--   caller_record: '' when the caller is not registered
--   token_record: this and the following are '' unless the token is active
--   grant_record: '' when the token is the grant
--   claims
--   roles: a line "<context> <role>" each
-- Empty members at the end are left out: each element of a reply costs its reader more than all its characters.
--   state: as token_state returns it
--   schema-id: '-' when there are no roles to read through a schema
--   left-ms: until the first of the roles ends by itself, '-' when none does
-- Derives token, grant, subject, assignment and cutoff keys from its arguments and from what it reads; all carry the tag
-- of the partition.
-- Is this token active? Checked in this order; the first check that fails decides:
--   1. It has the shape of a token (client/src/wire/token-shape.ts), its MAC is right and it names a partition of this
--      installation (store/mint/token.ts, read). A token key that is missing here but used elsewhere is an outage, not
--      junk (store/grants/locate-token.ts).
--   2. It is an access token (store/grants/introspect.ts, introspect).
--   3. The answering server is a primary (include/epoch.lua, epoch).
--   4. Its record exists, and that of its grant (include/records.lua, find_token); else unknown.
--   5. It has not expired by the clock of the partition (include/clock.lua, read_clock); else expired.
--   6. It was issued after all seven cutoffs that match it (include/lattice.lua, is_void); else revoked.
--   7. So was each token it was exchanged from (include/state.lua, is_cut_off); else revoked.
--   8. Its client is registered and enabled (include/state.lua, is_enabled); else client.
--   9. Its subject is not suspended (include/state.lua, token_state); else suspended.
--   10. The caller is an audience of the token (introspect/answer.ts, isAudience).
-- Atomic: the position (epoch, seq) must be that of the state it is returned with.
-- Bound: 1 INFO, the time, at most 9 reads, 1 for each token it was exchanged from, and the roles in the contexts asked
-- for or in a hundred, however many roles the subject holds. Writes nothing, but is declared as a writing script: a
-- primary that refuses writes because it lost its replicas may have been replaced, and then must not answer either.
--- @include "clock"
--- @include "epoch"
--- @include "lattice"
--- @include "records"
--- @include "state"
--- @include "roles"
local head, clients = unpack(KEYS)
local base, token_hash, grant, caller_id, roles_asked = unpack(ARGV)
local contexts = { unpack(ARGV, 6) }
local answering_epoch = epoch()
local seq = redis.call('HGET', head, 'seq') or '0'
local caller = caller_id ~= '' and redis.call('HGET', clients, 'c:' .. caller_id) or ''
local state, token, authorization, claims, now, exchange = token_state(base, head, clients, token_hash, grant)
local summary = state .. ' ' .. answering_epoch .. ' ' .. seq
if state ~= 'active' then return { summary, caller } end

local function reply(full_summary, roles)
  local parts = { full_summary, caller, token, grant ~= '' and authorization or '', claims or '', roles }
  for i = #parts, 4, -1 do
    if parts[i] ~= '' then break end
    parts[i] = nil
  end
  return parts
end
if roles_asked == 'none' then return reply(summary, '') end

-- A view is small: all its contexts are read when no contexts were asked for.
local function contexts_to_read()
  if roles_asked == 'some' then return contexts end
  local viewed = exchange and string.match(exchange, '^[^\n]+')
  if not viewed then return nil end
  local of_view = {}
  for context in string.gmatch(viewed, '%S+') do of_view[#of_view + 1] = context end
  return of_view
end

local completeness, left, roles = read_roles(base, (parties(authorization)), now, contexts_to_read())
local schema = roles ~= '' and redis.call('HGET', base .. 'y', 'id') or '-'
return reply(summary .. ' ' .. completeness .. ' ' .. schema .. ' ' .. (left ~= '' and left or '-'), roles)
