#!lua flags=allow-oom
-- Reads a string, or some fields of a hash, from the primary.
-- KEYS
--   key
-- ARGV
--   ...fields: none reads a string
-- Returns a list of values
--   In the order of the fields, nil for what does not exist.
-- A script because a plain read is also answered by a primary that was demoted while we were connected, and what it does
-- not know (any more) would be taken for gone. Declared as a writing script for the reason given in introspect-token.
-- Bound: the fields asked for.
--- @include "epoch"
local key = unpack(KEYS)
local fields = { unpack(ARGV, 1) }
epoch()
if #fields == 0 then return { redis.call('GET', key) } end
return redis.call('HMGET', key, unpack(fields))
