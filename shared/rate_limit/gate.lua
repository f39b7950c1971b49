-- One turn at one or more gates, or one throttle report. All or none, one round trip, the server's clock.
--
-- KEYS[1] set of gate names, KEYS[2..] one string per gate
-- ARGV[1] cost, [2] lane 1..4 and patience_us, or "cut" and hold_us, then for each gate 2 values:
--   limits: "rate/s burst floor/s recover/s cut cool_down_us slow_factor slow_floor_us"
--   note: "successes latency_us;slot shift gen yielded": the news since the last call; the ticket handed out before;
--   either may be missing, the news of a calm gate are read ten times a second
-- Answer: 1: send. {1, wait_us}: sleep, then send. {0, wait_us, ticket, ...}: sleep, then ask again with the tickets.
--
-- A gate is two GCRA clocks. t1..t4 are the reserved ends of work of lanes 1..k: an arrival on lane k queues at tk and
-- pushes every lower lane back (s2..s4 sum the pushes, so a sleeping ticket learns how far it moved). `phys` is what
-- really went out: it alone bounds the burst, whoever wakes late. Reads first, writes last: Redis rolls nothing back.
-- A second run of the same call costs one slot more and nothing else. Times are microseconds.
--
-- This runs before every request we make, so a gate is one string (GET and SET 2 us; a hash of 22 fields 10 us):
--   "calm|busy seen phys granted gap burst full_at|limits|t1 t2 t3 t4 s2 s3 s4 factor hold gen cut_at up_at
--   rate_at throttled slow base". Calm: nobody queues or holds, every t is `phys`, and until `full_at` a turn is the
--   few lines that follow.

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local HEAD = '%016d %016d %015d' -- always as wide, so that it can be written over

if #KEYS == 2 and string.sub(ARGV[4], -1) == ';' and string.sub(ARGV[2], 1, 3) ~= 'cut' then
  local text = redis.call('GET', KEYS[2]) or ''
  local seen, phys, granted, gap, burst, full_at, limits =
    string.match(text, '^calm (%d+) (%d+) (%d+) (%S+) (%d+) (%d+)|([^|]*)|')
  if seen and limits == ARGV[3] and now >= seen + 0 and now < full_at + 0 then
    local cost = ARGV[1] + 0
    if phys + (cost - burst) * gap <= now then
      local head = string.format(HEAD, now, math.max(phys, now) + cost * gap, granted + cost)
      redis.call('SETRANGE', KEYS[2], 5, head)
      return 1
    end
  end
end

local T = { 't1', 't2', 't3', 't4' }
local S = { 's1', 's2', 's3', 's4' } -- s1 stays 0: nothing passes the first lane
local PER_GATE = 2
local SECOND = 1000000
local STEP = SECOND           -- a clock this much behind what was seen was stepped, not slewed
local RATE_LIVES = 60 * SECOND -- the lowest target wins while somebody asked with it in this time
local FULL_EVERY = SECOND / 10 -- how often a calm gate looks at everything
local EARLY = 500             -- woken this much before its slot counts as on time
local FINAL = 50000           -- a last wait this short is not checked again

local READ = '^(%a+) (%S+) (%S+) (%S+) %S+ %S+ %S+|([^|]*)|' ..
  '(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+)$'
local WRITE = '%s ' .. HEAD .. ' %.3f %s %d|%s|%d %d %d %d %d %d %d %.6f %d %d %d %d %d %d %d %d'

local max, min, number = math.max, math.min, tonumber

-- An empty bucket at `at`: the first token comes one interval (at most a second) later, no burst.
local function empty(g, at)
  local full = at + (g.burst - 1) * g.gap + min(g.gap, SECOND)
  g.t1, g.t2, g.t3, g.t4, g.phys = full, full, full, full, full
end

local function pace(g)
  g.gap = SECOND / max(min(g.floor, g.rate), g.rate * g.factor)
end

