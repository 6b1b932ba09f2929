#!lua flags=allow-oom
-- Reads the position of a partition's log, and the entries behind a position.
-- KEYS
--   head
--   log
-- ARGV
--   followed_epoch: the epoch the caller follows ('' = reads the position alone)
--   from_seq: the last seq the caller has
--   size: most entries to read
-- Returns a row of
--   epoch
--   seq
--   floor: the oldest position one can go on from: the oldest kept entry minus one, or seq when no entry is kept
-- Followed by rows of
--   seq
--   description: the event, and a second line with the revocation if it is one
-- Entries are returned only if the epoch is still followed_epoch and floor <= from_seq <= seq. Otherwise there is a gap.
-- The stream itself does not report one: from a trimmed position it answers with the later entries, and from a position
-- ahead of it with none.
-- Declared as a writing script for the reason given in introspect-token.
-- Atomic: epoch, seq, floor and entries must be read at one moment.
-- Bound: 1 INFO, 2 reads, and the entries asked for.
--- @include "epoch"
local head, log = unpack(KEYS)
local followed_epoch, from_seq, size = unpack(ARGV)
local answering_epoch = epoch()
local seq = tonumber(redis.call('HGET', head, 'seq') or '0')
local oldest = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
local floor = oldest and tonumber(string.match(oldest[1], '^%d+')) - 1 or seq
local reply = { answering_epoch, seq, floor }
local from = tonumber(from_seq)
if followed_epoch ~= answering_epoch or from < floor or from >= seq then return reply end

local entries = redis.call('XRANGE', log, '(' .. from_seq .. '-0', '+', 'COUNT', size)
for _, entry in ipairs(entries) do
  local field = {}
  for i = 1, #entry[2], 2 do field[entry[2][i]] = entry[2][i + 1] end
  reply[#reply + 1] = tonumber(string.match(entry[1], '^%d+'))
  reply[#reply + 1] = (field.event or '') .. (field.revocation and '\n' .. field.revocation or '')
end
return reply
