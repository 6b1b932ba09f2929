-- Assigns the loaded roles of a subject. An assignment that exists already stays as it is.
-- KEYS
--   head
--   log
--   holders
--   ending
--   role_counts
--   schema
--   subject
-- ARGV
--   base
--   log_retention_ms
--   channel
--   load_name
--   sub
--   ...assignments: three for each: context, role, expires s ('' = never)
-- Derives the assignments key of the subject; it carries the tag of the partition.
-- Returns one of
--   lost: another loader has the claim now
--   loaded unknown_roles: how many of the roles the schema does not have
-- Log: one event for the subject.
-- Atomic: the claim is checked in the same step, so a delayed loader overwrites nothing that was written after it.
-- Bound: the assignments given, and at most 20 ended ones dropped.
--- @include "clock"
--- @include "epoch"
--- @include "log"
--- @include "assignments"
local head, log, holders, ending, role_counts, schema, subject = unpack(KEYS)
local base, log_retention_ms, channel, load_name, sub = unpack(ARGV)
local assignments = { unpack(ARGV, 6) }
local place = { base = base, holders = holders, ending = ending, counts = role_counts }
local claim = redis.call('HGET', subject, 'loading')
if not claim or string.match(claim, '^(%S+) ') ~= load_name then return { 'lost' } end
local now = tick(head)
local now_s = math.floor(now / 1000000)
drop_ended(place, now_s)

local touched, unknown_roles = new_touched(), 0
for i = 1, #assignments, 3 do
  local context, role, expires = unpack(assignments, i, i + 2)
  local held_until = find_expiry(place, sub, context, role)
  if redis.call('HEXISTS', schema, 'r:' .. role) == 0 then
    unknown_roles = unknown_roles + 1
  elseif not has_ended(expires, now_s) and (not held_until or has_ended(held_until, now_s)) then
    assign_role(place, sub, context, role, expires)
    touch(touched, sub, context)
  end
end
conclude(place, touched, now, log_retention_ms, channel)
return { 'loaded', stamp(unknown_roles) }
