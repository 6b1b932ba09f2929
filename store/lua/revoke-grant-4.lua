#!lua flags=allow-oom
-- Revokes a grant: all its tokens, and its refresh token.
-- KEYS
--   head
--   log
--   grant
--   cutoff: of the grant
-- ARGV
--   base
--   issue_span: which times of issue are meant, as requested_span reads it
--   details: JSON
--   event
--   log_retention_ms
--   channel
--   owner_id: client id that must own it ('' = any)
--   grant_id
-- Derives the index key from the grant; it carries the tag of the partition.
-- Returns one of
--   revoked cutoff_us affected epoch seq sub: affected is 0 or 1; seq is '' when nothing changed
--   unknown
--   foreign
--   future
--   too-many-spans
-- Atomic: the cutoff and its log entry are written in one step. Allowed when memory is full: a revocation must not fail.
-- Bound: constant.
--- @include "clock"
--- @include "epoch"
--- @include "lattice"
--- @include "records"
--- @include "cutoff"
--- @include "log"
local head, log, grant, cutoff = unpack(KEYS)
local base, issue_span, details, event, log_retention_ms, channel, owner_id, grant_id = unpack(ARGV)
local granted = redis.call('GET', grant)
if not granted then return { 'unknown' } end
local field = lines(granted)
local sub, client, session, issued = field[1], field[2], field[3], tonumber(field[7])
if owner_id ~= '' and client ~= owner_id then return { 'foreign' } end

local now = tick(head)
local thing = { token = '', grant = grant_id, session = session, sub = sub, client = client }
local was_live = not is_void(base, thing, issued)
local ttl_ms = math.max(1, redis.call('PTTL', grant))
local cutoff_us, voided, record, refusal = cut(cutoff, now, issue_span, details, ttl_ms, issued)
if refusal then return { refusal } end
if issue_span == '' then redis.call('ZREM', base .. 'i' .. sub, grant_id) end
local seq = voided and append_event(base, now, log_retention_ms, channel, event, voided, details) or ''
return { 'revoked', stamp(cutoff_us), (was_live and voids(record, issued)) and 1 or 0, epoch(), seq, sub }