local function obey(g, limits)
  g.limits = limits
  local rate, burst, floor, recover, cut, cool_down, slow_factor, slow_floor =
    string.match(limits, '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+)$')
  g.rate, g.burst, g.floor = number(rate), number(burst), number(floor)
  g.recover, g.cut, g.cool_down = number(recover), number(cut), number(cool_down)
  g.slow_factor, g.slow_floor = number(slow_factor), number(slow_floor)
end

local function born(limits)
  local g = {
    new = true, seen = now, s1 = 0, s2 = 0, s3 = 0, s4 = 0, granted = 0,
    factor = 1, hold = 0, gen = 1, cut_at = 0, up_at = now, rate_at = now, throttled = 0, slow = 0, base = 0,
  }
  obey(g, limits)
  pace(g)
  empty(g, now)
  return g
end

-- The server's clock stepped back: carry every distance over, and let tickets queue again.
local function rebase(g)
  local step = now - g.seen
  for _, f in ipairs({ 't1', 't2', 't3', 't4', 'phys', 'hold', 'cut_at', 'up_at', 'rate_at' }) do g[f] = g[f] + step end
  g.seen, g.gen = now, g.gen + 1
end

-- Numbers stay text until they are reckoned with (Lua then converts them): only what is compared is converted here.
local function known(text)
  local g, mood = { s1 = 0 }, nil
  mood, g.seen, g.phys, g.granted, g.limits, g.t1, g.t2, g.t3, g.t4, g.s2, g.s3, g.s4, g.factor, g.hold,
    g.gen, g.cut_at, g.up_at, g.rate_at, g.throttled, g.slow, g.base = string.match(text, READ)
  obey(g, g.limits)
  if mood == 'calm' then g.t1, g.t2, g.t3, g.t4 = g.phys, g.phys, g.phys, g.phys end
  g.seen = number(g.seen)
  if now < g.seen - STEP then rebase(g) end
  g.seen = max(g.seen, now)
  return g
end

-- The lowest target wins while somebody asks with it.
local function agree(g, limits)
  local rate, burst = string.match(limits, '^(%S+) (%S+)')
  local lower = number(rate) < g.rate or (number(rate) == g.rate and number(burst) < g.burst)
  if lower or g.now - g.rate_at > RATE_LIVES then obey(g, limits) end
  if limits == g.limits then g.rate_at = g.now end
end

local function load(i)
  local at = 2 + (i - 1) * PER_GATE
  local text, limits, note = redis.call('GET', KEYS[i + 1]), ARGV[at + 1], ARGV[at + 2]
  local g = text and known(text) or born(limits)
  g.now, g.latency, g.ticket = g.seen, string.match(note, '^%d+ (%d+);'), string.match(note, ';(.+)$')
  agree(g, limits)
  pace(g)
  return g
end

local function save(i, g)
  if g.new then redis.call('SADD', KEYS[1], string.match(KEYS[i + 1], 'hs:gate:(.*)$')) end
  local last = max(g.t1, g.t2, g.t3, g.t4)
  local calm = g.now >= number(g.hold) and (last <= number(g.phys) or last <= g.now)
  redis.call('SET', KEYS[i + 1], string.format(WRITE, calm and 'calm' or 'busy', g.seen, g.phys, g.granted, g.gap, g.burst,
    g.now + FULL_EVERY, g.limits, g.t1, g.t2, g.t3, g.t4, g.s2, g.s3, g.s4, g.factor, g.hold, g.gen,
    g.cut_at, g.up_at, g.rate_at, g.throttled, g.slow, g.base))
end

local function slower(g, by)
  g.factor = max(min(g.floor, g.rate) / g.rate, g.factor * by)
  g.cut_at = g.now
  pace(g)
end

-- Answers slower than usual: the venue queues before it refuses.
local function rising(g)
  local latency = number(g.latency)
  if latency == 0 then return false end
  g.base, g.slow = number(g.base), number(g.slow)
  if g.base == 0 then g.base, g.slow = latency, latency end
  g.slow = g.slow + 0.3 * (latency - g.slow)
  g.base = g.base + (latency < g.base and 0.1 or 0.005) * (latency - g.base)
  return g.slow > max(g.slow_floor, g.slow_factor * g.base)
