#!lua flags=allow-oom
-- Reads a range of assignments: of a subject by context and role, or of a context by role and subject.
-- KEYS
--   head
--   set: the assignments of the subject, or the holders of the partition
--   schema
-- ARGV
--   order: subject|context (which of the two sets)
--   minimum: lexicographic
--   maximum
--   size: most members to read
-- Returns a row of
--   last_member: the last one read when there are more, '' at the end
-- Followed by rows of
--   context
--   role
--   sub: '' for the assignments of a subject
--   expires_at: '' = never
--   role_status: known|dormant (whether the schema has the role)
-- Assignments that have ended are left out.
-- Bound: the members asked for. Writes nothing; declared as a writing script for the reason given in introspect-token.
--- @include "clock"
--- @include "epoch"
local head, set, schema = unpack(KEYS)
local order, minimum, maximum, size = unpack(ARGV)
epoch()
local most = tonumber(size)
local now_s = math.floor(read_clock(head) / 1000000)

local function parse(member)
  if order == 'context' then return string.match(member, '^(%S+) (%S+) ([^\n]*)\n?(%d*)$') end
  local context, role, expires = string.match(member, '^(%S+) (%S+) ?(%d*)$')
  return context, role, '', expires
end

local members = redis.call('ZRANGEBYLEX', set, minimum, maximum, 'LIMIT', 0, most + 1)
local reply = { #members > most and members[most] or '' }
for i = 1, math.min(most, #members) do
  local context, role, sub, expires = parse(members[i])
  if expires == '' or tonumber(expires) > now_s then
    local is_known = redis.call('HEXISTS', schema, 'r:' .. role) == 1
    for _, value in ipairs({ context, role, sub, expires, is_known and 'known' or 'dormant' }) do
      reply[#reply + 1] = value
    end
  end
end
return reply
