-- Records are lines of text; values contain no line break (checked before they are stored).
--   token of a grant:       issued µs | lifetime s [| narrowed scope | narrowed aud]   field of the grant's token hash
--   token that is a grant:  issued µs | lifetime s | authorization                     key of its own
--   grant:                  authorization | issued µs | expires s | refresh hash | refresh issued µs
--   authorization:          sub | client | session id | scope | aud | extra
--   exchanged token:        a token that is a grant | contexts | assumed roles | four for each token it came from, the
--                           nearest first: hash | grant ('' = the token is the grant) | issued µs | client
local function lines(record)
  local fields, count = {}, 0
  for field in string.gmatch(record .. '\n', '(.-)\n') do
    count = count + 1
    fields[count] = field
  end
  return fields
end

local function parties(authorization)
  return string.match(authorization, '^(.-)\n(.-)\n(.-)\n')
end

-- Finds a token under its grant ('' = the token is the grant): its record and the text of its authorization; nil when
-- either does not exist.
local function find_token(base, hash, grant)
  if grant == '' then
    local record = redis.call('GET', base .. 't' .. hash)
    if record then return record, string.match(record, '^%d+\n%d+\n(.*)$') end
    return nil
  end
  local record = redis.call('HGET', base .. 'k' .. grant, hash)
  local authorization = record and redis.call('GET', base .. 'g' .. grant)
  if authorization then return record, authorization end
  return nil
end

-- Whether a client of this name is registered, enabled or not; a deleted one leaves only its version behind.
local function is_client(clients, name)
  local record = redis.call('HGET', clients, 'c:' .. name)
  return record and not string.find(record, '^%d+\ndeleted\n')
end

local function token_times(record)
  local issued, lifetime = string.match(record, '^(%d+)\n(%d+)')
  return tonumber(issued), tonumber(lifetime)
end

-- What follows the lines that every token record has; nil for a token that was not exchanged for another.
-- grant: grant id of the token, '' if it is the grant.
local function exchange_of(record, grant)
  if grant ~= '' then return nil end
  return string.match(record, '^%d+\n%d+\n[^\n]*\n[^\n]*\n[^\n]*\n[^\n]*\n[^\n]*\n[^\n]*\n(.*)$')
end
