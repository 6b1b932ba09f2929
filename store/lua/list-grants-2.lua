-- Reads one page of a subject's live grants or live sessions, in order of expiry.
-- KEYS  1 head · 2 index of the subject
-- ARGV  1 base · 2 grants|sessions · 3 score to go on from ('' = start) · 4 member to go on after · 5 page size
--       6 a request as in requested_span, 7 its client ('' = any): only what that would void ('' and '' = all)
-- Derives token, grant, session and cutoff keys from what it reads; all carry the tag of the partition.
-- Returns { next score, next member, then for each live entry: member, expires s, record, grant|token|session }
--   next score is '' at the end. A page may be shorter than asked; void entries are passed over.
-- Bound: page size × constant. Writes nothing.
--- @include "clock"
--- @include "epoch"
--- @include "lattice"
--- @include "records"
--- @include "state"
local base, kind, from_score, from_member, size = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
epoch()
local now = read_clock(KEYS[1])
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

-- Going on by rank after the last member seen survives entries of equal score; should that member be gone or have
-- moved (a refresh prolongs a grant), the page starts again at its score: an entry may come twice, none is left out.
local function first_rank()
  local first_live = kind == 'sessions' and 0 or redis.call('ZCOUNT', KEYS[2], '-inf', seconds)
  if from_member == '' then return first_live end
  local score = redis.call('ZSCORE', KEYS[2], from_member)
  if score and tonumber(score) == tonumber(from_score) then
    return math.max(first_live, redis.call('ZRANK', KEYS[2], from_member) + 1)
  end
  return math.max(first_live, redis.call('ZCOUNT', KEYS[2], '-inf', '(' .. from_score))
end

-- An exchanged token dies with any of those it came from.
local from, to = requested_span(ARGV[6], math.huge)
local function is_hit(issued, thing)
  return issued > from and issued <= to and (ARGV[7] == '' or thing.client == ARGV[7])
end

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
local entries = redis.call('ZRANGE', KEYS[2], start, start + size, 'WITHSCORES')
local page = { '', '' }
for i = 1, #entries, 2 do
  local member, score = entries[i], tonumber(entries[i + 1])
  if not in_range(score) then break end
  if i > size * 2 then
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
