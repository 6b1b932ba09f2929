-- An assignment is kept in several orders, all written in one step, so none can be outdated:
--   a<sub>  sorted set, scores 0: <context> <role>[ <expires s>]         what a subject holds, by context
--   w       sorted set, scores 0: <context> <role> <sub>[⏎<expires s>]   who holds what in a context
--   e       sorted set, score = expires s: <context> <role> <sub>        what ends by itself
--   n       hash: role → how many assignments
-- Contexts and roles contain no space and subjects no line break, so the members of one context (and role) are
-- neighbours: a range finds them without reading anything else, however many roles are held.
-- place = { base, holders, ending, counts }: base of the partition, keys of w, e and n.
local ENDED_DROPPED_PER_CALL = 20

-- The expiry of an assignment, '' when it never ends; nil when it is not held.
local function find_expiry(place, sub, context, role)
  local name = context .. ' ' .. role
  local set = place.base .. 'a' .. sub
  local member = redis.call('ZRANGEBYLEX', set, '[' .. name, '(' .. name .. '!', 'LIMIT', 0, 1)[1]
  return member and string.sub(member, #name + 2)
end

-- Members to add to w are collected and added in one command: the whole partition shares that set.
local added_holders = {}
local function put_holders(place)
  if #added_holders > 0 then redis.call('ZADD', place.holders, unpack(added_holders)) end
  added_holders = {}
end

local function write_orders(command, place, sub, context, role, expires)
  local name = context .. ' ' .. role
  local own = expires == '' and name or name .. ' ' .. expires
  local held = name .. ' ' .. sub
  local holder = expires == '' and held or held .. '\n' .. expires
  if command == 'ZADD' then
    redis.call('ZADD', place.base .. 'a' .. sub, 0, own)
    added_holders[#added_holders + 1] = 0
    added_holders[#added_holders + 1] = holder
    if expires ~= '' then redis.call('ZADD', place.ending, expires, held) end
  else
    put_holders(place)
    redis.call('ZREM', place.base .. 'a' .. sub, own)
    redis.call('ZREM', place.holders, holder)
    if expires ~= '' then redis.call('ZREM', place.ending, held) end
  end
end

local role_steps = {}
local function count_role(role, step)
  role_steps[role] = (role_steps[role] or 0) + step
end

-- Writes the counts of all changes of a script at its end.
local function put_role_counts(place)
  for role, step in pairs(role_steps) do
    if step ~= 0 and redis.call('HINCRBY', place.counts, role, step) <= 0 then redis.call('HDEL', place.counts, role) end
  end
end

local function has_ended(expires, now_s)
  return expires ~= '' and tonumber(expires) <= now_s
end

-- Drops assignments that have ended. Each change of the partition drops some; no event is needed, since no answer counts
-- them any more.
local function drop_ended(place, now_s)
  local ended = redis.call('ZRANGE', place.ending, '-inf', stamp(now_s), 'BYSCORE', 'LIMIT', 0, ENDED_DROPPED_PER_CALL,
    'WITHSCORES')
  for i = 1, #ended, 2 do
    local context, role, sub = string.match(ended[i], '^(%S+) (%S+) (.*)$')
    write_orders('ZREM', place, sub, context, role, stamp(tonumber(ended[i + 1])))
    count_role(role, -1)
  end
end

-- Returns whether it was held, not ended, until now.
local function remove_role(place, now_s, sub, context, role)
  local expires = find_expiry(place, sub, context, role)
  if not expires then return false end
  write_orders('ZREM', place, sub, context, role, expires)
  count_role(role, -1)
  return not has_ended(expires, now_s)
end

-- Returns whether anything changed.
local function assign_role(place, sub, context, role, expires)
  local held_until = find_expiry(place, sub, context, role)
  if held_until == expires then return false end
  if held_until then
    write_orders('ZREM', place, sub, context, role, held_until)
  else
    count_role(role, 1)
  end
  write_orders('ZADD', place, sub, context, role, expires)
  return true
end

-- Collects the subjects and contexts that changed, for one event. A subject with more contexts than this is named without
-- them.
local MAX_NAMED_CONTEXTS = 32

local function new_touched()
  return { subjects = {}, by_sub = {} }
end

local function touch(touched, sub, context)
  local subject = touched.by_sub[sub]
  if not subject then
    subject = { sub = sub, contexts = {} }
    touched.by_sub[sub] = subject
    touched.subjects[#touched.subjects + 1] = subject
  end
  local contexts = subject.contexts
  if not contexts then return end
  for _, known in ipairs(contexts) do
    if known == context then return end
  end
  contexts[#contexts + 1] = context
  if #contexts > MAX_NAMED_CONTEXTS then subject.contexts = nil end
end

-- Ends a script's changes: writes what was collected and, if anything changed, the event.
local function conclude(place, touched, now, retention_ms, channel)
  put_holders(place)
  put_role_counts(place)
  local first = touched.subjects[1]
  if not first then return end
  local event = { type = 'subjects', subjects = touched.subjects }
  if #touched.subjects == 1 then event = { type = 'subject', sub = first.sub, contexts = first.contexts } end
  append_event(place.base, now, retention_ms, channel, cjson.encode(event))
end
