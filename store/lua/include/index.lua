-- Drops the index of a subject when everything listed in it is void, if it is short. A long one ages out with its members:
-- to free a hundred thousand takes some 20 ms of a core, beside the answer that somebody waits for.
local MOST_DROPPED = 1000

local function drop_index(index)
  if redis.call('ZCARD', index) <= MOST_DROPPED then redis.call('UNLINK', index) end
end
