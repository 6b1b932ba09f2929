-- The epoch of the answering server, read inside the script: no reply can carry the epoch of another history. A replica
-- raises READONLY, so a script that calls this never answers from one. It is read once per script: a script is not
-- interrupted.
local answering_epoch
local function epoch()
  if answering_epoch then return answering_epoch end
  local replication = redis.call('INFO', 'replication')
  if not string.find(replication, 'role:master', 1, true) then
    error({ err = 'READONLY only a primary may answer' })
  end
  -- A plain search: a pattern takes longer than everything else here except the command.
  local _, name_end = string.find(replication, 'master_replid:', 1, true)
  answering_epoch = string.sub(replication, name_end + 1, name_end + 16)
  return answering_epoch
end
