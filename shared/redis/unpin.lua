-- Take back one reason to remember an owner's facts; without any left, they may be forgotten like all others.
-- KEYS: 1 stream. ARGV: 1 owner, 2 reason, 3 most facts moved in one call. Returns how many are still held.
local pins, held = KEYS[1] .. ':pins:' .. ARGV[1], KEYS[1] .. ':held:' .. ARGV[1]
redis.call('SREM', pins, ARGV[2])
if redis.call('EXISTS', pins) == 1 then return 0 end
local facts = redis.call('ZRANGE', held, 0, tonumber(ARGV[3]) - 1, 'WITHSCORES')
for place = 1, #facts, 2 do
  redis.call('ZADD', KEYS[1] .. ':ages', facts[place + 1], facts[place])
  redis.call('ZREM', held, facts[place])
end
return redis.call('ZCARD', held)
