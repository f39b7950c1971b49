-- Keep what waits for a second source; safe to send again.
-- KEYS: 1 hash (fact -> JSON {source: sighting}), 2 zset (fact -> when its time is over).
-- ARGV: 1 'note', then fact, source, sighting, due: returns the fact's JSON with this sighting in it.
-- ARGV: 1 'settle', then fact, JSON: forgets the fact if it still holds exactly this; returns 1 if so.
if ARGV[1] == 'settle' then
  if redis.call('HGET', KEYS[1], ARGV[2]) ~= ARGV[3] then
    return 0
  end
  redis.call('HDEL', KEYS[1], ARGV[2])
  redis.call('ZREM', KEYS[2], ARGV[2])
  return 1
end
local raw = redis.call('HGET', KEYS[1], ARGV[2])
local held = raw and cjson.decode(raw) or {}
if held[ARGV[3]] ~= ARGV[4] then
  held[ARGV[3]] = ARGV[4]
  raw = cjson.encode(held)
  redis.call('HSET', KEYS[1], ARGV[2], raw)
end
redis.call('ZADD', KEYS[2], 'NX', ARGV[5], ARGV[2])
return raw
