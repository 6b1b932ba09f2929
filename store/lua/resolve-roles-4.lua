#!lua flags=allow-oom
-- Reads which roles a subject holds in some contexts. Involves no token.
-- KEYS
--   head
--   clients
--   subject
--   schema
-- ARGV
--   base
--   sub
--   kind: user|client (what the subject is said to be)
--   ...contexts
-- Derives the assignments key of the subject; it carries the tag of the partition.
-- Returns one of
--   active epoch seq schema_id left_ms roles: as introspect-token returns them
--   suspended epoch seq
--   client epoch seq: the subject is a disabled client, or is said to be a client and is not an enabled one
-- Atomic: the position (epoch, seq) must be that of the state it is returned with.
-- Bound: the contexts asked for. Declared as a writing script for the reason given in introspect-token.
--- @include "clock"
--- @include "epoch"
--- @include "roles"
local head, clients, subject, schema = unpack(KEYS)
local base, sub, kind = unpack(ARGV)
local contexts = { unpack(ARGV, 4) }
local answering_epoch = epoch()
local seq = redis.call('HGET', head, 'seq') or '0'
local registered = redis.call('HGET', clients, 'c:' .. sub)
local is_enabled = registered and string.find(registered, '^%d+\nenabled\n')
local is_disabled = registered and string.find(registered, '^%d+\ndisabled\n')
if is_disabled or (kind == 'client' and not is_enabled) then return { 'client', answering_epoch, seq } end
if redis.call('HGET', subject, 'status') == 'suspended' then return { 'suspended', answering_epoch, seq } end
local now = read_clock(head)
local _, left_ms, roles = read_roles(base, sub, now, contexts)
local schema_id = redis.call('HGET', schema, 'id') or ''
return { 'active', answering_epoch, seq, schema_id, left_ms, roles }
