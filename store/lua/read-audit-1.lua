#!lua flags=allow-oom
-- Reads a range of records of a stream of the audit.
-- KEYS
--   stream
-- ARGV
--   order: asc|desc
--   first: where to begin: an id, or "(" and an id to begin behind it
--   last: where to end
--   size: most records to read
-- Returns rows of
--   id
--   record
-- Bound: the records asked for. Declared as a writing script for the reason given in introspect-token.
--- @include "epoch"
local stream = unpack(KEYS)
local order, first, last, size = unpack(ARGV)
epoch()
local command = order == 'asc' and 'XRANGE' or 'XREVRANGE'
local reply = {}
for _, entry in ipairs(redis.call(command, stream, first, last, 'COUNT', size)) do
  reply[#reply + 1] = entry[1]
  reply[#reply + 1] = entry[2][2]
end
return reply
