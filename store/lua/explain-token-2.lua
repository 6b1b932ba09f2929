#!lua flags=allow-oom
-- Tells an operator what has become of a token, and which cutoffs void it.
-- KEYS  1 head · 2 clients
-- ARGV  1 base · 2 access|refresh · 3 token hash · 4 grant id ('' = the token is the grant)
-- Derives token, grant, session, subject and cutoff keys from what it reads; all carry the tag of the partition.
-- Returns { state, record, grant record, then three for each cutoff that voids it: which token of its line (0 = itself, 1 = the one it
--   was exchanged from …), level, cutoff record with that alone in its first line which voids the token }
--   state: active | unknown | expired | revoked | suspended | client, and for refresh tokens rotated (used up)
--   record: of the access token; grant record: of the grant, unless the token is it; '' when gone
-- A token whose record is gone is looked for in the cutoffs by its own names.
-- Atomic because state and cutoffs must be those of one moment.
-- Bound: 7 cutoffs for each token of its line. Declared as a writing script for the reason given in introspect-token.
--- @include "clock"
--- @include "epoch"
--- @include "lattice"
--- @include "records"
--- @include "state"
local base, form, hash, grant = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local OF_LOGIN = { session = true, subject = true, all = true }
local LEVELS = { 'token', 'grant', 'session', 'subject', 'subject+client', 'client', 'all' }
epoch()
local reply = { '', '', '' }

-- The record with only that on its first line by which it voids what was issued then: '<cutoff>' or '<from>-<to>'
-- (0: nobody knows any more when that was).
local function as_it_voids(record, issued)
  local line, rest = string.match(record, '^([^\n]*)(.*)$')
  local full = string.match(line, '^%d+')
  if full ~= '0' and issued <= tonumber(full) then return full .. rest end
  for from, to in string.gmatch(line, ' (%d+)%-(%d+)') do
    if issued == 0 or issued > tonumber(from) and issued <= tonumber(to) then return from .. '-' .. to .. rest end
  end
  return full .. rest
end

-- A refresh token is also void when the login of its session is (as refresh-grant judges); `started` is when that was.
local function collect(index, thing, issued, started)
  for i, record in ipairs(matching_cutoffs(base, thing)) do
    local is_of_login = started and OF_LOGIN[LEVELS[i]]
    local time = record and (voids(record, issued) and issued or is_of_login and voids(record, started) and started)
    if time then
      for _, value in ipairs({ stamp(index), LEVELS[i], as_it_voids(record, time) }) do reply[#reply + 1] = value end
    end
  end
end

-- Nobody knows any more when it was issued: only what names it is told, not what is about everything.
local function collect_named(thing)
  for i, record in ipairs(matching_cutoffs(base, thing)) do
    if record and LEVELS[i] ~= 'all' then
      for _, value in ipairs({ stamp(0), LEVELS[i], as_it_voids(record, 0) }) do reply[#reply + 1] = value end
    end
  end
end

local function collect_line(record, thing, issued)
  collect(0, thing, issued)
  for index, origin in ipairs(origins_of(exchange_of(record, grant), thing)) do collect(index, origin.thing, origin.issued) end
end

local function explain_access()
  reply[1] = token_state(base, KEYS[1], KEYS[2], hash, grant)
  local token, authorization = find_token(base, hash, grant)
  if not token then
    collect_named({ token = hash, grant = grant, session = '', sub = '', client = '' })
    return
  end
  local sub, client, session = parties(authorization)
  collect_line(token, { token = hash, grant = grant, session = session, sub = sub, client = client }, (token_times(token)))
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
  local field, now = lines(record), read_clock(KEYS[1])
  thing.sub, thing.client, thing.session = field[1], field[2], field[3]
  local started = tonumber(field[7])
  if thing.session ~= '' then
    started = tonumber(string.match(redis.call('GET', base .. 's' .. thing.session) or '', '^.-\n(%d+)\n'))
  end
  collect(0, thing, tonumber(field[7]), started)
  if now >= tonumber(field[8]) * 1000000 then reply[1] = 'expired'
  elseif #reply > 3 or not started then reply[1] = 'revoked'
  elseif not is_enabled(KEYS[2], thing.client) then reply[1] = 'client'
  elseif redis.call('HGET', base .. 'u' .. thing.sub, 'status') == 'suspended' then reply[1] = 'suspended'
  else reply[1] = hash == field[9] and 'active' or 'rotated' end
end

if form == 'access' then explain_access() else explain_refresh() end
return reply
