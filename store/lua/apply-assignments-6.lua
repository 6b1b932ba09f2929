-- Assigns and removes roles of subjects of one partition, in order.
-- KEYS  1 head · 2 log · 3 holders · 4 ending · 5 role counts · 6 role schema
-- ARGV  1 base · 2 log retention ms · 3 channel
--       4… five for each change: assign|remove, sub, context, role, expires s ('' = for good)
-- Derives the assignments of each subject; they carry the tag of the partition.
-- Returns one word for each change: assigned | removed | unchanged | unknown-role | past (it would have ended already)
-- Each change stands by itself: one that is refused leaves the others as they are.
-- Log: one event, naming each subject touched.
-- Atomic: all orders of the assignments and the log entries are one step; concurrent writers can only follow each other,
-- so nobody writes an old set back.
-- Bound: the changes given, and at most 20 ended assignments dropped.
--- @include "clock"
--- @include "epoch"
--- @include "log"
--- @include "assignments"
local place = { base = ARGV[1], holders = KEYS[3], ending = KEYS[4], counts = KEYS[5] }
local now = tick(KEYS[1])
local now_s = math.floor(now / 1000000)
drop_ended(place, now_s)

local known = {}
local function is_known(role)
  if known[role] == nil then known[role] = redis.call('HEXISTS', KEYS[6], 'r:' .. role) == 1 end
  return known[role]
end

local function apply(op, sub, context, role, expires)
  if op == 'remove' then return remove_role(place, now_s, sub, context, role) and 'removed' or 'unchanged' end
  if not is_known(role) then return 'unknown-role' end
  if has_ended(expires, now_s) then return 'past' end
  return assign_role(place, sub, context, role, expires) and 'assigned' or 'unchanged'
end

local outcomes, touched = {}, new_touched()
for i = 4, #ARGV, 5 do
  local outcome = apply(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4])
  if outcome == 'assigned' or outcome == 'removed' then touch(touched, ARGV[i + 1], ARGV[i + 2]) end
  outcomes[#outcomes + 1] = outcome
end
conclude(place, touched, now, tonumber(ARGV[2]), ARGV[3])
return outcomes
