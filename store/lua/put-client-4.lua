#!lua flags=allow-oom
-- Registers, changes, disables or deletes a client in one partition.
-- KEYS  1 head · 2 log · 3 clients · 4 cutoff of the client
-- ARGV  1 base · 2 client id · 3 state: enabled|disabled|deleted · 4 registration (JSON)
--       5 version: '' takes the next one (home partition), a number is applied if it is newer (all others)
--       6 version expected at home ('' = any) · 7 cut|keep what was issued · 8 details of the cutoff (JSON)
--       9 event · 10 log retention ms · 11 channel · 12 life of the cutoff ms
-- Returns { 'stored', version } · { 'conflict', version found } · { 'older', version found }
-- Versions order concurrent writers, so that every partition ends with the same registration whatever the order of
-- arrival. A deleted client leaves its version behind: a slow writer cannot bring it back.
-- Resources of enabled and disabled clients are counted in r: fields of the same hash (what a token may be aimed at).
-- Atomic: registration, cutoff, counts and log entry are one step. Allowed when memory is full: disabling is a revocation.
-- Bound: the resources of the registration before and after.
--- @include "clock"
--- @include "epoch"
--- @include "lattice"
--- @include "cutoff"
--- @include "log"
local base, client, state, registration = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local stored = redis.call('HGET', KEYS[3], 'c:' .. client) or ''
local found = tonumber(string.match(stored, '^%d+') or '0')
local version = tonumber(ARGV[5])
if version then
  if found >= version then
    -- Somebody was faster with a newer registration. The cutoff of this one still holds.
    if ARGV[7] == 'cut' then
      local now = tick(KEYS[1])
      cut(KEYS[4], now, '', ARGV[8], ARGV[12])
      append_event(base, now, tonumber(ARGV[10]), ARGV[11], ARGV[9], stamp(now), ARGV[8])
    end
    return { 'older', stamp(found) }
  end
else
  if ARGV[6] ~= '' and tonumber(ARGV[6]) ~= found then return { 'conflict', stamp(found) } end
  version = found + 1
end

local function count_resources(json, step)
  if json == '' then return end
  for _, resource in ipairs(cjson.decode(json).resources or {}) do
    if redis.call('HINCRBY', KEYS[3], 'r:' .. resource, step) <= 0 then
      redis.call('HDEL', KEYS[3], 'r:' .. resource)
    end
  end
end

local now = tick(KEYS[1])
count_resources(string.match(stored, '^%d+\n%l+\n(.*)$') or '', -1)
count_resources(registration, 1)
redis.call('HSET', KEYS[3], 'c:' .. client, stamp(version) .. '\n' .. state .. '\n' .. registration)
if ARGV[7] == 'cut' then cut(KEYS[4], now, '', ARGV[8], ARGV[12]) end
append_event(base, now, tonumber(ARGV[10]), ARGV[11], ARGV[9], ARGV[7] == 'cut' and stamp(now), ARGV[8])
return { 'stored', stamp(version) }
