--- dates: dates, times and ages as DICOM writes them (VRs DA, TM, DT and AS, PS3.5 section 6.2).
--
--     dates.decode("DA", "20240131")                      --> { year = 2024, month = 1, day = 31 }
--     dates.encode("DA", os.time())                       --> "20240131"
--     dates.range("DA", { year = 2024, month = 1, day = 1 }, nil)   --> "20240101-"
--     dates.add_days("20240131", 30)                      --> "20240301"
--
-- A table has the fields of os.date "*t" as far as they are known (year, month, day, hour, min,
-- sec), `microsecond`, and of DT `offset`, the minutes from UTC. The calendar is the Gregorian one.
-- What cannot be read is nil and an error.

local calendar = require "getscu.calendar"
local errors = require "getscu.errors"

local dates = {}

local FIELDS = { "year", "month", "day", "hour", "min", "sec", "microsecond" }
local LEAST = { year = 0, month = 1, day = 1, hour = 0, min = 0, sec = 0, microsecond = 0 }
local MOST = { year = 9999, month = 12, day = 31, hour = 23, min = 59, sec = 60,
    microsecond = 999999 }
local OFFSET_LEAST, OFFSET_MOST = -12 * 60, 14 * 60 -- minutes, PS3.5 table 6.2-1
local SHOWN = 32 -- bytes of a text, in messages

-- Where the fields of each VR begin and end in FIELDS, and which must be there.
local PARTS = {
    DA = { first = 1, last = 3, needed = 3 },
    TM = { first = 4, last = 7, needed = 4 },
    DT = { first = 1, last = 7, needed = 1 },
}

local function bad(text, what)
    local shown = type(text) == "string" and ("'%s'"):format(text:sub(1, SHOWN):gsub("%c", "?"))
        or ("a %s"):format(type(text))
    return nil, errors.new { code = "bad-value", message = ("%s is no %s"):format(shown, what) }
end

local NAMES = { DA = "date", TM = "time", DT = "date and time", AS = "age" }

local function parts_of(vr)
    return PARTS[vr] or error(("'%s' is no VR of dates; there are DA, TM and DT"):format(
        tostring(vr)), 3)
end

-- Whether the fields that a VR has can be, from the first on without gaps.
local function is_possible(value, parts)
    local ended = false
    for i = parts.first, parts.last do
        local name = FIELDS[i]
        local number = value[name]
        if number == nil then
            if i <= parts.needed then return false end
            ended = true
        elseif ended or math.type(number) ~= "integer" or number < LEAST[name]
            or number > MOST[name] then
            return false
        end
    end
    if value.day and parts.first == 1 and value.day > calendar.length(value.year, value.month) then
        return false
    end
    local offset = parts == PARTS.DT and value.offset
    return not offset or math.type(offset) == "integer" and offset >= OFFSET_LEAST
        and offset <= OFFSET_MOST
end

-- ---- reading ----

-- The fields of digits, two for each but for the year.
local function read_digits(digits, at)
    local value = {}
    while digits ~= "" do
        local length = FIELDS[at] == "year" and 4 or 2
        if #digits < length or at > 6 then return nil end
        value[FIELDS[at]] = math.tointeger(digits:sub(1, length))
        digits, at = digits:sub(length + 1), at + 1
    end
    return value
end

-- As the standard's predecessor wrote them: 1994.01.31, 12:30:59.
local function without_separators(vr, text)
    if vr == "DA" then return (text:gsub("^(%d%d%d%d)%.(%d%d)%.(%d%d)$", "%1%2%3")) end
    if vr == "TM" then return (text:gsub("^(%d%d):(%d%d)", "%1%2"):gsub("^(%d%d%d%d):(%d%d)",
        "%1%2")) end
    return text
end

