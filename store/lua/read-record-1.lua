#!lua flags=allow-oom
-- Reads a string, or some fields of a hash, from the primary.
-- KEYS  1 the key
-- ARGV  the fields; none reads a string
-- Returns the values in order, nil for what is not there
-- A script because a plain read would also be answered by a primary that was demoted while we were connected, and what
-- it does not know (any more) would be taken for gone.
-- Declared as a writing script, for the reason given in introspect-token.
-- Bound: the fields asked for.
--- @include "epoch"
epoch()
if #ARGV == 0 then return { redis.call('GET', KEYS[1]) } end
return redis.call('HMGET', KEYS[1], unpack(ARGV))
