-- What the ledger holds, as of one moment, in one round trip.
-- KEYS: 1 accounts (hash), 2 writes done (zset), 3 seq (string), then the hash of each record (as often as it is asked)
-- ARGV: 1 how many accounts, 2 how many writes, then the accounts, the writes, and the field of each record
-- Returns {seq, values, scores, records}, '' for what is not there.
local accounts, writes = tonumber(ARGV[1]), tonumber(ARGV[2])
local values, scores, records = {}, {}, {}
if accounts > 0 then
  for i, value in ipairs(redis.call('HMGET', KEYS[1], unpack(ARGV, 3, 2 + accounts))) do values[i] = value or '0' end
end
for i = 3 + accounts, 2 + accounts + writes do scores[#scores + 1] = redis.call('ZSCORE', KEYS[2], ARGV[i]) or '' end
for i = 1, #KEYS - 3 do
  records[i] = redis.call('HGET', KEYS[3 + i], ARGV[2 + accounts + writes + i]) or ''
end
return {redis.call('GET', KEYS[3]) or '0', values, scores, records}
