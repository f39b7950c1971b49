-- Agree on how many shards there are: every buyer asks before it takes one. One step, so nobody sees half a change.
-- KEYS: 1 the layout (string: how many shards), 2 the stream of signals, then each mode's leases on the shards that stand.
-- ARGV: 1 how many are wanted, 2 how many stand, 3 our mode, then each mode
-- Returns {'', ''} when that stands now, {'changed', ''} when others stand, else {lease, holder}: somebody works under
-- another number.
-- A change moves the tokens of the old leases on, so who held one and wakes up is fenced off. The new groups begin where
-- the slowest old one was done with everything: nothing is lost, and what comes again is known by its decision.
-- Each mode has groups of its own. Live without any begins where paper's stand: before, it read by those.
-- Names as in buyer/domain/token_shard.py. A server without a layout has one shard, or none.
local LONGEST_LEASE_MS = 3000000
local wanted = tonumber(ARGV[1])
local stood = tonumber(redis.call('GET', KEYS[1]) or '1')
if stood ~= tonumber(ARGV[2]) then return {'changed', ''} end
local own = ARGV[3]

local function group_of(mode, number)
  local name = mode == 'live' and 'buyer-live' or 'buyer'
  return number == 0 and name or name .. '-' .. number
end

local groups = {}
if redis.call('EXISTS', KEYS[2]) == 1 then
  for _, raw in ipairs(redis.call('XINFO', 'GROUPS', KEYS[2])) do
    local group = {}
    for i = 1, #raw, 2 do group[raw[i]] = raw[i + 1] end
    groups[group['name']] = group['last-delivered-id']
  end
end

local function parts(id)
  local ms, seq = string.match(id, '(%d+)-(%d+)')
  return tonumber(ms), tonumber(seq)
end

local function before(id)
  local ms, seq = parts(id)
  if seq > 0 then return string.format('%.0f-%.0f', ms, seq - 1) end
  return string.format('%.0f-18446744073709551615', ms - 1)
end

local function is_below(a, b)
  local a_ms, a_seq = parts(a)
  local b_ms, b_seq = parts(b)
  return a_ms < b_ms or (a_ms == b_ms and a_seq < b_seq)
end

-- where a mode's slowest group was done with everything; nil where it has none
local function slowest(mode)
  local start, any
  for number = 0, stood - 1 do
    local name = group_of(mode, number)
    local done = groups[name] or '0-0'
    any = any or groups[name]
    if groups[name] then
      local pending = redis.call('XPENDING', KEYS[2], name)
      if pending[1] > 0 then done = before(pending[2]) end
    end
    if not start or is_below(done, start) then start = done end
  end
  return any and start
end

local function inherited()
  return own == 'live' and slowest('paper') or '0-0'
end

if stood == wanted then
  redis.call('SET', KEYS[1], ARGV[1])
  local start = slowest(own) and '0-0' or inherited()
  for number = 0, wanted - 1 do
    -- one alone makes its group when it first reads: who reads a pipe has none
    if wanted > 1 and not groups[group_of(own, number)] then
      redis.call('XGROUP', 'CREATE', KEYS[2], group_of(own, number), start, 'MKSTREAM')
    end
  end
  return {'', ''}
end

local time = redis.call('TIME')
local now_ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local leases = {}
for place = 3, #KEYS do
  local lease = KEYS[place]
  local left_ms = tonumber(redis.call('HGET', lease, 'until_ms') or '0') - now_ms
  -- longer than any lease: the server's clock stepped back
  if left_ms > 0 and left_ms < LONGEST_LEASE_MS then return {lease, redis.call('HGET', lease, 'holder') or ''} end
  if redis.call('EXISTS', lease) == 1 then leases[#leases + 1] = lease end
end

for _, lease in ipairs(leases) do
  redis.call('HINCRBY', lease, 'token', 1)
  redis.call('HSET', lease, 'holder', 'BUYER_SHARDS=' .. ARGV[1], 'until_ms', '0')
end
for place = 4, #ARGV do
  local mode = ARGV[place]
  local start = slowest(mode) or (mode == own and inherited())
  if start then
    for number = 0, math.max(stood, wanted) - 1 do
      if groups[group_of(mode, number)] then redis.call('XGROUP', 'DESTROY', KEYS[2], group_of(mode, number)) end
    end
    for number = 0, wanted - 1 do
      redis.call('XGROUP', 'CREATE', KEYS[2], group_of(mode, number), start, 'MKSTREAM')
    end
  end
end
redis.call('SET', KEYS[1], ARGV[1])
return {'', ''}
