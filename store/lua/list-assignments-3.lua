#!lua flags=allow-oom
-- Reads a run of assignments: of a subject by context and role, or of a context by role and subject.
-- KEYS  1 head · 2 assignments of the subject, or holders of the partition · 3 role schema
-- ARGV  1 subject|context (which of the two) · 2 lexicographic minimum · 3 maximum · 4 most members
-- Returns { last member looked at when there are more ('' at the end), then for each that has not ended:
--   context, role, sub ('' for a subject's own), expires s ('' = never), known|dormant (whether the schema has the role) }
-- Bound: the members asked for. Writes nothing; declared as a writing script for the reason given in introspect-token.
--- @include "clock"
--- @include "epoch"
epoch()
local size = tonumber(ARGV[4])
local now_s = math.floor(read_clock(KEYS[1]) / 1000000)

local function parse(member)
  if ARGV[1] == 'context' then return string.match(member, '^(%S+) (%S+) ([^\n]*)\n?(%d*)$') end
  local context, role, expires = string.match(member, '^(%S+) (%S+) ?(%d*)$')
  return context, role, '', expires
end

local members = redis.call('ZRANGEBYLEX', KEYS[2], ARGV[2], ARGV[3], 'LIMIT', 0, size + 1)
local reply = { #members > size and members[size] or '' }
for i = 1, math.min(size, #members) do
  local context, role, sub, expires = parse(members[i])
  if expires == '' or tonumber(expires) > now_s then
    local is_known = redis.call('HEXISTS', KEYS[3], 'r:' .. role) == 1
    for _, value in ipairs({ context, role, sub, expires, is_known and 'known' or 'dormant' }) do
      reply[#reply + 1] = value
    end
  end
end
return reply
