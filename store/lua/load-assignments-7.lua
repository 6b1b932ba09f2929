-- Assigns what was loaded for a subject, unless something else is assigned there already.
-- KEYS  1 head · 2 log · 3 holders · 4 ending · 5 role counts · 6 role schema · 7 subject
-- ARGV  1 base · 2 log retention ms · 3 channel · 4 name of this load · 5 sub
--       6… three for each assignment: context, role, expires s ('' = for good)
-- Derives the assignments of the subject; they carry the tag of the partition.
-- Returns { 'lost' } (the claim is not ours any more) · { 'loaded', how many roles the schema does not have }
-- Log: one event for the subject.
-- Atomic: the claim is checked in the same step, so that a loader that was held up writes nothing over what came after it.
-- Bound: the assignments given, and at most 20 ended ones dropped.
--- @include "clock"
--- @include "epoch"
--- @include "log"
--- @include "assignments"
local place = { base = ARGV[1], holders = KEYS[3], ending = KEYS[4], counts = KEYS[5] }
local sub = ARGV[5]
local claim = redis.call('HGET', KEYS[7], 'loading')
if not claim or string.match(claim, '^(%S+) ') ~= ARGV[4] then return { 'lost' } end
local now = tick(KEYS[1])
local now_s = math.floor(now / 1000000)
drop_ended(place, now_s)

local touched, unknown = new_touched(), 0
for i = 6, #ARGV, 3 do
  local context, role, expires = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local held_until = find_expiry(place, sub, context, role)
  if redis.call('HEXISTS', KEYS[6], 'r:' .. role) == 0 then
    unknown = unknown + 1
  elseif not has_ended(expires, now_s) and (not held_until or has_ended(held_until, now_s)) then
    assign_role(place, sub, context, role, expires)
    touch(touched, sub, context)
  end
end
conclude(place, touched, now, tonumber(ARGV[2]), ARGV[3])
return { 'loaded', stamp(unknown) }
