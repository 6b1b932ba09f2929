-- Assigns and removes roles of subjects of one partition, in order.
-- KEYS
--   head
--   log
--   holders
--   ending
--   role_counts
--   schema
-- ARGV
--   base
--   log_retention_ms
--   channel
--   ...changes: five for each change: assign|remove, sub, context, role, expires s ('' = never)
-- Derives the assignments key of each subject; it carries the tag of the partition.
-- Returns a list of outcomes
--   One word for each change: assigned | removed | unchanged | unknown-role | past (it would have ended already).
-- A refused change leaves the other changes as they are.
-- Log: one event that names each changed subject.
-- Atomic: all orders of the assignments and the log entry are written in one step. Concurrent writers follow each other,
-- so an outdated set is never written back.
-- Bound: the changes given, and at most 20 ended assignments dropped.
--- @include "clock"
--- @include "epoch"
--- @include "log"
--- @include "assignments"
local head, log, holders, ending, role_counts, schema = unpack(KEYS)
local base, log_retention_ms, channel = unpack(ARGV)
local changes = { unpack(ARGV, 4) }
local place = { base = base, holders = holders, ending = ending, counts = role_counts }
local now = tick(head)
local now_s = math.floor(now / 1000000)
drop_ended(place, now_s)

local known = {}
local function is_known(role)
  if known[role] == nil then known[role] = redis.call('HEXISTS', schema, 'r:' .. role) == 1 end
  return known[role]
end

local function apply(op, sub, context, role, expires)
  if op == 'remove' then return remove_role(place, now_s, sub, context, role) and 'removed' or 'unchanged' end
  if not is_known(role) then return 'unknown-role' end
  if has_ended(expires, now_s) then return 'past' end
  return assign_role(place, sub, context, role, expires) and 'assigned' or 'unchanged'
end

local outcomes, touched = {}, new_touched()
for i = 1, #changes, 5 do
  local op, sub, context, role, expires = unpack(changes, i, i + 4)
  local outcome = apply(op, sub, context, role, expires)
  if outcome == 'assigned' or outcome == 'removed' then touch(touched, sub, context) end
  outcomes[#outcomes + 1] = outcome
end
conclude(place, touched, now, log_retention_ms, channel)
return outcomes
