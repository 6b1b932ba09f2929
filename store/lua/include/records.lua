-- Records are lines of text; no value may hold a line break (checked where values enter).
--   token:  grant id | issued µs | lifetime s [| narrowed scope | narrowed aud]      (belongs to a grant record)
--           ''       | issued µs | lifetime s | authorization                        (is a grant of its own)
--   grant:  authorization | issued µs | expires s | refresh hash | refresh issued µs
--   authorization: sub | client | session id | scope | aud | extra
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

-- What a token stands on: its grant id, times and the text of its authorization; nil when the grant is gone.
local function read_token(base, record)
  local grant, issued, lifetime = string.match(record, '^(.-)\n(%d+)\n(%d+)')
  local authorization
  if grant == '' then
    authorization = string.match(record, '^\n%d+\n%d+\n(.*)$')
  else
    authorization = redis.call('GET', base .. 'g' .. grant)
  end
  return grant, tonumber(issued), tonumber(lifetime), authorization
end
