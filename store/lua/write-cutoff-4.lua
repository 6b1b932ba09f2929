#!lua flags=allow-oom
-- Writes a wide cutoff (subject, subject+client, client, all) in one partition.
-- KEYS  1 head · 2 log · 3 cutoff · 4 index of the subject (the head again where the level has no subject)
-- ARGV  1 base · 2 what is meant, as in requested_span · 3 details (JSON) · 4 event · 5 log retention ms · 6 channel
--       7 life of the cutoff ms · 8 what becomes of the index: drop|keep
-- Returns { 'revoked', cutoff µs, -1 (not counted), epoch, seq } · { 'future' } · { 'too-many-spans' }
-- Atomic: the cutoff and its log entry are one step. Allowed when memory is full: this is the emergency door.
-- Bound: constant.
--- @include "clock"
--- @include "epoch"
--- @include "lattice"
--- @include "cutoff"
--- @include "index"
--- @include "log"
local base = ARGV[1]
local now = tick(KEYS[1])
local cutoff, told = cut(KEYS[3], now, ARGV[2], ARGV[3], ARGV[7])
if not cutoff then return { told } end
if ARGV[8] == 'drop' then drop_index(KEYS[4]) end
local seq = told and append_event(base, now, tonumber(ARGV[5]), ARGV[6], ARGV[4], told, ARGV[3]) or ''
return { 'revoked', stamp(cutoff), -1, epoch(), seq }
