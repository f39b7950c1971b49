-- Forget the oldest facts beyond a limit, while they are one owner's: its pins and held facts are keys of their own.
-- KEYS: 1 totals (hash: fact -> value), 2 ages (zset: fact -> age), 3 horizons (hash: owner -> age), 4 the owner's pins (set),
--       5 the owner's held facts (zset: fact -> age)
-- ARGV: 1 owner, 2 most facts kept. Returns whose facts are next to go, '' for nobody's.
-- Facts leave whole (owner, age) groups at a time, and raise their owner's horizon: whatever an owner reports at or below
-- its horizon counts as published, so forgetting never repeats.
-- A pinned owner (part of its past is still being read) keeps all its facts, outside the count, as held: its horizon must
-- not rise over what nobody has read yet.
local function owner_of(fact) return string.match(fact, '^([^:]*):') end

local pinned = redis.call('EXISTS', KEYS[4]) == 1
local surplus = redis.call('ZCARD', KEYS[2]) - tonumber(ARGV[2])
local gone, nexts = nil, ''
while surplus > 0 do
  local oldest = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
  local age = oldest[2]
  if owner_of(oldest[1]) ~= ARGV[1] then
    nexts = owner_of(oldest[1])
    break
  end
  for _, fact in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], age, age)) do
    if owner_of(fact) == ARGV[1] then
      redis.call('ZREM', KEYS[2], fact)
      if pinned then redis.call('ZADD', KEYS[5], age, fact) else redis.call('HDEL', KEYS[1], fact) end
      surplus = surplus - 1
    end
  end
  gone = age
end
if gone and not pinned then
  local horizon = redis.call('HGET', KEYS[3], ARGV[1])
  if not horizon or tonumber(gone) > tonumber(horizon) then redis.call('HSET', KEYS[3], ARGV[1], gone) end
end
return nexts
