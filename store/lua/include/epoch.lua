-- The epoch of the answering server, read inside the script: no reply can carry the epoch of another history.
-- A replica raises READONLY, so nothing that includes this file ever answers from one.
local function epoch()
  local replication = redis.call('INFO', 'replication')
  if not string.find(replication, 'role:master', 1, true) then
    error({ err = 'READONLY only a primary may answer' })
  end
  return string.sub(string.match(replication, 'master_replid:(%x+)'), 1, 16)
end
