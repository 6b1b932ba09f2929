-- The revocation lattice: whatever any matching cutoff voids is void. A narrower cutoff never masks a wider one.
-- Levels, in the order of the keys: token, grant, session, subject, subject+client, client, all.
-- thing = { token, grant, session, sub, client }; an id that does not apply is ''.
local function matching_cutoffs(base, thing)
  return redis.call('MGET',
    base .. 'xt' .. thing.token,
    base .. 'xg' .. thing.grant,
    base .. 'xs' .. thing.session,
    base .. 'xu' .. thing.sub,
    base .. 'xp' .. thing.client .. '\n' .. thing.sub,
    base .. 'xc' .. thing.client,
    base .. 'xa')
end

-- Whether a cutoff record voids what was issued then: by its full cutoff, or in one of the spans above it. Most records
-- have no spans, which the character behind the number shows, and most tokens are newer than the last span. These two cases
-- are decided first: searching the record from its beginning costs more than all spans together.
local SPACE, TIME_DIGITS = string.byte(' '), 16

local function voids(record, issued)
  local full = string.match(record, '^%d+') or '0'
  if issued <= tonumber(full) then return true end
  if string.byte(record, #full + 1) ~= SPACE then return false end
  local spans_end = string.find(record, '\n', 1, true)
  if issued > tonumber(string.match(record, '%-(%d+)\n', math.max(1, spans_end - TIME_DIGITS - 1))) then return false end
  for from, to in string.gmatch(string.sub(record, 1, spans_end), ' (%d+)%-(%d+)') do
    if issued <= tonumber(to) then return issued > tonumber(from) end
  end
  return false
end

local function is_void(base, thing, issued)
  for _, record in ipairs(matching_cutoffs(base, thing)) do
    if record and voids(record, issued) then return true end
  end
  return false
end

-- Which times of issue a request means, from < issued <= to: '' (until now) | '<to>' | '<from>-' | '<from>-<to>'.
local function requested_span(requested, now)
  local first, dash, second = string.match(requested, '^(%d*)(%-?)(%d*)')
  if dash == '' then first, second = '', first end
  return tonumber(first) or 0, tonumber(second) or now
end

-- A login: its own cutoff, its subject's and that of all void it. It belongs to no client.
local function login(session, sub)
  return { token = '', grant = '', session = session, sub = sub, client = '' }
end
