-- Move cursors forward, never back; safe to send again.
-- KEYS: 1 hash of cursors. ARGV: field, value, field, value, ...
for place = 1, #ARGV, 2 do
  local known = redis.call('HGET', KEYS[1], ARGV[place])
  if not known or tonumber(ARGV[place + 1]) > tonumber(known) then
    redis.call('HSET', KEYS[1], ARGV[place], ARGV[place + 1])
  end
end
return #ARGV / 2
