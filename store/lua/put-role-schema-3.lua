#!lua flags=allow-oom
-- Writes a role schema into one partition.
-- KEYS
--   head
--   log
--   schema
-- ARGV
--   base
--   json: the schema
--   digest: of the schema
--   version
--   replaced_version: the one it must replace (home partition), '' for any older one (all other partitions)
--   event
--   log_retention_ms
--   channel
-- Returns one of
--   stored version
--   conflict version: the one found
--   older version: the one found
-- Versions order concurrent writers, so every partition ends with the same schema whatever the order of arrival. The id
-- names version and content: if a failover lost a version and its number is used again, the id is another one.
-- Atomic: schema, names of roles and log entry are written in one step. Allowed when memory is full: it may take
-- permissions away.
-- Bound: the roles of the schema before and after.
--- @include "clock"
--- @include "epoch"
--- @include "log"
local head, log, schema = unpack(KEYS)
local base, json, digest, version, replaced_version, event, log_retention_ms, channel = unpack(ARGV)
local found = tonumber(string.match(redis.call('HGET', schema, 'id') or '', '^%d+') or '0')
local new_version, replaced = tonumber(version), tonumber(replaced_version)
if replaced and replaced ~= found then return { 'conflict', stamp(found) } end
if found >= new_version then return { 'older', stamp(found) } end

redis.call('DEL', schema)
redis.call('HSET', schema, 'id', stamp(new_version) .. '.' .. digest, 'json', json)
for role in pairs(cjson.decode(json)) do redis.call('HSET', schema, 'r:' .. role, '') end
append_event(base, tick(head), log_retention_ms, channel, event)
return { 'stored', stamp(new_version) }
