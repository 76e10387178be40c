-- Counts requests against token buckets, as MemoryLimiter does, by the clock of this server.
--
-- For each key there are five numbers: the nanoseconds from one request to the next, those until an
-- empty bucket is full, and those that a request may wait; how many requests there are, 1 or 0; and
-- how many more the caller would like to give away by itself. It gets them from the upper half of
-- the bucket only, so that nobody has any of a client that is close to its limit.
--
-- The answer has three numbers for each key: whether the request may pass, the nanoseconds until
-- the bucket is full, and how many more there are for the caller.
--
-- A bucket is two numbers, since neither may have more than the 53 bits of a number in Lua: when it
-- was looked at (microseconds), and how long it took from then on until it was full (nanoseconds).

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local answers = {}

for number, key in ipairs(KEYS) do
  local at = 5 * (number - 1)
  local interval, capacity = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local longest, requests = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  local wanted = tonumber(ARGV[at + 5])

  local debt = 0
  local since, owed = string.match(redis.call('GET', key) or '', '^(%d+) (%d+)$')
  -- Numbers that are longer are nobody's bucket, and no answer could hold them.
  if since and #since <= 18 and #owed <= 18 then
    -- After a failover, this clock may be behind the one that wrote: then no time has passed.
    debt = math.max(0, owed - math.max(0, now - since) * 1000)
  end

  local allowed = debt + requests * interval - capacity <= longest
  local more = 0
  if allowed then
    debt = debt + requests * interval
    more = math.max(0, math.min(wanted, math.floor((capacity / 2 - debt) / interval)))
    debt = debt + more * interval
    if debt > 0 then
      local until_full = string.format('%.0f', math.ceil(debt / 1000000) + 1)
      redis.call('SET', key, string.format('%.0f %.0f', now, debt), 'PX', until_full)
    end
  end
  answers[#answers + 1] = allowed and 1 or 0
  answers[#answers + 1] = debt
  answers[#answers + 1] = more
end

return answers
