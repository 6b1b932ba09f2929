-- What the registration of a client was told by when it was remembered: secrets and all, so that it changes with every change.
-- A digest and no version: after a failover another registration may stand under a version that was lost.
local function fingerprint(clients, client)
  return redis.sha1hex(redis.call('HGET', clients, 'c:' .. client) or '')
end
