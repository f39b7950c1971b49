-- One member's heartbeat, and who is alive. Only the server's clock decides; a member that stays away is out.
-- KEYS: 1 members (zset: name -> alive until, ms), 2 what each knows (hash: name -> digest), 3 version of the shared list
-- ARGV: 1 name, 2 time to live in ms (0 = leave now), 3 digest. Returns {version, name, digest, name, digest, ...}
local now = redis.call('TIME')
local now_ms = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)
local ttl = tonumber(ARGV[2])
if ttl > 0 then
  redis.call('ZADD', KEYS[1], string.format('%.0f', now_ms + ttl), ARGV[1])
  redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
else
  redis.call('ZREM', KEYS[1], ARGV[1])
  redis.call('HDEL', KEYS[2], ARGV[1])
end
local answer = {redis.call('GET', KEYS[3]) or '0'}
for _, name in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local alive_until = tonumber(redis.call('ZSCORE', KEYS[1], name))
  -- A clock that stepped back must not keep the dead alive: nobody lives longer than a day without a beat.
  if alive_until <= now_ms or alive_until > now_ms + 86400000 then
    redis.call('ZREM', KEYS[1], name)
    redis.call('HDEL', KEYS[2], name)
  else
    answer[#answer + 1] = name
    answer[#answer + 1] = redis.call('HGET', KEYS[2], name) or ''
  end
end
return answer
