-- Gaps between what was read and where polling went on; every call is safe to send again.
-- KEYS: 1 gaps (hash: source:leader:high -> low), 2 cursors.
-- ARGV: 'leave', field, low, cursor field, high | 'read', field, low | 'close', field
local field, low = ARGV[2], tonumber(ARGV[3] or '0')
local known = redis.call('HGET', KEYS[1], field)
if ARGV[1] == 'leave' then
  if not known then redis.call('HSET', KEYS[1], field, low) end
  local cursor = redis.call('HGET', KEYS[2], ARGV[4])
  if not cursor or tonumber(ARGV[5]) > tonumber(cursor) then redis.call('HSET', KEYS[2], ARGV[4], ARGV[5]) end
elseif ARGV[1] == 'read' then
  if known and low > tonumber(known) then redis.call('HSET', KEYS[1], field, low) end
else
  redis.call('HDEL', KEYS[1], field)
end
return 1
