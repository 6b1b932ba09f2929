-- The digest of a client's registration, secrets included, so it changes with every change. It is not the version: after a
-- failover another registration may have a version number that was lost.
local function fingerprint(clients, client)
  return redis.sha1hex(redis.call('HGET', clients, 'c:' .. client) or '')
end
