#!lua flags=allow-oom
-- Revokes a session: every grant and token issued in it.
-- KEYS
--   head
--   log
--   session
--   cutoff: of the session
-- ARGV
--   base
--   issue_span: which times of issue are meant, as requested_span reads it
--   details: JSON
--   event
--   log_retention_ms
--   channel
--   session_id
-- Derives the index key from the session; it carries the tag of the partition.
-- Returns one of
--   revoked cutoff_us affected epoch seq sub: affected is -1 (not counted); seq is '' when nothing changed
--   unknown
--   future
--   too-many-spans
-- Atomic: the cutoff and its log entry are written in one step. Allowed when memory is full: a revocation must not fail.
-- Bound: constant.
--- @include "clock"
--- @include "epoch"
--- @include "lattice"
--- @include "cutoff"
--- @include "log"
local head, log, session, cutoff = unpack(KEYS)
local base, issue_span, details, event, log_retention_ms, channel, session_id = unpack(ARGV)
local record = redis.call('GET', session)
if not record then return { 'unknown' } end

local sub, started = string.match(record, '^(.-)\n(%d+)\n')
local now = tick(head)
local ttl_ms = math.max(1, redis.call('PTTL', session))
local cutoff_us, voided, _, refusal = cut(cutoff, now, issue_span, details, ttl_ms, tonumber(started))
if refusal then return { refusal } end
if issue_span == '' then redis.call('ZREM', base .. 'i' .. sub, session_id) end
local seq = voided and append_event(base, now, log_retention_ms, channel, event, voided, details) or ''
return { 'revoked', stamp(cutoff_us), -1, epoch(), seq, sub }
