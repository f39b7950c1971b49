-- A lease with a fencing token. Time decides only when a standby may take over, never whether a write counts:
-- every write checks the token (shared/ledger/ledger.lua).
-- KEYS: 1 lease (hash: holder, token, until_ms, renewed_ms), 2 a condition (string)
-- ARGV: 1 holder, 2 time to live in ms, 3 token ('' = acquire, else renew), 4 what the condition must be to acquire ('' = any)
-- Returns {token, 'held'} or {'', holder}.
local now = redis.call('TIME')
local now_ms = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)
local holder = redis.call('HGET', KEYS[1], 'holder')
local token = redis.call('HGET', KEYS[1], 'token')
local until_ms = tonumber(redis.call('HGET', KEYS[1], 'until_ms') or '0')

if ARGV[3] ~= '' then
  if token ~= ARGV[3] then return {'', holder or ''} end
  redis.call('HSET', KEYS[1], 'until_ms', string.format('%.0f', now_ms + tonumber(ARGV[2])),
    'renewed_ms', string.format('%.0f', now_ms))
  return {token, 'held'}
end
if ARGV[4] ~= '' then
  local stands = redis.call('GET', KEYS[2]) or ''
  if stands ~= ARGV[4] then return {'', KEYS[2] .. '=' .. stands} end
end
-- A clock that stepped back must not lock everybody out: a lease never lasts longer than its own length from now.
local stepped = until_ms > now_ms + 10 * tonumber(ARGV[2])
if holder and holder ~= ARGV[1] and until_ms > now_ms and not stepped then return {'', holder} end
-- A token is at least the time, so that a server that was emptied, or went back, never gives out one that an old holder
-- still has.
token = math.max(tonumber(token or '0') + 1, now_ms)
redis.call('HSET', KEYS[1], 'token', string.format('%.0f', token), 'holder', ARGV[1],
  'until_ms', string.format('%.0f', now_ms + tonumber(ARGV[2])),
  'renewed_ms', string.format('%.0f', now_ms))
return {string.format('%.0f', token), 'held'}
