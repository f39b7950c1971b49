-- Move cursors forward, never back; safe to send again. One that has passed the clock is none, and is set anew.
-- KEYS: 1 hash of cursors. ARGV: the clock ('' for none), then field, value, field, value, ...
local clock = tonumber(ARGV[1]) or math.huge
for place = 2, #ARGV, 2 do
  local known = tonumber(redis.call('HGET', KEYS[1], ARGV[place]) or '')
  if not known or known > clock or tonumber(ARGV[place + 1]) > known then
    redis.call('HSET', KEYS[1], ARGV[place], ARGV[place + 1])
  end
end
return (#ARGV - 1) / 2
