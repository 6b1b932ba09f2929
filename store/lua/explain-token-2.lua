#!lua flags=allow-oom
-- Shows an operator the state of a token, and which cutoffs void it.
-- KEYS
--   head
--   clients
-- ARGV
--   base
--   form: access|refresh
--   token_hash
--   grant: its id ('' = the token is the grant)
-- Derives token, grant, session, subject and cutoff keys from what it reads; all carry the tag of the partition.
-- Returns a row of
--   state: as token_state returns it, and for refresh tokens also rotated (used up)
--   record: of the access token, '' when it is gone
--   grant_record: of the grant unless the token is the grant, '' when it is gone
-- Followed by rows of
--   generation: the voided token: 0 = itself, 1 = the token it was exchanged from, and so on
--   level
--   cutoff: the cutoff record, its first line reduced to the part that voids the token
-- If the token's record is gone, cutoffs are still looked up by its own ids.
-- Atomic: state and cutoffs must be read at one moment.
-- Bound: 7 cutoffs for the token and for each of its ancestors. Declared as a writing script for the reason given in
-- introspect-token.
--- @include "clock"
--- @include "epoch"
--- @include "lattice"
--- @include "records"
--- @include "state"
local head, clients = unpack(KEYS)
local base, form, token_hash, grant = unpack(ARGV)
local LEVELS_OF_LOGIN = { session = true, subject = true, all = true }
local LEVELS = { 'token', 'grant', 'session', 'subject', 'subject+client', 'client', 'all' }
epoch()
local reply = { '', '', '' }

-- The record, its first line reduced to what voids a thing issued then: '<cutoff>' or '<from>-<to>'. issued is 0 when the
-- time of issue is not known any more.
local function as_it_voids(record, issued)
  local spans, rest = string.match(record, '^([^\n]*)(.*)$')
  local full = string.match(spans, '^%d+')
  if full ~= '0' and issued <= tonumber(full) then return full .. rest end
  for from, to in string.gmatch(spans, ' (%d+)%-(%d+)') do
    if issued == 0 or issued > tonumber(from) and issued <= tonumber(to) then return from .. '-' .. to .. rest end
  end
  return full .. rest
end

local function add_row(generation, level, cutoff)
  for _, value in ipairs({ stamp(generation), level, cutoff }) do reply[#reply + 1] = value end
end

-- A refresh token is also void when the login of its session is (as in refresh-grant); login_started is the time of it.
local function collect(generation, thing, issued, login_started)
  for i, record in ipairs(matching_cutoffs(base, thing)) do
    local is_of_login = login_started and LEVELS_OF_LOGIN[LEVELS[i]]
    local time = record
      and (voids(record, issued) and issued or is_of_login and voids(record, login_started) and login_started)
    if time then add_row(generation, LEVELS[i], as_it_voids(record, time)) end
  end
end

-- The time of issue is not known any more: cutoffs that name the token or grant are listed, the cutoff of all is not.
local function collect_named(thing)
  for i, record in ipairs(matching_cutoffs(base, thing)) do
    if record and LEVELS[i] ~= 'all' then add_row(0, LEVELS[i], as_it_voids(record, 0)) end
  end
end

local function collect_with_ancestry(record, thing, issued)
  collect(0, thing, issued)
  for generation, origin in ipairs(origins_of(exchange_of(record, grant), thing)) do
    collect(generation, origin.thing, origin.issued)
  end
end

local function explain_access()
  reply[1] = token_state(base, head, clients, token_hash, grant)
  local token, authorization = find_token(base, token_hash, grant)
  if not token then
    collect_named({ token = token_hash, grant = grant, session = '', sub = '', client = '' })
    return
  end
  local sub, client, session = parties(authorization)
  local thing = { token = token_hash, grant = grant, session = session, sub = sub, client = client }
  collect_with_ancestry(token, thing, (token_times(token)))
  reply[2], reply[3] = token, grant ~= '' and authorization or ''
end

local function explain_refresh()
  local record = redis.call('GET', base .. 'g' .. grant)
  local thing = { token = '', grant = grant, session = '', sub = '', client = '' }
  if not record then
    collect_named(thing)
    reply[1] = 'unknown'
    return
  end
  reply[3] = record
  local field, now = lines(record), read_clock(head)
  thing.sub, thing.client, thing.session = field[1], field[2], field[3]
  local started = tonumber(field[7])
  if thing.session ~= '' then
    started = tonumber(string.match(redis.call('GET', base .. 's' .. thing.session) or '', '^.-\n(%d+)\n'))
  end
  collect(0, thing, tonumber(field[7]), started)
  if now >= tonumber(field[8]) * 1000000 then reply[1] = 'expired'
  elseif #reply > 3 or not started then reply[1] = 'revoked'
  elseif not is_enabled(clients, thing.client) then reply[1] = 'client'
  elseif redis.call('HGET', base .. 'u' .. thing.sub, 'status') == 'suspended' then reply[1] = 'suspended'
  else reply[1] = token_hash == field[9] and 'active' or 'rotated' end
end

if form == 'access' then explain_access() else explain_refresh() end
return reply
