-- Drops the index of a subject when everything listed in it is void, if it is short. The entries of a long one expire by
-- themselves: freeing a hundred thousand takes some 20 ms of a core, and competes with introspections.
local MOST_DROPPED = 1000

local function drop_index(index)
  if redis.call('ZCARD', index) <= MOST_DROPPED then redis.call('UNLINK', index) end
end
