"""The numbers appended from each source, as intervals: the Lua that the scripts of a log share.

They are in the sorted set ``{s}:seen:<source>`` (member: first number, score: last number). A
script's first key is the log, those behind it are such sets.
"""

from __future__ import annotations

INTERVALS = """
-- Numbers are exact here (doubles) up to 2^53, which no source_seq exceeds.
local function text(number) return string.format('%.0f', number) end

local ranges = {}  -- for each key, the range last looked up: all of it was seen, or none
local fresh = {}   -- for each key, the numbers that this batch adds, in order and as a set

-- Whether the number was appended before, by the sorted set.
local function was_seen(key, number)
    local range = ranges[key]
    if not range or number < range.first or number > range.last then
        local next = redis.call('ZRANGEBYSCORE', key, text(number), '+inf', 'WITHSCORES',
                                'LIMIT', 0, 1)
        local first, last = tonumber(next[1]), tonumber(next[2])
        if not first then range = {first = number, last = math.huge, seen = false}
        elseif first <= number then range = {first = first, last = last, seen = true}
        else range = {first = number, last = first - 1, seen = false} end
        ranges[key] = range
    end
    return range.seen
end

-- Notes the number if it is new. Writes nothing. Returns false if it was seen in this batch,
-- nil if it was seen before.
local function note_new(key, number)
    local mine = fresh[key]
    if not mine then
        mine = {numbers = {}, set = {}}
        fresh[key] = mine
    end
    if mine.set[number] then return false end
    if was_seen(key, number) then return nil end
    mine.set[number] = true
    mine.numbers[#mine.numbers + 1] = number
    return true
end

-- Adds first..last, of which nothing was seen, and joins it to its neighbours.
local function add_interval(key, first, last)
    local before = redis.call('ZRANGEBYSCORE', key, text(first - 1), text(first - 1))[1]
    local after = redis.call('ZSCORE', key, text(last + 1))
    if after then redis.call('ZREM', key, text(last + 1)) end
    redis.call('ZADD', key, after or text(last), before or text(first))
end

local function write_intervals()
    for i = 2, #KEYS do
        local mine = fresh[KEYS[i]]
        if mine and #mine.numbers > 0 then
            table.sort(mine.numbers)
            local first, last = mine.numbers[1], mine.numbers[1]
            for j = 2, #mine.numbers do
                local number = mine.numbers[j]
                if number ~= last + 1 then
                    add_interval(KEYS[i], first, last)
                    first = number
                end
                last = number
            end
            add_interval(KEYS[i], first, last)
        end
    end
end
"""
