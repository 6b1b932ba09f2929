#!lua flags=allow-oom
-- Removes roles of subjects of one partition, as apply-assignments does.
-- KEYS
--   head
--   log
--   holders
--   ending
--   role_counts
-- ARGV
--   base
--   log_retention_ms
--   channel
--   ...removals: three for each: sub, context, role
-- Derives the assignments key of each subject; it carries the tag of the partition.
-- Returns a list of outcomes
--   One word for each removal: removed | unchanged.
-- Log: one event that names each changed subject.
-- Atomic: as apply-assignments. Allowed when memory is full: removing a role is a revocation.
-- Bound: the removals given, and at most 20 ended assignments dropped.
--- @include "clock"
--- @include "epoch"
--- @include "log"
--- @include "assignments"
local head, log, holders, ending, role_counts = unpack(KEYS)
local base, log_retention_ms, channel = unpack(ARGV)
local removals = { unpack(ARGV, 4) }
local place = { base = base, holders = holders, ending = ending, counts = role_counts }
local now = tick(head)
local now_s = math.floor(now / 1000000)
drop_ended(place, now_s)

local outcomes, touched = {}, new_touched()
for i = 1, #removals, 3 do
  local sub, context, role = unpack(removals, i, i + 2)
  local was_held = remove_role(place, now_s, sub, context, role)
  if was_held then touch(touched, sub, context) end
  outcomes[#outcomes + 1] = was_held and 'removed' or 'unchanged'
end
conclude(place, touched, now, log_retention_ms, channel)
return outcomes
