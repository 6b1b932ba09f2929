#!lua flags=allow-oom
-- Removes roles of subjects of one partition: what apply-assignments does, when nothing is assigned.
-- KEYS  1 head · 2 log · 3 holders · 4 ending · 5 role counts
-- ARGV  1 base · 2 log retention ms · 3 channel · 4… three for each removal: sub, context, role
-- Derives the assignments of each subject; they carry the tag of the partition.
-- Returns one word for each removal: removed | unchanged
-- Log: one event, naming each subject touched.
-- Atomic: as apply-assignments. Allowed when memory is full: taking a role away is a revocation.
-- Bound: the removals given, and at most 20 ended assignments dropped.
--- @include "clock"
--- @include "epoch"
--- @include "log"
--- @include "assignments"
local place = { base = ARGV[1], holders = KEYS[3], ending = KEYS[4], counts = KEYS[5] }
local now = tick(KEYS[1])
local now_s = math.floor(now / 1000000)
drop_ended(place, now_s)

local outcomes, touched = {}, new_touched()
for i = 4, #ARGV, 3 do
  local was_held = remove_role(place, now_s, ARGV[i], ARGV[i + 1], ARGV[i + 2])
  if was_held then touch(touched, ARGV[i], ARGV[i + 1]) end
  outcomes[#outcomes + 1] = was_held and 'removed' or 'unchanged'
end
conclude(place, touched, now, tonumber(ARGV[2]), ARGV[3])
return outcomes
