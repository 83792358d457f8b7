-- Takes one from the bucket KEYS[1] by the generic cell rate algorithm: the key holds the time at which the bucket is
-- full again. ARGV: microseconds from one to the next, how many a full bucket holds.
-- Answers {1, microseconds until full} if one was taken, else {0, microseconds until there is one}.
local interval = tonumber(ARGV[1])
local burst = tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local full = tonumber(redis.call('GET', KEYS[1]) or now)
-- Not beyond a whole window: the clock may have gone back, or the limit may have been raised.
full = math.max(now, math.min(full, now + interval * burst))
local earliest = full - interval * (burst - 1)
if earliest > now then
  return {0, earliest - now}
end
full = full + interval
redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000) + 1000)
return {1, full - now}
