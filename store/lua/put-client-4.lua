#!lua flags=allow-oom
-- Registers, changes, disables or deletes a client in one partition.
-- KEYS
--   head
--   log
--   clients
--   cutoff: of the client
-- ARGV
--   base
--   client_id
--   state: enabled|disabled|deleted
--   registration: JSON
--   version: '' takes the next one (home partition); a number is applied if it is newer (all other partitions)
--   expected_version: the version found at home must be this one ('' = any)
--   cutoff_mode: cut|keep what was issued
--   cutoff_details: JSON
--   event
--   log_retention_ms
--   channel
--   cutoff_ttl_ms
-- Returns one of
--   stored version
--   conflict version: the one found
--   older version: the one found
-- Versions order concurrent writers, so every partition ends with the same registration whatever the order of arrival. A
-- deleted client leaves its version behind: a slow writer cannot bring it back.
-- The r: fields of the same hash count the resources of enabled and disabled clients: a token may be issued for these.
-- Atomic: registration, cutoff, counts and log entry are written in one step. Allowed when memory is full: disabling is a
-- revocation.
-- Bound: the resources of the registration before and after.
--- @include "clock"
--- @include "epoch"
--- @include "lattice"
--- @include "cutoff"
--- @include "log"
local head, log, clients, cutoff = unpack(KEYS)
local base, client_id, state, registration, version, expected_version, cutoff_mode, cutoff_details, event,
  log_retention_ms, channel, cutoff_ttl_ms = unpack(ARGV)
local stored = redis.call('HGET', clients, 'c:' .. client_id) or ''
local found = tonumber(string.match(stored, '^%d+') or '0')
local new_version = tonumber(version)
local cuts = cutoff_mode == 'cut'
if new_version then
  if found >= new_version then
    -- A newer registration arrived first. The cutoff of this one still holds.
    if cuts then
      local now = tick(head)
      cut(cutoff, now, '', cutoff_details, cutoff_ttl_ms)
      append_event(base, now, log_retention_ms, channel, event, stamp(now), cutoff_details)
    end
    return { 'older', stamp(found) }
  end
else
  if expected_version ~= '' and tonumber(expected_version) ~= found then return { 'conflict', stamp(found) } end
  new_version = found + 1
end

local function count_resources(json, step)
  if json == '' then return end
  for _, resource in ipairs(cjson.decode(json).resources or {}) do
    if redis.call('HINCRBY', clients, 'r:' .. resource, step) <= 0 then
      redis.call('HDEL', clients, 'r:' .. resource)
    end
  end
end

local now = tick(head)
count_resources(string.match(stored, '^%d+\n%l+\n(.*)$') or '', -1)
count_resources(registration, 1)
redis.call('HSET', clients, 'c:' .. client_id, stamp(new_version) .. '\n' .. state .. '\n' .. registration)
if cuts then cut(cutoff, now, '', cutoff_details, cutoff_ttl_ms) end
append_event(base, now, log_retention_ms, channel, event, cuts and stamp(now), cutoff_details)
return { 'stored', stamp(new_version) }
