#!lua flags=allow-oom
-- Reads where a partition's log stands, and what follows a position of it.
-- KEYS  1 head · 2 log
-- ARGV  1 epoch the caller follows ('' = reads the head alone) · 2 last seq it has · 3 most entries
-- Returns { epoch, seq, floor, then for each entry in order: seq, event [⏎ revocation] }
--   floor  the oldest position one can go on from: the oldest entry kept less one, seq when none is
--   Entries come only if the epoch is still ARGV[1] and floor <= ARGV[2] <= seq. Otherwise there is a gap: a stream
--   answers from a trimmed position with the later entries, and from one ahead of it with none, and never says so.
-- Declared as if it wrote, though it never does: Redis then refuses it wherever it would refuse a write, so a primary
-- that has lost its replicas (min-replicas-to-write) vouches for nothing.
-- Atomic because epoch, head, floor and entries must be those of one moment.
-- Bound: 1 INFO, 2 reads, and the entries asked for.
--- @include "epoch"
local answering_epoch = epoch()
local seq = tonumber(redis.call('HGET', KEYS[1], 'seq') or '0')
local oldest = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
local floor = oldest and tonumber(string.match(oldest[1], '^%d+')) - 1 or seq
local reply = { answering_epoch, seq, floor }
local from = tonumber(ARGV[2])
if ARGV[1] ~= answering_epoch or from < floor or from >= seq then return reply end

local entries = redis.call('XRANGE', KEYS[2], '(' .. ARGV[2] .. '-0', '+', 'COUNT', ARGV[3])
for _, entry in ipairs(entries) do
  local field = {}
  for i = 1, #entry[2], 2 do field[entry[2][i]] = entry[2][i + 1] end
  reply[#reply + 1] = tonumber(string.match(entry[1], '^%d+'))
  reply[#reply + 1] = (field.event or '') .. (field.revocation and '\n' .. field.revocation or '')
end
return reply
