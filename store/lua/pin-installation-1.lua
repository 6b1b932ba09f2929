-- Pins the settings that every process on this Redis must share; the first process to start decides.
-- KEYS
--   installation
-- ARGV
--   ...settings: field, value, field, value…
-- Returns a list of values
--   The values in force, in the order of the fields.
-- Atomic: two processes that start at once on an empty Redis must get the same values.
-- Bound: the number of fields.
local installation = unpack(KEYS)
local settings = { unpack(ARGV, 1) }
local in_force = {}
for i = 1, #settings, 2 do
  local field, value = unpack(settings, i, i + 1)
  redis.call('HSETNX', installation, field, value)
  in_force[#in_force + 1] = redis.call('HGET', installation, field)
end
return in_force
