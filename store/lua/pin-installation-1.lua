-- Pins what every process on this Redis must agree on; the first one to start decides.
-- KEYS  1 the installation hash
-- ARGV  field, value, field, value…
-- Returns the values in force, in the order asked
-- Atomic: two processes starting at once on an empty Redis must end with one answer.
-- Bound: the number of fields.
local in_force = {}
for i = 1, #ARGV, 2 do
  redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[i + 1])
  in_force[#in_force + 1] = redis.call('HGET', KEYS[1], ARGV[i])
end
return in_force
