-- One turn at one or more gates, or one throttle report. All or none, one round trip, the server's clock.
--
-- KEYS[1] set of gate names, KEYS[2..] one hash per gate
-- ARGV[1] "take" or "cut", [2] lane 1..4, [3] cost, [4] hold_us (cut only), then for each gate 15 values:
--   name, rate/s, burst, floor/s, recover/s, cut, cool_down_us, slow_factor, slow_floor_us, successes, latency_us,
--   and the ticket handed out before: slot, shift, gen (slot 0: not queued here), patience_us of the lane
-- Answer: {go, wait_us, slot, shift, gen, ...}. go 1: sleep wait_us, then send. go 0: sleep, then ask again with the ticket.
--
-- A gate is two GCRA clocks. t1..t4 are the reserved ends of work of lanes 1..k: an arrival on lane k queues at tk and pushes
-- every lower lane back (s2..s4 sum the pushes, so a sleeping ticket learns how far it moved). `phys` is what really went
-- out: it alone bounds the burst, whoever wakes late. Reads first, writes last: Redis rolls nothing back.
-- A second run of the same call costs one slot more and nothing else.

local FIELDS = {
  'seen', 't1', 't2', 't3', 't4', 's2', 's3', 's4', 'phys', 'factor', 'hold', 'gen', 'cut_at', 'up_at',
  'rate', 'burst', 'floor', 'rate_at', 'granted', 'throttled', 'slow', 'base',
}
local TIMES = { 't1', 't2', 't3', 't4', 'phys', 'hold', 'cut_at', 'up_at', 'rate_at' }
local T = { 't1', 't2', 't3', 't4' }
local S = { 's1', 's2', 's3', 's4' }
local PER_GATE = 15
local STEP = 1000000      -- a clock this much behind what was seen was stepped, not slewed
local RATE_LIVES = 60000000 -- the lowest target wins while somebody asked with it in this time
local EARLY = 500         -- woken this much before its slot counts as on time
local FINAL = 50000       -- a last wait this short is not checked again

local max, min = math.max, math.min
local time = redis.call('TIME')
local server_now = time[1] * 1000000 + time[2]

-- An empty bucket at `at`: the first token comes one interval (at most a second) later, no burst.
local function empty(g, at)
  local full = at + (g.burst - 1) * g.gap + min(g.gap, 1000000)
  g.t1, g.t2, g.t3, g.t4, g.phys = full, full, full, full, full
end

local function pace(g)
  g.gap = 1000000 / max(min(g.floor, g.rate), g.rate * g.factor)
end

local function born(rate, burst, floor)
  local g = {
    seen = server_now, s2 = 0, s3 = 0, s4 = 0, factor = 1, hold = 0, gen = 1, cut_at = 0, up_at = server_now,
    rate = rate, burst = burst, floor = floor, rate_at = server_now, granted = 0, throttled = 0, slow = 0, base = 0,
  }
  pace(g)
  empty(g, server_now)
  return g
end

local function known(values)
  local g = {}
  for i = 1, #FIELDS do g[FIELDS[i]] = tonumber(values[i]) end
  if server_now < g.seen - STEP then -- stepped back: carry the distances over, let tickets queue again
    for i = 1, #TIMES do g[TIMES[i]] = g[TIMES[i]] + server_now - g.seen end
    g.gen = g.gen + 1
    g.seen = server_now
  end
  g.seen = max(g.seen, server_now)
  return g
end

local function load(i)
  local at = 4 + (i - 1) * PER_GATE
  local rate, burst, floor = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  local values = redis.call('HMGET', KEYS[i + 1], unpack(FIELDS))
  local g
  if values[1] then g = known(values) else g = born(rate, burst, floor) end
  g.new, g.at, g.now = not values[1], at, g.seen
  if rate < g.rate or (rate == g.rate and burst <= g.burst) or g.now - g.rate_at > RATE_LIVES then
    g.rate, g.burst, g.floor, g.rate_at = rate, burst, floor, g.now
  end
  pace(g)
  return g
end

local function save(i, g)
  if g.new then redis.call('SADD', KEYS[1], ARGV[g.at + 1]) end
  local f = string.format
  redis.call('HSET', KEYS[i + 1],
    'seen', f('%.0f', g.seen), 't1', f('%.0f', g.t1), 't2', f('%.0f', g.t2), 't3', f('%.0f', g.t3), 't4', f('%.0f', g.t4),
    's2', f('%.0f', g.s2), 's3', f('%.0f', g.s3), 's4', f('%.0f', g.s4), 'phys', f('%.0f', g.phys),
    'factor', f('%.6f', g.factor), 'hold', f('%.0f', g.hold), 'gen', g.gen, 'cut_at', f('%.0f', g.cut_at),
    'up_at', f('%.0f', g.up_at), 'rate', f('%.6f', g.rate), 'burst', g.burst, 'floor', f('%.6f', g.floor),
    'rate_at', f('%.0f', g.rate_at), 'granted', f('%.0f', g.granted), 'throttled', g.throttled,
    'slow', f('%.0f', g.slow), 'base', f('%.0f', g.base))
