-- Publish a fact once.
-- KEYS: 1 stream, 2 totals (hash: fact -> value), 3 ages (zset: fact -> age), 4 horizons (hash: owner -> age)
-- ARGV: 1 fact, 2 expected value ('' = never published), 3 new value, 4 age, 5 most facts kept, 6 event name, 7 json
-- A fact is 'owner:rest'. Returns {'published', entry id} | {'known', value} | {'expired', horizon}.
-- Facts beyond the limit leave oldest first, whole (owner, age) groups at a time, and raise their owner's horizon:
-- whatever an owner reports at or below its horizon counts as published, so forgetting never repeats.
-- A pinned owner (a set 'stream:pins:owner' exists: part of its past is still being read) keeps all its facts, outside
-- the count, in 'stream:held:owner': its horizon must not rise over what nobody has read yet.
local guard = string.match(KEYS[2], '^(.*):facts$')
local known = redis.call('HGET', KEYS[2], ARGV[1])
if (known or '') ~= ARGV[2] then
  return {'known', known or ''}
end
local owner = string.match(ARGV[1], '^([^:]*):')
if not known then
  local horizon = redis.call('HGET', KEYS[4], owner)
  if horizon and tonumber(ARGV[4]) <= tonumber(horizon) then
    return {'expired', horizon}
  end
end

local entry = redis.call('XADD', KEYS[1], '*', 'event', ARGV[6], 'json', ARGV[7])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
redis.call('ZADD', KEYS[3], ARGV[4], ARGV[1])

local surplus = redis.call('ZCARD', KEYS[3]) - tonumber(ARGV[5])
local gone = {}
while surplus > 0 do
  local oldest = redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')
  local age = oldest[2]
  local same = redis.call('ZRANGEBYSCORE', KEYS[3], age, age)
  local doomed = string.match(oldest[1], '^([^:]*):')
  local pinned = redis.call('EXISTS', guard .. ':pins:' .. doomed) == 1
  for _, fact in ipairs(same) do
    if string.match(fact, '^([^:]*):') == doomed then
      redis.call('ZREM', KEYS[3], fact)
      if pinned then
        redis.call('ZADD', guard .. ':held:' .. doomed, age, fact)
      else
        redis.call('HDEL', KEYS[2], fact)
      end
      surplus = surplus - 1
    end
  end
  if not pinned then gone[doomed] = age end
end
for doomed, age in pairs(gone) do
  local horizon = redis.call('HGET', KEYS[4], doomed)
  if not horizon or tonumber(age) > tonumber(horizon) then
    redis.call('HSET', KEYS[4], doomed, age)
  end
end
return {'published', entry}
