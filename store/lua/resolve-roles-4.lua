#!lua flags=allow-oom
-- Reads what a subject holds in some contexts, whatever tokens there are.
-- KEYS  1 head · 2 clients · 3 subject · 4 role schema
-- ARGV  1 base · 2 sub · 3 user|client (what it is said to be) · 4… contexts
-- Derives the assignments of the subject; they carry the tag of the partition.
-- Returns { active, epoch, seq, schema id, left ms, roles } as introspect-token does, or { suspended, epoch, seq }, or
--   { client, epoch, seq }: it is one that is disabled, or is said to be one and is none
-- Atomic because the position (epoch, seq) must be that of the state it vouches for.
-- Bound: the contexts asked for. Declared as a writing script for the reason given in introspect-token.
--- @include "clock"
--- @include "epoch"
--- @include "roles"
local answering_epoch = epoch()
local seq = redis.call('HGET', KEYS[1], 'seq') or '0'
local registered = redis.call('HGET', KEYS[2], 'c:' .. ARGV[2])
local is_enabled = registered and string.find(registered, '^%d+\nenabled\n')
local is_disabled = registered and string.find(registered, '^%d+\ndisabled\n')
if is_disabled or (ARGV[3] == 'client' and not is_enabled) then return { 'client', answering_epoch, seq } end
if redis.call('HGET', KEYS[3], 'status') == 'suspended' then return { 'suspended', answering_epoch, seq } end
local now = read_clock(KEYS[1])
local _, left, roles = read_roles(ARGV[1], ARGV[2], now, { unpack(ARGV, 4) })
local schema = redis.call('HGET', KEYS[4], 'id') or ''
return { 'active', answering_epoch, seq, schema, left, roles }
