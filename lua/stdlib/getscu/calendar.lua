--- calendar: days of the Gregorian calendar, before its time too.

local calendar = {}

local LENGTHS = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }
local ERA = 146097 -- days of 400 years
local EPOCH = 719468 -- days from 0000-03-01 to 1970-01-01

local function is_leap(year)
    return year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
end

--- How many days a month has.
function calendar.length(year, month)
    return month == 2 and is_leap(year) and 29 or LENGTHS[month]
end

-- Years are counted from March, so that a leap day is the last one of its year. Then the months
-- have 153 days in five of them, again and again.

--- Days from 1970-01-01 to a date.
function calendar.to_days(year, month, day)
    if month <= 2 then year = year - 1 end
    local of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return 365 * year + year // 4 - year // 100 + year // 400 + of_year - EPOCH
end

--- The date so many days after 1970-01-01.
-- @return year, month, day
function calendar.from_days(days)
    days = days + EPOCH
    local of_era = days % ERA
    local year = (of_era - of_era // 1460 + of_era // 36524 - of_era // (ERA - 1)) // 365
    local of_year = of_era - (365 * year + year // 4 - year // 100)
    local month = (5 * of_year + 2) // 153
    local day = of_year - (153 * month + 2) // 5 + 1
    month = month < 10 and month + 3 or month - 9
    return days // ERA * 400 + year + (month <= 2 and 1 or 0), month, day
end

return calendar