end

local function learn(g)
  local passed = g.now - g.up_at
  if not g.latency or passed < FULL_EVERY then return end
  if not rising(g) then
    g.factor = min(1, g.factor + g.recover * min(passed, SECOND) / SECOND)
    pace(g)
  elseif g.now - g.cut_at >= g.cool_down then
    slower(g, 0.8)
  end
  g.up_at = g.now
end

local function reserve(g, lane, work)
  for j = lane, 4 do
    g[T[j]] = max(g[T[j]], g.now) + work
    if j > lane then g[S[j]] = g[S[j]] + work end
  end
end

local function queue(g, lane, cost, due)
  g.slot, g.shift = due, g[S[lane]]
  reserve(g, lane, cost * g.gap)
end

-- When this caller's turn comes here; joins the queue when that is not now. Who was passed for longer than its patience
-- queues in the first lane from then on, also across throttles, which send everybody to queue again.
local function due(g, lane, patience, cost)
  g.lane, g.yielded = lane, 0
  if g.ticket then
    local slot, shift, gen, yielded = string.match(g.ticket, '^(%d+) (%d+) (%d+) (%d+)$')
    local left = max(0, patience - yielded)
    if left == 0 then g.lane = 1 end
    local pushed = max(0, g[S[g.lane]] - shift)
    if number(gen) == number(g.gen) then
      g.slot, g.shift, g.yielded, g.aged = slot, shift, yielded, pushed > left
      return slot + min(pushed, left)
    end
    g.yielded = yielded + pushed
    if g.yielded >= patience then g.lane = 1 end
  end
  local turn = max(g.now, max(g[T[g.lane]], g.now) + (cost - g.burst) * g.gap)
  if turn > g.now then queue(g, g.lane, cost, turn) end
  return turn
end

local function go(g, cost)
  local work = cost * g.gap
  if not g.slot then reserve(g, g.lane, work) end
  if g.aged then -- it leaves the queue ahead of its place: give the place back
    for j = g.lane, 4 do g[T[j]] = g[T[j]] - work end
  end
  g.phys = max(g.phys, g.now) + work
  g.granted = g.granted + cost
end

local function take(gates, lane, patience, cost)
  local wait, late = 0, 0
  for i = 1, #gates do
    local g = gates[i]
    learn(g)
    wait = max(wait, due(g, lane, patience, cost) - g.now, g.hold - g.now)
    late = max(late, g.phys + (cost - g.burst) * g.gap - g.now)
  end
  if wait <= EARLY and late <= FINAL then
    for i = 1, #gates do go(gates[i], cost) end
    return { 1, math.ceil(late) }
  end
  local answer = { 0, math.ceil(max(wait, late)) }
  for i, g in ipairs(gates) do
    -- its turn, but the burst is spent: stand in the queue, so that lower lanes yield
    if wait <= EARLY and not g.slot then queue(g, g.lane, cost, g.now) end
    answer[i + 2] = g.slot and string.format('%d %d %d %d', g.slot, g.shift, g.gen, g.yielded) or ''
  end
  return answer
end

local function cut(g, hold)
  local ends = g.now + hold
  g.throttled = g.throttled + 1
  if g.now - g.cut_at >= g.cool_down then slower(g, g.cut) end
  if ends > number(g.hold) then -- everybody queues again behind the hold, at the new pace
    g.hold, g.up_at, g.gen = ends, ends, g.gen + 1
    empty(g, ends)
  end
end

local gates = {}
for i = 1, #KEYS - 1 do gates[i] = load(i) end
local answer
local what, long = string.match(ARGV[2], '^(%S+) (%d+)$')
if what == 'cut' then
  for i = 1, #gates do cut(gates[i], number(long)) end
else
  answer = take(gates, number(what), number(long), number(ARGV[1]))
end
for i = 1, #gates do save(i, gates[i]) end
return answer