end

local function slower(g, by)
  g.factor = max(min(g.floor, g.rate) / g.rate, g.factor * by)
  g.cut_at = g.now
  pace(g)
end

-- Answers slower than usual: the venue queues before it refuses.
local function rising(g, latency)
  if latency <= 0 then return false end
  if g.base == 0 then g.base, g.slow = latency, latency end
  g.slow = g.slow + 0.3 * (latency - g.slow)
  g.base = g.base + (latency < g.base and 0.1 or 0.005) * (latency - g.base)
  return g.slow > max(tonumber(ARGV[g.at + 9]), tonumber(ARGV[g.at + 8]) * g.base)
end

local function learn(g)
  if ARGV[g.at + 10] == '0' or g.now < g.hold then return end
  if rising(g, tonumber(ARGV[g.at + 11])) then
    if g.now - g.cut_at >= tonumber(ARGV[g.at + 7]) then slower(g, 0.8) end
    g.up_at = g.now
  elseif g.now > g.up_at then
    g.factor = min(1, g.factor + tonumber(ARGV[g.at + 5]) * min(g.now - g.up_at, 1000000) / 1000000)
    g.up_at = g.now
    pace(g)
  end
end

local function reserve(g, lane, work)
  for j = lane, 4 do
    g[T[j]] = max(g[T[j]], g.now) + work
    if j > lane then g[S[j]] = g[S[j]] + work end
  end
end

local function queue(g, lane, cost, due)
  g.slot, g.shift = due, g[S[lane]] or 0
  reserve(g, lane, cost * g.gap)
end

-- When this caller's turn comes here; joins the queue when that is not now.
local function due(g, lane, cost)
  g.slot, g.shift = tonumber(ARGV[g.at + 12]), tonumber(ARGV[g.at + 13])
  if g.slot > 0 and tonumber(ARGV[g.at + 14]) == g.gen then
    local pushed, patience = (g[S[lane]] or 0) - g.shift, tonumber(ARGV[g.at + 15])
    g.aged = pushed > patience
    return g.slot + min(pushed, patience)
  end
  g.slot, g.shift = 0, 0
  local turn = max(g.now, g[T[lane]] + (cost - g.burst) * g.gap)
  if turn > g.now then queue(g, lane, cost, turn) end
  return turn
end

local function go(g, lane, cost)
  local work = cost * g.gap
  if g.slot == 0 then reserve(g, lane, work) end
  if g.aged then -- it leaves the queue ahead of its place: give the place back
    for j = lane, 4 do g[T[j]] = g[T[j]] - work end
  end
  g.phys = max(g.phys, g.now) + work
  g.granted = g.granted + cost
end

local function take(gates, lane, cost)
  local wait, late = 0, 0
  for _, g in ipairs(gates) do
    learn(g)
    wait = max(wait, due(g, lane, cost) - g.now, g.hold - g.now)
    late = max(late, g.phys + (cost - g.burst) * g.gap - g.now)
  end
  local ready = wait <= EARLY
  if ready and late <= FINAL then
    for _, g in ipairs(gates) do go(g, lane, cost) end
    return 1, late
  end
  if ready then -- its turn, but the burst is spent: stand in the queue, so that lower lanes yield
    for _, g in ipairs(gates) do
      if g.slot == 0 then queue(g, lane, cost, g.now) end
    end
  end
  return 0, max(wait, late)
end

local function cut(g, hold)
  local ends = g.now + hold
  g.throttled = g.throttled + 1
  if g.now - g.cut_at >= tonumber(ARGV[g.at + 7]) then slower(g, tonumber(ARGV[g.at + 6])) end
  if ends > g.hold then -- everybody queues again behind the hold, at the new pace
    g.hold, g.up_at, g.gen = ends, ends, g.gen + 1
    empty(g, ends)
  end
end

local gates = {}
for i = 1, #KEYS - 1 do gates[i] = load(i) end
local answer = { 0, 0 }
if ARGV[1] == 'take' then
  local went, wait = take(gates, tonumber(ARGV[2]), tonumber(ARGV[3]))
  answer = { went, math.ceil(wait) }
  for _, g in ipairs(gates) do
    answer[#answer + 1] = string.format('%.0f', g.slot)
    answer[#answer + 1] = string.format('%.0f', g.shift)
    answer[#answer + 1] = string.format('%.0f', g.gen)
  end
else
  for _, g in ipairs(gates) do cut(g, tonumber(ARGV[4])) end
end
for i, g in ipairs(gates) do save(i, g) end
return answer