local function read(vr, text, parts)
    local digits, rest = text:match "^(%d+)(.*)$"
    local value = digits and read_digits(digits, parts.first)
    if not value then return nil end
    local fraction, behind = rest:match "^%.(%d%d?%d?%d?%d?%d?)(.*)$"
    if fraction then
        value.microsecond = math.tointeger(fraction .. ("0"):rep(6 - #fraction))
        rest = behind
    end
    local sign, hours, minutes = rest:match "^([+-])(%d%d)([0-5]%d)$"
    if sign and vr == "DT" then
        value.offset = (hours * 60 + minutes) * (sign == "-" and -1 or 1)
        rest = ""
    end
    return rest == "" and is_possible(value, parts) and value or nil
end

local UNITS = { D = 1, W = 7, M = 365.25 / 12, Y = 365.25 }

local function read_age(text)
    local number, unit = text:match "^(%d%d%d)([DWMY])$"
    if not number then return bad(text, "age") end
    return { number = math.tointeger(number), unit = unit,
        days = math.floor(number * UNITS[unit]) }
end

--- The fields of a text.
-- @param vr "DA", "TM" or "DT"; "AS" gives {number=, unit="D"|"W"|"M"|"Y", days=}
-- @param text one value; spaces around it do not count
-- @return table | nil, err
function dates.decode(vr, text)
    local parts = vr ~= "AS" and parts_of(vr)
    if type(text) ~= "string" then return bad(text, NAMES[vr]) end
    local trimmed = text:match "^%s*(.-)[%s%z]*$"
    if vr == "AS" then return read_age(trimmed) end
    local value = read(vr, without_separators(vr, trimmed), parts)
    if not value then return bad(text, NAMES[vr]) end
    return value
end

--- Whether a text is a value of a VR.
function dates.is_valid(vr, text)
    return dates.decode(vr, text) ~= nil
end

-- ---- writing ----

local function write_offset(offset)
    if not offset then return "" end
    local minutes = math.abs(offset)
    return ("%s%02d%02d"):format(offset < 0 and "-" or "+", minutes // 60, minutes % 60)
end

--- The text of a table of fields, or of seconds since 1970 in local time (os.time).
-- @param vr "DA", "TM" or "DT"
-- @param value table, number, or a text, which is checked only
-- @return string | nil, err
function dates.encode(vr, value)
    local parts = parts_of(vr)
    if type(value) == "string" then
        local read_back, err = dates.decode(vr, value)
        return read_back and value, err
    end
    if type(value) == "number" then value = os.date("*t", value // 1) end
    if type(value) ~= "table" or not is_possible(value, parts) then return bad(value, NAMES[vr]) end
    local text = ""
    for i = parts.first, parts.last do
        local number = value[FIELDS[i]]
        if not number then break end
        text = text .. (i == 1 and "%04d" or i == 7 and ".%06d" or "%02d"):format(number)
    end
    return text .. (vr == "DT" and write_offset(value.offset) or "")
end

-- ---- ranges (PS3.4 C.2.2.2.5) ----

--- The text that asks for a range.
-- @param from, to as `value` of encode(), both of them included; nil: open on that side
-- @return string | nil, err
function dates.range(vr, from, to)
    local first, last, err = "", "", nil
    if from == nil and to == nil then error("a range has at least one end", 2) end
    if from ~= nil then first, err = dates.encode(vr, from) end
    if to ~= nil and first then last, err = dates.encode(vr, to) end
    if not first or not last then return nil, err end
    return first .. "-" .. last
end

-- An end of a range: true and nil where it is open, false where it is none.
local function read_end(vr, text)
    if text == "" then return true, nil end
    local value = dates.decode(vr, text)
    return value ~= nil, value
end

--- The ends of a range; a single value is both.
-- @return {from=, to=}: tables of fields, nil where open | nil, err
function dates.decode_range(vr, text)
    parts_of(vr)
    local single = dates.decode(vr, text)
    if single then return { from = single, to = single } end
    local at = type(text) == "string" and #text > 1 and text:find("-", 1, true)
    while at do -- of DT an offset may have a '-', too
        local has_from, from = read_end(vr, text:sub(1, at - 1))
        local has_to, to = read_end(vr, text:sub(at + 1))
        if has_from and has_to then return { from = from, to = to } end
        at = text:find("-", at + 1, true)
    end
    return bad(text, "range of " .. NAMES[vr])
end

-- ---- arithmetic ----

-- A table of fields, at least to the day where one can be guessed: what is not known is the first.
local function to_fields(value)
    if type(value) == "table" then
        if is_possible(value, PARTS.DT) then return value end
        return bad(value, NAMES.DT)
    end
    if type(value) == "number" then return os.date("*t", value // 1) end
    local fields = dates.decode("DT", value)
    if fields then return fields end
    return dates.decode("DA", value)
end

--- Seconds since 1970 of a date (with time), as os.time has them: in local time, but where it has
-- an offset from UTC.
-- @param value table of fields, or text of DA or DT
-- @return integer | nil, err
function dates.time(value)
    local fields, err = to_fields(value)
    if not fields then return nil, err end
    local full = { year = fields.year, month = fields.month or 1, day = fields.day or 1,
        hour = fields.hour or 0, min = fields.min or 0, sec = fields.sec or 0 }
    if not fields.offset then return os.time(full) end
    return ((calendar.to_days(full.year, full.month, full.day) * 24 + full.hour) * 60 + full.min
        - fields.offset) * 60 + full.sec
end

--- A date so many days later; what stands behind the date stays.
-- @param text of DA or DT; where it has no day, or no month, the result has none either
-- @param days integer, may be negative
-- @return string | nil, err: also where the year is no longer one of four digits
function dates.add_days(text, days)
    local fields, err = to_fields(text)
    if not fields then return nil, err end
    local plain = without_separators("DA", text:match "^%s*(.-)[%s%z]*$")
    local before = calendar.to_days(fields.year, fields.month or 1, fields.day or 1)
    local year, month, day = calendar.from_days(before + days)
    if year < 0 or year > MOST.year then
        return bad(text, ("date to which %d days can be added"):format(days))
    end
    local length = fields.day and 8 or fields.month and 6 or 4
    return ("%04d%02d%02d"):format(year, month, day):sub(1, length) .. plain:sub(length + 1)
end

--- How many days one date is after another; times of day do not count.
-- @param from, to tables of fields, or texts of DA or DT
-- @return integer | nil, err
function dates.days_between(from, to)
    local first, err = to_fields(from)
    if not first then return nil, err end
    local last
    last, err = to_fields(to)
    if not last then return nil, err end
    return calendar.to_days(last.year, last.month or 1, last.day or 1)
        - calendar.to_days(first.year, first.month or 1, first.day or 1)
end

--- How old somebody is on a day, as text of AS: years from two on, else months, weeks or days.
-- @param birth, on tables of fields, or texts of DA or DT
-- @return string | nil, err
function dates.age(birth, on)
    local days, err = dates.days_between(birth, on)
    if not days then return nil, err end
    local first, last = to_fields(birth), to_fields(on)
    local months = (last.year - first.year) * 12 + (last.month or 1) - (first.month or 1)
        - ((last.day or 1) < (first.day or 1) and 1 or 0)
    if days < 0 or months >= 12000 then return bad(on, "day of somebody's life") end
    if months >= 24 then return ("%03dY"):format(months // 12) end
    if months >= 3 then return ("%03dM"):format(months) end
    return days >= 28 and ("%03dW"):format(days // 7) or ("%03dD"):format(days)
end

return dates
