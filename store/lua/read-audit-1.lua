#!lua flags=allow-oom
-- Reads a run of records of a stream of the audit.
-- KEYS  1 stream
-- ARGV  1 asc|desc · 2 where to begin (an id, or "(" and an id) · 3 where to end · 4 most records
-- Returns { id, record, … } in that order
-- Bound: the records asked for. Declared as a writing script for the reason given in introspect-token.
--- @include "epoch"
epoch()
local command = ARGV[1] == 'asc' and 'XRANGE' or 'XREVRANGE'
local reply = {}
for _, entry in ipairs(redis.call(command, KEYS[1], ARGV[2], ARGV[3], 'COUNT', ARGV[4])) do
  reply[#reply + 1] = entry[1]
  reply[#reply + 1] = entry[2][2]
end
return reply
