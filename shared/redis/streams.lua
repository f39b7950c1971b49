-- Publish a fact once.
-- KEYS: 1 stream, 2 totals (hash: fact -> value), 3 ages (zset: fact -> age), 4 horizons (hash: owner -> age)
-- ARGV: 1 fact, 2 expected value ('' = never published), 3 new value, 4 age, 5 most facts kept, 6 event name, 7 json
-- A fact is 'owner:rest'. Returns {'published', entry id}, and whose facts are to go where a hundredth more are kept than
-- may be (`forget.lua`) | {'known', value} | {'expired', horizon}.
local known = redis.call('HGET', KEYS[2], ARGV[1])
if (known or '') ~= ARGV[2] then
  return {'known', known or ''}
end
if not known then
  local horizon = redis.call('HGET', KEYS[4], string.match(ARGV[1], '^([^:]*):'))
  if horizon and tonumber(ARGV[4]) <= tonumber(horizon) then
    return {'expired', horizon}
  end
end

local entry = redis.call('XADD', KEYS[1], '*', 'event', ARGV[6], 'json', ARGV[7])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
redis.call('ZADD', KEYS[3], ARGV[4], ARGV[1])
local most = tonumber(ARGV[5])
if redis.call('ZCARD', KEYS[3]) <= most + math.floor(most / 100) then return {'published', entry} end
return {'published', entry, string.match(redis.call('ZRANGE', KEYS[3], 0, 0)[1], '^([^:]*):')}
