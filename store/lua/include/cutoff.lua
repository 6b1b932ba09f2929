-- Adds to what a cutoff record voids; never takes anything away.
-- Record: full cutoff µs, then disjoint spans above it, ascending: ' <from>-<to>' voids from < issued <= to | written at µs
--   | details (JSON of the caller).
-- requested: as requested_span reads it; a '!' behind it restores a lost revocation, which is never refused for too many
--   spans.
-- born: when the thing was issued, if it has one time of issue (a token, a grant, a session); nil for all others. Once such
--   a thing is void up to the time the record was written, another cutoff adds nothing.
-- Returns the end of the voided span, its text for the log (nil when nothing changed) and the record in force; or three
-- nils and why it was refused: future | too-many-spans.
-- A time beyond now is cut to now, and a span that is empty then changes nothing: nothing was issued in it.
local FUTURE_TOLERANCE_US = 60000000
local MAX_SPANS = 8

-- The full cutoff is the span from 0.
local function spans_of(record)
  local spans = { { 0, tonumber(string.match(record, '^%d+') or '0') } }
  for from, to in string.gmatch(string.match(record, '^[^\n]*'), ' (%d+)%-(%d+)') do
    spans[#spans + 1] = { tonumber(from), tonumber(to) }
  end
  return spans
end

local function add_span(spans, from, to)
  local below, above = {}, {}
  for _, span in ipairs(spans) do
    if span[2] < from then below[#below + 1] = span
    elseif span[1] > to then above[#above + 1] = span
    else from, to = math.min(from, span[1]), math.max(to, span[2]) end
  end
  below[#below + 1] = { from, to }
  for _, span in ipairs(above) do below[#below + 1] = span end
  return below, to
end

local function text_of(spans)
  local texts = { stamp(spans[1][2]) }
  for i = 2, #spans do texts[i] = stamp(spans[i][1]) .. '-' .. stamp(spans[i][2]) end
  return table.concat(texts, ' ')
end

local function cut(key, now, requested, details, ttl_ms, born)
  local from, to = requested_span(requested, now)
  if math.max(from, to) > now + FUTURE_TOLERANCE_US then return nil, nil, nil, 'future' end
  to = math.min(to, now)
  local existing = redis.call('GET', key)
  if from > 0 and from >= to then return to, nil, existing or '' end

  local spans = spans_of(existing or '')
  local written = existing and tonumber(string.match(existing, '^[^\n]*\n(%d+)'))
  for _, span in ipairs(spans) do
    local is_final = written and born and span[1] < born and born <= span[2] and span[2] >= written
    local is_known = existing and span[1] <= from and to <= span[2]
    if is_final or is_known then return span[2], nil, existing end
  end

  local merged, merged_to = add_span(spans, from, to)
  local is_full = #merged > #spans and #merged - 1 > MAX_SPANS
  if is_full and string.sub(requested, -1) ~= '!' then return nil, nil, nil, 'too-many-spans' end
  local record = text_of(merged) .. '\n' .. stamp(now) .. '\n' .. details
  redis.call('SET', key, record, 'PX', ttl_ms)
  return merged_to, from > 0 and stamp(from) .. '-' .. stamp(to) or stamp(to), record
end
