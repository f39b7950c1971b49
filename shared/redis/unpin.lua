-- Take back one reason to remember an owner's facts; without any left, they may be forgotten like all others.
-- KEYS: 1 ages (zset: fact -> age), 2 the owner's pins (set), 3 its held facts (zset: fact -> age)
-- ARGV: 1 reason, 2 most facts moved in one call. Returns how many are still held.
redis.call('SREM', KEYS[2], ARGV[1])
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
local facts = redis.call('ZRANGE', KEYS[3], 0, tonumber(ARGV[2]) - 1, 'WITHSCORES')
for place = 1, #facts, 2 do
  redis.call('ZADD', KEYS[1], facts[place + 1], facts[place])
  redis.call('ZREM', KEYS[3], facts[place])
end
return redis.call('ZCARD', KEYS[3])
