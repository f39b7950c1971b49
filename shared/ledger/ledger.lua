-- One atomic step of the ledger: validate first, write last (the server rolls nothing back).
-- KEYS: 1 accounts (hash), 2 writes done (zset: id -> seq), 3 seq (string), 4 lease (hash), 5 ack's stream,
--       6 records of lots (hash), then those of other kinds of record and the events' streams
-- ARGV: 1 a JSON object, then the long texts it points to by their place in ARGV:
--   ids (the write's own, then those that it must not follow), most (writes remembered),
--   postings [[account, delta]...], guards [[account, least|null, most|null]...],
--   tallies [{period, count, number}...], peaks [[account, peak]...],
--   records [[its key's place, field, place of its value|false]...], events [[its key's place, name, place of its json]...],
--   token ('' = no fence), ack {group, entry}|null, expected_seq (null = any), seen_seq (null = any): the step after
--     which nobody but the lease's holder may have written, behind ('' = none): the write that must have happened since,
--   after {seen, id, at}|false: the highest number that the writer saw, and the number of its own last step
-- Returns {'written', seq} | {'known', seq} | {'fenced', token now} | {'stale', seq} | {'refused', account, value, limit}
--   | {'back', seq}: this ledger is older than what the writer saw
local write, null = cjson.decode(ARGV[1]), cjson.null

local seq = redis.call('GET', KEYS[3]) or '0'
local lease = write.token ~= '' and redis.call('HMGET', KEYS[4], 'token', 'last', 'since') or {}
local token = lease[1]
if write.token ~= '' and not token then return {'fenced', ''} end
-- Before the fence: a server that went back may have an older lease as well, and that says less.
if write.after then
  local at, last = tonumber(seq), write.after
  local gone = last.id ~= '' and at - last.at < write.most
    and tonumber(redis.call('ZSCORE', KEYS[2], last.id) or '-1') ~= last.at
  if at < last.seen or gone then return {'back', seq} end
end
if write.token ~= '' and token ~= write.token then return {'fenced', token} end

for _, id in ipairs(write.ids) do
  local done = redis.call('ZSCORE', KEYS[2], id)
  if done then
    if write.ack ~= null then redis.call('XACK', KEYS[5], write.ack.group, write.ack.entry) end
    return {'known', tostring(done)}
  end
end

if write.expected_seq ~= null and write.expected_seq ~= tonumber(seq) then return {'stale', seq} end
-- Steps of its own are no news to a lease's holder: `last` is the newest of them, `since` the ledger's number when
-- somebody else wrote last before that.
local since = lease[2] == seq and lease[3] or seq
local seen = write.seen_seq
if seen ~= null and (seen > tonumber(seq) or seen < tonumber(since)) then return {'stale', seq} end
if write.behind ~= '' and tonumber(redis.call('ZSCORE', KEYS[2], write.behind) or '-1') <= (seen ~= null and seen or 0) then
  return {'stale', seq}
end

-- Every account that the step looks at or changes is read at once and written at once: a call for each costs more than
-- all the rest. Micro-units are exact in Lua's numbers up to 2^53.
local names, place = {}, {}
local function look(account)
  if not place[account] then
    names[#names + 1] = account
    place[account] = #names
  end
end
for _, posting in ipairs(write.postings) do look(posting[1]) end
for _, guard in ipairs(write.guards) do look(guard[1]) end
for _, tally in ipairs(write.tallies) do look(tally.period) look(tally.count) end
for _, pair in ipairs(write.peaks) do look(pair[1]) look(pair[2]) end
local standing = #names > 0 and redis.call('HMGET', KEYS[1], unpack(names)) or {}
local function stands(account) return tonumber(standing[place[account]] or '0') end

local change = {}
local function post(account, delta) change[account] = (change[account] or 0) + delta end
for _, posting in ipairs(write.postings) do post(posting[1], posting[2]) end
for _, tally in ipairs(write.tallies) do
  local passed = math.max(0, tally.number - stands(tally.period))
  post(tally.period, passed)
  post(tally.count, passed > 0 and 1 - stands(tally.count) or 1)
end
local function becomes(account) return stands(account) + (change[account] or 0) end

for _, guard in ipairs(write.guards) do
  local value = becomes(guard[1])
  if guard[2] ~= null and value < guard[2] then
    return {'refused', guard[1], string.format('%.0f', value), string.format('%.0f', guard[2])}
  end
  if guard[3] ~= null and value > guard[3] then
    return {'refused', guard[1], string.format('%.0f', value), string.format('%.0f', guard[3])}
  end
end

for _, pair in ipairs(write.peaks) do
  local risen = becomes(pair[1]) - becomes(pair[2])
  if risen > 0 then post(pair[2], risen) end
end
local kept, gone = {}, {}
for _, account in ipairs(names) do
  local delta, value = change[account], becomes(account)
  if delta and value == 0 then
    gone[#gone + 1] = account
  elseif delta and delta ~= 0 then
    kept[#kept + 1] = account
    kept[#kept + 1] = string.format('%.0f', value)
  end
end
if #kept > 0 then redis.call('HSET', KEYS[1], unpack(kept)) end
if #gone > 0 then redis.call('HDEL', KEYS[1], unpack(gone)) end
for _, record in ipairs(write.records) do
  local key = KEYS[record[1]]
  if record[3] then redis.call('HSET', key, record[2], ARGV[record[3]]) else redis.call('HDEL', key, record[2]) end
end
-- The step that ends a lot takes its record away: what is over costs nobody who looks at what is held. (Shares alone do
-- not say that: a sell under way has set them aside.)
for _, account in ipairs(gone) do
  local lot = string.match(account, '^cost:(.+)$')
  if lot and redis.call('HEXISTS', KEYS[1], 'shares:' .. lot) == 0 then redis.call('HDEL', KEYS[6], lot) end
end
seq = string.format('%.0f', redis.call('INCR', KEYS[3]))
if token then redis.call('HSET', KEYS[4], 'last', seq, 'since', since) end
redis.call('ZADD', KEYS[2], seq, write.ids[1])
redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -(write.most + 1))
for _, event in ipairs(write.events) do
  redis.call('XADD', KEYS[event[1]], '*', 'event', event[2], 'json', ARGV[event[3]])
end
if write.ack ~= null then redis.call('XACK', KEYS[5], write.ack.group, write.ack.entry) end
return {'written', seq}
