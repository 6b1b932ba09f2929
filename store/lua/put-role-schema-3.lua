#!lua flags=allow-oom
-- Puts a role schema into one partition.
-- KEYS  1 head · 2 log · 3 role schema
-- ARGV  1 base · 2 schema (JSON) · 3 digest of it · 4 version · 5 version it replaces (home partition), '' for any older
--       one (all others) · 6 event · 7 log retention ms · 8 channel
-- Returns { 'stored', version } · { 'conflict', version found } · { 'older', version found }
-- Versions order concurrent writers, so that every partition ends with the same schema whatever the order of arrival. The
-- id names version and content: a version that a failover took back and that was used again is another id.
-- Atomic: schema, names of roles and log entry are one step. Allowed when memory is full: it may take something away.
-- Bound: the roles of the schema before and after.
--- @include "clock"
--- @include "epoch"
--- @include "log"
local found = tonumber(string.match(redis.call('HGET', KEYS[3], 'id') or '', '^%d+') or '0')
local version, replaces = tonumber(ARGV[4]), tonumber(ARGV[5])
if replaces and replaces ~= found then return { 'conflict', stamp(found) } end
if found >= version then return { 'older', stamp(found) } end

redis.call('DEL', KEYS[3])
redis.call('HSET', KEYS[3], 'id', stamp(version) .. '.' .. ARGV[3], 'json', ARGV[2])
for role in pairs(cjson.decode(ARGV[2])) do redis.call('HSET', KEYS[3], 'r:' .. role, '') end
append_event(ARGV[1], tick(KEYS[1]), tonumber(ARGV[7]), ARGV[8], ARGV[6])
return { 'stored', stamp(version) }
