#!lua flags=allow-oom
-- Writes a wide cutoff (subject, subject+client, client, all) in one partition.
-- KEYS
--   head
--   log
--   cutoff
--   index: of the subject (the head again where the level has no subject)
-- ARGV
--   base
--   issue_span: which times of issue are meant, as requested_span reads it
--   details: JSON
--   event
--   log_retention_ms
--   channel
--   cutoff_ttl_ms
--   index_mode: drop|keep the index
-- Returns one of
--   revoked cutoff_us affected epoch seq: affected is -1 (not counted); seq is '' when nothing changed
--   future
--   too-many-spans
-- Atomic: the cutoff and its log entry are written in one step. Allowed when memory is full: a revocation must not fail.
-- Bound: constant.
--- @include "clock"
--- @include "epoch"
--- @include "lattice"
--- @include "cutoff"
--- @include "index"
--- @include "log"
local head, log, cutoff, index = unpack(KEYS)
local base, issue_span, details, event, log_retention_ms, channel, cutoff_ttl_ms, index_mode = unpack(ARGV)
local now = tick(head)
local cutoff_us, voided, _, refusal = cut(cutoff, now, issue_span, details, cutoff_ttl_ms)
if refusal then return { refusal } end
if index_mode == 'drop' then drop_index(index) end
local seq = voided and append_event(base, now, log_retention_ms, channel, event, voided, details) or ''
return { 'revoked', stamp(cutoff_us), -1, epoch(), seq }
