-- One process's newest word, stamped by the server's clock: no client's clock says how old a heartbeat is.
-- KEYS: 1 beats (hash: instance -> '<ms> <json>')
-- ARGV: instance, json, and again for each part that the process has
local now = redis.call('TIME')
local stamp = string.format('%.0f', tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000))
for at = 1, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[at], stamp .. ' ' .. ARGV[at + 1])
end
return #ARGV / 2
