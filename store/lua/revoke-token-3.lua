#!lua flags=allow-oom
-- Revokes one access token.
-- KEYS
--   head
--   log
--   cutoff: of the token
-- ARGV
--   base
--   issue_span: which times of issue are meant, as requested_span reads it
--   details: JSON
--   event
--   log_retention_ms
--   channel
--   owner_id: client id that must own it ('' = any)
--   token_hash
--   grant: its id ('' = the token is the grant)
-- Derives the keys of token and grant; they carry the tag of the partition.
-- Returns one of
--   revoked cutoff_us affected epoch seq sub: affected is 0 when the token was void or expired already, or is spared;
--     seq is '' when nothing changed
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
--- @include "state"
--- @include "cutoff"
--- @include "log"
local head, log, cutoff = unpack(KEYS)
local base, issue_span, details, event, log_retention_ms, channel, owner_id, token_hash, grant = unpack(ARGV)
local token, authorization = find_token(base, token_hash, grant)
if not token then return { 'unknown' } end
local sub, client, session = parties(authorization)
if owner_id ~= '' and client ~= owner_id then return { 'foreign' } end

local now = tick(head)
local issued, lifetime = token_times(token)
local thing = { token = token_hash, grant = grant, session = session, sub = sub, client = client }
local is_unexpired = now < (math.floor(issued / 1000000) + lifetime) * 1000000
local was_live = is_unexpired and not is_cut_off(base, exchange_of(token, grant), issued, thing)
local cutoff_us, voided, record, refusal = cut(cutoff, now, issue_span, details, lifetime * 1000, issued)
if refusal then return { refusal } end
local seq = voided and append_event(base, now, log_retention_ms, channel, event, voided, details) or ''
return { 'revoked', stamp(cutoff_us), (was_live and voids(record, issued)) and 1 or 0, epoch(), seq, sub }
