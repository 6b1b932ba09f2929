#!lua flags=allow-oom
-- Reads one page of a subject's live grants or live sessions, in order of expiry.
-- KEYS
--   head
--   index: of the subject
-- ARGV
--   base
--   kind: grants|sessions
--   from_score: where the page before ended ('' = start)
--   from_member: the last member of the page before
--   size: most entries to read
--   issue_span: only what was issued then, as requested_span reads it ('' = all)
--   client_id: only what belongs to this client ('' = any)
-- Derives token, grant, session and cutoff keys from what it reads; all carry the tag of the partition.
-- Returns a row of
--   next_score: '' at the end
--   next_member
-- Followed by rows of
--   member
--   expires_at
--   record
--   form: grant|token|session
-- Void entries are left out, so a page may be shorter than asked.
-- Bound: page size × constant. Writes nothing; declared as a writing script for the reason given in introspect-token.
--- @include "clock"
--- @include "epoch"
--- @include "lattice"
--- @include "records"
--- @include "state"
local head, index = unpack(KEYS)
local base, kind, from_score, from_member, size, issue_span, client_id = unpack(ARGV)
epoch()
local most = tonumber(size)
local now = read_clock(head)
local seconds = stamp(math.floor(now / 1000000))

local function live_entry(member)
  if kind == 'sessions' then
    local record = redis.call('GET', base .. 's' .. member)
    if not record then return nil end
    local sub, started = string.match(record, '^(.-)\n(%d+)\n')
    return record, 'session', tonumber(started), login(member, sub)
  end
  local record = redis.call('GET', base .. 'g' .. member)
  if record then
    local field = lines(record)
    local thing = { token = '', grant = member, session = field[3], sub = field[1], client = field[2] }
    return record, 'grant', tonumber(field[7]), thing
  end
  local authorization
  record, authorization = find_token(base, member, '')
  if not record then return nil end
  local issued = token_times(record)
  local sub, client, session = parties(authorization)
  local thing = { token = member, grant = '', session = session, sub = sub, client = client }
  return record, 'token', issued, thing
end

-- The page goes on by rank after the last member seen: entries of equal score are neither repeated nor left out. If that
-- member is gone or has moved (a refresh prolongs a grant), the page starts at its score: an entry may come twice, none is
-- left out.
local function first_rank()
  local first_live = kind == 'sessions' and 0 or redis.call('ZCOUNT', index, '-inf', seconds)
  if from_member == '' then return first_live end
  local score = redis.call('ZSCORE', index, from_member)
  if score and tonumber(score) == tonumber(from_score) then
    return math.max(first_live, redis.call('ZRANK', index, from_member) + 1)
  end
  return math.max(first_live, redis.call('ZCOUNT', index, '-inf', '(' .. from_score))
end

local from, to = requested_span(issue_span, math.huge)
local function is_hit(issued, thing)
  return issued > from and issued <= to and (client_id == '' or thing.client == client_id)
end

-- An exchanged token is void when one of the tokens it came from is.
local function is_meant(exchange, issued, thing)
  if is_hit(issued, thing) then return true end
  for _, origin in ipairs(origins_of(exchange, thing)) do
    if is_hit(origin.issued, origin.thing) then return true end
  end
  return false
end

local function in_range(score)
  if kind == 'sessions' then return score < -tonumber(seconds) end
  return score > tonumber(seconds)
end

local start = first_rank()
local entries = redis.call('ZRANGE', index, start, start + most, 'WITHSCORES')
local page = { '', '' }
for i = 1, #entries, 2 do
  local member, score = entries[i], tonumber(entries[i + 1])
  if not in_range(score) then break end
  if i > most * 2 then
    page[1], page[2] = stamp(tonumber(entries[i - 1])), entries[i - 2]
    break
  end
  local record, form, issued, thing = live_entry(member)
  local exchange = form == 'token' and exchange_of(record, '') or nil
  if record and is_meant(exchange, issued, thing) and not is_cut_off(base, exchange, issued, thing) then
    for _, value in ipairs({ member, stamp(math.abs(score)), record, form }) do page[#page + 1] = value end
  end
end
return page
