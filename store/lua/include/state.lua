-- The state of a token at this moment. The head of introspect-token-2.lua lists all checks in their order.
-- A token that was exchanged for another dies with it: a cutoff that voids one of the tokens it came from, judged by the
-- time *that* token was issued, voids it too.
local EXCHANGE_HEADER_LINES, LINES_PER_ORIGIN = 2, 4

-- The tokens it came from, the nearest first: thing and issued µs of each. exchange: as exchange_of returns it.
local function origins_of(exchange, thing)
  local origins = {}
  if not exchange then return origins end
  local field = lines(exchange)
  for i = EXCHANGE_HEADER_LINES + 1, #field, LINES_PER_ORIGIN do
    origins[#origins + 1] = { issued = tonumber(field[i + 2]), thing = { token = field[i], grant = field[i + 1],
      session = thing.session, sub = thing.sub, client = field[i + 3] } }
  end
  return origins
end

local function is_cut_off(base, exchange, issued, thing)
  if is_void(base, thing, issued) then return true end
  if not exchange then return false end
  for _, origin in ipairs(origins_of(exchange, thing)) do
    if is_void(base, origin.thing, origin.issued) then return true end
  end
  return false
end

local function is_enabled(clients, client)
  local registered = redis.call('HGET', clients, 'c:' .. client)
  return registered and string.find(registered, '^%d+\nenabled\n') ~= nil
end

-- Returns active | unknown | expired | revoked | suspended | client (gone or disabled), and for an active token its
-- record, its authorization, the claims of its subject, the time of this check and what exchange_of returns for it.
local function token_state(base, head, clients, hash, grant)
  local token, authorization = find_token(base, hash, grant)
  if not token then return 'unknown' end
  local issued, lifetime = token_times(token)
  local sub, client, session = parties(authorization)
  local now = read_clock(head)
  if now >= (math.floor(issued / 1000000) + lifetime) * 1000000 then return 'expired' end
  local thing = { token = hash, grant = grant, session = session, sub = sub, client = client }
  local exchange = exchange_of(token, grant)
  if is_cut_off(base, exchange, issued, thing) then return 'revoked' end
  if not is_enabled(clients, client) then return 'client' end
  local subject = redis.call('HMGET', base .. 'u' .. sub, 'status', 'claims')
  if subject[1] == 'suspended' then return 'suspended' end
  return 'active', token, authorization, subject[2], now, exchange
end
