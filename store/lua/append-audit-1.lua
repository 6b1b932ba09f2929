#!lua flags=allow-oom
-- Appends one record to a stream of the audit.
-- KEYS  1 stream
-- ARGV  1 record (JSON) · 2 retention ms · 3 most records
-- Returns { id }: the time by the clock of this Redis, made monotonic by the stream itself
-- Atomic because what is too old and too much goes in the same step: the stream never grows beyond its bound for long.
-- Allowed when memory is full: a revocation is not answered before it is recorded, and the streams are bounded.
-- Bound: Redis drops whole nodes of the stream, a hundred records at a time.
--- @include "epoch"
epoch()
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', 'record', ARGV[1])
local oldest_ms = tonumber(string.match(id, '^%d+')) - tonumber(ARGV[2])
redis.call('XTRIM', KEYS[1], 'MINID', '~', string.format('%.0f', math.max(0, oldest_ms)))
return { id }
