#!lua flags=allow-oom
-- Appends one record to a stream of the audit.
-- KEYS
--   stream
-- ARGV
--   record: JSON
--   retention_ms
--   max_records
-- Returns a row of
--   id: the time by the clock of this Redis; the stream keeps it from running backwards
-- Atomic: old and surplus records are trimmed in the same step, so the stream stays within its bound.
-- Allowed when memory is full: a revocation is answered only after it is recorded, and the streams are bounded.
-- Bound: Redis drops whole nodes of the stream, a hundred records at a time.
--- @include "epoch"
local stream = unpack(KEYS)
local record, retention_ms, max_records = unpack(ARGV)
epoch()
local id = redis.call('XADD', stream, 'MAXLEN', '~', max_records, '*', 'record', record)
local oldest_ms = tonumber(string.match(id, '^%d+')) - tonumber(retention_ms)
redis.call('XTRIM', stream, 'MINID', '~', string.format('%.0f', math.max(0, oldest_ms)))
return { id }
