-- Trim a stream only up to what every group has finished with.
-- KEYS: 1 stream. ARGV: 1 how many finished entries to keep all the same. Returns the number of entries removed.
-- The slowest group's oldest pending entry (or its last delivered one) is the limit; a stream nobody reads keeps ARGV[1].
-- A group none of whose readers came for a week holds nothing back: nobody follows a signal that is older than a day.
local FORSAKEN_MS = 604800000
local length = redis.call('XLEN', KEYS[1])
local surplus = length - tonumber(ARGV[1])
if surplus <= 0 then return 0 end
surplus = math.min(surplus, 10000)
local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', surplus + 1)
local limit = first[#first][1]

local function below(a, b)
  local a_ms, a_seq = string.match(a, '(%d+)-(%d+)')
  local b_ms, b_seq = string.match(b, '(%d+)-(%d+)')
  if tonumber(a_ms) ~= tonumber(b_ms) then return tonumber(a_ms) < tonumber(b_ms) end
  return tonumber(a_seq) < tonumber(b_seq)
end

local function forsaken(name)
  local readers = redis.call('XINFO', 'CONSUMERS', KEYS[1], name)
  for _, raw in ipairs(readers) do
    for i = 1, #raw, 2 do
      if raw[i] == 'idle' and raw[i + 1] < FORSAKEN_MS then return false end
    end
  end
  return #readers > 0
end

for _, raw in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local group = {}
  for i = 1, #raw, 2 do group[raw[i]] = raw[i + 1] end
  local needed = group['last-delivered-id']
  local pending = redis.call('XPENDING', KEYS[1], group['name'])
  if pending[1] > 0 then needed = pending[2] end
  if below(needed, limit) and not forsaken(group['name']) then limit = needed end
end
return redis.call('XTRIM', KEYS[1], 'MINID', limit)
