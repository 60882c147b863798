/** Time is Redis's own, in milliseconds, so that the gateways' clocks need not agree. */
const now = `local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
`;

/** KEYS: the bucket. ARGV: per second, burst, debt, want. A debt is booked whatever the level; a wish only as far as it reaches. */
export const bucketScript = `${now}
local rate, burst, debt, want = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local kept = redis.call('HMGET', KEYS[1], 'level', 'at')
local level, at = tonumber(kept[1]) or burst, tonumber(kept[2]) or now
level = math.min(burst, level + math.max(0, now - at) / 1000 * rate) - debt
local granted = math.max(0, math.min(want, level))
level = level - granted
redis.call('HSET', KEYS[1], 'level', tostring(level), 'at', tostring(now))
local full = 60000
if rate > 0 then full = math.min(172800000, math.ceil((burst - level) / rate * 1000) + 60000) end
redis.call('PEXPIRE', KEYS[1], full)
return { tostring(granted), tostring(level) }`;

/** KEYS: the slots. ARGV: gateway, limit, in use, want, milliseconds until the booking lapses. */
export const slotsScript = `${now}
local limit, used, want = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local others = 0
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local held, untilMs = string.match(all[i + 1], '^(%d+):(%d+)$')
  if held == nil or tonumber(untilMs) < now then
    redis.call('HDEL', KEYS[1], all[i])
  elseif all[i] ~= ARGV[1] then
    others = others + tonumber(held)
  end
end
local held = math.max(used, math.min(used + want, limit - others))
if held > 0 then
  redis.call('HSET', KEYS[1], ARGV[1], string.format('%d:%d', held, now + tonumber(ARGV[5])))
  redis.call('PEXPIRE', KEYS[1], tonumber(ARGV[5]))
else
  redis.call('HDEL', KEYS[1], ARGV[1])
end
return { tostring(held), tostring(others) }`;

/** KEYS: the roll of gateways. ARGV: gateway, milliseconds until it is struck off. Gives how many there are. */
export const rollScript = `${now}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), ARGV[1])
redis.call('PEXPIRE', KEYS[1], tonumber(ARGV[2]))
return redis.call('ZCARD', KEYS[1])`;
