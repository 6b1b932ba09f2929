-- The revocation lattice: the latest of all cutoffs that match decides. A narrower one never masks a wider one.
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

local function latest_cutoff(base, thing)
  local latest = 0
  for _, record in ipairs(matching_cutoffs(base, thing)) do
    if record then
      local cutoff = tonumber(string.match(record, '^%d+') or '0')
      if cutoff > latest then latest = cutoff end
    end
  end
  return latest
end

-- A login by itself: it is void by its own cutoff, its subject's and that of all; it belongs to no client.
local function login(session, sub)
  return { token = '', grant = '', session = session, sub = sub, client = '' }
end
